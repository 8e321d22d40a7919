"""No command writes over what it read, nor over what is there unless it is told to; what can't be written is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from micrograd_plus.cli import main
from micrograd_plus.cli.train import FILES
from tests.cli.mistakes import PETS

TABLE = "pets.csv"
WAYS: dict[str, Callable[[Path], str]] = {
    "the same name": str,
    "from the root": lambda path: str(path.absolute()),
    "a detour": lambda path: str(Path("folder") / ".." / path),
    "a soft link": lambda path: _link(path, os.symlink),
    "a soft link to a soft link": lambda path: _link(Path(_link(path, os.symlink)), os.symlink),
    "a hard link": lambda path: _link(path, os.link),
}
"""Other paths to a file."""


def _link(path: Path, make: Callable[[Path, Path], None]) -> str:
    link = path.parent / f"link-{path.name}"
    make(path.absolute(), link)
    return str(link)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "folder").mkdir()
    (folder / TABLE).write_text(PETS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "--data", TABLE, "--target", "pet", "--epochs", "1", "-o", "m"]) == 0
    return folder


@pytest.fixture(autouse=True)
def _copied(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main([*arguments]) == 2
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return capsys.readouterr().err


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "--force"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", [TABLE, "m/model.json"])
def test_predict_leaves_what_it_read(capsys: pytest.CaptureFixture[str], read: str, way: str, force: list[str]) -> None:
    output = WAYS[way](Path(read))
    assert "is what was read" in refused(capsys, "predict", "m/model.json", TABLE, "-o", output, *force)


@pytest.mark.parametrize("force", [[], ["--force"], ["--resume"]], ids=["", "--force", "--resume"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", FILES)
def test_train_leaves_what_it_read(capsys: pytest.CaptureFixture[str], file: str, way: str, force: list[str]) -> None:
    """A table may well lie in the folder, under a name that train writes, or be a link to it."""
    Path("other").mkdir()
    Path("other", file).write_text(PETS)
    read = WAYS[way](Path("other", file))
    assert "is what was read" in refused(capsys, "train", "--data", read, "--target", "pet", "-o", "other", *force)


COMMANDS = {
    "graph": (["graph", "x", "x=1"], "x.svg"),
    "predict": (["predict", "m/model.json", TABLE], "answers.csv"),
    **{f"train, {file}": (["train", "--data", "line", "--epochs", "1"], f"old/{file}") for file in FILES},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_there_is_written_over_by_force_alone(capsys: pytest.CaptureFixture[str], name: str) -> None:
    command, file = COMMANDS[name]
    Path("old").mkdir()
    Path(file).write_text("old")
    command = [*command, "-o", "old" if file.startswith("old/") else file]
    told = refused(capsys, *command)
    assert "is there already" in told and "--force" in told
    assert main([*command, "--force"]) == 0
    assert not Path(file).exists() or Path(file).read_bytes() != b"old"


@pytest.mark.parametrize("name", ["graph", "predict"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_what_is_no_file_is_not_replaced_by_one(capsys: pytest.CaptureFixture[str], name: str, kind: str) -> None:
    os.mkfifo("pipe.svg")
    os.symlink(os.devnull, "device.svg")
    assert "is no plain file" in refused(capsys, *COMMANDS[name][0], "-o", f"{kind}.svg", "--force")
    assert Path(os.devnull).is_char_device()


def test_a_folder_that_takes_nothing_is_told_before_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    told = refused(capsys, "train", "--data", "line", "-o", "folder")
    assert "nothing can be written to 'folder'; name another folder: --output FOLDER" in told


LIMITED = """
import resource, sys
from micrograd_plus.cli import main
size, *arguments = sys.argv[1:]
sys.argv = ["micrograd-plus"]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
sys.exit(main(arguments))
"""


def limited(size: int, *arguments: str) -> str:
    """What a command says that can't write files of more than `size` bytes, as if the disk were full."""
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(Path.cwd())},
    )  # fmt: skip
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    return run.stderr


def test_a_full_disk_names_the_file_that_could_not_be_written() -> None:
    assert "x.svg could not be written (File too large)" in limited(100, "graph", "x", "x=1", "-o", "x.svg")
    assert "a.csv could not be written (File too large)" in limited(
        100, "predict", "m/model.json", TABLE, "-o", "a.csv"
    )
    assert sorted(path.name for path in Path().iterdir()) == ["folder", "m", TABLE], "and nothing half-written is left"


def test_a_full_disk_in_training_says_what_is_left() -> None:
    command = ("train", "--data", "line", "--epochs", "40", "--hidden", "4", "-o", "new")
    told = limited(1000, *command)
    assert "new/checkpoint.json could not be written (File too large)" in told
    assert "training stopped in epoch 4 of 40, before a checkpoint; nothing is saved" in told
    assert "make room first" in told
    told = limited(12000, *command)
    assert ": training stopped in epoch" in told
    again = told.split("go on with: ")[1].split(";")[0].split()
    assert again[:2] == ["micrograd-plus", "train"] and main(again[1:]) == 0, "the command that is shown goes on"


def test_a_model_that_can_not_be_written_is_kept_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from micrograd_plus.train import History, Predictor

    def full(self: object, path: Path) -> Path:
        if "micrograd-plus-" in str(path) and not lost:
            return save(self, path)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device", str(path))

    save, lost = Predictor.save, False
    monkeypatch.setattr(Predictor, "save", full)
    monkeypatch.setattr("tempfile.tempdir", str(Path.cwd()))
    command = ["train", "--data", "line", "--epochs", "1", "--force"]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "No space left on device: 'runs/line/model.json'; the trained model is in " in told
    assert Predictor.load(told.strip().split(" is in ")[1]).target_name == "y"
    lost = True
    assert main(command) == 2
    assert "the trained model is lost" in (told := capsys.readouterr().err) and "runs/line/checkpoint.json" in told
    monkeypatch.setattr(Predictor, "save", save)
    monkeypatch.setattr(History, "save", full)
    assert main(command) == 2
    assert "'runs/line/history.json'; the trained model is whole, in runs/line/model.json" in capsys.readouterr().err
    assert main(["train", "--data", "line", "--epochs", "1", "--resume", "-o", "runs/line"]) == 2, "still full"
