"""The program of a graph that is deep and irregular: rung by rung, one operation on one number of every example.

Where hardly two numbers are made alike, groups would be as many as numbers, and a line of source for each would take
longer to write than to run. Here the source has one function for each kind of operation, and a table of what to apply
them to; so it stays short, and the time to make it grows with the number of nodes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.emit import Emitted, framed
from micrograd_plus.compiler.fold import BATCHED, SHARED, Folded
from micrograd_plus.compiler.layout import COPY, Instruction, Layout
from micrograd_plus.compiler.names import Argument
from micrograd_plus.compiler.text import assignment, numpy_text, product
from micrograd_plus.operation import Op

__all__ = ["Ladder", "emit_ladder", "ladder"]


@dataclass
class Ladder(Layout):
    """A layout in which every node has a row of its own, and every operation of the folded graph is an instruction.

    After the rows of the inputs and the random leaves come copies of the whole shared buffer, from row `shared_at` on,
    so that all operands lie in one buffer.
    """

    shared_at: int

    @property
    def count(self) -> int:
        """The number of instructions."""
        return len(self.folded.order)

    def rungs(self) -> Layout:
        """Returns it as a layout with an instruction for each operation, for those who write loops."""
        folded = self.folded
        row = (self.address + np.where(np.array(folded.space) == SHARED, self.shared_at, 0)).tolist()
        every = np.arange(self.shared_rows)
        found = [Instruction("map", COPY, BATCHED, every + self.shared_at, [every], [SHARED], every)]
        for node in folded.order:
            op = folded.op[node]
            operands = [np.array([row[child] for child in each]) for each in folded.operands[node]]
            if op.is_nary:
                operands = [each[np.newaxis] if starred else each for starred, each in zip(op.starred, operands)]
            form, at = "reduce" if op.is_nary else "map", np.array([row[node]])
            found.append(Instruction(form, op, BATCHED, at, operands, [BATCHED] * len(operands), np.array([node])))
        return Layout(folded, self.address, found, self.shared_rows, self.batched_rows, self.parameters)


def ladder(folded: Folded) -> Ladder:
    """Returns the ladder of a folded graph: every operation, also one on shared numbers alone, works row by row."""
    _unfold_single_products(folded)
    trace = folded.trace
    address = np.full(len(folded.space), -1, np.int64)
    count, parameters = len(trace.inputs) + len(trace.random), len(trace.parameters)
    address[[*trace.inputs, *trace.random]] = np.arange(count)
    shared = parameters + len(folded.constants)
    address[[*trace.parameters, *folded.constants]] = np.arange(shared)
    address[folded.order] = np.arange(len(folded.order)) + count + shared
    for node in folded.order:
        folded.space[node] = BATCHED
    return Ladder(folded, address, [], shared, count + shared + len(folded.order), parameters, shared_at=count)


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


# -------------------------------------------------------------------- the source


def emit_ladder(layout: Ladder, arguments: list[Argument], of: tuple[int, ...], wrt_inputs: bool) -> Emitted:
    """Returns the source of a ladder: a function for each operation, and loops over the table of rungs."""
    folded = layout.folded
    rows = layout.address + np.where(np.array(folded.space) == SHARED, layout.shared_at, 0)
    row = rows.tolist()
    kinds: dict[Op, int] = {}
    rungs = [_rung(folded, node, row, kinds) for node in folded.order]
    needed = _needed(layout, row, wrt_inputs)
    back = [(i, *rung) for i, rung in enumerate(rungs) if needed[rung[1]]] if of else []
    shared = f"{layout.shared_at}:{layout.shared_at + layout.shared_rows}"
    forward = [
        *[f"np.copyto(rows[{start}:{stop}], {name})" for name, start, stop in arguments],
        f"rows[{shared}] = shared[:, None]",
        "for step, out, x, y, z in ladder:",
        "    step(out, x, y, z)",
    ]
    backward = [
        "d_rows[...] = 0.0",
        *[f"d_rows[{row[folded.outputs[output]]}] += scale" for output in of],
        "for back, d, out, x, y, z, d_x, d_y, d_z in descent:",
        "    back(d, out, x, y, z, d_x, d_y, d_z)",
        f"np.add.reduce(d_rows[{shared}], axis=1, out=d_shared)",
    ]
    source = framed(_defined(layout.batched_rows, kinds, bool(of)), arguments, forward, backward if of else None)
    return Emitted(source, {"rungs": rungs, "needed": back}, len(rungs), len(back), 0)


def _defined(rows: int, kinds: dict[Op, int], with_back: bool) -> list[str]:
    """The lines that come first: the functions, and their tables of what to work on."""
    lines = [f"rows = np.empty(({rows}, B), shared.dtype)  # a row a number, a column an example", ""]
    for op, number in kinds.items():
        lines += _step(op, number) + (_back(op, number) if with_back else [])
    steps = "".join(f"step_{i}, " for i in range(len(kinds)))
    lines += [
        f"steps, value = ({steps}), list(rows)",
        "at = lambda each, buffer: buffer[each] if type(each) is int else each",
        "ladder = [(steps[k], value[out], at(x, value), at(y, value), at(z, value)) for k, out, x, y, z in rungs]",
    ]
    if with_back:
        lines += [
            "d_rows = np.zeros_like(rows)",
            f"backs, upstream = ({steps.replace('step', 'back')}), list(d_rows)",
            "descent = [",
            "    (backs[k], upstream[out], value[out], at(x, value), at(y, value), at(z, value), at(x, upstream),",
            "     at(y, upstream), at(z, upstream))",
            "    for _, k, out, x, y, z in reversed(needed)",
            "]",
        ]
    return lines


def _rung(folded: Folded, node: int, row: list[int], kinds: dict[Op, int]) -> tuple[Any, ...]:
    """The number of an operation among its kinds, the row that it fills, and three operands: rows or lists of rows."""
    op = folded.op[node]
    operands: list[Any] = [
        np.array([row[child] for child in each]) if starred else row[each[0]]
        for starred, each in zip(op.starred, folded.operands[node])
    ]
    return (kinds.setdefault(op, len(kinds)), row[node], *operands, *[None] * (3 - len(operands)))


def _needed(layout: Ladder, row: list[int], wrt_inputs: bool) -> list[bool]:
    """Which rows have a gradient that is asked for, or that leads to one."""
    trace, folded = layout.folded.trace, layout.folded
    needed = [False] * layout.batched_rows
    for node in [*trace.parameters.tolist(), *(trace.inputs.tolist() if wrt_inputs else [])]:
        needed[row[node]] = True
    for node in folded.order:
        needed[row[node]] = any(needed[row[child]] for each in folded.operands[node] for child in each)
    return needed


def _step(op: Op, number: int) -> list[str]:
    """The source of one operation's function; x, y and z are its operands, rows or (of a group) lists of rows."""
    what = op.value if op.is_nary else op.words(*op.operands)
    if op is ops.select:
        line = "np.copyto(out, rows[y[whole(x, len(y), np.empty(B, int))], np.arange(B)])"
    else:
        text = numpy_text(op, op.value, _operands(op))
        line = f"out[...] = ({text})[0]" if op.is_nary else assignment("out", text)
    return [f"def step_{number}(out, x, y, z):  # {what}", f"    {line}", ""]


def _back(op: Op, number: int) -> list[str]:
    """The source of the function that adds the operation's part to the gradients of its operands."""
    lines = []
    operands = _operands(op)
    members = {name[:-1]: operands[name] for name, starred in zip(operands, op.starred) if starred}
    for letter, name, starred in zip("xyz", op.names, op.starred):
        if op.partials[name] == "0":
            continue
        if op is ops.select:  # the entry that was picked, and no other
            lines.append("    np.add.at(d_rows, (y[x.astype(int)], np.arange(B)), d)")
            continue
        text = product("d", numpy_text(op, op.partials[name], {**operands, **members, "out": "out"}))
        if starred:
            lines.append(f"    np.add.at(d_rows, {letter}, np.broadcast_to({text}, (len({letter}), B)))")
        else:
            lines.append(f"    np.add(d_{letter}, {text}, out=d_{letter})")
    return [f"def back_{number}(d, out, x, y, z, d_x, d_y, d_z):", *(lines or ["    pass"]), ""]


def _operands(op: Op) -> dict[str, str]:
    """The text of each operand of a step."""
    texts = [f"rows.take({letter}, 0)" if starred else letter for letter, starred in zip("xyz", op.starred)]
    return {name.lstrip("*"): text for name, text in zip(op.operands, texts)}
