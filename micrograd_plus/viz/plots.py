"""Charts of training: loss curves, decision boundaries, descent paths, losses and their slopes, confusion matrices.

Each function returns a `Chart`, which is a Matplotlib Figure: change what you like, then `save` it or let a notebook
show it. Charts need the extra `plot` (`pip install "micrograd_plus[plot]"`). Nothing here touches pyplot or its
settings. The same chart gives the same bytes on every run, and its SVG has a dark form, which the reader's theme picks.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.sax.saxutils import quoteattr

from micrograd_plus.mode import no_grad
from micrograd_plus.value import Value
from micrograd_plus.viz import palette

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError as error:
    raise ModuleNotFoundError('charts need Matplotlib: pip install "micrograd_plus[plot]"') from error

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.nn import Module
    from micrograd_plus.train import History
    from micrograd_plus.train.metrics import ConfusionMatrix

__all__ = [
    "Chart",
    "bars",
    "confusion_matrix",
    "curves",
    "decision_boundary",
    "descent_on_curve",
    "loss_contours",
    "loss_curves",
    "loss_functions",
]

Numbers: TypeAlias = "Sequence[float]"
Series: TypeAlias = "Numbers | tuple[Numbers, Numbers]"
"""The heights of a curve over 1, 2, 3..., or a tuple of its x's and heights."""

Point: TypeAlias = "tuple[float, float]"

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
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
)
_MARKERS = "osD^vP"


class Chart(Figure):
    """A Matplotlib Figure in the palette's colours, that saves itself the same way every time.

    `theme` is "light" or "dark". A light chart's SVG turns dark by itself where the reader prefers it.
    """

    def __init__(self, *, width: float = 6.4, height: float = 4.0, theme: str = "light") -> None:
        self.theme = theme
        with _settings(theme):
            super().__init__(figsize=(width, height), facecolor=palette.background[theme])

    def svg(self) -> str:
        """The chart as an `<svg>` element, titled by the chart's titles."""
        stream = io.StringIO()
        self.savefig(stream, format="svg")
        return stream.getvalue()

    def png(self, dpi: int = 150) -> bytes:
        """The chart as a PNG picture."""
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=dpi)
        return stream.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the chart, in the format that the suffix names (`.svg`, `.png`, `.pdf`), and returns the path.

        The file is written atomically. Raises ValueError for another suffix.
        """
        from micrograd_plus.files import write_atomically

        path = Path(path)
        suffix = path.suffix.lower().lstrip(".")
        if suffix not in ("svg", "png", "pdf"):
            raise ValueError(f"a chart is saved as .svg, .png or .pdf, but got {path.name!r}; change the suffix")
        stream = io.BytesIO()
        self.savefig(stream, format=suffix)
        write_atomically(path, stream.getvalue())
        return path

    def savefig(self, fname: Any, **options: Any) -> None:
        """Writes the chart as Matplotlib does, but without dates, and SVG with a form for dark pages."""
        suffix = Path(fname).suffix if isinstance(fname, (str, os.PathLike)) else ""
        written = options.pop("format", None) or suffix.lstrip(".").lower() or "png"
        no_dates: dict[str, Any] = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}.get(
            written, {}
        )
        options = {"dpi": 150, "metadata": no_dates, **options}
        with _settings(self.theme):
            self._start_layout_over()
            if written != "svg":
                super().savefig(fname, format=written, **options)
                return
            stream = io.StringIO()
            super().savefig(stream, format="svg", **options)
        text = _themed(stream.getvalue(), self._words(), dark_too=self.theme == "light")
        if isinstance(fname, (str, os.PathLike)):
            Path(fname).write_text(text, encoding="utf-8")
        elif isinstance(fname, io.TextIOBase):
            fname.write(text)
        else:
            fname.write(text.encode())

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

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}


def _settings(theme: str) -> Any:
    """A context in which Matplotlib draws in this theme, whatever the user's own settings are."""
    shade = {name: both[theme] for name, both in palette.shades().items()}
    colours = {
        "text": ["text.color", "axes.titlecolor"],
        "muted": ["axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"],
        "border": ["axes.edgecolor", "xtick.color", "ytick.color"],
        "background": ["figure.facecolor", "axes.facecolor", "savefig.facecolor"],
        "grid": ["grid.color"],
    }
    settings: dict[Any, Any] = {
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith(("backend", "interactive"))
    }
    settings |= _SETTINGS
    settings |= {key: shade[name] for name, keys in colours.items() for key in keys}
    return matplotlib.rc_context(settings)


def _themed(svg: str, words: str, dark_too: bool) -> str:
    """Matplotlib's SVG made fit for a page: colours as attributes, rules that stay inside it, a name, a dark form."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.S)
    svg = svg.replace('<g id="figure_1">', '<g id="figure_1" class="chart">', 1)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: DejaVu Sans, Verdana, sans-serif", svg)
    svg = re.sub(r'style="([^"]*)"', _colours_as_attributes, svg)
    style = ".chart * { stroke-linejoin: round; }\n" + (palette.css_dark(".chart", svg) if dark_too else "")
    svg = re.sub(r'<style type="text/css">.*?</style>', lambda _: f"<style>{style}</style>", svg, count=1, flags=re.S)
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(words)} ', 1)


def _colours_as_attributes(style: re.Match[str]) -> str:
    declared = [part.split(": ", 1) for part in style[1].split("; ") if part]
    colours = [f'{name}="{value}"' for name, value in declared if name in ("fill", "stroke")]
    rest = "; ".join(f"{name}: {value}" for name, value in declared if name not in ("fill", "stroke"))
    return " ".join([*colours, *([f'style="{rest}"'] if rest else [])])


def _chart(theme: str, title: str, width: float = 6.4, height: float = 4.0) -> tuple[Chart, Axes]:
    chart = Chart(width=width, height=height, theme=theme)
    axes = chart.add_subplot()
    axes.set_title(title, loc="left")
    axes.grid(True, linewidth=0.8)
    return chart, axes


# -------------------------------------------------------------------- curves


def curves(
    series: Mapping[str, Series], *, xlabel: str = "", ylabel: str = "", title: str = "",
    log: bool = False, markers: bool = False, theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns a line chart with a curve for each name; colours and dashes tell them apart.

    A curve is a sequence of heights over 1, 2, 3..., or a tuple of its x's and heights. `log` makes the y axis
    logarithmic, `markers` marks each point. Raises ValueError where there is nothing to draw.

    >>> curves({"square": [1, 4, 9]}, title="Squares").axes[0].get_title(loc="left")
    'Squares'
    """
    if not series:
        raise ValueError("there are no curves to draw: series is empty; give it a name and its numbers")
    with _settings(theme):
        chart, axes = _chart(theme, title)
        for i, (name, curve) in enumerate(series.items()):
            xs, ys = _points(name, curve)
            axes.plot(
                xs, ys, label=name, color=_series(i, theme), linestyle=_DASHES[i % len(_DASHES)],
                marker=_MARKERS[i % len(_MARKERS)] if markers or len(xs) == 1 else None, markersize=4,
            )  # fmt: skip
        if log:
            axes.set_yscale("log")
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if all(float(x).is_integer() for curve in series.items() for x in _points(*curve)[0]):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(series) > 1 or not ylabel:
            axes.legend()
    return chart


def _points(name: str, curve: Series) -> tuple[Numbers, Numbers]:
    xs, ys = curve if isinstance(curve, tuple) else (range(1, len(curve) + 1), curve)
    if len(xs) != len(ys) or len(xs) == 0:
        raise ValueError(
            f"the curve {name!r} has {len(xs)} x's and {len(ys)} heights; give as many of both, at least 1"
        )
    return xs, [float(y) for y in ys]


def _series(i: int, theme: str) -> str:
    return palette.SERIES[i % len(palette.SERIES)][theme]


def loss_curves(
    history: History | Mapping[str, History], *, figures: Sequence[str] = ("loss", "validation loss"),
    iterations: bool = True, log: bool = False, title: str = "Loss", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns the loss over the epochs: of training, of validation, and, thin behind them, of every iteration.

    `history` is one History, or several by name to compare. `figures` are the names of what to draw, of those that a
    history has. Raises ValueError for a history without a finished epoch.
    """
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    with _settings(theme):
        chart, axes = _chart(theme, title)
        for i, (name, each) in enumerate(histories.items()):
            drawn = [figure for figure in figures if figure in each.figures]
            if not drawn:
                has = f"it has {list(each.figures)}" if each.figures else "no epoch of it has ended"
                raise ValueError(f"the history {name!r} has none of the figures {list(figures)}: {has}")
            if iterations and not name and len(each.iterations) > len(each.epochs):
                _draw_iterations(axes, each, theme)
            for j, figure in enumerate(drawn):  # one history: a colour a figure; several: a colour a history
                epochs = [epoch.epoch for epoch in each.epochs if figure in epoch.figures]
                axes.plot(
                    epochs, each[figure], label=f"{name}: {figure}" if name else figure,
                    color=_series(i if name else j, theme), linestyle=_DASHES[j % len(_DASHES)],
                    marker="o" if len(epochs) == 1 else None,
                )  # fmt: skip
        if log:
            axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend()
    return chart


def _draw_iterations(axes: Axes, history: History, theme: str) -> None:
    """An iteration stands where in its epoch it was: the last at the epoch's number."""
    counts: dict[int, int] = {}
    for each in history.iterations:
        counts[each.epoch] = counts.get(each.epoch, 0) + 1
    xs, seen = [], dict.fromkeys(counts, 0)
    for each in history.iterations:
        seen[each.epoch] += 1
        xs.append(each.epoch - 1 + seen[each.epoch] / counts[each.epoch])
    grey = palette.border[theme]
    axes.plot(xs, history.losses, label="each iteration", color=grey, linewidth=0.7, alpha=0.6)


# -------------------------------------------------------------------- what a model says of the plane


def decision_boundary(
    model: Module | Callable[[list[list[float]]], Sequence[Any]], data: Dataset, *, threshold: float = 0.0,
    resolution: int = 80, title: str = "Decision boundary", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns the plane coloured by the class that a model predicts, with the data's points over it.

    `model` is a Module, or a function from a list of rows to a prediction for each. A prediction is a list of scores
    (the class is the largest) or one number (class 1 above `threshold`: 0 for logits, 0.5 for probabilities). `data`
    has two features and class targets. Raises ValueError for data of another width or without classes.
    """
    if data.width != 2 or not data.is_classification:
        raise ValueError(f"a decision boundary needs data with 2 features and classes, but got {data!r}")
    xs, ys = (_spread([row[i] for row in data.inputs], resolution) for i in range(2))
    scores = [_scores(each, threshold) for each in _predictions(model, [[x, y] for y in ys for x in xs])]
    if len(scores[0]) != len(data.classes):
        raise ValueError(
            f"the model scores {len(scores[0])} classes, but {data!r} has {len(data.classes)}; match the last layer"
        )
    with _settings(theme):
        chart, axes = _chart(theme, title, 5.4, 4.6)
        axes.grid(False)
        for number, name in enumerate(data.classes):
            colour = _series(number, theme)
            leads = [each[number] - max(each[:number] + each[number + 1 :]) for each in scores]
            if max(leads) > 0:  # the class is predicted somewhere: where it leads the others
                grid = [leads[start : start + len(xs)] for start in range(0, len(leads), len(xs))]
                axes.contourf(xs, ys, grid, levels=[0.0, max(leads)], colors=[colour], alpha=0.22)
                if min(leads) < 0:
                    axes.contour(xs, ys, grid, levels=[0.0], colors=[palette.border[theme]], linewidths=1.0)
            points = [row for row, target in data if target == number]
            axes.scatter(
                [x for x, _ in points], [y for _, y in points], s=24, label=name, color=colour,
                marker=_MARKERS[number % len(_MARKERS)], edgecolors=palette.background[theme], linewidths=0.7, zorder=3,
            )  # fmt: skip
        axes.set(xlabel=data.feature_names[0], ylabel=data.feature_names[1], xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
        chart.legend(loc="outside lower center", ncols=min(4, len(data.classes)))
    return chart


def _spread(values: Sequence[float], count: int) -> list[float]:
    """Evenly set numbers from a little below the smallest to a little above the largest."""
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 1.0
    step = (high - low + 2 * margin) / (count - 1)
    return [low - margin + i * step for i in range(count)]


def _predictions(model: Any, rows: list[list[float]]) -> Sequence[Any]:
    from micrograd_plus.nn import Module

    if not isinstance(model, Module):
        return model(rows)  # type: ignore[no-any-return]
    from micrograd_plus.train.engine import evaluating

    with evaluating(model), no_grad():
        return [model([Value(x) for x in row]) for row in rows]


def _scores(prediction: Any, threshold: float) -> list[float]:
    """A score a class: those that the model gives, or, of one number, how far it is below and above the threshold."""
    if isinstance(prediction, Iterable):
        return [float(score) for score in prediction]
    return [threshold - float(prediction), float(prediction) - threshold]


def confusion_matrix(
    matrix: ConfusionMatrix | Sequence[Sequence[int]], classes: Sequence[str] = (), *,
    title: str = "Confusion matrix", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns the table of true classes (rows) by predicted ones (columns): right in blue, wrong in vermilion.

    `matrix` is what `micrograd_plus.train.metrics.confusion_matrix` returns, or rows of counts. A cell's tint is its
    share of its row. Raises ValueError for a table that is not square, or another number of classes than it has rows,
    TypeError for what is no table.
    """
    classes = classes or getattr(matrix, "classes", ())
    matrix = getattr(matrix, "counts", matrix)
    if not isinstance(matrix, Sequence):
        raise TypeError(
            f"this draws a table of counts, as train.metrics.confusion_matrix(predictions, targets) makes it, but got"
            f" {type(matrix).__name__}"
        )
    size = len(matrix)
    names = [str(name) for name in classes] or [str(i) for i in range(size)]
    if not size or any(len(row) != size for row in matrix) or len(names) != size:
        widths = sorted({len(row) for row in matrix})
        raise ValueError(
            f"a confusion matrix is square with a name a class, but got {size} rows of {widths} and {len(names)} names"
        )
    side = max(3.6, 1.5 + 0.48 * size)
    with _settings(theme):
        chart, axes = _chart(theme, title, side + 0.4, side)
        axes.grid(False)
        for i, row in enumerate(matrix):
            for j, count in enumerate(row):
                tint = palette.diverging((1 if i == j else -1) * count, max(1, sum(row)))[theme]
                axes.fill(
                    [j - 0.47, j + 0.47, j + 0.47, j - 0.47], [i - 0.47, i - 0.47, i + 0.47, i + 0.47], color=tint
                )
                grey = palette.text if count else palette.border
                axes.text(j, i, str(count), ha="center", va="center", color=grey[theme], size=10 if size < 12 else 8)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="predicted", ylabel="true", aspect="equal")
        longest = max(map(len, names))
        axes.set_xticks(range(size), names, rotation=45 if longest > 6 else 0, ha="right" if longest > 6 else "center")
        axes.set_yticks(range(size), names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return chart


# -------------------------------------------------------------------- descent


def loss_contours(
    loss: Callable[[float, float], Any], paths: Mapping[str, Sequence[Point]], *,
    limits: tuple[Point, Point] | None = None, minimum: Point | None = None,
    names: tuple[str, str] = ("$w_1$", "$w_2$"),
    levels: int = 12, resolution: int = 90, title: str = "Descent", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns contour lines of a loss over two parameters, with the paths that descents took over them.

    `loss` maps two numbers to a number or Value; each path is a list of points, its start a ring and its end a disc.
    `limits` are the two ranges shown; by default they hold all paths. Contours are closer together in value near the
    lowest one, so that the valley's floor is drawn too.
    """
    ranges = limits or _ranges([point for path in paths.values() for point in path] + ([minimum] if minimum else []))
    xs, ys = ([low + i * (high - low) / (resolution - 1) for i in range(resolution)] for low, high in ranges)
    with no_grad():
        heights = [[float(loss(x, y)) for x in xs] for y in ys]
    low, high = min(map(min, heights)), max(map(max, heights))
    lines = [low + (high - low) * ((i + 0.5) / levels) ** 2.5 for i in range(levels)]
    with _settings(theme):
        chart, axes = _chart(theme, title, 5.6, 4.8)
        axes.grid(False)
        axes.contour(
            xs, ys, heights, levels=sorted(set(lines)), colors=[palette.border[theme]], linewidths=0.7, alpha=0.75
        )
        for i, (name, path) in enumerate(paths.items()):
            across, up = [x for x, _ in path], [y for _, y in path]
            colour = _series(i, theme)
            few, many = len(path) <= 80, len(path) > 200  # a mark for each step, or thin lines
            axes.plot(
                across, up, color=colour, linewidth=0.8 if many else 1.4, linestyle=_DASHES[i % len(_DASHES)],
                marker="o" if few else None, markersize=3, label=name, zorder=3,
            )  # fmt: skip
            axes.scatter(across[:1], up[:1], s=42, facecolors="none", edgecolors=colour, linewidths=1.6, zorder=4)
            axes.scatter(across[-1:], up[-1:], s=42, color=colour, zorder=4)
        if minimum:
            axes.scatter(minimum[:1], minimum[1:], s=70, marker="+", color=palette.text[theme], zorder=5)
            behind = {"facecolor": palette.background[theme], "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
            axes.annotate(
                "lowest", minimum, xytext=(7, 7), textcoords="offset points", size=9, bbox=behind, zorder=6
            )  # fmt: skip
        axes.set(xlabel=names[0], ylabel=names[1], xlim=ranges[0], ylim=ranges[1])
        if paths:
            chart.legend(loc="outside lower center", ncols=min(3, len(paths)))
    return chart


def _ranges(points: Sequence[Point]) -> tuple[Point, Point]:
    if not points:
        raise ValueError("loss_contours needs limits=((low, high), (low, high)) where there are no paths")
    found = []
    for numbers in zip(*points):
        low, high = min(numbers), max(numbers)
        margin = 0.15 * (high - low) or 1.0
        found.append((low - margin, high + margin))
    return found[0], found[1]


def descent_on_curve(
    loss: Callable[[float], Any], paths: Mapping[str, Sequence[float]], *,
    limits: Point | None = None, xlabel: str = "weight $w$", title: str = "Descent", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns one small chart a path, side by side: the loss over one weight, and the points that a descent visited.

    `loss` maps a number to a number or Value. Points outside `limits` are counted in the chart's own words, so that a
    diverging path does not flatten the others. The start is a ring.
    """
    if not paths:
        raise ValueError("descent_on_curve needs at least one path: a name and the weights that it visited")
    visited = [w for path in paths.values() for w in path]
    low, high = limits or (min(visited), max(visited))
    margin = 0.1 * (high - low) or 1.0
    xs = [low - margin + i * (high - low + 2 * margin) / 200 for i in range(201)]
    with no_grad():
        heights = [float(loss(x)) for x in xs]
        at = {name: [(w, float(loss(w))) for w in path] for name, path in paths.items()}
    top = max(heights) + 0.05 * (max(heights) - min(heights))
    columns = len(paths) if len(paths) <= 3 else 2
    with _settings(theme):
        chart = Chart(width=max(4.0, 3.2 * columns), height=0.5 + 2.7 * -(-len(paths) // columns), theme=theme)
        chart.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = chart.subplots(-(-len(paths) // columns), columns, sharex=True, sharey=True, squeeze=False).flat
        for i, (axes, (name, path)) in enumerate(zip(panels, at.items())):
            colour = _series(i, theme)
            axes.plot(xs, heights, color=palette.border[theme], linewidth=1.2)
            axes.plot(*zip(*path), color=colour, marker="o", markersize=4, linewidth=1.0)
            axes.scatter(path[0][:1], path[0][1:], s=60, facecolors="none", edgecolors=colour, linewidths=1.6)
            left = sum(not xs[0] <= w <= xs[-1] or height > top for w, height in path)
            axes.set_title(
                name + (f" ({left} points off the chart)" if left else ""), loc="left", size=10, weight="normal"
            )
            axes.set(xlim=(xs[0], xs[-1]), ylim=(min(heights) - 0.05 * (top - min(heights)), top))
            axes.grid(True, linewidth=0.8)
        chart.supxlabel(xlabel, fontsize=10, color=palette.muted[theme])
        chart.supylabel("loss", fontsize=10, color=palette.muted[theme])
        for axes in list(panels)[len(paths) :]:
            axes.set_visible(False)
    return chart


# -------------------------------------------------------------------- losses, and bars


def loss_functions(
    losses: Mapping[str, Callable[[Value], Value]], *, limits: Point = (-4.0, 4.0), xlabel: str = "prediction",
    title: str = "", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns each loss over the prediction, and below it its slope, which is what backward sends down.

    A loss maps the prediction, a Value, to the loss of one example; bind the target in it. Slopes come from `backward`.

    >>> chart = loss_functions({"squared": lambda p: (p - 1) ** 2})
    >>> [axes.get_ylabel() for axes in chart.axes]
    ['loss', 'slope']
    """
    count = 161  # of points, so that limits symmetric about 0 put one on a kink at 0
    xs = [limits[0] + i * (limits[1] - limits[0]) / (count - 1) for i in range(count)]
    with _settings(theme):
        chart = Chart(width=6.4, height=5.2, theme=theme)
        above, below = chart.subplots(2, 1, sharex=True)
        for i, (name, loss) in enumerate(losses.items()):
            heights, slopes = zip(*(_height_and_slope(loss, x) for x in xs))
            style = {"color": _series(i, theme), "linestyle": _DASHES[i % len(_DASHES)]}
            above.plot(xs, heights, label=name, **style)
            below.plot(xs, slopes, **style)
        above.set_title(title, loc="left")
        above.set_ylabel("loss")
        below.set(ylabel="slope", xlabel=xlabel)
        below.axhline(0.0, color=palette.border[theme], linewidth=1.0)
        for axes in (above, below):
            axes.grid(True, linewidth=0.8)
        above.legend()
    return chart


def _height_and_slope(loss: Callable[[Value], Value], x: float) -> tuple[float, float]:
    prediction = Value(x, "prediction")
    out = loss(prediction)
    out.backward()
    return out.data, float(prediction.grad)


def bars(
    values: Mapping[str, float], *, ylabel: str = "", title: str = "", percent: bool = False, theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns a bar for each name, its number written over it: blue above 0, vermilion below.

    `percent` writes 0.5 as 50%. Raises ValueError where there are no values.
    """
    if not values:
        raise ValueError("there are no bars to draw: values is empty; give it a name and its number")
    with _settings(theme):
        chart, axes = _chart(theme, title, max(4.0, min(10.0, 1.2 + 0.62 * len(values))), 3.4)
        axes.grid(False, axis="x")
        colours = [(palette.positive if value >= 0 else palette.negative)[theme] for value in values.values()]
        drawn = axes.bar(list(values), list(values.values()), color=colours, width=0.62)
        axes.bar_label(drawn, fmt=(lambda v: f"{v:.0%}") if percent else (lambda v: f"{v:.3g}"), padding=2, size=9)
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.axhline(0.0, color=palette.border[theme], linewidth=1.0)
        axes.margins(y=0.15)
        axes.set_ylabel(ylabel)
        if max(map(len, values)) > 6 and len(values) > 4:
            axes.tick_params(axis="x", labelrotation=30)
    return chart
