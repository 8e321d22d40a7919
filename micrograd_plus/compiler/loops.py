"""Emits a layout as loops over flat arrays, in C or in JavaScript: what runs forward, and what runs back.

The numbers of the graph lie as the layout says: `shared` has what is the same for all examples, `rows` a row for each
other number, with B examples side by side. Where B is 1, as always in JavaScript, no line speaks of examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.dialects import Dialect
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import Layout
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import View, view_of

__all__ = ["TAKEN", "At", "Loops", "Matrix", "Place", "is_regular_view"]

ARRAYS = {(SHARED, False): "shared", (BATCHED, False): "rows", (SHARED, True): "d_shared", (BATCHED, True): "d_rows"}
"""What each buffer is called, and that of its gradients."""

TAKEN = frozenset(
    [
        *ARRAYS.values(), *"Bbijklm", "cube", "fast_exp", "fast_expm1", "fast_tanh", "max", "min", "multiply",
        "multiply_add", "multiply_affine", "multiply_each", "multiply_each_add", "out", "outer_add", "parts", "pick",
        "real", "root", "scale", "square", "add_sums", "sum_of", "upstream",
        # the languages' own words, and the functions that a row may call
        "abs", "acos", "acosh", "arguments", "asin", "asinh", "asm", "atan", "atan2", "atanh", "auto", "await", "break",
        "case", "catch", "ceil", "char", "class", "const", "continue", "cos", "cosh", "debugger", "default", "delete",
        "do", "double", "else", "enum", "erf", "eval", "exp", "expm1", "export", "extends", "extern", "fabs", "false",
        "finally", "float", "floor", "for", "function", "goto", "hypot", "if", "implements", "import", "in",
        "Infinity", "INFINITY", "inline", "instanceof", "int", "interface", "let", "log", "log10", "log1p", "log2",
        "long", "NaN", "NAN", "new", "null", "package", "pow", "private", "protected", "public", "register",
        "restrict", "return", "rint", "round", "short", "signed", "sin", "sinh", "sizeof", "sqrt", "static", "struct",
        "super", "switch", "tan", "tanh", "this", "throw", "true", "trunc", "try", "typedef", "typeof", "union",
        "unsigned", "var", "vector", "void", "volatile", "while", "with", "yield",
    ]
)  # fmt: skip
"""What a program calls things of its own, and what C or JavaScript would read otherwise."""

_AXES = "ijklm"

_A_LINE = 100
"""So many characters of an index table stand on a line."""


@dataclass(frozen=True)
class Place:
    """Where an operand's numbers lie: in `array`, at `start` plus a stride along each axis.

    Where they are not regular, that is a place in `table`, which has the row.
    """

    array: str
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    table: str
    space: int

    @property
    def is_block(self) -> bool:
        """Whether the rows follow one another, each once, in order."""
        return not self.table and self.start == 0 and View(0, self.shape, self.strides).is_block


@dataclass(frozen=True)
class At:
    """Writes the numbers that the loops around are at: `indices` has their counters, none where there is one loop.

    `example` is the counter of examples; where it is that of an axis too, the axis has the index "0".
    """

    loops: Loops
    shape: tuple[int, ...]
    indices: tuple[str, ...] | None
    example: str = "b"

    def __call__(self, place: Place) -> str:
        """Returns the text of the number of a place."""
        return f"{place.array}[i]" if self.indices is None else self.loops.text(place, self.indices, self.example)

    def fits(self, place: Place) -> bool:
        """Returns whether a place has the shape that the loops go over."""
        return len(place.shape) == len(self.shape)

    def member(self, place: Place, index: str) -> str:
        """Returns the text of a place's number where the last index is another one."""
        assert self.indices is not None
        return self.loops.text(place, (*self.indices[: len(place.shape) - 1], index))

    def row(self, place: Place) -> str:
        """Returns the text of an array of a place's numbers in all examples."""
        assert self.indices is not None and not place.table
        at = _sum(self.indices, place.strides, place.start)
        return place.array if at == "0" else f"{place.array} + {f'({at})' if ' + ' in at else at} * B"

    @property
    def last(self) -> str:
        """The innermost counter."""
        return self.indices[-1] if self.indices else "0"


@dataclass(frozen=True)
class Matrix:
    """A stack of matrices in an array, as strides in numbers: from matrix to matrix, along either axis."""

    array: str
    strides: tuple[int, int, int]

    def at(self, dialect: Dialect, *steps: tuple[str, int]) -> str:
        """Returns the array from the matrix on that the loops are at: for each variable, its stride."""
        terms = [f"{variable} * {stride}" for variable, stride in steps if variable != "0" and stride]
        return dialect.offset(self.array, " + ".join(terms) or "0")


@dataclass
class Loops:
    """Writes the functions of a program: what its forms say, in a dialect, for `size` examples at a time.

    `wanted` and `written` tell which rows' gradients are asked for, and which have a part already.
    """

    layout: Layout
    namer: Namer
    dialect: Dialect
    size: int
    wanted: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    written: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    depth: int = 0
    arrays: dict[str, str] = field(default_factory=dict)
    tables: dict[bytes, str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    gathered: dict[tuple[int, bytes, tuple[int, ...]], Integers] = field(default_factory=dict)
    names: dict[tuple[int, int], str] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes = {SHARED: self.layout.shared_rows, BATCHED: self.layout.batched_rows}
        self.written = {space: np.zeros(rows, bool) for space, rows in self.sizes.items()}

    # ------------------------------------------------------------ lines

    def say(self, line: str) -> None:
        """Adds a line."""
        self.lines.append("    " * self.depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Within it, lines stand in the block that the head begins; a loop over one line needs no brackets."""
        if not head:
            yield
            return
        at = len(self.lines)
        self.say(head)
        self.depth += 1
        yield
        self.depth -= 1
        if head == "{" or len(self.lines) > at + 2:
            self.lines[at] += " {" if head != "{" else ""
            self.say("}")

    @contextmanager
    def loop(self, variable: str, count: int | str) -> Iterator[str]:
        """Within it, lines are repeated; yields the text of the counter, "0" where there is one turn only."""
        if count in (1, "1"):
            yield "0"
            return
        with self.block(self.dialect.loop(variable, count)):
            yield variable

    @contextmanager
    def function(self, name: str, arrays: Sequence[str], numbers: Sequence[str] = ()) -> Iterator[None]:
        """Within it, lines are those of a function; the arrays that they name are defined at its beginning."""
        self.arrays = {}
        self.say(self.dialect.function(name, arrays, numbers))
        at, self.depth = len(self.lines), 1
        yield
        self.depth = 0
        self.lines[at:at] = [f"    {self.dialect.array}{array} = {text}" for array, text in self.arrays.items()]
        self.lines += ["}", ""]

    # ------------------------------------------------------------ where things lie

    def array(self, space: int, start: int, size: int, grad: bool, remark: str = "") -> str:
        """Returns the name of the array of what lies from row `start` on, defined once in a function."""
        name = self.name(space, start, size)
        name = f"d_{name}" if grad else name
        if name not in self.arrays:
            by = " * B" if space == BATCHED and self.size > 1 else ""
            text = self.dialect.offset(ARRAYS[space, grad], f"{start}{by}" if start else "0")
            self.arrays[name] = f"{text};{remark}"
        return name

    def name(self, space: int, start: int, size: int) -> str:
        """Returns the name of what begins at a row."""
        if (space, start) not in self.names:
            said = self.namer.region(space, start, size)
            said = re.sub(r"[^0-9A-Za-z_]", "_", said)
            said = f"{said}_" if said in TAKEN or said.startswith(("d_", "at_")) else said
            self.names[space, start] = self.unique(said)
        return self.names[space, start]

    def unique(self, name: str) -> str:
        """Returns the name, with a number behind it if it is taken."""
        count = self.known[name] = self.known.get(name, 0) + 1
        return name if count == 1 else self.unique(f"{name}_{count}")

    def table(self, rows: Integers) -> str:
        """Returns the name of an index table."""
        key = rows.astype(np.int64).tobytes()
        if key not in self.tables:
            name = self.tables[key] = f"at_{len(self.tables)}"
            self.definitions += _wrapped(self.dialect.table(name, rows.reshape(-1).tolist()))
        return self.tables[key]

    def place(self, space: int, rows: Integers, grad: bool = False) -> Place:
        """Returns where these rows are."""
        view = view_of(rows)
        if view is None:
            array = ARRAYS[space, grad]
            strides = view_of(np.arange(rows.size).reshape(rows.shape)).strides  # type: ignore[union-attr]
            return Place(array, 0, rows.shape, strides, self.table(rows), space)
        low = view.reach[0]
        shape = " x ".join(str(n) for n in view.shape if n > 1) or "1"
        array = self.array(space, low, int(prod(view.shape)), grad, f"  // {shape}")
        return Place(array, view.start - low, view.shape, view.strides, "", space)

    def is_batched(self, space: int) -> bool:
        """Whether the numbers of a buffer lie in rows of several examples."""
        return space == BATCHED and self.size > 1

    def text(self, place: Place, indices: Sequence[str], example: str = "b") -> str:
        """Returns the text of a place's number at these indices, one an axis."""
        at = _sum(indices, place.strides, place.start)
        at = f"{place.table}[{at}]" if place.table else at
        if self.is_batched(place.space):
            at = example if at == "0" else f"{f'({at})' if ' + ' in at else at} * B + {example}"
        return f"{place.array}[{at}]"

    @contextmanager
    def over(
        self, shape: tuple[int, ...], places: Sequence[Place], *, flat: bool = True, examples: bool = True
    ) -> Iterator[At]:
        """Within it, lines are repeated for every index, and example, of the places, which have this shape.

        Where all of them are whole, that is one loop, unless it may not be `flat`; where they are along an axis, that
        axis and the examples are one loop.
        """
        batched = [examples and self.is_batched(each.space) for each in places]
        if flat and any(batched) and all(batched) and all(each.is_block for each in places):
            count = prod(shape)
            with self.loop("i", f"{count} * B" if count > 1 else "B"):
                yield At(self, shape, None)
            return
        order, is_whole = _order(shape, places, batched) if flat or not any(batched) else (range(len(shape)), False)
        if any(batched) and is_whole:
            *outer, inner = order
            counter = _AXES[inner]
            with self.axes(shape, outer) as indices, self.loop(counter, f"{shape[inner]} * B"):
                yield At(self, shape, tuple(indices), counter)
            return
        with self.axes(shape, order) as indices, self.loop("b", "B" if any(batched) else 1):
            yield At(self, shape, tuple(indices))

    @contextmanager
    def axes(self, shape: tuple[int, ...], order: Sequence[int] | None = None) -> Iterator[list[str]]:
        """Within it, lines are repeated for every index; yields the indices' texts.

        The `order` is that of the axes, from the outermost loop to the innermost; one that is not there has no loop.
        """
        with ExitStack() as loops:
            order = range(len(shape)) if order is None else order
            indices = {axis: loops.enter_context(self.loop(_AXES[axis], shape[axis])) for axis in order}
            yield [indices.get(axis, "0") for axis in range(len(shape))]

    # ------------------------------------------------------------ room for what the graph has not

    def room(self, space: int, shape: tuple[int, ...], name: str) -> Integers:
        """Returns new rows of a buffer, behind those of the graph."""
        start, size = self.sizes[space], int(prod(shape))
        self.sizes[space] += size
        self.names[space, start] = self.unique(name)
        self.written[space] = np.append(self.written[space], np.zeros(size, bool))
        return np.arange(start, start + size).reshape(shape)

    def regular(self, space: int, rows: Integers, *, turned: bool = False) -> Integers:
        """Returns rows with the same numbers that make matrices: new ones, filled once, if these do not.

        New ones lie one after the other along the last axis, or if `turned` along the one before it.
        """
        if is_regular_view(rows):
            return rows
        key = (space, rows.tobytes(), rows.shape)
        if key not in self.gathered:
            stack, height, width = rows.shape
            taken = self.room(space, (stack, width, height) if turned else rows.shape, "taken")
            self.gathered[key] = taken = taken.transpose(0, 2, 1) if turned else taken
            self.copy(self.place(space, rows), self.place(space, taken))
        return self.gathered[key]

    def is_scattered(self, rows: Integers) -> bool:
        """Returns whether these rows are lists without an order, along which C finds no vectors."""
        return self.dialect.name == "c" and rows.ndim > 1 and view_of(rows) is None

    def side_by_side(self, space: int, shape: tuple[int, ...], name: str) -> Integers:
        """Returns new rows for lists, along the last axis, of which the first members lie side by side, and so on."""
        return np.moveaxis(self.room(space, (shape[-1], *shape[:-1]), name), 0, -1)

    def in_lines(self, space: int, rows: Integers) -> Integers:
        """Returns rows with the same numbers: those of scattered lists are copied, once."""
        if not self.is_scattered(rows):
            return rows
        key = (space, rows.tobytes(), rows.shape)
        if key not in self.gathered:
            self.gathered[key] = self.side_by_side(space, rows.shape, "taken")
            self.copy(self.place(space, rows), self.place(space, self.gathered[key]))
        return self.gathered[key]

    def copy(self, source: Place, target: Place) -> None:
        """Says that the target becomes what is at the source."""
        with self.over(source.shape, [target, source]) as at:
            self.say(f"{at(target)} = {at(source)};")

    def matrix(self, space: int, rows: Integers, grad: bool = False) -> Matrix:
        """Returns a stack of matrices of rows that are a view."""
        view = view_of(rows)
        assert view is not None
        shape = " x ".join(str(n) for n in view.shape if n > 1) or "1"
        array = self.array(space, view.start, int(prod(view.shape)), grad, f"  // {shape}")
        by = self.size if space == BATCHED else 1
        first, second, third = (stride * by for stride in view.strides)
        return Matrix(array, (first, second, third))

    # ------------------------------------------------------------ gradients

    def needs(self, space: int, rows: Integers) -> bool:
        """Returns whether the gradient of any of these rows is wanted."""
        return bool(self.wanted[space][rows].any())

    def settle(self, space: int, rows: Integers) -> None:
        """Says that the gradients of those rows that have none so far are 0."""
        if space == SHARED:
            return
        empty = np.unique(rows[~self.written[space][rows]])
        if empty.size:
            target = self.place(space, empty, grad=True)
            with self.over(empty.shape, [target]) as at:
                self.say(f"{at(target)} = {self.dialect.number(0)};")
            self.written[space][empty] = True

    def sign(self, space: int, rows: Integers) -> str:
        """Returns how gradients come to these rows: "=" for the first, each once; else "+="."""
        fresh = space == BATCHED and not self.written[space][rows].any()
        if fresh and len(np.unique(rows)) == rows.size:
            self.written[space][rows] = True
            return "="
        self.settle(space, rows)
        self.written[space][rows] = True
        return "+="

    def add(
        self, space: int, rows: Integers, source: int, places: Sequence[Place], text: Callable[[At], str],
        pure: Place | None = None,
    ) -> None:  # fmt: skip
        """Adds what the text says, of these places, to the gradients of rows.

        Rows that come more than once get the sum, and shared ones of a batched `source` the sum over all examples.
        `pure` is the place of what the text says, if it says no more.
        """
        sign = self.sign(space, rows)
        target = self.place(space, rows, grad=True)
        if pure and self.is_batched(source) and space == SHARED and target.is_block and pure.is_block:
            self.say(f"add_sums({rows.size}, {pure.array}, {target.array});")
            return
        if space == BATCHED or not self.is_batched(source):
            with self.over(rows.shape, [target, *places]) as at:
                self.say(f"{at(target)} {sign} {text(at)};")
            return
        with self.over(rows.shape, [target, *places], flat=False, examples=False) as at:
            if pure and not pure.table:
                self.say(f"{at(target)} += sum_of({at.row(pure)}, B);")
                return
            with self.block("{" if set(at.indices or ()) <= {"0"} else ""):
                self.say("real parts[B];")
                with self.loop("b", "B"):
                    self.say(f"parts[b] = {text(at)};")
                self.say(f"{at(target)} += sum_of(parts, B);")


def is_regular_view(rows: Integers) -> bool:
    """Returns whether rows follow one another in even steps upwards along each axis."""
    view = view_of(rows)
    return view is not None and min(view.strides) >= 0


def _order(shape: tuple[int, ...], places: Sequence[Place], batched: Sequence[bool]) -> tuple[Sequence[int], bool]:
    """The order of loops, and whether along the innermost axis numbers follow one another, with all their examples.

    The first place is the one that is written. Innermost is such an axis, if there is one, or else one along which what
    is written is never the same number twice in a row.
    """
    axes = range(len(shape))
    found: list[tuple[int, bool]] = []
    for axis in reversed(axes):
        if shape[axis] > 1 and not places[0].table and places[0].strides[axis]:
            follow = [
                not each.table and each.strides[axis] in ((1,) if is_batched else (0,) if any(batched) else (0, 1))
                for each, is_batched in zip(places, batched)
            ]
            found.append((axis, all(follow) and places[0].strides[axis] == 1))
    inner, is_whole = max(found, key=lambda each: each[1], default=(-1, False))
    return [*(axis for axis in axes if axis != inner), *([inner] if inner >= 0 else [])], is_whole


def _sum(indices: Sequence[str], strides: Sequence[int], start: int = 0) -> str:
    """The text of an index: the sum of what each loop's counter adds to it."""
    terms = [
        index if stride == 1 else f"{index} * {stride}"
        for index, stride in zip(indices, strides)
        if index != "0" and stride
    ]
    return " + ".join([*([str(start)] if start else []), *terms]) or "0"


def _wrapped(line: str) -> list[str]:
    """A long table in lines."""
    lines = []
    while len(line) > _A_LINE:
        at = line.rfind(" ", 0, _A_LINE)
        lines.append(line[:at])
        line = f"    {line[at + 1 :]}"
    return [*lines, line]
