"""The engine behind `backend="c"`: an epoch is one call of a library that was compiled for the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from time import perf_counter
from typing import Any

import numpy as np

from micrograd_plus.compiler.frontend import compile_graph
from micrograd_plus.compiler.native import NativeProgram
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Array
from micrograd_plus.compiler.widths import DType
from micrograd_plus.data import Dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.train.compiled import CompiledEngine
from micrograd_plus.train.engine import Loss, NonFiniteError, Penalty
from micrograd_plus.train.native_state import NativeState, rates_to_come

__all__ = ["NativeEngine"]

_PATIENCE = 0.1
"""So many seconds a call may take, about: then a bar can move, and an interrupt is heard."""


class NativeEngine(CompiledEngine):
    """Trains by a program in C; the arguments are those of a `CompiledEngine`.

    What is evaluated and predicted between, in evaluation mode, is run as array code.
    """

    backend = "c"

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, *, penalty: Penalty | None = None,
        clip_norm: float | None = None, clip_value: float | None = None, dtype: DType = "float64",
    ) -> None:  # fmt: skip
        bounds: dict[str, Any] = {"clip_norm": clip_norm, "clip_value": clip_value, "dtype": dtype}
        super().__init__(model, loss, optimizer, penalty=penalty, **bounds)
        self.state: NativeState = NativeState(optimizer, **bounds)
        self._joined: dict[int, tuple[Any, Array]] = {}
        self._pace = 0.0  # the seconds that an iteration takes

    def prepare(self, data: Dataset, batch_size: int = 0) -> None:
        """Compiles model and loss for steps of this size, and compares; see `Engine.prepare`."""
        self.state.expected = min(batch_size, len(data))
        super().prepare(data, batch_size)

    def step(self, data: Dataset, rows: Sequence[int] | None = None) -> float:
        """Returns the mean loss of a batch before the update; see `Engine.step`."""
        order: Sequence[int] = range(len(data)) if rows is None else rows
        losses: list[float] = []
        self._train(data, order, len(order), losses)
        return losses[0]

    def epoch(self, data: Dataset, batches: Sequence[Sequence[int]]) -> Iterator[tuple[list[float], list[float]]]:
        """Does what `step` does for each batch, and yields losses and learning rates, of as many as a call has made.

        All batches but the last are of one size.
        """
        start, size = 0, len(batches[0])
        if not self.state.is_alone:
            for rows in batches:
                rate = self.optimizer.rate
                yield [self.step(data, rows)], [rate]
            return
        while start < len(batches):
            count = max(1, int(_PATIENCE / self._pace)) if self._pace else 16
            chosen = batches[start : start + count]
            began, rates = perf_counter(), rates_to_come(self.optimizer, lambda: self.optimizer.rate, len(chosen))
            losses: list[float] = []
            try:
                self._train(data, list(chain.from_iterable(chosen)), size, losses)
            except NonFiniteError:
                if losses:
                    yield losses, rates
                raise
            yield losses, rates
            self._pace = (perf_counter() - began) / len(chosen)
            start += len(chosen)

    def _train(self, data: Dataset, order: Sequence[int], batch: int, losses: list[float]) -> None:
        program = self._training_program(data)
        if not isinstance(program, NativeProgram) or not self.state.is_alone:
            for start in range(0, len(order), batch):
                losses.append(super().step(data, order[start : start + batch]))
            return
        try:
            with program.running:
                if data.weights is None:
                    table, places = self._whole_table(data, program), np.asarray(order, np.int64)
                else:
                    table, places = self._weighed_table(data, program, order, batch), np.arange(len(order))
                self.state.epoch(program, table, places, batch, losses)
        except (ArithmeticError, DomainError) as error:
            raise NonFiniteError(str(error)) from error

    def _whole_table(self, data: Dataset, program: NativeProgram) -> Array:
        """Inputs and targets as the library takes them, kept as long as the tables are."""
        table = self._table(data)
        if self._joined.get(id(data), (None,))[0] is not table:
            self._joined = {id(data): (table, program.table(table.columns))}
        return self._joined[id(data)][1]

    def _weighed_table(self, data: Dataset, program: NativeProgram, order: Sequence[int], batch: int) -> Array:
        """The rows in this order with their shares, which hang on the batch that a row is in."""
        table, starts = self._table(data), range(0, len(order), batch)
        return np.concatenate([program.table(table.take(order[start : start + batch])) for start in starts])

    def _graph_compiled(self, mode: Any, *graph: Any) -> Program:
        if isinstance(mode, str):
            return super()._graph_compiled(mode, *graph)
        outputs, leaves, parameters, names, random = graph
        return compile_graph(outputs, leaves, parameters, names, random, backend="c", dtype=self.dtype)
