"""A file is written whole or not at all, and a foreign, damaged or cut-off one is told."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, files, fit
from micrograd_plus.data import moons
from micrograd_plus.files import read_document, remove_leftovers, write_atomically, write_document
from micrograd_plus.nn import MLP
from micrograd_plus.train import Predictor

CONTENT: dict[str, Any] = {"numbers": [0.1, -0.0, 1e-323, 1.7976931348623157e308], "name": "naïve ✓", "none": None}


def test_a_document_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, "model", CONTENT)
    assert read_document(path, "model") == CONTENT
    assert str(read_document(path, "model")["numbers"][1]) == "-0.0"
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == "micrograd_plus model"
    assert os.listdir(tmp_path) == ["a.json"], "no temporary file is left"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
@settings(max_examples=50)
def test_every_float_is_kept_to_the_bit(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    path = tmp_path_factory.mktemp("floats") / "a.json"
    write_document(path, "model", {"numbers": numbers})
    assert [x.hex() for x in read_document(path, "model")["numbers"]] == [x.hex() for x in numbers]


def test_an_editor_may_indent_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, "model", CONTENT)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=4), encoding="utf-8")
    assert read_document(path, "model") == CONTENT


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.json is not written: 'x' must be .*finite number.*, but is nan"):
        write_document(tmp_path / "a.json", "model", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_every_cut_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, "model", CONTENT)
    whole = path.read_bytes()
    for size in range(len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut off|not a model|damaged"):
            read_document(path, "model")
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="cut off before its end; use a copy"):
        read_document(path, "model")


def test_every_changed_digit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, "model", {"numbers": [123.25, 4.5]})
    whole = path.read_bytes()
    changed = 0
    for place in range(whole.index(b"content"), len(whole)):
        if whole[place : place + 1].isdigit():
            other = b"7" if whole[place : place + 1] != b"7" else b"3"
            path.write_bytes(whole[:place] + other + whole[place + 1 :])
            with pytest.raises(ValueError, match="damaged: its content does not match its checksum"):
                read_document(path, "model")
            changed += 1
    assert changed > 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"weight,height\n1,2\n",
        b"\x80\x04\x95pickle\xff",
        b"{}",
        b"[1, 2]",
        b'"text"',
        b'{"format": "other"}',
        b"null",
        b"[" * 100_000,
    ],
)
def test_a_foreign_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is not a model file of micrograd_plus"):
        read_document(path, "model")


def test_another_kind_and_version_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, "checkpoint", CONTENT)
    with pytest.raises(ValueError, match="is a 'micrograd_plus checkpoint' file, and a model is needed"):
        read_document(path, "model")
    path.write_text(path.read_text(encoding="utf-8").replace('"version": 1', '"version": 9'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"of version 9 of the format, .* update micrograd_plus"):
        read_document(path, "checkpoint")


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no model file .*check the name"):
        read_document(tmp_path / "none.json", "model")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_document(tmp_path, "model")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*make it first"):
        write_atomically(tmp_path / "none" / "a.json", b"")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_atomically(tmp_path, b"")


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "a.json", tmp_path / "link.json"
    write_atomically(path, b"1")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode, "a new file's permissions are those of any other"
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(link, b"2")
    assert link.is_symlink() and path.read_bytes() == b"2" and path.stat().st_mode & 0o777 == 0o640


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names = (".run[1].json.0a1b2c3d.tmp", ".run[1].json.ffffffff.tmp", "run[1].json", ".run1.json.0a1b2c3d.tmp")
    for name in names:
        (tmp_path / name).write_text("half")
    remove_leftovers(tmp_path / "run[1].json")
    assert {path.name for path in tmp_path.iterdir()} == set(names[2:])


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.json could not be written \(No space .*\); what was there before is whole"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.json"]
    with pytest.raises(OSError, match=r"b\.json could not be written \(No space .*\); there is no such file now"):
        write_atomically(tmp_path / "b.json", b"new")
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_every_writer_tells_of_a_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: OSError
) -> None:
    model, data = MLP(2, [1]), moons(8)
    predictor = Predictor.of(model, data)
    history = fit(model, data, epochs=1)
    writers: dict[str, Callable[[Path], Any]] = {
        "model.json": predictor.save, "history.json": history.save, "history.csv": history.save,
        "history.svg": history.save, "graph.svg": (Value(1.0) + 1.0).graph().save,
        "run.json": lambda path: fit(MLP(2, [1]), data, epochs=1, checkpoint=path),
    }  # fmt: skip

    def failing(*_: Any, **__: Any) -> None:
        raise error

    for name, write in writers.items():
        path = tmp_path / name
        write(path)
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(*((files, "open") if step == "open" else (os, step)), failing, raising=False)
            with pytest.raises(type(error), match=rf"{name} could not be written \({error.strerror}\); what was there"):
                write(path)
        assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == sorted(writers), "no temporary file is left"


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="the system puts names onto the disk on its own")
def test_a_name_that_can_not_be_put_onto_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "_sync_folder", failing)
    with pytest.raises(OSError, match=r"could not be written \(Input/output error\); it holds the new content"):
        write_atomically(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new"


WRITER = """
import sys
from micrograd_plus.files import write_document
path, number = sys.argv[1], 0
while True:
    number += 1
    write_document(path, "checkpoint", {"number": number, "numbers": [number + i / 7 for i in range(20_000)]})
    if number == 1:
        print("ready", flush=True)
"""


def kill_a_writer(path: Path, times: int) -> None:
    draw = random.Random(times)
    for _ in range(times):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        time.sleep(draw.random() * 0.1)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        found = read_document(path, "checkpoint")
        assert found["numbers"][-1] == found["number"] + 19_999 / 7


def test_a_kill_leaves_a_whole_file(tmp_path: Path) -> None:
    kill_a_writer(tmp_path / "a.json", times=3)


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    kill_a_writer(tmp_path / "a.json", times=40)
