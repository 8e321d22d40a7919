"""The table of operations, as a calculus book has it: a label, the operands, the value, a derivative by each operand.

`x` and `y` are operands and `out` is the value; `*xs` is any number of operands, `x` whichever of them. Each row is
declared once, and everything else is read off its text (see `operation`): the function that runs, the method of Value,
the array code, the words.
"""

from __future__ import annotations

from math import inf

from micrograd_plus.operation import FAMILIES, TABLE, Bernoulli, Op, family, row

# fmt: off
# ---- arithmetic
add = row("+", "x y", "x + y", x="1", y="1",    name="add", method="__add__")
sub = row("-", "x y", "x - y", x="1", y="-1",   name="sub", method="__sub__")
mul = row("*", "x y", "x * y", x="y", y="x",    name="mul", method="__mul__")
div = row("/", "x y", "x / y", x="1 / y", y="-out / y", name="div", method="__truediv__",
    needs="a divisor other than 0", cure="add a small constant to the divisor, or test it before dividing")
neg = row("neg", "x", "-x", x="-1", method="__neg__")
pow = row("**", "x y", "x ** y", name="pow", method="__pow__",
    x="y * x ** (y - 1) if x != 0 or y >= 1 else 0 if y == 0 else inf",
    y="out * log(x) if x > 0 else 0 if x == 0 else nan",
    needs="a base above 0, or a base of 0 with an exponent of at least 0, or a negative base with a whole exponent",
    cure="keep the base positive: abs(x) ** y, or (x*x + 1e-12) ** (y/2)")
reciprocal = row("reciprocal", "x", "1 / x", x="-out * out",
    needs="x other than 0", cure="add a small constant to x, or test it before")

# ---- exponentials, logarithms, roots
exp = row("exp", "x", "exp(x)", x="out",
    needs="x below 709.78", cure="subtract the largest x first, as logsumexp and softmax do")
exp2 = row("exp2", "x", "2 ** x", x="0.6931471805599453 * out",  # log 2
    needs="x below 1024", cure="scale x down")
expm1 = row("expm1", "x", "expm1(x)", x="out + 1", needs="x below 709.78", cure="scale x down")
log = row("log", "x", "log(x)", x="1 / x",
    needs="x above 0", cure="keep x away from 0, as in log(x + 1e-12), or work with logits")
log2 = row("log2", "x", "log2(x)", x="1.4426950408889634 / x", needs=log.needs, cure=log.cure)  # 1 / log 2
log10 = row("log10", "x", "log10(x)", x="0.4342944819032518 / x", needs=log.needs, cure=log.cure)  # 1 / log 10
log1p = row("log1p", "x", "log1p(x)", x="1 / (1 + x)", needs="x above -1", cure="keep 1 + x away from 0")
sqrt = row("sqrt", "x", "sqrt(x)", x="0.5 / out if x > 0 else inf",
    needs="x of at least 0", cure="take sqrt(x*x) as abs(x), or add a small constant")
rsqrt = row("rsqrt", "x", "1 / sqrt(x)", x="-0.5 * out / x",
    needs="x above 0", cure="add a small constant, as in rsqrt(x + 1e-12)")
hypot = row("hypot", "x y", "hypot(x, y)", x="x / out if out > 0 else nan", y="y / out if out > 0 else nan")

# ---- angles and hyperbolas
sin = row("sin", "x", "sin(x)", x="cos(x)")
cos = row("cos", "x", "cos(x)", x="-sin(x)")
tan = row("tan", "x", "tan(x)", x="1 + out**2")
asin = row("asin", "x", "asin(x)", x="1 / sqrt((1 - x) * (1 + x)) if abs(x) < 1 else inf",
    needs="x from -1 to 1", cure="hold it there: x.clamp(-1, 1)")
acos = row("acos", "x", "acos(x)", x="-1 / sqrt((1 - x) * (1 + x)) if abs(x) < 1 else -inf",
    needs=asin.needs, cure=asin.cure)
atan = row("atan", "x", "atan(x)", x="1 / (1 + x * x)")
atan2 = row("atan2", "x y", "atan2(x, y)",
    x="y / hypot(x, y) / hypot(x, y) if hypot(x, y) > 0 else 0",
    y="-x / hypot(x, y) / hypot(x, y) if hypot(x, y) > 0 else 0")
sinh = row("sinh", "x", "sinh(x)", x="cosh(x)", needs="x below 710.47 in size", cure="scale x down")
cosh = row("cosh", "x", "cosh(x)", x="sinh(x)", needs=sinh.needs, cure=sinh.cure)
tanh = row("tanh", "x", "tanh(x)", x="1 - out**2")
asinh = row("asinh", "x", "asinh(x)", x="1 / hypot(x, 1)")
acosh = row("acosh", "x", "acosh(x)", x="1 / (sqrt(x - 1) * sqrt(x + 1)) if x > 1 else inf",
    needs="x of at least 1", cure="hold it there: x.clamp(min=1)")
atanh = row("atanh", "x", "atanh(x)", x="1 / ((1 - x) * (1 + x))",
    needs="x between -1 and 1", cure="keep x away from -1 and 1")
erf = row("erf", "x", "erf(x)", x="1.1283791670955126 * exp(-x * x)")  # 2 / sqrt(pi)

# ---- steps, kinks and choices; at a kink the derivative is PyTorch's
step = row("step", "x", "1.0 if x > 0 else 0.0", x="0")
sign = row("sign", "x", "step(x) - step(-x)", x="0")
floor = row("floor", "x", "floor(x)", x="0")
ceil = row("ceil", "x", "ceil(x)", x="0")
trunc = row("trunc", "x", "trunc(x)", x="0")
round = row("round", "x", "round(x)", x="0")
abs_ = row("abs", "x", "abs(x)", x="sign(x)", method="abs __abs__")
maximum = row("max", "x y", "max(x, y)", name="maximum", x="(1 + sign(x - y)) / 2", y="(1 - sign(x - y)) / 2")
minimum = row("min", "x y", "min(x, y)", name="minimum", x="(1 - sign(x - y)) / 2", y="(1 + sign(x - y)) / 2")
select = row("select", "i *xs", "item(xs, i)", i="0", x="step(0.5 - abs(i - j))")

# ---- activations
sigmoid = row("sigmoid", "x", "exp(min(x, 0)) / (1 + exp(-abs(x)))", x="out * sigmoid(-x)")
relu = row("relu", "x", "max(x, 0.0)", x="step(x)")
softplus = row("softplus", "x", "max(x, 0) + log1p(exp(-abs(x)))", x="sigmoid(x)")
softsign = row("softsign", "x", "x / (1 + abs(x))", x="1 / (1 + abs(x)) / (1 + abs(x))")
silu = row("silu", "x", "x * sigmoid(x)", x="sigmoid(x) * (1 + x * (1 - sigmoid(x)))")
hardtanh = row("hardtanh", "x", "min(max(x, -1.0), 1.0)", x="step(1 - abs(x))")
_gelu = row("gelu", "x", "0.5 * x * (1 + erf(0.7071067811865476 * x))", method="",  # 1 / sqrt(2), 1 / sqrt(2 pi)
    x="0.5 * (1 + erf(0.7071067811865476 * x)) + 0.3989422804014327 * x * exp(-0.5 * x * x)")
gelu_tanh = row(  # sqrt(2 / pi)
    "gelu_tanh", "x", "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))", method="",
    x="0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"
    " + 0.5 * x * (1 - tanh(0.7978845608028654 * (x + 0.044715 * x**3)) ** 2)"
    " * 0.7978845608028654 * (1 + 0.134145 * x**2)")

# ---- any number of operands
total = row("sum", "*xs", "sum(xs)", x="1", name="total")
dot = row("dot", "*xs *ys", "sum(x * y for x, y in zip(xs, ys))", x="y", y="x")
affine = row("dot + b", "*xs *ys b", "sum(x * y for x, y in zip(xs, ys)) + b", x="y", y="x", b="1", name="affine")
logsumexp = row("logsumexp", "*xs", "(peak := max(xs)) + log(sum(exp(x - peak) for x in xs))", x="exp(x - out)")
# fmt: on


# -------------------------------------------------------------------- families: rows with constants burnt in


def _text(constant: float) -> str:
    """A constant as a row writes it: whole numbers without a point."""
    return repr(int(constant)) if constant.is_integer() else repr(constant)


@family(method="")
def power(exponent: float = 2.0) -> Op:
    """The row of `x ** k` for a number k: the constant is burnt in, so no logarithm of the base is ever taken."""
    k, less = _text(exponent), _text(exponent - 1)
    derivative = {"0": "0", "1": "1", "2": "2 * x"}.get(k, f"{k} * x ** {less}")
    if 0 < exponent < 1:
        derivative += " if x > 0 else inf"
    return Op("power", f"**{k}", "x", f"x ** {k}", {"x": derivative}, needs=pow.needs, cure=pow.cure)


@family()
def leaky_relu(negative_slope: float = 0.01) -> Op:
    """The row of the leaky rectifier: x where it is positive, `negative_slope * x` elsewhere (Maas et al. 2013)."""
    a = _text(negative_slope)
    slope = {"x": f"step(x) + {a} * (1 - step(x))"}
    return Op("leaky_relu", f"leaky_relu({a})", "x", f"x if x > 0 else {a} * x", slope)


@family()
def elu(alpha: float = 1.0) -> Op:
    """The row of the exponential linear unit: x where positive, `alpha * (exp(x) - 1)` elsewhere (Clevert 2015)."""
    a = _text(alpha)
    value, slope = f"max(x, 0.0) + {a} * expm1(min(x, 0))", f"step(x) + {a} * (1 - step(x)) * exp(min(x, 0))"
    return Op("elu", f"elu({a})", "x", value, {"x": slope})


@family()
def clamp(min: float = -inf, max: float = inf) -> Op:
    """The row of x held between `min` and `max`; the derivative is 1 there, bounds too, 0 beyond. None is no bound."""
    if not min <= max:
        cure = "swap them" if min > max else "leave out a bound that you do not need"
        raise ValueError(f"clamp needs min <= max, but got min={min} and max={max}; {cure}")
    value, inside = "x", "1"
    if min > -inf:
        value, inside = f"max({value}, {min!r})", f"(1 - step({_text(min)} - x))"
    if max < inf:
        value = f"min({value}, {max!r})"
        inside = f"{inside} * (1 - step(x - {_text(max)}))" if inside != "1" else f"1 - step(x - {_text(max)})"
    return Op("clamp", f"clamp({min:g}, {max:g})", "x", value, {"x": inside})


@family()
def gelu(approximate: str = "none") -> Op:
    """The row of x times the normal distribution's cdf of x: exactly, or with "tanh" (Hendrycks and Gimpel 2016)."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu's approximate is 'none' or 'tanh', not {approximate!r}")
    return _gelu if approximate == "none" else gelu_tanh


__all__ = [
    "FAMILIES", "TABLE", "Bernoulli", "Op", "abs_", "acos", "acosh", "add", "affine", "asin", "asinh", "atan",
    "atan2", "atanh", "ceil", "clamp", "cos", "cosh", "div", "dot", "elu", "erf", "exp", "exp2", "expm1", "family",
    "floor", "gelu", "gelu_tanh", "hardtanh", "hypot", "leaky_relu", "log", "log1p", "log2", "log10", "logsumexp",
    "maximum", "minimum", "mul", "neg", "pow", "power", "reciprocal", "relu", "round", "row", "rsqrt", "select",
    "sigmoid", "sign", "silu", "sin", "sinh", "softplus", "softsign", "sqrt", "step", "sub", "tan", "tanh", "total",
    "trunc",
]  # fmt: skip
