"""micrograd_plus: a scalar autograd engine to see, to trust and to run."""

from micrograd_plus.calculus import GradcheckError, GradcheckReport, gradcheck, gradients
from micrograd_plus.value import (
    Value,
    apply,
    constant,
    dot,
    logsumexp,
    no_grad,
    select,
    softmax,
    topological_order,
    total,
)

__version__ = "0.1.0"

__all__ = [
    "GradcheckError",
    "GradcheckReport",
    "Value",
    "apply",
    "constant",
    "dot",
    "gradcheck",
    "gradients",
    "logsumexp",
    "no_grad",
    "select",
    "softmax",
    "topological_order",
    "total",
]
