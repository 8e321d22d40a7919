"""Derivatives as Values, to any order, and a check of derivatives by nudging the inputs.

`gradients` reads the derivatives off the rows as a graph of Values, to be differentiated again, drawn and compiled.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from micrograd_plus import operation
from micrograd_plus.errors import DomainError, in_words
from micrograd_plus.functions import dot, total
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.operation import Op
from micrograd_plus.report import Report, Table
from micrograd_plus.value import Number, Value, apply, constant, leaf, topological_order

__all__ = [
    "Addition", "GradcheckError", "GradcheckReport", "dependents", "gradcheck", "gradients", "grads", "hessian", "hvp",
    "jacobian", "jvp", "sweep",
]  # fmt: skip


@overload
def gradients(output: Value, wrt: Value) -> Value: ...
@overload
def gradients(output: Value, wrt: Sequence[Value]) -> list[Value]: ...
@no_gc()
def gradients(output: Value, wrt: Value | Sequence[Value]) -> Value | list[Value]:
    """Returns the derivative of `output` by each Value of `wrt`, as Values that can be differentiated again.

    One Value for one Value, a list for a sequence; 0 for what `output` does not depend on. No `grad` is touched. Raises
    TypeError for what is not a Value, DomainError where a derivative is infinite or not defined, as that of sqrt at 0:
    `backward` has a number for it, but it can't be differentiated again.

    >>> x = Value(2.0)
    >>> first = gradients(x**3, x)
    >>> first.data, gradients(first, x).data
    (12.0, 12.0)
    """
    wanted = list(wrt) if isinstance(wrt, Iterable) else [wrt]
    for value in (output, *wanted):
        if not isinstance(value, Value):
            raise TypeError(f"gradients needs Values, but got {type(value).__name__}: {value!r}; wrap it in Value(...)")
    order = topological_order(output)
    needed = dependents(order, [*wanted, *(node for node in order if node.op is operation.CHOSEN)])
    terms: dict[Value, list[Number]] = {output: [1.0]}
    for node in reversed(order):
        if node in needed and node in terms and node.children:
            upstream = _sum(terms[node])
            for child, partial in _edges(node, needed):
                terms.setdefault(child, []).append(_product(upstream, partial))
        elif node in terms and node.op is operation.CHOSEN:
            raise DomainError(
                f"a derivative that is {node.data:g} at an edge, as that of x ** y at x = 0, can't be differentiated"
                " again; keep away from there"
            )
    found = [constant(_sum(terms.get(value, [0.0]))) for value in wanted]
    return found[0] if isinstance(wrt, Value) else found


def dependents(order: Iterable[Value], values: Iterable[Value]) -> set[Value]:
    """Returns these values and all nodes of a topological order that are made with one of them."""
    found = set(values)
    for node in order:
        if not found.isdisjoint(node.children):
            found.add(node)
    return found


def _edges(node: Value, needed: set[Value]) -> Iterator[tuple[Value, Number]]:
    """The needed operands and the local derivatives by them that are not 0: the row's text read over Values."""
    for child, partial in zip(node.children, _value_reading(node.op)(node, *node.op.groups(node.children))):
        if child in needed and (isinstance(partial, Value) or partial != 0):
            if not isinstance(partial, Value) and not math.isfinite(partial):
                text, given = in_words(node.op, node.children)
                by = child.label or f"the operand that is {child.data:.6g}"
                what = "is not defined" if math.isnan(partial) else "is infinite"
                raise DomainError(f"the derivative of {text} by {by} {what} at {given}; keep away from there")
            yield child, partial


@functools.lru_cache(maxsize=256)
def _value_reading(op: Op) -> Callable[..., tuple[Number, ...]]:
    """The local derivatives over Values: there each row of the table is a function, and a choice looks at data."""
    rows: dict[str, Any] = {name: functools.partial(apply, row) for name, row in operation.TABLE.items()}
    more = {"min": rows["minimum"], "max": rows["maximum"], "sum": total, "pow": lambda x, k: x**k, "real": float}
    return op.values({**rows, **more, "chosen": _chosen, "nan": math.nan, "inf": math.inf})


def _chosen(partial: Number) -> Number:
    """A derivative of a row's exception, with a leaf that says so: it is not to be compiled or differentiated again."""
    if isinstance(partial, Value):
        return partial + leaf(0.0, operation.CHOSEN)
    return leaf(partial, operation.CHOSEN) if math.isfinite(partial) else partial


def _product(upstream: Number, partial: Number) -> Number:
    """The chain rule's product, without nodes for factors of 1."""
    if not isinstance(partial, Value) and partial == 1:
        return upstream
    if not isinstance(upstream, Value) and upstream == 1:
        return partial
    return upstream * partial


def _sum(terms: list[Number]) -> Number:
    return terms[0] if len(terms) == 1 else total(terms)


def jacobian(outputs: Sequence[Value], wrt: Sequence[Value]) -> list[list[Value]]:
    """Returns the derivatives of each output by each Value of `wrt`: a row an output. Raises as `gradients` does.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [[each.data for each in row] for row in jacobian([x * y, x**2], [x, y])]
    [[3.0, 2.0], [4.0, 0.0]]
    """
    return [gradients(output, wrt) for output in outputs]


def hessian(output: Value, wrt: Sequence[Value]) -> list[list[Value]]:
    """Returns the second derivatives of `output` by each two Values of `wrt`. Raises as `gradients` does.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [[each.data for each in row] for row in hessian(x**2 * y, [x, y])]
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(gradients(output, wrt), wrt)


def jvp(outputs: Sequence[Value], wrt: Sequence[Value], vector: Sequence[Number]) -> list[Value]:
    """Returns how fast each output changes along `vector`, which has a number for each of `wrt`: jacobian @ vector.

    Raises as `gradients` does, and ValueError for a vector of another length.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [each.data for each in jvp([x * y, x**2], [x, y], [1.0, 10.0])]
    [23.0, 4.0]
    """
    return [dot(row, vector) for row in jacobian(outputs, wrt)]


def hvp(output: Value, wrt: Sequence[Value], vector: Sequence[Number]) -> list[Value]:
    """Returns hessian @ vector by two passes, without the Hessian (Pearlmutter 1994). Raises as `jvp` does.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [each.data for each in hvp(x**2 * y, [x, y], [1.0, 10.0])]
    [46.0, 4.0]
    """
    return gradients(dot(gradients(output, wrt), vector), wrt)


class Addition(NamedTuple):
    """One `+=` of backpropagation: `node` adds `partial * upstream` to its child's gradient, `before` -> `after`.

    `operand` is the child's place among the node's children.
    """

    node: Value
    operand: int
    child: Value
    partial: float
    upstream: float
    before: float
    after: float


def sweep(output: Value, order: Sequence[Value] | None = None) -> Iterator[Addition]:
    """Yields each `+=` of `output.backward()` in its order, with the same bits, and touches nobody's `grad`.

    `order` is the topological order of the output's graph, if it is known. What is added last to a node is its
    derivative. Source: Linnainmaa 1970.

    >>> a = Value(3.0)
    >>> [f"{each.before:g} + {each.partial:g} * {each.upstream:g} = {each.after:g}" for each in sweep(a * a)]
    ['0 + 3 * 1 = 3', '3 + 3 * 1 = 6']
    """
    found = {output: 1.0}
    for node in reversed(topological_order(output) if order is None else order):
        upstream = found[node]
        for operand, (child, partial) in enumerate(zip(node.children, node.partials)):
            before = found.get(child, 0.0)
            found[child] = before + partial * upstream
            yield Addition(node, operand, child, partial, upstream, before, found[child])


def grads(output: Value, order: Sequence[Value] | None = None) -> dict[Value, float]:
    """Returns what `output.backward()` finds as the `grad` of each node of its graph, and touches nobody's `grad`.

    `order` is as in `sweep`.

    >>> a = Value(3.0)
    >>> grads(a * a + a)[a], a.grad
    (7.0, 0.0)
    """
    found = {output: 1.0}
    for node in reversed(topological_order(output, leaves=False) if order is None else order):
        upstream = found[node]
        for child, partial in zip(node.children, node.partials):
            found[child] = found.get(child, 0.0) + partial * upstream
    return found


@dataclass(frozen=True)
class GradcheckReport(Report):
    """What `gradcheck` found, true if all agree: each input's name, its derivative, the measured one, if they agree.

    `kinks` has the slopes below and above for each input that is at a kink; there any slope between them is right.
    """

    rows: tuple[tuple[str, float, float, bool], ...]
    kinks: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return all(agrees for *_, agrees in self.rows)

    def parts(self) -> list[str | Table]:
        """Returns the table of inputs."""
        cells = []
        for name, derived, measured, agrees in self.rows:
            told = "" if agrees else "<- wrong"
            if name in self.kinks:
                below, above = self.kinks[name]
                told = f"{told} kink: {below:.4g} below, {above:.4g} above".strip()
            cells.append((name, f"{derived:.8g}", f"{measured:.8g}", f"{abs(derived - measured):.1e}", told))
        return [Table(("input", "backward", "measured", "off by", ""), tuple(cells), numeric=(1, 2, 3))]


class GradcheckError(AssertionError):
    """A derivative that `backward` gives is not the one that nudging the input gives; `report` tells which."""

    def __init__(self, report: GradcheckReport) -> None:
        super().__init__(f"the derivatives disagree\n{report}")
        self.report = report


@no_gc()
def gradcheck(
    function: Callable[..., Value], inputs: Sequence[Number], *,
    eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
) -> GradcheckReport:  # fmt: skip
    """Returns a report that compares `backward` with central differences, input by input.

    `function` takes as many Values as there are `inputs` and returns one. A derivative agrees if it is within
    `atol + rtol * abs(measured)` of `(f(x + eps) - f(x - eps)) / (2 * eps)`; the defaults are PyTorch's. At a kink, or
    one nearer than `eps`, the report says so, and any derivative between the slopes of both sides agrees. Raises
    GradcheckError, which carries the report, if one is off, unless `raise_exception` is False; TypeError if `function`
    does not return a Value.

    >>> bool(gradcheck(lambda x, y: x * y.exp(), [2.0, 0.5]))
    True
    >>> gradcheck(lambda x: x.relu(), [0.0]).kinks
    {'inputs[0]': (0.0, 1.0)}
    """
    if not isinstance(inputs, Iterable):
        raise TypeError(f"gradcheck needs a list of inputs, but got {inputs!r}; write [{inputs!r}]")
    leaves = [leaf(each.data, operation.INPUT, each.label) for each in map(constant, inputs)]
    numbers = [each.data for each in leaves]
    output = function(*leaves)
    if not isinstance(output, Value):
        raise TypeError(f"gradcheck needs a function that returns a Value, but it returned {output!r}")
    output.backward()
    rows, kinks = [], {}
    for i, value in enumerate(leaves):
        name, nudged = value.label or f"inputs[{i}]", [_nudged(numbers, i, nudge) for nudge in (-eps, eps)]
        with no_grad():
            below, above = (function(*map(Value, each)).data for each in nudged)
        measured, slopes = (above - below) / (2 * eps), ((output.data - below) / eps, (above - output.data) / eps)
        tolerance = atol + rtol * max(map(abs, (measured, *slopes)))
        if abs(slopes[0] - slopes[1]) > tolerance and _has_kink(function, nudged):
            kinks[name] = slopes
            agrees = min(slopes) - tolerance <= value.grad <= max(slopes) + tolerance
        else:
            agrees = math.isclose(value.grad, measured, rel_tol=0.0, abs_tol=atol + rtol * abs(measured))
        rows.append((name, value.grad, measured, agrees))
    report = GradcheckReport(tuple(rows), kinks)
    if raise_exception and not report:
        raise GradcheckError(report)
    return report


def _nudged(numbers: Sequence[float], i: int, nudge: float) -> list[float]:
    return [*numbers[:i], numbers[i] + nudge, *numbers[i + 1 :]]


def _has_kink(function: Callable[..., Value], nudged: Sequence[Sequence[float]]) -> bool:
    """Whether a value or a local derivative leaps between two inputs, or the function goes another way."""
    below, above = (topological_order(function(*map(Value, each))) for each in nudged)
    if [node.op.name for node in below] != [node.op.name for node in above]:
        return True
    pairs = zip(below, above)
    return any(_leaps(a, b) for one, two in pairs for a, b in zip((one.data, *one.partials), (two.data, *two.partials)))


def _leaps(one: float, other: float) -> bool:
    return abs(one - other) > _LEAP * max(1.0, abs(one), abs(other))


_LEAP = 1e-3
"""What changes by more than this share over twice `eps` is taken to leap there."""
