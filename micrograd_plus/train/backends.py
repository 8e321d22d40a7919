"""A backend is what a model runs on: its own Values, or array code made of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from micrograd_plus.checks import named
from micrograd_plus.data import Dataset
from micrograd_plus.train.engine import EagerEngine, Engine

__all__ = ["BACKENDS", "engine_for"]


def _numpy(*arguments: Any, **options: Any) -> Engine:
    from micrograd_plus.train.compiled import CompiledEngine  # on first use, as it loads NumPy

    return CompiledEngine(*arguments, **options)


BACKENDS: dict[str, Callable[..., Engine]] = {"numpy": _numpy, "eager": EagerEngine}
"""What `backend=` knows by name: each makes an `Engine` from the arguments that its protocol tells."""

USUAL = "numpy"


def engine_for(backend: str | None, data: Dataset, *arguments: Any, **options: Any) -> Engine:
    """Returns the engine of a backend, prepared for `data`; the other arguments are those of an `Engine`.

    Without a name it is the usual one, and for a model that this can't serve the eager one, with a warning. Raises
    ValueError for an unknown name, CompileError where a backend that was named can't serve.
    """
    make = named("backend", USUAL if backend is None else backend, BACKENDS)
    if make is EagerEngine:
        return _prepared(make, data, *arguments, **options)
    from micrograd_plus.compiler import CompileError

    try:
        return _prepared(make, data, *arguments, **options)
    except CompileError as error:
        if backend is not None:
            cure = "leave backend out, or use backend='eager'"
            raise CompileError(f"the backend {backend!r} can't run this model: {error}; {cure}") from error
        warnings.warn(f"the model can't be compiled, and runs as it stands: {error}", stacklevel=3)
        return _prepared(EagerEngine, data, *arguments, **options)


def _prepared(make: Callable[..., Engine], data: Dataset, *arguments: Any, **options: Any) -> Engine:
    engine = make(*arguments, **options)
    engine.prepare(data)
    return engine
