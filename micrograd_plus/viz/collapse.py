"""Large graphs made small: whole modules, inputs and stretches of arithmetic are drawn as one box each.

Level 0 makes a box of each innermost module (a neuron), level 1 of what holds it (a layer), and so on outwards. A graph
that nothing can make small is drawn near its output and cut off below.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from micrograd_plus import operation
from micrograd_plus.checks import counted
from micrograd_plus.nn.owners import ancestors
from micrograd_plus.value import UNSEEN, Value
from micrograd_plus.viz.scene import Arrow, Box, Cell, Scene, grad_text, role, shortened
from micrograd_plus.words import number

__all__ = ["COLLAPSES", "collapsed", "drawn", "scene_of"]

COLLAPSES = ("auto", "none", "neurons", "layers")  # "auto" goes outwards only as far as it takes to be legible
LEGIBLE = 100  # a picture of more boxes is hard to read: 484 values were illegible, the same graph as 26 boxes clear
ARROWS = 400  # so is one of more arrows; an MLP of 2-16-16-1 has 308 between its neurons
FEW_LEAVES, FEW_NODES = 12, 40  # so many leaves of one kind, and nodes outside of all modules, are drawn one by one
ABRIDGED = 60  # nodes next to the output that an abridged picture draws
MASKED = 256  # with more modules, the arithmetic between them is one box


def scene_of(blank: Callable[[], Scene], collapse: str, limit: int) -> Scene:
    """Returns the scene of a graph, collapsed as asked, and never with more than `limit` boxes of values.

    `blank` makes a scene of the graph in which nothing is drawn yet.
    """
    scene, first = None, blank()
    for level in _levels(first.order, first.modules, collapse):
        scene = collapsed(blank(), level)
        if len(scene.boxes) <= LEGIBLE and len(scene.arrows) <= ARROWS:
            break
    if scene is None and len(first.order) <= limit:
        scene = drawn(blank(), limit)
    if scene is None or len(scene.boxes) > limit:
        scene = drawn(blank(), min(ABRIDGED, limit))
    if collapse in ("neurons", "layers") and not first.modules:
        scene.words.append("nothing to collapse: no parameter is labelled with its module")
    return scene


def _levels(order: Sequence[Value], modules: Mapping[Value, str], collapse: str) -> Sequence[int]:
    """The levels of modules to try, in turn; none if the graph is to be drawn node by node."""
    paths = [ancestors(module) for module in {*modules.values()}]
    depth = max(map(len, paths), default=0)
    if collapse == "none" or not depth:
        return ()
    if collapse != "auto":
        return (("neurons", "layers").index(collapse),)
    if len(order) <= LEGIBLE and sum(len(node.children) for node in order) <= ARROWS:
        return ()
    boxes = [len({path[max(0, len(path) - 1 - level)] for path in paths}) for level in range(depth)]
    return [level for level in range(depth) if boxes[level] <= LEGIBLE] or [depth - 1]


def drawn(scene: Scene, most: int) -> Scene:
    """Returns the scene, with the `most` nodes nearest to the output drawn by themselves and one box for all others."""
    shown, queue = {scene.root}, deque([scene.root])
    while queue and len(shown) < most:
        for child in queue.popleft().children:
            if child not in shown and len(shown) < most:
                shown.add(child)
                queue.append(child)
    hidden = scene.size - len(shown)
    if hidden:
        rest = f"… {hidden:,} more nodes"
        scene.boxes.append(Box("more", "constant", rest, "not drawn", (), named=False, group=True))
        scene.words.append(f"the {len(shown)} values nearest to the output, of {scene.size:,}")
    for node in (each for each in scene.order if each in shown):
        scene.box(node)
        if node.children:
            tails = [scene.nodes[scene.place[child]] if child in shown else "" for child in node.children]
            sign, missing = scene.operation(node, tails), tails.count("")
            if missing:
                scene.arrows.append(Arrow(f"more-{sign}", "more", sign, f"{missing:,} operands", missing))
    return scene


class _Key(NamedTuple):
    """What the members of a group share: their module; the modules before them; or their role and who uses them."""

    kind: Literal["module", "between", "leaves"]
    name: str = ""  # the module or the role
    passed: int = 0  # a bit for each module that leads here
    user: _Key | None = None


def collapsed(scene: Scene, level: int) -> Scene:
    """Returns the scene, with the modules of one level drawn as one box each."""
    keys: dict[Value, _Key] = {}  # the group of each node; a node that is in none is drawn by itself
    for node, module in scene.modules.items():
        path = ancestors(module)
        keys[node] = _Key("module", path[max(0, len(path) - 1 - level)])
    keys |= _between(scene, keys)
    keys |= _leaves(scene, keys)
    _draw_boxes(scene, keys)
    _draw_arrows(scene, keys)
    scene.words.append(f"{scene.size:,} values drawn as {len(scene.boxes)} boxes")
    return scene


def _between(scene: Scene, keys: Mapping[Value, _Key]) -> dict[Value, _Key]:
    """Nodes that no module owns, if they are many: those that come after the same modules form one group."""
    rest = [node for node in scene.order if node.children and node not in keys]
    if len(rest) <= FEW_NODES:
        return {}
    bits = {key: 1 << i for i, key in enumerate(dict.fromkeys(keys.values()))}
    passed: dict[Value, int] = {}
    for node in scene.order if len(bits) <= MASKED else ():
        passed[node] = bits[keys[node]] if node in keys else 0
        for child in node.children:
            passed[node] |= passed[child]
    return {node: _Key("between", passed=passed.get(node, 0)) for node in rest if node is not scene.root}


def _leaves(scene: Scene, keys: Mapping[Value, _Key]) -> dict[Value, _Key]:
    """Leaves that no module owns: those of one role that go to the same place form a group, if they are many."""
    users: dict[Value, _Key | None] = {}
    for node in scene.order:
        for child in node.children:
            if not child.children and child not in keys:
                users.setdefault(child, keys.get(node))
    alike = {leaf: _Key("leaves", role(leaf, scene.root), user=user) for leaf, user in users.items()}
    counts, found = Counter(alike.values()), {}
    for leaf, key in alike.items():
        if key.user and key.name in ("constant", "random"):  # a detail of what uses them
            found[leaf] = key.user
        elif counts[key] > FEW_LEAVES:
            found[leaf] = key
    return found


def _draw_boxes(scene: Scene, keys: Mapping[Value, _Key]) -> None:
    exits: defaultdict[_Key | None, dict[Value, None]] = defaultdict(dict)  # what leaves each group, in order
    exits[keys.get(scene.root)][scene.root] = None
    members: defaultdict[_Key | None, list[Value]] = defaultdict(list)
    for node in scene.order:
        members[keys.get(node)].append(node)
        for child in node.children:
            if keys.get(child) != keys.get(node):
                exits[keys.get(child)][child] = None
    ids: dict[_Key, str] = {}
    for node in scene.order:
        key = keys.get(node)
        if key is None:
            scene.box(node)
            continue
        if key not in ids:
            ids[key] = f"g{len(ids)}"
            scene.boxes.append(_group_box(scene, ids[key], key, members[key], [*exits[key]]))
        scene.nodes[scene.place[node]] = ids[key]


def _group_box(scene: Scene, id: str, key: _Key, members: Sequence[Value], exits: Sequence[Value]) -> Box:
    """The box of a group: its name, what is in it, and the values that leave it."""
    its, name, holder = "loss" if scene.root in members else "intermediate", key.name, ""
    if key.kind == "module":
        holder = "".join(ancestors(name)[-2:-1])
        parameters = sum(node.op is operation.PARAMETER for node in members)
        notes = _inner_modules(name, {scene.modules[node] for node in members if node in scene.modules})
        notes += [counted(parameters, "parameter")] if parameters else []
    elif key.kind == "leaves":
        its, notes = key.name, []
        name = counted(len(members), "random number" if its == "random" else its)
    else:
        common = Counter(node.op.name for node in members if node.children)
        listed = [f"{count:,} {name}" for name, count in common.most_common(4)]
        notes = [", ".join([*listed, "…"] if len(common) > 4 else listed)]
        name = counted(common.total(), "operation")
    results = [node for node in exits if node.children or key.kind == "leaves"]
    title = "\n".join([name, counted(len(members), "value"), *notes])
    cells = (*(Cell("note", note) for note in notes), *_result_cells(results))
    return Box(id, its, shortened(name), title, cells, group=True, holder=holder)


def _result_cells(results: Sequence[Value]) -> list[Cell]:
    """A group's value and gradient if one node leaves it, else how many do and their range."""
    if len(results) == 1:
        return [Cell("data", number(results[0].data)), Cell("grad", grad_text(results[0].grad), results[0].grad)]
    if not results:
        return []
    numbers, seen = [node.data for node in results], [node.grad for node in results if node.grad is not UNSEEN]
    notes = [f"{len(results):,} values, {number(min(numbers))} to {number(max(numbers))}"]
    notes += [f"grads {grad_text(min(seen))} to {grad_text(max(seen))}"] if seen else []
    return [Cell("note", note) for note in notes]


def _inner_modules(name: str, modules: set[str]) -> list[str]:
    """How many modules lie in this one, by the name of the list they are in: "16 neurons"."""
    kinds = Counter(module.removeprefix(f"{name}.").partition(".")[0] for module in modules - {name})
    return [counted(count, kind.removesuffix("s")) for kind, count in kinds.items()]


def _draw_arrows(scene: Scene, keys: Mapping[Value, _Key]) -> None:
    """One arrow from each box to each sign or group that uses it."""
    flows: Counter[tuple[str, str]] = Counter()
    for node in (each for each in scene.order if each.children):
        head = scene.nodes[scene.place[node]]
        tails = [scene.nodes[scene.place[child]] for child in node.children]
        if node in keys:
            flows.update((tail, head) for tail in tails if tail != head)
            continue
        sign = scene.operation(node, ["" if child in keys else tail for child, tail in zip(node.children, tails)])
        flows.update((tail, sign) for child, tail in zip(node.children, tails) if child in keys)
    for (tail, head), count in flows.items():
        scene.arrows.append(Arrow(f"f-{tail}-{head}", tail, head, counted(count, "edge"), count))
