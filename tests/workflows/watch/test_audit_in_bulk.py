"""Audits of many: few calls and few writes, malformed records, people without a case, systems that cannot be asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from connectors.contract import AccountId, Limits, Verdict
from connectors.errors import Missing, Unavailable
from tests.workflows.memory import MemoryCrm, MemoryDirectory
from tests.workflows.office import SECURITY, Office
from tests.workflows.watch.test_responses import audit
from workflows.cases.holds import CasePolicy
from workflows.people import Leaver
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import Finding
from workflows.storage.vault import Vault
from workflows.watch import sweep

PEOPLE = 12


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    """Return an office in which many may leave at once."""
    office = Office(tmp_path, url=url, rules=CasePolicy(mass_cases_per_hour=10 * PEOPLE))
    yield office
    office.store.close()


@pytest.fixture
def crowd(office: Office) -> list[str]:
    """Return the cases of a dozen people who have left."""
    cases = []
    for number in range(PEOPLE):
        email = f"leaver{number}@x.example"
        for world in (office.directory, office.crm):
            world.user(f"{world.name}-leaver{number}", email)
        leaver = Leaver(f"Leaver {number}", email, directory_id=f"directory-leaver{number}")
        cases.append(office.offboarding.open(office.request(leaver=leaver)))
    office.work("revoke", "exports", "book")
    return cases


def _spoil(office: Office, case_id: str) -> None:
    """Seal a case under a master key that is lost."""
    lost = Vault(b"x" * 32).new_key()
    with office.store.write() as session:
        session.execute(sa.update(Case).where(Case.id == case_id).values(wrapped_key=lost))  # type: ignore[arg-type]


def _notes(office: Office) -> dict[str, bytes]:
    with office.store.read() as session:
        return {row.id: row.note for row in session.exec(select(LeaverAccount))}


@pytest.mark.parametrize("many", [5, 1000])
def test_everybody_is_read_in_few_calls_and_nobody_is_written_anew(
    office: Office, crowd: list[str], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MANY", many)
    notes, calls = _notes(office), office.crm.calls["observe"]
    view = audit(office)
    assert view.by_verdict[Verdict.LOCKED] == 2 * PEOPLE
    assert office.crm.calls["observe"] - calls == 1
    assert office.directory.calls["locked"] == (1 if many == 5 else 0)
    assert _notes(office) == notes
    read = office.offboarding.case(crowd[0]).systems[0].accounts[0].read_at
    assert read == office.clock.now(), "what was read as before was read now"


def test_who_is_not_listed_as_locked_is_read_by_id(
    office: Office, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MANY", 5)
    office.directory.users[AccountId("directory-leaver3")].active = True
    del office.directory.users[AccountId("directory-leaver4")]
    view = audit(office)
    assert [(line.kind, line.leaver.name) for line in view.findings] == [("open again", "Leaver 3")]
    assert view.by_verdict[Verdict.ABSENT] == 1
    assert view.by_verdict[Verdict.LOCKED] == 2 * PEOPLE - 2


def test_a_list_of_locks_that_a_read_contradicts_proves_nothing(
    office: Office, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MANY", 5)
    listed = frozenset(office.directory.users)
    for user in office.directory.users.values():
        user.active = True
    monkeypatch.setattr(office.systems["directory"].connector, "locked", lambda: listed)
    assert audit(office).by_verdict[Verdict.OPEN] == PEOPLE


def test_a_list_that_fails_is_no_reason_to_know_less(
    office: Office, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MANY", 5)
    office.directory.fail("locked", Unavailable("too many to list"))
    view = audit(office)
    assert view.by_verdict[Verdict.LOCKED] == 2 * PEOPLE
    assert view.not_read == ()


def test_a_dead_system_makes_all_its_accounts_unknown_until_they_are_read_again(
    office: Office, crowd: list[str]
) -> None:
    posts = {post.id: post.wanted_version for post in office.posts().values()}
    office.crm.down = True
    view = audit(office)
    assert view.by_verdict[Verdict.UNKNOWN] == PEOPLE
    case = office.offboarding.case(crowd[7])
    crm = next(line for line in case.systems if line.system == "crm")
    assert (crm.verdict, crm.accounts[0].verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert "crm is down" in crm.reason
    assert not case.locked_out
    assert all(office.posts()[one].wanted_version == wanted for one, wanted in posts.items() if one.startswith("case:"))
    office.crm.down = False
    assert audit(office).by_verdict[Verdict.LOCKED] == 2 * PEOPLE
    assert office.offboarding.case(crowd[7]).locked_out


def test_a_system_that_dies_half_way_leaves_what_was_written_and_claims_no_more(
    office: Office, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = office.crm.system(limits=Limits(observe_batch=4))
    office.systems._systems["crm"] = system
    office.crm.users[AccountId("crm-leaver0")].active = True
    with office.store.read() as session:
        pages = select(LeaverAccount.case_id).where(LeaverAccount.system == "crm").order_by(col(LeaverAccount.id))
        first = session.exec(pages).all().index(crowd[0]) // 4
    office.crm.fail("observe", Unavailable("gone"), skip=2)
    view = audit(office)
    seen_open = view.by_verdict[Verdict.OPEN]
    assert seen_open == (1 if first < 2 else 0)
    assert view.by_verdict[Verdict.UNKNOWN] == PEOPLE - seen_open
    assert view.by_verdict[Verdict.LOCKED] == PEOPLE


def test_a_case_sealed_under_a_lost_key_is_named_and_the_others_are_read(office: Office, crowd: list[str]) -> None:
    _spoil(office, crowd[3])
    office.directory.users[AccountId("directory-leaver3")].active = True
    view = audit(office)
    assert view.by_verdict == {Verdict.LOCKED: 2 * PEOPLE - 1, Verdict.OPEN: 1, Verdict.ABSENT: 0, Verdict.UNKNOWN: 0}
    tampered, finding = view.findings
    assert (tampered.kind, tampered.system) == ("changed in the database", "")
    assert crowd[3] in finding.leaver.name
    assert (finding.kind, finding.login) == ("open again", "directory-leaver3")
    sheet = office.audits.csv("audit-1").splitlines()
    assert [line for line in sheet if crowd[3] in line and "unknown" in line]
    assert len(sheet) == 1 + 2 * (PEOPLE - 1) + 1 + 2


def test_somebody_without_an_account_whose_case_cannot_be_opened_is_unknown(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    _spoil(office, case_id)
    view = audit(office)
    assert (view.by_verdict[Verdict.UNKNOWN], view.by_verdict[Verdict.ABSENT]) == (1, 0)
    assert [(line.kind, line.system) for line in view.findings] == [
        ("changed in the database", ""),
        ("not verified", "crm"),
    ]
    assert "cannot be opened" in view.findings[1].detail


def test_one_person_who_cannot_be_looked_up_does_not_hide_the_system(office: Office, crowd: list[str]) -> None:
    del office.crm.users[AccountId("crm-dana")]
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.crm.fail("find", Missing("no address"))
    view = audit(office)
    assert view.not_read == ()
    assert [line.kind for line in view.findings] == ["not verified"]
    assert audit(office).findings == ()


def test_a_system_taken_out_of_the_configuration_is_said_as_not_read(office: Office, crowd: list[str]) -> None:
    del office.systems._systems["crm"]
    view = audit(office)
    assert view.by_verdict[Verdict.UNKNOWN] == PEOPLE
    assert "crm: no longer in the configuration" in view.not_read[0]


def test_a_lock_out_that_no_read_ever_confirmed_is_a_finding_until_one_does(office: Office) -> None:
    office.crm.down = True
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert [(line.kind, line.system) for line in audit(office).findings] == [("never verified", "crm")]
    office.crm.down = False
    office.clock.pass_(hours=1)
    office.work("revoke")
    assert audit(office).findings == ()


def test_two_accounts_of_one_leaver_show_the_worse_of_the_two(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    with office.store.write() as session:
        first = session.get_one(LeaverAccount, f"{case_id}:crm:crm-dana")
        key = session.get_one(Case, case_id).wrapped_key
        data = office.vault.open(key, first.sealed, f"account:{first.id}")
        twin = f"{case_id}:crm:crm-twin"
        sealed = office.vault.seal(key, data, f"account:{twin}")
        row: dict[str, Any] = {**first.model_dump(), "id": twin, "account_id": "crm-twin", "sealed": sealed}
        session.add(LeaverAccount(**{**row, "note": b""}))
    office.crm.user("crm-twin", "twin@x.example")
    audit(office)
    assert not office.offboarding.case(case_id).locked_out
    with office.store.read() as session:
        assert session.get_one(Access, f"{case_id}:crm").verdict == Verdict.OPEN


def test_alive_here_and_disabled_in_the_directory_without_a_case_is_an_orphan(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.directory.users[AccountId("directory-bob")].active = False
    office.crm.users[AccountId("crm-bob")].email = "Bob@X.example"
    view = audit(office)
    [orphan] = view.findings
    assert (orphan.kind, orphan.system, orphan.leaver.email) == ("orphan", "crm", "Bob@X.example")
    assert (orphan.case_id, orphan.can_lock_again, view.not_looked) == ("", False, ())
    assert [line.id for line in audit(office).findings] == [orphan.id]
    office.audits.take(orphan.id, SECURITY)
    assert office.audits.findings()[0].leaver.email == "Bob@X.example"
    with office.store.read() as session:
        row = session.exec(select(Finding)).one()
    assert b"Bob" not in row.note
    office.crm.users[AccountId("crm-bob")].active = False
    assert audit(office).findings == ()


def test_who_has_a_case_or_another_live_entry_is_no_orphan(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.crm.users[AccountId("crm-dana")].active = True
    office.directory.users[AccountId("directory-bob")].active = False
    office.directory.user("directory-bob2", "bob@x.example")
    assert [line.kind for line in audit(office).findings] == ["open again"]


def test_what_cannot_list_everybody_is_said_as_not_looked_for(office: Office, crowd: list[str]) -> None:
    assert audit(office).not_looked == ("orphans were not looked for in crm: it cannot list everybody",)


def test_an_audit_of_a_system_that_hides_accounts_is_not_good(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    before = audit(office).not_looked
    for kind in (MemoryDirectory, MemoryCrm):
        monkeypatch.setattr(kind, "shortfalls", lambda _self: ("the bot sees 3 accounts, and there are 4",))
    assert set(audit(office).not_looked) - set(before) == {
        f"{name}: accounts may be hidden there: the bot sees 3 accounts, and there are 4"
        for name in ("directory", "crm")
    }


@pytest.mark.parametrize("world", ["directory", "crm"])
def test_half_a_list_opens_and_closes_no_orphan(tmp_path: Path, world: str) -> None:
    office = Office(tmp_path, crm_lists=True)
    office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    office.directory.users[AccountId("directory-carol")].active = False
    assert [line.kind for line in audit(office).findings] == ["orphan"]
    {"directory": office.directory, "crm": office.crm}[world].fail("one", Unavailable("cut"), skip=2)
    view = audit(office)
    assert [line.kind for line in view.findings] == ["orphan"]
    assert "not looked for" in view.not_looked[0]


def test_a_follow_up_of_a_case_sealed_under_a_lost_key_ends_as_a_finding(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    _spoil(office, case_id)
    office.clock.pass_(days=1, minutes=1)
    assert office.work("follow_up") == 1
    assert office.work("follow_up") == 0
    [finding] = office.audits.findings()
    assert (finding.kind, case_id in finding.leaver.name) == ("not verified", True)
    assert "follow-up of day 1" in finding.detail
