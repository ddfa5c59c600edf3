"""Responses to findings by people and by the bot: taken, accepted, reported again, locked again."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.contract import AccountId
from connectors.errors import Unavailable
from tests.workflows.memory import Killed
from tests.workflows.office import SECURITY, Office
from workflows.cases.views import AuditView, FindingLine
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind
from workflows.watch.responses import FindingPolicy

DANA = AccountId("directory-dana")
OTHER = Actor("slack:U0SAM", "Olga")


def audit(office: Office) -> AuditView:
    """Let a day pass and audit."""
    office.clock.pass_(days=1)
    office.audits.call()
    office.work("audit")
    view = office.audits.latest()
    assert view is not None
    return view


def reopened(office: Office) -> FindingLine:
    """Return the finding of an account that was opened behind our back."""
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.directory.users[DANA].active = True
    [finding] = audit(office).findings
    return finding


def today(office: Office) -> date:
    return office.clock.now().date()


def escalations(office: Office) -> list[str]:
    return [post.channel for post in office.posts().values() if post.kind == MessageKind.ESCALATION]


def actions(office: Office, action: str) -> int:
    with office.store.read() as session:
        return len(session.exec(select(JournalEntry).where(JournalEntry.action == action)).all())


@pytest.fixture
def told(tmp_path: Path) -> Office:
    """Return an office in which Sam and Ada get messages about findings that nobody takes."""
    return Office(tmp_path, responses=FindingPolicy(tell=("U0SAM", "U0ADA")))


@pytest.fixture
def strict(tmp_path: Path) -> Office:
    """Return an office that locks again by itself."""
    return Office(tmp_path, responses=FindingPolicy(relock=True))


def test_taking_a_finding_says_who_works_on_it_once(office: Office) -> None:
    finding = reopened(office)
    assert finding.taken_by == ""
    for _ in range(2):
        assert office.audits.take(finding.id, SECURITY).taken_by == "Sam"
    assert actions(office, "finding.taken") == 1
    assert office.audits.take(finding.id, OTHER).taken_by == "Olga"
    assert [line.taken_by for line in office.audits.findings()] == ["Olga"]


def test_what_nobody_takes_is_said_first_next_day_and_in_person_once(told: Office) -> None:
    finding = reopened(told)
    assert not finding.overdue
    assert escalations(told) == []
    [late] = audit(told).findings
    assert late.overdue
    assert sorted(escalations(told)) == ["U0ADA", "U0SAM"]
    assert audit(told).findings[0].overdue
    assert len(escalations(told)) == 2
    assert actions(told, "finding.escalated") == 1


def test_what_somebody_took_is_not_escalated(told: Office) -> None:
    told.audits.take(reopened(told).id, SECURITY)
    assert not audit(told).findings[0].overdue
    assert escalations(told) == []


def test_an_accepted_finding_is_listed_apart_and_comes_back_when_its_day_is_over(told: Office) -> None:
    finding = reopened(told)
    line = told.audits.accept(finding.id, today(told) + timedelta(days=1), " a contractor till then ", SECURITY)
    assert (line.accepted_by, line.accepted_reason) == ("Sam", "a contractor till then")
    view = audit(told)
    assert view.findings == ()
    assert [one.id for one in view.accepted] == [finding.id]
    assert escalations(told) == []
    view = audit(told)
    assert [one.id for one in view.findings] == [finding.id]
    assert view.accepted == ()
    assert not view.findings[0].overdue, "the time in which it was accepted does not count"
    assert audit(told).findings[0].overdue


@pytest.mark.parametrize(
    ("days", "reason", "code"), [(1, "  ", Code.NEEDS_REASON), (-1, "why", Code.PAST_TIME), (31, "why", Code.TOO_FAR)]
)
def test_acceptance_needs_a_reason_and_an_end_that_policy_allows(
    office: Office, days: int, reason: str, code: Code
) -> None:
    finding = reopened(office)
    with pytest.raises(Refused) as caught:
        office.audits.accept(finding.id, today(office) + timedelta(days=days), reason, SECURITY)
    assert caught.value.code is code
    assert [line.id for line in office.audits.findings()] == [finding.id]


def test_the_last_day_that_policy_allows_is_allowed(office: Office) -> None:
    finding = reopened(office)
    assert office.audits.accept(finding.id, today(office) + timedelta(days=30), "why", SECURITY).accepted_until


def test_a_closed_or_unknown_finding_can_be_neither_taken_nor_accepted(office: Office) -> None:
    finding = reopened(office)
    office.directory.users[DANA].active = False
    assert audit(office).findings == ()
    for finding_id, code in ((finding.id, Code.CLOSED_FINDING), ("F-none", Code.UNKNOWN_FINDING)):
        with pytest.raises(Refused) as caught:
            office.audits.take(finding_id, SECURITY)
        assert caught.value.code is code
        with pytest.raises(Refused) as caught:
            office.audits.accept(finding_id, today(office), "why", SECURITY)
        assert caught.value.code is code


def test_who_opened_it_again_is_said_where_the_system_tells(office: Office) -> None:
    office.directory.users[DANA].changed_by = "cn=ada, 2026-03-02 10:00 UTC"
    assert reopened(office).changed_by == "cn=ada, 2026-03-02 10:00 UTC"
    assert audit(office).findings[0].changed_by, "it is asked once, and kept"
    assert office.directory.calls["changed_by"] == 1


def test_no_word_on_who_opened_it_stops_no_audit(office: Office) -> None:
    office.directory.fail("changed_by", Unavailable("busy"))
    assert "not known" in reopened(office).changed_by


def test_nothing_is_locked_again_without_the_policy(office: Office) -> None:
    reopened(office)
    assert office.work("revoke") == 0
    assert office.directory.users[DANA].active


def test_by_policy_it_is_locked_again_at_once_and_the_audit_says_so(strict: Office) -> None:
    finding = reopened(strict)
    assert finding.relocked_at is not None
    assert strict.work("revoke") == 1
    assert not strict.directory.users[DANA].active
    view = strict.audits.latest()
    assert view is not None
    assert (view.findings, [one.id for one in view.relocked]) == ((), [finding.id])
    assert audit(strict).relocked == ()


def test_an_accepted_finding_is_never_locked_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.audits.accept(reopened(office).id, today(office) + timedelta(days=9), "agreed", SECURITY)
    strict = Office(tmp_path, responses=FindingPolicy(relock=True))
    strict.clock.at = office.clock.at
    view = audit(strict)
    assert [line.system for line in view.relocked] == ["crm"]
    assert [line.system for line in view.accepted] == ["directory"]
    assert strict.work("revoke") == 1
    assert strict.directory.users[DANA].active
    assert not strict.crm.users[AccountId("crm-dana")].active


def test_a_case_that_was_called_off_is_never_locked_again(strict: Office) -> None:
    case_id = strict.offboarding.open(strict.request())
    strict.work("revoke", "exports", "book")
    strict.directory.users[DANA].active = True
    with strict.store.write() as session:
        session.add(session.get_one(Case, case_id, populate_existing=True))
        session.get_one(Case, case_id).state = CaseState.CANCELLED
        strict.journal.write(session, actor=SECURITY, action="case.cancelled", case_id=case_id)
    audit_run = strict.audits.run_now(SECURITY)
    assert (audit_run.findings, audit_run.relocked) == ((), ())
    assert strict.work("revoke") == 0


def test_killed_between_reading_and_locking_again_it_is_locked_by_the_next_try(
    strict: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict.offboarding.open(strict.request())
    strict.work("revoke", "exports", "book")
    strict.directory.users[DANA].active = True
    strict.clock.pass_(days=1)
    strict.audits.call()

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(strict.offboarding, "retry", die)
    monkeypatch.setattr(strict.audits._responses, "_retry", die)
    with pytest.raises(Killed):
        strict.work("audit")
    monkeypatch.undo()
    strict.work("audit", "revoke")
    assert not strict.directory.users[DANA].active


def test_moments_are_in_utc(office: Office) -> None:
    finding = reopened(office)
    line = office.audits.accept(finding.id, date(2026, 3, 10), "why", SECURITY)
    assert line.accepted_until == datetime(2026, 3, 10, 23, 0, tzinfo=UTC), "the day ends in Berlin"


def test_only_the_most_urgent_are_read_where_a_few_are_asked_for(office: Office) -> None:
    reopened(office)
    office.crm.users[AccountId("crm-dana")].active = True
    every = audit(office).findings
    assert len(every) == 2
    assert office.audits.findings(limit=1) == [every[0]]
    assert office.audits.count_findings() == 2
    office.audits.accept(every[0].id, today(office) + timedelta(days=2), "agreed", SECURITY)
    assert (office.audits.findings(limit=5), office.audits.count_findings()) == ([every[1]], 1)
