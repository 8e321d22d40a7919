"""Which part of a model made a node, told by the parameters that went into it; and what dotted names say of parts.

A graph is asked afterwards, so that a Module need not note what it makes while it trains.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from micrograd_plus import operation
from micrograd_plus.value import Value

__all__ = ["ancestors", "module_of", "owners"]

Home = TypeVar("Home", bound=Hashable)

_LONGEST = 200
"""A longer label is a text and no name."""

_ATTRIBUTE = re.compile(r"(?P<path>.*?)\.?(?P<name>[^\W\d]\w*)(?P<indices>(?:\.\d+)*)", re.DOTALL)


def module_of(label: str) -> str:
    """Returns the module's part of a parameter's label, "" if it has none. A matrix counts as a module of its own.

    >>> module_of("layers.0.neurons.2.weights.1"), module_of("block.query.3.5"), module_of("w")
    ('layers.0.neurons.2', 'block.query', '')
    """
    found = _ATTRIBUTE.fullmatch(label) if len(label) <= _LONGEST else None
    if not found:
        return ""
    path, name, indices = found.group("path", "name", "indices")
    if indices.count(".") > 1:
        return f"{path}.{name}" if path else name
    return path


def ancestors(module: str) -> list[str]:
    """Returns the modules that hold this one, outermost first, itself last.

    >>> ancestors("mlp.layers.0.neurons.2")
    ['mlp', 'mlp.layers.0', 'mlp.layers.0.neurons.2']
    """
    found = []
    while module:
        found.append(module)
        parts = module.split(".")
        while len(parts) > 1 and parts[-1].isdigit():
            parts.pop()
        module = ".".join(parts[:-1])
    return found[::-1]


def owners(order: Sequence[Value], homes: Mapping[Value, Home]) -> dict[Value, Home]:
    """Returns the home of each node of a topological order, with or without leaves, that has one.

    `homes` tells where each parameter belongs: to a module, a unit, whatever is asked for; if it is not there, nowhere.
    A node is at home where a parameter met data; so is the sum of such nodes, one activation on top of it, and the
    dropout of that. What a loss makes of a model's outputs has no home.

    >>> from micrograd_plus import topological_order
    >>> from micrograd_plus.nn import Neuron
    >>> neuron = Neuron(2, "tanh")
    >>> order = topological_order((neuron([1.0, 2.0]) - 0.5) ** 2)
    >>> found = owners(order, dict.fromkeys(neuron.parameters(), "my neuron"))
    >>> [node.op.label for node in order if node.children and node in found]
    ['dot + b', 'tanh']
    """
    uses = Counter(chain.from_iterable(node.children for node in order))
    learned = {node for node in uses if node.op is operation.PARAMETER}
    neutral = {node for node in uses if node.op is operation.CONSTANT or isinstance(node.op, operation.Bernoulli)}
    found = {node: homes[node] for node in uses if node in learned and node in homes}
    activated: set[Value] = set()  # a module's last words: no second activation is its own
    for node in (each for each in order if each.children):
        parameters = learned.intersection(node.children)
        data = [child for child in node.children if child not in learned and child not in neutral]
        inside = {*map(found.get, parameters or data)}
        if not data or len(inside) != 1 or None in inside:
            continue  # made of parameters alone, in several homes, or in none
        if not parameters and not _goes_on(node, data, uses, activated):
            continue
        if not parameters and len(data) == 1:
            activated.add(node)
        home = found[node] = found[next(iter(parameters or data))]
        # a constant or a random leaf that is used once belongs where it is used
        found.update((child, home) for child in node.children if child in neutral and uses[child] == 1)
    return found


def _goes_on(node: Value, data: Sequence[Value], uses: Mapping[Value, int], activated: set[Value]) -> bool:
    """Whether a node without parameters is still a part of what made its operands: their sum, activation or dropout.

    An operand that somebody else uses too was a result already.
    """
    if any(uses[child] > 1 for child in data):
        return False
    if len(data) > 1:
        return activated.isdisjoint(data)
    is_activation = len(node.children) == 1 and data[0] not in activated
    return is_activation or any(isinstance(child.op, operation.Bernoulli) for child in node.children)
