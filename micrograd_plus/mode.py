"""What holds for all operations for a while: no recording, somebody watching, no search for cycles.

Every operation asks, so that these are plain numbers and lists. This module knows no Value.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from micrograd_plus.errors import to_float

__all__ = ["Watcher", "is_recording", "looked_at", "no_gc", "no_grad", "watching"]

# -------------------------------------------------------------------- no_grad


class _Thread(threading.local):
    """How many no_grad() blocks this thread is in."""

    paused = 0


paused = 0
"""The no_grad() blocks of all threads: while there are none, an operation need not ask for its own thread's."""

_thread = _Thread()
_lock = threading.Lock()


def is_recording() -> bool:
    """Returns whether operations of this thread leave a graph behind."""
    return not _thread.paused


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it, operations compute their value and record nothing: no graph, no memory. Other threads go on recording.

    >>> from micrograd_plus import Value
    >>> with no_grad():
    ...     (Value(2.0) * 3).children
    ()
    """
    _pause(1)
    try:
        yield
    finally:
        _pause(-1)


def _pause(change: int) -> None:
    global paused
    _thread.paused += change
    with _lock:
        paused += change


# -------------------------------------------------------------------- watching

Watcher: TypeAlias = Callable[[str, Any, Any], None]

watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Within it, `watcher(event, node, other)` is called when a Value's number is looked at or a random leaf is made.

    The event is the name of the comparison, `__float__` or `leaf`. So a tracer learns of a choice that hangs on data.
    """
    watchers.append(watcher)
    try:
        yield
    finally:
        watchers.pop()


def looked_at(event: str, node: Any, other: Any) -> float:
    """Returns the number of `other`, a Value or a plain one; whoever watches is told that Python looks at it."""
    if watchers:
        watchers[-1](event, node, other)
    number: float = other.data if hasattr(other, "backward") else to_float(other)
    return number


# -------------------------------------------------------------------- no_gc

_blocks, _was_on = 0, False


@contextmanager
def no_gc() -> Iterator[None]:
    """Within it, Python does not look for reference cycles, which graphs of Values do not have.

    The search walks every Value again and again: a large graph is built up to three times as fast without. It is one
    switch for the process: the search is on again when the last of all threads' blocks is left.

    >>> with no_gc():
    ...     gc.isenabled()
    False
    """
    global _blocks, _was_on
    with _lock:
        if not _blocks:
            _was_on = gc.isenabled()
            gc.disable()
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks and _was_on:
                gc.enable()
