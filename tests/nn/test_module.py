"""Modules find their parameters by looking, name them stably, and keep and bring back their state."""

from __future__ import annotations

import copy
import json
import pickle
from random import Random
from typing import Any

import pytest

from micrograd_plus import Value, fit, nn
from micrograd_plus.data import moons
from micrograd_plus.operation import Bernoulli
from micrograd_plus.value import UNSEEN


class Mixed(nn.Module):
    """Parameters and Modules in all the places where they may be."""

    def __init__(self) -> None:
        self.scale = nn.Parameter(2.0)
        self.table = {"a": nn.Parameter(1.0), "b": [nn.Parameter(3.0), (nn.Parameter(4.0),)]}
        self.body = nn.MLP(2, [2, 1], dropout=0.5)
        self.heads = [nn.Neuron(1), nn.Dropout(0.1)]
        self.plain, self.note, self.width = Value(5.0), "not a parameter", 3

    def forward(self, x: Any) -> Value:
        return self.scale * self.body(x)  # type: ignore[no-any-return]


def test_names_are_dotted_and_in_order() -> None:
    names = [name for name, _ in Mixed().named_parameters()]
    assert names[:4] == ["scale", "table.a", "table.b.0", "table.b.1.0"]
    assert names[4:7] == [f"body.layers.0.neurons.0.{name}" for name in ("weights.0", "weights.1", "bias")]
    assert names[-2:] == ["heads.0.weights.0", "heads.0.bias"]
    assert [name for name, _ in nn.MLP(2, [3, 1]).named_parameters()][8] == "layers.0.neurons.2.bias"


def test_modules() -> None:
    model = Mixed()
    names = [name for name, _ in model.named_modules()]
    assert names[:4] == ["", "body", "body.layers.0", "body.layers.0.neurons.0"]
    assert names[-2:] == ["heads.0", "heads.1"]
    assert next(model.modules()) is model


def test_what_is_shared_is_found_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.first = nn.Neuron(1)
            self.second = self.first
            self.weight = self.first.weights[0]

    assert [name for name, _ in Tied().named_parameters()] == ["weight", "first.bias"]
    assert [name for name, _ in Tied().named_modules()] == ["", "first"]


def test_generators_are_found_wherever_they_are_and_once() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            self.rng = Random(0)
            self.body = nn.MLP(2, [2, 2, 1], dropout=0.5)
            self.noises = [Bernoulli(0.5, 2.0, Random(7)), {"again": (self.rng, Random(8))}]
            self.tied = self.body.layers[1]

    model = Noisy()
    found = dict(model.generators())
    assert [*found] == ["rng", "noises.0", "noises.1.again.1", "body.layers.1.op", "body.layers.3.op"]
    assert found["rng"] is model.rng and found["body.layers.1.op"] is model.tied.op.rng  # type: ignore[attr-defined]
    assert len(set(found.values())) == 5
    assert not list(nn.MLP(2, [1]).generators())


def test_labels_are_the_names_in_the_outermost_model() -> None:
    inner = nn.MLP(2, [1])
    assert inner.parameters()[0].label == "layers.0.neurons.0.weights.0"
    model = nn.Sequential(inner)
    assert inner.parameters()[0].label == "layers.0.layers.0.neurons.0.weights.0"
    model([1.0, 2.0])
    inner([1.0, 2.0])
    assert inner.parameters()[0].label == "layers.0.layers.0.neurons.0.weights.0"
    custom = Mixed()
    custom([1.0, 2.0])
    assert {parameter.label for parameter in custom.parameters()} == {name for name, _ in custom.named_parameters()}


def test_train_and_eval_reach_all() -> None:
    model = Mixed()
    assert model.training
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())


def test_zero_grad() -> None:
    model = nn.MLP(2, [2, 1])
    model([1.0, 2.0]).backward()
    assert any(parameter.grad is not UNSEEN for parameter in model.parameters())
    model.zero_grad()
    assert all(parameter.grad is UNSEEN for parameter in model.parameters())


def test_state_survives_json_to_the_last_bit() -> None:
    model, other = nn.MLP(3, [4, 2], seed=0), nn.MLP(3, [4, 2], seed=1)
    x = [0.1, -0.2, 0.3]
    assert [value.data for value in model(x)] != [value.data for value in other(x)]
    other.load_state_dict(json.loads(json.dumps(model.state_dict())))
    assert other.state_dict() == model.state_dict()
    assert [value.data for value in model(x)] == [value.data for value in other(x)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "missing bias; build"),
        ({"weights.0": None, "weight": 1.0}, r"missing weights\.0; unknown weight"),
        ({"weights.1": float("nan")}, r"weights\.1 is nan"),
        ({"weights.1": "0.5"}, r"weights\.1 is '0\.5'"),
        ({"extra": 1.0}, "unknown extra"),
    ],
)
def test_a_wrong_state_is_refused_by_name_and_whole(change: dict[str, Any], message: str) -> None:
    neuron = nn.Neuron(2)
    before = neuron.state_dict()
    state = {name: number for name, number in {**before, "weights.0": 9.0, **change}.items() if number is not None}
    with pytest.raises((ValueError, TypeError), match=message):
        neuron.load_state_dict(state)
    assert neuron.state_dict() == before
    with pytest.raises(TypeError, match=r"dict of numbers by name.*got None"):
        neuron.load_state_dict(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_whole_and_apart(copied: Any) -> None:
    model = nn.MLP(2, [3, 1], dropout=0.5)
    twin = copied(model)
    x = [0.5, -1.0]
    assert [twin(x).data for _ in range(5)] == [model(x).data for _ in range(5)]  # the dropouts draw alike too
    assert twin.state_dict() == model.state_dict()
    twin.parameters()[0].data += 1.0
    assert twin.state_dict() != model.state_dict()
    assert repr(twin) == repr(model)


def test_summary() -> None:
    assert str(Mixed().summary()).splitlines() == [
        "name           module               shape   parameters",
        "-------------  -------------------  ------  ----------",
        "scale          Parameter                             1",
        "table          Parameter                             3",
        "body.layers.0  Layer(2, 2, 'tanh')  2 -> 2           6",
        "body.layers.1  Dropout(0.5)                          0",
        "body.layers.2  Layer(2, 1)          2 -> 1           3",
        "heads.0        Neuron(1)            1 -> 1           2",
        "heads.1        Dropout(0.1)                          0",
        "Mixed                                               15",
    ]
    assert repr(nn.Layer(2, 3).summary()).splitlines()[-1].split() == ["Layer", "9"]
    shown = nn.Layer(40, 30).summary()._repr_mimebundle_()
    assert shown["text/plain"].splitlines()[-1].split() == ["Layer", "1,230"] and ">1,230</td>" in shown["text/html"]


def test_repr() -> None:
    assert repr(Mixed()).splitlines() == [
        "Mixed(",
        "  body: MLP(2, [2, 1], dropout=0.5)",
        "  heads.0: Neuron(1)",
        "  heads.1: Dropout(0.1)",
        ")",
    ]


def test_a_module_without_forward_is_told() -> None:
    with pytest.raises(NotImplementedError, match=r"Mine has no forward\(\)"):
        type("Mine", (nn.Module,), {})()(1.0)


def test_parameters_are_checked() -> None:
    with pytest.raises(TypeError, match="real number"):
        nn.Parameter("1")  # type: ignore[arg-type]


class OfTheLecture(nn.Module):
    """Plain Values in a list, and a `parameters` of its own, as the lecture writes it."""

    def __init__(self) -> None:
        self.w, self.b = [Value(0.5), Value(-0.5)], Value(0.0)
        self._more = {"scale": Value(1.0)}

    def forward(self, x: Any) -> Any:
        return (self.w[0] * x[0] + self.w[1] * x[1] + self.b) * self._more["scale"] + hidden_from_attributes

    def parameters(self) -> list[Value]:
        return [*self.w, self.b, self._more["scale"], hidden_from_attributes]


hidden_from_attributes = Value(0.25)


def test_what_parameters_returns_is_trained_named_saved_and_restored() -> None:
    model = OfTheLecture()
    names = ["w.0", "w.1", "b", "_more.scale", "parameters.4"]
    assert [name for name, _ in model.named_parameters()] == names
    state = model.state_dict()
    assert list(state.values()) == [0.5, -0.5, 0.0, 1.0, 0.25]
    data = moons(20)
    history = fit(model, data, lr=0.1, epochs=3, optimizer="sgd")
    assert all(model.state_dict()[name] != state[name] for name in names)
    model.load_state_dict(state)
    assert model.state_dict() == state
    assert history.losses[-1] < history.losses[0]
    assert str(model.summary()).splitlines()[-1].split() == ["OfTheLecture", "5"]


def test_a_part_with_parameters_of_its_own_counts_in_the_whole() -> None:
    whole = nn.Sequential(nn.Layer(2, 2, seed=0), OfTheLecture())
    assert len(whole.parameters()) == 6 + 5
    assert [name for name, _ in whole.named_parameters()][-5:-1] == [
        "layers.1.w.0", "layers.1.w.1", "layers.1.b", "layers.1._more.scale",
    ]  # fmt: skip
