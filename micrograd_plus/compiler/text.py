"""The text of a row, written as NumPy: from `1 - out**2` to `np.subtract(1, h ** 2, out=d)`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from functools import cache

from micrograd_plus.operation import Op

__all__ = ["assignment", "numpy_text", "product"]

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


class _ToNumPy(ast.NodeTransformer):
    """Puts operands in the place of names and NumPy's functions in the place of a row's.

    `axis` is the axis along which a group's members lie: `sum`, and `max` and `min` of one group, go along it.
    """

    def __init__(self, names: Mapping[str, str], axis: int) -> None:
        self.names, self.axis = names, axis

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("inf", "nan"):
            return ast.Attribute(value=ast.Name(id="np", ctx=ast.Load()), attr=node.id, ctx=ast.Load())
        text = self.names.get(node.id)
        return node if text is None else ast.parse(text, mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "sum" or (name in ("max", "min") and len(node.args) == 1):
            ufunc = "add" if name == "sum" else _UFUNCS[name]
            source = f"np.{ufunc}.reduce(x, axis={self.axis}, keepdims=True)"
            reduced = ast.parse(source, mode="eval").body
            assert isinstance(reduced, ast.Call)
            reduced.args = node.args
            return reduced
        if name == "where" and _is_number(node.args[1], 1.0) and _is_number(node.args[2], 0.0):
            return node.args[0]  # a truth value is 1 or 0 in any product; see `numpy_text`
        if name in _UFUNCS or name == "where":
            numpy = ast.Name(id="np", ctx=ast.Load())
            node.func = ast.Attribute(value=numpy, attr=_UFUNCS.get(name, name), ctx=ast.Load())
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        for side in ("left", "right"):  # true minus true is not defined
            if isinstance(getattr(node, side), ast.Compare) and not isinstance(node.op, ast.Mult):
                setattr(node, side, ast.BinOp(left=getattr(node, side), op=ast.Mult(), right=ast.Constant(1.0)))
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.operand, ast.Compare):
            node.operand = ast.BinOp(left=node.operand, op=ast.Mult(), right=ast.Constant(1.0))
        return node


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
    tree = copy.deepcopy(_array_tree(op, expression))
    return ast.unparse(ast.fix_missing_locations(_ToNumPy(names, axis).visit(tree)))


@cache
def _array_tree(op: Op, expression: str) -> ast.expr:
    return ast.parse(op.array_text(expression), mode="eval").body


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
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow):
        if _is_number(tree.right, 2):
            return f"np.square({ast.unparse(tree.left)}, out={target})"
        return f"{target}[...] = {text}"  # NumPy's ** knows roots and reciprocals, np.power does not
    if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
        left, right = ast.unparse(tree.left), ast.unparse(tree.right)
        return f"np.{_OPERATORS[type(tree.op)]}({left}, {right}, out={target})"
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return f"np.negative({ast.unparse(tree.operand)}, out={target})"
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        inner = tree.func.value
        whole = ast.unparse(tree.func)
        known = whole in ("np.matmul", "np.dot") or (
            isinstance(inner, ast.Name) and inner.id == "np" and tree.func.attr in _UFUNCS.values()
        )
        if known or tree.func.attr == "reduce":
            arguments = ", ".join([ast.unparse(each) for each in (*tree.args, *tree.keywords)])
            return f"{whole}({arguments}, out={target})"
    return f"{target}[...] = {text}"
