"""A rate that falls on a plateau, beside PyTorch's, and with checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import fit
from micrograd_plus.data import moons
from micrograd_plus.nn import MLP, SGD
from micrograd_plus.nn.schedules import Cosine
from micrograd_plus.train import Callback, Checkpoint, History, ReduceLROnPlateau, Run

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
