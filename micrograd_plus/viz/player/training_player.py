"""The training player: a web page with a time line through a training run, or through several side by side."""

from __future__ import annotations

import base64
import math
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from struct import pack
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import flat
from micrograd_plus.train.metrics import class_of
from micrograd_plus.viz.player.page import Page
from micrograd_plus.viz.ranges import evenly, padded
from micrograd_plus.words import number

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset
    from micrograd_plus.train.engine import Prediction
    from micrograd_plus.viz.player.recorder import Frame, Recorder

__all__ = ["TrainingPlayer"]

POINTS = 2000  # drawn at most of the data, and of a loss curve
CURVE = 121  # the points of a fitted curve (one input)
BYTES = 40_000_000  # a film may hold before it is packed: beyond it a browser tab gets slow


class TrainingPlayer(Page):
    """A page that plays films of training, as `Recorder`s made them: several recorders stand side by side.

    It shows the network with its weights, the decision boundary (two inputs) or the fit (one input), as the engine that
    trained it computes them, and the loss with a cursor. `names` are the runs' names, `title` heads the page;
    `resolution` is how many cells a decision boundary has along each side.

    Raises ValueError for no recorder, one without frames, other numbers of names than of recorders, or a film that is
    too large for a page; TypeError for what is not a Recorder.
    """

    name, unit, part, height = "training", "frame", "epoch", 760
    scripts = ("paint.js", "training.js")

    def __init__(self, *recorders: Recorder, names: Sequence[str] = (), title: str = "", resolution: int = 48) -> None:
        if not recorders:
            raise ValueError("there is no film to play: pass a Recorder that was in fit(..., callbacks=[recorder])")
        for recorder in recorders:
            if not hasattr(recorder, "frames"):
                raise TypeError(f"a training player needs Recorders, but got {type(recorder).__name__}: {recorder!r}")
            if not recorder.frames:
                raise ValueError("this Recorder has no frames yet: pass it to fit(..., callbacks=[recorder]) first")
        if names and len(names) != len(recorders):
            raise ValueError(f"there are {len(recorders)} films but {len(names)} names; give each film one")
        numbered = [f"run {i}" for i in range(1, len(recorders) + 1)] if len(recorders) > 1 else [""]
        self.runs = [_Reel(recorder, str(name), resolution) for recorder, name in zip(recorders, names or numbered)]
        self.title = title or f"Training on {recorders[0].run.data.name}"

    def __repr__(self) -> str:
        frames = ", ".join(f"{run.name or 'one run'} of {len(run.frames)} frames" for run in self.runs)
        return f"<TrainingPlayer: {frames}>"

    def data(self) -> Mapping[str, Any]:
        """Returns the films as the page reads them."""
        return {"runs": [run.as_data() for run in self.runs]}


class _Reel:
    """One film as the page reads it: packed numbers, and where in time each frame is."""

    def __init__(self, film: Recorder, name: str, resolution: int) -> None:
        self.film, self.name, self.resolution, self.frames = film, name, resolution, film.frames
        self.data, self.history = film.run.data, film.run.history
        self.threshold = film.run.objective.threshold or 0.0
        cells = {1: CURVE * 2, 2: resolution**2}.get(self.data.width, 0)
        size = len(self.frames) * (cells + 2 * len(film.names))
        if size > BYTES:
            raise ValueError(
                f"this film takes {size / 1e6:.0f} MB, and a page plays {BYTES / 1e6:.0f} MB at most; record fewer"
                f" frames, as in Recorder(frames={max(2, len(self.frames) * BYTES // size)})"
            )

    def as_data(self) -> dict[str, Any]:
        numbers = [each for frame in self.frames for each in frame.parameters]
        largest = max(map(abs, numbers), default=0.0) or 1.0
        return {
            "name": self.name,
            "times": [round(self._epochs_after(frame.iteration), 6) for frame in self.frames],
            "frames": [self._frame(frame) for frame in self.frames],
            "names": self.film.names,
            "layers": _layers(self.film.names),
            "largest": largest,
            "weights": _packed("h", (round(each / largest * 32767) for each in numbers)),
            "losses": self._losses(),
            "plane": self._plane() if self.data.width == 2 else None,
            "fit": self._fit() if self.data.width == 1 else None,
        }

    def _epochs_after(self, iteration: int) -> float:
        """Where a moment is on the time line, in epochs; one that was not finished is as long as the first."""
        ends = [0, *(epoch.iteration for epoch in self.history.epochs)]
        ends.append(ends[-1] + (ends[1] if len(ends) > 1 else len(self.history.iterations) or 1))
        whole = min(bisect_right(ends, iteration), len(ends) - 1) - 1
        return whole + (iteration - ends[whole]) / (ends[whole + 1] - ends[whole])

    def _frame(self, frame: Frame) -> list[Any]:
        """What is printed of a frame: its epoch, its iteration, and the figures known by then."""
        done = [epoch for epoch in self.history.epochs if epoch.iteration <= frame.iteration]
        figures = {name: number(value) for name, value in (done[-1].figures if done else {}).items()}
        loss = number(self.history.iterations[frame.iteration - 1].loss) if frame.iteration else ""
        return [frame.epoch, frame.iteration, loss, figures]

    def _losses(self) -> dict[str, list[list[float]]]:
        """Each curve as its times and heights; of a long run each point is the mean of some iterations."""
        every = [(self._epochs_after(i), each.loss) for i, each in enumerate(self.history.iterations, 1)]
        bucket = math.ceil(len(every) / POINTS) or 1
        groups = [every[i : i + bucket] for i in range(0, len(every), bucket)]
        means = [(group[-1][0], sum(loss for _, loss in group) / len(group)) for group in groups]
        curves = {"loss of each batch": means}
        for figure in self.history.figures:
            if figure.endswith("loss"):
                epochs = enumerate(self.history.epochs, 1)
                curves[figure] = [(float(i), each.figures[figure]) for i, each in epochs if figure in each.figures]
        return {name: [_short(column) for column in zip(*points)] for name, points in curves.items() if points}

    def _plane(self) -> dict[str, Any]:
        """The plane in cells: for each frame and cell the class (times 16) and how decided it is (0 to 15)."""
        across, up = (evenly(padded(column, 0.12), self.resolution) for column in zip(*self.data.inputs))
        cells = [[x, y] for y in reversed(up) for x in across]
        films = self.film.predictions(cells)
        codes = (16 * kind + round(15 * decided) for frame in films for kind, decided in map(self._said, frame))
        kind_of = int if self.data.is_classification else lambda target: self._said(target)[0]
        sides = (f"{self.data.target_name} {side} {number(self._middle[0])}" for side in ("below", "above"))
        return {
            "side": self.resolution, "cells": _packed("B", codes),
            "ranges": [[across[0], across[-1]], [up[0], up[-1]]],
            "names": list(self.data.feature_names),
            "points": [[*_short(row), kind_of(target)] for row, target in _some(self.data)],
            "classes": list(self.data.classes) or list(sides),
        }  # fmt: skip

    @cached_property
    def _middle(self) -> tuple[float, float]:
        """The middle of the targets and half of their range."""
        targets = [next(flat(target)) for target in self.data.targets]
        low, high = min(targets), max(targets)
        return (low + high) / 2, (high - low) / 2 or 1.0

    def _said(self, prediction: Prediction) -> tuple[int, float]:
        """The class that a prediction stands for, or its side of the targets' middle, and how decided it is, 0 to 1."""
        if not self.data.is_classification:
            middle, half = self._middle
            lead = next(flat(prediction)) - middle
            return int(lead > 0), min(1.0, abs(lead) / half)
        kind = class_of(prediction, self.threshold)
        if isinstance(prediction, list):
            largest = max(prediction)
            share = 1 / sum(math.exp(each - largest) for each in prediction)  # softmax of the largest
            return kind, (share - 1 / len(prediction)) / (1 - 1 / len(prediction))
        lead = abs(prediction - self.threshold)
        return kind, min(1.0, 2 * lead) if self.threshold else math.tanh(lead / 2)  # tanh(z/2) = 2 sigmoid(z) - 1

    def _fit(self) -> dict[str, Any]:
        """The fitted curve: for each frame its height at evenly set points, in parts of 32,767 of the range."""
        across = evenly(padded((row[0] for row in self.data.inputs), 0.12), CURVE)
        outputs = [[list(flat(value)) for value in frame] for frame in self.film.predictions([[x] for x in across])]
        targets = [number for target in self.data.targets for number in flat(target)]
        low, high = padded(targets, 0.25)
        every = (value for frame in outputs for column in zip(*frame) for value in column)
        heights = (round((min(max(value, low), high) - low) / (high - low) * 32767) for value in every)
        return {
            "count": CURVE, "outputs": len(outputs[0][0]), "curves": _packed("h", heights),
            "ranges": [[across[0], across[-1]], [low, high]],
            "names": [self.data.feature_names[0], self.data.target_name],
            "points": [_short([*row, *flat(target)]) for row, target in _some(self.data)],
        }  # fmt: skip


def _packed(kind: str, numbers: Iterable[int]) -> str:
    """Small whole numbers as compressed base64: `B` a byte each, `h` two, little-endian."""
    values = list(numbers)
    return base64.b64encode(zlib.compress(pack(f"<{len(values)}{kind}", *values), 9)).decode()


def _short(values: Iterable[float]) -> list[float]:
    """Numbers to five digits, which is finer than a pixel."""
    return [float(f"{value:.5g}") for value in values]


def _some(data: Dataset) -> list[Any]:
    """The examples, or evenly chosen ones of many."""
    return list(data)[:: math.ceil(len(data) / POINTS)]


_OF_A_NEURON = re.compile(r"(?P<layer>.*?)\.?neurons\.(?P<neuron>\d+)\.(?P<what>weights|bias)(\.\d+)?")


def _layers(names: Sequence[str]) -> list[dict[str, Any]]:
    """The parameters as layers: each with its rows of places in the list of parameters, a row a neuron, and its biases.

    What is not a neuron's becomes a layer of one row, named by the module it is in.
    """
    found: list[tuple[str, dict[str, list[int]], dict[str, int]]] = []
    for place, name in enumerate(names):
        match = _OF_A_NEURON.fullmatch(name)
        layer = match["layer"] if match else re.sub(r"\.?[^.\d][^.]*(\.\d+)*$", "", name)
        neuron = match["neuron"] if match else ""
        if not found or found[-1][0] != layer:
            found.append((layer, {}, {}))
        _, rows, biases = found[-1]
        if match and match["what"] == "bias":
            biases[neuron] = place
        else:
            rows.setdefault(neuron, []).append(place)
    return [
        {"name": layer, "rows": list(rows.values()), "biases": [biases.get(neuron, -1) for neuron in rows]}
        for layer, rows, biases in found
    ]
