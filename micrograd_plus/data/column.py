"""A column of a table: what its cells hold, and what they are as numbers, classes or words."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from micrograd_plus.checks import argument, listed
from micrograd_plus.data import cells as of
from micrograd_plus.data.cells import Decimal

__all__ = ["Column", "Held", "Task", "error_at", "rows_without_empty"]

Task = Literal["classification", "regression"]
Held = Literal["numbers", "dates", "text", "nothing"]

MOST_NUMBERED_CLASSES = 20
FEW_ROWS = 3  # so few rows that a class for each may be meant


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its cells as text, and what a message needs to tell the place of a cell.

    `decimal` is how its numbers are written; `fixed` is what its cells are, whatever they look like, and `known`
    are cells that are not empty even if they look so, such as a class 'none'. A model can't do without one that is
    `needed`.
    """

    where: str
    name: str
    cells: Sequence[str]
    lines: Sequence[int]
    decimal: Decimal | None = None
    fixed: Held | None = None
    known: Collection[str] = ()
    needed: bool = False

    def take(self, rows: Sequence[int]) -> Column:
        """Returns the column with these rows alone."""
        cells, lines = [self.cells[row] for row in rows], [self.lines[row] for row in rows]
        return replace(self, cells=cells, lines=lines, fixed=self.kind)

    @property
    def without(self) -> str:
        """Returns how to do without a cell that is wrong."""
        return "leave out the line" if self.needed else f"leave the column out: {argument('drop', [self.name])}"

    @cached_property
    def empty(self) -> list[int]:
        """Returns the rows in which nothing stands."""
        given = {*self.given}
        return [row for row, cell in enumerate(self.cells) if cell not in given]

    @cached_property
    def given(self) -> list[str]:
        """Returns the different cells that are not empty, in the order in which they come first."""
        return [cell for cell in dict.fromkeys(self.cells) if cell in self.known or not of.is_missing(cell)]

    @cached_property
    def values(self) -> dict[str, float | None]:
        """Returns the number that each different cell spells, if it does; a unit is dropped that all of them bear."""
        found = {cell: of.number_of(cell, self.decimal) for cell in self.given}
        if None in found.values() and of.unit_of(self.given):
            found = {cell: of.number_of(of.without_unit(cell), self.decimal) for cell in self.given}
        return found

    @cached_property
    def kind(self) -> Held:
        """Returns what the cells are: numbers where at least half are, even if some must be mended to be."""
        if self.fixed:
            return self.fixed
        if not self.given:
            return "nothing"
        numeric = [number is not None or _is_numeric(cell) for cell, number in self.values.items()]
        if 2 * sum(numeric) >= len(numeric):
            return "numbers"
        return "dates" if all(map(of.is_date, self.given)) else "text"

    def numbers(self, empty: float | None = None) -> list[float]:
        """Returns the cells as numbers, with `empty` for empty ones. Raises ValueError for one that is none."""
        finite = {cell: number for cell, number in self.values.items() if number is not None and math.isfinite(number)}
        if empty is not None:
            finite.update((self.cells[row], empty) for row in self.empty)
        try:
            return [finite[cell] for cell in self.cells]
        except KeyError as error:
            row = self.cells.index(error.args[0])
            raise self.wrong(row, of.what_is_wrong(self.cells[row], self.without)) from None

    def targets(self, task: Task | None, classes: Sequence[str] = ()) -> tuple[list[Any], tuple[str, ...]]:
        """Returns the cells as targets, and the names of their classes if they are classes, by the rule of `read_csv`.

        Raises ValueError for what is neither.
        """
        if task == "regression" or not (task or classes or self._holds_labels()):
            return self.numbers(), ()
        labels, names = self.labels(classes)
        if not (task or classes) and len(names) > max(len(labels) / 2, FEW_ROWS):
            what = f"{len(names)} different texts in {len(labels)} rows ({listed(map(repr, self.cells), 2)})"
            cure = f"a class is learnt from several rows; predict another column, or pass {_as_classes()} to insist"
            raise ValueError(f"{self.where}: the target {self.name!r} has {what}; {cure}")
        return labels, names

    def _holds_labels(self) -> bool:
        numbers = [self.values.get(cell) for cell in self.cells]
        if None not in numbers:
            whole = all(number.is_integer() for number in numbers if number is not None)
            return (
                whole
                and not of.unit_of(self.given)
                and len(set(numbers)) <= min(MOST_NUMBERED_CLASSES, len(numbers) / 2)
            )
        self.refuse_empty()
        row = numbers.index(None)
        if numbers.count(None) < len(numbers):
            cure = f"mend the cell, or pass {_as_classes()} if these are labels"
            raise self.wrong(row, f"text {self.cells[row]!r} in a target that elsewhere holds numbers; {cure}")
        if self.kind != "text":  # dates, or numbers written in another way
            raise self.wrong(row, of.what_is_wrong(self.cells[row], self.without))
        return True

    def labels(self, classes: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
        """Returns the class number of every row, and the names of the classes. Raises ValueError for less than two."""
        if not classes:
            self.refuse_empty()
        labels = [of.label_of(cell) for cell in self.cells]
        names = [of.label_of(str(name)) for name in classes] or sorted(set(labels), key=of.by_size)
        if len(names) < 2:
            only = f"the target {self.name!r} has only one class, {names[0]!r}, so there is nothing to tell apart"
            raise ValueError(f"{self.where}: {only}; bring rows of at least two classes")
        numbers = {name: number for number, name in enumerate(names)}
        for row, label in enumerate(labels):
            if label not in numbers:
                known = listed(map(repr, names), 10)
                raise self.wrong(row, f"{label!r} is none of the classes {known}; mend the cell or leave out the row")
        return [numbers[label] for label in labels], tuple(names)

    def refuse_empty(self, cure: str = "fill it in or leave out the line") -> None:
        """Raises ValueError for the first empty cell, if there is one."""
        for row in self.empty[:1]:
            raise self.wrong(row, of.what_is_wrong(self.cells[row], self.without, cure))

    def wrong(self, row: int, what: str) -> ValueError:
        """Returns the error that says what is wrong in a row of this column."""
        return error_at(self.where, self.lines[row], what, f", column {self.name!r}")


_DECIMALS: tuple[Decimal | None, ...] = (None, ".", ",")


def _is_numeric(cell: str) -> bool:
    """Whether a cell is a number in some notation."""
    bare = of.without_unit(cell)
    return cell.isdecimal() or any(of.number_of(bare, mark) is not None for mark in _DECIMALS)


def _as_classes() -> str:
    return argument("task", "classification")


def rows_without_empty(columns: Sequence[Column]) -> list[int]:
    """Returns the rows in which none of the columns is empty. Raises ValueError if there are none."""
    gaps = {row for column in columns for row in column.empty}
    rows = [row for row in range(len(columns[0].cells)) if row not in gaps]
    if not rows:
        most = max(columns, key=lambda column: len(column.empty))
        cure = f"leave out the emptiest column, {most.name!r}: {argument('drop', [most.name])}"
        raise ValueError(f"{most.where}: every row has an empty cell; {cure}")
    return rows


def error_at(where: str, line: int, what: str, column: str = "") -> ValueError:
    """Returns the error that says what is wrong in a line of a file."""
    return ValueError(f"{where}, line {line}{column}: {what}")
