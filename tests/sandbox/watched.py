"""A page of the practice workspace whose errors, dialogs and requests are kept."""

from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize

from tests.sandbox.company.people import HR

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SLOW = 60_000
"""Milliseconds in which the page has answered on a busy machine."""


class Watched:
    """A page whose errors, dialogs and requests are kept."""

    def __init__(
        self, browser: Browser, url: str, width: int, scheme: Literal["light", "dark"] = "light", *, strict: bool = True
    ) -> None:
        """Open the page. `strict`: under its own policy on scripts, which a checker in the page cannot work under."""
        size: ViewportSize = {"width": width, "height": 900}
        self.page: Page = browser.new_page(viewport=size, color_scheme=scheme, bypass_csp=not strict)
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on("request", lambda sent: self.hosts.add(sent.url.split("/")[2]))
        self.page.goto(f"{url}/?as={HR.slack_id}")
        self.page.wait_for_selector("article")
