"""Reads an arithmetic expression as text and makes Values of it; nothing but the table's operations can run.

The text is parsed and walked, never evaluated as Python: there are numbers, the names that were given, `+ - * / **`,
and calls of operations by their name in the table. Length and depth are limited, so that no text can hang or crash it.
"""

from __future__ import annotations

import ast
import operator
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from micrograd_plus import operation, ops
from micrograd_plus.checks import guess
from micrograd_plus.functions import select, softmax
from micrograd_plus.operation import Family
from micrograd_plus.value import Value, apply, constant

__all__ = ["Function", "evaluate", "functions"]

_LONGEST = 4000  # characters of an expression

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip

_INSTEAD = {
    ast.BitXor: "`^` is no operation here; a power is written `**`",
    ast.Mod: "`%` is no operation of the table",
    ast.FloorDiv: "`//` is no operation of the table; division is `/`",
    ast.MatMult: "`@` is no operation here; write dot([a, b], [c, d])",
    ast.Compare: "a comparison is no operation of the table; step(x) is 1 where x is above 0",
    ast.IfExp: "a choice is no operation of the table; maximum, minimum and step make choices",
    ast.Attribute: "a dot after a name means nothing here; write tanh(x) and not x.tanh()",
}
"""What to say about syntax that Python has and this language has not."""


@dataclass(frozen=True, eq=False)
class Function:
    """What an expression calls by name: operands, the constants that may follow them (with defaults), what they make.

    >>> print(functions()["dot"], functions()["leaky_relu"])
    dot([...], [...]) leaky_relu(x, negative_slope=0.01)
    """

    name: str
    operands: tuple[str, ...]
    run: Callable[..., Any]
    constants: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        operands = ["[...]" if each.startswith("*") else each for each in self.operands]
        defaults = [repr(each) if isinstance(each, str) else f"{each:g}" for each in self.constants.values()]
        return f"{self.name}({', '.join([*operands, *map('='.join, zip(self.constants, defaults))])})"


def functions() -> dict[str, Function]:
    """Returns every operation that an expression can call, by name: rows of the table, and families of rows.

    A row is found under its label too (`max`, `sum`) where that is a word.

    >>> print(functions()["max"], functions()["clamp"])
    maximum(x, y) clamp(x, min=-inf, max=inf)
    """
    rows = {name: Function(name, op.operands, partial(apply, op)) for name, op in operation.TABLE.items()}
    rows["select"] = Function("select", ops.select.operands, select)  # which looks at the index, unlike the bare row
    rows["softmax"] = Function("softmax", ("*xs",), softmax)
    families = {
        name: Function(name, family().operands, partial(_member, family), family.defaults)
        for name, family in operation.FAMILIES.items()
    }
    labels = {op.label: rows[name] for name, op in operation.TABLE.items() if op.label.isidentifier()}
    return {**rows, **families, **{label: each for label, each in labels.items() if label not in rows}}


def _member(family: Family[...], *operands: Any, **constants: Any) -> Value:
    return apply(family(**constants), *operands)


def evaluate(text: str, values: Mapping[str, Value]) -> Value:
    """Returns the Value of an expression in these named Values.

    Raises ValueError for text that is not such an expression, KeyError for a name that has no value, and what the
    operations raise outside of their domain; each message tells what was expected.

    >>> evaluate("2*x**2 + 1", {"x": Value(3.0)})
    Value(19)
    """
    if len(text) > _LONGEST:
        raise ValueError(f"the expression has {len(text):,} characters; the most is {_LONGEST:,}")
    text = text.strip()
    try:
        found: Value | list[Value] = _Reader(text, values).read(_parsed(text))
    except (MemoryError, RecursionError):
        cure = "shorten it, or write a long sum as sum([a, b, ...])"
        raise ValueError(f"the expression {text[:60]!r} can't be read: its parts are nested too deep; {cure}") from None
    if isinstance(found, list):
        raise ValueError("the expression gives a list of values; pick one, as in softmax([a, b])[0]")
    return found


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of odd spelling is nothing to the user
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        reason = f"character {error.offset}: {error.msg}" if error.offset else error.msg
    except ValueError as error:
        reason = str(error)
    what, cure = reason if text else "it is empty", "write it as in 'tanh(w*x + b)'"
    raise ValueError(f"the expression {text[:60]!r} can't be read: {what}; {cure}")


class _Reader:
    """Walks a parsed expression; each part becomes a Value, or a list of Values."""

    def __init__(self, text: str, values: Mapping[str, Value]) -> None:
        self.text, self.values = text, values
        self.functions = functions()

    def read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return constant(_literal(node))
            case ast.Name(name):
                return self._named(name)
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                exponent = _number(right) if isinstance(op, ast.Pow) else None  # a number is burnt into the power
                return _ARITHMETIC[type(op)](self._one(left), self._one(right) if exponent is None else exponent)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                if (number := _number(node)) is not None:
                    return constant(number)
                return -self._one(operand) if isinstance(sign, ast.USub) else self._one(operand)
            case ast.Call(ast.Name(name)):
                return self._call(name, node)
            case ast.Call(func):
                cure = "operations are called by name, as in tanh(x)"
                raise ValueError(f"`{self._shown(func)}` can't be called; {cure}")
            case ast.List(parts) | ast.Tuple(parts):
                return [self._one(each) for each in parts]
            case ast.Subscript():
                return self._picked(node)
        what = f"`{self._shown(node)}` is no arithmetic; use numbers, names, + - * / ** and operations"
        raise ValueError(_INSTEAD.get(type(getattr(node, "op", node)), what))

    def _one(self, node: ast.expr) -> Value:
        found = self.read(node)
        if isinstance(found, list):
            raise ValueError(f"`{self._shown(node)}` is a list, where one value is needed; sum([...]) adds it up")
        return found  # type: ignore[no-any-return]

    def _named(self, name: str) -> Value:
        if name in self.values:
            return self.values[name]
        if name in self.functions:
            raise KeyError(f"{name} is an operation: give it operands, as in {self.functions[name]}")
        raise KeyError(f"{name} has no value{_meant(name, self.values)}; add {name}=NUMBER")

    def _call(self, name: str, node: ast.Call) -> Any:
        found = self.functions.get(name)
        if found is None:
            raise KeyError(f"there is no operation {name}{_meant(name, self.functions)}")
        starred = [operand.startswith("*") for operand in found.operands]
        count = len(node.args) if any(starred) else len(starred)
        operands, constants = [self.read(each) for each in node.args[:count]], node.args[count:]
        if starred == [True] and not (len(operands) == 1 and isinstance(operands[0], list)):
            operands = [operands]  # the only group of a row may be written without brackets
        named = [*zip(found.constants, constants), *((each.arg or "", each.value) for each in node.keywords)]
        numbers = {name: _written(value) for name, value in named if name in found.constants}
        fits = len(numbers) == len(constants) + len(node.keywords) and None not in numbers.values()
        if not fits or [isinstance(each, list) for each in operands] != starred:
            raise ValueError(f"{name} is written {found}, but here it is `{self._shown(node)}`")
        return found.run(*operands, **numbers)

    def _picked(self, node: ast.Subscript) -> Value:
        found, index = self.read(node.value), _number(node.slice)
        if not isinstance(found, list) or index is None or not index.is_integer():
            raise ValueError(f"`{self._shown(node)}` picks nothing: only a list has members, by a whole number")
        if not 0 <= index < len(found):
            raise ValueError(f"`{self._shown(node)}` needs an index from 0 to {len(found) - 1}")
        return found[int(index)]  # type: ignore[no-any-return]

    def _shown(self, node: ast.AST) -> str:
        text = ast.get_source_segment(self.text, node) or ""
        return text if len(text) <= 60 else text[:57] + "..."


def _literal(node: ast.Constant) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise ValueError(f"{node.value!r} is not a number; an expression has numbers and names")
    if not abs(node.value) <= sys.float_info.max:
        raise ValueError(f"a number in the expression is too large; the largest is {sys.float_info.max:.2g}")
    return float(node.value)


def _number(node: ast.expr) -> float | None:
    """A number as it is written, with its sign; None for anything else."""
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign = -sign if isinstance(node.op, ast.USub) else sign
        node = node.operand
    return sign * _literal(node) if isinstance(node, ast.Constant) else None


def _written(node: ast.expr) -> float | str | None:
    """A number or a word as it is written; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else _number(node)


def _meant(name: str, known: Mapping[str, Any]) -> str:
    close = guess(name, known)
    return f" (did you mean {close}?)" if close else ""
