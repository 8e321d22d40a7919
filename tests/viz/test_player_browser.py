"""The players in a real browser: every control, no error, no request, and the engine's numbers on the screen."""

import html
import re

import pytest

from micrograd_plus import Value, data, nn
from micrograd_plus.train import fit
from micrograd_plus.viz import palette
from micrograd_plus.viz.player import Recorder, TrainingPlayer
from micrograd_plus.words import number
from tests.viz.browser import neuron, until

pytestmark = pytest.mark.browser

EVIL = '</script><img src=x onerror="document.title=1">'


def where(page):
    return int(re.search(r"\d+", page.text_content("#where"))[0])


def cell(page, id):
    return page.text_content(f"#{id} text")


def test_every_step_fills_what_the_log_says_and_going_back_empties_it(opened):
    loss, (_, w, _) = neuron()
    player = loss.steps(optimizer=nn.SGD([w], lr=0.5))
    log = player.log
    with opened(player) as page:
        empty = page.inner_html("#canvas")
        seen = {}
        for position, step in enumerate(log.steps):
            assert where(page) == position
            words = page.text_content("#worked")
            if step.kind == "forward":
                assert cell(page, f"n{step.node}-data") == number(step.after)
                assert words.endswith(number(step.after)) or f"= {number(step.after)}" in words
            elif step.kind == "backward":
                name, into = log.names[log.order[step.node]], log.names[log.order[step.child]]
                assert f"dL/d{into} += dL/d{name} * d{name}/d{into} = {number(step.upstream)} * " in words
                assert words.count("Contribution") == (step.before != 0)
                seen[step.child] = cell(page, f"n{step.child}-grad")
                assert float(seen[step.child]) == pytest.approx(step.after, rel=1e-3)
                assert page.locator(f"#e{step.node}-{step.operand}.back").count() == 1
            elif step.kind == "update":
                assert "step = lr * g = 0.5 * " in words and cell(page, f"n{step.node}-data") == number(step.after)
            if position < len(log.steps) - 1:
                page.keyboard.press("ArrowRight")
        assert where(page) == len(log.steps) - 1
        loss.backward()
        assert float(cell(page, f"n{log.place[w]}-grad")) == pytest.approx(w.grad, rel=1e-3)
        for _ in log.steps:
            page.keyboard.press("ArrowLeft")
        assert where(page) == 0
        tidy = re.compile(r' (class|style)="[^"]*"')
        assert tidy.sub("", page.inner_html("#canvas")) == tidy.sub("", empty)


def test_every_button_key_and_slider_moves(opened):
    loss, _ = neuron()
    player = loss.steps()
    last = len(player.log.steps) - 1
    with opened(player) as page:
        for press, expected in [("#next", 1), ("#next", 2), ("#previous", 1), ("#last", last), ("#first", 0)]:
            page.click(press)
            assert where(page) == expected
        page.click("#jumps button:nth-child(2)")
        assert where(page) == player.log.backward
        assert page.get_attribute("#jumps button:nth-child(2)", "aria-current") == "step"
        for key, expected in [
            ("End", last), ("Home", 0), ("PageDown", player.log.backward), ("PageDown", last),
            ("PageUp", player.log.backward), ("PageUp", 0), ("ArrowRight", 1), ("ArrowLeft", 0),
        ]:  # fmt: skip
            page.keyboard.press(key)
            assert where(page) == expected, key
        page.focus("#slider")
        page.keyboard.press("ArrowRight")
        assert where(page) == 1 and page.input_value("#slider") == "1"
        page.fill("#slider", "7")
        assert where(page) == 7
        assert page.get_attribute("#slider", "aria-valuetext") == f"Step 7 of {last}"
        page.click("#first")
        assert page.get_attribute("#previous", "aria-disabled") == "true"


def test_play_goes_on_by_itself_pauses_and_stops_at_the_end(opened):
    a = Value(2.0, "a")
    player = (a * a).steps()
    with opened(player) as page:
        page.select_option("#speed", "4")
        page.click("#play")
        assert page.get_attribute("#play", "aria-label") == "Pause"
        until(lambda: where(page) == 2)
        page.keyboard.press("Space")  # the button has the focus: its own press pauses
        assert page.get_attribute("#play", "aria-label") == "Play"
        paused = where(page)
        page.wait_for_timeout(600)
        assert where(page) == paused
        page.focus("#canvas")
        page.keyboard.press("Space")
        until(lambda: where(page) == 4)
        until(lambda: page.get_attribute("#play", "aria-label") == "Play")
        page.keyboard.press("Space")  # plays again from the beginning
        assert where(page) == 0


def test_addresses_lead_to_a_step_and_follow_it(opened):
    loss, _ = neuron()
    player = loss.steps()
    with opened(player, "#5") as page:
        assert where(page) == 5
        page.evaluate("location.hash = '#9'")
        until(lambda: where(page) == 9)
        page.keyboard.press("ArrowRight")
        until(lambda: page.evaluate("location.hash") == "#10")
        page.evaluate("location.hash = '#99999'")
        until(lambda: where(page) == len(player.log.steps) - 1)
        page.evaluate("location.hash = '#nonsense'")
        until(lambda: where(page) == 0)


def test_the_list_of_steps_is_complete_and_leads_there(opened):
    loss, _ = neuron()
    player = loss.steps()
    with opened(player) as page:
        page.click("#all summary")
        page.wait_for_selector("#all li")
        assert page.locator("#all li").count() == len(player.log.steps)
        page.locator("#all li a").nth(4).click()
        assert where(page) == 4
        assert page.locator("#all li").nth(4).get_attribute("aria-current") == "step"


def test_help_opens_and_closes_and_takes_the_keys(opened):
    loss, _ = neuron()
    with opened(loss.steps()) as page:
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("ArrowRight")
        assert where(page) == 0
        page.keyboard.press("Escape")
        assert not page.locator("#help").is_visible()
        page.click("#ask")
        page.click("#help button")
        assert not page.locator("#help").is_visible()


@pytest.mark.parametrize("system", palette.THEMES)
def test_the_theme_follows_the_system_until_it_is_chosen(opened, system):
    loss, _ = neuron()
    other = "light" if system == "dark" else "dark"
    with opened(loss.steps(), color_scheme=system) as page:
        assert ground(page) == palette.background[system]
        page.click("#theme")
        assert ground(page) == palette.background[other]
        assert page.get_attribute("#theme", "aria-pressed") == str(other == "dark").lower()
        page.keyboard.press("d")
        assert ground(page) == palette.background[system]


def ground(page):
    shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", shown)[:3])


def test_the_share_of_one_use_has_a_sign_of_its_own(opened):
    a = Value(3.0, "a")
    root = a * a + 1
    root.label = "y"
    player = root.steps()
    with opened(player, f"#{len(player.log.steps) - 1}") as page:
        assert "dy/da += dy/dv1 * ∂v1/∂a = 1 * 3 = 3" in page.text_content("#worked .line")


def test_less_motion_where_it_is_asked_for(opened):
    loss, _ = neuron()
    for motion, animation in [("no-preference", "along"), ("reduce", "none")]:
        with opened(loss.steps(), "#2", reduced_motion=motion) as page:
            assert (
                page.evaluate("getComputedStyle(document.querySelector('.flow.forth path')).animationName") == animation
            )


def test_labels_are_shown_as_text(opened):
    evil = Value(1.0, EVIL)
    root = (evil * 2).exp()
    root.label = "`${1}` <b>&amp;"
    player = root.steps(title=EVIL)
    with opened(player, "#99") as page:
        assert page.text_content("h1") == EVIL == page.title()
        assert EVIL in page.text_content("#worked")
        page.click("#all summary")
        page.wait_for_selector("#all li")
        assert EVIL in page.text_content("#all li:last-child")
        assert page.locator("img").count() == 0


def test_long_names_are_shortened_and_long_numbers_keep_to_their_cells(opened):
    long = "a weight, " * 12 + "and so on"
    a, b = Value(1.23456e300, long), Value(1e-5, "b")
    player = (a * b + a * (b * 2)).steps()
    last_of_a = max(i for i, step in enumerate(player.log.steps) if step.child == 0)
    with opened(player, f"#{last_of_a}") as page:
        assert long in page.text_content("#worked .what")
        assert f"d({long[:47]}…)" in page.text_content("#worked .line")
        page.keyboard.press("End")
        for name in ("n0-data", "n0-grad", "n1-grad"):
            box, text = (page.locator(f"#{name} {part}").bounding_box() for part in ("path", "text"))
            assert text["x"] >= box["x"] and text["width"] <= box["width"], name


def test_a_far_jump_shows_its_node_at_once(opened):
    x = Value(0.5, "x")
    for _ in range(40):
        x = x.tanh()
    with opened(x.steps(), "#40") as page:
        page.keyboard.press("End")
        view, box = page.locator("#canvas").bounding_box(), page.locator("g.now").bounding_box()
        assert view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]


def test_a_drawing_a_little_too_wide_is_shown_whole_and_a_far_too_wide_one_scrolls(opened):
    for depth, whole in [(5, True), (20, False)]:
        x = Value(0.5, "x")
        for _ in range(depth):
            x = x.tanh()
        with opened(x.steps(), viewport={"width": 832, "height": 700}) as page:
            natural, shown = page.evaluate("[svg.viewBox.baseVal.width, svg.getBoundingClientRect().width]")
            assert natural > 832
            assert (shown <= 832) == whole and (shown == natural) != whole


def test_a_phone_shows_it_all_without_scrolling_sideways(opened):
    model = nn.MLP(2, [3, 3, 1], activation="tanh", seed=0)
    loss = (model([Value(1.0, "x1"), Value(-1.0, "x2")]) - 1) ** 2
    with opened(loss.steps(), "#20", viewport={"width": 360, "height": 740}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        for id in ("first", "previous", "play", "next", "last", "slider", "speed", "theme", "ask"):
            box = page.locator(f"#{id}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["height"] >= 28, id
        view, box = page.locator("#canvas").bounding_box(), page.locator("g.now").bounding_box()
        assert view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]


def test_zoom_makes_the_drawing_larger_smaller_and_fit(opened):
    model = nn.MLP(2, [4, 4, 1], seed=0)
    with opened((model([1.0, -1.0]) ** 2).steps()) as page:
        width = lambda: page.locator("#canvas > svg").bounding_box()["width"]  # noqa: E731
        first = width()
        page.click("#larger")
        assert width() > first
        page.click("#smaller")
        assert width() == pytest.approx(first, rel=0.01)
        page.click("#fit")
        view, drawing = page.locator("#canvas").bounding_box(), page.locator("#canvas > svg").bounding_box()
        assert drawing["width"] <= view["width"] and drawing["height"] <= view["height"]


def test_a_screen_reader_hears_the_step_and_tab_goes_in_order(opened):
    loss, _ = neuron()
    with opened(loss.steps()) as page:
        page.keyboard.press("ArrowRight")
        until(lambda: page.text_content("#live").startswith("Forward: the value of"))
        assert page.get_attribute("#live", "aria-live") == "polite"
        order = []
        for _ in range(27):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        expected = [
            "grain",
            "predict",
            "theme",
            "ask",
            "canvas",
            "n12",
            "smaller",
            "fit",
            "larger",
            "leaf",
            "typed",
            "scrub",
            "back",
            "worked",
            "SUMMARY",
            "BUTTON",
            "BUTTON",
            "slider",
        ]
        assert order[: len(expected) + 6] == [*expected, "first", "previous", "play", "next", "last", "speed"]


def test_a_step_takes_little_time(opened):
    root = Value(0.0, "x0") * Value(0.5, "w0")
    for i in range(1, 25):
        root = root + Value(0.1 * i, f"x{i}") * Value(0.5, f"w{i}")
    player = root.tanh().steps()
    with opened(player) as page:
        taken = page.evaluate(
            "(() => { const start = performance.now(); for (let k = 0; k < 100; k++) { player.go(k);"
            " document.body.getBoundingClientRect(); } return (performance.now() - start) / 100; })()"
        )
    assert taken < 50  # ms; measured 2


def test_it_plays_in_a_notebook_s_frame(chromium):
    loss, _ = neuron()
    frame = loss.steps()._repr_mimebundle_()["text/html"]
    context = chromium.new_context()
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.set_content(f"<!doctype html><p>{html.escape(EVIL)}</p>{frame}")
    inside = page.frame_locator("iframe")
    inside.locator("#next").click()
    inside.locator("#next").click()
    assert inside.locator("#where").text_content().startswith("Step 2 of")
    page.wait_for_timeout(300)
    assert errors == []
    context.close()


def hidden_net():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    loss = (model([Value(0.5, "x0"), Value(-1.0, "x1")]) - 1) ** 2
    loss.label = "L"
    return loss, model


def test_a_press_plays_a_step_a_neuron_or_a_layer(opened):
    loss, model = hidden_net()
    player = loss.steps(optimizer=nn.SGD(model.parameters(), lr=0.1))
    for choice, grain in enumerate(player.data()["grains"]):
        stops = grain["stops"] or list(range(len(player.log.steps)))
        with opened(player) as page:
            page.select_option("#grain", str(choice))
            page.focus("#canvas")
            for stop in stops[1:]:
                page.keyboard.press("ArrowRight")
                assert where(page) == stop
            for stop in stops[-2::-1]:
                page.keyboard.press("ArrowLeft")
                assert where(page) == stop
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")
            played = stops[2] - stops[1]
            assert page.locator("#worked .each").count() == (played if played > 1 else 0)


def test_a_node_tells_where_its_number_and_its_gradient_came_from(opened):
    loss, (_, w, _) = neuron()
    player = loss.steps()
    place, last = player.log.place[w], len(player.log.steps) - 1
    ways = player.log.paths(6, 12)[place]
    assert len(ways) > 2
    with opened(player, f"#{last}") as page:
        page.click(f"#n{place}")
        words = page.text_content("#worked")
        assert f"dL/dw = {number(player.log.grads[place])}, the sum over {len(ways)} paths:" in words
        for way, product in ways:
            steps = [player.log.steps[at] for at in way]
            factors = " * ".join(f"({number(s.partial)})" if s.partial < 0 else number(s.partial) for s in steps)
            assert f" = {factors} = {number(product)}" in words
        page.keyboard.press("ArrowLeft")
        assert page.text_content("#worked .what").startswith("Backward: ")
    with opened(player, f"#{player.log.backward - 2}") as page:  # nothing is told before it is there
        page.click(f"#n{len(player.log.order) - 1}")
        assert "still to come" in page.text_content("#worked") and "No gradient" in page.text_content("#worked")


def test_a_path_through_both_operands_has_each_one_s_own_derivative(opened):
    b = Value(5.0, "b")
    out = b - b
    out.label = "z"
    player = out.steps()
    with opened(player, f"#{len(player.log.steps) - 1}") as page:
        page.click("#n0")
        words = page.text_content("#worked")
        assert "= 1 = 1" in words and "= (-1) = -1" in words and "dz/db = 0, the sum over 2 paths" in words


@pytest.mark.parametrize(("off", "verdict"), [(1.0, "right"), (1.05, "near"), (1.6, "wrong"), (None, "Not a number")])
def test_predicting_asks_before_it_shows(opened, off, verdict):
    loss, _ = neuron()
    player = loss.steps()
    at = player.log.backward + 3
    step = player.log.steps[at]
    product = step.partial * step.upstream
    with opened(player, f"#{at - 1}") as page:
        before = page.inner_html("#canvas")
        page.click("#predict")
        page.keyboard.press("ArrowRight")
        assert where(page) == at - 1 and page.inner_html("#canvas") == before
        assert page.text_content("#worked form").endswith(" = Answer")
        page.fill("#worked input", "d" if off is None else str(product * off))
        page.keyboard.press("Enter")
        assert where(page) == at
        assert verdict in page.text_content(".verdict") and f"It is {number(product)}." in page.text_content(".verdict")
        assert page.text_content("#worked .line").endswith(number(product))
        page.click("#next")
        assert where(page) == at
        page.click("#next")  # pressed again: shown without an answer
        assert where(page) == at + 1
        page.select_option("#grain", "1")
        assert page.get_attribute("#predict", "aria-pressed") == "false"


SHAPES = {
    "wide": (1280, 800), "across": (844, 390), "at 200 %": (640, 400), "phone": (390, 844),
    "small at 200 %": (683, 384),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_arithmetic_is_in_sight_at_every_step(opened, shape):
    loss, model = hidden_net()
    player = loss.steps(optimizer=nn.Adam(model.parameters()))
    width, height = SHAPES[shape]
    with opened(player, viewport={"width": width, "height": height}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for _ in range(len(player.log.steps) - 1):
            page.keyboard.press("ArrowRight")
            line, foot = page.locator("#worked .line").bounding_box(), page.locator("footer").bounding_box()
            assert line["y"] >= 0 and line["y"] + line["height"] <= foot["y"]
            assert foot["y"] + foot["height"] <= height + 1
        assert page.locator("#canvas").bounding_box()["height"] > 100


def test_a_large_drawing_has_a_map_that_leads_about(opened):
    model = nn.MLP(2, [4, 4, 1], activation="tanh", seed=0)
    player = (model([1.0, -1.0]) ** 2).steps()
    with opened(player) as page:
        assert page.locator("#map rect").count() == len(player.log.order) + 1
        left = lambda: page.evaluate("document.querySelector('#canvas').scrollLeft")  # noqa: E731
        box = page.locator("#map").bounding_box()
        page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
        right = left()
        page.mouse.click(box["x"] + 4, box["y"] + box["height"] / 2)
        assert left() == 0 and right > 100
        page.click("#fit")
        assert not page.locator("#map").is_visible()
    loss, _ = neuron()
    with opened(loss.steps()) as page:
        assert not page.locator("#map").is_visible()


def test_a_full_name_is_there_to_hover_on(opened):
    loss, _ = hidden_net()
    player = loss.steps()
    with opened(player, f"#{len(player.log.steps) - 1}") as page:
        titles = page.locator("#worked [title]").evaluate_all("all => all.map((each) => each.title)")
        assert any("layers.0.neurons" in title for title in titles)
        assert "neurons" not in page.text_content("#worked")


def test_a_symbol_and_its_number_have_one_colour(opened):
    loss, _ = neuron()
    player = loss.steps()
    with opened(player, f"#{player.log.backward + 2}") as page:
        colours = []
        for quantity in (1, 2):
            found = page.locator(f"#worked .quantity-{quantity}")
            assert found.count() >= 2
            colours.append(set(found.evaluate_all("all => all.map((each) => getComputedStyle(each).color)")))
        assert all(len(each) == 1 for each in colours) and colours[0] != colours[1]


def test_keys_reach_a_frame_that_the_hand_is_over(chromium):
    loss, _ = neuron()
    page = chromium.new_page()
    page.set_content(f"<!doctype html><input id=cell>{loss.steps()._repr_mimebundle_()['text/html']}")
    page.focus("#cell")
    inside = page.frame_locator("iframe")
    inside.locator("#where:not(:empty)").wait_for()
    page.keyboard.press("ArrowRight")
    assert inside.locator("#where").text_content().startswith("Step 0")  # a hand elsewhere means something else
    box = page.locator("iframe").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.move(box["x"] + 210, box["y"] + 210)
    page.keyboard.press("ArrowRight")
    until(lambda: inside.locator("#where").text_content().startswith("Step 1"))
    page.close()


# -------------------------------------------------------------------- the training player


@pytest.fixture(scope="module")
def films():
    recorders = []
    for lr in (0.02, 0.3):
        recorder = Recorder(every=1)
        model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
        options = {"epochs": 10, "batch_size": 10, "validation": data.moons(10, seed=5)}
        fit(model, data.moons(30), lr=lr, callbacks=[recorder], progress=False, backend="eager", **options)
        recorders.append(recorder)
    return recorders


def test_the_time_line_moves_network_plane_and_cursor(opened, films):
    player = films[0].player(resolution=16)
    with opened(player) as page:
        frames = len(films[0].frames) - 1
        look = lambda: [  # noqa: E731
            page.get_attribute(".network line", "style"), page.get_attribute(".plane image", "href"),
            page.get_attribute(".cursor", "d"), page.text_content(".now"),
        ]  # fmt: skip
        first = look()
        assert first[3] == "before the first update"
        page.keyboard.press("End")
        assert where(page) == frames
        last = look()
        assert all(a != b for a, b in zip(first, last))
        assert last[3].startswith("epoch 10, iteration 30; loss of this batch ")
        weight = dict(zip(films[0].names, films[0].frames[-1].parameters))["layers.0.neurons.0.weights.0"]
        title = page.text_content(".network line title")
        assert title.startswith("weight layers.0.neurons.0.weights.0 = ")
        assert float(title.split(" = ")[1]) == pytest.approx(weight, abs=2e-3)
        page.keyboard.press("Home")
        assert look() == first
        page.keyboard.press("PageDown")
        page.keyboard.press("PageDown")
        assert page.text_content(".now b") == "epoch 2, iteration 6"  # to the end of an epoch, and of the next


def test_the_loss_chart_leads_to_a_moment_and_has_a_log_scale(opened, films):
    with opened(films[0].player(resolution=16)) as page:
        box = page.locator("#chart").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.98, box["y"] + box["height"] / 2)
        assert where(page) == len(films[0].frames) - 1
        linear = page.get_attribute("#chart .epoch", "d")
        page.check("#log")
        assert page.get_attribute("#chart .epoch", "d") != linear
        assert page.text_content("#legend") == "loss of each batchmean of each epochvalidation loss"


def test_two_runs_stand_side_by_side_and_play(opened, films):
    player = TrainingPlayer(*films, names=["rate 0.02", EVIL], title="Two rates", resolution=16)
    with opened(player) as page:
        assert page.locator(".run h2").all_text_contents() == ["rate 0.02", EVIL]
        left, right = (page.locator(".run").nth(i).bounding_box() for i in range(2))
        assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
        page.select_option("#speed", "4")
        page.click("#play")
        until(lambda: where(page) == len(films[0].frames) - 1)
        assert page.locator(".now b").all_text_contents() == ["epoch 10, iteration 30"] * 2
        assert page.evaluate("document.documentElement.scrollHeight") <= 800


def test_a_film_fits_a_phone_and_both_themes(opened, films):
    for theme in palette.THEMES:
        shape = {"viewport": {"width": 360, "height": 740}, "color_scheme": theme}
        with opened(films[0].player(resolution=16), "#3", **shape) as page:
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            assert ground(page) == palette.background[theme]
            before = page.get_attribute(".plane image", "href")
            page.click("#theme")
            assert page.get_attribute(".plane image", "href") != before


def test_a_fit_and_a_wide_network_are_drawn(opened):
    fitted = Recorder(every=20)
    fit(nn.MLP(1, [2, 1], activation="tanh", seed=0), data.line(20), epochs=20, callbacks=[fitted], progress=False)
    with opened(fitted.player()) as page:
        first = page.get_attribute(".curve", "d")
        page.keyboard.press("End")
        assert page.get_attribute(".curve", "d") != first
        assert page.locator(".fit .point").count() == 20
        texts = page.locator(".network .number").all_text_contents()
        assert sorted(map(float, texts)) == sorted(round(each, 2) for each in fitted.frames[-1].parameters)
    wide = Recorder(every=20)
    fit(nn.MLP(4, [30, 30, 3], seed=0), data.iris(), epochs=2, callbacks=[wide], progress=False)
    with opened(wide.player()) as page:
        assert page.locator(".matrices canvas").count() == 3
        widths = [page.locator(".matrices canvas").nth(i).bounding_box()["width"] for i in range(3)]
        assert widths[1] > 300 and page.evaluate("document.documentElement.scrollHeight") <= 800
        look = "document.querySelector('.matrices canvas').toDataURL()"
        first = page.evaluate(look)
        page.keyboard.press("End")
        assert page.evaluate(look) != first
