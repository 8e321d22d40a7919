"""What pages compute with: rows of the table and rules of optimizers as JavaScript, read from their text.

`rows_script` and `rules_script` each give one statement, `const ROWS = ...;` and `const RULES = ...;`, to stand in a
page's script after `numbers_script()`, whose functions write numbers as `words.number` does and fill in templates.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from micrograd_plus.compiler.dialects import JAVASCRIPT, Before, Formula, hoisted
from micrograd_plus.compiler.loop_program import package_file
from micrograd_plus.compiler.loops import TAKEN
from micrograd_plus.errors import refusal
from micrograd_plus.nn.optim import LOWER, OPTIMIZERS, REFUSAL, Optimizer
from micrograd_plus.nn.rule import GIVEN, conditional_lines, states_of
from micrograd_plus.operation import Op
from micrograd_plus.reading import branches, names_in
from micrograd_plus.value import Value
from micrograd_plus.viz.player.templates import line_templates

__all__ = ["numbers_script", "row_key", "rows_script", "rule_key", "rules_script"]


def numbers_script() -> str:
    """Returns the functions `number(x, digits)` and `fill(template, words)`."""
    return (resources.files(__package__) / "files" / "numbers.js").read_text(encoding="utf-8")


# -------------------------------------------------------------------- rows


def row_key(op: Op) -> str:
    """Returns what a row is called among a page's rows.

    >>> from micrograd_plus import ops
    >>> row_key(ops.tanh), row_key(ops.clamp(0, 1))
    ('tanh', 'clamp(0.0, 1.0)')
    """
    return f"{op.name}({', '.join(map(repr, op.constants))})" if op.constants else op.name


def rows_script(ops: Iterable[Op]) -> str:
    """Returns JavaScript that defines `ROWS`, with an entry under `row_key(op)` for each row.

    In an entry, `value(x, y)` and `partials.x(out, x, y, j)` are functions of numbers, or of an array for a group; `j`
    is the place of a group's member that is differentiated by. They throw a `Refused`, whose `why` is "undefined" or
    "large", where the engine raises. `at(x, y)` returns `{out, partials}`, as the engine has them: refused is also a
    value that is no finite number, and `why` is "steep" where only a derivative is beyond numbers. `choice.value` and
    `choice.x` tell which branch of a choice numbers take, `refusals` has the engine's words by `why`, with places for
    `{what}` and `{given}`. Raises ValueError for two rows of one name.
    """
    rows: dict[str, Op] = {}
    for op in ops:
        known = rows.setdefault(row_key(op), op)
        if (known.operands, known.value, known.partials) != (op.operands, op.value, op.partials):
            raise ValueError(
                f"two rows are called {op.name!r}: {known.value!r} and {op.value!r}; give one another name"
            )
    entries = "".join(f"  {json.dumps(key)}: {_row(op)},\n" for key, op in rows.items())
    checked = sorted({*re.findall(r"\bchecked\.(\w+)", entries)} - {"divided"})
    inside = "".join(f"  {name}: check({name}, {json.dumps(_why(name))}),\n" for name in checked)
    made = (resources.files(__package__) / "files" / "rows.js").read_text(encoding="utf-8")
    body = f"{made}\nconst checked = {{divided,\n{inside}}};\nreturn finished({{\n{entries}}});"
    return f"const ROWS = (() => {{\n{_kernels(body)}\n{body}\n}})();\n"


_GROWING = {"cosh", "exp", "expm1", "sinh"}  # these raise OverflowError; of others an infinity is a pole


def _why(name: str) -> str:
    return "large" if name in _GROWING else "undefined"


def _row(op: Op) -> str:
    """A row as an object."""
    given = [_named(operand.lstrip("*")) for operand in op.operands]
    value = f"({', '.join(given)}) =>"
    partial = f"(out, {', '.join([*given, 'j'])}) =>"
    partials = ", ".join(f"{name}: {_function(op, partial, text)}" for name, text in op.partials.items())
    choices = {"value": (value, op.value), **{name: (partial, text) for name, text in op.partials.items()}}
    choice = ", ".join(
        f"{name}: {_function(op, head, branches(text)[0])}"
        for name, (head, text) in choices.items()
        if len(branches(text)[1]) > 1
    )
    refusals = {why: refusal(op, why, "{what}", "{given}") for why in ("undefined", "large", "steep")}
    return (
        f"{{name: {json.dumps(op.name)}, operands: {json.dumps(op.operands)},"
        f" value: {_function(op, value, op.value)}, partials: {{{partials}}},"
        f" choice: {{{choice}}}, refusals: {json.dumps(refusals, ensure_ascii=False)}}}"
    )


def _named(name: str) -> str:
    return f"{name}_" if name in TAKEN - {"out", "j"} else name


def _function(op: Op, head: str, text: str) -> str:
    """An arrow function of an expression; what it needs of whole lists is made before."""
    before, left = hoisted(text)
    members = {operand[1:-1]: f"{_named(operand[1:])}[PLACE]" for operand in op.operands if operand.startswith("*")}
    names = {operand: _named(operand) for operand in (each.lstrip("*") for each in op.operands)}
    names |= {each.name: _named(each.name) for each in before}
    lists = [_named(operand[1:]) for operand in op.operands if operand.startswith("*")]

    def read(expression: str, place: str) -> str:
        return _Checked(JAVASCRIPT, {**names, **{name: each.replace("PLACE", place) for name, each in members.items()}},
            lambda array, index: f"{names[array]}[pick({index}, {names[array]}.length)]",
        ).read(expression)  # fmt: skip

    if not before:
        return f"{head} {read(left, 'j')}"
    lines = [f"const {names[each.name]} = {_made(each, lists[:1], read)};" for each in before]
    return f"{head} {{ {' '.join(lines)} return {read(left, 'j')}; }}"


def _made(before: Before, lists: Sequence[str], read: Any) -> str:
    inside = read(before.text, "k")
    return f"{before.kind}Of({lists[0]}.length, k => {inside})" if before.kind else inside


@dataclass(frozen=True)
class _Checked(Formula):
    """A reading that refuses what Python's arithmetic refuses: functions of `math` raise, and so does a division."""

    def part(self, node: ast.expr) -> tuple[str, int]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
            return f"checked.divided({self.text(node.left)}, {self.text(node.right)})", 8
        return super().part(node)

    def power(self, base: ast.expr, exponent: ast.expr) -> tuple[str, int]:
        return f"checked.pow({self.text(base)}, {self.text(exponent)})", 8

    def call(self, name: str, arguments: Sequence[ast.expr]) -> str:
        return f"checked.{super().call(name, arguments)}" if name in _RAISING else super().call(name, arguments)


_RAISING = {
    "acos", "acosh", "asin", "atanh", "cos", "cosh", "exp", "expm1", "log", "log10", "log1p", "log2", "pow", "sin",
    "sinh", "sqrt", "tan",
}  # fmt: skip
"""The functions of `math` that raise for some numbers."""


def _kernels(text: str) -> str:
    """What of the compiler's JavaScript some text needs, with what that needs in turn."""
    head, *others = _kernel_parts()
    wanted: list[str] = []
    while True:
        known = " ".join([text, *wanted])
        more = [
            part
            for part in others
            if part not in wanted and re.search(rf"\b{_defined(part)}\(|\b{_defined(part)},", known)
        ]
        if not more:
            return "\n".join([head, *(part for part in others if part in wanted)])
        wanted += more


@cache
def _kernel_parts() -> tuple[str, ...]:
    """The file's functions, each with the comment above it; first of all the names of JavaScript's own."""
    parts: list[str] = []
    comment = ""
    for part in re.split(r"\n(?=//|const |function )", package_file("kernels.js")):
        if part.startswith("//"):
            comment += f"{part}\n"
        else:
            parts.append(comment + part.rstrip())
            comment = ""
    return tuple(parts)


def _defined(part: str) -> str:
    found = re.search(r"^(?:const|function) (\w+)", part, re.M)
    assert found
    return found[1]


# -------------------------------------------------------------------- rules


def rule_key(optimizer: Optimizer | type[Optimizer]) -> str:
    """Returns what an optimizer is called among a page's rules: its name in lower case."""
    kind = optimizer if isinstance(optimizer, type) else type(optimizer)
    return kind.__name__.lower()


def rules_script(optimizers: Iterable[Optimizer | type[Optimizer]] = tuple(OPTIMIZERS.values())) -> str:
    """Returns JavaScript that defines `RULES`, with an entry under `rule_key(optimizer)` for each optimizer.

    An entry has `name`, `lr` and `options` (the defaults), `states` (the names of what is kept from step to step, 0 at
    first) and `step({w, g, t, lr, ...options, ...states})`, which returns the new numbers as `{w, states, lines}`. Of
    the options it is given, those are in force that a rule's `# if` asks for. `lines` are the rule's lines that hold:
    each has `name`, `formula`, `value`, `worked` (the formula with numbers) and `text`, all of it as the ledger has it.
    `refusal` has the engine's words for a step to what is not finite, with places for what was given.
    """
    kinds = {rule_key(each): each for each in optimizers}
    entries = "".join(f"  {key}: {_rule(each)},\n" for key, each in kinds.items())
    made = (resources.files(__package__) / "files" / "rules.js").read_text(encoding="utf-8")
    body = f"{made}\nreturn {{\n{entries}}};"
    return f"const RULES = (() => {{\n{_kernels(body)}\n{body}\n}})();\n"


def _rule(optimizer: Optimizer | type[Optimizer]) -> str:
    usual = optimizer([Value(0.0)]) if isinstance(optimizer, type) else optimizer
    lines = list(conditional_lines(usual.text))
    states = states_of([line for line, _ in lines], usual.options)
    given = [*GIVEN, *usual.options]
    made = [name for name in dict.fromkeys(line.name for line, _ in lines) if name not in (*given, *states)]
    start = ", ".join([*given, *(f"{name} = 0" for name in states)])
    says = []
    for line, condition in lines:
        names = [name for name in dict.fromkeys((*given, *states, *made)) if name in names_in(line.expression)]
        value, branch = (_plain(text) for text in (line.expression, branches(line.expression)[0]))
        told = json.dumps([line.name, line.expression, line_templates(line.expression, names)])
        head = f"if ({_plain(condition)}) " if condition else ""
        says.append(f"    {head}lines.push(line({told}, {branch}, {{{', '.join(names)}}}, {line.name} = {value}));\n")
    refused = REFUSAL.replace("{cure}", LOWER)
    about = {
        "name": type(usual).__name__,
        "lr": usual.rate,
        "options": usual.options,
        "states": states,
        "refusal": refused,
    }
    head = json.dumps(about)
    return (
        f"{{...{head}, step(given) {{\n    let {{{start}}} = given{''.join(f', {name}' for name in made)};\n"
        f"    const lines = [];\n{''.join(says)}    return {{w, states: {{{', '.join(states)}}}, lines}};\n  }}}}"
    )


def _plain(expression: str) -> str:
    return Formula(JAVASCRIPT, {}).read(expression)
