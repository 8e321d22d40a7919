"""What a lesson does with a claim: it tells one that holds, says where one does not and goes on, or stops if strict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lessons.test_exercises import helper

_lesson = helper("_lesson")
_exercises = helper("_exercises")


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("LESSONS_STRICT", raising=False)
    return _lesson.Lesson("07_trial", tmp_path)


def test_a_claim_that_holds_is_told(lesson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lesson.check(7, 1 < 2, "1 is less")
    lesson.expect(1 < 2, "so it is")
    assert capsys.readouterr().out == "  ✓ [7] 1 is less\n"
    assert lesson.checked == {7}


def test_a_claim_that_does_not_hold_is_told_in_its_place(lesson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lesson.check(7, 2 < 1, "2 is less")
    lesson.expect(2 < 1, "so it is")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  ✗ [7] Does not hold with your numbers: 2 is less",
        "  ✗ Does not hold with your numbers: so it is",
    ]
    assert not lesson.checked


def test_a_strict_run_stops_at_it(lesson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSONS_STRICT", "1")
    with pytest.raises(AssertionError, match="statement 7 does not hold in this run: 2 is less"):
        lesson.check(7, 2 < 1, "2 is less")
    with pytest.raises(AssertionError, match="so it is"):
        lesson.expect(2 < 1, "so it is")


@pytest.mark.parametrize(("held", "number"), [(True, 7), (False, 7), (False, 0)])
def test_a_claim_is_whole_as_html(held: bool, number: int) -> None:
    drawn = _lesson._Claim("1 < 2", held, number)._repr_html_()
    assert "1 &lt; 2" in drawn
    assert ("Does not hold" in drawn) != held
    assert ("Statement 7." in drawn) == bool(number)


TEXT = """# %% [markdown]
# ## Change and try
#
# - Replace `a = 1` by
#   `a = 2`, then by `a = 3`. What happens?
# - Replace `a = 1` by `a = 5` and `b = 1` by `b = 6`.
# - Nothing to do here.
#
# ## Next

# %%
a = 1

# %%
b = 1
"""


def test_an_exercise_is_read_and_carried_out() -> None:
    first, second, third = _exercises.exercises(TEXT)
    assert first.runs == ((("a = 1", "a = 2"),), (("a = 1", "a = 3"),))
    assert second.runs == ((("a = 1", "a = 5"), ("b = 1", "b = 6")),)
    assert third.runs == ()
    assert [text.split("# %%")[2:] for text in first.carried_out(TEXT)] == [
        ["\na = 2\n\n", "\nb = 1\n"],
        ["\na = 3\n\n", "\nb = 1\n"],
    ]
    [both] = second.carried_out(TEXT)
    assert "a = 5" in both and "\nb = 6" in both


def test_what_stands_nowhere_or_twice_is_told() -> None:
    [exercise] = _exercises.exercises(TEXT.replace("b = 1\n", "b = a = 1\n"))[:1]
    with pytest.raises(ValueError, match="stands 2 times"):
        list(exercise.carried_out(TEXT.replace("b = 1\n", "b = a = 1\n")))
