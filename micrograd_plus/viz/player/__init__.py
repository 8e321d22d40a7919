"""Players: web pages that play a pass through a graph, a training run or a descent, step by step."""

from micrograd_plus.viz.player.recorder import Frame, Recorder
from micrograd_plus.viz.player.step_player import StepPlayer
from micrograd_plus.viz.player.surface_player import SurfacePlayer
from micrograd_plus.viz.player.training_player import TrainingPlayer

__all__ = ["Frame", "Recorder", "StepPlayer", "SurfacePlayer", "TrainingPlayer"]
