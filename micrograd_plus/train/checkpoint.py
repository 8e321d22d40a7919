"""A checkpoint is all that training needs to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
import os
import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.data import Dataset
from micrograd_plus.train.files import read_document, write_document
from micrograd_plus.train.history import History

if TYPE_CHECKING:
    from micrograd_plus.nn import Module, Optimizer
    from micrograd_plus.train.callbacks import Callback, Run

__all__ = ["fingerprint", "load_checkpoint", "save_checkpoint"]

KIND = "checkpoint"


def save_checkpoint(
    path: str | os.PathLike[str], run: Run, settings: Mapping[str, Any], callbacks: Sequence[Callback] = ()
) -> None:
    """Writes the state of a run at the end of an epoch, atomically.

    That is: parameters, optimizer, the generators of random numbers, counters, history and what the callbacks keep;
    and `settings`, which say what the run was, so that it can't be mistaken for another.
    """
    content = {
        "settings": {**_identity(run, callbacks), **settings},
        "epoch": run.epoch,
        "iteration": run.iteration,
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random": {name: _state_of(rng) for name, rng in _generators(run.model)},
        "callbacks": [callback.state_dict() for callback in callbacks],
        "history": run.history.to_dict(),
    }
    write_document(path, KIND, content)


def load_checkpoint(
    path: str | os.PathLike[str], run: Run, settings: Mapping[str, Any], callbacks: Sequence[Callback] = ()
) -> None:
    """Puts a run, its model, optimizer and callbacks into the state that `save_checkpoint` wrote.

    Raises FileNotFoundError where there is no file, ValueError for one that is foreign or damaged, or of a run with
    other settings, another model or other data; then nothing is changed.
    """
    saved = read_document(path, KIND)
    now = {**_identity(run, callbacks), **settings}
    for name in dict.fromkeys([*now, *saved["settings"]]):
        before, wanted = saved["settings"].get(name), now.get(name)
        if before != wanted:
            raise ValueError(
                f"{os.fspath(path)} is of another run: there {name.replace('_', ' ')} is {before!r}, and here"
                f" {wanted!r}; resume with the same, or give another file to begin anew"
            )
    run.model.load_state_dict(saved["model"])
    run.optimizer.load_state_dict(saved["optimizer"])
    for name, rng in _generators(run.model):
        rng.setstate(_restored(saved["random"][name]))
    for callback, state in zip(callbacks, saved["callbacks"]):
        callback.load_state_dict(state)
    run.epoch, run.iteration = saved["epoch"], saved["iteration"]
    run.history = History.from_dict(saved["history"])


def _identity(run: Run, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    return {
        "data": fingerprint(run.data),
        "model": fingerprint_of_names(run.model.state_dict()),
        "optimizer": _words_of(run.optimizer),
        "random_generators": [name for name, _ in _generators(run.model)],
        "callbacks": [type(callback).__name__ for callback in callbacks],
    }


def fingerprint(data: Dataset) -> str:
    """A short text that tells data sets apart: their size, and a hash of every number in them.

    >>> from micrograd_plus.data import xor
    >>> fingerprint(xor())
    '4 x 2, 398b06e5d102'
    """
    digest = hashlib.sha256()
    for inputs, target in data:
        numbers = [*inputs, *(target if isinstance(target, list) else [target])]
        digest.update(struct.pack(f"<{len(numbers)}d", *numbers))
    return f"{len(data)} x {data.width}, {digest.hexdigest()[:12]}"


def fingerprint_of_names(state: Mapping[str, float]) -> str:
    """A short text that tells models apart by the names of their parameters."""
    return f"{len(state)} parameters, {hashlib.sha256(' '.join(state).encode()).hexdigest()[:12]}"


def _words_of(optimizer: Optimizer) -> str:
    """The optimizer with its options; a schedule is a function, and one can't be told from another."""
    return repr(optimizer) if not callable(optimizer.lr) else f"{type(optimizer).__name__}, {optimizer.options}"


# -------------------------------------------------------------------- generators of random numbers


def _generators(model: Module) -> Iterator[tuple[str, random.Random]]:
    """Every generator that a part of the model draws from, once, with a name: those of Dropout masks above all."""
    seen = set()
    for prefix, module in model.named_modules():
        for name, attribute in vars(module).items():
            rng = attribute.rng if isinstance(attribute, ops.Bernoulli) else attribute
            if isinstance(rng, random.Random) and rng not in seen:
                seen.add(rng)
                yield f"{prefix}{name}", rng


def _state_of(rng: random.Random) -> list[Any]:
    version, numbers, gauss = rng.getstate()
    return [version, list(numbers), gauss]


def _restored(state: list[Any]) -> tuple[Any, ...]:
    version, numbers, gauss = state
    return version, tuple(numbers), gauss
