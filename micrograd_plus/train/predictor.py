"""A Predictor is a trained model with all it takes to use it: scales, names of features, names of classes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import finite_number
from micrograd_plus.data import Dataset, Standardizer
from micrograd_plus.files import read_document, write_document
from micrograd_plus.functions import softmax
from micrograd_plus.mode import no_grad
from micrograd_plus.train.engine import Prediction, evaluating, numbers_of
from micrograd_plus.train.metrics import class_of
from micrograd_plus.train.objectives import THRESHOLDS
from micrograd_plus.value import Value

if TYPE_CHECKING:
    from micrograd_plus.nn import Module

__all__ = ["Predictor"]

KIND = "model"
WORTH_COMPILING = 100  # rows; fewer are done before they would be compiled
CHUNK = 1024  # rows at a time, which bounds the memory


@dataclass
class Predictor:
    """Takes rows in the units of the user's own data, and returns names of classes, or numbers in the target's unit.

    `scaler` standardizes the inputs, `target_scaler` the target of a regression; both were fitted on the training data,
    as what the model knows. `loss` is the name of the loss that it was trained on, which tells what its outputs mean;
    `notes` are for people (where from, how good) and any JSON.

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
    loss: str = "mse_loss"
    scaler: Standardizer | None = None
    target_scaler: Standardizer | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: Module,
        data: Dataset,
        *,
        loss: str | None = None,
        scaler: Standardizer | None = None,
        target_scaler: Standardizer | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Predictor:
        """The Predictor of a model that was trained on `data` (with `loss`, if it was not the usual one)."""
        from micrograd_plus.train.objectives import objective_for, outputs_of

        objective = objective_for(loss, data, outputs_of(model, data))
        names = data.feature_names, data.classes, data.target_name
        return cls(model, *names, objective.name, scaler, target_scaler, dict(notes or {}))

    @property
    def threshold(self) -> float:
        """Where a single output changes from class 0 to class 1."""
        return THRESHOLDS.get(self.loss, 0.0)

    def outputs(self, inputs: Sequence[Sequence[float]]) -> list[Prediction]:
        """What the model itself returns for each row, scaled as it was in training: logits, or numbers."""
        if isinstance(inputs, str) or any(isinstance(row, str) or not isinstance(row, Iterable) for row in inputs):
            raise TypeError(f"a Predictor takes a list of rows, but got {inputs!r}; for a single row write [row]")
        rows = [list(row) for row in inputs]
        for number, row in enumerate(rows):
            if len(row) != len(self.feature_names):
                raise ValueError(
                    f"row {number} has {len(row)} numbers, and the model was trained on {len(self.feature_names)}:"
                    f" {', '.join(self.feature_names)}"
                )
            for name, cell in zip(self.feature_names, row):
                finite_number(f"row {number}'s {name}", cell, "mend the cell or leave out the row")
        scaled = rows if self.scaler is None else [self.scaler.apply_row(row) for row in rows]
        with evaluating(self.model):
            if len(scaled) >= WORTH_COMPILING:
                return _compiled_outputs(self.model, scaled)
            with no_grad():
                return [numbers_of(self.model([Value(x) for x in row])) for row in scaled]

    def predict(self, inputs: Sequence[Sequence[float]]) -> list[Any]:
        """For each row the name of a class, or a number (a list of them for several outputs).

        Raises ValueError for a row of another width than in training, nan or an infinity, TypeError for what is no
        number, or a bare row instead of a list of them.
        """
        outputs = self.outputs(inputs)
        if self.classes:
            return [self.classes[class_of(output, self.threshold)] for output in outputs]
        return [self._unscaled(output) for output in outputs]

    def probabilities(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """For each row the probability of each class, in the order of `classes`.

        Raises ValueError for a regression, and for a loss whose outputs are no logits or probabilities.
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

    # ------------------------------------------------------------ to keep

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the Predictor to one JSON file, atomically, and returns its path.

        Raises TypeError for a model of a class that is not of `micrograd_plus.nn`.
        """
        from micrograd_plus.train.architecture import describe

        scalers = {"scaler": self.scaler, "target_scaler": self.target_scaler}
        content = {
            "architecture": describe(self.model),
            "feature_names": list(self.feature_names),
            "classes": list(self.classes),
            "target_name": self.target_name,
            "loss": self.loss,
            **{name: scaler.to_dict() if scaler else None for name, scaler in scalers.items()},
            "notes": self.notes,
            "parameters": self.model.state_dict(),
        }
        write_document(path, KIND, content)
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictor:
        """The Predictor that `save` wrote.

        Raises FileNotFoundError where there is none, ValueError for a file that is foreign or damaged.
        """
        from micrograd_plus.train.architecture import build

        saved = read_document(path, KIND)
        model = build(saved["architecture"]).eval()
        model.load_state_dict(saved["parameters"])
        scaler, target_scaler = (
            Standardizer.from_dict(saved[name]) if saved[name] else None for name in ("scaler", "target_scaler")
        )
        return cls(
            model, tuple(saved["feature_names"]), tuple(saved["classes"]), saved["target_name"], saved["loss"],
            scaler, target_scaler, saved["notes"],
        )  # fmt: skip


def _compiled_outputs(model: Module, rows: list[list[float]]) -> list[Prediction]:
    """The outputs for many rows, by array code if the model can be compiled: the same up to rounding."""
    from micrograd_plus.compiler import CompileError, compile

    try:
        program = compile(model, example=(rows[0],))
    except CompileError:  # it chooses by looking at its numbers, so every row has its own graph
        with no_grad():
            return [numbers_of(model([Value(x) for x in row])) for row in rows]
    found: list[Prediction] = []
    for start in range(0, len(rows), CHUNK):
        found += program(rows[start : start + CHUNK]).tolist()
    return found


def _softmax(output: Prediction) -> list[float]:
    with no_grad():
        return [each.data for each in softmax(output if isinstance(output, list) else [0.0, output])]


def _from_logarithms(output: Any) -> list[float]:
    return [math.exp(each) for each in output]


def _from_one(output: Any) -> list[float]:
    return [1.0 - output, output]


_PROBABILITIES = {
    "cross_entropy": _softmax,
    "binary_cross_entropy_with_logits": _softmax,
    "nll_loss": _from_logarithms,
    "binary_cross_entropy": _from_one,
}
"""How outputs become probabilities, by the loss; a single logit x is the two logits 0 and x."""
