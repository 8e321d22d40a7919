"""The loops of each form of instruction: those that work out its numbers, and those that bring its gradient back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isfinite

import numpy as np

from micrograd_plus.compiler.dialects import Formula, hoisted
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.layout import COPY, Instruction
from micrograd_plus.compiler.loops import At, Loops, Matrix, Place, is_regular_view
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import common_grid
from micrograd_plus.reading import names_in

__all__ = ["LOOPS", "is_constant"]


def is_constant(each: Instruction, constants: np.ndarray) -> bool:
    """Whether an instruction brings constants into the batched buffer, which is done once for all."""
    return each.op is COPY and each.reads[0] == SHARED and not np.isnan(constants[each.operands[0]]).any()


# -------------------------------------------------------------------- map: one row of the table on many numbers


def _map_forward(loops: Loops, each: Instruction) -> None:
    """Says the row of the table."""
    shape, operands = _map_operands(loops, each)
    target = loops.place(each.space, each.rows.reshape(shape))
    with loops.over(shape, [target, *_read(each.op.value, operands)]) as at:
        loops.say(f"{at(target)} = {Formula(loops.dialect, _texts(operands, at)).read(each.op.value)};")


def _map_backward(loops: Loops, each: Instruction) -> None:
    """Says the derivatives of the row; of an operand that is there twice, both at once."""
    shape, operands = _map_operands(loops, each)
    rows = each.rows.reshape(shape)
    partials: dict[tuple[int, bytes], list[str]] = {}
    targets: dict[tuple[int, bytes], Integers] = {}
    for name, space, operand in zip(each.op.names, each.reads, each.operands):
        if loops.needs(space, operand) and each.op.partials[name] != "0":
            targets[space, operand.tobytes()] = operand.reshape(shape)
            partials.setdefault((space, operand.tobytes()), []).append(each.op.partials[name])
    loops.settle(each.space, rows)
    upstream = loops.place(each.space, rows, grad=True)
    operands["out"] = loops.place(each.space, rows)
    for (space, data), expressions in partials.items():
        whole = " + ".join(f"({one})" for one in expressions) if len(expressions) > 1 else expressions[0]
        text = _chained(upstream, whole, lambda at: Formula(loops.dialect, _texts(operands, at)))
        pure = upstream if whole == "1" else None
        loops.add(space, targets[space, data], each.space, [upstream, *_read(whole, operands)], text, pure)


def _chained(upstream: Place, expression: str, formula: Callable[[At], Formula]) -> Callable[[At], str]:
    """The chain rule's product, without factors of 1."""
    if expression in ("1", "1.0"):
        return lambda at: at(upstream)
    if expression in ("-1", "-1.0"):
        return lambda at: f"-{at(upstream)}"

    def text(at: At) -> str:
        slope = formula(at).read(expression)
        simple = not any(sign in slope for sign in (" + ", " - ", " ? ", " / ")) and not slope.startswith("-")
        return f"{at(upstream)} * {slope if simple else f'({slope})'}"

    return text


def _map_operands(loops: Loops, each: Instruction) -> tuple[tuple[int, ...], dict[str, Place | str]]:
    """The shape to work in, and where every operand is: the number itself if it is one constant."""
    literals = [_literal(loops, space, rows) for space, rows in zip(each.reads, each.operands)]
    shape = common_grid([each.rows, *[rows for rows, number in zip(each.operands, literals) if number is None]])
    found = [
        loops.place(space, rows.reshape(shape)) if number is None else number
        for number, space, rows in zip(literals, each.reads, each.operands)
    ]
    return shape, dict(zip(each.op.names, found))


def _literal(loops: Loops, space: int, rows: Integers) -> str | None:
    if space == BATCHED:
        return None
    numbers = loops.namer.constants[rows]
    first = float(numbers.flat[0])
    return loops.dialect.number(first) if isfinite(first) and (numbers == first).all() else None


def _read(expression: str, operands: Mapping[str, Place | str]) -> list[Place]:
    """The places of those operands that an expression reads."""
    names = names_in(expression)
    return [each for name, each in operands.items() if name in names and isinstance(each, Place)]


def _texts(operands: Mapping[str, Place | str], at: At) -> dict[str, str]:
    return {name: at(each) if isinstance(each, Place) else each for name, each in operands.items()}


# -------------------------------------------------------------------- product: stacks of matrix products


@dataclass(frozen=True)
class _Product:
    """A stack of products, out[s][j][k] = the sum over t of left[s][j][t] * right[s][k][t]; shared factors left."""

    rows: Integers
    left: Integers
    right: Integers
    bias: Integers | None
    spaces: tuple[int, int]

    @classmethod
    def of(cls, each: Instruction) -> _Product:
        left, right, *rest = each.operands
        bias = rest[0].reshape(each.rows.shape) if rest else None
        if each.reads[0] <= each.reads[1]:
            return cls(each.rows, left, right, bias, (each.reads[0], each.reads[1]))
        turned = None if bias is None else bias.transpose(0, 2, 1)
        return cls(each.rows.transpose(0, 2, 1), right, left, turned, (each.reads[1], each.reads[0]))

    def has_a_bias_for_rows(self, loops: Loops, space: int) -> bool:
        """Whether the bias is a shared number for each row of the matrices, the same in all columns."""
        bias = self.bias
        assert bias is not None
        one_by_one = self.spaces[0] == BATCHED and loops.size > 1
        return space == SHARED and not one_by_one and is_regular_view(bias) and bool((bias == bias[:, :, :1]).all())

    def __str__(self) -> str:
        (stack, height, width), terms = self.rows.shape, self.left.shape[2]
        product = f"({height} x {terms}) * ({terms} x {width})"
        return f"matrix product {product}" if stack == 1 else f"{stack} matrix products {product}"


def _product_forward(loops: Loops, each: Instruction) -> None:
    """Says a matrix product of shared numbers and the rest, or one example by example."""
    it = _Product.of(each)
    x = loops.matrix(it.spaces[0], loops.regular(it.spaces[0], it.left))
    y = loops.matrix(it.spaces[1], loops.regular(it.spaces[1], it.right, turned=True))
    is_view = is_regular_view(it.rows)
    rows = it.rows if is_view else loops.room(each.space, it.rows.shape, "made")
    out, kind, bias = loops.matrix(each.space, rows), "", None
    loops.say(f"// {it}")
    if it.bias is not None and it.has_a_bias_for_rows(loops, each.reads[2]):
        kind, bias = "_affine", loops.matrix(SHARED, it.bias)
    elif it.bias is not None:
        _copy(loops, each.reads[2], it.bias, each.space, rows)
        kind = "_add"
    _multiply(loops, kind, it, (x, y, out, bias), rows.shape)
    if not is_view:
        _copy(loops, each.space, rows, each.space, it.rows)


def _product_backward(loops: Loops, each: Instruction) -> None:
    """Says the products of the gradient with either side."""
    loops.settle(each.space, each.rows)
    if len(each.operands) == 3 and loops.needs(each.reads[2], each.operands[2]):
        rows, bias = _squeezed(each.rows, each.operands[2])
        upstream = loops.place(each.space, rows, grad=True)
        loops.add(each.reads[2], bias, each.space, [upstream], lambda at: at(upstream), pure=upstream)
    it = _Product.of(each)
    if not any(map(loops.needs, it.spaces, (it.left, it.right))):
        return
    rows = it.rows
    if not is_regular_view(rows):
        rows = loops.room(each.space, rows.shape, "taken")
        loops.copy(loops.place(each.space, it.rows, grad=True), loops.place(each.space, rows, grad=True))
    d = loops.matrix(each.space, rows, grad=True)
    x = loops.matrix(it.spaces[0], loops.regular(it.spaces[0], it.left))
    y = loops.matrix(it.spaces[1], loops.regular(it.spaces[1], it.right, turned=True))
    loops.say(f"// back through the {it}")
    if it.spaces[0] == BATCHED and loops.size > 1:
        _each_backward(loops, d, y, it.left, rows.shape)
        turned = Matrix(d.array, (d.strides[0], d.strides[2], d.strides[1]))
        _each_backward(loops, turned, x, it.right, (rows.shape[0], rows.shape[2], rows.shape[1]))
        return
    if loops.needs(it.spaces[0], it.left):
        _left_backward(loops, it, d, y)
    if loops.needs(it.spaces[1], it.right):
        _right_backward(loops, it, d, x)


def _copy(loops: Loops, source: int, given: Integers, space: int, rows: Integers) -> None:
    rows, given = _squeezed(rows, given)
    loops.copy(loops.place(source, given), loops.place(space, rows))


def _squeezed(rows: Integers, other: Integers) -> tuple[Integers, Integers]:
    """Both tables without axes of length 1."""
    shape = tuple(size for size in rows.shape if size > 1) or (1,)
    return rows.reshape(shape), other.reshape(shape)


def _multiply(
    loops: Loops, kind: str, it: _Product, matrices: tuple[Matrix, Matrix, Matrix, Matrix | None],
    shape: tuple[int, ...],
) -> None:  # fmt: skip
    """Says the products themselves, of two matrices into a third one: as few calls as the strides allow."""
    (stack, height, width), terms, dialect = shape, it.left.shape[2], loops.dialect
    x, y, out, bias = matrices
    if it.spaces[0] == BATCHED and loops.size > 1:
        with loops.axes((stack, height, width)) as (i, j, k):
            first = x.at(dialect, (i, x.strides[0]), (j, x.strides[1]))
            second = y.at(dialect, (i, y.strides[0]), (k, y.strides[1]))
            to = out.at(dialect, *zip((i, j, k), out.strides))
            loops.say(f"multiply_each{kind}({terms}, {first}, {x.strides[2]}, {second}, {y.strides[2]}, {to});")
        return
    unit = loops.size if it.spaces[1] == BATCHED else 1
    joined = _are_joined(unit, width, y.strides[1], out.strides[2])
    with loops.axes((stack, 1 if joined else width)) as (i, k):
        first = x.at(dialect, (i, x.strides[0]))
        second = y.at(dialect, (i, y.strides[0]), (k, y.strides[1]))
        to = out.at(dialect, (i, out.strides[0]), (k, out.strides[2]))
        columns = width * unit if joined else unit
        begin = f", {bias.at(dialect, (i, bias.strides[0]))}, {bias.strides[1]}" if bias else ""
        loops.say(
            f"multiply{kind}({height}, {columns}, {terms}, {first}, {x.strides[1]}, {x.strides[2]},"
            f" {second}, {y.strides[2]}, {to}, {out.strides[1]}{begin});"
        )


def _are_joined(unit: int, width: int, *strides: int) -> bool:
    """Whether columns and examples follow one another as one axis."""
    return width == 1 or all(stride == unit for stride in strides)


@contextmanager
def _target(loops: Loops, space: int, rows: Integers, *, turned: bool = False) -> Iterator[tuple[Matrix, str]]:
    """Yields a stack of matrices for the gradients of rows, each of them once in a matrix, and the sign for them."""
    if is_regular_view(rows) and len(np.unique(rows[0])) == rows[0].size:
        sign = loops.sign(space, rows)
        yield loops.matrix(space, rows, grad=True), sign
        return
    stack, height, width = rows.shape
    made = loops.room(space, (stack, width, height) if turned else rows.shape, "made")
    made = made.transpose(0, 2, 1) if turned else made
    yield loops.matrix(space, made, grad=True), "="
    place = loops.place(space, made, grad=True)
    loops.add(space, rows, space, [place], lambda at: at(place), pure=place)


def _left_backward(loops: Loops, it: _Product, d: Matrix, y: Matrix) -> None:
    """Says what comes to the left factors: the gradient times the right factors, summed over columns and examples."""
    (stack, height, width), terms, dialect = it.rows.shape, it.left.shape[2], loops.dialect
    unit = loops.size if it.spaces[1] == BATCHED else 1
    joined = _are_joined(unit, width, y.strides[1], d.strides[2])
    columns = width * unit if joined else unit
    with _target(loops, it.spaces[0], it.left) as (to, sign):
        if sign == "=":
            _clear(loops, to, it.left.shape)
        room = ""
        if dialect.name == "c":
            rows = loops.room(it.spaces[1], (1, columns // unit, terms), "turned")
            room = f", {loops.matrix(it.spaces[1], rows).array}"
        with loops.axes((stack, 1 if joined else width)) as (i, k):
            first = d.at(dialect, (i, d.strides[0]), (k, d.strides[2]))
            second = y.at(dialect, (i, y.strides[0]), (k, y.strides[1]))
            loops.say(
                f"outer_add({height}, {terms}, {columns}, {first}, {d.strides[1]}, {second}, {y.strides[2]},"
                f" {to.at(dialect, (i, to.strides[0]))}, {to.strides[1]}, {to.strides[2]}{room});"
            )


def _clear(loops: Loops, to: Matrix, shape: tuple[int, ...]) -> None:
    with loops.axes(shape) as indices:
        at = " + ".join(f"{i} * {stride}" for i, stride in zip(indices, to.strides) if i != "0") or "0"
        loops.say(f"{to.array}[{at}] = {loops.dialect.number(0)};")


def _right_backward(loops: Loops, it: _Product, d: Matrix, x: Matrix) -> None:
    """Says what comes to the right factors: the left ones, turned, times the gradient."""
    (stack, height, width), terms, dialect = it.rows.shape, it.left.shape[2], loops.dialect
    unit = loops.size if it.spaces[1] == BATCHED else 1
    with _target(loops, it.spaces[1], it.right, turned=True) as (to, sign):
        joined = _are_joined(unit, width, to.strides[1], d.strides[2])
        columns = width * unit if joined else unit
        add = "" if sign == "=" else "_add"
        with loops.axes((stack, 1 if joined else width)) as (i, k):
            first = x.at(dialect, (i, x.strides[0]))
            second = d.at(dialect, (i, d.strides[0]), (k, d.strides[2]))
            target = to.at(dialect, (i, to.strides[0]), (k, to.strides[1]))
            loops.say(
                f"multiply{add}({terms}, {columns}, {height}, {first}, {x.strides[2]}, {x.strides[1]},"
                f" {second}, {d.strides[1]}, {target}, {to.strides[2]});"
            )


def _each_backward(loops: Loops, d: Matrix, y: Matrix, rows: Integers, shape: tuple[int, ...]) -> None:
    """Says, example by example, what comes to one side: the gradient times the other side, summed over its columns."""
    if not loops.needs(BATCHED, rows):
        return
    (stack, height, width), terms, dialect = shape, rows.shape[2], loops.dialect
    with _target(loops, BATCHED, rows) as (to, sign), loops.axes((stack, height, terms)) as (i, j, k):
        add = "" if sign == "=" else "_add"
        first = d.at(dialect, (i, d.strides[0]), (j, d.strides[1]))
        second = y.at(dialect, (i, y.strides[0]), (k, y.strides[2]))
        target = to.at(dialect, *zip((i, j, k), to.strides))
        loops.say(f"multiply_each{add}({width}, {first}, {d.strides[2]}, {second}, {y.strides[1]}, {target});")


# -------------------------------------------------------------------- reduce: many numbers into one


def _reduce_forward(loops: Loops, each: Instruction) -> None:
    """Says the row of an operation on lists: first its sums, then what is made of them."""
    shape, operands = _reduce_operands(loops, each)
    rows = each.rows.reshape(shape)
    operands, left = _made_before(loops, each.space, each.op.value, shape, operands)
    target = loops.place(each.space, rows)
    lone = {name: place for name, place in operands.items() if len(place.shape) == len(shape)}
    with loops.over(shape, [target, *_read(left, lone)], flat="item" not in left) as at:
        loops.say(f"{at(target)} = {_formula(loops, operands, at).read(left)};")


def _reduce_backward(loops: Loops, each: Instruction) -> None:
    """Says the derivatives of the row, for all members of its lists."""
    shape, operands = _reduce_operands(loops, each)
    rows = each.rows.reshape(shape)
    loops.settle(each.space, rows)
    operands["out"] = loops.place(each.space, rows)
    for name, space, operand in zip(each.op.names, each.reads, each.operands):
        expression = each.op.partials[name]
        if not loops.needs(space, operand) or expression == "0":
            continue
        known, left = _made_before(loops, each.space, expression, shape, operands)
        terms = operand.shape[1:]
        targets = operand.reshape(shape + terms)
        upstream = _spread(loops.place(each.space, rows, grad=True), terms)
        known = {
            key: _spread(place, terms) if len(place.shape) == len(shape) else place for key, place in known.items()
        }
        text = _chained(upstream, left, partial(_formula, loops, known))
        read = [upstream, *_read(left, known)]
        if loops.is_scattered(targets):
            _scatter(loops, space, targets, each.space, read, text)
        else:
            loops.add(space, targets, each.space, read, text)


def _scatter(
    loops: Loops, space: int, rows: Integers, source: int, places: list[Place], text: Callable[[At], str]
) -> None:
    """Adds what the text says, worked out side by side first, to the gradients of scattered rows."""
    made = loops.place(source, loops.side_by_side(source, rows.shape, "made"), grad=True)
    with loops.over(rows.shape, [made, *places]) as at:
        loops.say(f"{at(made)} = {text(at)};")
    loops.add(space, rows, source, [made], lambda at: at(made), pure=made)


def _reduce_operands(loops: Loops, each: Instruction) -> tuple[tuple[int, ...], dict[str, Place]]:
    """The shape to work in, and where every operand is: a group under its member's name, with an axis for its terms."""
    shape = common_grid([each.rows, *[rows if rows.ndim == 1 else rows[:, 0] for rows in each.operands]])
    places = [
        loops.place(space, loops.in_lines(space, rows.reshape(shape + rows.shape[1:])))
        for space, rows in zip(each.reads, each.operands)
    ]
    return shape, dict(zip(each.op.names, places))


def _made_before(
    loops: Loops, space: int, expression: str, shape: tuple[int, ...], operands: dict[str, Place]
) -> tuple[dict[str, Place], str]:
    """Says what must be made before an expression, and returns all places that it can read, and what is left of it."""
    before, left = hoisted(expression)
    known = dict(operands)
    for name, kind, text in before:
        if not kind and text in known:
            known[name] = known[text]
            continue
        made = known[name] = loops.place(space, loops.room(space, shape, name))
        if not kind:
            with loops.over(shape, [made, *_read(text, known)]) as at:
                loops.say(f"{at(made)} = {_formula(loops, known, at).read(text)};")
            continue
        groups = [each.shape for each in known.values() if len(each.shape) > len(shape)]
        terms = groups[0][-1:]
        start = {"sum": 0.0, "max": -inf, "min": inf}[kind]
        with loops.over(shape, [made]) as at:
            loops.say(f"{at(made)} = {loops.dialect.number(start)};")
        spread = {key: _spread(each, terms) if len(each.shape) == len(shape) else each for key, each in known.items()}
        target = spread[name]
        with loops.over(shape + terms, [target, *_read(text, spread)]) as at:
            inner = _formula(loops, spread, at).read(text)
            loops.say(
                f"{at(target)} += {inner};" if kind == "sum" else f"{at(target)} = {kind}({at(target)}, {inner});"
            )
    return known, left


def _spread(place: Place, terms: tuple[int, ...]) -> Place:
    """A place whose number is the same for all terms of a list."""
    return place if not terms else replace(place, shape=place.shape + terms, strides=(*place.strides, 0))


def _formula(loops: Loops, operands: Mapping[str, Place], at: At) -> Formula:
    texts = {name: at(place) for name, place in operands.items() if at.fits(place)}

    def item(group: str, index: str) -> str:
        place = operands[group[:-1]]
        return at.member(place, f"pick({index}, {place.shape[-1]})")

    return Formula(loops.dialect, {**texts, "j": at.last}, item)


# -------------------------------------------------------------------- lookup: columns of a table, by index


def _lookup_forward(loops: Loops, each: Instruction) -> None:
    """Says that columns of a table are taken."""
    table, index = _lookup_operands(loops, each)
    target = loops.place(each.space, each.rows)
    with loops.over(each.rows.shape, [target, index], flat=False) as at:
        loops.say(f"{at(target)} = {at.member(table, f'pick({at(index)}, {table.shape[1]})')};")


def _lookup_backward(loops: Loops, each: Instruction) -> None:
    """Says that the gradient goes to where a column was taken."""
    if not loops.needs(SHARED, each.operands[0]):
        return
    loops.settle(each.space, each.rows)
    loops.sign(SHARED, each.operands[0])
    table, index = _lookup_operands(loops, each, grad=True)
    upstream = loops.place(each.space, each.rows, grad=True)
    with loops.over(each.rows.shape, [upstream, index], flat=False) as at:
        loops.say(f"{at.member(table, f'pick({at(index)}, {table.shape[1]})')} += {at(upstream)};")


def _lookup_operands(loops: Loops, each: Instruction, grad: bool = False) -> tuple[Place, Place]:
    columns, indices = each.operands
    return (
        loops.place(SHARED, columns, grad), loops.place(each.reads[1], np.broadcast_to(indices, each.rows.shape))
    )  # fmt: skip


LOOPS = {
    "map": (_map_forward, _map_backward),
    "product": (_product_forward, _product_backward),
    "reduce": (_reduce_forward, _reduce_backward),
    "lookup": (_lookup_forward, _lookup_backward),
}
"""How each form of instruction is written as loops, forward and back; `layout.Instruction` says what they are."""
