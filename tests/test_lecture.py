"""What notebooks of the lecture do with a Value, cell by cell, runs with the import swapped."""

from __future__ import annotations

import copy
import math
import pickle
import random
import re
from typing import Any

import pytest

from micrograd_plus import Value, compile, dot, nn, ops, row, topological_order
from micrograd_plus.operators import Operators
from micrograd_plus.value import UNSEEN
from tests.nn.defaults import POINTS, SIGNS


def neuron() -> tuple[Any, ...]:
    a, b, c, f = (Value(data, label=label) for data, label in ((2.0, "a"), (-3.0, "b"), (10.0, "c"), (-2.0, "f")))
    e = a * b
    d = e + c
    return a, b, c, f, e, d, d * f


def test_the_parts_have_the_lectures_names() -> None:
    a, b, _, _, e, d, loss = neuron()
    assert e._prev == (a, b)
    assert (a._op, e._op, d._op, loss._op) == ("", "*", "+", "*")


def test_backpropagation_by_hand() -> None:
    a, b, c, f, e, d, loss = neuron()
    loss.grad = 1.0
    for node in (loss, d, e):
        node._backward()
    by_hand = [each.grad for each in (a, b, c, f)]
    loss.zero_grad()
    loss.backward()
    assert by_hand == [each.grad for each in (a, b, c, f)] == [6.0, -4.0, -2.0, 4.0]


def test_the_lectures_topological_sort() -> None:
    *_, loss = neuron()
    order, visited = [], set()

    def build(node: Any) -> None:
        if node not in visited:
            visited.add(node)
            for child in node._prev:
                build(child)
            order.append(node)

    build(loss)
    loss.grad = 1.0
    for node in reversed(order):
        node._backward()
    assert order[0].grad == 6.0


# -------------------------------------------------------------------- the cells of a notebook, one after the other


def test_a_value_is_made_the_lectures_ways() -> None:
    for made in (Value(2.0), Value(2.0, (), "+"), Value(2.0, (), label="x")):
        assert made.data == 2.0 and made._prev == () and made._op == ""  # type: ignore[attr-defined]
    x = Value(2.0, (), "+", label="x")
    assert (x.label, x.children, repr(x)) == ("x", (), "Value(2, label='x')")


def test_the_neuron_with_tanh_taken_apart() -> None:
    x1, x2, w1, w2 = (Value(data, label=label) for data, label in ((2.0, "x1"), (0.0, "x2"), (-3.0, "w1"), (1.0, "w2")))
    b = Value(6.8813735870195432, label="b")
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    o.backward()
    found = [each.grad for each in (x1, w1, x2, w2)]
    assert found == pytest.approx([-1.5, 1.0, 0.5, 0.0])
    for each in (x1, x2, w1, w2, b):
        each.grad = 0.0
    e = (2 * (x1 * w1 + x2 * w2 + b)).exp()
    ((e - 1) / (e + 1)).backward()
    assert [each.grad for each in (x1, w1, x2, w2)] == pytest.approx(found)


def test_arithmetic_as_the_lecture_tries_it() -> None:
    a, b = Value(3.0), Value(-2.0)
    c = a + b
    c += c + 1
    c += 1 + c + (-a)
    d = a * b + b**3
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2 / 2.0
    g = f / 2.0 + 10.0 / f + sum([a, b, 1]) - (-a) * 2**-1
    g.backward()
    nudge = 1e-6
    assert isinstance(g, Value) and a.grad != 0.0 and math.isfinite(nudge * a.grad)


def test_draw_dot_walks_prev_and_op() -> None:
    *_, loss = neuron()
    nodes, edges = set(), set()

    def trace(root: Any) -> None:
        if root not in nodes:
            nodes.add(root)
            for child in root._prev:
                edges.add((child, root))
                trace(child)

    trace(loss)
    lines = [f"{each.label} | data {each.data:.4f} | grad {each.grad:.4f}" for each in nodes]
    assert (len(nodes), len(edges), len(lines)) == (7, 6, 7)
    assert sorted(each._op for each in nodes if each._op) == ["*", "*", "+"]


class LectureNeuron:
    def __init__(self, nin: int) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(random.uniform(-1, 1))

    def __call__(self, x: Any) -> Value:
        return sum((wi * xi for wi, xi in zip(self.w, x)), self.b).tanh()

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]


class LectureMLP:
    def __init__(self, nin: int, nouts: list[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [[LectureNeuron(a) for _ in range(b)] for a, b in zip(sizes, nouts)]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = [each(x) for each in layer]
        return x[0] if len(x) == 1 else x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for each in layer for p in each.parameters()]


@pytest.mark.parametrize("clear", [0.0, None, 0])
@pytest.mark.parametrize("make", [lambda: LectureMLP(3, [4, 4, 1]), lambda: nn.MLP(3, [4, 4, 1])])
def test_the_training_loop(make: Any, clear: Any) -> None:
    random.seed(1337)
    model = make()
    for _ in range(20):
        ypred = [model(x) for x in POINTS]
        loss: Any = sum((yout - ygt) ** 2 for ygt, yout in zip(SIGNS, ypred))
        for p in model.parameters():
            p.grad = clear
        loss.backward()
        for p in model.parameters():
            p.data += -0.1 * p.grad
    assert loss.data < 0.5


def test_an_optimizer_by_hand_keeps_its_numbers_on_the_parameters() -> None:
    model = nn.MLP(3, [4, 4, 1])
    for p in model.parameters():
        p.m, p.v, p.velocity = 0.0, 0.0, 0.0
    for _ in range(60):
        loss: Any = sum((model(x) - y) ** 2 for x, y in zip(POINTS, SIGNS))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.m = 0.9 * p.m + 0.1 * p.grad
            p.v = 0.99 * p.v + 0.01 * p.grad**2
            p.data -= 0.05 * p.m / (p.v**0.5 + 1e-8)
    assert loss.data < 0.5
    assert copy.deepcopy(model).state_dict() == pickle.loads(pickle.dumps(model)).state_dict() == model.state_dict()


def test_a_number_of_ones_own_that_is_not_there_or_can_not_be_kept_is_told() -> None:
    x: Any = Value(1.0)
    with pytest.raises(AttributeError, match=r"no attribute 'm'; here: set it first, on a leaf: p\.m = 0\.0"):
        _ = x.m
    with pytest.raises(AttributeError, match="only a leaf keeps a 'm' of yours"):
        (x * 2).m = 0.0


def test_the_imports_of_micrograd_run_with_another_name() -> None:
    names: dict[str, Any] = {}
    exec("from micrograd_plus.engine import Value\nfrom micrograd_plus.nn import MLP, Layer, Module, Neuron", names)
    assert names["Value"] is Value and names["MLP"] is nn.MLP


def test_the_parts_of_a_network_have_the_lectures_names() -> None:
    mlp = nn.MLP(2, [3, 1])
    first = mlp.layers[0].neurons[0]  # type: ignore[attr-defined]
    assert first.w is first.weights and first.b is first.bias
    assert (
        repr(nn.Layer(2, 3, nonlin=True)) == "Layer(2, 3, 'relu')" and repr(nn.Neuron(2, nonlin=False)) == "Neuron(2)"
    )
    with pytest.raises(TypeError, match="nonlin=True is activation='relu' here, but there is activation='tanh' too"):
        nn.Layer(2, 3, "tanh", nonlin=True)


# -------------------------------------------------------------------- a grad of None


def test_a_grad_of_none_is_as_no_pass_had_reached_it() -> None:
    x, y, z = Value(2.0, "x"), Value(3.0, "y"), Value(4.0, "z")
    outputs: dict[str, Any] = {
        "one operand": lambda: x.exp(), "two": lambda: x * y, "twice": lambda: x * x, "right": lambda: y - x,
        "many": lambda: dot([x, y, x], [y, z, x]), "deep": lambda: ((x * y).tanh() + x) ** 2, "itself": lambda: x,
    }  # fmt: skip
    for name, make in outputs.items():
        found = []
        for clear in (0.0, None):
            for each in (x, y, z):
                each.grad = clear  # type: ignore[assignment]
            make().backward()
            found.append([each.grad or 0.0 for each in (x, y, z)])
        assert found[0] == found[1], name


def test_who_reads_a_grad_of_none_reads_that_of_no_pass() -> None:
    model = nn.MLP(2, [2, 1])
    for p in model.parameters():
        p.grad = None  # type: ignore[assignment]
    assert "grad" not in repr(model.parameters()[0])
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match=r"call loss\.backward\(\) before step"):
        optimizer.step()
    loss = model([1.0, 2.0]) ** 2
    model.parameters()[0].grad = None  # type: ignore[assignment]
    assert "grad" in str(loss.graph().dot()) and loss.explain() and str(loss)
    loss.backward()
    model.parameters()[3].grad = None  # type: ignore[assignment]
    nn.clip_grad_norm(model.parameters(), 1.0)
    optimizer.step()
    loss.zero_grad()
    assert all(p.grad is UNSEEN for p in model.parameters())


# -------------------------------------------------------------------- the lecture's own operations


def own(self: Value) -> Value:
    t = math.tanh(self.data)
    out: Any = Value(t, (self,), "tanh")  # type: ignore[arg-type]

    def _backward() -> None:
        self.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out  # type: ignore[no-any-return]


OWN = {
    "there": ("tanh", 1, r"which you use as tanh\(x\)"),
    "there, by the lecture's sign": ("ReLU", 1, r"row\('relu', 'x', 'max\(x, 0\.0\)', x='step\(x\)'\)"),
    "a sum": ("+", 2, r"row\('\+', 'x y', 'x \+ y', x='1', y='1'\)"),
    "new": ("bump", 1, r"micrograd_plus\.row\('bump', 'x', 'x\*\*3', x='3 \* x\*\*2'\), and x\.bump\(\)"),
    "new of two": ("blend", 2, r"micrograd_plus\.row\('blend', 'x y', .*and x\.blend\(y\)"),
    "a power": ("**2", 1, r"micrograd_plus\.row\('cube'"),
}


@pytest.mark.parametrize(("sign", "operands", "message"), OWN.values(), ids=OWN)
def test_a_node_made_by_hand_is_shown_the_row(sign: str, operands: int, message: str) -> None:
    children: Any = tuple(Value(1.0) for _ in range(operands))
    for given in (children, {*children}, [*children]):
        with pytest.raises(TypeError, match=message):
            Value(2.0, given, sign)
        with pytest.raises(TypeError, match=message):
            Value(2.0, given, sign, label="out")


def test_the_row_that_is_shown_works_when_typed() -> None:
    with pytest.raises(TypeError) as told:
        Value(2.0, (Value(1.0),), "bump3")  # type: ignore[arg-type]
    typed = re.search(r"micrograd_plus\.(row\(.*\)), and", str(told.value))
    assert typed
    try:
        op = eval(typed[1], {"row": row})
        x: Any = Value(2.0)
        x.bump3().backward()
        assert (x.bump3().op, x.grad) == (op, 12.0)
    finally:
        del ops.TABLE["bump3"]
        delattr(Operators, "bump3")


def test_methods_of_a_notebook_are_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method put into Value is what an activation of that name is, in all ways to make a network."""
    monkeypatch.setattr(Value, "relu", lambda self: self.maximum(0.0) * 2, raising=False)
    for model in (nn.Neuron(1, "relu"), nn.Layer(1, 1, "relu"), nn.MLP(1, [1, 1], activation="relu")):
        for p in model.parameters():
            p.data = 1.0
        fired = [node.op.name for node in topological_order(model([1.0]))]
        assert "maximum" in fired and "relu" not in fired
    monkeypatch.setattr(Value, "tanh", own, raising=False)
    for run in (lambda: Value(0.5).tanh(), lambda: nn.MLP(1, [1, 1], activation="tanh")([1.0])):
        with pytest.raises(TypeError, match=r"row\('tanh', 'x', 'tanh\(x\)', x='1 - out\*\*2'\)"):
            run()


def test_a_function_to_walk_back_by_is_shown_the_row() -> None:
    out: Any = Value(2.0)
    with pytest.raises(AttributeError, match=r"micrograd_plus\.row\('cube', 'x', 'x\*\*3', x='3 \* x\*\*2'\)"):
        out._backward = lambda: None
    for part in ("_prev", "_op"):
        with pytest.raises(AttributeError, match=r"micrograd_plus\.row\('cube'"):
            setattr(out, part, ())


# -------------------------------------------------------------------- subclasses


class Named(Value):
    """A Value with attributes of its own, as notebooks derive one."""

    def __init__(self, data: float, note: str) -> None:
        super().__init__(data, note)
        self.note = note


def test_subclasses_of_value_go_through_layers_losses_and_programs() -> None:
    model = nn.MLP(2, [3, 1])
    plain, named = [Value(0.5, "a"), Value(-1.0, "b")], [Named(0.5, "a"), Named(-1.0, "b")]
    outputs = [model(row) for row in (plain, named)]
    for output in outputs:
        nn.mse_loss(output, 1.0).backward()
    assert outputs[0].data == outputs[1].data
    assert [each.grad for each in plain] == [each.grad for each in named] != [0.0, 0.0]
    assert compile(model(named), inputs=named)([0.5], [-1.0]) == pytest.approx([outputs[0].data])
    made = (2 * named[0] - named[1] / named[0]).relu() ** named[1]
    assert isinstance(made, Value) and named[0].note == "a"
