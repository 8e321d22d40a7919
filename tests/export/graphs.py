"""Random graphs for every target, made as those of the compiler's own tests."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np

from micrograd_plus import Value, operation, topological_order
from micrograd_plus.checks import flat
from micrograd_plus.compiler import Program, compile
from micrograd_plus.value import leaf
from tests.compiler.test_random_graphs import Draw

__all__ = ["largest", "lesson_nine", "random_program"]

LESSON = Path(__file__).parents[2] / "demos" / "09_microgpt.py"


def random_program(seed: int, steps: int, size: int) -> tuple[Program, np.ndarray, np.ndarray]:
    """A random graph's program, and a batch: rows of three numbers, and an index."""
    rng = np.random.default_rng(seed)
    parameters = [leaf(float(p), operation.PARAMETER, f"p{i}") for i, p in enumerate(rng.uniform(-1, 1, 7))]
    batch, index = rng.uniform(-1, 1, (size, 3)), rng.integers(0, 3, size)
    inputs = [Value(float(x), f"x{j}") for j, x in enumerate(batch[0])]
    position = Value(float(index[0]), "i")
    output = Draw(seed).build(inputs, position, parameters, steps)
    return compile(output, inputs=[inputs, position], parameters=parameters), batch, index


def lesson_nine() -> dict[str, Any]:
    """The classes and functions of the lesson on GPTs, without what it does with them."""
    kept = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    body = [
        node for node in ast.parse(LESSON.read_text(encoding="utf-8")).body
        if isinstance(node, kept) and "_lesson" not in ast.unparse(node)
    ]  # fmt: skip
    found: dict[str, Any] = {}
    exec(ast.unparse(ast.Module(body, [])), found)
    return found


def largest(program: Program, found: Any) -> float:
    """The largest number in the traced graph and among the results, at least 1: rounding grows with it."""
    inside = [abs(node.data) for node in topological_order(*flat(program.outputs))]
    return max(1.0, *filter(math.isfinite, [*inside, *np.abs(np.asarray(found, float)).reshape(-1).tolist()]))
