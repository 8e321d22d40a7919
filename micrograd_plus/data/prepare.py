"""Before training, hold rows back for an honest test and bring the features to one scale; in training, make batches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from micrograd_plus.checks import argument, finite_number, rng, whole_number
from micrograd_plus.data.dataset import Dataset, checked_dataset

__all__ = ["Standardizer", "batch_indices", "batches", "iterations_per_epoch", "split", "standardize"]


def split(data: Dataset, test: float = 0.2, *, seed: int = 0, stratify: bool | None = None) -> tuple[Dataset, Dataset]:
    """Returns `(train, test)`: every row of `data` in exactly one of the two, both in an order drawn from `seed`.

    `test` is a fraction between 0 and 1, or a whole number of rows. With `stratify` (the default for a classification)
    each class has its share of the test rows, to within one row, and where it can be keeps a row to train on. Raises
    ValueError where one part would be empty, or for `stratify=True` on a regression.

    >>> from micrograd_plus.data import iris
    >>> split(iris())[1]
    Dataset('iris, test part': 30 rows x 4 features; 3 classes: setosa 10, versicolor 10, virginica 10)
    """
    held = _test_rows(len(checked_dataset(data)), test)
    if stratify and not data.is_classification:
        raise ValueError(f"stratify=True needs classes to share out, and {data!r} has none; leave stratify out")
    by_class = data.is_classification if stratify is None else stratify
    groups: list[Any] = list(data.targets) if by_class else [0] * len(data)
    order = list(range(len(data)))
    rng(seed).shuffle(order)
    left = _quotas(Counter(groups), held, len(data))
    train_rows: list[int] = []
    test_rows: list[int] = []
    for row in order:
        left[groups[row]] -= 1
        (test_rows if left[groups[row]] >= 0 else train_rows).append(row)
    train, held_out = data.take(train_rows), data.take(test_rows)
    return replace(train, name=f"{data.name}, training part"), replace(held_out, name=f"{data.name}, test part")


def _test_rows(n: int, test: float) -> int:
    if n < 2:
        raise ValueError("one row can't be split in two; bring at least 2 rows")
    if isinstance(test, float):
        if not 0 < test < 1:
            expected = "a fraction between 0 and 1, or a whole number of rows"
            raise ValueError(f"{argument('test')} must be {expected}, got {test}")
        return min(max(round(n * test), 1), n - 1)
    rows = whole_number("test, as a number of rows,", test, least=1)
    if rows >= n:
        cure = f"leaves none to train on; take at most {n - 1}"
        raise ValueError(f"{argument('test')} takes {rows} rows of {n} and {cure}")
    return rows


def _quotas(counts: Mapping[Any, int], held: int, n: int) -> dict[Any, int]:
    """How many of the `held` rows each group gives: its exact share, rounded by the largest remainders.

    Whole-number arithmetic, so that no rounding error moves a row. A group that would be left without a training row
    comes last.
    """
    quotas = {group: count * held // n for group, count in counts.items()}

    def claim(group: Any) -> tuple[bool, int, Any]:
        return counts[group] - quotas[group] < 2, -(counts[group] * held % n), group

    for group in sorted(counts, key=claim)[: held - sum(quotas.values())]:
        quotas[group] += 1
    return quotas


@dataclass(frozen=True)
class Standardizer:
    """The means and scales that bring features to mean 0 and standard deviation 1: `(x - mean) / scale`.

    Keep it with the model, as a `train.Predictor` does: new data must be scaled by the training data's numbers, never
    by its own. Raises TypeError or ValueError for what are no lists of one length, numbers, or scales above 0.

    >>> Standardizer(means=(10.0, 0.0), scales=(2.0, 1.0)).apply_row([14.0, 3.0])
    [2.0, 3.0]
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        means, scales = _numbers("means", self.means), _numbers("scales", self.scales)
        if not means or len(means) != len(scales):
            raise ValueError(f"a Standardizer needs one scale a mean, got {len(means)} means and {len(scales)} scales")
        for column, scale in enumerate(scales):
            if scale <= 0:
                raise ValueError(f"scales[{column}] is {scale}; a scale is above 0 (1 leaves a feature as it is)")
        self.__dict__.update(means=means, scales=scales)

    @classmethod
    def fit(cls, data: Dataset, *, per_feature: bool = True) -> Standardizer:
        """Returns the Standardizer of each feature's mean and standard deviation (over n, not n - 1) in `data`.

        A feature that never changes gets scale 1. With `per_feature=False` all features share one mean and one scale,
        which is right where they are of one kind: the pixels of a picture. Raises ValueError where the numbers are too
        large or too close together for a standard deviation in floating point.

        >>> from micrograd_plus.data import Dataset
        >>> Standardizer.fit(Dataset([[1, 5], [3, 5]], [0, 1]))
        Standardizer(means=(2.0, 5.0), scales=(1.0, 1.0))
        """
        checked_dataset(data)
        if per_feature:
            columns = zip(data.feature_names, zip(*data.inputs))
            fitted = [_mean_and_scale(f"feature {name!r}", column) for name, column in columns]
        else:
            cells = [cell for row in data.inputs for cell in row]
            fitted = [_mean_and_scale("the table of features", cells)] * data.width
        return cls(tuple(mean for mean, _ in fitted), tuple(scale for _, scale in fitted))

    def apply(self, data: Dataset) -> Dataset:
        """Returns `data` with its inputs standardized; targets and names stay.

        Raises ValueError for another number of features than this was fitted on, or where a result is beyond a float.

        >>> from micrograd_plus.data import Dataset
        >>> Standardizer((1.0,), (2.0,)).apply(Dataset([[5.0]], [1])).inputs
        [[2.0]]
        """
        return replace(data, inputs=[self.apply_row(row) for row in checked_dataset(data).inputs])

    def apply_row(self, row: Sequence[float]) -> list[float]:
        """Returns one row standardized. Raises ValueError for another number of features than this was fitted on."""
        if len(row) != len(self.means):
            expected = f"this Standardizer was fitted on {len(self.means)}; give the same features in the same order"
            raise ValueError(f"the row has {len(row)} features, and {expected}")
        return [(cell - mean) / scale for cell, mean, scale in zip(row, self.means, self.scales)]


@overload
def standardize(train: Dataset, /, *, per_feature: bool = ...) -> tuple[Dataset, Standardizer]: ...
@overload
def standardize(
    train: Dataset, other: Dataset, /, *, per_feature: bool = ...
) -> tuple[Dataset, Dataset, Standardizer]: ...
@overload
def standardize(
    train: Dataset, other: Dataset, another: Dataset, /, *, per_feature: bool = ...
) -> tuple[Dataset, Dataset, Dataset, Standardizer]: ...
def standardize(train: Dataset, /, *others: Dataset, per_feature: bool = True) -> tuple[Any, ...]:
    """Returns the data sets standardized, in the order given, and last the `Standardizer` that did it.

    It is fitted on `train` alone: a mean that had seen the test rows would leak them into the training. For
    `per_feature` and errors see `Standardizer.fit`.

    >>> from micrograd_plus.data import iris, split
    >>> train, test, scaler = standardize(*split(iris()))
    >>> abs(sum(x[0] for x, y in train)) < 1e-9
    True
    """
    scaler = Standardizer.fit(train, per_feature=per_feature)
    return (*(scaler.apply(data) for data in (train, *others)), scaler)


def _numbers(field: str, values: Any) -> tuple[float, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{field} must be a list of numbers, got {values!r} ({type(values).__name__})")
    return tuple(finite_number(f"{field}[{column}]", value) for column, value in enumerate(values))


def _mean_and_scale(name: str, cells: Sequence[float]) -> tuple[float, float]:
    if min(cells) == max(cells):  # the rounded mean of equal numbers need not equal them
        return cells[0], 1.0
    try:
        mean = math.fsum(cells) / len(cells)
        scale = math.sqrt(math.fsum((cell - mean) * (cell - mean) for cell in cells) / len(cells))
    except OverflowError:
        scale = math.inf
    if not 0 < scale < math.inf:
        what = "too wide or too narrow for a standard deviation in floating point; bring it to an ordinary unit first"
        raise ValueError(f"{name} runs from {min(cells)!r} to {max(cells)!r}, {what}")
    return mean, scale


def iterations_per_epoch(n: int, batch_size: int, drop_last: bool = False) -> int:
    """Returns the number of batches, so of updates, in an epoch over `n` samples: ceil(n / batch_size).

    Where `batch_size` does not divide `n`, the last batch is smaller; with `drop_last` it is left out, and the number
    is floor(n / batch_size). A `batch_size` above `n` makes one batch of all n. Raises TypeError for what is not a
    whole number, ValueError for one below 1 or where `drop_last` would leave nothing.

    >>> iterations_per_epoch(100, 25), iterations_per_epoch(100, 32)
    (4, 4)
    >>> iterations_per_epoch(100, 32, drop_last=True)
    3
    """
    n = whole_number("n, the number of samples,", n, least=1)
    batch_size = whole_number("batch_size", batch_size, least=1)
    full, rest = divmod(n, batch_size)
    if drop_last and not full:
        cure = f"use a {argument('batch_size')} of at most {n}, or {argument('drop_last', False)}"
        whole = f"{n} samples do not fill a {argument('batch_size')} of {batch_size}"
        raise ValueError(f"{argument('drop_last')} leaves out the only batch: {whole}; {cure}")
    return full if drop_last or not rest else full + 1


def batch_indices(
    n: int, batch_size: int, *, shuffle: bool = True, seed: int = 0, drop_last: bool = False, epoch: int = 0
) -> list[list[int]]:
    """Returns the row numbers of each batch of one epoch, as `batches` hands them out.

    The order is a function of `(seed, epoch)` and nothing else, so that training resumed at epoch 7 sees the very
    batches it would have seen without the stop. Raises as `iterations_per_epoch` does.

    >>> batch_indices(5, 2, shuffle=False)
    [[0, 1], [2, 3], [4]]
    """
    count = iterations_per_epoch(n, batch_size, drop_last)
    draw = rng(seed, epoch)
    order = list(range(n))
    if shuffle:
        draw.shuffle(order)
    return [order[batch * batch_size : (batch + 1) * batch_size] for batch in range(count)]


def batches(
    data: Dataset, batch_size: int, *, shuffle: bool = True, seed: int = 0, drop_last: bool = False, epoch: int = 0
) -> list[Dataset]:
    """Returns the batches of one epoch: `data` in smaller Datasets, every sample in exactly one.

    `batch_size=len(data)` is batch gradient descent, 1 is stochastic, between is mini-batch. Pass the number of the
    `epoch` to shuffle anew in each; `drop_last` then leaves out other samples each time. Raises as
    `iterations_per_epoch` does.

    >>> from micrograd_plus.data import moons
    >>> [len(batch) for batch in batches(moons(100), 32)]
    [32, 32, 32, 4]
    """
    n = len(checked_dataset(data))
    parts = batch_indices(n, batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last, epoch=epoch)
    return [data.take(part) for part in parts]
