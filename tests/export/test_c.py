"""What is written in C gives the numbers of the engine, for any graph, compiled without a warning."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, compile, nn, operation
from micrograd_plus.checks import flat
from micrograd_plus.export import Exported, to_c
from tests.export.graphs import largest, random_program

pytestmark = pytest.mark.slow

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")


def compiler() -> str:
    found = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if found is None:
        pytest.fail("there is no C compiler; install gcc")
    return found


def predict(exported: Exported, folder: Path, rows: np.ndarray, count: int) -> np.ndarray:
    """What the file's `predict` writes for each row."""
    folder = Path(tempfile.mkdtemp(dir=folder))  # the loader takes two libraries of one path for the same
    path = folder / "model.c"
    exported.save(path)
    subprocess.run(
        [compiler(), *STRICT, "-shared", "-fPIC", str(path), "-o", str(folder / "model.so"), "-lm"], check=True
    )
    loaded = ctypes.CDLL(str(folder / "model.so"))
    real = np.float32 if "typedef float real;" in exported.source else np.float64
    work = [np.empty(10**6, real)] if "real *work)" in exported.source else []
    found = np.empty((len(rows), count), real)
    for row, y in zip(rows.astype(real), found):
        loaded.predict(*(ctypes.c_void_p(each.ctypes.data) for each in (np.ascontiguousarray(row), y, *work)))
    return found


def in_rows(*batch: np.ndarray) -> np.ndarray:
    return np.concatenate([each.reshape(len(each), -1) for each in batch], axis=1)


def check(seed: int, steps: int, folder: Path, dtype: str, tolerance: float) -> None:
    program, batch, index = random_program(seed, steps, 3)
    expected = program(batch, index)
    found = predict(to_c(program, dtype=dtype), folder, in_rows(batch, index), 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=tolerance, atol=tolerance * largest(program, expected) * 25)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9), steps=st.integers(1, 12))
def test_random_graphs_in_c_agree_with_eager(tmp_path_factory: Any, seed: int, steps: int) -> None:
    check(seed, steps, tmp_path_factory.mktemp("c"), "float64", 1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_some_random_graphs_in_c_agree_with_eager(tmp_path: Path, seed: int) -> None:
    check(seed, 1 + seed, tmp_path, "float64", 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_model_in_float32_is_right_to_its_digits(tmp_path: Path, seed: int) -> None:
    model = nn.MLP(3, [8, 8, 2], activation="tanh", seed=seed, dropout=0.2)
    rows = np.random.default_rng(seed).uniform(-1, 1, (5, 3))
    found = predict(to_c(model, dtype="float32"), tmp_path, rows, 2)
    model.eval()
    np.testing.assert_allclose(found, [[y.data for y in model(row.tolist())] for row in rows], rtol=1e-5, atol=1e-6)


def test_a_large_model_gets_its_work_space(tmp_path: Path) -> None:
    model = nn.MLP(4, [1100, 3], activation="tanh", seed=0)
    exported = to_c(model)
    assert "void predict(const real *x, real *y, real *work) {" in exported.source
    found = predict(exported, tmp_path, np.array([[0.1, 0.2, 0.3, 0.4]]), 3)
    np.testing.assert_allclose(found[0], [y.data for y in model([0.1, 0.2, 0.3, 0.4])], rtol=1e-12, atol=1e-12)


def test_main_reads_numbers_and_prints_results(tmp_path: Path) -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    to_c(model, tmp_path / "model.c")
    program = tmp_path / "predict"
    subprocess.run(
        [compiler(), *STRICT, "-DPREDICT_MAIN", str(tmp_path / "model.c"), "-o", str(program), "-lm"], check=True
    )
    run = subprocess.run([program], input="0.5 -1\n2 3\n", capture_output=True, text=True, check=True)
    expected = [y.data for row in ([0.5, -1.0], [2.0, 3.0]) for y in model(row)]
    np.testing.assert_allclose([float(each) for each in run.stdout.split()], expected, rtol=1e-14)
    for wrong in ("0.5", "0.5 x", "name\n"):
        assert subprocess.run([program], input=wrong, capture_output=True, text=True).returncode == 1


@pytest.mark.parametrize("index", [-1.0, 3.0, 0.5, np.nan])
def test_an_index_that_is_no_place_gives_nan(tmp_path: Path, index: float) -> None:
    table = nn.Embedding(3, 2, seed=0)
    exported = to_c(table, example=(1.0,))
    assert np.isnan(predict(exported, tmp_path, np.array([[index]]), 2)).all()
    right = predict(exported, tmp_path, np.array([[2.0]]), 2)
    np.testing.assert_array_equal(right[0], [each.data for each in flat(table(2))])


def test_a_drawing_program_is_refused() -> None:
    model = nn.MLP(2, [3, 2], dropout=0.5, seed=0)
    program = compile(model.forward, example=([0.0, 1.0],))
    with pytest.raises(ValueError, match=r"draws numbers by chance \(bernoulli\).*model.eval\(\)"):
        to_c(program)
    model.eval()
    assert "bernoulli" not in to_c(compile(model.forward, example=([0.0, 1.0],))).source


def test_a_custom_row_of_a_list_is_written(tmp_path: Path) -> None:
    squares = operation.Op("squares", "squares", "*xs", "sum(x * x for x in xs) + max(xs)", {"x": "2 * x"})
    from micrograd_plus.value import apply

    def function(row: list[Value]) -> Value:
        return apply(squares, row)

    program = compile(function, example=([1.0, 2.0, 3.0],))
    rows = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
    np.testing.assert_allclose(predict(to_c(program), tmp_path, rows, 1)[:, 0], program(rows), rtol=1e-15)
