"""A rule is how an optimizer changes a weight: its formula as text, one assignment a line, which is also what runs.

The one text steps a float, steps a vector of all weights with the same bits as a result where training is compiled (see
`compiler.update`), and is read line by line by the ledger that shows a learner every quantity.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from micrograd_plus.reading import names_in

__all__ = ["Line", "Rule", "conditional_lines", "states_of"]

GIVEN = ("w", "g", "t", "lr")
"""What every rule may use: the weight, its gradient, the number of this step (from 1), the learning rate."""


class Line(NamedTuple):
    """One assignment of a rule: `name = expression`."""

    name: str
    expression: str

    def __str__(self) -> str:
        return f"{self.name} = {self.expression}"


class Rule:
    """The lines of `text` whose condition (after `# if`) holds for these options, and the function they make.

    A name that is read before it is assigned is a state, kept from step to step and 0 at first. Lines are made of
    + - * /, `sqrt`, `max`, and powers and choices of plain numbers such as `t`: these give the same bits for a float as
    for an array's element. Raises ValueError for a name that is neither given, an option, nor assigned.

    >>> rule = Rule('''
    ...     v = momentum * v + g      # if momentum
    ...     w = w - lr * v            # if momentum
    ...     w = w - lr * g            # if not momentum
    ... ''', {"momentum": 0.5})
    >>> print(rule)
    v = momentum * v + g
    w = w - lr * v
    >>> rule.state
    ('v',)
    >>> rule(w=1.0, g=2.0, t=1, lr=0.25, v=4.0)
    {'v': 4.0, 'w': 0.0}
    """

    def __init__(self, text: str, options: Mapping[str, Any]) -> None:
        self.options, self.lines = dict(options), tuple(_lines(text, options))
        self.state = states_of(self.lines, self.options)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))

    def __call__(self, **names: float) -> dict[str, float]:
        """Returns every name that the lines assign, with its last value, for `w`, `g`, `t`, `lr` and each state.

        A division by 0 gives an infinity or nan, as it does for arrays.
        """
        given = [names[name] for name in (*GIVEN, *self.state)]
        try:
            return self.scalar(*given)
        except ZeroDivisionError:
            return self.beyond_0(*given)

    @cached_property
    def scalar(self) -> Callable[..., dict[str, float]]:
        """The lines as one function of `w, g, t, lr` and the states in order. It raises ZeroDivisionError."""
        return self._function(str)

    @cached_property
    def beyond_0(self) -> Callable[..., dict[str, float]]:
        """The same function, which divides by 0 as arrays do, and takes some times as long."""
        return self._function(_dividing)

    def _function(self, written: Callable[[str], str]) -> Callable[..., dict[str, float]]:
        body = "".join(f"    {line.name} = {written(line.expression)}\n" for line in self.lines)
        found = ", ".join(f"{name!r}: {name}" for name in dict.fromkeys(line.name for line in self.lines))
        source = f"def rule({', '.join((*GIVEN, *self.state))}):\n{body}    return {{{found}}}\n"
        namespace = {**self.options, **_FUNCTIONS}
        exec(compile(source, "<rule>", "exec"), namespace)
        defined: Callable[..., dict[str, float]] = namespace["rule"]
        return defined

    def line_by_line(self, **names: float) -> Iterator[tuple[Line, dict[str, float], float]]:
        """Yields each line with the numbers of all names it may use and its result, for floats: what the ledger shows.

        >>> rule = Rule("v = decay * v + g\\nw = w - lr * v", {"decay": 0.5})
        >>> for line, names, result in rule.line_by_line(w=1.0, g=2.0, t=1, lr=0.25, v=4.0):
        ...     print(line, "=", result)
        v = decay * v + g = 4.0
        w = w - lr * v = 0.0
        """
        known = {**self.options, **names}
        for line in self.lines:
            result = eval(_dividing(line.expression), {"__builtins__": {}, **_FUNCTIONS}, known)
            yield line, dict(known), result
            known[line.name] = result


def states_of(lines: Sequence[Line], options: Iterable[str]) -> tuple[str, ...]:
    """Returns the names that lines read before they assign them: these are kept from step to step.

    Raises ValueError for a name that is neither given, an option, nor assigned.
    """
    assigned = [line.name for line in lines]
    known, states = {*GIVEN, *options, "sqrt", "max"}, set()
    for line in lines:
        new = names_in(line.expression) - known
        if not new <= set(assigned):
            unknown = ", ".join(sorted(new - set(assigned)))
            raise ValueError(f"the line `{line}` uses {unknown}, which is neither given, an option, nor assigned")
        states |= new
        known |= new | {line.name}
    return tuple(name for name in dict.fromkeys(assigned) if name in states)


def conditional_lines(text: str) -> Iterator[tuple[Line, str]]:
    """Yields each line of a rule's text with its condition, which is empty for a line that is always there.

    >>> list(conditional_lines("g = g + decay * w  # if decay"))
    [(Line(name='g', expression='g + decay * w'), 'decay')]
    """
    for written in filter(None, map(str.strip, text.splitlines())):
        assignment, _, condition = written.partition("# if ")
        name, _, expression = assignment.partition(" = ")
        yield Line(name.strip(), expression.strip()), condition.strip()


def _lines(text: str, options: Mapping[str, Any]) -> Iterator[Line]:
    for line, condition in conditional_lines(text):
        if not condition or eval(condition, {"__builtins__": {}}, options):
            yield line


# Where a number is not defined, floats follow NumPy; the optimizer then tells which weight it was.


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _divided(x: float, y: float) -> float:
    return x / y if y else math.nan if x == 0 or math.isnan(x) else math.copysign(math.inf, x) * math.copysign(1.0, y)


_FUNCTIONS = {"sqrt": _sqrt, "max": max, "divided": _divided}


def _dividing(expression: str) -> str:
    """An expression with calls of `divided` for its divisions."""
    return ast.unparse(_Divisions().visit(ast.parse(expression, mode="eval")))


class _Divisions(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return ast.Call(func=ast.Name(id="divided", ctx=ast.Load()), args=[node.left, node.right], keywords=[])
