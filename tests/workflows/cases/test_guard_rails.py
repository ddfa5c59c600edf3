"""Each guard rail with somebody who tries to get round it; all of them fail closed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId, Verdict
from connectors.errors import Unavailable
from tests.workflows.memory import MemoryCrm
from tests.workflows.office import DANA, HR, SECURITY, Office
from workflows.access.protected import ProtectedAccounts
from workflows.access.views import SystemLine
from workflows.cases.holds import CasePolicy
from workflows.cases.views import CaseView
from workflows.people import Actor, Leaver
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.systems.registry import Systems

ROOT = Actor("cli:root", "root", terminal=True)
KEYED = replace(DANA, directory_id="directory-dana", logins=("dana",))


def _line(case: CaseView, system: str) -> SystemLine:
    return next(line for line in case.systems if line.system == system)


def _leaver(number: int) -> Leaver:
    return replace(DANA, email=f"p{number}@x.example", slack_id=f"U0P{number}", directory_id="")


def _refused(what: str, office: Office, *arguments: object) -> Code:
    with pytest.raises(Refused) as caught:
        getattr(office.offboarding, what)(*arguments)
    return caught.value.code


# -- protected accounts, by what is found at execution


@pytest.mark.parametrize("name", ["login", "id", "address", "its system says so"])
def test_a_protected_account_found_at_execution_is_not_locked_and_it_is_said(office: Office, name: str) -> None:
    dana = office.crm.users.pop(AccountId("crm-dana"))
    if name == "login":
        dana.login = "BOSS"
    elif name == "id":
        dana.id = AccountId("svc-sync")
    elif name == "its system says so":
        dana.protected = "PROTECTED there: an administrator"
    else:
        dana.email, dana.login = "root@x.example", "dana"
    office.crm.users[dana.id] = dana
    case_id = office.offboarding.open(office.request(leaver=KEYED))
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert dana.active
    assert _line(case, "crm").verdict is Verdict.OPEN
    assert "PROTECTED" in _line(case, "crm").reason
    assert [one.kind for one in case.findings] == ["protected"]
    assert not case.locked_out
    assert _line(case, "directory").verdict is Verdict.LOCKED
    assert [one.kind for one in office.audits.run_now(SECURITY).findings] == ["protected"]
    for _ in range(2):
        office.offboarding.retry(case_id, "crm", SECURITY)
        office.work("revoke")
    assert dana.active
    assert office.crm.writes == {}


def test_an_account_renamed_to_a_protected_one_keeps_off_a_second_lock(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.crm.down = True
    office.work("revoke")
    office.crm.down = False
    office.crm.users[AccountId("crm-dana")].login = "boss"
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert office.crm.users[AccountId("crm-dana")].active
    assert "PROTECTED" in _line(office.offboarding.case(case_id), "crm").reason


def test_the_name_protected_in_one_system_is_free_in_others(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].login = "boss"
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert _line(office.offboarding.case(case_id), "directory").verdict is Verdict.LOCKED


def test_the_plan_says_what_would_be_left_alone(office: Office) -> None:
    office.crm.users[AccountId("crm-dana")].login = "boss"
    assert any("PROTECTED" in warning for warning in office.offboarding.plan(DANA).warnings)


class Self(MemoryCrm):
    """A CRM where the bot itself is `dana`."""

    def own_account(self) -> str:
        return "DANA"


def test_the_bots_own_account_is_never_locked(office: Office) -> None:
    systems: Systems = office.systems
    systems._systems["crm"] = office.crm.system(Self)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert office.crm.users[AccountId("crm-dana")].active
    assert "OWN account" in _line(office.offboarding.case(case_id), "crm").reason


# -- mass guard


def test_more_than_ten_cases_in_an_hour_are_held_scheduled_ones_too(office: Office) -> None:
    tomorrow = office.clock.now() + timedelta(days=1)
    opened = []
    for number in range(12):
        office.clock.pass_(minutes=4)
        change = {"effective_at": tomorrow} if number % 2 else {"requested_by": Actor("cli:root", "root")}
        opened.append(office.offboarding.open(office.request(leaver=_leaver(number), **change)))
    states = [office.offboarding.case(case_id).state for case_id in opened]
    assert CaseState.HELD not in states[:10]
    assert states[10:] == [CaseState.HELD, CaseState.HELD]
    held = [post for post in office.posts().values() if post.kind == MessageKind.HELD]
    assert sorted((post.subject, post.channel) for post in held) == sorted((one, "C0SEC") for one in opened[10:])


@pytest.fixture
def held(tmp_path: Path) -> tuple[Office, str]:
    """Return an office where one case an hour is enough, and the second case, which is Dana's."""
    office = Office(tmp_path, rules=CasePolicy(mass_cases_per_hour=1, hold_channel="C0SEC"))
    first = office.offboarding.open(office.request(leaver=_leaver(1)))
    assert office.offboarding.case(first).state is not CaseState.HELD
    office.started.clear()
    return office, office.offboarding.open(office.request())


def test_nothing_of_a_held_case_is_done_by_anyone(held: tuple[Office, str]) -> None:
    office, case_id = held
    assert office.offboarding.case(case_id).held == "mass"
    for task in ("retry", "undo", "close"):
        arguments = (case_id, "crm", SECURITY) if task == "retry" else (case_id, HR)
        assert _refused(task, office, *arguments) is Code.NOT_OPEN
    for system in ("directory", "crm"):
        office.dispatch.row(f"{case_id}:{system}")
    office.clock.pass_(days=40)
    office.work()
    office.audits.run_now(SECURITY)
    assert [one for one in office.started if one[1].startswith(case_id)] == []
    assert office.crm.users[AccountId("crm-dana")].active
    assert office.crm.users[AccountId("crm-dana")].groups
    assert office.directory.users[AccountId("directory-dana")].active
    assert _refused("open", office, office.request()) is Code.OPEN_CASE


def test_whoever_opened_it_and_the_leaver_do_not_release_it(held: tuple[Office, str]) -> None:
    office, case_id = held
    assert _refused("release", office, case_id, HR) is Code.NOT_ALLOWED
    assert _refused("release", office, case_id, Actor("slack:U0DANA", "Dana")) is Code.OWN_CASE
    assert office.offboarding.case(case_id).state is CaseState.HELD


def test_a_second_person_releases_it_once_and_it_runs(held: tuple[Office, str]) -> None:
    office, case_id = held
    office.clock.pass_(hours=3)
    office.offboarding.release(case_id, SECURITY)
    assert {one[1] for one in office.started} == {case_id}
    assert _refused("release", office, case_id, SECURITY) is Code.NOT_OPEN
    office.work()
    case = office.offboarding.case(case_id)
    assert (case.locked_out, case.held) == (True, "")
    assert (case.settled_by, case.settled_at) == (SECURITY.name, office.clock.now())
    assert {line.late for line in case.systems} == {""}


def test_a_rejected_case_never_runs_and_still_counts(held: tuple[Office, str]) -> None:
    office, case_id = held
    assert office.offboarding.case(case_id).follow_ups == (), "no check is promised of what is held"
    office.offboarding.reject(case_id, HR)
    assert office.offboarding.case(case_id).settled_by == HR.name
    assert office.offboarding.case(case_id).follow_ups == ()
    assert _refused("release", office, case_id, SECURITY) is Code.NOT_OPEN
    office.work()
    assert office.crm.users[AccountId("crm-dana")].active
    assert office.offboarding.case(office.offboarding.open(office.request())).state is CaseState.HELD


@pytest.mark.parametrize(("answer", "by"), [("release", SECURITY), ("reject", SECURITY), ("reject", HR)])
def test_who_asked_hears_by_a_new_message_what_became_of_a_held_case(
    held: tuple[Office, str], answer: str, by: Actor
) -> None:
    """Security's message and the case message were edited, which notifies nobody. Whoever answers knows it already."""
    office, case_id = held
    getattr(office.offboarding, answer)(case_id, by)
    told = [post.channel for post in office.posts().values() if post.id.startswith(f"answered:{case_id}")]
    assert told == ([HR.slack_id] if by == SECURITY else [])


def test_cancelling_in_between_does_not_get_round_the_count(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(mass_cases_per_hour=2))
    later = office.clock.now() + timedelta(days=1)
    for number in range(2):
        case_id = office.offboarding.open(office.request(leaver=_leaver(number), effective_at=later))
        office.offboarding.cancel(case_id, HR, "a mistake")
    assert office.offboarding.case(office.offboarding.open(office.request())).state is CaseState.HELD
    office.clock.pass_(minutes=61)
    free = office.offboarding.open(office.request(leaver=_leaver(9)))
    assert office.offboarding.case(free).state is CaseState.SCHEDULED


def test_a_held_case_whose_day_has_come_begins_at_its_release(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(mass_cases_per_hour=0))
    day = office.clock.now() + timedelta(days=1)
    case_id = office.offboarding.open(office.request(effective_at=day))
    office.clock.at = day + timedelta(hours=2)
    assert office.work() == 0
    office.offboarding.release(case_id, SECURITY)
    office.work()
    assert office.offboarding.case(case_id).locked_out


def test_an_immediate_case_needs_a_second_person_where_the_policy_says_so(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True))
    case_id = office.offboarding.open(office.request())
    assert (office.offboarding.case(case_id).state, office.started) == (CaseState.HELD, [])
    assert office.offboarding.case(case_id).held == "immediate"
    office.work()
    assert office.crm.users[AccountId("crm-dana")].active
    office.offboarding.release(case_id, Actor("slack:U0HR2", "Heinz"))
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out
    day = office.clock.now() + timedelta(days=1)
    scheduled = office.offboarding.open(office.request(leaver=_leaver(1), effective_at=day))
    assert office.offboarding.case(scheduled).state is CaseState.SCHEDULED


def test_soon_is_no_way_round_the_second_person(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True))
    soon = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(minutes=2)))
    assert office.offboarding.case(soon).held == "immediate"
    later = office.offboarding.open(
        office.request(leaver=_leaver(1), effective_at=office.clock.now() + timedelta(days=9))
    )
    assert office.offboarding.case(later).held == ""
    office.offboarding.reschedule(later, office.clock.now() + timedelta(minutes=2), HR)
    assert office.offboarding.case(later).held == "immediate"
    office.clock.pass_(minutes=5)
    office.work()
    assert office.crm.writes == {}
    assert _refused("release", office, later, HR) is Code.SECOND_PERSON
    office.offboarding.release(soon, SECURITY)
    office.work("revoke")
    assert office.offboarding.case(soon).locked_out


def test_hr_alone_does_not_release_what_was_moved_into_a_crowd(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True, mass_share=0.25))
    day = office.clock.now() + timedelta(days=30)
    for number in (1, 2):
        office.offboarding.open(office.request(leaver=_leaver(number), effective_at=day))
    office.clock.pass_(days=5)
    soon = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(minutes=2)))
    assert office.offboarding.case(soon).held == "immediate"
    office.offboarding.reschedule(soon, day, HR)
    assert office.offboarding.case(soon).held == "share"


@pytest.mark.parametrize(
    ("opener", "second", "code"),
    [
        (Actor("slack:U0SAM", "Sam", "sam.o@x.example"), Actor("cli:sam.o", "sam.o"), Code.SECOND_PERSON),
        (Actor("cli:Sam.O", "sam.o"), Actor("slack:U0SAM", "Sam", "sam.o@x.example"), Code.SECOND_PERSON),
        (HR, Actor("cli:dana", "dana"), Code.OWN_CASE),
        (HR, Actor("slack:U0DANA", "Dana"), Code.OWN_CASE),
        (ROOT, ROOT, Code.SECOND_PERSON),
        (ROOT, Actor("slack:U0EVA", "eva", terminal=True, login="cli:root"), Code.SECOND_PERSON),
        (Actor("slack:U0EVA", "eva", terminal=True, login="cli:root"), ROOT, Code.SECOND_PERSON),
        (ROOT, Actor("cli:e2", "e2", terminal=True, enrolled_by="cli:root"), Code.SECOND_PERSON),
        (
            Actor("cli:max", "max", enrolled_by="cli:root"),
            Actor("cli:e2", "e2", enrolled_by="cli:root"),
            Code.SECOND_PERSON,
        ),
        (replace(HR, email="Hr@x.example"), Actor("cli:e2", "e2", "hr@x.example", terminal=True), Code.SECOND_PERSON),
        (HR, Actor("service:hris", "hris", terminal=True), Code.NOT_ALLOWED),
    ],
)
def test_one_human_is_one_person_at_every_door(tmp_path: Path, opener: Actor, second: Actor, code: Code) -> None:
    office = Office(tmp_path, rules=CasePolicy(mass_cases_per_hour=0))
    case_id = office.offboarding.open(office.request(requested_by=opener))
    assert _refused("release", office, case_id, second) is code
    office.offboarding.release(case_id, SECURITY)


def test_who_moved_a_case_does_not_release_it_under_the_log_ins_name(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True))
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=9)))
    eva = Actor("slack:U0EVA", "eva", terminal=True, login="cli:root")
    office.offboarding.reschedule(case_id, office.clock.now() + timedelta(minutes=2), eva)
    assert _refused("release", office, case_id, ROOT) is Code.SECOND_PERSON
    office.offboarding.release(case_id, SECURITY)


SAM_AT_THE_TERMINAL = Actor("cli:sam.o", "sam.o", "hr@x.example", terminal=True)
"""A table with an address alone, which is HR's in Slack."""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Actor("slack:U0HR", "Hanna"), SAM_AT_THE_TERMINAL),
        (Actor("slack:U0HANNA", "hanna", terminal=True), Actor("cli:e2", "e2", "u0hanna@x.example", terminal=True)),
        (Actor("service:hris", "hris", terminal=True, login="slack:U0SAM"), Actor("slack:U0SAM", "Sam")),
        (Actor("slack:U0EVA", "eva", terminal=True, enrolled_by="slack:U0SAM"), Actor("slack:U0SAM", "Sam")),
        (SAM_AT_THE_TERMINAL, Actor("cli:e2", "e2", "Hr@X.example ", terminal=True)),
    ],
)
@pytest.mark.parametrize("moves", [False, True])
def test_who_is_known_by_an_address_in_one_place_is_one_human(
    tmp_path: Path, first: Actor, second: Actor, moves: bool
) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True))
    office.members.change("U0HR", email="hr@x.example")
    office.members.change("U0HANNA", email="u0hanna@x.example")
    soon = office.clock.now() + timedelta(minutes=2)
    far = office.clock.now() + timedelta(days=9)
    opener = Actor("slack:U0HR2", "Another") if moves else first
    case_id = office.offboarding.open(office.request(requested_by=opener, effective_at=far if moves else soon))
    if moves:
        office.offboarding.reschedule(case_id, soon, first)
    assert _refused("release", office, case_id, second) is Code.SECOND_PERSON
    office.offboarding.release(case_id, SECURITY)


def test_nobody_offboards_themselves_at_a_terminal(office: Office) -> None:
    assert _refused("open", office, office.request(requested_by=Actor("cli:dana", "dana"))) is Code.ONESELF


@pytest.mark.parametrize("named", ["CH\u00c9F@x.example", "che\u0301f@x.example ", "\uff43h\u00e9f@x.example"])
def test_a_protected_name_is_the_same_however_it_is_written(named: str) -> None:
    assert ProtectedAccounts(["ch\u00e9f@x.example"]).is_protected([named])


# -- names given out anew, and people hired again


@pytest.fixture
def reused(office: Office) -> str:
    """Return an old case whose leaver's address has been given to a new person with accounts of their own."""
    office.crm.users.pop(AccountId("crm-dana"))
    case_id = office.offboarding.open(office.request(leaver=KEYED))
    office.work("revoke", "book", "exports")
    assert office.offboarding.case(case_id).locked_out
    office.clock.pass_(days=60)
    office.directory.user("directory-dana2", "dana@x.example", login="dana2")
    office.crm.user("crm-dana2", "dana@x.example", login="dana2")
    return case_id


def test_a_new_person_with_the_old_address_is_not_the_leaver(office: Office, reused: str) -> None:
    office.work("follow_up")
    view = office.audits.run_now(SECURITY)
    kinds = {one.kind for one in view.findings}
    assert kinds == {"address reused"}
    assert not any(one.can_lock_again for one in view.findings)
    assert view.by_verdict[Verdict.OPEN] == 0
    assert office.offboarding.case(reused).locked_out


def test_nobody_can_lock_the_new_person_through_the_old_case(office: Office, reused: str) -> None:
    for system in ("directory", "crm"):
        office.offboarding.retry(reused, system, SECURITY)
    office.work("revoke")
    assert office.directory.users[AccountId("directory-dana2")].active
    assert office.crm.users[AccountId("crm-dana2")].active
    case = office.offboarding.case(reused)
    assert "somebody else" in _line(case, "crm").reason
    assert _line(case, "directory").verdict is Verdict.LOCKED


def test_without_the_directorys_answer_nobody_is_taken_for_the_leaver(office: Office, reused: str) -> None:
    office.directory.fail("find", Unavailable("down"), times=9)
    office.offboarding.retry(reused, "crm", SECURITY)
    office.work("revoke")
    assert office.crm.users[AccountId("crm-dana2")].active
    assert _line(office.offboarding.case(reused), "crm").verdict is Verdict.UNKNOWN


def test_the_old_leavers_own_account_open_again_is_still_found(office: Office, reused: str) -> None:
    office.directory.users[AccountId("directory-dana")].active = True
    assert "open again" in {one.kind for one in office.audits.run_now(SECURITY).findings}


def test_a_person_hired_again_is_no_longer_audited(office: Office) -> None:
    case_id = office.offboarding.open(office.request(leaver=KEYED))
    for _ in range(4):
        office.work()
        office.clock.pass_(minutes=1)
    assert office.offboarding.case(case_id).state is CaseState.WATCHED
    office.directory.users[AccountId("directory-dana")].active = True
    assert office.audits.run_now(SECURITY).findings
    office.offboarding.close(case_id, HR)
    assert office.audits.findings() == []
    office.clock.pass_(days=8)
    assert office.work("follow_up", "exports") == 0
    view = office.audits.run_now(SECURITY)
    assert (view.leavers, view.findings) == (0, ())
    assert office.offboarding.case(case_id).state is CaseState.CLOSED
    assert _refused("close", office, case_id, HR) is Code.NOT_OPEN
    assert office.directory.users[AccountId("directory-dana")].active
    office.offboarding.undo(case_id, HR, "her groups, as they were")
    assert office.offboarding.case(case_id).state is CaseState.UNDONE


def test_a_case_still_locking_is_not_closed(office: Office) -> None:
    office.crm.down = True
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert _refused("close", office, case_id, HR) is Code.NOT_OPEN
