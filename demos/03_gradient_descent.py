# %% [markdown]
# # 3 Gradient descent: batch, stochastic, mini-batch
#
# The gradient tells a weight which way to move. But whose gradient: that of all examples together, of one example,
# or of a few? You will see the three choices side by side, on a line with two numbers to learn: how fast each one
# is, how straight it walks, and how noisy its gradients are.
#
# You need from the lessons before: *new weight = old weight − learning rate × gradient* ([lesson
# 2](02_weight_updates.py)).

# %% tags=["helper"]
import time
from itertools import pairwise
from math import inf, isclose
from statistics import fmean, linear_regression
from textwrap import fill

from _lesson import Lesson

from micrograd_plus import Value, nn
from micrograd_plus.data import Dataset, batch_indices, iterations_per_epoch, line
from micrograd_plus.train import Callback, DivergenceError, fit
from micrograd_plus.viz import SurfacePlayer, plots

lesson = Lesson("03_gradient_descent")


def line_model(weight: float, bias: float) -> nn.MLP:
    """One neuron with one input: prediction = weight * x + bias."""
    model = nn.MLP(1, [1])
    model.load_state_dict({"layers.0.neurons.0.weights.0": weight, "layers.0.neurons.0.bias": bias})
    return model


# %% [markdown]
# ## Four points by hand
#
# A line has two numbers: the weight $w$ (its slope) and the bias $b$ (its height at 0). For an input $x$ it
# predicts $\hat y = w x + b$. The loss of one example is the squared error, $L_i = (\hat y_i - y_i)^2$. By the
# chain rule, its two slopes are
#
# $$ \frac{\partial L_i}{\partial w} = 2 (\hat y_i - y_i)\, x_i $$
#
# $$ \frac{\partial L_i}{\partial b} = 2 (\hat y_i - y_i) $$
#
# We start at $w = 0$ and $b = 0$, so that every prediction is 0, and let backward find the slopes of each example
# alone.

# %%
four = Dataset([[-1.0], [0.0], [1.0], [2.0]], [-1.0, 1.5, 2.5, 5.0], name="four points")


def slopes(data: Dataset, weight: float, bias: float) -> tuple[float, float]:
    """The gradient of the mean loss over some examples, at one place of weight and bias."""
    w, b = Value(weight, "w"), Value(bias, "b")
    nn.mse_loss([w * x + b for [x] in data.inputs], data.targets).backward()
    return w.grad, b.grad


singles = [slopes(four[i : i + 1], 0.0, 0.0) for i in range(len(four))]
whole = slopes(four, 0.0, 0.0)
rows = [[f"({x:g}, {y:g})", 0.0 - y, *single] for ([x], y), single in zip(four, singles)]
lesson.table(
    ["example (x, y)", "error", "dL/dw", "dL/db"],
    [*rows, ["mean of the four", fmean(row[1] for row in rows), *map(fmean, zip(*singles))]],
    "The gradient of each example, at w = 0 and b = 0",
)
print(f"The whole set, from one backward pass: dL/dw = {whole[0]:g}, dL/db = {whole[1]:g}")

# %% [markdown]
# The gradient of the whole set is the *mean* of the single gradients. That is the one fact behind all three ways:
#
# $$ g = \frac{1}{N} \sum_{i=1}^{N} g_i $$
#
# - **Batch** gradient descent takes the mean over all $N$ examples for each update. It is the true slope.
# - **Stochastic** gradient descent takes a single example, $g_i$. It is right on average, and wrong each time.
# - **Mini-batch** takes the mean of a few, $B$ of them.
#
# In code they are one path. Only the batch size differs: $B = N$, $B = 1$, or something between.

# %% [markdown]
# ## The race over equal examples
#
# Now 60 points around the line $y = 2x + 1$, with noise. All three start at the same place, use the same learning
# rate and see the same examples: an *epoch* is each example once. What differs is how many updates they make of it.

# %%
data = line(60, noise=0.5, seed=1)
N = len(data)
START, RATE, EPOCHS = (-1.0, -1.5), 0.1, 12
SIZES = {f"batch (B = {N})": N, "mini-batch (B = 10)": 10, "stochastic (B = 1)": 1}
by_size = sorted(SIZES, key=SIZES.__getitem__)
single_name, mini_name, batch_name = by_size[0], by_size[len(by_size) // 2], by_size[-1]


def loss_at(weight: float, bias: float) -> float:
    """The mean loss over all examples."""
    return fmean((weight * x + bias - y) ** 2 for [x], y in data)


FAR = 1e6  # beyond it, a path has broken down


class Path(Callback):
    """Writes down where weight and bias are, at the start and after every update."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []

    def on_start(self, run):
        self.on_iteration(run)

    def on_iteration(self, run):
        weight, bias = run.model.parameters()
        self.points.append((weight.data, bias.data))


def descend(batch_size: int, lr=RATE, epochs: int = EPOCHS) -> list[tuple[float, float]]:
    """The path of gradient descent: a point for the start, and one for each update, up to where it breaks down."""
    path = Path()
    try:
        fit(
            line_model(*START), data, optimizer="sgd", lr=lr, epochs=epochs, batch_size=batch_size,
            callbacks=[path], progress=False,
        )  # fmt: skip
    except DivergenceError as error:
        print(fill(f"B = {batch_size}: {error}", 110), "\n")
    return [point for point in path.points if max(map(abs, point)) < FAR]


def by_epoch(path: list[tuple[float, float]], batch_size: int) -> list[tuple[float, float]]:
    """Where a path is at the start and after each epoch that it has ended."""
    return path[:: iterations_per_epoch(N, batch_size)]


paths = {name: descend(size) for name, size in SIZES.items()}
line_found = linear_regression([x for [x] in data.inputs], data.targets)  # the best line, by a formula
lowest = line_found.slope, line_found.intercept
gaps = {
    name: [loss_at(*point) - loss_at(*lowest) for point in by_epoch(path, size)]
    for (name, path), size in zip(paths.items(), SIZES.values())
}
lesson.table(
    ["after epoch", *SIZES],
    [
        [epoch, *(gap[epoch] if epoch < len(gap) else "broke down" for gap in gaps.values())]
        for epoch in (0, 1, 2, 3, 6, 12)
        if epoch <= EPOCHS
    ],
    "How far the loss is above the lowest possible one",
)
lesson.table(
    ["way", "updates an epoch", "updates in all"],
    [[name, iterations_per_epoch(N, size), len(paths[name]) - 1] for name, size in SIZES.items()],
    "What each made of the same examples",
)

# %% [markdown]
# What is it that they look for? Here are the points, with the line of the start and the lines that were found. The
# best line of all can be computed directly (statistics books call it linear regression); it is the lowest point of the
# loss.

# %%
lesson.show(
    lesson.points_and_lines(
        data,
        {"at the start": START, **{f"found by {name}": path[-1] for name, path in paths.items()}},
        title=f"The lines after {EPOCHS} epochs",
    ),
    "lines",
    alt="Sixty points around a rising line. The line of the start falls; the lines that were found rise through the "
    "points, batch descent's still a little off.",
)

# %% [markdown]
# Every line is a point in a plane of weight and bias, and the loss is a height above it. So the three ways can be drawn
# on a map: a ring joins lines that are equally good.

# %%
lesson.show(
    plots.loss_contours(
        loss_at, paths, minimum=lowest, names=("weight $w$", "bias $b$"), resolution=41, title="Three ways down"
    ),
    "paths",
    alt="Contours of the loss over weight and bias. Batch walks a smooth curve in 12 steps and is still on its way. "
    "Mini-batch arrives with small wobbles. Stochastic is there first and then wanders around the lowest point.",
)

# %% [markdown]
# Read the picture together with the table. Batch descent takes one step an epoch: each in the right direction, but
# few. Stochastic descent has taken one for each example by then. Each of them is crude, but together they go the right
# way.
#
# Here is the same map to touch, with the same examples in the same order. Press play: here all three have taken the
# same number of *steps*. Then raise the rate of the stochastic ball, and lower it. What does the rate do to its
# wandering at the end? And what does it become if its steps take 5 examples, or 20?

# %%
w, b = Value(START[0], "w"), Value(START[1], "b")
lesson.show(
    SurfacePlayer(
        lambda w, b, x, y: (w * x + b - y) ** 2, *(nn.SGD([w, b], lr=RATE) for _ in SIZES),
        names=[name.partition(" (")[0] for name in SIZES], batch_sizes=[*SIZES.values()],
        examples=[(x, y) for [x], y in data], limits=[(-2.0, 4.5), (-2.5, 3.0)], title="Three ways down, step by step",
    ),
    "balls",
    alt="The loss over weight and bias as a map, with a ball for each of the three ways and a slider for its rate.",
)  # fmt: skip

# %% [markdown]
# ## How accurate is a step?
#
# An update is *accurate* if it makes the loss over the whole set smaller. Count the updates that made it bigger.

# %%


def uphill(path: list[tuple[float, float]]) -> int:
    """How many updates made the loss over the whole set bigger."""
    heights = [loss_at(*point) for point in path]
    return sum(after > before for before, after in pairwise(heights))


wrong = {name: uphill(path) for name, path in paths.items()}
share = {name: wrong[name] / max(len(path) - 1, 1) for name, path in paths.items()}
lesson.table(
    ["way", "updates", "made the loss bigger", "share"],
    [[name, len(path) - 1, wrong[name], f"{share[name]:.0%}"] for name, path in paths.items()],
    "Steps in the wrong direction",
)


def is_whole(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether an update went by the mean gradient of all examples, taken from each of them alone."""
    alone = [slopes(data[i : i + 1], *before) for i in range(N)]
    moved = [old - RATE * fmean(column) for old, column in zip(before, zip(*alone))]
    return all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(after, moved))


full = paths[batch_name]
first_epoch = {name: gap[1] if len(gap) > 1 else inf for name, gap in gaps.items()}
lesson.check(
    12,
    all(is_whole(before, after) for before, after in pairwise(full))
    and not any(is_whole(*pair) for pair in pairwise(paths[mini_name][:2]))
    and wrong[batch_name] == 0
    and first_epoch[batch_name] > 10 * first_epoch[single_name],
    f"Batch: slow but accurate. Each of its {len(full) - 1} updates went by the mean gradient of all {N} examples, and"
    f" {wrong[batch_name]} of them were wrong; but after one pass over the data it is {first_epoch[batch_name]:.2f}"
    f" above the lowest loss, where stochastic is {first_epoch[single_name]:.3f} above.",
)

# %% [markdown]
# ## How noisy is a gradient?
#
# Stand still at the start, and look at the gradients that different batches give there. Their mean is the full
# gradient; the *noise* is how far they typically lie from it: square each distance, take the mean of the squares, and
# of that the root. For single examples statistics books call this number $\sigma$ ("sigma"). From it they predict the
# noise of batches of $B$ examples, dealt at random without repeats from all $N$, as in an epoch:
#
# $$ \text{noise}(B) = \frac{\sigma}{\sqrt{B}} \sqrt{\frac{N - B}{N - 1}} $$
#
# The first factor, $\sigma / \sqrt{B}$, is the gain of any mean: errors in opposite directions cancel, and with four
# times the examples half the noise is left. The second, $\sqrt{(N - B) / (N - 1)}$, is there because nothing repeats:
# it is 1 for single examples, and 0 for $B = N$, since a batch of all examples leaves nothing to chance.

# %%


each = [slopes(data[i : i + 1], *START) for i in range(N)]  # the gradient of every example, at the start


def mean_slopes(rows: list[int]) -> tuple[float, float]:
    """The gradient of a batch: the mean of the gradients of its examples."""
    return fmean(each[i][0] for i in rows), fmean(each[i][1] for i in rows)


def noise(batch_size: int, shuffles: int = 1000) -> float:
    """The root mean square distance of batch gradients from the full gradient, over many shuffles."""
    w, b = slopes(data, *START)
    epochs = range(shuffles * batch_size // N + 1)
    rows = [batch for epoch in epochs for batch in batch_indices(N, batch_size, epoch=epoch)]
    return fmean((x - w) ** 2 + (y - b) ** 2 for x, y in map(mean_slopes, rows)) ** 0.5


sizes = sorted({*(size for size in (1, 2, 5, 10, 20, 30) if size < N), N})
measured = [noise(size) for size in sizes]
predicted = [measured[0] / size**0.5 * ((N - size) / (N - 1)) ** 0.5 for size in sizes]
lesson.table(
    ["batch size", "measured noise", "predicted"],
    zip(sizes, (round(x, 6) for x in measured), predicted),
    "The noise of the gradient at the start",
)
lesson.show(
    plots.curves(
        {"measured": (sizes, measured), "predicted": (sizes, predicted)}, markers=True,
        xlabel="batch size", ylabel="distance from the full gradient", title="Bigger batches, less noise",
    ),
    "noise",
    alt="The noise of the gradient falls with the batch size, steeply at first, and is zero for the whole set.",
)  # fmt: skip
settled = {name: fmean(gap[EPOCHS // 2 :] or [inf]) for name, gap in gaps.items()}
off = dict(zip(sizes, measured))
lesson.check(
    13,
    len(paths[single_name]) - 1 == N * EPOCHS
    and first_epoch[single_name] < first_epoch[mini_name] < first_epoch[batch_name]
    and share[single_name] > 0.3
    and off[1] > 2 * off.get(10, inf)
    and all(abs(found - told) < 0.05 * off[1] for found, told in zip(measured, predicted)),
    f"Stochastic: faster, noisier. It makes an update on each example, and after one epoch its loss is the lowest of"
    f" all; but {share[single_name]:.0%} of its updates were uphill, and its gradients are off by {off[1]:.2f}, those"
    f" of mini-batches by {off.get(10, inf):.2f}.",
)
lesson.check(
    14,
    settled[mini_name] < settled[single_name]
    and settled[mini_name] < settled[batch_name]
    and share[batch_name] <= share[mini_name] < share[single_name],
    f"Mini-batch balances the two: in the second half of the race it is {settled[mini_name]:.4f} above the lowest loss,"
    f" stochastic {settled[single_name]:.4f}, batch {settled[batch_name]:.4f}.",
)

# %% [markdown]
# ## The race over equal time
#
# So far we counted examples. What does the clock say? There are two answers, because there are two ways to compute.
#
# - Node by node, as in lesson 1, every example costs the same, whatever the batch. An epoch takes about as long
#   each way.
# - As array code, which `fit` makes of the same graph by itself, a batch goes through in one sweep. Sixty examples
#   then cost little more than one.

# %%


def milliseconds(batch_size: int, backend: str, epochs: int) -> float:
    """How long an epoch takes, in thousandths of a second: a long run less a short one, the best of three."""
    model, found = line_model(*START), []
    for _ in range(3):
        clock = []
        for length in (1, 1 + epochs):
            start = time.perf_counter()
            fit(
                model, data, optimizer="sgd", lr=0.01, epochs=length, batch_size=batch_size, progress=False,
                backend=backend,
            )  # fmt: skip
            clock.append(time.perf_counter() - start)
        found.append((clock[1] - clock[0]) / epochs * 1e3)
    return max(min(found), 1e-3)  # on a busy machine the short run may take longer than the long one


updates = {name: iterations_per_epoch(N, size) for name, size in SIZES.items()}
eager = {name: milliseconds(size, "eager", 5) for name, size in SIZES.items()}
arrays = {name: milliseconds(size, "numpy", max(400 // updates[name], 1)) for name, size in SIZES.items()}
lesson.table(
    ["way", "node by node, ms an epoch", "as array code, ms an epoch", "as array code, ms an update"],
    [[name, eager[name], arrays[name], arrays[name] / updates[name]] for name in SIZES],
    f"What it costs to go through the {N} examples once",
)

# %% [markdown]
# Now the race again, over the time that stochastic descent needs for its 12 epochs as array code. The others make
# as many epochs as fit into it (and at most 400).

# %%
budget = EPOCHS * arrays[single_name]
over_time = {}
for name, size in SIZES.items():
    epochs = min(400, max(1, round(budget / arrays[name])))
    path = by_epoch(descend(size, epochs=epochs), size)
    spent = [epoch * arrays[name] for epoch in range(len(path))]
    over_time[name] = (spent, [loss_at(*point) - loss_at(*lowest) + 1e-9 for point in path])
    print(f"{name}: {epochs} epochs in {spent[-1]:.1f} ms, {over_time[name][1][-1]:.1g} above the lowest loss")
lesson.show(
    plots.curves(
        over_time, log=True, xlabel="milliseconds", ylabel="above the lowest loss", title="The same race by the clock"
    ),
    "clock",
    alt="Loss above the lowest over time, on a logarithmic axis, for the three batch sizes.",
)

# %% [markdown]
# By the clock the order can turn round. As array code an update with 60 examples takes nowhere near 60 times as
# long as one with a single example, and the accurate updates of batch descent come cheap. That holds as long as the
# batch is small for the machine: with a million examples, one accurate update takes as long as thousands of good
# ones would.
#
# These times are from the machine that ran this lesson; yours will differ, and so may the winner. What will not
# differ is the pattern: hardware that works on many numbers at once makes large batches cheaper by the example.
# That, and the noise, is why mini-batches of 16 to a few hundred are what most people use.
#
# ## Where the simple story fails
#
# **Noise does not go away by waiting.** With a constant learning rate, stochastic descent never settles: it wanders
# around the lowest point for ever, as far out as the rate is large. The cure is to let the rate fall as time goes
# on. Here it falls to nearly nothing along a cosine, over the same updates.

# %%
LONG = 30
calm = nn.schedules.Cosine(RATE, N * LONG)
constant_rate, falling_rate = descend(1, epochs=LONG), descend(1, lr=calm, epochs=LONG)


def wander(path: list[tuple[float, float]]) -> float:
    """How far the loss is above the lowest, on average over the last 200 updates."""
    return fmean(loss_at(*point) for point in path[-200:]) - loss_at(*lowest)


lesson.table(
    [f"stochastic, {LONG} epochs", "above the lowest loss, last 200 updates"],
    [
        [f"rate {RATE:g} throughout", wander(constant_rate)],
        [f"rate falling from {RATE:g} to 0", wander(falling_rate)],
    ],
)
lesson.expect(wander(falling_rate) < wander(constant_rate) / 5, "With a falling rate the noise goes away.")
lesson.show(
    plots.loss_contours(
        loss_at, {"constant rate": constant_rate[-400:], "falling rate": falling_rate[-400:]},
        minimum=lowest, names=("weight $w$", "bias $b$"), resolution=41, title="The last 400 steps",
    ),
    "wander",
    alt="Near the lowest point, the path of a constant rate fills a cloud; that of a falling rate comes to rest.",
)  # fmt: skip

# %% [markdown]
# **A rate that is right for one is wrong for another.** The full gradient can stand a much larger rate. With a
# single example the same rate throws the weights about, because that one gradient may be several times too large.
# Where the numbers grow without end, `fit` stops and says so.

# %%


def end(batch_size: int, rate: float, epochs: int = 40) -> float:
    """How far the loss is above the lowest, on average over the last epoch; infinite if training broke down."""
    path = descend(batch_size, lr=rate, epochs=epochs)
    one_epoch = iterations_per_epoch(N, batch_size)
    if len(path) <= epochs * one_epoch:
        return inf
    return fmean(loss_at(*point) for point in path[-one_epoch:]) - loss_at(*lowest)


RATES = (0.02, 0.1, 0.5, 0.9)
ends = {name: [end(size, rate) for rate in RATES] for name, size in SIZES.items()}
lesson.table(["learning rate", *SIZES], zip(RATES, *ends.values()), "Above the lowest loss, after 40 epochs")
low, _, high, _ = zip(ends[batch_name], ends[single_name])
lesson.expect(
    low[0] > 0.1 > high[0] and low[1] < 0.1 < high[1],
    f"At the rate {RATES[0]:g} the stochastic way is ahead, at {RATES[2]:g} batch descent.",
)

# %% [markdown]
# Batch descent is best served by a high rate, stochastic descent by a low one. So if you change the batch size,
# look at the learning rate again.
#
# ## Questions
#
# <details><summary>A data set has 1,000 examples and you take mini-batches of 50. How many updates does an epoch
# make, and by what factor is the gradient's noise smaller than with single examples?</summary>
#
# 20 updates, since $1000 / 50 = 20$. The noise falls by $\sqrt{50} \approx 7.1$, and by a little more because the
# batch is a twentieth of the set: $\sqrt{950/999} \approx 0.975$.
#
# </details>
#
# <details><summary>Is it worth going from batches of 50 to batches of 200?</summary>
#
# The noise is halved ($\sqrt 4 = 2$), but an epoch makes only a quarter of the updates. If the hardware does 200
# examples in the time of 50, it may be; if each example costs the same, it seldom is, unless noise is what holds
# you up.
#
# </details>
#
# <details><summary>Near the lowest point, stochastic descent moved uphill about half of the time. Why
# half?</summary>
#
# At the lowest point the full gradient is 0: there is no right direction left. A single example still has a slope,
# and it points anywhere. Far away from the lowest point, most single examples agree with the full gradient.
#
# </details>
#
# ## Change and try
#
# - Replace `line(60, noise=0.5, seed=1)` by `line(60, noise=0.0, seed=1)`. All points now lie on one line. Does
#   stochastic descent still wander? Why not?
# - Put 5 between 1 and 10: replace `"stochastic (B = 1)": 1}` by `"B = 5": 5, "stochastic (B = 1)": 1}`. Does it lie
#   between them in every table?
# - Replace `START, RATE, EPOCHS = (-1.0, -1.5), 0.1, 12` by `START, RATE, EPOCHS = (-1.0, -1.5), 0.4, 12`, then by
#   `START, RATE, EPOCHS = (-1.0, -1.5), 2.0, 12`. Which path breaks first?
#
# ## Next
#
# Every way here uses one learning rate for all weights. [Lesson 4](04_adam.py) gives each weight its own.
