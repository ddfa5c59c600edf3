"""Audits and follow-ups find changes made without the bot, and claim nothing that was not read."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.contract import AccountId, Verdict
from connectors.errors import Forbidden, Unavailable
from tests.workflows.memory import Killed
from tests.workflows.office import HR, SECURITY, Office
from tests.workflows.proof import proven
from workflows.cases.views import AuditView
from workflows.refusals import Code, Refused
from workflows.storage import heads
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import FindingKind


@pytest.fixture
def case_id(office: Office) -> str:
    """Return a case that is locked out everywhere."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert office.offboarding.case(case_id).locked_out
    return case_id


def _audit(office: Office) -> AuditView:
    office.clock.pass_(days=1)
    office.audits.call()
    assert office.work("audit") == 1
    view = office.audits.latest()
    assert view is not None
    return view


def test_an_audit_with_nothing_wrong_says_so(office: Office, case_id: str) -> None:
    view = _audit(office)
    assert view.by_verdict[Verdict.LOCKED] == 2
    assert (view.leavers, view.findings, view.not_read) == (1, (), ())


def test_one_audit_and_one_post_a_day(office: Office, case_id: str) -> None:
    _audit(office)
    for _ in range(5):
        office.audits.call()
        assert office.work("audit") == 0
    posts = [post for post in office.posts().values() if post.kind == MessageKind.AUDIT]
    assert [(post.channel, post.wanted_version) for post in posts] == [
        ("C0AUDIT", 2)
    ]  # posted, then updated with the signed head
    _audit(office)
    assert len([post for post in office.posts().values() if post.kind == MessageKind.AUDIT]) == 2


def test_what_an_audit_by_hand_found_is_told_though_its_process_died(
    office: Office, case_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise Killed

    office.directory.users[AccountId("directory-dana")].active = True
    office.clock.pass_(hours=2)
    monkeypatch.setattr(office.audits._orphans, "look", die)
    with pytest.raises(Killed):
        office.audits.run_now(SECURITY)
    monkeypatch.undo()
    for _again in range(2):
        assert [finding.kind for finding in _audit(office).findings] == ["open again"]
        told = [post for post in office.posts().values() if post.kind == MessageKind.FINDINGS]
        assert [(post.channel, post.wanted_version) for post in told] == [(HR.slack_id, 1)]


def test_no_audit_before_its_hour_and_none_without_a_case(office: Office) -> None:
    office.audits.call()
    assert office.work("audit") == 0


def test_what_was_never_locked_is_not_called_enabled_again(office: Office) -> None:
    office.directory.fail("lock", Forbidden("may not"), done=False)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert [finding.detail for finding in _audit(office).findings] == ["the account was never locked"]


def test_a_reopened_account_is_found_once_locked_again_and_closed(office: Office, case_id: str) -> None:
    office.directory.users[AccountId("directory-dana")].active = True
    first = _audit(office).findings
    assert [(finding.kind, finding.system, finding.can_lock_again) for finding in first] == [
        ("open again", "directory", True)
    ]
    assert not office.offboarding.case(case_id).locked_out
    second = _audit(office).findings
    assert [finding.id for finding in second] == [first[0].id]
    assert second[0].first_seen == first[0].first_seen
    assert second[0].last_seen > first[0].last_seen
    assert office.audits.lock_again(first[0].id, SECURITY) == case_id
    office.work("revoke")
    assert not office.directory.users[AccountId("directory-dana")].active
    assert office.offboarding.case(case_id).locked_out
    assert _audit(office).findings == ()
    with pytest.raises(Refused) as caught:
        office.audits.lock_again(first[0].id, SECURITY)
    assert caught.value.code is Code.CLOSED_FINDING


def test_an_account_made_after_the_lock_out_is_found(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.crm.user("crm-new", "dana@x.example")
    view = _audit(office)
    assert [finding.kind for finding in view.findings] == ["new account"]
    office.audits.lock_again(view.findings[0].id, SECURITY)
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-new")].active
    assert office.offboarding.case(case_id).locked_out
    assert _audit(office).findings == ()


def test_a_dead_system_is_said_as_not_read_and_nothing_is_claimed_about_it(office: Office, case_id: str) -> None:
    office.crm.down = True
    view = _audit(office)
    assert len(view.not_read) == 1
    assert "CRM" in view.not_read[0]
    assert view.by_verdict[Verdict.UNKNOWN] == 1
    assert view.by_verdict[Verdict.LOCKED] == 1


def test_an_answer_that_leaves_an_account_out_is_unknown(
    office: Office, case_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.systems["crm"].connector, "observe", lambda _ids: {})
    view = _audit(office)
    assert view.by_verdict[Verdict.UNKNOWN] == 1
    assert [finding.kind for finding in view.findings] == ["not verified"]
    monkeypatch.undo()
    assert _audit(office).findings == ()


def test_an_audit_killed_half_way_is_done_again_whole(office: Office, case_id: str) -> None:
    office.clock.pass_(days=1)
    office.audits.call()
    office.crm.fail("observe", Killed())
    with pytest.raises(Killed):
        office.work("audit")
    office.work("audit")
    view = office.audits.latest()
    assert view is not None
    assert view.accounts == 2
    assert proven(office.journal).signed_at is not None


def test_a_check_by_hand_posts_nothing(office: Office, case_id: str) -> None:
    before = set(office.posts())
    view = office.audits.run_now(SECURITY)
    assert view.by_verdict[Verdict.LOCKED] == 2
    assert set(office.posts()) == before


def test_the_csv_has_every_account_and_no_formula(office: Office, case_id: str) -> None:
    view = _audit(office)
    sheet = office.audits.csv(f"audit-{view.day.isoformat()}")
    lines = sheet.strip().splitlines()
    assert len(lines) == 3
    assert not any(cell[:1] in "=+-@" for line in lines for cell in line.split(",") if cell)


def test_follow_ups_come_on_their_day_and_see_what_is_owned_and_exported(office: Office, case_id: str) -> None:
    assert office.work("follow_up") == 0
    office.clock.pass_(days=1, minutes=1)
    office.crm.record("opportunity:99", "crm-dana")
    office.crm.export("crm-dana", office.clock.now() - timedelta(hours=1), "1", "2")
    assert office.work("follow_up") == 1
    case = office.offboarding.case(case_id)
    assert {finding.kind for finding in case.findings} == {"owns records", "exported after leaving"}
    [first, second] = case.follow_ups
    assert first.done_at is not None
    assert "still owns 1 record" in first.summary
    assert second.done_at is None


def test_a_follow_up_that_cannot_read_a_system_says_so_and_is_tried_again(office: Office, case_id: str) -> None:
    office.clock.pass_(days=1, minutes=1)
    office.crm.fail("find", Unavailable("down"))
    office.work("follow_up")
    [first, _] = office.offboarding.case(case_id).follow_ups
    assert first.done_at is None
    assert "unknown" in first.summary
    office.clock.pass_(minutes=1)
    office.work("follow_up")
    [first, _] = office.offboarding.case(case_id).follow_ups
    assert first.done_at is not None
    assert "unknown" not in first.summary


def test_an_audit_shows_the_head_that_it_signed(office: Office, case_id: str) -> None:
    view = _audit(office)
    assert [head.text for head in heads.read(view.head)] == [view.head]
    found = proven(office.journal)
    assert heads.read(view.head)[0].seq == found.signed == found.sealed


def test_a_rewritten_journal_is_a_finding_of_the_audit(office: Office, case_id: str) -> None:
    _audit(office)
    with office.store.write() as session:
        session.execute(sa.text("update journal set actor = 'cli:nobody' where seq = 1"))
        session.execute(sa.text("update journal set hash = 'f' where seq = (select max(seq) from journal)"))
    view = _audit(office)
    assert [line.kind for line in view.findings] == [FindingKind.TAMPERED]
    assert not view.head


def test_a_day_without_past_leavers_is_signed_too(office: Office) -> None:
    office.journal.note("a refusal", HR, {})
    office.clock.pass_(days=1)
    office.audits.call()
    head = office.journal.newest_head()
    assert head is not None
    office.clock.pass_(minutes=10)
    office.audits.call()
    assert office.journal.newest_head() == head
