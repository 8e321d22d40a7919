"""Layers compute what PyTorch's do, name what is wrong, and draw their random numbers from their seeds."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, nn, no_grad, operation, ops, softmax, topological_order
from micrograd_plus.nn.layers import activation_function
from micrograd_plus.value import leaf
from tests.nn import peer
from tests.strategies import points

RECORDED = json.loads(peer.RECORDED.read_text())


def outputs(case: str) -> tuple[list[list[float]], dict[str, float]]:
    (nin, *widths), activation, state, rows = peer.example(case)
    model = nn.MLP(nin, widths, activation=activation)
    model.load_state_dict(state)
    found = [model(row) for row in rows]
    for value in (value for row in found for value in row):
        value.backward()
    return [[value.data for value in row] for row in found], {
        name: parameter.grad for name, parameter in model.named_parameters()
    }


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12, atol=1e-14)
    assert found[1] == pytest.approx(expected[1], rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("case", peer.NETWORKS)
def test_recorded_network(case: str) -> None:
    same(outputs(case), RECORDED["networks"][case])


@pytest.mark.torch
@pytest.mark.parametrize("case", peer.NETWORKS)
def test_live_network(case: str) -> None:
    theirs = peer.network(*peer.example(case))
    same(outputs(case), theirs)
    same(theirs, RECORDED["networks"][case])


# ---------------------------------------------------------------- shapes


def test_one_output_is_a_bare_value_and_several_are_a_list() -> None:
    assert isinstance(nn.Layer(2, 1)([1.0, 2.0]), Value)
    assert [type(each) for each in nn.Layer(2, 2)([1.0, 2.0])] == [Value, Value]
    assert isinstance(nn.Sequential(nn.Layer(2, 1), nn.Dropout(0.5))([1.0, 2.0]), Value)
    assert [len(nn.Embedding(3, width)(2)) for width in (1, 2)] == [1, 2], "a row is a row"
    assert isinstance(nn.MLP(2, [4, 1])([1.0, 2.0]), Value)
    assert isinstance(nn.Sequential(nn.Layer(2, 4), nn.Layer(4, 1))([1.0, 2.0]), Value)
    assert len(nn.MLP(2, [4, 3])([1.0, 2.0])) == 3
    assert isinstance(nn.Neuron(2)([1.0, 2.0]), Value)


def test_one_neuron_in_the_middle() -> None:
    assert isinstance(nn.MLP(2, [16, 1, 1])([1.0, 2.0]), Value)
    assert isinstance(nn.Sequential(nn.MLP(2, [1]), nn.MLP(1, [3, 1]))([1.0, 2.0]), Value)


def test_inputs_may_be_numbers_values_arrays_or_a_bare_number() -> None:
    model = nn.MLP(2, [3, 1])
    expected = model([1.0, 2.0]).data
    for inputs in [(1, 2), np.array([1.0, 2.0]), [Value(1.0), 2.0], iter([1.0, 2.0])]:
        assert model(inputs).data == expected
    single = nn.MLP(1, [3, 1])
    assert single(0.5).data == single([0.5]).data == single(Value(0.5)).data == single(np.float64(0.5)).data


def test_numbers_become_inputs_with_names() -> None:
    leaves = {node.label: node.op for node in topological_order(nn.MLP(2, [2, 1])([1.0, 2.0])) if not node.children}
    assert leaves["x1"] is leaves["x2"] is operation.INPUT
    assert {op for label, op in leaves.items() if label.startswith("layers.")} == {operation.PARAMETER}


def test_the_last_layer_has_no_activation() -> None:
    output = nn.MLP(1, [3, 1], activation="sigmoid")(0.5)
    assert output.op is ops.affine
    assert {child.op.name for child in output.children if child.children} == {"sigmoid"}


def test_without_bias() -> None:
    model = nn.MLP(2, [2, 1], bias=False)
    assert [name.split(".")[-2] for name, _ in model.named_parameters()] == ["weights"] * 6
    assert model([0.0, 0.0]).op is ops.dot
    assert repr(nn.Layer(2, 1, bias=False)) == "Layer(2, 1, bias=False)"


def test_config_makes_the_same_form() -> None:
    model = nn.MLP(3, [4, 2], activation="relu", dropout=0.25, bias=False, init="xavier_normal", seed=7)
    twin = nn.MLP(**json.loads(json.dumps(model.config)))
    assert repr(twin) == repr(model)
    assert twin.state_dict() == model.state_dict()
    assert repr(model) == "MLP(3, [4, 2], activation='relu', dropout=0.25, bias=False, init='xavier_normal')"


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid", "sin"])
def test_activation_by_name(name: str) -> None:
    layer = nn.Layer(1, 2, name)
    linear = [value.data for value in nn.Layer.forward(_linear_twin(layer), [0.7])]
    assert [value.data for value in layer([0.7])] == [getattr(Value(x), name)().data for x in linear]


def _linear_twin(layer: nn.Layer) -> nn.Layer:
    twin = nn.Layer(layer.nin, layer.nout)
    twin.load_state_dict(layer.state_dict())
    return twin


def test_every_row_of_one_operand_is_an_activation() -> None:
    for name, op in ops.TABLE.items():
        if len(op.operands) == 1 and not op.is_nary:
            function = activation_function(name)
            assert function is not None
            assert function(Value(points(op, 1)[0][0])).op is op


def test_every_family_is_an_activation_with_its_usual_constants() -> None:
    for name, family in ops.FAMILIES.items():
        function = activation_function(name)
        assert function is not None
        assert function(Value(0.7)).op is family()


def test_a_row_declared_later_is_an_activation() -> None:
    with pytest.raises(ValueError, match="no activation 'later_square'"):
        activation_function("later_square")
    square = operation.row("later_square", "x", "x * x", x="2 * x", method="")
    try:
        assert nn.Neuron(1, "later_square")([2.0]).op is square
    finally:
        del ops.TABLE["later_square"]


def test_activation_of_ones_own() -> None:
    layer = nn.Layer(1, 1, lambda x: x * x)
    assert layer([1.0]).data == pytest.approx(sum(layer.state_dict().values()) ** 2)


def test_wrong_activations() -> None:
    with pytest.raises(ValueError, match="no activation 'rleu'; did you mean 'relu'"):
        nn.Layer(2, 2, "rleu")
    with pytest.raises(ValueError, match="cross_entropy"):
        nn.MLP(2, [2, 2], activation="softmax")


# ---------------------------------------------------------------- dropout


def test_dropout_drops_its_fraction_and_keeps_the_mean() -> None:
    drop = nn.Dropout(0.3, seed=0)
    values = [value.data for value in drop([1.0] * 20_000)]
    dropped = values.count(0.0)
    assert set(values) == {0.0, 1 / 0.7}
    assert dropped / 20_000 == pytest.approx(0.3, abs=0.01)
    assert sum(values) / 20_000 == pytest.approx(1.0, abs=0.02)


def test_dropout_is_the_identity_in_use() -> None:
    inputs = [Value(1.0), Value(2.0)]
    assert nn.Dropout(0.5).eval()(inputs) is inputs
    assert nn.Dropout(0.0)(inputs) is inputs
    assert isinstance(nn.Dropout(0.5)(Value(1.0)), Value)


def test_a_mask_is_a_random_leaf_drawn_unit_by_unit() -> None:
    drop, twin = nn.Dropout(0.5, seed=3), nn.Dropout(0.5, seed=3)
    masks = [value.children[1] for value in drop([Value(1.0)] * 6)]
    assert all(mask.op is drop.op for mask in masks)
    assert [mask.data for mask in masks] == [twin.op.draw() for _ in range(6)]
    assert [mask.label for mask in masks[:2]] == ["mask1", "mask2"]


def test_the_gradient_passes_only_through_survivors() -> None:
    drop = nn.Dropout(0.5, seed=1)
    inputs = [Value(1.0) for _ in range(4)]
    for value in drop(inputs):
        value.backward()
    assert [value.grad for value in inputs] == [2.0, 0.0, 0.0, 2.0]


def test_an_mlps_dropouts_draw_apart_and_from_its_seed() -> None:
    model = nn.MLP(2, [8, 8, 8, 1], dropout=0.5, seed=5)
    drops = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    streams = [tuple(drop.op.rng.random() for _ in range(4)) for drop in drops]
    assert len(set(streams)) == len(drops) == 3
    twins = [each for each in nn.MLP(2, [8, 8, 8, 1], dropout=0.5, seed=5).modules() if isinstance(each, nn.Dropout)]
    assert [tuple(drop.op.rng.random() for _ in range(4)) for drop in twins] == streams
    plain = nn.MLP(2, [8, 8, 8, 1], seed=5)
    assert list(plain.state_dict().values()) == list(model.state_dict().values())
    assert model.layers[-1] is not drops[-1]


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_wrong_fractions(p: float) -> None:
    with pytest.raises(ValueError, match="fraction to drop"):
        nn.Dropout(p)


# ---------------------------------------------------------------- embedding


def test_embedding_picks_parameters_or_selects() -> None:
    table = nn.Embedding(4, 3)
    assert table(2) == table.weights[2]
    assert table(2.0) == table(np.int64(2)) == table.weights[2]
    assert table([0, 3]) == table(np.array([0, 3])) == [table.weights[0], table.weights[3]]
    chosen = table(leaf(2, operation.INPUT, "token"))
    assert [value.op for value in chosen] == [ops.select] * 3
    assert [value.data for value in chosen] == [weight.data for weight in table.weights[2]]
    chosen[1].backward()
    assert [row[1].grad for row in table.weights] == [0.0, 0.0, 1.0, 0.0]


def test_embedding_leads_into_a_layer() -> None:
    table = nn.Embedding(5, 3)
    model = nn.Sequential(table, nn.Layer(3, 2, "tanh"), nn.Layer(2, 5))
    loss = nn.cross_entropy(model(4), 1)
    loss.backward()
    assert all(weight.grad != 0 for weight in table.weights[4])
    assert all(weight.grad == 0 for weight in table.weights[0])


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (4, IndexError, r"Embedding\(4, 2\) has rows 0 to 3, but got 4"),
        (-1, IndexError, "but got -1"),
        (Value(9.0), IndexError, "but got 9"),
        (0.5, TypeError, "whole number"),
        (Value(0.5), TypeError, "whole number"),
        ("a", TypeError, "whole number"),
        (None, TypeError, "whole number"),
    ],
)
def test_wrong_indices(index: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.Embedding(4, 2)(index)


# ---------------------------------------------------------------- seeds


def test_an_mlp_is_its_seed() -> None:
    assert nn.MLP(2, [3, 1], seed=1).state_dict() == nn.MLP(2, [3, 1], seed=1).state_dict()
    assert nn.MLP(2, [3, 1], seed=1).state_dict() != nn.MLP(2, [3, 1], seed=2).state_dict()


def test_layers_without_a_seed_differ_but_not_from_run_to_run() -> None:
    nn.manual_seed(4)
    first, second = nn.Layer(2, 2), nn.Layer(2, 2)
    assert first.state_dict() != second.state_dict()
    nn.manual_seed(4)
    assert nn.Layer(2, 2).state_dict() == first.state_dict()
    assert nn.Layer(2, 2, seed=9).state_dict() == nn.Layer(2, 2, seed=9).state_dict()


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.MLP(3, [2, 1])([1.0, 2.0]),
            ValueError,
            r"Layer\(3, 2, 'tanh'\) at layers\.0 takes 3, but got 2 inputs",
        ),
        (lambda: nn.MLP(3, [2, 1])([1.0] * 4), ValueError, "takes 3, but got 4"),
        (
            lambda: nn.Sequential(nn.Layer(2, 3), nn.Layer(4, 1))([1.0, 2.0]),
            ValueError,
            r"at layers\.1 takes 4, but got 3",
        ),
        (lambda: nn.Neuron(2)([]), ValueError, "takes 2, but got 0"),
        (lambda: nn.MLP(2, [1])([[1.0, 2.0], [3.0, 4.0]]), TypeError, "takes one example.*call it once for each"),
        (lambda: nn.MLP(2, [1])(np.ones((2, 2))), TypeError, "takes one example"),
        (lambda: nn.MLP(2, [1])("ab"), TypeError, "needs a row of numbers or Values, in their order, but got 'ab'"),
        (lambda: nn.MLP(2, [1])(None), TypeError, "needs a row of numbers"),
        (lambda: nn.MLP(2, [1])([1.0, "b"]), TypeError, "real number"),
        (lambda: nn.MLP(2, [1])([1.0, float("nan")]), ValueError, "x2"),
        (lambda: nn.MLP(2, []), ValueError, "widths is a list"),
        (lambda: nn.MLP(2, 3), ValueError, "widths is a list"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [3, 0]), ValueError, r"widths\[1\] must be a whole number of at least 1"),
        (lambda: nn.MLP(0, [3]), ValueError, "nin must be"),
        (lambda: nn.MLP(2.5, [3]), TypeError, "nin must be"),  # type: ignore[arg-type]
        (lambda: nn.Layer(2, -1), ValueError, "nout must be"),
        (lambda: nn.MLP(2, [2, 1], dropout=1.5), ValueError, "fraction to drop, is from 0 to 1, but got 1.5"),
        (lambda: nn.MLP(2, [1])({1.0, 2.0}), TypeError, "in their order, but got {1.0, 2.0}"),
        (lambda: nn.MLP(2, [1])({"a": 1.0, "b": 2.0}), TypeError, "in their order"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [2, 1], activation=3), TypeError, "such as 'relu'.*but got 3"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [2, 1], activation=math.tanh)([1.0, 2.0]), TypeError, "tanh returned -?0.*of Values"),
        (lambda: nn.MLP(2, [1], seed=-1), ValueError, "seed must be"),
        (lambda: nn.Layer(2, 1, seed=0.5), TypeError, "seed must be"),  # type: ignore[arg-type]
        (lambda: nn.Sequential(), ValueError, "at least one Module"),
        (lambda: nn.Sequential([nn.Layer(2, 1)]), TypeError, "take it out of its list"),  # type: ignore[arg-type]
        (lambda: nn.Sequential(nn.Layer(2, 1), abs), TypeError, "activation by name"),  # type: ignore[arg-type]
        (lambda: nn.Embedding(0, 2), ValueError, "num must be"),
    ],
)
def test_wrong_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- together


def test_numpy_integers_are_whole_numbers() -> None:
    model = nn.MLP(np.int64(2), np.array([3, 1]), seed=np.int64(1))  # type: ignore[arg-type]
    assert repr(model) == "MLP(2, [3, 1])"
    assert json.dumps({**model.config, "seed": None}) == json.dumps({**nn.MLP(2, [3, 1]).config, "seed": None})
    assert model.state_dict() == nn.MLP(2, [3, 1], seed=1).state_dict()
    assert nn.Dropout(seed=np.int64(3)).op.rng.random() == nn.Dropout(seed=3).op.rng.random()  # type: ignore[arg-type]


def test_dropping_all_leaves_nothing() -> None:
    drop = nn.Dropout(1.0)
    assert [value.data for value in drop([1.0, -2.0, 3.0])] == [0.0, 0.0, 0.0]
    assert drop.eval()([1.0, 2.0]) == [1.0, 2.0]
    model = nn.MLP(2, [3, 1], dropout=1.0)
    model([1.0, 2.0]).backward()
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert grads.pop("layers.2.neurons.0.bias") == 1.0
    assert set(grads.values()) == {0.0}


def test_no_grad_builds_no_graph() -> None:
    with no_grad():
        assert nn.MLP(2, [4, 1], dropout=0.5)([1.0, 2.0]).children == ()


def test_a_small_network_learns_xor() -> None:
    model = nn.MLP(2, [4, 2], activation="tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    for _ in range(150):
        optimizer.zero_grad()
        nn.cross_entropy([model(row) for row in rows], [0, 1, 1, 0]).backward()
        optimizer.step()
    for row, wanted in zip(rows, [0, 1, 1, 0]):
        assert softmax(model(row))[wanted] > 0.9
