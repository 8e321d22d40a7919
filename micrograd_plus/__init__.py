"""micrograd_plus: a scalar autograd engine to see, to trust and to run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from micrograd_plus import doors, lecture, methods, pickling  # noqa: F401  (they add to Value)
from micrograd_plus.calculus import GradcheckError, GradcheckReport, gradcheck, gradients, hessian, hvp, jacobian, jvp
from micrograd_plus.errors import DomainError
from micrograd_plus.foreign import refuse
from micrograd_plus.functions import dot, logsumexp, maximum, minimum, select, softmax, total
from micrograd_plus.mode import no_gc, no_grad
from micrograd_plus.operation import row
from micrograd_plus.value import Value, apply, constant, topological_order

if TYPE_CHECKING:
    from micrograd_plus import data, explain, nn, train, viz
    from micrograd_plus.compiler import Program
    from micrograd_plus.compiler.frontend import compile
    from micrograd_plus.train import fit

__version__ = "0.2.0"

__all__ = [
    "DomainError", "GradcheckError", "GradcheckReport", "Program", "Value", "apply", "compile", "constant", "data",
    "dot", "explain", "fit", "gradcheck", "gradients", "hessian", "hvp", "jacobian", "jvp", "logsumexp", "maximum",
    "minimum", "nn", "no_gc", "no_grad", "row", "select", "softmax", "topological_order", "total", "train", "viz",
]  # fmt: skip

_PARTS = ("nn", "data", "train", "explain", "viz")
_ON_FIRST_USE = {"Program": "compiler", "compile": "compiler", "fit": "train"}


def __getattr__(name: str) -> Any:
    """Loads the parts beyond the engine when they are first asked for, so that the import stays quick."""
    if name in _ON_FIRST_USE:
        return getattr(import_module(f"micrograd_plus.{_ON_FIRST_USE[name]}"), name)
    if name in __all__:
        return import_module(f"micrograd_plus.{name}")
    if name == "optim":  # PyTorch's name
        return import_module("micrograd_plus.nn.optim")
    homes = [] if name.startswith("_") else [part for part in _PARTS if name in __getattr__(part).__all__]
    cure = (
        f"micrograd_plus.{homes[0]}.{name}" if homes else f"x.{name}()" if callable(getattr(Value, name, None)) else ""
    )
    refuse(__name__, name, cure=cure)


def __dir__() -> list[str]:
    """Returns what `dir` and a notebook's completion show: the parts that are not yet loaded too."""
    return sorted(__all__)
