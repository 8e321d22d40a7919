"""A TableSchema is what a model knows of the columns of its table: their words, and what stands for an empty cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from micrograd_plus.checks import argument
from micrograd_plus.data.cells import by_size, label_of

if TYPE_CHECKING:
    from micrograd_plus.data.column import Column

__all__ = ["Field", "Missing", "TableSchema"]

Missing = Literal["refuse", "drop", "mean"]
"""What becomes of an empty cell: an error, a row left out, or the column's mean and a feature that says so."""

EMPTY = "(empty)"
MOST_WORDS = 1000  # of a column: with a feature for each, more would be a mistake, and slow


@dataclass(frozen=True)
class Field:
    """One column: the `words` that are a feature each, or, for a column of numbers, None.

    `mean` stands for an empty number; `flag` adds a feature that is 1 where it does.
    """

    name: str
    words: tuple[str, ...] | None = None
    mean: float = 0.0
    flag: bool = False

    @classmethod
    def fit(cls, column: Column, missing: Missing) -> Field:
        """Returns the field for a column's cells. Raises ValueError for cells that it can't make features of."""
        if missing == "refuse":
            column.refuse_empty(f"fill it in, leave out the line, or pass {argument('missing', 'mean')}")
        if column.kind == "nothing":
            cure = f"leave it out: {argument('drop', [column.name])}"
            raise ValueError(f"{column.where}: every cell of column {column.name!r} is empty; {cure}")
        if column.kind == "text":
            words = {*_words(column)} - ({EMPTY} if missing == "drop" else set())
            if len(words) > MOST_WORDS:
                cure = f"leave it out: {argument('drop', [column.name])}"
                raise ValueError(f"{column.where}: column {column.name!r} has {len(words):,} different words; {cure}")
            return cls(column.name, tuple(sorted(words, key=by_size)))
        known = [number for number in column.numbers(empty=math.nan) if not math.isnan(number)]
        return cls(
            column.name, mean=math.fsum(known) / max(len(known), 1), flag=bool(column.empty) and missing == "mean"
        )

    @property
    def features(self) -> list[str]:
        """Returns the names of the features that the column makes."""
        if self.words is not None:
            return [f"{self.name}={word}" for word in self.words]
        return [self.name, f"{self.name}={EMPTY}"] if self.flag else [self.name]

    def encode(self, column: Column) -> list[list[float]]:
        """Returns the features of a column, each with a number a row. Raises ValueError for text among numbers."""
        if self.words is not None:
            found = _words(column)
            return [[float(word == each) for word in found] for each in self.words]
        numbers = column.numbers(empty=self.mean)
        if not self.flag:
            return [numbers]
        flags = [0.0] * len(numbers)
        for row in column.empty:
            flags[row] = 1.0
        return [numbers, flags]

    def strangers(self, column: Column) -> list[str]:
        """Returns the words of a column that the field does not know, and which have all its features 0."""
        return [] if self.words is None else [each for each in _words(column) if each not in {EMPTY, *self.words}]


@dataclass(frozen=True)
class TableSchema:
    """The fields of a table in the order of their features, and what becomes of empty cells.

    `ids` are columns that tell rows apart and are no features; `reading` is how the file was read that it was made of
    (delimiter, decimal, header, encoding), for another of its kind. It is fitted on the rows that a model is trained
    on; a Dataset of `read_csv` has one, and a Predictor keeps it.

    >>> TableSchema((Field("age", mean=30.0, flag=True), Field("sex", ("female", "male")))).feature_names
    ('age', 'age=(empty)', 'sex=female', 'sex=male')
    """

    fields: tuple[Field, ...]
    missing: Missing = "refuse"
    ids: tuple[str, ...] = ()
    reading: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def fit(cls, columns: Sequence[Column], missing: Missing = "refuse") -> TableSchema:
        """Returns the schema of columns. Raises ValueError for cells that are no features, or empty where refused."""
        if missing not in ("refuse", "drop", "mean"):
            raise ValueError(f"missing is 'refuse', 'drop' or 'mean', got {missing!r}")
        return cls(tuple(Field.fit(column, missing) for column in columns), missing)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Returns the names of all features, in order: a word's is `column=word`."""
        return tuple(name for each in self.fields for name in each.features)

    def rows(self, columns: Sequence[Column]) -> list[list[float] | None]:
        """Returns the features of each row of these columns; None for one that an empty cell leaves out.

        Raises ValueError for text in a column of numbers, or an empty cell where they are refused.
        """
        empty = {row for column in columns for row in column.empty} if self.missing == "drop" else set()
        if self.missing == "refuse":
            for column in columns:
                column.refuse_empty()
        features = [part for each, column in zip(self.fields, columns) for part in each.encode(column)]
        return [None if row in empty else [*cells] for row, cells in enumerate(zip(*features))]

    def to_dict(self) -> dict[str, Any]:
        """Returns the schema as lists and dicts."""
        return {**asdict(self), "reading": dict(self.reading)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> TableSchema:
        """Returns the TableSchema that `to_dict` wrote.

        >>> schema = TableSchema((Field("sex", ("f", "m")), Field("age")), "drop", ("name",))
        >>> TableSchema.from_dict(schema.to_dict()) == schema
        True
        """
        fields = [{**each, "words": each["words"] and tuple(each["words"])} for each in saved["fields"]]
        made = tuple(Field(**each) for each in fields)
        return cls(made, saved["missing"], tuple(saved["ids"]), tuple(saved["reading"].items()))


def _words(column: Column) -> list[str]:
    """The words in the cells of a column: numbers that are one number are one word."""
    known = {cell: label_of(cell) for cell in column.given}
    return [known.get(cell, EMPTY) for cell in column.cells]
