"""The network diagram: neurons as circles in columns, weights as edges, one example's values and errors in place.

The text is SVG, made here: a network is a grid of circles, and needs no layout engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import operation
from micrograd_plus.calculus import grads
from micrograd_plus.checks import whole_number
from micrograd_plus.nn.layers import Dropout, Layer, Sequential
from micrograd_plus.nn.losses import loss_function
from micrograd_plus.report import numbered
from micrograd_plus.value import Value
from micrograd_plus.viz import palette
from micrograd_plus.viz.palette import ROLES
from micrograd_plus.viz.picture import Picture, scrolling
from micrograd_plus.viz.shapes import lettering, rectangle, segment
from micrograd_plus.viz.svg import Element, darken, element, written

if TYPE_CHECKING:
    from micrograd_plus.nn import Module, Neuron
    from micrograd_plus.nn.losses import Loss

__all__ = ["NetworkDiagram"]

RADIUS = 25
COLUMN = 200  # from the centre of a column to the next
LINE = 13  # of the print below a circle
_RETURNED = palette.QUANTITIES["gradient"].light  # of errors on their way back
DETAILED = 3  # up to so many neurons on both sides, edges carry their weights and errors in print


@dataclass(eq=False)
class _Cell:
    """A circle: an input or a neuron, with what this pass made of it. `mask` is its factor of a dropout, if any."""

    output: Value
    name: str
    neuron: Neuron | None = None
    weighted: Value | None = None
    error: float | None = None
    mask: float | None = None
    x: float = 0.0
    y: float = 0.0

    @property
    def passed_on(self) -> float:
        """The number that the next column gets."""
        return self.output.data * (1.0 if self.mask is None else self.mask)


@dataclass(eq=False)
class _Column:
    """All circles of a layer; `shown` are those drawn, None among them standing for the ones left out."""

    title: str
    cells: list[_Cell]
    shown: list[_Cell | None] = field(default_factory=list)

    @property
    def circles(self) -> list[_Cell]:
        """The cells that are drawn."""
        return [cell for cell in self.shown if cell]


class _Edge(NamedTuple):
    """A weight between two circles that are drawn."""

    a: _Cell
    b: _Cell
    weight: float

    @property
    def returned(self) -> float:
        """The error that the edge brings back: its weight times the δ of the neuron it leads to."""
        return self.weight * (self.b.error or 0.0)


class NetworkDiagram(Picture):
    """The picture of an MLP, or of a Sequential of Layers and Dropouts, at work on one example.

    `inputs` is a row of numbers or Values; without one, zeros are fed and no values are printed. With a `target`,
    `loss` (a name, or a function of prediction and target) gives the errors: below each neuron stands δ, the derivative
    of the loss by its weighted sum, and on the way back each edge carries weight times δ. Blue and solid is a positive
    weight, vermilion and dashed a negative one; the width is its size. A column of more than `max_neurons` is
    abridged, with a word about it.

    The model is run once, in its present mode: in training a dropout draws, from its own generator, the mask that is
    shown. `output` and `loss` are that pass's Values; no `grad` is touched. Raises TypeError for a model that is no row
    of layers, and whatever the model and the loss raise.

    >>> from micrograd_plus.nn import MLP
    >>> picture = NetworkDiagram(MLP(2, [2, 1], activation="tanh"), [1.0, -1.0], target=0.5)
    >>> picture.svg().startswith("<svg ") and picture.loss.data > 0
    True
    """

    kind = "a network diagram"

    def __init__(
        self, model: Module, inputs: Sequence[Any] | None = None, target: Any = None, *, loss: str | Loss = "mse",
        title: str = "", input_names: Sequence[str] = (), max_neurons: int = 10,
    ) -> None:  # fmt: skip
        self.max_neurons = whole_number("max_neurons, the circles in a column at most,", max_neurons, least=3)
        self.title, self.has_values = title, inputs is not None
        layers = _layers(model)
        given = [0.0] * layers[0].nin if inputs is None else inputs
        row = [each if isinstance(each, Value) else Value(each, numbered("x", i)) for i, each in enumerate(given)]
        self._columns, self.output = _run(layers, row, input_names)
        self.target = target
        self.loss: Value | None = None if target is None else loss_function(loss)(self.output, target)
        if self.loss is not None:
            slopes = grads(self.loss)
            for cell in (each for column in self._columns for each in column.cells):
                cell.error = slopes.get(cell.weighted, 0.0) if cell.weighted else None
        self._place()

    def _place(self) -> None:
        """Gives every shown circle its centre; columns stand centred beside each other."""
        for column in self._columns:
            abridged = [*column.cells[: self.max_neurons - 2], None, column.cells[-1]]
            column.shown = abridged if len(column.cells) > self.max_neurons else [*column.cells]
        self.detailed = all(len(column.cells) <= DETAILED for column in self._columns)
        lines = max(len(self._below(cell)) for column in self._columns for cell in column.circles)
        row = 2 * RADIUS + LINE * lines + (18 if lines else 12)
        tallest = max(len(column.shown) for column in self._columns)
        self.top = 64 if self.title else 34
        self.floor = self.top + 34 + row * tallest
        highest = self.top + 34 + RADIUS + 4
        self.middle = highest + row * (tallest - 1) / 2
        left = 60 + max(6.5 * len(cell.name) for cell in self._columns[0].circles)
        for i, column in enumerate(self._columns):
            for j, cell in enumerate(column.shown):
                if cell is not None:
                    cell.x, cell.y = left + COLUMN * i, highest + row * (j + (tallest - len(column.shown)) / 2)
        self.width = left + COLUMN * (len(self._columns) - 1) + (200 if self.loss is not None else 70)
        self.height = self.floor + (58 if self.loss is not None else 12)

    def svg(self) -> str:
        """Returns the picture as an `<svg>` element, which turns dark where the reader prefers it."""
        return written(self._tree())

    def _tree(self) -> Element:
        root = element(
            "svg", element("g", *self._drawing(), class_="network"), role="img", aria_label=self._words(),
            width=self.width, height=self.height, viewBox=f"0 0 {self.width:g} {self.height:g}",
            style="max-width:100%;height:auto",
        )  # fmt: skip
        darken(root, ".network", ".network text { font-family: Arial, Helvetica, sans-serif; }")
        return root

    def _shown(self) -> dict[str, str]:
        return {"text/html": scrolling(self._tree()), "image/svg+xml": self.svg()}

    def __repr__(self) -> str:
        return f"<{self._words()}>"

    def _words(self) -> str:
        widths = "-".join(str(len(column.cells)) for column in self._columns)
        dropped = sum(cell.mask == 0 for column in self._columns for cell in column.cells)
        parts = [f"Network {widths}" + (f": {self.title}" if self.title else "")]
        if dropped:
            parts.append(f"{dropped} neurons dropped")
        if self.loss is not None:
            parts.append(f"output {_listed(self.output)}, loss {self.loss.data:.4g}")
        return "; ".join(parts)

    def _drawing(self) -> Iterator[Element]:
        yield rectangle(0, 0, self.width, self.height, palette.background.light)
        if self.title:
            yield lettering(self.width / 2, 26, self.title, size=15, weight="bold")
        if self.has_values:
            yield from self._arrow(self.top - 4, 40, "forward: values", palette.border.light)
        if self.loss is not None:
            yield from self._arrow(self.floor + 30, self.width - 40, "backward: errors δ", _RETURNED)
        for before, after in zip(self._columns, self._columns[1:]):
            yield from self._edges(before, after)
        if self.loss is not None:
            yield from self._loss_box(self.loss)
        for column in self._columns:
            yield from self._circles(column)

    def _arrow(self, y: float, start: float, words: str, colour: str) -> Iterator[Element]:
        """The long arrow over or under the network that says which way the numbers go."""
        yield segment(start, y, self.width - start, y, colour, 1.6, head=9)
        half = 4 + 3.6 * len(words)
        yield rectangle(self.width / 2 - half, y - 10, 2 * half, 20, palette.background.light)
        yield lettering(self.width / 2, y, words, size=13, fill=palette.muted.light)

    def _edges(self, before: _Column, after: _Column) -> Iterator[Element]:
        shown = {cell: i for i, cell in enumerate(before.cells) if cell in before.shown}
        edges = [_Edge(a, b, b.neuron.weights[i].data) for a, i in shown.items() for b in after.circles if b.neuron]
        alive = [edge for edge in edges if 0.0 not in (edge.a.mask, edge.b.mask)]
        printed = all(len(column.cells) <= DETAILED for column in (before, after))
        for edge in edges:
            if 0.0 in (edge.a.mask, edge.b.mask):
                ends = _between(edge.a, edge.b, 0.0)
                yield segment(*ends, palette.border.light, 0.6, dash="2 4", tip="cut off by dropout")
        largest = max(abs(weight.data) for cell in after.cells if cell.neuron for weight in cell.neuron.weights) or 1.0
        greatest = max((abs(edge.returned) for edge in edges), default=0.0) or 1.0
        widest = 4.0 if len(edges) <= 30 else 2.2
        for edge in alive:
            yield self._forward(edge, widest / largest, printed)
            if printed and edge.b.error is not None:
                x2, y2, x1, y1 = _between(edge.a, edge.b, -5.0)
                tip = f"error sent back: weight {edge.weight:+.6g} times δ {edge.b.error:+.6g} = {edge.returned:+.6g}"
                size = 0.7 + 2.2 / greatest * abs(edge.returned)
                yield segment(x1, y1, x2, y2, _RETURNED, size, dash="2 3", head=8, tip=tip)
        for edge in alive if printed else ():  # over all lines
            a, b = edge.a, edge.b
            x, y = a.x + 0.26 * (b.x - a.x), a.y + 0.26 * (b.y - a.y) - (5 if b.error is not None else 0)
            yield lettering(x, y, _signed(edge.weight), size=11, fill=_colour(edge.weight), halo=True)

    def _forward(self, edge: _Edge, scale: float, printed: bool) -> Element:
        """A weight's line; where errors come back, on a lane of its own."""
        ends = _between(edge.a, edge.b, 5.0 if printed and edge.b.error is not None else 0.0)
        tip = f"weight {edge.weight:+.6g}" + (f" times {edge.a.passed_on:.6g}" if self.has_values else "")
        size, dash = 0.6 + scale * abs(edge.weight), "" if edge.weight >= 0 else "7 4"
        return segment(*ends, _colour(edge.weight), size, dash=dash, head=9 if printed else 0, tip=tip)

    def _circles(self, column: _Column) -> Iterator[Element]:
        x = column.circles[0].x
        yield lettering(x, self.top + 24, column.title, size=12, fill=palette.muted.light, halo=True)
        for cell in column.circles:
            yield element("g", element("title", self._tip(cell)), *self._circle(cell))
        if None in column.shown:  # it stands for those left out, before the last one
            y = sum(cell.y for cell in column.circles[-2:]) / 2
            left = len(column.cells) - len(column.circles)
            yield lettering(x, y - 9, "⋮", size=20, fill=palette.muted.light)
            yield lettering(x, y + 12, f"{left} more", size=11, fill=palette.muted.light, halo=True)

    def _circle(self, cell: _Cell) -> Iterator[Element]:
        is_dropped = cell.mask == 0
        role = ROLES["constant" if is_dropped else "input" if cell.neuron is None else "intermediate"]
        fill, ink = role.fill.light, role.line.light
        look: dict[str, Any] = {"stroke_width": 1.6, "stroke_dasharray": "4 3" if is_dropped else ""}
        yield element("circle", cx=cell.x, cy=cell.y, r=RADIUS, fill=fill, stroke=ink, **look)
        if is_dropped:
            d = RADIUS * 0.7
            for sign in (1, -1):
                yield segment(cell.x - d, cell.y - sign * d, cell.x + d, cell.y + sign * d, ink, 1.4)
        if self.has_values:
            grey, words = palette.muted if is_dropped else palette.text, _number(cell.output.data)
            yield lettering(cell.x, cell.y, words, size=12.5, fill=grey.light, weight="bold", halo=is_dropped, on=fill)
        if cell.neuron is None:
            yield lettering(cell.x - RADIUS - 7, cell.y, cell.name, size=12, anchor="end")
        for i, (words, colour) in enumerate(self._below(cell)):
            yield lettering(cell.x, cell.y + RADIUS + 10 + LINE * i, words, size=11, fill=colour, halo=True)

    def _below(self, cell: _Cell) -> list[tuple[str, str]]:
        """The lines of print under a circle, with their colours: what dropout did to it, its bias, its error."""
        lines = []
        if cell.mask == 0:
            lines.append(("dropped × 0", palette.muted.light))
        elif cell.mask is not None:
            passed_on = f" = {_number(cell.passed_on)}" if self.has_values else ""
            lines.append((f"kept × {_number(cell.mask)}{passed_on}", ROLES["random"].line.light))
        if cell.neuron is not None and cell.neuron.bias is not None and self.detailed and cell.mask != 0:
            lines.append((f"bias {_signed(cell.neuron.bias.data)}", palette.muted.light))
        if cell.error is not None:
            lines.append((f"δ {_signed(cell.error)}", _RETURNED))
        return lines

    def _tip(self, cell: _Cell) -> str:
        if cell.neuron is None or cell.weighted is None:
            return f"input {cell.name}" + (f" = {cell.output.data:.6g}" if self.has_values else "")
        lines = [f"{cell.name}: {cell.neuron!r}"]
        if self.has_values:
            lines.append(f"weighted sum {cell.weighted.data:.6g}, output {cell.output.data:.6g}")
        if cell.mask is not None:
            lines.append("dropped in this pass" if cell.mask == 0 else f"kept, and scaled by {cell.mask:.4g}")
        if cell.error is not None:
            lines.append(f"error δ = d loss / d weighted sum = {cell.error:.6g}")
        return "\n".join(lines)

    def _loss_box(self, loss: Value) -> Iterator[Element]:
        role, x, y = ROLES["loss"], self.width - 68, self.middle
        for cell in self._columns[-1].circles:
            yield segment(cell.x + RADIUS + 2, cell.y, x - 51, y, palette.border.light, 1.2, head=8)
        target = _listed(self.target)
        yield element(
            "g", element("title", f"loss {loss.data:.6g}, target {target}"),
            rectangle(x - 50, y - 26, 100, 52, role.fill.light, stroke=role.line.light, stroke_width=1.4, rx=6),
            lettering(x, y - 9, f"loss {_number(loss.data)}", size=12.5, weight="bold"),
            lettering(x, y + 10, f"target {target}", size=11),
        )  # fmt: skip


def _layers(model: Any) -> list[Any]:
    """The Layers and Dropouts of a model, in the order in which data goes through them."""
    if isinstance(model, (Layer, Dropout)):
        return [model]
    if isinstance(model, Sequential):
        found = [each for part in model.layers for each in _layers(part)]
        if isinstance(found[0], Layer):
            return found
    raise TypeError(
        "a network diagram draws an MLP, or a Sequential of Layers and Dropouts that starts with a Layer, but got"
        f" {model!r}; draw what it computes instead: model(inputs).graph()"
    )


def _run(layers: list[Any], row: list[Value], names: Sequence[str]) -> tuple[list[_Column], Any]:
    """Sends a row through the layers; returns a column for the inputs and for each Layer, and the output."""
    labels = [names[i] if i < len(names) else each.label or numbered("x", i) for i, each in enumerate(row)]
    columns = [_Column("inputs", [_Cell(each, label) for each, label in zip(row, labels)])]
    last = sum(isinstance(layer, Layer) for layer in layers)
    for layer in layers:
        made = layer(row)
        out = made if isinstance(made, list) else [made]
        if isinstance(layer, Layer):
            name = "output" if len(columns) == last else f"hidden {len(columns)}"
            cells = [
                _Cell(output, f"{name}, neuron {j}", neuron, _weighted_sum(neuron, output))
                for j, (neuron, output) in enumerate(zip(layer.neurons, out))
            ]
            how = layer.activation if isinstance(layer.activation, str) else getattr(layer.activation, "__name__", "")
            columns.append(_Column(f"{name} ({how})" if how else name, cells))
        else:
            for cell, masked in zip(columns[-1].cells, out):
                masks = [each.data for each in masked.children if isinstance(each.op, operation.Bernoulli)]
                cell.mask = masks[0] if masks else None
        row = out
    return columns, row[0] if len(row) == 1 else row


def _weighted_sum(neuron: Neuron, output: Value) -> Value:
    """The last value that a neuron's own numbers went into, before its activation."""
    own, found = {neuron.weights[0], neuron.bias}, [output]
    for node in found:
        if not own.isdisjoint(node.children):
            return node
        found += [child for child in node.children if child not in found]
    return output


def _colour(weight: float) -> str:
    return (palette.positive if weight >= 0 else palette.negative).light


def _between(a: _Cell, b: _Cell, aside: float) -> tuple[float, float, float, float]:
    """The line from the rim of one circle to that of the next, moved aside by so many units."""
    length, gap = hypot(b.x - a.x, b.y - a.y), RADIUS + 2
    ux, uy = (b.x - a.x) / length, (b.y - a.y) / length
    ox, oy = uy * aside, -ux * aside
    return a.x + ux * gap + ox, a.y + uy * gap + oy, b.x - ux * gap + ox, b.y - uy * gap + oy


def _number(number: float) -> str:
    """Three decimals, as long as they say something; a whole number as it is."""
    size, form = abs(number), ".1e"
    if size < 1e4 and number == int(number):
        number, form = number or 0.0, ".0f"
    elif 1e-3 <= size < 1e4:
        form = ".3f" if size < 10 else ".2f" if size < 100 else ".1f"
    return f"{number:{form}}".replace("-", "−")


def _signed(number: float) -> str:
    return ("+" if number > 0 else "") + _number(number)


def _listed(values: Any) -> str:
    numbers = values if isinstance(values, (list, tuple)) else [values]
    shown = ", ".join(_number(float(each)) for each in numbers[:4]) + (", ..." if len(numbers) > 4 else "")
    return f"[{shown}]" if isinstance(values, (list, tuple)) else shown
