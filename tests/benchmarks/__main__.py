"""Runs the benchmarks and prints what they find, as ratios that hold on any machine.

    python -m tests.benchmarks                    all of them
    python -m tests.benchmarks engine             the engine, against micrograd and PyTorch's scalars
    python -m tests.benchmarks compiler           compiled programs, against NumPy by hand, PyTorch, micrograd
    python -m tests.benchmarks native             programs in C, against C by hand, NumPy, PyTorch
    python -m tests.benchmarks --markdown FILE    also writes the README's table; --json FILE all figures

It ends with an error if a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.report import Result, as_json, as_markdown, as_text
from tests.benchmarks.timing import use_one_thread

PARTS = ("engine", "compiler", "native")


def main() -> int:
    """Runs what the command line asks for; returns 1 if a bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Times micrograd_plus beside others."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="engine, compiler or native; all if none is named")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each case is timed (default 5)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where to write the table of training steps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    use_one_thread()
    results: list[Result] = []
    for part in options.parts or PARTS:
        for case in import_module(f"tests.benchmarks.bench_{part}").cases():
            results.append(case(options.seconds))
            print(as_text(results[-1]), flush=True)
    if options.markdown:
        options.markdown.write_text(as_markdown([each for each in results if each.bars]) + "\n")
    if options.json:
        options.json.write_text(as_json(results) + "\n")
    missed = [f"{result.case}, {way}" for result in results for way in result.missed()]
    print("\nall bars met" if not missed else f"\nmissed: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
