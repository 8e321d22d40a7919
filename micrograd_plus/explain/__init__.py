"""The chain rule, the optimizers and a training run, explained with their own numbers."""

from micrograd_plus.explain.explanation import Explanation, explain
from micrograd_plus.explain.paths import Paths, derivatives

__all__ = ["Explanation", "Paths", "derivatives", "explain"]
