"""The house: what is public, which way imports point, and what `import micrograd_plus` costs."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from importlib.metadata import requires, version
from importlib.resources import files
from pathlib import Path

import pytest

import micrograd_plus

ROOT = Path(micrograd_plus.__file__).parent
MODULES = {
    ".".join(("micrograd_plus", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__main__.py"
}

ARROWS: dict[str, set[str]] = {
    "ops": set(),
    "_checks": set(),
    "value": {"ops"},
    "calculus": {"ops", "value"},
    "data": {"_checks"},
    "nn": {"_checks", "ops", "value", "calculus"},
    "train": {"_checks", "ops", "value", "calculus", "nn", "data"},
    "compiler": {"_checks", "ops", "value", "calculus", "nn", "data", "train"},
    "explain": {"_checks", "ops", "value", "calculus", "nn", "data", "train"},
    "viz": {"_checks", "ops", "value", "calculus", "nn", "data", "train", "explain"},
    "cli": {"_checks", "ops", "value", "calculus", "nn", "data", "train", "compiler", "explain", "viz"},
}
"""What each part may import when it is imported itself: only what comes before it."""

HEAVY = ("numpy", "graphviz", "matplotlib", "rich", "torch", "IPython")


def part(module: str) -> str:
    """The part of the house that a module belongs to, "" for the front door."""
    return [*module.split("."), ""][1]


def statements(tree: ast.Module) -> list[ast.stmt]:
    """The statements that run on import: neither those in functions nor those for type checkers."""
    found: list[ast.stmt] = []
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        statement = todo.pop()
        found.append(statement)
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            todo += statement.orelse
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for block in ("body", "orelse", "finalbody"):
                todo += getattr(statement, block, [])
            todo += [inner for handler in getattr(statement, "handlers", []) for inner in handler.body]
    return found


def imported(module: str) -> set[str]:
    """The modules that this one imports when it is imported."""
    found = set()
    for statement in statements(ast.parse(MODULES[module].read_text())):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{module} imports relatively: {ast.unparse(statement)}"
            found |= {
                f"{statement.module}.{alias.name}"
                if f"{statement.module}.{alias.name}" in MODULES
                else statement.module or ""
                for alias in statement.names
            }
    return found


each_module = pytest.mark.parametrize("name", MODULES)


@each_module
def test_imports_point_one_way(name: str) -> None:
    here = part(name)
    used = {part(other) for other in imported(name) if other.startswith("micrograd_plus.")}
    if here:
        assert used <= {here, *ARROWS[here]}, f"{name} imports {sorted(used - {here, *ARROWS[here]})}"
    else:
        assert used == {"calculus", "value"}  # the engine; the rest is loaded when it is asked for


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: {other for other in imported(name) if other in MODULES} for name in MODULES}
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {name for name in graph if name not in done and graph[name] - {name} <= done}
        assert ready, f"a cycle among {sorted(set(graph) - done)}"
        done |= ready


@each_module
def test_all_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", None)
    if public is None:
        assert name in {"micrograd_plus.ops", "micrograd_plus.value"}, f"{name} has no __all__"
        return
    assert list(public) == sorted(public, key=lambda each: (not each.isupper(), not each[0].isupper(), each))
    assert len(set(public)) == len(public)
    for each in public:
        assert getattr(module, each) is not None


@each_module
def test_every_file_opens_with_a_plain_sentence(name: str) -> None:
    docstring = ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""
    first = docstring.split("\n")[0]
    assert first.endswith((".", ":", "?")), f"{name} opens with {first!r}"


def test_the_front_door_gives_what_it_names_and_nothing_else() -> None:
    for name in micrograd_plus.__all__:
        assert getattr(micrograd_plus, name) is not None
    assert set(micrograd_plus.__all__) <= set(dir(micrograd_plus))
    with pytest.raises(AttributeError, match="module 'micrograd_plus' has no attribute 'tensor'"):
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


@pytest.mark.parametrize("each", ["data", "nn", "explain"])
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
