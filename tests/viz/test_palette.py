"""The palette: legible in both themes, told apart by the colour-blind, one dark colour for each light one."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from micrograd_plus.viz import palette
from micrograd_plus.viz.palette import Shade

# How each kind of eye sees linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio, from 1 to 21."""
    low, high = sorted(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(each))) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, eye: str) -> tuple[float, float, float]:
    r, g, b = (min(1.0, max(0.0, sum(w * c for w, c in zip(row, linear(colour))))) for row in EYES[eye])
    white = {"x": 0.4124 * r + 0.3576 * g + 0.1805 * b, "y": 0.2126 * r + 0.7152 * g + 0.0722 * b}
    x, y, z = white["x"] / 0.9505, white["y"], (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(one: str, other: str, eye: str) -> float:
    """How far apart two colours look: CIE 1976, about 2 is just noticeable."""
    return math.dist(lab(one, eye), lab(other, eye))


@pytest.mark.parametrize("theme", palette.THEMES)
def test_text_is_legible_on_every_fill(theme: str) -> None:
    fills = [role.fill for role in palette.ROLES.values()] + [palette.background, palette.surface]
    fills += [palette.diverging(step / palette.DIVERGING_STEPS) for step in range(-4, 5)]
    for fill in fills:
        assert contrast(palette.text[theme], fill[theme]) >= 4.5
    for ink in (palette.muted, palette.positive, palette.negative, palette.warning):
        assert contrast(ink[theme], palette.background[theme]) >= 4.5
    for ink in palette.QUANTITIES.values():  # letters of formulas, in answers too
        assert min(contrast(ink[theme], behind[theme]) for behind in (palette.background, palette.surface)) >= 4.5


def test_each_symbol_stands_for_one_quantity_and_each_quantity_has_its_own_colour() -> None:
    assert {*palette.SYMBOLS.values()} == {*palette.QUANTITIES} - {"local"}
    for theme in palette.THEMES:
        assert len({shade[theme] for shade in palette.QUANTITIES.values()}) == len(palette.QUANTITIES)


@pytest.mark.parametrize("theme", palette.THEMES)
def test_lines_stand_out_from_the_background(theme: str) -> None:
    for shade in [palette.border, *palette.SERIES, *(role.line for role in palette.ROLES.values())]:
        assert contrast(shade[theme], palette.background[theme]) >= 3


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", palette.THEMES)
def test_signs_roles_and_series_are_told_apart_by_every_eye(theme: str, eye: str) -> None:
    assert difference(palette.positive[theme], palette.negative[theme], eye) > 60
    for size in (0.25, 0.5, 0.75, 1.0):
        assert difference(palette.diverging(size)[theme], palette.diverging(-size)[theme], eye) > 12
    for one, other in itertools.combinations(palette.ROLES, 2):
        if {one, other} != {"constant", "intermediate"}:  # both grey; a constant's box has no name
            lines = palette.ROLES[one].line[theme], palette.ROLES[other].line[theme]
            assert difference(*lines, eye) > 10, (one, other)
    for first, second in itertools.combinations(palette.SERIES, 2):
        assert difference(first[theme], second[theme], eye) > 10, (first, second)


def test_equal_light_colours_have_equal_dark_ones() -> None:
    dark: dict[str, str] = {}
    for shade in palette.shades().values():
        assert dark.setdefault(shade.light, shade.dark) == shade.dark
        assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in shade)


def test_diverging_keeps_the_sign_and_grows_with_the_size() -> None:
    assert palette.diverging(0.0) == palette.diverging(math.nan) == palette.diverging(3.0, 0.0) == palette.background
    assert palette.diverging(1e-300, 5.0) != palette.background != palette.diverging(-1e-300, 5.0)
    assert palette.diverging(9.0, 5.0) == palette.diverging(5.0, 5.0) == palette.diverging(math.inf, 5.0)
    for sign in (1, -1):
        shades = [palette.diverging(sign * size) for size in (0.25, 0.5, 0.75, 1.0)]
        assert len(set(shades)) == palette.DIVERGING_STEPS
        distances = [contrast(shade.light, "#ffffff") for shade in shades]
        assert distances == sorted(distances)


def test_css_variables_name_every_shade_in_both_themes() -> None:
    css = palette.css_variables()
    for name, shade in palette.shades().items():
        assert css.count(f"--mp-{name}: {shade.light};") == 1
        assert css.count(f"--mp-{name}: {shade.dark};") == 2  # by the system's choice, and by the page's


def test_css_dark_has_rules_for_the_colours_of_the_drawing_only() -> None:
    css = palette.css_dark(".p", {("stroke", palette.border.light)})
    assert css.count("{ stroke:") == 2
    assert "{ fill:" not in css
    assert palette.border.dark in css


def test_a_theme_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="'light' or 'dark', not 'blue'"):
        Shade("#000000", "#ffffff")["blue"]
