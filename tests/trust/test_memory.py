"""What is made for a constant, a label, a length or a setting is kept for the latest ones alone: memory has a bound.

Blocks of Python's own allocator are counted. (tracemalloc won't do: it keeps the name of every file that it has seen.)
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from micrograd_plus import Value, compile, fit, gradients, nn, total
from micrograd_plus.compiler.frontend import MOST_FORMS
from micrograd_plus.data import line
from micrograd_plus.operation import FAMILIES, Family
from micrograd_plus.train import Run

X = Value(0.75, "x")


def number(i: int) -> float:
    return 0.5 + i * 1e-7


def of_family(name: str) -> Callable[[int], Any]:
    """The operation of a family with its first number set to another one each time."""
    constant = next(each for each, default in FAMILIES[name].defaults.items() if not isinstance(default, str))
    return lambda i: getattr(X, FAMILIES[name].method)(**{constant: number(i)})


def with_numbers(family: Family[...]) -> bool:
    return any(isinstance(default, (float, int)) for default in family.defaults.values())


MADE_ANEW: dict[str, Callable[[int], Any]] = {
    **{name: of_family(name) for name, each in FAMILIES.items() if each.method and with_numbers(each)},
    "x ** k": lambda i: X ** number(i),
    "k ** x": lambda i: number(i) ** X,
    "x * k": lambda i: X * number(i) + number(i),
    "second derivatives": lambda i: gradients(gradients(X ** number(i), [X])[0], [X]),
    "words": lambda i: str((X ** number(i)).explain()),
    "a label": lambda i: Value(1.0, f"w{i}") * X,
    "a compiled power": lambda i: compile(X ** number(i), inputs=[X])([1.0, 2.0]),
    "a compiled constant": lambda i: compile(X * number(i), inputs=[X])([1.0, 2.0]),
    "a compiled label": lambda i: compile(X * Value(1.0, f"w{i}"), inputs=[X]),
}

ENOUGH_TO_FILL = 1_300
"""So many different ones fill every cache; the largest keeps 1,024."""


def blocks_each(make: Callable[[int], Any], count: int, first: int = 0) -> float:
    """How many blocks of memory each of so many new ones leaves behind."""
    gc.collect()
    before = sys.getallocatedblocks()
    for i in range(first, first + count):
        make(i)
    gc.collect()
    return (sys.getallocatedblocks() - before) / count


@pytest.mark.parametrize("name", ["x ** k", "clamp", "words", "a compiled label"])
def test_hundreds_of_constants(name: str) -> None:
    blocks_each(MADE_ANEW[name], 300)
    assert blocks_each(MADE_ANEW[name], 300, first=300) < 5, "a row alone is a hundred"


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE_ANEW)
def test_thousands_of_constants(name: str) -> None:
    blocks_each(MADE_ANEW[name], ENOUGH_TO_FILL)
    count = 20_000 if name in ("x ** k", "clamp") else 2_000
    assert blocks_each(MADE_ANEW[name], count, first=ENOUGH_TO_FILL) < 0.5


@pytest.mark.slow
def test_the_forms_of_a_compiled_function() -> None:
    function = compile(lambda row: total(row[:1]))
    for length in range(1, MOST_FORMS + 50):
        assert function([[1.0] * length]) == [1.0]
    assert len(function.programs) == MOST_FORMS


class Warm(nn.Module):
    """A model with a setting."""

    def __init__(self) -> None:
        self.weight, self.temperature = nn.Parameter(1.0), 1.0

    def forward(self, inputs: Any) -> Any:
        return self.weight * inputs[0] * self.temperature


def test_programs_of_settings_that_are_past() -> None:
    """A run that changes a setting each epoch is traced anew each time; a program is thousands of blocks."""
    model, blocks = Warm(), list[int]()

    def cool(run: Run) -> None:
        model.temperature = 1.0 + 1.0 / run.epoch
        gc.collect()
        blocks.append(sys.getallocatedblocks())

    fit(model, line(4), epochs=16, callbacks=[cool])
    assert (blocks[-1] - blocks[7]) / 8 < 600
