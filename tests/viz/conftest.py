"""What the pictures' tests share: a browser, and pages opened in it."""

from contextlib import contextmanager

import pytest


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """A function that opens a page; at the end it must have made no request and written nothing to the console."""
    troubles = []

    @contextmanager
    def open_page(shown, address="", **options):
        path = shown.save(tmp_path / "page.html")
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: record(request, path))
        page.goto(f"{path.as_uri()}{address}")
        page.wait_for_selector("body[data-ready]")
        yield page
        context.close()

    def record(request, path):
        if request.url.partition("#")[0] != path.as_uri() and not request.url.startswith("data:"):
            troubles.append(f"request: {request.url}")

    yield open_page
    assert troubles == []
