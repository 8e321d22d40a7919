"""A progress bar shows how far long work is: in a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, TypeAlias

__all__ = ["Update", "progress_bar"]

Update: TypeAlias = "Callable[[int, Callable[[], str]], None]"
"""Tells the bar how many units are done; the function makes the words beside it, and is called only to show them."""

PATIENCE = 0.5  # seconds: work that is done by then needs no bar
INTERVAL = 0.1  # seconds between two looks; drawing more often costs time and shows nothing new


@contextmanager
def progress_bar(total: int, show: bool = True) -> Iterator[Update]:
    """Returns a context with the function that moves a bar of `total` units, for work of more than a moment.

    Nothing is drawn with `show=False`, nor where standard error is neither a terminal nor a notebook's.

    >>> with progress_bar(3) as update:
    ...     for done in range(1, 4):
    ...         update(done, lambda: f"step {done}")
    """
    kind: type[_TerminalBar] | type[_NotebookBar] | None = None
    if show:
        kind = _NotebookBar if _in_notebook() else _TerminalBar if sys.stderr.isatty() else None
    if kind is None:
        yield lambda done, words: None
        return
    bar: _TerminalBar | _NotebookBar | None = None
    due = time.monotonic() + PATIENCE
    last: tuple[int, Callable[[], str]] = (0, str)

    def update(done: int, words: Callable[[], str]) -> None:
        nonlocal bar, due, last
        last = done, words
        if time.monotonic() >= due:
            bar = bar or kind(total)
            bar.draw(done, words())
            due = time.monotonic() + INTERVAL

    try:
        yield update
    finally:
        if bar is not None:
            done, words = last
            bar.draw(done, words())
            bar.close()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # a notebook has it loaded
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class _TerminalBar:
    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        words = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # they give way where the terminal is narrow
        columns = (
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.description}", markup=False, table_column=words),
        )
        console = Console(stderr=True)
        self.progress = Progress(*columns, console=console, refresh_per_second=1 / INTERVAL, expand=True)
        self.task = self.progress.add_task("", total=total)
        self.progress.start()

    def draw(self, done: int, words: str) -> None:
        self.progress.update(self.task, completed=done, description=words)

    def close(self) -> None:
        self.progress.stop()


class _NotebookBar:
    """An HTML progress element, redrawn in place: it needs no widget extension, and a saved notebook keeps it."""

    def __init__(self, total: int) -> None:
        from IPython import display

        self.total, self.html = total, display.HTML
        self.handle: Any = display.display(self._bar(0, ""), display_id=True)  # type: ignore[no-untyped-call]

    def _bar(self, done: int, words: str) -> Any:
        bar = f'<progress value="{done}" max="{self.total}" aria-label="progress"></progress>'
        return self.html(f"{bar} {done / self.total:.0%} {escape(words)}")  # type: ignore[no-untyped-call]

    def draw(self, done: int, words: str) -> None:
        self.handle.update(self._bar(done, words))

    def close(self) -> None:
        """Leaves the bar where it is, as part of the notebook."""
