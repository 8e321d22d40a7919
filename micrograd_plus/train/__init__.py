"""Training: epochs and iterations over data, with history, metrics, checkpoints and a progress bar."""

from micrograd_plus.train.engine import EagerEngine, Engine, NonFiniteError

__all__ = ["EagerEngine", "Engine", "NonFiniteError"]
