"""Deciding on duties in Slack: the message, the form with its pages and search, refusals, and the file."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId, Duty, DutyId, DutyKind
from tests.bot.workplace import OPENER, Workplace, said, workplace_in
from tests.sandbox.company.people import BY_UID, HR, MANAGER
from tests.sandbox.slack.forms import OpenView
from tests.workflows.memory import MemoryDuties, World
from workflows.access.duty_decisions import DutyOrder
from workflows.access.duty_views import DutyItem
from workflows.storage.rows.duties import DutyChoice

DANAS, BOBS = AccountId("flows-dana.oneill"), AccountId("flows-bob.ross")
BOB = BY_UID["bob.ross"]


@pytest.fixture
def flows() -> World:
    world = World("flows")
    for one in BY_UID.values():
        world.user(f"flows-{one.uid}", one.email, name=one.name)
    kinds = [*DutyKind, DutyKind.ROUTES, DutyKind.RUNS]
    world.duties[DANAS] = [
        Duty(DutyId(f"{number}"), kind, "flow", f"Flow <!channel> {number}", "EMEA")
        for number, kind in enumerate(kinds)
    ]
    return world


@pytest.fixture
def workplace(tmp_path: Path, flows: World) -> Iterator[Workplace]:
    with workplace_in(tmp_path, flows.system(MemoryDuties)) as opened:
        yield opened


def asked(workplace: Workplace, **change: object) -> str:
    """Open Dana's case for a day ahead, and have the approver asked; return its id."""
    case_id = workplace.open(effective_at=workplace.office.clock.now() + timedelta(days=20), **change)
    workplace.office.clock.pass_(minutes=20)
    workplace.run()
    return case_id


def form(workplace: Workplace, case_id: str) -> OpenView:
    post = workplace.post(f"duties:{case_id}:{MANAGER.slack_id}:first")
    workplace.manager.click(post, "Decide on Duties")
    return workplace.manager.modal("Decide on duties")


def key(item: DutyItem) -> str:
    return item.id.rpartition(":")[2]


def items(workplace: Workplace, case_id: str) -> list[DutyItem]:
    return sorted(workplace.services.duty_decisions.view(case_id).items, key=lambda one: bool(one.choice))


def choose(view: OpenView, item: DutyItem, choice: str, colleague: str = "") -> OpenView:
    view.fill(f"duty_choice:{key(item)}", choice)
    return view.fill(f"duty_colleague:{key(item)}:{item.version}", colleague) if colleague else view


def test_a_manager_decides_page_by_page(workplace: Workplace, flows: World) -> None:
    case_id = asked(workplace)
    post = workplace.post(f"duties:{case_id}:{MANAGER.slack_id}:first")
    assert "6 things run or route in the name of Dana O'Neill: 0 decided" in said(post)
    assert "<!channel>" not in said(post)
    view = form(workplace, case_id)
    assert "Duties 1 to 4 of 6" in view.text
    first, second = items(workplace, case_id)[:2]
    choose(choose(view, first, "give", BOB.slack_id), second, "keep").submit()
    after = workplace.manager.modal("Decide on duties")
    workplace.manager.wait_for(lambda: "2 decisions are on record." in after.text or None)
    assert f"goes to {BOB.name}" in after.text or "Duties 1 to 4" in after.text
    post = workplace.post(f"duties:{case_id}:{MANAGER.slack_id}:first")
    assert "2 decided" in said(post)
    assert workplace.actors("duty.decided") == [f"slack:{MANAGER.slack_id}"] * 2
    after.click("Next")
    workplace.manager.wait_for(lambda: "Duties 5 to 6 of 6" in workplace.manager.modal("Decide on duties").text or None)
    workplace.office.clock.pass_(days=20)
    workplace.run("duty")
    assert [one.id for one in flows.duties[BOBS]] == [first.duty.id]
    case = workplace.services.offboarding.case(case_id)
    assert len(case.duties.undecided) == 4
    assert "*Duties* 6 in their name: 4 undecided" in said(workplace.post(f"case:{case_id}"))
    assert workplace.slack.refused() == []


def test_a_duty_to_give_needs_a_colleague_and_a_colleague_a_duty(workplace: Workplace) -> None:
    case_id = asked(workplace)
    first, second = items(workplace, case_id)[:2]
    view = form(workplace, case_id)
    choose(view, first, "give").submit()
    assert "who gets it" in view.errors[f"duty_colleague:{key(first)}:"]
    choose(choose(view, first, "keep"), second, "stop", BOB.slack_id).submit()
    assert "only to give" in view.errors[f"duty_colleague:{key(second)}:"]
    assert workplace.actors("duty.decided") == []


def test_the_search_finds_and_an_empty_one_shows_all(workplace: Workplace) -> None:
    view = form(workplace, asked(workplace))
    view.fill("duty_search", "sends work")
    workplace.manager.wait_for(lambda: "Duties 1 to 2 of 2" in workplace.manager.modal("Decide on duties").text or None)
    workplace.manager.modal("Decide on duties").fill("duty_search", "nothing such")
    workplace.manager.wait_for(lambda: "No duty was found" in workplace.manager.modal("Decide on duties").text or None)


def test_what_somebody_else_decided_meanwhile_is_not_overwritten(workplace: Workplace) -> None:
    case_id = asked(workplace)
    view = form(workplace, case_id)
    first = items(workplace, case_id)[0]
    workplace.services.duty_decisions.decide(case_id, [DutyOrder(first.id, DutyChoice.STOP)], OPENER)
    choose(view, first, "keep").submit()
    assert f"{HR.name} has decided" in workplace.manager.modal("This did not work").text
    [now] = [one for one in items(workplace, case_id) if one.id == first.id]
    assert now.choice == "stop"


def test_a_double_click_is_one_decision(workplace: Workplace) -> None:
    case_id = asked(workplace)
    view = form(workplace, case_id)
    choose(view, items(workplace, case_id)[0], "keep")
    view.submit()
    view.submit()
    workplace.manager.wait_for(lambda: workplace.actors("duty.decided") or None)
    assert len(workplace.actors("duty.decided")) == 1


def test_whoever_may_not_decide_is_refused_in_private(workplace: Workplace) -> None:
    case_id = asked(workplace)
    post = workplace.post(f"duties:{case_id}:{MANAGER.slack_id}:first")
    for person in (workplace.person(BOB.slack_id), workplace.leaver):
        person.click(post, "Decide on Duties")
        refused = person.modal("This did not work").text
        assert "not allowed" in refused or "about you" in refused


def test_with_clients_duties_are_decided_in_the_proposal(workplace: Workplace) -> None:
    for number in range(3):
        workplace.crm.record(f"opportunity:{number}", "crm-dana.oneill", family_name=f"Client {number}")
    case_id = asked(workplace)
    workplace.run()
    assert not [post for post in workplace.posts() if post.startswith("duties:")]
    [proposal] = [post for post in workplace.posts() if post.startswith("proposal:")]
    post = workplace.post(proposal)
    assert "*Duties* 6 things run or route in the name of Dana O'Neill: 0 decided" in said(post)
    workplace.manager.click(post, "Decide on Duties")
    choose(workplace.manager.modal("Decide on duties"), items(workplace, case_id)[0], "keep").submit()
    workplace.manager.wait_for(lambda: workplace.actors("duty.decided") or None)
    assert "1 decided" in said(workplace.post(proposal))
    assert workplace.slack.refused() == []


def test_the_file_has_every_duty(workplace: Workplace) -> None:
    case_id = asked(workplace)
    workplace.manager.click(workplace.post(f"duties:{case_id}:{MANAGER.slack_id}:first"), "Get CSV")
    files = workplace.slack.workspace.files
    data = workplace.manager.wait_for(lambda: next((one.data for one in files.values() if one.shared), None))
    lines = data.decode().splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("id,system,kind")


def test_hr_decides_from_the_case_message_and_a_settled_proposal_still_asks(workplace: Workplace) -> None:
    case_id = workplace.hand_over(effective_at=workplace.office.clock.now() + timedelta(days=20))
    workplace.office.clock.pass_(minutes=20)
    workplace.run()
    [proposal] = [post for post in workplace.posts() if post.startswith("proposal:")]
    settled = workplace.post(proposal)
    assert "Approved by" in said(settled)
    assert "0 decided" in said(settled)
    workplace.hr.click(workplace.post(f"case:{case_id}"), "Decide on Duties")
    form = workplace.hr.modal("Decide on duties")
    for item in items(workplace, case_id)[:4]:
        choose(form, item, "keep")
    form.submit()
    workplace.hr.wait_for(lambda: len(workplace.actors("duty.decided")) == 4 or None)
    assert "4 decided" in said(workplace.post(proposal))
    workplace.office.offboarding.cancel(case_id, OPENER, "stays")
    assert "Decide on Duties" not in said(workplace.post(f"case:{case_id}"))
    assert workplace.slack.refused() == []
