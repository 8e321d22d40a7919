"""What `train` makes of a file: which column is predicted, from which others, and why not from the rest."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import counted, listed
from micrograd_plus.report import Table

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.data.column import Column
    from micrograd_plus.data.csv import Sheet

__all__ = ["UserTable", "add_csv_options", "csv_options", "read_table"]

MOST_WORDS = 100  # of a column that nobody asked for: with a feature for each, more learn by heart
FEW = 3  # so few rows that a word for each may be meant
ID = re.compile(r"(.*[\W_])?(id|uid|uuid|guid|index|nr|no|key)|.*[a-z](Id|ID)", re.ASCII)
WIDTH = 26  # of a column of the summary


def add_csv_options(group: Any) -> None:
    """Declares how a CSV file is read; `predict` shares it."""
    group.add_argument("--delimiter", metavar="C", help="of a CSV file: what stands between cells (default: a comma)")
    point = "of a CSV file: what stands before a fraction; thousands may then be set apart, 1,000.5 or 1.000,5"
    group.add_argument("--decimal", choices=(".", ","), help=point)
    header = "of a CSV file: whether its first line has the columns' names; without, they are x1, x2, ..."
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help=header)
    group.add_argument("--encoding", metavar="NAME", help="of a CSV file: latin-1, utf-16, ... (default: utf-8)")


def csv_options(args: argparse.Namespace) -> dict[str, Any]:
    """Returns those of the options of `add_csv_options` that were given, as `read_csv` takes them."""
    given = {name: getattr(args, name) for name in ("delimiter", "decimal", "header", "encoding")}
    if given["delimiter"] in ("tab", "\\t"):
        given["delimiter"] = "\t"
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class UserTable:
    """A file's columns: the target, those to predict it from, and why each of the others is none of them."""

    sheet: Sheet
    goal: Column
    chosen: list[Column]
    targets: list[Any]
    classes: tuple[str, ...]
    missing: Any
    reading: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)

    def numbered(self) -> Dataset:
        """Returns the targets beside the numbers of their rows, to be split."""
        from micrograd_plus.data import Dataset

        rows = [[float(row)] for row in range(len(self.targets))]
        return Dataset(rows, self.targets, self.sheet.name, ("row",), self.classes, self.goal.name)

    def part(self, numbered: Dataset, training: Dataset) -> Dataset:
        """Returns these rows of the table; words and means are those that the `training` rows know."""
        from micrograd_plus.data import TableSchema

        known, rows = ([int(row[0]) for row in each.inputs] for each in (training, numbered))
        schema = TableSchema.fit([column.take(known) for column in self.chosen], self.missing)
        schema = replace(schema, ids=self.ids, reading=tuple(self.reading.items()))
        taken = [column.take(rows) for column in self.chosen]
        data = self.sheet.dataset(schema, taken, self.goal, numbered.targets, self.classes)
        return replace(data, name=numbered.name)

    def summary(self) -> Table:
        """Returns a line for each column: what it holds, and what becomes of it."""
        chosen = {column.name: column for column in self.chosen}
        rows = []
        for column in self.sheet.columns:
            column = self.goal if column.name == self.goal.name else chosen.get(column.name, column)
            rows.append((_short(column.name), _short(_held(column)), self._use(column)))
        if len(rows) > 24:  # many columns are most often of one kind
            rows = [*rows[:20], ("...", f"{len(rows) - 20} more", "")]
        size = f"{counted(len(self.sheet.columns[0].cells), 'row')}, {counted(len(self.sheet.columns), 'column')}"
        return Table(("column", "holds", "is"), tuple(rows), caption=f"{self.sheet.where}: {size}")

    def _use(self, column: Column) -> str:
        if column.name == self.goal.name:
            return f"the target, {len(self.classes)} classes" if self.classes else "the target, a number"
        if column.name in self.left_out:
            return f"left out: {self.left_out[column.name]}"
        if column not in self.chosen:
            return "left out, as you say"
        if column.kind == "text":
            return counted(len({*column.given}) + (bool(column.empty) and self.missing == "mean"), "feature")
        return "the mean where empty, and a flag" if column.empty and self.missing == "mean" else "1 feature"


def read_table(args: argparse.Namespace) -> UserTable:
    """Returns the table of the file `args.data`. Raises ValueError for what it can't be trained on, with a cure."""
    from micrograd_plus.data import TableSchema
    from micrograd_plus.data.column import rows_without_empty
    from micrograd_plus.data.csv import read_sheet

    reading = csv_options(args)
    sheet = read_sheet(args.data, **reading)
    if args.target is None:
        columns = listed((f"{column.name} ({_held(column)})" for column in sheet.columns), 20)
        ask = f"which column of {args.data} is to be predicted? Name it: --target COLUMN"
        raise ValueError(f"{ask}, one of {columns}")
    goal = sheet.column(args.target, "target column")
    chosen = sheet.chosen(goal, args.features, args.drop, args.words)
    left_out = {} if args.features else _left_out(chosen, goal)
    ids = tuple(name for name, why in left_out.items() if why == TELLS_ROWS)
    chosen = [column for column in chosen if column.name not in left_out]
    rows, told = [*range(len(goal.cells))], []
    if args.missing != "refuse":
        rows = rows_without_empty([*(chosen if args.missing == "drop" else []), goal])
        gone = len(goal.cells) - len(rows)
        told = [f"{counted(gone, 'row')} left out for an empty cell"] if gone else []
    goal, chosen = goal.take(rows), [column.take(rows) for column in chosen]
    targets, classes = goal.targets(args.task)
    if len(targets) > 1 and len({*targets}) == 1:
        only = f"the target {goal.name!r} is {goal.cells[0]} in every row, so there is nothing to learn"
        raise ValueError(f"{args.data}: {only}; predict another column: --target COLUMN")
    if args.header is False:
        reading["columns"] = [column.name for column in sheet.columns]
    TableSchema.fit(chosen, args.missing)  # of all rows: a wrong cell is told by the first line that has one
    return UserTable(sheet, goal, chosen, targets, classes, args.missing, reading, left_out, ids, told)


TELLS_ROWS = "it tells rows apart"


def _left_out(columns: Sequence[Column], goal: Column) -> dict[str, str]:
    """The columns that nothing general can be learnt from, and why. Raises ValueError if they are all."""
    found = {column.name: why for column in columns if not column.fixed and (why := _why_left_out(column))}
    if len(found) == len(columns):
        whys = listed((f"{name} ({why})" for name, why in found.items()), 10)
        cure = "add a column that differs, or name those that you mean: --features COLUMN ..."
        raise ValueError(f"{goal.where} has nothing to predict {goal.name!r} from: {whys}; {cure}")
    return found


def _why_left_out(column: Column) -> str:
    rows, different = len(column.cells) - len(column.empty), len(column.given)
    many = rows > FEW
    if column.kind == "nothing":
        return "it is empty"
    if different == 1 and rows > 1 and not column.empty:
        return "it is the same in every row"
    if many and different == rows and (column.kind == "text" or _is_id(column)):
        return TELLS_ROWS
    if column.kind == "dates":
        return "dates (write year, month, ... as numbers)"
    if column.kind == "text" and ((many and different > rows / 2) or different > MOST_WORDS):
        return f"{different} different texts"
    return ""


def _is_id(column: Column) -> bool:
    return ID.fullmatch(column.name) is not None and all(cell.lstrip("-").isdecimal() for cell in column.given)


def _held(column: Column) -> str:
    """What a column holds, in some words."""
    empty = f", {len(column.empty)} empty" if column.empty else ""
    numbers = [number for number in column.values.values() if number is not None]
    if column.kind == "numbers" and numbers:
        return f"{min(numbers):,.6g} to {max(numbers):,.6g}{empty}"
    if column.kind == "text":
        return f"{counted(len(column.given), 'word')}{empty}"
    return f"{column.kind}{empty}"


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
