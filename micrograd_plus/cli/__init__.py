"""The command line: `micrograd-plus graph | train | predict`.

Each sub-command is a module of this package with two functions: `add_parser(subparsers)` declares its arguments, and
`run(args)` does the work and returns the exit code. What goes wrong for a reason the user can mend is one line on
standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_plus import __version__
from micrograd_plus.checks import spelled

__all__ = ["main"]

COMMANDS = ("graph", "train", "predict")
"""The modules of the sub-commands, in the order in which the help lists them."""

MENDABLE = (ArithmeticError, LookupError, ModuleNotFoundError, OSError, RuntimeError, TypeError, ValueError)
"""What the package raises for wrong input, each with a message that names the cure."""

OTHER_NAMES = {"widths": "hidden", "p": "dropout"}
"""Options by the names that the package's own functions have for them, where they differ."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code of `micrograd-plus` with these arguments (by default the process's own).

    0 is success, 1 a closed pipe, 2 a mistake in the input (told in one line), 130 an interrupt from the keyboard.

    >>> main(["dance"])
    2
    """
    try:
        args = _parser().parse_args(argv)
    except SystemExit as exit:  # argparse's way to end after its help, or a wrong argument
        return exit.code if isinstance(exit.code, int) else 2
    try:
        with spelled(_as_options(args)):
            code: int = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MENDABLE as error:
        print(f"micrograd-plus {args.command}: {_one_line(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="micrograd-plus", description="Differentiate, draw, train and use scalar networks."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name in COMMANDS:
        command = importlib.import_module(f"{__name__}.{name}")
        command.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=command.run)
    return parser


def _as_options(args: argparse.Namespace) -> Callable[..., str]:
    """How messages write what are options of this command: `--seed`, `--no-header`, `--task regression`."""

    def written(name: str, *value: Any) -> str:
        name = OTHER_NAMES.get(name, name)
        if name not in args:
            return ""
        option = f"--{'no-' if value == (False,) else ''}{name.replace('_', '-')}"
        words = ["..." if each is ... else str(each) for each in value if not isinstance(each, bool)]
        return " ".join([option, *(word if re.fullmatch(r"[\w.+-]+", word) else repr(word) for word in words)])

    return written


def _one_line(error: BaseException) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__
