"""A data set is a list of inputs beside a list of targets."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from micrograd_plus.checks import counted, finite_number, listed, plain, whole_number
from micrograd_plus.report import numbered, printable

if TYPE_CHECKING:
    from micrograd_plus.data.schema import TableSchema

__all__ = ["Dataset", "Target", "Targets", "checked_dataset"]

Target = float | list[float]
Targets = list[float] | list[int] | list[list[float]]

_MOST_CLASSES = 10
"""As many different whole numbers from 0 are told that they might be classes."""

_CURE = "mend the cell or leave out the row"


@dataclass(frozen=True, repr=False)
class Dataset:
    """Inputs and targets of equal number, checked cell by cell when they come in.

    `inputs` is a list of rows, all of one width. `targets` holds, for each row, a class number (an int from 0, where
    `classes` names the classes), a number (regression) or a list of numbers (regression with several outputs). It is
    `classes` alone that makes a classification. `weights` says how much each row counts in training (2 as if it were
    there twice, 0 not at all); without, all count alike. Any sequence is taken, NumPy arrays too, and copied into lists
    of floats; ints among the targets stay ints. Treat the lists as read-only: parts of a data set share their rows with
    it. `schema` tells of which columns of a table the inputs were made, if they were. Iteration and `data[i]` give
    `(x, y)` pairs; `data[a:b]` and `data.take(indices)` give a smaller Dataset.

    Raises TypeError for a cell that is no number, ValueError for no rows, unequal lengths, ragged rows, nan or
    infinity, a class number out of range, or weights that are negative or all 0; each names the row and the column.

    >>> data = Dataset([[0, 0], [0, 1], [1, 0]], [0, 1, 1], name="or", classes=("off", "on"))
    >>> data
    Dataset('or': 3 rows x 2 features; 2 classes: off 1, on 2)
    >>> data[1]
    ([0.0, 1.0], 1)
    >>> len(data[1:])
    2
    """

    inputs: list[list[float]]
    targets: Targets
    name: str = "data"
    feature_names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    target_name: str = "target"
    source: str = ""
    weights: list[float] | None = None
    schema: TableSchema | None = None

    def __post_init__(self) -> None:
        names, classes = _names("feature_names", self.feature_names), _names("classes", self.classes)
        if len(classes) == 1:
            cure = "leave classes out for regression"
            raise ValueError(f"classes must name at least two, got only {classes[0]!r}; {cure}")
        inputs, targets = _rows("inputs", self.inputs, names), _targets(self.targets, classes)
        if len(inputs) != len(targets):
            alone = f"row {min(len(inputs), len(targets))} has only one of the two; give every input one target"
            raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets: {alone}")
        names = names or tuple(numbered("x", column) for column in range(len(inputs[0])))
        # The class is frozen for its users; this is where the checked copies take the place of what came in.
        self.__dict__.update(inputs=inputs, targets=targets, feature_names=names, classes=classes)
        self.__dict__.update(weights=None if self.weights is None else _weights(self.weights, len(inputs)))

    @property
    def width(self) -> int:
        """Returns the number of features in a row."""
        return len(self.inputs[0])

    @property
    def is_classification(self) -> bool:
        """Returns whether the targets are class numbers, that is, whether there are `classes`."""
        return bool(self.classes)

    @property
    def regression_note(self) -> str:
        """Returns what to tell where targets look like class numbers, but no classes are named; "" where they do not.

        >>> Dataset([[0], [1], [2]], [0, 1, 1]).regression_note
        "targets 0 and 1 are taken as numbers (regression); for classes name them: classes=('0', '1')"
        """
        if self.classes or isinstance(self.targets[0], list):
            return ""
        kinds = sorted({*self.targets})
        if not 2 <= len(kinds) <= _MOST_CLASSES or len(kinds) == len(self) or kinds != [*range(len(kinds))]:
            return ""
        numbers = "0 and 1" if len(kinds) == 2 else f"0 to {len(kinds) - 1}"
        cure = f"classes={tuple(str(i) for i in range(len(kinds)))}"
        return f"targets {numbers} are taken as numbers (regression); for classes name them: {cure}"

    def take(self, indices: Iterable[int]) -> Dataset:
        """Returns the rows at `indices`, in that order, as a Dataset; repeats are allowed.

        Raises ValueError for no indices, IndexError for one out of range.

        >>> Dataset([[1], [2], [3]], [10, 20, 30]).take([2, 0]).targets
        [30, 10]
        """
        chosen = list(indices)
        if not chosen:
            raise ValueError(f"no rows chosen from {self!r}; a data set holds at least one row")
        part = copy.copy(self)  # does not run __post_init__ again: these rows were checked when they came in
        try:
            part.__dict__.update(inputs=[self.inputs[i] for i in chosen], targets=[self.targets[i] for i in chosen])
            if self.weights is not None:
                part.__dict__.update(weights=[self.weights[i] for i in chosen])
        except IndexError:
            raise self._no_row(next(i for i in chosen if not -len(self) <= i < len(self))) from None
        return part

    def weighted(self, weights: Any) -> Dataset:
        """Returns the same rows with these `weights` (None for none). Raises as the class does.

        >>> Dataset([[1], [2]], [10, 20]).weighted([1, 3])
        Dataset('data': 2 rows x 1 feature; target from 10 to 20; weights from 1 to 3)
        """
        part = copy.copy(self)
        part.__dict__.update(weights=None if weights is None else _weights(weights, len(self)))
        return part

    def shares(self, rows: Sequence[int]) -> list[float]:
        """Returns how much each of these rows counts in their mean: weights that add up to 1, or 0 if all weigh 0.

        >>> Dataset([[1], [2]], [10, 20], weights=[1, 3]).shares([0, 1])
        [0.25, 0.75]
        """
        if self.weights is None:
            return [1.0 / len(rows)] * len(rows)
        chosen = [self.weights[row] for row in rows]
        whole = math.fsum(chosen)
        return [weight / whole if whole else 0.0 for weight in chosen]

    def weight(self, rows: Sequence[int]) -> float:
        """Returns what these rows weigh together: their number, unless there are `weights`."""
        return float(len(rows)) if self.weights is None else math.fsum(self.weights[row] for row in rows)

    def _no_row(self, index: int) -> IndexError:
        return IndexError(f"there is no row {index}: {self.name!r} has rows 0 to {len(self) - 1}")

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[tuple[list[float], Target]]:
        return iter(zip(self.inputs, self.targets))  # lengths are equal: checked at construction

    @overload
    def __getitem__(self, index: int) -> tuple[list[float], Target]: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> tuple[list[float], Target] | Dataset:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        row = whole_number("a row's index", index)
        try:
            return self.inputs[row], self.targets[row]
        except IndexError:
            raise self._no_row(row) from None

    def __repr__(self) -> str:
        shape = f"{counted(len(self), 'row')} x {counted(self.width, 'feature')}"
        weights = self.weights and f"; weights from {min(self.weights):.4g} to {max(self.weights):.4g}"
        return f"Dataset({self.name!r}: {shape}; {self._describe_targets()}{weights or ''})"

    def _describe_targets(self) -> str:
        first = self.targets[0]
        if isinstance(first, list):
            return f"{counted(len(first), 'target')} a row"
        if not self.classes:
            note = self.regression_note and f"; {self.regression_note}"
            return f"{printable(self.target_name)} from {min(self.targets):.4g} to {max(self.targets):.4g}{note}"
        counts = Counter(self.targets)
        shown = [f"{printable(name)} {counts[number]}" for number, name in enumerate(self.classes)]
        return f"{len(self.classes)} classes: {listed(shown, 12)}"


def checked_dataset(data: Any) -> Dataset:
    """Returns `data` itself. Raises TypeError for anything but a Dataset, such as bare lists."""
    if not isinstance(data, Dataset):
        raise TypeError(f"expected a Dataset, got a {type(data).__name__}; make one by Dataset(inputs, targets)")
    return data


def _names(field: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"{field} must be several names, got the text {names!r}; write ({names!r},)")
    texts = tuple(str(name) for name in names)
    for name, times in Counter(texts).items():
        if times > 1:
            raise ValueError(f"{field} holds {name!r} {times} times; each name must be there once")
    return texts


def _rows(field: str, rows: Any, names: Sequence[str] = ()) -> list[list[float]]:
    """`rows` as lists of floats of one width (that of `names`, if given)."""
    checked: list[list[float]] = []
    for index, row in enumerate(_sequence(field, rows)):
        place, cells = f"{field}[{index}]", row[:] if type(row) is list else plain(row)
        if not isinstance(cells, list):
            given, cure = f"{row!r} ({type(row).__name__})", f"a row is a list of numbers, such as [{row!r}]"
            raise TypeError(f"{place} is {given}, not a row; {cure}")
        if not cells:
            raise ValueError(f"{place} is empty; a row needs at least one number")
        width = len(names or (checked[0] if checked else cells))
        if len(cells) != width:
            whose = f"feature_names has {counted(width, 'name')}" if names else f"{field}[0] has {width}"
            raise ValueError(f"{place} has {counted(len(cells), 'column')}, but {whose}; make every row one width")
        if not all(type(cell) is float and math.isfinite(cell) for cell in cells):
            labels = [f" ({name})" for name in names] or [""] * width
            cells = [finite_number(f"{place}[{i}]{labels[i]}", cell, _CURE) for i, cell in enumerate(cells)]
        checked.append(cells)
    return checked


def _sequence(field: str, values: Any) -> list[Any]:
    items = plain(values)
    if isinstance(items, str):
        raise TypeError(f"{field} is the text {items!r}, not a list of rows; read a file with read_csv")
    if not isinstance(items, list):
        raise TypeError(f"{field} is {items!r} ({type(items).__name__}); give a list")
    if not items:
        raise ValueError(f"{field} is empty; a data set holds at least one row")
    return items


def _targets(targets: Any, classes: tuple[str, ...]) -> Targets:
    items = _sequence("targets", targets)
    if classes:
        return [_class_number(f"targets[{row}]", item, classes) for row, item in enumerate(items)]
    if isinstance(items[0], str):
        cure = "give class numbers from 0, and the names as classes=(...)"
        raise TypeError(f"targets[0] is the text {items[0]!r}; {cure}")
    if hasattr(items[0], "__iter__"):
        return _rows("targets", items)
    numbers = [finite_number(f"targets[{row}]", item, _CURE) for row, item in enumerate(items)]
    # Ints stay ints, so that class numbers given without their names still index an array of logits.
    return [int(item) for item in items] if all(hasattr(item, "__index__") for item in items) else numbers


def _weights(weights: Any, rows: int) -> list[float]:
    cure = "a weight says how often a row counts: 1 once, 0.5 half"
    numbers = [finite_number(f"weights[{row}]", each, cure) for row, each in enumerate(_sequence("weights", weights))]
    if len(numbers) != rows:
        raise ValueError(f"{counted(len(numbers), 'weight')} but {counted(rows, 'row')}; give every row one weight")
    for row, number in enumerate(numbers):
        if number < 0:
            raise ValueError(f"weights[{row}] is {number:g}, below 0; {cure}, 0 not at all")
    if sum(numbers) == math.inf:
        raise ValueError("the weights add up to more than a float holds; divide all of them by their largest")
    if not any(numbers):
        raise ValueError("all weights are 0, so that no row counts; leave weights out to count all rows alike")
    return numbers


def _class_number(place: str, value: Any, classes: tuple[str, ...]) -> int:
    number = whole_number(f"{place}, the number of a class,", value)
    if not 0 <= number < len(classes):
        known = f"the {len(classes)} classes are numbered 0 to {len(classes) - 1} ({listed(classes)})"
        raise ValueError(f"{place} is {number}, but {known}; count classes from 0")
    return number
