"""SVG as a tree: a drawing is parsed once, edited as a tree, and written once.

Tags and attributes have plain names here (`g`, `xlink:href`): their namespaces are declared on the root.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from xml.etree.ElementTree import Element, ParseError

from micrograd_plus.viz import palette

__all__ = ["Element", "ParseError", "darken", "element", "parsed", "spans", "unwrap", "written"]

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PREFIXES = {_SVG: "", _XLINK: "xlink:", "http://www.w3.org/XML/1998/namespace": "xml:"}


def element(tag: str, *inside: Element | str, **attributes: object) -> Element:
    """Returns an element that holds a text, or others; the attribute `stroke_width` is written `stroke-width`.

    Numbers are written with two decimals at most. An attribute that is "" is left out.

    >>> written(element("g", element("text", "a < b", x=1.256, font_size=12)))
    '<g><text x="1.26" font-size="12">a &lt; b</text></g>\\n'
    """
    found = Element(tag)
    for name, value in attributes.items():
        if value != "":
            text = f"{round(value, 2):g}" if isinstance(value, float) else str(value)
            found.set(name.rstrip("_").replace("_", "-"), text)
    found.text = "".join(each for each in inside if isinstance(each, str)) or None
    found.extend(each for each in inside if not isinstance(each, str))
    return found


def parsed(text: str | bytes) -> Element:
    """Returns the root of an SVG; comments and what stands before the root are left out. Raises ParseError."""
    root = ElementTree.fromstring(text)
    for each in root.iter():
        each.tag = _plain(each.tag)
        each.attrib = {_plain(name): value for name, value in each.attrib.items()}
    return root


def _plain(name: str) -> str:
    space, _, local = name.rpartition("}")
    return _PREFIXES.get(space[1:], "") + local


def written(root: Element) -> str:
    """Returns the text of a tree, with a newline at its end; that of an `svg` can stand in a page or alone.

    >>> written(parsed("<svg xmlns='http://www.w3.org/2000/svg'><!-- a --><g/></svg>"))
    '<svg xmlns="http://www.w3.org/2000/svg"><g /></svg>\\n'
    """
    if root.tag == "svg":
        spaces = {"xmlns": _SVG}
        if any(name.startswith("xlink:") for each in root.iter() for name in each.attrib):
            spaces["xmlns:xlink"] = _XLINK
        root.attrib = spaces | root.attrib
    return f"{ElementTree.tostring(root, encoding='unicode').rstrip()}\n"


def unwrap(root: Element, is_wrapper: Callable[[Element], bool]) -> None:
    """Puts the contents of each element below `root` that is a wrapper in its place."""
    for parent in reversed(list(root.iter())):  # from the inside out
        parent[:] = [inner for child in parent for inner in (child if is_wrapper(child) else (child,))]


def spans(root: Element) -> dict[str, tuple[float, float, float, float]]:
    """Returns left, top, width and height of each group of a drawing that has an id and polygons, in the root's units.

    A page that knows them from here needs no measuring, which fails where a page is hidden when it loads.

    >>> box = "<g id='n0'><polygon points='0,-9 0,-2 5,-2 5,-9'/></g>"
    >>> spans(parsed(f"<svg><g transform='scale(1 1) translate(1 9.5)'>{box}</g></svg>"))
    {'n0': (1.0, 0.5, 5.0, 7.0)}
    """
    found = {}
    for drawing in root.findall("g"):
        moved = re.search(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", drawing.get("transform", ""))
        shift = [float(each) for each in moved.groups()] if moved else [0.0, 0.0]
        for part in drawing.iter("g"):
            corners = " ".join(each.get("points", "") for each in part.iter("polygon")).split()
            if "id" in part.attrib and corners:
                columns = zip(*(map(float, corner.split(",")) for corner in corners))
                (left, right), (top, bottom) = ((min(column), max(column)) for column in columns)
                place = left + shift[0], top + shift[1], right - left, bottom - top
                found[part.attrib["id"]] = (*(round(each, 1) for each in place),)
    return found


def darken(root: Element, scope: str, *rules: str) -> None:
    """Puts a style sheet first that turns the light colours below `scope` dark where the reader prefers it.

    `rules` are further CSS, which stands before. See `palette.css_dark`.
    """
    colours = {(name, each.get(name, "")) for each in root.iter() for name in ("fill", "stroke")}
    sheet = element("style", "\n".join([*rules, palette.css_dark(scope, colours)]))
    sheet.tail, root.text = root.text, None
    root.insert(0, sheet)
