"""Rows and classes that weigh more or less: the same numbers by both engines, by repeated rows, and as PyTorch has."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus.data import Dataset, blobs, iris, line, moons, split, standardize
from micrograd_plus.nn import MLP, SGD, Adam, binary_cross_entropy_with_logits, cross_entropy, l2_penalty
from micrograd_plus.train import Callback, Checkpoint, EagerEngine, History, Run, fit
from micrograd_plus.train.weights import weighting

fit_anything: Any = fit
ENGINES = pytest.mark.parametrize("backend", ["numpy", "eager"])

MULTI = Dataset([[0.1 * i, 0.3 - 0.05 * i] for i in range(11)], [[float(i % 2), float(i > 4)] for i in range(11)])
CASES: dict[str, tuple[Dataset, list[int], str]] = {
    "cross_entropy": (blobs(23), [5, 3], "cross_entropy"),
    "bce_with_logits": (moons(23), [4, 1], "bce_with_logits"),
    "hinge": (moons(23), [4, 1], "hinge"),
    "mse": (line(23), [3, 1], "mse"),
    "several labels": (MULTI, [4, 2], "bce_with_logits"),
}
"""Data of 23 or 11 rows, so that the last batch of 5 is short; the widths of a model; a loss."""


def weights_of(data: Dataset) -> list[float]:
    return [(0.0, 0.5, 1.0, 3.0)[i * i % 4 if i % 7 else 3] for i in range(len(data))]


def train(data: Dataset, widths: list[int], **options: Any) -> tuple[History, list[float], list[float]]:
    model = MLP(data.width, widths, activation="tanh", dropout=options.pop("dropout", 0.0), seed=3)
    history = fit(model, data, lr=0.05, epochs=3, **{"batch_size": 5, **options})
    figures = [each.figures[name] for each in history.epochs for name in history.figures]
    return history, figures, list(model.state_dict().values())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("penalty", [None, lambda ps: l2_penalty(ps, 0.1)])
def test_both_engines_give_the_same_numbers(case: str, penalty: Any, dropout: float) -> None:
    data, widths, loss = CASES[case]
    data = data.weighted(weights_of(data))
    options = {"loss": loss, "penalty": penalty, "clip": 0.5, "validation": data[3:20], "dropout": dropout}
    eager, compiled = (train(data, widths, backend=backend, **options) for backend in ("eager", "numpy"))
    assert compiled[0].losses == pytest.approx(eager[0].losses, rel=1e-10)
    assert compiled[1] == pytest.approx(eager[1], rel=1e-10)
    assert compiled[2] == pytest.approx(eager[2], rel=1e-9, abs=1e-12)
    without = train(data.weighted(None), widths, backend="numpy", **options)
    assert without[2] != pytest.approx(compiled[2], rel=1e-3)


@ENGINES
@pytest.mark.parametrize("case", CASES)
def test_a_row_that_weighs_two_is_there_twice(case: str, backend: str) -> None:
    data, widths, loss = CASES[case]
    times = [(2, 0, 1)[i % 3] for i in range(len(data))]
    repeated = data.take([row for row, count in enumerate(times) for _ in range(count)])
    options: dict[str, Any] = {"loss": loss, "backend": backend, "batch_size": 99, "shuffle": False}
    history, _, numbers = train(data, widths, sample_weights=times, **options)
    other, _, others = train(repeated, widths, **options)
    assert history.losses == pytest.approx(other.losses, rel=1e-10)
    assert numbers == pytest.approx(others, rel=1e-8, abs=1e-10)


@ENGINES
def test_the_figures_are_weighted_means(backend: str) -> None:
    data = moons(20).weighted(weights_of(moons(20)))
    model = MLP(2, [4, 1], seed=0)
    history = fit(model, data, lr=0.0, epochs=1, batch_size=7, shuffle=False, validation=data, backend=backend)
    engine = EagerEngine(model, binary_cross_entropy_with_logits, SGD(model.parameters()))
    losses = [engine.evaluate(data[i : i + 1].weighted(None))[0] for i in range(20)]
    weights = data.weights or []
    mean = sum(w * loss for w, loss in zip(weights, losses)) / sum(weights)
    assert history["validation loss"] == [pytest.approx(mean)] == history["loss"]
    first = sum(w * loss for w, loss in zip(weights[:7], losses)) / sum(weights[:7])
    assert history.losses[0] == pytest.approx(first)
    again = fit(
        model, data.weighted(None), lr=0.0, epochs=1, sample_weights=weights, metrics=["accuracy"], backend=backend
    )
    assert again["training loss"] == [pytest.approx(mean)], "also where the rows that are trained on are measured"
    right = sum((model(x).data > 0) == (y == 1) for x, y in data)
    assert history["validation accuracy"] == [right / 20], "in a metric every row counts once"


@ENGINES
def test_a_batch_that_weighs_nothing_changes_nothing(backend: str) -> None:
    model = MLP(2, [3, 1], seed=0)
    before = list(model.state_dict().values())
    history = fit(
        model, moons(8), sample_weights=[0, 0, 1, 1, 0, 0, 0, 0], optimizer="sgd", lr=0.1, epochs=1, batch_size=2,
        shuffle=False, backend=backend,
    )  # fmt: skip
    assert [loss == 0 for loss in history.losses] == [True, False, True, True]
    assert history["loss"] == [history.losses[1]]
    one = MLP(2, [3, 1], seed=0)
    fit(one, moons(8)[2:4], optimizer="sgd", lr=0.1, epochs=1, batch_size=2, shuffle=False, backend=backend)
    assert list(model.state_dict().values()) == pytest.approx(list(one.state_dict().values())) != before


# -------------------------------------------------------------------- classes


@ENGINES
@pytest.mark.parametrize(
    "given",
    [{"setosa": 2.0, "virginica": 0.5}, {0: 2.0, 2: 0.5}, {0: 2.0, "virginica": 0.5}, [2.0, 1.0, 0.5], (2, 1, 0.5)],
    ids=str,
)
def test_a_class_is_weighed_by_name_number_or_place(given: Any, backend: str) -> None:
    training, test = split(iris(), seed=1)
    options: dict[str, Any] = {"backend": backend, "batch_size": 50}
    by_row = [(2.0, 1.0, 0.5)[y] for y in training.targets]  # type: ignore[index]
    on_test = test.weighted([(2.0, 1.0, 0.5)[y] for y in test.targets])  # type: ignore[index]
    expected = train(training, [3], sample_weights=by_row, validation=on_test, **options)
    found = train(training, [3], class_weights=given, validation=test, **options)
    assert found[1:] == expected[1:], "they are part of the loss in validation too"
    assert found[0].weights == "class weights setosa 2, versicolor 1, virginica 0.5"
    assert "class weights setosa 2" in repr(found[0]) and "class weights setosa 2" in str(found[0].table())


def test_balanced_is_the_formula() -> None:
    data = iris().take([*range(10), *range(50, 80), *range(100, 105)])
    counts = Counter(data.targets)
    assert weighting("balanced", data).weights == tuple(45 / (3 * counts[k]) for k in range(3))
    weighted = weighting("balanced", data).apply(data)
    assert weighted.weight(range(10)) == pytest.approx(weighted.weight(range(10, 40))) == pytest.approx(15)


@pytest.mark.slow  # scikit-learn is there where these run
def test_balanced_is_what_scikit_learn_has() -> None:
    data = iris().take([*range(10), *range(50, 80), *range(100, 105)])
    from sklearn.utils.class_weight import compute_class_weight

    theirs = compute_class_weight("balanced", classes=np.arange(3), y=data.targets)
    assert weighting("balanced", data).weights == pytest.approx(theirs)


@pytest.mark.parametrize(
    "targets", [[0, 1, 1, 2], [0.0, 1.0, 1.0, 2.0], [[0], [1], [1], [2]], [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]]
)
def test_classes_without_names_are_told_by_their_targets(targets: Any) -> None:
    data = Dataset([[0.0], [1.0], [2.0], [3.0]], targets)
    assert weighting([1, 2, 3], data).apply(data).weights == [1, 2, 2, 3]


def test_rows_and_classes_multiply_and_parts_keep_their_weights() -> None:
    data = Dataset([[0.0], [1.0], [2.0]], [0, 1, 1], classes=("a", "b"), weights=[1, 2, 3])
    assert weighting({"b": 10}, data).apply(data).weights == [1, 20, 30]
    assert data.take([2, 0]).weights == [3, 1] and data[1:].weights == [2, 3]
    train_part, test_part = split(data, test=1, stratify=False)
    assert {x[0]: w for part in (train_part, test_part) for (x, _), w in zip(part, part.weights or [])} == {
        0.0: 1, 1.0: 2, 2.0: 3,
    }  # fmt: skip
    scaled, _ = standardize(data)
    assert scaled.weights == [1, 2, 3] and "weights from 1 to 3" in repr(data)


# -------------------------------------------------------------------- a run that goes on


def test_a_run_goes_on_with_its_weights_alone(tmp_path: Path) -> None:
    def run(epochs: int, path: str, **options: Any) -> list[float]:
        model = MLP(2, [4, 1], seed=0)
        fit(model, moons(20), epochs=epochs, checkpoint=Checkpoint(tmp_path / path, resume=True), **options)
        return list(model.state_dict().values())

    whole = run(5, "whole", class_weights="balanced", sample_weights=range(20))
    run(2, "parts", class_weights="balanced", sample_weights=range(20))
    assert run(5, "parts", class_weights="balanced", sample_weights=range(20)) == whole
    others: list[dict[str, Any]] = [
        {}, {"class_weights": "balanced"}, {"sample_weights": range(1, 21)}, {"class_weights": [1, 2]},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(ValueError, match="is of another run: there data is"):
            run(6, "parts", **other)


def test_history_keeps_what_weighed_how(tmp_path: Path) -> None:
    history = fit(MLP(2, [1]), moons(8), epochs=1, sample_weights=range(8))
    assert history.weights == "sample weights 0 to 7"
    assert History.load(history.save(tmp_path / "h.json")) == history


def test_callbacks_see_the_weights() -> None:
    class Look(Callback):
        def on_iteration(self, run: Run) -> None:
            seen.append(run.batch.weights)

    seen: list[Any] = []
    fit(MLP(2, [1]), moons(4), epochs=1, batch_size=3, shuffle=False, sample_weights=[1, 2, 3, 4], callbacks=[Look()])
    assert seen == [[1, 2, 3], [4]]


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample_weights": [1, 2]}, "2 weights but 8 rows; give every row one weight"),
        ({"sample_weights": [1] * 7 + [-1]}, r"weights\[7\] is -1, below 0"),
        ({"sample_weights": [0] * 8}, "all weights are 0"),
        ({"sample_weights": [1e308] * 8}, "add up to more than a float holds"),
        ({"sample_weights": [float("nan")] * 8}, r"weights\[0\] is nan, not a finite number"),
        ({"sample_weights": ["1"] * 8}, r"weights\[0\] is '1' \(str\), not a number"),
        ({"sample_weights": 2}, r"weights is 2 \(int\); give a list"),
        ({"class_weights": "balance"}, "'balanced', a dict by class, or a list"),
        ({"class_weights": {"uper": 2}}, "there is no class 'uper'; did you mean 'upper'"),
        ({"class_weights": {2: 2}}, "there is no class 2; known are upper, lower"),
        ({"class_weights": {True: 2}}, "there is no class True"),
        ({"class_weights": {0: 1, "upper": 2}}, "has a class twice, by number and by name"),
        ({"class_weights": [1]}, r"has 1 weights; give one for each of the 2 classes \(upper, lower\)"),
        ({"class_weights": [1, -1]}, "gives 'lower' -1; a weight is at least 0"),
        ({"class_weights": [1, float("nan")]}, "class_weights of 'lower' is nan"),
        ({"class_weights": [0, 0]}, "no row of 'moons' counts"),
        ({"class_weights": 3}, r"class_weights is .*, but got 3"),
    ],
    ids=str,
)
def test_weights_that_do_not_fit_are_refused(options: dict[str, Any], words: str) -> None:
    model = MLP(2, [1], seed=0)
    with pytest.raises((TypeError, ValueError), match=words):
        fit_anything(model, moons(8), epochs=1, **options)
    assert model.state_dict() == MLP(2, [1], seed=0).state_dict()


def test_class_weights_need_classes() -> None:
    with pytest.raises(ValueError, match=r"class weights need classes, but targets\[\d\] is"):
        fit(MLP(1, [1]), line(8), class_weights="balanced", epochs=1)
    with pytest.raises(ValueError, match=r"class weights need classes, but targets\[0\] is \[0.0, 0.0\]"):
        fit(MLP(2, [2]), MULTI, loss="bce_with_logits", class_weights=[1, 2], epochs=1)
    with pytest.raises(
        ValueError, match="can't be balanced, as there are no rows of versicolor, virginica; bring some"
    ):
        fit(MLP(4, [3]), iris()[:50], class_weights="balanced", epochs=1)


# -------------------------------------------------------------------- PyTorch


@pytest.mark.torch
@ENGINES
@pytest.mark.parametrize("batch_size", [7, 20])
def test_class_weights_are_those_of_pytorch(backend: str, batch_size: int) -> None:
    import torch

    data, scale = standardize(iris().take(range(0, 150, 5)))[0], [0.3, 2.0, 1.0]
    model = MLP(4, [5, 3], activation="tanh", seed=1)
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    with torch.no_grad():
        for layer, theirs in zip(model.layers, (net[0], net[2])):
            theirs.weight[:] = torch.tensor([[w.data for w in n.weights] for n in layer.neurons], dtype=torch.float64)
            theirs.bias[:] = torch.tensor([n.bias.data for n in layer.neurons], dtype=torch.float64)
    criterion = torch.nn.CrossEntropyLoss(weight=torch.tensor(scale, dtype=torch.float64))
    x, y = torch.tensor(data.inputs, dtype=torch.float64), torch.tensor(data.targets)
    steps, losses, validated = torch.optim.Adam(net.parameters(), lr=0.05), [], []
    for _ in range(3):
        for start in range(0, len(data), batch_size):
            steps.zero_grad()
            loss = criterion(net(x[start : start + batch_size]), y[start : start + batch_size])
            loss.backward()
            steps.step()
            losses.append(loss.item())
        validated.append(criterion(net(x), y).item())
    history = fit(
        model, data, optimizer=Adam(model.parameters(), lr=0.05), epochs=3, batch_size=batch_size, shuffle=False,
        class_weights=scale, validation=data, backend=backend,
    )  # fmt: skip
    assert history.losses == pytest.approx(losses, rel=1e-9)
    assert history["validation loss"] == pytest.approx(validated, rel=1e-9)


@pytest.mark.parametrize("backend", [None, "numpy", "eager"])
def test_a_weighted_loss_of_one_example_is_told_what_to_do(backend: str | None) -> None:
    words = r"mean of a single loss is the same whatever it weighs; .* in fit .*class_weights"
    with pytest.raises(ValueError, match=words):
        fit(MLP(2, [3]), blobs(20), loss=partial(cross_entropy, weight=[1, 2, 3]), epochs=1, backend=backend)


@ENGINES
def test_a_positive_weight_is_part_of_the_loss(backend: str) -> None:
    loss = partial(binary_cross_entropy_with_logits, pos_weight=3)
    options: dict[str, Any] = {"backend": backend, "batch_size": 20}
    found = train(moons(20), [4, 1], loss=loss, **options)[0].losses[0]
    weighted = train(moons(20), [4, 1], class_weights=[1, 3], **options)[0].losses[0]
    assert found == pytest.approx(2 * weighted), "10 ones of weight 3 and 10 zeros weigh 40, and are 20 rows"
