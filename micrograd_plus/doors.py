"""Front doors: the methods of a Value that load a part of the house when they are first used.

They are the only arrows that point up, from the engine to what looks at it; `operators.pyi` lists them for editors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.operators import Operators

if TYPE_CHECKING:
    from micrograd_plus.explain import Explanation
    from micrograd_plus.value import Value
    from micrograd_plus.viz.graph import Graph
    from micrograd_plus.viz.player import StepPlayer

__all__: list[str] = []


def _graph(self: Value, **options: Any) -> Graph:
    """Returns the picture of this value's computation graph; see `micrograd_plus.viz.graph.Graph`."""
    from micrograd_plus.viz.graph import Graph

    return Graph(self, **options)


def _steps(self: Value, **options: Any) -> StepPlayer:
    """Returns a page that plays forward and backward step by step; see `micrograd_plus.viz.player.StepPlayer`."""
    from micrograd_plus.viz.player import StepPlayer

    return StepPlayer(self, **options)


def _explain(self: Value, output: Value | None = None, **options: Any) -> Explanation:
    """Returns the chain rule of this node in words and numbers, or its paths to `output`; see `explain.explain`."""
    from micrograd_plus.explain import explain

    return explain(self, output, **options)


for _name, _door in {"graph": _graph, "steps": _steps, "explain": _explain}.items():
    _door.__name__ = _door.__qualname__ = _name
    setattr(Operators, _name, _door)
