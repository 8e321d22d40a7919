"""Builds the lessons into a book: a folder of web pages that need no network, with every output in its place.

    python demos/build_book.py                  all lessons, into demos/output/book/
    python demos/build_book.py 03 04 -o book    some of them, into the folder book

jupytext reads a lesson as a notebook, nbclient runs it, nbconvert lays it out with the templates in `demos/book`. It
needs the extra `book`: pip install "micrograd_plus[book]".
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import html
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import build_reference
import jupytext
from _layout import Code, coloured, formula, ledger, minutes, prose, with_contents, with_links_to_cells
from jinja2 import Environment, FileSystemLoader
from nbclient import NotebookClient
from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode

from micrograd_plus.viz import palette, playground
from micrograd_plus.viz.picture import NARROW, widths
from micrograd_plus.viz.svg import parsed

__all__ = ["LessonError", "Page", "build", "formula", "lessons", "main", "prose"]

HERE = Path(__file__).parent
TITLE = "Training a neural network, number by number"
LINKS = {
    "index.html": "Lessons",
    "glossary.html": "Glossary",
    "playground.html": "Playground",
    "reference/index.html": "Reference",
}
"""The pages that every page leads to, and their names."""
SECONDS = 300  # that a cell may take before the build gives up
WIDE = 928  # pixels: as wide as the page; a wider picture can be opened alone as well
MARGINS = 32  # pixels: on both sides of the page together


@dataclass
class Page:
    """A lesson on its way into the book: its notebook, and the pages before and after it."""

    path: Path
    notebook: NotebookNode
    before: Page | None = None
    after: Page | None = None
    pictures: int = 0
    players: int = 0

    @property
    def file(self) -> str:
        """The page's file in the book."""
        return f"{self.path.stem}.html"

    @property
    def opening(self) -> list[str]:
        """The paragraphs of the first cell: the title, then what the learner will see."""
        return [part for part in self.notebook.cells[0].source.split("\n\n") if part.strip()]

    @property
    def facts(self) -> str:
        """How long it takes a learner and what there is to see, once it has been laid out and that was counted."""
        taken = minutes([(cell.cell_type, cell.source) for cell in self.notebook.cells], self.pictures + self.players)
        kinds = (("picture", self.pictures), ("player", self.players))
        seen = [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds if number]
        return " · ".join([f"about {taken} minutes", *seen])

    @property
    def has_moments(self) -> bool:
        """Whether its formulas are about Adam, whose moments are called m and v."""
        return any(r"\hat v" in cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")

    @property
    def title(self) -> str:
        """The lesson's title, as in its first line."""
        return self.opening[0].splitlines()[0].lstrip("# ")

    @property
    def summary(self) -> str:
        """The first paragraph under the title, in Markdown."""
        return next((part for part in self.opening[1:] if not part.startswith("#")), "")

    @property
    def description(self) -> str:
        """The summary as plain text."""
        return re.sub(r"\s+", " ", re.sub(r"[$*`\\]", "", self.summary)).strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the book that the command line asks for, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the lessons into a book of self-contained web pages.")
    parser.add_argument("lessons", nargs="*", help="numbers of lessons, such as 03; all if none is given")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "output" / "book", help="the folder to write")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="lessons to run at the same time (default: 2)")
    options = parser.parse_args(argv)
    try:
        pages = build(lessons(HERE, options.lessons), options.output, jobs=options.jobs)
    except (LessonError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(pages)} lessons: open {options.output / 'index.html'}")
    return 0


def lessons(folder: Path, numbers: Sequence[str] = ()) -> list[Path]:
    """The lessons in a folder, in order, or those with these numbers. Raises ValueError for a number without one."""
    found = sorted(folder.glob("[0-9][0-9]_*.py"))
    unknown = [number for number in numbers if not any(path.name.startswith(number) for path in found)]
    if unknown or not found:
        raise ValueError(
            f"no lesson {', '.join(unknown)} in {folder}; there is {', '.join(path.stem for path in found)}"
        )
    if numbers:
        return [path for path in found if path.name.startswith(tuple(numbers))]
    lacking = {path: needs for path in found if (needs := _not_installed(path))}
    for path, needs in lacking.items():
        cure = 'pip install "micrograd_plus[graduation]"'
        print(f"{path.name} is left out, as it needs {', '.join(needs)}: {cure}")
    return [path for path in found if path not in lacking]


def _not_installed(lesson: Path) -> list[str]:
    """The packages that a lesson imports and that are not there."""
    imports = [node for node in ast.parse(lesson.read_text(encoding="utf-8")).body if isinstance(node, ast.Import)]
    names = [alias.name for node in imports for alias in node.names]
    return [name for name in names if find_spec(name.partition(".")[0]) is None]


def build(paths: Sequence[Path], output: Path, *, jobs: int = 2) -> list[Page]:
    """Runs the lessons and writes their pages, players, the playground and the table of contents; returns the pages.

    Raises LessonError where one fails, once all have been tried; ValueError where a text can't be a page.
    """
    pages = [Page(path, jupytext.read(path)) for path in paths]
    for before, after in pairwise(pages):
        before.after, after.before = after, before
    asyncio.run(_run_all(pages, jobs))
    output.mkdir(parents=True, exist_ok=True)
    script = (HERE / "book" / "book.js").read_text(encoding="utf-8")
    common = {"book_title": TITLE, "links": LINKS, "css": _css(), "script": script}
    exporter = _exporter()
    for page in pages:
        for number, cell in enumerate((each for each in page.notebook.cells if each.cell_type == "code"), 1):
            cell.metadata["number"] = number
        resources = {**common, "page": page, "players": output / page.path.stem, "numbers": count(1)}
        text, _ = exporter.from_notebook_node(page.notebook, resources=resources)
        page.pictures, page.players = text.count('<div class="picture'), text.count("<iframe")
        text = with_links_to_cells(with_contents(text), page.path.read_text(encoding="utf-8"))
        text = text.replace("<!--facts-->", page.facts)  # known now that its pictures are counted
        (output / page.file).write_text(_linked(text, pages), encoding="utf-8")
    templates = Environment(loader=FileSystemLoader(HERE / "book"))
    templates.filters["prose"] = prose
    glossary = (HERE / "GLOSSARY.md").read_text(encoding="utf-8")
    for name in ("contents", "glossary"):
        text = templates.get_template(f"{name}.html.j2").render(pages=pages, glossary=glossary, **common)
        file = "index.html" if name == "contents" else f"{name}.html"
        (output / file).write_text(_linked(text, pages), encoding="utf-8")
    playground().save(output / "playground.html")
    build_reference.build(output / "reference")
    return pages


# -------------------------------------------------------------------- running


class LessonError(Exception):
    """A lesson did not run to its end."""


async def _run_all(pages: Sequence[Page], jobs: int) -> None:
    places = asyncio.Semaphore(jobs)
    ends = await asyncio.gather(*(_run(page, places) for page in pages), return_exceptions=True)
    failed = [f"{page.path.name} failed: {error}" for page, error in zip(pages, ends) if error is not None]
    if failed:
        raise LessonError("\n\n".join(failed))


async def _run(page: Page, places: asyncio.Semaphore) -> None:
    """Runs a lesson as a notebook opened in its own folder, and keeps what it shows."""
    async with places:
        print(f"running {page.path.name}", flush=True)
        client = NotebookClient(
            page.notebook, kernel_name="python3", timeout=SECONDS, extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(page.path.parent)}},
        )  # fmt: skip
        strict = {"LESSONS_STRICT": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        await client.async_execute(env={**os.environ, **strict})


# -------------------------------------------------------------------- laying out


def _exporter() -> TemplateExporter:
    return TemplateExporter(
        template_name="book", extra_template_basedirs=[str(HERE)], file_extension=".html",
        filters={"prose": prose, "parted": parted, "coloured": coloured, "figure": figure, "ledger": ledger},
    )  # fmt: skip


def parted(cell: NotebookNode) -> Code:
    """A code cell's source, in what is read first and what is folded."""
    return Code(cell.source, cell.metadata.get("tags", []))


def figure(output: NotebookNode, resources: dict[str, Any]) -> str:
    """What a lesson showed as a file: a picture drawn in place, or a page in a frame with a link to it alone."""
    page: Page = resources["page"]
    shown = output.metadata.lesson
    path = page.path.parent / "output" / page.path.stem / shown.file
    alt = html.escape(shown.alt)
    alone = f'{alt} <a href="{page.path.stem}/{shown.file}">Open it on a page of its own</a>'
    if path.suffix == ".svg":
        return _picture(path, f"p{next(resources['numbers'])}-", resources["players"] / shown.file, alt)
    _keep(path, resources["players"] / shown.file)
    if path.suffix != ".html":
        picture = f'<img src="{page.path.stem}/{shown.file}" alt="{alt}">'
        return f'<figure><div class="picture">{picture}</div><figcaption>{alt}</figcaption></figure>'
    frame = f'<iframe loading="lazy" title="{alt}" srcdoc="{html.escape(path.read_text(encoding="utf-8"))}"></iframe>'
    return f'<figure class="player">{frame}<figcaption>{alone}</figcaption></figure>'


def _picture(path: Path, prefix: str, copy: Path, alt: str) -> str:
    """An SVG in its place: it shrinks with the page while its letters are legible; what is wide then can be opened."""
    text = path.read_text(encoding="utf-8")
    least, width = widths(parsed(text))
    opener = ""
    if least > NARROW - MARGINS or width > WIDE:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text.replace(' style="max-width:100%;height:auto"', "", 1), encoding="utf-8")
        always = " always" if width > WIDE else ""
        opener = f'<a class="opener{always}" href="{copy.parent.name}/{copy.name}">wide: open it</a>'
    picture = f'<div class="picture scroll" style="--least: {least:.0f}px">{_inlined(text, prefix)}</div>'
    return f"<figure>{opener}{picture}<figcaption>{alt}</figcaption></figure>"


def _keep(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)


def _inlined(svg: str, prefix: str) -> str:
    """An SVG file as part of a page: its ids become its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", svg)
    svg = re.sub(
        r'\b(aria-(?:labelledby|describedby))="([^"]*)"',
        lambda found: f'{found[1]}="{" ".join(prefix + each for each in found[2].split())}"',
        svg,
    )
    return svg


def _linked(text: str, pages: Sequence[Page]) -> str:
    """Links from lesson to lesson lead from page to page; those to a lesson that is not in this book become words."""
    files = {page.path.name: page.file for page in pages}
    text = text.replace('href="GLOSSARY.md"', 'href="glossary.html"')
    known = re.sub(r'href="(\d\d_\w+\.py)"', lambda link: f'href="{files.get(link[1], link[1])}"', text)
    return re.sub(r'<a href="\d\d_\w+\.py">(.*?)</a>', r"\1", known, flags=re.S)


def _css() -> str:
    moments = ("first-moment", "second-moment")  # where the page is about them: m and v have other meanings elsewhere
    scope = {name: ":is(.moments, .html) " if name in moments else "" for name in palette.QUANTITIES}
    colours = "".join(f"{scope[name]}.quantity-{name} {{ color: var(--mp-quantity-{name}); }}\n" for name in scope)
    return palette.css_variables() + colours + (HERE / "book" / "book.css").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
