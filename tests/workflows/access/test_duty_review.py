"""The question about duties: asked once, asked again for a new one, reminded, and told if undecided on the last day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.contract import DutyKind
from connectors.errors import Unavailable
from tests.workflows.access.test_duty_decisions import (
    DANAS,
    FIXED,
    KEEP,
    LEADS,
    NIGHTLY,
    SALES,
    decide,
    duty,
    flows,
    later,
    office,
)
from tests.workflows.memory import Killed, World
from tests.workflows.office import Office
from workflows.access.duty_review import Reminder

__all__ = ["flows", "office"]


def asked(office: Office) -> list[str]:
    """Return who got which message about duties."""
    return sorted(post.partition(":")[2].partition(":")[2] for post in office.posts() if post.startswith("duties:"))


def undecided(office: Office) -> list[str]:
    return [one.detail for one in office.audits.findings() if one.kind == "duty undecided"]


def days(office: Office, number: int) -> None:
    for _day in range(number):
        office.clock.pass_(days=1)
        office.work("duty_review")


def keep_all(office: Office, case_id: str) -> None:
    for one in (NIGHTLY, LEADS, SALES, FIXED):
        decide(office, case_id, one, KEEP)


def test_the_approver_is_asked_once_and_reminded_once_with_hr(office: Office) -> None:
    later(office)
    assert asked(office) == ["U0MAX:first"]
    days(office, 5)
    assert asked(office) == ["U0MAX:first"]
    days(office, 24)
    assert asked(office) == ["U0HR:reminder", "U0MAX:first", "U0MAX:reminder"]
    assert undecided(office) == []


def test_what_is_undecided_on_the_last_day_is_told_once(office: Office) -> None:
    case_id = later(office)
    decide(office, case_id, SALES, KEEP)
    days(office, 31)
    assert undecided(office) == ["3 duties: Nightly sync, Personal key, Leads"]
    told = [post for post in office.posts() if post.startswith("found:")]
    assert len(told) == 2, "who asked, and security"
    days(office, 3)
    assert [post for post in office.posts() if post.startswith("found:")] == told
    for one in (NIGHTLY, LEADS, FIXED):
        decide(office, case_id, one, KEEP)
    assert undecided(office) == [], "decided, so nothing is left to act on"


def test_nobody_is_reminded_or_told_of_what_was_decided(office: Office) -> None:
    keep_all(office, later(office))
    days(office, 32)
    assert asked(office) == ["U0MAX:first"]
    assert undecided(office) == []


def test_a_duty_that_comes_after_the_notice_is_asked_about(office: Office, flows: World) -> None:
    case_id = later(office)
    keep_all(office, case_id)
    days(office, 2)
    flows.duties[DANAS].append(duty("New queue", DutyKind.ROUTES))
    days(office, 1)
    assert len(asked(office)) == 2
    days(office, 30)
    assert undecided(office) == ["1 duty: New queue"]


def test_a_duty_that_is_gone_needs_no_decision(office: Office, flows: World) -> None:
    later(office)
    flows.duties[DANAS] = [SALES]
    days(office, 31)
    assert undecided(office) == ["1 duty: Sales"]


def test_a_list_that_was_never_read_is_said_on_the_last_day(office: Office, flows: World) -> None:
    flows.fail("duties", Unavailable("down"), times=999)
    later(office)
    days(office, 31)
    [said] = undecided(office)
    assert "not known" in said
    assert "down" in said


def test_a_list_that_cannot_be_read_any_more_does_not_hide_what_is_undecided(office: Office, flows: World) -> None:
    later(office)
    flows.fail("duties", Unavailable("401 after the lock"), times=999)
    days(office, 31)
    assert undecided(office) == ["4 duties: Nightly sync, Personal key, Leads, …"]
    assert any("401" in words for words in office.services.duty_decisions.view(case(office)).unknown)


def case(office: Office) -> str:
    return office.offboarding.cases()[0].id


def test_a_dismissal_asks_at_once_and_tells_a_business_day_later(office: Office) -> None:
    office.offboarding.open(office.request())
    office.clock.pass_(minutes=20)
    office.work()
    assert asked(office) == ["U0MAX:first"]
    assert undecided(office) == []
    days(office, 3)
    assert len(undecided(office)) == 1


def test_a_leaver_without_duties_is_no_question(office: Office, flows: World) -> None:
    flows.duties = {}
    later(office)
    days(office, 31)
    assert (asked(office), undecided(office)) == ([], [])


def test_a_kill_asks_once(office: Office, flows: World) -> None:
    office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30)))
    office.clock.pass_(minutes=20)
    office.work("book", "inventory")
    flows.fail("duties", Killed())
    with pytest.raises(Killed):
        office.work("duty_review")
    office.work("duty_review")
    office.work("duty_review")
    assert asked(office) == ["U0MAX:first"]


@pytest.mark.parametrize(
    ("days_before", "at"),
    [
        (1, datetime(2026, 3, 5, 17, tzinfo=UTC)),
        (2, datetime(2026, 3, 4, 17, tzinfo=UTC)),
        (5, datetime(2026, 2, 27, 17, tzinfo=UTC)),
    ],
)
def test_a_reminder_counts_business_days_back(days_before: int, at: datetime) -> None:
    friday = datetime(2026, 3, 6, 17, tzinfo=UTC)
    assert Reminder(days_before).at(friday) == at


def test_systems_without_duties_have_no_review(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.offboarding.open(office.request())
    assert office.work("duty_review") == 0
    office.store.close()
