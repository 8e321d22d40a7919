"""Every option of every command that can be wrong: what is said of it, in one line, by the name it has there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from micrograd_plus import data
from micrograd_plus.cli import COMMANDS, _parsers, main
from micrograd_plus.data import read_csv, read_inputs
from micrograd_plus.nn import MLP

IRIS = ["train", "--data", "iris"]
PETS = ["train", "--data", "pets.csv", "--target", "pet"]
MODEL = ["predict", "model.json"]
GRAPH = ["graph", "x", "x=1"]
PAGE = ["playground", "-o", "page.html"]
EXPORT = ["export", "model.json", "-o"]

WRONG: dict[tuple[str, str], tuple[list[str], str]] = {
    ("train", "--data"): (["train", "--data", "irys"], "there is no data set 'irys'; did you mean 'iris'"),
    ("train", "--delimiter"): ([*PETS, "--delimiter", "ab"], "--delimiter must be one character, got 'ab'"),
    ("train", "--header"): (
        ["train", "--data", "bare.csv", "--target", "0"],
        "'1' is a number; pass --no-header if this line is the first row of data, --header if these are the names",
    ),
    ("train", "--encoding"): (
        ["train", "--data", "latin.csv", "--target", "0"],
        "or tell what it is: --encoding latin-1, say, or --encoding utf-16",
    ),
    ("train", "--target"): (["train", "--data", "pets.csv"], "is to be predicted? Name it: --target COLUMN"),
    ("train", "--decimal"): ([*PETS, "--decimal", ";"], "argument --decimal: invalid choice: ';'"),
    ("train", "--drop"): ([*PETS, "--drop", "agee"], "no column for --drop 'agee'"),
    ("train", "--words"): ([*PETS, "--words", "agee"], "no column for --words 'agee'"),
    ("train", "--missing"): ([*PETS, "--missing", "guess"], "argument --missing: invalid choice: 'guess'"),
    ("train", "--force"): ([*IRIS, "-o", "done"], "or pass --force to write over it, or --resume to go on"),
    ("train", "--features"): ([*PETS, "--features", "age", "age"], "--features names 'age' 2 times"),
    ("train", "--task"): ([*PETS[:3], "--target", "mixed"], "or pass --task classification if these are labels"),
    ("train", "--test"): ([*IRIS, "--test", "0.0"], "--test must be a fraction between 0 and 1"),
    ("train", "--hidden"): ([*IRIS, "--hidden", "8", "0"], "--hidden[1] must be a whole number of at least 1, got 0"),
    ("train", "--activation"): (
        [*IRIS, "--activation", "rellu"],
        "no activation 'rellu'; did you mean 'relu'",
    ),
    ("train", "--dropout"): ([*IRIS, "--dropout", "nan"], "--dropout, the fraction to drop, is nan"),
    ("train", "--loss"): ([*IRIS, "--loss", "mse"], "choose --loss from cross_entropy"),
    ("train", "--class-weights"): (
        ["train", "--data", "line", "--class-weights", "balanced"],
        "is for classes, and 'y' is a number; leave it out",
    ),
    ("train", "--optimizer"): ([*IRIS, "--optimizer", "adan"], "no optimizer 'adan'; did you mean 'adam'"),
    ("train", "--lr"): ([*IRIS, "--lr", "-1"], "the learning rate must be at least 0"),
    ("train", "--batch-size"): (
        [*IRIS, "--batch-size", "0"],
        "--batch-size must be a whole number of at least 1",
    ),
    ("train", "--epochs"): ([*IRIS, "--epochs", "0"], "--epochs must be a whole number of at least 1, got 0"),
    ("train", "--patience"): ([*IRIS, "--patience", "0"], "--patience, a number of epochs, must be"),
    ("train", "--clip"): ([*IRIS, "--clip", "0"], "--clip's norm is a bound above 0, but got 0.0"),
    ("train", "--seed"): ([*IRIS, "--seed", "-1"], "--seed must be a whole number of at least 0, got -1"),
    ("train", "--backend"): ([*IRIS, "--backend", "c++"], "argument --backend: invalid choice: 'c++'"),
    ("train", "--dtype"): (
        [*IRIS, "--backend", "eager", "--dtype", "float32"],
        "--dtype float32 needs --backend numpy or --backend c",
    ),
    ("train", "--resume"): ([*IRIS, "--resume", "--seed", "1", "-o", "done"], "is of another run"),
    ("train", "--output"): ([*IRIS, "--output", "pets.csv"], "'pets.csv' can't be a folder"),
    ("predict", "--delimiter"): ([*MODEL, "semicolons.csv"], "only one column, and ';' in it; pass --delimiter ';'"),
    ("predict", "--header"): ([*MODEL, "bare.csv"], "pass --no-header if this line is the first row of data, --header"),
    ("predict", "--encoding"): ([*MODEL, "latin.csv"], "--encoding latin-1, say, or --encoding utf-16"),
    ("predict", "--decimal"): ([*MODEL, "x.csv", "--decimal", ";"], "argument --decimal: invalid choice: ';'"),
    ("predict", "--keep"): ([*MODEL, "x.csv", "--keep", "name"], "x.csv has no column for --keep 'name'"),
    ("predict", "--force"): ([*MODEL, "x.csv", "-o", "pets.csv"], "'pets.csv' is there already; name another file"),
    ("predict", "--probabilities"): (["predict", "line.json", "x.csv", "--probabilities"], "predicts a number"),
    ("predict", "--score"): ([*MODEL, "x.csv", "--score"], "x.csv has no target column 'pet', only 'x', 'age'"),
    ("predict", "--output"): ([*MODEL, "pets.csv", "--output", "no/folder.csv"], "there is no folder"),
    ("export", "--to"): ([*EXPORT, "model.c", "--to", "rust"], "argument --to: invalid choice: 'rust'"),
    ("export", "--output"): ([*EXPORT, "no/model.c", "--to", "c"], "there is no folder"),
    ("export", "--dtype"): ([*EXPORT, "m.onnx", "--to", "onnx", "--dtype", "float32"], "is a choice in C alone"),
    ("export", "--force"): ([*EXPORT, "pets.csv", "--to", "c"], "'pets.csv' is there already; name another file"),
    ("playground", "--data"): ([*PAGE, "--data", "moon"], "argument --data: invalid choice: 'moon'"),
    ("playground", "--hidden"): ([*PAGE, "--hidden", "0"], "--hidden[0] must be a whole number of at least 1"),
    ("playground", "--activation"): ([*PAGE, "--activation", "relux"], "there is no activation 'relux'"),
    ("playground", "--dropout"): ([*PAGE, "--dropout", "2"], "the fraction to drop, is from 0 to 1"),
    ("playground", "--loss"): ([*PAGE, "--loss", "nll"], "argument --loss: invalid choice: 'nll'"),
    ("playground", "--optimizer"): ([*PAGE, "--optimizer", "adm"], "there is no optimizer 'adm'; did you mean 'adam'?"),
    ("playground", "--lr"): ([*PAGE, "--lr", "-1"], "the learning rate must be at least 0, but got -1.0"),
    ("playground", "--batch-size"): ([*PAGE, "--batch-size", "0"], "--batch-size must be a whole number"),
    ("playground", "--validation"): ([*PAGE, "--validation", "1"], "--validation is the share of rows held back"),
    ("playground", "--seed"): ([*PAGE, "--seed", "-1"], "--seed must be a whole number of at least 0, got -1"),
    ("playground", "--output"): (["playground", "--output", "page.svg"], "a playground is saved as .html or .htm"),
    ("playground", "--force"): (["playground", "-o", "pets.csv"], "'pets.csv' is there already; name another file"),
    ("graph", "--force"): (
        [*GRAPH, "-o", "pets.csv"],
        "'pets.csv' is there already; name another file, or pass --force",
    ),
    ("graph", "--output"): ([*GRAPH, "--output", "x.gif"], "a graph is saved as .svg, .png, .dot"),
    ("graph", "--parameters"): ([*GRAPH, "--parameters", "w"], "--parameters names w, which has no value"),
    ("graph", "--direction"): ([*GRAPH, "--direction", "up"], "argument --direction: invalid choice: 'up'"),
    ("graph", "--theme"): ([*GRAPH, "--theme", "blue"], "argument --theme: invalid choice: 'blue'"),
}

NEVER_WRONG = {("graph", "--derivatives"), ("graph", "--title"), ("playground", "--title")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files to be wrong about, and models that were trained on some."""
    folder = tmp_path_factory.mktemp("options")
    pets = "age,pet,mixed\n" + "".join(f"{i},{'dog' if i % 2 else 'cat'},{i or 'high'}\n" for i in range(10))
    (folder / "pets.csv").write_text(pets)
    (folder / "semicolons.csv").write_text(pets.replace(",", ";"))
    (folder / "bare.csv").write_text("1,2\n3,4\n")
    (folder / "x.csv").write_text("x,age\n1,2\n")
    (folder / "latin.csv").write_bytes("größe,b\n1,4\n".encode("latin-1"))
    once = ["--epochs", "1", "--hidden", "-o"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*PETS, "--features", "age", *once, "pets"]) == 0
        assert main(["train", "--data", "line", *once, "line"]) == main([*IRIS, *once, "done"]) == 0
        Path("pets/model.json").rename("model.json")
        Path("line/model.json").rename("line.json")
    return folder


def options(command: str, capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    """The options that a command's help lists."""
    assert main([command, "--help"]) == 0
    found = re.findall(r"^  (?:-\w(?: \S+)?, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)
    return {(command, option) for option in found} - {(command, "--help")}


def test_every_option_is_wrong_once(capsys: pytest.CaptureFixture[str]) -> None:
    listed = set().union(*(options(command, capsys) for command in COMMANDS))
    assert {*WRONG} | NEVER_WRONG == listed


@pytest.mark.parametrize(("command", "option"), WRONG)
def test_what_is_said_of_a_wrong_option(
    command: str, option: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    arguments, message = WRONG[command, option]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    told = err.splitlines()[-1]
    assert message in told and "Traceback" not in out + err
    assert err == told + "\n" or err.startswith("usage: "), "one line, and argparse's own way of using it"
    names = {each.removeprefix("--").replace("-", "_") for _, each in WRONG}
    assert not re.search(rf"\b({'|'.join(names)})=|\b[a-z]+_[a-z]+ must", told), "options, and not Python's arguments"


def test_the_library_says_it_in_python(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"pass header=False if .* of data, header=True if these are the names"):
        read_csv(folder / "bare.csv", 0)
    with pytest.raises(ValueError, match=r"tell what it is: encoding='latin-1', say, or encoding='utf-16'"):
        read_inputs(folder / "latin.csv")
    with pytest.raises(ValueError, match="or pass task='classification' if these are labels"):
        read_csv(folder / "pets.csv", "mixed")
    with pytest.raises(ValueError, match="pass delimiter=';'"):
        read_inputs(folder / "semicolons.csv")
    with pytest.raises(ValueError, match=r"^test must be a fraction"):
        data.split(data.iris(), 0.0)


def test_a_header_of_numbers_is_one_if_it_is_said_to_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = folder / "years.csv", folder / "years"
    file.write_text("2019,2020\n" + "".join(f"{i},{2 * i}.5\n" for i in range(10)))
    assert main(["train", "--data", str(file), "--header", "--target", "2020", "--epochs", "1", "-o", str(out)]) == 0
    assert main(["predict", str(out / "model.json"), str(file), "--header"]) == 0
    assert "2020\n" in capsys.readouterr().out


def test_the_usual_activation_is_that_of_the_library() -> None:
    usual = inspect.signature(MLP).parameters["activation"].default
    assert _parsers()[0].parse_args(["train", "--data", "moons"]).activation == usual
