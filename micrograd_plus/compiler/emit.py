"""Emits the NumPy source of a layout: one function that runs forward, and one that runs back.

Buffers have a row for each number and, in the batched one, a column for each example. All arrays are views of the
buffers, bound once for a batch size, so that a run allocates little and looks nothing up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import COPY, Instruction, Layout
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.text import assignment, numpy_text, product
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, grid, view_of

__all__ = ["Emitted", "emit"]

_BUFFERS = {(BATCHED, False): "rows", (BATCHED, True): "d_rows", (SHARED, False): "columns", (SHARED, True): "d_columns"}


@dataclass
class Emitted:
    """What was emitted: the source of `bind`, and the index tables that it is given by name."""

    source: str
    tables: dict[str, Integers]
    forward_lines: int
    backward_lines: int
    matrix_products: int


def emit(layout: Layout, namer: Namer, of: tuple[int, ...], wrt_inputs: bool) -> Emitted:
    """Returns the source of a program, and if `of` has the numbers of outputs, that of the gradients of their sum.

    Gradients are taken with respect to all parameters and, if wanted, inputs.
    """
    return _Emitter(layout, namer, of, wrt_inputs).emit()


@dataclass
class _Emitter:
    layout: Layout
    namer: Namer
    of: tuple[int, ...]
    wrt_inputs: bool
    definitions: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    tables: dict[str, Integers] = field(default_factory=dict)
    known: dict[object, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)
    matrix_products: int = 0

    def emit(self) -> Emitted:
        layout = self.layout
        self.lines = self.forward
        for instruction in layout.instructions:
            getattr(self, f"{instruction.form}_forward")(instruction)
        for node in layout.folded.outputs:
            if layout.folded.space[node] == BATCHED and layout.address[node] < self.namer.input_rows:
                self.copied.add(self.argument_of(int(layout.address[node])))
        self.forward[:0] = [self.copy_in(i) for i in sorted(self.copied)]
        if self.of:
            self.lines = self.backward
            self.start_backward()
            for instruction in reversed(layout.instructions):
                if self.written[instruction.space][instruction.rows].any():
                    getattr(self, f"{instruction.form}_backward")(instruction)
        return Emitted(self.source(), self.tables, len(self.forward), len(self.backward), self.matrix_products)

    # ------------------------------------------------------------ the frame

    def source(self) -> str:
        arguments = ", ".join(name for name, _, _ in self.namer.arguments)
        defined = [
            f"rows = np.empty(({self.layout.batched_rows}, B))  # a row for each number, a column for each example",
            "columns = shared[:, None]  # what is the same for all examples",
        ]
        if self.of:
            defined += ["d_rows = np.zeros(rows.shape)", "d_columns = d_shared[:, None]"]
        body = [*defined, *self.definitions, "", f"def forward({arguments}):", *self.inside(self.forward), ""]
        back = "None"
        if self.of:
            given = f"{arguments}, scale" if arguments else "scale"
            body += [f"def backward({given}):", *self.inside(self.backward), ""]
            back = "backward"
        body.append(f"return rows, {'d_rows' if self.of else 'None'}, forward, {back}")
        lines = ["    " + line if line else "" for line in body]
        return "\n".join(["def bind(np, shared, d_shared, B):", *lines, ""])

    @staticmethod
    def inside(lines: list[str]) -> list[str]:
        return ["    " + line for line in lines] or ["    pass"]

    def copy_in(self, argument: int) -> str:
        name, start, stop = self.namer.arguments[argument]
        return f"np.copyto(rows[{start}:{stop}], {name})"

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
        self.lines.append(line)

    # ------------------------------------------------------------ arrays

    def name(self, space: int, view: View, grad: bool) -> str:
        name = self.namer.region(space, view.start, int(np.prod(view.shape)))
        return f"d_{name}" if grad else name

    def view(self, space: int, view: View, grad: bool = False) -> str:
        """An array of the shape of the view, and a last axis of examples (of length 1 in the shared buffer)."""
        if space == BATCHED and not grad:
            direct = self.argument(view)
            if direct:
                return direct
        buffer = _BUFFERS[space, grad]
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
        reach = view.start + sum((size - 1) * max(stride, 0) for size, stride in zip(view.shape, view.strides))
        for i, (name, start, stop) in enumerate(self.namer.arguments):
            if start <= view.start < stop:
                if reach < stop and len(view.shape) == 1 and (view.strides[0] == 1 or view.shape[0] == 1):
                    whole = (view.start, reach + 1) == (start, stop)
                    return name if whole else f"{name}[{view.start - start}:{reach + 1 - start}]"
                self.copied.add(i)
        self.copied |= {i for i, (_, start, stop) in enumerate(self.namer.arguments) if view.start < stop <= reach + 1}
        if reach < self.namer.input_rows:
            self.copied |= {i for i, (_, start, stop) in enumerate(self.namer.arguments) if start <= reach < stop}
        return None

    def gather(self, space: int, rows: Integers, grad: bool = False) -> str:
        """An array of rows that are not regular, taken one by one."""
        buffer = _BUFFERS[space, grad]
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
        buffer = _BUFFERS[BATCHED, grad]
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

    # ------------------------------------------------------------ map: one row of the table on many numbers

    def map_arrays(self, each: Instruction) -> tuple[tuple[int, ...], dict[str, str]]:
        """The shape to work in, and the text of every operand."""
        literal = [self.literal(space, rows) for space, rows in zip(each.reads, each.operands)]
        tables = [rows for rows, number in zip(each.operands, literal) if number is None]
        shape = grid([each.rows, *tables])
        texts = [
            number if number is not None else self.value(space, self.shaped(rows, shape))
            for number, space, rows in zip(literal, each.reads, each.operands)
        ]
        return shape, dict(zip(each.op.names, texts))

    @staticmethod
    def shaped(rows: Integers, shape: tuple[int, ...]) -> Integers:
        return rows.reshape(shape)

    def literal(self, space: int, rows: Integers) -> str | None:
        """The number itself if the operand is one constant."""
        if space == BATCHED:
            return None
        numbers = self.namer.constants[rows]
        return repr(float(numbers.flat[0])) if (numbers == numbers.flat[0]).all() and np.isfinite(numbers.flat[0]) else None

    def map_forward(self, each: Instruction) -> None:
        shape, names = self.map_arrays(each)
        text = numpy_text(each.op, each.op.value, names)
        if each.op is COPY and not np.isnan(self.namer.constants[each.operands[0]]).any() and each.reads[0] == SHARED:
            self.lines = self.definitions  # a constant stays where it is
        self.store(each, self.shaped(each.rows, shape), text)
        self.lines = self.forward

    def store(self, each: Instruction, rows: Integers, text: str) -> None:
        """Says the assignment of an instruction's result."""
        view = view_of(rows)
        if view:
            target = self.view(each.space, view)
            self.say(f"np.copyto({target}, {text})" if text.isidentifier() else assignment(target, text))
        else:
            self.say(f"{_BUFFERS[each.space, False]}[{self.table(rows)}] = {text}")

    def map_backward(self, each: Instruction) -> None:
        shape, names = self.map_arrays(each)
        rows = self.shaped(each.rows, shape)
        names["out"] = self.value(each.space, rows)
        upstream = self.gradient(each.space, rows)
        merged: dict[tuple[int, bytes], list[str]] = {}
        targets: dict[tuple[int, bytes], Integers] = {}
        for name, space, operand in zip(each.op.names, each.reads, each.operands):
            text = numpy_text(each.op, each.op.partials[name], names)
            if self.needs(space, operand) and text != "0.0":
                key = (space, operand.tobytes())
                targets[key] = self.shaped(operand, shape)
                merged.setdefault(key, []).append(text)
        for (space, data), partials in merged.items():
            whole = partials[0] if len(partials) == 1 else " + ".join(f"({each})" for each in partials)
            pure = rows if whole == "1.0" else None
            self.contribute(space, targets[space, data], product(upstream, whole), each.space, pure=pure)

    # ------------------------------------------------------------ product: stacks of matrix products

    def product_forward(self, each: Instruction) -> None:
        left, right, *bias = each.operands
        self.matrix_products += 1
        if each.reads[0] == SHARED:
            a, b = self.matrix(SHARED, left), self.matrix(each.reads[1], right.transpose(0, 2, 1))
            self.say(f"np.matmul({a}, {b}, out={self.matrix(each.space, each.rows)})")
        elif left.shape[1] == right.shape[1] == 1:
            a, b = self.value(BATCHED, left[:, 0]), self.value(BATCHED, right[:, 0])
            self.say(f"np.add.reduce({a} * {b}, axis=1, out={self.value(each.space, each.rows.reshape(-1))})")
        else:
            a, b = self.turned(self.value(BATCHED, left), "3, 0, 1, 2"), self.turned(self.value(BATCHED, right), "3, 0, 2, 1")
            out = self.turned(self.value(each.space, each.rows), "3, 0, 1, 2")
            self.say(f"np.matmul({a}, {b}, out={out})")
        if bias:
            rows, squeezed = self.squeezed(each.rows, bias[0])
            out = self.value(each.space, rows)
            self.say(f"np.add({out}, {self.value(each.reads[2], squeezed)}, out={out})")

    @staticmethod
    def squeezed(rows: Integers, *others: Integers) -> tuple[Integers, ...]:
        """The same tables without axes of length 1."""
        shape = tuple(size for size in rows.shape if size > 1) or (1,)
        return tuple(each.reshape(shape) for each in (rows, *others))

    def product_backward(self, each: Instruction) -> None:
        left, right, *bias = each.operands
        if bias and self.needs(each.reads[2], bias[0]):
            rows, squeezed = self.squeezed(each.rows, bias[0])
            self.contribute(each.reads[2], squeezed, self.gradient(each.space, rows), each.space, pure=rows)
        if each.reads[0] == SHARED:
            self.matrix_backward(each, left, right)
        elif left.shape[1] == right.shape[1] == 1:
            d = self.gradient(each.space, each.rows.reshape(-1))
            a, b = left[:, 0], right[:, 0]
            if np.array_equal(a, b):
                self.contribute(BATCHED, a, f"2.0 * {d}[:, None] * {self.value(BATCHED, a)}", BATCHED)
                return
            for rows, other in ((a, b), (b, a)):
                if self.needs(BATCHED, rows):
                    self.contribute(BATCHED, rows, f"{d}[:, None] * {self.value(BATCHED, other)}", BATCHED)
        else:
            d = self.gradient(each.space, each.rows)
            for rows, other, turn in ((left, right, "3, 0, 1, 2"), (right, left, "3, 0, 2, 1")):
                if self.needs(BATCHED, rows):
                    a = self.turned(d, turn)
                    b = self.turned(self.value(BATCHED, other), "3, 0, 1, 2")
                    self.contribute(BATCHED, rows, f"np.matmul({a}, {b})", BATCHED, back="1, 2, 3, 0")

    def matrix_backward(self, each: Instruction, left: Integers, right: Integers) -> None:
        a, b = self.matrix(SHARED, left), self.matrix(each.reads[1], right.transpose(0, 2, 1))
        d = self.gradient_matrix(each.space, each.rows)
        assert a is not None and b is not None
        swap = "" if left.shape[0] == 1 else "0, 2, 1"
        inner = tuple(size for i, size in enumerate(left.shape) if i or size > 1)
        if self.needs(SHARED, left):
            self.matrix_contribute(SHARED, left, f"np.matmul({d}, {self.turned(b, swap)})", inner)
        if self.needs(each.reads[1], right):
            rows = right.transpose(0, 2, 1)
            inner = tuple(size for i, size in enumerate(rows.shape) if i or size > 1)
            self.matrix_contribute(each.reads[1], rows, f"np.matmul({self.turned(a, swap)}, {d})", inner)

    def matrix_contribute(self, space: int, rows: Integers, text: str, shape: tuple[int, ...]) -> None:
        target = self.matrix(space, rows, grad=True)
        if target is not None:
            self.put(space, rows, target, text, lambda: self.gradient_matrix(space, rows))
        else:
            last = "B" if space == BATCHED else "1"
            self.contribute(space, rows.reshape(shape), f"{text}.reshape({', '.join(map(str, shape))}, {last})", space)

    # ------------------------------------------------------------ reduce: many numbers into one

    def reduce_rows(self, each: Instruction) -> tuple[Integers, list[Integers], int]:
        """Rows and operands in a shape in which operands are views if they can be, and the axis of the terms.

        Rows get an axis of length 1 for the terms.
        """
        tables = [rows for rows in each.operands if rows.ndim == 2]
        shape = grid([each.rows, *[rows[:, 0] for rows in tables]])
        shaped = [rows.reshape(shape + rows.shape[1:]) for rows in each.operands]
        if any(rows.ndim > len(shape) and view_of(rows) is None for rows in shaped):
            # taken one by one: then with the terms first, which is the quickest to go through
            shaped = [np.moveaxis(rows, -1, 0) if rows.ndim > len(shape) else rows[np.newaxis] for rows in shaped]
            return each.rows.reshape(1, *shape), shaped, 0
        shaped = [rows if rows.ndim > len(shape) else rows[..., np.newaxis] for rows in shaped]
        return each.rows.reshape(*shape, 1), shaped, len(shape)

    def reduce_names(self, each: Instruction) -> tuple[Integers, list[Integers], int, dict[str, str]]:
        rows, operands, axis = self.reduce_rows(each)
        texts = [self.value(space, operand) for space, operand in zip(each.reads, operands)]
        names = {operand.lstrip("*"): text for operand, text in zip(each.op.operands, texts)}
        return rows, operands, axis, names

    def reduce_forward(self, each: Instruction) -> None:
        rows, operands, axis, names = self.reduce_names(each)
        if each.op is ops.select:
            picks = self.known["picks", id(each)] = self.places(each, names["i"], operands[1], axis)
            self.store(each, rows, f"{names['xs']}[{picks}]")
        elif each.op is ops.logsumexp:
            self.logsumexp_forward(each, rows, operands[0], axis, names["xs"])
        else:
            self.store(each, rows, numpy_text(each.op, each.op.value, names, axis))

    def reduce_backward(self, each: Instruction) -> None:
        rows, operands, axis, names = self.reduce_names(each)
        names["out"] = self.value(each.space, rows)
        upstream = self.gradient(each.space, rows)
        if each.op is ops.select:
            self.select_backward(each, operands[1], axis, upstream)
            return
        if each.op is ops.logsumexp:
            exps, total = self.known["exps", id(each)], self.known["total", id(each)]
            self.contribute(each.reads[0], operands[0], f"{upstream} / {total} * {exps}", each.space)
            return
        terms = operands[-1].shape[axis]
        steps = ", ".join("-1" if i == axis else "1" for i in range(operands[-1].ndim + 1))
        names["j"] = f"np.arange({terms}).reshape({steps})"
        single = {one[1:-1]: names[one[1:]] for one in each.op.operands if one.startswith("*")}
        for starred, name, space, operand in zip(each.op.operands, each.op.names, each.reads, operands):
            partial = numpy_text(each.op, each.op.partials[name], names | single, axis)
            if not self.needs(space, operand) or partial == "0.0":
                continue
            text = product(upstream, partial)
            if partial in ("1.0", "-1.0"):
                last = "B" if each.space == BATCHED else "1"
                text = f"np.broadcast_to({text}, ({', '.join(map(str, operand.shape))}, {last}))"
            if not starred.startswith("*") and any(one in partial for one in single.values()):
                text = f"np.add.reduce({text}, axis={axis}, keepdims=True)"
            pure = np.broadcast_to(rows, operand.shape) if partial == "1.0" else None
            self.contribute(space, operand, text, each.space, pure=pure)

    def buffer(self, name: str, shape: tuple[int, ...], space: int, kind: str = "") -> str:
        """The name of an array for what is not a number of the graph, made once."""
        unique = self.namer.unique(name)
        sizes = ", ".join([*map(str, shape), "B" if space == BATCHED else "1"])
        self.definitions.append(f"{unique} = np.empty(({sizes}){', ' + kind if kind else ''})")
        self.bound.add(unique)
        return unique

    def logsumexp_forward(self, each: Instruction, rows: Integers, operand: Integers, axis: int, xs: str) -> None:
        """The row's own formula, in steps: its exponentials, divided by their sum, are the derivatives."""
        name = self.namer.region(each.space, int(each.rows.min()), each.rows.size)
        exps = self.known["exps", id(each)] = self.buffer(f"{name}_exps", operand.shape, each.space)
        total = self.known["total", id(each)] = self.buffer(f"{name}_total", rows.shape, each.space)
        self.say(f"peak = np.maximum.reduce({xs}, axis={axis}, keepdims=True)")
        self.say(f"np.exp({xs} - peak, out={exps})")
        self.say(f"np.add.reduce({exps}, axis={axis}, keepdims=True, out={total})")
        self.store(each, rows, f"peak + np.log({total})")

    def index(self, each: Instruction, text: str, shape: tuple[int, ...], count: int) -> str:
        """The name of an operand as whole numbers below `count`; anything else is an error when the program runs."""
        key = ("index", text, shape, count)
        if key not in self.known:
            self.known[key] = name = self.buffer("index", shape, each.reads[0 if each.form == "reduce" else 1], "np.intp")
            self.say(f"whole({text}, {count}, {name})")
        return self.known[key]

    def places(self, each: Instruction, text: str, table: Integers, axis: int) -> str:
        """The text of indices that pick one entry of a table along an axis, for every member and example."""
        index = self.index(each, text, tuple(1 if i == axis else n for i, n in enumerate(table.shape)), table.shape[axis])
        picks = []
        for i, size in enumerate((*table.shape, "B")):
            steps = ", ".join("-1" if i == j else "1" for j in range(table.ndim + 1))
            own = each.space if i == table.ndim else None
            length = "1" if own == SHARED else size
            picks.append(index if i == axis else self.define("every", f"np.arange({length}).reshape({steps})"))
        return ", ".join(picks)

    def select_backward(self, each: Instruction, table: Integers, axis: int, upstream: str) -> None:
        """Adds the gradient to the entries that were picked, and to no others."""
        space = each.reads[1]
        if not self.needs(space, table):
            return
        picks = self.known["picks", id(each)]
        view = view_of(table)
        if view and view.is_injective and space == each.space:
            target = self.view(space, view, grad=True)
            done = self.written[space][table]
            if not done.any():
                self.say(f"{target}[...] = 0.0")
                self.written[space][table] = True
            elif not done.all():
                self.clear(space, table[~done])
                self.written[space][table] = True
            if (self.home[space][table] != table).any():
                self.say(f"np.copyto({target}, {self.gradient(space, table)})")
                self.home[space][table] = table
            self.say(f"{target}[{picks}] += {upstream}")
            return
        last = "B" if each.space == BATCHED else "1"
        spread = self.namer.unique("spread")
        self.say(f"{spread} = np.zeros(({', '.join(map(str, table.shape))}, {last}))")
        self.say(f"{spread}[{picks}] = {upstream}")
        self.contribute(space, table, spread, each.space)

    # ------------------------------------------------------------ lookup: columns of a table, by index

    def lookup_forward(self, each: Instruction) -> None:
        columns, indices = each.operands
        table = self.shared_matrix(columns, grad=False)
        index = self.index(each, self.value(each.reads[1], indices), indices.shape, columns.shape[1])
        self.store(each, each.rows, f"{table}.take({index}, 1)")

    def lookup_backward(self, each: Instruction) -> None:
        columns, indices = each.operands
        if not self.needs(SHARED, columns):
            return
        index = self.index(each, self.value(each.reads[1], indices), indices.shape, columns.shape[1])
        chosen = f"({index}.reshape(-1, 1) == np.arange({columns.shape[1]})).astype(float)"
        d = self.gradient_matrix(each.space, each.rows[np.newaxis])
        self.matrix_contribute(SHARED, columns[np.newaxis], f"np.matmul({d}, {chosen})", columns.shape)

    # ------------------------------------------------------------ gradients that add up

    def start_backward(self) -> None:
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
            target = self.define(
                self.name(space, view, True) + "_sums", f"d_shared[{view.start}:{view.start + lead}]"
            )
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
        rows = np.unique(rows)
        view = view_of(rows)
        target = self.view(space, view, grad=True) if view else f"{_BUFFERS[space, True]}"
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
        self.say(f"{_BUFFERS[space, True]}[{self.table(unique)}] {sign} {summed}")
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
