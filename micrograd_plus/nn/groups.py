"""Parameter groups: which parameters an optimizer steps with other settings than the rest, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from micrograd_plus.checks import finite_number, listed
from micrograd_plus.errors import short
from micrograd_plus.nn.rule import Rule
from micrograd_plus.value import Value

__all__ = ["Group", "Groups", "Parameters", "Rate", "Settings", "checked_rate", "rate_at", "settings_of"]

Rate: TypeAlias = "float | Callable[[int], float]"
"""A learning rate: a number, or a schedule, a function of the number of steps done so far (see `nn.schedules`)."""

Parameters: TypeAlias = "Iterable[Value] | Iterable[Mapping[str, Any]]"
"""What an optimizer is made of: parameters, or dicts with them and their settings, as PyTorch has them."""

Groups: TypeAlias = "Mapping[str, Mapping[str, Any]]"
"""From the pattern of parameters' names to settings that are other for these."""

Settings: TypeAlias = "dict[str, Any]"


@dataclass
class Group:
    """Parameters that are stepped alike: their places in `optimizer.parameters`, and their rule.

    `lr` is their own learning rate, None where it is the optimizer's; `own` are the settings that they were given.
    """

    members: list[int]
    rule: Rule
    lr: Rate | None
    own: Settings

    def __str__(self) -> str:
        return f"{len(self.members):,} with {', '.join(f'{name}={value!r}' for name, value in self.own.items())}"


def rate_at(lr: Rate, t: int) -> float:
    """Returns the learning rate after `t` steps. Raises TypeError or ValueError for a schedule's that is none."""
    return checked_rate(lr(t)) if callable(lr) else lr


def checked_rate(lr: Any) -> Any:
    """Returns a learning rate. Raises TypeError for what is neither a number nor a schedule, ValueError below 0."""
    if not callable(lr) and finite_number("the learning rate", lr) < 0:
        raise ValueError(f"the learning rate must be at least 0, but got {lr}")
    return lr


def settings_of(parameters: Parameters, groups: Groups | None) -> tuple[list[Any], list[Settings]]:
    """Returns the parameters, and for each the settings that are its own.

    They come from dicts such as `{"params": [...], "lr": 0.1}`, and from the patterns that fit a parameter's name, the
    later ones on top. A name is the parameter's label, as a model gives it (`Module.label_parameters`); a pattern is a
    name, of a parameter or of a Module around it, in which `*` stands for anything. Raises ValueError for a pattern
    that fits no name, TypeError for what is no list of parameters or no dict.

    >>> leaves = [Value(0.0, name) for name in ("weights.0", "weights.1", "bias")]
    >>> settings_of(leaves, {"weights": {"lr": 0.1}, "*.1": {"frozen": True}})[1]
    [{'lr': 0.1}, {'lr': 0.1, 'frozen': True}, {}]
    """
    given = [*parameters] if isinstance(parameters, Iterable) else parameters
    parts: list[tuple[Any, Mapping[str, Any]]] = [(given, {})]
    if isinstance(given, list) and any(isinstance(each, Mapping) for each in given):
        parts = [_part(each) for each in given]
    found = [(name, each, dict(own)) for some, own in parts for name, each in _named(some)]
    for pattern, own in ({} if groups is None else _mapping("groups", groups)).items():
        fitting = [own for name, _, own in found if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")]
        if not fitting:
            names = [name for name, *_ in found if name]
            there = f"there are {listed(names)}" if names else "they have no names yet: call model.label_parameters()"
            raise ValueError(f"no parameter is called {pattern!r}; {there}")
        for settings in fitting:
            settings.update(_mapping(f"the group {pattern!r}", own))
    return [each for _, each, _ in found], [settings for *_, settings in found]


def _part(given: Any) -> tuple[Any, Mapping[str, Any]]:
    """The parameters of one of PyTorch's dicts, and their settings."""
    if not isinstance(given, Mapping) or "params" not in given:
        raise TypeError(f"a group is a dict as {{'params': [...], 'lr': 0.1}}, but got {short(given)}")
    return given["params"], {name: each for name, each in given.items() if name != "params"}


def _named(parameters: Any) -> list[tuple[str, Any]]:
    if not isinstance(parameters, Iterable):
        raise TypeError(f"an optimizer needs a list of parameters, but got {parameters!r}; pass model.parameters()")
    return [(getattr(each, "label", ""), each) for each in parameters]


def _mapping(what: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        cure = "write groups={'layers.0.*': {'lr': 0.001}}"
        raise TypeError(f"{what} is a dict by name, but got {given!r}; {cure}")
    return given
