"""Explanations: the paths' products add up to the gradient, whatever the graph; and the words say what is so."""

import json
import math
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_plus import Value, dot, total
from micrograd_plus.calculus import grads
from micrograd_plus.explain import Paths, explain


@st.composite
def _graphs(draw):
    """A graph of up to a dozen operations in which nodes are used again, and one of its leaves."""
    nodes = [Value(x, name) for x, name in zip(draw(st.lists(st.floats(-2, 2), min_size=2, max_size=3)), "abc")]
    leaves = list(nodes)
    for _ in range(draw(st.integers(1, 12))):
        x, y = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        operation = draw(st.sampled_from(["+", "-", "*", "tanh", "relu", "dot"]))
        nodes.append({
            "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: (x * y).tanh(),
            "tanh": lambda x, y: x.tanh(), "relu": lambda x, y: x.relu(), "dot": lambda x, y: dot([x, y], [y, x], x),
        }[operation](x, y))  # fmt: skip
    return nodes[-1], draw(st.sampled_from(leaves))


def _walk(node, target):
    """All paths by plain recursion: the oracle."""
    if node is target:
        return [1.0]
    return [p * rest for child, p in zip(node.children, node.partials) for rest in _walk(child, target)]


@given(_graphs())
@settings(max_examples=80, deadline=None)
def test_paths_are_those_of_plain_recursion_and_add_up_to_the_gradient(case):
    output, leaf = case
    output.zero_grad()
    output.backward()
    expected = _walk(output, leaf) if leaf in grads(output) else []
    paths = Paths(output, leaf)
    found = [path.product for path in islice(paths, 500)]
    assert paths.count == len(expected)
    if len(expected) <= 500:
        assert sorted(found) == pytest.approx(sorted(expected))
        assert math.fsum(found) == pytest.approx(leaf.grad, rel=1e-9, abs=1e-9)
    sizes = [abs(size) for size in found]
    assert all(later <= earlier * (1 + 1e-9) + 1e-300 for earlier, later in pairwise(sizes))
    assert grads(output).get(leaf, 0.0) == leaf.grad
    told = explain(leaf, output, max_paths=5)
    assert told.paths.count == len(expected)
    assert told.paths.total == leaf.grad
    assert sum(use.contribution for use in told.paths.uses) == pytest.approx(leaf.grad) or told.paths.use_count > 20


def _neuron():
    x, w, b = Value(2.0, "x"), Value(-0.25, "w"), Value(0.125, "b")
    s = w * x + b
    s.label = "s"
    n = s.tanh()
    n.label = "n"
    loss = (n - 1) ** 2
    loss.label = "L"
    return w, s, n, loss


def test_the_chain_rule_of_one_node_in_symbols_and_numbers():
    _, s, n, loss = _neuron()
    loss.backward()
    text = str(n.explain())
    assert text.startswith("n = tanh(s) = tanh(-0.375) = -0.3584\n\nChain rule: dL/dn = -2.717 is passed on")
    assert "ds = 1 - n ** 2 = 1 - (-0.3584) ** 2 = 0.8716" in text
    assert "dL/ds += dL/dn * dn/ds = -2.717 * 0.8716 = -2.368" in text
    assert "called on" in text
    (edge,) = n.explain().operands
    assert (edge.local, edge.upstream, edge.contribution) == (n.partials[0], n.grad, s.grad)


def test_before_backward_the_symbols_stand_alone():
    _, _, n, _ = _neuron()
    text = str(n.explain())
    assert "backward() has not reached n" in text
    assert text.splitlines()[-1].endswith("dL/ds += dL/dn * dn/ds")
    assert n.explain().grad is None


def test_every_path_with_its_product_and_the_sum():
    a = Value(3.0, "a")
    y = a * a + a
    y.label = "y"
    y.backward()
    told = a.explain(y)
    assert [(path.names, path.product) for path in told.paths.listed] == [
        (("y", "v1", "a"), 3.0), (("y", "v1", "a"), 3.0), (("y", "a"), 1.0),
    ]  # fmt: skip
    text = str(told)
    assert "All 3 paths" in text
    assert "Sum over the paths: dy/da = 3 + 3 + 1 = 7." in text
    assert "∂y/∂a is the share of one use alone, dy/da the whole." in text
    assert "a.grad = 7, the same." in text


def test_an_operand_used_twice_gets_the_sum_of_its_contributions():
    a = Value(3.0, "a")
    y = a * a
    y.backward()
    assert "a is used 2 times here, and its contributions add up: 3 + 3 = 6." in str(y.explain())


def test_gradients_that_other_passes_left_are_told_apart():
    w, s, n, loss = _neuron()
    assert "w.grad is empty" in str(w.explain(loss))
    loss.backward()
    loss.backward()
    assert "is not this: leaves add up all backward passes until zero_grad()" in str(w.explain(loss))
    n.backward()
    assert "is not this: it is from another output" in str(s.explain(loss))
    assert explain(w, loss).grad == pytest.approx(w.grad / 2, rel=0.3)


def test_it_touches_no_grad():
    w, s, n, loss = _neuron()
    loss.backward()
    before = [node.grad for node in (w, s, n, loss)]
    w.explain(loss)
    s.explain()
    assert [node.grad for node in (w, s, n, loss)] == before


def test_numbers_changed_since_the_forward_pass_are_told():
    w, _, _, loss = _neuron()
    assert "changed since" not in str(w.explain(loss))
    w.data += 0.5
    assert "changed since the forward pass" in str(w.explain(loss))


def test_too_many_paths_are_counted_but_not_listed():
    a = Value(1.0, "a")
    v = a
    for _ in range(30):
        v = v + v * 0.5
    told = a.explain(v, max_paths=3)
    assert told.paths.count == 2**30
    assert [path.product for path in told.paths.listed] == [1.0, 0.5, 0.5]
    text = str(told)
    assert "The 3 largest of 1,073,741,824 paths" in text
    assert "These 3 add up to 2; all paths add up to dv60/da = 191751" in text
    assert told.paths.total == pytest.approx(1.5**30)
    for _ in range(1000):
        v = v + v
    assert "more than 1,000,000,000,000,000 paths" in str(a.explain(v, max_paths=1))


def test_a_deep_graph_is_explained_without_recursion():
    a = Value(1.0, "a")
    v = a
    for _ in range(5_000):
        v = v * 1.0
    told = a.explain(v)
    assert told.paths.count == 1
    assert len(str(told)) < 2000
    assert told.paths.total == 1.0


def test_large_nodes_and_much_used_ones_say_what_they_leave_out():
    leaves = [Value(float(i), f"a{i}") for i in range(50)]
    text = str(total(leaves).explain(max_operands=5))
    assert "… and 45 more operands." in text
    assert "a5" not in text
    a = leaves[1]
    assert "… and 48 more uses." in str(a.explain(total([a] * 50), max_operands=2))


def test_no_path_and_the_wrong_way_round():
    w, _, n, loss = _neuron()
    alien = Value(1.0, "alien")
    assert "No path leads from L to alien: d(L)/d(alien) = 0." in str(alien.explain(loss))
    assert "Ask n.explain(L)" not in str(alien.explain(loss))
    assert "It is the other way round: L is made from n. Ask n.explain(L)." in str(loss.explain(n))
    assert "L is the output itself: dL/dL = 1." in str(loss.explain(loss))
    assert "w is a leaf" in str(w.explain())
    assert str(w.explain()).startswith("w = -0.25 (input)")


def test_as_data_it_is_plain_json():
    w, _, _, loss = _neuron()
    loss.backward()
    data = json.loads(json.dumps(w.explain(loss).to_dict()))
    assert data["paths"]["listed"][0]["names"] == ["L", "v2", "n", "s", "v1", "w"]
    assert data["paths"]["total"] == data["grad"] == w.grad


def test_labels_are_shown_as_text_in_html():
    evil = Value(1.0, "</script><img src=x onerror=alert(1)>")
    y = evil * 2
    y.label = "<b>&"
    y.backward()
    html = evil.explain(y)._repr_html_()
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    bundle = evil.explain(y)._repr_mimebundle_()
    assert bundle["text/html"] == html
    assert bundle["text/plain"] == str(evil.explain(y))


@pytest.mark.parametrize("limit", ["max_paths", "max_operands", "digits"])
def test_limits_below_one_are_refused_by_name(limit):
    with pytest.raises(ValueError, match=limit):
        explain(Value(1.0), **{limit: 0})


def test_what_is_not_a_value_is_refused():
    with pytest.raises(TypeError, match="a Value as its output, but got float"):
        explain(Value(1.0), 2.0)
    with pytest.raises(TypeError, match="a Value as its node, but got str"):
        explain("w")


def test_a_node_used_twice_by_one_parent_is_written_with_shares_inside_a_path_too():
    a = Value(3.0, "a")
    s = a + a
    s.label = "s"
    y = s.exp()
    y.label = "y"
    explained = explain(a, y)
    assert [path.written for path in explained.paths.listed] == [("dy/ds", "∂s/∂a")] * 2
    assert "∂s/∂a is the share of one use alone, ds/da the whole." in explained.notes
