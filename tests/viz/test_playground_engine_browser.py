"""The playground's engine gives Python's numbers in a browser too."""

from __future__ import annotations

from typing import Any

import pytest

from micrograd_plus.viz.live import playground
from tests.viz.live import CASES, RUN, assert_same, in_node, in_python
from tests.viz.test_playground_engine import DRAW, SEEDS, Skip, drawn

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(chromium: Any) -> Any:
    """A page with the engine of a model of the learner's own, of which any run can be asked."""
    page = chromium.new_page()
    page.set_content("<!doctype html><title>engine</title>")
    page.add_script_tag(content=f'"use strict";\n{playground(Skip(), "moons").engine()}\nwindow.Engine = Engine;')
    return page


def test_the_runs_in_chromium(page: Any) -> None:
    found = page.evaluate(f"cases => cases.map({RUN})", CASES)
    for config, each in zip(CASES, found):
        history, model = in_python(config)
        assert_same(each, history, model)


def test_the_generator_in_chromium(page: Any) -> None:
    calls = [
        ["random"],
        ["gauss", 0.5, 2],
        ["uniform", -1, 1],
        ["shuffle", 50],
        ["getrandbits", 64],
        ["gauss", 0, 1],
    ] * 300
    for seed, found in zip(SEEDS, page.evaluate(f"cases => cases.map({DRAW})", [
        [f"#{seed}" if isinstance(seed, int) else seed, calls] for seed in SEEDS
    ])):  # fmt: skip
        for call, ours, theirs in zip(calls, found, drawn(seed, calls)):
            assert ours == (pytest.approx(theirs, rel=1e-13, abs=1e-15) if call[0] == "gauss" else theirs)


def test_a_model_of_the_learners_own_in_chromium(page: Any, tmp_path: Any) -> None:
    shown = playground(Skip(), "moons")
    (in_nodes,) = in_node(RUN, shown.config, engine=shown.engine(), folder=tmp_path)
    found = page.evaluate(RUN, shown.config)
    assert found["losses"] == pytest.approx(in_nodes["losses"], rel=1e-9)
    assert found["w"] == pytest.approx(in_nodes["w"], rel=1e-9, abs=1e-9)
