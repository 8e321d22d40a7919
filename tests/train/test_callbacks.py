"""Callbacks: a rate that falls on a plateau, beside PyTorch's; what is restored; names and errors of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import fit
from micrograd_plus.data import Dataset, moons
from micrograd_plus.nn import MLP, SGD, binary_cross_entropy_with_logits
from micrograd_plus.nn.schedules import Cosine
from micrograd_plus.train import (
    Callback,
    Checkpoint,
    DivergenceError,
    EagerEngine,
    EarlyStopping,
    History,
    NonFiniteError,
    ReduceLROnPlateau,
    Run,
    accuracy,
)  # fmt: skip
from micrograd_plus.train.callbacks import EVENTS

FIGURES = [1.0, 0.9, 0.9, 0.95, 0.91, 0.9, 0.5, 0.6, 0.55, 0.5, 0.5, 0.4999, 0.5, 0.7, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3]


class Told(Callback):
    """Puts a figure of our own making into the history, before the next callback looks."""

    def __init__(self, figures: list[float]) -> None:
        self.figures = figures

    def on_epoch(self, run: Run) -> None:
        run.history.epochs[-1].figures["made"] = self.figures[run.epoch - 1]


class Rates(Callback):
    """Remembers the rate of each epoch's last step."""

    def __init__(self) -> None:
        self.rates: list[Any] = []

    def on_epoch(self, run: Run) -> None:
        self.rates.append(run.optimizer.lr)


def rates_of(plateau: ReduceLROnPlateau) -> list[float]:
    model, rates = MLP(2, [1], seed=0), Rates()
    optimizer = SGD(model.parameters(), lr=0.1)
    callbacks = [Told(FIGURES), plateau, rates]
    fit(model, moons(8), optimizer=optimizer, loss="mse", epochs=len(FIGURES), callbacks=callbacks)
    return rates.rates


@pytest.mark.parametrize(("patience", "rates"), [(2, 5), (1, 8), (10, 1)])
def test_the_rate_falls_on_each_plateau(patience: int, rates: int) -> None:
    found = rates_of(ReduceLROnPlateau("made", factor=0.5, patience=patience))
    assert sorted(found, reverse=True) == found
    assert len(set(found)) == rates


@pytest.mark.torch
@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize("min_lr", [0.0, 0.03])
def test_the_rates_are_those_of_pytorch(patience: int, min_lr: float) -> None:
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=1e-4, threshold_mode="abs", min_lr=min_lr
    )
    theirs = []
    for figure in FIGURES:
        scheduler.step(figure)
        theirs.append(optimizer.param_groups[0]["lr"])
    assert rates_of(ReduceLROnPlateau("made", factor=0.5, patience=patience, min_lr=min_lr)) == pytest.approx(theirs)


def test_a_run_that_goes_on_has_the_rate_it_had(tmp_path: Path) -> None:
    def run(epochs: int, path: str) -> tuple[History, float]:
        model = MLP(2, [4, 1], seed=0)
        optimizer = SGD(model.parameters(), lr=0.1)
        kept = Checkpoint(tmp_path / path, resume=True)
        plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05)
        options: Any = {"optimizer": optimizer, "epochs": epochs, "checkpoint": kept, "callbacks": [plateau]}
        return fit(model, moons(32), **options), optimizer.rate

    whole = run(12, "whole")
    run(7, "parts")
    assert (run(12, "parts")[1], run(12, "parts")[0].losses) == (whole[1], whole[0].losses)
    assert whole[1] < 0.1


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="factor multiplies the learning rate and lies between 0 and 1, not 2"):
        ReduceLROnPlateau(factor=2)
    model = MLP(2, [1], seed=0)
    with pytest.raises(ValueError, match=r"the rate is a schedule, Cosine.*pass a number as lr, or leave this out"):
        fit(model, moons(8), lr=Cosine(0.1, steps=10), callbacks=[ReduceLROnPlateau()])


# -------------------------------------------------------------------- methods that nobody would call

ELSEWHERE = {
    "on_start": ["on_train_begin", "on_train_start", "on_fit_start"],
    "on_iteration": ["on_batch_end", "on_train_batch_end", "on_step_end", "on_iterations"],
    "on_epoch": ["on_epoch_end", "on_train_epoch_end", "on_validation_epoch_end", "on_epochs", "on_epoc"],
    "on_end": ["on_train_end", "on_fit_end", "on_ends"],
    "": ["on_epoch_begin", "on_train_epoch_start", "on_batch_begin", "on_train_batch_start", "on_exception"],
}
"""Names of Keras, Lightning and transformers, and mistakes in ours, by what they are here."""
NAMES = [(ours, name) for ours, names in ELSEWHERE.items() for name in names]


def nothing(self: Any, run: Any) -> None: ...


@pytest.mark.parametrize(("ours", "name"), NAMES)
def test_a_method_that_nobody_calls_is_refused(ours: str, name: str) -> None:
    told = rf"it is {ours}\(run\) here" if ours else "there is no such event"
    words = rf"Mine.{name} isn't called: {told}; there are on_start, on_iteration, on_epoch, on_end"
    with pytest.raises(TypeError, match=words):
        type("Mine", (Callback,), {name: nothing})
    mixin = type("Mixin", (), {name: nothing})
    with pytest.raises(TypeError, match=words):
        type("Mine", (mixin, Callback), {})
    mine = type("Mine", (Callback,), {})()
    setattr(mine, name, lambda run: None)
    with pytest.raises(TypeError, match=words):
        fit(MLP(2, [1]), moons(8), callbacks=[mine])
    with pytest.raises(TypeError, match=r"a Keras is no Callback; write class Keras\(Callback\), from micrograd_plus"):
        fit(MLP(2, [1]), moons(8), callbacks=[type("Keras", (), {name: nothing})()])


def test_the_docstring_lists_the_methods() -> None:
    for name in ("on_start", "on_iteration", "on_epoch", "on_end"):
        assert f"`{name}(run)`" in (Callback.__doc__ or "")
    assert {name for name in vars(Callback) if name.startswith("on_")} == {*EVENTS}


def test_a_method_given_to_the_object_is_called() -> None:
    mine, seen = Callback(), []
    mine.on_iteration = lambda run: seen.append(run.iteration)  # type: ignore[method-assign]
    fit(MLP(2, [1]), moons(8), epochs=2, batch_size=4, callbacks=[mine])
    assert seen == [1, 2, 3, 4]


# -------------------------------------------------------------------- errors of a callback's own

ERRORS = [NonFiniteError("mine"), FloatingPointError("mine"), ArithmeticError("mine"), ValueError("mine")]


@pytest.mark.parametrize("backend", ["numpy", "eager"])
@pytest.mark.parametrize("event", ["on_start", "on_iteration", "on_epoch", "on_end"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_a_callback_stays_its_own(error: Exception, event: str, backend: str) -> None:
    def fail(self: Any, run: Run) -> None:
        raise error

    model = MLP(2, [1], seed=0)
    with pytest.raises(type(error), match=r"^mine$") as caught:
        fit(model, moons(8), epochs=2, callbacks=[type("Mine", (Callback,), {event: fail})()], backend=backend)
    assert caught.value is error
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_a_run_inside_a_callback_or_a_metric_diverges_by_itself(backend: str) -> None:
    def inner(*_: Any) -> float:
        fit(
            MLP(1, [1]),
            Dataset([[1e100], [2e100]], [1e90, 2e90]),
            optimizer="sgd",
            lr=0.1,
            epochs=9,
            batch_size=1,
            backend=backend,
        )
        return 1.0

    for options in ({"callbacks": [inner]}, {"metrics": [inner]}):
        arguments: Any = options
        with pytest.raises(DivergenceError) as caught:
            fit(MLP(2, [1]), moons(8), epochs=1, backend=backend, **arguments)
        assert caught.value.__cause__ is None or not isinstance(caught.value.__cause__, DivergenceError)
        assert "2e+100" in str(caught.value), "it tells of the data of the inner run"


# -------------------------------------------------------------------- what is restored is what is told


@pytest.mark.parametrize("backend", ["numpy", "eager"])
@pytest.mark.parametrize("patience", [2, 99])
@pytest.mark.parametrize("figure", ["validation loss", "validation accuracy"])
def test_what_is_told_is_what_the_restored_model_has(
    figure: str, patience: int, backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []

    @contextmanager
    def bar(total: int, show: bool) -> Iterator[Any]:
        words: list[Any] = []
        yield lambda done, describe: words.append(describe)
        told.append(words[-1]())

    monkeypatch.setattr("micrograd_plus.train.loop.progress_bar", bar)
    model, validation = MLP(2, [24, 1], activation="relu", seed=0), moons(60, noise=0.4, seed=1)
    stopping = EarlyStopping(figure, patience=patience)
    history = fit(
        model, moons(16, noise=0.4), lr=0.3, epochs=12, validation=validation, callbacks=[stopping], backend=backend
    )
    assert history.restored == stopping.best_epoch < len(history), "it must end on an epoch that is not its best"
    engine = EagerEngine(model, binary_cross_entropy_with_logits, SGD(model.parameters()))
    loss, predictions = engine.evaluate(validation)
    right = accuracy(predictions, validation.targets)
    words = f"epoch {stopping.best_epoch}: validation loss {loss:.4g}, validation accuracy {right:.4g}"
    expected = f"the model has the parameters of {words}"
    assert told == [expected] and expected in repr(history) and expected in str(history.table(3))
    assert str(stopping.best_epoch) in [row[0] for row in history.table(2).rows]
    assert repr(history).count(f"epoch {stopping.best_epoch}") == 1, "what was restored is told once"
    if patience == 2:
        assert history.stopped == f"{figure} has not improved for 2 epochs" and f"{figure} {stopping.best:.4g}" in words
    assert History.load(history.save(tmp_path / "h.json")) == history


def test_without_restoring_the_last_parameters_are_told() -> None:
    stopping = EarlyStopping("loss", patience=1, min_delta=1e9, restore_best=False)
    history = fit(MLP(2, [1], seed=0), moons(8), epochs=9, callbacks=[stopping])
    assert history.restored == 0 and "the model has" not in repr(history)
    assert history.stopped.endswith("and those of the last epoch stay")


def test_a_loss_in_the_course_of_an_epoch_is_told_as_such() -> None:
    history = fit(MLP(2, [1], seed=0), moons(8), epochs=9, callbacks=[EarlyStopping(patience=1, min_delta=1e9)])
    assert f"the parameters of epoch 1: mean loss in its course {history['loss'][0]:.4g}" in repr(history)
