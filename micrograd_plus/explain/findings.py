"""What the doctor knows: each complaint with its evidence in numbers and its cure, and the limits with their reasons.

A limit is set so that the package's own healthy runs (iris, digits, moons, circles, blobs, xor, a line) stay well clear
of it; a complaint about slow or wasteful learning is held back where the model has learned all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from micrograd_plus.checks import flat, listed
from micrograd_plus.data import Dataset
from micrograd_plus.explain.endings import REACH
from micrograd_plus.explain.exam import SQUASHERS, Exam
from micrograd_plus.nn import Dropout, Embedding, Module, Optimizer
from micrograd_plus.train.loop import LARGE_INPUT, LARGE_TARGET
from micrograd_plus.value import Value
from micrograd_plus.words import number

__all__ = [
    "CAUSES", "LONGER", "MUCH_LONGER", "RAISED", "SHORTER", "Finding", "in_order", "not_finite", "of_data", "of_exam",
    "of_gradients", "of_mode", "of_model",
]  # fmt: skip

DEAD = 2 / 3
"""Two thirds of a layer's relus dead. Some are by chance: of 432 runs on small sets, 7 came to half, 1 to more."""

SATURATED = 0.5
"""Half of a layer's tanhs or sigmoids flat. A trained unit may be flat for most rows; half of all is no learning."""

VANISHING = 1e-3
"""The first layer's gradient over the last's. Each layer at its default start costs a factor of about 2, a sigmoid 4 to
10; a thousandth means that the first layers stand still beside the last."""

EXPLODING = 1e3
"""The same the other way: first layers that move a thousand times faster than the last."""

OVERSIZED = 100.0
"""The gradient's length over the weights'. Healthy runs stay below 10; at 100, plain descent with lr=0.01 throws away
all that the weights hold."""

FAR_OFF = 30.0
"""The loss over that of a constant prediction: an untrained network that starts sensibly is within a factor of 3."""

LEFTOVER = 1e-6
"""A gradient that differs from the loss's own by more than this share is not rounding, but left from another pass."""

RAISED = 0.05
"""A step that raises the loss on the very rows that it was made for, by this share of what a constant prediction loses,
is too long; a smaller one is the tremble of a run that has arrived."""

UNSCALED = 100.0
"""The largest size of one column over that of another. Digits' pixels differ 16-fold, iris' lengths 3-fold."""

SHORTER, LONGER, MUCH_LONGER = 0.1, 100.0, 1000.0
"""Besides the optimizer's next step as it is, steps so many times as long are tried out."""

STEEPER = 100.0
"""A step 1,000 times longer that gains more than 100 times as much: the rate is too low by orders of magnitude."""

FLOOR = 0.01
"""The least mean loss that a last activation may cost before it is told."""

SMALLER = "start with smaller weights (init='kaiming_uniform' or 'xavier_uniform'), and clip: fit(clip=1)"

CAUSES = (
    "non-finite numbers", "width mismatch", "wrong last activation", "unscaled inputs", "unscaled targets",
    "forgotten zero_grad", "dropout in evaluation", "no dropout in training", "parameters without optimizer",
    "unused parameters", "rate too high", "exploding gradients", "dead ReLU", "saturated units", "vanishing gradients",
)  # fmt: skip
"""All complaints but "rate too low", those first that bring about the others."""


@dataclass(frozen=True)
class Finding:
    """One complaint: what it is, where, its evidence in numbers, its cure."""

    kind: str
    where: str
    evidence: str
    cure: str

    def __str__(self) -> str:
        place = f" in {self.where}" if self.where else ""
        return f"{self.kind}{place}: {self.evidence}. Cure: {self.cure}."


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Returns the findings, causes first, one of each kind and place; slow learning only if there is nothing else."""
    first: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        first.setdefault((finding.kind, finding.where), finding)
    causes = sorted((each for each in first.values() if each.kind in CAUSES), key=lambda each: CAUSES.index(each.kind))
    return tuple(causes) or tuple(first.values())


def not_finite(error: Exception) -> Finding:
    """Returns the finding that a loss could not be computed."""
    cure = "lower the learning rate, scale the inputs, or start with smaller weights"
    return Finding("non-finite numbers", "", f"the loss of a row can't be computed: {error}", cure)


def of_exam(exam: Exam, optimizer: Optimizer | None) -> Iterator[Finding]:
    """Yields what the measurements of one moment show."""
    yield from _last_activations(exam)
    dead = list(_dead_relus(exam))
    yield from dead
    yield from _saturated_units(exam)
    yield from _gradient_over_layers(exam, dead_layers={finding.where for finding in dead})
    yield from _oversized_gradient(exam)
    if optimizer is not None and exam.trials:
        yield from _rate(exam, optimizer)


def _last_activations(exam: Exam) -> Iterator[Finding]:
    for (loss, activation), ending in exam.endings.items():
        least = sum(ending.floors) / len(ending.floors)
        every = sum(len(each.floors) for each in exam.endings.values() if each.loss == loss)
        if not activation or len(ending.floors) < every or least < FLOOR:
            continue
        low, high = REACH[activation]
        reach = f"gives {low:g} to {high:g}" if math.isfinite(high) else f"gives {low:g} and more"
        evidence = (
            f"the last {activation} {reach}, and {loss} takes any number: here it can't fall below {number(least)}"
        )
        cure = f"end the model with a layer without activation (activation=None), and call no {activation} after it"
        if loss == "binary_cross_entropy":
            evidence = f"the last {activation} {reach}, and {loss} takes probabilities"
            cure = "end the model with activation='sigmoid'"
        elif loss == "the error":
            evidence = f"the last {activation} {reach}, and the targets lie beyond by {number(least)} on average"
        yield Finding("wrong last activation", "", evidence, cure)


def _dead_relus(exam: Exam) -> Iterator[Finding]:
    for layer in exam.layers:
        relus = exam.units_of(layer.name, "relu")
        dead = [unit for unit in relus if unit.zero == unit.seen]
        if dead and len(dead) >= DEAD * len(relus) and not exam.has_learned:
            which = listed((unit.name for unit in dead), 3)
            rows = f"for all {dead[0].seen:,} rows, so that no gradient passes them ({which})"
            cure = "lower the learning rate, start with init='kaiming_uniform', or use leaky_relu"
            yield Finding("dead ReLU", layer.name, f"{len(dead)} of {len(relus)} units are 0 {rows}", cure)


def _saturated_units(exam: Exam) -> Iterator[Finding]:
    for layer in exam.layers:
        squashers = exam.units_of(layer.name, *SQUASHERS)
        seen, flat = sum(unit.seen for unit in squashers), sum(unit.saturated for unit in squashers)
        if squashers and flat >= SATURATED * seen and not exam.has_learned:
            evidence = f"{flat / seen:.0%} of {seen:,} activations of {squashers[0].activation} are where it is flat"
            cure = "scale the inputs, start with smaller weights (init='xavier_uniform'), or use relu"
            yield Finding("saturated units", layer.name, evidence, cure)


def _gradient_over_layers(exam: Exam, dead_layers: set[str]) -> Iterator[Finding]:
    layers = [layer for layer in exam.layers if math.isfinite(layer.gradient)]
    if len(layers) < 2 or layers[-1].gradient == 0 or dead_layers:
        return
    first, last = layers[0], layers[-1]
    ratio = first.gradient / last.gradient
    both = " and ".join(f"{number(layer.gradient)} in {layer.name or 'the model'}" for layer in (first, last))
    evidence = f"the rms gradient is {both}, {number(ratio)} times as much"
    if ratio < VANISHING and not exam.has_learned:
        cure = "use relu with init='kaiming_uniform', or tanh with init='xavier_uniform', and fewer layers"
        yield Finding("vanishing gradients", first.name, evidence, cure)
    elif ratio > EXPLODING:
        yield Finding("exploding gradients", first.name, evidence, SMALLER)


def _oversized_gradient(exam: Exam) -> Iterator[Finding]:
    gradient = math.hypot(*exam.gradients.values())
    weights = math.hypot(*(parameter.data for parameter in exam.gradients))
    cure = f"scale inputs and targets, {SMALLER}"
    if gradient > OVERSIZED * weights > 0:
        evidence = f"the gradient is {number(gradient)} long, the weights {number(weights)}"
        yield Finding("exploding gradients", "", evidence, cure)
    elif exam.constant_loss is not None and exam.loss > FAR_OFF * max(exam.constant_loss, 1.0):
        evidence = f"the loss is {number(exam.loss)}, of a constant {number(exam.constant_loss)}"
        yield Finding("exploding gradients", "", f"the outputs are far off: {evidence}", cure)


def _rate(exam: Exam, optimizer: Optimizer) -> Iterator[Finding]:
    """Judges the next step by what it, and shorter and longer ones, do to the loss of the same rows."""
    now, gain = exam.loss, {factor: exam.loss - loss for factor, loss in exam.trials.items()}
    step = f"the next step at rate {optimizer.rate:g}"
    if -gain[1.0] > RAISED * exam.unlearned_loss and gain[SHORTER] > 0:
        shorter = f"one {1 / SHORTER:g} times shorter to {number(exam.trials[SHORTER])}"
        evidence = f"{step} takes the loss from {number(now)} to {number(exam.trials[1.0])}, {shorter}"
        yield Finding("rate too high", "", evidence, f"try lr={optimizer.rate * SHORTER:g}")
    elif 0 < STEEPER * gain[1.0] < gain.get(MUCH_LONGER, 0.0) and not exam.has_learned:
        longer = f"one {MUCH_LONGER:g} times longer by {number(gain[MUCH_LONGER])}"
        evidence = f"{step} lowers the loss of {number(now)} by {number(gain[1.0])}, {longer}"
        yield Finding("rate too low", "", evidence, f"try lr={optimizer.rate * 100:g}")


def of_data(data: Dataset) -> Iterator[Finding]:
    """Yields what is wrong with the scales of the inputs and of a regression's targets."""
    sizes = [max(map(abs, column)) for column in zip(*data.inputs)]
    by_size = sorted((size, name) for size, name in zip(sizes, data.feature_names) if size)
    cure = "standardize(train, test) from micrograd_plus.data, fitted on the training part"
    if by_size:
        (least, smallest), (most, largest) = by_size[0], by_size[-1]
        if most > LARGE_INPUT:
            yield Finding("unscaled inputs", "", f"{largest} reaches {most:.4g}", cure)
        elif most > UNSCALED * least:
            yield Finding("unscaled inputs", "", f"{largest} reaches {most:.4g}, {smallest} only {least:.4g}", cure)
    if not data.is_classification:
        size = max(map(abs, flat(data.targets)))
        if size > LARGE_TARGET:
            evidence = f"{data.target_name} reaches {number(size)}, and its squared error {number(size * size)}"
            cure = "divide the targets by about that, and multiply predictions back"
            yield Finding("unscaled targets", "", evidence, cure)


def of_model(model: Module, optimizer: Optimizer | None, unreached: list[str]) -> Iterator[Finding]:
    """Yields parameters that are not finite, that no gradient reaches, or that the optimizer does not have."""
    named = dict(model.named_parameters())
    broken = [f"{name} = {parameter.data}" for name, parameter in named.items() if not math.isfinite(parameter.data)]
    if broken:
        cure = "load the last good checkpoint, lower the learning rate, and clip: fit(clip=1)"
        yield Finding(
            "non-finite numbers", "", f"{len(broken)} of {len(named):,} parameters: {listed(broken, 4)}", cure
        )
    tables = [f"{name}." for name, module in model.named_modules() if isinstance(module, Embedding)]
    idle = [name for name in unreached if not name.startswith(tuple(tables))]  # a table's rows are for other inputs
    if idle:
        evidence = f"no gradient reaches {len(idle)} of {len(named):,}: {listed(idle, 4)}"
        cure = "use them in forward(), or delete them; a float(x) or x.data on the way cuts the graph"
        yield Finding("unused parameters", "", evidence, cure)
    stepped = {*named.values()} if optimizer is None else {*optimizer.parameters, *optimizer.frozen}
    strangers = [name for name, parameter in named.items() if parameter not in stepped]
    if strangers:
        evidence = f"{len(strangers)} of {len(named):,} are not stepped: {listed(strangers, 4)}"
        cure = "make the optimizer from model.parameters() after the model is complete"
        yield Finding("parameters without optimizer", "", evidence, cure)


def of_mode(model: Module, evaluating: bool, spread: float) -> Iterator[Finding]:
    """Yields dropout that is on where it must be off, or off where it must be on.

    `spread` is how far two predictions for the same row differ, at most.
    """
    drops = [(name, each) for name, each in model.named_modules() if isinstance(each, Dropout) and each.p > 0]
    wrong = listed((f"{name} {each!r}".strip() for name, each in drops if each.training == evaluating), 4)
    if wrong and evaluating:
        evidence = f"{wrong} drops at random: two predictions for the same row differ by {number(spread)}"
        yield Finding("dropout in evaluation", "", evidence, "call model.eval() before evaluating, model.train() after")
    elif wrong:
        yield Finding("no dropout in training", "", f"{wrong} passes all on", "call model.train() before training")


def of_gradients(model: Module, gradients: Mapping[Value, float]) -> Iterator[Finding]:
    """Yields a forgotten zero_grad: a `grad` that holds more than the gradient of the loss it was taken from.

    Gradients that were all scaled down alike (clipped) are right.
    """
    pairs = [(parameter.grad, gradients.get(parameter, 0.0)) for parameter in model.parameters()]
    held, own = math.hypot(*(grad for grad, _ in pairs)), math.hypot(*(gradient for _, gradient in pairs))
    overlap = sum(grad * gradient for grad, gradient in pairs)
    scale = min(overlap / own**2, 1.0) if own else 0.0
    left = math.hypot(*(grad - scale * gradient for grad, gradient in pairs))
    if left > LEFTOVER * held:
        lengths = f"the gradients in .grad are {number(held)} long together, those of this loss {number(own)}"
        evidence = f"{lengths}; the rest, {number(left)}, is left from earlier backward passes"
        yield Finding("forgotten zero_grad", "", evidence, "call optimizer.zero_grad() before each loss.backward()")
