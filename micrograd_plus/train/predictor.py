"""A Predictor is a trained model with all it takes to use it: its scales, names and classes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from micrograd_plus.checks import counted, finite_number
from micrograd_plus.data import Dataset, Standardizer, TableSchema
from micrograd_plus.errors import DomainError
from micrograd_plus.files import EDITED, read_document, refused, write_document
from micrograd_plus.functions import softmax
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.nn import Module
from micrograd_plus.nn.losses import LOSSES, loss_name
from micrograd_plus.schema import Fields, Finite, Flag, ListOf, Maybe, Names, OneOf, Plain, String
from micrograd_plus.train.architecture import ARCHITECTURE, architecture_of, model_of, parameters_of
from micrograd_plus.train.engine import Prediction, evaluating, numbers_of
from micrograd_plus.train.metrics import class_of
from micrograd_plus.train.objectives import THRESHOLDS, objective_for, outputs_of
from micrograd_plus.value import Value

__all__ = ["MODEL", "Predictor"]

_KIND = "model"


class _Model(Fields):
    """The lists of a model's file, and that their lengths agree."""

    def inside(self, thing: Any, place: str) -> None:
        """Checks what is under each name, and the lengths."""
        super().inside(thing, place)
        for name, length in (("scaler", len(thing["feature_names"])), ("target_scaler", 1)):
            for part in thing[name] or ():
                ListOf(Finite(), length=length).check(thing[name][part], f"{name}.{part}")
        made, given = parameters_of(thing["architecture"]), len(thing["parameters"])
        if made != given:
            raise ValueError(f"architecture has {counted(made, 'parameter')}, but parameters has {given:,} numbers")


_SCALER = Fields(means=ListOf(Finite()), scales=ListOf(Finite(least=5e-324)))

MODEL = _Model(
    architecture=ARCHITECTURE,
    feature_names=ListOf(String(), least=1),
    classes=ListOf(String()),
    target_name=String(),
    loss=String(),
    scaler=Maybe(_SCALER),
    target_scaler=Maybe(_SCALER),
    notes=Names(Plain()),
    parameters=Names(Finite()),
)
"""What a Predictor's file holds."""

_COLUMN = Fields(name=String(), words=Maybe(ListOf(String())), mean=Finite(), flag=Flag())
_MISSING = OneOf("refuse", "drop", "mean")
_TABLE = Fields(fields=ListOf(_COLUMN, least=1), missing=_MISSING, ids=ListOf(String()), reading=Names(Plain()))
MODEL.others["schema"] = Maybe(_TABLE)  # files of version 0.1 have none

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
    schema: TableSchema | None = None

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

        Raises TypeError for a model of a class that is not of `micrograd_plus.nn`, ValueError where `load` would refuse
        the file: for names, classes and a model that do not fit together, a module that the model has twice, or notes
        that JSON has no word for.
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
        with refused(path, "is not written"):
            self._check_use()
        return write_document(path, _KIND, content, MODEL)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictor:
        """Returns the Predictor that `save` wrote.

        Raises FileNotFoundError where there is none, ValueError for a file that is foreign, damaged or changed so that
        it can't be what `save` wrote.
        """
        saved = read_document(path, _KIND, MODEL)
        with refused(path, EDITED):
            model = model_of(saved["architecture"]).eval()
            model.load_state_dict(saved["parameters"])
            names = tuple(saved["feature_names"]), tuple(saved["classes"]), saved["target_name"]
            scaler, target_scaler = (
                saved[name] and Standardizer(**saved[name]) for name in ("scaler", "target_scaler")
            )
            table = saved.get("schema") and TableSchema.from_dict(saved["schema"])  # files of version 0.1 have none
            found = cls(model, *names, saved["loss"], scaler, target_scaler, saved["notes"], table)
            found._check_use()
        return found

    def _check_use(self) -> None:
        """Raises ValueError or TypeError unless the model takes the features, and its outputs fit the classes."""
        zeros = [[0.0] * len(self.feature_names)]
        data = Dataset(zeros, [0], feature_names=self.feature_names, classes=self.classes)
        with suppress(ArithmeticError, DomainError):  # of a row of zeros alone
            outputs = outputs_of(self.model, data)
            if self.classes:
                objective_for(self.loss if self.loss in LOSSES else None, data, outputs)


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
