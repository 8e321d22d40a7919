"""A page is one HTML file that plays something, holds all it needs, and asks the network for nothing.

Labels come from users and may hold anything: the data travels as JSON in which no tag can be written, the scripts put
text only where text belongs, and the page's policy allows no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from functools import cache, partial
from importlib import resources
from string import Template
from typing import Any, ClassVar

from micrograd_plus.viz.palette import css_variables
from micrograd_plus.viz.picture import Picture

__all__ = ["Page", "json_of", "policy_of", "text_of"]


class Page(Picture):
    """One self-contained web page: `html()` is its text, `save(path)` writes it, a notebook shows it in place.

    A subclass supplies its `title`, the `unit` that one press of "next" moves by and the `part` that Page Down does,
    its `data`, `parts` for the places in its body, and, in CSS pixels, the `height` of its frame in a notebook. The
    files of `package` that begin with its `name` are its own: `<name>.css`, `<name>.js`, `<name>.html` for the body,
    `<name>_tools.html` for beside the title, `<name>_help.html`. `scripts` are the files of its script, if there are
    more than `<name>.js`, and `program` is what of it Python writes. In the player's bar, `above` stands over the
    slider, `more` before the last button, `told` under where it is; `speeds` are the clock's, `speed` the first.
    """

    kind = "a page"
    forms: ClassVar = {".html": "html", ".htm": "html"}
    package: ClassVar[str] = __package__
    name = title = ""
    unit, part, height = "step", "part", 720
    scripts: ClassVar[tuple[str, ...]] = ()
    above, more, told = '<div id="jumps"></div>', "", ""
    speeds: ClassVar[Mapping[float, str]] = {0.25: "¼ ×", 0.5: "½ ×", 1: "1 ×", 2: "2 ×", 4: "4 ×"}
    speed: ClassVar[float] = 1

    def data(self) -> Mapping[str, Any]:
        """Returns what the scripts read, as JSON would hold it."""
        raise NotImplementedError

    def parts(self) -> Mapping[str, str]:
        """Returns what comes in the body's places, as trusted HTML."""
        return {}

    def program(self) -> str:
        """Returns the script that comes before those of the files."""
        return ""

    def script(self) -> str:
        """Returns all that the page computes with."""
        return self.program() + text_of("controls.js", *(self.scripts or (f"{self.name}.js",)))

    def html(self) -> str:
        """Returns the whole page. It holds its style, its scripts, its drawing and its data."""
        script, own = self.script(), partial(text_of, package=self.package)
        return Template(text_of("page.html")).substitute(
            policy=policy_of(script), title=html.escape(self.title), script=script, data=json_of(self.data()),
            style=css_variables() + text_of("page.css") + own(f"{self.name}.css"),
            body=Template(own(f"{self.name}.html")).substitute(self.parts()),
            tools=own(f"{self.name}_tools.html"), help=own(f"{self.name}_help.html"), unit=self.unit, part=self.part,
            above=self.above, more=self.more, told=self.told, speeds="".join(map(self._option, self.speeds)),
        )  # fmt: skip

    def _option(self, speed: float) -> str:
        chosen = " selected" if speed == self.speed else ""
        return f'<option value="{speed:g}"{chosen}>{self.speeds[speed]}</option>\n'

    def _shown(self) -> dict[str, str]:
        source, title = html.escape(self.html()), html.escape(self.title)
        look = f'sandbox="allow-scripts" loading="lazy" style="width:100%;height:{self.height}px;border:0"'
        return {"text/html": f'<iframe srcdoc="{source}" title="{title}" {look}></iframe>'}


@cache
def text_of(*names: str, package: str = __package__) -> str:
    """Returns the text of files of a package's pages, one after the other."""
    files = resources.files(package) / "files"
    return "\n".join((files / name).read_text(encoding="utf-8") for name in names)


def policy_of(script: str) -> str:
    """Returns a page's policy.

    Nothing may be loaded from anywhere, and the one script that may run is this one, known by its hash.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'"
    return f"{nothing}; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


def json_of(data: Mapping[str, Any]) -> str:
    """Returns JSON that can stand inside a script element: no `<` in it, so no tag begins or ends there."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
