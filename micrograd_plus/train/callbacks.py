"""A callback looks on while a model is trained, and may step in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, ClassVar, Literal

from micrograd_plus.checks import counted, guess, listed, whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.schema import Fields, Finite, ListOf, Maybe, Names, Whole
from micrograd_plus.train.engine import Engine
from micrograd_plus.train.history import History
from micrograd_plus.train.objectives import Objective

__all__ = [
    "ELSEWHERE", "EVENTS", "Callback", "EachEpoch", "EarlyStopping", "ReduceLROnPlateau", "Run", "refuse_unknown",
]  # fmt: skip


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
        """Returns where the run is, in a line: the batch's loss, and the last figure of the last epoch.

        Where the model was given an earlier epoch's parameters back, it tells of that epoch instead.
        """
        if self.history.restored:
            return self.history.remarks()[-1]
        figures = self.history.epochs[-1].figures if self.history.epochs else {}
        validated = [f"{name} {value:.4g}" for name, value in list(figures.items())[1:][-1:]]
        return ", ".join([f"epoch {self.epoch}/{self.epochs}", f"loss {self.loss:.4g}", *validated])

    def mark(self) -> Callable[[], None]:
        """Returns what brings the run back to where it is now: numbers, generators, history, what callbacks keep."""
        optimizer, past = self.optimizer, _copied(self.history)
        numbers = [(parameter, parameter.data) for parameter in self.model.parameters()]
        kept = deepcopy((optimizer.state, [each.state_dict() for each in self.callbacks]))
        t, rates, epoch, iteration = optimizer.t, optimizer.lrs, self.epoch, self.iteration
        generators = [(rng, rng.getstate()) for _, rng in self.model.generators()]

        def back() -> None:
            for parameter, number in numbers:
                parameter.data = number
            optimizer.state, callbacks = deepcopy(kept)
            optimizer.t, optimizer.lrs = t, rates
            for rng, state in generators:
                rng.setstate(state)
            self.epoch, self.iteration = epoch, iteration
            self.history = _copied(past)
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


def _copied(history: History) -> History:
    return replace(history, iterations=[*history.iterations], epochs=[*history.epochs])


class Callback:
    """What `fit(callbacks=[...])` calls at the start, after each iteration, after each epoch and at the end.

    Override what you need of `on_start(run)`, `on_iteration(run)`, `on_epoch(run)` and `on_end(run)`. A callback that
    keeps something from epoch to epoch returns it from `state_dict()` (lists, dicts, texts and numbers), so that a
    checkpoint holds it, and takes it back in `load_state_dict(state)`. Raises TypeError for a subclass with another
    method whose name begins with `on_`, as nobody would call it.

    >>> class A(Callback):
    ...     def on_epoch_end(self, run):
    ...         print(run.describe())
    Traceback (most recent call last):
        ...
    TypeError: A.on_epoch_end isn't called: it is on_epoch(run) here; there are on_start, on_iteration, on_epoch, on_end
    """

    every_iteration = False
    """Whether `on_iteration` is defined; if not, parameters need not be written back after each update."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_unknown(cls, cls.__name__)
        cls.every_iteration = cls.on_iteration is not Callback.on_iteration

    def on_start(self, run: Run) -> None:
        """Called before the first epoch, or, after a resume, before the next; again where a run begins anew.

        A run begins anew, eagerly, where the compiled program no longer gave what model and loss themselves give.
        """

    def check_state(self, run: Run) -> None:
        """Called once all that a checkpoint held is loaded; an error refuses the file, and nothing is changed."""

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


EVENTS = ("on_start", "on_iteration", "on_epoch", "on_end")

ELSEWHERE = {
    "on_start": "on_train_begin on_train_start on_fit_start on_begin",
    "on_iteration": "on_batch_end on_train_batch_end on_batch on_step on_step_end",
    "on_epoch": "on_epoch_end on_train_epoch_end on_validation_end on_validation_epoch_end on_test_end on_evaluate",
    "on_end": "on_train_end on_fit_end on_finish",
}
"""What Keras, Lightning and transformers call these events."""

NOWHERE = ("_begin", "_start")
"""How the names end of what comes before an epoch or an iteration: here it is the end of the one before."""


def refuse_unknown(callback: object, name: str) -> None:
    """Raises TypeError if a class or an object has a method `on_...` that nobody calls, and says how it is called here.

    >>> refuse_unknown(EarlyStopping, "EarlyStopping")
    """
    for method in dir(callback):
        if method.startswith("on_") and method not in EVENTS and callable(getattr(callback, method)):
            ours = next((event for event, names in ELSEWHERE.items() if method in names.split()), "")
            close = guess(method[3:], [event[3:] for event in EVENTS])
            ours = ours or (f"on_{close}" if close and not method.endswith(NOWHERE) else "")
            meant = f"it is {ours}(run) here" if ours else "there is no such event"
            raise TypeError(f"{name}.{method} isn't called: {meant}; there are {', '.join(EVENTS)}")


class EachEpoch(Callback):
    """A plain function as a callback: it is called after each epoch. Raises TypeError for what is no function."""

    def __init__(self, function: Callable[[Run], Any]) -> None:
        if isinstance(function, type):
            raise TypeError(f"a callback is made from its class: write {function.__name__}(), with the brackets")
        if any(method.startswith("on_") for method in dir(function)):
            kind = type(function).__name__
            raise TypeError(f"a {kind} is no Callback; write class {kind}(Callback), from micrograd_plus.train")
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

    def check_state(self, run: Run) -> None:
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

    def check_state(self, run: Run) -> None:
        """Raises ValueError unless what was kept can be of this run, and can be restored."""
        super().check_state(run)
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
            why = f"{self._figure(run)[0]} has not improved for {counted(self.patience, 'epoch')}"
            stay = f"it was best in epoch {self.best_epoch}, with {self.best:.4g}, and those of the last epoch stay"
            run.stop(why if self.restore_best else f"{why}; {stay}")  # what is restored the history tells by itself

    def on_end(self, run: Run) -> None:
        """Puts the best epoch's parameters back, also where training ran to its last epoch, and has History say so."""
        if self.restore_best and self.parameters and self.best_epoch != run.epoch:
            run.model.load_state_dict(self.parameters)
            run.history.restored = self.best_epoch


class ReduceLROnPlateau(_Plateau):
    """Multiplies the learning rate by `factor` whenever a figure has not improved for more than `patience` epochs.

    So it does with that of each parameter group; none falls below `min_lr`. The figure, `min_delta` and
    `higher_is_better` are as in `EarlyStopping`; the count begins anew after each reduction, as in
    `torch.optim.lr_scheduler.ReduceLROnPlateau`. Raises ValueError for a factor that is not between 0 and 1, and, in
    `fit`, where the optimizer's rate is a schedule, which changes it already.

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

    _kept = Fields(best=Maybe(Finite()), best_epoch=Whole(), waiting_since=Whole(), lrs=ListOf(Finite(least=0)))

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
        self.waiting_since = 0
        self.lrs: list[Any] = []

    def check_state(self, run: Run) -> None:
        """Raises ValueError unless what was kept can be of this run."""
        super().check_state(run)
        if self.waiting_since > run.epoch or len(self.lrs) != len(run.optimizer.lrs):
            raise ValueError(f"it waits since epoch {self.waiting_since}, and has {counted(len(self.lrs), 'rate')}")

    def on_start(self, run: Run) -> None:
        """Forgets an earlier run; where this one goes on from a checkpoint, brings its rate back."""
        if schedule := next(filter(callable, run.optimizer.lrs), None):
            raise ValueError(f"the rate is a schedule, {schedule!r}; pass a number as lr, or leave this out")
        if run.history.epochs:
            run.optimizer.lrs = self.lrs
        else:
            self._forget()
            self.lrs = run.optimizer.lrs

    def on_epoch(self, run: Run) -> None:
        """Compares the epoch's figure with the best so far, and lowers the rate when patience is at an end."""
        if self._has_improved(run):
            self.waiting_since = run.epoch
        elif run.epoch - self.waiting_since > self.patience:
            self.waiting_since = run.epoch
            self.lrs = run.optimizer.lrs = [max(lr * self.factor, min(self.min_lr, lr)) for lr in self.lrs]
