"""What a picture of a computation graph shows: boxes for values, small signs for operations, and arrows between them.

Ids come from a node's place in topological order: `n4` is the box of node 4, `n4-data` and `n4-grad` its cells, `o4`
the sign of its operation, `r4` the arrow from there to the box, and `e4-1` the arrow from its operand 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from micrograd_plus import operation, ops
from micrograd_plus.value import UNSEEN, Value
from micrograd_plus.viz.palette import ROLES
from micrograd_plus.words import derivative, local, number, partial_words, value_words

__all__ = ["Arrow", "Box", "Cell", "Scene", "Sign", "grad_text", "role", "short_name"]

EXPANDED = 4  # a fused dot product of at most so many pairs is drawn as products and their sum, unless told otherwise
SPELLED = 40  # of an operation with more operands, an arrow's tooltip gives the derivative as a number alone
LONGEST = 32  # a name of more characters is cut in the box; its tooltip has all of it


@dataclass(frozen=True)
class Cell:
    """A number or a note in a box. `tint` is the gradient that colours it, where it is one."""

    kind: str
    text: str
    tint: float | None = None


@dataclass(frozen=True)
class Box:
    """A value, or a group of values drawn as one.

    `module` is the dotted name of the module whose frame it is drawn in, `holder` that of the one which a group's
    module is a part of; `named` tells whether the user gave the name.
    """

    id: str
    role: str
    name: str
    title: str
    cells: tuple[Cell, ...]
    module: str = ""
    named: bool = True
    group: bool = False
    holder: str = ""


@dataclass(frozen=True)
class Sign:
    """The small sign of an operation, such as `+` or `tanh`."""

    id: str
    text: str
    title: str
    module: str = ""


@dataclass(frozen=True)
class Arrow:
    """A flow from one id to another, that of an operation to its `result` or that of `count` operands drawn as one."""

    id: str
    tail: str
    head: str
    title: str = ""
    count: int = 1
    label: str = ""
    result: bool = False


def role(node: Value, root: Value) -> str:
    """Returns which of `palette.ROLES` a node plays in the graph of `root`.

    >>> x = Value(2.0, "x")
    >>> y = x * 3
    >>> role(x, y), role(y.children[1], y), role(y, y)
    ('input', 'constant', 'loss')
    """
    if isinstance(node.op, operation.Bernoulli):
        return "random"
    if node.children:
        return "loss" if node is root else "intermediate"
    return node.op.name if node.op.name in ROLES else "constant"


def grad_text(grad: float) -> str:
    """Returns a gradient with its sign, or a middle dot if no backward pass has reached the node.

    >>> grad_text(0.5), grad_text(-0.25), grad_text(0.0), grad_text(UNSEEN)
    ('+0.5', '-0.25', '0', '·')
    """
    if grad is UNSEEN:
        return "·"
    return f"+{number(grad)}" if grad > 0 else number(grad)


def shortened(name: str) -> str:
    """Returns a name cut to the length that a box has room for."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def short_name(name: str, module: str) -> str:
    """Returns a name without its module's, but an element of a matrix with the matrix's.

    >>> short_name("layers.0.neurons.1.bias", "layers.0.neurons.1"), short_name("block.w.0.1", "block.w")
    ('bias', 'w.0.1')
    """
    inner = name.removeprefix(f"{module}.")
    return f"{module.rpartition('.')[2]}.{inner}" if inner != name and inner[:1].isdigit() else inner


class Scene:
    """All that is drawn of a graph, in a fixed order; nodes are drawn on request.

    `order` is the graph in topological order, `names` a name for each node in it, `modules` the dotted name of the
    module that a node lies in; `expand` and `derivatives` are options of `Graph`. `nodes` maps a node's place in the
    order to the id of its box. `words` are said below the picture.
    """

    def __init__(
        self, order: Sequence[Value], names: Mapping[Value, str], modules: Mapping[Value, str],
        expand: bool | None, derivatives: bool,
    ) -> None:  # fmt: skip
        self.order, self.names, self.modules = order, names, modules
        self.expand, self.derivatives = expand, derivatives
        self.root, self.size, self.name = order[-1], len(order), names[order[-1]]
        self.place = {node: place for place, node in enumerate(order)}
        self.uses = Counter(child for node in order for child in node.children)
        self.boxes: list[Box] = []
        self.marks: list[Sign] = []
        self.arrows: list[Arrow] = []
        self.words: list[str] = []
        self.nodes: dict[int, str] = {}

    def titles(self) -> dict[str, str]:
        """Returns the tooltip of each id that has one."""
        parts: list[Box | Sign | Arrow] = [*self.boxes, *self.marks, *self.arrows]
        return {part.id: part.title for part in parts if part.title}

    def box(self, node: Value) -> None:
        """Draws a node's box, with the cells that the node's role has."""
        place, its = self.place[node], role(node, self.root)
        cells = [Cell("data", number(node.data))]
        if its == "random":
            cells = [Cell("data", "0, dropped" if node.data == 0 else f"× {number(node.data)}")]
        elif its != "constant":
            cells.append(Cell("grad", grad_text(node.grad), node.grad))
        name, module = self.names[node] if its != "constant" or node.label else "", self.modules.get(node, "")
        short, title = shortened(short_name(name, module)), self._box_title(node, its)
        self.boxes.append(Box(f"n{place}", its, short, title, tuple(cells), module, bool(node.label)))
        self.nodes[place] = f"n{place}"

    def operation(self, node: Value, tails: Sequence[str]) -> str:
        """Returns the id of a node's sign, drawn with the arrow to its box and one from each tail ("" for none)."""
        place, box = self.place[node], self.nodes[self.place[node]]
        operator, module = f"o{place}", self.modules.get(node, "")
        title = " = ".join([self.names[node], *value_words(node, self.names.__getitem__), number(node.data)])
        pairs = self._pairs(node)
        products = [f"o{place}-{i}" for i in range(pairs)]
        for product, left, right in zip(products, node.children, node.children[pairs:]):
            words = f"{self.names[left]} * {self.names[right]} = {number(left.data)} * {number(right.data)}"
            self.marks.append(Sign(product, "*", f"{words} = {number(left.data * right.data)}", module))
            self.arrows.append(Arrow(f"{product}-sum", product, operator))
        self.marks.append(Sign(operator, "+" if pairs else node.op.label, title, module))
        for position, (child, tail) in enumerate(zip(node.children, tails)):
            if tail:
                head = products[position % pairs] if pairs and position < 2 * pairs else operator
                label = grad_text(node.partials[position]) if self.derivatives else ""
                title = self._arrow_title(node, position, child)
                self.arrows.append(Arrow(f"e{place}-{position}", tail, head, title, label=label))
        self.arrows.append(Arrow(f"r{place}", operator, box, result=True))
        return operator

    def _pairs(self, node: Value) -> int:
        """How many products a node is drawn as: 0 for all but an expanded dot product."""
        if node.op not in (ops.dot, ops.affine) or self.expand is False or len(node.children) < 3:
            return 0
        pairs = len(node.children) // 2
        return pairs if self.expand or pairs <= EXPANDED else 0

    def _box_title(self, node: Value, its: str) -> str:
        name, word = self.names[node], ROLES[its].word
        steps = value_words(node, self.names.__getitem__) if node.children else ()
        if isinstance(node.op, operation.Bernoulli):
            word = f"drawn at random: {number(node.op.scale)} with probability {number(node.op.keep)}, else 0"
        sides = [name, *steps, repr(node.data)] if steps or name != number(node.data) else [repr(node.data)]
        lines = [" = ".join(sides), word]
        if its not in ("constant", "random"):
            slope = derivative(self.name, name)
            lines.append(f"{slope} = {node.grad!r}" if node.grad is not UNSEEN else f"{slope}: not computed yet")
        return "\n".join(lines)

    def _arrow_title(self, node: Value, position: int, child: Value) -> str:
        """The local derivative, in symbols and in numbers, and what it adds to the operand's gradient."""
        out, name, partial = self.names[node], self.names[child], node.partials[position]
        steps = partial_words(node, position, self.names.__getitem__) if len(node.children) <= SPELLED else ()
        slope = local(node, child, self.root, self.uses, self.names.__getitem__)
        line = " = ".join([slope, *dict.fromkeys([*steps, number(partial)])])
        if node.grad is UNSEEN:
            return line
        top = self.name
        share = f"{number(node.grad)} * {number(partial)} = {number(node.grad * partial)}"
        return f"{line}\n{derivative(top, name)} += {derivative(top, out)} * {slope} = {share}"
