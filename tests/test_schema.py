"""A schema lets through what it says, and names the place of the first thing that is otherwise."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus.schema import Fields, Finite, Flag, ListOf, Maybe, Names, OneOf, Plain, Row, Schema, String, Whole

THINGS: list[Any] = [
    None, True, False, 0, 1, -1, 2, 10**400, 0.0, 0.5, -0.5, 1.0, 1e308, math.nan, math.inf, -math.inf, "", "x", "a",
    [], {}, [1], [1, 2], (1, 2), ["a"], {"a": 1}, {1: 1}, {"a": None}, [[1]], b"a", {1, 2}, object(),
]  # fmt: skip

SCHEMAS: dict[str, tuple[Schema, Any]] = {
    "finite": (Finite(), lambda it: is_number(it) and abs(it) <= sys.float_info.max),
    "share": (Finite(0, 1), lambda it: is_number(it) and 0 <= it <= 1),
    "whole": (Whole(1), lambda it: type(it) is int and 1 <= it <= 2**53),
    "text": (String(), lambda it: type(it) is str),
    "flag": (Flag(), lambda it: type(it) is bool),
    "one of": (OneOf("a", "b"), lambda it: it in ("a", "b")),
    "maybe": (Maybe(OneOf("a")), lambda it: it is None or it == "a"),
    "list": (ListOf(Whole()), lambda it: type(it) in (list, tuple) and all(type(each) is int for each in it)),
    "pair": (ListOf(Whole(), length=2), lambda it: type(it) in (list, tuple) and list(it) == [1, 2]),
    "some": (ListOf(Plain(), least=1), lambda it: type(it) in (list, tuple) and len(it) > 0),
    "row": (Row(a=Whole(), b=Whole()), lambda it: type(it) in (list, tuple) and list(it) == [1, 2]),
    "fields": (Fields(a=Maybe(Whole())), lambda it: type(it) is dict and list(it) == ["a"]),
    "names": (Names(Whole()), lambda it: it in ({}, {"a": 1})),
    "plain": (Plain(), lambda it: is_plain(it)),
}


def is_number(thing: Any) -> bool:
    return isinstance(thing, (int, float)) and not isinstance(thing, bool)


def is_plain(thing: Any) -> bool:
    """Whether JSON has a word for it that comes back the same."""
    try:
        text = json.dumps(thing, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return text != '{"1": 1}' and thing != 10**400


def passes(schema: Schema, thing: Any) -> bool:
    try:
        schema.check(thing)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_passes(name: str) -> None:
    schema, expected = SCHEMAS[name]
    for thing in THINGS:
        assert passes(schema, thing) == bool(expected(thing)), thing


@settings(max_examples=200)
@given(st.lists(st.sampled_from([each for each in THINGS if not isinstance(each, set)])), st.sampled_from([*SCHEMAS]))
def test_many_at_once_are_as_each_by_itself(things: list[Any], name: str) -> None:
    schema, _ = SCHEMAS[name]
    each = all(passes(schema, thing) for thing in things)
    assert passes(ListOf(schema), things) == passes(ListOf(schema), tuple(things)) == each
    assert passes(Names(schema), {f"{i}": thing for i, thing in enumerate(things)}) == each
    assert passes(ListOf(Row(a=schema, b=String())), [[thing, "b"] for thing in things]) == each


@pytest.mark.parametrize(
    ("schema", "thing", "message"),
    [
        (Finite(), None, "the content must be a finite number, but is None"),
        (Fields(a=Whole()), {}, "the content lacks a"),
        (Fields(a=Whole()), {"a": 1, "b": 2}, "the content has 'b', which does not belong there"),
        (Fields(a=Fields(b=ListOf(Flag()))), {"a": {"b": [True, 1]}}, "a.b[1] must be true or false, but is 1"),
        (Names(Finite(least=0)), {"x": 1.0, "y": -1.0}, "'y' must be a finite number of at least 0, but is -1.0"),
        (Fields(a=Names(Whole(0, 9))), {"a": {"x": 10}}, "a['x'] must be a whole number from 0 to 9, but is 10"),
        (Names(Flag()), {3: True}, "the content must have texts as names, but has 3"),
        (ListOf(Row(t=Whole(), x=Finite())), [[1, 2.0], [2, "3"]], "[1].x must be a finite number, but is '3'"),
        (ListOf(Row(t=Whole(), x=Finite())), [[1]], "[0] must be a list of t, x, but is [1]"),
        (Maybe(ListOf(Flag())), [None], "[0] must be true or false, but is None"),
        (Finite(), 10**400, "the content must be a finite number, but is 1000000000"),
    ],
)
def test_the_place_is_named(schema: Schema, thing: Any, message: str) -> None:
    with pytest.raises(ValueError) as told:
        schema.check(thing)
    assert str(told.value).startswith(message)


def test_a_number_of_more_digits_than_python_writes() -> None:
    with pytest.raises(ValueError, match="the content must be a finite number, but is <int>"):
        Finite().check(-(10**5000))


def test_nesting_has_an_end() -> None:
    thing: Any = 1
    for _ in range(64):
        thing = [thing]
    Plain().check(thing)
    for _ in range(100_000):
        thing = {"a": thing}
    with pytest.raises(ValueError, match=r"^'a'\['a'\].* nests too deep; make it flatter$"):
        Plain().check(thing)
    while isinstance(thing, dict):  # taken apart, as Python frees it by recursion
        thing = thing.pop("a")
