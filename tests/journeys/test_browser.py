"""The story as a newcomer clicks it, in Chromium, with real servers and the production bot; they say what is true."""

import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.journeys.window import SLOW, Desk, pick
from tests.sandbox.company.people import BY_UID, LEAVER, MANAGER, SECURITY
from tests.sandbox.guide import panel
from tests.sandbox.practice import Practice
from tests.sandbox.story import SUCCESSORS

PANEL_SECONDS = 3.0
"""Seconds for the panel; a direct request to the silent directory takes ten times as long."""


@pytest.fixture
def desk(chromium: Browser, tmp_path: Path) -> Iterator[Desk]:
    """Open the page of a new company; at the end, no error was shown and no other machine was called."""
    with Practice(tmp_path, panel=panel) as practice:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        one = Desk(page, practice)
        one.open()
        yield one
        page.close()
        assert one.faults == []
        assert one.hosts == {practice.slack.url.removeprefix("http://")}


def test_a_newcomer_clicks_the_story_to_its_end(desk: Desk) -> None:
    page, practice = desk.page, desk.practice
    deals = practice.crm.counts()
    expect(desk.card("in the directory")).to_contain_text("works", timeout=SLOW)
    expect(desk.card("in the CRM")).to_contain_text("works", timeout=SLOW)
    expect(page.locator(".truth .tone-bad")).to_have_count(0)
    desk.story.get_by_role("button", name="Put it into the message box").click()
    expect(page.locator("#composer-text")).to_have_value(f"/offboard @{LEAVER.uid} ")
    page.keyboard.press("Enter")
    _fill_and_submit(page)
    expect(desk.feed).to_contain_text(f"{LEAVER.name} is locked out of 2 of 2 systems", timeout=SLOW)
    expect(desk.card("in the directory")).to_contain_text("refused", timeout=SLOW)
    expect(desk.card("in the CRM")).to_contain_text("not active")
    assert practice.is_open(LEAVER) == {"directory": False, "crm": False}

    desk.become(SECURITY)
    expect(desk.feed).to_contain_text("of the client base", timeout=SLOW)
    expect(desk.feed).not_to_contain_text(LEAVER.name)

    desk.become(MANAGER)
    desk.feed.get_by_role("button", name=re.compile("Approve .* Records")).click(timeout=SLOW)
    expect(desk.feed).to_contain_text(f"Approved by {MANAGER.name}", timeout=SLOW)

    desk.become(SECURITY)
    page.get_by_role("button", name="+1 day").click()
    expect(desk.feed).to_contain_text("all still locked out", timeout=SLOW)
    expect(desk.story.locator(".done")).to_have_count(4)

    desk.act(f"Re-open {LEAVER.name}'s directory account")
    expect(desk.card("in the directory").locator(".tone-bad")).to_contain_text(["works", "not set"], timeout=SLOW)
    assert practice.is_open(LEAVER) == {"directory": True, "crm": False}
    page.get_by_role("button", name="+1 day").click()
    expect(desk.feed).to_contain_text("open again in directory", timeout=SLOW)
    desk.feed.get_by_role("button", name="Lock Again").click()
    page.locator("#confirm").get_by_role("button", name="Lock Again").click()
    expect(desk.story.locator(".done")).to_have_count(6, timeout=SLOW)

    assert practice.is_open(LEAVER) == {"directory": False, "crm": False}
    after = practice.crm.counts()
    assert after[LEAVER.uid] == practice.fixed(LEAVER)
    assert sum(after.values()) == sum(deals.values())
    gained = {uid: after[uid] - deals[uid] for uid in after if after[uid] > deals[uid]}
    assert sorted(gained) == sorted(SUCCESSORS)
    assert sum(gained.values()) == deals[LEAVER.uid] - practice.fixed(LEAVER)


def test_a_dead_server_and_a_dead_bot_say_so_and_come_back(desk: Desk) -> None:
    page, practice = desk.page, desk.practice
    desk.act("Stop the CRM")
    expect(desk.card("in the CRM")).to_contain_text("does not answer", timeout=SLOW)
    expect(desk.card("in the directory")).to_contain_text("works")
    with practice.directory.paused():
        expect(desk.card("in the directory")).to_contain_text("does not answer", timeout=SLOW)
        began = monotonic()
        httpx.get(f"{practice.slack.url}/ui/panel", timeout=60).raise_for_status()
        assert monotonic() - began < PANEL_SECONDS
    desk.act("Start the CRM")
    expect(desk.card("in the CRM")).to_contain_text("works", timeout=SLOW)
    expect(desk.card("in the directory")).to_contain_text("works", timeout=SLOW)

    desk.act("Kill the bot")
    assert not practice.bot_runs
    expect(page.locator(".did")).to_contain_text("killed")
    desk.act("Start the bot")
    assert practice.bot_runs
    desk.story.get_by_role("button", name="Put it into the message box").click()
    page.keyboard.press("Enter")
    expect(page.locator("#modal").get_by_role("button", name="Next: Clients")).to_be_visible(timeout=SLOW)


def test_what_happens_behind_the_bots_back_is_asked_for_by_the_page_alone(desk: Desk) -> None:
    url = f"{desk.practice.slack.url}/ui/act"
    assert httpx.post(url, data={"at": "0"}, timeout=60).status_code == 415
    assert httpx.post(url, json={"at": 0}, headers={"Host": "evil.example"}, timeout=60).status_code == 403
    assert [httpx.post(url, json={"at": at}, timeout=60).status_code for at in (99, -1, "0")] == [404, 404, 404]
    assert httpx.post(url, json={"at": 0}, timeout=60).json()["said"].endswith("open already: nothing was changed.")
    expect(desk.page.locator("#feed")).to_contain_text("The story on the right")


def test_an_empty_channel_points_to_the_story_however_late_the_story_comes(desk: Desk) -> None:
    desk.page.route("**/ui/panel", _late)
    desk.page.reload()
    expect(desk.feed).to_contain_text("Type / to see the commands")
    expect(desk.feed).to_contain_text("The story on the right", timeout=SLOW)


def _late(route: Route) -> None:
    """Let a request go on when the page has long been drawn without its answer."""
    sleep(1.5)
    route.continue_()


def _fill_and_submit(page: Page) -> None:
    modal = page.locator("#modal")
    expect(modal.get_by_role("button", name="Next: Clients")).to_be_visible(timeout=SLOW)
    modal.get_by_label("Now, at once").check()
    pick(page, "Reason", "dismissal")
    modal.get_by_role("button", name="Next: Clients").click()
    expect(modal.get_by_role("button", name="Start Offboarding")).to_be_visible(timeout=SLOW)
    pick(page, "Approver of the clients", MANAGER.uid)
    for chip in modal.locator(".chip").all():
        chip.click()
    for uid in SUCCESSORS:
        pick(page, "Colleagues who receive", f"@{uid}")
    expect(modal.locator(".chip")).to_contain_text([BY_UID[uid].name for uid in SUCCESSORS])
    pick(page, "How the clients", "balanced")
    modal.get_by_role("button", name="Start Offboarding").click()
    expect(modal).to_contain_text("Case opened", timeout=SLOW)
    modal.locator(".dialog-foot").get_by_role("button", name="Close").click()
    expect(modal).to_be_hidden()
