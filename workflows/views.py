"""What people are shown: frozen values, read from rows, with personal data in clear.

Bot and command line render these, and know no rows. The module is long because it is the one list of all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from connectors.contract import Verdict
from workflows.model import AssignmentState, CaseState, ProposalState, Reason, RequestState, Strategy, WorkState
from workflows.refusals import Refused


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: `slack:U123`, `cli:root`, or `handover` itself; `name` is for display."""

    id: str
    name: str
    email: str = ""
    """Their address, where the door by which they came knows it."""

    def may_be(self, other: "Actor") -> bool:
        """Whether both can be one human: the same id, or an operator named as what stands before the other's @."""
        return self.id == other.id or _operates(self, other) or _operates(other, self)


def _operates(one: Actor, other: Actor) -> bool:
    name = other.email.partition("@")[0]
    return bool(name) and one.id.casefold() == f"cli:{name}".casefold()


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
    return_on: datetime | None = None
    """When the person comes back, of a handover for a time."""
    keep_access: bool = False
    """Nobody is locked out: only clients are handed over, until `return_on`."""


@dataclass(frozen=True, slots=True)
class RestrictionLine:
    """What is taken from a leaver in one system before the lock-out."""

    system: str
    title: str
    state: WorkState
    lifted: bool
    """Whether it is being given back, or was."""
    due_at: datetime
    done_at: datetime | None
    taken: tuple[str, ...]
    """Log-in and groups: `dana: Exporters`."""
    problem: str = ""


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
class WordView:
    """What one person decided. `whose` differs from `person` where it was delegated; `void`: why it does not count."""

    person: Successor
    whose: Successor
    approve: bool
    at: datetime
    reason: str = ""
    void: str = ""


@dataclass(frozen=True, slots=True)
class RequestView:
    """Asking one role to agree to a proposal."""

    id: str
    role: str
    """`manager`, a rule's name, or `receiver`."""
    need: int
    state: RequestState
    wanted: tuple[Successor, ...]
    """Who can decide; before the clock has looked, those whom the case names."""
    words: tuple[WordView, ...]
    share: Successor | None = None
    """Whose share it is about, where not the whole."""
    expires_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    settled_at: datetime | None = None
    trouble: str = ""
    delegates: Mapping[str, Successor] = field(default_factory=dict)
    """Who stands in just now, by the Slack id of who is away."""

    @property
    def counted(self) -> tuple[WordView, ...]:
        """The words that count."""
        return tuple(word for word in self.words if not word.void)

    @property
    def awaited(self) -> tuple[Successor, ...]:
        """Who can still decide; nobody once it is settled."""
        if self.state is not RequestState.WAITING:
            return ()
        done = {one.key for word in self.counted for one in (word.person, word.whose)}
        return tuple(one for one in self.wanted if one.key not in done)

    def asks(self, slack_id: str) -> bool:
        """Whether this person is asked here, in their own name or for somebody who is away."""
        return self._among(slack_id, self.wanted)

    def awaits(self, slack_id: str) -> bool:
        """Whether this person's word is still missing here."""
        said = any(slack_id == word.person.slack_id for word in self.counted)
        return not said and self._among(slack_id, self.awaited)

    def _among(self, slack_id: str, people: tuple[Successor, ...]) -> bool:
        ids = {one.slack_id for one in people} | {
            self.delegates[one.slack_id].slack_id for one in people if one.slack_id in self.delegates
        }
        return bool(slack_id) and slack_id in ids


@dataclass(frozen=True, slots=True)
class DelegationView:
    """Somebody decides for somebody who is away."""

    id: str
    away: Successor
    stands: Successor
    since: datetime
    until: datetime


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
    requests: tuple[RequestView, ...] = ()
    """Who must agree, the case's approver first."""
    kept: tuple[KeptLine, ...] = ()
    """What people took out of the case's proposals so far."""
    sensitivities: Mapping[str, int] = field(default_factory=dict)
    """How many clients there are of each sensitivity, where the system has any."""
    until: datetime | None = None
    """The day of return, of a handover for a time."""

    @property
    def awaited(self) -> tuple[Successor, ...]:
        """Who is still asked, each once."""
        return tuple(dict.fromkeys(one for request in self.requests for one in request.awaited))


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
    moving: bool = False
    """Whether moves are under way, or are paused: they can be stopped."""
    halted: str = ""
    """`paused`, `stopped` or empty."""
    halted_by: str = ""
    halted_at: datetime | None = None
    stopped: int = 0
    """Records that were approved, and not moved because somebody stopped the moves."""
    put_back: int = 0
    """Records that an undo of the handover gave back to the leaver."""
    putting_back: int = 0
    not_put_back: int = 0
    """Records that an undo left where they are: they changed hands since, or the system refused."""
    unreturned: tuple[str, ...] = ()
    """The first of them, with who has each now."""
    put_back_by: str = ""
    put_back_problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One open record that a successor has now."""

    system: str
    kind: str
    name: str
    family_name: str
    value: Decimal
    currency: str
    stage: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """What one successor has got from one case, as it is now."""

    id: str
    case_id: str
    leaver: Leaver
    successor: Successor
    records: int
    clients: int
    open: int
    """Records on which work goes on."""
    value: Mapping[str, Decimal]
    """Of the open ones, by currency."""
    next: tuple[NoteLine, ...]
    """The open ones worth most, the most first."""
    until: datetime | None = None
    """The day of return, of a handover for a time that nobody has ended yet."""


@dataclass(frozen=True, slots=True)
class UnreturnedLine:
    """One record of an undone handover, and who has it now or why it did not go back."""

    system: str
    record_id: str
    kind: str
    name: str
    family_name: str
    state: AssignmentState
    note: str


@dataclass(frozen=True, slots=True)
class PutBackView:
    """What an undo of a handover would do, from a fresh read; nothing was written to make it."""

    case_id: str
    leaver: Leaver
    search: str
    asked: int = 0
    """Records that moved and match."""
    back: int = 0
    """Those that nobody changed since: they can go back."""
    kept: tuple[UnreturnedLine, ...] = ()
    """The first of the others, with who has each now."""
    waiting: int = 0
    """Those that nobody changed either, and that wait until the leaver's account is active again."""

    @property
    def rest(self) -> int:
        """How many stay where they are."""
        return self.asked - self.back - self.waiting


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
class LeaveView:
    """The way back of a handover for a time."""

    return_on: datetime
    keeps_access: bool
    asked_at: datetime | None
    answer: str
    """`put back`, `stay`, `nothing` (nobody needed to be asked) or empty."""
    answered_by: str
    answered_at: datetime | None


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
    """One of `findingsheet.URGENCY`."""
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
    accepted: tuple[FindingLine, ...] = ()
    """Open ones that somebody accepted until a day that has not come."""
    relocked: tuple[FindingLine, ...] = ()
    """What this audit found open and locked again at once, by policy."""
    not_looked: tuple[str, ...] = ()
    """What was not looked for and where, a sentence each."""
    settled: tuple[FindingLine, ...] = ()
    """What was open when this audit ended and has been settled since."""


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
