"""A file is written whole or not at all, and read back only if it is what it claims to be.

Models and checkpoints are JSON: it is open, it can be read by eye and by any language, nothing in it can run, and
Python writes a float so that reading it gives the same float, bit for bit. A file begins with the name of its format
and ends with a checksum, so that a foreign, a damaged and a cut-off one are told apart.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_bytes", "read_document", "remove_leftovers", "write_atomically", "write_document"]

VERSION = 1
PARTS = ["format", "version", "content", "sha256"]
_TEMPORARY = ".{}.{}.tmp"


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Returns the path, once the file is written: a kill at any moment leaves the old content or the new, never a part.

    The content goes to a temporary file in the same folder, onto the disk, and then takes the place of `path` in one
    step of the file system. Raises FileNotFoundError where the folder does not exist, IsADirectoryError for a folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/note.txt", b"whole").read_text()
    'whole'
    """
    target = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r} to write {target.name} in; make it first")
    if target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder; name a file in it")
    temporary = target.parent / _TEMPORARY.format(target.name, secrets.token_hex(4))
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # of the class that the number tells
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name goes onto the disk too; systems without do so on their own
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return Path(path)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Removes the temporary files that writers of `path` left when they were killed. Nobody may be writing it now."""
    target = Path(os.path.realpath(path))
    for leftover in target.parent.glob(_TEMPORARY.format(glob.escape(target.name), "*")):
        leftover.unlink(missing_ok=True)


def write_document(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> Path:
    """Returns the path, once `content` (lists, dicts, texts, numbers) is written as a file of this kind, atomically.

    Raises ValueError for nan or infinity, TypeError for what JSON has no word for, and what `write_atomically` raises.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_document(f"{folder}/a.json", "recipe", {"eggs": 2})
    ...     read_document(path, "recipe")
    {'eggs': 2}
    """
    parts = [f"micrograd_plus {kind}", VERSION, content, _checksum(content)]
    lines = [f"{json.dumps(name)}: {_text(part)}" for name, part in zip(PARTS, parts)]
    return write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def read_document(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Returns the content of a file that `write_document` wrote with the same `kind`.

    Raises FileNotFoundError where there is none, ValueError for a file that is foreign, of another kind, of a newer
    version, damaged or cut off.
    """
    where, written = os.fspath(path), read_bytes(path, kind)
    try:
        document = json.loads(written.decode())
    except (ValueError, RecursionError):
        document = None
        if written.startswith(b'{\n"format": "micrograd_plus '):
            state = "damaged" if written.endswith(b"}\n") else "cut off before its end"
            raise ValueError(f"{where} is {state}; use a copy of it, or train anew") from None
    if not isinstance(document, dict) or not str(document.get("format")).startswith("micrograd_plus "):
        raise ValueError(f"{where} is not a {kind} file of micrograd_plus; give one that it saved")
    if document["format"] != f"micrograd_plus {kind}":
        raise ValueError(f"{where} is a {document['format']!r} file, and a {kind} is needed here; name that one")
    if document.get("version") != VERSION:
        versions = f"of version {document.get('version')} of the format, and this release reads version {VERSION}"
        raise ValueError(f"{where} is {versions}; update micrograd_plus")
    content = document.get("content")
    if list(document) != PARTS or not isinstance(content, dict) or document["sha256"] != _checksum(content):
        raise ValueError(f"{where} is damaged: its content does not match its checksum; use a copy, or train anew")
    return content


def read_bytes(path: str | os.PathLike[str], kind: str) -> bytes:
    """Returns what is in a file; messages call it a file of this `kind`.

    Raises FileNotFoundError where there is none, IsADirectoryError for a folder.
    """
    where = os.fspath(path)
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        cure = f"check the name, and the folder it is looked up from ({os.getcwd()})"
        raise FileNotFoundError(f"there is no {kind} file {where!r}; {cure}") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{where!r} is a folder; name the {kind} file in it") from None


def _text(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _checksum(content: Any) -> str:
    """Of the content and not of its layout: a file that an editor has indented is still whole."""
    return hashlib.sha256(_text(content).encode()).hexdigest()
