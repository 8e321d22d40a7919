"""The libraries that only an export needs: loaded when used, and named where one is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["library"]


def library(name: str) -> Any:
    """Returns a module of a library. Raises ModuleNotFoundError, with the command that installs it, without.

    >>> library("nowhere")
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: this export needs nowhere, which is not installed; run: pip install "micrograd_plus[export]"
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        needed = name.split(".")[0]
        cure = 'run: pip install "micrograd_plus[export]"'
        raise ModuleNotFoundError(f"this export needs {needed}, which is not installed; {cure}") from None
