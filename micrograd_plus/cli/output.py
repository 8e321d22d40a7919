"""What a command writes: never over what it read, nor over what is there, nor lost without a word."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

__all__ = ["Patient", "check_outputs", "patient_streams", "program"]

_SPELT = str.maketrans(
    {"·": ".", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "×": "x", "²": "2", "│": "|", "├": "|", "└": "`",
     "─": "-", "┼": "+", "✓": "v", "‘": "'", "’": "'", "“": '"', "”": '"'}
)  # fmt: skip


def check_outputs(outputs: Iterable[str | os.PathLike[str]], read: Iterable[str | os.PathLike[str]], force: bool,
                  cure: str = "name another file, or pass --force to write over it") -> None:  # fmt: skip
    """Raises FileExistsError for an output that is one of the files that were `read`, by whatever path or link.

    And for one that exists, unless `force`; and, even then, for one that is no plain file, such as a device.
    """
    sources = [Path(each) for each in read if os.path.exists(each)]
    for output in map(Path, outputs):
        if output.is_dir():
            raise IsADirectoryError(f"{str(output)!r} is a folder; name a file in it")
        if not output.exists():
            continue
        for source in sources:
            if output.samefile(source):
                raise FileExistsError(f"{str(output)!r} is what was read ({source}); name another file to write to")
        if not output.is_file():
            raise FileExistsError(f"{str(output)!r} is no plain file, and would be replaced by one; name a file")
        if not force:
            raise FileExistsError(f"{str(output)!r} is there already; {cure}")


def program() -> str:
    """Returns how the command line was called, so that a command that is shown works when it is typed."""
    typed = Path(sys.argv[0])
    if typed.parts[-2:] == ("micrograd_plus", "__main__.py"):
        python = Path(sys.executable).name
        return f"{python if shutil.which(python) == sys.executable else sys.executable} -m micrograd_plus"
    called = typed.stem == "micrograd-plus" and shutil.which(typed.name) is None
    return str(typed) if called else "micrograd-plus"


@contextmanager
def patient_streams() -> Iterator[Patient]:
    """Returns a context in which the standard streams take every text, and bear the loss of their readers.

    What their encoding has no character for is written in characters that it has: box lines become `|` and `-`, an
    accent is dropped, anything else is its number, as in Python. It gives the stream of the output; see `Patient`.
    """
    codecs.register_error("readable", _readable)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        streams: list[Any] = [Patient(stream or nowhere) for stream in (sys.stdout, sys.stderr)]
        with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            try:
                yield streams[0]
            finally:
                for each in streams:
                    each.flush()


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_spelt(each) for each in error.object[error.start : error.end]), error.end


def _spelt(character: str) -> str:
    plain = character.translate(_SPELT)
    if plain == character:
        letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        plain = letters or character.encode("ascii", "backslashreplace").decode()
    return plain


class Patient:
    """A text stream that goes on without its reader: what can't be written any more is dropped, and `lost` is why.

    A command whose result is in files is not ended by a closed pipe or a full disk behind its standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="readable", line_buffering=True)

    def write(self, text: str) -> int:
        """Returns the number of characters, written or dropped."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Hands on what is written so far, or drops it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.lost = self.lost or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
