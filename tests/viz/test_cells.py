"""Numbers as cells: digits as images, tables as heat maps; legible, named, dark where the page is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from micrograd_plus.data import digits
from micrograd_plus.viz import Heatmap, Images, palette
from micrograd_plus.viz.cells import DEEPEST
from micrograd_plus.viz.picture import NARROW, widths
from micrograd_plus.viz.svg import parsed
from tests.viz.test_palette import contrast

LOOKS = {"head 1": [[1.0, None], [0.25, 0.75]], "head 2": [[1.0, None], [0.5, 0.5]]}


def test_each_pixel_is_as_dark_as_it_is_large() -> None:
    image = [0.0, 4.0, 8.0, 16.0]
    root = parsed(Images([image], width=2, captions=["a <digit>"]).svg())
    frame, *pixels = list(root.iter("rect"))[1:]
    assert [float(each.get("fill-opacity", "")) for each in pixels] == [0.25, 0.5, 1.0], "0 is the background"
    assert {each.get("fill") for each in pixels} == {palette.text.light}
    left, top, side = (float(frame.get(name, "")) for name in ("x", "y", "width"))
    places = [(float(each.get("x", "")) - left, float(each.get("y", "")) - top) for each in pixels]
    assert places == [(side / 2, 0), (0, side / 2), (side / 2, side / 2)]
    assert [each.text for each in root.iter("text")] == ["a <digit>"]


def test_a_cell_has_its_number_and_its_names() -> None:
    root = parsed(Heatmap(LOOKS, rows=[".", "m"], columns=[".", "m"], across="looks at", down="a letter").svg())
    texts = [each.text for each in root.iter("text")]
    assert texts.count("1.00") == 2 and texts.count("0.50") == 2 and "None" not in texts and "head 2" in texts
    assert "m, .: 0.25" in [each.text for each in root.iter("title")]
    signed = Heatmap([[-2.0, 1.0]], rows=["w"], columns=["x1", "x2"]).svg()
    below, above = re.findall(r'fill="(#\w+)" fill-opacity="([\d.]+)"', signed)
    assert below == (palette.negative.light, "0.5") and above == (palette.positive.light, "0.25")
    assert "−2.00" in signed, "the sign is printed"


@pytest.mark.parametrize("theme", palette.THEMES)
@pytest.mark.parametrize("ink", [palette.positive, palette.negative])
def test_a_number_is_legible_on_the_deepest_tint(theme: str, ink: palette.Shade) -> None:
    def parts(colour: str) -> list[int]:
        return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]

    mixed = (DEEPEST * a + (1 - DEEPEST) * b for a, b in zip(parts(ink[theme]), parts(palette.background[theme])))
    assert contrast(palette.text[theme], "#" + "".join(f"{round(each):02x}" for each in mixed)) >= 4.5


def pictures() -> list[Any]:
    data = digits()
    captions = [data.classes[int(target)] for target in data.targets[:10]]
    letters = list(".maren")
    table = [[1 / (i + 1) if j <= i else None for j in range(6)] for i in range(6)]
    return [
        Images(data.inputs[:10], width=8, captions=captions, title="Ten digits"),
        Heatmap(
            {f"head {i}": table for i in range(4)}, rows=letters, columns=letters, across="looks at", down="letter"
        ),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_it_fits_a_phone_and_is_the_same_each_time(number: int, tmp_path: Any) -> None:
    picture = pictures()[number]
    assert widths(parsed(picture.svg()))[0] <= NARROW - 32
    assert picture.svg() == pictures()[number].svg()
    assert 'role="img" aria-label="' in picture.svg() and "prefers-color-scheme: dark" in picture.svg()
    assert picture.save(tmp_path / "cells.svg").read_text(encoding="utf-8") == picture.svg()
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == repr(picture) and "mp-wide" in bundle["text/html"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Images([[1.0, 2.0, 3.0]], width=2), "image 0 has 3 pixels, which are no lines of 2"),
        (lambda: Images([], width=2), "nothing to draw"),
        (lambda: Images([[1.0]], width=1, captions="ab"), "1 image, but 2 captions"),
        (
            lambda: Heatmap([[1.0], [2.0]], rows="ab", columns="ab"),
            r"rows of \[1, 1\], but the names are for 2 rows of 2",
        ),
        (lambda: Heatmap([], rows="", columns=""), "nothing to draw"),
    ],
)
def test_wrong_input_is_told(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("rows", [3.0, [1.0, 2.0], "ab"])
def test_what_is_no_table_is_told(rows: Any) -> None:
    with pytest.raises(TypeError, match="rows of numbers, a list of lists, but got"):
        Images(rows, width=1)
