"""The program of a graph that is deep and irregular: rung by rung, one operation on one number of every example.

Where hardly two numbers are made alike, groups would be as many as numbers, and a line of source for each would take
longer to write than to run. Here the source has one function for each kind of operation, and a table of what to apply
them to; so it stays short, and the time to make it grows with the number of nodes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.emit import Emitted
from micrograd_plus.compiler.fold import BATCHED, SHARED, Folded
from micrograd_plus.compiler.layout import Instruction, Layout
from micrograd_plus.compiler.names import Argument
from micrograd_plus.compiler.text import assignment, numpy_text, product
from micrograd_plus.operation import Op

__all__ = ["Ladder", "emit_ladder", "ladder"]


class Ladder(Layout):
    """A layout in which every node has a row of its own, and every operation is an instruction of its own.

    After the rows of the inputs and the random leaves come copies of the whole shared buffer, from row `shared_at` on,
    so that all operands lie in one buffer.
    """

    shared_at: int

    def row(self, node: int) -> int:
        """The row of a node in the batched buffer."""
        address = int(self.address[node])
        return address if self.folded.space[node] == BATCHED else self.shared_at + address


class _Rungs(Sequence[Instruction]):
    """The instructions of a ladder, made when they are looked at."""

    def __init__(self, layout: Ladder) -> None:
        self.layout = layout

    def __len__(self) -> int:
        return len(self.layout.folded.order)

    def __getitem__(self, i: Any) -> Any:
        node = self.layout.folded.order[i]
        op, operands = self.layout.folded.op[node], self.layout.folded.operands[node]
        rows = [np.array([[self.layout.row(child) for child in each]]) for each in operands]
        if op in (ops.dot, ops.affine):
            shaped = [each[:, np.newaxis] for each in rows]
            return Instruction("product", op, BATCHED, np.array([[[self.layout.row(node)]]]), shaped,
                               [BATCHED] * len(rows), np.array([[[node]]]))  # fmt: skip
        shaped = [each if op.operands[i].startswith("*") else each[:, 0] for i, each in enumerate(rows)]
        return Instruction("reduce" if op.is_nary else "map", op, BATCHED, np.array([self.layout.row(node)]), shaped,
                           [BATCHED] * len(rows), np.array([node]))  # fmt: skip

    def __iter__(self) -> Iterator[Instruction]:
        return (self[i] for i in range(len(self)))


def ladder(folded: Folded) -> Ladder:
    """Returns the layout of a folded graph as a ladder."""
    _unfold_single_products(folded)
    trace = folded.trace
    address = np.full(len(folded.space), -1, np.int64)
    count = len(trace.inputs) + len(trace.random)
    address[trace.inputs] = np.arange(len(trace.inputs))
    address[trace.random] = np.arange(len(trace.inputs), count)
    address[trace.parameters] = np.arange(len(trace.parameters))
    shared = len(trace.parameters) + len(folded.constants)
    constants = np.fromiter(folded.constants, np.int64, len(folded.constants))
    address[constants] = np.arange(len(trace.parameters), shared)
    order = np.array(folded.order, np.int64)
    address[order] = np.arange(len(order)) + count + shared
    for node in folded.order:
        folded.space[node] = BATCHED
    made = Ladder(folded, address, [], shared, count + shared + len(order), len(trace.parameters))
    made.shared_at = count
    made.instructions = _Rungs(made)
    return made


def _unfold_single_products(folded: Folded) -> None:
    """Makes a product, and an addition if there is a bias, of each sum of one product: they need no lists."""
    order = folded.order
    folded.order = []
    for node in order:
        op, operands = folded.op[node], folded.operands[node]
        if op in (ops.dot, ops.affine) and len(operands[0]) == 1:
            left, right, *bias = operands
            made = folded.add(ops.mul, [left, right], None if bias else node)
            if bias:
                folded.add(ops.add, [[made], bias[0]], node)
        else:
            folded.order.append(node)


def emit_ladder(layout: Ladder, arguments: list[Argument], of: tuple[int, ...], wrt_inputs: bool) -> Emitted:
    """Returns the source of a ladder: a function for each operation, and loops over the table of rungs."""
    folded = layout.folded
    kinds: dict[Op, int] = {}
    table: list[tuple[int, int, Any, Any, Any]] = []
    rows = layout.address + np.where(np.array(folded.space) == SHARED, layout.shared_at, 0)
    row = rows.tolist()
    for node in folded.order:
        op = folded.op[node]
        operands: list[Any] = [
            np.array([row[child] for child in each]) if name.startswith("*") else row[each[0]]
            for name, each in zip(op.operands, folded.operands[node])
        ]
        table.append((kinds.setdefault(op, len(kinds)), row[node], *operands, *[None] * (3 - len(operands))))
    needed = _needed(layout, row, wrt_inputs)
    back = [(i, *rung) for i, rung in enumerate(table) if needed[rung[1]]] if of else []
    lines = ["def bind(np, shared, d_shared, B):"]
    names = ", ".join(name for name, _, _ in arguments)
    shared_stop = layout.shared_at + layout.shared_rows
    body = [
        f"rows = np.empty(({layout.batched_rows}, B))  # a row for each number, a column for each example",
        "d_rows = np.zeros(rows.shape)" if of else "d_rows = None",
        "",
    ]
    for op, number in kinds.items():
        body += _functions(op, number, bool(of))
    listed = ", ".join(f"step_{i}" for i in range(len(kinds)))
    body += [f"steps = ({listed},)", "value, upstream = list(rows), list(d_rows)" if of else "value = list(rows)"]
    body += [
        "at = lambda each, buffer: buffer[each] if type(each) is int else each",
        "ladder = [(steps[k], value[out], at(x, value), at(y, value), at(z, value)) for k, out, x, y, z in rungs]",
        "",
        f"def forward({names}):",
        *[f"    np.copyto(rows[{start}:{stop}], {name})" for name, start, stop in arguments],
        f"    rows[{layout.shared_at}:{shared_stop}] = shared[:, None]",
        "    for step, out, x, y, z in ladder:",
        "        step(out, x, y, z)",
        "",
    ]
    if of:
        given = f"{names}, scale" if names else "scale"
        body += [f"backs = ({', '.join(f'back_{i}' for i in range(len(kinds)))},)"]
        body += [
            "descent = [",
            "    (backs[k], upstream[out], value[out], at(x, value), at(y, value), at(z, value), at(x, upstream),",
            "     at(y, upstream), at(z, upstream))",
            "    for _, k, out, x, y, z in reversed(needed)",
            "]",
            "",
            f"def backward({given}):",
            "    d_rows[...] = 0.0",
            *[f"    d_rows[{row[folded.outputs[output]]}] += scale" for output in of],
            "    for back, d, out, x, y, z, d_x, d_y, d_z in descent:",
            "        back(d, out, x, y, z, d_x, d_y, d_z)",
            f"    np.add.reduce(d_rows[{layout.shared_at}:{shared_stop}], axis=1, out=d_shared)",
            "",
        ]
    body.append(f"return rows, d_rows, forward, {'backward' if of else 'None'}")
    source = "\n".join(lines + ["    " + line if line else "" for line in body]) + "\n"
    return Emitted(source, {"rungs": table, "needed": back}, len(table), len(back), 0)


def _needed(layout: Ladder, row: list[int], wrt_inputs: bool) -> list[bool]:
    """Which rows have a gradient that is asked for, or that leads to one."""
    trace, folded = layout.folded.trace, layout.folded
    needed = [False] * layout.batched_rows
    for node in [*trace.parameters.tolist(), *(trace.inputs.tolist() if wrt_inputs else [])]:
        needed[row[node]] = True
    for node in folded.order:
        needed[row[node]] = any(needed[row[child]] for each in folded.operands[node] for child in each)
    return needed


def _functions(op: Op, number: int, with_back: bool) -> list[str]:
    """The source of one operation's functions; x, y and z are its operands, rows or (of a group) lists of rows."""
    letters = ["x", "y", "z"]
    starred = [name.startswith("*") for name in op.operands]
    texts = [f"rows.take({a}, 0)" if star else a for a, star in zip(letters, starred)]
    named = {name.lstrip("*"): text for name, text in zip(op.operands, texts)}
    what = op.words(*op.operands) if not op.is_nary else op.value
    lines = [f"def step_{number}(out, x, y, z):  # {what}"]
    if op is ops.select:
        lines += ["    np.copyto(out, rows[y[whole(x, len(y), np.empty(B, int))], np.arange(B)])"]
    else:
        squeeze = "[0]" if op.is_nary else ""
        text = numpy_text(op, op.value, named)
        text = f"({text}){squeeze}" if squeeze else text
        lines += ["    " + (assignment("out", text) if not squeeze else f"out[...] = {text}")]
    lines.append("")
    if not with_back:
        return lines
    lines.append(f"def back_{number}(d, out, x, y, z, d_x, d_y, d_z):")
    if op is ops.select:
        lines += ["    np.add.at(d_rows, (y[x.astype(int)], np.arange(B)), d)", ""]
        return lines
    inside = len(lines)
    for a, name, star in zip(letters, op.names, starred):
        members = {one[1:-1]: text for one, text in zip(op.operands, texts) if one.startswith("*")}
        text = product("d", numpy_text(op, op.partials[name], {**named, **members, "out": "out"}))
        if op.partials[name] == "0":
            continue
        if star:
            shape = f"np.broadcast_to({text}, (len({a}), B))"
            lines.append(f"    np.add.at(d_rows, {a}, {shape})")
        else:
            lines.append(f"    np.add(d_{a}, {text}, out=d_{a})")
    if len(lines) == inside:
        lines.append("    pass")
    return [*lines, ""]
