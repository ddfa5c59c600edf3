"""Findings about messages that people did not get, or got in short."""

from pathlib import Path

import pytest

from tests.workflows.office import Office
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import FindingKind
from workflows.watch.undelivered import UndeliveredMessages

ID = "case:1"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def post(office: Office, **values: object) -> None:
    with office.store.write() as session:
        row = session.get(OutboxMessage, ID) or OutboxMessage(id=ID, kind=MessageKind.AUDIT, subject="a", channel="C1")
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def found(office: Office) -> list[str]:
    return [line.detail for line in office.services.audits.findings() if line.kind is FindingKind.NOT_DELIVERED]


def test_a_message_that_stays_undelivered_is_a_finding_until_it_arrives(office: Office) -> None:
    watch = UndeliveredMessages(office.context)
    post(office, problem="Slack says is_archived")
    watch.check()
    assert found(office) == [], "the next try may do"
    watch.check()
    watch.check()
    [detail] = found(office)
    assert "is_archived" in detail
    post(office, problem="", shown_version=1)
    watch.check()
    assert found(office) == []


def test_a_message_in_short_is_a_finding_at_once(office: Office) -> None:
    post(office, problem="Slack did not show it in full (msg_too_long)", shown_version=1)
    UndeliveredMessages(office.context).check()
    [detail] = found(office)
    assert "msg_too_long" in detail


def test_what_waits_without_a_problem_is_none(office: Office) -> None:
    post(office)
    watch = UndeliveredMessages(office.context)
    watch.check()
    watch.check()
    assert found(office) == []
