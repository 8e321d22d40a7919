"""The C compiler is found, its errors are told, and what it made is kept: whole, private, bounded, and mended."""

from __future__ import annotations

import concurrent.futures
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from micrograd_plus import Value, compile
from micrograd_plus.compiler import CompileError, toolchain
from micrograd_plus.compiler.loop_program import UNITS
from micrograd_plus.compiler.toolchain import FLAGS, ToolchainError, cache_folder, find_compiler, load_library

SOURCE = '__attribute__((visibility("default"))) int number(void) { return %d; }\n'


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and nothing loaded."""
    monkeypatch.setenv("MICROGRAD_PLUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "_loaded", {})


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that notes in a file each unit that it compiles."""
    real = find_compiler()
    script, log = tmp_path / "counting-cc", tmp_path / "calls"
    script.write_text(f'#!/bin/sh\ncase "$*" in *" -c "*) echo called >> "{log}";; esac\nexec {" ".join(real)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    return log


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-*"))


def program_called(name: str, folder: Path) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_the_compiler_is_the_named_one_or_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: object() if name == "ziglang" else None)
    assert find_compiler() == [sys.executable, "-m", "ziglang", "cc"]
    for name in ("clang", "gcc", "cc", "mine"):
        program_called(name, tmp_path)
        if name != "mine":
            assert find_compiler() == [str(tmp_path / name)]
    monkeypatch.setenv("CC", "mine --target=here")
    assert find_compiler() == [str(tmp_path / "mine"), "--target=here"]


@pytest.mark.slow
def test_the_compiler_that_pip_brings_makes_the_same_programs(tmp_path: Path) -> None:
    """clang, of the `ziglang` wheel, where nothing else is on PATH: a training run, and one in 32 bits."""
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], capture_output=True, text=True,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "MICROGRAD_PLUS_CACHE": str(tmp_path / "cache"),
             "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert entries(tmp_path / "cache")


TRAINING = """
import numpy as np
from micrograd_plus.compiler.toolchain import find_compiler
from micrograd_plus.data import moons
from micrograd_plus.nn import MLP
from micrograd_plus.train import fit
assert find_compiler()[1:] == ["-m", "ziglang", "cc"]
losses = []
for backend, dtype in (("numpy", "float64"), ("c", "float64"), ("c", "float32")):
    model = MLP(2, [16, 16, 1], activation="tanh", dropout=0.1, seed=1)
    run = fit(model, moons(60), epochs=5, batch_size=16, clip=1.0, backend=backend, dtype=dtype, progress=False)
    losses.append(run.losses)
np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)
np.testing.assert_allclose(losses[2], losses[0], atol=1e-5)
assert 2.2e-308 / 4 > 0
"""


def test_without_a_compiler_the_error_has_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match=r'pip install "micrograd_plus\[native\]"'):
        find_compiler()
    monkeypatch.setenv("CC", "nothing-of-the-sort")
    with pytest.raises(CompileError, match="CC is 'nothing-of-the-sort', and there is no such program"):
        find_compiler()


def test_a_compiler_that_fails_is_quoted_and_the_source_kept() -> None:
    with pytest.raises(ToolchainError, match="error: ") as raised:
        load_library("int number(void) { return nothing; }\n")
    kept = str(raised.value).split("kept for a report: ")[1].split(";")[0]
    assert "return nothing" in Path(kept).read_text()
    assert not list((cache_folder() or Path()).iterdir())  # and no trace of it in the cache


def test_the_unit_that_fails_is_the_one_that_is_quoted() -> None:
    with pytest.raises(ToolchainError, match="absent_here"):
        load_library("int good(void) { return 1; }\n#if UNIT == 1\nint bad(void) { return absent_here; }\n#endif\n", 3)
    assert not list((cache_folder() or Path()).iterdir())


def test_a_compiler_that_can_not_be_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").write_bytes(b"\x7fELFnot a program")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "broken"))
    with pytest.raises(ToolchainError, match="can't be run"):
        load_library(SOURCE % 1)


def test_no_flag_changes_what_numbers_are() -> None:
    assert not {"-ffast-math", "-Ofast", "-ffinite-math-only", "-fassociative-math", "-funsafe-math-optimizations"} & {
        *FLAGS
    }
    x = Value(1.0, "x")
    compile(x.exp() + x, inputs=[x], backend="c")([1.0, 2.0])
    assert 2.2e-308 / 4 > 0  # no library has switched the process to flushing what is small to 0
    assert np.float64(5e-324) * 1.0 == 5e-324


# -------------------------------------------------------------------- the cache


def test_the_second_start_compiles_nothing(counting: Path) -> None:
    code = "from micrograd_plus import Value, compile; x = Value(2.0); print(compile(x * x, [x], backend='c')([3.0]))"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "[9.]\n"
    assert counting.read_text().count("called") == UNITS


def test_another_source_compiler_or_flag_is_another_entry(counting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [load_library(SOURCE % number).number() for number in (1, 2, 1)] == [1, 2, 1]
    assert counting.read_text().count("called") == 2
    os.utime(os.environ["CC"], (1, 1))  # the compiler was exchanged
    load_library(SOURCE % 1)
    monkeypatch.setattr(toolchain, "FLAGS", (*FLAGS, "-O1"))
    load_library(SOURCE % 1)
    assert counting.read_text().count("called") == 4


@pytest.mark.parametrize("damage", [b"", b"\x7fELF but no more", None])
def test_a_damaged_entry_is_built_again(damage: bytes | None, counting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_library(SOURCE % 7)
    folder = cache_folder() or Path()
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    entry.unlink()  # the one that is loaded must stay as it is
    entry.write_bytes(whole[:-100] if damage is None else damage)
    monkeypatch.setattr(toolchain, "_loaded", {})
    assert load_library(SOURCE % 7).number() == 7
    assert counting.read_text().count("called") == 2
    assert [toolchain._digest(each) for each in entries(folder)] == [
        entry.stem.partition("-")[2] for entry in entries(folder)
    ]


def test_many_processes_at_once_leave_one_whole_entry() -> None:
    code = f"from micrograd_plus.compiler.toolchain import load_library; print(load_library({SOURCE % 5!r}).number())"

    def start(_: int) -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert [*pool.map(start, range(6))] == ["5\n"] * 6
    folder = cache_folder() or Path()
    assert [each for each in folder.iterdir() if not each.name.endswith(toolchain._SUFFIX)] == []
    assert len(entries(folder)) >= 1


@pytest.mark.skipif(os.name != "posix", reason="other systems keep a user's folders to the user")
def test_the_cache_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    load_library(SOURCE % 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) & 0o077 for each in folder.iterdir()] == [0]
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(ToolchainError, match="is another user's; set MICROGRAD_PLUS_CACHE"):
        load_library(SOURCE % 2)


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    load_library(SOURCE % 0)
    folder = cache_folder() or Path()
    size = entries(folder)[0].stat().st_size
    monkeypatch.setattr(toolchain, "_MOST_BYTES", 3 * size + size // 2)
    for number in range(1, 6):
        load_library(SOURCE % number)
        for each in entries(folder):
            os.utime(each, (each.stat().st_atime, each.stat().st_mtime - 10))
    assert len(entries(folder)) == 3
    monkeypatch.setattr(toolchain, "_loaded", {})
    assert load_library(SOURCE % 5).number() == 5


@pytest.mark.parametrize("word", ["off", "0", ""])
def test_the_cache_can_be_turned_off(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_PLUS_CACHE", word)
    assert load_library(SOURCE % 3).number() == 3
    assert not (tmp_path / "cache").exists()


def test_the_cache_lies_with_the_users_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MICROGRAD_PLUS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    found = cache_folder()
    assert found is not None
    assert "micrograd_plus" in str(found)


def test_a_cache_that_can_not_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MICROGRAD_PLUS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ToolchainError, match=r"can't be kept: .*; set MICROGRAD_PLUS_CACHE to a folder of your own"):
        load_library(SOURCE % 1)
