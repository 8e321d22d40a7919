"""Which part of a model a node belongs to."""

from __future__ import annotations

import pytest

from micrograd_plus import Value, dot, operation, topological_order, total
from micrograd_plus.nn import MLP, Neuron, cross_entropy, l2_penalty, mse_loss
from micrograd_plus.nn.owners import ancestors, module_of, owners
from micrograd_plus.value import leaf


@pytest.mark.parametrize(
    ("label", "module"),
    [
        ("layers.0.neurons.2.weights.1", "layers.0.neurons.2"),
        ("layers.0.neurons.2.bias", "layers.0.neurons.2"),
        ("weights.1", ""),
        ("w", ""),
        ("", ""),
        ("embedding.weights.3.5", "embedding.weights"),
        ("wq.3.5", "wq"),
        ("3.5", ""),
        ("a.b.c.d", "a.b.c"),
        ("..", ""),
        ("loss (mean)", ""),
        ("a." * 5000 + "b", ""),
    ],
)
def test_module_of(label: str, module: str) -> None:
    assert module_of(label) == module


def test_ancestors() -> None:
    assert ancestors("") == []
    assert ancestors("0") == ["0"]
    assert ancestors("blocks.1.2.attention") == ["blocks.1.2", "blocks.1.2.attention"]


def homes(order: list[Value]) -> dict[Value, str]:
    return {node: module for node in order if (module := module_of(node.label))}


def of(root: Value) -> dict[str, set[str]]:
    """The labels or operations of the nodes in each module."""
    order = topological_order(root)
    found: dict[str, set[str]] = {}
    for node, module in owners(order, homes(order)).items():
        found.setdefault(module, set()).add(node.op.label or node.op.name)
    return found


@pytest.mark.parametrize("plain", [True, False])
def test_a_neuron_owns_its_sum_and_activation_but_not_the_loss(plain: bool) -> None:
    w = [leaf(0.1 * j, operation.PARAMETER, f"layers.0.neurons.0.weights.{j}") for j in range(2)]
    b = leaf(0.5, operation.PARAMETER, "layers.0.neurons.0.bias")
    x = [Value(1.0, "x0"), Value(2.0, "x1")]
    s = w[0] * x[0] + w[1] * x[1] + b if plain else dot(w, x, b)
    inside = {"*", "+", "tanh", "parameter"} if plain else {"dot + b", "tanh", "parameter"}
    assert of((s.tanh() - Value(1.0, "y")) ** 2) == {"layers.0.neurons.0": inside}
    assert of((s.tanh() - 1.0) ** 2) == {"layers.0.neurons.0": inside}  # a target that is a plain number
    assert of(-s.tanh().log1p()) == {"layers.0.neurons.0": inside}


def test_dropout_belongs_to_the_neuron_that_it_drops() -> None:
    model = MLP(2, [2, 1], activation="relu", dropout=0.5, seed=0)
    out = model([Value(1.0), Value(2.0)])
    assert isinstance(out, Value)
    assert of(out)["layers.0.neurons.1"] == {"dot + b", "relu", "*", "bernoulli(0.5)", "parameter"}


def test_losses_and_penalties_belong_to_nobody() -> None:
    model = MLP(2, [3, 3], activation="tanh", seed=0)
    logits = model([1.0, 2.0])
    inside = {"dot + b", "parameter"}
    found = of(cross_entropy(logits, 1) + l2_penalty(model.parameters(), 0.1))
    assert found["layers.1.neurons.0"] == found["layers.1.neurons.2"] == inside
    assert found["layers.0.neurons.0"] == inside | {"tanh"}


def test_a_batch_shares_its_modules() -> None:
    model = MLP(1, [2, 1], seed=0)
    loss = mse_loss([model([Value(float(i))]) for i in range(5)], [0.0] * 5)
    order = topological_order(loss)
    found = owners(order, homes(order))
    assert sum(module == "layers.1.neurons.0" and bool(node.children) for node, module in found.items()) == 5


def test_without_modules_nobody_owns_anything() -> None:
    neuron = Neuron(2, "tanh")
    assert of(neuron([1.0, 2.0])) == {}
    assert of(total([Value(1.0, "layers.0.neurons.0.weights.0"), Value(2.0)])) == {}  # an input is no parameter
