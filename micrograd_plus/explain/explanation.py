"""What is told of a node: how its value came about, what its chain rule says, and every path that its gradient sums.

`explain` gathers it (see `explainer`); here is what it is, and how it reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from micrograd_plus.report import Report, Table
from micrograd_plus.words import DOTS, derivative, number

__all__ = ["COUNTED", "Edge", "Explanation", "PathSum", "WrittenPath"]

COUNTED = 10**15
"""Paths are counted up to here: beyond it only "more than" is said, and the numbers stay small."""


@dataclass(frozen=True)
class Edge:
    """One use of a child by a parent: the local derivative by name, in symbols and in numbers, and what it passes on.

    `written` is its name, `dn/ds`; it is `∂y/∂a` where `dy/da` already means more: where `y` uses `a` more than once,
    or is the output and `a` is used elsewhere too. `upstream` is the derivative of the output by the parent,
    `contribution` its product with `local`; both are None where no backward pass has been.
    """

    parent: str
    child: str
    value: float
    written: str
    symbols: str
    numbers: str
    local: float
    upstream: float | None
    contribution: float | None


@dataclass(frozen=True)
class WrittenPath:
    """One path from the output to the node: the names on it, the derivatives along its edges, and their product."""

    names: tuple[str, ...]
    written: tuple[str, ...]
    locals: tuple[float, ...]
    product: float


@dataclass(frozen=True)
class PathSum:
    """The paths from an output to a node: how many, the largest ones, and what all of them add up to.

    `count` is at most `COUNTED`; `total` is summed node by node, as backward does; `uses` are the edges to this node.
    """

    output: str
    count: int
    listed: tuple[WrittenPath, ...]
    total: float
    uses: tuple[Edge, ...]
    use_count: int


@dataclass(frozen=True)
class Explanation(Report):
    """The chain rule of one node, to be printed, shown in a notebook, or taken as data (`to_dict()`).

    `formulas` tell its value in symbols and then in numbers; `operands` are the edges to its operands, `paths` those to
    it from the output, if one was given; `notes` say what a reader must know to trust the numbers.
    """

    name: str
    role: str
    value: float
    grad: float | None
    formulas: tuple[str, ...]
    operands: tuple[Edge, ...]
    operand_count: int
    output: str
    paths: PathSum | None
    notes: tuple[str, ...]
    digits: int

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain dicts, lists, strings and numbers."""
        return asdict(self)

    def title(self) -> str:
        """Returns the value line: `n = tanh(s) = tanh(-0.5) = -0.4621`."""
        value = self._number(self.value)
        told = [self.name, *(formula for formula in self.formulas if formula != value), value]
        line = " = ".join(told if self.name != value else told[1:])
        return line if self.operand_count else f"{line} ({self.role})"

    def parts(self) -> list[str | Table]:
        """Returns the chain rule through the node, then the paths to it, then the notes."""
        return [*self._chain_rule(), *(self._path_sum(self.paths) if self.paths else ()), *self.notes]

    def _chain_rule(self) -> Iterable[str | Table]:
        if not self.operands or (self.paths and not self.paths.count):
            return
        by_node = derivative(self.output, self.name)
        if self.grad is None:
            yield f"Chain rule: backward() has not reached {self.name} yet, so {by_node} is not known."
        else:
            passed = f"{by_node} = {self._number(self.grad)} is passed on to each operand"
            yield f"Chain rule: {passed}, times the local derivative."
        headers = ("operand", "value", "local derivative", f"passed on: {derivative(self.output, 'operand')}")
        told = ((e.child, self._number(e.value), self._local(e), self._contribution(e)) for e in self.operands)
        yield Table(headers, tuple(told), numeric=(1,))
        if self.operand_count > len(self.operands):
            yield f"{DOTS} and {self.operand_count - len(self.operands)} more operands."
        yield from self._repeated()

    def _local(self, edge: Edge) -> str:
        steps = dict.fromkeys([edge.symbols, edge.numbers, self._number(edge.local)])
        return " = ".join([edge.written, *steps])

    def _contribution(self, edge: Edge) -> str:
        into, upstream = derivative(self.output, edge.child), derivative(self.output, edge.parent)
        symbols = f"{into} += {upstream} * {edge.written}"
        if edge.upstream is None or edge.contribution is None:
            return symbols
        return f"{symbols} = {self._joined([edge.upstream, edge.local], ' * ')} = {self._number(edge.contribution)}"

    def _repeated(self) -> Iterable[str]:
        parts: dict[str, list[float]] = {}
        for edge in self.operands:
            if edge.contribution is not None:
                parts.setdefault(edge.child, []).append(edge.contribution)
        for child, known in parts.items():
            if len(known) > 1:
                times = f"{child} is used {len(known)} times here, and its contributions add up"
                yield f"{times}: {self._joined(known, ' + ')} = {self._number(math.fsum(known))}."

    def _path_sum(self, paths: PathSum) -> Iterable[str | Table]:
        by_node = derivative(paths.output, self.name)
        if not paths.count:
            yield f"No path leads from {paths.output} to {self.name}: {by_node} = 0."
            return
        if not paths.listed[0].locals:
            yield f"{self.name} is the output itself: {by_node} = 1."
            return
        headers = ("used by", "local derivative", f"contribution to {by_node}")
        told = tuple((edge.parent, self._local(edge), self._contribution(edge)) for edge in paths.uses)
        yield Table(headers, told, caption=f"Where {self.name} is used")
        if paths.use_count > len(paths.uses):
            yield f"{DOTS} and {paths.use_count - len(paths.uses)} more uses."
        yield self._path_table(paths)
        yield self._path_total(paths, by_node)

    def _path_table(self, paths: PathSum) -> Table:
        headers = (f"from {paths.output} back to {self.name}", "local derivatives along it", "product")
        rows = []
        for path in paths.listed:
            factors = f"{_short(path.written, ' * ')} = {self._joined(path.locals, ' * ')}"
            rows.append((_short(path.names, " <- "), factors, self._number(path.product)))
        listed = len(paths.listed)
        heading = "The one path" if listed == 1 else f"All {listed} paths"
        if listed < paths.count:
            more = f"more than {COUNTED:,}" if paths.count >= COUNTED else f"{paths.count:,}"
            heading = f"The {listed} largest of {more} paths"
        return Table(headers, tuple(rows), numeric=(2,), caption=heading)

    def _path_total(self, paths: PathSum, by_node: str) -> str:
        products, total = [path.product for path in paths.listed], self._number(paths.total)
        if len(products) < paths.count:
            these = f"These {len(products)} add up to {self._number(math.fsum(products))}"
            how = "summed node by node, as backward does, and not path by path"
            return f"{these}; all paths add up to {by_node} = {total} ({how})."
        known = self._joined(products, " + ")
        return f"Sum over the paths: {by_node} = {known}{'' if len(products) == 1 else f' = {total}'}."

    def _number(self, x: float) -> str:
        return number(x, self.digits)

    def _joined(self, numbers: Iterable[float], sign: str) -> str:
        """A sum or a product, in brackets what is negative and not the first."""
        first, *rest = map(self._number, numbers)
        return _short([first, *(f"({text})" if text.startswith("-") else text for text in rest)], sign)


def _short(pieces: Iterable[str], between: str, ends: int = 4) -> str:
    """The pieces with `between` them; of many only those at both ends."""
    pieces = list(pieces)
    if len(pieces) > 2 * ends + 1:
        pieces = [*pieces[:ends], DOTS, *pieces[-ends:]]
    return between.join(pieces)
