"""A plan is all of a program that depends on a graph's structure alone: graphs of one structure share it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import prod
from typing import Any

import numpy as np

from micrograd_plus.compiler.emit import Emitted, emit
from micrograd_plus.compiler.fold import BATCHED, fold
from micrograd_plus.compiler.ladder import Ladder, emit_ladder, ladder
from micrograd_plus.compiler.layout import Layout, is_regular, lay_out
from micrograd_plus.compiler.names import Argument, Namer, argument_name
from micrograd_plus.compiler.runtime import FUNCTIONS
from micrograd_plus.compiler.trace import Array, Integers, Kind, Trace
from micrograd_plus.mode import no_gc

__all__ = ["Input", "Plan", "plan_of"]


@dataclass(frozen=True)
class Input:
    """An argument of a program: its name, and the shape that one example's numbers have (`()` for a single one)."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers an example has."""
        return prod(self.shape)


class Plan:
    """The layout of a graph, and the functions that were emitted for it."""

    def __init__(self, trace: Trace, inputs: Sequence[Input]) -> None:
        folded = fold(trace)
        self.layout: Layout = lay_out(folded) if is_regular(folded) else ladder(folded)
        self.arguments: list[Argument] = []
        start = 0
        for each in inputs:
            self.arguments.append((argument_name(each.name), start, start + each.size))
            start += each.size
        self.parameter_rows = self.layout.address[trace.parameters]
        self.input_count, self.random_count = len(trace.inputs), len(trace.random)
        self._kernels: dict[tuple[tuple[int, ...], bool], tuple[Emitted, Callable[..., Any]]] = {}

    def kernel(self, of: tuple[int, ...], wrt_inputs: bool) -> tuple[Emitted, Callable[..., Any]]:
        """What was emitted for the gradients of the sum of some outputs (of none: for values alone), and its `bind`."""
        key = (of, wrt_inputs)
        if key not in self._kernels:
            with no_gc():
                if isinstance(self.layout, Ladder):
                    emitted = emit_ladder(self.layout, self.arguments, of, wrt_inputs)
                else:
                    emitted = emit(self.layout, Namer(self.layout, self.arguments), of, wrt_inputs)
            names = {**FUNCTIONS, **emitted.tables}
            exec(compile(emitted.source, "<compiled graph>", "exec"), names)
            self._kernels[key] = emitted, names["bind"]
        return self._kernels[key]

    @cached_property
    def computed(self) -> tuple[Integers, Integers]:
        """The operations in order, and where each result is: a row of the batched buffer with the shared one behind."""
        layout = self.layout
        order = np.array([node for node in layout.folded.order if layout.address[node] >= 0], np.int64)
        batched = np.array(layout.folded.space)[order] == BATCHED
        return order, layout.address[order] + np.where(batched, 0, layout.batched_rows)

    @cached_property
    def constants(self) -> tuple[Integers, Array]:
        """The rows of the shared buffer that hold constants, and the numbers in them."""
        nodes = [node for node in self.layout.folded.constants if self.layout.address[node] >= 0]
        rows = self.layout.address[nodes]
        return rows, np.array([self.layout.folded.constants[node] for node in nodes], float)


_plans: OrderedDict[bytes, Plan] = OrderedDict()
_KEPT = 64
"""So many plans are kept for graphs of the same structure to come."""


def plan_of(trace: Trace, inputs: Sequence[Input]) -> Plan:
    """Returns the plan of a traced graph; graphs of one structure share it."""
    key = _structure(trace, inputs)
    plan = _plans.pop(key, None) or Plan(trace, inputs)
    _plans[key] = plan
    if len(_plans) > _KEPT:
        _plans.popitem(last=False)
    return plan


def _structure(trace: Trace, inputs: Sequence[Input]) -> bytes:
    """A digest of all that a plan depends on: everything of the trace but the numbers of its inputs and parameters."""
    digest = sha256()
    constants = np.where(trace.role == Kind.CONSTANT, trace.data, 0.0)
    for part in (trace.op, trace.start, trace.children, trace.role, constants, trace.inputs, trace.parameters,
                 trace.random, trace.outputs):  # fmt: skip
        digest.update(part.tobytes() + b"|")
    rows = [(op.name, op.constants, op.value, tuple(op.partials.items())) for op in trace.ops]
    digest.update(repr((rows, [(draw.keep, draw.scale) for draw in trace.draws], list(inputs))).encode())
    digest.update(repr(trace.labels).encode())  # which tells labels apart, whatever is in them
    return digest.digest()
