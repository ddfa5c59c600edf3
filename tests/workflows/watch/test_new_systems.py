"""Systems that came into the configuration after a case: never silently covered."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId, Verdict
from connectors.errors import Unavailable
from tests.workflows.access.test_manual_steps import badge
from tests.workflows.memory import Killed, MemoryDirectory, World
from tests.workflows.office import DANA, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.cases.holds import CasePolicy
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState
from workflows.systems.registry import System, Systems
from workflows.watch.new_systems import add_to_open_cases

KEYED = replace(DANA, directory_id="directory-dana", logins=("dana",))


@pytest.fixture
def wiki() -> World:
    world = World("wiki")
    for name in ("dana", "max"):
        world.user(f"wiki-{name}", f"{name}@x.example")
    return world


def _past(office: Office) -> str:
    case_id = office.offboarding.open(office.request(leaver=KEYED))
    office.work("revoke", "book", "exports")
    assert office.offboarding.case(case_id).locked_out
    return case_id


def _add(office: Office, system: System) -> None:
    systems: Systems = office.systems
    systems._systems[system.name] = system


def _line(case: CaseView, name: str = "wiki") -> SystemLine:
    return next(line for line in case.systems if line.system == name)


def test_before_the_audit_the_case_says_that_nobody_has_looked(office: Office, wiki: World) -> None:
    case_id = _past(office)
    _add(office, wiki.system(MemoryDirectory))
    case = office.offboarding.case(case_id)
    assert (_line(case).verdict, case.locked_out) == (Verdict.UNKNOWN, False)
    assert "not looked up yet" in _line(case).reason


def test_the_next_audit_looks_and_what_is_open_is_a_finding_with_lock_again(office: Office, wiki: World) -> None:
    case_id = _past(office)
    _add(office, wiki.system(MemoryDirectory))
    view = office.audits.run_now(SECURITY)
    [finding] = view.findings
    assert (finding.kind, finding.system, finding.can_lock_again) == ("new account", "wiki", True)
    assert wiki.users[AccountId("wiki-dana")].active, "looking locks nobody"
    assert _line(office.offboarding.case(case_id)).verdict is Verdict.OPEN
    assert len(office.audits.run_now(SECURITY).findings) == 1
    office.audits.lock_again(finding.id, SECURITY)
    office.work("revoke")
    assert not wiki.users[AccountId("wiki-dana")].active
    assert wiki.users[AccountId("wiki-max")].active
    assert office.audits.run_now(SECURITY).findings == ()
    assert office.offboarding.case(case_id).locked_out


@pytest.mark.parametrize(("there", "verdict"), [(False, Verdict.ABSENT), (True, Verdict.LOCKED)])
def test_who_is_not_there_or_locked_already_is_said_so(
    office: Office, wiki: World, there: bool, verdict: Verdict
) -> None:
    case_id = _past(office)
    wiki.users[AccountId("wiki-dana")].active = False
    if not there:
        wiki.users.pop(AccountId("wiki-dana"))
    _add(office, wiki.system(MemoryDirectory))
    assert office.audits.run_now(SECURITY).findings == ()
    line = _line(office.offboarding.case(case_id))
    proof = "" if there else "; the same lookup finds an account that is known to be there"
    assert (line.verdict, line.how) == (verdict, f"mail and log-in{proof}")


def test_a_new_system_that_is_down_stays_not_looked_up_and_the_audit_says_so(office: Office, wiki: World) -> None:
    case_id = _past(office)
    _add(office, wiki.system(MemoryDirectory))
    wiki.fail("find", Unavailable("down"), times=9)
    assert any("WIKI (wiki)" in said for said in office.audits.run_now(SECURITY).not_read)
    assert "not looked up yet" in _line(office.offboarding.case(case_id)).reason


@pytest.mark.parametrize(("login", "verdict"), [("dana2", Verdict.ABSENT), ("dana", Verdict.OPEN)])
def test_a_stranger_with_the_old_address_is_not_the_leaver_and_an_account_with_their_log_in_is_asked_about(
    office: Office, wiki: World, login: str, verdict: Verdict
) -> None:
    case_id = _past(office)
    office.clock.pass_(days=60)
    office.directory.user("directory-dana2", "dana@x.example", login="dana2")
    wiki.users[AccountId("wiki-dana")].login = login
    _add(office, wiki.system(MemoryDirectory))
    kinds = {one.kind for one in office.audits.run_now(SECURITY).findings if one.system == "wiki"}
    assert ("new account" in kinds) == (verdict is Verdict.OPEN)
    assert _line(office.offboarding.case(case_id)).verdict is verdict
    assert wiki.users[AccountId("wiki-dana")].active


def test_retry_locks_there_at_once(office: Office, wiki: World) -> None:
    case_id = _past(office)
    _add(office, wiki.system(MemoryDirectory))
    office.offboarding.retry(case_id, "wiki", SECURITY)
    office.work("revoke")
    assert not wiki.users[AccountId("wiki-dana")].active
    assert _line(office.offboarding.case(case_id)).verdict is Verdict.LOCKED


def test_a_scheduled_case_is_locked_out_there_on_its_day(office: Office, wiki: World) -> None:
    day = office.clock.now() + timedelta(days=9)
    case_id = office.offboarding.open(office.request(effective_at=day))
    _add(office, wiki.system(MemoryDirectory))
    _add(office, badge())
    for _ in range(2):
        add_to_open_cases(office.store, office.journal, office.systems, office.clock)
    office.clock.pass_(days=1)
    assert office.work("revoke", "manual") == 0
    office.clock.pass_(days=9)
    office.work("revoke", "manual")
    assert not wiki.users[AccountId("wiki-dana")].active
    assert _line(office.offboarding.case(case_id), "badge").step is not None


def test_a_held_case_does_nothing_there_before_its_release(tmp_path: Path, wiki: World) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True))
    case_id = office.offboarding.open(office.request())
    _add(office, wiki.system(MemoryDirectory))
    add_to_open_cases(office.store, office.journal, office.systems, office.clock)
    office.clock.pass_(hours=1)
    assert office.work("revoke") == 0
    office.offboarding.release(case_id, SECURITY)
    office.work("revoke")
    assert not wiki.users[AccountId("wiki-dana")].active


def test_called_off_cases_are_not_looked_at(office: Office, wiki: World) -> None:
    case_id = _past(office)
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work("undo")
    _add(office, wiki.system(MemoryDirectory))
    office.audits.run_now(SECURITY)
    add_to_open_cases(office.store, office.journal, office.systems, office.clock)
    assert wiki.calls["find"] == 0
    assert office.offboarding.case(case_id).state is CaseState.UNDONE


def test_what_people_do_by_hand_is_asked_for_past_leavers_too(office: Office) -> None:
    case_id = _past(office)
    _add(office, badge())
    office.audits.run_now(SECURITY)
    office.work("manual")
    assert _line(office.offboarding.case(case_id), "badge").step is not None
    assert any(post.channel == "U0ADA" for post in office.posts().values())


def test_a_kill_in_the_middle_is_made_up_by_the_next_audit(office: Office, wiki: World) -> None:
    first = _past(office)
    _add(office, wiki.system(MemoryDirectory))
    wiki.fail("find", Killed(), done=True)
    with pytest.raises(Killed):
        office.audits.run_now(SECURITY)
    office.audits.run_now(SECURITY)
    assert _line(office.offboarding.case(first)).verdict is Verdict.OPEN
