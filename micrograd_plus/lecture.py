"""The names that Karpathy's lecture has for the parts of a Value, so that its notebooks run with another import.

`_prev` are the children, `_op` is the sign of the operation, and `_backward()` is one node's share of the chain rule.
To import this module is to give them to Value.
"""

from __future__ import annotations

from typing import Any

from micrograd_plus.operators import Operators
from micrograd_plus.value import Value

__all__: list[str] = []


def _prev(self: Value) -> tuple[Value, ...]:
    """The operands, in order and with repeats; here they are called `children`."""
    return self.children


def _op(self: Value) -> str:
    """The sign of the operation, "" for a leaf; here `op` is the row of the table, and `op.label` this."""
    return self.op.label if self.children else ""


def _backward(self: Value) -> Any:
    """What adds this node's gradient, times the local derivative, to that of each operand."""

    def add() -> None:
        for child, partial in zip(self.children, self.partials):
            child.grad += partial * self.grad

    return add


def _refuse(self: Value, _: Any) -> None:
    raise AttributeError(
        "a Value has no function of its own to walk back by: its operation is a row, which says the derivative; declare"
        " one, as in micrograd_plus.row('cube', 'x', 'x**3', x='3 * x**2'), and x.cube() is differentiated, drawn and"
        " compiled"
    )


for _part in (_prev, _op, _backward):
    setattr(Operators, _part.__name__, property(_part, _refuse, doc=_part.__doc__))
