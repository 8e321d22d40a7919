"""The lines of a program as statements of Python over the arrays of PyTorch, or of JAX."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from micrograd_plus import ops, reading
from micrograd_plus.compiler.text import renamed
from micrograd_plus.export.lowering import Assignment, Lowered, Operand, Part, Tensor, Way
from micrograd_plus.export.spelling import Identifiers
from micrograd_plus.operation import TABLE, Op

__all__ = ["JAX", "TORCH", "PythonDialect", "Writer", "statements"]

_SAME = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "hypot", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "floor", "ceil", "trunc", "abs", "round", "where",
)  # fmt: skip
_ARCS = ("asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh")


@dataclass(frozen=True)
class PythonDialect:
    """What one of the two says otherwise: `functions` by the name that a row has for them, `rows` by the row's.

    `own` are rows whose slopes at some place are not ours; they get functions of their own.
    """

    module: str
    functions: Mapping[str, str]
    rows: Mapping[str, str]
    turn: str
    join: str
    broadcast: str
    own: frozenset[str] = frozenset()

    def number(self, number: float) -> str:
        """Returns a number where any number may stand."""
        if math.isfinite(number):
            return repr(number)
        return f"{self.module}.nan" if math.isnan(number) else f"{'-' if number < 0 else ''}{self.module}.inf"


TORCH = PythonDialect(
    "torch",
    {**{name: f"torch.{name}" for name in (*_SAME, *_ARCS, "erf")}, "min": "torch.minimum", "max": "torch.maximum"},
    {
        "relu": "torch.relu({0})", "sigmoid": "torch.sigmoid({0})", "sign": "torch.sign({0})",
        "exp2": "torch.exp2({0})",
        "softplus": "torch.logaddexp({0}, torch.zeros_like({0}))", "silu": "functional.silu({0})",
        "hardtanh": "functional.hardtanh({0})", "leaky_relu": "functional.leaky_relu({0}, {1})",
        "elu": "functional.elu({0}, {1})", "gelu": "functional.gelu({0})", "rsqrt": "torch.rsqrt({0})",
        "gelu_tanh": 'functional.gelu({0}, approximate="tanh")', "clamp": "torch.clamp({0}, {1}, {2})",
    },
    "permute", "torch.cat([{}], {})", "torch.broadcast_to({}, {})",
)  # fmt: skip
JAX = PythonDialect(
    "jnp",
    {
        **{name: f"jnp.{name}" for name in _SAME}, **{name: f"jnp.arc{name[1:]}" for name in _ARCS},
        "min": "jnp.minimum", "max": "jnp.maximum", "erf": "jax.scipy.special.erf",
    },
    {
        "relu": "jax.nn.relu({0})", "sigmoid": "jax.nn.sigmoid({0})", "sign": "jnp.sign({0})", "exp2": "jnp.exp2({0})",
        "softplus": "jax.nn.softplus({0})", "silu": "jax.nn.silu({0})", "elu": "jax.nn.elu({0}, {1})",
        "hardtanh": "jnp.where(abs({0}) < 1, {0}, jnp.sign({0}))", "rsqrt": "jax.lax.rsqrt({0})",
        "gelu": "jax.nn.gelu({0}, approximate=False)", "gelu_tanh": "jax.nn.gelu({0}, approximate=True)",
        "clamp": "jnp.where({0} < {1}, {1}, jnp.where({0} > {2}, {2}, {0}))",
        "softsign": "jax.nn.soft_sign({0})",
        "step": "jnp.where({0} > 0, 1.0, 0.0)",
        "abs": "jnp.sign({0}) * {0}",
        "leaky_relu": "jnp.where({0} > 0, {0}, {1} * {0})",
    },
    "transpose", "jnp.concatenate([{}], {})", "jnp.broadcast_to({}, {})", frozenset(["pow", "atan2"]),
)  # fmt: skip
"""A row that a framework has is its own, whose derivative at a kink is ours; any other is written out."""


class _Reading(reading.OverArrays):
    """A row's expression over arrays of a framework; `sum`, and `max` and `min` of a group, go along the last axis."""

    def __init__(self, dialect: PythonDialect) -> None:
        super().__init__(TABLE)
        self.dialect = dialect

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in ("inf", "nan"):
            return node
        return ast.parse(f"{self.dialect.module}.{node.id}", mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.expr:
        visited = super().visit_Call(node)
        if not isinstance(visited, ast.Call) or not isinstance(visited.func, ast.Name):
            return visited
        name, arguments = visited.func.id, [ast.unparse(each) for each in visited.args]
        if name == "sum" or (name in ("max", "min") and len(arguments) == 1):
            method = {"sum": "sum", "max": "amax", "min": "amin"}[name]
            if self.dialect is JAX:
                method = name
            return ast.parse(f"({arguments[0]}).{method}(-1, keepdims=True)", mode="eval").body
        if name not in self.dialect.functions:
            return visited
        if self.dialect is TORCH and name != "where":  # its functions take tensors alone
            arguments = [f"number({each})" if _is_number(each) else each for each in arguments]
        return ast.parse(f"{self.dialect.functions[name]}({', '.join(arguments)})", mode="eval").body

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if not any(isinstance(each, ast.Name) for each in ast.walk(node.test)):  # of numbers that are known
            return node.body if eval(ast.unparse(node.test), {}) else node.orelse
        choice = ", ".join(map(ast.unparse, (node.test, node.body, node.orelse)))
        return ast.parse(f"{self.dialect.functions['where']}({choice})", mode="eval").body

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Powers stay: both frameworks know the small ones."""
        self.generic_visit(node)
        return node


def _is_number(text: str) -> bool:
    node = ast.parse(text, mode="eval").body
    node = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(node, ast.Constant) or text.removeprefix("-") in ("torch.inf", "torch.nan")


@dataclass
class Writer:
    """Writes the body of `forward`: a statement for each line, and the tables of places that they use."""

    dialect: PythonDialect
    lowered: Lowered
    names: Identifiers
    of: Mapping[Tensor, str]
    tables: dict[tuple[Any, ...], str] = field(default_factory=dict)
    functions: dict[Op, tuple[str, list[str]]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    drops: int = 0

    def __post_init__(self) -> None:
        parts = list(_random_parts(self.lowered))
        used = [(part.array, place) for part in parts for place in part.places.reshape(-1).tolist()]
        self.independent = len({*used}) == len(used)

    @property
    def batch(self) -> str:
        """The number of examples."""
        return f"len({self.lowered.inputs[0].name})"

    # ------------------------------------------------------------ operands

    def text(self, operand: Operand) -> str:
        if isinstance(operand, float):
            return self.dialect.number(operand)
        text = self.of.get(operand.array, operand.array.name)
        for step in operand.steps():
            text = self.step(text, operand.array, step)
        return text

    def step(self, text: str, array: Tensor, step: Way) -> str:
        name, what = step
        lead = [":"] if array.batched else []
        if name == "reshape":
            return f"{text}.reshape({', '.join(map(str, [*([-1] if array.batched else []), *what])) or '()'})"
        if name == "slice":
            while what and what[-1] is None:
                what = what[:-1]
            return f"{text}[{', '.join([*lead, *map(_range, what)])}]"
        if name == "turn":
            axes = [0, *(axis + 1 for axis in what)] if array.batched else what
            return f"{text}.{self.dialect.turn}({', '.join(map(str, axes))})"
        if name == "expand":
            return self.broadcast(text, what, array.batched)
        shape, places = what
        flat = text if len(array.shape) == 1 else self.step(text, array, ("reshape", (array.size,)))
        return f"{flat}[{', '.join([*lead, self.table(shape, places)])}]"

    def broadcast(self, text: str, shape: tuple[int, ...], batched: bool = True) -> str:
        sizes = [*([self.batch] if batched else []), *map(str, shape)]
        return self.dialect.broadcast.format(text, f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})")

    def table(self, shape: tuple[int, ...], places: tuple[int, ...]) -> str:
        if (shape, places) not in self.tables:
            self.tables[shape, places] = self.names.unique("places")
        return self.tables[shape, places]

    # ------------------------------------------------------------ lines

    def line(self, line: Assignment) -> None:
        """Writes a line: one statement, or two."""
        text = getattr(self, line.form)(line)
        self.lines.append(f"{line.target.name} = {text}")

    def join(self, line: Assignment) -> str:
        batched = line.target.batched
        parts = []
        for part in line.operands:
            assert isinstance(part, Part)
            text = self.text(part)
            if batched and not part.array.batched:
                text = self.broadcast(text, part.places.shape)
            parts.append(text)
        return self.dialect.join.format(", ".join(parts), int(batched))

    def map(self, line: Assignment) -> str:
        dropped = self.dropout(line)
        if dropped:
            return dropped
        return self.row(line.op, dict(zip(line.op.names, map(self.text, line.operands))))

    def row(self, op: Op, texts: Mapping[str, str]) -> str:
        if op.name in self.dialect.rows:
            constants = [self.dialect.number(each) if isinstance(each, float) else each for each in op.constants]
            if TABLE.get(op.name) is op or op.constants:
                return self.dialect.rows[op.name].format(*texts.values(), *constants)
        is_atom = op.name in _ATOMS and TABLE.get(op.name) is op
        own = op.name in self.dialect.own if TABLE.get(op.name) is op else False
        if own or (not is_atom and _has_choice(op)):
            return f"{self.own(op)}({', '.join(map(self.as_array, texts.values()))})"
        if is_atom:
            return f"{self.dialect.functions[_ATOMS[op.name]]}({', '.join(map(self.as_array, texts.values()))})"
        expression = reading.Text(TABLE).read(op.value)
        named = [node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)]
        short = {}
        for name, text in texts.items():
            short[name] = text
            if named.count(name) > 1 and not text.replace(".", "").isidentifier() and not _is_number(text):
                short[name] = self.names.unique(name)  # said once, and not as often as the row speaks of it
                self.lines.append(f"{short[name]} = {text}")
        return _renamed(_Reading(self.dialect), op.value, short)

    def as_array(self, text: str) -> str:
        """PyTorch's functions take tensors alone."""
        return f"number({text})" if self.dialect is TORCH and _is_number(text) else text

    def own(self, op: Op) -> str:
        """The name of a function with the row's own slopes, for a row whose slope a framework may have otherwise."""
        if op not in self.functions:
            text = _Reading(self.dialect)
            slopes = [text.read(op.partials[name]) for name in op.names]
            name = self.names.unique(op.name)
            made = _torch_function if self.dialect is TORCH else _jax_function
            self.functions[op] = name, made(name, op, text.read(op.value), slopes)
        name = self.functions[op][0]
        return f"{name}.apply" if self.dialect is TORCH else name

    def dropout(self, line: Assignment) -> str:
        """The framework's own dropout where numbers are times a mask that nothing else uses; "" elsewhere."""
        masks = [each for each in line.operands if isinstance(each, Part) and each.array.kind == "random"]
        others = [each for each in line.operands if each not in masks]
        if line.op is not ops.mul or len(masks) != 1 or not self.drops_out(masks[0].array):
            return ""
        [other] = others
        if not isinstance(other, Part) or not other.array.batched or other.inner.shape != masks[0].inner.shape:
            return ""  # each example, and each number, is dropped by itself
        self.drops += 1
        kept = masks[0].array.draws[0].keep
        return self.drop(self.text(other), 1.0 - kept)

    def drops_out(self, mask: Tensor) -> bool:
        draw = mask.draws[0]
        return self.independent and abs(draw.keep * draw.scale - 1.0) < 1e-12

    def drop(self, text: str, rate: float) -> str:
        if self.dialect is TORCH:
            return f"functional.dropout({text}, {_short(rate)}, self.training)"
        return f"dropout({text}, {_short(rate)}, key, {self.drops})"

    def mask(self, array: Tensor) -> str:
        """Numbers drawn by chance that more than one line uses, or which are no dropout's."""
        self.drops += 1
        draw, sizes = array.draws[0], f"{self.batch}, {array.size}"
        torch = self.dialect is TORCH
        if abs(draw.keep * draw.scale - 1.0) < 1e-12:
            return self.drop(
                f"torch.ones({sizes}, dtype=torch.float64)" if torch else f"jnp.ones(({sizes}))", 1 - draw.keep
            )
        if torch:
            return f"{draw.scale!r} * torch.bernoulli(torch.full(({sizes}), {draw.keep!r}, dtype=torch.float64))"
        return f"{draw.scale!r} * jax.random.bernoulli(jax.random.fold_in(key, {self.drops}), {draw.keep!r}, ({sizes}))"

    def linear(self, line: Assignment) -> str:
        x, w, *bias = line.operands
        return self.plus(f"{self.text(x)} @ {self.text(w)}.T", bias)

    def product(self, line: Assignment) -> str:
        a, b, *bias = line.operands
        return self.plus(f"{self.text(a)} @ {self.text(b)}.mT", bias)

    def inner(self, line: Assignment) -> str:
        a, b, *bias = line.operands
        return self.plus(f"({self.text(a)} * {self.text(b)}).sum(-1)", bias)

    def plus(self, text: str, bias: Sequence[Operand]) -> str:
        return " + ".join([text, *(self.text(each) for each in bias)])

    def reduce(self, line: Assignment) -> str:
        texts = [self.text(operand) for operand in line.operands]
        if line.op is ops.total:
            return f"{texts[0]}.sum(-1)"
        if line.op is ops.logsumexp:
            return f"{'torch' if self.dialect is TORCH else 'jax.nn'}.logsumexp({texts[0]}, -1)"
        names = {name.lstrip("*"): text for name, text in zip(line.op.operands, texts)}
        return f"({_renamed(_Reading(self.dialect), line.op.value, names)})[..., 0]"

    def pick(self, line: Assignment) -> str:
        index, table = line.operands
        texts = [
            f"{self.text(each)}[None]" if line.target.batched and not each.array.batched else self.text(each)
            for each in (index, table) if isinstance(each, Part)
        ]  # fmt: skip
        return f"pick({texts[1]}, {texts[0]})"

    def lookup(self, line: Assignment) -> str:
        index, table = line.operands
        return f"look_up({self.text(table)}, {self.text(index)})"

    def outputs(self, form: Any) -> str:
        if isinstance(form, Part):
            text = self.text(form)
            return text if form.array.batched else self.broadcast(text, form.places.shape)
        inside = ", ".join(map(self.outputs, form))
        return f"[{inside}]" if isinstance(form, list) else f"({inside},)"


_ATOMS = {op.name: op.name for op in TABLE.values() if op.value == f"{op.name}({', '.join(op.names)})"} | {
    "maximum": "max", "minimum": "min"
}  # fmt: skip
"""Rows that are one function of a framework."""


def _has_choice(op: Op) -> bool:
    """Whether the row has a kink or a jump: there a framework's slope may be another."""
    tree = ast.parse(reading.Text(TABLE).read(op.value))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return bool(called & _KINKED) or any(isinstance(node, ast.IfExp) for node in ast.walk(tree))


_KINKED = {"abs", "min", "max", "floor", "ceil", "trunc", "round"}


def _torch_function(name: str, op: Op, value: str, slopes: Sequence[str]) -> list[str]:
    names = ", ".join(op.names)
    by_each = [f"(slope * ({slope})).sum_to_size({each}.shape)" for each, slope in zip(op.names, slopes)]
    return [
        f"class {name}(torch.autograd.Function):",
        '    """An operation, and its slopes as micrograd_plus has them."""',
        "",
        "    @staticmethod",
        f"    def forward(context, {names}):",
        f"        out = {value}",
        f"        context.save_for_backward({names}, out)",
        "        return out",
        "",
        "    @staticmethod",
        "    def backward(context, slope):",
        f"        {names}, out = context.saved_tensors",
        f"        return {', '.join(by_each)}",
    ]


def _jax_function(name: str, op: Op, value: str, slopes: Sequence[str]) -> list[str]:
    names, moved = ", ".join(op.names), ", ".join(f"d_{each}" for each in op.names)
    whole = " + ".join(f"({slope}) * d_{each}" for each, slope in zip(op.names, slopes))
    return [
        "@jax.custom_jvp",
        f"def {name}({names}):",
        '    """An operation, whose slopes are those of micrograd_plus."""',
        f"    return {value}",
        "",
        "",
        f"@{name}.defjvp",
        f"def {name}_moved(at, moved):",
        f"    ({names},), ({moved},), out = at, moved, {name}(*at)",
        f"    return out, {whole}",
    ]


def _renamed(text: _Reading, expression: str, texts: Mapping[str, str]) -> str:
    """The row in the dialect, with these texts for its operands; the reading sees which of them are numbers."""
    literal = {name: each for name, each in texts.items() if _is_number(each)}
    return renamed(text.read(renamed(expression, literal)), texts)


def _random_parts(lowered: Lowered) -> Iterator[Part]:
    for line in lowered.lines:
        for operand in line.operands:
            if isinstance(operand, Part) and operand.array.kind == "random":
                yield operand


def _range(taken: Any) -> str:
    if taken is None:
        return ":"
    return f"{taken[0]}:{taken[1]}" if isinstance(taken, tuple) else str(taken)


def _short(number: float) -> str:
    """A rate as it was written: 0.1 for 1 - 0.9."""
    return next(text for text in (f"{number:.12g}", repr(number)) if abs(float(text) - number) < 1e-15)


def statements(
    dialect: PythonDialect, lowered: Lowered, names: Identifiers, of: Mapping[Tensor, str]
) -> tuple[Writer, list[str], str]:
    """Returns the writer, with the tables that it used, the statements of `forward`, and what it returns.

    `of` has the text of arrays that are not called by their name alone.
    """
    writer = Writer(dialect, lowered, names, of)
    for line in lowered.lines:
        writer.line(line)
    lines = writer.lines
    masks = [each for each in lowered.random if any(re.search(rf"\b{each.name}\b", line) for line in lines)]
    lines[:0] = [f"{each.name} = {writer.mask(each)}" for each in masks]
    return writer, lines, writer.outputs(lowered.outputs)
