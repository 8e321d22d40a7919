"""The playground in a real browser: each control once, with what it changes in sight; and what must not go wrong."""

import json
import re

import pytest

from micrograd_plus import data, nn
from micrograd_plus.viz.live import playground
from tests.viz.browser import until, violations

pytestmark = pytest.mark.browser

# The middle of the weight from the first input to the first neuron of the first layer.
MIDDLE = """() => {
  const [from, , to] = [...document.querySelectorAll(".neuron")].map((each) => each.getBoundingClientRect());
  return [(from.right + to.left) / 2, (from.top + from.bottom + to.top + to.bottom) / 4];
}"""


def iteration(page):
    words = page.text_content("#where")
    return 0 if words == "before the first iteration" else int(re.search(r"iteration (\d+)", words)[1])


def picture(page, selector):
    return page.evaluate("selector => document.querySelector(selector).toDataURL()", selector)


def choose(page, name, value):
    page.check(f"input[name={name}][value='{value}']", force=True)


def config(page):
    return json.loads(page.evaluate("JSON.stringify(slot().run.config)"))


def changes(page, selector, action):
    """Whether an action changes a picture or a text within some seconds."""
    is_picture = page.locator(selector).first.evaluate("each => each.tagName") == "CANVAS"
    look = lambda: picture(page, selector) if is_picture else page.text_content(selector)  # noqa: E731
    before = look()
    action()
    until(lambda: look() != before)


def test_the_player_plays_pauses_steps_rewinds_and_tells_where_it_is(opened):
    with opened(playground()) as page:
        assert iteration(page) == 0
        before = picture(page, "#plane"), picture(page, ".neuron.unit canvas"), picture(page, "#network > canvas")
        for press, expected in [
            ("#next", 1),
            ("#next", 2),
            ("#previous", 1),
            ("#epoch", 5),
            ("#epoch", 10),
            ("#first", 0),
            ("#last", 10),
        ]:
            page.click(press)
            until(lambda expected=expected: iteration(page) == expected)
        assert "epoch 2 · batch 5 of 5" in page.text_content("#where")
        until(lambda: page.text_content("#live").startswith("Epoch 2, batch 5 of 5, iteration 10. Training loss 0."))
        after = picture(page, "#plane"), picture(page, ".neuron.unit canvas"), picture(page, "#network > canvas")
        assert all(a != b for a, b in zip(before, after))
        page.locator("body").press("Home")
        until(lambda: iteration(page) == 0 and picture(page, "#plane") == before[0])
        for key, expected in [("ArrowRight", 1), ("PageDown", 5), ("ArrowLeft", 4), ("PageUp", 0), ("End", 10)]:
            page.keyboard.press(key)
            until(lambda expected=expected: iteration(page) == expected)
        page.fill("#slider", "7")
        until(lambda: iteration(page) == 7)
        assert page.get_attribute("#slider", "aria-valuetext") == "iteration 7 of 10"
        chart = page.locator("#curves").bounding_box()
        page.mouse.click(chart["x"] + chart["width"] - 12, chart["y"] + 60)
        until(lambda: iteration(page) == 10)
        page.select_option("#speed", "300")
        page.locator("#plane").focus()
        page.keyboard.press("Space")
        until(lambda: iteration(page) > 40)
        page.click("#play")
        assert page.get_attribute("#play", "aria-label") == "Play"
        until(lambda: re.fullmatch(r"[\d.]+ ms an iteration · [\d.]+ of 16.7 ms a frame", page.text_content("#times")))
        paused = iteration(page)
        page.wait_for_timeout(300)
        assert iteration(page) == paused
        changes(page, "#curves", lambda: page.check("#log"))
        page.click("#noisy summary")
        until(lambda: "away from the full gradient" in page.get_attribute("#needles", "aria-label"))


def test_every_setting_is_taken_and_seen(opened):
    with opened(playground()) as page:
        for name in ("xor", "circles", "spirals", "blobs", "moons"):
            changes(page, "#plane", lambda name=name: choose(page, "set", name))
            assert config(page)["data"]["name"] == name
        for control, value, seen in [("noise", "0.3", "0.3"), ("points", "100", "100"), ("share", "0.5", "50 %")]:
            changes(page, "#plane", lambda control=control, value=value: page.fill(f"#{control}", value))
            assert page.text_content(f"output[for={control}]") == seen
        assert page.text_content("#batch-of") == "of 50 rows"
        changes(page, "#plane", lambda: page.click("#reseed"))
        page.fill("#seed", "7")
        changes(page, "#plane", lambda: page.press("#seed", "Enter"))
        assert config(page)["seed"] == 7

        changes(page, "#neurons", lambda: page.click("#more-layers"))
        page.click("[data-resize='2 -1']")
        assert page.evaluate("document.activeElement.dataset.resize") == "2 -1"  # where the hand was
        page.keyboard.press("Enter")
        assert config(page)["model"]["hidden"] == [8, 6, 8] and page.locator(".neuron").count() == 2 + 22 + 1
        page.click("[data-resize='1 1']")
        page.click("#fewer-layers")
        assert config(page)["model"]["hidden"] == [9, 6]
        changes(page, ".neuron.unit canvas", lambda: page.select_option("#activation", "relu"))
        page.click("#losses summary")
        changes(page, "#figures tbody", lambda: page.select_option("#loss-name", "hinge"))

        page.click("#next")
        page.fill("#rate-slider", "10")
        assert page.input_value("#rate") == str(config(page)["optimizer"]["lr"]) == "0.02"
        page.fill("#rate", "0.25")
        page.press("#rate", "Enter")
        assert config(page)["optimizer"]["lr"] == 0.25 and iteration(page) == 1  # it holds from here on
        page.select_option("#optimizer", "sgd")
        page.click("#options summary")
        page.fill("#option-momentum", "0.9")
        page.check("#option-nesterov")
        page.click("#against summary")
        page.fill("#decay", "4")
        assert config(page)["optimizer"] == {"name": "sgd", "lr": 0.25, "options": {
            "momentum": 0.9, "dampening": 0, "nesterov": True, "weight_decay": 0.001}}  # fmt: skip
        page.fill("#dropout", "0.5")
        page.click("#next")
        until(lambda: 0 < page.locator(".neuron.dropped").count() < 15)
        for value, size in [("1", 1), ("0", 0), ("some", 25)]:
            choose(page, "batch", value)
            assert config(page)["batchSize"] == size
        page.fill("#batch-size", "10")
        page.press("#batch-size", "Enter")
        page.click("#epoch")
        until(lambda: "batch 5 of 5" in page.text_content("#where"))

        page.fill("#option-momentum", "0")  # refused, in the engine's words, and taken back
        page.press("#option-momentum", "Enter")
        until(lambda: page.text_content("#stopped").startswith("Nesterov needs momentum above 0"))
        page.locator("body").click(position={"x": 600, "y": 20})
        assert config(page)["optimizer"]["options"]["momentum"] == 0.9


def test_the_program_in_python_gives_the_numbers_of_the_page(opened):
    with opened(playground()) as page:
        choose(page, "set", "circles")
        page.click("#against summary")
        page.fill("#dropout", "0.2")
        page.select_option("#optimizer", "sgd")
        page.click("#options summary")
        page.fill("#option-momentum", "0.5")
        page.press("#option-momentum", "Enter")
        page.fill("#batch-size", "50")
        page.press("#batch-size", "Enter")
        page.click("#epoch")
        page.click("#epoch")
        page.click("#python summary")
        until(lambda: "epochs=2" in page.text_content("#python pre"))
        losses = page.evaluate("slot().run.history.losses")
        program = page.text_content("#python pre")
        page.fill("#rate", "0.5")
        page.press("#rate", "Enter")
        until(lambda: page.text_content("#python pre").startswith("Settings were changed on the way"))
    found = {}
    exec(program, found)
    assert [each.loss for each in found["history"].iterations] == pytest.approx(losses, rel=1e-9) and len(losses) == 8


def test_a_weight_and_a_neuron_tell_their_numbers_and_their_last_step(opened):
    with opened(playground()) as page:
        assert "blue where its number is above zero" in page.text_content("#inspector")
        page.click("#epoch")
        page.locator(".neuron.output").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        until(lambda: page.locator("#inspector tbody tr").count() == 9)
        assert page.locator("#inspector figure canvas").count() == 1
        page.locator("#inspector tbody button").first.click()
        until(lambda: page.locator("#inspector .rule li").count() == 6)
        told = page.evaluate(
            "({ ...slot().run.explain(picked.parameter), now: slot().run.parameters[picked.parameter] })"
        )
        words = page.text_content("#inspector")
        assert (
            told["name"] in words
            and "m_hat = m / (1 - beta1 ** t)" in words
            and "by adam with lr = 0.03, t = 5" in words
        )
        assert told["after"] == told["now"] and repr(told["after"]) in words  # with all of its digits
        box = page.locator("#network").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 20)
        spot = page.evaluate(MIDDLE)
        page.mouse.move(*spot)
        until(lambda: page.locator("#tip").is_visible())
        assert re.fullmatch(r"weight -?[\d.e-]+", page.text_content("#tip"))
        page.mouse.click(*spot)
        until(lambda: "the weight from x1 to layers.0.neurons.0" in page.text_content("#inspector"))
        page.locator("#plane").hover()
        until(
            lambda: re.match(r"At x1 = .*, x2 = .* it says “(upper|lower)”, \d+ % sure", page.text_content("#readout"))
        )
        until(lambda: page.locator(".neuron.output .said").is_visible())


def test_a_fork_is_a_run_beside_the_first_with_settings_of_its_own(opened):
    with opened(playground()) as page:
        page.click("#epoch")
        alone = picture(page, "#plane")
        page.click("#fork")
        until(lambda: page.locator("#figures tbody tr").count() == 2)
        page.fill("#rate", "0.3")
        page.press("#rate", "Enter")
        page.click("#epoch")
        until(lambda: iteration(page) == 10)
        assert [page.evaluate(f"slots[{i}].run.config.optimizer.lr") for i in (0, 1)] == [0.03, 0.3]
        a, b = page.locator("#figures tbody tr").all_text_contents()
        assert a != b.replace("B", "A") and picture(page, "#plane") != alone
        assert page.evaluate(
            "slots[0].run.history.losses.slice(0, 5).join() === slots[1].run.history.losses.slice(0, 5).join()"
        )
        changes(page, "#network > canvas", lambda: choose(page, "run", "A"))
        assert page.input_value("#rate") == "0.03"
        choose(page, "run", "B")
        page.click("#close")
        until(lambda: page.locator("#figures tbody tr").count() == 1)
        assert page.input_value("#rate") == "0.3" and page.locator("#fork").is_visible()


def test_points_put_by_hand_are_trained_on_and_numbers_that_overflow_stop_it_with_words(opened):
    with opened(playground()) as page:
        choose(page, "set", "points")
        until(lambda: page.text_content("#stopped").startswith("Points of at least two classes are needed"))
        page.click("#play")
        assert page.get_attribute("#play", "aria-label") == "Play"
        for kind, places in enumerate([[(80, 60), (90, 90)], [(250, 200), (230, 220)]]):
            choose(page, "pen", kind)
            for x, y in places:
                page.click("#plane", position={"x": x, "y": y})
        page.keyboard.press("ArrowUp")  # the press has left the keys in the plane
        page.keyboard.press("Enter")
        until(lambda: page.text_content("#stopped") == "")
        assert config(page)["data"]["targets"] == [0, 0, 1, 1, 1]
        page.click("#undo")
        page.select_option("#activation", "relu")
        page.click("#next")
        until(lambda: iteration(page) == 1)
        assert len(config(page)["data"]["inputs"]) == 4
        page.select_option("#optimizer", "sgd")
        page.fill("#rate", "1e300")
        page.press("#rate", "Enter")
        page.click("#play")
        until(lambda: page.text_content("#stopped").startswith("Training stopped in epoch "))
        until(lambda: page.get_attribute("#play", "aria-label") == "Play")
        assert "lower the learning rate" in page.text_content("#stopped")
        page.click("#clear")
        until(lambda: page.text_content("#stopped").startswith("Points of at least two classes are needed"))


def test_the_learners_own_model_trains_and_keeps_its_shape(opened):
    shown = playground(nn.MLP(2, [3, 1], activation="sigmoid", seed=2), data.moons(40))
    with opened(shown) as page:
        assert (
            page.input_value("#model") == "own"
            and page.locator("#depth").is_hidden()
            and page.is_disabled("#activation")
        )
        changes(page, "#plane", lambda: page.click("#epoch"))
        changes(page, "#neurons", lambda: page.select_option("#model", "mlp"))
        assert config(page)["model"] == {"kind": "mlp", "hidden": [3], "activation": "sigmoid", "dropout": 0}
    with opened(playground(None, data.iris())) as page:  # four features: no plane, all else
        page.click("#epoch")
        until(lambda: iteration(page) == 4)
        assert page.locator("#plane-panel").is_hidden() and "accuracy" in page.text_content("#figures")
    with opened(playground(nn.MLP(1, [3, 1], seed=2), data.line(20))) as page:  # one: the fit
        changes(page, "#plane", lambda: page.click("#epoch"))
        assert "mean error" in page.text_content("#figures")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, scheme):
    with opened(playground(), color_scheme=scheme) as page:
        page.click("#epoch")
        page.click("#fork")
        page.locator(".neuron.output").click()
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert violations(page) == []
        changes(page, "#plane", lambda: page.click("#theme"))


@pytest.mark.parametrize("width, height", [(390, 844), (844, 390), (640, 400)])
def test_small_windows_show_boundary_network_and_player_and_scroll_one_way(opened, width, height):
    with opened(
        playground(), viewport={"width": width, "height": height}, has_touch=True, reduced_motion="reduce"
    ) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        bar = page.locator("footer").bounding_box()
        assert bar["y"] + bar["height"] <= height + 1 and bar["height"] < height / 3
        for part in ("#plane", "#network", "#sets"):
            assert page.locator(part).bounding_box()["y"] < bar["y"] - 60, part
        for button in page.locator("footer button, header button:visible, .head button").all():
            box = button.bounding_box()
            assert box["width"] >= 24 and box["height"] >= 24 and 0 <= box["x"] <= width - box["width"]
        page.tap("#play")
        until(lambda: iteration(page) > 3)
        page.tap("#play")
        page.locator(".neuron.output").tap()
        until(lambda: "an output" in page.text_content("#inspector"))
        sizes = page.evaluate(
            "[...document.querySelectorAll('body *')].filter((each) => each.offsetParent && each.textContent.trim())"
            ".map((each) => parseFloat(getComputedStyle(each).fontSize))"
        )
        assert min(sizes) >= 12


def test_it_works_in_a_sandboxed_frame(chromium, tmp_path):
    (tmp_path / "notebook.html").write_text(
        f"<!doctype html><body>{playground()._repr_mimebundle_()['text/html']}", "utf-8"
    )
    page = chromium.new_page()
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#epoch").click()
    until(lambda: "iteration 5" in frame.locator("#where").text_content())
    page.close()
