"""The lowering: from a layout, where instructions fill rows of a buffer, to lines that each make a new array.

Other languages have no common buffer that everything is a view of. There each instruction returns an array (SSA, static
single assignment: a name is given once), and takes its operands out of earlier ones: whole, sliced, turned, or number
by number. Where an operand's numbers are in several arrays, a line of its own joins those first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.fold import BATCHED, SHARED, fold
from micrograd_plus.compiler.ladder import Ladder
from micrograd_plus.compiler.layout import COPY, Instruction, Layout, lay_out
from micrograd_plus.compiler.names import Namer, stem
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import common_grid, view_of
from micrograd_plus.export.spelling import Identifiers
from micrograd_plus.operation import Bernoulli, Op
from micrograd_plus.value import Value

__all__ = ["Assignment", "Lowered", "Operand", "Part", "Tensor", "Way", "lower", "said"]

Said = TypeVar("Said")

Way: TypeAlias = "tuple[str, tuple[Any, ...]]"
"""One step from an array to a part of it: `reshape` to a shape, `slice` by a pair, a number or None an axis, `turn` the
axes, `take` the numbers at flat places (a shape, and a tuple of them), `expand` to a shape. None speaks of the axis of
examples."""


@dataclass(eq=False)
class Tensor:
    """A named array: `shape` is that of one example, or that of all if it is not `batched`.

    `kind` is "input", "parameter", "constant", "random" or "result". `labels` are those of a parameter's first and last
    number, `places` its numbers' places in the program's list; `numbers` are a constant's, `draws` a random array's.
    """

    name: str
    shape: tuple[int, ...]
    batched: bool
    kind: str = "result"
    labels: tuple[str, str] = ("", "")
    places: Integers | None = None
    numbers: np.ndarray | None = None
    draws: list[Bernoulli] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many numbers an example has."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Part:
    """Numbers of an array, at these flat places; the shape of `places` is that of the operand.

    An axis along which the same numbers come again has length 1, unless it is `expanded`.
    """

    array: Tensor
    places: Integers
    expanded: bool = True

    @property
    def inner(self) -> Integers:
        """The places, with length 1 along an axis where the same numbers come again."""
        shape = self.places.shape
        return self.places[tuple(slice(0, 1) if self._again(axis) else slice(None) for axis in range(len(shape)))]

    def steps(self) -> list[Way]:
        """Returns the steps from the array to the part.

        >>> x = Tensor("x", (2, 3), True)
        >>> Part(x, np.array([3, 4, 5])).steps(), Part(x, np.array([[0, 3], [1, 4], [2, 5]])).steps()
        ([('slice', (1, None))], [('turn', (1, 0))])
        """
        inner = self.inner
        steps = _regular(self.array.shape, inner)
        if steps is None:
            steps = [("take", (inner.shape, tuple(inner.reshape(-1).tolist())))]
        wide = self.expanded and inner.shape != self.places.shape
        return [*steps, ("expand", self.places.shape)] if wide else steps

    def _again(self, axis: int) -> bool:
        """Whether the same numbers come again along an axis."""
        first = self.places.take([0], axis)
        return self.places.shape[axis] > 1 and bool((self.places == first).all())


Operand: TypeAlias = "Part | float"
"""What a line reads: a part of an array, or one number that is known."""


@dataclass(eq=False)
class Assignment:
    """One instruction: what it makes, of what.

    ========  ==============================================  =====================================
    form      operands                                        what it makes
    ========  ==============================================  =====================================
    join      parts, each a list of numbers                   one list
    map       parts of one shape (an axis may have length 1)  the row, number by number
    linear    (..., k), (n, k), bias (..., n)                 (..., n): the first times the weights, turned
    product   (..., m, k), (..., n, k), bias (..., m, n)      (..., m, n): the first times the second, turned
    inner     (..., k), (..., k), bias (...)                  (...)
    reduce    (..., k), for a lone operand (..., 1)           (...): the row, along the last axis
    pick      (...), (..., k)                                 (...): an entry of each list, by its index
    lookup    (n), (k, m)                                     (n, m): rows of a table, by index
    ========  ==============================================  =====================================
    """

    target: Tensor
    form: str
    op: Op
    operands: list[Operand]


@dataclass
class Lowered:
    """A program as lines: the arrays that it begins with, the lines in order, and the parts that are its outputs.

    `outputs` has the form of the program's: a Part for a Value or a list of them, a list or tuple of such.
    """

    inputs: list[Tensor]
    parameters: list[Tensor]
    constants: list[Tensor]
    random: list[Tensor]
    lines: list[Assignment]
    outputs: Any

    def flat_outputs(self) -> list[tuple[str, Part]]:
        """Returns the outputs one after the other, each with a name: `y`, or `y_0`, `y_1`, ..."""
        found = list(_flat(self.outputs))
        return [(f"y_{i}" if len(found) > 1 else "y", each) for i, each in enumerate(found)]


def said(language: str, line: Assignment, write: Callable[[Assignment], Said]) -> Said:
    """Returns what `write` makes of a line. Raises ValueError that names the operation where the language lacks it."""
    try:
        return write(line)
    except (KeyError, NotImplementedError):
        cure = "make it of other operations"
        told = f"the operation {line.op.name!r}, which is {line.op.value}"
        raise ValueError(f"{language} has no word for {told}; {cure}") from None


def lower(program: Program, names: Identifiers | None = None) -> Lowered:
    """Returns the lines of a program, with names that are not among those that `names` knows already.

    >>> from micrograd_plus import compile
    >>> found = lower(compile(lambda x: [x[0].tanh() * x[1].tanh()], example=([1.0, 2.0],)))
    >>> [(line.target.name, line.form, line.target.shape) for line in found.lines]
    [('tanh', 'map', (2,)), ('mul', 'map', (1,))]
    """
    layout = program.plan.layout
    if isinstance(layout, Ladder):  # a line for each kind and depth, however many
        layout = lay_out(fold(layout.folded.trace))
    return _Lowering(program, layout, names or Identifiers()).lowered()


class _Lowering:
    """Knows for each row of the layout's buffers the array that its number is in, and the place there.

    A number's key is its row in the batched buffer or, behind all those, in the shared one.
    """

    def __init__(self, program: Program, layout: Layout, names: Identifiers) -> None:
        self.program, self.layout, self.names = program, layout, names
        self.namer = Namer(layout, program.plan.arguments)
        keys = layout.batched_rows + layout.shared_rows
        self.home, self.place = np.full(keys, -1, np.int64), np.zeros(keys, np.int64)
        self.arrays: list[Tensor] = []
        self.lines: list[Assignment] = []
        self.joined: dict[bytes, Tensor] = {}

    def lowered(self) -> Lowered:
        self.enter_inputs()
        self.enter_parameters()
        for each in self.layout.instructions:
            self.lay(each)
        outputs = self.outputs()
        of = {kind: [each for each in self.arrays if each.kind == kind] for kind in ("input", "parameter", "random")}
        of["parameter"].sort(key=lambda each: int(each.places.flat[0]))  # type: ignore[union-attr]
        constants = [each for each in self.arrays if each.kind == "constant"]
        return Lowered(of["input"], of["parameter"], constants, of["random"], self.lines, outputs)

    # ------------------------------------------------------------ arrays

    def enter(self, array: Tensor, keys: Integers) -> Tensor:
        """Notes that the array has the numbers with these keys, in this order."""
        self.home[keys.reshape(-1)] = len(self.arrays)
        self.place[keys.reshape(-1)] = np.arange(keys.size)
        self.arrays.append(array)
        return array

    def keys(self, space: int, rows: Integers) -> Integers:
        return rows if space == BATCHED else rows + self.layout.batched_rows

    def enter_inputs(self) -> None:
        start = 0
        for (name, _, _), each in zip(self.program.plan.arguments, self.program.inputs):
            keys = np.arange(start, start + each.size).reshape(each.shape)
            self.enter(Tensor(self.names.unique(name), each.shape, True, "input"), keys)
            start += each.size
        groups: dict[tuple[float, float], list[int]] = {}
        draws = self.layout.folded.trace.draws
        for i, draw in enumerate(draws):
            groups.setdefault((draw.keep, draw.scale), []).append(i)
        for members in groups.values():
            array = Tensor(self.names.unique("mask"), (len(members),), True, "random", draws=[draws[members[0]]])
            self.enter(array, np.array(members) + start)

    def enter_parameters(self) -> None:
        """Cuts the parameters into arrays as they are used: matrices first, then lists, and what nobody uses."""
        count, trace = self.layout.parameters, self.layout.folded.trace
        place = np.zeros(count, np.int64)
        place[self.layout.address[trace.parameters]] = np.arange(count)
        labels = [each.label for each in self.program.parameters]
        for rows in [*_tables(self.layout), np.arange(count)]:
            fresh = (rows < count) & (self.home[self.keys(SHARED, rows)] < 0)
            if not fresh.all() or np.unique(rows).size < rows.size:
                rows = np.array(list(dict.fromkeys(rows[fresh].tolist())), np.int64)
            if rows.size:
                called = [labels[i] for i in place[rows.reshape(-1)].tolist()]
                name = self.names.unique(stem(called) or "parameters")
                array = Tensor(name, rows.shape, False, "parameter", (called[0], called[-1]), place[rows])
                self.enter(array, self.keys(SHARED, rows))

    def find(self, keys: Integers) -> Part:
        """Returns the numbers with these keys as a part of one array, joined if they are in several."""
        lost = np.unique(keys[self.home[keys] < 0])
        if lost.size:
            self.enter_constants(lost)
        homes = np.array(list(dict.fromkeys(self.home[keys].reshape(-1).tolist())))
        if len(homes) == 1:
            return Part(self.arrays[int(homes[0])], self.place[keys])
        ranges = []
        for home in homes.tolist():
            places = self.place[keys[self.home[keys] == home]]
            ranges.append((home, int(places.min()), int(places.max()) + 1))
        key = repr(ranges).encode()
        if key not in self.joined:
            self.joined[key] = self.join([Part(self.arrays[i], np.arange(low, high)) for i, low, high in ranges])
        offset = np.zeros(len(self.arrays), np.int64)
        start = 0
        for home, low, high in ranges:
            offset[home] = start - low
            start += high - low
        return Part(self.joined[key], self.place[keys] + offset[self.home[keys]])

    def enter_constants(self, keys: Integers) -> None:
        numbers = self.namer.constants[keys - self.layout.batched_rows]
        self.enter(Tensor(self.names.unique("constants"), numbers.shape, False, "constant", numbers=numbers), keys)

    def join(self, parts: list[Part]) -> Tensor:
        batched = any(each.array.batched for each in parts)
        array = Tensor(self.names.unique("joined"), (sum(each.places.size for each in parts),), batched)
        self.lines.append(Assignment(array, "join", COPY, [*parts]))
        return array

    def operand(self, space: int, rows: Integers) -> Operand:
        """Returns a literal where all the numbers are one constant."""
        if space == SHARED:
            numbers = self.namer.constants[rows]
            first = float(numbers.flat[0]) if numbers.size else math.nan
            if not math.isnan(first) and (numbers == first).all():
                return first
        return self.find(self.keys(space, rows))

    def part(self, space: int, rows: Integers) -> Part:
        return self.find(self.keys(space, rows))

    # ------------------------------------------------------------ instructions

    def lay(self, each: Instruction) -> None:
        if each.op is COPY:  # nothing is copied where nothing is written over
            source, target = self.keys(each.reads[0], each.operands[0]), self.keys(each.space, each.rows)
            lost = np.unique(source[self.home[source] < 0])
            if lost.size:
                self.enter_constants(lost)
            self.home[target], self.place[target] = self.home[source], self.place[source]
            return
        {"map": self.map, "product": self.product, "reduce": self.reduce, "lookup": self.lookup}[each.form](each)

    def say(self, each: Instruction, form: str, rows: Integers, operands: list[Operand]) -> None:
        """Enters a line that makes the numbers of these rows, in this shape."""
        batched = any(isinstance(operand, Part) and operand.array.batched for operand in operands)
        region = self.namer.region(each.space, int(each.rows.min()), each.rows.size)
        target = Tensor(self.names.unique(region), rows.shape, batched)
        self.lines.append(Assignment(target, form, each.op, operands))
        self.enter(target, self.keys(each.space, rows))

    def map(self, each: Instruction) -> None:
        """Members come in the order of the largest operand's numbers and, if that is a whole array, in its shape."""
        operands = [self.operand(space, rows) for space, rows in zip(each.reads, each.operands)]
        parts = [operand for operand in operands if isinstance(operand, Part)]
        order = _order([part.places for part in parts])
        shape: tuple[int, ...] = (each.rows.size,)
        if parts:
            leader = max(parts, key=lambda part: np.unique(part.places).size)
            places = leader.places[order]
            whole = places.size == leader.array.size and np.array_equal(places, np.arange(places.size))
            shape = (
                leader.array.shape if whole and leader.array.shape else common_grid([p.places[order] for p in parts])
            )
        parts = [Part(part.array, part.places[order].reshape(shape), expanded=False) for part in parts]
        if parts and np.broadcast_shapes(*(part.inner.shape for part in parts)) != shape:
            wide = max(range(len(parts)), key=lambda i: parts[i].array.batched)
            parts[wide] = Part(parts[wide].array, parts[wide].places)
        if any(part.array.batched for part in parts):
            parts = [_trimmed(part) for part in parts]
        left = iter(parts)
        shaped = [operand if isinstance(operand, float) else next(left) for operand in operands]
        self.say(each, "map", each.rows[order].reshape(shape), shaped)

    def product(self, each: Instruction) -> None:
        """Of weights and what differs, the weights come second, as frameworks have it."""
        left, right, *bias = each.operands
        spaces, rows = list(each.reads), each.rows
        if left.shape[1] == right.shape[1] == 1 and (len(left) > 1 or spaces[0] == BATCHED):
            operands = [left[:, 0], right[:, 0], *[b.reshape(-1) for b in bias]]
            self.say(each, "inner", rows.reshape(-1), [self.part(s, o) for s, o in zip(spaces, operands)])
            return
        if spaces[0] == SHARED:
            left, right, rows = right, left, rows.transpose(0, 2, 1)
            bias, spaces[:2] = [b.transpose(0, 2, 1) for b in bias], [spaces[1], spaces[0]]
        operands = [left, right, *bias]
        form = "product"
        if len(left) == 1:
            operands, rows = [operand[0] for operand in operands], rows[0]
            form = "linear" if spaces[1] == SHARED else form
        if form == "linear" and len(rows) == 1:
            operands, rows = [operands[0][0], right[0], *[b[0] for b in operands[2:]]], rows[0]
        parts = [self.part(space, operand) for space, operand in zip(spaces, operands)]
        self.say(each, form, rows, [*parts[:2], *(_trimmed(Part(p.array, p.places, False)) for p in parts[2:])])

    def reduce(self, each: Instruction) -> None:
        order = _order([self.part(s, o if o.ndim == 1 else o[:, 0]).places for s, o in zip(each.reads, each.operands)])
        rows, operands = each.rows[order], [operand[order] for operand in each.operands]
        if each.op is ops.select:
            self.say(each, "pick", rows, [self.part(space, operand) for space, operand in zip(each.reads, operands)])
            return
        found = [self.part(space, operand) for space, operand in zip(each.reads, operands)]
        grid = common_grid([part.places if part.places.ndim == 1 else part.places[:, 0] for part in found])
        shaped: list[Operand] = [Part(part.array, part.places.reshape(*grid, -1)) for part in found]
        self.say(each, "reduce", rows.reshape(grid), shaped)

    def lookup(self, each: Instruction) -> None:
        columns, indices = each.operands
        operands: list[Operand] = [self.part(each.reads[1], indices), self.part(SHARED, columns.T)]
        self.say(each, "lookup", each.rows.T, operands)

    # ------------------------------------------------------------ outputs

    def outputs(self) -> Any:
        layout = self.layout
        space = np.array(layout.folded.space)
        nodes = np.array(layout.folded.outputs)
        keys = iter(np.where(space[nodes] == BATCHED, 0, layout.batched_rows) + layout.address[nodes])

        def formed(form: Any) -> Any:
            if isinstance(form, Value):
                return self.find(np.array(next(keys)))
            if isinstance(form, list) and all(isinstance(each, Value) for each in form):
                return self.find(np.array([next(keys) for _ in form]))
            return type(form)(formed(each) for each in form)

        return formed(self.program.outputs)


def _tables(layout: Layout) -> list[Integers]:
    """The shared rows that operands read, those of matrix products first, larger before smaller."""
    found: list[tuple[bool, int, Integers]] = []
    for each in layout.instructions:
        if each.op is COPY:
            continue
        for i, (space, rows) in enumerate(zip(each.reads, each.operands)):
            if space == SHARED and rows.size:
                if each.form == "product":
                    rows = rows[0] if len(rows) == 1 else rows
                elif each.form == "lookup" and i == 0:
                    rows = rows.T
                matrix = each.form in ("product", "lookup") and i < 2
                found.append((not matrix, -rows.size, rows if matrix else rows.reshape(-1)))
    return [rows for _, _, rows in sorted(found, key=lambda each: each[:2])]


def _trimmed(part: Part) -> Part:
    """What is the same for all examples, without leading axes along which nothing differs: those come by themselves."""
    while (
        not part.array.batched and part.places.ndim and part.places.shape != part.array.shape
        and (part.places == part.places[:1]).all()
    ):  # fmt: skip
        part = Part(part.array, part.places[0], part.expanded)
    return part


def _order(columns: Sequence[Integers]) -> Integers:
    """The order of members that follows the places of the operand with the most different ones."""
    keys = sorted(columns, key=lambda key: -np.unique(key).size)
    return np.lexsort(keys[::-1]) if keys else np.arange(1)


def _flat(form: Any) -> Iterator[Any]:
    if isinstance(form, (list, tuple)):
        for each in form:
            yield from _flat(each)
    else:
        yield form


# -------------------------------------------------------------------- regular parts


def _regular(shape: tuple[int, ...], places: Integers) -> list[Way] | None:
    """The steps to these places of an array of a shape, if they are regular."""
    size = math.prod(shape)
    if places.size == size and np.array_equal(places.reshape(-1), np.arange(size)):
        if places.shape == () != shape:
            return [("slice", (0,) * len(shape))]
        return [] if places.shape == shape else [("reshape", places.shape)]
    view = view_of(places) if places.size else None
    if view is None:
        grid = common_grid([places.reshape(-1)])
        apart = _regular(shape, places.reshape(grid)) if len(grid) > places.ndim else None
        return None if apart is None else [*apart, ("reshape", places.shape)]
    axes = sorted((a for a, n in enumerate(view.shape) if n > 1), key=lambda a: -view.strides[a])
    return _grid(shape, view.start, [(view.shape[a], view.strides[a]) for a in axes], axes, places.shape) or (
        _block(shape, view.start, places) if view.is_block else None
    )


def _block(shape: tuple[int, ...], start: int, places: Integers) -> list[Way]:
    """Numbers that follow one another, out of the array as one list."""
    flat: list[Way] = [] if len(shape) == 1 else [("reshape", (math.prod(shape),))]
    steps: list[Way] = [*flat, ("slice", ((start, start + places.size),))]
    return steps if places.ndim == 1 else [*steps, ("reshape", places.shape)]


def _grid(
    shape: tuple[int, ...], start: int, sides: list[tuple[int, int]], axes: list[int], wanted: tuple[int, ...]
) -> list[Way] | None:
    """A part of a grid: the array in a shape with an axis for each stride, a slice of each, in the order of `axes`."""
    size = math.prod(shape)
    grid = _with_strides(shape, sides) or _cut([stride for _, stride in sides], size)
    if grid is None:
        return None
    taken: list[Any] = []
    left, strides = list(sides), [math.prod(grid[i + 1 :]) for i in range(len(grid))]
    for length, stride in zip(grid, strides):
        first = start // stride % length
        if left and left[0][1] == stride and length > 1:
            count = left.pop(0)[0]
            if first + count > length:
                return None
            taken.append((first, first + count))
        else:
            taken.append(first)
    if left:
        return None
    steps: list[Way] = [] if grid == shape else [("reshape", grid)]
    turned = tuple(sorted(range(len(axes)), key=lambda i: axes[i]))
    straight = turned == tuple(range(len(axes)))
    kept_axes = [each if isinstance(each, tuple) else (each, each + 1) for each in taken]
    if straight and tuple(stop - first for first, stop in kept_axes) == wanted:
        taken = kept_axes
    if any(each != (0, length) for each, length in zip(taken, grid)):
        steps.append(("slice", tuple(None if each == (0, n) and n > 1 else each for each, n in zip(taken, grid))))
    if taken is kept_axes:
        return steps
    if not straight:
        steps.append(("turn", turned))
    kept = tuple(wanted[a] for a in sorted(axes))
    return steps if kept == wanted else [*steps, ("reshape", wanted)]


def _with_strides(shape: tuple[int, ...], sides: list[tuple[int, int]]) -> tuple[int, ...] | None:
    """The array's own shape, if it has an axis for each stride."""
    strides = {math.prod(shape[i + 1 :]) for i in range(len(shape)) if shape[i] > 1}
    return shape if all(stride in strides for _, stride in sides) else None


def _cut(strides: list[int], size: int) -> tuple[int, ...] | None:
    """The shape that cuts so many numbers at these strides, the largest first."""
    grid = []
    for stride in [*strides, *([1] if strides and strides[-1] > 1 else [])]:
        if stride < 1 or size % stride:
            return None
        grid.append(size // stride)
        size = stride
    return tuple(grid) if grid and strides else None
