"""The text of a row, written as NumPy: from `1 - out**2` to `np.subtract(1, h ** 2, out=d)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from micrograd_plus import reading
from micrograd_plus.operation import TABLE, Op

__all__ = ["assignment", "numpy_text", "product", "renamed"]

_UFUNCS = {
    **{name: name for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "hypot", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "floor", "ceil", "trunc", "abs",
    )},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "round": "rint", "min": "minimum", "max": "maximum",
}  # fmt: skip
"""What a row calls a function, and what NumPy calls it."""

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
}  # fmt: skip


class _NumPy(reading.OverArrays):
    """The array reading in NumPy's own words.

    `axis` is the axis along which a group's members lie: `sum`, and `max` and `min` of one group, go along it.
    """

    def __init__(self, axis: int) -> None:
        super().__init__(TABLE)
        self.axis = axis

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _numpy(node.id) if node.id in ("inf", "nan") else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        visited = super().visit_Call(node)
        if not isinstance(visited, ast.Call) or not isinstance(visited.func, ast.Name):
            return visited
        name = visited.func.id
        if name == "sum" or (name in ("max", "min") and len(visited.args) == 1):
            ufunc = "add" if name == "sum" else _UFUNCS[name]
            along = {"axis": self.axis, "keepdims": True}
            return ast.Call(
                func=ast.Attribute(value=_numpy(ufunc), attr="reduce", ctx=ast.Load()), args=visited.args,
                keywords=[ast.keyword(arg=name, value=ast.Constant(value)) for name, value in along.items()],
            )  # fmt: skip
        if name in _UFUNCS:
            visited.func = _numpy(_UFUNCS[name])
        return visited

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        choice = super().visit_IfExp(node)
        assert isinstance(choice, ast.Call)
        test, one, zero = choice.args
        if _is_number(one, 1.0) and _is_number(zero, 0.0):
            return test  # a truth value is 1 or 0 in any product; see `numpy_text`
        choice.func = _numpy("where")
        return choice

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        visited = super().visit_BinOp(node)
        if isinstance(visited, ast.BinOp) and not isinstance(visited.op, ast.Mult):
            visited.left, visited.right = _as_number(visited.left), _as_number(visited.right)
        return visited

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        node.operand = _as_number(node.operand)
        return node


def _numpy(name: str) -> ast.Attribute:
    return ast.Attribute(value=ast.Name(id="np", ctx=ast.Load()), attr=name, ctx=ast.Load())


def _as_number(node: ast.expr) -> ast.expr:
    """A truth value as a number: true minus true is not defined."""
    return ast.BinOp(left=node, op=ast.Mult(), right=ast.Constant(1.0)) if isinstance(node, ast.Compare) else node


def _is_number(node: ast.expr, number: float) -> bool:
    return isinstance(node, ast.Constant) and node.value == number


def numpy_text(op: Op, expression: str, names: Mapping[str, str], axis: int = 0) -> str:
    """Returns a row's expression over arrays, with these texts for its operands.

    It may be a comparison, which is 1 or 0 wherever it is multiplied.

    >>> from micrograd_plus import ops
    >>> numpy_text(ops.tanh, ops.tanh.partials["x"], {"out": "h"})
    '1 - h ** 2'
    >>> numpy_text(ops.relu, ops.relu.partials["x"], {"x": "a"})
    'a > 0'
    """
    return renamed(_in_numpy(op, expression, axis), names)


@lru_cache(maxsize=1024)
def _in_numpy(op: Op, expression: str, axis: int) -> str:
    return _NumPy(axis).read(expression)


def renamed(expression: str, names: Mapping[str, str]) -> str:
    """Returns an expression with other expressions in the place of names.

    >>> renamed("-x * y", {"x": "a + b"})
    '-(a + b) * y'
    """
    return ast.unparse(_Renamed(names).visit(ast.parse(expression, mode="eval")))


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.names[node.id], mode="eval").body if node.id in self.names else node


def product(upstream: str, partial: str) -> str:
    """Returns the text of the chain rule's product, without factors of 1.

    >>> product("d", "1.0"), product("d", "-1.0"), product("d", "x > 0"), product("d", "1 - h ** 2")
    ('d', '-d', 'd * (x > 0)', 'd * (1 - h ** 2)')
    """
    if partial == "1.0":
        return upstream
    if partial == "-1.0":
        return f"-{upstream}"
    return f"{upstream} * ({partial})" if not partial.isidentifier() else f"{upstream} * {partial}"


def assignment(target: str, text: str) -> str:
    """Returns the statement that works `text` out into the array `target`, without a copy where that is possible.

    >>> assignment("d", "a * (1 - h ** 2)")
    'np.multiply(a, 1 - h ** 2, out=d)'
    >>> assignment("d", "np.exp(a)")
    'np.exp(a, out=d)'
    """
    function = ""
    operands: list[ast.AST] = []
    match ast.parse(text, mode="eval").body:
        case ast.BinOp(left, ast.Pow(), ast.Constant(2)):
            function, operands = "np.square", [left]  # NumPy's ** knows roots and reciprocals, np.power does not
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            function, operands = f"np.{_OPERATORS[type(operator)]}", [left, right]
        case ast.UnaryOp(ast.USub(), operand):
            function, operands = "np.negative", [operand]
        case ast.Call(called, arguments, keywords):
            name = ast.unparse(called)
            if name in _CALLS or name.endswith(".reduce"):
                function, operands = name, [*arguments, *keywords]
    if not function:
        return f"{target}[...] = {text}"
    return f"{function}({', '.join(map(ast.unparse, operands))}, out={target})"


_CALLS = {"np.matmul", "np.dot", *(f"np.{name}" for name in _UFUNCS.values())}
"""What takes an array to write to."""
