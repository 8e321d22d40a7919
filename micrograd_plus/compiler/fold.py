"""Folding finds the sums of products that a scalar graph spells out, and drops what does nothing.

`0 + w1*x1 + w2*x2 + b`, `dot([w1, w2], [x1, x2]) + b` and `dot([w1, w2], [x1, x2], b)` all fold into one `Node`: a dot
product with a bias. Constants are worked out, sums of sums become one sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from micrograd_plus import ops
from micrograd_plus.compiler.trace import Kind, Trace
from micrograd_plus.operation import Op

__all__ = ["BATCHED", "SHARED", "Folded", "fold"]

SHARED: int = 0
BATCHED: int = 1
"""Whether a node is the same for all examples of a batch, or has a number of its own for each."""


@dataclass
class Folded:
    """The graph after folding. Node numbers are those of the trace, and new ones above them.

    `order` are the operations that are left, children before parents. For each of them `op` has the row, `operands`
    its operands (a list of node numbers for each operand of the row, of one number where the row has no group), and
    `level` its depth. `space` tells for every node whether it is SHARED or BATCHED; `constants` has the numbers of
    constant nodes; `outputs` are the nodes that stand for the trace's outputs.
    """

    trace: Trace
    space: list[int]
    level: list[int]
    constants: dict[int, float]
    order: list[int] = field(default_factory=list)
    op: dict[int, Op] = field(default_factory=dict)
    operands: dict[int, list[list[int]]] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)

    def add(self, op: Op, operands: list[list[int]], node: int | None = None) -> int:
        """Enters an operation, as a new node unless a number is given, and returns its number."""
        space = level = 0
        for group in operands:
            for child in group:
                if self.space[child] > space:
                    space = 1
                if self.level[child] > level:
                    level = self.level[child]
        if node is None:
            node = len(self.space)
            self.space.append(space)
            self.level.append(level + 1)
        else:
            self.space[node], self.level[node] = space, level + 1
        self.order.append(node)
        self.op[node], self.operands[node] = op, operands
        return node

    def add_constant(self, number: float) -> int:
        """Enters a constant, and returns its number."""
        self.space.append(SHARED)
        self.level.append(0)
        self.constants[len(self.space) - 1] = number
        return len(self.space) - 1


_SUMS = (ops.add, ops.total, ops.dot, ops.affine)


def fold(trace: Trace) -> Folded:
    """Returns the traced graph with its sums of products found and its constants worked out."""
    varies = (trace.role == Kind.INPUT) | (trace.role == Kind.RANDOM)
    constants = dict(
        zip(np.flatnonzero(trace.role == Kind.CONSTANT).tolist(), trace.data[trace.role == Kind.CONSTANT].tolist())
    )
    folded = Folded(trace, varies.astype(int).tolist(), [0] * len(trace), constants)
    absorbed = _absorbed(trace)
    same = list(range(len(trace)))  # the node that stands for each node: itself, unless it turned out to be needless
    start, children, kind = trace.start.tolist(), trace.children.tolist(), trace.op.tolist()
    data, hidden = trace.data.tolist(), absorbed.tolist()
    for node in np.flatnonzero(trace.role == Kind.INTERIOR).tolist():
        if hidden[node]:
            continue
        op = trace.ops[kind[node]]
        if op in _SUMS:
            products, addends = _terms(trace, node, start, children, kind, hidden)
            same[node] = _sum(folded, node, [(same[a], same[b]) for a, b in products], [same[a] for a in addends])
            continue
        kids = [same[child] for child in children[start[node] : start[node + 1]]]
        if all(child in constants for child in kids):
            constants[node] = data[node]
        elif op is ops.select and kids[0] in constants:
            same[node] = kids[1 + int(constants[kids[0]])]
        elif op.is_nary:
            groups = op.groups(kids)
            folded.add(op, [group if isinstance(group, list) else [group] for group in groups], node)
        else:
            folded.add(op, [[child] for child in kids], node)
    folded.outputs = [same[node] for node in trace.outputs.tolist()]
    return folded


def _absorbed(trace: Trace) -> NDArray[np.bool_]:
    """Which sums and products vanish into the one sum that uses them."""
    is_op = {op: trace.op == i for i, op in enumerate(trace.ops)}
    none = np.zeros(len(trace), bool)
    sums = none.copy()
    for op in _SUMS:
        sums |= is_op.get(op, none)
    owner = np.repeat(np.arange(len(trace)), np.diff(trace.start))
    addend = is_op.get(ops.add, none)[owner] | is_op.get(ops.total, none)[owner]
    affine = np.flatnonzero(is_op.get(ops.affine, none))
    addend[trace.start[affine + 1] - 1] = True  # the bias
    uses = np.bincount(trace.children, minlength=len(trace))
    uses[trace.outputs] += 2
    added = none.copy()
    added[trace.children[addend]] = True
    found: NDArray[np.bool_] = added & (uses == 1) & (sums | is_op.get(ops.mul, none))
    return found


def _terms(
    trace: Trace, node: int, start: list[int], children: list[int], kind: list[int], hidden: list[bool]
) -> tuple[list[tuple[int, int]], list[int]]:
    """The products and the single addends of the sum at `node`, with all the sums that it absorbed, in order."""
    products: list[tuple[int, int]] = []
    addends: list[int] = []
    todo = [node]
    top = True
    while todo:
        each = todo.pop()
        if not top and not hidden[each]:
            addends.append(each)
            continue
        top = False
        op = trace.ops[kind[each]]
        kids = children[start[each] : start[each + 1]]
        if op is ops.mul:
            products.append((kids[0], kids[1]))
        elif op is ops.dot:
            products.extend(zip(kids[: len(kids) // 2], kids[len(kids) // 2 :]))
        elif op is ops.affine:
            products.extend(zip(kids[: len(kids) // 2], kids[len(kids) // 2 : -1]))
            todo.append(kids[-1])
        else:
            todo.extend(reversed(kids))
    return products, addends


def _sum(folded: Folded, node: int, products: list[tuple[int, int]], addends: list[int]) -> int:
    """Enters a sum as a dot product with what is added to it, and returns the node that stands for it.

    What is the same for all examples is summed apart, once for the batch, and comes in as the bias.
    """
    constants, space = folded.constants, folded.space
    number = 0.0
    products_of: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []  # SHARED, BATCHED
    addends_of: tuple[list[int], list[int]] = [], []
    for a, b in products:
        if a in constants and b in constants:
            number += constants[a] * constants[b]
        elif constants.get(a, 1.0) != 0.0 and constants.get(b, 1.0) != 0.0:
            products_of[space[a] | space[b]].append((a, b))
    for each in addends:
        if each in constants:
            number += constants[each]
        else:
            addends_of[space[each]].append(each)
    varies = bool(products_of[BATCHED] or addends_of[BATCHED])
    fixed, added = products_of[SHARED], addends_of[SHARED]
    if number != 0.0 or not (varies or fixed or added):
        added = [*added, folded.add_constant(number)]
    if not varies:
        return _joined(folded, node, fixed, added, [])
    bias = [_joined(folded, None, fixed, added, [])] if fixed or added else []
    return _joined(folded, node, products_of[BATCHED], addends_of[BATCHED], bias)


def _joined(
    folded: Folded, node: int | None, products: list[tuple[int, int]], addends: list[int], bias: list[int]
) -> int:
    """Enters a dot product with what is added to it."""
    if not products:
        return _added(folded, node, [*addends, *bias])
    dot = _dot(folded, None if addends else node, products, bias)
    return _added(folded, node, [*addends, dot]) if addends else dot


def _dot(folded: Folded, node: int | None, products: list[tuple[int, int]], bias: list[int]) -> int:
    """Enters a dot product; in each product the factor that is the same for all examples comes first."""
    space = folded.space
    pairs = [(b, a) if space[a] > space[b] else (a, b) for a, b in products]
    operands = [[a for a, _ in pairs], [b for _, b in pairs]]
    return folded.add(ops.affine if bias else ops.dot, [*operands, bias] if bias else operands, node)


def _added(folded: Folded, node: int | None, addends: list[int]) -> int:
    if len(addends) == 1:
        return addends[0]
    two = len(addends) == 2
    return folded.add(ops.add if two else ops.total, [[each] for each in addends] if two else [addends], node)
