"""A drawing of a graph at a third of its size, which looks the same on the step player's page."""

from __future__ import annotations

import re
from itertools import pairwise

from micrograd_plus.viz import palette
from micrograd_plus.viz.svg import Element, unwrap

__all__ = ["lean"]

STYLED = {"mp-graph", "flow"}  # the classes that the page's style knows
NUMBERS = ("-data", "-grad")  # how the ids of the cells end that hold a number

_USUAL = {("font-size", "11.00"), ("text-anchor", "start"), ("stroke", "none")}
_USUAL_FILL = {"path": palette.background.light, "text": palette.text.light}
"""What the page's own style says already."""


def lean(root: Element) -> Element:
    """Returns the tree itself, made leaner in place.

    Gone are the tooltips of its parts, which tell the end of the story, what the page's style says already, the second
    decimals and groups of nothing but a group; a rectangle is written as one, and a cell's ground and frame in one.
    The text of a number's cell gets the cell's middle as its place: other numbers will be written there.
    """
    for drawing in root.findall("g"):
        for part in reversed(list(drawing.iter())):  # from the inside out
            _lighten(part)
            part[:] = [each for each in part if each.tag != "title"]
            _centre(part)
            _merge_frames(part)
            for child in part:
                if child.tag == "polygon":
                    _shorten(child)
                if child.get("fill") == _USUAL_FILL.get(child.tag, ""):
                    del child.attrib["fill"]
            if part.tag == "g" and "class" in part.attrib:
                kinds = part.attrib.pop("class").split()
                if "value" in kinds:
                    _uncover(part)
                for kind in STYLED.intersection(kinds):
                    part.set("class", kind)
        unwrap(drawing, lambda each: each.tag == "g" and not each.attrib)
    return root


def _centre(part: Element) -> None:
    """Puts the text of a number's cell at the cell's middle; that it is anchored there, the page's style says."""
    frame, text = part.find("polygon"), part.find("text")
    if part.get("id", "").endswith(NUMBERS) and frame is not None and text is not None:
        corners = [float(corner.split(",")[0]) for corner in frame.get("points", "").split()]
        text.set("x", f"{(min(corners) + max(corners)) / 2:g}")


def _lighten(part: Element) -> None:
    """Takes out white space, second decimals, and attributes that say what goes without saying."""
    part.text, part.tail = part.text if part.tag == "text" else None, None
    for name, value in list(part.attrib.items()):
        if (name, value) in _USUAL or name == "font-family" or (name == "id" and value.endswith("-shape")):
            del part.attrib[name]
        elif name not in ("id", "class"):
            part.set(name, re.sub(r"\.0(?!\d)", "", re.sub(r"(\d\.\d)\d+", r"\1", value)))
    is_plain_line = part.tag == "path" and part.get("fill") == "none" and {*part.attrib} == {"fill", "stroke", "d"}
    is_arrowhead = part.tag == "polygon" and part.get("fill") == part.get("stroke")
    if is_plain_line or is_arrowhead:
        part.attrib.pop("fill", None)
        part.attrib.pop("stroke", None)


def _merge_frames(part: Element) -> None:
    """Makes one polygon of a filled one and the frame that is drawn around it."""
    for ground, frame in list(pairwise(part)):
        same = ground.tag == frame.tag == "polygon" and ground.get("points") == frame.get("points")
        if same and {*ground.attrib} == {"fill", "points"} and frame.get("fill") == "none" and len(frame.attrib) == 3:
            frame.set("fill", ground.get("fill", ""))
            part.remove(ground)


def _uncover(box: Element) -> None:
    """Takes out the ground of a box, which its cells cover, unless it is the box's frame as well."""
    for table in (box, *box.findall("g")):
        if len(table) and table[0].tag == "path":
            if {*table[0].attrib} == {"d"}:
                table.remove(table[0])
            return


def _shorten(polygon: Element) -> None:
    """Leaves out a last corner that is the first one, and makes a path of a rectangle."""
    corners = polygon.get("points", "").split()
    corners = corners[: -1 if corners[-1] == corners[0] else None]
    polygon.set("points", " ".join(corners))
    (left, top), *others = (corner.split(",") for corner in corners)
    if len(others) == 3 and others[0][0] == left and others[2][1] == top and others[1] == [others[2][0], others[0][1]]:
        del polygon.attrib["points"]
        polygon.tag = "path"
        polygon.set("d", f"M{left} {top}V{others[0][1]}H{others[1][0]}V{top}z")
