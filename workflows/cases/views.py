"""Views of cases, findings and audits: frozen values as people are shown them, with personal data in clear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter

from connectors.contract import Verdict
from workflows.access.duty_views import DutiesView
from workflows.access.views import LicenceLine, RestoredLine, RestrictionLine, StepView, SystemLine, SystemPlan
from workflows.clients.views import ClientsView, LeaveView
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Refused
from workflows.stages.days import CasePlan
from workflows.stages.views import HoldLine, PlannedStage, StageLine
from workflows.storage.rows.case import CaseState, Reason, Strategy
from workflows.storage.rows.watch import FindingKind


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of an offboarding; nothing was written to make it."""

    leaver: Leaver
    systems: tuple[SystemPlan, ...]
    warnings: tuple[str, ...]
    refusals: tuple[Refused, ...]
    """Reasons why no case can be opened, such as a protected account or an open case."""
    made_at: datetime
    owns_nothing: bool = False
    """True only if every client book was read whole and is empty. False: there are clients, or that is not known."""
    stages: tuple[PlannedStage, ...] = ()
    """The stages, with what each act would do now."""


@dataclass(frozen=True, slots=True)
class OffboardingRequest:
    """HR's request for an offboarding. `effective_at` None means now."""

    leaver: Leaver
    reason: Reason
    effective_at: datetime | None
    approver: Successor
    strategy: Strategy
    successors: tuple[Successor, ...]
    requested_by: Actor
    channel: str
    """Channel of the case message, or a person's id for a direct message."""
    note: str = ""
    assignment_file: bytes = b""
    """CSV file that assigns clients to successors; the strategy splits all other clients."""
    return_on: datetime | None = None
    """Day of return, of a handover for a time."""
    clientless: bool = False
    """The plan found no clients, with certainty: nobody has to be named to receive any."""
    follow_up_days: tuple[int, ...] = ()
    """Days after the lock-out of its checks. Empty: those of policy."""
    line_manager: str = ""
    """Slack id of the leaver's line manager, who is told of the case; empty where it is not known."""
    stages: CasePlan | None = None
    """Acts of each stage, from the profile. None: those of the settings."""
    keep_access: bool = False
    """Without a lock-out: only clients are handed over, until `return_on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBrief:
    """A case in a list: enough for its headline, and cheap to read. The reason for leaving is in the journal alone."""

    id: str
    leaver: Leaver
    state: CaseState
    immediate: bool
    effective_at: datetime
    opened_at: datetime
    systems: tuple[SystemLine, ...]
    restored: tuple[RestoredLine, ...] = ()
    """Restored access, a line for each account."""
    leave: "LeaveView | None" = None

    @property
    def locked_out(self) -> bool:
        """True if all readable systems show locked or absent, and a person has confirmed every manual step.

        `unknown` is never good: a system without an API counts only by its confirmation.
        """
        good = (Verdict.LOCKED, Verdict.ABSENT)
        by_hand = all(line.step.confirmed for line in self.systems if line.step)
        return by_hand and bool(self.read) and all(line.verdict in good for line in self.read)

    @property
    def residual(self) -> tuple[str, datetime] | None:
        """Access that outlives the lock-out (a noun), and until when; None if there is none, or not any more."""
        every = (account for line in self.read for account in line.accounts)
        found = [(one.residual, one.residual_until) for one in every if one.residual_until]
        return max(found, key=itemgetter(1), default=None)

    @property
    def read(self) -> tuple[SystemLine, ...]:
        """The systems that can be read."""
        return tuple(line for line in self.systems if line.step is None)

    @property
    def steps(self) -> tuple[StepView, ...]:
        """The manual steps."""
        return tuple(line.step for line in self.systems if line.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView(CaseBrief):
    """A case with everything that its message and `handover status` show."""

    opened_by: Actor
    approver: Successor
    clients: ClientsView | None
    exports: str
    """One line on the export track, without figures: these are for security."""
    follow_ups: tuple["FollowUpLine", ...]
    findings: tuple["FindingLine", ...]
    settled: tuple["FindingLine", ...] = ()
    """Findings that were closed, newest first."""
    held: str = ""
    """Reason for which the case waits for a second person (`HoldReason`), or empty."""
    settled_by: str = ""
    """Name of the person who released or rejected a held case."""
    settled_at: datetime | None = None
    ended: "Ended | None" = None
    """The end of the case by a person; None while it goes on."""
    can_undo: bool = False
    duties: DutiesView = field(default_factory=DutiesView)
    licences: tuple[LicenceLine, ...] = ()
    """Licences, a line for each account that has any, or had some."""
    restrictions: tuple[RestrictionLine, ...] = ()
    """Restrictions before the lock-out, a line for each system."""
    stages: tuple[StageLine, ...] = ()
    """The stages, the earliest first."""
    hold: HoldLine | None = None
    """The open legal hold on the person."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a case by a person: who, when and why. `why` is empty where nobody was asked."""

    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class FollowUpLine:
    """A dated check of a case."""

    id: str
    day: int
    due_at: datetime
    done_at: datetime | None
    summary: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding in a list."""

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
    """The last author of a change to the account, in the system's words; empty where unknown."""
    taken_by: str = ""
    """Name of the person who works on it, or empty."""
    accepted_until: datetime | None = None
    accepted_by: str = ""
    accepted_reason: str = ""
    overdue: bool = False
    """True where nobody took it within the time that policy allows."""
    relocked_at: datetime | None = None
    """Time of an automatic lock by policy."""
    closed_by: str = ""
    """Id of the actor who closed it; empty while it is open."""
    locked_by: str = ""
    """Name of the last person who pressed Lock Again, or empty."""


@dataclass(frozen=True, slots=True)
class EarlierFigure:
    """Figures of the newest looks for records of earlier leavers."""

    owners: int
    """Inactive owners without a case."""
    records: int
    unknown: int
    """Owners for whom it is not known whether they are inactive."""
    read_at: datetime | None
    """The oldest of the newest looks; None if a system was never read."""
    failed: tuple[str, ...] = ()
    """Systems whose newest look failed: their figures are older, or are not known."""


@dataclass(frozen=True, slots=True)
class AuditView:
    """Audit of one day."""

    day: date
    started_at: datetime
    finished_at: datetime | None
    leavers: int
    accounts: int
    by_verdict: Mapping[Verdict, int]
    findings: tuple[FindingLine, ...]
    """Worst first, open ones only."""
    not_read: tuple[str, ...]
    """Systems that could not be read, each with its reason."""
    accepted: tuple[FindingLine, ...] = ()
    """Open findings that somebody accepted until a day in the future."""
    relocked: tuple[FindingLine, ...] = ()
    """Findings that this audit opened and locked again at once, by policy."""
    not_looked: tuple[str, ...] = ()
    """Checks that were not possible, one sentence each."""
    settled: tuple[FindingLine, ...] = ()
    """Findings that were open when this audit ended and have been settled since."""
    head: str = ""
    """Signed head of the journal over this audit, as one line; empty if none was signed."""
    earlier: EarlierFigure | None = None
    """Records of earlier leavers, by the newest look. None: no system can list the owners of its records."""
