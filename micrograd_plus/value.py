"""A Value is a number that remembers how it was made, so that the chain rule can be walked back through it.

Every operation takes its local derivatives when it runs and lays them on the node it makes. Backward therefore knows no
operations: in reverse topological order, `child.grad += partial * node.grad`. Nothing here recurses, so a graph may be
a million nodes deep, and no node holds a closure, so a graph is freed as soon as nobody looks at it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any, SupportsFloat, TypeAlias

from micrograd_plus import mode, ops
from micrograd_plus.errors import UNRECORDED, evaluated, one_label, setting, short, to_float
from micrograd_plus.operation import CONSTANT, INPUT, Leaf, Op
from micrograd_plus.operators import Operators

__all__ = ["MANY", "UNSEEN", "Number", "Value", "apply", "constant", "function_of", "leaf", "topological_order"]

Number: TypeAlias = "Value | float"

UNSEEN = float("0")
"""The grad of a node that no backward pass has reached: a zero of its own, so that `grad is UNSEEN` can be asked."""

MANY = object()
"""Stands in the place of a node's second operand if there are more than two; see `Value`."""


class Value(Operators):
    """A node of a computation graph: a number, and how it was made.

    `data` is the number; `grad` the derivative, by this node, of whatever `backward()` was last called on; `op` the
    row of the table that made it (a `Leaf` for a number that was given); `children` the operands, in order and with
    repeats; `partials` the local derivative by each of them; `label` a name for pictures and messages.

    Equality is identity, because nodes are places in a graph; `<`, `<=`, `>`, `>=` and `float()` look at the data.
    Raises TypeError if `data` is not a real number, ValueError if it is nan.

    >>> x = Value(0.5, "x")
    >>> y = (3 * x - 1).tanh()
    >>> y.backward()
    >>> print(f"{y:.4f} {x.grad:.4f}")
    0.4621 2.3593
    """

    # Up to two operands, and the derivatives by them, lie in slots, not in tuples: to the garbage collector a node is
    # one object, not three, which makes a training step 1.7 times faster, a graph a third smaller. More operands lie in
    # `_left` as a tuple, the derivatives by them in `_by_left`, and `_right` is MANY.
    __slots__ = ("_by_left", "_by_right", "_left", "_right", "data", "grad", "label", "op")
    __array_ufunc__ = None  # makes a NumPy scalar on the left leave the operation to us

    def __init__(self, data: SupportsFloat, name: str | tuple[()] = "", op: str = "", /, *, label: str = "") -> None:
        if type(name) is not str or label or op:
            name = one_label(name, op, label, ops.TABLE)
        self.data: float = data if type(data) is float else to_float(data)
        if isnan(self.data):
            raise ValueError(f"{name or 'a Value'} can't be nan; find where it came from, or drop that example")
        self.grad, self.label = UNSEEN, name
        self.op: Op = INPUT
        none: Any = None
        self._left = self._right = self._by_left = self._by_right = none

    @property
    def children(self) -> tuple[Value, ...]:
        """The operands, in order and with repeats; a leaf has none."""
        if self._right is MANY:
            return self._left  # type: ignore[no-any-return]
        if self._right is not None:
            return self._left, self._right
        return () if self._left is None else (self._left,)

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivative of this node by each of its children."""
        if self._right is MANY:
            return self._by_left  # type: ignore[no-any-return]
        if self._right is not None:
            return self._by_left, self._by_right
        return () if self._left is None else (self._by_left,)

    def backward(self) -> None:
        """Fills `grad` of every node below this one with the derivative of this node by it.

        Leaves accumulate: the new derivative is added to their `grad`, as in PyTorch, until `zero_grad` clears it.
        The nodes in between are computed afresh, so a second call on the same graph is right. Source: Linnainmaa 1970.

        >>> a = Value(3.0)
        >>> (a * a + a).backward()
        >>> a.grad
        7.0
        """
        order = topological_order(self, leaves=False)
        for node in order:
            node.grad = 0.0
        if self._by_left is UNRECORDED:
            raise RuntimeError(f"{self!r} comes from no_grad() or detach(), which record nothing; compute it outside")
        self.grad = (self.grad or 0.0) + 1.0
        for node in reversed(order):
            grad, right = node.grad, node._right
            try:
                if right is MANY:
                    for child, partial in zip(node._left, node._by_left):
                        child.grad += partial * grad
                else:
                    node._left.grad += node._by_left * grad
                    if right is not None:
                        right.grad += node._by_right * grad
            except TypeError:
                _go_on_from_none(node)

    def zero_grad(self) -> None:
        """Clears `grad` of this node and of every node below it."""
        for node in topological_order(self):
            node.grad = UNSEEN

    # ------------------------------------------------------------ what no row says; `methods` has the others

    def __pow__(self, exponent: Number) -> Value:
        """Returns `x ** k`. Derivative by x `k * x ** (k - 1)`; a number k is burnt into the operation."""
        if isinstance(exponent, Value):
            return super().__pow__(exponent)
        return apply(ops.power(setting("the exponent", exponent)), self)

    pow = __pow__

    def __repr__(self) -> str:
        mode.tell("repr()", self, self)
        grad = "" if self.grad is UNSEEN or self.grad is None else f", grad={self.grad:.6g}"
        return f"Value({self.data:.6g}{grad}{f', label={self.label!r}' if self.label else ''})"


def topological_order(*roots: Value, leaves: bool = True) -> list[Value]:
    """Returns every node of the roots' graph once, each after its children; on request without the leaves.

    The first root comes last of its own graph, then what the next one adds. Raises TypeError for what is no Value.

    >>> a = Value(1.0, "a")
    >>> [node.label or node.op.label for node in topological_order(a * a + 1)]
    ['a', '*', '', '+']
    """
    for root in roots:
        if not isinstance(root, Value):
            raise TypeError(f"topological_order needs Values, each on its own, but got {short(root)}")
    order: list[Value] = []
    seen: set[Value] = set()
    todo: list[Value | None] = [*reversed(roots)]
    while todo:
        node = todo.pop()
        if node is None:  # all that lies below the node beneath this mark is in order
            order.append(todo.pop())  # type: ignore[arg-type]
        elif (leaves or node._left is not None) and node not in seen:
            seen.add(node)
            left, right = node._left, node._right
            if left is None:
                if node.grad is None:  # as PyTorch's users clear it
                    node.grad = UNSEEN
                order.append(node)
                continue
            todo += node, None
            if right is MANY:  # most are weights, and seen
                todo += [child for child in reversed(left) if (leaves or child._left is not None) and child not in seen]
            elif right is None:
                todo.append(left)
            else:
                todo += right, left
    return order


def _go_on_from_none(node: Value) -> None:
    """The rest of a node's share of the chain rule, where a child's grad was set to None."""
    first = [child.grad is None for child in node.children].index(True)
    for child, partial in [*zip(node.children, node.partials)][first:]:
        child.grad = (child.grad or 0.0) + partial * node.grad


# -------------------------------------------------------------------- what makes a node
# A row becomes a plain function from operands to a node, one form for each number of operands, right for Values and
# finite numbers; of whatever else comes `_carefully` makes Values, or says what is wrong. Nodes are made without the
# checks of `Value(...)`, and without a call: it would cost a training step 5 %.

_UNFIT = (ArithmeticError, AttributeError, IndexError, TypeError, ValueError)
_new = Value.__new__


def _in_block(node: Value) -> Value:
    """A node made within a `watching()` block, which is told; or within `no_grad()`: it forgets how it was made."""
    mode.tell("made", node, node)
    if not mode.is_recording():
        node.op, node._left, node._right, node._by_left = CONSTANT, None, None, UNRECORDED
    return node


def _node(op: Op, data: float, children: Any = None, partials: Any = None) -> Value:
    """A node with any number of operands, or none."""
    node = _new(Value)
    node.data, node.grad, node.op, node.label = data, UNSEEN, op, ""
    node._left, node._right, node._by_left, node._by_right = children, MANY if children else None, partials, None
    return _in_block(node) if mode.blocks else node


def _unary(op: Op) -> Callable[..., Value]:
    def forward(x: Any) -> Value:
        try:
            data, (by_x,) = op.scalar(x.data)
            if data - data == 0.0:  # neither infinite nor nan
                node = _new(Value)
                node.data, node.grad, node.op, node.label = data, UNSEEN, op, ""
                node._left, node._right, node._by_left, node._by_right = x, None, by_x, None
                return _in_block(node) if mode.blocks else node
        except _UNFIT:
            pass
        return _carefully(op, x)

    return forward


def _binary(op: Op) -> Callable[..., Value]:
    def forward(x: Any, y: Any) -> Value:
        if type(y) is not Value:
            y = constant(y)
        try:
            data, (by_x, by_y) = op.scalar(x.data, y.data)
            if data - data == 0.0:
                node = _new(Value)
                node.data, node.grad, node.op, node.label = data, UNSEEN, op, ""
                node._left, node._right, node._by_left, node._by_right = x, y, by_x, by_y
                return _in_block(node) if mode.blocks else node
        except _UNFIT:
            pass
        return _carefully(op, x, y)

    return forward


def _nary(op: Op) -> Callable[..., Value]:
    def forward(*operands: Any) -> Value:
        children: list[Value] = []
        numbers: list[Any] = []
        widths: set[int] = set()
        try:
            for operand in operands:
                if type(operand) is list:
                    children += operand
                    widths.add(len(operand))
                    numbers.append([each.data for each in operand])
                else:
                    children.append(operand)
                    numbers.append(operand.data)
            data, partials = op.scalar(*numbers)
            if len(widths) < 2 and type(data) is float and data - data == 0.0:
                return _node(op, data, tuple(children), partials)
        except _UNFIT:
            pass
        return _carefully(op, *operands)

    return forward


def _carefully(op: Op, *operands: Any) -> Value:
    children, data, partials = evaluated(op, operands, constant)
    return _node(op, data, children, partials)


def apply(op: Op, *operands: Any) -> Value:
    """Returns the node of any row of the table: a number or Value for each operand, a sequence of them for a group.

    Raises ValueError if groups are empty or differ in length, TypeError for what is not a number.

    >>> apply(ops.dot, [1.0, 2.0], [Value(3.0), Value(4.0)]).data
    11.0
    """
    return function_of(op)(*operands)


def function_of(op: Op) -> Callable[..., Value]:
    """Returns the function from an operation's operands to its node, which is made once and kept on the op."""
    if op.forward is None:
        op.forward = (_nary if op.is_nary or len(op.operands) > 2 else _binary if len(op.operands) > 1 else _unary)(op)
    return op.forward


def leaf(data: SupportsFloat, op: Leaf, label: str = "") -> Value:
    """Returns a leaf whose `op` tells its role: `PARAMETER`, `CONSTANT`, a `Bernoulli` draw (see `operation`).

    Raises what `Value(data)` raises.
    """
    node = Value(data, label)
    node.op = op
    if not op.shared:
        mode.tell("leaf", node, node)
    return node


def constant(data: Any) -> Value:
    """Returns `data` if it is a Value, else a leaf for a number that was written into an expression."""
    if type(data) is float and data == data:
        return _node(CONSTANT, data)
    return data if isinstance(data, Value) else leaf(data, CONSTANT)
