"""Every lesson has the common form, and the syllabus lists every lesson."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[2] / "demos"
LESSONS = sorted(path.name for path in DEMOS.glob("[0-9][0-9]_*.py"))


def prose(name: str) -> str:
    """The text of a lesson's Markdown cells."""
    cells = re.split(r"^# %%", (DEMOS / name).read_text(encoding="utf-8"), flags=re.M)
    return "\n".join(re.sub(r"^# ?", "", cell, flags=re.M) for cell in cells if cell.startswith(" [markdown]"))


def test_the_syllabus_lists_every_lesson_in_order() -> None:
    linked = re.findall(r"\]\((\d\d_\w+\.py)\)", (DEMOS / "README.md").read_text(encoding="utf-8"))
    assert linked == LESSONS


@pytest.mark.parametrize("name", ["README.md", *LESSONS])
def test_links_between_lessons_lead_somewhere(name: str) -> None:
    text = (DEMOS / name).read_text(encoding="utf-8") if name == "README.md" else prose(name)
    for link in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert link.startswith("https://") or (DEMOS / link).exists(), f"{name} links to {link}"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_opens_with_its_title(name: str) -> None:
    first, title = (DEMOS / name).read_text(encoding="utf-8").splitlines()[:2]
    assert first == "# %% [markdown]"
    number = str(int(name[:2])) if int(name[:2]) else ""
    assert re.match(rf"# # {number} ?[A-Z]", title)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_formulas_and_ends_with_questions_and_things_to_try(name: str) -> None:
    text = prose(name)
    assert re.findall(r"^## (.+)", text, flags=re.M)[-3:] == ["Questions", "Change and try", "Next"]
    asked = text[text.index("## Questions") : text.index("## Change and try")]
    questions = re.findall(r"<details>\s*<summary>(.+?)</summary>(.+?)</details>", asked, flags=re.S)
    assert len(questions) >= 2
    assert all(answer.strip() for _, answer in questions)
    assert "$" in text
    assert "!" not in re.sub(r"\$[^$]*\$|`[^`]*`", "", text), "a patient voice has no exclamation marks"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_something_to_touch(name: str) -> None:
    code = re.sub(r"^#.*\n", "", (DEMOS / name).read_text(encoding="utf-8"), flags=re.M)
    assert re.search(r"lesson\.show\([^#]*?(\.steps|SurfacePlayer|TrainingPlayer|\.player|playground)\(", code)
