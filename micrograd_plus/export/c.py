"""The dialect of C: one file of C99, which needs `math.h` alone, allocates nothing and writes to no global.

Each line of the program becomes loops over one example's numbers; an operand is an expression in their counters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from micrograd_plus.compiler.dialects import Dialect, Formula, hoisted
from micrograd_plus.compiler.trace import Integers
from micrograd_plus.compiler.views import view_of
from micrograd_plus.export.lowering import Assignment, Lowered, Operand, Part, Tensor, lower, said
from micrograd_plus.export.source import Source
from micrograd_plus.export.spelling import Identifiers, c_text, comment, packed, remark
from micrograd_plus.operation import Op

__all__ = ["ON_THE_STACK", "c_source"]

ON_THE_STACK = 16 * 1024
"""So many bytes of work space are on the stack; of more, the caller passes it."""

_MATH = (
    "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "hypot", "erf", "floor", "ceil", "trunc",
)  # fmt: skip

_TAKEN = (
    *_MATH, "INFINITY", "NAN", "PREDICT_MAIN", "abs", "at", "auto", "best", "break", "case", "char", "class_of",
    "classes", "const", "continue", "count", "cube", "default", "do", "double", "else", "enum", "extern", "fabs",
    "float", "for", "found", "given", "goto", "if", "index", "inline", "int", "long", "main", "max", "min", "more",
    "place", "pow", "predict", "printf", "real", "register", "restrict", "return", "rint", "root", "scanf", "short",
    "signed", "sizeof", "square", "static", "stdin", "struct", "sum", "switch", "typedef", "union", "unsigned", "void",
    "volatile", "while", "work", "x", "y", "i", "j", "k", "l", "m", "n",
)  # fmt: skip
"""What C, its mathematics and the file call things of their own."""

_AXES = "ijlmn"

_HELPERS = {
    "max": "static real max(real a, real b) { return a != a || a > b ? a : b; }",
    "min": "static real min(real a, real b) { return a != a || a < b ? a : b; }",
    "square": "static real square(real a) { return a * a; }",
    "cube": "static real cube(real a) { return a * a * a; }",
    "root": "static real root(real a) { return sqrt(a == -INFINITY ? INFINITY : a + 0); }",
    "place": """/* The index as a whole number from 0 to count - 1; -1 for any other, whose entry is NAN. */
static int place(real index, int count) {
    return index >= 0 && index < count && index == (real)(int)index ? (int)index : -1;
}""",
}


def _dialect(single: bool) -> Dialect:
    """C's own functions, those of float for single precision."""
    named = {**{name: name for name in _MATH}, "abs": "fabs", "round": "rint", "pow": "pow"}
    functions = {name: f"{called}f" for name, called in named.items()} if single else named
    dialect = Dialect("c", {**functions, "inf": "INFINITY", "nan": "NAN"}, "real *", "real ", "int")
    return replace(dialect, suffix="f") if single else dialect


Index = Sequence[str]
"""The counters that a place is at, one an axis; "0" along an axis of length 1."""


@dataclass
class _Writer:
    """Writes the body of `predict`, and the tables of places that it uses."""

    dialect: Dialect
    names: Identifiers
    lines: list[str] = field(default_factory=list)
    tables: dict[bytes, str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    depth: int = 1

    def say(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    # ------------------------------------------------------------ places

    def at(self, operand: Operand, index: Index) -> str:
        """Returns the number at these counters; a part with fewer axes lacks the first ones."""
        if isinstance(operand, float):
            return self.dialect.number(operand)
        places = operand.places
        own = list(index)[len(index) - places.ndim :]
        return f"{operand.array.name}[{self.place(places, own)}]"

    def place(self, places: Integers, index: Index) -> str:
        view = view_of(places)
        if view:
            return _sum(view.start, zip(index, view.strides, view.shape))
        steps = [int(np.prod(places.shape[i + 1 :])) for i in range(places.ndim)]
        return f"{self.table(places)}[{_sum(0, zip(index, steps, places.shape))}]"

    def table(self, places: Integers) -> str:
        key = places.tobytes()
        if key not in self.tables:
            name = self.tables[key] = self.names.unique("places")
            kind = "unsigned char" if places.max() < 256 else "unsigned short" if places.max() < 65536 else "unsigned"
            self.definitions += _c_array(f"static const {kind} {name}", list(map(str, places.reshape(-1).tolist())))
        return self.tables[key]

    def loops(self, shape: tuple[int, ...], body: Callable[[list[str]], None]) -> None:
        """Writes loops over all axes that are longer than 1, and the body inside, which gets the counters."""
        index, opened = [], 0
        for axis, length in enumerate(shape):
            counter = _AXES[axis] if axis < len(_AXES) else f"i{axis}"
            index.append(counter if length > 1 else "0")
            if length > 1:
                self.say(f"for (int {counter} = 0; {counter} < {length}; {counter}++) {{")
                self.depth += 1
                opened += 1
        body(index)
        for _ in range(opened):
            self.depth -= 1
            self.say("}")

    def target(self, line: Assignment, index: Index) -> str:
        return self.at(Part(line.target, np.arange(line.target.size).reshape(line.target.shape)), index)

    # ------------------------------------------------------------ lines

    def line(self, line: Assignment) -> None:
        self.say(f"/* {line.target.name}: {remark(line.op.value if line.form in ('map', 'reduce') else line.form)} */")
        said("C", line, getattr(self, line.form))

    def join(self, line: Assignment) -> None:
        start = 0
        for part in line.operands:
            assert isinstance(part, Part)
            target = Part(line.target, np.arange(part.places.size) + start)
            self.loops(part.places.shape, self.copied(target, part))
            start += part.places.size

    def copied(self, target: Part, part: Part) -> Callable[[list[str]], None]:
        return lambda index: self.say(f"{self.at(target, index)} = {self.at(part, index)};")

    def map(self, line: Assignment) -> None:
        def body(index: list[str]) -> None:
            names = {name: self.at(operand, index) for name, operand in zip(line.op.names, line.operands)}
            self.say(f"{self.target(line, index)} = {Formula(self.dialect, names).read(line.op.value)};")

        self.loops(line.target.shape, body)

    def linear(self, line: Assignment) -> None:
        self.contract(line, lambda index: ([*index[:-1], "k"], [index[-1], "k"]))

    def product(self, line: Assignment) -> None:
        self.contract(line, lambda index: ([*index[:-1], "k"], [*index[:-2], index[-1], "k"]))

    def inner(self, line: Assignment) -> None:
        self.contract(line, lambda index: ([*index, "k"], [*index, "k"]))

    def contract(self, line: Assignment, sides: Callable[[list[str]], tuple[list[str], list[str]]]) -> None:
        """A sum of products over k, and the bias."""
        a, b, *bias = line.operands
        assert isinstance(a, Part)
        terms = a.places.shape[-1]

        def body(index: list[str]) -> None:
            start = self.at(bias[0], index) if bias else self.dialect.number(0.0)
            at_a, at_b = sides(index)
            self.say(f"real sum = {start};")
            self.say(f"for (int k = 0; k < {terms}; k++) sum += {self.at(a, at_a)} * {self.at(b, at_b)};")
            self.say(f"{self.target(line, index)} = sum;")

        self.scoped(line.target.shape, body)

    def scoped(self, shape: tuple[int, ...], body: Callable[[list[str]], None]) -> None:
        """As `loops`, in a block of its own where there is no loop: the body defines variables."""
        alone = all(length == 1 for length in shape)
        if alone:
            self.say("{")
            self.depth += 1
        self.loops(shape, body)
        if alone:
            self.depth -= 1
            self.say("}")

    def reduce(self, line: Assignment) -> None:
        before, left = hoisted(line.op.value)
        op, operands = line.op, dict(zip(line.op.operands, line.operands))
        counts = [part.places.shape[-1] for part in line.operands if isinstance(part, Part)]

        def body(index: list[str]) -> None:
            names = self.members(op, operands, index)
            for each in before:
                text = Formula(self.dialect, names).read(each.text)
                if not each.kind:
                    self.say(f"const real {each.name} = {text};")
                    continue
                begin = {"sum": 0.0, "max": -np.inf, "min": np.inf}[each.kind]
                more = f"{each.name} + {text}" if each.kind == "sum" else f"{each.kind}({each.name}, {text})"
                self.say(f"real {each.name} = {self.dialect.number(begin)};")
                self.say(f"for (int k = 0; k < {max(counts)}; k++) {each.name} = {more};")
            self.say(f"{self.target(line, index)} = {Formula(self.dialect, names).read(left)};")

        self.scoped(line.target.shape, body)

    def members(self, op: Op, operands: dict[str, Operand], index: list[str]) -> dict[str, str]:
        """The text of each operand: of a group, of its member k."""
        return {
            name: self.at(operands[operand], [*index, "k" if starred else "0"])
            for name, operand, starred in zip(op.names, op.operands, op.starred)
        }

    def pick(self, line: Assignment) -> None:
        self._choose(line, -1, lambda index: (index, [*index, "at"]))

    def lookup(self, line: Assignment) -> None:
        self._choose(line, 0, lambda index: (index[:1], ["at", index[1]]))

    def _choose(self, line: Assignment, axis: int, places: Callable[[list[str]], tuple[list[str], list[str]]]) -> None:
        """An entry along an axis of a table: `places` has where its index is, and where the entry."""
        index_part, table = line.operands
        assert isinstance(table, Part)

        def body(index: list[str]) -> None:
            of_index, of_entry = places(index)
            self.say(f"const int at = place({self.at(index_part, of_index)}, {table.places.shape[axis]});")
            self.say(f"{self.target(line, index)} = at < 0 ? NAN : {self.at(table, of_entry)};")

        self.scoped(line.target.shape, body)


def _sum(start: int, terms: Iterator[tuple[str, int, int]] | Any) -> str:
    parts = [
        counter if stride == 1 else f"{stride} * {counter}" for counter, stride, size in terms if stride * (size > 1)
    ]
    text = " + ".join([*([str(start)] if start or not parts else []), *parts])
    return text.replace("+ -", "- ")


def _unused(lines: list[str], names: set[str]) -> list[str]:
    """The lines without the definitions of what no later line speaks of."""
    kept: list[str] = []
    read: set[str] = set()
    for line in reversed(lines):
        defined = re.match(r"    (?:const )?real \*const (\w+) =", line)
        if not (defined and defined[1] in names and defined[1] not in read):
            kept.append(line)
            read.update(re.findall(r"\w+(?=\[)", line))
    return kept[::-1]


def _c_array(begin: str, texts: Sequence[str]) -> list[str]:
    return [f"{begin}[{len(texts)}] = {{", *(f"    {line}" for line in packed(texts, ", ")), "};"]


# -------------------------------------------------------------------- the file


def c_source(source: Source, single: bool) -> str:
    """Returns the file of C, in double or `single` precision. Raises ValueError for what C has no word for."""
    names, dialect = Identifiers(_TAKEN), _dialect(single)
    lowered = lower(source.program, names)
    writer = _Writer(dialect, names)
    inputs, work = sum(each.size for each in lowered.inputs), sum(line.target.size for line in lowered.lines)
    outputs = sum(part.places.size for _, part in lowered.flat_outputs())
    small = work * (4 if single else 8) < ON_THE_STACK
    body = [*([f"    real work[{work}];"] if small and work else []), *_body(writer, lowered)]
    text = "\n".join(line for line in body if not line.lstrip().startswith("/*"))
    if not re.search(r"\*const \w+ = x\b", text):
        body.insert(0, "    (void)x;")
    read = {*re.findall(r"\w+", text)}  # a parameter that does nothing would only take room
    weights = [line for each in lowered.parameters if each.name in read for line in _weights(source, each, dialect)]
    constants = [line for each in lowered.constants if each.name in read for line in _constants(each, dialect)]
    used = [helper for name, helper in _HELPERS.items() if re.search(rf"\b{name}\(", text)]
    return "\n".join([
        *_heading(source, single, inputs, outputs, work, small),
        "#include <math.h>", "",
        f"typedef {'float' if single else 'double'} real;", "",
        *weights, *constants, *writer.definitions, "",
        *used, *([""] if used else []),
        f"void predict(const real *x, real *y{'' if small else ', real *work'}) {{", *body, "}",
        *_classes(source),
        *_main(source, inputs, outputs, work, small), "",
    ])  # fmt: skip


def _body(writer: _Writer, lowered: Lowered) -> list[str]:
    """The statements of `predict`: where everything lies, every line, and the outputs."""
    start = 0
    for each in lowered.inputs:
        writer.say(f"const real *const {each.name} = x{f' + {start}' if start else ''};")
        start += each.size
    start = 0
    for line in lowered.lines:
        writer.say(f"real *const {line.target.name} = work{f' + {start}' if start else ''};")
        start += line.target.size
    for line in lowered.lines:
        writer.line(line)
    start = 0
    for _, part in lowered.flat_outputs():
        places = np.arange(part.places.size).reshape(part.places.shape) + start
        writer.loops(part.places.shape, writer.copied(Part(Tensor("y", (0,), False), places), part))
        start += part.places.size
    return _unused(writer.lines, {each.name for each in lowered.inputs})


def _weights(source: Source, each: Tensor, dialect: Dialect) -> list[str]:
    assert each.places is not None
    numbers = [source.program.parameters[i].data for i in each.places.reshape(-1).tolist()]
    first, last = map(remark, each.labels)
    told = first if first == last else f"{first} to {last}"
    return [f"/* {told} */", *_c_array(f"static const real {each.name}", [_number(x, dialect) for x in numbers])]


def _constants(each: Tensor, dialect: Dialect) -> list[str]:
    assert each.numbers is not None
    texts = [_number(x, dialect) for x in each.numbers.reshape(-1).tolist()]
    return _c_array(f"static const real {each.name}", texts)


def _number(number: float, dialect: Dialect) -> str:
    """The number; of single precision, the nearest one of its own, which is infinite beyond its range."""
    if dialect.suffix:
        with np.errstate(over="ignore"):
            return dialect.number(float(str(np.float32(number))))
    return dialect.number(number)


def _heading(source: Source, single: bool, inputs: int, outputs: int, work: int, small: bool) -> list[str]:
    kind = "float" if single else "double"
    order = ", ".join(f"{each.name} {each.shape or ''}".strip() for each in source.program.inputs)
    space = "The work space, on the stack," if small else "The third argument is work space, which"
    words = [
        f"{source.title}, written by micrograd_plus as C99, in {kind}.",
        f"predict takes x, {inputs} numbers ({order}, one after the other), and writes y, {outputs} numbers.",
        f"{space} has {work} numbers. Nothing is allocated, and no global is written.",
        "To try it: cc -std=c99 -O2 -DPREDICT_MAIN THIS_FILE -lm -o predict, then write numbers to ./predict.",
        *source.notes(),
        f"For one example it must give these numbers: {source.told_example()}",
    ]
    return [*comment("//", "\n".join(words)), ""]


def _classes(source: Source) -> list[str]:
    if source.predictor is None or not source.predictor.classes:
        return []
    names = [c_text(name) for name in source.predictor.classes]
    several = isinstance(source.expected, list)
    rule = [f"    return y[0] > {source.predictor.threshold!r};"]
    if several:
        rule = ["    int best = 0;", f"    for (int i = 1; i < {len(names)}; i++) if (y[i] > y[best]) best = i;",
                "    return best;"]  # fmt: skip
    return [
        "",
        *_c_array("const char *const classes", names),
        "",
        "/* The number of the class that predict's y stands for: its name is classes[class_of(y)]. */",
        "int class_of(const real *y) {",
        *rule,
        "}",
    ]


def _main(source: Source, inputs: int, outputs: int, work: int, small: bool) -> list[str]:
    named = source.predictor is not None and bool(source.predictor.classes)
    space = [] if small else [f"    static real work[{work}];"]
    return [
        "",
        "#ifdef PREDICT_MAIN",
        "#include <stdio.h>",
        "",
        f"/* Reads {inputs} numbers at a time from its input, as long as there are some, and prints what they give. */",
        "int main(void) {",
        f"    real x[{inputs}], y[{outputs}];",
        *space,
        "    double given;",
        "    int count = 0;",
        '    while (scanf("%lf", &given) == 1) {',
        "        x[count++] = (real)given;",
        f"        if (count < {inputs}) continue;",
        "        count = 0;",
        f"        predict(x, y{'' if small else ', work'});",
        f'        for (int i = 0; i < {outputs}; i++) printf("%s%.17g", i ? " " : "", (double)y[i]);',
        f'        printf("{" %s" if named else ""}\\n"{", classes[class_of(y)]" if named else ""});',
        "    }",
        f'    if (!feof(stdin) || count) fprintf(stderr, "give {inputs} numbers for each example\\n");',
        "    return !feof(stdin) || count;",
        "}",
        "#endif",
    ]
