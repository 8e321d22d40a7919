"""Where a model's last activation keeps its loss from falling, as softmax does under cross_entropy, which has its own.

It is read off the graphs of the losses, so that it does not matter how a model was written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from micrograd_plus import operation
from micrograd_plus.value import Value

__all__ = ["REACH", "Ending", "endings"]

REACH = {
    "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "hardtanh": (-1.0, 1.0), "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0), "erf": (-1.0, 1.0), "relu": (0.0, math.inf), "softplus": (0.0, math.inf),
    "exp": (0.0, math.inf), "abs": (0.0, math.inf), "elu": (-1.0, math.inf), "silu": (-0.2785, math.inf),
    "gelu": (-0.17, math.inf), "gelu_tanh": (-0.17, math.inf), "softmax": (0.0, 1.0),
}  # fmt: skip
"""The least and the greatest number that an activation gives, each at its usual constants."""


@dataclass
class Ending:
    """What stands between the last layer and the loss, and the least that each example's loss can be for it."""

    loss: str
    activation: str
    floors: list[float] = field(default_factory=list)


def endings(order: Sequence[Value]) -> Iterator[tuple[str, str, float]]:
    """Yields, for each loss of a prediction in a graph, its name, the activation before it, and the least it can be.

    `order` is topological; the activation is "" for none.

    >>> from micrograd_plus import topological_order
    >>> from micrograd_plus.nn import cross_entropy
    >>> probabilities = Value(0.0).sigmoid(), Value(0.0).sigmoid()
    >>> list(endings(topological_order(cross_entropy(list(probabilities), 1))))
    [('cross_entropy', 'softmax', 0.31326168751822286)]
    """
    for node in order:
        name, children = node.op.name, node.children
        if name in ("binary_cross_entropy_with_logits", "binary_cross_entropy"):
            activation = _last(children[0])
            low, high = REACH.get(activation, (-math.inf, math.inf))
            target = children[1].data
            floor = target * _softplus(-high) + (1 - target) * _softplus(low)
            if name == "binary_cross_entropy":  # which takes probabilities, as a sigmoid gives them
                floor = math.inf if activation and (low, high) != (0.0, 1.0) else 0.0
            yield name, activation, floor
        elif name == "logsumexp" and (logits := _compared(children)):
            activation = _shared(logits)
            low, high = REACH.get(activation, (-math.inf, math.inf))
            yield "cross_entropy", activation, math.log1p((len(logits) - 1) * math.exp(low - high))
        elif name in ("power", "abs", "clamp") and children[0].op.name == "sub":  # of an error, if it is one
            prediction, wanted = children[0].children
            low, high = REACH.get(prediction.op.name, (-math.inf, math.inf))
            if not wanted.children and wanted.op is not operation.PARAMETER:
                yield "the error", _last(prediction), max(low - wanted.data, wanted.data - high, 0.0)


def _compared(distances: Sequence[Value]) -> list[Value]:
    """The logits of a cross-entropy, which is the log-sum-exp of what each of them is above the right one."""
    pairs = [each.children for each in distances if each.op.name == "sub"]
    logits, right = [pair[0] for pair in pairs], {pair[1] for pair in pairs}
    is_loss = len(pairs) == len(distances) and len(right) == 1
    return logits if is_loss and (right & {*logits} or right.pop().op.name in ("dot", "select")) else []


def _last(prediction: Value) -> str:
    return prediction.op.name if prediction.op.name in REACH else ""


def _shared(logits: Sequence[Value]) -> str:
    """The activation of all logits; softmax if they add up to 1, however they were made."""
    shares = [each.data for each in logits if each.children and 0.0 <= each.data <= 1.0]
    if len(shares) == len(logits) and math.isclose(sum(shares), 1.0, rel_tol=1e-9):
        return "softmax"
    names = {_last(each) for each in logits}
    return names.pop() if len(names) == 1 else ""


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
