"""A Program in C: the loops of its layout, compiled by the machine's C compiler and called from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import POINTER, Structure, c_double, c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd_plus.compiler.dialects import C99, Dialect
from micrograd_plus.compiler.loop_program import UNITS, LoopProgram, library_source, loop_program
from micrograd_plus.compiler.loop_step import StepRule
from micrograd_plus.compiler.plan import Plan
from micrograd_plus.compiler.program import Gradients, Program, formed
from micrograd_plus.compiler.toolchain import load_library
from micrograd_plus.compiler.trace import Array
from micrograd_plus.compiler.widths import DType

__all__ = ["Library", "NativeProgram", "RunOfC"]

_BUFFER = 1024 * 1024
"""So many bytes the rows of a tile, with their gradients, should take at most: a processor's second cache."""


class RunOfC(Structure):
    """What a library's functions are given; the words are those of `driver.c`."""

    _fields_ = [
        *((name, c_int64) for name in ("examples", "batch", "t")),
        *((name, c_void_p) for name in ("order", "table", "draws", "rates")),
        *((name, c_double) for name in ("scale", "clip_norm", "clip_value")),
        *((name, c_int64) for name in ("tame", "count")),
        *((name, c_void_p) for name in ("places", "shared", "rows", "d_shared", "d_rows", "states", "kept", "outputs")),
        *((name, c_void_p) for name in ("d_inputs", "losses")),
    ]


class Library:
    """A loaded program for tiles of one size, with the buffers that it works in: for one caller at a time.

    `functions` are those of `driver.c` by name; `sizes` are those of the program.
    """

    def __init__(self, plan: Plan, program: LoopProgram, functions: Mapping[str, Any], dtype: DType) -> None:
        self.dtype, self.size, self.sizes = np.dtype(dtype), program.size, program.sizes
        for function in functions.values():
            function.argtypes, function.restype = [POINTER(RunOfC)], c_int64
        self.forward, self.gradients = functions["run_forward"], functions["run_gradients"]
        self.epoch = functions.get("run_epoch")
        self.shared, self.d_shared = (aligned(program.sizes["SHARED"], self.dtype) for _ in "vd")
        self.rows, self.d_rows = (aligned(program.sizes["ROWS"] * self.size, self.dtype) for _ in "vd")
        rows, numbers = plan.constants
        self.shared[rows] = numbers
        rows, numbers = program.constants
        self.rows.reshape(-1, self.size)[rows] = numbers[:, np.newaxis]
        self.run = RunOfC(clip_norm=np.inf, clip_value=np.inf)
        for name in ("shared", "rows", "d_shared", "d_rows"):
            setattr(self.run, name, getattr(self, name).ctypes.data)


def aligned(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns an array of zeros that begins where a vector may: up to 1.7 times quicker than 8 bytes beside."""
    room = np.zeros(size * dtype.itemsize + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size * dtype.itemsize].view(dtype)


class NativeProgram(Program):
    """A Program that runs in C; its NumPy twin, which it is too, tells what went wrong where a number is not finite."""

    backend = "c"

    def __init__(self, *arguments: Any, dtype: DType = "float64") -> None:
        super().__init__(*arguments, dtype=dtype)
        self._libraries: dict[tuple[Any, ...], Library] = {}

    def __call__(self, *batch: Any) -> Any:
        """Returns the outputs for a batch; see `Program.__call__`."""
        with self.running:
            outputs, _, _ = self._in_c_with_values(batch, (), False, 1.0)
            return formed(self.outputs, iter(outputs))

    def gradients(self, *batch: Any, of: int | None = None, reduction: str = "mean", inputs: bool = False) -> Gradients:
        """Returns the values for a batch, and derivatives; see `Program.gradients`."""
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction is 'mean' or 'sum', not {reduction!r}")
        with self.running:
            scale = None if reduction == "mean" else 1.0
            outputs, by_parameters, by_inputs = self._in_c_with_values(batch, (self._chosen(of),), inputs, scale)
            shaped = [
                by_inputs[:, start:stop].reshape(-1, *each.shape)
                for each, (_, start, stop) in zip(self.inputs, self.plan.arguments)
                if by_inputs is not None
            ]
            return Gradients(formed(self.outputs, iter(outputs)), by_parameters, tuple(shaped) if inputs else None)

    def _in_c_with_values(
        self, batch: Sequence[Any], of: tuple[int, ...], wrt_inputs: bool, scale: float | None
    ) -> tuple[Array, Array, Array | None]:
        """Runs a batch with the numbers that the parameters, and the states that the generators, now have."""
        columns = self.columns(batch)
        size = columns[0].shape[1]
        library = self.library(size, of, wrt_inputs)
        self.load()
        library.shared[self.plan.parameter_rows] = self.shared[self.plan.parameter_rows]
        self.draws.pull()
        found = self.in_c(columns, library, scale or 1.0 / size, of, wrt_inputs)
        self.draws.push()
        return found

    def in_c(
        self, columns: Sequence[Array], library: Library, scale: float, of: tuple[int, ...], wrt_inputs: bool = False
    ) -> tuple[Array, Array, Array | None]:
        """Runs a batch with the numbers that the library has: the outputs, a row each, and derivatives.

        Raises what the NumPy twin raises where a number is not finite.
        """
        size, marks = columns[0].shape[1], self.draws.marks()
        table, draws = self.table(columns), np.ascontiguousarray(self.draws.table(size), library.dtype)
        outputs = np.empty((size, len(self.every_output)), library.dtype)
        by_inputs = np.empty(table.shape, library.dtype) if wrt_inputs else None
        run = library.run
        run.examples, run.scale, run.order = size, scale, None
        run.table, run.draws, run.outputs = table.ctypes.data, draws.ctypes.data, outputs.ctypes.data
        run.d_inputs = None if by_inputs is None else by_inputs.ctypes.data
        failed = (library.gradients if of else library.forward)(run)
        run.outputs = run.d_inputs = None
        if failed or np.isnan(outputs).any():
            self.draws.back_to(marks, 0)
            return self._in_numpy(columns, library, of, scale, wrt_inputs)
        by_parameters = library.d_shared[self.plan.parameter_rows].astype(float)
        return outputs.T.astype(float), by_parameters, None if by_inputs is None else by_inputs.astype(float)

    def _in_numpy(
        self, columns: Sequence[Array], library: Library, of: tuple[int, ...], scale: float, wrt_inputs: bool
    ) -> tuple[Array, Array, Array | None]:
        """Runs a batch again in NumPy, with the same draws, which raises the error of what was not finite.

        If it raises none, that was in a branch that is not taken, and NumPy's numbers are the ones to give.
        """
        rows = self.plan.parameter_rows
        self.shared[rows] = library.shared[rows]
        bound = self.bind(columns, of, wrt_inputs)
        bound.forward(columns)
        bound.refuse_nan(columns)
        if of:
            bound.backward(columns, scale)
        by_inputs = bound.d_rows[: self.plan.input_count].T.astype(float) if wrt_inputs else None
        return np.array(bound.numbers(), float), self.d_shared[rows].astype(float), by_inputs

    def library(self, examples: int, of: tuple[int, ...], wrt_inputs: bool = False) -> Library:
        """Returns the library for calls with batches of about this size."""
        lanes = 64 // np.dtype(self.dtype).itemsize
        key = (self.tile(examples if examples <= lanes else 4 * lanes), of, wrt_inputs)
        if key not in self._libraries:
            self._libraries[key] = self.new_library(*key)
        return self._libraries[key]

    def new_library(
        self, size: int, of: tuple[int, ...], wrt_inputs: bool = False, rule: StepRule | None = None
    ) -> Library:
        """Returns a library for tiles of this size, with buffers that are the caller's own."""
        program = loop_program(self.plan, self.dialect, size, rule, of=of, wrt_inputs=wrt_inputs)
        loaded = load_library(library_source(program, self.dtype), UNITS)
        names = ("run_forward", "run_gradients", *(["run_epoch"] if rule else []))
        return Library(self.plan, program, {name: getattr(loaded, name) for name in names}, self.dtype)

    @property
    def dialect(self) -> Dialect:
        """The C that is written: with numbers of 64 bits or of 32."""
        return C99 if self.dtype == "float64" else C99.narrow()

    def tile(self, examples: int) -> int:
        """Returns how many examples a library works on at a time: as many vectors as it takes, within the cache."""
        lanes = 64 // np.dtype(self.dtype).itemsize
        if examples == 1:
            return 1
        bytes_ = 2 * self.plan.layout.batched_rows * np.dtype(self.dtype).itemsize
        most = max(lanes, min(128, _BUFFER // bytes_) // lanes * lanes)
        parts = -(-examples // most)
        share = -(-examples // parts)
        return -(-share // lanes) * lanes

    def table(self, columns: Sequence[Array]) -> NDArray[Any]:
        """Returns the inputs as the library takes them: a row an example."""
        return np.ascontiguousarray(np.concatenate([each.T for each in columns], axis=1), self.dtype)
