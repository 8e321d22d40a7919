"""An optimizer's rule as a loop over all parameters: the step of a program in C or in JavaScript."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from micrograd_plus.compiler.dialects import Dialect, Formula
from micrograd_plus.compiler.update import Statement

__all__ = ["PLAIN", "StepRule", "step_lines"]


@dataclass(frozen=True)
class StepRule:
    """An optimizer's rule as plain data; see `compiler.update`."""

    statements: Sequence[Statement]
    states: Sequence[str]
    options: Mapping[str, Any]


PLAIN = StepRule([("w", "w - lr * g")], (), {})
"""Gradient descent, without anything."""


def step_lines(dialect: Dialect, rule: StepRule) -> list[str]:
    """Returns the function that changes every parameter `w`, and its states, by the rule.

    >>> from micrograd_plus.compiler.dialects import JAVASCRIPT
    >>> print(*step_lines(JAVASCRIPT, PLAIN), sep="\\n", end="")
    function update(w, g, all, t, lr) {
        for (let i = 0; i < w.length; i++) {
            w[i] = w[i] - lr * g[i];
        }
    }
    """
    before, inside = _lines(dialect, rule)
    if dialect.name == "c":
        head = "static void update(real *restrict w, real *restrict g, real *all, int64_t count, double t, double rate)"
        start = [f"real *restrict {name} = all + {i} * count;" for i, name in enumerate(rule.states)]
        start += ["real lr = (real)rate;"]
        loop = "for (int64_t i = 0; i < count; i++) {"
    else:
        head = "function update(w, g, all, t, lr)"
        start = [f"const {name} = all[{i}];" for i, name in enumerate(rule.states)]
        loop = "for (let i = 0; i < w.length; i++) {"
    body = [*start, *before, loop, *(f"    {line}" for line in inside), "}"]
    return [f"{head} {{", *(f"    {line}" for line in body), "}", ""]


def _lines(dialect: Dialect, rule: StepRule) -> tuple[list[str], list[str]]:
    """The lines before the loop, and those in it."""
    names = {"w": "w[i]", "g": "g[i]", **{name: f"{name}[i]" for name in rule.states}}
    inside: list[str] = []
    hoisted = _Hoisted(dialect, {name: float(value) for name, value in rule.options.items()})
    for i, (name, expression) in enumerate(rule.statements):
        hoisted.vectors = {*names}
        text = Formula(dialect, names).read(hoisted.read(expression))
        if name in ("w", *rule.states):
            inside.append(f"{names[name]} = {text};")
        else:
            names[name] = name if name not in names else f"{name}_{i}"
            inside.append(f"{dialect.scalar}{names[name]} = {text};")
    return hoisted.lines, inside


class _Hoisted(ast.NodeTransformer):
    """Takes out of a rule's line what is the same for all parameters: numbers at once, what hangs on `t` in a step."""

    def __init__(self, dialect: Dialect, options: Mapping[str, float]) -> None:
        self.dialect, self.options = dialect, options
        self.lines: list[str] = []
        self.vectors: set[str] = set()

    def read(self, expression: str) -> str:
        """Returns what is left of the line."""
        return ast.unparse(self.visit(ast.parse(expression, mode="eval").body))

    def is_scalar(self, node: ast.AST) -> bool:
        """Returns whether a part is the same for all parameters."""
        return not {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & self.vectors

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Returns a product for a division by what is the same for all: its inverse is made once."""
        if isinstance(node.op, ast.Div) and self.is_scalar(node.right):
            inverse = ast.BinOp(left=ast.Constant(1.0), op=ast.Div(), right=node.right)
            node = ast.BinOp(left=node.left, op=ast.Mult(), right=inverse)
        return self.generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        """Returns what stands for a part of the line."""
        if not isinstance(node, ast.expr) or isinstance(node, (ast.Constant, ast.Compare)) or not self.is_scalar(node):
            return super().visit(node)
        if {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} <= set(self.options):
            return ast.Constant(eval(ast.unparse(node), {"__builtins__": {}}, dict(self.options)))
        if isinstance(node, ast.Name):
            return node
        known = _Options(self.options).visit(ast.parse(ast.unparse(node), mode="eval").body)
        name, text = f"c{len(self.lines)}", Formula(replace(self.dialect, suffix=""), {}).read(ast.unparse(known))
        self.lines.append(f"{self.dialect.scalar}{name} = {text};")
        return ast.Name(id=name, ctx=ast.Load())


class _Options(ast.NodeTransformer):
    def __init__(self, options: Mapping[str, float]) -> None:
        self.options = options

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.options[node.id]) if node.id in self.options else node
