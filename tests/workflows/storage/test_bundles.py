"""Many lock-outs at once are one message to a person; what failed is told at once and by itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.slack.messages import bundle
from connectors.contract import AccountId, Verdict
from tests.bot import samples
from tests.bot.test_wording import said
from tests.workflows.office import HR, Office
from workflows.cases.holds import CasePolicy
from workflows.people import Leaver
from workflows.storage import bundles
from workflows.storage.outbox import deliver
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import FindingKind

MANY = 12


class Slack:
    """Keeps what it was given: kind, subject and content of new messages."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.new: list[tuple[str, str]] = []

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        text = ""
        if post.kind == MessageKind.BUNDLE:
            text = said(bundle.build(self.office.offboarding.bundled(post.id)))
        if not post.ts and post.kind in (MessageKind.BUNDLE, MessageKind.LOCKOUT_ENDED, MessageKind.LOCKOUT_FAILED):
            self.new.append((post.kind, text or post.case_id))
        return post.channel, post.ts or "1"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr("workflows.storage.outbox.PASS_SECONDS", 60.0)
    office = Office(tmp_path, rules=CasePolicy(hold_channel="C0SEC", mass_cases_per_hour=1000))
    for n in range(MANY):
        office.directory.user(f"directory-p{n}", f"p{n}@x.example", login=f"p{n}")
        office.crm.user(f"crm-p{n}", f"p{n}@x.example", login=f"p{n}")
    return office


def lock_out(office: Office, *numbers: int) -> list[str]:
    people = [Leaver(f"Person {n}", f"p{n}@x.example", f"U0P{n}") for n in numbers]
    cases = [office.offboarding.open(office.request(leaver=one, requested_by=HR)) for one in people]
    office.work("revoke")
    return cases


def deliver_all(office: Office, slack: Slack) -> list[tuple[str, str]]:
    """Deliver in two passes, as a second brings them; return what was new."""
    slack.new.clear()
    for _ in range(2):
        deliver(office.store, slack, office.clock)
    return list(slack.new)


def test_a_mass_run_is_one_message_and_each_person_is_in_it(office: Office) -> None:
    slack = Slack(office)
    lock_out(office, *range(MANY))
    [(kind, text)] = deliver_all(office, slack)
    assert kind == MessageKind.BUNDLE
    assert f"{MANY} lock-outs have ended" in text
    assert all(f"Person {n} is locked out of 2 of 2 systems" in text for n in range(MANY))
    assert deliver_all(office, slack) == []


def test_the_parts_of_a_bundle_are_no_change_in_the_database(office: Office) -> None:
    slack = Slack(office)
    lock_out(office, *range(MANY))
    assert [kind for kind, _text in deliver_all(office, slack)] == [MessageKind.BUNDLE]
    office.audits.rows.check("audit", everything=True)
    assert office.audits.findings() == []
    assert deliver_all(office, slack) == []
    with office.store.write() as session:
        parts = select(OutboxMessage).where(OutboxMessage.kind == MessageKind.LOCKOUT_ENDED)
        session.add(session.exec(parts.limit(1)).one().sqlmodel_update({"thread_parent_id": "bundle:U0HR:none"}))
    office.audits.rows.check("audit", everything=True)
    assert [one.kind for one in office.audits.findings()] == [FindingKind.TAMPERED], "no such bundle was made"


def test_a_few_are_told_singly_and_the_rest_of_a_minute_in_one(office: Office) -> None:
    slack = Slack(office)
    few = lock_out(office, *range(bundles.SINGLY))
    assert sorted(deliver_all(office, slack)) == sorted((MessageKind.LOCKOUT_ENDED, case) for case in few)
    lock_out(office, 6, 7)
    [(kind, text)] = deliver_all(office, slack)
    assert (kind, "2 lock-outs have ended" in text) == (MessageKind.BUNDLE, True)
    lock_out(office, 8)
    assert deliver_all(office, slack) == [], "one bundle a minute"
    office.clock.at += bundles.SPAN + timedelta(seconds=1)
    assert [kind for kind, _ in deliver_all(office, slack)] == [MessageKind.LOCKOUT_ENDED]


def test_what_is_not_locked_is_told_at_once_and_by_itself(office: Office) -> None:
    slack = Slack(office)
    office.crm.users[AccountId("crm-p3")].protected = "a service account"
    cases = lock_out(office, *range(MANY))
    told = deliver_all(office, slack)
    assert [kind for kind, _ in told].count(MessageKind.BUNDLE) == 1
    [text] = [text for kind, text in told if kind == MessageKind.BUNDLE]
    assert cases[3] not in text
    assert {case for kind, case in told if kind != MessageKind.BUNDLE} == {cases[3]}


def test_a_case_that_is_open_again_when_the_bundle_is_read_stands_first() -> None:
    good, bad = (samples.case(CaseState.RUNNING, one) for one in (Verdict.LOCKED, Verdict.OPEN))
    text = said(bundle.build([good, bad]))
    assert "2 lock-outs have ended; NOT LOCKED OUT: 1" in text
    assert text.index("still OPEN") < text.index("is locked out of")
