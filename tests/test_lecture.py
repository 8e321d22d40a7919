"""What notebooks of the lecture do with a Value, cell by cell, runs with the import swapped."""

from __future__ import annotations

from typing import Any

import pytest

from micrograd_plus import Value


def neuron() -> tuple[Any, ...]:
    a, b, c, f = (Value(data, label=label) for data, label in ((2.0, "a"), (-3.0, "b"), (10.0, "c"), (-2.0, "f")))
    e = a * b
    d = e + c
    return a, b, c, f, e, d, d * f


def test_the_parts_have_the_lectures_names() -> None:
    a, b, _, _, e, d, loss = neuron()
    assert e._prev == (a, b)
    assert (a._op, e._op, d._op, loss._op) == ("", "*", "+", "*")


def test_backpropagation_by_hand() -> None:
    a, b, c, f, e, d, loss = neuron()
    loss.grad = 1.0
    for node in (loss, d, e):
        node._backward()
    by_hand = [each.grad for each in (a, b, c, f)]
    loss.zero_grad()
    loss.backward()
    assert by_hand == [each.grad for each in (a, b, c, f)] == [6.0, -4.0, -2.0, 4.0]


def test_the_lectures_topological_sort() -> None:
    *_, loss = neuron()
    order, visited = [], set()

    def build(node: Any) -> None:
        if node not in visited:
            visited.add(node)
            for child in node._prev:
                build(child)
            order.append(node)

    build(loss)
    loss.grad = 1.0
    for node in reversed(order):
        node._backward()
    assert order[0].grad == 6.0


def test_an_operation_made_the_lectures_way_is_shown_the_row() -> None:
    out: Any = Value(2.0)
    with pytest.raises(AttributeError, match=r"micrograd_plus\.row\('cube', 'x', 'x\*\*3', x='3 \* x\*\*2'\)"):
        out._backward = lambda: None
