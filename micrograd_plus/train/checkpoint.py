"""A checkpoint is all that training needs to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
import os
import random
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.files import read_document, remove_leftovers, write_document
from micrograd_plus.train.history import History

if TYPE_CHECKING:
    from micrograd_plus.nn import Optimizer
    from micrograd_plus.train.callbacks import Callback, Run

__all__ = ["Checkpoint", "fingerprint"]

KIND = "checkpoint"


class Checkpoint:
    """The file of a run: written after every so many epochs, atomically, and gone on from; without a path, nothing.

    It holds parameters, optimizer, generators of random numbers, counters, history and what the callbacks keep; and
    what the run is (`settings`, the data, the form of the model), so that it can't be mistaken for another.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, run: Run, settings: Mapping[str, Any],
        callbacks: Sequence[Callback] = (), every: int = 1,
    ) -> None:  # fmt: skip
        self.path, self.run, self.callbacks = path, run, callbacks
        self.every = whole_number("checkpoint_every", every, least=1)
        self.identity = {**_identity(run, callbacks), **settings} if path is not None else {}

    def save(self) -> None:
        """Writes the state of the run if it is time to: every so many epochs, and at the end."""
        run = self.run
        due = run.epoch % self.every == 0 or run.epoch == run.epochs or run.history.stopped
        if self.path is None or not due:
            return
        run.engine.sync()
        content = {
            "run": self.identity,
            "epoch": run.epoch,
            "iteration": run.iteration,
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "random": {name: _state_of(rng) for name, rng in run.model.generators()},
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "history": run.history.to_dict(),
        }
        write_document(self.path, KIND, content)

    def restore(self, resume: bool) -> None:
        """With `resume`, puts the run, its model, optimizer and callbacks into the state of the file, if there is one.

        Raises ValueError for a file that is foreign or damaged, or of another run; then nothing is changed. Also where
        there is no path to resume from.
        """
        if resume and self.path is None:
            raise ValueError("resume=True needs the file to go on from; pass checkpoint=... too")
        if not resume or self.path is None or not os.path.exists(self.path):
            return
        run, saved = self.run, read_document(self.path, KIND)
        remove_leftovers(self.path)
        self._refuse_another(saved["run"])
        run.model.load_state_dict(saved["model"])
        run.optimizer.load_state_dict(saved["optimizer"])
        for name, rng in run.model.generators():
            rng.setstate(_restored(saved["random"][name]))
        for callback, state in zip(self.callbacks, saved["callbacks"]):
            callback.load_state_dict(state)
        run.epoch, run.iteration = saved["epoch"], saved["iteration"]
        run.history = History.from_dict(saved["history"])
        run.history.stopped = ""  # a callback that stopped it may do so again
        run.engine.load()

    def _refuse_another(self, saved: Mapping[str, Any]) -> None:
        for name in dict.fromkeys([*self.identity, *saved]):
            before, now = saved.get(name), self.identity.get(name)
            if before != now:
                raise ValueError(
                    f"{self.path} is of another run: there {name.replace('_', ' ')} is {before!r}, and here {now!r};"
                    " resume with the same, or give another file to begin anew"
                )


def _identity(run: Run, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    return {
        "data": fingerprint(run.data),
        "model": _fingerprint_of_names(run.model.state_dict()),
        "optimizer": _words_of(run.optimizer),
        "random_generators": [name for name, _ in run.model.generators()],
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


def _fingerprint_of_names(state: Mapping[str, float]) -> str:
    """A short text that tells models apart by the names of their parameters."""
    return f"{len(state)} parameters, {hashlib.sha256(' '.join(state).encode()).hexdigest()[:12]}"


def _words_of(optimizer: Optimizer) -> str:
    """The optimizer with its options; a schedule is a function, and one can't be told from another."""
    return repr(optimizer) if not callable(optimizer.lr) else f"{type(optimizer).__name__}, {optimizer.options}"


# -------------------------------------------------------------------- generators of random numbers


def _state_of(rng: random.Random) -> list[Any]:
    version, numbers, gauss = rng.getstate()
    return [version, list(numbers), gauss]


def _restored(state: list[Any]) -> tuple[Any, ...]:
    version, numbers, gauss = state
    return version, tuple(numbers), gauss
