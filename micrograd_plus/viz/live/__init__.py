"""The playground: a page that trains a model in the browser, with the numbers that Python would have."""

from micrograd_plus.viz.live.page import Playground, playground

__all__ = ["Playground", "playground"]
