"""The surface player: a loss over one or two weights, and balls that optimizers roll down it from any start."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micrograd_plus.checks import finite_number, whole_number
from micrograd_plus.compiler import Program, compile
from micrograd_plus.data import batch_indices
from micrograd_plus.nn.optim import DECAYS, OPTIMIZERS, Optimizer
from micrograd_plus.value import Value
from micrograd_plus.viz.player.page import Page
from micrograd_plus.viz.player.readings import numbers_script, rules_script

__all__ = ["SurfacePlayer"]

EXAMPLES = 500  # a page goes through at most, for each point of its map


class SurfacePlayer(Page):
    """A page with a loss over one or two weights as a curve or a map, and a ball on it for each of the optimizers.

    `loss` is a function of Values: of the weights and, where there are `examples`, of an example's numbers after them;
    the surface is then the mean over all examples. The weights are the optimizers' parameters; where they now are is
    the start, their labels name the axes, and neither they nor the optimizers are changed. In the page the start can be
    dragged, and every rule, rate and option be set; loss and gradient are computed there, by the compiled loss.

    `names` are the balls'; `batch_sizes` says for each optimizer how many examples a step takes (by default all), in
    the order in which `train.fit(seed=...)` takes them. `limits` are the ends of each axis; by default they are half as
    far again from 0 as the start. A ball makes at most `steps` steps. `title` heads the page.

    Raises ValueError for no optimizer, one with a schedule or groups, weights that are not one or two or not the same
    for all, a loss that draws at random, numbers of names, batch sizes or limits that don't fit; TypeError for what is
    not an optimizer; CompileError for a loss that the compiler can't read.

    >>> from micrograd_plus.nn import SGD, Adam
    >>> w1, w2 = Value(-1.0, "w1"), Value(-8.0, "w2")
    >>> SurfacePlayer(lambda w1, w2: 50 * w1**2 + 0.5 * w2**2, SGD([w1, w2], lr=0.0195), Adam([w1, w2], lr=0.4))
    <SurfacePlayer: the loss over w1 and w2, with SGD and Adam>
    """

    name, unit, part, height = "surface", "step", "ten steps", 760
    scripts = ("paint.js", "descent.js", "surface.js")

    def __init__(
        self, loss: Callable[..., Value], *optimizers: Optimizer, names: Sequence[str] = (),
        examples: Sequence[Sequence[float]] = (), batch_sizes: Sequence[int] = (),
        limits: Sequence[tuple[float, float]] = (), steps: int = 100, seed: int = 0, title: str = "",
    ) -> None:  # fmt: skip
        weights = _weights(optimizers)
        self.start = [weight.data for weight in weights]
        unnamed = ["w"] if len(weights) == 1 else ["w1", "w2"]
        self.weights = [weight.label or name for weight, name in zip(weights, unnamed)]
        self.optimizers, self.steps, self.seed = optimizers, whole_number("steps", steps, least=1), seed
        self.names = [*names] or _numbered([type(each).__name__ for each in optimizers])
        self.examples = [[float(number) for number in example] for example in examples]
        self.batch_sizes = [*batch_sizes] or [len(self.examples)] * len(optimizers)
        self.limits = [*limits] or [(-side, side) for side in (1.5 * abs(x) or 1.0 for x in self.start)]
        self._check()
        self._loss = _program(loss, self.start, self.examples)
        self.title = title or f"The loss over {' and '.join(self.weights)}"

    def _check(self) -> None:
        """Raises ValueError for numbers of things that don't fit each other."""
        count = len(self.optimizers)
        for what, given, wanted in (
            ("names", self.names, count),
            ("batch_sizes", self.batch_sizes, count),
            ("limits", self.limits, len(self.weights)),
        ):
            if len(given) != wanted:
                whose = "weight" if what == "limits" else "optimizer"
                raise ValueError(f"{what} has {len(given)} entries for {wanted} {whose}s; give each {whose} one")
        for low, high in self.limits:
            if not finite_number("a limit", low) < finite_number("a limit", high):
                raise ValueError(f"limits are (low, high) for each weight, but got ({low}, {high})")
        if len(self.examples) > EXAMPLES:
            raise ValueError(f"a page goes through {EXAMPLES:,} examples at most, but got {len(self.examples):,}")
        for size in self.batch_sizes:
            if self.examples and not 1 <= whole_number("a batch size", size) <= len(self.examples):
                raise ValueError(f"a step takes 1 to {len(self.examples)} examples, but batch_sizes has {size}")

    def __repr__(self) -> str:
        return f"<SurfacePlayer: the loss over {' and '.join(self.weights)}, with {' and '.join(self.names)}>"

    def data(self) -> Mapping[str, Any]:
        """Returns the start, the balls with their rules' names and options, and the examples in the order of use."""
        count = len(self.examples)
        epochs = -(-self.steps // 2) if count else 0  # as many as batches of half the examples go through
        settings = zip(self.names, self.optimizers, self.batch_sizes)
        balls = [
            {"name": name, "rule": _key(each), "lr": each.rate, "options": each.options, "batch": size or 1}
            for name, each, size in settings
        ]
        return {
            "weights": self.weights, "start": self.start, "limits": self.limits, "steps": self.steps, "balls": balls,
            "decays": [*DECAYS], "parameters": [each.data for each in self._loss.parameters], "examples": self.examples,
            "orders": [batch_indices(count, count, seed=self.seed, epoch=i + 1)[0] for i in range(epochs)],
        }  # fmt: skip

    def program(self) -> str:
        """Returns the loss with its gradient, and the rules of the optimizers, as the page's own JavaScript."""
        rules = dict.fromkeys([*OPTIMIZERS.values(), *map(type, self.optimizers)])
        loss = _as_constant("loss", self._loss.js_source)
        return "\n".join([numbers_script(), rules_script(rules), loss, ""])


def _key(optimizer: Optimizer) -> str:
    """What an optimizer's rule is called among the page's rules."""
    return type(optimizer).__name__.lower()


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that was there before."""
    earlier = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} {count + 1}" if count else name for name, count in zip(names, earlier)]


def _weights(optimizers: Sequence[Optimizer]) -> list[Value]:
    """The parameters that all optimizers have."""
    if not optimizers:
        raise ValueError("there is no ball to roll: pass an optimizer, such as SGD([w], lr=0.1)")
    for each in optimizers:
        if not isinstance(each, Optimizer):
            raise TypeError(f"a surface player needs optimizers, but got {type(each).__name__}: {each!r}")
        if callable(each.lr):
            raise ValueError(f"in the page the rate is a slider, not a schedule; pass a number as lr to {each!r}")
        if len(each.groups) > 1 or each.frozen:
            raise ValueError(f"a ball has one setting for all its weights; leave the groups out of {each!r}")
    weights = optimizers[0].parameters
    if any(each.parameters != weights for each in optimizers):
        raise ValueError("the optimizers have different parameters; give each the same Values, in the same order")
    if len(weights) > 2:
        raise ValueError(f"a surface is over one or two weights, but the optimizers have {len(weights)}")
    return weights


def _program(loss: Callable[..., Value], start: Sequence[float], examples: Sequence[Sequence[float]]) -> Program:
    """The loss of one example, compiled as a function of the weights and of the example's numbers."""
    if examples:
        program = compile(lambda weights, example: loss(*weights, *example), example=(start, examples[0]))
    else:
        program = compile(lambda weights: loss(*weights), example=(start,))
    if program.plan.random_count:
        raise ValueError("the loss draws at random, so that it is no surface; leave the dropout out, as in eval mode")
    return program


def _as_constant(name: str, module: str) -> str:
    """A module's functions `forward` and `gradients` as a constant of a script: nothing is imported in a page."""
    inside = re.sub(r"^export (\{.*\};)?", "", module, flags=re.M)
    return f"const {name} = (() => {{\n{inside}\nreturn {{forward: values, gradients}};\n}})();"
