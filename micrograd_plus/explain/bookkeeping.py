"""The optimizer's ledger: every quantity of its rule, for chosen weights and steps, with the numbers put in.

The lines of `optimizer.rule` are run one by one, and the result is held against the weight that the real step made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

from micrograd_plus.checks import named, whole_number
from micrograd_plus.nn.optim import Optimizer
from micrograd_plus.nn.rule import Line
from micrograd_plus.reading import substitute
from micrograd_plus.report import Report, Table, numbered
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.value import Value
from micrograd_plus.words import names, number, tidy

__all__ = ["Entry", "Ledger", "Posting"]

FOLLOWED = 4
"""So many parameters are followed if none are named: a screen holds no more."""

PRINTED = 6
"""So many entries are printed in full; the data hold all."""


class Posting(NamedTuple):
    """One line of the rule: the quantity's name, its formula, the formula with the numbers put in, the result."""

    name: str
    formula: str
    numbers: str
    value: float


@dataclass(frozen=True)
class Entry:
    """One step of one weight: what the rule was given, and each of its lines.

    `t` is the number of the step, from 1; `given` holds `t`, `lr`, `w`, `g`, the states before the step and the options
    that the rule uses; `after` is the weight afterwards.
    """

    parameter: str
    t: int
    given: dict[str, float]
    lines: tuple[Posting, ...]

    @property
    def after(self) -> float:
        """The weight after the step."""
        return next(line.value for line in reversed(self.lines) if line.name == "w")

    def quantities(self) -> dict[str, float]:
        """Returns every quantity by name, a line's second result under its name with a prime: `w` before, `w'` after.

        >>> from micrograd_plus.nn import SGD
        >>> w = Value(1.0, "w")
        >>> optimizer = SGD([w], lr=0.25)
        >>> with Ledger(optimizer) as book:
        ...     (w * w).backward()
        ...     optimizer.step()
        >>> book.entries[0].quantities()
        {'t': 1, 'lr': 0.25, 'w': 1.0, 'g': 2.0, 'step': 0.5, "w'": 0.5}
        """
        found = {name: self.given[name] for name in ("t", "lr", "w", "g")}
        for line in self.lines:
            name = line.name
            while name in found:
                name += "'"
            found[name] = line.value
        return found


class Ledger(Report, Callback):
    """Records every quantity of the optimizer's rule while it steps: a context manager, a callback, and a book to read.

    Use it around your own loop, `with Ledger(optimizer) as book:`, or as a callback of `fit` (then the optimizer may
    be left out). `parameters` are Values or their labels, the optimizer's first four if none are given; `steps` the
    numbers of the steps to record, from 1, all by default. `digits` is how many significant digits are written.

    `entries` are in order of step and parameter; `table(parameter)` has one row a step; `str()` and a notebook show the
    first entries line by line; `to_dict()` gives all as data. Raises ValueError for a parameter that is not the
    optimizer's or a step below 1, TypeError for what is not a number.

    >>> from micrograd_plus.nn import Adam
    >>> w = Value(1.0, "w")
    >>> optimizer = Adam([w], lr=0.1)
    >>> with Ledger(optimizer) as book:
    ...     (w * w).backward()
    ...     optimizer.step()
    >>> print(book.parts()[0])
    w, step 1: given t = 1, lr = 0.1, w = 1, g = 2, m = 0, v = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-08
    quantity  formula                             with the numbers                   result
    --------  ----------------------------------  ---------------------------------  -------
    m         = beta1 * m + (1 - beta1) * g       = 0.9 * 0 + (1 - 0.9) * 2          = 0.2
    v         = beta2 * v + (1 - beta2) * g * g   = 0.999 * 0 + (1 - 0.999) * 2 * 2  = 0.004
    m_hat     = m / (1 - beta1 ** t)              = 0.2 / (1 - 0.9 ** 1)             = 2
    v_hat     = v / (1 - beta2 ** t)              = 0.004 / (1 - 0.999 ** 1)         = 4
    step      = lr * m_hat / (sqrt(v_hat) + eps)  = 0.1 * 2 / (sqrt(4) + 1e-08)      = 0.1
    w         = w - step                          = 1 - 0.1                          = 0.9
    """

    def __init__(
        self, optimizer: Optimizer | None = None, parameters: Sequence[Value | str] | None = None,
        steps: Iterable[int] | None = None, *, digits: int = 4,
    ) -> None:  # fmt: skip
        self.optimizer, self.digits = optimizer, whole_number("digits", digits, least=1)
        self.entries: list[Entry] = []
        self._wanted = parameters
        self._steps = None if steps is None else frozenset(whole_number("a step", step, least=1) for step in steps)
        self._followed: dict[str, tuple[int, Value]] = {}  # by name, with the place among the optimizer's parameters
        self._before: list[dict[str, float]] = []  # what the rule is given, but for the gradient, for each followed
        if optimizer is not None:
            self._open(optimizer)

    def __enter__(self) -> Ledger:
        """Records each `optimizer.step()` until the end of the block. Raises ValueError if no optimizer was given."""
        if self.optimizer is None:
            raise ValueError("a ledger around your own loop needs the optimizer: Ledger(optimizer)")
        optimizer, step = self.optimizer, self.optimizer.step

        def recorded_step() -> None:
            self._note(optimizer)
            step()
            self._post(optimizer)

        optimizer.step = recorded_step  # type: ignore[method-assign]
        self._undo = partial(setattr, optimizer, "step", step)
        return self

    def __exit__(self, *error: object) -> None:
        """Gives the optimizer its own `step` back."""
        self._undo()

    def on_start(self, run: Run) -> None:
        """Notes the numbers before the first step. Raises ValueError if the book was opened for another optimizer."""
        if self.optimizer is None:
            self._open(run.optimizer)
        elif self.optimizer is not run.optimizer:
            raise ValueError("this ledger is of another optimizer than fit's; pass the same to both, or none here")
        self._note(run.optimizer)

    def on_iteration(self, run: Run) -> None:
        """Posts the step that was made, and notes the numbers before the next."""
        self._post(run.optimizer)
        self._note(run.optimizer)

    def _open(self, optimizer: Optimizer) -> None:
        """Finds the parameters to follow among the optimizer's."""
        found = names(optimizer.parameters)
        known = {found[p] if p.label else numbered("w", i): (i, p) for i, p in enumerate(optimizer.parameters)}
        own = {parameter: name for name, (_, parameter) in known.items()}
        for each in list(known)[:FOLLOWED] if self._wanted is None else self._wanted:
            parameter = each if isinstance(each, Value) else named("parameter", each, known)[1]
            if parameter not in own:
                raise ValueError(f"{parameter!r} is not among the parameters of {optimizer!r}; choose one that is")
            self._followed[own[parameter]] = known[own[parameter]]
        self.optimizer = optimizer

    def _note(self, optimizer: Optimizer) -> None:
        """Takes down what the rule will be given, but for the gradient, which may come later."""
        self._before = [optimizer.given(i) for i, _ in self._followed.values()]

    def _post(self, optimizer: Optimizer) -> None:
        """Runs the rule's lines on what was noted and the gradient; holds the result against the step's."""
        if self._steps is not None and optimizer.t not in self._steps:
            return
        for (name, (place, parameter)), before in zip(self._followed.items(), self._before):
            given = {**before, "g": parameter.grad}
            rule = optimizer.group_of[place].rule
            lines = tuple(self._posting(*line) for line in rule.line_by_line(**given))
            used = {name: x for name, x in rule.options.items() if name in str(rule)}
            entry = Entry(name, optimizer.t, {**given, **used}, lines)
            if not math.isclose(entry.after, parameter.data, rel_tol=1e-9, abs_tol=1e-300) or given["t"] != optimizer.t:
                found = f"step {optimizer.t} set {name} to {parameter.data!r}, but by the rule it is {entry.after!r}"
                raise RuntimeError(f"{found}; something else changed it between two steps: leave the weights to step()")
            self.entries.append(entry)

    def _posting(self, line: Line, known: dict[str, float], result: float) -> Posting:
        words = {name: number(x, self.digits) for name, x in known.items()}
        formula, numbers = (tidy(substitute(line.expression, each, known)) for each in ({}, words))
        return Posting(line.name, formula, numbers, result)

    def title(self) -> str:
        """Returns which optimizer and how much of its work the book holds."""
        if self.optimizer is None:
            return "Ledger of no optimizer yet"
        entries = f"{len(self.entries)} {'entry' if len(self.entries) == 1 else 'entries'}"
        of = f"{len(self._followed)} of {len(self.optimizer.parameters):,} parameters"
        return f"Ledger of {type(self.optimizer).__name__}: {entries}, {of}"

    def parts(self) -> list[str | Table]:
        """Returns a table for each of the first entries, line by line; what is left out is said."""
        more = len(self.entries) - PRINTED
        rest = f"… and {more} more entries: `.entries` has all of them, `.table(parameter)` a row for each step."
        return [*map(self._lines, self.entries[:PRINTED]), *([rest] if more > 0 else [])]

    def _lines(self, entry: Entry) -> Table:
        given = ", ".join(f"{name} = {number(x, self.digits)}" for name, x in entry.given.items())
        caption, digits = f"{entry.parameter}, step {entry.t}: given {given}", self.digits
        rows = ((name, f"= {text}", f"= {told}", f"= {number(x, digits)}") for name, text, told, x in entry.lines)
        return Table(("quantity", "formula", "with the numbers", "result"), tuple(rows), caption=caption)

    def table(self, parameter: Value | str | None = None) -> Table:
        """Returns one row a step for one parameter (the first followed, unless named): every quantity of the rule.

        Raises ValueError for a parameter that is not followed.
        """
        if isinstance(parameter, Value):
            own = (name for name, (_, followed) in self._followed.items() if followed is parameter)
            parameter = next(own, parameter.label)
        known = {name: name for name in self._followed}
        name = next(iter(known), "") if parameter is None else named("followed parameter", parameter, known)
        rows = [entry.quantities() for entry in self.entries if entry.parameter == name]
        headers = tuple(dict.fromkeys(quantity for row in rows for quantity in row)) or ("t",)
        cells = tuple(tuple(number(row[quantity], self.digits) for quantity in headers) for row in rows)
        return Table(headers, cells, tuple(range(len(headers))), f"{name}, a row for each step")

    def to_dict(self) -> dict[str, Any]:
        """Returns all entries as plain dicts, lists, strings and numbers."""
        entries = [{**asdict(entry), "lines": [line._asdict() for line in entry.lines]} for entry in self.entries]
        optimizer = {"optimizer": repr(self.optimizer), "rule": str(self.optimizer.rule)} if self.optimizer else {}
        return {**optimizer, "entries": entries}
