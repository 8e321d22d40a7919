"""Sentences and tables that read alike in a terminal, in a notebook and as data. It knows nobody.

A report lists its parts once; `str()` sets them for a terminal, `html()` for a notebook or a page. The HTML has no
colours of its own, so that it takes those of the page, a dark one's too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Report", "Table", "numbered", "printable"]


class Report:
    """What can be read in a terminal (`str`) and in a notebook: a title, if it has one, then sentences and tables."""

    def title(self) -> str:
        """Returns the one line that stands above all."""
        return ""

    def parts(self) -> list[str | Table]:
        """Returns the sentences and tables in reading order."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n\n".join(filter(None, [self.title(), *map(str, self.parts())]))

    def html(self) -> str:
        """Returns title, sentences and tables as HTML, every text escaped."""
        parts = [part.html() if isinstance(part, Table) else f"<p>{escape(part)}</p>" for part in self.parts()]
        title = f"<p><strong>{escape(self.title())}</strong></p>" if self.title() else ""
        return f'<div class="mp-report">{title}{"".join(parts)}</div>'

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}


@dataclass(frozen=True, repr=False)
class Table(Report):
    """A table: a header for each column, rows, and which columns hold numbers (set to the right).

    A cell is a text, or a whole number, which is written with a comma between thousands.

    >>> print(Table(("name", "value"), (("w", "0.5"), ("seen", 1234)), numeric=(1,)))
    name  value
    ----  -----
    w       0.5
    seen  1,234
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    numeric: tuple[int, ...] = ()
    caption: str = ""

    def parts(self) -> list[str | Table]:
        """Returns the table itself, its only part."""
        return [self]

    def __str__(self) -> str:
        lines = [tuple(map(_text, row)) for row in (self.headers, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        lines.insert(1, tuple("-" * width for width in widths))
        text = "\n".join(self._line(line, widths) for line in lines)
        return f"{self.caption}\n{text}" if self.caption else text

    __repr__ = __str__

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [cell.rjust if column in self.numeric else cell.ljust for column, cell in enumerate(cells)]
        return "  ".join(align(width) for align, width in zip(aligned, widths)).rstrip()

    def html(self) -> str:
        """Returns the table as HTML, every text escaped."""
        head = self._row('th scope="col"', self.headers)
        body = "".join(self._row("td", row) for row in self.rows)
        caption = (
            f'<caption style="text-align:left;font-weight:bold">{escape(self.caption)}</caption>'
            if self.caption
            else ""
        )
        return (
            f'<div style="overflow-x:auto"><table style="{_TABLE}">{caption}'
            f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
        )

    def _row(self, tag: str, cells: Sequence[str | int]) -> str:
        end = tag.split()[0]
        line = ";border-bottom:1px solid" if end == "th" else ""
        styles = [(_RIGHT if column in self.numeric else _LEFT) + line for column in range(len(cells))]
        inside = (f"<{tag} style={style!r}>{escape(_text(cell))}</{end}>" for style, cell in zip(styles, cells))
        return f"<tr>{''.join(inside)}</tr>"


def _text(cell: str | int) -> str:
    return printable(cell) if isinstance(cell, str) else f"{cell:,}"


def printable(text: str) -> str:
    """Returns a text with spaces in the place of characters that break a line, a page or a terminal.

    These are control characters, what steers a line's direction, and half characters (lone surrogates).

    >>> printable("a\\nb"), printable("naïve ✓")
    ('a b', 'naïve ✓')
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def numbered(stem: str, place: int) -> str:
    """Returns the name of what has none of its own: inputs are x1, x2, ..., as mathematics counts; `place` is from 0.

    Pictures, tables, formulas, errors and data without a header take their names from here.

    >>> numbered("x", 0), numbered("mask", 9)
    ('x1', 'mask10')
    """
    return f"{stem}{place + 1}"


_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_LEFT, _RIGHT = (f"text-align:{side};white-space:nowrap;padding:0.15em 0.6em" for side in ("left", "right"))
