"""Reads an arithmetic expression as text and makes Values of it; nothing but the table's operations can run.

The text is parsed and walked, never evaluated as Python: there are numbers, the names that were given, `+ - * / **`,
and calls of operations by their name in the table. Length and depth are limited, so that no text can hang or crash it.
"""

from __future__ import annotations

import ast
import difflib
import operator
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micrograd_plus import operation, ops
from micrograd_plus.functions import select, softmax
from micrograd_plus.operation import Op
from micrograd_plus.value import Value, apply, constant

__all__ = ["evaluate", "functions"]

LONGEST, DEEPEST = 4000, 200
"""The most characters of an expression, and the deepest nesting of its parts."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

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


def functions() -> dict[str, Op | Callable[..., Op]]:
    """Returns every operation that an expression can call, by name: rows of the table, and families of rows.

    A row is found under its label too (`max`, `sum`) where that is a word.

    >>> functions()["max"] is functions()["maximum"]
    True
    """
    labels = {op.label: op for op in operation.TABLE.values() if op.label.isidentifier()}
    return labels | operation.TABLE | operation.FAMILIES


def evaluate(text: str, values: Mapping[str, Value]) -> Value:
    """Returns the Value of an expression in these named Values.

    Raises ValueError for text that is not such an expression, KeyError for a name that has no value, and what the
    operations raise outside of their domain; each message tells what was expected.

    >>> evaluate("2*x**2 + 1", {"x": Value(3.0)})
    Value(19)
    """
    if len(text) > LONGEST:
        raise ValueError(f"the expression has {len(text):,} characters; the most is {LONGEST:,}")
    text = text.strip()
    found: Value | list[Value] = _Reader(text, values).read(_parsed(text))
    if isinstance(found, list):
        raise ValueError("the expression gives a list of values; pick one, as in softmax([a, b])[0]")
    return found


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of odd spelling is nothing to the user
            tree = ast.parse(text, mode="eval").body
        if _depth(tree) <= DEEPEST:
            return tree
        reason = _TOO_DEEP
    except (MemoryError, RecursionError):
        reason = _TOO_DEEP
    except (SyntaxError, ValueError) as error:
        column = f"character {error.offset}: " if isinstance(error, SyntaxError) and error.offset else ""
        reason = column + (str(error.msg) if isinstance(error, SyntaxError) else str(error))
    raise ValueError(f"the expression {text[:60]!r} can't be read: {reason if text else 'it is empty'}")


_TOO_DEEP = f"its parts are nested more than {DEEPEST} deep; shorten it, or write a long sum as sum([a, b, ...])"


def _depth(tree: ast.expr) -> int:
    """How deep an expression's parts are nested, counted without recursion."""
    depth, layer = 0, [tree]
    while layer:
        depth += 1
        layer = [child for node in layer for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return depth


class _Reader:
    """Walks a parsed expression; each part becomes a Value, or a list of Values."""

    def __init__(self, text: str, values: Mapping[str, Value]) -> None:
        self.text, self.values = text, values
        self.functions = functions()

    def read(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return constant(_literal(node))
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            right = _number(node.right) if isinstance(node.op, ast.Pow) else None  # a number is burnt into the power
            return _ARITHMETIC[type(node.op)](self._one(node.left), self._one(node.right) if right is None else right)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            if (number := _number(node)) is not None:
                return constant(number)
            return -self._one(node.operand) if isinstance(node.op, ast.USub) else self._one(node.operand)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._one(each) for each in node.elts]
        if isinstance(node, ast.Subscript):
            return self._picked(node)
        kind = type(node.op) if isinstance(node, (ast.BinOp, ast.UnaryOp)) else type(node)
        what = _INSTEAD.get(
            kind, f"`{self._shown(node)}` is no arithmetic; use numbers, names, + - * / ** and operations"
        )
        raise ValueError(what)

    def _one(self, node: ast.expr) -> Value:
        found = self.read(node)
        if isinstance(found, list):
            raise ValueError(f"`{self._shown(node)}` is a list, where one value is needed; sum([...]) adds it up")
        return found  # type: ignore[no-any-return]

    def _named(self, name: str) -> Value:
        if name in self.values:
            return self.values[name]
        if name in self.functions:
            raise KeyError(f"{name} is an operation: give it operands, as in {name}(x)")
        raise KeyError(f"{name} has no value{_guess(name, self.values)}; add {name}=NUMBER")

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise ValueError(
                f"`{self._shown(node.func)}` can't be called; operations are called by name, as in tanh(x)"
            )
        name = node.func.id
        if name == "softmax":
            return softmax(*self._groups(name, ("*xs",), node))
        if name == "select":  # the function looks at the index, which the bare row takes as it is
            return select(*self._groups(name, ops.select.operands, node))
        found = self.functions.get(name)
        if found is None:
            raise KeyError(f"there is no operation {name}{_guess(name, self.functions)}")
        if isinstance(found, Op):
            return apply(found, *self._groups(name, found.operands, node))
        return self._of_family(name, found, node)

    def _groups(self, name: str, operands: Sequence[str], node: ast.Call) -> list[Any]:
        """The operands of a call, as many as the row has; the only group of a row may be written without brackets."""
        if node.keywords:
            raise ValueError(f"{name} takes its operands by place, not by name ({node.keywords[0].arg}=...)")
        given = [self.read(each) for each in node.args]
        if len(operands) == 1 and operands[0].startswith("*") and not (len(given) == 1 and isinstance(given[0], list)):
            given = [given]
        shape = ", ".join("[...]" if each.startswith("*") else each for each in operands)
        wrong = len(given) != len(operands) or any(
            isinstance(each, list) is not operand.startswith("*") for each, operand in zip(given, operands)
        )
        if wrong or any(isinstance(part, list) for each in given if isinstance(each, list) for part in each):
            raise ValueError(f"{name} is written {name}({shape}), but here it is `{self._shown(node)}`")
        return given

    def _of_family(self, name: str, family: Callable[..., Op], node: ast.Call) -> Value:
        """A row with constants: the operand comes first, then the constants, which must be written as numbers."""
        numbers = [_constant(each) for each in node.args[1:]]
        named = {each.arg: _constant(each.value) for each in node.keywords if each.arg}
        if not node.args or None in (*numbers, *named.values()) or len(named) != len(node.keywords):
            raise ValueError(f"{name} takes an operand and then plain numbers, but here it is `{self._shown(node)}`")
        operand = self._one(node.args[0])
        try:
            return apply(family(*numbers, **named), operand)
        except TypeError:
            raise ValueError(f"{name} has no such constants: `{self._shown(node)}`") from None

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


def _constant(node: ast.expr) -> float | str | None:
    """A number or a word that is burnt into a row."""
    word = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if word else _number(node)  # type: ignore[attr-defined]


def _guess(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
