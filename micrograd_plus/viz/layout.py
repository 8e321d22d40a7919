"""Runs a layout engine on DOT text, and makes its SVG fit for pages, themes and screen readers.

The engine that pip installs is the first choice: it needs no system package and writes the same bytes on every machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from micrograd_plus.viz import palette

__all__ = ["LayoutError", "find_engine", "finished_svg", "render"]

WHEEL = "graphviz-pure"
"""The package that pip installs; its executable has the same name."""

_PIXELS = ("-Gdpi=144", "-Gsize=100,60")
"""A PNG's resolution, and the size in inches that larger ones are shrunk to: 14,400 by 8,640 pixels."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_FAMILY = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"
"""Fonts of equal widths first: the boxes were measured for Arial."""


class LayoutError(RuntimeError):
    """No layout engine was found, or it failed; the message tells the command that mends it."""


def find_engine(engine: str | None = None) -> str:
    """Returns the path of the executable: the one named, else pip's `graphviz-pure`, else `dot` on the PATH.

    `engine` is "graphviz-pure", "dot", or the path of either. Raises LayoutError if there is none.
    """
    candidates = [WHEEL, "dot"] if engine is None else [engine]
    for candidate in candidates:
        found = (_in_wheel() if candidate == WHEEL else None) or shutil.which(candidate)
        if found:
            return found
    raise LayoutError(f"{_MISSING.get(engine, _UNKNOWN).format(engine)}. Without one, .text() and .dot() still work")


_MISSING = {
    None: "no layout engine for pictures was found: run `pip install graphviz-pure`",
    WHEEL: "the layout engine graphviz-pure was not found: run `pip install graphviz-pure`",
    "dot": "the layout engine dot was not found: install Graphviz, as in `apt-get install graphviz`",
}
_UNKNOWN = "there is no layout engine {!r}: give the path of a Graphviz `dot`, or leave engine out"


@cache
def _in_wheel() -> str | None:
    """The executable that the wheel brought: in an environment that is not activated it is not on the PATH."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        installed = files(WHEEL) or []
    except PackageNotFoundError:
        return None
    for file in installed:
        if Path(file.name).stem == WHEEL:
            path = os.path.normpath(str(file.locate()))
            if os.access(path, os.X_OK):
                return path
    return None


def render(dot: str, format: str, engine: str | None = None, timeout: float = 60.0) -> bytes:
    """Returns the picture of a DOT text as "svg" or "png" bytes.

    Raises LayoutError if there is no engine or it fails, TimeoutError if it takes more than `timeout` seconds.
    """
    executable = find_engine(engine)
    command = [executable, "-q", "-Kdot", f"-T{format}", *(_PIXELS if format == "png" else ())]
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"the layout took more than {timeout:g} seconds; draw less of the graph (collapse='layers' or a smaller"
            " limit), or allow more time with timeout="
        ) from None
    except OSError as error:
        raise LayoutError(f"{executable} can't be run ({error}); run `pip install --force-reinstall {WHEEL}`") from None
    if done.returncode or not done.stdout:
        said = " ".join(done.stderr.decode(errors="replace").split())[:300] or f"exit code {done.returncode}"
        raise LayoutError(f"{executable} could not draw the graph: {said}")
    return done.stdout


def finished_svg(
    drawn: bytes, *, title: str, description: str, tooltips: Mapping[str, str], dark: bool, prefix: str = ""
) -> str:
    """Returns an engine's SVG as one that can stand in a page or alone.

    It has a role, a title and a description for screen readers, each part's tooltip as its `<title>`, no links, and, if
    `dark` is asked for, a style sheet that follows the reader's theme. Every id starts with `prefix`.

    Raises LayoutError if `drawn` is no SVG.
    """
    ElementTree.register_namespace("", _SVG)
    try:
        root = ElementTree.fromstring(drawn)
    except ElementTree.ParseError as error:
        raise LayoutError(f"the layout engine wrote no SVG ({error}); name another one with engine=") from None
    _unwrap_links(root)
    taken = {element.get("id") for element in root.iter()}
    for element in root.iter():
        _finish(element, tooltips, prefix, taken)
    _head(root, title, description, prefix)
    text = _serialized(root)
    if dark:
        style = f"<style>{palette.css_dark('.mp-graph', text)}</style>"
        start = text.index(">") + 1
        text = f"{text[:start]}{style}{text[start:]}"
    return text


def _unwrap_links(root: ElementTree.Element) -> None:
    """Graphviz writes a tooltip as a link to nowhere, which keyboards stop at; its contents take its place."""
    for parent in list(root.iter()):
        for link in [child for child in parent if child.tag == f"{{{_SVG}}}a"]:
            place = list(parent).index(link)
            parent.remove(link)
            for offset, child in enumerate(link):
                parent.insert(place + offset, child)


def _finish(element: ElementTree.Element, tooltips: Mapping[str, str], prefix: str, taken: set[str | None]) -> None:
    id = element.get("id", "")
    if id.startswith("a_"):  # the group around a link: a cell's is the cell, a part's is in the part of that id
        id = id.removeprefix("a_")
        element.set("id", id if id not in taken else f"{id}-shape")
    if "id" in element.attrib:
        element.set("id", prefix + element.attrib["id"])
    caption = element.find(f"{{{_SVG}}}title")
    if caption is not None:
        element.remove(caption)
        if id in tooltips:
            caption.text, caption.tail = tooltips[id], "\n"
            element.insert(0, caption)
    if element.get("stroke") == "transparent":  # older Graphviz's word for none
        element.set("stroke", "none")
    for name in ("font-family", _SPACE):  # said once, on the whole
        element.attrib.pop(name, None)


def _head(root: ElementTree.Element, title: str, description: str, prefix: str) -> None:
    for drawing in root.findall(f"{{{_SVG}}}g"):
        drawing.set("class", "mp-graph")
        drawing.set("font-family", _FAMILY)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}title {prefix}description")
    root.set("style", "max-width:100%;height:auto")
    for place, (tag, text) in enumerate({"title": title, "desc": description}.items()):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", id=f"{prefix}{'title' if tag == 'title' else 'description'}")
        element.text, element.tail = text, "\n"
        root.insert(place, element)


def _serialized(root: ElementTree.Element) -> str:
    for element in root.iter():
        for name in [name for name in element.attrib if name.startswith(f"{{{_XLINK}}}")]:
            del element.attrib[name]
    return ElementTree.tostring(root, encoding="unicode")
