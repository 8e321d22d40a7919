"""The README is kept true: its programs print what it shows, its picture is theirs, its tables come from commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import peers
from tests.trust.routes import GRAPHS, ROUTES
from tests.trust.test_ways import PLACES
from tests.trust.ways import WAYS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.DOTALL)


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


def test_the_printout_has_as_many_lines_as_it_says() -> None:
    lines = sum(len((ROOT / "micrograd_plus" / file).read_text().splitlines()) for file in ("ops.py", "value.py"))
    assert f"The engine is {lines} lines to print and read" in README


def test_as_many_graphs_and_routes_are_tried_as_it_says() -> None:
    assert f"{GRAPHS:,} random graphs of all operations for each of\n{len(ROUTES)} routes" in README


def test_as_many_ways_to_look_are_tried_as_it_says() -> None:
    assert f"{len(WAYS)} ways in which a person's own code\nmay look at a number, in {len(PLACES)} places" in README


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


def test_the_table_of_speed_has_a_figure_in_each_row() -> None:
    lines = table("speed").splitlines()
    assert lines[0].startswith("| | micrograd_plus |")
    rows = [line.strip("|").split("|") for line in lines[2:]]
    assert len(rows) >= 6
    for row in rows:
        assert re.fullmatch(r"[\d.]+ [um]?s", row[1].strip()), row
        assert all(re.fullmatch(r"([\d.,]+ x)?", cell.strip()) for cell in row[2:]), row
