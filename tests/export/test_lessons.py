"""Every lesson's programs leave: PyTorch, JAX, ONNX and C give what they give for the lesson's own batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus.checks import flat
from micrograd_plus.compiler import Program
from micrograd_plus.export import to_c, to_jax, to_onnx, to_torch
from tests.compiler.test_lessons import LESSONS, programs_of
from tests.export.graphs import largest
from tests.export.test_c import in_rows, predict
from tests.export.test_frameworks import check_jax, check_torch, module_of
from tests.export.test_onnx import run

MOST = 4
"""So many programs of a lesson are compared: those of different graphs, and without draws of their own."""


def numbers(found: Any) -> np.ndarray:
    """All outputs, one example a row."""
    arrays = [np.asarray(each, float) for each in flat(list(found) if isinstance(found, tuple) else found)]
    size = max(each.shape[0] for each in arrays)
    return np.concatenate([np.broadcast_to(each, (size, *each.shape[1:])).reshape(size, -1) for each in arrays], axis=1)


def in_torch(program: Program, batch: list[Any], folder: Path) -> Any:
    import torch

    exported = to_torch(program, folder / "model.py")
    inputs = [torch.tensor(np.asarray(each, float)) for each in batch]
    found = module_of(exported).load(folder / "model.safetensors")(*inputs)
    return [each.detach().numpy() for each in flat(list(found) if isinstance(found, tuple) else found)]


def in_jax(program: Program, batch: list[Any], folder: Path) -> Any:
    import jax

    exported = to_jax(program, folder / "model.py")
    with jax.enable_x64(True):
        module = module_of(exported)
        return module.forward(module.load(folder / "model.safetensors"), *map(jax.numpy.asarray, batch))


@pytest.mark.torch
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lessons_programs_leave(lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case for case in programs_of(lesson, tmp_path, monkeypatch) if not len(case[0].draws.streams)]
    for program, batch in cases[:MOST]:
        expected = numbers(program(*batch))
        size = largest(program, expected)
        for found in (in_torch(program, batch, tmp_path), in_jax(program, batch, tmp_path)):
            np.testing.assert_allclose(numbers(found), expected, rtol=1e-12, atol=1e-12 * size)
        if expected.shape == (len(batch[0]), 1):  # a loss: its gradients too
            check_torch(program, *batch)
            check_jax(program, *batch)
        rows = in_rows(*(np.asarray(each, float) for each in batch))
        in_c = predict(to_c(program), tmp_path, rows, expected.shape[1])
        np.testing.assert_allclose(in_c, expected, rtol=1e-12, atol=1e-12 * size)
        in_onnx = numbers(run(to_onnx(program), *(np.asarray(each, float) for each in batch)))
        np.testing.assert_allclose(in_onnx, expected, rtol=1e-5, atol=1e-5 * size)
