"""A schedule is a learning rate that changes: a function of the number of steps done so far, from 0.

Pass one as an optimizer's `lr`. They count steps (iterations), not epochs: multiply by the iterations per epoch.

>>> from micrograd_plus.nn import Adam, Parameter
>>> optimizer = Adam([Parameter(1.0)], lr=LinearWarmup(Cosine(0.1, steps=1000), steps=10))
>>> optimizer.rate < 0.1
True
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from micrograd_plus.checks import finite_number, whole_number

__all__ = ["Cosine", "LinearWarmup", "OneCycle", "Schedule", "StepDecay"]

Schedule: TypeAlias = Callable[[int], float]
"""From the number of steps done so far to the rate of the next."""


@dataclass(frozen=True)
class _Checked:
    """Raises ValueError for a number of steps below 1, or another number below 0; TypeError for what is no number."""

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if name in ("every", "steps"):
                whole_number(name, number, least=1)
            elif not (name == "then" and callable(number)) and finite_number(name, number) < 0:
                raise ValueError(f"{name} must be at least 0, but got {number}")


@dataclass(frozen=True)
class StepDecay(_Checked):
    """The rate times `gamma` after every `every` steps: PyTorch's `StepLR`, and with 1 its `ExponentialLR`.

    >>> [StepDecay(1.0, every=2, gamma=0.5)(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    lr: float
    every: int = 1
    gamma: float = 0.1

    def __call__(self, t: int) -> float:
        """Returns the rate after `t` steps."""
        return self.lr * self.gamma ** (t // self.every)


@dataclass(frozen=True)
class Cosine(_Checked):
    """Half a cosine wave from `lr` down to `minimum` at `steps`, and `minimum` from there on.

    Up to `steps` it is PyTorch's `CosineAnnealingLR`, which then rises again. Source: Loshchilov and Hutter 2017.

    >>> [round(Cosine(1.0, steps=4)(t), 2) for t in range(6)]
    [1.0, 0.85, 0.5, 0.15, 0.0, 0.0]
    """

    lr: float
    steps: int
    minimum: float = 0.0

    def __call__(self, t: int) -> float:
        """Returns the rate after `t` steps."""
        return _cosine(self.lr, self.minimum, t / self.steps)


@dataclass(frozen=True)
class LinearWarmup(_Checked):
    """Rises in a line over `steps` steps, from the fraction `start` of a rate to the whole of it, then goes on with it.

    `then` is a number, or a schedule, which starts when the warm-up ends. With a number it is PyTorch's `LinearLR`.

    >>> [LinearWarmup(1.0, steps=4, start=0.5)(t) for t in range(6)]
    [0.5, 0.625, 0.75, 0.875, 1.0, 1.0]
    """

    then: float | Schedule
    steps: int
    start: float = 1 / 3

    def __call__(self, t: int) -> float:
        """Returns the rate after `t` steps."""
        rate = self.then(max(t - self.steps, 0)) if callable(self.then) else self.then
        return rate * (self.start + (1 - self.start) * min(t / self.steps, 1.0))


@dataclass(frozen=True)
class OneCycle(_Checked):
    """Up from lr/`div` to `lr` over the first part `rise` of `steps`, and down to a `final_div`-th of the start.

    Both ways follow half a cosine wave; after `steps` the rate stays. Defaults are those of PyTorch's `OneCycleLR`.
    Source: Smith and Topin 2018.

    >>> schedule = OneCycle(1.0, steps=101, rise=0.5)
    >>> [round(schedule(t), 6) for t in (0, 49, 100)]
    [0.04, 0.999758, 4e-06]
    """

    lr: float
    steps: int
    rise: float = 0.3
    div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.rise < 1 or self.rise * self.steps <= 1:
            given = f"{self.rise} of {self.steps}"
            raise ValueError(f"rise is a fraction of the steps that makes more than one step, but got {given}")
        if not self.div * self.final_div:
            raise ValueError(f"div and final_div must be above 0, but got {self.div} and {self.final_div}")

    def __call__(self, t: int) -> float:
        """Returns the rate after `t` steps."""
        start, top = self.lr / self.div, self.rise * self.steps - 1
        if t <= top:
            return _cosine(start, self.lr, t / top)
        return _cosine(self.lr, start / self.final_div, (t - top) / (self.steps - 1 - top))


def _cosine(start: float, end: float, part: float) -> float:
    """Half a cosine wave from `start` to `end`, at a `part` of the way."""
    return end + (start - end) * (1 + math.cos(math.pi * min(part, 1.0))) / 2
