"""The one home of colours: what each role, sign and series looks like, in light and in dark.

The hues follow Okabe and Ito (2008), so that the colour-blind tell them apart too; whatever a colour says, a sign, a
border or a word says as well. Texts on their fills have a contrast of at least 4.5 to 1 (WCAG 2.2, AA).
"""

from __future__ import annotations

from collections.abc import Container
from math import isinf
from typing import NamedTuple

__all__ = [
    "DIVERGING_STEPS", "QUANTITIES", "ROLES", "SERIES", "SYMBOLS", "THEMES", "Role", "Shade", "background", "border",
    "css_dark", "css_variables", "diverging", "grid", "muted", "negative", "positive", "shades", "surface", "text",
    "tint", "warning",
]  # fmt: skip

THEMES = ("light", "dark")


class Shade(NamedTuple):
    """One colour as it stands in each theme, as `#rrggbb`.

    >>> text["dark"] == text.dark
    True
    """

    light: str
    dark: str

    def __getitem__(self, theme: object) -> str:  # type: ignore[override]
        """Returns the colour of "light" or "dark". Raises ValueError for another theme."""
        if theme not in THEMES:
            raise ValueError(f"a theme is 'light' or 'dark', not {theme!r}")
        return self.light if theme == "light" else self.dark


class Role(NamedTuple):
    """What a node is, and how it looks: the fill behind its name, its line, and a word for legends."""

    fill: Shade
    line: Shade
    word: str


background = Shade("#ffffff", "#14171c")
surface = Shade("#f7f8fa", "#1d2128")  # behind groups and panels, a little apart from the background
text = Shade("#1b1f24", "#e8eaed")
muted = Shade("#5b636e", "#a3abb5")  # what is said in passing: captions, axes, counts
border = Shade("#8a929c", "#757e89")  # lines of boxes and arrows
grid = Shade("#dfe3e8", "#31363e")
positive = Shade("#0a5fa5", "#6db3ee")  # a gradient or weight above 0: blue, always with its sign printed
negative = Shade("#b54800", "#f4924f")  # below 0: vermilion, always with its sign printed
warning = Shade("#8f5b00", "#f0c04a")

ROLES: dict[str, Role] = {
    "input": Role(Shade("#d3f0e6", "#0f5240"), Shade("#008f67", "#46d1a5"), "input"),
    "parameter": Role(Shade("#e9e0f8", "#3f2d63"), Shade("#6b42b8", "#b394f0"), "parameter"),
    "constant": Role(Shade("#eceef1", "#2c3138"), Shade("#8a929d", "#767f8a"), "constant"),
    "random": Role(Shade("#fdf0c2", "#4d3f0b"), Shade("#8f6a00", "#e3bd3e"), "random"),
    "intermediate": Role(Shade("#f4f5f7", "#252a31"), Shade("#6d7681", "#8b949f"), "computed"),
    "loss": Role(Shade("#f6bfd7", "#7a1f4e"), Shade("#7d1148", "#ff9dcb"), "output"),
}
"""Every role a node can have. `loss` is the node that the picture was asked of."""

SERIES: tuple[Shade, ...] = (
    Shade("#0072b2", "#56b4e9"), Shade("#a84300", "#f58a3c"), Shade("#00805f", "#2fc596"),
    Shade("#a8467f", "#c96fa3"), Shade("#b08c00", "#f2d544"), Shade("#343b45", "#e6e9ee"),
)  # fmt: skip
"""Colours for the curves and classes of a chart, in order of use; tell curves apart by dash or marker too."""

QUANTITIES: dict[str, Shade] = {
    "input": Shade("#00704f", "#46d1a5"), "parameter": ROLES["parameter"].line, "gradient": ROLES["loss"].line,
    "local": SERIES[1], "rate": warning, "first-moment": SERIES[0], "second-moment": Shade("#00697a", "#4fc7d6"),
}  # fmt: skip
"""The colour of each quantity of a formula, the same in text, tables and pictures; `local` is a local derivative, that
of an operation by its operand, and a gradient is what comes back from the loss."""

SYMBOLS: dict[str, str] = {
    **dict.fromkeys(("x", "X"), "input"), **dict.fromkeys(("w", "W", "b", "u"), "parameter"),
    **dict.fromkeys(("g", "δ"), "gradient"), **dict.fromkeys(("η", "lr"), "rate"),
    **dict.fromkeys(("m", "m_hat"), "first-moment"), **dict.fromkeys(("v", "v_hat"), "second-moment"),
}  # fmt: skip
"""Which quantity a symbol stands for, where formulas are about training; m and v are Adam's moments, or something else
in a text without Adam."""

DIVERGING_STEPS = 4  # tints on either side of zero: few, so that a step can be seen

_TINTS: dict[int, Shade] = {
    -4: Shade("#f6a873", "#8f3d06"), -3: Shade("#fac39d", "#703209"), -2: Shade("#fcd9c1", "#54290d"),
    -1: Shade("#feece0", "#3a2114"), 0: background, 1: Shade("#e2f0fb", "#14283c"), 2: Shade("#c6e1f7", "#143656"),
    3: Shade("#a5d0f2", "#124672"), 4: Shade("#7fbbec", "#0d5690"),
}  # fmt: skip


def diverging(value: float, largest: float = 1.0) -> Shade:
    """Returns the tint of a signed number beside the largest size in its picture: vermilion, white, blue.

    Zero (and nan) are white, anything else has at least the first tint of its sign.

    >>> diverging(0.5).light, diverging(-1e-9).light, diverging(0.0).light
    ('#c6e1f7', '#feece0', '#ffffff')
    """
    return _TINTS[tint(value, largest)]


def tint(value: float, largest: float = 1.0) -> int:
    """Returns which tint a signed number has, from -4 to 4, as `diverging` chooses it; 0 is white.

    >>> tint(0.5), tint(-1e-9), tint(float("inf"), float("inf"))
    (2, -1, 4)
    """
    if value == 0 or value != value or largest <= 0:
        return 0
    share = 1.0 if isinf(value) else min(abs(value) / largest, 1.0)
    step = max(1, round(share * DIVERGING_STEPS))
    return step if value > 0 else -step


def shades() -> dict[str, Shade]:
    """Returns every colour by the name that its CSS variable has, without the `--mp-`.

    >>> shades()["input-fill"].light
    '#d3f0e6'
    """
    named = {
        "background": background, "surface": surface, "text": text, "muted": muted, "border": border, "grid": grid,
        "positive": positive, "negative": negative, "warning": warning,
    }  # fmt: skip
    for name, role in ROLES.items():
        named |= {f"{name}-fill": role.fill, f"{name}-line": role.line}
    named |= {f"series-{i}": shade for i, shade in enumerate(SERIES, 1)}
    named |= {f"quantity-{name}": shade for name, shade in QUANTITIES.items()}
    named |= {f"tint-{'minus' if i < 0 else 'plus'}-{abs(i)}" if i else "tint-0": s for i, s in _TINTS.items()}
    return named


def css_variables() -> str:
    """Returns a style sheet that sets `--mp-text`, `--mp-input-fill`, ... for the reader's theme.

    The reader's system decides, unless `data-theme="light"` or `"dark"` stands on the root element.

    >>> css_variables().splitlines()[0][:40]
    ':root { color-scheme: light; --mp-backgr'
    """
    light, dark = (
        f"color-scheme: {theme}; " + " ".join(f"--mp-{name}: {shade[theme]};" for name, shade in shades().items())
        for theme in THEMES
    )
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
        f":root[data-theme=dark] {{ {dark} }}\n"
    )


def css_dark(scope: str, colours: Container[tuple[str, str]]) -> str:
    """Returns a style sheet that turns the light colours written on an SVG's elements into the dark ones.

    `scope` selects an element inside the SVG that holds the picture; only `colours`, the attributes found in it, get a
    rule. The light colours stay attributes, so that what knows no style sheets shows the light picture.

    >>> print(css_dark(".graph", {("fill", "#ffffff")}).splitlines()[1])
    :root:not([data-theme=light]) .graph [fill="#ffffff"] { fill: #14171c; }
    """

    def rules(root: str) -> str:
        return "\n".join(
            f'{root} {scope} [{attribute}="{shade.light}"] {{ {attribute}: {shade.dark}; }}'
            for shade in sorted({*shades().values()})
            for attribute in ("fill", "stroke")
            if (attribute, shade.light) in colours
        )

    return (
        f"@media (prefers-color-scheme: dark) {{\n{rules(':root:not([data-theme=light])')}\n}}\n"
        f"{rules(':root[data-theme=dark]')}\n"
    )
