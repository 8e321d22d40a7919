"""Runs a layout engine on DOT text, and makes its SVG fit for pages, themes and screen readers.

The engine that pip installs is the first choice: it needs no system package and writes the same bytes on every machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from micrograd_plus.viz import palette, svg

__all__ = ["OUTSIDE", "LayoutError", "find_engine", "finished", "render"]

WHEEL = "graphviz-pure"  # the package that pip installs; its executable has the same name
OUTSIDE = "-outside"  # how the id of an arrow's first stretch ends, if it comes to a module from outside of it
_PIXELS = ("-Gdpi=144", "-Gsize=100,60")  # a PNG larger than 14,400 by 8,640 pixels is shrunk
_FAMILY = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"  # of equal widths: the boxes were measured for Arial


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
    wanted = "for pictures" if engine is None else repr(engine)
    raise LayoutError(
        f"no layout engine {wanted} was found: run `pip install {WHEEL}`, or install Graphviz, and leave engine out or"
        " give the path of its `dot`. Without one, .text() and .dot() still work"
    )


@cache
def _in_wheel() -> str | None:
    """The executable that the wheel brought: in an environment that is not activated it is not on the PATH."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        installed = files(WHEEL) or []
    except PackageNotFoundError:
        return None
    paths = [os.path.normpath(str(file.locate())) for file in installed if Path(file.name).stem == WHEEL]
    return next((path for path in paths if os.access(path, os.X_OK)), None)


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


def finished(
    drawn: bytes, title: str, description: str, tooltips: Mapping[str, str], *, dark: bool, prefix: str
) -> svg.Element:
    """Returns an engine's SVG as the tree of one that can stand in a page or alone.

    It has a role, a title and a description for screen readers, each part's tooltip as its `<title>`, ids with the
    prefix, no links and, if `dark`, a style sheet that follows the reader's theme. Raises LayoutError for no SVG.
    """
    try:
        root = svg.parsed(drawn)
    except svg.ParseError as error:
        raise LayoutError(f"the layout engine wrote no SVG ({error}); name another one with engine=") from None
    svg.unwrap(root, lambda each: each.tag == "a")  # a tooltip is a link to nowhere, which keyboards would stop at
    taken = {each.get("id") for each in root.iter()}
    for each in root.iter():
        _finish(each, tooltips, prefix, taken)
    for drawing in root.findall("g"):
        _join(drawing)
        drawing.attrib |= {"class": "mp-graph", "font-family": _FAMILY}
    named = f"{prefix}title {prefix}description"
    root.attrib |= {"role": "img", "aria-labelledby": named, "style": "max-width:100%;height:auto"}
    for tag, name, words in (("desc", "description", description), ("title", "title", title)):
        head = svg.element(tag, words, id=prefix + name)
        head.tail = "\n"
        root.insert(0, head)
    if dark:
        svg.darken(root, ".mp-graph")
    return root


def _join(drawing: svg.Element) -> None:
    """Makes one arrow of one that is drawn in two stretches."""
    arrows = {each.get("id", ""): each for each in drawing if "flow" in each.get("class", "")}
    for id, outside in arrows.items():
        if not id.endswith(OUTSIDE):
            continue
        (before, *_), (line, *_) = (list(each.iter("path")) for each in (outside, arrows[id.removesuffix(OUTSIDE)]))
        line.set("d", f"{before.get('d')}L{line.get('d', '')[1:]}")
        drawing.remove(outside)


def _finish(element: svg.Element, tooltips: Mapping[str, str], prefix: str, taken: set[str | None]) -> None:
    id = element.get("id", "")
    if id.startswith("a_"):  # the group around a link: a cell's is the cell, a part's is in the part of that id
        id = id.removeprefix("a_")
        element.set("id", id if id not in taken else f"{id}-shape")
    if "id" in element.attrib:
        element.set("id", prefix + element.attrib["id"])
    caption = element.find("title")
    if caption is not None:
        element.remove(caption)
        if id in tooltips:
            caption.text, caption.tail = tooltips[id], "\n"
            element.insert(0, caption)
    if "flow" in element.get("class", ""):  # what stands on an arrow keeps a halo, so that no line runs through it
        for text in element.iter("text"):
            text.attrib |= {"stroke": palette.background.light, "stroke-width": "3", "paint-order": "stroke"}
    if element.get("stroke") == "transparent":  # older Graphviz's word for none
        element.set("stroke", "none")
    for name in ("font-family", "xml:space"):  # said once, on the whole
        element.attrib.pop(name, None)
