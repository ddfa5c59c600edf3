from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column
from workflows.storage.rows.work_state import WorkState


class ProposalState(StrEnum):
    """State of a proposal. Only `pending` can be decided, once. A `draft` gathers lines and is never shown.

    `cancelled`: the case was cancelled while the proposal was pending. `expired`: a required answer did not come in
    time.
    """

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestState(StrEnum):
    """Result of asking one role to agree; settled once, with its proposal or before it."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class AssignmentState(StrEnum):
    """State of one record's move. `excluded`: the record stays, because the vendor lets nobody change its owner.

    `kept`: the record stays, for a reason that a person gave. `stopped`: the record was approved, and somebody stopped
    the moves before its turn. `not put back`: the handover was undone, and this record had changed hands since, or its
    system refused.
    """

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    MOVED = "moved"
    TAKEN = "taken by another"
    GONE = "gone"
    REFUSED = "refused"
    EXCLUDED = "excluded"
    STOPPED = "stopped"
    PUTTING_BACK = "being put back"
    PUT_BACK = "put back"
    NOT_PUT_BACK = "not put back"
    KEPT = "kept"


class Proposal(Table, table=True):
    """One version of the split of a client book, as shown to those who decide."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    version: int
    digest: str
    state: str = Field(index=True)
    created_at: datetime = utc_column()
    settled_at: datetime | None = utc_column(default=None)
    settled_by: str = ""
    note: str = ""
    sealed: bytes = b""
    """Shares, the successors' accounts, the reason for this version, and who settled it with what words."""


class Decision(Table, table=True):
    """One person's verdict on one exact digest."""

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
    decided_by: str
    approve: bool
    decided_at: datetime = utc_column()
    reason: str = ""
    request_id: str = Field(default="", index=True)
    decider_key: str = ""
    """Keyed hash of the decider, the same for all accounts of one address. Empty: the decision is void."""
    principal_key: str = ""
    """Keyed hash of the principal: the decider, or the person who delegated. Empty: the decision is void."""
    void: str = ""
    """Reason why the decision no longer counts, or empty."""
    sealed: bytes = b""
    """Decider, principal, and the decider's words."""


class ApprovalRequest(Table, table=True):
    """Request to one role to agree to one proposal. `due_at`: the time of the next check."""

    id: str = Field(primary_key=True)
    """`proposal#role`."""
    proposal_id: str = Field(foreign_key="proposal.id", index=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    role: str
    """`manager`, a rule's name, or `receiver` with a hash of whose share it is."""
    quorum: int = 1
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    result: str = RequestState.WAITING
    asked_at: datetime = utc_column()
    reminded_at: datetime | None = utc_column(default=None)
    escalated_at: datetime | None = utc_column(default=None)
    expires_at: datetime | None = utc_column(default=None)
    settled_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """Sealed `RequestData`: the people wanted and told, and the problem. Empty: the case's approver alone."""


class Delegation(Table, table=True):
    """Statement of one person that another decides for them while they are away."""

    id: str = Field(primary_key=True)
    from_id: str = Field(index=True)
    to_id: str
    since: datetime = utc_column()
    until: datetime = utc_column()
    made_at: datetime = utc_column()
    made_by: str
    ended_at: datetime | None = utc_column(default=None)
    ended_by: str = ""
    wrapped_key: bytes
    sealed: bytes
    """The two people's names and addresses, and a note."""


class Revision(Table, table=True):
    """Changes of an edit between two versions of a proposal, for readers of the older one."""

    id: str = Field(primary_key=True, foreign_key="proposal.id")
    previous: str = Field(foreign_key="proposal.id", index=True)
    sealed: bytes
    """Clients with old and new successor: the first ones by name, and the number of all."""


class BookHandover(Table, table=True):
    """Handover of one leaver's records in one system: the unit of work of the client track."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    """planned -> due (list) -> planned (wait for decision) -> due (move) -> done."""
    phase: str = "list"
    """`list`, `decide`, `move`, `done`."""
    due_at: datetime = utc_column()
    attempt: int = 0
    claimed_by: str = ""
    """Process that took this attempt last. If two work on it at once, only its writes count."""
    reason: str = ""
    counts_before: str = "{}"
    """JSON: `{owner: {kind: count}}` for leaver and successors, right before the first move."""
    counts_after: str = "{}"
    sealed: bytes = b""
    """Reasons of the vendor why records stay with the leaver, counted by kind."""
    halted: str = ""
    """`paused` or `stopped` by a person, or empty."""
    halted_by: str = ""
    halted_at: datetime | None = utc_column(default=None)


class Assignment(Table, table=True):
    """One record and its successor. `owner` is the owner when the proposal was made: the before-image."""

    __table_args__ = (
        sa.Index("assignment_work", "case_id", "system", "state", "id"),
        sa.Index("assignment_clients", "proposal_id", "system", "family", "id"),
    )
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id")
    proposal_id: str | None = Field(default=None, foreign_key="proposal.id")
    """Last version that names the record; a draft while lines are gathered. None: `excluded`, and nobody was asked."""
    system: str
    record_id: str
    kind: str
    family: str
    owner: str
    successor: str
    """Key of the successor within the case's sealed data."""
    state: str = Field(default=AssignmentState.PROPOSED)
    owner_after: str = ""
    moved_at: datetime | None = utc_column(default=None)
    sealed: bytes
    """Name, family name, value, currency, stage, whether open."""


class LineNames(Table, table=True):
    """Names of several lines of one book, sealed together, so that a search decrypts few rows."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    draft_id: str | None = Field(default=None, foreign_key="proposal.id", index=True)
    """The draft while the book is read; None once it is proposed."""
    sealed: bytes
    """The records' ids, and their names in lower case."""


class PutBack(Table, table=True):
    """Return of one system's records to the leaver: the unit of work of an undone handover. Its id is the book's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    reason: str = ""
    asked_by: str
    asked_at: datetime = utc_column()
    done_at: datetime | None = utc_column(default=None)


class Leave(Table, table=True):
    """End of a leave: from `due_at` on, somebody is asked if the clients go back."""

    id: str = Field(primary_key=True)
    """The case's id."""
    case_id: str = Field(foreign_key="case_.id", index=True)
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    return_on: datetime = utc_column()
    keeps_access: bool
    asked_at: datetime | None = utc_column(default=None)
    answered_at: datetime | None = utc_column(default=None)
    answered_by: str = ""
    answer: str = ""
    """`put back` or `stay`. Empty: nobody has answered, and nothing happens."""


class Exclusion(Table, table=True):
    """Clients that a person removed from a proposal. They stay with the leaver, for a reason."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    proposal_id: str
    """The version that the clients were removed from."""
    by: str
    at: datetime = utc_column()
    sealed: bytes
    """The reason, the person, and the number of clients and of records of each kind in each system."""


class AssignmentFile(Table, table=True):
    """Successors of single clients, from a file that was given when the case was opened."""

    id: str = Field(primary_key=True)
    """The case's id."""
    case_id: str = Field(foreign_key="case_.id", index=True)
    sealed: bytes
