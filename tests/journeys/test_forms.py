"""The forms about clients as people click them, in Chromium; who has what in the end is asked of the CRM itself.

One company for all: everybody who receives clients must agree to take them. Each journey has a leaver of its own.
"""

import csv
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.journeys.people_at_work import Office
from tests.journeys.window import SLOW, Desk, pick
from tests.sandbox.company.people import BY_UID, HR, MANAGER, Employee
from tests.sandbox.practice import CLOSED, Practice
from tests.sandbox.story import DAY

BOB, CAROL, NOA = BY_UID["bob.ross"], BY_UID["carol.diaz"], BY_UID["noa.levi"]
OPEN = {"directory": True, "crm": True}
SECONDS = 120
RECEIVERS = "\n[approvals]\nreceivers = true\n"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with Practice(tmp_path_factory.mktemp("practice"), policy=RECEIVERS) as practice:
        yield practice


@pytest.fixture
def desk(chromium: Browser, practice: Practice) -> Iterator[Desk]:
    """Sit down in front of the company; in the end, no error was seen and no other machine was asked."""
    one = Desk(chromium.new_page(viewport={"width": 1440, "height": 900}), practice)
    one.open()
    yield one
    one.page.close()
    assert one.faults == []
    assert one.hosts == {practice.slack.url.removeprefix("http://")}


def until(check: Callable[[], bool]) -> None:
    """Wait until the servers show this state."""
    ends = time.monotonic() + SECONDS
    while not check() and time.monotonic() < ends:
        time.sleep(0.1)
    assert check()


def book(practice: Practice, person: Employee) -> set[int]:
    """Return the person's deals that can change hands."""
    states = practice.crm.states()
    return {deal for deal, owner in practice.crm.owners().items() if owner == person.uid and states[deal] not in CLOSED}


def owners(practice: Practice, deals: set[int]) -> dict[int, str]:
    every = practice.crm.owners()
    return {deal: every[deal] for deal in deals}


def offboard(office: Office, leaver: Employee, *successors: Employee) -> None:
    office.offboard(leaver, successors)
    office.hr.modal("Case opened", SECONDS).close()


def asked(desk: Desk, leaver: Employee, label: str) -> Locator:
    """Return the newest message about a leaver that has a button beginning like this."""
    button = desk.page.get_by_role("button", name=re.compile(f"^{label} "))
    found = desk.feed.locator("article", has_text=leaver.name).filter(has=button).last
    expect(found).to_be_visible(timeout=SLOW)
    return found


def decide(desk: Desk, leaver: Employee, label: str) -> None:
    asked(desk, leaver, label).get_by_role("button", name=re.compile(f"^{label} ")).click()


def sheet(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def hand_in(desk: Desk, message: Locator, rows: Sequence[Sequence[str]]) -> None:
    desk.choose("Upload CSV", message)
    file = {"name": "split.csv", "mimeType": "text/csv", "buffer": sheet(rows)}
    desk.modal.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    expect(desk.modal.locator(".chip")).to_contain_text("split.csv", timeout=SLOW)
    desk.press("Upload CSV")


def test_a_file_with_faults_changes_nothing_and_a_right_one_is_followed(
    desk: Desk, practice: Practice, office: Office
) -> None:
    leaver = BY_UID["yulia.petrova"]
    deals = book(practice, leaver)
    offboard(office, leaver, BOB, CAROL)
    desk.sit(MANAGER, "Messages")
    message = asked(desk, leaver, "Approve")
    desk.choose("Get CSV", message)
    with desk.page.expect_download() as saved:
        desk.feed.locator(".file a").last.click(timeout=SLOW)
    rows = list(csv.reader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    address, client, record = (rows[0].index(title) for title in ("address", "client id", "id"))
    first = rows[1][client]
    for row in rows[1:]:
        row[address] = (BOB if row[client] == first else CAROL).email
    wrong = [list(row) for row in rows]
    wrong[2][address], wrong[4][address], wrong[6][record] = NOA.email, "Carol", "opportunity:999999"
    hand_in(desk, message, wrong)
    expect(desk.modal).to_contain_text("3 lines have faults", timeout=SLOW)
    for said in (f"that line 3 gives to {NOA.email}", "line 5: “carol” is not an e-mail", "line 7: names no client"):
        expect(desk.modal).to_contain_text(said)
    assert set(owners(practice, deals).values()) == {leaver.uid}
    desk.close()

    hand_in(desk, asked(desk, leaver, "Approve"), rows)
    expect(desk.modal).to_contain_text("Version 2", timeout=SLOW)
    desk.close()
    expect(desk.feed).to_contain_text("Version 2 of case", timeout=SLOW)
    decide(desk, leaver, "Approve")
    for person in (BOB, CAROL):
        desk.sit(person, "Messages")
        decide(desk, leaver, "Take")
    wanted = {int(row[record].partition(":")[2]): row[address].partition("@")[0] for row in rows[1:]}
    assert set(wanted) == deals
    until(lambda: owners(practice, deals) == wanted)


def test_who_receives_sees_and_decides_on_their_own_share_alone(desk: Desk, practice: Practice, office: Office) -> None:
    leaver = BY_UID["omar.haddad"]
    deals = book(practice, leaver)
    names = dict(practice.crm.query("SELECT id, description FROM sale_opportunity"))
    offboard(office, leaver, BOB, CAROL)
    taken, shown = {}, {}
    for person in (BOB, CAROL):
        desk.sit(person, "Messages")
        message = asked(desk, leaver, "Take")
        text = message.inner_text()
        [count] = re.findall(r"Take over (\d+) records of", text)
        taken[person.uid], shown[person.uid] = int(count), {deal for deal in deals if f"· {names[deal]} (" in text}
        assert set(owners(practice, deals).values()) == {leaver.uid}, "somebody has not agreed yet"
        decide(desk, leaver, "Take")
        own = desk.feed.locator("article", has_text=leaver.name)
        expect(own.last).to_contain_text(f"approved by {person.name}", timeout=SLOW)
        expect(own.get_by_role("button", name=re.compile("^Take "))).to_have_count(0)
    assert set(owners(practice, deals).values()) == {leaver.uid}, "the approver has not agreed yet"
    desk.sit(MANAGER, "Messages")
    decide(desk, leaver, "Approve")
    until(lambda: leaver.uid not in owners(practice, deals).values())
    got = {
        person.uid: {deal for deal, owner in owners(practice, deals).items() if owner == person.uid}
        for person in (BOB, CAROL)
    }
    assert {uid: len(mine) for uid, mine in got.items()} == taken
    assert all(shown[uid] and shown[uid] <= got[uid] for uid in got), "they were shown theirs and nobody else's"


def test_clients_are_put_back_some_and_then_all_that_nobody_changed_since(
    desk: Desk, practice: Practice, office: Office
) -> None:
    leaver = BY_UID["anh.nguyen"]
    deals = book(practice, leaver)
    offboard(office, leaver, MANAGER)
    office.approve(leaver)
    until(lambda: set(owners(practice, deals).values()) == {MANAGER.uid})
    named = "SELECT o.id, p.name FROM sale_opportunity o JOIN party_party p ON p.id = o.party"
    parties = dict(practice.crm.query(named))
    theirs, *rest = sorted(deals)
    client = parties[rest[-1]]
    some = {deal for deal in deals if client in parties[deal]}
    assert theirs not in some
    practice.crm.reassign(theirs, NOA.uid)

    desk.sit(HR, "offboarding")
    case = desk.feed.locator("article", has_text=leaver.name).last
    desk.press("Put Clients Back", case)
    expect(desk.modal).to_contain_text(f"{leaver.name} is locked out, and records cannot go to a locked", timeout=SLOW)
    desk.close()
    desk.press("Give Access Back", case)
    desk.modal.get_by_label("Why?").fill("a false alarm", timeout=SLOW)
    desk.press("Give Access Back")
    expect(desk.modal).to_contain_text("Access is being given back", timeout=SLOW)
    desk.close()
    expect(case).to_contain_text("has access back", timeout=SLOW)
    until(lambda: practice.can_log_in(leaver) == OPEN)

    desk.press("Put Clients Back", case)
    expect(desk.modal).to_contain_text(f"{len(rest)} records of {len(deals)} would go back", timeout=SLOW)
    desk.modal.get_by_label("Only these clients").fill(client)
    desk.press("Put Clients Back")
    expect(desk.modal).to_contain_text(re.compile(rf"{len(some)} records? of {len(some)} would go back"), timeout=SLOW)
    assert leaver.uid not in owners(practice, deals).values(), "so far it was only looked at"
    desk.press("Put Clients Back")
    expect(desk.modal).to_contain_text("being put back", timeout=SLOW)
    desk.close()
    until(lambda: book(practice, leaver) == some)

    desk.press("Put Clients Back", case)
    expect(desk.modal).to_contain_text("somebody else has it now", timeout=SLOW)
    desk.press("Put Clients Back")
    expect(desk.modal).to_contain_text("being put back", timeout=SLOW)
    desk.close()
    until(lambda: book(practice, leaver) == set(rest))
    assert practice.crm.owners()[theirs] == NOA.uid
    expect(case).to_contain_text(f"Handover undone by {HR.name}: {len(rest)} records put back", timeout=SLOW)


def test_on_the_day_of_return_the_clients_go_back_and_access_was_never_cut(
    desk: Desk, practice: Practice, office: Office
) -> None:
    leaver = BY_UID["pat.star"]
    deals = book(practice, leaver)
    desk.sit(HR, "offboarding")
    desk.page.fill("#composer-text", f"/offboard @{leaver.uid} ")
    desk.page.keyboard.press("Enter")
    desk.modal.get_by_label("For a time").check(timeout=SLOW)
    desk.modal.get_by_role("textbox", name="Last working day").fill(
        f"{practice.clock.now() + timedelta(days=1):%Y-%m-%d}", timeout=SLOW
    )
    desk.modal.get_by_role("checkbox", name=re.compile("Keep access")).check()
    back = desk.modal.get_by_label("Day of return")
    back.fill(f"{practice.clock.now() + timedelta(days=1):%Y-%m-%d}")
    desk.press("Next: Clients")
    expect(desk.modal.locator(".wrong:visible")).to_contain_text("after the leave has begun", timeout=SLOW)
    back.fill(f"{practice.clock.now() + timedelta(days=14):%Y-%m-%d}")
    desk.press("Next: Clients")
    expect(desk.modal).to_contain_text("access stays", timeout=SLOW)
    for label in ("Approver of the clients", "Colleagues who receive"):
        pick(desk.page, label, MANAGER.uid)
    desk.press("Start Offboarding")
    expect(desk.modal).to_contain_text("Nobody is locked out", timeout=SLOW)
    desk.close()
    office.approve(leaver)
    practice.jump(2 * DAY)
    until(lambda: set(owners(practice, deals).values()) == {MANAGER.uid})
    assert practice.can_log_in(leaver) == OPEN

    practice.jump(15 * DAY)
    case = desk.feed.locator("article", has_text=leaver.name.split()[0]).last
    case.get_by_role("button", name=re.compile("1 reply")).click(timeout=SLOW)
    desk.press("Put Clients Back", desk.page.locator("#side article").last)
    expect(desk.modal).to_contain_text(f"{len(deals)} records of {len(deals)} would go back", timeout=SLOW)
    desk.press("Put Clients Back")
    until(lambda: book(practice, leaver) == deals)
    assert practice.can_log_in(leaver) == OPEN
