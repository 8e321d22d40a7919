"""Compiled equals eager, or says so: every way to look at a number, in every place, through every entry point.

A run is "equal" if losses and parameters are those of the eager run, and "told" if a warning said that it runs
eagerly, or a named backend refused. There is no third.
"""

from __future__ import annotations

import random
import types
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, compile, fit, nn, total
from micrograd_plus.compiler import CompileError
from micrograd_plus.data import Dataset
from micrograd_plus.train import Callback, Predictor, Run
from micrograd_plus.train.compiled import CompiledEngine
from micrograd_plus.train.engine import PartedError
from tests.trust.ways import HANG_ON_THE_CALL, OF_A_PLAIN_NUMBER, WAYS, Way

PLACES = ("input", "hidden", "weight", "prediction", "loss", "target", "penalty", "in training only", "in a rare row")


class Looking(nn.Module):
    """A small network that looks at one of its numbers on the way."""

    def __init__(self, place: str, way: Way) -> None:
        self.hidden, self.last = nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 1, seed=2)
        self.place, self.way = place, way

    def factor(self, place: str, number: Any) -> Any:
        return self.way(number) if place == self.place else 1.0

    def forward(self, x: Any) -> Any:
        middle = self.hidden([x[0] * self.factor("input", x[0]), x[1]])
        if self.place == "in training only" and self.training:
            middle = [middle[0] * self.way(middle[0]), *middle[1:]]
        if self.place == "in a rare row":  # by a sum that only one row makes large
            rare = (x[0] * 100 - 150).relu()
            middle = [middle[0] + rare * self.way(rare), *middle[1:]]
        middle[1] = middle[1] * self.factor("hidden", middle[1])
        weight = self.hidden.neurons[0].weights[0]
        return self.last([middle[0] * self.factor("weight", weight), *middle[1:]])


def data(kind: type) -> Dataset:
    rng = random.Random(3)
    rows = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(24)]
    rows[17][0] = 1.7  # the rare one
    targets = [kind(abs(x) > 0.5) if kind is int else x * y for x, y in rows]
    return Dataset(rows, targets, classes=["inside", "outside"]) if kind is int else Dataset(rows, targets)


def trained(place: str, make: Any, kind: type, backend: str | None) -> tuple[list[float], list[float], list[str]]:
    random.seed(1)
    np.random.seed(1)
    way = make()
    model = Looking(place, way)

    def loss(prediction: Any, target: Any) -> Any:
        factor = way(prediction) if place == "loss" else way(target) if place == "target" else 1.0
        return (prediction - target) ** 2 * factor + 0.1 * prediction * (
            way(prediction) if place == "prediction" else 1
        )

    def penalty(weights: Any) -> Any:
        return 0.01 * total([w * w for w in weights]) * way(weights[0])

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        history = fit(
            model, data(kind), loss=loss, optimizer="sgd", lr=0.05, epochs=2, batch_size=6, backend=backend, metrics=(),
            penalty=penalty if place == "penalty" else None, progress=False,
        )  # fmt: skip
    return history.losses, list(model.state_dict().values()), [str(each.message) for each in told]


def verdict(place: str, make: Any, kind: type) -> str:
    try:
        losses, weights, _ = trained(place, make, kind, "eager")
    except Exception as error:
        return f"refused by the eager run: {type(error).__name__}"
    found, also, told = trained(place, make, kind, None)
    alike = np.allclose(found, losses, rtol=1e-9, atol=1e-12) and np.allclose(also, weights, rtol=1e-9, atol=1e-12)
    assert alike, f"losses {found[:3]}, eagerly {losses[:3]}{'; told: ' + told[0] if told else ', and no word'}"
    return "told" if told else "equal"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_training_is_equal_or_told(place: str, way: str) -> None:
    verdict(place, WAYS[way], int if place == "target" else float)


@pytest.mark.parametrize("way", OF_A_PLAIN_NUMBER)
def test_class_targets_are_plain_numbers(way: str) -> None:
    assert verdict("target", OF_A_PLAIN_NUMBER[way], int) in ("equal", "told")


@pytest.mark.parametrize("way", WAYS)
def test_a_compiled_function_is_equal_or_refused(way: str) -> None:
    def function(row: Any) -> Any:
        return total([x * x for x in row]) * WAYS[way]()(row[0])

    rows = [[0.3, -0.5], [0.9, 0.2], [-0.4, 0.7], [1.0, 1.0]]
    try:
        eager = [float(function([Value(x) for x in row])) for row in rows]
    except Exception:
        return
    try:
        found = compile(function)(rows)
    except CompileError:
        return
    np.testing.assert_allclose(found, eager, rtol=1e-12)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in HANG_ON_THE_CALL])
@pytest.mark.parametrize("place", ["input", "hidden", "weight", "in a rare row"])
def test_a_predictor_gives_for_many_rows_what_it_gives_for_each(place: str, way: str) -> None:
    rows = data(float).inputs * 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            predictor = Predictor(Looking(place, WAYS[way]()).eval(), ("x0", "x1"))
            each = [predictor.outputs([row])[0] for row in rows]
        except (IndexError, TypeError):
            return  # the model itself refuses
        np.testing.assert_allclose(predictor.outputs(rows), each, rtol=1e-12)


# -------------------------------------------------------------------- what a callback changes


class Warm(nn.Module):
    """A model with a temperature, an epoch that it knows, and a list of settings."""

    def __init__(self) -> None:
        self.layer, self.temperature, self.settings, self.late = nn.Layer(2, 1, seed=0), 1.0, [1.0, 2.0], False

    def forward(self, x: Any) -> Any:
        y = self.layer(x) / self.temperature + self.settings[1]
        return y.tanh() if self.late else y


def cooled(run: Any) -> None:
    run.model.temperature *= 0.7


def set_anew(run: Any) -> None:
    run.model.settings[1] -= 0.5


def gone_late(run: Any) -> None:
    run.model.late = run.epoch > 2


WEIGHT = 1.0


def weighted_loss(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2 * WEIGHT


def weighed(run: Any) -> None:
    global WEIGHT
    WEIGHT *= 1.5


@pytest.mark.parametrize("change", [cooled, set_anew, gone_late, weighed])
def test_what_a_callback_changes_is_seen(change: Any) -> None:
    global WEIGHT
    found = []
    for backend in ("numpy", "eager"):
        WEIGHT = 1.0
        model = Warm()
        history = fit(
            model, data(float), loss=weighted_loss, optimizer="sgd", lr=0.01, epochs=5, batch_size=8,
            callbacks=[change], backend=backend,
        )  # fmt: skip
        found.append([*history.losses, *model.state_dict().values()])
    np.testing.assert_allclose(*found, rtol=1e-10)


CONFIG: Any = types.ModuleType("config")
"""Settings that nobody watches: what a module holds may be anything."""


class Cooling(Callback):
    """Changes what is in the module, from epoch to epoch."""

    def __init__(self, by: float = 0.5, since: int = 0) -> None:
        self.by, self.since = by, since

    def on_start(self, run: Run) -> None:
        CONFIG.temperature = 1.0

    def on_epoch(self, run: Run) -> None:
        CONFIG.temperature *= self.by if run.epoch >= self.since else 1.0


def cooling_loss(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2 * CONFIG.temperature


def cooled_run(
    backend: str | None, by: float = 0.5, since: int = 0, dropout: float = 0.5, **options: Any
) -> list[float]:
    CONFIG.temperature = 1.0
    model = nn.MLP(2, [4, 1], activation="tanh", dropout=dropout, seed=0)
    settings: Any = {"optimizer": "adam", "epochs": 4, "batch_size": 6, "callbacks": [Cooling(by, since)], **options}
    history = fit(model, data(float), loss=cooling_loss, backend=backend, **settings)
    return [*history.losses, *model.state_dict().values()]


@settings(max_examples=12, deadline=None)
@given(
    st.floats(0.1, 3.0), st.integers(0, 5), st.sampled_from([0.0, 0.5]), st.integers(1, 24),
    st.sampled_from(["sgd", "adam", "rmsprop"]), st.sampled_from([None, 0.5]),
)  # fmt: skip
def test_whenever_it_changes_the_run_is_that_of_the_eager_engine(
    by: float, since: int, dropout: float, batch_size: int, optimizer: str, clip: float | None
) -> None:
    options: Any = {"batch_size": batch_size, "optimizer": optimizer, "clip": clip}
    eager = cooled_run("eager", by, since, dropout, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(cooled_run(None, by, since, dropout, **options), eager, rtol=1e-9, atol=1e-12)


def test_what_nobody_watches_is_found_by_the_audit() -> None:
    eager = cooled_run("eager")
    with pytest.warns(UserWarning, match=r"after iteration \d+, .*by itself.*trained anew from the start, eagerly"):
        np.testing.assert_allclose(cooled_run(None), eager, rtol=1e-12)
    with pytest.raises(PartedError, match="leave backend out, or use backend='eager'"):
        cooled_run("numpy")


def test_an_audit_changes_nothing() -> None:
    """A run that is audited after every epoch is that which is audited at its end alone."""
    found = []
    for took in (1e-9, 1e9):
        model = nn.MLP(2, [8, 1], activation="tanh", dropout=0.5, seed=0)
        engine = CompiledEngine(model, nn.mse_loss, nn.Adam(model.parameters(), lr=0.01))
        engine.prepare(data(float))
        model.train()
        losses = []
        for _ in range(5):
            losses += [engine.step(data(float)) for _ in range(3)]
            engine._audit_took = took
            engine.audit(data(float))
        engine.sync()
        found.append([*losses, *model.state_dict().values()])
    assert found[0] == found[1]


def test_a_compiled_model_sees_its_mode_and_its_settings() -> None:
    model = nn.MLP(2, [8, 1], dropout=0.5, seed=0)
    compiled = compile(model)
    rows = [[0.5, -1.0], [0.25, 1.0]]
    compiled(rows)
    model.eval()
    np.testing.assert_allclose(compiled(rows), [model(row).data for row in rows], rtol=1e-12)
    warm = Warm()
    compiled = compile(warm)
    compiled(rows)
    warm.temperature = 3.0
    np.testing.assert_allclose(compiled(rows), [warm(row).data for row in rows], rtol=1e-12)
    warm.layer.neurons[0].bias = nn.Parameter(5.0)
    np.testing.assert_allclose(compiled(rows), [warm(row).data for row in rows], rtol=1e-12)
