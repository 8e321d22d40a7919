"""The step player: a web page that goes through forward and backward one number at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from micrograd_plus.operation import Op
from micrograd_plus.value import Value
from micrograd_plus.viz import palette
from micrograd_plus.viz.graph import Graph
from micrograd_plus.viz.player.lean import lean
from micrograd_plus.viz.player.page import Page
from micrograd_plus.viz.player.steps import Step, StepLog
from micrograd_plus.viz.svg import written
from micrograd_plus.words import derivative, local, number, places

if TYPE_CHECKING:
    from micrograd_plus.nn import Optimizer

__all__ = ["StepPlayer"]

LIMIT = 1000
"""Nodes that a page plays at most: with more, the layout takes long, the page is heavy, and nobody steps through."""


class StepPlayer(Page):
    """A page that plays one forward and one backward pass over the graph below `root`, one value or one `+=` a step.

    `save("x.html")` writes it, a notebook shows it in place. The graph is left as it is: its gradients are computed
    beside it, from zero. With an `optimizer` a third part shows how its rule would move each parameter in the graph.
    `title` heads the page; further options are those of the drawing (`Graph`), such as `direction`.

    Raises ValueError for a leaf, which has nothing to play, and for more than 1,000 nodes; TypeError for what is not a
    Value.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> (a * b).tanh().steps()
    <StepPlayer: 4 nodes, 6 steps>
    """

    files = ("steps.css", "steps.js")

    def __init__(
        self, root: Value, *, optimizer: Optimizer | None = None, title: str = "", **drawing: Any
    ) -> None:  # fmt: skip
        if not isinstance(root, Value):
            raise TypeError(f"a step player needs a Value, but got {type(root).__name__}: {root!r}")
        self.log = StepLog(root, optimizer=optimizer, limit=LIMIT)
        self._optimizer = type(optimizer).__name__
        self._options = drawing
        name = self.log.names[root]
        self.title = title or f"{name}, step by step"

    def __repr__(self) -> str:
        return f"<StepPlayer: {len(self.log.order)} nodes, {len(self.log.steps) - 1} steps>"

    @cached_property
    def drawing(self) -> str:
        """The drawing as an SVG. Raises LayoutError where no layout engine is installed."""
        graph = Graph(self.log.order[-1], collapse="none", limit=LIMIT, **self._options)
        return written(lean(graph.layout().tree)).rstrip()

    def body(self) -> str:
        """Returns the drawing, the place for a step's words, and the list of all steps."""
        return _BODY.format(svg=self.drawing)

    def help(self) -> str:
        """Returns what the colours and signs mean."""
        return _HELP

    def data(self) -> Mapping[str, Any]:
        """Returns the log as the page reads it: nodes, rows of the table, steps, and where each part begins."""
        log = self.log
        rules = list(dict.fromkeys(node.op for node in log.order if node.children))
        return {
            "nodes": [self._node(node, rules) for node in log.order],
            "rules": [{"name": op.label, "value": op.value, "partials": op.partials} for op in rules],
            "steps": _Steps(log).as_data(),
            "parts": self._parts(),
            "optimizer": self._optimizer,
        }

    def _parts(self) -> list[dict[str, Any]]:
        """Where each part begins, and its share of the time line."""
        begins = {"Forward": 0, "Backward": self.log.backward, "Update": self.log.update}
        ends = [*begins.values(), len(self.log.steps)][1:]
        return [
            {"name": name, "at": begin, "share": end - begin}
            for (name, begin), end in zip(begins.items(), ends)
            if end > begin
        ]

    def _node(self, node: Value, rules: Sequence[Op]) -> dict[str, Any]:
        name = self.log.names[node]
        found: dict[str, Any] = {"name": name, "value": number(node.data)}
        if derivative(name, name).startswith("d("):
            found["long"] = True
        if node.children:
            found |= {"rule": rules.index(node.op), "children": [self.log.place[child] for child in node.children]}
        return found


class _Steps:
    """The steps of a log as the page reads them: numbers as they are printed, and what the drawing needs.

    What the page can tell from the steps before (a gradient so far) it is not told again.
    """

    def __init__(self, log: StepLog) -> None:
        self.log = log
        self.largest = max(abs(grad) for grad in log.grads)
        self.uses = Counter(child for node in log.order for child in node.children)

    def as_data(self) -> list[dict[str, Any]]:
        return [{"kind": step.kind, "node": step.node, **getattr(self, step.kind)(step)} for step in self.log.steps]

    def start(self, step: Step) -> dict[str, Any]:
        return {}

    def forward(self, step: Step) -> dict[str, Any]:
        return {"words": step.words, "after": number(step.after)}

    def seed(self, step: Step) -> dict[str, Any]:
        return {"after": number(step.after), "tint": self.tint(step.after)}

    def backward(self, step: Step) -> dict[str, Any]:
        product, partial = step.partial * step.upstream, number(step.partial)
        node, child = self.log.order[step.node], self.log.order[step.child]
        slope = local(node, child, self.log.order[-1], self.uses, self.log.names.__getitem__)
        return ({"share": True} if slope.startswith("∂") else {}) | {
            "operand": step.operand, "variable": places(node)[step.operand][0],
            "words": [each for each in dict.fromkeys(step.words) if each != partial], "partial": partial,
            "product": number(product), "productTint": self.tint(product),
            "after": number(step.after), "tint": self.tint(step.after),
        }  # fmt: skip

    def update(self, step: Step) -> dict[str, Any]:
        return {"words": step.words, "before": number(step.before), "after": number(step.after)}

    def tint(self, grad: float) -> int:
        return palette.tint(grad, self.largest)


_BODY = """<figure id="picture">
<div id="canvas" tabindex="0" role="group" aria-label="The computation graph">{svg}</div>
<div class="zoom" role="group" aria-label="Size of the drawing">
<button type="button" id="smaller" aria-label="Smaller">−</button>
<button type="button" id="fit" aria-label="Fit all of it">Fit</button>
<button type="button" id="larger" aria-label="Larger">+</button>
</div>
</figure>
<section id="worked" tabindex="0" aria-label="This step"></section>
<details id="all"><summary>All steps as a list</summary><ol start="0"></ol></details>"""

_HELP = """<p>Going forward, each step fills in one value. Going backward, each step is one <b>+=</b>: the gradient of a
result, times the local derivative along the lit edge, is added to the gradient of the operand. Constants have none.</p>
<p>A dot · stands for a number that is not there yet. Blue is a gradient above zero, orange one below; the stronger, the
larger. Where a node is used more than once, ∂ marks the share of one use. Steps have addresses: add <kbd>#12</kbd> to
open the page at step 12.</p>"""
