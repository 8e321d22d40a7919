"""Explains one node: gathers its formulas, its chain rule and the paths to it for an `Explanation`.

Backpropagation is read as a sum over paths: each way from the output to a node, and the product of the derivatives on
it. There may be more than atoms, so they are counted by dynamic programming and listed lazily, the largest first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, islice
from typing import Any

from micrograd_plus import operation
from micrograd_plus.calculus import grads
from micrograd_plus.checks import whole_number
from micrograd_plus.explain.checks import is_stale
from micrograd_plus.explain.explanation import COUNTED, Edge, Explanation, PathSum, WrittenPath
from micrograd_plus.value import UNSEEN, Value, topological_order
from micrograd_plus.words import derivative, local, names, number, partial_words, value_words

__all__ = ["Path", "Paths", "explain"]

CHANGED = (
    "Some numbers have changed since the forward pass (an optimizer's step, perhaps), but the derivatives are those of"
    " the forward pass. Explain before the update, or run the forward pass again."
)


def explain(
    node: Value, output: Value | None = None, *, max_paths: int = 20, max_operands: int = 20, digits: int = 4
) -> Explanation:
    """Returns the chain rule of one node in symbols and numbers; with an `output`, every path from it to the node.

    Without `output` the gradient that is passed on is `node.grad`, what the last `backward()` left there. With it, the
    gradients are those of `output`, worked out afresh (no `grad` is touched), and the paths' products add up to them.
    At most `max_paths` paths and `max_operands` operands and uses are written out, and what is left out is said. Raises
    TypeError if `node` or `output` is not a Value or a limit not a whole number, ValueError if it is below 1.

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
    for name, value in {"node": node, **({} if output is None else {"output": output})}.items():
        if not isinstance(value, Value):
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
        self.name = names(self.order if output is None else topological_order(output, node)).__getitem__

    def explanation(self) -> Explanation:
        node = self.node
        operands = tuple(self.edge(node, position) for position in range(len(node.children))[: self.max_operands])
        paths = None if self.output is None else self.path_sum(self.output)
        written = [edge.written for edge in operands]
        written += [each for path in paths.listed for each in path.written] if paths else []
        role = "computed" if node.children else "random" if isinstance(node.op, operation.Bernoulli) else node.op.name
        return Explanation(
            name=self.name(node), role=role, value=node.data, grad=self.gradient(node),
            formulas=value_words(node, self.name, self.digits), operands=operands, operand_count=len(node.children),
            output="L" if self.output is None else self.name(self.output), paths=paths,
            notes=tuple(filter(None, self.notes(written))), digits=self.digits,
        )  # fmt: skip

    def gradient(self, node: Value) -> float | None:
        if self.gradients is not None:
            return self.gradients.get(node, 0.0)
        return None if node.grad is UNSEEN else node.grad

    def edge(self, parent: Value, position: int) -> Edge:
        child, local, upstream = parent.children[position], parent.partials[position], self.gradient(parent)
        symbols, numbers = partial_words(parent, position, self.name, self.digits)
        return Edge(
            self.name(parent), self.name(child), child.data, self.written(parent, child), symbols, numbers, local,
            upstream, contribution=None if upstream is None else local * upstream,
        )  # fmt: skip

    def written(self, parent: Value, child: Value) -> str:
        """The local derivative's name; see `Edge`."""
        return local(parent, child, self.output, self.uses, self.name)

    def path_sum(self, output: Value) -> PathSum:
        paths = Paths(output, self.node, self.order)
        edges = ((parent, i, child) for parent in self.order for i, child in enumerate(parent.children))
        uses = (self.edge(parent, i) for parent, i, child in edges if child is self.node)
        return PathSum(
            self.name(output), paths.count, tuple(map(self.written_path, islice(paths, self.max_paths))),
            self.gradient(self.node) or 0.0, tuple(islice(uses, self.max_operands)), self.uses[self.node],
        )  # fmt: skip

    def written_path(self, path: Path) -> WrittenPath:
        edges = tuple(self.written(parent, child) for parent, child in zip(path.nodes, path.nodes[1:]))
        return WrittenPath(tuple(map(self.name, path.nodes)), edges, path.partials, path.product)

    def notes(self, written: Iterable[str]) -> Iterable[str]:
        node, name = self.node, self.name(self.node)
        own = derivative(self.name(self.output or node), name, "∂")
        shares = sorted((each for each in written if each.startswith("∂")), key=lambda each: each != own)
        for share in shares[:1]:
            yield f"{share} is the share of one use alone, d{share[1:].replace('/∂', '/d', 1)} the whole."
        if self.output is not None:
            yield self._compare_with_grad(name, self.name(self.output))
        elif not node.children:
            yield f"{name} is a leaf: its number was given. Ask {name}.explain(output) how an output depends on it."
        elif node.grad is not UNSEEN:
            yield "L is the output that backward() was last called on."
        if any(map(is_stale, {node, *(parent for parent in self.order if node in parent.children)})):
            yield CHANGED

    def _compare_with_grad(self, name: str, output: str) -> str:
        """What the gradient that was found has to do with what is in `grad`; nothing where there is none."""
        node, found = self.node, self.gradient(self.node)
        if node not in (self.gradients or {}):
            turned = f"It is the other way round: {name} is made from {output}. Ask {output}.explain({name})."
            return turned if self.output in topological_order(node) else ""
        if node.grad is UNSEEN:
            return f"{name}.grad is empty: no backward() has been called."
        held = f"{name}.grad = {number(node.grad, self.digits)}"
        if math.isclose(node.grad, found or 0.0, rel_tol=1e-9, abs_tol=1e-12):
            return f"{held}, the same."
        why = "it is from another output" if node.children else "leaves add up all backward passes until zero_grad()"
        return f"{held} is not this: {why}."


@dataclass(frozen=True)
class Path:
    """One way from an output to a node: the nodes from the output on, the derivatives along its edges, the product."""

    nodes: tuple[Value, ...]
    partials: tuple[float, ...]
    product: float


class Paths:
    """All paths from `output` to `target`: how many (`count`, at most `COUNTED`), and by size when iterated.

    `x * x` has two edges to x, and so two paths.

    >>> a = Value(3.0)
    >>> paths = Paths(a * a + a, a)
    >>> paths.count, [path.product for path in paths]
    (3, [3.0, 3.0, 1.0])
    """

    def __init__(self, output: Value, target: Value, order: Sequence[Value] | None = None) -> None:
        self.output, self.target = output, target
        self._counts = {target: 1}  # for each node between the two, how many paths lead from it to the target
        self._best = {target: 0.0}  # and the logarithm of the largest product among them
        for node in topological_order(output) if order is None else order:
            ways = [(child, partial) for child, partial in zip(node.children, node.partials) if child in self._counts]
            if ways:
                self._counts[node] = min(COUNTED, sum(self._counts[child] for child, _ in ways))
                self._best[node] = max(_size(partial) + self._best[child] for child, partial in ways)
        self.count = self._counts.get(output, 0)

    def __iter__(self) -> Iterator[Path]:
        """Yields the paths, those with the largest product (in absolute value) first.

        A best-first search with the exact best of the rest as its guide: it goes straight to the next path. What a
        step falls short of the best one is what counts, so that paths of equal size stay exactly equal.
        """
        if not self.count:
            return
        number = count()
        todo: list[tuple[float, int, int, Value, Any]] = [(0.0, 0, 0, self.output, None)]
        while todo:
            shortfall, depth, _, node, way = heappop(todo)
            if node is self.target:
                yield self._path(way)
                continue
            for child, partial in zip(node.children, node.partials):
                if child in self._counts:
                    less = self._best[node] - (_size(partial) + self._best[child])
                    heappush(todo, (shortfall + less, depth - 1, next(number), child, (way, node, partial)))

    def _path(self, way: Any) -> Path:
        nodes, partials = [self.target], []
        while way is not None:
            way, node, partial = way
            nodes.append(node)
            partials.append(partial)
        return Path(tuple(reversed(nodes)), tuple(reversed(partials)), math.prod(reversed(partials)))


def _size(partial: float) -> float:
    """The logarithm of a factor's size, within bounds that keep sums finite (nan and 0 count as smallest)."""
    size = abs(partial)
    return math.log(size) if 0.0 < size < math.inf else 1e3 if size == math.inf else -1e6
