"""A recorder films a training run: it keeps the parameters, evenly spaced in time, to be played afterwards."""

from __future__ import annotations

from typing import Any

from micrograd_plus.checks import whole_number
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.viz.player.film import Film, Frame
from micrograd_plus.viz.player.training_player import TrainingPlayer

__all__ = ["Recorder"]


class Recorder(Film, Callback):
    """Films a run: `fit(model, data, callbacks=[recorder])`, then `recorder.player()` or `TrainingPlayer(recorder)`.

    A frame is kept before the first update, after every `every` iterations, and at the end. Without `every` the film
    thins itself out: it begins with every iteration, and whenever it has more than `frames` it drops every other one
    and halves its rate, so that a run of any length leaves between half of `frames` and all of them, evenly spaced.

    What it keeps is a `Film`; a second run with the same recorder begins a new one. Raises ValueError for an `every`
    below 1, or `frames` below 2.

    >>> from micrograd_plus.data import xor
    >>> from micrograd_plus.nn import MLP
    >>> from micrograd_plus.train import fit
    >>> recorder = Recorder(every=5)
    >>> history = fit(MLP(2, [3, 1]), xor(), epochs=12, batch_size=4, callbacks=[recorder], progress=False)
    >>> [frame.iteration for frame in recorder.frames]
    [0, 5, 10, 12]
    """

    def __init__(self, every: int | None = None, *, frames: int = 160) -> None:
        super().__init__()
        self.every = None if every is None else whole_number("every, the iterations between frames,", every, least=1)
        self.limit = whole_number("frames, the frames a film has at most,", frames, least=2)
        self._stride = 1

    def on_start(self, run: Run) -> None:
        """Begins the film with the parameters as they are before the next update."""
        self.history, self.data, self._engine, self._model = run.history, run.data, run.engine, run.model
        self.threshold = run.objective.threshold or 0.0
        self.names = tuple(name for name, _ in run.model.named_parameters())
        self.frames, self._stride = [], self.every or 1
        self._keep(run)

    def on_iteration(self, run: Run) -> None:
        """Keeps a frame if it is time for one."""
        if run.iteration % self._stride:
            return
        self._keep(run)
        if self.every is None and len(self.frames) > self.limit:
            self._stride *= 2
            first = self.frames[0]
            self.frames = [first, *(each for each in self.frames[1:] if each.iteration % self._stride == 0)]

    def on_end(self, run: Run) -> None:
        """Keeps the last frame; where early stopping has put back an earlier epoch's parameters, those."""
        if self.frames[-1].iteration == run.iteration:
            self.frames.pop()
        self._keep(run)

    def _keep(self, run: Run) -> None:
        parameters = tuple(parameter.data for parameter in run.model.parameters())
        self.frames.append(Frame(run.epoch, run.iteration, parameters))

    def player(self, **options: Any) -> TrainingPlayer:
        """Returns the page that plays this film; see `TrainingPlayer`."""
        return TrainingPlayer(self, **options)
