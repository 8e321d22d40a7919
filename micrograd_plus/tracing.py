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
from typing import Any

from micrograd_plus import mode
from micrograd_plus.operation import CONSTANT
from micrograd_plus.value import Value

__all__ = ["traced"]

_ENGINE = ("value.py", "errors.py", "functions.py", "methods.py", "mode.py", "tracing.py", "nn/layers.py", "nn/losses.py")
_TRUSTED = frozenset(str(Path(__file__).parent / file) for file in _ENGINE)
"""Files that look at numbers to compute with them or to refuse them, and for nothing else."""


def _reporting(name: str) -> property:
    slot: Any = Value.__dict__[name]

    def get(self: Value) -> Any:
        if self.op is not CONSTANT and sys._getframe(1).f_code.co_filename not in _TRUSTED:
            mode.tell(name, self, self)
        return slot.__get__(self)

    def put(self: Value, number: float) -> None:
        if sys._getframe(1).f_code.co_filename not in _TRUSTED:
            mode.tell(f"{name} =", self, self)
        slot.__set__(self, number)

    return property(get, put)


class Traced(Value):
    """A Value in a trace."""

    __slots__ = ()

    data = _reporting("data")  # type: ignore[assignment]
    grad = _reporting("grad")  # type: ignore[assignment]

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivatives, which are numbers too."""
        mode.tell("partials", self, self)
        return super().partials


@contextmanager
def traced(leaves: Iterable[Value], look: Callable[[str, Value, Any], None]) -> Iterator[None]:
    """Within it, `look(event, node, other)` is called for each look at the number of one of the leaves or of a result.

    The events are those of `mode.watching`, and `data`, `grad` (or `data =`, where it is set), `no_grad` where an
    operation leaves no graph behind.
    """
    seen = list(dict.fromkeys(leaves))

    def watch(event: str, node: Value, other: Any) -> None:
        if event != "made":
            look(event, node, other)
        elif mode.is_recording():
            node.__class__ = Traced
            seen.append(node)
        elif any(child.op is not CONSTANT for child in node.children):
            look("no_grad", node, node)

    try:
        for each in seen:
            each.__class__ = Traced
        with mode.watching(watch):
            yield
    finally:
        for each in seen:
            each.__class__ = Value
