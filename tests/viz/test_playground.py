"""The playground's front door: what becomes of a model and data, what is refused, and what the page holds."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, viz
from micrograd_plus import data as sets
from micrograd_plus.cli import main
from micrograd_plus.cli import playground as command
from micrograd_plus.compiler import CompileError
from micrograd_plus.data import Dataset, circles, iris, line, moons
from micrograd_plus.data.sets import PLACES
from micrograd_plus.nn import MLP, SGD, Adam, Layer, Module, Optimizer, schedules
from micrograd_plus.viz.live import Playground, playground
from micrograd_plus.viz.live.emitted import OF_CLASSES, OF_NUMBERS, SETS, activations, javascript_function


def test_viz_has_the_function_though_the_parts_are_loaded() -> None:
    assert (
        viz.playground is playground and viz.Playground is Playground and {"playground", "Playground"} <= {*viz.__all__}
    )


def test_the_page_holds_all_it_needs(tmp_path: Path) -> None:
    shown = playground(title="Two <moons> & $more")
    path = shown.save(tmp_path / "play.html")
    page = path.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert (
        policy and policy[1].startswith("default-src 'none';") and policy[1].endswith(f"script-src 'sha256-{digest}'")
    )
    assert {*re.findall(r"https?://[^\"' )]*", page)} <= {"http://www.w3.org/2000/svg"}
    assert "<title>Two &lt;moons&gt; &amp; $more</title>" in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["config"] == shown.config == json.loads(json.dumps(shown.config))
    with pytest.raises(ValueError, match=r"a playground is saved as \.html or \.htm"):
        shown.save(tmp_path / "play.svg")
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == "<Playground: MLP(2, [8, 8, 1]) on 'moons'>" and "sandbox" in bundle["text/html"]


def test_names_can_not_break_out_of_the_script() -> None:
    class Nasty(Module):
        def __init__(self) -> None:
            self.parts = {"</script><b>": Layer(2, 1, seed=1)}

        def forward(self, row: Any) -> Any:
            return self.parts["</script><b>"](row)

    data = Dataset([[0, 1], [1, 0], [0.5, 1]], [0, 1, 1], name="</script>", classes=("<!--", "</style>"))
    page = playground(Nasty(), data).html()
    assert page.count("</script>") == 2 and "<!--" not in page and "</script><b>" not in page


def test_what_the_page_starts_with() -> None:
    shown = playground(data="blobs", optimizer="sgd", batch_size=7, validation=0, seed=5, hidden=[3], dropout=0.5)
    assert shown.config == {
        "model": {"kind": "mlp", "hidden": [3], "activation": "tanh", "dropout": 0.5},
        "data": {"name": "blobs", "n": 200}, "validation": 0.0, "loss": "cross_entropy", "seed": 5, "shuffle": True,
        "optimizer": {"name": "sgd", "lr": 0.03, "options": SGD([Value(1.0)]).options}, "batchSize": 7,
    }  # fmt: skip
    assert repr(shown) == "<Playground: MLP(2, [3, 3]) on 'blobs'>" and shown.data()["own"] is None
    model = MLP(2, [4, 1], activation="relu", dropout=0.25)
    shown = playground(model, circles(), optimizer=Adam(model.parameters(), 0.2, betas=(0.8, 0.99)))
    assert shown.config["model"] == {"kind": "own"} and shown.config["data"] == {"name": "own"}
    assert shown.config["optimizer"]["lr"] == 0.2 and shown.config["optimizer"]["options"]["beta1"] == 0.8
    assert shown.data()["own"] == {
        "words": "MLP(2, [4, 1], activation='relu', dropout=0.25)",
        "mlp": {"hidden": [4], "activation": "relu", "dropout": 0.25},
    }
    assert repr(playground(MLP(1, [4, 1]), line())) == "<Playground: MLP(1, [4, 1]) on 'line'>"


def test_the_model_is_left_as_it_is() -> None:
    model = MLP(2, [4, 1], dropout=0.5)
    model.layers[0].eval()
    states = [rng.getstate() for _, rng in model.generators()]
    before, modes = model.state_dict(), [module.training for module in model.modules()]
    playground(model, "moons")
    assert model.state_dict() == before and modes == [module.training for module in model.modules()]
    assert states == [rng.getstate() for _, rng in model.generators()]


class Peeking(Module):
    """Does another thing where a number is negative."""

    def __init__(self) -> None:
        self.layer = Layer(2, 1, seed=0)

    def forward(self, row: Any) -> Any:
        out = self.layer(row)
        return out if out.data > 0 else -out


class OwnRule(Optimizer):
    text = "w = w - lr * g"


MODEL = MLP(2, [3, 1], seed=0)
STEPPED = SGD(MODEL.parameters(), lr=0.1)
STEPPED.t = 3

REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"data": "rings"}, ValueError, "there is no data set 'rings'"),
    ({"data": [[1, 2]]}, TypeError, "expected a Dataset, got a list; make one by Dataset"),
    ({"data": Dataset([[0, 1], [1, 0]], [[1, 2], [3, 4]])}, ValueError, "several targets a row, .* choose one of them"),
    ({"data": moons().weighted([1] * 99 + [2])}, ValueError, r"all rows count alike; use weighted\(None\)"),
    ({"model": MLP(3, [2, 1])}, ValueError, "takes 3|has 2|3 inputs|width"),
    ({"model": MLP(2, [3, 2]), "data": "blobs"}, ValueError, "3 classes and the model 2 outputs; end the model with 3"),
    ({"model": lambda row: row}, TypeError, "an nn.Module"),
    ({"model": Peeking()}, CompileError, "a page can't run this Peeking: .* looks at the result of affine by .data"),
    ({"loss": "bce"}, ValueError, "'bce' needs a model of its own; pass one, or choose one of bce_with_logits"),
    ({"loss": "hinge", "data": "blobs"}, ValueError, "hinge tells two classes apart"),
    ({"loss": "crossentropy"}, ValueError, "the loss 'crossentropy' needs|there is no loss"),
    ({"optimizer": "adm"}, ValueError, "did you mean 'adam'"),
    ({"optimizer": OwnRule, "lr": 0.1}, ValueError, "a page has the rules of adagrad, .* but not of OwnRule"),
    ({"optimizer": SGD(MODEL.parameters())}, ValueError, "a model's parameters; pass the model too, or only its name"),
    ({"model": MODEL, "optimizer": SGD(MODEL.parameters()), "lr": 0.1}, ValueError, "lr=0.1 was passed beside"),
    ({"model": MODEL, "optimizer": STEPPED}, ValueError, "has made 3 steps; a page starts with a new one"),
    ({"model": MODEL, "optimizer": SGD(MODEL.parameters()[:3])}, ValueError, "all parameters of the model alike"),
    (
        {"model": MODEL, "optimizer": SGD(MODEL.parameters(), groups={"*.bias": {"lr": 0.5}})},
        ValueError, "all parameters of the model alike",
    ),
    ({"lr": schedules.Cosine(0.1, steps=10)}, ValueError, r"one number, and no schedule; pass lr=0\.03"),
    ({"lr": -1}, ValueError, "learning rate must be at least 0"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1"),
    ({"validation": 1.0}, ValueError, "validation is the share of rows held back, .* 0.2 is a fifth"),
    ({"seed": -1}, ValueError, "seed must be a whole number of at least 0"),
    ({"hidden": [4, 0]}, ValueError, r"widths\[1\] must be a whole number of at least 1"),
    ({"hidden": 4}, TypeError, "hidden is a list of numbers of neurons, such as"),
    ({"activation": "rulu"}, ValueError, "did you mean 'relu'"),
    ({"dropout": 1.5}, ValueError, "the fraction to drop, is from 0 to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "error", "told"), REFUSED)
def test_what_is_refused(options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        playground(**options)


def test_a_model_too_large_for_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micrograd_plus.viz.live.lifted.CHARACTERS", 1000)
    with pytest.raises(CompileError, match=r"makes [\d,]+ characters of JavaScript, more than the 1,000 of a page"):
        playground(MLP(2, [3, 1]), "moons")


# -------------------------------------------------------------------- one home for each fact


def test_the_shapes_of_the_sets_are_pythons() -> None:
    def half(x: float, count: float, factor: float) -> tuple[float, float]:
        y, z = x / count, (factor if x > 0 else 2.0)
        return y * z, math.sqrt(y) + math.pi

    assert javascript_function(half, {"factor": 3}) == (
        "function half(x, count) { const [y, z] = [x / count, x > 0.0 ? 3.0 : 2.0];"
        " return [y * z, sqrt(y) + Math.PI]; }"
    )
    for name, point in PLACES.items():
        data = getattr(sets, name)(10, noise=0)
        options = {
            k: v for k, v in {"factor": 0.5, "arms": 2, "turns": 1.0, "centers": 3}.items() if k in _arguments(point)
        }
        assert tuple(data.inputs[0]) == pytest.approx(point(0, 0, -(-10 // len(data.classes)), **options))


def _arguments(function: Any) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]  # type: ignore[no-any-return]


def test_the_activations_and_the_command_know_what_the_page_knows() -> None:
    assert command.SETS == SETS and {*command.LOSSES} == {*OF_CLASSES, *OF_NUMBERS}
    assert {"tanh", "relu", "sigmoid", "gelu"} <= {*activations()}


# -------------------------------------------------------------------- the command


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["playground"]) == 0
    assert "wrote playground.html: open it in a browser, file:///" in capsys.readouterr().out
    options = ["--data", "spirals", "--hidden", "5", "--activation", "relu", "--dropout", "0.1", "--loss", "hinge"]
    more = [
        "--optimizer",
        "SGD",
        "--lr",
        "0.5",
        "--batch-size",
        "9",
        "--validation",
        "0",
        "--seed",
        "4",
        "--title",
        "T",
    ]
    assert main(["playground", *options, *more, "-o", "s.html"]) == 0
    page = Path("s.html").read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    config = json.loads(data)["config"]
    assert config["model"] == {"kind": "mlp", "hidden": [5], "activation": "relu", "dropout": 0.1}
    assert config["optimizer"]["name"] == "sgd" and config["loss"] == "hinge" and "<title>T</title>" in page
    before = Path("s.html").read_bytes()
    assert main(["playground", "-o", "s.html"]) == 2 and Path("s.html").read_bytes() == before
    assert "is there already; name another file, or pass --force" in capsys.readouterr().err
    assert main(["playground", "-o", "s.html", "--force", "--hidden"]) == 0 and Path("s.html").read_bytes() != before


def test_iris_has_no_plane_but_trains() -> None:
    shown = playground(MLP(4, [5, 3]), iris())
    assert shown.model is not None and len(shown.model.described()["drawing"]["columns"][0]) == 4
    assert ast.literal_eval(json.dumps(shown.model.described()["names"]))[0] == "layers.0.neurons.0.weights.0"
