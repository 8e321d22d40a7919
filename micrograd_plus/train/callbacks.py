"""A callback looks on while a model is trained, and may step in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, ClassVar, Literal

from micrograd_plus.checks import counted, listed, whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.schema import Fields, Finite, Maybe, Names, Whole
from micrograd_plus.train.engine import Engine
from micrograd_plus.train.history import History
from micrograd_plus.train.objectives import Objective

__all__ = ["Callback", "EachEpoch", "EarlyStopping", "ReduceLROnPlateau", "Run"]


class Run:
    """A training run under way, as a callback sees it.

    `epoch` and `iteration` count from 1 (iterations through all epochs); `rows` are the rows of `data` in the current
    batch and `loss` is its mean loss before the update; `objective` holds the loss function; `history` is what happened
    so far. `model` holds the parameters of this moment and, as their `grad`, the gradients of the last step;
    `optimizer` its state and step count. What a callback changes in them is what training goes on with.

    `engine` may keep these numbers to itself while it works: the run has it put them home for callbacks (`tell`).
    """

    def __init__(
        self, engine: Engine, model: Module, optimizer: Optimizer, data: Dataset, objective: Objective, epochs: int,
        callbacks: Sequence[Callback] = (),
    ) -> None:  # fmt: skip
        self.engine, self.model, self.optimizer = engine, model, optimizer
        self.data, self.objective, self.epochs = data, objective, whole_number("epochs", epochs, least=1)
        self.callbacks = callbacks
        self.history = History()
        self.epoch = self.iteration = 0
        self.rows: Sequence[int] = ()
        self.loss = 0.0

    @property
    def batch(self) -> Dataset:
        """Returns the rows of the current batch."""
        return self.data.take(self.rows)

    def stop(self, reason: str) -> None:
        """Ends training after the current iteration, or, asked for at an epoch's end, after that epoch."""
        self.history.stopped = reason

    def describe(self) -> str:
        """Returns where the run is, in a line: the batch's loss, and the last figure of the last epoch."""
        figures = self.history.epochs[-1].figures if self.history.epochs else {}
        validated = [f"{name} {value:.4g}" for name, value in list(figures.items())[1:][-1:]]
        return ", ".join([f"epoch {self.epoch}/{self.epochs}", f"loss {self.loss:.4g}", *validated])

    def mark(self) -> Callable[[], None]:
        """Returns what brings the run back to where it is now: numbers, generators, history, what callbacks keep."""
        optimizer, past = self.optimizer, self.history
        numbers = [(parameter, parameter.data) for parameter in self.model.parameters()]
        kept = deepcopy((optimizer.state, [each.state_dict() for each in self.callbacks]))
        t, rate, epoch, iteration = optimizer.t, optimizer.lr, self.epoch, self.iteration
        generators = [(rng, rng.getstate()) for _, rng in self.model.generators()]
        iterations, epochs, stopped = [*past.iterations], [*past.epochs], past.stopped

        def back() -> None:
            for parameter, number in numbers:
                parameter.data = number
            optimizer.state, callbacks = deepcopy(kept)
            optimizer.t, optimizer.lr = t, rate
            for rng, state in generators:
                rng.setstate(state)
            self.epoch, self.iteration = epoch, iteration
            self.history = History([*iterations], [*epochs], stopped)
            for callback, each in zip(self.callbacks, callbacks):
                callback.load_state_dict(each)

        return back

    def tell(self, event: Literal["on_start", "on_iteration", "on_epoch", "on_end"]) -> None:
        """Calls this method of the callbacks, with all numbers in their homes; what they change there counts."""
        called = [each for each in self.callbacks if event != "on_iteration" or each.every_iteration]
        if called:
            self.engine.sync()
            for callback in called:
                getattr(callback, event)(self)
            self.engine.load()


class Callback:
    """What `fit(callbacks=[...])` calls at the start, after each iteration, after each epoch and at the end.

    Override what you need. A callback that keeps something from epoch to epoch returns it from `state_dict` (lists,
    dicts, texts and numbers), so that a checkpoint holds it, and takes it back in `load_state_dict`.
    """

    every_iteration = False
    """Whether `on_iteration` is defined; if not, parameters need not be written back after each update."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.every_iteration = cls.on_iteration is not Callback.on_iteration

    def on_start(self, run: Run) -> None:
        """Called before the first epoch, or, after a resume, before the next; again where a run begins anew.

        A run begins anew, eagerly, where the compiled program no longer gave what model and loss themselves give.
        """

    def on_resume(self, run: Run) -> None:
        """Called before `on_start` where the run goes on from a checkpoint, whose state is loaded.

        An error refuses the file; then nothing is changed.
        """

    def on_iteration(self, run: Run) -> None:
        """Called after each update."""

    def on_epoch(self, run: Run) -> None:
        """Called after each epoch, when its figures are in `run.history.epochs[-1]`."""

    def on_end(self, run: Run) -> None:
        """Called once training is over, also when it was stopped early; not after an error."""

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` returned."""


class EachEpoch(Callback):
    """A plain function as a callback: it is called after each epoch. Raises TypeError for what is no function."""

    def __init__(self, function: Callable[[Run], Any]) -> None:
        if isinstance(function, type):
            raise TypeError(f"a callback is made from its class: write {function.__name__}(), with the brackets")
        if not callable(function):
            raise TypeError(f"a callback is a Callback or a function, but got {function!r}; pass one, or leave it out")
        self.function = function

    def on_epoch(self, run: Run) -> None:
        """Calls the function."""
        self.function(run)


class _Plateau(Callback):
    """Watches one figure, and knows the best so far: what stopping early and lowering the rate have in common.

    `monitor` is the figure's name; by default "validation loss", or "loss" where nothing is validated. An improvement
    counts if it is more than `min_delta`. Figures whose name ends in "accuracy" are better when higher, all others when
    lower; `higher_is_better` says otherwise. `best_epoch` and `best` tell where and what the best was.
    """

    def __init__(self, monitor: str | None, patience: int, min_delta: float, higher_is_better: bool | None) -> None:
        patience = whole_number("patience, a number of epochs,", patience, least=1)
        if not min_delta >= 0:
            raise ValueError(f"min_delta is how much better counts as better, at least 0, not {min_delta!r}")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.higher_is_better = higher_is_better
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0

    def _has_improved(self, run: Run) -> bool:
        """Whether the epoch's figure is the best so far, which is then kept."""
        figure, value = self._figure(run)
        higher = figure.endswith("accuracy") if self.higher_is_better is None else self.higher_is_better
        if self.best is not None and not (value - self.best if higher else self.best - value) > self.min_delta:
            return False
        self.best, self.best_epoch = value, run.epoch
        return True

    def _figure(self, run: Run) -> tuple[str, float]:
        figures = run.history.epochs[-1].figures
        name = self.monitor or ("validation loss" if "validation loss" in figures else "loss")
        if name not in figures:
            measured = listed(map(repr, figures), 20)
            raise KeyError(f"{type(self).__name__} monitors {name!r}, which is not measured; there is {measured}")
        return name, figures[name]

    def state_dict(self) -> dict[str, Any]:
        """Returns the best so far, and what else is counted."""
        return {name: getattr(self, name) for name in self._kept.fields}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` returned. Raises ValueError, and changes nothing, for anything else."""
        self._kept.check(state)
        vars(self).update(state)

    def on_resume(self, run: Run) -> None:
        """Raises ValueError unless what was kept can be of this run."""
        if not 0 < self.best_epoch <= run.epoch or self.best is None:
            raise ValueError(f"best is {self.best}, of epoch {self.best_epoch}, which can't be after epoch {run.epoch}")

    _kept: ClassVar[Fields] = Fields(best=Maybe(Finite()), best_epoch=Whole())


class EarlyStopping(_Plateau):
    """Stops training once a figure has not improved for `patience` epochs, and restores the best parameters.

    `monitor` is the figure's name; by default "validation loss", or "loss" where nothing is validated. An improvement
    counts if it is more than `min_delta`. Figures whose name ends in "accuracy" are better when higher, all others when
    lower; `higher_is_better` says otherwise. `best_epoch` and `best` tell where and what the best was. With
    `restore_best=False` the last parameters stay. Raises TypeError or ValueError for a `patience` that is no whole
    number of at least 1, ValueError for a negative `min_delta`; `fit` raises KeyError for a figure that is not
    measured. Source: Prechelt, "Early Stopping - But When?" (1998).
    """

    _kept = Fields(best=Maybe(Finite()), best_epoch=Whole(), parameters=Names(Finite()))

    def __init__(
        self, monitor: str | None = None, *, patience: int = 5, min_delta: float = 0.0, restore_best: bool = True,
        higher_is_better: bool | None = None,
    ) -> None:  # fmt: skip
        self.restore_best = restore_best
        super().__init__(monitor, patience, min_delta, higher_is_better)

    def _forget(self) -> None:
        super()._forget()
        self.parameters: dict[str, float] = {}

    def on_resume(self, run: Run) -> None:
        """Raises ValueError unless what was kept can be of this run, and can be restored."""
        super().on_resume(run)
        if self.restore_best and set(self.parameters) != set(run.model.state_dict()):
            raise ValueError("the parameters of the best epoch are not the model's; resume with restore_best as it was")

    def on_start(self, run: Run) -> None:
        """Forgets an earlier run; where this one goes on from a checkpoint, stops it if patience was at an end."""
        if run.history.epochs:
            self._stop_without_patience(run)
        else:
            self._forget()

    def on_epoch(self, run: Run) -> None:
        """Compares the epoch's figure with the best so far, and stops when patience is at an end."""
        if self._has_improved(run) and self.restore_best:
            self.parameters = run.model.state_dict()
        self._stop_without_patience(run)

    def _stop_without_patience(self, run: Run) -> None:
        if run.epoch - self.best_epoch >= self.patience:
            best = f"it was best in epoch {self.best_epoch}, with {self.best:.4g}"
            run.stop(f"{self._figure(run)[0]} has not improved for {counted(self.patience, 'epoch')}; {best}")

    def on_end(self, run: Run) -> None:
        """Puts the best epoch's parameters back, also where training ran to its last epoch."""
        if self.restore_best and self.parameters and self.best_epoch != run.epoch:
            run.model.load_state_dict(self.parameters)


class ReduceLROnPlateau(_Plateau):
    """Multiplies the learning rate by `factor` whenever a figure has not improved for more than `patience` epochs.

    It never falls below `min_lr`. The figure, `min_delta` and `higher_is_better` are as in `EarlyStopping`; the count
    begins anew after each reduction, as in `torch.optim.lr_scheduler.ReduceLROnPlateau`. Raises ValueError for a factor
    that is not between 0 and 1, and, in `fit`, where the optimizer's rate is a schedule, which changes it already.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP, SGD
    >>> from micrograd_plus.train import fit
    >>> model = MLP(1, [1], seed=0)
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> plateau = ReduceLROnPlateau(factor=0.5, patience=1, min_delta=1.0)
    >>> history = fit(model, line(), optimizer=optimizer, epochs=6, callbacks=[plateau])
    >>> optimizer.lr
    0.025
    """

    _kept = Fields(best=Maybe(Finite()), best_epoch=Whole(), waiting_since=Whole(), lr=Finite(least=0))

    def __init__(
        self, monitor: str | None = None, *, factor: float = 0.1, patience: int = 10, min_delta: float = 1e-4,
        min_lr: float = 0.0, higher_is_better: bool | None = None,
    ) -> None:  # fmt: skip
        if not 0 < factor < 1:
            raise ValueError(f"factor multiplies the learning rate and lies between 0 and 1, not {factor!r}")
        self.factor, self.min_lr = factor, min_lr
        super().__init__(monitor, patience, min_delta, higher_is_better)

    def _forget(self) -> None:
        super()._forget()
        self.waiting_since, self.lr = 0, 0.0

    def on_start(self, run: Run) -> None:
        """Forgets an earlier run; where this one goes on from a checkpoint, brings its rate back."""
        if callable(run.optimizer.lr):
            raise ValueError(f"the rate is a schedule, {run.optimizer.lr!r}; pass a number as lr, or leave this out")
        if run.history.epochs:
            run.optimizer.lr = self.lr
        else:
            self._forget()
            self.lr = run.optimizer.lr

    def on_epoch(self, run: Run) -> None:
        """Compares the epoch's figure with the best so far, and lowers the rate when patience is at an end."""
        if self._has_improved(run):
            self.waiting_since = run.epoch
        elif run.epoch - self.waiting_since > self.patience:
            self.waiting_since = run.epoch
            self.lr = run.optimizer.lr = max(self.lr * self.factor, min(self.min_lr, self.lr))
