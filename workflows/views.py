"""What people are shown: frozen values, read from rows, with personal data in clear.

Bot and command line render these, and know no rows. The module is long because it is the one list of all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from connectors.contract import Verdict
from workflows.model import AssignmentState, CaseState, ProposalState, Reason, Strategy, WorkState
from workflows.refusals import Refused


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: `slack:U123`, `cli:root`, or `handover` itself; `name` is for display."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Leaver:
    """The person who leaves. `slack_id` is empty where the case came from the command line without Slack."""

    name: str
    email: str
    slack_id: str = ""
    timezone: str = "UTC"
    title: str = ""
    manager_email: str = ""
    logins: tuple[str, ...] = ()
    directory_id: str = ""
    """Stable id in the company's directory, where it knows exactly one such person: what a case is keyed by."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A colleague who receives clients. `key` names them within the case (their address, lower case)."""

    key: str
    name: str
    email: str
    slack_id: str = ""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account in a plan or a case."""

    system: str
    account_id: str
    login: str
    matched_by: str
    verdict: Verdict
    reason: str = ""
    how: str = ""
    read_at: datetime | None = None
    groups: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """What was done to it, in words: `locked`, `3 sessions ended`, `taken out of group sales`."""


@dataclass(frozen=True, slots=True)
class BookLine:
    """How much the leaver owns in one system, or why that is not known."""

    system: str
    counts: Mapping[str, int]
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """What a case would meet in one system. `problem` is set where it could not be looked up."""

    system: str
    title: str
    accounts: tuple[AccountLine, ...]
    how: str
    does: tuple[str, ...]
    """What will be done, in words."""
    cannot: tuple[str, ...]
    book: BookLine | None = None
    problem: str = ""
    by_hand: bool = False
    """Whether a person is asked to do it: there is nothing to look up."""


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
class Request:
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
    mapping: bytes = b""
    """A CSV file that names who gets which client; what it does not name is split by the strategy."""


@dataclass(frozen=True, slots=True)
class StepView:
    """What a person is asked to do in a system without an API, and what they said. Never a reading."""

    id: str
    case_id: str
    leaver: Leaver
    system: str
    title: str
    instructions: str
    needs_file: bool
    assignee: str
    """Slack id of a person or of a user group; empty where the configuration has the step no longer."""
    escalate_to: str
    state: WorkState
    asked_at: datetime | None
    deadline: datetime | None
    escalated_at: datetime | None
    round: int
    waiting: bool
    """Whether somebody is asked now and has not answered."""
    confirmed_by: str
    """Name of who said that it is done; empty where nobody has."""
    confirmed_at: datetime | None
    note: str
    proof: str
    """Name of the file, or a link to it."""
    proof_sha256: str
    trouble: str
    """Why somebody could not do it, in their words, or what keeps it from being asked."""

    @property
    def confirmed(self) -> bool:
        """Whether a person has said that it is done, however long ago."""
        return self.confirmed_at is not None


@dataclass(frozen=True, slots=True)
class SystemLine:
    """The truth on one system of a case. `next_try_at` is set while work waits to be tried again."""

    system: str
    title: str
    verdict: Verdict
    reason: str
    how: str
    read_at: datetime | None
    working: bool
    next_try_at: datetime | None
    attempt: int
    accounts: tuple[AccountLine, ...]
    cannot: tuple[str, ...]
    step: StepView | None = None
    """Set where a person does it and nothing can be read: the verdict is always `unknown` then."""
    late: str = ""
    """How long after it was due the work began, and why, where that was more than minutes."""
    choose: bool = False
    """Whether a person must say which account is the leaver's."""


@dataclass(frozen=True, slots=True)
class RestoredLine:
    """What came back in one system of an undone case. `problem` is set while something is still to do."""

    system: str
    title: str
    login: str
    back: tuple[str, ...]
    cannot: tuple[str, ...]
    problem: str
    done: bool
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may be the leaver's, for a person to choose. `reason`: why it cannot be chosen."""

    account_id: str
    login: str
    name: str
    email: str
    verdict: Verdict
    matched_by: str
    linked: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """One successor's part of a proposal."""

    successor: Successor
    records: int
    families: int
    value: Mapping[str, Decimal]
    moved: int
    deals: int = 0
    """Open deals among the records."""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record of a proposal."""

    id: str
    system: str
    record_id: str
    kind: str
    name: str
    family_name: str
    value: Decimal
    currency: str
    stage: str
    open: bool
    successor: Successor
    state: AssignmentState
    note: str = ""
    client_id: str = ""
    """The family's own id in the system."""
    sensitivity: str = ""


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One client of a proposal: all records of one family in one system."""

    id: str
    """Id of one of its lines: it stands for the whole client in every edit."""
    system: str
    client_id: str
    """The family's own id in the system."""
    name: str
    records: int
    deals: int
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    successor: Successor
    sensitivity: str = ""
    states: Mapping[AssignmentState, int] = field(default_factory=dict)
    """How many of the records stand where."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """Clients that a person took out of a proposal: they stay with the leaver, and this is why."""

    reason: str
    by: str
    at: datetime
    clients: int
    records: int


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with one line of a file; line 0: with the whole file."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Preview:
    """How a book would be split, read now; nothing was written and nobody was asked."""

    shares: tuple[Share, ...]
    records: int
    families: int
    staying: int
    """Records that nobody can move."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    """What could not be read, by system: the figures are without it."""
    faults: tuple[LineFault, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One version of a split. `digest` binds decisions to exactly these lines."""

    id: str
    case_id: str
    leaver: Leaver
    version: int
    digest: str
    state: ProposalState
    strategy: Strategy
    approver: Successor
    shares: tuple[Share, ...]
    records: int
    families: int
    why: str
    """Why this version exists: the first, an edit, or drift since the last."""
    created_at: datetime
    settled_at: datetime | None
    settled_by: str
    """Name of who settled it, for display."""
    note: str
    staying: int = 0
    """Records of the leaver that no proposal names: the vendor lets nobody change their owner."""
    kept: tuple[KeptLine, ...] = ()
    """What people took out of the case's proposals so far."""
    sensitivities: Mapping[str, int] = field(default_factory=dict)
    """How many clients there are of each sensitivity, where the system has any."""


@dataclass(frozen=True, slots=True)
class ClientsView:
    """The client track of a case."""

    proposal: ProposalView | None
    listed: int
    """Records that were ever proposed; those in `staying` are not among them."""
    moved: int
    left: int
    """Proposed and not with a successor: waiting, declined, or refused by the system. Without `staying`."""
    problems: tuple[str, ...]
    rate: float | None
    """Records a second while moves run, else None."""
    balance: tuple[str, ...]
    """Counts before = counts after, a sentence per record type; what differs is said."""
    complete: bool
    """Whether all that can move has moved. What has not is in `staying`, or was refused and stands in `problems`."""
    staying: int = 0
    """Records that stay with the leaver because the vendor lets nobody change their owner."""
    kept: tuple[KeptLine, ...] = ()
    """Clients that people took out of a proposal, with their reasons."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """All that a case message and `handover status` show."""

    id: str
    leaver: Leaver
    state: CaseState
    reason: Reason
    immediate: bool
    effective_at: datetime
    opened_at: datetime
    opened_by: Actor
    approver: Successor
    systems: tuple[SystemLine, ...]
    clients: ClientsView | None
    exports: str
    """One line on the export track without figures (those are security's)."""
    follow_ups: tuple["FollowUpLine", ...]
    findings: tuple["FindingLine", ...]
    held: str = ""
    """Why the case waits for a second person (`rules.Hold`), or empty."""
    restored: tuple[RestoredLine, ...] = ()
    """What an undo gave back, an account a line."""
    can_undo: bool = False

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
    kind: str
    """`open again`, `new account`, `owns records`, `exported after leaving`, `not verified`, `protected`, `not linked`,
    `address reused`."""
    system: str
    login: str
    first_seen: datetime
    last_seen: datetime
    detail: str
    closed_at: datetime | None
    can_lock_again: bool


@dataclass(frozen=True, slots=True)
class AuditView:
    """One day's audit."""

    day: date
    started_at: datetime
    finished_at: datetime | None
    leavers: int
    accounts: int
    by_verdict: Mapping[Verdict, int]
    findings: tuple[FindingLine, ...]
    """Worst first, open ones only."""
    not_read: tuple[str, ...]
    """Systems that could not be read, each with its reason; nothing is claimed about them."""


@dataclass(frozen=True, slots=True)
class ExportLine:
    """What one system's log says. `problem` is set where it could not be read or there is no log."""

    system: str
    events: int
    records: int | None
    """Sum over the events whose number of records is known: at least so many where `uncounted`. None: not read."""
    distinct: int | None
    """Different records among those that the log names: at least so many where `unnamed`. None: it names none."""
    client_base: int | None
    weeks: tuple[tuple[date, int, int], ...]
    """(Monday, events, records known), oldest first, weeks with none included."""
    problem: str = ""
    uncounted: int = 0
    """Events whose number of records the log does not have."""
    unnamed: int = 0
    """Events of which the log does not name every record, the uncounted ones included."""

    @property
    def share(self) -> float | None:
        """Part of the client base taken, 0 to 1, where both figures are known; at least that where `unnamed`."""
        return self.distinct / self.client_base if self.distinct is not None and self.client_base else None


@dataclass(frozen=True, slots=True)
class ExportView:
    """One export snapshot. `leaver` is None until opened with a reason."""

    id: str
    case_id: str
    pseudonym: str
    moment: str
    since: datetime
    until: datetime
    lines: tuple[ExportLine, ...]
    leaver: Leaver | None = None
    after_leaving: int = 0
    """Exports since the lock-out was complete, over all systems that were read."""
    changes: tuple[str, ...] = ()
    """What is new since the snapshot before this one, a sentence per system; empty for the first."""
