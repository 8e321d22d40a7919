# %% [markdown]
# # 8 A training step, from start to finish
#
# Training a network is one step, repeated: forward, loss, backward, update. You will do the first step of a small
# network with pencil and paper, and hold every number of yours against the engine's. Then a loop repeats the step
# until the network has learned its task, and the same function, unchanged, learns to tell flowers apart.
#
# Everything here was met before: the chain rule in [lesson 1](01_backpropagation.py), the update in [lesson
# 2](02_weight_updates.py), the loss in [lesson 5](05_losses.py), epochs in [lesson 7](07_batches_and_epochs.py).

# %% tags=["helper"]
from math import exp, inf, tanh
from statistics import fmean

from _lesson import Lesson

from micrograd_plus import Value, nn
from micrograd_plus.data import Dataset, batches, iris, split, standardize, xor
from micrograd_plus.explain import Ledger, check_graph
from micrograd_plus.train import confusion_matrix, fit
from micrograd_plus.viz import plots
from micrograd_plus.viz.network import NetworkDiagram
from micrograd_plus.viz.player import Recorder

lesson = Lesson("08_a_training_step")


def close(first, second) -> bool:
    """Whether numbers agree to 12 decimals, each with its partner: paper knows no rounding of binary numbers."""
    return len(first) == len(second) and all(abs(a - b) < 1e-12 for a, b in zip(first, second))


# %% [markdown]
# ## The task: one or the other, but not both
#
# Two inputs, each 0 or 1. The answer is 1 if exactly one of them is 1: "exclusive or", XOR for short. It is the
# smallest task that no straight line can solve. Put the four points on a square: the two with answer 1 lie on one
# diagonal, the two with answer 0 on the other.
#
# A network with two inputs, two hidden neurons and one output can solve it. Its nine numbers to learn:
#
# | neuron | weight on $x_1$ | weight on $x_2$ | bias |
# |---|---|---|---|
# | hidden neuron 1 | $w_{11}$ | $w_{12}$ | $b_1$ |
# | hidden neuron 2 | $w_{21}$ | $w_{22}$ | $b_2$ |
#
# | neuron | weight on $h_1$ | weight on $h_2$ | bias |
# |---|---|---|---|
# | output | $u_1$ | $u_2$ | $c$ |
#
# Usually they start at random. Here they start at numbers that are easy on paper.

# %%
START = {
    "w11": 0.5, "w12": -0.6, "b1": 0.7,
    "w21": -0.2, "w22": 0.8, "b2": -0.1,
    "u1": -0.3, "u2": 0.9, "c": 0.4,
}  # fmt: skip
RATE, ACTIVATION = 0.1, "relu"


def network(start: dict[str, float]) -> nn.MLP:
    """The network with two inputs, two hidden neurons and one output, its nine parameters set and named."""
    model = nn.MLP(2, [2, 1], activation=ACTIVATION)
    for parameter, (name, number) in zip(model.parameters(), start.items(), strict=True):
        parameter.label, parameter.data = name, number
    return model


model = network(START)
table = xor().take([3, 2, 1, 0])  # the same four rows, beginning with (1, 1)
lesson.table(["x1", "x2", "answer y"], [[int(x1), int(x2), y] for (x1, x2), y in table], "XOR")
lesson.table(list(START), [list(START.values())], "The nine parameters before the first step")

# %% [markdown]
# ## The whole of training, in one function
#
# Here is the training step. Four lines do the work, and they are the four parts of this lesson. There is a fifth,
# `zero_grad`, because gradients add up until they are cleared ([lesson 1](01_backpropagation.py)).

# %%


def training_step(model, optimizer, inputs, targets, loss_function) -> float:
    """One training step on some examples; returns their mean loss before the update."""
    predictions = [model(x) for x in inputs]  # 1 forward
    loss = loss_function(predictions, targets)  # 2 loss
    optimizer.zero_grad()
    loss.backward()  # 3 backward
    optimizer.step()  # 4 gradient descent
    return loss.data


# %% [markdown]
# We take it apart with one example, $x_1 = 1$, $x_2 = 1$, whose answer is $y = 0$. Get a pencil.
#
# ## 1 Forward
#
# Each hidden neuron takes the weighted sum $z$ of the inputs and cuts it off below 0: $h = \max(z, 0)$. That cut is
# called *ReLU*. The output is the weighted sum of the two hidden values. It is the prediction, $\hat y$.
#
# $$ z_1 = w_{11} x_1 + w_{12} x_2 + b_1 $$
# $$ z_2 = w_{21} x_1 + w_{22} x_2 + b_2 $$
# $$ h_1 = \max(z_1, 0) $$
# $$ h_2 = \max(z_2, 0) $$
# $$ \hat y = u_1 h_1 + u_2 h_2 + c $$
#
# Below, the formulas are written out as plain arithmetic: that is paper. Beside it stands what the engine computed
# when the network was called.

# %%
(X1, X2), Y = table[0]
x1, x2 = Value(X1, "x1"), Value(X2, "x2")
hidden = model.layers[0]([x1, x2])
prediction = model.layers[1](hidden)
prediction.label = "ŷ"
for number, h in enumerate(hidden, start=1):
    h.label, h.children[0].label = f"h{number}", f"z{number}"

w11, w12, b1, w21, w22, b2, u1, u2, c = START.values()
bends = {"relu": lambda z: max(z, 0.0), "tanh": tanh, "sigmoid": lambda z: 1 / (1 + exp(-z))}
bend = bends.get(ACTIVATION, bends["relu"])
z1 = w11 * X1 + w12 * X2 + b1
z2 = w21 * X1 + w22 * X2 + b2
h1 = bend(z1)
h2 = bend(z2)
y_hat = u1 * h1 + u2 * h2 + c
print(f"z1 = {w11:g}·{X1:g} + ({w12:g})·{X2:g} + {b1:g} = {z1:.4g}")
print(f"z2 = ({w21:g})·{X1:g} + {w22:g}·{X2:g} + ({b2:g}) = {z2:.4g}")
print(f"ŷ  = ({u1:g})·{h1:.4g} + {u2:g}·{h2:.4g} + {c:g} = {y_hat:.4g}")

on_paper = {"z1": z1, "z2": z2, "h1": h1, "h2": h2, "ŷ": y_hat}
nodes = {"z1": hidden[0].children[0], "z2": hidden[1].children[0], "h1": hidden[0], "h2": hidden[1], "ŷ": prediction}
lesson.table(
    ["number", "on paper", "the engine, and how it got there"],
    [[name, on_paper[name], nodes[name].explain().title()] for name in on_paper],
    "Forward: from the inputs to the prediction",
)
lesson.check(
    38,
    close(list(on_paper.values()), [node.data for node in nodes.values()]) and model([X1, X2]).data == prediction.data,
    f"Forward: z1 = {z1:.1f}, z2 = {z2:.1f}, h1 = {h1:.1f}, h2 = {h2:.1f} and the prediction {y_hat:.2f} are the same"
    " on paper, node by node in the engine, and in one call of the model.",
)

# %% [markdown]
# ## 2 Loss
#
# The answer is 0. How wrong is the prediction? We take the squared error, because it can be done on paper:
#
# $$ L = (\hat y - y)^2 $$

# %%
loss = nn.mse_loss(prediction, float(Y))
loss.label, loss.children[0].label = "L", "e"  # e is the error, ŷ − y
paper_loss = (y_hat - Y) ** 2
nearly = nn.mse_loss(Y + 0.1, float(Y)).data
print(f"on paper: (ŷ − y)² = ({y_hat:.2f} − {Y})² = {paper_loss:.4f}")
print(f"engine:   {loss.explain().title()}")
lesson.check(
    39,
    close([paper_loss], [loss.data]) and nn.mse_loss(float(Y), float(Y)).data == 0 and nearly < loss.data,
    f"Loss: one number says how wrong the prediction is. {y_hat:.2f} instead of {Y} costs {loss.data:.4f}; {Y + 0.1:g}"
    f" would cost {nearly:.2f}, and the right answer nothing.",
)

# %% [markdown]
# ## 3 Backward
#
# Now the other way. We want the slope of $L$ for each of the nine parameters. The chain rule takes us there from the
# loss backwards, and each slope found serves the next one. Start at the prediction:
#
# $$ \delta = \frac{\partial L}{\partial \hat y} = 2 (\hat y - y) $$
#
# The output is a weighted sum, so each of its parameters gets $\delta$ times what it was multiplied with, and each
# hidden value gets $\delta$ times its weight. The bias was multiplied with 1.
#
# $$ \frac{\partial L}{\partial u_1} = \delta h_1 $$
# $$ \frac{\partial L}{\partial u_2} = \delta h_2 $$
# $$ \frac{\partial L}{\partial c} = \delta $$
#
# On the way through a hidden neuron the error meets ReLU, whose slope is 1 where $z$ is above 0, and 0 below.
# Here both are above. What arrives at the weighted sum of neuron 1 and of neuron 2:
#
# $$ \delta_1 = \delta \, u_1 \cdot 1 $$
# $$ \delta_2 = \delta \, u_2 \cdot 1 $$
#
# These are weighted sums again, of the inputs. So the same rule gives the last six:
#
# $$ \frac{\partial L}{\partial w_{11}} = \delta_1 x_1 $$
# $$ \frac{\partial L}{\partial w_{12}} = \delta_1 x_2 $$
# $$ \frac{\partial L}{\partial b_1} = \delta_1 $$
#
# and in the same way with $\delta_2$ for neuron 2.

# %%
slopes = {"tanh": lambda z: 1 - tanh(z) ** 2, "sigmoid": lambda z: bend(z) * (1 - bend(z))}
slope = slopes.get(ACTIVATION, lambda z: float(z > 0))  # ReLU's, where no other is known
d = 2 * (y_hat - Y)
d1 = d * u1 * slope(z1)
d2 = d * u2 * slope(z2)
paper_gradients = {
    "w11": d1 * X1, "w12": d1 * X2, "b1": d1,
    "w21": d2 * X1, "w22": d2 * X2, "b2": d2,
    "u1": d * h1, "u2": d * h2, "c": d,
}  # fmt: skip
loss.backward()
gradients = {parameter.label: parameter.grad for parameter in model.parameters()}
print(f"on paper: δ = {d:.2f}, δ1 = {d1:.3f}, δ2 = {d2:.3f}")
lesson.table(
    ["parameter", "on paper", "the engine's grad"],
    [[name, paper_gradients[name], gradients[name]] for name in START],
    "Backward: the slope of the loss for each parameter",
)

# %% [markdown]
# There is a third way to the same numbers, which knows no chain rule at all: nudge a number a millionth up and down,
# and measure how much the loss changes for it. The table does so for every value of the pass, inputs included.

# %%
nudged = check_graph(loss)
measured = {row.name: row.above if row.above is not None else inf for row in nudged.verdicts if row.name in START}
lesson.show(nudged)
lesson.check(
    40,
    close(list(paper_gradients.values()), list(gradients.values()))
    and all(abs(measured.get(name, inf) - gradients[name]) < 1e-4 for name in START),
    f"Backward: all {len(gradients)} gradients by the chain rule on paper are the engine's, and are the slopes that"
    f" nudging measures. The error δ = {d:.2f} at the output becomes {d1:.3f} at neuron 1 and {d2:.3f} at neuron 2.",
)

# %% [markdown]
# The whole pass in one picture. Solid blue lines are weights above 0, dashed orange ones below. The dotted lines go
# backward: they bring each neuron its share of the error, $\delta$.

# %%
lesson.show(
    NetworkDiagram(model, [X1, X2], target=float(Y), loss="mse", title="The first step", input_names=("x1", "x2")),
    "network",
    alt="The network with two inputs, two hidden neurons and one output: values inside the circles, weights on the "
    "arrows, and under each neuron the error that came back.",
)

# %% [markdown]
# And the same again as a film that you can stop at every number: forward one value at a time, backward one `+=` at
# a time, then the update that comes next. Use the arrow keys.

# %%
optimizer = nn.SGD(model.parameters(), lr=RATE)
lesson.show(
    loss.steps(optimizer=optimizer, title="The first training step on XOR"),
    "first_step",
    alt="Step player: every value, every += and every update of the first training step.",
)

# %% [markdown]
# Pick any parameter and ask where its gradient came from. $w_{11}$ has one way to the loss: through $z_1$, $h_1$,
# the prediction $\hat y$ and the error $e = \hat y - y$.

# %%
first = model.parameters()[0]  # it is called w11
lesson.show(first.explain(loss))

# %% [markdown]
# ## 4 Gradient descent
#
# Each parameter moves against its gradient, by the learning rate $\eta$ (here 0.1) times the gradient:
#
# $$ w \leftarrow w - \eta \frac{\partial L}{\partial w} $$
#
# The optimizer does it for all nine at once. The ledger writes down what it did to the first.

# %%
paper_updates = {
    "w11": w11 - RATE * d1 * X1, "w12": w12 - RATE * d1 * X2, "b1": b1 - RATE * d1,
    "w21": w21 - RATE * d2 * X1, "w22": w22 - RATE * d2 * X2, "b2": b2 - RATE * d2,
    "u1": u1 - RATE * d * h1, "u2": u2 - RATE * d * h2, "c": c - RATE * d,
}  # fmt: skip
with Ledger(optimizer, ["w11"]) as book:
    optimizer.step()
lesson.show(book)
updated = {parameter.label: parameter.data for parameter in model.parameters()}
lesson.table(
    ["parameter", "before", "gradient", "moves by", "on paper", "the engine, after"],
    [
        [name, START[name], gradients[name], -RATE * gradients[name], paper_updates[name], updated[name]]
        for name in START
    ],
    "The update",
)
again = model([X1, X2])
loss_after = nn.mse_loss(again, float(Y)).data
lesson.check(
    41,
    close(list(paper_updates.values()), list(updated.values())) and loss_after < loss.data,
    f"Gradient descent: new weight = old weight − {RATE} × gradient, for all nine as on paper. The same example now"
    f" gives {again.data:.4f} instead of {prediction.data:.2f}, and the loss fell from {loss.data:.4f} to"
    f" {loss_after:.4f}.",
)

# %% [markdown]
# One step, and the loss of this example fell. But look at what happened to the other three.

# %%


def losses(model) -> list[float]:
    """The loss of each of the four rows."""
    return [nn.mse_loss(model(x), y).data for x, y in table]


names = [f"({x1:g}, {x2:g})" for x1, x2 in table.inputs]
at_first, after_one = losses(network(START)), losses(model)
lesson.table(
    ["moment", *names, "mean"],
    [["before", *at_first, fmean(at_first)], ["after one step", *after_one, fmean(after_one)]],
    "The loss of each example",
)
worse = [name for name, before, after in zip(names, at_first, after_one) if after > before]
print(f"made worse by a step on {names[0]} alone: {', '.join(worse) or 'none'}")
lesson.expect(
    worse and names[0] not in worse and fmean(after_one) > fmean(at_first),
    "The step made its own example better, and others, and the mean of all, worse.",
)

# %% [markdown]
# What is good for one example can be bad for another; here even the mean rose. A step can only do its part. The
# network finds weights that suit all four because every example gets its turn, again and again.
#
# ## 5 Repeat
#
# We begin anew, and call `training_step` for one example after the other. Four steps are an epoch. The first call is
# the step that we did by hand.

# %%
EPOCHS = 60
LOST = 1e6  # a loss from which no step leads back


def train(model, epochs: int) -> list[float]:
    """Trains on XOR, one example at a time; returns the mean loss of the four before training and after each epoch."""
    optimizer = nn.SGD(model.parameters(), lr=RATE)
    history = [fmean(losses(model))]
    for _ in range(epochs):
        for x, y in table:
            if history[-1] < LOST:
                training_step(model, optimizer, [x], [y], nn.mse_loss)
        history.append(fmean(losses(model)))
    return history


model = network(START)
training_step(model, nn.SGD(model.parameters(), lr=RATE), [[X1, X2]], [float(Y)], nn.mse_loss)
by_hand = [parameter.data for parameter in model.parameters()] == list(updated.values())
model = network(START)
history = train(model, EPOCHS)
lesson.table(
    ["after epoch", "steps so far", "mean loss"],
    [[epoch, 4 * epoch, history[epoch]] for epoch in (0, 1, 2, 5, 10, 20, 30, 40, EPOCHS) if epoch <= EPOCHS],
    "The loss of the four examples while the step is repeated",
)
lesson.table(
    ["x1", "x2", "answer", "before training", "after"],
    [[int(x[0]), int(x[1]), y, network(START)(x).data, model(x).data] for x, y in table],
    "What the network says",
)
learned = [model(x).data for x in table.inputs]
lesson.check(
    42,
    by_hand
    and history[-1] < 1e-4 < history[0]
    and [round(value) for value in learned] == table.targets
    and [round(network(START)(x).data) for x in table.inputs] != table.targets,
    f"Repeat: the step made by hand, {4 * EPOCHS} times over, takes the mean loss from {history[0]:.3f} to"
    f" {history[-1]:.1g}. All four answers are right; before, they were not.",
)

# %%
lesson.show(
    plots.curves(
        {"mean loss of the four": (range(EPOCHS + 1), history)}, xlabel="epoch (four steps each)", ylabel="loss",
        title="The same step, over and over",
    ),
    "loss",
    alt="The mean loss on XOR falls steeply in the first epochs, then more slowly; it is nearly 0 after 35.",
)  # fmt: skip
for moment, what in (("before", network(START)), ("after", model)):
    lesson.show(
        plots.decision_boundary(what, xor(), threshold=0.5, title=f"XOR, {moment} training"),
        f"boundary_{moment}",
        alt="Before training, one line parts the plane, and three of the four points lie on the same side."
        if moment == "before"
        else "After training, a band with answer 0 runs along one diagonal; the two corners with answer 1 lie outside.",
    )

# %% [markdown]
# Two hidden neurons are two straight lines; together they fence off a strip. To see them find their places, let
# `fit` do the same run. `fit` is the loop above with its counters, reports and safety checks, and it can be filmed.

# %%
numbers = Dataset(table.inputs, [float(y) for y in table.targets], name="XOR", feature_names=("x1", "x2"))
filmed, film = network(START), Recorder(every=2)
fit(
    filmed, numbers, loss="mse", optimizer="sgd", lr=RATE, epochs=EPOCHS, batch_size=1, shuffle=False,
    callbacks=[film], progress=False,
)  # fmt: skip
difference = max(abs(a.data - b.data) for a, b in zip(filmed.parameters(), model.parameters()))
print(f"largest difference between fit's parameters and those of our own loop: {difference:.1g}")
lesson.expect(difference < 1e-9, "fit ends with the same parameters as our own loop.")
lesson.show(
    film.player(title="XOR, from the first step to the last"),
    "training",
    alt="Training player: the network's weights, the plane of its answers and the loss, at every second step.",
)

# %% [markdown]
# ## All four at once
#
# A step may also look at all four examples before it moves ([lesson 3](03_gradient_descent.py)). Nothing new is
# needed: `training_step` takes lists, the loss of a batch is the mean of the losses, and so its gradient is the mean
# of the four gradients.

# %%


def gradient(inputs, targets) -> list[float]:
    """The nine gradients at the start, for the mean loss of some examples."""
    fresh = network(START)
    nn.mse_loss([fresh(x) for x in inputs], targets).backward()
    return [float(parameter.grad) for parameter in fresh.parameters()]


singles = [gradient([x], [y]) for x, y in table]
batch = gradient(table.inputs, table.targets)
means = [fmean(column) for column in zip(*singles)]
lesson.table(
    ["parameter", *names, "their mean", "one batch of 4"],
    [[name, *row] for name, *row in zip(START, *singles, means, batch)],
    "Gradients at the start",
)
lesson.expect(close(batch, means), "The gradient of the batch is the mean of the single gradients.")

# %% [markdown]
# The zeros are worth a look; they have three causes. For (1, 0) the weight $w_{12}$ on $x_2$ has gradient 0: a weight
# whose input was 0 had no part in the prediction, so it gets no blame. Neuron 2 gets nothing there either, and
# nothing for (0, 0): its $z_2$ is below 0, and ReLU cuts it off. For (0, 1) all is 0, because the prediction happens
# to be right: no error, nothing to correct.
#
# ## Where the simple story fails
#
# **Two neurons that start alike stay alike.** Give both hidden neurons the same numbers. Then they compute the same
# and get the same gradient, so every step keeps them the same. Two neurons do the work of one, and one cannot learn
# XOR. That is why weights start at random.

# %%
TWINS = {**START, "w21": START["w11"], "w22": START["w12"], "b2": START["b1"], "u2": START["u1"]}
twins = network(TWINS)
twins_history = train(twins, 500)
ends = {parameter.label: parameter.data for parameter in twins.parameters()}
lesson.table(
    ["neuron", "weight on x1", "weight on x2", "bias", "weight to the output"],
    [[f"hidden neuron {i}", ends[f"w{i}1"], ends[f"w{i}2"], ends[f"b{i}"], ends[f"u{i}"]] for i in (1, 2)],
    f"After 500 epochs the loss is {twins_history[-1]:.3f}, and the twins are still twins",
)
lesson.expect(
    twins_history[-1] > 0.1 and ends["w11"] == ends["w21"] and ends["u1"] == ends["u2"],
    "Twins stay twins, and do not learn XOR.",
)

# %% [markdown]
# **Not every random start arrives.** Gradient descent walks downhill from where it stands, and some valleys do not
# lead to the bottom. A common one: a ReLU neuron whose $z$ is below 0 for all examples. Its slope is 0 everywhere,
# so it never learns again; it is *dead*. More hidden neurons make it likely that enough of them stay alive.

# %%


def arrives(width: int, seed: int) -> bool:
    """Whether a network of that width learns XOR within 200 epochs of steps on all four examples."""
    model = nn.MLP(2, [width, 1], activation="relu", seed=seed)
    optimizer = nn.SGD(model.parameters(), lr=0.3)
    steps = (training_step(model, optimizer, table.inputs, table.targets, nn.mse_loss) for _ in range(200))
    return any(loss < 0.01 for loss in steps)  # which ends with the first that is


arrived = {width: sum(arrives(width, seed) for seed in range(20)) for width in (2, 4, 8)}
lesson.table(
    ["hidden neurons", "learned XOR, of 20 random starts"], list(map(list, arrived.items())), "Which starts arrive"
)
lesson.expect(arrived[2] < arrived[4] <= arrived[8], "The more hidden neurons, the more starts arrive.")

# %% [markdown]
# ## Real data, the same function
#
# Edgar Anderson measured 150 irises of three species: the length and width of two parts of each flower, in
# centimetres. Ronald Fisher published the numbers in 1936, and they have been a first data set ever since. Four
# numbers in, one of three names out. What changes?
#
# - The network is larger: 4 inputs, 8 hidden neurons, 3 outputs, one for each species.
# - The loss is cross-entropy, because the answer is a class ([lesson 5](05_losses.py)).
# - The optimizer is Adam ([lesson 4](04_adam.py)), and a step looks at 16 flowers.
# - A fifth of the flowers is kept aside. They are the test: the network is not trained on them.
#
# What does not change is `training_step`.

# %%
flowers, test, _ = standardize(*split(iris(), seed=0))
classifier = nn.MLP(4, [8, 3], activation="relu", seed=0)
adam = nn.Adam(classifier.parameters(), lr=0.02)
iris_losses = []
for epoch in range(1, 21):
    steps = [
        (len(batch), training_step(classifier, adam, batch.inputs, batch.targets, nn.cross_entropy))
        for batch in batches(flowers, 16, epoch=epoch)
    ]
    iris_losses.append(sum(size * loss for size, loss in steps) / len(flowers))
answers = [[score.data for score in classifier(x)] for x in test.inputs]
matrix = confusion_matrix(answers, test.targets, test.classes)
print(f"mean loss in epoch 1: {iris_losses[0]:.3f}, in epoch 20: {iris_losses[-1]:.3f}")
print(f"right on {sum(matrix.counts[i][i] for i in range(3))} of {len(test)} flowers that it had never seen\n")
lesson.expect(
    iris_losses[-1] < iris_losses[0] / 3 and matrix.accuracy >= 0.9, "It has learned to tell nine of ten flowers."
)

# %%
lesson.show(
    plots.curves({"iris": iris_losses}, xlabel="epoch", ylabel="mean loss", title="Iris: the loss over the epochs"),
    "iris_loss",
    alt="The mean cross-entropy on the irises falls steeply at first, then slowly.",
)
lesson.show(
    plots.confusion_chart(matrix.counts, matrix.classes, title="Iris: true and predicted species"),
    "iris_matrix",
    alt="Rows are the true species, columns the predicted ones. Nearly all test flowers are on the diagonal; the few "
    "mistakes are between versicolor and virginica.",
)

# %% [markdown]
# From four numbers on paper to flowers, it was one function. Larger models have more of everything, but no other
# step.
#
# ## Questions
#
# <details><summary>Do the second step by hand as far as the prediction: the example is now $x_1 = 1$, $x_2 = 0$.
# Which weights will get gradient 0?</summary>
#
# Take the new numbers from the table "The update". $w_{12}$ and $w_{22}$ get gradient 0, since $x_2 = 0$. The new
# $z_2 = w_{21} + b_2$ is below 0, so ReLU cuts neuron 2 off: $h_2 = 0$, and $w_{21}$, $b_2$ and $u_2$ get 0 as well.
# The code cell after these questions checks it.
#
# </details>
#
# <details><summary>Why does `backward` go from the loss to the weights, and not from the weights to the
# loss?</summary>
#
# There is one loss and many weights. Going backward, the error at each neuron is found once and serves all of its
# weights: one sweep gives all gradients. Going forward, each weight would need a sweep of its own. With nine weights
# that is a nuisance; with a million it is out of the question.
#
# </details>
#
# <details><summary>What happens if you leave out `zero_grad`?</summary>
#
# Gradients add up, so each step moves by the sum of all gradients since the start, most of them out of date. Leave
# the line out and run the lesson: the loss does not settle, and may grow without end.
#
# </details>

# %%
second, (x, y) = network(updated), table[1]
nn.mse_loss(second(x), float(y)).backward()
zero = [parameter.label for parameter in second.parameters() if parameter.grad == 0]
print(f"second step: prediction {second(x).data:.4f}, gradient 0 for {', '.join(zero) or 'none'}")
lesson.expect(zero == ["w12", "w21", "w22", "b2", "u2"], "Five of the nine get gradient 0.")

# %% [markdown]
# ## Change and try
#
# - Replace `RATE, ACTIVATION = 0.1, "relu"` by `RATE, ACTIVATION = 0.1, "tanh"`. The first step now needs a calculator.
#   Does the network still learn?
# - Replace `RATE, ACTIVATION = 0.1, "relu"` by `RATE, ACTIVATION = 0.02, "relu"`, then by
#   `RATE, ACTIVATION = 0.5, "relu"`. How many epochs does it take, and does it arrive?
# - Change the order of the rows: replace `take([3, 2, 1, 0])` by `take([1, 0, 3, 2])`. The first step is another one;
#   is the last result?
# - Give the iris network no hidden layer: replace `nn.MLP(4, [8, 3], activation="relu", seed=0)` by
#   `nn.MLP(4, [3], seed=0)`. How much worse is it on the test flowers?
#
# ## Next
#
# You have been through all of it. [Lesson 9](09_microgpt.py) trains a small language model in the same four parts. Or
# train something of your own: `micrograd-plus train` does it with a table of your data, in one command.
