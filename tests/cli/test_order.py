"""Options stand in any order and between operands, help has examples that run, and shells complete what there is."""

from __future__ import annotations

import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_plus.cli import COMMANDS, main

PARTS = {
    "export": [["m/model.json"], ["--to", "c"], ["-o", "g.dot"], ["--dtype", "float64"]],
    "graph": [["x*y"], ["x=2"], ["y=3"], ["-o", "g.dot"], ["--derivatives"], ["--title=T"], ["--parameters", "x"]],
    "playground": [["--data", "xor"], ["--hidden", "4", "3"], ["--lr", "0.1"], ["-o", "g.html"], ["--title=T"]],
    "predict": [["m/model.json"], ["new.csv"], ["-o", "g.dot"], ["--proba"], ["--keep", "who"],
                ["--encoding", "utf-8"]],
    "train": [["--data", "new.csv"], ["--target", "y"], ["--hidden", "4", "3"], ["--drop", "who"], ["--epochs", "1"],
              ["-o", "t"], ["--words", "z"]],
}  # fmt: skip
"""The parts of a command that may change places; operands among themselves keep their order."""


@pytest.fixture(autouse=True)
def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("who,x,z,y\n" + "".join(f"w{i % 3},{i % 7},{i % 2},{i}.5\n" for i in range(20)))
    Path("pet.csv").write_text("who,x,pet\n" + "".join(f"w{i % 3},{i % 7},{'ab'[i % 2]}\n" for i in range(20)))
    assert main(["train", "--data", "pet.csv", "--target", "pet", "--epochs", "1", "-o", "m"]) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_options_stand_in_any_order(command: str) -> None:
    draw, parts = random.Random(0), PARTS[command]
    written = set()
    for _ in range(8):
        mixed = draw.sample(parts, len(parts))
        operands = iter([part for part in parts if part[0][0] != "-"])
        mixed = [next(operands) if part[0][0] != "-" else part for part in mixed]
        assert main([command, *(word for part in mixed for word in part), "--force"]) == 0, mixed
        written.add(Path({"train": "t/model.json", "playground": "g.html"}.get(command, "g.dot")).read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from micrograd_plus.cli import _parsed

    assert main([command, "--help"]) == 0
    examples = re.findall(r"^  micrograd-plus (.*?)(?:   .*)?$", capsys.readouterr().out, re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        assert _parsed(shlex.split(example)).command == command


def test_completion_says_what_it_needs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--completion", "bash"]) == 2
    assert 'completion needs shtab: pip install "micrograd_plus[completion]"' in capsys.readouterr().err


@pytest.mark.slow
def test_a_shell_completes_commands_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Held by the slow part of the gate, which installs shtab."""
    capsys.readouterr()
    assert main(["--completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    for words, expected in (("tr", "train"), ("train --hid", "--hidden"), ("predict --prob", "--probabilities")):
        typed = ["micrograd-plus", *words.split()]
        array = " ".join(map(shlex.quote, typed))
        ask = f"COMP_WORDS=({array}); COMP_CWORD={len(typed) - 1}; _shtab_micrograd_plus; echo ${{COMPREPLY[@]}}"
        line = f"source {shlex.quote(str(script))}; {ask}"
        run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        assert expected in run.stdout.split(), run.stderr
    assert main(["--completion", "cmd"]) == 2
