"""The progress bar is drawn in a terminal and in a notebook, and nowhere else."""

from __future__ import annotations

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from micrograd_plus.train import progress


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.001)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def work(show: bool = True) -> None:
    with progress.progress_bar(20, show) as update:
        for done in range(1, 21):
            update(done, lambda done=done: f"step {done} [bold]")  # type: ignore[misc]


def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Not a fixture: pytest puts its own standard error in place after fixtures are made."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return stream


def test_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = in_a_terminal(monkeypatch)
    work()
    shown = terminal.getvalue()
    assert "100%" in shown and "step 20 [bold]" in shown, "it ends full, and words are no markup"


def test_short_work_and_unwanted_bars_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = in_a_terminal(monkeypatch)
    work(show=False)
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    work()
    assert terminal.getvalue() == ""


def test_it_is_closed_by_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = in_a_terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), progress.progress_bar(3) as update:
        update(1, lambda: "one")
        raise ZeroDivisionError
    assert "\x1b[?25h" in terminal.getvalue(), "the cursor is shown again"


def test_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            shown.append(html)

    def display(html: str, display_id: bool) -> Handle:
        assert display_id
        shown.append(html)
        return Handle()

    ipython: Any = ModuleType("IPython")
    ipython.display = SimpleNamespace(display=display, HTML=lambda text: text)
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    work()
    assert '<progress value="0" max="20"' in shown[0]
    assert '<progress value="20" max="20"' in shown[-1] and "100% step 20 [bold]" in shown[-1]
