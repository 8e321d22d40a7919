"""A layer of neurons: each takes the weighted sum of all inputs, and puts it through an activation."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from micrograd_plus import operation
from micrograd_plus.checks import counted, finite_number, named, plain, whole_number
from micrograd_plus.functions import dot, select
from micrograd_plus.nn.init import Initializer, default, gain, generator, initializer, own_generator
from micrograd_plus.nn.module import Module, Parameter
from micrograd_plus.report import numbered
from micrograd_plus.value import Value, function_of, leaf

if TYPE_CHECKING:
    from micrograd_plus.nn.module import Outputs

__all__ = [
    "MLP", "Activation", "Dropout", "Embedding", "Layer", "Neuron", "Sequential", "activation_function", "as_row",
]  # fmt: skip

Activation: TypeAlias = "str | Callable[[Value], Value] | None"
"""The name of an operation on one number (`"relu"`, `"tanh"`, ...), any function of one Value, or None for none."""

Seed: TypeAlias = "int | random.Random | None"

USUAL = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid")
"""The activations that a message about an unknown name lists first."""


def activation_function(activation: Activation) -> Callable[[Value], Value] | None:
    """Returns the function of an activation, None for none.

    Rows of one operand and families (with their usual constants) are known by name. Raises ValueError for an unknown
    name, TypeError for what is neither a name nor a function.

    >>> activation_function("relu")(Value(-1.0)).data
    0.0
    """
    if isinstance(activation, str):
        return _activation_named(activation, getattr(Value, activation, None))
    if activation is not None and not callable(activation):
        raise TypeError(f"an activation is a name, such as 'relu', or a function of one Value, but got {activation!r}")
    return activation


@cache
def _activation_named(name: str, method: Any) -> Callable[[Value], Value]:
    """The function of a name, which is Value's method of that name, also if somebody has put another one there."""
    if name == "softmax":
        cure = "use cross_entropy, or call softmax(outputs) on what the model returns"
        raise ValueError(f"softmax is not an activation of one number: leave the last layer without, and {cure}")
    rows = {name: row for name, row in operation.TABLE.items() if len(row.operands) == 1 and not row.is_nary}
    known: dict[str, Any] = {**dict.fromkeys(USUAL), **rows, **operation.FAMILIES}
    found = named("activation", name, known)
    is_of_user = callable(method) and not str(getattr(method, "__module__", "")).startswith("micrograd_plus.")
    if is_of_user and name in found.method.split():
        return method  # type: ignore[no-any-return]
    return function_of(found() if isinstance(found, operation.Family) else found)


def _lecture_activation(activation: Activation, nonlin: bool) -> Activation:
    """The activation by micrograd's word: `nonlin=True` is a relu."""
    if activation is not None:
        meant = f"activation={'relu' if nonlin else None!r}"
        raise TypeError(f"nonlin={nonlin!r} is {meant} here, but there is activation={activation!r} too; leave out one")
    return "relu" if nonlin else None


class Neuron(Module):
    """One neuron: `activation(dot(weights, inputs) + bias)`.

    `weights` is a list of parameters, `bias` a parameter or None. A call takes a row of `nin` numbers or Values (a bare
    one for `nin=1`) and returns one bare Value. Raises ValueError for another number of inputs.

    >>> neuron = Neuron(2, "relu")
    >>> neuron.load_state_dict({"weights.0": 1.0, "weights.1": -2.0, "bias": 0.5})
    >>> neuron([3.0, 1.0]).data
    1.5
    """

    def __init__(
        self, nin: int, activation: Activation = None, *, bias: bool = True, init: str | Initializer = "default",
        seed: Seed = None, nonlin: bool | None = None,
    ) -> None:  # fmt: skip
        activation = activation if nonlin is None else _lecture_activation(activation, nonlin)
        self.nin, self.activation = whole_number("nin", nin, least=1), activation
        activation_function(activation)  # an unknown name is an error here, not at the first call
        draw, rng, scale = initializer(init), generator(seed), gain(activation)
        self.weights = [Parameter(draw(rng, nin, 1, scale)) for _ in range(nin)]
        self.bias = Parameter(draw(rng, nin, 1, scale) if draw is default() else 0.0) if bias else None
        self.shape = f"{nin} -> 1"

    @property
    def w(self) -> list[Value]:
        """The weights, as the lecture calls them."""
        return self.weights

    @property
    def b(self) -> Value | None:
        """The bias, as the lecture calls it."""
        return self.bias

    def forward(self, inputs: Any) -> Value:
        """Returns the neuron's output for one row of inputs."""
        return self._fire(as_row(self, inputs, self.nin))

    def _fire(self, row: Sequence[Value]) -> Value:
        activate = activation_function(self.activation)
        weighted = dot(self.weights, row, self.bias)
        if activate is None:
            return weighted
        fired = activate(weighted)
        if not isinstance(fired, Value):  # math.tanh, say: the graph, and with it the gradient, would end here
            given = f"but {_shown(self.activation)} returned {fired!r}"
            cure = "give a name, such as 'tanh', or a function of Values"
            raise TypeError(f"{_place(self)} needs an activation that returns a Value, {given}; {cure}")
        return fired

    def __repr__(self) -> str:
        return f"Neuron({_arguments(self.nin, self.activation, bias=self.bias is not None)})"


class Layer(Module):
    """`nout` neurons over the same `nin` inputs.

    A call takes a row of `nin` numbers or Values (a bare one for `nin=1`) and returns a list of `nout` Values, or one
    bare Value if that is 1. `init` is an initialiser of `nn.init` or its name; all but "default" leave biases at 0.
    Without a `seed` the numbers come from a sequence that all modules share (`manual_seed`). Raises ValueError for a
    row of another length, an unknown activation or initialiser.

    >>> layer = Layer(2, 3, "tanh", seed=0)
    >>> layer
    Layer(2, 3, 'tanh')
    >>> len(layer([0.5, -1.0])), len(layer.parameters())
    (3, 9)
    """

    def __init__(
        self, nin: int, nout: int, activation: Activation = None, *, bias: bool = True,
        init: str | Initializer = "default", seed: Seed = None, nonlin: bool | None = None,
    ) -> None:  # fmt: skip
        activation = activation if nonlin is None else _lecture_activation(activation, nonlin)
        nin, nout, rng = whole_number("nin", nin, least=1), whole_number("nout", nout, least=1), generator(seed)
        start = initializer(init)  # of layers, but a neuron alone has one output
        draw = start if start is default() else lambda rng, fan_in, _, gain: start(rng, fan_in, nout, gain)
        self.neurons = [Neuron(nin, activation, bias=bias, init=draw, seed=rng) for _ in range(nout)]
        self.nin, self.nout, self.activation = nin, nout, activation
        self.shape = f"{nin} -> {nout}"

    def forward(self, inputs: Any) -> Outputs:
        """Returns the neurons' outputs for one row of inputs."""
        row = as_row(self, inputs, self.nin)
        return _bare_if_one([neuron._fire(row) for neuron in self.neurons])

    def __repr__(self) -> str:
        bias = self.neurons[0].bias is not None
        return f"Layer({_arguments(self.nin, self.nout, self.activation, bias=bias)})"


class Sequential(Module):
    """Modules in a row, each fed with what the one before returned; `layers` is the list of them.

    A call takes what the first one takes and returns what the last one returns: a list of Values, or one bare Value
    instead of a list of one. Raises TypeError for what is not a Module, ValueError if there are none.

    >>> model = Sequential(Layer(2, 4, "relu"), Dropout(0.5), Layer(4, 3))
    >>> len(model([1.0, 2.0]))
    3
    >>> model
    Sequential(Layer(2, 4, 'relu'), Dropout(0.5), Layer(4, 3))
    """

    def __init__(self, *layers: Module) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one Module, as in Sequential(Layer(2, 4), Layer(4, 1))")
        for each in layers:
            if not isinstance(each, Module):
                cure = "a Layer takes its activation by name" if callable(each) else "take it out of its list with a *"
                raise TypeError(f"Sequential needs Modules, but got {type(each).__name__}: {each!r}; {cure}")
        self.layers = list(layers)
        self.label_parameters()

    def forward(self, inputs: Any) -> Outputs:
        """Returns the last Module's output."""
        for layer in self.layers:
            inputs = layer(inputs)
        return _bare_if_one(inputs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


class MLP(Sequential):
    """A multi-layer perceptron: a Layer for each number of `widths`, the last without an activation.

    A call takes a row of `nin` numbers or Values and returns a list of `widths[-1]` Values, or one bare Value if that
    is 1. With `dropout`, a Dropout follows every layer but the last. All random numbers come from `seed`, and the
    weights are the same with and without dropout. Raises ValueError for no widths, and what Layer and Dropout raise.

    The usual activation is tanh: small networks of relus often start with units that are dead for all of a few rows.
    The lecture's `MLP(3, [4, 4, 1])` comes below a loss of 0.5, in 20 steps at rate 0.1 on its four points, from 99 of
    100 seeds by tanh, from 21 by relu; held-out digits and moons tanh reads as well (`python -m tests.nn.defaults`).

    >>> model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    >>> type(model([1.0, 2.0])).__name__, len(model.parameters())
    ('Value', 337)
    """

    def __init__(
        self, nin: int, widths: Sequence[int], *, activation: Activation = "tanh", dropout: float = 0.0,
        bias: bool = True, init: str | Initializer = "default", seed: int = 0,
    ) -> None:  # fmt: skip
        if isinstance(widths, int) or not list(widths):
            raise ValueError(f"widths is a list of numbers of neurons, at least one, such as [16, 1]; got {widths!r}")
        names = ["nin", *(f"widths[{i}]" for i in range(len(widths)))]
        sizes = [whole_number(name, size, least=1) for name, size in zip(names, [nin, *widths])]
        rng, activations = generator(seed), [*[activation] * (len(sizes) - 2), None]
        forms = zip(sizes, sizes[1:], activations)
        layers: list[Module] = [Layer(*form, bias=bias, init=init, seed=rng) for form in forms]
        if dropout:
            layers = [part for layer in layers for part in (layer, Dropout(dropout, seed=own_generator(rng)))][:-1]
        super().__init__(*layers)
        self.nin, self.widths, self.activation = sizes[0], sizes[1:], activation
        self.dropout, self.bias, self.init, self.seed = dropout, bias, init, seed

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a model of the same form: `MLP(**model.config)`.

        >>> MLP(2, [3, 1]).config["widths"]
        [3, 1]
        """
        names = ("nin", "widths", "activation", "dropout", "bias", "init", "seed")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        defaults = {"activation": "tanh", "dropout": 0.0, "bias": True, "init": "default"}
        options = {name: getattr(self, name) for name, usual in defaults.items() if getattr(self, name) != usual}
        return f"MLP({_arguments(self.nin, self.widths, **options)})"


class Dropout(Module):
    """In training, zeroes each input with probability `p` and scales the others by 1/(1-p); in use, passes all on.

    A call takes a row of any width, or one bare Value, and returns the like. Each mask is a random leaf of the graph,
    drawn from the Module's own generator, `op.rng`, unit by unit. As in PyTorch `p` may be 1, which leaves nothing.
    Raises ValueError unless 0 <= p <= 1. Source: Srivastava et al. 2014, in the scaled ("inverted") form.

    >>> drop = Dropout(0.5, seed=1)
    >>> [value.data for value in drop([1.0, 1.0, 1.0, 1.0])]
    [2.0, 0.0, 0.0, 2.0]
    >>> drop.eval()([1.0, 1.0])
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        self.p = finite_number("p, the fraction to drop,", p)
        if not 0 <= p <= 1:
            raise ValueError(f"p, the fraction to drop, is from 0 to 1, but got {p}; 0.5 drops half")
        self.op = operation.Bernoulli(1 - self.p, 1 / (1 - self.p) if self.p < 1 else 0.0, own_generator(seed))

    def forward(self, inputs: Any) -> Outputs:
        """Returns the inputs times their masks in training, the inputs as they are otherwise."""
        if not self.training or self.p == 0:
            return inputs  # type: ignore[no-any-return]
        row = as_row(self, inputs)
        masked = [value * leaf(self.op.draw(), self.op, numbered("mask", i)) for i, value in enumerate(row)]
        return masked[0] if isinstance(inputs, Value) else masked  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


class Embedding(Module):
    """A learned row of `dim` numbers for each of `num` things; `weights` is the list of rows.

    A call with a whole number returns that row's parameters; with a Value (an input that a compiled program looks up
    anew for each example), nodes that select them; with a list of either, a list of rows. A row is a list even if `dim`
    is 1. Raises IndexError for an index out of range, TypeError for one that is not whole.

    >>> table = Embedding(10, 2)
    >>> table(3) == table.weights[3], len(table([1, 2, 3]))
    (True, 3)
    """

    def __init__(self, num: int, dim: int, *, init: str | Initializer = "normal", seed: Seed = None) -> None:
        self.num, self.dim = whole_number("num", num, least=1), whole_number("dim", dim, least=1)
        draw, rng = initializer(init), generator(seed)
        self.weights = [[Parameter(draw(rng, num, dim, 1.0)) for _ in range(dim)] for _ in range(num)]
        self.shape = f"{num} -> {dim}"

    def forward(self, index: Any) -> Any:
        """Returns the row of an index, or a list of rows for a list of them. Raises IndexError or TypeError."""
        index = plain(index)
        if isinstance(index, list):
            return [self.forward(each) for each in index]
        if isinstance(index, Value):
            return [select(index, column) for column in zip(*self.weights)]
        row = int(index) if isinstance(index, float) and index.is_integer() else index  # data sets hold floats
        row = whole_number(f"the index of {self!r}", row)
        if not 0 <= row < self.num:
            raise IndexError(f"{self!r} has rows 0 to {self.num - 1}, but got {row}")
        return list(self.weights[row])

    def __repr__(self) -> str:
        return f"Embedding({self.num}, {self.dim})"


def as_row(module: Module, inputs: Any, width: int | None = None) -> list[Value]:
    """One example's inputs as Values: numbers become inputs named x1, x2, ...; the width is checked."""
    row = plain(inputs)
    if isinstance(row, (Value, float, int)):
        row = [row]
    if not isinstance(row, list):
        raise TypeError(f"{_place(module)} needs a row of numbers or Values, in their order, but got {inputs!r}")
    row = [each if isinstance(each, Value) else _input(module, each, i) for i, each in enumerate(row)]
    if width is not None and len(row) != width:
        given = counted(len(row), "input")
        raise ValueError(f"{_place(module)} takes {width}, but got {given}; make the widths agree")
    return row


def _input(module: Module, number: Any, i: int) -> Value:
    if isinstance(number, (list, tuple)):
        given = f"but element {i} is itself a row; call it once for each: [model(row) for row in rows]"
        raise TypeError(f"{_place(module)} takes one example, a row of numbers, {given}")
    return Value(number, numbered("x", i))


def _bare_if_one(outputs: Any) -> Outputs:
    """What modules return: a list of Values, or a bare Value instead of a list of one."""
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs  # type: ignore[no-any-return]


def _place(module: Module) -> str:
    """A module as messages name it: what it is, and where in the model, which the parameters' labels know."""
    own = next(module.named_parameters(), None)
    name = own[1].label.removesuffix(own[0]).rstrip(".") if own and own[1].label.endswith(own[0]) else ""
    return f"{module!r} at {name}" if name else repr(module)


def _arguments(*values: Any, **options: Any) -> str:
    """A repr's arguments, without those at their defaults."""
    shown = [_shown(value) for value in values if value is not None]
    shown += [f"{name}={_shown(value)}" for name, value in options.items() if (name, value) != ("bias", True)]
    return ", ".join(shown)


def _shown(value: Any) -> str:
    return value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)
