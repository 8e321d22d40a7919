"""The state of training as arrays: parameters, and an optimizer's state, for programs that take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import Array, Integers
from micrograd_plus.compiler.update import update_function
from micrograd_plus.compiler.widths import WIDTHS, DType, narrowed
from micrograd_plus.nn.clip import norm_scale
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer

__all__ = ["TrainState"]


class TrainState:
    """The parameters and the state of an optimizer as arrays, for programs that take turns.

    They lie in the order that the program in use, `active`, has for them, and are taken from their homes when the first
    one comes into use.
    """

    def __init__(
        self, optimizer: Optimizer, *, clip_norm: float | None = None, clip_value: float | None = None,
        dtype: DType = "float64",
    ) -> None:  # fmt: skip
        self.optimizer, self.clip_norm, self.clip_value = optimizer, clip_norm, clip_value
        self.dtype, self.width = dtype, WIDTHS[dtype]
        rules = [(group.rule, len(group.members)) for group in optimizer.groups]
        self.updates = [update_function(rule.lines, rule.state, rule.options, count, dtype) for rule, count in rules]
        # the rules of this package divide by nothing that comes near 0 but for the eps that is added to it, and let
        # nothing grow without a bound but what momentum adds up
        options = {"eps": 1.0, "momentum": 0.0, **rules[0][0].options}
        usual = options["eps"] > 1e-30 and options["momentum"] <= 1 and max(map(abs, options.values())) < 1e10
        self.tame = type(optimizer) in OPTIMIZERS.values() and usual and len(rules) == 1
        self.w = self.new_w = np.empty(0)
        self.states: list[Array] = []
        self.new_states: list[Array] = []
        self.active: Program | None = None
        self.stepped: Program | None = None
        self.rows: Any = None
        self.places: WeakKeyDictionary[Program, _Places] = WeakKeyDictionary()  # a program traced anew replaces another
        self.loaded: set[Program] = set()

    def use(self, program: Program) -> Any:
        """Gives a program that is `running` the parameters as they are now, and returns where in it they lie."""
        old = self.active
        if program is not old:
            places = self.places[program] = self.places.get(program) or _Places.of(program, self.optimizer)
            if not places.are_all and program not in self.loaded:
                program.load()
                self.loaded.add(program)
            if old is None:
                self._take(program, places.order)
            else:
                moved = self.places[old].back[places.order]
                self.w, *self.states = (numbers[moved] for numbers in (self.w, *self.states))
                old.draws.push()
                program.draws.pull()
            self.active, self.rows = program, places.rows
        program.shared[self.rows] = self.w
        return self.rows

    def _take(self, program: Program, order: Integers) -> None:
        homes = [[each.data for each in self.optimizer.parameters], *self.optimizer.state.values()]
        names = ["a parameter", *(f"{name} of a parameter" for name in self.optimizer.state)]
        self.w, *self.states = (narrowed(each, self.dtype, name)[order] for each, name in zip(homes, names))
        self.new_w, *self.new_states = (np.empty(len(order), self.dtype) for _ in homes)
        program.draws.pull()

    def step(self, program: Program, columns: Sequence[Array]) -> float:
        """Does what `Trainer.step` does, with a program that is `running` and columns that are checked."""
        loss = self._gradient(program, columns)
        self.descend(program)
        return loss

    def _gradient(self, program: Program, columns: Sequence[Array]) -> float:
        """Puts the gradient of a batch's mean loss into the program, and returns that loss."""
        self.use(program)
        bound = program.bind(columns, program.every_output)
        bound.forward(columns)
        bound.backward(columns, 1.0 / bound.size)
        return bound.mean()

    def descend(self, program: Program) -> None:
        """Clips the gradient that the program has, and makes the optimizer's step."""
        rows = self.rows
        self.stepped = program
        g = program.d_shared[rows]
        if self.clip_norm is not None or self.clip_value is not None:
            self._clip(g)
            program.d_shared[rows] = g  # it may be a copy
        t, rates = self.optimizer.t + 1, [self.optimizer.rate_in(group) for group in self.optimizer.groups]
        # a step that can't fail writes over the states; any other one leaves them until its result is seen to be finite
        certain = self.tame and rates[0] < self.width.rate_limit and np.dot(g, g) < self.width.limit
        new_states = self.states if certain else self.new_states
        if len(rates) == 1:
            self.updates[0](self.w, g, t, rates[0], *self.states, self.new_w, *new_states)
        else:
            self._update_groups(g, t, rates, self.places[program].back)
        if not isfinite(np.dot(self.new_w, self.new_w)):  # then one is not finite, or very large
            self._refuse(program, g, {"w": self.new_w})
        if not certain:
            self._refuse(program, g, dict(zip(self.optimizer.state, self.new_states)))
        self.w, self.new_w = self.new_w, self.w
        if not certain:
            self.states, self.new_states = self.new_states, self.states
        self.optimizer.t = t

    def _update_groups(self, g: Array, t: int, rates: Sequence[float], back: Integers) -> None:
        """Steps each group of parameters by its own rule and rate; a state that its rule does not have stays 0."""
        names = [*self.optimizer.state]
        for new, old in zip(self.new_states, self.states):
            np.copyto(new, old)
        for group, update, rate in zip(self.optimizer.groups, self.updates, rates):
            at, kept = back[group.members], [names.index(name) for name in group.rule.state]
            results = [self.new_w, *(self.new_states[i] for i in kept)]
            found = [np.empty(len(at), self.dtype) for _ in results]
            update(self.w[at], g[at], t, rate, *(self.states[i][at] for i in kept), *found)
            for whole, part in zip(results, found):
                whole[at] = part

    def sync(self) -> None:
        """Writes parameters, the gradients of the last step, and optimizer state back to their homes."""
        if self.active is None:
            return
        back = self.places[self.active].back
        for each, number in zip(self.optimizer.parameters, self.w[back].tolist()):
            each.data = number
        self.optimizer.state = {name: new[back].tolist() for name, new in zip(self.optimizer.state, self.states)}
        self.active.draws.push()
        if self.stepped is not None:
            for each, number in zip(self.stepped.parameters, self.last_gradients(self.stepped).tolist()):
                each.grad = number

    def last_gradients(self, program: Program) -> Array:
        """Returns the gradients of the last step, by the parameters of the program that made it, in their order."""
        return program.d_shared[program.plan.parameter_rows]

    def gradients(self, program: Program, columns: Sequence[Array]) -> tuple[float, Array]:
        """Returns the mean loss of a batch, and the gradient of a step before clipping, in place of making it."""
        with program.running:
            loss = self._gradient(program, columns)
            return loss, program.d_shared[program.plan.parameter_rows]

    def load(self) -> None:
        """Takes parameters, optimizer state and random generators from their homes, when they are used next."""
        self.active = self.stepped = None
        self.loaded.clear()

    def _clip(self, g: Array) -> None:
        """Bounds the gradient: its length first, then each number."""
        if self.clip_norm is not None:
            norm = float(np.sqrt(np.dot(g, g)))
            if norm == inf:  # a square has overflowed, or a gradient has
                largest = np.abs(g).max()
                norm = float(largest) * float(np.sqrt(np.dot(g / largest, g / largest)))
            np.multiply(g, norm_scale(norm, self.clip_norm), out=g)
        if self.clip_value is not None:
            np.clip(g, -self.clip_value, self.clip_value, out=g)

    def _refuse(self, program: Program, g: Array, new: Mapping[str, Array]) -> None:
        """Raises FloatingPointError that names a parameter whose gradient or new number is not finite."""
        optimizer, order = self.optimizer, self.places[program].order.tolist()
        for at in np.flatnonzero(~np.isfinite(g))[:1].tolist():
            name = optimizer.parameters[order[at]].label or f"parameter {order[at]}"
            cure = "lower the learning rate, clip the gradients, or scale the inputs"
            raise FloatingPointError(f"the gradient of {name} is {g[at]}; {cure}")
        for name, numbers in new.items():
            for at in np.flatnonzero(~np.isfinite(numbers))[:1].tolist():
                held = {"w": self.w, "g": g, **dict(zip(optimizer.state, self.states))}
                given = optimizer.given(order[at])
                given |= {each: float(numbers[at]) for each, numbers in held.items() if each in given}
                raise optimizer.refusal(order[at], name, float(numbers[at]), given)


@dataclass(frozen=True)
class _Places:
    """Where an optimizer's parameters lie in a program's shared buffer.

    `rows` finds them there (a slice if they are all that there are); `order` puts the optimizer's order into that of
    the rows, `back` undoes it.
    """

    rows: Any
    order: Integers
    back: Integers

    @property
    def are_all(self) -> bool:
        """Whether the program has no other parameters."""
        return isinstance(self.rows, slice)

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
        back = np.argsort(order)
        return cls(slice(0, len(rows)) if len(rows) == len(program.parameters) else rows[order], order, back)
