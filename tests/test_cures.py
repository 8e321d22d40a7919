"""A cure that a message writes in code works as it is typed: mistakes, what their messages say to write, that done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from micrograd_plus import Value, dot, fit, gradcheck, gradients, no_grad, softmax, topological_order
from micrograd_plus.data import Dataset, iris, moons
from micrograd_plus.explain import Doctor
from micrograd_plus.nn import (
    MLP,
    SGD,
    Conv1d,
    Dropout,
    Embedding,
    Layer,
    Neuron,
    Sequential,
    binary_cross_entropy,
    clip_grad_norm,
    cross_entropy,
    hinge_loss,
)
from micrograd_plus.train import EarlyStopping

Case = tuple[Callable[[], Any], str, Callable[[], Any]]
ROWS: Any = [[1.0, 2.0], [3.0, 4.0]]
MOONS = moons(12)


def any_(thing: Any) -> Any:
    """What a type checker would refuse, as a learner writes it."""
    return thing


def trained(model: Any = None, data: Any = MOONS, **options: Any) -> Any:
    return fit(model or MLP(2, [3, 1]), data, **{"epochs": 1, "progress": False, **options})


def stepped(backward: bool) -> None:
    model = MLP(2, [1])
    optimizer = SGD(model.parameters(), lr=0.1)
    if backward:
        (model([1.0, 2.0]) ** 2).backward()
    optimizer.step()


def looked(model: Any) -> None:
    loss = MLP(2, [1])([1.0, 2.0]) if model is None else model([1.0, 2.0])
    loss.backward()
    Doctor(model).look(loss)


def recorded(inside: bool) -> None:
    x = Value(1.0)
    with no_grad():
        y = x * 2
    (y if inside else x * 2).backward()


CASES: dict[str, Case] = {
    "text": (lambda: Value(any_("3")), "float('3')", lambda: Value(float("3"))),
    "a log of 0": (lambda: Value(0.0).log(), "log(x + 1e-12)", lambda: (Value(0.0) + 1e-12).log()),
    "an rsqrt of 0": (lambda: Value(0.0).rsqrt(), "rsqrt(x + 1e-12)", lambda: (Value(0.0) + 1e-12).rsqrt()),
    "an asin of 2": (lambda: Value(2.0).asin(), "x.clamp(-1, 1)", lambda: Value(2.0).clamp(-1, 1).asin()),
    "an acosh of 0": (lambda: Value(0.0).acosh(), "x.clamp(min=1)", lambda: Value(0.0).clamp(min=1).acosh()),
    "bounds turned round": (lambda: Value(0.0).clamp(2, 1), "swap them", lambda: Value(0.0).clamp(1, 2)),
    "a node by hand": (
        lambda: Value(2.0, any_((Value(1.0),)), "tanh"), "which you use as tanh(x)", lambda: Value(1.0).tanh(),
    ),
    "a result of no_grad": (lambda: recorded(True), "compute it outside", lambda: recorded(False)),
    "a bare input": (lambda: gradcheck(lambda x: x, any_(2.0)), "write [2.0]", lambda: gradcheck(lambda x: x, [2.0])),
    "a number's gradient": (
        lambda: gradients(any_(2.0), Value(1.0)), "wrap it in Value(...)", lambda: gradients(Value(2.0), Value(1.0)),
    ),
    "a list as a root": (
        lambda: topological_order(any_([Value(1.0)])), "each on its own", lambda: topological_order(*[Value(1.0)]),
    ),
    "one width": (lambda: MLP(2, any_(3)), "such as [16, 1]", lambda: MLP(2, [16, 1])),
    "an activation misspelt": (lambda: Layer(2, 1, "rleu"), "did you mean 'relu'", lambda: Layer(2, 1, "relu")),
    "an activation as a number": (lambda: Layer(2, 1, any_(3)), "such as 'relu'", lambda: Layer(2, 1, "relu")),
    "softmax as an activation": (
        lambda: Layer(2, 2, "softmax"), "call softmax(outputs)", lambda: softmax(Layer(2, 2)([1.0, 2.0])),
    ),
    "an initialiser misspelt": (
        lambda: Layer(2, 1, init="kaimin"), "did you mean 'kaiming'", lambda: Layer(2, 1, init="kaiming"),
    ),
    "nonlin beside an activation": (
        lambda: Layer(2, 1, "tanh", nonlin=True), "leave out one", lambda: Layer(2, 1, nonlin=True),
    ),
    "modules in a list": (
        lambda: Sequential(any_([Layer(2, 1)])), "take it out of its list with a *",
        lambda: Sequential(*[Layer(2, 1)]),
    ),
    "an activation as a module": (
        lambda: Sequential(Layer(2, 1), any_(Value.tanh)), "a Layer takes its activation by name",
        lambda: Sequential(Layer(2, 1, "tanh")),
    ),
    "many rows": (
        lambda: MLP(2, [1])(ROWS), "[model(row) for row in rows]", lambda: [MLP(2, [1])(row) for row in ROWS],
    ),
    "a fraction dropped": (lambda: Dropout(5), "0.5 drops half", lambda: Dropout(0.5)),
    "an index as a fraction": (
        lambda: Embedding(3, 2)(any_(1.5)), "a whole number", lambda: Embedding(3, 2)(1),
    ),
    "a bare row": (
        lambda: Conv1d(1, 1, 2)(any_([1.0, 2.0])), "for one, write [row]", lambda: Conv1d(1, 1, 2)([[1.0, 2.0]]),
    ),
    "a function of floats": (
        lambda: Neuron(1, any_(abs_of_data))([1.0]), "give a name, such as 'tanh'", lambda: Neuron(1, "tanh")([1.0]),
    ),
    "a model for its parameters": (
        lambda: SGD(any_(MLP(2, [1]))), "pass model.parameters()", lambda: SGD(MLP(2, [1]).parameters()),
    ),
    "a step before backward": (lambda: stepped(False), "call loss.backward() before", lambda: stepped(True)),
    "a norm of 0": (
        lambda: clip_grad_norm(MLP(2, [1]).parameters(), 0), "1 is usual",
        lambda: clip_grad_norm(MLP(2, [1]).parameters(), 1),
    ),
    "classes of the hinge": (
        lambda: hinge_loss(Value(1.0), 0), "make 2*y - 1", lambda: hinge_loss(Value(1.0), 2 * 0 - 1),
    ),
    "a score for a probability": (
        lambda: binary_cross_entropy(Value(2.0), 1), "put the output through sigmoid",
        lambda: binary_cross_entropy(Value(2.0).sigmoid(), 1),
    ),
    "a single logit": (
        lambda: cross_entropy([Value(1.0)], 0), "at least two classes",
        lambda: cross_entropy([Value(1.0), Value(0.0)], 0),
    ),
    "other widths": (lambda: dot([1.0, 2.0], [1.0]), "check the widths", lambda: dot([1.0, 2.0], [1.0, 3.0])),
    "bare lists": (
        lambda: trained(data=any_(ROWS)), "Dataset(inputs, targets)",
        lambda: trained(MLP(2, [1]), Dataset(ROWS, [1.0, 2.5])),
    ),
    "class numbers": (
        lambda: Dataset(ROWS, any_(["a", "b"])), "classes=(...)", lambda: Dataset(ROWS, [0, 1], classes=("a", "b")),
    ),
    "a name of features": (
        lambda: Dataset([[1.0]], [1.0], feature_names=any_("x")), "write ('x',)",
        lambda: Dataset([[1.0]], [1.0], feature_names=("x",)),
    ),
    "a metric's name": (
        lambda: trained(metrics=any_("accuracy")), "write ['accuracy']", lambda: trained(metrics=["accuracy"]),
    ),
    "a bare callback": (
        lambda: trained(callbacks=any_(EarlyStopping())), "write callbacks=[",
        lambda: trained(callbacks=[EarlyStopping()], validation=MOONS),
    ),
    "a float of rows": (lambda: trained(batch_size=any_(4.0)), "write 4", lambda: trained(batch_size=4)),
    "one output for three classes": (
        lambda: trained(MLP(4, [3, 1]), iris(), loss="cross_entropy"), "end the model with 3",
        lambda: trained(MLP(4, [3, 3]), iris(), loss="cross_entropy"),
    ),
    "one output for a class each": (
        lambda: trained(loss="cross_entropy"), "use 'bce_with_logits' for two classes",
        lambda: trained(loss="bce_with_logits"),
    ),
    "a loss misspelt": (lambda: trained(loss="mae"), "l1", lambda: trained(loss="l1")),
    "a doctor without a model": (
        lambda: looked(None), "Doctor(model, optimizer)", lambda: looked(MLP(2, [1])),
    ),
}  # fmt: skip


def abs_of_data(x: Value) -> float:
    return abs(x.data)


@pytest.mark.parametrize(("mistake", "words", "cure"), CASES.values(), ids=CASES)
def test_a_cure_in_a_message_works_as_it_is_typed(mistake: Any, words: str, cure: Any) -> None:
    with pytest.raises(Exception) as told:
        mistake()
    assert words in str(told.value), str(told.value)
    cure()
