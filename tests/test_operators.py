"""Editors and type checkers see the methods that the rows bring, and no others."""

from __future__ import annotations

import ast
import inspect

from micrograd_plus import Value, ops
from tests.operators import STUB, stub


def test_the_stub_is_that_of_the_table() -> None:
    assert STUB.read_text() == stub(), "run `python -m tests.operators`"


def test_the_stub_says_what_the_methods_take() -> None:
    [listed] = [node for node in ast.parse(stub()).body if isinstance(node, ast.ClassDef)]
    methods = {each.name: each for each in listed.body if isinstance(each, ast.FunctionDef)}
    assert {"__add__", "__rsub__", "tanh", "clamp", "graph"} <= {*methods}
    for name, method in methods.items():
        found = getattr(Value, name)
        taken = inspect.signature(found).parameters.values()
        if not any(each.kind is each.VAR_POSITIONAL for each in taken):
            assert len(taken) == len([*method.args.posonlyargs, *method.args.args]) + bool(method.args.kwarg), name
        assert found.__doc__.startswith("Returns "), name
        assert found.__name__ in (name, f"__{name}__")  # abs(x) is x.abs()


def test_help_shows_the_formula_the_derivative_and_the_domain() -> None:
    for op in ops.TABLE.values():
        for name in op.method.split():
            doc = inspect.getdoc(getattr(Value, name)) or ""
            assert name == "__pow__" or all(f"`{text}`" in doc for text in (op.value, *op.partials.values())), name
            assert name == "__pow__" or (op.needs or "Defined for every number") in doc, name
    for family in ops.FAMILIES.values():
        for name in family.method.split():
            assert "erivative" in (inspect.getdoc(getattr(Value, name)) or ""), name


def test_only_operations_are_methods() -> None:
    """A loss is a row, and no method; neither are the names by which other rows call an operator."""
    for name in ("binary_cross_entropy", "mul", "add", "neg", "div", "dot", "total", "power"):
        assert not hasattr(Value, name)
