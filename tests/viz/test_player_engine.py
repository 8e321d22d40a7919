"""The step player's page computes what the engine does, for any numbers of the leaves: run in node, without a page."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from micrograd_plus import Value, apply, dot, nn, no_grad, operation, select, total
from micrograd_plus.calculus import sweep
from micrograd_plus.nn.schedules import StepDecay
from micrograd_plus.value import leaf
from micrograd_plus.viz import palette
from micrograd_plus.viz.player import StepPlayer
from micrograd_plus.words import number, partial_words, tidy, value_words
from tests.compiler.test_random_graphs import Draw
from tests.viz.test_readings import floats, in_node


@pytest.fixture(autouse=True)
def _not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No layout is made: where a box stands is nothing to the engine."""
    monkeypatch.setattr(StepPlayer, "_drawing", ("", defaultdict(lambda: (0.0,) * 4)))


def engine(player: StepPlayer, code: str) -> str:
    """What a page's engine makes of some code, as an expression."""
    texts = [(files("micrograd_plus.viz.player") / "files" / name).read_text() for name in ("words.js", "engine.js")]
    return "\n".join(["(() => {", player.program(), f"const data = {json.dumps(player.data())};", *texts, code, "})()"])


EDIT = """
return EDITS.map(edit => {
  try {
    const {numbers, states, t} = passes[0];
    const whole = [...numbers];
    for (const [leaf, x] of edit) whole[leaf] = x;
    passes = [passes[0], pass({numbers: whole, states, t})];
    const {values, found} = now();
    const words = steps.map((step, at) => step.kind === "forward" ? valueWords(step.node)
      : step.kind === "backward" ? slopeWords(step, found[at].partial) : []);
    passes = [passes[0]];
    return {values, words, after: found.map(({after}) => after ?? 0)};
  } catch (error) {
    passes = [passes[0]];
    if (!(error instanceof Trouble)) throw error;
    return error.message;
  }
});
"""


def again(player: StepPlayer, edit: list[list[Any]]) -> tuple[list[Value], str]:
    """The graph with other numbers in some leaves, or why the engine refuses them."""
    numbers = dict(edit)
    fresh: dict[Value, Value] = {}
    for place, node in enumerate(player.log.order):
        operands = node.op.groups([fresh[child] for child in node.children])
        try:
            made = apply(node.op, *operands) if node.children else leaf(numbers.get(place, node.data), node.op)
        except (ArithmeticError, ValueError) as error:
            return [], str(error)
        is_unnamed = node.op is operation.CONSTANT and not node.label
        made.label = "" if is_unnamed else player.log.short[node]
        fresh[node] = made
    return list(fresh.values()), ""


def check(player: StepPlayer, edit: list[list[Any]], found: Any, seed: object) -> bool:
    """Holds a page to the engine; returns whether the engine took the numbers."""
    order, words = again(player, edit)
    if words:
        assert isinstance(found, str) and found == tidy(words), (seed, words)
        return False
    assert not isinstance(found, str), (seed, found)
    steps = player.log.steps
    wanted = [node.data for node in order]
    scale = max(1.0, *map(abs, wanted))
    assert floats(found["values"]) == pytest.approx(wanted, rel=1e-12, abs=1e-13 * scale), seed
    place = {node: i for i, node in enumerate(order)}
    grads = {(place[each.node], each.operand): each.after for each in sweep(order[-1], order)}
    size = max([1.0, *(abs(x) for x in grads.values() if math.isfinite(x))])
    name = {node: node.label or number(node.data) for node in order}
    for step, made, told in zip(steps, floats(found["after"]), found["words"], strict=True):
        node = order[step.node]
        if step.kind == "forward":
            assert tuple(told) == value_words(node, name.__getitem__), seed
        if step.kind == "backward":
            expected = grads[step.node, step.operand]
            assert made == pytest.approx(expected, rel=1e-11, abs=1e-12 * size, nan_ok=True), seed
            said = dict.fromkeys(partial_words(node, step.operand, name.__getitem__))
            assert told == [each for each in said if each != number(node.partials[step.operand])], seed
    return True


def edits(player: StepPlayer, rng: random.Random, count: int) -> list[list[list[Any]]]:
    """Some new numbers for a few leaves each; an index stays whole."""
    nodes = player.data()["nodes"]
    leaves = [place for place, node in enumerate(nodes) if "children" not in node]
    found = []
    for _ in range(count):
        edit = []
        for place in rng.sample(leaves, min(len(leaves), rng.randint(1, 4))):
            most = nodes[place].get("limits", {}).get("max")
            edit.append(
                [
                    place,
                    rng.choice([rng.uniform(-2, 2), rng.uniform(0, 1), 0.0]) if most is None else rng.randint(0, most),
                ]
            )
        found.append(edit)
    return found


def random_graph(seed: int) -> StepPlayer:
    rng = random.Random(seed)
    parameters = [leaf(rng.uniform(-1, 1), operation.PARAMETER, f"p{i}") for i in range(7)]
    inputs = [Value(rng.uniform(-1, 1), f"x{i}") for i in range(3)]
    return StepPlayer(Draw(seed).build(inputs, Value(float(rng.randint(0, 2)), "i"), parameters, 1 + seed % 9))


def hard_cases() -> list[StepPlayer]:
    """Graphs whose choices turn over, and that many numbers break."""
    x, y, k = Value(0.5, "x"), Value(0.25, "y"), Value(1.0, "k")
    picked = nn.cross_entropy([x, y, x * y], k) + select(k, [x, x + y, y])
    roots = [
        x.log() / y + x.sqrt(), (x + 0.25) ** y + (y / x) ** 3.0, x.asin() + (9 * x).exp().exp() - y.reciprocal(),
        (x**0.5).relu() + x.leaky_relu() + (-y).step(), picked,
        nn.binary_cross_entropy([x.sigmoid()], [y]), x.atan2(y) / x.hypot(y),
        total([x, y, -2.5, *(x * i for i in range(9))]).log10(), dot([x, y], [y, -0.5], k) - -3.0 * x**-1.0,
    ]  # fmt: skip
    return [StepPlayer(root) for root in roots]


def test_edited_graphs_are_the_engines_in_numbers_and_words(tmp_path: Path) -> None:
    players = [*hard_cases(), *(random_graph(seed) for seed in range(10))]
    rng = random.Random(5)
    chosen = [edits(player, rng, 12 if i < 9 else 3) for i, player in enumerate(players)]
    pages = [engine(player, f"const EDITS = {json.dumps(edit)};{EDIT}") for player, edit in zip(players, chosen)]
    found = in_node(f"const found = [{', '.join(pages)}];", None, tmp_path)
    taken = [
        check(player, edit, made, (i, edit))
        for i, (player, some, every) in enumerate(zip(players, chosen, found, strict=True))
        for edit, made in zip(some, every, strict=True)
    ]
    assert taken.count(True) > 60 and taken.count(False) > 15


def test_tints_are_the_palettes(tmp_path: Path) -> None:
    rng = random.Random(2)
    cases = [[rng.choice([-1, 1]) * rng.randint(0, 16) / 16, 1.0] for _ in range(100)] + [[0.3, 0.0], [-2.0, 0.5]]
    code = f"return {json.dumps(cases)}.map(([x, largest]) => tint(x, largest));"
    found = in_node(f"const found = {engine(StepPlayer(Value(1.0, 'a') * 2), code)};", None, tmp_path)
    assert found == [palette.tint(x, largest) for x, largest in cases]


def test_an_infinity_and_a_changed_leaf_are_told_as_they_are(tmp_path: Path) -> None:
    x, y = Value(math.inf, "x"), Value(0.5, "y")
    root = (-x).exp() + y * 2
    y.data = 0.75
    player = root.steps()
    assert "have changed" in player.data()["notes"][0]
    assert in_node(f"const found = {engine(player, 'return [now().loss, beginning()];')};", None, tmp_path) == [
        1.5, "The leaves hold the numbers they were given.",
    ]  # fmt: skip
    with no_grad():
        alone = x * 2
    assert "no_grad() or detach()" in (y + alone).steps().data()["notes"][0]


# -------------------------------------------------------------------- passes that go on from one another


def trained(optimizer: nn.Optimizer, loss: Any, count: int) -> list[list[float]]:
    """The loss and the weights before each step."""
    found = []
    for _ in range(count):
        value = loss()
        found.append([value.data, *(each.data for each in optimizer.parameters)])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return found


OPTIMIZERS = [
    lambda ps: nn.SGD(ps, lr=0.1), lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda ps: nn.Adam(ps, lr=0.05), lambda ps: nn.AdamW(ps, lr=0.05), lambda ps: nn.Adagrad(ps, lr=0.2),
    lambda ps: nn.RMSprop(ps, momentum=0.5, centered=True), lambda ps: nn.SGD(ps, lr=StepDecay(0.2, every=4)),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", range(len(OPTIMIZERS)))
def test_passes_go_on_as_training_does(optimizer: int, tmp_path: Path) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    made = OPTIMIZERS[optimizer](model.parameters())
    loss = lambda: (model([0.5, -1.0]) - 0.25) ** 2 + model([1.0, 0.75]).exp()  # noqa: E731
    trained(made, loss, 3)  # what the optimizer remembers goes along
    page = engine(
        loss().steps(optimizer=made),
        "for (let i = 0; i < 11; i++) goOn();"
        "const weights = Object.keys(optimizer.weights);"
        "return passes.map(({numbers, loss}) => [loss, ...weights.map(place => numbers[place])]);",
    )
    found = in_node(f"const found = {page};", None, tmp_path)
    for (value, *weights), (wanted, *exact) in zip(found, trained(made, loss, 12), strict=True):
        assert value == pytest.approx(wanted, rel=1e-11)
        assert sorted(weights) == pytest.approx(sorted(exact), rel=1e-10)


def test_a_step_to_infinity_is_refused_in_the_optimizers_words(tmp_path: Path) -> None:
    w = Value(1e200, "w")
    made = nn.SGD([w], lr=1e300)
    page = engine((w * 1e100).steps(optimizer=made), "try { goOn(); } catch (error) { return error.message; }")
    (w * 1e100).backward()
    with pytest.raises(FloatingPointError) as refused:
        made.step()
    assert in_node(f"const found = {page};", None, tmp_path) == str(refused.value)
