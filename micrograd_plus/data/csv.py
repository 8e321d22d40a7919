"""A CSV file of the user's own becomes a Dataset, or an error that names the line and the column."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from micrograd_plus.checks import argument, guess, listed, whole_number
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.files import read_bytes

__all__ = ["Sheet", "read_csv", "read_inputs"]

Task = Literal["classification", "regression"]

MOST_NUMBERED_CLASSES = 20
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "#n/a"})


def read_csv(
    path: str | os.PathLike[str], target: str | int, *, features: Sequence[str | int] | None = None,
    task: Task | None = None, classes: Sequence[str] = (),
    header: bool | None = None, delimiter: str = ",", encoding: str = "utf-8-sig",
) -> Dataset:  # fmt: skip
    """Returns the table in the file at `path` as a Dataset: column `target` as targets, the others as inputs.

    With `features` only those columns are inputs, in that order. A column is given by its name or its index from 0
    (negative from the end).

    Without `task`, the target is told apart so: text makes a classification; whole numbers do if at most 20 differ, and
    at most half as many as there are rows; all other numbers make a regression. Classes are numbered in sorted order,
    numbers by size, or as `classes` lists them: that keeps a trained model's numbering, and allows a label such as
    'none', which otherwise is a missing cell.

    A file without a header line has columns x0, x1, ...; `header=None` takes the first line for a header unless a
    number is in it, and then asks. Blank lines are skipped; spaces around a cell and a byte-order mark are dropped. For
    a file without a target there is `read_inputs`.

    Raises FileNotFoundError, or ValueError for an empty file, a header alone, a missing or doubled column name, an
    unknown column, a line of the wrong length, a missing cell, text among numbers, nan or infinity: each with line,
    column and cure.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "pets.csv")
    ...     _ = path.write_text("weight,height,pet\\n4.1,25,cat\\n31,60,dog\\n3.9,24,cat\\n")
    ...     read_csv(path, "pet")
    Dataset('pets': 3 rows x 2 features; 2 classes: cat 2, dog 1)
    """
    if task not in (None, "classification", "regression"):
        raise ValueError(f"task must be 'classification', 'regression' or left out, got {task!r}")
    if target is None:
        raise TypeError("target is None; name the target column, or use read_inputs for a file without one")
    if task == "regression" and classes:
        raise ValueError("a regression has no classes; leave out classes, or task='regression'")
    return _read(path, header, delimiter, encoding).dataset(target, features, task, classes)


def read_inputs(
    path: str | os.PathLike[str], features: Sequence[str | int] | None = None, *,
    header: bool | None = None, delimiter: str = ",", encoding: str = "utf-8-sig",
) -> list[list[float]]:  # fmt: skip
    """Returns the rows of numbers in the file at `path`, for prediction: no target needed, and none in the way.

    With `features` (say, a trained model's `feature_names`) those columns are picked in that order, wherever they
    stand; others, such as a target or a name, are not looked at. Without, all columns are taken. For the rest, errors
    too, see `read_csv`.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "new.csv")
    ...     _ = path.write_text("who,height,weight\\nFelix,25,4.1\\n")
    ...     read_inputs(path, features=["weight", "height"])
    [[4.1, 25.0]]
    """
    sheet = _read(path, header, delimiter, encoding)
    return _rows(sheet.columns if features is None else sheet.features(features))


def _read(path: str | os.PathLike[str], header: bool | None, delimiter: str, encoding: str) -> Sheet:
    if len(delimiter) != 1:
        raise ValueError(f"{argument('delimiter')} must be one character, got {delimiter!r}")
    try:
        text = read_bytes(path, "CSV").decode(encoding)
    except UnicodeDecodeError as error:
        place = f"byte {error.object[error.start]:#04x} at {error.start}"
        latin, wide = argument("encoding", "latin-1"), argument("encoding", "utf-16")
        cure = f"save it as 'CSV UTF-8', or tell what it is: {latin}, say, or {wide}"
        raise ValueError(f"{os.fspath(path)} is not {encoding} text ({place}); {cure}") from None
    return Sheet.parse(io.StringIO(text, newline=""), os.fspath(path), header, delimiter)


@dataclass(frozen=True)
class Sheet:
    """The columns of a file as text, and the file's name for messages."""

    where: str
    columns: list[Column]

    @classmethod
    def parse(cls, text: Iterable[str], where: str, header: bool | None = True, delimiter: str = ",") -> Sheet:
        """Returns the sheet in the lines of `text`. Raises ValueError for what is no table."""
        records = _records(text, where, delimiter)
        if not records:
            raise ValueError(f"{where} is empty; expected a line of column names and a line for each row")
        if header is False:
            names = [f"x{column}" for column in range(len(records[0][1]))]
        else:
            names = _header(where, *records.pop(0), certain=header is True)
        if not records:
            raise ValueError(f"{where} has column names and no rows; add at least one line of data")
        for other in ";\t|,".replace(delimiter, "") if len(names) == 1 else "":
            if other in names[0] and any(other in cell for cell in records[0][1]):
                cure = f"pass {argument('delimiter', other)}"
                raise _error(where, records[0][0], f"only one column, and {other!r} in it; {cure}")
        for line, cells in records:
            if len(cells) != len(names):
                quote = f"put a cell that holds {delimiter!r} between double quotes"
                cure = "a cell is missing" if len(cells) < len(names) else quote
                raise _error(where, line, f"{len(cells)} cells where {len(names)} columns are expected; {cure}")
        lines = [line for line, _ in records]
        columns = zip(*(cells for _, cells in records))
        return cls(where, [Column(where, name, cells, lines) for name, cells in zip(names, columns)])

    def dataset(
        self, target: str | int, features: Sequence[str | int] | None = None, task: Task | None = None,
        classes: Sequence[str] = (), *, source: str = "",
    ) -> Dataset:  # fmt: skip
        """Returns the sheet as a Dataset, as `read_csv` tells."""
        goal = self.column(target, "target column")
        chosen = [each for each in self.columns if each is not goal] if features is None else self.features(features)
        if goal in chosen:
            raise ValueError(f"{goal.name!r} is the target and a feature too; leave it out of {argument('features')}")
        if not chosen:
            raise ValueError(f"{self.where} has only the target {goal.name!r}; add a feature column")
        labelled = task == "classification" or bool(classes) or (not task and goal.holds_labels())
        targets, found = goal.labels(classes) if labelled else (goal.numbers(), ())
        file, names = os.path.basename(self.where), tuple(each.name for each in chosen)
        return Dataset(_rows(chosen), targets, os.path.splitext(file)[0], names, found, goal.name, source or file)

    def column(self, column: str | int, what: str) -> Column:
        """Returns the column of this name or index. Raises ValueError if there is none; the message calls it `what`."""
        names = [each.name for each in self.columns]
        if not isinstance(column, str):
            index, count = whole_number(f"the {what}, where it is no name,", column), len(names)
            if not -count <= index < count:
                raise ValueError(f"{self.where} has no {what} {index}: its {count} columns are 0 to {count - 1}")
            return self.columns[index]
        if column not in names:
            close = guess(column, names)
            cure = f"did you mean {close!r}?" if close else "give one of these names, or an index from 0"
            raise ValueError(f"{self.where} has no {what} {column!r}, only {listed(map(repr, names), 10)}; {cure}")
        return self.columns[names.index(column)]

    def features(self, names: Sequence[str | int]) -> list[Column]:
        """Returns the columns of these names or indices. Raises ValueError for none, or for one named twice."""
        if isinstance(names, str):
            raise TypeError(f"features must be a list of columns, got the text {names!r}; write [{names!r}]")
        found = [self.column(name, "feature column") for name in names]
        for column, times in Counter(found).items():
            if times > 1:
                raise ValueError(f"{argument('features')} names {column.name!r} {times} times; name each column once")
        if not found:
            raise ValueError(f"{argument('features')} is empty; name at least one column, or leave it out to take all")
        return found


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its cells as text, and what a message needs to tell the place of a cell."""

    where: str
    name: str
    cells: Sequence[str]
    lines: Sequence[int]

    def numbers(self) -> list[float]:
        """Returns the cells as numbers. Raises ValueError for one that is none."""
        numbers = [_number(cell) for cell in self.cells]
        checked = [number for number in numbers if number is not None and math.isfinite(number)]
        if len(checked) < len(numbers):
            row = next(i for i, number in enumerate(numbers) if number is None or math.isinf(number))
            raise self._wrong(row, _what_is_wrong(self.cells[row]))
        return checked

    def holds_labels(self) -> bool:
        """Returns whether, as a target, it makes a classification; the rule is the one that `read_csv` tells."""
        numbers = [_number(cell) for cell in self.cells]
        if None not in numbers:
            whole = all(number.is_integer() for number in numbers if number is not None)
            return whole and len(set(numbers)) <= min(MOST_NUMBERED_CLASSES, len(numbers) / 2)
        self._refuse_missing()
        if numbers.count(None) < len(numbers):
            row = numbers.index(None)
            cure = f"mend the cell, or pass {argument('task', 'classification')} if these are labels"
            raise self._wrong(row, f"text {self.cells[row]!r} in a target that elsewhere holds numbers; {cure}")
        return True

    def labels(self, classes: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
        """Returns the class number of every row, and the names of the classes. Raises ValueError for less than two."""
        if not classes:
            self._refuse_missing()
        labels = [_label(cell) for cell in self.cells]
        names = [_label(str(name)) for name in classes] or sorted(set(labels), key=_by_size)
        if len(names) < 2:
            only = f"the target {self.name!r} has only one class, {names[0]!r}, so there is nothing to tell apart"
            raise ValueError(f"{self.where}: {only}; bring rows of at least two classes")
        numbers = {name: number for number, name in enumerate(names)}
        for row, label in enumerate(labels):
            if label not in numbers:
                known = listed(map(repr, names), 10)
                raise self._wrong(row, f"{label!r} is none of the classes {known}; mend the cell or leave out the row")
        return [numbers[label] for label in labels], tuple(names)

    def _refuse_missing(self) -> None:
        for row, cell in enumerate(self.cells):
            if cell.lower() in MISSING:
                raise self._wrong(row, _what_is_wrong(cell))

    def _wrong(self, row: int, what: str) -> ValueError:
        return _error(self.where, self.lines[row], what, f", column {self.name!r}")


def _error(where: str, line: int, what: str, column: str = "") -> ValueError:
    return ValueError(f"{where}, line {line}{column}: {what}")


def _rows(columns: Iterable[Column]) -> list[list[float]]:
    return [list(row) for row in zip(*(column.numbers() for column in columns))]


def _records(text: Iterable[str], where: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Every record that is not blank, with the number of the line it starts on."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                records.append((line, stripped))
            line = reader.line_num + 1
    except csv.Error as error:
        cure = "look for a quote that is not closed"
        raise _error(where, line, f"not a readable CSV record ({error}); {cure}") from None
    return records


def _header(where: str, line: int, cells: list[str], certain: bool) -> list[str]:
    """The column names in the first line, if it is `certain` or likely that it holds them."""
    number = next((cell for cell in cells if _number(cell) is not None), None)
    if number is not None and not certain:
        first, names = argument("header", False), argument("header", True)
        cure = f"pass {first} if this line is the first row of data, {names} if these are the names"
        raise _error(where, line, f"column names are expected, and {number!r} is a number; {cure}")
    if "" in cells:
        cure = "name it (pandas writes such a column for its index: save with index=False)"
        raise _error(where, line, f"column {cells.index('')} (from 0) has no name; {cure}")
    for name, times in Counter(cells).items():
        if times > 1:
            raise _error(where, line, f"{times} columns are named {name!r}; give each its own name")
    return cells


def _number(cell: str) -> float | None:
    """The number a cell spells, infinities among them, or None; 1_000 and nan are no numbers here."""
    if "_" in cell:
        return None
    try:
        number = float(cell)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _label(cell: str) -> str:
    """A cell as the name of a class: 1, 1.0 and 01 are one class, as they are one number."""
    number = _number(cell)
    if number is None or math.isinf(number):
        return cell
    return str(int(number)) if number.is_integer() else repr(number)


def _by_size(label: str) -> tuple[bool, float, str]:
    number = _number(label)
    return number is None, number or 0.0, label


def _what_is_wrong(cell: str) -> str:
    """Why a cell is no number, and the cure."""
    if cell.lower() in MISSING:
        return f"the cell is missing{f' ({cell!r})' if cell else ''}; fill it in or leave out the line"
    if _number(cell) is not None:
        return f"{cell!r} is beyond the range of a number; mend the cell or leave out the line"
    point, without = cell.replace(",", "."), cell.replace(",", "")
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", cell):
        either = f", or {point!r} if the comma is a decimal point" if _number(point) is not None else ""
        return f"{cell!r} is not a number; write {without!r}, without the comma{either}"
    if _number(point) is not None:
        return f"{cell!r} is not a number; write {point!r}, with a point"
    cure = f"mend the cell, or leave the column out by naming the others: {argument('features', ...)}"
    return f"{cell!r} is text where a number is needed; {cure}"
