"""Layer normalisation and the convolution, beside PyTorch's, compiled, and with wrong input."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, compile, nn

CONVOLUTIONS: list[dict[str, int]] = [{}, {"stride": 2}, {"padding": 1}, {"stride": 3, "padding": 2}]


def sequence(channels: int, length: int) -> list[list[float]]:
    rng = random.Random(length)
    return [[rng.uniform(-1, 1) for _ in range(length)] for _ in range(channels)]


@pytest.mark.torch
@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_the_convolution_is_pytorchs(options: dict[str, int]) -> None:
    import torch

    def tensor(numbers: Any, **options: Any) -> Any:
        return torch.tensor(numbers, dtype=torch.float64, **options)

    ours = nn.Conv1d(2, 3, 4, seed=1, **options)
    theirs = torch.nn.Conv1d(2, 3, 4, dtype=torch.float64, **options)
    weights = [[w.data for w in neuron.weights] for neuron in ours.layer.neurons]
    theirs.weight.data = tensor(weights).reshape(3, 2, 4)
    theirs.bias.data = tensor([neuron.bias.data for neuron in ours.layer.neurons])
    given = sequence(2, 11)
    found, expected = ours(given), theirs(tensor(given))
    np.testing.assert_allclose([[each.data for each in row] for row in found], expected.tolist(), rtol=1e-12)
    sum(each * each for row in found for each in row).backward()
    (expected**2).sum().backward()
    grads = [[w.grad for w in neuron.weights] for neuron in ours.layer.neurons]
    np.testing.assert_allclose(grads, theirs.weight.grad.reshape(3, 8).tolist(), rtol=1e-10)


@pytest.mark.torch
def test_layer_normalisation_is_pytorchs() -> None:
    import torch

    def tensor(numbers: Any, **options: Any) -> Any:
        return torch.tensor(numbers, dtype=torch.float64, **options)

    ours, theirs = nn.LayerNorm(5), torch.nn.LayerNorm(5, dtype=torch.float64)
    for i in range(5):
        ours.weights[i].data, ours.biases[i].data = 1 + i / 4, i - 2.0
    theirs.weight.data = tensor([w.data for w in ours.weights])
    theirs.bias.data = tensor([b.data for b in ours.biases])
    row = [Value(x) for x in sequence(1, 5)[0]]
    inputs = tensor([x.data for x in row], requires_grad=True)
    found, expected = ours(row), theirs(inputs)
    np.testing.assert_allclose([each.data for each in found], expected.tolist(), rtol=1e-12)
    sum(each**3 for each in found).backward()
    (expected**3).sum().backward()
    np.testing.assert_allclose([x.grad for x in row], inputs.grad.tolist(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose([w.grad for w in ours.weights], theirs.weight.grad.tolist(), rtol=1e-10)


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_both_compile(options: dict[str, int]) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.conv, self.norm = nn.Conv1d(1, 2, 3, "tanh", seed=0, **options), nn.LayerNorm(2)

        def forward(self, x: Any) -> list[Value]:
            return self.norm([sum(row) for row in self.conv([x])])

    model, rows = Model(), sequence(4, 9)
    expected = [[each.data for each in model(row)] for row in rows]
    np.testing.assert_allclose(compile(model)(rows), expected, rtol=1e-12)


def test_wrong_input_is_told() -> None:
    conv = nn.Conv1d(2, 1, 3)
    with pytest.raises(ValueError, match=r"Conv1d\(2, 1, 3\) takes 2 rows of equal length, but got 1 row of length 4"):
        conv([[1.0] * 4])
    with pytest.raises(ValueError, match="but got 2 rows of length 4, 5"):
        conv([[1.0] * 4, [1.0] * 5])
    with pytest.raises(ValueError, match="needs rows of at least 3, but got 2; pad them"):
        conv([[1.0] * 2, [1.0] * 2])
    with pytest.raises(TypeError, match="needs a list of rows, one a channel"):
        conv([1.0, 2.0])
    with pytest.raises(ValueError, match=r"LayerNorm\(3\) takes 3, but got 2 inputs"):
        nn.LayerNorm(3)([1.0, 2.0])
    with pytest.raises(ValueError, match="must be above 0, but got 0"):
        nn.LayerNorm(3, eps=0)


def test_the_shapes_and_names() -> None:
    conv = nn.Conv1d(2, 3, 4, stride=2, padding=1, seed=0)
    assert [len(row) for row in conv(sequence(2, 10))] == [5, 5, 5]
    assert next(iter(conv.state_dict())) == "layer.neurons.0.weights.0"
    assert len(conv.parameters()) == 3 * (2 * 4 + 1)
    assert list(nn.LayerNorm(2).state_dict().values()) == [1.0, 1.0, 0.0, 0.0]
