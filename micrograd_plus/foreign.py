"""Words of micrograd, PyTorch and Keras that the package has another word for: who asks for one is told ours.

A word that costs a line is an alias where its kind lives (`nn.Linear`, `value.item()`); all others stand in this table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

__all__ = ["KEPT", "WORDS", "front", "refuse"]

_NO_DEVICE = "all runs on one CPU: leave it out"
_ACTIVATION = "an activation is a Layer's: nn.Layer(2, 4, '{}')"
_FROZEN = "the optimizer is told what stays: nn.SGD(model.parameters(), groups={'layers.0': {'frozen': True}})"
_PREDICTOR = "train.Predictor.of(model, data).save('model.json')"
_FIT = "fit(model, data, loss='cross_entropy', optimizer='adam', epochs=10)"
_ONE = "a Value is one number; many are a list of Values"
_LIST = "keep the parts in a plain list: self.layers = [nn.Layer(2, 4), nn.Layer(4, 1)]"
_OWN = "write a Module of your own, with a forward method that says what it does"

KEPT = ("buf", "cache", "m", "momentum", "s", "v", "velocity")
"""What an optimizer written by hand keeps beside a parameter: a leaf may be given these."""

WORDS: dict[str, dict[str, str]] = {
    "Value": {
        "requires_grad": _FROZEN,
        "requires_grad_": "every leaf has a gradient: leave it out",
        "grad_fn": "value.op is how it was made, value.children of what",
        "is_leaf": "not value.children",
        "retain_grad": "every Value keeps its grad: leave it out",
        "zero_": "value.data = 0.0",
        "numpy": "value.data",
        "value": "value.data",
        "gradient": "value.grad",
        "name": "value.label",
        **dict.fromkeys(KEPT, "set it first, on a leaf: p.m = 0.0"),
        "square": "value ** 2",
        "cpu": _NO_DEVICE, "cuda": _NO_DEVICE, "to": _NO_DEVICE,
        "shape": _ONE, "size": _ONE, "dim": _ONE, "mean": _ONE, "sum": f"{_ONE}, and total(values) adds them up",
        "matmul": "dot(weights, inputs)", "mm": "dot(weights, inputs)",
        "softmax": "softmax(values), of a list",
    },
    "Module": {
        "save": _PREDICTOR, "save_weights": "model.state_dict(), a dict of numbers",
        "load": "train.Predictor.load('model.json').model", "load_weights": "model.load_state_dict(state)",
        "get_weights": "model.state_dict()", "set_weights": "model.load_state_dict(state)",
        "fit": _FIT, "compile": _FIT, "predict": "[model(row) for row in rows]",
        "evaluate": "fit(model, data, validation=test), or train.Predictor.of(model, data).outputs(rows)",
        "to": _NO_DEVICE, "cuda": _NO_DEVICE, "cpu": _NO_DEVICE, "float": _NO_DEVICE, "double": _NO_DEVICE,
        "children": "model.modules()", "named_children": "model.named_modules()",
        "trainable_variables": "model.parameters()", "trainable_weights": "model.parameters()",
        "add": "nn.Sequential(nn.Layer(2, 4), nn.Layer(4, 1))", "add_module": _LIST,
        "register_parameter": "self.w = nn.Parameter(0.0)", "register_buffer": "self.mean = 0.0",
        "requires_grad_": _FROZEN,
        "weight": "layer.neurons[0].weights, a list for each neuron", "input_shape": "layer.nin",
        "in_features": "layer.nin", "out_features": "layer.nout", "units": "layer.nout", "nonlin": "layer.activation",
    },
    "Optimizer": {
        "param_groups": "optimizer.groups, made by nn.SGD(parameters, groups={'*.bias': {'lr': 0.01}})",
        "add_param_group": "groups are there from the start: nn.SGD(parameters, groups={'*.bias': {'lr': 0.01}})",
        "learning_rate": "optimizer.lr",
        "minimize": "optimizer.zero_grad(), loss.backward(), optimizer.step()",
        "apply_gradients": "optimizer.step()",
    },
    "micrograd_plus": {
        "Tensor": "Value(2.0)", "tensor": "Value(2.0)", "Variable": "Value(2.0)", "GradientTape": "loss.backward()",
        "functional": "nn has the losses, a Value the activations: nn.mse_loss(predictions, targets), x.tanh()",
        "save": _PREDICTOR, "load": "train.Predictor.load('model.json')",
        "grad": "gradients(output, [x, y])", "jit": "compile(output, inputs=[x])", "autograd": "gradients(output, [x])",
        "cuda": _NO_DEVICE, "device": _NO_DEVICE, "losses": "nn.mse_loss(predictions, targets)",
        "layers": "nn.Layer(2, 4)", "Model": "nn.Module", "optimizers": "nn.Adam(model.parameters())",
        "callbacks": "train.EarlyStopping()", "Input": "a Layer's first argument: nn.Layer(2, 4)",
        "sum": "total(values)", "matmul": "dot(weights, inputs)", "randn": "nn.Parameter(random.gauss(0, 1))",
    },
    "micrograd_plus.nn": {
        "ReLU": _ACTIVATION.format("relu"), "Tanh": _ACTIVATION.format("tanh"),
        "Sigmoid": _ACTIVATION.format("sigmoid"), "LeakyReLU": _ACTIVATION.format("leaky_relu"),
        "ELU": _ACTIVATION.format("elu"), "GELU": _ACTIVATION.format("gelu"), "SiLU": _ACTIVATION.format("silu"),
        "Softplus": _ACTIVATION.format("softplus"), "Softsign": _ACTIVATION.format("softsign"),
        "Hardtanh": _ACTIVATION.format("hardtanh"), "Activation": _ACTIVATION.format("relu"),
        "Softmax": "leave the last layer without, and train with 'cross_entropy'; softmax(outputs) tells probabilities",
        "LogSoftmax": "leave the last layer without, and train with 'cross_entropy'",
        "Identity": "nn.Layer(2, 4), without an activation", "Flatten": "a row is flat as it is: leave it out",
        "functional": "nn has the losses, a Value the activations: nn.mse_loss(predictions, targets), x.tanh()",
        "utils": "nn.clip_grad_norm(parameters, 1.0)",
        "ModuleList": _LIST, "ModuleDict": _LIST, "ParameterList": _LIST,
        "Dense": "nn.Layer(2, 4, 'relu'), the inputs first", "Model": "nn.Module", "Input": "nn.Layer(2, 4)",
        "BatchNorm1d": "nn.LayerNorm(4), which needs no batch", "BatchNormalization": "nn.LayerNorm(4)",
        "LayerNormalization": "nn.LayerNorm(4)", "Conv2d": _OWN, "Conv1D": "nn.Conv1d(1, 4, 3)", "Conv2D": _OWN,
        "RNN": _OWN, "LSTM": _OWN, "GRU": _OWN, "Transformer": _OWN,
    },
    "micrograd_plus.nn.optim": {
        "lr_scheduler": "a rate may be a schedule: nn.SGD(parameters, lr=nn.schedules.StepDecay(0.1, 5))",
    },
    "micrograd_plus.train": {
        "ModelCheckpoint": "train.Checkpoint('run.json')", "DataLoader": "fit(model, data, batch_size=32)",
        "LearningRateScheduler": "nn.schedules.Cosine(0.1, steps=100), given to fit as lr=",
        "Trainer": _FIT, "Model": "nn.Module",
        "load_model": "train.Predictor.load('model.json')",
    },
    "micrograd_plus.data": {
        "DataLoader": "fit(model, data, batch_size=32)", "TensorDataset": "data.Dataset(inputs, targets)",
        "random_split": "data.split(dataset)", "train_test_split": "data.split(dataset)",
        "StandardScaler": "data.standardize(train, test)", "make_moons": "data.moons()",
    },
}  # fmt: skip
"""For each home the words that others have, and what to write here."""


def refuse(home: str, name: str, thing: Any = None, cure: str = "") -> NoReturn:
    """Raises the AttributeError of a name that is not there, with our word for it if the table has one.

    >>> refuse("micrograd_plus.nn", "Dense")
    Traceback (most recent call last):
        ...
    AttributeError: module 'micrograd_plus.nn' has no attribute 'Dense'; here: nn.Layer(2, 4, 'relu'), the inputs first
    """
    cure = WORDS.get(home, {}).get(name, cure)
    what = f"module {home!r}" if thing is None else f"{type(thing).__name__!r} object"
    message = f"{what} has no attribute {name!r}{cure and f'; here: {cure}'}"
    if thing is None and _is_from_import(sys._getframe(2)):
        raise ImportError(message)  # Python would swallow the text of an AttributeError
    raise AttributeError(message, name=name, obj=thing) if thing is not None else AttributeError(message)


def _is_from_import(frame: Any) -> bool:
    """Whether a module was asked for a name by `from module import name`."""
    from opcode import opmap

    return bool(frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"])


def front(home: str, names: Sequence[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns the `__getattr__` and `__dir__` of a module that shows these names alone and knows others' words."""

    def lookup(name: str) -> Any:
        refuse(home, name)

    return lookup, lambda: sorted(names)
