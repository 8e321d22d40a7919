"""How fast the engine differentiates, beside micrograd and PyTorch's scalars: one run, medians, one thread each.

    python -m tests.benchmarks engine

The training step is that of micrograd's demo: an MLP 2-16-16-1 on 100 points of two moons, the max-margin loss with an
L2 penalty, forward, backward and update. All do the same arithmetic from the same weights; their losses are compared.

Each takes its turn after the other, and pays for its own garbage: a step ends with a run of the collector. (micrograd's
nodes lie in reference cycles, which would else be collected while another one is being timed.)
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

from micrograd_plus import nn
from micrograd_plus.data import moons
from tests.benchmarks.peers import Engine, Micrograd, Plus, Torch
from tests.benchmarks.report import OURS, Result

RATE, PENALTY = 0.05, 1e-4
WIDTHS = (2, 16, 16, 1)

Step = Callable[[], float]


def cases() -> list[Callable[[float], Result]]:
    """All cases; each takes the seconds that it may be timed for."""
    engines = [Plus(), *(engine() for engine in (Micrograd, Torch) if installed(engine))]
    return [
        lambda seconds: step_in_operators(engines, seconds),
        lambda seconds: step_through_nn(engines, seconds),
        *(partial(a_node, engines, size) for size in SIZES),
        *(partial(memory, engines, size) for size in SIZES),
        lambda seconds: an_import(engines),
    ]


def installed(engine: type[Any]) -> bool:
    """Whether the engine can be used here."""
    try:
        engine()
    except ImportError:
        return False
    return True


# -------------------------------------------------------------------- the training step


def step_in_operators(engines: Sequence[Engine], seconds: float) -> Result:
    """The step, written with plain operators: a neuron is `sum(w * x) + b`."""
    steps = {engine.name: operators(engine) for engine in engines}
    name = "moons, MLP 2-16-16-1, not compiled, in plain operators"
    return Result(name, measured(steps, seconds), bars={"micrograd": 15})


def step_through_nn(engines: Sequence[Engine], seconds: float) -> Result:
    """The step through our layers and through micrograd's."""
    steps = {OURS: layers_of_ours()}
    if any(engine.name == "micrograd" for engine in engines):
        steps["micrograd"] = layers_of_micrograd()
    return Result("moons, MLP 2-16-16-1, not compiled, through nn", measured(steps, seconds), bars={"micrograd": 45})


def measured(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """The median processor time of a step with its garbage, after its losses were compared with the first one's."""
    losses = [[step() for _ in range(3)] for step in steps.values()]
    for name, found in zip(steps, losses):
        if any(abs(a - b) > 1e-6 * abs(b) for a, b in zip(found, losses[0])):
            raise AssertionError(f"{name} has the losses {found}, {OURS} {losses[0]}")
    times: dict[str, list[float]] = {name: [] for name in steps}
    with clean_heap():
        while len(times[OURS]) < 5 or sum(map(sum, times.values())) < seconds:
            for name, step in steps.items():
                times[name].append(processor_time(step))
    return {name: median(found) for name, found in times.items()}


@contextmanager
def clean_heap() -> Iterator[None]:
    """Within it the collector looks at new objects only: what was there before is nobody's garbage."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def processor_time(task: Callable[[], Any]) -> float:
    """Seconds that a task takes, the collection of its garbage among them, whatever else the machine is doing."""
    start = time.process_time()
    task()
    gc.collect()
    return time.process_time() - start


def examples() -> tuple[list[list[float]], list[float]]:
    """The points, and -1 or 1 for each."""
    data: Any = moons(100, seed=1)
    return data.inputs, [2.0 * target - 1.0 for target in data.targets]


def first_weights() -> list[list[list[float]]]:
    """For each layer a row a neuron: its weights and, last, its bias."""
    rng = random.Random(1)
    return [[[rng.uniform(-1, 1) for _ in range(nin + 1)] for _ in range(nout)] for nin, nout in pairwise(WIDTHS)]


def operators(engine: Engine) -> Step:
    """The step over any scalars that know + and *."""
    points, signs = examples()
    layers = [[[engine.leaf(number) for number in row] for row in layer] for layer in first_weights()]
    parameters = [number for layer in layers for row in layer for number in row]

    def score(x: list[Any]) -> Any:
        for layer in layers:
            x = [sum((w * xi for w, xi in zip(row, x)), row[-1]) for row in layer]
            if layer is not layers[-1]:
                x = [each.relu() for each in x]
        return x[0]

    def step() -> float:
        scores = [score([engine.leaf(each) for each in point]) for point in points]
        losses = [(1 + -sign * each).relu() for sign, each in zip(signs, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in parameters)
        for p in parameters:
            engine.clear(p)
        loss.backward()
        for p in parameters:
            p.data -= RATE * engine.grad(p)
        return float(loss.data)

    return step


def layers_of_ours() -> Step:
    """The step through micrograd_plus.nn."""
    points, signs = examples()
    model: Any = nn.MLP(WIDTHS[0], WIDTHS[1:], activation="relu")
    for layer, rows in zip(model.layers, first_weights()):
        for neuron, row in zip(layer.neurons, rows):
            for weight, number in zip([*neuron.weights, neuron.bias], row):
                weight.data = number
    parameters = model.parameters()
    optimizer = nn.SGD(parameters, lr=RATE)

    def step() -> float:
        loss = nn.hinge_loss([model(point) for point in points], signs) + nn.l2_penalty(parameters, PENALTY)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def layers_of_micrograd() -> Step:
    """The step through micrograd.nn, as in its demo."""
    from micrograd.engine import Value as Scalar
    from micrograd.nn import MLP

    points, signs = examples()
    model = MLP(WIDTHS[0], list(WIDTHS[1:]))
    for layer, rows in zip(model.layers, first_weights()):
        for neuron, row in zip(layer.neurons, rows):
            for weight, number in zip([*neuron.w, neuron.b], row):
                weight.data = number

    def step() -> float:
        scores = [model([Scalar(each) for each in point]) for point in points]
        losses = [(1 + -sign * each).relu() for sign, each in zip(signs, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


# -------------------------------------------------------------------- a node

SIZES = (10**3, 10**4, 10**5, 10**6)
MOST_NODES = {"micrograd": 10**5, "PyTorch": 10**5}
"""More of theirs take gigabytes."""


def a_node(engines: Sequence[Engine], size: int, seconds: float) -> Result:
    """Time for a node, forward and backward, in a graph of about `size` nodes, no deeper than micrograd can go."""
    able = [engine for engine in engines if size <= MOST_NODES.get(engine.name, size)]
    turns: list[list[float]] = []
    with clean_heap():
        while len(turns) < 3 or (sum(map(sum, turns)) < seconds and len(turns) < 200):
            turns.append([processor_time(partial(forward_and_backward, engine, size)) for engine in able])
    figures = {engine.name: median(found) / size for engine, found in zip(able, zip(*turns))}
    return Result(f"a node of {size:,}", figures)


def memory(engines: Sequence[Engine], size: int, seconds: float) -> Result:
    """Memory for a node; PyTorch's is not Python's to count."""
    able = [engine for engine in engines if size <= MOST_NODES.get(engine.name, size) and engine.name != "PyTorch"]
    return Result(f"memory of a node of {size:,}", {engine.name: bytes_a_node(engine, size) for engine in able}, "B")


def products(engine: Engine, size: int) -> Any:
    """A sum of products, added up two by two: half of the nodes are products, half are sums."""
    weights = [engine.leaf(0.1 * i) for i in range(10)]
    terms = [weights[i % 10] * weights[i % 7] for i in range(size // 2)]
    while len(terms) > 1:
        rest = terms[len(terms) // 2 * 2 :]
        terms = [a + b for a, b in zip(terms[::2], terms[1::2])] + rest
    return terms[0]


def forward_and_backward(engine: Engine, size: int) -> None:
    """Builds a graph, takes its derivatives, and drops it."""
    products(engine, size).backward()


def bytes_a_node(engine: Engine, size: int) -> float:
    """Memory that a graph takes after backward, over its size; PyTorch's is not Python's to count."""
    gc.collect()
    tracemalloc.start()
    try:
        output = products(engine, size)
        output.backward()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / size
    finally:
        tracemalloc.stop()


# -------------------------------------------------------------------- the import

MODULES = {OURS: "micrograd_plus", "micrograd": "micrograd.engine", "PyTorch": "torch"}


def an_import(engines: Sequence[Engine]) -> Result:
    """Seconds that an import takes in a new interpreter, beyond its start; compiled files are there already."""
    return Result("the import", {engine.name: import_seconds(MODULES[engine.name]) for engine in engines})


def import_seconds(module: str) -> float:
    """The median of some new interpreters; the first one, which compiles, does not count."""
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        runs = [
            subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
            for _ in range(6)
        ]
    return median(float(run.stdout) for run in runs[1:])
