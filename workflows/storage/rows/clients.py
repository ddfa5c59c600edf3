from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from config.text import N_
from workflows.storage.rows.table import Table, identifier_column, utc_column
from workflows.storage.rows.work_state import CaseRow, CaseWork, WorkState


class ProposalState(StrEnum):
    """State of a proposal. Only `pending` can be decided, once. A `draft` gathers lines and is never shown.

    `cancelled`: the case was cancelled while the proposal was pending. `expired`: a required answer did not come in
    time.
    """

    DRAFT = N_("draft")
    PENDING = N_("pending")
    APPROVED = N_("approved")
    DECLINED = N_("declined")
    SUPERSEDED = N_("superseded")
    CANCELLED = N_("cancelled")
    EXPIRED = N_("expired")


class RequestState(StrEnum):
    """Result of asking one role to agree; settled once, with its proposal or before it."""

    WAITING = N_("waiting")
    APPROVED = N_("approved")
    DECLINED = N_("declined")
    EXPIRED = N_("expired")
    WITHDRAWN = N_("withdrawn")


class AssignmentState(StrEnum):
    """State of one record's move. `excluded`: the record stays, because the vendor lets nobody change its owner.

    `kept`: the record stays, for a reason that a person gave. `stopped`: the record was approved, and somebody stopped
    the moves before its turn. `not put back`: the handover was undone, and this record had changed hands since, or its
    system refused. `waiting`: the system accepted the move, and a read still shows the old owner. `objected`: the
    client, or a person whom the vendor asks, said no. `lapsed`: accepted, and given up after a time.
    """

    PROPOSED = N_("proposed")
    APPROVED = N_("approved")
    DECLINED = N_("declined")
    MOVED = N_("moved")
    TAKEN = N_("taken by another")
    GONE = N_("gone")
    REFUSED = N_("refused")
    EXCLUDED = N_("excluded")
    STOPPED = N_("stopped")
    PUTTING_BACK = N_("being put back")
    PUT_BACK = N_("put back")
    NOT_PUT_BACK = N_("not put back")
    KEPT = N_("kept")
    WAITING = N_("accepted, not done yet")
    OBJECTED = N_("objected to")
    LAPSED = N_("accepted, never done")


class BookPhase(StrEnum):
    """Phases of a book's handover, in order; a book returns to `list` where something is left to propose."""

    LIST = "list"
    DECIDE = "decide"
    MOVE = "move"
    DONE = "done"


class Halt(StrEnum):
    """A person's halt of the moves of a book."""

    NONE = ""
    PAUSED = N_("paused")
    STOPPED = N_("stopped")


class IntroductionState(StrEnum):
    """State of one introduction. `sending`: it was begun, and its outcome is not recorded yet.

    `unknown`: it was sent, and neither an answer nor a read shows its outcome. `not sent`: the client has another owner
    now, or is gone. The others are those that the system reads back.
    """

    SENDING = N_("being sent")
    UNKNOWN = N_("not known")
    NOT_SENT = N_("not sent")
    SENT = N_("sent")
    WAITING = N_("waiting")
    REFUSED = N_("refused")
    BOUNCED = N_("bounced")


class LeaveAnswer(StrEnum):
    """The end of a handover for a time. `nothing`: nothing was handed over, so nobody was asked."""

    NONE = ""
    PUT_BACK = "put back"
    STAY = "stay"
    NOTHING = "nothing"


class ClientWord(StrEnum):
    """A person's word on a client after the handover."""

    CONTACTED = N_("contacted")
    NOT_REACHED = N_("not reached")
    OBJECTS = N_("objects")


class Proposal(CaseRow, table=True):
    """One version of the split of a client book, as it was shown to its approvers."""

    version: int
    digest: str
    state: str = Field(index=True)
    created_at: datetime = utc_column()
    settled_at: datetime | None = utc_column(default=None)
    settled_by: str = identifier_column("actor", default="")
    lines: bytes = b""
    """Sealed digests of the lines as they were shown, in order; `digest` covers them."""
    sealed: bytes = b""
    """`sealed.ProposalData`: shares, successors' accounts, reason of this version, outcome."""


class Decision(Table, table=True):
    """One person's decision on one exact digest."""

    __table_args__ = (
        sa.UniqueConstraint("proposal_id", "decided_by"),
        sa.Index(
            "one_decider_once",
            "proposal_id",
            "decider_key",
            unique=True,
            sqlite_where=sa.text("decider_key <> ''"),
            postgresql_where=sa.text("decider_key <> ''"),
        ),
        sa.Index(
            "one_principal_once",
            "proposal_id",
            "principal_key",
            unique=True,
            sqlite_where=sa.text("principal_key <> ''"),
            postgresql_where=sa.text("principal_key <> ''"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    proposal_id: str = Field(foreign_key="proposal.id", index=True)
    digest: str
    decided_by: str = identifier_column("actor")
    approve: bool
    decided_at: datetime = utc_column()
    request_id: str = Field(default="", index=True)
    decider_key: str = ""
    """Keyed hash of the decider, the same for all accounts of one address. Empty: the decision is void."""
    principal_key: str = ""
    """Keyed hash of the principal: the decider, or the person who delegated. Empty: the decision is void."""
    void: str = ""
    """Reason for which the decision no longer counts, or empty."""
    sealed: bytes = b""
    """`requests.DecisionData`: decider, principal, reason."""


class ApprovalRequest(CaseWork, table=True):
    """A request to one role for approval of one proposal. `due_at`: time of the next check."""

    id: str = Field(primary_key=True)
    """`proposal#role`."""
    proposal_id: str = Field(foreign_key="proposal.id", index=True)
    role: str
    """`manager`, a rule's name, or `receiver` with a hash of the successor's key."""
    quorum: int = 1
    state: str = Field(default=WorkState.DUE, index=True)
    result: str = RequestState.WAITING
    asked_at: datetime = utc_column()
    reminded_at: datetime | None = utc_column(default=None)
    escalated_at: datetime | None = utc_column(default=None)
    expires_at: datetime | None = utc_column(default=None)
    settled_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """`requests.RequestData`: approvers, the times of messages to them, and the problem."""


class Delegation(Table, table=True):
    """A delegation: one person decides for another, who is away."""

    id: str = Field(primary_key=True)
    from_id: str = identifier_column("actor", index=True)
    to_id: str = identifier_column("actor")
    since: datetime = utc_column()
    until: datetime = utc_column()
    made_at: datetime = utc_column()
    made_by: str = identifier_column("actor")
    ended_at: datetime | None = utc_column(default=None)
    ended_by: str = identifier_column("actor", default="")
    wrapped_key: bytes
    sealed: bytes
    """The two people's names and addresses, and a note."""


class Revision(Table, table=True):
    """Changes between two versions of a proposal, for people who still look at the older one."""

    id: str = Field(primary_key=True, foreign_key="proposal.id")
    previous: str = Field(foreign_key="proposal.id", index=True)
    sealed: bytes
    """The first changed clients by name with both successors, and the number of all."""


class BookHandover(CaseWork, table=True):
    """The handover of one leaver's records in one system: the unit of work of the client track.

    Its states: planned -> due (list) -> planned (wait for decision) -> due (move) -> done.
    """

    system: str
    phase: str = BookPhase.LIST
    claimed_by: str = ""
    """Last runner of this attempt: of two runners at once, only this one's writes count."""
    reason: str = identifier_column("reason", default="")
    """Sentence that may name somebody in a system's words."""
    counts_before: str = identifier_column("counts", default="{}")
    """JSON: `{owner: {kind: count}}` for leaver and successors, right before the first move."""
    counts_after: str = identifier_column("counts", default="{}")
    sealed: bytes = b""
    """`unmoved.UnmovedReasons`: reasons for which records stay, in the vendor's words, counted by kind."""
    halted: str = Halt.NONE
    halted_by: str = identifier_column("actor", default="")
    halted_at: datetime | None = utc_column(default=None)


class EarlierOwners(CaseRow, table=True):
    """The owners of one system whose records a handover of earlier leavers covers. Its id is the book's."""

    system: str
    sealed: bytes
    """`earlier.EarlierOwner` values. Sealed under the case's key, so that nobody can add an owner by the database."""


class EarlierFigures(Table, table=True):
    """Figures of the newest look for records of earlier leavers in one system. They name nobody."""

    system: str = Field(primary_key=True)
    owners: int = 0
    """Inactive owners without a case."""
    records: int = 0
    """Records of those owners."""
    unknown: int = 0
    """Owners for whom it is not known whether they are inactive."""
    read_at: datetime | None = utc_column(default=None)
    """Start of the last look that read the whole system."""
    failed_at: datetime | None = utc_column(default=None)
    """Start of an incomplete look, until a complete one follows."""


class Assignment(Table, table=True):
    """One record and its successor. `owner`: the owner when the proposal was made, the before-image."""

    __table_args__ = (
        sa.Index("assignment_work", "case_id", "system", "state", "id"),
        sa.Index("assignment_clients", "proposal_id", "system", "family", "id"),
    )
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id")
    proposal_id: str | None = Field(default=None, foreign_key="proposal.id")
    """The last version with this record, or the draft that gathers it. None: it stays, and nobody is asked."""
    system: str
    record_id: str
    kind: str
    family: str
    owner: str = identifier_column("account")
    successor: str
    """Key of the successor within the case's sealed data."""
    state: str = Field(default=AssignmentState.PROPOSED)
    owner_after: str = identifier_column("account", default="")
    moved_at: datetime | None = utc_column(default=None)
    sealed: bytes
    """Name, family name, value, currency, stage, whether open."""


class LineNames(CaseRow, table=True):
    """Names of several lines of one book, sealed together, so that a search decrypts few rows."""

    system: str
    draft_id: str | None = Field(default=None, foreign_key="proposal.id", index=True)
    """The draft while the book is read; None once it is proposed."""
    sealed: bytes
    """The records' ids, and their names in lower case."""


class PutBack(CaseWork, table=True):
    """Records of one system going back to the leaver: the unit of work of an undone handover. Its id is the book's."""

    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    reason: str = identifier_column("reason", default="")
    asked_by: str = identifier_column("actor")
    asked_at: datetime = utc_column()
    done_at: datetime | None = utc_column(default=None)


class Leave(CaseWork, table=True):
    """The return of a handover for a time: from `due_at` on, people are asked whether the clients go back."""

    id: str = Field(primary_key=True)
    """The case's id."""
    state: str = Field(default=WorkState.DUE, index=True)
    return_on: datetime = utc_column()
    keeps_access: bool
    asked_at: datetime | None = utc_column(default=None)
    answered_at: datetime | None = utc_column(default=None)
    answered_by: str = identifier_column("actor", default="")
    answer: str = LeaveAnswer.NONE
    """Empty: nobody has answered, and nothing happens."""


class Exclusion(CaseRow, table=True):
    """Clients that a person took out of a proposal, with the reason; they stay with the leaver."""

    proposal_id: str
    """The version that had them."""
    by: str = identifier_column("actor")
    at: datetime = utc_column()
    sealed: bytes
    """Reason, author, number of clients, and number of records by system and kind."""


class Introduction(CaseRow, table=True):
    """An introduction of a successor to one client, who is told through the system. Its id is the client's."""

    system: str
    record_id: str
    """The client's record there."""
    successor: str
    """Key of the successor within the case's sealed data."""
    account: str = identifier_column("account")
    """The successor's account in the system."""
    way: str
    state: str
    begun_at: datetime = utc_column()
    read_at: datetime | None = utc_column(default=None)
    claimed_by: str = ""
    """The run that sends it now, or sent it last."""
    sealed: bytes
    """`introductions.IntroductionData`: the client's name, the text, its id in the system, a reason."""


class AssignmentFile(CaseRow, table=True):
    """Clients assigned to successors by a file, when the case was opened."""

    id: str = Field(primary_key=True)
    """The case's id."""
    sealed: bytes


class ClientAnswer(CaseRow, table=True):
    """The newest word of a person on one client. Its id is made of case, system and the client's id."""

    at: datetime = utc_column()
    by: str = identifier_column("actor")
    sealed: bytes
    """`answers.AnswerData`: the word, who gave it, for whose client. Sealed, so that no other hand can write it."""


class ClientCheck(CaseWork, table=True):
    """A dated look at what became of the clients of a case. `day` 0: the reminder before the first report."""

    state: str = Field(default=WorkState.DUE, index=True)
    day: int
    planned_at: datetime = utc_column()
    """The day of the check; a system that does not answer puts `due_at` off."""
    done_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """`checks.Kept`: the reading of each client, and the usual losses."""
