"""Scalars in, array program out: `compile` turns a graph of Values into NumPy code that runs it for a batch."""

from micrograd_plus.compiler.frontend import Compiled, compile
from micrograd_plus.compiler.plan import Input
from micrograd_plus.compiler.program import Gradients, Program
from micrograd_plus.compiler.trace import CompileError

__all__ = ["CompileError", "Compiled", "Gradients", "Input", "Program", "compile"]


def __dir__() -> list[str]:
    """Returns what `dir` and a notebook's completion show."""
    return sorted(__all__)
