"""The arrays of an emitted program: views of the buffers, and the names that they are bound to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import Layout
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, view_of

__all__ = ["BUFFERS", "Arrays"]

BUFFERS = {(BATCHED, False): "rows", (BATCHED, True): "d_rows", (SHARED, False): "columns", (SHARED, True): "d_columns"}
"""What each buffer is called, and that of its gradients."""


@dataclass
class Arrays:
    """Defines arrays and index tables as they are asked for, each once, and collects the lines of both functions.

    `home` says in which row a row's gradient is. `copied` are the inputs that must be copied into their rows, because
    somebody needs them there.
    """

    layout: Layout
    namer: Namer
    definitions: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    tables: dict[str, Integers] = field(default_factory=dict)
    known: dict[Any, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)
    home: dict[int, Integers] = field(default_factory=dict)

    def argument_of(self, row: int) -> int:
        """The number of the input that a row belongs to."""
        return next(i for i, (_, start, stop) in enumerate(self.namer.arguments) if start <= row < stop)

    def table(self, rows: Integers) -> str:
        """The name of an index table."""
        key = ("table", rows.shape, rows.tobytes())
        if key not in self.known:
            self.known[key] = f"at_{len(self.tables)}"
            self.tables[self.known[key]] = rows
        return self.known[key]

    def define(self, name: str, text: str) -> str:
        """The name of an array that is bound once; the same text has one name."""
        if text not in self.known:
            unique = self.namer.unique(name)
            self.known[text] = unique
            self.bound.add(unique)
            self.definitions.append(f"{unique} = {text}")
        return self.known[text]

    def say(self, line: str) -> None:
        """Adds a line to the function that is being written."""
        self.lines.append(line)

    def buffer(self, name: str, shape: tuple[int, ...], space: int, kind: str = "") -> str:
        """The name of an array for what is not a number of the graph, made once."""
        unique = self.namer.unique(name)
        sizes = ", ".join([*map(str, shape), "B" if space == BATCHED else "1"])
        self.definitions.append(f"{unique} = np.empty(({sizes}){', ' + kind if kind else ''})")
        self.bound.add(unique)
        return unique

    def name(self, space: int, view: View, grad: bool) -> str:
        """The name of what lies in these rows."""
        name = self.namer.region(space, view.start, int(np.prod(view.shape)))
        return f"d_{name}" if grad else name

    def view(self, space: int, view: View, grad: bool = False) -> str:
        """An array of the shape of the view, and a last axis of examples (of length 1 in the shared buffer)."""
        if space == BATCHED and not grad:
            direct = self.argument(view)
            if direct:
                return direct
        buffer = BUFFERS[space, grad]
        size = int(np.prod(view.shape))
        last = "B" if space == BATCHED else "1"
        if view.is_block:
            text = f"{buffer}[{view.start}:{view.start + size}]"
            if len(view.shape) != 1:
                text += f".reshape({', '.join(map(str, view.shape))}{', ' if view.shape else ''}{last})"
        elif len(view.shape) == 1 and view.strides[0] > 0:
            stop = view.start + (view.shape[0] - 1) * view.strides[0] + 1
            text = f"{buffer}[{view.start}:{stop}:{view.strides[0]}]"
        else:
            text = f"view({buffer}, {view.start}, {view.shape}, {view.strides})"
        return self.define(self.name(space, view, grad), text)

    def argument(self, view: View) -> str | None:
        """The text of a view of an input as it was passed in; None where the inputs' rows must be copied."""
        if len(view.shape) > 1 and set(view.shape) == {1} and view.start < self.namer.input_rows:
            narrow = self.argument(View(view.start, (1,), (1,)))
            return f"{narrow}.reshape({', '.join(map(str, view.shape))}, B)"
        steps = [(size - 1) * stride for size, stride in zip(view.shape, view.strides)]
        low, high = view.start + sum(min(step, 0) for step in steps), view.start + sum(max(step, 0) for step in steps)
        for i, (name, start, stop) in enumerate(self.namer.arguments):
            if start <= low and high < stop and view.is_block and len(view.shape) == 1:
                whole = (low, high + 1) == (start, stop)
                return name if whole else f"{name}[{low - start}:{high + 1 - start}]"
            if low < stop and start <= high:
                self.copied.add(i)
        return None

    def gather(self, space: int, rows: Integers, grad: bool = False) -> str:
        """An array of rows that are not regular, taken one by one."""
        buffer = BUFFERS[space, grad]
        if grad:
            taken = self.namer.unique("d_taken")
            self.say(f"{taken} = {buffer}.take({self.table(rows)}, 0)")
            return taken
        key = ("gather", space, rows.shape, rows.tobytes())
        if key not in self.known:
            if space == BATCHED:
                for i, (_, start, stop) in enumerate(self.namer.arguments):
                    if ((rows >= start) & (rows < stop)).any():
                        self.copied.add(i)
            last = "B" if space == BATCHED else "1"
            shape = ", ".join(map(str, rows.shape))
            self.known[key] = taken = self.namer.unique("taken")
            self.definitions.append(f"{taken} = np.empty(({shape}, {last}))")
            self.bound.add(taken)
            self.say(f'{buffer}.take({self.table(rows)}, 0, {taken}, "clip")')
        return self.known[key]

    def value(self, space: int, rows: Integers) -> str:
        """An array of the numbers in these rows, of the shape of `rows` and a last axis of examples."""
        view = view_of(rows)
        return self.view(space, view) if view else self.gather(space, rows)

    def gradient(self, space: int, rows: Integers) -> str:
        """The same for their gradients, which may lie elsewhere: see `borrow`."""
        rows = self.home[space][rows]
        view = view_of(rows)
        return self.view(space, view, grad=True) if view else self.gather(space, rows, grad=True)

    def gradient_matrix(self, space: int, rows: Integers) -> str:
        """The gradients as a matrix, for reading."""
        rows = self.home[space][rows]
        found = self.matrix(space, rows, grad=True)
        if found is None:
            taken = self.gather(space, rows[0] if rows.shape[0] == 1 else rows, grad=True)
            found = f"{taken}.reshape({', '.join(map(str, rows.shape[rows.shape[0] == 1 : -1]))}, -1)"
        return found

    def matrix(self, space: int, rows: Integers, grad: bool = False) -> str | None:
        """A matrix, or a stack of them: as `value`, but the last axis of rows and that of the examples are one.

        For gradients None if there is no such view.
        """
        shape = rows.shape
        if shape[0] == 1:
            rows = rows[0]
        if space == SHARED:
            return self.shared_matrix(rows, grad)
        view = view_of(rows)
        if rows.shape[-1] == 1:
            narrow = view_of(rows[..., 0])
            if narrow and (narrow.is_injective or not grad):
                return self.view(space, narrow, grad)
        elif view and view.strides[-1] == 1 and (view.is_injective or not grad):
            whole = self.inner_view(view, grad)
            return whole
        if grad:
            return None
        taken = self.gather(space, rows)
        return self.define(f"{taken}_matrix", f"{taken}.reshape({', '.join(map(str, rows.shape[:-1]))}, -1)")

    def inner_view(self, view: View, grad: bool) -> str:
        """A view of batched rows as a matrix."""
        buffer = BUFFERS[BATCHED, grad]
        size = int(np.prod(view.shape))
        if not grad:
            self.argument(View(view.start, (1, *view.shape), (0, *view.strides)))  # inputs are needed in their rows
        if view.is_block:
            leading = ", ".join(map(str, view.shape[:-1]))
            text = f"{buffer}[{view.start}:{view.start + size}].reshape({leading}, {view.shape[-1]} * B)"
        else:
            text = f"matrix({buffer}, {view.start}, {view.shape}, {view.strides})"
        return self.define(self.name(BATCHED, view, grad) + "_matrix", text)

    def shared_matrix(self, rows: Integers, grad: bool) -> str | None:
        """A matrix of shared rows, such as weights; for gradients None if there is no such view."""
        view = view_of(rows)
        buffer = "d_shared" if grad else "shared"
        if view and view.is_block:
            size = int(np.prod(view.shape))
            shape = ", ".join(map(str, view.shape))
            return self.define(
                self.name(SHARED, view, grad), f"{buffer}[{view.start}:{view.start + size}].reshape({shape})"
            )
        if view and (view.is_injective or not grad):
            return self.define(
                self.name(SHARED, view, grad), f"view({buffer}, {view.start}, {view.shape}, {view.strides})"
            )
        if grad:
            return None
        taken = self.gather(SHARED, rows)
        return self.define(f"{taken}_matrix", f"{taken}[..., 0]")

    def turned(self, text: str, axes: str) -> str:
        """A transposed array: bound once if the array is."""
        turned = f"{text}.transpose({axes})" if axes else f"{text}.T"
        return self.define(f"{text}_T", turned) if text in self.bound else turned
