"""Views of the client track: frozen values as people are shown them, with personal data in clear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from connectors.contract import IntroductionWay
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy
from workflows.storage.rows.clients import (
    AssignmentState,
    Halt,
    IntroductionState,
    LeaveAnswer,
    ProposalState,
    RequestState,
)


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
class NoteLine:
    """One record, as a handover note names it."""

    system: str
    kind: str
    name: str
    family_name: str
    value: Decimal
    currency: str
    stage: str


@dataclass(frozen=True, slots=True)
class RecordLine(NoteLine):
    """One record of a proposal."""

    id: str
    record_id: str
    open: bool
    successor: Successor
    state: AssignmentState
    note: str = ""
    client_id: str = ""
    """Id of the client in the system."""
    sensitivity: str = ""


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One client of a proposal: all records of one family in one system."""

    id: str
    """Id of one of the client's lines, which names the whole client in an edit."""
    system: str
    client_id: str
    """Id of the client in the system."""
    name: str
    records: int
    deals: int
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    successor: Successor
    sensitivity: str = ""
    states: Mapping[AssignmentState, int] = field(default_factory=dict)
    """Number of records by state."""


@dataclass(frozen=True, slots=True)
class ExclusionLine:
    """Clients that a person took out of a proposal, with the reason; they stay with the leaver."""

    reason: str
    by: str
    at: datetime
    clients: int
    records: int


@dataclass(frozen=True, slots=True)
class LineFault:
    """A fault in one line of a file; line 0: in the whole file."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The split of a book as it would be now; nothing was written and nobody was asked."""

    shares: tuple[Share, ...]
    records: int
    families: int
    staying: int
    """Records that nobody can move."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    """Systems that could not be read, with why: the figures leave them out."""
    faults: tuple[LineFault, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One person's decision. `principal`: whose decision it is, if delegated. `void`: why it does not count."""

    person: Successor
    principal: Successor
    approve: bool
    at: datetime
    reason: str = ""
    void: str = ""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request to one role for approval of a proposal."""

    id: str
    role: str
    """`manager`, a rule's name, or `receiver`."""
    need: int
    state: RequestState
    approvers: tuple[Successor, ...]
    """Available approvers; before the first check, the named ones."""
    decisions: tuple[DecisionView, ...]
    share: Successor | None = None
    """The successor whose share it is about; None: the whole proposal."""
    expires_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    settled_at: datetime | None = None
    problem: str = ""
    delegates: Mapping[str, Successor] = field(default_factory=dict)
    """Delegates at this moment, by the principal's Slack id."""

    @property
    def counted(self) -> tuple[DecisionView, ...]:
        """The decisions that count."""
        return tuple(decision for decision in self.decisions if not decision.void)

    @property
    def awaited(self) -> tuple[Successor, ...]:
        """Approvers who can still decide; none once the request is settled."""
        if self.state is not RequestState.WAITING:
            return ()
        done = {person.key for decision in self.counted for person in (decision.person, decision.principal)}
        return tuple(person for person in self.approvers if person.key not in done)

    def asks(self, slack_id: str) -> bool:
        """Return whether this person is asked here, in their own right or as a delegate."""
        return self._among(slack_id, self.approvers)

    def awaits(self, slack_id: str) -> bool:
        """Return whether this person's decision is still missing here."""
        decided = any(slack_id == decision.person.slack_id for decision in self.counted)
        return not decided and self._among(slack_id, self.awaited)

    def _among(self, slack_id: str, people: tuple[Successor, ...]) -> bool:
        ids = {person.slack_id for person in people} | {
            self.delegates[person.slack_id].slack_id for person in people if person.slack_id in self.delegates
        }
        return bool(slack_id) and slack_id in ids


@dataclass(frozen=True, slots=True)
class DelegationView:
    """A delegation: the delegate decides for the principal, who is away."""

    id: str
    principal: Successor
    delegate: Successor
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
    """The reason for this version: the first, an edit, or drift since the last."""
    created_at: datetime
    settled_at: datetime | None
    settled_by: str
    """Name of the person who settled it, for display."""
    note: str
    staying: int = 0
    """Records of the leaver that no proposal names, because the vendor does not allow a change of owner."""
    requests: tuple[RequestView, ...] = ()
    """Approval requests, that of the case's approver first."""
    kept: tuple[ExclusionLine, ...] = ()
    """Exclusions from the case's proposals so far."""
    sensitivities: Mapping[str, int] = field(default_factory=dict)
    """Number of clients by sensitivity, where the system has any."""
    until: datetime | None = None
    """The day of return of a handover for a time."""
    states: Mapping[AssignmentState, int] = field(default_factory=dict)
    """Number of records by state."""
    asked_by: str = ""
    """Name of the person who opened the case."""
    told: tuple[str, ...] = ()
    """Sentences on the systems that tell clients after the move, with the whole text."""
    last_day: datetime | None = None
    """Effective time of the case."""

    @property
    def ended(self) -> bool:
        """Return whether the moves of an approved proposal have ended: every record has its outcome."""
        return self.tried and not self.states.get(AssignmentState.WAITING)

    @property
    def tried(self) -> bool:
        """Return whether every record of an approved proposal was ordered to move. Some may not be done yet."""
        approved = self.state is ProposalState.APPROVED and bool(self.states)
        return approved and not self.states.get(AssignmentState.APPROVED)

    @property
    def awaited(self) -> tuple[Successor, ...]:
        """Approvers who are still asked, each once."""
        return tuple(dict.fromkeys(person for request in self.requests for person in request.awaited))


@dataclass(frozen=True, slots=True)
class ClientsView:
    """The client track of a case."""

    proposal: ProposalView | None
    listed: int
    """Records that were ever proposed, without those in `staying`."""
    moved: int
    left: int
    """Records proposed and not with a successor: waiting, declined, or refused by the system."""
    problems: tuple[str, ...]
    rate: float | None
    """Records a second while moves run, else None."""
    balance: tuple[str, ...]
    """A sentence for each record type: counts before and after, with any difference."""
    complete: bool
    """True once all that can move has moved. The rest is in `staying`, or was refused and is in `problems`."""
    staying: int = 0
    """Records that stay with the leaver because the vendor does not allow a change of owner."""
    kept: tuple[ExclusionLine, ...] = ()
    """Clients that people took out of a proposal, with their reasons."""
    moving: bool = False
    """True while moves are under way or paused, and can be stopped."""
    halted: Halt = Halt.NONE
    halted_by: str = ""
    halted_at: datetime | None = None
    stopped: int = 0
    """Approved records that did not move because somebody stopped the moves."""
    stopped_in: tuple[str, ...] = ()
    """The systems whose moves were stopped."""
    put_back: int = 0
    """Records that an undo of the handover gave back to the leaver."""
    putting_back: int = 0
    not_put_back: int = 0
    """Records that an undo left with their owner: they changed hands since, or the system refused."""
    unreturned: tuple[str, ...] = ()
    """The first of them, with their present owners."""
    put_back_by: str = ""
    put_back_problems: tuple[str, ...] = ()
    put_back_waits: bool = False
    """True while no record of the last request is going back, so that it can be cancelled."""
    not_known: tuple[str, ...] = ()
    """Systems where no account was found and nothing proves that there is none: its clients are not known."""
    differing: tuple[str, ...] = ()
    """Those sentences of `balance` whose counts differ, apart from records that must stay."""
    accepted: int = 0
    """Records whose move the system accepted, and that a read still shows with the leaver."""
    read_again_at: datetime | None = None
    """The time of their next read."""
    told: tuple[str, ...] = ()
    """A sentence for each system that tells clients: how many were told, and who was not."""
    absent: tuple[str, ...] = ()
    """Systems where the leaver has no account, with proof or on a person's word: there are no clients."""


@dataclass(frozen=True, slots=True)
class IntroductionLine:
    """One introduction of a successor to a client."""

    system: str
    client: str
    client_id: str
    successor: Successor
    way: IntroductionWay
    state: IntroductionState
    reason: str
    sent_at: datetime
    read_at: datetime | None
    """The last read that shows this state; None if no read does."""


@dataclass(frozen=True, slots=True)
class NoteView:
    """The records that one successor has from one case, as of now."""

    id: str
    case_id: str
    leaver: Leaver
    successor: Successor
    records: int
    clients: int
    open: int
    """Number of open records."""
    value: Mapping[str, Decimal]
    """Value of the open records, by currency."""
    next: tuple[NoteLine, ...]
    """The open records of highest value, highest first."""
    until: datetime | None = None
    """The day of return of a handover for a time, until it is answered."""
    told: Mapping[IntroductionState, int] = field(default_factory=dict)
    """Number of the clients who were told through their system, by state."""
    to_tell: int = 0
    """Clients whose introduction was approved, who have moved, and for whom none was begun."""
    not_told: tuple[IntroductionLine, ...] = ()
    """The first clients for whom that is not done."""


@dataclass(frozen=True, slots=True)
class PutBackLine:
    """One record of an undone handover. `note`: its present owner, or why it did not go back."""

    system: str
    record_id: str
    kind: str
    name: str
    family_name: str
    state: AssignmentState
    note: str


@dataclass(frozen=True, slots=True)
class PutBackView:
    """The plan of an undo, from a fresh read; nothing was written to make it."""

    case_id: str
    leaver: Leaver
    search: str
    asked: int = 0
    """Moved records that match the search."""
    back: int = 0
    """Records that nobody changed since: they can go back."""
    kept: tuple[PutBackLine, ...] = ()
    """The first of the changed records, with their present owners."""
    waiting: int = 0
    """Unchanged records that wait until the leaver's account is active again."""
    givers: tuple[tuple[str, int, int], ...] = ()
    """Name, clients and records of each colleague whose clients go back, most records first."""
    accepted: int = 0
    """Records of the case that the system accepted to move and has not moved. They are not in the plan."""

    @property
    def rest(self) -> int:
        """Number of records that stay with their present owners."""
        return self.asked - self.back - self.waiting


@dataclass(frozen=True, slots=True)
class LeaveView:
    """The return of a handover for a time."""

    return_on: datetime
    keeps_access: bool
    asked_at: datetime | None
    answer: LeaveAnswer
    answered_by: str
    answered_at: datetime | None
