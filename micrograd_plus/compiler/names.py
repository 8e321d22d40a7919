"""Names for the arrays of a program, from the labels of the scalars in them."""

from __future__ import annotations

import keyword
import re
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import Instruction, Layout

__all__ = ["Argument", "Namer", "argument_name", "stem"]

Argument = tuple[str, int, int]
"""An input as the program's functions take it: its name, and its rows from start to stop."""

_RESERVED = frozenset(
    [
        "B", "at", "back", "backs", "backward", "columns", "d_columns", "d_rows", "d_shared", "descent", "erf",
        "forward", "ladder", "needed", "np", "peak", "rows", "rungs", "scale", "shared", "step", "steps",
        "upstream", "value", "view", "whole",
    ]
)  # fmt: skip
"""What the emitted source calls things of its own."""


def argument_name(name: str) -> str:
    """The name of an input, with an underscore behind it where the source needs the name itself.

    >>> argument_name("x"), argument_name("rows"), argument_name("at_1")
    ('x', 'rows_', 'at_1_')
    """
    taken = name in _RESERVED or keyword.iskeyword(name) or re.fullmatch(r"(at|step|back)_\d+", name)
    return f"{name}_" if taken else name


@dataclass
class Namer:
    """Knows what lies where, and gives every array a name that is not taken.

    `arguments` are the program's inputs, `constants` the number in each row of the shared buffer (nan where it is no
    constant).
    """

    layout: Layout
    arguments: list[Argument]
    constants: np.ndarray = field(init=False)
    taken: dict[str, int] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        layout = self.layout
        self.constants = np.full(layout.shared_rows, np.nan)
        for node, number in layout.folded.constants.items():
            if layout.address[node] >= 0:
                self.constants[layout.address[node]] = number
        self.taken = dict.fromkeys([*_RESERVED, *(name for name, _, _ in self.arguments)], 1)
        self.labels: dict[int, list[str]] = {
            space: [""] * (layout.batched_rows if space == BATCHED else layout.shared_rows)
            for space in (SHARED, BATCHED)
        }
        trace = layout.folded.trace
        spaces, address = layout.folded.space, layout.address.tolist()
        for node, label in enumerate(trace.labels):
            if label and address[node] >= 0:
                self.labels[spaces[node]][address[node]] = label
        self.name_instructions(layout.instructions)

    @property
    def input_rows(self) -> int:
        """The number of rows that hold inputs."""
        return len(self.layout.folded.trace.inputs)

    def unique(self, name: str) -> str:
        """Returns the name, with a number behind it if it is taken."""
        name = name if name.isidentifier() and not keyword.iskeyword(name) else f"n_{name}"
        if name in self.waiting:  # the name that was kept for this very array
            self.waiting.remove(name)
            return name
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else self.unique(f"{name}_{count}")

    def name_instructions(self, instructions: Sequence[Instruction]) -> None:
        """A name for each instruction: its members' own label, or its module and operation."""
        names: dict[int, dict[int, str]] = {SHARED: {}, BATCHED: {}}
        bases: dict[int, list[tuple[int, str]]] = {SHARED: [], BATCHED: []}
        for each in instructions:
            start = int(each.rows.min())
            own = stem([self.labels[each.space][row] for row in each.rows.reshape(-1)[:64].tolist()])
            base = own or self.base(each, bases)
            kind = {ops.dot: "sum", ops.affine: "sum"}.get(each.op, each.op.name)
            if kind == "sum" and base.endswith("."):  # a module is called as what comes out of it
                kind = ""
            base = base.rstrip(".")
            name = own or "_".join(part for part in (base, kind) if part) or each.op.name
            names[each.space][start] = self.unique(name)
            insort(bases[each.space], (start, base))
            self.waiting.add(names[each.space][start])
        self.regions = {space: sorted(found.items()) for space, found in names.items()}

    def base(self, each: Instruction, bases: dict[int, list[tuple[int, str]]]) -> str:
        """The module that an instruction belongs to: that of its parameters, or of what it reads."""
        for space, operand in zip(each.reads, each.operands):
            row = int(operand.flat[0])
            if space == SHARED and row < self.layout.parameters:
                found = stem([self.labels[SHARED][row] for row in operand.reshape(-1)[:4096].tolist()])
                return re.sub(r"_?(weights|bias)$", ".", found)
        for space, operand in zip(each.reads, each.operands):
            at = bisect_right(bases[space], (int(operand.flat[0]), "\uffff")) - 1
            if at >= 0 and bases[space][at][1]:
                return bases[space][at][1]
        return ""

    def region(self, space: int, start: int, size: int) -> str:
        """The name of what lies in `size` rows from `start`."""
        if space == BATCHED and start < self.input_rows:
            return next((name for name, first, stop in self.arguments if first <= start < stop), "inputs")
        inputs = self.input_rows
        if space == BATCHED and start < inputs + len(self.layout.folded.trace.random):
            return stem(self.labels[BATCHED][start : start + min(size, 64)]) or "mask"
        if space == SHARED and start < self.layout.parameters:
            stop = min(start + min(size, 4096), self.layout.parameters)
            return stem(self.labels[SHARED][start:stop]) or "parameters"
        at = bisect_right(self.regions[space], (start, "\uffff")) - 1
        return self.regions[space][at][1] if at >= 0 else "constants"


def stem(labels: Sequence[str]) -> str:
    """What the labels of many scalars have in common, as a name; empty if they have nothing or there are none.

    >>> stem(["layers.0.neurons.0.weights.0", "layers.0.neurons.0.weights.1", "layers.0.neurons.1.weights.0"])
    'layers_0_weights'
    >>> stem(["x1", "x2"]), stem(["", ""])
    ('x', '')
    """
    if len(labels) > 64:  # a sample will do, from all over
        labels = [*labels[:: len(labels) // 60], labels[-1]]
    parts = [re.findall(r"[^\W\d_]+(?:_[^\W\d_]+)*|\d+", label) for label in labels]
    if not parts or not all(parts):
        return ""
    columns = [sorted(set(column)) for column in zip(*parts)]
    kept: list[str] = []
    for i, (first, *others) in enumerate(columns):
        following = columns[i + 1 :]
        counted = len(following) > 0 and len(following[0]) > 1 and following[0][0].isdigit()
        named = any(not each[0].isdigit() for each in following[1:])
        if not others and not (counted and named):  # of layers and neurons, the innermost says enough
            kept.append(first)
        elif others and not first.isdigit() and len(others) < 3:
            kept.append("_".join([first, *others]))
    name = "_".join(kept)
    return name if not name[:1].isdigit() else f"n_{name}"
