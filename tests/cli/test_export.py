"""`micrograd-plus export`: what leaves gives for raw rows what `micrograd-plus predict` gives."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus.cli import main
from tests.export.test_frameworks import module_of
from tests.export.test_onnx import run


def table(path: Path, seed: int, target: str) -> None:
    """A table with words and empty cells."""
    draw = random.Random(seed)
    lines = ["size,town,rooms,sold\n"]
    for _ in range(60):
        size, town = draw.uniform(20, 200), draw.choice(["Ulm", "Bonn, old", 'Kö"ln', ""])
        rooms = draw.choice(["few", "many", "NA"])
        sold = str(size > 100) if target == "classes" else f"{size * 3 + len(town):.3f}"
        cells = [f"{size:.2f}" if draw.random() < 0.9 else "n/a", town, rooms, sold]
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(params=["classes", "numbers"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "sold.csv", 0, request.param)
    table(tmp_path / "new.csv", 1, request.param)
    common = ["--epochs", "3", "--hidden", "5", "-o", "run", "--missing", "mean"]
    assert main(["train", "--data", "sold.csv", "--target", "sold", *common]) == 0
    assert main(["predict", "run/model.json", "new.csv", "-o", "answers.csv"]) == 0
    return tmp_path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def answers(folder: Path) -> list[str]:
    return [row["sold"] for row in rows_of(folder / "answers.csv")]


@pytest.mark.torch
@pytest.mark.parametrize("language", ["torch", "jax"])
def test_raw_rows_give_the_same_answers(folder: Path, language: str, capsys: Any) -> None:
    assert main(["export", "run/model.json", "--to", language, "-o", "model.py"]) == 0
    assert "model.py and model.safetensors written; to run: python model.py" in capsys.readouterr().out
    import jax

    from micrograd_plus.export import Exported

    module = module_of(Exported((folder / "model.py").read_bytes()))
    module.__file__ = str(folder / "model.py")
    with jax.enable_x64(True):
        found = module.predict(rows_of(folder / "new.csv"))
    for mine, theirs in zip(found, answers(folder), strict=True):
        assert mine == theirs or abs(float(mine) - float(theirs)) < 1e-9 * abs(float(theirs))


@pytest.mark.torch
def test_onnx_takes_the_features_that_its_words_describe(folder: Path) -> None:
    from micrograd_plus.data import read_inputs
    from micrograd_plus.export import Exported
    from micrograd_plus.train import Predictor

    assert main(["export", "run/model.json", "--to", "onnx", "-o", "model.onnx"]) == 0
    predictor = Predictor.load("run/model.json")
    rows = read_inputs("new.csv", predictor.schema)
    import numpy as np

    [found] = run(Exported((folder / "model.onnx").read_bytes()), np.array(rows))
    expected: Any = predictor.outputs(rows) if predictor.classes else predictor.predict(rows)
    np.testing.assert_allclose(found.reshape(len(rows), -1), np.array(expected).reshape(len(rows), -1), rtol=1e-4)


def test_c_is_written_once_and_not_over_what_is_there(folder: Path, capsys: Any) -> None:
    command = ["export", "run/model.json", "--to", "c", "--dtype", "float32", "-o", "model.c"]
    assert main(command) == 0
    first = (folder / "model.c").read_bytes()
    assert b"typedef float real;" in first
    assert main(command) == 2
    assert "'model.c' is there already; name another file, or pass --force to write over it" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert (folder / "model.c").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "torch", "-o", "run/model.json", "--force"], "is what was read"),
        (["--to", "torch", "-o", "sold.safetensors"], "ends in .safetensors, as the weights do"),
        (["--to", "rust", "-o", "model.rs"], "choose from torch, jax, onnx, c"),
        (["--to", "onnx", "--dtype", "float32", "-o", "model.onnx"], "--dtype is a choice in C alone"),
        (["--to", "c", "-o", "nowhere/model.c"], "there is no folder"),
    ],
)
def test_mistakes_are_told_in_a_line(folder: Path, arguments: list[str], told: str, capsys: Any) -> None:
    assert main(["export", "run/model.json", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("micrograd-plus export: ") and told in line
    assert not list(folder.glob("model.*")) and not list(folder.glob("*.safetensors"))
