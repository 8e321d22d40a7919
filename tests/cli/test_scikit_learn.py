"""On thirty tables `train` reaches, by its defaults, what scikit-learn's network of equal size reaches.

Both see the same rows and features, and make equally many updates. Noise: of 80 held-out rows a share p of right
answers has the standard error sqrt(p (1 - p) / 80), so that one table may differ by twice the error of a difference;
over all tables the mean difference may be no more than 1 point of a hundred.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest

from micrograd_plus.cli import main
from tests.cli.tables import TABLES, table
from tests.cli.test_tables import features, parts

pytestmark = pytest.mark.slow
EPOCHS = 60
FIGURES: dict[int, tuple[float, float]] = {}
"""Ours and theirs, by table: the accuracy, or R squared."""


def ours(number: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> float:
    rows, target, quirk = table(number)
    command = ["train", "--data", str(quirk.save(rows, folder)), "--target", quirk.target or target, *quirk.options]
    assert main([*command, "--epochs", str(EPOCHS), "-o", str(folder / "run")]) == 0
    out = capsys.readouterr().out
    line = next(line for figure in ("accuracy", "R squared") for line in out.splitlines() if f"│ {figure} " in line)
    held_out = line.split("│")[3].strip()
    return float(held_out[:-1]) / 100 if held_out.endswith("%") else float(held_out)


def theirs(number: int) -> float:
    """The mean over three seeds."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    rows, target, quirk = table(number)
    if "drop" in quirk.options:
        rows = [row for row in rows if None not in row.values()]
    known, held_out, targets = parts(rows, target)
    found = np.array(features(rows, target, known))
    x = StandardScaler().fit(found[known]).transform(found)
    y, classes = np.array(targets), isinstance(targets[0], int) and len({*targets}) < 20
    mean, scale = (0, 1) if classes else (y[known].mean(), y[known].std())
    network = MLPClassifier if classes else MLPRegressor
    options = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "batch_size": 32, "alpha": 0.0}
    endless = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "tol": 0.0}
    models = [network(**options, **endless, random_state=seed) for seed in range(3)]
    scores = [
        each.fit(x[known], (y[known] - mean) / scale).score(x[held_out], (y[held_out] - mean) / scale)
        for each in models
    ]
    return statistics.fmean(scores)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")
@pytest.mark.parametrize("number", range(len(TABLES)), ids=[f"{make.__name__}, {quirk.name}" for make, quirk in TABLES])
def test_a_table(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FIGURES[number] = mine, peer = ours(number, tmp_path, capsys), theirs(number)
    error = math.sqrt(max(peer * (1 - peer), 0.01) / 80)
    assert mine >= peer - 2 * math.sqrt(2) * error, "within twice the error of a difference"


def test_all_tables_together() -> None:
    assert len(FIGURES) == len(TABLES), "run the whole file"
    differences = [mine - peer for mine, peer in FIGURES.values()]
    assert statistics.fmean(differences) >= -0.01, FIGURES
    assert statistics.median(peer for _, peer in FIGURES.values()) > 0.8, "tables from which something can be learnt"
