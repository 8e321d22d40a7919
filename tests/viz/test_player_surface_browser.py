"""The surface player in a real browser: each control does what it says, and the table has Python's numbers."""

import re

import pytest

from micrograd_plus import Value
from micrograd_plus.data import line
from micrograd_plus.nn import SGD, Adam
from micrograd_plus.viz.player import SurfacePlayer
from tests.viz.browser import until, violations
from tests.viz.test_player_browser import EVIL, ground, where

pytestmark = pytest.mark.browser


def bowl(w1, w2):
    return 50 * w1**2 + 0.5 * w2**2


def ravine(**options):
    ws = [Value(-1.0, "w1"), Value(-8.0, "w2")]
    rules = SGD(ws, lr=0.0195), SGD(ws, lr=0.005, momentum=0.9), Adam(ws, lr=0.4)
    options = {"names": ["SGD", "momentum", "Adam"], "limits": [(-2.5, 2.5), (-9.0, 3.0)]} | options
    return SurfacePlayer(bowl, *rules, **options)


def stepped(make, start, steps):
    """Where an optimizer of Python is after some steps, with the loss and the gradient there."""
    ws = [Value(x) for x in start]
    optimizer = make(ws)
    for step in range(steps + 1):
        optimizer.zero_grad()
        loss = bowl(*ws)
        loss.backward()
        if step < steps:
            optimizer.step()
    return [loss.data, *(w.data for w in ws), *(w.grad for w in ws)]


def numbers(page, ball):
    """The numbers of a ball in the table, with all digits: loss, weights, gradient."""
    cells = page.locator(f"#table tbody tr:nth-child({ball}) td[title]")
    return [float(each) for each in cells.evaluate_all("cells => cells.map(each => each.title)")]


def start(page):
    return [float(each) for each in re.findall(r"= (\S+?),", page.get_attribute("#ring", "aria-valuetext"))]


def middle(page, selector):
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def card(page, ball):
    return page.locator(f".card:nth-child({ball})")


def test_the_table_has_python_s_numbers_at_each_step_and_the_balls_are_there(opened):
    makes = [lambda ws: SGD(ws, lr=0.0195), lambda ws: SGD(ws, lr=0.005, momentum=0.9), lambda ws: Adam(ws, lr=0.4)]
    with opened(ravine(), "#37", bypass_csp=True) as page:
        for ball, make in enumerate(makes, 1):
            assert numbers(page, ball) == pytest.approx(stepped(make, (-1.0, -8.0), 37), rel=1e-9, abs=1e-9)
            assert page.locator(f"#table tr:nth-child({ball}) td").first.text_content() == "37"
        assert page.locator("#map .trail").count() == 3
        page.click("#table tr:nth-child(3) button")
        assert page.text_content("#worked h2") == "Step 37 of Adam, by the rule of Adam"
        words = page.locator("#worked li").all_text_contents()
        assert len(words) == 12 and words[0].startswith("m = beta1 * m + (1 - beta1) * g = 0.9 * ")
        page.keyboard.press("ArrowRight")
        assert where(page) == 38 and page.text_content("#worked h2").startswith("Step 38")
        page.click("#first")
        assert page.text_content("#worked h2") == "Before the first step of Adam"
        page.select_option("#speed", "4")
        page.click("#play")
        until(lambda: where(page) >= 3)
        page.click("#play")
        at = where(page)
        assert numbers(page, 3) == pytest.approx(stepped(makes[2], (-1.0, -8.0), at), rel=1e-9, abs=1e-9)
        until(lambda: "Adam: w1 = " in page.text_content("#live"))
        assert violations(page) == []


def test_the_start_is_dragged_pressed_and_pushed_by_keys(opened):
    with opened(ravine(), "#20") as page:
        x, y = middle(page, "#ring")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y - 80, steps=4)
        page.mouse.up()
        until(lambda: start(page)[0] > -0.8 and start(page)[1] > -7.0)
        assert where(page) == 20, "the trails go along while the ring is dragged"
        place = start(page)
        until(
            lambda: (
                numbers(page, 1) == pytest.approx(stepped(lambda ws: SGD(ws, lr=0.0195), place, 20), rel=1e-9, abs=1e-9)
            )
        )
        assert middle(page, "#ring") == pytest.approx((x + 60, y - 80), abs=2)
        box = page.locator("#map .axis").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.25)
        until(lambda: start(page) == pytest.approx([1.5, 0.0], abs=0.05))
        assert where(page) == 0
        for key, moved in [
            ("ArrowRight", (0.125, 0)),
            ("ArrowDown", (0, -0.3)),
            ("Shift+ArrowLeft", (-0.0125, 0)),
            ("ArrowUp", (0, 0.3)),
        ]:
            before = start(page)
            page.keyboard.press(key)
            until(lambda before=before: start(page) != before)
            assert start(page) == pytest.approx([a + b for a, b in zip(before, moved)], abs=2e-3), key
            assert where(page) == 0, "arrow keys on the ring are not steps"
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        until(lambda: start(page)[0] == 2.5)
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        assert re.fullmatch(r"Here w1 = .*, w2 = .*, and the loss is .*\.", page.text_content("#point"))
        page.click("#back")
        until(lambda: start(page) == [-1.0, -8.0])


def test_a_finger_drags_the_ring(opened):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    with opened(ravine(), bypass_csp=True, **phone) as page:
        x, y = middle(page, "#ring")
        touch = page.context.new_cdp_session(page)
        for kind, points in [
            ("touchStart", [(x, y)]),
            ("touchMove", [(x + 30, y - 40)]),
            ("touchMove", [(x + 90, y - 120)]),
            ("touchEnd", []),
        ]:
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
        until(lambda: start(page)[0] > 0.0 and start(page)[1] > -6.0)
        box = page.locator("#map .axis").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.25)
        until(lambda: start(page) == pytest.approx([-1.5, 0.0], abs=0.05))
        assert page.evaluate("scrollY") == 0 and page.evaluate("document.documentElement.scrollWidth") == 390
        assert (
            page.locator("#map text").evaluate_all(
                "all => Math.min(...all.map(each => each.getBoundingClientRect().height))"
            )
            >= 12
        )
        assert violations(page) == []


def test_rates_and_options_are_changed_and_wrong_ones_told(opened):
    with opened(ravine(), "#10") as page:
        first, second = card(page, 1), card(page, 2)
        first.locator("[type=range]").fill("-2.3")
        rate = float(first.locator(".rate [type=number]").input_value())
        assert rate == pytest.approx(10**-2.3, rel=0.005)
        assert numbers(page, 1) == pytest.approx(stepped(lambda ws: SGD(ws, lr=rate), (-1.0, -8.0), 10), rel=1e-9)
        first.locator(".rate [type=number]").fill("0.01")
        assert numbers(page, 1) == pytest.approx(stepped(lambda ws: SGD(ws, lr=0.01), (-1.0, -8.0), 10), rel=1e-9)
        assert float(first.locator("[type=range]").input_value()) == pytest.approx(-2, abs=0.01)
        second.get_by_label("momentum", exact=True).fill("0.5")
        second.get_by_label("nesterov").check()
        expected = stepped(lambda ws: SGD(ws, lr=0.005, momentum=0.5, nesterov=True), (-1.0, -8.0), 10)
        assert numbers(page, 2) == pytest.approx(expected, rel=1e-9)
        third = card(page, 3)
        third.locator("summary").click()
        third.get_by_label("beta1").fill("1.5")
        assert "beta1 must be at least 0 and below 1" in third.text_content()
        assert numbers(page, 3) == pytest.approx(stepped(lambda ws: Adam(ws, lr=0.4), (-1.0, -8.0), 10), rel=1e-9)
        third.get_by_label("beta1").fill("0.5")
        assert numbers(page, 3) == pytest.approx(
            stepped(lambda ws: Adam(ws, lr=0.4, betas=(0.5, 0.999)), (-1.0, -8.0), 10), rel=1e-9
        )
        assert third.locator(".wrong:not(:empty)").count() == 0
        third.locator("select").select_option("adagrad")
        assert card(page, 3).locator("h2").text_content() == "Adagrad"
        page.click("#add")
        assert page.locator(".card").count() == page.locator("#table tbody tr").count() == 4
        card(page, 1).get_by_role("button", name="Take SGD away").click()
        assert page.locator(".card h2").all_text_contents() == ["momentum", "Adagrad", "Adagrad 2"]
        page.click("#back")
        assert page.locator(".card h2").all_text_contents() == ["SGD", "momentum", "Adam"] and where(page) == 0


def test_what_diverges_ends_in_words_and_what_is_outside_is_marked(opened):
    with opened(ravine(), "#99") as page:
        rate = card(page, 1).locator(".rate [type=number]")
        assert page.text_content("#told") == ""
        rate.fill("0.0203")
        until(
            lambda: (
                "SGD is outside the picture" in page.text_content("#told")
                or "SGD diverges" in page.text_content("#told")
            )
        )
        rate.fill("0.05")
        assert re.search(
            r"SGD diverges: after step 99 the loss is \S+e\+\d+, at w1 = .*A lower rate may help",
            page.text_content("#told"),
        )
        assert page.locator("#map .ball.outside").count() == 1
        rate.fill("100")
        assert re.search(
            r"SGD ends after step \d+, at w1 = .*the loss is inf there, for which the engine raises an error",
            page.text_content("#told"),
        )
        assert "nan" not in page.text_content("#map").lower()
        page.click("#smaller")
        assert page.locator("#map text").filter(has_text="-3").count() >= 1
        page.click("#larger")
        page.click("#larger")
        page.click("#theme")
        assert ground(page) == "#14171c"


def test_one_weight_is_a_curve_and_examples_have_batches(opened):
    w = Value(1.0, "w")
    with opened(SurfacePlayer(lambda w: (2 * w - 6) ** 2, SGD([w], lr=0.05), limits=[(-1.0, 7.0)]), "#3") as page:
        assert page.locator("#map .curve").count() == page.locator("#map .tangent").count() == 1
        assert numbers(page, 1)[1] == pytest.approx(3 - 2 * 0.6**3)
        page.focus("#ring")
        page.keyboard.press("ArrowUp")
        until(lambda: start(page) == [1.2])
        assert where(page) == 3
    ws = [Value(-1.0, "w"), Value(0.0, EVIL)]
    points = line(20, noise=0.5, seed=1)
    player = SurfacePlayer(
        lambda w, b, x, y: (w * x + b - y) ** 2, SGD(ws, lr=0.1), names=[EVIL], batch_sizes=[1],
        examples=[(x, y) for [x], y in points],
    )  # fmt: skip
    with opened(player, "#20") as page:
        alone = numbers(page, 1)
        assert "This step took 1 of 20 examples." in page.text_content("#worked")
        card(page, 1).get_by_label("examples a step").fill("20")
        assert numbers(page, 1) != alone and "examples" not in page.text_content("#worked")
        card(page, 1).get_by_label("examples a step").fill("21")
        assert "a step takes 1 to 20 examples" in card(page, 1).text_content()
        assert page.locator("img").count() == 0
