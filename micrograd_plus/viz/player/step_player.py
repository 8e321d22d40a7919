"""The step player: a web page that goes through forward and backward one number at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import isfinite
from typing import Any

from micrograd_plus import operation
from micrograd_plus.compiler.dialects import JAVASCRIPT
from micrograd_plus.errors import is_unrecorded
from micrograd_plus.nn.groups import Group, rate_at
from micrograd_plus.nn.optim import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from micrograd_plus.nn.owners import ancestors
from micrograd_plus.operation import Op
from micrograd_plus.value import Value, apply
from micrograd_plus.viz import palette
from micrograd_plus.viz.graph import Graph
from micrograd_plus.viz.player.lean import lean
from micrograd_plus.viz.player.page import Page
from micrograd_plus.viz.player.readings import numbers_script, row_key, rows_script, rule_key, rules_script
from micrograd_plus.viz.player.steps import LIMIT, Step, StepLog
from micrograd_plus.viz.player.templates import form
from micrograd_plus.viz.svg import spans, written
from micrograd_plus.words import derivative, local, safe

__all__ = ["StepPlayer"]

WAYS, STRETCHES = 6, 12  # of a gradient with more ways, or longer ones, only the last stretches are listed


class StepPlayer(Page):
    """A page that plays one forward and one backward pass over the graph below `root`, one value or one `+=` a step.

    The graph is left as it is: its gradients are computed beside it, from zero. With an `optimizer` a third part shows
    how its rule would move each parameter in the graph, and then the next pass begins. On the page any leaf can be
    changed, by its box, a slider or typing, and the optimizer and its rate; all numbers follow. The graph stays the one
    that was built. `title` heads the page; further options are those of `Graph`.

    Raises ValueError for a leaf and for more than 1,000 nodes, TypeError for what is not a Value, and what an operation
    raises where a leaf has been changed to what it refuses.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> (a * b).tanh().steps()
    <StepPlayer: 4 nodes, 6 steps>
    """

    name = "steps"
    scripts = ("words.js", "engine.js", "sheet.js", "steps.js", "change.js")

    def __init__(self, root: Value, *, optimizer: Optimizer | None = None, title: str = "", **drawing: Any) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"a step player needs a Value, but got {type(root).__name__}: {root!r}")
        self._graph = Graph(root, collapse="none", limit=LIMIT, **drawing)
        self.log = StepLog(root, optimizer=optimizer, short=self._graph.short_names)
        self._optimizer = optimizer
        self._given = [node.data for node in self.log.order]  # as they are now: a later step may change them
        self._start = {"optimizer": optimizer and self._settings(optimizer), **self._notes()}
        self.title = title or f"{self.log.names[root]}, step by step"

    def __repr__(self) -> str:
        return f"<StepPlayer: {len(self.log.order)} nodes, {len(self.log.steps) - 1} steps>"

    @cached_property
    def _drawing(self) -> tuple[str, Mapping[str, tuple[float, ...]]]:
        """The text of the drawing's SVG, and where in it each part stands."""
        tree = self._graph.layout()
        where = spans(tree)
        return written(lean(tree)).rstrip(), where

    def parts(self) -> Mapping[str, str]:
        """Returns the drawing, for its place in the body. Raises LayoutError without a layout engine."""
        return {"svg": self._drawing[0]}

    def program(self) -> str:
        """Returns the rows of the graph and the rules of the optimizers as JavaScript."""
        rows = numbers_script() + rows_script(node.op for node in self.log.order if node.children)
        if self._optimizer is None:
            return rows
        return rows + rules_script([*OPTIMIZERS.values(), self._optimizer])

    def data(self) -> Mapping[str, Any]:
        """Returns what the page computes with: nodes, rows and their words, steps, and where each part begins."""
        log = self.log
        rules = list(dict.fromkeys(node.op for node in log.order if node.children))
        shapes = list(dict.fromkeys((node.op, len(node.children)) for node in log.order if node.children))
        uses = Counter(child for node in log.order for child in node.children)
        begins = [("Forward", 0), ("Backward", log.backward), ("Update", log.update), ("", len(log.steps))]
        parts = [{"name": name, "at": at, "share": end - at} for (name, at), (_, end) in pairwise(begins) if end > at]
        return {
            "nodes": [self._node(node, shapes) for node in log.order],
            "rules": [
                {"key": row_key(op), "name": op.label, "value": op.value, "partials": op.partials} for op in rules
            ],
            "forms": [{"rule": rules.index(op), **form(op, count)} for op, count in shapes],
            "steps": [self._step(step, uses) for step in log.steps],
            "parts": parts,
            "grains": [{"name": name, "stops": stops} for name, stops in self._grains().items()],
            "paths": {place: [by for by, _ in ways] for place, ways in log.paths(WAYS, STRETCHES).items()},
            "tints": palette.DIVERGING_STEPS,
            **self._start,
        }

    def _notes(self) -> dict[str, Any]:
        """What a reader who changes numbers has to know of this graph, and whether they may be changed at all."""
        order, names = self.log.order, self.log.names
        if any(node.op is operation.CHOSEN for node in order):
            why = "A derivative in it is the exception of a row, which holds for these numbers: they can't be changed."
            return {"fixed": True, "notes": [why]}
        fresh: dict[Value, Value] = {}
        for node in order:
            operands = node.op.groups([fresh[child] for child in node.children])
            fresh[node] = apply(node.op, *operands) if node.children else node
        notes = []
        if any(fresh[node].data != node.data for node in order):
            notes.append("Some leaves have changed since this graph was computed; here it is computed anew. ")
        if alone := [names[node] for node in order if is_unrecorded(node)]:
            notes.append(f"{', '.join(alone[:3])} came from no_grad() or detach(): the graph holds the number alone. ")
        return {"fixed": False, "notes": notes}

    def _settings(self, optimizer: Optimizer) -> dict[str, Any]:
        """The optimizer as it stands, with the states of the weights in the graph; and others to choose."""
        others = [{"label": label, **_usual(kind, options)} for label, kind, options in OTHERS]
        weights = {
            self.log.place[parameter]: {
                "group": optimizer.groups.index(optimizer.group_of[i]),
                "states": {name: optimizer.state[name][i] for name in optimizer.group_of[i].rule.state},
            }
            for i, parameter in enumerate(optimizer.parameters)
            if parameter in self.log.place
        }
        groups = [
            {"key": rule_key(optimizer), "options": group.rule.options, "rates": _rates(optimizer, group)}
            for group in optimizer.groups
        ]
        name = type(optimizer).__name__
        return {"name": name, "t": optimizer.t, "groups": groups, "weights": weights, "others": others}

    def _grains(self) -> dict[str, list[int]]:
        """Where one press of "next" stops, by what it plays: a single step, a neuron or an operation, a layer."""
        modules = self._graph.modules()
        paths = [ancestors(modules.get(node, "")) for node in self.log.order]
        grains: dict[str, list[int]] = {"one +=": []}  # every step
        depth = {"one neuron": -1, "one layer": -2} if modules else {"one operation": 0}
        for name, level in depth.items():
            units = []
            for step in self.log.steps:
                path = paths[step.node]
                unit = path[max(0, len(path) + level)] if path and level else step.node
                units.append((step.kind, unit if step.kind in ("forward", "backward") else step.node))
            ends = [i for i, (unit, then) in enumerate(pairwise(units)) if unit != then]
            grains[name] = sorted({0, *ends, len(units) - 1})
        return grains

    def _node(self, node: Value, shapes: Sequence[tuple[Op, int]]) -> dict[str, Any]:
        name, short = self.log.names[node], self.log.short[node]
        where = self._drawing[1][f"n{self.log.place[node]}"]
        found: dict[str, Any] = {"name": name, "at": [round(each) for each in where]}
        if short != name:
            found["short"] = short
        if safe(short) != short:
            found["wrapped"] = True
        if derivative(short, short).startswith("d("):
            found["long"] = True
        if node.children:
            shape = shapes.index((node.op, len(node.children)))
            return found | {"form": shape, "children": [self.log.place[child] for child in node.children]}
        if node.op is operation.CONSTANT and not node.label:
            found["unnamed"] = True
        value = self._given[self.log.place[node]]
        given = value if isfinite(value) else JAVASCRIPT.number(value)  # JSON has no infinity
        return found | {"value": given} | self._limits.get(node, {})

    @cached_property
    def _limits(self) -> dict[Value, dict[str, Any]]:
        """The leaves that can't be any number: dropout masks, indices, and targets that are probabilities."""
        found: dict[Value, dict[str, Any]] = {
            node: {"scale": node.op.scale} for node in self.log.order if isinstance(node.op, operation.Bernoulli)
        }
        for node in self.log.order:
            if node.op.name == "select":
                found[node.children[0]] = {"limits": {"min": 0, "max": len(node.children) - 2, "step": 1}}
            if node.op.name.startswith("binary_cross_entropy"):
                found[node.children[1]] = {"limits": {"min": 0, "max": 1, "step": 0.01}}
        return found

    def _step(self, step: Step, uses: Mapping[Value, int]) -> dict[str, Any]:
        """A step as the page reads it: where it happens; the numbers are the page's own."""
        found: dict[str, Any] = {"kind": step.kind, "node": step.node}
        if step.kind == "backward":
            found["operand"] = step.operand
            node, child = self.log.order[step.node], self.log.order[step.child]
            if local(node, child, self.log.order[-1], uses, self.log.short.__getitem__).startswith("∂"):
                found["share"] = True
        return found


OTHERS: list[tuple[str, type[Optimizer], dict[str, Any]]] = [
    ("SGD", SGD, {}), ("SGD with momentum", SGD, {"momentum": 0.9}), ("Adagrad", Adagrad, {}), ("RMSprop", RMSprop, {}),
    ("Adam", Adam, {}), ("AdamW", AdamW, {}),
]  # fmt: skip
"""The optimizers that a page offers beside the given one."""

PLANNED = 100  # steps of a schedule that a page knows; the last rate holds after them


def _usual(kind: type[Optimizer], options: Mapping[str, Any]) -> dict[str, Any]:
    optimizer = kind([Value(0.0)], **options)
    return {"key": rule_key(optimizer), "options": optimizer.options, "rates": [optimizer.rate]}


def _rates(optimizer: Optimizer, group: Group) -> list[float]:
    """The learning rates of the next steps; one, if there is no schedule."""
    lr = optimizer.lr if group.lr is None else group.lr
    return [rate_at(lr, optimizer.t + i) for i in range(PLANNED if callable(lr) else 1)]
