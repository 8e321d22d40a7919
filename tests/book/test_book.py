"""The book: every page is whole by itself, every link leads somewhere, every picture has words, on any screen."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.browser  # Chromium and the extra `book` are there where these run

DEMOS = Path(__file__).parents[2] / "demos"

TRIAL = """# %% [markdown]
# # 7 A trial
#
# What you will see: the slope $\\\\frac{dL}{dw}$ and <b>more</b>.
#
# $$ w \\\\leftarrow w - \\\\eta \\\\, \\\\frac{dL}{dw} $$
#
# See [the next one](08_other.py) and [one that is not here](09_absent.py).
#
# <details><summary>What is $w$?</summary>
#
# A weight, *times* $x_1$.
#
# </details>

# %% tags=["helper"]
from _lesson import Lesson
from micrograd_plus import Value

lesson = Lesson("07_trial")

# %%
w = Value(0.5, "</script><b>w")
y = (w * 2).tanh()
lesson.show(y.graph(), "graph", alt='A graph, "drawn" & named')
lesson.show(y.graph(), "again", alt="The same again")
lesson.show(y.steps(), "steps", alt="The steps")
lesson.check(1, y.data < 1, "y < 1")
print("\\\\033[1mbold\\\\033[0m <tag>")
""".replace("\\\\", "\\")


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMOS))
        yield importlib.import_module("build_book")


@pytest.fixture(scope="module")
def trial(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demos")
    shutil.copy(DEMOS / "_lesson.py", folder)
    (folder / "07_trial.py").write_text(TRIAL, encoding="utf-8")
    (folder / "08_other.py").write_text("# %% [markdown]\n# # 8 Other\n#\n# Short.\n\n# %%\n1 + 1\n", encoding="utf-8")
    builder.build(builder.lessons(folder), folder / "book")
    return folder / "book"


@pytest.fixture(scope="module")
def book(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole book, as the one command builds it."""
    folder = tmp_path_factory.mktemp("book")
    assert builder.main(["-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield chromium
        chromium.close()


class Page(HTMLParser):
    """What a page refers to, what it can be referred to by, and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.unnamed: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.references += [found[name] or "" for name in ("href", "src", "xlink:href") if name in found]
        if "id" in found:
            self.ids.append(found["id"] or "")
        words = {"img": "alt", "iframe": "title"}.get(tag)
        if words and not found.get(words):
            self.unnamed.append(str(found)[:80])
        if tag == "svg" and not (found.get("aria-label") or found.get("aria-labelledby")):
            self.unnamed.append(str(found)[:80])


def check_links(folder: Path) -> None:
    pages = {path.name: Page(path) for path in folder.glob("*.html")}
    assert "index.html" in pages
    for name, page in pages.items():
        for reference in page.references:
            file, _, anchor = reference.partition("#")
            assert not re.match(r"\w+:|//", reference), f"{name} leaves the book: {reference}"
            assert not file or (folder / file).is_file(), f"{name} has a dead link: {reference}"
            if anchor and not file:
                assert anchor in page.ids, f"{name} has no {reference}"
        assert not page.unnamed, f"{name} shows without words: {page.unnamed}"
        assert len(page.ids) == len(set(page.ids)), f"{name} has an id twice"


# -------------------------------------------------------------------- the builder


def test_a_page_has_what_the_lesson_showed(trial: Path) -> None:
    text = (trial / "07_trial.html").read_text(encoding="utf-8")
    assert "<title>7 A trial" in text
    assert "<mfrac>" in text and "$" not in re.sub(r"<(script|style)>.*?</\1>|srcdoc=\"[^\"]*\"", "", text, flags=re.S)
    assert re.search(r"<summary>What is <math.*</summary>", text)
    assert "<em>times</em>" in text
    assert 'href="08_other.html">the next one' in text and "one that is not here" in text and "09_absent" not in text
    assert "<summary>Helper code</summary>" in text
    shown, folded = text.split("<summary>Lines that print and check</summary>")
    assert ">check</span>" in folded and ">check</span>" not in shown  # the call, not the statement it makes
    assert "&quot;drawn&quot; &amp; named</figcaption>" in text
    assert text.count('<figure><div class="picture"') == 2 and text.count("<iframe") == 1
    assert "Statement 1." in text
    assert '<span class="ansi-bold">bold</span> &lt;tag&gt;' in text
    assert "</script><b>w" not in text
    assert (trial / "07_trial" / "steps.html").is_file()
    check_links(trial)


def test_pages_turn(trial: Path) -> None:
    first, second = ((trial / name).read_text(encoding="utf-8") for name in ("07_trial.html", "08_other.html"))
    assert 'rel="next" href="08_other.html"' in first and '<a rel="prev"' not in first
    assert 'rel="prev" href="07_trial.html"' in second and '<a rel="next"' not in second
    contents = (trial / "index.html").read_text(encoding="utf-8")
    assert contents.index("7 A trial") < contents.index("8 Other")


def test_a_lesson_that_fails_stops_the_build(
    builder: ModuleType, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    (tmp_path / "01_wrong.py").write_text("# %% [markdown]\n# # 1 Wrong\n\n# %%\n1 / 0\n", encoding="utf-8")
    monkeypatch.setattr(builder, "HERE", tmp_path)
    assert builder.main(["-o", str(tmp_path / "book")]) == 1
    told = capsys.readouterr().err
    assert "01_wrong.py failed" in told and "ZeroDivisionError" in told
    assert not (tmp_path / "book").exists()


def test_names_in_a_formula_keep_their_distance(builder: ModuleType) -> None:
    parts = re.findall(r"<(?:mi|mo|mn)[^>]*>([^<]*)<|<(mspace)", builder.formula(r"(1) \log (x) + y \log p"))
    written = "".join(" " if space else html.unescape(text) for text, space in parts)
    assert written == "(1) log(x)+y log p"


@pytest.mark.parametrize("latex", [r"\begin{aligned} a &= b \end{aligned}", r"\unheardof{x}"])
def test_a_formula_that_would_show_raw_stops_the_build(builder: ModuleType, latex: str) -> None:
    with pytest.raises(ValueError, match="MathML"):
        builder.formula(latex)


def test_an_unknown_lesson_is_told(builder: ModuleType, capsys: Any) -> None:
    assert builder.main(["77"]) == 1
    assert "no lesson 77" in capsys.readouterr().err


# -------------------------------------------------------------------- the whole book


def test_every_lesson_is_in_the_book_and_every_link_leads_somewhere(book: Path, builder: ModuleType) -> None:
    check_links(book)
    contents = Page(book / "index.html").references
    assert [name for name in contents if name[0].isdigit()] == [f"{p.stem}.html" for p in builder.lessons(DEMOS)]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_whole_in_a_browser(book: Path, browser: Any, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else troubles.append(request.url[:99]))
    for path in sorted(book.glob("*.html")):
        page.goto(path.as_uri())
        for frame in page.locator("iframe").all():
            frame.scroll_into_view_if_needed()
            page.wait_for_timeout(100)
        for details in page.locator("main details > summary").all():
            details.click()
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{path.name} is {overflow} px wider than a screen of {width} px"
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        assert not troubles, f"{path.name}: {troubles}"
    context.close()


def test_the_theme_button_turns_page_pictures_and_players(trial: Path, browser: Any) -> None:
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto((trial / "07_trial.html").as_uri())
    page.locator("iframe").scroll_into_view_if_needed()
    page.frame_locator("iframe").locator("svg").first.wait_for()
    colours = [
        "getComputedStyle(document.body).backgroundColor",
        "getComputedStyle(document.querySelector('.picture svg text')).fill",
        "getComputedStyle(document.querySelector('iframe').contentDocument.body).backgroundColor",
    ]
    before = [page.evaluate(colour) for colour in colours]
    page.get_by_role("banner").get_by_role("button", name="Dark").click()
    after = [page.evaluate(colour) for colour in colours]
    assert all(old != new for old, new in zip(before, after))
    page.get_by_role("banner").get_by_role("button", name="Light").click()
    assert [page.evaluate(colour) for colour in colours] == before
    context.close()
