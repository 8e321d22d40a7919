"""A model's architecture as plain data: what it is made of, without its numbers.

A file names classes of `micrograd_plus.nn` alone, so reading one can run nothing but their constructors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from micrograd_plus.nn import MLP, Conv1d, Dropout, Embedding, Layer, LayerNorm, Module, Neuron, Sequential
from micrograd_plus.nn.init import generator
from micrograd_plus.nn.layers import activation_function
from micrograd_plus.schema import Fields, Finite, Flag, ListOf, Maybe, OneOf, Schema, Whole

__all__ = ["ARCHITECTURE", "architecture_of", "model_of", "parameters_of"]


def architecture_of(model: Module) -> dict[str, Any]:
    """Returns the model's class and arguments as plain data, of which `model_of` makes an untrained model.

    Raises TypeError for a class that is not one of `micrograd_plus.nn`, ValueError for an activation that is not named.

    >>> architecture_of(Sequential(Layer(2, 3, "tanh"), Dropout(0.5)))["layers"][1]
    {'module': 'Dropout', 'p': 0.5}
    """
    name, part = type(model).__name__, _PARTS.get(type(model))
    if part is None:
        cure = "keep the numbers alone (state_dict()), and load them into a model that your own code makes"
        raise TypeError(f"a file can't hold the architecture of a {name}, only of {', '.join(_BY_NAME)}; {cure}")
    arguments = part.arguments(model)
    activation = arguments.get("activation")
    if activation is not None and not isinstance(activation, str):
        raise ValueError(f"a file can't hold the function {activation!r}; give the activation by name, such as 'relu'")
    return {"module": name, **arguments}


def model_of(architecture: Mapping[str, Any]) -> Module:
    """Returns an untrained model of the form that `architecture_of` returned. Raises ValueError for anything else.

    The sequence that modules without a seed draw from stays where it is.

    >>> model_of({"module": "Layer", "nin": 2, "nout": 3, "activation": "tanh", "bias": True})
    Layer(2, 3, 'tanh')
    """
    try:
        ARCHITECTURE.check(architecture, "architecture")
    except ValueError as error:
        raise ValueError(f"the file describes no model: {error}") from None
    shared = generator(None)
    state = shared.getstate()
    try:
        return _built(architecture)
    finally:
        shared.setstate(state)


def parameters_of(architecture: Mapping[str, Any]) -> int:
    """Returns how many parameters a model of this architecture has, without making one.

    >>> parameters_of(architecture_of(MLP(2, [16, 16, 1])))
    337
    """
    arguments = dict(architecture)
    return _BY_NAME[arguments.pop("module")].count(**arguments)


def _built(architecture: Mapping[str, Any]) -> Module:
    arguments = dict(architecture)
    name = arguments.pop("module")
    if name == "Sequential":
        return Sequential(*map(_built, arguments["layers"]))
    return next(kind for kind in _PARTS if kind.__name__ == name)(**arguments)


class _Activation(Schema):
    """The name of an activation."""

    expected = "the name of an activation (one of your own is declared with `row` first)"

    def fits(self, thing: Any) -> bool:
        """Returns whether the name is known."""
        try:
            return isinstance(thing, str) and len(thing) < 100 and activation_function(thing) is not None
        except ValueError:
            return False


class _Architecture(Schema):
    """A module with its arguments; one may be in another `depth` deep."""

    def __init__(self, depth: int) -> None:
        self.depth = depth

    @property
    def expected(self) -> str:  # type: ignore[override]
        """Returns what may stand here in words."""
        return f"an object whose module is {OneOf(*_BY_NAME).expected}" if self.depth else "a flatter model"

    def fits(self, thing: Any) -> bool:
        """Returns whether it names a module."""
        return self.depth > 0 and isinstance(thing, dict) and OneOf(*_BY_NAME).fits(thing.get("module"))

    def inside(self, thing: Any, place: str) -> None:
        """Checks the arguments."""
        name = thing["module"]
        deeper = {"layers": ListOf(_Architecture(self.depth - 1), least=1)} if name == "Sequential" else {}
        Fields(module=OneOf(name), **{**_BY_NAME[name].fields, **deeper}).inside(thing, place)


ARCHITECTURE = _Architecture(depth=32)
"""What `architecture_of` returns."""


class _Part(NamedTuple):
    """What makes a module's form: its arguments, what each may be, and how many parameters they make."""

    arguments: Callable[[Any], dict[str, Any]]
    fields: dict[str, Schema]
    count: Callable[..., int]


_SIZE = Whole(least=1)
_FEW = Whole(most=10_000)
_ACTIVE: dict[str, Schema] = {"activation": Maybe(_Activation()), "bias": Flag()}

_PARTS: dict[type[Module], _Part] = {
    Neuron: _Part(
        lambda it: {"nin": it.nin, "activation": it.activation, "bias": it.bias is not None},
        {"nin": _SIZE, **_ACTIVE},
        lambda nin, bias, **_: nin + bias,
    ),
    Layer: _Part(
        lambda it: {**_PARTS[Neuron].arguments(it.neurons[0]), "nout": it.nout},
        {"nin": _SIZE, "nout": _SIZE, **_ACTIVE},
        lambda nin, nout, bias, **_: nout * (nin + bias),
    ),
    Dropout: _Part(lambda it: {"p": it.p}, {"p": Finite(0, 1)}, lambda p: 0),
    Embedding: _Part(
        lambda it: {"num": it.num, "dim": it.dim}, {"num": _SIZE, "dim": _SIZE}, lambda num, dim: num * dim
    ),
    LayerNorm: _Part(
        lambda it: {"width": it.width, "eps": it.eps},
        {"width": _SIZE, "eps": Finite(least=5e-324)},
        lambda width, eps: 2 * width,
    ),
    Conv1d: _Part(
        lambda it: {
            **{name: getattr(it, name) for name in ("in_channels", "kernel_size", "stride", "padding")},
            "out_channels": it.layer.nout,
            "activation": it.layer.activation,
            "bias": it.layer.neurons[0].bias is not None,
        },
        {**dict.fromkeys(("in_channels", "out_channels", "kernel_size", "stride"), _SIZE), "padding": _FEW, **_ACTIVE},
        lambda in_channels, out_channels, kernel_size, bias, **_: out_channels * (in_channels * kernel_size + bias),
    ),
    Sequential: _Part(
        lambda it: {"layers": [architecture_of(each) for each in it.layers]},
        {},
        lambda layers: sum(map(parameters_of, layers)),
    ),
    MLP: _Part(
        lambda it: {name: value for name, value in it.config.items() if name not in ("init", "seed")},
        {"nin": _SIZE, "widths": ListOf(_SIZE, least=1), "dropout": Finite(0, 1), **_ACTIVE},
        lambda nin, widths, bias, **_: sum((m + bias) * n for m, n in pairwise([nin, *widths])),
    ),
}
"""Each Module that a file can hold; how its numbers began is past."""

_BY_NAME = {kind.__name__: part for kind, part in _PARTS.items()}
