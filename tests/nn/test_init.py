"""Initialisers draw within their bounds, with their spread, from their generator."""

from __future__ import annotations

import json
import math
import random
import statistics
from typing import Any

import pytest

from micrograd_plus import nn
from micrograd_plus.nn import init
from tests.nn import peer

RECORDED = json.loads(peer.RECORDED.read_text())
FAN_IN, FAN_OUT, DRAWS = 30, 20, 4000


def drawn(initializer: init.Initializer, gain: float = 1.0) -> list[float]:
    rng = random.Random(0)
    return [initializer(rng, FAN_IN, FAN_OUT, gain) for _ in range(DRAWS)]


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("default", 1 / math.sqrt(FAN_IN)),
        ("kaiming_uniform", math.sqrt(6 / FAN_IN)),
        ("xavier_uniform", math.sqrt(2) * math.sqrt(6 / (FAN_IN + FAN_OUT))),
        ("uniform", 1.0),
    ],
)
def test_uniform_draws_fill_their_bounds(name: str, bound: float) -> None:
    numbers = drawn(init.initializer(name), init.gain("relu"))
    assert bound * 0.99 < max(numbers) <= bound
    assert -bound <= min(numbers) < -bound * 0.99
    assert statistics.stdev(numbers) == pytest.approx(bound / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("kaiming_normal", math.sqrt(2 / FAN_IN)),
        ("xavier_normal", math.sqrt(2) * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("normal", 1.0),
    ],
)
def test_normal_draws_have_their_spread(name: str, std: float) -> None:
    numbers = drawn(init.initializer(name), init.gain("relu"))
    assert statistics.fmean(numbers) == pytest.approx(0.0, abs=4 * std / math.sqrt(DRAWS))
    assert statistics.stdev(numbers) == pytest.approx(std, rel=0.04)
    assert max(numbers) > 2.5 * std


def test_bounds_and_spread_of_ones_own() -> None:
    assert all(0.5 <= number <= 0.75 for number in drawn(init.uniform(0.5, 0.75)))
    assert statistics.fmean(drawn(init.normal(3.0, 0.1))) == pytest.approx(3.0, abs=0.01)
    assert set(drawn(init.full(0.25))) == {0.25}
    uncalled: Any = init.uniform
    assert nn.Layer(2, 3, init=uncalled, seed=0).state_dict() == nn.Layer(2, 3, init="uniform", seed=0).state_dict()


@pytest.mark.parametrize("activation", peer.GAINS)
def test_gains(activation: str) -> None:
    assert init.gain(activation) == pytest.approx(RECORDED["gains"][activation], rel=1e-15)


def test_the_gain_is_that_of_the_layers_activation() -> None:
    weights = [nn.Layer(50, 50, activation, init="kaiming_uniform", seed=0) for activation in (None, "relu")]
    plain, relu = ([weight.data for neuron in layer.neurons for weight in neuron.weights] for layer in weights)
    assert relu == pytest.approx([number * math.sqrt(2) for number in plain], rel=1e-12)


def test_biases() -> None:
    for name in init.INITIALIZERS:
        biases = [neuron.bias.data for neuron in nn.Layer(4, 8, init=name, seed=0).neurons if neuron.bias]
        assert len(biases) == 8
        assert any(biases) is (name == "default")
        assert max(map(abs, biases)) <= 0.5


def test_xavier_knows_the_number_of_outputs() -> None:
    few, many = (nn.Layer(4, nout, init="xavier_uniform", seed=0).neurons[0] for nout in (1, 95))
    ratio = math.sqrt(5 / 99)
    assert [weight.data for weight in many.weights] == pytest.approx([weight.data * ratio for weight in few.weights])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Layer(2, 2, init="kaming_normal"), "no initialiser 'kaming_normal'; did you mean 'kaiming_normal'"),
        (lambda: init.uniform(1.0, 0.0), "low <= high"),
        (lambda: init.normal(0.0, -1.0), "std >= 0"),
        (lambda: init.full(math.nan), "not a finite number"),
        (lambda: nn.manual_seed(-1), "seed must be"),
    ],
)
def test_wrong_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
