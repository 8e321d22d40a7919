"""The lines of each form of instruction: those that work out its numbers, and those that bring its gradient back."""

from __future__ import annotations

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.buffers import Body, Buffers, sizes
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.gradients import GradientSum
from micrograd_plus.compiler.layout import COPY, Instruction
from micrograd_plus.compiler.text import numpy_text, product
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import common_grid, view_of

__all__ = ["FORMS"]


# -------------------------------------------------------------------- map: one row of the table on many numbers


def map_forward(body: Body, each: Instruction) -> None:
    """Says the row of the table."""
    if each.op is COPY and each.reads[0] == SHARED:
        constants = body.buffers.namer.constants[each.operands[0]]
        if not np.isnan(constants).any():  # a constant stays where it is
            body = Body(body.buffers, body.buffers.definitions)
    shape, names = _map_arrays(body, each)
    body.store(each.space, each.rows.reshape(shape), numpy_text(each.op, each.op.value, names))


def map_backward(sums: GradientSum, each: Instruction) -> None:
    """Says the derivatives of the row; of an operand that is there twice, both at once."""
    shape, names = _map_arrays(sums.body, each)
    rows = each.rows.reshape(shape)
    names["out"] = sums.body.value(each.space, rows)
    upstream = sums.value(each.space, rows)
    partials: dict[tuple[int, bytes], list[str]] = {}
    targets: dict[tuple[int, bytes], Integers] = {}
    for name, space, operand in zip(each.op.names, each.reads, each.operands):
        text = numpy_text(each.op, each.op.partials[name], names)
        if sums.needs(space, operand) and text != "0.0":
            key = (space, operand.tobytes())
            targets[key] = operand.reshape(shape)
            partials.setdefault(key, []).append(text)
    for (space, data), texts in partials.items():
        whole = texts[0] if len(texts) == 1 else " + ".join(f"({text})" for text in texts)
        pure = rows if whole == "1.0" else None
        sums.add(space, targets[space, data], product(upstream, whole), each.space, pure=pure)


def _map_arrays(body: Body, each: Instruction) -> tuple[tuple[int, ...], dict[str, str]]:
    """The shape to work in, and the text of every operand: the number itself if it is one constant."""
    literals = [_literal(body.buffers, space, rows) for space, rows in zip(each.reads, each.operands)]
    shape = common_grid([each.rows, *[rows for rows, number in zip(each.operands, literals) if number is None]])
    texts = [
        body.value(space, rows.reshape(shape)) if number is None else number
        for number, space, rows in zip(literals, each.reads, each.operands)
    ]
    return shape, dict(zip(each.op.names, texts))


def _literal(buffers: Buffers, space: int, rows: Integers) -> str | None:
    if space == BATCHED:
        return None
    numbers = buffers.namer.constants[rows]
    first = float(numbers.flat[0])
    return repr(first) if np.isfinite(first) and (numbers == first).all() else None


# -------------------------------------------------------------------- product: stacks of matrix products


def product_forward(body: Body, each: Instruction) -> None:
    """Says a matrix product: of shared numbers and the rest, of inner products alone, or example by example."""
    left, right, *bias = each.operands
    turned = body.buffers.turned
    if each.reads[0] == SHARED:
        a, b = body.matrix(SHARED, left), body.matrix(each.reads[1], right.transpose(0, 2, 1))
        body.say(f"np.matmul({a}, {b}, out={body.matrix(each.space, each.rows)})")
    elif left.shape[1] == right.shape[1] == 1:
        a, b = body.value(BATCHED, left[:, 0]), body.value(BATCHED, right[:, 0])
        body.say(f"np.add.reduce({a} * {b}, axis=1, out={body.value(each.space, each.rows.reshape(-1))})")
    else:
        a = turned(body.value(BATCHED, left), "3, 0, 1, 2")
        b = turned(body.value(BATCHED, right), "3, 0, 2, 1")
        out = turned(body.value(each.space, each.rows), "3, 0, 1, 2")
        body.say(f"np.matmul({a}, {b}, out={out})")
    if bias:
        rows, added = _squeezed(each.rows, bias[0])
        out = body.value(each.space, rows)
        body.say(f"np.add({out}, {body.value(each.reads[2], added)}, out={out})")


def product_backward(sums: GradientSum, each: Instruction) -> None:
    """Says the products of the gradient with either side."""
    left, right, *bias = each.operands
    if bias and sums.needs(each.reads[2], bias[0]):
        rows, added = _squeezed(each.rows, bias[0])
        sums.add(each.reads[2], added, sums.value(each.space, rows), each.space, pure=rows)
    if each.reads[0] == SHARED:
        _matrix_backward(sums, each, left, right.transpose(0, 2, 1))
    elif left.shape[1] == right.shape[1] == 1:
        _inner_backward(sums, each, left[:, 0], right[:, 0])
    else:
        turned = sums.buffers.turned
        d = sums.value(each.space, each.rows)
        for rows, other, turn in ((left, right, "3, 0, 1, 2"), (right, left, "3, 0, 2, 1")):
            if sums.needs(BATCHED, rows):
                factors = f"{turned(d, turn)}, {turned(sums.body.value(BATCHED, other), '3, 0, 1, 2')}"
                sums.add(BATCHED, rows, f"np.matmul({factors})", BATCHED, back="1, 2, 3, 0")


def _squeezed(rows: Integers, other: Integers) -> tuple[Integers, Integers]:
    """Both tables without axes of length 1."""
    shape = tuple(size for size in rows.shape if size > 1) or (1,)
    return rows.reshape(shape), other.reshape(shape)


def _matrix_backward(sums: GradientSum, each: Instruction, left: Integers, right: Integers) -> None:
    a, b = sums.body.matrix(SHARED, left), sums.body.matrix(each.reads[1], right)
    d = sums.matrix(each.space, each.rows)
    swap = "" if left.shape[0] == 1 else "0, 2, 1"
    if sums.needs(SHARED, left):
        sums.add_matrix(SHARED, left, f"np.matmul({d}, {sums.buffers.turned(b, swap)})")
    if sums.needs(each.reads[1], right):
        sums.add_matrix(each.reads[1], right, f"np.matmul({sums.buffers.turned(a, swap)}, {d})")


def _inner_backward(sums: GradientSum, each: Instruction, left: Integers, right: Integers) -> None:
    d = sums.value(each.space, each.rows.reshape(-1))
    pairs = [("", left, right), ("", right, left)]
    if np.array_equal(left, right):
        pairs = [("2.0 * ", left, left)]
    for twice, rows, other in pairs:
        if sums.needs(BATCHED, rows):
            sums.add(BATCHED, rows, f"{twice}{d}[:, None] * {sums.body.value(BATCHED, other)}", BATCHED)


# -------------------------------------------------------------------- reduce: many numbers into one


def reduce_forward(body: Body, each: Instruction) -> None:
    """Says the row of an operation on lists, as a sum or a choice along an axis."""
    rows, operands, axis, names = _reduce_arrays(body, each)
    if each.op is ops.select:
        picks = body.buffers.known["picks", id(each)] = _picks(body, each, names["i"], operands[1], axis)
        body.store(each.space, rows, f"{names['xs']}[{picks}]")
    elif each.op is ops.logsumexp:
        _logsumexp_forward(body, each, rows, operands[0], axis, names["xs"])
    else:
        body.store(each.space, rows, numpy_text(each.op, each.op.value, names, axis))


def reduce_backward(sums: GradientSum, each: Instruction) -> None:
    """Says the derivatives of the row, for all members of its lists at once."""
    rows, operands, axis, names = _reduce_arrays(sums.body, each)
    names["out"] = sums.body.value(each.space, rows)
    upstream = sums.value(each.space, rows)
    if each.op is ops.select:
        _select_backward(sums, each, operands[1], upstream)
        return
    terms = operands[-1]
    names["j"] = f"np.arange({terms.shape[axis]}).reshape({_along(axis, terms.ndim + 1)})"
    members = {operand[1:-1]: names[operand[1:]] for operand in each.op.operands if operand.startswith("*")}
    for starred, name, space, operand in zip(each.op.starred, each.op.names, each.reads, operands):
        if not sums.needs(space, operand):
            continue
        if each.op is ops.logsumexp:
            partial, text = "", _logsumexp_backward(sums.buffers, each, upstream)
        else:
            partial = numpy_text(each.op, each.op.partials[name], names | members, axis)
            text = product(upstream, partial)
        if partial == "0.0":
            continue
        if partial in ("1.0", "-1.0"):
            text = f"np.broadcast_to({text}, ({sizes(operand.shape, each.space)}))"
        if not starred and any(member in partial for member in members.values()):
            text = f"np.add.reduce({text}, axis={axis}, keepdims=True)"
        pure = np.broadcast_to(rows, operand.shape) if partial == "1.0" else None
        sums.add(space, operand, text, each.space, pure=pure)


def _reduce_arrays(body: Body, each: Instruction) -> tuple[Integers, list[Integers], int, dict[str, str]]:
    """Rows and operands in a shape in which operands are views if they can be, the axis of the terms, and the texts.

    Rows get an axis of length 1 for the terms.
    """
    shape = common_grid([each.rows, *[rows[:, 0] for rows in each.operands if rows.ndim == 2]])
    operands = [rows.reshape(shape + rows.shape[1:]) for rows in each.operands]
    axis = len(shape)
    if any(rows.ndim > axis and view_of(rows) is None for rows in operands):
        # taken one by one: then with the terms first, which is the quickest to go through
        operands = [np.moveaxis(rows, -1, 0) if rows.ndim > axis else rows[np.newaxis] for rows in operands]
        rows, axis = each.rows.reshape(1, *shape), 0
    else:
        operands = [rows if rows.ndim > axis else rows[..., np.newaxis] for rows in operands]
        rows = each.rows.reshape(*shape, 1)
    texts = [body.value(space, operand) for space, operand in zip(each.reads, operands)]
    return rows, operands, axis, {name.lstrip("*"): text for name, text in zip(each.op.operands, texts)}


def _along(axis: int, count: int) -> str:
    """The text of the shape of an array along one of so many axes."""
    return ", ".join("-1" if i == axis else "1" for i in range(count))


def _logsumexp_forward(body: Body, each: Instruction, rows: Integers, operand: Integers, axis: int, xs: str) -> None:
    """The row's own formula, in steps: its exponentials, divided by their sum, are the derivatives."""
    buffers = body.buffers
    name = buffers.namer.region(each.space, int(each.rows.min()), each.rows.size)
    exps = buffers.known["exps", id(each)] = buffers.new(f"{name}_exps", operand.shape, each.space)
    total = buffers.known["total", id(each)] = buffers.new(f"{name}_total", rows.shape, each.space)
    body.say(f"peak = np.maximum.reduce({xs}, axis={axis}, keepdims=True)")
    body.say(f"np.exp({xs} - peak, out={exps})")
    body.say(f"np.add.reduce({exps}, axis={axis}, keepdims=True, out={total})")
    body.store(each.space, rows, f"peak + np.log({total})")


def _logsumexp_backward(buffers: Buffers, each: Instruction, upstream: str) -> str:
    exps, total = buffers.known["exps", id(each)], buffers.known["total", id(each)]
    return f"{upstream} / {total} * {exps}"


def _picks(body: Body, each: Instruction, text: str, table: Integers, axis: int) -> str:
    """The text of indices that pick one entry of a table along an axis, for every member and example."""
    lengths = [*map(str, table.shape), "1" if each.space == SHARED else "B"]
    index = _index(body, each.reads[0], text, table[(slice(None),) * axis + (slice(0, 1),)].shape, table.shape[axis])
    picks = [
        body.buffers.define("every", f"np.arange({length}).reshape({_along(i, len(lengths))})") if i != axis else index
        for i, length in enumerate(lengths)
    ]
    return ", ".join(picks)


def _index(body: Body, space: int, text: str, shape: tuple[int, ...], count: int) -> str:
    """The name of an operand as whole numbers below `count`; anything else is an error when the program runs."""
    known, key = body.buffers.known, ("index", text, shape, count)
    if key not in known:
        known[key] = name = body.buffers.new("index", shape, space, "np.intp")
        body.say(f"whole({text}, {count}, {name})")
    return known[key]


def _select_backward(sums: GradientSum, each: Instruction, table: Integers, upstream: str) -> None:
    """Adds the gradient to the entries that were picked, and to no others."""
    space = each.reads[1]
    if not sums.needs(space, table):
        return
    picks = sums.buffers.known["picks", id(each)]
    target = sums.open(space, table) if space == each.space else None
    if target:
        sums.body.say(f"{target}[{picks}] += {upstream}")
        return
    spread = sums.buffers.namer.unique("spread")
    sums.body.say(f"{spread} = np.zeros(({sizes(table.shape, each.space)}), shared.dtype)")
    sums.body.say(f"{spread}[{picks}] = {upstream}")
    sums.add(space, table, spread, each.space)


# -------------------------------------------------------------------- lookup: columns of a table, by index


def lookup_forward(body: Body, each: Instruction) -> None:
    """Says that columns of a table are taken."""
    columns, indices = each.operands
    table = body.matrix(SHARED, columns[np.newaxis])
    index = _index(body, each.reads[1], body.value(each.reads[1], indices), indices.shape, columns.shape[1])
    body.store(each.space, each.rows, f"{table}.take({index}, 1)")


def lookup_backward(sums: GradientSum, each: Instruction) -> None:
    """Says the product of the gradient with the choice, which has a 1 where a column was taken."""
    columns, indices = each.operands
    if not sums.needs(SHARED, columns):
        return
    text = sums.body.value(each.reads[1], indices)
    index = _index(sums.body, each.reads[1], text, indices.shape, columns.shape[1])
    chosen = f"({index}.reshape(-1, 1) == np.arange({columns.shape[1]})).astype(shared.dtype)"
    d = sums.matrix(each.space, each.rows[np.newaxis])
    sums.add_matrix(SHARED, columns[np.newaxis], f"np.matmul({d}, {chosen})")


FORMS = {
    "map": (map_forward, map_backward),
    "product": (product_forward, product_backward),
    "reduce": (reduce_forward, reduce_backward),
    "lookup": (lookup_forward, lookup_backward),
}
"""How each form of instruction is written, forward and back; `layout.Instruction` says what they are."""
