"""The names that Karpathy's lecture has for the parts of a Value, so that its notebooks run with another import.

`_prev` are the children, `_op` is the sign of the operation, and `_backward()` is one node's share of the chain rule. A
leaf keeps the numbers that an optimizer written by hand gives it (`p.m = 0.0`), and `item` and `detach` are PyTorch's.
To import this module is to give them to Value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from micrograd_plus import mode
from micrograd_plus.errors import own_operation
from micrograd_plus.foreign import KEPT, WORDS, refuse
from micrograd_plus.operation import TABLE
from micrograd_plus.operators import Operators
from micrograd_plus.value import UNSEEN, Value

__all__ = ["cleared"]


def _prev(self: Value) -> tuple[Value, ...]:
    """The operands, in order and with repeats; here they are called `children`."""
    return self.children


def _op(self: Value) -> str:
    """The sign of the operation, "" for a leaf; here `op` is the row of the table, and `op.label` this."""
    return self.op.label if self.children else ""


def _backward(self: Value) -> Any:
    """What adds this node's gradient, times the local derivative, to that of each operand."""

    def add() -> None:
        for child, slope in zip(self.children, self.partials):
            child.grad = (child.grad or 0.0) + slope * self.grad

    return add


def _refuse(self: Value, _: Any) -> None:
    raise AttributeError(own_operation("", 1, TABLE))


for _part in (_prev, _op, _backward):
    setattr(Operators, _part.__name__, property(_part, _refuse, doc=_part.__doc__))


# -------------------------------------------------------------------- numbers of one's own


def _kept(name: str) -> property:
    """An attribute that a leaf keeps in a slot that only nodes with operands fill."""

    def get(self: Value) -> Any:
        if self._left is not None or name not in (self._by_right or ()):
            refuse("Value", name, self)
        return self._by_right[name]

    def put(self: Value, thing: Any) -> None:
        if self._left is not None:
            raise AttributeError(f"{self!r} is computed anew each time, so that only a leaf keeps a {name!r} of yours")
        self._by_right = {**(self._by_right or {}), name: thing}

    return property(get, put, doc="A number of yours, which is kept beside a leaf, and not copied with it.")


for _name in KEPT:
    setattr(Operators, _name, _kept(_name))


# -------------------------------------------------------------------- PyTorch's words


def _item(self: Value) -> float:
    """Returns the number, as `float(value)` does."""
    return float(self)


def _detach(self: Value) -> Value:
    """Returns the same number as it is within `no_grad()`: no gradient passes through it."""
    with mode.no_grad():
        return self * 1.0


for _name, _function in {"item": _item, "detach": _detach}.items():
    _function.__name__, _function.__qualname__ = _name, f"Value.{_name}"
    setattr(Operators, _name, _function)


def _refused(name: str) -> property:
    """A word that is refused, read or set, where it is asked for: a `__getattr__` would slow down every attribute."""

    def told(self: Value, _: Any = None) -> NoReturn:
        refuse("Value", name, self)

    return property(told, told)


for _name in {*WORDS["Value"]} - {*KEPT}:
    setattr(Operators, _name, _refused(_name))


def cleared(parameters: Iterable[Value]) -> list[Value]:
    """Returns the parameters; where a grad was set to None, as PyTorch's users do, it is as no pass had reached it.

    >>> w = Value(1.0)
    >>> w.grad = None
    >>> cleared([w])[0].grad
    0.0
    """
    found = list(parameters)
    for each in found:
        if each.grad is None:
            each.grad = UNSEEN
    return found
