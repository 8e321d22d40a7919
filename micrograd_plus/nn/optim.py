"""An optimizer changes the parameters so that the loss falls, each by a rule that stands here as its formula.

In a rule, `w` is the weight, `g` its gradient, `t` the number of the step from 1, `lr` the learning rate; `# if` says
for which options a line is there. The formulas and defaults are PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat, starmap
from typing import Any, ClassVar, TypeAlias

from micrograd_plus.checks import counted, finite_number, listed, named
from micrograd_plus.errors import short
from micrograd_plus.nn.rule import Rule
from micrograd_plus.schema import Whole
from micrograd_plus.value import UNSEEN, Value

__all__ = ["OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "Rate", "optimizer_class"]

Rate: TypeAlias = "float | Callable[[int], float]"
"""A learning rate: a number, or a schedule, a function of the number of steps done so far (see `nn.schedules`)."""


class Optimizer:
    """What all optimizers share: the parameters, the number `t` of steps done, and the states of the rule.

    `options` are the hyperparameters beside `lr`; `state` has a list of floats, one a parameter, for each state of the
    rule. `rule(w=..., g=..., t=..., lr=..., **states)` is one step as a function. Raises ValueError for no parameters,
    one that is there twice or is computed from others, or a learning rate or option out of range; TypeError for what is
    not a Value.
    """

    text: ClassVar[str] = ""
    """The rule, with all its options."""

    def __init__(self, parameters: Iterable[Value], lr: Rate = 1e-3, **options: Any) -> None:
        self.parameters = _checked_parameters(parameters)
        if not callable(lr):
            _at_least_0("the learning rate", lr)
        self.lr, self.t = lr, 0
        self.options = {name: _checked_option(name, value) for name, value in options.items()}
        self.rule = Rule(self.text, self.options)
        self.state = {name: [0.0] * len(self.parameters) for name in self.rule.state}

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return _at_least_0("the learning rate", self.lr(self.t)) if callable(self.lr) else self.lr

    def given(self, i: int) -> dict[str, Any]:
        """Returns what the rule is given for the next step of parameter `i`: `t`, `lr`, `w`, `g` and the states.

        >>> SGD([Value(1.0)], lr=0.1, momentum=0.9).given(0)
        {'t': 1, 'lr': 0.1, 'w': 1.0, 'g': 0.0, 'buf': 0.0}
        """
        states = {name: numbers[i] for name, numbers in self.state.items()}
        return {"t": self.t + 1, "lr": self.rate, "w": self.parameters[i].data, "g": self.parameters[i].grad, **states}

    def step(self) -> None:
        """Changes every parameter by the rule. A parameter that no backward pass has reached counts as of gradient 0.

        Raises RuntimeError if none was reached, FloatingPointError, before any has changed, if a result is not finite.
        """
        if all(parameter.grad is UNSEEN for parameter in self.parameters):
            raise RuntimeError("no parameter has a gradient; call loss.backward() before step(), and zero_grad() after")
        t, rule = self.t + 1, self.rule
        states = zip(*self.state.values()) if self.state else repeat(())
        common = t, self.rate
        given = [(each.data, each.grad, *common, *state) for each, state in zip(self.parameters, states)]
        try:
            found = [*starmap(rule.scalar, given)]
        except ZeroDivisionError:
            found = [*starmap(rule.beyond_0, given)]
        new = {name: [each[name] for each in found] for name in ("w", *self.state)}
        for name, numbers in new.items():
            if not math.isfinite(sum(numbers)):  # one sum is some times quicker than a look at each
                for i, number in enumerate(numbers):
                    if not math.isfinite(number):
                        raise self.refusal(i, name, number, self.given(i))
        for parameter, w in zip(self.parameters, new.pop("w")):
            parameter.data = w
        self.state, self.t = new, t

    def refusal(self, i: int, name: str, number: float, given: Mapping[str, float]) -> FloatingPointError:
        """Returns the error for a step that takes `name` ("w" or a state) of parameter `i` to what is not finite.

        `given` is what the rule was given, as `given(i)` returns it.
        """
        whose = self.parameters[i].label or f"parameter {i}"
        what = whose if name == "w" else f"{name} of {whose}"
        at = "w = {w:.6g} and g = {g:.6g} at lr = {lr:g}".format(**given)
        cure = "lower the learning rate, clip the gradients, or scale the inputs"
        safe = {**self.options, "eps": 1e-8}
        if self.options.get("eps", 1.0) < 1e-8 and math.isfinite(Rule(self.text, safe)(**given)["w"]):
            cure = f"{type(self).__name__} divides by eps = {self.options['eps']:g} where all else is 0; use eps=1e-8"
        return FloatingPointError(f"step {given['t']} takes {what} to {number}, from {at}; {cure}")

    def zero_grad(self) -> None:
        """Clears the `grad` of every parameter."""
        for parameter in self.parameters:
            parameter.grad = UNSEEN

    def state_dict(self) -> dict[str, Any]:
        """Returns what a run must know to go on as if it had not stopped: the optimizer's name, `t` and the states."""
        state = {name: [*numbers] for name, numbers in self.state.items()}
        return {"optimizer": type(self).__name__, "t": self.t, "state": state}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Brings back what `state_dict` returned.

        Raises ValueError, before anything is changed, for another optimizer's, other options' or one of another number
        of parameters; TypeError for what is not a number, or no state at all.
        """
        name = type(self).__name__
        if not isinstance(saved, Mapping) or not isinstance(saved.get("state"), Mapping):
            raise TypeError(f"a state is a dict, as state_dict() returns it, but got {short(saved)}")
        if saved.get("optimizer") != name:
            raise ValueError(
                f"this state is of {short(saved.get('optimizer'))}, not of {name}; make the optimizer it was"
            )
        state = saved["state"]
        if set(state) != set(self.state):
            given, needed = (listed(names) or "none" for names in (state, self.state))
            raise ValueError(f"this {name} keeps {needed}, but the state has {given}; use the options that it had")
        for key, numbers in state.items():
            if not isinstance(numbers, (list, tuple)) or len(numbers) != len(self.parameters):
                many = counted(len(numbers), "number") if isinstance(numbers, (list, tuple)) else short(numbers)
                given = f"{many} in {key} for {len(self.parameters):,} parameters"
                raise ValueError(f"the state has {given}; build the model as it was when saved")
        Whole().check(saved.get("t"), "the state's t")
        new = {key: [finite_number(f"the state's {key}", each) for each in state[key]] for key in self.state}
        self.state, self.t = new, saved["t"]

    def __repr__(self) -> str:
        lr = f"{self.lr:g}" if isinstance(self.lr, (float, int)) else repr(self.lr)
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        count = len(self.parameters)
        return f"{type(self).__name__}({count:,} parameter{'s' if count != 1 else ''}, lr={lr}{options})"


class SGD(Optimizer):
    """Gradient descent, on request with momentum (Polyak 1964), Nesterov's look ahead, and weight decay.

    Raises ValueError also for `nesterov` without momentum or with dampening.

    >>> w = Value(1.0, "w")
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w
    Value(0.8, grad=2, label='w')
    """

    text = """
        g = g + weight_decay * w                                           # if weight_decay
        buf = g if t == 1 else momentum * buf + (1 - dampening) * g        # if momentum
        step = lr * g                                                      # if not momentum
        step = lr * buf                                                    # if momentum and not nesterov
        step = lr * (g + momentum * buf)                                   # if nesterov
        w = w - step
    """

    def __init__(
        self, parameters: Iterable[Value], lr: Rate = 1e-3, *, momentum: float = 0.0, dampening: float = 0.0,
        nesterov: bool = False, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("nesterov needs momentum above 0 and no dampening; momentum=0.9 is usual")
        given = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": weight_decay}
        super().__init__(parameters, lr, **given)


class RMSprop(Optimizer):
    """Divides each step by a running root mean square of the gradient, so that every weight has its own rate.

    `centered` subtracts the mean first. Source: Hinton 2012, lecture 6e.

    >>> RMSprop([Value(1.0)])
    RMSprop(1 parameter, lr=0.01, alpha=0.99, eps=1e-08, momentum=0.0, centered=False, weight_decay=0.0)
    """

    text = """
        g = g + weight_decay * w                          # if weight_decay
        v = alpha * v + (1 - alpha) * g * g
        m = alpha * m + (1 - alpha) * g                   # if centered
        root = sqrt(v)                                    # if not centered
        root = sqrt(max(v - m * m, 0.0))                  # if centered
        buf = momentum * buf + g / (root + eps)           # if momentum
        step = lr * g / (root + eps)                      # if not momentum
        step = lr * buf                                   # if momentum
        w = w - step
    """

    def __init__(
        self, parameters: Iterable[Value], lr: Rate = 1e-2, *, alpha: float = 0.99, eps: float = 1e-8,
        momentum: float = 0.0, centered: bool = False, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        given = {"alpha": alpha, "eps": eps, "momentum": momentum, "centered": centered, "weight_decay": weight_decay}
        super().__init__(parameters, lr, **given)


class Adagrad(Optimizer):
    """Divides each step by the root of the sum of all squared gradients so far. Source: Duchi et al. 2011.

    >>> Adagrad([Value(1.0)])
    Adagrad(1 parameter, lr=0.01, eps=1e-10, weight_decay=0.0)
    """

    text = """
        g = g + weight_decay * w                          # if weight_decay
        v = v + g * g
        step = lr * g / (sqrt(v) + eps)
        w = w - step
    """

    def __init__(
        self, parameters: Iterable[Value], lr: Rate = 1e-2, *, eps: float = 1e-10, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, lr, eps=eps, weight_decay=weight_decay)


class Adam(Optimizer):
    """Momentum and RMSprop together, both averages corrected for their start at 0. Source: Kingma and Ba 2015.

    `betas` are the decays of the averages of the gradient (m) and of its square (v).

    >>> w = Value(1.0, "w")
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w
    Value(0.9, grad=2, label='w')
    >>> print(optimizer.rule)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1 ** t)
    v_hat = v / (1 - beta2 ** t)
    step = lr * m_hat / (sqrt(v_hat) + eps)
    w = w - step
    """

    text = """
        g = g + weight_decay * w                          # if weight_decay
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1 ** t)
        v_hat = v / (1 - beta2 ** t)
        step = lr * m_hat / (sqrt(v_hat) + eps)
        w = w - step
    """

    def __init__(
        self, parameters: Iterable[Value], lr: Rate = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise ValueError(f"betas are two numbers, such as (0.9, 0.999), but got {betas!r}")
        super().__init__(parameters, lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)


class AdamW(Adam):
    """Adam with weight decay taken off the weight itself, not added to the gradient. Loshchilov and Hutter 2019.

    >>> AdamW([Value(1.0)])
    AdamW(1 parameter, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01)
    """

    text = """
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1 ** t)
        v_hat = v / (1 - beta2 ** t)
        step = lr * m_hat / (sqrt(v_hat) + eps)
        w = w - lr * weight_decay * w                     # if weight_decay
        w = w - step
    """

    def __init__(
        self, parameters: Iterable[Value], lr: Rate = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adagrad": Adagrad, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "sgd": SGD,
}  # fmt: skip
"""What `optimizer=` knows by name."""


def optimizer_class(name: str) -> type[Optimizer]:
    """Returns the optimizer of a name, in whatever case. Raises ValueError for an unknown one.

    >>> optimizer_class("Adam") is Adam
    True
    """
    return named("optimizer", name.lower() if isinstance(name, str) else name, OPTIMIZERS)


def _checked_parameters(parameters: Iterable[Value]) -> list[Value]:
    if not isinstance(parameters, Iterable):
        raise TypeError(f"an optimizer needs a list of parameters, but got {parameters!r}; pass model.parameters()")
    found = list(parameters)
    if not found:
        raise ValueError("an optimizer needs at least one parameter, but got none; has the model any?")
    seen: set[Value] = set()
    for i, each in enumerate(found):
        if not isinstance(each, Value):
            raise TypeError(f"an optimizer needs Values, but parameter {i} is {each!r}; pass model.parameters()")
        name = each.label or f"parameter {i}"
        if each.children:
            raise ValueError(f"{name} is computed from other Values, so setting it has no effect; pass the leaves")
        if each in seen:
            raise ValueError(f"{name} is among the parameters twice, and would be stepped twice; pass it once")
        seen.add(each)
    return found


DECAYS = {"alpha": "alpha", "beta1": "betas[0]", "beta2": "betas[1]"}
"""The options that are the share of an average that is kept, and how the caller writes them."""


def _checked_option(name: str, value: Any) -> float:
    if name in ("centered", "nesterov"):
        return bool(value)
    if name in DECAYS:
        name = DECAYS[name]
        if not 0 <= finite_number(name, value) < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, but got {value}; it is the share that is kept")
        return float(value)
    return finite_number(name, value) if name == "dampening" else _at_least_0(name, value)


def _at_least_0(name: str, value: Any) -> float:
    if finite_number(name, value) < 0:
        raise ValueError(f"{name} must be at least 0, but got {value}")
    return float(value)
