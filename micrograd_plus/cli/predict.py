"""`micrograd-plus predict`: a saved model's answers for the rows of a CSV file."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from typing import Any

from micrograd_plus.checks import counted
from micrograd_plus.cli.train import add_csv_options, confusion, csv_options, score
from micrograd_plus.files import encoded, write_atomically

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "predict",
        help="use a trained model on a CSV file",
        description="Write a line for each row of a CSV file: what the model says. Columns are found by their names.",
    )
    parser.add_argument("model", metavar="MODEL.json", help="the file that train wrote")
    parser.add_argument("data", metavar="DATA.csv", help="the rows; other columns than the model's are not looked at")
    add_csv_options(parser)
    parser.add_argument("--probabilities", action="store_true", help="add a column with the probability of each class")
    figures = "print how good the answers are instead; needs the target column"
    parser.add_argument("--score", action="store_true", help=figures)
    parser.add_argument("-o", "--output", metavar="FILE.csv", help="write there, and not to standard output")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has predicted and written."""
    from micrograd_plus.data import read_inputs
    from micrograd_plus.train import Predictor

    predictor = Predictor.load(args.model)
    if args.score:
        return _score(args, predictor)
    rows = read_inputs(args.data, list(predictor.feature_names), **csv_options(args))
    lines: list[list[Any]] = [[answer] for answer in predictor.predict(rows)]
    header = [predictor.target_name]
    if args.probabilities:
        header += [f"P({name})" for name in predictor.classes]
        lines = [[*line, *chances] for line, chances in zip(lines, predictor.probabilities(rows))]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    if args.output is None:
        sys.stdout.write(text.getvalue())
    else:
        write_atomically(args.output, encoded(text.getvalue()))
        print(f"{counted(len(lines), 'row')} written to {args.output}", file=sys.stderr)
    return 0


def _score(args: argparse.Namespace, predictor: Any) -> int:
    from rich.console import Console

    from micrograd_plus.data import read_csv

    task = {"classes": predictor.classes} if predictor.classes else {"task": "regression"}
    names = list(predictor.feature_names)
    data = read_csv(args.data, predictor.target_name, features=names, **task, **csv_options(args))
    for figure, value in score(predictor, data).items():
        print(f"{figure}: {value:.4g}")
    if predictor.classes:
        Console(highlight=False).print(confusion(predictor, data))
    return 0
