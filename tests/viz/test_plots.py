"""Charts: right numbers in the right places, the same bytes each time, no mark on the user's own Matplotlib."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from micrograd_plus import Value
from micrograd_plus.data import blobs, iris, line, moons
from micrograd_plus.nn import MLP
from micrograd_plus.train.history import Epoch, History, Iteration
from micrograd_plus.train.metrics import confusion_matrix
from micrograd_plus.viz import palette, plots
from micrograd_plus.viz.picture import NARROW, widths
from micrograd_plus.viz.svg import parsed


def history(epochs: int = 3, batches: int = 2) -> History:
    numbers = range(1, epochs * batches + 1)
    return History(
        iterations=[Iteration(1 + (i - 1) // batches, i, 1 / i, 0.1) for i in numbers],
        epochs=[Epoch(e, e * batches, {"loss": 1 / e, "validation loss": 1.5 / e}) for e in range(1, epochs + 1)],
    )


def bowl(x: float, y: float) -> float:
    return x**2 + 4 * y**2


MAKERS = {
    "curves": lambda: plots.curves({"a": [1, 2], "b": ([0, 4], [2, 1])}, title="Curves & <more>", ylabel="height"),
    "loss_curves": lambda: plots.loss_curves(history()),
    "decision_boundary": lambda: plots.decision_boundary(MLP(2, [3]), blobs(30), resolution=12),
    "confusion_chart": lambda: plots.confusion_chart([[3, 1], [0, 4]], ["no", "yes"]),
    "loss_contours": lambda: plots.loss_contours(bowl, {"path": [(2, 1), (1, 0.5)]}, minimum=(0, 0), resolution=20),
    "descent_on_curve": lambda: plots.descent_on_curve(lambda w: w**2, {"low": [2, 1], "high": [2, -3]}),
    "loss_functions": lambda: plots.loss_functions({"squared": lambda p: (p - 1) ** 2}),
    "bars": lambda: plots.bars({"one": 1.0, "two": -0.5}, percent=True),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_chart_is_a_figure_with_the_same_bytes_each_time(name: str) -> None:
    first, second = MAKERS[name](), MAKERS[name]()
    assert isinstance(first, Figure)
    svg = first.svg()
    assert svg == second.svg()
    ET.fromstring(svg)


LARGE = {
    "a logarithmic axis": lambda: plots.curves({"a": [1, 0.1, 0.001]}, log=True),
    "less than a power of ten": lambda: plots.curves({"a": [2, 3, 5]}, log=True),
    "three paths": lambda: plots.descent_on_curve(lambda w: w**2, {name: [2, 1] for name in "abc"}),
    "ten classes": lambda: plots.confusion_chart([[3] * 10] * 10),
    "nine bars": lambda: plots.bars({str(i): 0.123 * i for i in range(9)}),
}


@pytest.mark.parametrize("name", [*MAKERS, *LARGE])
def test_a_chart_fits_a_phone_and_its_letters_are_legible(name: str) -> None:
    assert widths(parsed({**MAKERS, **LARGE}[name]().svg()))[0] <= NARROW - 32


LONG = "Of how many words a title may have " * 3
TITLED = {
    "curves": lambda: plots.curves({"a": [1, 2]}, title=LONG),
    "bars": lambda: plots.bars({"a": 1.0}, title=LONG),
    "loss_functions": lambda: plots.loss_functions({"a": lambda p: p**2}, title=LONG),
    "descent_on_curve": lambda: plots.descent_on_curve(lambda w: w**2, {"a": [2, 1]}, title=LONG),
}


@pytest.mark.parametrize("name", TITLED)
def test_a_long_title_stays_within_the_chart(name: str) -> None:
    chart = TITLED[name]()
    chart.draw_without_rendering()
    (title,) = [each for each in chart.findobj(Text) if each.get_text() == LONG]
    box = title.get_window_extent()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= chart.bbox.width and box.y1 <= chart.bbox.height
    assert box.y0 >= max(axes.bbox.y1 for axes in chart.axes)


def test_a_logarithmic_axis_has_numbers_in_full() -> None:
    assert ">0.001<" in LARGE["a logarithmic axis"]().svg() and ">3<" in LARGE["less than a power of ten"]().svg()


def test_a_second_save_gives_the_same_bytes() -> None:
    chart = MAKERS["confusion_chart"]()  # of equal aspect, which moves its axes about
    assert chart.svg() == chart.svg()


def test_every_public_chart_is_tested_here() -> None:
    assert {*MAKERS, "Chart"} == set(plots.__all__)


def test_bytes_are_the_same_in_another_process_which_loads_no_pyplot() -> None:
    code = (
        "import sys; from micrograd_plus.viz import plots\n"
        "sys.stdout.buffer.write(plots.curves({'a': [1, 2, 4], 'b': [3, 2, 1]}, title='t').png())\n"
        "print('matplotlib.pyplot' in sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert other.stdout == plots.curves({"a": [1, 2, 4], "b": [3, 2, 1]}, title="t").png()
    assert other.stderr == b"False\n"


def test_the_users_settings_are_neither_used_nor_changed() -> None:
    with matplotlib.rc_context({"lines.linewidth": 9.0, "svg.fonttype": "path", "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        svg = MAKERS["curves"]().svg()
        assert dict(matplotlib.rcParams) == before
    assert svg == MAKERS["curves"]().svg()


@pytest.mark.parametrize("theme", palette.THEMES)
def test_colours_are_the_palettes(theme: str) -> None:
    chart = plots.curves({"a": [1, 2], "b": [2, 1]}, theme=theme)
    drawn = [line.get_color() for line in chart.axes[0].lines]
    assert drawn == [palette.SERIES[0][theme], palette.SERIES[1][theme]]
    assert matplotlib.colors.to_hex(chart.get_facecolor()) == palette.background[theme]


def test_a_light_svg_has_a_dark_form_and_a_dark_one_stays_dark() -> None:
    assert f"fill: {palette.background.dark}" in plots.bars({"a": 1.0}).svg()
    dark = plots.bars({"a": 1.0}, theme="dark").svg()
    assert "prefers-color-scheme" not in dark and f'fill="{palette.background.dark}"' in dark


def test_marks_turn_dark_too() -> None:
    root = ET.fromstring(MAKERS["loss_contours"]().svg())  # rules for dark pages do not reach a mark's definition
    marks = [mark for defs in root.iter("{http://www.w3.org/2000/svg}defs") for mark in defs]
    assert marks and not any("stroke" in mark.attrib for mark in marks)


def test_saves_by_suffix(tmp_path) -> None:
    chart = MAKERS["bars"]()
    assert chart.save(tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert chart.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert chart.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert chart.svg().encode() == (tmp_path / "a.svg").read_bytes()
    with pytest.raises(ValueError, match=r"\.svg, \.png or \.pdf"):
        chart.save(tmp_path / "a.gif")


def test_text_is_escaped_and_names_the_picture() -> None:
    root = ET.fromstring(plots.curves({"<b>": [1, 2], "c": [2, 3]}, title="a < b").svg())
    assert "a < b" in root.get("aria-label", "")
    assert "<b>" in "".join(root.itertext())


def test_a_notebook_shows_it() -> None:
    assert MAKERS["bars"]()._repr_mimebundle_()["image/svg+xml"].startswith("<svg ")


# -------------------------------------------------------------------- what is drawn


def test_loss_curves_draw_the_history() -> None:
    axes = history().plot().axes[0]
    iterations, training, validation = axes.lines
    assert list(training.get_ydata()) == [1, 1 / 2, 1 / 3] and list(training.get_xdata()) == [1, 2, 3]
    assert list(validation.get_ydata()) == [1.5, 0.75, 0.5]
    assert list(iterations.get_xdata()) == [0.5, 1, 1.5, 2, 2.5, 3]
    assert iterations.get_ydata()[-1] == 1 / 6


def test_loss_curves_compare_several() -> None:
    axes = plots.loss_curves({"a": history(), "b": history(5)}).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "a: loss", "a: validation loss", "b: loss", "b: validation loss",
    ]  # fmt: skip


@pytest.mark.parametrize("threshold, expected", [(0.0, "class 1 where x > 0"), (1.0, "class 1 where x > 1")])
def test_a_boundary_of_one_score_lies_at_the_threshold(threshold: float, expected: str) -> None:
    def score(rows: list[list[float]]) -> list[float]:
        return [x for x, _ in rows]

    axes = plots.decision_boundary(score, moons(20), threshold=threshold, resolution=9).axes[0]
    border = next(c for c in axes.collections if len(c.get_paths()) == 1 and len(c.get_facecolors()) == 0)
    assert all(x == pytest.approx(threshold) for x in border.get_paths()[0].vertices[:, 0]), expected


def test_a_boundary_may_be_absent() -> None:
    plots.decision_boundary(lambda rows: [1.0 for _ in rows], moons(20), resolution=5).svg()


def test_loss_functions_take_slopes_from_backward() -> None:
    above, below = plots.loss_functions({"squared": lambda p: (p - 1) ** 2}, limits=(-2, 2)).axes
    xs, slopes = below.lines[0].get_data()
    assert list(slopes) == pytest.approx([2 * (x - 1) for x in xs])
    assert list(above.lines[0].get_ydata()) == pytest.approx([(x - 1) ** 2 for x in xs])


def test_contours_take_values_too() -> None:
    chart = plots.loss_contours(lambda x, y: Value(x) ** 2 + y * y, {}, limits=((-1, 1), (-1, 1)), resolution=9)
    assert chart.axes[0].collections


def test_descent_counts_what_is_off_the_chart() -> None:
    chart = plots.descent_on_curve(lambda w: w * w, {"diverges": [1, -2, 4, -8, 16]}, limits=(-2, 2))
    assert "(3 points off the chart)" in chart.axes[0].get_title(loc="left")


def test_a_confusion_matrix_is_taken_as_the_metric_makes_it_and_nothing_else_is() -> None:
    counted = confusion_matrix([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], [0, 1, 1], ["cat", "dog"])
    drawn = plots.confusion_chart(counted)
    assert drawn.axes[0].get_xlabel() == "predicted"
    assert drawn.svg() == plots.confusion_chart([[1, 0], [1, 1]], ["cat", "dog"]).svg()
    with pytest.raises(TypeError, match=r"confusion_matrix\(predictions, targets\).*got MLP"):
        plots.confusion_chart(MLP(2, [2]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: plots.curves({}), "no curves"),
        (lambda: plots.curves({"a": ([1, 2], [1])}), "2 x's and 1 heights"),
        (lambda: plots.curves({"a": []}), "at least 1"),
        (lambda: plots.loss_curves(History()), "no epoch"),
        (lambda: plots.decision_boundary(MLP(4, [3]), iris()), "2 features"),
        (lambda: plots.decision_boundary(MLP(1, [1]), line()), "2 features"),
        (lambda: plots.decision_boundary(MLP(2, [2]), blobs(9), resolution=5), "scores 2 classes"),
        (lambda: plots.confusion_chart([[1, 2]]), "square"),
        (lambda: plots.confusion_chart([[1, 2], [3, 4]], ["a"]), "1 names"),
        (lambda: plots.loss_contours(bowl, {}), "limits"),
        (lambda: plots.descent_on_curve(abs, {}), "at least one path"),
        (lambda: plots.bars({}), "no bars"),
        (lambda: plots.bars({"a": 1}, theme="blue"), "light"),
    ],
)
def test_wrong_input_is_told(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
