"""A convolution is a small layer that slides along a sequence, with the same weights at every place."""

from __future__ import annotations

from typing import Any

from micrograd_plus.checks import counted, plain, whole_number
from micrograd_plus.nn.init import Initializer
from micrograd_plus.nn.layers import Activation, Layer, Seed
from micrograd_plus.nn.module import Module
from micrograd_plus.value import Value, constant

__all__ = ["Conv1d"]


class Conv1d(Module):
    """Slides a Layer along a sequence of `in_channels` rows: at each place it sees `kernel_size` numbers of each row.

    A call takes a list of `in_channels` rows of equal length n, numbers or Values, and returns a list of `out_channels`
    rows of (n + 2 padding - kernel_size) // stride + 1 Values; `padding` zeros stand at both ends. It is what signal
    processing calls a cross-correlation, as in PyTorch. `layer` has the weights: a Neuron for each output channel, its
    weights channel by channel. Raises ValueError for another number of rows, rows of different lengths, or rows shorter
    than the kernel. Source: LeCun et al. 1989.

    >>> edges = Conv1d(1, 1, 2, bias=False)
    >>> edges.load_state_dict({"layer.neurons.0.weights.0": -1.0, "layer.neurons.0.weights.1": 1.0})
    >>> [value.data for value in edges([[0.0, 0.0, 5.0, 5.0]])[0]]
    [0.0, 5.0, 0.0]
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, activation: Activation = None, *, stride: int = 1,
        padding: int = 0, bias: bool = True, init: str | Initializer = "default", seed: Seed = None,
    ) -> None:  # fmt: skip
        self.in_channels = whole_number("in_channels", in_channels, least=1)
        self.kernel_size = whole_number("kernel_size", kernel_size, least=1)
        self.stride, self.padding = whole_number("stride", stride, least=1), whole_number("padding", padding, least=0)
        self.layer = Layer(in_channels * kernel_size, out_channels, activation, bias=bias, init=init, seed=seed)
        self.shape = f"{in_channels} x n -> {out_channels} x n"

    def forward(self, channels: Any) -> list[list[Value]]:
        """Returns a row for each output channel."""
        rows = self._padded(channels)
        places = range(0, len(rows[0]) - self.kernel_size + 1, self.stride)
        found = [self.layer([x for row in rows for x in row[at : at + self.kernel_size]]) for at in places]
        return [list(row) for row in zip(*(each if isinstance(each, list) else [each] for each in found))]

    def _padded(self, channels: Any) -> list[list[Value]]:
        rows = [plain(row) for row in plain(channels)] if isinstance(plain(channels), list) else channels
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise TypeError(f"{self!r} needs a list of rows, one a channel, but got {channels!r}; for one, write [row]")
        if len(rows) != self.in_channels or len({len(row) for row in rows}) != 1:
            given = f"{counted(len(rows), 'row')} of length {', '.join(str(len(row)) for row in rows)}"
            raise ValueError(f"{self!r} takes {counted(self.in_channels, 'row')} of equal length, but got {given}")
        zeros = [constant(0.0)] * self.padding
        padded = [[*zeros, *map(constant, row), *zeros] for row in rows]
        if len(padded[0]) < self.kernel_size:
            raise ValueError(f"{self!r} needs rows of at least {self.kernel_size}, but got {len(rows[0])}; pad them")
        return padded

    def __repr__(self) -> str:
        return f"Conv1d({self.in_channels}, {self.layer.nout}, {self.kernel_size})"
