"""The two smaller stories as a newcomer clicks them; and time that passes in the practice company makes nobody late."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

from bot.slack.forms.offboard import LAST_DAY
from tests.journeys.people_at_work import Office
from tests.journeys.window import SLOW, Desk, pick
from tests.sandbox.company.people import BY_UID, MANAGER, Employee
from tests.sandbox.guide import ON_LEAVE, STAND_IN, SUSPECT, panel
from tests.sandbox.practice import Practice
from tests.sandbox.slack.records import Message
from tests.sandbox.story import DAY, text_of

OPEN, LOCKED = {"directory": True, "crm": True}, {"directory": False, "crm": False}
END_OF_DAY = 17
"""Hour at which the last working day ends."""


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with Practice(tmp_path_factory.mktemp("practice"), panel=panel) as practice:
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


def follow(desk: Desk, title: str, person: Employee) -> None:
    """Choose a story: the servers speak of its person, and nothing is bad as long as that person has not left."""
    desk.page.get_by_label("Story to follow").select_option(title)
    expect(desk.card(f"{person.name} in the directory")).to_contain_text("works", timeout=SLOW)
    expect(desk.card(f"{person.name} in the CRM")).to_contain_text("works", timeout=SLOW)
    expect(desk.page.locator(".truth .tone-bad")).to_have_count(0)


def command(desk: Desk) -> None:
    """Let the story write the command, and send it."""
    desk.story.get_by_role("button", name="Put it into the message box").click(timeout=SLOW)
    desk.page.keyboard.press("Enter")
    expect(desk.modal.get_by_role("button", name="Next: Clients")).to_be_visible(timeout=SLOW)


def hand_over_to(desk: Desk, receiver: Employee) -> None:
    """Go on to the second page, and fill it."""
    desk.press("Next: Clients")
    expect(desk.modal.get_by_role("button", name="Start Offboarding")).to_be_visible(timeout=SLOW)
    for label, person in (("Approver of the clients", MANAGER), ("Colleagues who receive", receiver)):
        pick(desk.page, label, f"@{person.uid}")
    desk.press("Start Offboarding")


def done(desk: Desk, steps: int) -> None:
    expect(desk.story.locator(".done")).to_have_count(steps, timeout=SLOW)


def pass_time(desk: Desk, label: str) -> None:
    desk.page.get_by_role("button", name=label).click()
    expect(desk.page.locator(".jumps [aria-busy]")).to_have_count(0, timeout=SLOW)


def test_an_incident_with_a_dead_server_ends_as_a_false_alarm(desk: Desk, practice: Practice) -> None:
    follow(desk, "An incident on a bad night", SUSPECT)
    desk.act("Stop the CRM")
    command(desk)
    desk.modal.get_by_label("Now, at once").check()
    pick(desk.page, "Reason", "theft")
    hand_over_to(desk, MANAGER)
    expect(desk.modal).to_contain_text("Case opened", timeout=SLOW)
    desk.close()
    case = desk.feed.locator("article", has_text=SUSPECT.name).first
    expect(case).to_contain_text("unknown in Tryton", timeout=SLOW)
    done(desk, 2)
    assert not practice.directory.can_bind(SUSPECT.uid, SUSPECT.password)
    desk.act("Start the CRM")
    pass_time(desk, "+1 hour")
    done(desk, 3)
    assert practice.is_open(SUSPECT) == LOCKED
    desk.press("Give Access Back", case)
    desk.modal.get_by_label("Why?").fill("a false alarm", timeout=SLOW)
    desk.press("Give Access Back")
    expect(desk.modal).to_contain_text("Access is being given back", timeout=SLOW)
    desk.close()
    done(desk, 4)
    assert practice.is_open(SUSPECT) == OPEN
    expect(desk.page.locator(".truth .tone-bad")).to_have_count(0)


def test_a_handover_during_leave_is_given_back_and_access_stays(desk: Desk, practice: Practice) -> None:
    follow(desk, "Away for two weeks", ON_LEAVE)
    deals = practice.owned(ON_LEAVE)
    command(desk)
    today = practice.clock.now()
    desk.modal.get_by_label("For a time").check()
    last = desk.modal.get_by_role("textbox", name="Last working day")
    last.fill(f"{today + timedelta(days=1):%Y-%m-%d}", timeout=SLOW)
    desk.modal.get_by_role("checkbox", name=re.compile("Keep access")).check()
    desk.modal.get_by_label("Day of return").fill(f"{today + timedelta(days=14):%Y-%m-%d}")
    hand_over_to(desk, STAND_IN)
    expect(desk.modal).to_contain_text("Nobody is locked out", timeout=SLOW)
    desk.close()
    done(desk, 1)
    desk.become(MANAGER)
    desk.feed.get_by_role("button", name=re.compile("Approve .* Records")).last.click(timeout=SLOW)
    done(desk, 2)
    desk.story.get_by_role("button", name="Become Hanna").click()
    pass_time(desk, "+1 day")
    pass_time(desk, "+1 day")
    done(desk, 3)
    assert practice.owned(ON_LEAVE) == practice.fixed(ON_LEAVE) < deals
    pass_time(desk, "+7 days")
    pass_time(desk, "+7 days")
    case = desk.feed.locator("article", has_text=ON_LEAVE.name).last
    case.get_by_role("button", name=re.compile("1 reply")).click(timeout=SLOW)
    desk.press("Put Clients Back", desk.page.locator("#side article").last)
    desk.press("Put Clients Back")
    expect(desk.modal).to_contain_text("being put back", timeout=SLOW)
    desk.close()
    desk.page.get_by_role("button", name="Close thread").click()
    done(desk, 4)
    assert (practice.owned(ON_LEAVE), practice.is_open(ON_LEAVE)) == (deals, OPEN)


def leave_tomorrow(office: Office, person: Employee) -> date:
    hr, tomorrow = office.hr, office.practice.clock.now() + timedelta(days=1)
    office.form(person).fill("when", LAST_DAY)
    form = hr.wait_for(lambda: hr.view if hr.view and "Last working day" in hr.view.text else None)
    form.fill("day", f"{tomorrow:%Y-%m-%d}").fill("reason", "resignation").submit()
    last = hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label == "Start Offboarding" else None)
    last.fill("approver", MANAGER.slack_id).fill("successors", [STAND_IN.slack_id]).fill("strategy", "balanced")
    last.submit()
    office.hr.modal("Case opened", SLOW / 1000).close()
    return tomorrow.date()


def locked(office: Office, person: Employee) -> Message:
    return office.message(
        office.hr, "offboarding", lambda text: person.name in text and "locked out of 2 of 2" in text, SLOW / 1000
    )


def test_who_leaves_while_time_passes_is_locked_out_in_time_and_who_is_leapt_over_is_late(
    practice: Practice, office: Office
) -> None:
    first, second = BY_UID["omar.haddad"], BY_UID["yulia.petrova"]
    last_day = leave_tomorrow(office, first)
    assert not practice.has_left(first)
    practice.pass_time(3 * DAY)
    assert practice.has_left(first)
    message = locked(office, first)
    assert " late: " not in text_of(message)
    check, *_ = [one for one in office.hr.messages("offboarding", message.ts) if "Day 1 check" in one.text]
    said = datetime.fromtimestamp(float(check.ts), ZoneInfo(first.timezone))
    assert (said.date(), said.hour) == (last_day + timedelta(days=1), END_OF_DAY), "each check on its own day"
    leave_tomorrow(office, second)
    practice.jump(2 * DAY)
    assert " late: " in text_of(locked(office, second))


def test_time_does_not_stop_for_a_bot_that_does_not_run(tmp_path: Path) -> None:
    practice = Practice(tmp_path)
    before = practice.clock.now()
    practice.pass_time(DAY)
    assert practice.clock.now() - before >= timedelta(days=1)
