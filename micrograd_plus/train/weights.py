"""How much the rows of a data set count: weights for single rows, and for all rows of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from micrograd_plus.checks import argument, finite_number, listed, named, plain
from micrograd_plus.data import Dataset
from micrograd_plus.train.metrics import class_of, is_distribution, single

__all__ = ["ClassWeights", "Weighting", "weighting"]

ClassWeights: TypeAlias = "Mapping[Any, float] | Sequence[float] | Literal['balanced']"
"""A weight for each class by its name or number (1 where none is given), one for each in their order, or "balanced"."""


@dataclass(frozen=True)
class Weighting:
    """What each class weighs, by number; `text` says it in words."""

    classes: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    def text(self) -> str:
        """Returns which class weighs what."""
        told = (f"{name} {weight:.4g}" for name, weight in zip(self.classes, self.weights))
        return f"class weights {listed(told, 12)}"

    def apply(self, data: Dataset) -> Dataset:
        """Returns the data with each row's weight times that of its class. Raises ValueError where none is left."""
        own = data.weights or [1.0] * len(data)
        numbers = _numbers(data)
        if max(numbers) >= len(self.weights):
            raise ValueError(
                f"class {max(numbers)} of {data.name!r} has no weight; name all in Dataset(..., classes=...)"
            )
        found = [self.weights[number] * weight for number, weight in zip(numbers, own)]
        if not any(found):
            raise ValueError(f"by {self.text}, no row of {data.name!r} counts; give one of its classes more than 0")
        return data.weighted(found)


def weighting(class_weights: ClassWeights, data: Dataset) -> Weighting:
    """Returns what `fit(class_weights=...)` makes of the classes of its data.

    "balanced" gives a class n / (K n_k), for n_k of n rows in one of K classes, so that all classes weigh alike; it is
    scikit-learn's formula. Raises ValueError for a class that there is not, for weights that are negative, all 0 or not
    one for each class, and for data whose targets are no classes; TypeError for what is no number.

    >>> from micrograd_plus.data import Dataset
    >>> weighting("balanced", Dataset([[0], [1], [2], [3]], [0, 0, 0, 1], classes=("no", "yes")))
    Weighting(classes=('no', 'yes'), weights=(0.6666666666666666, 2.0))
    """
    numbers = _numbers(data)
    width = len(data.targets[0]) if isinstance(data.targets[0], list) else 1
    classes = data.classes or tuple(map(str, range(max(width, max(numbers) + 1))))
    listed_weights, given = plain(class_weights), dict[int, float]()
    if listed_weights == "balanced":
        given = _balanced(numbers, classes)
    elif isinstance(class_weights, Mapping):
        given = {_number(each, classes): weight for each, weight in class_weights.items()}
        if len(given) < len(class_weights):
            raise ValueError(f"{argument('class_weights')} has a class twice, by number and by name; give it once")
    elif not isinstance(listed_weights, list):
        expected = "'balanced', a dict by class, or a list with one for each"
        raise ValueError(f"{argument('class_weights')} is {expected}, but got {class_weights!r}")
    else:
        given = dict(enumerate(listed_weights))
        if len(given) != len(classes):
            expected = f"one for each of the {len(classes)} classes ({listed(classes)})"
            raise ValueError(f"{argument('class_weights')} has {len(given)} weights; give {expected}")
    return Weighting(classes, tuple(_weight(name, given.get(number, 1.0)) for number, name in enumerate(classes)))


def _balanced(numbers: Sequence[int], classes: Sequence[str]) -> dict[int, float]:
    counts = Counter(numbers)
    if missing := [name for number, name in enumerate(classes) if not counts[number]]:
        cure = "bring some, or give the weights as a dict"
        raise ValueError(f"classes can't be balanced, as there are no rows of {listed(missing)}; {cure}")
    return {number: len(numbers) / (len(classes) * count) for number, count in counts.items()}


def _number(given: Any, classes: Sequence[str]) -> int:
    """The number of a class that was given by its number or its name."""
    if given in range(len(classes)) and not isinstance(given, (bool, str)):
        return int(given)
    return named("class", given, {name: number for number, name in enumerate(classes)})


def _weight(name: str, given: Any) -> float:
    number = finite_number(
        f"class_weights of {name!r}", given, "a weight says how often a row counts: 1 once, 0.5 half"
    )
    if number < 0:
        raise ValueError(f"{argument('class_weights')} gives {name!r} {number:g}; a weight is at least 0")
    return number


def _numbers(data: Dataset) -> list[int]:
    """The number of each row's class, from targets that are numbers of classes or say a 1 for theirs."""
    found: list[int] = []
    for row, target in enumerate(map(single, data.targets)):
        whole = {0, 1}.issuperset(target) if isinstance(target, list) else target >= 0 and target == int(target)
        if not whole or (isinstance(target, list) and not is_distribution(target)):
            cure = "name the classes in Dataset(..., classes=...), or weigh rows by its weights"
            raise ValueError(f"class weights need classes, but targets[{row}] is {target!r}; {cure}")
        found.append(class_of(target) if isinstance(target, list) else int(target))
    return found
