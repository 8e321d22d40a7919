"""A model leaves: written as a file for PyTorch, JAX, ONNX or plain C that gives the same numbers.

    from micrograd_plus.export import to_torch
    to_torch(model, "moons.py")

What may be given is an `nn.Module`, a `Predictor` (then raw rows go in), or the Program that `compile` returns. Neither
PyTorch nor JAX is needed to write.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from micrograd_plus.checks import named
from micrograd_plus.compiler import Program
from micrograd_plus.export.c import c_source
from micrograd_plus.export.onnx_model import onnx_bytes
from micrograd_plus.export.python_files import jax_source, torch_source, weights_of
from micrograd_plus.export.source import Source, source_of
from micrograd_plus.files import write_atomically
from micrograd_plus.nn import Module
from micrograd_plus.train.predictor import Predictor

__all__ = ["Exportable", "Exported", "to_c", "to_jax", "to_onnx", "to_torch"]

Exportable: TypeAlias = "Module | Predictor | Program"
"""What can be exported."""

Where: TypeAlias = "str | os.PathLike[str] | None"


@dataclass(frozen=True)
class Exported:
    """A model in another language: the file's `content`, and its `weights` if they are in a file beside it."""

    content: bytes
    weights: bytes | None = None

    @property
    def source(self) -> str:
        """Returns the file as text."""
        return self.content.decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Returns the path, once the file is written there, and the weights beside it.

        Raises ValueError for a path that is the weights' own, and as files do.
        """
        if self.weights is not None:
            beside = Path(path).with_suffix(".safetensors")
            if beside == Path(path):
                raise ValueError(f"{str(path)!r} ends in .safetensors, as the weights do; name a file that ends in .py")
            write_atomically(beside, self.weights)
        return write_atomically(path, self.content)


def to_torch(model: Exportable, path: Where = None, *, example: Sequence[Any] | None = None) -> Exported:
    """Returns the model as a file of Python with a `torch.nn.Module`, and its weights in a safetensors file.

    Both are written if there is a `path`. `example` has one example's arguments, for a Module of your own whose inputs
    can't be told. Raises TypeError without one, CompileError for what can't be compiled, and what `save` raises.

    >>> from micrograd_plus.nn import MLP
    >>> source = to_torch(MLP(2, [3, 1], activation="tanh")).source
    >>> print(source[source.index("        layers_0 =") : source.index("        return")])
            layers_0 = inputs @ self.layers_0_weights.T + self.layers_0_bias
            layers_0_tanh = torch.tanh(layers_0)
            layers_1_neurons_0 = layers_0_tanh @ self.layers_1_neurons_0_weights.T + self.layers_1_neurons_0_bias
    <BLANKLINE>
    """
    source = source_of(model, example, training=True)
    text, lowered = torch_source(source)
    return _saved(Exported(text.encode(), weights_of(source, lowered)), path)


def to_jax(model: Exportable, path: Where = None, *, example: Sequence[Any] | None = None) -> Exported:
    """Returns the model as a file of Python with a pure function for JAX, and its weights in a safetensors file.

    See `to_torch`, whose weights' file is the same.
    """
    source = source_of(model, example, training=True)
    text, lowered = jax_source(source)
    return _saved(Exported(text.encode(), weights_of(source, lowered)), path)


def to_c(
    model: Exportable, path: Where = None, *, example: Sequence[Any] | None = None, dtype: str = "float64"
) -> Exported:
    """Returns the model, as it is in use, as one file of C99 that holds its weights; `dtype` may be "float32".

    Raises ValueError for a program that draws numbers by chance, and as `to_torch` does.

    >>> from micrograd_plus.nn import MLP
    >>> next(line for line in to_c(MLP(2, [1])).source.splitlines() if line.startswith("void"))
    'void predict(const real *x, real *y) {'
    """
    named("dtype", dtype, {"float64": 8, "float32": 4})
    return _saved(Exported(c_source(_in_use(model, example, "C"), dtype == "float32").encode()), path)


def to_onnx(model: Exportable, path: Where = None, *, example: Sequence[Any] | None = None) -> Exported:
    """Returns the model, as it is in use, as an ONNX file in float32 that holds its weights.

    Its inputs and outputs have names, and their first axis is that of the examples. Raises ValueError for a program
    that draws numbers by chance or an operation that ONNX can't say, and as `to_torch` does.
    """
    return _saved(Exported(onnx_bytes(_in_use(model, example, "ONNX"))), path)


def _in_use(model: Exportable, example: Sequence[Any] | None, language: str) -> Source:
    """The source of what is without chance."""
    source = source_of(model, example, training=False)
    if source.draws:
        cure = "compile the model as it is in use, after model.eval()"
        raise ValueError(f"the program draws numbers by chance (bernoulli), which a file of {language} can't; {cure}")
    return source


def _saved(exported: Exported, path: Where) -> Exported:
    if path is not None:
        exported.save(path)
    return exported
