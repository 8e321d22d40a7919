"""The front door: from a graph, or from a function of Values, to a Program."""

from __future__ import annotations

import inspect
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, Literal, TypeAlias, get_args, overload

import numpy as np

from micrograd_plus import operation
from micrograd_plus.checks import named
from micrograd_plus.compiler.ladder import Ladder
from micrograd_plus.compiler.names import stem
from micrograd_plus.compiler.native import NativeProgram
from micrograd_plus.compiler.plan import Input, Plan, plan_of
from micrograd_plus.compiler.program import Gradients, Program
from micrograd_plus.compiler.trace import CompileError, trace
from micrograd_plus.compiler.trial import Surroundings, trial, values_behind
from micrograd_plus.compiler.widths import WIDTHS, DType
from micrograd_plus.mode import no_gc
from micrograd_plus.report import numbered
from micrograd_plus.tracing import PACKAGE, traced
from micrograd_plus.value import Number, Value, constant, topological_order

__all__ = ["Backend", "Compiled", "compile", "compile_graph", "watched"]

Backend: TypeAlias = Literal["numpy", "c"]
"""What a program runs as: array code, or loops that the machine's C compiler has compiled."""


@overload
def compile(
    target: Value | Sequence[Any],
    inputs: Sequence[Any] | None = None,
    parameters: Sequence[Value] | None = None,
    *,
    backend: Backend = "numpy",
    dtype: DType = "float64",
) -> Program: ...
@overload
def compile(
    target: Callable[..., Any],
    *,
    parameters: Sequence[Value] | None = None,
    example: None = None,
    backend: Backend = "numpy",
    dtype: DType = "float64",
) -> Compiled: ...
@overload
def compile(
    target: Callable[..., Any],
    *,
    parameters: Sequence[Value] | None = None,
    example: Sequence[Any],
    backend: Backend = "numpy",
    dtype: DType = "float64",
) -> Program: ...
def compile(
    target: Any, inputs: Sequence[Any] | None = None, parameters: Sequence[Value] | None = None,
    example: Sequence[Any] | None = None, *, backend: Backend = "numpy", dtype: DType = "float64",
) -> Program | Compiled:  # fmt: skip
    """Returns the Program of a graph; of a function of Values, its Program for one form of input, or for any.

    A graph is of one example. `target` is its output, a Value, or a list or tuple of them. `inputs` has the leaves that
    differ from example to example: a Value, or a (nested) list of Values, for each argument that the program will take.
    By default they are all leaves that were made by `Value(...)`, as one argument. `parameters` are the leaves that
    training changes; by default all others but plain numbers.

    A function gets a Value, or a nested list of Values, for each argument, and returns what a graph's target may be.
    With `example`, a tuple of one example's arguments, it is traced at once; without, at the first call for each form
    (the lengths of lists) that its arguments have.

    The graph is frozen as it was traced: a choice that Python made by looking at a number is made for all examples.
    Where that can be noticed, and for a target without inputs, CompileError is raised.

    `backend` is "numpy", or "c", whose programs the machine's C compiler compiles (see `compiler.toolchain`) when they
    are run first. `dtype` may be "float32", which is quicker, and right to some seven digits; what goes in and comes
    out has 64 bits.

    >>> w, x = Value(3.0, "w"), Value(1.0, "x")
    >>> program = compile(w * x, inputs=[x])
    >>> program([1.0, 2.0]).tolist(), program.gradients([1.0, 2.0]).parameters.tolist()
    ([3.0, 6.0], [1.5])
    >>> compile(lambda row: sum(row), example=([0.0, 0.0],))([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [3.0, 7.0]
    """
    if callable(target) and not isinstance(target, Value):
        if inputs is not None:
            raise TypeError("a function's inputs are its arguments; leave `inputs` out, or pass the graph it makes")
        compiled = Compiled(target, parameters, backend=backend, dtype=dtype)
        return compiled if example is None else compiled.program(*[_one(each) for each in example])
    if example is not None:
        raise TypeError("`example` goes with a function; of a graph, pass its leaves as `inputs`")
    outputs = _checked_outputs(target)
    if inputs is None:
        inputs = [[each for each in topological_order(*outputs) if each.op is operation.INPUT]]
    return compile_graph(target, inputs, parameters, backend=backend, dtype=dtype)


def compile_graph(
    target: Any, inputs: Sequence[Any], parameters: Sequence[Value] | None = None, names: Sequence[str] = (),
    random: Sequence[Value] = (), *, backend: Backend = "numpy", dtype: DType = "float64",
) -> Program:  # fmt: skip
    """Returns the Program of a graph with these inputs; `random` are its random leaves in the order of their draws."""
    _check_backend(backend, dtype)
    outputs = _checked_outputs(target)
    leaves = list(_flat(inputs))
    for leaf in leaves:
        if not isinstance(leaf, Value):
            raise TypeError(f"inputs are Values, in lists for arguments with many numbers, but got {leaf!r}")
    if not leaves:
        raise CompileError(
            "the graph has no inputs, so that nothing differs from example to example; make what does differ with"
            " Value(...), not with plain numbers, or pass it as `inputs`"
        )
    if len(set(leaves)) < len(leaves):
        raise CompileError("an input is there twice; give each leaf one place")
    given = _named(inputs, names)
    if parameters is None:
        known = set(leaves)
        parameters = [
            each for each in topological_order(*outputs)
            if each.op in (operation.INPUT, operation.PARAMETER) and each not in known
        ]  # fmt: skip
    with no_gc():
        traced = trace(outputs, leaves, parameters, random)
        return _program(backend, dtype, plan_of(traced, given), traced, parameters, given, target)


def _check_backend(backend: Backend, dtype: DType) -> None:
    named("backend", backend, dict.fromkeys(get_args(Backend)))
    named("dtype", dtype, WIDTHS)


def _program(backend: Backend, dtype: DType, plan: Plan, *arguments: Any) -> Program:
    """The program of a backend; that of NumPy, with a warning, where C would be the whole graph, node by node."""
    if backend == "numpy":
        return Program(plan, *arguments, dtype=dtype)
    if isinstance(plan.layout, Ladder) and plan.layout.count > MOST_RUNGS:
        warnings.warn(
            f"the graph is irregular, of {plan.layout.count:,} operations: a C compiler would take minutes over it, and"
            " it runs as array code; make it of layers, or use backend='numpy', or have it compiled all the same:"
            f" {__name__}.MOST_RUNGS = {plan.layout.count}",
            stacklevel=3,
        )
        return Program(plan, *arguments, dtype=dtype)
    return NativeProgram(plan, *arguments, dtype=dtype)


MOST_RUNGS = 5_000
"""So many operations an irregular graph may have in C, which has some lines for each."""


def _named(inputs: Sequence[Any], names: Sequence[str]) -> list[Input]:
    """The inputs under these names or, if there are none, under what their labels have in common; each name once."""
    found: list[Input] = []
    for i, each in enumerate(inputs):
        name = names[i] if names else stem([leaf.label for leaf in _flat(each)]) or ("x" if len(inputs) == 1 else "")
        name = name if name.isidentifier() else numbered("x", i)
        taken = any(name == other.name for other in found)
        found.append(Input(f"{name}_{i}" if taken else name, _shape(each)))
    return found


MOST_FORMS = 256
"""So many programs a function keeps, those of its latest forms."""


class Compiled:
    """A function of Values that runs as array programs: one for each form that its arguments take.

    Call it, or `gradients`, with batches, as a Program; `programs` has those that were made so far, by the shapes of
    their arguments. The first example of the first batch of a form is the one that is traced.

    >>> norm = Compiled(lambda row: sum(x * x for x in row).sqrt())
    >>> norm([[3.0, 4.0]]).tolist(), norm([[1.0, 2.0, 2.0]]).tolist(), len(norm.programs)
    ([5.0], [3.0], 2)
    """

    def __init__(
        self, function: Callable[..., Any], parameters: Sequence[Value] | None = None, *, backend: Backend = "numpy",
        dtype: DType = "float64",
    ) -> None:  # fmt: skip
        self.function, self.parameters, self.backend, self.dtype = function, parameters, backend, dtype
        _check_backend(backend, dtype)
        self.names = _argument_names(function)
        self.programs: dict[tuple[tuple[int, ...], ...], Program] = {}
        self._tracing = RLock()
        self._surroundings = Surroundings(function)
        self._as_traced = self._surroundings.now()
        self._by_surroundings = {self._as_traced: self.programs}

    def __call__(self, *batch: Any) -> Any:
        """Returns the outputs for a batch; see `Program.__call__`."""
        return self.program(*batch)(*batch)

    def gradients(self, *batch: Any, **options: Any) -> Gradients:
        """Returns values and derivatives for a batch; see `Program.gradients`."""
        return self.program(*batch).gradients(*batch, **options)

    def program(self, *batch: Any) -> Program:
        """Returns the program for arguments of these forms, traced if they are new."""
        arrays = [_array(each) for each in batch]
        shapes = tuple(each.shape[1:] for each in arrays)
        around = self._surroundings.now()
        if around != self._as_traced:  # the model is in another mode, a setting has changed
            self._as_traced, self.programs = around, self._by_surroundings.setdefault(around, {})
            if len(self._by_surroundings) > 8:
                self._by_surroundings.pop(next(iter(self._by_surroundings)))
        if shapes not in self.programs:
            for name, each in zip(self.names, arrays):
                if each.ndim == 0 or not len(each):
                    raise ValueError(f"{name} is a batch, with the examples along its first axis, but got {each!r}")
            with self._tracing:  # whichever thread comes first; the others find what it made
                if shapes not in self.programs:
                    examples = [[each[i] for each in arrays] for i in {0, len(arrays[0]) - 1}]
                    self.programs[shapes] = self._trace(examples) if arrays else self._trace([[]])
                    if len(self.programs) > MOST_FORMS:
                        self.programs.pop(next(iter(self.programs)))
        return self.programs[shapes]

    def _trace(self, examples: Sequence[Sequence[Any]]) -> Program:
        """Traces the function with the first example, and again with the last: the graphs must be the same."""
        names = [*self.names, *(numbered("x", i) for i in range(len(self.names), len(examples[0])))]
        behind = values_behind(self.function)
        graphs = []
        with trial(self.function):
            for example in (examples[0], examples[-1]):
                leaves = [_leaves(array.tolist(), name) for array, name in zip(example, names)]
                graphs.append((leaves, *watched(self.function, leaves, behind)))
        refuse_another_graph(*((output, leaves) for leaves, output, _ in graphs))
        leaves, output, random = graphs[0]
        return compile_graph(output, leaves, self.parameters, names, random, backend=self.backend, dtype=self.dtype)


def watched(
    function: Callable[..., Any], arguments: Sequence[Any], parameters: Iterable[Value] = (), numbers: Any = ()
) -> tuple[Any, list[Value]]:
    """Returns what a function makes of Values, and the random leaves that it drew, in order.

    `parameters` are Values that it uses without being given them; those of the arguments that are in `numbers` are
    plain numbers when nothing is traced. Raises CompileError where the function looks at a number that training or the
    data will change.
    """
    drawn: list[Value] = []

    def look(event: str, node: Value, other: Number) -> None:
        if event == "leaf":
            drawn.append(node)
        elif any(isinstance(each, Value) and each.op is not operation.CONSTANT for each in (node, other)):
            name = node.label or (f"the result of {node.op.name}" if node.children else "an input")
            raise CompileError(
                f"{_where()} looks at {name} by {event}: a compiled program would do for every example what it did for"
                f" the one it was traced with (here {node.data:.4g}); use maximum, minimum, clamp, relu or select, or"
                " run it eagerly"
            )

    with no_gc(), traced([*_flat(list(arguments)), *parameters], look, _flat(numbers)):
        return function(*arguments), drawn


def refuse_another_graph(first: tuple[Any, Any], second: tuple[Any, Any]) -> None:
    """Raises CompileError unless two traces, each an output and its inputs, are the same graph, to the constants."""
    one, other = _form_of(*first), _form_of(*second)
    if one != other:
        what = "a number that it uses" if len(one) == len(other) else f"size: {len(one)}, {len(other)} nodes"
        raise CompileError(
            f"traced twice, the function differs in {what}: it hangs on chance, on a state or on the data, which a"
            " compiled program would not; run it eagerly, or draw by nn.Dropout or operation.Bernoulli"
        )


def _form_of(output: Any, inputs: Any) -> list[Any]:
    """A graph as plain data: an operation with its operands' places, an input's place, a constant's number."""
    places = {leaf: ("input", i) for i, leaf in enumerate(_flat(inputs))}
    index: dict[Value, int] = {}
    found: list[Any] = []
    for node in topological_order(*_checked_outputs(output)):
        index[node] = len(found)
        if node.children:
            found.append((node.op, *(index[child] for child in node.children)))
        elif node.op in (operation.CONSTANT, operation.CHOSEN):
            found.append(node.data)
        else:
            found.append(places.get(node, node if node.op.shared else node.op.label))
    return found


def _where() -> str:
    """The line of the user's code that is running."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(PACKAGE):
            return f"{Path(frame.filename).name}, line {frame.lineno},"
    return "the function"


# -------------------------------------------------------------------- the forms of arguments and results


def _argument_names(function: Callable[..., Any]) -> list[str]:
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions in C have no signature
        return []
    return [each.name for each in arguments if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def _array(batch: Any) -> Any:
    try:
        return np.asarray(batch)
    except ValueError:
        raise ValueError("the examples of a batch differ in length; run those of each length by themselves") from None


def _one(example: Any) -> Any:
    """A batch of one example."""
    return _array(example)[np.newaxis]


def _leaves(numbers: Any, name: str) -> Any:
    """Input Values in the form of an example's numbers."""
    if isinstance(numbers, list):
        return [_leaves(each, numbered(name, i)) for i, each in enumerate(numbers)]
    return Value(numbers, name)


def _flat(thing: Any) -> Iterator[Any]:
    if isinstance(thing, (list, tuple)):
        for each in thing:
            yield from _flat(each)
    else:
        yield thing


def _shape(thing: Any) -> tuple[int, ...]:
    """The shape of a nested list. Raises CompileError if its parts differ."""
    if not isinstance(thing, (list, tuple)):
        return ()
    shapes = {_shape(each) for each in thing}
    if len(shapes) > 1:
        raise CompileError("an input's lists differ in length; give each length an argument of its own")
    return (len(thing), *(shapes.pop() if shapes else ()))


def _checked_outputs(target: Any) -> list[Value]:
    outputs = list(_flat(target))
    if not outputs:
        raise TypeError("there is nothing to compile: the target is empty")
    for each in outputs:
        if not isinstance(each, Value):
            raise TypeError(
                f"compile needs a Value, or a list or tuple of them, but got {each!r}; is a return missing?"
            )
    return [constant(each) for each in outputs]
