"""Where micrograd keeps its Value, so that `from micrograd_plus.engine import Value` runs; here it is in `value`."""

from __future__ import annotations

from micrograd_plus.value import Value

__all__ = ["Value"]
