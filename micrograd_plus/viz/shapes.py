"""The shapes that pictures without a layout engine are made of: lines, rectangles, words, as elements of an SVG.

Colours are given in their light form: a style sheet turns them dark where the reader prefers it.
"""

from __future__ import annotations

from math import hypot
from typing import Any

from micrograd_plus.viz import palette
from micrograd_plus.viz.svg import Element, element

__all__ = ["lettering", "rectangle", "segment"]


def segment(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *,
    dash: str = "", head: float = 0.0, tip: str = "",
) -> Element:  # fmt: skip
    """A line, with an arrow's head at its end if `head` is its length."""
    length = hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    stop_x, stop_y, half = x2 - ux * head, y2 - uy * head, 0.45 * head
    look: dict[str, Any] = {"stroke": colour, "stroke_width": width, "stroke_dasharray": dash}
    parts = [element("title", tip)] if tip else []
    parts.append(element("line", x1=x1, y1=y1, x2=stop_x, y2=stop_y, **look))
    if head:
        points = [(x2, y2), (stop_x - uy * half, stop_y + ux * half), (stop_x + uy * half, stop_y - ux * half)]
        parts.append(element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), fill=colour))
    return parts[0] if len(parts) == 1 else element("g", *parts)


def rectangle(x: float, y: float, width: float, height: float, fill: str, **look: Any) -> Element:
    """A rectangle with its corner at (x, y); `look` says more of it, such as `stroke` or `rx`."""
    return element("rect", x=x, y=y, width=width, height=height, fill=fill, **look)


def lettering(
    x: float, y: float, words: str, *, size: float, fill: str = palette.text.light, weight: str = "",
    anchor: str = "middle", halo: bool = False, on: str = palette.background.light,
) -> Element:  # fmt: skip
    """Words with their middle at (x, y); a halo of the background's colour keeps lines from running through them."""
    halos = {"stroke": on, "stroke_width": 5, "stroke_linejoin": "round", "paint_order": "stroke"}
    place = {"x": x, "y": y + 0.35 * size, "font_size": size, "text_anchor": anchor, "font_weight": weight}
    attributes: dict[str, Any] = {**place, "fill": fill, **(halos if halo else {})}
    return element("text", words, **attributes)
