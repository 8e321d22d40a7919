"""Losses and their gradients are PyTorch's, take what people pass, and refuse the rest in words."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, compile, gradcheck, nn, operation, softmax
from micrograd_plus.nn import losses
from micrograd_plus.nn.losses import LOSSES, loss_function, loss_name
from micrograd_plus.value import leaf, topological_order
from tests.nn import peer

RECORDED = json.loads(peer.RECORDED.read_text())


def ours(case: str) -> tuple[float, list[float]]:
    name, options, predictions, targets = peer.LOSSES[case]
    flat: list[Value] = []

    def values(numbers: Any) -> Any:
        if isinstance(numbers, list):
            return [values(each) for each in numbers]
        flat.append(Value(numbers))
        return flat[-1]

    loss = getattr(nn, name)(values(predictions), targets, **options)
    loss.backward()
    return loss.data, [value.grad for value in flat]


def same(case: str, found: tuple[float, list[float]], expected: Any) -> None:
    rel = 1e-8 if case == "bce, edges" else 1e-12  # PyTorch holds the denominator at 1e-12 rounded to 32 bits
    assert found[0] == pytest.approx(expected[0], rel=1e-12, abs=1e-15)
    assert found[1] == pytest.approx(expected[1], rel=rel, abs=1e-15)


@pytest.mark.parametrize("case", peer.LOSSES)
def test_recorded(case: str) -> None:
    same(case, ours(case), RECORDED["losses"][case])


@pytest.mark.torch
@pytest.mark.parametrize("case", peer.LOSSES)
def test_live(case: str) -> None:
    theirs = peer.loss(case)
    same(case, ours(case), theirs)
    same(case, theirs, RECORDED["losses"][case])


def test_every_loss_is_compared() -> None:
    compared = {getattr(nn, name) for name, *_ in peer.LOSSES.values()}
    assert set(LOSSES.values()) - compared == {nn.hinge_loss}  # PyTorch has none of this form


@pytest.mark.torch
@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.lists(st.floats(-30, 30), min_size=4, max_size=4), min_size=1, max_size=4),
    smoothing=st.floats(0, 1),
    data=st.data(),
)
def test_cross_entropy_is_pytorchs_on_any_rows(rows: list[list[float]], smoothing: float, data: Any) -> None:
    import torch

    classes = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    tensor = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(tensor, torch.tensor(classes), label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(theirs, [tensor])
    values = [[Value(each) for each in row] for row in rows]
    loss = nn.cross_entropy(values, classes, label_smoothing=smoothing)
    loss.backward()
    assert loss.data == pytest.approx(theirs.item(), rel=1e-10, abs=1e-12)
    np.testing.assert_allclose([[each.grad for each in row] for row in values], gradient, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- values and gradients by hand


def test_hinge() -> None:
    score = Value(0.25)
    loss = nn.hinge_loss(score, -1)
    loss.backward()
    assert (loss.data, score.grad) == (1.25, 1.0)
    assert nn.hinge_loss(Value(2.0), 1).data == 0.0


def test_the_gradient_of_a_logit_is_probability_minus_target() -> None:
    for x, y in [(0.0, 0.0), (0.0, 1.0), (3.0, 1.0), (-3.0, 1.0)]:
        logit = Value(x)
        nn.binary_cross_entropy_with_logits(logit, y).backward()
        assert logit.grad == pytest.approx(1 / (1 + math.exp(-x)) - y, rel=1e-12)


def test_cross_entropy_is_nll_of_log_softmax() -> None:
    logits = [Value(1.0), Value(-0.5), Value(2.0)]
    through = nn.nll_loss([p.log() for p in softmax(logits)], 1)
    assert nn.cross_entropy(logits, 1).data == pytest.approx(through.data, rel=1e-12)


def test_a_confident_cross_entropy_stays_finite() -> None:
    logits = [Value(1000.0), Value(-1000.0)]
    loss = nn.cross_entropy(logits, 1)
    loss.backward()
    assert (loss.data, [each.grad for each in logits]) == (2000.0, [1.0, -1.0])


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("distance", [-4.0, -0.25, 0.0, 0.3, 2.0])
def test_huber_is_its_formula(delta: float, distance: float) -> None:
    small = abs(distance) < delta
    expected = distance**2 / 2 if small else delta * (abs(distance) - delta / 2)
    assert nn.huber_loss(Value(distance), 0.0, delta=delta).data == pytest.approx(expected)
    gradcheck(lambda x: nn.huber_loss(x, 0.0, delta=delta), [distance])


def test_penalties() -> None:
    weights = [Value(3.0), Value(-4.0), Value(0.0)]
    first, second = nn.l1_penalty(weights, 0.5), nn.l2_penalty(weights, 0.5)
    assert (first.data, second.data) == (3.5, 12.5)
    first.backward()
    assert [weight.grad for weight in weights] == [0.5, -0.5, 0.0]
    for weight in weights:
        weight.zero_grad()
    second.backward()
    assert [weight.grad for weight in weights] == [3.0, -4.0, 0.0]


# ---------------------------------------------------------------- what may be passed

PAIRS: list[tuple[Any, list[Any], list[Any]]] = [
    (nn.mse_loss, [0.5, 2.0, -1.0], [1.0, 0.0, 0.5]),
    (nn.l1_loss, [0.5, 2.0, -1.0], [1.0, 0.0, 0.5]),
    (nn.huber_loss, [0.5, 2.0, -1.0], [1.0, 0.0, 0.5]),
    (nn.binary_cross_entropy, [0.5, 0.2, 0.9], [1.0, 0.0, 0.5]),
    (nn.binary_cross_entropy_with_logits, [0.5, 0.2, -0.9], [1.0, 0.0, 0.5]),
    (nn.hinge_loss, [0.5, 0.2, -0.9], [1.0, -1.0, 1.0]),
    (nn.cross_entropy, [[0.5, 0.2], [-0.9, 3.0], [1.0, 1.0]], [0, 1, 1]),
    (nn.nll_loss, [[-0.5, -0.2], [-0.9, -3.0], [-1.0, -1.0]], [0, 1, 1]),
]


@pytest.mark.parametrize(("loss", "predictions", "targets"), PAIRS)
def test_the_loss_of_many_is_the_mean_of_the_losses_of_each(loss: Any, predictions: Any, targets: Any) -> None:
    each = [loss(prediction, target).data for prediction, target in zip(predictions, targets)]
    assert loss(predictions, targets).data == pytest.approx(sum(each) / len(each), rel=1e-12)


@pytest.mark.parametrize(("loss", "predictions", "targets"), PAIRS)
def test_arrays_tuples_and_values_as_targets(loss: Any, predictions: Any, targets: Any) -> None:
    expected = loss(predictions, targets).data
    assert loss(np.array(predictions), np.array(targets)).data == expected
    tuples = tuple(tuple(each) if isinstance(each, list) else each for each in predictions)
    assert loss(tuples, tuple(targets)).data == expected
    assert loss(predictions, [leaf(each, operation.INPUT) for each in targets]).data == expected
    assert loss(predictions[0], np.float64(targets[0]) if loss is nn.mse_loss else targets[0]).data >= 0


@pytest.mark.parametrize(("loss", "predictions", "targets"), PAIRS)
def test_reductions(loss: Any, predictions: Any, targets: Any) -> None:
    each = [loss(prediction, target).data for prediction, target in zip(predictions, targets)]
    assert [value.data for value in loss(predictions, targets, reduction="none")] == each
    assert loss(predictions, targets, reduction="sum").data == pytest.approx(sum(each), rel=1e-12)
    assert loss(predictions, targets, reduction="mean").data == loss(predictions, targets).data
    assert loss(predictions[0], targets[0], reduction="none").data == each[0]


@pytest.mark.torch
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("loss", "predictions", "targets"), [pair for pair in PAIRS if pair[0] is not nn.hinge_loss])
def test_reductions_are_pytorchs(loss: Any, predictions: Any, targets: Any, reduction: str) -> None:
    import torch

    classes = isinstance(predictions[0], list)
    theirs = getattr(torch.nn.functional, loss.__name__)(
        torch.tensor(predictions, dtype=torch.float64),
        torch.tensor(targets, dtype=torch.long if classes else torch.float64),
        reduction=reduction,
    )
    found = loss(predictions, targets, reduction=reduction)
    numbers = [each.data for each in found] if reduction == "none" else found.data
    assert numbers == pytest.approx(theirs.tolist(), rel=1e-12)


@pytest.mark.parametrize(("loss", "predictions", "targets"), PAIRS)
def test_a_weight_of_two_counts_twice(loss: Any, predictions: Any, targets: Any) -> None:
    by_class = isinstance(predictions[0], list)
    weights = [2, 3] if by_class else [2, 0, 3]
    counts = [weights[y] for y in targets] if by_class else weights
    repeated = [each for count, each in zip(counts, zip(predictions, targets)) for _ in range(count)]
    expected = loss(*map(list, zip(*repeated)), reduction="sum").data
    assert loss(predictions, targets, weight=weights, reduction="sum").data == pytest.approx(expected, rel=1e-12)
    whole = 3 if "binary" in loss.__name__ or loss is nn.huber_loss else sum(counts)
    assert loss(predictions, targets, weight=np.array(weights)).data == pytest.approx(expected / whole, rel=1e-12)
    one = loss(predictions[0], targets[0], weight=weights if by_class else 2, reduction="sum").data
    assert one == pytest.approx(2 * loss(predictions[0], targets[0]).data)


def test_a_weight_may_be_that_of_a_row() -> None:
    found = nn.mse_loss([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], weight=[3, 1], reduction="none")
    assert [[each.data for each in row] for row in found] == [[3.0, 12.0], [9.0, 16.0]]


def test_weights_and_targets_may_be_inputs_of_a_program() -> None:
    def loss(p: Any, y: Any, w: Any) -> Any:
        return nn.mse_loss(p, y, weight=w)

    found = compile(loss)([[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]], [[3.0, 1.0], [1.0, 0.0]]).tolist()
    assert found == pytest.approx([7 / 4, 1.0])

    def classes(p: Any, y: Any) -> Any:
        return nn.cross_entropy([p, p], [y, 0], weight=[1.0, 3.0])

    rows = [[0.5, -1.0], [2.0, 0.0]]
    assert compile(classes)(rows, [0, 1]).tolist() == pytest.approx([classes(p, y).data for p, y in zip(rows, [0, 1])])


def test_without_reduction_losses_have_the_shape_of_the_predictions() -> None:
    losses = nn.l1_loss([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]], reduction="none")
    assert [[each.data for each in row] for row in losses] == [[0.0, 1.0], [2.0, 3.0]]


def test_what_a_loop_hands_over_one_by_one() -> None:
    assert nn.mse_loss(map(Value, (1.0, 2.0)), range(2)).data == 1.0
    assert nn.cross_entropy(([x, 0.0] for x in (0.0, 0.0)), iter([0, 1])).data == pytest.approx(math.log(2))


def test_a_list_of_one_stands_for_what_it_holds() -> None:
    assert nn.mse_loss(Value(1.0), [3.0]).data == nn.mse_loss([Value(1.0)], 3.0).data == 4.0
    assert nn.mse_loss([Value(1.0), Value(2.0)], [[3.0], [2.0]]).data == 2.0


def test_a_target_that_is_a_value_is_selected_in_the_graph() -> None:
    target = leaf(1, operation.INPUT, "class")
    names = {node.op.name for node in topological_order(nn.cross_entropy([Value(0.5), Value(0.25)], target))}
    assert "select" in names


def test_by_name() -> None:
    assert loss_function("mse") is loss_function("mse_loss") is nn.mse_loss
    assert loss_function("bce_with_logits") is nn.binary_cross_entropy_with_logits
    assert loss_function(nn.huber_loss) is nn.huber_loss
    assert [loss_name(each) for each in ("nll_loss", nn.hinge_loss, "l1", "bce_loss", len)] == [
        "nll", "hinge", "l1", "bce_loss", "len",
    ]  # fmt: skip
    for function in set(losses.__all__) & {name for name in dir(nn) if name.endswith("_loss") or "entropy" in name}:
        assert loss_function(function) is getattr(nn, function)
    with pytest.raises(ValueError, match="no loss 'mes'; did you mean 'mse'"):
        loss_function("mes")


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.mse_loss([1.0, 2.0], [1.0]), ValueError, "2 predictions and 1 targets"),
        (lambda: nn.mse_loss([[1.0, 2.0], [1.0]], [[1.0, 2.0], [1.0, 2.0]]), ValueError, "1 predictions and 2 targets"),
        (lambda: nn.mse_loss([1.0, 2.0], 1.0), ValueError, "2 predictions and 1 targets"),
        (lambda: nn.mse_loss([], []), ValueError, "no predictions"),
        (lambda: nn.mse_loss("1", 1.0), TypeError, "real number"),
        (lambda: nn.mse_loss(None, 1.0), TypeError, "forgotten its return"),
        (lambda: nn.mse_loss(1.0, math.nan), ValueError, "nan"),
        (lambda: nn.mse_loss([1.0], [1.0], reduction="average"), ValueError, "'mean', 'sum' or 'none', but"),
        (lambda: nn.nll_loss([-1.0, -1.0], 0, reduction=None), ValueError, "but got None"),  # type: ignore[arg-type]
        (lambda: nn.mse_loss({1.0, 2.0}, [1.0, 2.0]), ValueError, "1 predictions and 2 targets"),  # a set has no order
        (lambda: nn.huber_loss(1.0, 1.0, delta=0.0), ValueError, "delta > 0"),
        (lambda: nn.binary_cross_entropy(Value(1.5, "p"), 1), ValueError, "p = 1.5.*from 0 to 1.*sigmoid"),
        (lambda: nn.binary_cross_entropy(Value(-0.1, "p"), 0), ValueError, "p = -0.1"),
        (lambda: nn.binary_cross_entropy(0.5, 2), ValueError, "targets from 0 to 1, but got 2"),
        (lambda: nn.binary_cross_entropy_with_logits(0.5, -1), ValueError, "targets from 0 to 1, but got -1"),
        (lambda: nn.hinge_loss(0.5, Value(0.0)), ValueError, "-1 or 1, but got 0"),
        (lambda: nn.hinge_loss(0.5, 0), ValueError, r"-1 or 1, but got 0; from 0 or 1 make 2\*y - 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], 2), ValueError, "class number from 0 to 1, as there are 2"),
        (lambda: nn.cross_entropy([1.0, 2.0], -1), ValueError, "class number from 0 to 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], 0.5), ValueError, "class number from 0 to 1"),
        (lambda: nn.cross_entropy([1.0], 0), ValueError, "at least two classes.*binary_cross_entropy_with_logits"),
        (lambda: nn.cross_entropy(1.0, 0), TypeError, "a number for each class"),
        (lambda: nn.cross_entropy([], 0), TypeError, "a number for each class"),
        (lambda: nn.cross_entropy([[1.0, 2.0]], [0, 1]), ValueError, "1 rows of predictions and 2 targets"),
        (lambda: nn.cross_entropy([[1.0, 2.0]], 0), ValueError, "1 rows of predictions and the single target 0; give"),
        (lambda: nn.cross_entropy([[1.0, 2.0], [1.0]], [0, 0]), ValueError, "row 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], [0.5, 0.6]), ValueError, "add up to 1.1"),
        (lambda: nn.cross_entropy([1.0, 2.0], [1.0]), ValueError, "1 probabilities as a target for 2"),
        (lambda: nn.cross_entropy([1.0, 2.0], [1.5, -0.5]), ValueError, "from 0 to 1, but got 1.5"),
        (lambda: nn.cross_entropy([1.0, 2.0], 0, label_smoothing=1.5), ValueError, "label_smoothing"),
        (lambda: nn.nll_loss([-1.0, -2.0], 5), ValueError, "nll_loss needs a class number from 0 to 1"),
        (lambda: nn.mse_loss([1.0, 2.0], [1.0, 1.0], weight=[1.0]), ValueError, "1 weights for 2 losses"),
        (
            lambda: nn.l1_loss([1.0, 2.0], [1.0, 1.0], weight=[1.0, -1.0]),
            ValueError,
            "at least 0, but got -1.0; 0 leaves",
        ),
        (lambda: nn.l1_loss([1.0, 2.0], [1.0, 1.0], weight=[1.0, math.nan]), ValueError, "weight is nan"),
        (lambda: nn.huber_loss([1.0, 2.0], [1.0, 1.0], weight="ab"), TypeError, "weight is 'ab' .*not a number"),
        (lambda: nn.hinge_loss([1.0, 2.0], [1, 1], weight=[0, 0]), ValueError, "weights add up to 0 here"),
        (lambda: nn.mse_loss(1.0, 2.0, weight=3.0), ValueError, "mean of a single loss is the same whatever it weighs"),
        (
            lambda: nn.mse_loss(1.0, 2.0, weight=[3.0, 1.0], reduction="sum"),
            ValueError,
            "a list of weights for a single",
        ),
        (
            lambda: nn.cross_entropy([1.0, 2.0], 0, weight=[3.0, 1.0]),
            ValueError,
            "single loss .* in fit .*class_weights",
        ),
        (
            lambda: nn.cross_entropy([[1.0, 2.0]], [0], weight=[3.0]),
            ValueError,
            "1 weights for 2 classes; give one for",
        ),
        (lambda: nn.cross_entropy([[1.0, 2.0]], [0], weight=3.0), TypeError, "a number for each class, but got 3.0"),
        (
            lambda: nn.nll_loss([[-1.0, -2.0]], [1], weight=[1.0, 0.0]),
            ValueError,
            "nll_loss's weights add up to 0 here",
        ),
        (lambda: nn.nll_loss([[-1.0, -2.0]], [1], weight=[1.0, -1.0]), ValueError, "weights of at least 0, but got -1"),
        (
            lambda: nn.binary_cross_entropy_with_logits([[1.0, 2.0]], [[1, 1]], pos_weight=[1.0]),
            ValueError,
            "1 weights for 2 losses",
        ),
        (lambda: nn.l1_penalty([], 0.1), ValueError, "got no parameters"),
        (lambda: nn.l1_penalty(nn.Neuron(1), 0.1), TypeError, r"got Neuron\(1\); pass model.parameters"),  # type: ignore[arg-type]
        (lambda: nn.l2_penalty([Value(1.0)], -0.1), ValueError, "at least 0"),
        (lambda: nn.l2_penalty([Value(1.0)], "much"), TypeError, "strength"),  # type: ignore[arg-type]
    ],
)
def test_wrong_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("size", [1e10, 1e17, -1e17, 1e308, -1e308])
@pytest.mark.parametrize("target", [1, [0.2, 0.3, 0.5]], ids=["class", "probabilities"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_loses_no_digit_to_the_size_of_the_logits(size: float, target: Any, label_smoothing: float):
    logits = [Value(size) for _ in range(3)]
    loss = nn.cross_entropy(logits, target, label_smoothing=label_smoothing)
    loss.backward()
    assert loss.data == pytest.approx(math.log(3), rel=1e-15)
    wanted = target if isinstance(target, list) else [0.0, 1.0, 0.0]
    smooth = [(1 - label_smoothing) * p + label_smoothing / 3 for p in wanted]
    assert [x.grad for x in logits] == pytest.approx([1 / 3 - p for p in smooth], abs=1e-15)
