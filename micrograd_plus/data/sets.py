"""Six toy sets, drawn from a seed and hard in one known way each, and two real ones that travel inside the package.

Toy sets are the same numbers on every Python from 3.10 to 3.13: only `random.Random(seed).gauss` is drawn on, which did
not change. Sines, cosines and logarithms are the platform's, so another operating system may differ in the last digit.
The classes come in turn (0, 1, 0, 1, ...), so that any stretch of rows is balanced. Attribution and licence of the real
sets are in files/README.md and in each Dataset's `source`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from micrograd_plus.checks import argument, finite_number, rng, whole_number
from micrograd_plus.data.csv import Sheet
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.data.schema import TableSchema

__all__ = ["blobs", "circles", "digits", "iris", "line", "moons", "spirals", "xor"]

LICENCE = "UCI Machine Learning Repository, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"


def xor(n: int = 4, *, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Returns `n` points at the corners of the unit square, labelled by whether their two coordinates differ.

    The truth table in its usual order, over and over, with Gaussian `noise` of that standard deviation on both
    coordinates. No straight line parts the two classes, which is why a network needs a hidden layer (Minsky and Papert,
    Perceptrons, 1969). Raises TypeError or ValueError for fewer than 2 points, or a noise or a seed below 0.

    >>> xor().inputs, xor().targets
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    chosen = [corners[i % 4] for i in range(whole_number("n", n, least=2))]
    return _points("xor", chosen, [int(x != y) for x, y in chosen], ("0", "1"), noise, seed)


def line(n: int = 100, *, noise: float = 0.1, seed: int = 0, slope: float = 2.0, intercept: float = 1.0) -> Dataset:
    """Returns a regression: `n` points on `y = slope * x + intercept`, x evenly spaced from -1 to 1, `noise` on y.

    Raises as `xor` does, and for a slope or an intercept that is no finite number.

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
    """Returns `n` points on two half circles of radius 1 that reach into each other, with Gaussian `noise`.

    Raises as `xor` does.

    >>> moons()
    Dataset('moons': 100 rows x 2 features; 2 classes: upper 50, lower 50)
    """

    return _classes("moons", n, noise, seed, ("upper", "lower"), _moons_point)


def circles(n: int = 100, *, noise: float = 0.05, seed: int = 0, factor: float = 0.5) -> Dataset:
    """Returns `n` points on two circles about the origin, of radius 1 and `factor`, with Gaussian `noise`.

    Raises as `xor` does, and ValueError for a factor that is not between 0 and 1.

    >>> circles()
    Dataset('circles': 100 rows x 2 features; 2 classes: outer 50, inner 50)
    """
    factor = finite_number("factor", factor)
    if not 0 < factor < 1:
        raise ValueError(f"{argument('factor')} is the inner circle's radius, between 0 and 1, got {factor}")
    return _classes("circles", n, noise, seed, ("outer", "inner"), _circles_point, factor=factor)


def spirals(n: int = 100, *, noise: float = 0.02, seed: int = 0, arms: int = 2, turns: float = 1.0) -> Dataset:
    """Returns `n` points on `arms` spirals that wind out to radius 1 in `turns` turns, with Gaussian `noise`.

    Raises as `xor` does, for fewer points than arms, and for fewer than 2 arms.

    >>> spirals(90, arms=3)
    Dataset('spirals': 90 rows x 2 features; 3 classes: arm 0 30, arm 1 30, arm 2 30)
    """
    arms, turns = whole_number("arms", arms, least=2), finite_number("turns", turns)
    classes = tuple(f"arm {label}" for label in range(arms))
    return _classes("spirals", n, noise, seed, classes, _spirals_point, arms=arms, turns=turns)


def blobs(n: int = 100, *, noise: float = 0.5, seed: int = 0, centers: int = 3) -> Dataset:
    """Returns `n` points in `centers` round clouds of standard deviation `noise`, evenly set on a circle of radius 2.

    Raises as `xor` does, for fewer points than centers, and for fewer than 2 centers.

    >>> blobs()
    Dataset('blobs': 100 rows x 2 features; 3 classes: blob 0 34, blob 1 33, blob 2 33)
    """
    centers = whole_number("centers", centers, least=2)
    classes = tuple(f"blob {label}" for label in range(centers))
    return _classes("blobs", n, noise, seed, classes, _blobs_point, centers=centers)


# -------------------------------------------------------------------- where the index-th of a class's `count` points is
# Assignments and arithmetic only: the playground reads these functions in JavaScript.


def _moons_point(label: float, index: float, count: float) -> tuple[float, float]:
    angle = math.pi * (index / (count - 1) if count > 1 else 0.5)
    x, y = math.cos(angle), math.sin(angle)
    return 1 - x if label else x, 0.5 - y if label else y


def _circles_point(label: float, index: float, count: float, factor: float) -> tuple[float, float]:
    radius, angle = factor if label else 1.0, 2 * math.pi * index / count
    return radius * math.cos(angle), radius * math.sin(angle)


def _spirals_point(label: float, index: float, count: float, arms: float, turns: float) -> tuple[float, float]:
    radius = (index + 1) / count
    angle = 2 * math.pi * (turns * radius + label / arms)
    return radius * math.cos(angle), radius * math.sin(angle)


def _blobs_point(label: float, index: float, count: float, centers: float) -> tuple[float, float]:
    angle = 2 * math.pi * label / centers
    return 2 * math.cos(angle), 2 * math.sin(angle)


PLACES: dict[str, Callable[..., tuple[float, float]]] = {
    "moons": _moons_point, "circles": _circles_point, "spirals": _spirals_point, "blobs": _blobs_point,
}  # fmt: skip
"""The places of a set's points, without noise."""


def _classes(
    name: str, n: int, noise: float, seed: int, classes: tuple[str, ...],
    point: Callable[..., tuple[float, float]], **options: float,
) -> Dataset:  # fmt: skip
    """`n` noisy points, the classes in turn; `point(label, index, count)` places the index-th of a class."""
    n = whole_number("n", n, least=len(classes))
    labels = [i % len(classes) for i in range(n)]
    counts = [len(range(label, n, len(classes))) for label in range(len(classes))]
    places = [point(label, i // len(classes), counts[label], **options) for i, label in enumerate(labels)]
    return _points(name, places, labels, classes, noise, seed, **options)


def _points(
    name: str, places: list[tuple[float, float]], labels: list[int], classes: tuple[str, ...],
    noise: float, seed: int, **options: float,
) -> Dataset:  # fmt: skip
    noise, draw = _noise(noise), rng(seed)
    inputs = [[x + noise * draw.gauss(0, 1), y + noise * draw.gauss(0, 1)] for x, y in places]
    source = _source(name, n=len(places), noise=noise, seed=seed, **options)
    return Dataset(inputs, labels, name, ("x1", "x2"), classes, target_name="class", source=source)


def _noise(noise: Any) -> float:
    number = finite_number("noise", noise)
    if number < 0:
        raise ValueError(f"{argument('noise')} is a standard deviation, so at least 0, got {number}")
    return number


def _source(name: str, n: int, **options: float) -> str:
    arguments = ", ".join([str(n), *(f"{key}={value}" for key, value in options.items())])
    return f"made by micrograd_plus.data.{name}({arguments})"


def iris() -> Dataset:
    """Returns Fisher's 150 irises: four lengths in centimetres, three species of 50 flowers.

    The values of Fisher's paper. UCI's file differs in rows 35 and 38 (from 1), as its own notes tell; those two are
    corrected here. Source: R. A. Fisher (1936), https://doi.org/10.24432/C56C76.

    >>> iris()
    Dataset('iris': 150 rows x 4 features; 3 classes: setosa 50, versicolor 50, virginica 50)
    >>> iris()[34]
    ([4.9, 3.1, 1.5, 0.2], 0)
    """
    return _shipped("iris.csv", "species", "R. A. Fisher (1936), Iris, https://doi.org/10.24432/C56C76")


def digits(*, scaled: bool = False) -> Dataset:
    """Returns 1,797 handwritten digits of 8x8 pixels, row by row, each from 0 (white) to 16 (ink), as UCI has them.

    `scaled` divides the pixels by 16, so that they run from 0 to 1; that suits pictures better than a scale of its own
    for each pixel, which would blow up the few that are almost never inked. The test part of UCI's set, by 13 writers.
    Source: E. Alpaydin and C. Kaynak (1998), https://doi.org/10.24432/C50P49.

    >>> data = digits()
    >>> len(data), data.width, data.classes[9]
    (1797, 64, '9')
    >>> max(max(x) for x, y in data), max(max(x) for x, y in digits(scaled=True))
    (16.0, 1.0)
    """
    title = "Optical Recognition of Handwritten Digits (test part), https://doi.org/10.24432/C50P49"
    data = _shipped("digits.csv.gz", "digit", f"E. Alpaydin and C. Kaynak (1998), {title}")
    return replace(data, inputs=[[pixel / 16 for pixel in row] for row in data.inputs]) if scaled else data


def _shipped(file: str, target: str, source: str) -> Dataset:
    import gzip  # these two are slow to import, and needed only here
    from importlib.resources import files

    content = (files("micrograd_plus.data") / "files" / file).read_bytes()
    text = (gzip.decompress(content) if file.endswith(".gz") else content).decode()
    sheet = Sheet.parse(text.splitlines(), file)
    goal = sheet.column(target, "target")
    chosen = sheet.chosen(goal)
    return sheet.dataset(TableSchema.fit(chosen), chosen, goal, *goal.targets(None), source=f"{source}, {LICENCE}")
