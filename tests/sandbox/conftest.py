"""Chromium, and the page with the example app in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.sandbox.slack import SlackServer
from tests.sandbox.slack.look import serve
from tests.sandbox.watched import ARGS, SLOW, Watched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Serve the workspace with everything in it."""
    server, bot = serve()
    yield server
    bot.stop()
    server.stop()


@pytest.fixture
def watched(browser: Browser, slack: SlackServer) -> Iterator[Watched]:
    """Open the page; at the end, no error was seen and no other machine was asked."""
    one = Watched(browser, slack.url, 1440)
    yield one
    assert one.faults == []
    assert one.hosts == {slack.url.removeprefix("http://")}
    one.page.close()
