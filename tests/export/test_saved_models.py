"""A saved model that leaves takes raw rows, and gives the answers that it gives here."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import nn
from micrograd_plus.data import Dataset, Standardizer, iris, standardize
from micrograd_plus.export import to_c, to_jax, to_onnx, to_torch
from micrograd_plus.train import Predictor, fit
from tests.export.test_c import predict
from tests.export.test_frameworks import module_of
from tests.export.test_onnx import run

HOSTILE = [
    'a"b',
    "*/ int x; /*",
    "x\nimport os",
    "??/",
    "{0}",
    "\\",
    "é",
    '"""',
    "two words",
    "%s",
    "'",
    "\u2028",
    "//",
]


def of_flowers() -> Predictor:
    data, scaler = standardize(iris())
    model = nn.MLP(4, [6, 3], activation="tanh", seed=0, dropout=0.1)
    fit(model, data, lr=0.05, epochs=3)
    return Predictor.of(model, data, scaler=scaler)


def of_two_classes() -> Predictor:
    rng = random.Random(0)
    rows = [[rng.gauss(50, 10), rng.gauss(0, 0.01)] for _ in range(40)]
    targets = [int(row[0] > 50) for row in rows]
    data = Dataset(rows, targets, feature_names=("size", "tilt"), classes=("low", "high"))
    scaled, scaler = standardize(data)
    model = nn.MLP(2, [4, 1], seed=0)
    fit(model, scaled, lr=0.05, epochs=5)
    return Predictor.of(model, scaled, scaler=scaler)


def of_numbers() -> Predictor:
    model = nn.MLP(2, [4, 1], activation="relu", seed=0)
    scaler, target = Standardizer([10.0, -3.0], [4.0, 0.5]), Standardizer([200.0], [30.0])
    return Predictor(model, ("rooms", "age"), target_name="price", scaler=scaler, target_scaler=target)


def of_hostile_names() -> Predictor:
    model = nn.MLP(len(HOSTILE), [len(HOSTILE)], seed=0)
    return Predictor(model, tuple(HOSTILE), tuple(HOSTILE), 'target "*/\n?', "cross_entropy")


PREDICTORS = {"flowers": of_flowers, "two classes": of_two_classes, "numbers": of_numbers, "hostile": of_hostile_names}


@pytest.fixture(params=PREDICTORS)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    found: Predictor = PREDICTORS[request.param]()
    return found


def rows_for(predictor: Predictor, count: int = 20) -> list[list[float]]:
    rng = np.random.default_rng(1)
    width = len(predictor.feature_names)
    means, scales = (
        (predictor.scaler.means, predictor.scaler.scales) if predictor.scaler else ([0] * width, [1] * width)
    )
    return (np.array(means) + rng.normal(size=(count, width)) * np.array(scales)).tolist()  # type: ignore[no-any-return]


def outputs(predictor: Predictor, rows: list[list[float]]) -> np.ndarray:
    """What the exported model gives: its outputs, a regression's in the units of the table."""
    found: Any = predictor.outputs(rows) if predictor.classes else predictor.predict(rows)
    return np.array(found).reshape(len(rows), -1)


@pytest.mark.slow
def test_c(predictor: Predictor, tmp_path: Path) -> None:
    rows = rows_for(predictor)
    expected = outputs(predictor, rows)
    found = predict(to_c(predictor), tmp_path, np.array(rows), expected.shape[1])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_c_prints_the_names_of_classes(predictor: Predictor, tmp_path: Path) -> None:
    import subprocess

    from tests.export.test_c import STRICT, compiler

    to_c(predictor, tmp_path / "model.c")
    made = [compiler(), *STRICT, "-DPREDICT_MAIN", str(tmp_path / "model.c"), "-o", str(tmp_path / "run"), "-lm"]
    subprocess.run(made, check=True)
    rows = rows_for(predictor)
    given = "".join(" ".join(map(repr, row)) + "\n" for row in rows)
    run = subprocess.run([tmp_path / "run"], input=given.encode(), capture_output=True, check=True)
    expected = predictor.predict(rows)
    if not predictor.classes:
        np.testing.assert_allclose([float(each) for each in run.stdout.split()], expected, rtol=1e-12)
        return
    count = outputs(predictor, rows).shape[1]
    text = run.stdout.decode()
    for answer in expected:
        line, text = (
            text[: text.index(answer + "\n") + len(answer)],
            text[text.index(answer + "\n") + len(answer) + 1 :],
        )
        assert line.split(" ", count)[count] == answer
    assert text == ""


@pytest.mark.torch
def test_torch(predictor: Predictor, tmp_path: Path) -> None:
    in_python(predictor, tmp_path, to_torch)


@pytest.mark.torch
def test_jax(predictor: Predictor, tmp_path: Path) -> None:
    import jax

    with jax.enable_x64(True):
        in_python(predictor, tmp_path, to_jax)


def in_python(predictor: Predictor, folder: Path, export: Any) -> None:
    rows = rows_for(predictor)
    exported = export(predictor, folder / "model.py")
    module = module_of(exported)
    module.__file__ = str(folder / "model.py")
    named = [dict(zip(predictor.feature_names, row)) for row in rows]
    found, expected = module.predict(named), predictor.predict(rows)
    if predictor.classes:
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.torch
def test_onnx(predictor: Predictor) -> None:
    rows = rows_for(predictor)
    [found] = run(to_onnx(predictor), np.array(rows))
    np.testing.assert_allclose(np.array(found).reshape(len(rows), -1), outputs(predictor, rows), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("export", [to_c, to_onnx, to_torch, to_jax])
def test_the_words_say_what_goes_in_and_comes_out(export: Any) -> None:
    predictor = of_flowers()
    words = " ".join(export(predictor).content.decode(errors="replace").replace("\n//", "").replace("\n#", "").split())
    assert f"Its inputs, in order: 0 {predictor.feature_names[0]!r}, 1" in words
    assert "the classes: 0 'setosa', 1 'versicolor', 2 'virginica'" in words
    assert "They are raw, as in the table" in words
