"""The compiled engine does what the eager one does."""

import random

import numpy as np
import pytest

from micrograd_plus.compiler import CompileError, compile
from micrograd_plus.compiler.update import update_function
from micrograd_plus.data import Dataset, batch_indices, iris, line, moons
from micrograd_plus.functions import total
from micrograd_plus.nn import (
    MLP,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dropout,
    Layer,
    Module,
    Parameter,
    RMSprop,
    Sequential,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_penalty,
    l2_penalty,
    mse_loss,
)
from micrograd_plus.operation import Bernoulli
from micrograd_plus.train.compiled import CompiledEngine
from micrograd_plus.train.engine import EagerEngine, NonFiniteError
from micrograd_plus.train.trainer import Trainer
from micrograd_plus.value import Value, leaf

CASES = {
    "dropout": (lambda: MLP(2, [8, 8, 1], dropout=0.3, seed=1), moons(40), binary_cross_entropy_with_logits, Adam, {}),
    "two dropouts": (
        lambda: Sequential(
            Layer(2, 6, "tanh", seed=0), Dropout(0.5, seed=1), Layer(6, 5, seed=2), Dropout(0.2, seed=3),
            Layer(5, 1, seed=4),
        ),
        moons(40), mse_loss, SGD, {},
    ),
    "penalty and norm": (
        lambda: MLP(2, [8, 1], activation="tanh", seed=1), moons(40), mse_loss, SGD,
        {"penalty": lambda parameters: l2_penalty(parameters, 0.01), "clip_norm": 0.2},
    ),
    "classes": (
        lambda: MLP(4, [8, 3], seed=1), iris(), cross_entropy, AdamW,
        {"penalty": lambda parameters: l1_penalty(parameters, 0.01), "clip_value": 0.05},
    ),
    "one input": (lambda: MLP(1, [6, 1], activation="gelu", seed=1), line(), huber_loss, RMSprop, {}),
    "several targets": (
        lambda: MLP(2, [4, 2], activation="elu", seed=1),
        Dataset([[0.1 * i, 1 - 0.2 * i] for i in range(30)], [[0.3 * i, float(i % 3)] for i in range(30)]),
        mse_loss, Adagrad, {},
    ),
}  # fmt: skip


def run(engine_class, make, data, loss, optimizer, options):
    """Everything that two epochs leave behind."""
    model = make()
    engine = engine_class(model, loss, optimizer(model.parameters(), lr=0.02), **options)
    engine.prepare(data)
    model.train()
    losses = [engine.step(data, rows) for epoch in (1, 2) for rows in batch_indices(len(data), 16, seed=0, epoch=epoch)]
    mean, predictions = engine.evaluate(data)
    engine.sync()
    state = engine.optimizer.state_dict()
    numbers = {
        "losses": losses, "evaluate": mean, "predictions": predictions, "predict": engine.predict(data.inputs[:7]),
        "parameters": [each.data for each in model.parameters()],
        "gradients": [each.grad for each in model.parameters()],
        "states": list(state["state"].values()), "t": state["t"],
        "draws": [each.op.rng.random() for each in model.modules() if isinstance(each, Dropout)],
    }  # fmt: skip
    return numbers


@pytest.mark.parametrize("case", CASES)
def test_compiled_and_eager_training_are_the_same(case):
    eager, compiled = (run(engine, *CASES[case]) for engine in (EagerEngine, CompiledEngine))
    for what, numbers in eager.items():
        np.testing.assert_allclose(compiled[what], numbers, rtol=1e-11, atol=1e-13, err_msg=what)


class Noisy(Module):
    """A model with noise of its own, in training alone or always, and generators in a list."""

    def __init__(self, always):
        self.mlp, self.always = MLP(2, [4, 1], seed=0), always
        self.noises = [Bernoulli(0.5, 2.0, random.Random(7)), Bernoulli(0.75, 1.5, random.Random(8))]

    def forward(self, x):
        if self.training or self.always:
            x = [each * leaf(noise.draw(), noise) for each, noise in zip(x, self.noises)]
        return self.mlp(x)


@pytest.mark.parametrize("always", [False, True])
def test_a_models_own_noise_is_drawn_as_the_eager_engine_does(always):
    results = []
    for engine_class in (EagerEngine, CompiledEngine):
        model, data = Noisy(always), moons(20)
        engine = engine_class(model, mse_loss, Adam(model.parameters(), lr=0.1))
        if engine_class is CompiledEngine:
            states = [each.rng.getstate() for each in model.noises]
            engine.prepare(data)
            assert [each.rng.getstate() for each in model.noises] == states
        losses = []
        for rows in (range(8), range(8, 20), range(20)):
            losses += [engine.step(data, list(rows)), engine.evaluate(data)[0]]
        engine.sync()
        results.append([*losses, *model.state_dict().values(), *(each.rng.random() for each in model.noises)])
    np.testing.assert_allclose(*results, rtol=1e-11)


def test_prepare_changes_nothing():
    model = MLP(2, [4, 1], dropout=0.5, seed=0)
    rng = next(each.op.rng for each in model.modules() if isinstance(each, Dropout))
    before = model.state_dict(), rng.getstate()
    CompiledEngine(model, mse_loss, SGD(model.parameters())).prepare(moons(20))
    assert (model.state_dict(), rng.getstate()) == before


class Choosing(Module):
    """A model that looks at its numbers: by a comparison, or behind the tracer's back."""

    def __init__(self, openly):
        self.layer, self.openly = Layer(2, 1, seed=0), openly

    def forward(self, x):
        y = self.layer(x)
        if self.openly:
            return y if y > 0 else y * 0.1
        return y if y.data > 0 else y * 0.1


@pytest.mark.parametrize(("openly", "words"), [(True, "looks at"), (False, "other things for other data")])
def test_control_flow_on_data_is_told(openly, words):
    model = Choosing(openly)
    with pytest.raises(CompileError, match=words):
        CompiledEngine(model, mse_loss, SGD(model.parameters())).prepare(moons(50))


def test_targets_that_the_loss_refuses_are_refused():
    model = MLP(2, [3], seed=0)
    data = Dataset([[0.0, 1.0], [1.0, 0.0]], [0, 7])
    with pytest.raises(ValueError, match="class number from 0 to 2"):
        CompiledEngine(model, cross_entropy, SGD(model.parameters())).prepare(data)


@pytest.mark.parametrize("engine_class", [EagerEngine, CompiledEngine])
def test_a_step_that_is_not_finite_changes_nothing(engine_class):
    model = MLP(1, [1], seed=0)
    optimizer = SGD(model.parameters(), lr=1e200, momentum=0.9)
    engine = engine_class(model, mse_loss, optimizer)
    data = Dataset([[1e100]], [1.0])
    before = model.state_dict(), optimizer.state_dict()
    with pytest.raises(NonFiniteError):
        for _ in range(3):
            engine.step(data)
            engine.sync()
            before = model.state_dict(), optimizer.state_dict()
    engine.sync()
    assert (model.state_dict(), optimizer.state_dict()) == before


def test_load_takes_what_somebody_changed():
    model = MLP(2, [3, 1], seed=0)
    engine = CompiledEngine(model, mse_loss, SGD(model.parameters(), lr=0.1))
    data = moons(20)
    engine.step(data)
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0))
    engine.load()
    assert engine.predict(data.inputs[:2]) == [0.0, 0.0]
    mean, _ = engine.evaluate(data)
    assert engine.step(data) == pytest.approx(mean)


def test_the_optimizer_may_have_some_of_the_parameters():
    results = []
    for engine_class in (EagerEngine, CompiledEngine):
        model = MLP(2, [4, 1], seed=0)
        engine = engine_class(model, mse_loss, Adam(model.layers[0].parameters(), lr=0.1))
        for _ in range(3):
            engine.step(moons(20))
        engine.sync()
        results.append(list(model.state_dict().values()))
    np.testing.assert_allclose(*results, rtol=1e-11)


def test_a_trainer_goes_on_over_programs_of_several_lengths():
    def loss(row):
        return (total([w * x for w, x in zip(table, row)]) - 1) ** 2

    results = []
    rows = [[0.5, 1.0], [0.25, -1.0, 2.0], [1.0, 1.0], [0.5, 0.5, 0.5]]
    for compiled in (False, True):
        table = [Parameter(0.1 * i, f"w{i}") for i in range(3)]
        optimizer = Adam(table, lr=0.1)
        trainer = Trainer(compile(loss, parameters=table), optimizer) if compiled else None
        losses = []
        for row in rows:
            if trainer:
                losses.append(trainer.step([row]))
                continue
            optimizer.zero_grad()
            out = loss([Value(x) for x in row])
            out.backward()
            optimizer.step()
            losses.append(out.data)
        if trainer:
            trainer.sync()
        results.append([*losses, *(w.data for w in table), *optimizer.state["m"]])
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_a_program_may_be_called_between_two_steps():
    w, x = Parameter(1.0, "w"), Value(1.0, "x")
    program = compile((w * x) ** 2, inputs=[x])
    trainer = Trainer(program, SGD([w], lr=0.25))
    assert trainer.step([1.0]) == 1.0
    assert program([1.0]).tolist() == [1.0]  # with what the Values are: nothing has been written back
    assert trainer.step([1.0]) == 0.25
    trainer.sync()
    assert program([1.0]).tolist() == [0.0625]


@pytest.mark.parametrize("scale", [1.0, 1e170])
@pytest.mark.parametrize("limits", [{"clip_norm": 0.5}, {"clip_value": 0.1}, {"clip_norm": 0.5, "clip_value": 0.1}])
def test_clipped_gradients_are_the_eager_engines(limits, scale):
    results = []
    for engine_class in (EagerEngine, CompiledEngine):
        model = MLP(2, [4, 1], seed=0)
        chosen = model.layers[0].parameters()
        engine = engine_class(model, lambda y, _: y * scale, SGD(chosen, lr=0.1), **limits)
        engine.step(moons(20))
        engine.sync()
        results.append([each.grad for each in chosen] + [each.data for each in chosen])
    np.testing.assert_allclose(*results, rtol=1e-11)


def test_a_trainer_tells_of_parameters_that_the_program_does_not_know():
    w, x, other = Parameter(1.0, "w"), Value(1.0, "x"), Parameter(2.0, "other")
    trainer = Trainer(compile(w * x, inputs=[x]), SGD([w, other]))
    with pytest.raises(ValueError, match="does not know: other"):
        trainer.step([1.0])


@pytest.mark.parametrize(
    "make",
    [
        SGD,
        lambda w: SGD(w, momentum=0.9, dampening=0.1, weight_decay=0.1),
        lambda w: SGD(w, momentum=0.9, nesterov=True),
        lambda w: RMSprop(w, centered=True, momentum=0.5, weight_decay=0.1),
        Adagrad,
        lambda w: Adam(w, weight_decay=0.1),
        AdamW,
    ],
)
def test_the_update_has_the_bits_of_the_rule(make):
    optimizer = make([Parameter(1.0)])
    rng = np.random.default_rng(0)
    update = update_function(optimizer.rule.lines, optimizer.rule.state, optimizer.rule.options, 50)
    w, states = rng.normal(size=50), [np.zeros(50) for _ in optimizer.state]
    floats = [[float(x), *([0.0] * len(states))] for x in w]
    for t in range(1, 6):
        g = rng.normal(size=50)
        new_w, new_states = np.empty(50), [np.empty(50) for _ in states]
        update(w, g, t, 0.05, *states, new_w, *new_states)
        w, states = new_w, new_states
        for each, gradient in zip(floats, g.tolist()):
            found = optimizer.rule(w=each[0], g=gradient, t=t, lr=0.05, **dict(zip(optimizer.state, each[1:])))
            each[:] = [found["w"], *(found[name] for name in optimizer.state)]
        assert w.tolist() == [each[0] for each in floats]
        for i, state in enumerate(states, 1):
            assert state.tolist() == [each[i] for each in floats]
