"""From the source of a library in C to the library, loaded: the machine's compiler, and a cache of what it made.

The compiler is `$CC`, or the first of cc, gcc and clang on PATH, or that of the `ziglang` wheel. Libraries are kept in
the user's cache folder, so that the second start of a program compiles nothing; the environment variable
MICROGRAD_PLUS_CACHE names another folder, or turns that off ("off").
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

from micrograd_plus.compiler.trace import CompileError

__all__ = ["FLAGS", "ToolchainError", "cache_folder", "find_compiler", "load_library"]

FLAGS = (
    "-std=gnu11", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-w",
    "-fvisibility=hidden", "--param=max-completely-peeled-insns=60",
)  # fmt: skip
"""How programs are compiled. Loops are written out only where they are short or `kernels.c` asks for it: more of that
takes gcc a third longer, and runs no faster. Nothing here lets infinities, nan or the order of a sum be other than they
are, and nothing is linked that would change how the rest of the process computes, as -ffast-math does."""

CURE = 'install one with: pip install "micrograd_plus[native]"'

_MOST_BYTES = 256 * 2**20
"""So large the cache becomes; then what was not used for the longest time goes."""

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


class ToolchainError(CompileError):
    """There is no C compiler, or it can't compile or keep a program; the message says what to do."""


def find_compiler() -> list[str]:
    """Returns the command of the C compiler. Raises ToolchainError if there is none, or `$CC` names none."""
    if given := os.environ.get("CC"):
        command = shlex.split(given, posix=os.name == "posix")
        found = shutil.which(command[0])
        if found is None:
            raise ToolchainError(f"CC is {given!r}, and there is no such program; name one that is there, or unset CC")
        return [found, *command[1:]]
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise ToolchainError(f"the backend 'c' needs a C compiler: neither cc, gcc nor clang is on PATH; {CURE}")


def cache_folder() -> Path | None:
    """Returns the folder of the cache, made for its owner alone; None if it is turned off.

    Raises ToolchainError where there can be none, or where it is somebody else's.
    """
    given = os.environ.get("MICROGRAD_PLUS_CACHE")
    if given is not None and given.strip().lower() in ("", "0", "no", "off"):
        return None
    try:
        folder = Path(given).expanduser() if given else _user_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            if folder.stat().st_uid != os.getuid():
                raise ToolchainError(f"the cache folder {folder} is another user's; {_ELSEWHERE}")
            folder.chmod(0o700)
    except OSError as error:
        raise ToolchainError(f"the cache of compiled programs can't be kept: {error}; {_ELSEWHERE}") from error
    return folder


_ELSEWHERE = "set MICROGRAD_PLUS_CACHE to a folder of your own, or to off"


def _user_folder() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError:
        cure = f'pip install "micrograd_plus[native]", or {_ELSEWHERE}'
        raise ToolchainError(f"platformdirs, which finds the user's cache folder, is not installed: {cure}") from None
    return user_cache_path("micrograd_plus", appauthor=False) / "programs"


# -------------------------------------------------------------------- libraries


_loaded: dict[str, ctypes.CDLL] = {}
_loading = Lock()


def load_library(source: str, units: int = 1) -> ctypes.CDLL:
    """Returns the library that a source in C makes: one that is loaded, or kept in the cache, or compiled now.

    It is compiled in so many units side by side, each with its number as UNIT, from 0 on. Raises ToolchainError.
    """
    command = find_compiler()
    key = _key(source, command)
    with _loading:
        if key not in _loaded:
            folder = cache_folder()
            if folder is None:
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as passing:
                    _loaded[key] = ctypes.CDLL(str(_compiled(source, units, command, Path(passing), key)))
            else:
                kept = _kept(folder, key) or _compiled(source, units, command, folder, key)
                _loaded[key] = ctypes.CDLL(str(kept))
                _bound(folder, kept)
        return _loaded[key]


def _key(source: str, command: list[str]) -> str:
    """A digest of all that a library depends on: its source, the compiler, how it is called, and the processor."""
    program = os.stat(command[0])
    parts = [source, *FLAGS, *command, str(program.st_size), str(program.st_mtime_ns), _processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def _processor() -> str:
    """What the machine says of its processor, as far as code that is made for it depends on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        told = sorted({line for line in lines if line.partition(":")[0].strip() in ("model name", "flags", "Features")})
    except OSError:
        told = []
    return "\n".join([platform.machine(), platform.processor(), platform.system(), *told])


def _kept(folder: Path, key: str) -> Path | None:
    """The entry of the cache, which has its own digest in its name; a damaged one is taken away."""
    for path in folder.glob(f"{key}-*{_SUFFIX}"):
        try:
            if _digest(path) == path.stem.partition("-")[2]:
                os.utime(path)
                return path
            path.unlink()
        except OSError:  # another process takes it away
            continue
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _compiled(source: str, units: int, command: list[str], folder: Path, key: str) -> Path:
    """The library, compiled in a folder of its own and then moved to its place in one stroke."""
    from concurrent.futures import ThreadPoolExecutor  # here, as a program in NumPy or a kept one has no use for it

    with tempfile.TemporaryDirectory(prefix="making-", dir=folder, ignore_cleanup_errors=True) as passing:
        written, made = Path(passing) / "program.c", Path(passing) / f"program{_SUFFIX}"
        written.write_text(source, encoding="utf-8")
        parts = [str(written.with_name(f"unit{i}.o")) for i in range(units)]
        runs = [["-c", f"-DUNIT={i}", str(written), "-o", part] for i, part in enumerate(parts)]
        try:
            with ThreadPoolExecutor() as pool:
                done = [*pool.map(lambda arguments: _run(command, arguments), runs)]
            if not any(each.returncode for each in done):
                done = [_run(command, [*parts, "-o", str(made), *(["-lm"] if os.name == "posix" else [])])]
        except OSError as error:
            raise ToolchainError(f"the C compiler {command[0]} can't be run: {error}; {CURE}") from error
        if not made.exists() or any(each.returncode for each in done):
            failed = next((each for each in done if each.returncode), done[-1])
            raise ToolchainError(_failure(source, command, failed.stderr or failed.stdout))
        place = folder / f"{key}-{_digest(made)}{_SUFFIX}"
        made.chmod(0o700)
        try:
            os.replace(made, place)
        except PermissionError:  # on Windows, where another process has the same library loaded
            if not place.exists():
                raise
    return place


def _run(command: list[str], arguments: list[str]) -> subprocess.CompletedProcess[str]:
    run = [*command, *FLAGS, *arguments]
    return subprocess.run(run, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)


def _failure(source: str, command: list[str], told: str) -> str:
    """The words for a compiler that fails; the source is kept."""
    folder = Path(tempfile.mkdtemp(prefix="micrograd_plus-"))
    (folder / "program.c").write_text(source, encoding="utf-8")
    first = "\n".join(told.strip().splitlines()[:8]) or "it says nothing"
    return (
        f"the C compiler {' '.join(command)} fails:\n{first}\nThe source is kept for a report: {folder / 'program.c'};"
        " name another compiler in the environment variable CC"
    )


def _bound(folder: Path, newest: Path) -> None:
    """Takes away what was not used for the longest time, while the cache is too large; and what a kill left behind."""
    try:
        entries = [(path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob(f"*{_SUFFIX}")]
        size = sum(each for _, each, _ in entries)
        for _, bytes_, path in sorted(entries):
            if size <= _MOST_BYTES:
                break
            if path != newest:
                path.unlink(missing_ok=True)
                size -= bytes_
        for path in folder.glob("making-*"):
            if newest.stat().st_mtime - path.stat().st_mtime > 24 * 3600:
                shutil.rmtree(path, ignore_errors=True)
    except OSError:  # another process does the same
        pass
