# %% [markdown]
# # 5 Losses: how wrong, and which way is better
#
# A loss puts the question "how wrong is the model?" into one number, and its slope answers "which way is better?".
# You will compute the two losses that do most of the world's training by hand, the mean squared error and
# cross-entropy, see their slopes, and find out why each has its own kind of task.
#
# You need from the lessons before: the slope of the loss moves the weights ([lesson 2](02_weight_updates.py)), and
# `backward` finds it ([lesson 1](01_backpropagation.py)).

# %% tags=["helper"]
from math import exp, inf, log
from statistics import fmean, linear_regression, median

from _lesson import Lesson

from micrograd_plus import Value, nn, softmax
from micrograd_plus.data import blobs, line
from micrograd_plus.train import fit
from micrograd_plus.viz import plots

lesson = Lesson("05_losses")

# %% [markdown]
# ## Three temperatures by hand
#
# A weather model predicted 20, 23 and 18 degrees; it became 21, 20 and 18. How wrong was it? Take each error, square
# it so that too high and too low both count, and take the mean:
#
# $$ L = \frac{1}{n} \sum_{i=1}^{n} (\hat y_i - y_i)^2 $$
#
# $\hat y_i$ ("y hat") is the $i$-th prediction, $y_i$ what it should have been, $n$ how many there are. This is the
# *mean squared error*, MSE for short.

# %%
ACTUAL = [21.0, 20.0, 18.0]
predictions = [Value(20.0, "p1"), Value(23.0, "p2"), Value(18.0, "p3")]
mse = nn.mse_loss(predictions, ACTUAL)
mse.label = "L"
errors = [p.data - y for p, y in zip(predictions, ACTUAL)]
squares = [error * error for error in errors]
lesson.table(
    ["day", "predicted", "actual", "error", "squared"],
    [[day, p.data, y, e, s] for day, p, y, e, s in zip((1, 2, 3), predictions, ACTUAL, errors, squares)],
)
by_hand = sum(squares) / len(squares)
print(f"on paper: L = ({' + '.join(f'{square:g}' for square in squares)}) / {len(squares)} = {by_hand:.4f}")
print(f"the engine: {mse.data:.4f}")

# %% [markdown]
# ## A loss measures
#
# A number is a measure only if better predictions get a smaller one. Three more models for the same three days:

# %%
models = {
    "perfect": [21.0, 20.0, 18.0],
    "half a degree off each day": [21.5, 19.5, 18.5],
    "the model above": [p.data for p in predictions],
    "always 25": [25.0, 25.0, 25.0],
}
measured = {name: nn.mse_loss(guess, ACTUAL).data for name, guess in models.items()}
lesson.table(
    ["model", "predictions", "loss"],
    [[name, ", ".join(f"{x:g}" for x in guess), measured[name]] for name, guess in models.items()],
)

# %% [markdown]
# ## And it guides
#
# Training needs more than a mark: it needs to know where to go. That is the slope of the loss for each prediction. On
# paper, the slope of a square is twice what was squared, and the mean divides it by $n$:
#
# $$ \frac{\partial L}{\partial \hat y_i} = \frac{2}{n} (\hat y_i - y_i) $$
#
# A prediction that is too high has a slope above 0, one that is too low a slope below 0, and one that is right has
# none. Twice as wrong means twice the slope. So let each prediction take a step against its slope: minus 0.3 times
# the slope.

# %%
mse.backward()
RATE = 0.3
moved = [p.data - RATE * p.grad for p in predictions]
lesson.table(
    ["day", "predicted", "actual", "slope on paper", "slope by backward", "after a step"],
    [
        [day, p.data, y, 2 / len(ACTUAL) * (p.data - y), p.grad, new]
        for day, p, y, new in zip((1, 2, 3), predictions, ACTUAL, moved)
    ],
)
moved_loss = nn.mse_loss(moved, ACTUAL).data
print(f"loss before: {mse.data:.4f}   loss after: {moved_loss:.4f}")
lesson.check(
    23,
    measured["perfect"] == 0
    and sorted(measured.values()) == list(measured.values())
    and all(abs(new - y) <= abs(p.data - y) for new, p, y in zip(moved, predictions, ACTUAL))
    and moved_loss < mse.data,
    f"A loss quantifies: it is {measured['perfect']:g} for perfect predictions, and the worse the model, the larger, up"
    f" to {measured['always 25']:.1f}. It guides: a step against its slope brought no prediction farther from the"
    f" truth, and the loss from {mse.data:.2f} to {moved_loss:.2f}.",
)

# %% [markdown]
# In training nobody moves predictions: they come from weights. The slope above is where the chain rule starts; it
# hands the slope on, through the network, to every weight. Here is the whole computation of the loss, with the
# slope of the loss on the right of each box.

# %%
lesson.show(
    mse.graph(title="Mean squared error of three predictions"),
    "mse_graph",
    alt="Computation graph: each prediction less its actual value, squared, summed and divided by 3.",
)

# %% [markdown]
# The same to touch: change a prediction, and see the loss and the slopes follow. Which change of `p2` makes its slope
# vanish? And what becomes of the other two slopes meanwhile? The last steps are the update, with the rate of above. Go
# on beyond them: the predictions have moved, and the next round begins.

# %%
lesson.show(
    mse.steps(optimizer=nn.SGD(predictions, lr=RATE), title="Three predictions and their loss"),
    "mse_player",
    alt="The loss of the three predictions, forward, backward and their update by steps.",
)

# %% [markdown]
# ## Regression: a number is asked for
#
# Predicting a number, such as a temperature, is called *regression*, and the mean squared error is its usual loss. A
# model with one weight and one bias, $\hat y = w x + b$, can be trained on points around a line. What does the lowest
# MSE give? The line that statistics calls *least squares*, for which there is a formula. The two must agree.

# %%
points = line(40, noise=0.4, seed=2)
neuron = nn.MLP(1, [1], seed=0)
history = fit(neuron, points, loss="mse", optimizer="sgd", lr=0.2, epochs=200, batch_size=40, progress=False)
weight, bias = (parameter.data for parameter in neuron.parameters())
least_squares = linear_regression([x for [x] in points.inputs], points.targets)
lesson.table(
    ["way", "weight", "bias"],
    [["trained on MSE", weight, bias], ["least squares, by its formula", least_squares.slope, least_squares.intercept]],
    "Two ways to one line",
)
print(f"MSE in epoch 1: {history['loss'][0]:.3f}, in epoch {len(history)}: {history['loss'][-1]:.3f}")
lesson.check(
    24,
    abs(by_hand - mse.data) < 1e-12
    and all(abs(2 / len(ACTUAL) * (p.data - y) - p.grad) < 1e-12 for p, y in zip(predictions, ACTUAL))
    and abs(weight - least_squares.slope) < 1e-6
    and abs(bias - least_squares.intercept) < 1e-6,
    f"MSE: the formula with numbers gives {by_hand:.4f}, as the engine does. For regression: trained on it, a"
    f" neuron finds the least-squares line, weight {weight:.4f} and bias {bias:.4f}.",
)

# %% [markdown]
# ## Where it fails: one wild number
#
# Squares make large errors very large. One wrong reading among good ones then pulls the model to itself. Suppose a
# model may say one number only, for five readings of the same thing; the last was a slip of the pen. Three losses are
# to choose it: the squared error; the absolute error $|\hat y - y|$; and *Huber's*, which is half the square for errors
# up to 1, and straight beyond: $|\hat y - y| - \frac12$, so that both parts meet there, with the same slope.

# %%
READINGS = [1.0, 2.0, 2.5, 4.0, 20.0]


def best_number(loss_function, steps: int = 600) -> float:
    """The one number with the lowest mean loss over the readings, found by gradient descent."""
    guess = Value(0.0, "guess")
    optimizer = nn.SGD([guess], lr=nn.schedules.Cosine(0.3, steps))
    for _ in range(steps):
        optimizer.zero_grad()
        loss_function([guess] * len(READINGS), READINGS).backward()
        optimizer.step()
    return guess.data


chosen = {
    "squared error": best_number(nn.mse_loss),
    "Huber's loss": best_number(nn.huber_loss),
    "absolute error": best_number(nn.l1_loss),
}
lesson.table(["loss", "the number it chooses"], list(map(list, chosen.items())), f"Readings {READINGS}")
print(f"the mean of the readings is {fmean(READINGS):g}, their median (the middle one) {median(READINGS):g}")
lesson.expect(
    abs(chosen["squared error"] - fmean(READINGS)) < 1e-3 and abs(chosen["absolute error"] - median(READINGS)) < 0.05,
    "The squared error chooses the mean of the readings, the absolute error their median.",
)

# %%
lesson.show(
    plots.loss_functions(
        {
            "squared error": lambda p: nn.mse_loss(p, 1.0),
            "Huber's loss": lambda p: nn.huber_loss(p, 1.0),
            "absolute error": lambda p: nn.l1_loss(p, 1.0),
        },
        limits=(-3.0, 5.0), title="Three losses of one prediction; the right answer is 1",
    ),
    "regression_losses",
    alt="The squared error is a parabola, its slope a rising line. Huber's loss bends over into straight lines, so "
    "that its slope stays between −1 and 1. The absolute error is a V, its slope −1 or 1.",
)  # fmt: skip

# %% [markdown]
# Look at the lower chart: the slope is the pull that one example has. Under the squared error an example that is 19
# off pulls 19 times as hard as one that is 1 off. The mean is where these pulls are in balance. Under the absolute
# error everyone pulls with the same strength, so the middle one wins. Squared error is right where large errors are
# truly worse; where they are slips, take another loss.
#
# ## Classification: a class is asked for
#
# Is this mail spam? The answer is yes or no; the target $y$ is 1 or 0. The model says how probable the 1 is: a number
# $p$ between 0 and 1. How wrong is $p = 0.9$ when the answer is 1? Cross-entropy takes the logarithm of the
# probability that the model gave to what came true:
#
# $$ L = - \left[ y \log p + (1 - y) \log (1 - p) \right] $$
#
# The logarithm is the natural one: $\log p$ is the power to which $e \approx 2.718$ must be raised to give $p$, 0 for
# $p = 1$ and the further below 0 the smaller $p$ is. As $y$ is 1 or 0, one of the two terms is always 0. If the answer
# is 1, the loss is $-\log p$: nothing for $p = 1$, and the more the smaller $p$ is.

# %%
mails = [(1, 0.9), (0, 0.2), (0, 0.6), (1, 0.01)]
on_paper = [-(y * log(p) + (1 - y) * log(1 - p)) for y, p in mails]
by_engine = [nn.binary_cross_entropy(p, y).data for y, p in mails]
lesson.table(
    ["answer y", "said p", "y log p", "(1 − y) log(1 − p)", "loss on paper", "loss by the engine"],
    [
        [y, p, y * log(p), (1 - y) * log(1 - p), paper, engine]
        for (y, p), paper, engine in zip(mails, on_paper, by_engine)
    ],
    "Four mails",
)
mean = nn.binary_cross_entropy([p for _, p in mails], [y for y, _ in mails]).data
print(f"the loss of the four is their mean, ({' + '.join(f'{each:.3f}' for each in on_paper)}) / 4 = {mean:.3f}")

# %%
lesson.show(
    plots.loss_functions(
        {
            "the answer is 1": lambda p: nn.binary_cross_entropy(p, 1),
            "the answer is 0": lambda p: nn.binary_cross_entropy(p, 0),
        },
        limits=(0.04, 0.96), xlabel="probability $p$ that the model gives to 1", title="Cross-entropy",
    ),
    "cross_entropy",
    alt="Cross-entropy over p for both answers: 0 where the model is sure and right, growing without bound where it is "
    "sure and wrong. Its slope is steepest where it is most wrong.",
)  # fmt: skip

# %% [markdown]
# ## A distance between two distributions
#
# A *distribution* tells how probability is shared out. The model's is $p$ for a 1 and $1 - p$ for a 0. The world has
# one too: of all mails that look like this one, a share $q$ is spam. Cross-entropy is made for the two of them: put
# $q$ in the place of $y$. It is lowest when $p = q$, and what it is above that lowest value is the distance of the
# model's distribution from the world's (its name is *Kullback-Leibler divergence*).

# %%
SHARE = 0.7
shares = sorted({*(i / 10 for i in range(1, 10)), SHARE})
crossed = {p: nn.binary_cross_entropy(p, SHARE).data for p in shares}
entropy = -sum(q * log(q) for q in (SHARE, 1 - SHARE) if q > 0)
lesson.table(
    ["the model's p", "cross-entropy", "above the lowest"],
    [[p, crossed[p], round(crossed[p] - entropy, 12)] for p in shares],
    f"The world's share is {SHARE}; the lowest possible value is {entropy:.4f}",
)

# %% [markdown]
# That lowest value is not 0: if 7 of 10 such mails are spam, nobody can be right every time. And nobody has to tell
# the model about $q$. Give it ten mails that look the same, seven of them spam, and let it lower its loss.
#
# One thing is needed for that. What a model computes can be any number from minus to plus infinity, and a probability
# lies between 0 and 1. So the model computes a number $z$, which is called a *logit*, and the *sigmoid* makes a
# probability of it: $p = \operatorname{sigmoid}(z) = 1 / (1 + e^{-z})$. That is one half for $z = 0$, about 0 for $z$
# far below 0, and about 1 far above.

# %%
spam = [1] * round(10 * SHARE) + [0] * round(10 - 10 * SHARE)
logit = Value(0.0, "z")
optimizer = nn.SGD([logit], lr=1.0)
said = [logit.sigmoid().data]
for _ in range(60):
    optimizer.zero_grad()
    nn.binary_cross_entropy([logit.sigmoid()] * len(spam), spam).backward()
    optimizer.step()
    said.append(logit.sigmoid().data)
lesson.table(["step", "p"], [[step, said[step]] for step in (0, 1, 2, 5, 10, 60)], "What the model says, step by step")
one_way = nn.binary_cross_entropy(0.5, 0.9).data - nn.binary_cross_entropy(0.9, 0.9).data
other_way = nn.binary_cross_entropy(0.9, 0.5).data - nn.binary_cross_entropy(0.5, 0.5).data
print(f"world 0.9, model 0.5: distance {one_way:.3f};  world 0.5, model 0.9: distance {other_way:.3f}")
lesson.check(
    25,
    all(abs(paper - engine) < 1e-12 for paper, engine in zip(on_paper, by_engine))
    and min(crossed, key=crossed.get) == SHARE
    and abs(crossed[SHARE] - entropy) < 1e-12
    and abs(said[-1] - fmean(spam)) < 1e-3,
    f"Cross-entropy: the formula with numbers gives {', '.join(f'{each:.3f}' for each in on_paper)}, as the engine"
    f" does. As a distance between two distributions it is lowest where both agree, at p = {SHARE}; lowering it, a"
    f" model learned to say p = {said[-1]:.3f} of mails of which {sum(spam)} in {len(spam)} are spam.",
)

# %% [markdown]
# It is a distance in a loose sense: swap the world and the model, as in the line above the check, and it is another
# number. Mathematicians say *divergence*.
#
# ## Why not the squared error for classes?
#
# A network's last number is a logit $z$, and the sigmoid makes its probability $p$. Both losses could be taken of $p$.
# Compare what they send back to $z$, when the answer is $y$:
#
# | loss | slope for $z$ |
# |---|---|
# | squared error | $2 (p - y) \cdot p (1 - p)$ |
# | cross-entropy | $p - y$ |
#
# The factor $p (1 - p)$ is the slope of the sigmoid, and it is almost 0 where the model is sure. Cross-entropy loses
# it: its own slope for $p$ is $(p - y) / (p (1 - p))$, which divides by just that factor. (The slope of $\log p$ is
# $1 / p$. For the answer 1 that makes $-1 / p$, and so it is here with $y = 1$.) So look at a model that is sure and
# wrong: the answer is 1, and $z$ is far below 0.

# %%


def squared(z) -> Value:
    """The squared error of sigmoid(z), for the answer 1."""
    return nn.mse_loss(z.sigmoid(), 1.0)


def crossed_with_one(z) -> Value:
    """The cross-entropy of sigmoid(z), for the answer 1."""
    return nn.binary_cross_entropy_with_logits(z, 1.0)


def slope(loss_function, at: float) -> float:
    """The slope of a loss at a logit, by backward."""
    z = Value(at, "z")
    loss_function(z).backward()
    return z.grad


rows, disagreement = [], 0.0
for z in (-8.0, -4.0, 0.0, 4.0):
    p = 1 / (1 + exp(-z))
    paper = (2 * (p - 1) * p * (1 - p), p - 1)
    slopes = (slope(squared, z), slope(crossed_with_one, z))
    disagreement = max(disagreement, *(abs(a - b) for a, b in zip(paper, slopes)))
    rows.append([z, p, squared(Value(z)).data, slopes[0], crossed_with_one(Value(z)).data, slopes[1]])
lesson.table(
    ["z", "p", "squared error", "its slope", "cross-entropy", "its slope"], rows, "One example whose answer is 1"
)
lesson.expect(disagreement < 1e-12, "The slopes by backward are those of the formulas.")

# %%
lesson.show(
    plots.loss_functions(
        {"squared error": squared, "cross-entropy": crossed_with_one},
        limits=(-8.0, 8.0), xlabel="logit $z$", title="Two losses of one logit; the answer is 1",
    ),
    "sure_and_wrong",
    alt="Far left, where the model is sure and wrong, the squared error is flat with slope 0; cross-entropy is a "
    "straight line with slope −1.",
)  # fmt: skip

# %% [markdown]
# On the far left, the squared error is a plateau. It says that the model is wrong, but hardly which way is better.
#
# A whole training run shows it. Two clouds of points, one neuron, and a start with a weight that has the wrong sign,
# so that the model is sure and wrong about nearly every point. Everything is equal but the loss.

# %%
EPOCHS = 200
clouds = blobs(60, centers=2, noise=0.6, seed=3)


def relearn(loss_function) -> list[float]:
    """The share of right answers before training and after each epoch, from the same wrong start."""
    model = nn.MLP(2, [1])
    first, second, bias = model.parameters()
    first.data, second.data, bias.data = 3.0, 0.0, 0.0  # cloud 0 lies to the right, cloud 1 to the left
    start = fmean(float((model(x).data > 0) == y) for x, y in clouds)
    history = fit(
        model, clouds, loss=loss_function, optimizer="sgd", lr=0.3, epochs=EPOCHS, batch_size=60,
        metrics=["accuracy"], progress=False,
    )  # fmt: skip
    return [start, *history["training accuracy"]]


recovered = {
    "squared error": relearn(lambda z, y: nn.mse_loss(z.sigmoid(), y)),
    "cross-entropy": relearn("bce_with_logits"),
}
lesson.table(
    ["after epoch", *recovered],
    [
        [epoch, *(f"{shares[epoch]:.0%}" for shares in recovered.values())]
        for epoch in sorted({0, 2, 5, 10, 50, 100, 150, EPOCHS})
        if epoch <= EPOCHS
    ],
    "Right answers",
)
lesson.show(
    plots.curves(
        {name: (range(EPOCHS + 1), shares) for name, shares in recovered.items()},
        xlabel="epoch", ylabel="share of right answers", title="From sure and wrong to right",
    ),
    "recovery",
    alt="With cross-entropy the share of right answers jumps to 100% within a few epochs; with the squared error it "
    "stays at 0 for more than a hundred.",
)  # fmt: skip
arrival = {name: next((i for i, each in enumerate(row) if each > 0.95), inf) for name, row in recovered.items()}
print("epochs until 95% are right: " + ", ".join(f"{name} {epoch}" for name, epoch in arrival.items()))
lesson.expect(
    arrival["squared error"] > 10 * arrival["cross-entropy"], "The squared error takes ten times as long, or longer."
)

# %% [markdown]
# Both arrive in the end. But the model trained on the squared error first has to creep across the plateau, and a
# learner who stopped at epoch 100 would think that it cannot learn at all.
#
# ## Many classes
#
# With $K$ classes the network has $K$ logits, $z_1$ to $z_K$. *Softmax* makes probabilities of them: the exponential
# of each, divided by the sum of all, so that all are above 0 and add up to 1. Cross-entropy is again the logarithm of
# what was given to the right class $c$, with a minus:
#
# $$ p_k = \frac{e^{z_k}}{\sum_{j=1}^{K} e^{z_j}} $$
# $$ L = -\log p_c $$
#
# And the slope for every logit is again the simplest one could wish for: its probability, less 1 for the right class.
# ($[k = c]$ is 1 if $k$ is the right class $c$, else 0.)
#
# $$ \frac{\partial L}{\partial z_k} = p_k - [k = c] $$

# %%
ANIMALS, RIGHT = ["cat", "dog", "fish"], 1
logits = [Value(z, name) for z, name in zip((2.0, 1.0, -1.0), ANIMALS)]
many = nn.cross_entropy(logits, RIGHT)
many.label = "L"
many.backward()
powers = [exp(z.data) for z in logits]
shared = [power / sum(powers) for power in powers]
paper_slopes = [p - (k == RIGHT) for k, p in enumerate(shared)]
lesson.table(
    ["class", "z", "e to the z", "p", "target", "slope on paper", "by backward"],
    [
        [name, z.data, power, p, int(k == RIGHT), paper, z.grad]
        for k, (name, z, power, p, paper) in enumerate(zip(ANIMALS, logits, powers, shared, paper_slopes))
    ],
    "The right answer is dog",
)
print(f"on paper: L = −log {shared[RIGHT]:.4f} = {-log(shared[RIGHT]):.4f};  the engine: {many.data:.4f}")
lesson.expect(
    all(abs(a.data - b) < 1e-12 for a, b in zip(softmax(logits), shared))
    and abs(many.data + log(shared[RIGHT])) < 1e-12
    and all(abs(paper - z.grad) < 1e-12 for paper, z in zip(paper_slopes, logits)),
    "Probabilities, loss and slopes are the same on paper and in the engine.",
)

two = nn.cross_entropy([0.0, 1.5], 1).data
print(f"two classes with logits 0 and 1.5: {two:.6f}; the binary formula with logit 1.5: ", end="")
print(f"{nn.binary_cross_entropy_with_logits(1.5, 1).data:.6f}")
lesson.expect(
    abs(two - nn.binary_cross_entropy_with_logits(1.5, 1).data) < 1e-12, "With two classes it is the binary formula."
)

# %%
lesson.show(
    many.graph(title="Cross-entropy of three logits"),
    "many_classes",
    alt="Computation graph: the three logits go into a logarithm of the sum of exponentials; the right class's logit "
    "is subtracted from it. Beside each logit stands its slope.",
)

# %% [markdown]
# The engine goes from the logits to the loss directly, as the logarithm of the sum of exponentials less the right
# logit. It is the same formula, written so that it cannot overflow: $e^{1000}$ is too large for a computer's number.
# That is why losses "with logits" are the ones to use. Probabilities lose what they round away:

# %%
lesson.table(
    ["z", "cross-entropy of sigmoid(z)", "cross-entropy with logits"],
    [
        [z, nn.binary_cross_entropy(Value(z).sigmoid(), 1).data, crossed_with_one(Value(z)).data]
        for z in (-10.0, -100.0, -1000.0)
    ],
    "The answer is 1, and the model is surer and surer that it is 0",
)

# %% [markdown]
# At $z = -1000$ the sigmoid has rounded to 0, whose logarithm is minus infinity; the loss of probabilities is cut
# off at 100. With logits it is exact.
#
# ## A lower loss is not more right answers
#
# The loss is what is trained, and seldom what is wanted. A spam filter should be right often. Two filters, four
# mails; in the table is the probability each gave to the true answer. Above one half it is right.

# %%
timid, bold = [0.51, 0.51, 0.51, 0.51], [0.99, 0.99, 0.99, 0.4]
losses = {"timid": nn.binary_cross_entropy(timid, [1] * 4).data, "bold": nn.binary_cross_entropy(bold, [1] * 4).data}
right = {"timid": fmean(p > 0.5 for p in timid), "bold": fmean(p > 0.5 for p in bold)}
lesson.table(
    ["filter", "mail 1", "mail 2", "mail 3", "mail 4", "cross-entropy", "right"],
    [[name, *given, losses[name], f"{right[name]:.0%}"] for name, given in (("timid", timid), ("bold", bold))],
)
lesson.expect(
    losses["bold"] < losses["timid"] and right["bold"] < right["timid"],
    "The bold filter has the lower loss, and is right less often.",
)

# %% [markdown]
# The count of right answers cannot be trained on: nudge a weight a little and the count stays the same, so its slope
# is 0 nearly everywhere. A loss stands in for it, with a slope. Watch both.
#
# ## Questions
#
# <details><summary>Two predictions are 3 and 5, the right answers 2 and 5. What is the MSE, and what are the two
# slopes?</summary>
#
# The errors are 1 and 0, so $L = (1 + 0) / 2 = 0.5$. The slopes are $\frac{2}{2} \cdot 1 = 1$ and 0. Only the first
# prediction is told to move, and down.
#
# </details>
#
# <details><summary>A model with three classes knows nothing and gives each the same logit. What is its
# cross-entropy? Why is that a number to remember?</summary>
#
# Each class gets $p = 1/3$, so $L = -\log \frac{1}{3} = \log 3 \approx 1.10$. With $K$ classes it is $\log K$. A
# network that starts far above it is sure of wrong things; one that stays there has learned nothing.
#
# </details>
#
# <details><summary>One of a thousand training mails carries the wrong label. Which loss minds more, and what would
# soften it?</summary>
#
# A good model gives the true answer nearly 1, so the wrong label nearly 0, and $-\log$ of nearly 0 is large: under
# cross-entropy that one mail may weigh as much as hundreds of others. The squared error of a probability is at most
# 1. *Label smoothing* softens cross-entropy: the target becomes 0.95 instead of 1, say, so that no model is asked to
# be entirely sure (`nn.cross_entropy(..., label_smoothing=0.1)`).
#
# </details>
#
# ## Change and try
#
# - Make the slip of the pen worse: replace `READINGS = [1.0, 2.0, 2.5, 4.0, 20.0]` by
#   `READINGS = [1.0, 2.0, 2.5, 4.0, 200.0]`. Which of the three numbers moves, and how far?
# - Replace `SHARE = 0.7` by `SHARE = 0.5`, then by `SHARE = 0.9`. How low can the cross-entropy get now? At which share
#   is it hardest to predict?
# - Start `relearn` less wrong: replace `bias.data = 3.0, 0.0, 0.0` by `bias.data = 0.5, 0.0, 0.0`. Does the squared
#   error still fail?
# - In "Many classes", raise the logit of "dog": replace `(2.0, 1.0, -1.0)` by `(2.0, 6.0, -1.0)`. Which slopes fade,
#   and why?
#
# ## Next
#
# A loss can be lowered too far: the model then knows its examples by heart and fails on new ones. [Lesson
# 6](06_dropout.py) shows a cure.
