"""What every lesson does with a picture, a table or a claim, as a script and as a notebook.

    lesson = Lesson("03_gradient_descent")
    lesson.show(chart, "paths.svg", alt="Three paths over the same contours: ...")
    lesson.check(12, steps_batch < steps_stochastic, f"{steps_batch} updates against {steps_stochastic}")

Run as a script, pictures and pages go to `demos/output/<lesson>/`, and tables and claims are printed. In a notebook,
and so in the book, everything stands in its place.

Who changes a number may make a claim false: the lesson says so where it stands, and goes on. With the environment
variable `LESSONS_STRICT` set, as when the book is built, a claim that does not hold ends the lesson instead.
"""

from __future__ import annotations

import html
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus.report import Table

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.viz import Chart

__all__ = ["Lesson"]

OUTPUT = Path(__file__).parent / "output"
NOT_HELD = "Does not hold with your numbers:"


class Lesson:
    """One lesson: where its files go, how it shows things, and the statements of the curriculum that it has checked.

    `folder` is where the files go: `demos/output/<name>` if none is given. It is made when the first file is.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name = Path(name).stem
        self.folder = folder or OUTPUT / self.name
        self.checked: set[int] = set()
        self._shell = _notebook_shell()
        if self._shell is None and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")  # a Windows console would stumble over a Greek letter

    def show(self, thing: Any, name: str = "", alt: str = "") -> None:
        """Shows a picture, a page or a table.

        What can `save` itself (a graph, a chart, a network, a player) needs a `name`, its file's; the suffix says the
        format, and is `.svg` for a picture and `.html` for a page if it is left out. It needs `alt`, the words that
        stand for it where it can't be seen, and under it where it can. What can't save itself is printed, or drawn as
        HTML in a notebook. Raises ValueError without words.
        """
        thing = _Shown(thing) if isinstance(thing, Table) else thing
        path = self._save(thing, name, alt) if hasattr(thing, "save") and name else None
        if self._shell is not None:
            self._display(thing, path, alt)
        elif path is None:
            print(thing)
        else:
            print(f"  -> {_relative(path)}" + (f"  ({alt})" if alt else ""))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> None:
        """Shows a table: floats to four digits, columns of numbers, or of what looks like one, set to the right.

        Raises ValueError for a column without a header, which a reader who hears the table could not tell.
        """
        if not all(headers):
            raise ValueError(f"each column needs a header, but got {list(headers)}")
        cells = [list(row) for row in rows]
        columns = zip(*cells)
        numeric = tuple(i for i, column in enumerate(columns) if any(map(str, column)) and all(map(_is_number, column)))
        texts = tuple(tuple(_written(cell) for cell in row) for row in cells)
        self.show(Table(tuple(headers), texts, numeric, caption))

    def say(self, markdown: str) -> None:
        """Says something with this run's own numbers in it: a paragraph of the text, not of the output."""
        self._tell(_Prose(markdown))

    def check(self, statement: int, condition: Any, text: str) -> None:
        """Holds a numbered statement of the curriculum against this run's own numbers, and tells them in `text`.

        If the condition is false, that is said instead; in a strict run AssertionError is raised, as then the lesson
        claims what it does not show.
        """
        if condition:
            self.checked.add(statement)
        elif _is_strict():
            raise AssertionError(f"statement {statement} does not hold in this run: {text}")
        self._tell(_Claim(text, bool(condition), statement))

    def expect(self, condition: Any, text: str) -> None:
        """Holds what the text around it says against this run's numbers: silent if it holds, else as `check`."""
        if condition:
            return
        if _is_strict():
            raise AssertionError(f"this does not hold in this run: {text}")
        self._tell(_Claim(text, held=False))

    @staticmethod
    def points_and_lines(data: Dataset, lines: Mapping[str, tuple[float, float]], title: str = "") -> Chart:
        """A chart of data with one feature: its points, and lines over them, each by its slope and height at 0."""
        from micrograd_plus.viz import palette, plots  # Matplotlib takes its time, and few lessons draw this

        xs = [x for [x] in data.inputs]
        ends = min(xs), max(xs)
        drawn = {name: (ends, [slope * x + height for x in ends]) for name, (slope, height) in lines.items()}
        chart = plots.curves(drawn, xlabel=data.feature_names[0], ylabel=data.target_name, title=title)
        chart.axes[0].scatter(xs, data.targets, s=18, color=palette.muted["light"], label="data", zorder=3)
        chart.axes[0].legend(frameon=False, labelcolor=palette.text["light"])
        return chart

    def _tell(self, words: Any) -> None:
        if self._shell is None:
            print(words)
        else:
            self._display(words, None, "")

    def _save(self, thing: Any, name: str, alt: str) -> Path:
        path = self.folder / name
        if not path.suffix:
            path = path.with_name(name + (".svg" if hasattr(thing, "svg") else ".html"))
        if not alt:
            raise ValueError(f"{path.name} needs alt=..., the words for those who can't see it")
        self.folder.mkdir(parents=True, exist_ok=True)
        thing.save(path)
        return path

    def _display(self, thing: Any, path: Path | None, alt: str) -> None:
        """Displays a thing in the notebook; the metadata tell the book which file holds it, and its words."""
        from IPython.display import display

        data, metadata = self._shell.display_formatter.format(thing)
        if path is not None:
            metadata = {**metadata, "lesson": {"file": path.relative_to(self.folder).as_posix(), "alt": alt}}
        display(data, metadata=metadata, raw=True)


class _Shown:
    """A table that displays itself in a notebook."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __repr__(self) -> str:
        return f"{self.table}\n"

    def _repr_html_(self) -> str:
        return self.table.html()


class _Claim:
    """A claim that was held against the numbers: a line of text, or of HTML in a notebook."""

    def __init__(self, text: str, held: bool, statement: int = 0) -> None:
        self.text, self.held, self.statement = text, held, statement

    def __repr__(self) -> str:
        number = f"[{self.statement}] " if self.statement else ""
        return f"  ✓ {number}{self.text}" if self.held else f"  ✗ {number}{NOT_HELD} {self.text}"

    def _repr_html_(self) -> str:
        number = f"<b>Statement {self.statement}.</b> " if self.statement else ""
        look, mark, verdict = ("", "✓", "") if self.held else (" failed", "✗", f"<b>{NOT_HELD}</b> ")
        tick = f'<span class="tick" aria-hidden="true">{mark}</span>'
        return f'<p class="claim{look}">{tick} {number}{verdict}{html.escape(self.text)}</p>'


class _Prose:
    """A paragraph of the text: set to the width of a terminal, or as Markdown in a notebook."""

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown

    def __repr__(self) -> str:
        return textwrap.fill(self.markdown, 110) + "\n"

    def _repr_markdown_(self) -> str:
        return self.markdown


def _is_strict() -> bool:
    return bool(os.environ.get("LESSONS_STRICT"))


def _notebook_shell() -> Any:
    """The running notebook's shell, or None in a script or in a terminal's IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None


def _is_number(cell: Any) -> bool:
    """Whether a cell is set to the right: a number, one that is written out, such as "+0.50" or "34%", or nothing."""
    return isinstance(cell, (int, float)) or bool(re.fullmatch(r"[+−-]?[\d.,]*(e[+−-]?\d+)?\s?%?", str(cell)))


def _written(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell + 0.0:.4g}".replace("-", "−")
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
