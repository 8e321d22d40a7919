"""fit does what its words say: the same steps as a loop by hand, the same result for the same seed, clear stops."""

from __future__ import annotations

import gc
import math
from random import Random
from typing import Any

import pytest

from micrograd_plus import Value
from micrograd_plus.compiler import CompileError
from micrograd_plus.data import Dataset, batches, blobs, iris, line, moons, split, standardize, xor
from micrograd_plus.nn import MLP, SGD, Adam, Module, Parameter, clip_grad_norm, cross_entropy, l2_penalty, mse_loss
from micrograd_plus.nn.schedules import StepDecay
from micrograd_plus.operation import Bernoulli
from micrograd_plus.train import Callback, Checkpoint, Clip, DivergenceError, EarlyStopping, History, Run, accuracy, fit
from micrograd_plus.value import leaf

fit_anything: Any = fit  # for arguments beyond the declared types
ENGINES = pytest.mark.parametrize("backend", ["numpy", "eager"])


def by_hand(model: MLP, optimizer: Any, data: Dataset, epochs: int, batch_size: int) -> list[float]:
    """The loop that fit stands for, written out; returns the loss of every iteration, before its update."""
    losses = []
    for epoch in range(1, epochs + 1):
        for batch in batches(data, batch_size, seed=0, epoch=epoch):
            loss = mse_loss([model(x) for x in batch.inputs], batch.targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
    return losses


@ENGINES
@pytest.mark.parametrize("batch_size", [1, 7, 20], ids=["stochastic", "mini-batch", "batch"])
def test_it_is_the_loop_by_hand(backend: str, batch_size: int) -> None:
    data, models = line(20), [MLP(1, [4, 1], activation="tanh", seed=3) for _ in range(2)]
    losses = by_hand(models[0], Adam(models[0].parameters(), lr=0.05), data, 3, batch_size)
    history = fit(
        models[1], data, loss="mse", optimizer=Adam(models[1].parameters(), lr=0.05), epochs=3, batch_size=batch_size,
        backend=backend,
    )  # fmt: skip
    assert history.losses == pytest.approx(losses, rel=1e-12)
    assert list(models[1].state_dict().values()) == pytest.approx(list(models[0].state_dict().values()), rel=1e-10)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adam", "adamw"])
def test_compiled_is_eager_to_rounding(optimizer: str) -> None:
    def train(backend: str) -> tuple[History, dict[str, float]]:
        model = MLP(4, [7, 5, 3], activation="tanh", dropout=0.3, seed=1)
        training, test = split(iris(), seed=1)
        return fit(model, training, optimizer=optimizer, epochs=3, validation=test, backend=backend), model.state_dict()

    (eager, numbers), (compiled, others) = train("eager"), train("numpy")
    assert compiled.losses == pytest.approx(eager.losses, rel=1e-10)
    assert compiled.figures == eager.figures and compiled["validation loss"] == pytest.approx(eager["validation loss"])
    assert list(others.values()) == pytest.approx(list(numbers.values()), rel=1e-9, abs=1e-12)


def test_noise_of_a_users_own_module_is_the_same_compiled_and_eager() -> None:
    class Noisy(Module):
        def __init__(self) -> None:
            self.mlp, self.noise = MLP(2, [8, 1], activation="relu", seed=0), Bernoulli(0.5, 2.0, Random(7))

        def forward(self, x: Any) -> Any:
            if self.training:
                x = [value * leaf(self.noise.draw(), self.noise) for value in x]
            return self.mlp(x)

    for backend in ("numpy", "eager"):
        history = fit(Noisy(), moons(64), epochs=2, lr=0.01, batch_size=16, backend=backend)
        assert history.losses[:2] == pytest.approx([0.768678, 0.806742], abs=1e-6)


def test_a_model_that_cannot_be_compiled_is_told_and_runs() -> None:
    class Stairs(Parabola):
        def forward(self, inputs: Any) -> Value:
            (x,) = inputs
            return self.a * x if x > 0.5 else self.b * x  # type: ignore[no-any-return]

    data = Dataset([[i / 10] for i in range(11)], [float(i) for i in range(11)])
    with pytest.warns(UserWarning, match="the model can't be compiled, and runs as it stands: .*"):
        fit(Stairs(), data, epochs=2)
    fit(Stairs(), data, epochs=2, backend="eager")
    model = Stairs()
    with pytest.raises(CompileError, match=r"the backend 'numpy' can't run this model: .* use backend='eager'"):
        fit(model, data, epochs=2, backend="numpy")
    assert model.state_dict() == Stairs().state_dict()


@ENGINES
def test_the_same_seed_gives_the_same_result(backend: str) -> None:
    def train(seed: int) -> tuple[History, dict[str, float]]:
        model = MLP(2, [6, 1], dropout=0.3, seed=seed)
        return fit(model, moons(40), lr=0.05, epochs=3, seed=seed, backend=backend), model.state_dict()

    assert train(1) == train(1)
    assert train(1) != train(2)


@ENGINES
def test_figures_are_what_they_say(backend: str) -> None:
    training, test = split(iris(), seed=2)
    model = MLP(4, [5, 3], seed=2)
    history = fit(
        model, training, lr=0.02, epochs=4, batch_size=50, validation=test, metrics=["accuracy", accuracy],
        backend=backend,
    )  # fmt: skip
    assert history.figures == ("loss", "validation loss", "validation accuracy")
    assert [each.epoch for each in history.iterations] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert [each.iteration for each in history.epochs] == [3, 6, 9, 12]
    assert history.rates == [0.02] * 12
    first, second, third = history.losses[:3]
    assert history["loss"][0] == pytest.approx((50 * first + 50 * second + 20 * third) / 120)
    found = [model(x) for x in test.inputs]
    right = sum(max(range(3), key=lambda k: row[k].data) == y for row, y in zip(found, test.targets))
    assert history["validation accuracy"][-1] == right / 30
    assert history["validation loss"][-1] == pytest.approx(cross_entropy(found, test.targets).data)


def test_several_data_sets_are_measured_by_name() -> None:
    data = blobs(30)
    history = fit(MLP(2, [3]), data, epochs=2, validation={"seen": data, "new": blobs(9, seed=1)}, backend="eager")
    assert history.figures == ("loss", "seen loss", "seen accuracy", "new loss", "new accuracy")
    history = fit(MLP(1, [1]), line(20), epochs=1, metrics=["mean_absolute_error"], backend="eager")
    assert history.figures == ("loss", "training loss", "training mean absolute error")


@ENGINES
def test_dropout_is_off_in_evaluation(backend: str) -> None:
    model = MLP(2, [8, 1], dropout=0.5, seed=0)
    history = fit(model, moons(20), lr=0.0, epochs=3, validation=moons(20), backend=backend)
    assert len(set(history["validation loss"])) == 1, "with a rate of 0 nothing changes, and nothing is dropped"
    assert len(set(history["loss"])) == 3, "while training drops other neurons in each epoch"
    assert not any(module.training for module in model.modules()), "and it is left ready for use"


@ENGINES
def test_a_schedule_sets_every_iterations_rate(backend: str) -> None:
    schedule = StepDecay(0.4, every=2, gamma=0.5)
    history = fit(MLP(1, [1]), line(4), optimizer="sgd", lr=schedule, epochs=2, batch_size=2, backend=backend)
    assert history.rates == [0.4, 0.4, 0.2, 0.2]


@ENGINES
def test_penalty_and_clipping(backend: str) -> None:
    data, models = line(10), [MLP(1, [3, 1], seed=1) for _ in range(2)]
    optimizer = SGD(models[0].parameters(), lr=0.1)
    loss = mse_loss([models[0](x) for x in data.inputs], data.targets)
    (loss + l2_penalty(models[0].parameters(), 0.5)).backward()
    assert clip_grad_norm(models[0].parameters(), 0.25) > 0.25
    optimizer.step()
    history = fit(
        models[1], data, optimizer="sgd", lr=0.1, epochs=1, penalty=lambda ps: l2_penalty(ps, 0.5), clip=0.25,
        backend=backend,
    )  # fmt: skip
    assert list(models[1].state_dict().values()) == pytest.approx(list(models[0].state_dict().values()), rel=1e-12)
    assert history.losses == [pytest.approx(loss.data)], "the penalty is not part of the loss that is told"
    model = MLP(1, [1])
    before = model.state_dict()
    fit(model, line(10), optimizer="sgd", lr=1.0, epochs=1, clip=Clip(value=1e-3), backend=backend)
    assert all(abs(model.state_dict()[name] - before[name]) <= 1e-3 + 1e-15 for name in before)


@pytest.mark.parametrize(
    ("loss", "data", "widths"),
    [
        ("mse", line(30), [1]),
        ("l1", line(30), [1]),
        ("huber", line(30), [1]),
        ("cross_entropy", blobs(30), [3]),
        ("bce_with_logits", moons(30), [6, 1]),
        ("hinge", moons(30), [6, 1]),
    ],
)
@ENGINES
def test_every_loss_by_name_learns(loss: str, data: Dataset, widths: list[int], backend: str) -> None:
    history = fit(MLP(data.width, widths), data, loss=loss, lr=0.05, epochs=15, batch_size=10, backend=backend)
    assert history["loss"][-1] < 0.7 * history["loss"][0]


def test_the_usual_loss() -> None:
    assert fit(MLP(2, [1]), moons(10), epochs=1, metrics=["accuracy"]).figures[-1] == "training accuracy"
    assert fit(MLP(2, [2]), moons(10), epochs=1, metrics=["accuracy"]).figures[-1] == "training accuracy"
    several = Dataset([[0.0], [1.0]], [[0.0, 1.0], [1.0, 0.0]])
    assert fit(MLP(1, [2]), several, lr=0.1, epochs=100)["loss"][-1] < 0.01


def test_a_loss_of_your_own() -> None:
    def fourth_power(prediction: Value, target: Any) -> Value:
        error: Value = prediction - target
        return error**4

    history = fit(MLP(1, [1]), line(20), loss=fourth_power, lr=0.05, epochs=20)
    assert history["loss"][-1] < 0.1 * history["loss"][0]


class Parabola(Module):
    """A model that is none of the package's: y = a x^2 + b."""

    def __init__(self) -> None:
        self.a, self.b = Parameter(0.1), Parameter(0.1)

    def forward(self, inputs: Any) -> Value:
        (x,) = inputs
        return self.a * x * x + self.b  # type: ignore[no-any-return]


@ENGINES
def test_a_model_of_your_own(backend: str) -> None:
    xs = [i / 10 for i in range(-10, 11)]
    model = Parabola()
    fit(model, Dataset([[x] for x in xs], [2 * x * x - 1 for x in xs]), lr=0.1, epochs=150, backend=backend)
    assert model.state_dict() == pytest.approx({"a": 2.0, "b": -1.0}, abs=1e-2)


# -------------------------------------------------------------------- callbacks


class Watcher(Callback):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_start(self, run: Run) -> None:
        self.seen.append(f"start {run.epoch}")

    def on_iteration(self, run: Run) -> None:
        self.seen.append(f"iteration {run.iteration} of {len(run.batch)}")

    def on_epoch(self, run: Run) -> None:
        self.seen.append(f"epoch {run.epoch} {len(run.history.epochs)}")

    def on_end(self, run: Run) -> None:
        self.seen.append("end")


def test_callbacks_are_called_in_turn() -> None:
    watcher, epochs = Watcher(), list[int]()
    fit(MLP(1, [1]), line(5), epochs=2, batch_size=3, callbacks=[watcher, lambda run: epochs.append(run.epoch)])
    one = ["iteration 1 of 3", "iteration 2 of 2", "epoch 1 1"]
    two = ["iteration 3 of 3", "iteration 4 of 2", "epoch 2 2"]
    assert watcher.seen == ["start 0", *one, *two, "end"]
    assert epochs == [1, 2]


@ENGINES
def test_a_callback_sees_the_model_of_this_moment_and_may_change_it(backend: str) -> None:
    class Nudge(Callback):
        def on_iteration(self, run: Run) -> None:
            weight = run.model.parameters()[0]
            if run.iteration == 1:
                assert weight.data == pytest.approx(before - 0.1 * weight.grad), "the gradient of the step just made"
                assert run.optimizer.t == 1
                weight.data = 100.0
            else:
                assert weight.data == pytest.approx(100.0 - 0.1 * weight.grad)

    model = MLP(1, [1])
    before = model.parameters()[0].data
    fit(model, line(4), optimizer="sgd", lr=0.1, epochs=2, callbacks=[Nudge()], backend=backend)


@ENGINES
def test_a_callback_may_stop_training(backend: str) -> None:
    class Stop(Callback):
        def on_iteration(self, run: Run) -> None:
            if run.iteration == 3:
                run.stop("seen enough")

    history = fit(MLP(1, [1]), line(4), epochs=9, batch_size=2, callbacks=[Stop()], backend=backend)
    assert (len(history.iterations), len(history), history.stopped) == (3, 1, "seen enough")
    history = fit(MLP(1, [1]), line(4), epochs=9, callbacks=[lambda run: run.stop("once")], backend=backend)
    assert (len(history), history.stopped) == (1, "once")


def test_a_class_that_looks_at_every_iteration_says_so_by_defining_it() -> None:
    class Counting:
        def on_iteration(self, run: Run) -> None: ...

    class Mixed(Counting, Callback): ...

    assert Watcher.every_iteration and Mixed.every_iteration
    assert not Callback.every_iteration and not EarlyStopping.every_iteration


@ENGINES
def test_cycles_are_searched_for_while_a_callback_runs(backend: str) -> None:
    class Look(Callback):
        def on_iteration(self, run: Run) -> None:
            searching.add(gc.isenabled())

    def metric(predictions: Any, targets: Any) -> float:
        return float(gc.isenabled())

    def loss(prediction: Value, target: Any) -> Value:
        paused.add(not gc.isenabled())
        return mse_loss(prediction, target)  # type: ignore[no-any-return]

    searching, paused = set[bool](), set[bool]()
    assert gc.isenabled()
    history = fit(
        MLP(1, [1]), line(6), loss=loss, epochs=2, batch_size=3, metrics=[metric], callbacks=[Look()], backend=backend
    )
    assert searching == {True} and history["training metric"] == [1.0, 1.0] and gc.isenabled()
    assert backend != "eager" or True in paused, "while graphs are made it is paused"


@ENGINES
def test_early_stopping_restores_the_best(backend: str) -> None:
    kept: dict[int, dict[str, float]] = {}
    model, stopping = MLP(2, [24, 1], seed=0), EarlyStopping(patience=4)
    training, validation = moons(16, noise=0.4), moons(60, noise=0.4, seed=1)
    history = fit(
        model, training, lr=0.05, epochs=200, validation=validation, backend=backend,
        callbacks=[stopping, lambda run: kept.update({run.epoch: run.model.state_dict()})],
    )  # fmt: skip
    losses = history["validation loss"]
    assert len(losses) < 200 and stopping.best == min(losses)
    assert losses.index(min(losses)) + 1 == stopping.best_epoch == len(losses) - 4
    assert model.state_dict() == kept[stopping.best_epoch] != kept[len(losses)]
    assert history.stopped == "validation loss has not improved for 4 epochs"
    assert repr(history).count(f"epoch {stopping.best_epoch}") == 1, "what is restored is told once"


def test_early_stopping_restores_the_best_after_the_last_epoch_too() -> None:
    losses: list[float] = []
    kept: list[dict[str, float]] = []

    def look(run: Run) -> None:
        losses.append(run.history["loss"][-1])
        kept.append(run.model.state_dict())

    model = MLP(2, [8, 1], seed=0)
    fit(model, moons(20), optimizer="sgd", lr=4.0, epochs=7, batch_size=5, callbacks=[EarlyStopping(patience=9), look])
    assert losses.index(min(losses)) < 6, "the run must end on an epoch that is not its best"
    assert model.state_dict() == kept[losses.index(min(losses))]


def test_early_stopping_by_any_figure() -> None:
    stopping = EarlyStopping("validation accuracy", patience=2)
    data = blobs(30, noise=0.1)
    history = fit(MLP(2, [3]), data, lr=0.3, epochs=50, validation=data, callbacks=[stopping])
    assert stopping.best == 1.0 and len(history) == stopping.best_epoch + 2, "accuracy is better when higher"
    stopping = EarlyStopping("loss", patience=1, min_delta=1e9, restore_best=False)
    assert len(fit(MLP(2, [3]), data, epochs=9, callbacks=[stopping])) == 2
    with pytest.raises(KeyError, match="monitors 'validation loss', which is not measured; there is 'loss'"):
        fit(MLP(2, [3]), data, epochs=2, callbacks=[EarlyStopping("validation loss")])
    for wrong in (0, -1, 1.5, True):
        with pytest.raises((TypeError, ValueError), match="patience, a number of epochs, must be a whole number of at"):
            EarlyStopping(patience=wrong)  # type: ignore[arg-type]


# -------------------------------------------------------------------- numbers that are not finite


@ENGINES
def test_a_rate_too_high_is_told(backend: str) -> None:
    model, kept = MLP(1, [8, 1], seed=0), [dict[str, float]()]
    with pytest.raises(DivergenceError) as caught:
        fit(
            model, line(20), optimizer="sgd", lr=50.0, epochs=200, batch_size=5, backend=backend,
            callbacks=[_KeepLast(kept)],
        )  # fmt: skip
    error = caught.value
    assert len(error.history.iterations) == error.iteration - 1 and error.epoch == (error.iteration - 1) // 4 + 1
    assert f"epoch {error.epoch}, iteration {error.iteration}" in str(error)
    assert "the learning rate 50 is too high, the loss rose from" in error.causes[0] and "try lr=5" in error.causes[0]
    assert model.state_dict() == kept[0] and all(map(math.isfinite, kept[0].values()))


class _KeepLast(Callback):
    def __init__(self, kept: list[dict[str, float]]) -> None:
        self.kept = kept

    def on_iteration(self, run: Run) -> None:
        self.kept[0] = run.model.state_dict()


@ENGINES
def test_unscaled_data_are_told(backend: str) -> None:
    data = Dataset([[1e100], [2e100]], [1e90, 2e90], feature_names=("mass",), target_name="price")
    with pytest.raises(DivergenceError) as caught:
        fit(MLP(1, [1]), data, optimizer="sgd", lr=0.1, epochs=50, backend=backend)
    assert "the inputs are not scaled (mass reaches 2e+100); use data.standardize" in str(caught.value)
    assert "the targets are not scaled (price reaches 2e+90)" in str(caught.value)


@ENGINES
def test_a_domain_error_in_training_is_told(backend: str) -> None:
    def of_a_logarithm(prediction: Value, target: Any) -> Value:
        return (prediction + 0.5).log() * -1.0

    model = Parabola()
    data = Dataset([[0.0], [0.0], [0.0], [3.0]], [0.0] * 4)
    model.a.data = -1.0
    with pytest.raises(DivergenceError, match=r"epoch 1, iteration [1-4], .*log") as caught:
        fit(model, data, loss=of_a_logarithm, lr=1e-6, batch_size=1, backend=backend)
    assert "left its domain" in caught.value.causes[0]


@ENGINES
def test_figures_that_cannot_be_taken_are_told(backend: str) -> None:
    model, data = MLP(1, [1]), Dataset([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(DivergenceError, match=r"epoch 1, iteration 1,.* on the validation data.* had after this"):
        fit(model, data, epochs=2, validation=Dataset([[1e308], [1e308]], [-1e308, 0.0]), backend=backend)

    def ratio(predictions: Any, targets: Any) -> float:
        return math.nan

    with pytest.raises(ValueError, match="the metric 'ratio' gave nan for the training data; mend it"):
        fit(MLP(1, [1]), data, epochs=2, metrics=[ratio], backend=backend)


# -------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": len}, "fit trains an nn.Module, but got builtin_function_or_method"),
        ({"model": MLP(3, [1])}, "takes 3, but got 2 inputs"),
        ({"data": [[0.0, 1.0]]}, "expected a Dataset, got a list"),
        ({"loss": "mze"}, "there is no loss 'mze'; did you mean 'mse'"),
        ({"loss": "cross_entropy"}, "needs an output for each class, and the model has a single one"),
        ({"data": blobs(9)}, "tells two classes apart, and 'blobs' has 3"),
        ({"data": blobs(9), "model": MLP(2, [2])}, "'blobs' has 3 classes and the model 2 outputs"),
        ({"loss": "bce_with_logits", "model": MLP(2, [2])}, "needs a single output, and the model has 2"),
        ({"optimizer": "adamm"}, "there is no optimizer 'adamm'; did you mean 'adam'"),
        ({"optimizer": SGD([Parameter(1.0)], lr=0.1)}, "1 of the optimizer's 1 parameters are not the model's"),
        ({"lr": -1.0}, "the learning rate must be at least 0"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 2.0}, "epochs must be a whole number of at least 1, got 2.0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"batch_size": 99, "drop_last": True}, "drop_last leaves out the only batch"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"metrics": ["acuracy"]}, "there is no metric 'acuracy'; did you mean 'accuracy'"),
        ({"metrics": "accuracy"}, r"metrics is a list of names and functions; write \['accuracy'\]"),
        ({"validation": line(5)}, "the validation data has 1 features and the training data 2"),
        ({"validation": [1]}, "expected a Dataset, got a list"),
        ({"validation": Dataset([[1.0, 2.0]], [0], feature_names=("x2", "x1"))}, "has its columns in another order"),
        ({"validation": blobs(9)}, "the validation data has classes .* number them alike"),
        ({"validation": {"new": Dataset([[1.0, 2.0]], [0])}}, "the new data has classes"),
        ({"clip": 0.0}, "clip's norm is a bound above 0, but got 0.0"),
        ({"clip": "1"}, "clip's norm is '1' .str., not a number"),
        ({"checkpoint": True}, "a checkpoint is the path of a file, or a Checkpoint, but got True"),
        ({"backend": "numpi"}, "there is no backend 'numpi'; did you mean 'numpy'"),
        ({"callbacks": [3]}, "a callback is a Callback or a function, but got 3"),
        ({"callbacks": EarlyStopping()}, r"callbacks is a list; write callbacks=\["),
        ({"callbacks": print}, r"callbacks is a list; write callbacks=\["),
        ({"callbacks": [EarlyStopping]}, r"a callback is made from its class: write EarlyStopping\(\)"),
        ({"penalty": 0.1}, "penalty is a function, .* but got 0.1"),
        ({"loss": "mse", "model": MLP(2, [2])}, r"is one, and the model has 2; .*classes=\.\.\."),
    ],
)
def test_wrong_input_is_told_before_anything_is_trained(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"model": MLP(2, [1]), "data": moons(10), "epochs": 1, **change}
    model = arguments.pop("model")
    before = model.state_dict() if isinstance(model, Module) else None
    with pytest.raises((TypeError, ValueError), match=message):
        fit_anything(model, arguments.pop("data"), **arguments)
    assert before is None or model.state_dict() == before


def test_wrong_options_are_told() -> None:
    with pytest.raises(ValueError, match=r"clip's value is a bound above 0, but got -1\.0"):
        Clip(value=-1.0)
    with pytest.raises(ValueError, match="every, the epochs between checkpoints, must be a whole number of at least 1"):
        Checkpoint("run.json", every=0)


def test_an_optimizer_by_its_class() -> None:
    by_name, by_class = (
        fit(MLP(1, [1], seed=0), line(4), optimizer=optimizer, lr=0.1, epochs=2).losses for optimizer in ("sgd", SGD)
    )
    assert by_name == by_class


def test_a_rate_beside_an_optimizer_is_told() -> None:
    model = MLP(1, [1])
    with pytest.raises(ValueError, match=r"lr=0.5 was passed beside Adam\(2 parameters, lr=0.1"):
        fit(model, line(4), optimizer=Adam(model.parameters(), lr=0.1), lr=0.5)


# -------------------------------------------------------------------- the progress bar


def test_it_is_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micrograd_plus.train.progress.PATIENCE", 0.0)
    fit(MLP(1, [1]), line(10), epochs=3)
    assert capfd.readouterr() == ("", "")


def test_xor_is_learnt() -> None:
    model = MLP(2, [8, 1], activation="tanh", seed=0)
    assert fit(model, xor(), lr=0.05, epochs=200, metrics=["accuracy"])["training accuracy"][-1] == 1.0


def test_standardized_iris_is_learnt() -> None:
    training, test, _ = standardize(*split(iris(), seed=0))
    history = fit(MLP(4, [16, 3]), training, lr=0.01, epochs=30, validation=test)
    assert history["validation accuracy"][-1] >= 0.9
