"""What an MLP does by default: it learns the lecture's four points, and held-out digits and moons as relus do."""

from __future__ import annotations

from statistics import median

import pytest

from micrograd_plus import nn
from tests.nn.defaults import lecture_loss, of_digits, of_moons


def test_the_lectures_loop_learns() -> None:
    losses = [lecture_loss(nn.MLP(3, [4, 4, 1], seed=seed)) for seed in range(100)]
    assert sum(loss < 0.5 for loss in losses) >= 95
    assert median(losses) < 0.01
    assert lecture_loss(nn.MLP(3, [4, 4, 1])) < 0.1


def test_the_study_is_of_the_default() -> None:
    assert nn.MLP(2, [3, 1]).state_dict() == nn.MLP(2, [3, 1], activation="tanh").state_dict()
    assert nn.MLP(2, [3, 1])([1.0, 2.0]).data == nn.MLP(2, [3, 1], activation="tanh")([1.0, 2.0]).data


@pytest.mark.slow
def test_held_out_accuracy_is_that_of_relus() -> None:
    """Within half a point, by medians of 20 seeds; of moons, those of 2,000."""
    for study in (of_digits, of_moons):
        ours, before = ([study(name, seed)[-1] for seed in range(20)] for name in ("tanh", "relu"))
        assert median(ours) >= median(before) - 0.005
