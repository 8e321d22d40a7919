"""Words: names are unique and readable, every row's text comes out as arithmetic that gives the row's own number."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import Value, dot, logsumexp, nn, operation, ops, select, topological_order, total
from micrograd_plus.data import Dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.reading import scalar_names
from micrograd_plus.value import apply, leaf
from micrograd_plus.viz import NetworkDiagram
from micrograd_plus.words import derivative, names, number, partial_words, places, value_words

OPERANDS = {
    "log": [2.0],
    "log2": [2.0],
    "log10": [2.0],
    "acosh": [2.0],
    "sqrt": [2.0],
    "log1p": [0.5],
    "pow": [1.5, -2.0],
    "power": [1.5],
    "select": [1.0, -0.5, 2.0],
}
"""Operands where a row is defined only for some numbers."""


def _rows():
    yield from ops.TABLE.values()
    for family in ops.FAMILIES.values():
        yield family()
    yield from (ops.power(-1.0), ops.power(0.5), ops.leaky_relu(0.2), ops.clamp(-math.inf, 0.25))


def _node(op):
    numbers = OPERANDS.get(op.name, [0.5, -0.25, 1.25, -0.75, 2.0])
    groups = []
    for operand in op.operands:
        size = 2 if operand.startswith("*") else 1
        taken, numbers = [Value(x) for x in numbers[:size]], numbers[size:]
        groups.append(taken if operand.startswith("*") else taken[0])
    return apply(op, *groups)


def _names(*roots):
    order = list(dict.fromkeys(node for root in roots for node in topological_order(root)))
    return names(order).__getitem__


def _arithmetic():
    functions = scalar_names() | {"min": min, "max": max, "abs": abs}
    functions["step"] = lambda x: float(x > 0)
    functions["sign"] = lambda x: float(x > 0) - float(x < 0)
    functions["sigmoid"] = lambda x: 1 / (1 + math.exp(-x))
    return functions


def _worth(text):
    """What a formula in numbers comes to; `with peak = ...` is worked out first."""
    formula, _, definition = text.partition(" with ")
    functions = _arithmetic()
    if definition:
        name, _, meaning = definition.partition(" = ")
        functions[name] = eval(meaning, functions)
    return eval(formula, functions)


@pytest.mark.parametrize("op", [*_rows()], ids=lambda op: op.label)
def test_each_row_in_numbers_is_arithmetic_that_gives_its_value_and_derivatives(op):
    node = _node(op)
    name = _names(node)
    assert _worth(value_words(node, name, digits=12)[-1]) == pytest.approx(node.data, rel=1e-5)
    for position, partial in enumerate(node.partials):
        symbols, numbers = partial_words(node, position, name, digits=12)
        assert _worth(numbers) == pytest.approx(partial, rel=1e-5)
        assert "if" not in symbols.split()
        assert "out" not in symbols.split()


def test_value_line_of_well_known_rows():
    s, t = Value(-0.5, "s"), Value(3.0, "t")
    cases = {
        s.tanh(): ("tanh(s)", "tanh(-0.5)"),
        s * t: ("s * t", "-0.5 * 3"),
        t * s: ("t * s", "3 * (-0.5)"),
        t - s: ("t - s", "3 - (-0.5)"),
        -s: ("neg(s)", "-s", "-(-0.5)"),
        s**2: ("s ** 2", "(-0.5) ** 2"),
        s.relu(): ("relu(s)", "max(s, 0)", "max(-0.5, 0)"),
        s.leaky_relu(): ("leaky_relu(s, 0.01)", "0.01 * s", "0.01 * (-0.5)"),
        s.clamp(max=1): ("clamp(s, -inf, 1)", "min(s, 1)", "min(-0.5, 1)"),
        t.leaky_relu(): ("leaky_relu(t, 0.01)", "t", "3"),
        select(Value(1.0, "i"), [s, t]): ("select(i, [s, t])", "[s, t][i]", "[-0.5, 3][1]"),
        total([s, t, s]): ("sum(s, t, s)", "s + t + s", "-0.5 + 3 + (-0.5)"),
        dot([s, t], [t, s], 1.0): ("s * t + t * s + 1", "-0.5 * 3 + 3 * (-0.5) + 1"),
        t * 1e-9: ("t * 1e-09", "3 * 1e-09"),
    }
    for node, words in cases.items():
        assert value_words(node, _names(node)) == words
    assert value_words(s, _names(s)) == ()


@pytest.mark.parametrize(
    ("base", "exponent", "by_base", "by_exponent"),
    [
        (2.0, 3.0, "k * b ** (k - 1)", "n * log(b)"),
        (2.0, 0.0, "k * b ** (k - 1)", "n * log(b)"),
        (0.0, 2.0, "k * b ** (k - 1)", "0"),
        (0.0, 0.0, "0", "0"),
        (0.0, 0.5, "inf", "0"),
        (-2.0, 3.0, "k * b ** (k - 1)", "nan"),
    ],
)
def test_a_power_is_told_by_the_branch_that_its_numbers_took(base, exponent, by_base, by_exponent):
    b, k = Value(base, "b"), Value(exponent, "k")
    node = b**k
    node.label = "n"
    name = _names(node)
    assert [partial_words(node, position, name)[0] for position in (0, 1)] == [by_base, by_exponent]


def test_a_long_sum_is_written_with_dots_and_a_long_logsumexp_too():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    assert value_words(total([a] * 20), _names(a))[1] == "a + a + a + …"
    assert value_words(dot([a] * 9, [b] * 9, 1.0), lambda node: node.label or "c")[0] == "a * b + a * b + a * b + … + c"
    largest = value_words(logsumexp([a] * 9), _names(a))[1]
    assert largest.startswith("peak + log(exp(a - peak) + exp(a - peak) + exp(a - peak) + …)")


def test_names_follow_labels_roles_and_order():
    x, w = Value(2.0), leaf(0.5, operation.PARAMETER)
    mask = leaf(2.0, ops.Bernoulli(0.5, 2.0, random.Random(0)))
    out = (w * x + 1) * mask - -3.5
    assert [*names(topological_order(out)).values()] == ["w1", "x1", "v1", "1", "v2", "mask1", "v3", "-3.5", "v4"]


def test_equal_labels_and_labels_that_look_like_made_up_names_stay_apart():
    nodes = [Value(1.0, label) for label in ("h", "h", "v1", "h#2", "h")]
    out = total(nodes)
    made = names(topological_order(out))
    assert [made[node] for node in nodes] == ["h", "h#3", "v1", "h#2", "h#4"]
    assert made[out] == "v2"


@given(st.lists(st.text(max_size=4), max_size=12))
def test_names_are_unique_and_fit_a_line(labels):
    nodes = [Value(float(i), label) for i, label in enumerate(labels)]
    out = total([*nodes, Value(1.0)])
    made = [*names(topological_order(out)).values()]
    assert len(set(made)) == len(made)
    assert all(name.isprintable() and name for name in made)


def test_a_label_that_is_arithmetic_itself_is_put_in_brackets():
    s, t = Value(1.0, "x1*w1 + x2*w2"), Value(2.0, "f(x)")
    assert value_words(s * t, _names(s * t))[0] == "(x1*w1 + x2*w2) * f(x)"


def test_numbers_are_short_and_plain():
    given = (0.0, -0.0, 1.0, -0.46211, 1234.56, 98765.4, 1e9, 1e-7, math.inf, -math.inf, math.nan)
    written = ["0", "0", "1", "-0.4621", "1235", "98765", "1e+09", "1e-07", "inf", "-inf", "nan"]
    assert [number(x) for x in given] == written
    assert number(math.pi, 8) == "3.1415927"


def test_derivatives_of_long_names_are_bracketed():
    assert derivative("L", "w1") == "dL/dw1"
    assert derivative("L", "h#2") == "dL/dh#2"
    assert derivative("loss", "w") == "d(loss)/d(w)"


def test_places_name_the_operand_and_the_member():
    assert places(Value(1.0) * 2) == [("x", 0), ("y", 0)]
    assert places(select(Value(0.0), [1.0, 2.0])) == [("i", 0), ("x", 0), ("x", 1)]


def test_what_has_no_name_is_called_the_same_everywhere():
    """In formulas, boxes, tables, pictures, trees and errors: the inputs are x1 and x2, as data sets call them."""
    model, row = nn.MLP(2, [1], seed=0), [0.5, -0.5]
    bare = [leaf(x, operation.INPUT) for x in row]
    assert [names(topological_order(bare[0] * bare[1]))[each] for each in bare] == ["x1", "x2"]
    out = model(row)
    assert Dataset([row], [1.0]).feature_names == ("x1", "x2")
    assert [each for each in names(topological_order(out)).values() if each.startswith("x")] == ["x1", "x2"]
    for text in (out.graph().svg(), out.graph().text(), NetworkDiagram(model, row).svg()):
        assert "x1" in text and "x2" in text and "x0" not in text
    with pytest.raises(DomainError, match="x1 = inf, x2 = -inf"):
        total([Value(math.inf), Value(-math.inf)])
