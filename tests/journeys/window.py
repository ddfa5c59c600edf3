"""A browser window in front of the practice company."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from tests.sandbox.company.people import Employee
from tests.sandbox.practice import Practice

INSTALL = "apt-get install -y --no-install-recommends chromium fonts-noto-core"
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
SLOW = 90_000
"""Milliseconds in which the servers, the bot and the page have answered on a busy machine."""


@dataclass
class Desk:
    """A browser window in front of the practice company, and whatever went wrong in it."""

    page: Page
    practice: Practice
    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self) -> None:
        """Come as a newcomer does."""
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda sent: self.hosts.add(sent.url.split("/")[2]))
        self.page.goto(self.practice.slack.url)

    def sit(self, person: Employee, place: str) -> None:
        """Be somebody, and look at a channel, or at the messages with the bot (`Messages`)."""
        self.page.goto(f"{self.practice.slack.url}/?as={person.slack_id}")
        self.page.locator("#places").get_by_role("button", name=place).click(timeout=SLOW)
        expect(self.page.locator("#me")).to_contain_text(person.name)

    @property
    def modal(self) -> Locator:
        """The open form."""
        return self.page.locator("#modal")

    def press(self, label: str, within: Locator | None = None) -> None:
        """Press a button, in the open form unless said otherwise."""
        (within or self.modal).get_by_role("button", name=label).click(timeout=SLOW)

    def choose(self, label: str, within: Locator) -> None:
        """Open the menu of a message, and choose in it."""
        within.get_by_role("button", name="More actions").first.click(timeout=SLOW)
        within.get_by_role("menuitem", name=label).click(timeout=SLOW)

    def close(self) -> None:
        """Close the open form by the button below it."""
        self.modal.locator(".dialog-foot button").first.click()
        expect(self.modal).to_be_hidden(timeout=SLOW)

    def become(self, person: Employee) -> None:
        """Press what the story offers for becoming the next person."""
        self.story.get_by_role("button", name=f"Become {person.name}").click(timeout=SLOW)
        expect(self.page.locator("#me")).to_contain_text(person.name)

    def act(self, label: str) -> None:
        """Press a button in the panel and wait until it says what it did."""
        self.page.locator(".acts").get_by_role("button", name=label).click(timeout=SLOW)
        expect(self.page.locator(".acts [aria-busy]")).to_have_count(0, timeout=SLOW)

    @property
    def story(self) -> Locator:
        """The story beside the chat."""
        return self.page.locator("[data-part=story]")

    @property
    def feed(self) -> Locator:
        """The messages in front of the person."""
        return self.page.locator("#feed")

    def card(self, title: str) -> Locator:
        """Return the card of one server."""
        return self.page.locator(".truth", has_text=title)


def pick(page: Page, label: str, typed: str) -> None:
    """Choose in a select of the open form by what a person would type."""
    box = page.locator("#modal").get_by_role("combobox", name=re.compile(label))
    box.fill(typed)
    expect(page.locator("#modal .choices:visible li[aria-selected=true]")).to_be_visible()
    box.press("Enter")
