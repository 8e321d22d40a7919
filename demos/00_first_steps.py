# %% [markdown]
# # First steps
#
# You will differentiate an expression and see its graph, then train a network to read handwritten digits, keep it in a
# file, and let it read one.

# %% tags=["helper"]
from _lesson import Lesson

from micrograd_plus import Value, fit, nn
from micrograd_plus.data import digits, split, standardize
from micrograd_plus.train import Predictor, confusion_matrix
from micrograd_plus.viz import Images, plots

lesson = Lesson("00_first_steps")

# %% [markdown]
# ## A number that remembers
#
# A `Value` is a number that remembers how it was made. Here is one neuron: an input $x$, a weight $w$, a bias $b$,
# and its output $n = \tanh(w x + b)$. `backward()` walks back from $n$ by the chain rule, and leaves on each Value its
# gradient: how much $n$ changes for a small change of that Value.

# %%
w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.5, "b")
n = (w * x + b).tanh()
n.label = "n"
n.backward()

lesson.table(["name", "value", "gradient"], [[each.label, each.data, each.grad] for each in (w, x, b, n)])

# %% [markdown]
# Is that right? Nudge $w$ a little, and see how far $n$ moves for it.

# %%
nudge = 1e-6
nudged = ((w.data + nudge) * x + b).tanh()
print(f"n moves by {(nudged.data - n.data) / nudge:.5f} for each unit of w; backward() says {w.grad:.5f}")

# %% [markdown]
# The same as a picture. Values are computed from left to right; gradients came back from right to left. Each box has a
# name, a value and a gradient.

# %%
lesson.show(n.graph(), "neuron.svg", alt="The graph of n = tanh(w * x + b), with the value and gradient of every node")

# %% [markdown]
# And to touch: press the right arrow for one step at a time, and see every number being made. Then give $x$ another
# value. For which values of $x$ does the gradient of $w$ all but vanish?

# %%
lesson.show(n.steps(title="One neuron, step by step"), "neuron_player", alt="The neuron, forward and backward by steps")

# %% [markdown]
# ## A network that reads digits
#
# A network is the same thing, only larger. The data are 1,797 handwritten digits of 8 × 8 pixels (UCI Machine Learning
# Repository, CC BY 4.0). A fifth of them is held out: the network never sees these while it learns, so they tell how
# well it reads what is new to it. The pixels are *standardized*: shifted so that their mean is 0, and stretched so that
# their *standard deviation* is 1. (That is how far numbers typically lie from their mean: take each distance, square
# it, take the mean of the squares, and of that the root.) Both come from the training part alone.

# %%
train_raw, test_raw = split(digits(), test=0.2, seed=0)
train, test, scaler = standardize(train_raw, test_raw, per_feature=False)
print(train)
first = Images(test_raw.inputs[:10], width=8, captions=[test.classes[target] for target in test.targets[:10]])
lesson.show(
    first, "digits", alt="Ten held-out digits of 8 by 8 pixels, in many hands; below each, what its writer meant"
)

# %% [markdown]
# 64 pixels go in, 32 neurons stand between, and one neuron for each digit says how strongly it speaks for that digit.
# Each of the weights and biases is a Value like $w$ above. `fit` goes through the data again and again (each time is
# an *epoch*), a *batch* of 32 digits at a time. For each batch it computes the loss, which measures how wrong the
# network is, and the gradient of the loss by every weight; then it moves every weight a little against its gradient.

# %%
model = nn.MLP(64, [32, 10], activation="relu", seed=0)
print(model.summary())
RATE, EPOCHS = 0.01, 12
history = fit(
    model, train, loss="cross_entropy", optimizer="adam", lr=RATE, epochs=EPOCHS, batch_size=32, validation=test
)
print(history.table(rows=6))

# %% [markdown]
# The loss falls: on the digits that the network learns from to almost nothing, on those it has never seen until there
# is no more to be learnt from so few.

# %%
alt = "The loss over the epochs: of training digits it falls to almost 0, of held-out digits it levels off"
lesson.show(history.plot(title="Learning to read digits"), "loss.svg", alt=alt)

# %% [markdown]
# How many of the held-out digits does it read correctly, and which does it take for which? Rows are the true digits,
# columns what the network says; everything beside the diagonal is a mistake.

# %%
predictor = Predictor.of(model, train, scaler=scaler, notes={"data": train.source})
matrix = confusion_matrix(predictor.outputs(test_raw.inputs), test.targets, test.classes)
print(f"held-out accuracy: {matrix.accuracy:.1%} of {len(test)} digits")
alt = "A table of true digits by predicted ones: nearly all lie on the diagonal, an 8 is taken for a 1 now and then"
lesson.show(plots.confusion_chart(matrix, title="What is read as what"), "confusion", alt=alt)
lesson.expect(matrix.accuracy > 0.95, "More than 95 % of the held-out digits are read correctly.")

# %% [markdown]
# ## Keep it, and use it
#
# The Predictor holds all it takes to use the model: the weights, the scale of the pixels, the names of the classes. It
# is saved as one JSON file, which any language can read and in which nothing can run.

# %%
lesson.folder.mkdir(parents=True, exist_ok=True)
path = predictor.save(lesson.folder / "digits.json")
print(f"saved: {path.name}, {path.stat().st_size / 1000:.0f} kB")

# %% [markdown]
# Read from the file, it answers for raw pixels. Let us ask for the held-out digits that it is least sure of.

# %%
reader = Predictor.load(path)
probabilities = reader.probabilities(test_raw.inputs)
unsure = sorted(range(len(test)), key=lambda row: max(probabilities[row]))[:5]
pixels = [test_raw.inputs[row] for row in unsure]
meant, read = [test.classes[test.targets[row]] for row in unsure], reader.predict(pixels)
captions = [f"a {truth}, read {said}" for truth, said in zip(meant, read)]
alt = "The five digits that the network is least sure of; below each, what its writer meant and what the network reads"
lesson.show(Images(pixels, width=8, captions=captions), "unsure", alt=alt)
ranked = sorted(zip(probabilities[unsure[0]], reader.classes), reverse=True)
lesson.table(["digit", "probability"], [[name, chance] for chance, name in ranked[:3]], "Its guesses for the first one")

# %% [markdown]
# ## Questions
#
# <details><summary>Suppose the gradient of $w$ is 1.5. What becomes of $n$ if $w$ rises by 0.01?</summary>
#
# It rises by about 0.015: the gradient times the nudge. About, because the slope of tanh changes on the way.
#
# </details>
#
# <details><summary>Why are some digits held out, and not all used for learning?</summary>
#
# A network can learn its examples by heart. Whether it has learned to read shows only on digits that it has not seen.
# That is also why the scale of the pixels comes from the training part alone: nothing of the held-out digits may leak
# into the training.
#
# </details>
#
# ## Change and try
#
# - Give the network no hidden layer, or a second one: replace `nn.MLP(64, [32, 10], activation="relu", seed=0)` by
#   `nn.MLP(64, [10], seed=0)`, then by `nn.MLP(64, [32, 16, 10], activation="relu", seed=0)`. What is gained, what
#   lost?
# - Replace `RATE, EPOCHS = 0.01, 12` by `RATE, EPOCHS = 0.0001, 12`, then by `RATE, EPOCHS = 1.0, 12`. What does the
#   loss curve look like?
#
# ## Next
#
# How `backward()` finds the gradients, step by step: [lesson 1](01_backpropagation.py). Or the same from the command
# line: `micrograd-plus train --data digits`, then `micrograd-plus predict runs/digits/model.json your.csv`.
