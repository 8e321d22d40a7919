"""A film of a training run: the parameters, evenly spaced in time, and what the network said of any input then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.nn import Module
    from micrograd_plus.train import History
    from micrograd_plus.train.engine import Engine, Prediction

__all__ = ["Film", "Frame"]


@dataclass(frozen=True)
class Frame:
    """A moment of a run: the parameters, in the order of `Film.names`, after `iteration` updates.

    Iteration 0 is the moment before the first update, and epoch 0 with it.
    """

    epoch: int
    iteration: int
    parameters: tuple[float, ...]


class Film:
    """What a `Recorder` kept of a run: `frames`, and `names`, those of the parameters.

    `history`, `data` and `threshold` (above which a single output means class 1) are the run's.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.names: tuple[str, ...] = ()
        self.history: History
        self.data: Dataset
        self.threshold = 0.0
        self._engine: Engine
        self._model: Module

    def predictions(self, inputs: list[list[float]]) -> list[list[Prediction]]:
        """Returns, for each frame, the predictions of the run's own engine for each row of inputs.

        The model's parameters are as before afterwards.
        """
        parameters = self._model.parameters()
        before = [parameter.data for parameter in parameters]
        try:
            found = []
            for frame in self.frames:
                self._set(frame.parameters)
                found.append(self._engine.predict(inputs))
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
        for parameter, number in zip(self._model.parameters(), numbers):
            parameter.data = number
        self._engine.load()
