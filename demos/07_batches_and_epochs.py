# %% [markdown]
# # 7 Batches, iterations, epochs
#
# Three words count how far training has come. A *batch* is what goes through the network before one update, an
# *iteration* is one batch and its update, an *epoch* is all of the data once. You will write the loop that they come
# from, watch its counters, and see what the batch size and the number of epochs do to the result.
#
# You need from the lessons before: forward, loss, backward, update ([lesson 1](01_backpropagation.py), [lesson
# 2](02_weight_updates.py)), and that a batch's gradient is the mean of its samples' gradients ([lesson
# 3](03_gradient_descent.py)).

# %% tags=["helper"]
from collections import Counter
from itertools import chain, pairwise
from math import ceil, hypot
from statistics import fmean, stdev

from _lesson import Lesson

from micrograd_plus import nn
from micrograd_plus.data import batch_indices, batches, iterations_per_epoch, line, moons
from micrograd_plus.train import Callback, EarlyStopping, fit
from micrograd_plus.viz import playground, plots
from micrograd_plus.viz.loop import TrainingLoop
from micrograd_plus.viz.player import Recorder

lesson = Lesson("07_batches_and_epochs")

# %% [markdown]
# ## The loop, by hand
#
# Ten samples, in batches of four, for two epochs. The network is a single neuron: $\hat y = w x + b$. Here is the
# whole of training. It is a loop in a loop in a loop: epochs, batches, samples.

# %%
SAMPLES, BATCH_SIZE, EPOCHS = 10, 4, 2
data = line(SAMPLES, seed=1)
model = nn.MLP(1, [1], seed=0)
optimizer = nn.SGD(model.parameters(), lr=0.1)

counted: Counter[str] = Counter()
waiting = 0  # samples that went through since the last update
before_update, looped = [], []
for epoch in range(1, EPOCHS + 1):
    counted["epochs"] += 1
    print(f"epoch {epoch}")
    for batch in batches(data, BATCH_SIZE, epoch=epoch):
        losses = []
        for x, y in batch:
            losses.append(nn.mse_loss(model(x), y))  # forward, and the loss of this sample
            counted["forward"] += 1
            waiting += 1
        optimizer.zero_grad()
        for loss in losses:
            (loss / len(batch)).backward()  # backward; the gradients add up to the batch's mean
            counted["backward"] += 1
        optimizer.step()  # update
        counted["updates"] += 1
        before_update.append(waiting)
        waiting = 0
        looped.append(fmean(loss.data for loss in losses))
        print(
            f"   iteration {counted['updates']}: {len(batch)} samples forward, mean loss {looped[-1]:.4f},"
            f" {len(batch)} backward, update {counted['updates']}"
        )

# %% [markdown]
# `fit` is this loop. Given the same data and the same weights to start with, it goes through the same batches and
# finds the same losses. We let it run, and let a `TrainingLoop` write down what it does.

# %%
loop = TrainingLoop()
again = nn.MLP(1, [1], seed=0)
fit(
    again, data, loss="mse", optimizer="sgd", lr=0.1, epochs=EPOCHS, batch_size=BATCH_SIZE, callbacks=[loop],
    progress=False,
)  # fmt: skip
print(loop)
lesson.show(
    loop,
    "loop",
    alt="Two boxes, the epochs. In each three cards, the iterations, with 4, 4 and 2 numbered samples, and under them "
    "forward, mean loss, backward and one update.",
)
in_fit = [each.loss for each in loop.iterations]
lesson.expect(
    len(looped) == len(in_fit)
    and all(abs(a - b) < 1e-12 for a, b in zip(looped, in_fit))
    and all(abs(a.data - b.data) < 1e-12 for a, b in zip(model.parameters(), again.parameters())),
    "The loop by hand and fit find the same losses and the same weights.",
)

# %% [markdown]
# Read the picture from the outside in. A large box is an epoch. A card in it is an iteration. The small squares are
# the samples of its batch, by their numbers. Each of them goes forward and backward; then there is *one* update for
# all of them.

# %%
sizes = [len(each.rows) for each in loop.iterations]
full, rest = divmod(SAMPLES, BATCH_SIZE)
one_epoch = [BATCH_SIZE] * full + [rest] * bool(rest)  # the sizes of an epoch's batches
lesson.check(
    30,
    before_update == sizes == one_epoch * EPOCHS,
    f"The batch size is the number of samples before one update: with batches of {BATCH_SIZE} the updates came after"
    f" {', '.join(map(str, before_update))} samples.",
)
lesson.check(
    33,
    counted["updates"] == len(loop.iterations) == len(one_epoch) * EPOCHS
    and counted["forward"] == counted["backward"] == sum(sizes) == SAMPLES * EPOCHS,
    f"An iteration is one batch through the network: {counted['updates']} batches went forward and backward,"
    f" and there were {len(loop.iterations)} iterations.",
)

# %% [markdown]
# ## How many iterations?
#
# With $N$ samples and batches of $B$, an epoch has
#
# $$ \text{iterations} = \frac{N}{B} $$
#
# That is exact if $B$ divides $N$. If it does not, some samples are left over. They make a last, smaller batch, so
# the number is rounded up: $\lceil N / B \rceil$. Or they are left out (`drop_last=True`); then it is rounded down,
# $\lfloor N / B \rfloor$. For 100 samples:

# %%
N = 100
hundred = moons(N, noise=0.2, seed=0)
counts, rows = {}, []
for size in (each for each in (1, 10, 25, 30, 32, 64, 100) if each <= N):
    all_in = [len(batch) for batch in batches(hundred, size, epoch=1)]
    full_only = [len(batch) for batch in batches(hundred, size, epoch=1, drop_last=True)]
    counts[size] = len(all_in), len(full_only)
    left_out = N - sum(full_only)
    rows.append([size, N / size, counts[size][0], all_in[-1], counts[size][1], left_out])
lesson.table(
    ["batch size B", "N / B", "iterations", "samples in the last one", "with drop_last", "samples left out"],
    rows,
    f"Iterations an epoch for N = {N}",
)
exact = [size for size in counts if N % size == 0]
others = [size for size in counts if N % size]
lesson.check(
    34,
    all(counts[size] == (N // size, N // size) for size in exact)
    and all(counts[size] == (ceil(N / size), N // size) for size in others)
    and all(iterations_per_epoch(N, size) == counts[size][0] for size in counts),
    f"Iterations = samples / batch size, exactly, for B = {', '.join(map(str, exact))}; for B ="
    f" {', '.join(map(str, others))} there is a remainder, and the number is rounded up (or down, with drop_last):"
    f" {', '.join(f'{N}/{size} = {N / size:.2f} gives {counts[size][0]} or {counts[size][1]}' for size in others)}.",
)

# %% [markdown]
# ## What an epoch is
#
# An epoch is one cycle through all of the data: every sample once, and none twice. The samples are shuffled anew for
# each epoch, so that the batches are never the same. Here are the batches of three epochs, by the samples' numbers.

# %%


def together(dealing: list[list[int]]) -> list[int]:
    """All samples of an epoch's batches, sorted."""
    return sorted(chain.from_iterable(dealing))


dealt = {epoch: batch_indices(SAMPLES, BATCH_SIZE, epoch=epoch) for epoch in (1, 2, 3)}
lesson.table(
    ["epoch", *(f"batch {i}" for i, _ in enumerate(one_epoch, 1)), "all together, sorted"],
    [
        [epoch, *(", ".join(map(str, batch)) for batch in dealing), ", ".join(map(str, together(dealing)))]
        for epoch, dealing in dealt.items()
    ],
    f"{SAMPLES} samples in batches of {BATCH_SIZE}",
)
times = [Counter(row for each in epoch for row in each.rows) for epoch in loop.epochs()]
lesson.check(
    35,
    all(each == Counter(range(SAMPLES)) for each in times)
    and counted["forward"] == counted["backward"] == SAMPLES * EPOCHS,
    f"An epoch is one full cycle: in each of the {EPOCHS} epochs every one of the {SAMPLES} samples was in exactly one"
    f" batch; {counted['forward']} went forward and {counted['backward']} backward, {SAMPLES} an epoch.",
)
lesson.check(
    36,
    all([len(batch) for batch in dealing] == one_epoch for dealing in dealt.values())
    and all(together(dealing) == list(range(SAMPLES)) for dealing in dealt.values())
    and dealt[1] != dealt[2] != dealt[3],
    f"An epoch is broken into batches: put together, the batches of {', '.join(map(str, one_epoch))} samples are all"
    f" {SAMPLES}, in each epoch in another order.",
)

# %% [markdown]
# With `drop_last` the word *every* is not quite true: the samples that do not fill a batch are left out. Since they
# are shuffled, it is others in each epoch.

# %%
left_out = []
for epoch in (1, 2, 3):
    kept = batch_indices(SAMPLES, BATCH_SIZE, epoch=epoch, drop_last=True) if full else []
    left_out.append(sorted({*range(SAMPLES)} - {*together(kept)}))
lesson.table(["epoch", "left out with drop_last"], [[i, ", ".join(map(str, out))] for i, out in enumerate(left_out, 1)])
lesson.expect(
    all(len(out) == rest for out in left_out) and (not rest or len({tuple(out) for out in left_out}) > 1),
    f"{rest} of the {SAMPLES} samples are left out, not the same ones in each epoch.",
)

# %% [markdown]
# ## Small batches and large ones
#
# We train the same network on the 100 samples with four batch sizes, 20 epochs each, with the same learning rate.
# So all four see exactly as many samples. We write down every *step*: how far each weight was moved by an update.
#
# How steady is a run? We compare each step with the one after it. The cosine of the angle between the two is 1 if they
# go the same way, 0 if they have nothing to do with each other, and −1 if the second takes the first one back. And we
# look at how much the loss jumps from one batch to the next (the standard deviation of its changes: how far they
# typically lie from their mean).

# %%


class Steps(Callback):
    """Writes down the parameters after each update."""

    def on_start(self, run):
        self.places = [[parameter.data for parameter in run.model.parameters()]]

    def on_iteration(self, run):
        self.places.append([parameter.data for parameter in run.model.parameters()])


def cosine(a: list[float], b: list[float]) -> float:
    """The cosine of the angle between two steps."""
    return sum(x * y for x, y in zip(a, b)) / (hypot(*a) * hypot(*b) or 1.0)


RACE_EPOCHS = 20
RATES = {1: 0.1, 10: 0.1, 32: 0.1, N: 0.1}  # the learning rate of each batch size


def race(batch_size: int) -> dict[str, float]:
    """What a run with this batch size looks like."""
    steps = Steps()
    model = nn.MLP(2, [8, 1], activation="tanh", seed=0)
    history = fit(
        model, hundred, optimizer="sgd", lr=RATES[batch_size], epochs=RACE_EPOCHS, batch_size=batch_size,
        callbacks=[steps], progress=False,
    )  # fmt: skip
    moves = [[after - before for before, after in zip(a, b)] for a, b in pairwise(steps.places)]
    return {
        "updates an epoch": len(moves) // RACE_EPOCHS,
        "cosine of successive steps": fmean(cosine(a, b) for a, b in pairwise(moves)),
        "jumps of the loss": stdev(b - a for a, b in pairwise(history.losses)),
        "loss at first": history["loss"][0],
        "loss at last": history["loss"][-1],
        "losses": history.losses,
    }


race_sizes = list(RATES)
results = {size: race(size) for size in race_sizes}
columns = [name for name in results[race_sizes[0]] if name != "losses"]
lesson.table(
    ["batch size", *columns],
    [[size, *(results[size][name] for name in columns)] for size in race_sizes],
    f"The same {RACE_EPOCHS} epochs with four batch sizes",
)
lesson.show(
    plots.curves(
        {
            f"B = {size}": ([(i + 1) / results[size]["updates an epoch"] for i in range(len(results[size]["losses"]))],
                            results[size]["losses"])
            for size in race_sizes[1:]
        },
        xlabel="epoch", ylabel="loss of the batch", title="The loss of each batch, before its update",
    ),
    "jumps",
    alt="Three curves over 20 epochs: for batches of 10 it jumps up and down and falls fast, for 32 less so, for 100 "
    "it is a smooth line that falls slowly.",
)  # fmt: skip
per_epoch, steadiness, jumps = (
    [results[size][name] for size in race_sizes]
    for name in ("updates an epoch", "cosine of successive steps", "jumps of the loss")
)
lesson.check(
    31,
    per_epoch[0] == N and per_epoch[0] > per_epoch[-1] and steadiness[0] < 0.5 and jumps[0] > 10 * jumps[-1],
    f"Small batches: more updates, and noisier ones. B = {race_sizes[0]} made {per_epoch[0]} an epoch; one step and"
    f" the next had a cosine of only {steadiness[0]:.2f}, and the loss jumped by {jumps[0]:.2f}.",
)
lesson.check(
    32,
    per_epoch[-1] == 1 and steadiness[-1] > 0.95 and per_epoch == sorted(per_epoch, reverse=True)
    and steadiness == sorted(steadiness) and jumps == sorted(jumps, reverse=True),
    f"Large batches: fewer updates, and steadier ones. B = {N} made {per_epoch[-1]} an epoch; the cosine was"
    f" {steadiness[-1]:.3f}, and the loss jumped by {jumps[-1]:.4f}. The sizes between lie between.",
)  # fmt: skip

# %% [markdown]
# Fewer and steadier does not mean better. After the same epochs, batches of 100 have the *highest* loss of the four:
# they made one update where batches of one made a hundred. To compare fairly by updates and not by samples, give the
# large batches more epochs, or a higher learning rate. [Lesson 3](03_gradient_descent.py) has that race, and the clock.

# %%
lesson.expect(
    results[N]["loss at last"] == max(result["loss at last"] for result in results.values()),
    f"After {RACE_EPOCHS} epochs the largest batches have the highest loss.",
)
longer = nn.MLP(2, [8, 1], activation="tanh", seed=0)
LONGER = RACE_EPOCHS * per_epoch[1]
history = fit(longer, hundred, optimizer="sgd", lr=RATES[N], epochs=LONGER, batch_size=N, progress=False)
lesson.table(
    ["run", "updates", "loss at last"],
    [
        [
            f"B = {race_sizes[1]}, {RACE_EPOCHS} epochs",
            RACE_EPOCHS * per_epoch[1],
            results[race_sizes[1]]["loss at last"],
        ],
        [f"B = {N}, {RACE_EPOCHS} epochs", RACE_EPOCHS * per_epoch[-1], results[N]["loss at last"]],
        [f"B = {N}, {LONGER} epochs", len(history.losses), history["loss"][-1]],
    ],
    "As many updates, ten times the samples",
)
lesson.expect(
    abs(history["loss"][-1] - results[race_sizes[1]]["loss at last"]) < 0.05,
    "With as many updates the two come equally far.",
)

# %% [markdown]
# ## More epochs
#
# One pass is seldom enough: each update moves the weights only a little. More epochs learn better, up to a point. We
# take up the 40 noisy points of [lesson 6](06_dropout.py) again, with the network that was too large for them, and
# hold it against 200 points that it never sees.

# %%
seen, unseen = moons(40, noise=0.35, seed=0), moons(200, noise=0.35, seed=100)
film = Recorder(frames=80)


def long_run(epochs: int, callbacks: list[Callback]):
    """The network of lesson 6 without dropout, trained for so many epochs, and its history."""
    model = nn.MLP(2, [32, 1], activation="relu", seed=0)
    found = fit(
        model, seen, validation=unseen, epochs=epochs, batch_size=10, lr=0.02, callbacks=callbacks, progress=False
    )
    return model, found


LONG = 300
_, history = long_run(LONG, [film])
training, validation, right = history["loss"], history["validation loss"], history["validation accuracy"]
best = min(range(LONG), key=validation.__getitem__) + 1
marks = [epoch for epoch in sorted({1, 3, 10, 30, best, 100, LONG}) if epoch <= LONG]
lesson.table(
    ["after epoch", "iterations so far", "loss on the seen", "loss on the unseen", "unseen right"],
    [
        [history.epochs[i].epoch, history.epochs[i].iteration, training[i], validation[i], f"{right[i]:.1%}"]
        for i in (epoch - 1 for epoch in marks)
    ],
)  # fmt: skip
lesson.show(
    history.plot(title="More epochs: better, and then only better on what it has seen"),
    "epochs",
    alt="The training loss falls for all 300 epochs; the validation loss falls, is lowest after some dozens of epochs, "
    "and rises from there on.",
)
lesson.show(
    film.player(title=f"{LONG} epochs"),
    "film",
    alt="Training player: the network, the plane of its answers and the loss over 300 epochs.",
)

# %% [markdown]
# On the 40 points, more epochs are better all the way. On points that it has not seen, the network gets better at
# first too: it learns what the two moons look like. Then it gets worse, because there is nothing left to learn but the
# accidents of those 40 points. Play the film, and watch the border after the best epoch.
#
# The cure needs no new theory. Keep some data apart, look at its loss after each epoch, and stop when it has not
# improved for a while: *early stopping*. The best weights are put back.

# %%
PATIENCE = 20
stopped_model, stopped = long_run(LONG, [EarlyStopping(patience=PATIENCE)])
print(stopped.stopped or "it was not stopped")
kept = fmean(nn.binary_cross_entropy_with_logits(stopped_model(x), y).data for x, y in unseen)
lesson.table(
    ["run", "epochs", "loss on the unseen"],
    [["to the end", len(history), validation[-1]], ["with early stopping", len(stopped), kept]],
)
lesson.check(
    37,
    all(training[a - 1] > training[b - 1] for a, b in pairwise(marks))
    and all(validation[a - 1] > validation[b - 1] for a, b in pairwise(marks[: marks.index(best) + 1]))
    and best > 10
    and validation[-1] > 1.5 * validation[best - 1]
    and len(stopped) < len(history)
    and abs(kept - validation[best - 1]) < 1e-9,
    f"More epochs learn better: the loss on new points fell from {validation[0]:.3f} after 1 epoch to"
    f" {validation[best - 1]:.3f} after {best}. Up to overfitting: after {LONG} it was"
    f" {validation[-1]:.3f}. Early stopping ended after {len(stopped)} epochs and kept {kept:.3f}.",
)

# %% [markdown]
# ## In your own hands
#
# Here are all the words of this lesson at once, to play with: 160 of 200 points to train on, in batches of 16, so ten
# iterations an epoch. The counters stand at the bottom left.
#
# - Press *play*, then *stop*. Press *one iteration* and see which points are in the batch: they wear a ring.
# - Choose *stochastic*, then *batch*: how smooth is the thin line of the loss, and how many iterations has an epoch?
# - Raise the noise to 0.4 and make the layers wider: when does the dashed line, the loss on the unseen, turn upwards?
# - *Fork* keeps the run; change one thing in the copy, and compare the two.

# %%
lesson.show(
    playground(data="moons", batch_size=16, title="Batches in your own hands"),
    "playground",
    alt="Playground: points, the network with what each neuron says of the plane, the border and the losses, to train "
    "and change in the page.",
)

# %% [markdown]
# ## Questions
#
# <details><summary>A data set has 60,000 pictures, the batch size is 128, and you train for 5 epochs. How many
# updates are made? How many pictures are in the last batch of each epoch?</summary>
#
# $60000 / 128 = 468.75$, so there are 469 iterations an epoch, and $5 \cdot 469 = 2345$ updates. The last batch holds
# $60000 - 468 \cdot 128 = 96$ pictures.
#
# </details>
#
# <details><summary>Two people train for 1,000 iterations. One has batches of 10, the other of 100. Who has trained for
# more epochs?</summary>
#
# The one with batches of 100 has seen ten times as many samples, so ten times as many epochs. An iteration is no
# measure of how much data was seen; an epoch is no measure of how many updates were made.
#
# </details>
#
# <details><summary>Is the gradient of a batch of 100 the same as the sum of ten updates with batches of 10?</summary>
#
# No. In ten updates, the second batch meets weights that the first one has already moved. With a tiny learning rate
# the weights hardly move between, and then it is nearly the same (times ten, since a batch takes the mean).
#
# </details>
#
# ## Change and try
#
# - Replace `SAMPLES, BATCH_SIZE, EPOCHS = 10, 4, 2` by `SAMPLES, BATCH_SIZE, EPOCHS = 10, 3, 2`, then by
#   `SAMPLES, BATCH_SIZE, EPOCHS = 10, 5, 2`, and say before you run it: how many iterations, and how large is the last
#   batch?
# - Give the largest batches a higher rate in the race: replace `32: 0.1, N: 0.1}` by `32: 0.1, N: 1.0}`. Can they catch
#   up?
# - Replace `PATIENCE = 20` by `PATIENCE = 3`. Does early stopping come too early?
#
# ## Next
#
# You have all the parts now. [Lesson 8](08_a_training_step.py) puts them together: one training step with every number
# in sight, and then the same code on real data.
