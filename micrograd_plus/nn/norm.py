"""Layer normalisation gives every example the same spread, whatever the layers before made of it."""

from __future__ import annotations

from typing import Any

from micrograd_plus.checks import finite_number, whole_number
from micrograd_plus.functions import dot, total
from micrograd_plus.nn.layers import as_row
from micrograd_plus.nn.module import Module, Parameter
from micrograd_plus.value import Value

__all__ = ["LayerNorm"]


class LayerNorm(Module):
    """Shifts and scales a row to mean 0 and variance 1, then by a weight and a bias of its own for each place.

    A call takes a row of `width` numbers or Values and returns a list of as many Values: (x - mean) / sqrt(variance +
    eps) * weight + bias, where the variance is that of the row, divided by its width. Weights start at 1, biases at 0.
    Raises ValueError for a row of another width. Source: Ba, Kiros and Hinton 2016; the defaults are PyTorch's.

    >>> [f"{value:.4f}" for value in LayerNorm(3)([1.0, 2.0, 3.0])]
    ['-1.2247', '0.0000', '1.2247']
    """

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        self.width = whole_number("width", width, least=1)
        if finite_number("eps", eps) <= 0:
            raise ValueError(f"eps keeps a row of equal numbers defined and must be above 0, but got {eps}")
        self.eps = eps
        self.weights = [Parameter(1.0) for _ in range(width)]
        self.biases = [Parameter(0.0) for _ in range(width)]
        self.shape = f"{width} -> {width}"

    def forward(self, inputs: Any) -> list[Value]:
        """Returns the normalised row."""
        row = as_row(self, inputs, self.width)
        mean = total(row) / self.width
        apart = [each - mean for each in row]
        scale = (dot(apart, apart) / self.width + self.eps).rsqrt()
        return [each * scale * w + b for each, w, b in zip(apart, self.weights, self.biases)]

    def __repr__(self) -> str:
        return f"LayerNorm({self.width})"
