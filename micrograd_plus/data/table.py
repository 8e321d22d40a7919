"""A CSV file of the user's own becomes a Dataset, or an error that names the line and the column."""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from micrograd_plus.checks import whole_number
from micrograd_plus.data.dataset import Dataset

__all__ = ["read_csv", "read_inputs"]

Column = str | int
Task = Literal["classification", "regression"]

MOST_NUMBERED_CLASSES = 20
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "#n/a"})


def read_csv(
    path: str | os.PathLike[str],
    target: Column,
    *,
    features: Sequence[Column] | None = None,
    task: Task | None = None,
    classes: Sequence[str] = (),
    header: bool | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> Dataset:
    """The table in the file at `path` as a Dataset: column `target` as targets, the others as inputs.

    With `features` only those columns are inputs, in that order. A column is given by its name or its index
    from 0 (negative from the end).

    Without `task`, the target is told apart so: text makes a classification; whole numbers do if at most 20
    differ, and at most half as many as there are rows; all other numbers make a regression. Classes are
    numbered in sorted order, numbers by size, or as `classes` lists them: that keeps a trained model's
    numbering, and allows a label such as 'none', which otherwise is a missing cell.

    A file without a header line has columns x0, x1, ...; `header=None` takes the first line for a header
    unless a number is in it, and then asks. Blank lines are skipped; spaces around a cell and a byte-order
    mark are dropped. For a file without a target there is `read_inputs`.

    Raises FileNotFoundError, or ValueError for an empty file, a header alone, a missing or doubled column
    name, an unknown column, a line of the wrong length, a missing cell, text among numbers, nan or infinity:
    each with line, column and cure.

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
    table = _read_file(path, header, delimiter, encoding)
    name = os.path.splitext(os.path.basename(path))[0]
    return table.dataset(target, features, task, classes, name=name, source=os.path.basename(path))


def read_inputs(
    path: str | os.PathLike[str],
    features: Sequence[Column] | None = None,
    *,
    header: bool | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> list[list[float]]:
    """The rows of numbers in the file at `path`, for prediction: no target needed, and none in the way.

    With `features` (say, a trained model's `feature_names`) those columns are picked in that order, wherever
    they stand; others, such as a target or a name, are not looked at. Without, all columns are taken. For the
    rest see `read_csv`.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "new.csv")
    ...     _ = path.write_text("who,height,weight\\nFelix,25,4.1\\n")
    ...     read_inputs(path, features=["weight", "height"])
    [[4.1, 25.0]]
    """
    table = _read_file(path, header, delimiter, encoding)
    return table.rows_of(table.positions(features) if features is not None else range(len(table.names)))


@dataclass(frozen=True)
class Table:
    """The cells of a file as text, with what an error message needs: the file, and each row's line number."""

    where: str
    names: tuple[str, ...]
    cells: list[list[str]]
    lines: list[int]

    @classmethod
    def parse(cls, text: Iterable[str], where: str, header: bool | None = True, delimiter: str = ",") -> Table:
        """The table in the lines of `text`."""
        records = _records(text, where, delimiter)
        if not records:
            raise ValueError(f"{where} is empty; expected a line of column names and a line for each row")
        first_line, first = records[0]
        number = next((cell for cell in first if _number(cell) is not None), None)
        if header is None and number is not None:
            raise ValueError(
                f"{where}, line {first_line}: column names are expected, and {number!r} is a number; pass"
                " header=False if this line is the first row of data, header=True if these are the names"
            )
        if header is False:
            names = tuple(f"x{column}" for column in range(len(first)))
        else:
            names = _header(first, where, first_line)
            records = records[1:]
        if not records:
            raise ValueError(f"{where} has column names and no rows; add at least one line of data")
        if len(names) == 1:
            _suspect_delimiter(where, *records[0], names[0], delimiter)
        for line, cells in records:
            if len(cells) != len(names):
                raise ValueError(_wrong_length(where, line, len(cells), len(names), delimiter))
        return cls(where, names, [cells for _, cells in records], [line for line, _ in records])

    def dataset(
        self,
        target: Column,
        features: Sequence[Column] | None = None,
        task: Task | None = None,
        classes: Sequence[str] = (),
        *,
        name: str,
        source: str,
    ) -> Dataset:
        """The table as a Dataset, as `read_csv` tells."""
        goal = self.position(target, "target column")
        chosen = [i for i in range(len(self.names)) if i != goal] if features is None else self.positions(features)
        if goal in chosen:
            raise ValueError(f"{self.names[goal]!r} is the target and a feature too; leave it out of features")
        if not chosen:
            raise ValueError(f"{self.where} has only the target {self.names[goal]!r}; add a feature column")
        labelled = task == "classification" or bool(classes) or (not task and self._holds_labels(goal))
        targets, found = self._labels(goal, classes) if labelled else (self.numbers(goal), ())
        return Dataset(
            self.rows_of(chosen),
            targets,
            name=name,
            feature_names=tuple(self.names[i] for i in chosen),
            classes=found,
            target_name=self.names[goal],
            source=source,
        )

    def position(self, column: Column, what: str = "column") -> int:
        """The index from 0 of `column`, given by name or index."""
        if isinstance(column, str):
            if column in self.names:
                return self.names.index(column)
            import difflib  # only a wrong name needs it

            close = difflib.get_close_matches(column, self.names, n=1, cutoff=0.6)
            hint = f"; did you mean {close[0]!r}?" if close else "; give one of these names, or an index from 0"
            raise ValueError(f"{self.where} has no {what} {column!r}, only {_listed(self.names)}{hint}")
        index, count = whole_number(f"the {what}, where it is no name,", column), len(self.names)
        if not -count <= index < count:
            raise ValueError(f"{self.where} has no {what} {index}: its {count} columns are 0 to {count - 1}")
        return index % count

    def positions(self, columns: Sequence[Column]) -> list[int]:
        """The index of each of the feature `columns`."""
        if isinstance(columns, str):
            raise TypeError(f"features must be a list of columns, got the text {columns!r}; write [{columns!r}]")
        found = [self.position(column, "feature column") for column in columns]
        for index, times in Counter(found).items():
            if times > 1:
                raise ValueError(f"features names {self.names[index]!r} {times} times; name each column once")
        if not found:
            raise ValueError("features is empty; name at least one column, or leave it out to take all")
        return found

    def rows_of(self, columns: Iterable[int]) -> list[list[float]]:
        """The rows of these columns, as numbers."""
        return [list(row) for row in zip(*(self.numbers(column) for column in columns))]

    def numbers(self, column: int) -> list[float]:
        """A column as numbers."""
        numbers = [_number(row[column]) for row in self.cells]
        checked = [number for number in numbers if number is not None and math.isfinite(number)]
        if len(checked) < len(numbers):
            row = next(i for i, number in enumerate(numbers) if number is None or not math.isfinite(number))
            raise ValueError(self._bad_cell(row, column))
        return checked

    def _holds_labels(self, column: int) -> bool:
        """Whether a target column makes a classification; the rule that `read_csv` tells."""
        numbers = [_number(row[column]) for row in self.cells]
        texts = [i for i, number in enumerate(numbers) if number is None]
        if not texts:
            whole = all(number is not None and number.is_integer() for number in numbers)
            return whole and len(set(numbers)) <= min(MOST_NUMBERED_CLASSES, len(numbers) / 2)
        self._refuse_missing(column)
        if len(texts) < len(numbers):
            raise ValueError(
                f"{self._place(texts[0], column)}: text {self.cells[texts[0]][column]!r} in a target that"
                " elsewhere holds numbers; mend the cell, or pass task='classification' if these are labels"
            )
        return True

    def _labels(self, column: int, classes: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
        """The class number of every row, and the names of the classes."""
        if not classes:
            self._refuse_missing(column)
        labels = [_label(row[column]) for row in self.cells]
        names = [_label(str(name)) for name in classes or sorted(set(labels), key=_by_size)]
        if len(names) < 2:
            raise ValueError(
                f"{self.where}: the target {self.names[column]!r} has only one class, {names[0]!r}, so there"
                " is nothing to tell apart; bring rows of at least two classes"
            )
        numbers = {name: number for number, name in enumerate(names)}
        for row, label in enumerate(labels):
            if label not in numbers:
                raise ValueError(
                    f"{self._place(row, column)}: {label!r} is none of the classes {_listed(names)};"
                    " mend the cell or leave out the row"
                )
        return [numbers[label] for label in labels], tuple(names)

    def _refuse_missing(self, column: int) -> None:
        for row, cells in enumerate(self.cells):
            if cells[column].lower() in MISSING:
                raise ValueError(self._bad_cell(row, column))

    def _place(self, row: int, column: int) -> str:
        return f"{self.where}, line {self.lines[row]}, column {self.names[column]!r}"

    def _bad_cell(self, row: int, column: int) -> str:
        cell, place = self.cells[row][column], self._place(row, column)
        if cell.lower() in MISSING:
            shown = f" ({cell!r})" if cell else ""
            return f"{place}: the cell is missing{shown}; fill it in or leave out the line"
        if _number(cell) is not None:
            return f"{place}: {cell!r} is beyond the range of a number; mend the cell or leave out the line"
        point, without = cell.replace(",", "."), cell.replace(",", "")
        if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", cell):
            either = f", or {point!r} if the comma is a decimal point" if _number(point) is not None else ""
            return f"{place}: {cell!r} is not a number; write {without!r}, without the comma{either}"
        if _number(point) is not None and cell.count(",") == 1:
            return f"{place}: {cell!r} is not a number; write {point!r}, with a point"
        return (
            f"{place}: {cell!r} is text where a number is needed; mend the cell, or leave the column out"
            " by listing the others in features=[...]"
        )


def _read_file(path: str | os.PathLike[str], header: bool | None, delimiter: str, encoding: str) -> Table:
    where = os.fspath(path)
    if len(delimiter) != 1:
        raise ValueError(f"delimiter must be one character, got {delimiter!r}")
    try:
        with open(path, newline="", encoding=encoding) as stream:
            return Table.parse(stream, where, header, delimiter)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {where!r}; check the name, and the folder it is looked up from ({os.getcwd()})"
        ) from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{where!r} is a folder; name the CSV file in it") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{where} is not {encoding} text (byte {error.object[error.start]:#04x} at {error.start});"
            " save it as 'CSV UTF-8', or pass its encoding=, such as 'latin-1' or 'utf-16'"
        ) from None


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
        raise ValueError(
            f"{where}, line {line}: not a readable CSV record ({error}); look for a quote that is not closed"
        ) from None
    return records


def _header(cells: list[str], where: str, line: int) -> tuple[str, ...]:
    for column, name in enumerate(cells):
        if not name:
            raise ValueError(
                f"{where}, line {line}: column {column} (from 0) has no name; name it (pandas writes"
                " such a column for its index: save with index=False)"
            )
    for name, times in Counter(cells).items():
        if times > 1:
            raise ValueError(f"{where}, line {line}: {times} columns are named {name!r}; give each its own name")
    return tuple(cells)


def _wrong_length(where: str, line: int, found: int, expected: int, delimiter: str) -> str:
    quote = f"put a cell that holds {delimiter!r} between double quotes"
    cure = "a cell is missing" if found < expected else quote
    return f"{where}, line {line}: {found} cells where {expected} columns are expected; {cure}"


def _suspect_delimiter(where: str, line: int, cells: list[str], name: str, delimiter: str) -> None:
    for other in ";\t|,":
        if other != delimiter and other in name and any(other in cell for cell in cells):
            raise ValueError(f"{where}, line {line}: only one column, and {other!r} in it; pass delimiter={other!r}")


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
    if number is None or not math.isfinite(number):
        return cell
    return str(int(number)) if number.is_integer() else repr(number)


def _by_size(label: str) -> tuple[bool, float, str]:
    number = _number(label)
    return (True, 0.0, label) if number is None else (False, number, label)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
