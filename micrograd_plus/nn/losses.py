"""A loss measures how far predictions are from the targets, as one number to make small.

The names and formulas are those of `torch.nn.functional`. Each takes one prediction (a Value or a number) with its
target (a Value too, if it is traced), or lists of them; `reduction` tells what becomes of the losses of many: their
"mean", their "sum", or with "none" a list of them in the predictions' shape. Class numbers count from 0.

`weight` says how much each loss counts: a number for each prediction, in their shape, or one for each row; for
`cross_entropy` and `nll_loss` one for each class. The "mean" is then divided by the sum of the weights (for Huber's and
both binary cross-entropies by the number of predictions), as PyTorch has it. Raises ValueError for a weight below 0,
weights that add up to 0 or are of another number, and for the mean of a single loss, in which its weight would cancel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from micrograd_plus import operation
from micrograd_plus.checks import finite_number, flat, named, plain
from micrograd_plus.functions import dot, logsumexp, select, total
from micrograd_plus.value import Number, Value, apply, constant

if TYPE_CHECKING:
    from micrograd_plus.nn.module import Outputs

__all__ = [
    "LOSSES", "Loss", "Reduced", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy",
    "hinge_loss", "huber_loss", "l1_loss", "l1_penalty", "l2_penalty", "loss_function", "loss_name", "mse_loss",
    "nll_loss",
]  # fmt: skip

Loss: TypeAlias = Callable[[Any, Any], Value]
"""A function of a prediction and a target."""

Reduced: TypeAlias = "Outputs"
"""What a loss returns: a Value; with `reduction="none"` a list of Values where there were lists of predictions."""


# y is the target; as in PyTorch, logarithms are held at -100 (where x is below exp(-100), or 1)
_BCE = operation.row(
    "bce", "x y",
    "-(y * log(x) + (1 - y) * log1p(-x)) if x * (1 - x) > 3.720075976020836e-44"
    " else 100 * abs(x - y) if x * (1 - x) >= 0 else nan",
    name="binary_cross_entropy", method="", x="(x - y) / max(x * (1 - x), 1e-12)",
    y="log1p(-x) - log(x) if x * (1 - x) > 3.720075976020836e-44 else 100 - 200 * x",
    needs="a probability from 0 to 1", cure="put the output through sigmoid, or use binary_cross_entropy_with_logits",
)  # fmt: skip
_BCE_WITH_LOGITS = operation.row(
    "bce of logit", "x y", "max(x, 0) - x * y + log1p(exp(-abs(x)))",
    name="binary_cross_entropy_with_logits", method="", x="sigmoid(x) - y", y="-x",
)  # fmt: skip


def mse_loss(prediction: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Reduced:
    """Returns the mean of (prediction - target)^2.

    Raises ValueError for another number of targets or an unknown `reduction`, TypeError for what is not a number.

    >>> mse_loss([Value(1.0), Value(2.0)], [1.0, 4.0])
    Value(2)
    >>> mse_loss([Value(1.0), Value(2.0)], [1.0, 4.0], reduction="none")
    [Value(0), Value(4)]
    """
    return _of_numbers("mse_loss", lambda p, y: (p - y) ** 2, prediction, target, reduction, weight)


def l1_loss(prediction: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Reduced:
    """Returns the mean of abs(prediction - target). Raises as `mse_loss` does.

    >>> l1_loss(Value(1.0), 4.0)
    Value(3)
    """
    return _of_numbers("l1_loss", lambda p, y: abs(p - y), prediction, target, reduction, weight)


def huber_loss(
    prediction: Any, target: Any, *, delta: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Reduced:
    """Returns the mean of d^2/2 where the distance d is below `delta`, and of delta (d - delta/2) beyond.

    Raises ValueError unless `delta` is above 0, and as `mse_loss` does. Source: Huber 1964.

    >>> huber_loss(Value(0.5), 0.0), huber_loss(Value(3.0), 0.0)
    (Value(0.125), Value(2.5))
    """
    if finite_number("delta", delta) <= 0:
        raise ValueError(f"huber_loss needs delta > 0, but got {delta}; 1 is usual")

    def one(p: Value, y: Value) -> Value:
        distance = p - y
        held = distance.clamp(-delta, delta)
        return held * (distance - 0.5 * held)  # both of the formula's branches, with no choice to freeze in a trace

    return _reduced(
        "huber_loss", _scaled("huber_loss", _each("huber_loss", one, prediction, target), weight), reduction
    )


def binary_cross_entropy(probability: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Reduced:
    """Returns the mean of -(y log p + (1 - y) log(1 - p)), for probabilities p and targets y from 0 to 1.

    Logarithms are held at -100 and the gradient's denominator at 1e-12, as in PyTorch. Raises ValueError for a p or y
    outside 0 to 1, and as `mse_loss` does. Better conditioned: `binary_cross_entropy_with_logits`.

    >>> binary_cross_entropy(Value(0.5), 1)
    Value(0.693147)
    """
    losses = _each("binary_cross_entropy", _of_probability(_BCE), probability, target)
    return _reduced("binary_cross_entropy", _scaled("binary_cross_entropy", losses, weight), reduction)


def binary_cross_entropy_with_logits(
    logit: Any, target: Any, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
) -> Reduced:
    """Returns `binary_cross_entropy(sigmoid(logit), target)` in a form that can't overflow.

    The formula is max(x, 0) - x y + log(1 + exp(-abs(x))), its derivative sigmoid(x) - y. `pos_weight`, a number or one
    for each output, multiplies what a target of 1 adds: number of 0s over number of 1s makes both count alike. Raises
    ValueError for a target outside 0 to 1, and as `mse_loss` does.

    >>> binary_cross_entropy_with_logits(Value(-1000.0), 1)
    Value(1000)
    >>> binary_cross_entropy_with_logits([Value(-1000.0), Value(0.0)], [1, 0], pos_weight=3)
    Value(1500.35)
    """
    name = _BCE_WITH_LOGITS.name
    losses = _each(name, _of_probability(_BCE_WITH_LOGITS), logit, target)
    if pos_weight is not None:
        zeros = _each(name, lambda x, y: (1 - y) * apply(_BCE_WITH_LOGITS, x, 0.0), logit, target)
        ones = _each(name, lambda x, y: y * apply(_BCE_WITH_LOGITS, x, 1.0), logit, target)
        losses = _map(lambda zero, one, weight: zero + weight * one, zeros, ones, _by_output(name, ones, pos_weight))
    return _reduced(name, _scaled(name, losses, weight), reduction)


def hinge_loss(score: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Reduced:
    """Returns the mean of max(0, 1 - y score), for targets y of -1 or 1: the loss of a maximum-margin classifier.

    Raises ValueError for a target other than -1 or 1, and as `mse_loss` does.

    >>> hinge_loss([Value(0.5), Value(-3.0)], [1, -1])
    Value(0.25)
    """

    def one(score: Value, y: Value) -> Value:
        if abs(y.data) != 1.0:
            raise ValueError(f"hinge_loss needs targets of -1 or 1, but got {y.data:g}; from 0 or 1 make 2*y - 1")
        return (1 - y * score).relu()

    return _of_numbers("hinge_loss", one, score, target, reduction, weight)


def cross_entropy(
    logits: Any, target: Any, *, weight: Any = None, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Reduced:
    """Returns the mean of logsumexp(logits) - logits[target], the distance of softmax(logits) from the right class.

    One example is a list of K logits and a class number, or K probabilities as the target; many are a list of each.
    `weight` has a number for each class; with probabilities the mean is divided by the number of examples. With
    `label_smoothing` e the target becomes (1 - e) of itself and e/K of every class. Raises ValueError for a class
    number out of range, probabilities that do not add up to 1, fewer than two logits, or unequal numbers of examples.

    >>> cross_entropy([Value(0.0), Value(0.0)], 1)
    Value(0.693147)
    >>> cross_entropy([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]], [0, 2])
    Value(0.251264)
    >>> cross_entropy([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]], [0, 2], weight=[3, 1, 1])
    Value(0.329435)
    """
    if not 0 <= finite_number("label_smoothing", label_smoothing) <= 1:
        raise ValueError(f"label_smoothing is a fraction from 0 to 1, but got {label_smoothing}; 0.1 is usual")

    def one(row: list[Value], y: Any) -> Value:
        target = _distribution("cross_entropy", y, len(row)) if isinstance(y, list) else None
        expected = dot(target, row) if target else _pick("cross_entropy", row, y)
        logits = [logit - expected for logit in row]  # so that no digit of the loss is lost to the size of the logits
        normalizer = logsumexp(logits)
        distances = [normalizer - logit for logit in logits] if target or label_smoothing else []
        if weights is not None:
            distances = [weight * distance for weight, distance in zip(weights, distances)]
            normalizer = normalizer if target else _pick("cross_entropy", weights, y) * normalizer
        loss = dot(target, distances) if target else normalizer
        if label_smoothing:
            loss = (1 - label_smoothing) * loss + label_smoothing * (total(distances) / len(row))
        return loss

    weights = _class_weights("cross_entropy", weight)
    return _of_rows("cross_entropy", one, logits, target, reduction, weights)


def nll_loss(log_probabilities: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Reduced:
    """Returns the mean of -log_probabilities[target], for logarithms of probabilities and class numbers.

    Raises as `cross_entropy` does, which it is together with a logarithm of softmax.

    >>> nll_loss([Value(-0.5), Value(-1.0)], 0)
    Value(0.5)
    """
    weights = _class_weights("nll_loss", weight)

    def one(row: list[Value], y: Any) -> Value:
        loss = -_pick("nll_loss", row, y)
        return loss if weights is None else _pick("nll_loss", weights, y) * loss

    return _of_rows("nll_loss", one, log_probabilities, target, reduction, weights)


def l1_penalty(parameters: Iterable[Value], strength: float) -> Value:
    """Returns strength * sum(abs(w)), to add to a loss: it drives weights to exactly 0.

    Raises ValueError if there are no parameters or `strength` is negative.

    >>> l1_penalty([Value(3.0), Value(-4.0)], 0.1)
    Value(0.7)
    """
    weights = _weights("l1_penalty", parameters, strength)
    return strength * total([abs(weight) for weight in weights])


def l2_penalty(parameters: Iterable[Value], strength: float) -> Value:
    """Returns strength * sum(w^2), to add to a loss: it keeps weights small.

    For plain SGD it is a `weight_decay` of 2 * strength. Raises as `l1_penalty` does.

    >>> l2_penalty([Value(3.0), Value(-4.0)], 0.1)
    Value(2.5)
    """
    weights = _weights("l2_penalty", parameters, strength)
    return strength * dot(weights, weights)


LOSSES: dict[str, Loss] = {
    "bce": binary_cross_entropy, "bce_with_logits": binary_cross_entropy_with_logits, "cross_entropy": cross_entropy,
    "hinge": hinge_loss, "huber": huber_loss, "l1": l1_loss, "mse": mse_loss, "nll": nll_loss,
}  # fmt: skip
"""What `loss=` knows by name, and what files call it; a function's own name is understood too."""


def loss_function(loss: str | Loss) -> Loss:
    """Returns the loss of a name, or a function that was passed as it is. Raises ValueError for an unknown name.

    >>> loss_function("mse") is loss_function("mse_loss") is mse_loss
    True
    """
    return loss if callable(loss) else named("loss", loss_name(loss), LOSSES)


def loss_name(loss: str | Loss) -> str:
    """Returns the name that `LOSSES` has for a loss, given by its name or as the function; for any other, its own name.

    >>> loss_name("mse_loss"), loss_name(binary_cross_entropy), loss_name("loss_of_mine")
    ('mse', 'bce', 'loss_of_mine')
    """
    for name, function in LOSSES.items():
        if loss in (function, function.__name__):
            return name
    return getattr(loss, "__name__", type(loss).__name__) if callable(loss) else loss


def _of_numbers(name: str, one: Loss, prediction: Any, target: Any, reduction: str, weight: Any = None) -> Reduced:
    """`one` of each prediction and its target, reduced; a mean is over the sum of the weights."""
    losses = _each(name, one, prediction, target)
    shares = None if weight is None else _spread(name, losses, weight)
    return _reduced(name, _scaled(name, losses, weight), reduction, shares)


def _of_rows(
    name: str, one: Loss, rows: Any, targets: Any, reduction: str, weights: list[Value] | None = None
) -> Reduced:
    """`one` of each row of numbers and its target, reduced; a mean is over the sum of the weights of their classes."""
    rows, targets = plain(rows), plain(targets)
    if not isinstance(rows, list) or not rows:
        raise TypeError(f"{name} needs a list with a number for each class, but got {rows!r}")
    rows = [plain(row) for row in rows]
    single = not isinstance(rows[0], list)
    if single:
        rows, targets = [rows], [targets]
    if not isinstance(targets, list) or len(rows) != len(targets):
        given = f"{len(targets)} targets" if isinstance(targets, list) else f"the single target {targets!r}"
        raise ValueError(f"{name} got {len(rows)} rows of predictions and {given}; give every row its own, in a list")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) < 2 or len(row) != len(rows[0]):
            expected = f"a number for each of at least two classes in every row, but row {i} is {row!r}"
            raise ValueError(f"{name} needs {expected}; for a single output use binary_cross_entropy_with_logits")
    targets, shares = [plain(y) for y in targets], None
    if weights is not None:
        if len(weights) != len(rows[0]):
            raise ValueError(f"{name} got {len(weights)} weights for {len(rows[0])} classes; give one for each")
        if not all(isinstance(y, list) for y in targets):
            shares = [constant(1.0) if isinstance(y, list) else _pick(name, weights, y) for y in targets]
    losses = [one([constant(each) for each in row], y) for row, y in zip(rows, targets)]
    return _reduced(name, losses[0] if single else losses, reduction, shares)


def _reduced(name: str, losses: Any, reduction: str, shares: Any = None) -> Reduced:
    """A loss or nested lists of them as `reduction` has it; a mean is over the sum of `shares`, or their number."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}'s reduction is 'mean', 'sum' or 'none', but got {reduction!r}")
    if reduction == "none":
        return losses  # type: ignore[no-any-return]
    found = list(flat(losses))
    if shares is not None and reduction == "mean":
        if not isinstance(losses, list):
            cure = "give lists of several, reduction='sum', or in fit sample_weights or class_weights"
            raise ValueError(f"{name}'s mean of a single loss is the same whatever it weighs; {cure}")
        whole = total([constant(share) for share in flat(shares)])
        if not whole.data:
            raise ValueError(f"{name}'s weights add up to 0 here, so that there is no mean; use reduction='sum'")
        found = [total(found) / whole]
    elif len(found) > 1:
        found = [total(found) if reduction == "sum" else total(found) / len(found)]
    return found[0]  # type: ignore[no-any-return]


def _map(function: Callable[..., Any], *nested: Any) -> Any:
    """The function of what nested lists of one shape hold, place by place."""
    return [_map(function, *each) for each in zip(*nested)] if isinstance(nested[0], list) else function(*nested)


def _scaled(name: str, losses: Any, weight: Any) -> Any:
    return losses if weight is None else _map(lambda loss, w: w * loss, losses, _spread(name, losses, weight))


def _spread(name: str, losses: Any, weight: Any) -> Any:
    """A weight for each loss, in their shape; a number is that of all."""
    weight = plain(weight)
    if not isinstance(losses, list):
        if isinstance(weight, list):
            raise ValueError(f"{name} got a list of weights for a single loss; give one for each")
        return _weight(name, weight)
    if not isinstance(weight, list):
        weight = [weight] * len(losses)
    if len(weight) != len(losses):
        raise ValueError(f"{name} got {len(weight)} weights for {len(losses)} losses; give one for each")
    return [_spread(name, loss, each) for loss, each in zip(losses, weight)]


def _by_output(name: str, losses: Any, weight: Any) -> Any:
    """A weight for each loss, where there is one for each number of a row."""
    if isinstance(losses, list) and isinstance(losses[0], list):
        return [_by_output(name, row, weight) for row in losses]
    return _spread(name, losses, weight)


def _class_weights(name: str, weight: Any) -> list[Value] | None:
    if weight is None:
        return None
    numbers = plain(weight)
    if not isinstance(numbers, list) or not numbers:
        raise TypeError(f"{name}'s weight is a list with a number for each class, but got {weight!r}")
    return [constant(_weight(name, each)) for each in numbers]


def _weight(name: str, weight: Any) -> Number:
    if isinstance(weight, Value):  # of a traced input, say
        return weight
    if finite_number(f"{name}'s weight", weight) < 0:
        raise ValueError(f"{name} needs weights of at least 0, but got {weight}; 0 leaves a loss out")
    return float(weight)


def _each(name: str, one: Loss, prediction: Any, target: Any) -> Any:
    """`one` of numbers side by side, from nested lists of one shape; a list of one stands for what it holds."""
    prediction, target = plain(prediction), plain(target)
    if not isinstance(prediction, list) and not isinstance(target, list):
        return one(constant(prediction), constant(target))
    predictions, targets = (each if isinstance(each, list) else [each] for each in (prediction, target))
    if len(predictions) != len(targets):
        given = f"{len(predictions)} predictions and {len(targets)} targets"
        raise ValueError(f"{name} got {given}; give every prediction one target")
    if not predictions:
        raise ValueError(f"{name} got no predictions; the mean of none is not defined")
    return [_each(name, one, p, y) for p, y in zip(predictions, targets)]


def _pick(name: str, row: list[Value], target: Any) -> Value:
    """The entry of the target's class."""
    number, count = constant(target).data, len(row)
    if not number.is_integer() or not 0 <= number < count:
        expected = f"a class number from 0 to {count - 1}, as there are {count} outputs"
        raise ValueError(f"{name} needs {expected}, but got {number:g}")
    return select(target, row)


def _distribution(name: str, probabilities: list[Any], classes: int) -> list[Value]:
    values = [_probability(name, constant(each)) for each in probabilities]
    if len(values) != classes:
        raise ValueError(f"{name} got {len(values)} probabilities as a target for {classes} outputs; give one for each")
    if all(value.op is operation.CONSTANT for value in values):
        whole = math.fsum(value.data for value in values)
        if abs(whole - 1) > 1e-6:
            raise ValueError(f"{name} needs a target's probabilities to add up to 1, but they add up to {whole:g}")
    return values


def _of_probability(row: operation.Op) -> Loss:
    """The loss that a row is, of a target that is a probability."""
    return lambda prediction, target: apply(row, prediction, _probability(row.name, target))


def _probability(name: str, target: Value) -> Value:
    """The target itself, once it is seen to be from 0 to 1."""
    if not 0 <= target.data <= 1:
        raise ValueError(f"{name} needs targets from 0 to 1, but got {target.data:g}; for classes use cross_entropy")
    return target


def _weights(name: str, parameters: Iterable[Value], strength: float) -> list[Value]:
    if not isinstance(parameters, Iterable):
        raise TypeError(f"{name} needs a list of parameters, but got {parameters!r}; pass model.parameters()")
    weights = [constant(each) for each in parameters]
    if not weights:
        raise ValueError(f"{name} got no parameters; pass model.parameters(), or some of them")
    if finite_number("strength", strength) < 0:
        raise ValueError(f"{name} needs a strength of at least 0, but got {strength}; 0.001 is usual")
    return weights
