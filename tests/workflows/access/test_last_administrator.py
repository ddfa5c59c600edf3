"""The last administrator of a system is never locked, however somebody goes about it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Account, AccountId, Administrators, Verdict
from connectors.errors import Missing, Unavailable
from tests.workflows.memory import MemoryCrm
from tests.workflows.office import CAROL, DANA, SECURITY, Office
from tests.workflows.test_tampering import forge
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.systems.registry import Systems

MAX = replace(DANA, name="Max", email="max@x.example", slack_id="U0MAX2", directory_id="directory-max")
BOB = replace(DANA, name="Bob", email="bob@x.example", slack_id="U0BOB2", directory_id="directory-bob")


class Knowing(MemoryCrm, Administrators):
    """A CRM that lists its groups' members; the bot's own account is `robot`."""

    def administrators(self, group: str) -> Sequence[Account]:
        def act() -> Sequence[Account]:
            found = [user for user in self.world.users.values() if (group or "admins") in user.groups]
            if group and not any(group in user.groups for user in self.world.users.values()):
                raise Missing(f"there is no group {group}")
            return [self._account(user, set()) for user in found]

        return self.world.call("administrators", act)

    def own_account(self) -> str:
        return "robot"


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    """An office whose CRM has two administrators, Dana and Max, besides the bot, and one who is locked already."""
    made = Office(tmp_path, url=url)
    systems: Systems = made.systems
    systems._systems["crm"] = replace(made.crm.system(Knowing), administrators=("admins",))
    for name in ("dana", "max"):
        made.crm.users[AccountId(f"crm-{name}")].groups.add("admins")
    made.crm.user("crm-robot", "robot@x.example", groups={"admins"})
    made.crm.user("crm-old", "old@x.example", groups={"admins"}, active=False)
    yield made
    made.store.close()


def _open(office: Office, leaver: Leaver) -> str:
    case_id = office.offboarding.open(office.request(leaver=leaver, approver=CAROL, successors=(CAROL,)))
    office.work("revoke")
    return case_id


def _crm(case: CaseView) -> SystemLine:
    return next(line for line in case.systems if line.system == "crm")


def _is_open(office: Office, name: str) -> bool:
    return office.crm.users[AccountId(f"crm-{name}")].active


def test_one_of_two_is_locked_and_the_other_is_not(office: Office) -> None:
    first = _open(office, DANA)
    assert office.offboarding.case(first).locked_out
    second = _open(office, MAX)
    case = office.offboarding.case(second)
    assert _is_open(office, "max")
    assert office.crm.users[AccountId("crm-max")].groups >= {"admins"}, "nor is the group left"
    assert _crm(case).verdict is Verdict.OPEN
    assert "LAST ADMINISTRATOR" in _crm(case).reason
    assert [one.kind for one in case.findings] == ["protected"]
    assert not case.locked_out


def test_both_at_the_same_moment_leave_one(office: Office) -> None:
    """Each lock-out reads the administrators while the other's lock has not been sent yet."""
    cases = [
        office.offboarding.open(office.request(leaver=one, approver=CAROL, successors=(CAROL,))) for one in (DANA, MAX)
    ]

    def meanwhile() -> None:
        office.crm.before_call.clear()
        office.dispatch.row(f"{cases[1]}:crm")

    office.crm.before_call["lock"] = meanwhile
    office.dispatch.row(f"{cases[0]}:crm")
    assert [_is_open(office, "dana"), _is_open(office, "max")] == [False, True]


def test_neither_retry_nor_lock_again_gets_round_it(office: Office) -> None:
    _open(office, DANA)
    second = _open(office, MAX)
    office.offboarding.retry(second, "crm", SECURITY)
    office.work("revoke")
    finding = next(one for one in office.audits.run_now(SECURITY).findings if one.kind == "protected")
    with pytest.raises(Refused, match=Code.NOT_LOCKABLE):
        office.audits.lock_again(finding.id, SECURITY)
    office.work("revoke")
    assert _is_open(office, "max")
    office.crm.users[AccountId("crm-bob")].groups.add("admins")
    office.offboarding.retry(second, "crm", SECURITY)
    office.work("revoke")
    assert not _is_open(office, "max")
    assert office.offboarding.case(second).findings == ()


def test_an_administrator_found_open_again_is_not_one_who_remains(office: Office) -> None:
    _open(office, DANA)
    office.crm.users[AccountId("crm-dana")].active = True
    office.crm.users[AccountId("crm-dana")].groups.add("admins")
    _open(office, MAX)
    assert _is_open(office, "max")


def test_an_undone_case_gives_the_administrator_back_to_the_count(office: Office) -> None:
    first = _open(office, DANA)
    office.offboarding.undo(first, SECURITY, "a mistake")
    office.work("undo")
    _open(office, MAX)
    assert not _is_open(office, "max")


@pytest.mark.parametrize("error", [Unavailable("down"), Missing("there is no group admins")])
def test_who_cannot_be_told_is_not_locked(office: Office, error: Exception) -> None:
    office.crm.fail("administrators", error, times=9)
    case_id = _open(office, DANA)
    case = office.offboarding.case(case_id)
    assert _is_open(office, "dana")
    assert _crm(case).verdict is not Verdict.LOCKED
    assert ("cannot be told" in _crm(case).reason) is isinstance(error, Missing)


def test_a_group_that_shows_nobody_is_not_believed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(connector: Knowing, group: str) -> Sequence[Account]:
        return ()

    monkeypatch.setattr(Knowing, "administrators", nobody)
    case_id = _open(office, DANA)
    assert _is_open(office, "dana")
    assert "not believed" in _crm(office.offboarding.case(case_id)).reason


def test_the_system_tells_by_itself_where_no_setting_does(office: Office) -> None:
    systems: Systems = office.systems
    systems._systems["crm"] = office.crm.system(Knowing)
    _open(office, DANA)
    _open(office, MAX)
    assert _is_open(office, "max")


def test_a_kind_that_cannot_tell_locks_nobody_where_the_setting_names_a_group(office: Office) -> None:
    systems: Systems = office.systems
    systems._systems["crm"] = replace(office.crm.system(), administrators=("admins",))
    _open(office, BOB)
    assert _is_open(office, "bob")


def test_who_is_no_administrator_is_locked_as_ever(office: Office) -> None:
    _open(office, DANA)
    assert office.offboarding.case(_open(office, BOB)).locked_out


def test_the_plan_says_it_before_anyone_confirms(office: Office) -> None:
    assert not any("LAST ADMIN" in said for said in office.offboarding.plan(DANA).warnings)
    office.crm.users[AccountId("crm-max")].active = False
    assert any("LAST ADMINISTRATOR" in said for said in office.offboarding.plan(DANA).warnings)
    office.crm.fail("administrators", Unavailable("down"))
    assert any("cannot be told" in said for said in office.offboarding.plan(DANA).warnings)


def test_a_kill_between_clearance_and_lock_loses_nothing(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.crm.fail("lock", Unavailable("down"))
    office.work("revoke")
    assert _is_open(office, "dana")
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


class WellKnown(Knowing):
    """A CRM with a group of full power that no setting names."""

    def full_power(self, account: AccountId) -> Sequence[str]:
        return ("owners",) if "owners" in self.world.users[account].groups else ()


def test_the_system_s_own_group_counts_beside_those_of_the_settings(office: Office) -> None:
    systems: Systems = office.systems
    systems._systems["crm"] = replace(office.crm.system(WellKnown), administrators=("admins",))
    office.crm.users[AccountId("crm-bob")].groups.add("owners")
    _open(office, BOB)
    assert _is_open(office, "bob")
    office.crm.users[AccountId("crm-max")].groups.add("owners")
    _open(office, DANA)
    assert not _is_open(office, "dana"), "who is in no such group is not held back by it"


def test_an_administrator_who_cannot_log_in_is_not_one_who_remains(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Knowing.administrators

    def expired(connector: Knowing, group: str) -> Sequence[Account]:
        return [replace(one, unusable="expired") if one.id == "crm-max" else one for one in told(connector, group)]

    monkeypatch.setattr(Knowing, "administrators", expired)
    _open(office, DANA)
    assert _is_open(office, "dana")


def test_a_clearance_that_another_hand_added_keeps_nobody_open(office: Office) -> None:
    """It would make the leaver the last administrator."""
    case_id = office.offboarding.open(office.request(leaver=DANA, approver=CAROL, successors=(CAROL,)))
    forge(
        office.store,
        "insert into clearance (id, case_id, system, account_id, at) "
        "select 'crm:crm-max', id, 'crm', 'crm-max', opened_at from case_",
    )
    office.work("revoke")
    assert not _is_open(office, "dana")
    assert _crm(office.offboarding.case(case_id)).verdict is Verdict.LOCKED
