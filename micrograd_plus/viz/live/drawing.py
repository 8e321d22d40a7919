"""A model as nodes in columns and the edges between them, read from the graph of one pass.

A node is an input, or a number that a part of the model hands on: a neuron's output, a sum around a skip connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus.nn.owners import module_of, owners
from micrograd_plus.operation import Bernoulli
from micrograd_plus.value import Value, topological_order

__all__ = ["Drawing"]


class _Edge(NamedTuple):
    """What leads to a node: from another by a parameter (or none), or from none: a bias."""

    parameter: Value | None
    source: Value | None


class Drawing:
    """The nodes of a pass from `inputs` to `outputs`: `units` are those that are no inputs, in the order of the pass.

    >>> from micrograd_plus.nn import MLP
    >>> model, inputs = MLP(2, [3, 1]), [Value(1.0, "x1"), Value(2.0, "x2")]
    >>> drawing = Drawing(inputs, [model(inputs)], model.parameters()).described()
    >>> drawing["columns"], len(drawing["edges"]), drawing["nodes"][-1]["name"]
    ([[0, 1], [2, 3, 4], [5]], 9, 'layers.1.neurons.0')
    """

    def __init__(self, inputs: Sequence[Value], outputs: Sequence[Value], parameters: Sequence[Value]) -> None:
        self.inputs, self.outputs, self.parameters = list(inputs), list(outputs), list(parameters)
        self._learned, self._given = set(parameters), set(inputs)
        order = topological_order(*outputs)
        self._home = owners(order, {each: module_of(each.label) for each in parameters})
        results = {*outputs}
        for node in order:
            results.update(x for w, x in self._products(node) if w in self._learned and x not in self._learned)
            results.update(each for each in node.children if self._is_result(each, node))
        self.units = [node for node in order if node in results and (node.children or node in outputs)]
        self.units = [node for node in self.units if node not in self._given]
        self._nodes = {node: i for i, node in enumerate([*self.inputs, *self.units])}

    def _is_result(self, node: Value, consumer: Value) -> bool:
        """Whether a node is the last of its module; a product alone is a term of a sum that somebody wrote out."""
        home = self._home.get(node)
        is_term = node.op is ops.mul and any(w in self._learned for w, _ in self._products(node))
        return home is not None and home != self._home.get(consumer) and not is_term

    def _products(self, node: Value) -> Iterator[tuple[Value, Value]]:
        """What an operation multiplies, a parameter first where there is one."""
        pairs: list[tuple[Value, Value]] = []
        if node.op is ops.mul:
            pairs = [(node.children[0], node.children[1])]
        elif node.op in (ops.dot, ops.affine):
            xs, ys, *_ = node.op.groups(node.children)
            pairs = list(zip(xs, ys))
        return ((y, x) if y in self._learned else (x, y) for x, y in pairs)

    def _edges(self, unit: Value) -> list[_Edge]:
        """All that leads to a node, through what is no node itself."""
        found: list[_Edge] = []
        todo, seen = [unit], {unit}
        while todo:
            node = todo.pop()
            paired: set[Value] = set()
            for w, x in self._products(node):
                if w in self._learned:
                    paired.update((w, x))
                    if x in self._nodes:
                        found.append(_Edge(w, x))
            for child in node.children:
                if child in paired:
                    continue
                if child in self._learned:
                    found.append(_Edge(child, None))
                elif child in self._nodes:
                    found.append(_Edge(None, child))
                elif child not in seen:
                    seen.add(child)
                    todo.append(child)
        return found

    def described(self) -> dict[str, Any]:
        """Returns nodes, columns, edges and which nodes are the outputs; a parameter is its number, -1 is none."""
        number = {each: i for i, each in enumerate(self.parameters)}
        nodes: list[dict[str, Any]] = [
            {"name": each.label, "kind": "input", "column": 0, "bias": -1} for each in self.inputs
        ]
        edges: list[dict[str, int]] = []
        names = [self._home.get(unit) or unit.label or unit.op.label for unit in self.units]
        several, counted = Counter(names), Counter[str]()
        for to, unit in enumerate(self.units, len(nodes)):
            name = names[to - len(self.inputs)]
            if several[name] > 1:
                counted[name] += 1
                name = f"{name}.{counted[name] - 1}"
            node: dict[str, Any] = {
                "name": name,
                "kind": "output" if unit in self.outputs else "unit",
                "column": 1,
                "bias": -1,
            }
            for parameter, source in self._edges(unit):
                at = -1 if parameter is None else number[parameter]
                if source is None:
                    node["bias"] = at
                else:
                    origin = self._nodes[source]
                    node["column"] = max(node["column"], nodes[origin]["column"] + 1)
                    edges.append({"parameter": at, "from": origin, "to": to})
            nodes.append(node)
        last = max((each["column"] for each in nodes), default=0)
        columns = [[i for i, each in enumerate(nodes) if each["column"] == column] for column in range(last + 1)]
        return {
            "nodes": nodes,
            "columns": columns,
            "edges": edges,
            "outputs": [self._nodes[each] for each in self.outputs],
        }

    def dropped(self) -> dict[Value, int]:
        """Returns the node that each random leaf drops, where that is the node's own factor."""
        return {
            child: self._nodes[unit]
            for unit in self.units
            for child in unit.children
            if isinstance(child.op, Bernoulli)
        }
