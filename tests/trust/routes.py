"""Random graphs of every operation, by routes that share no code: each gives numbers that must be the engine's.

`python -m tests.trust.routes` runs them all on thousands of graphs, and prints what it compared.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings

from micrograd_plus import Value, apply, compile, gradients, topological_order
from micrograd_plus.operation import Op
from micrograd_plus.ops import TABLE
from micrograd_plus.reading import PRIMITIVES, OverArrays
from micrograd_plus.report import Table
from tests.complex_step import complex_reading
from tests.strategies import Graph, graphs

GRAPHS = 2_000
"""So many graphs for each route, unless another number is asked for."""

Comparison = tuple[float, float, float]
"""The engine's number, the route's, and by how much they may differ."""

STEP = 1e-30  # of the complex step, which has no rounding error however small it is
NUDGE = 1e-6


def _leaves(graph: Graph) -> list[Value]:
    return [Value(number) for number in graph.leaves]


def _backward(graph: Graph) -> tuple[Value, list[float], float]:
    """The output, the engine's derivatives, and the size of what goes into them, for the tolerance of rounding."""
    leaves = _leaves(graph)
    output = graph.run(apply, leaves)
    output.backward()
    return output, [each.grad for each in leaves], max(1.0, *(abs(node.grad) for node in topological_order(output)))


def _plain(op: Op, *operands: Any) -> float:
    number: float = op.scalar(*operands)[0]
    return number


def _nudged(graph: Graph, at: int, by: float) -> list[float]:
    return [number + by * (i == at) for i, number in enumerate(graph.leaves)]


def _turned(graph: Graph, at: int) -> list[complex]:
    return [complex(number, STEP * (i == at)) for i, number in enumerate(graph.leaves)]


def values(graph: Graph) -> Iterator[Comparison]:
    """The rows as plain functions."""
    yield graph.run(apply, _leaves(graph)).data, graph.run(_plain, graph.leaves), 0.0


def differences(graph: Graph) -> Iterator[Comparison]:
    """Finite differences."""
    _, found, size = _backward(graph)
    for i, grad in enumerate(found):
        above, below = (graph.run(_plain, _nudged(graph, i, by)) for by in (NUDGE, -NUDGE))
        slope = (above - below) / (2 * NUDGE)
        yield grad, slope, 1e-4 * abs(slope) + 1e-6 * size


def complex_steps(graph: Graph) -> Iterator[Comparison]:
    """The complex step, which is exact."""
    _, found, size = _backward(graph)
    for i, grad in enumerate(found):
        output = complex(graph.run(lambda op, *operands: complex_reading(op)(*operands)[0], _turned(graph, i)))
        exact = output.imag / STEP
        yield grad, exact, 1e-11 * abs(exact) + 1e-12 * size


def over_values(graph: Graph) -> Iterator[Comparison]:
    """The derivatives as Values."""
    _, found, size = _backward(graph)
    leaves = _leaves(graph)
    for grad, derivative in zip(found, gradients(graph.run(apply, leaves), leaves)):
        yield grad, derivative.data, 1e-11 * abs(grad) + 1e-12 * size


def second_derivatives(graph: Graph) -> Iterator[Comparison]:
    """Second derivatives, beside the complex step through reverse accumulation."""
    leaves = _leaves(graph)
    first = gradients(graph.run(apply, leaves), leaves)
    for i, value in enumerate(leaves):
        exact = [complex(each).imag / STEP for each in graph.derivatives(complex_reading, _turned(graph, i))]
        size = max(1.0, *map(abs, exact))
        for derivative, expected in zip(first, exact):
            yield gradients(derivative, value).data, expected, 1e-9 * abs(expected) + 1e-11 * size


def compiled(graph: Graph) -> Iterator[Comparison]:
    """The array program, for a batch whose other examples are nudged."""
    rows = [list(graph.leaves), *(_nudged(graph, i, 1e-3) for i in range(len(graph.leaves)))]
    leaves = _leaves(graph)
    found = compile(graph.run(apply, leaves), inputs=[leaves]).gradients(rows, inputs=True)
    for row, value, slopes in zip(rows, found.values.tolist(), (found.inputs[0] * len(rows)).tolist()):
        output, expected, size = _backward(Graph(tuple(row), graph.steps))
        yield output.data, value, 1e-12 * abs(value) + 1e-12 * size
        for grad, slope in zip(expected, slopes):
            yield grad, slope, 1e-11 * abs(grad) + 1e-12 * size


def pytorch(graph: Graph) -> Iterator[Comparison]:
    """PyTorch, which finds the derivatives of each row's value without a look at ours."""
    import torch

    tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in graph.leaves]
    output = graph.run(_torch_reading(torch), tensors)
    if output.requires_grad:
        output.backward()
    root, found, size = _backward(graph)
    yield root.data, output.item(), 1e-12 * abs(root.data)
    for grad, tensor in zip(found, tensors):
        exact = 0.0 if tensor.grad is None else tensor.grad.item()
        yield grad, exact, 1e-11 * abs(exact) + 1e-12 * size


def _torch_reading(torch: Any) -> Callable[..., Any]:
    def over(pairwise: Any, along: Any) -> Callable[..., Any]:
        return lambda *xs: pairwise(*map(_tensor, xs)) if len(xs) > 1 else along(xs[0], dim=0)

    def _tensor(number: Any) -> Any:
        return torch.as_tensor(number, dtype=torch.float64)

    plain = {name for name in PRIMITIVES if hasattr(torch, name)} - {"real"}
    functions = {name: getattr(torch, name) for name in plain} | {
        "max": over(torch.maximum, torch.amax), "min": over(torch.minimum, torch.amin),
        "sum": lambda xs: torch.sum(xs, dim=0), "item": lambda xs, i: xs[int(i)], "nan": math.nan, "inf": math.inf,
        "where": lambda test, yes, no: torch.where(test, _tensor(yes), _tensor(no)),
    }  # fmt: skip

    def run(op: Op, *operands: Any) -> Any:
        bound = {
            name.lstrip("*"): torch.stack(operand) if isinstance(operand, list) else operand
            for name, operand in zip(op.operands, operands)
        }
        return _tensor(eval(OverArrays(TABLE).read(op.value), functions | bound))

    return run


Route = Callable[[Graph], Iterator[Comparison]]

ROUTES: dict[str, Route] = {
    each.__name__.replace("_", " "): each
    for each in (values, differences, complex_steps, over_values, second_derivatives, compiled, pytorch)
}


@dataclass
class Count:
    """How many graphs and numbers a route has compared, and the largest difference as a part of what is allowed."""

    graphs: int = 0
    numbers: int = 0
    worst: float = 0.0


def count(route: Route, number: int, *, by_chance: bool = False) -> Count:
    """Returns what a route compared on so many graphs. Raises AssertionError at the first number that differs."""
    counted = Count()

    @settings(
        max_examples=number, deadline=None, derandomize=not by_chance, database=None,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(graphs(size=7 if route is second_derivatives else 12))
    def compare(graph: Graph) -> None:
        counted.graphs += 1
        for found, expected, allowed in route(graph):
            apart = abs(found - expected)
            assert apart <= allowed, f"the engine has {found!r}, {route.__doc__} {expected!r}"
            counted.numbers += 1
            counted.worst = max(counted.worst, apart / allowed if allowed else 0.0)

    compare()
    return counted


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table with a line for each route."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust.routes", description=__doc__)
    parser.add_argument("graphs", type=int, nargs="?", default=GRAPHS, help="graphs for each route (%(default)s)")
    number = parser.parse_args(arguments).graphs
    rows = []
    for name, route in ROUTES.items():
        found = count(route, number)
        rows.append((name, found.graphs, found.numbers, f"{found.worst:.2g}"))
    headers = ("route", "graphs", "numbers compared", "largest difference, of what is allowed")
    print(Table(headers, tuple(rows), numeric=(1, 2, 3)))


if __name__ == "__main__":
    main()
