"""Watches a run of `train`, to say what it goes on from, and what is left of it if it ends before its time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from micrograd_plus.cli.output import program
from micrograd_plus.files import read_document
from micrograd_plus.train import Callback, Run

__all__ = ["Watch"]


class Watch(Callback):
    """A callback that knows the run, its checkpoint's file and the command that began it."""

    def __init__(self, path: Path, resume: bool, typed: Sequence[str]) -> None:
        self.path, self.resume = path, resume
        options = shlex.join(word for word in typed if word not in ("--force", "--resume"))
        self.again = f"{program()} {options} --resume"
        self.run: Run | None = None

    def on_start(self, run: Run) -> None:
        """Keeps the run, and tells what it goes on from; without `resume`, an older run's checkpoint is removed."""
        self.run = run
        if not self.resume:
            self.path.unlink(missing_ok=True)
        elif run.epoch:
            print(f"resumed from {self.path}: {run.epoch} of {run.epochs} epochs are done")
        else:
            print(f"nothing to resume: there is no {self.path}, so this begins with the first epoch")

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Returns a context in which an interrupt, or a file that can't be written, says what is left of the run."""
        try:
            yield
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted {self._left()}") from None
        except OSError as error:
            cure = "make room first, or name a folder elsewhere: --output FOLDER"
            raise OSError(f"{error}: training stopped {self._left()}; {cure}") from None

    def _left(self) -> str:
        if self.run is None:
            return "before the first epoch; nothing is saved"
        where = f"in epoch {self.run.epoch} of {self.run.epochs}"
        if not self.path.exists():
            return f"{where}, before a checkpoint; nothing is saved"
        saved = read_document(self.path, "checkpoint")["epoch"]
        return f"{where}; {self.path} holds epoch {saved}; go on with: {self.again}"
