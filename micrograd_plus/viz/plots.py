"""Charts of training: loss curves, decision boundaries, descent paths, losses and their slopes, confusion matrices.

Each function returns a `Chart`, which is a Matplotlib Figure: change what you like, then `save` it or let a notebook
show it. `theme` is "light" or "dark"; every function raises ValueError for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from micrograd_plus.functions import total
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module
from micrograd_plus.train.engine import evaluating
from micrograd_plus.value import Value
from micrograd_plus.viz import palette
from micrograd_plus.viz.chart import CHART_WIDTH, Chart, caption, drawing, logarithmic, settings
from micrograd_plus.viz.ranges import evenly, padded

# isort: split
from matplotlib.axes import Axes  # after the chart, which says what to install
from matplotlib.ticker import MaxNLocator, PercentFormatter

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.train import History
    from micrograd_plus.train.metrics import ConfusionMatrix

__all__ = [
    "Chart", "bars", "confusion_chart", "curves", "decision_boundary", "descent_on_curve", "loss_contours",
    "loss_curves", "loss_functions",
]  # fmt: skip

Numbers: TypeAlias = "Sequence[float]"
Series: TypeAlias = "Numbers | tuple[Numbers, Numbers]"
"""The heights of a curve over 1, 2, 3..., or a tuple of its x's and heights."""

Point: TypeAlias = "tuple[float, float]"

_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
)
_MARKERS = "osD^vP"


def _series(i: int, theme: str) -> str:
    return palette.SERIES[i % len(palette.SERIES)][theme]


def _look(i: int, theme: str) -> dict[str, Any]:
    """How the curve number `i` is told apart: by colour and by dash."""
    return {"color": _series(i, theme), "linestyle": _DASHES[i % len(_DASHES)]}


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
    points = {name: _points(name, curve) for name, curve in series.items()}
    with drawing(theme, title) as (chart, axes):
        for i, (name, (xs, ys)) in enumerate(points.items()):
            marker = _MARKERS[i % len(_MARKERS)] if markers or len(xs) == 1 else None
            axes.plot(xs, ys, label=name, **_look(i, theme), marker=marker, markersize=4)
        if log:
            logarithmic(axes)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if all(float(x).is_integer() for xs, _ in points.values() for x in xs):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(series) > 1 or not ylabel:
            axes.legend()
    return chart


def _points(name: str, curve: Series) -> tuple[Numbers, Numbers]:
    xs, ys = curve if isinstance(curve, tuple) else (range(1, len(curve) + 1), curve)
    if len(xs) != len(ys) or len(xs) == 0:
        raise ValueError(f"the curve {name!r} has {len(xs)} x's and {len(ys)} heights; give as many, at least 1")
    return xs, [float(y) for y in ys]


def loss_curves(
    history: History | Mapping[str, History], *, figures: Sequence[str] = ("loss", "validation loss"),
    iterations: bool = True, log: bool = False, title: str = "Loss", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns the loss over the epochs: of training, of validation, and, thin behind them, of every iteration.

    `history` is one History, or several by name to compare. `figures` are the names of what to draw, of those that a
    history has. Raises ValueError for a history without a finished epoch.
    """
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    with drawing(theme, title) as (chart, axes):
        for i, (name, each) in enumerate(histories.items()):
            if iterations and not name and len(each.iterations) > len(each.epochs):
                _draw_iterations(axes, each, theme)
            found = [figure for figure in figures if figure in each.figures]
            if not found:
                has = f"it has {list(each.figures)}" if each.figures else "no epoch of it has ended"
                raise ValueError(f"the history {name!r} has none of the figures {list(figures)}: {has}")
            for j, figure in enumerate(found):
                epochs = [epoch.epoch for epoch in each.epochs if figure in epoch.figures]
                label, colour = (f"{name}: {figure}", i) if name else (figure, j)
                marker = "o" if len(epochs) == 1 else None
                look = {**_look(j, theme), "color": _series(colour, theme)}
                axes.plot(epochs, each[figure], label=caption(label), **look, marker=marker)
        if log:
            logarithmic(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend()
    return chart


def _draw_iterations(axes: Axes, history: History, theme: str) -> None:
    """An iteration stands where in its epoch it was: the last at the epoch's number."""
    epochs = [(epoch, len(list(group))) for epoch, group in groupby(each.epoch for each in history.iterations)]
    xs = [epoch - 1 + i / count for epoch, count in epochs for i in range(1, count + 1)]
    axes.plot(xs, history.losses, label="each iteration", color=palette.border[theme], linewidth=0.7, alpha=0.6)


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
    xs, ys = (evenly(padded(column, 0.12), resolution) for column in zip(*data.inputs))
    scores = [_scores(each, threshold) for each in _predictions(model, [[x, y] for y in ys for x in xs])]
    if len(scores[0]) != len(data.classes):
        raise ValueError(
            f"the model scores {len(scores[0])} classes, but {data!r} has {len(data.classes)}; match the last layer"
        )
    with drawing(theme, title, 5.4, 4.6) as (chart, axes):
        axes.grid(False)
        for number, name in enumerate(data.classes):
            colour, marker = _series(number, theme), _MARKERS[number % len(_MARKERS)]
            leads = [each[number] - max(each[:number] + each[number + 1 :]) for each in scores]
            grid = [leads[start : start + len(xs)] for start in range(0, len(leads), len(xs))]
            _draw_region(axes, (xs, ys), grid, colour, theme)
            points = [row for row, target in data if target == number]
            look: dict[str, Any] = {"color": colour, "marker": marker, "edgecolors": palette.background[theme]}
            across, up = ([row[i] for row in points] for i in (0, 1))
            axes.scatter(across, up, s=24, label=caption(name), **look, linewidths=0.7, zorder=3)
        across_name, up_name = map(caption, data.feature_names)
        axes.set(xlabel=across_name, ylabel=up_name, xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
        chart.legend(loc="outside lower center", ncols=min(4, len(data.classes)))
    return chart


def _draw_region(axes: Axes, at: tuple[Numbers, Numbers], leads: Sequence[Numbers], colour: str, theme: str) -> None:
    """Tints where a class is predicted: where its score leads the others', by `leads`, a row of the plane each."""
    least, most = min(map(min, leads)), max(map(max, leads))
    if most > 0:
        axes.contourf(*at, leads, levels=[0.0, most], colors=[colour], alpha=0.22)
        if least < 0:
            axes.contour(*at, leads, levels=[0.0], colors=[palette.border[theme]], linewidths=1.0)


def _predictions(model: Any, rows: list[list[float]]) -> Sequence[Any]:
    if not isinstance(model, Module):
        return model(rows)  # type: ignore[no-any-return]
    with evaluating(model), no_grad():
        return [model([Value(x) for x in row]) for row in rows]


def _scores(prediction: Any, threshold: float) -> list[float]:
    """A score a class: those that the model gives, or, of one number, how far it is below and above the threshold."""
    if isinstance(prediction, Iterable):
        return [float(score) for score in prediction]
    return [threshold - float(prediction), float(prediction) - threshold]


def confusion_chart(
    matrix: ConfusionMatrix | Sequence[Sequence[int]], classes: Sequence[str] = (), *,
    title: str = "Confusion matrix", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns the table of true classes (rows) by predicted ones (columns): right in blue, wrong in vermilion.

    `matrix` is what `micrograd_plus.train.metrics.confusion_matrix` returns, or rows of counts. A cell's tint is its
    share of its row. Raises ValueError for a table that is not square, or another number of classes than it has rows,
    TypeError for what is no table.
    """
    rows, names = _counts(matrix, classes)
    size, longest = len(rows), max(map(len, names))
    side = max(3.6, 1.5 + 0.42 * size)
    with drawing(theme, title, side + 0.4, side) as (chart, axes):
        axes.grid(False)
        for i, row in enumerate(rows):
            for j, count in enumerate(row):
                tint = palette.diverging((1 if i == j else -1) * count, max(1, sum(row)))[theme]
                left, right, low, high = j - 0.47, j + 0.47, i - 0.47, i + 0.47
                axes.fill([left, right, right, left], [low, low, high, high], color=tint)
                grey = palette.text if count else palette.border
                axes.text(j, i, str(count), ha="center", va="center", color=grey[theme], size=10)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="predicted", ylabel="true", aspect="equal")
        axes.set_xticks(range(size), names, rotation=45 if longest > 6 else 0, ha="right" if longest > 6 else "center")
        axes.set_yticks(range(size), names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return chart


def _counts(matrix: Any, classes: Sequence[str]) -> tuple[Sequence[Sequence[int]], list[str]]:
    """The rows of a confusion matrix and the names of its classes."""
    rows = getattr(matrix, "counts", matrix)
    if not isinstance(rows, Sequence):
        raise TypeError(
            f"this draws a table of counts, as train.metrics.confusion_matrix(predictions, targets) makes it, but got"
            f" {type(rows).__name__}"
        )
    names = [caption(name) for name in classes or getattr(matrix, "classes", ()) or range(len(rows))]
    widths = sorted({len(row) for row in rows})
    if widths != [len(rows)] or len(names) != len(rows):
        raise ValueError(
            f"a confusion matrix is square with a name a class, but got {len(rows)} rows of {widths} and"
            f" {len(names)} names"
        )
    return rows, names


def loss_contours(
    loss: Callable[[float, float], Any], paths: Mapping[str, Sequence[Point]], *,
    limits: tuple[Point, Point] | None = None, minimum: Point | None = None,
    names: tuple[str, str] = ("w1", "w2"), resolution: int = 90, title: str = "Descent", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns contour lines of a loss over two parameters, with the paths that descents took over them.

    `loss` maps two numbers to a number or Value; each path is a list of points, its start a ring and its end a disc.
    `limits` are the two ranges shown; by default they hold all paths. Contours are closer together in value near the
    lowest one, so that the valley's floor is drawn too. Raises ValueError without limits where there are no paths.
    """
    points = [point for path in paths.values() for point in path] + ([minimum] if minimum else [])
    if not (limits or points):
        raise ValueError("loss_contours needs limits=((low, high), (low, high)) where there are no paths")
    across, up = limits or (padded(column, 0.15) for column in zip(*points))
    xs, ys = evenly(across, resolution), evenly(up, resolution)
    with no_grad():
        heights = [[float(loss(x, y)) for x in xs] for y in ys]
    low, high = min(map(min, heights)), max(map(max, heights))
    lines = sorted({low + (high - low) * ((i + 0.5) / 12) ** 2.5 for i in range(12)})
    with drawing(theme, title, height=4.8) as (chart, axes):
        axes.grid(False)
        axes.contour(xs, ys, heights, levels=lines, colors=[palette.border[theme]], linewidths=0.7, alpha=0.75)
        for i, (name, path) in enumerate(paths.items()):
            _draw_path(axes, name, path, _look(i, theme))
        if minimum:
            axes.scatter(minimum[:1], minimum[1:], s=70, marker="+", color=palette.text[theme], zorder=5)
            behind = {"facecolor": palette.background[theme], "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
            axes.annotate("lowest", minimum, (7, 7), textcoords="offset points", size=10, bbox=behind, zorder=6)
        axes.set(xlabel=names[0], ylabel=names[1], xlim=across, ylim=up)
        if paths:
            chart.legend(loc="outside lower center", ncols=min(3, len(paths)))
    return chart


def _draw_path(axes: Axes, name: str, path: Sequence[Point], look: dict[str, Any]) -> None:
    """A descent from above: a mark for each step, or thin lines if they are many."""
    across, up = zip(*path)
    width, marker = 0.8 if len(path) > 200 else 1.4, "o" if len(path) <= 80 else None
    axes.plot(across, up, **look, linewidth=width, marker=marker, markersize=3, label=name, zorder=3)
    axes.scatter(across[:1], up[:1], s=42, facecolors="none", edgecolors=look["color"], linewidths=1.6, zorder=4)
    axes.scatter(across[-1:], up[-1:], s=42, color=look["color"], zorder=4)


def descent_on_curve(
    loss: Callable[[float], Any], paths: Mapping[str, Sequence[float]], *,
    limits: Point | None = None, xlabel: str = "weight $w$", title: str = "Descent", theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns one small chart a path, side by side: the loss over one weight, and the points that a descent visited.

    `loss` maps a number to a number or Value. Points outside `limits` are counted in the chart's own words, so that a
    diverging path does not flatten the others. The start is a ring. Raises ValueError where there is no path.
    """
    if not paths:
        raise ValueError("descent_on_curve needs at least one path: a name and the weights that it visited")
    xs = evenly(padded(limits or [w for path in paths.values() for w in path], 0.1), 201)
    with no_grad():
        curve = [(x, float(loss(x))) for x in xs]
        at = {name: [(w, float(loss(w))) for w in path] for name, path in paths.items()}
    columns = min(len(paths), 2)  # side by side on a phone too
    rows = -(-len(paths) // columns)
    chart = Chart(width=max(4.0, CHART_WIDTH / 2 * columns), height=0.5 + 2.7 * rows, theme=theme)
    with settings(theme):
        chart.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, wrap=True)
        panels = list(chart.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        for i, (axes, (name, path)) in enumerate(zip(panels, at.items())):
            axes.plot(*zip(*curve), color=palette.border[theme], linewidth=1.2)
            _draw_visits(axes, name, path, curve, _series(i, theme))
        chart.supxlabel(xlabel, fontsize=10, color=palette.muted[theme])
        chart.supylabel("loss", fontsize=10, color=palette.muted[theme])
        for axes in panels[len(paths) :]:
            axes.set_visible(False)
    return chart


def _draw_visits(axes: Axes, name: str, path: Sequence[Point], curve: Sequence[Point], colour: str) -> None:
    """The points that a descent visited on a curve; those beyond the curve's ends or its height are counted."""
    heights = [height for _, height in curve]
    low, top = min(heights), max(heights) + 0.05 * (max(heights) - min(heights))
    left, right = curve[0][0], curve[-1][0]
    axes.plot(*zip(*path), color=colour, marker="o", markersize=4, linewidth=1.0)
    axes.scatter(path[0][:1], path[0][1:], s=60, facecolors="none", edgecolors=colour, linewidths=1.6)
    off = sum(not left <= w <= right or height > top for w, height in path)
    axes.set_title(name + (f" ({off} points off the chart)" if off else ""), loc="left", size=10, weight="normal")
    axes.set(xlim=(left, right), ylim=(low - 0.05 * (top - low), top))
    axes.grid(True, linewidth=0.8)


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
    xs = evenly(limits, 161)  # an odd number, so that limits symmetric about 0 put one on a kink at 0
    chart = Chart(height=4.9, theme=theme)
    with settings(theme):
        above, below = chart.subplots(2, 1, sharex=True)
        for i, (name, loss) in enumerate(losses.items()):
            predictions = [Value(x, "prediction") for x in xs]
            outs = [loss(each) for each in predictions]
            total(outs).backward()
            above.plot(xs, [out.data for out in outs], label=name, **_look(i, theme))
            below.plot(xs, [float(each.grad) for each in predictions], **_look(i, theme))
        above.set_title(title, loc="left", wrap=True)
        above.set_ylabel("loss")
        below.set(ylabel="slope", xlabel=xlabel)
        below.axhline(0.0, color=palette.border[theme], linewidth=1.0)
        for axes in (above, below):
            axes.grid(True, linewidth=0.8)
        above.legend()
    return chart


def bars(
    values: Mapping[str, float], *, ylabel: str = "", title: str = "", percent: bool = False, theme: str = "light",
) -> Chart:  # fmt: skip
    """Returns a bar for each name, its number written over it: blue above 0, vermilion below.

    `percent` writes 0.5 as 50%. Raises ValueError where there are no values.
    """
    if not values:
        raise ValueError("there are no bars to draw: values is empty; give it a name and its number")
    with drawing(theme, title, max(4.0, min(10.0, 1.0 + 0.5 * len(values))), 3.4) as (chart, axes):
        axes.grid(False, axis="x")
        colours = [(palette.positive if value >= 0 else palette.negative)[theme] for value in values.values()]
        drawn = axes.bar(list(values), list(values.values()), color=colours, width=0.62)
        axes.bar_label(drawn, fmt=(lambda v: f"{v:.0%}") if percent else (lambda v: f"{v:.3g}"), padding=2, size=10)
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.axhline(0.0, color=palette.border[theme], linewidth=1.0)
        axes.margins(y=0.15)
        axes.set_ylabel(ylabel)
        if max(map(len, values)) > 6 and len(values) > 4:
            axes.tick_params(axis="x", labelrotation=30)
    return chart
