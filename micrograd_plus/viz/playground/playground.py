"""The playground: a web page in which a model is trained by hand, in the browser."""

from __future__ import annotations

import html
from collections.abc import Mapping
from importlib import resources
from string import Template
from typing import Any

from micrograd_plus.viz.palette import css_variables
from micrograd_plus.viz.player.page import Page, _json, _policy
from micrograd_plus.viz.player.page import _text as _player_text
from micrograd_plus.viz.playground.emitted import engine_script

__all__ = ["Playground"]

VIEW = (
    "numbers.js", "network_view.js", "plane_view.js", "curves_view.js", "inspector.js", "settings.js", "playground_view.js",
)  # fmt: skip
"""The scripts of what is seen, in order; they use `Engine`, and the page's data."""


class Playground(Page):
    """A page that trains a model."""

    name, title = "playground", "Playground"

    def __init__(self, config: Mapping[str, Any] | None = None, *, title: str = "") -> None:
        self.config = dict(config or {"data": {"name": "moons"}, "model": {"kind": "mlp"}})
        self.title = title or self.title

    def data(self) -> Mapping[str, Any]:
        """Returns what the scripts read, as JSON would hold it."""
        return {"title": self.title, "config": self.config, "own": None}

    def script(self) -> str:
        """Returns the engine and what shows it."""
        return "\n".join(['"use strict";', engine_script(), _player_text("controls.js"), *map(_text, VIEW)])

    def html(self) -> str:
        """Returns the whole page."""
        script = self.script()
        style = css_variables() + _player_text("page.css") + _text("playground.css")
        return Template(_text("playground.html")).substitute(
            policy=_policy(script), title=html.escape(self.title), style=style, script=script,
            data=_json(self.data()),
        )  # fmt: skip


def _text(name: str) -> str:
    return (resources.files(__package__) / "files" / name).read_text(encoding="utf-8")
