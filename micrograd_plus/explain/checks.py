"""A live check of a graph: is the gradient of each node the slope that is measured by nudging it?

`gradcheck` runs a function anew; this looks at a graph as it stands, node by node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, ulp
from typing import NamedTuple

from micrograd_plus import operation
from micrograd_plus.calculus import dependents, grads
from micrograd_plus.checks import finite_number, whole_number
from micrograd_plus.report import Report, Table
from micrograd_plus.value import Value, topological_order
from micrograd_plus.words import derivative, names, number

__all__ = ["GraphCheck", "Verdict", "check_graph", "is_stale", "replay"]

NOISE = 16
"""A sum of rounded numbers is off by a few units in its last place; a slope is off by this many over the nudge."""


class Verdict(NamedTuple):
    """One node's gradient beside the slopes measured below and above it; None where the graph is not defined there.

    `verdict` is "right"; "wrong"; "kink", where the slopes on the two sides differ and the gradient lies between them;
    or "edge", where the graph is not defined on one side and the gradient fits what can be measured.
    """

    name: str
    gradient: float
    below: float | None
    above: float | None
    verdict: str


@dataclass(frozen=True)
class GraphCheck(Report):
    """What `check_graph` found, a row a node; true if no gradient is wrong."""

    output: str
    nodes: int
    verdicts: tuple[Verdict, ...]

    def __bool__(self) -> bool:
        return all(each.verdict != "wrong" for each in self.verdicts)

    def title(self) -> str:
        """Returns how many gradients were checked, and with what result."""
        kinds = [each.verdict for each in self.verdicts]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("right", *_MEANINGS) if kind in kinds)
        left_out = self.nodes - len(self.verdicts)
        unchecked = f"; {left_out} more nodes not checked (max_nodes)" if left_out else ""
        return f"Gradients of {self.output} by {len(self.verdicts)} nodes: {counts}{unchecked}"

    def parts(self) -> list[str | Table]:
        """Returns the table of nodes, and what a kink or an edge is where there is one."""
        headers = ("gradient", "by backward", "measured below", "measured above", "verdict")
        rows = [
            (derivative(self.output, name), number(gradient, 6), _slope(below), _slope(above), verdict)
            for name, gradient, below, above, verdict in self.verdicts
        ]
        kinds = {each.verdict for each in self.verdicts}
        meanings = [meaning for kind, meaning in _MEANINGS.items() if kind in kinds]
        return [Table(headers, tuple(rows), numeric=(1, 2, 3)), *meanings]


_MEANINGS = {
    "wrong": "Wrong: the gradient is not the slope. Look at the derivative of the row that made what uses this node.",
    "kink": "Kink: the slope below the node's value differs from the slope above it; backward takes one by convention.",
    "edge": "Edge: on one side of the node's value the graph is not defined.",
}


def _slope(slope: float | None) -> str:
    return "not defined" if slope is None else number(slope, 6)


def check_graph(
    root: Value, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, max_nodes: int = 500
) -> GraphCheck:
    """Returns a verdict on the gradient of `root` by each node of its graph that is not a constant.

    Each is compared with the slopes to a value `eps` below and above (times the node's size where that is over 1), and
    may be off by `atol + rtol * abs(slope)` and by rounding. Of a graph with more than `max_nodes` nodes the leaves
    come first, and what is left out is said. No `grad` is touched; the time grows with the square of the nodes. Raises
    TypeError if `root` is not a Value; ValueError if a leaf was changed since the forward pass, or a limit is out of
    range.

    >>> x = Value(0.0, "x")
    >>> print(check_graph(x.relu() + x * 2))
    Gradients of v3 by 4 nodes: 3 right, 1 kink
    <BLANKLINE>
    gradient  by backward  measured below  measured above  verdict
    --------  -----------  --------------  --------------  -------
    dv3/dx              2               2               3  kink
    dv3/dv1             1               1               1  right
    dv3/dv2             1               1               1  right
    dv3/dv3             1               1               1  right
    <BLANKLINE>
    Kink: the slope below the node's value differs from the slope above it; backward takes one by convention.
    """
    if not isinstance(root, Value):
        raise TypeError(f"check_graph needs a Value, but got {type(root).__name__}: {root!r}")
    for name, limit in (("eps", eps), ("atol", atol), ("rtol", rtol)):
        if finite_number(name, limit) <= 0:
            raise ValueError(f"{name} must be above 0, but got {limit}")
    order = topological_order(root)
    for node in filter(is_stale, order):
        raise ValueError(f"the numbers below {node!r} were changed since it was made; run the forward pass again")
    found, named = grads(root, order), names(order)
    checked = [node for node in order if node.op is not operation.CONSTANT]
    kept = set(sorted(checked, key=lambda node: bool(node.children))[: whole_number("max_nodes", max_nodes, least=1)])
    verdicts = []
    for place, node in enumerate(order):
        if node in kept:
            measured = _Measured(order[place:], eps, atol, rtol)
            verdict = measured.verdict(found[node])
            verdicts.append(Verdict(named[node], found[node], measured.below, measured.above, verdict))
    return GraphCheck(named[root], len(checked), tuple(verdicts))


class _Measured:
    """The slopes of the last node of `order` by its first one, below and above, and how far off they may be."""

    def __init__(self, order: Sequence[Value], eps: float, atol: float, rtol: float) -> None:
        self.node, self.output, self.atol, self.rtol = order[0], order[-1], atol, rtol
        depend = dependents(order, [self.node])
        self.cone = [node for node in order[1:] if node in depend]
        self.nudge = eps * max(1.0, abs(self.node.data))
        self.below, self.above = self.slopes(self.nudge)
        largest = max(abs(node.data) for node in (self.node, *self.cone))
        self.noise = NOISE * ulp(largest) / self.nudge if isfinite(largest) else 0.0

    def slopes(self, nudge: float) -> tuple[float | None, float | None]:
        x, before = self.node.data, self.output.data
        low, high = (replay(self.cone, {self.node: x + step}, self.output) for step in (-nudge, nudge))
        below = None if low is None else (before - low) / (x - (x - nudge))
        return below, None if high is None else (high - before) / (x + nudge - x)

    def verdict(self, gradient: float) -> str:
        sides = [slope for slope in (self.below, self.above) if slope is not None]
        if len(sides) < 2:
            fits = not isfinite(gradient) or all(self.agree(gradient, slope) for slope in sides)
            return "edge" if fits else "wrong"
        if self.has_kink():
            lies_between = min(sides) - self.margin(min(sides)) <= gradient <= max(sides) + self.margin(max(sides))
            return "kink" if lies_between else "wrong"
        return "right" if self.agree(gradient, sum(sides) / 2) else "wrong"

    def has_kink(self) -> bool:
        """A smooth curve's two slopes draw together as the nudge shrinks; those at a kink do not."""
        gap = _gap(self.below, self.above)
        return gap > 4 * self.margin(self.below or 0.0) and _gap(*self.slopes(self.nudge / 8)) > gap / 2

    def margin(self, slope: float) -> float:
        return self.atol + self.rtol * abs(slope) + self.noise

    def agree(self, gradient: float, slope: float) -> bool:
        return abs(gradient - slope) <= self.margin(slope)


def _gap(below: float | None, above: float | None) -> float:
    return inf if below is None or above is None else abs(above - below)


def replay(cone: Sequence[Value], changed: dict[Value, float], output: Value) -> float | None:
    """Returns the output's number with other numbers below, added to `changed`; None where it is not defined."""
    for node in cone:
        numbers = [changed.get(child, child.data) for child in node.children]
        try:
            changed[node] = node.op.scalar(*node.op.groups(numbers))[0]
        except (ArithmeticError, ValueError):
            return None
    result = changed[output]
    return result if isfinite(result) else None


def is_stale(node: Value) -> bool:
    """Returns whether the node's number is not what its operands' numbers now make."""
    if not node.children:
        return False
    try:
        return node.op.scalar(*node.op.groups([child.data for child in node.children]))[0] != node.data
    except (ArithmeticError, ValueError):
        return True
