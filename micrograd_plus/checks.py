"""Check the plain things that a caller hands over, and say in a message what is wrong in the caller's own words.

A message names an argument through `argument`, and the checks do so too: whoever calls the package under other names,
as the command line does by its options, says with `spelled` how they are written.
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from typing import Any, TypeVar

from micrograd_plus.errors import short

__all__ = [
    "argument", "counted", "finite_number", "flat", "guess", "listed", "named", "plain", "rng", "spelled",
    "whole_number",
]  # fmt: skip

T = TypeVar("T")


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """Returns `value` as an int.

    `name` begins with the argument's name. Raises TypeError for anything that is not a whole number (a bool is none
    here), ValueError below `least`.

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
        given = f"{short(value)} ({type(value).__name__}){cure}"
        raise TypeError(f"{_respelled(name)} must be {expected}, got {given}") from None
    if least is not None and number < least:
        raise ValueError(f"{_respelled(name)} must be {expected}, got {short(number)}")
    return number


def finite_number(name: str, value: Any, cure: str = "give a plain number") -> float:
    """Returns `value` as a float.

    `name` begins with the argument's name. Raises TypeError for what is no real number (text, None, a bool, a complex
    number), ValueError for nan, an infinity or an int beyond a float's range; both close with `cure`.

    >>> finite_number("noise", 2)
    2.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{_respelled(name)} is {short(value)} ({type(value).__name__}), not a number; {cure}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{_respelled(name)} is {number}, not a finite number; {cure}")
    return number


def named(kind: str, name: Any, known: Mapping[str, T]) -> T:
    """Returns `known[name]`.

    Raises ValueError that lists the known names, and guesses which one was meant, for any other.

    >>> named("colour", "red", {"red": 1})
    1
    """
    if isinstance(name, str) and name in known:
        return known[name]
    close = guess(str(name), known)
    meant = f"did you mean {close!r}? " if close else ""
    raise ValueError(f"there is no {kind} {short(name)}; {meant}known are {', '.join(known)}")


def rng(seed: Any, epoch: int = 0) -> random.Random:
    """Returns a generator whose draws are a function of `(seed, epoch)` alone.

    Epoch 0 of a seed is `random.Random(seed)` itself, so that anyone can redraw it. Later epochs are seeded with text,
    which Python hashes with SHA-512, the same on every run and platform: neighbouring epochs share nothing. Raises
    TypeError or ValueError unless both are whole numbers of at least 0.

    >>> rng(3).random() == random.Random(3).random()
    True
    """
    seed = whole_number("seed", seed, least=0)  # random.Random takes -1 for 1
    epoch = whole_number("epoch", epoch, least=0)
    return random.Random(f"seed {seed}, epoch {epoch}" if epoch else seed)


def plain(numbers: Any) -> Any:
    """Returns a NumPy array, a tuple, a map or any other ordered iterable as a list; anything else as it is.

    >>> plain((1, 2)), plain(range(2)), plain("text"), plain(0.5)
    ([1, 2], [0, 1], 'text', 0.5)
    """
    if type(numbers) in (float, int):  # most of what comes, and the checks below take their time
        return numbers
    if hasattr(numbers, "tolist"):
        return numbers.tolist()
    ordered = isinstance(numbers, Iterable) and not isinstance(numbers, (str, bytes, Set, Mapping))
    return list(numbers) if ordered else numbers


def flat(nested: Any) -> Iterator[Any]:
    """Returns an iterator over what nested lists and tuples hold, from left to right; over a bare thing, itself.

    >>> list(flat([1, (2, [3])])), list(flat(4))
    ([1, 2, 3], [4])
    """
    if isinstance(nested, (list, tuple)):
        for each in nested:
            yield from flat(each)
    else:
        yield nested


def counted(number: int, noun: str) -> str:
    """Returns a number with what it counts, in the plural unless it is 1.

    >>> counted(1, "row"), counted(1500, "row")
    ('1 row', '1,500 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Iterable[object], most: int = 5) -> str:
    """Returns the names with commas between them; of more than `most` the first ones, and how many there are beside.

    >>> listed("abc"), listed("abc", most=2)
    ('a, b, c', 'a, b and 1 more')
    """
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def guess(name: str, known: Iterable[str]) -> str:
    """Returns the known name that was most likely meant, "" if none is close.

    >>> guess("lenght", ["length", "width"]), guess("colour", ["length", "width"])
    ('length', '')
    """
    import difflib  # only a wrong name needs it

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), "")


def argument(name: str, *value: Any) -> str:
    """Returns an argument as the caller writes it, with a value if one is given: `header=False` in Python.

    >>> argument("batch_size"), argument("header", False), argument("features", ...)
    ('batch_size', 'header=False', 'features=...')
    """
    in_python = "=".join([name, *("..." if each is ... else repr(each) for each in value)])
    return _spelling.get()(name, *value) or in_python


_spelling: ContextVar[Callable[..., str]] = ContextVar("_spelling", default=lambda name, *value: "")


@contextmanager
def spelled(spelling: Callable[..., str]) -> Iterator[None]:
    """Returns a context in which arguments are written as `spelling(name, *value)` says, in this thread or task alone.

    "" stands for an argument that is written as in Python.

    >>> with spelled(lambda name, *value: " ".join([f"--{name}", *value])):
    ...     argument("task", "regression")
    '--task regression'
    """
    token = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(token)


def _respelled(name: str) -> str:
    """A name such as `widths[0]` or `test, as a number of rows,`, the argument that it begins with as it is spelled."""
    return re.sub(r"\A\w+", lambda word: argument(word[0]), name)
