"""Backpropagation read as a sum over paths: each way from the output to a node, and the product along it.

There may be more paths than atoms: they are counted by dynamic programming and listed lazily, the largest first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any

from micrograd_plus.value import Value, topological_order

__all__ = ["COUNTED", "Path", "Paths"]

COUNTED = 10**15
"""Counting stops here: beyond it only "more than" is said, and the numbers stay small."""


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
