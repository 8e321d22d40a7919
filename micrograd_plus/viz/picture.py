"""What graphs, diagrams, charts and pages have in common: each saves itself by suffix, and a notebook shows it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from micrograd_plus.files import encoded, write_atomically
from micrograd_plus.viz.svg import Element, written

__all__ = ["NARROW", "Picture", "scrolling", "widths"]

LEAST = 8  # pixels that the smallest letters have, however narrow the window is
NARROW = 390  # pixels: as wide as a phone
LETTERS = 16.0  # the size of letters of which nothing else is said


class Picture:
    """The base of what can be saved and shown. A subclass has a method for each form that it comes in.

    `kind` is what messages call it; `forms` the method that makes the content for each suffix, the usual one first.
    """

    kind: ClassVar[str] = "a picture"
    forms: ClassVar[Mapping[str, str]] = {".svg": "svg"}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Returns the path, after it has written the picture there in the form that the suffix names.

        The file is written whole or not at all. Raises ValueError for a suffix that is not in `forms`, and what the
        method of that form raises.
        """
        path = Path(path)
        form = self.forms.get(path.suffix.lower())
        if form is None:
            known = " or ".join(", ".join(self.forms).rsplit(", ", 1))
            raise ValueError(f"{self.kind} is saved as {known}, but got {path.name!r}; change the suffix")
        content = getattr(self, form)()
        write_atomically(path, content if isinstance(content, bytes) else encoded(f"{content.rstrip()}\n"))
        return path

    def _shown(self) -> dict[str, str]:
        """What a notebook shows beside the words, by MIME type."""
        return {"image/svg+xml": getattr(self, self.forms[".svg"])()}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: words always, and the picture if it can be drawn. It never raises."""
        words = f"this {type(self).__name__}"
        try:
            words = str(self)
            return {"text/plain": words, **self._shown()}
        except Exception as error:  # a notebook's display is no place for a traceback
            return {"text/plain": f"{words}\n(can't be shown: {error})"}


_FRAME = (
    ".mp-wide { container-type: inline-size } .mp-wide > div { overflow-x: auto }"
    " .mp-wide > div > div { min-width: var(--least) }"
    " .mp-wide:has(:checked) > div > div { min-width: var(--full) }"
    " .mp-wide > label { display: none; font: 14px Arial, sans-serif }"
    " @container (max-width: 45rem) { .mp-wide > label { display: block } }"
)


def widths(root: Element) -> tuple[float, float]:
    """Returns how wide an SVG must be at least for its letters to be legible, and how wide it was drawn, in pixels.

    `root` is the SVG as a tree, with a width in points or pixels.

    >>> from micrograd_plus.viz.svg import parsed
    >>> widths(parsed("<svg width='300pt' viewBox='0 0 300 9'><text font-size='12'>w</text></svg>"))
    (200.0, 400.0)
    """
    size = root.get("width", "")
    width = float(size.removesuffix("pt")) * (4 / 3 if size.endswith("pt") else 1)
    unit = width / float(root.get("viewBox", "").split()[2])
    smallest = min(_letters(root, LETTERS), default=LETTERS) * unit
    return min(width, width * LEAST / smallest), width


def _letters(part: Element, size: float) -> Iterator[float]:
    """The sizes of the letters in a part of an SVG, as attributes or styles say; what says none has that around it."""
    styled = re.search(r"font-size:\s*([\d.]+)px", part.get("style", ""))
    size = float(styled[1] if styled else part.get("font-size", size))
    if part.tag in ("text", "tspan") and (part.text or "").strip():
        yield size
    for inner in part:
        yield from _letters(inner, size)


def scrolling(root: Element) -> str:
    """Returns the HTML in which a page shows an SVG: it shrinks with the page, but its letters stay legible.

    `root` is the SVG as a tree, with a width in points or pixels. What is then too wide for a phone scrolls, and says
    so where there is little room: "wide: open it" shows it as large as it was drawn.
    """
    least, width = widths(root)
    opener = '<label><input type="checkbox"> wide: open it</label>' if least > NARROW else ""
    look = f"--least: {least:.0f}px; --full: {width:.0f}px"
    picture = f'<div tabindex="0" role="group" aria-label="wide picture"><div>{written(root)}</div></div>'
    return f'<style>{_FRAME}</style><div class="mp-wide" style="{look}">{opener}{picture}</div>'
