"""The learner's own model for a page: lifted from its graph, written in JavaScript, and drawn as nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from micrograd_plus.checks import flat
from micrograd_plus.compiler import CompileError
from micrograd_plus.compiler.frontend import compile_graph, watched
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trial import trial
from micrograd_plus.data import Dataset
from micrograd_plus.functions import dot
from micrograd_plus.nn import Module, Optimizer
from micrograd_plus.nn.losses import LOSSES
from micrograd_plus.operation import Bernoulli
from micrograd_plus.train.compiled import CompiledEngine
from micrograd_plus.train.objectives import Objective, outputs_of
from micrograd_plus.value import Value
from micrograd_plus.viz.live.drawing import Drawing
from micrograd_plus.viz.live.emitted import loss_script, program_object

__all__ = ["Lifted"]

CHARACTERS = 1_000_000
"""So many characters a program in a page may have."""


class Lifted:
    """A model as programs of one example: in training, with its gradient, and in use, with the number of each node.

    Raises CompileError, with the reason, for a model that can't be compiled, or whose program is not what it is itself.
    """

    def __init__(self, model: Module, data: Dataset, objective: Objective, optimizer: Optimizer) -> None:
        self.model, self.data, self.objective = model, data, objective
        self.parameters, self.words = model.parameters(), repr(model)
        self.start = [each.data for each in self.parameters]
        self.outputs = outputs_of(model, data)
        try:
            CompiledEngine(model, objective.loss, optimizer).prepare(data)
            self.use, self.drawing = self._use()
            self.training, self.draws, self.states = self._training()
            text = program_object(self.training) + program_object(self.use)
        except CompileError as error:
            raise CompileError(f"a page can't run this {type(model).__name__}: {error}") from error
        if len(text) > CHARACTERS:
            size = f"{len(text):,} characters of JavaScript, more than the {CHARACTERS:,} of a page"
            raise CompileError(f"this {type(model).__name__} makes {size}; make it smaller, or of layers")

    # ------------------------------------------------------------ programs

    def _use(self) -> tuple[Program, Drawing]:
        """The program of the outputs and the nodes in use, and the drawing of these."""
        with _mode(self.model, False), trial(self.model):
            inputs = self._inputs()
            outputs, _ = watched(lambda row: _listed(self.model(row)), [inputs], self.parameters)
            drawing = Drawing(inputs, outputs, self.parameters)
            program = compile_graph([*outputs, *drawing.units], [inputs], self.parameters, ["x"])
        return program, drawing

    def _training(self) -> tuple[Program, list[dict[str, Any]], list[tuple[int, ...]]]:
        """The program of a sum of the outputs, weighed by further inputs, and of them; and its random leaves.

        The weights are the slopes of whatever loss follows. A random leaf is told as its generator's number, how it is
        drawn, and the node that it drops (-1 where that can't be told); then come the generators' states.
        """
        with _mode(self.model, True), trial(self.model):
            inputs, slopes = self._inputs(), [Value(1.0, f"slope{i}") for i in range(self.outputs or 1)]
            outputs, random = watched(lambda row: _listed(self.model(row)), [inputs], self.parameters)
            target = [dot(slopes, outputs), *outputs]
            program = compile_graph(target, [inputs, slopes], self.parameters, ["x", "slope"], random)
            alike = Drawing(inputs, outputs, self.parameters)
            is_alike = alike.described()["edges"] == self.drawing.described()["edges"]
            dropped = alike.dropped() if is_alike else {}
        drawn = [(each, each.op) for each in random if isinstance(each.op, Bernoulli)]
        generators = list(dict.fromkeys(op.rng for _, op in drawn))
        draws = [
            {"generator": generators.index(op.rng), "keep": op.keep, "scale": op.scale, "node": dropped.get(each, -1)}
            for each, op in drawn
        ]
        return program, draws, [rng.getstate()[1] for rng in generators]

    def _inputs(self) -> list[Value]:
        return [Value(x, name) for x, name in zip(self.data.inputs[0], self.data.feature_names)]

    # ------------------------------------------------------------ for the page

    def script(self) -> str:
        """Returns the programs as an object of JavaScript."""
        loss = loss_script(self.objective.loss, self.outputs)
        programs = {"train": program_object(self.training), "use": program_object(self.use), "lossProgram": loss}
        return "{" + ",\n".join(f"{name}: {text}" for name, text in programs.items()) + "}"

    def described(self) -> dict[str, Any]:
        """Returns all else that the page must know, as JSON would hold it."""
        objective, threshold = self.objective, self.objective.threshold
        if threshold is None:  # outputs near the target: the class is the nearer one, as in `train.objectives`
            threshold = 0.5 if objective.name in LOSSES and min(flat(self.data.targets)) >= 0 else 0.0
        return {
            "names": [name for name, _ in self.model.named_parameters()],
            "start": self.start,
            "generators": [{"words": state[:-1], "place": state[-1]} for state in self.states],
            "draws": self.draws, "width": self.data.width, "outputs": self.outputs or 1,
            "drawing": self.drawing.described(), "words": self.words, "loss": objective.name,
            "of": len(self.data.classes),
            "classes": objective.threshold is not None, "threshold": threshold,
        }  # fmt: skip


def _listed(output: Any) -> list[Value]:
    return list(output) if isinstance(output, (list, tuple)) else [output]


@contextmanager
def _mode(model: Module, training: bool) -> Iterator[None]:
    """Within it the model and all its parts are in training, or in use."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before
