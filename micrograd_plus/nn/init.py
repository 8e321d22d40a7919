"""An initialiser draws the numbers that a layer's weights start from.

Kaiming's and Xavier's rules keep the spread of the signals the same in every layer, from the number of inputs
(`fan_in`) and outputs (`fan_out`): they neither fade nor blow up.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, TypeAlias

from micrograd_plus.checks import finite_number, named, whole_number

__all__ = [
    "GAINS", "INITIALIZERS", "Initializer", "default", "full", "gain", "generator", "initializer",
    "kaiming_normal", "kaiming_uniform", "manual_seed", "normal", "uniform", "xavier_normal", "xavier_uniform",
]  # fmt: skip

Initializer: TypeAlias = Callable[[random.Random, int, int, float], float]
"""Draws one weight, from a generator, `fan_in`, `fan_out` and the gain of the activation that follows."""

GAINS = {"tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2 / (1 + 0.01**2))}
"""By how much weights must be larger to make up for what an activation takes from the spread; 1 for any other.

Source: `torch.nn.init.calculate_gain`; He et al. 2015.
"""


def gain(activation: object) -> float:
    """Returns the gain of an activation, given by its name: see `GAINS`.

    >>> gain("relu") ** 2
    2.0000000000000004
    """
    return GAINS.get(activation, 1.0) if isinstance(activation, str) else 1.0


def default() -> Initializer:
    """Returns the start of PyTorch's linear layer, for weights and biases: uniform within ±1/sqrt(fan_in)."""
    return _default


def _default(rng: random.Random, fan_in: int, fan_out: int, gain: float) -> float:
    return _uniform(rng, 1 / math.sqrt(fan_in))


def kaiming_uniform() -> Initializer:
    """Returns the uniform draw within ±gain sqrt(3/fan_in). Source: He et al. 2015, equation 10.

    >>> weight = kaiming_uniform()(random.Random(0), 6, 1, gain("relu"))
    >>> abs(weight) <= 1.0
    True
    """
    return lambda rng, fan_in, fan_out, gain: _uniform(rng, gain * math.sqrt(3 / fan_in))


def kaiming_normal() -> Initializer:
    """Returns the normal draw of standard deviation gain/sqrt(fan_in). Source: He et al. 2015, equation 10."""
    return lambda rng, fan_in, fan_out, gain: rng.gauss(0.0, gain / math.sqrt(fan_in))


def xavier_uniform() -> Initializer:
    """Returns the uniform draw within ±gain sqrt(6/(fan_in + fan_out)). Source: Glorot and Bengio 2010, equation 16."""
    return lambda rng, fan_in, fan_out, gain: _uniform(rng, gain * math.sqrt(6 / (fan_in + fan_out)))


def xavier_normal() -> Initializer:
    """Returns the normal draw of standard deviation gain sqrt(2/(fan_in + fan_out)). Source: Glorot and Bengio 2010."""
    return lambda rng, fan_in, fan_out, gain: rng.gauss(0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


def uniform(low: float = -1.0, high: float = 1.0) -> Initializer:
    """Returns the uniform draw from `low` to `high`. Raises ValueError if `low` is above `high`."""
    low, high = finite_number("low", low), finite_number("high", high)
    if low > high:
        raise ValueError(f"uniform needs low <= high, but got low={low} and high={high}; swap them")
    return lambda rng, fan_in, fan_out, gain: rng.uniform(low, high)


def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Returns the normal draw with this mean and standard deviation. Raises ValueError if `std` is negative."""
    mean, std = finite_number("mean", mean), finite_number("std", std)
    if std < 0:
        raise ValueError(f"normal needs std >= 0, but got {std}")
    return lambda rng, fan_in, fan_out, gain: rng.gauss(mean, std)


def full(number: float = 0.0) -> Initializer:
    """Returns no draw at all: `number`, for every weight. (Neurons that start equal stay equal.)"""
    number = finite_number("number", number)
    return lambda rng, fan_in, fan_out, gain: number


def _uniform(rng: random.Random, bound: float) -> float:
    return rng.uniform(-bound, bound)


INITIALIZERS: dict[str, Callable[[], Initializer]] = {
    "default": default, "full": full, "kaiming": kaiming_uniform, "kaiming_normal": kaiming_normal,
    "kaiming_uniform": kaiming_uniform, "normal": normal, "uniform": uniform, "xavier": xavier_uniform,
    "xavier_normal": xavier_normal, "xavier_uniform": xavier_uniform,
}  # fmt: skip
"""What `init=` knows by name, "kaiming" and "xavier" for the uniform ones; for other bounds pass what the function
returns: `init=uniform(-0.1, 0.1)`."""


def initializer(init: str | Initializer) -> Initializer:
    """Returns the initialiser of a name, or one that was passed as it is; `init=uniform` counts as `init=uniform()`.

    Raises ValueError for an unknown name.
    """
    passed: Any = init if callable(init) else named("initialiser", init, INITIALIZERS)
    return passed() if passed in INITIALIZERS.values() else passed  # type: ignore[no-any-return]


_shared = random.Random(0)


def manual_seed(seed: int) -> None:
    """Restarts the sequence of random numbers that modules made without a `seed` of their own draw from.

    Even without it a script draws the same numbers in every run. Raises TypeError or ValueError unless it is a whole
    number of at least 0.

    >>> from micrograd_plus.nn import Layer
    >>> manual_seed(1)
    >>> first = Layer(2, 3).state_dict()
    >>> manual_seed(1)
    >>> Layer(2, 3).state_dict() == first
    True
    """
    _shared.seed(whole_number("seed", seed, least=0))


def generator(seed: int | random.Random | None) -> random.Random:
    """Returns the generator that a module draws from: a new one for a number, the shared sequence for None.

    A generator is taken as it is, so that one model's parts draw on. Raises as `manual_seed` does.
    """
    if seed is None:
        return _shared
    return seed if isinstance(seed, random.Random) else random.Random(whole_number("seed", seed, least=0))


def own_generator(seed: Any) -> random.Random:
    """Returns a generator that nobody else draws from, started from `seed` as in `generator`."""
    shared = seed is None or isinstance(seed, random.Random)
    return random.Random(generator(seed).getrandbits(64)) if shared else generator(seed)
