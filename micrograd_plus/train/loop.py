"""Training is a loop: epochs over the data, in each the iterations over its batches, in each one update."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import finite_number, whole_number
from micrograd_plus.data import Dataset, batch_indices, iterations_per_epoch
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.train.callbacks import Callback, EachEpoch, Run
from micrograd_plus.train.checkpoint import Checkpoint
from micrograd_plus.train.divergence import DivergenceError
from micrograd_plus.train.engine import EagerEngine, Engine, Loss, NonFiniteError, Penalty
from micrograd_plus.train.history import Epoch, History, Iteration
from micrograd_plus.train.objectives import Metric, Objective, metrics_for, objective_for, outputs_of
from micrograd_plus.train.progress import Update, progress_bar

if TYPE_CHECKING:
    from micrograd_plus.nn import Module, Optimizer

__all__ = ["fit"]


def fit(
    model: Module,
    data: Dataset,
    *,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | type[Optimizer] = "adam",
    lr: float | Callable[[int], float] | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    validation: Dataset | Mapping[str, Dataset] | None = None,
    metrics: Sequence[str | Metric] | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
    seed: int = 0,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    callbacks: Sequence[Callback | Callable[[Run], Any]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    compile: bool = True,
    progress: bool = True,
) -> History:
    """Returns the History of training `model` on `data`; the model itself is changed, and left in evaluation mode.

    How much at a time: `batch_size=len(data)` is batch gradient descent, 1 is stochastic, between is mini-batch. An
    epoch visits every row once, in an order that is a function of `(seed, epoch)`: the batches are those of
    `data.batches(..., seed=seed, epoch=epoch)`, epochs counted from 1. The same seeds (this one, the model's, a
    Dropout's) give the same result.

    What is minimised: `loss`, by name ("mse", "l1", "huber", "cross_entropy", "nll", "bce_with_logits", "bce", "hinge")
    or as a function of the prediction and the target of one example; without it, the usual one for the data. Its mean
    over a batch, taken before the update, is what is reported. `penalty(parameters)` is added for the gradient only.
    `clip_norm` and `clip_value` bound the gradient.

    How: `optimizer` by name ("sgd", "rmsprop", "adagrad", "adam", "adamw") or class, with `lr` as its rate or schedule,
    or one that you made. With `compile` the graph of one example runs as array code for a whole batch; a model that
    can't be compiled is told of in a warning, and runs as it stands.

    What is measured after each epoch: the loss and the `metrics` ("accuracy", "mean_absolute_error", or functions of
    predictions and targets) on `validation`, in evaluation mode; a dict of data sets measures each under its name.
    Without validation, metrics that you name are measured on the training data. `callbacks` look on and may stop
    training (`Callback`, `EarlyStopping`); a plain function is called with the Run after each epoch.

    With `checkpoint` all that training needs to go on is written to that file after every `checkpoint_every` epochs and
    after the last. With `resume`, it goes on from the file, if there is one, bit for bit as if it had never stopped.

    Raises ValueError or TypeError for what does not fit together, and DivergenceError, with the likely cause, where the
    loss or a gradient stops being finite.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP
    >>> model = MLP(1, [1])
    >>> history = fit(model, line(noise=0), optimizer="sgd", lr=0.1, epochs=30, batch_size=10)
    >>> print(f"{model([0.5]).data:.3f}")
    2.000
    """
    objective = objective_for(loss, checked_dataset(data), outputs_of(model, data))
    optimizer = _optimizer(optimizer, lr, model)
    batches = _Batches(len(data), batch_size, shuffle, seed, drop_last)
    measures = _Measures.of(data, validation, metrics, objective)
    watchers = _watchers(callbacks)
    if penalty is not None and not callable(penalty):
        raise TypeError(f"penalty is a function, such as lambda ws: l2_penalty(ws, 0.01), but got {penalty!r}")
    limits = {"clip_norm": _limit("clip_norm", clip_norm), "clip_value": _limit("clip_value", clip_value)}
    engine = _engine(compile, data, model, objective.loss, optimizer, penalty=penalty, **limits)
    run = Run(engine, model, optimizer, data, objective, whole_number("epochs", epochs, least=1))
    settings = {"loss": objective.name, **vars(batches), **limits}
    keeper = Checkpoint(checkpoint, run, settings, watchers, checkpoint_every)
    keeper.restore(resume)
    model.train()
    try:
        with progress_bar(run.epochs * batches.number, progress) as update:
            run.tell(watchers, "on_start")
            while run.epoch < run.epochs and not run.history.stopped:
                mean_loss = _epoch(run, batches, watchers, update)
                if mean_loss is not None:
                    measures.take(run, mean_loss)
                    run.tell(watchers, "on_epoch")
                    keeper.save()
            run.tell(watchers, "on_end")
    finally:
        engine.sync()
        model.eval()
    return run.history


def _epoch(run: Run, batches: _Batches, callbacks: Sequence[Callback], update: Update) -> float | None:
    """Goes once through the data; returns the mean loss of its samples, or None if it was stopped on the way."""
    run.epoch += 1
    losses, samples = 0.0, 0
    looking = [each for each in callbacks if type(each).on_iteration is not Callback.on_iteration]
    for rows in batches.of_epoch(run.epoch):
        run.rows = rows
        _iteration(run)
        losses, samples = losses + run.loss * len(run.rows), samples + len(run.rows)
        update(run.iteration, run.describe)
        run.tell(looking, "on_iteration")
        if run.history.stopped:
            return None
    return losses / samples


def _iteration(run: Run) -> None:
    """One batch through the network and one update; records the loss before it."""
    run.iteration += 1
    rate = run.optimizer.rate
    try:
        run.loss = run.engine.step(run.data, run.rows)
    except NonFiniteError as error:
        raise DivergenceError(run, str(error)) from error
    run.history.iterations.append(Iteration(run.epoch, run.iteration, run.loss, rate))


@dataclass
class _Batches:
    """How the rows are dealt into batches; the order of an epoch is a function of the seed and its number."""

    rows: int
    batch_size: int
    shuffle: bool
    seed: int
    drop_last: bool

    def __post_init__(self) -> None:
        self.seed = whole_number("seed", self.seed, least=0)
        self.number  # an unfit batch size is an error now, and not in the first epoch  # noqa: B018

    @property
    def number(self) -> int:
        return iterations_per_epoch(self.rows, self.batch_size, self.drop_last)

    def of_epoch(self, epoch: int) -> list[list[int]]:
        return batch_indices(
            self.rows, self.batch_size, shuffle=self.shuffle, seed=self.seed, drop_last=self.drop_last, epoch=epoch
        )


@dataclass
class _Measures:
    """What is measured after each epoch: every metric, and the loss, on every one of some data sets."""

    data: dict[str, Dataset]
    metrics: dict[str, Metric]

    @classmethod
    def of(
        cls,
        training: Dataset,
        validation: Dataset | Mapping[str, Dataset] | None,
        metrics: Sequence[str | Metric] | None,
        objective: Objective,
    ) -> _Measures:
        if validation is None:
            chosen = {"training": training} if metrics else {}
        else:
            chosen = dict(validation) if isinstance(validation, Mapping) else {"validation": validation}
        for name, data in chosen.items():
            _check_like(training, checked_dataset(data), name)
        return cls(chosen, metrics_for(metrics, objective))

    def take(self, run: Run, mean_loss: float) -> None:
        """Records the epoch's figures: its mean loss, and what is measured at its end, in evaluation mode."""
        figures = {"loss": mean_loss}
        for name, data in self.data.items():
            try:
                figures[f"{name} loss"], predictions = run.engine.evaluate(data)
            except (ArithmeticError, DomainError) as error:
                raise DivergenceError(run, f"{error}, on the {name} data", kept="after") from error
            for metric, function in self.metrics.items():
                figures[f"{name} {metric}"] = value = float(function(predictions, data.targets))
                if not isfinite(value):
                    raise ValueError(
                        f"the metric {metric!r} gave {value} for the {name} data; mend it to give a number"
                    )
        run.history.epochs.append(Epoch(run.epoch, run.iteration, figures))


def _check_like(training: Dataset, data: Dataset, name: str) -> None:
    """Raises ValueError where `data` has other columns or classes than the model is trained on."""
    if data.width != training.width:
        raise ValueError(
            f"the {name} data has {data.width} features and the training data {training.width}; give both the same"
            " columns"
        )
    names = training.feature_names
    if data.feature_names != names and set(data.feature_names) == set(names):
        raise ValueError(
            f"the {name} data has its columns in another order than {', '.join(names)}; give both one order"
        )
    if data.classes != training.classes:
        raise ValueError(
            f"the {name} data has classes {data.classes} and the training data {training.classes}; number them alike"
        )


def _watchers(callbacks: Sequence[Callback | Callable[[Run], Any]]) -> list[Callback]:
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks is a list; write callbacks=[{callbacks!r}]")
    return [each if isinstance(each, Callback) else EachEpoch(each) for each in callbacks]


def _optimizer(
    optimizer: str | Optimizer | type[Optimizer], lr: float | Callable[[int], float] | None, model: Module
) -> Optimizer:
    from micrograd_plus.nn import Optimizer
    from micrograd_plus.nn.optim import optimizer_class

    if not isinstance(optimizer, Optimizer):
        named = not (isinstance(optimizer, type) and issubclass(optimizer, Optimizer))
        made: Any = optimizer_class(optimizer) if named else optimizer  # type: ignore[arg-type]
        by_name: Optimizer = made(model.parameters()) if lr is None else made(model.parameters(), lr)
        return by_name
    if lr is not None:
        raise ValueError(f"lr={lr!r} was passed beside {optimizer!r}, which has its own; set it there")
    strangers = set(optimizer.parameters) - set(model.parameters())
    if strangers:
        raise ValueError(
            f"{len(strangers)} of the optimizer's {len(optimizer.parameters)} parameters are not the model's; make the"
            " optimizer from this model's parameters(), after the model"
        )
    return optimizer


def _limit(name: str, limit: float | None) -> float | None:
    if limit is not None and finite_number(name, limit) <= 0:
        raise ValueError(f"{name} is a bound above 0, but got {limit}; 1 is usual")
    return limit


def _engine(compile: bool, data: Dataset, model: Module, loss: Loss, optimizer: Optimizer, **options: Any) -> Engine:
    """The engine that runs the model, tried on the first row; compiled if that can be."""
    if compile:
        from micrograd_plus.compiler import CompileError
        from micrograd_plus.train.compiled import CompiledEngine

        try:
            compiled = CompiledEngine(model, loss, optimizer, **options)
            compiled.prepare(data)
            return compiled
        except CompileError as error:
            warnings.warn(f"the model can't be compiled, and runs as it stands: {error}", stacklevel=3)
    eager = EagerEngine(model, loss, optimizer, **options)
    eager.prepare(data)
    return eager
