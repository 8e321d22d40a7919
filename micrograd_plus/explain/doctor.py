"""A doctor that looks on while a model is trained, as a callback of `fit` or from your own loop.

It looks as `diagnose` does, and tells what lasts; it changes nothing, and training goes as it would without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

from micrograd_plus.checks import whole_number
from micrograd_plus.explain import findings
from micrograd_plus.explain.checks import replay
from micrograd_plus.explain.diagnosis import Diagnosis, examined, sample_of
from micrograd_plus.explain.exam import Exam, examine, trial_steps
from micrograd_plus.explain.findings import CAUSES, LONGER, RAISED, SHORTER, Finding, in_order, not_finite
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.report import Report, Table
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.value import UNSEEN, Value, topological_order
from micrograd_plus.words import number

__all__ = ["Doctor"]


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
        self, model: Module | None = None, optimizer: Optimizer | None = None, *, every: int | None = None,
        rows: int = 64,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.rows = model, optimizer, whole_number("rows", rows, least=1)
        self.every = None if every is None else whole_number("every", every, least=1)
        self._forget()

    def _forget(self) -> None:
        self._calls = 0
        self._looks: list[list[Finding]] = []
        self._lasting: list[Finding] = []  # of the data, which do not change
        self._losses: list[float] = []  # the means of the epochs, or those of the calls of look
        self._start: float | None = None  # the loss before training, on the rows that are looked at
        self._exam: Exam | None = None
        self._unreached: set[str] = set()  # the parameters that no look found reached

    def on_start(self, run: Run) -> None:
        """Begins a new record, and looks at the data and at the model as it is."""
        self._forget()
        self.model, self.optimizer = run.model, run.optimizer
        self._lasting = list(findings.of_data(run.data))
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
            exam = examined(run.model, sample_of(run.data, self.rows), run.objective.loss, run.optimizer, WATCHED)
        except (ArithmeticError, ValueError) as error:
            self._looks.append([not_finite(error)])
        else:
            self._record(exam, [])

    def look(self, *losses: Value) -> None:
        """Looks at the losses whose `backward()` has just run, at the gradients that it left, and at the next step.

        Raises ValueError if the Doctor has no model, RuntimeError if no backward pass has reached it, TypeError for
        what is not a Value.
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
        also = [*findings.of_gradients(self.model, exam.gradients), *findings.of_mode(self.model, False, 0.0)]
        self._record(exam, also)

    def _record(self, exam: Exam, also: Sequence[Finding]) -> None:
        self._unreached = {*exam.unreached} if self._exam is None else self._unreached.intersection(exam.unreached)
        self._exam = exam
        found = [*also, *findings.of_exam(exam, self.optimizer)]  # whether it is slow, the run tells
        self._looks.append([finding for finding in found if finding.kind in CAUSES])

    @property
    def diagnosis(self) -> Diagnosis:
        """What was found so far, over all looks."""
        found = [*self._lasting, *self._trend(), *self._over_looks()]
        if self.model is not None and self._looks:
            unreached = [name for name, _ in self.model.named_parameters() if name in self._unreached]
            found += findings.of_model(self.model, self.optimizer, unreached)
        return Diagnosis(in_order(found), self._exam, len(self._looks))

    def _over_looks(self) -> Iterator[Finding]:
        """The findings that hold, each as it was when last seen."""
        seen: dict[tuple[str, str], list[Finding]] = {}
        for finding in chain.from_iterable(self._looks):
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
        rate, usual, highest = self.optimizer.rate, exam.unlearned_loss, max(self._losses)
        start, least = (math.inf, LEAST_STEPS) if self._start is None else (self._start, LEAST_EPOCHS)
        part, is_long = math.ceil(count / 10), count >= least
        first, last = (sum(losses) / part for losses in (self._losses[:part], self._losses[-part:]))
        course = f"at rate {rate:g} the loss went from {number(first)} to {number(last)} over the run"
        too_high = ""
        if highest > LEAP * max(start, usual):
            when = f"in epoch {self._losses.index(highest) + 1}"
            too_high = f"at rate {rate:g} the loss leapt from {number(start)} to {number(highest)} {when}"
        elif exam.loss > WORSE * max(start, usual):
            too_high = f"at rate {rate:g} the loss began at {number(start)} and ends at {number(exam.loss)}"
        elif is_long and last - first > RAISED * usual and last > 1.2 * first:
            too_high = course
        elif is_long and first - last < SLOW * first and not exam.has_learned and exam.trials:
            gain = {factor: exam.loss - loss for factor, loss in exam.trials.items()}
            if gain[LONGER] > 10 * gain[1.0] > 0:
                evidence = f"{course}; a step {LONGER:g} times longer would gain more"
                yield Finding("rate too low", "", evidence, f"try lr={rate * 10:g}")
        if too_high:
            yield Finding("rate too high", "", too_high, f"try lr={rate / 10:g}, or clip: fit(clip=1)")

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


def _replayed(orders: Sequence[Sequence[Value]]) -> float:
    """The sum of the losses with the numbers that their leaves have now."""
    losses = [replay(order, {}, order[-1]) for order in orders]
    return sum(math.inf if loss is None else loss for loss in losses)
