"""Parameter groups: rates, options and freezing by name are the same eagerly, compiled, in files and in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, nn
from micrograd_plus.data import Dataset, moons
from micrograd_plus.explain import Doctor, Ledger
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer
from micrograd_plus.nn.schedules import Cosine, StepDecay
from micrograd_plus.train import Checkpoint, History, ReduceLROnPlateau, fit

GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "a rate": {"layers.0": {"lr": 1e-3}},
    "rates and decay": {"layers.0.*": {"lr": 1e-3}, "*.bias": {"weight_decay": 0.0}, "layers.1": {"weight_decay": 0.3}},
    "frozen": {"layers.0": {"frozen": True}},
    "one neuron frozen": {"layers.0.neurons.1": {"frozen": True}, "layers.1": {"lr": 0.2}},
    "a rate of 0": {"*.weights": {"lr": 0.0}},
    "all in groups": {"*": {"lr": 0.02}, "layers.1": {"lr": 0.3}},
    "a schedule": {
        "layers.0": {"lr": StepDecay(0.1, every=2)},
        "layers.1.neurons.0.bias": {"lr": Cosine(0.5, steps=9)},
    },
}
OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.1}, "rmsprop": {"weight_decay": 0.1}, "adagrad": {"weight_decay": 0.1},
    "adam": {"weight_decay": 0.1}, "adamw": {},
}  # fmt: skip
OWN: dict[str, dict[str, dict[str, Any]]] = {
    "sgd": {"layers.0": {"momentum": 0.0}, "layers.1": {"nesterov": True}},
    "rmsprop": {"layers.0": {"centered": True}, "layers.1": {"momentum": 0.5, "alpha": 0.9}},
    "adagrad": {"layers.0": {"eps": 1e-3}},
    "adam": {"layers.0": {"betas": (0.5, 0.9)}, "*.bias": {"beta2": 0.99}},
    "adamw": {"layers.0": {"eps": 1e-3, "betas": [0.8, 0.9]}},
}
CASES = [(name, groups) for name in OPTIONS for groups in [*GROUPS.values(), OWN[name]]]
each_case = pytest.mark.parametrize(("name", "groups"), CASES, ids=lambda each: each if isinstance(each, str) else None)


def made(name: str, groups: dict[str, dict[str, Any]], seed: int = 1) -> tuple[nn.MLP, Optimizer]:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=seed)
    make: Any = OPTIMIZERS[name]
    return model, make(model.parameters(), 0.05, groups=groups, **OPTIONS[name])


def trained(name: str, groups: dict[str, dict[str, Any]], **options: Any) -> tuple[list[float], dict[str, Any]]:
    model, optimizer = made(name, groups)
    history = fit(model, moons(20), optimizer=optimizer, epochs=2, batch_size=8, **options)
    return [*history.losses, *model.state_dict().values()], optimizer.state_dict()


@each_case
def test_both_engines_give_the_same(name: str, groups: dict[str, dict[str, Any]]) -> None:
    eager, state = trained(name, groups, backend="eager", clip=0.3)
    compiled, others = trained(name, groups, backend="numpy", clip=0.3)
    assert compiled == pytest.approx(eager, rel=1e-9, abs=1e-12)
    assert others["state"].keys() == state["state"].keys()
    for key, numbers in state["state"].items():
        assert others["state"][key] == pytest.approx(numbers, rel=1e-9, abs=1e-12)


@each_case
def test_a_step_of_arrays_has_the_bits_of_the_rule(name: str, groups: dict[str, dict[str, Any]]) -> None:
    import numpy as np

    from micrograd_plus.train.trainer import TrainState

    _, optimizer = made(name, groups)
    state, count = TrainState(optimizer), len(optimizer.parameters)
    w = np.array([each.data for each in optimizer.parameters])
    state.states = [np.zeros(count) for _ in optimizer.state]
    for t in range(1, 5):
        g = np.sin(np.arange(count) * t)
        for each, grad in zip(optimizer.parameters, g.tolist()):
            each.grad = grad
        rates = [optimizer.rate_in(group) for group in optimizer.groups]
        state.w, state.new_w, state.new_states = w, np.empty(count), [np.empty(count) for _ in optimizer.state]
        state._update_groups(g, t, rates, np.arange(count))
        w, state.states = state.new_w, state.new_states
        optimizer.step()
        assert w.tolist() == [each.data for each in optimizer.parameters]
        assert [each.tolist() for each in state.states] == [*optimizer.state.values()]


@pytest.mark.torch
@each_case
def test_they_are_pytorchs(name: str, groups: dict[str, dict[str, Any]]) -> None:
    import torch

    model, optimizer = made(name, groups)
    leaves = {each: torch.tensor(each.data, dtype=torch.float64, requires_grad=True) for each in optimizer.parameters}
    kind: Any = getattr(torch.optim, type(optimizer).__name__)
    theirs = []
    for group in optimizer.groups:
        options = {
            **OPTIONS[name],
            **{key: each for key, each in group.own.items() if key not in ("beta1", "beta2", "lr")},
        }
        rule = group.rule.options
        if "beta1" in rule:
            options["betas"] = (rule["beta1"], rule["beta2"])
        theirs.append({"params": [leaves[optimizer.parameters[i]] for i in group.members], **options})
    stepper = kind(theirs, lr=0.05)
    for t in range(6):
        for group, their in zip(optimizer.groups, stepper.param_groups):
            their["lr"] = optimizer.rate_in(group)
        for i, (each, tensor) in enumerate(leaves.items()):
            each.grad = ((7 * i + 3 * t) % 5 - 2) / 3
            tensor.grad = torch.tensor(each.grad, dtype=torch.float64)
        optimizer.step()
        stepper.step()
    assert [each.data for each in leaves] == pytest.approx([each.item() for each in leaves.values()], rel=1e-12)
    assert all(each.data == before for each, before in zip(optimizer.frozen, _starts(model, optimizer)))


def _starts(model: nn.MLP, optimizer: Optimizer) -> list[float]:
    fresh = dict(nn.MLP(2, [3, 1], activation="tanh", seed=1).named_parameters())
    return [fresh[name].data for name, each in model.named_parameters() if each in optimizer.frozen]


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_what_is_frozen_stays_and_is_not_in_the_norm(backend: str) -> None:
    model, optimizer = made("sgd", GROUPS["frozen"])
    before = model.state_dict()
    fit(model, moons(20), optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, clip=1e-3, backend=backend)
    moved = {name: (model.state_dict()[name] - before[name]) for name in before}
    assert {name for name, step in moved.items() if step} == {name for name in before if name.startswith("layers.1")}
    grads = [each.grad for each in optimizer.parameters]
    assert sum(grad * grad for grad in grads) ** 0.5 == pytest.approx(1e-3, rel=1e-2), "theirs alone make the norm"


def test_pytorchs_form_is_the_same_as_names() -> None:
    def steps(make: Any) -> list[float]:
        model = nn.MLP(2, [3, 1], seed=0)
        fit(model, moons(8), optimizer=make(model), epochs=2)
        return list(model.state_dict().values())

    by_name = steps(lambda model: nn.Adam(model.parameters(), lr=0.1, groups={"layers.0": {"lr": 1e-3}}))
    as_dicts = steps(lambda model: nn.Adam(
        [{"params": model.layers[0].parameters(), "lr": 1e-3}, {"params": model.layers[1].parameters()}], lr=0.1
    ))  # fmt: skip
    assert by_name == as_dicts


def test_words() -> None:
    model, optimizer = made("adam", {"layers.0": {"frozen": True}, "*.bias": {"lr": 0.01}})
    assert repr(optimizer) == (
        "Adam(4 parameters (1 with lr=0.01), 9 frozen, lr=0.05, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.1)"
    )
    for each in model.parameters():
        each.grad = 1.0
    optimizer.zero_grad()
    assert not any(each.grad for each in model.parameters()), "what is frozen does not gather gradients"


def test_the_ledger_and_the_doctor_know_them() -> None:
    model, optimizer = made("sgd", {"layers.0.neurons.0": {"frozen": True}, "*.bias": {"lr": 0.5, "momentum": 0.0}})
    ledger, doctor = Ledger(optimizer, [optimizer.parameters[0], model.layers[1].neurons[0].bias]), Doctor()  # type: ignore[attr-defined]
    fit(model, moons(16), optimizer=optimizer, epochs=3, callbacks=[ledger, doctor])
    assert {(entry.given["lr"], "buf" in entry.given) for entry in ledger.entries} == {(0.05, True), (0.5, False)}
    assert "parameters without optimizer" not in str(doctor)


@pytest.mark.torch
def test_a_plateau_lowers_every_rate() -> None:
    import torch

    model = nn.MLP(2, [3, 1], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1, groups={"layers.0": {"lr": 0.01}, "*.bias": {"weight_decay": 0.1}})
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9, min_lr=0.004)
    fit(model, moons(8), optimizer=optimizer, epochs=9, callbacks=[plateau])
    groups = [{"params": [torch.zeros(1)], "lr": lr} for lr in (0.1, 0.01)]
    theirs = torch.optim.SGD(groups, lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        theirs, factor=0.5, patience=1, threshold=1e9, threshold_mode="abs", min_lr=0.004
    )
    for _ in range(9):
        scheduler.step(1.0)
    assert {*optimizer.lrs} == {group["lr"] for group in theirs.param_groups}


def test_a_run_goes_on_with_its_groups_alone(tmp_path: Path) -> None:
    def run(epochs: int, path: str, groups: dict[str, dict[str, Any]], **options: Any) -> list[float]:
        model, optimizer = made("adam", groups)
        kept, callbacks = Checkpoint(tmp_path / path, resume=True), options.pop("callbacks", [])
        fit(model, moons(20), optimizer=optimizer, epochs=epochs, checkpoint=kept, callbacks=callbacks, **options)
        return list(model.state_dict().values())

    for i, groups in enumerate(GROUPS.values()):
        whole = run(5, f"whole {i}", groups)
        run(2, f"parts {i}", groups)
        assert run(5, f"parts {i}", groups) == whole
        others = [other for other in [*GROUPS.values(), {}] if other is not groups]
        for other in others:
            with pytest.raises(ValueError, match="is of another run: there optimizer is"):
                run(6, f"parts {i}", other)


def test_a_plateau_goes_on_where_it_was(tmp_path: Path) -> None:
    def run(epochs: int, path: str) -> tuple[History, list[Any]]:
        model, optimizer = made("sgd", GROUPS["rates and decay"])
        kept, plateau = Checkpoint(tmp_path / path, resume=True), ReduceLROnPlateau("loss", patience=1, min_delta=0.1)
        return fit(
            model, moons(20), optimizer=optimizer, epochs=epochs, checkpoint=kept, callbacks=[plateau]
        ), optimizer.lrs

    whole = run(9, "whole")
    run(5, "parts")
    assert run(9, "parts") == whole and whole[1][0] < 0.05


@pytest.mark.parametrize(
    ("groups", "error", "words"),
    [
        (
            {"layer.0": {"lr": 1}},
            ValueError,
            "no parameter is called 'layer.0'; there are layers.0.neurons.0.weights.0",
        ),
        ({"layers.0": {"rate": 1}}, ValueError, "no setting of a group 'rate'.*known are lr, frozen, beta1"),
        ({"layers.0": {"momentum": 0.9}}, ValueError, "no setting of a group 'momentum'"),
        ({"layers.0": {"lr": -1}}, ValueError, "the learning rate must be at least 0, but got -1"),
        ({"layers.0": {"lr": "1"}}, TypeError, "the learning rate is '1'"),
        ({"layers.0": {"betas": 0.9}}, ValueError, "betas are two numbers"),
        ({"layers.0": {"weight_decay": -1}}, ValueError, "weight_decay must be at least 0"),
        ({"layers.0": {"frozen": 1}}, TypeError, "frozen is True or False, but got 1"),
        ({"layers.0": 1e-3}, TypeError, "the group 'layers.0' is a dict by name, but got 0.001; write groups="),
        (["layers.0"], TypeError, r"groups is a dict by name, but got \['layers.0'\]"),
        ({"*": {"frozen": True}}, ValueError, "all parameters are frozen, so that nothing would be trained"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(groups: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        nn.Adam(nn.MLP(2, [3, 1]).parameters(), groups=groups)


def test_what_else_is_refused() -> None:
    w = nn.Parameter(1.0, "w")
    wrong: list[tuple[Any, type[Exception], str]] = [
        ([{"params": [w]}, {"params": [w]}], ValueError, "w is among the parameters twice"),
        ([{"params": w}], TypeError, "needs a list of parameters"),
        ([{"lr": 0.1}], TypeError, r"a group is a dict as {'params': \[...\], 'lr': 0.1}"),
        ([{"params": [w]}, w], TypeError, "a group is a dict as"),
        ([{"params": [w], "rate": 1}], ValueError, "no setting of a group 'rate'"),
        ([{"params": []}], ValueError, "at least one parameter"),
    ]
    for given, error, words in wrong:
        with pytest.raises(error, match=words):
            nn.Adam(given)
    with pytest.raises(ValueError, match=r"they have no names yet: call model.label_parameters\(\)"):
        nn.SGD([Value(1.0)], groups={"w": {"lr": 1.0}})
    with pytest.raises(ValueError, match="nesterov needs momentum above 0"):
        nn.SGD([w], groups={"w": {"nesterov": True}})


def test_a_model_that_was_never_called_gets_names() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope, self.offset = nn.Parameter(2.0), nn.Parameter(1.0)

        def forward(self, x: Any) -> Any:
            return self.slope * x[0] + self.offset

    model = Line()
    model.label_parameters()
    optimizer = nn.SGD(model.parameters(), lr=0.1, groups={"slope": {"frozen": True}})
    fit(model, Dataset([[1.0], [2.0]], [0.0, 0.0]), optimizer=optimizer, epochs=2)
    assert model.slope.data == 2.0 != model.offset.data + 1.0
