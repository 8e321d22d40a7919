"""How fast compiled programs train, beside the same training step in other ways: one run, medians, one thread each.

    python -m tests.benchmarks compiler

A step is forward, backward and Adam on one batch. All do the same arithmetic from the same weights: the first losses
are compared. micrograd_plus, micrograd and the handwritten NumPy work on 64-bit floats, PyTorch on both sizes. PyTorch,
JAX and micrograd take part where they are installed.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.benchmarks.report import OURS, Result
from tests.benchmarks.timing import race, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402

from micrograd_plus import Value, compile, nn  # noqa: E402
from micrograd_plus.data import digits, moons  # noqa: E402
from micrograd_plus.train.trainer import Trainer  # noqa: E402
from tests.benchmarks import handwritten  # noqa: E402

Step = Callable[[], Any]
BY_HAND = "NumPy by hand"


@dataclass
class Case:
    """A model, a batch, and the ways to take a step; `scaled` are those that do one example, and how many there are."""

    name: str
    steps: dict[str, Step]
    batch: int
    scaled: Mapping[str, int]
    bars: Mapping[str, float]

    def result(self, seconds: float) -> Result:
        """What a step takes, way by way."""
        losses = {name: float(step()) for name, step in self.steps.items() if name not in self.scaled}
        for name, loss in losses.items():
            if abs(loss - losses[OURS]) > 1e-4 * abs(losses[OURS]):
                raise AssertionError(f"{self.name}: {name} has the loss {loss}, {OURS} {losses[OURS]}")
        figures = {name: time * self.scaled.get(name, 1) for name, time in race(self.steps, seconds).items()}
        notes = {name: f"{times} times one example" for name, times in self.scaled.items()}
        return Result(self.name, figures, bars=self.bars, notes=notes)


# -------------------------------------------------------------------- multi-layer perceptrons


def perceptron(
    name: str, widths: list[int], x: Any, y: Any, bars: Mapping[str, float], *, micrograd: bool = True
) -> Case:
    """An MLP with ReLU: the hinge loss for a single output, cross-entropy for several."""
    hinge = widths[-1] == 1
    model = nn.MLP(widths[0], widths[1:], activation="relu", seed=1)
    loss = nn.hinge_loss if hinge else nn.cross_entropy
    weights = [
        part for layer in model.layers for part in (
            np.array([[w.data for w in neuron.weights] for neuron in layer.neurons]).T,
            np.array([neuron.bias.data for neuron in layer.neurons]),
        )
    ]  # fmt: skip
    program = compile(lambda row, target: loss(model(row), target), parameters=model.parameters(), example=(x[0], y[0]))
    trainer = Trainer(program, nn.Adam(model.parameters()))
    target = y[:, None] if hinge else y
    by_hand = (handwritten.MaxMargin if hinge else handwritten.Classifier)(weights)
    steps: dict[str, Step] = {OURS: lambda: trainer.step(x, y), BY_HAND: lambda: by_hand.step(x, target)}
    for bits in (32, 64):
        if importlib.util.find_spec("torch"):
            steps[f"PyTorch, {bits} bits"] = torch_perceptron(weights, x, y, hinge, bits)
    if importlib.util.find_spec("jax"):
        steps["jax.jit, 64 bits"] = jax_perceptron(weights, x, y, hinge)
    scaled = {}
    if micrograd and importlib.util.find_spec("micrograd"):
        rows = len(x) if hinge else 1
        steps["micrograd"] = micrograd_perceptron(widths, weights, x[:rows], y[:rows], hinge)
        if rows < len(x):
            scaled["micrograd"] = len(x)
    return Case(name, steps, len(x), scaled, bars)


def torch_perceptron(weights: list[Any], x: Any, y: Any, hinge: bool, bits: int) -> Step:
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    kind = torch.float32 if bits == 32 else torch.float64
    layers: list[Any] = []
    for w, b in zip(weights[::2], weights[1::2]):
        linear = torch.nn.Linear(*w.shape, dtype=kind)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w.T))
            linear.bias.copy_(torch.tensor(b))
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters())
    inputs = torch.tensor(x, dtype=kind)
    targets = torch.tensor(y, dtype=kind if hinge else torch.int64)

    def step() -> float:
        out = model(inputs)
        loss = (1 - targets * out[:, 0]).relu().mean() if hinge else cross_entropy(out, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def jax_perceptron(weights: list[Any], x: Any, y: Any, hinge: bool) -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss_of(parts: list[Any], x: Any, y: Any) -> Any:
        h = x
        for i in range(0, len(parts), 2):
            h = h @ parts[i] + parts[i + 1]
            if i + 2 < len(parts):
                h = jnp.maximum(h, 0)
        if hinge:
            return jnp.maximum(1 - y * h[:, 0], 0).mean()
        return (jax.nn.logsumexp(h, axis=1) - h[jnp.arange(len(y)), y]).mean()

    @jax.jit
    def step(state: Any, x: Any, y: Any) -> Any:
        parts, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(parts, x, y)
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
        rates = [1e-3 * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8) for a, b in zip(m, v)]
        return loss, ([a - b for a, b in zip(parts, rates)], m, v, t + 1)

    parts = [jnp.asarray(each) for each in weights]
    zeros = [jnp.zeros_like(each) for each in parts]
    held = {"state": (parts, zeros, zeros, 1.0)}
    inputs, targets = jnp.asarray(x), jnp.asarray(y)

    def run() -> float:
        loss, held["state"] = step(held["state"], inputs, targets)
        return float(loss)

    return run


def micrograd_perceptron(widths: list[int], weights: list[Any], x: Any, y: Any, hinge: bool) -> Step:
    from micrograd.engine import Value as Scalar
    from micrograd.nn import MLP

    sys.setrecursionlimit(100_000)  # it walks the graph by recursion, as deep as the sum of a neuron is long
    model = MLP(widths[0], widths[1:])
    for layer, w, b in zip(model.layers, weights[::2], weights[1::2]):
        for j, neuron in enumerate(layer.neurons):
            neuron.b.data = float(b[j])
            for i, each in enumerate(neuron.w):
                each.data = float(w[i, j])
    adam = ScalarAdam(model.parameters())

    def loss_of(row: Any, target: Any) -> Any:
        out = model([Scalar(float(each)) for each in row])
        if hinge:
            return (1 + -float(target) * out).relu()
        exps = [2.718281828459045**each.data for each in out]  # it has no exp; this is not differentiated in full
        return sum((each * (e / sum(exps)) for each, e in zip(out, exps)), Scalar(0.0)) - out[int(target)]

    def step() -> float:
        loss = sum((loss_of(row, target) for row, target in zip(x, y)), Scalar(0.0)) * (1.0 / len(x))
        model.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.data)

    return step


class ScalarAdam:
    """Adam over objects that have `data` and `grad`, in a plain loop."""

    def __init__(self, parameters: list[Any]) -> None:
        self.parameters, self.t = parameters, 0
        self.m, self.v = [0.0] * len(parameters), [0.0] * len(parameters)

    def step(self) -> None:
        self.t += 1
        for i, p in enumerate(self.parameters):
            self.m[i] = 0.9 * self.m[i] + 0.1 * p.grad
            self.v[i] = 0.999 * self.v[i] + 0.001 * p.grad**2
            p.data -= 1e-3 * (self.m[i] / (1 - 0.9**self.t)) / ((self.v[i] / (1 - 0.999**self.t)) ** 0.5 + 1e-8)


# -------------------------------------------------------------------- the language model


def language_model(batch: int, bars: Mapping[str, float]) -> Case:
    """The GPT of demo 9 on 8 tokens, with a vocabulary of 27."""
    demo = _demo("09_microgpt", until="A few steps")
    model = demo.GPT(27, length=8)
    tokens = np.random.default_rng(0).integers(0, 27, (batch, 9))
    weights = gpt_weights(model)
    programs = compile(lambda tokens: demo.loss_of(model, tokens), parameters=model.parameters())
    trainer = Trainer(programs, nn.Adam(model.parameters()))
    by_hand = handwritten.GPT(weights)
    steps: dict[str, Step] = {OURS: lambda: trainer.step(tokens), BY_HAND: lambda: by_hand.step(tokens)}
    if importlib.util.find_spec("torch"):
        steps["PyTorch, 32 bits"] = torch_gpt(weights, tokens)
    eager = demo.GPT(27, length=8)
    optimizer = nn.Adam(eager.parameters())

    def eager_step() -> float:
        loss = demo.loss_of(eager, [Value(float(token)) for token in tokens[0]])
        eager.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.data)

    steps["micrograd_plus, not compiled"] = eager_step
    steps["microgpt's way"] = microgpt_step(weights, tokens[0])
    slow = ["micrograd_plus, not compiled", "microgpt's way"] if batch > 1 else []
    return Case(f"GPT, batch {batch}", steps, batch, dict.fromkeys(slow, batch), bars)


def gpt_weights(model: Any) -> dict[str, Any]:
    """The weights of demo 9's GPT as tables with a row for each output."""

    def table(rows: Any) -> Any:
        return np.array([[weight.data for weight in row] for row in rows])

    block = model.blocks[0]
    tables = {
        name: table(neuron.weights for neuron in getattr(block, name).neurons) for name in handwritten.GPT.names[2:8]
    }
    return {
        "characters": table(model.characters.weights), "positions": table(model.positions.weights), **tables,
        "scores": table(neuron.weights for neuron in model.scores.neurons),
    }  # fmt: skip


def torch_gpt(weights: dict[str, Any], tokens: Any) -> Step:
    import torch
    from torch.nn.functional import cross_entropy, embedding, linear

    torch.set_num_threads(1)
    w = {name: torch.tensor(each, dtype=torch.float32, requires_grad=True) for name, each in weights.items()}
    optimizer = torch.optim.Adam(w.values())
    given = torch.tensor(tokens)
    batch, length, heads = len(tokens), tokens.shape[1] - 1, 4
    mask = torch.triu(torch.full((length, length), float("-inf")), 1)

    def norm(x: Any) -> Any:
        return x * ((x * x).mean(-1, keepdim=True) + 1e-5) ** -0.5

    def step() -> float:
        x = norm(embedding(given[:, :-1], w["characters"]) + w["positions"][:length])
        n = norm(x)
        q, k, v = (
            linear(n, w[name]).view(batch, length, heads, -1).transpose(1, 2) for name in ("query", "key", "value")
        )
        att = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + mask).softmax(-1)
        x = x + linear((att @ v).transpose(1, 2).reshape(batch, length, -1), w["out"])
        x = x + linear(linear(norm(x), w["up"]).relu() ** 2, w["down"])
        loss = cross_entropy(linear(x, w["scores"]).view(batch * length, -1), given[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


class Scalar:
    """A scalar as microgpt's are: operands and local derivatives on the node, a sweep that knows no operation."""

    __slots__ = ("children", "data", "grad", "local")

    def __init__(self, data: float, children: tuple[Any, ...] = (), local: tuple[float, ...] = ()) -> None:
        self.data, self.grad, self.children, self.local = data, 0.0, children, local

    def __add__(self, other: Any) -> Scalar:
        other = other if isinstance(other, Scalar) else Scalar(other)
        return Scalar(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Scalar:
        other = other if isinstance(other, Scalar) else Scalar(other)
        return Scalar(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, k: float) -> Scalar:
        return Scalar(self.data**k, (self,), (k * self.data ** (k - 1),))

    def exp(self) -> Scalar:
        out = np.exp(self.data).item()
        return Scalar(out, (self,), (out,))

    def log(self) -> Scalar:
        return Scalar(np.log(self.data).item(), (self,), (1 / self.data,))

    def relu(self) -> Scalar:
        return Scalar(max(self.data, 0.0), (self,), (float(self.data > 0),))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Scalar:
        return self * (other**-1)

    def backward(self) -> None:
        order: list[Scalar] = []
        seen: set[Scalar] = set()

        def visit(node: Scalar) -> None:
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node.children, node.local):
                child.grad += local * node.grad


def microgpt_step(weights: dict[str, Any], tokens: Any) -> Step:
    """One example through the same model, on plain scalars, with its losses summed up as microgpt does."""
    sys.setrecursionlimit(100_000)
    w = {name: [[Scalar(float(each)) for each in row] for row in table] for name, table in weights.items()}
    parameters = [each for table in w.values() for row in table for each in row]
    adam = ScalarAdam(parameters)

    def linear(x: list[Scalar], table: list[list[Scalar]]) -> list[Scalar]:
        return [sum(a * b for a, b in zip(row, x)) for row in table]  # type: ignore[misc]

    def norm(x: list[Scalar]) -> list[Scalar]:
        scale = (sum(a * a for a in x) * (1 / len(x)) + 1e-5) ** -0.5
        return [a * scale for a in x]

    def softmax(x: list[Scalar]) -> list[Scalar]:
        most = max(each.data for each in x)
        exps = [(each + -most).exp() for each in x]
        total = sum(exps)
        return [each / total for each in exps]

    def step() -> float:
        keys: list[list[Scalar]] = []
        values: list[list[Scalar]] = []
        losses = []
        for t, (token, after) in enumerate(pairwise(tokens)):
            x = norm([a + b for a, b in zip(w["characters"][token], w["positions"][t])])
            n = norm(x)
            query = linear(n, w["query"])
            keys.append(linear(n, w["key"]))
            values.append(linear(n, w["value"]))
            out = []
            for start in range(0, len(x), 4):
                head = range(start, start + 4)
                att = softmax([sum(query[i] * key[i] for i in head) * 0.5 for key in keys])  # type: ignore[misc]
                out += [sum(a * value[i] for a, value in zip(att, values)) for i in head]
            x = [a + b for a, b in zip(linear(out, w["out"]), x)]  # type: ignore[arg-type]
            up = [each.relu() ** 2 for each in linear(norm(x), w["up"])]
            x = [a + b for a, b in zip(linear(up, w["down"]), x)]
            losses.append(softmax(linear(x, w["scores"]))[after].log() * -1)
        loss = sum(losses) * (1 / len(losses))
        for each in parameters:
            each.grad = 0.0
        loss.backward()
        adam.step()
        return float(loss.data)

    return step


def _demo(name: str, until: str) -> SimpleNamespace:
    """What a demo defines above a heading, without what it goes on to do with it."""
    folder = Path(__file__).parents[2] / "demos"
    source = (folder / f"{name}.py").read_text(encoding="utf-8").split(f"# ## {until}")[0]
    names: dict[str, Any] = {"__name__": name}
    sys.path.insert(0, str(folder))
    try:
        with redirect_stdout(StringIO()):
            exec(builtins.compile(source, name, "exec"), names)
    finally:
        sys.path.remove(str(folder))
    return SimpleNamespace(**names)


# -------------------------------------------------------------------- the table


def cases() -> list[Callable[[float], Result]]:
    """All cases, each made when it is its turn; each takes the seconds that it may be timed for."""
    return [lambda seconds, make=make: make().result(seconds) for make in models()]  # type: ignore[misc]


def models() -> list[Callable[[], Case]]:
    """What is trained, each with its ways."""
    rng = np.random.default_rng(0)
    points, written = moons(100), digits()
    pixels = rng.uniform(0, 1, (128, 784))
    classes = rng.integers(0, 10, 128)
    x = np.array(written.inputs[:32]) / 16
    signs = np.array(points.targets) * 2.0 - 1.0
    by_hand, mnist = {BY_HAND: 0.8}, {BY_HAND: 0.8, "PyTorch, 32 bits": 1.3}
    return [
        lambda: perceptron("moons, MLP 2-16-16-1, 100 points", [2, 16, 16, 1], np.array(points.inputs), signs,
                           {BY_HAND: 0.8, "PyTorch, 32 bits": 5, "micrograd": 10_000}),
        lambda: perceptron("digits, MLP 64-32-10, batch 32", [64, 32, 10], x, np.array(written.targets[:32]), by_hand),
        lambda: perceptron("MNIST shape, MLP 784-64-10, batch 32", [784, 64, 10], pixels[:32], classes[:32], mnist),
        lambda: perceptron("MNIST shape, MLP 784-64-10, batch 128", [784, 64, 10], pixels, classes, mnist,
                           micrograd=False),
        lambda: language_model(1, {BY_HAND: 0.8, "microgpt's way": 200}),
        lambda: language_model(32, {BY_HAND: 0.8, "microgpt's way": 2000}),
    ]  # fmt: skip
