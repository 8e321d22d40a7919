"""Clipping bounds gradients, so that one large one does not throw the parameters far away."""

from __future__ import annotations

import math
from collections.abc import Iterable

from micrograd_plus.checks import finite_number
from micrograd_plus.lecture import cleared
from micrograd_plus.value import UNSEEN, Value

__all__ = ["clip_grad_norm", "clip_grad_value", "norm_scale"]


def norm_scale(norm: float, max_norm: float) -> float:
    """Returns what gradients are multiplied by so that their length, `norm`, is at most `max_norm`: 1 if it is.

    The formula is PyTorch's: min(1, max_norm / (norm + 1e-6)).

    >>> norm_scale(0.5, max_norm=1.0), round(norm_scale(4.0, max_norm=1.0), 5)
    (1.0, 0.25)
    """
    return min(1.0, max_norm / (norm + 1e-6))


def clip_grad_norm(parameters: Iterable[Value], max_norm: float) -> float:
    """Returns the length of the vector of all gradients; if above `max_norm`, first scales them all down to it.

    Each is multiplied by `norm_scale`. Raises ValueError if `max_norm` is not above 0, FloatingPointError if a gradient
    is not finite.

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> clip_grad_norm([w], 1.0), round(w.grad, 5)
    (6.0, 1.0)
    """
    reached = _reached("clip_grad_norm", parameters, "max_norm", max_norm)
    norm = math.hypot(*(parameter.grad for parameter in reached))
    scale = norm_scale(norm, max_norm)
    if scale < 1:
        for parameter in reached:
            parameter.grad *= scale
    return norm


def clip_grad_value(parameters: Iterable[Value], clip_value: float) -> None:
    """Holds each gradient between -clip_value and clip_value.

    Raises ValueError if `clip_value` is not above 0, FloatingPointError if a gradient is not finite.
    """
    for parameter in _reached("clip_grad_value", parameters, "clip_value", clip_value):
        parameter.grad = min(max(parameter.grad, -clip_value), clip_value)


def _reached(function: str, parameters: Iterable[Value], name: str, limit: float) -> list[Value]:
    """The parameters that a backward pass has reached, all with finite gradients."""
    if not isinstance(parameters, Iterable):
        raise TypeError(f"{function} needs a list of parameters, but got {parameters!r}; pass model.parameters()")
    if finite_number(name, limit) <= 0:
        raise ValueError(f"{function} needs {name} > 0, but got {limit}; 1 is usual")
    reached = [parameter for parameter in cleared(parameters) if parameter.grad is not UNSEEN]
    for parameter in reached:
        if not math.isfinite(parameter.grad):
            whose, cure = parameter.label or "a parameter", "lower the learning rate or scale the inputs"
            raise FloatingPointError(f"the gradient of {whose} is {parameter.grad}; {cure}")
    return reached
