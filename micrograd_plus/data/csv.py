"""A CSV file of the user's own becomes a Dataset, or an error that names the line and the column."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from micrograd_plus.checks import argument, guess, listed, whole_number
from micrograd_plus.data import cells as of
from micrograd_plus.data.cells import Decimal
from micrograd_plus.data.column import Column, Task, error_at, rows_without_empty
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.data.schema import Missing, TableSchema
from micrograd_plus.files import read_bytes
from micrograd_plus.report import numbered

__all__ = ["Sheet", "read_csv", "read_inputs", "read_sheet"]

_PANDAS = (
    """turn it into CSV: python -c "import pandas; pandas.read_{kind}('{{file}}').to_csv('{{csv}}', index=False)\""""
)
_NO_TEXT = {
    b"PK\x03\x04": ("a spreadsheet or a zip archive", "save the sheet as 'CSV UTF-8', or unpack the archive"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "save the sheet as 'CSV UTF-8'"),
    b"PAR1": ("a Parquet file", _PANDAS.format(kind="parquet")),
    b"ARROW1": ("a Feather file", _PANDAS.format(kind="feather")),
    b"\x89HDF": ("an HDF5 file", _PANDAS.format(kind="hdf")),
    b"SQLite format 3": ("a database", "write a table out as CSV: sqlite3 -csv -header {file} 'select * from TABLE'"),
    b"BZh": ("compressed by bzip2", "unpack it: bunzip2 {file}"),
    b"\xfd7zXZ": ("compressed by xz", "unpack it: unxz {file}"),
    b"%PDF": ("a PDF", "give the table as CSV"),
}
"""What files that are no text begin with, what they are, and the cure."""


def read_csv(
    path: str | os.PathLike[str], target: str | int, *, features: Sequence[str | int] | None = None,
    drop: Sequence[str | int] = (), words: Sequence[str | int] = (), task: Task | None = None,
    classes: Sequence[str] = (), missing: Missing = "refuse", decimal: Decimal | None = None,
    header: bool | None = None, delimiter: str = ",", encoding: str = "utf-8-sig",
) -> Dataset:  # fmt: skip
    """Returns the table in the file at `path` as a Dataset: column `target` as targets, the others as inputs.

    With `features` only those columns are inputs, in that order; those of `drop` are none. A column is given by its
    name or its index from 0 (negative from the end). A column of text, or one named in `words`, makes a feature for
    each of its words, 1 where it stands and 0 elsewhere. The Dataset's `schema` tells which.

    Numbers may all bear one sign of money, or %, which is dropped. `decimal` is the character before the fraction; if
    it is given, thousands may be set apart. `missing` says what becomes of an empty cell, or NA and the like: "refuse"
    is an error; "drop" leaves out the row; "mean" takes the column's mean and adds a feature that is 1 for such a cell
    (among words, it is a word). A row without target is left out by both.

    Without `task`, the target is told apart so: text makes a classification; whole numbers do if at most 20 differ, and
    at most half as many as there are rows; all other numbers, and amounts of money, make a regression. Classes are
    numbered in sorted order, numbers by size, or as `classes` lists them: that keeps the numbering of a trained model,
    and allows a label such as 'none', which otherwise is a missing cell.

    A file without a header line has columns x1, x2, ...; `header=None` takes the first line for a header unless a
    number is in it, and then asks. Blank lines are skipped; spaces around a cell and a byte-order mark are dropped. For
    a file without a target there is `read_inputs`. A file that gzip compressed is unpacked.

    Raises FileNotFoundError, or ValueError for an empty file, a header alone, a missing or doubled column name, an
    unknown column, a line of the wrong length, a missing cell, text or dates among numbers, nan or infinity, text that
    is another in most rows as a target: each with line, column and cure.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "pets.csv")
    ...     _ = path.write_text("weight,fur,pet\\n4.1,soft,cat\\n31,rough,dog\\n3.9,soft,cat\\n")
    ...     read_csv(path, "pet").feature_names
    ('weight', 'fur=rough', 'fur=soft')
    """
    if task not in (None, "classification", "regression"):
        raise ValueError(f"task must be 'classification', 'regression' or left out, got {task!r}")
    if target is None:
        raise TypeError("target is None; name the target column, or use read_inputs for a file without one")
    if task == "regression" and classes:
        raise ValueError("a regression has no classes; leave out classes, or task='regression'")
    sheet = read_sheet(path, header=header, delimiter=delimiter, encoding=encoding, decimal=decimal)
    goal = sheet.column(target, "target column")
    chosen = sheet.chosen(goal, features, drop, words)
    if missing != "refuse":
        whole = chosen if missing == "drop" else []
        kept = rows_without_empty([*whole, replace(goal, known=classes)])
        goal, chosen = goal.take(kept), [column.take(kept) for column in chosen]
    targets, found = goal.targets(task, classes)
    return sheet.dataset(TableSchema.fit(chosen, missing), chosen, goal, targets, found)


def read_inputs(
    path: str | os.PathLike[str], features: Sequence[str | int] | TableSchema | None = None, *,
    decimal: Decimal | None = None, header: bool | None = None, delimiter: str = ",", encoding: str = "utf-8-sig",
) -> list[list[float]]:  # fmt: skip
    """Returns the rows of numbers in the file at `path`, for prediction: no target needed, and none in the way.

    With `features` (say, a trained model's `feature_names`) those columns are picked in that order, wherever they
    stand; others, such as a target or a name, are not looked at. A trained model's `schema` also knows words and empty
    cells; rows for which it has no answer are left out. Without, all columns are taken. For the rest, errors too, see
    `read_csv`.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "new.csv")
    ...     _ = path.write_text("who,height,weight\\nFelix,25,4.1\\n")
    ...     read_inputs(path, features=["weight", "height"])
    [[4.1, 25.0]]
    """
    sheet = read_sheet(path, header=header, delimiter=delimiter, encoding=encoding, decimal=decimal)
    if isinstance(features, TableSchema):
        return [row for row in features.rows(sheet.picked(features)) if row is not None]
    columns = sheet.columns if features is None else sheet.features(features)
    return [list(row) for row in zip(*(column.numbers() for column in columns))]


def read_sheet(
    path: str | os.PathLike[str], *, header: bool | None = None, delimiter: str = ",", encoding: str = "utf-8-sig",
    decimal: Decimal | None = None,
) -> Sheet:  # fmt: skip
    """Returns the columns of the file at `path` as text. For options and errors see `read_csv`."""
    if len(delimiter) != 1:
        raise ValueError(f"{argument('delimiter')} must be one character, got {delimiter!r}")
    if decimal not in (None, ".", ","):
        raise ValueError(f"{argument('decimal')} is a point or a comma, got {decimal!r}")
    where = os.fspath(path)
    content = _unpacked(read_bytes(path, "CSV"), where)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        place = f"byte {error.object[error.start]:#04x} at {error.start}"
        latin, wide = argument("encoding", "latin-1"), argument("encoding", "utf-16")
        cure = f"save it as 'CSV UTF-8', or tell what it is: {latin}, say, or {wide}"
        raise ValueError(f"{where} is not {encoding} text ({place}); {cure}") from None
    except LookupError:
        raise ValueError(f"unknown encoding: {encoding}; utf-8, latin-1, cp1252 and utf-16 are usual") from None
    if "\0" in text:
        raise ValueError(f"{where} is no text, it holds zero bytes; save it as 'CSV UTF-8'")
    return Sheet.parse(io.StringIO(text, newline=""), where, header, delimiter, decimal)


def _unpacked(content: bytes, where: str) -> bytes:
    """The bytes of a text, unpacked if gzip packed them. Raises ValueError for those of another kind of file."""
    if content.startswith(b"\x1f\x8b"):
        import gzip  # on first use, as these are slow to import
        import zlib

        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{where} is damaged: gzip can't unpack it ({error}); fetch it again") from None
    for start, (what, cure) in _NO_TEXT.items():
        if content.startswith(start):
            csv_file = os.path.splitext(where)[0] + ".csv"
            raise ValueError(f"{where} is {what}, not CSV; {cure.format(file=where, csv=csv_file)}")
    return content


@dataclass(frozen=True)
class Sheet:
    """The columns of a file as text, and the file's name for messages."""

    where: str
    columns: list[Column]

    @classmethod
    def parse(
        cls, text: Iterable[str], where: str, header: bool | None = True, delimiter: str = ",",
        decimal: Decimal | None = None,
    ) -> Sheet:  # fmt: skip
        """Returns the sheet in the lines of `text`. Raises ValueError for what is no table."""
        records = _records(text, where, delimiter)
        if not records:
            raise ValueError(f"{where} is empty; expected a line of column names and a line for each row")
        if header is False:
            ends = (max((i + 1 for i, cell in enumerate(cells) if cell), default=0) for _, cells in records)
            names = [numbered("x", column) for column in range(min(max(ends), len(records[0][1])))]
        else:
            names = _header(where, *records.pop(0), certain=header is True)
        if not records:
            raise ValueError(f"{where} has column names and no rows; add at least one line of data")
        for other in ";\t|,".replace(delimiter, "") if len(names) == 1 else "":
            if other in names[0] and any(other in cell for cell in records[0][1]):
                cure = f"pass {argument('delimiter', other)}"
                raise error_at(where, records[0][0], f"only one column, and {other!r} in it; {cure}")
        for line, cells in records:
            if any(cells[len(names) :]) or len(cells) < len(names):
                quote = f"put a cell that holds {delimiter!r} between double quotes"
                cure = "a cell is missing" if len(cells) < len(names) else quote
                raise error_at(where, line, f"{len(cells)} cells where {len(names)} columns are expected; {cure}")
        lines = [line for line, _ in records]
        columns = zip(*(cells[: len(names)] for _, cells in records))
        return cls(where, [Column(where, name, cells, lines, decimal) for name, cells in zip(names, columns)])

    @property
    def name(self) -> str:
        """Returns the file's name without folder and endings."""
        stem, ending = os.path.splitext(os.path.basename(self.where))
        return os.path.splitext(stem)[0] if ending == ".gz" else stem

    def chosen(
        self, goal: Column, features: Sequence[str | int] | None = None, drop: Sequence[str | int] = (),
        words: Sequence[str | int] = (),
    ) -> list[Column]:  # fmt: skip
        """Returns the columns to predict `goal` from. Raises ValueError for none, or for the goal itself."""
        chosen = [each for each in self.columns if each is not goal] if features is None else self.features(features)
        if goal in chosen:
            raise ValueError(f"{goal.name!r} is the target and a feature too; leave it out of {argument('features')}")
        dropped = [self.column(each, f"column for {argument('drop')}") for each in drop]
        if goal in dropped:
            raise ValueError(f"{goal.name!r} is the target, and {argument('drop')} names it; predict another column")
        as_words = [self.column(each, f"column for {argument('words')}") for each in words]
        chosen = [replace(each, fixed="text") if each in as_words else each for each in chosen if each not in dropped]
        if not chosen:
            raise ValueError(f"{self.where} has only the target {goal.name!r}; add a feature column")
        return chosen

    def dataset(
        self, schema: TableSchema, chosen: Sequence[Column], goal: Column, targets: list[Any], classes: tuple[str, ...],
        source: str = "",
    ) -> Dataset:  # fmt: skip
        """Returns the `chosen` columns, as the schema has them, and these targets as a Dataset."""
        rows = [row for row in schema.rows(chosen) if row is not None]
        source = source or os.path.basename(self.where)
        return Dataset(rows, targets, self.name, schema.feature_names, classes, goal.name, source, schema=schema)

    def picked(self, schema: TableSchema) -> list[Column]:
        """Returns the columns that a schema is about. Raises ValueError for one that is not there."""
        return [replace(self.column(each.name, "feature column", True), needed=True) for each in schema.fields]

    def column(self, column: str | int, what: str, exact: bool = False) -> Column:
        """Returns the column of this name or index, which may be a text too where no column has that name.

        With `exact` it is a name. Raises ValueError if there is none; the message calls it `what`.
        """
        names = [each.name for each in self.columns]
        if isinstance(column, str) and column not in names and not exact and column.lstrip("-").isdecimal():
            column = int(column)
        if not isinstance(column, str):
            index, count = whole_number(f"the {what}, where it is no name,", column), len(names)
            if not -count <= index < count:
                raise ValueError(f"{self.where} has no {what} {index}: its {count} columns are 0 to {count - 1}")
            return self.columns[index]
        if column not in names:
            close = guess(column, names)
            cure = f"did you mean {close!r}?" if close else "give one of these names, or an index from 0"
            if exact:
                cure = f"is it {close!r}? Name it so" if close else "the model was trained with it: add the column"
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
        raise error_at(where, line, f"not a readable CSV record ({error}); {cure}") from None
    return records


def _header(where: str, line: int, cells: list[str], certain: bool) -> list[str]:
    """The column names in the first line, if it is `certain` or likely that it holds them."""
    number = next((cell for cell in cells if of.number_of(cell) is not None), None)
    if number is not None and not certain:
        first, names = argument("header", False), argument("header", True)
        cure = f"pass {first} if this line is the first row of data, {names} if these are the names"
        raise error_at(where, line, f"column names are expected, and {number!r} is a number; {cure}")
    while cells and not cells[-1]:  # a delimiter at the end of each line makes no column
        cells = cells[:-1]
    if "" in cells:
        cure = "name it (pandas writes such a column for its index: save with index=False)"
        raise error_at(where, line, f"column {cells.index('')} (from 0) has no name; {cure}")
    for name, times in Counter(cells).items():
        if times > 1:
            raise error_at(where, line, f"{times} columns are named {name!r}; give each its own name")
    return cells
