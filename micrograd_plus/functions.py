"""Operations on any number of operands, and choices, as functions of Values and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from micrograd_plus import ops
from micrograd_plus.errors import as_list, to_float
from micrograd_plus.value import Number, Value, apply, constant, function_of

__all__ = ["dot", "logsumexp", "maximum", "minimum", "select", "softmax", "total"]

_dot, _affine = function_of(ops.dot), function_of(ops.affine)  # a network is made of these: the shortest way to them


def dot(weights: Sequence[Number], inputs: Sequence[Number], bias: Number | None = None) -> Value:
    """Returns `sum(w * x)`, plus `bias` if there is one, as a single node: the weighted sum of a neuron.

    Raises ValueError if the lengths differ or are 0.

    >>> dot([Value(1.0), Value(2.0)], [3.0, 4.0], Value(0.5))
    Value(11.5)
    """
    return _dot(weights, inputs) if bias is None else _affine(weights, inputs, bias)


def total(values: Iterable[Number]) -> Value:
    """Returns the sum of all values as a single node. Raises ValueError if there are none.

    >>> total([Value(1.0), Value(2.0), 3])
    Value(6)
    """
    return apply(ops.total, values)


def logsumexp(values: Iterable[Number]) -> Value:
    """Returns `log(sum(exp(x)))` without overflow, as a single node. Raises ValueError if there are no values.

    >>> logsumexp([1000.0, 1000.0])
    Value(1000.69)
    """
    return apply(ops.logsumexp, values)


def maximum(x: Number, y: Number) -> Value:
    """Returns the larger of two; where they are equal each gets half of the derivative, as in PyTorch.

    >>> maximum(Value(2.0), 3.0)
    Value(3)
    """
    return apply(ops.maximum, x, y)


def minimum(x: Number, y: Number) -> Value:
    """Returns the smaller of two; where they are equal each gets half of the derivative, as in PyTorch.

    >>> minimum(Value(2.0), 3.0)
    Value(2)
    """
    return apply(ops.minimum, x, y)


def softmax(values: Iterable[Number]) -> list[Value]:
    """Returns one Value an input, positive and adding up to 1: `exp(x - logsumexp(values))`, which can't overflow.

    Raises ValueError if there are no values.

    >>> [f"{p:.2f}" for p in softmax([0.0, 0.0])]
    ['0.50', '0.50']
    """
    inputs = [constant(each) for each in as_list(ops.logsumexp, values)]
    if not inputs:
        raise ValueError("softmax needs at least 1 value, but got none")
    normalizer = logsumexp(inputs)
    return [(each - normalizer).exp() for each in inputs]


def select(index: Number, values: Sequence[Number]) -> Value:
    """Returns `values[index]`; where `index` is a Value, a node that a compiled program looks up anew for each example.

    Raises IndexError if `index` is out of range, TypeError if it is not whole.

    >>> select(1, [Value(5.0), Value(7.0)])
    Value(7)
    """
    position = index.data if isinstance(index, Value) else to_float(index)
    if not isinstance(values, (list, tuple)):
        values = as_list(ops.select, values)
    if not values:
        raise ValueError("select needs at least 1 value to choose from, but got none")
    if not position.is_integer():
        raise TypeError(f"select needs a whole number as its index, but got {position}")
    if not 0 <= position < len(values):
        raise IndexError(f"select needs an index from 0 to {len(values) - 1}, but got {int(position)}")
    return apply(ops.select, index, values) if isinstance(index, Value) else constant(values[int(position)])
