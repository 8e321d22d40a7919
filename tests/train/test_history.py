"""A History keeps every figure, shows itself, and comes back from a file as it was."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from micrograd_plus.train import Epoch, History, Iteration


def history(epochs: int = 3) -> History:
    iterations = [Iteration(1 + i // 2, i + 1, 1 / (i + 1), 0.1) for i in range(2 * epochs)]
    figures = [{"loss": 1 / (e + 1), "validation accuracy": 0.5 + e / 100} for e in range(epochs)]
    return History(iterations, [Epoch(e + 1, 2 * e + 2, figures[e]) for e in range(epochs)])


def test_columns() -> None:
    past = history()
    assert past["loss"] == [1, 1 / 2, 1 / 3]
    assert past.losses == [1 / k for k in range(1, 7)] and past.rates == [0.1] * 6
    assert past.figures == ("loss", "validation accuracy") and len(past) == 3
    with pytest.raises(KeyError, match="no figure 'acuracy' was measured; there is 'loss', 'validation accuracy'"):
        past["acuracy"]
    with pytest.raises(KeyError, match="nothing yet: no epoch has ended"):
        History()["loss"]


def test_words() -> None:
    past = history()
    past.stopped = "enough"
    expected = "3 epochs, 6 iterations; loss 1 -> 0.3333, validation accuracy 0.5 -> 0.52; stopped: enough"
    assert repr(past) == f"History({expected})"
    assert repr(History()) == "History(0 epochs, 0 iterations)"
    assert [line.split()[0] for line in str(history(100).table(5)).splitlines()] == [
        "epoch",
        "-----",
        "1",
        "26",
        "51",
        "75",
        "100",
    ]
    assert len(history(100).table(None).rows) == 100
    assert [row[0] for row in history(100).table(1).rows] == ["100"]


def test_it_comes_back_from_json(tmp_path: Path) -> None:
    path = history().save(tmp_path / "h.json")
    assert History.load(path) == history()
    assert set(json.loads(path.read_text(encoding="utf-8"))) == {"iterations", "epochs", "stopped"}
    for wrong in ("{}", "[]", '{"iterations": [1], "epochs": [], "stopped": ""}', "no json"):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=r"h\.json holds no history"):
            History.load(path)


def test_csv_has_a_line_an_iteration(tmp_path: Path) -> None:
    with open(history().save(tmp_path / "h.csv"), newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["loss"]) for row in rows] == history().losses
    assert [row["epoch's loss"] for row in rows] == ["", "1.0", "", "0.5", "", repr(1 / 3)]


def test_it_plots_itself(tmp_path: Path) -> None:
    assert history().plot().axes[0].lines
    assert history().save(tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in history().save(tmp_path / "h.svg").read_bytes()
    with pytest.raises(ValueError, match="has no suffix"):
        history().save(tmp_path / "h")
