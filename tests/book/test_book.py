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
from xml.etree import ElementTree

import pytest

from micrograd_plus import Value, nn
from micrograd_plus.explain import Ledger

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
#
# | number | slope |
# |---|---|
# | $w$ | $-2$ |
#
# ## Twice
#
# ## Twice
#
# ### Change and *see*
#
# ## Change and try
#
# - Replace `w = Value(0.5, "</script><b>w")` by `w = Value(1.5, "w")`.

# %% tags=["helper"]
from _lesson import Lesson
from micrograd_plus import Value

lesson = Lesson("07_trial")

# %%
def long():
    return [
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
        1, 2, 3, 4,
    ]  # fmt: skip


lesson.table([f"a long header, number {i}" for i in range(30)], [range(1000, 1030)])

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
    for helper in ("_lesson.py", "_exercises.py"):
        shutil.copy(DEMOS / helper, folder)
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
        named = found.get("aria-label") or found.get("aria-labelledby") or found.get("aria-hidden") == "true"
        if tag == "svg" and not named:  # what is hidden is the sign of a button that has words
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
    shown, folded = text.split("<summary>Lines that print, draw and check</summary>")
    for call in ("check", "show"):
        assert f">{call}</span>" in folded and f">{call}</span>" not in shown
    assert "<summary>The code, 4 lines</summary>" in shown, "a helper is folded"
    assert re.search(r"<summary>The code, \d\d lines: long</summary>", shown), "what is long is folded, and named"
    assert "&quot;drawn&quot; &amp; named</figcaption>" in text
    assert text.count('<div class="picture') == 2 and text.count("<iframe") == 1
    assert re.search(r'<p class="facts">about \d+ minutes · 2 pictures · 1 player</p>', text)
    assert "Statement 1." in text
    assert '<span class="ansi-bold">bold</span> &lt;tag&gt;' in text
    assert "</script><b>w" not in text
    assert (trial / "07_trial" / "steps.html").is_file()
    check_links(trial)


def test_every_heading_can_be_linked_to_and_is_in_the_list(trial: Path) -> None:
    text = (trial / "07_trial.html").read_text(encoding="utf-8")
    listed = re.findall(r'<li class="level-\d"><a href="#([^"]+)">', text)
    assert listed == ["twice", "twice-2", "change-and-see", "change-and-try"]
    assert listed == re.findall(r'<h[23] id="([^"]+)">', text)
    assert listed == re.findall(r'<a class="anchor" href="#([^"]+)"', text)


@pytest.mark.parametrize(
    ("tags", "lines", "is_open"), [((), 3, True), ((), 40, False), (("helper",), 3, False), (("open",), 40, True)]
)
def test_code_gives_way_by_its_length_or_its_tag(
    builder: ModuleType, tags: tuple[str, ...], lines: int, is_open: bool
) -> None:
    code = builder.Code("a = 1\n" * lines + "for b in range(3):\n    print(b)\n", tags)
    assert ("a = 1" in code.shown) == is_open == ("a = 1" not in code.folded)
    assert "print" in code.folded


def test_what_an_exercise_replaces_leads_to_its_cell(trial: Path) -> None:
    text = (trial / "07_trial.html").read_text(encoding="utf-8")
    assert '<a href="#code-3"><code>w = Value(0.5, ' in text
    cell = text[text.index('id="code-3"') : text.index("</section>", text.index('id="code-3"'))]
    assert ">0.5</span>" in cell


def test_a_column_without_a_header_stops_the_build(builder: ModuleType) -> None:
    with pytest.raises(ValueError, match="a word above each column"):
        builder.prose("| | b |\n|---|---|\n| 1 | 2 |\n")


@pytest.mark.parametrize(
    ("latex", "signs", "operators"),
    [("b = -0.5", 1, 0), ("a - b", 0, 1), ("(-3) \\cdot (-1)", 2, 0), ("(1 - b) - x^{-1}", 1, 2),
     (r"\frac{-1}{2}", 1, 0), (r"L = -\left[ y \log p + 1 \right]", 1, 1), (r"|a| - 1", 0, 1)],
)  # fmt: skip
def test_a_minus_before_a_number_is_a_sign(builder: ModuleType, latex: str, signs: int, operators: int) -> None:
    found = builder.formula(latex)
    minus = r"(?:&#x02212;|&#x0002B;)"
    assert len(re.findall(rf'<mo form="prefix">{minus}', found)) == signs, found
    assert len(re.findall(rf"<mo>{minus}", found)) == operators, found


@pytest.mark.parametrize(
    ("latex", "found"),
    [(r"w - \eta g", "parameter w, rate η, gradient g"), (r"w_{11} x_1", "parameter w11, input x1"),
     (r"\frac{\partial E}{\partial w}", "gradient ∂E∂w"), (r"\frac{\partial d}{\partial \hat y}", "local ∂d∂y^"),
     (r"\frac{d}{2}", ""), (r"\frac{\hat m}{\sqrt{\hat v}}", "first-moment m^, second-moment v^"),
     (r"\bar W", "gradient W¯"), (r"\frac{L}{w}", "parameter w"), (r"g^2", "gradient g")],
)  # fmt: skip
def test_each_quantity_of_a_formula_has_its_colour(builder: ModuleType, latex: str, found: str) -> None:
    root = ElementTree.fromstring(builder.prose(f"${latex}$"))
    marked = [each for each in root.iter() if "class" in each.attrib]
    words = [f"{each.get('class').removeprefix('quantity-')} {''.join(each.itertext())}" for each in marked]
    assert ", ".join(words) == found


def test_a_ledger_has_the_colours_of_the_formulas(builder: ModuleType) -> None:
    w = Value(1.0, "w")
    optimizer = nn.Adam([w], lr=0.1)
    with Ledger(optimizer) as book:
        (w * w).backward()
        optimizer.step()
    found = builder.ledger(book.html())
    assert '<span class="quantity-rate">lr</span> * <span class="quantity-first-moment">m_hat</span>' in found
    assert re.sub(r"<span[^>]*>|</span>", "", found) == book.html()
    assert builder.ledger("<table><th>w</th></table>") == "<table><th>w</th></table>"


def test_pages_turn(trial: Path) -> None:
    first, second = ((trial / name).read_text(encoding="utf-8") for name in ("07_trial.html", "08_other.html"))
    assert 'rel="next" href="08_other.html"' in first and '<a rel="prev"' not in first
    assert 'rel="prev" href="07_trial.html"' in second and '<a rel="next"' not in second
    contents = (trial / "index.html").read_text(encoding="utf-8")
    assert contents.index("7 A trial") < contents.index("8 Other")
    assert re.findall(r'<p class="facts">(.*?)</p>', contents)[0].endswith("2 pictures · 1 player")


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
    assert "glossary.html" in contents


def test_no_table_has_an_empty_header(book: Path) -> None:
    for path in book.glob("*.html"):
        assert not re.search(r"<th[^>]*>\s*</th>", path.read_text(encoding="utf-8")), path.name


def test_tables_hold_numbers_and_words_and_no_reprs(book: Path) -> None:
    for path in sorted(book.glob("*.html")):
        cells = [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", path.read_text(), re.DOTALL)]
        assert not [cell for cell in cells if re.search(r"\b(Value|Parameter)\(", cell)], path.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(book: Path, browser: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    found = []
    for path in sorted(book.rglob("*.html")):  # players too, each as a page of its own
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.wait_for_timeout(100)
        results = Axe().run(page, context={"exclude": ["iframe"]}).response
        assert results["passes"], f"axe-core checked nothing on {path.name}"
        found += [f"{path.name}: {each['id']}: {each['nodes'][0]['html'][:150]}" for each in results["violations"]]
    context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [390, 844, 1280])
def test_what_scrolls_is_a_tab_stop_and_nothing_else_is(trial: Path, browser: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto((trial / "07_trial.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_timeout(200)
    stops = page.evaluate(
        "[...document.querySelectorAll('[tabindex]')].map((each) => [each.scrollWidth > each.clientWidth + 1,"
        " each.getAttribute('aria-label'), getComputedStyle(each, '::before').content])"
    )
    assert stops, "the table of thirty columns scrolls"
    assert all(scrolls and name and "scroll sideways" in told for scrolls, name, told in stops), stops
    hidden = page.evaluate(
        "[...document.querySelectorAll('.scroll, .html div')].filter((each) =>"
        " each.scrollWidth > each.clientWidth + 1 && each.tabIndex < 0).length"
    )
    assert hidden == 0
    context.close()


@pytest.mark.parametrize("width", [390, 1100, 1280, 1920])
def test_prose_code_and_tables_have_one_left_edge(trial: Path, browser: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto((trial / "07_trial.html").as_uri())
    kinds = ("main h1", "main .prose > p", "main .cell > .code", "main .html th", "main .claim", "main .picture")
    inside = "(each.matches('th') ? parseFloat(getComputedStyle(each).paddingLeft) : 0)"
    left = f"(each) => each.getBoundingClientRect().left + {inside}"
    edges = {kind: page.locator(kind).first.evaluate(left) for kind in kinds}
    assert max(edges.values()) - min(edges.values()) <= 1, edges
    context.close()


def test_code_can_be_read(trial: Path, browser: Any) -> None:
    ratio = """(each) => {
        const light = (colour) => {
            const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255)
                .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const both = [getComputedStyle(each).color, getComputedStyle(each.closest("pre")).backgroundColor].map(light);
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }"""
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto((trial / "07_trial.html").as_uri())
        kinds = set(page.evaluate("[...document.querySelectorAll('.cell > .code span')].map((each) => each.className)"))
        assert "s2" in kinds
        for kind in kinds:
            assert page.locator(f".cell > .code .{kind}").first.evaluate(ratio) >= 4.5, f"{kind} in {scheme}"
        context.close()


def test_slides_show_one_heading_at_a_time(trial: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((trial / "07_trial.html").as_uri())
    headings = "[...document.querySelectorAll('main h1, main h2')]"
    shown = f"{headings}.filter((each) => each.checkVisibility()).map((each) => each.id)"
    everything = page.evaluate(shown)
    assert len(everything) == 4
    page.get_by_role("button", name="Slides").click()
    for heading in everything:
        assert page.evaluate(shown) == [heading]
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(shown) == [everything[-2]]
    page.keyboard.press("Escape")
    assert page.evaluate(shown) == everything
    page.close()


def test_a_page_prints_its_answers_and_no_controls(trial: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((trial / "07_trial.html").as_uri())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.get_by_text("A weight,").is_visible(), "an answer is printed"
    for left_out in (".bar", ".toc", ".helper"):
        assert not page.locator(left_out).first.is_visible()
    assert len(page.pdf(format="A4")) > 10_000
    page.close()


def test_a_link_to_a_cell_opens_its_code(trial: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((trial / "07_trial.html").as_uri() + "#code-2")
    assert page.locator("#code-2 > details").evaluate("(each) => each.open")
    page.close()


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


LETTERS = """(svg) => Math.min(...[...svg.querySelectorAll("text, tspan")]
  .filter((each) => [...each.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
  .map((each) => [parseFloat(getComputedStyle(each).fontSize), each.getScreenCTM()])
  .map(([size, at]) => size * Math.sqrt(Math.abs(at.a * at.d - at.b * at.c))))"""


def check_pictures(folder: Path, page: Any) -> int:
    """On a phone every picture's letters are legible, and what is wider than the page opens as large as drawn."""
    page.set_viewport_size({"width": 390, "height": 844})
    seen = 0
    for path in sorted(folder.glob("*.html")):
        page.goto(path.as_uri())
        for figure in page.locator("figure:has(> .picture)").all():
            smallest = figure.locator("svg").evaluate(LETTERS)
            assert smallest > 7.9, f"{path.name}: letters of {smallest:.1f} px in {figure.inner_text()[:80]!r}"
            is_wide = figure.locator(".picture").evaluate("(each) => each.scrollWidth > each.clientWidth + 1")
            opener = figure.get_by_role("link", name="wide: open it")
            assert opener.is_visible() or not is_wide, f"{path.name}: {figure.inner_text()[:80]!r} does not open"
            if is_wide:
                alone = (folder / opener.get_attribute("href")).read_text(encoding="utf-8")
                assert "max-width" not in alone[: alone.index(">")], "as large as it was drawn"
            seen += 1
    return seen


def test_letters_are_legible_on_a_phone_and_wide_pictures_open(book: Path, browser: Any) -> None:
    page = browser.new_page()
    assert check_pictures(book, page) > 40
    page.close()


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
