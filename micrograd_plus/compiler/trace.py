"""A trace is a scalar graph as flat arrays: what each node is, and what it was made from.

Everything that the compiler does later it does on these arrays. Nodes are numbered in topological order, so that a
node's children have smaller numbers than the node itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from micrograd_plus import operation
from micrograd_plus.operation import Bernoulli, Op
from micrograd_plus.value import Value, topological_order

__all__ = ["Array", "CompileError", "Integers", "Kind", "Trace", "trace"]

Array: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"


class Kind(IntEnum):
    """The roles of a node: an operation's result, or one of the four kinds of leaves."""

    INTERIOR, CONSTANT, PARAMETER, INPUT, RANDOM = range(5)


class CompileError(ValueError):
    """The graph or function can't be turned into an array program; the message says why, and what to do."""


@dataclass(frozen=True)
class Trace:
    """A graph in arrays.

    `op[i]` is the number of node i's operation in `ops`; its children are `children[start[i]:start[i + 1]]`; `role[i]`
    tells what kind of node it is, `data[i]` its number when it was traced and `label[i]` its label. `inputs`,
    `parameters`, `random` and `outputs` are node numbers; `draws` are the operations of the random leaves.
    """

    ops: list[Op]
    op: Integers
    start: Integers
    children: Integers
    role: NDArray[np.int8]
    data: Array
    labels: list[str]
    inputs: Integers
    parameters: Integers
    random: Integers
    draws: list[Bernoulli]
    outputs: Integers

    def __len__(self) -> int:
        return len(self.op)


def trace(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value] | None, random: Sequence[Value] = ()
) -> Trace:
    """Returns the graph below `outputs` as arrays.

    `inputs` are the leaves that change from example to example, `parameters` those that training changes (by default
    all other leaves but constants and random ones); `random` are the random leaves in the order in which they were
    drawn, if it is known. Leaves that are given but not in the graph have a place in the arrays all the same. Raises
    CompileError for an input or parameter that is no leaf, and for a leaf that is in neither list.
    """
    order = _order(outputs, [*inputs, *(parameters or ()), *random])
    index = {node: i for i, node in enumerate(order)}
    for kind, leaves in (("an input", inputs), ("a parameter", parameters or ())):
        for each in leaves:
            if each.children:
                raise CompileError(f"{each!r} can't be {kind}: it is the result of {each.op.name}; give its leaves")
    distinct: dict[Op, int] = {}
    sizes = np.fromiter((len(node.children) for node in order), np.int64, len(order))
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    children = np.fromiter(
        map(index.__getitem__, chain.from_iterable(node.children for node in order)), np.int64, int(start[-1])
    )
    role, given, drawn = _roles(order, index, sizes == 0, inputs, parameters)
    drawn = [index[each] for each in random] if random else drawn
    return Trace(
        op=np.fromiter((distinct.setdefault(node.op, len(distinct)) for node in order), np.int64, len(order)),
        ops=list(distinct),
        start=start,
        children=children,
        role=role,
        data=np.fromiter((node.data for node in order), np.float64, len(order)),
        labels=[node.label for node in order],
        inputs=np.array([index[each] for each in inputs], np.int64),
        parameters=np.array(given, np.int64),
        random=np.array(drawn, np.int64),
        draws=[order[i].op for i in drawn],  # type: ignore[misc]
        outputs=np.array([index[each] for each in outputs], np.int64),
    )


def _order(outputs: Sequence[Value], leaves: Sequence[Value]) -> list[Value]:
    """All nodes in topological order, after the leaves that no output depends on."""
    order = topological_order(*outputs)
    seen = set(order)
    return [*dict.fromkeys(each for each in leaves if each not in seen), *order]


def _roles(
    order: list[Value], index: dict[Value, int], is_leaf: NDArray[np.bool_], inputs: Sequence[Value],
    parameters: Sequence[Value] | None,
) -> tuple[NDArray[np.int8], list[int], list[int]]:  # fmt: skip
    """Each node's role, and the numbers of the parameters and of the random leaves."""
    role = np.full(len(order), Kind.INTERIOR, np.int8)
    role[[index[each] for each in inputs]] = Kind.INPUT
    given = [index[each] for each in parameters or ()]
    role[given] = Kind.PARAMETER
    drawn = []
    for i in np.flatnonzero(is_leaf & (role == Kind.INTERIOR)).tolist():
        node = order[i]
        if isinstance(node.op, Bernoulli):
            role[i] = Kind.RANDOM
            drawn.append(i)
        elif node.op is operation.CONSTANT:
            role[i] = Kind.CONSTANT
        elif node.op is operation.CHOSEN:
            raise CompileError(
                f"a derivative in the graph is {node.data:g} by a choice among a row's formulas, as that of x ** y at"
                " x = 0: a compiled program would make it for all examples; run it eagerly, or give an example that is"
                " not at such a place"
            )
        elif parameters is None:
            role[i] = Kind.PARAMETER
            given.append(i)
        else:
            raise CompileError(
                f"{node!r} is neither among the inputs nor among the parameters; put it in one of the two, or pass a"
                " plain number where it is meant as a constant"
            )
    return role, given, drawn
