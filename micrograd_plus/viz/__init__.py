"""Pictures and pages: the graph, the players, the playground, the network diagram, charts, all in one palette."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micrograd_plus.viz import palette as palette
    from micrograd_plus.viz import plots as plots
    from micrograd_plus.viz.cells import Heatmap as Heatmap
    from micrograd_plus.viz.cells import Images as Images
    from micrograd_plus.viz.graph import Graph as Graph
    from micrograd_plus.viz.graph import LayoutError as LayoutError
    from micrograd_plus.viz.live import Playground as Playground
    from micrograd_plus.viz.live import playground as playground
    from micrograd_plus.viz.loop import TrainingLoop as TrainingLoop
    from micrograd_plus.viz.network import NetworkDiagram as NetworkDiagram
    from micrograd_plus.viz.player import Recorder as Recorder
    from micrograd_plus.viz.player import StepPlayer as StepPlayer
    from micrograd_plus.viz.player import SurfacePlayer as SurfacePlayer
    from micrograd_plus.viz.player import TrainingPlayer as TrainingPlayer

_HOMES = {
    "Graph": "graph", "Heatmap": "cells", "Images": "cells", "LayoutError": "graph", "NetworkDiagram": "network",
    "Playground": "live", "Recorder": "player", "StepPlayer": "player", "SurfacePlayer": "player",
    "TrainingLoop": "loop", "TrainingPlayer": "player", "playground": "live",
}  # fmt: skip

__all__ = [*(name for name in _HOMES if name[0].isupper()), "palette", "playground", "plots"]


def __getattr__(name: str) -> Any:
    """Loads a kind of picture when it is first asked for: a chart needs other packages than a drawing."""
    if name not in __all__:
        raise AttributeError(f"module 'micrograd_plus.viz' has no attribute {name!r}")
    home = import_module(f"micrograd_plus.viz.{_HOMES.get(name, name)}")
    return getattr(home, name, home)


def __dir__() -> list[str]:
    """Returns what `dir` and a notebook's completion show: the parts that are not yet loaded too."""
    return sorted(__all__)
