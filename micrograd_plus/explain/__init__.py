"""The chain rule, the optimizers and a training run, explained with their own numbers.

>>> from micrograd_plus import Value
>>> w = Value(3.0, "w")
>>> loss = (w - 1) ** 2
>>> loss.backward()
>>> w.explain(loss).paths.total, w.grad
(4.0, 4.0)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from micrograd_plus.explain.checks import GraphCheck, check_graph
from micrograd_plus.explain.explainer import Paths, explain
from micrograd_plus.explain.explanation import Explanation

if TYPE_CHECKING:
    from micrograd_plus.explain.bookkeeping import Ledger
    from micrograd_plus.explain.diagnosis import Diagnosis, diagnose
    from micrograd_plus.explain.doctor import Doctor
    from micrograd_plus.explain.findings import Finding

_ON_FIRST_USE = {
    "Diagnosis": "diagnosis", "Doctor": "doctor", "Finding": "findings", "Ledger": "bookkeeping",
    "diagnose": "diagnosis",
}  # fmt: skip

__all__ = [
    "Diagnosis", "Doctor", "Explanation", "Finding", "GraphCheck", "Ledger", "Paths", "check_graph", "diagnose",
    "explain",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads what needs nn and train when it is first asked for: pictures use the words alone."""
    if name in _ON_FIRST_USE:
        return getattr(import_module(f"{__name__}.{_ON_FIRST_USE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns what `dir` and a notebook's completion show: the parts that are not yet loaded too."""
    return sorted(__all__)
