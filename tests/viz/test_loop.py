"""The picture and the account of the training loop come from the run itself."""

import re

import pytest

from micrograd_plus import data, nn
from micrograd_plus.train import fit
from micrograd_plus.viz.loop import TrainingLoop


def ran(samples, batch_size, epochs=2, loop=None, **options):
    loop = loop or TrainingLoop()
    history = fit(
        nn.MLP(1, [1], seed=0), data.line(samples), epochs=epochs, batch_size=batch_size, callbacks=[loop],
        progress=False, backend="eager", **options,
    )  # fmt: skip
    return loop, history


def test_it_writes_down_each_iteration_of_the_run():
    loop, history = ran(10, 4)
    assert [(each.epoch, each.iteration, each.loss) for each in loop.iterations] == [
        (each.epoch, each.iteration, each.loss) for each in history.iterations
    ]
    for epoch in loop.epochs():
        assert sorted(row for each in epoch for row in each.rows) == list(range(10))
        assert [len(each.rows) for each in epoch] == [4, 4, 2]


def test_the_account_shows_the_remainder_and_what_is_left_out():
    assert str(ran(100, 32)[0]).startswith("100 samples in batches of 32: 4 updates an epoch, since 100 / 32 = 3.125\n")
    account = str(ran(100, 32, drop_last=True)[0])
    assert "3 updates an epoch" in account and "once, but for 4 left out" in account
    assert "99 of 1" not in str(ran(100, 1)[0]) and "100 of 1" in str(ran(100, 1)[0])


def test_a_long_account_is_abridged_and_begins_anew_with_each_run():
    loop, _ = ran(4, 2, epochs=30)
    lines = str(loop).splitlines()
    assert len(lines) == 4 + 12 and lines[-2].split()[0] == "…" and lines[-1].split()[0] == "30"
    ran(4, 4, epochs=1, loop=loop)
    assert len(loop.iterations) == 1


def test_the_picture_holds_the_run_s_own_counters_and_samples():
    loop, history = ran(10, 4)
    svg = loop.svg()
    words = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert [word for word in words if word.startswith("update")] == [f"update {i}" for i in (4, 5, 6, 1, 2, 3)]
    assert words.count("forward × 4") == words.count("backward × 4") == 4
    assert f"mean loss {history.losses[0]:.4g}" in words
    first = [int(word) for word in words if word.isdigit()]
    assert sorted(first) == sorted(2 * list(range(10)))
    assert svg == loop.svg()


def test_of_many_batches_and_epochs_it_draws_some_and_says_so():
    loop, _ = ran(100, 10, epochs=7, loop=TrainingLoop(epochs=1, batches=3))
    svg = loop.svg()
    assert "… 7 more" in svg and "… and 6 more epochs: 70 updates in all" in svg and "Iteration 4" not in svg
    assert "and 76 more" in ran(100, 100)[0].svg()


def test_before_a_run_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="no loop to draw yet"):
        TrainingLoop().svg()
    assert "no iteration yet" in TrainingLoop()._repr_mimebundle_()["text/plain"]
    with pytest.raises(ValueError, match=r"saved as \.svg"):
        ran(4, 2)[0].save(tmp_path / "loop.gif")
    with pytest.raises(ValueError, match="at least 1"):
        TrainingLoop(epochs=0)
    assert ran(4, 2)[0].save(tmp_path / "loop.svg").read_text().startswith("<svg")
    assert ran(4, 2)[0].save(tmp_path / "loop.png").read_bytes().startswith(b"\x89PNG")
