"""Data to learn from: toy sets, two real sets, the user's own CSV; and their split, scaling and batches.

Plain Python lists throughout; nothing but the standard library is needed.

>>> from micrograd_plus.data import batches, iris, split, standardize
>>> train, test, scaler = standardize(*split(iris(), test=0.2, seed=0))
>>> [len(batch) for batch in batches(train, batch_size=32, epoch=1)]
[32, 32, 32, 24]
"""

from typing import TYPE_CHECKING

from micrograd_plus.data.csv import read_csv, read_inputs
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.data.prepare import Standardizer, batch_indices, batches, iterations_per_epoch, split, standardize
from micrograd_plus.data.schema import TableSchema
from micrograd_plus.data.sets import blobs, circles, digits, iris, line, moons, spirals, xor
from micrograd_plus.foreign import front

__all__ = [
    "Dataset",
    "Standardizer",
    "TableSchema",
    "batch_indices",
    "batches",
    "blobs",
    "circles",
    "digits",
    "iris",
    "iterations_per_epoch",
    "line",
    "moons",
    "read_csv",
    "read_inputs",
    "spirals",
    "split",
    "standardize",
    "xor",
]  # fmt: skip

if not TYPE_CHECKING:  # to type checkers an unknown name is an error
    __getattr__, __dir__ = front(__name__, __all__)
