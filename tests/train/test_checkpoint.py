"""Resuming from a checkpoint is, bit for bit, never having stopped; and what does not belong is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus.data import Dataset, moons
from micrograd_plus.files import read_document, write_document
from micrograd_plus.nn import MLP, SGD, Adagrad, Adam, AdamW, Dropout, Layer, Optimizer, RMSprop, Sequential
from micrograd_plus.nn.schedules import Cosine
from micrograd_plus.train import Callback, Checkpoint, EarlyStopping, History, Run, fit

ENGINES = pytest.mark.parametrize("backend", ["numpy", "eager"])


def model_with_dropout() -> Sequential:
    return Sequential(Layer(2, 6, "tanh", seed=0), Dropout(0.4, seed=1), Layer(6, 1, seed=2), Dropout(0.1, seed=3))


def train(
    optimizer: Any, epochs: int, path: Path | None, backend: str, **options: Any
) -> tuple[dict[str, float], dict[str, Any], History, list[float]]:
    """Everything that there is after a run: parameters, optimizer, history, and the random numbers to come."""
    model = model_with_dropout()
    made = optimizer(model.parameters(), **options)
    stopping = EarlyStopping(patience=50)
    history = fit(
        model, moons(23), optimizer=made, epochs=epochs, batch_size=5, validation=moons(9, seed=1), seed=4,
        callbacks=[stopping], checkpoint=None if path is None else Checkpoint(path, resume=True), backend=backend,
    )  # fmt: skip
    draws = [module.op.rng.random() for module in model.modules() if isinstance(module, Dropout)]
    return model.state_dict(), made.state_dict(), history, draws


@ENGINES
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (RMSprop, {"momentum": 0.5, "centered": True}),
        (Adagrad, {"lr": 0.1}),
        (Adam, {"lr": Cosine(0.05, steps=30), "weight_decay": 0.01}),
        (AdamW, {"lr": 0.05}),
    ],
)
def test_resuming_is_never_having_stopped(
    tmp_path: Path, optimizer: type[Optimizer], options: dict[str, Any], backend: str
) -> None:
    whole = train(optimizer, 6, None, backend, **options)
    for epochs in (1, 2, 5, 6):  # each time a new model, new optimizer and new generators, as in a new process
        stopped = train(optimizer, epochs, tmp_path / "run.json", backend, **options)
    assert stopped == whole
    again = train(optimizer, 6, tmp_path / "run.json", backend, **options)
    assert again[0] == whole[0] and again[2] == whole[2], "a finished run has nothing left to do"


def test_resuming_after_early_stopping_does_nothing_more(tmp_path: Path) -> None:
    def run() -> tuple[dict[str, float], History]:
        model = MLP(2, [8, 1], seed=0)
        history = fit(
            model, moons(20, noise=0.4), lr=0.1, epochs=100, validation=moons(30, noise=0.4, seed=1),
            callbacks=[EarlyStopping(patience=3)], checkpoint=Checkpoint(tmp_path / "run.json", resume=True),
        )  # fmt: skip
        return model.state_dict(), history

    first = run()
    assert first[1].stopped and len(first[1]) < 100
    assert run() == first


def test_without_resume_a_run_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    for _ in range(2):
        assert len(fit(MLP(2, [1]), moons(8), epochs=2, checkpoint=path)) == 2


def test_it_is_written_every_so_many_epochs_and_at_the_end(tmp_path: Path) -> None:
    path, written = tmp_path / "run.json", list[int]()

    def look(run: Run) -> None:
        written.append(json.loads(path.read_bytes())["content"]["epoch"] if path.exists() else 0)

    fit(MLP(2, [1]), moons(8), epochs=8, checkpoint=Checkpoint(path, every=3), callbacks=[look])
    assert written == [0, 0, 0, 3, 3, 3, 6, 6], "each as the next epoch sees it"
    assert json.loads(path.read_bytes())["content"]["epoch"] == 8


def test_a_callbacks_own_state_is_kept(tmp_path: Path) -> None:
    class Counter(Callback):
        count = 0

        def on_epoch(self, run: Run) -> None:
            self.count += 1

        def state_dict(self) -> dict[str, Any]:
            return {"count": self.count}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.count = state["count"]

    for epochs in (2, 5):
        counter = Counter()
        options: dict[str, Any] = {"checkpoint": Checkpoint(tmp_path / "run.json", resume=True), "callbacks": [counter]}
        fit(MLP(2, [1]), moons(8), epochs=epochs, **options)
    assert counter.count == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 4}, r"there batch size is 8, and here 4; resume with the same"),
        ({"seed": 1}, "there seed is 0, and here 1"),
        ({"shuffle": False}, "there shuffle is True, and here False"),
        ({"loss": "mse"}, "there loss is 'bce_with_logits', and here 'mse'"),
        ({"optimizer": "sgd"}, r"there optimizer is 'Adam\(3 parameters.* here 'SGD\(3 parameters"),
        ({"lr": 0.5}, r"there optimizer is 'Adam\(3 parameters, lr=0.01"),
        ({"data": moons(9)}, "there data is '8 x 2"),
        ({"data": moons(8, seed=1)}, "there data is '8 x 2"),
        ({"model": MLP(2, [2, 1])}, "there model is '3 parameters.* here '9 parameters"),
        ({"model": MLP(2, [1], dropout=0.5)}, None),
        ({"model": Sequential(Layer(2, 1), Dropout(0.5))}, "there random generators is"),
        ({"clip": 1.0}, "there clip norm is None, and here 1.0"),
        ({"callbacks": [EarlyStopping()]}, "there callbacks is"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, Any], message: str | None) -> None:
    path = tmp_path / "run.json"
    usual: dict[str, Any] = {"data": moons(8), "batch_size": 8, "lr": 0.01, "epochs": 1, "checkpoint": path}
    fit(MLP(2, [1]), **usual)
    arguments: dict[str, Any] = {"model": MLP(2, [1], seed=5), **usual, **change}
    arguments["checkpoint"] = Checkpoint(path, resume=True)
    before = arguments["model"].state_dict()
    if message is None:  # a Dropout after the last layer is none at all
        fit(**arguments)
        return
    with pytest.raises(ValueError, match=message):
        fit(**arguments)
    assert arguments["model"].state_dict() == before


def test_a_file_of_version_0_1_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    fit(MLP(2, [1]), moons(8), epochs=1, checkpoint=path)
    content = read_document(path, "checkpoint")
    assert content["run"]["loss"] == "bce_with_logits"
    content["run"]["loss"] = "binary_cross_entropy_with_logits"
    write_document(path, "checkpoint", content)
    assert len(fit(MLP(2, [1]), moons(8), epochs=3, checkpoint=Checkpoint(path, resume=True))) == 3


def test_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    options: dict[str, Any] = {"epochs": 1, "checkpoint": Checkpoint(path, resume=True)}
    fit(MLP(2, [1]), moons(8), **options)
    whole = path.read_bytes()
    for content, message in [
        (whole[: len(whole) // 2], "cut off"),
        (whole.replace(b"0.", b"1.", 1), "damaged"),
        (b"a,b\n1,2\n", "not a checkpoint file"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            fit(MLP(2, [1]), moons(8), **options)
        assert path.read_bytes() == content, "a file that can't be read is not overwritten"


SCRIPT = """
import json, sys
from micrograd_plus.data import moons
from micrograd_plus.nn import MLP
from micrograd_plus.train import Checkpoint, fit
model = MLP(2, [8, 1], dropout=0.3, seed=0)
checkpoint = Checkpoint(sys.argv[1], resume=True)
history = fit(model, moons(40), epochs=int(sys.argv[2]), lr=0.01, batch_size=8, checkpoint=checkpoint)
print(json.dumps([model.state_dict(), history.to_dict()]))
"""


def start(path: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(path), str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_after_a_checkpoint(path: Path, epochs: int, pause: float) -> bool:
    """Whether there was something to kill, a moment after the run had come a step further."""
    process = start(path, epochs)
    before = path.stat().st_mtime_ns if path.exists() else 0
    while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else 0) == before:
        time.sleep(0.001)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode != 0


def test_a_run_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole.json", 80).communicate()[0]
    assert kill_after_a_checkpoint(tmp_path / "killed.json", 80, pause=0.05)
    resumed = start(tmp_path / "killed.json", 80).communicate()[0]
    assert json.loads(resumed) == json.loads(whole)


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_goes_on(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole.json", 60).communicate()[0]
    kills = 0
    while kills < 8 and kill_after_a_checkpoint(tmp_path / "killed.json", 60, pause=0.003 * (kills % 5)):
        kills += 1
    resumed = start(tmp_path / "killed.json", 60).communicate()[0]
    assert kills > 3 and json.loads(resumed) == json.loads(whole)


def test_the_fingerprint_sees_every_number() -> None:
    from micrograd_plus.train.checkpoint import fingerprint

    data = Dataset([[1.0, 2.0], [3.0, 4.0]], [[0.0], [1.0]])
    others = [
        Dataset([[1.0, 2.0], [3.0, 4.5]], [[0.0], [1.0]]),
        Dataset([[1.0, 2.0], [3.0, 4.0]], [[0.0], [2.0]]),
        Dataset([[3.0, 4.0], [1.0, 2.0]], [[1.0], [0.0]]),
    ]
    assert len({fingerprint(each) for each in [data, *others]}) == 4
