"""`micrograd-plus predict`: a saved model's answers for the rows of a CSV file."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import counted, listed
from micrograd_plus.cli.options import names
from micrograd_plus.cli.output import check_outputs
from micrograd_plus.cli.table import add_csv_options, csv_options
from micrograd_plus.cli.train import confusion, score
from micrograd_plus.files import encoded, write_atomically

if TYPE_CHECKING:
    from micrograd_plus.data import TableSchema
    from micrograd_plus.data.column import Column
    from micrograd_plus.data.csv import Sheet
    from micrograd_plus.train import Predictor

__all__ = ["add_parser", "run"]

EXAMPLES = """examples:
  micrograd-plus predict runs/iris/model.json flowers.csv
  micrograd-plus predict runs/iris/model.json flowers.csv --probabilities -o answers.csv
  micrograd-plus predict runs/houses/model.json sold.csv --score"""


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "predict",
        help="use a trained model on a CSV file",
        description="Write a line for each row of a CSV file: what the model says. Columns are found by their names,"
        " and the file is read as the one that the model was trained on, unless told otherwise.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL.json", help="the file that train wrote")
    parser.add_argument("data", metavar="DATA.csv", help="the rows; other columns than the model's are not looked at")
    add_csv_options(parser)
    keep = "columns to write beside the answers, as in name,town (default: those that tell rows apart)"
    parser.add_argument("--keep", metavar="COLUMNS", type=names, help=keep)
    chances = "add a column with the probability of each class (--proba will do)"
    parser.add_argument("--probabilities", action="store_true", help=chances)
    figures = "print how good the answers are instead; needs the target column"
    parser.add_argument("--score", action="store_true", help=figures)
    parser.add_argument("-o", "--output", metavar="FILE.csv", help="write there, and not to standard output")
    parser.add_argument("--force", action="store_true", help="write over the output if it is there")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has predicted and written."""
    from micrograd_plus.train import Predictor

    predictor = Predictor.load(args.model)
    check_outputs([args.output] if args.output else [], [args.model, args.data], args.force)
    schema = predictor.schema or _schema_of_numbers(predictor)
    sheet = _read(args, schema, predictor.target_name)
    columns = sheet.picked(schema)
    rows = schema.rows(columns)
    for note in _notes(schema, columns, rows):
        print(f"note: {note}", file=sys.stderr)
    if args.score:
        return _score(predictor, sheet, rows)
    lines = _answers(predictor, rows, args.probabilities)
    there = [name for name in schema.ids if name in {column.name for column in sheet.columns}]
    kept = [sheet.column(name, "column for --keep") for name in (there if args.keep is None else args.keep)]
    header = [*(column.name for column in kept), predictor.target_name]
    if args.probabilities:
        header += [f"P({name})" for name in predictor.classes]
    _write(args, [header, *([*cells, *line] for *cells, line in zip(*(column.cells for column in kept), lines))])
    return 0


def _schema_of_numbers(predictor: Predictor) -> TableSchema:
    """The schema of a model that was trained on numbers alone, and knows of no table."""
    from micrograd_plus.data import TableSchema
    from micrograd_plus.data.schema import Field

    return TableSchema(tuple(map(Field, predictor.feature_names)))


def _read(args: argparse.Namespace, schema: TableSchema, target: str) -> Sheet:
    """The file, read as that of the training; of one without names, the columns are told by how many there are."""
    from micrograd_plus.data.csv import read_sheet

    reading = {**dict(schema.reading), **csv_options(args)}
    trained = reading.pop("columns", None)
    sheet = read_sheet(args.data, **reading)
    if trained is None or reading.get("header") is not False:
        return sheet
    used = [each.name for each in schema.fields]
    without_target = [name for name in trained if name != target]
    for known in (trained, without_target, used):
        if len(known) == len(sheet.columns):
            return replace(sheet, columns=[replace(each, name=name) for each, name in zip(sheet.columns, known)])
    expected = f"{len(trained)} columns as in training, or {len(without_target)} without the target"
    raise ValueError(f"{sheet.where} has {len(sheet.columns)} columns without names; the model needs {expected}")


def _notes(schema: TableSchema, columns: list[Column], rows: list[Any]) -> list[str]:
    """What the model does not know of these rows, and what is made of it."""
    notes = []
    for field, column in zip(schema.fields, columns):
        strangers = Counter(field.strangers(column))
        if strangers:
            words = listed(map(repr, strangers))
            where = f"{counted(sum(strangers.values()), 'row')} of column {field.name!r}"
            notes.append(f"{where} hold what training has not seen ({words}); it counts as none of the known words")
    if lost := rows.count(None):
        notes.append(f"{counted(lost, 'row')} with an empty cell: no answer, as training left such rows out")
    elif empty := sum(len(column.empty) for column in columns):
        notes.append(f"{counted(empty, 'empty cell')}: for a number stands the mean of the training rows")
    return notes


def _answers(predictor: Predictor, rows: list[list[float] | None], probabilities: bool) -> list[list[Any]]:
    """The cells of each line, empty for a row without an answer."""
    known = [row for row in rows if row is not None]
    found: list[list[Any]] = [[answer] for answer in predictor.predict(known)]
    if probabilities:
        found = [[*line, *chances] for line, chances in zip(found, predictor.probabilities(known))]
    lines = iter(found)
    nothing = [""] * (1 + len(predictor.classes) * probabilities)
    return [nothing if row is None else next(lines) for row in rows]


def _write(args: argparse.Namespace, lines: list[list[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    if args.output is not None:
        write_atomically(args.output, encoded(text.getvalue()))
        print(f"{counted(len(lines) - 1, 'row')} written to {args.output}", file=sys.stderr)
        return
    encoding = sys.stdout.encoding or "utf-8"
    if text.getvalue().encode(encoding, "ignore") != text.getvalue().encode(encoding, "replace"):
        cure = "what it has no letters for is written in others; --output FILE.csv is UTF-8"
        print(f"note: standard output is {encoding}; {cure}", file=sys.stderr)
    sys.stdout.write(text.getvalue())


def _score(predictor: Predictor, sheet: Sheet, rows: list[list[float] | None]) -> int:
    from rich.console import Console

    from micrograd_plus.data import Dataset

    goal = replace(sheet.column(predictor.target_name, "target column", True), known=predictor.classes)
    gaps = {*goal.empty, *(row for row, cells in enumerate(rows) if cells is None)}
    kept = [row for row in range(len(rows)) if row not in gaps]
    if not kept:
        raise ValueError(f"{sheet.where} has no row with target and features; add some to score the model by")
    if gaps:
        print(f"note: {counted(len(gaps), 'row')} without target or answer left out", file=sys.stderr)
    targets, _ = goal.take(kept).targets(None if predictor.classes else "regression", predictor.classes)
    data = Dataset([rows[row] or [] for row in kept], targets, classes=predictor.classes)
    for figure, value in score(predictor, data).items():
        print(f"{figure}: {value:.4g}")
    if predictor.classes:
        Console(highlight=False).print(confusion(predictor, data))
    return 0
