"""The reference: each public name has its entry, and no page asks for anything outside."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser  # the extra `book` is there where these run

DEMOS = Path(__file__).parents[2] / "demos"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMOS))
        builder = importlib.import_module("build_reference")
    output = tmp_path_factory.mktemp("reference")
    return output, builder.build(output)


def test_each_public_name_has_an_entry(pages: Any) -> None:
    output, names = pages
    for name in names:
        text = (output / f"{name.replace('.', '/')}.html").read_text()
        missing = [each for each in importlib.import_module(name).__all__ if f'id="{each}"' not in text]
        submodules = [each for each in missing if f"/{each}.html" in text]
        assert sorted(set(missing) - set(submodules)) == [], name


def test_a_docstring_is_there_with_its_example(pages: Any) -> None:
    text = (pages[0] / "micrograd_plus" / "nn.html").read_text()
    plain = re.sub(r"<[^>]+>", "", text)
    assert "decoupled weight decay" in plain or "Loshchilov" in plain
    assert "&gt;&gt;&gt; optimizer.step()" in plain


def test_no_page_asks_for_anything_outside(pages: Any) -> None:
    for page in pages[0].rglob("*.html"):
        asked = re.findall(r'<link[^>]*href="(?:https?:)?//|src="(?:https?:)?//|url\((?:https?:)?//', page.read_text())
        assert asked == [], page.name


def test_every_link_leads_to_a_page(pages: Any) -> None:
    for page in pages[0].rglob("*.html"):
        if page.name == "index.html":
            continue
        for link in re.findall(r'href="([^"#]+\.html)', page.read_text()):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_command_tells_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMOS))
        builder = importlib.import_module("build_reference")
    assert builder.main(["-o", str(tmp_path)]) == 0
    assert str(tmp_path / "micrograd_plus.html") in capsys.readouterr().out
