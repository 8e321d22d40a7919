"""The surface player computes in the page what the optimizers do in Python."""

import json
import math
import shutil
import subprocess
from importlib import resources

import pytest

from micrograd_plus import Value, dot, nn
from micrograd_plus.compiler import CompileError
from micrograd_plus.data import iterations_per_epoch, line
from micrograd_plus.nn import SGD, Adagrad, Adam, AdamW, RMSprop
from micrograd_plus.train import Callback, fit
from micrograd_plus.viz.player import SurfacePlayer


def wavy(w1, w2):
    return (1 - w1) ** 2 + 3 * (w2 - w1 * w1) ** 2 + 0.1 * (5 * w1).sin() + (w2 - 0.5).abs()


def pair(start=(-1.2, 1.5)):
    return [Value(number, f"w{i}") for i, number in enumerate(start, 1)]


def in_node(*players):
    """For each player the ways of its balls, as its page computes them: a list of (w, loss, g) for each ball."""
    node = shutil.which("node") or pytest.fail("node is not on PATH; install it, as .ci/run does")
    descent = (resources.files("micrograd_plus.viz.player") / "files" / "descent.js").read_text(encoding="utf-8")
    whole = ["const found = [];"]
    for player in players:
        data = json.dumps(dict(player.data()))
        ways = "data.balls.map(b => { const {moments, end} = wayOf(b, data.start);"
        ways += " return {end, way: moments.map(m => [m.w, m.loss, m.g].map(x => JSON.parse(JSON.stringify(x)))),"
        ways += " words: moments.map(m => (m.lines ?? []).map(each => each.map(line => line.text)))}; })"
        whole.append(
            "{" + "\n".join([f"const data = {data};", player.program(), descent, f"found.push({ways});"]) + "}"
        )
    whole.append("console.log(JSON.stringify(found));")
    done = subprocess.run([node, "-"], input="\n".join(whole), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return json.loads(done.stdout)


def descent(loss, optimizer, steps):
    """The same by the engine."""
    found = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        height = loss(*optimizer.parameters)
        height.backward()
        found.append([[w.data for w in optimizer.parameters], height.data, [w.grad for w in optimizer.parameters]])
        optimizer.step()
    return found


def same(found, expected):
    assert len(found) == len(expected)
    for (w, loss, g), (w_, loss_, g_) in zip(found, expected):
        assert [*w, loss, *g] == pytest.approx([*w_, loss_, *g_], rel=1e-9, abs=1e-9)


KINDS = {
    "SGD": lambda ws: SGD(ws, lr=0.01),
    "SGD with all": lambda ws: SGD(ws, lr=0.005, momentum=0.8, nesterov=True, weight_decay=0.01),
    "damped": lambda ws: SGD(ws, lr=0.01, momentum=0.8, dampening=0.3),
    "Adam": lambda ws: Adam(ws, lr=0.1, betas=(0.8, 0.99), weight_decay=0.1),
    "AdamW": lambda ws: AdamW(ws, lr=0.1),
    "RMSprop": lambda ws: RMSprop(ws, lr=0.02, momentum=0.5, centered=True),
    "Adagrad": lambda ws: Adagrad(ws, lr=0.3),
}


def test_a_hundred_steps_of_every_rule_are_those_of_python():
    weights = pair()
    player = SurfacePlayer(wavy, *(make(weights) for make in KINDS.values()), names=[*KINDS])
    points = line(23, noise=0.5, seed=3)
    w = Value(3.0, "w")
    curve = SurfacePlayer(lambda w: (w.tanh() - 0.5) ** 2 + w.exp() / 100, *(make([w]) for make in KINDS.values()))
    both = [Value(-1.0, "w"), Value(-1.5, "b")]
    mean = SurfacePlayer(
        lambda w, b: nn.mse_loss([w * x + b for [x] in points.inputs], points.targets), Adam(both, lr=0.1)
    )
    found, curved, [averaged] = in_node(player, curve, mean)
    for make, ball in zip(KINDS.values(), found):
        assert ball["end"] == ""
        same(ball["way"], descent(wavy, make(pair()), 100))
    for make, ball in zip(KINDS.values(), curved):
        same(ball["way"], descent(lambda w: (w.tanh() - 0.5) ** 2 + w.exp() / 100, make([Value(3.0)]), 100))
    again = [Value(-1.0), Value(-1.5)]
    same(
        averaged["way"],
        descent(
            lambda w, b: nn.mse_loss([w * x + b for [x] in points.inputs], points.targets), Adam(again, lr=0.1), 100
        ),
    )
    assert [w.data for w in weights] == [-1.2, 1.5], "the weights are left as they are"
    assert found[0]["words"][1][0][-1].startswith("w = w - step = -1.2 - ")


class Path(Callback):
    def __init__(self):
        self.points = []

    def on_start(self, run):
        self.on_iteration(run)

    def on_iteration(self, run):
        self.points.append([each.data for each in run.model.parameters()])


def test_batches_are_those_of_fit():
    points, sizes = line(23, noise=0.5, seed=3), [12, 5, 1]
    w, b = Value(-1.0, "w"), Value(-1.5, "b")
    player = SurfacePlayer(
        lambda w, b, x, y: (w * x + b - y) ** 2, *(Adam([w, b], lr=0.1) for _ in sizes),
        examples=[(x, y) for [x], y in points], batch_sizes=sizes, seed=4,
    )  # fmt: skip
    [found] = in_node(player)
    for size, ball in zip(sizes, found):
        model, path = nn.MLP(1, [1]), Path()
        for parameter, number in zip(model.parameters(), (-1.0, -1.5)):
            parameter.data = number
        optimizer = Adam(model.parameters(), lr=0.1)
        epochs = -(-100 // iterations_per_epoch(23, size))
        fit(
            model,
            points,
            loss="mse",
            optimizer=optimizer,
            epochs=epochs,
            batch_size=size,
            seed=4,
            callbacks=[path],
            progress=False,
        )
        moments = ball["way"]
        assert [w for w, _, _ in moments] == [pytest.approx(point, rel=1e-9, abs=1e-12) for point in path.points[:101]]
        w, whole, _ = moments[50]
        assert whole == pytest.approx(math.fsum((w[0] * x + w[1] - y) ** 2 for [x], y in points) / 23, rel=1e-9)


def test_a_way_that_leaves_the_numbers_ends_in_words():
    w = Value(1.0, "w")
    too_fast = SurfacePlayer(lambda w: 1e155 * w * w, SGD([w], lr=1e200), steps=60)
    undefined = SurfacePlayer(lambda w: w.log(), SGD([w], lr=2.0))
    [fast], [lost] = in_node(too_fast, undefined)
    with pytest.raises(FloatingPointError, match="step 1 takes w to -inf, from w = 1 and g =") as refused:
        descent(lambda w: 1e155 * w * w, SGD([Value(1.0, "w")], lr=1e200), 60)
    assert fast["end"] == str(refused.value) and len(fast["way"]) == 1
    assert lost["end"] == "the loss is nan there, for which the engine raises an error" and [
        w for [w], _, _ in lost["way"]
    ] == [1.0, -1.0]


def test_the_page_holds_what_it_was_given():
    w1, w2 = pair((0.0, -8.0))
    player = SurfacePlayer(wavy, SGD([w1, w2], lr=0.5), Adam([w1, w2], lr=0.25), title="Down")
    assert repr(player) == "<SurfacePlayer: the loss over w1 and w2, with SGD and Adam>"
    data = player.data()
    assert data["start"] == [0.0, -8.0] and data["limits"] == [(-1.0, 1.0), (-12.0, 12.0)]
    assert [ball["lr"] for ball in data["balls"]] == [0.5, 0.25]
    page = player.html()
    assert "<title>Down</title>" in page and "default-src 'none'" in page and "export " not in page.split("<script>")[1]
    assert len(page) < 90_000


def test_what_can_t_be_rolled_is_refused_in_words():
    w, [w1, w2] = Value(1.0, "w"), pair()
    square = lambda w: w * w  # noqa: E731
    with pytest.raises(ValueError, match=r"no ball to roll: pass an optimizer, such as SGD\(\[w\], lr=0.1\)"):
        SurfacePlayer(square)
    with pytest.raises(TypeError, match="needs optimizers, but got str: 'sgd'"):
        SurfacePlayer(square, "sgd")
    with pytest.raises(ValueError, match="the rate is a slider, not a schedule"):
        SurfacePlayer(square, SGD([w], lr=lambda t: 0.1))
    with pytest.raises(ValueError, match="one setting for all its weights"):
        SurfacePlayer(wavy, SGD([w1, w2], lr=0.1, groups={"w1": {"lr": 0.5}}))
    with pytest.raises(ValueError, match="the optimizers have different parameters"):
        SurfacePlayer(square, SGD([w], lr=0.1), SGD([w1], lr=0.1))
    with pytest.raises(ValueError, match="over one or two weights, but the optimizers have 3"):
        SurfacePlayer(lambda *ws: dot(ws, ws), SGD([w, w1, w2], lr=0.1))
    with pytest.raises(ValueError, match="names has 2 entries for 1 optimizers; give each optimizer one"):
        SurfacePlayer(square, SGD([w], lr=0.1), names=["a", "b"])
    with pytest.raises(ValueError, match="limits has 2 entries for 1 weights"):
        SurfacePlayer(square, SGD([w], lr=0.1), limits=[(0, 1), (0, 1)])
    with pytest.raises(ValueError, match=r"limits are \(low, high\) for each weight, but got \(1, 0\)"):
        SurfacePlayer(square, SGD([w], lr=0.1), limits=[(1, 0)])
    with pytest.raises(ValueError, match="a step takes 1 to 2 examples, but batch_sizes has 3"):
        SurfacePlayer(lambda w, x: w * x, SGD([w], lr=0.1), examples=[(1.0,), (2.0,)], batch_sizes=[3])
    with pytest.raises(ValueError, match="at most, but got 501"):
        SurfacePlayer(lambda w, x: w * x, SGD([w], lr=0.1), examples=[(1.0,)] * 501)
    with pytest.raises(ValueError, match="the loss draws at random, so that it is no surface"):
        SurfacePlayer(lambda w: nn.Dropout(0.5)([w])[0], SGD([w], lr=0.1))
    with pytest.raises(CompileError):
        SurfacePlayer(lambda w: w if w.data > 0 else -w, SGD([w], lr=0.1))
