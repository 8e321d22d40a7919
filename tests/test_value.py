"""The engine's promises: right derivatives on any graph, at any depth, and a clear word for every mistake."""

from __future__ import annotations

import copy
import gc
import io
import math
import operator
import pickle
import random
import re
import threading
import time
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import micrograd_plus
from micrograd_plus import (
    Value,
    apply,
    constant,
    dot,
    gradients,
    logsumexp,
    maximum,
    minimum,
    no_gc,
    no_grad,
    ops,
    select,
    softmax,
    topological_order,
    total,
)
from micrograd_plus.errors import DomainError
from micrograd_plus.operation import CONSTANT, INPUT, PARAMETER, Bernoulli
from micrograd_plus.value import UNSEEN, leaf
from tests.strategies import Graph, graphs

loose: Any = micrograd_plus  # for what is accepted, or refused, beyond the declared types

# ---------------------------------------------------------------- semantics


def test_a_second_backward_is_right() -> None:
    a = Value(3.0)
    square = a * a
    output = square * square
    output.backward()
    output.backward()
    assert (a.grad, square.grad, output.grad) == (216.0, 18.0, 1.0)


def test_leaves_accumulate_over_outputs_and_what_they_share_is_computed_afresh() -> None:
    a, b = Value(2.0), Value(5.0)
    shared = a * b
    (shared * 3).backward()
    (shared * 7).backward()
    assert (a.grad, b.grad, shared.grad) == (50.0, 20.0, 7.0)


def test_a_value_used_twice_has_two_edges() -> None:
    a = Value(4.0)
    twice = a + a
    assert twice.children == (a, a)
    twice.backward()
    assert a.grad == 2.0
    squared = a * a
    assert squared.partials == (4.0, 4.0)


def test_operands_keep_their_order_and_repeats() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    assert (a - b).children == (a, b)
    assert dot([a, b], [c, a], b).children == (a, b, c, a, b)
    assert dot([a, b], [c, a], b).partials == (3.0, 1.0, 1.0, 2.0, 1.0)
    assert total([a]).children == (a,)
    assert total([b, a, b]).children == (b, a, b)


def test_backward_of_a_leaf() -> None:
    a = Value(4.0)
    a.backward()
    a.backward()
    assert a.grad == 2.0


def test_backward_reaches_only_what_lies_below() -> None:
    a = Value(2.0)
    inner = a * 3
    outer = inner * 5
    inner.backward()
    assert (a.grad, inner.grad) == (3.0, 1.0)
    assert outer.grad is UNSEEN


def test_zero_grad_clears_all_below() -> None:
    a = Value(2.0)
    output = (a * 3).exp()
    output.backward()
    output.zero_grad()
    assert all(node.grad is UNSEEN for node in topological_order(output))
    output.backward()
    assert a.grad == pytest.approx(3 * math.exp(6))


def test_numbers_on_either_side() -> None:
    a = Value(4.0)
    found = [a + 1, 1 + a, a - 1, 1 - a, a * 3, 3 * a, a / 2, 2 / a, a**2, 2**a, a**0.5, -a, abs(-a)]
    assert [value.data for value in found] == [5, 5, 3, -3, 12, 12, 2, 0.5, 16, 16, 2, -4, 4]
    assert all(
        child.op is CONSTANT for value in found for child in value.children if child is not a and not child.children
    )


@pytest.mark.parametrize(
    "number", [3, True, np.float64(3), np.float32(3), np.int64(3), Fraction(3)], ids=lambda n: type(n).__name__
)
def test_any_real_number_is_a_number(number: Any) -> None:
    a = Value(2.0)
    for found in (a * number, number * a, dot([a], [number]), total([a * number]), maximum(number * a, -100)):
        assert type(found.data) is float
        assert found.data == 2.0 * float(number)
    assert type(Value(number).data) is float


def test_power() -> None:
    base, exponent = Value(2.0), Value(3.0)
    (base**exponent).backward()
    assert base.grad == 12.0
    assert exponent.grad == pytest.approx(8 * math.log(2))
    assert (base**3).op is ops.power(3.0)
    assert len((base**3).children) == 1  # the 3 is burnt in: no logarithm, no second edge
    assert ((-2) ** Value(3.0)).data == -8.0


@pytest.mark.parametrize("base", [-2.0, -1.0, 0.0, 1.5])
def test_power_zero_is_one_with_derivative_zero(base: float) -> None:
    for exponent in (0, Value(0.0)):
        x = Value(base)
        y = x**exponent
        y.backward()
        assert (y.data, x.grad) == (1.0, 0.0)


def test_a_root_at_zero_has_its_one_sided_derivative() -> None:
    roots: list[Callable[[Value], Value]] = [lambda x: x**0.5, lambda x: x.sqrt(), lambda x: x ** Value(0.5)]
    for root in roots:
        x = Value(0.0)
        root(x).backward()
        assert x.grad == math.inf
    x = Value(0.0)
    (x**1.5).backward()
    assert x.grad == 0.0


def test_a_negative_base_has_no_derivative_by_its_exponent() -> None:
    x, k = Value(-2.0), Value(3.0)
    (x**k).backward()
    assert x.grad == 12.0
    assert math.isnan(k.grad)


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: x.relu(), 0.0, 0.0),
        (lambda x: x.abs(), 0.0, 0.0),
        (lambda x: x.sign(), 0.0, 0.0),
        (lambda x: x.leaky_relu(), 0.0, 0.01),
        (lambda x: x.elu(0.5), 0.0, 0.5),
        (lambda x: x.clamp(0.0, 1.0), 0.0, 1.0),
        (lambda x: x.clamp(0.0, 1.0), 1.0, 1.0),
        (lambda x: x.clamp(0.0, 1.0), 1.5, 0.0),
        (lambda x: maximum(x, 0.0), 0.0, 0.5),
        (lambda x: minimum(x, 0.0), 0.0, 0.5),
    ],
)
def test_kinks(function: Callable[[Value], Value], x: float, expected: float) -> None:
    value = Value(x)
    function(value).backward()
    assert value.grad == expected


@pytest.mark.parametrize("x", [-1e300, -1e4, -800.0, 800.0, 1e4, 1e300])
def test_stable_forms_never_overflow(x: float) -> None:
    functions: list[Callable[[Value], Value]] = [
        *(Value.sigmoid, Value.softplus, Value.tanh, Value.silu, Value.gelu, Value.elu, Value.leaky_relu),
        lambda v: logsumexp([v, -v]),
        lambda v: softmax([v, 0.0])[0],
    ]
    for function in functions:
        value = Value(x)
        found = function(value)
        found.backward()
        assert math.isfinite(found.data)
        assert math.isfinite(value.grad)


def test_softmax() -> None:
    inputs = [Value(1.0), Value(-2.0), Value(0.5)]
    found = softmax(inputs)
    assert sum(each.data for each in found) == pytest.approx(1.0, rel=1e-15)
    found[0].backward()
    p = [each.data for each in found]
    assert [each.grad for each in inputs] == pytest.approx([p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]])


def test_select_picks_by_number_and_by_value() -> None:
    choices = [Value(5.0), Value(7.0), Value(9.0)]
    assert select(1, choices) is choices[1]
    picked = select(Value(2.0), choices)
    picked.backward()
    assert (picked.data, [each.grad for each in choices]) == (9.0, [0.0, 0.0, 1.0])
    assert select(0, [3.0]).data == 3.0


def test_equality_is_identity_and_order_is_by_data() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a != b
    assert len({a, b, a}) == 2
    assert a <= b
    assert a >= 1
    assert a < 2
    assert operator.gt(2, a)
    assert operator.lt(np.float64(0.5), a)
    assert not a > b
    assert sorted([Value(3.0), a, Value(-1.0)], key=float)[1] is a
    assert max(Value(2.0), a).data == 2.0


def test_as_a_number_and_as_text() -> None:
    a = Value(1 / 3, "a")
    assert float(a) == 1 / 3
    assert f"{a:.2f}" == "0.33"
    assert repr(a) == f"{a}" == "Value(0.333333, label='a')"
    (a * 3).backward()
    assert repr(a) == "Value(0.333333, grad=3, label='a')"
    assert repr(Value(2.0)) == "Value(2)"


def test_a_leafs_op_tells_its_role() -> None:
    assert Value(1.0).op is INPUT
    assert constant(1.0).op is CONSTANT
    assert leaf(1.0, PARAMETER, "w").op is PARAMETER
    value = Value(2.0)
    assert constant(value) is value


def test_topological_order_is_depth_first_and_left_to_right() -> None:
    a, b = Value(1.0, "a"), Value(2.0, "b")
    product, total_ = a * b, total([b, a, b])
    output = product - total_
    assert topological_order(output) == [a, b, product, total_, output]
    assert topological_order(output, leaves=False) == [product, total_, output]
    assert topological_order(total_, product, output) == [b, a, total_, product, output]
    assert topological_order(a) == [a]
    assert topological_order(a, leaves=False) == []


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_topological_order_puts_children_first(graph: Graph) -> None:
    output = graph.run(apply, [Value(number) for number in graph.leaves])
    order = topological_order(output)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is output
    assert all(place[child] < place[node] for node in order for child in node.children)


# ---------------------------------------------------------------- no_grad


def test_no_grad_records_nothing_and_ends_with_its_block() -> None:
    a = Value(2.0)
    with no_grad():
        with no_grad():
            inner = a * 3
        still = dot([a, a], [1.0, 2.0])
    assert (inner.data, inner.children, inner.partials) == (6.0, (), ())
    assert (still.data, still.children, still.op) == (6.0, (), CONSTANT)
    assert (a * 3).children[0] is a
    with pytest.raises(ZeroDivisionError, match="a / 0"), no_grad():
        loose.Value(2.0, "a") / 0
    assert (a * 3).children[0] is a


def test_no_grad_is_a_decorator_too() -> None:
    @no_grad()
    def predict(x: Value) -> Value:
        return x.exp()

    assert predict(Value(0.0)).children == ()


def test_no_grad_holds_for_its_own_thread_only() -> None:
    a, inside, seen = Value(2.0), threading.Barrier(2, timeout=20), []

    def other() -> None:
        inside.wait()
        seen.append(len((a * 3).children))
        with no_grad():
            seen.append(len((a * 3).children))
            inside.wait()
            inside.wait()  # the first thread has left its block by now
            seen.append(len((a * 3).children))
        seen.append(len((a * 3).children))

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.wait()
        inside.wait()
        seen.append(len((a * 3).children))
    seen.append(len((a * 3).children))
    inside.wait()
    thread.join()
    assert seen == [2, 0, 0, 2, 0, 2]


def test_threads_differentiate_side_by_side() -> None:
    found: dict[int, list[float]] = {}

    def work(seed: int) -> None:
        rng, grads = random.Random(seed), []
        for _ in range(60):
            x = Value(rng.uniform(-1, 1))
            y = x
            for _ in range(20):
                y = (y * x + 0.1).tanh()
            y.backward()
            grads.append(x.grad)
        found[seed] = grads

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = dict(found)
    for seed in range(4):
        work(seed)
    assert found == together


# ---------------------------------------------------------------- copy and pickle


def by_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def by_old_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing, protocol=0))


def by_python_pickle(thing: Any) -> Any:
    file = io.BytesIO()
    pickle._Pickler(file).dump(thing)
    return pickle.loads(file.getvalue())


duplicates = pytest.mark.parametrize("duplicate", [copy.deepcopy, by_pickle, by_old_pickle, by_python_pickle])


@duplicates
def test_a_copy_is_a_graph_of_its_own(duplicate: Callable[[Any], Any]) -> None:
    a, b = Value(3.0, "a"), leaf(2.0, PARAMETER, "b")
    output = dot([a, b, a], [b, 2.0, 1.0], a) / logsumexp([a, a**2])
    output.label = "output"
    output.backward()
    other = duplicate(output)
    ours, theirs = topological_order(output), topological_order(other)
    assert not set(ours) & set(theirs)
    assert [(n.data, n.grad, n.op, n.partials, n.label) for n in ours] == [
        (n.data, n.grad, n.op, n.partials, n.label) for n in theirs
    ]
    ours_place, theirs_place = ({n: i for i, n in enumerate(order)} for order in (ours, theirs))
    assert [[ours_place[c] for c in n.children] for n in ours] == [
        [theirs_place[c] for c in n.children] for n in theirs
    ]
    other.backward()
    assert theirs[0].grad == 2 * ours[0].grad
    assert theirs[-1].grad == ours[-1].grad == 1.0


@duplicates
def test_identity_holds_across_what_is_copied_together(duplicate: Callable[[Any], Any]) -> None:
    a = Value(3.0)
    inner = a * a
    first, second = inner.exp(), inner.sin()
    values, (other, *_) = duplicate(([inner, a], [first, second, first]))
    assert other.children[0] is values[0]
    assert values[0].children == (values[1], values[1])
    _, again = duplicate([first, second])
    assert again.children[0].data == 9.0


@duplicates
def test_unseen_grads_stay_unseen(duplicate: Callable[[Any], Any]) -> None:
    assert duplicate(Value(1.0)).grad is UNSEEN


@duplicates
def test_a_random_leaf_takes_its_generator_along(duplicate: Callable[[Any], Any]) -> None:
    op = Bernoulli(0.5, 2.0, random.Random(0))
    output = leaf(2.0, op, "mask") * 3
    other = duplicate(output)
    copied = other.children[0].op
    assert isinstance(copied, Bernoulli)
    assert copied is not op
    assert [copied.draw() for _ in range(20)] == [op.draw() for _ in range(20)]


def test_a_shallow_copy_shares_the_operands() -> None:
    a = Value(2.0)
    output = a * 3
    other = copy.copy(output)
    assert other is not output
    assert other.children == output.children


class FullDisk(io.RawIOBase):
    """A file that fails half way."""

    left = 100_000

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.left -= len(data)
        if self.left < 0:
            raise OSError("the disk is full")
        return len(data)


def test_a_pickle_that_fails_leaves_nothing_behind() -> None:
    output = chain(20_000)
    with pytest.raises(OSError, match="full"):
        pickle.dump(output, FullDisk())
    inner = output.children[0]
    assert pickle.loads(pickle.dumps(inner)).data == inner.data


# ---------------------------------------------------------------- depth


def chain(depth: int) -> Value:
    """A graph as deep as it has operations, of rows with one, two and more operands."""
    x = y = Value(0.5)
    for i in range(depth):
        y = y.sin() if i % 3 == 0 else total([y, x, x]) if i % 3 == 1 else y - x
    return y


def deep(depth: int) -> None:
    """Everything that walks a graph, at this depth."""
    output = chain(depth)
    output.backward()
    x = topological_order(output)[0]
    assert (x.data, len(topological_order(output))) == (0.5, depth + 1)
    expected = x.grad
    for duplicate in (copy.deepcopy, by_pickle):
        other = duplicate(output)
        other.zero_grad()
        other.backward()
        assert topological_order(other)[0].grad == expected
        del other
    output.zero_grad()
    assert x.grad == 0.0


def test_a_hundred_thousand_deep() -> None:
    deep(100_000)


@pytest.mark.slow
def test_a_million_deep() -> None:
    deep(1_000_000)


def test_higher_derivatives_of_a_deep_graph() -> None:
    x = y = Value(0.5)
    for _ in range(10_000):
        y = y + x
    first = gradients(y * y, x)
    assert first.data == 2 * 0.5 * 10_001**2
    assert gradients(first, x).data == 2 * 10_001**2


def test_a_graph_is_freed_by_reference_count_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            output = chain(30_000)
            output.backward()
            marker = output.children[0]
            del output
            assert gc.get_referrers(marker) == []
            del marker
        assert gc.collect() == 0
    finally:
        gc.enable()


def cost(task: Callable[[], Any]) -> tuple[float, int]:
    """Seconds (the best of three, without the collector, which comes when it likes) and bytes that a task takes."""
    seconds = math.inf
    for _ in range(3):
        with no_gc():
            start = time.process_time()
            task()
            seconds = min(seconds, time.process_time() - start)
    tracemalloc.start()
    try:
        task()
        return seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("task", [Value.backward, copy.deepcopy, pickle.dumps, by_pickle, topological_order])
def test_time_and_memory_grow_with_the_nodes_and_no_faster(task: Callable[[Value], Any]) -> None:
    small, large = chain(20_000), chain(200_000)
    (short, little), (long, much) = cost(lambda: task(small)), cost(lambda: task(large))
    assert long < 30 * short  # ten times the nodes; three times for the caches and the collector
    assert much < 15 * little + 1_000_000


def test_a_node_is_small() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        output = chain(20_000)
        output.backward()
        assert tracemalloc.get_traced_memory()[0] / 20_000 < 250
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- wrong input

x: Any = Value(2.0, "x")
zero, negative, big = Value(0.0, "zero"), Value(-8.0, "n"), Value(1e308, "big")
weights = [Value(float(i), f"w{i}") for i in range(12)]

NUMBER = "a Value needs a real number, but got "

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: loose.Value("3"), TypeError, NUMBER + "str: '3'; convert it first: float('3')"),
    (lambda: loose.Value(None), TypeError, NUMBER + "NoneType: None; a function may have forgotten its return"),
    (lambda: loose.Value(1j), TypeError, NUMBER + "complex: 1j; take its real part or its size, abs(z)"),
    (lambda: loose.Value([1, 2]), TypeError, NUMBER + "list: [1, 2]; pass one number; for many, make a list of Values"),
    (
        lambda: loose.Value(np.array([True, False])),
        TypeError,
        NUMBER + "ndarray: array([ True, False]); pass one number",
    ),
    (lambda: loose.Value(Decimal("1.5")), TypeError, NUMBER + "Decimal: Decimal('1.5'); convert it with float() first"),
    (lambda: loose.Value(x), TypeError, NUMBER + "Value: Value(2, label='x'); it is a Value already; use it as it is"),
    (lambda: loose.Value(1.0, 3), TypeError, "a label is a string, but got 3"),
    (lambda: Value(10**400), OverflowError, "a Value holds up to 1.8e308, but got a larger int; scale it down"),
    (lambda: Value(math.nan), ValueError, "a Value can't be nan; find where it came from, or drop that example"),
    (lambda: Value(math.nan, "price"), ValueError, "price can't be nan"),
    (lambda: x + math.nan, ValueError, "a Value can't be nan"),
    (lambda: x + "1", TypeError, NUMBER + "str: '1'"),
    (lambda: "1" + x, TypeError, NUMBER + "str: '1'"),
    (lambda: x * None, TypeError, NUMBER + "NoneType"),
    (lambda: x - 1j, TypeError, NUMBER + "complex"),
    (lambda: x * np.array([1.0, 2.0]), TypeError, NUMBER + "ndarray"),
    (lambda: np.array([1.0, 2.0]) * x, TypeError, NUMBER + "ndarray"),
    (lambda: [1, 2] * x, TypeError, NUMBER + "list"),
    (lambda: x ** "2", TypeError, NUMBER + "str: '2'"),
    (lambda: x**None, TypeError, NUMBER + "NoneType"),
    (lambda: x < "2", TypeError, NUMBER + "str: '2'"),
    (lambda: x >= None, TypeError, NUMBER + "NoneType"),
    (lambda: x / 0, ZeroDivisionError, "x / 0 is not defined for x = 2: it needs a divisor other than 0; add a small"),
    (lambda: x / zero, ZeroDivisionError, "x / zero is not defined for x = 2, zero = 0"),
    (lambda: 1 / zero, ZeroDivisionError, "1 / zero is not defined for zero = 0: it needs a divisor"),
    (lambda: zero**-1, DomainError, "zero ** (-1) is not defined for zero = 0: it needs a base above 0, or"),
    (lambda: negative**0.5, DomainError, "n ** 0.5 is not defined for n = -8: it needs a base above 0, or"),
    (lambda: negative ** Value(0.5, "k"), DomainError, "n ** k is not defined for n = -8, k = 0.5"),
    (lambda: (-8) ** Value(0.5, "k"), DomainError, "(-8) ** k is not defined for k = 0.5"),
    (lambda: Value(3.0) / Value(0.0, "x"), ZeroDivisionError, "operand 1 / x is not defined for operand 1 = 3, x = 0"),
    (lambda: loose.constant(9.0) ** 999, OverflowError, "9 ** 999 is beyond the largest float, 1.8e308; scale the"),
    (lambda: Value(1e-300, "t") ** -1, OverflowError, "the derivative of t ** (-1) is beyond the largest float"),
    (
        lambda: loose.apply(ops.TABLE["binary_cross_entropy"], Value(1.5, "p"), 1),
        DomainError,
        "binary_cross_entropy(p, 1) is not defined for p = 1.5: it needs a probability from 0 to 1; put the output",
    ),
    (lambda: x**math.inf, ValueError, "the exponent must be a finite number, but got inf"),
    (lambda: x.leaky_relu(math.nan), ValueError, "negative_slope must be a finite number, but got nan"),
    (lambda: x.elu(math.inf), ValueError, "alpha must be a finite number, but got inf"),
    (lambda: loose.topological_order([x]), TypeError, "needs Values, each on its own, but got [Value(2, label='x')]"),
    (lambda: Value(-1.0, "p").log(), DomainError, "log(p) is not defined for p = -1: it needs x above 0; keep x away"),
    (lambda: zero.log(), DomainError, "log(zero) is not defined for zero = 0"),
    (lambda: negative.sqrt(), DomainError, "sqrt(n) is not defined for n = -8: it needs x of at least 0; take sqrt"),
    (lambda: negative.log1p(), DomainError, "log1p(n) is not defined for n = -8: it needs x above -1"),
    (lambda: Value(1000.0, "z").exp(), OverflowError, "exp(z) is beyond the largest float, 1.8e308, for z = 1000; sub"),
    (lambda: big * 10, OverflowError, "big * 10 is beyond the largest float, 1.8e308, for big = 1e+308; scale"),
    (lambda: big + big, OverflowError, "big + big is beyond the largest float"),
    (lambda: x**10_000, OverflowError, "x ** 10000 is beyond the largest float"),
    (lambda: Value(math.inf, "i") - Value(math.inf, "i"), DomainError, "i - i is not defined for i = inf:"),
    (
        lambda: loose.dot([x], [1, 2]),
        ValueError,
        "dot needs operands of equal length, at least 1, but got 1 and 2; check the",
    ),
    (
        lambda: loose.dot([x, x], [1], x),
        ValueError,
        "affine needs operands of equal length, at least 1, but got 2 and 1",
    ),
    (lambda: loose.dot([], []), ValueError, "dot needs operands of equal length, at least 1, but got 0 and 0"),
    (
        lambda: loose.dot(x, [1]),
        TypeError,
        "dot needs a sequence of numbers or Values, but got Value: Value(2, label='x')",
    ),
    (
        lambda: loose.dot("ab", [1, 2]),
        TypeError,
        "dot needs a sequence of numbers or Values, but got str: 'ab'; put it in",
    ),
    (lambda: loose.dot([[1]], [[2]]), TypeError, NUMBER + "list: [1]"),
    (lambda: loose.dot([x], [None]), TypeError, NUMBER + "NoneType"),
    (lambda: loose.dot([x], [1], "b"), TypeError, NUMBER + "str: 'b'"),
    (
        lambda: loose.dot(weights, [big] * 12),
        OverflowError,
        "dot of 24 numbers is beyond the largest",
    ),
    (lambda: loose.total([]), ValueError, "total needs at least 1 value, but got 0"),
    (lambda: loose.total(x), TypeError, "total needs a sequence of numbers or Values, but got Value"),
    (
        lambda: loose.total(3),
        TypeError,
        "total needs a sequence of numbers or Values, but got int: 3; put it in a list",
    ),
    (lambda: loose.total(["a"]), TypeError, NUMBER + "str: 'a'"),
    (lambda: loose.logsumexp([]), ValueError, "logsumexp needs at least 1 value, but got 0"),
    (lambda: loose.softmax([]), ValueError, "softmax needs at least 1 value, but got none"),
    (lambda: loose.softmax("ab"), TypeError, "needs a sequence of numbers or Values, but got str"),
    (lambda: loose.select(1, [x]), IndexError, "select needs an index from 0 to 0, but got 1"),
    (lambda: loose.select(-1, [x]), IndexError, "select needs an index from 0 to 0, but got -1"),
    (lambda: loose.select(Value(3.0), [x, x]), IndexError, "select needs an index from 0 to 1, but got 3"),
    (lambda: loose.select(0.5, [x]), TypeError, "select needs a whole number as its index, but got 0.5"),
    (lambda: loose.select("a", [x]), TypeError, NUMBER + "str: 'a'"),
    (lambda: loose.select(0, []), ValueError, "select needs at least 1 value to choose from, but got none"),
    (lambda: loose.select(0, x), TypeError, "select needs a sequence of numbers or Values, but got Value"),
    (lambda: x.clamp(3, 1), ValueError, "clamp needs min <= max, but got min=3.0 and max=1.0; swap them"),
    (lambda: x.clamp(math.nan, 1), ValueError, "clamp needs min <= max, but got min=nan and max=1.0; leave out a"),
    (lambda: x.clamp("a"), TypeError, NUMBER + "str: 'a'"),
    (lambda: x.leaky_relu("a"), TypeError, NUMBER + "str: 'a'"),
    (lambda: x.leaky_relu(slope=1), TypeError, "leaky_relu: got an unexpected keyword argument 'slope'; its"),
    (lambda: x.clamp(1, 2, 3), TypeError, "clamp: too many positional arguments; its constants are min=-inf, max=inf"),
    (lambda: x.elu(None), TypeError, NUMBER + "NoneType"),
    (lambda: x.gelu("fast"), ValueError, "gelu's approximate is 'none' or 'tanh', not 'fast'"),
    (lambda: loose.maximum("a", 1), TypeError, NUMBER + "str: 'a'"),
    (lambda: apply(ops.tanh, "a"), TypeError, NUMBER + "str: 'a'"),
    (lambda: loose.constant(None), TypeError, NUMBER + "NoneType"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES, ids=[message[:50] for *_, message in MISTAKES])
def test_mistakes_meet_a_clear_error(mistake: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)) as raised:
        mistake()
    assert raised.value.__cause__ is None
    with no_grad(), pytest.raises(error, match=re.escape(message)):
        mistake()


def test_a_domain_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="log"):
        zero.log()


def test_an_infinity_may_pass_through_but_not_arise() -> None:
    endless = Value(math.inf, "endless")
    assert (endless * 2).data == math.inf
    assert endless.sigmoid().data == 1.0
    assert (1 / endless).data == 0.0
    with pytest.raises(OverflowError):
        big * big


def test_a_generator_is_used_once() -> None:
    assert total(value for value in [x, x]).children == (x, x)
    assert loose.dot((value for value in [x, zero]), iter([1.0, 2.0])).data == 2.0
