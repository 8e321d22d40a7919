"""A trial run of somebody's function leaves no trace: what it changed is put back.

To trace a function is to run it, and so is to compare it with a program. A counter, a running mean, a generator of
random numbers must not notice. What is put back is plain data that the function reaches by its closure, its globals,
its object and their attributes, and the states of `random` and `numpy.random`.
"""

from __future__ import annotations

import ast
import copy
import functools
import itertools
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ContextDecorator, contextmanager
from io import IOBase
from typing import Any

import numpy as np

from micrograd_plus import mode
from micrograd_plus.compiler.trace import CompileError
from micrograd_plus.mode import WithSettings
from micrograd_plus.value import Value

__all__ = ["Surroundings", "trial", "values_behind"]

MOST = 100_000
"""So many things are looked at; the data set that a function holds may be larger, and no one changes that."""

_SMALL = 1_000
"""An array of so many numbers at most is a setting; a larger one is data."""

_STATES = 64
"""So many states of what a function reaches are told apart at a time."""

_WORDS = (int, float, bool, str, type(None))
_CONTAINERS = (list, dict, set, deque, bytearray)
_PLAIN = (int, float, complex, str, bytes, bool, type(None), Value, type, types.ModuleType, types.BuiltinFunctionType)
_ITERATORS: tuple[type, ...] = (type(iter([])), type(iter(())), type(iter(range(0))))
_KNOWN = (*_ITERATORS, itertools.count)


@contextmanager
def trial(*functions: Any) -> Iterator[None]:
    """Within it, the functions may be run; afterwards what they reach is as it was."""
    reached = _reached(functions)
    put_back = [_state_of(random), _state_of(np.random), _values(reached)]
    put_back += [restore for thing in reached if (restore := _restorer(thing)) is not None]
    try:
        yield
    finally:
        for restore in put_back:
            restore()


def values_behind(function: Any) -> list[Value]:
    """Returns the leaves that a function reaches without being given them: weights of a closure, of a model."""
    return [each for each in _reached([function]) if isinstance(each, Value) and not each.children]


class Surroundings:
    """What functions reach, to be asked again: has a callback changed a temperature, a mode, a weight, a layer?

    `now()` is a number for what it is at present: the numbers, words and flags in attributes, closures, globals and
    lists, and which thing stands under which name or at which place, but for the names in `without`. As long as it is
    the same, so is the number; what comes back gets its old number again.
    """

    def __init__(self, *functions: Any, without: Iterable[str] = ()) -> None:
        self.functions, self.without = functions, {"_labelled", *without}
        self._versions: dict[Any, int] = {}
        self._known: list[Any] = []  # kept, so that nothing else comes to have an id that a version knows
        self._settings = self._version = self._next = 0
        self._words: Any = ()
        self._things: Any = ()
        self._look()

    def now(self) -> int:
        """Returns the number of what is there now."""
        if self._settings != mode.changes:  # some module's attribute was set since, maybe one of these
            self._settings, self._counted = mode.changes, self._read(self.counted)
        others = self._read(self.others)
        if (self._counted[1], others[1]) != self._things or self.lists != self._copies:
            self._look()
        elif (self._counted[0], others[0]) != self._words:
            self._number(others)
        return self._version

    def _look(self) -> None:
        """Finds all homes anew: what was put in a place has attributes of its own."""
        reached = _reached(self.functions)
        self.counted = [home for each in reached if isinstance(each, WithSettings) and (home := _home_of(each))]
        self.others = [home for each in reached if not isinstance(each, WithSettings) and (home := _home_of(each))]
        self.lists = [each for each in reached if isinstance(each, list)]
        self._copies = [each[:] for each in self.lists]
        self._settings, self._counted = mode.changes, self._read(self.counted)
        self._at_hand = reached
        self._number(self._read(self.others))

    def _number(self, others: tuple[Any, Any]) -> None:
        self._words, self._things = zip(self._counted, others)
        if len(self._versions) > _STATES:
            self._versions.clear()
            self._known.clear()
        inside = tuple(each if type(each) in _WORDS else id(each) for copied in self._copies for each in copied)
        key = self._words, self._things, inside
        self._version = self._versions.setdefault(key, self._next)
        if self._version == self._next:
            self._known.append(self._at_hand)
            self._next += 1

    def _read(self, homes: Iterable[Callable[[], Iterable[tuple[Any, Any]]]]) -> tuple[Any, Any]:
        """The words in these homes, and the ids of the things."""
        words: list[Any] = []
        things: list[int] = []
        for home in homes:
            for name, each in home():
                if type(each) in _WORDS:
                    words.append((name, each) if name not in self.without else None)
                else:
                    things.append(id(each))
        return tuple(words), tuple(things)


def _home_of(thing: Any) -> Callable[[], Iterable[tuple[Any, Any]]] | None:
    """What reads the named things that an object, a closure or a list of numbers holds; None if it holds none."""
    if isinstance(thing, types.CellType):
        return lambda: [("", thing.cell_contents)] if _is_filled(thing) else []
    if isinstance(thing, _Globals):
        return lambda: [(name, thing.home.get(name)) for name in thing.found]
    if isinstance(thing, dict):
        return thing.items
    if isinstance(thing, np.ndarray):
        return (lambda: [("", str(thing.tobytes()))]) if thing.size <= _SMALL else None
    if isinstance(thing, deque):
        return lambda: enumerate(thing)
    if isinstance(thing, type):
        return lambda: [(name, each) for name, each in vars(thing).items() if type(each) in _WORDS]
    if _has_settings(thing):
        settings: dict[str, Any] = vars(thing)
        return settings.items
    return (lambda: _slots(thing).items()) if _slots(thing) else None


def _reached(roots: Iterable[Any]) -> list[Any]:
    """Whatever the roots hold, each once, themselves first."""
    seen: dict[int, Any] = {}
    todo = deque(roots)
    while todo and len(seen) < MOST:
        thing = todo.popleft()
        if id(thing) not in seen and (not isinstance(thing, _PLAIN) or isinstance(thing, Value) or _is_own(thing)):
            seen[id(thing)] = thing
            todo.extend(_inside(thing))
    return [*seen.values()]


def _inside(thing: Any) -> Iterable[Any]:
    if isinstance(thing, (Value, np.ndarray)):
        return ()
    if isinstance(thing, _Globals):
        return list(thing.found.values())
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        return list(thing)
    if isinstance(thing, types.FunctionType):
        given = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        return [*(thing.__closure__ or ()), *given, vars(thing), _globals_of(thing)]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords, vars(thing)]
    if isinstance(thing, type):
        members = [each for kind in thing.__mro__ if _is_own(kind) for each in vars(kind).values()]
        return [each for each in members if not isinstance(each, types.FunctionType) or not _is_others(each)]
    if isinstance(thing, types.MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, types.CellType):
        return [thing.cell_contents] if _is_filled(thing) else ()
    inside = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
    if isinstance(thing, ContextDecorator):  # which makes its generator anew for each call
        inside = [each for each in inside if not isinstance(each, types.GeneratorType)]
    return [*inside, *_slots(thing).values(), *(kind for kind in type(thing).__mro__ if _is_own(kind))]


class _Globals:
    """The globals that a function names, as something that can be put back."""

    def __init__(self, function: types.FunctionType) -> None:
        self.home = function.__globals__
        self.found = {name: self.home[name] for name in _names(function.__code__) if name in self.home}


def _globals_of(function: types.FunctionType) -> Any:
    return () if _is_others(function) else _Globals(function)


def _names(code: types.CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return {*code.co_names}.union(*map(_names, inner))


_OTHERS = {__name__.partition(".")[0], "numpy", *sys.stdlib_module_names} - {"__main__"}


def _is_others(thing: Any) -> bool:
    """Whether a function or a class is of this package or of a library, and keeps nothing of the user's."""
    return str(thing.__module__).partition(".")[0] in _OTHERS


def _has_settings(thing: Any) -> bool:
    """Whether it holds attributes that somebody may set."""
    is_code = isinstance(thing, (types.FunctionType, types.MethodType))
    return not is_code and isinstance(getattr(thing, "__dict__", None), dict)


def _is_own(thing: Any) -> bool:
    """Whether it is a class that a user has written."""
    return isinstance(thing, type) and not _is_others(thing)


def _slots(thing: Any) -> dict[str, Any]:
    """What an object of a user's class holds in slots."""
    names = [name for kind in type(thing).__mro__ if _is_own(kind) for name in _listed(vars(kind).get("__slots__", ()))]
    return {name: getattr(thing, name) for name in names if name != "__dict__" and hasattr(thing, name)}


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else [*names]


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


# -------------------------------------------------------------------- how each kind is put back


def _restorer(thing: Any) -> Callable[[], None] | None:
    """What puts a thing back as it is now; None for what does not change. Raises CompileError where nothing can."""
    if isinstance(thing, Iterator) and not hasattr(thing, "__dict__") and not isinstance(thing, (*_KNOWN, IOBase)):
        raise CompileError(
            f"it goes on with an iterator, {type(thing).__name__}, from call to call, which can't be put back after a"
            " trial run; keep a list and an index, or run it eagerly"
        )
    if isinstance(thing, (random.Random, np.random.RandomState, np.random.Generator)):
        return _state_of(thing)
    if isinstance(thing, np.ndarray):
        return _array(thing)
    if isinstance(thing, type):
        return _attributes(thing)
    if isinstance(thing, types.CellType):
        return _cell(thing) if _is_filled(thing) else None
    if isinstance(thing, _Globals):
        before = _kept(thing.found)
        return lambda: thing.home.update(before)
    if isinstance(thing, _CONTAINERS):
        return _container(thing)
    if _has_settings(thing):
        return _container(vars(thing))
    return _slotted(thing) if _slots(thing) else None


def _slotted(thing: Any) -> Callable[[], None]:
    before = _kept(_slots(thing))

    def restore() -> None:
        for name, each in before.items():
            setattr(thing, name, each)

    return restore


def _state_of(generator: Any) -> Callable[[], None]:
    if isinstance(generator, np.random.Generator):
        state = copy.deepcopy(generator.bit_generator.state)
        return lambda: setattr(generator.bit_generator, "state", state)
    names = ("getstate", "setstate") if hasattr(generator, "getstate") else ("get_state", "set_state")
    get, put = (getattr(generator, name) for name in names)
    before = get()
    return lambda: put(before)


def _values(things: Iterable[Any]) -> Callable[[], None]:
    """What gives leaves their numbers back."""
    before = [(each, each.data, each.grad) for each in things if isinstance(each, Value) and not each.children]

    def restore() -> None:
        for each, data, grad in before:
            if each.data is not data or each.grad is not grad:
                each.data, each.grad = data, grad

    return restore


def _attributes(kind: type) -> Callable[[], None]:
    """What gives a class its plain attributes back."""
    before = {name: each for name, each in vars(kind).items() if type(each) in _WORDS}

    def restore() -> None:
        for name, each in before.items():
            if vars(kind).get(name) is not each:
                setattr(kind, name, each)

    return restore


def _array(array: Any) -> Callable[[], None]:
    before = array.copy()

    def restore() -> None:
        if array.flags.writeable and not np.array_equal(array, before, equal_nan=array.dtype.kind in "fc"):
            array[...] = before

    return restore


def _cell(cell: types.CellType) -> Callable[[], None]:
    (before,) = _kept([cell.cell_contents])
    return lambda: setattr(cell, "cell_contents", before)


def _container(container: Any) -> Callable[[], None]:
    before = _kept(container)

    def restore() -> None:
        if isinstance(container, (dict, set)):
            container.clear()
            container.update(before)
        elif isinstance(container, deque):
            container.clear()
            container.extend(before)
        else:
            container[:] = before

    return restore


def _kept(container: Any) -> Any:
    """A copy of a container; an iterator in it, which a run would advance, is kept as a copy too."""
    if isinstance(container, dict):
        return {key: _still(each) for key, each in container.items()}
    if isinstance(container, bytearray):
        return bytes(container)
    return type(container)(map(_still, container)) if not isinstance(container, deque) else list(map(_still, container))


def _still(thing: Any) -> Any:
    if isinstance(thing, itertools.count):  # from Python 3.14 on it can't be copied; its repr is `count(5)`
        return itertools.count(*ast.literal_eval(f"({repr(thing)[6:-1]},)"))
    return copy.copy(thing) if isinstance(thing, _ITERATORS) else thing
