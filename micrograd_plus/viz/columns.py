"""Columns: modules that follow each other stand side by side, each as a column, with their parts in order.

Graphviz draws a frame around each module, but left alone it lets modules overlap by a rank, so that they become a
staircase, leads arrows into a frame around it, and keeps no order among frames. Invisible nodes are the cure: gates,
which all of a module comes before and all of the next one after; a doorway in the frame for each arrow that comes from
outside of it; and, ahead of what a column begins with, places, which stand in no frame and so keep their order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from micrograd_plus.nn.owners import ancestors
from micrograd_plus.viz.scene import Arrow, Box, Scene, Sign

__all__ = ["Columns", "columns", "path"]

NESTED = 4  # levels of modules that are drawn around a node, the innermost ones


@dataclass
class Columns:
    """What is drawn unseen to keep columns: `lines` and `rows` of ids that stand in one column, in order, those in rows
    with a place ahead of each; `gates`, each with the ids before it and those after it; `doors`, the id of the doorway
    of each arrow that has one, by the arrow's id.
    """

    lines: list[list[str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    gates: list[tuple[list[str], list[str]]] = field(default_factory=list)
    doors: dict[str, str] = field(default_factory=dict)


def path(module: str) -> list[str]:
    """Returns the frames around a part of a module, from the outside in; the first one, "", is the whole picture.

    >>> path("layers.0.neurons.2")
    ['', 'layers.0', 'layers.0.neurons.2']
    """
    return ["", *ancestors(module)[-NESTED:]]


def columns(scene: Scene) -> Columns:
    """Returns the columns of a scene: those of groups, or, where modules lead into each other, those of their parts."""
    parts: list[Box | Sign] = [*scene.boxes, *scene.marks]
    module = {part.id: part.module for part in parts}
    before = {holder: _before(scene.arrows, module, holder) for each in {*module.values()} for holder in path(each)}
    gates = [
        ([*exits[first]], [*entries[then]])
        for holder in sorted(before)
        for exits, entries in [_ends(scene.arrows, module, holder)]
        for then in sorted(before[holder], key=_natural)
        for first in sorted(before[holder][then], key=_natural)
    ]
    if not any(before.values()):
        return Columns(_groups(scene))
    doors = {
        arrow.id: f"{arrow.id}-door"
        for arrow in scene.arrows
        if module[arrow.head] and module[arrow.head] not in path(module[arrow.tail])
    }
    lines, rows = _inputs(scene, module, doors), _rows(scene.arrows, module, before, doors)
    passed = {id for _, after in gates for id in after} | {*doors.values()}
    start = [id for line in [*lines, *rows] for id in line if id not in passed]
    return Columns(lines, rows, [([], start), *gates], doors)


def _before(arrows: Sequence[Arrow], module: Mapping[str, str], holder: str) -> dict[str, set[str]]:
    """For each module that a holder holds, those held that lead into it; none if they lead in a circle."""
    item = {id: _inner(each, holder) for id, each in module.items()}
    tails: defaultdict[str, set[str]] = defaultdict(set)
    for arrow in arrows:
        tail, head = (item[end] or f"{end} alone" for end in (arrow.tail, arrow.head))
        if tail != head:
            tails[head].add(tail)
    near: dict[str, set[str]] = {}
    held = {each for each in item.values() if each}
    try:
        for each in TopologicalSorter(tails).static_order():
            near[each] = set().union(*({tail} if tail in held else near[tail] for tail in tails[each]))
    except CycleError:  # modules that are used again later, as in a recurrent network
        return {}
    return {each: near.get(each, set()) for each in held}


def _inner(module: str, holder: str) -> str:
    """The part of a holder that a module is or lies in, "" if it does not lie there."""
    frames = path(module)
    return frames[frames.index(holder) + 1] if holder in frames[:-1] else ""


def _ends(
    arrows: Sequence[Arrow], module: Mapping[str, str], holder: str
) -> tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]]:
    """By the modules that a holder holds: the ids with no arrow to others in there, and those with no arrow from."""
    exits: defaultdict[str, dict[str, None]] = defaultdict(dict)
    entries: defaultdict[str, dict[str, None]] = defaultdict(dict)
    item = {id: _inner(each, holder) for id, each in module.items()}
    for id, each in item.items():
        exits[each][id] = entries[each][id] = None
    for arrow in arrows:
        if item[arrow.tail] == item[arrow.head]:
            exits[item[arrow.tail]].pop(arrow.tail, None)
            entries[item[arrow.head]].pop(arrow.head, None)
    return exits, entries


def _rows(
    arrows: Sequence[Arrow], module: Mapping[str, str], before: Mapping[str, Mapping[str, set[str]]],
    doors: Mapping[str, str],
) -> list[list[str]]:  # fmt: skip
    """What modules that stand below each other begin with, in order."""
    starts = _starts(arrows, module, doors)
    alike: defaultdict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
    for each in sorted(starts, key=_natural):
        holder = path(each)[-2]
        if each in before[holder]:
            alike[holder, frozenset(before[holder][each])] += starts[each]
    return [*alike.values()]


def _inputs(scene: Scene, module: Mapping[str, str], doors: Mapping[str, str]) -> list[list[str]]:
    """The leaves that no module owns, if they lead into some: those that lead into the same ones, in order."""
    into: defaultdict[str, set[str]] = defaultdict(set)
    for arrow in scene.arrows:
        into[arrow.tail].add(path(module[arrow.head])[1] if arrow.id in doors else "")
    heads = {arrow.head for arrow in scene.arrows}
    alike: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for box in scene.boxes:
        if not box.module and box.id not in heads and into[box.id] - {""}:
            alike[frozenset(into[box.id])].append(box.id)
    return [*alike.values()]


def _starts(arrows: Sequence[Arrow], module: Mapping[str, str], doors: Mapping[str, str]) -> dict[str, list[str]]:
    """By module: its doorways and leaves that lead to its first operations, in the order of these."""
    tails: defaultdict[str, list[str]] = defaultdict(list)
    for arrow in arrows:
        tails[arrow.head].append(doors.get(arrow.id, arrow.tail))
    begins: dict[str, dict[str, None]] = {}
    for head, row in tails.items():
        if module[head] and not any(id in tails for id in row):
            begins.setdefault(module[head], {}).update(dict.fromkeys(row))
    return {each: [*row] for each, row in begins.items()}


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts `layers.10` after `layers.9`."""
    return [(int(each), "") if each.isdigit() else (-1, each) for each in re.split(r"(\d+)", name)]


def _groups(scene: Scene) -> list[list[str]]:
    """The groups that stand below each other, such as a layer's neurons, and the leaves of groups: drawn in order."""
    before: defaultdict[str, set[str]] = defaultdict(set)
    for arrow in scene.arrows:
        before[arrow.head].add(arrow.tail)
    depth: dict[str, int] = {}
    try:
        for id in TopologicalSorter(before).static_order():
            depth[id] = 1 + max((depth[tail] for tail in before[id]), default=0)
    except CycleError:  # modules that are used again later, as in a recurrent network
        return []
    found: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for box in scene.boxes:
        if box.group and box.holder and box.id in depth:
            found[box.holder, depth[box.id]].append(box.id)
    return [column for column in [*found.values(), *_leaves(scene)] if len(column) > 1]


def _leaves(scene: Scene) -> list[list[str]]:
    """The leaves that lead into groups; those that share one are together."""
    groups, heads = {box.id for box in scene.boxes if box.group}, {arrow.head for arrow in scene.arrows}
    into: defaultdict[str, set[str]] = defaultdict(set)
    for arrow in scene.arrows:
        into[arrow.tail] |= {arrow.head} & groups
    lines: list[tuple[set[str], list[str]]] = []
    for box in scene.boxes:
        if box.id in heads or box.group or not into[box.id]:
            continue
        known = [line for line in lines if line[0] & into[box.id]]
        shared, ids = into[box.id].union(*(heads for heads, _ in known)), [id for _, ids in known for id in ids]
        lines = [*(line for line in lines if line not in known), (shared, [*ids, box.id])]
    return [ids for _, ids in lines]
