"""Neural networks of Values: modules and layers, losses, optimizers, initialisers, schedules.

>>> from micrograd_plus import nn
>>> model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
>>> optimizer = nn.SGD(model.parameters(), lr=0.5)
>>> for _ in range(20):
...     loss = nn.mse_loss([model(x) for x in ([0.0, 1.0], [1.0, 0.0])], [0.0, 1.0])
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> loss < 0.01
True
"""

from functools import partial
from typing import TYPE_CHECKING

from micrograd_plus.foreign import front
from micrograd_plus.nn import init, schedules
from micrograd_plus.nn.clip import clip_grad_norm, clip_grad_value
from micrograd_plus.nn.conv import Conv1d
from micrograd_plus.nn.init import manual_seed
from micrograd_plus.nn.layers import MLP, Dropout, Embedding, Layer, Neuron, Sequential
from micrograd_plus.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    huber_loss,
    l1_loss,
    l1_penalty,
    l2_penalty,
    mse_loss,
    nll_loss,
)  # fmt: skip
from micrograd_plus.nn.module import Module, Parameter
from micrograd_plus.nn.norm import LayerNorm
from micrograd_plus.nn.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

__all__ = [
    "MLP", "SGD", "Adagrad", "Adam", "AdamW", "Conv1d", "Dropout", "Embedding", "Layer", "LayerNorm", "Module",
    "Neuron", "Optimizer", "Parameter", "RMSprop", "Sequential", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "clip_grad_norm", "clip_grad_value", "cross_entropy", "hinge_loss",
    "huber_loss", "init", "l1_loss", "l1_penalty", "l2_penalty", "manual_seed", "mse_loss", "nll_loss", "schedules",
]  # fmt: skip

# PyTorch's names for what is here: a class makes the loss there, and a module the sum with nothing after it
Linear = Layer
BCELoss = partial(partial, binary_cross_entropy)
BCEWithLogitsLoss = partial(partial, binary_cross_entropy_with_logits)
CrossEntropyLoss = partial(partial, cross_entropy)
HuberLoss = partial(partial, huber_loss)
L1Loss = partial(partial, l1_loss)
MSELoss = partial(partial, mse_loss)
NLLLoss = partial(partial, nll_loss)

if not TYPE_CHECKING:  # to type checkers an unknown name is an error
    __getattr__, __dir__ = front(__name__, __all__)
