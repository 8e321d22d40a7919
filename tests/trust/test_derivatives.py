"""A compiled derivative is that of every example, wherever it was traced, or it is refused.

Rows choose among formulas at kinks and edges (that of x ** y at x = 0); a graph of derivatives holds one of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, apply, compile, gradients
from micrograd_plus.compiler import CompileError
from micrograd_plus.compiler.program import Program
from micrograd_plus.operation import Op
from tests.strategies import INDEX, OPERATIONS, names

PLACES = (-1.5, -1.0, 0.0, 0.5, 1.0, 2.0)


def derivatives(op: Op, numbers: Any, order: int = 1) -> tuple[list[Value], list[Value]]:
    """The operands, and the derivatives by each, or, at order 2, those of their sum."""
    leaves = [Value(number) for number in numbers]
    outputs = gradients(apply(op, *op.groups(leaves)), leaves)
    for _ in range(order - 1):
        outputs = gradients(sum(outputs), leaves)
    return leaves, outputs


def first(program: Program, row: Any) -> Any:
    return program([row])[0]


def outcome(run: Callable[[], Any]) -> list[float] | None:
    try:
        return [float(each) for each in run()]
    except (ArithmeticError, ValueError, IndexError, TypeError):  # a number that is not finite, an index out of range
        return None


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("op", OPERATIONS, ids=names)
def test_derivatives_hold_for_every_example(op: Op, order: int) -> None:
    count = 3 if op.is_nary else len(op.operands)
    if op.name in ("dot", "affine"):
        count = 4 + (op.name == "affine")
    grid = list(itertools.product(PLACES, repeat=count))[:: max(1, len(PLACES) ** count // 40)]
    if op.operands[0] == INDEX:
        grid = [(float(abs(round(i)) % (count - 1)), *rest) for i, *rest in grid]
    eager = [outcome(lambda row=row: derivatives(op, row, order)[1]) for row in grid]
    refused = 0
    for traced in grid[:: max(1, len(grid) // 8)]:
        try:
            leaves, outputs = derivatives(op, traced, order)
            program = compile(outputs, inputs=[leaves])
        except (CompileError, ArithmeticError, ValueError):
            refused += 1
            continue
        for row, expected in zip(grid, eager):
            found = outcome(partial(first, program, row))
            if found is not None and expected is not None:
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=f"{traced} at {row}")
            elif found is not None:
                assert all(map(math.isfinite, found))
    assert refused < 9, "nothing was compiled"
