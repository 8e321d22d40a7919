"""How fast programs in C train, beside C written by hand, the NumPy backend, PyTorch and the ways of the scalar peers.

    python -m tests.benchmarks native

A figure is an iteration: forward, backward and Adam on one batch, as many in a call as an epoch has, on one thread. The
program in 64 bits is the one that the bars are about, unless the case says 32.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.report import OURS, Result
from tests.benchmarks.timing import race, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402

from micrograd_plus import compile, nn  # noqa: E402
from micrograd_plus.compiler.native import NativeProgram  # noqa: E402
from micrograd_plus.compiler.toolchain import FLAGS, find_compiler  # noqa: E402
from micrograd_plus.data import digits, moons  # noqa: E402
from micrograd_plus.train.native_state import NativeState  # noqa: E402
from micrograd_plus.train.trainer import Trainer  # noqa: E402
from tests.benchmarks import bench_compiler as others  # noqa: E402

BY_HAND = "C by hand"
ROUNDS = 200
"""So many iterations a call has, where a case says no more."""

AN_EPOCH = 1797
"""The iterations of an epoch of the digits, one by one."""

Step = Callable[[], Any]


def in_c(function: Any, model: Any, batch: tuple[Any, ...], dtype: str, count: int = ROUNDS) -> Step:
    """So many iterations of a program in C."""
    example = [each[0] for each in batch]
    parameters = model.parameters()
    program: Any = compile(function, parameters=parameters, example=example, backend="c", dtype=dtype)
    assert isinstance(program, NativeProgram)
    state = NativeState(nn.Adam(parameters))
    size = len(batch[0])
    table, order = program.table(program.columns(batch)), np.tile(np.arange(size), count)

    def rounds() -> None:
        losses: list[float] = []
        with program.running:
            state.epoch(program, table, order, size, losses)

    return rounds


def in_numpy(function: Any, model: Any, batch: tuple[Any, ...]) -> Step:
    """An iteration of the NumPy backend."""
    example = [each[0] for each in batch]
    trainer = Trainer(compile(function, parameters=model.parameters(), example=example), nn.Adam(model.parameters()))
    return lambda: trainer.step(*batch)


def by_hand(widths: list[int], weights: list[Any], x: Any, y: Any, count: int = ROUNDS) -> Step:
    """So many steps of `handwritten.c`, compiled with the flags that programs are compiled with."""
    sizes = {"BATCH": len(x), "INPUTS": widths[0], "HIDDEN": widths[1], "LAYERS": len(widths) - 2}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "handwritten.so"
        source = Path(__file__).with_name("handwritten.c")
        defined = [f"-D{name}={size}" for name, size in {**sizes, "OUTPUTS": widths[-1]}.items()]
        run = [*find_compiler(), *FLAGS, *defined, str(source), "-o", str(made), "-lm"]
        subprocess.run(run, check=True)
        steps = ctypes.CDLL(str(made)).steps
    steps.restype = ctypes.c_double
    parts = [part for w, b in zip(weights[::2], weights[1::2]) for part in (w.T.ravel(), b)]
    w = np.ascontiguousarray(np.concatenate(parts))
    held = [np.ascontiguousarray(x, float), np.ascontiguousarray(y, float), w, np.zeros_like(w), np.zeros_like(w)]
    pointers = [ctypes.c_void_p(each.ctypes.data) for each in held]
    done = [1]

    def rounds() -> float:
        done[0] += count
        return float(steps(count, done[0], *pointers) + 0 * len(held))

    return rounds


@dataclass
class Case:
    """A model, a batch, and the ways to train it; `several` are those that do `count` iterations in a call."""

    name: str
    steps: dict[str, Step]
    several: set[str]
    bars: Mapping[str, float]
    batch: int = 1
    scaled: Mapping[str, int] | None = None
    count: int = ROUNDS

    def result(self, seconds: float) -> Result:
        """What an iteration takes, way by way."""
        times = race(self.steps, seconds)
        figures = {name: time / (self.count if name in self.several else 1) for name, time in times.items()}
        for name, factor in (self.scaled or {}).items():
            figures[name] *= factor
        return Result(self.name, figures, bars=self.bars)


def perceptron(
    name: str, widths: list[int], x: Any, y: Any, bars: Mapping[str, float], dtype: str = "float64",
    count: int = ROUNDS,
) -> Case:  # fmt: skip
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

    def function(row: Any, target: Any) -> Any:
        return loss(model(row), target)

    steps = {OURS: in_c(function, model, (x, y), dtype, count), "numpy": in_numpy(function, model, (x, y))}
    if dtype == "float64":
        steps[BY_HAND] = by_hand(widths, weights, x, y, count)
    if importlib.util.find_spec("torch"):
        steps["PyTorch, 32 bits"] = others.torch_perceptron(weights, x, y, hinge, 32)
    scaled = {}
    if "micrograd" in bars and importlib.util.find_spec("micrograd"):
        steps["micrograd"] = others.micrograd_perceptron(widths, weights, x, y, hinge)
    return Case(name, steps, {OURS, BY_HAND}, bars, len(x), scaled, count)


def language_model(batch: int, bars: Mapping[str, float], dtype: str = "float64", length: int = 8) -> Case:
    """The GPT of demo 9 on so many tokens, with a vocabulary of 27; with 16 it has microgpt's own size."""
    demo = others._demo("09_microgpt", until="A few steps")
    model = demo.GPT(27, length=length)
    tokens = np.random.default_rng(0).integers(0, 27, (batch, length + 1))
    weights = others.gpt_weights(model)
    function = lambda tokens: demo.loss_of(model, tokens)  # noqa: E731
    steps = {OURS: in_c(function, model, (tokens,), dtype), "numpy": in_numpy(function, model, (tokens,))}
    if importlib.util.find_spec("torch"):
        steps["PyTorch, 32 bits"] = others.torch_gpt(weights, tokens)
    steps["microgpt's way"] = others.microgpt_step(weights, tokens[0])
    return Case(f"GPT, {length} tokens, batch {batch}, {dtype}", steps, {OURS}, bars, batch, {"microgpt's way": batch})


def cases() -> list[Callable[[float], Result]]:
    """All cases, each made when it is its turn; each takes the seconds that it may be timed for."""
    return [lambda seconds, make=make: make().result(seconds) for make in models()]  # type: ignore[misc]


def models() -> list[Callable[[], Case]]:
    """What is trained, each with its ways."""
    rng = np.random.default_rng(0)
    points, written = moons(100), digits()
    pixels, classes = rng.uniform(0, 1, (128, 784)), rng.integers(0, 10, 128)
    x, y = np.array(written.inputs[:32]) / 16, np.array(written.targets[:32])
    signs = np.array(points.targets) * 2.0 - 1.0
    shape = [784, 64, 10]
    return [
        lambda: perceptron("moons, MLP 2-16-16-1, 100 points", [2, 16, 16, 1], np.array(points.inputs), signs,
                           {BY_HAND: 1, "numpy": 8, "micrograd": 400_000}),
        lambda: perceptron("digits, MLP 64-32-10, batch 32", [64, 32, 10], x, y, {BY_HAND: 1, "numpy": 6}),
        lambda: perceptron("digits, MLP 64-32-10, batch 1", [64, 32, 10], x[:1], y[:1], {"numpy": 30},
                           count=AN_EPOCH),
        lambda: perceptron("MNIST shape, batch 32", shape, pixels[:32], classes[:32], {"PyTorch, 32 bits": 2.5}),
        lambda: perceptron("MNIST shape, batch 128", shape, pixels, classes, {"PyTorch, 32 bits": 1.7}),
        lambda: perceptron("MNIST shape, batch 32, float32", shape, pixels[:32], classes[:32],
                           {"PyTorch, 32 bits": 5}, "float32"),
        lambda: perceptron("MNIST shape, batch 128, float32", shape, pixels, classes, {"PyTorch, 32 bits": 2.5},
                           "float32"),
        lambda: language_model(1, {"numpy": 10, "microgpt's way": 30_000}),
        lambda: language_model(32, {"numpy": 2.5, "microgpt's way": 80_000}),
        lambda: language_model(16, {"microgpt's way": 40_000}, length=16),
        lambda: language_model(16, {"microgpt's way": 80_000}, "float32", length=16),
    ]  # fmt: skip
