"""The network diagram shows the pass that was made: its mask, values and errors, and every weight."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from micrograd_plus import Value
from micrograd_plus.nn import MLP, Dropout, Layer, Module, Sequential, mse_loss
from micrograd_plus.viz import palette
from micrograd_plus.viz.network import NetworkDiagram
from micrograd_plus.viz.svg import parsed

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_values_biases_and_errors_are_those_of_the_pass() -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=1)
    picture = NetworkDiagram(model, [1.0, 0.5], target=1.0)
    assert picture.output.data == model([1.0, 0.5]).data

    shown = texts(picture.svg())
    model.zero_grad()
    loss = mse_loss(model([1.0, 0.5]), 1.0)
    loss.backward()
    for neuron in [*model.layers[0].neurons, *model.layers[1].neurons]:
        delta = neuron.bias.grad  # the bias has the derivative 1 in the weighted sum
        assert f"δ {delta:+.3f}".replace("-", "−") in shown
        assert f"bias {neuron.bias.data:+.3f}".replace("-", "−") in shown
        for weight in neuron.weights:
            assert f"{weight.data:+.3f}".replace("-", "−") in shown
    assert f"loss {loss.data:.3f}" in shown


def test_it_leaves_gradients_alone() -> None:
    model = MLP(2, [2, 1])
    before = [parameter.grad for parameter in model.parameters()]
    NetworkDiagram(model, [1.0, 0.5], target=1.0).svg()
    assert all(after is grad for after, grad in zip((p.grad for p in model.parameters()), before))


def test_dropout_is_drawn_from_the_mask_of_this_pass() -> None:
    model = MLP(2, [3, 1], dropout=0.5, seed=4)
    replay = MLP(2, [3, 1], dropout=0.5, seed=4)
    picture = NetworkDiagram(model, [0.5, -1.0])
    dropout = next(each for each in replay.modules() if isinstance(each, Dropout))
    mask = [dropout.op.draw() for _ in range(3)]
    shown = texts(picture.svg())
    assert 0 < mask.count(0.0) < 3
    assert shown.count("dropped × 0") == mask.count(0.0)
    assert sum(text.startswith("kept × 2") for text in shown) == mask.count(2.0)
    assert picture.svg().count("cut off by dropout") == mask.count(0.0) * (2 + 1)


def test_in_use_nothing_is_dropped() -> None:
    svg = NetworkDiagram(MLP(2, [3, 1], dropout=0.5, seed=4).eval(), [0.5, -1.0]).svg()
    assert "dropped" not in svg and "kept" not in svg


def test_a_dropped_neuron_gets_no_error_back() -> None:
    picture = NetworkDiagram(MLP(2, [3, 1], dropout=0.5, seed=4), [0.5, -1.0], target=2.0)
    assert texts(picture.svg()).count("δ 0") >= 2


def test_signs_are_told_by_colour_and_by_dash() -> None:
    model = Layer(2, 1)
    model.load_state_dict({"neurons.0.weights.0": 2.0, "neurons.0.weights.1": -1.0, "neurons.0.bias": 0.0})
    lines = {
        title: (line.get("stroke"), line.get("stroke-dasharray"), float(line.get("stroke-width", "0")))
        for group in ET.fromstring(NetworkDiagram(model).svg()).iter(f"{SVG}g")
        if (title := group.findtext(f"{SVG}title", "")).startswith("weight")
        and (line := group.find(f"{SVG}line")) is not None
    }
    assert lines["weight +2"][:2] == (palette.positive.light, None)
    assert lines["weight -1"][:2] == (palette.negative.light, "7 4")
    assert lines["weight +2"][2] > lines["weight -1"][2]


def test_a_halo_keeps_lines_from_running_through_a_weight() -> None:
    model = MLP(2, [2, 1], seed=0)
    texts = list(parsed(NetworkDiagram(model, [1.0, -1.0], target=0.5).svg()).iter("text"))
    weights = [
        f"{weight.data:+.3f}".replace("-", "−") for layer in model.layers for n in layer.neurons for weight in n.weights
    ]
    halos = [each.get("paint-order") for each in texts if each.text in weights]
    assert halos == ["stroke"] * len(weights)


def test_without_inputs_no_values_are_printed() -> None:
    picture = NetworkDiagram(MLP(2, [2, 1]))
    assert "forward: values" not in picture.svg() and picture.loss is None


def test_a_wide_layer_is_abridged_with_a_word() -> None:
    shown = texts(NetworkDiagram(MLP(64, [32, 10]), max_neurons=8).svg())
    assert "57 more" in shown and "25 more" in shown and "3 more" in shown


def test_a_model_gone_to_infinity_is_still_drawn() -> None:
    model = MLP(2, [1])
    model.layers[0].neurons[0].bias.data = float("inf")
    assert "inf" in texts(NetworkDiagram(model, [1.0, 2.0], target=0.0).svg())


def test_names_are_text_never_markup() -> None:
    picture = NetworkDiagram(MLP(1, [1]), [1.0], input_names=["</text><script>alert(1)</script>"], title='"<&>')
    assert "<script" not in picture.svg()
    assert "</text><script>alert(1)</script>" in texts(picture.svg())
    assert ET.fromstring(picture.svg()).get("aria-label", "").startswith('Network 1-1: "<&>')


def test_any_function_serves_as_activation_and_labels_name_inputs() -> None:
    model = Sequential(Layer(1, 2, lambda v: (v * 2).tanh() + 1), Layer(2, 1))
    svg = NetworkDiagram(model, [Value(0.5, "price")], target=0.0).svg()
    assert "price" in texts(svg)


def test_colours_turn_dark_by_the_readers_theme() -> None:
    svg = NetworkDiagram(MLP(2, [2, 1]), [1.0, 2.0], target=1.0).svg()
    light = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg))
    known = {shade.light: shade.dark for shade in palette.shades().values()}
    assert light <= known.keys()
    assert all(
        f'[fill="{colour}"] {{ fill: {known[colour]}' in svg or f'[stroke="{colour}"]' in svg for colour in light
    )


def test_same_bytes_and_one_home_for_display(tmp_path) -> None:
    first, second = (NetworkDiagram(MLP(2, [3, 1], dropout=0.5, seed=2), [0.1, 0.2], target=1.0) for _ in range(2))
    assert first.svg() == second.svg() == first._repr_mimebundle_()["image/svg+xml"]
    assert first.save(tmp_path / "net.svg").read_text(encoding="utf-8") == first.svg()


class Odd(Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: NetworkDiagram(Odd()), "draws an MLP"),
        (lambda: NetworkDiagram(Sequential(Dropout(0.5), Layer(2, 1))), "starts with a Layer"),
        (lambda: NetworkDiagram(MLP(2, [1]), [1.0]), "takes 2, but got 1 input"),
        (lambda: NetworkDiagram(MLP(2, [1]), max_neurons=2), "max_neurons"),
        (lambda: NetworkDiagram(MLP(2, [1]), [1.0, 2.0], 1, loss="mean"), "loss"),
        (lambda: NetworkDiagram(MLP(2, [1])).save("net.png"), r"\.svg"),
    ],
)
def test_wrong_input_is_told(make, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        make()
