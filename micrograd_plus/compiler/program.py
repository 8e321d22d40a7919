"""A Program runs what was one example's scalar graph on a whole batch, as arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan, prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.emit import Emitted, emit
from micrograd_plus.compiler.fold import BATCHED, SHARED, fold
from micrograd_plus.compiler.ladder import Ladder, emit_ladder, ladder
from micrograd_plus.compiler.layout import COPY, Instruction, Layout, is_regular, lay_out
from micrograd_plus.compiler.names import Argument, Namer, argument_name
from micrograd_plus.compiler.runtime import FUNCTIONS, Draws
from micrograd_plus.compiler.trace import Trace
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.operation import Op
from micrograd_plus.value import Value, apply

__all__ = ["Gradients", "Input", "Plan", "Program", "flags_raised", "plan_of"]

Array: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Input:
    """An argument of a program: its name, and the shape that one example's numbers have (`()` for a single one)."""

    name: str
    shape: tuple[int, ...]

    @cached_property
    def size(self) -> int:
        """How many numbers an example has."""
        return prod(self.shape)


class Plan:
    """All that depends on a graph's structure alone: the layout, and the functions that were emitted for it."""

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
    def labels(self) -> dict[int, dict[int, str]]:
        """The labels of the numbers in the rows of both buffers, where they have one."""
        found: dict[int, dict[int, str]] = {SHARED: {}, BATCHED: {}}
        for node, label in enumerate(self.layout.folded.trace.labels):
            if label:
                found[self.layout.folded.space[node]][int(self.layout.address[node])] = label
        return found

    @cached_property
    def constants(self) -> tuple[NDArray[np.int64], Array]:
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
    from hashlib import sha256

    from micrograd_plus.compiler.trace import CONSTANT

    digest = sha256()
    constants = np.where(trace.role == CONSTANT, trace.data, 0.0)
    for part in (trace.op, trace.start, trace.children, trace.role, constants, trace.inputs, trace.parameters,
                 trace.random, trace.outputs):  # fmt: skip
        digest.update(part.tobytes() + b"|")
    rows = [(op.name, op.constants, op.value, tuple(op.partials.items())) for op in trace.ops]
    digest.update(repr((rows, [(draw.keep, draw.scale) for draw in trace.draws], list(inputs))).encode())
    digest.update("\0".join(trace.labels).encode())
    return digest.digest()


@dataclass(frozen=True)
class Gradients:
    """Values and derivatives of one run.

    `values` is what the program returns; `parameters` has the derivative by each of the program's parameters, in their
    order; `inputs` that by each input, example by example, in the shapes of the inputs (None unless asked for).
    """

    values: Any
    parameters: Array
    inputs: tuple[Array, ...] | None = None


class Program:
    """A graph of one example, turned into array code that runs it for a batch of examples.

    Made by `compile`. Call it with an array (or nested list) for each of its `inputs`, with the examples along the
    first axis. `parameters` are the Values that the graph's parameters are; each run reads their numbers. `source` is
    the NumPy code.
    """

    def __init__(
        self, plan: Plan, trace: Trace, parameters: Sequence[Value], inputs: Sequence[Input], outputs: Any
    ) -> None:
        self.plan, self.inputs, self.parameters = plan, list(inputs), list(parameters)
        self.outputs = outputs
        self.nodes = len(trace)
        self.draws = Draws(trace.draws, plan.input_count)
        self.shared = np.zeros(plan.layout.shared_rows)
        self.d_shared = np.zeros(plan.layout.shared_rows)
        rows, numbers = plan.constants
        self.shared[rows] = numbers
        folded = plan.layout.folded
        self.places = [(folded.space[node], int(plan.layout.address[node])) for node in folded.outputs]
        self.every_output = tuple(range(len(self.places)))
        self._bound: OrderedDict[tuple[int, tuple[int, ...], bool], Bound] = OrderedDict()

    # ------------------------------------------------------------ to run

    def __call__(self, *batch: Any) -> Any:
        """Returns the outputs for a batch: an array of one number an example for each output Value.

        A list of outputs comes as one array, with a row for each example. Raises ValueError for inputs of a wrong
        number or shape or with nan, TypeError for what is not numbers, ArithmeticError where a result is not finite.
        """
        with flags_raised():
            columns, size = self.columns(batch)
            self.load()
            bound = self.bind(size)
            self.draws.pull()
            bound.forward(columns)
            self.draws.push()
        return self.collect(bound)

    run = __call__

    def gradients(self, *batch: Any, of: int | None = None, reduce: str = "mean", inputs: bool = False) -> Gradients:
        """Returns the values for a batch, and the derivatives of an output by parameters and, if asked for, inputs.

        `of` is the number of the output, if there are several. With `reduce="mean"` they are the derivatives of the
        mean over all examples, with `"sum"` of the sum. Raises as a call does.
        """
        if reduce not in ("mean", "sum"):
            raise ValueError(f"reduce is 'mean' or 'sum', not {reduce!r}")
        with flags_raised():
            columns, size = self.columns(batch)
            self.load()
            bound = self.bind(size, (self.chosen(of),), inputs)
            self.draws.pull()
            bound.forward(columns)
            bound.backward(columns, 1.0 / size if reduce == "mean" else 1.0)
        self.draws.push()
        by_inputs = None
        if inputs:
            by_inputs = tuple(
                bound.d_rows[start:stop].T.reshape(size, *each.shape).copy()
                for each, (_, start, stop) in zip(self.inputs, self.plan.arguments)
            )
        return Gradients(self.collect(bound), self.d_shared[self.plan.parameter_rows], by_inputs)

    def load(self) -> None:
        """Takes the parameters' numbers from their Values."""
        count = len(self.parameters)
        self.shared[self.plan.parameter_rows] = np.fromiter((each.data for each in self.parameters), float, count)

    def bind(self, size: int, of: tuple[int, ...] = (), wrt_inputs: bool = False) -> Bound:
        """Returns the program with buffers for batches of this size."""
        key = (size, of, wrt_inputs)
        bound = self._bound.pop(key, None) or Bound(self, *key)
        self._bound[key] = bound
        if len(self._bound) > 8:
            self._bound.popitem(last=False)
        return bound

    def chosen(self, of: int | None) -> int:
        """The number of the output to differentiate."""
        count = len(self.places)
        if of is None and count > 1:
            raise ValueError(
                f"the program has {count} outputs; say which one to differentiate: of=0, ..., of={count - 1}"
            )
        if not 0 <= (of or 0) < count:
            raise IndexError(f"the program has outputs 0 to {count - 1}, but of={of}")
        return of or 0

    def columns(self, batch: Sequence[Any]) -> tuple[list[Array], int]:
        """Returns the batch as arrays with a column for each example, and its size; see `__call__` for errors.

        To be called in `flags_raised`.
        """
        if len(batch) != len(self.inputs):
            names = ", ".join(each.name for each in self.inputs)
            raise ValueError(f"the program takes {len(self.inputs)} inputs ({names}), but got {len(batch)}")
        columns = [_columns(each, given) for each, given in zip(self.inputs, batch)]
        size = columns[0].shape[1]
        if any(each.shape[1] != size for each in columns):
            told = ", ".join(f"{each.name} {column.shape[1]}" for each, column in zip(self.inputs, columns))
            raise ValueError(f"all inputs have one entry an example, but their numbers differ: {told}")
        if size == 0:
            raise ValueError("the batch is empty; a program runs on at least one example")
        return columns, size

    def collect(self, bound: Bound) -> Any:
        """The outputs of the last run, in the form that the graph's outputs had."""
        arrays = iter([bound.output(space, row) for space, row in self.places])
        return _formed(self.outputs, arrays)

    # ------------------------------------------------------------ to look at

    @property
    def source(self) -> str:
        """The NumPy source of the program with the gradients of its first output."""
        return self.plan.kernel((0,), False)[0].source

    def summary(self) -> str:
        """Returns what the compiler made of the graph, line by line."""
        emitted, _ = self.plan.kernel((0,), False)
        layout = self.plan.layout
        rows = [
            ("scalar nodes in", f"{self.nodes:,}"),
            ("array instructions out", f"{len(layout.instructions):,}"),
            ("matrix products", f"{emitted.matrix_products:,}"),
            ("lines forward, backward", f"{emitted.forward_lines:,}, {emitted.backward_lines:,}"),
            ("inputs", ", ".join(f"{each.name} {each.shape or ''}".strip() for each in self.inputs)),
            ("parameters", f"{len(self.parameters):,}"),
            ("random leaves", f"{self.plan.random_count:,}"),
            ("buffer", f"{layout.batched_rows:,} numbers an example, {layout.shared_rows:,} for all"),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {told}" for name, told in rows)

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.inputs)
        return (
            f"<Program({names}): {self.nodes:,} scalar nodes in {len(self.plan.layout.instructions):,} instructions,"
            f" {len(self.parameters):,} parameters>"
        )


class Bound:
    """A program with buffers for one size of batch."""

    def __init__(self, program: Program, size: int, of: tuple[int, ...], wrt_inputs: bool) -> None:
        _, bind = program.plan.kernel(of, wrt_inputs)
        self.program, self.size = program, size
        self.shares = np.full(size, 1.0 / size)  # of the examples in a mean
        self.rows, self.d_rows, self.run_forward, self.run_backward = bind(np, program.shared, program.d_shared, size)

    def forward(self, columns: Sequence[Array]) -> None:
        """Runs forward, into `rows` and the program's shared buffer. To be called in `flags_raised`."""
        draws = self.program.draws
        if draws.streams:
            draws.fill(self.rows)
        _flags.clear()
        self.run_forward(*columns)
        if _flags:
            self.refuse_non_finite(columns)

    def backward(self, columns: Sequence[Array], scale: float) -> None:
        """Runs back, from the outputs' gradient `scale`. To be called in `flags_raised`."""
        self.run_backward(*columns, scale)

    def output(self, space: int, row: int) -> Array:
        """A copy of one output's numbers."""
        if space == SHARED:
            return np.full(self.size, self.program.shared[row])
        numbers: Array = self.rows[row].copy()
        return numbers

    def refuse_non_finite(self, columns: Sequence[Array]) -> None:
        """Raises the eager engine's own error for the first number that is not finite though its operands are.

        If there is none, what was not finite was in a branch that was not taken.
        """
        for column, (_, start, stop) in zip(columns, self.program.plan.arguments):
            self.rows[start:stop] = column
        for each in self.program.plan.layout.instructions:
            if each.op is COPY:
                continue
            inside = each.rows[each.nodes >= 0].reshape(-1)
            wrong = ~np.isfinite(self.numbers(each.space, inside))
            for member, example in np.argwhere(wrong):
                place = tuple(int(i) for i in np.argwhere(each.nodes >= 0)[member])
                operands = [self.operands_of(each, i, place, int(example)) for i in range(len(each.operands))]
                flat = [value for one in operands for value in (one if isinstance(one, list) else [one])]
                if all(isfinite(value.data) for value in flat):
                    self.recompute(each.op, operands, int(example))

    def numbers(self, space: int, rows: NDArray[np.int64]) -> Array:
        """The numbers in some rows, for all examples."""
        found: Array = self.rows[rows] if space == BATCHED else np.repeat(self.program.shared[rows, None], self.size, 1)
        return found

    def operands_of(self, each: Instruction, i: int, place: tuple[int, ...], example: int) -> Any:
        """The Values of one operand of one member: labelled, with the numbers that they have in an example."""
        operand = each.operands[i]
        if each.form == "product":
            operand = operand[place] if i == 2 else operand[place[0], place[1 + i]]
        elif each.form == "lookup":
            operand = operand[place[0]] if i else operand[place[1]]
        else:
            operand = operand[place]
        labels = self.program.plan.labels[each.reads[i]]
        flat = np.atleast_1d(operand)
        numbers = self.numbers(each.reads[i], flat)[:, example].tolist()
        values = [Value(0.0 if isnan(x) else x, labels.get(row, "")) for x, row in zip(numbers, flat.tolist())]
        for value, number in zip(values, numbers):
            value.data = number
        return values if np.ndim(operand) else values[0]

    @staticmethod
    def recompute(op: Op, operands: list[Any], example: int) -> None:
        """Has the eager engine do one operation, and tells which example it was if that fails."""
        try:
            with no_grad():
                apply(op, *operands)
        except (ArithmeticError, ValueError) as error:
            raise type(error)(f"{error} (example {example} of the batch)") from None


_flags: list[Any] = []


def flags_raised() -> Any:
    """The context in which programs run: NumPy notes that something was not finite, and says nothing.

    The processor keeps that note anyway, so it costs no time; only when it is there are the results looked through.
    """
    return np.errstate(divide="call", over="call", invalid="call", under="ignore", call=_note)


def _note(kind: str, flag: int) -> None:
    _flags.append(kind)


def _columns(wanted: Input, given: Any) -> Array:
    """One input's batch as an array of a row for each number, a column for each example."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError(f"{wanted.name}: the examples differ in length; all need the shape {wanted.shape}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{wanted.name} needs numbers, but got an array of {array.dtype}: convert it first")
    array = array.astype(np.float64, copy=False)
    if array.shape[1:] != wanted.shape or array.ndim == 0:
        shape = ", ".join(["examples", *map(str, wanted.shape)])
        raise ValueError(f"{wanted.name} needs an array of shape ({shape}), but got {array.shape}")
    flat = array.reshape(-1)
    if isnan(np.dot(flat, flat)):  # a sum of squares is nan if one of them is, and only then
        at = int(np.argwhere(np.isnan(array))[0][0])
        raise ValueError(f"{wanted.name} of example {at} is nan; mend the number or leave out the example")
    columns: Array = (array if array.ndim == 2 else array.reshape(len(array), wanted.size)).T
    return columns


def _formed(form: Any, arrays: Any) -> Any:
    """Arrays in the form of a function's result: one for a Value, a table for a list, a tuple for a tuple."""
    if isinstance(form, tuple):
        return tuple(_formed(each, arrays) for each in form)
    if isinstance(form, list):
        parts = [_formed(each, arrays) for each in form]
        return np.stack(parts, axis=1) if all(isinstance(each, Value) for each in form) else parts
    return next(arrays)
