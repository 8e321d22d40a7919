"""A Program runs what was one example's scalar graph on a whole batch, as arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from threading import Lock
from typing import Any

import numpy as np

from micrograd_plus.compiler.dialects import C99, JAVASCRIPT
from micrograd_plus.compiler.fold import BATCHED
from micrograd_plus.compiler.loop_program import loop_program, module_source
from micrograd_plus.compiler.loop_step import PLAIN
from micrograd_plus.compiler.plan import Input, Plan
from micrograd_plus.compiler.runtime import Draws
from micrograd_plus.compiler.trace import Array, Trace
from micrograd_plus.compiler.widths import DType, narrowed
from micrograd_plus.mode import no_grad
from micrograd_plus.report import Table
from micrograd_plus.value import Value, apply

__all__ = ["Bound", "Gradients", "Program", "formed"]


@dataclass(frozen=True)
class Gradients:
    """Values and derivatives of one run.

    `values` is what the program returns; `parameters` has the derivative by each of the program's parameters, in their
    order; `inputs` that by each input, example by example, in the shapes of the inputs (None unless asked for).
    """

    values: Any
    parameters: Array
    inputs: tuple[Array, ...] | None = None


class _Running:
    """The context in which a program runs: one thread at a time, and NumPy notes what is not finite and says nothing.

    The processor keeps that note anyway, so it costs no time; only when it is there are the results looked through.
    """

    def __init__(self) -> None:
        self.flagged = False
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._errors = np.errstate(divide="call", over="call", invalid="call", under="ignore", call=self._flag)
        self._errors.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._errors.__exit__(*error)
        self._lock.release()

    def _flag(self, kind: str, flag: int) -> None:
        self.flagged = True


class Program:
    """A graph of one example, turned into array code that runs it for a batch of examples.

    Made by `compile`. Call it with an array (or nested list) for each of its `inputs`, with the examples along the
    first axis. `parameters` are the Values that the graph's parameters are; each run reads their numbers. `source` is
    the NumPy code.
    """

    backend = "numpy"

    def __init__(
        self,
        plan: Plan,
        trace: Trace,
        parameters: Sequence[Value],
        inputs: Sequence[Input],
        outputs: Any,
        *,
        dtype: DType = "float64",
    ) -> None:
        self.plan, self.inputs, self.parameters = plan, list(inputs), list(parameters)
        self.outputs, self.dtype = outputs, dtype
        self.nodes, self.example = len(trace), trace.data[trace.inputs]
        self.draws = Draws(trace.draws, plan.input_count)
        self.shared, self.d_shared = (np.zeros(plan.layout.shared_rows, dtype) for _ in "vd")
        rows, numbers = plan.constants
        self.shared[rows] = narrowed(numbers, dtype, "a number of the graph")
        self.every_output = tuple(range(len(plan.layout.folded.outputs)))
        self.running = _Running()
        self._bound: OrderedDict[tuple[int, tuple[int, ...], bool], Bound] = OrderedDict()

    # ------------------------------------------------------------ to run

    def __call__(self, *batch: Any) -> Any:
        """Returns the outputs for a batch: an array of one number an example for each output Value.

        A list of outputs comes as one array, with a row for each example. Raises ValueError for inputs of a wrong
        number or shape or with nan, TypeError for what is not numbers, ArithmeticError where a result is not finite.
        """
        with self.running:
            return self._run(batch).outputs()

    def gradients(self, *batch: Any, of: int | None = None, reduction: str = "mean", inputs: bool = False) -> Gradients:
        """Returns the values for a batch, and the derivatives of an output by parameters and, if asked for, inputs.

        `of` is the number of the output, if there are several. With `reduction="mean"` they are the derivatives of the
        mean over all examples, with `"sum"` of the sum. Raises as a call does.
        """
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction is 'mean' or 'sum', not {reduction!r}")
        with self.running:
            bound = self._run(batch, (self._chosen(of),), inputs, mean=reduction == "mean")
            by_inputs = [bound.d_rows[start:stop].T for _, start, stop in self.plan.arguments] if inputs else []
            shaped = tuple(d.reshape(bound.size, *each.shape).astype(float) for d, each in zip(by_inputs, self.inputs))
            by_parameters = self.d_shared[self.plan.parameter_rows].astype(float, copy=False)
            return Gradients(bound.outputs(), by_parameters, shaped if inputs else None)

    def _run(
        self, batch: Sequence[Any], of: tuple[int, ...] = (), wrt_inputs: bool = False, mean: bool = True
    ) -> Bound:
        """Runs a batch with the numbers that the parameters, and the states that the generators, now have."""
        columns = self.columns(batch)
        self.load()
        self.draws.pull()
        bound = self.bind(columns, of, wrt_inputs)
        bound.forward(columns)
        bound.refuse_nan(columns)
        if of:
            bound.backward(columns, 1.0 / bound.size if mean else 1.0)
        self.draws.push()
        return bound

    def load(self) -> None:
        """Takes the parameters' numbers from their Values."""
        count = len(self.parameters)
        numbers = np.fromiter((each.data for each in self.parameters), float, count)
        self.shared[self.plan.parameter_rows] = narrowed(numbers, self.dtype, "a parameter")

    def columns(self, batch: Sequence[Any]) -> list[Array]:
        """Returns the batch as arrays with a column for each example; see `__call__` for errors."""
        if len(batch) != len(self.inputs):
            names = ", ".join(each.name for each in self.inputs)
            raise ValueError(f"the program takes {len(self.inputs)} inputs ({names}), but got {len(batch)}")
        columns = [_columns(each, given, self.dtype) for each, given in zip(self.inputs, batch)]
        size = columns[0].shape[1]
        if any(each.shape[1] != size for each in columns):
            told = ", ".join(f"{each.name} {column.shape[1]}" for each, column in zip(self.inputs, columns))
            raise ValueError(f"all inputs have one entry an example, but their numbers differ: {told}")
        if size == 0:
            raise ValueError("the batch is empty; a program runs on at least one example")
        return columns

    def bind(self, columns: Sequence[Array], of: tuple[int, ...] = (), wrt_inputs: bool = False) -> Bound:
        """Returns the program with buffers for batches of this size."""
        key = (columns[0].shape[1], of, wrt_inputs)
        bound = self._bound.pop(key, None) or Bound(self, *key)
        self._bound[key] = bound
        if len(self._bound) > 8:
            self._bound.popitem(last=False)
        return bound

    def _chosen(self, of: int | None) -> int:
        """The number of the output to differentiate."""
        count = len(self.every_output)
        if of is None and count > 1:
            raise ValueError(
                f"the program has {count} outputs; say which one to differentiate: of=0, ..., of={count - 1}"
            )
        if not 0 <= (of or 0) < count:
            raise IndexError(f"the program has outputs 0 to {count - 1}, but of={of}")
        return of or 0

    # ------------------------------------------------------------ to look at

    @property
    def source(self) -> str:
        """The NumPy source of the program with the gradients of its first output."""
        return self.plan.kernel((0,), False)[0].source

    @property
    def c_source(self) -> str:
        """The program in C, as loops for B examples at a time, with the gradients of its first output."""
        program = loop_program(self.plan, C99, 32)
        return f"// {self!r}\n// B examples at a time lie side by side: B = {program.size}\n\n{program.text}"

    @property
    def js_source(self) -> str:
        """The program as a JavaScript module of pure functions over Float64Arrays: forward, gradients and step.

        Parameters come in the order of `parameters`; inputs, example by example, in that of `inputs`; and the random
        leaves' numbers as `draws`. `step` does plain gradient descent.
        """
        return module_source(loop_program(self.plan, JAVASCRIPT, 1, PLAIN, wrt_inputs=True), self.plan)

    def summary(self) -> Table:
        """Returns a table of what the compiler made of the graph; `print` it."""
        emitted, _ = self.plan.kernel((0,), False)
        layout = self.plan.layout
        rows = (
            ("scalar nodes in", self.nodes),
            ("array instructions out", layout.count),
            ("matrix products", emitted.matrix_products),
            ("lines forward, backward", f"{emitted.forward_lines:,}, {emitted.backward_lines:,}"),
            ("inputs", ", ".join(f"{each.name} {each.shape or ''}".strip() for each in self.inputs)),
            ("parameters", len(self.parameters)),
            ("random leaves", self.plan.random_count),
            ("buffer", f"{layout.batched_rows:,} numbers an example, {layout.shared_rows:,} for all"),
        )
        return Table(("what", "how much"), rows)

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.inputs)
        return (
            f"<Program({names}): {self.nodes:,} scalar nodes in {self.plan.layout.count:,} instructions,"
            f" {len(self.parameters):,} parameters>"
        )


class Bound:
    """A program with buffers for one size of batch. All is to be called while the program is `running`."""

    def __init__(self, program: Program, size: int, of: tuple[int, ...], wrt_inputs: bool) -> None:
        _, bind = program.plan.kernel(of, wrt_inputs)
        self.program, self.size = program, size
        self.shares = np.full(size, 1.0 / size)  # of the examples in a mean, which has 64 bits
        self.rows, self.d_rows, self._forward, self._backward = bind(np, program.shared, program.d_shared, size)
        self._outputs = [self._numbers(node) for node in program.plan.layout.folded.outputs]

    def forward(self, columns: Sequence[Array]) -> None:
        """Runs forward, into `rows` and the program's shared buffer. Raises as a call of the program does."""
        program = self.program
        if program.draws.streams:
            program.draws.fill(self.rows)
        program.running.flagged = False
        self._forward(*columns)
        if program.running.flagged:
            self._refuse_non_finite(columns)

    def refuse_nan(self, columns: Sequence[Array]) -> None:
        """Raises the eager engine's own error if an output is nan: not every function of NumPy flags an infinity."""
        if any(isnan(np.dot(each, each)) for each in self._outputs):
            self._refuse_non_finite(columns)

    def backward(self, columns: Sequence[Array], scale: float) -> None:
        """Runs back, from the outputs' gradient `scale`."""
        self._backward(*columns, scale)

    def outputs(self) -> Any:
        """Returns the outputs of the last run, in the form that the graph's outputs had."""
        return formed(self.program.outputs, (np.array(each, float) for each in self._outputs))

    def numbers(self) -> list[Array]:
        """Returns the outputs of the last run, one after the other."""
        return self._outputs

    def mean(self) -> float:
        """Returns the mean of the first output over the batch."""
        return float(np.dot(self._outputs[0], self.shares))

    def _numbers(self, node: int) -> Array:
        """The numbers of a node of the folded graph, example by example, as they lie in the buffers."""
        layout = self.program.plan.layout
        row = int(layout.address[node])
        if layout.folded.space[node] == BATCHED:
            return np.asarray(self.rows[row])
        if node in layout.folded.constants:
            return np.full(self.size, layout.folded.constants[node], self.rows.dtype)
        return np.broadcast_to(self.program.shared[row : row + 1], self.size)

    def _refuse_non_finite(self, columns: Sequence[Array]) -> None:
        """Raises the eager engine's own error for the first nan of operands that are none, or infinity of finite ones.

        If there is none, what was not finite was in a branch that was not taken.
        """
        plan = self.program.plan
        for column, (_, start, stop) in zip(columns, plan.arguments):
            self.rows[start:stop] = column
        order, place = plan.computed
        wrong = ~np.concatenate([np.isfinite(self.rows).all(axis=1), np.isfinite(self.program.shared)])[place]
        for node in order[wrong].tolist():
            operands = plan.layout.folded.operands[node]
            numbers = np.stack([self._numbers(child) for group in operands for child in group])
            result = self._numbers(node)
            is_new = np.where(np.isnan(result), ~np.isnan(numbers).any(axis=0), np.isfinite(numbers).all(axis=0))
            failed = np.flatnonzero(~np.isfinite(result) & is_new)
            if failed.size:
                self._recompute(node, numbers[:, failed[0]].tolist(), int(failed[0]))

    def _recompute(self, node: int, numbers: list[float], example: int) -> None:
        """Has the eager engine do one operation, and tells which example it was if that fails, or if it does not."""
        folded = self.program.plan.layout.folded
        labels = folded.trace.labels
        children = [child for group in folded.operands[node] for child in group]
        values = [Value(x, labels[each] if each < len(labels) else "") for x, each in zip(numbers, children)]
        try:
            with no_grad():
                found = apply(folded.op[node], *folded.op[node].groups(values)).data
            name = folded.op[node].name
            if self.program.dtype == "float32" and np.finfo(np.float32).max < abs(found) < inf:
                raise FloatingPointError(f"a {name} is {found:.4g}, too large for 32 bits; use dtype='float64'")
            # eagerly it is a number: infinity times one of the zeros that fill up short sums, or NumPy's other opinion
            raise FloatingPointError(
                f"compiled, a {name} that is {found:.4g} is lost to an infinity beside it; run it eagerly"
            )
        except (ArithmeticError, ValueError) as error:
            raise type(error)(f"{error} (example {example} of the batch)") from None


def _columns(wanted: Input, given: Any, dtype: DType) -> Array:
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
    array = narrowed(array, dtype, f"an entry of {wanted.name}")
    columns: Array = (array if array.ndim == 2 else array.reshape(len(array), wanted.size)).T
    return columns


def formed(form: Any, arrays: Any) -> Any:
    """Returns arrays in the form of a function's result: one for a Value, a table for a list, a tuple for a tuple."""
    if isinstance(form, tuple):
        return tuple(formed(each, arrays) for each in form)
    if isinstance(form, list):
        parts = [formed(each, arrays) for each in form]
        return np.stack(parts, axis=1) if all(isinstance(each, Value) for each in form) else parts
    return next(arrays)
