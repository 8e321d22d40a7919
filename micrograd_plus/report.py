"""Sentences and tables that read alike in a terminal, in a notebook and as data.

A report lists its parts once; `str()` sets them for a terminal, `_repr_html_` for a notebook or a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Report", "Table"]


@dataclass(frozen=True)
class Table:
    """A table of texts: a header for each column, rows, and which columns hold numbers (set to the right).

    >>> print(Table(("name", "value"), (("w", "0.5"), ("bias", "-1.25")), numeric=(1,)))
    name  value
    ----  -----
    w       0.5
    bias  -1.25
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    caption: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.headers, *self.rows)]
        lines = [self.headers, tuple("-" * width for width in widths), *self.rows]
        text = "\n".join(self._line(line, widths) for line in lines)
        return f"{self.caption}\n{text}" if self.caption else text

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [
            cell.rjust(width) if column in self.numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths))
        ]
        return "  ".join(padded).rstrip()

    def html(self) -> str:
        """Returns the table as HTML, every text escaped."""
        head = self._row("th", self.headers)
        body = "".join(self._row("td", row) for row in self.rows)
        caption = f'<caption style="{_LEFT};font-weight:bold">{escape(self.caption)}</caption>' if self.caption else ""
        return (
            f'<div style="overflow-x:auto"><table style="font-variant-numeric:tabular-nums">{caption}'
            f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
        )

    def _row(self, tag: str, cells: Sequence[str]) -> str:
        styles = [_RIGHT if column in self.numeric else _LEFT for column in range(len(cells))]
        return f"<tr>{''.join(f'<{tag} style={s!r}>{escape(cell)}</{tag}>' for s, cell in zip(styles, cells))}</tr>"


_LEFT, _RIGHT = "text-align:left;white-space:nowrap", "text-align:right;white-space:nowrap"


class Report:
    """What can be read in a terminal (`str`) and in a notebook: a title, then sentences and tables."""

    def title(self) -> str:
        """Returns the one line that stands above all."""
        raise NotImplementedError

    def parts(self) -> list[str | Table]:
        """Returns the sentences and tables in reading order."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n\n".join([self.title(), *map(str, self.parts())])

    def _repr_html_(self) -> str:
        parts = [part.html() if isinstance(part, Table) else f"<p>{escape(part)}</p>" for part in self.parts()]
        return f'<div class="mp-report"><p><strong>{escape(self.title())}</strong></p>{"".join(parts)}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}
