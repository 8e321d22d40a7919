"""What a benchmark found, as lines for a terminal, as Markdown for the README, as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

__all__ = ["OURS", "Result", "as_json", "as_markdown", "as_text"]

OURS = "micrograd_plus"


@dataclass(frozen=True)
class Result:
    """One case: what each way to do it takes, in seconds or bytes, and how many times ours it must be at least."""

    case: str
    figures: Mapping[str, float]
    unit: str = "s"
    bars: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, way: str) -> float:
        """What this way takes, as a multiple of ours."""
        return self.figures[way] / self.figures[OURS]

    def missed(self) -> list[str]:
        """The ways whose bar was missed; one that did not take part has missed it too."""
        return [way for way, bar in self.bars.items() if way not in self.figures or self.ratio(way) < bar]


def quantity(number: float, unit: str) -> str:
    """A number with its unit, in three digits.

    >>> quantity(0.0000123, "s"), quantity(151.2, "B"), quantity(1.5, "s")
    ('12.3 us', '151 B', '1.5 s')
    """
    if unit == "s":
        for size, prefix in ((1e-9, "n"), (1e-6, "u"), (1e-3, "m"), (1.0, "")):
            if number < 1000 * size or size == 1.0:
                return f"{number / size:.3g} {prefix}s"
    return f"{number:,.0f} {unit}"


def multiple(ratio: float) -> str:
    """A ratio, with as many digits as mean something.

    >>> multiple(10.87), multiple(1.046), multiple(14321.0)
    ('10.9', '1.05', '14,300')
    """
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def as_text(result: Result) -> str:
    """The case, and below it a line for each way."""
    lines = [f"\n{result.case}"]
    for way, figure in result.figures.items():
        line = f"  {way:<30} {quantity(figure, result.unit):>12}"
        if way != OURS:
            line += f"   {multiple(result.ratio(way)):>8} x"
        if way in result.bars:
            line += f"   bar {result.bars[way]:,g} x: {'MISSED' if way in result.missed() else 'met'}"
        lines.append(f"{line}   {result.notes.get(way, '')}".rstrip())
    lines += [f"  {way:<30} {'absent':>12}   bar: MISSED" for way in result.missed() if way not in result.figures]
    return "\n".join(lines)


def as_markdown(results: Sequence[Result]) -> str:
    """A table with a row a case: our figure, and the others' as multiples of it."""
    ways = list(dict.fromkeys(way for result in results for way in result.figures if way != OURS))
    lines = [f"| | {' | '.join([OURS, *ways])} |", "|---" * (len(ways) + 2) + "|"]
    for result in results:
        cells = [f"{multiple(result.ratio(way))} x" if way in result.figures else "" for way in ways]
        lines.append(f"| {result.case} | {' | '.join([quantity(result.figures[OURS], result.unit), *cells])} |")
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> str:
    """All figures, in seconds and bytes."""
    return json.dumps([asdict(result) for result in results], indent=1)
