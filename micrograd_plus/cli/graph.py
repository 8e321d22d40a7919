"""`micrograd-plus graph EXPRESSION name=value ...`: the gradients of an expression, and its picture."""

from __future__ import annotations

import argparse
import math
import unicodedata
from collections.abc import Sequence
from textwrap import fill, indent
from typing import Any

from micrograd_plus.cli.expression import evaluate, functions
from micrograd_plus.cli.output import check_outputs
from micrograd_plus.operation import PARAMETER
from micrograd_plus.value import Value, leaf, topological_order

__all__ = ["add_parser", "run"]

EXAMPLES = """examples:
  micrograd-plus graph "tanh(w*x + b)" w=0.5 x=2 b=-1 -o neuron.svg
  micrograd-plus graph -o negative.svg -- "-x" x=2                 (a minus at the start comes after --)

operations:
"""


def add_parser(subparsers: Any) -> None:
    """Declares the sub-command and its arguments."""
    operations = ", ".join(map(str, dict.fromkeys(functions().values())))
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "graph",
        help="differentiate an expression and draw its graph",
        description="Prints the value of an expression and its gradient by each name, and draws the graph.",
        epilog=EXAMPLES + indent(fill(operations, 78), "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    language = "numbers, names, + - * / ** and the table's operations, such as tanh(x) or dot([a, b], [c, d])"
    parser.add_argument("expression", help=language)
    parser.add_argument("values", nargs="*", default=[], metavar="name=value", help="the number of each name")
    parser.add_argument("-o", "--output", metavar="FILE", help="the picture: .svg, .png, .dot, .txt (default: a tree)")
    parser.add_argument("--parameters", default="", metavar="NAMES", help="names to draw as parameters, as in w,b")
    parser.add_argument("--derivatives", action="store_true", help="print the local derivative on each arrow")
    parser.add_argument("--direction", choices=("LR", "TB"), default="LR", help="left to right, or top to bottom")
    parser.add_argument("--theme", choices=("auto", "light", "dark"), default="auto", help="colours of the picture")
    parser.add_argument("--title", default="", help="a title below the picture")
    parser.add_argument("--force", action="store_true", help="write over the picture if it is there")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has printed the gradients, and written or printed the picture."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    check_outputs([args.output] if args.output else [], [], args.force)
    values = _values(args.values, args.parameters)
    output = evaluate(args.expression, values)
    if unused := {*values.values()} - {*topological_order(output)}:  # most likely a misspelt name
        name = next(name for name, value in values.items() if value in unused)
        raise ValueError(f"{name} has a value but does not occur in {args.expression!r}; leave it out, or use it")
    output.backward()
    graph = output.graph(direction=args.direction, theme=args.theme, title=args.title, derivatives=args.derivatives)
    title = Text(f"{args.expression} = {output.data:.6g}")
    numbers = [Column(name, justify="right") for name in ("value", "gradient")]
    table = Table("name", *numbers, title=title, title_justify="left", title_style="bold")
    for name, value in values.items():
        table.add_row(Text(name), f"{value.data:.6g}", f"{value.grad:+.6g}" if value.grad else "0")
    Console(highlight=False, soft_wrap=True).print(table)
    print(f"wrote {graph.save(args.output)}" if args.output else graph.text())
    return 0


def _values(given: Sequence[str], parameters: str) -> dict[str, Value]:
    """The leaves by name, from `name=value` texts."""
    learned = {_normal(name) for name in parameters.split(",") if name.strip()}
    found: dict[str, Value] = {}
    for text in given:
        name, equals, number = map(_normal, text.partition("="))
        if not equals or not name.isidentifier():
            raise ValueError(f"{text!r} is not name=value, as in x=2")
        if name in found:
            raise ValueError(f"{name} is given twice; give it one value")
        try:
            data = float(number)
        except ValueError:
            raise ValueError(f"{name} must be a number, as in {name}=0.5, but it is {number!r}") from None
        if not math.isfinite(data):
            raise ValueError(f"{name} must be a finite number, but it is {number}; give a plain one")
        found[name] = leaf(data, PARAMETER, name) if name in learned else Value(data, name)
    if unknown := learned - {*found}:
        raise ValueError(f"--parameters names {', '.join(sorted(unknown))}, which has no value; add name=value")
    return found


def _normal(text: str) -> str:
    """Without spaces around, and with letters in the one form that Python's parser makes of names: µ, say, has two."""
    return unicodedata.normalize("NFKC", text.strip())
