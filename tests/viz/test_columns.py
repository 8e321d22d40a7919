"""Modules that follow each other stand in columns, their parts in order; arrows keep off the numbers."""

import re
from itertools import pairwise

import pytest

from micrograd_plus import Value, dot, nn, select, topological_order
from micrograd_plus.viz import svg
from micrograd_plus.viz.graph import Graph
from micrograd_plus.viz.layout import LayoutError, render
from micrograd_plus.viz.svg import spans


def inputs(count):
    return [Value(0.3 * i - 0.4, f"x{i}") for i in range(count)]


def loss_of(out):
    loss = sum(((each - 0.5) ** 2 for each in (out if isinstance(out, list) else [out])), Value(0.0))
    loss.backward()
    return loss


class Block(nn.Module):
    """Two layers side by side, arithmetic on both, and a network after them, with a way around it."""

    def __init__(self, seed):
        self.q, self.k = nn.Layer(2, 2, seed=seed), nn.Layer(2, 2, seed=seed + 1)
        self.mlp = nn.MLP(2, [3, 2], activation="relu", seed=seed + 2)

    def __call__(self, x):
        q, k = self.q(x), self.k(x)
        share = (q[0] * k[0] + q[1] * k[1]).sigmoid()
        mixed = [a * share + b for a, b in zip(x, q)]
        return [a + b for a, b in zip(self.mlp(mixed), mixed)]


class Blocks(nn.Module):
    def __init__(self):
        self.blocks, self.head = [Block(0), Block(5)], nn.Layer(2, 1, seed=9)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def sequential():
    first, last = nn.Layer(3, 4, activation="relu", seed=0), nn.Layer(4, 2, seed=2)
    return nn.Sequential(first, nn.LayerNorm(4), nn.Dropout(0.5, seed=1), last)


SIZES = [[2, 2, 1], [2, 4, 4, 1], [3, 3, 1], [1, 5, 2], [4, 2, 3, 2], [2, 12, 1], [4, 4, 4], [2, 2, 2, 2, 2]]
MLPS = {"-".join(map(str, sizes)): sizes for sizes in SIZES}
# Modules in the order in which numbers go through them, for each stack of them.
STACKS = {
    **{name: (nn.MLP(sizes[0], sizes[1:], seed=0), sizes[0], [f"layers.{i}" for i in range(len(sizes) - 1)])
       for name, sizes in MLPS.items()},
    "sequential": (sequential(), 3, ["layers.0", "layers.1", "layers.3"]),
    "blocks": (Blocks(), 2, ["blocks.0", "blocks.1", "head"]),
    "inside a block": (Blocks(), 2, ["blocks.0.q", "blocks.0.mlp.layers.0", "blocks.0.mlp.layers.1", "blocks.1.k"]),
}  # fmt: skip


def drawn(model, width, **options):
    """The graph of a model's loss, its SVG as a tree, and where each part of a module stands, by its full name."""
    graph = Graph(loss_of(model(inputs(width))), model=model, collapse="none", **options)
    tree = graph.layout()
    where = spans(tree)
    places = [(part.module, where[part.id]) for part in graph._scene().boxes if part.module]
    return tree, where, places


def extent(places, module, axis):
    """From where to where a module's parts stand, along 0 for across and 1 for down."""
    found = [place for name, place in places if f"{name}.".startswith(f"{module}.")]
    return min(place[axis] for place in found), max(place[axis] + place[axis + 2] for place in found)


@pytest.mark.parametrize(
    ("name", "direction"), [*((name, "LR") for name in STACKS), *((name, "TB") for name in [*MLPS, "sequential"])]
)
def test_each_module_stands_beyond_the_one_before(name, direction):
    model, width, modules = STACKS[name]
    _, _, places = drawn(model, width, direction=direction)
    ranges = [extent(places, module, "LRTB".index(direction) // 2) for module in modules]
    assert all(end < begin for (_, end), (begin, _) in pairwise(ranges))


@pytest.mark.parametrize("name", MLPS)
def test_neurons_weights_and_inputs_are_in_order(name):
    model, width, _ = STACKS[name]
    loss = loss_of(model(inputs(width)))
    graph = Graph(loss, model=model, collapse="none", expand=True)
    where = spans(graph.layout())
    tops = {box.title.split(" = ")[0]: where[box.id][1] for box in graph._scene().boxes}
    for layer in model.layers:
        weights = [tops[weight.label] for neuron in layer.neurons for weight in neuron.weights]
        assert weights == sorted(weights)
    given = [tops[f"x{i}"] for i in range(width)]
    assert given == sorted(given)


@pytest.mark.parametrize("name", [name for name, sizes in MLPS.items() if len(sizes) > 3])
def test_layers_stand_beside_and_not_below_each_other(name):
    model, width, modules = STACKS[name]
    tree, _, places = drawn(model, width)
    heights = [end - begin for begin, end in (extent(places, module, 1) for module in modules)]
    assert float(tree.get("viewBox").split()[3]) < 0.8 * sum(heights)


def test_an_arrow_into_a_module_is_one_arrow():
    model, width, _ = STACKS["2-4-4-1"]
    tree, _, _ = drawn(model, width)
    arrows = [each for each in tree.iter("g") if "flow" in each.get("class", "")]
    assert not [each.get("id") for each in tree.iter() if re.search("outside|door|gate", each.get("id", ""))]
    for arrow in arrows:
        assert [part.tag for part in arrow.iter() if part.tag in ("path", "polygon")] == ["path", "polygon"]
    ids = {each.get("id") for each in arrows}
    order = topological_order(loss_of(model(inputs(width))))
    expected = {f"e{i}-{j}" for i, node in enumerate(order) for j in range(len(node.children))}
    assert expected <= ids


def no_modules():
    x, y = Value(0.5, "x"), Value(-1.5, "y")
    yield (x * y).tanh()
    yield ((x * y + x).exp() * y - x / y) ** 2
    cell, state = nn.Layer(3, 2, activation="tanh", seed=0), [Value(0.0, "h0"), Value(0.0, "h1")]
    for parameter in cell.parameters():
        parameter.label = ""
    for t in range(3):
        state = cell([Value(0.1 * t, f"x{t}"), *state])
    yield state[0] * state[1]
    yield dot([x, y], [y, x], 0.5).relu()


@pytest.mark.parametrize("root", [*no_modules()])
def test_where_nothing_follows_nothing_is_changed(root):
    dot = root.graph(collapse="none").dot()
    assert not re.search(r"gate|door|newrank", dot)


def test_a_cell_that_is_used_again_is_drawn():
    class Recurrent(nn.Module):
        def __init__(self):
            self.cell, self.out = nn.Layer(3, 2, activation="tanh", seed=0), nn.Layer(2, 1, seed=1)

        def __call__(self, row):
            state = [Value(0.0), Value(0.0)]
            for x in row:
                state = self.cell([x, *(each * 2 for each in state)])
            return self.out(state)

    model = Recurrent()
    graph = loss_of(model(inputs(3))).graph(model=model, collapse="none")
    assert "cell" in graph.svg()


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("form", ["svg", "png"])
def test_a_graph_that_has_no_way_for_its_arrows_in_columns_is_drawn_without(direction, form, monkeypatch):
    graph = Graph(loss_of(Blocks()(inputs(2))), model=Blocks(), collapse="none", direction=direction)

    def strict(dot, *options):
        if "newrank" in dot:
            raise LayoutError("triangulation failed")
        return render(dot, *options)

    monkeypatch.setattr("micrograd_plus.viz.graph.render", strict)
    assert getattr(graph, form)()


# -------------------------------------------------------------------- arrows


def points(path):
    """Points along a line of an SVG, close to each other."""
    found, here = [], (0.0, 0.0)
    for letter, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        pairs = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[-\d.]+,[-\d.]+", numbers)]
        for step in range(0, len(pairs), 3 if letter == "C" else 1):
            ends = [here, *pairs[step : step + 3]] if letter == "C" else [here, here, pairs[step], pairs[step]]
            for i in range(0 if letter != "M" else 60, 61):
                t = i / 60
                shares = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3]
                found.append(tuple(sum(share * end[axis] for share, end in zip(shares, ends)) for axis in (0, 1)))
            here = ends[-1]
    return found


def painted_over(graph):
    """The ids of the arrows that run over a number, each with the cell's."""
    tree = graph.layout()
    (drawing,) = tree.findall("g")
    drawing.attrib.pop("transform")  # the lines' own units
    cells = {id: place for id, place in spans(tree).items() if id.endswith(("-data", "-grad"))}
    found = set()
    for arrow in (each for each in drawing.iter("g") if "flow" in each.get("class", "")):
        for path in arrow.iter("path"):
            for x, y in points(path.get("d", "")):
                for id, (left, top, width, height) in cells.items():
                    if left + 0.3 < x < left + width - 0.3 and top + 0.3 < y < top + height - 0.3:
                        found.add((arrow.get("id"), id))
    return found


SMALL, LARGE = [[2, 4, 4, 1], [2, 2, 1], [3, 5, 2]], [[2, 16, 16, 1], [3, 12, 12, 12, 2]]


@pytest.mark.parametrize(
    ("sizes", "collapse"),
    [(sizes, word) for sizes in SMALL + LARGE for word in ("none", "neurons", "auto", "layers")
     if sizes in SMALL or word != "none"],
)  # fmt: skip
def test_no_arrow_paints_over_a_number(sizes, collapse):
    graph = loss_of(nn.MLP(sizes[0], sizes[1:], seed=0)(inputs(sizes[0]))).graph(collapse=collapse)
    assert not painted_over(graph)


@pytest.mark.parametrize("name", ["sequential", "blocks"])
@pytest.mark.parametrize("collapse", ["none", "neurons"])
def test_no_arrow_paints_over_a_number_in_other_stacks(name, collapse):
    model, width, _ = STACKS[name]
    assert not painted_over(Graph(loss_of(model(inputs(width))), model=model, collapse=collapse))


def test_leaves_that_lead_to_one_group_stand_in_their_order():
    class Reader(nn.Module):
        """Tokens in, scores of the next ones out."""

        def __init__(self):
            self.table, self.scores = nn.Embedding(5, 4, seed=0), nn.Layer(4, 5, seed=1)

        def __call__(self, tokens):
            return [self.scores(self.table(token)) for token in tokens]

    model, tokens = Reader(), [Value(float(i % 5), letter) for i, letter in enumerate("abcde")]
    scores = model(tokens[:-1])
    loss = sum((select(token, row) for token, row in zip(tokens[1:], scores)), Value(0.0, "zero"))
    graph = Graph(loss, collapse="layers")
    where = spans(graph.layout())
    tops = [where[box.id][1] for box in graph._scene().boxes if box.name in ("a", "b", "c", "d")]
    assert len(tops) == 4 and tops == sorted(tops)


def test_the_measure_itself_finds_an_arrow_over_a_number():
    class Crossed:
        def layout(self):
            cell = "<g id='n0-grad'><polygon points='10,10 10,30 60,30 60,10'/></g>"
            arrow = "<g id='e1-0' class='edge flow'><path d='M0,20C20,20 40,20 90,20'/></g>"
            return svg.parsed(f"<svg><g transform='translate(4 4)'>{cell}{arrow}</g></svg>")

    assert painted_over(Crossed()) == {("e1-0", "n0-grad")}
