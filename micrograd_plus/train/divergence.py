"""When a loss stops being finite, the numbers so far tell the likely cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrograd_plus.train.engine import NonFiniteError

if TYPE_CHECKING:
    from micrograd_plus.train.callbacks import Run
    from micrograd_plus.train.history import History

__all__ = ["DivergenceError", "likely_causes"]

LARGE_INPUT = 50.0  # standardized features stay below 10; pixels from 0 to 16 still train
LARGE_TARGET = 1e3  # its squared error starts at a million, and the gradient at thousands
RISE = 10.0  # noise between batches moves a loss by less than this factor


class DivergenceError(NonFiniteError):
    """Training met a loss, a gradient or a new parameter that is not finite.

    `epoch` and `iteration` (both from 1) tell where, `causes` the likely reasons with their cures, `history` what
    happened before. The model keeps the parameters that it had before that iteration; where only the figures after an
    epoch could not be taken, those it had after.
    """

    def __init__(self, run: Run, what: str, kept: str = "before") -> None:
        self.epoch, self.iteration, self.history = run.epoch, run.iteration, run.history
        self.causes = likely_causes(run)
        super().__init__(
            f"training stopped in epoch {run.epoch}, iteration {run.iteration}, as a number is not finite: {what}."
            f" Likely cause: {'; or '.join(self.causes)}. The model keeps the parameters it had {kept} this iteration"
        )


def likely_causes(run: Run) -> list[str]:
    """What in the numbers of a run explains that its loss stopped being finite, with the cure of each; at least one."""
    found = [*_rising_loss(run.history, run.optimizer.rate), *_large_inputs(run), *_large_targets(run)]
    return found or ["an operation of the model or the loss left its domain on this batch, as its message tells"]


def _rising_loss(history: History, rate: float) -> list[str]:
    cure = f"try lr={rate / 10:g}, or bound the gradient with clip_norm=1"
    if not history.iterations:
        return [f"the learning rate {rate:g} is far too high; {cure}"] if rate > 1 else []
    lowest = min(history.iterations, key=lambda each: each.loss)
    last = history.iterations[-1]
    if last.loss <= RISE * abs(lowest.loss):
        return [f"the learning rate {rate:g} is high; {cure}"] if rate > 1 else []
    rise = f"the loss rose from {lowest.loss:.3g} (iteration {lowest.iteration}) to {last.loss:.3g}"
    return [f"the learning rate {rate:g} is too high, {rise}; {cure}"]


def _large_inputs(run: Run) -> list[str]:
    rows = [run.data.inputs[row] for row in run.rows]
    size, name = max((max(map(abs, column)), name) for name, column in zip(run.data.feature_names, zip(*rows)))
    if size <= LARGE_INPUT:
        return []
    return [f"the inputs are not scaled ({name} reaches {size:.3g}); use data.standardize"]


def _large_targets(run: Run) -> list[str]:
    targets = [run.data.targets[row] for row in run.rows]
    size = max(abs(each) for target in targets for each in (target if isinstance(target, list) else [target]))
    if run.data.is_classification or size <= LARGE_TARGET:
        return []
    return [f"the targets are not scaled ({run.data.target_name} reaches {size:.3g}); divide them by about that"]
