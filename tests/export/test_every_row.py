"""Every row of the table leaves: its value, and in PyTorch and JAX its slope, also where it has a kink or a jump."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, ops
from micrograd_plus.compiler import Program, compile
from micrograd_plus.export import to_c, to_onnx
from micrograd_plus.operation import Op
from micrograd_plus.value import apply
from tests.export.test_c import predict
from tests.export.test_frameworks import check_jax, check_torch
from tests.export.test_onnx import run

FAMILIES = [
    ops.leaky_relu(0.1), ops.elu(0.7), ops.clamp(-0.5, 0.5), ops.clamp(min=0.5), ops.clamp(max=1.0), ops.gelu("tanh"),
    *[ops.power(k) for k in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, -1.0, 1.5, -2.5)],
]  # fmt: skip
ROWS = [op for op in (*ops.TABLE.values(), *FAMILIES) if not op.is_nary]
POINTS = (-20.0, -2.5, -1.5, -1.0, -0.5, 0.0, 1e-9, 0.3, 0.5, 1.0, 1.5, 2.5, 20.0)


def is_defined(op: Op, *operands: float) -> bool:
    try:
        value, slopes = op.scalar(*operands)
    except (ArithmeticError, ValueError):
        return False
    return all(map(math.isfinite, (value, *slopes))) and abs(value) < 1e5


def program_of(op: Op) -> tuple[Program, np.ndarray]:
    """A program of the row alone, and where it is defined."""
    pairs = [(x, y) for x in POINTS for y in (POINTS if len(op.operands) == 2 else (0.0,))]
    batch = [pair for pair in pairs if is_defined(op, *pair[: len(op.operands)])]

    def function(x: list[Value]) -> Value:
        return apply(op, *x[: len(op.operands)])

    return compile(function, example=(batch[-1],)), np.array(batch)


@pytest.fixture(params=ROWS, ids=lambda op: op.label if op.constants else op.name)
def row(request: pytest.FixtureRequest) -> tuple[Program, np.ndarray]:
    return program_of(request.param)


@pytest.mark.torch
@pytest.mark.parametrize("check", [check_torch, check_jax])
def test_values_and_slopes(check: Any, row: tuple[Program, np.ndarray]) -> None:
    check(*row)


@pytest.mark.torch
def test_onnx(row: tuple[Program, np.ndarray]) -> None:
    program, batch = row
    with np.errstate(all="ignore"):
        expected = program(batch.astype(np.float32).astype(float))
    np.testing.assert_allclose(run(to_onnx(program), batch)[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_c(row: tuple[Program, np.ndarray], tmp_path: Path) -> None:
    program, batch = row
    found = predict(to_c(program), tmp_path, batch, 1)
    np.testing.assert_allclose(found[:, 0], program(batch), rtol=1e-14, atol=1e-300)
