"""The lesson in which a model leaves runs, and what it says holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[2] / "demos"


@pytest.mark.slow
@pytest.mark.torch
def test_the_lesson_runs_and_holds() -> None:
    done = subprocess.run(
        [sys.executable, "11_graduation.py"], cwd=DEMOS, capture_output=True, encoding="utf-8", timeout=600,
        env={**os.environ, "LESSONS_STRICT": "1", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "359 of 359" in done.stdout and "8 devices" in done.stdout
