"""The readings of a row: how its text becomes a function of floats, a line of array code, words. It knows nobody.

A reading is a rewriting of the row's expression (`OverFloats`, `OverArrays`, `OverValues`, ...) and a set of functions
for the names that it calls. A row may call earlier rows (`sigmoid(x)`); `rows`, the table, says what those are.
"""

from __future__ import annotations

import ast
import linecache
import math
from collections.abc import Callable, Mapping
from typing import Any
from weakref import finalize

__all__ = [
    "PRIMITIVES", "OverArrays", "OverFloats", "OverReals", "OverValues", "Text", "branches", "check", "function",
    "names_in", "partials_function", "scalar_names", "substitute", "value_function",
]  # fmt: skip

_OF_MATH = (
    "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "hypot", "erf", "pow",
)  # fmt: skip
_WHOLE: dict[str, Callable[[Any], Any]] = {"floor": math.floor, "ceil": math.ceil, "trunc": math.trunc, "round": round}

PRIMITIVES = frozenset((*_OF_MATH, *_WHOLE, "abs", "min", "max", "sum", "item", "where", "real"))
"""The functions that every reading supplies itself; any other that a row calls is a row."""


def scalar_names() -> dict[str, Any]:
    """Returns the functions that a row's scalar text calls, by name."""
    names = {name: getattr(math, name) for name in (*_OF_MATH, "nan", "inf")}
    names |= {name: _to_whole(of_math) for name, of_math in _WHOLE.items()}
    return names | {"item": lambda xs, i: xs[int(i)]}


def _to_whole(of_math: Callable[[Any], Any]) -> Callable[[float], float]:
    """A float for a float, with its sign, as NumPy has it: -0.0 for ceil(-0.5), and infinities as they are."""
    return lambda x: math.copysign(of_math(x), x) if math.isfinite(x) else x


# -------------------------------------------------------------------- from a row to functions


def function(op: Any, text: Text, functions: Mapping[str, Any] | None = None) -> Any:
    """Returns the row as a function of its operands, to its value and the tuple of its derivatives."""
    body = f"    out = {text.read(op.value)}\n    return out, ({_partials(op, text)})"
    return _defined("row", op, _arguments(op), body, functions)


def value_function(op: Any, text: Text, functions: Mapping[str, Any] | None = None) -> Any:
    """Returns the row as a function of its operands, to its value alone."""
    return _defined("value", op, _arguments(op), f"    return {text.read(op.value)}", functions)


def partials_function(op: Any, text: Text, functions: Mapping[str, Any] | None = None) -> Any:
    """Returns the row as a function of its value and its operands, to the tuple of its derivatives."""
    return _defined("derivatives", op, f"out, {_arguments(op)}", f"    return ({_partials(op, text)})", functions)


def _arguments(op: Any) -> str:
    return ", ".join(operand.lstrip("*") for operand in op.operands)


def _partials(op: Any, text: Text) -> str:
    """The derivatives as one tuple's inside; a group contributes one entry a member."""
    groups = [operand for operand in op.operands if operand.startswith("*")]
    members = ", ".join(group[1:-1] for group in groups)
    lists = ", ".join(group[1:] for group in groups)
    zipped = f"zip({lists})" if len(groups) > 1 else lists
    parts = []
    for operand, name in zip(op.operands, op.names):
        part = text.read(op.partials[name])
        if operand.startswith("*"):
            if f"*{part}s" in groups:  # just another member: the whole of its group
                part = f"*{part}s"
            elif "j" in names_in(part):
                part = f"*[{part} for j, ({members}) in enumerate({zipped})]"
            else:
                part = f"*[{part} for {members} in {zipped}]"
        parts.append(part)
    return ", ".join(parts) + ","


def _defined(what: str, op: Any, arguments: str, body: str, functions: Mapping[str, Any] | None) -> Any:
    """The function; that over floats has lines which a debugger and a traceback can show."""
    name, file = f"{op.name}_{what}", f"<{what} of {op.label}>"
    source = f"def {name}({arguments}):\n{body}\n"
    lines = (len(source), None, source.splitlines(keepends=True), file)
    if functions is None:
        linecache.cache[file] = lines
    namespace = dict(scalar_names() if functions is None else functions)
    exec(compile(source, file, "exec"), namespace)
    made = namespace.pop(name)
    finalize(made, _forget, file, lines)
    return made


def _forget(file: str, lines: tuple[Any, ...]) -> None:
    if linecache.cache.get(file) is lines:  # and not those of the same row, made again
        del linecache.cache[file]


def check(op: Any, rows: Mapping[str, Any]) -> None:
    """Raises ValueError for a row whose text can't be read, or that calls what is neither a function nor a row."""
    groups = {operand.lstrip("*") for operand in op.operands}
    constants = {"nan", "inf", *({"j"} if op.is_nary else ())}
    known = {*op.names, *groups, *constants, *PRIMITIVES, *rows}
    for what, text in {
        "value": op.value,
        **{f"derivative by {name}": text for name, text in op.partials.items()},
    }.items():
        at = f"row {op.name!r} can't be read: its {what}, {text!r},"
        try:
            tree = ast.parse(text, mode="eval")
        except SyntaxError as error:
            raise ValueError(f"{at} is no expression: {error.msg}") from None
        known |= {node.target.id for node in ast.walk(tree) if isinstance(node, ast.NamedExpr)}
        unknown = sorted(names_in(text) - known - ({"out"} if what != "value" else set()))
        if unknown:
            raise ValueError(f"{at} has {unknown[0]!r}, which is no operand, no function such as exp and no row")
    try:
        data, slopes = op.scalar(*([0.5, 0.25] if starred else 0.5 for starred in op.starred))
    except TypeError as error:
        raise ValueError(f"row {op.name!r} can't be computed: {error}") from None
    except (ArithmeticError, ValueError):  # it is not defined there
        return
    if not all(isinstance(each, (float, int)) for each in (data, *slopes)):
        raise ValueError(f"row {op.name!r} can't be computed: value and derivatives are numbers, but got {data!r}")


# -------------------------------------------------------------------- the text of a row, for each reading


class Text(ast.NodeTransformer):
    """Rewrites a row's expression for one reading; a call of an earlier row (`sigmoid(x)`) becomes that row's text."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        self.rows = rows

    def read(self, expression: str) -> str:
        """Returns the expression as this reading writes it."""
        if expression.lstrip("-").isdigit():
            return expression + ".0"  # a row's bare 1 is the float 1.0
        return ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(expression, mode="eval"))))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called not in self.rows or called in PRIMITIVES:
            return node
        inlined = ast.parse(self.rows[called].value, mode="eval").body
        return self.visit(_Rename(dict(zip(self.rows[called].operands, node.args))).visit(inlined))  # type: ignore[no-any-return]


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=function, ctx=ast.Load()), args=list(arguments), keywords=[])


class OverFloats(Text):
    """`math.pow` for `**`, which makes a complex number of a negative base; a list for a generator."""

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        self.generic_visit(node)
        return ast.ListComp(elt=node.elt, generators=node.generators)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return _call("pow", node.left, node.right) if isinstance(node.op, ast.Pow) else node


class OverArrays(Text):
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

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        whole, *rest = node.values
        for each in rest:
            sign = ast.BitOr() if isinstance(node.op, ast.Or) else ast.BitAnd()
            whole = ast.BinOp(left=whole, op=sign, right=each)
        return whole

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        whole = {name.id: f"{name.id}s" for name in ast.walk(node.generators[0].target) if isinstance(name, ast.Name)}
        renamed = _Rename({name: ast.Name(id=group, ctx=ast.Load()) for name, group in whole.items()}).visit(node.elt)
        return self.visit(renamed)  # type: ignore[no-any-return]


class OverReals(Text):
    """Comparisons look at `real` numbers: a complex number's real part, a Value's data."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        node.left, node.comparators = _call("real", node.left), [_call("real", each) for each in node.comparators]
        return node


class OverValues(OverReals):
    """Rows are called and not inlined: over Values each is a node of its own, with its own derivative.

    The first formula of a choice is the rule, and is not defined where the choice does not take it; any other is the
    exception, and is `chosen`, to be told from what holds everywhere.
    """

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        node.orelse = _call("chosen", node.orelse)
        return node

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
        return self.visit(node.body if eval(test, {**scalar_names(), **self.at}) else node.orelse)  # type: ignore[no-any-return]

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


def branches(expression: str) -> tuple[str, list[str]]:
    """Returns an expression for the number of the branch that a choice takes, and each branch as an expression.

    >>> branches("1 / x if x > 0 else inf")
    ('0 if x > 0 else 1', ['1 / x', 'inf'])
    """
    found: list[str] = []

    def take(text: str) -> str:
        yes, no = _Taken("body"), _Taken("orelse")
        taken, other = (ast.unparse(each.visit(ast.parse(text, mode="eval"))) for each in (yes, no))
        if not yes.test:
            found.append(text)
            return str(len(found) - 1)
        return f"{take(taken)} if {yes.test} else {take(other)}"

    return take(expression), found


class _Taken(ast.NodeTransformer):
    """Takes one branch of the first choice."""

    def __init__(self, branch: str) -> None:
        self.branch, self.test = branch, ""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if self.test:
            return node
        self.test = ast.unparse(node.test)
        return getattr(node, self.branch)  # type: ignore[no-any-return]


def names_in(expression: str) -> set[str]:
    """Returns the names that an expression reads."""
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
