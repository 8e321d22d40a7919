"""Every kind of model leaves: layers, dropout, sharing, lists of lists, loops; and nothing hostile enters."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, compile, dot, operation, select, softmax, total
from micrograd_plus.checks import flat
from micrograd_plus.compiler import CompileError
from micrograd_plus.export import to_c, to_jax, to_onnx, to_torch
from micrograd_plus.nn import MLP, Conv1d, Dropout, Embedding, Layer, LayerNorm, Module, Parameter, Sequential
from micrograd_plus.value import apply, leaf
from tests.export.graphs import lesson_nine
from tests.export.test_c import predict
from tests.export.test_frameworks import module_of
from tests.export.test_onnx import run
from tests.export.test_saved_models import HOSTILE


class Shared(Module):
    """One layer twice, and a weight of it a third time."""

    def __init__(self) -> None:
        self.layer, self.scale = Layer(3, 3, "tanh", seed=1), Parameter(0.5)

    def forward(self, row: Any) -> Any:
        hidden = self.layer(self.layer(row))
        return [each * self.scale + self.layer.neurons[0].weights[1] for each in hidden], total(hidden)


class Reader(Module):
    """Tokens to scores: an embedding, attention to what came before, a list of lists out."""

    def __init__(self) -> None:
        self.table, self.norm, self.out = Embedding(7, 4, seed=1), LayerNorm(4), Layer(4, 3, seed=2)

    def forward(self, tokens: Any) -> Any:
        xs = [self.norm(self.table(token)) for token in tokens]
        found = []
        for t, x in enumerate(xs):
            weights = softmax([dot(x, other) for other in xs[: t + 1]])
            found.append(self.out([dot(weights, [other[j] for other in xs[: t + 1]]) for j in range(4)]))
        return found


class Chain(Module):
    """Deep and irregular: no two operations are alike at any depth."""

    def __init__(self) -> None:
        self.weights = [Parameter(0.01 * i) for i in range(1, 400)]

    def forward(self, x: Any) -> Any:
        found = x[0]
        for i, w in enumerate(self.weights):
            found = (found * w).tanh() + x[i % 2] if i % 3 else found.sin() * 0.5 - w
        return found


MODELS: dict[str, tuple[Module, Any]] = {
    "mlp": (MLP(3, [5, 2], activation="gelu", seed=0), [0.1, -0.2, 0.3]),
    "dropout": (MLP(3, [6, 6, 1], activation="relu", seed=0, dropout=0.25), [0.1, -0.2, 0.3]),
    "norm": (Sequential(Layer(3, 4, seed=0), LayerNorm(4), Layer(4, 2, "elu", seed=1)), [0.1, -0.2, 0.3]),
    "convolution": (Conv1d(1, 2, 3, activation="relu", seed=0), [[0.1, -0.2, 0.3, 0.7, -0.9]]),
    "embedding": (Embedding(5, 3, seed=0), 2.0),
    "shared": (Shared(), [0.1, -0.2, 0.3]),
    "reader": (Reader(), [1.0, 4.0, 0.0, 6.0]),
    "chain": (Chain(), [0.3, -0.4]),
    "gpt of lesson 9": (lesson_nine()["GPT"](9), [0.0, 3.0, 8.0, 2.0, 5.0]),
}


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest) -> tuple[Module, Any, list[float]]:
    model, example = MODELS[request.param]
    model.eval()
    numbers = [each.data for each in flat(model(as_values(example)))]
    model.train()
    return model, example, numbers


def as_values(numbers: Any) -> Any:
    return [as_values(each) for each in numbers] if isinstance(numbers, list) else Value(numbers)


def in_order(found: Any) -> list[float]:
    """The numbers of the first example, one after the other."""
    return [float(x) for each in flat(found) for x in np.asarray(each)[0].reshape(-1)]


@pytest.mark.torch
def test_torch(case: tuple[Module, Any, list[float]], tmp_path: Path) -> None:
    import torch

    model, example, expected = case
    exported = to_torch(model, tmp_path / "model.py", example=(example,))
    found = module_of(exported).load(tmp_path / "model.safetensors")(torch.tensor([example], dtype=torch.float64))
    numbers = in_order([each.detach().numpy() for each in flat(list(found) if isinstance(found, tuple) else found)])
    np.testing.assert_allclose(numbers, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.torch
def test_jax(case: tuple[Module, Any, list[float]], tmp_path: Path) -> None:
    import jax

    model, example, expected = case
    exported = to_jax(model, tmp_path / "model.py", example=(example,))
    with jax.enable_x64(True):
        module = module_of(exported)
        params, batch = module.load(tmp_path / "model.safetensors"), jax.numpy.array([example, example])
        np.testing.assert_allclose(in_order(module.forward(params, batch)), expected, rtol=1e-12, atol=1e-14)
        mapped = jax.vmap(jax.jit(lambda row: module.forward(params, row[None])))(batch)
        one_deeper = [np.asarray(each)[0] for each in flat(list(mapped) if isinstance(mapped, tuple) else mapped)]
        np.testing.assert_allclose(in_order(one_deeper), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.torch
def test_onnx(case: tuple[Module, Any, list[float]]) -> None:
    model, example, expected = case
    found = run(to_onnx(model, example=(example,)), np.array([example]))
    np.testing.assert_allclose(in_order(found), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_c(case: tuple[Module, Any, list[float]], tmp_path: Path) -> None:
    model, example, expected = case
    rows = np.array([example], float).reshape(1, -1)
    found = predict(to_c(model, example=(example,)), tmp_path, rows, len(expected))
    np.testing.assert_allclose(found[0], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.torch
def test_the_files_tell_the_numbers_that_they_give(tmp_path: Path) -> None:
    model = MLP(2, [3, 2], activation="tanh", seed=0)
    expected = [each.data for each in model([0.5, -1.0])]
    for export in (to_torch, to_jax):
        exported = export(model, tmp_path / "model.py")
        comment = " ".join(exported.source.replace("\n#", "").split())
        assert f"For one example it must give these numbers: inputs = [0.5, -1.0] gives {expected}" in comment
        printed = subprocess.run([sys.executable, tmp_path / "model.py"], capture_output=True, text=True, check=True)
        np.testing.assert_allclose(ast.literal_eval(printed.stdout)[0], expected, rtol=1e-6)


# -------------------------------------------------------------------- dropout


@pytest.mark.torch
def test_dropout_is_the_frameworks_own_and_only_in_training(tmp_path: Path) -> None:
    import jax
    import torch

    model = Sequential(Layer(1, 400, bias=False, seed=0), Dropout(0.25))
    for weight in model.parameters():
        weight.data = 1.0
    net = module_of(to_torch(model, tmp_path / "model.py")).load(tmp_path / "model.safetensors")
    one = torch.ones(50, 1, dtype=torch.float64)
    assert (net(one) == 1.0).all()
    torch.manual_seed(0)
    drawn = net.train()(one).detach().numpy()
    assert {*np.unique(drawn.round(9))} == {0.0, round(1 / 0.75, 9)}
    assert abs((drawn == 0).mean() - 0.25) < 0.02

    module = module_of(to_jax(model))
    with jax.enable_x64(True):
        params = module.load(tmp_path / "model.safetensors")
        batch = jax.numpy.ones((50, 1))
        assert (module.forward(params, batch) == 1.0).all()
        drawn = np.array(module.forward(params, batch, key=jax.random.key(1)))
        again = np.array(module.forward(params, batch, key=jax.random.key(2)))
    assert {*np.unique(drawn.round(9))} == {0.0, round(1 / 0.75, 9)}
    assert abs((drawn == 0).mean() - 0.25) < 0.02
    assert (drawn != again).any()


@pytest.mark.torch
def test_a_mask_that_is_used_twice_is_drawn_once(tmp_path: Path) -> None:
    import torch

    class Twice(Module):
        def __init__(self) -> None:
            self.drop, self.w = Dropout(0.5), Parameter(1.0)

        def forward(self, x: Any) -> Any:
            [mask] = self.drop([self.w])
            return [x[0] * mask, x[1] * mask]

    exported = to_torch(Twice(), tmp_path / "model.py", example=([1.0, 2.0],))
    net = module_of(exported).load(tmp_path / "model.safetensors").train()
    drawn = net(torch.ones(200, 2, dtype=torch.float64)).detach().numpy()
    assert (drawn[:, 0] == drawn[:, 1]).all() and 50 < (drawn[:, 0] == 0).sum() < 150


def test_what_else_training_changes_is_left_out() -> None:
    class Moody(Module):
        def __init__(self) -> None:
            self.drop, self.layer = Dropout(0.5), Layer(2, 2, seed=0)

        def forward(self, x: Any) -> Any:
            found = self.drop(self.layer(x))
            return [each * 2 for each in found] if self.training else found

    assert "dropout" not in to_torch(Moody(), example=([1.0, 2.0],)).source
    assert "functional.dropout" in to_torch(MLP(2, [4, 2], dropout=0.5)).source


# -------------------------------------------------------------------- determinism, mistakes, names


@pytest.mark.parametrize("name", ["to_torch", "to_jax", "to_onnx", "to_c"])
def test_files_are_the_same_byte_for_byte(name: str, tmp_path: Path) -> None:
    code = f"""
import sys, hashlib
from micrograd_plus.export import {name}
from micrograd_plus.nn import MLP
from micrograd_plus import compile
if sys.argv[1] == "after others":
    compile(MLP(3, [5, 2], activation="gelu", seed=1).forward, example=([9.0, 8.0, 7.0],))
made = {name}(MLP(3, [5, 2], activation="gelu", seed=0, dropout=0.5))
print(hashlib.sha256(made.content + (made.weights or b"")).hexdigest())
"""
    path = tmp_path / "made.py"
    path.write_text(code)
    found = set()
    for seed, how in (("0", "at once"), ("1", "after others"), ("2", "at once")):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
        made = subprocess.run([sys.executable, path, how], env=environment, capture_output=True, text=True, check=True)
        found.add(made.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("export", [to_torch, to_jax, to_onnx, to_c])
def test_mistakes_are_told(export: Any) -> None:
    with pytest.raises(TypeError, match=r"can't be told what a Shared takes; pass .*example=\("):
        export(Shared())
    with pytest.raises(TypeError, match=r"what can be exported is .*compile\(f, example"):
        export(lambda x: x)
    with pytest.raises(TypeError, match="leave `example` out"):
        export(compile(lambda x: x * 2, example=(1.0,)), example=(1.0,))

    class Chooses(Module):
        def forward(self, x: Any) -> Any:
            return x[0] if x[0] > 0 else x[1]

    with pytest.raises(CompileError, match="looks at"):
        export(Chooses(), example=([1.0, 2.0],))


def test_c_knows_two_kinds_of_numbers() -> None:
    with pytest.raises(ValueError, match="there is no dtype 'half'"):
        to_c(MLP(2, [1]), dtype="half")


@pytest.mark.parametrize(("export", "language"), [(to_onnx, "ONNX"), (to_c, "C")])
def test_an_operation_that_a_target_can_not_say_is_named(export: Any, language: str) -> None:
    halves = operation.Op("halves", "halves", "x", "x // 2", {"x": "0"})
    program = compile(lambda x: apply(halves, x) + 1, example=(3.0,))
    assert program([5.0]).tolist() == [3.0]
    with pytest.raises(ValueError, match=rf"{language} has no word for the operation 'halves', which is x // 2"):
        export(program)


@pytest.mark.parametrize("export", [to_torch, to_jax, to_c])
def test_labels_can_not_break_out(export: Any) -> None:
    parameters = [
        leaf(0.1 * i, operation.PARAMETER, name) for i, name in enumerate([*HOSTILE, "torch", "class", "int"])
    ]
    x = Value(1.0, 'x"""\n*/')
    program = compile([(x * p).tanh() for p in parameters], inputs=[x], parameters=parameters)
    source = export(program).source
    lines = source.splitlines()
    if export is to_c:
        outside = without_comments(source)
        assert "import os" not in outside and "int x;" not in outside
    else:
        ast.parse(source)
        assert "import os" not in [line.strip() for line in lines]
    assert source.isascii()


def without_comments(source: str) -> str:
    """The text of C outside of comments, as a compiler sees it."""
    found, at = "", 0
    while at < len(source):
        if source.startswith("/*", at):
            at = source.index("*/", at) + 2
        elif source.startswith("//", at):
            at = source.index("\n", at)
            assert source[at - 1] != "\\" and not source[:at].endswith("??/")
        else:
            found += source[at]
            at += 1
    return found


@pytest.mark.slow
def test_hostile_labels_compile_and_run(tmp_path: Path) -> None:
    parameters = [leaf(0.1 * i, operation.PARAMETER, name) for i, name in enumerate([*HOSTILE, "double", "main", "x"])]
    x, i = Value(1.0, "x"), Value(1.0, "i")
    outputs = [(x * p).tanh() for p in parameters] + [select(i, parameters)]
    program = compile(outputs, inputs=[[x, i]], parameters=parameters)
    rows = np.array([[0.5, 2.0], [1.5, 0.0]])
    found = predict(to_c(program), tmp_path, rows, len(outputs))
    np.testing.assert_allclose(found, program(rows), rtol=1e-14)
