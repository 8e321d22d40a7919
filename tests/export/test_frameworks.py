"""What is written for PyTorch and JAX gives the numbers and gradients of the engine, for any graph."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus.compiler import Program
from micrograd_plus.compiler import compile as compiled
from micrograd_plus.export import Exported, to_jax, to_torch
from tests.export.graphs import largest, lesson_nine, random_program

pytestmark = pytest.mark.torch

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Each graph is compiled once and run once."""


def module_of(exported: Exported) -> types.ModuleType:
    """The file as a module."""
    module = types.ModuleType("exported")
    exec(compile(exported.source, "exported.py", "exec"), module.__dict__)
    return module


def by_parameter(exported: Exported, program: Program, gradients: dict[str, Any]) -> np.ndarray:
    """The gradients in the order of the program's parameters, whose places the weights' file tells by their numbers."""
    from micrograd_plus.export.lowering import lower
    from micrograd_plus.export.python_files import _TAKEN
    from micrograd_plus.export.spelling import Identifiers

    found = np.full(len(program.parameters), np.nan)
    for each in lower(program, Identifiers(_TAKEN)).parameters:
        found[each.places] = gradients[each.name]
    return found


def tolerance(program: Program, expected: Any) -> float:
    """As in the compiler's own comparison: rounding grows with the largest numbers inside."""
    found = (expected.parameters, *expected.inputs)
    slopes = max(1.0, *(float(np.abs(each).max(initial=0.0)) for each in found))
    return 1e-12 * largest(program, expected.values) * slopes * 25


def first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, tuple) else outputs


def check_torch(program: Program, *batch: np.ndarray) -> None:
    import torch
    from safetensors.torch import load as loads

    expected = program.gradients(*batch, inputs=True, reduction="sum")
    exported = to_torch(program)
    model = module_of(exported).Model()
    assert exported.weights is not None
    model.load_state_dict(loads(exported.weights))
    inputs = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in batch]
    found = first(model(*inputs))
    atol = tolerance(program, expected)
    np.testing.assert_allclose(found.detach().numpy(), np.reshape(expected.values, -1), rtol=1e-12, atol=atol)
    if found.requires_grad:
        found.sum().backward()
    gradients = {name: 0.0 if each.grad is None else each.grad.numpy() for name, each in model.named_parameters()}
    np.testing.assert_allclose(by_parameter(exported, program, gradients), expected.parameters, rtol=1e-12, atol=atol)
    slopes = inputs[0].grad
    by_inputs = np.zeros(batch[0].shape) if slopes is None else slopes.numpy()
    np.testing.assert_allclose(by_inputs, expected.inputs[0], rtol=1e-12, atol=atol)


def check_jax(program: Program, *batch: np.ndarray) -> None:
    import jax
    from safetensors.numpy import load as loads

    expected = program.gradients(*batch, inputs=True, reduction="sum")
    exported = to_jax(program)
    module = module_of(exported)
    assert exported.weights is not None
    with jax.enable_x64(True):
        inputs = [jax.numpy.asarray(each, float) for each in batch]
        params = {name: jax.numpy.asarray(each) for name, each in loads(exported.weights).items()}
        atol = tolerance(program, expected)

        def summed(params: Any, *inputs: Any) -> Any:
            values = first(module.forward(params, *inputs))
            return values.sum(), values

        both = jax.jit(jax.value_and_grad(summed, (0, 1), has_aux=True), compiler_options=QUICK)
        (_, values), slopes = both(params, *inputs)
        np.testing.assert_allclose(values, np.reshape(expected.values, -1), rtol=1e-12, atol=atol)
        found = by_parameter(exported, program, slopes[0])
        np.testing.assert_allclose(found, expected.parameters, rtol=1e-12, atol=atol)
        np.testing.assert_allclose(slopes[1], expected.inputs[0], rtol=1e-12, atol=atol)


@pytest.mark.parametrize("check", [check_torch, check_jax])
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9), steps=st.integers(1, 12), size=st.sampled_from([1, 3]))
def test_random_graphs_agree_with_eager(check: Any, seed: int, steps: int, size: int) -> None:
    program, batch, index = random_program(seed, steps, size)
    check(program, batch, index)


@pytest.mark.parametrize("check", [check_torch, check_jax])
def test_the_loss_of_a_gpt_has_the_same_gradients(check: Any) -> None:
    lesson = lesson_nine()
    model = lesson["GPT"](6)
    batch = np.array([[0.0, 3.0, 5.0, 1.0, 0.0], [0.0, 2.0, 2.0, 4.0, 0.0]])
    program = compiled(lambda tokens: lesson["loss_of"](model, tokens), parameters=model.parameters()).program(batch)
    check(program, batch)
