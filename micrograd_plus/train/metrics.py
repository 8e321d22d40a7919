"""A metric sums up how good predictions are, in a unit a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import plain, whole_number
from micrograd_plus.report import Table
from micrograd_plus.train.engine import Prediction

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["ConfusionMatrix", "accuracy", "class_of", "confusion_matrix", "mean_absolute_error"]


def class_of(prediction: Prediction, threshold: float = 0.0) -> int:
    """Returns the number of the class that a prediction stands for.

    Of several outputs (one logit a class) it is the number of the largest, the first of equals. A single output stands
    for class 1 where it is above `threshold`: 0 for a logit, 0.5 for a probability.

    >>> class_of([0.1, 2.0, -1.0]), class_of(-0.3), class_of(0.6, threshold=0.5)
    (1, 0, 1)
    """
    if isinstance(prediction, Sequence):
        return max(range(len(prediction)), key=prediction.__getitem__)
    return int(prediction > threshold)


def accuracy(predictions: Sequence[Prediction], targets: Sequence[Any], threshold: float = 0.0) -> float:
    """Returns the share of predictions whose class (see `class_of`) is the target's, from 0 to 1.

    Raises ValueError for none at all, or for other numbers of predictions than of targets.

    >>> accuracy([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], [0, 1, 1])
    0.6666666666666666
    """
    predictions, targets = _paired(predictions, targets)
    right: list[bool] = [class_of(each, threshold) == target for each, target in zip(predictions, targets)]
    return sum(right) / len(right)


def mean_absolute_error(predictions: Sequence[Prediction], targets: Sequence[Any]) -> float:
    """Returns the mean distance between prediction and target, in the target's unit; of several outputs, over all.

    Raises ValueError for none at all, or for lengths that differ.

    >>> mean_absolute_error([1.0, 2.5], [1.0, 3.0])
    0.25
    """
    predictions, targets = _paired(predictions, targets)
    distances: list[float] = []
    for each, target in zip(predictions, targets):
        if isinstance(each, list) != isinstance(target, list):
            raise ValueError(f"a prediction is {each!r} and its target {target!r}; both are numbers, or both lists")
        pairs = zip(*_paired(each, target)) if isinstance(each, list) else [(each, target)]
        distances += [abs(p - t) for p, t in pairs]
    return sum(distances) / len(distances)


def confusion_matrix(
    predictions: Sequence[Prediction], targets: Sequence[int], classes: Sequence[str] = (), threshold: float = 0.0
) -> ConfusionMatrix:
    """Returns how often each class was taken for each: its `counts[true][predicted]`.

    `classes` names them; without, they are numbered as far as they occur. Raises ValueError for none at all, for
    lengths that differ, or for a class below 0 or beyond `classes`, TypeError for a target that is not whole.

    >>> print(confusion_matrix([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], [0, 1, 1], ["cat", "dog"]))
    true \\ predicted  cat  dog
    ----------------  ---  ---
    cat                 1    0
    dog                 1    1
    """
    predictions, targets = _paired(predictions, targets)
    for target in targets:
        whole_number("a target, the number of a class,", target, least=0)
    found = [class_of(each, threshold) for each in predictions]
    outputs = (len(each) if isinstance(each, list) else 2 for each in predictions)
    number = max(*outputs, *(each + 1 for each in [*found, *targets]))
    if classes and number > len(classes):
        raise ValueError(f"class {number - 1} occurs, but only {len(classes)} classes are named; name all of them")
    names = tuple(classes) or tuple(map(str, range(number)))
    counts = [[0] * len(names) for _ in names]
    for true, predicted in zip(targets, found):
        counts[true][predicted] += 1
    return ConfusionMatrix(names, counts)


@dataclass(frozen=True, repr=False)
class ConfusionMatrix:
    """How often each class (row: the true one) was taken for each (column: the predicted one).

    `str()` and `repr()` are the table; `micrograd_plus.viz.plots` has the chart.

    >>> matrix = ConfusionMatrix(("a", "b"), [[3, 1], [0, 4]])
    >>> matrix.accuracy, matrix.recall, matrix.precision
    (0.875, {'a': 0.75, 'b': 1.0}, {'a': 1.0, 'b': 0.8})
    """

    classes: tuple[str, ...]
    counts: list[list[int]]

    @property
    def accuracy(self) -> float:
        """Returns the share on the diagonal, from 0 to 1."""
        return sum(self.counts[i][i] for i in range(len(self.classes))) / sum(map(sum, self.counts))

    @property
    def recall(self) -> dict[str, float | None]:
        """Returns, of the examples of each class, the share that was found; None for a class without examples."""
        return self._shares(map(sum, self.counts))

    @property
    def precision(self) -> dict[str, float | None]:
        """Returns, of the predictions of each class, the share that was right; None for a class never predicted."""
        return self._shares(map(sum, zip(*self.counts)))

    def _shares(self, totals: Iterable[int]) -> dict[str, float | None]:
        right = (self.counts[i][i] for i in range(len(self.classes)))
        return {name: part / whole if whole else None for name, part, whole in zip(self.classes, right, totals)}

    def __str__(self) -> str:
        rows = tuple((name, *map(str, row)) for name, row in zip(self.classes, self.counts))
        return str(Table(("true \\ predicted", *self.classes), rows, numeric=tuple(range(1, len(rows) + 1))))

    __repr__ = __str__

    def __rich__(self) -> RichTable:
        from rich.table import Column
        from rich.table import Table as RichTable
        from rich.text import Text

        columns = [Column(Text(name), justify="right") for name in self.classes]
        table = RichTable("true \\ predicted", *columns, title="Confusion matrix")
        for true, (name, row) in enumerate(zip(self.classes, self.counts)):
            styles = ["bold" if column == true else "red" if count else "dim" for column, count in enumerate(row)]
            table.add_row(Text(name), *(Text(str(count or "·"), style) for count, style in zip(row, styles)))
        return table


def _paired(predictions: Sequence[Any], targets: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Both as lists (they, or their members, may be NumPy arrays), once they are seen to be of one length."""
    predictions, targets = ([plain(each) for each in plain(numbers)] for numbers in (predictions, targets))
    if len(predictions) != len(targets):
        raise ValueError(f"{len(predictions)} predictions but {len(targets)} targets; give one target a prediction")
    if not predictions:
        raise ValueError("there are no predictions to measure; give at least one")
    return predictions, targets
