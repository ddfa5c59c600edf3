from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy
from workflows.storage.rows.clients import AssignmentState, ProposalState, RequestState


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
class ExclusionLine:
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
class DecisionView:
    """What one person decided. `whose` differs from `person` where it was delegated; `void`: why it does not count."""

    person: Successor
    principal: Successor
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
    approvers: tuple[Successor, ...]
    """Who can decide; before the clock has looked, those whom the case names."""
    decisions: tuple[DecisionView, ...]
    share: Successor | None = None
    """Whose share it is about, where not the whole."""
    expires_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    settled_at: datetime | None = None
    problem: str = ""
    delegates: Mapping[str, Successor] = field(default_factory=dict)
    """Who stands in just now, by the Slack id of who is away."""

    @property
    def counted(self) -> tuple[DecisionView, ...]:
        """The words that count."""
        return tuple(word for word in self.decisions if not word.void)

    @property
    def awaited(self) -> tuple[Successor, ...]:
        """Who can still decide; nobody once it is settled."""
        if self.state is not RequestState.WAITING:
            return ()
        done = {one.key for word in self.counted for one in (word.person, word.principal)}
        return tuple(one for one in self.approvers if one.key not in done)

    def asks(self, slack_id: str) -> bool:
        """Whether this person is asked here, in their own name or for somebody who is away."""
        return self._among(slack_id, self.approvers)

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
    kept: tuple[ExclusionLine, ...] = ()
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
    kept: tuple[ExclusionLine, ...] = ()
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
class PutBackLine:
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
    kept: tuple[PutBackLine, ...] = ()
    """The first of the others, with who has each now."""
    waiting: int = 0
    """Those that nobody changed either, and that wait until the leaver's account is active again."""

    @property
    def rest(self) -> int:
        """How many stay where they are."""
        return self.asked - self.back - self.waiting


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
