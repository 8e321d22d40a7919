"""Arithmetic as text with places for numbers, which a page fills in: the words of `micrograd_plus.words`, unfilled.

A template is a row's text in which `{0}` stands for the first operand and `{(0)}` for one that gets brackets where it
is negative. A choice has a template for each of its branches: which one holds hangs on the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from micrograd_plus.errors import LISTED
from micrograd_plus.operation import Op
from micrograd_plus.reading import branches, names_in, substitute
from micrograd_plus.words import called, dotted, tidy

__all__ = ["called_template", "form", "line_templates", "partial_templates", "value_templates"]

_FIRST = 1_000_000  # a number of seven digits, as no row's text has: constants are written with six


def _blanks(count: int) -> list[str]:
    """Numbers that stand for others: negative ones, so that brackets come where negative numbers need them."""
    return [f"-{_FIRST + place}" for place in range(count)]


def _template(text: str, slots: Sequence[Any]) -> str:
    def slot(match: re.Match[str]) -> str:
        name = slots[int(match[1] or match[2]) - _FIRST]
        return f"{{({name})}}" if match[1] else f"{{{name}}}"

    return re.sub(r"(?<!\w)\(-(1\d{6})\)|-(1\d{6})\b", slot, tidy(text))


def value_templates(op: Op, count: int) -> list[str]:
    """Returns the value of an operation on so many operands, a template for each branch.

    >>> from micrograd_plus import ops
    >>> value_templates(ops.sub, 2), value_templates(ops.leaky_relu(0.1), 1)
    (['{0} - {(1)}'], ['{0}', '0.1 * {(0)}'])
    """
    bound = op.bind(dotted(op, _blanks(count)))
    return [_template(substitute(text, bound, {}), range(count)) for text in branches(op.value)[1]]


def called_template(op: Op, count: int) -> str:
    """Returns the operation as a call, such as `tanh({0})`, if it is known as one; else nothing."""
    return _template(called(op, dotted(op, _blanks(count))), range(count))


def partial_templates(op: Op, operand: str, member: int, count: int) -> list[str]:
    """Returns the derivative by an operand, or by a member of a group, a template for each branch.

    >>> from micrograd_plus import ops
    >>> partial_templates(ops.tanh, "x", 0, 1)
    ['1 - {(out)} ** 2']
    """
    blanks = _blanks(count + 1)
    bound = op.bind(op.groups(blanks[:-1]), blanks[-1], member)
    slots = [*range(count), "out"]
    return [_template(substitute(text, bound, {}), slots) for text in branches(op.partials[operand])[1]]


def form(op: Op, count: int) -> dict[str, Any]:
    """Returns the words of an operation on so many operands: as a call, its value, and the derivative by each.

    `whole` is the value with all its branches, as a message about it writes it.
    """
    places = [
        (name, member)
        for name, group in zip(op.names, op.groups(range(count)))
        for member in (range(len(group)) if isinstance(group, list) else [0])
    ]
    slopes = [
        {"variable": name, "member": member, "words": partial_templates(op, name, member, count)}
        for name, member in places
    ]
    value = value_templates(op, count)
    found = {"call": called_template(op, count), "value": value, "slopes": slopes}
    if count > LISTED:
        found["whole"] = f"{op.name} of {count} numbers"
    elif len(value) > 1:
        found["whole"] = _template(op.words(*op.groups(_blanks(count))), range(count))
    return found


def line_templates(expression: str, names: Sequence[str]) -> list[str]:
    """Returns a line of an optimizer's rule, a template for each branch, with places for these names.

    >>> line_templates("g if t == 1 else momentum * buf", ["g", "t", "momentum", "buf"])
    ['{g}', '{momentum} * {(buf)}']
    """
    bound: Mapping[str, str] = dict(zip(names, _blanks(len(names))))
    read = {name: bound[name] for name in names_in(expression) & {*names}}
    return [_template(substitute(text, read, {}), names) for text in branches(expression)[1]]
