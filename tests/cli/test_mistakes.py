"""Every mistake of `mistakes.txt` is met by one line, which is the one that stands there, and by exit code 2."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from micrograd_plus.cli import COMMANDS, main
from tests.cli.mistakes import FILES, make

TRANSCRIPT = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8").splitlines()
MISTAKES = [(command.removeprefix("$ "), told) for command, told in zip(TRANSCRIPT[::2], TRANSCRIPT[1::2])]
CURE = re.compile(r"; \S|\?|--help$|: its |Name it|must be |as in |only .*: ")
"""What tells the way out: the half sentence after a semicolon, a guess, or what is expected."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the mistakes are about."""
    folder = tmp_path_factory.mktemp("mistakes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make(folder)
    return folder


def test_there_are_many_of_every_command() -> None:
    assert len(MISTAKES) >= 180 and all(command.startswith("$") for command in TRANSCRIPT[::2])
    for name in COMMANDS:
        assert sum(told.startswith(f"micrograd-plus {name}: ") for _, told in MISTAKES) >= 20
    unused = [file for file in FILES if not any(file in command for command, _ in MISTAKES)]
    assert unused == [], "each wrong file is tried"


@pytest.mark.parametrize(("command", "told"), MISTAKES, ids=[command for command, _ in MISTAKES])
def test_a_mistake(
    command: str, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(shlex.split(command)) == 2
    out, err = capsys.readouterr()
    expected = ".*".join(map(re.escape, told.split("...")))
    assert re.fullmatch(expected, err.removesuffix("\n")), err
    assert err.count("\n") == 1 and "Traceback" not in out + err
    assert CURE.search(told), "and it says what to do"
    assert {path: path.read_bytes() for path in before} == before, "nothing that was there is changed"
