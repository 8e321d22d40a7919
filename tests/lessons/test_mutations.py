"""Every check bites: for each of the 42 statements a change of the package makes it false, and its own check says so.

A lesson is run up to that check, with the fault in the package; what the run meets on its way there, other checks that
fail too included, must not stop it. Without a fault all checks hold: `test_statements.py` runs the lessons so.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import micrograd_plus.data
import micrograd_plus.nn
import micrograd_plus.nn.layers
import micrograd_plus.train.loop
from micrograd_plus import Value, topological_order
from micrograd_plus.data import batch_indices, batches
from micrograd_plus.nn import SGD, Adam, Dropout, Optimizer
from tests.lessons.test_exercises import TEXTS, helper
from tests.lessons.test_statements import HOMES

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]


# -------------------------------------------------------------------- faults of the engine


def multiplied_by_the_sum(patch: Patch) -> None:
    patch.setattr(Value, "__mul__", Value.__add__)


def backward_that(change: Callable[[Value], None]) -> Fault:
    """Backward, after which something is done to each leaf of the graph."""

    def fault(patch: Patch) -> None:
        right = Value.backward

        def backward(self: Value) -> None:
            right(self)
            for node in topological_order(self):
                if not node.children:
                    change(node)

        patch.setattr(Value, "backward", backward)

    return fault


def scale_gradient(factor: float, leaf: Value) -> None:
    leaf.grad = factor * leaf.grad


def adds_along_the_chain(patch: Patch) -> None:
    """The chain rule with a sum where the product belongs."""

    def backward(self: Value) -> None:
        order = topological_order(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for child, partial_derivative in zip(node.children, node.partials):
                child.grad += partial_derivative + node.grad

    patch.setattr(Value, "backward", backward)


def errors_that_stay_in_the_last_layer(patch: Patch) -> None:
    right = micrograd_plus.nn.layers.dot

    def dot(weights: Any, row: Any, bias: Any = None) -> Value:
        return right(weights, [Value(value.data) for value in row], bias)

    patch.setattr(micrograd_plus.nn.layers, "dot", dot)


def neurons_without_bias(patch: Patch) -> None:
    right = micrograd_plus.nn.layers.dot
    patch.setattr(micrograd_plus.nn.layers, "dot", lambda weights, row, bias=None: right(weights, row))


# -------------------------------------------------------------------- faults of losses, optimizers and dropout


def loss_is(name: str, make: Callable[[Callable[..., Value]], Callable[..., Value]]) -> Fault:
    return lambda patch: patch.setattr(micrograd_plus.nn, name, make(getattr(micrograd_plus.nn, name)))


def mean_difference(right: Callable[..., Value]) -> Callable[..., Value]:
    def loss(predictions: Any, targets: Any) -> Value:
        if not isinstance(predictions, list):
            predictions, targets = [predictions], [targets]
        return sum((p - y for p, y in zip(predictions, targets)), Value(0.0)) / len(targets)

    return loss


def rule(optimizer: type[Optimizer], old: str, new: str) -> Fault:
    """One of the optimizer's lines reads otherwise."""
    assert old in optimizer.text
    return lambda patch: patch.setattr(optimizer, "text", optimizer.text.replace(old, new))


def nothing_is_cleared(patch: Patch) -> None:
    patch.setattr(Value, "zero_grad", lambda self: None)
    patch.setattr(Optimizer, "zero_grad", lambda self: None)
    patch.setattr(micrograd_plus.nn.Module, "zero_grad", lambda self: None)


def dropout_that(forward: Callable[[Callable[..., Any], Dropout, Any], Any]) -> Fault:
    right = Dropout.forward
    return lambda patch: patch.setattr(Dropout, "forward", lambda self, inputs: forward(right, self, inputs))


def drops_in_use_too(right: Callable[..., Any], self: Dropout, inputs: Any) -> Any:
    before, self.training = self.training, True
    try:
        return right(self, inputs)
    finally:
        self.training = before


def drops_nothing(right: Callable[..., Any], self: Dropout, inputs: Any) -> Any:
    return inputs


def drops_half_as_many(patch: Patch) -> None:
    right = Dropout.__init__
    patch.setattr(Dropout, "__init__", lambda self, p=0.5, **options: right(self, p / 2, **options))


# -------------------------------------------------------------------- faults of batches and epochs

Rows = list[list[int]]


def dealt(deal: Callable[[Rows, int, int], Rows]) -> Fault:
    """The batches of `fit`, dealt otherwise: from the right ones, the number of samples and the batch size."""

    def batches_of(n: int, batch_size: int, **options: Any) -> Rows:
        return deal(batch_indices(n, batch_size, **options), n, batch_size)

    return lambda patch: patch.setattr(micrograd_plus.train.loop, "batch_indices", batches_of)


def a_tenth_of_a_full_batch(rows: Rows, n: int, batch_size: int) -> Rows:
    return [rows[0][: n // 10]] if batch_size == n else rows


def all_where_one_was_asked(rows: Rows, n: int, batch_size: int) -> Rows:
    return [[*range(n)] for _ in rows] if batch_size == 1 else rows


def first_of_each_batch(rows: Rows, n: int, batch_size: int) -> Rows:
    return [batch[:1] for batch in rows] if 1 < batch_size < n else rows


def each_batch_twice(rows: Rows, n: int, batch_size: int) -> Rows:
    return [batch for batch in rows for _ in range(2)]


def one_sample_missing(rows: Rows, n: int, batch_size: int) -> Rows:
    return [batch[:-1] or batch for batch in rows]


def drawn_with_replacement(rows: Rows, n: int, batch_size: int) -> Rows:
    draw = random.Random(n)
    return [[draw.randrange(n) for _ in batch] for batch in rows]


def the_remainder_is_left_out(patch: Patch) -> None:
    def whole_batches(data: Any, batch_size: int, **options: Any) -> Any:
        return batches(data, batch_size, **{**options, "drop_last": True})

    patch.setattr(micrograd_plus.data, "batches", whole_batches)


def the_same_order_each_epoch(patch: Patch) -> None:
    def unshuffled(n: int, batch_size: int, **options: Any) -> Rows:
        return batch_indices(n, batch_size, **{**options, "shuffle": False})

    patch.setattr(micrograd_plus.data, "batch_indices", unshuffled)


FAULTS: dict[int, Fault] = {
    1: errors_that_stay_in_the_last_layer,
    2: multiplied_by_the_sum,
    3: loss_is("mse_loss", lambda right: lambda prediction, target: right(prediction, 0.0)),
    4: adds_along_the_chain,
    5: backward_that(partial(scale_gradient, -1.0)),
    6: nothing_is_cleared,
    7: backward_that(partial(scale_gradient, 2.0)),
    8: rule(SGD, "step = lr * g  ", "step = lr * g / 2  "),
    9: rule(SGD, "w = w - step", "w = w + step"),
    10: rule(SGD, "w = w - step", "w = w - step / (1 + 8 * lr)"),
    11: rule(SGD, "w = w - step", "w = w - step * 0.05 / lr"),
    12: dealt(a_tenth_of_a_full_batch),
    13: dealt(all_where_one_was_asked),
    14: dealt(first_of_each_batch),
    15: rule(Adam, "m_hat = m / (1 - beta1 ** t)", "m_hat = g"),
    16: rule(Adam, "step = lr * m_hat / (sqrt(v_hat) + eps)", "step = lr * m_hat"),
    17: rule(Adam, "m = beta1 * m + (1 - beta1) * g", "m = (1 - beta1 ** t) * g + 0 * m"),
    18: rule(Adam, "step = lr * m_hat", "step = 0.01 * lr * m_hat"),
    19: rule(Adam, "step = lr * m_hat / (sqrt(v_hat) + eps)", "step = lr * m_hat"),
    20: rule(Adam, "step = lr * m_hat", "step = lr * lr * m_hat"),
    21: rule(Adam, "m = beta1 * m + (1 - beta1) * g", "m = beta2 * m + (1 - beta2) * g"),
    22: rule(Adam, "v = beta2 * v + (1 - beta2) * g * g", "v = beta1 * v + (1 - beta1) * g * g"),
    23: loss_is("mse_loss", mean_difference),
    24: loss_is("mse_loss", lambda right: lambda *given: right(*given) / 2),
    25: loss_is("binary_cross_entropy", lambda right: micrograd_plus.nn.mse_loss),
    26: dropout_that(drops_in_use_too),
    27: drops_half_as_many,
    28: dropout_that(drops_nothing),
    29: dropout_that(drops_nothing),
    30: dealt(one_sample_missing),
    31: dealt(all_where_one_was_asked),
    32: dealt(a_tenth_of_a_full_batch),
    33: dealt(each_batch_twice),
    34: the_remainder_is_left_out,
    35: dealt(drawn_with_replacement),
    36: the_same_order_each_epoch,
    37: rule(Adam, "w = w - step", "w = w - step / (t * t)"),
    38: neurons_without_bias,
    39: loss_is("mse_loss", lambda right: micrograd_plus.nn.l1_loss),
    40: backward_that(partial(scale_gradient, 2.0)),
    41: rule(SGD, "w = w - step", "w = w - 2 * step"),
    42: nothing_is_cleared,
}


class Checked(Exception):
    """The check was reached: whether it holds, and its words."""


def check_of(number: int, lesson: str, patch: Patch, folder: Path) -> tuple[bool, str]:
    """Runs a lesson up to the check of a statement; returns whether it holds, and what it says."""
    module = helper("_lesson")

    def check(self: Any, statement: int, condition: Any, text: str) -> None:
        if statement == number:
            raise Checked(bool(condition), text)

    patch.setattr(module.Lesson, "check", check)
    patch.setattr(module.Lesson, "show", lambda *given, **options: None)
    patch.setattr(module, "OUTPUT", folder)
    patch.delenv("LESSONS_STRICT", raising=False)
    with pytest.raises(Checked) as reached:
        exec(compile(TEXTS[lesson], f"{lesson}.py", "exec"), {"__name__": lesson})
    held, text = reached.value.args
    return held, text


def test_there_is_a_fault_for_each_statement() -> None:
    assert [number for number, _ in HOMES] == list(FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "lesson"), HOMES)
def test_a_fault_makes_the_statements_own_check_fail(
    number: int, lesson: str, monkeypatch: Patch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FAULTS[number](monkeypatch)
    held, text = check_of(number, lesson, monkeypatch, tmp_path)
    assert not held, f"statement {number} holds in spite of the fault: {text}"
    assert len(text.split()) > 5, "a check fails with words"
    assert not set("[]{}") & set(text), f"a check says words, not a list: {text}"
