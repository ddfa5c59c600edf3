"""Buttons of the case, the exports and the audit, and App Home: who may, and what then happens."""

import pytest

from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.sandbox.company.people import ADMIN, BY_UID, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage


def post(office: Office, kind: MessageKind, channel: str) -> Message:
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    where, ts = notifier.show(OutboxMessage(id="p", kind=kind, subject="case-1", channel=channel))
    message = office.slack.workspace.find(where, ts)
    assert message is not None
    return message


def test_security_retries_a_system_that_is_not_good(office: Office) -> None:
    office.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN)
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    office.security.click(message, "Retry")
    office.private(office.security, "system1 is tried again now")
    assert office.offboarding.retried == [("case-1", "system1", f"slack:{office.security.id}")]


def test_hr_does_not_retry(office: Office) -> None:
    office.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, Verdict.UNKNOWN)
    office.hr.click(post(office, MessageKind.CASE, seed.OFFBOARDING), "Retry")
    office.private(office.hr, "not allowed")
    assert office.offboarding.retried == []
    assert office.journal.notes


def test_hr_cancels_a_scheduled_case_and_security_does_not(office: Office) -> None:
    office.offboarding.known["case-1"] = samples.case(CaseState.SCHEDULED, Verdict.UNKNOWN)
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    office.security.click(message, "Cancel Offboarding")
    office.private(office.security, "not allowed")
    assert office.offboarding.cancelled == []
    office.hr.click(message, "Cancel Offboarding")
    office.private(office.hr, "is cancelled")
    assert office.offboarding.cancelled == ["case-1"]


def test_a_name_is_revealed_to_security_alone_with_a_reason(office: Office) -> None:
    message = post(office, MessageKind.EXPORTS, seed.SECURITY_ALERTS)
    office.security.click(message, "Reveal Name")
    office.security.modal("Reveal the name").fill("reason", "theft suspected").submit()
    assert "Dana O'Neill" in office.security.modal("Name revealed").text
    assert office.exports.revealed == [(f"slack:{office.security.id}", "theft suspected")]


def test_an_administrator_without_the_security_role_reveals_nothing(office: Office) -> None:
    admin = office.person(ADMIN.slack_id)
    admin.click(post(office, MessageKind.EXPORTS, seed.SECURITY_ALERTS), "Reveal Name")
    office.private(admin, "not allowed")
    assert admin.view is None


def test_a_reason_of_blanks_is_no_reason(office: Office) -> None:
    office.security.click(post(office, MessageKind.EXPORTS, seed.SECURITY_ALERTS), "Reveal Name")
    office.security.modal("Reveal the name").fill("reason", "   ").submit()
    assert "goes on record" in office.security.modal("Reveal the name").errors["reason"]
    assert office.exports.revealed == []


def test_security_locks_again_from_the_digest(office: Office) -> None:
    message = post(office, MessageKind.AUDIT, seed.ACCESS_AUDIT)
    office.security.click(message, "Lock Again")
    office.private(office.security, "Locking again now")
    assert office.audits.locked == ["finding-0"]
    office.hr.click(message, "Lock Again")
    office.private(office.hr, "not allowed")
    assert office.audits.locked == ["finding-0"]


def test_the_list_of_an_audit_comes_as_a_file(office: Office) -> None:
    office.security.click(post(office, MessageKind.AUDIT, seed.ACCESS_AUDIT), "Get CSV")
    office.private(office.security, "case-1.csv")
    assert len(office.slack.workspace.files) == 2


@pytest.mark.parametrize(
    ("uid", "shown", "hidden"),
    [
        (MANAGER.uid, "Approve the handover of 60 records", "Open cases"),
        ("hanna.lind", "Open cases", "Approve the handover"),
        ("sam.okafor", "open again in crm", "To start, type"),
        ("raj.patel", "Nothing waits for you", "Open cases"),
    ],
)
def test_home_shows_by_role(office: Office, uid: str, shown: str, hidden: str) -> None:
    office.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, Verdict.UNKNOWN)
    person = office.person(BY_UID[uid].slack_id)
    person.home()
    view = person.wait_for(lambda: person.home_now)
    assert shown in view.text
    assert hidden not in view.text
    assert view.text.startswith("Waiting for you")


def test_an_empty_home_teaches_the_command_and_starts_it(office: Office) -> None:
    office.hr.home()
    view = office.hr.wait_for(lambda: office.hr.home_now)
    assert "/offboard @person" in view.text
    view.click("Offboard Someone")
    office.hr.modal("Offboard someone")


def test_a_role_taken_away_counts_at_the_next_click(office: Office) -> None:
    office.hr.home()
    view = office.hr.wait_for(lambda: office.hr.home_now)
    office.slack.workspace.groups[seed.HR_GROUP].users.clear()
    view.click("Offboard Someone")
    office.hr.wait_for(lambda: any("not allowed" in said(one) for one in office.hr.messages()))
    assert office.hr.view is None
