"""Tables as people have them: what they hold is read, or told; what a model knows of its table serves another one."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus.cli import main
from micrograd_plus.data import split
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.files import read_document, write_document
from micrograd_plus.train import Predictor
from tests.cli.tables import TABLES, N, Row, table

CODES = {"month"}  # numbers that are names
NO_FEATURES = {"PassengerId", "Name", "name", "customerID", "sold", "country"}


def features(rows: list[Row], target: str, known: list[int]) -> list[list[float]]:
    """What should become of a table: a feature a word, a mean and a flag; from the rows `known` alone. Written anew."""
    found: list[list[float]] = [[] for _ in rows]
    for name in rows[0]:
        cells = [row[name] for row in rows]
        if name == target or name in NO_FEATURES:
            continue
        if any(isinstance(cell, (str, bool)) for cell in cells) or name in CODES:
            for word in sorted({str(cells[i] or "~") if cells[i] is not False else "False" for i in known}):
                for features_of_row, cell in zip(found, cells):
                    features_of_row.append(float((str(cell) if cell is not None else "~") == word))
            continue
        given = [float(cells[i]) for i in known if cells[i] is not None]  # type: ignore[arg-type]
        gaps = len(given) < len(known)
        for features_of_row, cell in zip(found, cells):
            features_of_row.append(sum(given) / len(given) if cell is None else float(cell))
            features_of_row.extend([float(cell is None)] * gaps)
    return found


def parts(rows: list[Row], target: str) -> tuple[list[int], list[int], list[Any]]:
    """The rows to train on and those held out, as `train` parts them, and the targets."""
    goal = [row[target] for row in rows]
    classes = sorted({str(cell) for cell in goal}) if len({*goal}) < 20 else []
    targets: list[Any] = [classes.index(str(cell)) for cell in goal] if classes else goal
    numbered = Dataset([[i] for i in range(len(rows))], targets, classes=tuple(classes))
    training, held_out = ([int(x[0]) for x, _ in part] for part in split(numbered, 0.2, seed=0))
    return training, held_out, targets


def sorted_columns(rows: list[list[float]]) -> list[list[float]]:
    """The columns in an order of their own, so that words may be sorted otherwise."""
    return sorted(([round(x, 9) for x in column] for column in zip(*rows)), key=str)


@pytest.mark.parametrize("number", range(len(TABLES)), ids=[f"{make.__name__}, {quirk.name}" for make, quirk in TABLES])
def test_each_quirk_is_read_as_the_table_it_is(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from micrograd_plus.cli import _parsed
    from micrograd_plus.cli.train import _of_file

    rows, target, quirk = table(number)
    file = quirk.save(rows, tmp_path)
    args = _parsed(["train", "--data", str(file), "--target", quirk.target or target, *quirk.options])
    (training, _, held_out), told = _of_file(args)
    if "drop" in quirk.options:
        rows = [row for row in rows if None not in row.values()]
        assert told[-1] == f"{N - len(rows)} rows left out for an empty cell"
    known, unknown, targets = parts(rows, target)
    expected = features(rows, target, known)
    for data, numbers in ((training, known), (held_out, unknown)):
        assert sorted_columns(data.inputs) == sorted_columns([expected[i] for i in numbers])
        assert data.targets == [targets[i] for i in numbers]


CHANCES = [b",", b"\n", b'"', b"\r", b"\0", b"\xff", b"-", b"e999", b"1e308", b"nan", b"$", b"%", b"1/2/99", b" ", b";"]
Folders = pytest.TempPathFactory


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_holds_it_is_read_or_told_in_a_line(tmp_path_factory: Folders, data: Any) -> None:
    """Bytes that change places by chance: no traceback, no number that is not finite."""
    from micrograd_plus.cli import MENDABLE, _parsed
    from micrograd_plus.cli.table import read_table

    number = data.draw(st.integers(0, len(TABLES) - 1))
    rows, target, quirk = table(number)
    folder = tmp_path_factory.mktemp("chance")
    file = quirk.save(rows[:30], folder)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(CHANCES))
    file.write_bytes(bytes(content))
    try:
        made = read_table(_parsed(["train", "--data", str(file), "--target", quirk.target or target, *quirk.options]))
        numbered = made.numbered()
        inputs = made.part(numbered, numbered).inputs
        assert all(math.isfinite(x) for row in inputs for x in row) and made.summary()
    except MENDABLE as error:
        assert str(error) and type(error) in (ValueError, TypeError), repr(error)


def write(name: str, rows: list[Row]) -> None:
    with open(name, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(rows[0])
        writer.writerows(["" if cell is None else cell for cell in row.values()] for row in rows)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[Row]:
    """The passengers, and a model that was trained on them."""
    monkeypatch.chdir(tmp_path)
    rows, target, _ = table(3)
    write("all.csv", rows)
    assert main(["train", "--data", "all.csv", "--target", target, "--epochs", "5", "-o", "m"]) == 0
    capsys.readouterr()
    return rows


def predicted(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[list[dict[str, str]], str]:
    assert main(["predict", "m/model.json", "new.csv", *options]) == 0
    out, err = capsys.readouterr()
    return list(csv.DictReader(out.splitlines())), err


def test_answers_stand_beside_what_tells_rows_apart(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    write("new.csv", rows[:5])
    answers, _ = predicted(capsys)
    assert [*answers[0]] == ["PassengerId", "Name", "Survived"] and answers[2]["Name"] == "Doe, Mr. 2"
    answers, _ = predicted(capsys, "--keep", "Sex,1", "--proba")
    assert [*answers[0]] == ["Sex", "Pclass", "Survived", "P(0)", "P(1)"]
    assert all(float(each["P(0)"]) + float(each["P(1)"]) == pytest.approx(1) for each in answers)
    answers, _ = predicted(capsys, "--keep", "")
    assert [*answers[0]] == ["Survived"]


def test_columns_may_come_in_any_order_without_target_and_with_others(
    rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    write("new.csv", rows)
    expected = [each["Survived"] for each in predicted(capsys)[0]]
    changed: list[Row] = []
    for row in rows:
        names = sorted({*row} - {"Survived", "PassengerId"})
        changed.append({"Colour": "red", **{name: row[name] for name in names}})
    write("new.csv", changed)
    answers, err = predicted(capsys)
    assert [each["Survived"] for each in answers] == expected and [*answers[0]] == ["Name", "Survived"]
    gaps = sum(row["Age"] is None for row in rows)
    assert err == f"note: {gaps} empty cells: for a number stands the mean of the training rows\n"


def test_unseen_words_are_told(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    write("new.csv", [{**row, "Age": 30, "Embarked": "Mars" if i < 3 else "S"} for i, row in enumerate(rows[:9])])
    answers, err = predicted(capsys)
    assert len(answers) == 9
    assert err.startswith("note: 3 rows of column 'Embarked' hold what training has not seen ('Mars')")


def test_rows_that_training_left_out_have_no_answer(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--data", "all.csv", "--target", "Survived", "--epochs", "1", "-o", "m", "--force"]
    assert main([*command, "--missing", "drop"]) == 0
    gaps = sum(row["Age"] is None for row in rows)
    assert f"{gaps} rows left out for an empty cell" in capsys.readouterr().out
    write("new.csv", rows)
    answers, err = predicted(capsys, "--proba")
    assert [each["Survived"] == each["P(1)"] == "" for each in answers] == [row["Age"] is None for row in rows]
    assert err == f"note: {gaps} rows with an empty cell: no answer, as training left such rows out\n"
    assert main(["predict", "m/model.json", "all.csv", "--score"]) == 0
    assert f"note: {gaps} rows without target or answer left out" in capsys.readouterr().err
    assert main([*command, "--missing", "refuse"]) == 2
    assert "the cell is missing; fill it in, leave out the line, or pass --missing mean" in capsys.readouterr().err


def test_a_table_is_read_as_the_one_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options need not be given again: delimiter, decimal comma, encoding, no header."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    lines = [f"{draw.uniform(0, 9):.2f};é{i % 2};{i}".replace(".", ",") for i in range(30)]
    Path("t.csv").write_bytes("\n".join(lines).encode("latin-1"))
    reading = ["--delimiter", ";", "--decimal", ",", "--encoding", "latin-1", "--no-header"]
    assert main(["train", "--data", "t.csv", "--target", "0", "--epochs", "1", "-o", "m", *reading]) == 0
    assert main(["predict", "m/model.json", "t.csv", "-o", "whole.csv"]) == 0
    Path("t.csv").write_bytes("\n".join(line.split(";", 1)[1] for line in lines).encode("latin-1"))
    assert main(["predict", "m/model.json", "t.csv", "-o", "without.csv"]) == 0
    assert Path("whole.csv").read_bytes() == Path("without.csv").read_bytes(), "the target's place is known"
    Path("t.csv").write_bytes("\n".join(line.split(";")[0] for line in lines).encode("latin-1"))
    assert main(["predict", "m/model.json", "t.csv", "--force", "-o", "whole.csv"]) == 2


def test_words_and_means_are_kept_in_the_model(rows: list[Row]) -> None:
    predictor = Predictor.load("m/model.json")
    assert predictor.schema is not None
    assert predictor.feature_names == (
        "Pclass", "Sex=female", "Sex=male", "Age", "Age=(empty)", "Fare", "Embarked=C", "Embarked=Q", "Embarked=S"
    )  # fmt: skip
    assert predictor.schema.ids == ("PassengerId", "Name")
    known, _, _ = parts(rows, "Survived")
    ages = [rows[i]["Age"] for i in known]
    given = [float(age) for age in ages if age is not None]
    assert predictor.schema.fields[2].mean == pytest.approx(sum(given) / len(given), rel=1e-12), "of the training rows"


def test_a_model_of_an_older_file_knows_columns_by_name(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    write("new.csv", [{"x2": "1", "other": "word", "x1": "0.5"}])
    assert main(["train", "--data", "moons", "--epochs", "1", "-o", "m", "--force"]) == 0
    capsys.readouterr()
    expected = predicted(capsys)[0]
    saved = read_document("m/model.json", "model")
    del saved["schema"], saved["notes"]["always"]
    write_document("m/model.json", "model", saved)
    assert predicted(capsys)[0] == expected
    write("new.csv", [{"x2": 1, "x1": i, "class": "upper"} for i in range(3)])
    assert main(["predict", "m/model.json", "new.csv", "--score"]) == 0
    assert "always" not in capsys.readouterr().out


def test_the_constant_answer_is_that_of_the_training_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[Row] = [{"x": i, "y": i * i / 2} for i in range(40)]
    write("all.csv", rows)
    assert main(["train", "--data", "all.csv", "--target", "y", "--epochs", "1", "-o", "m"]) == 0
    known, held_out, targets = parts(rows, "y")
    mean = sum(targets[i] for i in known) / len(known)
    error = sum(abs(targets[i] - mean) for i in held_out) / len(held_out)
    line = next(line for line in capsys.readouterr().out.splitlines() if "always the mean" in line)
    assert float(line.split("│")[3]) == pytest.approx(error, rel=1e-3)
    assert main(["predict", "m/model.json", "all.csv", "--score"]) == 0
    error = sum(abs(y - mean) for y in targets) / len(targets)
    assert float(capsys.readouterr().out.split("(its mean absolute error): ")[1].split()[0]) == pytest.approx(
        error, rel=1e-3
    )


def test_a_class_without_training_rows_and_a_rate_of_0_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write("all.csv", [{"x": i, "y": "rare" if i == 7 else "ab"[i % 2]} for i in range(12)])
    seen = set()
    for seed in range(8):
        options = ["--test", "10", "--seed", str(seed), "--lr", "0", "--epochs", "1", "-o", f"m{seed}"]
        assert main(["train", "--data", "all.csv", "--target", "y", *options]) == 0
        out = capsys.readouterr().out
        assert "note: with --lr 0 nothing is learnt" in out
        seen.add("note: no row to train on has 'rare', which will not be learnt" in out)
    assert True in seen


def test_the_summary_tells_what_becomes_of_each_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("a", "b", None)
    write("all.csv", [
        {"id": i, "no": f"k{i}", "date": f"2020-01-{i + 1}", "same": 7, "void": None, "text": f"t{i % 15}",
         "x": i % 7 or None, "word": words[i % 3], "other": i, "y": i / 2} for i in range(20)
    ])  # fmt: skip
    assert main(["train", "--data", "all.csv", "--target", "9", "--drop", "other", "--epochs", "1"]) == 0
    told = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert told[0] == "all.csv: 20 rows, 10 columns"
    assert [re_spaced(line) for line in told[3:]] == [
        ["id", "0 to 19", "left out: it tells rows apart"],
        ["no", "20 words", "left out: it tells rows apart"],
        ["date", "dates", "left out: dates (write year, month, ... as numbers)"],
        ["same", "7 to 7", "left out: it is the same in every row"],
        ["void", "nothing, 20 empty", "left out: it is empty"],
        ["text", "15 words", "left out: 15 different texts"],
        ["x", "1 to 6, 3 empty", "the mean where empty, and a flag"],
        ["word", "2 words, 6 empty", "3 features"],
        ["other", "0 to 19", "left out, as you say"],
        ["y", "0 to 9.5", "the target, a number"],
    ]


def re_spaced(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
