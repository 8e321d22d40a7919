"""The text of a row, written in C and in JavaScript: from `1 - out**2` to `1.0 - h[i] * h[i]`.

Both languages write arithmetic, comparisons and choices alike, so there is one reading; a `Dialect` is what differs:
the names of functions, and how a number, a loop, a table and a piece of an array are written.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from micrograd_plus import reading
from micrograd_plus.operation import TABLE

__all__ = ["C99", "JAVASCRIPT", "Before", "Dialect", "Formula", "hoisted"]


@dataclass(frozen=True)
class Dialect:
    """How a language writes what the other one writes differently.

    `functions` has its name for what a row calls, where that is another; `array` declares an array, `scalar` a number,
    `whole` a counter; `suffix` ends a number.
    """

    name: str
    functions: Mapping[str, str]
    array: str
    scalar: str
    whole: str
    suffix: str = ""

    def number(self, number: float) -> str:
        """Returns a number as the language writes it.

        >>> C99.number(2), C99.number(-0.5), JAVASCRIPT.number(math.inf)
        ('2.0', '-0.5', 'Infinity')
        """
        if math.isfinite(number):
            return repr(float(number)) + self.suffix
        name = self.functions["nan" if math.isnan(number) else "inf"]
        return f"-{name}" if number < 0 else name

    def loop(self, variable: str, count: str | int) -> str:
        """Returns the head of a loop from 0 to below `count`."""
        return f"for ({self.whole} {variable} = 0; {variable} < {count}; {variable}++)"

    def offset(self, array: str, start: str) -> str:
        """Returns the part of an array from a place on."""
        if start == "0":
            return array
        return f"{array} + {start}" if self.name == "c" else f"{array}.subarray({start})"

    def table(self, name: str, numbers: Sequence[int]) -> str:
        """Returns the statement that defines a table of whole numbers."""
        inside = ", ".join(map(str, numbers))
        if self.name == "c":
            return f"static const int {name}[] = {{{inside}}};"
        return f"const {name} = Int32Array.of({inside});"

    def function(self, name: str, arrays: Sequence[str], numbers: Sequence[str] = ()) -> str:
        """Returns the head of a function of arrays and numbers that returns nothing."""
        if self.name != "c":
            return f"function {name}({', '.join([*arrays, *numbers])}) {{"
        given = [*(f"real *restrict {each}" for each in arrays), *(f"double {each}" for each in numbers)]
        return f"void {name}({', '.join(given)}) {{"

    def narrow(self) -> Dialect:
        """Returns the dialect for numbers of 32 bits."""
        return replace(self, suffix="f")


C99 = Dialect(
    "c",
    {
        "exp": "fast_exp", "expm1": "fast_expm1", "tanh": "fast_tanh", "abs": "fabs", "round": "rint",
        "inf": "INFINITY", "nan": "NAN",
    },
    "real *", "real ", "int",
)  # fmt: skip
"""The C of 1999, with the functions of the package's `kernels.c`; `real` is double or float."""

JAVASCRIPT = Dialect("js", {"inf": "Infinity", "nan": "NaN"}, "const ", "let ", "let")
"""JavaScript over typed arrays, with the functions of the package's `kernels.js`."""


_CHOICE, _OR, _AND, _EQUAL, _COMPARED, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)

_BINARY: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", _SUM), ast.Sub: ("-", _SUM), ast.Mult: ("*", _PRODUCT), ast.Div: ("/", _PRODUCT),
}  # fmt: skip
_COMPARE: dict[type[ast.AST], tuple[str, int]] = {
    ast.Lt: ("<", _COMPARED), ast.LtE: ("<=", _COMPARED), ast.Gt: (">", _COMPARED), ast.GtE: (">=", _COMPARED),
    ast.Eq: ("==", _EQUAL), ast.NotEq: ("!=", _EQUAL),
}  # fmt: skip


_ROOTS = {
    "0.5": "root({0})", "1.5": "{abs}({0}) * root({0})", "-0.5": "{one} / root({0})",
    "-1.5": "{one} / ({abs}({0}) * root({0}))",
}  # fmt: skip
"""How a power of halves is written; `root` and the size are what make that of -inf the infinity, or 0, that pow has."""


@dataclass(frozen=True)
class Formula:
    """The reading of a row's expression in a dialect.

    `names` has the text for each name in it; `item` writes the member of a group at a place that is a number.
    """

    dialect: Dialect
    names: Mapping[str, str]
    item: Callable[[str, str], str] | None = None

    def read(self, expression: str) -> str:
        """Returns the expression in the dialect.

        >>> Formula(C99, {"x": "z[i]"}).read("max(x, 0) + log1p(exp(-abs(x)))")
        'max(z[i], 0.0) + log1p(fast_exp(-fabs(z[i])))'
        >>> Formula(JAVASCRIPT, {"x": "x", "y": "y"}).read("0 if y == 0 else y * x ** (y - 1)")
        'y == 0.0 ? 0.0 : y * pow(x, y - 1.0)'
        """
        return self.text(_inlined(expression), _CHOICE)

    def text(self, node: ast.expr, least: int = _CHOICE) -> str:
        """Returns the text of a node, in brackets where it binds less than `least`."""
        written, binds = self.part(node)
        return written if binds >= least else f"({written})"

    def part(self, node: ast.expr) -> tuple[str, int]:
        """Returns the text of a node, and how strongly it binds."""
        match node:
            case ast.Constant(value):
                return self.constant(float(value))  # type: ignore[arg-type]
            case ast.Name(name):
                return self.name(name)
            case ast.UnaryOp(ast.USub(), ast.Constant(value)):
                return self.constant(-float(value))  # type: ignore[arg-type]
            case ast.UnaryOp(ast.USub(), operand):
                return f"-{self.text(operand, _ATOM)}", _SIGN
            case ast.UnaryOp(ast.Not(), operand):
                return f"!{self.text(operand, _ATOM)}", _SIGN
            case ast.BinOp(left, ast.Pow(), right):
                return self.power(left, right)
            case ast.BinOp(left, operator, right):
                sign, binds = _BINARY[type(operator)]
                return f"{self.text(left, binds)} {sign} {self.text(right, binds + 1)}", binds
            case ast.Compare(left, [operator], [right]):
                sign, binds = _COMPARE[type(operator)]
                return f"{self.text(left, binds + 1)} {sign} {self.text(right, binds + 1)}", binds
            case ast.BoolOp(operator, values):
                sign, binds = ("&&", _AND) if isinstance(operator, ast.And) else ("||", _OR)
                return f" {sign} ".join(self.text(each, binds + 1) for each in values), binds
            case ast.IfExp(test, body, orelse):
                return f"{self.text(test, _OR)} ? {self.text(body, _OR)} : {self.text(orelse, _CHOICE)}", _CHOICE
            case ast.Call(ast.Name(name), arguments):
                return self.call(name, arguments), _ATOM
        raise NotImplementedError(f"a row can't be read in {self.dialect.name}: {ast.unparse(node)}")

    def constant(self, number: float) -> tuple[str, int]:
        """Returns a number, which binds as a sign does if it has one."""
        text = self.dialect.number(number)
        return text, _SIGN if text.startswith("-") else _ATOM

    def name(self, name: str) -> tuple[str, int]:
        """Returns what stands for a name."""
        if name in ("inf", "nan"):
            return self.dialect.functions[name], _ATOM
        text = self.names.get(name, name)
        return text, _SIGN if text.startswith("-") else _ATOM

    def power(self, base: ast.expr, exponent: ast.expr) -> tuple[str, int]:
        """Returns a power: products for small whole ones, and roots for halves."""
        root = _ROOTS.get(ast.unparse(exponent))
        if root and isinstance(base, ast.Name):
            size = self.dialect.functions.get("abs", "abs")
            text = root.format(self.text(base, _ATOM), one=self.dialect.number(1.0), abs=size)
            return text, _ATOM if text.startswith("root") else _PRODUCT
        if isinstance(exponent, ast.Constant) and exponent.value in (2, 3, 4):
            count = int(exponent.value.real)
            if isinstance(base, ast.Name):
                return " * ".join([self.text(base, _PRODUCT + 1)] * count), _PRODUCT
            inner = self.text(base)
            return {2: f"square({inner})", 3: f"cube({inner})", 4: f"square(square({inner}))"}[count], _ATOM
        return f"pow({self.text(base)}, {self.text(exponent)})", _ATOM

    def call(self, name: str, arguments: Sequence[ast.expr]) -> str:
        """Returns a call; `max` and `min` take two at a time, and `item` is a member of a group."""
        if name == "item" and isinstance(arguments[0], ast.Name):
            assert self.item is not None
            return self.item(arguments[0].id, self.text(arguments[1]))
        texts = [self.text(each) for each in arguments]
        if name in ("max", "min"):
            whole = texts[0]
            for each in texts[1:]:
                whole = f"{name}({whole}, {each})"
            return whole
        return f"{self.dialect.functions.get(name, name)}({', '.join(texts)})"


@lru_cache(maxsize=1024)
def _inlined(expression: str) -> ast.expr:
    """The row's expression with the rows that it calls put in."""
    return ast.parse(reading.Text(TABLE).read(expression), mode="eval").body


# -------------------------------------------------------------------- what comes before an expression


class Before(NamedTuple):
    """A number that an expression over lists needs: `name` is the sum, max or min (`kind`) of `text` over the members.

    Where `kind` is "", there is no list: the name stands for the text.
    """

    name: str
    kind: str
    text: str


@lru_cache(maxsize=1024)
def hoisted(expression: str) -> tuple[tuple[Before, ...], str]:
    """Returns what must be made before an expression, in order, and what is then left of it, both as rows write it.

    >>> before, left = hoisted("(peak := max(xs)) + log(sum(exp(x - peak) for x in xs))")
    >>> print(*before, left, sep="\\n")
    Before(name='most_1', kind='max', text='x')
    Before(name='peak', kind='', text='most_1')
    Before(name='added_3', kind='sum', text='exp(x - peak)')
    peak + log(added_3)
    """
    tree = _Hoist()
    left = ast.unparse(tree.visit(ast.parse(ast.unparse(_inlined(expression)), mode="eval").body))
    return tuple(tree.found), left


class _Hoist(ast.NodeTransformer):
    def __init__(self) -> None:
        self.found: list[Before] = []

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.found.append(Before(node.target.id, "", ast.unparse(self.visit(node.value))))
        return node.target

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        kind = node.func.id if isinstance(node.func, ast.Name) else ""
        if kind not in ("sum", "max", "min") or len(node.args) > 1:
            return node
        inside = node.args[0]
        if isinstance(inside, ast.Name):  # of a group, each member as it is
            inside = ast.Name(id=inside.id[:-1], ctx=ast.Load())
        text = ast.unparse(inside.elt if isinstance(inside, ast.GeneratorExp) else inside)
        name = {"sum": "added", "max": "most", "min": "least"}[kind]
        known = {(each.kind, each.text): each.name for each in self.found}
        if (kind, text) not in known:
            known[kind, text] = f"{name}_{len(self.found) + 1}"
            self.found.append(Before(known[kind, text], kind, text))
        return ast.Name(id=known[kind, text], ctx=ast.Load())
