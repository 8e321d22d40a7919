"""Training in C does what the other backends do, to the last guard."""

from __future__ import annotations

import concurrent.futures
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_plus import compile
from micrograd_plus.compiler import CompileError
from micrograd_plus.data import Dataset, batch_indices, moons, xor
from micrograd_plus.functions import total
from micrograd_plus.nn import MLP, SGD, Adagrad, Adam, AdamW, Parameter, RMSprop, l2_penalty, mse_loss
from micrograd_plus.nn.schedules import StepDecay
from micrograd_plus.train import Callback, Checkpoint, Clip, DivergenceError, History, fit
from micrograd_plus.train.compiled import CompiledEngine
from micrograd_plus.train.engine import EagerEngine, NonFiniteError
from micrograd_plus.train.native import NativeEngine
from micrograd_plus.train.trainer import Trainer
from micrograd_plus.value import Value
from tests.train.test_compiled import CASES, run


@pytest.fixture(autouse=True, scope="module")
def one_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MICROGRAD_PLUS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("case", CASES)
def test_training_in_c_is_the_eager_one(case: str) -> None:
    eager, native = (run(engine, *CASES[case]) for engine in (EagerEngine, NativeEngine))
    for what, numbers in eager.items():
        np.testing.assert_allclose(native[what], numbers, rtol=1e-10, atol=1e-12, err_msg=what)


OPTIMIZERS = {
    "sgd": lambda ps: SGD(ps, 0.1),
    "momentum": lambda ps: SGD(ps, 0.05, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda ps: SGD(ps, 0.05, momentum=0.9, nesterov=True),
    "growing momentum": lambda ps: SGD(ps, 0.01, momentum=1.1),
    "rmsprop": lambda ps: RMSprop(ps, 0.01, momentum=0.5, centered=True, weight_decay=0.01),
    "adagrad": lambda ps: Adagrad(ps, 0.1, weight_decay=0.01),
    "adam": lambda ps: Adam(ps, 0.02, weight_decay=0.01),
    "adamw": lambda ps: AdamW(ps, StepDecay(0.05, 5, 0.5), betas=(0.8, 0.9)),
    "some": lambda ps: Adam(ps[3:7], 0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_steps_alike(name: str) -> None:
    results = []
    for engine_class in (EagerEngine, NativeEngine):
        model, data = MLP(2, [4, 1], activation="tanh", seed=0), moons(20)
        engine = engine_class(model, mse_loss, OPTIMIZERS[name](model.parameters()), clip_norm=0.7, clip_value=0.3)
        losses = [engine.step(data, rows) for epoch in (1, 2) for rows in batch_indices(20, 8, seed=0, epoch=epoch)]
        engine.sync()
        states = [number for state in engine.optimizer.state.values() for number in state]
        results.append([*losses, *model.state_dict().values(), *states, engine.optimizer.t])
    np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("data", [xor(), moons(50)], ids=["xor", "moons"])
def test_a_hundred_epochs_are_the_same_on_every_backend(data: Dataset) -> None:
    losses = []
    for backend in ("eager", "numpy", "c"):
        model = MLP(2, [6, 1], activation="tanh", seed=3)
        losses.append(fit(model, data, loss="mse", epochs=100, batch_size=16, backend=backend, progress=False).losses)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-9, atol=1e-12)


class Watching(Callback):
    def on_iteration(self, run: Any) -> None:
        self.last = run.loss


@pytest.mark.parametrize("batch_size", [1, 7, 20])
def test_a_callback_at_each_iteration_changes_no_bit(batch_size: int) -> None:
    results = []
    for callbacks in ([], [Watching()]):
        model = MLP(2, [5, 1], activation="tanh", dropout=0.3, seed=2)
        options: dict[str, Any] = {"epochs": 3, "batch_size": batch_size, "backend": "c", "progress": False}
        history = fit(model, moons(40), callbacks=callbacks, clip=Clip(norm=1.0, value=0.5), **options)
        results.append((history.losses, history["loss"], history.rates, model.state_dict()))
    assert results[0] == results[1]


def test_weighted_rows_are_trained_an_epoch_in_a_call() -> None:
    """As every other backend does, and a callback at each iteration changes no bit."""
    weights = [float(i % 3) for i in range(40)]
    results = []
    for backend, callbacks in (("eager", []), ("c", []), ("c", [Watching()])):
        model = MLP(2, [5, 1], activation="tanh", dropout=0.3, seed=2)
        history = fit(
            model, moons(40), epochs=3, batch_size=7, backend=backend, callbacks=callbacks, sample_weights=weights,
            class_weights={0: 2.0}, progress=False,
        )  # fmt: skip
        results.append([*history.losses, *history["loss"], *model.state_dict().values()])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    assert results[1] == results[2]


def test_draws_are_the_same_masks_on_every_backend() -> None:
    results = []
    for backend in ("eager", "numpy", "c"):
        model = MLP(2, [8, 8, 1], activation="tanh", dropout=0.4, seed=5)
        history = fit(model, moons(30), epochs=4, batch_size=8, backend=backend, progress=False)
        results.append(
            [*history.losses, *model.state_dict().values(), *(rng.random() for _, rng in model.generators())]
        )
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-9)


# -------------------------------------------------------------------- the guards


def diverging(backend: str, callbacks: Any = ()) -> tuple[DivergenceError, dict[str, float]]:
    model = MLP(1, [3, 1], activation="relu", seed=0)
    data = Dataset([[float(i)] for i in range(1, 20)], [2.0 * i for i in range(1, 20)])
    with pytest.raises(DivergenceError) as raised:
        fit(model, data, optimizer="sgd", lr=10.0, loss="mse", epochs=50, batch_size=4, backend=backend,
            progress=False, callbacks=callbacks)  # fmt: skip
    return raised.value, model.state_dict()


def test_divergence_is_told_as_by_numpy() -> None:
    (numpy, before), (native, kept), (watched, _) = (
        diverging("numpy"), diverging("c"), diverging("c", [Watching()])
    )  # fmt: skip
    assert (native.epoch, native.iteration) == (numpy.epoch, numpy.iteration) == (watched.epoch, watched.iteration)
    assert str(native).split(": ")[1][:30] == str(numpy).split(": ")[1][:30]
    np.testing.assert_allclose(native.history.losses, numpy.history.losses, rtol=1e-6)
    np.testing.assert_allclose([*kept.values()], [*before.values()], rtol=1e-6)


@pytest.mark.parametrize(("large", "rate"), [(1e100, 1e200), (3.0, 1e308)])
def test_a_step_that_is_not_finite_changes_nothing(large: float, rate: float) -> None:
    model = MLP(1, [1], seed=0)
    optimizer = SGD(model.parameters(), lr=rate, momentum=0.9)
    engine = NativeEngine(model, mse_loss, optimizer)
    data = Dataset([[large]], [100.0])
    before = model.state_dict(), optimizer.state_dict()
    with pytest.raises(NonFiniteError, match=r"takes layers.0.neurons.0.* to -?(inf|nan), from"):
        for _ in range(3):
            engine.step(data)
            engine.sync()
            before = model.state_dict(), optimizer.state_dict()
    engine.sync()
    assert (model.state_dict(), optimizer.state_dict()) == before


def test_an_operation_outside_of_its_domain_is_the_eager_engines_error() -> None:
    x, w = Value(1.0, "x"), Parameter(1.0, "w")
    for output, batch in (((w * x).log(), [2.0, -1.0]), ((w * x * 400.0).exp(), [1.0, 2.0]), (1 / (w * x), [1.0, 0.0])):
        program = compile(output, inputs=[x], parameters=[w])
        native = compile(output, inputs=[x], parameters=[w], backend="c")
        told = []
        for each in (program, native):
            with pytest.raises((ArithmeticError, ValueError), match="example 1 of the batch") as raised:
                each(batch)
            told.append((type(raised.value), str(raised.value)))
        assert told[0] == told[1]


def test_what_is_infinite_in_a_branch_that_is_not_taken_is_no_error() -> None:
    x, w = Value(0.5, "x"), Parameter(1.0, "w")
    output = total([(w * x).asin(), (w * x).sigmoid()])
    program, native = (compile(output, inputs=[x], parameters=[w], backend=each) for each in ("numpy", "c"))  # type: ignore[call-overload]
    np.testing.assert_allclose(native([0.5, 1.0]), program([0.5, 1.0]), rtol=1e-14)


def test_inputs_are_checked_as_in_numpy() -> None:
    x, w = Value(0.5, "x"), Parameter(1.0, "w")
    native = compile(w * x, inputs=[x], parameters=[w], backend="c")
    with pytest.raises(ValueError, match="x of example 1 is nan"):
        native([1.0, float("nan")])
    with pytest.raises(ValueError, match="takes 1 inputs"):
        native([1.0], [2.0])


def test_other_names_are_refused() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match="there is no backend 'cc'"):
        compile(x, inputs=[x], backend="cc")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="there is no dtype 'float16'"):
        compile(x, inputs=[x], backend="c", dtype="float16")  # type: ignore[call-overload]


# -------------------------------------------------------------------- programs


def test_a_program_gives_what_its_twin_in_numpy_gives() -> None:
    model = MLP(3, [7, 2], activation="gelu", dropout=0.2, seed=1)
    batch = np.random.default_rng(0).normal(size=(300, 3))
    programs = []
    for backend in ("numpy", "c"):
        function = compile(lambda x: [*model(x)], parameters=model.parameters(), backend=backend)  # type: ignore[call-overload]
        programs.append(function)
    for size in (1, 2, 8, 9, 300):
        for _, rng in model.generators():
            rng.seed(size)
        first = [programs[0](batch[:size]), programs[0].gradients(batch[:size], of=1, inputs=True)]
        for _, rng in model.generators():
            rng.seed(size)
        second = [programs[1](batch[:size]), programs[1].gradients(batch[:size], of=1, inputs=True)]
        np.testing.assert_allclose(second[0], first[0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(second[1].parameters, first[1].parameters, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(second[1].inputs[0], first[1].inputs[0], rtol=1e-11, atol=1e-14)


def test_a_trainer_goes_on_over_programs_of_several_lengths() -> None:
    def loss(row: Any) -> Value:
        return (total([w * x for w, x in zip(table, row)]) - 1) ** 2

    results = []
    for backend in ("numpy", "c"):
        table = [Parameter(0.1 * i, f"w{i}") for i in range(3)]
        trainer = Trainer(compile(loss, parameters=table, backend=backend), Adam(table, lr=0.1))  # type: ignore[call-overload]
        rows = [[0.5, 1.0], [0.25, -1.0, 2.0], [1.0, 1.0], [0.5, 0.5, 0.5]]
        losses = [trainer.step([row]) for row in rows]
        trainer.sync()
        results.append([*losses, *(w.data for w in table), *(w.grad for w in table)])
    np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-15)


def test_two_runs_of_one_program_do_not_meet() -> None:
    def trainers(count: int) -> list[Trainer]:
        table = [Parameter(0.1 * i, f"w{i}") for i in range(3)]
        inputs = [Value(0.5, f"x{i}") for i in range(3)]
        output = (total([w * x for w, x in zip(table, inputs)]).tanh() - 1) ** 2
        program = compile(output, inputs=[inputs], parameters=table, backend="c")
        return [Trainer(program, Adam(table, lr=0.1)) for _ in range(count)]

    batch = [[0.5, 1.0, -1.0], [0.25, 0.0, 2.0]]
    (alone,) = trainers(1)
    losses = [alone.step(batch) for _ in range(6)]
    first, second = trainers(2)
    for i, loss in enumerate(losses):
        assert first.step(batch) == loss
        if i % 2:
            assert second.step(batch) == losses[i // 2]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        run = lambda trainer: [trainer.step(batch) for _ in range(6)]  # noqa: E731
        assert [*pool.map(run, trainers(2))] == [losses, losses]


def test_threads_with_programs_of_their_own_are_right() -> None:
    def train(seed: int) -> list[float]:
        model = MLP(2, [6, 1], activation="tanh", seed=seed)
        return fit(model, moons(30), loss="mse", epochs=30, batch_size=8, backend="c", progress=False).losses

    alone = [train(seed) for seed in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [*pool.map(train, range(4))] == alone


def test_threads_with_one_program_are_right() -> None:
    model = MLP(2, [6, 1], activation="tanh", seed=0)
    program = compile(lambda x: model(x), parameters=model.parameters(), backend="c", example=([0.0, 0.0],))
    batches = [np.random.default_rng(seed).normal(size=(20 + seed, 2)) for seed in range(8)]
    alone = [program(batch).tolist() for batch in batches]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [each.tolist() for each in pool.map(program, batches)] == alone


# -------------------------------------------------------------------- the audit, checkpoints, narrow numbers


def test_the_audit_looks_at_the_library_itself() -> None:
    model, data = MLP(2, [4, 1], seed=0), moons(20)
    engine = NativeEngine(model, mse_loss, SGD(model.parameters(), lr=0.1))
    engine.prepare(data)
    engine.step(data)
    engine.audit(data, at_once=True)
    engine.step(data)
    libraries = [each.library for kept in engine.state._libraries.values() for each in kept.values()]
    assert libraries
    for library in libraries:
        whole = library.gradients
        library.gradients = lambda run, whole=whole, library=library: (whole(run), library.d_shared.__iadd__(0.1))[0]
    with pytest.raises(ArithmeticError, match="a gradient is"):
        engine.audit(data, at_once=True)


@pytest.mark.parametrize(("backend", "dtype"), [("c", "float64"), ("c", "float32"), ("numpy", "float32")])
def test_a_resumed_run_goes_on_bit_for_bit(backend: str, dtype: str, tmp_path: Path) -> None:
    def run_to(epochs: int, path: Path, resume: bool) -> tuple[list[float], dict[str, float]]:
        model = MLP(2, [5, 1], activation="tanh", dropout=0.2, seed=1)
        checkpoint = Checkpoint(path, resume=resume)
        history = fit(
            model, moons(40), epochs=epochs, batch_size=7, backend=backend, dtype=dtype, checkpoint=checkpoint,
            progress=False,
        )  # fmt: skip
        return history.losses, model.state_dict()

    whole = run_to(6, tmp_path / "whole.json", False)
    run_to(3, tmp_path / "parts.json", False)
    assert run_to(6, tmp_path / "parts.json", True) == whole


def test_penalties_and_regions_for_all_examples_are_trained_alike() -> None:
    results = []
    for engine_class in (EagerEngine, NativeEngine):
        model, data = MLP(2, [4, 1], activation="tanh", seed=0), moons(20)
        penalty = lambda ws: l2_penalty(ws, 0.05) + (ws[0] * ws[1]).exp() * 0.01  # noqa: E731
        engine = engine_class(model, mse_loss, Adam(model.parameters(), lr=0.1), penalty=penalty)
        losses = [engine.step(data) for _ in range(5)]
        engine.sync()
        results.append([*losses, *model.state_dict().values()])
    np.testing.assert_allclose(*results, rtol=1e-11)


BACKENDS = pytest.mark.parametrize("backend", ["numpy", "c"])


@BACKENDS
def test_narrow_numbers_are_right_to_their_digits(backend: str) -> None:
    model, data = MLP(2, [8, 1], activation="tanh", seed=0), moons(40)
    function = lambda x, y: mse_loss(model(x), y)  # noqa: E731
    programs = [
        compile(function, parameters=model.parameters(), backend=backend, dtype=dtype, example=(data.inputs[0], 1.0))  # type: ignore[call-overload]
        for dtype in ("float64", "float32")
    ]
    wide, narrow = (each.gradients(data.inputs, data.targets) for each in programs)
    np.testing.assert_allclose(narrow.values, wide.values, atol=1e-5 * max(1.0, wide.values.max()))
    np.testing.assert_allclose(narrow.parameters, wide.parameters, atol=1e-5)
    assert not np.array_equal(narrow.values, wide.values)
    assert narrow.values.dtype == narrow.parameters.dtype == np.float64


@BACKENDS
def test_what_is_too_large_for_32_bits_is_told(backend: str) -> None:
    x, w = Value(1.0, "x"), Parameter(1.0, "w")
    program = compile((w * x * 10).exp(), inputs=[x], parameters=[w], backend=backend, dtype="float32")  # type: ignore[call-overload]
    assert program([1.0])[0] == pytest.approx(np.exp(10.0), rel=1e-6)
    cases = [([1.0, 10.0], FloatingPointError, "a exp is 2.688e+43"), ([1e300], ValueError, "an entry of x is 1e+300")]
    for batch, kind, told in cases:
        with pytest.raises(kind, match=f"{re.escape(told)}, too large for 32 bits; use dtype='float64'"):
            program(batch)
    w.data = 1e39
    with pytest.raises(ValueError, match=r"a parameter is 1e\+39, too large for 32 bits"):
        program([1.0])


@BACKENDS
def test_narrow_training_is_near_the_wide_one_and_says_so(backend: str) -> None:
    found = []
    for dtype in ("float64", "float32"):
        model = MLP(2, [8, 1], activation="tanh", seed=0)
        history = fit(
            model, moons(60), loss="mse", epochs=10, batch_size=16, backend=backend, dtype=dtype,
            progress=False)  # fmt: skip
        assert history.backend == History.from_dict(history.to_dict()).backend == f"{backend}, {dtype}"
        found.append(history.losses)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    assert found[0] != found[1]
    with pytest.raises(ValueError, match="dtype='float32' needs backend='numpy' or backend='c'"):
        fit(MLP(2, [1]), moons(10), backend="eager", dtype="float32", progress=False)


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("name", ["adam", "rmsprop", "momentum"])
def test_narrow_optimizers_step_alike(name: str, group: bool) -> None:
    """In NumPy and in C, clipped, with dropout: as the eager engine does, to the digits that there are."""
    results = []
    for engine_class, width in ((EagerEngine, {}), (CompiledEngine, NARROW), (NativeEngine, NARROW)):
        model, data = MLP(2, [4, 1], activation="tanh", dropout=0.2, seed=0), moons(20)
        parameters = model.parameters()
        groups = [{"params": parameters[:3], "lr": 0.002}, {"params": parameters[3:]}]
        optimizer = OPTIMIZERS[name](groups if group else parameters)
        engine = engine_class(model, mse_loss, optimizer, clip_norm=0.7, **width)  # type: ignore[arg-type]
        losses = [engine.step(data, rows) for epoch in (1, 2) for rows in batch_indices(20, 8, seed=0, epoch=epoch)]
        engine.sync()
        results.append([*losses, *model.state_dict().values()])
    np.testing.assert_allclose(results[1], results[0], atol=1e-5)
    np.testing.assert_allclose(results[2], results[0], atol=1e-5)
    assert all(number == np.float32(number) for found in results[1:] for number in found[6:])


NARROW = {"dtype": "float32"}


def test_a_model_that_can_not_be_compiled_runs_in_64_bits_and_says_so() -> None:
    with pytest.warns(UserWarning, match="runs as it stands in 64 bits, not in float32"):
        history = fit(_Looking(), moons(10), dtype="float32", epochs=1, progress=False)
    assert history.backend == "eager, float64"


def test_a_resume_on_another_width_says_so(tmp_path: Path) -> None:
    options: dict[str, Any] = {"backend": "c", "progress": False, "loss": "mse"}
    path = tmp_path / "run.json"
    fit(MLP(2, [3, 1], seed=0), moons(20), epochs=2, checkpoint=path, **options)
    with pytest.warns(UserWarning, match="a run on c, float64, and goes on on c, float32"):
        fit(MLP(2, [3, 1], seed=0), moons(20), epochs=3, dtype="float32", checkpoint=Checkpoint(path, resume=True),
            **options)  # fmt: skip


def test_a_graph_that_c_would_take_minutes_over_runs_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micrograd_plus.compiler.frontend.MOST_RUNGS", 100)
    x = y = Value(0.5, "x")
    for i in range(700):
        y = (y * 1.01 + i % 3).tanh() if i % 2 else y - x * 0.5
    with pytest.warns(UserWarning, match=r"irregular, of [\d,]+ operations: .*frontend\.MOST_RUNGS = \d+") as told:
        program = compile(y, inputs=[x], backend="c")
    assert program.backend == "numpy"
    assert program([0.5])[0] == pytest.approx(y.data)
    most = int(str(told[0].message).rpartition(" = ")[2])
    monkeypatch.setattr("micrograd_plus.compiler.frontend.MOST_RUNGS", most)  # as the warning says
    assert compile(y, inputs=[x], backend="c").backend == "c"


def test_a_model_that_looks_at_its_numbers_is_told() -> None:
    with pytest.raises(CompileError, match="backend 'c' can't run this model"):
        fit(_Looking(), moons(10), backend="c", progress=False)


class _Looking(MLP):
    def __init__(self) -> None:
        super().__init__(2, [1], seed=0)

    def forward(self, x: Any) -> Any:
        y = super().forward(x)
        return y if y > 0 else y * 0.1
