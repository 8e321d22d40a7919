"""Pictures: the computation graph, the players, the network diagram and charts, all in one palette."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micrograd_plus.viz import palette, plots
    from micrograd_plus.viz.graph import Graph, LayoutError
    from micrograd_plus.viz.loop import TrainingLoop
    from micrograd_plus.viz.network import NetworkDiagram
    from micrograd_plus.viz.player import Recorder, StepPlayer, TrainingPlayer

__all__ = [
    "Graph",
    "LayoutError",
    "NetworkDiagram",
    "Recorder",
    "StepPlayer",
    "TrainingLoop",
    "TrainingPlayer",
    "palette",
    "plots",
]

_ON_FIRST_USE = {
    "Graph": "graph", "LayoutError": "layout", "NetworkDiagram": "network",
    "Recorder": "player", "StepPlayer": "player", "TrainingLoop": "loop", "TrainingPlayer": "player",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads a kind of picture when it is first asked for: a chart needs other packages than a drawing."""
    if name in _ON_FIRST_USE:
        return getattr(import_module(f"micrograd_plus.viz.{_ON_FIRST_USE[name]}"), name)
    if name in __all__:
        return import_module(f"micrograd_plus.viz.{name}")
    raise AttributeError(f"module 'micrograd_plus.viz' has no attribute {name!r}")
