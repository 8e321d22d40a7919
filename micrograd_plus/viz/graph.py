"""The picture of a computation graph: as SVG, PNG, DOT or text, in a file, in a notebook or in a terminal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from micrograd_plus.checks import named, whole_number
from micrograd_plus.nn.owners import module_of, owners
from micrograd_plus.report import printable
from micrograd_plus.value import Value, topological_order
from micrograd_plus.viz import palette
from micrograd_plus.viz.collapse import COLLAPSES, scene_of
from micrograd_plus.viz.dot import dot_text
from micrograd_plus.viz.layout import LayoutError, finished, render
from micrograd_plus.viz.picture import Picture, scrolling
from micrograd_plus.viz.scene import Scene, short_name
from micrograd_plus.viz.svg import Element, written
from micrograd_plus.viz.tree import tree_text
from micrograd_plus.words import names, number

if TYPE_CHECKING:
    from micrograd_plus.nn import Module

__all__ = ["Graph", "LayoutError"]


class Graph(Picture):
    """The picture of the graph below `root`: what each value is, how it was made, and its gradient.

    `direction` is "LR" (left to right) or "TB" (top to bottom). `collapse` tells what is drawn as one box: "none",
    "neurons", "layers", or "auto", which collapses just as far as it takes to stay legible. Modules are known by their
    parameters' dotted labels; `model` names the parameters of a network that carry none. `expand` tells whether a fused
    dot product is drawn as its products and their sum (None: if it is small). `derivatives` prints the local derivative
    on each arrow. No more than `limit` values are ever drawn. `title` stands above the picture, over the `legend` of
    the roles, which otherwise stands below. `theme` is "light", "dark", or "auto", which follows the reader. `engine`
    names the layout engine ("graphviz-pure", "dot" or a path), which may take `timeout` seconds.

    Raises TypeError if `root` is not a Value, ValueError for an option's wrong word.

    >>> w, x = Value(0.5, "w"), Value(2.0, "x")
    >>> n = (w * x).tanh()
    >>> n.backward()
    >>> print(n.graph())
    v2 = tanh(v1) = 0.7616, grad +1
    └─ v1 = w * x = 1, grad +0.42
       ├─ w = 0.5, grad +0.8399
       └─ x = 2, grad +0.21
    """

    kind = "a graph"
    forms: ClassVar = {".svg": "svg", ".png": "png", ".dot": "dot", ".gv": "dot", ".txt": "text"}

    def __init__(
        self, root: Value, *, direction: str = "LR", collapse: str = "auto", model: Module | None = None,
        expand: bool | None = None, derivatives: bool = False, limit: int = 1000, title: str = "",
        legend: bool = True, theme: str = "auto", engine: str | None = None, timeout: float = 60.0,
    ) -> None:  # fmt: skip
        if not isinstance(root, Value):
            raise TypeError(f"a graph is drawn of a Value, but got {type(root).__name__}; pass the node to look at")
        self.root, self.model = root, model
        self.direction = named("direction", direction, {"LR": "LR", "TB": "TB"})
        self.collapse = named("collapse", collapse, dict(zip(COLLAPSES, COLLAPSES)))
        self.theme = named("theme", theme, {"auto": "auto", **dict(zip(palette.THEMES, palette.THEMES))})
        self.expand, self.derivatives = expand, derivatives
        self.limit = whole_number("limit", limit, least=1)
        self.title, self.legend = printable(title), legend
        self.engine, self.timeout = engine, timeout

    def __repr__(self) -> str:
        name = f" of {self.root.label!r}" if self.root.label else ""
        return f"<Graph{name}: {len(topological_order(self.root)):,} values>"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Returns the graph as a tree of lines, for a terminal. It needs no layout engine."""
        return tree_text(self.root, self._names(topological_order(self.root)))

    def dot(self) -> str:
        """Returns the graph in DOT, Graphviz's language. It needs no layout engine."""
        return self._dot(self._scene())

    def svg(self) -> str:
        """Returns the graph as an SVG. Raises LayoutError without a layout engine, TimeoutError if it is too slow."""
        return written(self.layout())

    def png(self) -> bytes:
        """Returns the graph as a PNG at 144 dots an inch. Raises what `svg` raises."""
        return self._render(self._scene(), "png")

    def layout(self, prefix: str | None = "") -> Element:
        """Returns the SVG as a tree; its ids (see `scene`) begin with `prefix`, or, if that is None, with a digest.

        Raises what `svg` raises.
        """
        scene = self._scene()
        dot = self._dot(scene)
        prefix = f"g{hashlib.sha256(dot.encode()).hexdigest()[:8]}-" if prefix is None else prefix
        title = self.title or f"Computation graph of {scene.name}"
        words = "; ".join([f"{scene.size:,} values", *scene.words, f"the output is {number(self.root.data)}"])
        return finished(
            self._render(scene, "svg"), title, words, scene.titles(), dark=self.theme == "auto", prefix=prefix
        )

    def _shown(self) -> dict[str, str]:
        tree = self.layout(prefix=None)  # several pictures in one page must not share ids
        return {"text/html": scrolling(tree), "image/svg+xml": written(tree)}

    def _dot(self, scene: Scene, *, in_columns: bool = True) -> str:
        theme = "light" if self.theme == "auto" else self.theme
        return dot_text(scene, theme, self.direction, self.legend, self.title, in_columns=in_columns)

    def _render(self, scene: Scene, form: str) -> bytes:
        try:
            return render(self._dot(scene), form, self.engine, self.timeout)
        except LayoutError:  # Graphviz finds no way for some arrow now and then; without columns it has more room
            return render(self._dot(scene, in_columns=False), form, self.engine, self.timeout)

    def _names(self, order: Sequence[Value]) -> dict[Value, str]:
        return names(order) | self._model_names()

    def _model_names(self) -> dict[Value, str]:
        return {each: name for name, each in self.model.named_parameters()} if self.model is not None else {}

    def modules(self) -> dict[Value, str]:
        """Returns the dotted name of the module that each node lies in, for those that lie in one."""
        order = topological_order(self.root)
        labels = {node: node.label for node in order if not node.children} | self._model_names()
        return owners(order, {node: module for node, label in labels.items() if (module := module_of(label))})

    def short_names(self, names: Mapping[Value, str]) -> dict[Value, str]:
        """Returns the names as they stand in boxes, where a frame says which module it is."""
        modules = self.modules()
        return {node: short_name(name, modules.get(node, "")) for node, name in names.items()}

    def _scene(self) -> Scene:
        order = topological_order(self.root)
        blank = partial(Scene, order, self._names(order), self.modules(), self.expand, self.derivatives)
        return scene_of(blank, self.collapse, self.limit)
