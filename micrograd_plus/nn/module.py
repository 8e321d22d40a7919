"""A Module is a part of a model: it owns parameters and other Modules, and computes something with them.

Nothing is registered: a Module's parameters are found by looking at its attributes, each a parameter, a Module, or a
list, tuple or dict of such. The way there is the name: `layers.0.neurons.2.weights.1`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, SupportsFloat, TypeVar

from micrograd_plus import operation
from micrograd_plus.checks import finite_number, listed
from micrograd_plus.errors import short
from micrograd_plus.foreign import refuse
from micrograd_plus.mode import WithSettings
from micrograd_plus.report import Table
from micrograd_plus.value import UNSEEN, Value, leaf

__all__ = ["Module", "Parameter"]

M = TypeVar("M", bound="Module")

if TYPE_CHECKING:
    P = ParamSpec("P")
    R = TypeVar("R", covariant=True)

    class _HasForward(Protocol[P, R]):
        _labelled: bool

        def forward(self, *inputs: P.args, **options: P.kwargs) -> R: ...
        def label_parameters(self) -> None: ...

    class Outputs(Value, list[Value]):  # type: ignore[misc]
        """What a layer returns: a list of Values, or a bare one instead of a list of one; checkers take it for both."""


def Parameter(data: SupportsFloat, label: str = "") -> Value:
    """Returns a Value that training changes: a leaf in the role of a parameter. Raises what `Value(data)` raises.

    >>> Parameter(0.5, "w")
    Value(0.5, label='w')
    """
    return leaf(data, operation.PARAMETER, label)


class Module(WithSettings):
    """The base of every part of a model. A subclass sets its attributes and writes `forward`.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Parameter(2.0), Parameter(1.0)
    ...
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).data
    7.0
    >>> line.state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    training: bool = True
    """Whether the Module behaves as in training (dropout drops) or as in use; `train` and `eval` set it."""

    shape: str = ""
    """What goes in and comes out, as `summary` shows it: `2 -> 16`."""

    _labelled = False  # whether the parameters carry their names; these two need no call of a base class's __init__

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Returns what the Module computes; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(); write one that returns its output")

    def __call__(self: _HasForward[P, R], *inputs: P.args, **options: P.kwargs) -> R:
        """Returns `forward(...)`, with its types; the first call labels the parameters (see `label_parameters`)."""
        if not self._labelled:
            self.label_parameters()
        return self.forward(*inputs, **options)

    if not TYPE_CHECKING:  # to type checkers an unknown name is an error

        def __getattr__(self, name: str) -> Any:
            refuse("Module", name, self)

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yields every Module here once with its dotted name, itself first under "", in the order of the attributes."""
        seen: set[Module] = set()
        todo: list[tuple[str, Module]] = [("", self)]
        while todo:
            prefix, module = todo.pop()
            if module not in seen:
                seen.add(module)
                yield prefix, module
                held = _attributes(module, skip=_NUMBERS)
                todo += reversed([(_join(prefix, name), each) for name, each in held if isinstance(each, Module)])

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yields every parameter once, with its dotted name, in the order of `parameters`.

        A parameter that no attribute leads to, but which a `parameters()` of one's own returns, is named by its number.

        >>> from micrograd_plus.nn import Layer
        >>> [name for name, parameter in Layer(2, 1).named_parameters()]
        ['neurons.0.weights.0', 'neurons.0.weights.1', 'neurons.0.bias']
        """
        names: dict[Value, str] = {}
        for prefix, module in self.named_modules():
            for name, each in _attributes(module):
                if isinstance(each, Value):
                    names.setdefault(each, _join(prefix, name))
        for i, each in enumerate(self.parameters()):
            yield names.get(each, f"parameters.{i}"), each

    def modules(self) -> Iterator[Module]:
        """Yields every Module here, itself first."""
        return (module for _, module in self.named_modules())

    def parameters(self) -> list[Value]:
        """Returns every parameter once: those of a Module before those of the Modules inside it.

        A subclass may write its own, as the lecture does; what that returns is trained, named, saved and counted.
        """
        found: dict[Value, None] = {}
        for module in self.modules():
            is_own = module is not self and type(module).parameters is not Module.parameters
            held = module.parameters() if is_own else [each for _, each in _members(module) if isinstance(each, Value)]
            found.update(dict.fromkeys(held))
        return [*found]

    def generators(self) -> Iterator[tuple[str, Random]]:
        """Yields every generator that a Module here draws from, once, with its dotted name, in the order of `modules`.

        A generator is an attribute like a parameter: a `random.Random`, or the `rng` of an op that draws random leaves.

        >>> from micrograd_plus.nn import MLP
        >>> [name for name, _ in MLP(2, [4, 4, 1], dropout=0.5).generators()]
        ['layers.1.op', 'layers.3.op']
        """
        seen: set[Random] = set()
        for prefix, module in self.named_modules():
            for name, each in _attributes(module, skip=_NUMBERS):
                rng = each.rng if isinstance(each, operation.Bernoulli) else each
                if isinstance(rng, Random) and rng not in seen:
                    seen.add(rng)
                    yield _join(prefix, name), rng

    def label_parameters(self) -> None:
        """Labels each parameter with its name here; a Module's first call does it, `Sequential` when it is made."""
        for name, parameter in self.named_parameters():
            parameter.label = name
        for module in self.modules():
            module._labelled = True

    def train(self: M, mode: bool = True) -> M:
        """Returns the Module itself, set to training (or, with False, to use), with all Modules inside it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Returns the Module itself, set to use: `train(False)`."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Clears the `grad` of every parameter."""
        for parameter in self.parameters():
            parameter.grad = UNSEEN

    def state_dict(self) -> dict[str, float]:
        """Returns the number of each parameter, by name. Raises ValueError where two have one name."""
        return {name: parameter.data for name, parameter in self._by_name().items()}

    def _by_name(self) -> dict[str, Value]:
        named = list(self.named_parameters())
        found = dict(named)
        if len(found) < len(named):
            (name, times), *_ = Counter(name for name, _ in named).most_common(1)
            raise ValueError(f"{times} parameters are named {short(name)}; give the attributes or keys other names")
        return found

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Sets every parameter to the number that `state` has under its name.

        Raises ValueError, before anything is changed, if a name is missing or unknown or a number is not finite, and
        TypeError for what is not a number, or no state at all.

        >>> from micrograd_plus.nn import Neuron
        >>> Neuron(1).load_state_dict({"weights.0": 0.5})
        Traceback (most recent call last):
            ...
        ValueError: this state is not of a Neuron with 2 parameters: missing bias; build the model as it was when saved
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"a state is a dict of numbers by name, as state_dict() returns it, but got {short(state)}")
        parameters = self._by_name()
        missing = [name for name in parameters if name not in state]
        unknown = [name for name in state if name not in parameters]
        if missing or unknown:
            whose = f"a {type(self).__name__} with {len(parameters):,} parameters"
            wrong = (("missing", missing), ("unknown", unknown))
            found = "; ".join(f"{what} {listed(names)}" for what, names in wrong if names)
            raise ValueError(f"this state is not of {whose}: {found}; build the model as it was when saved")
        numbers = [finite_number(f"the state's {name}", state[name]) for name in parameters]
        for parameter, number in zip(parameters.values(), numbers):
            parameter.data = number

    def summary(self) -> Table:
        """Returns a table of the parts, their shapes and their numbers of parameters, the total in its last row.

        A parameter that two parts share is in the row of each, and once in the total.

        >>> from micrograd_plus.nn import MLP
        >>> print(MLP(2, [3, 1], activation="tanh", dropout=0.5).summary())
        name      module               shape   parameters
        --------  -------------------  ------  ----------
        layers.0  Layer(2, 3, 'tanh')  2 -> 3           9
        layers.1  Dropout(0.5)                          0
        layers.2  Layer(3, 1)          3 -> 1           4
        MLP                                            13
        """
        rows: list[tuple[str, str, str, int]] = []
        shown: set[Module] = set()
        for name, module in self.named_modules():
            if module in shown:
                continue
            members = list(_members(module))
            if module.shape or not members:  # a part that people name as one thing, whatever it is made of
                rows.append((name, repr(module), module.shape, len(module.parameters())))
                shown.update(module.modules())
            else:
                own = Counter(member.split(".")[0] for member, each in members if isinstance(each, Value))
                rows += [(_join(name, member), "Parameter", "", count) for member, count in own.items()]
        rows.append((type(self).__name__, "", "", len(self.parameters())))
        return Table(("name", "module", "shape", "parameters"), tuple(rows), numeric=(3,))

    def __repr__(self) -> str:
        inside = [(name, each) for name, each in _members(self) if isinstance(each, Module)]
        lines = [f"  {name}: {each!r}".replace("\n", "\n  ") for name, each in inside]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"


def _members(module: Module) -> Iterator[tuple[str, Value | Module]]:
    """The parameters and Modules that a Module holds itself, with the names of the attributes that lead there."""
    for name, each in _attributes(module):
        if isinstance(each, Module) or (isinstance(each, Value) and each.op is operation.PARAMETER):
            yield name, each


_NUMBERS = frozenset({Value, float, int})


def _attributes(thing: Any, name: str = "", skip: frozenset[type] = frozenset()) -> Iterator[tuple[str, Any]]:
    """All that a Module holds itself, with dotted names: its attributes, and what is in lists, tuples and dicts.

    Lists of nothing but `skip` are passed over, which is some times quicker where weights are not asked for.
    """
    thing = thing if name else vars(thing)
    if not isinstance(thing, (dict, list, tuple)):
        yield name, thing
    elif not skip or isinstance(thing, dict) or not skip.issuperset(map(type, thing)):
        for key, each in thing.items() if isinstance(thing, dict) else enumerate(thing):
            yield from _attributes(each, _join(name, str(key)), skip)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
