"""`micrograd-plus graph`: any expression of the table, nothing but arithmetic, one clear line for every mistake."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, apply, dot, ops
from micrograd_plus.cli import main
from micrograd_plus.cli.expression import evaluate, functions
from micrograd_plus.operation import Family

VALUES = {"x": 0.5, "y": -0.25, "w1": 0.75}


def leaves() -> dict[str, Value]:
    return {name: Value(data, name) for name, data in VALUES.items()}


# -------------------------------------------------------------------- the command


def test_the_command_of_the_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "neuron.svg"
    assert main(["graph", "tanh(w*x + b)", "w=0.5", "x=2", "b=-1", "-o", str(file)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert rows == [["w", "0.5", "+2"], ["x", "2", "+0.5"], ["b", "-1", "+1"]]
    assert "tanh(w*x + b) = 0" in out and f"wrote {file}" in out
    assert file.read_text(encoding="utf-8").startswith("<svg")


def test_without_a_file_it_prints_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "x*y", "x=3", "y=4"]) == 0
    assert "v1 = x * y = 12, grad +1\n├─ x = 3, grad +4\n└─ y = 4, grad +3" in capsys.readouterr().out


def test_letters_with_two_forms_and_an_expression_that_begins_with_a_minus(capsys: pytest.CaptureFixture[str]) -> None:
    micro = "\N{MICRO SIGN}"
    assert main(["graph", "--parameters", micro, "--", f"-{micro} * x", f"{micro}=2", "x=3"]) == 0
    assert " = -6" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["svg", "png", "dot", "txt"])
def test_the_suffix_chooses_the_form(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"g.{suffix}"
    options = ["--parameters", "w", "--derivatives", "--direction", "TB", "--theme", "dark", "--title", "T"]
    assert main(["graph", "w*x", "w=1", "x=2", "-o", str(file), *options]) == 0
    start = {"svg": b"<svg", "png": b"\x89PNG", "dot": b"digraph", "txt": b"v1 = w"}[suffix]
    assert file.read_bytes().startswith(start)
    if suffix == "dot":
        text = file.read_text()
        assert all(word in text for word in ("rankdir=TB", "parameter", "<B>T</B>", "+2"))


def test_a_name_used_twice_and_a_gradient_of_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "a + a + 0*b", "a=3", "b=4"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.count("│") == 4]
    assert [row.split("│")[3].strip() for row in rows] == ["+2", "0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tanhh(x)", "x=1"], "there is no operation tanhh (did you mean tanh?)"),
        (["weight*x", "wieght=1", "x=2"], "weight has no value (did you mean wieght?); add weight=NUMBER"),
        (["x"], "x has no value; add x=NUMBER"),
        (["x", "x=1", "y=2"], "y has a value but does not occur in 'x'"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x", "x=abc"], "x must be a number, as in x=0.5, but it is 'abc'"),
        (["x", "x="], "x must be a number"),
        (["x", "x=nan"], "x must be a finite number, but it is nan"),
        (["x", "x=1e999"], "x must be a finite number, but it is 1e999"),
        (["x", "x"], "'x' is not name=value"),
        (["x", "1=2"], "'1=2' is not name=value"),
        (["x", "x=1", "--parameters", "w"], "--parameters names w, which has no value"),
        (["log(x)", "x=-1"], "log(x) is not defined for x = -1"),
        (["1/x", "x=0"], "is not defined for"),
        (["exp(x)", "x=1000"], "exp(x) is"),
        (["x**0.5", "x=-4"], "is not defined for x = -4"),
        (["x^2", "x=1"], "a power is written `**`"),
        (["x.tanh()", "x=1"], "can't be called; operations are called by name"),
        (["", "x=1"], "it is empty"),
        (["x +", "x=1"], "can't be read"),
        (["sum([])", "x=1"], "at least 1 value, but got 0"),
        (["x", "x=1", "-o", "x.gif"], "a graph is saved as .svg"),
        (["x", "x=1", "-o", "/no/such/folder/x.svg"], "no folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("micrograd-plus graph: ") and err.count("\n") == 1 and "Traceback" not in out + err


def test_usage_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["dance"]) == main(["graph"]) == main(["graph", "x", "--theme", "blue"]) == 2
    assert main(["--help"]) == main(["graph", "--help"]) == main(["--version"]) == 0
    assert "tanh(w*x + b)" in capsys.readouterr().out


def test_a_reader_that_closes_the_pipe_meets_no_traceback() -> None:
    command = f"{sys.executable} -c 'import sys; from micrograd_plus.cli import main; sys.exit(main())' graph x x=1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1) and done.stderr == ""


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from micrograd_plus.cli import main; sys.exit(main())", "graph"]
    arguments = [b"x", b"x=1", b"--title", b"\xff\x01<", b"-o", os.fsencode(tmp_path / "x.svg")]
    done = subprocess.run([*map(os.fsencode, command), *arguments], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# -------------------------------------------------------------------- the language


@pytest.mark.parametrize("name", ops.TABLE)
def test_every_row_of_the_table_can_be_called(name: str) -> None:
    op, given = ops.TABLE[name], leaves()
    if name == "acosh":
        given["x"] = Value(1.5)  # it is defined from 1 on
    texts = {"*": "[x, w1]", "i": "1"}
    operands = [texts.get(operand[0] if operand.startswith("*") else operand, "x") for operand in op.operands]
    parts = {"[x, w1]": [given["x"], given["w1"]], "1": 1.0, "x": given["x"]}
    assert float(evaluate(f"{name}({', '.join(operands)})", given)) == float(
        apply(op, *(parts[text] for text in operands))
    )


@pytest.mark.parametrize("name", ops.FAMILIES)
def test_every_family_can_be_called(name: str) -> None:
    given = leaves()
    assert float(evaluate(f"{name}(y)", given)) == float(apply(ops.FAMILIES[name](), given["y"]))


def test_a_new_row_works_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cube = ops.Op("cube", "cube", "x", "x * x * x", {"x": "3 * x * x"})
    monkeypatch.setitem(ops.TABLE, "cube", cube)
    out = evaluate("cube(x) + 1", given := leaves())
    out.backward()
    assert (out.data, given["x"].grad) == (1.125, 0.75)


def test_a_new_family_works_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def blend(share: float = 0.5) -> ops.Op:
        return ops.Op("blend", f"blend({share:g})", "x y", f"{share} * x + y", {"x": f"{share}", "y": "1"})

    monkeypatch.setitem(ops.FAMILIES, "blend", Family(blend, ""))
    out = evaluate("blend(x, y, 3) + blend(x, y) + blend(x, y, share=2)", given := leaves())
    out.backward()
    assert (out.data, given["x"].grad, given["y"].grad) == (5.5 * 0.5 - 3 * 0.25, 5.5, 3.0)
    with pytest.raises(ValueError, match=r"blend is written blend\(x, y, share=0.5\), but here it is `blend\(x\)`"):
        evaluate("blend(x)", given)
    assert main(["graph", "--help"]) == 0
    assert "blend(x, y, share=0.5)" in " ".join(capsys.readouterr().out.split())


def test_help_lists_every_operation_with_its_constants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}(" in told for name in (*ops.TABLE, *ops.FAMILIES, "softmax"))
    assert "clamp(x, min=-inf, max=inf)" in told and "gelu(x, approximate='none')" in told
    assert "leaky_relu(x, negative_slope=0.01)" in told and "select(i, [...])" in told


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("clamp(x, max=0.25) + clamp(x, 2) + clamp(x, -1, max=1)", 2.75),
        ("gelu(x, 'tanh') - gelu_tanh(x) + gelu(x, approximate='none') - gelu(x)", 0.0),
        ("x + y*w1 - 2/x", 0.5 - 0.25 * 0.75 - 4),
        ("-x**2", -0.25),
        ("2**-x", 2**-0.5),
        ("2**3**x", 2 ** (3**0.5)),
        ("+x - -y", 0.25),
        ("x**-2", 4.0),
        ("max(x, y) + min(x, y)", 0.25),
        ("sum(x, y, 1) + sum([x, y])", 1.5),
        ("dot([x, y], [2, w1])", 1 - 0.1875),
        ("affine([x, y], [2, 4], 1)", 1.0),
        ("softmax(x, x)[0]", 0.5),
        ("softmax([x, y, w1])[2] / softmax([x, y, w1])[0]", math.exp(0.25)),
        ("select(1, [x, y])", -0.25),
        ("leaky_relu(y, 0.1) + elu(y, 2)", -0.025 + 2 * math.expm1(-0.25)),
        ("clamp(x, -0.1, 0.1)", 0.1),
        ("power(x, 3)", 0.125),
        ("1_000 * 0x10 * 1e-3", 16.0),
        ("  x\n", 0.5),
    ],
)
def test_values(text: str, value: float) -> None:
    assert math.isclose(evaluate(text, leaves()).data, value, rel_tol=1e-12)


def test_gradients_are_those_of_the_same_code() -> None:
    a, b = leaves(), leaves()
    evaluate("tanh(dot([x, y], [w1, 2]) + x**2) * exp(-y)", a).backward()
    x, y, w1 = b.values()
    ((dot([x, y], [w1, 2]) + x**2).tanh() * (-y).exp()).backward()
    assert [value.grad for value in a.values()] == [value.grad for value in b.values()]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "open('x')", "x.data", "().__class__", "[x for x in y]", "lambda: x",
        "(x := 1)", "f'{x}'", "'x'", "True", "None", "...", "1j", "b'x'", "x if y else w1", "x < y", "x and y",
        "not x", "~x", "x % y", "x // y", "x @ y", "x & y", "{x}", "{x: y}", "*x", "x[0]", "x[y]", "[x, y]",
        "[x, y][5]", "[x, y][-1]", "[x, y][0.5]", "tanh", "tanh()", "tanh(x, y)", "tanh([x])", "tanh(x=x)",
        "tanh(*[x])", "dot(x, y)", "dot([x], [[y]])", "select(x, [y])", "select(-1, [x])", "select(5, [x])",
        "clamp(x, y, 1)", "clamp(x, 2, 1)", "power(x, k=2)", "power(x, **{})", "elu(x, 1, 2)", "elu(x, 1, alpha=2)",
        "gelu(x, 'relu')", "gelu(x, 1)", "clamp(x, 'a')", "clamp(x, None)", "sum([x], [y])", "exec('1')",
        "eval('1')", "input", "getattr(x, 'data')", "await x", "yield x", "x; y", "import os", "x = y", "#", "1e999",
        "9**9**9**9", "0**-1", "(-x)**0.5", "1" * 400, "print(x)", "apply(x)", "input(x)", "parameter(x)",
        "constant(x)",
    ],
)  # fmt: skip
def test_nothing_but_arithmetic_is_understood(text: str) -> None:
    with pytest.raises((ArithmeticError, LookupError, TypeError, ValueError)) as caught:
        evaluate(text, leaves())
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "-" * 3999 + "x", "(" * 1999 + "x" + ")" * 1999, "x+" * 1999 + "x", "[" * 3999, "x**" * 1333 + "x", "x[" * 1999,
        "lambda:" * 500 + "x", "not " * 900 + "x", "abs(" * 800, "x" * 4001, "9**" * 900 + "9", "{" * 3999,
        "f'{" * 1000, "\0", "\ud800",
    ],
)  # fmt: skip
def test_hostile_texts_neither_hang_nor_crash(text: str) -> None:
    with pytest.raises((ArithmeticError, LookupError, ValueError)):
        evaluate(text, leaves())


def test_long_but_honest_expressions_work() -> None:
    assert evaluate("+".join(["x"] * 150), leaves()).data == 75.0
    assert evaluate(f"sum([{', '.join(['x'] * 1000)}])", leaves()).data == 500.0
    assert evaluate("(" * 90 + "x" + ")" * 90, leaves()).data == 0.5


WORDS = [
    "x",
    "y",
    "w1",
    "1",
    "0.5",
    "+",
    "-",
    "*",
    "/",
    "**",
    "(",
    ")",
    "[",
    "]",
    ",",
    *functions(),
    "softmax",
    " ",
    ".",
    "=",
    ":",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join) | st.text(max_size=20))
def test_any_text_gives_a_value_or_a_clear_error(text: str) -> None:
    try:
        found = evaluate(text, leaves())
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        assert str(error)
    else:
        assert isinstance(found, Value)


def test_random_expressions_agree_with_python() -> None:
    rng = random.Random(0)

    def expression(depth: int) -> str:
        if depth == 0:
            return rng.choice(["x", "y", "w1", "1.5", "2"])
        kind = rng.choice("+-*fn")
        if kind == "f":
            return f"{rng.choice(['tanh', 'sin', 'cos'])}({expression(depth - 1)})"
        if kind == "n":
            return f"-({expression(depth - 1)})"
        return f"({expression(depth - 1)} {kind} {expression(depth - 1)})"

    for _ in range(100):
        text = expression(4)
        expected = eval(text, {"tanh": math.tanh, "sin": math.sin, "cos": math.cos, **VALUES})
        assert math.isclose(evaluate(text, leaves()).data, expected, rel_tol=1e-12, abs_tol=1e-300)
