"""Optimizers follow PyTorch, run one text over floats and arrays alike, and refuse what can't be right."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, fit, nn
from micrograd_plus.compiler.update import update_function
from micrograd_plus.data import Dataset
from micrograd_plus.nn import schedules
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer, optimizer_class
from micrograd_plus.value import UNSEEN
from tests.nn import peer

RECORDED = json.loads(peer.RECORDED.read_text())


def trajectory(kind: str, options: dict[str, Any]) -> tuple[list[list[float]], list[float]]:
    """The weights after each of 100 steps down the bowl, and the rate of each."""
    weights = [nn.Parameter(start, f"w{i}") for i, start in enumerate(peer.STARTS)]
    optimizer = getattr(nn, kind)(weights, **options)
    path, rates = [], []
    for _ in range(peer.STEPS):
        optimizer.zero_grad()
        peer.bowl(weights, Value.sin).backward()
        rates.append(optimizer.rate)
        optimizer.step()
        path.append([weight.data for weight in weights])
    return path, rates


def our_schedule(case: str) -> Any:
    kind, options, rate, _, _ = peer.SCHEDULES[case]
    return getattr(schedules, kind)(rate, **options)


@pytest.mark.parametrize("case", peer.OPTIMIZERS)
def test_recorded_trajectory(case: str) -> None:
    path, _ = trajectory(*peer.OPTIMIZERS[case])
    for step, recorded in zip(peer.KEPT, RECORDED["optimizers"][case], strict=True):
        assert path[step - 1] == pytest.approx(recorded, rel=1e-9, abs=1e-9)


@pytest.mark.torch
@pytest.mark.parametrize("case", peer.OPTIMIZERS)
def test_live_trajectory(case: str) -> None:
    path, _ = trajectory(*peer.OPTIMIZERS[case])
    theirs = peer.trajectory(case)
    np.testing.assert_allclose(path, theirs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([theirs[t - 1] for t in peer.KEPT], RECORDED["optimizers"][case], rtol=1e-10, atol=1e-10)


@pytest.mark.torch
@pytest.mark.parametrize("case", peer.SCHEDULES)
def test_live_trajectory_under_a_schedule(case: str) -> None:
    path, rates = trajectory("Adam", {"lr": our_schedule(case)})
    theirs, their_rates = peer.scheduled(case)
    np.testing.assert_allclose(rates, their_rates, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(path, theirs, rtol=1e-9, atol=1e-9)


def test_every_optimizer_and_option_has_a_trajectory() -> None:
    for name, kind in OPTIMIZERS.items():
        options = nn.optim.OPTIMIZERS[name]([Value(1.0)]).options
        tried = {option for which, given in peer.OPTIMIZERS.values() if which == kind.__name__ for option in given}
        assert {{"beta1": "betas", "beta2": "betas"}.get(option, option) for option in options} <= tried | {"lr"}


# ---------------------------------------------------------------- one text for floats and arrays


NUMBERS = st.floats(-1e3, 1e3)


@settings(max_examples=50, deadline=None)
@given(
    case=st.sampled_from(list(peer.OPTIMIZERS)),
    weights=st.lists(
        st.tuples(st.floats(-1e3, 1e3), st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6)), min_size=1
    ),
)
def test_arrays_step_with_the_same_bits(case: str, weights: list[tuple[float, list[float]]]) -> None:
    kind, options = peer.OPTIMIZERS[case]
    leaves = [nn.Parameter(start) for start, _ in weights]
    optimizer: Optimizer = getattr(nn, kind)(leaves, **options)
    update = update_function(optimizer.rule.lines, optimizer.rule.state, optimizer.rule.options, len(leaves))
    w = np.array([start for start, _ in weights])
    states = [np.zeros(len(w)) for _ in optimizer.state]
    for t in range(1, 7):
        g = np.array([grads[t - 1] for _, grads in weights])
        new, new_states = np.empty(len(w)), [np.empty(len(w)) for _ in states]
        update(w, g.copy(), t, optimizer.rate, *states, new, *new_states)
        for leaf, grad in zip(leaves, g.tolist()):
            leaf.grad = grad
        optimizer.step()
        w, states = new, new_states
        assert [leaf.data for leaf in leaves] == w.tolist()
        assert [*optimizer.state.values()] == [numbers.tolist() for numbers in states]


def test_a_step_names_every_quantity_of_the_rule() -> None:
    optimizer = nn.Adam([Value(1.0)])
    found = optimizer.rule(w=1.0, g=2.0, t=1, lr=0.1, m=0.0, v=0.0)
    assert list(found) == ["m", "v", "m_hat", "v_hat", "step", "w"]
    assert found["m_hat"] == pytest.approx(2.0)
    assert found["v_hat"] == pytest.approx(4.0)
    assert found["w"] == 1.0 - found["step"]


def test_the_halves_of_adam_are_momentum_and_rmsprop() -> None:
    gradients = [0.5, -1.0, 2.0, 0.25]
    momentum_only, v_only = nn.Adam([Value(0.0)], betas=(0.9, 0.0), eps=0.0), nn.Adam([Value(0.0)], betas=(0.0, 0.9))
    m, states = 0.0, ({"m": 0.0, "v": 0.0}, {"m": 0.0, "v": 0.0})
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        found = momentum_only.rule(w=0.0, g=g, t=t, lr=1.0, **states[0])
        assert found["step"] == pytest.approx(m / (1 - 0.9**t) / abs(g))
        states[0].update({name: found[name] for name in ("m", "v")})
        found = v_only.rule(w=0.0, g=g, t=t, lr=1.0, **states[1])
        assert found["step"] == pytest.approx(g / (math.sqrt(found["v_hat"]) + 1e-8))
        states[1].update({name: found[name] for name in ("m", "v")})


# ---------------------------------------------------------------- steps


def test_step_minimises() -> None:
    w = nn.Parameter(5.0)
    optimizer = nn.Adam([w], lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        ((w - 2) ** 2).backward()
        optimizer.step()
    assert w.data == pytest.approx(2.0, abs=1e-3)


def test_unreached_parameters_count_as_gradient_zero() -> None:
    reached, other = nn.Parameter(1.0), nn.Parameter(1.0)
    optimizer = nn.SGD([reached, other], lr=0.1, weight_decay=0.5)
    (reached * 2).backward()
    optimizer.step()
    assert (reached.data, other.data) == (0.75, 0.95)
    assert other.grad is UNSEEN


def test_step_without_backward_is_told() -> None:
    optimizer = nn.Adam(nn.MLP(2, [1]).parameters())
    with pytest.raises(RuntimeError, match=r"call loss\.backward"):
        optimizer.step()
    assert optimizer.t == 0


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_a_step_that_would_not_be_finite_changes_nothing(kind: type[Optimizer]) -> None:
    fine, wild = nn.Parameter(1.0, "fine"), nn.Parameter(1.0, "wild")
    optimizer = kind([fine, wild], lr=0.1)
    fine.grad, wild.grad = 1.0, math.inf
    before = optimizer.state_dict()
    with pytest.raises(FloatingPointError, match=r"step 1 takes wild to .* g = inf .* lower the learning rate"):
        optimizer.step()
    assert (fine.data, wild.data, optimizer.t) == (1.0, 1.0, 0)
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("kind", [nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad])
@pytest.mark.parametrize("eps", [0, 0.0, 5e-324])
@pytest.mark.parametrize("gradient", [0.0, 1e-200, -1e-200, 1e-320])
def test_a_division_by_0_is_told_with_its_cure(kind: type[Optimizer], eps: float, gradient: float) -> None:
    """PyTorch makes nan or inf of it and goes on; so does the rule by itself, and the optimizer tells."""
    fine, still = nn.Parameter(1.0, "fine"), nn.Parameter(1.0, "still")
    optimizer = kind([fine, still], lr=0.1, eps=eps)
    fine.grad, still.grad = 1.0, gradient
    given = optimizer.given(1)
    before = optimizer.state_dict()
    if math.isfinite(optimizer.rule(**given)["w"]):  # 0 / 5e-324 is 0
        optimizer.step()
        return
    lines = list(optimizer.rule.line_by_line(**given))
    assert lines[-1][0].name == "w" and not math.isfinite(lines[-1][2])
    message = rf"step 1 takes still to .* from w = 1 and g = .*; {kind.__name__} divides by eps = .*; use eps=1e-8"
    with pytest.raises(FloatingPointError, match=message):
        optimizer.step()
    assert (fine.data, still.data) == (1.0, 1.0) and optimizer.state_dict() == before
    kind([fine, still], lr=0.1, eps=1e-8).step()


@pytest.mark.parametrize("kind", [nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad])
def test_training_tells_the_same_of_a_division_by_0_however_it_runs(kind: type[Optimizer]) -> None:
    data, messages = Dataset([[0.0, 1.0], [0.0, 2.0], [0.0, -1.0]], [1.0, 2.0, 3.0]), set()
    for backend in ("numpy", "eager"):
        model = nn.MLP(2, [1], seed=0)
        optimizer = kind(model.parameters(), lr=0.1, eps=0)
        before = model.state_dict(), optimizer.state_dict()
        with pytest.raises(ArithmeticError, match="divides by eps = 0 where all else is 0; use eps=1e-8") as told:
            fit(model, data, optimizer=optimizer, epochs=1, backend=backend)
        assert (model.state_dict(), optimizer.state_dict()) == before
        messages.add(str(told.value))
    assert len(messages) == 1


def test_finite_numbers_may_have_an_infinite_sum() -> None:
    leaves = [nn.Parameter(1.5e308), nn.Parameter(1.5e308)]
    for leaf in leaves:
        leaf.grad = 1.0
    nn.SGD(leaves, lr=1.0).step()
    assert [leaf.data for leaf in leaves] == [1.5e308 - 1.0] * 2


def test_a_root_of_a_rounding_error_is_no_nan() -> None:
    w = nn.Parameter(0.0)
    optimizer = nn.RMSprop([w], lr=1e-9, centered=True, alpha=0.1)
    for _ in range(40):  # v - m*m tends to 0 and is rounded to either side of it
        w.grad = 0.1
        optimizer.step()
    assert math.isfinite(w.data)


def test_a_run_resumed_goes_on_with_the_same_bits() -> None:
    def run(steps: int, w: Value, optimizer: Optimizer) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (w**4 + w.sin()).backward()
            optimizer.step()

    for kind in OPTIMIZERS.values():
        w = nn.Parameter(1.0)
        whole = kind([w], schedules.Cosine(0.1, 20))
        run(5, w, whole)
        other = nn.Parameter(w.data)
        resumed = kind([other], schedules.Cosine(0.1, 20))
        resumed.load_state_dict(json.loads(json.dumps(whole.state_dict())))
        run(5, w, whole)
        run(5, other, resumed)
        assert other.data == w.data
        assert resumed.state_dict() == whole.state_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "SGD"}, "is of 'SGD', not of Adam"),
        ({"state": {"m": [0.0]}}, "keeps m, v, but the state has m"),
        ({"state": {"m": [0.0], "v": [0.0, 1.0]}}, "2 numbers in v for 1 parameters"),
        ({"state": {"m": [0.0], "v": [math.nan]}}, "state's v"),
        ({"state": {"m": [0.0], "v": ["1"]}}, "state's v"),
        ({"t": -1}, "state's t"),
        ({"t": 1.5}, "state's t"),
        ({"t": 10**400}, "state's t"),
        ({"t": True}, "state's t"),
        ({"state": None}, "a state is a dict"),
        ({"state": ["m", "v"]}, "a state is a dict"),
        ({"state": {"m": 1, "v": [0.0]}}, "1 in m for 1 parameters"),
        ({"state": {"m": "1", "v": [0.0]}}, "'1' in m for 1 parameters"),
        ({"state": {"m": [10**400], "v": [0.0]}}, "state's m is inf"),
        ({"optimizer": ["Adam"]}, r"is of \['Adam'\], not of Adam"),
    ],
)
def test_a_wrong_state_is_refused_whole(change: dict[str, Any], message: str) -> None:
    optimizer = nn.Adam([Value(1.0)])
    optimizer.state, optimizer.t = {"m": [1.0], "v": [2.0]}, 3
    before = optimizer.state_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        optimizer.load_state_dict({**before, "t": 4, **change})
    assert optimizer.state_dict() == before
    for wrong in (None, [], "state", 3):
        with pytest.raises(TypeError, match="a state is a dict"):
            optimizer.load_state_dict(wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------- wrong input


def test_wrong_parameters() -> None:
    w = Value(1.0, "w")
    for parameters, error, message in [
        ([], ValueError, "at least one parameter"),
        ([1.0], TypeError, r"model\.parameters"),
        (nn.MLP(2, [1]), TypeError, r"pass model\.parameters\(\)"),
        ([w, w], ValueError, "w is among the parameters twice"),
        ([w * 2], ValueError, "computed from other Values"),
    ]:
        with pytest.raises(error, match=message):
            nn.SGD(parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("SGD", {"lr": -0.1}, "learning rate must be at least 0"),
        ("SGD", {"lr": math.nan}, "learning rate"),
        ("SGD", {"momentum": -0.5}, "momentum"),
        ("SGD", {"nesterov": True}, "nesterov needs momentum"),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        ("SGD", {"weight_decay": -1}, "weight_decay"),
        ("RMSprop", {"alpha": 1.0}, "alpha must be at least 0 and below 1"),
        ("RMSprop", {"eps": -1e-8}, "eps"),
        ("Adagrad", {"eps": math.inf}, "eps"),
        ("Adam", {"betas": (0.9, 1.0)}, r"betas\[1\]"),
        ("Adam", {"betas": 0.9}, "betas are two numbers"),
        ("AdamW", {"betas": (-0.1, 0.9)}, r"betas\[0\]"),
    ],
)
def test_wrong_options(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(nn, kind)([Value(1.0)], **options)


def test_a_schedule_that_goes_wrong_is_told_at_the_step() -> None:
    optimizer = nn.SGD([nn.Parameter(1.0)], lr=lambda t: 1.0 - t)
    for parameter in optimizer.parameters:
        parameter.grad = 0.1
    optimizer.step()
    optimizer.step()
    with pytest.raises(ValueError, match="learning rate must be at least 0, but got -1"):
        optimizer.step()


def test_names() -> None:
    assert optimizer_class("SGD") is nn.SGD
    with pytest.raises(ValueError, match="no optimizer 'adm'; did you mean 'adam'"):
        optimizer_class("adm")


def test_repr_tells_the_options() -> None:
    optimizer = nn.SGD(nn.MLP(2, [2, 1]).parameters(), lr=schedules.StepDecay(0.1, 5), momentum=0.9)
    options = "momentum=0.9, dampening=0.0, nesterov=False, weight_decay=0.0"
    assert repr(optimizer) == f"SGD(9 parameters, lr=StepDecay(lr=0.1, every=5, gamma=0.1), {options})"


# ---------------------------------------------------------------- clipping


def with_gradients(*gradients: float) -> list[Value]:
    leaves = [nn.Parameter(1.0, f"w{i}") for i in range(len(gradients))]
    for leaf, gradient in zip(leaves, gradients):
        leaf.grad = gradient
    return leaves


def test_clip_by_norm_and_by_value() -> None:
    leaves = with_gradients(3.0, -4.0)
    assert nn.clip_grad_norm(leaves, 10.0) == 5.0
    assert [leaf.grad for leaf in leaves] == [3.0, -4.0]
    nn.clip_grad_norm(leaves, 1.0)
    assert [leaf.grad for leaf in leaves] == [3.0 * (1 / (5 + 1e-6)), -4.0 * (1 / (5 + 1e-6))]
    leaves = with_gradients(3.0, -4.0, 0.5)
    nn.clip_grad_value(leaves, 1.0)
    assert [leaf.grad for leaf in leaves] == [1.0, -1.0, 0.5]


def test_clipping_leaves_unreached_parameters_so() -> None:
    leaf = nn.Parameter(1.0)
    assert nn.clip_grad_norm([leaf], 1.0) == 0.0
    nn.clip_grad_value([leaf], 1.0)
    assert leaf.grad is UNSEEN


def test_clipping_does_not_overflow() -> None:
    leaves = with_gradients(3e200, -4e200)
    assert nn.clip_grad_norm(leaves, 1.0) == pytest.approx(5e200)
    assert [leaf.grad for leaf in leaves] == pytest.approx([0.6, -0.8])


@pytest.mark.parametrize("clip", [nn.clip_grad_norm, nn.clip_grad_value])
def test_clipping_refuses(clip: Any) -> None:
    for limit in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=r"> 0|not a finite"):
            clip(with_gradients(1.0), limit)
    with pytest.raises(FloatingPointError, match="gradient of w1 is nan"):
        clip(with_gradients(1.0, math.nan), 1.0)
    with pytest.raises(TypeError, match=r"got Neuron\(1\); pass model.parameters"):
        clip(nn.Neuron(1), 1.0)


@pytest.mark.torch
def test_clip_by_norm_is_pytorchs() -> None:
    import torch

    for limit in (0.5, 3.7, 100.0):
        theirs = [torch.tensor(1.0, dtype=torch.float64) for _ in range(3)]
        for tensor, gradient in zip(theirs, (1.0, -2.0, 3.0)):
            tensor.grad = torch.tensor(gradient, dtype=torch.float64)
        leaves = with_gradients(1.0, -2.0, 3.0)
        norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
        assert nn.clip_grad_norm(leaves, limit) == pytest.approx(norm.item(), rel=1e-12)
        expected = [tensor.grad.item() for tensor in theirs if tensor.grad is not None]
        assert [leaf.grad for leaf in leaves] == pytest.approx(expected, rel=1e-12)
