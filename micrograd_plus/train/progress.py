"""A progress bar shows how far long work is: in a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from html import escape
from typing import Any, TypeAlias

__all__ = ["Update", "progress_bar"]

Update: TypeAlias = "Callable[[int, Callable[[], str]], None]"
"""Tells the bar how many units are done; the function makes the words beside it, and is called only to show them."""

Draw: TypeAlias = "Callable[[int, str], object]"
"""Draws a bar with so many units done and these words beside it."""

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
    bar = _bar(total) if show else None
    if bar is None:
        yield lambda done, words: None
        return
    draw: Draw | None = None
    due = time.monotonic() + PATIENCE
    last: tuple[int, Callable[[], str]] = (0, str)

    def update(done: int, words: Callable[[], str]) -> None:
        nonlocal draw, due, last
        last = done, words
        if time.monotonic() >= due:
            draw = draw or stack.enter_context(bar)
            draw(done, words())
            due = time.monotonic() + INTERVAL

    with ExitStack() as stack:
        try:
            yield update
        finally:
            if draw is not None:
                done, words = last
                draw(done, words())


def _bar(total: int) -> AbstractContextManager[Draw] | None:
    ipython = sys.modules.get("IPython")  # a notebook has it loaded
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return _notebook_bar(total)
    return _terminal_bar(total) if sys.stderr.isatty() else None


@contextmanager
def _terminal_bar(total: int) -> Iterator[Draw]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # they give way where the terminal is narrow
    columns = (
        BarColumn(bar_width=8),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.description}", markup=False, table_column=words),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=1 / INTERVAL, expand=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda done, words: progress.update(task, completed=done, description=words)


@contextmanager
def _notebook_bar(total: int) -> Iterator[Draw]:
    """An HTML progress element, redrawn in place: it needs no widget extension, and a saved notebook keeps it."""
    from IPython import display

    def bar(done: int, words: str) -> Any:
        element = f'<progress value="{done}" max="{total}" aria-label="progress"></progress>'
        return display.HTML(f"{element} {done / total:.0%} {escape(words)}")  # type: ignore[no-untyped-call]

    handle: Any = display.display(bar(0, ""), display_id=True)  # type: ignore[no-untyped-call]
    yield lambda done, words: handle.update(bar(done, words))
