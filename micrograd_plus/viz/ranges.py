"""Ranges of numbers for axes: with a margin, and in even steps."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["evenly", "padded"]


def padded(numbers: Iterable[float], share: float) -> tuple[float, float]:
    """Returns the smallest and the largest number, moved apart by a share of what lies between them, or by 1 if equal.

    >>> padded([4.0, 0.0], 0.25), padded([2.0], 0.25)
    ((-1.0, 5.0), (1.0, 3.0))
    """
    listed = list(numbers)
    low, high = min(listed), max(listed)
    margin = share * (high - low) or 1.0
    return low - margin, high + margin


def evenly(ends: tuple[float, float], count: int) -> list[float]:
    """Returns `count` numbers, at least 2, from one end to the other in even steps.

    >>> evenly((-1.0, 1.0), 5)
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    low, high = ends
    return [low + i * (high - low) / (count - 1) for i in range(count)]
