"""Training is a loop: epochs over the data, in each the iterations over its batches, in each one update."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

from micrograd_plus.checks import argument, finite_number, flat, named, whole_number
from micrograd_plus.data import Dataset, batch_indices, iterations_per_epoch
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.nn.losses import Loss
from micrograd_plus.nn.optim import optimizer_class
from micrograd_plus.train.callbacks import Callback, EachEpoch, Run, refuse_unknown
from micrograd_plus.train.checkpoint import Checkpoint, Keeper
from micrograd_plus.train.engine import EagerEngine, Engine, NonFiniteError, PartedError, Penalty, Prediction
from micrograd_plus.train.history import Epoch, History, Iteration
from micrograd_plus.train.objectives import Measures, Metric, objective_for, outputs_of
from micrograd_plus.train.progress import Update, progress_bar
from micrograd_plus.train.weights import ClassWeights, weighting

__all__ = ["Clip", "DivergenceError", "fit"]


@dataclass(frozen=True)
class Clip:
    """The bounds of the gradient before each update: `fit(..., clip=Clip(norm=1))`.

    `norm` bounds the length of the gradient of all parameters together, as `nn.clip_grad_norm` does, `value` each of
    its numbers, as `nn.clip_grad_value` does; of both, `norm` comes first. Raises ValueError for a bound not above 0,
    TypeError for what is no number.
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        for name, bound in (("norm", self.norm), ("value", self.value)):
            if bound is not None and finite_number(f"clip's {name}", bound) <= 0:
                raise ValueError(f"{argument('clip')}'s {name} is a bound above 0, but got {bound}; 1 is usual")


def fit(
    model: Module, data: Dataset, *, loss: str | Loss | None = None,
    optimizer: str | Optimizer | type[Optimizer] = "adam", lr: float | Callable[[int], float] | None = None,
    epochs: int = 20, batch_size: int = 32, shuffle: bool = True, drop_last: bool = False, seed: int = 0,
    validation: Dataset | Mapping[str, Dataset] | None = None, metrics: Sequence[str | Metric] | None = None,
    sample_weights: Sequence[float] | None = None, class_weights: ClassWeights | None = None,
    penalty: Penalty | None = None, clip: float | Clip | None = None,
    callbacks: Sequence[Callback | Callable[[Run], Any]] = (),
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None, backend: str | None = None, dtype: str = "float64",
    progress: bool = True,
) -> History:  # fmt: skip
    """Returns the History of training `model` on `data`; the model itself is changed, and left in evaluation mode.

    - `loss`, what is minimised: "mse", "l1", "huber", "cross_entropy", "nll", "bce_with_logits", "bce", "hinge", or a
      function of the prediction and the target of one example; without, the usual one for the data.
    - `optimizer`: "sgd", "rmsprop", "adagrad", "adam", "adamw", a class, or one that you made; by its `groups` parts of
      the model have a rate of their own, or are frozen.
    - `lr`, the learning rate: a number, or a schedule, a function of the step's number; without, the optimizer's own.
    - `epochs`: how often every row is visited.
    - `batch_size`, the rows to an update: `len(data)` is batch gradient descent, 1 stochastic, between mini-batch.
    - `shuffle`: whether the rows come in a new order each epoch, as in `data.batches(..., epoch=1)`, 2 and so on.
    - `drop_last`: whether rows that fill no whole batch are left out.
    - `seed`, of the order of the rows. With the seeds of the model's parts, it gives the same result each time.
    - `validation`: data, or a dict of data by name, on which loss and metrics are measured after each epoch.
    - `metrics`: "accuracy", "mean_absolute_error", or functions of predictions and targets, measured in evaluation
      mode; without, the usual one. Where there is no validation, those that are named are measured on `data`.
    - `sample_weights`: how much each row of `data` counts, in place of its own `weights`: 2 as if it were there twice.
    - `class_weights`: how much the rows of a class count: a dict by its name or number (1 where none is given), a list
      with one for each, or "balanced", so that every class counts alike. They multiply the weights of the rows.
    - `penalty`: a function of the parameters that is added to the loss for the gradient only, as an L2 penalty is.
    - `clip`: a bound of the gradient's norm, or a `Clip` with more to say.
    - `callbacks`: each a `Callback` such as `EarlyStopping`, or a function that is called with the Run each epoch.
    - `checkpoint`: the path of a file for all that training needs to go on, or a `Checkpoint` with more to say.
    - `backend`: "numpy" runs the graph of one example as array code for a whole batch, "c" as a program that the
      machine's C compiler makes, "eager" each graph as it stands. Without, it is "numpy", and "eager", with a warning,
      for a model that can't be compiled.
    - `dtype`: "float64", or for "numpy" and "c" also "float32", which is quicker, and right to some seven digits. The
      parameters that the model is given have 64 bits.
    - `progress`: whether a bar is shown where somebody looks.

    The loss that is reported is the mean over a batch, taken before the update. With weights it is the sum of weight
    times loss over the sum of the weights in the batch, as PyTorch's CrossEntropyLoss(weight=...) has it; a batch that
    weighs nothing has loss 0. Class weights are part of the loss on every data set, also in validation; sample weights
    are of the rows of `data`, and a validation set may have its own. In a metric every row counts once.

    Raises ValueError or TypeError for what does not fit together, `compiler.CompileError` where a backend that is named
    can't run the model, and DivergenceError, with the likely cause, where a number stops being finite.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP
    >>> model = MLP(1, [1])
    >>> history = fit(model, line(noise=0), optimizer="sgd", lr=0.1, epochs=30, batch_size=10)
    >>> print(f"{model([0.5]).data:.3f}")
    2.000
    """
    data = checked_dataset(data) if sample_weights is None else checked_dataset(data).weighted(sample_weights)
    objective = objective_for(loss, data, outputs_of(model, data))
    if loss is None and data.regression_note:
        warnings.warn(f"{data.name!r}: {data.regression_note}", stacklevel=2)
    optimizer = _optimizer(optimizer, lr, model)
    number = iterations_per_epoch(len(data), batch_size, drop_last)
    seed = whole_number("seed", seed, least=0)
    order: dict[str, Any] = {"batch_size": batch_size, "shuffle": shuffle, "seed": seed, "drop_last": drop_last}
    batches = partial(batch_indices, len(data), **order)
    measures = Measures(data, validation, metrics, objective)
    data, told = _weighted(data, class_weights, measures)
    watchers = _watchers(callbacks)
    if penalty is not None and not callable(penalty):
        raise TypeError(f"penalty is a function, such as lambda ws: l2_penalty(ws, 0.01), but got {penalty!r}")
    bounds = clip if isinstance(clip, Clip) else Clip(norm=clip)
    limits = {"clip_norm": bounds.norm, "clip_value": bounds.value}
    width = _width(backend, dtype)
    engine = _engine(backend, data, batch_size, model, objective.loss, optimizer, penalty=penalty, **limits, **width)
    run = Run(engine, model, optimizer, data, objective, epochs, watchers)
    run.history.weights, run.history.backend = told, _name(engine)
    keeper = None if checkpoint is None else Keeper(checkpoint, run, {"rows": len(data), **order, **limits})
    if keeper:
        keeper.resume()
    again = run.mark()
    try:
        _train(run, batches, number, measures, keeper, progress)
    except PartedError as error:
        told = f"after iteration {run.iteration}, {error}"
        if backend is not None:
            raise PartedError(f"{told}; leave backend out, or use backend='eager'") from error
        warnings.warn(f"{told}; the model is trained anew from the start, eagerly", stacklevel=2)
        again()
        run.engine = _engine("eager", data, batch_size, model, objective.loss, optimizer, penalty=penalty, **limits)
        run.history.backend = _name(run.engine)
        _train(run, batches, number, measures, keeper, progress)
    return run.history


def _weighted(data: Dataset, class_weights: ClassWeights | None, measures: Measures) -> tuple[Dataset, str]:
    """The data with the weights of its classes too, as what is measured gets them, and what counts how in words."""
    told = [] if data.weights is None else [f"sample weights {min(data.weights):.4g} to {max(data.weights):.4g}"]
    if class_weights is not None:
        by_class = weighting(class_weights, data)
        told.append(by_class.text)
        measures.data = {name: by_class.apply(each) for name, each in measures.data.items()}
        data = by_class.apply(data)
    return data, ", ".join(told)


def _train(
    run: Run,
    batches: Callable[..., list[list[int]]],
    number: int,
    measures: Measures,
    keeper: Keeper | None,
    progress: bool,
) -> None:
    """Goes through all epochs that are left, and leaves the model in evaluation mode."""
    run.model.train()
    try:
        with progress_bar(run.epochs * number, progress) as update:
            run.tell("on_start")
            while run.epoch < run.epochs and not run.history.stopped:
                run.epoch += 1
                mean_loss = _epoch(run, batches(epoch=run.epoch), update)
                if mean_loss is not None:
                    figures = {"loss": mean_loss, **measures.figures(_evaluated(run, measures))}
                    run.history.epochs.append(Epoch(run.epoch, run.iteration, figures))
                    run.engine.audit(run.data)
                    run.tell("on_epoch")
                    if keeper:
                        keeper.keep()
            run.engine.audit(run.data, at_once=True)
            run.tell("on_end")
    finally:
        run.engine.sync()
        run.model.eval()


def _evaluated(run: Run, measures: Measures) -> dict[str, tuple[float, list[Prediction]]]:
    try:
        return measures.evaluate(run.engine)
    except NonFiniteError as error:  # of a callback or a metric it would be its own
        raise DivergenceError(run, str(error)) from error


def _epoch(run: Run, batches: list[list[int]], update: Update) -> float | None:
    """Goes once through the data; returns the mean loss of its samples, or None if it was stopped on the way."""
    total, weights = 0.0, 0.0
    for losses, rates, rows in _steps(run, batches):
        numbers = range(run.iteration - len(losses) + 1, run.iteration + 1)
        run.history.iterations.extend(map(Iteration, repeat(run.epoch), numbers, losses, rates))
        for loss, weight in zip(losses, map(run.data.weight, rows)):
            total, weights = total + loss * weight, weights + weight
        update(run.iteration, run.describe)
        run.tell("on_iteration")
        if run.history.stopped:
            return None
    return total / weights if weights else 0.0


def _steps(
    run: Run, batches: list[list[int]]
) -> Iterator[tuple[Sequence[float], Sequence[float], Sequence[Sequence[int]]]]:
    """The losses, rates and rows of the epoch's iterations, as many as are made in one go: then `run` is behind them.

    That is one, unless the engine can make more and no callback looks at each.
    """
    epoch = getattr(run.engine, "epoch", None)
    first, done = run.iteration, 0
    if epoch is None or any(each.every_iteration for each in run.callbacks):
        epoch = partial(_one_by_one, run)
    try:
        for losses, rates in epoch(run.data, batches):
            rows = batches[done : done + len(losses)]
            done += len(losses)
            run.iteration, run.rows, run.loss = first + done, rows[-1], losses[-1]
            yield losses, rates, rows
    except NonFiniteError as error:
        run.iteration, run.rows = first + done + 1, batches[done]
        raise DivergenceError(run, str(error)) from error


def _one_by_one(run: Run, data: Dataset, batches: list[list[int]]) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
    for rows in batches:
        rate = run.optimizer.rate
        yield [run.engine.step(data, rows)], [rate]


def _watchers(callbacks: Sequence[Callback | Callable[[Run], Any]]) -> list[Callback]:
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks is a list; write callbacks=[{callbacks!r}]")
    found = [each if isinstance(each, Callback) else EachEpoch(each) for each in callbacks]
    for each in found:
        refuse_unknown(each, type(each).__name__)  # a method may have been given to the object, not to its class
        each.every_iteration |= "on_iteration" in vars(each)
    return found


def _optimizer(
    optimizer: str | Optimizer | type[Optimizer], lr: float | Callable[[int], float] | None, model: Module
) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        is_class = isinstance(optimizer, type) and issubclass(optimizer, Optimizer)
        make: Any = optimizer if is_class else optimizer_class(optimizer)  # type: ignore[arg-type]
        return make(model.parameters()) if lr is None else make(model.parameters(), lr)  # type: ignore[no-any-return]
    if lr is not None:
        raise ValueError(f"lr={lr!r} was passed beside {optimizer!r}, which has its own; set it there")
    if strangers := set(optimizer.parameters) - set(model.parameters()):
        count, cure = len(optimizer.parameters), "make the optimizer from this model's parameters(), after the model"
        raise ValueError(f"{len(strangers)} of the optimizer's {count} parameters are not the model's; {cure}")
    return optimizer


def _numpy(*arguments: Any, **options: Any) -> Engine:
    from micrograd_plus.train.compiled import CompiledEngine  # on first use, as it loads NumPy

    return CompiledEngine(*arguments, **options)


def _c(*arguments: Any, **options: Any) -> Engine:
    from micrograd_plus.train.native import NativeEngine

    return NativeEngine(*arguments, **options)


BACKENDS: dict[str, Callable[..., Engine]] = {"numpy": _numpy, "c": _c, "eager": EagerEngine}
"""What `backend=` knows by name: each makes an `Engine` from the arguments that its protocol tells."""


def _width(backend: str | None, dtype: str) -> dict[str, str]:
    """The width of numbers as an option of an engine that has a choice, where it is not the usual one."""
    if named("dtype", dtype, {"float64": False, "float32": True}) and backend == "eager":
        needed = f"{argument('backend', 'numpy')} or {argument('backend', 'c')}"
        raise ValueError(f"{argument('dtype', dtype)} needs {needed}; the graph as it stands has 64 bits")
    return {} if dtype == "float64" else {"dtype": dtype}


def _name(engine: Engine) -> str:
    """What the History tells of an engine: its backend and width."""
    return f"{engine.backend}, {getattr(engine, 'dtype', 'float64')}"


def _engine(backend: str | None, data: Dataset, batch_size: int, *arguments: Any, **options: Any) -> Engine:
    """The engine of a backend, ready for `data`; eager, with a warning, where none is named and NumPy can't serve."""
    engine = named("backend", "numpy" if backend is None else backend, BACKENDS)(*arguments, **options)
    if backend == "eager":
        engine.prepare(data, batch_size)
        return engine
    from micrograd_plus.compiler import CompileError

    try:
        engine.prepare(data, batch_size)
        return engine
    except CompileError as error:
        if backend is not None:
            cure = f"leave {argument('backend')} out, or use {argument('backend', 'eager')}"
            raise CompileError(f"the backend {backend!r} can't run this model: {error}; {cure}") from error
        width = f" in 64 bits, not in {options.pop('dtype')}" if "dtype" in options else ""
        warnings.warn(f"the model can't be compiled, and runs as it stands{width}: {error}", stacklevel=3)
    return _engine("eager", data, batch_size, *arguments, **options)


LARGE_INPUT = 50.0  # standardized features stay below 10; pixels from 0 to 16 still train
LARGE_TARGET = 1e3  # its squared error starts at a million, and the gradient at thousands
RISE = 10.0  # noise between batches moves a loss by less than this factor


class DivergenceError(NonFiniteError):
    """Training met a loss, a gradient or a new parameter that is not finite.

    `epoch` and `iteration` (both from 1) tell where, `causes` the likely reasons with their cures, `history` what
    happened before. The model keeps the parameters that it had before that iteration; where only the figures after an
    epoch could not be taken, those it had after.
    """

    def __init__(self, run: Run, what: str) -> None:
        self.epoch, self.iteration, self.history = run.epoch, run.iteration, run.history
        self.causes = likely_causes(run)
        kept = "before" if len(run.history.iterations) < run.iteration else "after"
        super().__init__(
            f"training stopped in epoch {run.epoch}, iteration {run.iteration}, as a number is not finite: {what}."
            f" Likely cause: {'; or '.join(self.causes)}. The model keeps the parameters it had {kept} this iteration"
        )


def likely_causes(run: Run) -> list[str]:
    """Returns what in a run's numbers explains that its loss stopped being finite, each with its cure; at least one."""
    found, data = _of_the_rate(run.history.iterations, run.optimizer.rate), run.data
    columns = zip(data.feature_names, zip(*(data.inputs[row] for row in run.rows)))
    size, name = max((max(map(abs, column)), name) for name, column in columns)
    if size > LARGE_INPUT:
        found.append(f"the inputs are not scaled ({name} reaches {size:.3g}); use data.standardize")
    size = max(map(abs, flat([data.targets[row] for row in run.rows])))
    if size > LARGE_TARGET and not data.is_classification:
        found.append(f"the targets are not scaled ({data.target_name} reaches {size:.3g}); divide them by about that")
    return found or ["an operation of the model or the loss left its domain on this batch, as its message tells"]


def _of_the_rate(iterations: Sequence[Iteration], rate: float) -> list[str]:
    smaller = float(f"{rate / 10:g}")
    cure = f"try {argument('lr', smaller)}, or bound the gradient with {argument('clip', 1)}"
    lowest = min(iterations, key=lambda each: each.loss, default=None)
    if lowest and iterations[-1].loss > RISE * abs(lowest.loss):
        rise = f"the loss rose from {lowest.loss:.3g} (iteration {lowest.iteration}) to {iterations[-1].loss:.3g}"
        return [f"the learning rate {rate:g} is too high, {rise}; {cure}"]
    return [f"the learning rate {rate:g} is high; {cure}"] if rate > 1 else []
