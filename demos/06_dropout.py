# %% [markdown]
# # 6 Dropout: training with neurons missing
#
# A network with many neurons can learn a small data set by heart. Dropout works against that with a strange rule:
# in every training pass, leave out some neurons at random. You will see which neurons are left out in an actual
# pass, what becomes of the numbers and the gradients, what dropout does to the error on examples that were never
# trained on, and what happens to a finished network if you remove one of its neurons.
#
# You need from the lessons before: *new weight = old weight − learning rate × gradient* ([lesson
# 2](02_weight_updates.py)), and the cross-entropy of two classes ([lesson 5](05_losses.py)).

# %% tags=["helper"]
from collections import Counter
from functools import partial
from math import inf, isclose
from statistics import fmean, stdev

from _lesson import Lesson

from micrograd_plus import Value, nn, no_grad, total
from micrograd_plus.data import Dataset, moons, xor
from micrograd_plus.train import History, fit
from micrograd_plus.viz import plots
from micrograd_plus.viz.network import NetworkDiagram
from micrograd_plus.viz.player import Recorder, TrainingPlayer

lesson = Lesson("06_dropout")

# %% [markdown]
# ## Four neurons by hand
#
# Let $h_i$ be what neuron $i$ of a layer puts out. Dropout with the rate $p$ passes on
#
# $$ \tilde h_i = m_i \, h_i \qquad m_i = \begin{cases} 0 & \text{with probability } p \\
# \frac{1}{1-p} & \text{otherwise} \end{cases} $$
#
# The factor $m_i$ is the neuron's *mask*. It is drawn anew in every pass, for every neuron on its own. A neuron
# with the mask 0 is *dropped*: to the next layer it looks as if it were not there. The others are made larger by
# $\frac{1}{1-p}$, so that the sum of all stays the same on average. With $p = 0.5$ the factor is 2.

# %%
outputs = [Value(1.0, "h1"), Value(2.0, "h2"), Value(3.0, "h3"), Value(4.0, "h4")]
half = nn.Dropout(0.5, seed=1)
kept = half(outputs)
result = total(kept)
result.label = "sum"
result.backward()
masks = [each.data / h.data for h, each in zip(outputs, kept)]
lesson.table(
    ["neuron", "puts out", "mask", "passed on", "d(sum)/d(neuron)"],
    [[h.label, h.data, mask, each.data, h.grad] for h, mask, each in zip(outputs, masks, kept)],
    "One pass through Dropout(0.5), and the gradients that come back",
)
lesson.expect(
    [each.data for each in kept] == [mask * h.data for h, mask in zip(outputs, masks)]
    and [h.grad for h in outputs] == masks,
    "What is passed on is mask times neuron, and the gradient that comes back is the mask.",
)
lesson.show(
    result.graph(title="One pass through Dropout(0.5)"),
    "one_pass",
    alt="Four neurons, each multiplied by its mask, and the sum. Two masks are 0, two are 2.",
)

# %% [markdown]
# Check it with a pencil: the last column is the same as the mask. That is the chain rule for a product: the
# derivative of $m_i h_i$ by $h_i$ is $m_i$. So a dropped neuron gets the gradient 0. It had no part in this output,
# and it is neither praised nor blamed for it.
#
# Do the weights that lead into it stay where they are in this step, then? Only in plain gradient descent on a single
# example. Momentum and Adam ([lesson 4](04_adam.py)) remember earlier gradients and go on moving; and in a batch every
# example has a mask of its own, so that a neuron is dropped for some of them only. Here is one weight, in a step in
# which its neuron works, and in the next, in which it is dropped:

# %%


def moves(optimizer: nn.Optimizer) -> list[float]:
    """How far a weight moves in a step in which its neuron works, and in the next, in which it is dropped."""
    [weight] = optimizer.parameters
    found = []
    for mask in (2.0, 0.0):
        before = weight.data
        optimizer.zero_grad()
        ((mask * (1.5 * weight).tanh() - 1.0) ** 2).backward()
        optimizer.step()
        found.append(weight.data - before)
    return found


RULES = {"SGD": nn.SGD, "SGD with momentum": partial(nn.SGD, momentum=0.9), "Adam": nn.Adam}
movements = {name: moves(rule([Value(0.2, "w")], lr=0.1)) for name, rule in RULES.items()}
lesson.table(
    ["rule", "moves while the neuron works", "moves while it is dropped"],
    [[name, *moved] for name, moved in movements.items()],
    "One weight into a neuron",
)
lesson.expect(
    movements["SGD"][1] == 0 and all(movements[name][1] != 0 for name in RULES if name != "SGD"),
    "The weight of a dropped neuron rests in plain SGD alone.",
)

# %% [markdown]
# ## A network with neurons left out
#
# Here is a small network with a dropout after its hidden layer, at work on one example. First in training, drawn
# from the mask that this very pass drew.

# %%
small = nn.MLP(2, [6, 1], activation="tanh", dropout=0.5, seed=3)
EXAMPLE, TARGET = [1.0, -0.5], 1.0
training_pass = NetworkDiagram(small, EXAMPLE, TARGET, title="In training: some neurons are dropped")
lesson.show(
    training_pass,
    "training",
    alt="A network of 2 inputs, 6 hidden neurons and one output. The dropped neurons are grey and crossed out, "
    "their edges are dotted; the others are marked with the factor 2.",
)

# %% [markdown]
# And then in use. `model.eval()` says that training is over (`fit` does it for you): nothing is dropped, and
# nothing is scaled.

# %%
small.eval()
lesson.show(
    NetworkDiagram(small, EXAMPLE, TARGET, title="In use: all neurons work"),
    "in_use",
    alt="The same network with all six hidden neurons at work and no factors.",
)

# %% [markdown]
# One pass proves nothing. Let us make a thousand in each mode, and count.

# %%


def passes(model: nn.MLP, number: int) -> tuple[list[list[float]], list[float]]:
    """The masks that each of many passes drew, and the output of each."""
    masks, results = [], []
    for _ in range(number):
        output = model(EXAMPLE)
        weighted_sum = output.children  # the last neuron's weights, then its inputs, then its bias
        inputs = weighted_sum[len(weighted_sum) // 2 : -1]
        masks.append([each.children[1].data for each in inputs if each.op.name == "mul"])
        results.append(output.data)
    return masks, results


PASSES = 1000
small.train()
drawn, noisy = passes(small, PASSES)
small.eval()
undrawn, steady = passes(small, PASSES)
HIDDEN = len(small.layers[0].neurons)
dropped = [sum(masks[neuron] == 0 for masks in drawn if masks) for neuron in range(HIDDEN)]
lesson.table(
    ["hidden neuron", "dropped in training", "dropped in use"],
    [[neuron + 1, count, sum(len(masks) > 0 for masks in undrawn)] for neuron, count in enumerate(dropped)],
    f"How often each neuron was dropped in {PASSES:,} passes",
)
lesson.table(
    ["mode", "lowest output", "highest output", "mean"],
    [["in training", min(noisy), max(noisy), fmean(noisy)], ["in use", min(steady), max(steady), fmean(steady)]],
    "The output for the same example",
)
lesson.expect(
    abs(fmean(noisy) - steady[0]) < 3 * stdev(noisy) / PASSES**0.5, "The means differ by no more than chance allows."
)
patterns = len({tuple(masks) for masks in drawn})
lesson.check(
    26,
    all(0 < count < PASSES for count in dropped)
    and patterns == 2**HIDDEN
    and all(masks == [] for masks in undrawn)
    and len(set(steady)) == 1 < len(set(noisy)),
    f"Neurons are zeroed at random during training, and only then: in {PASSES:,} training passes all {patterns}"
    f" patterns of {HIDDEN} neurons came up; in {PASSES:,} passes in use not one neuron was dropped, and the output was"
    f" {steady[0]:.4f} every time.",
)

# %% [markdown]
# In training the output jumps about; in use it is always the same. But look at the means. They differ by no more than
# chance allows, and that is what the factor $\frac{1}{1-p}$ is for: the last neuron is trained on sums that are right
# on average, so in use it needs no correction.
#
# ## The rate
#
# The rate $p$ is the fraction that is dropped. We let a layer of eight neurons through a thousand times for each
# rate.

# %%


def dropped_of_eight(rate: float) -> list[int]:
    """How many of eight neurons each of the passes dropped."""
    drop = nn.Dropout(rate, seed=0)
    return [sum(each.data == 0 for each in drop([Value(1.0)] * 8)) for _ in range(PASSES)]


RATES = [0.1, 0.2, 0.5, 0.8]
counts = {rate: dropped_of_eight(rate) for rate in RATES}
fractions = {rate: fmean(found) / 8 for rate, found in counts.items()}
lesson.table(
    ["rate p", "neurons let through", "dropped", "fraction dropped", "factor of the others"],
    [[rate, 8 * PASSES, sum(counts[rate]), fractions[rate], nn.Dropout(rate).op.scale] for rate in RATES],
)
half_rate = dropped_of_eight(0.5)
at_half = Counter(half_rate)
lesson.show(
    plots.bars(
        {str(number): at_half[number] for number in range(9)},
        title=f"How many of eight are dropped at p = 0.5, in {PASSES:,} passes",
        ylabel="passes",
    ),
    "how_many",
    alt="Bars for 0 to 8 dropped neurons, highest at 4 and falling off to both sides.",
)
lesson.check(
    27,
    all(abs(fractions[rate] - rate) < 4 * (rate * (1 - rate) / (8 * PASSES)) ** 0.5 for rate in RATES)
    and max(at_half, key=at_half.__getitem__) == 4,
    f"The rate is the fraction dropped: {', '.join(f'{fractions[rate]:.3f} at p = {rate}' for rate in RATES)}."
    f" 0.5 turns half off: {sum(half_rate):,} of {8 * PASSES:,}.",
)

# %% [markdown]
# *Half off* holds on average. In a single pass it may be three of eight, or six; each neuron is a coin of its own.
#
# ## Learning by heart, and what dropout does about it
#
# Now the experiment. The data are two half moons that overlap, so that no curve can separate them without fail. We
# give the network only 40 points to learn from, the *seen* ones, and keep 200 *unseen* ones to test it on. It has 32
# hidden neurons, which are far too many for 40 points, and it is trained for 300 epochs. (An *epoch* is one pass over
# all 40 points; [lesson 7](07_batches_and_epochs.py) is about that.)
#
# Two networks start from the same weights. One has a dropout of 0.5 after the hidden layer, the other has none. Both
# losses are measured in use, with nothing dropped, so that they can be compared.

# %%
EPOCHS, RATE = 300, 0.5
SEEN, UNSEEN = "seen", "unseen"


def points(seed: int) -> dict[str, Dataset]:
    """Forty points to learn from, and two hundred others from the same two half moons."""
    return {SEEN: moons(40, noise=0.35, seed=seed), UNSEEN: moons(200, noise=0.35, seed=100 + seed)}


def train(rate: float, seed: int, callbacks=()) -> tuple[nn.MLP, History]:
    """A network trained with this rate of dropout, and its history."""
    data = points(seed)
    model = nn.MLP(2, [32, 1], activation="relu", dropout=rate, seed=seed)
    history = fit(
        model, data[SEEN], validation=data, epochs=EPOCHS, batch_size=10, lr=0.02, progress=False,
        callbacks=callbacks,
    )  # fmt: skip
    return model, history


WORDS = {0.0: "without dropout", RATE: "with dropout"}
films = {rate: Recorder(frames=60) for rate in WORDS}
runs = {(rate, seed): train(rate, seed, [films[rate]] if seed == 0 else []) for rate in WORDS for seed in range(3)}
lesson.show(
    plots.curves(
        {f"{WORDS[rate]}, {name}": runs[rate, 0][1][f"{name} loss"] for rate in WORDS for name in (SEEN, UNSEEN)},
        xlabel="epoch",
        ylabel="loss",
        title="The same network, without and with dropout",
    ),
    "curves",
    alt="Without dropout the loss on the seen points falls and falls while that on the unseen rises; with dropout "
    "the two stay closer together.",
)

# %% [markdown]
# Without dropout, watch the two curves part: the loss on the seen points goes down and down, and that on the unseen
# ones goes *up*. This is *overfitting*: the network improves on its examples by learning their accidents. With dropout
# the curves stay closer together.
#
# The player shows both runs side by side. Press play, or pull the slider, and watch the border between the two
# classes: one grows horns and islands around single points, the other stays smoother.

# %%
lesson.show(
    TrainingPlayer(*films.values(), names=list(WORDS.values()), title="Without and with dropout"),
    "two_runs",
    alt="Training player: the two runs side by side, with the plane of their answers and their losses.",
)

# %% [markdown]
# One run could be luck. Here are three, each with its own points and its own weights.

# %%
ends = {key: (history[f"{SEEN} loss"][-1], history[f"{UNSEEN} loss"][-1]) for key, (_, history) in runs.items()}
lesson.table(
    ["data", "network", "loss on seen", "loss on unseen", "gap", "unseen that it gets right"],
    [
        [seed + 1, WORDS[rate], *ends[rate, seed], ends[rate, seed][1] - ends[rate, seed][0],
         f"{runs[rate, seed][1][f'{UNSEEN} accuracy'][-1]:.1%}"]
        for seed in range(3) for rate in WORDS
    ],
    f"After {EPOCHS} epochs",
)  # fmt: skip
gap = {rate: fmean(ends[rate, seed][1] - ends[rate, seed][0] for seed in range(3)) for rate in WORDS}
rise = runs[0.0, 0][1][f"{UNSEEN} loss"]
lesson.check(
    28,
    all(ends[RATE, seed][1] < ends[0.0, seed][1] and ends[RATE, seed][0] > ends[0.0, seed][0] for seed in range(3))
    and rise[-1] > 1.5 * min(rise),
    f"It works against overfitting: in all three runs dropout made the loss larger on the seen points and smaller on"
    f" the unseen ones; the gap between the two fell from {gap[0.0]:.2f} to {gap[RATE]:.2f} on average.",
)

# %% [markdown]
# The honest word is *against*, not *away with*. A gap remains, and it is larger in some runs than in others.
#
# ## Removing neurons one by one
#
# Why does it help? A common explanation: a neuron that may be missing at any moment cannot be relied on. So the
# others must not build on any single one, and the work is spread over many. That can be tested. Take a finished
# network, remove one hidden neuron (set the weight that leads away from it to 0), and see how much worse the loss on
# the seen points gets. Put it back, and take the next.
#
# One thing could deceive us. The network without dropout has learned its points by heart, so its loss is much lower,
# and whoever stands higher falls deeper. A fair comparison needs a *control*: the network without dropout, stopped as
# soon as its loss on the seen points is down to where the one with dropout ended. These two know their points equally
# well.

# %%


def loss_of(model: nn.MLP, data: Dataset) -> float:
    """The mean loss over some data, in use."""
    with no_grad():
        return fmean(nn.binary_cross_entropy_with_logits(model(x), y).data for x, y in data)


TOGETHER = 1  # neurons that are removed at a time


def damage(model: nn.MLP, data: Dataset) -> list[float]:
    """How much the loss rises when each hidden neuron, with TOGETHER - 1 more, is removed: the worst first."""
    whole, found = loss_of(model, data), []
    leaving = model.layers[-1].neurons[0].weights
    for start in range(len(leaving) + 1 - TOGETHER):
        removed = leaving[start : start + TOGETHER]
        before = [weight.data for weight in removed]
        for weight in removed:
            weight.data = 0.0
        found.append(loss_of(model, data) - whole)
        for weight, number in zip(removed, before):
            weight.data = number
    return sorted(found, reverse=True)


def control(seed: int) -> tuple[nn.MLP, History]:
    """The network without dropout, stopped where its loss on the seen points is that of the one with dropout."""
    goal = ends[RATE, seed][0]

    def stop(run):
        if run.history[f"{SEEN} loss"][-1] <= goal:
            run.stop("it knows the seen points as well as the network with dropout")

    return train(0.0, seed, [stop])


STOPPED, WITHOUT, WITH = "without dropout, stopped at the same loss", "without dropout", "with dropout"
models = {
    (name, seed): made[0]
    for seed in range(3)
    for name, made in ((WITHOUT, runs[0.0, seed]), (STOPPED, control(seed)), (WITH, runs[RATE, seed]))
}
seen_loss = {key: loss_of(model, points(key[1])[SEEN]) for key, model in models.items()}
damages = {key: damage(model, points(key[1])[SEEN]) for key, model in models.items()}
lesson.table(
    ["data", "network", "loss on seen", "worst neuron", "second", "mean of all"],
    [
        [seed + 1, name, seen_loss[name, seed], *damages[name, seed][:2], fmean(damages[name, seed])]
        for name, seed in models
    ],
    "How much the loss on the seen points rises when one neuron is removed",
)
lesson.show(
    plots.curves(
        {name: damages[name, 0] for name in (STOPPED, WITH)},
        xlabel="hidden neurons, from the one missed most to the one missed least",
        ylabel="rise of the loss",
        title="What it costs to remove one neuron, at the same loss",
    ),
    "damage",
    alt="Without dropout a few neurons are missed badly, though the loss is the same; with dropout the curve is close "
    "to zero throughout.",
)
worst = {name: [damages[name, seed][0] for seed in range(3)] for name in (STOPPED, WITH)}
equal = all(isclose(seen_loss[STOPPED, seed], seen_loss[WITH, seed], rel_tol=0.1) for seed in range(3))
ratio = min(without / with_it if with_it > 0 else inf for without, with_it in zip(*worst.values()))
lesson.check(
    29,
    equal and ratio > 3,
    f"It reduces the reliance on single neurons. Of two networks that know the seen points equally well, removing the"
    f" neuron that is missed most raises the loss by {', '.join(f'{each:.2g}' for each in worst[STOPPED])} without"
    f" dropout, in the three runs, and by {', '.join(f'{each:.2g}' for each in worst[WITH])} with dropout: at least"
    f" {ratio:.1f} times less.",
)

# %% [markdown]
# ## Where the simple story fails
#
# **Too much is too much.** Dropout makes learning harder. If a network is small, or the rate high, there are too few
# neurons left in a pass to learn anything. On the four points of XOR there is nothing to overfit, only something to
# learn.

# %%
tiny = {}
for rate in (0.0, 0.2, 0.5, 0.8):
    model = nn.MLP(2, [4, 1], activation="tanh", dropout=rate, seed=3)
    fit(model, xor(), epochs=400, batch_size=4, lr=0.05, progress=False)
    tiny[rate] = loss_of(model, xor())
lesson.table(
    ["rate p", "loss on XOR's four points"],
    [[rate, loss] for rate, loss in tiny.items()],
    "Four hidden neurons, 400 epochs",
)
lesson.expect(tiny[0.0] < 0.05 < tiny[0.5] < tiny[0.8], "The higher the rate, the less of XOR is learned.")

# %% [markdown]
# **It must be off when it counts.** A network that is left in training mode gives another answer each time it is
# asked. It is one of the most common mistakes; `model.eval()` is the cure, and the training doctor
# (`micrograd_plus.explain.diagnose`) looks for it. We ask a trained network about the same point, over and over.

# %%
model, _ = runs[RATE, 0]
ASKED = [0.5, 0.25]
with no_grad():
    answers = {}
    for mode in ("in use", "left in training"):
        model.train(mode == "left in training")
        answers[mode] = [model(ASKED).sigmoid().data for _ in range(PASSES)]
model.eval()
lesson.table(
    ["the model is", "lowest answer", "highest answer", "spread (standard deviation)"],
    [[mode, min(found), max(found), stdev(found)] for mode, found in answers.items()],
    f"The probability of the second class at the point {tuple(ASKED)}, asked {PASSES:,} times",
)
lesson.expect(
    stdev(answers["in use"]) == 0 < stdev(answers["left in training"]), "In use the answer is the same every time."
)

# %% [markdown]
# **Stopping early may do as much, or more.** Look again at the curves: without dropout, the loss on the unseen was
# lowest early on. Who stops there needs no dropout for this data. The next lesson does just that.

# %%
lesson.table(
    ["data", "without dropout, stopped at its best epoch", "with dropout, after all epochs"],
    [[seed + 1, min(runs[0.0, seed][1][f"{UNSEEN} loss"]), ends[RATE, seed][1]] for seed in range(3)],
    "Loss on the unseen points",
)
lesson.expect(
    all(min(runs[0.0, seed][1][f"{UNSEEN} loss"]) < ends[RATE, seed][1] for seed in range(3)),
    "Whoever stops at the best epoch needs no dropout for this data.",
)

# %% [markdown]
# ## Questions
#
# <details><summary>A layer of 100 neurons has a dropout of 0.2. How many are dropped in a pass, and by what are the
# others multiplied?</summary>
#
# 20 on average, though seldom exactly 20. The others are multiplied by $\frac{1}{1 - 0.2} = 1.25$.
#
# </details>
#
# <details><summary>A neuron was dropped in a pass. What is the gradient of the weights that lead into it, and of
# those that lead away from it?</summary>
#
# Both are 0. The weights into it: the gradient has to pass through the mask, and the mask is 0. The weights away
# from it: their gradient is the number that came through them, which is $0 \cdot h = 0$, times the gradient from
# above.
#
# </details>
#
# <details><summary>During training with dropout, the loss that is reported for the training data is often higher than
# that for the validation data. Is something wrong?</summary>
#
# No. The training loss is taken with neurons missing, the validation loss with all of them at work. Compare like
# with like, as the table above does: both with nothing dropped.
#
# </details>
#
# ## Change and try
#
# - Train with other rates: replace `EPOCHS, RATE = 300, 0.5` by `EPOCHS, RATE = 300, 0.1`, then by
#   `EPOCHS, RATE = 300, 0.3`, then by `EPOCHS, RATE = 300, 0.8`. Where is the loss on the unseen points lowest?
# - Give the network more to learn from: replace `moons(40, noise=0.35, seed=seed)` by
#   `moons(400, noise=0.35, seed=seed)`. What is left of the gap, and of the use of dropout?
# - Remove two neurons at a time: replace `TOGETHER = 1` by `TOGETHER = 2`. Does the damage add up?
#
# ## Next
#
# We said *epoch* and *batch* without ado. [Lesson 7](07_batches_and_epochs.py) counts them.
