"""Toy data sets are drawn from a seed: small, two-dimensional, and hard in one known way each.

One seed gives the same numbers on every Python from 3.10 to 3.13: only `random.Random(seed).gauss` is drawn
on, which did not change. Sines, cosines and logarithms are the platform's, so another operating system may
differ in the last digit. The classes come in turn (0, 1, 0, 1, ...), so that any stretch of rows is balanced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from micrograd_plus.checks import finite_number, rng, whole_number
from micrograd_plus.data.dataset import Dataset

__all__ = ["blobs", "circles", "line", "moons", "spirals", "xor"]


def xor(n: int = 4, *, noise: float = 0.0, seed: int = 0) -> Dataset:
    """`n` points at the corners of the unit square, labelled by whether their two coordinates differ.

    The truth table in its usual order, over and over, with Gaussian `noise` of that standard deviation on
    both coordinates. No straight line parts the two classes, which is why a network needs a hidden layer
    (Minsky and Papert, Perceptrons, 1969).

    >>> xor().inputs, xor().targets
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    chosen = [corners[i % 4] for i in range(whole_number("n", n, least=2))]
    return _points("xor", chosen, [int(x != y) for x, y in chosen], ("0", "1"), noise, seed)


def line(n: int = 100, *, noise: float = 0.1, seed: int = 0, slope: float = 2.0, intercept: float = 1.0) -> Dataset:
    """A regression: `n` points on `y = slope * x + intercept`, x evenly spaced from -1 to 1, `noise` on y.

    >>> line(3, noise=0).inputs, line(3, noise=0).targets
    ([[-1.0], [0.0], [1.0]], [-1.0, 1.0, 3.0])
    """
    n, noise, draw = whole_number("n", n, least=2), _noise(noise), rng(seed)
    slope, intercept = finite_number("slope", slope), finite_number("intercept", intercept)
    xs = [2 * i / (n - 1) - 1 for i in range(n)]
    ys = [slope * x + intercept + noise * draw.gauss(0, 1) for x in xs]
    source = _source("line", n=n, noise=noise, seed=seed, slope=slope, intercept=intercept)
    return Dataset([[x] for x in xs], ys, name="line", feature_names=("x",), target_name="y", source=source)


def moons(n: int = 100, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """`n` points on two half circles of radius 1 that reach into each other, with Gaussian `noise`.

    >>> moons()
    Dataset('moons': 100 rows x 2 features; 2 classes: upper 50, lower 50)
    """

    def point(label: int, index: int, count: int) -> tuple[float, float]:
        angle = math.pi * _fraction(index, count)
        x, y = math.cos(angle), math.sin(angle)
        return (1 - x, 0.5 - y) if label else (x, y)

    return _classes("moons", n, noise, seed, ("upper", "lower"), point)


def circles(n: int = 100, *, noise: float = 0.05, seed: int = 0, factor: float = 0.5) -> Dataset:
    """`n` points on two circles about the origin, of radius 1 and `factor` (0 to 1), with Gaussian `noise`.

    >>> circles()
    Dataset('circles': 100 rows x 2 features; 2 classes: outer 50, inner 50)
    """
    factor = finite_number("factor", factor)
    if not 0 < factor < 1:
        raise ValueError(f"factor is the inner circle's radius, between 0 and 1, got {factor}")

    def point(label: int, index: int, count: int) -> tuple[float, float]:
        radius, angle = (factor if label else 1.0), 2 * math.pi * index / count
        return radius * math.cos(angle), radius * math.sin(angle)

    return _classes("circles", n, noise, seed, ("outer", "inner"), point, factor=factor)


def spirals(n: int = 100, *, noise: float = 0.02, seed: int = 0, arms: int = 2, turns: float = 1.0) -> Dataset:
    """`n` points on `arms` spirals that wind out to radius 1 in `turns` turns, with Gaussian `noise`.

    >>> spirals(90, arms=3)
    Dataset('spirals': 90 rows x 2 features; 3 classes: arm 0 30, arm 1 30, arm 2 30)
    """
    arms, turns = whole_number("arms", arms, least=2), finite_number("turns", turns)

    def point(label: int, index: int, count: int) -> tuple[float, float]:
        radius = (index + 1) / count
        angle = 2 * math.pi * (turns * radius + label / arms)
        return radius * math.cos(angle), radius * math.sin(angle)

    classes = tuple(f"arm {label}" for label in range(arms))
    return _classes("spirals", n, noise, seed, classes, point, arms=arms, turns=turns)


def blobs(n: int = 100, *, noise: float = 0.5, seed: int = 0, centers: int = 3) -> Dataset:
    """`n` points in `centers` round clouds of standard deviation `noise`, evenly set on a circle of radius 2.

    >>> blobs()
    Dataset('blobs': 100 rows x 2 features; 3 classes: blob 0 34, blob 1 33, blob 2 33)
    """
    centers = whole_number("centers", centers, least=2)

    def point(label: int, index: int, count: int) -> tuple[float, float]:
        angle = 2 * math.pi * label / centers
        return 2 * math.cos(angle), 2 * math.sin(angle)

    classes = tuple(f"blob {label}" for label in range(centers))
    return _classes("blobs", n, noise, seed, classes, point, centers=centers)


def _classes(
    name: str,
    n: int,
    noise: float,
    seed: int,
    classes: tuple[str, ...],
    point: Callable[[int, int, int], tuple[float, float]],
    **options: float,
) -> Dataset:
    """`n` noisy points, the classes in turn; `point(label, index, count)` places the index-th of a class."""
    n = whole_number("n", n, least=len(classes))
    labels = [i % len(classes) for i in range(n)]
    counts = [len(range(label, n, len(classes))) for label in range(len(classes))]
    places = [point(label, i // len(classes), counts[label]) for i, label in enumerate(labels)]
    return _points(name, places, labels, classes, noise, seed, **options)


def _points(
    name: str,
    places: list[tuple[float, float]],
    labels: list[int],
    classes: tuple[str, ...],
    noise: float,
    seed: int,
    **options: float,
) -> Dataset:
    noise, draw = _noise(noise), rng(seed)
    return Dataset(
        [[x + noise * draw.gauss(0, 1), y + noise * draw.gauss(0, 1)] for x, y in places],
        labels,
        name=name,
        feature_names=("x1", "x2"),
        classes=classes,
        target_name="class",
        source=_source(name, n=len(places), noise=noise, seed=seed, **options),
    )


def _noise(noise: Any) -> float:
    number = finite_number("noise", noise)
    if number < 0:
        raise ValueError(f"noise is a standard deviation, so at least 0, got {number}")
    return number


def _fraction(index: int, count: int) -> float:
    """How far along an open curve the index-th of `count` points lies: 0 at its start, 1 at its end."""
    return index / (count - 1) if count > 1 else 0.5


def _source(name: str, n: int, **options: float) -> str:
    arguments = ", ".join([str(n), *(f"{key}={value}" for key, value in options.items())])
    return f"made by micrograd_plus.data.{name}({arguments})"
