"""How wide the numbers are that a program computes with; outside, in Values, they have 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["WIDTHS", "DType", "Width", "narrowed"]

DType: TypeAlias = Literal["float64", "float32"]


@dataclass(frozen=True)
class Width:
    """A number's `bits`, what it is called `in_c`, and what is moderate in training.

    A step whose gradient's squares add up to less than `limit`, and whose rate is below `rate_limit`, can't take
    moderate weights out of the numbers.
    """

    bits: int
    in_c: str
    limit: float
    rate_limit: float


WIDTHS: dict[str, Width] = {
    "float64": Width(64, "double", 1e100, 1e50),
    "float32": Width(32, "float", 1e30, 1e5),
}
"""What `dtype=` knows."""


def narrowed(numbers: Any, dtype: str, what: str) -> NDArray[Any]:
    """Returns numbers as an array of a width. Raises ValueError, about `what`, if one of them is too large for it.

    >>> narrowed([0.5, 1e300], "float32", "an input")
    Traceback (most recent call last):
    ValueError: an input is 1e+300, too large for 32 bits; use dtype='float64'
    """
    wide = np.asarray(numbers, np.float64)
    if dtype == "float64":
        return wide
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype)
    lost = np.isinf(narrow) & np.isfinite(wide)
    if lost.any():
        raise ValueError(f"{what} is {wide[lost][0]:g}, too large for {WIDTHS[dtype].bits} bits; use dtype='float64'")
    return narrow
