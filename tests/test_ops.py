"""Every row of the table, in each of its readings: what is added to the table is tested by being there."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import random
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Program, Value, apply, compile, gradcheck, gradients, nn, operation, ops, row
from micrograd_plus.cli.expression import evaluate
from micrograd_plus.compiler.runtime import FUNCTIONS
from micrograd_plus.compiler.text import numpy_text
from micrograd_plus.operation import Op
from micrograd_plus.operators import Operators
from micrograd_plus.reading import scalar_names
from tests import peer
from tests.complex_step import complex_reading
from tests.strategies import INDEX, OPERATIONS, names, points

RECORDED = json.loads(peer.RECORDED.read_text())

each_row = pytest.mark.parametrize("op", OPERATIONS, ids=names)


def flat(operands: list[Any]) -> list[Any]:
    return [number for operand in operands for number in (operand if isinstance(operand, list) else [operand])]


def differentiable(op: Op, operands: list[Any]) -> list[int]:
    """The places among the flat operands that are not an index."""
    return list(range(len(flat(operands))))[1 if op.operands[0] == INDEX else 0 :]


def nudged(op: Op, operands: list[Any], place: int, by: Any) -> list[Any]:
    numbers = flat(operands)
    numbers[place] += by
    return op.groups(numbers)


def as_values(operands: list[Any]) -> list[Any]:
    return [[Value(x) for x in operand] if isinstance(operand, list) else Value(operand) for operand in operands]


# ---------------------------------------------------------------- the table itself


def test_the_table_is_keyed_by_name() -> None:
    assert {op.name: op for op in ops.TABLE.values()} == ops.TABLE
    assert {name: family().name for name, family in ops.FAMILIES.items()} == {name: name for name in ops.FAMILIES}


@each_row
def test_a_row_has_a_derivative_for_each_operand(op: Op) -> None:
    assert tuple(op.partials) == op.names
    for operands in points(op, 2):
        assert len(op.scalar(*operands)[1]) == len(flat(operands))


def test_a_row_without_a_derivative_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row 'half' has operands \('x',\) but derivatives for \(\)"):
        Op("half", "half", "x", "x / 2", {})


@pytest.fixture
def cube() -> Iterator[Op]:
    """A row that a user adds after the import, and that is gone after the test."""
    yield row("cube", "x", "x * x * x", x="3 * x * x")
    del ops.TABLE["cube"]
    del Operators.cube  # type: ignore[attr-defined]


def test_a_new_row_is_an_operation_at_once(cube: Op) -> None:
    x: Any = Value(2.0, "x")
    y = x.cube()
    y.backward()
    assert y.op is apply(cube, x).op is cube
    assert (y.data, x.grad) == (8.0, 12.0)
    assert gradients(gradients(apply(cube, x), x), x).data == 12.0
    assert cube.words("w") == "w * w * w"
    assert "cube" in str(y.graph().dot())
    assert "3 * x * x" in str(y.explain())
    assert compile(y, inputs=[x])([1.0, 2.0]).tolist() == [1.0, 8.0]
    assert nn.Neuron(1, "cube", seed=0)([1.0]).op is cube
    assert evaluate("cube(y) + 1", {"y": Value(3.0)}).data == 28.0
    assert row("cube", "x", cube.value, **cube.partials) is cube  # as a notebook's cell does that is run again
    with pytest.raises(ValueError, match=r"'cube' is taken, as the row of 'x \* x \* x'; choose another"):
        row("cube", "x", "x", x="1")


BAD_ROWS: dict[str, tuple[Any, ...]] = {
    "syntax of the value": (("bad", "x", "exp(-x *"), {"x": "out"}, "its value, .* is no expression"),
    "syntax of the derivative": (("bad", "x", "exp(x)"), {"x": "out +"}, "its derivative by x, .* is no expression"),
    "an unknown function": (("bad", "x", "foo(x)"), {"x": "1"}, "its value, .* has 'foo', which is no operand"),
    "an unknown name": (("bad", "x", "x * t"), {"x": "t"}, "has 't'"),
    "out in the value": (("bad", "x", "out * 2"), {"x": "2"}, "has 'out'"),
    "a family": (("bad", "x", "leaky_relu(x)"), {"x": "1"}, "has 'leaky_relu'"),
    "itself": (("bad", "x", "bad(x)"), {"x": "1"}, "has 'bad'"),
    "too many arguments": (("bad", "x", "exp(x, x)"), {"x": "out"}, "can't be computed"),
    "no number": (("bad", "x", "(x, x)"), {"x": "1"}, r"can't be computed.*got \(0\.5, 0\.5\)"),
    "a derivative too few": (("bad", "x y", "x * y"), {"x": "y"}, "has operands"),
    "a row's name": (("tanh", "x", "x"), {"x": "1"}, "'tanh' is taken, as the row of 'tanh"),
    "a family's name": (("clamp", "x", "x"), {"x": "1"}, "'clamp' is taken"),
    "a Value's attribute": (("grad", "x", "x"), {"x": "1"}, "'grad' is taken; choose another"),
    "a Value's method": (("backward", "x", "x"), {"x": "1"}, "'backward' is taken"),
    "a front door": (("graph", "x", "x"), {"x": "1"}, "'graph' is taken"),
    "an operator": (("bad", "x", "x"), {"x": "1", "method": "__neg__"}, "'__neg__' is taken"),
    "no word": (("~", "x", "x"), {"x": "1"}, r"a row's name is one word, but got '~'"),
    "two words": (("my op", "x", "x"), {"x": "1"}, "a row's name is one word"),
}


@pytest.mark.parametrize(("texts", "partials", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_refused_at_once(texts: Any, partials: Any, message: str) -> None:
    table, methods = dict(ops.TABLE), dir(Value)
    with pytest.raises(ValueError, match=message):
        row(*texts, **partials)
    assert table == ops.TABLE and dir(Value) == methods


def test_a_word_of_others_may_be_a_row() -> None:
    others = Operators.__dict__["square"]
    square = row("square", "x", "x * x", x="2 * x")
    try:
        x: Any = Value(3.0)
        assert x.square().data == 9.0 and "square" in dir(x)
        assert nn.Neuron(1, "square", seed=0)([1.0]).op is square
    finally:
        del ops.TABLE["square"]
        Operators.square = others


def test_a_row_may_have_any_number_of_operands() -> None:
    op = Op("fma", "fma", "x y z", "x * y + z", {"x": "y", "y": "x", "z": "1"})
    a, b = Value(2.0, "a"), Value(3.0, "b")
    output = apply(op, a, b, 4)
    output.backward()
    assert (output.data, a.grad, b.grad) == (10.0, 3.0, 2.0)
    assert [each.data for each in gradients(output, [a, b])] == [3.0, 2.0]
    assert compile(output, inputs=[a, b])([1.0], [5.0]).tolist() == [9.0]
    uneven = Op("blend", "blend", "t *xs *ys", "t * sum(xs) + sum(ys)", {"t": "sum(xs)", "x": "t", "y": "1"})
    with pytest.raises(ValueError, match="blend needs operands of equal length, at least 1, but got 1 and 2"):
        apply(uneven, a, [a], [a, b])


def test_a_row_that_another_process_declared_comes_with_its_pickle(cube: Op, tmp_path: Path) -> None:
    x: Any = Value(2.0, "x")
    (tmp_path / "graph").write_bytes(pickle.dumps(x.cube()))
    code = """
import pickle, sys
from micrograd_plus import gradients, topological_order
y = pickle.load(open(sys.argv[1], "rb"))
x = topological_order(y)[0]
print(y.op.value, gradients(y, x).data, x.cube().op is y.op)
"""
    run = [sys.executable, "-c", code, str(tmp_path / "graph")]
    found = subprocess.run(run, capture_output=True, text=True, check=True, env=os.environ, cwd=Path.cwd())
    assert found.stdout == "x * x * x 12.0 True\n"


def test_a_debugger_and_a_traceback_show_the_row() -> None:
    with pytest.raises(OverflowError) as raised:
        ops.exp.scalar(1000.0)
    assert str(raised.traceback[-1].statement).strip() == "out = exp(x)"
    assert "in exp_row" in "".join(traceback.format_exception(raised.value))


@each_row
def test_copies_and_pickles_are_the_row_itself(op: Op) -> None:
    assert copy.deepcopy(op) is op
    assert pickle.loads(pickle.dumps(op)) is op


def test_a_family_makes_one_row_for_one_constant() -> None:
    assert ops.power(3.0) is ops.power(3.0)
    assert ops.power(3.0) is not ops.power(2.0)
    assert ops.power(3.0).label == "**3"
    assert ops.power(0.5).value == "x ** 0.5"
    assert ops.clamp(-1.0, 2.0).label == "clamp(-1, 2)"


def test_bernoulli_draws_its_scale_with_its_probability() -> None:
    draws = [ops.Bernoulli(0.8, 1.25, random.Random(seed)).draw() for seed in range(2000)]
    assert set(draws) == {0.0, 1.25}
    assert 0.77 < sum(draw > 0 for draw in draws) / 2000 < 0.83


# ---------------------------------------------------------------- the scalar reading and its derivatives


@each_row
def test_derivatives_against_finite_differences(op: Op) -> None:
    eps = 1e-6
    for operands in points(op):
        partials = op.scalar(*operands)[1]
        for place in differentiable(op, operands):
            above, below = (op.scalar(*nudged(op, operands, place, by))[0] for by in (eps, -eps))
            assert partials[place] == pytest.approx((above - below) / (2 * eps), rel=1e-6, abs=1e-8)


@each_row
def test_derivatives_against_the_complex_step(op: Op) -> None:
    h = 1e-30
    for operands in points(op):
        value, partials = op.scalar(*operands)
        assert complex_reading(op)(*operands)[0].real == pytest.approx(value, rel=1e-13, abs=1e-15)
        for place in differentiable(op, operands):
            moved = complex_reading(op)(*nudged(op, operands, place, complex(0, h)))[0]
            assert partials[place] == pytest.approx(moved.imag / h, rel=1e-12, abs=1e-14)


@each_row
def test_second_derivatives_against_the_complex_step(op: Op) -> None:
    """Over Values the row's derivatives are nodes; here each is differentiated by each operand."""
    h = 1e-30
    for operands in points(op, 4):
        inputs = as_values(operands)
        leaves: list[Value] = flat(inputs)
        places = differentiable(op, operands)
        first = gradients(apply(op, *inputs), [leaves[i] for i in places])
        assert [g.data for g in first] == pytest.approx([op.scalar(*operands)[1][i] for i in places], rel=1e-12)
        for place in places:
            moved = complex_reading(op)(*nudged(op, operands, place, complex(0, h)))[1]
            for i, derivative in zip(places, first):
                exact = complex(moved[i]).imag / h
                assert gradients(derivative, leaves[place]).data == pytest.approx(exact, rel=1e-10, abs=1e-12)


@each_row
def test_the_node_carries_the_row(op: Op) -> None:
    for operands in points(op, 2):
        inputs = as_values(operands)
        node = apply(op, *inputs)
        value, partials = op.scalar(*operands)
        assert (node.data, node.op, node.partials) == (value, op, partials)
        assert list(node.children) == flat(inputs)
        node.backward()
        assert [leaf.grad for leaf in node.children] == list(partials)


@each_row
def test_numbers_stand_in_for_values(op: Op) -> None:
    for operands in points(op, 2):
        node = apply(op, *operands)
        assert (node.data, node.partials) == op.scalar(*operands)
        assert all(child.op is operation.CONSTANT for child in node.children)


@each_row
def test_gradcheck_agrees(op: Op) -> None:
    operands = points(op, 1)[0]
    index = [operands[0]] if op.operands[0] == INDEX else []
    assert gradcheck(
        lambda *leaves: apply(op, *op.groups([*index, *leaves])),
        [flat(operands)[i] for i in differentiable(op, operands)],
    )


@pytest.mark.parametrize("op", [op for op in ops.TABLE.values() if op.method], ids=names)
def test_every_fixed_row_is_a_method(op: Op) -> None:
    for method in op.method.split():
        operands = [Value(number) for number in points(op, 1)[0]]
        found = getattr(operands[0], method)(*operands[1:])
        assert (found.op, found.children) == (op, tuple(operands))


# ---------------------------------------------------------------- the array reading


@each_row
def test_arrays_read_as_scalars_do(op: Op) -> None:
    chosen = points(op)
    inputs = as_values(chosen[0])
    program = compile(apply(op, *inputs), inputs=[flat(inputs)])
    values, derivatives = values_and_derivatives(program, [flat(operands) for operands in chosen])
    expected = [op.scalar(*operands) for operands in chosen]
    np.testing.assert_allclose(values, [value for value, _ in expected], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(derivatives, [partials for _, partials in expected], rtol=1e-12, atol=1e-14)


def values_and_derivatives(program: Program, batch: list[list[float]]) -> tuple[Any, Any]:
    """What a compiled program gives for each example, and its derivatives by each of the example's numbers."""
    found = program.gradients(batch, reduction="sum", inputs=True)
    return program(batch), found.inputs[0]


@each_row
def test_emitted_text_is_the_row_over_arrays(op: Op) -> None:
    functions = {"np": np, "item": lambda xs, i: xs[int(i)], **FUNCTIONS}
    for operands in points(op, 3):
        bound = {name.lstrip("*"): np.array(operand) for name, operand in zip(op.operands, operands)}
        found = np.asarray(eval(numpy_text(op, op.value, {}), functions | bound)).item()
        assert float(found) == pytest.approx(op.scalar(*operands)[0], rel=1e-13, abs=1e-15)


# ---------------------------------------------------------------- the words


SAID = 1e-5  # a number in words has six digits


def labels(op: Op, operands: list[Any]) -> list[Any]:
    return [
        [f"{name[1:]}{j}" for j in range(len(operand))] if isinstance(operand, list) else f"the_{name}"
        for name, operand in zip(op.operands, operands)
    ]


def meaning(said: str, op: Op, operands: list[Any], out: float = math.nan) -> float:
    """What the words come to: functions mean their rows, labels the numbers behind them."""
    known = scalar_names() | {"max": max, "min": min, "abs": abs, "the_value": out}
    known |= {name: lambda *xs, row=row: row.scalar(*xs)[0] for name, row in ops.TABLE.items() if name not in known}
    known |= dict(zip(flat(labels(op, operands)), flat(operands)))
    if op.operands[0] == INDEX:
        known["the_i"] = int(operands[0])
    formula, *definitions = said.split(" with ")
    for definition in definitions:
        name, value = definition.split(" = ")
        known[name] = eval(value, known)
    return float(eval(formula, known))


@each_row
@pytest.mark.parametrize("numbers_known", [False, True])
def test_the_words_say_what_was_computed(op: Op, numbers_known: bool) -> None:
    for operands in points(op, 4):
        at = operands if numbers_known else []
        said = op.words(*labels(op, operands), at=at)
        assert meaning(said, op, operands) == pytest.approx(op.scalar(*operands)[0], rel=SAID, abs=SAID), said


@each_row
@pytest.mark.parametrize("numbers_known", [False, True])
def test_the_words_of_a_derivative_say_what_was_computed(op: Op, numbers_known: bool) -> None:
    for operands in points(op, 4):
        value, partials = op.scalar(*operands)
        place = 0
        for name, operand in zip(op.names, operands):
            for member in range(len(operand) if isinstance(operand, list) else 1):
                at = operands if numbers_known else []
                said = op.partial_words(name, *labels(op, operands), out="the_value", member=member, at=at)
                assert meaning(said, op, operands, value) == pytest.approx(partials[place], rel=SAID, abs=SAID), said
                place += 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ops.mul.words("w", "x"), "w * x"),
        (ops.mul.partial_words("x", "w", "x"), "x"),
        (ops.mul.words("-2", "x"), "-2 * x"),
        (ops.tanh.partial_words("x", "n", out="y"), "1 - y ** 2"),
        (ops.power(3.0).words("a"), "a ** 3"),
        (ops.power(3.0).partial_words("x", "a"), "3 * a ** 2"),
        (ops.power(2.0).words("-3"), "(-3) ** 2"),
        (ops.dot.words(["w1", "w2"], ["x1", "x2"]), "w1 * x1 + w2 * x2"),
        (ops.dot.partial_words("y", ["w1", "w2"], ["x1", "x2"], member=1), "w2"),
        (ops.total.words(["a", "b", "c"]), "a + b + c"),
        (ops.pow.partial_words("y", "a", "k", out="p", at=[2.0, 3.0]), "p * log(a)"),
    ],
)
def test_words(said: str, expected: str) -> None:
    assert said == expected


# ---------------------------------------------------------------- PyTorch's conventions, at kinks, edges and extremes


def ours(case: str) -> list[Any]:
    """The engine's value and gradients at each point, or None where it says that there is no value."""
    name, constants, _, _, chosen = peer.CASES[case]
    op = ops.FAMILIES[name](*constants) if constants else ops.TABLE[name]
    found: list[Any] = []
    for point in chosen:
        inputs = as_values(point)
        try:
            value = apply(op, *inputs)
        except (ArithmeticError, ValueError) as error:
            assert "is not defined for" in str(error) or "is beyond the largest float" in str(error)
            found.append(None)
            continue
        value.backward()
        found.append([value.data, [leaf.grad for leaf in flat(inputs)]])
    return found


def agree(found: list[Any], expected: list[Any], chosen: list[Any]) -> None:
    assert len(found) == len(expected)
    for point, mine, theirs in zip(chosen, found, expected):
        assert (mine is None) == (theirs is None), f"at {point}: {mine} and {theirs}"
        if mine is not None:
            np.testing.assert_allclose(flat(mine), flat(theirs), rtol=1e-12, atol=1e-15, err_msg=f"at {point}")


@pytest.mark.parametrize("case", peer.CASES)
def test_recorded(case: str) -> None:
    agree(ours(case), RECORDED[case], peer.CASES[case][-1])


@pytest.mark.torch
@pytest.mark.parametrize("case", peer.CASES)
def test_live(case: str) -> None:
    agree(ours(case), peer.outcomes(case), peer.CASES[case][-1])


def test_every_row_that_pytorch_has_is_compared() -> None:
    compared = {name for name, *_ in peer.CASES.values()}
    made_of_others = {"affine": "dot and add", "select": "indexing", "step": "a comparison"}
    assert compared | set(made_of_others) == {*ops.TABLE, *ops.FAMILIES}
