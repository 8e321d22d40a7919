"""The step player: a web page that goes through forward and backward one number at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus.nn.owners import ancestors
from micrograd_plus.operation import Op
from micrograd_plus.value import Value
from micrograd_plus.viz import palette
from micrograd_plus.viz.graph import Graph
from micrograd_plus.viz.player.lean import lean
from micrograd_plus.viz.player.page import Page
from micrograd_plus.viz.player.steps import LIMIT, Step, StepLog
from micrograd_plus.viz.svg import spans, written
from micrograd_plus.words import derivative, local, number, places

if TYPE_CHECKING:
    from micrograd_plus.nn import Optimizer

__all__ = ["StepPlayer"]

WAYS, STRETCHES = 6, 12  # of a gradient with more ways, or longer ones, only the last stretches are listed


class StepPlayer(Page):
    """A page that plays one forward and one backward pass over the graph below `root`, one value or one `+=` a step.

    The graph is left as it is: its gradients are computed beside it, from zero. With an `optimizer` a third part shows
    how its rule would move each parameter in the graph. `title` heads the page; further options are those of `Graph`.

    Raises ValueError for a leaf and for more than 1,000 nodes, TypeError for what is not a Value.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> (a * b).tanh().steps()
    <StepPlayer: 4 nodes, 6 steps>
    """

    name = "steps"

    def __init__(self, root: Value, *, optimizer: Optimizer | None = None, title: str = "", **drawing: Any) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"a step player needs a Value, but got {type(root).__name__}: {root!r}")
        self._graph = Graph(root, collapse="none", limit=LIMIT, **drawing)
        self.log = StepLog(root, optimizer=optimizer, short=self._graph.short_names)
        self._optimizer = type(optimizer).__name__
        self.title = title or f"{self.log.names[root]}, step by step"

    def __repr__(self) -> str:
        return f"<StepPlayer: {len(self.log.order)} nodes, {len(self.log.steps) - 1} steps>"

    @cached_property
    def _drawing(self) -> tuple[str, Mapping[str, tuple[float, ...]]]:
        """The text of the drawing's SVG, and where in it each part stands."""
        tree = self._graph.layout()
        where = spans(tree)
        return written(lean(tree)).rstrip(), where

    def parts(self) -> Mapping[str, str]:
        """Returns the drawing, for its place in the body. Raises LayoutError without a layout engine."""
        return {"svg": self._drawing[0]}

    def data(self) -> Mapping[str, Any]:
        """Returns the log as the page reads it: nodes, rows of the table, steps, and where each part begins."""
        log = self.log
        rules = list(dict.fromkeys(node.op for node in log.order if node.children))
        largest = max(map(abs, log.grads))
        uses = Counter(child for node in log.order for child in node.children)
        begins = [("Forward", 0), ("Backward", log.backward), ("Update", log.update), ("", len(log.steps))]
        parts = [{"name": name, "at": at, "share": end - at} for (name, at), (_, end) in pairwise(begins) if end > at]
        return {
            "nodes": [self._node(node, rules) for node in log.order],
            "rules": [{"name": op.label, "value": op.value, "partials": op.partials} for op in rules],
            "steps": [self._step(step, largest, uses) for step in log.steps],
            "parts": parts,
            "grains": [{"name": name, "stops": stops} for name, stops in self._grains().items()],
            "paths": {
                place: [{"by": by, "product": number(product)} for by, product in ways]
                for place, ways in log.paths(WAYS, STRETCHES).items()
            },
            "optimizer": self._optimizer,
        }

    def _grains(self) -> dict[str, list[int]]:
        """Where one press of "next" stops, by what it plays: a single step, a neuron or an operation, a layer."""
        modules = self._graph.modules()
        paths = [ancestors(modules.get(node, "")) for node in self.log.order]
        grains: dict[str, list[int]] = {"one +=": []}  # every step
        depth = {"one neuron": -1, "one layer": -2} if modules else {"one operation": 0}
        for name, level in depth.items():
            units = []
            for step in self.log.steps:
                path = paths[step.node]
                unit = path[max(0, len(path) + level)] if path and level else step.node
                units.append((step.kind, unit if step.kind in ("forward", "backward") else step.node))
            ends = [i for i, (unit, then) in enumerate(pairwise(units)) if unit != then]
            grains[name] = sorted({0, *ends, len(units) - 1})
        return grains

    def _node(self, node: Value, rules: Sequence[Op]) -> dict[str, Any]:
        name, short = self.log.names[node], self.log.short[node]
        where = self._drawing[1][f"n{self.log.place[node]}"]
        found: dict[str, Any] = {"name": name, "value": number(node.data), "at": [round(each) for each in where]}
        if short != name:
            found["short"] = short
        if derivative(short, short).startswith("d("):
            found["long"] = True
        if node.children:
            found |= {"rule": rules.index(node.op), "children": [self.log.place[child] for child in node.children]}
        return found

    def _step(self, step: Step, largest: float, uses: Mapping[Value, int]) -> dict[str, Any]:
        """A step as the page reads it: numbers as they are printed; what the page can tell from before is left out."""
        found: dict[str, Any] = {"kind": step.kind, "node": step.node}
        if step.kind in ("forward", "update"):
            found["words"] = step.words
        if step.kind == "update":
            found["before"] = number(step.before)
        if step.kind == "backward":
            found |= self._addition(step, largest, uses)
        if step.kind in ("seed", "backward"):
            found["tint"] = palette.tint(step.after, largest)
        if step.kind != "start":
            found["after"] = number(step.after)
        return found

    def _addition(self, step: Step, largest: float, uses: Mapping[Value, int]) -> dict[str, Any]:
        product, partial = step.partial * step.upstream, number(step.partial)
        node, child = self.log.order[step.node], self.log.order[step.child]
        slope = local(node, child, self.log.order[-1], uses, self.log.short.__getitem__)
        found: dict[str, Any] = {
            "operand": step.operand, "variable": places(node)[step.operand][0],
            "words": [each for each in dict.fromkeys(step.words) if each != partial], "partial": partial,
        }  # fmt: skip
        if step.after != product:  # else the page knows it
            found |= {"product": number(product), "productTint": palette.tint(product, largest)}
        return found | ({"share": True} if slope.startswith("∂") else {})
