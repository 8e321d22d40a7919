"""What the lessons state as facts, held against the package and against their sources."""

from __future__ import annotations

import ast
import math
import re

import pytest

from micrograd_plus import Value, dot, nn
from micrograd_plus.data import iris
from tests.lessons.test_exercises import DEMOS, TEXTS
from tests.lessons.test_form import prose


def function_of(lesson: str, name: str) -> str:
    """The text of a function that a lesson defines."""
    [found] = [
        node for node in ast.walk(ast.parse(TEXTS[lesson])) if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return ast.unparse(found)


@pytest.mark.parametrize("numbers", [[3.0, 4.0], [1.0] * 16, [0.1, -0.2, 5.0, 0.0]])
def test_rms_norm_makes_the_root_mean_square_1(numbers: list[float]) -> None:
    names = {"Value": Value, "dot": dot}
    exec("from __future__ import annotations\n" + function_of("09_microgpt", "rms_norm"), names)
    normed = [each.data for each in names["rms_norm"]([Value(number) for number in numbers])]
    assert math.sqrt(sum(x * x for x in normed) / len(normed)) == pytest.approx(1, abs=1e-3)
    told = " ".join(prose("09_microgpt.py").split())
    assert "the root of the mean of its squares is 1" in told and "length 1" not in told


@pytest.mark.parametrize("error", [0.0, 0.5, -0.8, 1.0, 3.0, -7.0])
def test_hubers_loss_is_half_the_square_and_then_straight(error: float) -> None:
    told = " ".join(prose("05_losses.py").split())
    assert "half the square for errors up to 1, and straight beyond: $|\\hat y - y| - \\frac12$" in told
    expected = error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5
    assert nn.huber_loss(error, 0.0).data == pytest.approx(expected)


def test_the_irises_have_their_source() -> None:
    told = " ".join(prose("08_a_training_step.py").split())
    assert "Edgar Anderson measured 150 irises" in told and "Fisher published the numbers in 1936" in told
    assert "1936" in iris().source and len(iris()) == 150


def test_lesson_4_describes_the_losses_that_it_takes() -> None:
    first, second = function_of("04_adam", "first_loss"), function_of("04_adam", "weights_of")
    assert "sin" not in first and "wavy" not in first
    assert "sin" in second and "wavy" in second


@pytest.mark.parametrize("name", TEXTS)
def test_no_time_of_another_machine_stands_in_the_text(name: str) -> None:
    text = re.sub(r"\$[^$]*\$", "", prose(f"{name}.py"))
    spoken = r"\b(?:\d[\d.,]*|(?:tenth|hundredth|half) of a|half a) (?:ms|milliseconds?|seconds?)\b"
    assert not re.findall(spoken, text), "write it with lesson.say, with this run's number"


def test_the_glossary_is_in_order_and_each_word_stands_in_the_lesson_that_it_names() -> None:
    entries = re.findall(r"^\*\*(.+?)\*\*(.*)$", (DEMOS / "GLOSSARY.md").read_text(encoding="utf-8"), flags=re.M)
    words = [word.lower() for word, _ in entries]
    assert words == sorted(words) and len(words) == len(set(words))
    for word, meaning in entries:
        for lesson in re.findall(r"\((\d\d_\w+\.py)\)", meaning):
            for each in word.lower().split(", "):
                told = " ".join(TEXTS[lesson.removesuffix(".py")].lower().split())
                assert each.removesuffix("e") in told, f"{lesson} does not speak of {each}"


@pytest.mark.parametrize(
    ("lesson", "word"),
    [("00_first_steps", "standard deviation"), ("02_weight_updates", "xavier"), ("03_gradient_descent", "sigma"),
     ("05_losses", "logit"), ("05_losses", "sigmoid")],
)  # fmt: skip
def test_a_word_is_explained_where_it_first_stands(lesson: str, word: str) -> None:
    text = " ".join(prose(f"{lesson}.py").split()).lower()
    around = text[max(text.index(word) - 200, 0) : text.index(word) + 250]
    assert re.search(r"called|that is|is how|are ways|makes a", around), around
