"""A system that takes other members out of a group is stopped at the first group, and everybody lost is named."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.wiring import build_context
from connectors.contract import AccountId
from connectors.errors import Forbidden, OthersTouched, OutcomeUnknown
from tests.workflows.memory import Killed
from tests.workflows.office import CAROL, DANA, HR, SECURITY, Office, make_settings, services_on
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.work import Task

LOST = OthersTouched("2 other members are gone: bob, carol", stop=True, count=2)


def _lost(office: Office) -> str:
    office.crm.fail("remove", LOST, done=True)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    return case_id


def _groups(office: Office, name: str) -> set[str]:
    return office.crm.users[AccountId(f"crm-{name}")].groups


def test_it_stops_at_the_first_group_and_names_everybody(office: Office) -> None:
    case_id = _lost(office)
    for _again in range(3):
        office.clock.pass_(minutes=10)
        office.work("revoke")
    assert len(_groups(office, "dana")) == 1, "the second group is not tried, however often it is tried again"
    assert office.crm.calls["remove"] == 1
    case = office.offboarding.case(case_id)
    assert case.locked_out, "the lock itself is never stopped"
    [finding] = case.findings
    assert (finding.kind, "bob, carol" in finding.detail) == ("others lost a group", True)
    crm = next(line for line in case.systems if line.system == "crm")
    assert "accept the finding" in crm.reason
    with office.store.read() as session:
        entries = session.exec(select(JournalEntry).where(JournalEntry.action == "access.members_lost")).all()
    assert ["carol" in entry.data for entry in entries] == [False]


def test_members_lost_in_two_groups_in_a_row_are_the_systems_doing(office: Office) -> None:
    office.crm.users[AccountId("crm-dana")].groups.add("third")
    office.crm.fail("remove", OthersTouched("1 other member is gone: bob", stop=False, count=1), times=5, done=True)
    case_id = office.offboarding.open(office.request())
    for _again in range(3):
        office.work("revoke")
        office.clock.pass_(minutes=10)
    assert (len(_groups(office, "dana")), office.crm.calls["remove"]) == (1, 2)
    assert "others lost a group" in {one.kind for one in office.offboarding.case(case_id).findings}


def test_nor_is_another_leaver_taken_out_of_groups_there(office: Office) -> None:
    _lost(office)
    leaver = replace(DANA, name="Bob", email="bob@x.example", slack_id="U0BOB2", directory_id="directory-bob")
    case_id = office.offboarding.open(office.request(leaver=leaver, approver=CAROL, successors=(CAROL,)))
    office.work("revoke")
    assert (len(_groups(office, "bob")), office.crm.calls["remove"]) == (2, 1)
    assert not office.crm.users[AccountId("crm-bob")].active
    assert office.offboarding.case(case_id).locked_out


def test_it_goes_on_once_a_person_has_accepted_the_finding(office: Office) -> None:
    case_id = _lost(office)
    [finding] = office.offboarding.case(case_id).findings
    office.audits.accept(finding.id, office.clock.now().date() + timedelta(days=1), "they are back", SECURITY)
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert _groups(office, "dana") == set()
    assert office.offboarding.case(case_id).findings == ()
    assert office.audits.accepted() == []


def test_an_undo_stops_as_well(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.offboarding.undo(case_id, HR, "a mistake")
    office.crm.fail("restore", LOST, done=True)
    for _again in range(3):
        office.work("undo")
        office.clock.pass_(minutes=10)
    assert office.crm.calls["restore"] == 1
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert (crm.done, "accept the finding" in crm.problem) == (False, True)
    [finding] = office.audits.findings()
    assert "bob, carol" in finding.detail


@pytest.fixture
def bob_leaves(office: Office) -> Callable[[], None]:
    """Return a function that locks another leaver out, in a process that has just started."""

    def leave() -> None:
        leaver = replace(DANA, name="Bob", email="bob@x.example", slack_id="U0BOB2", directory_id="directory-bob")
        case_id = office.offboarding.open(office.request(leaver=leaver, approver=CAROL, successors=(CAROL,)))
        context = build_context(make_settings(), office.store, office.systems, office.clock, office.members)
        services_on(context).by_task()[Task.REVOKE](f"{case_id}:crm")

    return leave


def test_the_end_of_the_case_does_not_end_the_stop(office: Office, bob_leaves: Callable[[], None]) -> None:
    """The other members are no part of the case: undoing it brings none of them back."""
    case_id = _lost(office)
    office.offboarding.undo(case_id, HR, "a mistake")
    bob_leaves()
    assert (len(_groups(office, "bob")), office.crm.calls["remove"]) == (2, 1)


def test_a_retry_by_a_leaver_without_further_groups_does_not_end_the_stop(
    office: Office, bob_leaves: Callable[[], None]
) -> None:
    office.crm.users[AccountId("crm-dana")].groups = {"sales"}
    case_id = _lost(office)
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert [one.kind for one in office.offboarding.case(case_id).findings] == ["others lost a group"]
    bob_leaves()
    assert (len(_groups(office, "bob")), office.crm.calls["remove"]) == (2, 1)


def test_an_acceptance_does_not_cover_a_later_loss(office: Office, bob_leaves: Callable[[], None]) -> None:
    case_id = _lost(office)
    [finding] = office.offboarding.case(case_id).findings
    office.audits.accept(finding.id, office.clock.now().date() + timedelta(days=1), "they are back", SECURITY)
    office.crm.fail("remove", LOST, done=True)
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert [one.accepted_until for one in office.offboarding.case(case_id).findings] == [None]
    bob_leaves()
    assert len(_groups(office, "bob")) == 2


@pytest.mark.parametrize("cut", [OutcomeUnknown("no answer came"), Killed()])
def test_a_change_whose_answer_was_lost_is_no_change_that_was_compared(office: Office, cut: BaseException) -> None:
    """The leaver is outside on the next try, and nothing shows whether the system took others out, too."""
    office.crm.fail("remove", cut, done=True)
    case_id = office.offboarding.open(office.request())
    with suppress(Killed):
        office.work("revoke")
    for _again in range(2):
        office.clock.pass_(minutes=10)
        office.work("revoke")
        case = office.offboarding.case(case_id)
        assert (case.locked_out, _groups(office, "dana")) == (True, set())
        [finding] = case.findings
        assert (finding.kind, "compare its members" in finding.detail) == ("changed meanwhile", True)
    assert office.crm.calls["remove"] == 3


def test_a_group_that_was_refused_and_is_left_by_hand_is_no_such_change(office: Office) -> None:
    office.crm.fail("remove", Forbidden("may not change members"), times=2)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.crm.users[AccountId("crm-dana")].groups.clear()
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert office.offboarding.case(case_id).findings == ()
    assert office.crm.calls["remove"] == 2
