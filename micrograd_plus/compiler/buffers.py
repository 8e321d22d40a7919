"""The arrays of an emitted program: views of the buffers, their names, and the lines that use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import Layout
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.text import assignment
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, view_of

__all__ = ["BUFFERS", "Body", "Buffers", "sizes"]

BUFFERS = {(BATCHED, False): "rows", (BATCHED, True): "d_rows", (SHARED, False): "columns", (SHARED, True): "d_columns"}
"""What each buffer is called, and that of its gradients."""


def sizes(shape: tuple[int, ...], space: int) -> str:
    """Returns the text of an array's shape: that of its rows, and the length of the axis of examples.

    >>> sizes((2, 3), BATCHED), sizes((2, 3), SHARED)
    ('2, 3, B', '2, 3, 1')
    """
    return ", ".join([*map(str, shape), "B" if space == BATCHED else "1"])


@dataclass
class Buffers:
    """Defines arrays and index tables as they are asked for, each once, for all functions of a program.

    `definitions` are the lines that bind them, before the functions; `copied` are the inputs that must be copied into
    their rows, because somebody needs them there.
    """

    layout: Layout
    namer: Namer
    definitions: list[str] = field(default_factory=list)
    tables: dict[str, Integers] = field(default_factory=dict)
    known: dict[Any, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)

    def table(self, rows: Integers) -> str:
        """Returns the name of an index table."""
        key = ("table", rows.shape, rows.tobytes())
        if key not in self.known:
            self.known[key] = f"at_{len(self.tables)}"
            self.tables[self.known[key]] = rows
        return self.known[key]

    def define(self, name: str, text: str) -> str:
        """Returns the name of an array that is bound once; the same text has one name."""
        if text not in self.known:
            self.known[text] = self.bind(name, text)
        return self.known[text]

    def bind(self, name: str, text: str, remark: str = "") -> str:
        """Returns the name of an array that is bound here and now, even if there is one of the same text."""
        unique = self.namer.unique(name)
        self.definitions.append(f"{unique} = {text}{remark}")
        self.bound.add(unique)
        return unique

    def new(self, name: str, shape: tuple[int, ...], space: int, kind: str = "shared.dtype") -> str:
        """Returns the name of a new array for what is not a number of the graph."""
        return self.bind(name, f"np.empty(({sizes(shape, space)}), {kind})")

    def name(self, space: int, view: View, grad: bool) -> str:
        """Returns the name of what lies in these rows."""
        name = self.namer.region(space, view.start, int(np.prod(view.shape)))
        return f"d_{name}" if grad else name

    def view(self, space: int, view: View, grad: bool = False) -> str:
        """Returns an array of the shape of the view, and a last axis of examples (of length 1 in the shared buffer)."""
        if space == BATCHED and not grad:
            direct = self.argument(view)
            if direct:
                return direct
        text = _whole(BUFFERS[space, grad], view)
        if view.is_block and len(view.shape) != 1:
            text += f".reshape({sizes(view.shape, space)})"
        return self.define(self.name(space, view, grad), text)

    def argument(self, view: View) -> str | None:
        """Returns the text of a view of an input as it was passed in; None where the inputs' rows must be copied."""
        if len(view.shape) > 1 and set(view.shape) == {1} and view.start < self.namer.input_rows:
            narrow = self.argument(View(view.start, (1,), (1,)))
            return f"{narrow}.reshape({sizes(view.shape, BATCHED)})"
        low, high = view.reach
        for name, start, stop in self.namer.arguments:
            if start <= low and high < stop and view.is_block and len(view.shape) == 1:
                whole = (low, high + 1) == (start, stop)
                return name if whole else f"{name}[{low - start}:{high + 1 - start}]"
        self.copy(low, high)
        return None

    def copy(self, low: int, high: int) -> None:
        """Notes that the inputs with any of the rows from `low` to `high` are needed in their rows."""
        self.copied |= {i for i, (_, start, stop) in enumerate(self.namer.arguments) if low < stop and start <= high}

    def matrix(self, space: int, rows: Integers, grad: bool = False) -> str | None:
        """Returns a matrix, or a stack of them: a view whose last axis of rows and that of the examples are one.

        None if there is no such view, or for gradients none in which every row comes once.
        """
        rows = rows[0] if rows.shape[0] == 1 else rows
        narrow = space == BATCHED and rows.shape[-1] == 1
        view = view_of(rows[..., 0] if narrow else rows)
        if view is None or (grad and not view.is_injective):
            return None
        if narrow:
            return self.view(space, view, grad)
        name = self.name(space, view, grad)
        *leading, last = map(str, view.shape)
        if space == SHARED:
            whole, shape = _whole("d_shared" if grad else "shared", view), ", ".join([*leading, last])
            return self.define(name, f"{whole}.reshape({shape})" if view.is_block else whole)
        if view.strides[-1] != 1:
            return None
        if not grad:
            self.copy(*view.reach)
        text = f"{_whole(BUFFERS[space, grad], view)}.reshape({', '.join([*leading, last])} * B)"
        return self.define(f"{name}_matrix", text)

    def turned(self, text: str, axes: str) -> str:
        """Returns a transposed array: bound once if the array is."""
        turned = f"{text}.transpose({axes})" if axes else f"{text}.T"
        return self.define(f"{text}_T", turned) if text in self.bound else turned


def _whole(buffer: str, view: View) -> str:
    """The text of a view of rows: a slice, which has no shape yet, or what `runtime.view` makes."""
    if view.is_block:
        return f"{buffer}[{view.start}:{view.start + int(np.prod(view.shape))}]"
    if len(view.shape) == 1 and view.strides[0] > 0:
        return f"{buffer}[{view.start}:{view.reach[1] + 1}:{view.strides[0]}]"
    return f"view({buffer}, {view.start}, {view.shape}, {view.strides})"


@dataclass
class Body:
    """The lines of one function as it is written, and the arrays that they read."""

    buffers: Buffers
    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Adds a line."""
        self.lines.append(line)

    def value(self, space: int, rows: Integers) -> str:
        """Returns an array of the numbers in these rows, of the shape of `rows` and a last axis of examples."""
        view = view_of(rows)
        return self.buffers.view(space, view) if view else self.gather(space, rows)

    def gather(self, space: int, rows: Integers) -> str:
        """Returns an array of rows that are not regular, taken one by one: constants once for all, before any run."""
        buffers = self.buffers
        key = ("gather", space, rows.shape, rows.tobytes())
        if key not in buffers.known:
            if space == BATCHED:
                inputs = enumerate(buffers.namer.arguments)
                buffers.copied |= {i for i, (_, start, stop) in inputs if ((rows >= start) & (rows < stop)).any()}
            constant = space == SHARED and not np.isnan(buffers.namer.constants[rows]).any()
            taken = buffers.known[key] = buffers.new("taken", rows.shape, space)
            lines = buffers.definitions if constant else self.lines
            lines.append(f'{BUFFERS[space, False]}.take({buffers.table(rows)}, 0, {taken}, "clip")')
        return buffers.known[key]

    def matrix(self, space: int, rows: Integers) -> str:
        """Returns the numbers as a matrix, or a stack of them; see `Buffers.matrix`."""
        found = self.buffers.matrix(space, rows)
        if found is None:
            rows = rows[0] if rows.shape[0] == 1 else rows
            taken = self.gather(space, rows)
            flat = "[..., 0]" if space == SHARED else f".reshape({', '.join(map(str, rows.shape[:-1]))}, -1)"
            found = self.buffers.define(f"{taken}_matrix", f"{taken}{flat}")
        return found

    def store(self, space: int, rows: Integers, text: str) -> None:
        """Says that these rows become what the text says."""
        view = view_of(rows)
        if view:
            target = self.buffers.view(space, view)
            self.say(f"np.copyto({target}, {text})" if text.isidentifier() else assignment(target, text))
        else:
            self.say(f"{BUFFERS[space, False]}[{self.buffers.table(rows)}] = {text}")
