"""Words for nodes, numbers and derivatives: every text about a graph names the same thing the same way.

The formulas are those of the row that ran (`op.words`, `op.partial_words`), with names or numbers put in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micrograd_plus import operation
from micrograd_plus.operation import Op
from micrograd_plus.report import numbered, printable
from micrograd_plus.value import Value

__all__ = [
    "called", "derivative", "dotted", "local", "names", "number", "partial_words", "places", "safe", "tidy",
    "value_words",
]  # fmt: skip

SHOWN, DOTS = 8, "…"
"""A sum over more operands than this is written with its first ones and dots."""

UNSIGNED = r"(?:\d+\.?\d*(?:e[+-]?\d+)?|inf\b)"
"""A number without its sign, as `number` writes it."""


def names(order: Sequence[Value]) -> dict[Value, str]:
    """Returns a short name for each node of a topological order; no two nodes that are drawn apart share one.

    A label is the name; a second node with that label is `label#2`. Without a label, a constant is its number, an input
    is x1, x2, ..., a parameter w1, w2, ..., a random leaf mask1, ..., and a result v1, v2, ... in the given order (the
    letters of a Wengert list). A name that is also somebody's label is passed over.

    >>> from micrograd_plus import topological_order
    >>> w = Value(0.5, "w")
    >>> [*names(topological_order(w * 2 + 1)).values()]
    ['w', '2', 'v1', '1', 'v2']
    """
    found: dict[Value, str] = {}
    taken = {_one_line(node.label) for node in order}
    counts: dict[str, int] = {}
    for node in order:
        label = _one_line(node.label)
        if not label and node.op is operation.CONSTANT:
            found[node] = number(node.data)
            continue
        stem = label or _stem(node)
        while True:
            place = counts.get(stem, 0)
            counts[stem] = place + 1
            name = stem if label and not place else numbered(f"{stem}#" if label else stem, place)
            if name == label or name not in taken:
                break
        found[node] = name
        taken.add(name)
    return found


def _stem(node: Value) -> str:
    given = "mask" if isinstance(node.op, operation.Bernoulli) else "w" if node.op is operation.PARAMETER else "x"
    return "v" if node.children else given


def _one_line(label: str) -> str:
    """A label without what would break a line or hide in a terminal."""
    return printable(label).strip()


def number(x: float, digits: int = 4) -> str:
    """Returns the number with `digits` significant digits, in plain decimals where a reader would write it so.

    >>> number(0.5), number(-0.46211715726), number(12345.6789), number(1.5e-7)
    ('0.5', '-0.4621', '12346', '1.5e-07')
    """
    if 10.0**digits <= abs(x) < 1e7:
        return f"{x:.0f}"
    return f"{x:.{digits}g}" if x else "0"  # no "-0"


def derivative(top: str, bottom: str, d: str = "d") -> str:
    """Returns the derivative of one name by another as it is written; `d` may be another sign for it, such as ∂.

    >>> derivative("L", "w"), derivative("loss", "layers.0.bias")
    ('dL/dw', 'd(loss)/d(layers.0.bias)')
    """
    is_short = all(re.fullmatch(r"\w{1,3}(#\d+)?", name) for name in (top, bottom))
    return f"{d}{top}/{d}{bottom}" if is_short else f"{d}({top})/{d}({bottom})"


def local(
    parent: Value, child: Value, root: Value | None, uses: Mapping[Value, int], name: Callable[[Value], str]
) -> str:
    """Returns the local derivative of one use as it is written: with ∂ where it is a share of what d would mean.

    That is so where the parent uses the child more than once, and where the parent is the root and the child is used
    elsewhere too. `uses` tells how often each node is used.

    >>> a = Value(3.0, "a")
    >>> y = a * a
    >>> local(y, a, y, {a: 2}, lambda node: node.label or "y")
    '∂y/∂a'
    """
    is_share = uses[child] > 1 and (parent is root or sum(each is child for each in parent.children) > 1)
    return derivative(name(parent), name(child), "∂" if is_share else "d")


def places(node: Value) -> list[tuple[str, int]]:
    """Returns for each child the operand of the row that it is put in, and its place among a group.

    >>> from micrograd_plus import dot
    >>> places(dot([1.0, 2.0], [3.0, 4.0], 5.0))
    [('x', 0), ('x', 1), ('y', 0), ('y', 1), ('b', 0)]
    """
    found = []
    for operand, group in zip(node.op.names, node.op.groups(node.children)):
        found += [(operand, member) for member in range(len(group))] if isinstance(group, list) else [(operand, 0)]
    return found


def value_words(node: Value, name: Callable[[Value], str], digits: int = 4) -> tuple[str, ...]:
    """Returns how a node's value comes about, step by step: the operation's name, its formula, the formula in numbers.

    What would say the same twice is left out. `name` gives a node's name.

    >>> s = Value(-0.5, "s")
    >>> value_words(s.tanh(), lambda node: node.label), value_words(s.relu(), lambda node: node.label)
    (('tanh(s)', 'tanh(-0.5)'), ('relu(s)', 'max(s, 0)', 'max(-0.5, 0)'))
    """
    if not node.children:
        return ()
    symbols = dotted(node.op, [safe(name(child)) for child in node.children])
    numbers = dotted(node.op, [number(child.data, digits) for child in node.children])
    at = node.op.groups([child.data for child in node.children])
    formulas = [called(node.op, symbols), *(node.op.words(*each, at=at) for each in (symbols, numbers))]
    return tuple(dict.fromkeys(tidy(formula) for formula in formulas if formula))


def called(op: Op, names: Sequence[Any]) -> str:
    """Returns the operation as a call, `tanh(s)` or `clamp(s, 0, 1)`, if that is how it is known; else nothing."""
    function, _, constants = op.label.removesuffix(")").partition("(")
    if not function.isidentifier() or sum(operand.startswith("*") for operand in op.operands) > 1:
        return ""
    lists = ("{}" if len(names) == 1 else "[{}]").format
    operands = [lists(", ".join(name)) if isinstance(name, list) else name for name in names]
    return f"{function}({', '.join([*operands, constants] if constants else operands)})"


def tidy(formula: str) -> str:
    """Returns a formula with brackets around negative numbers that follow an operator, and one `…` for a term of many.

    >>> tidy("3 * -0.5"), tidy("--2"), tidy("a * b + … * …")
    ('3 * (-0.5)', '-(-2)', 'a * b + …')
    """
    formula = re.sub(rf"{DOTS} \* {DOTS}|exp\({DOTS} - \w+\)", DOTS, formula)
    return re.sub(rf"(?<=[-+*/] )-({UNSIGNED})|(?<![\w)\]])-(-{UNSIGNED})", _bracketed, formula)


def _bracketed(match: re.Match[str]) -> str:
    return f"(-{match[1]})" if match[1] else f"-({match[2]})"


def partial_words(node: Value, position: int, name: Callable[[Value], str], digits: int = 4) -> tuple[str, str]:
    """Returns the local derivative of a node by the child at `position`, in symbols and in numbers.

    Of a conditional derivative it is the branch that the numbers took. `name` gives a node's name.

    >>> s = Value(-0.5, "s")
    >>> n = s.tanh()
    >>> n.label = "n"
    >>> partial_words(n, 0, lambda node: node.label)
    ('1 - n ** 2', '1 - (-0.4621) ** 2')
    """
    operand, member = places(node)[position]
    at = node.op.groups([child.data for child in node.children])

    def said(naming: Callable[[Value], str]) -> str:
        groups = node.op.groups([safe(naming(child)) for child in node.children])
        return tidy(node.op.partial_words(operand, *groups, out=safe(naming(node)), member=member, at=at))

    return said(name), said(lambda each: number(each.data, digits))


def dotted(op: Op, names: Sequence[str]) -> list[Any]:
    """Returns the names of the operands as the row groups them; of a large group the first ones and dots."""
    return [
        group if isinstance(group, str) or len(group) <= SHOWN else [*group[:3], DOTS] for group in op.groups(names)
    ]


def safe(name: str) -> str:
    """Returns a name as a formula can hold it: in brackets if it looks like arithmetic itself ("x1*w1 + x2*w2")."""
    return name if re.fullmatch(rf"[\w.#'…]+|\w+\([^()]*\)|-?{UNSIGNED}", name) else f"({name})"
