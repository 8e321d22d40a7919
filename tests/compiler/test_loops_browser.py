"""Programs as JavaScript modules run in a browser as they do in node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from micrograd_plus import compile
from micrograd_plus.nn import MLP, mse_loss
from micrograd_plus.nn.losses import cross_entropy
from tests.compiler.test_loops import drawn

pytestmark = pytest.mark.browser

MODULE = """async ([source, parameters, inputs, draws]) => {
  const module = await import('data:text/javascript,' + encodeURIComponent(source));
  const [w, x, r] = [parameters, inputs, draws].map(each => Float64Array.from(each));
  const {outputs, parameters: gradient} = module.gradients(w, x, r), stepped = module.step(w, [], x, r, 1, 0.5);
  return {outputs: [...outputs], forward: [...module.forward(w, x, r)],
    gradient: [...gradient], loss: stepped.loss, w: [...stepped.parameters]};
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser.new_page()
        browser.close()


def run(page: Any, program: Any, batch: list[Any]) -> Any:
    table = np.concatenate([each.T for each in program.columns(batch)], axis=1)
    numbers = [each.data for each in program.parameters]
    return page.evaluate(MODULE, [program.js_source, numbers, table.reshape(-1).tolist(), []])


@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu", "silu", "elu"])
def test_networks_in_chromium(activation: str, page: Any) -> None:
    model = MLP(3, [5, 4], activation=activation, seed=1)
    rng = np.random.default_rng(0)
    for loss, targets in ((mse_loss, rng.normal(size=(6, 4))), (cross_entropy, rng.integers(0, 4, 6))):
        batch = [rng.normal(size=(6, 3)), targets]
        example = tuple(each[0].tolist() for each in batch)
        program = compile(
            lambda x, y, loss=loss: loss(model(x), y), parameters=model.parameters(), example=example
        )  # fmt: skip
        expected, found = program.gradients(*batch), run(page, program, batch)
        np.testing.assert_allclose(found["outputs"], expected.values, rtol=1e-12)
        assert found["forward"] == found["outputs"]
        np.testing.assert_allclose(found["gradient"], expected.parameters, rtol=1e-10, atol=1e-13)
        assert found["loss"] == pytest.approx(expected.values.mean())
        stepped = [each.data - 0.5 * g for each, g in zip(model.parameters(), expected.parameters)]
        np.testing.assert_allclose(found["w"], stepped, rtol=1e-10)


@pytest.mark.parametrize("seed", range(300, 312))
def test_random_graphs_in_chromium(seed: int, page: Any) -> None:
    program, *batch = drawn(seed)
    expected, found = program.gradients(*batch), run(page, program, batch)
    scale = max(1.0, float(np.abs(expected.parameters).max()))
    np.testing.assert_allclose(found["outputs"], expected.values, rtol=1e-11, atol=1e-11 * scale)
    np.testing.assert_allclose(found["gradient"], expected.parameters, rtol=1e-11, atol=1e-11 * scale)
