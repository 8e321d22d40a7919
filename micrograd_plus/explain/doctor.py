"""A doctor for training: looks at a model, its data and gradients, and tells what ails them, with evidence and cure.

`diagnose` looks once. A `Doctor` looks on while a model is trained, as a callback of `fit` or from your own loop. What
it knows is in `findings`, what it measures in `exam`; it changes nothing, and training goes as it would without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from micrograd_plus.checks import whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.explain.checks import replay
from micrograd_plus.explain.exam import Exam, examine, generators_kept, trial_steps
from micrograd_plus.explain.findings import (
    CAUSES,
    LONGER,
    MUCH_LONGER,
    RAISED,
    SHORTER,
    Finding,
    findings_of_data,
    findings_of_exam,
    findings_of_gradients,
    findings_of_mode,
    findings_of_model,
    in_order,
)
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Module, Optimizer, Sequential
from micrograd_plus.report import Report, Table
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.train.engine import Loss
from micrograd_plus.train.engine import evaluating as evaluation_mode
from micrograd_plus.train.objectives import objective_for
from micrograd_plus.value import UNSEEN, Value, topological_order
from micrograd_plus.words import number

__all__ = ["Diagnosis", "Doctor", "diagnose"]


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
        count = len(self.findings)
        return f"The doctor has {count or 'no'} finding{'s' if count != 1 else ''}{looks}" + ("." if not count else ":")

    def parts(self) -> list[str | Table]:
        """Returns the findings, then the vital signs."""
        found = [f"{i}. {finding}" for i, finding in enumerate(self.findings, 1)]
        return [*found, *([self.exam.table()] if self.exam and self.exam.layers else [])]

    def to_dict(self) -> dict[str, Any]:
        """Returns the findings and the measurements as plain dicts, lists, strings and numbers."""
        findings = [asdict(finding) for finding in self.findings]
        if self.exam is None:
            return {"findings": findings, "looks": self.looks}
        measured = {
            "loss": self.exam.loss,
            "constant_loss": self.exam.constant_loss,
            "layers": [vars(e) for e in self.exam.layers],
        }
        return {
            "findings": findings,
            "looks": self.looks,
            **measured,
            "units": [vars(u) for u in self.exam.units.values()],
        }


# -------------------------------------------------------------------- one look


def diagnose(
    model: Module, data: Dataset, loss: str | Loss | None = None, *, optimizer: Optimizer | None = None,
    evaluating: bool = False, rows: int = 64,
) -> Diagnosis:  # fmt: skip
    """Returns what ails a model on some data: findings with evidence and cure, and the vital signs of its layers.

    `loss` is as in `fit`; with `optimizer`, its next step is tried out and its parameters are compared; with
    `evaluating`, the model is taken to be about to be evaluated, so that dropout must be off, else to be in training.
    Gradients and units are measured on `rows` rows evenly spaced through the data, in evaluation mode. Nothing is
    changed, and no random number is used up.

    Raises TypeError for what is not a Module or a Dataset; what is wrong with their contents is a finding.

    >>> from micrograd_plus.data import iris
    >>> from micrograd_plus.nn import MLP
    >>> print(diagnose(MLP(2, [8, 3]), iris()).findings[0])
    width mismatch: MLP(2, [8, 3]) takes 2 inputs, and 'iris' has 4 features. Cure: make the model with nin=4.
    """
    if not isinstance(model, Module):
        raise TypeError(f"diagnose needs an nn.Module, but got {type(model).__name__}: {model!r}")
    sample = _sample(checked_dataset(data), whole_number("rows", rows, least=1))
    found = [*findings_of_data(data)]
    misfits = list(_misfits(model, data, loss))
    if misfits:
        return Diagnosis(in_order([*findings_of_model(model, optimizer, []), *misfits, *found]), None)
    function = objective_for(loss, data, _outputs(model, data)).loss
    found += findings_of_mode(model, evaluating, _spread(model, sample) if evaluating else 0.0)
    try:
        exam = _examine(model, sample, function, optimizer, (SHORTER, 1.0, MUCH_LONGER))
    except (ArithmeticError, ValueError) as error:
        found += [*findings_of_model(model, optimizer, []), _not_finite(error)]
        return Diagnosis(in_order(found), None)
    found += [*findings_of_model(model, optimizer, exam.unreached), *findings_of_exam(exam, optimizer)]
    return Diagnosis(in_order(found), exam)


def _sample(data: Dataset, rows: int) -> Dataset:
    """So many rows, evenly spaced: where classes stand in blocks, all of them."""
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
    except ArithmeticError as error:
        yield _not_finite(error)
    except (ValueError, TypeError, IndexError) as error:
        if _runs_on_zeros(model, data, loss):
            yield _not_finite(error)
        else:
            yield Finding("width mismatch", "", f"the first row fails: {error}", "make the widths of its parts agree")


def _first_loss(model: Module, data: Dataset, loss: str | Loss | None) -> float:
    return _mean_loss(model, data[:1], objective_for(loss, data, _outputs(model, data)).loss)


def _runs_on_zeros(model: Module, data: Dataset, loss: str | Loss | None) -> bool:
    """Whether the first row's loss is there if all numbers are 0: then it is they that fail, and not the widths."""
    parameters = model.parameters()
    before = [parameter.data for parameter in parameters]
    blank = replace(data[:1], inputs=[[0.0] * data.width])
    try:
        for parameter in parameters:
            parameter.data = 0.0
        _first_loss(model, blank, loss)
    except (ArithmeticError, ValueError, TypeError, IndexError):
        return False
    finally:
        for parameter, data_before in zip(parameters, before):
            parameter.data = data_before
    return True


def _not_finite(error: Exception) -> Finding:
    cure = "lower the learning rate, scale the inputs, or start with smaller weights"
    return Finding("non-finite numbers", "", f"the loss of a row can't be computed: {error}", cure)


def _outputs(model: Module, data: Dataset) -> int | None:
    with evaluation_mode(model), no_grad():
        output = model(data.inputs[0])
    return len(output) if isinstance(output, (list, tuple)) else None


def _spread(model: Module, sample: Dataset) -> float:
    """How far two predictions for the same row differ, at most, in the mode that the model is in."""
    with generators_kept(model), no_grad():
        pairs = [(_flat(model(row)), _flat(model(row))) for row in sample.inputs]
    return max(abs(one - other) for pair in pairs for one, other in zip(*pair))


def _flat(output: Any) -> list[float]:
    return [each.data for each in output] if isinstance(output, (list, tuple)) else [output.data]


def _examine(model: Module, sample: Dataset, loss: Loss, optimizer: Optimizer | None, steps: Sequence[float]) -> Exam:
    """The measurements on a sample, in evaluation mode, with the loss of a constant and the trials of the next step."""
    with evaluation_mode(model):
        exam = examine((loss(model(row), target) for row, target in sample), model)
        exam.constant_loss = _constant_loss(sample, loss, _outputs(model, sample))
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
            try:
                total = sum(loss(values if outputs else values[0], target).data for target in sample.targets)
            except (ArithmeticError, ValueError, TypeError, IndexError):
                continue
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
    columns = list(zip(*(target if isinstance(target, list) else [target] for target in sample.targets)))
    yield [sum(column) / len(column) for column in columns]
    yield [sorted(column)[len(column) // 2] for column in columns]


# -------------------------------------------------------------------- looking on


class Doctor(Report, Callback):
    """Looks on while a model is trained, and says at any time what it has found: print it, or ask for its `diagnosis`.

    As a callback, `fit(..., callbacks=[doctor])`, it looks before the first epoch and after every `every`-th one, by
    default ten times in a run, at `rows` rows of the training data. In your own loop make it with the model and its
    optimizer, and call `doctor.look(loss)` after each `loss.backward()`, before the optimizer's step and any clipping;
    it looks at every `every`-th call.

    A finding counts if it is there in the last look or in half of them; a layer's only if in the last, one of the
    learning rate only if in half of them.

    >>> from micrograd_plus.data import moons
    >>> from micrograd_plus.nn import MLP
    >>> from micrograd_plus.train import fit
    >>> doctor = Doctor()
    >>> history = fit(MLP(2, [8, 1]), moons(), lr=0.01, epochs=10, callbacks=[doctor])
    >>> doctor.diagnosis.is_healthy
    True
    """

    def __init__(
        self,
        model: Module | None = None,
        optimizer: Optimizer | None = None,
        *,
        every: int | None = None,
        rows: int = 64,
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.every = None if every is None else whole_number("every", every, least=1)
        self.rows = whole_number("rows", rows, least=1)
        self._forget()

    def _forget(self) -> None:
        self._calls = 0
        self._looks: list[list[Finding]] = []
        self._lasting: list[Finding] = []  # of the data, which do not change
        self._losses: list[float] = []  # the means of the epochs, or those of the calls of look
        self._start: float | None = None  # the loss before training, on the rows that are looked at
        self._exam: Exam | None = None
        self._unreached: set[str] | None = None

    # ------------------------------------------------------------ as a callback of fit

    def on_start(self, run: Run) -> None:
        """Begins a new record, and looks at the data and at the model as it is."""
        self._forget()
        self.model, self.optimizer = run.model, run.optimizer
        self._lasting = list(findings_of_data(run.data))
        self._look_at(run)
        self._start = self._exam.loss if self._exam else None

    def on_epoch(self, run: Run) -> None:
        """Looks at the model on some rows of the training data."""
        self._losses = run.history["loss"]
        every = self.every or math.ceil(run.epochs / 10)
        if run.epoch % every == 0 or run.epoch == run.epochs:
            self._look_at(run)

    def _look_at(self, run: Run) -> None:
        try:
            exam = _examine(run.model, _sample(run.data, self.rows), run.objective.loss, run.optimizer, WATCHED)
        except (ArithmeticError, ValueError) as error:
            self._looks.append([_not_finite(error)])
        else:
            self._record(exam, run.model, run.optimizer, [])

    # ------------------------------------------------------------ in your own loop

    def look(self, *losses: Value) -> None:
        """Looks at the losses whose `backward()` has just run, at the gradients that it left, and at the next step.

        Raises ValueError if the Doctor was made without a model or without losses, RuntimeError if no backward pass has
        reached the model, TypeError for what is not a Value.
        """
        if self.model is None:
            raise ValueError("to look on in your own loop, the doctor needs the model: Doctor(model, optimizer)")
        if not losses or not all(isinstance(loss, Value) for loss in losses):
            raise TypeError(f"look needs the Values that backward() was called on, but got {losses!r}")
        if all(parameter.grad is UNSEEN for parameter in self.model.parameters()):
            raise RuntimeError("no backward pass has reached the model; call look(loss) after loss.backward()")
        self._calls += 1
        self._losses.append(sum(loss.data for loss in losses))
        if self._calls % (self.every or 1):
            return
        exam = examine(losses, self.model)
        exam.loss = self._losses[-1]
        exam.gradients = {leaf: gradient * exam.graphs for leaf, gradient in exam.gradients.items()}
        exam.first_loss = self._losses[0]
        if self.optimizer is not None:
            orders = [topological_order(loss, leaves=False) for loss in losses]
            exam.trials = trial_steps(self.optimizer, exam.gradients, lambda: _replayed(orders), WATCHED)
        also = [*findings_of_gradients(self.model, exam.gradients), *findings_of_mode(self.model, False, 0.0)]
        self._record(exam, self.model, self.optimizer, also)

    # ------------------------------------------------------------ the record

    def _record(self, exam: Exam, model: Module, optimizer: Optimizer | None, also: Sequence[Finding]) -> None:
        unreached = set(exam.unreached)
        self._unreached = unreached if self._unreached is None else self._unreached & unreached
        self._exam = exam
        found = [*also, *findings_of_exam(exam, optimizer)]
        self._looks.append(
            [finding for finding in found if finding.kind in CAUSES]
        )  # whether it is slow, the run tells

    @property
    def diagnosis(self) -> Diagnosis:
        """What was found so far, over all looks."""
        found = [*self._lasting, *self._trend(), *self._over_looks()]
        if self.model is not None and self._looks:
            unreached = [name for name, _ in self.model.named_parameters() if name in (self._unreached or ())]
            found += findings_of_model(self.model, self.optimizer, unreached)
        return Diagnosis(in_order(found), self._exam, len(self._looks))

    def _over_looks(self) -> Iterator[Finding]:
        """The findings that hold, each as it was when last seen."""
        seen: dict[tuple[str, str], list[Finding]] = {}
        for look in self._looks:
            for finding in look:
                seen.setdefault((finding.kind, finding.where), []).append(finding)
        for (kind, where), times in seen.items():
            is_last, is_frequent = times[-1] in self._looks[-1], 2 * len(times) >= len(self._looks)
            if (is_last and (where or not kind.startswith("rate"))) or (is_frequent and not where):
                evidence = f"{times[-1].evidence} (seen in {len(times)} of {len(self._looks)} looks)"
                yield Finding(kind, where, evidence, times[-1].cure)

    def _trend(self) -> Iterator[Finding]:
        """What the losses say together: one that leaps or ends above its start, or one that hardly moves but could."""
        exam, count = self._exam, len(self._losses)
        if exam is None or self.optimizer is None or not count:
            return
        rate, usual = self.optimizer.rate, exam.unlearned_loss
        cure = f"try lr={rate / 10:g}, or clip: fit(clip_norm=1)"
        highest = max(self._losses)
        if self._start is not None and highest > LEAP * max(self._start, usual):
            when = f"in epoch {self._losses.index(highest) + 1}"
            leap = f"at rate {rate:g} the loss leapt from {number(self._start)} to {number(highest)} {when}"
            yield Finding("rate too high", "", leap, cure)
        if self._start is not None and exam.loss > WORSE * max(self._start, usual):
            worse = f"at rate {rate:g} the loss began at {number(self._start)} and ends at {number(exam.loss)}"
            yield Finding("rate too high", "", worse, cure)
        if count < (LEAST_EPOCHS if self._start is not None else LEAST_STEPS):
            return
        part = math.ceil(count / 10)
        first, last = (sum(losses) / part for losses in (self._losses[:part], self._losses[-part:]))
        course = f"at rate {rate:g} the loss went from {number(first)} to {number(last)} over the run"
        if last - first > RAISED * usual and last > 1.2 * first:
            yield Finding("rate too high", "", course, cure)
        elif first - last < SLOW * first and not exam.has_learned and _could_go_faster(exam):
            yield Finding(
                "rate too low", "", f"{course}; a step {LONGER:g} times longer would gain more", f"try lr={rate * 10:g}"
            )

    # ------------------------------------------------------------ reading it

    def title(self) -> str:
        """Returns how many findings there are."""
        return self.diagnosis.title() if self._looks else "The doctor has not looked yet."

    def parts(self) -> list[str | Table]:
        """Returns the findings, then the vital signs of the last look."""
        return self.diagnosis.parts()


WATCHED = (SHORTER, 1.0, LONGER)
"""The steps that are tried out while looking on."""

LEAP = 3.0
"""An epoch's mean loss over that before training: noise and a start of momentum stay within a factor of 2."""

WORSE = 1.5
"""The loss at the end over that before training, or of a constant prediction: whatever has learned is below both."""

LEAST_EPOCHS, LEAST_STEPS = 5, 50
"""Fewer losses are no trend; those of single steps are noisier."""

SLOW = 0.005
"""A loss that falls by less than this share over a run, though longer steps would help, is held back by the rate. On
its plateau at the start, XOR falls by 0.01 in 20 epochs with sensible rates."""


def _could_go_faster(exam: Exam) -> bool:
    if not exam.trials:
        return False
    gain = {factor: exam.loss - loss for factor, loss in exam.trials.items()}
    return gain[LONGER] > 10 * gain[1.0] > 0


def _replayed(orders: Sequence[Sequence[Value]]) -> float:
    """The sum of the losses with the numbers that their leaves have now."""
    losses = [replay(order, {}, order[-1]) for order in orders]
    return sum(math.inf if loss is None else loss for loss in losses)
