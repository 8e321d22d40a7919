"""Which module a node belongs to, read off the dotted labels of the parameters that it is made with.

`layers.0.neurons.2.weights.1` is a weight of the module `layers.0.neurons.2`, which lies in `layers.0`. A weighted sum
and its activation carry no label, but they are a neuron's if the neuron's parameters, and data, went into them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from micrograd_plus import operation
from micrograd_plus.value import Value

__all__ = ["ancestors", "module_of", "owners"]

LONGEST = 200
"""A longer label is a text and no name."""

_ATTRIBUTE = re.compile(r"(?P<path>.*?)\.?(?P<name>[^\W\d]\w*)(?P<indices>(?:\.\d+)*)", re.DOTALL)


def module_of(label: str) -> str:
    """Returns the module's part of a parameter's label, "" if it has none. A matrix counts as a module of its own.

    >>> module_of("layers.0.neurons.2.weights.1"), module_of("block.query.3.5"), module_of("w")
    ('layers.0.neurons.2', 'block.query', '')
    """
    found = _ATTRIBUTE.fullmatch(label) if len(label) <= LONGEST else None
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


def owners(order: Sequence[Value], labels: Mapping[Value, str]) -> dict[Value, str]:
    """Returns the innermost module of each node of a topological order that has one.

    `labels` are the parameters' dotted names. A node belongs to a module if a parameter of it met data there; so does
    the sum of such nodes, one activation on top of it, and the dropout of that. What a loss makes of a network's
    outputs belongs to nobody.
    """
    found = {node: module_of(labels.get(node, "")) for node in order if node.op is operation.PARAMETER}
    found = {node: module for node, module in found.items() if module}
    if not found:
        return {}
    uses = Counter(child for node in order for child in node.children)
    activated: set[Value] = set()
    for node in order:
        if not node.children:
            continue
        flows = [child for child in node.children if child.op is not operation.PARAMETER and not _neutral(child)]
        direct = {found.get(child, "") for child in node.children if child.op is operation.PARAMETER}
        inside = direct or {found.get(child, "") for child in flows}
        if not flows or len(inside) != 1 or inside == {""}:
            continue  # made of parameters alone, of several modules, or of none
        if not direct and len(flows) == 1:
            dropout = any(isinstance(child.op, operation.Bernoulli) for child in node.children)
            activation = len(node.children) == 1 and flows[0] not in activated
            if uses[flows[0]] > 1 or not (activation or dropout):
                continue
            activated.add(node)
        elif not direct and any(flow in activated or uses[flow] > 1 for flow in flows):
            continue
        found[node] = inside.pop()
    for node, module in list(found.items()):  # a constant or a random leaf that is used once belongs where it is used
        found.update((child, module) for child in node.children if _neutral(child) and uses[child] == 1)
    return found


def _neutral(node: Value) -> bool:
    return node.op is operation.CONSTANT or isinstance(node.op, operation.Bernoulli)
