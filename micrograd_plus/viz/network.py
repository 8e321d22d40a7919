"""The network diagram: neurons as circles in columns, weights as edges, one example's values and errors in place.

A diagram shows a model at work on one example: the value of every neuron, and, where the target is known, the error
that comes back. Dropout is drawn from the mask that this very pass drew. The text is SVG, made here: a network is a
grid of circles, and needs no layout engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from micrograd_plus import operation
from micrograd_plus.calculus import gradients
from micrograd_plus.value import Value, constant
from micrograd_plus.viz import palette
from micrograd_plus.viz.palette import ROLES

if TYPE_CHECKING:
    from micrograd_plus.nn import Dropout, Layer, Module, Neuron
    from micrograd_plus.nn.losses import Loss

__all__ = ["NetworkDiagram"]

RADIUS = 25
COLUMN = 200  # from the centre of a column to the next
LINE = 13  # of the print below a circle
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
    dropout: Dropout | None = None
    shown: list[_Cell | None] = field(default_factory=list)


class NetworkDiagram:
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

    def __init__(
        self, model: Module, inputs: Sequence[Any] | None = None, target: Any = None, *, loss: str | Loss = "mse",
        title: str = "", input_names: Sequence[str] = (), max_neurons: int = 10,
    ) -> None:  # fmt: skip
        if max_neurons < 3:
            raise ValueError(f"max_neurons is at least 3 (one, a mark for those left out, one), but got {max_neurons}")
        self.title, self.max_neurons, self.has_values = title, max_neurons, inputs is not None
        layers = _layers(model)
        row = [constant(each) for each in (inputs if inputs is not None else [0.0] * _width(layers))]
        self._columns, self.output = _run(layers, row, input_names)
        self.target, self.loss = target, None
        if target is not None:
            self.loss = self._errors(loss)
        self.training = bool(getattr(model, "training", False)) and any(column.dropout for column in self._columns)
        self._place()

    def _errors(self, loss: str | Loss) -> Value:
        from micrograd_plus.nn.losses import loss_function

        found = loss_function(loss)(self.output, self.target)
        cells = [cell for column in self._columns for cell in column.cells if cell.weighted is not None]
        derivatives = gradients(found, [cell.weighted for cell in cells if cell.weighted is not None])
        for cell, derivative in zip(cells, derivatives):
            cell.error = derivative.data
        return found

    # ------------------------------------------------------------ where things are

    def _place(self) -> None:
        """Gives every shown circle its centre; columns stand centred beside each other."""
        for column in self._columns:
            cells: list[_Cell | None] = list(column.cells)
            if len(cells) > self.max_neurons:
                cells = [*cells[: self.max_neurons - 2], None, cells[-1]]
            column.shown = cells
        self.detailed = all(len(column.cells) <= DETAILED for column in self._columns)
        lines = max(len(self._below(cell)) for column in self._columns for cell in column.shown if cell)
        row = 2 * RADIUS + LINE * lines + (18 if lines else 12)
        tallest = max(len(column.shown) for column in self._columns)
        self.top = 64 if self.title else 34
        self.floor = self.top + 34 + row * tallest
        left = 60 + max(6.5 * len(cell.name) for cell in self._columns[0].shown if cell)
        for i, column in enumerate(self._columns):
            for j, cell in enumerate(column.shown):
                if cell is not None:
                    cell.x = left + COLUMN * i
                    cell.y = self.top + 34 + RADIUS + 4 + row * (j + (tallest - len(column.shown)) / 2)
        self.middle = self.top + 34 + RADIUS + 4 + row * (tallest - 1) / 2
        self.width = left + COLUMN * (len(self._columns) - 1) + (200 if self.loss is not None else 70)
        self.height = self.floor + (58 if self.loss is not None else 12)

    # ------------------------------------------------------------ the picture

    def svg(self) -> str:
        """The picture as an `<svg>` element, which turns dark where the reader prefers it."""
        drawing = "\n".join(self._drawing())
        style = (
            f".network text {{ font-family: Arial, Helvetica, sans-serif; }}\n{palette.css_dark('.network', drawing)}"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={quoteattr(self._words())}'
            f' width="{self.width:g}" height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}">\n'
            f'<style>{style}</style>\n<g class="network">\n{drawing}\n</g>\n</svg>\n'
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the picture as `.svg` and returns the path. Raises ValueError for another suffix."""
        from micrograd_plus.files import write_atomically

        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise ValueError(f"a network diagram is saved as .svg, but got {path.name!r}; change the suffix")
        write_atomically(path, self.svg().encode())
        return path

    def __repr__(self) -> str:
        return f"<{self._words()}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}

    def _words(self) -> str:
        widths = "-".join(str(len(column.cells)) for column in self._columns)
        dropped = sum(cell.mask == 0 for column in self._columns for cell in column.cells)
        parts = [f"Network {widths}" + (f": {self.title}" if self.title else "")]
        if dropped:
            parts.append(f"{dropped} neurons dropped")
        if self.loss is not None:
            parts.append(f"output {_listed(self.output)}, loss {self.loss.data:.4g}")
        return "; ".join(parts)

    def _drawing(self) -> Iterator[str]:
        yield _rectangle(0, 0, self.width, self.height, palette.background.light)
        if self.title:
            yield _text(self.width / 2, 26, self.title, size=15, weight="bold")
        if self.has_values:
            yield from self._arrow(self.top - 4, "forward: values", palette.border.light, backward=False)
        if self.loss is not None:
            yield from self._arrow(self.floor + 30, "backward: errors δ", ROLES["loss"].line.light, backward=True)
        for before, after in zip(self._columns, self._columns[1:]):
            yield from self._edges(before, after)
        if self.loss is not None:
            yield from self._loss_box()
        for column in self._columns:
            yield from self._circles(column)

    def _arrow(self, y: float, words: str, colour: str, backward: bool) -> Iterator[str]:
        """The long arrow over or under the network that says which way the numbers go."""
        ends = (self.width - 40, 40) if backward else (40, self.width - 40)
        yield _line(ends[0], y, ends[1], y, colour, 1.6, head=9)
        half = 4 + 3.6 * len(words)
        yield _rectangle(self.width / 2 - half, y - 10, 2 * half, 20, palette.background.light)
        yield _text(self.width / 2, y, words, size=13, fill=palette.muted.light)

    def _edges(self, before: _Column, after: _Column) -> Iterator[str]:
        pairs = [
            (i, a, b) for i, a in enumerate(before.cells) for b in after.cells if a in before.shown and b in after.shown
        ]
        largest = max((abs(_weight(i, b)) for i in range(len(before.cells)) for b in after.cells), default=0.0) or 1.0
        greatest = max((abs(_returned(i, b)) for i, _, b in pairs), default=0.0) or 1.0
        printed = all(len(column.cells) <= DETAILED for column in (before, after))
        widest = 4.0 if len(pairs) <= 30 else 2.2
        alive = [(i, a, b) for i, a, b in pairs if 0.0 not in (a.mask, b.mask)]
        for _, a, b in pairs:
            if 0.0 in (a.mask, b.mask):
                yield _line(*_between(a, b, 0.0), palette.border.light, 0.6, dash="2 4", tip="cut off by dropout")
        for i, a, b in alive:
            yield self._forward(i, a, b, widest / largest, printed)
            if printed and b.error is not None:
                yield self._backward(i, a, b, 2.2 / greatest)
        for i, a, b in alive if printed else ():  # print lies over all lines
            x, y = a.x + 0.26 * (b.x - a.x), a.y + 0.26 * (b.y - a.y) - (5 if b.error is not None else 0)
            colour = palette.positive if _weight(i, b) >= 0 else palette.negative
            yield _text(x, y, _signed(_weight(i, b)), size=11, fill=colour.light, halo=True)

    def _forward(self, i: int, a: _Cell, b: _Cell, scale: float, printed: bool) -> str:
        """The weight from circle a to circle b; where errors come back, on a lane of its own."""
        weight = _weight(i, b)
        ends = _between(a, b, 5.0 if printed and b.error is not None else 0.0)
        colour = (palette.positive if weight >= 0 else palette.negative).light
        tip = f"weight {weight:+.6g}" + (f" times {a.passed_on:.6g}" if self.has_values else "")
        size, dash = 0.6 + scale * abs(weight), "" if weight >= 0 else "7 4"
        return _line(*ends, colour, size, dash=dash, head=9 if printed else 0, tip=tip)

    def _backward(self, i: int, a: _Cell, b: _Cell, scale: float) -> str:
        """The error that comes back from circle b to circle a: weight times δ."""
        x2, y2, x1, y1 = _between(a, b, -5.0)
        back = _returned(i, b)
        tip = f"error sent back: weight {_weight(i, b):+.6g} times δ {b.error:+.6g} = {back:+.6g}"
        return _line(x1, y1, x2, y2, ROLES["loss"].line.light, 0.7 + scale * abs(back), dash="2 3", head=8, tip=tip)

    def _circles(self, column: _Column) -> Iterator[str]:
        x = next(cell.x for cell in column.shown if cell)
        yield _text(x, self.top + 24, column.title, size=12, fill=palette.muted.light, halo=True)
        for j, cell in enumerate(column.shown):
            if cell is None:
                y = sum(each.y for each in (column.shown[j - 1], column.shown[j + 1]) if each) / 2
                yield _text(x, y - 9, "⋮", size=20, fill=palette.muted.light)
                left = len(column.cells) - len(column.shown) + 1
                yield _text(x, y + 12, f"{left} more", size=11, fill=palette.muted.light, halo=True)
            else:
                yield f"<g><title>{escape(self._tip(cell))}</title>"
                yield from self._circle(cell)
                yield "</g>"

    def _circle(self, cell: _Cell) -> Iterator[str]:
        role = ROLES["constant" if cell.mask == 0 else "input" if cell.neuron is None else "intermediate"]
        grey = palette.muted.light if cell.mask == 0 else palette.text.light
        yield (
            f'<circle cx="{cell.x:g}" cy="{cell.y:g}" r="{RADIUS}" fill="{role.fill.light}" stroke="{role.line.light}"'
            f' stroke-width="1.6"{_dash("4 3") if cell.mask == 0 else ""}/>'
        )
        if cell.mask == 0:
            d = RADIUS * 0.7
            for sign in (1, -1):
                yield _line(cell.x - d, cell.y - sign * d, cell.x + d, cell.y + sign * d, role.line.light, 1.4)
        if self.has_values:
            words, fill = _number(cell.output.data), role.fill.light
            yield _text(cell.x, cell.y, words, size=12.5, fill=grey, weight="bold", halo=cell.mask == 0, on=fill)
        if cell.neuron is None:
            yield _text(cell.x - RADIUS - 7, cell.y, cell.name, size=12, anchor="end")
        for i, (words, fill) in enumerate(self._below(cell)):
            yield _text(cell.x, cell.y + RADIUS + 10 + LINE * i, words, size=11, fill=fill, halo=True)

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
            lines.append((f"δ {_signed(cell.error)}", ROLES["loss"].line.light))
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

    def _loss_box(self) -> Iterator[str]:
        assert self.loss is not None
        last = self._columns[-1]
        role, x, y = ROLES["loss"], self.width - 68, self.middle
        for cell in last.shown:
            if cell is not None:
                yield _line(cell.x + RADIUS + 2, cell.y, x - 51, y, palette.border.light, 1.2, head=8)
        yield f"<g><title>{escape(f'loss {self.loss.data:.6g}, target {_listed(self.target)}')}</title>"
        yield _rectangle(x - 50, y - 26, 100, 52, role.fill.light, stroke=role.line.light)
        yield _text(x, y - 9, f"loss {_number(self.loss.data)}", size=12.5, weight="bold")
        yield _text(x, y + 10, f"target {_listed(self.target)}", size=11)
        yield "</g>"


# -------------------------------------------------------------------- one pass through the model


def _layers(model: Any) -> list[Any]:
    """The Layers and Dropouts of a model, in the order in which data goes through them."""
    from micrograd_plus.nn.layers import Dropout, Layer, Sequential

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


def _width(layers: list[Any]) -> int:
    width: int = layers[0].nin
    return width


def _run(layers: list[Any], row: list[Value], names: Sequence[str]) -> tuple[list[_Column], Any]:
    """Sends a row through the layers; returns a column for the inputs and for each Layer, and the output."""
    from micrograd_plus.nn.layers import Layer

    labels = [names[i] if i < len(names) else each.label or f"x{i}" for i, each in enumerate(row)]
    columns = [_Column("inputs", [_Cell(each, label) for each, label in zip(row, labels)])]
    hidden = 0
    for number, layer in enumerate(layers):
        out = layer(row)
        out = out if isinstance(out, list) else [out]
        if isinstance(layer, Layer):
            last = not any(isinstance(each, Layer) for each in layers[number + 1 :])
            hidden += 1
            columns.append(_Column(_layer_title(layer, hidden, last), _cells(layer, out, hidden, last)))
        else:
            columns[-1].dropout = layer
            for cell, masked in zip(columns[-1].cells, out):
                cell.mask = next(
                    (each.data for each in masked.children if isinstance(each.op, operation.Bernoulli)), None
                )
        row = out
    return columns, row[0] if len(row) == 1 else row


def _layer_title(layer: Layer, number: int, last: bool) -> str:
    activation = layer.activation if isinstance(layer.activation, str) else getattr(layer.activation, "__name__", "")
    return ("output" if last else f"hidden {number}") + (f" ({activation})" if activation else "")


def _cells(layer: Layer, outputs: list[Value], number: int, last: bool) -> list[_Cell]:
    name = "output" if last else f"hidden {number}"
    return [
        _Cell(output, f"{name}, neuron {j}", neuron, _weighted_sum(neuron, output))
        for j, (neuron, output) in enumerate(zip(layer.neurons, outputs))
    ]


def _weighted_sum(neuron: Neuron, output: Value) -> Value:
    """The node before the activation, whatever function that is: the one that has the neuron's weights as operands."""
    todo = [output]
    while todo:
        node = todo.pop()
        if neuron.weights[0] in node.children:
            return node
        todo.extend(node.children)
    return output


def _weight(i: int, cell: _Cell) -> float:
    return cell.neuron.weights[i].data if cell.neuron is not None else 0.0


def _returned(i: int, cell: _Cell) -> float:
    """The error that an edge brings back: its weight times the δ of the neuron it leads to."""
    return _weight(i, cell) * (cell.error or 0.0)


# -------------------------------------------------------------------- SVG


def _between(a: _Cell, b: _Cell, aside: float) -> tuple[float, float, float, float]:
    """The line from the rim of one circle to that of the next, moved aside by so many units."""
    dx, dy = b.x - a.x, b.y - a.y
    length = hypot(dx, dy)
    ux, uy = dx / length, dy / length
    ox, oy = uy * aside, -ux * aside
    gap = RADIUS + 2
    return a.x + ux * gap + ox, a.y + uy * gap + oy, b.x - ux * gap + ox, b.y - uy * gap + oy


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *,
    dash: str = "", head: float = 0.0, tip: str = "",
) -> str:  # fmt: skip
    """A line, with an arrow's head at its end if `head` is its length."""
    length = hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    stop_x, stop_y = x2 - ux * head, y2 - uy * head
    half = 0.45 * head
    parts = [
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{stop_x:.1f}" y2="{stop_y:.1f}" stroke="{colour}"'
        f' stroke-width="{width:.2f}"{_dash(dash)}/>'
    ]
    if head:
        points = [(x2, y2), (stop_x - uy * half, stop_y + ux * half), (stop_x + uy * half, stop_y - ux * half)]
        parts.append(f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{colour}"/>')
    if tip:
        return f"<g><title>{escape(tip)}</title>{''.join(parts)}</g>"
    return "".join(parts)


def _dash(pattern: str) -> str:
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def _rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> str:
    line = f' stroke="{stroke}" stroke-width="1.4" rx="6"' if stroke != "none" else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"{line}/>'


def _text(
    x: float, y: float, words: str, *, size: float, fill: str = palette.text.light, weight: str = "normal",
    anchor: str = "middle", halo: bool = False, on: str = palette.background.light,
) -> str:  # fmt: skip
    """Words with their middle at (x, y); a halo of the background's colour keeps lines from running through them."""
    behind = f' stroke="{on}" stroke-width="5" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    bold = f' font-weight="{weight}"' if weight != "normal" else ""
    place = f'x="{x:.1f}" y="{y + 0.35 * size:.1f}" font-size="{size:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="{fill}"{bold}{behind}>{escape(words)}</text>'


def _number(number: float) -> str:
    """Three decimals, as long as they say something; a whole number as it is."""
    size = abs(number)
    if number == int(number) and size < 1e4:
        text = f"{number:.0f}" if number else "0"
    elif 1e-3 <= size < 1e4:
        text = f"{number:.{3 if size < 10 else 2 if size < 100 else 1}f}"
    else:
        text = f"{number:.1e}"
    return text.replace("-", "−")


def _signed(number: float) -> str:
    return ("+" if number > 0 else "") + _number(number)


def _listed(values: Any) -> str:
    numbers = values if isinstance(values, (list, tuple)) else [values]
    shown = ", ".join(_number(float(each)) for each in numbers[:4]) + (", ..." if len(numbers) > 4 else "")
    return f"[{shown}]" if isinstance(values, (list, tuple)) else shown
