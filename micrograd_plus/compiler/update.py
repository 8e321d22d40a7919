"""The update of all parameters at once: an optimizer's rule, written as NumPy calls that reuse their memory.

A rule comes as plain data: its statements in order, each a name and the expression that is assigned to it, made of
`w` and `g` (vectors), `t` and `lr` (numbers), states (vectors, kept from step to step), options (numbers), `sqrt` and
`max`. A choice hangs on numbers alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from micrograd_plus.compiler.text import renamed

__all__ = ["Statement", "update_function", "update_source"]

Statement: TypeAlias = tuple[str, str]
"""A name, and the expression that is assigned to it."""

_CALLS: dict[type[ast.AST], str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
_FUNCTIONS = {"sqrt": "np.sqrt", "max": "np.maximum"}


def update_function(
    statements: Sequence[Statement],
    states: Sequence[str],
    options: Mapping[str, Any],
    size: int,
    dtype: str = "float64",
) -> Callable[..., None]:
    """Returns the rule over vectors: `update(w, g, t, lr, *states, new_w, *new_states)` fills the new ones.

    The arithmetic is the rule's own, operation by operation, so that the bits of the result are those of the rule over
    floats. A state may be its own new one.
    """
    source, buffers = update_source(statements, states)
    names = {
        "np": np,
        "sqrt": np.sqrt,
        "max": np.maximum,
        **options,
        **{name: np.empty(size, dtype) for name in buffers},
    }
    exec(compile(source, "<update>", "exec"), names)
    function: Callable[..., None] = names["update"]
    return function


def update_source(statements: Sequence[Statement], states: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the source of `update`, and the names of the buffers that it needs.

    >>> print(update_source([("w", "w - lr * g")], [])[0], end="")
    def update(w, g, t, lr, new_w):
        np.multiply(lr, g, new_w)
        np.subtract(w, new_w, new_w)
    """
    writer = _Writer(states)
    results = ["w", *states]
    for i, (name, expression) in enumerate(statements):
        later = statements[i + 1 :]
        last = name in results and all(name != other for other, _ in later)
        writer.assign(name, expression, f"new_{name}" if last else None)
        writer.uses[name] = _uses(name, later)
    arguments = ", ".join(["w", "g", "t", "lr", *states, *(f"new_{name}" for name in results)])
    body = "".join(f"    {line}\n" for line in writer.lines)
    return f"def update({arguments}):\n{body}", writer.buffers


def _uses(name: str, statements: Sequence[Statement]) -> int:
    """How often a name is read in some statements before one of them assigns it anew."""
    count = 0
    for assigned, expression in statements:
        count += _names(ast.parse(expression)).count(name)
        if assigned == name:
            break
    return count


def _names(tree: ast.AST) -> list[str]:
    return [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]


class _Writer:
    """Writes expressions as calls, each into a buffer that nobody needs any more."""

    def __init__(self, states: Sequence[str]) -> None:
        self.arrays = {name: name for name in ("w", "g", *states)}  # what each name is held in
        self.lines: list[str] = []
        self.buffers: list[str] = []
        self.uses: dict[str, int] = {}  # how often each name will still be read
        self.free = ["new_w"]  # written last of all, so that it can be written to before

    def assign(self, name: str, expression: str, target: str | None) -> None:
        """Says one line of the rule; its result goes into `target`, or into a buffer of its own."""
        text, is_array = self.expression(ast.parse(expression, mode="eval").body, target)
        if not is_array:
            self.lines.append(f"{name} = {text}")
            self.arrays.pop(name, None)
            return
        if target and text != target:
            self.lines.append(f"np.copyto({target}, {text})")
            text = target
        if text in self.free:
            self.free.remove(text)
        self.arrays[name] = text

    def expression(self, node: ast.expr, target: str | None = None) -> tuple[str, bool]:
        """Returns the text of an expression, or the array that it was worked out into, and whether it is an array."""
        if isinstance(node, ast.Name):
            held, is_array = self.arrays.get(node.id, node.id), node.id in self.arrays
            if node.id in self.uses:
                self.uses[node.id] -= 1
                if not self.uses[node.id]:
                    self.arrays.pop(node.id, None)  # read for the last time: its buffer may be written over
            return held, is_array
        if not any(name in self.arrays for name in _names(node)):
            text = ast.unparse(node)
            return (f"({text})" if isinstance(node, ast.BinOp) else text), False
        if isinstance(node, ast.BinOp) and type(node.op) in _CALLS:
            return self.call(f"np.{_CALLS[type(node.op)]}", [node.left, node.right], target), True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.call(_FUNCTIONS[node.func.id], node.args, target), True
        return f"({renamed(ast.unparse(node), self.arrays)})", True  # a choice, made once for all

    def call(self, function: str, operands: list[ast.expr], target: str | None) -> str:
        texts = [self.expression(each)[0] for each in operands]
        mine = {*self.buffers, "new_w"}
        done = [each for each in texts if each in mine and each not in self.arrays.values()]
        self.free = [*dict.fromkeys([*done, *self.free])]  # what was just read is the warmest to write to
        out = target or self.buffer()
        if out in self.free:
            self.free.remove(out)
        given = f"out={out}" if function == "np.maximum" else out  # as NumPy 2.5 wants it
        self.lines.append(f"{function}({', '.join([*texts, given])})")
        return out

    def buffer(self) -> str:
        if self.free:
            return self.free.pop(0)
        self.buffers.append(f"a{len(self.buffers)}")
        return self.buffers[-1]
