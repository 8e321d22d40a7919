"""What compile makes of graphs and functions, and what it says to those that it can't compile."""

import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from micrograd_plus import Value, dot, gradients, logsumexp, ops, select, softmax, total
from micrograd_plus.compiler import Compiled, CompileError, Program, compile
from micrograd_plus.errors import DomainError
from micrograd_plus.nn import MLP, Dropout, Embedding, Layer, Parameter, cross_entropy, l2_penalty, mse_loss
from micrograd_plus.value import constant
from tests.strategies import points


def inputs(*numbers, name="x"):
    return [Value(float(number), f"{name}{i}") for i, number in enumerate(numbers)]


def weights(rows, columns, name="w", seed=0):
    rng = random.Random(seed)
    return [[Parameter(rng.uniform(-1, 1), f"{name}.{i}.{j}") for j in range(columns)] for i in range(rows)]


def eager(function, batch, parameters):
    """Values and gradients of the mean, from the eager engine."""
    for parameter in parameters:
        parameter.grad = 0.0
    values = []
    for row in zip(*batch):
        output = function(*[_values(each) for each in row])
        (output * (1 / len(batch[0]))).backward()
        values.append(output.data)
    return np.array(values), np.array([parameter.grad for parameter in parameters])


def _values(numbers):
    return [_values(each) for each in numbers] if hasattr(numbers, "__len__") else Value(float(numbers))


def agrees(function, batch, parameters):
    program = compile(function, parameters=parameters, example=[each[0] for each in batch])
    found = program.gradients(*batch)
    values, by_parameters = eager(function, batch, parameters)
    np.testing.assert_allclose(found.values, values, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.parameters, by_parameters, rtol=1e-12, atol=1e-14)
    return program


# -------------------------------------------------------------------- what is recognised


def test_plain_sums_and_fused_dots_give_the_same_program():
    w, b = weights(4, 3), weights(1, 4, "b")[0]

    def plain(x):
        return total([(sum(wi * xi for wi, xi in zip(row, x)) + bi).tanh() for row, bi in zip(w, b)])

    def fused(x):
        return total([dot(row, x, bi).tanh() for row, bi in zip(w, b)])

    parameters = [each for row in [*w, b] for each in row]
    programs = [compile(each, parameters=parameters, example=([0.1, 0.2, 0.3],)) for each in (plain, fused)]
    assert programs[0].source == programs[1].source
    assert programs[0].nodes > programs[1].nodes


def test_a_network_is_its_matrix_products_and_a_few_lines():
    model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    program = agrees(
        lambda x, y: mse_loss(model(x), y),
        [np.random.default_rng(0).normal(size=(5, 2)), np.ones(5)],
        model.parameters(),
    )
    assert "np.matmul(layers_1_weights, layers_0_relu, out=layers_1)" in program.source
    assert "np.maximum(layers_1, 0.0, out=layers_1_relu)" in program.source
    assert "np.matmul(d_layers_1, layers_0_relu_T, out=d_layers_1_weights)" in program.source
    assert program.source.count("np.matmul") == 3 + 5  # no gradient by the input


def test_the_source_of_a_small_program_in_full():
    w, x, y = Parameter(2.0, "w"), Value(1.0, "x"), Value(1.0, "y")
    program = compile((w * x - y) ** 2, inputs=[x, y])
    body = program.source[program.source.index("    def forward") :]
    assert (
        body
        == """\
    def forward(x, y):
        np.multiply(w, x, out=w_mul)
        np.subtract(w_mul, y, out=w_sub)
        np.square(w_sub, out=w_power)

    def backward(x, y, scale):
        d_w_power[...] = scale
        np.multiply(d_w_power, 2 * w_sub, out=d_w_sub)
        np.dot(d_w_sub * x, ones, out=d_w_sums)

    return rows, d_rows, forward, backward
"""
    )


def test_tokens_go_through_one_batched_product():
    layer = Layer(3, 4, "tanh", seed=0)
    batch = [np.random.default_rng(0).normal(size=(3, 5, 3))]
    program = agrees(lambda rows: total([y for row in rows for y in layer(row)]), batch, layer.parameters())
    assert "matrix products          1\n" in str(program.summary())


def test_causal_attention_is_products_of_whole_tables():
    layer = Layer(4, 12, seed=0, bias=False)

    def attend(rows):
        found = []
        made = [layer(row) for row in rows]
        for t, q in enumerate(made):
            scores = [dot(q[:4], k[4:8]) / 2 for k in made[: t + 1]]
            found += [dot(softmax(scores), [v[8 + j] for v in made[: t + 1]]) for j in range(4)]
        return total([each * each for each in found])

    program = agrees(attend, [np.random.default_rng(0).normal(size=(2, 6, 4))], layer.parameters())
    assert "matrix products          3\n" in str(program.summary())


def test_a_convolution_is_one_product():
    kernel = weights(2, 9)

    def convolve(image):
        patches = [
            [image[i + a][j + b] for a in range(3) for b in range(3)] for i in range(4) for j in range(4)
        ]  # fmt: skip
        return total([dot(row, patch).relu() for row in kernel for patch in patches])

    program = agrees(convolve, [np.random.default_rng(0).normal(size=(3, 6, 6))], [w for row in kernel for w in row])
    assert "matrix products          1\n" in str(program.summary())


def test_embedding_and_cross_entropy_look_up_by_input():
    table, layer = Embedding(5, 3, seed=0), Layer(3, 5, seed=1)
    batch = [np.array([[0, 4], [2, 2], [1, 3]]), np.array([1, 0, 4])]

    def loss(tokens, target):
        return total([cross_entropy(layer(row), target) for row in table(tokens)])

    agrees(loss, batch, [*table.parameters(), *layer.parameters()])


def test_a_penalty_is_computed_once_for_the_batch():
    model = MLP(3, [4, 1], seed=0)
    batch = [np.random.default_rng(0).normal(size=(4, 3))]
    program = agrees(lambda x: model(x) + l2_penalty(model.parameters(), 0.1), batch, model.parameters())
    forward = program.source[program.source.index("def forward") : program.source.index("def backward")]
    first = forward.splitlines()[1]
    assert "np.matmul" in first and "x" not in first.split("(")[1].split(",")[0].split("_")


def test_unequal_sums_of_one_depth():
    w = weights(1, 10)[0]

    def function(x):
        return total([total([w[i] * x[j] for j in range(i + 1)]).sin() * logsumexp(x[: i + 1]) for i in range(4)])

    agrees(function, [np.random.default_rng(0).normal(size=(3, 4))], w)


def test_constants_that_are_taken_one_by_one_are_there_before_any_run():
    c = [constant(number) for number in (0.25, 1.5, -0.75, 0.5, -1.25, 2.0)]
    batch = [np.array([[0.3, -2.0, 1.0], [1.0, 0.5, 0.0]])]
    agrees(lambda x: logsumexp([dot(c, [*x, *x]), c[4], c[0], c[5]]), batch, [])


def test_gradients_that_nobody_wants_are_left_out():
    def function(x):
        return logsumexp([x[0], 1.0, x[1]]) * W + logsumexp([W, x[0]])

    agrees(function, [np.array([[0.3, -2.0], [1.0, 0.5]])], [W])


def test_derivatives_as_values_compile():
    w = Parameter(0.7, "w")

    def slope(x):
        return gradients((w * x).tanh() * x, x)

    agrees(slope, [np.array([0.3, -2.0, 1.0])], [w])


# -------------------------------------------------------------------- dropout


def test_dropout_is_drawn_anew_as_the_eager_engine_would():
    drop = Dropout(0.4, seed=3)
    x = [1.0] * 6
    program = compile(lambda row: drop(row), example=(x,))
    state = drop.op.rng.getstate()
    first, second = program([x, x, x]), program([x])
    drop.op.rng.setstate(state)
    expected = [[each.data for each in drop(x)] for _ in range(4)]
    assert first.tolist() + second.tolist() == expected
    assert len(set(map(tuple, expected))) > 1


# -------------------------------------------------------------------- the forms of results


def test_several_outputs_keep_their_form():
    x, y = inputs(1, 2)
    program = compile(([x + y, x * y], x - y), inputs=[x, y])
    sums, difference = program([1.0, 2.0], [3.0, 4.0])
    assert sums.tolist() == [[4.0, 3.0], [6.0, 8.0]] and difference.tolist() == [-2.0, -2.0]
    with pytest.raises(ValueError, match="3 outputs"):
        program.gradients([1.0], [2.0])
    found = program.gradients([1.0, 2.0], [3.0, 4.0], of=1, reduction="sum", inputs=True)
    assert [each.tolist() for each in found.inputs] == [[3.0, 4.0], [1.0, 2.0]]


def test_an_output_may_be_an_input_or_a_parameter():
    x, w = Value(1.0, "x"), Parameter(5.0, "w")
    program = compile((x, w, x * w), inputs=[x])
    assert [each.tolist() for each in program([1.0, 2.0])] == [[1.0, 2.0], [5.0, 5.0], [5.0, 10.0]]


def test_parameters_are_read_anew_at_each_run():
    x, w = Value(1.0, "x"), Parameter(5.0, "w")
    program = compile(x * w, inputs=[x])
    w.data = 7.0
    assert program([2.0]).tolist() == [14.0]


def test_lists_and_integers_are_taken_too():
    x = inputs(1, 2)
    program = compile(x[0] * x[1], inputs=[x])
    assert program([[1, 2], [3, 4]]).tolist() == program(np.array([[1, 2], [3, 4]])).tolist() == [2.0, 12.0]
    assert program(np.array([[1, 2], [3, 4]], np.float32)).tolist() == [2.0, 12.0]


def test_repr_and_summary_tell_what_it_is():
    x = inputs(1, 2)
    program = compile((x[0] * x[1]).exp(), inputs=[x])
    assert repr(program) == "<Program(x): 4 scalar nodes in 2 instructions, 0 parameters>"
    assert "scalar nodes in" in str(program.summary()) and "buffer" in str(program.summary())


# -------------------------------------------------------------------- threads


def test_threads_run_one_program_and_each_gets_its_own_results():
    model = MLP(3, [8, 2], activation="tanh", seed=0)
    program = compile(model, parameters=model.parameters(), example=([0.1, 0.2, 0.3],))
    other = compile(lambda x: total(model(x)).log(), parameters=model.parameters(), example=([0.1, 0.2, 0.3],))
    batches = [np.random.default_rng(i).normal(size=(1 + i % 5, 3)) for i in range(24)]

    def run(i):
        batch = batches[i % len(batches)]
        if i % 3 == 0:  # of a negative number, in another program: what one thread meets must not reach another
            with contextlib.suppress(DomainError):
                other(batch)
        found = program.gradients(batch, of=i % 2, inputs=True)
        return [program(batch), found.values, found.parameters, *found.inputs]

    expected = [run(i) for i in range(240)]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(run, range(240)), expected):
            for mine, theirs in zip(found, wanted):
                np.testing.assert_array_equal(mine, theirs)


@pytest.fixture
def traces(monkeypatch):
    """How many numbers the examples had that functions were traced with, in turn."""
    found, trace = [], Compiled._trace

    def counted(self, examples):
        found.append(len(examples[0][0]))
        return trace(self, examples)

    monkeypatch.setattr(Compiled, "_trace", counted)
    return found


def test_threads_that_need_the_same_new_program_make_it_once(traces):
    compiled = compile(lambda row: total([x.sin() for x in row]))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: compiled(np.full((2, 40), float(i))), range(8)))
    np.testing.assert_allclose(found, [[40 * np.sin(i)] * 2 for i in range(8)])
    assert traces == [40]


# -------------------------------------------------------------------- caching


def test_graphs_of_one_structure_share_a_plan():
    def made(number):
        x, w = Value(number, "x"), Parameter(number + 1, "w")
        return compile((w * x).tanh(), inputs=[x])

    first, second = made(0.5), made(2.0)
    assert first.plan is second.plan
    assert first([1.0]).tolist() == [np.tanh(1.5)] and second([1.0]).tolist() == [np.tanh(3.0)]
    x, w = Value(1.0, "x"), Parameter(1.0, "w")
    assert compile((w * x).sin(), inputs=[x]).plan is not first.plan


def test_constants_are_part_of_the_structure():
    x, y = Value(1.0, "x"), Value(1.0, "x")
    assert compile(x * 2 + 1, inputs=[x])([3.0]).tolist() == [7.0]
    assert compile(y * 3 + 1, inputs=[y])([3.0]).tolist() == [10.0]


def test_a_function_compiles_once_for_each_length(traces):
    compiled = compile(lambda row: total(row))
    assert isinstance(compiled, Compiled)
    for length in (2, 3, 2, 3, 3):
        assert compiled(np.ones((4, length))).tolist() == [float(length)] * 4
    assert traces == [2, 3]


# -------------------------------------------------------------------- what is refused


X, Y, W = Value(1.0, "x"), Value(2.0, "y"), Parameter(3.0, "w")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: compile(W * 2), CompileError, "no inputs"),
        (lambda: compile(3.0), TypeError, "needs a Value"),
        (lambda: compile([]), TypeError, "nothing to compile"),
        (lambda: compile(W * X, inputs=[X, X]), CompileError, "twice"),
        (lambda: compile(W * X, inputs=[W * X]), CompileError, "result of mul"),
        (lambda: compile(W * X, inputs=[X], parameters=[]), CompileError, "neither among the inputs nor"),
        (lambda: compile(W * X, inputs=[3]), TypeError, "inputs are Values"),
        (lambda: compile(W * X, inputs=[[X, [Y]]]), CompileError, "differ in length"),
        (lambda: compile(lambda x: 3, example=(1.0,)), TypeError, "is a return missing"),
        (lambda: compile(lambda x: x, inputs=[X]), TypeError, "arguments"),
        (lambda: compile(X, inputs=[X], example=(1.0,)), TypeError, "goes with a function"),
        (lambda: compile(lambda x: x if x > 0 else -x, example=(1.0,)), CompileError,
         r"test_compile.py, line \d+, looks at x by >"),
        (lambda: compile(lambda x: x * float(x), example=(1.0,)), CompileError, r"float\(\)"),
        (lambda: compile(lambda x: max(x, W), example=(1.0,)), CompileError, "looks at"),
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_told(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        (([1.0],), ValueError, "takes 2 inputs"),
        (([1.0], [1.0, 2.0]), ValueError, "their numbers differ: x 1, y 2"),
        (([], []), ValueError, "the batch is empty"),
        (([[1.0]], [[2.0]]), ValueError, r"x needs an array of shape \(examples\)"),
        ((["a"], [1.0]), TypeError, "x needs numbers"),
        (([True], [1.0]), TypeError, "x needs numbers"),
        (([1j], [1.0]), TypeError, "x needs numbers"),
        (([1.0, float("nan")], [1.0, 2.0]), ValueError, "x of example 1 is nan"),
        (([1.0, -1.0], [1.0, 2.0]), DomainError, r"log\(x\) is not defined for x = -1.*example 1 of the batch"),
        (([1.0, 1.0], [1.0, 0.0]), ZeroDivisionError, "y = 0.*example 1 of the batch"),
        (([1.0, 1.0], [1.0, 1e-200]), OverflowError, "example 1 of the batch"),
    ],
)
def test_wrong_batches_are_told(batch, error, words):
    x, y = inputs(1, 2)
    x.label, y.label = "x", "y"
    program = compile(x.log() + (1 / y) ** 2, inputs=[x, y])
    with pytest.raises(error, match=words):
        program(*batch)


@pytest.mark.parametrize("index", [3, -1, 0.5])
def test_an_index_out_of_range_is_told(index):
    i, row = Value(0.0, "i"), inputs(1, 2, 3)
    program = compile(select(i, row), inputs=[i, row])
    with pytest.raises(IndexError, match="from 0 to 2, but example 1"):
        program([0, index], [[1, 2, 3], [4, 5, 6]])


def test_an_infinity_that_came_in_may_pass_through():
    x = Value(1.0, "x")
    assert compile(x * 2, inputs=[x])([float("inf"), 1.0]).tolist() == [float("inf"), 2.0]


def test_an_infinity_that_would_spoil_the_sums_beside_it_is_told():
    w = weights(1, 3)[0]
    program = compile(lambda x: [dot(w[: t + 1], x[: t + 1]) for t in range(3)], parameters=w, example=([1, 2, 3],))
    with pytest.raises(FloatingPointError, match=r"to an infinity beside it; run it eagerly \(example 1 of"):
        program([[1, 2, 3], [1, 2, float("inf")]])


def test_branches_that_are_not_taken_raise_nothing():
    x = Value(1.0, "x")
    program = compile(x**0.5 + x.softplus() + x.sigmoid() + x.elu(), inputs=[x])
    assert np.isfinite(program([0.0, 800.0])).all()


# -------------------------------------------------------------------- size


def chain(length):
    x, w = Value(0.5, "x"), Parameter(0.9, "w")
    y = x
    for _ in range(length):
        y = (w * y + x).tanh()
    return x, w, y


def test_a_deep_irregular_graph_becomes_a_ladder():
    x, w, y = chain(2000)
    program = compile(y, inputs=[x])
    found = program.gradients([0.5, -0.25], inputs=True, reduction="sum")
    y.backward()
    assert found.values[0] == pytest.approx(y.data, rel=1e-12)
    assert found.inputs[0][0] == pytest.approx(x.grad, rel=1e-12)
    assert len(program.source.splitlines()) < 60
    by_w = w.grad
    w.grad = 0.0
    assert program.gradients([0.5]).parameters[0] == pytest.approx(by_w, rel=1e-12)


def test_a_ladder_names_what_went_wrong():
    x = Value(0.5, "x")
    y = x
    for _ in range(400):
        y = (y * x).sin() + 1.5
    program = compile(y.log() + (x - 1).log1p(), inputs=[x])
    with pytest.raises(DomainError, match=r"log1p.*example 1 of the batch"):
        program([0.5, -0.5])


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["chain", "sum", "layers"])
def test_compile_time_grows_with_the_nodes_alone(shape):
    def seconds_a_node(nodes):
        x, w = Value(0.5, "x"), Parameter(0.9, "w")
        if shape == "chain":
            x, w, output = chain(nodes // 3)
        elif shape == "sum":
            output = sum(w * x for _ in range(nodes // 2))
        else:
            table = weights(64, 64)
            row = [x] * 64
            for _ in range(nodes // (64 * 64 * 2)):
                row = [sum(a * b for a, b in zip(each, row)).tanh() for each in table]
            output = total(row)
        began = time.process_time()
        program = compile(output, inputs=[x])
        program.source  # noqa: B018
        return (time.process_time() - began) / program.nodes

    small, large = seconds_a_node(50_000), seconds_a_node(500_000)
    assert large < 4 * small


@pytest.mark.slow
def test_a_million_nodes():
    x, _, y = chain(333_333)
    program = compile(y, inputs=[x])
    assert isinstance(program, Program) and program.nodes > 1_000_000 - 5
    assert program([0.5])[0] == pytest.approx(y.data, rel=1e-12)


def test_every_row_of_the_table_compiles():
    for op in ops.TABLE.values():
        if op.is_nary:
            continue
        x = inputs(*points(op, 1)[0])
        from micrograd_plus import apply

        output = apply(op, *x)
        program = compile(output, inputs=[x])
        assert program([[each.data for each in x]]).tolist() == pytest.approx([output.data], rel=1e-13), op.name


def test_a_view_that_goes_back_to_an_input_finds_it_in_its_row():
    x, w = inputs(2, 3), [Parameter(0.5, "w0"), Parameter(-0.25, "w1")]
    shared = total([w[0], w[1], w[0]])
    first = [(each * 1.5).sin() for each in x]
    output = dot([shared, x[1]], [first[0], first[1]])  # a copy of a shared number, and before it in memory, an input
    found = compile(output, inputs=[x], parameters=w).gradients([[2.0, 3.0], [0.5, -1.0]], inputs=True)
    output.backward()
    assert found.values[0] == pytest.approx(output.data, rel=1e-12)
    assert (found.inputs[0][0] * 2).tolist() == pytest.approx([each.grad for each in x], rel=1e-12)
