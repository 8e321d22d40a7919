"""Random points and random graphs of every row of the table, in a form that every reading of the rows can run.

Nothing here names an operation, so a row that is added to the table is drawn from then on. What an operation needs of
its operands is found by trying: a point is taken if the row is smooth around it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

import micrograd_plus.nn.losses  # noqa: F401  (its rows are in the table too)
from micrograd_plus import ops
from micrograd_plus.operation import Op

CONSTANTS: dict[str, list[tuple[float, ...]]] = {
    "power": [(-2.0,), (-0.5,), (0.0,), (0.5,), (1.0,), (2.5,), (3.0,), (4.0,)],
    "leaky_relu": [(0.2,), (0.0,)],
    "elu": [(0.5,)],
    "clamp": [(-0.5, 0.7), (-math.inf, 0.7), (-0.5, math.inf)],
}
"""More constants for families than their defaults, which are always among the operations."""

OPERATIONS: list[Op] = [
    *ops.TABLE.values(),
    *(family() for name, family in ops.FAMILIES.items() if name not in ops.TABLE),
    *(ops.FAMILIES[name](*constants) for name, chosen in CONSTANTS.items() for constants in chosen),
]

INDEX = "i"
"""The operand that a row uses as a position: a whole number, by which nothing is differentiated."""

Numbers = list[Any]  # an operand's number, or a list of them for a group


def names(op: Op) -> str:
    """How a test of this row is called."""
    return f"{op.name}{op.constants or ''}"


def is_smooth(op: Op, operands: Numbers, nudge: float = 1e-2) -> bool:
    """Returns whether the row has no edge, jump, kink or pole near these operands, and no large number."""
    places = [
        (place, member)
        for place, (name, operand) in enumerate(zip(op.operands, operands))
        if name != INDEX
        for member in (range(len(operand)) if isinstance(operand, list) else [None])
    ]
    try:
        value, partials = op.scalar(*operands)
        for place, member in places:
            (above, slopes), (below, other) = (
                op.scalar(*_moved(operands, place, member, by)) for by in (nudge, -nudge)
            )
            slope = (above - below) / (2 * nudge)
            jump = max(abs(above - value - nudge * slope), abs(below - value + nudge * slope))
            bend = max(abs(a - 2 * b + c) for a, b, c in zip(slopes, partials, other))
            turn = max(abs(a - b) for a, b in zip(slopes, partials))
            if not (jump < 1e-2 and turn < 0.3 and bend < 2e-3):
                return False
    except (ArithmeticError, ValueError):
        return False
    return all(abs(number) < 5 for number in (value, *partials))


def _moved(operands: Numbers, place: int, member: int | None, by: float) -> Numbers:
    moved: Numbers = [list(operand) if isinstance(operand, list) else operand for operand in operands]
    if member is None:
        moved[place] += by
    else:
        moved[place][member] += by
    return moved


def points(op: Op, count: int = 8, size: int = 3) -> list[Numbers]:
    """Returns operands around which the row is smooth, always the same ones. Raises LookupError if it finds too few."""
    rng = random.Random(0)
    found = []
    for _ in range(200 * count):
        reach = rng.choice([0.9, 2.5])
        operands = [
            float(rng.randrange(size)) if name == INDEX
            else [rng.uniform(-reach, reach) for _ in range(size)] if name.startswith("*")
            else rng.uniform(-reach, reach)
            for name in op.operands
        ]  # fmt: skip
        if is_smooth(op, operands):
            found.append(operands)
        if len(found) == count:
            return found
    raise LookupError(f"{op.name} is smooth at {len(found)} of {200 * count} random points; where is it defined?")


@dataclass(frozen=True)
class Graph:
    """A computation as data: the numbers of its leaves, and its steps.

    A step is an operation and, for each of its operands, the place of a number (the leaves' come first, then one for
    each step), a list of places for a group, or the float itself for an index.
    """

    leaves: tuple[float, ...]
    steps: tuple[tuple[Op, tuple[Any, ...]], ...]

    def run(self, apply: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """Returns the sum of all numbers that no step uses; `apply(op, *operands)` is what a step does."""
        made = list(leaves)
        for op, picks in self.steps:
            made.append(apply(op, *taken(made, picks)))
        return apply(ops.total, [made[place] for place in self.ends()])

    def ends(self) -> list[int]:
        """The places of the numbers that no step uses."""
        used = {place for _, picks in self.steps for place in _places(picks)}
        return [place for place in range(len(self.leaves) + len(self.steps)) if place not in used]

    def derivatives(self, reading: Callable[[Op], Callable[..., Any]], leaves: Sequence[Any]) -> list[Any]:
        """Returns the derivative of `run` by each leaf: reverse accumulation over any reading, in a few lines.

        Over complex numbers the imaginary parts are second derivatives.
        """
        made, rows = list(leaves), []
        for op, picks in self.steps:
            out, partials = reading(op)(*taken(made, picks))
            made.append(out)
            rows.append((len(made) - 1, picks, partials))
        grads = [1.0 if place in self.ends() else 0.0 for place in range(len(made))]
        for place, picks, partials in reversed(rows):
            flat = [pick for group in picks for pick in (group if isinstance(group, list) else [group])]
            for pick, partial in zip(flat, partials):
                if not isinstance(pick, float):
                    grads[pick] = grads[pick] + partial * grads[place]
        return grads[: len(self.leaves)]


def taken(made: Sequence[Any], picks: Sequence[Any]) -> Numbers:
    """Returns a step's operands: what lies at its places."""
    return [
        [made[place] for place in pick] if isinstance(pick, list) else pick if isinstance(pick, float) else made[pick]
        for pick in picks
    ]


def _places(picks: Sequence[Any]) -> list[int]:
    flat = [place for pick in picks for place in (pick if isinstance(pick, list) else [pick])]
    return [place for place in flat if not isinstance(place, float)]


# 0.0071 keeps the leaves off the round numbers where kinks are
numbers = st.integers(-100, 100).map(lambda k: k / 50 + 0.0071)


GUARDS: list[tuple[Op, ...]] = [(), (ops.tanh, ops.exp), (ops.sigmoid,)]
"""What may stand before an operation that is not smooth at the numbers at hand: a way into 0.37..2.7, or into 0..1."""


@st.composite
def graphs(draw: st.DrawFn, operations: Sequence[Op] = tuple(OPERATIONS), size: int = 12) -> Graph:
    """Draws a graph of up to `size` operations, each smooth where it is used; operands repeat and are shared."""
    leaves = draw(st.lists(numbers, min_size=2, max_size=5))
    made, steps = list(leaves), []
    for op in draw(st.lists(st.sampled_from(operations), min_size=1, max_size=size)):
        places = st.integers(0, len(made) - 1)
        width = draw(st.integers(1, 4)) if op.is_nary else 0
        picks = [
            float(draw(st.integers(0, width - 1))) if name == INDEX
            else draw(st.lists(places, min_size=width, max_size=width)) if name.startswith("*")
            else draw(places)
            for name in op.operands
        ]  # fmt: skip
        for guard in GUARDS:
            more = _guarded(made, picks, op, guard)
            if more is not None:
                for each, chosen in more:
                    made.append(each.scalar(*taken(made, chosen))[0])
                steps += more
                break
    assume(steps)
    return Graph(tuple(leaves), tuple(steps))


def _guarded(
    made: list[float], picks: list[Any], op: Op, guard: Sequence[Op]
) -> list[tuple[Op, tuple[Any, ...]]] | None:
    """The steps that lead through a guard to the operation, or None if it is not smooth even there."""
    made, steps, picks = list(made), [], list(picks)
    for each in guard:
        moved = {}
        for place in dict.fromkeys(_places(picks)):
            steps.append((each, (place,)))
            moved[place] = len(made)
            made.append(each.scalar(made[place])[0])
        picks = [
            [moved[place] for place in pick]
            if isinstance(pick, list)
            else pick
            if isinstance(pick, float)
            else moved[pick]
            for pick in picks
        ]
    steps.append((op, tuple(picks)))
    return steps if is_smooth(op, taken(made, picks)) else None
