"""What pages compute with, run in node: rows, rules and numbers are those of Python."""

from __future__ import annotations

import itertools
import json
import math
import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, apply, ops
from micrograd_plus.nn.optim import OPTIMIZERS, Optimizer
from micrograd_plus.operation import Op
from micrograd_plus.reading import substitute
from micrograd_plus.viz.player.readings import numbers_script, row_key, rows_script, rules_script
from micrograd_plus.words import number, tidy
from tests.strategies import OPERATIONS, names, points

EDGES = [
    -1e300,
    -1000.0,
    -745.2,
    -2.5,
    -1.0,
    -0.5,
    -1e-200,
    0.0,
    1e-200,
    0.5,
    1.0,
    2.0,
    3.5,
    709.7,
    710.0,
    1e160,
    1e300,
]
COUNT = 3  # members of a group


def in_node(source: str, given: Any, folder: Path) -> Any:
    """What a script makes of what is given to it as `given`, and leaves as `found`."""
    node = shutil.which("node") or pytest.fail("node is not on PATH; install it, as .ci/run does")
    (folder / "given.json").write_text(json.dumps(given))
    head = 'import {readFileSync} from "fs";\nconst given = JSON.parse(readFileSync("given.json"));\n'
    end = (
        '\nconsole.log(JSON.stringify(found, (_, x) => typeof x === "number" && !Number.isFinite(x) ? String(x) : x));'
    )
    (folder / "script.mjs").write_text(head + source + end)
    done = subprocess.run([node, "script.mjs"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return json.loads(done.stdout)


def floats(numbers: list[Any]) -> list[float]:
    return [float(each.replace("Infinity", "inf")) if isinstance(each, str) else each for each in numbers]


def flat(operands: Any) -> list[float]:
    return [x for each in operands for x in (each if isinstance(each, list) else [each])]


# -------------------------------------------------------------------- numbers


def test_numbers_are_written_as_in_python(tmp_path: Path) -> None:
    rng = random.Random(0)
    some = [rng.gauss(0, 1) * 10 ** rng.randint(-12, 12) for _ in range(4000)]
    some += [struct.unpack("d", rng.randbytes(8))[0] for _ in range(1000)]
    some += [rng.randint(-99999, 99999) / 2 ** rng.randint(0, 12) for _ in range(4000)]  # many lie half way
    some += [rng.randint(-9999999, 9999999) + 0.5 for _ in range(500)]
    some += [0.0, -0.0, 1e4, 9999.5, 9999.4999, 99995.0, 1e7, 1e7 - 0.5, 1e-4, 9.9995e-5, 5e-324, 1.7e308]
    some = [x for x in some if math.isfinite(x)]
    script = "const found = given.map(x => [number(x), number(x, 6), general(x, 6)]);"
    for x, found in zip(some, in_node(numbers_script() + script, some, tmp_path)):
        assert found == [number(x), number(x, 6), f"{x or 0:.6g}"], x
    script = "const found = [number(Infinity), number(-Infinity), number(NaN)];"
    assert in_node(numbers_script() + script, [], tmp_path) == ["inf", "-inf", "nan"]


# -------------------------------------------------------------------- rows


def arguments(op: Op) -> list[list[Any]]:
    """The row's own smooth points, and numbers from all over."""
    if op.is_nary:
        rng = random.Random(1)
        wild = [
            [[rng.choice(EDGES) for _ in range(COUNT)] if starred else rng.choice(EDGES) for starred in op.starred]
            for _ in range(60)
        ]
        return points(op, 6) + (wild if op.name != "select" else [])
    every = [list(each) for each in itertools.product(EDGES, repeat=len(op.operands))]
    return [*points(op, 6), *every]


def eagerly(op: Op, operands: list[Any]) -> tuple[list[float], str]:
    """The node's value and derivatives, or the engine's words."""
    labels = iter("abcdefgh")
    made = [
        [Value(x, next(labels)) for x in each] if isinstance(each, list) else Value(each, next(labels))
        for each in operands
    ]
    try:
        node = apply(op, *made)
    except (ArithmeticError, ValueError) as error:
        return [], str(error)
    return [node.data, *node.partials], ""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script = f"""{numbers_script()}{rows_script(OPERATIONS)}
const tried = (key, operands) => {{
  try {{ const {{out, partials}} = ROWS[key].at(...operands); return {{numbers: [out, ...partials]}}; }}
  catch (error) {{
    const words = Object.fromEntries(operands.flat().map((x, i) => ["abcdefgh"[i], x]));
    const given = [...new Set(Object.entries(words).map(([name, x]) => `${{name}} = ${{general(x, 6)}}`))].join(", ");
    return {{words: fill(ROWS[key].refusals[error.why], {{what: "WHAT", given}})}};
  }}
}};
const found = Object.fromEntries(Object.entries(given).map(([key, all]) => [key, all.map(each => tried(key, each))]));
"""
    given = {row_key(op): arguments(op) for op in OPERATIONS}
    found: dict[str, Any] = in_node(script, given, tmp_path_factory.mktemp("rows"))
    return found


@pytest.mark.parametrize("op", OPERATIONS, ids=names)
def test_a_row_of_a_page_is_the_engines_and_refuses_what_it_refuses(op: Op, rows: dict[str, Any]) -> None:
    for operands, found in zip(arguments(op), rows[row_key(op)], strict=True):
        numbers, words = eagerly(op, operands)
        if words:
            assert "words" in found, f"{op} of {operands} is {found}, but: {words}"
            told = found["words"].partition("WHAT")
            assert words.startswith(told[0]) and words.endswith(told[2]), (words, found["words"])
            continue
        assert "numbers" in found, f"{op} of {operands} is {numbers}, but: {found}"
        for made, wanted in zip(floats(found["numbers"]), numbers, strict=True):
            same = made == wanted or (math.isnan(made) and math.isnan(wanted))
            scale = max(map(abs, flat(operands))) if op.is_nary else 0.0  # of a sum of numbers that cancel out
            loose = math.isclose(made, wanted, rel_tol=1e-12, abs_tol=1e-300 + 1e-15 * scale)
            assert same or loose, f"{op} of {operands}: {found}, eagerly {numbers}"


def test_two_rows_of_one_name_are_refused() -> None:
    mine = Op("tanh", "tanh", "x", "x", {"x": "1"})
    with pytest.raises(ValueError, match="two rows are called 'tanh'"):
        rows_script([ops.tanh, mine])


# -------------------------------------------------------------------- rules


def drawn(optimizer: type[Optimizer], rng: random.Random) -> dict[str, Any]:
    """Options at random, each as often as not what it is without being given."""
    options = {}
    for name, usual in optimizer([Value(0.0)]).options.items():
        given = rng.random() < 0.5
        options[name] = given if isinstance(usual, bool) else rng.uniform(0.01, 0.95) if given else usual
    if options.get("nesterov"):
        options |= {"momentum": 0.9, "dampening": 0.0}
    return options


def stepped(optimizer: type[Optimizer], options: dict[str, Any], grads: list[float]) -> list[Any]:
    """The weight, the states and the ledger's lines after each step from 0.75."""
    betas: dict[str, Any] = {"betas": (options["beta1"], options["beta2"])} if "beta1" in options else {}
    rest = {name: each for name, each in options.items() if not name.startswith("beta")}
    w = Value(0.75, "w")
    made, found = optimizer([w], 0.125, **betas, **rest), []
    for g in grads:
        w.grad = g
        texts = []
        for line, known, result in made.group_of[0].rule.line_by_line(**made.given(0)):
            worked = tidy(substitute(line.expression, {name: number(x) for name, x in known.items()}, known))
            texts.append(f"{line} = {worked} = {number(result)}")
        made.step()
        found.append([w.data, {name: numbers[0] for name, numbers in made.state.items()}, texts])
    return found


def test_rules_step_as_the_optimizers_and_tell_the_same_lines(tmp_path: Path) -> None:
    rng = random.Random(7)
    cases: list[Any] = [
        [name, drawn(OPTIMIZERS[name], rng), [rng.choice([0.0, rng.gauss(0, 1)]) for _ in range(5)]]
        for name in OPTIMIZERS
        for _ in range(12)
    ]
    script = f"""{numbers_script()}{rules_script()}
const found = given.map(([name, options, grads]) => {{
  let w = 0.75, states = {{}};
  return grads.map((g, i) => {{
    const after = RULES[name].step({{w, g, t: i + 1, lr: 0.125, ...options, ...states}});
    ({{w, states}} = after);
    return [w, states, after.lines.map(line => line.text)];
  }});
}});
"""
    for (name, options, grads), found in zip(cases, in_node(script, cases, tmp_path), strict=True):
        for (w, states, texts), (made, kept, lines) in zip(
            stepped(OPTIMIZERS[name], options, grads), found, strict=True
        ):
            assert made == pytest.approx(w, rel=1e-12, abs=1e-300), (name, options)
            assert {each: kept[each] for each in states} == pytest.approx(states, rel=1e-12, abs=1e-300)
            assert lines == texts
    tell = "([key, {name, lr, options, states}]) => [key, name, lr, options, states]"
    script = f"{numbers_script()}{rules_script()}const found = Object.entries(RULES).map({tell});"
    for key, name, lr, options, states in in_node(script, [], tmp_path):
        usual = OPTIMIZERS[key]([Value(0.0)])
        assert (name, lr, options) == (type(usual).__name__, usual.lr, usual.options)
        assert {*usual.state} <= {*states}
