"""Training: epochs and iterations over data, with history, metrics, checkpoints and a progress bar.

>>> from micrograd_plus.data import iris, split, standardize
>>> from micrograd_plus.nn import MLP
>>> train, test, scaler = standardize(*split(iris(), seed=1))
>>> model = MLP(4, [8, 3], seed=1)
>>> history = fit(model, train, lr=0.01, epochs=30, validation=test)
>>> history["validation accuracy"][-1] > 0.9
True
"""

from typing import TYPE_CHECKING

from micrograd_plus.foreign import front
from micrograd_plus.train.callbacks import Callback, EarlyStopping, ReduceLROnPlateau, Run
from micrograd_plus.train.checkpoint import Checkpoint
from micrograd_plus.train.engine import EagerEngine, Engine, NonFiniteError
from micrograd_plus.train.history import Epoch, History, Iteration
from micrograd_plus.train.loop import Clip, DivergenceError, fit
from micrograd_plus.train.metrics import ConfusionMatrix, accuracy, confusion_matrix, mean_absolute_error
from micrograd_plus.train.predictor import Predictor

__all__ = [
    "Callback", "Checkpoint", "Clip", "ConfusionMatrix", "DivergenceError", "EagerEngine", "EarlyStopping", "Engine",
    "Epoch", "History", "Iteration", "NonFiniteError", "Predictor", "ReduceLROnPlateau", "Run", "accuracy",
    "confusion_matrix", "fit", "mean_absolute_error",
]  # fmt: skip

if not TYPE_CHECKING:  # to type checkers an unknown name is an error
    __getattr__, __dir__ = front(__name__, __all__)
