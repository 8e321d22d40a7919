"""A Predictor is a trained model with all it takes to use it: its scales, names and classes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from micrograd_plus.checks import finite_number
from micrograd_plus.data import Dataset, Schema, Standardizer
from micrograd_plus.files import read_document, write_document
from micrograd_plus.functions import softmax
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.nn import MLP, Conv1d, Dropout, Embedding, Layer, LayerNorm, Module, Neuron, Sequential
from micrograd_plus.nn.losses import LOSSES, loss_name
from micrograd_plus.train.engine import Prediction, evaluating, numbers_of
from micrograd_plus.train.metrics import class_of
from micrograd_plus.train.objectives import THRESHOLDS, objective_for, outputs_of
from micrograd_plus.value import Value

__all__ = ["Predictor", "architecture_of", "model_of"]

_KIND = "model"
WORTH_COMPILING = 100  # rows; fewer are done before they would be compiled
CHUNK = 1024  # rows at a time, which bounds the memory


@dataclass
class Predictor:
    """A trained model that takes rows in the units of the user's own data and answers in names of classes, or numbers.

    `scaler` standardizes the inputs, `target_scaler` the target of a regression; both were fitted on the training data,
    as what the model knows. `loss` is the name of the loss that it was trained on, which tells what its outputs mean;
    `notes` are for people (where from, how good) and any JSON. `schema` tells of which columns of a table, words and
    all, the features were made, if they were: `read_inputs(path, predictor.schema)` reads another such table.

    >>> from micrograd_plus.data import iris, standardize
    >>> from micrograd_plus.nn import MLP
    >>> from micrograd_plus.train import fit
    >>> data, scaler = standardize(iris())
    >>> model = MLP(4, [3])
    >>> history = fit(model, data, lr=0.05, epochs=10)
    >>> predictor = Predictor.of(model, data, scaler=scaler)
    >>> predictor.predict([[5.1, 3.5, 1.4, 0.2]])
    ['setosa']
    """

    model: Module
    feature_names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    target_name: str = "target"
    loss: str = "mse"
    scaler: Standardizer | None = None
    target_scaler: Standardizer | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    schema: Schema | None = None

    def __post_init__(self) -> None:
        self.loss = loss_name(self.loss)  # files of version 0.1 hold the name of the function

    @classmethod
    def of(
        cls, model: Module, data: Dataset, *, loss: str | None = None, scaler: Standardizer | None = None,
        target_scaler: Standardizer | None = None, notes: Mapping[str, Any] | None = None,
    ) -> Predictor:  # fmt: skip
        """Returns the Predictor of a model that was trained on `data` (with `loss`, if it was not the usual one).

        Raises ValueError or TypeError where model, data and loss do not fit together.
        """
        objective = objective_for(loss, data, outputs_of(model, data))
        names = data.feature_names, data.classes, data.target_name
        return cls(model, *names, objective.name, scaler, target_scaler, dict(notes or {}), data.schema)

    @property
    def threshold(self) -> float:
        """Returns where a single output changes from class 0 to class 1."""
        return THRESHOLDS.get(self.loss, 0.5 if self.loss in LOSSES else 0.0)

    def outputs(self, inputs: Sequence[Sequence[float]]) -> list[Prediction]:
        """Returns what the model itself says of each row, scaled as it was in training: logits, or numbers.

        Raises as `predict` does.
        """
        if isinstance(inputs, str) or any(isinstance(row, str) or not isinstance(row, Iterable) for row in inputs):
            raise TypeError(f"a Predictor takes a list of rows, but got {inputs!r}; for a single row write [row]")
        rows = [list(row) for row in inputs]
        names = self.feature_names
        for number, row in enumerate(rows):
            if len(row) != len(names):
                expected = f"the model was trained on {len(names)}: {', '.join(names)}"
                raise ValueError(f"row {number} has {len(row)} numbers, and {expected}")
            for name, cell in zip(names, row):
                finite_number(f"row {number}'s {name}", cell, "mend the cell or leave out the row")
        scaled = rows if self.scaler is None else [self.scaler.apply_row(row) for row in rows]
        with evaluating(self.model):
            return _outputs(self.model, scaled)

    def predict(self, inputs: Sequence[Sequence[float]]) -> list[Any]:
        """Returns for each row the name of a class, or a number (a list of them for several outputs).

        Raises ValueError for a row of another width than in training, nan or an infinity, TypeError for what is no
        number, or a bare row instead of a list of them.
        """
        outputs = self.outputs(inputs)
        if self.classes:
            return [self.classes[class_of(output, self.threshold)] for output in outputs]
        return [self._unscaled(output) for output in outputs]

    def probabilities(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Returns for each row the probability of each class, in the order of `classes`.

        Raises ValueError for a regression, and for a loss whose outputs are no logits or probabilities; and as
        `predict` does.
        """
        if not self.classes or self.loss not in _PROBABILITIES:
            why = f"was trained on {self.loss}" if self.classes else "predicts a number"
            raise ValueError(f"this model {why}, so it knows no probabilities of classes; use predict")
        return [_PROBABILITIES[self.loss](output) for output in self.outputs(inputs)]

    def _unscaled(self, output: Prediction) -> Prediction:
        if self.target_scaler is None:
            return output
        mean, scale = self.target_scaler.means[0], self.target_scaler.scales[0]
        return [each * scale + mean for each in output] if isinstance(output, list) else output * scale + mean

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Returns the path, once the Predictor is written there as one JSON file, atomically.

        Raises TypeError for a model of a class that is not of `micrograd_plus.nn`.
        """
        content = {
            "architecture": architecture_of(self.model),
            "feature_names": list(self.feature_names),
            "classes": list(self.classes),
            "target_name": self.target_name,
            "loss": self.loss,
            "scaler": self.scaler and asdict(self.scaler),
            "target_scaler": self.target_scaler and asdict(self.target_scaler),
            "notes": self.notes,
            "schema": self.schema and self.schema.to_dict(),
            "parameters": self.model.state_dict(),
        }
        return write_document(path, _KIND, content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictor:
        """Returns the Predictor that `save` wrote.

        Raises FileNotFoundError where there is none, ValueError for a file that is foreign or damaged.
        """
        saved = read_document(path, _KIND)
        model = model_of(saved["architecture"]).eval()
        model.load_state_dict(saved["parameters"])
        names = tuple(saved["feature_names"]), tuple(saved["classes"]), saved["target_name"]
        scaler, target_scaler = (saved[name] and Standardizer(**saved[name]) for name in ("scaler", "target_scaler"))
        schema = saved.get("schema") and Schema.from_dict(saved["schema"])  # files of version 0.1 have none
        return cls(model, *names, saved["loss"], scaler, target_scaler, saved["notes"], schema)


def _outputs(model: Module, rows: list[list[float]]) -> list[Prediction]:
    """The outputs for the rows; for many by array code, if that gives what the model itself gives, up to rounding."""
    found = _compiled_outputs(model, rows) if len(rows) >= WORTH_COMPILING else None
    return _outputs_one_by_one(model, rows) if found is None else found


def _outputs_one_by_one(model: Module, rows: list[list[float]]) -> list[Prediction]:
    with no_grad(), no_gc():
        return [numbers_of(model([Value(x) for x in row])) for row in rows]


def _compiled_outputs(model: Module, rows: list[list[float]]) -> list[Prediction] | None:
    """The outputs by array code; None if the model can't be compiled, or if some rows come out otherwise."""
    import numpy as np

    from micrograd_plus.compiler import compile
    from micrograd_plus.compiler.trial import trial

    sample = range(0, len(rows), max(1, len(rows) // 16))
    try:
        program, chunks = compile(model).program(rows), range(0, len(rows), CHUNK)
        found = [output for start in chunks for output in program(rows[start : start + CHUNK]).tolist()]
        with trial(model):
            eager = _outputs_one_by_one(model, [rows[i] for i in sample])
    except Exception:  # it looks at its numbers, so that every row has its own graph; what else is wrong will be told
        return None
    return found if np.allclose([found[i] for i in sample], eager, rtol=1e-6, atol=1e-9) else None


def _softmax(output: Prediction) -> list[float]:
    with no_grad():
        return [each.data for each in softmax(output if isinstance(output, list) else [0.0, output])]


_PROBABILITIES: dict[str, Callable[[Any], list[float]]] = {
    "cross_entropy": _softmax,
    "bce_with_logits": _softmax,
    "nll": lambda logarithms: [math.exp(each) for each in logarithms],
    "bce": lambda probability: [1.0 - probability, probability],
}
"""How outputs become probabilities, by the loss; a single logit x is the two logits 0 and x."""


# A file names classes of `micrograd_plus.nn` alone, so reading one can run nothing but their constructors.


def architecture_of(model: Module) -> dict[str, Any]:
    """Returns the model's class and arguments as plain data, of which `model_of` makes an untrained model.

    Raises TypeError for a class that is not one of `micrograd_plus.nn`, ValueError for an activation that is not named.

    >>> architecture_of(Sequential(Layer(2, 3, "tanh"), Dropout(0.5)))["layers"][1]
    {'module': 'Dropout', 'p': 0.5}
    """
    name, arguments_of = type(model).__name__, _ARGUMENTS.get(type(model))
    if arguments_of is None:
        cure = "keep the numbers alone (state_dict()), and load them into a model that your own code makes"
        raise TypeError(f"a file can't hold the architecture of a {name}, only of {', '.join(_BY_NAME)}; {cure}")
    arguments = arguments_of(model)
    activation = arguments.get("activation")
    if activation is not None and not isinstance(activation, str):
        raise ValueError(f"a file can't hold the function {activation!r}; give the activation by name, such as 'relu'")
    return {"module": name, **arguments}


def model_of(architecture: Mapping[str, Any]) -> Module:
    """Returns an untrained model of the form that `architecture_of` returned. Raises ValueError for anything else.

    >>> model_of({"module": "Layer", "nin": 2, "nout": 3, "activation": "tanh", "bias": True})
    Layer(2, 3, 'tanh')
    """
    arguments = dict(architecture)
    name = arguments.pop("module", None)
    if name not in _BY_NAME:
        raise ValueError(f"the file's model is a {name!r}, and known are {', '.join(_BY_NAME)}; update micrograd_plus")
    try:
        if name == "Sequential":
            return Sequential(*map(model_of, arguments["layers"]))
        return _BY_NAME[name](**arguments)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the file describes no {name}: {error}") from None


_ARGUMENTS: dict[type[Module], Callable[[Any], dict[str, Any]]] = {
    Neuron: lambda it: {"nin": it.nin, "activation": it.activation, "bias": it.bias is not None},
    Layer: lambda it: {**_ARGUMENTS[Neuron](it.neurons[0]), "nout": it.nout},
    Dropout: lambda it: {"p": it.p},
    Embedding: lambda it: {"num": it.num, "dim": it.dim},
    LayerNorm: lambda it: {"width": it.width, "eps": it.eps},
    Conv1d: lambda it: {
        **{name: getattr(it, name) for name in ("in_channels", "kernel_size", "stride", "padding")},
        "out_channels": it.layer.nout,
        "activation": it.layer.activation,
        "bias": it.layer.neurons[0].bias is not None,
    },
    Sequential: lambda it: {"layers": [architecture_of(each) for each in it.layers]},
    MLP: lambda it: {name: value for name, value in it.config.items() if name not in ("init", "seed")},
}
"""Each Module that a file can hold, and the arguments that make its form; how its numbers began is past."""

_BY_NAME = {kind.__name__: kind for kind in _ARGUMENTS}
