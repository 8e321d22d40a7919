"""The rows in C and in JavaScript, and whole graphs as loops, give what the engine gives."""

from __future__ import annotations

import ctypes
import itertools
import json
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import Value, apply, compile, nn, operation, ops, row, total
from micrograd_plus.compiler.dialects import C99, JAVASCRIPT, Dialect, Formula
from micrograd_plus.compiler.loop_program import package_file
from micrograd_plus.operation import Op
from micrograd_plus.value import leaf
from tests.compiler.test_random_graphs import Draw
from tests.compiler.units import in_node, largest, narrow, natives, one_library
from tests.strategies import OPERATIONS, names, points

FIXED = [op for op in OPERATIONS if not op.is_nary]
LISTS = [op for op in OPERATIONS if op.is_nary]

ONE = [
    -math.inf, -1e300, -1000.0, -745.2, -30.0, -2.5, -1.5, -1.0, -0.5, -0.1, -1e-9, -5e-324, -0.0, 0.0, 5e-324, 1e-300,
    1e-9, 0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.5, 5.9, 7.0, 19.0, 30.0, 300.0, 709.7, 1000.0, 1e300, math.inf,
    math.nan,
]  # fmt: skip
TWO = [-math.inf, -1000.0, -2.0, -1.0, -0.5, 0.0, 0.3, 1.0, 2.0, 3.0, 1000.0, math.inf]


def arguments(op: Op) -> list[tuple[float, ...]]:
    """Arguments from all over the numbers, and the row's own smooth points."""
    own = [tuple(operands) for operands in points(op, 6)]
    return [*own, *(((x,) for x in ONE) if len(op.operands) == 1 else itertools.product(TWO, repeat=len(op.operands)))]


def texts(dialect: Dialect, op: Op) -> list[str]:
    """A row's value and derivatives; the operands are x[0], x[1], ... and the value is y[0]."""
    bound = {name: f"x[{i}]" for i, name in enumerate(op.operands)} | {"out": "y[0]"}
    return [Formula(dialect, bound).read(text) for text in (op.value, *op.partials.values())]


def expected(op: Op, operands: tuple[float, ...]) -> list[float] | None:
    """The eager engine's value and derivatives; None where it refuses."""
    try:
        value, partials = op.scalar(*operands)
    except (ArithmeticError, ValueError):
        return None
    return [value, *partials]


def assert_close(op: Op, operands: tuple[float, ...], found: list[float], wanted: list[float]) -> None:
    for number, exact in zip(found, wanted):
        same = (number == exact) or (math.isnan(number) and math.isnan(exact))
        near = math.isfinite(exact) and math.isclose(number, exact, rel_tol=1e-14, abs_tol=1e-300)
        # an angle of that size has lost its digits, and what is made of a nearly 0 difference too
        loose = math.isfinite(exact) and math.isclose(number, exact, rel_tol=1e-9, abs_tol=1e-15)
        assert same or near or loose, f"{op} of {operands}: {found}, eagerly {wanted}"


@pytest.fixture(scope="module")
def rows_in_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All fixed rows as functions row_0, row_1, ... from x to y that return whether something was not finite."""
    head = "typedef double real;\n#define REAL_BITS 64\nenum { B = 1 };\n"
    parts = [head, package_file("kernels.c")]
    for i, op in enumerate(FIXED):
        lines = "".join(f"    y[{k}] = {text};\n" for k, text in enumerate(texts(C99, op)))
        parts.append(
            f'__attribute__((visibility("default"))) int row_{i}(const real *x, real *y) {{\n'
            f"    forget();\n{lines}"
            "    return noted() || fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID) != 0;\n}\n"
        )
    return one_library("\n".join(parts), tmp_path_factory.mktemp("rows"))


@pytest.mark.parametrize("op", FIXED, ids=names)
def test_a_row_in_c_is_the_row(op: Op, rows_in_c: ctypes.CDLL) -> None:
    function = getattr(rows_in_c, f"row_{FIXED.index(op)}")
    for operands in arguments(op):
        x, y = (ctypes.c_double * len(operands))(*operands), (ctypes.c_double * (1 + len(op.partials)))()
        flagged = function(x, y)
        wanted = expected(op, operands)
        if wanted is None:
            assert flagged or not all(map(math.isfinite, y)), f"{op} of {operands} is {list(y)}"
        else:
            assert_close(op, operands, list(y), wanted)


@pytest.fixture(scope="module")
def rows_in_javascript(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What node makes of all fixed rows and their arguments."""
    folder = tmp_path_factory.mktemp("rows")
    functions = [
        "(x, y) => {" + " ".join(f"y[{k}] = {text};" for k, text in enumerate(texts(JAVASCRIPT, op))) + "}"
        for op in FIXED
    ]
    source = f"""{package_file("kernels.js")}
import {{readFileSync}} from 'fs';
const rows = [{", ".join(functions)}], given = JSON.parse(readFileSync('given.json'));
const found = rows.map((row, i) => given[i].map(x => {{
  const y = [];
  row(x.map(Number), y);
  return y.map(String);
}}));
console.log(JSON.stringify(found));
"""
    (folder / "rows.mjs").write_text(source)
    given = [[[_for_node(x) for x in operands] for operands in arguments(op)] for op in FIXED]
    (folder / "given.json").write_text(json.dumps(given))
    node = shutil.which("node") or pytest.fail("node is not on PATH; install it, as .ci/run does")
    done = subprocess.run([node, "rows.mjs"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    found: list[Any] = json.loads(done.stdout)
    return found


def _for_node(x: float) -> str:
    return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN" if math.isnan(x) else repr(x))


@pytest.mark.parametrize("op", FIXED, ids=names)
def test_a_row_in_javascript_is_the_row(op: Op, rows_in_javascript: list[Any]) -> None:
    for operands, found in zip(arguments(op), rows_in_javascript[FIXED.index(op)]):
        wanted = expected(op, operands)
        if wanted is not None:
            assert_close(op, operands, [float(each.replace("Infinity", "inf")) for each in found], wanted)


# -------------------------------------------------------------------- whole graphs


def program_of(op: Op, operands: list[Any]) -> Any:
    inputs = [[Value(x) for x in each] if isinstance(each, list) else Value(each) for each in operands]
    flat = [value for each in inputs for value in (each if isinstance(each, list) else [each])]
    return compile(apply(op, *inputs), inputs=[flat])


def flat(operands: list[Any]) -> list[float]:
    return [x for each in operands for x in (each if isinstance(each, list) else [each])]


@pytest.fixture
def blend() -> Any:
    """A row of a user's with a list, and with what is made of all of it."""
    yield row(
        "blend", "t *xs *ys", "t * sum(xs) + max(ys) * sum(x * x for x in xs)", name="blend",
        t="sum(xs)", x="t + 2 * x * max(ys)", y="sum(x * x for x in xs) if y == max(ys) else 0",
    )  # fmt: skip
    del ops.TABLE["blend"]


@pytest.mark.parametrize("size", [1, 8])
def test_rows_of_lists_are_the_rows(size: int, tmp_path: Path, blend: Op) -> None:
    every = [*LISTS, blend]
    chosen = [
        points(op, 3) if op is not blend else [[0.5, [1.0, -2.0], [0.25, 0.75]], [-1.0, [2.0, 0.5], [3.0, 1.0]]]
        for op in every
    ]
    chosen = [[each for each in some if len(flat(each)) == len(flat(some[0]))] for some in chosen]
    programs = [program_of(op, some[0]) for op, some in zip(every, chosen)]
    for op, some, native in zip(every, chosen, natives(programs, size, tmp_path)):
        found = native.gradients([flat(each) for each in some], reduction="sum", inputs=True)
        wanted = [op.scalar(*each) for each in some]
        np.testing.assert_allclose(found.values, [value for value, _ in wanted], rtol=1e-13, err_msg=str(op))
        np.testing.assert_allclose(found.inputs[0], [slopes for _, slopes in wanted], rtol=1e-12, atol=1e-14)


def drawn(seed: int) -> tuple[Any, Any, Any]:
    """A random graph's program, and a batch."""
    rng = np.random.default_rng(seed)
    size = (1, 3, 5)[seed % 3]
    parameters = [leaf(float(p), operation.PARAMETER, f"p{i}") for i, p in enumerate(rng.uniform(-1, 1, 7))]
    batch, index = rng.uniform(-1, 1, (size, 3)), rng.integers(0, 3, size)
    inputs, position = [Value(float(x), f"x{j}") for j, x in enumerate(batch[0])], Value(float(index[0]), "i")
    output = Draw(seed).build(inputs, position, parameters, 1 + seed % 12)
    return compile(output, inputs=[inputs, position], parameters=parameters), batch, index


def assert_agrees(seed: int, expected: Any, found: tuple[Any, Any, Any]) -> None:
    """Within rounding: the NumPy program is held to the engine by the test of random graphs."""
    by_inputs = np.concatenate([expected.inputs[0], expected.inputs[1][:, np.newaxis]], axis=1)
    for wanted, numbers in zip((expected.values, expected.parameters, by_inputs), found):
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(
            numbers, np.reshape(wanted, np.shape(numbers)), 1e-11, 1e-11 * scale, err_msg=f"{seed=}"
        )


def compare_narrow(seeds: range, folder: Path) -> None:
    """In 32 bits: within 1e-5 of the largest number on the way, of whose digits a result has no more."""
    cases = [drawn(seed) for seed in seeds]
    in_c = natives([case[0] for case in cases], 16, folder, dtype="float32")
    for seed, (program, *batch), native in zip(seeds, cases, in_c):
        scale, wide = largest(program, *batch), program.gradients(*batch, inputs=True)
        for each in (narrow(program), native):
            found = each.gradients(*batch, inputs=True)
            for numbers, expected in zip((found.parameters, *found.inputs), (wide.parameters, *wide.inputs)):
                np.testing.assert_allclose(numbers, expected, rtol=0, atol=1e-5 * scale, err_msg=f"{seed=}")


def compare_in_c(seeds: range, size: int, folder: Path) -> None:
    cases = [drawn(seed) for seed in seeds]
    for seed, (program, *batch), native in zip(seeds, cases, natives([case[0] for case in cases], size, folder)):
        found = native.gradients(*batch, inputs=True)
        by_inputs = np.concatenate([found.inputs[0], found.inputs[1][:, np.newaxis]], axis=1)
        assert_agrees(seed, program.gradients(*batch, inputs=True), (found.values, found.parameters, by_inputs))


def compare_in_javascript(seeds: range, folder: Path) -> None:
    drawn_cases = [drawn(seed) for seed in seeds]
    cases = [
        {
            "parameters": [each.data for each in program.parameters], "draws": [],
            "inputs": np.concatenate([batch, index[:, np.newaxis]], axis=1).reshape(-1).tolist(),
        }
        for program, batch, index in drawn_cases
    ]  # fmt: skip
    results = in_node([program.js_source for program, *_ in drawn_cases], cases, folder)
    for seed, (program, *batch), found in zip(seeds, drawn_cases, results):
        assert not isinstance(found, str), f"{seed=}: {found}"
        expected = program.gradients(*batch, inputs=True)
        assert_agrees(
            seed, expected, (found["outputs"], found["parameters"], found["inputs"].reshape(len(batch[0]), -1))
        )


@pytest.mark.parametrize("size", [1, 8])
def test_random_graphs_in_c_agree(size: int, tmp_path: Path) -> None:
    compare_in_c(range(36), size, tmp_path)


def test_random_graphs_in_32_bits_agree(tmp_path: Path) -> None:
    compare_narrow(range(36), tmp_path)


def test_random_graphs_in_javascript_agree(tmp_path: Path) -> None:
    compare_in_javascript(range(80), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(int(os.environ.get("RANDOM_GRAPHS", "240")) // 60))
def test_hundreds_of_random_graphs_agree(part: int, tmp_path: Path) -> None:
    """Those of the gate; `RANDOM_GRAPHS=6000 python -m pytest -m slow tests/compiler/test_loops.py` has more."""
    seeds = range(1000 + 60 * part, 1060 + 60 * part)
    compare_in_c(seeds, (1, 8, 16)[part % 3], tmp_path)
    compare_in_javascript(seeds, tmp_path)
    compare_narrow(seeds, tmp_path)


def test_a_deep_and_irregular_graph_is_loops_too(tmp_path: Path) -> None:
    x, w = Value(0.5, "x"), leaf(1.1, operation.PARAMETER, "w")
    y = x
    for i in range(400):
        y = (y * w + i % 3).tanh() if i % 2 else y - x * 0.5
    program = compile(y, inputs=[x], parameters=[w])
    (native,) = natives([program], 8, tmp_path)
    expected, found = (each.gradients([0.5, -0.25], inputs=True) for each in (program, native))
    np.testing.assert_allclose(found.parameters, expected.parameters, rtol=1e-11)
    (js,) = in_node([program.js_source], [{"parameters": [1.1], "inputs": [0.5, -0.25], "draws": []}], tmp_path)
    np.testing.assert_allclose(js["parameters"], expected.parameters, rtol=1e-11)


def test_names_of_the_languages_are_not_taken(tmp_path: Path) -> None:
    """Labels may be words of C or JavaScript, or names of a program's own."""
    words = ["double", "let", "B", "i", "tanh", "rows", "d_rows", "at_0", "multiply", "λ", "d_x", "x", "exp"]
    inputs = [Value(0.1 * i, word) for i, word in enumerate(words)]
    weights = [leaf(0.3, operation.PARAMETER, word) for word in words]
    y = total([(x * w).tanh() for x, w in zip(inputs, weights)]).exp()
    program = compile(y, inputs=inputs, parameters=weights)
    batch = [[0.1 * i, 0.2] for i in range(len(words))]
    (native,) = natives([program], 8, tmp_path)
    np.testing.assert_allclose(native(*batch), program(*batch), rtol=1e-13)
    numbers = [weight.data for weight in weights]
    case = {"parameters": numbers, "inputs": np.array(batch).T.reshape(-1).tolist(), "draws": []}
    (found,) = in_node([program.js_source], [case], tmp_path)
    np.testing.assert_allclose(found["outputs"], program(*batch), rtol=1e-13)


def xor_program() -> Any:
    model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
    return compile(
        lambda x, y: nn.mse_loss(model(x), y), parameters=model.parameters(), example=([0.0, 1.0], 1.0)
    )  # fmt: skip


def test_the_loops_of_xor_fit_on_a_page() -> None:
    source = xor_program().c_source.splitlines()
    assert len(source) < 150
    body = [line for line in source if line.startswith("    ") and not line.startswith("    real *")]
    assert len(body) <= 60
    assert "    // matrix product (4 x 2) * (2 x 1)" in source
    assert any("layers_0_weights = shared;  // 4 x 2" in line for line in source)


REFUSED = """
import {step} from './program.mjs';
const told = (parameters, inputs, lr) => {
  try {
    return [...step(Float64Array.of(...parameters), [], Float64Array.of(...inputs), null, 1, lr).parameters];
  } catch (error) { return [error.name, error.message, error.parameter ?? null]; }
};
console.log(JSON.stringify([
  told([0.5, 2.0], [1.0], 0.1), told([0.5, 2.0], [1e200], 0.1), told([0.5, 1e-250], [1e300], 0.1),
  told([0.5, 2.0], [1.0], 1e309),
]));
"""


def test_a_step_in_javascript_refuses_what_is_not_finite(tmp_path: Path) -> None:
    x, v, w = Value(1.0, "x"), leaf(0.5, operation.PARAMETER, "v"), leaf(2.0, operation.PARAMETER, "w")
    program = compile((w * x) ** 2 * v, inputs=[x], parameters=[v, w])
    (tmp_path / "program.mjs").write_text(program.js_source)
    (tmp_path / "main.mjs").write_text(REFUSED)
    node = shutil.which("node") or pytest.fail("node is not on PATH; install it, as .ci/run does")
    done = subprocess.run([node, str(tmp_path / "main.mjs")], capture_output=True, text=True, cwd=tmp_path)
    stepped, large, gradient, rate = json.loads(done.stdout)
    np.testing.assert_allclose(stepped, [0.5 - 0.1 * 4.0, 2.0 - 0.1 * 2.0])
    assert large[:2] == ["RangeError", "the loss is Infinity; lower the learning rate, or scale the inputs"]
    assert gradient[1].startswith("the gradient of parameter 1 is Infinity; lower the learning rate")
    assert rate[1].startswith("step 1 takes parameter 0 to -Infinity;")
    assert (gradient[2], rate[2]) == (1, 0)


def test_half_powers_of_infinity_are_those_of_pow(tmp_path: Path) -> None:
    x = Value(1.0, "x")
    program = compile([x**k for k in (0.5, 1.5, -0.5, -1.5)], inputs=[x])
    (native,) = natives([program], 8, tmp_path)
    expected = [[(-math.inf) ** k for k in (0.5, 1.5, -0.5, -1.5)]]
    assert native([-math.inf]).tolist() == expected
