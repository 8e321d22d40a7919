"""A metric sums up how good predictions are, in a unit a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import plain, whole_number
from micrograd_plus.report import Report, Table
from micrograd_plus.train.engine import Prediction

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = [
    "ConfusionMatrix", "accuracy", "class_of", "confusion_matrix", "is_distribution", "mean_absolute_error", "single",
    "target_class",
]  # fmt: skip


def single(numbers: Any) -> Any:
    """Returns what a list of one holds, for which it stands, as in a loss; anything else as it is.

    >>> single([[1.0]]), single([1.0, 2.0])
    (1.0, [1.0, 2.0])
    """
    while isinstance(numbers, (list, tuple)) and len(numbers) == 1:
        numbers = numbers[0]
    return numbers


def class_of(prediction: Prediction, threshold: float = 0.0) -> int:
    """Returns the number of the class that a prediction stands for.

    Of several outputs (one logit a class) it is the number of the largest, the first of equals. A single output stands
    for class 1 where it is above `threshold`: 0 for a logit, 0.5 for a probability.

    >>> class_of([0.1, 2.0, -1.0]), class_of(-0.3), class_of(0.6, threshold=0.5)
    (1, 0, 1)
    """
    found = prediction if isinstance(prediction, float) else single(prediction)
    if isinstance(found, (list, tuple)):
        return max(range(len(found)), key=found.__getitem__)
    return int(found > threshold)


def target_class(target: Any, outputs: int = 1) -> int:
    """Returns the number of the class that a target stands for, where a model has so many outputs.

    It is that number itself, or the place of the largest of a list of probabilities. For a single output the classes 0
    and 1 may also be probabilities, or -1 and 1. Raises ValueError for what is no class of so many outputs.

    >>> target_class(2, outputs=3), target_class([0.0, 0.0, 1.0], outputs=3), target_class([1.0]), target_class(-1)
    (2, 2, 1, 0)
    """
    found = single(target)
    if isinstance(found, list):
        if len(found) != outputs:
            cure = "give one for each output"
            raise ValueError(f"a target is a list of {len(found)} numbers, and the outputs are {outputs}; {cure}")
        return class_of(found)
    if outputs == 1:
        if not (0 <= found <= 1 or found == -1):
            cure = "measure numbers by mean_absolute_error"
            raise ValueError(f"a single output tells the classes 0 and 1 apart, but a target is {found!r}; {cure}")
        return int(found > 0.5)
    if found != int(found) or not 0 <= found < outputs:
        raise ValueError(f"{outputs} outputs tell the classes 0 to {outputs - 1} apart, but a target is {found!r}")
    return int(found)


def is_distribution(target: Any) -> bool:
    """Returns whether a target is a list of probabilities of classes of which one is right: they add up to 1.

    >>> is_distribution([0, 1, 0]), is_distribution([1, 1, 0]), is_distribution(1)
    (True, False, False)
    """
    return isinstance(target, list) and min(target) >= 0 and abs(sum(target) - 1) <= 1e-6


def accuracy(
    predictions: Sequence[Prediction], targets: Sequence[Any], threshold: float = 0.0, *, labels: bool | None = None
) -> float:
    """Returns the share of predictions whose class (see `class_of`) is the target's, from 0 to 1.

    A target is a class number, probabilities of classes (one-hot or soft), or for a single output 0 or 1, -1 or 1, or
    the probability of 1. Where it is a list of `labels`, each of which may be right or not by itself, it is the share
    of labels; without saying, lists are so if they do not add up to 1 in every row. Raises ValueError for none at all,
    for other numbers of predictions than of targets, and for targets that are no classes.

    >>> accuracy([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], [0, 1, 1])
    0.6666666666666666
    >>> accuracy([[2.0, 1.0], [-1.0, 1.0]], [[1, 1], [0, 0]])
    0.75
    """
    predictions, targets = ([*map(single, numbers)] for numbers in _paired(predictions, targets))
    if labels is None:
        labels = not all(map(is_distribution, targets))
    class_of_number = cache(target_class)
    right: list[bool] = []
    for prediction, target in zip(predictions, targets):
        outputs = len(prediction) if isinstance(prediction, list) else 1
        if not isinstance(target, list):
            right.append(class_of(prediction, threshold) == class_of_number(target, outputs))
        elif labels:
            pairs = zip(*_paired(prediction if outputs > 1 else [prediction], target))
            right += [class_of(each, threshold) == class_of_number(wanted) for each, wanted in pairs]
        else:
            right.append(class_of(prediction) == target_class(target, outputs))
    return sum(right) / len(right)


def mean_absolute_error(predictions: Sequence[Prediction], targets: Sequence[Any]) -> float:
    """Returns the mean distance between prediction and target, in the target's unit; of several outputs, over all.

    Raises ValueError for none at all, or for lengths that differ.

    >>> mean_absolute_error([1.0, 2.5], [1.0, 3.0])
    0.25
    """
    predictions, targets = _paired(predictions, targets)
    distances: list[float] = []
    for each, target in zip(map(single, predictions), map(single, targets)):
        if isinstance(each, list) != isinstance(target, list):
            raise ValueError(f"a prediction is {each!r} and its target {target!r}; both are numbers, or both lists")
        pairs = zip(*_paired(each, target)) if isinstance(each, list) else [(each, target)]
        distances += [abs(p - t) for p, t in pairs]
    return sum(distances) / len(distances)


def confusion_matrix(
    predictions: Sequence[Prediction], targets: Sequence[Any], classes: Sequence[str] = (), threshold: float = 0.0
) -> ConfusionMatrix:
    """Returns how often each class was taken for each: its `counts[true][predicted]`.

    `classes` names them; without, they are numbered as far as they occur. Targets are as in `accuracy`, but for labels
    of which several may be right. Raises ValueError for none at all, for lengths that differ, or for a class below 0 or
    beyond `classes`, TypeError for a target that is not whole.

    >>> print(confusion_matrix([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], [0, 1, 1], ["cat", "dog"]))
    true \\ predicted  cat  dog
    ----------------  ---  ---
    cat                 1    0
    dog                 1    1
    """
    predictions, targets = _paired(predictions, targets)
    predictions, trues = [*map(single, predictions)], []
    for prediction, target in zip(predictions, map(single, targets)):
        outputs = len(prediction) if isinstance(prediction, list) else 1
        if isinstance(target, list) and not is_distribution(target):
            cure = "compare one label at a time, as [row[0] for row in targets]"
            raise ValueError(f"a confusion matrix is of classes of which one is right, not of {target!r}; {cure}")
        if outputs > 1 and not isinstance(target, list):
            target = int(target) if target == int(target) else target
            trues.append(whole_number("a target, the number of a class,", target, least=0))
        else:
            trues.append(target_class(target, outputs))
    found = [class_of(each, threshold) for each in predictions]
    widths = (len(each) if isinstance(each, list) else 2 for each in predictions)
    number = max(*widths, *(each + 1 for each in [*found, *trues]))
    if classes and number > len(classes):
        raise ValueError(f"class {number - 1} occurs, but only {len(classes)} classes are named; name all of them")
    names = tuple(classes) or tuple(map(str, range(number)))
    counts = [[0] * len(names) for _ in names]
    for true, predicted in zip(trues, found):
        counts[true][predicted] += 1
    return ConfusionMatrix(names, counts)


@dataclass(frozen=True, repr=False)
class ConfusionMatrix(Report):
    """How often each class (row: the true one) was taken for each (column: the predicted one).

    `str()`, `repr()` and a notebook show the table; `micrograd_plus.viz.plots` has the chart.

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

    def parts(self) -> list[str | Table]:
        """Returns the table."""
        rows = tuple((name, *map(str, row)) for name, row in zip(self.classes, self.counts))
        return [Table(("true \\ predicted", *self.classes), rows, numeric=tuple(range(1, len(rows) + 1)))]

    def __repr__(self) -> str:
        return str(self)

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
