"""The README is kept true: its programs print what it shows, its picture is theirs, its tables come from commands."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import micrograd_plus
from micrograd_plus import Value, fit, nn, train
from tests.benchmarks import peers
from tests.trust.routes import GRAPHS, ROUTES
from tests.trust.test_ways import PLACES
from tests.trust.ways import WAYS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", README.split("## See it")[1], flags=re.DOTALL)
"""What is typed after the set-up, with what the last of the commands prints."""


def table(name: str) -> str:
    """The lines of the README between `<!-- name -->` and `<!-- end -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", README, flags=re.DOTALL)
    assert found is not None, f"the README has no part <!-- {name} -->"
    return found[1].strip()


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_each_program_prints_what_is_shown(program: str, output: str, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == output
    assert run.stderr == ""


def test_the_commands_run_in_order_in_a_fresh_folder(tmp_path: Path) -> None:
    """As they stand there, in the folder that the set-up leaves: a `.venv` with what it installs."""
    assert len(COMMANDS) >= 1
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name, module in (("python", ""), ("micrograd-plus", "-m micrograd_plus ")):
        (binaries / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module}"$@"\n')
        (binaries / name).chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    for commands, output in COMMANDS:
        line = ["bash", "-euo", "pipefail", "-c", commands]
        run = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.endswith(output)


def test_only_what_the_set_up_installs_is_called() -> None:
    """`micrograd-plus` alone is on nobody's PATH after the set-up."""
    typed = [line for commands, _ in COMMANDS for line in commands.splitlines() if "micrograd" in line]
    assert typed and all(line.startswith(".venv/bin/") for line in typed)


def test_the_printout_has_as_many_lines_as_it_says() -> None:
    lines = sum(len((ROOT / "micrograd_plus" / file).read_text().splitlines()) for file in ("ops.py", "value.py"))
    assert f"The engine is {lines} lines to print and read" in README


def test_as_many_graphs_and_routes_are_tried_as_it_says() -> None:
    assert f"{GRAPHS:,} random graphs of all operations for each of\n{len(ROUTES)} routes" in README


def test_as_many_ways_to_look_are_tried_as_it_says() -> None:
    assert f"{len(WAYS)} ways in which a person's own code\nmay look at a number, in {len(PLACES)} places" in README


def test_our_words_in_the_table_of_names_are_there() -> None:
    lines = README.split("| here |")[1].split("\n\n")[0].splitlines()[2:]
    ours = [word for line in lines for word in re.findall(r"`([^`]+)`", line.split(" | ")[0])]
    options = {**inspect.signature(fit).parameters, **inspect.signature(nn.Adam).parameters}
    for word in ours:
        first, *rest = re.findall(r"[\w.]+", word)[0].split(".")
        homes: list[Any] = [Value(1.0)] if first == "v" else [micrograd_plus, nn, train, nn.Module]
        names = rest if first == "v" else [first, *rest]
        for name in names[:2]:
            homes = [getattr(home, name) for home in homes if hasattr(home, name)]
        assert homes or first in options, word
    assert len(ours) > 20


def test_there_are_programs_to_run() -> None:
    assert len(PROGRAMS) >= 3


def test_the_picture_is_that_of_the_first_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", PROGRAMS[0][0]], cwd=tmp_path, capture_output=True, check=True)
    shown = re.search(r"!\[[^\]]*\]\(([^)]*\.svg)\)", README)
    assert shown is not None
    assert (tmp_path / "neuron.svg").read_bytes() == (ROOT / shown[1]).read_bytes()


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()] == []


def test_every_file_that_a_command_names_is_there() -> None:
    for name in re.findall(r"(?<=python )(demos/\S+\.py)", README):
        assert (ROOT / name).is_file()


def test_what_we_claim_of_ourselves_holds() -> None:
    engine = peers.Plus()
    rows = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in table("peers").splitlines()[2:]}
    assert rows == {name: "yes" if claim(engine) else "no" for name, claim in peers.CLAIMS.items()}


@pytest.mark.torch
def test_the_table_of_peers_is_what_running_them_gives() -> None:
    assert table("peers") == peers.table()


@pytest.mark.parametrize("name", ["speed", "native"])
def test_the_tables_of_speed_have_a_figure_in_each_row(name: str) -> None:
    lines = table(name).splitlines()
    assert lines[0].startswith("| | micrograd_plus |")
    rows = [line.strip("|").split("|") for line in lines[2:]]
    assert len(rows) >= 6
    for row in rows:
        assert re.fullmatch(r"[\d.]+ [um]?s", row[1].strip()), row
        assert all(re.fullmatch(r"([\d.,]+ x)?", cell.strip()) for cell in row[2:]), row
