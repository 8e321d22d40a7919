"""Derivatives as Values, to any order, and the check that nudges the inputs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

import micrograd_plus
from micrograd_plus import (
    GradcheckError,
    Value,
    apply,
    dot,
    gradcheck,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    logsumexp,
    maximum,
    minimum,
    no_grad,
    ops,
    row,
    select,
    softmax,
    topological_order,
    total,
)
from micrograd_plus.calculus import grads, sweep
from micrograd_plus.errors import DomainError
from micrograd_plus.value import UNSEEN
from tests.strategies import Graph, graphs

loose: Any = micrograd_plus  # for what is refused beyond the declared types

# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        (lambda x: x**5, [5 * 0.7**4, 20 * 0.7**3, 60 * 0.7**2, 120 * 0.7, 120.0, 0.0]),
        (lambda x: (2 * x).exp(), [2**n * math.exp(1.4) for n in range(1, 7)]),
        (lambda x: x.sin(), [math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)]),
        (lambda x: 1 / x, [-1 / 0.7**2, 2 / 0.7**3, -6 / 0.7**4, 24 / 0.7**5]),
        (lambda x: x.log(), [1 / 0.7, -1 / 0.7**2, 2 / 0.7**3, -6 / 0.7**4]),
        (lambda x: x * x + x * 3 + 1, [2 * 0.7 + 3, 2.0, 0.0]),
        (lambda x: x.relu(), [1.0, 0.0, 0.0]),
        (lambda x: x.abs(), [1.0, 0.0]),
        (lambda x: logsumexp([x, -x]), [math.tanh(0.7), 1 - math.tanh(0.7) ** 2]),
    ],
)
def test_any_order(function: Any, derivatives: list[float]) -> None:
    x = Value(0.7)
    y = function(x)
    for expected in derivatives:
        y = gradients(y, x)
        assert y.data == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(graphs(size=8))
def test_gradients_are_what_backward_finds(graph: Graph) -> None:
    leaves = [Value(number) for number in graph.leaves]
    output = graph.run(apply, leaves)
    found = gradients(output, leaves)
    output.backward()
    largest = max(1.0, *(abs(node.grad) for node in topological_order(output)))
    assert [each.data for each in found] == pytest.approx(
        [leaf.grad for leaf in leaves], rel=1e-11, abs=1e-12 * largest
    )


def test_mixed_derivatives_come_in_any_order() -> None:
    x, y = Value(0.3), Value(-1.2)
    z = (x * y).sin() + x**3 * y
    by_x, by_y = gradients(z, [x, y])
    expected = math.cos(x.data * y.data) - x.data * y.data * math.sin(x.data * y.data) + 3 * x.data**2
    assert gradients(by_x, y).data == pytest.approx(expected)
    assert gradients(by_y, x).data == pytest.approx(expected)


def test_one_value_for_one_and_a_list_for_many() -> None:
    x, y = Value(2.0), Value(5.0)
    product = x * y
    assert isinstance(gradients(product, x), Value)
    assert [each.data for each in gradients(product, (x, y, x))] == [5.0, 2.0, 5.0]
    assert gradients(product, []) == []
    assert [each.data for each in gradients(product, (value for value in [x, y]))] == [5.0, 2.0]  # type: ignore[call-overload]


def test_by_a_value_in_between() -> None:
    x = Value(2.0)
    inner = x * x
    outer = inner * 3 + x
    assert gradients(outer, inner).data == 3.0
    assert gradients(outer, outer).data == 1.0
    assert gradients(outer, x).data == 13.0


def test_what_the_output_does_not_depend_on_has_derivative_zero() -> None:
    x, other = Value(2.0), Value(3.0)
    assert gradients(x * 2, other).data == 0.0
    assert gradients(x * 2, x * 2).data == 0.0  # an equal expression is another node


def test_gradients_touch_no_grad_and_leave_the_graph_as_it_was() -> None:
    x = Value(2.0)
    output = (x * x).exp()
    before = topological_order(output)
    gradients(output, x)
    assert topological_order(output) == before
    assert all(node.grad is UNSEEN for node in before)


def test_a_derivative_is_a_graph_to_draw_and_differentiate() -> None:
    x = Value(2.0, "x")
    first = gradients(x**3, x)
    assert x in topological_order(first)
    first.backward()
    assert x.grad == 12.0


def test_choices_follow_the_branch_that_ran() -> None:
    x, y = Value(2.0), Value(-1.0)
    assert gradients(gradients(x.maximum(y) * x, x), x).data == 2.0
    picked = select(Value(1.0), [x, y * y])
    assert gradients(gradients(picked, y), y).data == 2.0
    assert gradients(picked, x).data == 0.0


def test_the_hessian_of_a_softmax_loss() -> None:
    logits = [Value(number) for number in (0.2, -1.0, 0.7)]
    loss = logsumexp(logits) - logits[1]
    p = [each.data for each in softmax(logits)]
    for i, first in enumerate(gradients(loss, logits)):
        hessian = [each.data for each in gradients(first, logits)]
        assert hessian == pytest.approx([p[i] * ((i == j) - p[j]) for j in range(3)])


def test_the_bilinear_form_of_a_dot() -> None:
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), Value(5.0)]
    product = dot(xs, ys)
    assert [gradients(gradients(product, x), y).data for x, y in zip(xs, ys)] == [1.0, 1.0]
    assert gradients(gradients(product, xs[0]), ys[1]).data == 0.0
    norm = dot(xs, xs)
    assert gradients(norm, xs[1]).data == 4.0


def test_inside_no_grad_gradients_are_numbers() -> None:
    x = Value(2.0)
    output = x**3
    with no_grad():
        found = gradients(output, x)
    assert (found.data, found.children) == (12.0, ())


@pytest.mark.parametrize(
    ("output", "wrt"), [(3.0, Value(1.0)), (Value(1.0), 3), (Value(1.0), [Value(1.0), "x"]), (None, [])]
)
def test_gradients_need_values(output: Any, wrt: Any) -> None:
    with pytest.raises(TypeError, match=r"gradients needs Values, but got .*; wrap it in Value\(\.\.\.\)"):
        loose.gradients(output, wrt)


@pytest.mark.parametrize(
    ("function", "at", "message"),
    [
        (Value.sqrt, 0.0, r"the derivative of sqrt\(x\) by x is infinite at x = 0"),
        (lambda x: x**0.5, 0.0, r"the derivative of x \*\* 0\.5 by x is infinite at x = 0"),
        (lambda x: (-2) ** x, 3.0, r"the derivative of \(-2\) \*\* x by x is not defined at x = 3"),
    ],
)
def test_a_derivative_that_can_not_be_differentiated_again_is_told(function: Any, at: float, message: str) -> None:
    x = Value(at, "x")
    with pytest.raises(ValueError, match=message):
        gradients(function(x), x)
    function(x).backward()
    assert not math.isfinite(x.grad), "backward gives it, as PyTorch does"


def test_a_derivative_that_is_not_asked_for_may_be_undefined() -> None:
    base, exponent = Value(-2.0), Value(3.0)
    assert gradients(base**exponent, base).data == 12.0


def test_a_row_declared_later_may_stand_in_a_derivative() -> None:
    x = Value(0.5)
    gradients(x.tanh(), x)  # from here on, whatever is kept of the table is kept
    row("later_cosine", "x", "cos(x)", x="-sin(x)", method="")
    sine = row("later_sine", "x", "sin(x)", x="later_cosine(x)", method="")
    try:
        first = gradients(apply(sine, x), x)
        second = gradients(first, x)
        third = gradients(second, x)
    finally:
        del ops.TABLE["later_sine"], ops.TABLE["later_cosine"]
    assert [first.data, second.data, third.data] == pytest.approx([math.cos(0.5), -math.sin(0.5), -math.cos(0.5)])


# ---------------------------------------------------------------- sweep


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_the_sweep_is_backward_to_the_last_bit(graph: Graph) -> None:
    leaves = [Value(number) for number in graph.leaves]
    output = graph.run(apply, leaves)
    additions = list(sweep(output))
    found = grads(output)
    assert all(node.grad is UNSEEN for node in found)
    output.backward()
    assert found == {node: node.grad for node in topological_order(output)}
    assert [each.after for each in additions] == [each.before + each.partial * each.upstream for each in additions]
    assert len(additions) == sum(len(node.children) for node in found)


# ---------------------------------------------------------------- gradcheck


@settings(max_examples=50, deadline=None)
@given(graphs(size=6))
def test_right_derivatives_pass(graph: Graph) -> None:
    assert gradcheck(lambda *leaves: graph.run(apply, leaves), graph.leaves, atol=1e-4)


WRONG = ops.Op("cube", "cube", "x y", "x * x * x + y", {"x": "2 * x * x", "y": "1"})  # should be 3 * x * x


def test_a_wrong_derivative_is_named_with_how_far_it_is_off() -> None:
    with pytest.raises(GradcheckError) as raised:
        gradcheck(lambda a, b: apply(WRONG, a, b), [Value(2.0, "a"), 1.0])
    (name, derived, measured, agrees), (other, *_, other_agrees) = raised.value.report.rows
    assert (name, derived, agrees) == ("a", 8.0, False)
    assert measured == pytest.approx(12.0, rel=1e-6)
    assert (other, other_agrees) == ("inputs[1]", True)
    text = str(raised.value)
    assert text.startswith("the derivatives disagree\ninput")
    assert "4.0e+00  <- wrong" in text
    assert text.count("<- wrong") == 1


@pytest.mark.parametrize(("off", "agrees"), [(2.0, True), (-2.0, True), (2.2, False), (-2.2, False)])
def test_a_derivative_may_be_off_by_the_tolerance(off: float, agrees: bool) -> None:
    wrong = ops.Op("line", "line", "x", "10 * x", {"x": f"10 + {off!r}"})
    report = gradcheck(lambda x: apply(wrong, x), [1.0], atol=0.1, rtol=0.2, raise_exception=False)
    assert bool(report) is agrees  # 0.1 + 0.2 * 10 = 2.1


def test_a_report_is_truth_and_table() -> None:
    report = gradcheck(lambda a, b: apply(WRONG, a, b), [2.0, 1.0], raise_exception=False)
    assert not report
    assert [line.split()[0] for line in str(report).splitlines()] == ["input", "---------", "inputs[0]", "inputs[1]"]
    assert gradcheck(lambda a: a * a, [2.0])


def test_at_a_kink_the_two_differ_by_right() -> None:
    report = gradcheck(Value.relu, [0.0], raise_exception=False)
    _, derived, measured, agrees = report.rows[0]
    assert (derived, agrees, report.kinks) == (0.0, True, {"inputs[0]": (0.0, 1.0)})
    assert measured == pytest.approx(0.5)


def test_gradcheck_leaves_the_inputs_alone() -> None:
    x = Value(2.0, "x")
    gradcheck(lambda a: a.exp(), [x])
    assert x.grad is UNSEEN


def test_gradcheck_needs_a_list() -> None:
    with pytest.raises(TypeError, match=r"a list of inputs, but got 2.0; write \[2.0\]"):
        loose.gradcheck(lambda x: x, 2.0)


def test_gradcheck_needs_a_value_back() -> None:
    with pytest.raises(TypeError, match="gradcheck needs a function that returns a Value, but it returned 4"):
        loose.gradcheck(lambda x: 4, [1.0])
    with pytest.raises(TypeError, match="a Value needs a real number, but got str: '1'"):
        loose.gradcheck(lambda x: x, ["1"])


def test_total_of_products_in_any_grouping_has_the_same_derivatives() -> None:
    xs, ys = [Value(1.5), Value(-2.0), Value(0.25)], [Value(0.5), Value(4.0), Value(-1.0)]
    forms = [dot(xs, ys), total([x * y for x, y in zip(xs, ys)]), sum((x * y for x, y in zip(xs, ys)), Value(0.0))]
    found = [[each.data for each in gradients(form, [*xs, *ys])] for form in forms]
    assert found[0] == found[1] == found[2] == [0.5, 4.0, -1.0, 1.5, -2.0, 0.25]


# ---------------------------------------------------------------- one-liners


@given(graphs(size=6))
@settings(max_examples=25, deadline=None)
def test_products_with_jacobian_and_hessian_are_those_of_the_whole_matrices(graph: Graph) -> None:
    leaves = [Value(number) for number in graph.leaves]
    output = graph.run(apply, leaves)
    vector = [0.5 - i for i in range(len(leaves))]
    second = hessian(output, leaves)
    for line, product in zip(second, hvp(output, leaves, vector)):
        assert product.data == pytest.approx(math.fsum(h.data * v for h, v in zip(line, vector)), rel=1e-9, abs=1e-9)
    for i, line in enumerate(second):
        assert [h.data for h in line] == pytest.approx([other[i].data for other in second], rel=1e-9, abs=1e-9)
    (slope,) = jvp([output], leaves, vector)
    (first,) = jacobian([output], leaves)
    assert slope.data == pytest.approx(math.fsum(g.data * v for g, v in zip(first, vector)), rel=1e-12, abs=1e-12)


def test_a_vector_of_another_length_is_refused() -> None:
    x, y = Value(2.0), Value(3.0)
    for product in (hvp, lambda output, wrt, vector: jvp([output], wrt, vector)):
        with pytest.raises(ValueError, match="dot needs operands of equal length, at least 1, but got 2 and 1"):
            product(x * y, [x, y], [1.0])


@pytest.mark.parametrize(("exponent", "second"), [(2.0, 2.0), (3.0, 0.0), (4.0, 0.0)])
def test_a_second_derivative_at_an_edge_is_the_formulas(exponent: float, second: float) -> None:
    x = Value(0.0)
    assert gradients(gradients(x ** Value(exponent), x), x).data == second


def test_an_exception_is_not_differentiated_again() -> None:
    x, y = Value(0.0), Value(2.0)
    first = gradients(x**y, y)
    assert first.data == 0.0
    with pytest.raises(DomainError, match="can't be differentiated again; keep away from there"):
        gradients(first, x)


# -------------------------------------------------------------------- kinks

KINKED: dict[str, Any] = {
    "relu": lambda x: x.relu(),
    "abs": lambda x: abs(x) * 3,
    "max of a tie": lambda x: maximum(x, -x),
    "min of a tie": lambda x: minimum(x, 2 * x),
    "clamp's upper bound": lambda x: (x + 1).clamp(-1, 1),
    "clamp's lower bound": lambda x: (x - 1).clamp(-1, 1),
    "leaky_relu": lambda x: x.leaky_relu(0.1),
    "hardtanh": lambda x: (x - 1).hardtanh(),
    "elu of alpha 2": lambda x: x.elu(2.0),
    "a step": lambda x: x.step(),
    "a branch in Python": lambda x: x if x > 0 else -2 * x,
    "inside": lambda x: (x.relu() * 2 + x).tanh(),
}


@pytest.mark.parametrize("at", [0.0, 3e-7, -3e-7])
@pytest.mark.parametrize("function", KINKED.values(), ids=KINKED)
def test_gradcheck_says_kink_at_a_kink_and_near_it(function: Any, at: float) -> None:
    report = gradcheck(function, [Value(at, "x")])
    assert report and [*report.kinks] == ["x"]
    below, above = report.kinks["x"]
    assert f"kink: {below:.4g} below, {above:.4g} above" in str(report)
    assert not gradcheck(function, [at + 0.1]).kinks and not gradcheck(function, [at - 0.1]).kinks


SMOOTH: dict[str, Any] = {
    "a steep parabola": lambda x: 1000 * x**2,
    "exp": lambda x: (30 * x).exp(),
    "a steep tanh": lambda x: (100 * x).tanh(),
    "elu": lambda x: x.elu(),
    "huber at its bound": lambda x: (x + 1).clamp(-1, 1) * (x + 1 - 0.5 * (x + 1).clamp(-1, 1)),
    "a large value": lambda x: (x + 1000) ** 3,
}


@pytest.mark.parametrize("function", SMOOTH.values(), ids=SMOOTH)
def test_what_is_smooth_has_no_kink(function: Any) -> None:
    report = gradcheck(function, [0.0])
    assert report and not report.kinks


def test_a_derivative_beyond_both_slopes_of_a_kink_is_wrong() -> None:
    wrong = ops.Op("wrong", "wrong", "x", "max(x, 0.0)", {"x": "2 - step(x)"})
    report = gradcheck(lambda x: apply(wrong, x), [0.0], raise_exception=False)
    assert not report and "<- wrong kink: 0 below, 1 above" in str(report)
