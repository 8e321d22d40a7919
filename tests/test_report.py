"""Whatever sums something up shows well in a notebook: as HTML that is escaped and has no colours, with plain text."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

import micrograd_plus
from micrograd_plus import Value, gradcheck
from micrograd_plus.data import Dataset
from micrograd_plus.explain import Doctor, Ledger, check_graph, diagnose
from micrograd_plus.nn import MLP, SGD
from micrograd_plus.report import Report, Table
from micrograd_plus.train import ConfusionMatrix, EarlyStopping, History, fit
from micrograd_plus.viz.loop import TrainingLoop

EVIL = "<script>alert('x')</script>&\"'"


def evil(callback: Any = None) -> tuple[Any, Any, History]:
    """A model, its data, and the history of a run in which whatever has a name has a bad one."""
    data = Dataset([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1], EVIL, (EVIL, "b"), (EVIL, "yes"))
    model = MLP(2, [2, 1], seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    for each in model.parameters():
        each.label = f"{EVIL}{each.label}"
    callbacks = [callback] if callback else []
    history = fit(
        model,
        data,
        optimizer=optimizer,
        epochs=3,
        validation={EVIL: data},
        callbacks=callbacks,
        class_weights={EVIL: 2},
    )
    return model, data, history


def bad_value() -> Value:
    return (Value(0.5, EVIL) * 3.0).tanh()


def watched(callback: Any) -> Any:
    evil(callback)
    return callback


MAKERS: dict[str, Callable[[], Any]] = {
    "Table": lambda: Table((EVIL, "n"), ((EVIL, 1234),), numeric=(1,), caption=EVIL),
    "History": lambda: evil()[2],
    "ConfusionMatrix": lambda: ConfusionMatrix((EVIL, "b"), [[3, 1], [0, 4]]),
    "Explanation": lambda: explained(),
    "Ledger": lambda: watched(Ledger()),
    "Doctor": lambda: watched(Doctor()),
    "Diagnosis": lambda: diagnose(*evil()[:2]),
    "GraphCheck": lambda: check_graph(bad_value()),
    "GradcheckReport": lambda: gradcheck(lambda x: x.tanh(), [Value(0.5, EVIL)]),
    "TrainingLoop": lambda: watched(TrainingLoop()),
}


def explained() -> Any:
    x = Value(0.5, EVIL)
    y = (x * 3.0).tanh()
    y.backward()
    return x.explain(y)


def kinds(kind: type) -> set[str]:
    return {each.__name__ for each in kind.__subclasses__()} | {
        n for each in kind.__subclasses__() for n in kinds(each)
    }


def test_every_report_of_the_package_is_looked_at() -> None:
    for module in pkgutil.walk_packages(micrograd_plus.__path__, "micrograd_plus."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert {name for name in kinds(Report) if not name.startswith("_")} == {*MAKERS}


class Reader(HTMLParser):
    """Sees that elements are closed in turn, and keeps cells with their alignment."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[tuple[str, str]] = []
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"div", "p", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td"}, tag
        assert {name for name, _ in attrs} <= {"class", "style", "scope"}
        self.open.append(tag)
        self.style = dict(attrs).get("style") or ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells.append((data, self.style))


@pytest.mark.parametrize("name", MAKERS)
def test_it_shows_in_a_notebook(name: str) -> None:
    found = MAKERS[name]()
    assert type(found).__name__ == name
    assert str(found).strip(), "plain text stays"
    html = Report.html(found) if name != "Table" else found.html()
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [] and "<script" not in html
    assert not re.search(r"(?<!-)\bcolor|background|#[0-9a-f]{3}\b", html), "a dark page stays dark"
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] and {"text/html", "image/svg+xml"} & {*bundle}


@pytest.mark.parametrize("name", MAKERS)
def test_numbers_stand_to_the_right(name: str) -> None:
    for part in MAKERS[name]().parts():
        if isinstance(part, Table):
            reader = Reader()
            reader.feed(part.html())
            width = len(part.headers)
            assert len(reader.cells) <= width * len(part.rows)  # an empty cell has no data
            for column in part.numeric:
                styles = re.findall(r"<td style='([^']*)'>", part.html())[column::width]
                assert styles and all(style.startswith("text-align:right") for style in styles)
            whole = [i for i in range(width) if all(isinstance(row[i], int) for row in part.rows)]
            assert {*whole} <= {*part.numeric}


@pytest.mark.browser  # IPython is there where these run
def test_ipython_takes_them() -> None:
    from IPython.core.formatters import DisplayFormatter

    show = DisplayFormatter().format
    for make in MAKERS.values():
        found = make()
        bundle, _ = show(found)
        assert bundle["text/html"] and bundle["text/plain"]


def test_a_history_shows_its_table_and_what_was_restored() -> None:
    history = evil(EarlyStopping("loss", patience=1, min_delta=1e9))[2]
    assert history.restored == 1
    html = history._repr_html_()
    assert "the model has the parameters of epoch 1" in html and "class weights" in html and "<table" in html
    assert str(history) == repr(history)
