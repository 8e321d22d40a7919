"""A model's architecture as plain data: which Modules, with which arguments, so that a file can hold it.

A file names classes of `micrograd_plus.nn` and nothing else, so reading one can't run anything but their constructors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from micrograd_plus.nn import MLP, Dropout, Embedding, Layer, Module, Neuron, Sequential

__all__ = ["build", "describe"]


def describe(model: Module) -> dict[str, Any]:
    """The model's class and arguments, which `build` makes an untrained model of the same form from.

    Raises TypeError for a class that is not one of `micrograd_plus.nn`, ValueError for an activation that is not named.

    >>> describe(Sequential(Layer(2, 3, "tanh"), Dropout(0.5)))["layers"][1]
    {'module': 'Dropout', 'p': 0.5}
    """
    described = _DESCRIBED.get(type(model).__name__)
    if described is None or described[0] is not type(model):
        raise TypeError(
            f"a file can't hold the architecture of a {type(model).__name__}, only of {', '.join(_DESCRIBED)}; keep the"
            " numbers alone (state_dict()), and load them into a model that your own code makes"
        )
    arguments = described[1](model)
    activation = arguments.get("activation")
    if activation is not None and not isinstance(activation, str):
        raise ValueError(f"a file can't hold the function {activation!r}; give the activation by name, such as 'relu'")
    return {"module": type(model).__name__, **arguments}


def build(description: Mapping[str, Any]) -> Module:
    """An untrained model of the form that `describe` returned. Raises ValueError for anything else.

    >>> build({"module": "Layer", "nin": 2, "nout": 3, "activation": "tanh", "bias": True})
    Layer(2, 3, 'tanh')
    """
    arguments = dict(description)
    name = arguments.pop("module", None)
    if name not in _DESCRIBED:
        raise ValueError(
            f"the file's model is a {name!r}, and known are {', '.join(_DESCRIBED)}; update micrograd_plus"
        )
    try:
        if name == "Sequential":
            return Sequential(*map(build, arguments["layers"]))
        model: Module = _DESCRIBED[name][0](**arguments)
        return model
    except (KeyError, TypeError) as error:
        raise ValueError(f"the file describes no {name}: {error}") from None


def _neuron(neuron: Neuron) -> dict[str, Any]:
    return {"nin": neuron.nin, "activation": neuron.activation, "bias": neuron.bias is not None}


def _layer(layer: Layer) -> dict[str, Any]:
    bias = layer.neurons[0].bias is not None
    return {"nin": layer.nin, "nout": layer.nout, "activation": layer.activation, "bias": bias}


def _mlp(mlp: MLP) -> dict[str, Any]:
    return {name: value for name, value in mlp.config.items() if name not in ("init", "seed")}  # the start is past


_DESCRIBED: dict[str, tuple[Any, Any]] = {
    "Neuron": (Neuron, _neuron),
    "Layer": (Layer, _layer),
    "Dropout": (Dropout, lambda dropout: {"p": dropout.p}),
    "Embedding": (Embedding, lambda table: {"num": table.num, "dim": table.dim}),
    "Sequential": (Sequential, lambda sequential: {"layers": [describe(each) for each in sequential.layers]}),
    "MLP": (MLP, _mlp),
}
"""Each Module that a file can hold, and the arguments that make its form."""
