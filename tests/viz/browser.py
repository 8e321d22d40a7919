"""What the tests of pages ask of a browser, and the neuron that most of them show."""

import time

from micrograd_plus import Value


def until(look, seconds=30):
    """Waits until a look finds what it wants, and returns it.

    It looks from outside, as a page's policy forbids what a wait inside of it would take. What is not there yet can't
    be looked at: a text without words, a frame that is just being loaded.
    """
    from playwright.sync_api import Error

    deadline, trouble = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except (Error, TypeError, AttributeError) as error:
            trouble = error
        time.sleep(0.03)
    raise AssertionError(f"it did not happen within {seconds} seconds") from trouble


def violations(page):
    """What axe-core has against a page: each rule, and the first element that breaks it."""
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page).response
    assert results["passes"], "axe-core checked nothing"
    return [(each["id"], each["nodes"][0]["html"]) for each in results["violations"]]


def neuron(x=2.0, w=0.5, b=-1.5):
    """A neuron's loss with a penalty for its weight, and its leaves x, w, b."""
    given = x, w, b = Value(x, "x"), Value(w, "w"), Value(b, "b")
    n = (w * x + b).tanh()
    n.label = "n"
    loss = (n - 1) ** 2 + 0.1 * w * w
    loss.label = "L"
    return loss, given
