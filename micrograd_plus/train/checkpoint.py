"""A checkpoint is all that training needs to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from micrograd_plus.checks import flat, whole_number
from micrograd_plus.data import Dataset
from micrograd_plus.errors import short
from micrograd_plus.files import encoded, read_document, refused, remove_leftovers, write_document
from micrograd_plus.nn import Optimizer
from micrograd_plus.nn.losses import loss_name
from micrograd_plus.schema import Fields, Finite, ListOf, Maybe, Names, Plain, Row, String, Whole
from micrograd_plus.train.callbacks import Run
from micrograd_plus.train.history import HISTORY, History

__all__ = ["CHECKPOINT", "Checkpoint", "Keeper", "fingerprint"]

_KIND = "checkpoint"

CHECKPOINT = Fields(
    run=Names(Plain()),
    epoch=Whole(),
    iteration=Whole(),
    model=Names(Finite()),
    optimizer=Fields(optimizer=String(), t=Whole(), state=Names(ListOf(Finite()))),
    random=Names(Row(version=Whole(3, 3), state=ListOf(Whole(most=2**32 - 1), length=625), gauss=Maybe(Finite()))),
    callbacks=ListOf(Names(Plain())),
    history=HISTORY,
)
"""What a checkpoint's file holds.

`run` is what must be the same for a run to go on from it, `random` the `getstate()` of each generator in the model,
`callbacks` what each one keeps.
"""


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
            "model": f"{len(names)} parameters, {hashlib.sha256(encoded(' '.join(names))).hexdigest()[:12]}",
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
        write_document(self.checkpoint.path, _KIND, self.content(), CHECKPOINT)

    def content(self) -> dict[str, Any]:
        """Returns the state of the run, as `CHECKPOINT` says."""
        run = self.run
        return {
            "run": self.identity,
            "epoch": run.epoch,
            "iteration": run.iteration,
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "random": {name: rng.getstate() for name, rng in run.model.generators()},
            "callbacks": [callback.state_dict() for callback in run.callbacks],
            "history": run.history.to_dict(),
        }

    def resume(self) -> None:
        """Puts the run, its model, optimizer and callbacks into the state of the file, if that is wanted and there.

        Raises ValueError for a file that is foreign or damaged, or of another run; then nothing is changed.
        """
        path, run = self.checkpoint.path, self.run
        if not self.checkpoint.resume or not os.path.exists(path):
            return
        saved = read_document(path, _KIND, CHECKPOINT)
        self._refuse_another(saved["run"])
        back = run.mark()
        try:
            self._take_up(saved)
        except BaseException:
            back()
            raise
        remove_leftovers(path)
        run.engine.load()

    def _refuse_another(self, before: Mapping[str, Any]) -> None:
        """Raises ValueError unless the file is of this run."""
        if isinstance(before.get("loss"), str):
            before = {**before, "loss": loss_name(before["loss"])}  # version 0.1 kept the function's name
        for name in dict.fromkeys([*self.identity, *before]):
            if before.get(name) != self.identity.get(name):
                what = name.replace("_", " ") if name in self.identity else short(name)
                values = [short(each.get(name), 400) for each in (before, self.identity)]
                there = f"there {what} is {values[0]}, and here {values[1]}"
                cure = "resume with the same, or give another file to begin anew"
                raise ValueError(f"{os.fspath(self.checkpoint.path)} is of another run: {there}; {cure}")

    def _take_up(self, saved: Mapping[str, Any]) -> None:
        """Puts the run into a state; raises ValueError that names the file and the place, perhaps halfway."""
        run = self.run
        for name, part in (("model", run.model), ("optimizer", run.optimizer)):
            with self._refused(name):
                part.load_state_dict(saved[name])
        generators = dict(run.model.generators())
        with self._refused("random"):
            _refuse_unequal(list(generators), list(saved["random"]))
        for name, rng in generators.items():
            with self._refused(f"random[{name!r}]"):
                version, numbers, gauss = saved["random"][name]
                rng.setstate((version, tuple(numbers), gauss))
        with self._refused("callbacks"):
            _refuse_unequal(len(run.callbacks), len(saved["callbacks"]))
        with self._refused("history"):
            history = _history(saved)
            _refuse_unequal(run.history.weights, history.weights)
            self._tell_another_backend(run.history.backend, history.backend)
            history.backend = run.history.backend
            run.history = history
        run.epoch, run.iteration = saved["epoch"], saved["iteration"]
        for i, (callback, state) in enumerate(zip(run.callbacks, saved["callbacks"])):
            with self._refused(f"callbacks[{i}] ({type(callback).__name__})"):
                callback.load_state_dict(state)
                callback.check_state(run)

    def _tell_another_backend(self, here: str, there: str) -> None:
        if here not in ([there] if there else _WIDE):
            began = there or "numpy or eager, float64"
            warnings.warn(
                f"{os.fspath(self.checkpoint.path)} was written by a run on {began}, and goes on on {here}: from"
                " here on the last digits are other ones; use the same backend and dtype for the very same numbers",
                stacklevel=5,
            )

    def _refused(self, place: str) -> AbstractContextManager[None]:
        return refused(self.checkpoint.path, f"can't be used: {place}")


_WIDE = ("numpy, float64", "eager, float64")
"""What a run may have been on whose file does not say it: those of version 0.2 did so for C alone."""


def _history(saved: Mapping[str, Any]) -> History:
    """The history in a file, which must end where the counts are, if there is one: a callback may have emptied it."""
    history = History.from_dict(saved["history"])
    history.stopped = ""  # a callback that stopped it may do so again
    for end in [*history.epochs[-1:], *history.iterations[-1:]]:
        counts = {name: getattr(end, name) for name in ("epoch", "iteration")}
        _refuse_unequal({name: saved[name] for name in counts}, counts)
    return history


def _refuse_unequal(here: Any, there: Any) -> None:
    if here != there:
        raise ValueError(f"needed is {short(here)}, but there is {short(there)}")


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
