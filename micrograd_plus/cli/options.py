"""What an option takes, and what is said where it is given something else."""

from __future__ import annotations

from argparse import ArgumentTypeError

__all__ = ["number", "rows_or_share", "whole"]


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
