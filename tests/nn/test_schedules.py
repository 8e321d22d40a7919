"""Schedules follow PyTorch's, compose, and refuse what can't be right."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from micrograd_plus.nn import schedules
from tests.nn import peer

RECORDED = json.loads(peer.RECORDED.read_text())


@pytest.mark.parametrize("case", peer.SCHEDULES)
def test_recorded_rates(case: str) -> None:
    kind, options, rate, _, _ = peer.SCHEDULES[case]
    schedule = getattr(schedules, kind)(rate, **options)
    assert [schedule(t) for t in range(peer.STEPS)] == pytest.approx(RECORDED["schedules"][case], rel=1e-9, abs=1e-15)


def test_every_schedule_is_compared() -> None:
    assert {kind for kind, *_ in peer.SCHEDULES.values()} == set(schedules.__all__) - {"Schedule"}


def test_after_the_end_the_rate_stays() -> None:
    assert [schedules.Cosine(1.0, 10, minimum=0.1)(t) for t in (10, 11, 20)] == [0.1, 0.1, 0.1]
    cycle = schedules.OneCycle(1.0, 10)
    assert cycle(9) == cycle(50) == pytest.approx(1.0 / 25 / 1e4)
    assert schedules.LinearWarmup(0.5, 3)(1000) == 0.5


def test_a_warm_up_leads_into_any_schedule() -> None:
    schedule = schedules.LinearWarmup(schedules.StepDecay(1.0, gamma=0.5), steps=4, start=0.0)
    assert [schedule(t) for t in range(7)] == [0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    assert schedules.LinearWarmup(lambda t: 10.0 - t, steps=1)(3) == 8.0


def test_a_one_cycle_peaks_at_the_rate() -> None:
    rates = [schedules.OneCycle(0.2, 50, rise=0.4)(t) for t in range(50)]
    assert max(rates) == rates[19] == pytest.approx(0.2)
    assert rates[0] == pytest.approx(0.2 / 25)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("StepDecay", (-1.0,)),
        ("StepDecay", (math.nan,)),
        ("StepDecay", (0.1, 0)),
        ("StepDecay", (0.1, 10, -0.5)),
        ("StepDecay", (0.1, 1, -0.5)),
        ("Cosine", (0.1, 0)),
        ("Cosine", (0.1, 10, -0.1)),
        ("LinearWarmup", (-0.1, 10)),
        ("LinearWarmup", (0.1, 0)),
        ("OneCycle", (0.1, 1)),
        ("OneCycle", (0.1, 10, 0.0)),
        ("OneCycle", (0.1, 10, 1.0)),
        ("OneCycle", (0.1, 10, 0.05)),
        ("OneCycle", (0.1, 10, 0.3, 0.0)),
        ("OneCycle", (0.1, 10, 0.3, 25.0, -1.0)),
    ],
)
def test_wrong_arguments(kind: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be|steps|not a finite"):
        getattr(schedules, kind)(*arguments)


def test_steps_are_whole_and_rates_are_numbers() -> None:
    with pytest.raises(TypeError, match="steps must be a whole number"):
        schedules.Cosine(0.1, 2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lr is 'fast'"):
        schedules.Cosine("fast", 2)  # type: ignore[arg-type]
