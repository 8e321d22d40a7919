"""What PyTorch computes for the cases that the tests of nn compare with.

`python -m tests.nn.peer` records it in recorded.json, which the tests read where there is no PyTorch.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded.json")
STEPS = 100
KEPT = (1, 2, 3, 5, 10, 20, 50, STEPS)

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.05}),
    "sgd, defaults": ("SGD", {}),
    "sgd, weight decay": ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    "sgd, momentum": ("SGD", {"lr": 0.02, "momentum": 0.9}),
    "sgd, dampening": ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3}),
    "sgd, nesterov": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "sgd, all": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    "rmsprop, defaults": ("RMSprop", {}),
    "rmsprop": ("RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-3}),
    "rmsprop, momentum": ("RMSprop", {"lr": 0.005, "momentum": 0.9}),
    "rmsprop, centered": ("RMSprop", {"lr": 0.01, "centered": True}),
    "rmsprop, all": ("RMSprop", {"lr": 0.005, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    "adagrad, defaults": ("Adagrad", {}),
    "adagrad": ("Adagrad", {"lr": 0.3, "eps": 1e-6, "weight_decay": 0.05}),
    "adam, defaults": ("Adam", {}),
    "adam": ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-4}),
    "adam, weight decay": ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    "adamw, defaults": ("AdamW", {}),
    "adamw": ("AdamW", {"lr": 0.05, "weight_decay": 0.2, "betas": (0.7, 0.9), "eps": 1e-3}),
    "adamw, no decay": ("AdamW", {"lr": 0.05, "weight_decay": 0.0}),
}
"""Name -> the class, which has one name in both libraries, and its options, which have too."""

STARTS = [1.5, -0.7, 0.3, 4.0]

LOSSES: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "mse": ("mse_loss", {}, [0.5, -2.0, 3.0], [1.0, -1.5, 3.0]),
    "mse, rows": ("mse_loss", {}, [[0.5, -2.0], [3.0, 1.0]], [[1.0, -1.5], [3.0, 0.0]]),
    "l1": ("l1_loss", {}, [0.5, -2.0, 3.0], [1.0, -1.5, 3.0]),
    "huber": ("huber_loss", {}, [0.5, -2.0, 3.0, 1.0, 0.0], [1.0, 1.5, 3.0, 0.0, 1.5]),
    "huber, delta": ("huber_loss", {"delta": 2.5}, [0.5, -2.0, 3.0, -3.5], [1.0, 1.5, 0.5, 1.0]),
    "bce": ("binary_cross_entropy", {}, [0.3, 0.9, 0.5, 0.25, 1e-20], [0.0, 1.0, 0.4, 1.0, 0.0]),
    "bce, edges": ("binary_cross_entropy", {}, [0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0, 0.3]),
    "bce with logits": (
        "binary_cross_entropy_with_logits", {},
        [0.3, -2.0, 800.0, -800.0, 40.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.2],
    ),
    "cross entropy": ("cross_entropy", {}, [0.3, -2.0, 1.0], 2),
    "cross entropy, rows": ("cross_entropy", {}, [[0.3, -2.0, 1.0], [900.0, 0.0, -900.0]], [2, 1]),
    "cross entropy, smoothing": (
        "cross_entropy", {"label_smoothing": 0.1}, [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0]], [0, 1]
    ),
    "cross entropy, probabilities": (
        "cross_entropy", {}, [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0]], [[0.2, 0.5, 0.3], [0.0, 0.0, 1.0]],
    ),
    "cross entropy, smoothed probabilities": (
        "cross_entropy", {"label_smoothing": 0.3},
        [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0]], [[0.2, 0.5, 0.3], [0.0, 0.0, 1.0]],
    ),
    "nll": ("nll_loss", {}, [[-0.3, -2.0, -1.0], [-5.0, -0.1, -1.0]], [0, 1]),
    "mse, weights": ("mse_loss", {"weight": [1.0, 0.0, 2.5]}, [0.5, -2.0, 3.0], [1.0, -1.5, 2.0]),
    "mse, weights of rows": (
        "mse_loss", {"weight": [[1.0, 2.0], [0.5, 0.0]]}, [[0.5, -2.0], [3.0, 1.0]], [[1.0, -1.5], [3.5, 0.0]]
    ),
    "l1, weights": ("l1_loss", {"weight": [1.0, 0.5, 2.0]}, [0.5, -2.0, 3.0], [1.0, -1.5, 2.0]),
    "huber, weights": ("huber_loss", {"weight": [1.0, 0.5, 2.0]}, [0.5, -2.0, 3.0], [1.0, 1.5, 2.5]),
    "bce, weights": ("binary_cross_entropy", {"weight": [2.0, 0.5, 0.0]}, [0.3, 0.9, 0.5], [0.0, 1.0, 0.4]),
    "bce with logits, weights": (
        "binary_cross_entropy_with_logits", {"weight": [2.0, 0.5, 0.0]}, [0.3, -2.0, 4.0], [0.0, 1.0, 0.4]
    ),
    "bce with logits, positive weight": (
        "binary_cross_entropy_with_logits", {"pos_weight": 3.0},
        [0.3, -2.0, 40.0, -800.0, 0.5], [0.0, 1.0, 0.4, 1.0, 1.0],
    ),
    "bce with logits, all weights": (
        "binary_cross_entropy_with_logits", {"pos_weight": [3.0, 0.25], "weight": [[1.0, 2.0], [0.5, 3.0]]},
        [[0.3, -2.0], [4.0, -0.7]], [[0.0, 1.0], [1.0, 0.4]],
    ),
    "cross entropy, weights": (
        "cross_entropy", {"weight": [0.5, 3.0, 1.0]}, [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0], [0.0, 0.1, 0.2]], [0, 1, 1]
    ),
    "cross entropy, weights and smoothing": (
        "cross_entropy", {"weight": [0.5, 3.0, 0.0], "label_smoothing": 0.2},
        [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0]], [2, 1],
    ),
    "cross entropy, weights and probabilities": (
        "cross_entropy", {"weight": [0.5, 3.0, 1.0], "label_smoothing": 0.2},
        [[0.3, -2.0, 1.0], [5.0, 0.0, -1.0]], [[0.2, 0.5, 0.3], [0.0, 0.0, 1.0]],
    ),
    "nll, weights": ("nll_loss", {"weight": [0.5, 3.0, 1.0]}, [[-0.3, -2.0, -1.0], [-5.0, -0.1, -1.0]], [0, 1]),
}  # fmt: skip
"""Name -> the function, its options, predictions and targets."""

SCHEDULES: dict[str, tuple[str, dict[str, Any], float, str, dict[str, Any]]] = {
    "step": ("StepDecay", {"every": 30, "gamma": 0.5}, 0.1, "StepLR", {"step_size": 30, "gamma": 0.5}),
    "exponential": ("StepDecay", {"gamma": 0.97}, 0.1, "ExponentialLR", {"gamma": 0.97}),
    "cosine": ("Cosine", {"steps": 100}, 0.1, "CosineAnnealingLR", {"T_max": 100}),
    "cosine, minimum": (
        "Cosine", {"steps": 120, "minimum": 0.01}, 0.1, "CosineAnnealingLR", {"T_max": 120, "eta_min": 0.01},
    ),
    "warm-up": ("LinearWarmup", {"steps": 20}, 0.1, "LinearLR", {"total_iters": 20}),
    "warm-up, start": (
        "LinearWarmup", {"steps": 7, "start": 0.01}, 0.1, "LinearLR", {"total_iters": 7, "start_factor": 0.01},
    ),
    "one-cycle": ("OneCycle", {"steps": 100}, 0.1, "OneCycleLR", {"max_lr": 0.1, "total_steps": 100}),
    "one-cycle, rise": (
        "OneCycle", {"steps": 110, "rise": 0.45, "div": 10, "final_div": 50.0}, 0.1, "OneCycleLR",
        {"max_lr": 0.1, "total_steps": 110, "pct_start": 0.45, "div_factor": 10, "final_div_factor": 50.0},
    ),
}  # fmt: skip
"""Name -> our class and options, the rate, PyTorch's class and options."""


def bowl(w: Any, sin: Callable[[Any], Any]) -> Any:
    """A bumpy valley over four weights, written so that floats' Values and tensors run it alike."""
    return (
        1.5 * (w[0] - 1.0) ** 2 + 0.2 * (w[1] + 2.0) ** 2 + 0.6 * w[2] ** 2 + 0.05 * (w[3] - 1.0) ** 4
        + 0.4 * sin(3.0 * w[0] + w[2]) + 0.3 * w[0] * w[1] + 0.1 * w[2] * w[3]
    )  # fmt: skip


def trajectory(case: str) -> list[list[float]]:
    """PyTorch's weights after each step."""
    import torch

    kind, options = OPTIMIZERS[case]
    return _run(getattr(torch.optim, kind), options)[0]


def scheduled(case: str) -> tuple[list[list[float]], list[float]]:
    """The weights after each step of Adam under PyTorch's schedule, and the rate of each step."""
    import torch

    _, _, rate, kind, options = SCHEDULES[case]
    if kind == "OneCycleLR":
        options = {**options, "cycle_momentum": False}
    return _run(torch.optim.Adam, {"lr": rate}, getattr(torch.optim.lr_scheduler, kind), options)


def _run(optimizer: Any, options: Any, scheduler: Any = None, how: Any = None) -> tuple[list[list[float]], list[float]]:
    import torch

    weights = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in STARTS]
    optimizer = optimizer(weights, **options)
    schedule = scheduler(optimizer, **how) if scheduler else None
    path, rates = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        bowl(weights, torch.sin).backward()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
        path.append([weight.item() for weight in weights])
    return path, rates


def loss(case: str) -> tuple[float, list[float]]:
    """PyTorch's loss, and its gradient by the predictions, flat."""
    import torch

    name, options, predictions, targets = LOSSES[case]
    tensors = {key: torch.tensor(options[key], dtype=torch.float64) for key in options if key.endswith("weight")}
    given = torch.tensor(predictions, dtype=torch.float64, requires_grad=True)
    whole = name in ("cross_entropy", "nll_loss") and not (isinstance(targets, list) and isinstance(targets[0], list))
    result = getattr(torch.nn.functional, name)(
        given, torch.tensor(targets, dtype=torch.long if whole else torch.float64), **{**options, **tensors}
    )
    (gradient,) = torch.autograd.grad(result, [given])
    return result.item(), gradient.flatten().tolist()


def network(widths: list[int], activation: str, state: dict[str, float], rows: list[list[float]]) -> Any:
    """The outputs of PyTorch's network with these weights for `rows`, and the gradient of their sum by each weight."""
    import torch

    functions = {"gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh")}
    activate = functions.get(activation) or getattr(torch.nn.functional, activation, None) or getattr(torch, activation)
    leaves = {name: torch.tensor(number, dtype=torch.float64, requires_grad=True) for name, number in state.items()}
    signals = torch.tensor(rows, dtype=torch.float64)
    for i, (nin, nout) in enumerate(itertools.pairwise(widths)):
        neurons = [f"layers.{i}.neurons.{j}" for j in range(nout)]
        weight = torch.stack([torch.stack([leaves[f"{name}.weights.{k}"] for k in range(nin)]) for name in neurons])
        signals = torch.nn.functional.linear(signals, weight, torch.stack([leaves[f"{name}.bias"] for name in neurons]))
        signals = activate(signals) if i < len(widths) - 2 else signals
    gradients = torch.autograd.grad(signals.sum(), list(leaves.values()))
    return signals.tolist(), {name: gradient.item() for name, gradient in zip(leaves, gradients)}


ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus", "tanh", "sigmoid")
NETWORKS = {activation: ([3, 4, 4, 2], activation) for activation in ACTIVATIONS}


def example(case: str) -> tuple[list[int], str, dict[str, float], list[list[float]]]:
    """The widths, activation, weights and rows of a network, the same in every run."""
    widths, activation = NETWORKS[case]
    rng = random.Random(f"nn {case}")
    state = {}
    for i, (nin, nout) in enumerate(itertools.pairwise(widths)):
        for j in range(nout):
            for name in [*(f"weights.{k}" for k in range(nin)), "bias"]:
                state[f"layers.{i}.neurons.{j}.{name}"] = rng.gauss(0, 1 / math.sqrt(nin))
    return widths, activation, state, [[rng.gauss(0, 1) for _ in range(widths[0])] for _ in range(3)]


GAINS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu")


def recordings() -> dict[str, Any]:
    """All that is in recorded.json."""
    import torch

    gain: Any = torch.nn.init.calculate_gain
    return {
        "torch": torch.__version__,
        "optimizers": {case: [trajectory(case)[t - 1] for t in KEPT] for case in OPTIMIZERS},
        "losses": {case: loss(case) for case in LOSSES},
        "schedules": {case: scheduled(case)[1] for case in SCHEDULES},
        "networks": {case: network(*example(case)) for case in NETWORKS},
        "gains": {name: gain(name) for name in GAINS},
    }


def write() -> None:
    """Writes recorded.json, with a line for each case."""
    parts = []
    for part, found in recordings().items():
        if isinstance(found, dict):
            lines = ",\n".join(f"  {json.dumps(case)}: {json.dumps(numbers)}" for case, numbers in found.items())
            parts.append(f" {json.dumps(part)}: {{\n{lines}\n }}")
        else:
            parts.append(f" {json.dumps(part)}: {json.dumps(found)}")
    RECORDED.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    write()
