"""The house: what is public, which way imports point, and what `import micrograd_plus` costs."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from importlib.metadata import requires, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import micrograd_plus

ROOT = Path(micrograd_plus.__file__).parent
MODULES = {
    ".".join(("micrograd_plus", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__main__.py"
}

FLOORS = (
    {"foreign", "report"},
    {"errors", "operators", "reading"},
    {"mode", "schema"},
    {"operation"},
    {"ops"},
    {"value"},
    {"engine", "functions", "lecture", "methods", "pickling", "tracing"},
    {"calculus", "checks", "files", "words"},
    {"compiler", "data", "nn"},
    {"train"},
    {"explain"},
    {"viz"},
    {"export"},
    {""},  # the package itself: what `from micrograd_plus import ...` reaches
    {"cli"},
)
"""The parts of the house, from the ground up: each imports what is below it, whether on import or on first use."""

FRONT_DOORS = {
    ("doors", "explain"),
    ("doors", "viz.graph"),
    ("doors", "viz.player"),
    ("train.history", "viz.plots"),
}
"""The only arrows that point up: one-line methods that load a viewer on first use."""

HEAVY = ("numpy", "graphviz", "matplotlib", "rich", "torch", "jax", "onnx", "safetensors", "IPython")


def part(module: str) -> str:
    """The part of the house that a module belongs to, "" for the package itself."""
    return [*module.split("."), ""][1]


def for_type_checkers(tree: ast.Module) -> set[ast.AST]:
    """What only type checkers read."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def imported(module: str) -> set[str]:
    """The modules of the package that this one imports, on import or on first use."""
    tree = ast.parse(MODULES[module].read_text())
    skipped = for_type_checkers(tree)
    found = set()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import) and statement not in skipped:
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement not in skipped:
            assert statement.level == 0, f"{module} imports relatively: {ast.unparse(statement)}"
            names = {f"{statement.module}.{alias.name}" for alias in statement.names}
            found |= {name if name in MODULES else statement.module or "" for name in names}
    return found & {*MODULES} - {module}


def floor(module: str) -> int:
    """The number of the floor that a module is on."""
    found = [i for i, parts in enumerate(FLOORS) if part(module) in parts]
    assert len(found) == 1, f"{module} is on floor {found}; give it one in FLOORS"
    return found[0]


def is_front_door(module: str, other: str) -> bool:
    return (module.removeprefix("micrograd_plus."), other.removeprefix("micrograd_plus.")) in FRONT_DOORS


each_module = pytest.mark.parametrize("name", MODULES)


@each_module
def test_imports_point_one_way(name: str) -> None:
    if part(name) in ("", "doors"):
        return
    for other in imported(name):
        if part(other) != part(name) and not is_front_door(name, other):
            assert floor(other) < floor(name), f"{name} imports {other}, which is not below it"


def test_the_front_doors_are_those_that_are_listed() -> None:
    up = {(name, other) for name in MODULES for other in imported(name) if is_front_door(name, other)}
    assert {tuple(each.removeprefix("micrograd_plus.") for each in pair) for pair in up} == FRONT_DOORS
    below = {part(other) for other in imported("micrograd_plus.doors")} - {"explain", "viz"}
    assert below == {"operators"}


def test_the_package_loads_the_engine_alone() -> None:
    engine = {part(name) for name in imported("micrograd_plus")}
    assert engine == {
        "calculus",
        "doors",
        "errors",
        "foreign",
        "functions",
        "lecture",
        "methods",
        "mode",
        "operation",
        "pickling",
        "value",
    }


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: {other for other in imported(name) if not is_front_door(name, other)} for name in MODULES}
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {name for name in graph if name not in done and graph[name] - {name} <= done}
        assert ready, f"a cycle among {sorted(set(graph) - done)}"
        done |= ready


def in_order(name: str) -> tuple[Any, ...]:
    """How names are sorted: CONSTANTS, Classes, functions, and log2 before log10."""
    parts = [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
    return not name.isupper(), not name[0].isupper(), parts


@each_module
def test_all_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(name)
    public = module.__all__
    assert list(public) == sorted(public, key=in_order)
    assert len(set(public)) == len(public)
    for each in public:
        assert getattr(module, each) is not None


def is_name(node: ast.AST, target: ast.AST) -> bool:
    return isinstance(node, ast.Name) and not isinstance(target, ast.Attribute)


def defined(module: str) -> set[str]:
    """The public names that a module defines at its top level, those of type checkers' overloads once."""
    found = set()
    for node in ast.parse(MODULES[module].read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for target in targets for each in ast.walk(target) if is_name(each, target)}
    return {name for name in found if not name.startswith("_")}


def test_one_word_is_one_thing() -> None:
    """Names are unique across the package; a row may be called as the function over Values is that applies it."""
    homes: dict[str, list[str]] = {}
    for module in MODULES:
        if part(module) not in ("ops", "cli"):
            for name in defined(module):
                homes.setdefault(name, []).append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


@pytest.mark.parametrize(("file", "lines"), [("ops.py", 200), ("value.py", 300)])
def test_the_printout_stays_within_its_lines(file: str, lines: int) -> None:
    assert len((ROOT / file).read_text().splitlines()) <= lines


@each_module
def test_every_file_opens_with_a_plain_sentence(name: str) -> None:
    docstring = ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""
    first = docstring.split("\n")[0]
    assert first.endswith((".", ":", "?")), f"{name} opens with {first!r}"


def test_the_front_door_gives_what_it_names_and_nothing_else() -> None:
    for name in micrograd_plus.__all__:
        assert getattr(micrograd_plus, name) is not None
    assert set(micrograd_plus.__all__) <= set(dir(micrograd_plus))
    with pytest.raises(AttributeError, match=r"module 'micrograd_plus' has no attribute 'tensor'; here: Value\(2\.0\)"):
        _ = micrograd_plus.tensor


def test_the_version_is_that_of_the_distribution() -> None:
    assert micrograd_plus.__version__ == version("micrograd_plus")


def test_the_package_is_typed_and_small() -> None:
    assert (files("micrograd_plus") / "py.typed").is_file()
    needed = {
        line.split(";")[0].split(">")[0].split("<")[0].strip()
        for line in requires("micrograd_plus") or []
        if "extra ==" not in line
    }
    assert needed == {"numpy", "graphviz", "graphviz-pure", "rich"}


# ---------------------------------------------------------------- a fresh interpreter


def fresh(code: str, cache: Path) -> str:
    """What a new interpreter prints. Compiled files are kept in `cache`, as they are where the package is installed."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(cache),
        "PYTHONPATH": str(ROOT.parent),
    }
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_import_loads_nothing_heavy(tmp_path: Path) -> None:
    code = f"import sys, micrograd_plus; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    assert fresh(code, tmp_path).split() == []


@pytest.mark.parametrize("each", ["data", "nn", "train", "explain"])
def test_parts_that_work_on_numbers_need_no_numpy(each: str, tmp_path: Path) -> None:
    code = f"import sys, micrograd_plus.{each}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    assert fresh(code, tmp_path).split() == []


def test_a_training_step_needs_no_numpy(tmp_path: Path) -> None:
    code = """
import sys
from micrograd_plus import nn
model = nn.MLP(2, [4, 1], dropout=0.5)
optimizer = nn.Adam(model.parameters())
nn.mse_loss(model([1.0, 2.0]), 1.0).backward()
optimizer.step()
print("numpy" in sys.modules)
"""
    assert fresh(code, tmp_path) == "False\n"


def test_the_import_is_quicker_than_that_of_asyncio(tmp_path: Path) -> None:
    """By processor time, the best of some: a yardstick of the same machine; the benchmarks tell the milliseconds."""

    def seconds(module: str) -> float:
        code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
        return min(float(fresh(code, tmp_path)) for _ in range(7))

    fresh("import micrograd_plus", tmp_path)
    assert seconds("micrograd_plus") < seconds("asyncio")
