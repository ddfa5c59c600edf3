"""Journeys share one practice company per module; each takes a leaver of its own."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.journeys.people_at_work import Office
from tests.journeys.window import ARGS, INSTALL, SLOW
from tests.sandbox.practice import Practice


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """Serve the practice company with the production bot in it."""
    with Practice(tmp_path_factory.mktemp("practice")) as practice:
        yield practice


@pytest.fixture
def office(practice: Practice) -> Office:
    """Return the people in front of it."""
    return Office(practice)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(f"Chromium is missing; install it with: {INSTALL}")
    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGS)
        yield browser
        browser.close()
