"""What the lessons invite to change can be changed: each run of each exercise goes on to the lesson's end."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMOS = Path(__file__).parents[2] / "demos"


def helper(name: str) -> ModuleType:
    """A module that stands beside the lessons."""
    spec = importlib.util.spec_from_file_location(name, DEMOS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its dataclasses and NamedTuples look for their names
    spec.loader.exec_module(module)
    return module


TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DEMOS.glob("[0-9][0-9]_*.py"))}
EXERCISES = {
    f"{name}-{i}": (name, exercise)
    for name, text in TEXTS.items()
    for i, exercise in enumerate(helper("_exercises").exercises(text), 1)
}


def run(name: str, text: str, folder: Path, strict: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a changed lesson as a script of its own, which writes into the folder."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    paths = os.pathsep.join([str(DEMOS.parent), str(DEMOS)])
    env = {**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "LESSONS_STRICT": strict}
    return subprocess.run(
        [sys.executable, path], cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=600
    )


@pytest.mark.parametrize("name", TEXTS)
def test_every_lesson_invites_to_change_something(name: str) -> None:
    assert len([key for key in EXERCISES if key.startswith(name)]) >= 2


@pytest.mark.parametrize("key", EXERCISES)
def test_an_exercise_can_be_carried_out(key: str) -> None:
    name, exercise = EXERCISES[key]
    assert exercise.runs, f"no change in {exercise.words!r}; write: Replace `...` by `...`"
    changed = list(exercise.carried_out(TEXTS[name]))
    assert all(text != TEXTS[name] for text in changed)
    for text in changed:
        compile(text, name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("key", EXERCISES)
def test_an_exercise_runs_to_the_lessons_end(key: str, tmp_path: Path) -> None:
    name, exercise = EXERCISES[key]
    for text in exercise.carried_out(TEXTS[name]):
        done = run(name, text + '\nprint("the end")\n', tmp_path)
        assert done.returncode == 0, f"{exercise.words}\n{done.stderr[-2000:]}"
        assert done.stdout.rstrip().endswith("the end")
