"""A lesson's text and code as HTML: prose with formulas, headings to link to, tables that scroll, code that gives way.

Nothing here runs a lesson: `build_book.py` does, and fills the templates in `demos/book` with what is made here.
"""

from __future__ import annotations

import ast
import html
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import latex2mathml.converter
from _exercises import HEADING, code_cells, exercises
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from micrograd_plus.viz import palette

__all__ = [
    "Code", "coloured", "formula", "ledger", "minutes", "prose", "quantities", "with_contents", "with_links_to_cells",
]  # fmt: skip

LINES = 16  # of code that stand open; more than that is folded, so that pictures lead

# -------------------------------------------------------------------- prose


class _Renderer(IPythonRenderer):
    """Markdown as HTML, with formulas as MathML, which browsers draw by themselves."""

    def inline_math(self, body: str) -> str:
        return quantities(formula(body))

    def block_math(self, body: str) -> str:
        return f'<div class="formula scroll">{quantities(formula(body, display="block"))}</div>'

    def heading(self, text: str, level: int, **attributes: object) -> str:
        name = slug(text)
        link = f' <a class="anchor" href="#{name}" aria-label="Link to this heading">#</a>' if level > 1 else ""
        return f'<h{level} id="{name}">{text}{link}</h{level}>\n'

    def table(self, text: str) -> str:
        if re.search(r"<th[^>]*></th>", text):
            raise ValueError(f"a table needs a word above each column, but one has none: {text[:200]}")
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def block_html(self, html: str) -> str:
        text = re.sub(r"\$([^$\n]+)\$", lambda found: quantities(formula(found[1])), super().block_html(html))
        return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)


def prose(markdown: str) -> str:
    """A markdown text as HTML. Raises ValueError for a table with a column that has no header."""
    return MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True)).render(markdown)


def slug(text: str) -> str:
    """What a heading is called in a link: its words in small letters.

    >>> slug("What an <em>epoch</em> is")
    'what-an-epoch-is'
    """
    words = re.findall(r"\w+", html.unescape(re.sub(r"<[^>]+>", "", text)).lower())
    return "-".join(words) or "section"


def formula(latex: str, display: str = "inline") -> str:
    """A formula as MathML. Raises ValueError for what the converter does not know and would show raw."""
    found = latex2mathml.converter.convert(latex.strip(), display=display)
    strange = re.search(r"<m[iot]\w*>(\\\w+|&)<", found)
    if strange:
        raise ValueError(f"the formula {latex!r} has {strange[1]!r}, which does not become MathML; write it otherwise")
    found = _SIGN.sub(r'\1<mo form="prefix">', found)
    return _AFTER_A_NAME.sub(_THIN_SPACE, _BEFORE_A_NAME.sub(_THIN_SPACE, found))


_CLOSES = "(?:&#x00029;|&#x0005D;|&#x0007D;|&#x0230B;|&#x02309;|&#x0007C;|&#x02032;|!)"
_SIGN = re.compile(rf"(<mrow>|<math[^>]*>|<mtd[^>]*>|<mo[^>]*>(?!{_CLOSES})[^<]*</mo>)<mo>(?=&#x02212;|&#x0002B;)")
"""What a minus or plus stands after where it is a sign, and belongs to the number behind it."""

_THIN_SPACE = r'\1<mspace width="0.17em" />\2'  # on both sides of log, tanh, ...; the converter leaves none
_BEFORE_A_NAME = re.compile(r"(</m[in]>|&#x00029;</mo>)(<mi>\w{2,}</mi>)")
_AFTER_A_NAME = re.compile(r"(<mi>\w{2,}</mi>)(<m[a-np-z])")

# -------------------------------------------------------------------- one colour each quantity

_MATH = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", _MATH)


def quantities(mathml: str) -> str:
    """A formula as MathML in which each quantity has the class of its colour, `quantity-rate` for the learning rate.

    A derivative of the loss is a gradient as a whole, another one a local derivative.
    """
    root = ElementTree.fromstring(mathml)
    _colour(root)
    return ElementTree.tostring(root, encoding="us-ascii").decode()


def _colour(part: ElementTree.Element) -> None:
    name = _quantity(part)
    if name:
        part.set("class", f"quantity-{name}")
    for inner in () if name else part:
        _colour(inner)


def _quantity(part: ElementTree.Element) -> str | None:
    """The quantity that a part of a formula stands for as a whole, None if for none or for several."""
    tag, text = part.tag.removeprefix(f"{{{_MATH}}}"), "".join(part.itertext()).strip()
    if tag == "mi":
        return palette.SYMBOLS.get(text)
    if tag == "msub" or (tag == "mrow" and len(part) == 1):
        return _quantity(part[0])
    if tag == "mover":  # a bar is short for the loss's derivative by what is below it; a hat keeps what it is
        return "gradient" if part[1].text == "\u00af" else _quantity(part[0])
    if tag == "mfrac":
        above, below = ("".join(each.itertext()) for each in part)
        is_derivative = above[:1] == below[:1] and above[:1] in ("d", "∂") and len(above) > 1
        return ("gradient" if above[1:2] in ("E", "L") else "local") if is_derivative else None
    return None


_NAME = re.compile(r"(?<![\w.])(w|g|lr|m|v|m_hat|v_hat)(?![\w.(])")


_OF_A_RULE = re.compile(r"<th[^>]*>(quantity|g|lr|m|v)</th>")


def ledger(table: str) -> str:
    """HTML in which, if it is an optimizer's ledger, each quantity of the rule has the class of its colour."""
    if not _OF_A_RULE.search(table):
        return table

    def coloured_names(found: re.Match[str]) -> str:
        return _NAME.sub(lambda name: f'<span class="quantity-{palette.SYMBOLS[name[1]]}">{name[1]}</span>', found[0])

    return re.sub(r"(?<=>)[^<>]+(?=<)", coloured_names, table)


# -------------------------------------------------------------------- code


class Code:
    """A code cell in two parts: what a learner reads first, and what is folded away under a line that names it.

    Folded are the calls that only print, show or check, and all of a cell that is long; the tag "helper" folds a cell
    whatever its length, the tag "open" leaves its code to be read.
    """

    def __init__(self, source: str, tags: Sequence[str] = ()) -> None:
        read, plumbing = _parted(source)
        is_folded = "open" not in tags and ("helper" in tags or len(read.splitlines()) > LINES)
        self.shown, self.folded = ("", source) if is_folded else (read, plumbing)
        self.summary = self._named(read) if is_folded else "Lines that print, draw and check"

    def _named(self, read: str) -> str:
        defined = [each.name for each in ast.parse(read).body if isinstance(each, (ast.FunctionDef, ast.ClassDef))]
        lines = len(self.folded.splitlines())
        return f"The code, {lines} lines" + (f": {', '.join(defined)}" if defined else "")


def coloured(source: str) -> str:
    """Python code as HTML."""
    inside = highlight(source.replace("  # fmt: skip", ""), PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre class="code scroll"><code>{inside}</code></pre>'


PLUMBING = ("lesson.check(", "lesson.expect(", "lesson.say(", "lesson.show(", "lesson.table(", "print(")


def _parted(source: str) -> tuple[str, str]:
    """A cell's lines in two parts: what a learner reads, and the statements that only print, show or check."""
    lines = source.splitlines()
    plumbing = {
        number
        for statement in ast.parse(source).body
        if _only_shows(statement)
        for number in range(statement.lineno - 1, statement.end_lineno or statement.lineno)
    }
    parts = ([line for i, line in enumerate(lines) if (i in plumbing) == wanted] for wanted in (False, True))
    shown, folded = ("\n".join(part).strip("\n") for part in parts)
    return shown, folded


def _only_shows(statement: ast.stmt) -> bool:
    """Whether a statement is a call that only shows, a loop over such calls, or the words for a picture."""
    if isinstance(statement, ast.For):
        return all(map(_only_shows, statement.body))
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0]) == "alt"
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith(PLUMBING)


# -------------------------------------------------------------------- a whole page


def with_contents(page: str) -> str:
    """A page with ids that stand once, and in the place of `<!--contents-->` a list of its headings."""
    seen: dict[str, int] = {}

    def once(heading: re.Match[str]) -> str:
        level, name, text = heading.groups()
        seen[name] = seen.get(name, 0) + 1
        only = name if seen[name] == 1 else f"{name}-{seen[name]}"
        return f'<h{level} id="{only}">{text.replace(f"#{name}", f"#{only}")}</h{level}>'

    page = re.sub(r'<h([23]) id="([^"]+)">(.*?)</h\1>', once, page)
    found = re.findall(r'<h([23]) id="([^"]+)">(.*?) <a class="anchor"', page)
    items = "".join(f'<li class="level-{level}"><a href="#{name}">{text}</a></li>' for level, name, text in found)
    return page.replace("<!--contents-->", f"<ul>{items}</ul>")


def with_links_to_cells(page: str, source: str) -> str:
    """A page on which each text that an exercise asks to replace leads to the cell where it stands."""
    before, heading, after = page.partition(f'id="{slug(HEADING)}"')
    for old in {old for exercise in exercises(source) for run in exercise.runs for old, _ in run}:
        marked = f"<code>{html.escape(old, quote=False).replace(chr(34), '&quot;')}</code>"
        for cell in [i for i, cell in enumerate(code_cells(source), 1) if old in cell][:1]:
            after = after.replace(marked, f'<a href="#code-{cell}">{marked}</a>')
    return before + heading + after


def minutes(cells: Sequence[tuple[str, str]], pictures: int) -> int:
    """How long a lesson takes a learner, to five minutes: cells are pairs of a type and a source.

    A hundred words a minute, as formulas are to be worked through; one for each piece of code and for each picture,
    two for each question and three for each thing to try.
    """
    text = "\n".join(source for kind, source in cells if kind == "markdown")
    tried = len(re.findall(r"^- ", text.partition(HEADING)[2].partition("\n## ")[0], flags=re.M))
    code = sum(kind == "code" for kind, _ in cells)
    taken = len(text.split()) / 100 + code + pictures + 2 * text.count("<details>") + 3 * tried
    return 5 * math.ceil(taken / 5)
