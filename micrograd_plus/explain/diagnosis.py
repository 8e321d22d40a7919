"""One look at a model, its data and its gradients: what ails them, with evidence and cure.

What the doctor knows is in `findings`, what it measures in `exam`; it changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from micrograd_plus.checks import counted, flat, whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.explain import findings
from micrograd_plus.explain.exam import Exam, data_kept, examine, generators_kept, trial_steps
from micrograd_plus.explain.findings import MUCH_LONGER, SHORTER, Finding, in_order, not_finite
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module, Optimizer, Sequential
from micrograd_plus.report import Report, Table
from micrograd_plus.train.engine import Loss, numbers_of
from micrograd_plus.train.engine import evaluating as evaluation_mode
from micrograd_plus.train.objectives import objective_for, outputs_of
from micrograd_plus.value import Value

__all__ = ["Diagnosis", "diagnose", "examined", "sample_of"]


@dataclass(frozen=True)
class Diagnosis(Report):
    """What the doctor found: the `findings`, and the vital signs of the last look (None if there was none)."""

    findings: tuple[Finding, ...]
    exam: Exam | None
    looks: int = 1

    @property
    def is_healthy(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    def title(self) -> str:
        """Returns how many findings there are."""
        looks = "" if self.looks == 1 else f" in {self.looks} looks"
        found = f"{counted(len(self.findings), 'finding')}{looks}:" if self.findings else f"no findings{looks}."
        return f"The doctor has {found}"

    def parts(self) -> list[str | Table]:
        """Returns the findings, then the vital signs."""
        found = [f"{i}. {finding}" for i, finding in enumerate(self.findings, 1)]
        return [*found, *([self.exam.table()] if self.exam and self.exam.layers else [])]

    def to_dict(self) -> dict[str, Any]:
        """Returns the findings and the measurements as plain dicts, lists, strings and numbers."""
        found: dict[str, Any] = {"findings": [asdict(finding) for finding in self.findings], "looks": self.looks}
        if self.exam is not None:
            layers, units = ([*map(vars, each)] for each in (self.exam.layers, self.exam.units.values()))
            loss, constant_loss = self.exam.loss, self.exam.constant_loss
            found |= {"loss": loss, "constant_loss": constant_loss, "layers": layers, "units": units}
        return found


def diagnose(
    model: Module, data: Dataset, loss: str | Loss | None = None, *, optimizer: Optimizer | None = None,
    evaluating: bool = False, rows: int = 64,
) -> Diagnosis:  # fmt: skip
    """Returns what ails a model on some data: findings with evidence and cure, and the vital signs of its layers.

    `loss` is as in `fit`; with `optimizer`, its next step is tried out and its parameters are compared; with
    `evaluating`, the model is taken to be about to be evaluated, so that dropout must be off, else to be in training.
    Gradients and units are measured on `rows` rows evenly spaced through the data, in evaluation mode. Nothing is
    changed, and no random number is used up. Raises TypeError for what is not a Module or a Dataset; what is wrong with
    their contents is a finding.

    >>> from micrograd_plus.data import iris
    >>> from micrograd_plus.nn import MLP
    >>> print(diagnose(MLP(2, [8, 3]), iris()).findings[0])
    width mismatch: MLP(2, [8, 3]) takes 2 inputs, and 'iris' has 4 features. Cure: make the model with nin=4.
    """
    if not isinstance(model, Module):
        raise TypeError(f"diagnose needs an nn.Module, but got {type(model).__name__}: {model!r}")
    sample = sample_of(checked_dataset(data), whole_number("rows", rows, least=1))
    exam, found = None, [*findings.of_data(data), *_misfits(model, data, loss)]
    if not any(each.kind in ("width mismatch", "non-finite numbers") for each in found):
        function = objective_for(loss, data, outputs_of(model, data)).loss
        found += findings.of_mode(model, evaluating, _spread(model, sample) if evaluating else 0.0)
        try:
            exam = examined(model, sample, function, optimizer, (SHORTER, 1.0, MUCH_LONGER))
            found += findings.of_exam(exam, optimizer)
        except (ArithmeticError, ValueError) as error:
            found.append(not_finite(error))
    of_model = findings.of_model(model, optimizer, exam.unreached if exam else [])
    return Diagnosis(in_order([*of_model, *found]), exam)


def sample_of(data: Dataset, rows: int) -> Dataset:
    """Returns so many rows, evenly spaced: where classes stand in blocks, all of them."""
    number = min(rows, len(data))
    return data.take(i * len(data) // number for i in range(number))


def _misfits(model: Module, data: Dataset, loss: str | Loss | None) -> Iterator[Finding]:
    """A model that can't run on the data, or whose outputs can't be compared with the targets."""
    first = model
    while isinstance(first, Sequential):
        first = first.layers[0]
    takes = getattr(first, "nin", data.width)
    if takes != data.width:
        evidence = f"{model!r} takes {takes} inputs, and {data.name!r} has {data.width} features"
        yield Finding("width mismatch", "", evidence, f"make the model with nin={data.width}")
        return
    try:
        _first_loss(model, data, loss)
    except (ArithmeticError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, ArithmeticError) or _runs_on_zeros(model, data, loss):
            yield not_finite(error)
        else:
            yield Finding("width mismatch", "", f"the first row fails: {error}", "make the widths of its parts agree")


def _first_loss(model: Module, data: Dataset, loss: str | Loss | None) -> float:
    return _mean_loss(model, data[:1], objective_for(loss, data, outputs_of(model, data)).loss)


def _runs_on_zeros(model: Module, data: Dataset, loss: str | Loss | None) -> bool:
    """Whether the first row's loss is there if all numbers are 0: then it is they that fail, and not the widths."""
    with data_kept(model.parameters()) as parameters:
        for parameter in parameters:
            parameter.data = 0.0
        with suppress(ArithmeticError, ValueError, TypeError, IndexError):
            _first_loss(model, replace(data[:1], inputs=[[0.0] * data.width]), loss)
            return True
    return False


def _spread(model: Module, sample: Dataset) -> float:
    """How far two predictions for the same row differ, at most, in the mode that the model is in."""
    with generators_kept(model), no_grad():
        pairs = [(flat(numbers_of(model(row))), flat(numbers_of(model(row)))) for row in sample.inputs]
    return max(float(abs(one - other)) for pair in pairs for one, other in zip(*pair))


def examined(model: Module, sample: Dataset, loss: Loss, optimizer: Optimizer | None, steps: Sequence[float]) -> Exam:
    """Returns the measurements on a sample in evaluation mode, with a constant's loss and trials of the next step."""
    with evaluation_mode(model):
        exam = examine((loss(model(row), target) for row, target in sample), model)
        exam.constant_loss = _constant_loss(sample, loss, outputs_of(model, sample))
        if optimizer is not None:
            exam.trials = trial_steps(optimizer, exam.gradients, lambda: _mean_loss(model, sample, loss), steps)
    return exam


def _mean_loss(model: Module, sample: Dataset, loss: Loss) -> float:
    with evaluation_mode(model), no_grad():
        return sum(loss(model(row), target).data for row, target in sample) / len(sample)


def _constant_loss(sample: Dataset, loss: Loss, outputs: int | None) -> float | None:
    """The least mean loss of a prediction that is the same for all rows; None if no usual one can be compared."""
    losses = []
    with no_grad():
        for prediction in _constants(sample, outputs):
            values = [Value(each) for each in prediction]
            with suppress(ArithmeticError, ValueError, TypeError, IndexError):
                total = sum(loss(values if outputs else values[0], target).data for target in sample.targets)
                losses.append(total / len(sample))
    return min(losses, default=None)


def _constants(sample: Dataset, outputs: int | None) -> Iterator[list[float]]:
    """Constant predictions to compare with: zeros, the targets' means and medians, the classes' log frequencies."""
    yield [0.0] * (outputs or 1)
    if sample.is_classification:
        frequency = [max(sample.targets.count(c), 1e-9) / len(sample) for c in range(len(sample.classes))]  # type: ignore[arg-type]
        if outputs:
            yield [math.log(each) for each in frequency]
        else:
            yield from ([frequency[1]], [math.log(frequency[1] / frequency[0])], [1.0], [-1.0])
        return
    columns = list(zip(*(flat([target]) for target in sample.targets)))
    yield [sum(column) / len(column) for column in columns]
    yield [sorted(column)[len(column) // 2] for column in columns]
