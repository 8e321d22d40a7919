"""The step player's log is the engine's own pass, and its page holds all it needs."""

import base64
import hashlib
import json
import math
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, dot, nn
from micrograd_plus.nn.optim import OPTIMIZERS
from micrograd_plus.value import UNSEEN, topological_order
from micrograd_plus.viz.player import StepPlayer
from micrograd_plus.viz.player.steps import StepLog


def neuron():
    x, w, b = Value(2.0, "x"), Value(0.5, "w"), Value(-1.5, "b")
    s = w * x + b
    s.label = "s"
    n = s.tanh()
    n.label = "n"
    return n, (x, w, b, s)


@st.composite
def graphs(draw):
    """A graph of a few leaves and operations in which nodes are used again and again."""
    nodes = [Value(draw(st.floats(-2, 2)), f"x{i}") for i in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 8))):
        a, b = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes))
        nodes.append(draw(st.sampled_from([a + b, a * b, a - 2.5 * b, a.tanh(), dot([a, b], [b, a], 0.5)])))
    return nodes[-1]


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_the_log_ends_with_the_gradients_of_the_engine_to_the_bit(root):
    log = StepLog(root)
    assert all(node.grad is UNSEEN for node in log.order)
    root.backward()
    read = [node for node in log.order if node.op.name != "constant"]
    assert [log.grads[log.place[node]] for node in read] == [node.grad for node in read]
    assert [step.node for step in log.steps if step.kind == "forward"] == [
        place for place, node in enumerate(topological_order(root)) if node.children
    ]


def test_each_backward_step_goes_on_from_the_one_before():
    a = Value(3.0, "a")
    log = StepLog(a * a + a)
    into_a = [step for step in log.steps if step.kind == "backward" and log.order[step.child] is a]
    assert [(step.before, step.upstream * step.partial, step.after) for step in into_a] == [
        (0.0, 1.0, 1.0),
        (1.0, 3.0, 4.0),
        (4.0, 3.0, 7.0),
    ]


def test_constants_and_dropout_masks_take_no_steps():
    model = nn.Sequential(nn.Layer(1, 2, seed=0), nn.Dropout(0.5, seed=1), nn.Layer(2, 1, seed=0))
    root = (model([Value(1.0, "x")]) - 3.0) ** 2
    log = StepLog(root)
    reached = {log.order[step.child].op.name for step in log.steps if step.kind == "backward"}
    assert "bernoulli" in {node.op.name for node in log.order}
    assert not reached & {"bernoulli", "constant"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_step_shows_where_the_optimizer_then_goes(name):
    n, (_, w, b, _) = neuron()
    optimizer = OPTIMIZERS[name]([w, b, Value(1.0, "elsewhere")], lr=0.1)
    log = StepLog(n, optimizer=optimizer)
    assert (optimizer.t, w.data, b.data) == (0, 0.5, -1.5)
    updates = log.steps[log.update :]
    assert [log.order[step.node] for step in updates] == [w, b]
    n.backward()
    optimizer.step()
    assert [step.after for step in updates] == [w.data, b.data]


def test_wrong_roots_are_told_what_to_play():
    with pytest.raises(ValueError, match="given, not computed"):
        Value(1.0, "x").steps()
    with pytest.raises(TypeError, match="needs a Value, but got float"):
        StepPlayer(1.0)
    total = Value(0.0, "x")
    for _ in range(600):
        total = total + 1
    with pytest.raises(ValueError, match=r"1,201 nodes.*1,000 at most; play one example"):
        total.steps()


def test_the_page_is_the_same_bytes_each_time_and_touches_no_gradient():
    n, (x, *_) = neuron()
    assert n.steps().html() == n.steps().html()
    assert x.grad is UNSEEN
    empty = n.steps().html()
    n.backward()
    assert script_data(n.steps().html()) == script_data(empty)


def script_data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_the_page_allows_its_own_script_and_nothing_from_anywhere():
    page = neuron()[0].steps().html()
    script = re.search(r"<script>(.*?)</script>", page, re.S)[1]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none';") and policy.endswith(f"script-src 'sha256-{digest}'")
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|@import|url\(", page)


EVIL = '</script><img src=x onerror="alert(1)">'


def test_the_page_has_the_numbers_that_were_there_when_it_was_made():
    n, (_, w, b, _) = neuron()
    player = n.steps(optimizer=nn.Adam([w, b], lr=0.1))
    before = player.data()
    n.backward()
    player._optimizer.step()
    assert player.data() == before


def test_labels_stay_text():
    evil = Value(1.0, EVIL)
    root = (evil * 2).exp()
    root.label = "]]>-->${title} \u2028"
    page = root.steps(title=EVIL).html()
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert script_data(page)["nodes"][0]["name"] == EVIL


def test_the_data_leads_to_every_part_of_the_drawing():
    n, _ = neuron()
    page = n.steps().html()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for place, node in enumerate(script_data(page)["nodes"]):
        named = {f"n{place}", f"n{place}-data", f"n{place}-grad"}
        if children := node.get("children"):
            named |= {f"o{place}", f"r{place}", *(f"e{place}-{i}" for i in range(len(children)))}
        assert named <= set(ids)


def test_saving_writes_one_page_and_refuses_another_suffix(tmp_path):
    n, _ = neuron()
    path = n.steps(title="A neuron").save(tmp_path / "neuron.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ValueError, match=r"saved as \.html"):
        n.steps().save(tmp_path / "neuron.svg")


def test_a_notebook_shows_the_page_in_a_frame_and_never_a_traceback():
    n, _ = neuron()
    player = n.steps()
    shown = player._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe srcdoc=") and 'sandbox="allow-scripts"' in shown["text/html"]
    assert shown["text/plain"] == repr(player) == "<StepPlayer: 6 nodes, 9 steps>"
    broken = n.steps(engine="/no/such/engine")._repr_mimebundle_()
    assert list(broken) == ["text/plain"] and "no layout engine" in broken["text/plain"]


def weighted_sum(terms):
    root = Value(0.0, "x0") * Value(0.5, "w0")
    for i in range(1, terms):
        root = root + Value(0.1 * i, f"x{i}") * Value(0.5, f"w{i}")
    return root.tanh()


def test_a_page_of_100_nodes_is_light():
    player = weighted_sum(25).steps()
    assert len(player.log.order) == 100
    assert len(player.html()) < 160_000


@pytest.mark.slow
def test_a_page_of_700_nodes_stays_below_a_megabyte():
    player = weighted_sum(175).steps()
    assert len(player.log.order) == 700
    assert len(player.html()) < 1_048_576


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_the_ways_to_a_node_add_up_to_its_gradient(root):
    log = StepLog(root)
    for place, ways in log.paths(6, 12).items():
        assert math.fsum(product for _, product in ways) == pytest.approx(log.grads[place], rel=1e-9, abs=1e-9)
        for way, product in ways:
            assert log.steps[way[0]].node == len(log.order) - 1 and log.steps[way[-1]].child == place
            assert math.prod(log.steps[at].partial for at in way) == pytest.approx(product)
            assert all(log.steps[a].child == log.steps[b].node for a, b in pairwise(way))


def test_nodes_with_more_or_longer_ways_are_left_out():
    a = Value(1.01, "a")
    root = a
    for _ in range(5):
        root = root * root  # 32 ways to a
    log = StepLog(root)
    assert {len(ways) for ways in log.paths(6, 12).values()} == {2, 4}
    assert max(map(len, log.paths(100, 12).values())) == 32
    assert all(len(way) <= 2 for ways in log.paths(100, 2).values() for way, _ in ways)


def test_short_names_stand_in_the_words_as_in_the_boxes():
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    player = model([1.0, -1.0]).steps()
    nodes = script_data(player.html())["nodes"]
    assert {"weights.0", "bias"} <= {node.get("short") for node in nodes}
    drawn = re.sub(r"<[^>]+>", " ", player.parts()["svg"])
    assert all(node.get("short", node["name"]) in drawn for node in nodes)


def test_grains_stop_where_a_neuron_or_a_layer_ends():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    player = ((model([1.0, -1.0]) - 1) ** 2).steps()
    log, (every, neurons, layers) = player.log, script_data(player.html())["grains"]
    assert [every["name"], neurons["name"], layers["name"]] == ["one +=", "one neuron", "one layer"]
    assert every["stops"] == []
    # the start, 3 and 1 neurons, a difference and its square; the seed, and the same way back
    assert (len(neurons["stops"]), len(layers["stops"])) == (1 + 6 + 1 + 6, 1 + 4 + 1 + 4)
    assert set(layers["stops"]) < set(neurons["stops"])
    assert layers["stops"][-1] == len(log.steps) - 1
    n, _ = neuron()
    assert [each["name"] for each in script_data(n.steps().html())["grains"]] == ["one +=", "one operation"]
