"""Many programs at a time: in one library of C, and in one run of node."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus.compiler import toolchain
from micrograd_plus.compiler.dialects import C99
from micrograd_plus.compiler.loop_program import library_source, loop_program, package_file
from micrograd_plus.compiler.native import Library, NativeProgram
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.widths import DType

__all__ = ["in_node", "largest", "narrow", "natives", "one_library"]

NAMES = (
    "prepare", "forward", "results", "backward", "finish", "fill", "failed", "values", "gradient", "run_forward",
    "run_gradients", "run", "EXPORT", "INPUTS", "RANDOM", "OUTPUTS", "PARAMETERS", "STATES", "SHARED", "ROWS",
)  # fmt: skip


def one_library(source: str, folder: Path, flags: Sequence[str] = toolchain.FLAGS) -> ctypes.CDLL:
    """A library of a source, with the flags of programs or others."""
    written = folder / f"unit{len([*folder.glob('unit*.c')])}.c"  # one that is loaded must stay as it is
    made = written.with_suffix(".so")
    written.write_text(source)
    run = [*toolchain.find_compiler(), *flags, str(written), "-o", str(made), "-lm"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(str(made))


def narrow(program: Program) -> Program:
    """The program in NumPy, with numbers of 32 bits."""
    found = Program.__new__(Program)
    buffers = {name: getattr(program, name).astype(np.float32) for name in ("shared", "d_shared")}
    vars(found).update(vars(program), **buffers, dtype="float32", _bound=OrderedDict())
    return found


def natives(
    programs: Sequence[Program], size: int, folder: Path, of: tuple[int, ...] = (0,), dtype: DType = "float64"
) -> list[NativeProgram]:
    """The programs in C, compiled together for tiles of one size, with the derivatives by inputs."""
    parts = []
    dialect = C99 if dtype == "float64" else C99.narrow()
    emitted = [loop_program(each.plan, dialect, size, of=of, wrt_inputs=True) for each in programs]
    for i, program in enumerate(emitted):
        head, own = library_source(program, dtype).split(package_file("kernels.c"), 1)
        tables = {f"at_{k}" for k in range(program.text.count("static const int at_"))}
        names = [*NAMES, *sorted(tables)]
        sizes = [f"#define {name} {count}" for name, count in program.sizes.items() if name != "B"]
        if i == 0:
            parts += [
                head.replace(head[head.index("enum {") :], f"enum {{ B = {size} }};\n"),
                package_file("kernels.c"),
            ]
        defines = [f"#define {name} p{i}_{name}" for name in names if name not in program.sizes and name != "EXPORT"]
        parts += [*defines, *sizes, own, *(f"#undef {name}" for name in names)]
    loaded = one_library("\n".join(parts), folder, ["-O1" if flag == "-O3" else flag for flag in toolchain.FLAGS])
    found = []
    for i, (program, loops) in enumerate(zip(programs, emitted)):
        functions = {name: getattr(loaded, f"p{i}_{name}") for name in ("run_forward", "run_gradients")}
        native = NativeProgram.__new__(NativeProgram)
        vars(native).update(vars(program if dtype == "float64" else narrow(program)))
        library = Library(program.plan, loops, functions, dtype)
        native.library = lambda *_, library=library: library  # type: ignore[method-assign]
        found.append(native)
    return found


def largest(program: Program, *batch: Any) -> float:
    """The largest number, at least 1, that a program in NumPy meets on the way to the gradients of a batch."""
    program.gradients(*batch, of=0, inputs=True)
    (bound,) = [
        each for (size, of, wrt), each in program._bound.items() if (size, of, wrt) == (len(batch[0]), (0,), True)
    ]
    every = [bound.rows, bound.d_rows, program.shared, program.d_shared]
    return max(1.0, *(float(np.nanmax(np.abs(each), where=np.isfinite(each), initial=0.0)) for each in every))


def in_node(modules: Sequence[str], cases: Sequence[Mapping[str, Any]], folder: Path) -> list[Any]:
    """What each module's gradients are for a case's parameters, inputs and draws; an error comes as its text."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is not on PATH; install it, as .ci/run does")
    for i, module in enumerate(modules):
        (folder / f"p{i}.mjs").write_text(module)
    (folder / "cases.json").write_text(json.dumps(list(cases)))
    (folder / "main.mjs").write_text(MAIN)
    done = subprocess.run([node, str(folder / "main.mjs")], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[:2000]
    return [
        each if isinstance(each, str) else {name: np.array(numbers, float) for name, numbers in each.items()}
        for each in json.loads(done.stdout, parse_constant=float)
    ]


MAIN = """
import {readFileSync} from 'fs';
const cases = JSON.parse(readFileSync('cases.json')), found = [];
const text = number => Number.isFinite(number) ? number : String(number);
for (const [i, each] of cases.entries()) {
  try {
    const module = await import(`./p${i}.mjs`);
    const {outputs, parameters, inputs} =
      module.gradients(...['parameters', 'inputs', 'draws'].map(name => Float64Array.from(each[name])));
    found.push({outputs: [...outputs].map(text), parameters: [...parameters].map(text), inputs: [...inputs].map(text)});
  } catch (error) { found.push(error.message); }
}
console.log(JSON.stringify(found));
"""
