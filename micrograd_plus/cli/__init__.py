"""The command line: `micrograd-plus graph | train | predict | export | playground`.

Each sub-command is a module of this package with two functions: `add_parser(subparsers)` declares its arguments, and
`run(args)` does the work and returns the exit code. What goes wrong for a reason the user can mend is one line on
standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from micrograd_plus import __version__
from micrograd_plus.checks import flat, guess, spelled
from micrograd_plus.cli.output import Patient, patient_streams

__all__ = ["main"]

COMMANDS = ("graph", "train", "predict", "export", "playground")
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
    closed = sys.stdout is None
    with patient_streams() as out:
        try:
            args = _parsed([*(sys.argv[1:] if argv is None else argv)])
        except SystemExit as exit:  # argparse's way to end after its help, or a wrong argument
            return exit.code if isinstance(exit.code, int) else 2
        try:
            with spelled(_as_options(args)):
                if closed and not (args.files or getattr(args, "output", None)):
                    raise OSError("standard output is closed, so the answer has nowhere to go; give --output FILE")
                code: int = args.run(args)
            out.flush()
            return code or _of_lost(out, args)
        except KeyboardInterrupt as interrupt:
            print(_one_line(interrupt) if interrupt.args else "interrupted", file=sys.stderr)
            return 130
        except MENDABLE as error:
            print(f"micrograd-plus {args.command}: {_one_line(error)}", file=sys.stderr)
            return 2


def _of_lost(out: Patient, args: argparse.Namespace) -> int:
    """The exit code of a run that went well, after a word where its output did not arrive."""
    if out.lost is None:
        return 0
    wrote = args.files or getattr(args, "output", None)
    if not isinstance(out.lost, BrokenPipeError):  # a reader such as `head` has seen what it wanted
        lost = "the files are written all the same" if wrote else "the answer is lost: give --output FILE"
        print(f"micrograd-plus {args.command}: standard output: {out.lost.strerror}; {lost}", file=sys.stderr)
        return 0 if wrote else 2
    return 0 if wrote else 1


def _parsed(argv: list[str]) -> argparse.Namespace:
    """The arguments; options may stand anywhere, unless a `--` ends them."""
    parser, commands = _parsers()
    name = argv[0] if argv else ""
    if name not in commands or "--" in argv:
        args = parser.parse_args(argv)
    else:
        args = commands[name].parse_intermixed_args(argv[1:], argparse.Namespace(command=name))
    args.typed = argv
    return args


class _Parser(argparse.ArgumentParser):
    """An argument parser that tells a mistake in one line, with a cure."""

    def error(self, message: str) -> NoReturn:
        known: Iterable[str] = self._option_string_actions
        if choice := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            known = choice[2].replace("'", "").split(", ")  # with quotes or without: versions of Python differ
            message = message.replace(choice[2], ", ".join(known))
        unknown = choice or re.search(r"unrecognized arguments: (--\w[\w-]*)", message)
        close = guess(unknown[1], known) if unknown else ""
        cure = f"did you mean {close}? See" if close else "see"
        self.exit(2, f"{self.prog}: {message}; {cure} {self.prog} --help\n")


class _Completion(argparse.Action):
    """Prints the completion script of a shell, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, shell: Any, option: str | None = None) -> NoReturn:
        try:
            import shtab
        except ModuleNotFoundError:
            parser.error('completion needs shtab: pip install "micrograd_plus[completion]"')
        if shell not in shtab.SUPPORTED_SHELLS:
            parser.error(f"there is no completion for {shell!r}, only for {', '.join(shtab.SUPPORTED_SHELLS)}")
        print(shtab.complete(parser, shell))
        parser.exit()


def _parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser of the whole, and that of each command."""
    parser = _Parser(prog="micrograd-plus", description="Differentiate, draw, train and use scalar networks.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    shells = "print what makes a shell complete the commands: bash, zsh, tcsh or fish"
    parser.add_argument("--completion", action=_Completion, metavar="SHELL", help=shells)
    subparsers = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name in COMMANDS:
        command = importlib.import_module(f"{__name__}.{name}")
        command.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=command.run, files=getattr(command, "WRITES_FILES", False))
    return parser, subparsers.choices


def _as_options(args: argparse.Namespace) -> Callable[..., str]:
    """How messages write what are options of this command: `--seed`, `--no-header`, `--task regression`."""

    def written(name: str, *value: Any) -> str:
        name = OTHER_NAMES.get(name, name)
        if name not in args:
            return ""
        option = f"--{'no-' if value == (False,) else ''}{name.replace('_', '-')}"
        words = ["..." if each is ... else str(each) for each in flat(value) if not isinstance(each, bool)]
        return " ".join([option, *(word if re.fullmatch(r"[\w.+-]+", word) else repr(word) for word in words)])

    return written


def _one_line(error: BaseException) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__
