"""Errors in words: what a Value can be made of, for which numbers an operation is defined, and the cure.

The messages name the node, what was expected and what came. This module knows no Value and no operation: it looks at
what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import isfinite, isnan
from numbers import Real
from typing import Any

from micrograd_plus.report import numbered

__all__ = [
    "DomainError", "as_list", "domain_error", "evaluated", "in_words", "is_unrecorded", "refusal", "setting", "short",
    "to_float",
]  # fmt: skip


class DomainError(ValueError):
    """An operation met numbers that it is not defined for, such as the logarithm of -1."""


# -------------------------------------------------------------------- numbers


def to_float(data: Any) -> float:
    """Returns a real number as a float. Raises TypeError for anything else, OverflowError for an int beyond floats."""
    if isinstance(data, Real):
        try:
            return float(data)
        except OverflowError:
            kind = type(data).__name__
            raise OverflowError(f"a Value holds up to 1.8e308, but got a larger {kind}; scale it down") from None
    cure = "convert it with float() first"
    if isinstance(data, str):
        cure = f"convert it first: float({data!r})"
    elif data is None:
        cure = "a function may have forgotten its return"
    elif isinstance(data, complex):
        cure = "take its real part or its size, abs(z)"
    elif hasattr(data, "backward"):
        cure = "it is a Value already; use it as it is"
    elif hasattr(data, "__len__"):
        cure = "pass one number; for many, make a list of Values"
    raise TypeError(f"a Value needs a real number, but got {type(data).__name__}: {short(data)}; {cure}")


def setting(name: str, data: Any) -> float:
    """Returns a number that is burnt into an operation. Raises ValueError unless it is finite."""
    number = to_float(data)
    if not isfinite(number):
        raise ValueError(f"{name} must be a finite number, but got {number}")
    return number


def as_list(op: Any, values: Any) -> list[Any]:
    """Returns the operands of a group as a list. Raises TypeError for what is no sequence."""
    if isinstance(values, str) or hasattr(values, "backward") or not isinstance(values, Iterable):
        given = f"{type(values).__name__}: {short(values)}"
        raise TypeError(f"{op.name} needs a sequence of numbers or Values, but got {given}; put it in a list")
    return list(values)


def short(data: Any, most: int = 60) -> str:
    """Returns what a message shows of a thing: its repr, cut after `most` characters; its type where it has none."""
    try:
        text = repr(data)
    except Exception:  # nested too deep, a whole number of thousands of digits
        text = f"<{type(data).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."


UNRECORDED = "no_grad()"
"""Lies in a slot that constants leave empty: the mark of a result that was computed within `no_grad()`."""


def is_unrecorded(node: Any) -> bool:
    """Returns whether a node holds a result that was computed where nothing is recorded, as within `no_grad()`."""
    return node._by_left is UNRECORDED


def one_label(name: Any, op: Any, label: Any, table: Mapping[str, Any]) -> str:
    """Returns the label of `Value(data, name, op, label=label)`, which is called our way or as the lecture calls it.

    Raises TypeError for what is no text, for two labels, or for operands, which the lecture gives to a node.
    """
    text = label if label or not isinstance(name, str) else name
    if isinstance(name, (tuple, list, set)):
        if name:
            raise TypeError(own_operation(str(op), len(name), table))
    elif op or (label and name):
        raise TypeError(f"a Value has one label, but got {', '.join(map(repr, filter(None, (name, op, label))))}")
    elif not isinstance(name, str):
        text = name
    if not isinstance(text, str):
        raise TypeError(f"a label is a string, but got {text!r}")
    return text


def own_operation(sign: str, operands: int, table: Mapping[str, Any]) -> str:
    """Returns the message about a node made by hand, as the lecture's own operations are: the row to write instead."""
    what = "a Value is given no operands and no function to walk back by: an operation is a row, with its derivatives"
    row = next((each for name, each in table.items() if sign.lower() in (name, each.label)), None)
    if row is None:
        name = sign if sign.isidentifier() else "cube"
        example = "'x y', 'x * y**2', x='y**2', y='2 * x * y'" if operands == 2 else "'x', 'x**3', x='3 * x**2'"
        more = f"x.{name}({'y' if operands == 2 else ''}) is differentiated, drawn and compiled"
        return f"{what}; declare yours, as in micrograd_plus.row({name!r}, {example}), and {more}"
    slopes = ", ".join(f"{name}={text!r}" for name, text in row.partials.items())
    text = f"row({row.label!r}, {' '.join(row.operands)!r}, {row.value!r}, {slopes})"
    return f"{what}; this one is there: {text}, which you use as {row.words(*row.names)}, or declare under another name"


# -------------------------------------------------------------------- operations


def evaluated(op: Any, operands: Sequence[Any], constant: Callable[[Any], Any]) -> tuple[Any, float, Any]:
    """Returns an operation's children, its value and the derivatives by them, from whatever it was given.

    `constant` makes a Value of a number. Raises ValueError if groups are empty or differ in length, TypeError for what
    is not a number, and where the row is not defined an error that says so in words.
    """
    groups = [
        [constant(each) for each in as_list(op, operand)] if starred else [constant(operand)]
        for starred, operand in zip(op.starred, operands)
    ]
    sizes = [len(group) for starred, group in zip(op.starred, groups) if starred]
    if sizes and (min(sizes) == 0 or min(sizes) != max(sizes)):
        expected, cure = "at least 1 value", "check where they come from"
        if len(sizes) > 1:
            expected, cure = "operands of equal length, at least 1", "check the widths"
        raise ValueError(f"{op.name} needs {expected}, but got {' and '.join(map(str, sizes))}; {cure}")
    children = tuple(chain.from_iterable(groups))
    try:
        data, partials = op.scalar(*op.groups([float(child.data) for child in children]))
    except (ArithmeticError, ValueError) as error:
        raise domain_error(op, children, error) from None
    if isnan(data):
        raise domain_error(op, children, ValueError())
    if not isfinite(data) and all(isfinite(child.data) for child in children):
        raise domain_error(op, children, OverflowError())  # an infinity may pass through, but not arise
    return children, data, partials


def domain_error(op: Any, operands: Sequence[Any], error: Exception) -> Exception:
    """Returns the error that `math` raised, of the same kind, saying which node, what was expected and the cure."""
    if isinstance(error, OverflowError):
        why = "steep" if _has_value(op, operands) else "large"
        return OverflowError(refusal(op, why, *in_words(op, operands)))
    kind = ZeroDivisionError if isinstance(error, ZeroDivisionError) else DomainError
    return kind(refusal(op, "undefined", *in_words(op, operands)))


def refusal(op: Any, why: str, text: str, given: str) -> str:
    """Returns why an operation was refused, in words: it is "undefined" there, its value "large", its slope "steep".

    `text` is the operation and `given` its operands' numbers, as a message writes them.
    """
    at = f" for {given}" if given else ""
    if why == "undefined":
        expected = f"it needs {op.needs}" if op.needs else "its value is not a number"
        return f"{text} is not defined{at}: {expected}{f'; {op.cure}' if op.cure else ''}"
    grows = op.needs.startswith("x below")  # a row that says where its value grows too large has a cure for it
    what, cure = text, op.cure if grows else "scale the operands down"
    if why == "steep":
        what, cure = f"the derivative of {text}", "keep the operands away from 0"
    return f"{what} is beyond the largest float, 1.8e308{at and ','}{at}; {cure}"


LISTED = 8  # operands that a message names each


def _has_value(op: Any, operands: Sequence[Any]) -> bool:
    """Whether the value itself is a float, whatever becomes of the derivatives."""
    try:
        return isfinite(op.value_alone(*op.groups([float(operand.data) for operand in operands])))
    except (ArithmeticError, ValueError):
        return False


def in_words(op: Any, operands: Sequence[Any]) -> tuple[str, str]:
    """Returns an operation on these operands as a message writes it, and their numbers: `x / z` and `x = 1, z = 0`."""
    labels = {operand.label for operand in operands}
    names, given = [], []
    for i, operand in enumerate(operands):
        name = numbered("x", i) if op.is_nary else op.operands[i]
        name = operand.label or (name if name not in labels else f"operand {i + 1}")
        if operand.op.name == "constant" and not operand.label:
            names.append(f"{operand.data:.6g}")
        else:
            names.append(name)
            given.append(f"{name} = {operand.data:.6g}")
    given = list(dict.fromkeys(given))
    text = op.words(*op.groups(names)) if len(names) <= LISTED else f"{op.name} of {len(names)} numbers"
    if len(text) > 80:
        text = f"{op.name}({', '.join(names)})"
    more = f" and {len(given) - LISTED} more" if len(given) > LISTED else ""
    return text, ", ".join(given[:LISTED]) + more
