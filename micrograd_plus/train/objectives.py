"""An objective is a loss together with what its predictions mean, a class or a number, and how they are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any, TypeAlias

from micrograd_plus.checks import flat, named
from micrograd_plus.data import Dataset
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.errors import DomainError
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module, hinge_loss
from micrograd_plus.nn.losses import LOSSES, Loss, loss_function, loss_name
from micrograd_plus.train.engine import Engine, NonFiniteError, Prediction, evaluating, inputs_of
from micrograd_plus.train.metrics import accuracy, mean_absolute_error
from micrograd_plus.value import Value

__all__ = ["THRESHOLDS", "Measures", "Metric", "Objective", "objective_for", "outputs_of"]

Metric: TypeAlias = "Callable[[Sequence[Prediction], Sequence[Any]], float]"
"""From predictions and targets to one number."""


@dataclass(frozen=True)
class Objective:
    """A loss by name, and how a single output of a model trained on it is read.

    `name` is the one in `micrograd_plus.nn.losses.LOSSES`, or that of a function of yours; `threshold` is where the
    single output stands for class 1 rather than 0; None for a regression.
    """

    name: str
    loss: Loss = field(repr=False)
    threshold: float | None = None


THRESHOLDS = {"cross_entropy": 0.0, "nll": 0.0, "bce_with_logits": 0.0, "bce": 0.5, "hinge": 0.0}
"""The losses of `micrograd_plus.nn` that tell classes apart, and where a single output changes from class 0 to 1."""

ONE_OUTPUT_A_CLASS = ("cross_entropy", "nll")
"""Those that need an output for every class; the others need a single output and two classes."""


def objective_for(loss: str | Loss | None, data: Dataset, outputs: int | None) -> Objective:
    """Returns the objective for this data and a model with so many outputs (None for one that is not in a list).

    Without a loss it is the usual one: "cross_entropy" for classes, "bce_with_logits" for two classes and a single
    output, "mse" for numbers. Raises ValueError for an unknown name, or where the outputs do not fit the classes.

    >>> from micrograd_plus.data import iris
    >>> objective_for(None, iris(), outputs=3)
    Objective(name='cross_entropy', threshold=0.0)
    """
    if loss is None:
        loss = "mse" if not data.is_classification else "bce_with_logits" if outputs is None else "cross_entropy"
    function, name = loss_function(loss), loss_name(loss)
    ours = LOSSES.get(name) is function
    threshold = THRESHOLDS.get(name) if ours else 0.0 if data.is_classification else None
    if function is hinge_loss and data.is_classification:
        function = _hinge_of_class
    if ours and threshold is not None:
        _check_outputs(name, data, outputs)
    elif ours and (outputs or 1) > 1 and not isinstance(data.targets[0], list):
        numbers = f"an output for each number of the target, which is one, and the model has {outputs}"
        cure = "end the model with 1, or, if the targets are classes, name them in Dataset(..., classes=...)"
        raise ValueError(f"{name} needs {numbers}; {cure}")
    return Objective(name, function, threshold)


def _hinge_of_class(score: Any, target: Any) -> Value:
    """The hinge loss for the classes 0 and 1, which it knows as -1 and 1."""
    return hinge_loss(score, 2 * target - 1)


def _check_outputs(loss: str, data: Dataset, outputs: int | None) -> None:
    classes, for_each = len(data.classes), loss in ONE_OUTPUT_A_CLASS
    end = f"end the model with {classes or 'as many as there are classes'}"
    if for_each and outputs is None:
        cure = f"{end}, or use 'bce_with_logits' for two classes"
        raise ValueError(f"{loss} needs an output for each class, and the model has a single one; {cure}")
    if for_each and classes and outputs != classes:
        raise ValueError(f"{data.name!r} has {classes} classes and the model {outputs} outputs; {end}")
    if not for_each and classes > 2:
        cure = f"{end} outputs, and use 'cross_entropy'"
        raise ValueError(f"{loss} tells two classes apart, and {data.name!r} has {classes}; {cure}")
    if not for_each and classes and outputs is not None:
        cure = "end the model with 1, or use 'cross_entropy'"
        raise ValueError(f"{loss} needs a single output, and the model has {outputs}; {cure}")


def outputs_of(model: Module, data: Dataset) -> int | None:
    """Returns how many outputs the model has for the first row of `data`; None for one that is not in a list.

    Raises TypeError for what is not a Module, ValueError where the widths do not fit.
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit trains an nn.Module, but got {type(model).__name__}: {model!r}; make it one's forward")
    with evaluating(model), no_grad():
        output = model(inputs_of(data, 0))
    return len(output) if isinstance(output, (list, tuple)) else None


class Measures:
    """What is measured after each epoch: the loss, and every metric, on every one of some data sets.

    They are the validation data; without, the training data if metrics are named. Raises ValueError for data with other
    columns or classes than the training data's, TypeError for what is no Dataset, ValueError for an unknown metric's
    name, TypeError for a text instead of a list of metrics.
    """

    def __init__(
        self, training: Dataset, validation: Dataset | Mapping[str, Dataset] | None,
        metrics: Sequence[str | Metric] | None, objective: Objective,
    ) -> None:  # fmt: skip
        if validation is None:
            self.data = {"training": training} if metrics else {}
        else:
            self.data = dict(validation) if isinstance(validation, Mapping) else {"validation": validation}
        for name, data in self.data.items():
            _check_like(training, checked_dataset(data), name)
        self.metrics = _metrics(metrics, objective, training)

    def evaluate(self, engine: Engine) -> dict[str, tuple[float, list[Prediction]]]:
        """Returns loss and predictions on each data set, by the engine's parameters, in evaluation mode.

        Raises NonFiniteError where the model or its loss gives no finite number.
        """
        found = {}
        for name, data in self.data.items():
            try:
                found[name] = engine.evaluate(data)
            except (ArithmeticError, DomainError) as error:
                raise NonFiniteError(f"{error}, on the {name} data") from error
        return found

    def figures(self, evaluated: Mapping[str, tuple[float, list[Prediction]]]) -> dict[str, float]:
        """Returns the figures by name, such as "validation loss". Raises ValueError where a metric is not finite.

        In the loss a row counts by its weight, where there are weights; in a metric every row counts once.
        """
        figures = {}
        for name, (loss, predictions) in evaluated.items():
            figures[f"{name} loss"] = loss
            for metric, function in self.metrics.items():
                figures[f"{name} {metric}"] = value = float(function(predictions, self.data[name].targets))
                if not isfinite(value):
                    raise ValueError(f"the metric {metric!r} gave {value} for the {name} data; mend it")
        return figures


def _metrics(metrics: Sequence[str | Metric] | None, objective: Objective, training: Dataset) -> dict[str, Metric]:
    """The metrics by the name of their figure; without any, the usual one for the objective."""
    threshold = objective.threshold
    if threshold is None:  # outputs near the target: the class is the nearer one, of 0 and 1 or of -1 and 1
        threshold = 0.5 if objective.name in LOSSES and min(flat(training.targets)) >= 0 else 0.0
    labels = objective.name not in ONE_OUTPUT_A_CLASS if objective.name in THRESHOLDS else None
    known: dict[str, Metric] = {
        "accuracy": partial(accuracy, threshold=threshold, labels=labels),
        "mean_absolute_error": mean_absolute_error,
    }
    if metrics is None:
        metrics = ["mean_absolute_error" if objective.threshold is None else "accuracy"]
    if isinstance(metrics, str):
        raise TypeError(f"metrics is a list of names and functions; write [{metrics!r}]")
    found: dict[str, Metric] = {}
    for metric in metrics:
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
        ours = metric in (accuracy, mean_absolute_error)  # by name, so that accuracy is told the objective's threshold
        found[name.replace("_", " ")] = named("metric", name, known) if ours or isinstance(metric, str) else metric
    return found


def _check_like(training: Dataset, data: Dataset, name: str) -> None:
    """Raises ValueError where `data` has other columns or classes than the model is trained on."""
    names = training.feature_names
    if data.width != training.width:
        what = f"has {data.width} features and the training data {training.width}; give both the same columns"
    elif data.feature_names != names and set(data.feature_names) == set(names):
        what = f"has its columns in another order than {', '.join(names)}; give both one order"
    elif data.classes != training.classes:
        what = f"has classes {data.classes} and the training data {training.classes}; number them alike"
    else:
        return
    raise ValueError(f"the {name} data {what}")
