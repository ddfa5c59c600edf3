"""Identity of a leaver: collected from every side, kept with the case, and looked up by stable ids."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from connectors.contract import AccountId, Verdict
from connectors.errors import Unavailable
from tests.workflows.memory import User
from tests.workflows.office import DANA, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.access import Inventory


def line(office: Office, case_id: str, system: str = "crm") -> SystemLine:
    return next(line for line in office.offboarding.case(case_id).systems if line.system == system)


def offboard(office: Office, **change: object) -> str:
    """Plan as HR does, then open the case for what the plan found; return its id."""
    leaver = change.pop("leaver", DANA)
    return office.offboarding.open(office.request(leaver=office.offboarding.plan(leaver).leaver, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "typed", ["dana@x\u200b.example", "\ufeffdana@x.example", "mailto:dana@x.example", "dana@x.example."]
)
def test_characters_that_nobody_sees_hide_no_account(office: Office, typed: str) -> None:
    case_id = offboard(office, leaver=replace(DANA, email=typed))
    office.work("revoke")
    assert office.offboarding.case(case_id).leaver.email == "dana@x.example"
    assert not office.directory.users[AccountId("directory-dana")].active
    assert not office.crm.users[AccountId("crm-dana")].active


def test_every_address_of_the_directory_entry_is_looked_up(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].also = ("d.oneill@x.example",)
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "d.oneill@x.example", "crm-17"
    case_id = offboard(office)
    office.work("revoke")
    assert not account.active
    assert line(office, case_id).verdict is Verdict.LOCKED


@pytest.mark.parametrize("login", ["stra\u00df", "stras\u017f"])
def test_an_account_that_only_looks_alike_is_asked_about_and_never_linked(office: Office, login: str) -> None:
    del office.crm.users[AccountId("crm-dana")]
    other = office.crm.user("crm-other", "other@y.example", login=login)
    case_id = offboard(office, leaver=replace(DANA, logins=("strass",)))
    office.work("revoke")
    assert other.active
    assert line(office, case_id).verdict is Verdict.UNKNOWN
    assert login in line(office, case_id).reason


def test_the_plan_finds_by_the_directorys_log_in_what_the_case_finds(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].login = "doneill"
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "", "doneill"
    plan = office.offboarding.plan(DANA)
    [crm] = [one for one in plan.systems if one.system == "crm"]
    assert [one.account_id for one in crm.accounts] == ["crm-dana"]
    assert plan.leaver.directory_id == "directory-dana"


@pytest.fixture(params=["planned", "opened without a plan"])
def noticed(office: Office, request: pytest.FixtureRequest) -> str:
    """Return a case for the last day in a month, with its accounts of today kept."""
    at = office.clock.now() + timedelta(days=30)
    case_id = (
        offboard(office, effective_at=at)
        if request.param == "planned"
        else office.offboarding.open(office.request(effective_at=at))
    )
    office.work()
    return case_id


def arrive(office: Office, **later: float) -> None:
    """Let the day of the lock-out come, and do what is due."""
    office.clock.pass_(days=30, **later)
    office.work("revoke")


def users(office: Office) -> tuple[User, User]:
    """Return Dana's accounts in the directory and in the CRM."""
    return office.directory.users[AccountId("directory-dana")], office.crm.users[AccountId("crm-dana")]


def verdicts(office: Office, case_id: str) -> dict[str, Verdict]:
    return {line.system: line.verdict for line in office.offboarding.case(case_id).systems}


def test_names_that_change_between_notice_and_the_last_day_hide_no_account(office: Office, noticed: str) -> None:
    directory, crm = users(office)
    directory.email, directory.login = "dana.murphy@x.example", "dmurphy"
    crm.email, crm.login = "d.murphy@x.example", "crm-dmurphy"
    arrive(office)
    assert not directory.active
    assert not crm.active
    assert verdicts(office, noticed) == {"directory": Verdict.LOCKED, "crm": Verdict.LOCKED}


def test_an_account_made_after_notice_is_found_by_the_names_of_the_last_day(office: Office, noticed: str) -> None:
    directory, crm = users(office)
    directory.email, directory.login = "dana.murphy@x.example", "dmurphy"
    del office.crm.users[crm.id]
    made = office.crm.user("crm-new", "dana.murphy@x.example")
    arrive(office)
    assert not made.active
    assert verdicts(office, noticed)["crm"] is Verdict.UNKNOWN, "the account kept at notice is gone"


def test_slacks_address_of_the_last_day_finds_an_account(office: Office, noticed: str) -> None:
    made = office.crm.user("crm-new", "dana.murphy@x.example")
    office.members.change("U0DANA", email="dana.murphy@x.example")
    arrive(office)
    assert made.active
    assert not users(office)[1].active
    assert verdicts(office, noticed)["crm"] is Verdict.OPEN, "a person must say whose the second account is"


def test_an_account_of_the_plan_that_is_gone_is_unknown_until_a_person_says_so(office: Office, noticed: str) -> None:
    del office.crm.users[AccountId("crm-dana")]
    arrive(office)
    seen = line(office, noticed)
    assert (seen.verdict, seen.choose) == (Verdict.UNKNOWN, True)
    assert "dana was there at notice and is gone" in seen.reason
    assert not office.offboarding.case(noticed).locked_out
    assert [one.kind for one in office.offboarding.case(noticed).findings] == ["not linked"]
    last_day = (office.clock.now() + timedelta(days=30)).date()
    office.linking.none(noticed, "crm", SECURITY, "asked the manager", last_day)
    office.work("revoke")
    assert line(office, noticed).verdict is Verdict.ABSENT
    assert office.offboarding.case(noticed).findings == ()


def test_a_linked_account_that_is_gone_is_no_less_missing(office: Office, noticed: str) -> None:
    office.linking.link(noticed, "crm", SECURITY, login="dana")
    del office.crm.users[AccountId("crm-dana")]
    arrive(office)
    assert line(office, noticed).verdict is Verdict.UNKNOWN
    assert "dana was there at notice and is gone" in line(office, noticed).reason


@pytest.mark.parametrize("system", ["crm", "directory"])
def test_an_account_made_again_under_the_same_names_is_locked_and_asked_about(
    office: Office, noticed: str, system: str
) -> None:
    world = getattr(office, system)
    del world.users[AccountId(f"{system}-dana")]
    again = world.user(f"{system}-again", "dana@x.example", login="dana")
    arrive(office)
    assert not again.active
    assert line(office, noticed, system).verdict is Verdict.UNKNOWN


def test_a_new_hire_with_the_old_address_is_never_touched(office: Office, noticed: str) -> None:
    directory, crm = users(office)
    directory.email, directory.login = "dana.murphy@x.example", "dmurphy"
    crm.email, crm.login = "dana.murphy@x.example", "dmurphy"
    hired = [office.directory.user("directory-new", "dana@x.example"), office.crm.user("crm-new", "dana@x.example")]
    arrive(office)
    assert not directory.active
    assert not crm.active
    assert all(one.active for one in hired)
    crm.active = directory.active = True
    office.clock.pass_(days=120)
    for name in ("directory", "crm"):
        office.offboarding.retry(noticed, name, SECURITY)
    office.work("revoke")
    assert not crm.active
    assert not directory.active
    assert all(one.active for one in hired)


def test_with_a_silent_directory_known_accounts_are_locked_and_nothing_is_called_absent(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]
    office.crm.user("crm-other", "d.oneill@private.example")
    case_id = offboard(office, effective_at=office.clock.now() + timedelta(days=30))
    office.work()
    office.directory.down = True
    arrive(office)
    assert verdicts(office, case_id) == {"directory": Verdict.UNKNOWN, "crm": Verdict.UNKNOWN}
    assert "names that changed are not known" in line(office, case_id).reason
    office.directory.down = False
    office.clock.pass_(hours=1)
    office.work("revoke")
    assert verdicts(office, case_id) == {"directory": Verdict.LOCKED, "crm": Verdict.ABSENT}


def test_a_silent_directory_keeps_no_kept_account_open(office: Office, noticed: str) -> None:
    office.directory.down = True
    users(office)[1].email = users(office)[1].login = "renamed@x.example"
    arrive(office)
    assert not users(office)[1].active
    assert verdicts(office, noticed)["crm"] is Verdict.LOCKED


def test_of_two_accounts_at_notice_none_drops_out_by_a_rename(office: Office) -> None:
    second = office.crm.user("crm-admin", "dana@x.example", login="dana-adm")
    case_id = offboard(office, effective_at=office.clock.now() + timedelta(days=30))
    office.work()
    second.email = "admin@x.example"
    arrive(office)
    assert verdicts(office, case_id)["crm"] is Verdict.UNKNOWN
    assert "2 accounts match" in line(office, case_id).reason


def test_the_clients_of_a_renamed_account_are_found(office: Office) -> None:
    case_id = offboard(office, effective_at=office.clock.now() + timedelta(days=30))
    office.work("inventory")
    office.crm.record("opportunity:1", "crm-dana", value=10)
    crm = users(office)[1]
    crm.email, crm.login = "murphy@x.example", "murphy"
    office.work("book")
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    assert clients.listed == 1


def test_kept_ids_stand_nowhere_in_clear(office: Office, noticed: str) -> None:
    with office.store.read() as session:
        rows = session.exec(select(Inventory).where(Inventory.case_id == noticed)).all()
    assert {row.system for row in rows} == {"directory", "crm"}
    assert all(row.sealed and b"dana" not in row.sealed for row in rows)


@pytest.mark.parametrize(
    ("login", "email", "number"),
    [
        ("adm-dana", "it@x.example", ""),
        ("x1", "dana+guest@x.example", ""),
        ("x2", "d@y.example", "4711"),
        ("dana.admin@x.example", "", ""),
    ],
)
def test_other_accounts_of_the_same_person_are_asked_about_and_never_touched(
    office: Office, login: str, email: str, number: str
) -> None:
    office.directory.users[AccountId("directory-dana")].employee_number = "4711"
    other = office.crm.user("crm-more", email, login=login, employee_number=number)
    plan = office.offboarding.plan(DANA)
    assert plan.leaver.employee_number == "4711"
    assert any("may be the leaver's too" in warning and login in warning for warning in plan.warnings)
    case_id = office.offboarding.open(office.request(leaver=plan.leaver))
    office.work("revoke")
    assert other.active
    assert line(office, case_id).verdict is Verdict.LOCKED
    [finding] = office.offboarding.case(case_id).findings
    assert (finding.kind, finding.system, finding.login) == ("possible account", "crm", login)
    office.audits.lock_again(finding.id, SECURITY)
    office.work("revoke")
    assert not other.active
    assert office.offboarding.case(case_id).findings == ()


def test_an_account_that_nobody_says_is_the_leavers_stays_asked_about(office: Office) -> None:
    office.crm.user("crm-more", "it@x.example", login="adm-dana")
    case_id = offboard(office)
    office.work("revoke")
    office.offboarding.retry(case_id, "crm", SECURITY)
    office.work("revoke")
    assert [one.kind for one in office.offboarding.case(case_id).findings] == ["possible account"]
    assert [one.kind for one in office.audits.run_now(SECURITY).findings] == ["possible account"]


def test_a_leaver_acts_on_their_own_case_under_no_address(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].also = ("d.oneill@x.example",)
    case_id = offboard(office, effective_at=office.clock.now() + timedelta(days=2))
    with pytest.raises(Refused) as caught:
        office.offboarding.cancel(case_id, Actor("slack:U0HR2", "Dana", "d.oneill@x.example"), "a mistake")
    assert caught.value.code is Code.OWN_CASE


def test_a_seat_that_was_given_to_somebody_else_is_not_locked_by_its_id(office: Office, noticed: str) -> None:
    office.directory.user("directory-new", "nora@x.example", name="Nora New")
    crm = users(office)[1]
    crm.email, crm.login, crm.name = "nora@x.example", "nora", "Nora New"
    arrive(office)
    assert crm.active
    assert line(office, noticed).verdict is Verdict.UNKNOWN
    assert "has the address of Nora New" in line(office, noticed).reason
    office.linking.link(noticed, "crm", SECURITY, login="nora")
    office.work("revoke")
    assert not crm.active, "a person said that it is the leaver's all the same"


def test_a_log_in_that_two_people_share_is_not_enough(office: Office) -> None:
    office.directory.user("directory-dana2", "dana.smith@x.example", login="dsmith", name="Dana Smith")
    crm = users(office)[1]
    crm.email = "dana.smith@x.example"
    case_id = offboard(office)
    office.work("revoke")
    assert crm.active
    assert line(office, case_id).verdict is Verdict.UNKNOWN


def test_an_account_that_was_found_and_never_locked_and_is_gone_is_unknown(office: Office) -> None:
    office.crm.fail("lock", Unavailable("down"))
    case_id = offboard(office)
    office.work("revoke")
    del office.crm.users[AccountId("crm-dana")]
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert line(office, case_id).verdict is Verdict.UNKNOWN


def test_a_locked_account_that_is_deleted_later_is_absent(office: Office) -> None:
    case_id = offboard(office)
    office.work("revoke")
    del office.crm.users[AccountId("crm-dana")]
    office.offboarding.retry(case_id, "crm", SECURITY)
    office.work("revoke")
    assert line(office, case_id).verdict is Verdict.ABSENT


def test_a_case_that_was_opened_without_a_plan_asks_the_directory(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].also = ("d.oneill@x.example",)
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "d.oneill@x.example", "crm-17"
    office.crm.record("opportunity:1", "crm-dana", value=10)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.work("book")
    assert not account.active
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    assert clients.listed == 1


def test_of_two_accounts_at_notice_the_one_that_nobody_chose_stays_in_the_verdict(office: Office) -> None:
    second = office.crm.user("crm-second", "dana@x.example", login="second")
    case_id = offboard(office, effective_at=office.clock.now() + timedelta(days=30))
    office.work()
    second.email, second.login = "private@y.example", "renamed"
    arrive(office)
    assert verdicts(office, case_id)["crm"] is Verdict.UNKNOWN
    office.linking.link(case_id, "crm", SECURITY, login="dana@x.example")
    office.work("revoke")
    assert (users(office)[1].active, second.active) == (False, True)
    assert verdicts(office, case_id)["crm"] is Verdict.OPEN
    office.linking.deny(case_id, "crm", SECURITY, account="crm-second", reason="the shared mailbox of sales")
    office.work("revoke")
    assert verdicts(office, case_id)["crm"] is Verdict.LOCKED
    assert second.active
