"""Pictures of the ten most important messages and forms, as they stand on a phone: `python -m tests.pictures`.

The production bot works on systems in memory, with a clock that stands still. Chromium shows the practice workspace.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

from connectors.contract import AccountId
from tests.bot import samples
from tests.bot.workplace import Workplace, workplace_in
from tests.journeys.window import ARGS, INSTALL
from tests.sandbox.company.people import HR, LEAVER, MANAGER, PEOPLE, SECURITY, Employee
from tests.sandbox.slack import seed
from workflows.people import Actor
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
NAMES = (
    "form-plan",
    "form-clients",
    "case-scheduled",
    "home-line-manager",
    "proposal",
    "home-hr",
    "case-locked",
    "handover-note",
    "audit",
    "case-open-again",
)
LARGEST = 120_000
"""Bytes of a picture."""
PHONE = 390
SHARP = 1.25
"""Pixels of the picture for one of the page: enough to read, and small."""
PLAIN = """*, *::before, *::after { animation: none !important; transition: none !important; outline: none !important }
.who time, .gutter time, .edited, .replies { display: none } dialog { max-height: none !important }"""
"""Nothing moves or has the focus, no time of the real clock is shown, and a form is shown whole."""
BOB = next(one for one in PEOPLE if one.slack_id == samples.BOB.slack_id)
DANA, LAST_DAY = AccountId(f"crm-{LEAVER.uid}"), timedelta(days=3, hours=8)
CLIENTS = (
    ("Alder Foods GmbH", 48_000, "Yearly supply"),
    ("Alder Foods GmbH", 12_500, "Spring campaign"),
    ("Birch Logistics AG", 36_000, "Fleet contract"),
    ("Cedar Optics Ltd", 27_400, "Second store"),
    ("Ember Robotics GmbH", 19_900, "Pilot line"),
    ("Fjord Travel AB", 8_200, "Winter season"),
    ("Harbour Print BV", 6_300, "Reprint"),
    ("Kite Energy SARL", 4_100, "Audit of a plant"),
)


class Studio:
    """A workplace, and a phone that shows it to one person after the other."""

    def __init__(self, workplace: Workplace, page: Page, folder: Path) -> None:
        self.workplace, self.page, self.folder = workplace, page, folder

    def look(self, person: Employee, place: str) -> None:
        """Be a person, and look at a channel or at Home."""
        self.page.clock.set_fixed_time(self.workplace.office.clock.now())
        self.page.goto(f"{self.workplace.slack.url}/?as={person.slack_id}")
        expect(self.page.locator("#me")).to_contain_text(person.name)
        self.page.add_style_tag(content=PLAIN)
        self.page.evaluate("(place) => go(place)", place)

    def take(self, name: str, shown: Locator) -> None:
        """Take one picture. Raises `ValueError` if it is too large."""
        assert name in NAMES, name
        expect(shown).to_be_visible()
        self.page.evaluate("document.activeElement.blur()")
        path, made = self.folder / f"{name}.png", b""
        while not made:
            with suppress(Error):  # the page has just drawn it anew
                made = shown.screenshot(path=path, animations="disabled")
        if len(made) > LARGEST:
            raise ValueError(f"{name}.png has {len(made):,} bytes, and at most {LARGEST:,} are wanted")

    def message(self, name: str, person: Employee, kind: MessageKind) -> None:
        """Take the newest message of a kind, as that person sees it."""
        post = newest(self.workplace, kind, person)
        self.look(person, post.channel)
        self.take(name, self.page.locator(f'article[data-ts="{post.ts}"]'))

    def home(self, name: str, person: Employee) -> None:
        """Take a person's Home."""
        self.workplace.person(person.slack_id).home()
        self.workplace.person(person.slack_id).wait_for(lambda: self.workplace.person(person.slack_id).home_now)
        self.look(person, "home")
        expect(self.page.locator(".home")).to_contain_text("Waiting for you")
        self.take(name, self.page.locator(".home"))

    def form(self, name: str, title: str) -> None:
        """Take HR's open form."""
        self.workplace.hr.modal(title)
        self.look(HR, seed.OFFBOARDING)
        expect(self.page.locator("#modal-title")).to_have_text(title)
        self.take(name, self.page.locator("#modal"))


def newest(workplace: Workplace, kind: MessageKind, person: Employee) -> OutboxMessage:
    """Return the newest delivered message of a kind in a channel, or in the person's direct messages."""
    workplace.deliver()
    direct = workplace.slack.workspace.direct(person.slack_id).id
    every = [one for one in workplace.posts().values() if one.kind == kind and one.ts]
    mine = [one for one in every if one.channel == direct or one.channel.startswith("C")]
    return max(mine, key=lambda one: float(one.ts))


def take_all(studio: Studio) -> None:
    """Play one case from the command to an account that is open again."""
    workplace = studio.workplace
    for number, (client, value, deal) in enumerate(CLIENTS):
        workplace.crm.record(
            f"opportunity:{number}", DANA, family=f"party:{client}", family_name=client, value=Decimal(value), name=deal
        )
    _ask(studio)
    workplace.run()
    studio.message("case-scheduled", HR, MessageKind.CASE)
    studio.home("home-line-manager", MANAGER)
    studio.message("proposal", MANAGER, MessageKind.PROPOSAL)
    studio.home("home-hr", HR)
    [proposal] = workplace.services.proposals.waiting_for(MANAGER.slack_id)
    by = Actor(f"slack:{MANAGER.slack_id}", MANAGER.name)
    workplace.services.decisions.decide(proposal.id, proposal.digest, by, approve=True)
    workplace.office.clock.pass_(days=3, hours=8)
    for _round in range(4):
        workplace.run()
    studio.message("case-locked", HR, MessageKind.CASE)
    studio.message("handover-note", BOB, MessageKind.NOTE)
    workplace.crm.users[DANA].active = True
    workplace.office.clock.pass_(days=1)
    workplace.services.audits.call()
    workplace.run()
    studio.message("audit", SECURITY, MessageKind.AUDIT)
    studio.message("case-open-again", HR, MessageKind.CASE)


def _ask(studio: Studio) -> None:
    """Fill the forms of `/offboard`, and open the case."""
    hr = studio.workplace.hr
    hr.command("/offboard", f"@{LEAVER.uid}")
    hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label else None)
    day = (samples.NOW + LAST_DAY).date().isoformat()
    hr.modal("Offboard someone").fill("when", "last_day")
    hr.wait_for(lambda: hr.modal("Offboard someone").fill("day", day))
    hr.modal("Offboard someone").fill("reason", "resignation")
    studio.form("form-plan", "Offboard someone")
    first = hr.modal("Offboard someone")
    label = first.submit_label
    first.submit()
    hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label != label else None)
    view = hr.view
    assert view is not None
    view.fill("successors", [samples.BOB.slack_id, samples.CAROL.slack_id])
    studio.form("form-clients", view.title)
    view.submit()
    hr.modal("Case opened").close()


@contextmanager
def phone() -> Iterator[Page]:
    """Open a browser as wide as a phone, and tall enough for every picture."""
    program = shutil.which("chromium")
    if program is None:
        raise FileNotFoundError(f"Chromium is missing; install it with: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*ARGS, "--disable-lcd-text"])
        context = browser.new_context(
            viewport={"width": PHONE, "height": 2400}, device_scale_factor=SHARP, color_scheme="light", bypass_csp=True
        )
        yield context.new_page()
        browser.close()


def main(folder: Path = FOLDER) -> Sequence[str]:
    """Take all pictures, and return their names."""
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as data,
        workplace_in(Path(data)) as workplace,
        phone() as page,
    ):
        take_all(Studio(workplace, page, folder))
    return NAMES


if __name__ == "__main__":
    main()
