"""A recorder films a run as it was, and the training player's page holds the film."""

import base64
import struct
import zlib
from itertools import pairwise

import pytest

from micrograd_plus import data, nn
from micrograd_plus.train import EarlyStopping, fit
from micrograd_plus.train.metrics import class_of
from micrograd_plus.viz.player import Recorder, TrainingPlayer


def film(dataset, sizes, recorder, **options):
    options = {"epochs": 6, "batch_size": 4, "progress": False, "backend": "eager", "lr": 0.1} | options
    model = nn.MLP(dataset.width, sizes, activation="tanh", seed=1)
    return model, fit(model, dataset, callbacks=[recorder], **options)


def unpacked(text, kind):
    raw = zlib.decompress(base64.b64decode(text))
    return struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw)


def test_a_film_begins_before_the_first_update_and_ends_with_the_model():
    recorder = Recorder(every=4)
    start = nn.MLP(2, [3, 1], activation="tanh", seed=1).state_dict()
    model, history = film(data.moons(10), [3, 1], recorder)
    assert len(history.iterations) == 18
    assert [frame.iteration for frame in recorder.frames] == [0, 4, 8, 12, 16, 18]
    assert dict(zip(recorder.names, recorder.frames[0].parameters)) == start
    assert dict(zip(recorder.names, recorder.frames[-1].parameters)) == model.state_dict()


@pytest.mark.parametrize("epochs", [1, 7, 40])
def test_a_film_thins_itself_out_evenly(epochs):
    recorder = Recorder(frames=10)
    _, history = film(data.moons(10), [1], recorder, epochs=epochs)
    times = [frame.iteration for frame in recorder.frames]
    assert times[0] == 0 and times[-1] == len(history.iterations) and len(times) <= 11
    gaps = [b - a for a, b in pairwise(times)]
    assert len(set(gaps[:-1])) <= 1 and gaps[-1] <= max(gaps)
    assert len(times) >= min(5, len(history.iterations))


def test_a_recorder_changes_nothing_about_the_run():
    filmed, history = film(data.moons(20), [3, 1], Recorder())
    plain = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    again = fit(plain, data.moons(20), epochs=6, batch_size=4, progress=False, backend="eager", lr=0.1)
    assert filmed.state_dict() == plain.state_dict() and history.losses == again.losses


def test_predictions_are_the_engines_own_and_the_model_is_left_as_it_was():
    recorder = Recorder(every=6)
    model, _ = film(data.moons(10), [3, 1], recorder)
    before = model.state_dict()
    films = recorder.predictions([[0.5, 0.5]])
    assert model.state_dict() == before
    assert films[-1] == [model([0.5, 0.5]).data]
    assert len({frame[0] for frame in films}) == len(recorder.frames)


def test_rewinding_goes_back_to_a_frame_from_which_another_run_can_fork():
    recorder = Recorder(every=5)
    model, _ = film(data.moons(10), [3, 1], recorder)
    frame = recorder.rewind(12)
    assert frame.iteration == 10 and list(frame.parameters) == [each.data for each in model.parameters()]
    fork = Recorder(every=5)
    fit(model, data.moons(10), epochs=2, batch_size=4, lr=0.5, callbacks=[fork], progress=False, backend="eager")
    assert fork.frames[0].parameters == frame.parameters
    with pytest.raises(ValueError, match="no frame at or before iteration -1; the first is 0"):
        recorder.rewind(-1)


def test_a_film_of_an_early_stop_ends_with_what_was_restored():
    recorder = Recorder()
    model = nn.MLP(2, [3, 1], seed=0)
    stopping = EarlyStopping("loss", patience=1, min_delta=10.0)
    fit(model, data.moons(12), epochs=5, lr=0.1, callbacks=[stopping, recorder], progress=False, backend="eager")
    assert recorder.frames[-1].parameters == tuple(each.data for each in model.parameters())


def test_wrong_recorders_are_told_apart():
    with pytest.raises(ValueError, match="no film to play"):
        TrainingPlayer()
    with pytest.raises(TypeError, match="needs Recorders, but got History"):
        TrainingPlayer(film(data.xor(), [1], Recorder())[1])
    with pytest.raises(ValueError, match="no frames yet"):
        TrainingPlayer(Recorder())
    recorder = Recorder()
    film(data.xor(), [1], recorder)
    with pytest.raises(ValueError, match="1 films but 2 names"):
        TrainingPlayer(recorder, names=["a", "b"])
    with pytest.raises(ValueError, match=r"takes \d+ MB, and a page plays 40 MB at most; record fewer frames"):
        TrainingPlayer(recorder, resolution=4000)
    with pytest.raises(ValueError, match="at least 1"):
        Recorder(every=0)


def test_the_page_holds_each_frame_s_weights_and_classes():
    recorder = Recorder(every=9)
    film(data.moons(10), [3, 1], recorder)
    run = recorder.player(resolution=12).data()["runs"][0]
    weights = [each / 32767 * run["largest"] for each in unpacked(run["weights"], "h")]
    exact = [number for frame in recorder.frames for number in frame.parameters]
    assert weights == pytest.approx(exact, abs=run["largest"] / 60000)
    codes = unpacked(run["plane"]["cells"], "B")
    (left, right), (bottom, top) = run["plane"]["ranges"]
    step = [(right - left) / 11, (top - bottom) / 11]
    cells = [[left + i * step[0], top - j * step[1]] for j in range(12) for i in range(12)]
    said = [class_of(each) for frame in recorder.predictions(cells) for each in frame]
    assert [code >> 4 for code in codes] == said
    assert run["layers"] == [
        {"name": "layers.0", "rows": [[0, 1], [3, 4], [6, 7]], "biases": [2, 5, 8]},
        {"name": "layers.1", "rows": [[9, 10, 11]], "biases": [12]},
    ]


def test_the_loss_printed_beside_a_frame_is_that_of_its_batch():
    recorder = Recorder(every=4)
    _, history = film(data.moons(10), [3, 1], recorder, validation=data.moons(6, seed=3))
    run = recorder.player(resolution=8).data()["runs"][0]
    assert run["frames"][0] == [0, 0, "", {}]
    epoch, iteration, loss, figures = run["frames"][2]
    assert (epoch, iteration) == (3, 8) and float(loss) == pytest.approx(history.losses[7], rel=1e-3)
    assert float(figures["validation loss"]) == pytest.approx(history["validation loss"][1], rel=1e-3)
    assert run["times"][2] == pytest.approx(2 + 2 / 3, abs=1e-5)
    assert set(run["losses"]) == {"loss of each batch", "loss", "validation loss"}


def test_a_film_of_one_input_shows_the_fit_and_of_many_only_the_weights():
    recorder = Recorder(every=50)
    model, _ = film(data.line(20), [2, 1], recorder, epochs=30)
    run = recorder.player().data()["runs"][0]
    low, high = run["fit"]["ranges"][1]
    curve = unpacked(run["fit"]["curves"], "h")[-run["fit"]["count"] :]
    assert low + curve[0] / 32767 * (high - low) == pytest.approx(model([run["fit"]["ranges"][0][0]]).data, abs=1e-3)
    wide = Recorder()
    film(data.iris(), [3], wide, epochs=1, batch_size=50)
    run = wide.player().data()["runs"][0]
    assert run["plane"] is None and run["fit"] is None


def test_a_model_without_neurons_is_shown_by_its_parameters():
    class Parabola(nn.Module):
        def __init__(self):
            self.curve = [nn.Parameter(0.1), nn.Parameter(0.2)]
            self.offset = nn.Parameter(0.0)

        def forward(self, inputs):
            return self.curve[0] * inputs[0] ** 2 + self.curve[1] * inputs[0] + self.offset

    recorder = Recorder()
    fit(Parabola(), data.line(8), epochs=1, callbacks=[recorder], progress=False, backend="eager")
    layers = recorder.player().data()["runs"][0]["layers"]
    assert [place for layer in layers for row in layer["rows"] for place in row] == [0, 1, 2]
    assert all(layer["biases"] == [-1] for layer in layers)
