"""Scalars in, array program out: `compile` turns a graph of Values into NumPy code that runs it for a batch."""

from micrograd_plus.compiler.compile import Compiled, compile
from micrograd_plus.compiler.engine import CompiledEngine
from micrograd_plus.compiler.program import Gradients, Input, Program
from micrograd_plus.compiler.trace import CompileError
from micrograd_plus.compiler.trainer import Trainer

__all__ = ["CompileError", "Compiled", "CompiledEngine", "Gradients", "Input", "Program", "Trainer", "compile"]
