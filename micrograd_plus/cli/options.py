"""What an option takes, and what is said where it is given something else."""

from __future__ import annotations

import csv
from argparse import ArgumentTypeError

__all__ = ["names", "number", "rows_or_share", "whole"]


def names(text: str) -> list[str]:
    """Returns the names between commas; one that holds a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([text]), []) if name.strip()]


def whole(text: str) -> int:
    """Returns a whole number. Raises ArgumentTypeError for any other text."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no whole number; write one, such as 10") from None


def number(text: str) -> float:
    """Returns a number. Raises ArgumentTypeError for any other text."""
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no number; write one, such as 0.01") from None


def rows_or_share(text: str) -> float:
    """Returns a whole number of rows as an int, a fraction as a float. Raises ArgumentTypeError for any other text."""
    return int(text) if text.isdecimal() else number(text)
