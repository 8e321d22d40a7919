"""At infinities and large numbers a compiled program gives what the eager engine gives, or refuses what it refuses.

The eager engine takes derivatives with each value, and refuses where they overflow; a program that is asked for values
alone gives them. An infinity divided by 0 is one in IEEE arithmetic, and nothing to Python; so is gelu_tanh's cube.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, apply, compile, ops
from micrograd_plus.operation import Op
from tests.strategies import OPERATIONS, names, points

EXTREMES = (math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 800.0, -800.0)


REFUSED = "refused"


@pytest.mark.parametrize("op", [op for op in OPERATIONS if not op.is_nary], ids=names)
def test_a_row_at_its_extremes(op: Op) -> None:
    leaves = [Value(number) for number in points(op, 1)[0]]
    program = compile(apply(op, *leaves), inputs=[leaves])
    for numbers in itertools.product(EXTREMES, repeat=len(leaves)):
        compiled = outcome(program, [numbers])
        assert compiled == REFUSED or not math.isnan(compiled), numbers
        expected = [outcome(apply, op, *map(Value, numbers)), outcome(op.value_alone, *numbers)]
        refused_in_words = compiled == REFUSED and math.inf in map(abs, numbers)
        near = any(each == compiled or close(each, compiled) for each in expected)
        known = op is ops.gelu_tanh or (op is ops.div and numbers[1] == 0)
        known |= op is ops.pow and abs(numbers[0]) == 0 and numbers[1] == -math.inf  # refused before Python 3.11
        assert near or refused_in_words or known, (numbers, compiled, expected)


def outcome(run: Any, *arguments: Any) -> Any:
    """The number that comes back, or that there is none."""
    try:
        found = run(*arguments)
        return float(found[0] if isinstance(found, np.ndarray) else found)
    except (ArithmeticError, ValueError):
        return REFUSED


def close(number: Any, other: Any) -> bool:
    """Whether both are numbers, and the same to 12 digits; nan, which an engine refuses, is like a refusal."""
    if REFUSED in (number, other):
        return number != other and any(each != REFUSED and math.isnan(each) for each in (number, other))
    return math.isclose(number, other, rel_tol=1e-12, abs_tol=1e-300)
