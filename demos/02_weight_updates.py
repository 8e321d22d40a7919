# %% [markdown]
# # 2 Weight updates: one small step, the right way
#
# Backpropagation hands every weight a number, its gradient. This lesson is about what to do with it: *new weight =
# old weight − learning rate × gradient*. You will see what the gradient promises and how far the promise holds, make
# updates by hand, and find out what happens when the learning rate is low, good, high, and too high.
#
# You need from the lesson before: a gradient is the slope of the error over a weight ([lesson
# 1](01_backpropagation.py)).

# %% tags=["helper"]
from itertools import pairwise
from math import inf, isclose

from _lesson import Lesson

from micrograd_plus import nn
from micrograd_plus.data import iris, standardize
from micrograd_plus.explain import Doctor, Ledger
from micrograd_plus.nn import SGD, Parameter
from micrograd_plus.train import fit
from micrograd_plus.viz import SurfacePlayer, plots

lesson = Lesson("02_weight_updates")

# %% [markdown]
# ## One weight, one curve
#
# The smallest case: a single weight $w$, one input 2, the answer 6. The prediction is $2 w$, and the error
#
# $$ E(w) = (2 w - 6)^2 $$
#
# The answer is right at $w = 3$. There the error is 0; to both sides it rises. The slope, by the chain rule, is
# $2 (2 w - 6)$ for the square, times 2 for the product:
#
# $$ \frac{dE}{dw} = 2 \, (2 w - 6) \cdot 2 = 8 w - 24 $$

# %%
INPUT, ANSWER, START = 2.0, 6.0, 1.0
RIGHT = ANSWER / INPUT  # the weight that is right
CURVATURE = 2 * INPUT**2  # by how much the slope rises for each unit of w: the 8 of the formula


def error_of(w):
    """The error of the prediction INPUT * w, where ANSWER is right."""
    return (INPUT * w - ANSWER) ** 2


def slope_of(w):
    """The slope of the error, by the formula."""
    return CURVATURE * (w - RIGHT)


w = Parameter(START, "w")
error = error_of(w)
error.label = "E"
error.backward()
print(f"at w = {w.data:g}: the error is {error.data:g}, and its gradient {w.grad:g} (by hand: {slope_of(START):g})")
lesson.show(
    plots.loss_functions(
        {"E(w)": error_of}, limits=(RIGHT - 3, RIGHT + 3), xlabel="weight $w$", title="The error, and its slope"
    ),
    "curve",
    alt="Above, the error over the weight: a valley with its floor at 3. Below, its slope: a straight line, negative "
    "left of 3 and positive right of it.",
)
lesson.expect(isclose(w.grad, slope_of(START), abs_tol=1e-12), "The gradient is the slope that the formula gives.")

# %% [markdown]
# ## What the gradient promises
#
# The gradient at $w = 1$ is $-16$. It promises: move $w$ by a small step, and the error changes by $-16$ times that
# step. Let us hold it to its word. Nudge the weight, and compare what happens with what was promised.

# %%
rows = []
for nudge in (1.0, 0.1, 0.01, 0.001, -0.001):
    happened = error_of(START + nudge) - error_of(START)
    rows.append([nudge, w.grad * nudge, happened, abs(happened - w.grad * nudge) / (abs(happened) or 1.0)])
lesson.table(
    ["nudge", "promised: gradient · nudge", "what the error did", "off by"],
    [[*row[:3], f"{row[3]:.2%}"] for row in rows],
)
off = [row[3] for row in rows]
lesson.check(
    7,
    off[3] < 0.001 and all(smaller < larger / 5 for larger, smaller in pairwise(off[:4])),
    f"A gradient says how much the error changes for a small change in the weight: for a nudge of 0.001 the promise of"
    f" {rows[3][1]:g} is off by {off[3]:.2%}. For a nudge of 1 it is off by {off[0]:.0%}.",
)

# %% [markdown]
# So the promise is good for small steps, and only for those: the curve bends away from its slope. Each time the step is
# ten times smaller, the promise is about ten times better. Remember this when we come to large steps.
#
# ## The update
#
# A negative gradient means: the error falls when the weight rises. So the weight should rise. A positive one means the
# opposite. In both cases the weight moves *against* the gradient, and that is where the minus sign comes from:
#
# $$ w_{\text{new}} = w_{\text{old}} - \eta \cdot \frac{dE}{dw} $$
#
# $\eta$ ("eta") is the **learning rate**, a small number that we choose. With $\eta = 0.05$:
#
# $$ w_{\text{new}} = 1 - 0.05 \cdot (-16) = 1.8 $$
#
# In code an *optimizer* does it. This one, `SGD`, has exactly that rule; the *ledger* writes down what it did, line by
# line ($g$ is the gradient, `lr` the learning rate).

# %%
ETA = 0.05
optimizer = SGD([w], lr=ETA)
with Ledger(optimizer) as book:
    optimizer.step()
lesson.show(book)
beyond = 2 * RIGHT - START
other = Parameter(beyond, "w")
error_of(other).backward()
SGD([other], lr=ETA).step()
print(f"from the other side: the gradient at w = {beyond:g} is {other.grad:+g}, and w moves to {other.data:g}")
lesson.check(
    8,
    isclose(w.data, START - ETA * slope_of(START))
    and isclose(other.data, beyond - ETA * slope_of(beyond))
    and START < w.data <= RIGHT <= other.data < beyond,
    f"New weight = old weight − learning rate × gradient: {START:g} − {ETA:g}·({slope_of(START):g}) = {w.data:g}; from"
    f" the other side, {beyond:g} − {ETA:g}·{slope_of(beyond):g} = {other.data:g}. Both moved towards {RIGHT:g}.",
)

# %% [markdown]
# ## Update after update
#
# One update is a step downhill. Make eight. The steps become shorter by themselves: near the floor the slope is
# small, and the step is the slope times $\eta$.

# %%
FAR = 1e9


def descend(loss, start: float, rate: float, updates: int) -> list[float]:
    """The weights that gradient descent visits: the start, and one more for each update. Far out it gives up."""
    weight = Parameter(start, "w")
    optimizer = SGD([weight], lr=rate)
    visited = [start]
    for _ in range(updates):
        if abs(weight.data) < FAR:
            optimizer.zero_grad()
            loss(weight).backward()
            optimizer.step()
        visited.append(weight.data)
    return visited


path = descend(error_of, START, ETA, 8)
lesson.table(
    ["update", "w", "gradient", "step", "error"],
    [
        [number, place, slope_of(place), "" if number == 0 else f"{place - path[number - 1]:+.4f}", error_of(place)]
        for number, place in enumerate(path)
    ],
    f"Eight updates with learning rate {ETA:g}",
)
errors = [error_of(place) for place in path]

# %% [markdown]
# And in a network, with all its weights at once? Here is one that tells three kinds of iris apart by four
# measurements. It gets 20 updates, each from the gradient over all 150 flowers.

# %%
flowers, _ = standardize(iris())


def train_on_iris(rate: float, updates: int, callbacks=()):
    """The history of a network on the irises, all flowers in each update."""
    model = nn.MLP(4, [8, 3], activation="tanh", seed=1)
    return fit(
        model, flowers, optimizer="sgd", lr=rate, epochs=updates, batch_size=150, callbacks=callbacks, progress=False
    )


history = train_on_iris(0.1, 20)
lesson.table(
    ["update", "error before it"],
    [[each.iteration, each.loss] for each in history.iterations if each.iteration % 4 == 1],
)
lesson.check(
    9,
    all(later < earlier for earlier, later in pairwise(errors))
    and all(later < earlier for earlier, later in pairwise(history.losses)),
    f"Updates reduce error: each of the {len(path) - 1} did, from {errors[0]:g} to {errors[-1]:.2g}; and so did each"
    f" of the network's {len(history.losses) - 1}, from {history.losses[0]:.3f} to {history.losses[-1]:.3f}.",
)

# %% [markdown]
# ## The learning rate
#
# Now the same descent with four learning rates, ten updates each.

# %%
RATES = {"low: 0.005": 0.005, "good: 0.05": 0.05, "high: 0.23": 0.23, "diverging: 0.26": 0.26}
paths = {name: descend(error_of, START, rate, 10) for name, rate in RATES.items()}
lesson.show(
    plots.descent_on_curve(error_of, paths, limits=(RIGHT - 4, RIGHT + 4), title=f"Ten updates from w = {START:g}"),
    "rates",
    alt="Four times the same valley. Low: ten points close together, still far up the slope. Good: down to the floor. "
    "High: from wall to wall, lower each time. Diverging: from wall to wall, higher each time.",
)
lesson.table(
    ["learning rate", *(f"w after {n}" for n in (1, 2, 3, 10)), "error after 10"],
    [[name, *(visited[n] for n in (1, 2, 3, 10)), error_of(visited[10])] for name, visited in paths.items()],
)

# %% [markdown]
# What happens can be told beforehand. Write the update for the distance to the right answer, $w - 3$. Since the
# gradient is $8 (w - 3)$,
#
# $$ w_{\text{new}} - 3 = (w - 3) - \eta \cdot 8 (w - 3) = (1 - 8 \eta) \, (w - 3) $$
#
# Every update multiplies the distance by the same factor, $1 - 8 \eta$:
#
# | factor $1 - 8 \eta$ | what the weight does |
# |---|---|
# | between 0 and 1 | it comes nearer, from one side |
# | 0 | it is there in one step |
# | between $-1$ and 0 | it jumps across each time (**overshoots**), but comes nearer |
# | below $-1$ | it jumps across, and further away each time (**diverges**) |

# %%
rows = []
for name, rate in RATES.items():
    far = descend(error_of, START, rate, 500)
    needed = next((n for n, place in enumerate(far) if abs(place - RIGHT) < 0.01), inf)
    measured = (far[1] - RIGHT) / (far[0] - RIGHT) if far[0] != RIGHT else inf
    rows.append([name, 1 - CURVATURE * rate, measured, needed])
lesson.table(
    ["learning rate", "factor by the formula", "measured", f"updates until within 0.01 of {RIGHT:g}"],
    [[*row[:3], "never" if row[3] == inf else str(row[3])] for row in rows],
)
lesson.expect(all(abs(row[1] - row[2]) < 1e-9 for row in rows), "The formula's factor is the measured one.")

low, good, high, diverging = (list(paths.values())[i] for i in (0, 1, -2, -1))
arrived = dict(zip(("low", "good", "high", "diverging"), (rows[i][3] for i in (0, 1, -2, -1))))
low_rate, good_rate, high_rate, diverging_rate = (list(RATES.values())[i] for i in (0, 1, -2, -1))
first_steps = [abs(visited[1] - visited[0]) for visited in paths.values()]
lesson.check(
    10,
    first_steps == sorted(first_steps)
    and all((here - RIGHT) * (there - RIGHT) < 0 for each in (high, diverging) for here, there in pairwise(each))
    and abs(high[10] - RIGHT) < abs(high[0] - RIGHT)
    and all(abs(there - RIGHT) > abs(here - RIGHT) for here, there in pairwise(diverging))
    and arrived["high"] < arrived["diverging"] == inf,
    f"A high rate moves fast and can overshoot: with {high_rate:g} the first step is {first_steps[2]:.2f} long and"
    f" lands at {high[1]:.2f}, beyond {RIGHT:g}; it still arrives, after {arrived['high']} updates. With"
    f" {diverging_rate:g} each step ends further away than it began: after ten, w = {diverging[10]:.2f}, and it never"
    " arrives.",
)
lesson.check(
    11,
    inf > arrived["low"] > 5 * arrived["good"] and error_of(low[10]) > 100 * error_of(good[10]),
    f"A low rate is slow: {low_rate:g} needs {arrived['low']} updates, {good_rate:g} only {arrived['good']}. After"
    f" ten updates its error is still {error_of(low[10]):.2f}; with {good_rate:g} it is {error_of(good[10]):.4f}.",
)

# %% [markdown]
# The border is at $\eta = 0.25$, where the factor is $-1$: 2 divided by 8. The 8 is how fast the slope itself changes,
# the *curvature*. In a narrow valley the slope changes fast, and only small rates are safe. This is the large step's
# broken promise: the slope at the start says nothing about what comes behind the floor.
#
# Now try it. Press play, then move the rate with its slider while you look at the trail. At which rate does the ball
# begin to jump across the floor? Which one takes it there in a single step? Drag the ring: does that rate hang on where
# the ball starts?

# %%
ball = SGD([Parameter(START, "w")], lr=ETA)
lesson.show(
    SurfacePlayer(error_of, ball, limits=[(RIGHT - 4, RIGHT + 4)], steps=40, title="One weight, one rate"),
    "ball",
    alt="The error over the weight as a curve, a ball that goes down it, and a slider for its learning rate.",
)

# %% [markdown]
# ## The same in a network
#
# The network on the irises again, 40 updates with each of four rates. The *doctor* looks on during training and says
# what it finds, with its evidence.

# %%
NETWORK_RATES = {"0.0001": 0.0001, "0.01": 0.01, "1": 1.0, "100": 100.0}
histories, doctors = {}, {}
for name, rate in NETWORK_RATES.items():
    doctors[name] = Doctor()
    histories[name] = train_on_iris(rate, 40, [doctors[name]])
lesson.show(
    plots.curves(
        {f"rate {name}": history.losses for name, history in histories.items()},
        xlabel="update", ylabel="error", title="A network on the irises", log=True,
    ),
    "network",
    alt="With rate 0.0001 the error hardly falls, with 0.01 slowly, with 1 quickly; with 100 it leaps up and stays up.",
)  # fmt: skip
kinds = {name: [finding.kind for finding in doctor.diagnosis.findings] for name, doctor in doctors.items()}
lesson.table(
    ["rate", "error before", "error after 40 updates", "the doctor finds first"],
    [
        [name, histories[name].losses[0], histories[name].losses[-1], (kinds[name] or ["nothing"])[0]]
        for name in NETWORK_RATES
    ],
)
lowest, *_, third, highest = kinds
lesson.expect(
    "rate too low" in kinds[lowest] and kinds[third] == [] and kinds[highest][:1] == ["rate too high"],
    f"The doctor calls {lowest} too low and {highest} too high, and has nothing to say about {third}.",
)

# %% [markdown]
# What the doctor says of the lowest rate and of the highest. The first finding is the cause; those below it are
# consequences: weights that were thrown far out. (`xavier_uniform` and `kaiming_uniform`, which some cures name, are
# ways to draw the random weights at the start: so small that what goes through a layer, forward and backward, keeps
# about its size. Xavier Glorot and Kaiming He found them, for tanh and for ReLU.)

# %%
for name in (lowest, highest):
    print(f"rate {name}")
    lesson.show(doctors[name])

# %% [markdown]
# The best of these rates for the network is many times the one that was good for our single weight. There is no rate
# that is right for all. In practice one tries a few, each several times the one before, and takes the highest with
# which the error still falls steadily.
#
# ## Where the simple story fails
#
# **Downhill is not always the lowest place.** Take an error with two valleys, one deeper than the other. Each start
# goes down into the valley it is in. It cannot know of the other.

# %%


def two_valleys(w):
    """An error with a shallow valley near -1 and a deeper one near 1."""
    return (w**2 - 1) ** 2 - 0.3 * w + 0.5


STARTS, SLOW = (-1.5, -0.2, 1.5), 0.05
starts = {f"from w = {start:g}": descend(two_valleys, start, SLOW, 40) for start in STARTS}
lesson.show(
    plots.descent_on_curve(two_valleys, starts, limits=(-1.4, 1.4), title="Two valleys"),
    "valleys",
    alt="A curve with two valleys. From -1.5 and from -0.2 the descent ends in the shallow valley on the left, from "
    "1.5 in the deeper one on the right.",
)
lesson.table(
    ["start", "ends at w", "error there"], [[name, path[-1], two_valleys(path[-1])] for name, path in starts.items()]
)
floors = [two_valleys(path[-1]) for path in starts.values()]
lesson.expect(
    max(floors) - min(floors) > 0.1 and max(abs(path[-1]) for path in starts.values()) < 2,
    "The starts end in two valleys, one deeper than the other.",
)

# %% [markdown]
# **One rate for two weights.** The gradient of a network has a number for each weight. If the error is steep along one
# weight and flat along another, no single rate suits both: that is the subject of [lesson 4](04_adam.py).
#
# **An update for one example is not an update for all.** A step that makes one example's error smaller may make
# another's larger: [lesson 3](03_gradient_descent.py).
#
# ## Questions
#
# <details><summary>A weight is 0.8, its gradient is 3, the learning rate is 0.1. What is the new weight?</summary>
#
# $0.8 - 0.1 \cdot 3 = 0.5$. The gradient is positive, so the error rises with the weight, and the weight goes down.
#
# </details>
#
# <details><summary>For $E(w) = (2 w - 6)^2$, which learning rate reaches the floor in a single step? From which
# start?</summary>
#
# $1 - 8 \eta = 0$, so $\eta = 0.125$, and from any start: the factor does not depend on $w$. For curves that are no
# parabolas it does, and no rate is perfect everywhere.
#
# </details>
#
# <details><summary>The error of your network jumps up and down from one update to the next, and rises overall. What do
# you try first?</summary>
#
# A lower learning rate, a tenth for instance. The weights jump across the valley and land higher on the other side.
#
# </details>
#
# ## Change and try
#
# - Replace `"diverging: 0.26": 0.26` by `"diverging: 0.25": 0.25`. What do you expect from the formula?
# - Double the input: replace `INPUT, ANSWER, START = 2.0, 6.0, 1.0` by `INPUT, ANSWER, START = 4.0, 12.0, 1.0`. Which
#   rates are safe now? Why does scaling the inputs matter?
# - In the two valleys, start in the middle: replace `STARTS, SLOW = (-1.5, -0.2, 1.5), 0.05` by
#   `STARTS, SLOW = (-1.5, 0.1, 1.5), 0.05`, then by `STARTS, SLOW = (-1.5, 0.1, 1.5), 0.4`. Can a high rate be an
#   advantage?
#
# ## Next
#
# So far each update looked at all the examples. [Lesson 3](03_gradient_descent.py) asks what changes if it looks at
# fewer.
