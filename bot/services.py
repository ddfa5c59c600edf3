"""What the people's side may ask of the middle, as protocols: tests put small stand-ins in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from config.settings import Settings
from workflows.ports import Clock
from workflows.systems import System
from workflows.views import (
    Actor,
    AuditView,
    CaseView,
    ExportView,
    FindingLine,
    FollowUpLine,
    Leaver,
    Plan,
    ProposalView,
    RecordLine,
    Request,
    Successor,
)


class Offboarding(Protocol):
    """Cases. All may raise `Refused`."""

    def plan(self, leaver: Leaver) -> Plan: ...
    def open(self, request: Request) -> str: ...
    def cancel(self, case_id: str, by: Actor) -> None: ...
    def retry(self, case_id: str, system: str, by: Actor) -> None: ...
    def case(self, case_id: str) -> CaseView: ...
    def cases(self, open_only: bool = False) -> list[CaseView]: ...
    def find_case(self, who: str) -> CaseView | None: ...


class Handover(Protocol):
    """Proposals and decisions."""

    def view(self, proposal_id: str) -> ProposalView: ...
    def lines(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[RecordLine], int]: ...
    def decide(self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "") -> ProposalView: ...
    def reassign(
        self, proposal_id: str, digest: str, lines: Sequence[str], successor_key: str, by: Actor
    ) -> ProposalView: ...
    def successors(self, proposal_id: str) -> tuple[Successor, ...]: ...
    def csv(self, proposal_id: str) -> str: ...
    def waiting_for(self, slack_id: str) -> list[ProposalView]: ...


class Exports(Protocol):
    """Export snapshots."""

    def view(self, snapshot_id: str) -> ExportView: ...
    def reveal(self, snapshot_id: str, by: Actor, reason: str) -> ExportView: ...


class Audits(Protocol):
    """The daily audit and its findings."""

    def view(self, run_id: str) -> AuditView: ...
    def latest(self) -> AuditView | None: ...
    def run_now(self, by: Actor) -> AuditView: ...
    def lock_again(self, finding_id: str, by: Actor) -> str: ...
    def csv(self, run_id: str) -> str: ...
    def findings(self) -> list[FindingLine]: ...
    def accepted(self) -> list[FindingLine]: ...
    def take(self, finding_id: str, by: Actor) -> FindingLine: ...
    def accept(self, finding_id: str, until: date, reason: str, by: Actor) -> FindingLine: ...


class FollowUps(Protocol):
    """Dated checks."""

    def view(self, follow_up_id: str) -> tuple[CaseView, FollowUpLine]: ...


class Verification(Protocol):
    """What a check of the journal found."""

    @property
    def ok(self) -> bool: ...
    @property
    def entries(self) -> int: ...
    @property
    def sealed(self) -> int: ...
    @property
    def faults(self) -> tuple[str, ...]: ...
    @property
    def head(self) -> str: ...
    @property
    def signed_at(self) -> datetime | None: ...


class Journal(Protocol):
    """The record of who did what."""

    def verify(self) -> Verification: ...
    def note(self, action: str, actor: Actor, data: Mapping[str, str]) -> object: ...


@dataclass(frozen=True)
class Services:
    """Everything that Slack and the command line call."""

    settings: Settings
    offboarding: Offboarding
    handover: Handover
    exports: Exports
    audits: Audits
    follow_ups: FollowUps
    journal: Journal
    clock: Clock
    systems: Mapping[str, System]
