"""Training on arrays: a Trainer steps the parameters of a Program by an Optimizer."""

from __future__ import annotations

from typing import Any

from micrograd_plus.compiler.frontend import Compiled
from micrograd_plus.compiler.program import Program
from micrograd_plus.nn.optim import Optimizer
from micrograd_plus.train.native_state import NativeState
from micrograd_plus.train.state import TrainState

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
        self, program: Program | Compiled, optimizer: Optimizer, *,
        clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.program = program
        kind = NativeState if program.backend == "c" else TrainState
        self.state = kind(optimizer, clip_norm=clip_norm, clip_value=clip_value, dtype=program.dtype)

    def step(self, *batch: Any) -> float:
        """Returns the mean loss of a batch, taken before the update that it then makes.

        Raises what running the program raises, and FloatingPointError where a gradient or a new parameter is not
        finite; then parameters and state are as before.
        """
        program = self.program.program(*batch) if isinstance(self.program, Compiled) else self.program
        with program.running:
            return self.state.step(program, program.columns(batch))

    def sync(self) -> None:
        """Writes parameters, the gradients of the last step, and optimizer state back to their homes."""
        self.state.sync()

    def load(self) -> None:
        """Takes parameters, optimizer state and random generators from their homes."""
        self.state.load()
