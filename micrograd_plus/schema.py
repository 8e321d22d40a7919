"""A schema says what saved data look like: the table of a format, by which a file or a state is checked as a whole.

It is made of what stands here, each of which knows what may be at a place. A check changes nothing; the first thing
that is not as the schema says is a ValueError that names its place: `epochs[3].figures['loss'] must be ...`.

>>> RECIPE = Fields(eggs=Whole(most=12), spices=ListOf(String()), note=Maybe(String()))
>>> RECIPE.check({"eggs": 2, "spices": ["salt"], "note": None})
>>> RECIPE.check({"eggs": 2, "spices": ["salt", 3], "note": None})
Traceback (most recent call last):
    ...
ValueError: spices[1] must be a text, but is 3
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from functools import partial
from math import isfinite
from typing import Any, NoReturn, TypeAlias

from micrograd_plus.errors import short

__all__ = [
    "Fields", "Finite", "Flag", "ListOf", "Maybe", "Names", "OneOf", "Plain", "Row", "Schema", "String", "Whole",
]  # fmt: skip

_LARGEST = sys.float_info.max

PlaceOf: TypeAlias = "Callable[[int], str]"
"""From the number of a thing among many to its place, which is asked for only where it is refused."""


class Schema:
    """What may stand at a place; `expected` says it in words."""

    expected = "something"

    def fits(self, thing: Any) -> bool:
        """Returns whether the thing itself may stand here, whatever is inside of it."""
        raise NotImplementedError

    def inside(self, thing: Any, place: str) -> None:
        """Checks what is inside a thing that fits."""

    def check(self, thing: Any, place: str = "") -> None:
        """Raises ValueError that names the place of the first thing that may not stand where it does."""
        if not self.fits(thing):
            _refuse(place, f"must be {self.expected}, but is {short(thing)}")
        self.inside(thing, place)

    def check_all(self, things: Collection[Any], place_of: PlaceOf) -> None:
        """Checks many things, which for numbers is many times quicker than one by one."""
        for i, thing in enumerate(things):
            if not self.fits(thing):
                self.check(thing, place_of(i))
            self.inside(thing, place_of(i))


class Finite(Schema):
    """A finite number from `least` to `most`."""

    def __init__(self, least: float = -_LARGEST, most: float = _LARGEST) -> None:
        self.least, self.most = least, most
        bounds = [f"of at least {least:g}"] * (least > -_LARGEST) + [f"of at most {most:g}"] * (most < _LARGEST)
        self.expected = " ".join(["a finite number", " and ".join(bounds)]).strip()

    def fits(self, thing: Any) -> bool:
        """Returns whether it is a number within the bounds, which nan is not."""
        return isinstance(thing, (float, int)) and not isinstance(thing, bool) and self.least <= thing <= self.most

    def check_all(self, things: Collection[Any], place_of: PlaceOf) -> None:
        """Checks many numbers."""
        if not _are_finite(things) or (things and not self.least <= min(things) <= max(things) <= self.most):
            super().check_all(things, place_of)


class Whole(Schema):
    """A whole number from `least` to `most`, by default up to where floats hold every one."""

    def __init__(self, least: int = 0, most: int = 2**53) -> None:
        self.least, self.most = least, most
        self.expected = f"a whole number from {least:,} to {most:,}"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is a whole number within the bounds, and not True or False."""
        return isinstance(thing, int) and not isinstance(thing, bool) and self.least <= thing <= self.most

    def check_all(self, things: Collection[Any], place_of: PlaceOf) -> None:
        """Checks many numbers."""
        are_whole = set(map(type, things)) <= {int}
        if not are_whole or (things and not self.least <= min(things) <= max(things) <= self.most):
            super().check_all(things, place_of)


class String(Schema):
    """A text, any at all."""

    expected = "a text"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is a text."""
        return isinstance(thing, str)


class Flag(Schema):
    """True or False."""

    expected = "true or false"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is one of the two."""
        return isinstance(thing, bool)


class OneOf(Schema):
    """One of these texts."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.expected = f"one of {', '.join(texts)}"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is among them."""
        return isinstance(thing, str) and thing in self.texts


class Maybe(Schema):
    """Nothing (None), or what another schema says."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.expected = f"{schema.expected}, or nothing"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is None, or fits."""
        return thing is None or self.schema.fits(thing)

    def inside(self, thing: Any, place: str) -> None:
        """Checks what is inside, if there is something."""
        if thing is not None:
            self.schema.inside(thing, place)


class ListOf(Schema):
    """A list, of which every member is as `each` says; `length` of them, if that is given."""

    def __init__(self, each: Schema, *, length: int | None = None, least: int = 0) -> None:
        self.each, self.length, self.least = each, length, least
        how_many = f" of {length:,}" if length is not None else f" of at least {least}" if least else ""
        self.expected = f"a list{how_many}"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is a list, and long enough; a tuple is written as one."""
        return isinstance(thing, (list, tuple)) and (
            len(thing) >= self.least if self.length is None else len(thing) == self.length
        )

    def inside(self, thing: Any, place: str) -> None:
        """Checks every member."""
        self.each.check_all(thing, lambda i: f"{place}[{i}]")


class Row(Schema):
    """A list with one thing for each of these names, in their order: a line of a table."""

    def __init__(self, **columns: Schema) -> None:
        self.columns = columns
        self.expected = f"a list of {', '.join(columns)}"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is a list with so many things."""
        return isinstance(thing, (list, tuple)) and len(thing) == len(self.columns)

    def inside(self, thing: Any, place: str) -> None:
        """Checks each column."""
        for each, (name, schema) in zip(thing, self.columns.items()):
            schema.check(each, _join(place, name))

    def check_all(self, things: Collection[Any], place_of: PlaceOf) -> None:
        """Checks many rows, column by column."""
        if not all(map(self.fits, things)):
            super().check_all(things, place_of)
        for column, name in zip(zip(*things), self.columns):
            self.columns[name].check_all(column, partial(_place_in, place_of, name))


class Fields(Schema):
    """An object with exactly these names, and what may stand under each."""

    def __init__(self, **fields: Schema) -> None:
        self.fields, self.others = fields, dict[str, Schema]()
        self.expected = f"an object with {', '.join(fields) or 'nothing in it'}"

    def fits(self, thing: Any) -> bool:
        """Returns whether it is an object."""
        return isinstance(thing, dict)

    def and_maybe(self, **others: Schema) -> Fields:
        """Returns the schema of an object in which these may be too.

        >>> Fields(eggs=Whole()).and_maybe(spices=Whole()).check({"eggs": 2})
        """
        found = Fields(**self.fields)
        found.others = others
        return found

    def inside(self, thing: Any, place: str) -> None:
        """Checks that every name is there, none beside, and what is under each."""
        missing = [name for name in self.fields if name not in thing]
        unknown = [short(name) for name in thing if name not in self.fields and name not in self.others]
        if missing or unknown:
            _refuse(
                place, f"lacks {', '.join(missing)}" if missing else f"has {unknown[0]}, which does not belong there"
            )
        for name, schema in {**self.fields, **self.others}.items():
            if name in thing:
                schema.check(thing[name], _join(place, name))


class Names(Schema):
    """An object with any names, and what may stand under every one."""

    expected = "an object"

    def __init__(self, each: Schema) -> None:
        self.each = each

    def fits(self, thing: Any) -> bool:
        """Returns whether it is an object."""
        return isinstance(thing, dict)

    def inside(self, thing: Any, place: str) -> None:
        """Checks every name, and what is under it."""
        names = list(thing)
        for name in names:
            if not isinstance(name, str):
                _refuse(place, f"must have texts as names, but has {short(name)}")
        self.each.check_all(thing.values(), lambda i: f"{place}[{short(names[i])}]" if place else short(names[i]))


class Plain(Schema):
    """Whatever JSON has a word for: texts, finite numbers, true, false, nothing, lists and objects of such.

    They nest at most `depth` deep, which no file needs to go beyond, and before which no reader gives in.
    """

    expected = "a text, a finite number, true, false, nothing, a list or an object"

    def __init__(self, depth: int = 64) -> None:
        self.depth = depth

    def fits(self, thing: Any) -> bool:
        """Returns whether it is one of these."""
        return thing is None or isinstance(thing, (str, bool, list, tuple, dict)) or _FINITE.fits(thing)

    def check_all(self, things: Collection[Any], place_of: PlaceOf) -> None:
        """Checks many things."""
        if not _are_finite(things):
            super().check_all(things, place_of)

    def inside(self, thing: Any, place: str) -> None:
        """Checks what lists and objects hold."""
        if isinstance(thing, (list, tuple, dict)):
            if not self.depth:
                _refuse(place, "nests too deep; make it flatter")
            deeper = Plain(self.depth - 1)
            (Names(deeper) if isinstance(thing, dict) else ListOf(deeper)).inside(thing, place)


_FINITE = Finite()


def _are_finite(things: Collection[Any]) -> bool:
    """Whether all are floats and finite; False also where their sum is too large to tell."""
    return set(map(type, things)) <= {float} and isfinite(sum(things))


def _place_in(place_of: PlaceOf, name: str, i: int) -> str:
    return _join(place_of(i), name)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _refuse(place: str, what: str) -> NoReturn:
    raise ValueError(f"{place or 'the content'} {what}")
