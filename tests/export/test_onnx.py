"""What is written in ONNX gives the numbers of the engine to single precision, for any graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, compile, nn, operation, total
from micrograd_plus.compiler import Program
from micrograd_plus.export import Exported, to_onnx
from micrograd_plus.value import leaf
from tests.export.graphs import largest, random_program

pytestmark = pytest.mark.torch


def run(exported: Exported, *batch: np.ndarray) -> list[np.ndarray]:
    """The outputs of the file in the runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    given = {each.name: array.astype(np.float32) for each, array in zip(session.get_inputs(), batch)}
    return session.run(None, given)  # type: ignore[no-any-return]


def check(program: Program, *batch: np.ndarray) -> None:
    expected = program(*batch)
    [found] = run(to_onnx(program), *batch)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * largest(program, expected))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9), steps=st.integers(1, 12), size=st.sampled_from([1, 3]))
def test_random_graphs_agree_with_eager(seed: int, steps: int, size: int) -> None:
    program, batch, index = random_program(seed, steps, size)
    check(program, batch, index)


def test_inputs_and_outputs_are_named_and_the_batch_is_free() -> None:
    import onnxruntime

    model = nn.MLP(3, [4, 2], activation="tanh", seed=0)
    exported = to_onnx(model)
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("inputs", ["batch", 3])]
    assert [(each.name, each.shape) for each in session.get_outputs()] == [("y", ["batch", 2])]
    rows = np.random.default_rng(0).uniform(-1, 1, (7, 3))
    expected = [[y.data for y in model(row.tolist())] for row in rows]
    for count in (1, 2, 7):
        np.testing.assert_allclose(run(exported, rows[:count])[0], expected[:count], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("index", [-1.0, 3.0, 0.5])
def test_an_index_that_is_no_place_gives_nan(index: float) -> None:
    exported = to_onnx(nn.Embedding(3, 2, seed=0), example=(1.0,))
    assert np.isnan(run(exported, np.array([index]))[0]).all()
    assert np.isfinite(run(exported, np.array([2.0]))[0]).all()


def test_a_drawing_program_is_refused() -> None:
    program = compile(nn.MLP(2, [3, 2], dropout=0.5, seed=0).forward, example=([0.0, 1.0],))
    with pytest.raises(ValueError, match=r"draws numbers by chance \(bernoulli\)"):
        to_onnx(program)


def test_a_parameter_may_have_any_name() -> None:
    parameters = [leaf(0.5, operation.PARAMETER, name) for name in ("batch_size", "batch", "y", "shape", "constant")]
    x = Value(1.0, "x")
    outputs = [*parameters, x * parameters[0], total(parameters)]
    program = compile(outputs, inputs=[x], parameters=parameters)
    rows = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(run(to_onnx(program), rows)[0], program(rows), rtol=1e-6)
