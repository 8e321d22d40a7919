"""The engine that `fit` uses by default: the graph of one example, run as array code for each batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

from micrograd_plus.compiler.frontend import compile_graph, refuse_another_graph, watched
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Array, CompileError
from micrograd_plus.compiler.trial import Surroundings, trial
from micrograd_plus.compiler.widths import DType, narrowed
from micrograd_plus.data import Dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.report import numbered
from micrograd_plus.train.engine import EagerEngine, Loss, NonFiniteError, PartedError, Penalty, Prediction, evaluating
from micrograd_plus.train.state import TrainState
from micrograd_plus.value import Value

__all__ = ["CompiledEngine"]

_CHUNK = 512
"""So many rows are evaluated at a time, which bounds the memory."""


TOLERANCES = {"float64": (1e-6, 1e-9), "float32": (1e-3, 1e-4)}
"""By how much a program's numbers of a width may be off: as a part of them, and as one of the largest."""


class CompiledEngine:
    """Runs a batch as arrays, with the results of `EagerEngine` up to rounding; the arguments are the same.

    And `dtype`, the width of the numbers: "float64" or "float32".

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP, SGD, mse_loss
    >>> model = MLP(1, [1])
    >>> engine = CompiledEngine(model, mse_loss, SGD(model.parameters(), lr=0.1))
    >>> first = engine.step(line())
    >>> all(engine.step(line()) < first for _ in range(5))
    True
    """

    backend = "numpy"

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, *, penalty: Penalty | None = None,
        clip_norm: float | None = None, clip_value: float | None = None, dtype: DType = "float64",
    ) -> None:  # fmt: skip
        self.model, self.loss, self.optimizer, self.penalty = model, loss, optimizer, penalty
        self.dtype, self.tolerance = dtype, TOLERANCES[dtype]
        self.state = TrainState(optimizer, clip_norm=clip_norm, clip_value=clip_value, dtype=dtype)
        self._modules = list(model.modules())
        self._parameters = list(dict.fromkeys([*model.parameters(), *optimizer.parameters]))
        self._programs: dict[tuple[Any, ...], Program] = {}
        self._tables: dict[int, _Table] = {}
        self._surroundings = Surroundings(model, loss, penalty, without=["training"])  # a mode has a program of its own
        self._as_traced = self._surroundings.now()
        self._rows = Random(0)  # which ones are audited
        self._audited, self._audit_took, self._on_trial = 0.0, 0.0, False

    # ------------------------------------------------------------ the protocol

    def prepare(self, data: Dataset, batch_size: int = 0) -> None:
        """Compiles model and loss, and holds the result against the model itself on some rows; see `Engine.prepare`."""
        with self._trying_out():
            self.evaluate(data[:1])
            self._training_program(data)
            start = perf_counter()
            self._compare_with_eager(data)
        self.load()
        self._audited, self._audit_took = perf_counter(), perf_counter() - start

    def audit(self, data: Dataset, at_once: bool = False) -> None:
        """Holds the program against the eager engine on rows by chance; see `Engine.audit`.

        On one row if the last audit is 100 times as long ago as a row takes; `at_once`, on as many as a hundredth of
        the time since then pays for.
        """
        start = perf_counter()
        paid = (start - self._audited) / (100 * self._audit_took)
        if at_once or paid > 1:
            rows = self._rows.sample(range(len(data)), max(1, min(int(paid), len(data))) if at_once else 1)
            self.sync()
            try:
                with self._trying_out():
                    self._compare(self._gradients(data.take(rows)))
            except CompileError as error:
                raise PartedError(str(error)) from error
            self.load()
            self._audited = perf_counter()
            self._audit_took = (self._audited - start) / len(rows)

    def step(self, data: Dataset, rows: Sequence[int] | None = None) -> float:
        """Returns the mean loss of a batch before the update; see `Engine.step`."""
        columns = self._table(data).take(rows)
        program = self._training_program(data)
        try:
            with program.running:
                return self.state.step(program, columns)
        except (ArithmeticError, DomainError) as error:
            raise NonFiniteError(str(error)) from error

    def evaluate(self, data: Dataset) -> tuple[float, list[Prediction]]:
        """Returns the mean loss over all rows and each prediction; see `Engine.evaluate`."""
        table = self._table(data)
        program = self._program("evaluate", data)
        columns, shares = table.columns, np.array(data.shares(range(len(data))))
        mean, predictions = 0.0, []
        for chunk in (slice(start, start + _CHUNK) for start in range(0, len(data), _CHUNK)):
            losses, found = self._run(program, [each[:, chunk] for each in columns])
            mean += float(losses @ shares[chunk])
            predictions += found
        return mean, predictions

    def predict(self, inputs: Sequence[Sequence[float]]) -> list[Prediction]:
        """Returns the prediction for each row of inputs; see `Engine.predict`."""
        if not len(inputs):
            return []
        program = self._program("predict", Dataset([list(inputs[0])], [0.0]))
        with program.running:
            (columns,) = program.columns([inputs])
        chunks = [columns[:, start : start + _CHUNK] for start in range(0, len(inputs), _CHUNK)]
        return [each for chunk in chunks for each in self._run(program, [chunk])[1]]

    def sync(self) -> None:
        """Writes parameters, gradients and optimizer state back; see `Engine.sync`."""
        self.state.sync()

    def load(self) -> None:
        """Takes parameters and optimizer state from their homes; see `Engine.load`.

        Where a callback has changed what model or loss use, such as a temperature, they are traced anew.
        """
        self.state.load()
        if self._surroundings.now() != self._as_traced:
            self._programs.clear()
            self._as_traced = self._surroundings.now()

    # ------------------------------------------------------------ programs

    def _training_program(self, data: Dataset) -> Program:
        return self._program(tuple(module.training for module in self._modules), data)

    def _program(self, mode: Any, data: Dataset) -> Program:
        """The program for the form of this data, in one of the modes "evaluate" and "predict", or one of training."""
        target = data.targets[0]
        form = len(target) if isinstance(target, list) else type(target) is int
        key = (mode, data.width, form, data.weights is not None)
        if key not in self._programs:
            self._programs[key] = self._compiled(mode, data)
        return self._programs[key]

    def _compiled(self, mode: Any, data: Dataset) -> Program:
        """The program of one row's graph; the graph of another row must be the same."""
        another = next((row for row, y in enumerate(data.targets) if y != data.targets[0]), len(data) - 1)
        with self._trying_out():
            leaves, outputs, random = self._traced(mode, data, 0)
            with suppress(ArithmeticError, DomainError):  # training may come to that row, and tells
                refuse_another_graph((outputs, leaves), self._traced(mode, data, another)[1::-1])
        if isinstance(mode, tuple) and data.weights is not None:
            weight, (loss, *penalty) = Value(1.0, "weight"), outputs
            leaves, outputs = [*leaves, weight], (loss * weight, *penalty)
        names = ["x", "y", "weight"][: len(leaves)]
        return self._graph_compiled(mode, outputs, leaves, self._parameters, names, random)

    def _graph_compiled(self, mode: Any, *graph: Any) -> Program:
        """The program of a graph in a mode; other backends make others."""
        outputs, leaves, parameters, names, random = graph
        return compile_graph(outputs, leaves, parameters, names, random, dtype=self.dtype)

    def _traced(self, mode: Any, data: Dataset, row: int) -> tuple[list[Any], tuple[Any, ...], list[Value]]:
        """The inputs of a row's graph, its outputs in a mode, and its random leaves."""
        inputs = [Value(x, name) for x, name in zip(data.inputs[row], data.feature_names)]
        target = data.targets[row]
        wanted = (
            [Value(y, numbered("y", i)) for i, y in enumerate(target)]
            if isinstance(target, list)
            else Value(target, "y")
        )

        def function(inputs: Any, target: Any) -> tuple[Any, ...]:
            output = self.model(inputs)
            if mode == "predict":
                return (_form(output),)
            loss = self.loss(output, target)
            if mode == "evaluate":
                return loss, _form(output)
            return (loss,) if self.penalty is None else (loss, self.penalty(self.optimizer.parameters))

        try:
            with evaluating(self.model) if isinstance(mode, str) else nullcontext():
                outputs, random = watched(function, [inputs, wanted], self._parameters, numbers=wanted)
        except (ArithmeticError, CompileError, DomainError):
            raise
        except Exception as error:
            raise CompileError(f"traced, it raises {type(error).__name__}: {error}") from error
        return [inputs] if mode == "predict" else [inputs, wanted], outputs, random

    def _run(self, program: Program, columns: Sequence[Array]) -> tuple[Array, list[Prediction]]:
        """The first and the last output of a program, with the parameters as they are in training now."""
        with program.running:
            self.state.use(program)
            bound = program.bind(columns)
            bound.forward(columns)
            *first, last = bound.outputs()
        return (first[0] if first else last), last.tolist()

    def _compare_with_eager(self, data: Dataset) -> None:
        """Raises CompileError unless the programs give on some rows what model and loss themselves give.

        In use, predictions and losses; in training, the loss and its gradient, with the same random numbers.
        """
        chosen = data.take(self._sample(data))
        self.load()  # so that both draw alike
        self._compare(self._evaluations(chosen))
        self._compare(self._gradients(chosen))

    def _compare(self, numbers: Iterator[tuple[str, Any, Any]]) -> None:
        rtol, atol = self.tolerance
        try:
            for name, compiled, eager in numbers:
                if not np.allclose(compiled, eager, rtol=rtol, atol=atol * max(1.0, np.max(np.abs(eager)))):
                    raise CompileError(
                        f"compiled, {name} is {compiled}, and by itself {eager}: it must do other things for other"
                        " data; run it with backend='eager', or choose by maximum, relu or select"
                    )
        except (ArithmeticError, DomainError):
            return  # a number that is not finite: training comes to it, and tells where

    def _sample(self, data: Dataset) -> list[int]:
        """Rows to compare: from all over the data, fewer of a model that takes long; its extremes; a row a class."""
        count = min(len(data), max(2, min(8, 20_000 // self._program("evaluate", data).nodes)))
        classes = {y: row for row, y in enumerate(data.targets) if type(y) is int}
        inputs = self._table(data).inputs
        with np.errstate(all="ignore"):
            far = np.abs(inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-300)
        extremes = [int(far.max(axis=1).argmax()), int(far.sum(axis=1).argmin())]
        spread = [i * len(data) // count for i in range(count)]
        return [*dict.fromkeys([*spread, *extremes, *list(classes.values())[:100]])]

    def _evaluations(self, data: Dataset) -> Iterator[tuple[str, Any, Any]]:
        loss, predictions = self.evaluate(data)
        eager = EagerEngine(self.model, self.loss, self.optimizer)
        eager_loss, eager_predictions = eager.evaluate(data)
        yield "a prediction", *_most_apart(predictions, eager_predictions)
        yield "the loss", loss, eager_loss

    def _gradients(self, data: Dataset) -> Iterator[tuple[str, Any, Any]]:
        program = self._training_program(data)
        loss, compiled = self.state.gradients(program, _Table(data, self.dtype).take())
        eager_loss, found = EagerEngine(self.model, self.loss, self.optimizer, penalty=self.penalty).gradients(data)
        yield "the loss in training", loss, eager_loss
        yield "a gradient", *_most_apart(compiled.tolist(), [found.get(each, 0.0) for each in program.parameters])

    @contextmanager
    def _trying_out(self) -> Iterator[None]:
        """Within it, the model may be run; afterwards all that it draws from and counts with is as it was."""
        if self._on_trial:
            yield
            return
        self._on_trial = True
        try:
            with trial(self.model, self.loss, self.penalty):
                yield
        finally:
            self._on_trial = False

    # ------------------------------------------------------------ data

    def _table(self, data: Dataset) -> _Table:
        """The data as arrays, which are kept for the last few data sets."""
        table = self._tables.get(id(data))
        if table is None or table.data is not data:
            table = _Table(data, self.dtype)
            self._refuse_targets(data)
            self._tables[id(data)] = table
            if len(self._tables) > 8:
                self._tables.pop(next(iter(self._tables)))
        return table

    def _refuse_targets(self, data: Dataset) -> None:
        """Has the loss look at every different target once, so that it refuses what it would refuse eagerly."""
        with evaluating(self.model), no_grad(), self._trying_out():
            output = self.model([Value(x) for x in data.inputs[0]])
            for target in {tuple(y) if isinstance(y, list) else y for y in data.targets}:
                self.loss(output, list(target) if isinstance(target, tuple) else target)


class _Table:
    """A data set as two arrays with a row for each example, of a width."""

    def __init__(self, data: Dataset, dtype: DType) -> None:
        self.data = data  # kept, so that nothing else comes to have its id
        self.inputs = narrowed(data.inputs, dtype, "an input")
        self.targets = narrowed(data.targets, dtype, "a target").reshape(len(data), -1)
        self.columns = [self.inputs.T, self.targets.T]

    def take(self, rows: Sequence[int] | None = None) -> list[Array]:
        """What a training program is given of some rows, or all, a column for each; with weights their shares too."""
        taken = self.columns if rows is None else [self.inputs.take(rows, 0).T, self.targets.take(rows, 0).T]
        if self.data.weights is None:
            return taken
        shares = np.array([self.data.shares(range(len(self.inputs)) if rows is None else rows)], self.inputs.dtype)
        return [*taken, shares.size * shares]  # the program's mean divides by the number of rows


def _form(output: Any) -> Any:
    """A model's output as a program returns it: a list as one table."""
    return list(output) if isinstance(output, (list, tuple)) else output


def _most_apart(compiled: Sequence[Any], eager: Sequence[Any]) -> tuple[Any, Any]:
    """The two entries that differ most."""
    apart = np.abs(np.array(compiled, float) - np.array(eager, float)).reshape(len(eager), -1).max(axis=1)
    worst = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
    return compiled[worst], eager[worst]
