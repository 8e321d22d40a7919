"""A file whose content was changed, and its checksum with it, loads as what it says, or is refused with file and place.

In the second case nothing is changed: no parameter, no generator, no callback.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus.data import Standardizer, iris, line
from micrograd_plus.data.dataset import Dataset
from micrograd_plus.nn import MLP, Adam, Dropout, Layer, LayerNorm, Sequential
from micrograd_plus.nn.init import generator
from micrograd_plus.train import Callback, Checkpoint, EarlyStopping, History, Predictor, ReduceLROnPlateau, Run, fit
from micrograd_plus.train.checkpoint import Keeper
from micrograd_plus.train.engine import EagerEngine
from micrograd_plus.train.objectives import objective_for

QUICK, ALL = 400, 2900  # of each of four kinds

DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]

HOSTILE: list[Any] = [
    None, True, False, -1, 0, 1, 0.5, 1e308, -1e308, 10**9, 2**53 + 1, 10**400, math.nan, math.inf, -math.inf, "", "x",
    "\ud800", "relu", "MLP", [], {}, [[]], [None], {"": 0}, {"module": "MLP"}, DEEP,
]  # fmt: skip


# -------------------------------------------------------------------- mutations


def container(draw: random.Random, content: Any) -> Any:
    """A list or an object with something in it, from anywhere in the content, large lists no more often than others."""
    while True:
        inner = [each for each in children(content) if isinstance(each, (list, dict)) and each]
        if not inner or draw.random() < 0.3:
            return content
        content = draw.choice(inner)


def children(thing: Any) -> list[Any]:
    return list(thing.values()) if isinstance(thing, dict) else thing


def keys(thing: Any) -> list[Any]:
    return list(thing) if isinstance(thing, dict) else list(range(len(thing)))


def replace(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    where[draw.choice(keys(where))] = copy.deepcopy(draw.choice(HOSTILE))


def delete(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    del where[draw.choice(keys(where))]


def lengthen(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    more = copy.deepcopy(draw.choice([draw.choice(children(where)), draw.choice(HOSTILE)]))
    if isinstance(where, dict):
        where[draw.choice(["", "more", "0"])] = more
    else:
        where.insert(draw.randint(0, len(where)), more)


def shorten(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    for key in keys(where)[draw.randrange(len(where)) :][::-1]:
        del where[key]


def rename(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    if isinstance(where, dict):
        key = draw.choice(list(where))
        where[draw.choice([key + "x", key.upper(), "", "\ud800", key[1:]])] = where.pop(key)
    else:
        where.reverse()


def swap(draw: random.Random, content: Any) -> None:
    one, other = container(draw, content), container(draw, content)
    i, j = draw.choice(keys(one)), draw.choice(keys(other))
    one[i], other[j] = copy.deepcopy(other[j]), copy.deepcopy(one[i])


def twice(draw: random.Random, content: Any) -> None:
    where = container(draw, content)
    if isinstance(where, dict):
        key = draw.choice(list(where))
        where[key + TWICE] = copy.deepcopy(draw.choice([where[key], draw.choice(HOSTILE)]))
    else:
        where.append(copy.deepcopy(draw.choice(where)))


TWICE = "~twice~"  # an ending that the text loses, so that a name is there two times

MUTATIONS = (replace, replace, replace, delete, lengthen, shorten, rename, swap, twice)


def mutated(content: dict[str, Any], number: int) -> str:
    """The content as a JSON text, with one, two or three changes."""
    draw, content = random.Random(number), copy.deepcopy(content)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        if content:
            draw.choice(MUTATIONS)(draw, content)
    return json.dumps(content).replace(f'{TWICE}"', '"')


def with_checksum(kind: str, text: str) -> str:
    """The text of a file with this content, as whoever changes one by hand would make it."""
    plain = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(plain.encode(errors="backslashreplace")).hexdigest()
    parts = ['"format": ' + json.dumps(f"micrograd_plus {kind}"), '"version": 1', f'"content": {text}']
    return "{\n" + ",\n".join([*parts, f'"sha256": "{digest}"']) + "\n}\n"


def same(one: Any, other: Any) -> bool:
    """Whether both are equal as JSON has it: a list is no object, and true is not 1."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (float, int)) and isinstance(other, (float, int)):
        return isinstance(one, bool) is isinstance(other, bool) and float(one) == float(other)
    return bool(one == other)


# -------------------------------------------------------------------- what is saved


class Counter(Callback):
    """One of the user's own, which raises whatever Python raises for what it can't use, and halfway."""

    def __init__(self) -> None:
        self.count, self.seen = 0, list[float]()

    def on_epoch(self, run: Run) -> None:
        self.count += 1
        self.seen.append(run.loss)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state.pop("count") + 0
        self.seen = [each + 0.0 for each in state["seen"]]
        assert set(state) == {"seen"} and bool not in map(type, [*state["seen"], self.count])


def arguments() -> dict[str, Any]:
    model = Sequential(Layer(1, 2, "tanh", seed=0), Dropout(0.4, seed=1), Layer(2, 1, seed=2))
    callbacks = [EarlyStopping(patience=5), ReduceLROnPlateau(patience=1), Counter()]
    return {"model": model, "optimizer": Adam(model.parameters(), 0.05), "callbacks": callbacks}


def a_checkpoint(path: Path) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    given = arguments()
    fit(**given, data=line(6), epochs=4, batch_size=3, validation=line(5, seed=1), checkpoint=path, backend="eager")
    new, data = arguments(), line(6)
    objective = objective_for(None, data, None)
    engine = EagerEngine(new["model"], objective.loss, new["optimizer"])
    run = Run(engine, new["model"], new["optimizer"], data, objective, 9, new["callbacks"])
    run.history.backend = "eager, float64"
    saved = json.loads(path.read_text(encoding="utf-8"))["content"]["run"]
    settings = {name: saved[name] for name in ("rows", "batch_size", "shuffle", "seed", "drop_last")}
    keeper = Keeper(Checkpoint(path, resume=True), run, {**settings, "clip_norm": None, "clip_value": None})
    back = run.mark()

    def load() -> Any:
        keeper.resume()
        found = {**keeper.content(), "run": saved}
        back()
        return found

    return "checkpoint", load, lambda: (copy.deepcopy(keeper.content()), new["optimizer"].lr)


def a_classifier(path: Path) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    data = iris()
    model = MLP(4, [2, 3], activation="tanh", dropout=0.25)
    notes = {"from": ["a", {"b": None}], "good": 0.5}
    Predictor.of(model, data, scaler=Standardizer.fit(data), notes=notes).save(path)
    return "model", lambda: kept(path), shared_sequence


def a_regression(path: Path) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    data = Dataset([[0.0, 1.0], [1.0, 3.0]], [0.5, 1.5])
    model = Sequential(LayerNorm(2), Sequential(Layer(2, 2, "silu"), Dropout(0.1)), Layer(2, 1, bias=False))
    Predictor.of(model, data, target_scaler=Standardizer((1.0,), (0.5,))).save(path)
    return "model", lambda: kept(path), shared_sequence


def kept(path: Path) -> dict[str, Any]:
    predictor = Predictor.load(path)
    with suppress(ArithmeticError):  # of weights of 1e308
        assert all(map(answers, predictor.predict([[0.5] * len(predictor.feature_names)])))
    saved = predictor.save(path.with_name("again.json"))
    found: dict[str, Any] = json.loads(saved.read_text(encoding="utf-8"))["content"]
    return found


def answers(answer: Any) -> bool:
    return all(isinstance(each, (float, str)) for each in (answer if isinstance(answer, list) else [answer]))


def shared_sequence() -> Any:
    return generator(None).getstate()


def a_history(path: Path) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    given = arguments()
    fit(**given, data=line(6), epochs=3, batch_size=3, validation=line(5, seed=1), backend="eager").save(path)
    return "", lambda: History.load(path).to_dict(), lambda: None


KINDS = (a_checkpoint, a_classifier, a_regression, a_history)


def outcomes(make: Any, path: Path, numbers: range) -> Iterator[tuple[int, str]]:
    """For each mutated file, what came of it: "" for what it says, or the message."""
    kind, load, state = make(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    before = state()
    for number in numbers:
        text = mutated(document["content"] if kind else document, number)
        path.write_text(with_checksum(kind, text) if kind else text, encoding="utf-8")
        message = ""
        try:
            found = load()
        except ValueError as error:
            message = str(error)
        else:
            said = json.loads(text)
            if kind == "checkpoint":  # what a run is may go by another name, and what stopped it may do so again
                said["run"], said["history"]["stopped"] = found["run"], ""
                said["history"]["backend"] = said["history"].get("backend") or "eager, float64"  # early files lack it
            if kind == "model":  # files of version 0.1 have no schema
                said.setdefault("schema", None)
            if not kind and not said.get("backend", "none"):  # a history that does not say it leaves it out
                del said["backend"]
            assert same(found, said), (number, text)
        assert same(state(), before), (number, text, message)
        yield number, message


def check(make: Any, path: Path, numbers: range) -> None:
    refused = {number: message for number, message in outcomes(make, path, numbers) if message}
    assert 0.5 < len(refused) / len(numbers) < 1, "some changes leave a file that can be"
    for number, message in refused.items():
        assert message.startswith(str(path)), (number, message)
        assert len(message) < len(str(path)) + 1000, (number, message)
        of_python = any(word in message for word in ("object is not", "NoneType", "unhashable", "Error("))
        assert not of_python or "callbacks[2] (Counter)" in message, (number, message)


@pytest.mark.parametrize("make", KINDS)
def test_a_mutated_file(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "saved.json", range(QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_thousands_of_mutated_files(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "saved.json", range(QUICK, ALL))


# -------------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_a_run_that_refuses_its_file_has_changed_nothing(backend: str, tmp_path: Path) -> None:
    path, data = tmp_path / "run.json", line(6)
    fit(**arguments(), data=data, epochs=2, checkpoint=path, backend=backend)
    content = json.loads(path.read_text(encoding="utf-8"))["content"]
    content["callbacks"][2]["seen"].append(None)  # the last thing that is looked at, when all else is loaded
    text = with_checksum("checkpoint", json.dumps(content))
    path.write_text(text, encoding="utf-8")
    given = arguments()
    stopping, plateau, counter = given["callbacks"]

    def state() -> Any:
        numbers = given["model"].state_dict(), given["optimizer"].state_dict()
        return *numbers, given["model"].layers[1].op.rng.getstate(), stopping.state_dict(), plateau.state_dict()

    before = copy.deepcopy(state())
    with pytest.raises(ValueError, match=r"run\.json can't be used: callbacks\[2\] \(Counter\): unsupported operand"):
        fit(**given, data=data, epochs=5, checkpoint=Checkpoint(path, resume=True), backend=backend)
    assert state() == before and (counter.count, counter.seen) == (0, [])
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("architecture", "place"),
    [
        ({"widths": [10**9]}, "architecture has 5,000,000,000 parameters, but parameters has 19 numbers"),
        ({"widths": [10**400]}, r"architecture\.widths\[0\] must be a whole number from 1 to .*, but is 1000"),
        ({"widths": [2, True]}, r"architecture\.widths\[1\] must be a whole number .*, but is True"),
        ({"widths": "23"}, r"architecture\.widths must be a list of at least 1, but is '23'"),
        ({"activation": "__import__"}, r"architecture\.activation must be the name of an activation .*'__import__'"),
        (
            {"dropout": 1.5},
            r"architecture\.dropout must be a finite number of at least 0 and of at most 1, but is 1\.5",
        ),
        ({"bias": 1}, r"architecture\.bias must be true or false, but is 1"),
        ({"init": "full"}, "architecture has 'init', which does not belong there"),
        ({"module": "Module"}, "architecture must be an object whose module is one of Neuron, .*, but is"),
    ],
)
def test_an_architecture_is_checked_before_it_is_made(architecture: dict[str, Any], place: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    a_classifier(path)
    content = json.loads(path.read_text(encoding="utf-8"))["content"]
    content["architecture"] |= architecture
    path.write_text(with_checksum("model", json.dumps(content)), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"model\.json was changed since it was saved: {place}.*; use a copy"):
        Predictor.load(path)


@pytest.mark.parametrize("depth", [33, 100, 300, 500, 3000, 100_000])
def test_an_architecture_that_nests_without_end(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    a_regression(path)
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)["content"]
    inner = json.dumps(content["architecture"])
    outer = '{"module": "Sequential", "layers": [' * depth + inner + "]}" * depth
    deep = json.dumps(content).replace(inner, outer)
    digest = hashlib.sha256(deep.replace(", ", ",").replace(": ", ":").encode()).hexdigest()
    path.write_text(json.dumps({**json.loads(text), "content": 0, "sha256": digest}, indent=0).replace("0", deep, 1))
    with pytest.raises(ValueError, match=r"model\.json (is damaged|was changed .* must be a flatter model, but is)"):
        Predictor.load(path)
