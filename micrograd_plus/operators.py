"""The methods that a Value has from the rows of the table: none stands here, each row brings its own."""

from __future__ import annotations

from micrograd_plus.foreign import WORDS

__all__ = ["Operators"]


class Listed(type):
    """The kind of a class whose `dir()` and `help()` leave out the words of others that it refuses."""

    def __dir__(cls) -> list[str]:
        names = super().__dir__()
        return [name for name in names if name not in WORDS["Value"] or callable(getattr(cls, name))]


class Operators(metaclass=Listed):
    """The base of Value; `operators.pyi` lists for editors and type checkers what the rows have put into it."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        return dir(type(self))
