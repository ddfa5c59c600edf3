"""The access track reports what a read shows, even if systems die, answer wrongly, lose answers or refuse."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.contract import Account, AccountId, Change, Group, GroupId, Locked, Login, Observation, Person, Verdict
from connectors.errors import BadCredential, Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryCrm
from tests.workflows.office import DANA, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import CaseState


def _line(case: CaseView, system: str) -> SystemLine:
    return next(line for line in case.systems if line.system == system)


def _done(case: CaseView, system: str) -> tuple[str, ...]:
    [account] = _line(case, system).accounts
    return account.done


def _open(office: Office) -> str:
    return office.offboarding.open(office.request())


def test_a_leaver_is_locked_out_everywhere_and_everybody_else_stays(office: Office) -> None:
    case_id = _open(office)
    assert office.started == [("lockout", case_id, 0)]
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert case.locked_out
    for world in (office.directory, office.crm):
        dana = world.users[AccountId(f"{world.name}-dana")]
        assert (dana.active, dana.sessions, dana.groups) == (False, 0, set())
        others = [user for user in world.users.values() if user.id != dana.id]
        assert all(user.active and user.sessions == 1 and len(user.groups) == 2 for user in others)
    [account] = _line(case, "directory").accounts
    assert account.login == "dana"
    assert any("taken out of group" in done for done in account.done)


def test_a_hidden_account_of_the_leaver_is_in_the_verdict_and_stops_no_lock(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, hidden = MemoryCrm.find, ["the second user sees the account dana2"]
    monkeypatch.setattr(MemoryCrm, "find", lambda self, who: replace(find(self, who), hidden=tuple(hidden)))
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "crm")
    assert not office.crm.users[AccountId("crm-dana")].active
    assert (line.verdict, line.reason) == (Verdict.UNKNOWN, hidden[0])
    hidden.clear()
    office.clock.pass_(minutes=6)
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


def test_before_anything_ran_the_verdict_is_unknown(office: Office) -> None:
    case = office.offboarding.case(_open(office))
    assert {line.verdict for line in case.systems} == {Verdict.UNKNOWN}
    assert not case.locked_out


def test_a_dead_system_is_unknown_others_go_on_and_it_is_tried_again(office: Office) -> None:
    office.crm.down = True
    case_id = _open(office)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert _line(case, "directory").verdict is Verdict.LOCKED
    crm = _line(case, "crm")
    assert crm.verdict is Verdict.UNKNOWN
    assert "not reachable" in crm.reason
    assert crm.next_try_at is not None
    assert case.state is CaseState.RUNNING
    assert office.work("revoke") == 0
    office.crm.down = False
    office.clock.pass_(seconds=15)
    assert office.work("revoke") == 1
    assert office.offboarding.case(case_id).locked_out


def test_retries_come_less_often_up_to_the_limit_and_obey_the_vendor(office: Office) -> None:
    office.crm.down = True
    case_id = _open(office)
    waits = []
    for _ in range(8):
        office.work("revoke")
        with office.store.read() as session:
            access = session.get_one(Access, f"{case_id}:crm")
        waits.append((access.due_at - office.clock.now()).total_seconds())
        office.clock.at = access.due_at
    assert waits == sorted(waits)
    assert waits[0] == 10
    assert waits[-1] == 300
    office.crm.down = False
    office.crm.fail("find", Unavailable("busy", retry_after=timedelta(hours=1)))
    office.work("revoke")
    with office.store.read() as session:
        assert session.get_one(Access, f"{case_id}:crm").due_at - office.clock.now() == timedelta(hours=1)


@pytest.mark.parametrize("error", [BadCredential("401"), Unavailable("503")])
def test_no_error_is_ever_shown_as_good(office: Office, error: Exception) -> None:
    office.crm.fail("lock", error)
    case_id = _open(office)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert _line(case, "crm").verdict is Verdict.UNKNOWN
    assert not case.locked_out
    assert office.crm.users[AccountId("crm-dana")].active


@pytest.mark.parametrize("error", [Forbidden("no right to write"), Conflict("changed")])
def test_after_a_refused_write_the_verdict_is_what_a_read_shows(office: Office, error: Exception) -> None:
    office.crm.fail("lock", error)
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "crm")
    assert (line.verdict, line.how) == (Verdict.OPEN, "read by id")
    assert str(error) in line.reason
    office.clock.pass_(minutes=1)
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


def test_a_refused_write_that_cannot_be_read_is_unknown(office: Office) -> None:
    office.crm.fail("lock", Forbidden("no right to write"))
    office.crm.fail("observe", Unavailable("503"))
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "crm")
    assert line.verdict is Verdict.UNKNOWN
    assert "no right to write" in line.reason


def test_a_refused_account_stops_no_other_account(office: Office) -> None:
    office.crm.user("crm-dana-too", "dana@x.example", login="dana.too")
    case_id = _open(office)
    for account in ("crm-dana", "crm-dana-too"):
        office.linking.link(case_id, "crm", SECURITY, account=account)
    office.crm.fail("lock", Forbidden("no right to write"))
    office.work("revoke")
    assert [office.crm.users[AccountId(one)].active for one in ("crm-dana", "crm-dana-too")] == [True, False]
    assert _line(office.offboarding.case(case_id), "crm").verdict is Verdict.OPEN


def test_how_is_that_of_the_reading_that_is_shown(office: Office) -> None:
    case_id = _open(office)
    office.work("revoke")
    assert _line(office.offboarding.case(case_id), "crm").how == "read by id"
    office.crm.down = True
    office.clock.pass_(days=1)
    office.audits.run_now(SECURITY)
    line = _line(office.offboarding.case(case_id), "crm")
    assert (line.verdict, line.how, [one.how for one in line.accounts]) == (Verdict.UNKNOWN, "", [""])


def test_a_lost_answer_is_read_back_and_not_repeated(office: Office) -> None:
    office.crm.fail("lock", OutcomeUnknown("cut"), done=True)
    case_id = _open(office)
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out
    assert office.crm.writes["lock:crm-dana"] == 1


def test_a_lost_answer_of_a_write_that_did_not_happen_is_unknown(office: Office) -> None:
    office.crm.fail("lock", OutcomeUnknown("cut"), done=False)
    case_id = _open(office)
    office.work("revoke")
    assert _line(office.offboarding.case(case_id), "crm").verdict is Verdict.UNKNOWN


def test_a_system_that_says_yes_and_does_nothing_is_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = office.systems["crm"].connector
    monkeypatch.setattr(connector, "lock", lambda _before: Locked(Change.MADE, Login.NOT_TRIED))
    case_id = _open(office)
    office.work("revoke")
    crm = _line(office.offboarding.case(case_id), "crm")
    assert crm.verdict is Verdict.OPEN
    assert crm.next_try_at is not None


def test_a_log_in_that_still_works_is_open_whatever_the_read_says(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = office.systems["crm"].connector
    real = connector.lock  # type: ignore[attr-defined]

    def lock(before: object) -> Locked:
        real(before)
        return Locked(Change.MADE, Login.ACCEPTED, "the policy must say so")

    monkeypatch.setattr(connector, "lock", lock)
    case_id = _open(office)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert (_line(case, "crm").verdict, "the policy must say so" in _line(case, "crm").reason) == (Verdict.OPEN, True)
    assert _done(case, "crm")[0] == "the lock was written, and a log-in was accepted all the same"


def test_what_a_lock_left_undone_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = office.systems["crm"].connector
    real = connector.lock  # type: ignore[attr-defined]
    left = "it could not be moved to OU=Disabled"
    monkeypatch.setattr(connector, "lock", lambda before: replace(real(before), not_done=(left,)))
    case_id = _open(office)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert (_line(case, "crm").verdict, _line(case, "crm").reason) == (Verdict.LOCKED, left)
    assert left in _done(case, "crm")
    assert case.locked_out


def test_sessions_that_stay_open_are_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.systems["crm"].connector, "sessions", lambda _account: 2)
    case_id = _open(office)
    office.work("revoke")
    crm = _line(office.offboarding.case(case_id), "crm")
    assert crm.verdict is Verdict.OPEN
    assert "2 sessions" in crm.reason


def test_a_group_that_cannot_be_left_keeps_the_work_going(office: Office) -> None:
    office.directory.fail("remove", Conflict("last member"))
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "directory")
    assert line.verdict is Verdict.LOCKED
    assert "still to do" in line.reason
    office.clock.pass_(minutes=1)
    office.work("revoke")
    assert _line(office.offboarding.case(case_id), "directory").reason == ""


def test_a_group_that_nobody_can_leave_is_said_and_holds_nothing_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = Group(GroupId("513"), "Domain Users", fixed="Domain Users is the primary group, which nobody can leave")
    monkeypatch.setattr(office.systems["directory"].connector, "groups", lambda _account: [primary])
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "directory")
    assert (line.verdict, line.reason, line.next_try_at) == (Verdict.LOCKED, "", None)
    assert any("primary group" in done for done in line.accounts[0].done)
    assert office.directory.calls["remove"] == 0


def test_two_matching_accounts_wait_for_a_person_and_neither_is_touched(office: Office) -> None:
    office.crm.user("crm-dana2", "dana@x.example", login="dana.two")
    case_id = _open(office)
    office.work("revoke")
    crm = _line(office.offboarding.case(case_id), "crm")
    assert crm.verdict is Verdict.UNKNOWN
    assert "2 accounts match" in crm.reason
    assert office.crm.users[AccountId("crm-dana")].active
    assert office.crm.users[AccountId("crm-dana2")].active


def test_nobody_there_is_absent_and_says_how_it_was_looked_up(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]
    case_id = _open(office)
    office.work("revoke")
    crm = _line(office.offboarding.case(case_id), "crm")
    assert crm.verdict is Verdict.ABSENT
    assert "mail" in crm.how


@pytest.mark.parametrize("method", ["find", "before", "lock", "end", "remove", "observe"])
@pytest.mark.parametrize("done", [False, True])
def test_killed_at_any_call_nothing_is_lost_and_nothing_done_twice(office: Office, method: str, done: bool) -> None:
    case_id = _open(office)
    office.crm.fail(method, Killed(), done=done)
    with pytest.raises(Killed):
        office.dispatch.row(f"{case_id}:crm")
    assert not office.offboarding.case(case_id).locked_out
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out
    assert {key: times for key, times in office.crm.writes.items() if times > 1} == {}


def test_the_first_before_image_survives_every_later_run(office: Office) -> None:
    case_id = _open(office)
    office.crm.fail("observe", Killed())
    with pytest.raises(Killed):
        office.dispatch.row(f"{case_id}:crm")
    office.work("revoke")
    office.offboarding.retry(case_id, "crm", SECURITY)
    office.work("revoke")
    [account] = _line(office.offboarding.case(case_id), "crm").accounts
    assert set(account.groups) == {"sales", "all staff"}


def test_a_doubled_run_does_nothing(office: Office) -> None:
    case_id = _open(office)
    office.work("revoke")
    calls = sum(office.crm.calls.values())
    office.dispatch.row(f"{case_id}:crm")
    assert sum(office.crm.calls.values()) == calls


def test_no_personal_data_stands_in_clear_in_the_rows(office: Office, tmp_path: object) -> None:
    _open(office)
    office.work("revoke", "exports", "book")
    office.store.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())  # type: ignore[attr-defined]
    for secret in (DANA.name, DANA.email, "max@x.example", "bob@x.example"):
        assert secret.encode() not in raw, secret


@pytest.mark.parametrize("error", [Forbidden("no right to write"), Conflict("changed")])
def test_an_account_that_is_gone_after_a_refused_write_needs_the_same_proof(
    office: Office, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.crm.fail("lock", error)
    connector = office.systems["crm"].connector
    monkeypatch.setattr(connector, "observe", lambda ids: {one: Observation(Verdict.ABSENT, "404") for one in ids})
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "crm")
    assert line.verdict is Verdict.UNKNOWN
    assert "the account is not there by its id" in line.reason


def test_groups_that_cannot_be_read_of_a_locked_account_are_still_to_do(office: Office) -> None:
    office.directory.fail("groups", Missing("404"))
    case_id = _open(office)
    office.work("revoke")
    line = _line(office.offboarding.case(case_id), "directory")
    assert line.verdict is Verdict.LOCKED
    assert "the groups cannot be read" in line.reason
    assert office.directory.users[AccountId("directory-dana")].groups
    office.clock.pass_(minutes=1)
    office.work("revoke")
    assert _line(office.offboarding.case(case_id), "directory").reason == ""
    assert not office.directory.users[AccountId("directory-dana")].groups


def test_a_search_for_further_accounts_that_fails_is_not_taken_for_none(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_person: Person) -> Sequence[Account]:
        raise Unavailable("the search takes too long")

    with monkeypatch.context() as patch:
        patch.setattr(office.systems["crm"].connector, "related", fail)
        assert any("the search takes too long" in one for one in office.offboarding.plan(DANA).warnings)
        case_id = _open(office)
        office.work("revoke")
    line = _line(office.offboarding.case(case_id), "crm")
    assert not office.crm.users[AccountId("crm-dana")].active
    assert line.verdict is Verdict.UNKNOWN
    assert "other accounts of the same person were not looked for" in line.reason
    office.crm.user("crm-admin", "admin-dana@x.example", login="admin-dana")
    office.clock.pass_(minutes=1)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert _line(case, "crm").verdict is Verdict.LOCKED
    assert [one.login for one in case.findings if one.closed_at is None] == ["admin-dana"]
