"""The log of one forward and one backward pass: every value that fills and every `+=`, in the engine's own order.

It is computed beside the graph, by `calculus.sweep`, and touches no `grad`: looking at a pass does not make one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus import operation
from micrograd_plus.calculus import sweep
from micrograd_plus.value import Value, topological_order
from micrograd_plus.words import names

if TYPE_CHECKING:
    from micrograd_plus.nn import Optimizer

__all__ = ["LIMIT", "Step", "StepLog"]


LIMIT = 1000  # nodes at most: with more, the layout takes long, the page is heavy, and nobody steps through


class Step(NamedTuple):
    """One step of a pass, by the places of its nodes in topological order.

    `kind` is one of

    - `start`: the leaves hold the numbers they were given;
    - `forward`: `node` gets its value, which is `after`;
    - `seed`: the derivative of the root by itself is 1;
    - `backward`: the grad of `child`, which is operand number `operand` of `node`, grows from `before` to `after` by
      `upstream * partial`;
    - `update`: an optimizer moves the number of `node` from `before` to `after`.
    """

    kind: str
    node: int
    child: int = -1
    operand: int = -1
    partial: float = 0.0
    upstream: float = 0.0
    before: float = 0.0
    after: float = 0.0


class StepLog:
    """The steps of one pass over the graph below `root`: `order` are its nodes, `names` their names, `steps` the log.

    `place` is where in `order` a node is, `grads` are the gradients at the end. `backward` and `update` tell where in
    `steps` these parts begin; there are updates if an `optimizer` is given. `short` makes shorter names of the names.
    Raises ValueError for a leaf, or for more nodes than a page plays.

    >>> a = Value(3.0, "a")
    >>> log = StepLog(a * a)
    >>> [(step.kind, step.after) for step in log.steps]
    [('start', 0.0), ('forward', 9.0), ('seed', 1.0), ('backward', 3.0), ('backward', 6.0)]
    """

    def __init__(
        self, root: Value, *, optimizer: Optimizer | None = None,
        short: Callable[[Mapping[Value, str]], Mapping[Value, str]] | None = None,
    ) -> None:  # fmt: skip
        self.order = topological_order(root)
        if len(self.order) > LIMIT:
            raise ValueError(
                f"the graph has {len(self.order):,} nodes, and a player steps through {LIMIT:,} at most;"
                " play one example instead of a batch, or a part of the graph: hidden.steps()"
            )
        if not root.children:
            raise ValueError(
                f"{root!r} was given, not computed, so there is no step to play; play a result, as in (a * b).steps()"
            )
        self.names = names(self.order)
        self.short = short(self.names) if short else self.names
        self.place = {node: place for place, node in enumerate(self.order)}
        self.grads = [0.0] * len(self.order)
        self.steps = [Step("start", len(self.order) - 1)]
        for place, node in enumerate(self.order):
            if node.children:
                self.steps.append(Step("forward", place, after=node.data))
        self.backward = len(self.steps)
        self._backward()
        self.update = len(self.steps)
        if optimizer is not None:
            self._update(optimizer)

    def _backward(self) -> None:
        self.steps.append(Step("seed", len(self.order) - 1, after=1.0))
        self.grads[-1] = 1.0
        for node, operand, child, partial, upstream, before, after in sweep(self.order[-1], self.order):
            if child.op is operation.CONSTANT or isinstance(child.op, operation.Bernoulli):
                continue  # nobody reads the gradient of a number that can't be moved
            place, to = self.place[node], self.place[child]
            self.grads[to] = after
            self.steps.append(Step("backward", place, to, operand, partial, upstream, before, after))

    def _update(self, optimizer: Optimizer) -> None:
        """Where the optimizer's rule would take each parameter in the graph; nothing is changed."""
        for index, parameter in enumerate(optimizer.parameters):
            if (place := self.place.get(parameter)) is None:
                continue
            given = {**optimizer.given(index), "g": self.grads[place]}
            after = optimizer.group_of[index].rule(**given)["w"]
            self.steps.append(Step("update", place, before=parameter.data, after=after))

    def paths(self, most: int, longest: int) -> dict[int, list[tuple[list[int], float]]]:
        """Returns each way that a gradient came to a node, as the steps on it from the root, and the product on it.

        It does so for nodes with at most `most` ways, all of at most `longest` steps; by the place of the node. A step
        is told by where in `steps` it is.
        """
        found: dict[int, list[tuple[list[int], float]]] = {len(self.order) - 1: [([], 1.0)]}
        beyond: set[int] = set()
        for at in range(self.backward + 1, self.update):
            node, child, partial = self.steps[at].node, self.steps[at].child, self.steps[at].partial
            ways = [*found.get(child, []), *(([*way, at], product * partial) for way, product in found.get(node, []))]
            if node in beyond or len(ways) > most or any(len(way) > longest for way, _ in ways):
                beyond.add(child)
            found[child] = [] if child in beyond else ways
        return {place: ways for place, ways in found.items() if any(way for way, _ in ways)}
