"""Accounts that appear behind the bot's back: second ones, ones made again, ones of people whose case is over."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Account, AccountId, Lookup, Observation, Person, Verdict
from connectors.errors import Forbidden, Missing
from tests.workflows.memory import MemoryDirectory, MemoryListing, World
from tests.workflows.office import CAROL, DANA, HR, MAX, SECURITY, Office
from tests.workflows.watch.test_responses import audit
from workflows.cases.views import AuditView, CaseView
from workflows.refusals import Code, Refused
from workflows.watch import new_accounts

LEFT_BOB = replace(DANA, name="Bob", email="bob@x.example", slack_id="U0BOB", directory_id="directory-bob")


@pytest.fixture(params=[False, True], ids=["looked up", "listed"])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Return an office whose CRM can, or cannot, list everybody, and that Dana has left."""
    office = Office(tmp_path, crm_lists=request.param)
    _leave(office)
    return office


def _leave(office: Office, **change: object) -> str:
    case_id = office.offboarding.open(office.request(**change))
    office.work("revoke", "exports", "book")
    return case_id


def _kinds(view: AuditView) -> list[tuple[str, str]]:
    return [(one.kind, one.system) for one in view.findings]


def _crm(office: Office) -> CaseView:
    case = office.offboarding.find_case(DANA.email)
    assert case is not None
    return case


def test_a_second_account_beside_the_locked_one_is_found_on_the_next_day_and_gone_with_its_lock(
    company: Office,
) -> None:
    second = company.crm.user("crm-second", "Dana@X.example", login="dd")
    view = audit(company)
    assert _kinds(view) == [("new account", "crm")]
    assert (view.by_verdict[Verdict.LOCKED], view.by_verdict[Verdict.OPEN]) == (2, 1)
    assert not _crm(company).locked_out
    assert [one.id for one in audit(company).findings] == [view.findings[0].id]
    second.active = False
    assert audit(company).findings == ()
    assert _crm(company).locked_out
    second.active = True
    assert _kinds(audit(company)) == [("new account", "crm")]


def test_a_second_account_that_the_list_leaves_out_is_found_by_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.crm.user("crm-second", "dana@x.example", login="dd")
    connector = office.systems["crm"].connector
    everyone = connector.everyone  # type: ignore[attr-defined]
    monkeypatch.setattr(connector, "everyone", lambda: (one for one in everyone() if one.id != "crm-second"))
    assert _kinds(audit(office)) == [("new account", "crm")]
    assert not _crm(office).locked_out


@pytest.mark.parametrize("listed", [Verdict.OPEN, Verdict.UNKNOWN])
def test_a_second_account_that_the_list_alone_shows_is_found(
    tmp_path: Path, listed: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.crm.user("crm-second", "dana@x.example", login="dd")
    connector = office.systems["crm"].connector
    _list_as(monkeypatch, connector, "crm-second", listed)
    find: Callable[[Person], Lookup] = connector.find  # type: ignore[attr-defined]

    def lose(person: Person) -> Lookup:
        found = find(person)
        return replace(found, accounts=tuple(one for one in found.accounts if one.id != "crm-second"))

    monkeypatch.setattr(connector, "find", lose)
    [finding] = audit(office).findings
    assert (finding.kind, finding.login) == ("new account", "dd")
    assert finding.detail == "made or renamed since; matches by address"
    for _again in range(2):
        assert not _crm(office).locked_out
        assert _kinds(audit(office)) == [("new account", "crm")]


def test_a_list_that_ends_with_an_error_takes_back_nothing_that_it_showed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.directory.users[AccountId("directory-carol")].active = False
    office.crm.user("crm-second", "dana@x.example", login="dd")
    connector = office.systems["crm"].connector
    everyone = connector.everyone  # type: ignore[attr-defined]

    def end_badly() -> Iterator[Account]:
        yield from everyone()
        raise Forbidden("the lock of 1 account cannot be read")

    monkeypatch.setattr(connector, "everyone", end_badly)
    monkeypatch.setattr(connector, "find", lambda _person: Lookup((), "a lookup"))
    view = audit(office)
    assert sorted(_kinds(view)) == [("new account", "crm"), ("orphan", "crm")]
    assert "the lock of 1 account cannot be read" in view.not_looked[0]


def _list_as(monkeypatch: pytest.MonkeyPatch, connector: object, account: str, verdict: Verdict) -> None:
    everyone = connector.everyone  # type: ignore[attr-defined]
    monkeypatch.setattr(
        connector,
        "everyone",
        lambda: (replace(one, verdict=verdict) if one.id == account else one for one in everyone()),
    )


def test_a_second_account_that_a_lookup_calls_locked_is_read_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    _leave(office)
    office.crm.user("crm-second", "dana@x.example", login="dd")
    connector = office.systems["crm"].connector
    find: Callable[[Person], Lookup] = connector.find  # type: ignore[attr-defined]

    def call_locked(person: Person) -> Lookup:
        found = find(person)
        return replace(found, accounts=tuple(replace(one, verdict=Verdict.LOCKED) for one in found.accounts))

    monkeypatch.setattr(connector, "find", call_locked)
    assert _kinds(audit(office)) == [("new account", "crm")]
    assert not _crm(office).locked_out


def test_whether_a_candidate_is_settled_is_read_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.crm.user("crm-admin", "dana+admin@x.example", login="dana-adm")
    assert _kinds(audit(office)) == [("possible account", "crm")]
    _list_as(monkeypatch, office.systems["crm"].connector, "crm-admin", Verdict.LOCKED)
    assert _kinds(audit(office)) == [("possible account", "crm")]
    office.crm.users[AccountId("crm-admin")].active = False
    assert _kinds(audit(office)) == []


def test_an_orphan_of_whom_the_list_does_not_tell_is_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.directory.users[AccountId("directory-carol")].active = False
    _list_as(monkeypatch, office.systems["crm"].connector, "crm-carol", Verdict.UNKNOWN)
    view = audit(office)
    assert (view.findings, len(view.not_looked)) == ((), 1)
    assert "does not tell whether 1 account is locked" in view.not_looked[0]
    monkeypatch.undo()
    assert _kinds(audit(office)) == [("orphan", "crm")]
    _list_as(monkeypatch, office.systems["crm"].connector, "crm-carol", Verdict.UNKNOWN)
    assert _kinds(audit(office)) == [("orphan", "crm")]


def test_an_account_that_is_deleted_and_made_again_under_its_log_in_is_found(company: Office) -> None:
    del company.crm.users[AccountId("crm-dana")]
    assert audit(company).by_verdict[Verdict.ABSENT] == 1
    company.crm.user("crm-made-again", "dana@x.example")
    assert _kinds(audit(company)) == [("new account", "crm")]


def test_one_that_was_made_and_locked_by_hand_is_watched_from_then_on(tmp_path: Path) -> None:
    office = Office(tmp_path)
    del office.crm.users[AccountId("crm-dana")]
    _leave(office)
    made = office.crm.user("crm-made", "dana@x.example")
    assert _kinds(audit(office)) == [("new account", "crm")]
    made.active = False
    view = audit(office)
    assert (view.findings, view.by_verdict[Verdict.LOCKED], view.by_verdict[Verdict.ABSENT]) == ((), 2, 0)
    assert _crm(office).locked_out
    made.active = True
    assert _kinds(audit(office)) == [("open again", "crm")]


def test_a_new_account_stays_open_when_its_address_goes_to_somebody_else(company: Office) -> None:
    del company.crm.users[AccountId("crm-dana")]
    company.crm.user("crm-made", "dana@x.example")
    assert _kinds(audit(company)) == [("new account", "crm")]
    company.directory.users[AccountId("directory-dana")].email = "dana.old@x.example"
    company.directory.user("directory-hire", "dana@x.example")
    for _again in range(2):
        view = audit(company)
        assert ("new account", "crm") in _kinds(view)
        assert ("address reused", "crm") in _kinds(view)
        assert view.by_verdict[Verdict.OPEN] == 1
        line = next(one for one in _crm(company).systems if one.system == "crm")
        assert (line.verdict, _crm(company).locked_out) == (Verdict.OPEN, False)


def test_where_many_are_looked_up_each_has_a_turn_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_accounts, "MOST", 1)
    office = Office(tmp_path)
    _leave(office)
    _leave(office, leaver=LEFT_BOB, successors=(CAROL,))
    for name in ("dana", "bob"):
        office.crm.user(f"crm-{name}-2", f"{name}@x.example", login=f"{name}2")
    first, second = audit(office), audit(office)
    assert [len(view.findings) for view in (first, second)] == [1, 2]
    assert "second accounts in crm: each leaver is looked up every 2 days" in first.not_looked[-1]


def test_a_list_is_checked_by_a_lookup_of_a_few_leavers_each_day_and_that_is_no_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_accounts, "BESIDE_LIST", 1)
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    _leave(office, leaver=LEFT_BOB, successors=(CAROL,))
    before = office.crm.calls["find"]
    view = audit(office)
    assert (office.crm.calls["find"] - before, view.not_looked) == (1, ())


def test_what_a_person_left_alone_is_said_as_what_it_is(company: Office) -> None:
    company.crm.user("crm-admin", "dana@x.example", login="dana-adm")
    case = _crm(company)
    company.linking.link(case.id, "crm", SECURITY, account="crm-dana")
    [finding] = audit(company).findings
    assert finding.detail == "not the account that a person linked; matches by mail"


def test_lock_again_locks_the_very_account_and_the_known_one_in_a_later_case_too(company: Office) -> None:
    second, third = (company.crm.user(f"crm-{n}", "dana@x.example", login=f"dana{n}") for n in (2, 3))
    [first, other] = audit(company).findings
    case_id = company.audits.lock_again(first.id, SECURITY)
    company.work("revoke")
    assert {one.login for one in (second, third) if not one.active} == {first.login}
    assert [one.id for one in company.audits.findings()] == [other.id], "what nobody locked is not settled"
    company.audits.lock_again(other.id, SECURITY)
    company.work("revoke")
    assert audit(company).findings == ()
    company.offboarding.undo(case_id, HR, "a mistake")
    company.work("undo")
    assert company.crm.users[AccountId("crm-dana")].active
    company.clock.pass_(days=2)
    _leave(company)
    assert not any(one.active for one in company.crm.users.values() if one.email == "dana@x.example")


def test_lock_again_spares_a_protected_account(company: Office) -> None:
    boss = company.crm.user("crm-2", "dana@x.example", login="boss")
    [finding] = audit(company).findings
    with pytest.raises(Refused) as caught:
        company.audits.lock_again(finding.id, SECURITY)
    assert caught.value.code is Code.PROTECTED
    company.work("revoke")
    assert boss.active
    assert [one.id for one in company.audits.findings()] == [finding.id]


def test_lock_again_of_what_was_deleted_meanwhile_locks_the_rest_afresh(company: Office) -> None:
    company.crm.user("crm-2", "dana@x.example", login="dana2")
    [finding] = audit(company).findings
    del company.crm.users[AccountId("crm-2")]
    company.audits.lock_again(finding.id, SECURITY)
    company.work("revoke")
    assert audit(company).findings == ()
    assert _crm(company).locked_out


def test_where_a_person_must_choose_the_line_still_counts(tmp_path: Path) -> None:
    office = Office(tmp_path)
    del office.crm.users[AccountId("crm-dana")]
    case_id = _leave(office)
    for number in (1, 2):
        office.crm.user(f"crm-{number}", "dana@x.example", login=f"dana{number}")
    audit(office)
    office.offboarding.retry(case_id, "crm", SECURITY)
    office.work("revoke")
    view = audit(office)
    assert (view.by_verdict[Verdict.LOCKED], view.by_verdict[Verdict.OPEN]) == (1, 2)
    assert "CHOOSE THE ACCOUNT" in next(line for line in _crm(office).systems if line.system == "crm").reason


def test_who_came_back_and_was_disabled_by_hand_later_is_an_orphan(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    case_id = _leave(office)
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    _leave(office, leaver=LEFT_BOB, successors=(CAROL,), approver=MAX)
    office.directory.users[AccountId("directory-dana")].active = False
    [finding] = audit(office).findings
    assert (finding.kind, finding.leaver.email) == ("orphan", "dana@x.example")


def test_two_accounts_with_a_leavers_address_are_no_orphans(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    for number in (1, 2):
        office.crm.user(f"crm-{number}", "dana@x.example", login=f"dana{number}")
    assert {one.kind for one in audit(office).findings} == {"new account"}


@pytest.mark.parametrize("world", ["directory", "crm"])
def test_an_empty_list_closes_no_orphan(tmp_path: Path, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    office.directory.users[AccountId("directory-carol")].active = False
    assert _kinds(audit(office)) == [("orphan", "crm")]
    monkeypatch.setattr(office.systems[world].connector, "everyone", lambda: iter(()))
    view = audit(office)
    assert _kinds(view) == [("orphan", "crm")]
    assert "which is not believed" in view.not_looked[0]


@pytest.mark.parametrize("world", ["directory", "crm"])
def test_a_record_that_spoils_a_list_does_not_spoil_the_audit(tmp_path: Path, world: str) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    getattr(office, world).fail("one", ValueError("day is out of range"), skip=1)
    view = audit(office)
    assert (view.by_verdict[Verdict.LOCKED], view.findings) == (2, ())
    assert "malformed (ValueError)" in view.not_looked[0]


@pytest.mark.parametrize("error", [Missing("no address"), ValueError("day is out of range")])
def test_one_who_cannot_be_looked_up_in_a_new_system_holds_up_nobody_else(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    _leave(office)
    _leave(office, leaver=LEFT_BOB, successors=(CAROL,))
    wiki = World("wiki")
    wiki.user("wiki-bob", "bob@x.example")
    system = wiki.system(MemoryDirectory)
    office.systems._systems["wiki"] = system
    monkeypatch.setattr(system.connector, "find", _failing(system.connector.find, error))  # type: ignore[attr-defined]
    assert sorted(_kinds(audit(office))) == [("new account", "wiki"), ("not verified", "wiki")]
    monkeypatch.undo()
    assert _kinds(audit(office)) == [("new account", "wiki")]


def _failing(find: Callable[[Person], Lookup], error: Exception) -> Callable[[Person], Lookup]:
    def answer(person: Person) -> Lookup:
        if "dana@x.example" in person.emails:
            raise error
        return find(person)

    return answer


def test_an_account_that_was_locked_when_its_system_came_is_watched(tmp_path: Path) -> None:
    office = Office(tmp_path)
    _leave(office)
    wiki = World("wiki")
    account = wiki.user("wiki-dana", "dana@x.example", active=False)
    office.systems._systems["wiki"] = wiki.system(MemoryListing)
    assert audit(office).by_verdict[Verdict.LOCKED] == 3
    account.active = True
    view = audit(office)
    assert (_kinds(view), view.by_verdict[Verdict.OPEN]) == ([("open again", "wiki")], 1)
    office.audits.lock_again(view.findings[0].id, SECURITY)
    office.work("revoke")
    assert not account.active
    assert audit(office).findings == ()


def test_what_a_follow_up_sees_open_is_not_called_locked_until_the_next_audit(company: Office) -> None:
    company.directory.users[AccountId("directory-dana")].active = True
    company.crm.user("crm-second", "dana@x.example", login="dd")
    company.clock.pass_(days=1)
    company.work("follow_up")
    for _ in range(2):
        case = _crm(company)
        assert [line.verdict for line in case.systems] == [Verdict.OPEN, Verdict.OPEN]
        assert not case.locked_out
        assert [one.login for one in case.findings] == ["dana", "dd"]
        company.audits.run_now(SECURITY)


@pytest.mark.parametrize("system", ["directory", "crm"])
def test_an_account_that_the_list_shows_open_is_not_locked_by_an_outdated_read(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, crm_lists=True)
    _leave(office)
    getattr(office, system).users[AccountId(f"{system}-dana")].active = True
    connector = office.systems[system].connector
    stale = Observation(Verdict.LOCKED, "read by id from a cache")
    monkeypatch.setattr(connector, "observe", lambda accounts: dict.fromkeys(accounts, stale))
    view = audit(office)
    assert _kinds(view) == [("not verified", system)]
    assert "list shows the account open" in view.findings[0].detail
    assert not _crm(office).locked_out
    monkeypatch.undo()
    assert _kinds(audit(office)) == [("open again", system)]
