"""A file is written whole or not at all, and read back only if it is what it claims to be.

Models and checkpoints are JSON: it is open, it can be read by eye and by any language, nothing in it can run, and
Python writes a float so that reading it gives the same float, bit for bit. A file begins with the name of its format
and ends with a checksum, so that a foreign, a damaged and a cut-off one are told apart. What is in it is held against
the schema of its format as a whole, when it is written and before anything is made of it: a file that was changed by
hand, and given a new checksum, is read like any other, and refused with the place that can't be.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from micrograd_plus.errors import short
from micrograd_plus.schema import Names, Plain, Schema

__all__ = [
    "EDITED", "encoded", "read_bytes", "read_document", "read_json", "refused", "remove_leftovers", "write_atomically",
    "write_document",
]  # fmt: skip

EDITED = "was changed since it was saved"
"""What can be said of a file whose checksum fits what `write_document` would not have written."""

VERSION = 1
PARTS = ["format", "version", "content", "sha256"]
_TEMPORARY = ".{}.{}.tmp"


def encoded(text: str) -> bytes:
    """Returns a text as it stands in a file: as UTF-8, whatever is in it.

    Half a character (a lone surrogate, as Python has them for names of files that are no UTF-8) is no text elsewhere:
    it becomes its escape, which is also how JSON writes it.

    >>> encoded("naïve"), encoded("half \\ud83d")
    (b'na\\xc3\\xafve', b'half \\\\ud83d')
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # two halves are one character
        return whole.encode(errors="backslashreplace")


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Returns the path, once the file is written: a kill at any moment leaves the old content or the new, never a part.

    The content goes to a temporary file in the same folder, onto the disk, and then takes the place of `path` in one
    step of the file system. Raises FileNotFoundError where the folder does not exist, IsADirectoryError for a folder,
    and OSError, of the kind that the system has for it, where the disk is full or does not let it be written; what was
    there is there still.

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
    state = "what was there before is whole" if target.exists() else "there is no such file now"
    try:
        _write_new(temporary, content)
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
        state = "it holds the new content, which a power cut may still take away"
        _sync_folder(target.parent)
    except OSError as error:
        problem = f"{os.fspath(path)} could not be written ({error.strerror or error}); {state}"
        raise OSError(error.errno, problem) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return Path(path)


def _write_new(path: Path, content: bytes) -> None:
    with open(path, "xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    """Puts the names in a folder onto the disk, on systems that do not do so on their own."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Removes the temporary files that writers of `path` left when they were killed. Nobody may be writing it now."""
    target = Path(os.path.realpath(path))
    for leftover in target.parent.glob(_TEMPORARY.format(glob.escape(target.name), "*")):
        leftover.unlink(missing_ok=True)


def write_document(
    path: str | os.PathLike[str], kind: str, content: Mapping[str, Any], schema: Schema | None = None
) -> Path:
    """Returns the path, once `content` (lists, dicts, texts, numbers) is written as a file of this kind, atomically.

    Raises ValueError, before anything is written, for content that is not as the schema says, such as nan or what JSON
    has no word for; and what `write_atomically` raises.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_document(f"{folder}/a.json", "recipe", {"eggs": 2})
    ...     read_document(path, "recipe")
    {'eggs': 2}
    """
    with refused(path, "is not written"):
        (schema or _ANY).check(content)
    parts = [f"micrograd_plus {kind}", VERSION, content, _checksum(content)]
    lines = [f"{json.dumps(name)}: {_text(part)}" for name, part in zip(PARTS, parts)]
    return write_atomically(path, encoded("{\n" + ",\n".join(lines) + "\n}\n"))


def read_document(path: str | os.PathLike[str], kind: str, schema: Schema | None = None) -> dict[str, Any]:
    """Returns the content of a file that `write_document` wrote with the same `kind`.

    Raises FileNotFoundError where there is none, ValueError for a file that is foreign, of another kind, of a newer
    version, damaged or cut off, or whose content is not as the schema says.
    """
    where, written = os.fspath(path), read_bytes(path, kind)
    try:
        document = read_json(written)
    except ValueError as error:
        document = None
        if written.startswith(b'{\n"format": "micrograd_plus '):
            state = f"damaged ({error})" if written.rstrip().endswith(b"}") else "cut off before its end"
            raise ValueError(f"{where} is {state}; use a copy of it, or train anew") from None
    found = document.get("format") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(found, str) or not found.startswith("micrograd_plus "):
        raise ValueError(f"{where} is not a {kind} file of micrograd_plus; give one that it saved")
    if found != f"micrograd_plus {kind}":
        raise ValueError(f"{where} is a {short(found)} file, and a {kind} is needed here; name that one")
    if document.get("version") != VERSION:
        version = f"version {short(document.get('version'))} of the format"
        raise ValueError(f"{where} is of {version}, and this release reads version {VERSION}; update micrograd_plus")
    content = document.get("content")
    if list(document) != PARTS or not isinstance(content, dict) or document["sha256"] != _checksum(content):
        raise ValueError(f"{where} is damaged: its content does not match its checksum; use a copy, or train anew")
    with refused(path, EDITED, "use a copy of it, or train anew"):
        (schema or _ANY).check(content)
    return content


@contextmanager
def refused(path: str | os.PathLike[str], how: str, cure: str = "") -> Iterator[None]:
    """Returns a context in which what is wrong with a file's content is told with the file's name, and `how` it fares.

    Raises ValueError in the place of whatever is raised within it, but for OSError.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # a callback's own load_state_dict may raise anything
        what = str(error) if isinstance(error, (TypeError, ValueError)) else repr(error)
        raise ValueError(f"{os.fspath(path)} {how}: {what}{cure and '; '}{cure}") from error


def read_json(written: bytes) -> Any:
    """Returns what a JSON text says. Raises ValueError for what is none, nests too deep, or says a thing twice."""
    try:
        return json.loads(written.decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"it has {short(name)} twice in one place")
    return found


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


_ANY = Names(Plain())


def _text(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def _checksum(content: Any) -> str:
    """Of the content and not of its layout: a file that an editor has indented is still whole."""
    try:
        return hashlib.sha256(encoded(_text(content))).hexdigest()
    except RecursionError:  # what can be read may nest too deep to be written
        return ""
