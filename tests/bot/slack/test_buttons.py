"""Buttons of the case, the exports and the audit, and App Home: permission and effect."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from connectors.contract import AccountId
from tests.bot import samples
from tests.bot.conftest import Office
from tests.bot.workplace import Workplace, said
from tests.sandbox.company.people import ADMIN, BY_UID, MANAGER, SECURITY
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.people import Actor, Leaver
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

DANA = AccountId("crm-dana.oneill")


def post(office: Office, kind: MessageKind, channel: str) -> Message:
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    where, ts = notifier.show(OutboxMessage(id="p", kind=kind, subject="case-1", channel=channel))
    message = office.slack.workspace.find(where, ts)
    assert message is not None
    return message


def newest(workplace: Workplace, kind: MessageKind) -> Message:
    """Return the newest post of a kind."""
    workplace.deliver()
    row = max((one for one in workplace.posts().values() if one.kind == kind), key=lambda one: float(one.ts))
    return workplace.post(row.id)


def test_security_retries_a_system_that_is_not_good(workplace: Workplace) -> None:
    workplace.crm.down = True
    case_id = workplace.open()
    workplace.run()
    workplace.crm.down = False
    workplace.security.click(workplace.post(f"case:{case_id}"), "Retry")
    workplace.private(workplace.security, "crm is being tried again")
    assert workplace.actors("access.retry") == [f"slack:{workplace.security.id}"]
    workplace.run()
    assert not workplace.crm.users[DANA].active


def test_a_colleague_without_a_role_does_not_retry(workplace: Workplace) -> None:
    workplace.crm.down = True
    case_id = workplace.open()
    workplace.run()
    colleague = workplace.person(BY_UID["raj.patel"].slack_id)
    colleague.click(workplace.post(f"case:{case_id}"), "Retry")
    workplace.private(colleague, "one of these roles: HR, security, administrators")
    assert workplace.actors("access.retry") == []
    assert workplace.actors("refused") == [f"slack:{colleague.id}"]


def test_hr_cancels_a_scheduled_case_and_security_does_not(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=samples.NOW + timedelta(days=1))
    message = workplace.post(f"case:{case_id}")
    workplace.security.click(message, "Cancel Offboarding")
    workplace.private(workplace.security, "not allowed")
    assert workplace.actors("case.cancelled") == []
    workplace.hr.click(message, "Cancel Offboarding")
    workplace.hr.modal("Cancel offboarding").fill("reason", "she stays").submit()
    assert "is cancelled" in workplace.hr.modal("Cancelled").text
    assert workplace.actors("case.cancelled") == [f"slack:{workplace.hr.id}"]
    case = workplace.office.offboarding.case(case_id)
    assert case.state is CaseState.CANCELLED
    assert case.ended is not None
    assert case.ended.why == "she stays"


@pytest.fixture
def exported(workplace: Workplace) -> Message:
    """Return security's message on a leaver's exports."""
    workplace.crm.export(DANA, samples.NOW - timedelta(days=2), "opportunity:1", "opportunity:2")
    workplace.open()
    workplace.run("exports")
    return newest(workplace, MessageKind.EXPORTS)


def test_a_name_is_revealed_to_security_alone_with_a_reason(workplace: Workplace, exported: Message) -> None:
    workplace.security.click(exported, "Reveal Name")
    workplace.security.modal("Reveal the name").fill("reason", "theft suspected").submit()
    assert "Dana O'Neill" in workplace.security.modal("Name revealed").text
    assert workplace.actors("exports.revealed") == [f"slack:{workplace.security.id}"]


def test_an_administrator_without_the_security_role_reveals_nothing(workplace: Workplace, exported: Message) -> None:
    admin = workplace.person(ADMIN.slack_id)
    admin.click(exported, "Reveal Name")
    workplace.private(admin, "not allowed")
    assert admin.view is None


def test_a_reason_of_blanks_is_no_reason(workplace: Workplace, exported: Message) -> None:
    workplace.security.click(exported, "Reveal Name")
    workplace.security.modal("Reveal the name").fill("reason", "   ").submit()
    assert "goes on record" in workplace.security.modal("Reveal the name").errors["reason"]
    assert workplace.actors("exports.revealed") == []


@pytest.fixture
def audited(workplace: Workplace) -> Message:
    """Return the digest of an audit that found Dana's account open again."""
    workplace.open()
    workplace.run()
    workplace.crm.users[DANA].active = True
    workplace.office.clock.pass_(days=1)
    workplace.services.audits.call()
    workplace.run("audit")
    return newest(workplace, MessageKind.AUDIT)


def test_security_locks_again_from_the_digest(workplace: Workplace, audited: Message) -> None:
    workplace.hr.click(audited, "Lock Again")
    workplace.private(workplace.hr, "not allowed")
    workplace.run("revoke")
    assert workplace.crm.users[DANA].active
    workplace.security.click(audited, "Lock Again")
    workplace.private(workplace.security, "is being locked again")
    workplace.run("revoke")
    assert not workplace.crm.users[DANA].active


def test_the_list_of_an_audit_comes_as_a_file(workplace: Workplace, audited: Message) -> None:
    before = len(workplace.slack.workspace.files)
    workplace.security.click(audited, "Get CSV")
    workplace.private(workplace.security, ".csv")
    assert len(workplace.slack.workspace.files) == before + 1


def test_security_takes_a_finding_and_hr_does_not(workplace: Workplace, audited: Message) -> None:
    workplace.hr.click(audited, "Take")
    workplace.private(workplace.hr, "not allowed")
    assert workplace.actors("finding.taken") == []
    workplace.security.click(audited, "Take")
    workplace.private(workplace.security, "You have taken this finding: Dana O'Neill, open again")
    assert workplace.actors("finding.taken") == [f"slack:{workplace.security.id}"]


def test_security_accepts_a_finding_with_a_day_and_a_reason(workplace: Workplace, audited: Message) -> None:
    security = workplace.security
    security.click(audited, "Accept Until ...")
    form = security.modal("Accept for a while")
    form.fill("until", "2026-12-01").fill("reason", "   ").submit()
    assert "goes on record" in security.modal("Accept for a while").errors["reason"]
    for day, fault in (("2026-11-23", "has passed"), ("2026-12-25", "Choose 2026-12-24 or an earlier day")):
        security.modal("Accept for a while").fill("until", day).fill("reason", "x").submit()
        assert fault in security.modal("Accept for a while").errors["until"]
    assert workplace.actors("finding.accepted") == []
    security.modal("Accept for a while").fill("until", "2026-12-01")
    security.modal("Accept for a while").fill("reason", "a contractor till then").submit()
    assert "accepted until the end of 2026-12-01" in security.modal("Accepted").text
    assert workplace.actors("finding.accepted") == [f"slack:{security.id}"]
    [accepted] = workplace.services.audits.accepted()
    assert accepted.accepted_reason == "a contractor till then"
    assert accepted.accepted_until is not None
    assert accepted.accepted_until.astimezone(ZoneInfo("Europe/Berlin")).isoformat() == "2026-12-02T00:00:00+01:00"


def test_an_administrator_without_the_security_role_accepts_nothing(workplace: Workplace, audited: Message) -> None:
    admin = workplace.person(ADMIN.slack_id)
    admin.click(audited, "Accept Until ...")
    workplace.private(admin, "not allowed")
    assert admin.view is None


@pytest.mark.usefixtures("audited")
def test_what_nobody_takes_goes_to_a_person_with_its_button(workplace: Workplace) -> None:
    security = workplace.security
    [audit] = [row for row in workplace.posts().values() if row.kind == MessageKind.AUDIT]
    workplace.office.clock.pass_(days=7)
    row = OutboxMessage(id="e", kind=MessageKind.ESCALATION, subject=audit.subject, channel=security.id)
    channel, ts = workplace.notifier.show(row)
    message = workplace.slack.workspace.find(channel, ts)
    assert message is not None
    assert "Nobody has taken 1 finding" in said(message)
    security.click(message, "Take")
    workplace.private(security, "You have taken this finding")
    assert workplace.actors("finding.taken") == [f"slack:{security.id}"]


@pytest.mark.parametrize(
    ("uid", "shown", "hidden"),
    [
        (MANAGER.uid, "Approve the handover of 3 records", "Open cases"),
        ("hanna.lind", "Open cases", "Approve the handover"),
        ("sam.okafor", "open again in crm", "To start, type"),
        ("raj.patel", "You have nothing to do", "Open cases"),
    ],
)
def test_home_shows_by_role(workplace: Workplace, uid: str, shown: str, hidden: str) -> None:
    for number in range(3):
        workplace.crm.record(f"opportunity:{number}", DANA)
    workplace.open()
    workplace.run()
    workplace.crm.users[DANA].active = True
    workplace.services.audits.run_now(Actor("cli:root", "root"))
    person = workplace.person(BY_UID[uid].slack_id)
    person.home()
    view = person.wait_for(lambda: person.home_now)
    assert shown in view.text
    assert hidden not in view.text
    assert view.text.startswith("Waiting for you")


def test_whom_a_case_has_locked_out_reads_nothing_in_slack(workplace: Workplace, audited: Message) -> None:
    """Sam has a role, and is no longer in the company. His account in Slack still works."""
    gone = Leaver(SECURITY.name, SECURITY.email, SECURITY.slack_id, "Europe/Berlin", directory_id="directory-sam")
    workplace.open(leaver=gone)
    workplace.office.work("revoke")
    before = len(workplace.slack.workspace.files)
    workplace.security.click(audited, "Get CSV")
    workplace.private(workplace.security, "not allowed")
    assert len(workplace.slack.workspace.files) == before
    workplace.security.home()
    assert "open again in crm" not in workplace.security.wait_for(lambda: workplace.security.home_now).text


def test_an_empty_home_teaches_the_command_and_starts_it(workplace: Workplace) -> None:
    workplace.hr.home()
    view = workplace.hr.wait_for(lambda: workplace.hr.home_now)
    assert "/offboard @person" in view.text
    view.click("Offboard Someone")
    workplace.hr.modal("Offboard someone")


def test_a_role_taken_away_counts_at_the_next_click(workplace: Workplace) -> None:
    workplace.hr.home()
    view = workplace.hr.wait_for(lambda: workplace.hr.home_now)
    workplace.slack.workspace.groups[seed.HR_GROUP].users.clear()
    view.click("Offboard Someone")
    workplace.hr.wait_for(lambda: any("not allowed" in said(one) for one in workplace.hr.messages()))
    assert workplace.hr.view is None
