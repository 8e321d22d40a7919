"""The engine that `fit` uses by default: the graph of one example, run as array code for each batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from micrograd_plus.compiler.frontend import compile_graph, watched
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Array, CompileError
from micrograd_plus.data import Dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.train.engine import Loss, NonFiniteError, Penalty, Prediction, evaluating, numbers_of
from micrograd_plus.train.trainer import TrainState
from micrograd_plus.value import Value

__all__ = ["CompiledEngine"]

_CHUNK = 512
"""So many rows are evaluated at a time, which bounds the memory."""


class CompiledEngine:
    """Runs a batch as arrays, with the results of `EagerEngine` up to rounding; the arguments are the same.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP, SGD, mse_loss
    >>> model = MLP(1, [1])
    >>> engine = CompiledEngine(model, mse_loss, SGD(model.parameters(), lr=0.1))
    >>> first = engine.step(line())
    >>> all(engine.step(line()) < first for _ in range(5))
    True
    """

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, *, penalty: Penalty | None = None,
        clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.model, self.loss, self.optimizer, self.penalty = model, loss, optimizer, penalty
        self.state = TrainState(optimizer, clip_norm=clip_norm, clip_value=clip_value)
        self._modules = list(model.modules())
        self._generators = [each for _, each in model.generators()]
        self._parameters = list(dict.fromkeys([*model.parameters(), *optimizer.parameters]))
        self._programs: dict[tuple[Any, ...], Program] = {}
        self._tables: dict[int, _Table] = {}

    # ------------------------------------------------------------ the protocol

    def prepare(self, data: Dataset) -> None:
        """Compiles model and loss, and holds the result against the model itself on some rows; see `Engine.prepare`."""
        with self._trying_out():
            self.evaluate(data[:1])
            self._training_program(data)
            self._compare_with_eager(data)
        self.load()

    def step(self, data: Dataset, rows: Sequence[int] | None = None) -> float:
        """Returns the mean loss of a batch before the update; see `Engine.step`."""
        table = self._table(data)
        columns = table.columns if rows is None else table.take(rows)
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
        total, predictions = 0.0, []
        for start in range(0, len(data), _CHUNK):
            losses, found = self._run(program, [each[:, start : start + _CHUNK] for each in table.columns])
            total += float(losses.sum())
            predictions += found
        return total / len(data), predictions

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
        """Takes parameters and optimizer state from their homes; see `Engine.load`."""
        self.state.load()

    # ------------------------------------------------------------ programs

    def _training_program(self, data: Dataset) -> Program:
        return self._program(tuple(module.training for module in self._modules), data)

    def _program(self, mode: Any, data: Dataset) -> Program:
        """The program for the form of this data, in one of the modes "evaluate" and "predict", or one of training."""
        target = data.targets[0]
        key = (mode, data.width, len(target) if isinstance(target, list) else type(target) is int)
        if key not in self._programs:
            self._programs[key] = self._compiled(mode, data)
        return self._programs[key]

    def _compiled(self, mode: Any, data: Dataset) -> Program:
        inputs = [Value(x, name) for x, name in zip(data.inputs[0], data.feature_names)]
        target = data.targets[0]
        wanted = [Value(y, f"y{i}") for i, y in enumerate(target)] if isinstance(target, list) else Value(target, "y")
        with self._trying_out(), evaluating(self.model) if isinstance(mode, str) else nullcontext():
            if mode == "predict":
                output, random = watched(self.model, [inputs])
                return compile_graph((_form(output),), [inputs], self._parameters, ["x"], random)
            (loss, output), random = watched(self._loss_and_output, [inputs, wanted])
            if mode == "evaluate":
                outputs = [loss, _form(output)]
            else:
                outputs = [loss] if self.penalty is None else [loss, self.penalty(self.optimizer.parameters)]
            return compile_graph(tuple(outputs), [inputs, wanted], self._parameters, ["x", "y"], random)

    def _loss_and_output(self, inputs: Any, target: Any) -> tuple[Value, Any]:
        output = self.model(inputs)
        return self.loss(output, target), output

    def _run(self, program: Program, columns: Sequence[Array]) -> tuple[Array, list[Prediction]]:
        """The first and the last output of a program, with the parameters as they are in training now."""
        with program.running:
            self.state.use(program)
            bound = program.bind(columns)
            bound.forward(columns)
            *first, last = bound.outputs()
        return (first[0] if first else last), last.tolist()

    def _compare_with_eager(self, data: Dataset) -> None:
        """Raises CompileError if the program and the model itself differ on a row, as where the model looks at data."""
        count = min(len(data), max(4, min(32, 200_000 // self._program("evaluate", data).nodes)))
        rows = [i * len(data) // count for i in range(count)]  # fewer of a model that takes long
        self.load()  # so that both draw alike
        try:
            _, found = self.evaluate(data.take(rows))
        except (ArithmeticError, DomainError):
            return  # a number that is not finite: training comes to it, and tells where
        with evaluating(self.model), no_grad():
            for row, compiled in zip(rows, found):
                eager = numbers_of(self.model([Value(x) for x in data.inputs[row]]))
                if not np.allclose(compiled, eager, rtol=1e-6, atol=1e-9):
                    raise CompileError(
                        f"compiled, the model gives {compiled} for row {row}, and by itself {eager}: it must do other"
                        " things for other data; run it with backend='eager', or choose by maximum, relu or select"
                    )

    @contextmanager
    def _trying_out(self) -> Iterator[None]:
        """Within it, the model may be run; afterwards its generators are as they were."""
        states = [each.getstate() for each in self._generators]
        try:
            yield
        finally:
            for each, state in zip(self._generators, states):
                each.setstate(state)

    # ------------------------------------------------------------ data

    def _table(self, data: Dataset) -> _Table:
        """The data as arrays, which are kept for the last few data sets."""
        table = self._tables.get(id(data))
        if table is None or table.data is not data:
            table = _Table(data)
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
    """A data set as two arrays with a row for each example."""

    def __init__(self, data: Dataset) -> None:
        self.data = data  # kept, so that nothing else comes to have its id
        self.inputs = np.array(data.inputs, float)
        self.targets = np.array(data.targets, float).reshape(len(data), -1)
        self.columns = [self.inputs.T, self.targets.T]

    def take(self, rows: Sequence[int]) -> list[Array]:
        """These rows, with a column for each."""
        return [self.inputs.take(rows, 0).T, self.targets.take(rows, 0).T]


def _form(output: Any) -> Any:
    """A model's output as a program returns it: a list as one table."""
    return list(output) if isinstance(output, (list, tuple)) else output
