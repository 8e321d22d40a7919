"""What each engine does with things that learners run into: every cell of the table is the outcome of running it.

    python -m tests.benchmarks.peers

A cell is `yes` if the right answer (or, for a mistake, an error) came back, and `no` for a crash or a wrong number.
"""

from __future__ import annotations

import copy
import importlib
import math
import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

DEPTH = 100_000

Engine = Any  # micrograd_plus, micrograd or torch, behind the few functions of an adapter below


class Plus:
    """micrograd_plus."""

    name = "micrograd_plus"

    def __init__(self) -> None:
        import micrograd_plus
        from micrograd_plus import nn

        self.engine, self.nn = micrograd_plus, nn

    def leaf(self, data: float) -> Any:
        return self.engine.Value(data)

    def grad(self, leaf: Any) -> float:
        return float(leaf.grad)

    def clear(self, leaf: Any) -> None:
        leaf.zero_grad()

    def backward_again(self, output: Any) -> None:
        output.backward()
        output.backward()

    def second_derivative(self, output: Any, leaf: Any) -> float:
        first = self.engine.gradients(output, leaf)
        return float(self.engine.gradients(first, leaf).data)

    def mlp(self, widths: list[int]) -> Any:
        return self.nn.MLP(2, widths)

    def row(self, numbers: list[float]) -> Any:
        return numbers


class Micrograd:
    """micrograd as it is on PyPI."""

    name = "micrograd"

    def __init__(self) -> None:
        self.leaf = importlib.import_module("micrograd.engine").Value
        self.nn = importlib.import_module("micrograd.nn")

    def grad(self, leaf: Any) -> float:
        return float(leaf.grad)

    def clear(self, leaf: Any) -> None:
        leaf.grad = 0

    def backward_again(self, output: Any) -> None:
        output.backward()
        output.backward()

    def second_derivative(self, output: Any, leaf: Any) -> float:
        raise NotImplementedError

    def mlp(self, widths: list[int]) -> Any:
        return self.nn.MLP(2, widths)

    def row(self, numbers: list[float]) -> Any:
        return numbers


class Torch:
    """PyTorch, on scalar tensors."""

    name = "PyTorch"

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")

    def leaf(self, data: float) -> Any:
        return self.torch.tensor(data, dtype=self.torch.float64, requires_grad=True)

    def grad(self, leaf: Any) -> float:
        return float(leaf.grad)

    def clear(self, leaf: Any) -> None:
        leaf.grad = None

    def backward_again(self, output: Any) -> None:
        output.backward(retain_graph=True)
        output.backward()

    def second_derivative(self, output: Any, leaf: Any) -> float:
        (first,) = self.torch.autograd.grad(output, leaf, create_graph=True)
        (second,) = self.torch.autograd.grad(first, leaf)
        return float(second)

    def mlp(self, widths: list[int]) -> Any:
        sizes = [2, *widths]
        return self.torch.nn.Sequential(*(self.torch.nn.Linear(a, b) for a, b in pairwise(sizes)))

    def row(self, numbers: list[float]) -> Any:
        return self.torch.tensor(numbers)


def deep(engine: Engine) -> bool:
    x = y = engine.leaf(1.0)
    for _ in range(DEPTH):
        y = y + x
    y.backward()
    return engine.grad(x) == DEPTH + 1


def again(engine: Engine) -> bool:
    a = engine.leaf(3.0)
    square = a * a
    engine.backward_again(square * square)  # 4 * 27 = 108, twice
    return engine.grad(a) == 216


def power(engine: Engine) -> bool:
    a, b = engine.leaf(2.0), engine.leaf(3.0)
    (a**b + 2**b).backward()
    return math.isclose(engine.grad(a), 12) and math.isclose(engine.grad(b), 16 * math.log(2))


def functions(engine: Engine) -> bool:
    a = engine.leaf(-1000.0)
    (a.sigmoid() + a.exp() + (a * a).log() + a.tanh()).backward()
    return math.isclose(engine.grad(a), -0.002)


def wrong_width(engine: Engine) -> bool:
    model, row = engine.mlp([4, 1]), engine.row([1.0])
    try:
        model(row)
    except Exception:
        return True
    return False


def narrow_layer(engine: Engine) -> bool:
    engine.mlp([4, 1, 1])(engine.row([1.0, 2.0])).backward()
    return True


def higher_order(engine: Engine) -> bool:
    a = engine.leaf(2.0)
    return engine.second_derivative(a * a * a, a) == 12.0


def copied(engine: Engine) -> bool:
    for duplicate in (copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))):
        a = engine.leaf(3.0)
        leaf, output = duplicate((a, a * a * a))
        output.backward()
        if engine.grad(leaf) != 27.0:
            return False
    return True


CLAIMS: dict[str, Callable[[Engine], bool]] = {
    f"a graph {DEPTH:,} operations deep": deep,
    "right gradients from a second `backward()`": again,
    "`v ** w` and `2 ** v`": power,
    "`exp`, `log`, `tanh`, `sigmoid`, none overflowing": functions,
    "a row of the wrong width is an error": wrong_width,
    "a one-neuron layer in the middle of a network": narrow_layer,
    "derivatives of derivatives": higher_order,
    "a graph can be copied and pickled": copied,
}

ENGINES = (Plus, Micrograd, Torch)


def outcome(claim: Callable[[Engine], bool], engine: Engine) -> bool:
    """Returns whether the engine does it: a crash, deep recursion among them, is a no."""
    try:
        return claim(engine)
    except Exception:
        return False


def table() -> str:
    """Returns the table in Markdown."""
    engines = [engine() for engine in ENGINES]
    lines = [f"| | {' | '.join(engine.name for engine in engines)} |", "|---|" + "---|" * len(engines)]
    for name, claim in CLAIMS.items():
        cells = ["yes" if outcome(claim, engine) else "no" for engine in engines]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
