"""One node explained: how its value came about, what its chain rule says, and every path that its gradient sums.

All symbols are the text of the row that ran, all numbers are the engine's own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from micrograd_plus import operation
from micrograd_plus.calculus import grads
from micrograd_plus.checks import whole_number
from micrograd_plus.explain.paths import COUNTED, Path, Paths
from micrograd_plus.report import Report, Table
from micrograd_plus.value import UNSEEN, Value, topological_order
from micrograd_plus.words import DOTS, derivative, local, names, number, partial_words, value_words

__all__ = ["Edge", "Explanation", "PathSum", "WrittenPath", "explain"]


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

    `count` is at most 10**15. `total` is summed over all paths by the sweep that backward makes, not path by path;
    `uses` are the edges by which other nodes use this one.
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

    `formulas` tell its value in symbols and then in numbers; `operands` are the edges to its operands; `paths` is there
    if an output was given; `notes` say what a reader must know to trust the numbers.
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

    # ------------------------------------------------------------ the chain rule through the node

    def _chain_rule(self) -> Iterable[str | Table]:
        if not self.operands or (self.paths and not self.paths.count):
            return
        by_node = derivative(self.output, self.name)
        if self.grad is None:
            yield f"Chain rule: backward() has not reached {self.name} yet, so {by_node} is not known."
        else:
            passed = f"{by_node} = {self._number(self.grad)} is passed on to each operand"
            yield f"Chain rule: {passed}, times the local derivative."
        yield Table(
            ("operand", "value", "local derivative", f"passed on: {derivative(self.output, 'operand')}"),
            tuple(self._operand(edge) for edge in self.operands), numeric=(1,),
        )  # fmt: skip
        if self.operand_count > len(self.operands):
            yield f"{DOTS} and {self.operand_count - len(self.operands)} more operands."
        yield from self._repeated()

    def _operand(self, edge: Edge) -> tuple[str, ...]:
        return edge.child, self._number(edge.value), self._local(edge), self._contribution(edge)

    def _local(self, edge: Edge) -> str:
        steps = dict.fromkeys([edge.symbols, edge.numbers, self._number(edge.local)])
        return " = ".join([edge.written, *steps])

    def _contribution(self, edge: Edge) -> str:
        into, upstream = derivative(self.output, edge.child), derivative(self.output, edge.parent)
        symbols = f"{into} += {upstream} * {edge.written}"
        if edge.upstream is None or edge.contribution is None:
            return symbols
        return f"{symbols} = {self._product([edge.upstream, edge.local])} = {self._number(edge.contribution)}"

    def _repeated(self) -> Iterable[str]:
        for child in dict.fromkeys(edge.child for edge in self.operands):
            parts = [edge.contribution for edge in self.operands if edge.child == child]
            known = [part for part in parts if part is not None]
            if len(known) > 1:
                times = f"{child} is used {len(known)} times here, and its contributions add up"
                yield f"{times}: {self._sum(known)} = {self._number(math.fsum(known))}."

    # ------------------------------------------------------------ the paths to the node

    def _path_sum(self, paths: PathSum) -> Iterable[str | Table]:
        by_node = derivative(paths.output, self.name)
        if not paths.count:
            yield f"No path leads from {paths.output} to {self.name}: {by_node} = 0."
            return
        if not paths.listed[0].locals:
            yield f"{self.name} is the output itself: {by_node} = 1."
            return
        yield Table(
            ("used by", "local derivative", f"contribution to {by_node}"),
            tuple((edge.parent, self._local(edge), self._contribution(edge)) for edge in paths.uses),
            caption=f"Where {self.name} is used",
        )
        if paths.use_count > len(paths.uses):
            yield f"{DOTS} and {paths.use_count - len(paths.uses)} more uses."
        yield self._path_table(paths)
        yield self._path_total(paths, by_node)

    def _path_table(self, paths: PathSum) -> Table:
        headers = (f"from {paths.output} back to {self.name}", "local derivatives along it", "product")
        rows = [(_short(each.names, " <- "), self._factors(each), self._number(each.product)) for each in paths.listed]
        return Table(headers, tuple(rows), numeric=(2,), caption=self._heading(paths))

    def _heading(self, paths: PathSum) -> str:
        listed = len(paths.listed)
        if listed == paths.count:
            return "The one path" if listed == 1 else f"All {listed} paths"
        more = f"more than {COUNTED:,}" if paths.count >= COUNTED else f"{paths.count:,}"
        return f"The {listed} largest of {more} paths"

    def _path_total(self, paths: PathSum, by_node: str) -> str:
        products, total = [path.product for path in paths.listed], self._number(paths.total)
        if len(products) < paths.count:
            these = f"These {len(products)} add up to {self._number(math.fsum(products))}"
            how = "summed node by node, as backward does, and not path by path"
            return f"{these}; all paths add up to {by_node} = {total} ({how})."
        return f"Sum over the paths: {by_node} = {self._sum(products)}{'' if len(products) == 1 else f' = {total}'}."

    def _factors(self, path: WrittenPath) -> str:
        return f"{_short(path.written, ' * ')} = {self._product(path.locals)}"

    # ------------------------------------------------------------ numbers

    def _number(self, x: float) -> str:
        return number(x, self.digits)

    def _product(self, factors: Iterable[float]) -> str:
        first, *rest = [self._number(factor) for factor in factors]
        return _short([first, *map(_bracketed, rest)], " * ")

    def _sum(self, terms: Iterable[float]) -> str:
        first, *rest = [self._number(term) for term in terms]
        return _short([first, *map(_bracketed, rest)], " + ")


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def _short(pieces: Iterable[str], between: str, ends: int = 4) -> str:
    """The pieces with `between` them; of many only those at both ends."""
    pieces = list(pieces)
    if len(pieces) > 2 * ends + 1:
        pieces = [*pieces[:ends], DOTS, *pieces[-ends:]]
    return between.join(pieces)


# -------------------------------------------------------------------- making it


def explain(
    node: Value, output: Value | None = None, *, max_paths: int = 20, max_operands: int = 20, digits: int = 4
) -> Explanation:
    """Returns the chain rule of one node in symbols and numbers; with an `output`, every path from it to the node.

    Without `output` the gradient that is passed on is `node.grad`, what the last `backward()` left there. With it, the
    gradients are those of `output`, worked out afresh (no `grad` is touched), and the paths' products add up to them.
    At most `max_paths` paths and `max_operands` operands and uses are written out, and what is left out is said.

    Raises TypeError if `node` or `output` is not a Value or a limit not a whole number, ValueError if it is below 1.

    >>> x, w = Value(2.0, "x"), Value(-0.25, "w")
    >>> n = (w * x).tanh()
    >>> n.backward()
    >>> print(explain(w, n))
    w = -0.25 (input)
    <BLANKLINE>
    Where w is used
    used by  local derivative  contribution to dv2/dw
    -------  ----------------  -----------------------------------------------
    v1       dv1/dw = x = 2    dv2/dw += dv2/dv1 * dv1/dw = 0.7864 * 2 = 1.573
    <BLANKLINE>
    The one path
    from v2 back to w  local derivatives along it     product
    -----------------  -----------------------------  -------
    v2 <- v1 <- w      dv2/dv1 * dv1/dw = 0.7864 * 2    1.573
    <BLANKLINE>
    Sum over the paths: dv2/dw = 1.573.
    <BLANKLINE>
    w.grad = 1.573, the same.
    """
    for name, value in (("node", node), ("output", output)):
        if not isinstance(value, Value) and not (name == "output" and value is None):
            raise TypeError(f"explain needs a Value as its {name}, but got {type(value).__name__}: {value!r}")
    for name, limit in (("max_paths", max_paths), ("max_operands", max_operands), ("digits", digits)):
        whole_number(name, limit, least=1)
    return _Explainer(node, output, max_paths, max_operands, digits).explanation()


class _Explainer:
    """Gathers what an Explanation tells; the names, gradients and limits are the same for all its parts."""

    def __init__(self, node: Value, output: Value | None, max_paths: int, max_operands: int, digits: int) -> None:
        self.node, self.output = node, output
        self.max_paths, self.max_operands, self.digits = max_paths, max_operands, digits
        self.order = topological_order(node if output is None else output)
        self.gradients = None if output is None else grads(output, self.order)
        self.uses = Counter(child for parent in self.order for child in parent.children)
        self.named = names(self.order)
        if node not in self.named:  # the output does not depend on it
            self.named = names([*self.order, *(each for each in topological_order(node) if each not in self.named)])

    def explanation(self) -> Explanation:
        node = self.node
        operands = tuple(self.edge(node, position) for position in range(len(node.children))[: self.max_operands])
        paths = None if self.output is None else self.path_sum(self.output)
        written = [edge.written for edge in operands]
        written += [each for path in paths.listed for each in path.written] if paths else []
        return Explanation(
            name=self.name(node),
            role=_role(node),
            value=node.data,
            grad=self.gradient(node),
            formulas=value_words(node, self.name, self.digits),
            operands=operands,
            operand_count=len(node.children),
            output="L" if self.output is None else self.name(self.output),
            paths=paths,
            notes=tuple(self.notes(written)),
            digits=self.digits,
        )

    @property
    def name(self) -> Callable[[Value], str]:
        return self.named.__getitem__

    def gradient(self, node: Value) -> float | None:
        if self.gradients is not None:
            return self.gradients.get(node, 0.0)
        return None if node.grad is UNSEEN else node.grad

    def edge(self, parent: Value, position: int) -> Edge:
        child, local, upstream = parent.children[position], parent.partials[position], self.gradient(parent)
        symbols, numbers = partial_words(parent, position, self.name, self.digits)
        contribution = None if upstream is None else local * upstream
        written = self.written(parent, child)
        return Edge(
            self.name(parent), self.name(child), child.data, written, symbols, numbers, local, upstream, contribution
        )

    def written(self, parent: Value, child: Value) -> str:
        """The local derivative's name; see `Edge`."""
        return local(parent, child, self.output, self.uses, self.name)

    def path_sum(self, output: Value) -> PathSum:
        paths = Paths(output, self.node, self.order)
        uses = [
            (parent, position)
            for parent in self.order
            for position, child in enumerate(parent.children) if child is self.node
        ]  # fmt: skip
        return PathSum(
            output=self.name(output),
            count=paths.count,
            listed=tuple(map(self.written_path, islice(paths, self.max_paths))),
            total=self.gradient(self.node) or 0.0,
            uses=tuple(self.edge(parent, position) for parent, position in uses[: self.max_operands]),
            use_count=len(uses),
        )

    def written_path(self, path: Path) -> WrittenPath:
        edges = tuple(self.written(parent, child) for parent, child in zip(path.nodes, path.nodes[1:]))
        return WrittenPath(tuple(map(self.name, path.nodes)), edges, path.partials, path.product)

    # ------------------------------------------------------------ what the reader must know

    def notes(self, written: Iterable[str]) -> Iterable[str]:
        node, name = self.node, self.name(self.node)
        own = derivative(self.name(self.output or node), name, "∂")
        share = min((each for each in written if each.startswith("∂")), key=lambda each: each != own, default="")
        if share:
            yield f"{share} is the share of one use alone, d{share[1:].replace('/∂', '/d', 1)} the whole."
        if self.output is None:
            if node.grad is not UNSEEN and node.children:
                yield "L is the output that backward() was last called on."
            if not node.children:
                yield f"{name} is a leaf: its number was given. Ask {name}.explain(output) how an output depends on it."
        else:
            yield from self._compare_with_grad(name)
        if any(map(_is_stale, {node, *(parent for parent in self.order if node in parent.children)})):
            yield (
                "Some numbers have changed since the forward pass (an optimizer's step, perhaps), but the derivatives"
                " are those of the forward pass. Explain before the update, or run the forward pass again."
            )

    def _compare_with_grad(self, name: str) -> Iterable[str]:
        assert self.gradients is not None and self.output is not None
        node, output, found = self.node, self.name(self.output), self.gradients.get(self.node)
        if found is None:
            if self.output in topological_order(node):
                yield f"It is the other way round: {name} is made from {output}. Ask {output}.explain({name})."
        elif node.grad is UNSEEN:
            yield f"{name}.grad is empty: no backward() has been called."
        elif math.isclose(node.grad, found, rel_tol=1e-9, abs_tol=1e-12):
            yield f"{name}.grad = {number(node.grad, self.digits)}, the same."
        else:
            why = (
                "it is from another output" if node.children else "leaves add up all backward passes until zero_grad()"
            )
            yield f"{name}.grad = {number(node.grad, self.digits)} is not this: {why}."


def _role(node: Value) -> str:
    if node.children:
        return "computed"
    return "random" if isinstance(node.op, operation.Bernoulli) else node.op.name


def _is_stale(node: Value) -> bool:
    """True if the node's number is not what its operands' numbers now make."""
    if not node.children:
        return False
    try:
        return node.op.scalar(*node.op.groups([child.data for child in node.children]))[0] != node.data
    except (ArithmeticError, ValueError):
        return True
