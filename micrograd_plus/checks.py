"""Check the plain things that a caller hands over, such as a count, a seed, a noise level or a name."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeVar

__all__ = ["finite_number", "named", "rng", "whole_number"]

T = TypeVar("T")


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """`value` as an int.

    Raises TypeError for anything that is not a whole number (a bool is none here), ValueError below `least`.

    >>> whole_number("batch_size", 32, least=1)
    32
    """
    expected = "a whole number" if least is None else f"a whole number of at least {least}"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        cure = f"; write {int(value)}" if isinstance(value, float) and value.is_integer() else ""
        raise TypeError(f"{name} must be {expected}, got {value!r} ({type(value).__name__}){cure}") from None
    if least is not None and number < least:
        raise ValueError(f"{name} must be {expected}, got {number}")
    return number


def finite_number(name: str, value: Any, cure: str = "give a plain number") -> float:
    """`value` as a float.

    Raises TypeError for what is no real number (text, None, a bool, a complex number), ValueError for nan,
    an infinity or an int beyond a float's range; both name the thing as `name` and close with `cure`.

    >>> finite_number("noise", 2)
    2.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}), not a number; {cure}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}, not a finite number; {cure}")
    return number


def rng(seed: Any, epoch: int = 0) -> random.Random:
    """A generator whose draws are a function of `(seed, epoch)` alone.

    Epoch 0 of a seed is `random.Random(seed)` itself, so that anyone can redraw it. Later epochs are seeded
    with text, which Python hashes with SHA-512, the same on every run and platform: neighbouring epochs
    share nothing.

    >>> rng(3).random() == random.Random(3).random()
    True
    """
    seed = whole_number("seed", seed, least=0)  # random.Random takes -1 for 1
    epoch = whole_number("epoch", epoch, least=0)
    return random.Random(f"seed {seed}, epoch {epoch}" if epoch else seed)


def named(kind: str, name: Any, known: Mapping[str, T]) -> T:
    """`known[name]`.

    Raises ValueError that lists the known names, and guesses which one was meant, for any other.

    >>> named("colour", "red", {"red": 1})
    1
    """
    if isinstance(name, str) and name in known:
        return known[name]
    import difflib  # only a wrong name needs it

    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"there is no {kind} {name!r}; {guess}known are {', '.join(known)}")
