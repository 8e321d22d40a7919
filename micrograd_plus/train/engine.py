"""An engine does the work of one iteration: forward, loss, backward, update.

`fit` drives one through this protocol and never looks inside. `EagerEngine` runs the graph of every example as it
stands; `micrograd_plus.train.compiled.CompiledEngine` takes the same arguments, and runs the batch as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from micrograd_plus.data import Dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.nn import Module, Optimizer, clip_grad_norm, clip_grad_value
from micrograd_plus.nn.losses import Loss
from micrograd_plus.value import UNSEEN, Value

__all__ = [
    "EagerEngine", "Engine", "Loss", "NonFiniteError", "PartedError", "Penalty", "Prediction", "evaluating",
    "inputs_of", "numbers_of",
]  # fmt: skip

Prediction: TypeAlias = "float | list[float]"
"""What a model says of one example: a number, or a list of them where its last layer has several neurons."""

Penalty: TypeAlias = "Callable[[Sequence[Value]], Value]"
"""From the parameters to a term that is added to a batch's loss, such as an L2 penalty."""


class NonFiniteError(ArithmeticError):
    """The loss or a gradient came out infinite or nan, so the update was not made."""


class PartedError(ArithmeticError):
    """In the course of training, a program no longer gives what model and loss themselves give."""


class Engine(Protocol):
    """One way to run a model's iterations: what `fit` needs of it.

    One that can make many steps in a go has a method `epoch(data, batches)` too, which does what `step` does for each
    batch, and yields lists of their losses and learning rates.

    The constructor takes `(model, loss, optimizer, *, penalty=None, clip_norm=None, clip_value=None)`. Between calls an
    engine may keep the parameters and the optimizer's state to itself: `sync` brings them back to their homes, `load`
    takes them from there. The optimizer's count `t` it keeps up to date, as the learning rate hangs on it.
    """

    backend: str
    """What the History calls it."""

    def prepare(self, data: Dataset, batch_size: int = 0) -> None:
        """Runs model and loss on the first row of `data`, and changes nothing; `fit` calls it before all else.

        `batch_size` is the number of rows that a step will have, if that is known.

        Raises ValueError where they don't fit together (a width, a kind of target). An engine that compiles does so
        here, and raises `micrograd_plus.compiler.CompileError` with the reason where it can't.
        """

    def audit(self, data: Dataset, at_once: bool = False) -> None:
        """Raises PartedError if what it runs no longer gives what model and loss themselves give.

        An engine that runs something else than the model's own Values looks now and then, so seldom that it takes no
        more than a hundredth of the time, or `at_once`. Nothing is changed.
        """
        ...

    def step(self, data: Dataset, rows: Sequence[int] | None = None) -> float:
        """Returns the mean loss of a batch (the given rows, or all), taken before the update that it then makes.

        The mean is that of `data.shares(rows)`: where the data has weights, a row counts as often as it weighs.

        In turn: the forward pass and loss of each example in the order of the rows (a Dropout draws once a unit,
        example by example), the gradient of their mean plus the penalty, clipping, one step of the optimizer. The
        penalty is not part of the number returned, so that it compares with `evaluate`. An engine may keep what it made
        of `data` for the next call. Raises NonFiniteError where the loss, a gradient or a new parameter is not finite;
        then parameters, optimizer state and step count are as they were before the call.
        """

    def evaluate(self, data: Dataset) -> tuple[float, list[Prediction]]:
        """Returns the mean loss over all rows and the prediction for each, in evaluation mode (nothing dropped)."""

    def predict(self, inputs: Sequence[Sequence[float]]) -> list[Prediction]:
        """Returns the prediction for each row of inputs, in evaluation mode (nothing dropped)."""

    def sync(self) -> None:
        """Writes the parameters, the gradients of the last step and the optimizer's state back to their homes."""

    def load(self) -> None:
        """Takes parameters and optimizer state from their homes again, after somebody may have changed them there."""


class EagerEngine:
    """Runs every example's own graph, node by node: the plain way, in which every number can be looked at.

    The arguments are those of an `Engine`; `model` maps a list of Values to a Value or a list of them.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP, SGD, mse_loss
    >>> model = MLP(1, [1])
    >>> engine = EagerEngine(model, mse_loss, SGD(model.parameters(), lr=0.1))
    >>> first = engine.step(line())
    >>> all(engine.step(line()) < first for _ in range(5))
    True
    """

    backend = "eager"

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, *, penalty: Penalty | None = None,
        clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.penalty, self.clip_norm, self.clip_value = penalty, clip_norm, clip_value
        self._parameters = model.parameters()

    def prepare(self, data: Dataset, batch_size: int = 0) -> None:
        """Tries model and loss on the first row of `data`; see `Engine.prepare`."""
        self.evaluate(data[:1])

    def audit(self, data: Dataset, at_once: bool = False) -> None:
        """Does nothing: the model's own Values are what this engine works on."""

    def step(self, data: Dataset, rows: Sequence[int] | None = None) -> float:
        """Returns the mean loss of a batch before the update; see `Engine.step`."""
        for parameter in self._parameters:
            parameter.grad = UNSEEN
        try:
            with no_gc():
                mean = self._backward(data, range(len(data)) if rows is None else rows)
                if self.clip_norm is not None:
                    clip_grad_norm(self.optimizer.parameters, self.clip_norm)
                if self.clip_value is not None:
                    clip_grad_value(self.optimizer.parameters, self.clip_value)
                self.optimizer.step()  # changes nothing if a result would not be finite
        except (ArithmeticError, DomainError) as error:
            raise NonFiniteError(str(error)) from error
        return mean

    def evaluate(self, data: Dataset) -> tuple[float, list[Prediction]]:
        """Returns the mean loss over all rows and each prediction; see `Engine.evaluate`."""
        with evaluating(self.model), no_grad(), no_gc():
            outputs = [self.model(inputs_of(data, row)) for row in range(len(data))]
            losses = [self.loss(output, target).data for output, target in zip(outputs, data.targets)]
        return _weighed(losses, data.shares(range(len(data)))), [numbers_of(output) for output in outputs]

    def predict(self, inputs: Sequence[Sequence[float]]) -> list[Prediction]:
        """Returns the prediction for each row of inputs; see `Engine.predict`."""
        with evaluating(self.model), no_grad(), no_gc():
            return [numbers_of(self.model([Value(x) for x in row])) for row in inputs]

    def gradients(self, data: Dataset) -> tuple[float, dict[Value, float]]:
        """Returns the mean loss over all rows and the gradient of a step, before clipping, in place of making it."""
        before = [each.grad for each in self._parameters]
        for each in self._parameters:
            each.grad = UNSEEN
        try:
            return self._backward(data, range(len(data))), {each: each.grad for each in self._parameters}
        finally:
            for each, grad in zip(self._parameters, before):
                each.grad = grad

    def sync(self) -> None:
        """Does nothing: the model's own Values are what this engine works on."""

    def load(self) -> None:
        """Does nothing: the model's own Values are what this engine works on."""

    def _backward(self, data: Dataset, rows: Sequence[int]) -> float:
        """The mean loss, after one graph at a time is walked back and freed: memory stays that of one example."""
        losses, shares = [], data.shares(rows)
        for row, share in zip(rows, shares):
            loss = self.loss(self.model(inputs_of(data, row)), data.targets[row])
            (loss * share).backward()
            losses.append(loss.data)
        if self.penalty is not None:
            self.penalty(self.optimizer.parameters).backward()
        return _weighed(losses, shares)


def _weighed(losses: Sequence[float], shares: Sequence[float]) -> float:
    """The mean of losses that count in these shares."""
    return sum(loss * share for loss, share in zip(losses, shares))


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Returns a context in which the model and all its parts are in evaluation mode, and then as they were."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def inputs_of(data: Dataset, row: int) -> list[Value]:
    """Returns the inputs of one row as Values, labelled with the features' names."""
    return [Value(x, name) for x, name in zip(data.inputs[row], data.feature_names)]


def numbers_of(output: Any) -> Prediction:
    """Returns a model's output as plain data: a number, or a list of them."""
    return [each.data for each in output] if isinstance(output, (list, tuple)) else output.data
