"""An optimizer changes the parameters so that the loss falls, each by a rule that stands here as its formula.

In a rule, `w` is the weight, `g` its gradient, `t` the number of the step from 1, `lr` the learning rate; `# if` says
for which options a line is there. The formulas and defaults are PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Any, ClassVar

from micrograd_plus.checks import counted, finite_number, listed, named
from micrograd_plus.errors import short
from micrograd_plus.foreign import front, refuse
from micrograd_plus.lecture import cleared
from micrograd_plus.nn.groups import Group, Groups, Parameters, Rate, checked_rate, rate_at, settings_of
from micrograd_plus.nn.rule import Rule
from micrograd_plus.schema import Whole
from micrograd_plus.value import UNSEEN, Value

__all__ = ["OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "optimizer_class"]


REFUSAL = "step {t} takes {what} to {number}, from w = {w} and g = {g} at lr = {lr}; {cure}"
LOWER = "lower the learning rate, clip the gradients, or scale the inputs"
"""What is said of a step to what is not finite."""


class Optimizer:
    """What all optimizers share: the parameters, the number `t` of steps done, and the states of the rule.

    `options` are the hyperparameters beside `lr`; `state` has a list of floats, one a parameter, for each state of the
    rule. `rule(w=..., g=..., t=..., lr=..., **states)` is one step as a function.

    `groups` gives some parameters settings of their own, `lr` among them, by patterns of their names; `"frozen": True`
    leaves them as they are: they are not among the `parameters` (so pass these to `clip_grad_norm`) but in `frozen`.
    Raises ValueError for no parameters, one that is there twice or is computed from others, a learning rate or option
    out of range, a pattern that fits no name; TypeError for what is not a Value.

    >>> from micrograd_plus.nn import MLP
    >>> SGD(MLP(2, [3, 1]).parameters(), lr=0.1, groups={"layers.0": {"frozen": True}, "*.bias": {"lr": 0.01}})
    SGD(4 parameters (1 with lr=0.01), 9 frozen, lr=0.1, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0)
    """

    text: ClassVar[str] = ""
    """The rule, with all its options."""

    def __init__(
        self, parameters: Parameters, lr: Rate = 1e-3, *, groups: Groups | None = None, **options: Any
    ) -> None:
        given, settings = settings_of(parameters, groups)
        is_frozen = [_checked_switch("frozen", own.pop("frozen", False)) for own in settings]
        held = [(each, own) for each, own, cold in zip(_checked_parameters(given), settings, is_frozen) if not cold]
        if not held:
            raise ValueError("all parameters are frozen, so that nothing would be trained; leave some free")
        self.parameters = [each for each, _ in held]
        self.frozen = [each for each, cold in zip(given, is_frozen) if cold]
        self.lr, self.t = checked_rate(lr), 0
        self.options = {name: _checked_option(name, value) for name, value in options.items()}
        self.check_options(self.options)
        self.rule = Rule(self.text, self.options)
        self.groups = self._grouped([own for _, own in held])
        by_place = {i: group for group in self.groups for i in group.members}
        self.group_of = [by_place[i] for i in range(len(held))]
        self.state = {name: [0.0] * len(held) for group in self.groups for name in group.rule.state}

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError for options that do not go together; a subclass says which."""

    def _grouped(self, settings: Sequence[dict[str, Any]]) -> list[Group]:
        """The groups of parameters with the same settings of their own, in the order of the parameters."""
        found: list[Group] = []
        for i, own in enumerate(settings):
            group = next((each for each in found if each.own == own), None)
            if group is None:
                lr = checked_rate(own["lr"]) if "lr" in own else None
                rule = Rule(self.text, self._options(own)) if {*own} - {"lr"} else self.rule
                group = Group([], rule, lr, own)
                found.append(group)
            group.members.append(i)
        return found

    def _options(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a group with these settings of its own."""
        options, given = dict(self.options), {name: each for name, each in own.items() if name != "lr"}
        if "betas" in given and "beta1" in options:
            given["beta1"], given["beta2"] = _pair(given.pop("betas"))
        for name, value in given.items():
            named("setting of a group", name, {"lr": 0, "frozen": False, **self.options})
            options[name] = _checked_option(name, value)
        self.check_options(options)
        return options

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            refuse("Optimizer", name, self)

    @property
    def rate(self) -> float:
        """The learning rate of the next step, of all parameters but those of a group with its own."""
        return rate_at(self.lr, self.t)

    @property
    def lrs(self) -> list[Rate]:
        """The learning rates: the optimizer's own, then that of each group that has one; they can be set."""
        return [self.lr, *(group.lr for group in self.groups if group.lr is not None)]

    @lrs.setter
    def lrs(self, rates: Sequence[Rate]) -> None:
        self.lr, *others = rates
        for group, lr in zip((group for group in self.groups if group.lr is not None), others):
            group.lr = lr

    def rate_in(self, group: Group) -> float:
        """Returns the learning rate of the next step of a group's parameters."""
        return self.rate if group.lr is None else rate_at(group.lr, self.t)

    def given(self, i: int) -> dict[str, Any]:
        """Returns what the rule is given for the next step of parameter `i`: `t`, `lr`, `w`, `g` and the states.

        >>> SGD([Value(1.0)], lr=0.1, momentum=0.9).given(0)
        {'t': 1, 'lr': 0.1, 'w': 1.0, 'g': 0.0, 'buf': 0.0}
        """
        group, parameter = self.group_of[i], self.parameters[i]
        states = {name: self.state[name][i] for name in group.rule.state}
        return {"t": self.t + 1, "lr": self.rate_in(group), "w": parameter.data, "g": parameter.grad or 0.0, **states}

    def step(self) -> None:
        """Changes every parameter by the rule. A parameter that no backward pass has reached counts as of gradient 0.

        Raises RuntimeError if none was reached, FloatingPointError, before any has changed, if a result is not finite.
        """
        if all(parameter.grad is UNSEEN for parameter in cleared(self.parameters)):
            raise RuntimeError("no parameter has a gradient; call loss.backward() before step(), and zero_grad() after")
        new = {"w": [parameter.data for parameter in self.parameters], **self.state}
        for group in self.groups:
            for name, numbers in self._stepped(group).items():
                new[name] = numbers if len(self.groups) == 1 else _replaced(new[name], group.members, numbers)
        for name, numbers in new.items():
            if not math.isfinite(sum(numbers)):  # one sum is some times quicker than a look at each
                for i, number in enumerate(numbers):
                    if not math.isfinite(number):
                        raise self.refusal(i, name, number, self.given(i))
        for parameter, w in zip(self.parameters, new.pop("w")):
            parameter.data = w
        self.state, self.t = new, self.t + 1

    def _stepped(self, group: Group) -> dict[str, list[float]]:
        """The next weights and states of a group's parameters."""
        common, rule = (self.t + 1, self.rate_in(group)), group.rule
        parameters = [self.parameters[i] for i in group.members]
        columns = [[self.state[name][i] for i in group.members] for name in rule.state]
        states = zip(*columns) if columns else repeat(())
        given = [(each.data, each.grad, *common, *state) for each, state in zip(parameters, states)]
        try:
            found = [*starmap(rule.scalar, given)]
        except ZeroDivisionError:
            found = [*starmap(rule.beyond_0, given)]
        return {name: [each[name] for each in found] for name in ("w", *rule.state)}

    def refusal(self, i: int, name: str, number: float, given: Mapping[str, float]) -> FloatingPointError:
        """Returns the error for a step that takes `name` ("w" or a state) of parameter `i` to what is not finite.

        `given` is what the rule was given, as `given(i)` returns it.
        """
        whose, options = self.parameters[i].label or f"parameter {i}", self.group_of[i].rule.options
        what = whose if name == "w" else f"{name} of {whose}"
        at = {each: f"{given[each]:.6g}" for each in ("w", "g", "lr")}
        cure = LOWER
        safe = Rule(self.text, {**options, "eps": 1e-8})
        if options.get("eps", 1.0) < 1e-8 and math.isfinite(safe(**given)["w"]):
            cure = f"{type(self).__name__} divides by eps = {options['eps']:g} where all else is 0; use eps=1e-8"
        return FloatingPointError(REFUSAL.format(t=given["t"], what=what, number=number, cure=cure, **at))

    def zero_grad(self) -> None:
        """Clears the `grad` of every parameter, also of those that are frozen."""
        for parameter in (*self.parameters, *self.frozen):
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
        count, others = len(self.parameters), listed(group for group in self.groups if group.own)
        told = f"{count:,} parameter{'s' if count != 1 else ''}{f' ({others})' if others else ''}"
        frozen = f", {len(self.frozen):,} frozen" if self.frozen else ""
        return f"{type(self).__name__}({told}{frozen}, lr={lr}{options})"


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
        self, parameters: Parameters, lr: Rate = 1e-3, *, momentum: float = 0.0, dampening: float = 0.0,
        nesterov: bool = False, weight_decay: float = 0.0, groups: Groups | None = None,
    ) -> None:  # fmt: skip
        given = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": weight_decay}
        super().__init__(parameters, lr, groups=groups, **given)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError for `nesterov` without momentum or with dampening."""
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ValueError("nesterov needs momentum above 0 and no dampening; momentum=0.9 is usual")


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
        self, parameters: Parameters, lr: Rate = 1e-2, *, alpha: float = 0.99, eps: float = 1e-8,
        momentum: float = 0.0, centered: bool = False, weight_decay: float = 0.0, groups: Groups | None = None,
    ) -> None:  # fmt: skip
        given = {"alpha": alpha, "eps": eps, "momentum": momentum, "centered": centered, "weight_decay": weight_decay}
        super().__init__(parameters, lr, groups=groups, **given)


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
        self, parameters: Parameters, lr: Rate = 1e-2, *, eps: float = 1e-10, weight_decay: float = 0.0,
        groups: Groups | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, groups=groups, eps=eps, weight_decay=weight_decay)


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
        self, parameters: Parameters, lr: Rate = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, groups: Groups | None = None,
    ) -> None:  # fmt: skip
        beta1, beta2 = _pair(betas)
        given = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, lr, groups=groups, **given)


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
        self, parameters: Parameters, lr: Rate = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, groups: Groups | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay, groups=groups)


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


def _checked_parameters(found: list[Any]) -> list[Value]:
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


def _replaced(numbers: list[float], places: list[int], new: list[float]) -> list[float]:
    """The numbers, with new ones at some places."""
    found = [*numbers]
    for i, number in zip(places, new):
        found[i] = number
    return found


def _pair(betas: Any) -> tuple[Any, Any]:
    if not isinstance(betas, Sequence) or len(betas) != 2:
        raise ValueError(f"betas are two numbers, such as (0.9, 0.999), but got {betas!r}")
    return betas[0], betas[1]


def _checked_switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, but got {value!r}")
    return value


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


if not TYPE_CHECKING:  # to type checkers an unknown name is an error
    __getattr__, __dir__ = front(__name__, __all__)
