"""The state of training for programs in C: an epoch is one call, in which parameters and states change in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from micrograd_plus.compiler.loop_step import StepRule
from micrograd_plus.compiler.native import Library, NativeProgram, aligned
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Array, Integers
from micrograd_plus.compiler.widths import DType
from micrograd_plus.nn.optim import Optimizer
from micrograd_plus.train.state import TrainState

__all__ = ["NativeState", "rates_to_come"]


class NativeState(TrainState):
    """A TrainState whose steps are made by a program's library, as many in a call as are asked for.

    Where the library meets a number that is not finite, the batch is run once more in NumPy, which tells what it was.
    """

    def __init__(
        self, optimizer: Optimizer, *, clip_norm: float | None = None, clip_value: float | None = None,
        dtype: DType = "float64",
    ) -> None:  # fmt: skip
        super().__init__(optimizer, clip_norm=clip_norm, clip_value=clip_value, dtype=dtype)
        group, *others = optimizer.groups
        self.is_alone = not others  # of several groups with rules of their own, NumPy makes the step
        self.step_rule = StepRule(tuple(group.rule.lines), tuple(group.rule.state), dict(group.rule.options))
        # in place as long as the rule's own numbers can't grow by themselves, or by a division by next to nothing
        options = group.rule.options
        self.tame = self.tame and options.get("momentum", 0.0) < 1 and options.get("eps", 1.0) >= 1e-12
        self._libraries: WeakKeyDictionary[Program, dict[int, _Bound]] = WeakKeyDictionary()
        self._grads: Array | None = None
        self.expected = 0  # the rows of a step, if they are known

    def step(self, program: Program, columns: Sequence[Array]) -> float:
        """Does what `Trainer.step` does; see `TrainState.step`."""
        if not isinstance(program, NativeProgram):
            self._grads = None
            return super().step(program, columns)
        size = columns[0].shape[1]
        if not self.is_alone:
            loss, grads = self._gradient_in_c(program, columns)
            program.d_shared[program.plan.parameter_rows] = grads
            self._grads = None
            self.descend(program)
            return loss
        losses: list[float] = []
        self.epoch(program, program.table(columns), np.arange(size), size, losses)
        return losses[0]

    def epoch(self, program: NativeProgram, table: Array, order: Integers, batch: int, losses: list[float]) -> None:
        """Makes an iteration of each `batch` rows of a table, in this order; the last may be shorter.

        Their losses are added to `losses`. Raises as `step` does, when the iterations before the one that fails are
        done.
        """
        self.use(program)
        marks = program.draws.marks()
        draws = program.draws.table(len(order))
        while len(losses) * batch < len(order):
            at = len(losses) * batch
            found = self._run(program, table, order[at:], draws[at:], batch)
            losses += found
            at += len(found) * batch
            if at < len(order):
                program.draws.back_to(marks, at)
                losses.append(self._in_numpy(program, table[order[at : at + batch]]))
                program.draws.back_to(marks, len(order))

    def _run(self, program: NativeProgram, table: Array, order: Integers, draws: Array, batch: int) -> list[float]:
        """The losses of the iterations that the library does before one fails."""
        bound = self._bound(program, batch)
        bound.take(self)
        library, count = bound.library, -(-len(order) // batch)
        order = np.ascontiguousarray(order, np.int64)
        draws = np.ascontiguousarray(draws, library.dtype)
        group = self.optimizer.groups[0]
        rates = np.array(rates_to_come(self.optimizer, lambda: self.optimizer.rate_in(group), count))
        losses = np.empty(count)
        run = library.run
        run.examples, run.batch, run.t, run.tame = len(order), batch, self.optimizer.t, self.tame
        run.order, run.table, run.draws = order.ctypes.data, table.ctypes.data, draws.ctypes.data
        run.rates, run.losses = rates.ctypes.data, losses.ctypes.data
        assert library.epoch is not None
        done: int = library.epoch(run)
        bound.give(self)
        self.optimizer.t += done
        if done:
            self.stepped, self._grads = program, library.d_shared
        found: list[float] = losses[:done].tolist()
        return found

    def _in_numpy(self, program: NativeProgram, table: Array) -> float:
        """Does a step in NumPy, or raises what is wrong with it."""
        bounds = [(start, stop) for _, start, stop in program.plan.arguments]
        columns = [np.ascontiguousarray(table[:, start:stop]).T for start, stop in bounds]
        self.w, self.states = self.w.copy(), [each.copy() for each in self.states]  # out of the library
        self.new_w, self.new_states = np.empty_like(self.w), [np.empty_like(self.w) for _ in self.states]
        self._grads = None
        return super().step(program, columns)

    def last_gradients(self, program: Program) -> Array:
        """Returns the gradients of the last step; see `TrainState.last_gradients`."""
        if self._grads is None:
            return super().last_gradients(program)
        return self._grads[program.plan.parameter_rows].astype(float)

    def gradients(self, program: Program, columns: Sequence[Array]) -> tuple[float, Array]:
        """Returns the mean loss of a batch, and its gradient; see `TrainState.gradients`."""
        if not isinstance(program, NativeProgram):
            return super().gradients(program, columns)
        with program.running:
            return self._gradient_in_c(program, columns)

    def _gradient_in_c(self, program: NativeProgram, columns: Sequence[Array]) -> tuple[float, Array]:
        self.use(program)
        size = columns[0].shape[1]
        library = self._bound(program, self.expected or size).library
        library.shared[self.rows] = self.w
        outputs, grads, _ = program.in_c(columns, library, 1.0 / size, program.every_output)
        return float(np.mean(outputs[0])), grads

    def _bound(self, program: NativeProgram, batch: int) -> _Bound:
        kept, size = self._libraries.setdefault(program, {}), program.tile(batch)
        if size not in kept:
            library = program.new_library(size, program.every_output, rule=self.step_rule)
            kept[size] = _Bound(library, self, program)
        return kept[size]


def rates_to_come(optimizer: Optimizer, rate: Callable[[], float], count: int) -> list[float]:
    """Returns what `rate()` is before each of so many steps to come."""
    if not any(map(callable, optimizer.lrs)):
        return [rate()] * count
    t, found = optimizer.t, []
    try:
        for ahead in range(count):
            optimizer.t = t + ahead
            found.append(rate())
    finally:
        optimizer.t = t
    return found


class _Bound:
    """A library, and where in it the parameters lie; they and the states are moved there where they lie elsewhere."""

    def __init__(self, library: Library, state: NativeState, program: NativeProgram) -> None:
        places, count = state.places[program], len(state.optimizer.parameters)
        self.library, self.rows = library, places.rows
        self.is_whole = places.are_all
        kind, states = library.dtype, len(state.step_rule.states)
        self.block, self.kept = aligned(states * count, kind), aligned((states + 3) * count, kind)
        self.states = [self.block[i * count : (i + 1) * count] for i in range(states)]
        self.w = library.shared[self.rows] if self.is_whole else np.empty(count, kind)
        self.places = None if self.is_whole else np.ascontiguousarray(places.rows, np.int64)
        run = library.run
        run.count, run.places = count, None if self.places is None else self.places.ctypes.data
        run.states, run.kept = self.block.ctypes.data, self.kept.ctypes.data
        run.clip_norm = np.inf if state.clip_norm is None else state.clip_norm
        run.clip_value = np.inf if state.clip_value is None else state.clip_value

    def take(self, state: NativeState) -> None:
        """Brings parameters and states to where the library works on them."""
        if state.w is not self.w:
            self.w[...] = state.w
            state.w = self.w
        if not self.is_whole:
            self.library.shared[: len(state.active.shared)] = state.active.shared  # type: ignore[union-attr]
            self.library.shared[self.rows] = self.w
        for i, (mine, given) in enumerate(zip(self.states, state.states)):
            if given is not mine:
                mine[...] = given
                state.states[i] = mine

    def give(self, state: NativeState) -> None:
        """Brings the parameters back, where the library has them spread."""
        if not self.is_whole:
            self.w[...] = self.library.shared[self.rows]
