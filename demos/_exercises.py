"""What a lesson asks the learner to change, in a form that can be carried out by hand and by a test.

An item under the heading "Change and try" says, in a sentence of its own, which text of a code cell to replace by
which:

    - Replace `lr=0.1` by `lr=0.01`, then by `lr=10`. What becomes of the loss?
    - Replace `w = 0.5` by `w = 1.5` and `b = -0.5` by `b = -1.0`. Which gradients are left?

The first asks for two runs, the second for one with two changes. Each text to replace stands once in the lesson's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Exercise", "code_cells", "exercises"]

HEADING = "## Change and try"
CHANGE = re.compile(r"(?:`([^`]+)`\s+)?by\s+`([^`]+)`")


class Exercise(NamedTuple):
    """One item: its words, and the changes of each run that it asks for, as pairs of old and new text."""

    words: str
    runs: tuple[tuple[tuple[str, str], ...], ...]

    def carried_out(self, source: str) -> Iterator[str]:
        """Yields the lesson's text with the changes made, run by run.

        Raises ValueError if a text that is to be replaced does not stand in the code just once.
        """
        for run in self.runs:
            changed = source
            for old, new in run:
                places = [cell.count(old) for cell in code_cells(source)]
                if sum(places) != 1:
                    raise ValueError(f"{old!r} stands {sum(places)} times in the code; the exercise is: {self.words}")
                cell = code_cells(changed)[places.index(1)]
                changed = changed.replace(cell, cell.replace(old, new))
            yield changed


def exercises(source: str) -> list[Exercise]:
    """The exercises of a lesson, from its text in the percent format."""
    cells = [re.sub(r"^# ?", "", cell, flags=re.M) for cell in _cells(source) if cell.startswith(" [markdown]")]
    found = []
    for cell in cells:
        for section in re.findall(rf"^{HEADING}\n(.*?)(?=^#|\Z)", cell, flags=re.M | re.S):
            items = re.findall(r"^- (.*?)(?=^- |^\s*$|\Z)", section, flags=re.M | re.S)
            found += [_exercise(" ".join(item.split())) for item in items]
    return found


def code_cells(source: str) -> list[str]:
    """The code cells of a lesson, each with its line of tags."""
    return [cell for cell in _cells(source) if not cell.startswith(" [markdown]")]


def _cells(source: str) -> list[str]:
    return re.split(r"^# %%", source, flags=re.M)[1:]


def _exercise(words: str) -> Exercise:
    changes: dict[str, list[str]] = {}
    old = ""
    for named, new in CHANGE.findall(words):
        old = named or old
        changes.setdefault(old, []).append(new)
    runs = max(map(len, changes.values()), default=0)
    pairs = [[(old, news[min(i, len(news) - 1)]) for old, news in changes.items()] for i in range(runs)]
    return Exercise(words, tuple(map(tuple, pairs)))
