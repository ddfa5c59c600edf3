"""Clicks at the same moment on two replicas, and the clock's expiry against a yes; on both databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from bot.policies import Policies
from tests.workflows.cases.test_races import at_once
from tests.workflows.office import MAX, Office, services_on
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.clients.handover import ClientHandover
from workflows.clients.views import ProposalView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import ApprovalRequest, Assignment, AssignmentState, Decision, ProposalState
from workflows.storage.store import Store

APPROVER = Actor(f"slack:{MAX.slack_id}", "Max")
ADA, BEA, CLEO = (Actor(f"slack:U0{name.upper()}", name) for name in ("Ada", "Bea", "Cleo"))
BOARD = ApprovalPolicy(
    rules=(AdditionalApproval("board", ("U0ADA", "U0BEA", "U0CLEO"), quorum=2),), escalate_to=("U0EVE",)
)


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    office = Office(tmp_path, url=url, policy=BOARD)
    for number in range(4):
        office.crm.record(f"opportunity:{number}", "crm-dana", value=number * 100)
    office.offboarding.open(office.request())
    for _ in range(3):
        office.work("revoke", "book", "approval")
        office.clock.pass_(minutes=1)
    yield office
    office.store.close()


@pytest.fixture
def replica(office: Office) -> Iterator[Callable[[], ClientHandover]]:
    """Return what gives a second process: its own store, nothing shared in memory."""
    with ExitStack() as stack:

        def start() -> ClientHandover:
            store = Store(office.store.url, office.vault)
            stack.callback(store.close)
            policies = Policies(approvals=BOARD)
            return services_on(replace(office.context, store=store), office.members, policies).handover

        yield start


def shown(office: Office) -> ProposalView:
    [view] = office.handover.proposals.waiting()
    return view


def refusals(results: list[object]) -> list[Code]:
    assert all(one is None or isinstance(one, Refused) for one in results), results
    return [one.code for one in results if isinstance(one, Refused)]


def moved(office: Office, proposal: str) -> set[str]:
    with office.store.read() as session:
        return set(session.exec(select(Assignment.state).where(Assignment.proposal_id == proposal)).all())


def test_everybody_at_once_on_two_replicas_is_one_approval(
    office: Office, replica: Callable[[], ClientHandover]
) -> None:
    view, houses = shown(office), [office.handover, replica()]
    people = (APPROVER, ADA, BEA, CLEO)
    results = at_once(
        *(
            lambda by=by, house=house: house.decisions.decide(view.id, view.digest, by, True)
            for by in people
            for house in houses
        )
    )
    assert len(refusals(results)) == 5, results  # three words count; each was given twice
    with office.store.read() as session:
        given = session.exec(select(Decision)).all()
    assert len({row.decider_key for row in given}) == len(given) == 3
    assert APPROVER.id in {row.decided_by for row in given}
    assert office.handover.proposals.view(view.id).state == ProposalState.APPROVED
    assert moved(office, view.id) == {AssignmentState.APPROVED}


def test_a_yes_and_a_no_at_once_are_one_outcome(office: Office, replica: Callable[[], ClientHandover]) -> None:
    view, other = shown(office), replica()
    for by in (ADA, BEA):
        office.handover.decisions.decide(view.id, view.digest, by, True)
    results = at_once(
        lambda: office.handover.decisions.decide(view.id, view.digest, APPROVER, True),
        lambda: other.decisions.decide(view.id, view.digest, CLEO, False, "no"),
    )
    assert refusals(results) == [Code.ALREADY_SETTLED]
    state = office.handover.proposals.view(view.id).state
    assert moved(office, view.id) == {
        AssignmentState.APPROVED if state == ProposalState.APPROVED else AssignmentState.DECLINED
    }


def test_expiry_and_the_last_yes_never_both_hold(office: Office, replica: Callable[[], ClientHandover]) -> None:
    view, other = shown(office), replica()
    for by in (ADA, BEA):
        office.handover.decisions.decide(view.id, view.digest, by, True)
    office.clock.pass_(days=20)
    with office.store.read() as session:
        rows = session.exec(select(ApprovalRequest.id)).all()
    results = at_once(
        lambda: office.handover.decisions.decide(view.id, view.digest, APPROVER, True),
        *(lambda row=row, house=house: house.escalation.run(row) for row in rows for house in (office.handover, other)),
    )
    refused = [one for one in results if isinstance(one, Refused)]
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, Refused)], results
    state = office.handover.proposals.view(view.id).state
    assert state == (ProposalState.EXPIRED if refused else ProposalState.APPROVED)
    assert moved(office, view.id) == {AssignmentState.DECLINED if refused else AssignmentState.APPROVED}


def test_two_replicas_looking_at_once_remind_once(office: Office, replica: Callable[[], ClientHandover]) -> None:
    view, other = shown(office), replica()
    office.clock.pass_(days=1)
    before = len(office.posts())
    with office.store.read() as session:
        rows = session.exec(select(ApprovalRequest.id)).all()
    results = at_once(
        *(
            lambda row=row, house=house: house.escalation.run(row)
            for row in rows
            for house in (office.handover, other) * 2
        )
    )
    assert results == [None] * 8
    assert len(office.posts()) - before == 4  # Max, and the board of three
    assert {request.reminded_at for request in office.handover.proposals.view(view.id).requests} == {office.clock.now()}


def test_a_yes_from_another_replica_is_checked_before_it_counts(office: Office) -> None:
    """An earlier approver who left is looked up by the replica that takes the last approval."""
    view = shown(office)
    office.handover.decisions.decide(view.id, view.digest, ADA, True)
    office.handover.decisions.decide(view.id, view.digest, APPROVER, True)
    office.members.change("U0ADA", standing="is deactivated")
    office.members.asked.clear()
    office.handover.decisions.decide(view.id, view.digest, BEA, True)
    assert office.handover.proposals.view(view.id).state == ProposalState.PENDING
    assert {"U0ADA", "U0MAX", "U0BEA"} <= set(office.members.asked)
