# %% [markdown]
# # 4 Adam: a rate for every weight
#
# Plain gradient descent multiplies every gradient by one learning rate. Adam keeps two running averages for each
# weight and makes a rate of its own from them. You will see every line of its formula with the numbers put in, take
# it apart into the two older rules it is made of, move each of its knobs, and meet a case where plain descent wins.
#
# You need from the lessons before: what a gradient is ([lesson 1](01_backpropagation.py)), how it moves a weight
# ([lesson 2](02_weight_updates.py)), and why gradients are noisy ([lesson 3](03_gradient_descent.py)).

# %% tags=["helper"]
import math
import random
from collections.abc import Callable, Iterable
from functools import partial
from statistics import fmean, pstdev

from _lesson import Lesson

from micrograd_plus import Value, nn
from micrograd_plus.data import Dataset, iris, line, moons, split, standardize
from micrograd_plus.explain import Ledger
from micrograd_plus.nn import SGD, Adam, RMSprop
from micrograd_plus.train import fit
from micrograd_plus.viz import SurfacePlayer, plots

lesson = Lesson("04_adam")


def answers(optimizer: nn.Optimizer, gradients: list[float], lr: float = 1.0) -> list[dict[str, float]]:
    """What a rule makes of a row of gradients that we dictate: every quantity, step by step."""
    found: list[dict[str, float]] = []
    known = {"w": 0.0, **dict.fromkeys(optimizer.state, 0.0)}
    for t, g in enumerate(gradients, 1):
        known = optimizer.rule(**{**known, "g": g, "t": t, "lr": lr})
        found.append(known)
    return found


def first(numbers: Iterable[int]) -> float:
    """The first of some numbers; infinite if there is none."""
    return next(iter(numbers), math.inf)


def told(count: float) -> str:
    """A number of steps in words."""
    return "never" if count == math.inf else f"{count:,}"


def turning_points(betas: tuple[float, ...], steps: list[float]) -> str:
    """After how many steps it happened with which beta, in words."""
    each = (f"with {b:g} {'never' if n == math.inf else f'after {told(n)} steps'}" for b, n in zip(betas, steps))
    return ", ".join(each)


# %% [markdown]
# ## One weight by hand
#
# The smallest case: one weight $w$, and the loss $(w - 3)^2$, lowest at $w = 3$. We start at $w = 0$, where the
# gradient is $2 (0 - 3) = -6$, and let Adam make three steps.
#
# Adam keeps two numbers for the weight beside the weight itself. Both are *running averages*: at each step most of the
# old average is kept, and a little of the new number is mixed in.
#
# - $m$ averages the gradient $g$. Of the old average it keeps the share $\beta_1$ ("beta one", usually 0.9), and takes
#   the rest, $1 - \beta_1 = 0.1$, of the new gradient. It says where the gradient has pointed lately.
# - $v$ averages the gradient's square $g^2$, and keeps the share $\beta_2$ (usually 0.999). It says how large the
#   gradient has been lately, whatever its sign.
#
# Both start at 0, so at first they are too small. Adam divides them by what is missing, and the results are called
# $\hat m$ and $\hat v$ ("m hat", "v hat"; `m_hat` and `v_hat` in code). The step is then the learning rate times
# $\hat m$, divided by the root of $\hat v$.
#
# The *ledger* writes down each line of the rule, with the numbers put into the formula.

# %%
w = Value(0.0, "w")
optimizer = Adam([w], lr=0.1)
with Ledger(optimizer) as book:
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w - 3) ** 2
        loss.backward()
        optimizer.step()
lesson.show(book)
lesson.show(book.table())

# %% [markdown]
# The same as formulas, line by line:
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, g $$
#
# $$ v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2 $$
#
# $$ \hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t} $$
#
# $$ w \leftarrow w - \eta \, \frac{\hat m}{\sqrt{\hat v} + \epsilon} $$
#
# - $g$ is the gradient, $t$ the number of the step, $\eta$ (eta) the learning rate, `lr`.
# - The half with $m$ is called *momentum*, the half with $v$ *RMSprop* ("root mean square": the root of the average
#   square).
# - At $t = 1$ the first line gives $m = 0.1\, g$; dividing by $1 - 0.9 = 0.1$ makes $g$ of it.
# - $\epsilon$ (epsilon) is tiny, $10^{-8}$. It only keeps the division from going wrong where the gradient is 0.
#
# One thing follows at once. In the first step $\hat m = g$ and $\sqrt{\hat v} = |g|$, so their ratio is $\pm 1$ and
# the step is the learning rate itself, however steep the loss. Make the loss a thousand times as steep, and nothing
# changes:

# %%
rows = []
for steepness in (0.001, 1.0, 1000.0):
    adam, sgd = Value(0.0), Value(0.0)
    for weight, rule in ((adam, Adam([adam], lr=0.1)), (sgd, SGD([sgd], lr=0.1))):
        (steepness * (weight - 3) ** 2).backward()
        rule.step()
    rows.append([steepness, steepness * -6, sgd.data, adam.data])
lesson.table(["steepness", "gradient", "SGD's first step", "Adam's first step"], rows)
lesson.expect(
    all(math.isclose(row[3], 0.1, rel_tol=1e-4) for row in rows), "Adam's first step is the learning rate each time."
)

# %% [markdown]
# ## Two rules in one
#
# Adam is momentum and RMSprop put together. To see it, switch off one half at a time and compare with the rule that
# has only the other half. The correction of the start ($1 - \beta^t$) is Adam's own. We give it to the older rules
# as part of their learning rate.
#
# - **Without momentum**: $\beta_1 = 0$ makes $\hat m = g$. What is left is RMSprop.
# - **Without RMSprop**: a huge $\epsilon$ drowns $\sqrt{\hat v}$, so that every weight is divided by the same
#   number. With a learning rate as huge, that number cancels. What is left is gradient descent with momentum.

# %%


def weights_of(rule: nn.Optimizer, steps: int = 60) -> list[float]:
    """Where a rule takes a weight on a wavy loss; infinite if it breaks down on the way."""
    [weight] = rule.parameters
    visited = []
    try:
        for _ in range(steps):
            rule.zero_grad()
            ((weight - 3) ** 2 + (3 * weight).sin()).backward()
            rule.step()
            visited.append(weight.data)
    except ArithmeticError:
        visited += [math.inf] * (steps - len(visited))
    return visited


HUGE, RATE = 1e9, 0.05
pairs = {
    "RMSprop": (
        Adam([Value(0.0)], lr=RATE, betas=(0.0, 0.99), eps=0.0),
        RMSprop([Value(0.0)], lr=lambda t: RATE * (1 - 0.99 ** (t + 1)) ** 0.5, alpha=0.99, eps=0.0),
    ),
    "momentum": (
        Adam([Value(0.0)], lr=RATE * HUGE, betas=(0.9, 0.999), eps=HUGE),
        SGD([Value(0.0)], lr=lambda t: RATE * (1 - 0.9) / (1 - 0.9 ** (t + 1)), momentum=0.9),
    ),
}
visited = {half: [weights_of(rule) for rule in pair] for half, pair in pairs.items()}
lesson.table(
    ["step", "Adam with β1 = 0", "RMSprop", "Adam with huge ε", "momentum"],
    [[t, *(path[t - 1] for both in visited.values() for path in both)] for t in (1, 2, 3, 10, 60)],
    "The weight after so many steps",
)
apart = {half: max(abs(a - b) for a, b in zip(*both)) for half, both in visited.items()}
moved = min(abs(path[-1]) for both in visited.values() for path in both)
differ = max(abs(a - b) for a, b in zip(visited["RMSprop"][0], visited["momentum"][0]))
lesson.check(
    15,
    all(distance < 1e-6 for distance in apart.values()) and moved > 1 and differ > 0.1,
    f"Adam joins momentum and RMSprop. With one half off it walks with the other: over 60 steps the two are never"
    f" further apart than {apart['RMSprop']:.0e} (RMSprop) and {apart['momentum']:.0e} (momentum).",
)

# %% [markdown]
# ## A rate for each weight
#
# Now two weights, and a loss that is a hundred times as steep in one direction as in the other: $50 w_1^2 + 0.5
# w_2^2$. Plain descent is in a bind. A rate that suits $w_1$ is far too small for $w_2$; one that suits $w_2$ makes
# $w_1$ diverge.
#
# In Adam's last line the learning rate and the root stand together, $\eta / (\sqrt{\hat v} + \epsilon)$. The step is
# this number times $\hat m$, so it is the rate of the weight. Each weight has its own $\hat v$ and so its own rate:

# %%


def long_bowl(w1, w2):
    """A valley: steep in w1, nearly flat in w2, lowest at (0, 0)."""
    return 50 * w1**2 + 0.5 * w2**2


def descend(
    rule: Callable[[list[Value]], nn.Optimizer], loss: Callable, steps: int, start: tuple[float, ...]
) -> list[tuple[float, ...]]:
    """The places that an optimizer visits on its way down."""
    weights = [Value(number, f"w{i}") for i, number in enumerate(start, 1)]
    optimizer = rule(weights)
    path = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(*weights).backward()
        optimizer.step()
        path.append(tuple(weight.data for weight in weights))
    return path


START = (-1.0, -8.0)
weights = [Value(number, f"w{i}") for i, number in enumerate(START, 1)]
optimizer = Adam(weights, lr=0.4)
with Ledger(optimizer, weights) as book:
    for _ in range(60):
        optimizer.zero_grad()
        long_bowl(*weights).backward()
        optimizer.step()

entries = {
    weight.label: [each.quantities() for each in book.entries if each.parameter == weight.label] for weight in weights
}
# Each weight's step is its own rate times m_hat: so much the rule's own step says, whatever its formula.
rates = {name: [each["step"] / each["m_hat"] for each in row] for name, row in entries.items()}
by_formula = {
    name: [each["lr"] / (each["v_hat"] ** 0.5 + optimizer.options["eps"]) for each in row]
    for name, row in entries.items()
}
lesson.table(
    ["step", "rate of w1", "rate of w2", "ratio"],
    [[t, rates["w1"][t - 1], rates["w2"][t - 1], rates["w2"][t - 1] / rates["w1"][t - 1]] for t in (1, 5, 20, 60)],
    "The rate that each weight gets from Adam, with lr = 0.4 for both",
)
lesson.show(
    plots.curves(rates, log=True, xlabel="step", ylabel="the weight's own rate", title="One learning rate, two rates"),
    "rates",
    alt="On a logarithmic axis, the rate of the flat direction lies about ten times above that of the steep one, and "
    "both rise as the gradients shrink.",
)
ratios = [b / a for a, b in zip(rates["w1"], rates["w2"])]
growth = {name: max(row) / min(row) for name, row in rates.items()}
lesson.check(
    16,
    all(math.isclose(a, b, rel_tol=1e-9) for name in rates for a, b in zip(rates[name], by_formula[name]))
    and min(ratios) > 3
    and min(growth.values()) > 1.5,
    f"Each parameter gets its own rate, changing over time: w2's is {min(ratios):.0f} to {max(ratios):.0f} times w1's,"
    f" and over 60 steps w1's changes by a factor of {growth['w1']:.1f}, w2's by {growth['w2']:.1f}.",
)

# %%
bowl_paths = {
    "SGD, rate 0.0195": descend(lambda ws: SGD(ws, lr=0.0195), long_bowl, 60, START),
    "Adam, rate 0.4": descend(lambda ws: Adam(ws, lr=0.4), long_bowl, 60, START),
}
lesson.show(
    plots.loss_contours(
        long_bowl, bowl_paths, limits=((-2.5, 2.5), (-9.0, 3.0)), minimum=(0.0, 0.0), title="Down a long valley"
    ),
    "valley",
    alt="In a long, narrow valley, plain descent jumps from wall to wall and creeps along; Adam goes down the valley.",
)
lesson.table(
    ["after step", *bowl_paths],
    [[t, *(long_bowl(*path[t]) for path in bowl_paths.values())] for t in (0, 5, 20, 60)],
    "The loss",
)

# %% [markdown]
# The same valley to touch, with a third ball: plain descent with momentum. Press play, and press a ball's name to read
# its last step in its rule's own words. Raise the rate of SGD a little above 0.02. Then find the momentum with which
# the second ball is down first. And drag the ring into the middle of the valley, to $w_1 = 0$: who gains most?

# %%
ends = [Value(number, f"w{i}") for i, number in enumerate(START, 1)]
lesson.show(
    SurfacePlayer(
        long_bowl, SGD(ends, lr=0.0195), SGD(ends, lr=0.005, momentum=0.9), Adam(ends, lr=0.4),
        names=["SGD", "momentum", "Adam"], limits=[(-2.5, 2.5), (-9.0, 3.0)], title="Down a long valley",
    ),
    "balls",
    alt="The long valley as a map, with a ball each for plain descent, momentum and Adam, and their knobs.",
)  # fmt: skip

# %% [markdown]
# ## Noisy gradients
#
# In lesson 3, the gradient of a single example was right on average and wrong each time. Adam's $m$ is an average
# over the last steps, about $1 / (1 - \beta_1) = 10$ of them. So it should be less noisy. By how much can be
# predicted: if the noise of the steps is independent, an average with decay $\beta_1$ keeps the fraction
#
# $$ \sqrt{\frac{1 - \beta_1}{1 + \beta_1}} = \sqrt{\frac{0.1}{1.9}} \approx 0.23 $$
#
# of it. To measure only the noise, hold the weight still (a learning rate of 0) and feed Adam the gradients of
# examples drawn at random. In the table, the spread is the standard deviation: how far numbers typically lie from
# their mean.

# %%
data = line(60, noise=0.5, seed=1)
weight = Value(1.6, "weight")
draw = random.Random(0)
singles = []
for x, y in zip((row[0] for row in data.inputs), data.targets):
    weight.zero_grad()
    nn.mse_loss(weight * x + 1.0, y).backward()
    singles.append(weight.grad)
gradients = [draw.choice(singles) for _ in range(5000)]
smooth = [each["m_hat"] for each in answers(Adam([weight]), gradients, lr=0.0)][100:]
true = fmean(singles)
kept = pstdev(smooth) / pstdev(gradients)
wrong = [sum(g * true < 0 for g in row) / len(row) for row in (gradients, smooth)]
lesson.table(
    ["quantity", "true value", "spread around it", "points the wrong way"],
    [
        ["g, of one example", true, pstdev(gradients), f"{wrong[0]:.0%}"],
        ["m_hat", true, pstdev(smooth), f"{wrong[1]:.0%}"],
    ],
)
lesson.check(
    17,
    abs(kept - (0.1 / 1.9) ** 0.5) < 0.03 and wrong[1] < wrong[0] / 2,
    f"It copes with noisy gradients: m_hat keeps {kept:.2f} of their noise (0.23 was predicted), and points the wrong"
    f" way in {wrong[1]:.0%} of the steps instead of {wrong[0]:.0%}.",
)

# %% [markdown]
# ## Is it faster?
#
# Often. A fair race gives each rule its best rate, and counts steps (or epochs) until the loss is down to a goal.
# We try rates from 0.001 to 1 for both, on five problems. "never" means not within the limit, at any rate.

# %%
GRID = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
BETAS = (0.9, 0.999)
RULES = {"SGD": SGD, "Adam": partial(Adam, betas=BETAS)}
raw_iris = split(iris(), seed=1)[0]
PROBLEMS = {
    "iris, scaled": (lambda: nn.MLP(4, [8, 3], activation="tanh", seed=2), standardize(raw_iris)[0], 0.1),
    "iris, as measured": (lambda: nn.MLP(4, [8, 3], activation="tanh", seed=2), raw_iris, 0.15),
    "moons": (lambda: nn.MLP(2, [8, 1], activation="tanh", seed=2), moons(80, seed=1), 0.15),
}


def bowl_steps(rule: Callable, lr: float, loss: Callable, goal: float, limit: int = 1500) -> float:
    """How many steps a rule needs until the loss is below the goal; infinite if it is not within the limit."""
    try:
        path = descend(lambda ws: rule(ws, lr=lr), loss, limit, START)
    except ArithmeticError:
        return math.inf  # it diverged
    return first(t for t, place in enumerate(path) if loss(*place) < goal)


def epochs_needed(rule: Callable, lr: float, problem: str, limit: int = 40) -> float:
    """How many epochs of mini-batches it takes until the training loss of an epoch is below the goal."""
    make, data, goal = PROBLEMS[problem]
    model = make()

    def enough(run):
        if run.history["loss"][-1] < goal:
            run.stop("the goal is reached")

    try:
        history = fit(
            model, data, optimizer=rule(model.parameters(), lr=lr), epochs=limit, batch_size=16, callbacks=[enough],
            progress=False,
        )  # fmt: skip
    except ArithmeticError:
        return math.inf
    return len(history) if history.stopped else math.inf


def best(count: Callable[[Callable, float], float]) -> dict[str, tuple[float, float]]:
    """For each rule, the fewest steps at any rate of the grid, and that rate."""
    return {name: min((count(rule, lr), lr) for lr in GRID) for name, rule in RULES.items()}


def round_bowl(w1, w2):
    """As steep in every direction."""
    return w1**2 + w2**2


race = {
    "long bowl (steps)": best(lambda rule, lr: bowl_steps(rule, lr, long_bowl, 1e-3, limit=700)),
    "round bowl (steps)": best(lambda rule, lr: bowl_steps(rule, lr, round_bowl, 1e-3, limit=300)),
    **{f"{name} (epochs)": best(lambda rule, lr, name=name: epochs_needed(rule, lr, name)) for name in PROBLEMS},
}
lesson.table(
    ["problem", *(head for name in RULES for head in (name, "at rate"))],
    [
        [name, *(cell for steps, rate in row.values() for cell in (told(steps), "any" if steps == math.inf else rate))]
        for name, row in race.items()
    ],
    "Steps to the goal",
)
steps_of = {name: [row[name][0] for row in race.values()] for name in RULES}
adam_wins = sum(adam < sgd for sgd, adam in zip(steps_of["SGD"], steps_of["Adam"]))
sgd_wins = sum(sgd < adam for sgd, adam in zip(steps_of["SGD"], steps_of["Adam"]))
round_race = {name: steps for name, (steps, _) in race["round bowl (steps)"].items()}
lesson.check(
    18,
    adam_wins > sgd_wins and round_race["SGD"] < round_race["Adam"],
    f"It often converges faster: Adam wins {adam_wins} of {len(race)} races, each at its best rate. And SGD wins"
    f" {sgd_wins}: on the round bowl it needs {told(round_race['SGD'])} steps, Adam {told(round_race['Adam'])}.",
)

# %% [markdown]
# Look at who wins where. The round bowl is equally steep in every direction, so there is nothing for Adam to even
# out; its momentum only carries it past the lowest point. The more unlike the directions are (the long bowl,
# measurements in different units), the more Adam gains. And scaling the inputs helps plain descent more than any
# optimizer: it makes the bowl rounder.
#
# ## Sparse data
#
# A feature is *sparse* if it is 0 in most examples: a rare word, a rare event. Its weight gets a gradient only when
# it turns up. Here eight common inputs are there in each example, and a ninth in one of a hundred. All nine weights
# should become 2. Each rule gets two passes over the data at five rates.

# %%
draw = random.Random(3)
sparse_rows = [
    [draw.choice([-1.0, 1.0]) for _ in range(8)] + [draw.choice([-1.0, 1.0]) if i % 100 == 0 else 0.0]
    for i in range(1000)
]
sparse = Dataset(sparse_rows, [2 * sum(row) for row in sparse_rows], name="sparse")


CONTESTANTS = RULES


def learned(rule: Callable, lr: float) -> tuple[float, float]:
    """After two passes from 0: the common weight that is furthest from 2, and the rare one."""
    model = nn.MLP(9, [1], bias=False)
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0))
    try:
        fit(model, sparse, optimizer=rule(model.parameters(), lr=lr), epochs=2, batch_size=10, progress=False)
    except ArithmeticError:
        return math.inf, math.inf  # it diverged
    *common, rare = (weight.data for weight in model.parameters())
    return max(common, key=lambda weight: abs(weight - 2)), rare


runs = {(name, lr): learned(rule, lr) for name, rule in CONTESTANTS.items() for lr in (0.03, 0.1, 0.3, 0.5, 1.0)}
lesson.table(
    ["rule", "rate", "the common weight furthest off", "the rare weight"],
    [[name, lr, *weights] for (name, lr), weights in runs.items()],
    "After two passes over the data; all should be 2",
)
nearest = {
    rule: min((abs(rare - 2), lr, rare) for (name, lr), (_, rare) in runs.items() if name == rule)
    for rule in CONTESTANTS
}
lesson.check(
    19,
    nearest["Adam"][0] < 0.05 and nearest["SGD"][0] > 0.3,
    f"It is effective with sparse data: at its best rate, {nearest['Adam'][1]}, Adam brings the rare weight to"
    f" {nearest['Adam'][2]:.2f}. SGD gets to {nearest['SGD'][2]:.2f} at {nearest['SGD'][1]}; at a higher rate its"
    " common weights explode.",
)

# %% [markdown]
# Why: a weight that seldom gets a gradient has a small $\hat v$, and Adam divides by its root. When the rare
# gradient does come, it makes a large step.
#
# ## The knobs
#
# ### The learning rate
#
# In Adam the learning rate has the unit of the weights themselves: it is about the size of a step, whatever the
# loss. So it says how far a weight can get in so many steps, and how closely it can settle.

# %%


def first_loss(w):
    """The loss of the first section: lowest at 3."""
    return (w - 3) ** 2


rows = []
for rate in (0.003, 0.03, 0.3, 3.0):
    path = [place for (place,) in descend(lambda ws, rate=rate: Adam(ws, lr=rate), first_loss, 100, (0.0,))]
    arrived = first(t for t, place in enumerate(path) if abs(place - 3) < 0.1)
    rows.append([rate, path[1], path[100], "not in 100 steps" if arrived == math.inf else str(arrived), max(path)])
lesson.table(
    ["learning rate", "w after 1 step", "w after 100 steps", "first within 0.1 of 3", "furthest"],
    rows,
    "Moving the rate",
)
lesson.check(
    20,
    all(math.isclose(row[1], row[0], rel_tol=1e-6) for row in rows) and rows[0][2] < rows[1][2] < 3 < rows[3][4] - 1,
    f"The learning rate is the size of the first step, whatever the gradient. At {rows[0][0]} the weight is still at"
    f" {rows[0][2]:.2f} after 100 steps; at {rows[3][0]} it shoots past 3, as far as {rows[3][4]:.1f}.",
)

# %% [markdown]
# ### Beta 1: how long the gradient is remembered
#
# Dictate the gradients: 1 for 1,000 steps, then −1. How many steps does it take until $m$ believes it, that is,
# until $m$ is negative? After $k$ steps $m = \beta_1^k - (1 - \beta_1^k)$, which is negative as soon as $\beta_1^k
# < \frac12$.

# %%
flip = [1.0] * 1000 + [-1.0] * 100
betas1 = (0.0, 0.5, 0.9, 0.99)
memory = {f"β1 = {beta}": [each["m_hat"] for each in answers(Adam([w], betas=(beta, 0.999)), flip)] for beta in betas1}
flips = [1 + first(k for k, m in enumerate(row[1000:]) if m < 0) for row in memory.values()]
expected = [1 if beta == 0 else math.floor(math.log(0.5) / math.log(beta)) + 1 for beta in betas1]
lesson.table(["β1", "steps until m turns", "predicted"], zip(betas1, map(told, flips), map(told, expected)))
lesson.show(
    plots.curves(
        {name: (range(-20, 100), row[980:]) for name, row in memory.items()},
        xlabel="steps since the turn", ylabel="m hat", title="The gradient turns from 1 to −1",
    ),
    "beta1",
    alt="The larger beta 1, the later the running average of the gradient follows the turn from 1 to -1.",
)  # fmt: skip
lesson.check(
    21,
    flips == expected and flips == sorted(flips) and len(set(flips)) == len(flips),
    "Beta 1 is the decay of the average of the gradient: the larger it is, the later the average turns:"
    f" {turning_points(betas1, flips)}.",
)

# %% [markdown]
# A larger $\beta_1$ averages more noise away (above: $\sqrt{(1 - \beta_1)/(1 + \beta_1)}$ of it is left), and
# follows a real turn later.
#
# ### Beta 2: how long its size is remembered
#
# Dictate gradients of 1, with a single one of 100 among them. The step shrinks at once, and comes back only as the
# average of the squares forgets. Count the steps until the weight's own rate is back at half of what it was.

# %%
spike = [1.0] * 10_000 + [100.0] + [1.0] * 5_000
betas2 = (0.9, 0.99, 0.999)
sizes = {
    f"β2 = {beta}": [1 / each["v_hat"] ** 0.5 for each in answers(Adam([w], betas=(0.9, beta)), spike)]
    for beta in betas2
}
recovered = [first(k for k, rate in enumerate(row[10_000:]) if rate > 0.5) for row in sizes.values()]
expected = [math.ceil(math.log(3 / ((1 - beta) * 9999)) / math.log(beta)) for beta in betas2]
lesson.table(
    ["β2", "steps until half the rate is back", "predicted"], zip(betas2, map(told, recovered), map(told, expected))
)
lesson.show(
    plots.curves(
        {name: (range(-100, 3000, 20), row[9900:13_000:20]) for name, row in sizes.items()},
        xlabel="steps since the gradient of 100", ylabel="the weight's own rate", title="One large gradient",
    ),
    "beta2",
    alt="After one gradient a hundred times as large as usual the rate falls at once; the larger beta 2, the longer it "
    "takes to recover.",
)  # fmt: skip
lesson.check(
    22,
    all(abs(a - b) <= 2 for a, b in zip(recovered, expected)) and recovered == sorted(set(recovered)),
    "Beta 2 is the decay of the average of the square: the larger it is, the longer one large gradient is remembered."
    f" Half of the rate is back {turning_points(betas2, recovered)}.",
)

# %% [markdown]
# ## Where the simple story fails
#
# - **It is not always faster.** The round bowl above: plain descent wins.
# - **It does not settle by itself.** Near the lowest point the gradients are nearly all noise; Adam divides by
#   their size and so keeps making steps of about the learning rate. As in lesson 3, let the rate fall:

# %%
rows = []
for name, rate in (("0.05 throughout", 0.05), ("falling from 0.05 to 0", nn.schedules.Cosine(0.05, 4000))):
    optimizer = Adam([weight], lr=rate)
    weight.data, places = 0.0, []
    draw = random.Random(1)
    for _ in range(4000):
        row, y = data[draw.randrange(60)]
        optimizer.zero_grad()
        nn.mse_loss(weight * row[0] + 1.0, y).backward()
        optimizer.step()
        places.append(weight.data)
    rows.append([name, fmean(places[-400:]), pstdev(places[-400:])])
lesson.table(["Adam's rate", "mean of the last 400 weights", "spread"], rows)
lesson.expect(rows[1][2] < rows[0][2] / 4, "With a falling rate the weight comes to rest.")

# %% [markdown]
# ## Questions
#
# <details><summary>A weight's gradient is 0.2 in the first step. Adam's learning rate is 0.01. How far does the
# weight move?</summary>
#
# By 0.01, against the gradient: $\hat m = 0.2$, $\sqrt{\hat v} = 0.2$, and their ratio is 1. The same as with a
# gradient of 200.
#
# </details>
#
# <details><summary>What happens to Adam's steps if you multiply the loss by 10?</summary>
#
# Nothing, but for $\epsilon$: $\hat m$ and $\sqrt{\hat v}$ both become ten times as large. Plain descent would make
# steps ten times as large.
#
# </details>
#
# <details><summary>Without the correction of the start, how large would the first step be? Too small or too
# large?</summary>
#
# $m = 0.1\, g$ and $\sqrt v = \sqrt{0.001}\, |g| \approx 0.032\, |g|$. The ratio would be about 3.2: the first step
# would be more than three times too *large*, because $v$ starts even further behind than $m$.
#
# </details>
#
# ## Change and try
#
# - In the first cell, start close to the goal and make ten steps: replace `w = Value(0.0, "w")` by
#   `w = Value(2.95, "w")` and `for _ in range(3):` by `for _ in range(10):`. Watch $m$ carry the weight past 3.
# - In the races, let Adam forget squares quickly: replace `BETAS = (0.9, 0.999)` by `BETAS = (0.9, 0.9)`. Which race
#   changes most?
# - Let Adagrad take part in the sparse example: replace `CONTESTANTS = RULES` by
#   `CONTESTANTS = {**RULES, "Adagrad": nn.Adagrad}`. It never forgets a square. Is that good or bad here?
#
# ## Next
#
# What is it that all these rules make small? [Lesson 5](05_losses.py) is about the loss.
