"""A trial run leaves no trace, a traced Value reports each look, and surroundings tell what has changed."""

from __future__ import annotations

import copy
import itertools
import pickle
import random
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, compile, nn, no_grad, softmax
from micrograd_plus.compiler import CompileError
from micrograd_plus.compiler.trial import Surroundings, trial, values_behind
from micrograd_plus.tracing import traced

TIMES = 0
SEEN: list[int] = []


class Restless(nn.Module):
    """Changes whatever it can reach each time it is called."""

    def __init__(self) -> None:
        self.calls, self.log, self.table = 0, [0.0], {"calls": 0}
        self.rng, self.array, self.recent = random.Random(1), np.zeros(3), deque([1], maxlen=4)
        self.numpy, self.count = np.random.default_rng(2), itertools.count()

    def forward(self, _: Any) -> tuple[Any, ...]:
        global TIMES
        TIMES += 1
        SEEN.append(TIMES)
        self.calls += 1
        self.log.append(self.rng.random())
        self.table["calls"] += 1
        self.array += self.numpy.random()
        self.recent.append(next(self.count))
        chance = random.random(), float(np.random.random())
        return TIMES, len(SEEN), self.calls, self.log[:], dict(self.table), self.array.tolist(), [*self.recent], chance


def by_closure() -> Callable[[Any], Any]:
    model, calls = Restless(), [0]

    def function(x: Any) -> Any:
        calls[0] += 1
        return model(x), calls[0]

    return function


@pytest.mark.parametrize("make", [Restless, by_closure, lambda: Restless().forward])
def test_a_trial_leaves_no_trace(make: Any) -> None:
    function = make()
    with trial(function):
        first = function(0.0)
        function(0.0)
    assert function(0.0) == first


def test_what_fails_on_trial_leaves_no_trace_either() -> None:
    calls: list[int] = []
    with pytest.raises(KeyError), trial(lambda: calls):
        calls.append(1)
        raise KeyError
    assert calls == []


def test_the_values_behind_a_function() -> None:
    w, model = Value(2.0, "w"), nn.MLP(1, [1], seed=0)
    assert values_behind(lambda x: w * x) == [w]
    assert {*values_behind(model)} == {*model.parameters()}
    assert {*values_behind(lambda x: model(x))} == {*model.parameters()}


def test_surroundings_tell_a_change() -> None:
    model = nn.MLP(2, [3, 1], dropout=0.5, seed=0).train()
    around = Surroundings(model)
    before = around.now()
    assert around.now() == before
    model.eval()
    assert around.now() != before
    model.train()
    assert around.now() == before
    model.layers[0].neurons[0].bias = nn.Parameter(0.0)  # type: ignore[attr-defined]
    assert around.now() != before


def set_layer(model: Any) -> None:
    model.layers[1] = nn.Layer(3, 1, seed=9)


def set_weight(model: Any) -> None:
    model.layers[0].neurons[1].weights[0] = nn.Parameter(7.0)


def set_weights(model: Any) -> None:
    model.layers[0].neurons[1].weights = [nn.Parameter(7.0), nn.Parameter(8.0)]


def set_neuron(model: Any) -> None:
    model.layers[1].neurons = [nn.Neuron(3, seed=4)]


@pytest.mark.parametrize("change", [set_layer, set_weight, set_weights, set_neuron])
def test_what_is_replaced_is_seen_and_what_is_changed_in_it(change: Callable[[Any], None]) -> None:
    """In attributes and in lists; what has come in is watched as what was there before."""
    model, rows = nn.MLP(2, [3, 1], seed=0), [[0.5, -1.0], [0.25, 1.0]]
    compiled = compile(model)
    compiled(rows)
    change(model)
    np.testing.assert_allclose(compiled(rows), [model(row).data for row in rows], rtol=1e-12)
    for neuron in (model.layers[1].neurons[0], model.layers[0].neurons[1]):  # type: ignore[attr-defined]
        neuron.bias = nn.Parameter(5.0)
        np.testing.assert_allclose(compiled(rows), [model(row).data for row in rows], rtol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda: (n for n in [1.0, 2.0]), lambda: itertools.cycle([1.0]), lambda: zip([1], [2])]
)
def test_an_iterator_that_cannot_be_put_back_is_refused_before_it_moves(make: Any) -> None:
    turns = make()
    with pytest.raises(CompileError, match="keep a list and an index"), trial(lambda: turns):
        pass
    assert next(turns) is not None


MODEL = nn.MLP(2, [3, 2], activation="tanh", seed=0)


def quietly(x: Any) -> Any:
    with no_grad():
        return MODEL(x)


LOOKS: dict[str, Callable[[list[Value]], Any]] = {
    ".data": lambda x: x[0].data,
    ".grad": lambda x: MODEL.parameters()[0].grad,
    ".data =": lambda x: setattr(x[0], "data", 1.0),
    ".partials": lambda x: (x[0] * x[1]).partials,
    "float()": lambda x: f"{MODEL(x)[0]:.1f}",
    "repr()": lambda x: repr(MODEL(x)),
    ">": lambda x: max(x),
    "<": lambda x: sorted(MODEL(x)),
    "no_grad()": quietly,
}


@pytest.mark.parametrize("event", LOOKS)
def test_each_look_is_told(event: str) -> None:
    told: list[str] = []
    x = [Value(0.5, "a"), Value(-1.0, "b")]
    with traced([*x, *MODEL.parameters()], lambda what, node, other: told.append(what)):
        LOOKS[event](x)
    assert event in told
    assert {type(each) for each in (*x, *MODEL.parameters())} == {Value}


@pytest.mark.parametrize("look", [copy.copy, copy.deepcopy, pickle.dumps, lambda x: max(x, key=lambda v: v.data)])
def test_copies_and_keys_are_looks(look: Any) -> None:
    told: list[str] = []
    x = [Value(0.5, "a"), Value(-1.0, "b")]
    with traced(x, lambda what, node, other: told.append(what)):
        look(x if look is not copy.copy else x[0])
    assert ".data" in told


def test_a_subclass_of_value_is_what_it_was_after_a_trace() -> None:
    class Named(Value):
        """A Value with an attribute of its own."""

    w = Named(2.0, "w")
    w.note = "mine"  # type: ignore[attr-defined]
    with traced([w], lambda what, node, other: None):
        assert (w * 3).data == 6.0
    assert (type(w), w.note) == (Named, "mine")  # type: ignore[attr-defined]
    assert nn.Layer(1, 1, seed=0)([w]).children[1] is w


def test_what_computes_does_not_look() -> None:
    told: list[str] = []
    x = [Value(0.5, "a"), Value(-1.0, "b")]
    with traced([*x, *MODEL.parameters()], lambda what, node, other: told.append(what)):
        nn.cross_entropy(MODEL(x), 1).sigmoid().clamp(0, 1)
        softmax(MODEL(x))[0].log().relu()
    assert told == []
