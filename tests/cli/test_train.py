"""`train` and `predict` from end to end: toy and real sets, a CSV file of one's own, and what is wrong with it."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_plus.cli import main
from micrograd_plus.train import History, Predictor


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    if "charts" not in request.fixturenames:  # drawing takes longer than all else here
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        for module in ("chart", "plots"):
            monkeypatch.delitem(sys.modules, f"micrograd_plus.viz.{module}", raising=False)


@pytest.fixture
def charts() -> None:
    """Asked for by a test that looks at the loss curve."""


def ok(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that goes well prints."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that is refused says: one line, and no traceback."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "Traceback" not in err and not out
    return err


def write_pets(path: Path, rows: int = 90, delimiter: str = ",") -> None:
    draw = random.Random(0)
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["weight", "height", "pet", "price"])
        for i in range(rows):
            pet, weight, height = [("cat", 4, 25), ("dog", 30, 60), ("emu", 40, 160)][i % 3]
            kilos, inches = weight * draw.uniform(0.8, 1.2), height * draw.uniform(0.9, 1.1)
            writer.writerow([f"{kilos:.2f}", f"{inches:.1f}", pet, f"{1000 + 20 * kilos + 3 * inches:.2f}"])


@pytest.mark.usefixtures("charts")
def test_iris_from_training_to_prediction(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = ok(capsys, "train", "--data", "iris", "--epochs", "40")
    assert "held out (30 rows)" in out and "Confusion matrix" in out and "versicolor" in out
    assert "micrograd-plus predict runs/iris/model.json" in out
    assert {path.name for path in (tmp_path / "runs/iris").iterdir()} == {
        "model.json", "history.json", "loss.svg", "checkpoint.json"
    }  # fmt: skip
    history = History.load("runs/iris/history.json")
    assert len(history) == 40 and history["held-out accuracy"][-1] >= 0.9
    Path("new.csv").write_text(
        "name,petal width (cm),petal length (cm),sepal width (cm),sepal length (cm)\nmine,0.2,1.4,3.5,5.1\n",
        encoding="utf-8",
    )
    assert ok(capsys, "predict", "runs/iris/model.json", "new.csv") == "species\nsetosa\n", "columns by their names"
    lines = ok(capsys, "predict", "runs/iris/model.json", "new.csv", "--probabilities").splitlines()
    assert lines[0] == "species,P(setosa),P(versicolor),P(virginica)"
    assert sum(map(float, lines[1].split(",")[1:])) == pytest.approx(1.0)


def test_a_csv_classification(capsys: pytest.CaptureFixture[str]) -> None:
    write_pets(Path("pets.csv"))
    out = ok(
        capsys, "train", "--data", "pets.csv", "--target", "pet", "--features", "weight", "height", "--epochs", "60",
        "--hidden", "8", "4", "--activation", "tanh", "-o", "here",
    )  # fmt: skip
    assert "3 classes: cat 24, dog 24, emu 24" in out and "MLP(2, [8, 4, 3])" in out
    answers = ok(capsys, "predict", "here/model.json", "pets.csv").splitlines()
    assert answers[0] == "pet" and answers[1:7] == ["cat", "dog", "emu"] * 2
    out = ok(capsys, "predict", "here/model.json", "pets.csv", "--score")
    assert float(out.split("accuracy: ")[1].split()[0]) > 0.95 and "true \\ predicted" in out
    main(["predict", "here/model.json", "pets.csv", "-o", "answers.csv"])
    assert Path("answers.csv").read_text(encoding="utf-8").splitlines() == answers
    assert capsys.readouterr().err == "90 rows written to answers.csv\n"


def test_a_csv_regression_in_its_own_unit(capsys: pytest.CaptureFixture[str]) -> None:
    write_pets(Path("pets.csv"), delimiter=";")
    common = ["--data", "pets.csv", "--delimiter", ";", "--features", "weight", "height"]
    out = ok(capsys, "train", *common, "--target", "price", "--epochs", "80", "--hidden")
    assert "price from 1" in out and "MLP(2, [1])" in out and "R squared" in out
    out = ok(capsys, "predict", "runs/pets/model.json", "pets.csv", "--delimiter", ";", "--score")
    assert float(out.split("mean absolute error: ")[1].split()[0]) < 25, "prices run from 1100 to 2400"


def test_a_csv_without_names(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i % 7},{i % 5},{int(i % 7 > i % 5)}" for i in range(70)]
    Path("bare.csv").write_text("\n".join(rows), encoding="utf-8")
    ok(capsys, "train", "--data", "bare.csv", "--no-header", "--target", "2", "--epochs", "60")
    answers = ok(capsys, "predict", "runs/bare/model.json", "bare.csv", "--no-header").splitlines()
    assert answers[0] == "x3"
    right = sum(answer == row.split(",")[2] for answer, row in zip(answers[1:], rows))
    assert right > 63


@pytest.mark.parametrize("name", ["xor", "line", "moons", "circles", "spirals", "blobs"])
def test_every_toy_set_trains(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "held out (40 rows)" in ok(capsys, "train", "--data", name, "--epochs", "2", "--hidden", "4")


def test_options_reach_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    out = ok(
        capsys, "train", "--data", "moons", "--epochs", "200", "--dropout", "0.1", "--loss", "cross_entropy",
        "--optimizer", "sgd", "--lr", "1", "--batch-size", "64", "--patience", "3", "--seed", "3", "--test", "0.25",
    )  # fmt: skip
    assert "MLP(2, [32, 2], dropout=0.1)" in out and "cross_entropy, sgd at rate 1" in out
    assert "training (112 rows)" in out and "held out (50 rows)" in out, "38 are set apart to stop by"
    assert "stopped after epoch" in out and "validation loss has not improved for 3 epochs" in out
    assert History.load("runs/moons/history.json").rates[0] == 1.0
    assert Predictor.load("runs/moons/model.json").loss == "cross_entropy"


@pytest.mark.usefixtures("charts")
@pytest.mark.parametrize("engine", [[], ["--backend", "eager"]], ids=["compiled", "eager"])
def test_the_same_command_gives_the_same_bytes(capsys: pytest.CaptureFixture[str], engine: list[str]) -> None:
    for folder in ("a", "b"):
        ok(
            capsys,
            "train",
            "--data",
            "moons",
            "--epochs",
            "2",
            "--hidden",
            "6",
            "--dropout",
            "0.2",
            *engine,
            "-o",
            folder,
        )
    for file in ("model.json", "history.json", "loss.svg"):
        assert Path("a", file).read_bytes() == Path("b", file).read_bytes()


def test_balanced_classes_find_a_rare_one(capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(0)
    rows = [(draw.gauss(1.2 * (i % 12 == 0), 1), "rare" if i % 12 == 0 else "often") for i in range(600)]
    Path("rare.csv").write_text("x,y\n" + "".join(f"{x:.3f},{y}\n" for x, y in rows), encoding="utf-8")
    found = []
    for options in ([], ["--class-weights", "balanced"]):
        out = ok(
            capsys, "train", "--data", "rare.csv", "--target", "y", "--hidden", "--epochs", "40", "--force", *options
        )
        found.append(
            int(next(line for line in out.splitlines() if line.startswith("│ rare")).split("│")[3].strip("· ") or 0)
        )
    assert found[0] <= 1 and found[1] >= 5, "of ten"


def test_resuming_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--data", "moons", "--dropout", "0.2", "--epochs"]
    ok(capsys, *command, "6", "-o", "whole")
    for epochs in ("2", "6"):
        ok(capsys, *command, epochs, "-o", "parts", "--resume")
    assert Path("parts/history.json").read_bytes() == Path("whole/history.json").read_bytes()
    parts, whole = (json.loads(Path(each, "model.json").read_bytes()) for each in ("parts", "whole"))
    assert parts["content"]["parameters"] == whole["content"]["parameters"]


def test_without_matplotlib_it_says_how_to_get_a_curve(capsys: pytest.CaptureFixture[str]) -> None:
    out = ok(capsys, "train", "--data", "line", "--epochs", "1")
    assert 'no loss curve: charts need Matplotlib: pip install "micrograd_plus[plot]"' in out
    assert not Path("runs/line/loss.svg").exists() and Path("runs/line/model.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "irys"], "there is no data set 'irys'; did you mean 'iris'"),
        (["--data", "none.csv", "--target", "a"], "there is no CSV file 'none.csv'"),
        (["--data", "pets.csv"], "which column of pets.csv is to be predicted? Name it: --target COLUMN"),
        (["--data", "pets.csv", "--target", "pett"], "did you mean 'pet'"),
        (
            ["--data", "mixed.csv", "--target", "price"],
            "line 3, column 'pet': 'cat' is text where a number is needed; mend the cell, or leave the column out:"
            " --drop pet",
        ),
        (["--data", "iris", "--target", "species"], "iris has its own target and features"),
        (
            ["--data", "iris", "--loss", "mse"],
            "mse does not fit a target of 3 classes; choose --loss from cross_entropy",
        ),
        (["--data", "moons", "--loss", "huber"], "huber does not fit a target of 2 classes"),
        (["--data", "line", "--loss", "hinge"], "hinge does not fit a target of numbers; choose --loss from mse, l1"),
        (["--data", "iris", "--activation", "rellu"], "there is no activation 'rellu'; did you mean 'relu'"),
        (["--data", "iris", "--optimizer", "adan"], "there is no optimizer 'adan'; did you mean 'adam'"),
        (["--data", "iris", "--dropout", "1.5"], "p, the fraction to drop, is from 0 to 1"),
        (["--data", "iris", "--test", "1.5"], "--test must be a fraction between 0 and 1"),
        (["--data", "iris", "--test", "150"], "--test takes 150 rows of 150 and leaves none to train on"),
        (["--data", "iris", "-o", "pets.csv"], "'pets.csv' can't be a folder: there is a file in its place"),
        (["--data", "iris", "-o", "pets.csv/deeper"], "can't be a folder"),
        (["--data", "pets.csv", "--target", "pet", "--encoding", "klingon"], "unknown encoding: klingon"),
        (["--data", "pets.csv", "--target", "pet", "--delimiter", ";"], "pass --delimiter ','"),
        (["--data", "iris", "--hidden", "0"], "--hidden[0] must be a whole number of at least 1"),
        (["--data", "iris", "--batch-size", "0"], "--batch-size must be a whole number of at least 1"),
        (["--data", "iris", "--epochs", "0"], "--epochs must be a whole number of at least 1"),
        (["--data", "iris", "--patience", "0"], "--patience, a number of epochs, must be"),
        (["--data", "iris", "--lr", "-1"], "the learning rate must be at least 0"),
        (["--data", "iris", "--seed", "-1"], "--seed must be a whole number of at least 0"),
        (
            ["--data", "moons", "--activation", "relu", "--optimizer", "sgd", "--lr", "1e200", "--epochs", "9"],
            "rate 1e+200 is high; try --lr 1e+199, or bound the gradient with --clip 1",
        ),
    ],
)
def test_wrong_input_to_train(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    write_pets(Path("pets.csv"))
    Path("mixed.csv").write_text("pet,price\n1,2.5\ncat,3\n4,4.5\n", encoding="utf-8")
    code = main(["train", *arguments])
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == (2, 1) and "Traceback" not in err + out
    assert err.startswith("micrograd-plus train: ") and message in err
    assert not list(Path().rglob("model.json"))


def test_wrong_input_to_predict(capsys: pytest.CaptureFixture[str]) -> None:
    ok(capsys, "train", "--data", "moons", "--epochs", "1", "-o", "m")
    ok(capsys, "train", "--data", "line", "--epochs", "1", "-o", "r")
    Path("a.csv").write_text("x1,x3\n1,2\n", encoding="utf-8")
    Path("b.csv").write_text("x1,x2\n1,two\n", encoding="utf-8")
    Path("c.csv").write_text("x1,x2,class\n1,2,middle\n", encoding="utf-8")
    Path("d.csv").write_text("x\n1\n", encoding="utf-8")
    assert "there is no model file 'none.json'" in refused(capsys, "predict", "none.json", "a.csv")
    assert "is not a model file of micrograd_plus" in refused(capsys, "predict", "a.csv", "a.csv")
    assert "'micrograd_plus checkpoint' file, and a model is" in refused(
        capsys, "predict", "m/checkpoint.json", "a.csv"
    )
    assert "has no feature column 'x2'" in refused(capsys, "predict", "m/model.json", "a.csv")
    assert "line 2, column 'x2': 'two' is text" in refused(capsys, "predict", "m/model.json", "b.csv")
    assert "there is no CSV file 'none.csv'" in refused(capsys, "predict", "m/model.json", "none.csv")
    assert "'middle' is none of the classes" in refused(capsys, "predict", "m/model.json", "c.csv", "--score")
    assert "predicts a number" in refused(capsys, "predict", "r/model.json", "d.csv", "--probabilities")
    whole = Path("m/model.json").read_bytes()
    Path("m/model.json").write_bytes(whole[:500])
    assert "cut off before its end" in refused(capsys, "predict", "m/model.json", "a.csv")


def test_cures_are_options_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("numbers.csv").write_text("1,2\n3,4\n", encoding="utf-8")
    Path("text.csv").write_text("a,b\nx,4.5\n5,4\n", encoding="utf-8")
    Path("latin.csv").write_bytes("größe,b\n1,4\n".encode("latin-1"))
    names = ("numbers", "text", "latin")
    asked = [refused(capsys, "train", "--data", f"{name}.csv", "--target", "b") for name in names]
    assert asked[0].endswith(
        "pass --no-header if this line is the first row of data, --header if these are the names\n"
    )
    assert asked[1].endswith("mend the cell, or leave the column out: --drop a\n")
    assert asked[2].endswith("or tell what it is: --encoding latin-1, say, or --encoding utf-16\n")


def test_a_file_of_another_encoding_and_a_number_of_held_out_rows(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{i},{2 * i}\n" for i in range(20))
    Path("latin.csv").write_bytes(f"größe,preis\n{rows}".encode("latin-1"))
    options = ("latin.csv", "--encoding", "latin-1")
    told = ok(capsys, "train", "--data", *options, "--target", "preis", "--test", "3", "--epochs", "1", "-o", "m")
    assert "training (17 rows)" in told and "held out (3 rows)" in told
    assert "root mean squared error" in ok(capsys, "predict", "m/model.json", *options, "--score")


@pytest.mark.slow
def test_digits_reach_95_percent_with_defaults_within_a_minute(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from micrograd_plus.cli import main; sys.exit(main())",
        "train",
        "--data",
        "digits",
    ]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True)
    row = next(line for line in found.stdout.splitlines() if "accuracy" in line)
    assert float(row.split("│")[3].strip(" %")) >= 95
    assert found.stderr == "", "nobody looks, so no progress bar"
