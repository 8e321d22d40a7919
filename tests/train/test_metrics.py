"""Metrics agree with their definitions, and with scikit-learn's where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus.train import ConfusionMatrix, accuracy, confusion_matrix, mean_absolute_error
from micrograd_plus.train.metrics import class_of


def test_the_class_of_a_prediction() -> None:
    assert class_of([1.0, 3.0, 2.0]) == 1
    assert class_of([2.0, 2.0]) == 0, "the first of equals"
    assert [class_of(x) for x in (-0.1, 0.0, 0.1)] == [0, 0, 1]
    assert [class_of(x, threshold=0.5) for x in (0.4, 0.5, 0.6)] == [0, 0, 1]


def test_mean_absolute_error_of_several_outputs() -> None:
    assert mean_absolute_error([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [0.0, 4.0]]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
@settings(max_examples=50)
def test_a_confusion_matrix_counts_every_pair(pairs: list[tuple[int, int]]) -> None:
    logits = [[float(k == predicted) for k in range(4)] for _, predicted in pairs]
    targets = [true for true, _ in pairs]
    matrix = confusion_matrix(logits, targets, ["a", "b", "c", "d"])
    for true in range(4):
        for predicted in range(4):
            assert matrix.counts[true][predicted] == pairs.count((true, predicted))
    assert matrix.accuracy == pytest.approx(accuracy(logits, targets), abs=1e-15)
    for k, name in enumerate("abcd"):
        of_class = [p for t, p in pairs if t == k]
        taken_for = [t for t, p in pairs if p == k]
        assert matrix.recall[name] == (of_class.count(k) / len(of_class) if of_class else None)
        assert matrix.precision[name] == (taken_for.count(k) / len(taken_for) if taken_for else None)


def test_a_single_output_makes_two_classes() -> None:
    assert confusion_matrix([-1.0, -2.0], [0, 0]).counts == [[2, 0], [0, 0]]
    assert confusion_matrix([0.2, 0.7], [0, 1], ["no", "yes"], threshold=0.5).counts == [[1, 0], [0, 1]]


def test_a_confusion_matrix_shows_itself() -> None:
    from io import StringIO

    from rich.console import Console

    matrix = ConfusionMatrix(("[bold]cat", "dog"), [[3, 1], [0, 4]])
    assert str(matrix).splitlines()[2].split() == ["[bold]cat", "3", "1"]
    stream = StringIO()
    Console(file=stream, width=80).print(matrix)
    assert "[bold]cat" in stream.getvalue(), "a class's name is text, never markup"


def test_arrays_are_taken() -> None:
    scores: Any = np.array([[0.5, 2.0], [1.0, 0.0], [0.0, 1.0]])
    classes: Any = np.array([1, 0, 0])
    assert accuracy(scores, classes) == accuracy(list(scores), list(classes)) == accuracy(scores.tolist(), [1, 0, 0])
    assert confusion_matrix(scores, classes).counts == [[1, 1], [0, 1]]
    assert repr(confusion_matrix(scores, classes)) == str(confusion_matrix(scores, classes))
    assert mean_absolute_error(scores[:, 0], scores[:, 1]) == pytest.approx(3.5 / 3)
    assert mean_absolute_error(scores, scores + 1) == 1.0


def test_wrong_input_is_told() -> None:
    with pytest.raises(ValueError, match="2 predictions but 1 targets"):
        accuracy([1.0, 2.0], [1])
    with pytest.raises(ValueError, match="no predictions to measure"):
        mean_absolute_error([], [])
    with pytest.raises(ValueError, match="both are numbers, or both lists"):
        mean_absolute_error([[1.0, 2.0]], [1.0])
    with pytest.raises(ValueError, match="class 2 occurs, but only 2 classes are named"):
        confusion_matrix([[0.0, 0.0, 1.0]], [0], ["a", "b"])
    with pytest.raises(ValueError, match="the number of a class, must be a whole number of at least 0, got -1"):
        confusion_matrix([[0.0, 1.0]], [-1])
