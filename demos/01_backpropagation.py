# %% [markdown]
# # 1 Backpropagation: who is to blame, and how much
#
# A network makes a prediction, and the prediction is off. Which of its numbers should change, which way, and how
# much? Backpropagation answers for all of them at once, in one walk backwards. You will do it by hand for a single
# neuron, watch it number by number, see the error travel through a network, and repeat it until the error is as
# small as it can be.
#
# You need to know what a slope is: how steeply a line rises. Nothing else.

# %% tags=["helper"]
from itertools import pairwise
from math import isclose
from statistics import fmean, linear_regression

from _lesson import Lesson

from micrograd_plus import Value, nn, topological_order
from micrograd_plus.data import line
from micrograd_plus.explain import check_graph
from micrograd_plus.nn import Parameter
from micrograd_plus.viz import plots
from micrograd_plus.viz.network import NetworkDiagram

lesson = Lesson("01_backpropagation")


# %% [markdown]
# ## Forward: one neuron, one example
#
# The smallest neuron has one input $x$ and two numbers of its own: a *weight* $w$ and a *bias* $b$. It predicts
#
# $$ \hat y = w x + b $$
#
# ($\hat y$ is read "y hat". The hat says: predicted.) Take $x = 2$, $w = 0.5$, $b = -0.5$. Then
# $\hat y = 0.5 \cdot 2 - 0.5 = 0.5$. This walk from the input to the output is the **forward pass**.
#
# In micrograd_plus a number that takes part is a `Value`. It computes like any number, and remembers how it was made.
# A `Parameter` is a Value that training may change: a weight, a bias.

# %%
x, w, b = Value(2.0, "x"), Parameter(0.5, "w"), Parameter(-0.5, "b")
product = w * x
prediction = product + b
product.label, prediction.label = "wx", "ŷ"
for node in (product, prediction):
    print(node.explain().title())
lesson.check(
    2,
    prediction.data == w.data * x.data + b.data and topological_order(prediction)[-1] is prediction,
    f"Forward pass: the output is computed, operation by operation: w·x = {product.data:g}, and ŷ = w·x + b ="
    f" {prediction.data:g}.",
)

# %% [markdown]
# ## The error
#
# The right answer, the *target* $y$, is 2. The prediction is 0.5. One number should say how bad that is: the
# **loss**, also called the error $E$. We take the difference, squared, so that too much and too little both count:
#
# $$ E = (\hat y - y)^2 $$

# %%
y = 2.0
difference = prediction - y
error = difference**2
difference.label, error.label = "d", "E"
for node in (difference, error):
    print(node.explain().title())
perfect = (Value(y) - y) ** 2
lesson.check(
    3,
    isclose(error.data, (prediction.data - y) ** 2)
    and perfect.data == 0
    and isclose(nn.mse_loss(prediction, y).data, error.data),
    f"The error is the loss between predicted ({prediction.data:g}) and actual ({y:g}): {error.data:g}. A perfect"
    f" prediction would have {perfect.data:g}.",
)

# %% [markdown]
# Here is everything so far as a picture. Each box is a number; the arrows show what it was made from. Below each
# number there is room for another one, its gradient. It is empty: nobody has asked for it yet.

# %%
lesson.show(
    error.graph(title="After the forward pass"),
    "forward",
    alt="From left to right: w and x are multiplied, b is added, 2 is subtracted, and the result is squared. The "
    "gradients are still empty.",
)

# %% [markdown]
# ## What a gradient is
#
# Suppose we move $w$ a little, say by 0.001, and leave all else as it is. How much does $E$ move? The answer, for
# each unit that $w$ moves, is the slope of $E$ over $w$. It is written
#
# $$ \frac{\partial E}{\partial w} $$
#
# and called the *partial derivative* of $E$ by $w$: "partial" because only $w$ moves. All of them together are the
# **gradient**. We could find it by trying: nudge, compute everything again, compare.

# %%


def error_at(w: float, b: float) -> float:
    """The error as plain arithmetic, without any Value."""
    return (w * x.data + b - y) ** 2


NUDGE = 0.001
here = error_at(w.data, b.data)
nudged = {"w": error_at(w.data + NUDGE, b.data), "b": error_at(w.data, b.data + NUDGE)}
by_trying = {name: (there - here) / NUDGE for name, there in nudged.items()}
lesson.table(
    [f"nudge by {NUDGE}", "E before", "E after", "change / nudge"],
    [[name, here, nudged[name], by_trying[name]] for name in nudged],
)

# %% [markdown]
# So $E$ falls by about 6 for each unit that $w$ rises, and by about 3 for each unit that $b$ rises. (About, because
# the slope changes on the way; the smaller the nudge, the closer.) But trying is expensive. A network with a million
# weights would have to compute everything a million times over, for one step.
#
# ## Backward: the chain rule
#
# There is a way to get all of them in one go. Look at the picture again, from the right. Each box was made by one
# small operation, and of each small operation the slope is easy:
#
# | operation | slope | here |
# |---|---|---|
# | $E = d^2$ | $\frac{\partial E}{\partial d} = 2 d$ | $2 \cdot (-1.5) = -3$ |
# | $d = \hat y - y$ | $\frac{\partial d}{\partial \hat y} = 1$ | $1$ |
# | $\hat y = wx + b$ | $\frac{\partial \hat y}{\partial (wx)} = 1$ | $1$ |
# | $\hat y = wx + b$ | $\frac{\partial \hat y}{\partial b} = 1$ | $1$ |
# | $wx = w \cdot x$ | $\frac{\partial (wx)}{\partial w} = x$ | $2$ |
#
# These are *local derivatives*: each knows one operation and nothing else. The **chain rule** joins them. If $w$
# moves $wx$ twice as far, and $wx$ moves $\hat y$ as far, and $\hat y$ moves $d$ as far, and $d$ moves $E$ by $-3$
# times as far, then $w$ moves $E$ by the product:
#
# $$ \frac{\partial E}{\partial w} = \frac{\partial E}{\partial d} \cdot \frac{\partial d}{\partial \hat y} \cdot
# \frac{\partial \hat y}{\partial (wx)} \cdot \frac{\partial (wx)}{\partial w} = (-3) \cdot 1 \cdot 1 \cdot 2 = -6 $$
#
# `backward()` does that for every box. It begins at the error and hands each box the slope found so far, times one
# local derivative.

# %%
error.backward()
lesson.show(w.explain(error))

# %%
lesson.show(
    error.graph(derivatives=True, title="After the backward pass"),
    "backward",
    alt="The same picture with the gradients filled in: -3 at d, at the prediction, at wx and at b, -6 at w.",
)
by_chain_rule = {"w": w.grad, "b": b.grad}
by_hand = {"w": 2 * (prediction.data - y) * x.data, "b": 2 * (prediction.data - y)}
lesson.table(
    ["parameter", "by the chain rule", "by trying"],
    [[name, by_chain_rule[name], by_trying[name]] for name in by_chain_rule],
)
lesson.check(
    4,
    all(isclose(by_chain_rule[name], by_hand[name]) for name in by_hand)
    and all(abs(by_chain_rule[name] - by_trying[name]) < 2 * NUDGE * (x.data**2 + 1) for name in by_trying),
    f"The gradient is the partial derivative of the error by each weight, and the chain rule finds it: dE/dw = "
    f"{w.grad:g} and dE/db = {b.grad:g}, as by hand; trying gives {by_trying['w']:.3f} and {by_trying['b']:.3f}.",
)

# %% [markdown]
# The whole walk, forward and then backward, one number at a time. Each backward step is one `+=`: the slope that has
# arrived, times one local derivative, is added to the operand's gradient. Use the arrow keys.

# %%
lesson.show(
    error.steps(title="One forward and one backward pass"),
    "player",
    alt="Step player: every value of the forward pass and every += of the backward pass.",
)

# %% [markdown]
# ## Against the gradient
#
# The gradient of $w$ is $-6$: when $w$ rises, the error falls. So $w$ should rise. In general a weight should move
# *opposite* to its gradient. Move both numbers by 0.05 times their gradients, once against it and once along with
# it, and compare.

# %%
RATE = 0.05
rows = []
for direction, sign in (("against the gradient", -1), ("not at all", 0), ("along the gradient", +1)):
    moved_w, moved_b = w.data + sign * RATE * w.grad, b.data + sign * RATE * b.grad
    rows.append([direction, moved_w, moved_b, moved_w * x.data + moved_b, error_at(moved_w, moved_b)])
lesson.table(["both move", "w", "b", "prediction", "E"], rows)
against, still, along = (row[-1] for row in rows)
lesson.check(
    5,
    against < still < along,
    f"Weights move opposite to the gradient, and the error falls: from {still:g} to {against:g}. Along with the"
    f" gradient it would rise to {along:g}.",
)

# %% [markdown]
# How far to move is a question of its own, and the next lesson's.
#
# ## A network: the error travels back, layer by layer
#
# Now a network with two inputs, two hidden neurons and one output. Each neuron takes the weighted sum of what comes
# in, $z$, and bends it with $\tanh$, which keeps it between $-1$ and 1. (The output neuron does not bend it.) The
# error appears at the very end. How do the weights of the *first* layer learn of their share?
#
# Call the slope of the error by a neuron's weighted sum its own error signal, $\delta$ (delta). Then two rules are
# all there is:
#
# - **From a layer to the one before.** A hidden neuron's $\delta$ is the $\delta$ of each neuron that it feeds, times
#   the weight between them, added up; and times the slope of its own bend, $1 - h^2$ for $h = \tanh(z)$:
#
# $$ \delta_j = \Big(\sum_k \delta_k \, w_{kj}\Big)\,(1 - h_j^2) $$
#
# - **From a neuron to its weights.** The gradient of a weight is the neuron's $\delta$ times the input that the weight
#   was multiplied with:
#
# $$ \frac{\partial E}{\partial w_{ji}} = \delta_j \, x_i $$

# %%
network = nn.MLP(2, [2, 1], activation="tanh", seed=3)
inputs, target = [1.0, -0.5], 1.0
picture = NetworkDiagram(
    network, inputs, target=target, loss="mse", title="Forward values, backward errors", input_names=("x1", "x2")
)
lesson.show(
    picture,
    "network",
    alt="Two inputs, two hidden neurons and one output. Values stand in the circles, weights on the arrows forward; "
    "dotted arrows bring each neuron its share of the error.",
)

# %% [markdown]
# The picture's $\delta$s come from the engine. Let us work them out with the two rules, beginning at the output. For
# the squared error the first is $\delta = 2 (\hat y - y)$.

# %%
hidden_values = network.layers[0](inputs)
output = network.layers[1](hidden_values)
loss = nn.mse_loss(output, target)
loss.backward()

last, first = network.layers[1].neurons[0], network.layers[0].neurons
delta_out = 2 * (output.data - target)
deltas = [
    delta_out * weight.data * (1 - h.data**2) for weight, h in zip(last.weights, hidden_values)
]  # only the layer above is asked
rule_gradients = {weight.label: delta_out * h.data for weight, h in zip(last.weights, hidden_values)}
for delta, neuron in zip(deltas, first):
    rule_gradients |= {weight.label: delta * x for weight, x in zip(neuron.weights, inputs)}
engine_deltas = [h.children[0].grad for h in hidden_values]  # at each hidden neuron's weighted sum
print(f"output:  δ = 2·(ŷ − y) = 2·({output.data:.4f} − {target:g}) = {delta_out:.4f}")
for number, (weight, h, delta) in enumerate(zip(last.weights, hidden_values, deltas), 1):
    print(
        f"hidden {number}: δ = {delta_out:.4f} · ({weight.data:.4f}) · (1 − ({h.data:.4f})²) = {delta:.4f}"
        f"   (engine: {engine_deltas[number - 1]:.4f})"
    )
weights = {parameter.label: parameter for parameter in network.parameters() if "weights" in parameter.label}
lesson.table(
    ["weight", "by the two rules", "the engine's gradient"],
    [[name, rule_gradients[name], weight.grad] for name, weight in weights.items()],
)

# %% [markdown]
# And the order in which the engine got there? Ask it. It keeps every operation in a list, each after its operands;
# backward walks that list from the end. Below, the weights are listed as the walk comes to them.

# %%
walk = topological_order(loss, leaves=False)[::-1]
met = [child.label for node in walk for child in node.children if child in weights.values()]
print("\n".join(met))
layers_met = [label.split(".")[1] for label in met]
lesson.check(
    1,
    layers_met == sorted(layers_met, reverse=True)
    and len(layers_met) == len(weights)
    and all(abs(a - b) < 1e-12 for a, b in zip(deltas, engine_deltas))
    and all(abs(rule_gradients[name] - weight.grad) < 1e-12 for name, weight in weights.items()),
    f"The error at the output is propagated backwards, layer by layer, to the weights: δ = {delta_out:.4f} at the"
    f" output becomes {' and '.join(f'{delta:.4f}' for delta in deltas)} at the hidden neurons, and from these alone"
    " come the gradients of the weights; the last layer's come first.",
)

# %% [markdown]
# ## A value that is used twice
#
# In a network a hidden value feeds many neurons, and the rule above adds up what comes back from each. Why add? Take
# the smallest case: $y = a \cdot a + a$, at $a = 3$. A nudge of $a$ reaches $y$ along three paths: through the left
# factor, through the right factor, and through the last term. Each path contributes what it would alone.

# %%
a = Value(3.0, "a")
total = a * a + a
total.label = "y"
total.backward()
lesson.show(a.explain(total))
above, below = a.data + NUDGE, a.data - NUDGE
measured = ((above * above + above) - (below * below + below)) / (2 * NUDGE)
lesson.table(
    ["way", "gradient of a"],
    [["added up (backward)", a.grad], ["measured by nudging", measured], ["only the last one kept", 1.0]],
)
lesson.expect(abs(a.grad - measured) < 1e-6, "What is added up is what nudging measures.")

# %% [markdown]
# Because backward adds, the gradients of the leaves (the numbers that were given, not computed) also add up from one
# call of `backward()` to the next. So before the next step they must be cleared, with `zero_grad()`. To forget it is
# one of the most common mistakes.

# %%
once = a.grad
total.backward()
twice = a.grad
total.zero_grad()
total.backward()
print(f"after a second backward(): {twice:g}; after zero_grad() and another: {a.grad:g}")
lesson.expect((twice, a.grad) == (2 * once, once), "A second backward() doubles the gradient; zero_grad() clears it.")

# %% [markdown]
# ## Why the order matters
#
# Backward walks from the output, and it must not leave a node before *all* that comes back to it has arrived. The
# smallest graph where that can go wrong: $m = 2a$, $n = m + 1$, $L = m \cdot n$. Here $m$ is used by $n$ and, one step
# later, by $L$ too. Try both orders.

# %%
a = Value(3.0, "a")
m = a * 2
n = m + 1
L = m * n
m.label, n.label, L.label = "m", "n", "L"
lesson.show(
    L.graph(title="m reaches L on two ways of different length"),
    "order",
    alt="a is doubled to m; m plus one is n; m times n is L. Two arrows leave m: one to L, and one to n.",
)


def backward_in(order: list[Value]) -> float:
    """The gradient of a, if each node hands on what it has when its turn comes."""
    L.zero_grad()
    L.grad = 1.0
    for node in order:
        for child, local_derivative in zip(node.children, node.partials):
            child.grad += local_derivative * node.grad
    return a.grad


right_order, wrong_order = [L, n, m], [L, m, n]
above, below = 2 * (a.data + NUDGE), 2 * (a.data - NUDGE)  # where m is then
measured = (above * (above + 1) - below * (below + 1)) / (2 * NUDGE)
lesson.table(
    ["order", "gradient of a"],
    [
        ["L, n, m", backward_in(right_order)],
        ["L, m, n: m is left before n's share has come", backward_in(wrong_order)],
        [f"measured by nudging a by ±{NUDGE}", measured],
    ],
)
engine_order = [node for node in reversed(topological_order(L)) if node.children]
print("the engine's order:", ", ".join(node.label for node in engine_order))
lost = m.data * 2  # what comes back to m through n, times the slope of m over a
lesson.expect(
    engine_order == right_order
    and abs(backward_in(right_order) - measured) < 1e-6
    and isclose(backward_in(wrong_order), backward_in(right_order) - lost, abs_tol=1e-9),
    f"The engine's order gives the slope that nudging measures; the wrong one loses {lost:g}.",
)

# %% [markdown]
# The right order is called *topological*: every node comes before its operands. The wrong one lost $6 \cdot 2 = 12$.
#
# ## Again and again: epochs
#
# One step makes the error a little smaller. So repeat it. Here are 20 points around a line; the neuron with its two
# numbers is to find the line. One pass over all the points is an **epoch**: forward for all of them, the mean of their
# errors, backward, and one move against the gradient.

# %%
STEP, EPOCHS = 0.2, 80
points = line(20, noise=0.4, seed=2)
w, b = Parameter(0.0, "w"), Parameter(0.0, "b")
errors = []
for _ in range(EPOCHS):
    predictions = [w * x + b for [x] in points.inputs]
    mean_error = nn.mse_loss(predictions, points.targets)
    errors.append(mean_error.data)
    w.zero_grad()
    b.zero_grad()
    mean_error.backward()
    w.data -= STEP * w.grad
    b.data -= STEP * b.grad

slope, intercept = linear_regression([x for [x] in points.inputs], points.targets)
lesson.show(
    lesson.points_and_lines(
        points, {"at the start": (0.0, 0.0), "found": (w.data, b.data)}, title=f"The line after {EPOCHS} epochs"
    ),
    "line",
    alt="Twenty points that rise from left to right, the flat line of the start, and the line that was found: it runs "
    "through the middle of the points.",
)
least = fmean((slope * x + intercept - y) ** 2 for [x], y in points)
lesson.table(["epoch", "mean error"], [[i, errors[i - 1]] for i in (1, 2, 3, 5, 10, 20, 40, 80) if i <= EPOCHS])
lesson.show(
    plots.curves(
        {"mean error": errors, "least possible": [least] * EPOCHS},
        xlabel="epoch", ylabel="mean squared error", title="The error over the epochs",
    ),
    "epochs",
    alt="The error falls steeply in the first epochs and then flattens out on the line of the least possible error.",
)  # fmt: skip

# %% [markdown]
# For a straight line the best answer can also be computed directly (statistics books call it linear regression). It
# tells us how small the error can get at all. Noise keeps it above 0.

# %%
print(f"found:            w = {w.data:.6f}, b = {b.data:.6f}, error {errors[-1]:.6f}")
print(f"best possible:    w = {slope:.6f}, b = {intercept:.6f}, error {least:.6f}")
print(f"gradient there:   {w.grad:.1e} and {b.grad:.1e}")
lesson.check(
    6,
    all(later <= earlier for earlier, later in pairwise(errors)) and abs(errors[-1] - least) < 1e-6,
    f"Repeated over epochs, the error is minimised: it falls in every one of {len(errors)} epochs, from {errors[0]:.3f}"
    f" to {errors[-1]:.4f}; the least possible is {least:.4f}.",
)

# %% [markdown]
# ## Where the simple story fails
#
# Backward gives the slope *at the place where we stand*. That is not always what we want to know.
#
# **A flat place.** ReLU, $\max(z, 0)$, is flat below 0. A neuron that is there has the slope 0, so nothing comes back
# to its weights, and it stays where it is, however wrong it may be:

# %%
w, b = Parameter(0.5, "w"), Parameter(-3.0, "b")
stuck = (w * 2.0 + b).relu()
error = (stuck - 2.0) ** 2
error.backward()
print(f"z = {w.data * 2 + b.data:g}, prediction {stuck.data:g}, error {error.data:g}")
print(f"dE/dw = {w.grad:g}, dE/db = {b.grad:g}: no way to tell in which direction to move")
lesson.expect(error.data > 0 and (w.grad, b.grad) == (0.0, 0.0), "The error is large, and both gradients are 0.")

# %% [markdown]
# **A kink.** Exactly at 0, ReLU has two slopes: 0 on one side, 1 on the other. Backward must take one (by convention
# 0). `check_graph` compares every gradient of a graph with slopes measured on both sides, and says where there is
# a kink:

# %%
z = Value(0.0, "z")
kink = check_graph(z.relu() * 3)
lesson.show(kink)
lesson.expect(kink.verdicts[0].verdict == "kink", "check_graph finds the kink.")

# %% [markdown]
# In practice a number is hardly ever exactly at a kink. Flat places are the more common trouble; remedies are in later
# lessons.
#
# ## Questions
#
# <details><summary>In the first example, what is $\frac{\partial E}{\partial x}$, the gradient of the input?</summary>
#
# The path is the same as for $w$, but for the last factor: $wx = w \cdot x$ has the slope $w = 0.5$ over $x$. So it is
# $(-3) \cdot 1 \cdot 1 \cdot 0.5 = -1.5$. Backward computes it too. We do not move inputs, because they are given.
#
# </details>
#
# <details><summary>A value feeds three neurons. From them come back 0.5, −0.2 and 0.1 (each already times its local
# derivative). What is its gradient?</summary>
#
# Their sum, 0.4. A nudge of the value goes three ways at once, and what arrives at the end adds up.
#
# </details>
#
# <details><summary>Backward computes a million gradients. How much more work is that than one forward
# pass?</summary>
#
# Not much: each operation of the forward pass is visited once more, for one multiplication and one addition for each
# operand. Trying out would take a million forward passes.
#
# </details>
#
# ## Change and try
#
# - In the first cell, replace `Parameter(0.5, "w"), Parameter(-0.5, "b")` by
#   `Parameter(1.5, "w"), Parameter(-1.0, "b")`. What is the error, and what are the gradients? Why does no step help?
# - Let the network's target be what it predicts: replace `inputs, target = [1.0, -0.5], 1.0` by
#   `inputs, target = [1.0, -0.5], network([1.0, -0.5]).data`. Which gradients are left?
# - In the epochs, let nothing be cleared: replace `w.zero_grad()` by `pass` and `b.zero_grad()` by `pass`. Watch the
#   error.
# - In the epochs, take longer steps: replace `STEP, EPOCHS = 0.2, 80` by `STEP, EPOCHS = 0.9, 80`, then by
#   `STEP, EPOCHS = 1.1, 80`. What happens?
#
# ## Next
#
# We moved by 0.05, and then by 0.2, times the gradient. Why these numbers? [Lesson 2](02_weight_updates.py) is about
# the size of the step.
