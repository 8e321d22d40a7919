# %% [markdown]
# # 11 Graduation: the model leaves
#
# One day a machine is outgrown: the data are too many, the model is to run on a server, in a phone, on a chip that
# costs a coin. Other programs are made for that. A model that was built here can go there, in one command, and give
# the same numbers: the compiler knows what your scalars are in matrices, so it can write them in another language.
#
# We train a network on handwritten digits, send it to **PyTorch**, **JAX**, **ONNX** and plain **C**, and hold the
# numbers of all five side by side. Then JAX trains it on eight devices at once.
#
# This lesson meets other libraries: `pip install "micrograd_plus[graduation]"`, and a C compiler.

# %% tags=["helper"]
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8 " + os.environ.get("XLA_FLAGS", "")

import importlib.util
import math
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import optax
import torch
from _lesson import Lesson
from safetensors.numpy import load_file

from micrograd_plus import Value, compile, nn
from micrograd_plus.data import digits, split
from micrograd_plus.export import to_c, to_jax, to_onnx, to_torch
from micrograd_plus.train import fit
from micrograd_plus.train.trainer import Trainer
from micrograd_plus.viz import plots

lesson = Lesson("11_graduation")

# %% [markdown]
# ## The model, built here
#
# 64 pixels go in, 32 neurons look at them, 10 scores come out: one for each digit. A few epochs are enough.

# %%
train, test = split(digits(scaled=True), test=0.2, seed=0)
model = nn.MLP(64, [32, 10], activation="relu", seed=0)
history = fit(model, train, lr=0.005, epochs=5, batch_size=32, seed=0)
lesson.say(f"It has {len(model.parameters()):,} parameters; its loss on the training data is {history.losses[-1]:.3f}.")

# %% [markdown]
# ## Four languages
#
# Each call writes a file. Every file begins with a few lines that say what it is, how to run it, and which numbers it
# must give for one example, so that whoever gets it can check.

# %%
folder = lesson.folder
folder.mkdir(parents=True, exist_ok=True)
to_torch(model, folder / "digits_torch.py")
to_jax(model, folder / "digits_jax.py")
to_onnx(model, folder / "digits.onnx")
to_c(model, folder / "digits.c")
source = (folder / "digits_torch.py").read_text()
print(source[source.index("    def forward") : source.index("def load")])

# %% [markdown]
# Here are the two layers that you know, in the words of PyTorch. What stands there is
#
# $$ H = \max(0,\ X W_0^\top + b_0) \qquad Y = H W_1^\top + b_1 $$
#
# with an example in each *row* of $X$ (we wrote it in each column), so the weights come second, and turned. The
# numbers of the weights are in a file beside it, in a format that PyTorch and JAX both read.

# %% [markdown]
# ## The same numbers
#
# Before you read on, guess: on the digits held out, how many of the five agree on every single one? And by how much do
# the losses differ, if one computes with 32 bits a number and the other with 64?
#
# The loss of one digit is the cross-entropy: how surprised the model is by the right answer,
# $-\log \operatorname{softmax}(y)_{\text{target}}$. For each language we take its own. On three scores instead of ten
# it looks so; raise the score of the right one, `y1`, and see the loss fall:

# %%
surprise = nn.cross_entropy([Value(2.0, "y1"), Value(1.0, "y2"), Value(-1.0, "y3")], 0)
surprise.label = "L"
lesson.show(surprise.steps(title="How surprised it is"), "surprise", alt="The cross-entropy of three scores, by steps.")

# %% [markdown]
# Now all five.

# %% tags=["helper"]
rows, targets = np.array(test.inputs), np.array(test.targets)


def opened(path: Path) -> ModuleType:
    """The file as a module, as `import` would have it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mean_loss(scores: np.ndarray) -> float:
    """The cross-entropy, in NumPy, for those who have none of their own."""
    peak = scores.max(axis=1, keepdims=True)
    logs = peak[:, 0] + np.log(np.exp(scores - peak).sum(axis=1))
    return float((logs - scores[np.arange(len(scores)), targets]).mean())


def here() -> tuple[np.ndarray, float]:
    """The scores and the mean loss, by the scalars themselves."""
    scores = [[Value(x) for x in row] for row in rows.tolist()]
    outputs = [model(row) for row in scores]
    losses = [nn.cross_entropy(output, target).data for output, target in zip(outputs, targets.tolist())]
    return np.array([[each.data for each in output] for output in outputs]), math.fsum(losses) / len(losses)


def in_torch() -> tuple[np.ndarray, float]:
    """The same by PyTorch."""
    scores = opened(folder / "digits_torch.py").load()(torch.tensor(rows))
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(targets))
    return scores.detach().numpy(), loss.item()


def in_jax() -> tuple[np.ndarray, float]:
    """The same by JAX."""
    module = opened(folder / "digits_jax.py")
    scores = module.forward(module.load(), jnp.array(rows))
    return np.array(scores), float(optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean())


def in_onnx() -> tuple[np.ndarray, float]:
    """The same by the runtime that servers use."""
    session = onnxruntime.InferenceSession(folder / "digits.onnx", providers=["CPUExecutionProvider"])
    [scores] = session.run(None, {session.get_inputs()[0].name: rows.astype(np.float32)})
    return scores, mean_loss(scores.astype(float))


def in_c() -> tuple[np.ndarray, float]:
    """The same by a program of a few kilobytes, which reads numbers and prints numbers."""
    program = folder / "digits"
    compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
    built = [compiler, "-std=c99", "-O2", "-DPREDICT_MAIN", folder / "digits.c", "-lm", "-o", program]
    subprocess.run(built, check=True)
    given = "\n".join(" ".join(map(repr, row)) for row in rows.tolist())
    printed = subprocess.run([program], input=given, capture_output=True, text=True, check=True).stdout
    scores = np.array([[float(each) for each in line.split()] for line in printed.splitlines()])
    return scores, mean_loss(scores)


# %%
jax.config.update("jax_enable_x64", True)  # JAX's numbers have 32 bits unless its user says so
scores, loss = here()
table = [["here, by scalars", "float64", int(scores[0].argmax()), loss, "", ""]]
for name, kind, run in (
    ("PyTorch", "float64", in_torch),
    ("JAX", "float64", in_jax),
    ("ONNX", "float32", in_onnx),
    ("C", "float32" if "typedef float" in (folder / "digits.c").read_text() else "float64", in_c),
):
    theirs, their_loss = run()
    apart = float(np.abs(theirs - scores).max())
    agree = int((theirs.argmax(axis=1) == scores.argmax(axis=1)).sum())
    table.append([name, kind, int(theirs[0].argmax()), their_loss, f"{agree} of {len(rows)}", f"{apart:.0e}"])
    bound = 1e-12 if kind == "float64" else 1e-4
    lesson.expect(apart < bound * max(1.0, np.abs(scores).max()), f"{name} gives the same scores to {bound:g}.")
    lesson.expect(abs(their_loss - loss) < (1e-12 if kind == "float64" else 1e-6), f"{name} gives the same loss.")
    lesson.expect(agree == len(rows), f"{name} agrees on every digit.")
headers = ["language", "numbers", "first digit", "mean loss", "agrees on", "scores at most apart by"]
lesson.table(headers, table)

# %% [markdown]
# A number of 32 bits keeps some seven digits, one of 64 bits some sixteen. That is all the difference that there is.
#
# ## A training step, over there
#
# What was learned here can go on learning there. One step of Adam on a batch of 32 digits, three times from the same
# start: by our own rule, by PyTorch's autograd and optimizer, by `jax.grad` and optax.

# %%
RATE = 0.01
batch, labels = np.array(train.inputs[:32]), np.array(train.targets[:32])
module = opened(folder / "digits_jax.py")


def torch_step() -> dict[str, np.ndarray]:
    """The weights after a step in PyTorch."""
    net = opened(folder / "digits_torch.py").load().train()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    torch.nn.functional.cross_entropy(net(torch.tensor(batch)), torch.tensor(labels)).backward()
    optimizer.step()
    return {name: each.detach().numpy() for name, each in net.named_parameters()}


def jax_loss(params: dict[str, jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    """The mean cross-entropy of a batch."""
    return optax.softmax_cross_entropy_with_integer_labels(module.forward(params, x), y).mean()


def jax_step() -> dict[str, np.ndarray]:
    """The weights after a step in JAX."""
    params, rule = module.load(), optax.adam(RATE)
    updates, _ = rule.update(jax.grad(jax_loss)(params, batch, labels), rule.init(params))
    return {name: np.array(each) for name, each in optax.apply_updates(params, updates).items()}


def our_step() -> dict[str, np.ndarray]:
    """The weights after a step here, read from the file of the model that made it."""
    start = model.state_dict()
    program = compile(
        lambda x, y: nn.cross_entropy(model(x), y), parameters=model.parameters(), example=(batch[0], labels[0])
    )
    trainer = Trainer(program, nn.Adam(model.parameters(), lr=RATE))
    trainer.step(batch, labels)
    trainer.sync()
    to_torch(model, folder / "after_a_step.py")
    model.load_state_dict(start)
    return load_file(folder / "after_a_step.safetensors")


before, ours = load_file(folder / "digits_torch.safetensors"), our_step()
stepped = {"PyTorch": torch_step(), "JAX": jax_step()}
rows_of_step = []
for name, array in ours.items():
    moved = float(np.abs(array - before[name]).max())
    apart = {other: float(np.abs(weights[name] - array).max()) for other, weights in stepped.items()}
    rows_of_step.append([name, f"{array.shape}", moved, *(f"{each:.0e}" for each in apart.values())])
    lesson.expect(max(apart.values()) < 1e-12, f"PyTorch and JAX make the same step of {name}.")
lesson.table(["weights", "shape", "moved by at most", "PyTorch apart by", "JAX apart by"], rows_of_step)

# %% [markdown]
# ## Eight devices
#
# A step is a mean over a batch. A mean can be taken in parts: eight devices each take an eighth of the batch, and the
# gradients of the parts, averaged, are the gradient of the whole:
#
# $$ \frac{1}{64} \sum_{n=1}^{64} \nabla \ell_n = \frac{1}{8} \sum_{d=1}^{8} \Big( \frac{1}{8} \sum_{n \in d}
# \nabla \ell_n \Big) $$
#
# This is *data-parallel* training. In JAX it takes two lines: a *mesh* gives the devices an axis, and a *sharding*
# says along which axis an array is cut. The batch is cut; the weights are on every device, whole. The rest of the code
# does not change: JAX sees what lies where, and puts the sum over the devices in by itself.
#
# The eight devices of this lesson are virtual: one processor, told to be eight.

# %%
mesh = jax.make_mesh((8,), ("batch",))
cut = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
rule = optax.adam(RATE)
STEPS, BATCH = 60, 64


@jax.jit
def step(params: dict[str, jax.Array], state: optax.OptState, x: jax.Array, y: jax.Array) -> tuple:
    """One step: the new weights, the new state of Adam, and the loss before it."""
    loss, gradient = jax.value_and_grad(jax_loss)(params, x, y)
    updates, state = rule.update(gradient, state)
    return optax.apply_updates(params, updates), state, loss


def trained(of_batch: jax.sharding.Sharding, of_weights: jax.sharding.Sharding) -> list[float]:
    """The losses of a run whose batches and weights lie like this."""
    params = jax.device_put(module.load(), of_weights)
    state = jax.device_put(rule.init(params), of_weights)
    losses = []
    for i in range(STEPS):
        at = np.arange(i * BATCH, (i + 1) * BATCH) % len(train)
        x = jax.device_put(np.array(train.inputs)[at], of_batch)
        y = jax.device_put(np.array(train.targets)[at], of_batch)
        params, state, loss = step(params, state, x, y)
        losses.append(float(loss))
    return losses


one_device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
alone, together = trained(one_device, one_device), trained(cut, whole)
shown = [0, 1, 9, 29, STEPS - 1]
rows_of_run = [[i + 1, alone[i], together[i]] for i in shown]
lesson.table(["step", "loss, one device", f"loss, {mesh.size} devices"], rows_of_run)
drawn = {"one device": (range(1, STEPS + 1), alone), f"{mesh.size} devices": (range(1, STEPS + 1), together)}
chart = plots.curves(drawn, xlabel="step", ylabel="loss", title="The same run, on one device and on many")
lesson.show(chart, "devices.svg", alt="The loss over the steps, twice: the two lines lie on each other.")
apart = max(abs(a - b) for a, b in zip(alone, together))
print(f"largest difference: {apart:.0e}")
lesson.expect(apart < 1e-9, "Eight devices give the losses of one, but for rounding.")
lesson.expect(sum(together[-10:]) < sum(together[:10]), "The loss falls.")

# %% [markdown]
# The losses differ in the last digits, since a sum in another order rounds otherwise, and by no more.
#
# **What changes with eight real GPUs:** the first cell's line about virtual devices goes. `jax.devices()` then lists
# the GPUs, and everything else stays as it stands here. A batch should be some eight times as large, so that every
# GPU has enough to do; then the learning rate wants another look.
#
# **What changes with eight hosts, of eight GPUs each:** the same program is started once on every host, and calls
# `jax.distributed.initialize()` before anything else. `jax.devices()` then lists all 64, the mesh is made of 64, and
# each host loads the part of a batch that its own devices take, and makes an array of it by
# `jax.make_array_from_process_local_data(cut, part)`. The step is the same.
#
# Neither was tried here: this lesson ran on one processor. How it goes on a real cluster is told by
# JAX's own pages.
#
# ## Questions
#
# <details><summary>Why can PyTorch make the very same step, if nobody told it our rules of derivation?</summary>
#
# It has the same rules: the derivative of a product is the same everywhere. Both walk the graph backwards by the chain
# rule, ours number by number, theirs matrix by matrix. The order of the sums differs, and so does the last digit.
#
# </details>
#
# <details><summary>What would go wrong if each device took the mean over its part, and the sizes differed?</summary>
#
# The mean of the means is the mean of all only if the parts are equally large. A part of 4 digits would weigh as much
# as one of 8. So the batch here is a multiple of 8, and JAX insists on it.
#
# </details>
#
# <details><summary>The file in C has no derivative in it. Why is that enough for a device?</summary>
#
# A device that only uses a model goes forward. It needs neither gradients nor an optimizer, so it needs no memory for
# them: the file has the weights, a few loops, and a little space for what lies between the layers.
#
# </details>
#
# ## Change and try
#
# - Send another model: replace `activation="relu"` by `activation="tanh"`, then by `activation="gelu"`. What changes in
#   the file for PyTorch?
# - Replace `to_c(model, folder / "digits.c")` by `to_c(model, folder / "digits.c", dtype="float32")`. How far apart are
#   the scores of C now?
# - Replace `STEPS, BATCH = 60, 64` by `STEPS, BATCH = 200, 128`. How far apart are one device and eight now?
#
# ## Next
#
# You have been through all the lessons. Train something of your own with `micrograd-plus train`, and send it wherever
# it is needed with `micrograd-plus export MODEL.json --to torch -o model.py`.
