"""A whole program of loops, in C or in JavaScript: the functions of its layout, and the step of an optimizer's rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.dialects import JAVASCRIPT, Dialect
from micrograd_plus.compiler.emit import wanted_rows
from micrograd_plus.compiler.fold import BATCHED, SHARED
from micrograd_plus.compiler.ladder import Ladder
from micrograd_plus.compiler.loop_forms import LOOPS, is_constant
from micrograd_plus.compiler.loop_step import StepRule, step_lines
from micrograd_plus.compiler.loops import Loops
from micrograd_plus.compiler.names import Namer
from micrograd_plus.compiler.plan import Plan
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.widths import WIDTHS

__all__ = ["LoopProgram", "library_source", "loop_program", "module_source", "object_source", "package_file"]


@dataclass(frozen=True)
class LoopProgram:
    """The functions of a program in a dialect: its tables, its way `ahead`, its way `back`, and the `step`, if any.

    `sizes` says how many there are: B examples at a time, ROWS numbers of each, SHARED ones for all, and so on.
    `constants` are rows and the numbers in them, that are put there once.
    """

    tables: str
    ahead: str
    back: str
    step: str
    sizes: Mapping[str, int]
    constants: tuple[Integers, NDArray[np.float64]]

    @property
    def text(self) -> str:
        """All functions."""
        return "\n".join([*([self.tables, ""] if self.tables else []), self.ahead, self.back, self.step])

    @property
    def size(self) -> int:
        """How many examples it works on at a time."""
        return self.sizes["B"]


def loop_program(
    plan: Plan, dialect: Dialect, size: int, rule: StepRule | None = None, *, of: tuple[int, ...] = (0,),
    wrt_inputs: bool = False,
) -> LoopProgram:  # fmt: skip
    """Returns a plan's functions: what is the same for all examples, forward, results, and the way back.

    `of` has the numbers of the outputs whose sum is differentiated, with respect to all parameters and, if wanted,
    inputs; `rule` is that of a step.
    """
    layout = plan.layout.rungs() if isinstance(plan.layout, Ladder) else plan.layout
    namer = Namer(layout, plan.arguments)
    loops = Loops(layout, namer, dialect, size)
    loops.wanted = wanted_rows(layout, namer, wrt_inputs)
    constant = [each for each in layout.instructions if is_constant(each, namer.constants)]
    done = {id(each) for each in constant}  # before any run
    instructions = [each for each in layout.instructions if id(each) not in done]
    _ahead(loops, instructions)
    way_ahead, loops.lines = loops.lines, []
    _back(loops, instructions, of, wrt_inputs)
    tables, ahead, back, step = map("\n".join, (
        loops.definitions, way_ahead, loops.lines, step_lines(dialect, rule) if rule else [],
    ))  # fmt: skip
    rows = np.concatenate([np.zeros(0, np.int64), *[each.rows.reshape(-1) for each in constant]])
    numbers = np.concatenate([np.zeros(0), *[namer.constants[each.operands[0]].reshape(-1) for each in constant]])
    sizes = {
        "B": size, "INPUTS": plan.input_count, "RANDOM": plan.random_count, "OUTPUTS": len(layout.folded.outputs),
        "PARAMETERS": len(plan.parameter_rows), "STATES": len(rule.states) if rule else 0,
        "SHARED": loops.sizes[SHARED], "ROWS": loops.sizes[BATCHED],
    }  # fmt: skip
    return LoopProgram(tables, ahead, back, step, sizes, (rows, numbers))


def _ahead(loops: Loops, instructions: Sequence[Any]) -> None:
    """Says the functions that run ahead: what the examples share, what each has of its own, and where outputs are."""
    for name, space, arrays in ("prepare", SHARED, ["shared"]), ("forward", BATCHED, ["shared", "rows"]):
        with loops.function(name, arrays):
            for each in instructions:
                if each.space == space:
                    LOOPS[each.form][0](loops, each)
    folded, address = loops.layout.folded, loops.layout.address
    with loops.function("results", ["shared", "rows", "out"]):
        for i, node in enumerate(folded.outputs):
            row = np.array([address[node]])
            if node in folded.constants:
                text = loops.dialect.number(folded.constants[node])
            else:
                text = loops.text(loops.place(folded.space[node], row), ["0"])
            if loops.size == 1:
                loops.say(f"out[{i}] = {text};")
                continue
            with loops.loop("b", "B"):
                loops.say(f"out[{f'{i} * B + b' if i else 'b'}] = {text};")


def _back(loops: Loops, instructions: Sequence[Any], of: tuple[int, ...], wrt_inputs: bool) -> None:
    """Says the functions that run back: through what every example has of its own, and then what they share."""
    folded, address = loops.layout.folded, loops.layout.address
    ends = [(folded.space[folded.outputs[i]], np.array([address[folded.outputs[i]]])) for i in of]
    with loops.function("backward", ["shared", "rows", "d_shared", "d_rows", "upstream"]):
        for space, row in ends:
            if space == BATCHED and loops.needs(space, row):
                sign, target = loops.sign(space, row), loops.place(space, row, grad=True)
                with loops.loop("b", "B" if loops.size > 1 else 1) as b:
                    loops.say(f"{loops.text(target, ['0'])} {sign} upstream[{b}];")
        _say_back(loops, instructions, BATCHED)
        if wrt_inputs:
            loops.settle(BATCHED, np.arange(loops.namer.input_rows))
    with loops.function("finish", ["shared", "d_shared"], ["scale"]):
        for space, row in ends:
            if space == SHARED and row[0] >= 0 and loops.needs(space, row):
                loops.sign(space, row)
                loops.say(f"{loops.text(loops.place(space, row, grad=True), ['0'])} += scale;")
        _say_back(loops, instructions, SHARED)


def _say_back(loops: Loops, instructions: Sequence[Any], space: int) -> None:
    for each in reversed(instructions):
        if each.space == space and loops.written[space][each.rows].any():
            LOOPS[each.form][1](loops, each)


# -------------------------------------------------------------------- the files around it


@cache
def package_file(name: str) -> str:
    """Returns the text of a file that stands beside this module."""
    return (files("micrograd_plus.compiler") / name).read_text(encoding="utf-8")


UNITS = 3
"""In so many units a library is compiled, side by side: the way ahead, the way back, and what calls them."""


def library_source(program: LoopProgram, dtype: str) -> str:
    """Returns the whole source of a library in C, for numbers of a width; if UNIT is defined, only that of it."""
    width = WIDTHS[dtype]
    head = [
        f"typedef {width.in_c} real;", f"#define REAL_BITS {width.bits}",
        f"#define TRAINED {int(bool(program.step))}", f"#define LIMIT {width.limit:g}",
        f"#define RATE_LIMIT {width.rate_limit:g}", f"enum {{ {_sizes(program)} }};", "",
    ]  # fmt: skip
    units = program.ahead, program.back, f"{program.step}\n{package_file('driver.c')}"
    parts = [f"#if !defined(UNIT) || UNIT == {i}\n{text}\n#endif" for i, text in enumerate(units)]
    return "\n".join([*head, package_file("kernels.c"), program.tables, *parts])


def module_source(program: LoopProgram, plan: Plan) -> str:
    """Returns the whole source of a JavaScript module."""
    parts = [_facts(program, plan), "", package_file("kernels.js"), program.text, _constants(program, plan)]
    return "\n".join([*parts, package_file("driver.js")])


_VIEW = re.compile(r"    const (\w+) = ((?:d_)?(?:shared|rows)(?:\.subarray\(\d+\))?);.*")


def object_source(program: LoopProgram, plan: Plan) -> str:
    """Returns an expression of JavaScript: a program's sizes, and `over(shared, rows, d_shared, d_rows)`.

    That gives the program's functions for these buffers. The parts of them that it names are made once, which is some
    times quicker than in each call. The functions of `kernels.js` must be in sight.
    """
    lines = program.text.splitlines()
    views = {found[1]: found[2] for line in lines if (found := _VIEW.fullmatch(line))}
    made = [f"const {name} = {text};" for name, text in views.items()]
    functions = "{prepare, forward, results, backward, finish, constants}"
    kept = [*made, *(line for line in lines if not _VIEW.fullmatch(line)), _constants(program, plan)]
    over = ["const over = (shared, rows, d_shared, d_rows) => {", *kept, f"return {functions};", "};"]
    facts = ", ".join([*program.sizes, "ADDRESSES", "over"])
    return "\n".join(["(() => {", _facts(program, plan), *over, f"return {{{facts}}};", "})()"])


def _facts(program: LoopProgram, plan: Plan) -> str:
    """The sizes of a program in JavaScript, and where its parameters are."""
    names = JAVASCRIPT.table("ADDRESSES", plan.parameter_rows.tolist())
    return f"const {_sizes(program)};\n{names}"


def _constants(program: LoopProgram, plan: Plan) -> str:
    """The function of JavaScript that puts the constants in their places."""
    put = [
        f"    {array}[{row}] = {JAVASCRIPT.number(number)};"
        for array, (rows, numbers) in (("shared", plan.constants), ("rows", program.constants))
        for row, number in zip(rows.tolist(), numbers.tolist())
    ]
    return "\n".join(["function constants(shared, rows) {", *put, "}", ""])


def _sizes(program: LoopProgram) -> str:
    return ", ".join(f"{name} = {size}" for name, size in program.sizes.items())
