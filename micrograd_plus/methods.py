"""What Value is given: a method for each row of the table and each that is declared later, and the comparisons.

The rows bring `x * y`, `2 - x`, `x.tanh()`, `x.clamp(0, 1)`. A comparison looks at data, and tells whoever watches.

To import this module is to give them to Value; `operators.pyi` lists them for editors and type checkers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd_plus import mode
from micrograd_plus.operation import Family, Op, complete, each_row
from micrograd_plus.operators import Operators
from micrograd_plus.value import Number, Value, apply, constant, function_of

__all__: list[str] = []


def _of_family(family: Family[...]) -> Callable[..., Value]:
    def method(self: Value, *constants: Any, **named: Any) -> Value:
        return apply(family(*constants, **named), self)

    return method


def _reflected(op: Op) -> Callable[[Value, Number], Value]:
    def method(self: Value, other: Number) -> Value:
        return apply(op, constant(other), self)

    return method


def _comparison(name: str, sign: str) -> Callable[[Value, Number], bool]:
    compare = getattr(float, name)

    def method(self: Value, other: Number) -> bool:
        return compare(self.data, mode.looked_at(sign, self, other))  # type: ignore[no-any-return]

    return method


def _give(declared: Op | Family[...]) -> None:
    for name in declared.method.split():
        _enter(name, declared.doc, _of_family(declared) if isinstance(declared, Family) else function_of(declared))
        if name.startswith("__") and isinstance(declared, Op) and len(declared.operands) == 2:
            _enter(f"__r{name[2:]}", declared.doc, _reflected(declared))


def _enter(name: str, doc: str, method: Callable[..., Any]) -> None:
    method.__name__, method.__qualname__, method.__doc__ = name, f"Value.{name}", doc
    setattr(Operators, name, method)


def _float(self: Value) -> float:
    return mode.looked_at("float()", self, self)


def _format(self: Value, spec: str) -> str:
    return format(float(self), spec) if spec else repr(self)


each_row(_give)
_enter("__pos__", "Returns the Value itself.", lambda self: self)
_enter("__float__", "Returns the number.", _float)
_enter("__format__", "Returns the number in a format; without one the repr.", _format)
for _name, _sign in {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}.items():
    _enter(_name, f"Returns whether `data {_sign} other`.", _comparison(_name, _sign))
complete(lambda: dir(Value))
