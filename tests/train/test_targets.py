"""Each shape of target that a loss takes, by every metric: right, or refused in words; the same by both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from micrograd_plus import logsumexp
from micrograd_plus.data import Dataset
from micrograd_plus.nn import MLP, Module
from micrograd_plus.train import EagerEngine, Predictor, accuracy, confusion_matrix, fit, mean_absolute_error

INPUTS = [[((7 * i) % 12) / 6 - 1, ((5 * i) % 9) / 4 - 1] for i in range(24)]
CLASSES = [(0, 1, 2)[(x[0] > 0.2) + (x[1] > x[0])] for x in INPUTS]
SIDES = [int(x[0] + 0.3 * x[1] > 0) for x in INPUTS]
LABELS = [[int(x[0] > 0), int(x[1] > 0.2)] for x in INPUTS]


class Through(Module):
    """A network with a function on top."""

    def __init__(self, mlp: MLP, function: Callable[[Any], Any]) -> None:
        self.mlp, self.function = mlp, function

    def forward(self, x: Any) -> Any:
        return self.function(self.mlp(x))


def one_hot(number: int, on: float = 1.0, off: float = 0.0) -> list[float]:
    return [on if k == number else off for k in range(3)]


OF_CLASSES: dict[str, Any] = {  # of one right class in three
    "named": (CLASSES, ("a", "b", "c")),
    "ints": (CLASSES, ()),
    "floats": ([float(y) for y in CLASSES], ()),
    "one-hot": ([one_hot(y) for y in CLASSES], ()),
    "one-hot ints": ([[int(k) for k in one_hot(y)] for y in CLASSES], ()),
    "soft": ([one_hot(y, 0.8, 0.1) for y in CLASSES], ()),
}
OF_SIDES: dict[str, Any] = {  # of two, by a single output
    "named": (SIDES, ("no", "yes")),
    "ints": (SIDES, ()),
    "floats": ([float(y) for y in SIDES], ()),
    "lists of one": ([[y] for y in SIDES], ()),
    "soft": ([0.9 if y else 0.1 for y in SIDES], ()),
    "soft lists of one": ([[0.9] if y else [0.1] for y in SIDES], ()),
}
OF_SIGNS: dict[str, Any] = {
    "signs": ([2 * y - 1 for y in SIDES], ()),
    "float signs": ([2.0 * y - 1 for y in SIDES], ()),
    "lists of one sign": ([[2 * y - 1] for y in SIDES], ()),
}
OF_LABELS: dict[str, Any] = {
    "labels": (LABELS, ()),
    "soft labels": ([[0.9 if k else 0.2 for k in y] for y in LABELS], ()),
}
SIGNED_LABELS: dict[str, Any] = {"signed labels": ([[2 * k - 1 for k in y] for y in LABELS], ())}
NUMBERS = {"mse", "l1", "huber"}


def network(loss: str, outputs: int) -> Module:
    mlp = MLP(2, [6, outputs], activation="tanh", seed=1)
    if loss == "nll":
        return Through(mlp, lambda y: [each - logsumexp(y) for each in y])
    if loss == "bce":
        return Through(mlp, lambda y: [each.sigmoid() for each in y] if isinstance(y, list) else y.sigmoid())
    return mlp


def threshold(loss: str, targets: Any) -> float:
    signed = any(y < 0 for row in targets for y in (row if isinstance(row, list) else [row]))
    return 0.5 if loss == "bce" or (loss in NUMBERS and not signed) else 0.0


CASES: list[tuple[str, int, str, Any, str]] = [
    *[(loss, 3, shape, data, "class") for loss in ("cross_entropy",) for shape, data in OF_CLASSES.items()],
    *[("nll", 3, shape, data, "class") for shape, data in OF_CLASSES.items() if shape in ("named", "ints", "floats")],
    *[("mse", 3, shape, data, "class") for shape, data in OF_CLASSES.items() if isinstance(data[0][0], list)],
    *[
        (loss, 1, shape, data, "side")
        for loss in ("bce_with_logits", "bce", "mse", "l1", "huber")
        for shape, data in OF_SIDES.items()
    ],
    *[(loss, 1, shape, data, "side") for loss in ("hinge", *sorted(NUMBERS)) for shape, data in OF_SIGNS.items()],
    ("hinge", 1, "named", OF_SIDES["named"], "side"),
    *[(loss, 2, s, data, "label") for loss in ("bce_with_logits", "bce", "mse") for s, data in OF_LABELS.items()],
    *[(loss, 2, shape, data, "label") for loss in ("hinge", "mse") for shape, data in SIGNED_LABELS.items()],
]
each_case = pytest.mark.parametrize(
    ("loss", "outputs", "shape", "given", "kind"), CASES, ids=[f"{loss}-{k}-{shape}" for loss, k, shape, _, k in CASES]
)


def by_hand(kind: str, predictions: Any, at: float) -> float:
    """The share that is right, by the truth that the targets were made of."""
    if kind == "class":
        right = [max(range(3), key=p.__getitem__) == y for p, y in zip(predictions, CLASSES)]
    elif kind == "side":
        right = [(p > at) == (y == 1) for p, y in zip(predictions, SIDES)]
    else:
        right = [(p > at) == (y == 1) for row, ys in zip(predictions, LABELS) for p, y in zip(row, ys)]
    return sum(right) / len(right)


@pytest.mark.parametrize("backend", ["numpy", "eager"])
@each_case
def test_accuracy_is_the_share_that_is_right(
    loss: str, outputs: int, shape: str, given: Any, kind: str, backend: str
) -> None:
    data = Dataset(INPUTS, *[given[0]], classes=given[1])
    model = network(loss, outputs)
    history = fit(
        model, data, loss=loss, lr=0.05, epochs=12, batch_size=8, metrics=["accuracy"], validation=data, backend=backend
    )
    predictions = EagerEngine(model, lambda p, y: p, None).predict(INPUTS)  # type: ignore[arg-type, return-value]
    expected = by_hand(kind, predictions, threshold(loss, given[0]))
    assert history["validation accuracy"][-1] == pytest.approx(expected)
    assert expected > 0.7, "it learns"
    if data.is_classification and loss in ("cross_entropy", "bce_with_logits", "mse", "hinge"):
        classes = Predictor.of(model, data, loss=loss).predict(INPUTS)
        assert sum(data.classes[y] == found for y, found in zip(data.targets, classes)) / 24 == pytest.approx(expected)  # type: ignore[index, misc]


@each_case
def test_the_other_metrics(loss: str, outputs: int, shape: str, given: Any, kind: str) -> None:
    targets, at = given[0], threshold(loss, given[0])
    model = network(loss, outputs)
    predictions = EagerEngine(model, lambda p, y: p, None).predict(INPUTS)  # type: ignore[arg-type, return-value]
    if kind == "label":
        rows = [y for y in targets if abs(sum(y) - 1) > 1e-6]
        with pytest.raises(ValueError, match="a confusion matrix is of classes of which one is right, not of"):
            confusion_matrix(predictions[: len(rows)], rows, threshold=at)
    else:
        matrix = confusion_matrix(predictions, targets, threshold=at)
        assert matrix.accuracy == pytest.approx(by_hand(kind, predictions, at))
        truth = CLASSES if kind == "class" else SIDES
        assert [sum(row) for row in matrix.counts] == [truth.count(k) for k in range(len(matrix.counts))]
    if outputs == 3 and not isinstance(targets[0], list):
        with pytest.raises(ValueError, match="both are numbers, or both lists"):
            mean_absolute_error(predictions, targets)
    else:
        flat = [
            abs(p - y)
            for row, target in zip(predictions, targets)
            for p, y in zip(row if isinstance(row, list) else [row], target if isinstance(target, list) else [target])
        ]
        assert mean_absolute_error(predictions, targets) == pytest.approx(sum(flat) / len(flat))


@pytest.mark.parametrize("backend", ["numpy", "eager"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_have_no_accuracy(outputs: int, backend: str) -> None:
    targets: Any = [x[0] * 3 for x in INPUTS] if outputs == 1 else [[x[0] * 3, 7.0] for x in INPUTS]
    data = Dataset(INPUTS, targets)
    history = fit(MLP(2, [outputs]), data, epochs=1, validation=data, backend=backend)
    assert history.figures[-1] == "validation mean absolute error"
    with pytest.raises(ValueError, match="a single output tells the classes 0 and 1 apart, but a target is"):
        fit(MLP(2, [outputs]), data, epochs=1, metrics=["accuracy"], backend=backend)


@pytest.mark.parametrize(
    ("predictions", "targets", "words"),
    [
        ([[0.0, 1.0]], [2], "2 outputs tell the classes 0 to 1 apart, but a target is 2"),
        ([[0.0, 1.0]], [-1], "2 outputs tell the classes 0 to 1 apart, but a target is -1"),
        ([[0.0, 1.0]], [0.5], "2 outputs tell the classes 0 to 1 apart, but a target is 0.5"),
        ([0.3], [2], "a single output tells the classes 0 and 1 apart, but a target is 2"),
        ([0.3], [[0.5, 0.5]], "a target is a list of 2 numbers, and the outputs are 1"),
        ([[0.0, 1.0]], [[0.0, 0.0, 1.0]], "a target is a list of 3 numbers, and the outputs are 2"),
        ([[0.0, 1.0]], [[1, 1, 1]], "2 predictions but 3 targets"),
        ([0.3], [[1, 1]], "1 predictions but 2 targets"),
    ],
)
def test_what_has_no_accuracy_is_told(predictions: Any, targets: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        accuracy(predictions, targets)


def test_labels_may_be_said() -> None:
    rows, ones = [[2.0, -1.0, 3.0], [-1.0, 2.0, -2.0]], [[1, 0, 0], [0, 1, 0]]
    assert accuracy(rows, ones) == 0.5, "the one right class"
    assert accuracy(rows, ones, labels=True) == pytest.approx(5 / 6), "three labels in a row"
