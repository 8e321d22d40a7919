"""The ledger: its lines are the rule's, its numbers those of the real steps, around a loop and within fit."""

import json

import pytest

from micrograd_plus import Value
from micrograd_plus.data import line
from micrograd_plus.explain import Ledger
from micrograd_plus.nn import MLP, SGD, Adagrad, Adam, AdamW, RMSprop, mse_loss
from micrograd_plus.nn.schedules import StepDecay
from micrograd_plus.train import Callback, fit

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: RMSprop(p),
    "rmsprop centered": lambda p: RMSprop(p, centered=True, momentum=0.9, weight_decay=0.1),
    "adagrad": lambda p: Adagrad(p),
    "adam": lambda p: Adam(p, lr=0.1),
    "adam decayed": lambda p: Adam(p, weight_decay=0.1),
    "adamw": lambda p: AdamW(p, lr=StepDecay(0.1, gamma=0.5)),
}


def _train(optimizer, w, b, steps):
    for i in range(steps):
        optimizer.zero_grad()
        ((w * (i + 1) + b - 3) ** 2).backward()
        optimizer.step()


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_quantity_is_that_of_the_real_step(make):
    w, b = Value(1.0, "w"), Value(-0.5, "b")
    optimizer = make([w, b])
    weights, states = [[w.data, b.data]], []
    with Ledger(optimizer) as book:
        for _ in range(4):
            rate = optimizer.rate
            _train(optimizer, w, b, 1)
            weights.append([w.data, b.data])
            states.append({name: list(each) for name, each in optimizer.state.items()})
            assert book.entries[-1].given["lr"] == rate
    assert [entry.after for entry in book.entries] == [each for pair in weights[1:] for each in pair]
    for entry in book.entries:
        place = ["w", "b"].index(entry.parameter)
        assert entry.given["w"] == weights[entry.t - 1][place]
        by_name = {line.name: line.value for line in entry.lines}
        for name in optimizer.state:
            assert by_name[name] == states[entry.t - 1][name][place]
            assert entry.given[name] == (states[entry.t - 2][name][place] if entry.t > 1 else 0.0)
        assert [line.name for line in entry.lines] == [line.name for line in optimizer.rule.lines]


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_the_numbers_put_in_come_to_the_result(make):
    w, b = Value(1.0, "w"), Value(-0.5, "b")
    optimizer = make([w, b])
    with Ledger(optimizer, digits=15) as book:
        _train(optimizer, w, b, 3)
    for entry in book.entries:
        for posting in entry.lines:
            worth = eval(posting.numbers, {"sqrt": lambda x: x**0.5, "max": max})
            assert worth == pytest.approx(posting.value, rel=1e-9, abs=1e-14)


def test_parameters_of_one_label_are_told_apart():
    first, second = Value(1.0, "w"), Value(3.0, "w")
    optimizer = SGD([first, second], lr=0.5)
    with Ledger(optimizer, [second, first]) as book:
        (first * second).backward()
        optimizer.step()
    assert [(entry.parameter, entry.given["w"], entry.after) for entry in book.entries] == [
        ("w#2", 3.0, 2.5),
        ("w", 1.0, -0.5),
    ]
    assert book.table(second).rows[0][-1] == "2.5" and book.table("w").rows[0][-1] == "-0.5"


def test_adam_by_hand():
    """The bias-corrected first step is lr times the gradient's sign: m_hat = g and v_hat = g * g."""
    w = Value(1.0, "w")
    optimizer = Adam([w], lr=0.1)
    with Ledger(optimizer) as book:
        (w * w).backward()
        optimizer.step()
    (entry,) = book.entries
    quantities = entry.quantities()
    assert list(quantities) == ["t", "lr", "w", "g", "m", "v", "m_hat", "v_hat", "step", "w'"]
    assert quantities["m"] == pytest.approx(0.2)
    assert quantities["v"] == pytest.approx(0.004)
    assert quantities["m_hat"] == pytest.approx(2.0)
    assert quantities["v_hat"] == pytest.approx(4.0)
    assert quantities["w'"] == w.data == pytest.approx(0.9)
    text = str(book)
    assert "= lr * m_hat / (sqrt(v_hat) + eps)  = 0.1 * 2 / (sqrt(4) + 1e-08)" in text
    assert "given t = 1, lr = 0.1, w = 1, g = 2, m = 0, v = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-08" in text


def test_a_choice_is_written_as_the_branch_that_was_taken():
    w, b = Value(1.0, "w"), Value(-0.5, "b")
    optimizer = SGD([w, b], lr=0.1, momentum=0.5)
    with Ledger(optimizer, [w]) as book:
        _train(optimizer, w, b, 2)
    assert [entry.lines[0].formula for entry in book.entries] == ["g", "momentum * buf + (1 - dampening) * g"]


def test_chosen_parameters_and_steps_only_and_the_optimizer_is_given_back():
    w, b = Value(1.0, "w"), Value(-0.5, "b")
    optimizer = Adam([w, b])
    with Ledger(optimizer, ["b"], steps=[2, 4]) as book:
        _train(optimizer, w, b, 5)
    assert [(entry.parameter, entry.t) for entry in book.entries] == [("b", 2), ("b", 4)]
    assert optimizer.step.__func__ is Adam.step
    _train(optimizer, w, b, 1)
    assert len(book.entries) == 2
    with pytest.raises(RuntimeError, match="boom"), book:
        raise RuntimeError("boom")
    assert optimizer.step.__func__ is Adam.step


def test_two_books_of_one_optimizer_at_once():
    w, b = Value(1.0, "w"), Value(-0.5, "b")
    optimizer = Adam([w, b])
    with Ledger(optimizer, [w]) as one:
        with Ledger(optimizer, [b]) as two:
            _train(optimizer, w, b, 2)
        _train(optimizer, w, b, 1)
    assert (len(one.entries), len(two.entries)) == (3, 2)


@pytest.mark.parametrize("backend", ["eager", "numpy"])
@pytest.mark.parametrize("make", [OPTIMIZERS["momentum"], OPTIMIZERS["adam"]], ids=["momentum", "adam"])
def test_as_a_callback_of_fit(make, backend):
    model = MLP(1, [3, 1], seed=1)
    optimizer = make(model.parameters())
    book = Ledger(parameters=["layers.0.neurons.1.bias"], steps=range(2, 5))
    fit(model, line(), optimizer=optimizer, epochs=3, batch_size=30, clip=0.5, callbacks=[book], backend=backend)
    assert [entry.t for entry in book.entries] == [2, 3, 4]
    first, second = book.entries[:2]
    assert second.given["w"] == first.after
    assert first.given["lr"] == optimizer.rate


def test_a_change_from_elsewhere_is_refused_and_not_explained_away():
    class Meddler(Callback):
        def on_iteration(self, run):
            run.model.parameters()[0].data += 1.0

    model = MLP(1, [1], seed=1)
    with pytest.raises(RuntimeError, match=r"step 2 set layers.0.neurons.0.weights.0 to .* something else changed it"):
        fit(model, line(), epochs=1, batch_size=30, callbacks=[Ledger(), Meddler()], backend="eager")


def test_a_parameter_that_no_backward_reached_has_gradient_0():
    w, idle = Value(1.0, "w"), Value(5.0, "idle")
    optimizer = SGD([w, idle], lr=0.1)
    with Ledger(optimizer) as book:
        (w * w).backward()
        optimizer.step()
    assert book.entries[1].given["g"] == 0.0


def test_what_is_left_out_is_said_and_the_table_has_a_row_for_each_step():
    model = MLP(2, [3, 1], seed=0)
    optimizer = Adam(model.parameters())
    with Ledger(optimizer) as book:
        for _ in range(3):
            optimizer.zero_grad()
            mse_loss(model([1.0, 2.0]), 0.0).backward()
            optimizer.step()
    text = str(book)
    assert "12 entries, 4 of 13 parameters" in text
    assert "… and 6 more entries" in text
    table = book.table("layers.0.neurons.0.bias")
    assert [row[0] for row in table.rows] == ["1", "2", "3"]
    assert table.headers == ("t", "lr", "w", "g", "m", "v", "m_hat", "v_hat", "step", "w'")
    assert str(book.table()).startswith("layers.0.neurons.0.weights.0, a row for each step")


def test_unlabelled_parameters_are_numbered():
    a, b = Value(1.0), Value(2.0)
    optimizer = SGD([a, b], lr=0.5)
    with Ledger(optimizer, ["w2", a]) as book:
        (a * b).backward()
        optimizer.step()
    assert [(entry.parameter, entry.after) for entry in book.entries] == [("w2", 1.5), ("w1", 0.0)]


def test_as_data_and_in_html():
    w = Value(1.0, "<img src=x>")
    optimizer = SGD([w], lr=0.5)
    with Ledger(optimizer) as book:
        (w * w).backward()
        optimizer.step()
    data = json.loads(json.dumps(book.to_dict()))
    assert data["rule"] == "step = lr * g\nw = w - step"
    assert data["entries"][0]["lines"][0] == {"name": "step", "formula": "lr * g", "numbers": "0.5 * 2", "value": 1.0}
    assert "<img" not in book._repr_html_()
    assert "&lt;img" in book._repr_html_()
    assert str(Ledger()) == "Ledger of no optimizer yet"


def test_wrong_input_is_named():
    w = Value(1.0, "weight")
    optimizer = SGD([w], lr=0.5)
    with pytest.raises(ValueError, match=r"no parameter 'wieght'; did you mean 'weight'"):
        Ledger(optimizer, ["wieght"])
    with pytest.raises(ValueError, match="not among the parameters"):
        Ledger(optimizer, [Value(2.0, "other")])
    with pytest.raises(ValueError, match="a step must be a whole number of at least 1, got 0"):
        Ledger(optimizer, steps=[0])
    with pytest.raises(ValueError, match="needs the optimizer"), Ledger():
        pass
    with pytest.raises(ValueError, match="no followed parameter 'b'"):
        Ledger(optimizer).table("b")
    with pytest.raises(ValueError, match="another optimizer than fit's"):
        fit(MLP(1, [1]), line(), callbacks=[Ledger(optimizer)], backend="eager")
