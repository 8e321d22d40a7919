"""Ways in which a person's own code looks at a number: each takes a Value or a plain number, and gives a factor.

What a way does with a Value is what Python does with it in an eager run; a compiled run must do the same, or be told.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd_plus import Value, no_grad

Way = Callable[[Any], Any]


def _number(v: Any) -> Any:
    return v.data if isinstance(v, Value) else v


def _matched(v: Any) -> float:
    match v:
        case 1:
            return 3.0
        case 0:
            return 2.0
    return 1.0


def _in_no_grad(v: Any) -> Any:
    with no_grad():
        return v * v


def _counted() -> Way:
    count = itertools.count(1)
    return lambda v: 1.0 / next(count)


def _running_mean() -> Way:
    seen: list[float] = [0.0]

    def way(v: Any) -> float:
        seen[0] = 0.9 * seen[0] + 0.1 * _number(v)
        return seen[0]

    return way


def _drawn() -> Way:
    rng = random.Random(5)
    return lambda v: rng.random()


def _cycled() -> Way:
    turns = itertools.cycle([1.0, 2.0, 3.0])
    return lambda v: next(turns)


def _generated() -> Way:
    numbers = (1.0 / n for n in itertools.count(1))
    return lambda v: next(numbers)


class _Tally:
    """Counts its calls in the class, or in a slot."""

    __slots__ = ("own",)
    calls = 0

    def __init__(self) -> None:
        type(self).calls = self.own = 0

    def in_class(self, v: Any) -> float:
        type(self).calls += 1
        return 1.0 / self.calls

    def in_slot(self, v: Any) -> float:
        self.own += 1
        return 1.0 / self.own


def _in_a_default() -> Way:
    def way(v: Any, *, seen: list[int] = []) -> float:  # noqa: B006
        seen.append(1)
        return 1.0 / len(seen)

    way.__kwdefaults__ = {"seen": []}  # its own for each run
    return way


def _partial() -> Way:
    def way(seen: list[int], v: Any) -> float:
        seen.append(1)
        return 1.0 / len(seen)

    return functools.partial(way, [])


def _in_a_value() -> Way:
    kept = Value(1.0)

    def way(v: Any) -> Value:
        kept.data *= 0.9
        return kept

    return way


def _mapped() -> Way:
    numbers = map(float, itertools.count(1))
    return lambda v: 1.0 / next(numbers)


WAYS: dict[str, Callable[[], Way]] = {
    # its number
    "data": lambda: lambda v: _number(v),
    "data, compared": lambda: lambda v: 1.0 if _number(v) > 0.2 else 2.0,
    "float()": lambda: lambda v: float(v),
    "int(float())": lambda: lambda v: 1 + int(float(v) * 3),
    "math.tanh": lambda: lambda v: math.tanh(v),
    "Value(data)": lambda: lambda v: Value(_number(v)),
    "partials": lambda: lambda v: (v * v).partials[0] if isinstance(v, Value) else 1.0,
    "grad": lambda: lambda v: 1.0 + (v.grad if isinstance(v, Value) else 0.0),
    "no_grad": lambda: lambda v: _in_no_grad(v),
    "np.maximum": lambda: lambda v: np.maximum(v, 0.3),
    "math.floor": lambda: lambda v: 1 + math.floor(_number(v) * 3),
    # its order
    "<": lambda: lambda v: 1.0 if v < 0.2 else 2.0,
    ">=": lambda: lambda v: 1.0 if v >= 0.5 else 2.0,
    "max": lambda: lambda v: max(v, 1 - v),
    "min of many": lambda: lambda v: min([v, v * 2, 1 - v]),
    "sorted": lambda: lambda v: sorted([v, 1 - v, 0.5 * v])[1],
    "key": lambda: lambda v: max([v, 1 - v], key=_number),
    # its text
    "format": lambda: lambda v: float(f"{v:.1f}") if isinstance(v, Value) else float(v),
    "repr": lambda: lambda v: 1.0 + ("-" in repr(v)),
    "str": lambda: lambda v: float(len(str(v))),
    # copies
    "copy": lambda: lambda v: copy.copy(v),
    "deepcopy": lambda: lambda v: copy.deepcopy(v),
    "pickle": lambda: lambda v: pickle.loads(pickle.dumps(v)),
    # what a plain number knows and a Value does not
    "==": lambda: lambda v: 1.0 if v == 1 else 2.0,
    "!=": lambda: lambda v: 1.0 if v != 1 else 2.0,
    "truth": lambda: lambda v: 1.0 if v else 2.0,
    "not": lambda: lambda v: 1.0 + (not v),
    "in": lambda: lambda v: 1.0 if v in (1, 2) else 2.0,
    "in a set": lambda: lambda v: 1.0 if v in {1, 2} else 2.0,
    "dict": lambda: lambda v: {1: 3.0}.get(v, 1.0),
    "match": lambda: _matched,
    "isinstance": lambda: lambda v: 1.0 if isinstance(v, (int, float)) else 2.0,
    "type": lambda: lambda v: 1.0 if type(v) is int else 2.0,
    # state and chance
    "random": lambda: lambda v: random.random(),
    "own generator": _drawn,
    "counter": _counted,
    "running mean": _running_mean,
    "cycle": _cycled,
    "generator": _generated,
    "map": _mapped,
    "class attribute": lambda: _Tally().in_class,
    "slot": lambda: _Tally().in_slot,
    "default": _in_a_default,
    "partial": _partial,
    "Value's number": _in_a_value,
}
"""A way by its name: made anew for each run, as some keep a state."""

HANG_ON_THE_CALL = (
    "random", "own generator", "counter", "running mean", "cycle", "generator", "map", "class attribute", "slot",
    "default", "partial", "Value's number",
)  # fmt: skip
"""What these give hangs on how often they were asked."""

OF_A_PLAIN_NUMBER: dict[str, Callable[[], Way]] = {
    "index": lambda: lambda y: [1.0, 2.0, 3.0][y],
    "round": lambda: lambda y: 1.0 + round(y),
    "%": lambda: lambda y: 1.0 + y % 2,
    "//": lambda: lambda y: 1.0 + y // 2,
    "range": lambda: lambda y: 1.0 + len(range(y)),
    "one-hot": lambda: lambda y: sum((i + 1) * (i == y) for i in range(3)),
    "bits": lambda: lambda y: 1.0 + (y & 1),
}
"""Ways that only a class number knows: for targets."""
