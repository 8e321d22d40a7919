"""The playground's engine gives, iteration by iteration, the numbers that Python gives."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value
from micrograd_plus import data as sets
from micrograd_plus.data import Dataset, batch_indices, iris, line, split
from micrograd_plus.nn import MLP, Dropout, Layer, Module, Parameter
from micrograd_plus.nn.rule import Rule
from micrograd_plus.train import DivergenceError, fit
from micrograd_plus.viz.live import playground
from micrograd_plus.viz.live.drawing import Drawing
from tests.viz.live import CASES, RUN, assert_same, case, in_node, in_python, optimizer_of, rows_of, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


# -------------------------------------------------------------------- random numbers

SEEDS: list[Any] = [
    0,
    1,
    7,
    2**32 - 1,
    2**32,
    2**63 + 5,
    10**40,
    "seed 0, epoch 1",
    "seed 3, epoch 12345",
    "",
    "é" * 200,
]

DRAW = """([seed, calls]) => {
  const draw = new Engine.Random(typeof seed === "string" && seed.startsWith("#") ? BigInt(seed.slice(1)) : seed);
  const other = new Engine.Random(99);
  return calls.map(([name, ...given]) => {
    if (name === "shuffle") { const list = [...Array(given[0]).keys()]; draw.shuffle(list); return list; }
    if (name === "state") { other.restore(draw.state()); return [other.random(), other.gauss()]; }
    return name === "getrandbits" ? String(draw.getrandbits(...given)) : draw[name](...given);
  });
}"""


def drawn(seed: Any, calls: list[list[Any]]) -> list[Any]:
    draw, found = random.Random(seed), []
    for name, *given in calls:
        if name == "shuffle":
            found.append([*range(given[0])])
            draw.shuffle(found[-1])
        elif name == "state":
            other = random.Random()
            other.setstate(draw.getstate())
            found.append([other.random(), other.gauss(0, 1)])
        else:
            made = getattr(draw, name)(*given)
            found.append(str(made) if name == "getrandbits" else made)
    return found


def test_the_generator_is_pythons(folder: Path) -> None:
    choose = random.Random(5)
    kinds: list[Any] = [
        lambda: ["random"], lambda: ["gauss", choose.uniform(-2, 2), choose.uniform(0, 3)], lambda: ["gauss", 0, 1],
        lambda: ["uniform", choose.uniform(-3, 0), choose.uniform(0, 3)], lambda: ["shuffle", choose.randrange(0, 300)],
        lambda: ["getrandbits", choose.choice([1, 5, 31, 32, 33, 40, 64, 96])], lambda: ["state"],
    ]  # fmt: skip
    seeds = [*SEEDS, *(choose.getrandbits(choose.choice([8, 31, 64, 200])) for _ in range(40))]
    calls = [[choose.choice(kinds)() for _ in range(60)] + [["shuffle", 1000], ["random"]] for _ in seeds]
    given = [[f"#{seed}" if isinstance(seed, int) else seed, each] for seed, each in zip(seeds, calls)]
    for seed, each, found in zip(seeds, calls, in_node(DRAW, *given, folder=folder)):
        for call, ours, theirs in zip(each, found, drawn(seed, each)):
            if call[0] in ("gauss", "state"):  # sines and logarithms may differ in the last digit
                assert ours == pytest.approx(theirs, rel=1e-13, abs=1e-15), (seed, call)
            else:
                assert ours == theirs, (seed, call)


# -------------------------------------------------------------------- data

DATA = """([spec, share, seed, batch]) => {
  const {inputs, targets, classes, features, train, validation} = Engine.makeData(spec, share, seed);
  const run = Engine.createRun({data: spec, validation: share, seed, batchSize: batch});
  const batches = [];
  for (let i = 0; i < 2 * run.batches; i++) batches.push([...run.iteration().rows]);
  return {inputs: [...inputs], targets: [...targets], classes, features, batches, train: [...train],
    validation: [...validation]};
}"""


def test_the_data_sets_their_parts_and_their_batches(folder: Path) -> None:
    choose = random.Random(1)
    cases = [
        (name, choose.choice([4, 37, 100, 200, 500]), choose.choice([0.0, 0.02, 0.5]),
         choose.choice([0, 0.1, 0.2, 0.5, 0.9]), choose.randrange(10**6))
        for name in ("xor", "moons", "circles", "spirals", "blobs") for _ in range(4)
    ]  # fmt: skip
    given = [[{"name": name, "n": n, "noise": noise}, share, seed, 8] for name, n, noise, share, seed in cases]
    for (name, n, noise, share, seed), found in zip(cases, in_node(DATA, *given, folder=folder)):
        data = getattr(sets, name)(n, noise=noise, seed=seed)
        assert found["inputs"] == pytest.approx([x for row in data.inputs for x in row], rel=1e-12, abs=1e-15)
        assert found["targets"] == data.targets and found["classes"] == [*data.classes]
        assert found["features"] == [*data.feature_names]
        numbered = Dataset([[i] for i in range(n)], data.targets, classes=data.classes)
        parts = split(numbered, float(share), seed=seed) if share else (numbered, None)
        expected = [[] if part is None else [int(x) for (x,) in part.inputs] for part in parts]
        assert [found["train"], found["validation"]] == expected
        rows = len(parts[0])
        assert found["batches"] == [
            rows for epoch in (1, 2) for rows in batch_indices(len(parts[0]), 8, seed=seed, epoch=epoch)
        ]
        assert rows == len(found["train"])


def test_points_of_the_learners_own(folder: Path) -> None:
    points = [[0.1, 0.2], [1.0, -1.0], [0.5, 0.5], [-1.0, 2.0], [0.3, 0.1]]
    spec = {"name": "points", "inputs": points, "targets": [0, 1, 1, 0, 2], "classes": ["a", "b", "c"]}
    (found,) = in_node(DATA, [spec, 0.4, 6, 2], folder=folder)
    data = split(Dataset(points, spec["targets"], classes=("a", "b", "c")), 0.4, seed=6)
    assert [points[row] for row in found["train"]] == data[0].inputs and found["features"] == ["x1", "x2"]


# -------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Any]:
    return in_node(RUN, *CASES, folder=folder)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{c['data']['name']}-{c['optimizer']['name']}" for c in CASES]
)
def test_a_run_is_pythons(number: int, runs: list[Any]) -> None:
    history, model = in_python(CASES[number])
    assert_same(runs[number], history, model)
    assert runs[number]["words"] == repr(model)


def test_the_eager_engine_says_the_same(runs: list[Any]) -> None:
    config = CASES[3]
    given = config["model"]
    model = MLP(2, [*given["hidden"], 1], activation=given["activation"], dropout=given["dropout"], seed=config["seed"])
    assert_same(runs[3], trained(model, config, "bce_with_logits", "eager"), model)


# -------------------------------------------------------------------- the learner's own model


class Skip(Module):
    """Two layers, the second of which adds to what the first one says."""

    def __init__(self) -> None:
        self.first, self.second = Layer(2, 5, "tanh", seed=1), Layer(5, 5, "relu", seed=2)
        self.drop, self.last = Dropout(0.25, seed=3), Layer(5, 1, seed=4)

    def forward(self, row: Any) -> Value:
        first = self.first(row)
        return self.last([a + b for a, b in zip(first, self.drop(self.second(first)))])  # type: ignore[return-value]


class Written(Module):
    """Written out by hand, with an operation of its own on the way."""

    def __init__(self) -> None:
        self.w, self.b, self.v = [Parameter(0.3), Parameter(-0.2)], Parameter(0.1), Parameter(1.5)

    def forward(self, row: Any) -> Value:
        return (sum(w * x for w, x in zip(self.w, row)) + self.b).tanh() * self.v + row[0].sin() * self.v


def fourth(prediction: Any, target: Any) -> Value:
    return (prediction - target) ** 4


OWN: list[tuple[Any, Any, Any, str]] = [
    (Skip, "moons", None, "adam"),
    (Skip, sets.circles(50, seed=1), fourth, "adagrad"),
    (Written, "xor", "mse", "rmsprop"),
    (lambda: MLP(2, [5, 3], activation="gelu", dropout=0.2, seed=2), "blobs", None, "adamw"),
    (lambda: MLP(4, [6, 3], seed=1), iris(), None, "adam"),
    (lambda: MLP(1, [4, 1], seed=1), line(40), "huber", "sgd"),
]


@pytest.mark.parametrize("number", range(len(OWN)))
def test_a_model_of_the_learners_own(number: int, folder: Path) -> None:
    make, data, loss, optimizer = OWN[number]
    model = make()
    before = model.state_dict()
    page = playground(model, data, loss=loss, optimizer=optimizer, seed=7, batch_size=16)
    assert model.state_dict() == before and all(module.training for module in model.modules())
    (found,) = in_node(RUN, page.config, engine=page.engine(), folder=folder)
    rows = getattr(sets, data)(200, seed=7) if isinstance(data, str) else data
    training, held = split(rows, 0.2, seed=7)
    epochs = -(-100 // -(-len(training) // 16))
    history = fit(
        model, training, loss=loss, optimizer=optimizer, lr=0.03, epochs=epochs, batch_size=16, seed=7,
        validation={"training": training, "validation": held}, progress=False, backend="numpy",
        metrics=None if loss is None else ["accuracy" if len(rows.classes) == 2 else "mean_absolute_error"],
    )  # fmt: skip
    assert_same(found, history, model)


NODES = """config => {
  const run = Engine.createRun(config), {nodes, edges, outputs, columns} = run.network;
  for (let i = 0; i < 5; i++) run.iteration();
  return {w: [...run.parameters], nodes, edges, columns, values: [...run.values([0.4, -0.7])],
    says: run.outputs([0.4, -0.7]).outputs, at: outputs,
    dropped: [0, 1, 2, 3].map(example => [...run.dropped(example)]),
    plane: run.plane({size: 2, x: [-1, 1], y: [-1, 1]}).nodes.map(each => [...each])};
}"""


def test_what_each_node_says_of_the_plane(folder: Path) -> None:
    model = Skip()
    page = playground(model, "moons")
    (found,) = in_node(NODES, page.config, engine=page.engine(), folder=folder)
    model.load_state_dict(dict(zip(model.state_dict(), found["w"])))
    model.eval()
    first = [each.data for each in model.first([0.4, -0.7])]
    second = [each.data for each in model.second(first)]
    by_name = {node["name"]: value for node, value in zip(found["nodes"], found["values"])}
    assert [by_name[f"first.neurons.{i}"] for i in range(5)] == pytest.approx(first)
    assert [by_name[f"second.neurons.{i}"] for i in range(5)] == pytest.approx(second)
    assert [by_name[f"+.{i}"] for i in range(5)] == pytest.approx([a + b for a, b in zip(first, second)])
    assert found["says"] == pytest.approx([model([0.4, -0.7]).data]) == [found["values"][at] for at in found["at"]]
    corners = [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)]
    assert found["plane"][found["at"][0]] == pytest.approx([model(corner).data for corner in corners])
    assert found["plane"][:2] == [[x for x, _ in corners], [y for _, y in corners]]
    dropped = {found["nodes"][i]["name"] for each in found["dropped"] for i, off in enumerate(each) if off}
    assert dropped and all(name.startswith("second.") for name in dropped)
    names = [name for name, _ in model.named_parameters()]
    told = {names[edge["parameter"]] for edge in found["edges"] if edge["parameter"] >= 0}
    assert told | {names[node["bias"]] for node in found["nodes"] if node["bias"] >= 0} == {*names}, "all are drawn"
    assert [len(column) for column in found["columns"]] == [2, 5, 5, 5, 1]


def test_the_pages_own_network_draws_and_drops_alike(folder: Path) -> None:
    model = MLP(2, [6, 5, 1], dropout=0.5, seed=3)
    page = playground(model, "moons", lr=0.05, batch_size=8, seed=3)
    own = {**page.config, "model": {"kind": "mlp", **page.mlp}}
    lifted, general = in_node(NODES, page.config, own, engine=page.engine(), folder=folder)
    assert general["nodes"] == lifted["nodes"] and general["dropped"] == lifted["dropped"]
    assert {*map(tuple, map(dict.values, general["edges"]))} == {*map(tuple, map(dict.values, lifted["edges"]))}
    assert general["values"] == pytest.approx(lifted["values"], rel=1e-12)


def test_a_model_written_out_is_drawn_by_what_it_hands_on() -> None:
    model, row = Written(), [Value(0.5, "x1"), Value(1.0, "x2")]
    found = Drawing(row, [model(row)], model.parameters()).described()
    assert [node["name"] for node in found["nodes"]] == ["x1", "x2", "tanh", "sin", "+"]
    assert found["nodes"][2]["bias"] == 2 and found["columns"] == [[0, 1], [2, 3], [4]]
    assert {(each["parameter"], each["from"], each["to"]) for each in found["edges"]} == {
        (0, 0, 2), (1, 1, 2), (-1, 0, 3), (3, 2, 4), (3, 3, 4),
    }  # fmt: skip


# -------------------------------------------------------------------- back and forth

REWIND = """config => {
  const run = Engine.createRun(config), seen = [];
  const look = () =>
    JSON.stringify([run.at, [...run.parameters], [...run.gradient], [...run.dropped(1)], run.explain(0)]);
  for (let i = 0; i <= 1300; i++) { seen.push(look()); if (i < 1300) run.iteration(); }
  const wrong = [0, 1, 2, 3, 17, 511, 512, 513, 1024, 1025, 1299, 1300, 700].filter(i => {
    run.goTo(i);
    return look() !== seen[i];
  });
  const again = run.iteration() && look() === seen[701];
  const {losses, epochs} = run.history;
  return {wrong, again, kept: run.kept.length, furthest: run.furthest, losses: losses.length, epochs: epochs.length};
}"""


def test_every_iteration_comes_back_in_bounded_memory(folder: Path) -> None:
    config = case("moons", dropout=0.3, batch=16)
    (found,) = in_node(REWIND, config, folder=folder)
    epochs = 1300 // 3
    assert found.pop("kept") <= 513
    assert found == {"wrong": [], "again": True, "furthest": 1300, "losses": 1300, "epochs": epochs}


FORK = """config => {
  const run = Engine.createRun(config), numbers = each => [each.at, [...each.parameters], each.history.losses.at(-1)];
  for (let i = 0; i < 30; i++) run.iteration();
  run.goTo(10);
  const fork = run.fork({optimizer: {lr: 0.5}}), same = run.fork();
  fork.change({batchSize: 9});
  fork.change({batchSize: 5, optimizer: {name: "sgd", lr: 0.1, options: {momentum: 0.9}}});
  for (let i = 0; i < 20; i++) { fork.iteration(); same.iteration(); run.iteration(); }
  const alike = JSON.stringify(numbers(same)) === JSON.stringify(numbers(run)), end = JSON.stringify(numbers(fork));
  const at = [fork.history.losses.slice(0, 10), run.history.losses.slice(0, 10)];
  const order = fork.at;
  fork.goTo(3);
  const early = fork.config.optimizer.name;
  fork.goTo(10);
  const config10 = fork.config;
  fork.goTo(30);
  return {alike, at, order, back: JSON.stringify(numbers(fork)) === end, early, config10,
    after: fork.config.optimizer, batches: fork.batches,
    apart: fork.parameters[0] !== run.parameters[0], furthest: [run.furthest, fork.furthest]};
}"""


def test_a_fork_shares_the_past_and_has_its_own_future(folder: Path) -> None:
    (found,) = in_node(FORK, case("circles", batch=12, dropout=0.2), folder=folder)
    assert found["alike"] and found["back"] and found["apart"] and found["at"][0] == found["at"][1]
    assert found["early"] == "adam" and found["after"]["name"] == "sgd" and found["after"]["options"]["momentum"] == 0.9
    assert found["config10"]["batchSize"] == 5 and found["batches"] == 8  # of 36 rows
    assert found["order"]["iteration"] == 30 and found["order"]["epoch"] == 4 + 3, "a new batch size begins an epoch"
    assert found["furthest"] == [30, 30]


def test_a_change_at_the_start_is_another_start(folder: Path) -> None:
    body = """([config, changes]) => {
      const run = Engine.createRun(config);
      run.iteration(); run.goTo(0); run.change(changes);
      for (let i = 0; i < 20; i++) run.iteration();
      return [...run.parameters];
    }"""
    changed = case("moons", "sgd", 0.2, batch=4, activation="relu", momentum=0.5)
    changes = {"optimizer": changed["optimizer"], "batchSize": 4, "model": {"activation": "relu"}}
    (found,) = in_node(body, [case("moons"), changes], folder=folder)
    plain = """config => {
      const run = Engine.createRun(config);
      for (let i = 0; i < 20; i++) run.iteration();
      return [...run.parameters];
    }"""
    assert in_node(plain, changed, folder=folder) == [found]


# -------------------------------------------------------------------- explanations

EXPLAIN = """config => {
  const run = Engine.createRun(config);
  for (let i = 0; i < 7; i++) run.iteration();
  return run.network.parameters.map((_, i) => run.explain(i));
}"""

RULES = [CASES[i] for i in (0, 1, 4, 5, 7, 8, 9, 2)]


@pytest.mark.parametrize("number", range(len(RULES)))
def test_a_weights_last_step_in_the_rules_own_words(number: int, folder: Path) -> None:
    config = RULES[number]
    (found,) = in_node(EXPLAIN, config, folder=folder)
    rule = optimizer_of(config, MLP(2, [1])).rule
    for each in found[:4]:
        assert [f"{line['name']} = {line['formula']}" for line in each["lines"]] == [str(line) for line in rule.lines]
        assert each["t"] == 7 and each["lines"][-1]["result"] == each["after"] != each["before"]
        results = {line["name"]: line["result"] for line in each["lines"]}
        assert all(math.isfinite(result) for result in results.values())
        assert all(line["numbers"] and "beta" not in line["numbers"] for line in each["lines"])
    training, _ = rows_of(config)
    assert len(training) and isinstance(rule, Rule)


NOISE = """config => {
  const run = Engine.createRun(config);
  for (let i = 0; i < 4; i++) run.iteration();
  const before = [...run.parameters], dropped = [...run.dropped()], {full, norm, batches, spread} = run.noise();
  return {full: [...full], norm, spread, batches: batches.map(each => ({...each, gradient: [...each.gradient]})),
    sizes: run.rowsOf(run.at.epoch).map(rows => rows.length), w: before,
    same: dropped.join() === [...run.dropped()].join()};
}"""


def test_gradient_noise(folder: Path) -> None:
    config = case("moons", batch=10, dropout=0.3)
    (found,) = in_node(NOISE, config, folder=folder)
    whole = sum(found["sizes"])
    mean = [
        sum(batch["gradient"][i] * size for batch, size in zip(found["batches"], found["sizes"])) / whole
        for i in range(len(found["full"]))
    ]
    assert found["full"] == pytest.approx(mean, abs=1e-12) and found["same"]
    assert found["norm"] == pytest.approx(math.hypot(*found["full"]))
    assert all(-1 <= batch["cosine"] <= 1 + 1e-12 for batch in found["batches"]) and found["spread"] > 0
    model = MLP(2, [6, 5, 1], seed=3)
    model.load_state_dict(dict(zip(model.state_dict(), found["w"])))
    from micrograd_plus.nn import binary_cross_entropy_with_logits

    training, _ = rows_of(config)
    total = sum(binary_cross_entropy_with_logits(model(x), y) for x, y in training) / len(training)
    total.backward()
    assert found["full"] == pytest.approx([each.grad for each in model.parameters()], rel=1e-9, abs=1e-12)


# -------------------------------------------------------------------- where it stops

STOP = """config => {
  const run = Engine.createRun(config);
  while (run.at.iteration < 60) if (!run.iteration()) break;
  const {stopped, parameters} = run, finite = parameters.every(Number.isFinite), again = run.iteration();
  run.goTo(1);
  const back = run.stopped, on = run.iteration()?.iteration ?? run.stopped.iteration;
  return {stopped, finite, again, losses: run.history.losses, back, on};
}"""


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (case("moons", "sgd", 1e160, loss="mse", activation="relu"), "to -?inf|the loss is inf|is (-?inf|nan)"),
        (case("moons", "sgd", 3e6, loss="mse", activation="relu", hidden=(6, 6, 6)), "the training loss is inf"),
    ],
)
def test_a_run_that_diverges_stops_where_python_does_and_says_so(config: Any, told: str, folder: Path) -> None:
    (found,) = in_node(STOP, config, folder=folder)
    with pytest.raises(DivergenceError) as error:
        in_python(config)
    stopped = found["stopped"]
    assert [stopped["epoch"], stopped["iteration"]] == [error.value.epoch, error.value.iteration]
    assert (
        re.search(told, stopped["message"]) and "; " in stopped["message"] and "nan" not in json.dumps(found["losses"])
    )
    assert found["finite"] and found["again"] is None and found["back"] is None and found["on"] == 2
    assert found["losses"] == pytest.approx([each.loss for each in error.value.history.iterations], rel=1e-6)


MISTAKES: list[tuple[Any, str]] = [
    ({"data": {"name": "rings"}}, "there is no data set rings; there are xor, moons, circles, spirals, blobs"),
    ({"data": {"name": "own"}}, "there is no data set own"),
    ({"data": {"name": "moons", "n": 1}}, "n is a whole number from 2 to 10000, but got 1"),
    ({"data": {"name": "moons", "noise": -1}}, "noise is a standard deviation, so at least 0, but got -1"),
    (
        {"data": {"name": "points", "inputs": [[0, 0], [1, 1]], "targets": [0, 0], "classes": ["a", "b"]}},
        "at least two classes",
    ),
    (
        {"data": {"name": "points", "inputs": [[0, 0]], "targets": [0, 1], "classes": ["a", "b"]}},
        "1 points and 2 targets",
    ),
    ({"validation": 1}, "the share held back is at least 0 and below 1, but got 1"),
    ({"seed": -1}, "a seed is a whole number of at least 0, but got -1"),
    ({"seed": 0.5}, "a seed is a whole number of at least 0, but got 0.5"),
    ({"model": {"kind": "own"}}, "this page was given no model"),
    ({"model": {"hidden": [4, 0]}}, "a layer has at least 1 neuron, but got 0"),
    ({"model": {"activation": "rulu"}}, "there is no activation rulu"),
    ({"model": {"dropout": 1.5}}, "dropout is a share from 0 to 1, but got 1.5"),
    (
        {"loss": "cross"},
        "the loss cross does not fit 2 classes; choose bce_with_logits, cross_entropy, hinge, mse, l1, huber",
    ),
    (
        {"data": {"name": "blobs"}, "loss": "hinge"},
        "the loss hinge does not fit 3 classes; choose cross_entropy, mse, l1, huber",
    ),
    ({"optimizer": {"name": "adm"}}, "there is no optimizer adm; there are adagrad, adam"),
    ({"optimizer": {"name": "sgd", "lr": -1}}, "the learning rate must be at least 0, but got -1"),
    ({"optimizer": {"name": "sgd", "options": {"beta1": 0.5}}}, "sgd has no option beta1"),
    ({"optimizer": {"name": "adam", "options": {"beta1": 1}}}, "beta1 must be at least 0 and below 1, but got 1"),
    ({"optimizer": {"name": "sgd", "options": {"nesterov": True}}}, "nesterov needs momentum above 0"),
    ({"batchSize": 2.5}, "a batch has a whole number of rows, 0 for all, but got 2.5"),
]


def test_mistakes_are_told(folder: Path) -> None:
    body = "config => { try { Engine.createRun(config); return 'nothing'; } catch (error) { return error.message; } }"
    found = in_node(body, *(config for config, _ in MISTAKES), folder=folder)
    for (config, told), message in zip(MISTAKES, found):
        assert told in message, config


def test_what_can_not_be_changed_on_the_way(folder: Path) -> None:
    body = """changes => { const run = Engine.createRun({data: {name: "moons"}}); run.iteration(); run.iteration();
      try { run.change(changes); return 'nothing'; } catch (error) { return `${run.furthest}: ${error.message}`; } }"""
    given = [{"seed": 2}, {"model": {"hidden": [3]}}, {"loss": "cross_entropy"}, {"optimizer": {"lr": -2}}]
    assert in_node(body, *given, folder=folder) == [
        "2: seed is as it was at the start; begin a new run",
        "2: the layers are as they were at the start; begin a new run",
        "2: this loss needs other outputs; begin a new run", "2: the learning rate must be at least 0, but got -2",
    ]  # fmt: skip
