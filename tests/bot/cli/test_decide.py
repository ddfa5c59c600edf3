"""`handover decide`: what is shown is what is decided, once, by somebody who said so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Application, Wiring, configuration, document, handover
from tests.bot.fakes import FakeHandover
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState


class Deciding(FakeHandover):
    """Takes a decision from the command line, and no other digest than the one shown."""

    def decide(
        self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "", principal: str = ""
    ) -> None:
        if digest != self.proposal.digest:
            raise Refused(Code.STALE_PROPOSAL)
        self.decided.append((by.id, approve, reason))
        self.proposal = replace(self.proposal, state=ProposalState.APPROVED if approve else ProposalState.DECLINED)


class Desk(Wiring):
    """The wiring with one case whose proposal waits."""

    def __init__(self, state: ProposalState = ProposalState.PENDING) -> None:
        super().__init__()
        self.handover = Deciding()
        case = samples.case(CaseState.RUNNING, Verdict.LOCKED)
        self.offboarding.known = {"case-1": replace(case, clients=samples.clients(samples.proposal(state)))}

    def assemble(self, settings: Settings, *, mode: str) -> "_Opened":  # type: ignore[override]
        outer = super().assemble(settings, mode=mode)
        return _Opened(outer, self.handover)


class _Opened:
    def __init__(self, outer: object, deciding: Deciding) -> None:
        self.outer, self.deciding = outer, deciding

    def __enter__(self) -> Application:
        house: Application = self.outer.__enter__()  # type: ignore[attr-defined]
        parts: Any = dict.fromkeys(("proposals", "decisions", "appointments", "edits"), self.deciding)
        services = replace(house.services, **parts)
        return Application(services, house.store)

    def __exit__(self, *told: object) -> None:
        self.outer.__exit__(*told)  # type: ignore[attr-defined]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_looking_decides_nothing(config: str) -> None:
    desk = Desk()
    result = handover(desk, "decide", samples.leaver().email, "--config", config)
    assert result.exit_code == 0, result.output
    assert "Bob Ross" in result.output
    assert "60 records of 20 clients" in " ".join(result.output.split())
    assert desk.handover.decided == []
    assert handover(desk, "decide", "case-1", "--csv", "--config", config).stdout.startswith("record\n")


@pytest.mark.parametrize(
    ("option", "approve", "word"), [("--approve", True, "approved"), ("--decline", False, "declined")]
)
def test_a_decision_is_asked_for_made_and_said(option: str, approve: bool, word: str, config: str) -> None:
    desk = Desk()
    result = handover(desk, "decide", "case-1", option, "--reason", "by phone", "--config", config, typed="y\n")
    assert result.exit_code == 0, result.output
    ((by, approved, reason),) = desk.handover.decided
    assert by.startswith("cli:")
    assert (approved, reason) == (approve, "by phone")
    assert word in result.stdout
    found = document(handover(Desk(), "decide", "case-1", option, "--yes", "--json", "--config", config))
    assert found["state"] == word


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("", 2)])
def test_without_a_yes_nothing_is_decided(typed: str, code: int, config: str) -> None:
    desk = Desk()
    assert handover(desk, "decide", "case-1", "--approve", "--config", config, typed=typed).exit_code == code
    assert desk.handover.decided == []


def test_what_changed_or_was_settled_is_not_decided(config: str) -> None:
    desk = Desk()
    desk.handover.proposal = samples.proposal(version=2)
    stale = handover(desk, "decide", "case-1", "--approve", "--yes", "--config", config)
    assert stale.exit_code == 2
    assert "changed" in stale.stderr
    settled = handover(Desk(ProposalState.APPROVED), "decide", "case-1", "--approve", "--yes", "--config", config)
    assert settled.exit_code == 2
    assert "handover status case-1" in settled.stderr
