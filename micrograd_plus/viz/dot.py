"""Writes a scene as DOT, Graphviz's language: boxes are HTML-like tables, modules are dashed clusters.

Labels are user input: every text is escaped for the place where it stands, and a node's name is its id in the scene.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from micrograd_plus.report import printable
from micrograd_plus.viz import palette
from micrograd_plus.viz.columns import Columns, columns, path
from micrograd_plus.viz.layout import OUTSIDE
from micrograd_plus.viz.scene import Arrow, Box, Cell, Scene, Sign, shortened

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["dot_text"]

FONT, LARGE, SIZE, SMALL = "Arial", 15, 11, 9

CELL_WIDTH = 50  # points at least for a number, so that numbers can change without a new layout
POINT = {"shape": "point", "style": "invis", "width": "0", "height": "0", "fixedsize": "true"}  # what is not seen
TOOLTIP = 2000  # characters of a tooltip in DOT at most, whose texts may not be endless; the SVG has all of it
DENSE = 150  # more arrows between groups are straight and get room: each layer meets all of the next
CROWDED = 600  # with more arrows the layout is told to be quick: seconds and not minutes


def dot_text(
    scene: Scene, theme: str, direction: str, legend: bool, title: str, *, in_columns: bool = True
) -> str:  # fmt: skip
    """Returns the DOT text of a scene; `in_columns` keeps modules beside each other. Equal scenes give equal text."""
    from graphviz import Digraph

    dense = len(scene.arrows) > DENSE and any(box.group for box in scene.boxes)
    tail, head = ("e", "w") if direction == "LR" else ("s", "n")
    drawing = Digraph("computation_graph")
    drawing.attr(
        "graph", rankdir=direction, bgcolor=palette.background[theme], nodesep="0.12", ranksep="0.3", pad="0.1",
        fontname=FONT, fontsize=str(SIZE), fontcolor=palette.muted[theme], labelloc="t" if title else "b",
        labeljust="l",
    )  # fmt: skip
    if dense:
        drawing.attr("graph", splines="line", ranksep="1.2")
    elif len(scene.arrows) > CROWDED:
        drawing.attr("graph", splines="line", nslimit="2", nslimit1="2", mclimit="0.2")
    drawing.attr("node", shape="plain", fontname=FONT, fontsize=str(SIZE), fontcolor=palette.text[theme])
    drawing.attr("edge", color=palette.border[theme], arrowsize="0.55", fontname=FONT, fontsize=str(SMALL))
    if words := _words(scene, theme, legend, title):
        drawing.attr("graph", label=words)
    kept = columns(scene) if in_columns else Columns()
    _Parts(scene, theme, kept.doors).write(drawing, "")
    if kept.gates:
        drawing.attr("graph", newrank="true")
    _unseen(drawing, kept)
    groups = {box.id for box in scene.boxes if box.group}
    for arrow in scene.arrows:
        origin, look = f"{arrow.tail}:{tail}", _arrow(arrow, dense, theme)
        if door := kept.doors.get(arrow.id):
            outside = {name: value for name, value in look.items() if "label" not in name}
            drawing.edge(origin, f"{door}:{head}", **outside | {"id": arrow.id + OUTSIDE, "arrowhead": "none"})
            origin = f"{door}:{tail}"
        to = f"{arrow.head}:{head}" if dense and arrow.head in groups else arrow.head
        drawing.edge(origin, to, **look)
    return str(drawing.source)


def _unseen(drawing: Digraph, kept: Columns) -> None:
    """Writes the gates between modules, and the order of what stands in one column."""
    place = {id: f"{id}-place" for row in kept.rows for id in row}
    for column in [*kept.lines, *kept.rows, *([place[id] for id in row] for row in kept.rows)]:
        with drawing.subgraph() as same:
            same.attr(rank="same")
            for above, below in pairwise(column):
                same.edge(above, below, style="invis")
    for id, before in place.items():
        drawing.node(before, "", **POINT)
        drawing.edge(before, id, style="invis")
    for number, (exits, entries) in enumerate(kept.gates):
        gate = f"gate{number}"
        drawing.node(gate, "", **POINT)
        for id in exits:
            drawing.edge(id, gate, style="invis", weight="0")
        for id in entries:
            drawing.edge(gate, place.get(id, id), style="invis", weight="0")


class _Parts:
    """The boxes and signs of a scene by the module that they lie in, written as nested clusters."""

    def __init__(self, scene: Scene, theme: str, doors: Mapping[str, str]) -> None:
        self.theme, self.largest = theme, _largest(scene)
        self.parts: defaultdict[str, list[Box | Sign]] = defaultdict(list)
        self.holder: dict[str, str] = {}  # of each module the one that it lies in
        parts: list[Box | Sign] = [*scene.boxes, *scene.marks]
        for part in parts:
            for holder, module in pairwise(path(part.module)):
                self.holder.setdefault(module, holder)
            self.parts[part.module].append(part)
        module_of = {part.id: part.module for part in parts}
        self.doors: defaultdict[str, list[str]] = defaultdict(list)
        for arrow in scene.arrows:
            if arrow.id in doors:
                self.doors[module_of[arrow.head]].append(doors[arrow.id])

    def write(self, drawing: Digraph, module: str) -> None:
        for part in self.parts[module]:
            if isinstance(part, Box):
                label = f"<{_table(part, self.theme, self.largest)}>"
                drawing.node(part.id, label, **_common(part.id, f"value {part.role}", part.title))
            else:
                drawing.node(part.id, f"<{_text(part.text)}>", **self._sign(part))
        for door in self.doors[module]:
            drawing.node(door, "", **POINT)
        inner = [name for name, holder in self.holder.items() if holder == module]
        for i, name in enumerate(inner):
            with drawing.subgraph(name=f"cluster_{module}_{i}") as cluster:
                cluster.attr(
                    label=f"<{_text(shortened(name.removeprefix(f'{module}.')))}>", style="dashed,rounded",
                    margin="6", color=palette.border[self.theme], fontcolor=palette.muted[self.theme],
                    fontsize=str(SMALL), labelloc="t", labeljust="l", **{"class": "module"},
                )  # fmt: skip
                self.write(cluster, name)

    def _sign(self, sign: Sign) -> dict[str, str]:
        short, role = len(sign.text) <= 2, palette.ROLES["intermediate"]
        return _common(sign.id, "operation", sign.title) | {
            "shape": "circle" if short else "box", "style": "filled" if short else "filled,rounded",
            "fixedsize": "true" if short else "false", "width": "0.26" if short else "0", "height": "0.26",
            "margin": "0.06,0.02", "color": role.line[self.theme], "fillcolor": role.fill[self.theme],
            "fontsize": "12" if short else "10",
        }  # fmt: skip


def _common(id: str, kind: str, title: str) -> dict[str, str]:
    """The attributes that a part's picture carries its identity in: an id, a class, a tooltip."""
    tooltip = title[:TOOLTIP].replace("&", "&amp;").replace("\\", "\\\\")
    return {"id": id, "class": kind, "tooltip": tooltip or " "}


def _arrow(arrow: Arrow, dense: bool, theme: str) -> dict[str, str]:
    common = _common(arrow.id, "flow", arrow.title)
    if arrow.label:
        ink = palette.negative if arrow.label.startswith("-") else palette.positive
        common |= {"label": f"<{_text(arrow.label)}>", "fontcolor": ink[theme]}
    if arrow.result:  # from an operation to its own result: held close together
        return common | {"weight": "8", "arrowsize": "0.45"}
    if dense:
        return common | {"arrowsize": "0.4", "penwidth": f"{0.6 + 0.4 * math.log10(arrow.count):.2f}"}
    return common | {"penwidth": f"{1 + math.log10(arrow.count):.2f}"} if arrow.count > 1 else common


def _largest(scene: Scene) -> float:
    """The largest gradient in the picture but for the output's own, which is 1 whatever the others are."""
    tints = [cell.tint for box in scene.boxes if box.role != "loss" for cell in box.cells if cell.tint is not None]
    return max((abs(tint) for tint in tints if math.isfinite(tint)), default=0.0)


def _table(box: Box, theme: str, largest: float) -> str:
    """A box: the name over the number and the gradient."""
    role = palette.ROLES[box.role]
    numbers = [cell for cell in box.cells if cell.kind != "note"]
    span = max(1, len(numbers))
    ink = palette.text[theme] if box.named or box.group else palette.muted[theme]
    rows = []
    if box.name:
        name = f"<B>{_text(box.name)}</B>" if box.named else _text(box.name)
        shape = f'COLSPAN="{span}" BGCOLOR="{role.fill[theme]}"{_width(box.name)}'
        rows.append(f'<TD {shape}><FONT COLOR="{ink}">{name}</FONT></TD>')
    small = f'COLOR="{palette.muted[theme]}" POINT-SIZE="{SMALL}"'
    notes = [_text(cell.text) for cell in box.cells if cell.kind == "note"]
    rows += [f'<TD COLSPAN="{span}"><FONT {small}>{note}</FONT></TD>' for note in notes]
    if numbers:
        rows.append("".join(_number_cell(box, cell, theme, largest) for cell in numbers))
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    width = 2 if box.role in ("loss", "parameter") else 1
    return (
        f'<TABLE BORDER="{width - 1}" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3"'
        f' COLOR="{role.line[theme]}" BGCOLOR="{palette.background[theme]}">{body}</TABLE>'
    )


def _number_cell(box: Box, cell: Cell, theme: str, largest: float) -> str:
    """A number's cell, with an id of its own; for the target's sake Graphviz writes it as a group."""
    fill = palette.background if cell.tint is None else palette.diverging(cell.tint, largest)
    if box.role in ("constant", "random"):  # a number alone carries the role's colour
        fill = palette.ROLES[box.role].fill
    width = "" if box.role == "constant" else f' WIDTH="{CELL_WIDTH}"'
    identity = f'ID="{box.id}-{cell.kind}" TITLE="{cell.kind}" TARGET="_self"'
    return f'<TD {identity} BGCOLOR="{fill[theme]}"{width}>{_text(cell.text)}</TD>'


def _text(text: str) -> str:
    """User input inside an HTML-like label: tags, entities and Graphviz's own escapes (`\\N`) are plain characters."""
    text = printable(text)
    return html.escape(text).replace("\\", "&#92;&#92;") if text.strip() else "&#160;"


def _width(text: str) -> str:
    """The width of a text that Graphviz can't measure: its tables end with Latin-1."""
    if all(ord(character) < 256 for character in text):
        return ""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return f' WIDTH="{round(SIZE * (0.62 * len(text) + 0.45 * wide)) + 8}"'


def _words(scene: Scene, theme: str, legend: bool, title: str) -> str:
    """What stands above a picture that has a title, below one that has none: that, what was left out, the legend."""
    rows = [f'<FONT COLOR="{palette.text[theme]}" POINT-SIZE="{LARGE}"><B>{_text(title)}</B></FONT>'] if title else []
    small = f'COLOR="{palette.muted[theme]}" POINT-SIZE="{SMALL + 1}"'
    rows += [f"<FONT {small}>{_text(word)}</FONT>" for word in scene.words]
    rows += [_legend(scene, theme)] if legend else []
    lines = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{lines}</TABLE>>' if lines else ""


def _legend(scene: Scene, theme: str) -> str:
    """A sample of each kind of cell and box that is present, with its word."""
    tints = [cell.tint for box in scene.boxes for cell in box.cells if cell.tint is not None]
    border = palette.border[theme]
    samples = [("value", palette.background, border)] if tints else []
    samples += [("gradient above 0", palette.diverging(0.5), border)] if any(tint > 0 for tint in tints) else []
    samples += [("below 0", palette.diverging(-0.5), border)] if any(tint < 0 for tint in tints) else []
    present = {box.role for box in scene.boxes}
    roles = [(role.word, role.fill, role.line[theme]) for name, role in palette.ROLES.items() if name in present]
    cells = "".join(
        f'<TD BORDER="1" COLOR="{line}" BGCOLOR="{fill[theme]}" CELLPADDING="3">'
        f'<FONT COLOR="{palette.text[theme]}" POINT-SIZE="{SMALL}">{word}</FONT></TD>'
        for word, fill, line in roles + samples
    )
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="0"><TR>{cells}</TR></TABLE>'
