"""Emits the NumPy source of a layout: one function that runs forward, and one that runs back.

Buffers have a row for each number and, in the batched one, a column for each example. All arrays are views of the
buffers, bound once for a batch size, so that a run allocates little and looks nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.buffers import Body, Buffers
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.forms import FORMS
from micrograd_plus.compiler.gradients import GradientSum
from micrograd_plus.compiler.layout import Layout
from micrograd_plus.compiler.names import Argument, Namer

__all__ = ["Emitted", "emit", "framed", "wanted_rows"]


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
    buffers = Buffers(layout, namer)
    forward, backward = Body(buffers), Body(buffers)
    _go_forward(forward)
    if of:
        _go_back(GradientSum(buffers, backward, wanted_rows(layout, namer, wrt_inputs)), of)
    defined = [
        f"rows = np.empty(({layout.batched_rows}, B), shared.dtype)  # a row a number, a column an example",
        "columns = shared[:, None]  # what is the same for all examples",
    ]
    if of:
        defined += ["d_rows = np.zeros_like(rows)", "d_columns = d_shared[:, None]"]
    source = framed([*defined, *buffers.definitions], namer.arguments, forward.lines, backward.lines if of else None)
    matrix_products = sum(each.is_matrix_product for each in layout.instructions)
    return Emitted(source, buffers.tables, len(forward.lines), len(backward.lines), matrix_products)


def framed(defined: list[str], arguments: list[Argument], forward: list[str], backward: list[str] | None) -> str:
    """Returns the source of `bind`: what is defined once for a batch size, and the functions that run."""
    names = [name for name, _, _ in arguments]
    body = [*defined, "", *_function("forward", names, forward)]
    if backward is not None:
        body += _function("backward", [*names, "scale"], backward)
    made = ", d_rows, forward, backward" if backward is not None else ", None, forward, None"
    lines = ["    " + line if line else "" for line in [*body, f"return rows{made}"]]
    return "\n".join(["def bind(np, shared, d_shared, B):", *lines, ""])


def _function(name: str, arguments: list[str], lines: list[str]) -> list[str]:
    return [f"def {name}({', '.join(arguments)}):", *("    " + line for line in lines or ["pass"]), ""]


def _go_forward(body: Body) -> None:
    buffers = body.buffers
    layout, arguments = buffers.layout, buffers.namer.arguments
    for instruction in layout.instructions:
        forward, _ = FORMS[instruction.form]
        forward(body, instruction)
    for node in layout.folded.outputs:
        row = int(layout.address[node])
        if layout.folded.space[node] == BATCHED and row < buffers.namer.input_rows:
            buffers.copy(row, row)
    copied = [arguments[i] for i in sorted(buffers.copied)]
    body.lines[:0] = [f"np.copyto(rows[{start}:{stop}], {name})" for name, start, stop in copied]


def _go_back(sums: GradientSum, of: tuple[int, ...]) -> None:
    layout = sums.buffers.layout
    for output in of:
        node = layout.folded.outputs[output]
        sums.start(layout.folded.space[node], int(layout.address[node]))
    for instruction in reversed(layout.instructions):
        if sums.written[instruction.space][instruction.rows].any():
            _, backward = FORMS[instruction.form]
            backward(sums, instruction)


def wanted_rows(layout: Layout, namer: Namer, wrt_inputs: bool) -> dict[int, NDArray[np.bool_]]:
    """Returns which rows have a gradient that is asked for, or that leads to one."""
    wanted = {SHARED: np.zeros(layout.shared_rows, bool), BATCHED: np.zeros(layout.batched_rows, bool)}
    wanted[SHARED][: layout.parameters] = True
    if wrt_inputs:
        wanted[BATCHED][: namer.input_rows] = True
    for each in layout.instructions:
        if any(wanted[space][rows].any() for space, rows in zip(each.reads, each.operands)):
            wanted[each.space][each.rows] = True
    return wanted
