"""A follow-up separates records that came to the leaver after the handover from those left before."""

from pathlib import Path

from tests.workflows.office import HR, MAX, Office
from workflows.people import Actor


def _seen(office: Office) -> list[str]:
    return [finding.detail for finding in office.audits.findings() if finding.kind == "owns records"]


def test_new_records_of_a_leaver_are_told_from_those_left_behind(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for n in range(20):
        office.crm.record(f"opportunity:{n:02}", "crm-dana")
    case_id = office.offboarding.open(office.request())
    office.work()
    [proposal] = office.handover.proposals.waiting_for(MAX.slack_id)
    office.handover.decisions.decide(proposal.id, proposal.digest, Actor(f"slack:{MAX.slack_id}", "Max"), approve=True)

    def stop() -> None:
        if office.crm.calls["move"] == 1:
            office.handover.halts.stop(case_id, HR)

    office.crm.before_call["move"] = stop
    office.work()
    office.work()
    left = len(office.crm.owned("crm-dana"))
    assert left == 10
    office.clock.pass_(days=2)
    office.work("follow_up")
    assert _seen(office) == ["10 records are still owned by the leaver"]
    for n in range(3):
        office.crm.record(f"opportunity:9{n}", "crm-dana")
    office.clock.pass_(days=6)
    office.work("follow_up")
    assert _seen(office) == [
        (
            "13 records are owned by the leaver, 3 of them new since the handover: "
            "whatever assigns new records still names the leaver"
        )
    ]
