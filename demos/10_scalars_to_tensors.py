# %% [markdown]
# # 10 From scalars to tensors
#
# Books write a layer of a network as one formula, $H = \tanh(W X + b)$. You know a layer as neurons, each with a sum of
# its own: $h_j = \tanh(\sum_i w_{ji} x_i + b_j)$. Both say the same, and the way from one to the other can be walked
# step by step. Here a small network is written neuron by neuron, in scalars; then `compile` finds the matrices in it,
# and we look over its shoulder.

# %% tags=["helper"]
from collections import Counter

import numpy as np
from _lesson import Lesson

from micrograd_plus import Value, compile, nn, topological_order

lesson = Lesson("10_scalars_to_tensors")

# %% [markdown]
# ## One example, in scalars
#
# Two inputs, three hidden neurons, one output; the loss is the squared error. All of it is written out, with no
# function that knows what a layer is.

# %%
w = [[nn.Parameter(0.1 * (i + 1) * (-1) ** j, f"neuron.{j + 1}.w{i + 1}") for i in range(2)] for j in range(3)]
b = [nn.Parameter(0.1 * j, f"neuron.{j + 1}.b") for j in range(3)]
u = [nn.Parameter(0.5 - 0.2 * j, f"u{j + 1}") for j in range(3)]
c = nn.Parameter(0.05, "c")
parameters = [*(weight for row in w for weight in row), *b, *u, c]
x = [Value(0.5, "x1"), Value(-1.0, "x2")]
y = Value(1.0, "y")


def loss_of(x: list[Value], y: Value) -> Value:
    """The squared error of one example, in scalars."""
    h = [(w[j][0] * x[0] + w[j][1] * x[1] + b[j]).tanh() for j in range(3)]
    prediction = u[0] * h[0] + u[1] * h[1] + u[2] * h[2] + c
    return (prediction - y) ** 2


loss = loss_of(x, y)
loss.label = "loss"
loss.backward()

alt = "The graph of one example: every number a box, every operation a circle, a frame around each hidden neuron"
lesson.show(loss.graph(title="One example, in scalars"), "scalars.svg", alt=alt)
nodes = topological_order(loss)
counts = Counter(node.op.label for node in nodes if node.children)
lesson.table(["operation", "times in the graph"], sorted(counts.items()))

# %% [markdown]
# One hidden neuron of it, to touch. The other two have the same steps, with other weights: keep that in mind for what
# follows.

# %%
neuron = (w[0][0] * x[0] + w[0][1] * x[1] + b[0]).tanh()
neuron.label = "h1"
lesson.show(
    neuron.steps(title="One hidden neuron"), "neuron", alt="The first hidden neuron, forward and backward by steps."
)

# %% [markdown]
# ## Three steps to an array program
#
# 1. **Fold.** $w_1 x_1 + w_2 x_2 + b$ is a chain of four operations. It is *one* thing: a sum of products, with
#    something added. The compiler finds these chains, and takes each as one.
# 2. **Group.** What lies equally deep, does the same thing, and does it to the same kind of operands, is done at once.
#    The three sums of the hidden neurons are one group, their three tanh another.
# 3. **Recognise.** A group of sums of products is a table: which weights does each use, and which inputs? If every row
#    of weights meets the same list of inputs, the table is a matrix, and the group a matrix product.
#
# What comes out has a line for every group, whatever the number of neurons:

# %%
program = compile(loss, inputs=[x, y], parameters=parameters)
print(program.summary())
print()
print(program.source)
expected = ("np.matmul(w, x, out=w_sum)", "np.matmul(u, w_tanh, out=u_sum)", "np.matmul(d_w_sum, x.T, out=d_w)")
lesson.expect(all(line in program.source for line in expected), f"The program has the lines {', '.join(expected)}.")

# %% [markdown]
# ## Line by line
#
# Every line of `forward` is a formula that you may have seen in a book. A capital letter is a matrix; it has a column
# for each example of the batch, so that the same line does one example or a thousand.
#
# | line | formula | what it stands for |
# |---|---|---|
# | `np.matmul(w, x, out=w_sum)` | $A = W X$ | six products, three sums |
# | `np.add(w_sum, b, out=w_sum)` | $A = W X + b$ | three additions; $b$ is added to each column |
# | `np.tanh(w_sum, out=w_tanh)` | $H = \tanh A$ | three tanh |
# | `np.matmul(u, w_tanh, out=u_sum)` | $p = u^\top H$ | three products, one sum |
#
# And `backward` is the chain rule, in the order of the graph walked back. With $\bar A$ for the derivative of the
# loss by $A$:
#
# | line | formula | the rule for one scalar |
# |---|---|---|
# | `np.multiply(d_w_tanh, 1 - w_tanh ** 2, out=d_w_sum)` | $\bar A = \bar H \odot (1 - H^2)$ | times tanh's slope |
# | `np.dot(d_w_sum, ones, out=d_b_sums)` | $\bar b = \bar A\, \mathbf 1$ | $\bar b$ adds up over the examples |
# | `np.matmul(d_w_sum, x.T, out=d_w)` | $\bar W = \bar A X^\top$ | $\bar w_{ji} = \sum_n \bar a_{jn} x_{in}$ |
# | `np.matmul(u_T, d_u_sub, out=d_w_tanh)` | $\bar H = u\, \bar p$ | $\bar h_j = u_j\, \bar p$ |
#
# The transposed matrices that everybody has to learn by heart are nothing but the sums of the scalar rule, written
# side by side.

# %% [markdown]
# ## The same numbers
#
# A batch of four examples, through the program at once and through the scalar graph one by one.

# %%
points = np.array([[0.5, -1.0], [1.0, 0.0], [-0.3, 0.8], [2.0, 1.0]])
targets = np.array([1.0, 0.0, 1.0, -1.0])
found = program.gradients(points, targets)


def one_by_one() -> tuple[list[float], list[float]]:
    """Losses and gradients of the mean loss, example by example, on Values."""
    losses = []
    for each in parameters:
        each.grad = 0.0
    for point, target in zip(points, targets):
        out = loss_of([Value(number) for number in point], Value(target))
        (out / len(points)).backward()
        losses.append(out.data)
    return losses, [each.grad for each in parameters]


losses, gradients = one_by_one()
rows = [[each.label, scalar, array] for each, scalar, array in zip(parameters, gradients, found.parameters.tolist())]
lesson.table(["parameter", "derivative, on scalars", "on arrays"], rows)
apart = max(np.abs(found.values - losses).max(), np.abs(found.parameters - gradients).max())
print(f"largest difference: {apart:.1e}")
lesson.expect(apart < 1e-12, "Arrays and scalars give the same losses and gradients.")

# %% [markdown]
# ## The lines do not grow with the network
#
# A wider network has more scalars. The program has the same lines, with larger matrices: this is why the arrays win.

# %%
rows = []
for width in (3, 10, 30, 100):
    model = nn.MLP(2, [width, width, 1], activation="tanh", seed=0)

    def wide_loss(row: list[Value], target: Value, model: nn.MLP = model) -> Value:
        return nn.mse_loss(model(row), target)

    wide = compile(wide_loss, parameters=model.parameters(), example=([0.0, 0.0], 0.0))
    plain = sum(len(neuron.weights) * 2 + 1 for layer in model.layers for neuron in layer.neurons)
    rows.append([width, len(model.parameters()), plain, len(wide.plan.layout.instructions)])
lesson.table(["width", "parameters", "additions and products", "array instructions"], rows)
lesson.expect(len({row[-1] for row in rows}) == 1, "The program has as many instructions for every width.")

# %% [markdown]
# ## Questions
#
# <details><summary>Why is the bias of the hidden layer added to every column?</summary>
#
# Each column is an example, and each neuron has one bias, which it adds whatever the example. So row $j$ of $A$ gets
# $b_j$ in every column. On the way back, the bias was used once for every example, and a number that is used in
# several places gets the sum of all its derivatives: $\bar b_j = \sum_n \bar a_{jn}$.
#
# </details>
#
# <details><summary>What happens to a graph that has no matrices in it?</summary>
#
# It compiles as well. What is not regular is taken number by number from where it lies; and where hardly two
# operations are alike, the program becomes a list of single operations, each on all examples at once.
#
# </details>
#
# ## Change and try
#
# - Use one weight in two places: replace `w[j][1] * x[1]` by `w[j][0] * x[1]`. What becomes of the matrix? Look at
#   `backward`.
# - Add a penalty on large weights to the loss: replace `return (prediction - y) ** 2` by
#   `return (prediction - y) ** 2 + 0.01 * sum(each * each for each in parameters)`. Which lines are new, and which of
#   them run once a batch and not once an example?
#
# ## Next
#
# What is written in matrices can be written in any language of matrices. In the [last lesson](11_graduation.py) the
# model leaves: for PyTorch, for JAX, for a server, for a chip.
