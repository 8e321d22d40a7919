"""The chart: a Matplotlib Figure in the palette's colours, whose SVG fits pages and turns dark with them.

Nothing here touches pyplot or its settings. The same chart gives the same bytes on every run.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from micrograd_plus.report import printable
from micrograd_plus.viz import palette, svg
from micrograd_plus.viz.picture import Picture
from micrograd_plus.words import number

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogFormatter
except ImportError as error:
    raise ModuleNotFoundError('charts need Matplotlib: pip install "micrograd_plus[plot]"') from error

__all__ = ["CHART_WIDTH", "Chart", "caption", "drawing", "logarithmic", "settings"]

_SETTINGS = {
    "svg.hashsalt": "micrograd_plus",  # ids that do not change from run to run
    "svg.fonttype": "none",  # letters stay letters: small, searchable, read aloud
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}
_LONGEST = 32
CHART_WIDTH = 5.8  # inches: so narrow that letters of 10 points are legible when a phone shrinks it
_NO_DATES: dict[str, dict[str, Any]] = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}


class Chart(Picture, Figure):
    """A Matplotlib Figure in the palette's colours, that saves itself the same way every time.

    `width` and `height` are in inches, `theme` is "light" or "dark". A light chart's SVG turns dark by itself where the
    reader prefers it; what Matplotlib's own `savefig` writes does not. Raises ValueError for another theme.
    """

    kind = "a chart"
    forms: ClassVar = {".svg": "svg", ".png": "png", ".pdf": "pdf"}

    def __init__(self, *, width: float = CHART_WIDTH, height: float = 3.8, theme: str = "light") -> None:
        self.theme = theme
        with settings(theme):
            super().__init__(figsize=(width, height), facecolor=palette.background[theme])

    def __str__(self) -> str:
        return repr(self)

    def svg(self) -> str:
        """Returns the chart as an `<svg>` element, titled by the chart's titles."""
        root = svg.parsed(self._drawn("svg"))
        _fit_for_pages(root, self._words(), dark_too=self.theme == "light")
        return svg.written(root)

    def png(self) -> bytes:
        """Returns the chart as a PNG picture of 150 dots an inch."""
        return self._drawn("png")

    def pdf(self) -> bytes:
        """Returns the chart as a PDF page."""
        return self._drawn("pdf")

    def _drawn(self, form: str) -> bytes:
        """The chart as Matplotlib writes it, without dates."""
        stream = io.BytesIO()
        with settings(self.theme):
            self._start_layout_over()
            self.savefig(stream, format=form, dpi=150, metadata=_NO_DATES.get(form))
        return stream.getvalue()

    def _start_layout_over(self) -> None:
        """Each layout starts from the last one's result, which would make a second save differ from the first."""
        for axes in self.axes if self.get_layout_engine() else ():
            place = axes.get_subplotspec()
            if place is not None:
                axes.set_position(place.get_position(self))
                axes.set_in_layout(True)

    def _words(self) -> str:
        titles = [self.get_suptitle(), *(axes.get_title(loc="left") for axes in self.axes)]
        return "; ".join(title for title in titles if title) or "Chart"


@contextmanager
def drawing(theme: str, title: str, width: float = CHART_WIDTH, height: float = 3.8) -> Iterator[tuple[Chart, Axes]]:
    """Yields a chart and its one set of axes, to draw in the theme's settings. Raises what `Chart` raises."""
    chart = Chart(width=width, height=height, theme=theme)
    with settings(theme):
        axes = chart.add_subplot()
        axes.set_title(title, loc="left", wrap=True)
        axes.grid(True, linewidth=0.8)
        yield chart, axes


def logarithmic(axes: Axes) -> None:
    """Makes the y axis logarithmic, with numbers in full: the small figures of 10 to a power are hard to read."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(y)))
    axes.yaxis.set_minor_formatter(LogFormatter())


def caption(name: object) -> str:
    """Returns a name out of the user's data as Matplotlib shows it: on one line, no formula, and seen in a legend.

    >>> caption("_cost in $\\n"), len(caption("x" * 1000))
    (' _cost in \\\\$ ', 32)
    """
    text = printable(str(name))
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{' ' * text.startswith('_')}{text}".replace("$", r"\$")


def settings(theme: str) -> Any:
    """Returns a context in which Matplotlib draws in this theme, whatever the user's own settings are."""
    shade = {name: both[theme] for name, both in palette.shades().items()}
    colours = {
        "text": ["text.color", "axes.titlecolor"],
        "muted": ["axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"],
        "border": ["axes.edgecolor", "xtick.color", "ytick.color"],
        "background": ["figure.facecolor", "axes.facecolor", "savefig.facecolor"],
        "grid": ["grid.color"],
    }
    usual: dict[Any, Any] = dict(matplotlib.rcParamsDefault.items())
    for name in ("backend", "backend_fallback", "interactive"):  # these are the user's
        del usual[name]
    chosen = {key: shade[name] for name, keys in colours.items() for key in keys}
    return matplotlib.rc_context(usual | _SETTINGS | chosen)


def _fit_for_pages(root: svg.Element, words: str, dark_too: bool) -> None:
    """Makes Matplotlib's SVG fit for a page: a name, colours as attributes, rules that stay inside it, a dark form."""
    for each in root.iter():
        each[:] = [child for child in each if child.tag not in ("metadata", "style")]
        _restyle(each)
    _colour_marks_where_used(root)
    for figure in root.findall("g"):
        figure.set("class", "chart")
    root.attrib |= {"role": "img", "aria-label": words}
    rules = ".chart * { stroke-linejoin: round; }"
    if dark_too:
        svg.darken(root, ".chart", rules)
    else:
        root.insert(0, svg.element("style", rules))


def _restyle(element: svg.Element) -> None:
    """Writes the colours of an element's style as attributes, which rules for dark pages can find."""
    declared = dict(part.split(": ", 1) for part in element.attrib.pop("style", "").split("; ") if part)
    if "font-family" in declared:
        declared["font-family"] = "DejaVu Sans, Verdana, sans-serif"
    for name in ("fill", "stroke"):
        if name in declared:
            element.set(name, declared.pop(name))
    if declared:
        element.set("style", "; ".join(f"{name}: {value}" for name, value in declared.items()))


def _colour_marks_where_used(root: svg.Element) -> None:
    """Leaves colours to the places where a mark is used: rules for dark pages do not reach its definition."""
    marks = {f"#{mark.get('id')}": mark for definitions in root.iter("defs") for mark in definitions}
    for use in root.iter("use"):
        mark = marks[use.get("xlink:href", "")]
        for name in ("fill", "stroke"):
            if use.get(name) == mark.get(name):
                mark.attrib.pop(name, None)
