"""The page by keyboard, for a screen reader (axe-core's rules), and on a phone."""

from collections.abc import Callable
from importlib.resources import files
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.slack import SlackServer, seed
from tests.sandbox.watched import Watched

PHONE, DESKTOP = 390, 1440
MOST_SMALL = 11
"""Pixels of height below which a chart's words cannot be read on a phone."""
RULES = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async () => (await axe.run({ resultTypes: ["violations"] })).violations.map(
    (rule) => `${rule.impact} ${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`)"""


def faults(page: Page) -> list[str]:
    """Return what axe-core finds in the page as it is now."""
    page.wait_for_function("document.getAnimations().every((one) => one.effect.getTiming().iterations === Infinity)")
    if not page.evaluate("'axe' in window"):
        page.evaluate(RULES)
    found: list[str] = page.evaluate(RUN)
    return found


def show_form(page: Page) -> None:
    page.locator("#composer-text").fill(f"/offboard @{LEAVER.uid} ")
    page.keyboard.press("Enter")
    page.locator("#modal").get_by_role("button", name="Start Offboarding").click()
    expect(page.locator("#modal .wrong")).to_have_count(2)
    page.locator("#modal").get_by_role("combobox", name="Who approves the clients?").click()
    expect(page.locator("#modal .choices:visible")).to_be_visible()


def show_people(page: Page) -> None:
    page.evaluate("openSwitch()")
    expect(page.locator("#switch input")).to_be_visible()


def show_hints(page: Page) -> None:
    page.locator("#composer-text").press_sequentially("@dan")
    expect(page.locator("#hints [role=option]").first).to_be_visible()


def show_thread(page: Page) -> None:
    page.get_by_role("button", name="2 replies").click()
    expect(page.get_by_label("Reply", exact=True)).to_be_visible()


def show_beside(page: Page) -> None:
    button = page.get_by_role("button", name="Story and servers")
    if button.is_visible():
        button.click()
    expect(page.locator(".truth").first).to_be_in_viewport()


def clear(page: Page) -> None:
    """Close whatever a place has opened."""
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open], .thread-feed, #hints:visible")).to_have_count(0)
    page.locator("#composer-text").evaluate("(box) => { box.value = ''; }")


PLACES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "beside": (seed.GENERAL, show_beside),
    "audit": (seed.ACCESS_AUDIT, lambda page: expect(page.locator("svg.chart").first).to_be_visible()),
    "home": ("home", lambda page: expect(page.locator(".home")).to_contain_text("Waiting on you")),
    "suggestions": (seed.OFFBOARDING, show_hints),
    "thread": (seed.OFFBOARDING, show_thread),
    "people": (seed.OFFBOARDING, show_people),
    "form": (seed.OFFBOARDING, show_form),
}


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: Browser, slack: SlackServer, width: int, scheme: Literal["light", "dark"]
) -> None:
    found = {}
    one = Watched(browser, slack.url, width, scheme, strict=False)
    for name, (place, show) in PLACES.items():
        one.page.evaluate("(place) => go(place)", place)
        show(one.page)
        found[name] = faults(one.page) + one.faults
        if not one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found[name].append("wider than the window")
        clear(one.page)
    one.page.close()
    assert {name: said for name, said in found.items() if said} == {}


def test_axe_would_find_a_picture_without_words_and_pale_text(browser: Browser, slack: SlackServer) -> None:
    one = Watched(browser, slack.url, DESKTOP, strict=False)
    one.page.evaluate("document.querySelector('#place').after(Object.assign(new Image(), { src: 'data:,' }))")
    one.page.evaluate("document.querySelector('.rail-note').style.color = '#bbb'")
    assert {said.split(":")[0] for said in faults(one.page)} == {"critical image-alt", "serious color-contrast"}
    one.page.close()


def focused(page: Page) -> Locator:
    return page.locator(":focus")


def test_a_name_that_was_typed_to_its_end_is_sent_by_the_first_enter(watched: Watched) -> None:
    page = watched.page
    expect(focused(page)).to_have_accessible_name("Message")
    page.keyboard.type(f"/offboard @{LEAVER.uid}")
    expect(page.locator("#hints [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    modal = page.locator("#modal")
    expect(modal.get_by_role("combobox", name="Who leaves?")).to_have_value(LEAVER.name)
    page.keyboard.press("Escape")
    expect(modal).to_be_hidden()
    expect(page.locator("article", has_text=f"/offboard @{LEAVER.uid}")).to_have_count(0)


def test_enter_chooses_a_suggestion_and_the_next_enter_sends(watched: Watched) -> None:
    page, box = watched.page, watched.page.locator("#composer-text")
    box.click()
    for typed, person in (("ask @dana", LEAVER), ("ask @hanna", HR)):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(box).to_have_value(f"ask @{person.uid} ")
        page.keyboard.press("Enter")
        expect(box).to_have_value("")
        expect(page.locator("article").last).to_contain_text(f"ask @{person.name}")


def test_a_suggestion_that_is_not_seen_any_more_is_not_taken(watched: Watched) -> None:
    page, box = watched.page, watched.page.locator("#composer-text")
    ways: list[Callable[[], object]] = [lambda: page.keyboard.press("Escape"), lambda: page.locator("#feed").focus()]
    for away in ways:
        box.click()
        page.keyboard.type("see @da")
        expect(page.locator("#hints")).to_be_visible()
        away()
        expect(page.locator("#hints")).to_be_hidden()
        box.press("Enter")
        expect(box).to_have_value("")
        expect(page.locator("article").last).to_contain_text("see @da")


def test_a_phone_shows_the_story_and_comes_back_to_the_chat(browser: Browser, slack: SlackServer) -> None:
    one = Watched(browser, slack.url, PHONE)
    page = one.page
    beside = page.get_by_role("button", name="Story and servers")
    beside.press("Enter")
    expect(focused(page)).to_have_accessible_name("Close")
    page.keyboard.press("Escape")
    expect(focused(page)).to_have_text("Story and servers")
    expect(page.locator("#side")).to_be_hidden()
    beside.click()
    page.get_by_role("button", name="+1 day").click()
    page.get_by_role("button", name="Close").click()
    page.evaluate("(place) => go(place)", seed.ACCESS_AUDIT)
    sizes = (
        page.locator("svg.chart")
        .first.locator("text")
        .evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().height)")
    )
    assert min(sizes) >= MOST_SMALL
    assert one.faults == []
    page.close()
