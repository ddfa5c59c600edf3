"""The rows: every wish and every result, written with its journal entry in one transaction.

Personal and client data stand only in `sealed` columns, encrypted under the case's own key (`workflows.vault`).
All datetimes are stored as UTC. States are words of the glossary; a row that is `due` is work that the clock hands out.
Long because it is the one list of all rows; what they have in common as work is in `workflows.work`.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; SQLite would drop the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse a naive datetime: it would be read back as another moment."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def Moment(**kwargs: Any) -> Any:  # noqa: N802 - reads as a type in the rows below
    """Make a column that holds an aware UTC datetime."""
    return Field(sa_type=UtcDateTime, **kwargs)


class CaseState(StrEnum):
    """`scheduled`, `running` and `held` are open: at most one such case per person.

    `held`: nothing is done until a second person releases it. `undone`: access was given back. `closed`: nobody to
    watch any more, such as a person who was hired again. `on leave`: clients are handed over for a time, access stays.
    """

    SCHEDULED = "scheduled"
    RUNNING = "running"
    WATCHED = "watched"
    CANCELLED = "cancelled"
    HELD = "held"
    UNDONE = "undone"
    CLOSED = "closed"
    ON_LEAVE = "on leave"


class Reason(StrEnum):
    """Why the person leaves, as HR says it."""

    RESIGNATION = "resignation"
    DISMISSAL = "dismissal"
    END_OF_CONTRACT = "end of contract"
    RETIREMENT = "retirement"
    SUSPECTED_THEFT = "suspected theft"
    LEAVE = "leave"
    OTHER = "other"


class Strategy(StrEnum):
    """How a client book is split."""

    SINGLE = "single"
    ROUND_ROBIN = "round_robin"
    BALANCED = "balanced"
    AFFINITY = "affinity"
    RULES = "rules"


class WorkState(StrEnum):
    """Where a piece of work stands. `due` rows are handed to the engine once `due_at` has come."""

    PLANNED = "planned"
    DUE = "due"
    DONE = "done"
    CANCELLED = "cancelled"


class ProposalState(StrEnum):
    """A proposal is settled once; only `pending` can be decided. A `draft` gathers lines and is never shown.

    `cancelled`: the case was called off while it was pending. `expired`: not everybody who must answered in time.
    """

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestState(StrEnum):
    """What came of asking one role to agree; settled once, with its proposal or before it."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class AssignmentState(StrEnum):
    """Where one record's move stands. `excluded`: it stays, the vendor lets nobody change its owner.

    `kept`: it stays, for a reason that a person gave. `stopped`: it was approved, and somebody stopped the moves before
    its turn. `not put back`: the handover was undone, and this record had changed hands since, or its system refused.
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
    RETURNING = "being put back"
    RETURNED = "put back"
    UNRETURNED = "not put back"
    KEPT = "kept"


class PostKind(StrEnum):
    """What a post shows; `bot.messages` has one builder for each."""

    CASE = "case"
    PROPOSAL = "proposal"
    OUTCOME = "outcome"
    EXPORTS = "exports"
    FOLLOW_UP = "follow_up"
    AUDIT = "audit"
    MANUAL = "manual"
    HELD = "held"
    ESCALATION = "escalation"
    NOTE = "note"
    RETURN = "return"


class Case(SQLModel, table=True):
    """One leaver's offboarding."""

    __tablename__ = "case_"
    __table_args__ = (
        sa.Index("case_past", "state", "effective_at"),
        sa.Index(
            "one_open_case_a_person",
            "leaver_key",
            unique=True,
            sqlite_where=sa.text("state in ('scheduled', 'running', 'held')"),
            postgresql_where=sa.text("state in ('scheduled', 'running', 'held')"),
        ),
        sa.Index(
            "one_open_case_an_address",
            "mail_key",
            unique=True,
            sqlite_where=sa.text("state in ('scheduled', 'running', 'held')"),
            postgresql_where=sa.text("state in ('scheduled', 'running', 'held')"),
        ),
    )
    id: str = Field(primary_key=True)
    leaver_key: str = Field(index=True)
    """Keyed hash of the stable id in the company's directory, or of the address where that is not known."""
    mail_key: str = Field(index=True)
    slack_key: str = Field(default="", index=True)
    """Keyed hash of the leaver's Slack id; empty in cases from before there was one."""
    state: str = Field(index=True)
    immediate: bool
    effective_at: datetime = Moment()
    opened_at: datetime = Moment()
    opened_by: str
    approver: str
    strategy: str
    reason: str
    wrapped_key: bytes
    sealed: bytes
    """`LeaverData` and the case's successors."""
    held: str = ""
    """Why the case is held: a `rules.Hold`, or empty."""


class Access(SQLModel, table=True):
    """Locking one leaver out of one system: the unit of work of the access track."""

    __table_args__ = (sa.Index("access_sweep", "system", "verdict", "id"),)
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    verdict: str = "unknown"
    note: bytes = b""
    """Sealed `notes.Note`: why, and how that is known."""
    read_at: datetime | None = Moment(default=None)
    locked_at: datetime | None = Moment(default=None)
    """When a read first showed the lock-out complete."""
    late: str = ""
    """How long after it was due the work began, and why, where that was more than minutes."""


class Account(SQLModel, table=True):
    """One account of a leaver. The first before-image is kept for good: it is what an undo restores."""

    __table_args__ = (
        sa.Index("account_sweep", "system", "account_id"),
        # All that a sweep reads stands in the index: a page costs no look at the rows themselves.
        sa.Index("account_pages", "system", "id", "account_id", "verdict", "case_id"),
    )
    id: str = Field(primary_key=True)
    access_id: str = Field(foreign_key="access.id", index=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    account_id: str
    verdict: str = "unknown"
    note: bytes = b""
    read_at: datetime | None = Moment(default=None)
    sealed: bytes
    """Login, match, before-image, and what was done to the account."""


class ManualStep(SQLModel, table=True):
    """What a person does for one leaver in a system without an API. `due_at`: when the clock looks at it next."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    round: int = 1
    """How often it has been asked for from the start: once for the case, then again at the set interval."""
    asked_at: datetime | None = Moment(default=None)
    """When this round was first asked."""
    deadline: datetime | None = Moment(default=None)
    escalated_at: datetime | None = Moment(default=None)
    confirmed_at: datetime | None = Moment(default=None)
    """Answers this round where it is not before `asked_at`."""
    confirmed_by: str = ""
    sealed: bytes = b""
    """`steps.StepData`: who was asked, who confirmed, note, proof, what is in the way."""
    proof: bytes = b""
    """Sealed content of a small file handed in at the command line."""


class Restoration(SQLModel, table=True):
    """Giving one leaver's access to one system back: the unit of work of an undo. Its id is the `Access` row's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    done_at: datetime | None = Moment(default=None)
    sealed: bytes = b""
    """What came back per account, what cannot, and what is still to do."""


class Restriction(SQLModel, table=True):
    """Taking one leaver out of named groups of one system before the lock-out. Its id is the `Access` row's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    phase: str = "restrict"
    """`restrict`; `lift` once the case was called off and what was taken is given back."""
    done_at: datetime | None = Moment(default=None)
    """When a read last showed this phase complete."""
    sealed: bytes = b""
    """`restriction.RestrictionData`: which groups of which accounts, and what is in the way."""


class Clearance(SQLModel, table=True):
    """An administrator's account that may be locked, because others remained: those cleared remain for nobody else."""

    id: str = Field(primary_key=True)
    """`system:account`."""
    system: str = Field(index=True)
    account_id: str
    case_id: str = Field(foreign_key="case_.id", index=True)
    at: datetime = Moment()


class Headcount(SQLModel, table=True):
    """How many people a system had when it was last asked."""

    system: str = Field(primary_key=True)
    number: int
    read_at: datetime = Moment()


class Link(SQLModel, table=True):
    """A person's word that an account is somebody's, or (no account) that they have none in that system."""

    __table_args__ = (sa.UniqueConstraint("person_key", "system", "account_id"),)
    id: str = Field(primary_key=True)
    person_key: str = Field(index=True)
    """The case's `leaver_key`: later cases of the same person find it."""
    system: str
    account_id: str = ""
    by: str
    at: datetime = Moment()
    wrapped_key: bytes
    sealed: bytes
    """The account's log-in."""


class Proposal(SQLModel, table=True):
    """One version of the split of a client book, as it was shown to those who decide."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    version: int
    digest: str
    state: str = Field(index=True)
    created_at: datetime = Moment()
    settled_at: datetime | None = Moment(default=None)
    settled_by: str = ""
    note: str = ""
    sealed: bytes = b""
    """Shares, the successors' accounts, why this version exists, who settled it and with what words."""


class Decision(SQLModel, table=True):
    """One person's verdict on one exact digest."""

    __table_args__ = (
        sa.UniqueConstraint("proposal_id", "decided_by"),
        sa.Index(
            "one_person_once",
            "proposal_id",
            "person",
            unique=True,
            sqlite_where=sa.text("person <> ''"),
            postgresql_where=sa.text("person <> ''"),
        ),
        sa.Index(
            "one_seat_once",
            "proposal_id",
            "seat",
            unique=True,
            sqlite_where=sa.text("seat <> ''"),
            postgresql_where=sa.text("seat <> ''"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    proposal_id: str = Field(foreign_key="proposal.id", index=True)
    digest: str
    decided_by: str
    approve: bool
    decided_at: datetime = Moment()
    reason: str = ""
    request_id: str = Field(default="", index=True)
    person: str = ""
    """Keyed hash of who decided, the same for all accounts of one address. Empty: it was found void."""
    seat: str = ""
    """Keyed hash of whose word it is: the same, or who delegated it. Empty: it was found void."""
    void: str = ""
    """Why it does not count any more, or empty."""
    sealed: bytes = b""
    """Who decided, for whom, and with what words."""


class ApprovalRequest(SQLModel, table=True):
    """Asking one role to agree to one proposal. `due_at`: when the clock looks at it next."""

    id: str = Field(primary_key=True)
    """`proposal#role`."""
    proposal_id: str = Field(foreign_key="proposal.id", index=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    role: str
    """`manager`, a rule's name, or `receiver` with a hash of whose share it is."""
    need: int = 1
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    result: str = RequestState.WAITING
    asked_at: datetime = Moment()
    reminded_at: datetime | None = Moment(default=None)
    escalated_at: datetime | None = Moment(default=None)
    expires_at: datetime | None = Moment(default=None)
    settled_at: datetime | None = Moment(default=None)
    sealed: bytes = b""
    """`requests.Asked`: who is wanted, who was told when, and what is in the way. Empty: the case's approver alone."""


class Delegation(SQLModel, table=True):
    """One person's word that another decides for them while they are away."""

    id: str = Field(primary_key=True)
    from_id: str = Field(index=True)
    to_id: str
    since: datetime = Moment()
    until: datetime = Moment()
    made_at: datetime = Moment()
    made_by: str
    ended_at: datetime | None = Moment(default=None)
    ended_by: str = ""
    wrapped_key: bytes
    sealed: bytes
    """The two people's names and addresses, and a note."""


class Revision(SQLModel, table=True):
    """What an edit changed between two versions of a proposal, for those who still look at the older one."""

    id: str = Field(primary_key=True, foreign_key="proposal.id")
    previous: str = Field(foreign_key="proposal.id", index=True)
    sealed: bytes
    """Which clients, from whom to whom: the first ones by name, and how many in all."""


class Book(SQLModel, table=True):
    """The handing over of one leaver's records in one system: the unit of work of the client track."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    """planned -> due (list) -> planned (wait for decision) -> due (move) -> done."""
    phase: str = "list"
    """`list`, `decide`, `move`, `done`."""
    due_at: datetime = Moment()
    attempt: int = 0
    runner: str = ""
    """Who took this attempt up last: of two at work on it at once, only this one's writes count."""
    reason: str = ""
    counts_before: str = "{}"
    """JSON: `{owner: {kind: count}}` for leaver and successors, right before the first move."""
    counts_after: str = "{}"
    sealed: bytes = b""
    """Why records stay with the leaver, in the vendor's words, counted by kind: `handover.remarks`."""
    halted: str = ""
    """`paused` or `stopped` by a person, or empty."""
    halted_by: str = ""
    halted_at: datetime | None = Moment(default=None)


class Assignment(SQLModel, table=True):
    """One record and whom it goes to. `owner` is who had it when the proposal was made: the before-image."""

    __table_args__ = (
        sa.Index("assignment_work", "case_id", "system", "state", "id"),
        sa.Index("assignment_clients", "proposal_id", "system", "family", "id"),
    )
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    proposal_id: str | None = Field(default=None, foreign_key="proposal.id", index=True)
    """The version that named it last. None: it stays (`excluded`), and nobody was asked. A draft: being gathered."""
    system: str
    record_id: str
    kind: str
    family: str
    owner: str
    successor: str
    """Key of the successor within the case's sealed data."""
    state: str = Field(default=AssignmentState.PROPOSED)
    owner_after: str = ""
    moved_at: datetime | None = Moment(default=None)
    sealed: bytes
    """Name, family name, value, currency, stage, whether open."""


class PutBack(SQLModel, table=True):
    """Giving records of one system back to the leaver: the unit of work of an undone handover. Its id is the book's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    reason: str = ""
    asked_by: str
    asked_at: datetime = Moment()
    done_at: datetime | None = Moment(default=None)


class Leave(SQLModel, table=True):
    """The way back of a handover for a time: from `due_at` on somebody is asked whether the clients go back."""

    id: str = Field(primary_key=True)
    """The case's id."""
    case_id: str = Field(foreign_key="case_.id", index=True)
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    return_on: datetime = Moment()
    keeps_access: bool
    asked_at: datetime | None = Moment(default=None)
    answered_at: datetime | None = Moment(default=None)
    answered_by: str = ""
    answer: str = ""
    """`put back` or `stay`; empty: nobody has said, and nothing happens."""


class TenantPace(SQLModel, table=True):
    """When the next request may be sent to one system: one vendor's limit, shared by all processes."""

    id: str = Field(primary_key=True)
    """The system's name in the configuration."""
    next_at: datetime = Moment()


class Exclusion(SQLModel, table=True):
    """Clients that a person took out of a proposal: they stay with the leaver, and this is why."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    proposal_id: str
    """The version that they were taken out of."""
    by: str
    at: datetime = Moment()
    sealed: bytes
    """The reason, who gave it, how many clients, and how many records of each kind in each system."""


class Allotment(SQLModel, table=True):
    """Which client of a case goes to whom, as a file said when the case was opened."""

    id: str = Field(primary_key=True)
    """The case's id."""
    case_id: str = Field(foreign_key="case_.id", index=True)
    sealed: bytes


class ExportSnapshot(SQLModel, table=True):
    """What the leaver took out, as the systems' own logs had it at one moment."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    moment: str
    """`notice`, `lock`, or `day N`."""
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    taken_at: datetime | None = Moment(default=None)
    pseudonym: str
    sealed: bytes = b""


class FollowUp(SQLModel, table=True):
    """A dated check of one case."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    day: int
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    done_at: datetime | None = Moment(default=None)
    sealed: bytes = b""
    """What was seen, a sentence per system."""


class AuditRun(SQLModel, table=True):
    """The daily check of every past leaver in every system. One a day, across replicas, by its key."""

    id: str = Field(primary_key=True)
    """`audit-YYYY-MM-DD` in the company's time zone."""
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = Moment()
    attempt: int = 0
    started_at: datetime | None = Moment(default=None)
    finished_at: datetime | None = Moment(default=None)
    result: str = "{}"


class Finding(SQLModel, table=True):
    """Something that must be acted on; opened once, closed once."""

    __table_args__ = (
        sa.Index(
            "one_open_finding",
            "key",
            unique=True,
            sqlite_where=sa.text("closed_at is null"),
            postgresql_where=sa.text("closed_at is null"),
        ),
    )
    id: str = Field(primary_key=True)
    key: str = Field(index=True)
    """`kind:account` or the like: what makes it the same finding tomorrow."""
    case_id: str | None = Field(default=None, foreign_key="case_.id", index=True)
    """None: it is about nobody's case (an orphan). Such a finding has a key of its own."""
    kind: str
    system: str
    account_id: str = ""
    first_seen: datetime = Moment()
    last_seen: datetime = Moment()
    seen_by: str
    """Which audit or follow-up saw it first."""
    closed_at: datetime | None = Moment(default=None)
    closed_by: str = ""
    note: bytes = b""
    """Sealed `findings.FindingNote`, under the case's key or the finding's own."""
    wrapped_key: bytes = b""
    """The finding's own key, where it has no case or the case's key does not open; else empty."""
    taken_at: datetime | None = Moment(default=None)
    taken_by: str = ""
    accepted_until: datetime | None = Moment(default=None)
    """Until then it is listed apart; afterwards it is open as before."""
    accepted_by: str = ""
    escalated_at: datetime | None = Moment(default=None)
    """When it was said to administrators and security in person, because nobody had taken it."""
    relocked_at: datetime | None = Moment(default=None)
    """When the bot itself last locked the account again, by policy."""


class Reading(SQLModel, table=True):
    """The last sweep of one system, for all its accounts at once.

    A sweep writes an account's own row only where something changed: an account read as before was read at `read_at`.
    """

    system: str = Field(primary_key=True)
    read_at: datetime | None = Moment(default=None)
    """When the last sweep that read every account began."""
    failed_at: datetime | None = Moment(default=None)
    """When a sweep began that could not read everything, until a whole one follows: nothing older counts as known."""
    problem: str = ""


class Post(SQLModel, table=True):
    """Something that people are shown, kept up to date in place: due while `shown` is behind `wanted`."""

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of the row that the post shows."""
    case_id: str = ""
    channel: str
    """A channel's or a person's id; after the first delivery the conversation that it went to."""
    thread_of: str = ""
    """Id of the post in whose thread this one stands, or empty."""
    ts: str = ""
    wanted: int = 1
    shown: int = 0
    next_try_at: datetime | None = Moment(default=None)
    problem: str = ""
    claimed_by: str = ""
    """The process that is showing it just now, or empty."""
    claimed_until: datetime | None = Moment(default=None)
    """By the database's clock; a claim that is older binds nobody."""
    tries: int = 0
    """How often somebody set out to show it while it had no message: after the first, one may be there all the same."""


class Replica(SQLModel, table=True):
    """One process among several on the same PostgreSQL, from its start until it is seen to be dead."""

    id: str = Field(primary_key=True)
    """New at every start; the engine's executor id."""
    host: str
    pid: int
    started_at: datetime = Moment()
    beat_at: datetime = Moment()
    """Last sign of life, by the database's clock."""


class JournalEntry(SQLModel, table=True):
    """One line of the record. `seq`, `prev` and `hash` are the sealer's, set once within a second."""

    __tablename__ = "journal"
    id: str = Field(primary_key=True)
    at: datetime = Moment()
    actor: str
    action: str
    case_id: str = Field(default="", index=True)
    data: str = "{}"
    """JSON without personal data."""
    sealed: bytes = b""
    """Personal data, under the case's key; the hash covers the ciphertext, so the chain outlives the key."""
    seq: int | None = Field(default=None, unique=True, index=True)
    prev: str = ""
    hash: str = ""


class JournalHead(SQLModel, table=True):
    """The chain's head at one moment, signed with Ed25519."""

    seq: int = Field(primary_key=True)
    hash: str
    signed_at: datetime = Moment()
    signature: str
    public_key: str
