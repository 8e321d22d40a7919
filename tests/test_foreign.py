"""Words of micrograd, PyTorch and Keras: each is an alias, or an error with our word, which works as it is typed."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import micrograd_plus
from micrograd_plus import Value, data, dot, fit, gradients, nn, no_grad, softmax, topological_order, total, train
from micrograd_plus.foreign import KEPT, WORDS
from micrograd_plus.nn import optim


def home(name: str) -> Any:
    things = {"Value": Value(2.0, "x"), "Module": nn.MLP(2, [3, 1]), "Optimizer": nn.SGD([Value(1.0)], lr=0.1)}
    return things[name] if name in things else import_module(name)


CASES = [(name, word) for name, words in WORDS.items() for word in words]
IN_CODE = re.compile(r"(?<![\w.])[a-z][\w.]*(?:\[[^\]]*\])?[\w.]*\((?:[^()]|\([^()]*\))*\)(?:\.\w+(?:\([^()]*\))?)*")


@pytest.mark.parametrize(("where", "word"), CASES)
def test_a_foreign_word_is_told_ours(where: str, word: str) -> None:
    thing = home(where)
    with pytest.raises(AttributeError, match=re.escape(f"here: {WORDS[where][word]}")):
        getattr(thing, word)
    assert not hasattr(thing, word) and word not in dir(thing)
    if where.startswith("micrograd_plus"):
        with pytest.raises(ImportError, match=re.escape(f"here: {WORDS[where][word]}")):
            exec(f"from {where} import {word}")


@pytest.mark.parametrize(("where", "word"), CASES)
def test_the_code_of_a_cure_runs_as_typed(
    where: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    points = data.moons(20)
    model = nn.MLP(2, [3, 2])
    train.Predictor.of(model, points).save("model.json")
    x = Value(0.5)
    names: dict[str, Any] = {
        "nn": nn, "train": train, "data": data if where != "Module" else points, "Value": Value, "total": total,
        "dot": dot, "softmax": softmax, "gradients": gradients, "random": random, "compile": micrograd_plus.compile,
        "model": model, "x": x, "y": x * 2, "value": x, "values": [x, x], "weights": [x], "inputs": [x],
        "outputs": [x, x], "output": x**2, "loss": x**2, "parameters": model.parameters(), "dataset": points,
        "rows": points.inputs, "test": points, "optimizer": nn.SGD([x], lr=0.1), "layer": model.layers[0],
        "row": points.inputs[0],
        "state": model.state_dict(), "predictions": [x], "targets": [1.0], "Layer": nn.Layer,
    }  # fmt: skip
    if "Predictor.of(model, data)" in WORDS[where][word] or "fit(model, data" in WORDS[where][word]:
        names["data"] = points
    names["fit"] = lambda *args, **options: fit(*args, **{"epochs": 1, "progress": False, **options})
    x.grad = 1.0
    if where == "micrograd_plus.data":
        names |= {"inputs": [[0.0], [1.0]], "targets": [1.0, 2.0]}
    if "standardize" in WORDS[where][word]:
        names["train"] = points
    for code in IN_CODE.findall(WORDS[where][word]):
        eval(code.replace("epochs=10", "epochs=1"), {**names, "epochs": 1})


def test_aliases_are_what_they_say() -> None:
    assert nn.Linear(2, 3).activation is None and nn.Linear(2, 3, bias=False).neurons[0].bias is None
    row = [Value(1.0), Value(-2.0)]
    assert nn.CrossEntropyLoss()(row, 1).data == nn.cross_entropy(row, 1).data
    smoothed = nn.CrossEntropyLoss(label_smoothing=0.1)(row, 1).data
    assert smoothed == nn.cross_entropy(row, 1, label_smoothing=0.1).data != nn.cross_entropy(row, 1).data
    for name, loss in {"MSELoss": nn.mse_loss, "L1Loss": nn.l1_loss, "HuberLoss": nn.huber_loss}.items():
        assert getattr(nn, name)()(row, [1.0, 0.0]).data == loss(row, [1.0, 0.0]).data
    assert nn.BCEWithLogitsLoss()(row[0], 1).data == nn.binary_cross_entropy_with_logits(row[0], 1).data
    assert nn.BCELoss()(Value(0.25), 1).data == nn.binary_cross_entropy(Value(0.25), 1).data
    assert nn.NLLLoss()(row, 1).data == nn.nll_loss(row, 1).data
    assert micrograd_plus.optim is optim and row[0].item() == 1.0
    history = fit(nn.MLP(2, [4, 2]), data.moons(20), loss=nn.CrossEntropyLoss(), epochs=1, progress=False)
    assert history["loss"]


def test_names_of_parts_and_methods_are_found_at_the_top() -> None:
    for name, ours in {
        "Layer": "nn.Layer",
        "Adam": "nn.Adam",
        "Dataset": "data.Dataset",
        "moons": "data.moons",
    }.items():
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; here: micrograd_plus\.{ours}$"):
            getattr(micrograd_plus, name)
    with pytest.raises(AttributeError, match=r"no attribute 'tanh'; here: x\.tanh\(\)"):
        _ = micrograd_plus.tanh
    with pytest.raises(AttributeError, match=r"module 'micrograd_plus' has no attribute 'nothing'$"):
        _ = micrograd_plus.nothing


@pytest.mark.parametrize("word", [word for word in WORDS["Value"] if word not in KEPT])
def test_a_foreign_word_that_is_set_is_told_ours_too(word: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"here: {WORDS['Value'][word]}")):
        setattr(Value(1.0), word, False)


def test_a_module_of_ones_own_may_have_any_attribute() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.weight, self.save, self.children = nn.Parameter(1.0), "here", 3

        def fit(self) -> str:
            return "mine"

    net: Any = Net()
    assert (net.fit(), net.save, net.children, len(net.parameters())) == ("mine", "here", 3, 1)
    assert {"weight", "save", "fit"} <= {*dir(net)} and "predict" not in dir(net)


def test_dir_shows_only_what_is_ours() -> None:
    for name in ("", ".nn", ".data", ".train", ".explain", ".viz", ".compiler"):
        module = import_module(f"micrograd_plus{name}")
        assert dir(module) == sorted(module.__all__), name
    ours = {name for name in dir(Value(1.0)) if not name.startswith("_")}
    assert ours.isdisjoint(WORDS["Value"]) and {"data", "grad", "backward", "tanh", "item"} <= ours
    assert dir(Value(1.0)) == sorted(dir(Value))


# -------------------------------------------------------------------- no_grad


RESULTS: dict[str, Any] = {
    "an operation": lambda x: x * 2,
    "one operand": lambda x: x.tanh(),
    "many operands": lambda x: dot([x, x, x], [1.0, x, 2.0]),
    "a power": lambda x: x**3,
    "a model": lambda x: nn.MLP(1, [3, 1])(x),
    "a loss": lambda x: nn.mse_loss(nn.MLP(1, [3, 1])(x), 1.0),
    "a softmax": lambda x: softmax([x, x * 2])[0],
    "of constants": lambda x: Value(1.0) + 2,
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_backward_from_a_result_of_no_grad_says_so(make: Any) -> None:
    x = Value(0.5, "x")
    with no_grad():
        result = make(x)
    with pytest.raises(
        RuntimeError, match=r"comes from no_grad\(\) or detach\(\), which record nothing; compute it outs"
    ):
        result.backward()
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        make(x).detach().backward()
    make(x).backward()  # the cure
    (result * x).backward()  # it is a constant to what is made of it
    assert result.children == () and x.grad != 0.0


def test_constants_and_leaves_are_told_from_results_of_no_grad() -> None:
    for leaf in (Value(1.0), nn.Parameter(2.0), micrograd_plus.constant(3.0), micrograd_plus.constant(3)):
        leaf.backward()
        assert leaf.grad == 1.0
    x = Value(0.5, "x")
    loss = (x.detach() * x) ** 2
    loss.backward()
    assert x.grad == 2 * 0.5 * 0.5 * 0.5 and "0.5" in str(loss.graph().dot())
    assert len(topological_order(loss)) == 4


# -------------------------------------------------------------------- types

TYPED = """
from __future__ import annotations
from micrograd_plus import Value, fit, nn

class Net(nn.Module):
    def __init__(self) -> None:
        self.hidden, self.drop, self.out = nn.Layer(2, 4, "relu"), nn.Dropout(0.5), nn.Neuron(4)
        self.body, self.norm = nn.MLP(2, [4, 1]), nn.LayerNorm(4)

    def forward(self, x: list[float]) -> Value:
        return self.out(self.norm(self.drop(self.hidden(x)))) + self.body(x)

class Two(nn.Module):
    def __init__(self) -> None:
        self.net, self.layer = Net(), nn.Linear(2, 3)

    def forward(self, x: list[float]) -> Value:
        return self.net(x)

    def scores(self, x: list[float]) -> list[Value]:
        return self.layer(x)

    def loss(self, x: list[float], y: float) -> Value:
        return nn.mse_loss(self.net(x), y)

model = Two()
loss = model.loss([1.0, 2.0], 1.0) + nn.cross_entropy(model.scores([1.0, 2.0]), 1)
loss.backward()
number: float = loss.item() + model([1.0, 2.0]).tanh().data
"""


@pytest.mark.slow
def test_models_and_losses_pass_strict_type_checks(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    root = Path(micrograd_plus.__file__).parents[1]
    for text, found in ((TYPED, 0), (f"{TYPED}model('text')\n", 1), (f"{TYPED}nn.Dense\n", 1)):
        (tmp_path / "typed.py").write_text(text)
        run = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "typed.py"], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "MYPYPATH": str(root)},
        )  # fmt: skip
        assert run.stdout.count("typed.py:") == found, run.stdout
    exec(compile(TYPED, "typed", "exec"), {"__name__": "typed"})
