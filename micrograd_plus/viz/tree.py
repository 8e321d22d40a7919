"""A computation graph as lines of text: what a terminal shows, and what is left where no layout engine is."""

from __future__ import annotations

from collections.abc import Mapping

from micrograd_plus import operation
from micrograd_plus.value import Value
from micrograd_plus.viz.scene import grad_text, shortened
from micrograd_plus.words import number, value_words

__all__ = ["tree_text"]

LINES, DEPTH, WIDTH = 120, 24, 60  # the most lines of a tree, the deepest indentation, the longest formula in a line


def tree_text(root: Value, names: Mapping[Value, str]) -> str:
    """Returns the graph as a tree, operands below what is made of them; a value used again is written out once.

    A tree that would be longer than a screen or two is cut, and says so.

    >>> a = Value(3.0, "a")
    >>> b = a * a
    >>> print(tree_text(b, {a: "a", b: "b"}))
    b = a * a = 9, grad ·
    └─ a = 3, grad ·
    """
    lines: list[str] = []
    written: set[Value] = set()
    todo: list[tuple[Value, str, str]] = [(root, "", "")]  # a node, what stands before it, and before its operands
    while todo and len(lines) < LINES:
        node, before, indent = todo.pop()
        again = node in written and bool(node.children)
        lines.append(before + (f"{names[node]}, as above" if again else _line(node, names)))
        written.add(node)
        if again or not node.children:
            continue
        if len(indent) >= 3 * DEPTH:
            lines.append(f"{indent}└─ …")
            continue
        *others, last = dict.fromkeys(node.children)
        todo.append((last, f"{indent}└─ ", f"{indent}   "))
        todo += [(child, f"{indent}├─ ", f"{indent}│  ") for child in reversed(others)]
    if todo:
        lines.append("… and more: this is the part nearest to the output")
    return "\n".join(lines)


def _line(node: Value, names: Mapping[Value, str]) -> str:
    """A node's name, how it was made, its number and its gradient."""
    steps = [names[node]]
    if node.children:
        formula = (value_words(node, names.__getitem__) or ("",))[0]
        steps.append(formula if len(formula) <= WIDTH else f"{node.op.label} of {len(node.children)} values")
    data = number(node.data)
    if data != steps[-1]:
        steps.append(data)
    line = " = ".join([shortened(steps[0]), *steps[1:]])
    if node.op is operation.CONSTANT:
        return line
    if isinstance(node.op, operation.Bernoulli):
        return f"{line}, drawn at random"
    return f"{line}, grad {grad_text(node.grad)}"
