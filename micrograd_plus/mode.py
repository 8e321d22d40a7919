"""What holds for all operations for a while: no recording, somebody watching, no search for cycles.

Each holds for the thread that asked for it, but the search for cycles, which Python has one of. This module knows no
Value.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from micrograd_plus.errors import to_float

__all__ = ["Watcher", "WithSettings", "is_recording", "looked_at", "no_gc", "no_grad", "tell", "watching"]

Watcher: TypeAlias = Callable[[str, Any, Any], None]


class _Thread(threading.local):
    """The blocks that this thread is in."""

    def __init__(self) -> None:
        self.pauses = 0
        self.watchers: list[Watcher] = []


_thread = _Thread()
_lock = threading.Lock()

blocks = 0
"""The no_grad() and watching() blocks of all threads: while there are none, an operation need not look at its own's."""


@contextmanager
def _block() -> Iterator[None]:
    global blocks
    with _lock:
        blocks += 1
    try:
        yield
    finally:
        with _lock:
            blocks -= 1


# -------------------------------------------------------------------- no_grad


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it, operations compute their value and record nothing: no graph, no memory. Other threads go on recording.

    >>> from micrograd_plus import Value
    >>> with no_grad():
    ...     (Value(2.0) * 3).children
    ()
    """
    with _block():
        _thread.pauses += 1
        try:
            yield
        finally:
            _thread.pauses -= 1


def is_recording() -> bool:
    """Returns whether operations of this thread leave a graph behind."""
    return not _thread.pauses


# -------------------------------------------------------------------- watching


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Within it, `watcher(event, node, other)` is called when this thread looks at a number or makes a random leaf.

    The event is what a message calls the look (<, float(), repr()), "made" for a node that an operation made, and
    "leaf" for a random leaf. So a tracer learns of a choice that hangs on data.
    """
    with _block():
        _thread.watchers.append(watcher)
        try:
            yield
        finally:
            _thread.watchers.pop()


def tell(event: str, node: Any, other: Any) -> None:
    """Tells whoever watches this thread."""
    if blocks and _thread.watchers:
        _thread.watchers[-1](event, node, other)


def looked_at(event: str, node: Any, other: Any) -> float:
    """Returns the number of `other`, a Value or a plain one; whoever watches is told that Python looks at it."""
    tell(event, node, other)
    number: float = other.data if hasattr(other, "backward") else to_float(other)
    return number


# -------------------------------------------------------------------- settings

changes = 0
"""How often an attribute of anything with settings was set, in all: while it stays, none has changed."""


class WithSettings:
    """The base of what has settings, as a Module has: whoever compiled it can ask cheaply whether one was set."""

    def __setattr__(self, name: str, value: Any) -> None:
        global changes
        changes += 1
        super().__setattr__(name, value)


# -------------------------------------------------------------------- no_gc

_pauses, _was_on = 0, False


@contextmanager
def no_gc() -> Iterator[None]:
    """Within it, Python does not look for reference cycles, which graphs of Values do not have.

    The search walks every Value again and again: a large graph is built up to three times as fast without. It is one
    switch for the process: the search is on again when the last of all threads' blocks is left.

    >>> with no_gc():
    ...     gc.isenabled()
    False
    """
    global _pauses, _was_on
    with _lock:
        if not _pauses:
            _was_on = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _was_on:
                gc.enable()
