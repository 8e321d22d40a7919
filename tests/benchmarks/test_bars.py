"""The engine's speed stays near its bars, and the report says so when it does not.

The benchmarks hold the bars themselves; a test leaves a margin, so that a noisy machine does not fail the gate. One
commit was seen on both sides of 0.7 of them, by the machine and the hour.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.benchmarks import bench_engine
from tests.benchmarks.peers import Micrograd, Plus
from tests.benchmarks.report import OURS, Result, as_json, as_markdown, as_text


@pytest.mark.slow
@pytest.mark.parametrize("case", [bench_engine.step_in_operators, bench_engine.step_through_nn])
def test_the_training_step_is_as_many_times_faster_as_claimed(case: Callable[..., Result]) -> None:
    result = case([Plus(), Micrograd()], seconds=10.0)
    assert result.ratio("micrograd") > 0.5 * result.bars["micrograd"], as_text(result)


@pytest.mark.slow
def test_the_time_for_a_node_does_not_grow_with_the_graph() -> None:
    small, large = (bench_engine.a_node([Plus()], size, 5.0).figures[OURS] for size in (10**4, 10**6))
    assert large < 4 * small  # more of it lies outside of the processor's caches


@pytest.mark.slow
def test_a_node_takes_a_quarter_of_the_memory() -> None:
    result = bench_engine.memory([Plus(), Micrograd()], 10**4, 1.0)
    assert result.ratio("micrograd") > 4


RESULTS = [
    Result("a step", {OURS: 0.001, "micrograd": 0.02, "PyTorch": 0.0015}, bars={"micrograd": 7, "PyTorch": 2}),
    Result("a node", {OURS: 150.0, "micrograd": 600.0}, "B"),
]


def test_a_missed_bar_is_named() -> None:
    assert RESULTS[0].missed() == ["PyTorch"]
    assert "bar 7 x: met" in as_text(RESULTS[0])
    assert "bar 2 x: MISSED" in as_text(RESULTS[0])
    absent = Result("a step", {OURS: 1.0}, bars={"micrograd": 7})
    assert absent.missed() == ["micrograd"]
    assert "micrograd                            absent   bar: MISSED" in as_text(absent)


def test_the_table_has_a_row_a_case_and_a_column_a_way() -> None:
    assert as_markdown(RESULTS).splitlines() == [
        "| | micrograd_plus | micrograd | PyTorch |",
        "|---|---|---|---|",
        "| a step | 1 ms | 20 x | 1.5 x |",
        "| a node | 150 B | 4 x |  |",
    ]


def test_all_figures_are_in_the_json() -> None:
    found = json.loads(as_json(RESULTS))
    assert found[0]["figures"] == dict(RESULTS[0].figures)
    assert [each["unit"] for each in found] == ["s", "B"]
