"""A recorder films a training run: it keeps the parameters, evenly spaced in time, to be played afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from micrograd_plus.checks import whole_number
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.train.engine import Prediction
from micrograd_plus.viz.player.training_player import TrainingPlayer

__all__ = ["Frame", "Recorder"]


class Frame(NamedTuple):
    """A moment of a run: the parameters, in the order of `Recorder.names`, after `iteration` updates.

    Iteration 0 is the moment before the first update, and epoch 0 with it.
    """

    epoch: int
    iteration: int
    parameters: tuple[float, ...]


class Recorder(Callback):
    """Films a run: `fit(model, data, callbacks=[recorder])`, then `recorder.player()` or `TrainingPlayer(recorder)`.

    A frame is kept before the first update, after every `every` iterations, and at the end. Without `every` the film
    thins itself out: it begins with every iteration, and whenever it has more than `frames` it drops every other one
    and halves its rate, so that a run of any length leaves between half of `frames` and all of them, evenly spaced.

    `frames` are what it kept, `names` the parameters' names, `run` the run; a second run begins a new film. Raises
    ValueError for an `every` below 1, or `frames` below 2.

    >>> from micrograd_plus.data import xor
    >>> from micrograd_plus.nn import MLP
    >>> from micrograd_plus.train import fit
    >>> recorder = Recorder(every=5)
    >>> history = fit(MLP(2, [3, 1]), xor(), epochs=12, batch_size=4, callbacks=[recorder], progress=False)
    >>> [frame.iteration for frame in recorder.frames]
    [0, 5, 10, 12]
    """

    run: Run

    def __init__(self, every: int | None = None, *, frames: int = 160) -> None:
        self.every = None if every is None else whole_number("every, the iterations between frames,", every, least=1)
        self.limit = whole_number("frames, the frames a film has at most,", frames, least=2)
        self.frames: list[Frame] = []
        self.names: tuple[str, ...] = ()

    def on_start(self, run: Run) -> None:
        """Begins the film with the parameters as they are before the next update."""
        self.run, self.frames, self._stride = run, [], self.every or 1
        self.names = tuple(name for name, _ in run.model.named_parameters())
        self._keep(run)

    def on_iteration(self, run: Run) -> None:
        """Keeps a frame if it is time for one."""
        if run.iteration % self._stride:
            return
        self._keep(run)
        if self.every is None and len(self.frames) > self.limit:
            self._stride *= 2
            first, *others = self.frames
            self.frames = [first, *(each for each in others if each.iteration % self._stride == 0)]

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

    def predictions(self, inputs: list[list[float]]) -> list[list[Prediction]]:
        """Returns, for each frame, the predictions of the run's own engine for each row of inputs.

        The model's parameters are as before afterwards.
        """
        before = [parameter.data for parameter in self.run.model.parameters()]
        try:
            found = []
            for frame in self.frames:
                self._set(frame.parameters)
                found.append(self.run.engine.predict(inputs))
            return found
        finally:
            self._set(before)

    def rewind(self, iteration: int) -> Frame:
        """Returns the last frame at or before `iteration` updates, after it has set the model back to it.

        From there another `fit` can go on with another rate or optimizer, and the two films be compared. Only the
        parameters go back: an optimizer's averages are those of a new optimizer's beginning, if you pass a new one.
        Raises ValueError for an iteration before the first frame.
        """
        earlier = [frame for frame in self.frames if frame.iteration <= iteration]
        if not earlier:
            first = self.frames[0].iteration if self.frames else None
            raise ValueError(f"there is no frame at or before iteration {iteration}; the first is {first}")
        self._set(earlier[-1].parameters)
        return earlier[-1]

    def _set(self, numbers: Sequence[float]) -> None:
        for parameter, number in zip(self.run.model.parameters(), numbers):
            parameter.data = number
        self.run.engine.load()
