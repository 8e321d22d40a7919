"""What the playground computes by, written in JavaScript: each formula is read from the one place where it stands.

Activations come from the rows of the table of operations, losses from the graphs that the losses of `nn` make,
optimizers from the text of their rules, the shapes of the data sets from the functions of `data.sets`, and the start of
the weights from `nn.init`.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from micrograd_plus.compiler import compile
from micrograd_plus.compiler.dialects import JAVASCRIPT, Formula
from micrograd_plus.compiler.loop_program import loop_program, object_source, package_file
from micrograd_plus.compiler.program import Program
from micrograd_plus.data import sets
from micrograd_plus.nn import init
from micrograd_plus.nn.layers import USUAL
from micrograd_plus.nn.losses import LOSSES, Loss
from micrograd_plus.nn.optim import LOWER, OPTIMIZERS, Optimizer
from micrograd_plus.nn.rule import conditional_lines, states_of
from micrograd_plus.operation import FAMILIES, TABLE, Op
from micrograd_plus.train.objectives import ONE_OUTPUT_A_CLASS, THRESHOLDS, objective_for
from micrograd_plus.value import Value
from micrograd_plus.viz.player.page import text_of
from micrograd_plus.viz.player.readings import numbers_script, rules_script

__all__ = [
    "SETS",
    "activations",
    "common_script",
    "engine_script",
    "javascript_function",
    "loss_script",
    "program_object",
]

SETS = ("xor", "moons", "circles", "spirals", "blobs")
"""The data sets that can be drawn in the page."""

CLASSES = range(2, 7)
"""So many classes the points of a learner may have."""

OF_CLASSES, OF_NUMBERS = ("bce_with_logits", "cross_entropy", "hinge"), ("mse", "l1", "huber")
"""The losses to choose from. The others of `nn` take probabilities, which the outputs of a plain network are not."""


@cache
def common_script() -> str:
    """Returns the script of all that a page can choose from, whatever model it shows."""
    rules = [numbers_script(), rules_script(), _steps(), f"const LOWER = {json.dumps(LOWER)};"]
    parts = [package_file("kernels.js"), _activations(), _losses(), *rules, _start(), _sets()]
    return "\n".join(parts)


def activations() -> dict[str, Op]:
    """Returns the rows of the activations to choose from, by name, the usual ones first."""
    return {name: TABLE[name] if name in TABLE else FAMILIES[name]() for name in ("tanh", *USUAL) if name}


def engine_script(model: str = "null", data: str = "null") -> str:
    """Returns the script that defines `Engine`; `model` and `data` are expressions for the learner's own."""
    given = [f"const OWN = {model};", f"const OWN_DATA = {data};"]
    files = text_of(*FILES, package=__package__)
    return "\n".join(["const Engine = (() => {", common_script(), *given, files, "})();", ""])


FILES = ("random.js", "data.js", "network.js", "training.js", "api.js")
"""The parts of the engine that are JavaScript by themselves."""


def _object(name: str, entries: Mapping[str, str]) -> str:
    """A constant that holds expressions by name."""
    return f"const {name} = {{\n" + "".join(f"{key}: {text},\n" for key, text in entries.items()) + "};"


# -------------------------------------------------------------------- rows


def _activations() -> str:
    """Functions over arrays: `forward(x, out, n)`, and `backward(x, out, d, n)`, which turns d/d out into d/d x."""

    def written(op: Op) -> str:
        formula = Formula(JAVASCRIPT, {"x": "x[i]", "out": "out[i]"})
        loop = JAVASCRIPT.loop("i", "n")
        value, slope = formula.read(op.value), formula.read(op.partials["x"])
        forward = f"forward(x, out, n) {{ {loop} out[i] = {value}; }}"
        return f"{{{forward},\n  backward(x, out, d, n) {{ {loop} d[i] *= {slope}; }}}}"

    return _object("ACTIVATIONS", {name: written(op) for name, op in activations().items()})


def program_object(program: Program) -> str:
    """Returns a program as an object of JavaScript."""
    return object_source(loop_program(program.plan, JAVASCRIPT, 1, wrt_inputs=True), program.plan)


def loss_script(loss: Loss, outputs: int | None) -> str:
    """Returns a loss of so many outputs in a list (None: of a single one), as the program of one example."""
    leaves = [Value(0.5, f"output{i}") for i in range(outputs or 1)]
    target = Value(1.0, "target")
    return program_object(compile(loss(leaves if outputs else leaves[0], target), [leaves, target], parameters=[]))


def _losses() -> str:
    """The losses by name: for classes and for numbers, one program for each number of outputs that they may have."""
    found = {}
    for name in (*OF_CLASSES, *OF_NUMBERS):
        counts: Sequence[int | None] = [*CLASSES] if name in ONE_OUTPUT_A_CLASS else [None]
        of_classes = name in OF_CLASSES
        loss = (
            objective_for(name, sets.xor(), 2 if name in ONE_OUTPUT_A_CLASS else None).loss
            if of_classes
            else LOSSES[name]
        )
        made = ", ".join(f"{count or 1}: {loss_script(loss, count)}" for count in counts)
        threshold = THRESHOLDS.get(name, 0.5)  # of numbers: the nearer one of 0 and 1
        found[name] = f"{{classes: {str(of_classes).lower()}, threshold: {threshold}, programs: {{{made}}}}}"
    return _object("LOSSES", found)


# -------------------------------------------------------------------- rules


def _steps() -> str:
    """The optimizers' steps over all parameters, by name: `(W, G, S, t, lr, o)` changes weights W and states S.

    They are the rules that `readings.rules_script` reads, line by line, of a single parameter.
    """
    return _object("STEPS", {name: _step(each) for name, each in OPTIMIZERS.items()})


def _step(optimizer: type[Optimizer]) -> str:
    options = optimizer([Value(0.0)]).options
    lines = list(conditional_lines(optimizer.text))
    states = states_of([line for line, _ in lines], options)
    formula = Formula(JAVASCRIPT, {name: f"o.{name}" for name in options})
    made = dict.fromkeys(line.name for line, _ in lines if line.name not in ("w", "g", *states))
    start = ["w = W[i]", "g = G[i]", *(f"{name} = S.{name}[i]" for name in states), *made]
    body = [f"let {', '.join(start)};"]
    for line, condition in lines:
        body.append(
            f"{f'if ({formula.read(condition)}) ' if condition else ''}{line.name} = {formula.read(line.expression)};"
        )
    body.append("".join(["W[i] = w;", *(f" S.{name}[i] = {name};" for name in states)]))
    inside = "\n    ".join(body)
    return f"(W, G, S, t, lr, o) => {{\n  {JAVASCRIPT.loop('i', 'W.length')} {{\n    {inside}\n  }}\n}}"


# -------------------------------------------------------------------- functions of Python


def javascript_function(function: Callable[..., Any], options: Mapping[str, float] | None = None) -> str:
    """Returns a plain function of Python, of assignments and arithmetic, in JavaScript; `options` are set in it.

    >>> javascript_function(init._default)
    'function _default(rng, fan_in, fan_out, gain) { return _uniform(rng, 1.0 / sqrt(fan_in)); }'
    """
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    options = options or {}
    given = [each.arg for each in tree.args.args if each.arg not in options]
    return _read(tree.name, tree.body, given, options)


def _read(name: str, body: Sequence[ast.stmt], given: Sequence[str], options: Mapping[str, float]) -> str:
    names = {"pi": "Math.PI", **{key: JAVASCRIPT.number(value) for key, value in options.items()}}
    formula = Formula(JAVASCRIPT, names)

    def text(node: ast.expr) -> str:
        plain = _Plain().visit(node)
        if isinstance(plain, ast.Tuple):
            return f"[{', '.join(map(text, plain.elts))}]"
        return formula.text(plain)

    lines = []
    for each in body:
        if isinstance(each, ast.Assign):
            (target,) = each.targets
            lines.append(f"const {text(target)} = {text(each.value)};")
        elif isinstance(each, ast.Return) and each.value is not None:
            lines.append(f"return {text(each.value)};")
    return f"function {name}({', '.join(given)}) {{ {' '.join(lines)} }}"


class _Plain(ast.NodeTransformer):
    """`math.cos(x)` as `cos(x)`, and a method of an argument as the function that it is there."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        assert isinstance(node.value, ast.Name)
        return ast.Name(id=node.attr if node.value.id == "math" else f"{node.value.id}.{node.attr}", ctx=ast.Load())


def _start() -> str:
    """How `nn.init` draws a weight by default."""
    return "\n".join(javascript_function(each) for each in (init._uniform, init._default))


def _sets() -> str:
    """The data sets: what they are made with, the classes, and where the points are without noise."""
    found = {}
    for name in SETS:
        make = getattr(sets, name)
        usual = {each.name: each.default for each in inspect.signature(make).parameters.values()}
        data = make(n=4, noise=0.0)
        options = {key: value for key, value in usual.items() if key not in ("n", "noise", "seed")}
        if name in sets.PLACES:
            kinds, targets = len(data.classes), [*range(len(data.classes))]
            point = javascript_function(sets.PLACES[name], options)
        else:  # its four corners in turn
            kinds, targets = len(data), data.targets
            point = f"label => {json.dumps(data.inputs)}[label]"
        facts = {"classes": data.classes, "n": ROWS, "noise": usual["noise"], "kinds": kinds, "targets": targets}
        found[name] = f"{{...{json.dumps(facts)}, point: {point}}}"
    return _object("SETS", found) + f"\nconst FEATURES = {json.dumps(sets.xor().feature_names)};"


ROWS = 200
"""So many points a page starts with."""
