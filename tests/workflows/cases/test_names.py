"""Every address and log-in of a leaver: each of them finds the case, wherever it is asked who leaves."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from connectors.contract import AccountId
from connectors.errors import Unavailable
from tests.workflows.memory import MemoryListing, World
from tests.workflows.office import CAROL, DANA, SECURITY, Office
from workflows.access import identity
from workflows.authorization import Right
from workflows.cases.views import AuditView
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseName

OTHER = "d.oneill@x.example"
"""A further address of Dana's entry in the directory."""


def opened(office: Office, **change: object) -> str:
    """Open Dana's case as HR does, after a plan; her entry has two addresses."""
    office.directory.users[AccountId("directory-dana")].also = (OTHER,)
    return office.offboarding.open(office.request(leaver=office.offboarding.plan(DANA).leaver, **change))


@pytest.fixture
def left(office: Office) -> str:
    """Return the case of Dana, who is locked out."""
    case_id = opened(office)
    office.work("revoke")
    return case_id


def test_who_is_locked_out_may_act_under_no_address(office: Office, left: str) -> None:
    del left
    by = Actor("slack:U0HR2", "Hana", OTHER)
    office.members.change("U0HR2", email=OTHER)
    with pytest.raises(Refused) as caught:
        office.context.authorization.require(Right.OPEN, by, leaver=replace(DANA, email="eve@x.example"))
    assert caught.value.code is Code.NO_STANDING


def test_who_leaves_receives_nothing_and_decides_nothing_under_any_address(office: Office, left: str) -> None:
    del left
    receiver = Successor("d", "D", OTHER)
    assert office.offboarding.leaving([receiver, CAROL]) == {"d"}


def test_a_case_is_found_by_each_address(office: Office, left: str) -> None:
    found = office.offboarding.find_case(OTHER.upper())
    assert found is not None
    assert found.id == left


def test_a_second_case_under_another_address_is_refused(office: Office, left: str) -> None:
    again = replace(DANA, email=OTHER, directory_id="", slack_id="")
    with pytest.raises(Refused) as caught:
        office.offboarding.open(office.request(leaver=again))
    assert (caught.value.code, caught.value.facts["case"]) == (Code.OPEN_CASE, left)


def test_a_case_that_is_opened_meanwhile_under_another_address_is_seen(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = office.offboarding._holds
    people, first = holds.people, list[str]()

    def meanwhile(at: datetime) -> int | None:
        monkeypatch.undo()
        other = replace(DANA, email=OTHER, addresses=(DANA.email,), directory_id="", slack_id="")
        first.append(office.offboarding.open(office.request(leaver=other)))
        return people(at)

    monkeypatch.setattr(holds, "people", meanwhile)
    with pytest.raises(Refused) as caught:
        office.offboarding.open(office.request())
    assert (caught.value.code, [caught.value.facts["case"]]) == (Code.OPEN_CASE, first)


def test_two_people_of_the_directory_who_share_an_address_have_a_case_each(office: Office, left: str) -> None:
    office.directory.user("directory-eve", "eve@x.example", also=(OTHER,))
    office.crm.user("crm-eve", "eve@x.example")
    leaver = replace(DANA, name="Eve", email="eve@x.example", slack_id="", directory_id="directory-eve")
    case_id = office.offboarding.open(office.request(leaver=replace(leaver, addresses=(OTHER,))))
    assert case_id != left
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-eve")].active


def test_an_address_that_the_directory_gives_later_finds_the_case_after_the_next_audit(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    del office.crm.users[AccountId("crm-dana")]
    office.directory.users[AccountId("directory-dana")].also = ("dana.murphy@x.example",)
    office.clock.pass_(days=1)
    office.audits.run_now(SECURITY)
    found = office.offboarding.find_case("dana.murphy@x.example")
    assert found is not None
    assert found.id == case_id
    assert "dana.murphy@x.example" in found.leaver.emails


def test_two_readings_of_an_identity_keep_each_others_names(office: Office, left: str) -> None:
    known = office.offboarding.case(left).leaver
    for address in ("one@x.example", "two@x.example"):
        identity.keep(office.context, left, known.knowing([address]))
    assert {"one@x.example", "two@x.example", OTHER} <= set(office.offboarding.case(left).leaver.emails)


def test_cases_of_an_earlier_version_are_found_by_every_address_after_an_audit(office: Office, left: str) -> None:
    with office.store.write() as session:
        session.execute(sa.delete(CaseName))
    assert office.offboarding.find_case(DANA.email) is not None, "until then by the first address"
    assert office.offboarding.find_case(OTHER) is None
    office.audits.run_now(SECURITY)
    found = office.offboarding.find_case(OTHER)
    assert found is not None
    assert found.id == left


def test_no_name_stands_in_clear(office: Office, left: str) -> None:
    with office.store.read() as session:
        keys = session.exec(select(CaseName.key).where(CaseName.case_id == left)).all()
    assert len(keys) == 3, "two addresses and a log-in"
    assert all("dana" not in key and "neill" not in key for key in keys)


@pytest.fixture
def listing(tmp_path: Path) -> Office:
    """Return an office with a CRM and a chat that list everybody."""
    chat = World("chat")
    office = Office(tmp_path, chat.system(MemoryListing), crm_lists=True)
    for name in ("dana", "max"):
        chat.user(f"chat-{name}", f"{name}@x.example")
    return office


@pytest.mark.parametrize(
    ("email", "login"), [(OTHER, "crm-17"), ("", "dana"), ("", "D.ONeill@x.example")], ids=["address", "log-in", "both"]
)
def test_an_account_with_another_name_of_a_past_leaver_is_found_in_the_list(
    listing: Office, email: str, login: str
) -> None:
    case_id = opened(listing)
    listing.work("revoke")
    listing.crm.user("crm-second", email, login=login)
    view = listing.audits.run_now(SECURITY)
    assert [(one.kind, one.case_id) for one in view.findings] == [("new account", case_id)]


def test_an_account_without_an_address_and_without_a_case_is_an_orphan_by_its_log_in(listing: Office) -> None:
    listing.directory.user("directory-eve", "eve@x.example", login="eve", active=False)
    listing.crm.user("crm-eve", "", login="eve")
    listing.crm.user("crm-other", "eve@private.example", login="eve2")
    view = _audit_with_a_case(listing)
    assert [(one.kind, one.login) for one in view.findings] == [("orphan", "eve")]


def test_an_account_of_a_case_is_no_orphan_under_another_address(listing: Office) -> None:
    listing.directory.user("directory-eve", "eve@x.example", also=("eve2@x.example",), active=False)
    listing.crm.user("crm-eve", "eve2@x.example", login="e2")
    leaver = replace(DANA, name="Eve", email="eve@x.example", slack_id="", directory_id="directory-eve")
    later = listing.clock.now() + timedelta(days=3)
    case = listing.request(leaver=listing.offboarding.plan(leaver).leaver, effective_at=later)
    listing.offboarding.open(case)
    assert [one.kind for one in _audit_with_a_case(listing).findings] == []


def _audit_with_a_case(office: Office) -> AuditView:
    office.offboarding.open(office.request())
    office.work("revoke")
    return office.audits.run_now(SECURITY)


@pytest.mark.parametrize(
    ("login", "email", "number"),
    [
        ("adm-dana", "it@x.example", ""),
        ("x1", "Dana+crm@x.example", ""),
        ("dana.admin@x.example", "", ""),
        ("x2", "", "4711"),
    ],
    ids=["affix", "plus", "address", "number"],
)
def test_another_account_that_is_made_later_is_asked_about_once_and_never_touched(
    listing: Office, login: str, email: str, number: str
) -> None:
    listing.directory.users[AccountId("directory-dana")].employee_number = "4711"
    case_id = opened(listing)
    listing.work("revoke")
    other = listing.crm.user("crm-more", email, login=login, employee_number=number)
    view = listing.audits.run_now(SECURITY)
    assert [(one.kind, one.case_id, one.login) for one in view.findings] == [("possible account", case_id, login)]
    assert [one.id for one in listing.audits.run_now(SECURITY).findings] == [view.findings[0].id]
    assert other.active
    other.active = False
    assert listing.audits.run_now(SECURITY).findings == ()


def test_who_is_said_to_be_somebody_else_is_not_asked_about_again(listing: Office) -> None:
    case_id = opened(listing)
    listing.work("revoke")
    listing.crm.user("crm-more", "", login="adm-dana")
    assert len(listing.audits.run_now(SECURITY).findings) == 1
    listing.linking.deny(case_id, "crm", SECURITY, account="crm-more", reason="a script of the sales team")
    assert listing.offboarding.case(case_id).findings == ()
    assert listing.audits.run_now(SECURITY).findings == ()


def test_a_colleague_whose_name_has_an_affix_is_not_asked_about(listing: Office) -> None:
    opened(listing)
    listing.work("revoke")
    listing.directory.user("directory-a", "a.dana.smith@x.example", login="asmith", name="A. Dana")
    listing.crm.user("crm-a", "a.dana.smith@x.example", login="a.dana")
    assert listing.audits.run_now(SECURITY).findings == ()


def test_a_plan_says_that_other_accounts_were_not_looked_for(office: Office) -> None:
    office.crm.fail("related", Unavailable("too long"))
    plan = office.offboarding.plan(DANA)
    assert any("other accounts of the same person were not looked for" in warning for warning in plan.warnings)


@pytest.mark.parametrize("lists", [False, True], ids=["looked up", "listed"])
def test_an_address_given_away_hides_no_account_under_another_address(tmp_path: Path, lists: bool) -> None:
    office = Office(tmp_path, crm_lists=lists)
    case_id = opened(office)
    office.work("revoke")
    office.directory.users[AccountId("directory-dana")].email = "gone@x.example"
    office.directory.user("directory-new", "dana@x.example", login="dnew")
    hired = office.crm.user("crm-new", "dana@x.example", login="dnew")
    office.crm.user("crm-second", OTHER, login="second")
    view = office.audits.run_now(SECURITY)
    assert {(one.kind, one.system, one.login) for one in view.findings if one.system == "crm"} == {
        ("address reused", "crm", "dnew"),
        ("new account", "crm", "second"),
    }
    assert not office.offboarding.case(case_id).locked_out
    assert hired.active
