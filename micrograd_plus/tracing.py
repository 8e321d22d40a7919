"""A traced Value reports each look at its number, so that a compiler learns of every choice that hangs on data.

A trace runs a function of Values once, and what Python does with a plain number that it took from one of them is frozen
in the result. So, for the time of a trace, the leaves and all that is made from them are `Traced`: their `data` and
`grad` are properties that tell whoever watches. The engine's own files read numbers without a word.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from micrograd_plus import mode
from micrograd_plus.operation import CONSTANT
from micrograd_plus.value import Value

__all__ = ["PACKAGE", "Traced", "traced"]

PACKAGE = str(Path(__file__).parent)

_ENGINE = (
    "errors", "functions", "methods", "mode", "tracing", "value", "compiler/frontend", "nn/layers", "nn/losses",
    "nn/owners",
)  # fmt: skip
_TRUSTED = frozenset(f"{PACKAGE}/{file}.py" for file in _ENGINE)
"""Files that look at numbers to compute with them, or to refuse them, and for nothing else."""


def _is_trusted(frame: Any) -> bool:
    return frame.f_code.co_filename.replace("\\", "/") in _TRUSTED


def _reporting(name: str) -> property:
    """The slot `name` of Value as a property that tells who looks."""
    slot: Any = Value.__dict__[name]

    def get(self: Value) -> Any:
        if self.op is not CONSTANT and not _is_trusted(sys._getframe(1)):
            mode.tell(f".{name}", self, self)
        return slot.__get__(self)

    def put(self: Value, number: float) -> None:
        if not _is_trusted(sys._getframe(1)):
            mode.tell(f".{name} =", self, self)
        slot.__set__(self, number)

    return property(get, put)


class Traced(Value):
    """A Value in a trace."""

    __slots__ = ()

    data = _reporting("data")
    grad = _reporting("grad")

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivatives, which are numbers too."""
        mode.tell(".partials", self, self)
        return super().partials


class TracedNumber(Traced):
    """A leaf that is a plain number where nothing is traced: what a number answers and a Value does not is told."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not _is_trusted(sys._getframe(1)):
            mode.tell("==", self, self)
        return self is other

    def __hash__(self) -> int:
        if not _is_trusted(sys._getframe(1)):
            mode.tell("hash()", self, self)
        return object.__hash__(self)

    def __bool__(self) -> bool:
        mode.tell("bool()", self, self)
        return True


_one_at_a_time = RLock()  # two traces of one model would put its leaves back too early


@contextmanager
def traced(
    leaves: Iterable[Value], look: Callable[[str, Value, Any], None], numbers: Iterable[Value] = ()
) -> Iterator[None]:
    """Within it, `look(event, node, other)` is called for each look at the number of a leaf, or of what is made of it.

    The leaves among `numbers` stand for what is a plain number when nothing is traced, as a target is. The events are
    those of `mode.watching`, and the others are named as a message writes them: `.data`, `.grad`, no_grad(), ==.
    """
    with _one_at_a_time, _watched(leaves, look, numbers):
        yield


@contextmanager
def _watched(
    leaves: Iterable[Value], look: Callable[[str, Value, Any], None], numbers: Iterable[Value]
) -> Iterator[None]:
    seen = {**dict.fromkeys(leaves, Traced), **dict.fromkeys(numbers, TracedNumber)}
    made: list[Value] = []

    def watch(event: str, node: Value, other: Any) -> None:
        if event != "made":
            look(event, node, other)
        elif mode.is_recording():
            node.__class__ = Traced
            made.append(node)
        elif any(child.op is not CONSTANT for child in node.children):
            look("no_grad()", node, node)

    found = [(node, kind) for node, kind in seen.items() if type(node) is Value]  # which may not be hashed again
    try:
        for node, kind in found:
            node.__class__ = kind
        with mode.watching(watch):
            yield
    finally:
        for node, _ in found:
            node.__class__ = Value
        for node in made:
            node.__class__ = Value
