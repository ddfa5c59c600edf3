"""A case takes effect on its day, moved or not; after a downtime it says how late it was, and why."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlmodel import select

from tests.workflows.memory import Killed
from tests.workflows.office import HR, Office
from workflows.access.lockout_messages import tell_failure
from workflows.business_days import BusinessDays
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import ExportSnapshot, FollowUp


@pytest.fixture
def day(office: Office) -> datetime:
    return office.clock.now() + timedelta(days=3)


def _refused(office: Office, case_id: str, at: datetime) -> Code:
    with pytest.raises(Refused) as caught:
        office.offboarding.reschedule(case_id, at, HR)
    return caught.value.code


def test_a_day_ends_when_it_ends_in_the_leavers_zone() -> None:
    days = BusinessDays(time(17), time(12))
    assert days.end_of(date(2026, 11, 26), "Europe/Dublin") == datetime(2026, 11, 26, 17, tzinfo=UTC)
    assert days.end_of(date(2026, 11, 27), "Europe/Dublin") == datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert days.end_of(date(2026, 7, 2), "Europe/Dublin") == datetime(2026, 7, 2, 16, tzinfo=UTC)
    assert BusinessDays(time(17)).end_of(date(2026, 11, 27), "UTC") == datetime(2026, 11, 27, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("DE", date(2026, 12, 25), "Christmas Day"),
        ("DE", date(2026, 1, 6), ""),
        ("DE-BY", date(2026, 1, 6), "Epiphany"),
        ("DE", date(2026, 12, 28), ""),
        ("", date(2026, 12, 25), ""),
    ],
)
def test_holidays_are_the_countrys(country: str, day: date, name: str) -> None:
    assert BusinessDays(time(17), None, country).holiday(day) == name


def test_weekends_are_known() -> None:
    days = BusinessDays(time(17))
    assert [days.is_weekend(date(2026, 11, number)) for number in (27, 28, 29, 30)] == [False, True, True, False]


@pytest.mark.parametrize("country", ["IL", "EG"])
def test_weekends_are_the_countrys(country: str) -> None:
    days = BusinessDays(time(17), None, country)
    assert [days.is_weekend(date(2026, 11, number)) for number in (26, 27, 28, 29)] == [False, True, True, False]


@pytest.mark.parametrize("to", [timedelta(days=10), timedelta(hours=2)])
def test_a_moved_case_takes_effect_at_its_new_time_only(office: Office, day: datetime, to: timedelta) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    new = office.clock.now() + to
    office.offboarding.reschedule(case_id, new, HR)
    office.clock.at = new - timedelta(seconds=1)
    office.work()
    assert all(user.active for user in office.directory.users.values())
    office.clock.at = new
    office.work()
    assert office.offboarding.case(case_id).locked_out
    with office.store.read() as session:
        checks = {row.due_at for row in session.exec(select(FollowUp))}
        shots = {row.occasion: row.due_at for row in session.exec(select(ExportSnapshot))}
        said = [row.action for row in session.exec(select(JournalEntry))]
    assert checks == {new + timedelta(days=1), new + timedelta(days=7)}
    assert (shots["lock"], shots["day 7"]) == (new, new + timedelta(days=7))
    assert said.count("case.rescheduled") == 1


def test_what_has_begun_or_is_past_is_not_moved(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    assert _refused(office, case_id, office.clock.now()) is Code.PAST_TIME
    assert _refused(office, case_id, day + timedelta(days=365 * 180)) is Code.FAR_TIME
    assert _refused(office, case_id, day) is Code.SAME_TIME
    office.clock.at = day
    assert _refused(office, case_id, day + timedelta(days=1)) is Code.NOT_OPEN
    office.work()
    assert _refused(office, case_id, day + timedelta(days=1)) is Code.NOT_OPEN
    assert _refused(office, "HO-none", day) is Code.UNKNOWN_CASE


def test_a_cancelled_case_is_not_moved_back_to_life(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.offboarding.cancel(case_id, HR, "a mistake")
    assert _refused(office, case_id, day + timedelta(days=1)) is Code.NOT_OPEN
    assert office.offboarding.case(case_id).state is CaseState.CANCELLED


def test_after_a_downtime_it_says_how_late_and_that_nobody_was_there(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.clock.at = day + timedelta(hours=3, minutes=12)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert case.locked_out
    assert {line.late for line in case.systems} == {"3 h 12 min late: Handover was not running"}
    with office.store.read() as session:
        late = [row for row in session.exec(select(JournalEntry)) if row.action == "access.late"]
    assert len(late) == 2
    assert '"seconds": 11520' in late[0].data or '"seconds":11520' in late[0].data


def test_a_busy_bot_does_not_claim_that_it_was_down(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.clock.at = day + timedelta(minutes=5)
    office.journal.note("audit.done", HANDOVER, {})
    office.clock.at = day + timedelta(minutes=20)
    office.work("revoke")
    assert {line.late for line in office.offboarding.case(case_id).systems} == {
        "20 min late: Handover was busy, or not running for a part of that time"
    }


def test_a_few_minutes_are_not_late_nor_is_a_dead_system(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.clock.at = day + timedelta(minutes=4)
    office.crm.down = True
    office.work("revoke")
    for _ in range(12):
        office.clock.pass_(minutes=5)
        office.work("revoke")
    office.crm.down = False
    office.clock.pass_(minutes=5)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert case.locked_out
    assert {line.late for line in case.systems} == {""}


def test_killed_after_a_late_beginning_it_is_still_said(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.clock.at = day + timedelta(days=1, minutes=1)
    office.crm.fail("lock", Killed())
    with pytest.raises(Killed):
        office.dispatch.row(f"{case_id}:crm")
    office.clock.pass_(minutes=1)
    office.work("revoke")
    [crm] = [line for line in office.offboarding.case(case_id).systems if line.system == "crm"]
    assert crm.late.startswith("1 d 2 min late")


def test_checks_of_a_case_of_its_own_days_move_with_it(office: Office, day: datetime) -> None:
    case_id = office.offboarding.open(office.request(effective_at=day, follow_up_days=(2, 20)))
    office.offboarding.reschedule(case_id, day + timedelta(days=3), HR)
    with office.store.read() as session:
        snapshots = session.exec(select(ExportSnapshot).where(ExportSnapshot.case_id == case_id)).all()
    due = {one.occasion: one.due_at for one in snapshots}
    assert due["day 20"] == day + timedelta(days=23)
    assert [one.due_at for one in office.offboarding.case(case_id).follow_ups] == [
        day + timedelta(days=5),
        day + timedelta(days=23),
    ]


def test_who_cancels_a_case_hears_nothing_of_it_afterwards(office: Office) -> None:
    """News that was not sent yet is withdrawn from whoever made it untrue, too, and leaves no finding."""
    colleague = replace(HR, id="slack:U0HR2", name="Two")
    case_id = office.offboarding.open(
        office.request(
            requested_by=colleague, line_manager=HR.slack_id, effective_at=office.clock.now() + timedelta(days=3)
        )
    )
    [told] = [post for post in office.posts().values() if post.kind == MessageKind.NEWS]
    with office.store.write() as session:
        session.add(session.get_one(OutboxMessage, told.id).sqlmodel_update({"problem": "Slack is down"}))
    office.offboarding.cancel(case_id, HR, "a mistake")
    news = [post for post in office.posts().values() if post.kind == MessageKind.NEWS and post.channel == HR.slack_id]
    assert [(post.shown_version - post.wanted_version, post.problem) for post in news] == [(0, "")]
    office.audits.rows.check("audit", everything=True)
    assert office.audits.findings() == [], "a withdrawn message is no change in the database"
    assert office.posts()[told.id].shown_version == office.posts()[told.id].wanted_version


def test_a_failure_while_the_message_of_another_is_on_its_way_is_told_by_its_own(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    for system, claim in (("directory", "a"), ("crm", "")):
        with office.store.write() as session:
            tell_failure(session, f"{case_id}:{system}", read_case(session, office.vault, case_id)[1], "C0SEC")
            for post in session.exec(select(OutboxMessage).where(OutboxMessage.kind == MessageKind.LOCKOUT_FAILED)):
                session.add(post.sqlmodel_update({"claimed_by": claim}))
    told = [post.id for post in office.posts().values() if post.id.startswith("failed:") and post.channel == "C0SEC"]
    assert sorted(told) == [f"failed:{case_id}:{system}:C0SEC" for system in ("crm", "directory")]
