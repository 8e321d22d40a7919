"""A backend is what a model runs on: its own Values, or array code made of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from micrograd_plus.checks import argument, named
from micrograd_plus.data import Dataset
from micrograd_plus.train.engine import EagerEngine, Engine

__all__ = ["BACKENDS", "engine_for"]


def _numpy(*arguments: Any, **options: Any) -> Engine:
    from micrograd_plus.train.compiled import CompiledEngine  # on first use, as it loads NumPy

    return CompiledEngine(*arguments, **options)


BACKENDS: dict[str, Callable[..., Engine]] = {"numpy": _numpy, "eager": EagerEngine}
"""What `backend=` knows by name, the usual one first: each makes an `Engine` from the arguments its protocol tells."""


def engine_for(backend: str | None, data: Dataset, *arguments: Any, **options: Any) -> Engine:
    """Returns the engine of a backend, prepared for `data`; the other arguments are those of an `Engine`.

    Without a name it is the usual one, and for a model that this can't serve the eager one, with a warning. Raises
    ValueError for an unknown name, CompileError where a backend that was named can't serve.
    """
    engine = named("backend", next(iter(BACKENDS)) if backend is None else backend, BACKENDS)(*arguments, **options)
    if backend == "eager":
        engine.prepare(data)
        return engine
    from micrograd_plus.compiler import CompileError

    try:
        engine.prepare(data)
        return engine
    except CompileError as error:
        if backend is not None:
            cure = f"leave {argument('backend')} out, or use {argument('backend', 'eager')}"
            raise CompileError(f"the backend {backend!r} can't run this model: {error}; {cure}") from error
        warnings.warn(f"the model can't be compiled, and runs as it stands: {error}", stacklevel=3)
    return engine_for("eager", data, *arguments, **options)
