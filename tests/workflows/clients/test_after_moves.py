"""Pause, stop, notes, undo and a leave as one story, on SQLite and on PostgreSQL."""

from datetime import timedelta

from tests.workflows.office import BOB, CAROL, HR, MAX, Office
from tests.workflows.proof import proven
from workflows.people import Actor
from workflows.storage.rows.clients import AssignmentState


def test_the_whole_way_there_and_back(office: Office) -> None:
    for n in range(40):
        office.crm.record(f"opportunity:{n:02}", "crm-dana", family=f"party:{n % 8}", value=n)
    case_id = office.offboarding.open(
        office.request(
            effective_at=office.clock.now(),
            keep_access=True,
            return_on=office.clock.now() + timedelta(days=9),
            successors=(BOB, CAROL),
        )
    )
    office.work()
    [proposal] = office.handover.proposals.waiting_for(MAX.slack_id)
    office.handover.decisions.decide(proposal.id, proposal.digest, Actor(f"slack:{MAX.slack_id}", "Max"), approve=True)
    halts = office.handover.halts

    def interrupt() -> None:
        if office.crm.calls["move"] == 2:
            halts.pause(case_id, HR)
        if office.crm.calls["move"] == 3:
            halts.stop(case_id, HR)

    office.crm.before_call["move"] = interrupt
    office.work()
    assert len(office.crm.owned("crm-dana")) == 20
    halts.resume(case_id, HR)
    office.work()
    office.work()
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    assert (clients.moved, clients.stopped, clients.complete) == (30, 10, True)
    assert sum(one.records for one in office.handover.notes.of_case(case_id)) == 30
    office.clock.pass_(days=10)
    office.work()
    assert f"return:{case_id}" in office.posts()
    plan = office.handover.put_backs.plan(case_id, "party:3")
    assert (plan.asked, plan.back) == (plan.asked, plan.asked)
    office.handover.put_backs.begin(case_id, HR, "party:3")
    office.handover.put_backs.begin(case_id, HR)
    office.work()
    assert len(office.crm.owned("crm-dana")) == 40
    assert {line.state for line in office.handover.put_backs.csv_lines(case_id)} == {AssignmentState.PUT_BACK}
    assert set(office.crm.writes.values()) == {2}  # there and back, and the ten that were stopped not at all
    assert proven(office.journal).ok
