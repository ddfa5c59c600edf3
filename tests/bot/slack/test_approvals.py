"""Approval by two people: real services, production listeners, a practice workspace, a CRM in memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.slack.notifier import SlackNotifier
from bot.slack.serve import PATH, THREADS, make_web
from bot.slack.web_server import listening
from tests.bot.conftest import make_services, make_settings, said
from tests.bot.fakes import FakeAudits, FakeExports, FakeHandover, FakeJournal, FakeOffboarding
from tests.sandbox.company.people import MANAGER, SECURITY
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.stage import Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.people import Actor, Successor
from workflows.storage import outbox
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.signed_requests import SignedRequests

RULE = AdditionalApproval("security", (SECURITY.slack_id,))
MAX = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)


class Firm:
    """A practice workspace connected to the client track."""

    def __init__(self, slack: SlackServer, stage: Stage) -> None:
        self.slack, self.stage = slack, stage
        settings = make_settings(slack.api_url)
        fakes = make_services(settings, FakeOffboarding(), FakeHandover(), FakeExports(), FakeAudits(), FakeJournal())
        self.services = replace(
            fakes,
            proposals=stage.handover.proposals,
            decisions=stage.handover.decisions,
            appointments=stage.handover.appointments,
            edits=stage.handover.edits,
            delegations=stage.handover.delegations,
        )
        client = web_client(settings.slack)
        self.gate = AcknowledgementGate(calm=0)
        self.app = make_app(self.services, client, signing_secret="practice-signing-secret", gate=self.gate)
        self.notifier = SlackNotifier(client, self.services, lambda number: outbox.find(stage.store, number))

    def tick(self) -> None:
        """Run due work and deliver messages."""
        self.stage.look()
        with self.stage.store.write() as session:
            session.execute(
                sa.delete(OutboxMessage).where(col(OutboxMessage.kind) != MessageKind.PROPOSAL)
            )  # the rest has fakes behind it
        outbox.deliver(self.stage.store, self.notifier, self.stage.time)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with SlackServer(Workspace()) as slack:
        stage = Stage(tmp_path, crm().system(), approver=MAX, policy=ApprovalPolicy(rules=(RULE,)))
        stage.members = SlackMembers(web_client(make_settings(slack.api_url).slack))  # type: ignore[assignment]
        stage.handover = stage.start()
        firm = Firm(slack, stage)
        with listening(
            make_web(firm.app, firm.gate, "practice-signing-secret", SignedRequests(stage.store)),
            "127.0.0.1",
            0,
            THREADS,
        ) as port:
            slack.workspace.app.use_url(f"http://127.0.0.1:{port}{PATH}")
            stage.tick()
            firm.tick()
            yield firm


def test_two_agree_in_slack_and_every_message_says_so(firm: Firm) -> None:
    max_, sam = (firm.slack.as_user(one.slack_id) for one in (MANAGER, SECURITY))
    for one in (max_, sam):
        assert "until Max Weber, and Sam Okafor (security) approve exactly this" in said(one.messages()[0])
    max_.click(max_.messages()[0], "Approve 12 Records")
    max_.wait_for(lambda: "approved by Max Weber" in said(max_.messages()[0]))
    assert "Approve 12 Records" not in said(max_.messages()[0])
    firm.tick()
    assert "approved by Max Weber" in said(sam.messages()[0])
    assert "Approve 12 Records" in said(sam.messages()[0])
    sam.click(sam.messages()[0], "Approve 12 Records")
    sam.wait_for(lambda: "Approved by Max Weber, " in said(sam.messages()[0]))
    firm.tick()
    for one in (max_, sam):
        assert "Approved by Max Weber, " in said(one.messages()[0])
        assert "Approve 12 Records" not in said(one.messages()[0])
    firm.stage.tick()
    assert {row.state for row in firm.stage.rows().values()} == {"moved"}
    assert firm.slack.refused() == []


def test_deactivated_between_the_message_and_the_last_yes(firm: Firm) -> None:
    max_, sam = (firm.slack.as_user(one.slack_id) for one in (MANAGER, SECURITY))
    max_.click(max_.messages()[0], "Approve 12 Records")
    max_.wait_for(lambda: "approved by Max Weber" in said(max_.messages()[0]))
    firm.slack.workspace.users[MANAGER.slack_id].deleted = True
    sam.click(sam.messages()[0], "Approve 12 Records")
    sam.wait_for(lambda: "no longer counts: is deactivated in Slack" in said(sam.messages()[0]))
    firm.stage.tick()
    assert {row.state for row in firm.stage.rows().values()} == {"proposed"}


def test_an_old_message_hears_what_changed(firm: Firm) -> None:
    max_ = firm.slack.as_user(MANAGER.slack_id)
    old = firm.stage.proposal()
    mine = firm.stage.lines()[0]
    other = next(one for one in firm.stage.handover.proposals.successors(old.id) if one != mine.successor)
    shown = max_.messages()[0]
    by = Actor(f"slack:{MANAGER.slack_id}", MANAGER.name)
    firm.stage.handover.edits.assign(old.id, old.digest, dict.fromkeys([mine.id], other.key), by)
    max_.click(shown, "Approve 12 Records", stale=True)
    answer = max_.wait_for(lambda: next((said(one) for one in max_.ephemerals), ""))
    assert f"{mine.successor.name} → {other.name}" in answer
    assert firm.stage.decisions() == []
