"""The stub that tells editors and type checkers which methods a Value has, made from the table of rows.

`python -m tests.operators` writes it anew; a test holds it to the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import micrograd_plus.operators
from micrograd_plus import ops
from micrograd_plus.operation import Family, Op

STUB = Path(micrograd_plus.operators.__file__).with_suffix(".pyi")

HEAD = '''"""What `methods` and `doors` put into Value, for editors and type checkers; made from the table of rows."""

from typing import Any

from micrograd_plus.explain import Explanation
from micrograd_plus.value import Value
from micrograd_plus.viz.graph import Graph
from micrograd_plus.viz.player import StepPlayer

__all__ = ["Operators"]

class Operators:
    __slots__ = ()

    def __lt__(self, other: Value | float, /) -> bool: ...
    def __le__(self, other: Value | float, /) -> bool: ...
    def __gt__(self, other: Value | float, /) -> bool: ...
    def __ge__(self, other: Value | float, /) -> bool: ...
    def __pos__(self) -> Value: ...
    def item(self) -> float: ...
    def detach(self) -> Value: ...
    def __float__(self) -> float: ...
    def __format__(self, spec: str, /) -> str: ...
    def graph(self, **options: Any) -> Graph: ...
    def steps(self, **options: Any) -> StepPlayer: ...
    def explain(self, output: Value | None = None, **options: Any) -> Explanation: ...
'''


def of_row(op: Op) -> Iterator[str]:
    """The methods of a row."""
    for name in op.method.split():
        others = [f"{operand}: Value | float" for operand in op.operands[1:]]
        yield f"{name}({', '.join(['self', *others, '/'] if others else ['self'])})"
        if name.startswith("__") and others:
            yield f"__r{name[2:]}(self, {others[0]}, /)"


def of_family(family: Family[...]) -> Iterator[str]:
    """The method of a family, with its constants."""
    constants = []
    for name, default in family.defaults.items():
        if isinstance(default, str):
            constants.append(f'{name}: str = "{default}"')
        else:
            constants.append(f"{name}: float | None = None" if math.isinf(default) else f"{name}: float = {default}")
    for name in family.method.split():
        yield f"{name}({', '.join(['self', *constants])})"


def stub() -> str:
    """The whole stub."""
    families = {family.method for family in ops.FAMILIES.values()}
    rows = [line for op in ops.TABLE.values() if op.method not in families for line in of_row(op)]
    lines = rows + [line for family in ops.FAMILIES.values() for line in of_family(family)]
    return HEAD + "".join(f"    def {line} -> Value: ...\n" for line in lines)


if __name__ == "__main__":
    STUB.write_text(stub())
