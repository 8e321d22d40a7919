"""A Trainer steps the parameters of a Program by an Optimizer, all on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.fold import SHARED
from micrograd_plus.compiler.frontend import Compiled
from micrograd_plus.compiler.program import Array, Bound, Program, flags_raised
from micrograd_plus.compiler.update import update_function
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer

__all__ = ["Trainer"]


class Trainer:
    """Runs training steps of a compiled loss: forward, backward, clipping, update.

    The program's first output is the loss of one example, whose mean over the batch is minimised; a second one is added
    to the gradient and not to the loss that is reported, as a penalty is. While it trains, parameters and optimizer
    state are arrays of its own: `sync` writes them back to the Values and the optimizer, `load` takes them from there.

    >>> from micrograd_plus import Value
    >>> from micrograd_plus.compiler import compile
    >>> from micrograd_plus.nn import SGD, Parameter
    >>> w, x, y = Parameter(0.0, "w"), Value(1.0, "x"), Value(2.0, "y")
    >>> trainer = Trainer(compile((w * x - y) ** 2, inputs=[x, y]), SGD([w], lr=0.25))
    >>> trainer.step([1.0, 1.0], [2.0, 2.0]), trainer.step([1.0, 1.0], [2.0, 2.0])
    (4.0, 1.0)
    >>> trainer.sync()
    >>> w
    Value(1.5, grad=-2, label='w')
    """

    def __init__(
        self, target: Program | Compiled | None, optimizer: Optimizer, *,
        clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.target, self.optimizer = target, optimizer
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.update = update_function(optimizer.rule, len(optimizer.parameters))
        self.new_w = np.empty(len(optimizer.parameters))
        # the rules of this package divide by nothing that comes near 0 but for the eps that is added to it
        self.tame = type(optimizer) in OPTIMIZERS.values() and optimizer.options.get("eps", 1.0) > 1e-30
        self.state: list[Array] = []
        self.new_state: list[Array] = []
        self.active: Program | None = None
        self._places: dict[Program, _Places] = {}

    # ------------------------------------------------------------ where the numbers are

    def use(self, program: Program) -> None:
        """Makes a program the one that is stepped, with parameters and state as they are now."""
        if program is self.active:
            return
        new = self.places(program)
        if self.active is None:
            self.active = program
            self.load()
            return
        old = self.places(self.active)
        self.lend(program)
        self.state = [numbers[old.back][new.order] for numbers in self.state]
        if program.draws.streams or self.active.draws.streams:
            self.active.draws.push()
            program.draws.pull()
        self.active = program

    def lend(self, program: Program) -> None:
        """Gives a program the parameters as they are now."""
        if self.active is None:
            program.load()
        elif program is not self.active:
            if program.parameters != self.active.parameters:
                raise ValueError("the programs have other parameters; compile them with the same `parameters`")
            program.shared[program.plan.parameter_rows] = self.active.shared[self.active.plan.parameter_rows]

    def places(self, program: Program) -> _Places:
        """Where the optimizer's parameters lie in a program."""
        if program not in self._places:
            self._places[program] = _Places.of(program, self.optimizer)
        return self._places[program]

    def load(self) -> None:
        """Takes parameters, optimizer state and random generators from their homes."""
        if self.active is not None:
            self.active.load()
            self.active.draws.pull()
            order = self.places(self.active).order
            self.state = [np.array(numbers)[order] for numbers in self.optimizer.state.values()]
            self.new_state = [np.empty_like(numbers) for numbers in self.state]

    def sync(self) -> None:
        """Writes parameters, the gradients of the last step, and optimizer state back to their homes."""
        if self.active is None:
            return
        program = self.active
        rows = program.plan.parameter_rows
        for each, data, grad in zip(program.parameters, program.shared[rows].tolist(), program.d_shared[rows].tolist()):
            each.data, each.grad = data, grad
        back = self.places(program).back
        self.optimizer.state = {name: new[back].tolist() for name, new in zip(self.optimizer.state, self.state)}
        program.draws.push()

    # ------------------------------------------------------------ to train

    def step(self, *batch: Any) -> float:
        """Returns the mean loss of a batch, taken before the update that it then makes.

        Raises what running the program raises, and FloatingPointError where a gradient or a new parameter is not
        finite; then parameters and state are as before.
        """
        if self.target is None:
            raise ValueError("this trainer was made without a program; make it as Trainer(program, optimizer)")
        program = self.target if isinstance(self.target, Program) else self.target.program(*batch)
        with flags_raised():
            columns, size = program.columns(batch)
            self.use(program)
            return self._step(columns, size)

    def step_columns(self, columns: Sequence[Array], size: int) -> float:
        """The same for inputs of the program in use that are checked, with a column for each example."""
        with flags_raised():
            return self._step(columns, size)

    def _step(self, columns: Sequence[Array], size: int) -> float:
        program = self.active
        assert program is not None
        rows = self.places(program).rows
        bound = program.bind(size, program.every_output)
        bound.forward(columns)
        bound.run_backward(*columns, 1.0 / size)
        loss = self.mean(bound)
        w, g = program.shared[rows], program.d_shared[rows]
        self.clip(g)
        t, rate = self.optimizer.t + 1, self.optimizer.rate
        # a step that can't fail writes over the states; any other one leaves them until its result is seen to be finite
        certain = self.tame and rate < 1e50 and np.dot(g, g) < 1e100
        self.update(w, g, t, rate, *self.state, self.new_w, *(self.state if certain else self.new_state))
        if not isfinite(np.dot(self.new_w, self.new_w)):  # then one is not finite, or very large
            self.refuse(program, g, rate)
        program.shared[rows] = self.new_w
        if not certain:
            self.state, self.new_state = self.new_state, self.state
        self.optimizer.t = t
        return loss

    @staticmethod
    def mean(bound: Bound) -> float:
        """The mean of the first output over the batch."""
        space, row = bound.program.places[0]
        if space == SHARED:
            return float(bound.program.shared[row])
        return float(np.dot(bound.rows[row], bound.shares))

    def clip(self, g: Array) -> None:
        """Bounds the gradient: its length first, then each number."""
        if self.clip_norm is not None:
            scale = self.clip_norm / (float(np.sqrt(np.dot(g, g))) + 1e-6)
            if scale < 1:
                np.multiply(g, scale, out=g)
        if self.clip_value is not None:
            np.clip(g, -self.clip_value, self.clip_value, out=g)

    def refuse(self, program: Program, g: Array, rate: float) -> None:
        """Raises FloatingPointError that names a parameter whose gradient or new number is not finite."""
        ordered = [self.optimizer.parameters[i] for i in self.places(program).order.tolist()]
        for kind, numbers in (("the gradient of", g), (f"with lr = {rate:g} the update of", self.new_w)):
            wrong = np.flatnonzero(~np.isfinite(numbers))
            if len(wrong):
                name = ordered[wrong[0]].label or "a parameter"
                cure = "lower the learning rate, clip the gradients, or scale the inputs"
                raise FloatingPointError(f"{kind} {name} is {numbers[wrong[0]]}; {cure}")


@dataclass(frozen=True)
class _Places:
    """Where an optimizer's parameters lie in a program's shared buffer.

    `rows` finds them there (a slice if they are all that there are); `order` puts the optimizer's order into that of
    the rows, `back` undoes it.
    """

    rows: Any
    order: NDArray[np.int64]
    back: NDArray[np.int64]

    @classmethod
    def of(cls, program: Program, optimizer: Optimizer) -> _Places:
        row = dict(zip(program.parameters, program.plan.parameter_rows.tolist()))
        missing = [each.label or repr(each) for each in optimizer.parameters if each not in row]
        if missing:
            raise ValueError(
                f"the optimizer has parameters that the program does not know: {', '.join(missing[:5])}; compile with"
                " parameters=optimizer.parameters"
            )
        rows = np.array([row[each] for each in optimizer.parameters], np.int64)
        order = np.argsort(rows)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return cls(slice(0, len(rows)) if len(rows) == len(program.parameters) else rows[order], order, back)
