"""The dialect of ONNX: a graph of the standard operators in single precision, with a free axis of examples.

What the standard has no operator for is composed of others: those formulas are rows too, read like any.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd_plus import ops, reading
from micrograd_plus.checks import flat
from micrograd_plus.export.extras import library
from micrograd_plus.export.lowering import Assignment, Operand, Part, Tensor, Way, lower, said
from micrograd_plus.export.source import Source
from micrograd_plus.export.spelling import Identifiers
from micrograd_plus.operation import TABLE, Op

__all__ = ["OPSET", "onnx_bytes"]

OPSET, IR_VERSION = 18, 9
"""The version of the operators, that of 2022, and of the file format that came with it or soon after."""

_OPERATORS = {
    "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh",
    "atanh": "Atanh", "erf": "Erf", "floor": "Floor", "ceil": "Ceil", "round": "Round", "abs": "Abs",
    "where": "Where", "pow": "Pow", "min": "Min", "max": "Max",
}  # fmt: skip

_ROWS = {"sigmoid": "Sigmoid", "relu": "Relu", "softplus": "Softplus", "softsign": "Softsign", "sign": "Sign"}
"""The rows that are an operator."""

_COMPOSED = {
    "trunc": ("x", "floor(x) if x > 0 else ceil(x)"),
    "log2": ("x", "log(x) * 1.4426950408889634"),
    "log10": ("x", "log(x) * 0.4342944819032518"),
    "log1p": ("x", "x if 1 + x == 1 else log(1 + x) * x / (1 + x - 1)"),  # exact where 1 + x was rounded: Kahan
    "expm1": ("x", "x if exp(x) == 1 else exp(x) - 1 if abs(x) > 1 else (exp(x) - 1) * x / log(exp(x))"),
    "hypot": ("x y", "0.0 if max(abs(x), abs(y)) == 0 else max(abs(x), abs(y))"
     " * sqrt(1 + (min(abs(x), abs(y)) / max(abs(x), abs(y))) ** 2)"),
    "atan2": ("y x", "atan(y / x) if x > 0 else"
     " (atan(y / x) + 3.141592653589793 if y >= 0 else atan(y / x) - 3.141592653589793) if x < 0 else"
     " 1.5707963267948966 if y > 0 else -1.5707963267948966 if y < 0 else 0.0"),
}  # fmt: skip
"""What the standard lacks, as rows."""

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow", ast.Gt: "Greater",
    ast.GtE: "GreaterOrEqual", ast.Lt: "Less", ast.LtE: "LessOrEqual", ast.Eq: "Equal", ast.BitOr: "Or",
    ast.BitAnd: "And",
}  # fmt: skip


class _Composed(reading.OverArrays):
    """A row with what the standard lacks written out."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        visited = super().visit_Call(node)
        name = visited.func.id if isinstance(visited, ast.Call) and isinstance(visited.func, ast.Name) else ""
        if name not in _COMPOSED:
            return visited
        assert isinstance(visited, ast.Call)
        names, text = _COMPOSED[name]
        put = dict(zip(names.split(), visited.args))

        class Put(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.expr:
                return put.get(node.id, node)

        return self.visit(Put().visit(ast.parse(text, mode="eval").body))  # type: ignore[no-any-return]

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Powers stay."""
        self.generic_visit(node)
        return node


@dataclass
class _Graph:
    """Builds the nodes; every method returns the name of what it made."""

    helper: Any
    names: Identifiers
    first: str
    size: str = ""
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    tensors: list[Any] = field(default_factory=list)

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        made = name or self.names.unique(f"{operator.lower()}")
        self.nodes.append(self.helper.make_node(operator, list(inputs), [made], name=f"{made}_node", **attributes))
        return made

    def constant(self, numbers: Any, kind: str = "float32", name: str = "") -> str:
        with np.errstate(over="ignore"):
            array = np.asarray(numbers).astype(kind)
        key = (kind, array.shape, array.tobytes())
        if key not in self.initializers or name:
            self.initializers[key] = name = name or self.names.unique("constant")
            of = {"float32": 1, "int64": 7, "bool": 9}[kind]
            self.tensors.append(self.helper.make_tensor(name, of, array.shape, array.tobytes(), raw=True))
        return self.initializers[key]

    # ------------------------------------------------------------ operands

    def at(self, operand: Operand) -> str:
        if isinstance(operand, float):
            return self.constant(operand)
        name = operand.array.name
        for step in operand.steps():
            name = self.step(name, operand.array, step)
        return name

    def step(self, name: str, array: Tensor, step: Way) -> str:
        kind, what = step
        lead = int(array.batched)
        if kind == "reshape":
            return self.node("Reshape", name, self.constant([*[0] * lead, *what], "int64"))
        if kind == "turn":
            return self.node("Transpose", name, perm=[*range(lead), *(axis + lead for axis in what)])
        if kind == "expand":
            return self.broadcast(name, what, array.batched)
        if kind == "slice":
            return self.slice(name, what, lead)
        shape, places = what
        if len(array.shape) != 1:
            name = self.step(name, array, ("reshape", (array.size,)))
        return self.node("Gather", name, self.constant(np.reshape(places, shape), "int64"), axis=lead)

    def slice(self, name: str, taken: Sequence[Any], lead: int) -> str:
        ranges = [(axis, each) for axis, each in enumerate(taken, lead) if isinstance(each, tuple)]
        if ranges:
            starts, stops = zip(*(each for _, each in ranges))
            axes = [axis for axis, _ in ranges]
            name = self.node("Slice", name, *(self.constant(each, "int64") for each in (starts, stops, axes)))
        for axis, each in reversed([*enumerate(taken, lead)]):
            if isinstance(each, int):
                name = self.node("Gather", name, self.constant(each, "int64"), axis=axis)
        return name

    def broadcast(self, name: str, shape: tuple[int, ...], batched: bool) -> str:
        sizes = self.constant(list(shape), "int64")
        if batched:
            sizes = self.node("Concat", self.batch(), sizes, axis=0) if shape else self.batch()
        return self.node("Expand", name, sizes)

    def batch(self) -> str:
        """The number of examples, as a shape of one axis."""
        if not self.size:
            self.size = self.node("Shape", self.first, start=0, end=1)
        return self.size

    # ------------------------------------------------------------ formulas

    def formula(self, expression: str, names: dict[str, str]) -> str:
        """Returns the name of a row's value, of operands with these names."""
        tree = ast.parse(_Composed(TABLE).read(expression), mode="eval").body
        return self.value(tree, names, {})

    def value(self, node: ast.expr, names: dict[str, str], known: dict[str, str]) -> str:
        """What is there twice in a formula is made once: `known` has what is made already."""
        text = ast.unparse(node)
        if text not in known:
            known[text] = self.made(node, names, known)
        return known[text]

    def made(self, node: ast.expr, names: dict[str, str], known: dict[str, str]) -> str:
        def of(each: ast.expr) -> str:
            return self.value(each, names, known)

        match node:
            case ast.Constant(number):
                return self.constant(float(number))  # type: ignore[arg-type]
            case ast.Name(name):
                return names[name] if name in names else self.constant(getattr(math, name))
            case ast.UnaryOp(ast.USub(), ast.Constant(number)):
                return self.constant(-float(number))  # type: ignore[arg-type]
            case ast.UnaryOp(ast.USub(), operand):
                return self.node("Neg", of(operand))
            case ast.BinOp(left, operator, right):
                return self.node(_BINARY[type(operator)], of(left), of(right))
            case ast.Compare(left, [ast.NotEq()], [right]):
                return self.node("Not", self.node("Equal", of(left), of(right)))
            case ast.Compare(left, [operator], [right]):
                return self.node(_BINARY[type(operator)], of(left), of(right))
            case ast.NamedExpr(ast.Name(name), value):
                names[name] = of(value)
                return names[name]
            case ast.Call(ast.Name(name), arguments):
                return self.call(name, [of(each) for each in arguments])
        raise NotImplementedError(f"ONNX has no word for {ast.unparse(node)}")

    def call(self, name: str, arguments: list[str]) -> str:
        if name in ("sum", "max", "min") and len(arguments) == 1:
            operator = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin"}[name]
            return self.node(operator, arguments[0], self.constant([-1], "int64"), keepdims=1)
        if name not in _OPERATORS:
            raise NotImplementedError(name)
        return self.node(_OPERATORS[name], *arguments)


@dataclass
class _Lines:
    """Writes the lines of a program as nodes."""

    graph: _Graph

    def line(self, line: Assignment) -> None:
        made = said("ONNX", line, getattr(self, line.form))
        self.graph.node("Identity", made, name=line.target.name)

    def join(self, line: Assignment) -> str:
        graph, parts = self.graph, []
        for part in line.operands:
            assert isinstance(part, Part)
            name = graph.at(part)
            parts.append(
                graph.broadcast(name, part.places.shape, True)
                if line.target.batched and not part.array.batched
                else name
            )
        return graph.node("Concat", *parts, axis=int(line.target.batched))

    def map(self, line: Assignment) -> str:
        names = {name: self.graph.at(operand) for name, operand in zip(line.op.names, line.operands)}
        return self.row(line.op, names)

    def row(self, op: Op, names: dict[str, str]) -> str:
        if op.name in _ROWS and TABLE.get(op.name) is op:
            return self.graph.node(_ROWS[op.name], *names.values())
        return self.graph.formula(op.value, names)

    def linear(self, line: Assignment) -> str:
        x, w, *bias = line.operands
        turned = self.graph.node("Transpose", self.graph.at(w), perm=[1, 0])
        return self.plus(self.graph.node("MatMul", self.graph.at(x), turned), bias)

    def product(self, line: Assignment) -> str:
        a, b, *bias = line.operands
        assert isinstance(b, Part)
        rank = b.places.ndim + int(b.array.batched)
        turned = self.graph.node("Transpose", self.graph.at(b), perm=[*range(rank - 2), rank - 1, rank - 2])
        return self.plus(self.graph.node("MatMul", self.graph.at(a), turned), bias)

    def inner(self, line: Assignment) -> str:
        a, b, *bias = line.operands
        products = self.graph.node("Mul", self.graph.at(a), self.graph.at(b))
        return self.plus(self.graph.node("ReduceSum", products, self.graph.constant([-1], "int64"), keepdims=0), bias)

    def plus(self, name: str, bias: Sequence[Operand]) -> str:
        for each in bias:
            name = self.graph.node("Add", name, self.graph.at(each))
        return name

    def reduce(self, line: Assignment) -> str:
        graph, last = self.graph, self.graph.constant([-1], "int64")
        if line.op is ops.total:
            return graph.node("ReduceSum", graph.at(line.operands[0]), last, keepdims=0)
        names = {name.lstrip("*"): graph.at(each) for name, each in zip(line.op.operands, line.operands)}
        return graph.node("Squeeze", graph.formula(line.op.value, names), last)

    def place(self, index: str, count: int) -> tuple[str, str]:
        """Whether an index is a whole number from 0 to count - 1, and one that is, for either case."""
        graph = self.graph
        whole = graph.node("Equal", graph.node("Floor", index), index)
        inside = graph.node("And", graph.node("GreaterOrEqual", index, graph.constant(0.0)),
                            graph.node("Less", index, graph.constant(float(count))))  # fmt: skip
        allowed = graph.node("And", whole, inside)
        place = graph.node("Cast", graph.node("Where", allowed, index, graph.constant(0.0)), to=7)
        return allowed, place

    def pick(self, line: Assignment) -> str:
        graph = self.graph
        index, table = line.operands
        assert isinstance(index, Part) and isinstance(table, Part)
        names = [self.spread(each, line.target.batched) for each in (index, table)]
        allowed, place = self.place(names[0], table.places.shape[-1])
        last = graph.constant([-1], "int64")
        found = graph.node("GatherElements", names[1], graph.node("Unsqueeze", place, last), axis=-1)
        return graph.node("Where", allowed, graph.node("Squeeze", found, last), graph.constant(math.nan))

    def spread(self, part: Part, batched: bool) -> str:
        name = self.graph.at(part)
        return self.graph.broadcast(name, part.places.shape, True) if batched and not part.array.batched else name

    def lookup(self, line: Assignment) -> str:
        graph = self.graph
        index, table = line.operands
        assert isinstance(table, Part)
        allowed, place = self.place(graph.at(index), len(table.places))
        found = graph.node("Gather", graph.at(table), place, axis=0)
        shown = graph.node("Unsqueeze", allowed, graph.constant([-1], "int64"))
        return graph.node("Where", shown, found, graph.constant(math.nan))


def onnx_bytes(source: Source) -> bytes:
    """Returns the model as an `.onnx` file, checked by the checker of the standard's own library.

    Raises ModuleNotFoundError without it, ValueError for an operation that can't be said.
    """
    onnx = library("onnx")
    helper = onnx.helper
    names = Identifiers(["batch"])
    lowered = lower(source.program, names)
    graph = _Graph(helper, names, lowered.inputs[0].name)
    numbers = np.array([each.data for each in source.program.parameters], float)
    for each in lowered.parameters:
        graph.constant(numbers[each.places], name=each.name)
    for each in lowered.constants:
        graph.constant(each.numbers, name=each.name)
    lines = _Lines(graph)
    for line in lowered.lines:
        lines.line(line)
    outputs = []
    for name, part in lowered.flat_outputs():
        found = graph.at(part)
        found = found if part.array.batched else graph.broadcast(found, part.places.shape, True)
        graph.node("Identity", found, name=names.unique(name))
        outputs.append(helper.make_tensor_value_info(graph.nodes[-1].output[0], 1, ["batch", *part.places.shape]))
    read = {name for node in graph.nodes for name in node.input}
    tensors = [each for each in graph.tensors if each.name in read]
    inputs = [helper.make_tensor_value_info(each.name, 1, ["batch", *each.shape]) for each in lowered.inputs]
    made = helper.make_graph(graph.nodes, "micrograd_plus", inputs, outputs, tensors, doc_string=_words(source))
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="micrograd_plus")
    model.doc_string = _words(source)
    helper.set_model_props(model, _properties(source))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _words(source: Source) -> str:
    """What the file says of itself."""
    return "\n".join([
        f"{source.title}, written by micrograd_plus for ONNX, opset {OPSET}, in float32.",
        "To run it: onnxruntime.InferenceSession(FILE).run(None, {name: array}), float32, an example a row.",
        *source.notes(),
        f"For one example it must give these numbers, to some six digits: {source.told_example()}",
    ])  # fmt: skip


def _properties(source: Source) -> dict[str, str]:
    """What a program that reads the file may ask for, as JSON."""
    import json

    found: dict[str, Any] = {"example": source.example, "expected": [*flat(source.expected)]}
    if source.predictor is not None:
        found |= {
            "features": list(source.predictor.feature_names), "classes": list(source.predictor.classes),
            "target": source.predictor.target_name,
        }  # fmt: skip
    return {name: json.dumps(value) for name, value in found.items()}
