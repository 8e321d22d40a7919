"""The doctor's measurements: what a model's numbers and gradients are at one moment, layer by layer and unit by unit.

Nothing is judged here, and nothing is changed: no `grad`, no parameter, no generator of random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from micrograd_plus import operation
from micrograd_plus.calculus import grads
from micrograd_plus.explain.endings import Ending, endings
from micrograd_plus.nn import Module, Neuron, Optimizer
from micrograd_plus.nn.owners import owners
from micrograd_plus.report import Table
from micrograd_plus.value import Value, topological_order
from micrograd_plus.words import number

__all__ = ["Exam", "Unit", "VitalSigns", "data_kept", "examine", "generators_kept", "trial_steps"]

FLAT = 0.02
"""A unit is saturated where its slope is below this: tanh beyond ±0.99, sigmoid below 0.02 or above 0.98."""

SQUASHERS = ("tanh", "sigmoid")


@dataclass
class Unit:
    """One hidden unit: how often its activation was seen, was 0 (a relu) or was saturated (tanh, sigmoid)."""

    name: str
    layer: str
    activation: str
    seen: int = 0
    zero: int = 0
    saturated: int = 0


@dataclass
class VitalSigns:
    """The parameters of one layer: how many, and the root mean squares of the numbers and of their gradients."""

    name: str
    count: int
    weight: float
    gradient: float


@dataclass
class Exam:
    """What was measured: the mean loss, each hidden unit, each layer, the parameters that no backward pass reached, the
    activations before the loss.

    `constant_loss` is that of the best constant prediction, where it is known, `first_loss` that of the first look;
    `trials` has the loss after a step of the optimizer made so many times as long.
    """

    loss: float = 0.0
    graphs: int = 0
    units: dict[str, Unit] = field(default_factory=dict)
    gradients: dict[Value, float] = field(default_factory=dict)
    layers: list[VitalSigns] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    endings: dict[tuple[str, str], Ending] = field(default_factory=dict)
    constant_loss: float | None = None
    first_loss: float | None = None
    trials: dict[float, float] = field(default_factory=dict)

    @property
    def unlearned_loss(self) -> float:
        """What to compare the loss with: that of a constant prediction, else the first, else the loss itself."""
        known = self.constant_loss if self.constant_loss is not None else self.first_loss
        return abs(self.loss if known is None else known)

    @property
    def has_learned(self) -> bool:
        """Whether the loss is a fifth below what it is without learning: then a waste of units is no illness."""
        return self.loss < 0.8 * self.unlearned_loss

    def units_of(self, layer: str, *activations: str) -> list[Unit]:
        """Returns the hidden units of a layer that have one of these activations."""
        return [unit for unit in self.units.values() if unit.layer == layer and unit.activation in activations]

    def table(self) -> Table:
        """Returns the vital signs, a row a layer."""
        rows = []
        for layer in self.layers:
            relus, squashers = self.units_of(layer.name, "relu"), self.units_of(layer.name, *SQUASHERS)
            dead = f"{sum(unit.zero == unit.seen for unit in relus)} of {len(relus)}" if relus else ""
            numbers = layer.count, number(layer.weight), number(layer.gradient)
            shares = _share(relus, "zero"), dead, _share(squashers, "saturated")
            rows.append((layer.name or "model", *numbers, *shares))
        headers = ("layer", "parameters", "rms weight", "rms gradient", "zeros", "dead units", "saturated")
        return Table(headers, tuple(rows), tuple(range(1, 7)), f"Vital signs at loss {number(self.loss)}")


def _share(units: Sequence[Unit], what: str) -> str:
    """The share of the units' activations that are "zero" or "saturated"; nothing if there are none."""
    seen = sum(unit.seen for unit in units)
    return f"{sum(getattr(unit, what) for unit in units) / seen:.0%}" if seen else ""


def examine(losses: Iterable[Value], model: Module) -> Exam:
    """Returns the measurements on the graphs of some losses, whose mean is the loss. A graph may be freed at once."""
    exam, homes = Exam(), _homes(model)
    for loss in losses:
        exam.loss += loss.data
        exam.graphs += 1
        order = topological_order(loss, leaves=False)
        for name, activation, floor in endings(order):
            exam.endings.setdefault((name, activation), Ending(name, activation)).floors.append(floor)
        for node, gradient in grads(loss, order).items():
            if node.op is operation.PARAMETER:
                exam.gradients[node] = exam.gradients.get(node, 0.0) + gradient
        made_by = owners(order, homes)
        for node in filter(made_by.__contains__, _hidden(order)):
            unit = exam.units.setdefault(made_by[node][0], Unit(*made_by[node], node.op.name))
            unit.seen += 1
            unit.zero += node.op.name == "relu" and node.data == 0
            unit.saturated += node.op.name in SQUASHERS and node.partials[0] < FLAT
    exam.loss /= exam.graphs
    exam.gradients = {leaf: gradient / exam.graphs for leaf, gradient in exam.gradients.items()}
    exam.layers = _layers(homes, exam.gradients)
    exam.unreached = [name for name, parameter in model.named_parameters() if parameter not in exam.gradients]
    return exam


def _hidden(order: Sequence[Value]) -> list[Value]:
    """The relus, tanhs and sigmoids that a parameter weighs further up: not those of an output or of a loss."""
    weighed: set[Value] = set()
    for node in reversed(order):
        if node in weighed or any(child.op is operation.PARAMETER for child in node.children):
            weighed.update(node.children)
    return [node for node in order if node in weighed and node.op.name in ("relu", *SQUASHERS)]


def _homes(model: Module) -> dict[Value, tuple[str, str]]:
    """The unit of each parameter, a Neuron or a row of weights, and the layer that holds it."""
    modules = dict(model.named_modules())
    found = {}
    for name, parameter in model.named_parameters():
        parts = name.split(".")
        holders = [".".join(parts[:end]) for end in range(len(parts))]
        *outer, holder = [each for each in holders if each in modules]
        row = parts[-1].isdigit() and parts[-2].isdigit()
        unit = ".".join(parts[:-1]) if row else holder
        layer = next(filter(None, reversed(outer)), holder) if isinstance(modules[holder], Neuron) else holder
        found[parameter] = unit, layer
    return found


def _layers(homes: Mapping[Value, tuple[str, str]], gradients: Mapping[Value, float]) -> list[VitalSigns]:
    groups: dict[str, list[Value]] = {}
    for parameter, (_, layer) in homes.items():
        groups.setdefault(layer, []).append(parameter)
    found = []
    for name, group in groups.items():
        numbers = [each.data for each in group], [gradients.get(each, 0.0) for each in group]
        rms = (math.hypot(*each) / math.sqrt(len(group)) for each in numbers)
        found.append(VitalSigns(name, len(group), *rms))
    return found


def trial_steps(
    optimizer: Optimizer, gradients: Mapping[Value, float], evaluate: Callable[[], float], factors: Iterable[float]
) -> dict[float, float]:
    """Returns the loss after the optimizer's next step made so many times as long, for each factor; nothing is changed.

    A loss that is not finite or not defined counts as infinite.
    """
    found = {}
    given = [{**optimizer.given(i), "g": gradients.get(each, 0.0)} for i, each in enumerate(optimizer.parameters)]
    lengths = [group.rule(**each)["w"] - each["w"] for each, group in zip(given, optimizer.group_of)]
    for factor in factors:
        with data_kept(optimizer.parameters) as parameters, suppress(ArithmeticError, ValueError):
            for parameter, length in zip(parameters, lengths):
                parameter.data += factor * length
            found[factor] = evaluate()
        if not math.isfinite(found.setdefault(factor, math.inf)):
            found[factor] = math.inf
    return found


@contextmanager
def data_kept(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Within it, the values may be given other numbers; afterwards they have those that they had."""
    before = [value.data for value in values]
    try:
        yield values
    finally:
        for value, data in zip(values, before):
            value.data = data


@contextmanager
def generators_kept(model: Module) -> Iterator[None]:
    """Within it, the model may draw random numbers; afterwards its generators stand where they stood."""
    states = [(rng, rng.getstate()) for _, rng in model.generators()]
    try:
        yield
    finally:
        for rng, state in states:
            rng.setstate(state)
