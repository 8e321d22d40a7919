"""What PyTorch computes for the rows of the table at the points where conventions matter: kinks, edges, extremes.

`python -m tests.peer` records it in recorded.json, which the tests read where there is no PyTorch.
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded.json")

ONE = [[x] for x in (-1000.0, -30.0, -2.5, -1.0, -0.5, -1e-9, 0.0, 1e-9, 0.3, 0.7, 1.0, 2.5, 30.0, 1000.0)]
TWO = [list(pair) for pair in itertools.product((-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0), repeat=2)]
LOGITS = [list(pair) for pair in itertools.product((-800.0, -2.0, 0.0, 0.7, 800.0), (0.0, 0.3, 1.0))]
PROBABILITIES = [list(pair) for pair in itertools.product((0.01, 0.2, 0.99), (0.0, 0.3, 1.0))]
LISTS = [[[0.5, -2.0, 3.0]], [[1000.0, 1000.0, -1000.0]], [[-5.0]], [[2.0, 2.0, 1.0, 2.0]]]
PAIRS = [[[0.5, -2.0, 3.0], [1.5, 0.0, -0.25]], [[4.0], [-5.0]]]

Case = tuple[str, tuple[float, ...], str, dict[str, Any], list[list[Any]]]

CASES: dict[str, Case] = {
    "add": ("add", (), "add", {}, TWO),
    "sub": ("sub", (), "sub", {}, TWO),
    "mul": ("mul", (), "mul", {}, TWO),
    "div": ("div", (), "div", {}, TWO),
    "neg": ("neg", (), "neg", {}, ONE),
    "pow": ("pow", (), "pow", {}, TWO),
    "exp": ("exp", (), "exp", {}, ONE),
    "log": ("log", (), "log", {}, ONE),
    "sqrt": ("sqrt", (), "sqrt", {}, ONE),
    "log1p": ("log1p", (), "log1p", {}, ONE),
    "expm1": ("expm1", (), "expm1", {}, ONE),
    "sin": ("sin", (), "sin", {}, ONE),
    "cos": ("cos", (), "cos", {}, ONE),
    "tanh": ("tanh", (), "tanh", {}, ONE),
    "erf": ("erf", (), "erf", {}, ONE),
    "sign": ("sign", (), "sign", {}, ONE),
    "abs": ("abs", (), "abs", {}, ONE),
    "maximum": ("maximum", (), "maximum", {}, TWO),
    "minimum": ("minimum", (), "minimum", {}, TWO),
    "sigmoid": ("sigmoid", (), "sigmoid", {}, ONE),
    "relu": ("relu", (), "relu", {}, ONE),
    "softplus": ("softplus", (), "nn.functional.softplus", {"threshold": 1e4}, ONE[1:-1]),
    "silu": ("silu", (), "nn.functional.silu", {}, ONE),
    "gelu": ("gelu", (), "nn.functional.gelu", {}, ONE),
    "gelu, tanh": ("gelu_tanh", (), "nn.functional.gelu", {"approximate": "tanh"}, ONE),
    "leaky_relu": ("leaky_relu", (0.01,), "nn.functional.leaky_relu", {}, ONE),
    "leaky_relu, slope": ("leaky_relu", (0.2,), "nn.functional.leaky_relu", {"negative_slope": 0.2}, ONE),
    "elu": ("elu", (1.0,), "nn.functional.elu", {}, ONE),
    "elu, alpha": ("elu", (0.5,), "nn.functional.elu", {"alpha": 0.5}, ONE),
    "clamp": ("clamp", (-1.0, 0.7), "clamp", {"min": -1.0, "max": 0.7}, ONE),
    "clamp, below": ("clamp", (-1.0, math.inf), "clamp", {"min": -1.0}, ONE),
    "clamp, above": ("clamp", (-math.inf, 0.7), "clamp", {"max": 0.7}, ONE),
    **{
        f"power {k:g}": ("power", (k,), "pow", {"exponent": k}, ONE)
        for k in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
    },
    **{
        name: (name, (), name, {}, ONE)
        for name in (
            "reciprocal", "rsqrt", "exp2", "log2", "log10", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh",
            "acosh", "atanh", "floor", "ceil", "trunc", "round",
        )
    },
    "hypot": ("hypot", (), "hypot", {}, TWO),
    "atan2": ("atan2", (), "atan2", {}, TWO),
    "softsign": ("softsign", (), "nn.functional.softsign", {}, ONE),
    "hardtanh": ("hardtanh", (), "nn.functional.hardtanh", {}, ONE),
    "total": ("total", (), "sum", {}, LISTS),
    "dot": ("dot", (), "dot", {}, PAIRS),
    "logsumexp": ("logsumexp", (), "logsumexp", {"dim": 0}, LISTS),
    "bce": ("binary_cross_entropy", (), "nn.functional.binary_cross_entropy", {}, PROBABILITIES),
    "bce with logits": (
        "binary_cross_entropy_with_logits", (), "nn.functional.binary_cross_entropy_with_logits", {}, LOGITS,
    ),
}  # fmt: skip
"""Name -> the row, its constants, PyTorch's function and its options, the points."""


def outcomes(case: str) -> list[Any]:
    """PyTorch's value and gradients at each point, or None where its value is infinite or nan."""
    import torch

    _, _, path, options, points = CASES[case]
    function: Any = torch
    for name in path.split("."):
        function = getattr(function, name)
    found: list[Any] = []
    for point in points:
        operands = [torch.tensor(operand, dtype=torch.float64, requires_grad=True) for operand in point]
        value = function(*operands, **options)
        if not math.isfinite(value.item()):
            found.append(None)
            continue
        value.backward()
        grads = [operand.grad if operand.grad is not None else torch.zeros_like(operand) for operand in operands]
        found.append([value.item(), [each for grad in grads for each in grad.reshape(-1).tolist()]])
    return found


def recordings() -> dict[str, Any]:
    """All that is in recorded.json."""
    import torch

    return {"torch": torch.__version__, **{case: outcomes(case) for case in CASES}}


def write() -> None:
    """Writes recorded.json, with a line for each case."""
    lines = ",\n".join(f" {json.dumps(case)}: {json.dumps(found)}" for case, found in recordings().items())
    RECORDED.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    write()
