"""Retention: rows that are deleted after a time, and those that never are (rows in use, the journal)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from connectors.contract import AccountId
from tests.workflows.office import SECURITY, Office
from workflows.storage.outbox import deliver
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.watch import AuditRun, FollowUp
from workflows.watch.retention import Retention

KEEP = timedelta(days=400)


class Shown:
    """Shows every message as a new one."""

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        return post.channel, post.ts or f"{post.id}.1"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Office]:
    """Return an office with a leaver whose follow-ups are done, and with two audits that were shown."""
    office = Office(tmp_path)
    office.offboarding.open(office.request())
    office.work()
    for _day in range(9):
        office.clock.pass_(days=1)
        office.work("follow_up")
    for _day in range(2):
        office.clock.pass_(days=1)
        office.audits.call()
        office.work("audit")
    office.audits.run_now(SECURITY)
    tell(office)
    yield office
    office.store.close()


def tell(office: Office) -> None:
    while deliver(office.store, Shown(), office.clock) + deliver(office.store, Shown(), office.clock, files=True):
        pass


def prune(office: Office, keep: timedelta = KEEP) -> int:
    return Retention(office.context, keep).prune()


def ids(office: Office, model: type[SQLModel]) -> set[str]:
    with office.store.read() as session:
        return set(session.exec(select(model.id)))  # type: ignore[attr-defined]


def test_nothing_is_deleted_before_its_time_nor_where_policy_keeps_all(watched: Office) -> None:
    office = watched
    before = ids(office, OutboxMessage), ids(office, AuditRun), ids(office, FollowUp)
    office.clock.pass_(days=380)
    assert prune(office) == 0
    office.clock.pass_(days=400)
    assert prune(office, timedelta(0)) == 0
    assert (ids(office, OutboxMessage), ids(office, AuditRun), ids(office, FollowUp)) == before


def test_old_audits_and_follow_ups_go_with_their_messages_and_the_journal_stays(watched: Office) -> None:
    office = watched
    [older, newer] = sorted(one for one in ids(office, AuditRun) if one.startswith("audit-"))
    [check] = ids(office, AuditRun) - {older, newer}
    journal, messages = ids(office, JournalEntry), ids(office, OutboxMessage)
    assert {older, newer, f"file:{older}", f"file:{newer}"} <= messages
    office.clock.pass_(days=401)
    assert prune(office) == 2 + 1 + 2 + 2
    assert ids(office, AuditRun) == {newer, check}, "the newest audit's message is still updated; the check is latest"
    assert ids(office, FollowUp) == set()
    gone = messages - ids(office, OutboxMessage)
    assert gone == {older, f"file:{older}", *(one for one in messages if one.startswith("follow_up:"))}
    assert ids(office, JournalEntry) == journal
    assert prune(office) == 0
    assert office.audits.latest() is not None


def test_what_is_still_to_be_shown_or_done_is_kept(watched: Office) -> None:
    office = watched
    older = min(one for one in ids(office, AuditRun) if one.startswith("audit-"))
    with office.store.write() as session:
        session.get_one(OutboxMessage, older).wanted_version += 1
        for row in session.exec(select(FollowUp)).all():
            row.state, row.done_at = "due", None
            session.add(row)
    office.clock.pass_(days=401)
    assert prune(office) == 1, "the file of the older audit"
    assert older in ids(office, AuditRun)
    assert older in ids(office, OutboxMessage)
    assert len(ids(office, FollowUp)) == 2


def test_a_case_can_be_worked_on_after_pruning(watched: Office) -> None:
    office = watched
    office.clock.pass_(days=401)
    prune(office)
    office.directory.users[AccountId("directory-dana")].active = True
    office.clock.pass_(days=1)
    office.audits.call()
    office.work("audit")
    [finding] = office.audits.findings()
    office.audits.take(finding.id, SECURITY)
    [case] = office.offboarding.cases()
    assert case.follow_ups == ()
    behind = {one.id for one in office.posts().values() if one.shown_version < one.wanted_version}
    assert f"case:{case.id}" in behind, "the case's message is brought up to date as before"


def test_nothing_of_a_case_under_a_legal_hold_is_deleted_until_the_hold_ends(watched: Office) -> None:
    [case] = watched.offboarding.cases()
    watched.services.legal_holds.set(case.id, SECURITY, "a lawsuit")
    watched.clock.pass_(days=500)
    checks = ids(watched, FollowUp)
    told = {one for one in ids(watched, OutboxMessage) if watched.posts()[one].case_id == case.id}
    prune(watched)
    assert ids(watched, FollowUp) == checks
    assert told <= ids(watched, OutboxMessage)
    watched.services.legal_holds.end(case.id, SECURITY, "it is over")
    prune(watched)
    assert ids(watched, FollowUp) == set()
