"""The live check of gradients: right ones pass, wrong ones are named, kinks and edges are told apart."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, apply, dot, logsumexp, ops
from micrograd_plus.explain import check_graph
from micrograd_plus.nn import MLP, cross_entropy


def _verdicts(root, **options):
    return {each.name: each.verdict for each in check_graph(root, **options).verdicts}


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
@settings(max_examples=50, deadline=None)
def test_smooth_graphs_are_right_at_every_node(numbers):
    a, b, c = (Value(x, name) for x, name in zip(numbers, "abc"))
    root = ((a * b + c).tanh() * a.exp() + dot([a, b], [c, c], b) - logsumexp([a, b * b, c])) / (1 + c * c)
    check = check_graph(root)
    assert check
    assert {each.verdict for each in check.verdicts} == {"right"}


def test_a_network_and_its_loss_are_right():
    model = MLP(2, [4, 3], activation="tanh", seed=1)
    check = check_graph(cross_entropy(model([0.5, -1.0]), 2))
    assert check
    assert len(check.verdicts) == check.nodes
    assert "kink" not in str(check)


@pytest.mark.parametrize("make", [abs, Value.relu, lambda x: x.maximum(0.0), lambda x: x.clamp(0.0, 1.0)])
def test_kinks_are_flagged(make):
    x = Value(0.0, "x")
    check = check_graph(make(x) * 2)
    assert check.verdicts[0].verdict == "kink"
    assert check
    assert "Kink: the slope below" in str(check)


def test_high_curvature_is_no_kink():
    x = Value(0.0, "x")
    assert _verdicts((x * 3000.0) ** 2)["x"] == "right"


def test_a_wrong_derivative_is_named():
    row = ops.Op("wrong", "wrong", "x", "x * x", {"x": "3 * x"})
    x = Value(2.0, "x")
    n = apply(row, x)
    n.label = "n"
    check = check_graph(n + 1)
    assert not check
    assert _verdicts(n + 1) == {"x": "wrong", "n": "right", "v1": "right"}
    assert "1 wrong" in check.title()
    assert "Wrong: the gradient is not the slope." in str(check)


def test_a_gradient_outside_a_kink_is_wrong():
    row = ops.Op("odd_relu", "odd", "x", "max(x, 0.0)", {"x": "2.0"})
    assert _verdicts(apply(row, Value(0.0, "x")))["x"] == "wrong"


def test_edges_of_the_domain():
    x = Value(0.0, "x")
    verdict = check_graph(x.sqrt() * 2).verdicts[0]
    assert (verdict.verdict, verdict.below, verdict.gradient) == ("edge", None, math.inf)
    assert "not defined" in str(check_graph(x.sqrt()))
    base = Value(-2.0, "base")
    assert _verdicts(base ** Value(3.0, "k"))["k"] == "edge"


def test_large_numbers_are_not_mistaken_for_errors():
    x = Value(1e8, "x")
    assert check_graph(x * x - x * 1e8 + x)


def test_limits_are_said_and_leaves_come_first():
    x = Value(1.0, "x")
    y = x
    for _ in range(20):
        y = (y * 0.9).tanh()
    check = check_graph(y, max_nodes=3)
    assert check.verdicts[0].name == "x"
    assert "38 more nodes not checked (max_nodes)" in check.title()


def test_no_grad_is_touched():
    x = Value(1.0, "x")
    y = x * x
    y.backward()
    check_graph(y)
    assert (x.grad, y.grad) == (2.0, 1.0)


def test_wrong_input():
    x = Value(1.0, "x")
    y = x * 2
    x.data = 3.0
    with pytest.raises(ValueError, match="run the forward pass again"):
        check_graph(y)
    with pytest.raises(TypeError, match="needs a Value"):
        check_graph(1.0)
    with pytest.raises(ValueError, match="eps"):
        check_graph(x, eps=0.0)
