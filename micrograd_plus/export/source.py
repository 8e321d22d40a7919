"""What is exported: a program with the words that tell what it is, and one example with the numbers it must give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from micrograd_plus.checks import counted, flat, plain
from micrograd_plus.compiler import CompileError, Program, compile
from micrograd_plus.mode import no_grad
from micrograd_plus.nn import Dropout, Module, Sequential
from micrograd_plus.operation import Bernoulli
from micrograd_plus.train.engine import evaluating
from micrograd_plus.train.predictor import Predictor
from micrograd_plus.value import Value, apply, constant, topological_order

__all__ = ["Source", "TableColumn", "columns_of", "source_of"]

_EXAMPLE = (0.5, -1.0, 1.5, -0.25, 2.0, -0.75)
"""The numbers of an example, over and over, where none is given."""


_TOLD = 24
"""So many numbers of a result are told."""


@dataclass(frozen=True)
class Source:
    """A program to be written in another language.

    `title` says what it is; `example` has the numbers of one example for each input, `expected` what it must give, in
    the form of the program's outputs; `predictor` is the saved model, if it is one.
    """

    program: Program
    title: str
    example: list[Any]
    expected: Any
    predictor: Predictor | None = None

    @property
    def draws(self) -> bool:
        """Whether numbers are drawn by chance when the model is trained."""
        return bool(self.program.plan.random_count)

    def notes(self) -> list[str]:
        """Returns what a saved model knows of its rows and answers, in words."""
        return [] if self.predictor is None else _notes(self.predictor, self.expected)

    def told_example(self) -> str:
        """Returns the example and its result in words: `x = [0.5, -1.0] gives 0.25`."""
        given = ", ".join(f"{each.name} = {numbers}" for each, numbers in zip(self.program.inputs, self.example))
        numbers = list(flat(self.expected))
        if len(numbers) <= _TOLD:
            return f"{given} gives {self.expected}"
        return f"{given} gives {len(numbers):,} numbers, and these come first: {numbers[:_TOLD]}"


class TableColumn(NamedTuple):
    """A column of a saved model's table: its `words`, a feature each, or None for numbers.

    `mean` stands for an empty number, None where an empty cell is refused; `flag` says whether a feature of its own
    tells that it was empty.
    """

    name: str
    words: tuple[str, ...] | None = None
    mean: float | None = None
    flag: bool = False


def columns_of(predictor: Predictor) -> list[TableColumn]:
    """Returns the columns that a saved model's features are made of."""
    schema = predictor.schema
    if schema is None:
        return [TableColumn(name) for name in predictor.feature_names]
    known = schema.missing == "mean"
    return [TableColumn(each.name, each.words, each.mean if known else None, each.flag) for each in schema.fields]


def _notes(predictor: Predictor, expected: Any) -> list[str]:
    lines = [f"Its inputs, in order: {', '.join(f'{i} {name!r}' for i, name in enumerate(predictor.feature_names))}."]
    if any(column.words is not None for column in columns_of(predictor)):
        lines.append("An input 'column=word' is 1 where the column has that word, and 0 where it has another.")
    if any(column.mean is not None and column.words is None for column in columns_of(predictor)):
        means = ", ".join(f"{c.name!r} {c.mean!r}" for c in columns_of(predictor) if c.words is None)
        lines.append(f"For an empty number stands the mean of the training rows: {means}.")
        lines.append("An input 'column=(empty)' is 1 where the column's cell is empty, else 0.")
    if predictor.scaler is not None:
        lines.append("They are raw, as in the table: that each is less its mean, over its scale, is done inside.")
    if not predictor.classes:
        return [*lines, f"Its output is {predictor.target_name!r}, in the units of the table."]
    classes = ", ".join(f"{i} {name!r}" for i, name in enumerate(predictor.classes))
    rule = "that of the largest output, the first of equals"
    if not isinstance(expected, list):
        rule = f"1 where the output is above {predictor.threshold:g}, else 0"
    return [*lines, f"The class of {predictor.target_name!r} is {rule}; the classes: {classes}."]


def source_of(model: Module | Predictor | Program, example: Sequence[Any] | None, training: bool) -> Source:
    """Returns the source of a model, of a saved one with its scales, or of a program.

    `example` has one example's arguments, for a Module whose inputs can't be told. With `training`, a Module's dropout
    is in the program, if that is all that training changes; without, the Module is as it is in use. Raises TypeError
    for what is neither, or lacks an example, CompileError for what can't be compiled.
    """
    if isinstance(model, Predictor):
        return _of_predictor(model, training)
    if isinstance(model, Module):
        return _of_module(model, example, training)
    if not isinstance(model, Program):
        known = "an nn.Module, a Predictor, or the Program that compile returns"
        raise TypeError(f"what can be exported is {known}, but got {model!r}; for a function: compile(f, example=...)")
    if example is not None:
        raise TypeError("a Program has its example: the one that it was traced with; leave `example` out")
    return _source(model, f"A program with {_sized(model)}")


def _of_module(model: Module, example: Sequence[Any] | None, training: bool) -> Source:
    if example is None:
        example = ([_EXAMPLE[i % len(_EXAMPLE)] for i in range(_width(model))],)
    name = repr(model) if "\n" not in repr(model) else type(model).__name__
    model.label_parameters()
    return _traced(model, lambda mode: _mode(model, model.forward, mode), example, training, f"{name} with {{}}")


def _of_predictor(predictor: Predictor, training: bool) -> Source:
    """Standardisation, and that of the target undone, are part of the graph."""
    model, scaler, target = predictor.model, predictor.scaler, predictor.target_scaler
    width = len(predictor.feature_names)
    means, scales = (scaler.means, scaler.scales) if scaler else ([0.0] * width, [1.0] * width)
    row = [float(f"{m + s * _EXAMPLE[i % len(_EXAMPLE)]:.4g}") for i, (m, s) in enumerate(zip(means, scales))]
    model.label_parameters()

    def predict(x: list[Value]) -> Any:
        row = [(each - mean) / scale for each, mean, scale in zip(x, means, scales)] if scaler else x
        output = model(row)
        if target is None:
            return output
        mean, scale = target.means[0], target.scales[0]
        return [each * scale + mean for each in output] if isinstance(output, list) else output * scale + mean

    name = f"A model of {predictor.target_name!r} ({type(model).__name__})"
    found = _traced(model, lambda mode: _mode(model, predict, mode), (row,), training, f"{name} with {{}}")
    return Source(found.program, found.title, found.example, found.expected, predictor)


def _mode(model: Module, function: Callable[..., Any], training: bool) -> Callable[..., Any]:
    """The function of a model that is set to training or to use while it runs."""

    def in_mode(*arguments: Any) -> Any:
        with evaluating(model):
            if training:
                model.train()
            return function(*arguments)

    in_mode.__signature__ = _signature(function)  # type: ignore[attr-defined]
    return in_mode


def _signature(function: Callable[..., Any]) -> Any:
    import inspect

    return inspect.signature(function)


def _traced(
    model: Module, function: Callable[[bool], Callable[..., Any]], example: Sequence[Any], training: bool, title: str
) -> Source:
    """The program of a function in training, if dropout is all that is different there; else in use."""
    numbers = [plain(each) for each in example]
    used = _source(compile(function(False), parameters=model.parameters(), example=numbers), title)
    if training and any(isinstance(each, Dropout) for each in model.modules()):
        try:
            trained = _source(compile(function(True), parameters=model.parameters(), example=numbers), title)
        except CompileError:
            return used
        if trained.draws and list(flat(trained.expected)) == list(flat(used.expected)):
            return trained
    return used


def _source(program: Program, title: str) -> Source:
    example, start = [], 0
    for each in program.inputs:
        example.append(_shaped(program.example[start : start + each.size].tolist(), each.shape))
        start += each.size
    return Source(program, title.format(_sized(program)), example, _expected(program))


def _sized(program: Program) -> str:
    return counted(len(program.parameters), "parameter")


def _shaped(numbers: list[float], shape: tuple[int, ...]) -> Any:
    if not shape:
        return numbers[0]
    step = math.prod(shape[1:])
    return [_shaped(numbers[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _expected(program: Program) -> Any:
    """What the graph itself gives for the traced example, number by number, with the parameters' present numbers.

    Where a number was drawn by chance stands 1: nothing is dropped.
    """
    known: dict[Value, Value] = {}
    outputs = list(flat(program.outputs))
    with no_grad():
        for node in topological_order(*outputs):
            if node.children:
                known[node] = apply(node.op, *node.op.groups([known[child] for child in node.children]))
            else:
                known[node] = constant(1.0 if isinstance(node.op, Bernoulli) else node.data)

    def formed(form: Any) -> Any:
        return type(form)(map(formed, form)) if isinstance(form, (list, tuple)) else known[form].data

    return formed(program.outputs)


def _width(model: Module) -> int:
    """How many numbers a model takes. Raises TypeError where that can't be told."""
    first: Any = model
    while isinstance(first, Sequential):
        first = next((each for each in first.layers if not isinstance(each, Dropout)), None)
    width = getattr(first, "nin", None) or getattr(first, "width", None)
    if width is None:
        cure = "pass one example's arguments: example=([0.5, -1.0],) for a row of two numbers"
        raise TypeError(f"it can't be told what a {type(model).__name__} takes; {cure}")
    return int(width)
