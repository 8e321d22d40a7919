"""A History is the record of a training run: every iteration's loss and rate, every epoch's figures."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.checks import counted, listed
from micrograd_plus.files import encoded, read_bytes, read_json, refused, write_atomically
from micrograd_plus.report import Report, Table, printable
from micrograd_plus.schema import Fields, Finite, ListOf, Names, Row, String, Whole

if TYPE_CHECKING:
    from micrograd_plus.viz.plots import Chart

__all__ = ["HISTORY", "Epoch", "History", "Iteration"]

HISTORY = Fields(
    iterations=ListOf(Row(epoch=Whole(), iteration=Whole(), loss=Finite(), rate=Finite(least=0))),
    epochs=ListOf(Row(epoch=Whole(), iteration=Whole(), figures=Names(Finite()))),
    stopped=String(),
).and_maybe(restored=Whole(), weights=String(), backend=String())
"""What `History.to_dict` returns, and its file holds."""


class Iteration(NamedTuple):
    """One batch through the network: its epoch and number (both from 1), its loss before the update, the rate used."""

    epoch: int
    iteration: int
    loss: float
    rate: float


class Epoch(NamedTuple):
    """One full cycle through the data: its number and that of its last iteration (both from 1), and its figures.

    `figures` holds "loss", the mean over the epoch's samples of the losses that its iterations saw, and what was
    measured at its end: "validation loss", "validation accuracy" and the like.
    """

    epoch: int
    iteration: int
    figures: dict[str, float]


@dataclass(repr=False)
class History(Report):
    """What happened in training, iteration by iteration and epoch by epoch.

    `history["validation loss"]` is a figure's column over the epochs, `history.losses` the loss of every iteration.
    `stopped` says why training ended before its last epoch; it is empty if it did not. `restored` is the number of the
    epoch whose parameters the model was given back at the end; 0 if it has those of the last. `weights` says what rows
    and classes weighed; it is empty if all counted alike. `backend` says what ran, and on what numbers, as in "numpy,
    float64" or "c, float32".

    >>> history = History()
    >>> history.iterations.append(Iteration(1, 1, 0.5, 0.1))
    >>> history.epochs.append(Epoch(1, 1, {"loss": 0.5, "validation accuracy": 0.75}))
    >>> history["validation accuracy"]
    [0.75]
    >>> history
    History(1 epoch, 1 iteration; loss 0.5, validation accuracy 0.75)
    """

    iterations: list[Iteration] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = ""
    restored: int = 0
    weights: str = ""
    backend: str = field(default="", compare=False)

    @property
    def losses(self) -> list[float]:
        """Returns the loss of every iteration, each taken before its update."""
        return [each.loss for each in self.iterations]

    @property
    def rates(self) -> list[float]:
        """Returns the learning rate of every iteration."""
        return [each.rate for each in self.iterations]

    @property
    def figures(self) -> tuple[str, ...]:
        """Returns the names of what was measured each epoch, "loss" first."""
        return tuple(dict.fromkeys(name for each in self.epochs for name in each.figures))

    def __getitem__(self, figure: str) -> list[float]:
        """Returns the values of a figure, one an epoch that has it. Raises KeyError for a name not in `figures`."""
        if figure not in self.figures:
            measured = listed(map(repr, self.figures), 20) or "nothing yet: no epoch has ended"
            raise KeyError(f"no figure {figure!r} was measured; there is {measured}")
        return [each.figures[figure] for each in self.epochs if figure in each.figures]

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        counts = f"{counted(len(self), 'epoch')}, {counted(len(self.iterations), 'iteration')}"
        ends = [(printable(name), self[name][:: len(self[name]) - 1 or 1]) for name in self.figures]
        course = ", ".join(f"{name} {' -> '.join(f'{value:.4g}' for value in pair)}" for name, pair in ends)
        stopped = f"stopped: {printable(self.stopped)}" if self.stopped else ""
        return f"History({'; '.join(filter(None, [counts, course, stopped, *self.remarks()]))})"

    __str__ = __repr__

    def remarks(self) -> list[str]:
        """Returns what the figures alone do not say: which epoch's parameters the model has, and what weighed how.

        The figures of a restored epoch are those that were measured at its end. Its "loss" is of the parameters before,
        and told as such where nothing was measured.

        >>> history = History(epochs=[Epoch(1, 4, {"loss": 0.5, "validation loss": 0.4})], restored=1)
        >>> history.remarks()
        ['the model has the parameters of epoch 1: validation loss 0.4']
        """
        found = [self.weights] if self.weights else []
        if self.restored:
            figures = dict(next((each.figures for each in self.epochs if each.epoch == self.restored), {}))
            in_its_course = figures.pop("loss", None)
            if not figures and in_its_course is not None:
                figures = {"mean loss in its course": in_its_course}
            told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            found.append(f"the model has the parameters of epoch {self.restored}: {told}")
        return found

    def title(self) -> str:
        """Returns the counts of epochs and iterations, and why they ended."""
        ended = f"stopped: {printable(self.stopped)}" if self.stopped else ""
        return "; ".join(filter(None, [counted(len(self), "epoch"), counted(len(self.iterations), "iteration"), ended]))

    def parts(self) -> list[str | Table]:
        """Returns the table of figures and the remarks: what a notebook shows."""
        return [self.table()]

    def table(self, rows: int | None = 20) -> Table:
        """Returns the figures, a row an epoch; where there are more than `rows` epochs, evenly chosen ones.

        The row of a restored epoch is always there, and the caption tells of it.

        >>> print(History(epochs=[Epoch(1, 4, {"loss": 0.5}), Epoch(2, 8, {"loss": 0.25})]).table())
        epoch  iteration  loss
        -----  ---------  ----
            1          4   0.5
            2          8  0.25
        """
        shown = self.epochs
        if rows is not None and len(shown) > rows:
            shown = [shown[round(i * (len(shown) - 1) / (rows - 1))] for i in range(rows)] if rows > 1 else shown[-1:]
            shown = [each for each in self.epochs if each in shown or each.epoch == self.restored]
        lines = []
        for each in shown:
            cells = [f"{each.figures[name]:.4g}" if name in each.figures else "" for name in self.figures]
            lines.append((str(each.epoch), str(each.iteration), *cells))
        headers = ("epoch", "iteration", *self.figures)
        return Table(headers, tuple(lines), tuple(range(len(headers))), "; ".join(self.remarks()))

    def plot(self, **options: Any) -> Chart:
        """Returns the curves of all its losses as a Matplotlib figure; see `micrograd_plus.viz.plots.loss_curves`.

        Raises ModuleNotFoundError, with the cure, where Matplotlib is not installed.
        """
        from micrograd_plus.viz.plots import loss_curves

        losses = tuple(figure for figure in self.figures if figure.endswith("loss"))
        return loss_curves(self, **{"figures": losses, **options})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Returns the path, once the history is written there: all for `.json`, a line an iteration for `.csv`.

        Any other suffix is a picture of the loss curves (`.png`, `.svg`, `.pdf`). The file is written atomically.
        Raises ValueError for a path without a suffix, or where `load` would refuse the file.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix == ".json":
            content = self.to_dict()
            with refused(path, "is not written"):
                _check(content)
            return write_atomically(path, encoded(json.dumps(content, indent=1) + "\n"))
        if suffix == ".csv":
            return write_atomically(path, encoded(self._csv()))
        if not suffix:
            raise ValueError(f"{str(path)!r} has no suffix; use .json or .csv for numbers, .svg or .png for a picture")
        return self.plot().save(path)

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = [f"epoch's {name}".replace("\0", "\ufffd") for name in self.figures]  # CSV has no NUL
        writer.writerow(["epoch", "iteration", "loss", "rate", *names])
        ends = {each.iteration: each.figures for each in self.epochs}
        for each in self.iterations:
            figures = ends.get(each.iteration, {})
            writer.writerow([*each, *(figures.get(name, "") for name in self.figures)])
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Returns the history as lists and dicts, which JSON keeps to the last bit."""
        iterations, epochs = [*map(list, self.iterations)], [*map(list, self.epochs)]
        more = {name: each for name in ("restored", "weights", "backend") if (each := getattr(self, name))}
        return {"iterations": iterations, "epochs": epochs, "stopped": self.stopped, **more}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> History:
        """Returns the History that `to_dict` wrote. Raises ValueError, with the place, for anything else."""
        _check(saved)
        iterations = [Iteration(e, i, float(loss), float(rate)) for e, i, loss, rate in saved["iterations"]]
        epochs = [Epoch(e, i, {name: float(figure) for name, figure in f.items()}) for e, i, f in saved["epochs"]]
        return cls(iterations, epochs, saved["stopped"], saved.get("restored", 0), saved.get("weights", ""),
                   saved.get("backend", ""))  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """Returns the History in a `.json` file that `save` wrote.

        Raises FileNotFoundError where there is none, ValueError, with the place in it, for any other file.
        """
        with refused(path, "holds no history"):
            return cls.from_dict(read_json(read_bytes(path, "history")))


def _check(saved: Any) -> None:
    """Raises ValueError unless it is as the schema says, and its iterations and epochs are counted upwards."""
    HISTORY.check(saved)
    for part, step in (("iterations", 0), ("epochs", 1)):
        for i, (before, row) in enumerate(pairwise(saved[part]), 1):
            if row[0] < before[0] + step or row[1] <= before[1]:
                raise ValueError(
                    f"{part}[{i}] is of epoch {row[0]}, iteration {row[1]}, after {before[0]}, {before[1]}"
                )
