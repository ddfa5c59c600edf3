"""A clock that is set back an hour or ahead a day: nothing urgent waits, nothing is done twice or left out."""

from collections import Counter
from datetime import timedelta

from sqlmodel import select

from config.text import shown
from tests.workflows.office import BOB, CAROL, DANA, MAX, Office
from tests.workflows.proof import proven
from workflows.engine.clock_jumps import ClockJumps, heal
from workflows.people import Actor, Leaver
from workflows.storage.rows.access import Access
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.watch import FollowUp
from workflows.storage.rows.work_state import WorkState

APPROVER = Actor(f"slack:{MAX.slack_id}", "Max")
ZOE = Leaver("Zoe", "max@x.example", "U0ZOE", "Europe/Dublin")


class Steady:
    """Seconds that pass whatever the clock says."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def _leap(office: Office, leaps: ClockJumps, **span: float) -> timedelta:
    leaps.check()
    office.clock.pass_(**span)
    return leaps.check()


def _leaps(office: Office) -> ClockJumps:
    return ClockJumps(office.store, office.journal, office.clock, Steady())


def _accesses(office: Office) -> list[Access]:
    with office.store.read() as session:
        return list(session.exec(select(Access)))


def _noted(office: Office) -> int:
    with office.store.read() as session:
        return len(session.exec(select(JournalEntry).where(JournalEntry.action == "clock.set")).all())


def test_a_lock_out_that_was_put_off_does_not_wait_an_hour_more(office: Office) -> None:
    office.crm.down = True
    office.offboarding.open(office.request())
    office.work("revoke")
    office.crm.down = False
    leaps = _leaps(office)
    assert _leap(office, leaps, hours=-1) == timedelta(hours=-1)
    assert office.work("revoke") == 1
    assert not office.crm.users["crm-dana"].active  # type: ignore[index]
    assert _noted(office) == 1


def test_a_lock_out_for_now_is_done_now_though_the_clock_went_back(office: Office) -> None:
    office.offboarding.open(office.request())
    assert _leap(office, _leaps(office), hours=-1) == timedelta(hours=-1)
    assert office.work("revoke") == 2
    assert set((office.directory.writes + office.crm.writes).values()) == {1}


def test_a_last_working_day_stays_where_people_put_it(office: Office) -> None:
    effective = office.clock.now() + timedelta(hours=9)
    office.offboarding.open(office.request(effective_at=effective))
    _leap(office, _leaps(office), hours=-1)
    assert {row.due_at for row in _accesses(office)} == {effective}
    assert office.work("revoke") == 0


def test_messages_that_slack_did_not_take_do_not_wait_an_hour_more(office: Office) -> None:
    office.offboarding.open(office.request())
    with office.store.write() as session:
        for post in office.posts().values():
            post.next_try_at = office.clock.now() + timedelta(seconds=10)
            session.merge(post)
    _leap(office, _leaps(office), hours=-1)
    assert {post.next_try_at for post in office.posts().values()} == {None}


def test_messages_that_a_wrong_clock_put_off_while_nobody_ran_do_not_wait_a_year(office: Office) -> None:
    office.offboarding.open(office.request())
    soon, far = office.clock.now() + timedelta(seconds=10), office.clock.now() + timedelta(days=365)
    with office.store.write() as session:
        for number, post in enumerate(office.posts().values()):
            post.next_try_at = soon if number else far
            session.merge(post)
    waiting = len(office.posts()) - 1
    assert heal(office.store, office.journal, office.clock) == 1
    assert Counter(post.next_try_at for post in office.posts().values()) == Counter({None: 1, soon: waiting})
    assert heal(office.store, office.journal, office.clock) == 0


def test_a_short_step_and_a_long_sleep_are_no_leap(office: Office) -> None:
    leaps, steady = _leaps(office), Steady()
    leaps._elapsed = steady
    assert _leap(office, leaps, seconds=-30) == timedelta(seconds=-30)
    leaps.check()
    office.clock.pass_(hours=8)
    steady.at += 8 * 3600
    assert leaps.check() == timedelta(0)
    assert _noted(office) == 0


def test_back_an_hour_and_on_again_does_nothing_twice(office: Office) -> None:
    """Across the hour of the audit, and with a whole case behind it."""
    for number in range(3):
        office.crm.record(f"opportunity:{number}", "crm-dana")
    office.offboarding.open(office.request())
    leaps = _leaps(office)
    for hours in (0, 0, 24, 0, -1, 0, 0.5, 0.5, 0, 24, -1, 1, 0):
        _leap(office, leaps, hours=hours)
        for proposal in office.handover.proposals.waiting_for(MAX.slack_id):
            office.handover.decisions.decide(proposal.id, proposal.digest, APPROVER, approve=True)
        office.audits.call()
        office.work()
    assert set((office.directory.writes + office.crm.writes).values()) == {1}
    assert office.crm.owned("crm-dana") == set()
    audits = [post for post in office.posts().values() if post.kind == "audit"]
    assert Counter(post.wanted_version for post in audits) == {2: 2}, "the second version has the head of the journal"
    office.journal.seal()
    assert proven(office.journal).ok


def test_ahead_a_day_everything_is_done_once_and_said_to_be_late(office: Office) -> None:
    office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(hours=2)))
    office.offboarding.open(office.request(leaver=ZOE, approver=BOB, successors=(CAROL,)))
    assert DANA.email != ZOE.email
    assert _leap(office, _leaps(office), days=1) == timedelta(days=1)
    for _ in range(3):
        office.audits.call()
        office.work()
    assert set((office.directory.writes + office.crm.writes).values()) == {1}
    late = {shown(row.late).partition(":")[0] for row in _accesses(office)}
    assert late == {"22 h late", "1 d late"}
    assert [post.kind for post in office.posts().values()].count("audit") == 1
    with office.store.read() as session:
        first = session.exec(select(FollowUp).where(FollowUp.day == 1)).all()
    assert [row.state for row in first].count(WorkState.DONE) == 1
    assert _noted(office) == 1
