"""What holds for all operations for a while is put back on every way out, whoever else is in it."""

from __future__ import annotations

import gc
import threading

import pytest

from micrograd_plus import Value, no_gc, no_grad
from micrograd_plus.mode import watching


def test_cycles_are_not_sought_within_the_outermost_block() -> None:
    assert gc.isenabled()
    with no_gc():
        assert not gc.isenabled()
        with no_gc():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_brings_the_search_back() -> None:
    with pytest.raises(KeyError), no_gc():
        raise KeyError
    assert gc.isenabled()


def test_a_search_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with no_gc():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_last_thread_to_leave_brings_the_search_back() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with no_gc():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with no_gc():
        pass
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_watching_is_of_one_thread() -> None:
    told: list[str] = []
    with watching(lambda event, node, other: told.append(event)):
        thread = threading.Thread(target=lambda: Value(1.0) < Value(2.0))
        thread.start()
        thread.join()
        assert told == []
        assert Value(1.0) < Value(2.0)
        assert told == ["__lt__"]
        with watching(lambda event, node, other: told.append(f"inner {event}")):
            float(Value(1.0))
    assert Value(1.0) < Value(2.0)
    assert told == ["__lt__", "inner __float__"]


def test_no_grad_is_of_one_thread() -> None:
    found = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(Value(2.0) * 3))
        thread.start()
        thread.join()
        assert (Value(2.0) * 3).children == ()
    assert len(found[0].children) == 2
