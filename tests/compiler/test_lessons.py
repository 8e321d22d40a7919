"""Every lesson's programs, in C and in JavaScript, give what they give in NumPy for the lesson's own batches."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus.compiler.program import Program
from tests.compiler.units import in_node, largest, narrow, natives

DEMOS = Path(__file__).parents[2] / "demos"
LESSONS = sorted(path.stem for path in DEMOS.glob("[0-9]*.py") if "graduation" not in path.stem)
"""All but that which asks JAX for eight devices before JAX is loaded: it has a process of its own in tests/lessons."""

MOST = 12
"""So many programs of a lesson are compared: those of different graphs."""


def programs_of(lesson: str, folder: Path, patch: pytest.MonkeyPatch) -> list[tuple[Program, list[Any]]]:
    """The programs that a lesson runs, each with a batch of its own."""
    found: dict[int, tuple[Program, list[Any]]] = {}
    bind = Program.bind

    def bound(self: Program, given: Any, *arguments: Any) -> Any:
        if id(self.plan) not in found:
            shapes = [each.shape for each in self.inputs]
            batch = [np.array(each.T[:9]).reshape(-1, *shape) for each, shape in zip(given, shapes)]
            found[id(self.plan)] = self, batch
        return bind(self, given, *arguments)

    patch.setattr(Program, "bind", bound)
    patch.setattr(sys, "path", [str(DEMOS), *sys.path])
    patch.setattr(sys, "argv", [lesson])
    patch.chdir(folder)
    runpy.run_path(str(DEMOS / f"{lesson}.py"), run_name="__main__")
    patch.undo()
    return [*found.values()][:MOST]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lessons_programs_agree(lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = programs_of(lesson, tmp_path, monkeypatch)
    assert cases or lesson == "01_backpropagation"  # which works on single graphs
    compared = natives([program for program, _ in cases], 8, tmp_path) if cases else []
    node = []
    for (program, batch), native in zip(cases, compared):
        generators = [rng for rng, *_ in program.draws.streams]
        states = [rng.getstate() for rng in generators]
        found = []
        for each in (program, native):
            for rng, state in zip(generators, states):
                rng.setstate(state)
            found.append(each.gradients(*batch, of=0).parameters)
        np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-11)
        for rng, state in zip(generators, states):
            rng.setstate(state)
        program.draws.pull()
        table = np.concatenate([each.T for each in program.columns(batch)], axis=1)
        node.append(
            {
                "parameters": [each.data for each in program.parameters], "inputs": table.reshape(-1).tolist(),
                "draws": program.draws.table(len(table)).reshape(-1).tolist(), "expected": found[0].tolist(),
            }
        )  # fmt: skip
    sources = [program.js_source for program, _ in cases]
    for case, numbers in zip(node, in_node(sources, node, tmp_path) if node else []):
        assert not isinstance(numbers, str), numbers
        np.testing.assert_allclose(numbers["parameters"], case["expected"], rtol=1e-9, atol=1e-11)
    compare_narrow(cases, tmp_path)


def compare_narrow(cases: list[tuple[Program, list[Any]]], folder: Path) -> None:
    """In 32 bits, NumPy and C are right to 1e-5 of the largest number on the way."""
    in_c = natives([program for program, _ in cases], 16, folder, dtype="float32") if cases else []
    for (program, batch), native in zip(cases, in_c):
        states = [(rng, rng.getstate()) for rng, *_ in program.draws.streams]

        def gradients(each: Program, batch: list[Any] = batch, states: list[Any] = states) -> Any:
            for rng, state in states:
                rng.setstate(state)
            return each.gradients(*batch, of=0, inputs=True)

        scale, wide = largest(program, *batch), gradients(program)
        for each in (narrow(program), native):
            found = gradients(each)
            for numbers, expected in ((found.parameters, wide.parameters), *zip(found.inputs, wide.inputs)):
                np.testing.assert_allclose(numbers, expected, rtol=0, atol=1e-5 * scale)
