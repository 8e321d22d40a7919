"""Numbers changed on the step player's page: every control, and what the engine finds for the same numbers."""

from __future__ import annotations

import pytest

from micrograd_plus import Value, nn, operation, select
from micrograd_plus.errors import DomainError
from micrograd_plus.nn import SGD, Adam
from micrograd_plus.value import leaf
from micrograd_plus.words import number
from tests.viz.browser import neuron, until
from tests.viz.test_player_browser import cell, where

pytestmark = pytest.mark.browser


def words(page):
    return page.text_content("#worked")


def numbers(page, player):
    """What every box shows, as the drawing has it now."""
    return [page.locator(f"#n{place} text").all_text_contents() for place in range(len(player.log.order))]


def test_a_leaf_is_typed_dragged_and_put_back_while_the_step_stays(opened):
    loss, (x, w, b) = neuron()
    player = loss.steps(optimizer=SGD([w, b], lr=0.5))
    place, root = player.log.place, len(player.log.order) - 1
    at = player.log.update - 1  # the last gradient has come
    with opened(player, f"#{at}") as page:
        before, line = numbers(page, player), page.text_content("#worked .line")
        assert page.input_value("#leaf") == str(place[w]) and page.input_value("#typed") == "0.5"
        assert page.get_attribute("#back", "aria-disabled") == "true"
        page.fill("#typed", "1.25")
        assert where(page) == at and page.input_value("#scrub") == "1.25"
        other, (_, changed, _) = neuron(w=1.25)
        other.backward()
        assert cell(page, f"n{root}-data") == number(other.data)
        assert float(cell(page, f"n{place[w]}-grad")) == pytest.approx(changed.grad, rel=1e-3)
        assert page.text_content("#worked .line") != line and words(page).startswith("Backward: ")
        page.click("#all summary")
        page.wait_for_selector("#all li")
        assert f"L = v4 + v6 = {number(other.children[0].data)} + " in page.text_content("#all ol")
        page.focus("#scrub")
        page.keyboard.press("ArrowLeft")
        assert page.input_value("#typed") == "1.24" == cell(page, f"n{place[w]}-data") and where(page) == at
        until(lambda: "1.24 * 2" in page.text_content("#all ol"))
        page.click("#all summary")
        page.select_option("#leaf", label="x")
        page.fill("#typed", "−0,5")  # as it is written in print, and elsewhere
        assert cell(page, f"n{place[x]}-data") == "-0.5"
        page.fill("#typed", "two")
        page.keyboard.press("Enter")
        assert "x is a number, such as 0.5" in page.text_content("#worked .trouble")
        page.select_option("#leaf", label="0.1")
        page.fill("#typed", "3")
        assert page.text_content("#leaf option:checked") == "3" and ["3"] in numbers(page, player)
        page.keyboard.press("Tab")
        page.click(f"#n{place[b]} > text")
        assert words(page).startswith("Where b came from") and page.input_value("#leaf") == str(place[b])
        box = page.locator(f"#n{place[b]}").bounding_box()
        page.mouse.move(box["x"] + 10, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 30, box["y"] + 10, steps=3)
        page.mouse.up()
        assert cell(page, f"n{place[b]}-data") == "-1.25" and words(page).startswith("Backward: ")  # 10 steps of 1/40
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.click("#back")
        assert numbers(page, player) == before and page.text_content("#worked .line") == line
        assert page.get_attribute("#back", "aria-disabled") == "true" and where(page) == at


def test_numbers_that_an_operation_refuses_are_told_in_the_engines_words(opened):
    x, y = Value(0.5, "x"), Value(2.0, "y")
    player = (x.log() / y).steps()
    last = len(player.log.steps) - 1
    with opened(player, f"#{last}") as page:
        before = numbers(page, player)
        broken = [
            ("x", "-1", lambda: Value(-1.0, "x").log()),
            ("y", "0", lambda: Value(-0.693147, "v1") / Value(0.0, "y")),
        ]
        for name, typed, refused in broken:
            page.select_option("#leaf", label=name)
            page.fill("#typed", typed)
            with pytest.raises((DomainError, ZeroDivisionError)) as error:
                refused()
            assert page.text_content("#worked .trouble") == f"{error.value}. Everything is left as it was."
            assert page.get_attribute("#typed", "aria-invalid") == "true" and numbers(page, player) == before
            assert page.text_content("#live") == str(error.value)
        page.fill("#typed", "4")
        assert page.locator(".trouble").count() == 0 and page.get_attribute("#typed", "aria-invalid") is None
        assert cell(page, "n3-data") == number(x.log().data / 4) and where(page) == last


def test_an_index_is_whole_and_a_mask_is_dropped_or_kept(opened):
    from random import Random

    a, b, i = Value(2.0, "a"), Value(5.0, "b"), Value(0.0, "i")
    mask = leaf(2.0, operation.Bernoulli(0.5, 2.0, Random(0)), "mask")
    player = (select(i, [a, b]) * mask).steps()
    root = len(player.log.order) - 1
    with opened(player, f"#{len(player.log.steps) - 1}") as page:
        page.select_option("#leaf", label="i")
        page.fill("#scrub", "1")
        assert cell(page, f"n{root}-data") == "10" and cell(page, f"n{player.log.place[a]}-grad") == "0"
        page.fill("#typed", "0.5")
        assert "i is a whole number from 0 to 1" in page.text_content(".trouble")
        page.select_option("#leaf", label="mask")
        page.focus("#scrub")
        page.keyboard.press("ArrowLeft")
        assert cell(page, f"n{root}-data") == "0"
        page.fill("#typed", "1")
        assert "mask is 0 (dropped) or 2 (kept)" in page.text_content(".trouble")


def test_passes_go_on_the_loss_falls_and_all_comes_back(opened):
    loss, (_, w, b) = neuron()
    player = loss.steps(optimizer=Adam([w, b], lr=0.1))
    place, last = player.log.place, len(player.log.steps) - 1
    losses, weights = trained(13)
    with opened(player, f"#{last}") as page:
        before = numbers(page, player)
        assert page.text_content("#losses") == f"Pass 1: L {losses[0]}"
        assert "m_hat = m / (1 - beta1 ** t) = " in words(page)
        page.click("#next")
        assert (
            page.text_content("#where") == f"Pass 2, step 0 of {last}" and cell(page, f"n{place[w]}-data") == weights[1]
        )
        assert page.text_content("#losses") == f"Pass 2: L {losses[0]}"  # the next one is still to come
        assert words(page).startswith("Pass 2: the weights hold what the update left.")
        page.click("#last")
        assert page.text_content("#losses") == f"Pass 2: L {losses[0]} → {losses[1]}"
        page.click("#pass")
        assert where(page) == 3 and page.text_content("#where").endswith(f"step {last} of {last}")
        page.click("#passes")
        assert page.text_content("#losses") == f"Pass 13: L {losses[11]} → {losses[12]}"
        assert losses[1] in page.get_attribute("#losses", "title")
        page.click(f"#n{place[w]} > text")
        assert f"w = {weights[12]}, as the update left it" in words(page)
        page.click("#first")
        page.click("#previous")
        assert page.text_content("#where") == f"Pass 12, step {last} of {last}"
        page.click("#back")
        assert numbers(page, player) == before and page.text_content("#losses") == f"Pass 1: L {losses[0]}"
        page.select_option("#rule", label="SGD with momentum")
        assert page.input_value("#rate") == "0.001" and "buf = g if t == 1" in words(page)
        page.fill("#rate", "0.5")
        page.keyboard.press("Enter")
        assert "step = lr * buf = 0.5 * " in words(page) and where(page) == last
        page.fill("#rate", "-1")
        page.keyboard.press("Enter")
        assert "the learning rate must be at least 0" in page.text_content(".trouble")
        page.fill("#rate", "1e308")
        page.keyboard.press("Enter")
        page.click("#pass")
        trouble = page.text_content(".trouble")
        assert "step 1 takes" in trouble or "beyond the largest float" in trouble
        assert page.text_content("#where").startswith("Step ")
        page.click("#back")
        assert page.input_value("#rule") == "0" and page.input_value("#rate") == "0.1"
        page.focus("#canvas")
        page.keyboard.press("ArrowRight")
        assert page.text_content("#where").startswith("Pass 2, step 0")
        page.keyboard.press("ArrowLeft")
        assert where(page) == last and page.text_content("#where").startswith("Step ")


def trained(count):
    """The losses and the weights of a twin, as a page writes them."""
    x, w, b = Value(2.0), Value(0.5), Value(-1.5)
    optimizer, losses, weights = Adam([w, b], lr=0.1), [], []
    for _ in range(count):
        loss = ((w * x + b).tanh() - 1) ** 2 + 0.1 * w * w
        losses.append(number(loss.data))
        weights.append(number(w.data))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses, weights


def test_predicting_goes_by_the_changed_numbers(opened):
    loss, _ = neuron()
    player = loss.steps()
    with opened(player) as page:
        page.fill("#typed", "3")  # x, the first leaf
        name = page.text_content("#leaf option:checked")
        page.click("#predict")
        page.click("#next")
        other, _ = neuron(**{name: 3.0})
        first = other.children[0].children[0].children[0].children[0].children[0]
        page.fill("#worked input", str(first.data * 1.04))
        page.keyboard.press("Enter")
        assert f": near. It is {number(first.data)}." in page.text_content(".verdict")
        assert page.text_content("#worked .line").endswith(f"= {number(first.data)}")


def test_boxes_are_reached_and_pressed_by_keys(opened):
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    player = model([0.5, -1.0]).steps()
    order = player.log.order
    with opened(player) as page:
        focus = lambda: page.evaluate("document.activeElement.id")  # noqa: E731
        assert page.locator("#canvas [tabindex='0']").count() == 1
        page.keyboard.press("n")
        assert focus() == "n0"
        page.keyboard.press("Shift+N")
        assert focus() == f"n{len(order) - 1}"
        page.keyboard.press("Shift+N")
        page.keyboard.press("Enter")
        assert words(page).startswith(f"Where {player.log.short[order[-2]]} came from")
        page.keyboard.press("ArrowRight")
        assert where(page) == 1
        titles = page.locator("#canvas g > title").all_text_contents()
        assert "layers.0.neurons.0.weights.0" in titles


def test_a_graph_that_hangs_on_an_exception_is_only_looked_at(opened):
    from micrograd_plus.calculus import gradients

    x, k = Value(0.0, "x"), Value(2.0, "k")
    player = (gradients(x**k, k) + k * x).steps(optimizer=SGD([k]))
    with opened(player) as page:
        assert not page.locator("#change").is_visible() and "can't be changed" in words(page)
        page.click("#last")
        assert page.get_attribute("#next", "aria-disabled") == "true" and "Update: k by SGD" in words(page)
