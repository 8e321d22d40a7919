"""A Value is a number that remembers how it was made, so that the chain rule can be walked back through it.

Every operation takes its local derivatives when it runs and lays them on the node it makes. Backward therefore knows no
operations: in reverse topological order, `child.grad += partial * node.grad`. Nothing here recurses, so a graph may be
a million nodes deep, and no node holds a closure, so a graph is freed as soon as nobody looks at it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from math import inf, isfinite, isnan
from numbers import Real
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeAlias

from micrograd_plus import ops
from micrograd_plus.ops import Op

if TYPE_CHECKING:
    from micrograd_plus.explain import Explanation
    from micrograd_plus.viz.graph import Graph
    from micrograd_plus.viz.player import StepPlayer

Number: TypeAlias = "Value | float"

UNSEEN = float("0")
"""The grad of a node that no backward pass has reached: a zero of its own, so that `grad is UNSEEN` can be asked."""

MANY = object()
"""Stands in the place of a node's second operand if there are more than two; see `Value`."""


# The factories of Value's methods come first, because the class body below calls them.


def unary(op: Op) -> Callable[[Number], Value]:
    """Returns the method that applies a row with one operand."""
    method: Any = _Method(op)
    return method  # type: ignore[no-any-return]


def binary(op: Op) -> tuple[Callable[[Number, Number], Value], Callable[[Number, Number], Value]]:
    """Returns the method that applies a row with two operands, and its reflection (for `2 - x`)."""

    def reflected(self: Number, other: Number) -> Value:
        return _function(op)(constant(other), self)  # type: ignore[no-any-return]

    method: Any = _Method(op)
    return method, _named(reflected, op)


class _Method:
    """A method that applies a row of the table.

    The function is written when the method is first looked up, and takes its place in the class: the import does not
    wait for rows that may never be used.
    """

    def __init__(self, op: Op) -> None:
        self.op = op
        self.names: list[str] = []

    def __set_name__(self, owner: type[Value], name: str) -> None:
        self.names.append(name)

    def __get__(self, node: Value | None, owner: type[Value]) -> Any:
        for name in self.names:
            setattr(Value, name, _function(self.op))
        return getattr(owner if node is None else node, self.names[0])


@cache
def _function(op: Op) -> Any:
    """Writes the row's text into the function that makes its node.

    This is the engine's hot path: one call does it all, which is almost twice as fast as a call of the row and another
    of a constructor. It does what is right for Values and finite results, and leaves all else to `_checked`.
    """
    value, partials = op.scalar_source
    names = [operand.lstrip("*") for operand in op.operands]
    groups = [name for name, operand in zip(names, op.operands) if operand.startswith("*")]
    nodes = ", ".join(f"node_{name}" for name in names)
    if groups or len(names) > 2:
        left = "".join(f"*node_{name}, " if name in groups else f"node_{name}, " for name in names)
        left, right, partials = f"({left})", "MANY", f"({partials}), None"
    elif len(names) == 2:
        left, right = f"node_{names[0]}", f"node_{names[1]}"
    else:
        left, right, partials = f"node_{names[0]}", "None", f"{partials} None"
    wrap = read = ""
    for name in names:
        if name in groups:
            wrap += f"        if type(node_{name}) is not list:\n            node_{name} = as_list(op, node_{name})\n"
            read += f"            {name} = [each.data for each in node_{name}]\n"
        else:
            if name != names[0]:  # the first one is the `self` of a method; if it is not, `.data` fails below
                wrap += f"        if type(node_{name}) is not Value:\n            node_{name} = constant(node_{name})\n"
            read += f"            {name} = node_{name}.data\n"
    unfit = ["out - out != 0.0"]  # infinite or nan
    if groups:
        unfit = ["type(out) is not float", *(f"len({groups[0]}) != len({group})" for group in groups[1:]), *unfit]
    source = f"""
def make(op):
    def forward({nodes}):
{wrap}        try:
{read}            out = {value}
            by_left, by_right = {partials}
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
            return checked(op, ({nodes},))
        if {" or ".join(unfit)}:
            return checked(op, ({nodes},))
        node = new(Value)
        node.data = out
        node.grad = UNSEEN
        node.label = ""
        if not paused or recording():
            node.op = op
            node._left, node._right = {left}, {right}
            node._by_left, node._by_right = by_left, by_right
        else:
            node.op = CONSTANT
            node._left = node._right = None
        return node
    return forward
"""
    exec(compile(source, f"<op {op.name}>", "exec"), _hot)
    return _named(_hot.pop("make")(op), op)


_hot: dict[str, Any] = {**ops.scalar_names(), "CONSTANT": ops.CONSTANT, "MANY": MANY, "UNSEEN": UNSEEN, "paused": 0}
"""The names that these functions use; `paused` counts the no_grad() blocks of all threads. Filled below the class."""


def _named(method: Any, op: Op) -> Any:
    method.__name__ = method.__qualname__ = op.name
    method.__doc__ = f"Returns the Value of `{op.value}`."
    if op.needs:
        method.__doc__ += f" Needs {op.needs}."
    return method


def _compare(name: str) -> Callable[[Value, Number], bool]:
    compare = getattr(float, name)

    def method(self: Value, other: Number) -> bool:
        if _watchers:
            _watchers[-1](name, self, other)
        return compare(self.data, other.data if isinstance(other, Value) else _to_float(other))  # type: ignore[no-any-return]

    method.__name__ = method.__qualname__ = name
    return method


class Value:
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

    # One or two operands, and the derivatives by them, lie in slots of their own and not in tuples: a node is then one
    # object for the garbage collector and not three, which makes a training step 1.7 times faster and a graph a third
    # smaller. More operands lie in `_left` as a tuple, the derivatives by them in `_by_left`, and `_right` is MANY.
    __slots__ = ("_by_left", "_by_right", "_left", "_right", "data", "grad", "label", "op")

    data: float
    grad: float
    op: Op
    label: str
    _left: Any
    _right: Any
    _by_left: Any
    _by_right: Any

    __array_ufunc__ = None  # makes a NumPy scalar on the left leave the operation to us

    def __init__(self, data: SupportsFloat, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, but got {label!r}")
        self.data = data if type(data) is float else _to_float(data)
        if isnan(self.data):
            raise ValueError(f"{label or 'a Value'} can't be nan; find where it came from, or drop that example")
        self.grad = UNSEEN
        self.op = ops.INPUT
        self._left = self._right = None
        self.label = label

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

    # ------------------------------------------------------------ arithmetic, one line a row of the table

    __add__, __radd__ = binary(ops.add)
    __sub__, __rsub__ = binary(ops.sub)
    __mul__, __rmul__ = binary(ops.mul)
    __truediv__, __rtruediv__ = binary(ops.div)
    __neg__ = unary(ops.neg)

    def __pos__(self) -> Value:
        """Returns the Value itself."""
        return self

    __abs__ = abs = unary(ops.abs_)
    maximum = binary(ops.maximum)[0]
    minimum = binary(ops.minimum)[0]
    exp = unary(ops.exp)
    log = unary(ops.log)
    sqrt = unary(ops.sqrt)
    log1p = unary(ops.log1p)
    expm1 = unary(ops.expm1)
    sin = unary(ops.sin)
    cos = unary(ops.cos)
    tanh = unary(ops.tanh)
    erf = unary(ops.erf)
    step = unary(ops.step)
    sign = unary(ops.sign)
    sigmoid = unary(ops.sigmoid)
    relu = unary(ops.relu)
    softplus = unary(ops.softplus)
    silu = unary(ops.silu)

    _power, _rpower = binary(ops.pow)

    def __pow__(self, exponent: Number) -> Value:
        """Returns `self ** exponent`; a number as the exponent is burnt into the operation."""
        if isinstance(exponent, Value):
            return self._power(exponent)
        return apply(ops.power(_setting("the exponent", exponent)), self)

    def __rpow__(self, base: Number) -> Value:
        """Returns `base ** self`."""
        return self._rpower(base)

    def leaky_relu(self, negative_slope: float = 0.01) -> Value:
        """Returns x where it is positive, `negative_slope * x` elsewhere."""
        return apply(ops.leaky_relu(_setting("negative_slope", negative_slope)), self)

    def elu(self, alpha: float = 1.0) -> Value:
        """Returns x where it is positive, `alpha * (exp(x) - 1)` elsewhere."""
        return apply(ops.elu(_setting("alpha", alpha)), self)

    def gelu(self, approximate: str = "none") -> Value:
        """Returns x times the normal distribution's cdf of x: exactly, or approximately with "tanh".

        Raises ValueError for another word. Source: Hendrycks and Gimpel 2016.
        """
        if approximate not in ("none", "tanh"):
            raise ValueError(f"gelu's approximate is 'none' or 'tanh', not {approximate!r}")
        return apply(ops.gelu if approximate == "none" else ops.gelu_tanh, self)

    def clamp(self, min: float | None = None, max: float | None = None) -> Value:
        """Returns x held between `min` and `max`; None is no bound. Raises ValueError if `min` is above `max`."""
        low = -inf if min is None else _to_float(min)
        high = inf if max is None else _to_float(max)
        if not low <= high:
            cure = "swap them" if low > high else "leave out a bound that you do not need"
            raise ValueError(f"clamp needs min <= max, but got min={low} and max={high}; {cure}")
        return apply(ops.clamp(low, high), self)

    # ------------------------------------------------------------ as a number

    __lt__ = _compare("__lt__")
    __le__ = _compare("__le__")
    __gt__ = _compare("__gt__")
    __ge__ = _compare("__ge__")

    def __float__(self) -> float:
        if _watchers:
            _watchers[-1]("__float__", self, self)
        return self.data

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        grad = "" if self.grad is UNSEEN else f", grad={self.grad:.6g}"
        return f"Value({self.data:.6g}{grad}{f', label={self.label!r}' if self.label else ''})"

    # ------------------------------------------------------------ the chain rule

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
        self.grad += 1.0
        for node in reversed(order):
            grad, right = node.grad, node._right
            if right is MANY:
                for child, partial in zip(node._left, node._by_left):
                    child.grad += partial * grad
            else:
                node._left.grad += node._by_left * grad
                if right is not None:
                    right.grad += node._by_right * grad

    def zero_grad(self) -> None:
        """Clears `grad` of this node and of every node below it."""
        for node in topological_order(self):
            node.grad = UNSEEN

    # ------------------------------------------------------------ to look at; each loads its part on first use

    def graph(self, **options: Any) -> Graph:
        """Returns the picture of this value's computation graph; see `micrograd_plus.viz.graph.Graph`."""
        from micrograd_plus.viz.graph import Graph

        return Graph(self, **options)

    def steps(self, **options: Any) -> StepPlayer:
        """Returns a page that plays forward and backward step by step; see `micrograd_plus.viz.player.StepPlayer`."""
        from micrograd_plus.viz.player import StepPlayer

        return StepPlayer(self, **options)

    def explain(self, output: Value | None = None, **options: Any) -> Explanation:
        """Returns the chain rule of this node in words and numbers, or its paths to `output`; see `explain.explain`."""
        from micrograd_plus.explain import explain

        return explain(self, output, **options)

    # ------------------------------------------------------------ copy and pickle, without recursion

    def __copy__(self) -> Value:
        return _restore(None, *_fields(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from copy import deepcopy

        for node in topological_order(self):
            if id(node) not in memo:
                data, grad, op, children, partials, label = _fields(node)
                op = op if op.shared else deepcopy(op, memo)
                children = tuple(memo[id(child)] for child in children)
                memo[id(node)] = _restore(None, data, grad, op, children, partials, label)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """A pickler recurses from a node to its children, so they are laid before it as a flat list.

        The list is in topological order and the pickler remembers what it has seen, so that each of its nodes finds
        its own children already written. The two marks around the list say so to the nodes in it.
        """
        mark = _pickling.mark()
        if not self.children or (mark is not None and self in mark.nodes):
            return _restore, (None, *_fields(self))
        before = topological_order(self)[:-1]
        return _restore, ([_Mark(before), *before, _Mark(())], *_fields(self))


class _Mark:
    """Stands in a pickle before and after a list of nodes that are in topological order."""

    def __init__(self, nodes: Iterable[Value]) -> None:
        self.nodes = set(nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        _pickling.mark = weakref.ref(self)
        return bool, ()


class _Pickling(threading.local):
    """The mark that a pickler passed last: weak, so that a pickle that fails half way leaves nothing behind."""

    mark: Callable[[], _Mark | None] = staticmethod(lambda: None)


_pickling = _Pickling()


def _fields(node: Value) -> tuple[Any, ...]:
    grad = None if node.grad is UNSEEN else node.grad
    return node.data, grad, node.op, node.children, node.partials, node.label


def _restore(
    _before: list[Any] | None, data: float, grad: float | None, op: Op,
    children: tuple[Value, ...], partials: tuple[float, ...], label: str,
) -> Value:  # fmt: skip
    node = Value.__new__(Value)
    node.data, node.grad, node.op = data, UNSEEN if grad is None else grad, op
    node.label = label
    node._left = node._right = None
    if len(children) > 2:
        node._left, node._right, node._by_left = children, MANY, partials
    elif children:
        node._left, node._right = (*children, None)[:2]
        node._by_left, node._by_right = (*partials, None)[:2]
    return node


# -------------------------------------------------------------------- making nodes


@contextmanager
def watching(watcher: Callable[[str, Value, Number], None]) -> Iterator[None]:
    """Within it, `watcher(event, node, other)` is called when a Value's number is looked at or a random leaf is made.

    The event is the name of the comparison, `__float__` or `leaf`. So a tracer learns of a choice that hangs on data.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.pop()


_watchers: list[Callable[[str, Value, Number], None]] = []


def leaf(data: SupportsFloat, op: Op, label: str = "") -> Value:
    """Returns a leaf whose `op` tells its role: `ops.PARAMETER`, `ops.CONSTANT`, a `Bernoulli` draw.

    Raises what `Value(data)` raises.
    """
    node = Value(data, label)
    node.op = op
    if _watchers and not op.shared:
        _watchers[-1]("leaf", node, node)
    return node


def constant(data: Any) -> Value:
    """Returns `data` if it is a Value, else a leaf for a number that was written into an expression."""
    if type(data) is not float or isnan(data):
        return data if isinstance(data, Value) else leaf(data, ops.CONSTANT)
    node = Value.__new__(Value)
    node.data = data
    node.grad = UNSEEN
    node.op = ops.CONSTANT
    node._left = node._right = None
    node.label = ""
    return node


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it, operations compute their value and record nothing: no graph, no memory. Other threads go on recording.

    >>> with no_grad():
    ...     (Value(2.0) * 3).children
    ()
    """
    _pause(1)
    try:
        yield
    finally:
        _pause(-1)


class _Thread(threading.local):
    """How many no_grad() blocks this thread is in."""

    paused = 0


_thread = _Thread()
_pausing = threading.Lock()


def _pause(change: int) -> None:
    _thread.paused += change
    with _pausing:
        _hot["paused"] += change


def _recording() -> bool:
    return not _thread.paused


# -------------------------------------------------------------------- operations on any number of operands


def apply(op: Op, *operands: Any) -> Value:
    """Returns the node of any row of the table: a number or Value for each operand, a sequence of them for a group.

    Raises ValueError if groups are empty or differ in length, TypeError for what is not a number.

    >>> apply(ops.dot, [1.0, 2.0], [Value(3.0), Value(4.0)]).data
    11.0
    """
    node: Value = _function(op)(*operands)
    return node


def _checked(op: Op, operands: tuple[Any, ...]) -> Value:
    """The slow path of every operation: makes Values of numbers, and names what is wrong with anything else."""
    starred = [operand.startswith("*") for operand in op.operands]
    groups = [
        [constant(each) for each in _as_list(op, operand)] if star else [constant(operand)]
        for star, operand in zip(starred, operands)
    ]
    sizes = [len(group) for star, group in zip(starred, groups) if star]
    if sizes and (min(sizes) == 0 or min(sizes) != max(sizes)):
        expected, cure = "at least 1 value", "check where they come from"
        if len(sizes) > 1:
            expected, cure = "operands of equal length, at least 1", "check the widths"
        raise ValueError(f"{op.name} needs {expected}, but got {' and '.join(map(str, sizes))}; {cure}")
    children = tuple(chain.from_iterable(groups))
    numbers = op.groups([float(child.data) for child in children])
    try:
        data, partials = op.scalar(*numbers)
    except (ArithmeticError, ValueError) as error:
        raise _domain_error(op, children, error) from None
    if isnan(data):
        raise _domain_error(op, children, ValueError())
    if not isfinite(data) and all(map(isfinite, (child.data for child in children))):
        raise _domain_error(op, children, OverflowError())  # an infinity may pass through, but not arise
    if not _recording():
        op, children, partials = ops.CONSTANT, (), ()
    return _restore(None, data, None, op, children, partials, "")


def _as_list(op: Op, values: Any) -> list[Any]:
    if isinstance(values, (str, Value)) or not isinstance(values, Iterable):
        given = f"{type(values).__name__}: {_short(values)}"
        raise TypeError(f"{op.name} needs a sequence of numbers or Values, but got {given}; put it in a list")
    return list(values)


def dot(weights: Sequence[Number], inputs: Sequence[Number], bias: Number | None = None) -> Value:
    """Returns `sum(w * x)`, plus `bias` if there is one, as a single node: the weighted sum of a neuron.

    Raises ValueError if the lengths differ or are 0.

    >>> dot([Value(1.0), Value(2.0)], [3.0, 4.0], Value(0.5))
    Value(11.5)
    """
    if bias is None:
        return _function(ops.dot)(weights, inputs)  # type: ignore[no-any-return]
    return _function(ops.affine)(weights, inputs, bias)  # type: ignore[no-any-return]


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
    return constant(x).maximum(y)


def minimum(x: Number, y: Number) -> Value:
    """Returns the smaller of two; where they are equal each gets half of the derivative, as in PyTorch.

    >>> minimum(Value(2.0), 3.0)
    Value(2)
    """
    return constant(x).minimum(y)


def softmax(values: Iterable[Number]) -> list[Value]:
    """Returns one Value an input, positive and adding up to 1: `exp(x - logsumexp(values))`, which can't overflow.

    Raises ValueError if there are no values.

    >>> [f"{p:.2f}" for p in softmax([0.0, 0.0])]
    ['0.50', '0.50']
    """
    inputs = [constant(each) for each in _as_list(ops.logsumexp, values)]
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
    position = index.data if isinstance(index, Value) else _to_float(index)
    if not isinstance(values, (list, tuple)):
        values = _as_list(ops.select, values)
    if not values:
        raise ValueError("select needs at least 1 value to choose from, but got none")
    if not position.is_integer():
        raise TypeError(f"select needs a whole number as its index, but got {position}")
    if not 0 <= position < len(values):
        raise IndexError(f"select needs an index from 0 to {len(values) - 1}, but got {int(position)}")
    return apply(ops.select, index, values) if isinstance(index, Value) else constant(values[int(position)])


def topological_order(*roots: Value, leaves: bool = True) -> list[Value]:
    """Returns every node of the roots' graph once, each after its children; on request without the leaves.

    The first root comes last of its own graph, then what the next one adds, and so on. Raises TypeError for a root that
    is not a Value.

    >>> a = Value(1.0, "a")
    >>> [node.label or node.op.label for node in topological_order(a * a + 1)]
    ['a', '*', '', '+']
    """
    for root in roots:
        if not isinstance(root, Value):
            raise TypeError(f"topological_order needs Values, each on its own, but got {_short(root)}")
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


# -------------------------------------------------------------------- wrong input


def _to_float(data: Any) -> float:
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
    elif isinstance(data, Value):
        cure = "it is a Value already; use it as it is"
    elif hasattr(data, "__len__"):
        cure = "pass one number; for many, make a list of Values"
    raise TypeError(f"a Value needs a real number, but got {type(data).__name__}: {_short(data)}; {cure}")


def _setting(name: str, data: Any) -> float:
    """A number that is burnt into an operation, where an infinity would make nan of the derivatives."""
    number = _to_float(data)
    if not isfinite(number):
        raise ValueError(f"{name} must be a finite number, but got {number}")
    return number


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


class DomainError(ValueError):
    """An operation met numbers that it is not defined for, such as the logarithm of -1."""


def _domain_error(op: Op, operands: Sequence[Any], error: Exception) -> Exception:
    """The error that `math` raised, of the same kind, saying which node, what was expected and the cure."""
    text, given = in_words(op, operands)
    at = f" for {given}" if given else ""
    if isinstance(error, OverflowError):
        what, cure = text, op.cure if op is ops.exp else "scale the operands down"
        if _has_value(op, operands):
            what, cure = f"the derivative of {text}", "keep the operands away from 0"
        return OverflowError(f"{what} is beyond the largest float, 1.8e308{at and ','}{at}; {cure}")
    expected = f"it needs {op.needs}" if op.needs else "its value is not a number"
    kind = ZeroDivisionError if isinstance(error, ZeroDivisionError) else DomainError
    return kind(f"{text} is not defined{at}: {expected}{f'; {op.cure}' if op.cure else ''}")


def _has_value(op: Op, operands: Sequence[Value]) -> bool:
    """Whether the value itself is a float, whatever becomes of the derivatives."""
    numbers = op.groups([float(operand.data) for operand in operands])
    given = dict(zip((operand.lstrip("*") for operand in op.operands), numbers))
    try:
        return isfinite(eval(op.scalar_source[0], ops.scalar_names(), given))
    except (ArithmeticError, ValueError):
        return False


def in_words(op: Op, operands: Sequence[Value]) -> tuple[str, str]:
    """Returns an operation on these operands as a message writes it, and their numbers: `x / z` and `x = 1, z = 0`."""
    labels = {operand.label for operand in operands}
    names, given = [], []
    for i, operand in enumerate(operands):
        name = f"x{i + 1}" if op.is_nary else op.operands[i]
        name = operand.label or (name if name not in labels else f"operand {i + 1}")
        if operand.op is ops.CONSTANT and not operand.label:
            names.append(f"{operand.data:.6g}")
        else:
            names.append(name)
            given.append(f"{name} = {operand.data:.6g}")
    given = list(dict.fromkeys(given))
    text = op.words(*op.groups(names)) if len(names) <= 8 else f"{op.name} of {len(names)} numbers"
    if len(text) > 80:
        text = f"{op.name}({', '.join(names)})"
    more = f" and {len(given) - 8} more" if len(given) > 8 else ""
    return text, ", ".join(given[:8]) + more


# -------------------------------------------------------------------- now that all is defined

_hot.update(Value=Value, new=Value.__new__, constant=constant, checked=_checked, as_list=_as_list, recording=_recording)

for _name, _op in ops.TABLE.items():  # a row added to the table is a method at once, even before a line in the class
    if not _op.is_nary and _name not in vars(Value):
        _method = _Method(_op)
        _method.__set_name__(Value, _name)
        setattr(Value, _name, _method)
