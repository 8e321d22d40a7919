"""What the tests of the playground's engine share: runs of it in node, and the same runs in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import data as sets
from micrograd_plus.data import Dataset, split
from micrograd_plus.nn import MLP, Module
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer
from micrograd_plus.train import History, fit
from micrograd_plus.viz.live.emitted import engine_script

__all__ = ["CASES", "RUN", "assert_same", "case", "in_node", "in_python", "optimizer_of", "rows_of", "trained"]

ITERATIONS = 100

RUN = """config => {
  const run = Engine.createRun(config);
  while (run.at.iteration < 100 || run.at.batch < run.batches) if (!run.iteration()) break;
  return {losses: run.history.losses, epochs: run.history.epochs, w: [...run.parameters], names: run.network.parameters,
    stopped: run.stopped, words: run.network.words};
}"""
"""A run of 100 iterations, and to the end of its epoch."""


def in_node(function: str, *given: Any, engine: str | None = None, folder: Path) -> list[Any]:
    """What a function of JavaScript, which sees `Engine`, returns for each of some arguments."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    engine = engine_script() if engine is None else engine
    file = folder / "run.js"
    tail = "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8')).map(of)));"
    file.write_text(f'"use strict";\n{engine}\nconst of = {function};\n{tail}', encoding="utf-8")
    done = subprocess.run([node, str(file)], input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def case(
    data: str, optimizer: str = "adam", lr: float = 0.05, *, loss: str = "", batch: int = 16, hidden: Any = (6, 5),
    activation: str = "tanh", dropout: float = 0.0, validation: float = 0.25, n: int = 48, noise: float = 0.1,
    seed: int = 3, shuffle: bool = True, **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """A config of the engine; `batch` 0 is all rows."""
    return {
        "model": {"kind": "mlp", "hidden": [*hidden], "activation": activation, "dropout": dropout},
        "data": {"name": data, "n": n, "noise": noise}, "validation": validation, "loss": loss, "seed": seed,
        "optimizer": {"name": optimizer, "lr": lr, "options": options}, "batchSize": batch, "shuffle": shuffle,
    }  # fmt: skip


CASES = [
    case("xor", "sgd", 0.3, batch=0, validation=0.0),
    case("xor", "sgd", 0.1, loss="mse", batch=1, activation="sigmoid", momentum=0.9),
    case("xor", "adagrad", 0.1, loss="huber", activation="elu", dropout=0.3, seed=11),
    case("moons", batch=7, dropout=0.2),
    case("moons", "rmsprop", 0.02, loss="cross_entropy", activation="gelu", hidden=(5,), centered=True, momentum=0.5),
    case("moons", "sgd", 0.05, loss="hinge", activation="silu", dropout=0.5, momentum=0.9, nesterov=True, seed=4),
    case("moons", "adamw", 0.02, batch=0, dropout=0.1, activation="leaky_relu", n=150, validation=0.2),
    case("circles", "adamw", 0.03, activation="relu", hidden=(8, 8), seed=2**40),
    case("circles", "adam", 0.03, loss="l1", batch=5, validation=0.37, weight_decay=0.01),
    case("circles", "sgd", 0.2, hidden=(), momentum=0.5, dampening=0.5, weight_decay=0.1, shuffle=False),
    case("spirals", "adam", 0.03, activation="softplus", hidden=(4, 3, 2), beta1=0.8, beta2=0.99, seed=0),
    case("spirals", "rmsprop", 0.01, loss="bce_with_logits", batch=1, dropout=0.4, noise=0.02, seed=123456789),
    case("blobs", "adam", 0.02, noise=0.5, dropout=0.25),
    case("blobs", "sgd", 0.5, loss="cross_entropy", batch=0, activation="relu", noise=0.8, validation=0.5, seed=8),
    case("blobs", "adagrad", 0.2, loss="mse", batch=11, noise=0.5),
]
"""All data sets, losses, activations, optimizers; batches of all rows, of one and between; dropout or none."""


def rows_of(config: dict[str, Any]) -> tuple[Dataset, Dataset | None]:
    """The rows to train on, and those held back, of a config in Python."""
    spec = config["data"]
    made = getattr(sets, spec["name"])(spec["n"], noise=spec["noise"], seed=config["seed"])
    return split(made, config["validation"], seed=config["seed"]) if config["validation"] else (made, None)


def optimizer_of(config: dict[str, Any], model: Module) -> Optimizer:
    """The optimizer of a config."""
    given = config["optimizer"]
    options = dict(given["options"])
    if {"beta1", "beta2"} & {*options}:
        options["betas"] = options.pop("beta1"), options.pop("beta2")
    return OPTIMIZERS[given["name"]](model.parameters(), given["lr"], **options)


@lru_cache(maxsize=64)
def _in_python(text: str) -> tuple[History, MLP]:
    config = json.loads(text)
    training, _ = rows_of(config)
    model_of, loss = (
        config["model"],
        config["loss"] or ("cross_entropy" if len(training.classes) > 2 else "bce_with_logits"),
    )
    widths = [*model_of["hidden"], len(training.classes) if loss == "cross_entropy" else 1]
    model = MLP(2, widths, activation=model_of["activation"], dropout=model_of["dropout"], seed=config["seed"])
    return trained(model, config, loss, backend="numpy"), model


def in_python(config: dict[str, Any]) -> tuple[History, MLP]:
    """The run of a config by `fit`, and the model that it trained."""
    return _in_python(json.dumps(config))


def trained(model: Module, config: dict[str, Any], loss: Any, backend: str) -> History:
    """The history of training a model as a config says."""
    training, held = rows_of(config)
    size = config["batchSize"] or len(training)
    measured = {"training": training} | ({"validation": held} if held else {})
    tells_classes = len(training.classes) == 2 or loss == "cross_entropy"
    return fit(
        model, training, loss=loss, optimizer=optimizer_of(config, model), batch_size=size,
        epochs=-(-ITERATIONS // -(-len(training) // size)), shuffle=config["shuffle"], seed=config["seed"],
        validation=measured, metrics=["accuracy" if tells_classes else "mean_absolute_error"], backend=backend,
        progress=False,
    )  # fmt: skip


def assert_same(found: dict[str, Any], history: History, model: Module) -> None:
    """What the engine found is what Python did: losses, weights and figures, to 1e-9."""
    assert found["stopped"] is None
    assert found["losses"] == pytest.approx([each.loss for each in history.iterations], rel=1e-9, abs=1e-9)
    names, weights = zip(*((name, each.data) for name, each in model.named_parameters()))
    assert found["names"] == [*names]
    assert found["w"] == pytest.approx([*weights], rel=1e-9, abs=1e-9)
    assert [each["iteration"] for each in found["epochs"]] == [each.iteration for each in history.epochs]
    for ours, theirs in zip(found["epochs"], history.epochs):
        flat = {"loss": ours["loss"]}
        for part in ("training", "validation"):
            for name, figure in (ours[part] or {}).items():
                flat[f"{part} {name}".replace("error", "mean absolute error")] = figure
        assert flat == pytest.approx(theirs.figures, rel=1e-9, abs=1e-9)
