"""Builds the reference: a web page for each part of the package, made from the docstrings, beside the book.

    python demos/build_reference.py             into demos/output/book/reference/
    python demos/build_reference.py -o folder   into another folder

pdoc lays the docstrings out. It needs the extra `book`: pip install "micrograd_plus[book]".
"""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pdoc

HERE = Path(__file__).parent
PARTS = (
    "", ".nn", ".nn.init", ".nn.schedules", ".train", ".data", ".compiler", ".explain", ".viz", ".viz.plots",
    ".viz.palette",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the reference where the command line asks for it, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the reference from the docstrings.")
    usual = HERE / "output" / "book" / "reference"
    parser.add_argument("-o", "--output", type=Path, default=usual, help="the folder to write (default: %(default)s)")
    options = parser.parse_args(argv)
    print(f"{len(build(options.output))} parts: open {options.output / 'micrograd_plus.html'}")
    return 0


def build(output: Path) -> list[str]:
    """Writes the pages into a folder, and returns the names of the modules that have one."""
    names = [f"micrograd_plus{part}" for part in PARTS]
    for name in names:
        _load(name)
    output.mkdir(parents=True, exist_ok=True)
    pdoc.render.configure(docformat="markdown", show_source=False, template_directory=HERE / "book" / "reference")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name for types that is not imported stays as it is written
        pdoc.pdoc(*names, *(f"!{each}" for each in _inner(names)), output_directory=output)
    for page in output.rglob("*.html"):
        page.write_text(_for_everybody(page.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copyfile(output / "micrograd_plus.html", output / "index.html")
    return names


def _for_everybody(page: str) -> str:
    """A page whose links have names, and whose code can be scrolled by keys."""
    page = re.sub(
        r'<a class="headerlink" href="#([^"]+)">', r'<a class="headerlink" href="#\1" aria-label="Link to \1">', page
    )
    return page.replace("<pre>", '<pre tabindex="0">')


def _load(name: str) -> None:
    """Puts the names that a module loads on first use into it, where pdoc looks for them."""
    module = importlib.import_module(name)
    for each in module.__all__:
        vars(module).setdefault(each, getattr(module, each))


def _inner(names: Sequence[str]) -> list[str]:
    """The modules behind the public ones: what they hold is found under the public names."""
    loaded = [name for name in sys.modules if name.startswith("micrograd_plus.")]
    return [name for name in loaded if name not in names]


if __name__ == "__main__":
    sys.exit(main())
