"""The doctor: each ailment is found with its evidence and cure, healthy runs get none, and nothing is changed."""

import dataclasses
import inspect
import json
import random
import re

import pytest

from micrograd_plus import Value, softmax, total
from micrograd_plus.data import Dataset, blobs, circles, digits, iris, line, moons, standardize, xor
from micrograd_plus.explain import Doctor, diagnose, findings
from micrograd_plus.explain.exam import examine
from micrograd_plus.explain.findings import CAUSES
from micrograd_plus.nn import (
    MLP,
    SGD,
    Adam,
    Dropout,
    Embedding,
    Layer,
    Module,
    Neuron,
    Parameter,
    Sequential,
    binary_cross_entropy_with_logits,
    clip_grad_norm,
    mse_loss,
)
from micrograd_plus.nn.init import INITIALIZERS
from micrograd_plus.nn.losses import LOSSES
from micrograd_plus.train import DivergenceError, fit


def _kinds(diagnosis):
    return [finding.kind for finding in diagnosis.findings]


def _run(model, data, **options):
    doctor = Doctor(every=4, rows=16)
    fit(model, data, callbacks=[doctor], progress=False, **{"epochs": 10, **options})
    return doctor.diagnosis


def _found(diagnosis, kind):
    found = [finding for finding in diagnosis.findings if finding.kind == kind]
    assert found, f"{kind} is not among {_kinds(diagnosis)}"
    return found[0]


# -------------------------------------------------------------------- no false alarm


HEALTHY = {
    "iris": lambda: (MLP(4, [8, 3], seed=1), standardize(iris())[0], {}),
    "iris as it is": lambda: (MLP(4, [8, 3], seed=1), iris(), {"lr": 0.01}),
    "moons": lambda: (MLP(2, [16, 16, 1]), moons(), {"lr": 0.01}),
    "iris with relu": lambda: (MLP(4, [8, 3], activation="relu", seed=1), standardize(iris())[0], {}),
    "moons with relu": lambda: (MLP(2, [16, 16, 1], activation="relu"), moons(), {"lr": 0.01}),
    "moons with tanh": lambda: (MLP(2, [8, 8, 1]), moons(), {"lr": 0.05, "epochs": 30}),
    "moons with sigmoid": lambda: (MLP(2, [8, 1], activation="sigmoid"), moons(), {"lr": 0.05}),
    "moons with sgd": lambda: (MLP(2, [16, 1]), moons(), {"optimizer": "sgd", "lr": 0.1}),
    "moons one by one": lambda: (MLP(2, [16, 1]), moons(40), {"optimizer": "sgd", "lr": 0.05, "batch_size": 1}),
    "moons with dropout": lambda: (MLP(2, [16, 16, 1], dropout=0.5), moons(), {"lr": 0.01}),
    "circles": lambda: (MLP(2, [16, 1]), circles(), {"lr": 0.01}),
    "blobs": lambda: (MLP(2, [8, 3]), blobs(), {"lr": 0.01}),
    "xor": lambda: (MLP(2, [8, 1]), xor(), {"lr": 0.05, "epochs": 100}),
    "xor with two tanhs": lambda: (
        MLP(2, [2, 1], activation="tanh"), xor(), {"optimizer": "sgd", "lr": 0.5, "epochs": 300},
    ),
    "line": lambda: (MLP(1, [1]), line(), {"optimizer": "sgd", "lr": 0.1}),
    "line by a network": lambda: (MLP(1, [8, 1], activation="tanh"), line(), {"lr": 0.01}),
}  # fmt: skip


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY)
def test_healthy_runs_get_no_finding(make):
    model, data, options = make()
    diagnosis = _run(model, data, **options)
    assert diagnosis.is_healthy, str(diagnosis)
    assert diagnosis.looks > 3
    assert diagnose(model.train(), data).is_healthy


@pytest.mark.slow
@pytest.mark.parametrize("scaled", [False, True])
def test_digits_get_no_finding(scaled):
    diagnosis = _run(MLP(64, [32, 10]), digits(scaled=scaled))
    assert diagnosis.is_healthy, str(diagnosis)


# -------------------------------------------------------------------- ailments of a run


def _with(model, change, ending=""):
    for name, parameter in model.named_parameters():
        if name.endswith(ending):
            parameter.data = change(parameter.data)
    return model


def test_a_rate_too_low():
    for optimizer in ("sgd", "adam"):
        finding = _found(_run(MLP(2, [16, 1]), moons(), optimizer=optimizer, lr=1e-5), "rate too low")
        assert "at rate 1e-05" in finding.evidence
        assert finding.cure.startswith("try lr=0.00")


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 10.0), ("sgd", 20.0)])
def test_a_rate_too_high(optimizer, lr):
    diagnosis = _run(MLP(2, [16, 1]), moons(), optimizer=optimizer, lr=lr)
    assert diagnosis.findings[0].kind == "rate too high"
    assert f"try lr={lr / 10:g}" in diagnosis.findings[0].cure


def test_a_rate_whose_run_ends_worse_than_it_began_is_too_high_though_its_epochs_were_better():
    doctor = Doctor()
    model = MLP(2, [16, 1], activation="relu", seed=0)
    history = fit(
        model,
        moons(100),
        callbacks=[doctor],
        optimizer="sgd",
        lr=5.0,
        epochs=20,
        backend="eager",
        progress=False,
    )
    assert history["loss"][-1] < history["loss"][0]
    assert "and ends at" in _found(doctor.diagnosis, "rate too high").evidence


def test_a_rate_that_diverges_slowly_is_told_even_where_training_broke_off():
    doctor = Doctor()
    with pytest.raises(DivergenceError):
        fit(MLP(1, [1]), line(), optimizer="sgd", lr=1.2, epochs=600, callbacks=[doctor], progress=False)
    assert doctor.diagnosis.findings[0].kind == "rate too high"


def test_dead_relus():
    finding = _found(
        _run(_with(MLP(2, [8, 1], activation="relu"), lambda b: b - 5, "bias"), moons(), lr=1e-3), "dead ReLU"
    )
    assert finding.where == "layers.0"
    assert "8 of 8 units are 0 for all 16 rows" in finding.evidence
    assert "layers.0.neurons.0" in finding.evidence


def test_saturated_units():
    finding = _found(
        _run(_with(MLP(2, [8, 1], activation="tanh"), lambda w: w * 50), moons(), lr=1e-3), "saturated units"
    )
    assert "activations of tanh are where it is flat" in finding.evidence


def test_vanishing_and_exploding_gradients():
    deep = _run(MLP(2, [6] * 7 + [1], activation="sigmoid"), moons(40), lr=1e-3, epochs=5)
    assert "times as much" in _found(deep, "vanishing gradients").evidence
    huge = _run(_with(MLP(2, [8, 8, 8, 1], activation="relu"), lambda w: w * 15), moons(40), lr=1e-3, epochs=5)
    assert "far off" in _found(huge, "exploding gradients").evidence


def test_the_first_layers_gradient_far_above_the_last():
    model = _with(MLP(2, [4, 4, 4, 1], activation="tanh"), lambda w: w * 1e-4, "")
    for layer in model.layers[1:]:
        _with(layer, lambda w: w * 4e6)
    model.layers[0].neurons[0].bias.data = 1e-9
    assert "exploding gradients" in _kinds(diagnose(model, moons()))


def test_unscaled_inputs_and_targets():
    flowers = iris()
    inputs = [[row[0] * 1000, *row[1:]] for row in flowers.inputs]
    finding = _found(_run(MLP(4, [8, 3]), dataclasses.replace(flowers, inputs=inputs)), "unscaled inputs")
    assert finding.evidence == "sepal length (cm) reaches 7900"
    assert "standardize" in finding.cure
    far_apart = dataclasses.replace(moons(), inputs=[[x, y / 1000] for x, y in moons().inputs])
    assert "x2 only" in _found(diagnose(MLP(2, [4, 1]), far_apart), "unscaled inputs").evidence
    money = Dataset([[i / 10] for i in range(20)], [5000.0 * i for i in range(20)])
    assert "target reaches 95000" in _found(_run(MLP(1, [4, 1]), money), "unscaled targets").evidence


class _Idle(Module):
    def __init__(self):
        self.used, self.idle = Layer(2, 1, seed=0), Layer(2, 2, seed=1)

    def forward(self, inputs):
        return self.used(inputs)


def test_unused_parameters():
    finding = _found(_run(_Idle(), moons(), lr=0.1), "unused parameters")
    assert finding.evidence.startswith("no gradient reaches 6 of 9: idle.neurons.0.weights.0")


def test_an_embeddings_rows_are_not_unused():
    class Words(Module):
        def __init__(self):
            self.table, self.out = Embedding(50, 2, seed=0), Layer(2, 1, seed=1)

        def forward(self, inputs):
            return self.out(self.table(inputs[0]))

    data = Dataset([[i % 3] for i in range(12)], [float(i % 3) for i in range(12)])
    assert diagnose(Words(), data).is_healthy


def test_parameters_that_the_optimizer_does_not_have():
    model = MLP(2, [4, 1])
    optimizer = Adam(model.layers[0].parameters())
    finding = _found(diagnose(model, moons(), optimizer=optimizer), "parameters without optimizer")
    assert finding.evidence.startswith("5 of 17 are not stepped: layers.1")


def test_numbers_that_are_not_finite():
    model = MLP(2, [4, 1])
    model.parameters()[0].data = float("inf")
    finding = _found(diagnose(model, moons()), "non-finite numbers")
    assert "layers.0.neurons.0.weights.0 = inf" in finding.evidence
    overflowing = diagnose(_with(MLP(2, [4, 1]), lambda w: w * 1e200), moons(), "mse")
    assert "non-finite numbers" in _kinds(overflowing)


def test_a_row_that_fails_later_on_is_a_finding_and_no_crash():
    class Logarithm(Module):
        def __init__(self):
            self.weight = Parameter(1.0)

        def forward(self, inputs):
            return (self.weight * inputs[0]).log()

    data, negative = Dataset([[4.0], [1.0]], [1.0, 2.0]), Dataset([[4.0], [-1.0]], [1.0, 2.0])
    finding = diagnose(Logarithm(), negative).findings[0]
    assert finding.kind == "non-finite numbers"
    assert "log" in finding.evidence
    assert diagnose(Logarithm(), data).is_healthy


# -------------------------------------------------------------------- widths and modes


class _Misfit(Module):
    def __init__(self):
        self.first, self.second = Layer(2, 4, "relu", seed=0), Layer(3, 1, seed=1)

    def forward(self, inputs):
        return self.second(self.first(inputs))


@pytest.mark.parametrize(
    ("model", "data", "evidence"),
    [
        (MLP(3, [4, 1]), moons(), "takes 3 inputs, and 'moons' has 2 features"),
        (MLP(2, [4, 3]), moons(), "has 2 classes and the model 3 outputs"),
        (_Misfit(), moons(), r"takes 3, but got 4 inputs"),
        (MLP(1, [2]), line(), "mse needs an output"),
    ],
)
def test_widths_that_do_not_fit(model, data, evidence):
    finding = diagnose(model, data).findings[0]
    assert finding.kind == "width mismatch"
    assert evidence in finding.evidence


def test_dropout_left_on_in_evaluation():
    model = MLP(2, [16, 1], dropout=0.5)
    finding = _found(diagnose(model, moons(), evaluating=True), "dropout in evaluation")
    assert finding.evidence.startswith(
        "layers.1 Dropout(0.5) drops at random: two predictions for the same row differ by 0."
    )
    assert "model.eval()" in finding.cure
    assert diagnose(model.eval(), moons(), evaluating=True).is_healthy
    assert _kinds(diagnose(model, moons())) == ["no dropout in training"]


# -------------------------------------------------------------------- in a loop of one's own


def _loop(steps, before=lambda model, step: None, zero=True, clip=False, model=None, every=None):
    model = model or MLP(2, [8, 1], seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    doctor = Doctor(model, optimizer, every=every)
    data = moons(10)
    for step in range(steps):
        before(model, step)
        if zero:
            optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits([model(x) for x in data.inputs], data.targets)
        loss.backward()
        doctor.look(loss)
        if clip:
            clip_grad_norm(model.parameters(), 0.01)
        optimizer.step()
    return doctor


def test_a_forgotten_zero_grad():
    finding = _found(_loop(5, zero=False).diagnosis, "forgotten zero_grad")
    assert "left from earlier backward passes (seen in 4 of 5 looks)" in finding.evidence
    assert "optimizer.zero_grad()" in finding.cure


def test_a_healthy_loop_and_a_clipped_one():
    model = MLP(2, [8, 1], seed=0)
    assert _loop(60, model=model, every=20).diagnosis.is_healthy
    assert "forgotten zero_grad" not in _kinds(_loop(5, clip=True).diagnosis)


def test_gradients_added_up_on_purpose_are_right_if_all_their_losses_are_looked_at():
    model = MLP(2, [4, 1])
    doctor = Doctor(model)
    losses = [binary_cross_entropy_with_logits(model(x), y) for x, y in moons(6)]
    for loss in losses:
        loss.backward()
    doctor.look(*losses)
    assert doctor.diagnosis.is_healthy
    doctor.look(losses[-1])
    assert "forgotten zero_grad" in _kinds(doctor.diagnosis)


def test_dropout_that_is_off_in_training():
    model = MLP(2, [8, 1], dropout=0.2)
    finding = _found(_loop(4, lambda model, step: model.eval(), model=model).diagnosis, "no dropout in training")
    assert "model.train()" in finding.cure


def test_a_step_that_is_too_long_is_seen_before_it_is_made():
    w = Parameter(1.0, "w")
    model = Sequential(Neuron(1, bias=False))
    model.layers[0].weights = [w]
    optimizer = SGD([w], lr=1.5)
    doctor = Doctor(model, optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        loss = mse_loss(model([1.0]), 0.0)
        loss.backward()
        doctor.look(loss)
        optimizer.step()
    finding = _found(doctor.diagnosis, "rate too high")
    assert "the next step at rate 1.5 takes the loss from" in finding.evidence
    assert finding.cure == "try lr=0.15"


def test_every_and_wrong_use_of_look():
    model = MLP(2, [8, 1], seed=0)
    assert _loop(6).diagnosis.looks == 6
    assert _loop(6, model=model, every=3).diagnosis.looks == 2
    with pytest.raises(ValueError, match=r"needs the model: Doctor\(model, optimizer\)"):
        Doctor().look(Value(1.0))
    with pytest.raises(TypeError, match="backward"):
        Doctor(model).look()
    with pytest.raises(TypeError, match="backward"):
        Doctor(model).look(1.0)
    model.zero_grad()
    with pytest.raises(RuntimeError, match=r"after loss.backward\(\)"):
        Doctor(model).look(model([1.0, 2.0]))
    with pytest.raises(ValueError, match="every"):
        Doctor(every=0)
    with pytest.raises(TypeError, match=r"needs an nn.Module"):
        diagnose("model", moons())


# -------------------------------------------------------------------- it only looks


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_training_goes_as_it_would_without(backend):
    weights = []
    for callbacks in ([], [Doctor(every=1)]):
        model = MLP(2, [8, 1], dropout=0.3, seed=3)
        fit(model, moons(30), lr=0.05, epochs=4, callbacks=callbacks, backend=backend, progress=False)
        weights.append(model.state_dict())
    assert weights[0] == weights[1]


def test_diagnose_changes_nothing():
    model = MLP(2, [8, 1], dropout=0.3, seed=3)
    optimizer = Adam(model.parameters())
    mse_loss(model([1.0, 2.0]), 0.0).backward()
    optimizer.step()
    rng = next(each for each in model.modules() if isinstance(each, Dropout)).op.rng
    before = (
        model.state_dict(),
        [p.grad for p in model.parameters()],
        optimizer.state_dict(),
        rng.getstate(),
        random.getstate(),
    )
    diagnose(model, moons(), optimizer=optimizer, evaluating=True)
    after = (
        model.state_dict(),
        [p.grad for p in model.parameters()],
        optimizer.state_dict(),
        rng.getstate(),
        random.getstate(),
    )
    assert before == after
    assert model.training


# -------------------------------------------------------------------- measuring and telling


def test_measurements_against_the_engines_own():
    model = MLP(2, [6, 6, 1], seed=2)
    data = moons(30)
    exam = examine((mse_loss(model(x), y) for x, y in data), model)
    loss = mse_loss([model(x) for x in data.inputs], data.targets)
    loss.backward()
    assert exam.loss == pytest.approx(loss.data)
    assert [exam.gradients[p] for p in model.parameters()] == pytest.approx([p.grad for p in model.parameters()])
    assert sorted(exam.units) == [f"layers.{i}.neurons.{j}" for i in (0, 1) for j in range(6)]
    hidden = [model.layers[0](x) for x in data.inputs]
    assert [exam.units[f"layers.0.neurons.{j}"].zero for j in range(6)] == [
        sum(row[j].data == 0 for row in hidden) for j in range(6)
    ]
    assert [layer.count for layer in exam.layers] == [18, 42, 7]


def test_units_of_models_written_by_hand_are_named_by_their_weights():
    class ByHand(Module):
        def __init__(self):
            self.hidden = Sequential(Neuron(2, "tanh"))
            self.rows = [[Parameter(0.1 * (i + j)) for j in range(2)] for i in range(3)]
            self.out = Layer(3, 1, "sigmoid")

        def forward(self, x):
            first = self.hidden(x)
            mixed = [(row[0] * first + row[1]).relu() for row in self.rows]
            return self.out(mixed)

    exam = examine([mse_loss(ByHand()([1.0, 2.0]), 0.0)], ByHand())
    assert exam.units == {}  # another model's parameters have no home here
    model = ByHand()
    exam = examine([mse_loss(model([1.0, 2.0]), 0.0)], model)
    assert sorted(exam.units) == ["hidden.layers.0", "rows.0", "rows.1", "rows.2"]
    assert [layer.name for layer in exam.layers] == ["", "hidden", "out"]


def test_a_diagnosis_reads_as_text_html_and_data():
    diagnosis = diagnose(MLP(2, [4, 4, 1], activation="tanh"), moons())
    text = str(diagnosis)
    assert text.startswith("The doctor has no findings.")
    assert "layers.1" in text
    data = json.loads(json.dumps(diagnosis.to_dict()))
    assert (data["findings"], len(data["layers"]), len(data["units"])) == ([], 3, 8)
    named = dataclasses.replace(moons(), feature_names=("<b>", "y"), inputs=[[x * 1e4, y] for x, y in moons().inputs])
    sick = diagnose(MLP(2, [4, 1]), named)
    assert "&lt;b&gt; reaches" in sick._repr_html_()
    assert "<b> reaches" in str(sick)
    assert json.dumps(diagnose(MLP(3, [1]), moons()).to_dict())
    assert str(Doctor()).startswith("The doctor has not looked yet.")


def test_causes_come_first_and_slow_learning_only_alone():
    sick = _run(_with(MLP(2, [8, 1], activation="relu"), lambda b: b - 5, "bias"), moons(40), lr=1e-6)
    assert "rate too low" not in _kinds(sick)
    order = [CAUSES.index(kind) for kind in _kinds(_run(MLP(2, [8, 8, 1]), moons(40), lr=10.0))]
    assert order == sorted(order)


def test_all_unused_names_beyond_four_are_counted():
    (finding,) = findings.of_model(_Idle(), None, [f"idle.{i}" for i in range(6)])
    assert finding.evidence.endswith("idle.0, idle.1, idle.2, idle.3 and 2 more")


def test_the_initialisers_that_cures_name_are_there():
    named = re.findall(r"'((?:kaiming|xavier)\w*)'", inspect.getsource(findings))
    assert len(named) >= 4 and set(named) <= {*INITIALIZERS}


# -------------------------------------------------------------------- a last activation that keeps the loss up


class Ending(Module):
    """A network whose outputs go through something at the end."""

    def __init__(self, end, outputs=1):
        self.body, self.end = MLP(2, [8, outputs], seed=0), end

    def forward(self, inputs):
        return self.end(self.body(inputs))


WRONG_ENDS = {
    "softmax, cross_entropy": (lambda: Ending(softmax, 2), "cross_entropy", "softmax", 0.3133),
    "softmax by hand, cross_entropy": (
        lambda: Ending(lambda xs: [x.exp() / total([y.exp() for y in xs]) for x in xs], 2), "cross_entropy", "softmax",
        0.3133,
    ),
    "sigmoids, cross_entropy": (
        lambda: Ending(lambda xs: [x.sigmoid() for x in xs], 2), "cross_entropy", "sigmoid", 0.3133,
    ),
    "tanhs, cross_entropy": (
        lambda: Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 2, "tanh", seed=1)), "cross_entropy", "tanh", 0.1269,
    ),
    "sigmoid, logits": (lambda: Ending(lambda x: x.sigmoid()), "bce_with_logits", "sigmoid", 0.5032),
    "a sigmoid layer, logits": (
        lambda: Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 1, "sigmoid", seed=1)), "bce_with_logits", "sigmoid",
        0.5032,
    ),
    "tanh, logits": (lambda: Ending(lambda x: x.tanh()), "bce_with_logits", "tanh", 0.3133),
    "relu, logits": (lambda: Ending(lambda x: x.relu()), "bce_with_logits", "relu", 0.3466),
    "a relu layer, logits": (
        lambda: Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 1, "relu", seed=1)), "bce_with_logits", "relu", 0.3466,
    ),
    "elu, logits": (lambda: Ending(lambda x: x.elu()), "bce_with_logits", "elu", 0.1566),
}  # fmt: skip


@pytest.mark.parametrize(("make", "loss", "end", "floor"), WRONG_ENDS.values(), ids=WRONG_ENDS)
def test_a_last_activation_that_keeps_the_loss_up(make, loss, end, floor):
    data = moons(40)
    doctor = Doctor(every=4, rows=40)
    history = fit(make(), data, loss=loss, lr=0.1, epochs=40, callbacks=[doctor], progress=False)
    assert history["loss"][-1] > floor - 1e-3
    for diagnosis in (doctor.diagnosis, diagnose(make(), data, loss)):
        finding = _found(diagnosis, "wrong last activation")
        assert f"the last {end} gives" in finding.evidence and f"can't fall below {floor:.4g}" in finding.evidence
        assert finding.cure.endswith(f"(activation=None), and call no {end} after it")
    model = make()
    optimizer = SGD(model.parameters(), lr=0.1)
    own_loop = Doctor(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        whole = LOSSES[loss]([model(x) for x in data.inputs], data.targets)
        whole.backward()
        own_loop.look(whole)
        optimizer.step()
    assert f"{floor:.4g}" in _found(own_loop.diagnosis, "wrong last activation").evidence
    cured = diagnose(MLP(2, [8, 2 if loss == "cross_entropy" else 1], seed=0), data, loss)
    assert "wrong last activation" not in _kinds(cured)


def test_a_last_activation_that_does_not_reach_the_targets():
    data = Dataset([[i / 10, 1.0] for i in range(20)], [i - 10.0 for i in range(20)])
    for loss in ("mse", "l1", "huber"):
        for end, reach in {"relu": "0 and more", "tanh": "-1 to 1", "sigmoid": "0 to 1"}.items():
            model = Sequential(Layer(2, 4, "tanh", seed=0), Layer(4, 1, end, seed=1))
            finding = _found(diagnose(model, data, loss), "wrong last activation")
            assert f"the last {end} gives {reach}, and the targets lie beyond by" in finding.evidence
    reached = dataclasses.replace(data, targets=[i / 20 for i in range(20)])
    assert diagnose(Sequential(Layer(2, 4, "tanh", seed=0), Layer(4, 1, "sigmoid", seed=1)), reached).is_healthy


def test_probabilities_for_what_takes_them_are_well():
    probability = Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 1, "sigmoid", seed=1))
    assert diagnose(probability, moons(40), "bce").is_healthy
    wrong = Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 1, "relu", seed=3, init="xavier"))
    kinds = _kinds(diagnose(wrong, moons(40), "bce"))
    assert kinds[0] in ("wrong last activation", "non-finite numbers")
    log_softmax = Ending(lambda xs: [x.softplus() * -1 for x in xs], 2)
    assert "wrong last activation" not in _kinds(diagnose(log_softmax, moons(40), "cross_entropy"))


# -------------------------------------------------------------------- each cure, done


def _low(**options):
    return _with(MLP(2, [8, 1], activation="relu", **options), lambda b: b - 5, "bias")


def _wild(**options):
    return _with(MLP(2, [8, 8, 8, 1], activation="relu", **options), lambda w: w * 15)


FLOWERS = dataclasses.replace(iris(), inputs=[[row[0] * 1000, *row[1:]] for row in iris().inputs])
MONEY = Dataset([[i / 10] for i in range(20)], [5000.0 * i for i in range(20)])
DEEP = {"lr": 1e-3, "epochs": 5}

CURES = {
    "rate too high": ("try lr=1", lambda: _run(MLP(2, [16, 1]), moons(), lr=10.0), {
        "try lr=1": lambda: _run(MLP(2, [16, 1]), moons(), lr=0.01),
        "clip: fit(clip=1)": lambda: _run(MLP(2, [16, 1]), moons(), lr=0.01, clip=1),
    }),
    "rate too low": ("try lr=0.00", lambda: _run(MLP(2, [16, 1]), moons(), lr=1e-5), {
        "try lr=0.00": lambda: _run(MLP(2, [16, 1]), moons(), lr=1e-2),
    }),
    "dead ReLU": ("init='kaiming_uniform'", lambda: _run(_low(), moons(), lr=1e-3), {
        "init='kaiming_uniform'": lambda: _run(
            MLP(2, [8, 1], activation="relu", init="kaiming_uniform"), moons(), lr=1e-3
        ),
        "use leaky_relu": lambda: _run(
            _with(MLP(2, [8, 1], activation="leaky_relu"), lambda b: b - 5, "bias"), moons(), lr=1e-3
        ),
    }),
    "saturated units": (
        "init='xavier_uniform'",
        lambda: _run(_with(MLP(2, [8, 1]), lambda w: w * 50), moons(), lr=1e-3),
        {
            "init='xavier_uniform'": lambda: _run(MLP(2, [8, 1], init="xavier_uniform"), moons(), lr=1e-3),
            "use relu": lambda: _run(MLP(2, [8, 1], activation="relu"), moons(), lr=1e-3),
        },
    ),
    "vanishing gradients": (
        "tanh with init='xavier_uniform'",
        lambda: _run(MLP(2, [6] * 7 + [1], activation="sigmoid"), moons(40), **DEEP),
        {
            "relu with init='kaiming_uniform'": lambda: _run(
                MLP(2, [6] * 7 + [1], activation="relu", init="kaiming_uniform"), moons(40), **DEEP
            ),
            "tanh with init='xavier_uniform'": lambda: _run(
                MLP(2, [6] * 7 + [1], init="xavier_uniform"), moons(40), **DEEP
            ),
            "and fewer layers": lambda: _run(MLP(2, [6, 1], activation="sigmoid"), moons(40), **DEEP),
        },
    ),
    "exploding gradients": ("(init='kaiming_uniform' or 'xavier_uniform')", lambda: _run(_wild(), moons(40), **DEEP), {
        f"'{init}'": lambda init=init: _run(
            MLP(2, [8, 8, 8, 1], activation="relu", init=init), moons(40), clip=1, **DEEP
        ) for init in ("kaiming_uniform", "xavier_uniform")
    }),
    "unscaled inputs": ("standardize(train, test)", lambda: _run(MLP(4, [8, 3]), FLOWERS), {
        "standardize(train, test)": lambda: _run(MLP(4, [8, 3]), standardize(FLOWERS, iris())[0]),
    }),
    "unscaled targets": ("divide the targets", lambda: _run(MLP(1, [4, 1]), MONEY), {
        "divide the targets": lambda: _run(
            MLP(1, [4, 1]), dataclasses.replace(MONEY, targets=[y / 1e5 for y in MONEY.targets])
        ),
    }),
    "width mismatch": ("nin=2", lambda: diagnose(MLP(3, [4, 1]), moons()), {
        "make the model with nin=2": lambda: diagnose(MLP(nin=2, widths=[4, 1]), moons()),
    }),
    "dropout in evaluation": (
        "call model.eval()", lambda: diagnose(MLP(2, [8, 1], dropout=0.5).train(), moons(), evaluating=True), {
            "call model.eval()": lambda: diagnose(MLP(2, [8, 1], dropout=0.5).eval(), moons(), evaluating=True),
        },
    ),
    "no dropout in training": (
        "call model.train()", lambda: diagnose(MLP(2, [8, 1], dropout=0.5).eval(), moons()), {
            "call model.train()": lambda: diagnose(MLP(2, [8, 1], dropout=0.5).train(), moons()),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "case"), CURES.items(), ids=CURES)
def test_a_cure_that_is_done_cures(kind, case):
    named, sick, cures = case
    told = _found(sick(), kind).cure
    assert named in told
    for words, cured in cures.items():
        assert words in told, f"{words!r} is not in {told!r}"
        assert kind not in _kinds(cured()), words


def test_every_code_in_a_cure_can_be_typed():
    source = inspect.getsource(findings)
    for init in re.findall(r"init='(\w+)'", source):
        assert MLP(2, [3, 1], init=init).config["init"] == init
    assert {"kaiming", "xavier"} <= {*INITIALIZERS}
    for init in ("kaiming", "xavier"):
        assert MLP(2, [3, 1], init=init).state_dict() == MLP(2, [3, 1], init=f"{init}_uniform").state_dict()
    for activation in re.findall(r"activation='(\w+)'", source):
        assert MLP(2, [3, 1], activation=activation)
    assert "fit(clip=1)" in source and fit(MLP(2, [1]), moons(8), clip=1, epochs=1, progress=False)
