"""Any graph compiles to a program that agrees with the eager engine."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, apply, dot, logsumexp, operation, ops, select, softmax, topological_order, total
from micrograd_plus.compiler import compile
from micrograd_plus.value import leaf

JUMPS = {"step", "sign", "floor", "ceil", "trunc", "round"}  # there a rounding error is a whole step
UNARY = [op for op in ops.TABLE.values() if len(op.operands) == 1 and not op.is_nary and op.name not in JUMPS] + [
    ops.leaky_relu(0.1), ops.elu(0.7), ops.clamp(-0.5, 0.5), *[ops.power(k) for k in (0.5, 2.0, 3.0, -1.0, 1.5, 4.0)]
]  # fmt: skip
BINARY = [op for op in ops.TABLE.values() if not op.is_nary and len(op.operands) == 2]
POSITIVE = {"log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "power"}
INSIDE = {"asin", "acos", "atanh"}


class Draw:
    """A random graph over `inputs` and `parameters`, made in vectors as models are, with irregular parts between."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.choices: list[int] = []

    def build(self, inputs: list[Value], index: Value, parameters: list[Value], steps: int) -> Value:
        rng = random.Random(self.rng.random())
        self.parameters = parameters
        vectors = [inputs, rng.sample(parameters, 3), [*inputs[:2], *parameters[:2], leaf(0.5, operation.CONSTANT)]]
        for _ in range(steps):
            made = getattr(self, rng.choice(STEPS))(rng, vectors, index)
            vectors.append([squash(each) for each in made])
        last = [each for vector in vectors[-4:] for each in vector]
        return total(rng.sample(last, min(len(last), 5))) + vectors[-1][0]

    def unary(self, rng, vectors, index):
        op = rng.choice(UNARY)
        xs = rng.choice(vectors)
        if op.name in POSITIVE:
            xs = [x * x + 0.25 for x in xs]
        if op.name in INSIDE:
            xs = [x.tanh() * 0.9 for x in xs]
        if op.name == "acosh":
            xs = [x * x + 1.25 for x in xs]
        return [apply(op, x) for x in xs]

    def binary(self, rng, vectors, index):
        op = rng.choice(BINARY)
        xs, ys = rng.choice(vectors), rng.choice(vectors)
        if op.name in ("div", "hypot", "atan2"):
            ys = [y * y + 0.5 for y in ys]
        if op.name == "pow":
            xs = [x * x + 0.25 for x in xs]
        if op.name.startswith("bce") or "cross_entropy" in op.name:
            xs, ys = [x.sigmoid() for x in xs], [y.sigmoid() for y in ys]
        if rng.random() < 0.3:
            rng.shuffle(ys := list(ys))
        if rng.random() < 0.3:
            ys = [rng.choice(ys)] * len(xs)
        return [apply(op, x, y) for x, y in zip(xs, ys)]

    def linear(self, rng, vectors, index):
        xs = rng.choice(vectors)
        wide = rng.randint(1, 4)
        rows = [[rng.choice(self.parameters) for _ in xs] for _ in range(wide)]
        fused = rng.random() < 0.5
        bias = [rng.choice(self.parameters) for _ in rows]
        return [dot(row, xs, b) if fused else sum(w * x for w, x in zip(row, xs)) + b for row, b in zip(rows, bias)]

    def attend(self, rng, vectors, index):
        queries = [rng.choice(vectors)[:2] for _ in range(3)]
        queries = [q if len(q) == 2 else q * 2 for q in queries]
        found = []
        for t, q in enumerate(queries):
            weights = softmax([sum(a * b for a, b in zip(q, k)) for k in queries[: t + 1]])
            found += [sum(w * k[j] for w, k in zip(weights, queries)) for j in range(2)]
        return found

    def reduce(self, rng, vectors, index):
        function = rng.choice([total, logsumexp])
        xs = rng.choice(vectors)
        return [function(rng.sample(xs, rng.randint(1, len(xs)))) for _ in range(rng.randint(1, 3))]

    def lookup(self, rng, vectors, index):
        table = [rng.choice([rng.choice(vectors), self.parameters])[:3] for _ in range(2)]
        return [select(index, (row * 3)[:3]) for row in table]

    def pick(self, rng, vectors, index):
        every = [each for vector in vectors for each in vector]
        return rng.choices(every, k=rng.randint(1, 6))

    def residual(self, rng, vectors, index):
        xs, ys = rng.choice(vectors), rng.choice(vectors)
        return [2 * x - y * 0.5 + 1 for x, y in zip(xs, ys)]


STEPS = [name for name in vars(Draw) if name not in ("build", "__init__") and not name.startswith("__")]


def squash(value: Value) -> Value:
    return value if abs(value.data) < 1.5 and value.children else value.tanh() if value.children else value


def compare(seed: int, steps: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = [leaf(float(p), operation.PARAMETER, f"p{i}") for i, p in enumerate(rng.uniform(-1, 1, 7))]
    batch, index = rng.uniform(-1, 1, (size, 3)), rng.integers(0, 3, size)

    def build(row, i):
        inputs = [Value(float(x), f"x{j}") for j, x in enumerate(row)]
        position = Value(float(i), "i")
        return inputs, position, Draw(seed).build(inputs, position, parameters, steps)

    # `squash` looks at data while building, so every example is built on the structure of the first
    first, position, output = build(batch[0], index[0])
    program = compile(output, inputs=[first, position], parameters=parameters)
    found = program.gradients(batch, index, inputs=True)
    expected, by_inputs, largest, widest = [], [], 1.0, 1.0
    for parameter in parameters:
        parameter.grad = 0.0
    for row, i in zip(batch, index):
        inputs, result = replay(first, position, output, row, i)
        result.backward()
        expected.append(result.data)
        by_inputs.append([x.grad for x in inputs])
        inside = topological_order(result)
        largest = max(largest, abs(result.data), *(abs(each.grad) for each in inside))
        widest = max(widest, *(abs(each.data) for each in inside))
    by_parameters = np.array([p.grad for p in parameters]) / size
    # exp and sin of x, and so a softmax, are right to abs(x) times the rounding error, in eager mode too
    scale = max(largest, float(np.abs(by_parameters).max())) * widest * steps
    np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(found.inputs[0] * size, by_inputs, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(found.parameters, by_parameters, rtol=1e-12, atol=1e-12 * scale)


def replay(inputs, position, output, row, i):
    """The same graph at other inputs, through the eager engine."""
    new = {x: Value(float(number), x.label) for x, number in zip(inputs, row)}
    new[position] = Value(float(i), "i")
    for node in topological_order(output):
        if node in new:
            continue
        if not node.children:
            new[node] = node
        else:
            new[node] = apply(node.op, *node.op.groups([new[child] for child in node.children]))
    return [new[x] for x in inputs], new[output]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 12), st.sampled_from([1, 3]))
def test_random_graphs_agree_with_eager(seed, steps, size):
    compare(seed, steps, size)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 25), st.sampled_from([1, 2, 5]))
def test_thousands_of_random_graphs_agree_with_eager(seed, steps, size):
    compare(seed, steps, size)
