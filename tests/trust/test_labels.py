"""A label, a name or a class is any text: whatever is in it, nothing runs, nothing breaks, and all can be written.

What is a text to Python alone, half a character, goes through files as it is, and is a space where people read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, compile, viz
from micrograd_plus.data import Dataset
from micrograd_plus.explain import Ledger, check_graph, diagnose
from micrograd_plus.files import encoded
from micrograd_plus.nn import MLP, SGD, Module, Parameter
from micrograd_plus.train import Checkpoint, History, Predictor, Run, confusion_matrix, fit
from micrograd_plus.viz import plots
from micrograd_plus.viz.svg import parsed

LABELS = {
    "half": "a\ud800", "other half": "\udcff", "nul": "a\0b", "lines": "a\nb\r\u2028c\x85", "quotes": "\"'`\\{}%s",
    "three quotes": '"""\'\'\'', "markup": "<b>&amp;]]></script>-->", "direction": "\u202eabc\u2066",
    "escape": "\x1b[31m", "long": "x" * 2_000, "blank": " \t ", "keyword": "lambda", "call": "__import__('os').abort()",
    "formula": "$\\frac{$", "hidden": "_x", "comma": ',;="', "digits": "12", "dots": "..a..1.", "not letters": "☃ſ",
    "no character": "\uffff",
}  # fmt: skip

each_label = pytest.mark.parametrize("label", LABELS.values(), ids=list(LABELS))


def printed(*things: Any) -> None:
    """What a person prints can be printed, in a terminal and in a notebook."""
    for each in things:
        str(each).encode()
        repr(each).encode()
        for text in getattr(each, "_repr_mimebundle_", dict)().values():
            assert "can't be shown" not in text
            text.encode()


def data(label: str) -> Dataset:
    names: dict[str, Any] = {"feature_names": (label, f"{label}2"), "classes": (f"{label}no", f"{label}yes")}
    rows = [[0.0, 0.0], [1.0, 0.5], [0.0, 1.0], [0.5, 0.0]]
    return Dataset(rows, [0, 1, 1, 0], name=label, target_name=label, source=label, **names)


@each_label
def test_a_graph(label: str, tmp_path: Path) -> None:
    x, w = Value(1.5, label), Parameter(0.5, f"{label}w")
    y = (w * x).tanh() + x * x
    y.label = label
    program = compile(y, inputs=[x])
    assert program([1.5, 2.0])[0] == y.data
    y.backward()
    assert program.gradients([1.5]).parameters.tolist() == [w.grad]
    optimizer = SGD([w], lr=0.1)
    page = y.steps(optimizer=optimizer).html()
    assert page.count("</script>") == page.count("<script")
    printed(program, y.explain(), y.explain(w), check_graph(y), y.graph())
    ledger = Ledger(optimizer)
    optimizer.step()
    printed(ledger)
    for suffix in ("svg", "dot"):
        assert y.graph().save(tmp_path / f"a.{suffix}").stat().st_size
    parsed((tmp_path / "a.svg").read_bytes())


@each_label
def test_a_run_and_what_is_kept_of_it(label: str, tmp_path: Path) -> None:
    def stop(run: Run) -> None:
        if run.epoch == 2:
            run.stop(label)

    options: dict[str, Any] = {"data": data(label), "validation": {label: data(label)}, "callbacks": [stop]}
    model, path = MLP(2, [3, 1]), tmp_path / "run.json"
    history = fit(model, epochs=4, checkpoint=path, **options)
    assert history.stopped == label and len(
        fit(MLP(2, [3, 1]), epochs=2, checkpoint=Checkpoint(path, resume=True), **options)
    )
    assert History.load(history.save(tmp_path / "h.json")) == history
    first = label.replace("\0", "\ufffd").split()[:1]
    assert encoded("".join(first)) in history.save(tmp_path / "h.csv").read_bytes()
    predictor = Predictor.of(model, data(label), notes={label: [label]})
    again = Predictor.load(predictor.save(tmp_path / "model.json"))
    for field in ("feature_names", "classes", "target_name", "notes"):
        assert getattr(again, field) == getattr(predictor, field)
    printed(history, history.table(), data(label), again, diagnose(model, data(label)))


DRAWN = ("half", "nul", "formula", "long", "hidden")


@pytest.mark.parametrize(
    "label",
    [pytest.param(each, id=name, marks=[] if name in DRAWN else pytest.mark.slow) for name, each in LABELS.items()],
)
def test_pictures(label: str, tmp_path: Path) -> None:
    model, known = MLP(2, [2, 2]), data(label)
    history = fit(model, known, epochs=2, validation={label: known})
    matrix = confusion_matrix([[0.0, 1.0]] * 4, known.targets, classes=known.classes)
    charts = [history.plot(), plots.decision_boundary(model, known), plots.confusion_chart(matrix)]
    for i, picture in enumerate([*charts, viz.NetworkDiagram(model, known.inputs[0])]):
        parsed(picture.save(tmp_path / f"{i}.svg").read_bytes())
    printed(matrix)


@each_label
def test_a_module(label: str, tmp_path: Path) -> None:
    class Own(Module):
        def __init__(self) -> None:
            self.table = {label: Parameter(1.0, label), f"{label}b": Parameter(2.0)}

        def forward(self, x: Any) -> Value:
            return self.table[label] * x[0] + self.table[f"{label}b"]

    path, known = tmp_path / "run.json", Dataset([[0.0], [1.0]], [0.0, 1.0])
    fit(Own(), known, epochs=2, checkpoint=path)
    model = Own()
    assert len(fit(model, known, epochs=3, checkpoint=Checkpoint(path, resume=True))) == 3
    printed(model, model.summary())


def test_two_parameters_of_one_name_are_told() -> None:
    class Own(Module):
        def __init__(self) -> None:
            self.table = {1: Parameter(1.0), "1": Parameter(2.0)}

    for use in (Own().state_dict, lambda: Own().load_state_dict({"table.1": 0.0})):
        with pytest.raises(ValueError, match=r"2 parameters are named 'table\.1'; give the attributes or keys other"):
            use()
