"""A checkpoint is all that training needs to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from micrograd_plus.checks import flat, whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.files import read_document, remove_leftovers, write_document
from micrograd_plus.nn import Optimizer
from micrograd_plus.nn.losses import loss_name
from micrograd_plus.train.callbacks import Run
from micrograd_plus.train.history import History

__all__ = ["Checkpoint", "Keeper", "fingerprint"]

_KIND = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """The file that a run is kept in: `fit(..., checkpoint=Checkpoint("run.json", every=10, resume=True))`.

    It is written after every `every` epochs and after the last, atomically: a kill leaves the old file or the new one.
    With `resume` a run goes on from the file, if there is one, bit for bit as if it had never stopped. Raises TypeError
    for a path that is none, TypeError or ValueError for an `every` that is no whole number of at least 1.
    """

    path: str | os.PathLike[str]
    every: int = 1
    resume: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.path, (str, os.PathLike)):
            raise TypeError(f"a checkpoint is the path of a file, or a Checkpoint, but got {self.path!r}; name a file")
        whole_number("every, the epochs between checkpoints,", self.every, least=1)


class Keeper:
    """Keeps a run in its checkpoint's file, and takes it up from there.

    The file holds parameters, optimizer, generators of random numbers, counters, history and what the callbacks keep;
    and what the run is (`settings`, the data, the form of the model), so that it can't be mistaken for another.
    """

    def __init__(self, to: str | os.PathLike[str] | Checkpoint, run: Run, settings: Mapping[str, Any]) -> None:
        self.checkpoint = to if isinstance(to, Checkpoint) else Checkpoint(to)
        self.run, optimizer, names = run, run.optimizer, list(run.model.state_dict())
        # a schedule is a function, and one can't be told from another
        scheduled = f"{type(optimizer).__name__}, {optimizer.options}" if any(map(callable, optimizer.lrs)) else None
        self.identity = {
            "data": ", ".join(filter(None, [fingerprint(run.data), run.history.weights])),
            "model": f"{len(names)} parameters, {hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}",
            "optimizer": (scheduled or repr(optimizer)) + _grouping(optimizer),
            "random_generators": [name for name, _ in run.model.generators()],
            "callbacks": [type(callback).__name__ for callback in run.callbacks],
            "loss": run.objective.name,
            **settings,
        }

    def keep(self) -> None:
        """Writes the state of the run if it is time to: every so many epochs, and at the end."""
        run = self.run
        if run.epoch % self.checkpoint.every and run.epoch != run.epochs and not run.history.stopped:
            return
        run.engine.sync()
        content = {
            "run": self.identity,
            "epoch": run.epoch,
            "iteration": run.iteration,
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "random": {name: rng.getstate() for name, rng in run.model.generators()},
            "callbacks": [callback.state_dict() for callback in run.callbacks],
            "history": run.history.to_dict(),
        }
        write_document(self.checkpoint.path, _KIND, content)

    def resume(self) -> None:
        """Puts the run, its model, optimizer and callbacks into the state of the file, if that is wanted and there.

        Raises ValueError for a file that is foreign or damaged, or of another run; then nothing is changed.
        """
        path, run = self.checkpoint.path, self.run
        if not self.checkpoint.resume or not os.path.exists(path):
            return
        saved = read_document(path, _KIND)
        remove_leftovers(path)
        before = {**saved["run"], "loss": loss_name(saved["run"]["loss"])}  # version 0.1 kept the function's name
        for name in dict.fromkeys([*self.identity, *before]):
            if before.get(name) != self.identity.get(name):
                there = f"there {name.replace('_', ' ')} is {before.get(name)!r}, and here {self.identity.get(name)!r}"
                cure = "resume with the same, or give another file to begin anew"
                raise ValueError(f"{path} is of another run: {there}; {cure}")
        run.model.load_state_dict(saved["model"])
        run.optimizer.load_state_dict(saved["optimizer"])
        for name, rng in run.model.generators():
            version, numbers, gauss = saved["random"][name]
            rng.setstate((version, tuple(numbers), gauss))
        for callback, state in zip(run.callbacks, saved["callbacks"]):
            callback.load_state_dict(state)
        run.epoch, run.iteration = saved["epoch"], saved["iteration"]
        run.history = History.from_dict(saved["history"])
        run.history.stopped = ""  # a callback that stopped it may do so again
        run.engine.load()


def _grouping(optimizer: Optimizer) -> str:
    """Which parameters have which settings of their own, as a hash; "" where all have the same."""
    if not optimizer.frozen and not any(group.own for group in optimizer.groups):
        return ""
    own = [
        [group.members, [(name, "a schedule" if callable(each) else each) for name, each in group.own.items()]]
        for group in optimizer.groups
    ]
    frozen = [parameter.label for parameter in optimizer.frozen]
    return f", groups {hashlib.sha256(repr([own, frozen]).encode()).hexdigest()[:12]}"


def fingerprint(data: Dataset) -> str:
    """Returns a short text that tells data sets apart: their size, and a hash of every number and weight in them.

    >>> from micrograd_plus.data import xor
    >>> fingerprint(xor())
    '4 x 2, 398b06e5d102'
    """
    digest = hashlib.sha256()
    for inputs, target in data:
        numbers = [*inputs, *flat(target)]
        digest.update(struct.pack(f"<{len(numbers)}d", *numbers))
    digest.update(struct.pack(f"<{len(data.weights or [])}d", *(data.weights or [])))
    return f"{len(data)} x {data.width}, {digest.hexdigest()[:12]}"
