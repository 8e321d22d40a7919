"""The streams of a process: encodings that lack a character, readers that go away, full disks, Ctrl-C, terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from micrograd_plus.cli import main
from micrograd_plus.train import Predictor

ROOT = Path(__file__).parents[2]
WORDS = ["größe", "日本", "ñandú", "emoji 🦊"]


def slow(*values: object) -> list[object]:
    """These, for the slow part of the gate: a process each."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


COMMANDS = {
    "graph": ["graph", "tanh(größe*x)", "größe=1", "x=2"],
    "graph, refused": ["graph", "größe", "日本=1"],
    "train": ["train", "--data", "words.csv", "--target", "größe", "--epochs", "1", "--force", "-o", "new"],
    "train, refused": ["train", "--data", "words.csv", "--target", "🦊"],
    "predict": ["predict", "m/model.json", "words.csv", "--probabilities", "--keep", "x,größe"],
    "predict, scored": ["predict", "m/model.json", "words.csv", "--score"],
    "help": ["train", "--help"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose words few encodings have, and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("streams")
    rows = "".join(f"{row % 7},{WORDS[row % 4]}\n" for row in range(40))
    (folder / "words.csv").write_text(f"x,größe\n{rows}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "--data", "words.csv", "--target", "größe", "--epochs", "1", "-o", "m"]) == 0
    return folder


def started(folder: Path, command: list[str], **options: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **options.pop("env", {})}  # type: ignore[dict-item]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    program = [sys.executable, "-m", "micrograd_plus", *command]
    return subprocess.Popen(program, cwd=folder, env=environment, **pipes)  # type: ignore[call-overload,no-any-return]


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command line of Bash, in which `micrograd-plus` is ours."""
    line = f'micrograd-plus() {{ {shlex.quote(sys.executable)} -m micrograd_plus "$@"; }}; set -o pipefail; {command}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("encoding", ["cp1252", *slow("latin-1", "ascii", "utf-8", "cp437", "shift_jis")])
@pytest.mark.parametrize("name", ["train", "predict", *slow(*sorted({*COMMANDS} - {"train", "predict"}))])
def test_no_encoding_ends_a_command(folder: Path, name: str, encoding: str) -> None:
    process = started(folder, COMMANDS[name], env={"PYTHONIOENCODING": encoding})
    out, err = (stream.decode(encoding) for stream in process.communicate())
    assert process.returncode == (2 if "refused" in name else 0), err
    assert "codec" not in err and "Traceback" not in err and "�" not in out + err
    if name == "predict":
        assert ("note: standard output is " in err) is (encoding != "utf-8")
    if name == "predict":
        assert out.count("\n") == 41 and all(len(line.split(",")) == 7 for line in out.splitlines())
    if name == "graph" and encoding == "ascii":
        assert "|- x = 2" in out.replace("`-", "|-")


def test_a_locale_without_utf_8(folder: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    process = started(folder, ["predict", "m/model.json", "words.csv", "--proba"], env=plain)
    out, err = process.communicate()
    assert process.returncode == 0 and out.isascii() and b"--output FILE.csv is UTF-8" in err


def test_a_reader_that_has_seen_enough_does_not_end_training(folder: Path) -> None:
    run = shell(folder, "micrograd-plus train --data iris --epochs 3 --force -o piped | true")
    assert (run.returncode, run.stderr) == (0, "")
    assert Predictor.load(folder / "piped/model.json").notes["epochs"] == 3
    run = shell(folder, "micrograd-plus train --data iris --epochs 3 --force -o piped 2>&1 | head -1")
    assert run.stdout.startswith("Dataset('iris") and run.returncode == 0
    run = shell(folder, "micrograd-plus predict m/model.json words.csv | head -1")
    assert run.stdout == "größe\n" and run.returncode in (0, 1) and run.stderr == ""


@pytest.mark.parametrize("where", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_training_does_without_its_output(folder: Path, where: str) -> None:
    run = shell(folder, f"micrograd-plus train --data iris --epochs 1 --force -o quiet {where}")
    assert run.returncode == 0 and (folder / "quiet/model.json").exists()
    assert run.stderr == "" or run.stderr.endswith("No space left on device; the files are written all the same\n")


@pytest.mark.parametrize(
    "command", ["predict m/model.json words.csv", *slow("graph x x=1", "predict m/model.json words.csv --score")]
)
@pytest.mark.parametrize("where", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_an_answer_that_nobody_gets_is_told(folder: Path, command: str, where: str) -> None:
    run = shell(folder, f"micrograd-plus {command} {where}")
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert re.search(r"standard output.*(closed|No space left).*give --output FILE", run.stderr)


def test_errors_that_nobody_gets_keep_their_exit_code(folder: Path) -> None:
    for where in ("2>&-", "2>/dev/full", "2>&1 | true"):
        assert shell(folder, f"micrograd-plus graph x {where}").returncode == 2


def test_an_interrupt_says_what_is_left_and_the_command_that_goes_on(folder: Path) -> None:
    command = ["train", "--data", "moons", "--epochs", "4000", "--hidden", "4", "-o", "my run", "--force"]
    process = started(folder, command)
    checkpoint = folder / "my run" / "checkpoint.json"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1].decode()
    found = re.fullmatch(
        r"interrupted in epoch (\d+) of 4000; my run/checkpoint.json holds epoch (\d+); go on with: .*"
        r" -m micrograd_plus (train .*)\n", told
    )  # fmt: skip
    assert process.returncode == 130 and found, told
    epoch, saved, again = int(found[1]), int(found[2]), shlex.split(found[3])
    assert 0 < saved <= epoch <= 4000 and "--force" not in again and again[-1] == "--resume"
    process = started(folder, [*again, "--epochs", str(saved + 1)])
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert f"resumed from my run/checkpoint.json: {saved} of {saved + 1} epochs are done" in out.decode()


def test_resume_says_so_where_there_is_nothing(folder: Path) -> None:
    run = shell(folder, "micrograd-plus train --data moons --epochs 1 --resume -o fresh")
    assert "nothing to resume: there is no fresh/checkpoint.json, so this begins with the first epoch" in run.stdout


@pytest.mark.parametrize("columns", [80, *slow(60)])
def test_progress_fits_a_terminal(folder: Path, columns: int) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    long = ["train", "--data", "digits", "--epochs", "200", "--force", "-o", f"t{columns}"]  # over the bar's patience
    process = started(folder, long, stdout=subprocess.DEVNULL, stderr=theirs, env={"COLUMNS": "", "TERM": "xterm"})
    text = b""
    while process.poll() is None or select.select([ours], [], [], 0.2)[0]:  # a terminal that hangs up may lose its end
        if select.select([ours], [], [], 0.05)[0]:
            text += os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
    assert process.wait() == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    lines = [line for line in re.split(r"[\r\n]+", plain) if "epoch" in line]
    assert lines and max(map(len, lines)) <= columns
    assert columns < 80 or re.search(r"epoch 200/200, loss [\d.e-]+, held-out accuracy [\d.]+\s*$", lines[-1])
