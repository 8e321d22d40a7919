"""Two real data sets travel inside the package, with their attribution and licence (files/README.md)."""

from __future__ import annotations

from dataclasses import replace

from micrograd_plus.data.dataset import Dataset
from micrograd_plus.data.table import Table

__all__ = ["digits", "iris"]

LICENCE = "UCI Machine Learning Repository, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"


def iris() -> Dataset:
    """Fisher's 150 irises: four lengths in centimetres, three species of 50 flowers.

    The values of Fisher's paper. UCI's file differs in rows 35 and 38 (from 1), as its own notes tell;
    those two are corrected here. Source: R. A. Fisher (1936), https://doi.org/10.24432/C56C76.

    >>> iris()
    Dataset('iris': 150 rows x 4 features; 3 classes: setosa 50, versicolor 50, virginica 50)
    >>> iris()[34]
    ([4.9, 3.1, 1.5, 0.2], 0)
    """
    source = f"R. A. Fisher (1936), Iris, https://doi.org/10.24432/C56C76, {LICENCE}"
    return _shipped("iris", "iris.csv", "species", source)


def digits(*, scaled: bool = False) -> Dataset:
    """1,797 handwritten digits of 8x8 pixels, row by row, each from 0 (white) to 16 (ink), as UCI has them.

    `scaled` divides the pixels by 16, so that they run from 0 to 1; that suits pictures better than a scale
    of its own for each pixel, which would blow up the few that are almost never inked. The test part of
    UCI's set, by 13 writers. Source: E. Alpaydin and C. Kaynak (1998), https://doi.org/10.24432/C50P49.

    >>> data = digits()
    >>> len(data), data.width, data.classes[9]
    (1797, 64, '9')
    >>> max(max(x) for x, y in data), max(max(x) for x, y in digits(scaled=True))
    (16.0, 1.0)
    """
    source = (
        "E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits (test part),"
        f" https://doi.org/10.24432/C50P49, {LICENCE}"
    )
    data = _shipped("digits", "digits.csv.gz", "digit", source)
    return replace(data, inputs=[[pixel / 16 for pixel in row] for row in data.inputs]) if scaled else data


def _shipped(name: str, file: str, target: str, source: str) -> Dataset:
    import gzip  # these two are slow to import, and needed only here
    from importlib.resources import files

    content = (files("micrograd_plus.data") / "files" / file).read_bytes()
    text = (gzip.decompress(content) if file.endswith(".gz") else content).decode()
    return Table.parse(text.splitlines(), file).dataset(target, name=name, source=source)
