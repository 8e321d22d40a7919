"""An operation is one row of the table in `ops`; here is what a row is, how it is read, and where rows are kept.

A row is a label, a value and one local derivative per operand, written as they stand in a calculus book:

    tanh = row("tanh", "x", "tanh(x)", x="1 - out**2")

`x` and `y` are the operands, `out` is the value; in `"*xs"`, `xs` is a group of any number of operands and `x` the one
whose derivative is written. The one text is read (see `reading`) over `math` for the eager engine, over NumPy for the
compiler's instructions, over Values for higher derivatives, and in words for explanations. So what a student reads is
what ran, and an operation can't be half implemented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, update_wrapper
from inspect import signature
from math import isinf
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeAlias
from weakref import WeakValueDictionary

from micrograd_plus import reading
from micrograd_plus.errors import setting, to_float

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "CONSTANT", "FAMILIES", "INPUT", "PARAMETER", "TABLE", "Bernoulli", "Family", "Leaf", "Op", "Partials",
    "complete", "each_row", "family", "row",
]  # fmt: skip

Partials: TypeAlias = tuple[float, ...]
P = ParamSpec("P")


class Op:
    """One row of the table, and the ways to read it.

    `name` is what Python code calls it (`mul`), `label` what a picture shows (`*`); `operands` are the names in the
    row's text (a leading `*` marks a group); `value` and `partials` are that text; `needs` tells for which operands
    the operation is defined, and `cure` what to do about others. `constants` are the numbers burnt into the row, and
    `method` has the names of the Value's methods that it becomes, if any.

    >>> from micrograd_plus.ops import mul, tanh
    >>> tanh.value, tanh.partials
    ('tanh(x)', {'x': '1 - out**2'})
    >>> tanh.scalar(0.0)
    (0.0, (1.0,))
    >>> mul.words("w", "x"), mul.partial_words("x", "w", "x", out="n")
    ('w * x', 'x')
    """

    shared = True
    """One object serves all nodes and all copies of them; False for a random leaf, which carries a generator."""

    def __init__(
        self, name: str, label: str, operands: str, value: str, partials: Mapping[str, str],
        constants: tuple[Any, ...] = (), needs: str = "", cure: str = "", method: str = "",
    ) -> None:  # fmt: skip
        self.name, self.label, self.method = name, label, method
        self.operands = tuple(operands.split())
        self.value, self.partials = value, dict(partials)
        self.constants, self.needs, self.cure = constants, needs, cure
        self.forward: Callable[..., Any] | None = None  # what makes its nodes: `value.function_of` writes it
        if tuple(self.partials) != self.names:
            raise ValueError(f"row {name!r} has operands {self.names} but derivatives for {tuple(self.partials)}")

    def __repr__(self) -> str:
        return f"<op {self.label or self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.constants:
            return _of_family, (self.name, *self.constants)
        text = (self.name, self.label, " ".join(self.operands), self.value, self.partials)
        return _of_table if self.name in TABLE else Op, (*text, (), self.needs, self.cure, self.method)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that derivatives are written for: a group `*xs` is one name, `x`, for whichever member."""
        return tuple(operand[1:-1] if operand.startswith("*") else operand for operand in self.operands)

    @cached_property
    def starred(self) -> tuple[bool, ...]:
        """For each operand, whether it is a group."""
        return tuple(operand.startswith("*") for operand in self.operands)

    @property
    def doc(self) -> str:
        """The docstring of the function or method: the value, the derivatives, for which operands."""
        slopes = ", ".join(f"by {name} `{partial}`" for name, partial in self.partials.items())
        domain = f"Needs {self.needs}." if self.needs else "Defined for every number."
        return f"Returns the Value of `{self.value}`. Derivative {slopes}. {domain}"

    @property
    def is_nary(self) -> bool:
        """True if the number of operands is not fixed by the row."""
        return any(self.starred)

    def groups(self, children: Sequence[Any]) -> list[Any]:
        """The children sorted into the row's operands: a single one as it is, a group as a list."""
        groups = sum(self.starred)
        if not groups:
            return list(children)
        size = (len(children) - len(self.operands) + groups) // groups
        found: list[Any] = []
        start = 0
        for starred in self.starred:
            found.append(list(children[start : start + size]) if starred else children[start])
            start += size if starred else 1
        return found

    # ------------------------------------------------------------ the readings

    @cached_property
    def scalar(self) -> Callable[..., tuple[float, Partials]]:
        """A function from floats to the value and the local derivatives. Raises what `math` raises."""
        function: Callable[..., tuple[float, Partials]] = reading.function(self, reading.OverFloats(TABLE))
        return function

    def value_alone(self, *operands: Any) -> float:
        """The value for floats, whatever becomes of the derivatives. Raises what `math` raises."""
        value: float = reading.value_function(self, reading.OverFloats(TABLE))(*operands)
        return value

    def values(self, functions: Mapping[str, Any]) -> Callable[..., tuple[Any, ...]]:
        """A function `(out, *operands)` to the local derivatives, made of whatever `functions` are made of."""
        function: Callable[..., tuple[Any, ...]] = reading.partials_function(self, reading.OverValues(TABLE), functions)
        return function

    def words(self, *names: Any, at: Sequence[Any] = ()) -> str:
        """The value in words, with these names for the operands (a list of names for a group).

        If the operands' numbers are given as `at`, only the branch of a choice that they take is written.
        """
        return reading.substitute(self.value, self.bind(names), self.bind(at))

    def partial_words(
        self, operand: str, *names: Any, out: str = "out", member: int = 0, at: Sequence[Any] = ()
    ) -> str:
        """The derivative by one operand in words; `member` tells which one of a group, `at` is as in `words`."""
        numbers = self.bind(at, self.scalar(*at)[0], member) | {"j": member} if at else {}
        return reading.substitute(self.partials[operand], self.bind(names, out, member), numbers)

    def bind(self, names: Sequence[Any], out: Any = None, member: int = 0) -> dict[str, Any]:
        """What the names in the row's text stand for; with `out`, in a derivative, by that member of a group."""
        bound = {operand.lstrip("*"): name for operand, name in zip(self.operands, names)}
        if out is not None:
            bound |= {"out": out, "j": str(member)}
            for group, name in zip(self.operands, self.names):
                if group.startswith("*"):
                    bound[name] = bound[group[1:]][member]
        return bound


# -------------------------------------------------------------------- the registry

TABLE: dict[str, Op] = {}
"""Every operation with no constants burnt in, by name."""

FAMILIES: dict[str, Family[...]] = {}
"""Operations with constants burnt in, by name."""

_users: list[Callable[[Op | Family[...]], None]] = []


def row(
    label: str, operands: str, value: str, *, name: str = "", needs: str = "", cure: str = "",
    method: str | None = None, **partials: str,
) -> Op:  # fmt: skip
    """Returns the declared operation, entered in the table under `name` (its label unless given).

    `operands` are the names in `value` and in the derivatives, one keyword for each: see the module's text. It is an
    operation at once: a method of Value by its name (or by those in `method`; "" for none), an activation, a
    function on the command line; it is drawn, explained, differentiated twice and compiled. `needs` says for which
    operands it is defined, and `cure` what to do about others. The same row again is the one that is there.

    Raises ValueError if the derivatives are not those of the operands, one each; if a text is no expression, or has a
    name that is neither an operand, nor a function, nor an earlier row's; or if the name is taken.

    >>> from micrograd_plus import Value
    >>> tanh = row("tanh", "x", "tanh(x)", x="1 - out**2")
    >>> node = Value(0.0, "x").tanh()
    >>> node.op is tanh, node.data, node.partials, tanh.partial_words("x", "x", out="y")
    (True, 0.0, (1.0,), '1 - y ** 2')
    """
    name = name or label
    if method is None:
        method = "" if "*" in operands else name
    op = Op(name, label, operands, value, partials, needs=needs, cure=cure, method=method)
    return _of_user(op) if _methods else _entered(op)


class Family(Generic[P]):
    """Rows that differ in the constants burnt into them: called with the constants, it returns the row.

    The constants' names and defaults are those of the function that declares the row. A number must be finite, unless
    its default is not: then it is a bound, and None is none.

    >>> from micrograd_plus.ops import leaky_relu
    >>> leaky_relu.defaults
    {'negative_slope': 0.01}
    >>> leaky_relu(negative_slope=0.2), leaky_relu(0.2) is leaky_relu(negative_slope=0.2)
    (<op leaky_relu(0.2)>, True)
    """

    def __init__(self, declare: Callable[P, Op], method: str) -> None:
        self.name, self.method = declare.__name__, method
        self.declare: Callable[..., Op] = declare
        self.signature = signature(declare)
        self.defaults = {name: each.default for name, each in self.signature.parameters.items()}
        self._rows: WeakValueDictionary[tuple[Any, ...], Op] = WeakValueDictionary()  # one row for what is in use
        self._recent = lru_cache(maxsize=128)(self._row)  # and the latest ones kept
        update_wrapper(self, declare)

    def __call__(self, *constants: P.args, **named: P.kwargs) -> Op:
        """Returns the row. Raises TypeError for other constants, ValueError for a number that is not finite."""
        try:
            given = self.signature.bind(*constants, **named).arguments
        except TypeError as error:
            known = ", ".join(f"{name}={default!r}" for name, default in self.defaults.items())
            raise TypeError(f"{self.name}: {error}; its constants are {known}") from None
        return self._recent(*(self._checked(name, given) for name in self.defaults))

    @property
    def doc(self) -> str:
        """The docstring of the method, with the row at the usual constants."""
        text = (self.declare.__doc__ or self.name).removeprefix("The row of ")
        usual = self._recent(*self.defaults.values())  # without bounds it is the operand itself, which says nothing
        return f"Returns the Value of {text}" + (f"\n\nUsually: {usual.doc}" if usual.value != "x" else "")

    def _checked(self, name: str, given: Mapping[str, Any]) -> Any:
        default = self.defaults[name]
        if name not in given:
            return default
        if isinstance(default, str):
            return given[name]
        if isinf(default):
            return default if given[name] is None else to_float(given[name])
        return setting(name, given[name])

    def _row(self, *constants: Any) -> Op:
        op = self._rows.get(constants)
        if op is None:
            op = self._rows[constants] = self.declare(*constants)
            if TABLE.get(op.name) is not op:  # a family may choose among the table's rows
                op.name, op.constants = self.name, constants
        return op


def family(method: str | None = None) -> Callable[[Callable[P, Op]], Family[P]]:
    """Returns what makes a family of a function from constants to a row, and enters it under the function's name.

    That is its method's name too, unless `method` says otherwise ("" for none).
    """

    def enter(declare: Callable[P, Op]) -> Family[P]:
        found = Family(declare, declare.__name__ if method is None else method)
        FAMILIES[found.name] = found
        _announce(found)
        return found

    return enter


def each_row(use: Callable[[Op | Family[...]], None]) -> None:
    """Calls `use` with every row and family that there is, and with each that is declared later, as it is declared."""
    _users.append(use)
    declared: list[Op | Family[...]] = [*TABLE.values(), *FAMILIES.values()]
    for each in declared:
        use(each)


def _announce(declared: Any) -> None:
    for use in _users:
        use(declared)


def complete(methods: Callable[[], Sequence[str]]) -> None:
    """Ends the package's own table: rows that come later are a user's, and are checked.

    `methods` lists the names that a Value has.
    """
    _methods.append(methods)


_methods: list[Callable[[], Sequence[str]]] = []


def _of_user(op: Op) -> Op:
    """A row that is declared after the package's own, or the one that is there."""
    if not op.name.isidentifier():
        raise ValueError(f"a row's name is one word, but got {op.name!r}; give one with the label: row(..., name='f')")
    there = TABLE.get(op.name)
    if there and (there.operands, there.value, there.partials) == (op.operands, op.value, op.partials):
        return there
    taken = {*TABLE, *FAMILIES} & {op.name} or {*_methods[0]()} & {*op.method.split()}
    if taken:
        is_row = f", as the row of {there.value!r}" if there else ""
        raise ValueError(f"the name {taken.pop()!r} is taken{is_row}; choose another: row(..., name='my_{op.name}')")
    reading.check(op, TABLE)
    return _entered(op)


def _entered(op: Op) -> Op:
    TABLE[op.name] = op
    _announce(op)
    return op


def _of_table(name: str, *text: Any) -> Op:
    """The row of a pickle: that of the table, which gets it if it was declared elsewhere."""
    return TABLE.get(name) or _entered(Op(name, *text))


def _of_family(name: str, *constants: Any) -> Op:
    return FAMILIES[name](*constants)


# -------------------------------------------------------------------- leaves


class Leaf(Op):
    """What the op of a node without operands tells: where its number came from (its role in a picture)."""

    def __init__(self, name: str, label: str) -> None:
        super().__init__(name, label, "", "", {})

    def __reduce__(self) -> tuple[Any, ...]:
        return _leaf, (self.name,)


INPUT, CONSTANT, PARAMETER = Leaf("input", ""), Leaf("constant", ""), Leaf("parameter", "")
CHOSEN = Leaf("chosen", "")
"""A local derivative by the exception of a row, as at x ** y where x is 0: at other operands it is another."""


def _leaf(name: str) -> Leaf:
    return next(each for each in (INPUT, CONSTANT, PARAMETER, CHOSEN) if each.name == name)


class Bernoulli(Leaf):
    """How a random leaf is drawn: `scale` with probability `keep`, else 0, from the generator `rng`.

    The op carries the generator so that a replay (a compiled program, a second forward pass) can draw anew, and so
    that a picture can tell a dropped unit from a zero.

    >>> from random import Random
    >>> Bernoulli(0.5, 2.0, Random(0)).draw()
    0.0
    """

    shared = False

    def __init__(self, keep: float, scale: float, rng: Random) -> None:
        super().__init__("bernoulli", f"bernoulli({keep:g})")
        self.keep, self.scale, self.rng = keep, scale, rng

    def draw(self) -> float:
        """The next number: `scale` or 0.0."""
        return self.scale if self.rng.random() < self.keep else 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Bernoulli, (self.keep, self.scale, self.rng)
