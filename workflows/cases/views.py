from dataclasses import dataclass
from datetime import datetime

from connectors.contract import Verdict
from workflows.access.views import RestoredLine, RestrictionLine, StepView, SystemLine, SystemPlan
from workflows.clients.views import ClientsView, LeaveView
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Refused
from workflows.storage.rows.case import CaseState, Reason, Strategy
from workflows.storage.rows.watch import FindingKind


@dataclass(frozen=True, slots=True)
class Plan:
    """What an offboarding would do; nothing was written to make it."""

    leaver: Leaver
    systems: tuple[SystemPlan, ...]
    warnings: tuple[str, ...]
    refusals: tuple[Refused, ...]
    """Why no case can be opened: a protected account, an open case. Empty: one can."""
    made_at: datetime


@dataclass(frozen=True, slots=True)
class OffboardingRequest:
    """What HR asks for. `effective_at` None means now."""

    leaver: Leaver
    reason: Reason
    effective_at: datetime | None
    approver: Successor
    strategy: Strategy
    successors: tuple[Successor, ...]
    requested_by: Actor
    channel: str
    """Where the case message goes: a channel, or a person's id for a direct message."""
    note: str = ""
    assignment_file: bytes = b""
    """A CSV file that names who gets which client; what it does not name is split by the strategy."""
    return_on: datetime | None = None
    """When the person comes back, of a handover for a time."""
    keep_access: bool = False
    """Nobody is locked out: only clients are handed over, until `return_on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBrief:
    """A case in a list: enough for its headline, and cheap to read by the dozen."""

    id: str
    leaver: Leaver
    state: CaseState
    reason: Reason
    immediate: bool
    effective_at: datetime
    opened_at: datetime
    systems: tuple[SystemLine, ...]
    restored: tuple[RestoredLine, ...] = ()
    """What an undo gave back, an account a line."""
    leave: "LeaveView | None" = None

    @property
    def locked_out(self) -> bool:
        """Whether every system that can be read shows locked or absent, and a person vouches for each that cannot.

        `unknown` is never good by itself: a system without an API counts for nothing but its confirmation.
        """
        good = (Verdict.LOCKED, Verdict.ABSENT)
        by_hand = all(line.step.confirmed for line in self.systems if line.step)
        return by_hand and bool(self.read) and all(line.verdict in good for line in self.read)

    @property
    def read(self) -> tuple[SystemLine, ...]:
        """The systems that can be read."""
        return tuple(line for line in self.systems if line.step is None)

    @property
    def steps(self) -> tuple[StepView, ...]:
        """What people do by hand."""
        return tuple(line.step for line in self.systems if line.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView(CaseBrief):
    """All that a case message and `handover status` show."""

    opened_by: Actor
    approver: Successor
    clients: ClientsView | None
    exports: str
    """One line on the export track without figures (those are security's)."""
    follow_ups: tuple["FollowUpLine", ...]
    findings: tuple["FindingLine", ...]
    held: str = ""
    """Why the case waits for a second person (`rules.Hold`), or empty."""
    settled_by: str = ""
    """Who released or rejected it, where it was held."""
    settled_at: datetime | None = None
    can_undo: bool = False
    restrictions: tuple[RestrictionLine, ...] = ()
    """What is taken before the lock-out, a system a line."""


@dataclass(frozen=True, slots=True)
class FollowUpLine:
    id: str
    day: int
    due_at: datetime
    done_at: datetime | None
    summary: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    id: str
    case_id: str
    leaver: Leaver
    kind: FindingKind
    system: str
    login: str
    first_seen: datetime
    last_seen: datetime
    detail: str
    closed_at: datetime | None
    can_lock_again: bool
    changed_by: str = ""
    """Who changed the account last, in the system's own words; empty where it does not tell."""
    taken_by: str = ""
    """Who works on it, or empty."""
    accepted_until: datetime | None = None
    accepted_by: str = ""
    accepted_reason: str = ""
    overdue: bool = False
    """Whether nobody took it for longer than policy allows."""
    relocked_at: datetime | None = None
    """When the bot itself locked it again, by policy."""
