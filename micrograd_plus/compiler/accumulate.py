"""Gradients add up: where a number is used in several places, and where it is the same for all examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.arrays import BUFFERS, Arrays
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.text import assignment
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, view_of

__all__ = ["Accumulator"]


@dataclass
class Accumulator(Arrays):
    """Says the lines that add to gradients. `of` are the outputs whose sum is differentiated.

    `wanted` and `written` tell which rows' gradients are asked for, and which have a part already."""

    of: tuple[int, ...] = ()
    wrt_inputs: bool = False
    wanted: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    written: dict[int, NDArray[np.bool_]] = field(default_factory=dict)

    def start_backward(self) -> None:
        """Finds which rows' gradients are wanted, and says the first: those of the outputs."""
        layout = self.layout
        wanted = {SHARED: np.zeros(layout.shared_rows, bool), BATCHED: np.zeros(layout.batched_rows, bool)}
        wanted[SHARED][: layout.parameters] = True
        if self.wrt_inputs:
            wanted[BATCHED][: self.namer.input_rows] = True
        for each in layout.instructions:
            if any(wanted[space][rows].any() for space, rows in zip(each.reads, each.operands)):
                wanted[each.space][each.rows] = True
        self.wanted = wanted
        self.home = {space: np.arange(len(rows)) for space, rows in wanted.items()}
        self.written = {space: np.zeros(len(rows), bool) for space, rows in wanted.items()}
        for output in self.of:
            node = layout.folded.outputs[output]
            space, row = layout.folded.space[node], int(layout.address[node])
            if wanted[space][row]:
                target = self.view(space, View(row, (1,), (1,)), grad=True)
                again = "+" if self.written[space][row] else ""
                self.say(f"{target}[...] {again}= scale" if space == BATCHED else f"{target}[...] {again}= scale * B")
                self.written[space][row] = True

    def needs(self, space: int, rows: Integers) -> bool:
        """Whether the gradient of any of these rows is wanted."""
        return bool(self.wanted[space][rows].any())

    def borrow(self, rows: Integers, pure: Integers) -> bool:
        """Lets batched rows whose gradient is just that of other rows have theirs in the same place, if that is safe.

        Nothing is copied: `home` says where a row's gradient is. Whoever adds to it later brings it to a place of its
        own in the same stroke (see `put`), so a place that is shared is never written.
        """
        flat = rows.reshape(-1)
        if self.written[BATCHED][flat].any() or len(np.unique(flat)) < len(flat) or flat.min() < self.namer.input_rows:
            return False
        self.home[BATCHED][rows] = self.home[BATCHED][pure]
        self.written[BATCHED][flat] = True
        return True

    def contribute(
        self, space: int, rows: Integers, text: str, source: int, back: str = "", pure: Integers | None = None
    ) -> None:
        """Adds an array to the gradients of rows of its shape; `back` are axes by which it is turned.

        Rows that come more than once get the sum, and shared ones the sum over all examples. `pure` are rows whose
        gradient the array is, if it is that and nothing else.
        """
        if pure is not None and space == source == BATCHED and self.borrow(rows, pure):
            return
        over_batch = space == SHARED and source == BATCHED
        view = view_of(rows)
        if view:
            axes = [i for i, (size, stride) in enumerate(zip(view.shape, view.strides)) if size > 1 and stride == 0]
            shape = tuple(1 if i in axes else size for i, size in enumerate(view.shape))
            reduced = View(view.start, shape, view.strides)
            if reduced.is_injective:
                self.contribute_view(space, rows, reduced, text, axes, over_batch, back)
                return
        turned = f"{text}.transpose({back})" if back else text
        if over_batch:
            turned = f"np.add.reduce({turned}, axis=-1, keepdims=True)"
        self.scatter(space, rows, turned)

    def contribute_view(
        self, space: int, rows: Integers, view: View, text: str, axes: list[int], over_batch: bool, back: str
    ) -> None:
        """Adds an array to rows that are a view, summed over `axes`, along which rows come again."""
        target = self.view(space, view, grad=True)
        whole, rows = rows.shape, rows[tuple(slice(0, n) for n in view.shape)]
        if over_batch:
            axes = [*axes, rows.ndim]

        def before() -> str:
            return self.gradient(space, rows)

        if over_batch and view.is_block and not back and axes == list(range(axes[0], rows.ndim + 1)):
            # a sum over the last axes is a product with ones, which is quicker
            lead, last = int(np.prod(whole[: axes[0]])), int(np.prod(whole[axes[0] :]))
            flat = text if len(whole) == len(axes) == 1 else f"({text}).reshape({lead}, -1)"
            ones = self.define("ones", f"np.ones({last} * B)" if last > 1 else "np.ones(B)")
            target = self.define(self.name(space, view, True) + "_sums", f"d_shared[{view.start}:{view.start + lead}]")
            self.put(space, rows, target, f"np.dot({flat}, {ones})", lambda: target)
        elif axes:
            chosen = axes[0] if len(axes) == 1 else tuple(axes)
            turned = f"{text}.transpose({back})" if back else text
            self.put(space, rows, target, f"np.add.reduce({turned}, axis={chosen}, keepdims=True)", before)
        elif back:
            self.put(space, rows, self.turned(target, "3, 0, 1, 2"), text, lambda: self.turned(before(), "3, 0, 1, 2"))
        else:
            self.put(space, rows, target, text, before)

    def put(self, space: int, rows: Integers, target: str, text: str, before: Callable[[], str]) -> None:
        """Says the assignment of a first contribution, or the addition of a further one.

        `before` names the gradients so far, in the form of the target, where they lie elsewhere.
        """
        written = self.written[space]
        done = written[rows]
        if not done.any():
            if text.isidentifier() or text.startswith("np.broadcast_to("):
                self.say(f"np.copyto({target}, {text})")
            else:
                self.say(assignment(target, text))
        else:
            if not done.all():
                self.clear(space, rows[~done])
            if (self.home[space][rows] != rows).any():
                self.say(f"np.add({before()}, {text}, out={target})")
                self.home[space][rows] = rows
            else:
                self.say(f"np.add({target}, {text}, out={target})")
        written[rows] = True

    def clear(self, space: int, rows: Integers) -> None:
        """Says that the gradients of rows are 0 so far."""
        rows = np.unique(rows)
        view = view_of(rows)
        target = self.view(space, view, grad=True) if view else f"{BUFFERS[space, True]}"
        self.say(f"{target}[{'...' if view else self.table(rows)}] = 0.0")

    def scatter(self, space: int, rows: Integers, text: str) -> None:
        """Adds an array to rows that are not regular: for each of them, its contributions are taken and added up."""
        last = "B" if space == BATCHED else "1"
        flat = rows.reshape(-1)
        size = len(flat)
        wanted = np.flatnonzero(self.wanted[space][flat])  # constants need no gradient
        unique, inverse, counts = np.unique(flat[wanted], return_inverse=True, return_counts=True)
        order = wanted[np.argsort(inverse.reshape(-1), kind="stable")]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        most = int(counts.max())
        if most * len(unique) > 3 * size + 64:
            parts = f"({text}).reshape({size}, {last}).take({self.table(order)}, 0)"
            summed = f"np.add.reduceat({parts}, {self.table(starts)}, axis=0)"
        else:
            places = np.full((most, len(unique)), size)
            column = np.repeat(np.arange(len(unique)), counts)
            places[np.arange(len(order)) - np.repeat(starts, counts), column] = order
            parts = f"({text}).reshape({size}, {last})"
            if (places == size).any():
                parts = self.padded(text, rows.shape, last)
            if most == 1:
                summed = f"{parts}.take({self.table(places[0])}, 0)"
            else:
                summed = f"np.add.reduce({parts}.take({self.table(places)}, 0), axis=0)"
        view = view_of(unique)
        if view:
            self.put(space, unique, self.view(space, view, grad=True), summed, lambda: self.gradient(space, unique))
            return
        done = self.written[space][unique]
        if done.any() and not done.all():
            self.clear(space, unique[~done])
        if (self.home[space][unique] != unique).any():
            summed = f"{self.gradient(space, unique)} + {summed}"
            self.home[space][unique] = unique
            done[:] = False
        sign = "+=" if done.any() else "="
        self.say(f"{BUFFERS[space, True]}[{self.table(unique)}] {sign} {summed}")
        self.written[space][unique] = True

    def padded(self, text: str, shape: tuple[int, ...], last: str) -> str:
        """Says the assignment of an array to a buffer with a row of zeros behind it, and returns the buffer's name."""
        buffer = self.namer.unique("parts")
        size = int(np.prod(shape))
        self.definitions.append(f"{buffer} = np.zeros(({size + 1}, {last}))  # the last row stays 0")
        self.bound.add(buffer)
        inside = f"{buffer}[:-1].reshape({', '.join(map(str, shape))}, {last})"
        self.say(assignment(self.define(f"{buffer}_inside", inside), text))
        return buffer
