"""The methods that a Value has from the rows of the table: none stands here, each row brings its own."""

from __future__ import annotations

__all__ = ["Operators"]


class Operators:
    """The base of Value; `operators.pyi` lists for editors and type checkers what the rows have put into it."""

    __slots__ = ()
