"""The layout gives every number of the graph a row in a buffer, so that what is used together lies together.

Nodes of the same depth, operation and kind of operands form a group, and a group becomes one instruction, or a few.
There are two buffers: the shared one, with a row for each parameter, constant, and number made of those alone, and the
batched one, with a row for each number that differs from example to example. The members of an instruction are ordered
so that their operands come out as slices; parameters take the order in which the matrix products want them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.fold import BATCHED, SHARED, Folded
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import unique_rows
from micrograd_plus.operation import Op

__all__ = ["COPY", "Instruction", "Layout", "is_regular", "lay_out"]

COPY = Op("copy", "copy", "x", "x", {"x": "1"})
"""Brings a number of the shared buffer into the batched one, where an instruction needs both kinds in one list."""

NEUTRAL = {ops.dot: 0.0, ops.affine: 0.0, ops.total: 0.0, ops.logsumexp: -inf}
"""What fills up short lists where lists of unequal lengths are worked on together."""

_FILL = 0.4
"""How much of a table must be wanted for all of it to be computed."""


@dataclass
class Instruction:
    """One operation on many numbers at once.

    `rows` are the rows that it fills, `operands` the rows that it reads, and `reads` the buffer that each operand is in
    (SHARED or BATCHED; `space` is that of the result). The shapes tell the form:

    ========  ====================  ==================================================================
    form      rows                  operands
    ========  ====================  ==================================================================
    map       (members)             (members) each
    product   (stack, left, right)  (stack, left, terms), (stack, right, terms), bias as rows
    reduce    (members)             (members, terms) each; a lone operand (members)
    lookup    (columns, indices)    table (columns, entries), index (indices)
    ========  ====================  ==================================================================
    """

    form: str
    op: Op
    space: int
    rows: Integers
    operands: list[Integers]
    reads: list[int]
    nodes: Integers

    @property
    def is_matrix_product(self) -> bool:
        """Whether it is one: with weights, or of tables; not just inner products."""
        if self.form != "product":
            return False
        weights = self.reads[0] == SHARED and self.space == BATCHED
        return weights or max(each.shape[1] for each in self.operands[:2]) > 1


@dataclass
class Layout:
    """Where everything lies: `address[node]` is the row of a node in its buffer, -1 for one that is not needed."""

    folded: Folded
    address: Integers
    instructions: list[Instruction]
    shared_rows: int
    batched_rows: int
    parameters: int

    @property
    def count(self) -> int:
        """The number of instructions."""
        return len(self.instructions)


def lay_out(folded: Folded) -> Layout:
    """Returns the instructions of the folded graph, in the order in which they run, with the rows they work on."""
    return _Planner(folded).plan()


def is_regular(folded: Folded) -> bool:
    """Whether the graph falls into groups that are worth an instruction each.

    A few hundred instructions are made at once whatever they do; more only if each does the work of many nodes.
    """
    groups = len({(folded.level[node], folded.op[node], folded.space[node]) for node in folded.order})
    return groups <= 300 or len(folded.trace) > 60 * groups


@dataclass
class _Group:
    op: Op
    space: int
    nodes: list[int]


class _Planner:
    """Places nodes and makes instructions, group by group in the order of depth."""

    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        trace = folded.trace
        self.address = np.full(len(folded.space), -1, np.int64)
        self.space = np.array(folded.space, np.int8)
        self.rank = np.arange(len(folded.space)) + (1 << 40)  # the order of nodes that have no address yet
        self.rank[trace.parameters] = np.arange(len(trace.parameters)) + (1 << 40)
        self.parameters, self.parameters_placed = set(trace.parameters.tolist()), 0
        self.shared_rows = len(trace.parameters)
        self.address[trace.inputs] = np.arange(len(trace.inputs))
        self.address[trace.random] = np.arange(len(trace.random)) + len(trace.inputs)
        self.batched_rows = len(trace.inputs) + len(trace.random)
        self.copies: list[Instruction] = []
        self.computed = np.zeros(len(folded.space), bool)
        self.copied = np.full(len(folded.space), -1, np.int64)
        self.neutrals: dict[float, int] = {}
        self.instructions: list[Instruction] = []
        self.groups, self.group_of = _groups(folded)

    def plan(self) -> Layout:
        for group in self.groups:
            if group.space == BATCHED:
                self.lay(group)
        batched, self.instructions = self.instructions, []
        self.place(self.folded.trace.parameters)
        for group in self.groups:
            if group.space == SHARED:
                self.lay(group)
        self.place(np.array([node for node in self.folded.outputs if not self.space[node]], np.int64))
        return Layout(
            self.folded, self.address, [*self.instructions, *self.copies, *batched],
            self.shared_rows, self.batched_rows, len(self.folded.trace.parameters),
        )  # fmt: skip

    # ------------------------------------------------------------ addresses

    def place(self, nodes: Integers) -> None:
        """Gives the shared nodes that have no address yet the next free rows, in this order."""
        flat = nodes.reshape(-1)
        for node in flat[self.address[flat] < 0].tolist():
            if self.address[node] >= 0:
                continue
            if node in self.parameters:
                self.address[node] = self.parameters_placed
                self.parameters_placed += 1
                continue
            members = [node]
            if node in self.group_of:  # the whole group, so that it stays together; the wanted ones first
                group = self.groups[self.group_of[node]].nodes
                inside = set(group)
                members = list(dict.fromkeys([each for each in flat.tolist() if each in inside] + group))
            for each in members:
                self.address[each] = self.shared_rows
                self.shared_rows += 1

    def reserve(self, space: int, shape: tuple[int, ...]) -> Integers:
        """Returns new rows of a buffer."""
        size = int(np.prod(shape))
        if space == BATCHED:
            start, self.batched_rows = self.batched_rows, self.batched_rows + size
        else:
            start, self.shared_rows = self.shared_rows, self.shared_rows + size
        return np.arange(start, start + size).reshape(shape)

    def key(self, nodes: Integers) -> Integers:
        """A number for each node by which to sort: its address or, before it has one, its place among the others."""
        address = self.address[nodes]
        return np.where(address >= 0, address, self.rank[nodes])

    def read(self, nodes: Integers) -> tuple[Integers, int]:
        """Returns the rows of these nodes and the buffer that they are in, after giving them addresses."""
        spaces = self.space[nodes]
        if spaces.all():
            return self.address[nodes], BATCHED
        if spaces.any():
            return self.mixed(nodes), BATCHED
        self.place(nodes)
        return self.address[nodes], SHARED

    def mixed(self, nodes: Integers) -> Integers:
        """Returns batched rows for nodes of both buffers: shared ones are copied over."""
        shared = nodes[self.space[nodes] == SHARED]
        fresh = np.array(list(dict.fromkeys(shared[self.copied[shared] < 0].tolist())), np.int64)
        if len(fresh):
            self.place(fresh)
            rows = self.copied[fresh] = self.reserve(BATCHED, (len(fresh),))
            self.copies.append(Instruction("map", COPY, BATCHED, rows, [self.address[fresh]], [SHARED], fresh))
        return np.where(self.space[nodes] == SHARED, self.copied[nodes], self.address[nodes])

    def emit(self, form: str, op: Op, space: int, nodes: Integers, operands: Sequence[Integers]) -> None:
        """Enters an instruction for members in this order (-1 for a row that no node is in)."""
        members = nodes[nodes >= 0]
        placed = self.address[members]
        read = [self.read(each) for each in operands]
        in_place = (placed >= 0).all() and len(members) == nodes.size and (np.diff(placed) == 1).all()
        rows = placed.reshape(nodes.shape) if in_place else self.reserve(space, nodes.shape)
        self.instructions.append(Instruction(form, op, space, rows, [r for r, _ in read], [s for _, s in read], nodes))
        self.computed[members] = True
        known = rows[nodes >= 0]
        ahead = placed >= 0  # somebody needed these before, in another order
        self.address[members[~ahead]] = known[~ahead]
        if ahead.any() and not in_place:
            copies = Instruction("map", COPY, space, placed[ahead], [known[ahead]], [space], members[ahead])
            self.instructions.append(copies)

    # ------------------------------------------------------------ instructions

    def lay(self, group: _Group) -> None:
        """Makes the instructions of one group."""
        operands = [self.folded.operands[node] for node in group.nodes]
        nodes = np.array(group.nodes, np.int64)
        if not group.op.is_nary:
            columns = [np.array([each[i][0] for each in operands], np.int64) for i in range(len(operands[0]))]
            self.lay_map(group, nodes, columns)
        elif group.op in (ops.dot, ops.affine):
            self.lay_products(group, nodes, operands)
        elif group.op is ops.select:
            self.lay_selects(group, nodes, operands)
        else:
            for members, table in self.tables(group.op, nodes, operands):
                self.lay_reduce(group, members, table)

    def lay_map(self, group: _Group, nodes: Integers, columns: list[Integers]) -> None:
        order = self.sorted(columns)
        self.emit("map", group.op, group.space, nodes[order], [column[order] for column in columns])

    def sorted(self, columns: list[Integers]) -> Integers:
        """The order of members that follows the addresses of the operand with the most different ones."""
        keys = [self.address[column] for column in columns if (self.address[column] >= 0).all()]
        keys.sort(key=lambda key: -len(np.unique(key)))
        return np.lexsort(keys[::-1]) if keys else np.arange(len(columns[0]))

    def tables(self, op: Op, nodes: Integers, operands: list[list[list[int]]]) -> list[tuple[Integers, list[Integers]]]:
        """Splits members by the lengths of their lists, so that each part's operands are tables.

        Lists of unequal lengths stay together, filled up, if the operation has a number that changes nothing.
        """
        widths = np.array([len(each[op.starred.index(True)]) for each in operands])
        widest = int(widths.max())
        if op in NEUTRAL and (widths != widest).any() and widths.sum() >= _FILL * widest * len(widths):
            pad = self.neutral(NEUTRAL[op])
            operands = [
                [row + [pad] * (widest - len(row)) if starred else row for starred, row in zip(op.starred, each)]
                for each in operands
            ]
            widths[:] = widest
        parts = []
        for width in np.unique(widths).tolist():
            chosen = np.flatnonzero(widths == width)
            columns = [np.array(column, np.int64) for column in zip(*[operands[m] for m in chosen.tolist()])]
            table = [column if starred else column[:, 0] for starred, column in zip(op.starred, columns)]
            parts.append((nodes[chosen], table))
        return parts

    def neutral(self, number: float) -> int:
        """Returns the node of a constant that fills up short lists."""
        if number not in self.neutrals:
            (self.neutrals[number],) = self.new_nodes(SHARED, 1).tolist()
            self.folded.constants[self.neutrals[number]] = number
        return self.neutrals[number]

    def new_nodes(self, space: int, count: int) -> Integers:
        """Enters nodes that the graph did not have, and returns their numbers."""
        nodes = np.arange(count) + len(self.address)
        self.folded.space += [space] * count
        self.folded.level += [0] * count
        self.address, self.copied = (np.append(each, [-1] * count) for each in (self.address, self.copied))
        self.computed = np.append(self.computed, [False] * count)
        self.space = np.append(self.space, np.full(count, space, np.int8))
        self.rank = np.append(self.rank, nodes + (1 << 40))
        return nodes

    def lay_reduce(self, group: _Group, nodes: Integers, table: list[Integers]) -> None:
        if group.op in NEUTRAL:  # the order of its terms does not matter
            table = [np.take_along_axis(each, np.argsort(self.key(each), axis=1, kind="stable"), 1) for each in table]
        first = table[-1][:, 0] if table[-1].ndim == 2 else table[-1]
        order = np.argsort(self.key(first), kind="stable")
        self.emit("reduce", group.op, group.space, nodes[order], [column[order] for column in table])

    # ------------------------------------------------------------ sums of products

    def lay_products(self, group: _Group, nodes: Integers, operands: list[list[list[int]]]) -> None:
        operands = [self.in_order(each) for each in operands]
        operands = self.extended(operands)
        for members, (left, right, *bias) in self.tables(group.op, nodes, operands):
            stacks = self.stacks(left, right, bias[0] if bias else None)
            if left.shape[1] == 1 and (self.space[left].any() or all(shape[1:] == (1, 1) for _, shape in stacks)):
                self.lay_single(group, members, [left[:, 0], right[:, 0]], bias)
                continue
            for chosen, stack in stacks:
                self.lay_stack(group, members, left, right, bias, chosen, stack)
            self.share_duplicates(members, [left, right, *bias])

    def lay_single(self, group: _Group, nodes: Integers, factors: list[Integers], bias: list[Integers]) -> None:
        """A sum of one product is a product, plus the bias if there is one."""
        if not bias:
            self.lay_map(_Group(ops.mul, group.space, group.nodes), nodes, factors)
            return
        products = self.new_nodes(group.space, len(nodes))
        self.lay_map(_Group(ops.mul, group.space, group.nodes), products, factors)
        self.lay_map(_Group(ops.add, group.space, group.nodes), nodes, [products, bias[0]])

    def in_order(self, operands: list[list[int]]) -> list[list[int]]:
        """The terms of one sum in the order of their second factors' addresses."""
        left, right, *rest = operands
        order = np.argsort(self.key(np.array(right, np.int64)), kind="stable").tolist()
        return [[left[i] for i in order], [right[i] for i in order], *rest]

    def extended(self, operands: list[list[list[int]]]) -> list[list[list[int]]]:
        """Sums of unequal lengths, where the short ones use the beginning of what a long one uses, made equal.

        So causal attention, in which each token looks at those before it, is the product of whole tables: the factors
        on one side are all those of the longest sum, and zeros on the other side take them out.
        """
        widest = max(len(each[0]) for each in operands)
        if all(len(each[0]) == widest for each in operands):
            return operands
        for side in (1, 0):
            full = {each[side][0]: each[side] for each in operands if len(each[side]) == widest}
            if all(full.get(each[side][0], [])[: len(each[side])] == each[side] for each in operands):
                zero = self.neutral(0.0)
                long = [full[each[side][0]] for each in operands]
                short = [each[1 - side] + [zero] * (widest - len(each[side])) for each in operands]
                pairs = zip(short, long) if side else zip(long, short)
                return [[a, b, *each[2:]] for (a, b), each in zip(pairs, operands)]
        return operands

    def stacks(
        self, left: Integers, right: Integers, bias: Integers | None = None
    ) -> list[tuple[Integers, tuple[int, int, int]]]:
        """Finds the matrix products in a list of dot products.

        Two dot products belong to the same matrix product if they share a factor list: all the pairs of some lists on
        the left with some lists on the right. Returns, for each shape of product, the members that fill the stack of
        products of that shape (-1 for those that nobody asked for), and that shape.
        """
        _, row = unique_rows(left)
        _, column = unique_rows(right)
        pair = row * (column.max() + 1) + column
        _, first, which = np.unique(pair, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[which.reshape(-1)] != np.arange(len(left)))
        if bias is not None:  # the same product with another bias
            again = again[bias[again] != bias[first[which.reshape(-1)][again]]]
            again = again[np.unique(np.stack([pair[again], bias[again]], axis=1), axis=0, return_index=True)[1]]
        else:
            again = again[:0]
        members = np.sort(first)
        found = self.complete(
            members, row[members], column[members], self.key(left[members, 0]), self.key(right[members, 0])
        )
        return [*found, (again, (len(again), 1, 1))] if len(again) else found

    def complete(
        self, all_members: Integers, row: Integers, column: Integers, row_key: Integers, column_key: Integers
    ) -> list[tuple[Integers, tuple[int, int, int]]]:
        """Finds sets of pairs (row, column) that have all, or most, of the pairs of some rows with some columns."""
        alone = [(all_members, (len(all_members), 1, 1))]
        part = _components(row, column)
        if part is None:
            return alone
        row_rank, rows = _ranks(part, row, row_key)
        column_rank, columns = _ranks(part, column, column_key)
        wanted = np.bincount(part)
        sparse = wanted < _FILL * rows * columns
        shapes: dict[tuple[int, int], list[int]] = {}
        for each in np.flatnonzero(~sparse).tolist():
            shapes.setdefault((int(rows[each]), int(columns[each])), []).append(each)
        if len(shapes) > 16:
            return alone
        first = np.full(len(wanted), np.iinfo(np.int64).max)
        np.minimum.at(first, part, column_key)
        found = []
        for (height, width), parts in shapes.items():
            parts.sort(key=lambda each: int(first[each]))
            position = np.full(len(wanted), -1)
            position[parts] = np.arange(len(parts))
            members = np.full((len(parts), height, width), -1)
            inside = np.flatnonzero(position[part] >= 0)
            members[position[part[inside]], row_rank[inside], column_rank[inside]] = all_members[inside]
            found.append((members.reshape(-1), (len(parts), height, width)))
        rest = all_members[sparse[part]]
        return [*found, (rest, (len(rest), 1, 1))] if len(rest) else found

    def lay_stack(
        self, group: _Group, nodes: Integers, left: Integers, right: Integers, bias: list[Integers],
        chosen: Integers, shape: tuple[int, int, int],
    ) -> None:  # fmt: skip
        """Enters a stack of matrix products; a row that nobody asked for gets the factors of its row and column."""
        stack = chosen.reshape(shape)
        by_row = stack.max(axis=2)  # any member of that row: they share the factors on the left
        by_column = stack.max(axis=1)
        operands = [left[by_row], right[by_column]]
        if bias:
            known = np.where(stack >= 0, stack, by_row[:, :, np.newaxis])
            operands.append(bias[0][known])
        members = np.where(stack >= 0, nodes[stack], -1)
        self.emit("product", ops.affine if bias else ops.dot, group.space, members, operands)

    def share_duplicates(self, nodes: Integers, operands: list[Integers]) -> None:
        """Gives a node that computes the very same as another the result of that one."""
        done = self.computed[nodes]
        if done.all():
            return
        _, which = unique_rows(np.concatenate([each.reshape(len(nodes), -1) for each in operands], axis=1))
        address = np.full(which.max() + 1, -1)
        address[which[done]] = self.address[nodes[done]]
        left, rows = nodes[~done], address[which[~done]]
        ahead = self.address[left] >= 0
        self.address[left[~ahead]] = rows[~ahead]
        if ahead.any():
            copies = Instruction("map", COPY, SHARED, self.address[left[ahead]], [rows[ahead]], [SHARED], left[ahead])
            self.instructions.append(copies)

    # ------------------------------------------------------------ lookups

    def lay_selects(self, group: _Group, nodes: Integers, operands: list[list[list[int]]]) -> None:
        for members, (index, table) in self.tables(group.op, nodes, operands):
            shared = not self.space[table].any()
            if not shared:
                order = np.argsort(self.key(table[:, 0]), kind="stable")
                self.emit("reduce", ops.select, group.space, members[order], [index[order], table[order]])
                continue
            for chosen, (stack, height, width) in self.stacks(table, index[:, np.newaxis]):
                for each in chosen.reshape(stack, height, width):
                    known = np.where(each >= 0, members[each], -1)
                    columns, indices = table[each.max(axis=1)], index[each.max(axis=0)]
                    self.emit("lookup", ops.select, group.space, known, [columns, indices])
            self.share_duplicates(members, [index, table])


def _groups(folded: Folded) -> tuple[list[_Group], dict[int, int]]:
    """The groups in the order of depth, and for each shared node the number of its group."""
    space, level = folded.space, folded.level
    keyed: dict[tuple[int, int, Op, tuple[int, ...]], list[int]] = {}
    for node in folded.order:
        op = folded.op[node]
        operands = folded.operands[node]
        kinds: tuple[int, ...] = ()
        if op is ops.dot or op is ops.affine:
            kinds = (min([space[each] for each in operands[0]]), min([space[each] for each in operands[1]]))
        elif not op.is_nary:
            kinds = tuple([space[each[0]] for each in operands])
        keyed.setdefault((level[node], space[node], op, kinds), []).append(node)
    # of what is equally deep, picking an entry comes first: on the way back it then adds to what others have filled
    ordered = sorted(keyed.items(), key=lambda item: (item[0][0], item[0][2] is not ops.select))
    groups = [_Group(key[2], key[1], nodes) for key, nodes in ordered]
    return groups, {node: i for i, group in enumerate(groups) if group.space == SHARED for node in group.nodes}


def _components(row: Integers, column: Integers) -> Integers | None:
    """For each pair (row, column) the connected part of the graph of pairs that it is in; None if that is tangled."""
    rows = np.arange(row.max() + 1)
    for _ in range(6):
        columns = np.full(column.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(columns, column, rows[row])
        before = rows.copy()
        np.minimum.at(rows, row, columns[column])
        if np.array_equal(before, rows):
            return np.unique(rows[row], return_inverse=True)[1].reshape(-1)
    return None


def _ranks(part: Integers, line: Integers, key: Integers) -> tuple[Integers, Integers]:
    """For each member the rank of its line among the lines of its part, by their keys, and how many each part has."""
    order = np.lexsort((line, key, part))
    p, at = part[order], line[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (p[1:] != p[:-1]) | (at[1:] != at[:-1])
    counted = np.cumsum(fresh) - 1
    begins = np.flatnonzero(np.concatenate([[True], p[1:] != p[:-1]]))
    rank = np.empty(len(order), np.int64)
    rank[order] = counted - np.repeat(counted[begins], np.diff(np.append(begins, len(order))))
    return rank, np.bincount(p[fresh])
