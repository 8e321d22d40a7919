"""Each of the curriculum's 42 statements: the lesson that shows it, and a check there that fails if it is false.

A lesson holds a statement against its own numbers with `lesson.check(number, condition, text)`. Here the table says
which lesson must do so; the quick tests read the lessons' text, the slow one runs them strictly and takes the checks
that passed from what they print.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[2] / "demos"

STATEMENTS = {
    "01_backpropagation": {
        1: "The error at the output is propagated backwards, layer by layer, to the weights.",
        2: "Forward pass: the output is computed.",
        3: "The error is the loss between actual and predicted.",
        4: "The gradient is the partial derivative of the error by each weight, found by the chain rule.",
        5: "Weights move opposite to the gradient, and the error falls.",
        6: "Repeated over epochs, the error is minimised.",
    },
    "02_weight_updates": {
        7: "A gradient says how much the error changes for a small change in the weight.",
        8: "New weight = old weight - learning rate * gradient.",
        9: "Updates reduce error.",
        10: "A high rate moves fast and can overshoot, and diverge.",
        11: "A low rate is slow.",
    },
    "03_gradient_descent": {
        12: "Batch uses the whole data set for each update: slow but accurate.",
        13: "Stochastic updates on each example: faster, noisier.",
        14: "Mini-batch balances the two.",
    },
    "04_adam": {
        15: "Adam joins momentum and RMSprop.",
        16: "Each parameter gets its own rate, changing over time.",
        17: "It copes with noisy gradients.",
        18: "It often converges faster.",
        19: "It is effective with sparse data.",
        20: "The learning rate, and what it does when moved.",
        21: "Beta 1: decay of the average of the gradient.",
        22: "Beta 2: decay of the average of its square.",
    },
    "05_losses": {
        23: "A loss quantifies how well predictions match, and guides the update.",
        24: "Mean squared error, for regression.",
        25: "Cross-entropy, for classification: the distance between two distributions.",
    },
    "06_dropout": {
        26: "Neurons are zeroed at random during training, and only then.",
        27: "The rate is the fraction dropped: 0.5 turns half off.",
        28: "It prevents overfitting.",
        29: "It reduces reliance on specific neurons.",
    },
    "07_batches_and_epochs": {
        30: "Batch size = samples before one update.",
        31: "Small: more, noisier updates.",
        32: "Large: fewer, steadier.",
        33: "An iteration is one batch through the network.",
        34: "Iterations = total samples / batch size, and the remainder.",
        35: "An epoch is one full cycle: every sample exactly once, forward and backward.",
        36: "An epoch is broken into batches.",
        37: "More epochs learn better, up to overfitting.",
    },
    "08_a_training_step": {
        38: "Forward.",
        39: "Loss.",
        40: "Backward.",
        41: "Gradient descent.",
        42: "Repeat.",
    },
}
HOMES = [(number, lesson) for lesson, numbers in STATEMENTS.items() for number in numbers]


@cache
def checks(lesson: str) -> dict[int, list[ast.expr]]:
    """The conditions that a lesson's text holds each statement against."""
    found: dict[int, list[ast.expr]] = {}
    for node in ast.walk(ast.parse((DEMOS / f"{lesson}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "lesson.check":
            number, condition = node.args[:2]
            assert isinstance(number, ast.Constant), f"{lesson}: name the statement's number in line {node.lineno}"
            found.setdefault(number.value, []).append(condition)
    return found


def test_there_are_42() -> None:
    assert [number for number, _ in HOMES] == list(range(1, 43))


@pytest.mark.parametrize(("number", "lesson"), HOMES)
def test_a_lesson_holds_each_statement_against_its_numbers(number: int, lesson: str) -> None:
    assert number in checks(lesson), f"{lesson} has no lesson.check({number}, ...)"
    for condition in checks(lesson)[number]:
        names = {node.id for node in ast.walk(condition) if isinstance(node, ast.Name)}
        compared = any(isinstance(node, (ast.Compare, ast.Call)) for node in ast.walk(condition))
        assert names and compared, f"{lesson}: check {number} compares no live number: {ast.unparse(condition)}"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", STATEMENTS)
def test_a_lesson_runs_as_a_script_and_its_statements_hold(lesson: str) -> None:
    done = subprocess.run(
        [sys.executable, f"{lesson}.py"], cwd=DEMOS, capture_output=True, encoding="utf-8", timeout=600,
        env={**os.environ, "LESSONS_STRICT": "1", "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    held = {int(number) for number in re.findall(r"^ *✓ \[(\d+)\]", done.stdout, flags=re.M)}
    assert held >= STATEMENTS[lesson].keys()
