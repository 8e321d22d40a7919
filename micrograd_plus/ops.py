"""The table of operations: every row is declared once, as text, and everything else is read off it.

A row is a label, a value and one local derivative per operand, written as they stand in a calculus book:

    tanh = row("tanh", "x", "tanh(x)", x="1 - out**2")

In a row `x` and `y` are the operands and `out` is the value. An operation that takes any number of operands names
them as a group: in `"*xs"`, `xs` is all of them and `x` is the one whose derivative is written. The one text is read
five ways:

==========  =====================================================  ==========================================
reading     how                                                    serves
==========  =====================================================  ==========================================
`scalar`    the row over `math`                                    the eager engine
`array`     the same row over NumPy                                the compiler's instructions
`complex`   the same row over `cmath`                              an exact oracle for tests (complex step)
`values`    the same derivatives over Values                       higher-order derivatives
`words`     the row with the operands' labels put in               chain-rule text, tooltips, lessons
==========  =====================================================  ==========================================

So what a student reads is what ran, and an operation can't be half implemented. This module knows nobody.
"""

from __future__ import annotations

import ast
import cmath
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from random import Random

Partials: TypeAlias = tuple[float, ...]


class Op:
    """One row of the table, and the ways to read it.

    `name` is what Python code calls it (`mul`), `label` what a picture shows (`*`); `operands` are the names in the
    row's text (a leading `*` marks a group); `value` and `partials` are that text; `needs` tells for which operands
    the operation is defined, and `cure` what to do about others. `constants` are the numbers burnt into the row.

    >>> tanh.value, tanh.partials
    ('tanh(x)', {'x': '1 - out**2'})
    >>> tanh.scalar(0.0)
    (0.0, (1.0,))
    >>> mul.words("w", "x"), mul.partial_words("x", "w", "x", out="n")
    ('w * x', 'x')
    """

    shared = True
    """One object serves all nodes and all copies of them; False for a random leaf, which carries a generator."""

    def __init__(
        self, name: str, label: str, operands: str, value: str, partials: Mapping[str, str],
        constants: tuple[float, ...] = (), needs: str = "", cure: str = "",
    ) -> None:  # fmt: skip
        self.name, self.label = name, label
        self.operands = tuple(operands.split())
        self.value, self.partials = value, dict(partials)
        self.constants, self.needs, self.cure = constants, needs, cure
        if tuple(self.partials) != self.names:
            raise ValueError(f"row {name!r} has operands {self.names} but derivatives for {tuple(self.partials)}")

    def __repr__(self) -> str:
        return f"<op {self.label or self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, (self.name, *self.constants)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that derivatives are written for: a group `*xs` is one name, `x`, for whichever member."""
        return tuple(operand[1:-1] if operand.startswith("*") else operand for operand in self.operands)

    @property
    def is_nary(self) -> bool:
        """True if the number of operands is not fixed by the row."""
        return any(operand.startswith("*") for operand in self.operands)

    def groups(self, children: Sequence[Any]) -> list[Any]:
        """The children sorted into the row's operands: a single one as it is, a group as a list."""
        starred = sum(operand.startswith("*") for operand in self.operands)
        if not starred:
            return list(children)
        size = (len(children) - len(self.operands) + starred) // starred
        found, start = [], 0
        for operand in self.operands:
            if operand.startswith("*"):
                found.append(list(children[start : start + size]))
                start += size
            else:
                found.append(children[start])
                start += 1
        return found

    # ---------------------------------------------------------------- the readings

    @cached_property
    def scalar(self) -> Callable[..., tuple[float, Partials]]:
        """A function from floats to the value and the local derivatives. Raises what `math` raises."""
        function: Callable[..., tuple[float, Partials]] = self._function(_ScalarText(), scalar_names())
        return function

    @cached_property
    def scalar_source(self) -> tuple[str, str]:
        """The text behind `scalar`: the value, and the inside of the tuple of derivatives."""
        text = _ScalarText()
        return text.read(self.value), self._partials_source(text)

    @cached_property
    def array(self) -> Callable[..., tuple[Any, tuple[Any, ...]]]:
        """The same function over NumPy arrays; a group's members lie along the first axis."""
        function: Callable[..., tuple[Any, tuple[Any, ...]]] = self._function(_ArrayText(), _array_names())
        return function

    @cached_property
    def complex(self) -> Callable[..., tuple[Any, tuple[Any, ...]]]:
        """The same function over complex numbers; comparisons look at the real part (for the complex step)."""
        function: Callable[..., tuple[Any, tuple[Any, ...]]] = self._function(_RealText(), _complex_names())
        return function

    def values(self, functions: Mapping[str, Any]) -> Callable[..., tuple[Any, ...]]:
        """A function `(out, *operands)` to the local derivatives, made of whatever `functions` are made of."""
        arguments = ", ".join(["out", *(operand.lstrip("*") for operand in self.operands)])
        source = f"def reading({arguments}):\n    return ({self._partials_source(_ValueText())})"
        function: Callable[..., tuple[Any, ...]] = _define(self.name, source, dict(functions))
        return function

    def array_text(self, expression: str) -> str:
        """The text of `value` or of a derivative in the array reading, earlier rows written out, for emitted code.

        >>> relu.array_text(relu.partials["x"])
        'where(x > 0, 1.0, 0.0)'
        """
        return _ArrayText().read(expression)

    def words(self, *names: Any, at: Sequence[Any] = ()) -> str:
        """The value in words, with these names for the operands (a list of names for a group).

        If the operands' numbers are given as `at`, only the branch of a choice that they take is written.
        """
        return substitute(self.value, self._bind(names), self._bind(at))

    def partial_words(
        self, operand: str, *names: Any, out: str = "out", member: int = 0, at: Sequence[Any] = ()
    ) -> str:
        """The derivative by one operand in words; `member` tells which one of a group, `at` is as in `words`."""
        bound, numbers = self._bind(names) | {"out": out, "j": str(member)}, self._bind(at)
        for starred, name in zip(self.operands, self.names):
            if starred.startswith("*"):
                bound[name] = bound[starred[1:]][member]
        return substitute(self.partials[operand], bound, numbers | {"j": member} if numbers else {})

    # ---------------------------------------------------------------- how they are made

    def _bind(self, names: Sequence[Any]) -> dict[str, Any]:
        return {operand.lstrip("*"): name for operand, name in zip(self.operands, names)}

    def _function(self, text: _Text, functions: dict[str, Any]) -> Any:
        arguments = ", ".join(operand.lstrip("*") for operand in self.operands)
        body = f"    out = {text.read(self.value)}\n    return out, ({self._partials_source(text)})"
        return _define(self.name, f"def reading({arguments}):\n{body}", functions)

    def _partials_source(self, text: _Text) -> str:
        """The derivatives as one tuple's inside; a group contributes one entry a member."""
        starred = [operand for operand in self.operands if operand.startswith("*")]
        members = ", ".join(operand[1:-1] for operand in starred)
        lists = ", ".join(operand[1:] for operand in starred)
        zipped = f"zip({lists})" if len(starred) > 1 else lists
        parts = []
        for operand, name in zip(self.operands, self.names):
            part = text.read(self.partials[name])
            if operand.startswith("*"):
                if f"*{part}s" in starred:  # just another member: the whole of its group
                    part = f"*{part}s"
                elif "j" in _names_in(part):
                    part = f"*[{part} for j, ({members}) in enumerate({zipped})]"
                else:
                    part = f"*[{part} for {members} in {zipped}]"
            parts.append(part)
        return ", ".join(parts) + ","


class Leaf(Op):
    """What the op of a node without operands tells: where its number came from (its role in a picture)."""

    def __init__(self, name: str, label: str) -> None:
        super().__init__(name, label, "", "", {})


class Bernoulli(Leaf):
    """How a random leaf is drawn: `scale` with probability `keep`, else 0, from the generator `rng`.

    The op carries the generator so that a replay (a compiled program, a second forward pass) can draw anew, and so
    that a picture can tell a dropped unit from a zero.

    >>> from random import Random
    >>> Bernoulli(0.5, 2.0, Random(0)).draw()
    0.0
    """

    shared = False

    def __init__(self, keep: float, scale: float, rng: Random) -> None:
        super().__init__("bernoulli", f"bernoulli({keep:g})")
        self.keep, self.scale, self.rng = keep, scale, rng

    def draw(self) -> float:
        """The next number: `scale` or 0.0."""
        return self.scale if self.rng.random() < self.keep else 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Bernoulli, (self.keep, self.scale, self.rng)


# -------------------------------------------------------------------- the text of a row, for each reading


class _Text(ast.NodeTransformer):
    """Rewrites a row's expression for one reading; a call of an earlier row (`sigmoid(x)`) becomes that row's text."""

    def read(self, expression: str) -> str:
        if expression.lstrip("-").isdigit():
            return expression + ".0"  # a row's bare 1 is the float 1.0
        if _is_plain(expression):
            return expression  # most are, and to parse and unparse them all would double the time of the import
        return ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(expression, mode="eval"))))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called not in TABLE or called in PRIMITIVES:
            return node
        inlined = ast.parse(TABLE[called].value, mode="eval").body
        return self.visit(_Rename(dict(zip(TABLE[called].operands, node.args))).visit(inlined))  # type: ignore[no-any-return]


def _is_plain(expression: str) -> bool:
    """True for arithmetic and calls of primitives alone, which mean the same in every reading."""
    calls = re.findall(r"(\w+)\(", expression)
    return PRIMITIVES.issuperset(calls) and not re.search(r"\*\*|[<>=]| if | for ", expression)


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=function, ctx=ast.Load()), args=list(arguments), keywords=[])


class _ScalarText(_Text):
    """`math.pow` for `**`, which makes a complex number of a negative base; what is quicker than a generator."""

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        self.generic_visit(node)
        if ast.unparse(node) == "(x * y for x, y in zip(xs, ys))":
            return ast.parse("map(mul, xs, ys)", mode="eval").body  # the dot product: twice as fast as a list
        return ast.ListComp(elt=node.elt, generators=node.generators)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return _call("pow", node.left, node.right) if isinstance(node.op, ast.Pow) else node


class _ArrayText(_Text):
    """A choice becomes `where`, an expression for each `x in xs` that expression over all of `xs`, `x**3` a product."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value in (3, 4):
            product = node.left  # NumPy's own power is some ten times slower beyond squares
            for _ in range(int(node.right.value.real) - 1):
                product = ast.BinOp(left=product, op=ast.Mult(), right=node.left)
            return product
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        return _call("where", node.test, node.body, node.orelse)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        whole = {name.id: f"{name.id}s" for name in ast.walk(node.generators[0].target) if isinstance(name, ast.Name)}
        renamed = _Rename({name: ast.Name(id=group, ctx=ast.Load()) for name, group in whole.items()}).visit(node.elt)
        return self.visit(renamed)  # type: ignore[no-any-return]


class _RealText(_Text):
    """Comparisons look at `real` numbers: a complex number's real part, a Value's data."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        node.left, node.comparators = _call("real", node.left), [_call("real", each) for each in node.comparators]
        return node


class _ValueText(_RealText):
    """Rows are called and not inlined: over Values each is a node of its own, with its own derivative."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return node


class _Rename(ast.NodeTransformer):
    """Puts other expressions in the place of names."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


class _Words(ast.NodeTransformer):
    """Puts labels in the place of operands, and writes a sum over a group out, operand by operand.

    `at` are the operands' numbers if they are known: they decide a choice.
    """

    def __init__(self, names: Mapping[str, Any], at: Mapping[str, Any]) -> None:
        self.names, self.at = names, at
        self.definitions = ""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if not self.at:
            return self.generic_visit(node)  # type: ignore[return-value]
        test = compile(ast.Expression(node.test), "<choice>", "eval")
        return self.visit(node.body if eval(test, dict(self.at)) else node.orelse)  # type: ignore[no-any-return]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = self.names.get(node.id)
        if isinstance(name, list):
            return ast.Tuple(elts=[_label(each) for each in name], ctx=ast.Load())
        return node if name is None else _label(name)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        inside = node.args[0] if node.args else None
        if isinstance(node.func, ast.Name) and node.func.id == "sum" and inside is not None:
            terms = self._terms(inside)
            whole = terms[0]
            for term in terms[1:]:
                whole = ast.BinOp(left=whole, op=ast.Add(), right=term)
            return whole
        if isinstance(node.func, ast.Name) and node.func.id == "item":
            members, index = map(self.visit, node.args)
            listed = ast.List(elts=self._spread(members), ctx=ast.Load())
            return ast.Subscript(value=listed, slice=index, ctx=ast.Load())
        node.args = [part for arg in node.args for part in self._spread(self.visit(arg))]
        return node

    def _terms(self, inside: ast.expr) -> list[ast.expr]:
        if not isinstance(inside, ast.GeneratorExp):
            return self._spread(self.visit(inside))
        members = [name.id for name in ast.walk(inside.generators[0].target) if isinstance(name, ast.Name)]
        rows = zip(*(self.names[f"{member}s"] for member in members))
        text = ast.unparse(inside.elt)
        return [
            _Words({**self.names, **dict(zip(members, row))}, self.at).visit(ast.parse(text, mode="eval").body)
            for row in rows
        ]

    @staticmethod
    def _spread(node: ast.expr) -> list[ast.expr]:
        return node.elts if isinstance(node, ast.Tuple) else [node]

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """2 for 2.0, and 0.707107 for 0.7071067811865476."""
        return ast.Constant(value=ast.literal_eval(format(node.value, ".6g")))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.definitions += f" with {node.target.id} = {ast.unparse(self.visit(node.value))}"
        return node.target


def _names_in(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}


def _label(text: str) -> ast.expr:
    """A label as an expression: a leading minus is one, so that brackets come out where arithmetic needs them."""
    if text.startswith("-"):
        return ast.UnaryOp(op=ast.USub(), operand=ast.Name(id=text[1:], ctx=ast.Load()))
    return ast.Name(id=text, ctx=ast.Load())


def substitute(expression: str, names: Mapping[str, Any], at: Mapping[str, Any]) -> str:
    """Returns an expression with other words in the place of its names; the numbers `at` decide a choice.

    >>> substitute("g if t == 1 else decay * m + g", {"g": "2", "m": "-0.5", "decay": "0.9"}, {"t": 2})
    '0.9 * -0.5 + 2'
    """
    words = _Words(names, at)
    formula = ast.fix_missing_locations(words.visit(ast.parse(expression, mode="eval")))
    return ast.unparse(formula) + words.definitions


def _define(name: str, source: str, functions: dict[str, Any]) -> Any:
    exec(compile(source, f"<row {name}>", "exec"), functions)
    return functions["reading"]


# -------------------------------------------------------------------- the functions a row may use, for each reading


_PLAIN = ("exp", "log", "sqrt", "sin", "cos", "tanh")
PRIMITIVES = frozenset((*_PLAIN, "erf", "log1p", "expm1", "abs", "min", "max", "sum", "item", "pow", "where", "real"))
"""What the readings supply themselves; any other function that a row calls is a row."""


def scalar_names() -> dict[str, Any]:
    """Returns the functions that a row's scalar text calls, by name."""
    names = {name: getattr(math, name) for name in (*_PLAIN, "erf", "log1p", "expm1", "pow", "nan", "inf")}
    return names | {"item": lambda xs, i: xs[int(i)], "mul": operator.mul}


def _complex_names() -> dict[str, Any]:
    def real(z: Any) -> float:
        return z.real  # type: ignore[no-any-return]

    def extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *zs: pick(*zs, key=real)

    def erf(z: Any) -> Any:
        # 2/sqrt(pi) exp(-z^2) sum 2^n z^(2n+1) / (2n+1)!! : no cancellation (Abramowitz and Stegun 7.1.6)
        term = total = z
        for n in range(1, 400):
            term = term * 2 * z * z / (2 * n + 1)
            total = total + term
        return 2 / math.sqrt(math.pi) * cmath.exp(-z * z) * total

    return {name: getattr(cmath, name) for name in (*_PLAIN, "nan", "inf")} | {
        "real": real, "min": extreme(min), "max": extreme(max), "erf": erf,
        "abs": lambda z: z if real(z) >= 0 else -z, "item": lambda zs, i: zs[int(real(i))],
        # near 1 and 0 the plain forms cancel; these keep the imaginary part, which carries the derivative
        "log1p": lambda z: cmath.log(1 + z) if abs(z) > 1e-5 else z - z * z / 2 + z * z * z / 3,
        "expm1": lambda z: 2 * cmath.exp(z / 2) * cmath.sinh(z / 2),
    }  # fmt: skip


def _array_names() -> dict[str, Any]:
    import numpy as np

    def over(pairwise: Any) -> Callable[..., Any]:
        return lambda *xs: pairwise(*xs) if len(xs) > 1 else pairwise.reduce(np.asarray(xs[0]), axis=0)

    def erf(x: Any) -> Any:
        return np.asarray(_erf_ufunc()(x), dtype=float)

    def item(xs: Any, i: Any) -> Any:
        return np.take_along_axis(np.asarray(xs), np.asarray(i).astype(int)[np.newaxis], axis=0)[0]

    return {name: getattr(np, name) for name in (*_PLAIN, "log1p", "expm1", "where", "nan", "inf")} | {
        "abs": np.abs, "min": over(np.minimum), "max": over(np.maximum), "erf": erf, "item": item,
        "sum": lambda xs: np.sum(xs, axis=0),
    }  # fmt: skip


@cache
def _erf_ufunc() -> Any:
    import numpy as np

    return np.frompyfunc(math.erf, 1, 1)  # NumPy has no erf; this one is exact and the same as the engine's


# -------------------------------------------------------------------- the table

TABLE: dict[str, Op] = {}
"""Every operation with no constants burnt in, by name."""

FAMILIES: dict[str, Callable[..., Op]] = {}
"""Operations with constants burnt in: a function from the constants (all with defaults) to the row."""


def row(
    label: str, operands: str, value: str, *, name: str = "", needs: str = "", cure: str = "", **partials: str
) -> Op:
    """Returns the declared operation, entered in the table under `name` (its label unless given)."""
    op = Op(name or label, label, operands, value, partials, needs=needs, cure=cure)
    return TABLE.setdefault(op.name, op)


def family(declare: Callable[..., Op]) -> Callable[..., Op]:
    """Returns the cached constructor of a row with constants, entered among the families under its name."""
    cached = cache(declare)
    FAMILIES[declare.__name__] = cached
    return cached


def _find(name: str, *constants: float) -> Op:
    return FAMILIES[name](*constants) if constants else TABLE.get(name) or LEAVES[name]


INPUT = Leaf("input", "")
CONSTANT = Leaf("constant", "")
PARAMETER = Leaf("parameter", "")
LEAVES: dict[str, Op] = {leaf.name: leaf for leaf in (INPUT, CONSTANT, PARAMETER)}

add = row("+", "x y", "x + y", name="add", x="1", y="1")
sub = row("-", "x y", "x - y", name="sub", x="1", y="-1")
mul = row("*", "x y", "x * y", name="mul", x="y", y="x")
div = row(
    "/", "x y", "x / y", name="div", x="1 / y", y="-out / y",
    needs="a divisor other than 0", cure="add a small constant to the divisor, or test it before dividing",
)  # fmt: skip
neg = row("neg", "x", "-x", x="-1")
pow = row(
    "**", "x y", "x ** y", name="pow",
    x="0 if y == 0 else y * x ** (y - 1) if x != 0 else 0 if y > 1 else 1 if y == 1 else inf",
    y="nan if x < 0 else 0 if x == 0 else out * log(x)",
    needs="a base above 0, or a base of 0 with an exponent of at least 0, or a negative base with a whole exponent",
    cure="keep the base positive: abs(x) ** y, or (x*x + 1e-12) ** (y/2)",
)  # fmt: skip

exp = row(
    "exp", "x", "exp(x)", x="out",
    needs="x below 709.78", cure="subtract the largest x first, as logsumexp and softmax do",
)  # fmt: skip
log = row(
    "log", "x", "log(x)", x="1 / x",
    needs="x above 0", cure="keep x away from 0, as in log(x + 1e-12), or work with logits",
)  # fmt: skip
sqrt = row(
    "sqrt", "x", "sqrt(x)", x="0.5 / out if x > 0 else inf",
    needs="x of at least 0", cure="take sqrt(x*x) as abs(x), or add a small constant",
)  # fmt: skip
log1p = row("log1p", "x", "log1p(x)", x="1 / (1 + x)", needs="x above -1", cure="keep 1 + x away from 0")
expm1 = row("expm1", "x", "expm1(x)", x="out + 1", needs="x below 709.78", cure="scale x down")
sin = row("sin", "x", "sin(x)", x="cos(x)")
cos = row("cos", "x", "cos(x)", x="-sin(x)")
tanh = row("tanh", "x", "tanh(x)", x="1 - out**2")
erf = row("erf", "x", "erf(x)", x="1.1283791670955126 * exp(-x * x)")  # 2 / sqrt(pi)

step = row("step", "x", "1.0 if x > 0 else 0.0", x="0")
sign = row("sign", "x", "step(x) - step(-x)", x="0")
abs_ = row("abs", "x", "abs(x)", x="sign(x)")
maximum = row("max", "x y", "max(x, y)", name="maximum", x="(1 + sign(x - y)) / 2", y="(1 - sign(x - y)) / 2")
minimum = row("min", "x y", "min(x, y)", name="minimum", x="(1 - sign(x - y)) / 2", y="(1 + sign(x - y)) / 2")

sigmoid = row("sigmoid", "x", "exp(min(x, 0)) / (1 + exp(-abs(x)))", x="out * (1 - out)")
relu = row("relu", "x", "max(x, 0.0)", x="step(x)")
softplus = row("softplus", "x", "max(x, 0) + log1p(exp(-abs(x)))", x="sigmoid(x)")
silu = row("silu", "x", "x * sigmoid(x)", x="sigmoid(x) * (1 + x * (1 - sigmoid(x)))")
gelu = row(  # 1 / sqrt(2), 1 / sqrt(2 pi)
    "gelu", "x", "0.5 * x * (1 + erf(0.7071067811865476 * x))",
    x="0.5 * (1 + erf(0.7071067811865476 * x)) + 0.3989422804014327 * x * exp(-0.5 * x * x)",
)  # fmt: skip
gelu_tanh = row(  # sqrt(2 / pi); Hendrycks and Gimpel 2016
    "gelu_tanh", "x", "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))",
    x="0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"
    " + 0.5 * x * (1 - tanh(0.7978845608028654 * (x + 0.044715 * x**3)) ** 2)"
    " * 0.7978845608028654 * (1 + 0.134145 * x**2)",
)  # fmt: skip

total = row("sum", "*xs", "sum(xs)", name="total", x="1")
dot = row("dot", "*xs *ys", "sum(x * y for x, y in zip(xs, ys))", x="y", y="x")
affine = row("dot + b", "*xs *ys b", "sum(x * y for x, y in zip(xs, ys)) + b", name="affine", x="y", y="x", b="1")
logsumexp = row("logsumexp", "*xs", "(peak := max(xs)) + log(sum(exp(x - peak) for x in xs))", x="exp(x - out)")
select = row("select", "i *xs", "item(xs, i)", i="0", x="1.0 if j == i else 0.0")

# y is the target; as in PyTorch, logarithms are held at -100 (where x is below exp(-100), or 1)
binary_cross_entropy = row(
    "bce", "x y",
    "-(y * log(x) + (1 - y) * log1p(-x)) if x * (1 - x) > 3.720075976020836e-44"
    " else 100 * abs(x - y) if x * (1 - x) >= 0 else nan",
    name="binary_cross_entropy", x="(x - y) / max(x * (1 - x), 1e-12)",
    y="log1p(-x) - log(x) if x * (1 - x) > 3.720075976020836e-44 else 100 - 200 * x",
    needs="a probability from 0 to 1", cure="put the output through sigmoid, or use binary_cross_entropy_with_logits",
)  # fmt: skip
binary_cross_entropy_with_logits = row(
    "bce of logit", "x y", "max(x, 0) - x * y + log1p(exp(-abs(x)))",
    name="binary_cross_entropy_with_logits", x="sigmoid(x) - y", y="-x",
)  # fmt: skip


def _number(constant: float) -> str:
    """A constant as a row writes it: whole numbers without a point."""
    return repr(int(constant)) if float(constant).is_integer() else repr(float(constant))


@family
def power(exponent: float = 2.0) -> Op:
    """The row of `x ** k` for a number k: the constant is burnt in, so no logarithm of the base is ever taken."""
    k, less = _number(exponent), _number(exponent - 1)
    derivative = {"0": "0", "1": "1", "2": "2 * x"}.get(k, f"{k} * x ** {less}")
    if 0 < exponent < 1:
        derivative += " if x > 0 else inf"
    return Op("power", f"**{k}", "x", f"x ** {k}", {"x": derivative}, (exponent,), needs=pow.needs, cure=pow.cure)


@family
def leaky_relu(slope: float = 0.01) -> Op:
    """The row of the leaky rectifier (Maas et al. 2013)."""
    a = _number(slope)
    partials = {"x": f"step(x) + {a} * (1 - step(x))"}
    return Op("leaky_relu", f"leaky_relu({a})", "x", f"x if x > 0 else {a} * x", partials, (slope,))


@family
def elu(alpha: float = 1.0) -> Op:
    """The row of the exponential linear unit (Clevert et al. 2015)."""
    a = _number(alpha)
    partials = {"x": f"step(x) + {a} * (1 - step(x)) * exp(min(x, 0))"}
    return Op("elu", f"elu({a})", "x", f"max(x, 0.0) + {a} * expm1(min(x, 0))", partials, (alpha,))


@family
def clamp(low: float = -1.0, high: float = 1.0) -> Op:
    """The row of `min(max(x, low), high)`; at a bound the derivative is 1, as in PyTorch. A bound may be infinite."""
    value, inside = "x", "1"
    if low > -math.inf:
        value, inside = f"max({value}, {float(low)!r})", f"(1 - step({_number(low)} - x))"
    if high < math.inf:
        value = f"min({value}, {float(high)!r})"
        inside = f"{inside} * (1 - step(x - {_number(high)}))" if inside != "1" else f"1 - step(x - {_number(high)})"
    return Op("clamp", f"clamp({low:g}, {high:g})", "x", value, {"x": inside}, (low, high))
