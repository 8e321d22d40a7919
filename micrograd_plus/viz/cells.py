"""Numbers as shaded cells: small images such as handwritten digits, and tables such as an attention map.

The text is SVG, made here. Shades are the ink of the page at some opacity, so that they turn dark with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, isfinite
from typing import Any, ClassVar

from micrograd_plus.checks import counted, plain, whole_number
from micrograd_plus.report import printable
from micrograd_plus.viz import palette
from micrograd_plus.viz.picture import Picture, scrolling
from micrograd_plus.viz.shapes import lettering, rectangle
from micrograd_plus.viz.svg import Element, darken, element, written
from micrograd_plus.words import number

__all__ = ["Heatmap", "Images"]

EDGE = 12  # around the picture, in its own units, which are pixels
TITLE, PRINT = 15, 13  # sizes of letters
DEEPEST = 0.5  # the opacity behind a printed number at most: with more the number would be hard to read


class _Cells(Picture):
    """What pictures of cells have in common; a subclass draws them below the title, and knows its `width`, `height`."""

    title: str
    width: float
    height: float

    def svg(self) -> str:
        """Returns the picture as an `<svg>` element, which turns dark where the reader prefers it."""
        return written(self._tree())

    def __repr__(self) -> str:
        return f"<{self._words()}>"

    def _words(self) -> str:
        raise NotImplementedError

    def _drawing(self) -> Iterator[Element]:
        raise NotImplementedError

    def _tree(self) -> Element:
        ground = rectangle(0, 0, self.width, self.height, palette.background.light)
        title = [lettering(EDGE, EDGE + 9, self.title, size=TITLE, weight="bold", anchor="start")] if self.title else []
        root = element(
            "svg", element("g", ground, *title, *self._drawing(), class_="cells"), role="img",
            aria_label=self._words(), width=self.width, height=self.height,
            viewBox=f"0 0 {self.width:g} {self.height:g}", style="max-width:100%;height:auto",
        )  # fmt: skip
        darken(root, ".cells", ".cells text { font-family: Arial, Helvetica, sans-serif; }")
        return root

    def _shown(self) -> dict[str, str]:
        return {"text/html": scrolling(self._tree()), "image/svg+xml": self.svg()}

    @property
    def _top(self) -> float:
        return EDGE + (30 if self.title else 0)

    def _least_width(self) -> float:
        """How wide the title is, about."""
        return 2 * EDGE + 0.6 * TITLE * len(self.title)


class Images(_Cells):
    """Small grey images, each a row of `width` times as many pixels as it has lines: the larger, the more ink.

    `captions` stand below them. `largest` is the pixel that is all ink: the largest there is, unless told. `columns` of
    them stand side by side. Raises ValueError for a row that is no whole number of lines, or another number of captions
    than images, TypeError for what is no row of numbers.

    >>> from micrograd_plus.data import digits
    >>> data = digits()
    >>> Images(data.inputs[:10], width=8, captions=[data.classes[int(target)] for target in data.targets[:10]])
    <10 images of 8 x 8 pixels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9>
    """

    kind: ClassVar[str] = "a picture of images"

    SIDE = 96  # of an image, in pixels of the page

    def __init__(
        self, images: Sequence[Sequence[float]], *, width: int, captions: Sequence[object] = (),
        largest: float | None = None, columns: int = 5, title: str = "",
    ) -> None:  # fmt: skip
        self._across = whole_number("width, the pixels in a line,", width, least=1)
        self.images = _table(images)
        for i, image in enumerate(self.images):
            if not image or len(image) % width:
                raise ValueError(f"image {i} has {counted(len(image), 'pixel')}, which are no lines of {width}")
        if captions and len(captions) != len(self.images):
            raise ValueError(f"{counted(len(self.images), 'image')}, but {counted(len(captions), 'caption')}")
        self.captions, self.title = [printable(str(each)) for each in captions], printable(title)
        self.largest = max(map(max, self.images)) if largest is None else largest
        self._columns = min(whole_number("columns", columns, least=1), len(self.images))
        self._dot = self.SIDE / width
        self._tall = max(len(image) for image in self.images) / width * self._dot
        self._line = self._tall + (28 if captions else EDGE)
        lines = ceil(len(self.images) / self._columns)
        self.width = max(self._columns * (self.SIDE + EDGE) + EDGE, self._least_width())
        self.height = self._top + lines * self._line + (0 if captions else EDGE)

    def _words(self) -> str:
        lines = {len(image) // self._across for image in self.images}
        sizes = f" of {self._across} x {lines.pop()} pixels" if len(lines) == 1 else ""
        captions = f": {', '.join(self.captions)}" if self.captions else ""
        title = f"{self.title}; " if self.title else ""
        return f"{title}{counted(len(self.images), 'image')}{sizes}{captions}"

    def _drawing(self) -> Iterator[Element]:
        for i, image in enumerate(self.images):
            left = EDGE + i % self._columns * (self.SIDE + EDGE)
            top = self._top + i // self._columns * self._line
            yield element("g", *self._pixels(image, left, top))
            if self.captions:
                yield lettering(left + self.SIDE / 2, top + self._tall + 11, self.captions[i], size=PRINT)

    def _pixels(self, image: Sequence[float], left: float, top: float) -> Iterator[Element]:
        dot, tall = self._dot, len(image) / self._across * self._dot
        line = {"stroke": palette.border.light, "stroke_width": 1}
        yield rectangle(left, top, self.SIDE, tall, palette.background.light, **line)
        for i, pixel in enumerate(image):
            ink = min(1.0, pixel / self.largest) if self.largest > 0 else 0.0
            if ink > 0:
                across, down = i % self._across, i // self._across
                place = left + across * dot, top + down * dot, dot, dot
                yield rectangle(*place, palette.text.light, fill_opacity=ink, shape_rendering="crispEdges")


class Heatmap(_Cells):
    """Tables of numbers as shaded cells, the number in each: attention maps, weights, anything with rows and columns.

    `tables` maps a name to rows of numbers, or is the rows of one table; None is a cell that does not exist. `rows` and
    `columns` are the names at the sides, `down` and `across` say what they are. Blue is above 0, vermilion below;
    `largest` is the size that is tinted most. `side_by_side` tables stand in a line. Raises ValueError for tables of
    another form than the names, TypeError for what is no table of numbers.

    >>> Heatmap([[1.0, None], [0.25, 0.75]], rows=["a", "b"], columns=["a", "b"], title="Who looks at whom")
    <Who looks at whom: 2 rows, a, b, by 2 columns, a, b>
    """

    kind: ClassVar[str] = "a heat map"

    CELL = 38  # the side of a cell, in pixels of the page

    def __init__(
        self, tables: Mapping[str, Sequence[Sequence[float | None]]] | Sequence[Sequence[float | None]], *,
        rows: Sequence[object], columns: Sequence[object], across: str = "", down: str = "",
        largest: float | None = None, side_by_side: int = 2, title: str = "",
    ) -> None:  # fmt: skip
        named = tables if isinstance(tables, Mapping) else {"": tables}
        self.tables = {printable(str(name)): _table(table) for name, table in named.items()}
        self.rows, self.columns = ([printable(str(each)) for each in names] for names in (rows, columns))
        for name, table in self.tables.items():
            forms = [len(row) for row in table]
            if forms != [len(self.columns)] * len(self.rows) or not forms:
                wanted = f"{counted(len(self.rows), 'row')} of {len(self.columns)}"
                raise ValueError(f"the table {name!r} has rows of {forms}, but the names are for {wanted}")
        self.across, self.down, self.title = printable(across), printable(down), printable(title)
        sizes = [abs(each) for table in self.tables.values() for row in table for each in row if each is not None]
        self.largest = max((size for size in sizes if isfinite(size)), default=0.0) if largest is None else largest
        self._side_by_side = min(whole_number("side_by_side", side_by_side, least=1), len(self.tables))
        self._left = 0.62 * PRINT * max(map(len, self.rows)) + 8 + (24 if down else 0)
        self._above = (24 if any(self.tables) else 0) + (20 if across else 0) + 22
        self._table_width = self._left + self.CELL * len(self.columns) + EDGE
        self._table_height = self._above + self.CELL * len(self.rows) + EDGE
        lines = ceil(len(self.tables) / self._side_by_side)
        self.width = max(self._side_by_side * self._table_width + EDGE, self._least_width())
        self.height = self._top + lines * self._table_height

    def _words(self) -> str:
        names = ", ".join(filter(None, self.tables))
        sides = [
            f"{counted(len(self.rows), 'row')}, {', '.join(self.rows)}",
            f"by {counted(len(self.columns), 'column')}",
        ]
        start = self.title or "A heat map"
        return f"{start}: {f'{names}: ' if names else ''}{', '.join([*sides, *self.columns])}"

    def _drawing(self) -> Iterator[Element]:
        for i, (name, table) in enumerate(self.tables.items()):
            left = EDGE + i % self._side_by_side * self._table_width
            top = self._top + i // self._side_by_side * self._table_height
            yield element("g", *self._sides(name, left, top), *self._cells(table, left + self._left, top + self._above))

    def _sides(self, name: str, left: float, top: float) -> Iterator[Element]:
        """The names around a table."""
        across, down = left + self._left, top + self._above
        if name:
            yield lettering(across, top + 6, name, size=PRINT, weight="bold", anchor="start")
        if self.across:
            yield lettering(across, down - 32, self.across, size=PRINT, fill=palette.muted.light, anchor="start")
        if self.down:
            x, y = left + 8, down + self.CELL * len(self.rows) / 2
            words = lettering(0, 0, self.down, size=PRINT, fill=palette.muted.light)
            yield element("g", words, transform=f"translate({x:g} {y:g}) rotate(-90)")
        for i, column in enumerate(self.columns):
            yield lettering(across + self.CELL * (i + 0.5), down - 10, column, size=PRINT)
        for i, row in enumerate(self.rows):
            yield lettering(across - 8, down + self.CELL * (i + 0.5), row, size=PRINT, anchor="end")

    def _cells(self, table: Sequence[Sequence[float | None]], left: float, top: float) -> Iterator[Element]:
        for i, (row, cells) in enumerate(zip(self.rows, table)):
            for j, (column, each) in enumerate(zip(self.columns, cells)):
                if each is not None:
                    x, y = left + j * self.CELL, top + i * self.CELL
                    tip = element("title", f"{row}, {column}: {each:.6g}")
                    yield element("g", tip, *self._cell(each, x, y))

    def _cell(self, value: float, x: float, y: float) -> Iterator[Element]:
        ink, share = (palette.positive if value >= 0 else palette.negative).light, 0.0
        if self.largest > 0 and value == value:
            share = DEEPEST * min(1.0, abs(value) / self.largest)
        place = x + 1, y + 1, self.CELL - 2, self.CELL - 2
        yield rectangle(*place, palette.background.light, stroke=palette.grid.light)
        yield rectangle(*place, ink, fill_opacity=share)
        words = f"{value:.2f}" if abs(value) < 10 else number(value, 3)
        yield lettering(x + self.CELL / 2, y + self.CELL / 2, words.replace("-", "−"), size=PRINT)


def _table(rows: Any) -> list[list[Any]]:
    """Rows of numbers as lists. Raises ValueError if there are none, TypeError for what is no rows of numbers."""
    rows = plain(rows)
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, (list, tuple)) for row in rows):
        raise TypeError(f"these are rows of numbers, a list of lists, but got {type(rows).__name__}: {str(rows)[:60]}")
    if not rows:
        raise ValueError("there is nothing to draw: no row was given")
    return [[None if each is None else float(each) for each in row] for row in rows]
