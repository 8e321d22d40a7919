"""Emits the NumPy source of a layout: one function that runs forward, and one that runs back.

Buffers have a row for each number and, in the batched one, a column for each example. All arrays are views of the
buffers, bound once for a batch size, so that a run allocates little and looks nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.accumulate import Accumulator
from micrograd_plus.compiler.arrays import BUFFERS
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import COPY, Instruction, Layout
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.text import assignment, numpy_text, product
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import grid, view_of

__all__ = ["Emitted", "emit"]


@dataclass
class Emitted:
    """What was emitted: the source of `bind`, and the index tables that it is given by name."""

    source: str
    tables: dict[str, Any]
    forward_lines: int
    backward_lines: int
    matrix_products: int


def emit(layout: Layout, namer: Namer, of: tuple[int, ...], wrt_inputs: bool) -> Emitted:
    """Returns the source of a program, and if `of` has the numbers of outputs, that of the gradients of their sum.

    Gradients are taken with respect to all parameters and, if wanted, inputs.
    """
    return _Emitter(layout, namer, of=of, wrt_inputs=wrt_inputs).emit()


@dataclass
class _Emitter(Accumulator):
    """Goes through the instructions, forwards and then back, and says the lines of each."""

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
        return (
            repr(float(numbers.flat[0]))
            if (numbers == numbers.flat[0]).all() and np.isfinite(numbers.flat[0])
            else None
        )

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
            self.say(f"{BUFFERS[each.space, False]}[{self.table(rows)}] = {text}")

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
        weights = each.reads[0] == SHARED and each.space == BATCHED
        self.matrix_products += weights or max(left.shape[1], right.shape[1]) > 1  # the rest are inner products
        if each.reads[0] == SHARED:
            a, b = self.matrix(SHARED, left), self.matrix(each.reads[1], right.transpose(0, 2, 1))
            self.say(f"np.matmul({a}, {b}, out={self.matrix(each.space, each.rows)})")
        elif left.shape[1] == right.shape[1] == 1:
            a, b = self.value(BATCHED, left[:, 0]), self.value(BATCHED, right[:, 0])
            self.say(f"np.add.reduce({a} * {b}, axis=1, out={self.value(each.space, each.rows.reshape(-1))})")
        else:
            a = self.turned(self.value(BATCHED, left), "3, 0, 1, 2")
            b = self.turned(self.value(BATCHED, right), "3, 0, 2, 1")
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
            pairs = [("", left[:, 0], right[:, 0]), ("", right[:, 0], left[:, 0])]
            if np.array_equal(left, right):
                pairs = [("2.0 * ", left[:, 0], left[:, 0])]
            for twice, rows, other in pairs:
                if self.needs(BATCHED, rows):
                    self.contribute(BATCHED, rows, f"{twice}{d}[:, None] * {self.value(BATCHED, other)}", BATCHED)
        else:
            d = self.gradient(each.space, each.rows)
            for rows, other, turn in ((left, right, "3, 0, 1, 2"), (right, left, "3, 0, 2, 1")):
                if self.needs(BATCHED, rows):
                    factors = f"{self.turned(d, turn)}, {self.turned(self.value(BATCHED, other), '3, 0, 1, 2')}"
                    self.contribute(BATCHED, rows, f"np.matmul({factors})", BATCHED, back="1, 2, 3, 0")

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
            self.known[key] = name = self.buffer(
                "index", shape, each.reads[0 if each.form == "reduce" else 1], "np.intp"
            )
            self.say(f"whole({text}, {count}, {name})")
        return self.known[key]

    def places(self, each: Instruction, text: str, table: Integers, axis: int) -> str:
        """The text of indices that pick one entry of a table along an axis, for every member and example."""
        index = self.index(
            each, text, tuple(1 if i == axis else n for i, n in enumerate(table.shape)), table.shape[axis]
        )
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
