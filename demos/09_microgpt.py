# %% [markdown]
# # 9 A GPT from scalars
#
# A language model predicts the next character. This one is a GPT: the same parts, in the same places, as in the models
# behind the assistants that you know, only small: thousands of weights instead of hundreds of billions. Every number in
# it is a `Value`, and the text of the model below has no matrix in it, only sums of products.
#
# Run as it is written, a training step on one name makes thousands of numbers and walks back through all of them, and
# it would be ten times as many if every sum were written out with + and *. `compile` turns the very same code into a
# few dozen array instructions. We run both, side by side, take the time, and see that the losses are the same.

# %% tags=["helper"]
import math
import random
import time

from _lesson import Lesson

from micrograd_plus import Value, compile, dot, logsumexp, no_grad, select, softmax, topological_order, total
from micrograd_plus.nn import Adam, Embedding, Layer, Module
from micrograd_plus.nn.schedules import Cosine
from micrograd_plus.train.trainer import Trainer
from micrograd_plus.viz import Heatmap

lesson = Lesson("09_microgpt")

# %% [markdown]
# ## The data: names
#
# The names are made up, from syllables, by a few rules with exceptions. A model that has learned the rules writes names
# that sound like these and are not among them.


# %%
def made_up_names(count: int, seed: int = 0) -> list[str]:
    """Different names of two or three syllables, such as `maren` and `tolia`."""
    rng = random.Random(seed)
    names: dict[str, None] = {}  # keeps the order in which they came
    while len(names) < count:
        syllables = [rng.choice("bdklmnrstv") + rng.choice("aeio") for _ in range(rng.choice([1, 2, 2]))]
        names["".join(syllables) + rng.choice(["n", "ra", "lia", "s", "na", "ri", "lo"])] = None
    return list(names)


names = made_up_names(1000)
END = "."  # stands before and after every name
characters = [END, *sorted(set("".join(names)))]
number_of = {character: number for number, character in enumerate(characters)}


def tokens_of(name: str) -> list[int]:
    """The numbers of a name's characters, with the mark at both ends."""
    return [number_of[character] for character in END + name + END]


lesson.table(["names", "characters", "the first ones"], [[len(names), len(characters), ", ".join(names[:6])]])

# %% [markdown]
# ## The model
#
# Each token becomes a list of 16 numbers: one list for the character, one for the position, added up. Then come the
# blocks. In a block, *attention* lets each token look back: it asks with its query $q_t$, every token $s$ up to
# itself answers with its key $k_s$, and the token takes the average of their values $v_s$, weighted by how well the
# answer fits:
#
# $$ w_{ts} = \operatorname{softmax}_{s \le t}\Big(\frac{q_t \cdot k_s}{\sqrt{d}}\Big) \qquad
#    o_t = \sum_{s \le t} w_{ts} v_s $$
#
# Four *heads* do so at once, each with 4 of the 16 numbers. A small network then works on each token by itself. Both
# parts *add* what they find to the token, and see it scaled first, so that the root of the mean of its squares is 1
# (*RMS norm*, for root mean square).


# %% tags=["open"]
def rms_norm(x: list[Value]) -> list[Value]:
    """The numbers divided by the root of the mean of their squares."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [each * scale for each in x]


def added(xs: list[Value], ys: list[Value]) -> list[Value]:
    """Two lists of numbers, added one by one."""
    return [x + y for x, y in zip(xs, ys)]


class Block(Module):
    """Attention, and a network with one hidden layer and squared ReLU, each added to what comes in."""

    def __init__(self, width: int, heads: int, seed: int) -> None:
        self.heads = heads
        parts = {"query": (width, width), "key": (width, width), "value": (width, width), "out": (width, width),
                 "up": (width, 4 * width), "down": (4 * width, width)}  # fmt: skip
        for i, (name, (nin, nout)) in enumerate(parts.items()):
            setattr(self, name, Layer(nin, nout, bias=False, seed=seed + i))

    def forward(self, tokens: list[list[Value]]) -> list[list[Value]]:
        """The tokens, each after looking at those before it and then working by itself."""
        normed = [rms_norm(x) for x in tokens]
        queries, keys, values = ([part(x) for x in normed] for part in (self.query, self.key, self.value))
        seen = [self.attend(query, keys[: t + 1], values) for t, query in enumerate(queries)]
        tokens = [added(x, self.out(each)) for x, each in zip(tokens, seen)]
        return [added(x, self.down([each.relu() ** 2 for each in self.up(rms_norm(x))])) for x in tokens]

    def weights(self, query: list[Value], keys: list[list[Value]], start: int, size: int) -> list[Value]:
        """How well each key fits the query, for the head whose numbers begin at `start`: shares that add up to 1."""
        head = slice(start, start + size)
        return softmax([dot(query[head], key[head]) / math.sqrt(size) for key in keys])

    def attend(self, query: list[Value], keys: list[list[Value]], values: list[list[Value]]) -> list[Value]:
        """The average of the values, weighted by how well the keys fit the query, head by head."""
        size = len(query) // self.heads
        found = []
        for start in range(0, len(query), size):
            weights = self.weights(query, keys, start, size)
            found += [dot(weights, [value[i] for value in values[: len(keys)]]) for i in range(start, start + size)]
        return found


class GPT(Module):
    """From the tokens so far to a score for each character that may come next, after each token."""

    def __init__(self, characters: int, width: int = 16, heads: int = 4, blocks: int = 1, length: int = 16) -> None:
        self.characters = Embedding(characters, width, seed=1)
        self.positions = Embedding(length, width, seed=2)
        self.blocks = [Block(width, heads, seed=10 * i) for i in range(1, blocks + 1)]
        self.scores = Layer(width, characters, bias=False, seed=3)
        for table in (self.characters, self.positions):  # start small
            for row in table.weights:
                for weight in row:
                    weight.data *= 0.1

    def embedded(self, tokens: list[Value]) -> list[list[Value]]:
        """Each token as a list of numbers, for its character and its position."""
        x = [added(self.characters(token), self.positions(t)) for t, token in enumerate(tokens)]
        return [rms_norm(each) for each in x]

    def forward(self, tokens: list[Value]) -> list[list[Value]]:
        """The scores after each token."""
        x = self.embedded(tokens)
        for block in self.blocks:
            x = block(x)
        return [self.scores(each) for each in x]


def loss_of(model: GPT, tokens: list[Value]) -> Value:
    """The cross-entropy of one name: how surprised the model is by each next character, on average."""
    scores = model(tokens[:-1])
    return total(logsumexp(row) - select(token, row) for row, token in zip(scores, tokens[1:])) / len(scores)


model = GPT(len(characters))
one_loss = loss_of(model, [Value(*each) for each in zip(tokens_of(names[0]), ["start", *names[0], "end"])])
one_loss.label = "loss"
one_loss.backward()
lesson.say(
    f"It has {len(model.parameters()):,} weights. One step on the name {names[0]} makes"
    f" {len(topological_order(one_loss)):,} scalars; in the picture they are gathered to what they belong to."
)
lesson.show(
    one_loss.graph(title=f"The loss of the name {names[0]}"),
    "transformer",
    alt="From left to right: the embeddings of characters and positions, the parts of the block, the scores and the "
    "loss, each a box for all of its scalars.",
)

# %% [markdown]
# The heart of it is `attend`. Here it is alone and small: one head, three tokens of two numbers each, and the first
# number that it finds. Step through it; then make a key more like the query, and see its token's weight grow.

# %%
query = [Value(1.0, "q1"), Value(-0.5, "q2")]
keys, values = (
    [[Value(number, f"{name}{s}{i}") for i, number in enumerate(row, 1)] for s, row in enumerate(rows, 1)]
    for name, rows in (("k", [(0.5, 1.0), (1.0, -1.0), (-0.5, 0.5)]), ("v", [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]))
)
looked_up, _ = Block(2, heads=1, seed=0).attend(query, keys, values)
looked_up.label = "o1"
lesson.show(
    looked_up.steps(title="One head of attention, three tokens"),
    "attention",
    alt="By steps: the query times each key, the softmax of the three, the average of the values with these weights.",
)

# %% [markdown]
# ## A few steps as it is written, and the same steps compiled
#
# `compile(loss_of, ...)` runs the function once for every length of name that comes along, on Values, and keeps the
# array program that it makes of them. `Trainer` then does the whole step on arrays: forward, backward, and Adam.

# %%
STEPS, RATE = 1500, 0.01
start = model.state_dict()


def eager_steps(count: int) -> tuple[list[float], float]:
    """The losses of some training steps on Values, and the seconds that a step took."""
    model.load_state_dict(start)
    optimizer = Adam(model.parameters(), lr=Cosine(RATE, STEPS))
    losses, began = [], time.perf_counter()
    for name in names[:count]:
        loss = loss_of(model, [Value(token) for token in tokens_of(name)])
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses, (time.perf_counter() - began) / count


def compiled_steps(count: int) -> tuple[list[float], float]:
    """The same on arrays; programs for new lengths are made outside of the time that is taken."""
    model.load_state_dict(start)
    trainer = Trainer(programs, Adam(model.parameters(), lr=Cosine(RATE, STEPS)))
    losses, seconds = [], 0.0
    for step in range(count):
        batch = [tokens_of(names[step % len(names)])]
        programs.program(batch)
        began = time.perf_counter()
        losses.append(trainer.step(batch))
        seconds += time.perf_counter() - began
    trainer.sync()
    return losses, seconds / count


programs = compile(lambda tokens: loss_of(model, tokens), parameters=model.parameters())
eager, eager_time = eager_steps(10)
compiled, _ = compiled_steps(10)
apart = max(abs(a - b) for a, b in zip(eager, compiled))
rows = [[step, *both] for step, both in enumerate(zip(eager, compiled), 1)]
lesson.table(["step", "loss, as written", "loss, compiled"], rows)
lesson.expect(apart < 1e-9, f"The losses are the same; they are {apart:.1e} apart.")

# %% [markdown]
# ## What the compiler made of it

# %%
program = programs.program([tokens_of("tolia")])
print(program.summary())

# %% [markdown]
# ## The whole training run

# %%
losses, compiled_time = compiled_steps(STEPS)
first, last = sum(losses[:100]) / 100, sum(losses[-100:]) / 100
lesson.say(
    f"A step took {eager_time * 1e3:.1f} ms as written and {compiled_time * 1e3:.2f} ms compiled, which is"
    f" {eager_time / compiled_time:.0f} times faster. Over the {STEPS:,} steps the loss fell from {first:.2f}, the mean"
    f" of the first 100 names, to {last:.2f}, that of the last 100. A model that knows nothing and gives each of the"
    f" {len(characters)} characters the same chance has {math.log(len(characters)):.2f}."
)
lesson.expect(last < first - 0.25, "It has learned: the loss fell by more than 0.25.")

# %% [markdown]
# ## Where it looks
#
# The weights $w_{ts}$ can be looked at. A row is a token, a column one that it may look at: itself, and those before
# it; in each row the weights add up to 1. Each head has found something else to look for.


# %% tags=["helper"]
def attention(name: str) -> dict[str, list[list[float | None]]]:
    """By head: for each token of a name, how much it looks at each, None at those that are still to come."""
    block, maps = model.blocks[0], {}
    with no_grad():
        normed = [rms_norm(x) for x in model.embedded([Value(token) for token in tokens_of(name)[:-1]])]
        queries, keys = ([part(x) for x in normed] for part in (block.query, block.key))
        size = len(queries[0]) // block.heads
        for head in range(block.heads):
            rows = [block.weights(query, keys[: t + 1], head * size, size) for t, query in enumerate(queries)]
            maps[f"head {head + 1}"] = [[each.data for each in row] + [None] * (len(keys) - len(row)) for row in rows]
    return maps


looked_at = list(END + names[0])
lesson.show(
    Heatmap(attention(names[0]), rows=looked_at, columns=looked_at, across="looks at", down="the token"),
    "attention_map",
    alt=f"For each of the four heads, a triangle of cells: how much each token of {names[0]} looks at those before it",
)

# %% [markdown]
# ## New names
#
# To write a name, we ask for the scores of the next character, draw one (a lower temperature draws the likeliest more
# often), and go on with it until the mark of the end. This function of Values is compiled as well.

# %%
next_scores = compile(lambda tokens: model(tokens)[-1], parameters=model.parameters())


def written(rng: random.Random, temperature: float = 0.7) -> str:
    """A name, character by character."""
    tokens = [number_of[END]]
    while len(tokens) < 15:
        scores = [Value(score / temperature) for score in next_scores([tokens])[0]]
        with no_grad():
            weights = [each.data for each in softmax(scores)]
        token = rng.choices(range(len(characters)), weights)[0]
        if token == number_of[END]:
            break
        tokens.append(token)
    return "".join(characters[token] for token in tokens[1:])


rng = random.Random(7)
new = [written(rng) for _ in range(20)]
known = sum(name in names for name in new)
print(", ".join(new[:10]) + ",\n" + ", ".join(new[10:]))
lesson.say(f"Of these {len(new)} names, {known} were among the {len(names):,} that it has learned from.")

# %% [markdown]
# ## Questions
#
# <details><summary>At the start every character gets about the same score. What is the loss then, for $K$
# characters?</summary>
#
# Each has the probability $1/K$, so the loss is $-\log \frac{1}{K} = \log K$, as in [lesson 5](05_losses.py). Look at
# the first loss of the table, and at the number of characters.
#
# </details>
#
# <details><summary>Why may a token look back, but not ahead?</summary>
#
# It is to predict the next character. If it could see it, there would be nothing left to learn; and when a name is
# written, what comes next is not there yet.
#
# </details>
#
# <details><summary>In attention the products $q_t \cdot k_s$ are divided by $\sqrt{d}$ before the softmax.
# Why?</summary>
#
# A product of $d$ pairs is a sum of $d$ terms, and grows with $d$. Large scores make the softmax sure of a single
# token, and where it is sure its slope is almost 0: nothing is learned. Divided by $\sqrt{d}$ they stay of one size.
#
# </details>
#
# ## Change and try
#
# - Replace `temperature: float = 0.7` by `temperature: float = 1.5`, then by `temperature: float = 0.2`. Which names
#   are stranger, and which are known ones?
# - Replace `blocks: int = 1` by `blocks: int = 2`. How much does the loss gain, how much longer does a step take?
# - Take the positions away: replace `added(self.characters(token), self.positions(t))` by
#   `added(self.characters(token), self.characters(token))`. Look at the loss: what can a model without positions not
#   know?
#
# ## Next
#
# How can code on single numbers become array instructions? [Lesson 10](10_scalars_to_tensors.py) looks over the
# compiler's shoulder.
