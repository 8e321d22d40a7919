"""The complex reading of a row: an exact derivative oracle, by the complex step (Squire and Trapp 1998)."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

from micrograd_plus import reading
from micrograd_plus.operation import TABLE, Op

_PLAIN = (
    "exp", "log", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh", "nan", "inf",
)  # fmt: skip


def complex_reading(op: Op) -> Callable[..., tuple[Any, tuple[Any, ...]]]:
    """A row as a function over complex numbers; comparisons look at the real part."""
    function: Callable[..., tuple[Any, tuple[Any, ...]]] = reading.function(op, reading.OverReals(TABLE), _names())
    return function


def _names() -> dict[str, Any]:
    def real(z: Any) -> float:
        return z.real  # type: ignore[no-any-return]

    def extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *zs: pick(*zs, key=real)

    def erf(z: Any) -> Any:
        # 2/sqrt(pi) exp(-z^2) sum 2^n z^(2n+1) / (2n+1)!! : no cancellation (Abramowitz and Stegun 7.1.6)
        term = total = z
        for n in range(1, 400):
            term = term * 2 * z * z / (2 * n + 1)
            total = total + term
        return 2 / math.sqrt(math.pi) * cmath.exp(-z * z) * total

    def atan2(y: Any, x: Any) -> Any:
        turned = cmath.atan(y / x) if abs(real(y)) < abs(real(x)) else -cmath.atan(x / y)
        return turned - real(turned) + math.atan2(real(y), real(x))

    return {name: getattr(cmath, name) for name in _PLAIN} | {
        "log2": lambda z: cmath.log(z) / math.log(2),
        "hypot": lambda x, y: cmath.sqrt(x * x + y * y),
        "atan2": atan2,
        "floor": lambda z: math.floor(real(z)), "ceil": lambda z: math.ceil(real(z)),
        "trunc": lambda z: math.trunc(real(z)), "round": lambda z: round(real(z)),
        "real": real, "min": extreme(min), "max": extreme(max), "erf": erf,
        "abs": lambda z: z if real(z) >= 0 else -z, "item": lambda zs, i: zs[int(real(i))],
        # near 1 and 0 the plain forms cancel; these keep the imaginary part, which carries the derivative
        "log1p": lambda z: cmath.log(1 + z) if abs(z) > 1e-5 else z - z * z / 2 + z * z * z / 3,
        "expm1": lambda z: 2 * cmath.exp(z / 2) * cmath.sinh(z / 2),
    }  # fmt: skip
