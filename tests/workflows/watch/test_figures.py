"""Figures for the monitoring: each rises with the trouble that it stands for, and falls when that is over."""

from datetime import timedelta

from connectors.contract import AccountId
from tests.workflows.office import SECURITY, Office
from workflows.storage.outbox import enqueue
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.watch.figures import Figures


def read(office: Office) -> dict[str, float]:
    """Return every figure, with its label in the name."""
    return {":".join((one.name, *one.labels.values())): one.value for one in Figures(office.context).read()}


def case(office: Office) -> str:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    return case_id


def test_nothing_is_wrong_at_first(office: Office) -> None:
    figures = read(office)
    assert "handover_last_audit_timestamp_seconds" not in figures
    assert "handover_system_read_timestamp_seconds:crm" not in figures
    assert figures["handover_system_unreadable:crm"] == 0
    assert not any(figures.values())


def test_an_audit_and_its_findings_show(office: Office) -> None:
    case(office)
    assert read(office)["handover_open_cases"] == 1
    office.clock.pass_(days=1)
    office.crm.users[AccountId("crm-dana")].active = True
    office.audits.run_now(SECURITY)
    figures = read(office)
    assert figures["handover_last_audit_timestamp_seconds"] == office.clock.now().timestamp()
    assert figures["handover_system_read_timestamp_seconds:crm"] == office.clock.now().timestamp()
    assert figures["handover_open_findings:open_again"] == 1
    assert figures["handover_open_findings:orphan"] == 0


def test_a_finding_that_somebody_accepted_counts_again_when_that_ends(office: Office) -> None:
    case(office)
    office.clock.pass_(days=1)
    office.crm.users[AccountId("crm-dana")].active = True
    [finding] = office.audits.run_now(SECURITY).findings
    until = office.clock.now().date() + timedelta(days=2)
    office.audits.accept(finding.id, until, "known", SECURITY)
    assert read(office)["handover_open_findings:open_again"] == 0
    office.clock.pass_(days=4)
    assert read(office)["handover_open_findings:open_again"] == 1


def test_a_system_that_an_audit_could_not_read_shows_until_one_can(office: Office) -> None:
    case(office)
    office.clock.pass_(days=1)
    office.crm.down = True
    office.audits.run_now(SECURITY)
    assert read(office)["handover_system_unreadable:crm"] == 1
    assert read(office)["handover_system_unreadable:directory"] == 0
    office.crm.down = False
    office.audits.run_now(SECURITY)
    assert read(office)["handover_system_unreadable:crm"] == 0


def test_work_that_nobody_begins_is_overdue_after_five_minutes(office: Office) -> None:
    office.offboarding.open(office.request())
    office.clock.pass_(seconds=299)
    assert read(office)["handover_due_work:revoke"] == 2
    assert read(office)["handover_overdue_work:revoke"] == 0
    office.clock.pass_(seconds=2)
    assert read(office)["handover_overdue_work:revoke"] == 2
    office.work("revoke")
    assert read(office)["handover_overdue_work:revoke"] == 0


def test_messages_wait_and_fail_apart(office: Office) -> None:
    with office.store.write() as session:
        for number in ("1", "2"):
            enqueue(session, id=number, kind=MessageKind.AUDIT, subject=number, channel="C0AUDIT")
    with office.store.write() as session:
        message = session.get_one(OutboxMessage, "1")
        message.problem = "channel_not_found"
        session.add(message)
    figures = read(office)
    assert (figures["handover_messages_waiting"], figures["handover_messages_failing"]) == (2, 1)
    with office.store.write() as session:
        for number in ("1", "2"):
            message = session.get_one(OutboxMessage, number)
            message.shown_version, message.problem = message.wanted_version, ""
            session.add(message)
    figures = read(office)
    assert (figures["handover_messages_waiting"], figures["handover_messages_failing"]) == (0, 0)
