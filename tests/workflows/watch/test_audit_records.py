"""One bad record, a poor answer, somebody back, somebody long gone: what an audit makes of each, and what it says."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId, Observation, Verdict
from connectors.errors import Unavailable
from tests.workflows.memory import MemoryCrm, MemoryDirectory
from tests.workflows.office import SECURITY, Office
from tests.workflows.watch.test_responses import DANA, actions, audit, reopened
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver
from workflows.storage.rows.outbox import MessageKind
from workflows.watch import sweep
from workflows.watch.responses import FindingPolicy

PEOPLE = 50
BAD = AccountId("crm-leaver17")
HR = Actor("slack:U0HR", "Hanna")


@pytest.fixture
def fifty(tmp_path: Path) -> Iterator[Office]:
    """Return an office with fifty past leavers."""
    office = Office(tmp_path, rules=CasePolicy(mass_cases_per_hour=10 * PEOPLE))
    for number in range(PEOPLE):
        email = f"leaver{number}@x.example"
        for world in (office.directory, office.crm):
            world.user(f"{world.name}-leaver{number}", email)
        leaver = Leaver(f"Leaver {number}", email, directory_id=f"directory-leaver{number}")
        office.offboarding.open(office.request(leaver=leaver))
    office.work("revoke", "exports", "book")
    yield office
    office.store.close()


def _spoil(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make the CRM's connector fail on every read that includes one record."""
    real = MemoryCrm.observe

    def observe(self: MemoryCrm, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        if BAD in accounts:
            raise error
        return real(self, accounts)

    monkeypatch.setattr(MemoryCrm, "observe", observe)


@pytest.mark.parametrize("error", [KeyError("active"), ValueError("jane@private.example is no date")])
def test_one_malformed_record_in_fifty_is_named_and_all_others_are_read(
    fifty: Office, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _spoil(monkeypatch, error)
    fifty.crm.users[AccountId("crm-leaver18")].active = True
    before = fifty.crm.calls["observe"]
    view = audit(fifty)
    assert [(line.kind, line.leaver.name) for line in view.findings] == [
        ("open again", "Leaver 18"),
        ("not verified", "Leaver 17"),
    ]
    assert "malformed" in view.findings[1].detail
    assert "private" not in view.findings[1].detail, "what stands in a record is not for a message"
    assert view.by_verdict == {Verdict.LOCKED: 2 * PEOPLE - 2, Verdict.OPEN: 1, Verdict.UNKNOWN: 1, Verdict.ABSENT: 0}
    assert view.not_read == ()
    assert fifty.crm.calls["observe"] - before < 10, "found by halving, not one by one"
    monkeypatch.undo()
    assert [line.kind for line in audit(fifty).findings] == ["open again"]


@pytest.mark.parametrize("listed", ["nobody", "half"])
def test_a_directory_that_shows_too_few_for_a_minute_makes_nobody_absent(
    fifty: Office, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    """A list with nobody (or half of the people). A read by id fails without a witness, as in the LDAP connector."""
    monkeypatch.setattr(sweep, "MANY", 5)
    everybody = sorted(one.id for one in fifty.directory.users.values() if not one.active)
    shown = everybody[: PEOPLE // 2] if listed == "half" else []
    monkeypatch.setattr(MemoryDirectory, "locked", lambda _self: frozenset(shown))
    fifty.directory.fail("observe", Unavailable("the directory shows no account at all"), times=99)
    view = audit(fifty)
    assert view.by_verdict[Verdict.ABSENT] == 0
    assert view.by_verdict[Verdict.UNKNOWN] == PEOPLE
    assert view.by_verdict[Verdict.LOCKED] == PEOPLE, "the CRM's"
    assert "no account at all" in view.not_read[0]
    assert view.findings == ()


def test_a_case_that_was_undone_or_closed_is_audited_no_more(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.directory.users[DANA].active = True
    assert [line.kind for line in audit(office).findings] == ["open again"]
    office.offboarding.undo(case_id, HR, "a mistake")
    view = audit(office) if office.audits.latest() is None else office.audits.run_now(SECURITY)
    assert (view.leavers, view.accounts, view.findings) == (0, 0, ())


def test_the_digest_is_brought_up_to_date_by_every_answer_and_says_what_was_settled(office: Office) -> None:
    finding = reopened(office)
    [digest] = [post.id for post in office.posts().values() if post.kind == MessageKind.AUDIT]

    def wanted() -> int:
        return office.posts()[digest].wanted_version

    steps = [wanted()]
    office.audits.accept(finding.id, office.clock.now().date() + timedelta(days=2), "agreed", SECURITY)
    steps.append(wanted())
    office.clock.pass_(days=4)
    office.audits.lock_again(finding.id, SECURITY)
    steps.append(wanted())
    [line] = office.audits.view(digest).findings
    assert line.taken_by == SECURITY.name, "who locks again works on it"
    office.work("revoke")
    steps.append(wanted())
    assert steps == sorted(set(steps)), "each of them asks for the message anew"
    view = office.audits.view(digest)
    assert (view.findings, [line.id for line in view.settled]) == ((), [finding.id])
    assert office.directory.users[DANA].active is False


def test_locking_again_twice_locks_once(office: Office) -> None:
    finding = reopened(office)
    office.audits.lock_again(finding.id, SECURITY)
    office.audits.lock_again(finding.id, SECURITY)
    office.work("revoke")
    office.work("revoke")
    assert office.directory.writes[f"lock:{DANA}"] == 2, "once for the case, once again"
    assert actions(office, "finding.taken") == 1


def test_an_account_that_nobody_logs_in_to_is_a_finding_until_somebody_does(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True, responses=FindingPolicy(dormant=timedelta(days=180)))
    now = office.clock.now()
    for world in (office.directory, office.crm):
        for user in world.users.values():
            user.last_login = now - timedelta(days=3)
    office.crm.users[AccountId("crm-bob")].last_login = now - timedelta(days=400)
    office.crm.users[AccountId("crm-max")].last_login = None
    office.crm.users[AccountId("crm-dana")].last_login = now - timedelta(days=900)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    [line] = audit(office).findings
    assert (line.kind, line.system, line.leaver.email) == ("dormant", "crm", "bob@x.example")
    assert (now - timedelta(days=400)).date().isoformat() in line.detail
    office.clock.pass_(days=30)
    assert not audit(office).findings[0].overdue, "tidying up can wait"
    office.crm.fail("one", Unavailable("cut"), skip=1)
    assert [line.kind for line in audit(office).findings] == ["dormant"], "half a list settles nothing"
    office.crm.users[AccountId("crm-bob")].last_login = office.clock.now()
    assert audit(office).findings == ()


def test_nobody_is_called_dormant_unless_policy_says_so(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    office.crm.users[AccountId("crm-bob")].last_login = office.clock.now() - timedelta(days=4000)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert audit(office).findings == ()
