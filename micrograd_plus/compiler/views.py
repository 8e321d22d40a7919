"""Index arithmetic: which lists of rows are regular enough to be a view of a buffer instead of a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.trace import Integers

__all__ = ["View", "common_grid", "unique_rows", "view_of"]


@dataclass(frozen=True)
class View:
    """Rows `start + sum(i * stride)` of a buffer, for all indices i below `shape`."""

    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def is_block(self) -> bool:
        """Whether the rows follow one another, each once, in order."""
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides)):
            if size > 1 and stride != step:
                return False
            step *= size
        return True

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last row."""
        steps = [(size - 1) * stride for size, stride in zip(self.shape, self.strides)]
        return self.start + sum(min(step, 0) for step in steps), self.start + sum(max(step, 0) for step in steps)

    @property
    def once(self) -> View:
        """The view without the axes along which the same rows come again: those are of length 1."""
        shape = tuple(1 if stride == 0 else size for size, stride in zip(self.shape, self.strides))
        return View(self.start, shape, self.strides)

    @property
    def is_injective(self) -> bool:
        """Whether no row comes twice."""
        reach = 0
        for stride, size in sorted((abs(stride), size) for stride, size in zip(self.strides, self.shape) if size > 1):
            if stride <= reach:
                return False
            reach += stride * (size - 1)
        return True


def view_of(rows: Integers) -> View | None:
    """Returns the view that has exactly these rows, or None if they are not regular.

    >>> view_of(np.array([[4, 6], [5, 7]]))
    View(start=4, shape=(2, 2), strides=(1, 2))
    """
    start = int(rows.flat[0])
    strides = []
    expected = np.asarray(start)
    for axis, size in enumerate(rows.shape):
        corner = [0] * rows.ndim
        corner[axis] = 1
        stride = int(rows[tuple(corner)]) - start if size > 1 else 0
        strides.append(stride)
        steps = np.arange(size) * stride
        expected = expected + steps.reshape([-1 if i == axis else 1 for i in range(rows.ndim)])
    return View(start, rows.shape, tuple(strides)) if np.array_equal(expected, rows) else None


def common_grid(operands: Sequence[Integers]) -> tuple[int, ...]:
    """Returns the shape of a grid on which every operand that can be a view is one; all operands are flat lists.

    >>> common_grid([np.arange(6), np.array([0, 0, 0, 1, 1, 1])])
    (2, 3)
    """
    size = len(operands[0])
    cuts = {1, size}
    for rows in operands:
        cuts |= _cuts(rows)
    ordered = sorted(cuts)
    if any(large % small for small, large in pairwise(ordered)) or len(ordered) > 5:
        return (size,)
    return tuple(large // small for small, large in pairwise(ordered))[::-1] or (1,)


def _cuts(rows: Integers) -> set[int]:
    """The sizes of the blocks into which a flat list falls if it is regular; none if it is not."""
    cuts: set[int] = set()
    block = 1
    while len(rows) > 1:
        steps = np.diff(rows)
        breaks = np.flatnonzero(steps != steps[0])
        if len(breaks) == 0:
            return cuts
        run = int(breaks[0]) + 1
        if len(rows) % run:
            return set()
        lines = rows.reshape(-1, run)
        if not np.array_equal(lines - lines[:, :1], np.broadcast_to(lines[0] - lines[0, 0], lines.shape)):
            return set()
        block *= run
        if run == 1 or len(cuts) == 4:
            return set()
        cuts.add(block)
        rows = lines[:, 0]
    return cuts


def unique_rows(rows: Integers) -> tuple[Integers, Integers]:
    """Returns where each different line of a table first stands, and for every line which of those it equals."""
    mixed = (rows.astype(np.uint64) * _multipliers(rows.shape[1])).sum(axis=1, dtype=np.uint64)
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    if not np.array_equal(rows[first][which], rows):  # two lines share a hash: compare them in full
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, which.reshape(-1)


def _multipliers(width: int) -> NDArray[np.uint64]:
    """Odd pseudo-random multipliers, the same on every run (the splitmix64 sequence, Steele et al. 2014)."""
    z = np.arange(1, width + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    odd: NDArray[np.uint64] = (z ^ (z >> np.uint64(31))) | np.uint64(1)
    return odd
