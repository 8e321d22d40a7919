"""The drawing in a real browser: it renders, follows the reader's theme, asks the network for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, nn, operation
from micrograd_plus.data import line
from micrograd_plus.train import fit
from micrograd_plus.value import leaf
from micrograd_plus.viz import NetworkDiagram, TrainingLoop, palette

pytestmark = pytest.mark.browser

LABEL = "</text></svg><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def drawing() -> Value:
    w, x = leaf(0.5, operation.PARAMETER, "w"), Value(-2.0, LABEL)
    n = (w * x).tanh()
    n.label = "n"
    n.backward()
    return n


def opened(chromium: Any, address: str, theme: str) -> tuple[Any, list[str]]:
    """A page, and what went wrong or was asked for while it loaded."""
    page = chromium.new_page(color_scheme=theme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: trouble.append(request.url) if request.url != address else None)
    page.goto(address)
    return page, trouble


def rgb(colour: str) -> str:
    return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})"


def fill(page: Any, selector: str) -> str:
    return str(page.eval_on_selector(selector, "element => getComputedStyle(element).fill"))


@pytest.mark.parametrize("theme", palette.THEMES)
def test_a_file_of_its_own_follows_the_theme(chromium: Any, tmp_path: Path, theme: str) -> None:
    file = drawing().graph().save(tmp_path / "n.svg")
    page, trouble = opened(chromium, file.as_uri(), theme)
    assert fill(page, ".mp-graph > polygon") == rgb(palette.background[theme])
    assert fill(page, "#n0 text") == rgb(palette.text[theme])
    assert fill(page, "#n0-grad polygon") == rgb(palette.diverging(-1)[theme])
    assert trouble == []


@pytest.mark.parametrize(("chosen", "system"), [("light", "dark"), ("dark", "light")])
def test_the_page_can_choose_the_theme(chromium: Any, tmp_path: Path, chosen: str, system: str) -> None:
    page_file = tmp_path / "page.html"
    bundle = drawing().graph()._repr_mimebundle_()
    page_file.write_text(
        f"<!doctype html><html data-theme={chosen}><meta charset=utf-8>{bundle['text/html']}", encoding="utf-8"
    )
    page, trouble = opened(chromium, page_file.as_uri(), system)
    assert fill(page, ".mp-graph > polygon") == rgb(palette.background[chosen])
    assert trouble == []


def test_labels_are_text_and_nothing_runs(chromium: Any, tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    html = drawing().graph()._repr_mimebundle_()["text/html"]
    page_file.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    page, trouble = opened(chromium, page_file.as_uri(), "light")
    assert page.evaluate("window.hacked") is None
    assert page.locator("script, img, a").count() == 0
    assert page.get_by_text("</text></svg><script>window.hac…").count() == 1
    assert trouble == []


def test_nothing_is_cut_off_and_texts_stay_in_their_boxes(chromium: Any, tmp_path: Path) -> None:
    file = drawing().graph(title="A title").save(tmp_path / "n.svg")
    page, _ = opened(chromium, file.as_uri(), "light")
    frame = page.locator(".mp-graph > polygon").first.bounding_box()
    boxes = page.locator("g.value")
    assert boxes.count() == 4
    for part in [*page.locator("text").all(), *page.locator("g.node").all()]:
        inner = part.bounding_box()
        assert inner["x"] >= frame["x"] - 1 and inner["x"] + inner["width"] <= frame["x"] + frame["width"] + 1
        assert inner["y"] >= frame["y"] - 1 and inner["y"] + inner["height"] <= frame["y"] + frame["height"] + 1
    for box in boxes.all():
        cells = box.locator("g[id$='-data'], g[id$='-grad']")
        assert cells.count() == 2
        for cell in cells.all():
            shape, text = cell.locator("polygon").first.bounding_box(), cell.locator("text").first.bounding_box()
            assert shape["x"] - 1 <= text["x"] and text["x"] + text["width"] <= shape["x"] + shape["width"] + 1


def test_screen_readers_get_an_image_with_a_name(chromium: Any, tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html>{drawing().graph()._repr_mimebundle_()['text/html']}", encoding="utf-8")
    page, _ = opened(chromium, page_file.as_uri(), "light")
    assert page.get_by_role("img", name="Computation graph of n").count() == 1


def test_a_wide_picture_scrolls_in_its_frame_and_not_the_page(chromium: Any, tmp_path: Path) -> None:
    x = Value(0.5, "x")
    for _ in range(30):
        x = x.sin()
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html>{x.graph()._repr_mimebundle_()['text/html']}", encoding="utf-8")
    page, _ = opened(chromium, page_file.as_uri(), "light")
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.eval_on_selector(".mp-wide > div", "frame => frame.scrollWidth > 3 * frame.clientWidth")
    assert page.locator("g.value text").first.bounding_box()["height"] > 5  # still legible


def loop() -> Any:
    recorded = TrainingLoop()
    fit(nn.MLP(1, [1], seed=0), line(20), epochs=3, batch_size=3, callbacks=[recorded], progress=False)
    return recorded


def of_a_loss(model: Any, width: int, **options: Any) -> Any:
    out = model([Value(0.3 * i, f"x{i}") for i in range(width)])
    return sum((out if isinstance(out, list) else [out]), Value(0.0)).graph(**options)


PICTURES = {
    "a neuron": lambda: drawing().graph(title="A neuron"),
    "a network's graph": lambda: of_a_loss(nn.MLP(2, [3, 1], seed=0), 2, collapse="none", title="A network"),
    "derivatives": lambda: of_a_loss(nn.MLP(2, [2, 1], seed=0), 2, collapse="none", derivatives=True),
    "groups": lambda: of_a_loss(nn.MLP(3, [12, 12, 2], seed=0), 3),
    "a network": lambda: NetworkDiagram(nn.MLP(2, [3, 3, 3, 2], seed=0), [1.0, -1.0], target=[0.5, 1.0]),
    "a loop": loop,
}
HEIGHTS = """() => [...document.querySelectorAll("svg text")].map((text) =>
  parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().d)"""


@pytest.mark.parametrize("kind", PICTURES)
def test_letters_stay_legible_on_a_phone_and_a_wide_picture_opens(chromium: Any, tmp_path: Path, kind: str) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html>{PICTURES[kind]()._repr_mimebundle_()['text/html']}", encoding="utf-8")
    page, _ = opened(chromium, page_file.as_uri(), "light")
    page.set_viewport_size({"width": 390, "height": 800})
    smallest = min(page.evaluate(HEIGHTS))
    assert smallest > 7.9
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    is_cut = page.eval_on_selector(".mp-wide > div", "frame => frame.scrollWidth > frame.clientWidth + 2")
    if is_cut:
        page.get_by_label("wide: open it").check()
        assert min(page.evaluate(HEIGHTS)) >= smallest
        assert page.eval_on_selector("svg", "svg => svg.clientWidth >= parseFloat(getComputedStyle(svg).maxWidth) - 2")
    else:
        assert not page.get_by_label("wide: open it").is_visible() or kind == "a network"
    page.set_viewport_size({"width": 1280, "height": 800})
    assert not page.get_by_label("wide: open it").is_visible()


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_title_stands_above_and_larger_than_all_else(chromium: Any, tmp_path: Path, direction: str) -> None:
    graph = drawing().graph(title="What a neuron does", direction=direction)
    page, _ = opened(chromium, graph.save(tmp_path / "n.svg").as_uri(), "light")
    title = page.get_by_text("What a neuron does", exact=True).last
    top, size = title.bounding_box()["y"], title.evaluate("text => parseFloat(getComputedStyle(text).fontSize)")
    for part in page.locator("g.node").all():
        assert part.bounding_box()["y"] > top
    sizes = "all => all.map((text) => parseFloat(getComputedStyle(text).fontSize))"
    assert size > max(page.locator("g.node text").evaluate_all(sizes))


def test_numbers_on_arrows_have_a_halo_in_both_themes(chromium: Any, tmp_path: Path) -> None:
    file = drawing().graph(derivatives=True).save(tmp_path / "n.svg")
    for theme in palette.THEMES:
        page, _ = opened(chromium, file.as_uri(), theme)
        halo = "text => [getComputedStyle(text).stroke, getComputedStyle(text).paintOrder]"
        stroke, order = page.eval_on_selector(".flow text", halo)
        assert stroke == rgb(palette.background[theme]) and order.startswith("stroke")
