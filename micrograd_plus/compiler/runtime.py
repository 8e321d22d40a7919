"""What an emitted program calls besides NumPy: views of a buffer, checked indices, and random draws."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from micrograd_plus.compiler.trace import Array
from micrograd_plus.operation import Bernoulli

__all__ = ["FUNCTIONS", "Draws"]


def view(buffer: Array, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """The rows `start + sum(i * stride)` of a buffer, without a copy, with the buffer's own axes behind them.

    >>> view(np.arange(6.0), 1, (2, 2), (1, 2)).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    steps = tuple(stride * buffer.strides[0] for stride in strides)
    return as_strided(buffer[start:], shape + buffer.shape[1:], steps + buffer.strides[1:])


def whole(numbers: Array, count: int, index: Array) -> Array:
    """Puts the numbers into `index`. Raises IndexError unless they are whole and from 0 to count - 1."""
    index[...] = numbers
    # a negative number is a large one without its sign, so one look is enough for both ends
    low = np.maximum.reduce(index.view(np.uintp), axis=None) < count
    if low and np.logical_and.reduce(index == numbers, axis=None):
        return index
    wrong = (index != numbers) | (index < 0) | (index >= count)
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    raise IndexError(
        f"select needs whole numbers from 0 to {count - 1}, but example {at[-1]} has {float(numbers[at]):g}"
    )


def erf_of_array(x: Array) -> Array:
    """The error function, which NumPy has not: exact, and the same as the engine's."""
    return np.asarray(_ERF(x), np.result_type(x))


_ERF = np.frompyfunc(math.erf, 1, 1)


FUNCTIONS: dict[str, Any] = {"view": view, "whole": whole, "erf": erf_of_array}
"""The names that an emitted program uses, besides `np`."""


class Draws:
    """Draws the random leaves of a batch in the very order in which the eager engine would.

    Every generator draws example by example and, within one, leaf by leaf. NumPy's Mersenne twister takes over the
    state of Python's and goes through the same numbers, some fifty times faster. `pull` takes the states over from the
    generators, `push` gives them back.
    """

    def __init__(self, leaves: Sequence[Bernoulli], first_row: int) -> None:
        self.streams: list[tuple[random.Random, np.random.RandomState, Array, Array, Array]] = []
        self.first_row, self.count = first_row, len(leaves)
        generators: dict[int, tuple[random.Random, list[int]]] = {}
        for i, leaf in enumerate(leaves):
            generators.setdefault(id(leaf.rng), (leaf.rng, []))[1].append(i)
        for rng, members in generators.values():
            keep = np.array([[leaves[i].keep] for i in members])
            scale = np.array([[leaves[i].scale] for i in members])
            rows = np.array(members) + first_row
            self.streams.append((rng, np.random.RandomState(0), rows, keep, scale))

    def pull(self) -> None:
        """Takes over the generators' states."""
        for rng, twister, *_ in self.streams:
            state = rng.getstate()[1]
            twister.set_state(("MT19937", np.array(state[:-1], np.uint32), state[-1], 0, 0.0))

    def marks(self) -> list[Any]:
        """Returns where the draws are now, for `back_to`."""
        return [twister.get_state(legacy=True) for _, twister, *_ in self.streams]

    def back_to(self, marks: Sequence[Any], examples: int) -> None:
        """Puts the draws to where they are so many examples after the marks."""
        for (_, twister, *_), mark in zip(self.streams, marks):
            twister.set_state(mark)
        self.table(examples)

    def push(self) -> None:
        """Gives the states back, as if the generators had drawn themselves."""
        for rng, twister, *_ in self.streams:
            state = twister.get_state(legacy=True)
            assert isinstance(state, tuple)
            rng.setstate((3, (*state[1].tolist(), int(state[2])), None))

    def fill(self, rows: Array) -> None:
        """Draws anew the rows of the random leaves, for all examples of the batch."""
        for _, twister, places, keep, scale in self.streams:
            drawn = twister.random_sample((rows.shape[1], len(places))).T
            rows[places] = np.where(drawn < keep, scale, 0.0)

    def table(self, examples: int) -> Array:
        """Returns the random leaves of so many examples to come, drawn anew: a row for each example."""
        table = np.empty((examples, self.count))
        for _, twister, places, keep, scale in self.streams:
            drawn = twister.random_sample((examples, len(places)))
            table[:, places - self.first_row] = np.where(drawn < keep.T, scale.T, 0.0)
        return table
