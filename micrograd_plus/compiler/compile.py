"""The front door: from a graph, or from a function of Values, to a Program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from micrograd_plus import ops
from micrograd_plus.compiler.program import Gradients, Input, Program, plan_of
from micrograd_plus.compiler.trace import CompileError, trace
from micrograd_plus.value import Value, constant, topological_order

__all__ = ["Compiled", "compile"]


def compile(target: Any, inputs: Any = None, parameters: Sequence[Value] | None = None, example: Any = None) -> Any:
    """Returns the Program of a graph, or of a function of Values.

    Of a graph: `target` is a Value or a list or tuple of them, `inputs` the leaves that differ from example to example.
    """
    if callable(target) and not isinstance(target, Value):
        compiled = Compiled(target, parameters)
        return compiled if example is None else compiled.program(*_shapes(example))
    outputs = list(_flat(target))
    if inputs is None:
        order = topological_order(outputs[0])
        inputs = [[node for node in order if not node.children and node.op is ops.INPUT]]
    given = [Input(name, np.shape(each) if False else _shape(each)) for name, each in _named(inputs)]
    leaves = [leaf for each in inputs for leaf in _flat(each)]
    return _program(outputs, target, leaves, given, parameters, ())


def _program(outputs, form, leaves, given, parameters, random) -> Program:
    traced = trace(outputs, leaves, parameters, random)
    if not len(leaves):
        raise CompileError("the graph has no inputs")
    nodes = [*leaves]
    found = parameters
    if parameters is None:
        index = set(traced.parameters.tolist())
        order = _all(outputs, leaves)
        found = [order[i] for i in traced.parameters.tolist()]
    return Program(plan_of(traced, given), traced, found, given, form)


def _all(outputs, leaves):
    from micrograd_plus.compiler.trace import _order
    return _order(outputs, leaves)


def _named(inputs):
    for i, each in enumerate(inputs):
        label = each.label if isinstance(each, Value) else ""
        yield (label if label.isidentifier() else f"x{i}" if len(inputs) > 1 else "x"), each


def _flat(thing: Any) -> Iterator[Value]:
    if isinstance(thing, (list, tuple)):
        for each in thing:
            yield from _flat(each)
    else:
        yield thing


def _shape(thing) -> tuple[int, ...]:
    return (len(thing), *_shape(thing[0])) if isinstance(thing, (list, tuple)) else ()


def _shapes(example):
    return [np.shape(each) for each in example]


class Compiled:
    pass
