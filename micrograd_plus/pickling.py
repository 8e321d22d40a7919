"""Copies and pickles of Values without recursion, so that a graph of any depth can be copied and kept.

To import this module is to teach Value both.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from micrograd_plus.value import MANY, UNSEEN, Value, topological_order

__all__: list[str] = []


def _reduce(self: Value, _protocol: Any) -> tuple[Any, ...]:
    """How a node is pickled and deep-copied.

    A pickler recurses from a node to its children, so they are laid before it as a flat list. The list is in
    topological order and the pickler remembers what it has seen, so that each of its nodes finds its own children
    already written. The two marks around the list say so to the nodes in it.
    """
    mark = _pickling.mark()
    if not self.children or (mark is not None and self in mark.nodes):
        return _restored, (None, *_fields(self))
    before = topological_order(self)[:-1]
    return _restored, ([_Mark(before), *before, _Mark(())], *_fields(self))


def _copy(self: Value) -> Value:
    return _restored(None, *_fields(self))


def _fields(node: Value) -> tuple[Any, ...]:
    grad = None if node.grad is UNSEEN else node.grad
    return node.op, node.data, node.children, node.partials, grad, node.label


def _restored(
    _before: Any, op: Any, data: float, children: Any, partials: Any, grad: float | None, label: str
) -> Value:
    node = Value.__new__(Value)
    node.op, node.data, node.grad, node.label = op, data, UNSEEN if grad is None else grad, label
    node._left = node._right = node._by_left = node._by_right = None
    if len(children) > 2:
        node._left, node._right, node._by_left = children, MANY, partials
    elif children:  # in slots, as they were: a third of the objects for the collector to look at
        node._left, node._right = (*children, None)[:2]
        node._by_left, node._by_right = (*partials, None)[:2]
    return node


class _Mark:
    """Stands in a pickle before and after a list of nodes that are in topological order."""

    def __init__(self, nodes: Iterable[Value]) -> None:
        self.nodes = set(nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        _pickling.mark = weakref.ref(self)
        return bool, ()


class _Pickling(threading.local):
    """The mark that a pickler passed last: weak, so that a pickle that fails half way leaves nothing behind."""

    mark: Callable[[], _Mark | None] = staticmethod(lambda: None)


_pickling = _Pickling()


Value.__copy__ = _copy  # type: ignore[attr-defined]
Value.__reduce_ex__ = _reduce  # type: ignore[method-assign, assignment]
