"""A Predictor answers in the user's own terms, and comes back from its file the same to the bit."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value
from micrograd_plus.data import Dataset, Standardizer, iris, moons, standardize
from micrograd_plus.files import read_document, write_document
from micrograd_plus.nn import MLP, Conv1d, Dropout, Embedding, Layer, LayerNorm, Module, Neuron, Sequential
from micrograd_plus.train import Predictor, fit
from micrograd_plus.train.architecture import _BY_NAME, architecture_of, model_of


def trained_on_iris() -> tuple[Predictor, Dataset]:
    data, scaler = standardize(iris())
    model = MLP(4, [6, 3], activation="tanh", dropout=0.2, seed=0)
    fit(model, data, lr=0.05, epochs=8)
    return Predictor.of(model, data, scaler=scaler, notes={"source": data.source}), iris()


def test_it_answers_in_names_from_raw_numbers() -> None:
    predictor, data = trained_on_iris()
    answers = predictor.predict(data.inputs)
    targets: list[Any] = list(data.targets)
    right = sum(answer == data.classes[y] for answer, y in zip(answers, targets))
    assert right > 120
    chances = predictor.probabilities(data.inputs)
    assert all(math.isclose(sum(row), 1.0) for row in chances)
    assert [data.classes[max(range(3), key=row.__getitem__)] for row in chances] == answers


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    predictor, data = trained_on_iris()
    loaded = Predictor.load(predictor.save(tmp_path / "model.json"))
    assert loaded.outputs(data.inputs) == predictor.outputs(data.inputs)
    assert repr(loaded.model) == repr(predictor.model)
    assert not any(module.training for module in loaded.model.modules())
    for field in ("feature_names", "classes", "target_name", "loss", "scaler", "target_scaler", "notes"):
        assert getattr(loaded, field) == getattr(predictor, field), field


def test_a_file_of_version_0_1_is_read(tmp_path: Path) -> None:
    predictor, _ = trained_on_iris()
    path = Predictor(predictor.model, predictor.feature_names, loss="nll").save(tmp_path / "model.json")
    content = read_document(path, "model")
    write_document(path, "model", {**content, "loss": "nll_loss"})
    assert Predictor.load(path).loss == content["loss"] == "nll"


def test_its_file_is_open(tmp_path: Path) -> None:
    predictor, data = trained_on_iris()
    content = json.loads(predictor.save(tmp_path / "model.json").read_bytes())["content"]
    assert content["parameters"] == predictor.model.state_dict()
    assert content["classes"] == list(data.classes) and content["notes"]["source"] == data.source


def test_a_regression_answers_in_the_targets_unit() -> None:
    model = MLP(1, [1])
    model.load_state_dict({"layers.0.neurons.0.weights.0": 1.0, "layers.0.neurons.0.bias": 0.5})
    scales = Standardizer((10.0,), (2.0,)), Standardizer((1000.0,), (100.0,))
    predictor = Predictor.of(model, Dataset([[0.0]], [0.0]), scaler=scales[0], target_scaler=scales[1])
    assert predictor.predict([[10.0], [12.0]]) == [1050.0, 1150.0]
    with pytest.raises(ValueError, match="predicts a number, so it knows no probabilities"):
        predictor.probabilities([[1.0]])


@pytest.mark.parametrize(
    ("loss", "output", "answer", "chance"),
    [
        ("bce_with_logits", 0.1, "lower", 1 / (1 + math.exp(-0.1))),
        ("bce_with_logits", -0.1, "upper", 1 / (1 + math.exp(0.1))),
        ("bce", 0.4, "upper", 0.4),
        ("bce", 0.6, "lower", 0.6),
        ("hinge", 0.1, "lower", None),
    ],
)
def test_a_single_output_is_read_by_its_loss(loss: str, output: float, answer: str, chance: float | None) -> None:
    model = MLP(2, [1])
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0) | {"layers.0.neurons.0.bias": output})
    predictor = Predictor.of(model, moons(4), loss=loss)
    assert predictor.predict([[0.0, 0.0]]) == [answer]
    if chance is None:
        with pytest.raises(ValueError, match="was trained on hinge, so it knows no probabilities"):
            predictor.probabilities([[0.0, 0.0]])
    else:
        assert predictor.probabilities([[0.0, 0.0]])[0] == pytest.approx([1 - chance, chance], rel=1e-12)


def test_logarithms_of_probabilities_are_read_as_such() -> None:
    model = MLP(2, [2])
    biases = {"layers.0.neurons.0.bias": math.log(0.25), "layers.0.neurons.1.bias": math.log(0.75)}
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0) | biases)
    predictor = Predictor.of(model, moons(4), loss="nll")
    assert predictor.probabilities([[0.0, 0.0]])[0] == pytest.approx([0.25, 0.75])


def test_a_row_of_another_width_is_told() -> None:
    predictor, _ = trained_on_iris()
    with pytest.raises(ValueError, match=r"row 1 has 3 numbers, and the model was trained on 4: sepal length"):
        predictor.predict([[1.0] * 4, [1.0] * 3])


@pytest.mark.parametrize("rows", [1, 200])
@pytest.mark.parametrize(("cell", "message"), [(math.nan, "is nan"), (math.inf, "is inf"), ("3", "is '3'")])
def test_a_cell_that_is_no_number_is_told(rows: int, cell: Any, message: str) -> None:
    predictor, _ = trained_on_iris()
    with pytest.raises((TypeError, ValueError), match=f"row {rows}'s petal length .cm. {message}"):
        predictor.predict([[1.0] * 4] * rows + [[1.0, 1.0, cell, 1.0]])


def test_a_bare_row_is_told() -> None:
    predictor, _ = trained_on_iris()
    bare: Any = [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(TypeError, match=r"for a single row write \[row\]"):
        predictor.predict(bare)


# -------------------------------------------------------------------- architectures


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, [16, 1, 1], activation="silu", dropout=0.25, bias=False),
        Sequential(Layer(3, 2, "tanh"), Dropout(0.1), Sequential(Layer(2, 2, bias=False))),
        Neuron(2, "sigmoid"),
        Embedding(5, 3),
        LayerNorm(4, eps=1e-3),
        Conv1d(2, 3, 4, "tanh", stride=2, padding=1, bias=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_architecture_is_built_again(model: Module) -> None:
    plain = json.loads(json.dumps(architecture_of(model)))
    again = model_of(plain)
    assert repr(again) == repr(model) and list(again.state_dict()) == list(model.state_dict())
    assert architecture_of(again) == architecture_of(model)


def test_every_module_of_the_package_can_be_kept() -> None:
    from micrograd_plus import nn

    modules = {
        name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), Module)
    }
    assert modules - {"Module"} == set(_BY_NAME)


class Own(Module):
    def forward(self, inputs: Any) -> Any:
        return inputs[0]


class OwnMLP(MLP):
    pass


def test_what_a_file_cannot_hold_is_told(tmp_path: Path) -> None:
    def square(x: Value) -> Value:
        return x * x

    for model in (Own(), OwnMLP(2, [1]), Sequential(Layer(1, 1), Own())):
        with pytest.raises(TypeError, match=r"can't hold the architecture of a Own.* keep the numbers alone"):
            architecture_of(model)
    with pytest.raises(ValueError, match=r"can't hold the function .*give the activation by name"):
        architecture_of(MLP(2, [3, 1], activation=square))
    for wrong in (
        {},
        {"module": "Own"},
        {"module": "__import__"},
        {"module": "MLP", "nin": 2},
        {"module": "Sequential"},
    ):
        with pytest.raises(ValueError, match=r"the file's model is|the file describes no"):
            model_of(wrong)


def test_many_rows_are_compiled_and_give_the_same() -> None:
    predictor, data = trained_on_iris()
    one_by_one = [predictor.outputs([row])[0] for row in data.inputs]
    for compiled, eager in zip(predictor.outputs(data.inputs), one_by_one, strict=True):
        assert compiled == pytest.approx(eager, rel=1e-12)


def test_a_model_that_cannot_be_compiled_predicts_too() -> None:
    class Choosing(Module):
        def forward(self, inputs: Any) -> Any:
            return inputs[0] * 2 if inputs[0] > 0 else inputs[0]

    predictor = Predictor(Choosing(), ("x",))
    assert predictor.predict([[-1.0], [1.0]] * 80) == [-1.0, 2.0] * 80
