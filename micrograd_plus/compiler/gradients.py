"""Gradients add up: where a number is used in several places, and where it is the same for all examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.buffers import BUFFERS, Body, Buffers, sizes
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.text import assignment
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, view_of

__all__ = ["GradientSum"]


@dataclass
class GradientSum:
    """Says, in the body of the function that runs back, the lines that add to gradients.

    `wanted` and `written` tell which rows' gradients are asked for, and which have a part already; `home` says in which
    row a row's gradient is: see `borrow`.
    """

    buffers: Buffers
    body: Body
    wanted: dict[int, NDArray[np.bool_]]
    home: dict[int, Integers] = field(init=False)
    written: dict[int, NDArray[np.bool_]] = field(init=False)

    def __post_init__(self) -> None:
        self.home = {space: np.arange(len(rows)) for space, rows in self.wanted.items()}
        self.written = {space: np.zeros(len(rows), bool) for space, rows in self.wanted.items()}

    def start(self, space: int, row: int) -> None:
        """Says the gradient of an output, of whose sum over all examples the derivatives are taken."""
        if self.wanted[space][row]:
            target = self.buffers.view(space, View(row, (1,), (1,)), grad=True)
            again = "+" if self.written[space][row] else ""
            self.body.say(f"{target}[...] {again}= {'scale' if space == BATCHED else 'scale * B'}")
            self.written[space][row] = True

    def needs(self, space: int, rows: Integers) -> bool:
        """Returns whether the gradient of any of these rows is wanted."""
        return bool(self.wanted[space][rows].any())

    # ------------------------------------------------------------ to read

    def value(self, space: int, rows: Integers) -> str:
        """Returns an array of the gradients of these rows, of the shape of `rows` and a last axis of examples."""
        rows = self.home[space][rows]
        view = view_of(rows)
        return self.buffers.view(space, view, grad=True) if view else self.gather(space, rows)

    def matrix(self, space: int, rows: Integers) -> str:
        """Returns the gradients as a matrix, for reading."""
        rows = self.home[space][rows]
        found = self.buffers.matrix(space, rows, grad=True)
        if found is None:
            rows = rows[0] if rows.shape[0] == 1 else rows
            found = f"{self.gather(space, rows)}.reshape({', '.join(map(str, rows.shape[:-1]))}, -1)"
        return found

    def gather(self, space: int, rows: Integers) -> str:
        """Returns an array of gradients that are not regular, taken one by one."""
        taken = self.buffers.namer.unique("d_taken")
        self.body.say(f"{taken} = {BUFFERS[space, True]}.take({self.buffers.table(rows)}, 0)")
        return taken

    # ------------------------------------------------------------ to add

    def add(
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
        once = view and view.once
        if once and once.is_injective:
            self.add_view(space, rows, once, text, over_batch, back)
            return
        turned = f"{text}.transpose({back})" if back else text
        if over_batch:
            turned = f"np.add.reduce({turned}, axis=-1, keepdims=True)"
        self.scatter(space, rows, turned)

    def borrow(self, rows: Integers, pure: Integers) -> bool:
        """Lets batched rows whose gradient is just that of other rows have theirs in the same place, if that is safe.

        Nothing is copied: `home` says where a row's gradient is. Whoever adds to it later brings it to a place of its
        own in the same stroke (see `put`), so a place that is shared is never written.
        """
        flat = rows.reshape(-1)
        inputs = self.buffers.namer.input_rows
        if self.written[BATCHED][flat].any() or len(np.unique(flat)) < len(flat) or flat.min() < inputs:
            return False
        self.home[BATCHED][rows] = self.home[BATCHED][pure]
        self.written[BATCHED][flat] = True
        return True

    def add_view(self, space: int, rows: Integers, view: View, text: str, over_batch: bool, back: str) -> None:
        """Adds an array to rows that are a view, summed over the axes along which rows come again."""
        target = self.buffers.view(space, view, grad=True)
        whole, rows = rows.shape, rows[tuple(slice(0, n) for n in view.shape)]
        axes = [i for i, (size, once) in enumerate(zip(whole, view.shape)) if size > once]
        if over_batch:
            axes.append(rows.ndim)

        def before() -> str:
            return self.value(space, rows)

        if over_batch and view.is_block and not back and axes == list(range(axes[0], rows.ndim + 1)):
            self.add_with_ones(rows, view, text, whole, axes[0])
        elif axes:
            chosen = axes[0] if len(axes) == 1 else tuple(axes)
            turned = f"{text}.transpose({back})" if back else text
            self.put(space, rows, target, f"np.add.reduce({turned}, axis={chosen}, keepdims=True)", before)
        elif back:
            axes_first = "3, 0, 1, 2"
            turned = self.buffers.turned(target, axes_first)
            self.put(space, rows, turned, text, lambda: self.buffers.turned(before(), axes_first))
        else:
            self.put(space, rows, target, text, before)

    def add_with_ones(self, rows: Integers, view: View, text: str, whole: tuple[int, ...], axis: int) -> None:
        """Adds to shared rows a sum over all axes from `axis` on: a product with ones, which is quicker."""
        lead, last = int(np.prod(whole[:axis])), int(np.prod(whole[axis:]))
        if "np.where" in text or "* 1.0" in text:  # a choice between plain numbers has 64 bits, which np.dot won't cast
            text = f"({text}).astype(shared.dtype, copy=False)"
        flat = text if len(whole) == axis == 1 else f"({text}).reshape({lead}, -1)"
        ones = self.buffers.define(
            "ones", f"np.ones({last} * B, shared.dtype)" if last > 1 else "np.ones(B, shared.dtype)"
        )
        sums = f"d_shared[{view.start}:{view.start + lead}]"
        target = self.buffers.define(self.buffers.name(SHARED, view, True) + "_sums", sums)
        self.put(SHARED, rows, target, f"np.dot({flat}, {ones})", lambda: target)

    def add_matrix(self, space: int, rows: Integers, text: str) -> None:
        """Adds a matrix, or a stack of them, to the gradients of rows."""
        target = self.buffers.matrix(space, rows, grad=True)
        if target is not None:
            self.put(space, rows, target, text, lambda: self.matrix(space, rows))
            return
        rows = rows[0] if rows.shape[0] == 1 else rows
        self.add(space, rows, f"{text}.reshape({sizes(rows.shape, space)})", space)

    def put(self, space: int, rows: Integers, target: str, text: str, before: Callable[[], str]) -> None:
        """Says the assignment of a first contribution, or the addition of a further one.

        `before` names the gradients so far, in the form of the target, where they lie elsewhere.
        """
        done = self.written[space][rows]
        if not done.any():
            plain = text.isidentifier() or text.startswith("np.broadcast_to(")
            self.body.say(f"np.copyto({target}, {text})" if plain else assignment(target, text))
        else:
            self.clear(space, rows[~done])
            here = target
            if (self.home[space][rows] != rows).any():
                here = before()
                self.home[space][rows] = rows
            self.body.say(f"np.add({here}, {text}, out={target})")
        self.written[space][rows] = True

    def clear(self, space: int, rows: Integers) -> None:
        """Says that the gradients of rows, if there are any, are 0 so far."""
        if rows.size:
            rows = np.unique(rows)
            view = view_of(rows)
            target = self.buffers.view(space, view, grad=True) if view else BUFFERS[space, True]
            self.body.say(f"{target}[{'...' if view else self.buffers.table(rows)}] = 0.0")
            self.written[space][rows] = True

    def open(self, space: int, rows: Integers) -> str | None:
        """Returns an array of the gradients of rows to which a line may add in place; None if they are no view."""
        view = view_of(rows)
        if view is None or not view.is_injective:
            return None
        target = self.buffers.view(space, view, grad=True)
        done = self.written[space][rows]
        if not done.any():
            self.body.say(f"{target}[...] = 0.0")
            self.written[space][rows] = True
        self.clear(space, rows[~self.written[space][rows]])
        if (self.home[space][rows] != rows).any():
            self.body.say(f"np.copyto({target}, {self.value(space, rows)})")
            self.home[space][rows] = rows
        return target

    # ------------------------------------------------------------ rows that are not regular

    def scatter(self, space: int, rows: Integers, text: str) -> None:
        """Adds an array to rows that are not regular: for each of them, its contributions are taken and added up."""
        flat = rows.reshape(-1)
        wanted = np.flatnonzero(self.wanted[space][flat])  # constants need no gradient
        unique, inverse, counts = np.unique(flat[wanted], return_inverse=True, return_counts=True)
        order = wanted[np.argsort(inverse.reshape(-1), kind="stable")]
        summed = self.summed(space, rows.shape, text, order, counts)
        view = view_of(unique)
        if view:
            target = self.buffers.view(space, view, grad=True)
            self.put(space, unique, target, summed, lambda: self.value(space, unique))
            return
        done = self.written[space][unique]
        sign = "+=" if done.any() else "="
        if done.any():
            self.clear(space, unique[~done])
        if (self.home[space][unique] != unique).any():
            summed, sign = f"{self.value(space, unique)} + {summed}", "="
            self.home[space][unique] = unique
        self.body.say(f"{BUFFERS[space, True]}[{self.buffers.table(unique)}] {sign} {summed}")
        self.written[space][unique] = True

    def summed(self, space: int, shape: tuple[int, ...], text: str, order: Integers, counts: Integers) -> str:
        """Returns the text of sums over an array of this shape: over the first `counts[0]` in `order`, and so on."""
        table, size, most = self.buffers.table, int(np.prod(shape)), int(counts.max())
        parts = f"({text}).reshape({sizes((size,), space)})"
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        if most * len(counts) > 3 * size + 64:  # a table with a column for each would be mostly empty
            return f"np.add.reduceat({parts}.take({table(order)}, 0), {table(starts)}, axis=0)"
        places = np.full((most, len(counts)), size)
        column = np.repeat(np.arange(len(counts)), counts)
        places[np.arange(len(order)) - np.repeat(starts, counts), column] = order
        if (places == size).any():
            parts = self.padded(space, shape, text)
        if most == 1:
            return f"{parts}.take({table(places[0])}, 0)"
        return f"np.add.reduce({parts}.take({table(places)}, 0), axis=0)"

    def padded(self, space: int, shape: tuple[int, ...], text: str) -> str:
        """Says the assignment of an array to a buffer with a row of zeros behind it, and returns the buffer's name."""
        rows = (int(np.prod(shape)) + 1,)
        buffer = self.buffers.bind(
            "parts", f"np.zeros(({sizes(rows, space)}), shared.dtype)", "  # the last row stays 0"
        )
        inside = self.buffers.define(f"{buffer}_inside", f"{buffer}[:-1].reshape({sizes(shape, space)})")
        self.body.say(assignment(inside, text))
        return buffer
