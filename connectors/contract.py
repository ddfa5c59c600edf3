"""What a connector promises: protocols and value types. Workflows import this module and `errors`, nothing else.

A connector class lists the capabilities that it really has in its header, and that header is the only declaration of
them: the plan, the README table and the conformance suites are derived from it (docs/decisions/0003).
All times are aware UTC datetimes. All methods may raise the six errors of `connectors.errors` and no other exception
for anything that the outside system does.

Long because it is the whole promise: who writes a connector reads this one page.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType, Protocol

from pydantic import BaseModel

from config.text import _

AccountId = NewType("AccountId", str)
"""Stable id of an account in one system (LDAP entryUUID, Tryton user id): survives renames, never a name."""
GroupId = NewType("GroupId", str)
RecordId = NewType("RecordId", str)
"""Id of one client record, unique in its system over all kinds: `"<kind>:<id>"` where the vendor's ids are per kind."""


class Verdict(StrEnum):
    """What a fresh read says of an account. Nothing else is ever reported."""

    LOCKED = "locked"
    OPEN = "open"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Change(StrEnum):
    """What a write did. Repeating a write is never an error."""

    MADE = "made"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to look for. `name` is for display only: nobody is ever looked up by name."""

    name: str
    emails: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """An account's state as read before a write: what a lock expects to find, and what an unlock restores."""

    account: AccountId
    state: Mapping[str, str] = field(repr=False)
    """May hold what restores a password (a hash): never shown, encrypted wherever it is kept."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as a lookup saw it."""

    id: AccountId
    login: str
    name: str
    verdict: Verdict
    matched_by: str
    """Which attribute matched, for people to judge the match: `mail`, `uid`, `login`."""
    email: str = ""
    title: str = ""
    manager_email: str = ""
    """The line manager's address where the system knows it, else empty."""
    before: BeforeImage | None = None
    """What `lock` expects to find, where this lookup has read it already: it spares a call while somebody waits."""
    last_login: datetime | None = None
    """The last log-in where the system tells it when it lists everybody; some only tell to within two weeks."""
    also: tuple[str, ...] = ()
    """Further addresses of the account, where the system keeps several."""
    protected: str = ""
    """Why `lock` would leave it alone, as a sentence for the plan; empty where it would not."""

    @property
    def names(self) -> tuple[str, ...]:
        """By what somebody may mean this account: id, log-in, every address."""
        return tuple(filter(None, (self.id, self.login, self.email, *self.also)))


@dataclass(frozen=True, slots=True)
class Lookup:
    """Every account that matched, and how it was looked up; no accounts means absent, said with `how`."""

    accounts: tuple[Account, ...]
    how: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a fresh read says of one account. `reason` explains `unknown` and `open`; `how` names what was read."""

    verdict: Verdict
    how: str
    reason: str = ""


class Login(StrEnum):
    """What a log-in attempt with a password only we know was answered, right after the lock."""

    REFUSED = "refused"
    ACCEPTED = "accepted"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Locked:
    """What `lock` did. It is not a verdict: that comes from `observe`, and never beside `Login.ACCEPTED`."""

    change: Change
    login: Login
    detail: str = ""
    not_done: tuple[str, ...] = ()
    """What beside the lock itself was not done, as sentences: a password that stayed, a move that was refused."""


@dataclass(frozen=True, slots=True)
class Group:
    id: GroupId
    name: str
    parent_groups: tuple[str, ...] = ()
    """Names of the groups that this one is nested in: who leaves it leaves them, where nothing else leads there."""
    fixed: str = ""
    """Why the vendor lets nobody leave this group, as a sentence; empty where it does."""


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    name: str
    outlives_user: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a client book. `family` joins records that stay together (a company and its deals)."""

    id: RecordId
    kind: str
    """The vendor's own record type, singular: `opportunity`, `account`, `contact`, `lead`, `task`."""
    name: str
    owner: AccountId
    family: str
    family_name: str
    value: Decimal = Decimal(0)
    currency: str = ""
    open: bool = True
    """Whether work on it goes on (an open deal or task), as against kept for the record."""
    stage: str = ""
    co_owners: tuple[AccountId, ...] = ()
    fixed: str = ""
    """Why the vendor lets nobody change the owner, as a sentence, or empty. Such a record is not proposed."""
    sensitivity: str = ""
    """How sensitive the client is, in the company's own word, where the system has one."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """What else a split may go by, where the system has it: `segment`, `language` (`fr`), `region` (`FR`).

    Of several values (a client in two segments) all count; they stand in one text, with `;` between them.
    """


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """Move one record. `owner` is the owner that the caller expects now; anything else is not overwritten."""

    record: RecordId
    owner: AccountId
    successor: AccountId


class MoveOutcome(StrEnum):
    """`moved` means that a fresh read shows the successor as owner, whoever wrote it (repeating is not an error)."""

    MOVED = "moved"
    TAKEN = "taken by another"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Moved:
    record: RecordId
    outcome: MoveOutcome
    owner: AccountId | None
    """The owner that was read back, or None where the record is gone or has none."""
    change: Change | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExportEvent:
    """One export as the system's own log has it. `records` is None where the log does not say how many."""

    at: datetime
    actor: str
    what: str
    """The record type exported."""
    records: int | None
    record_ids: frozenset[str] = frozenset()
    """Ids of the exported records, where the log has them all; for counting distinct records over chunks."""
    detail: str = ""


class RateLimiter(Protocol):
    """The vendor's limit on requests, as every process of one tenant shares it."""

    @abstractmethod
    def take(self) -> float:
        """Take leave for one request; return the seconds to wait before it is sent.

        Raises `Unavailable` where that would be long.
        """

    @abstractmethod
    def hold(self, wait: timedelta | None) -> None:
        """Let nobody send anything for so long: the vendor said that it was too much; None where it did not say."""


class Connector(Protocol):
    """Every connector. One instance may be used by several threads at once."""

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request from now on. A kind that cannot be limited so leaves this out."""
        del pace

    def has_limitation(self, words: str) -> bool:
        """Whether one of its kind's sentences (`Manifest.cannot`) holds for this very system; mostly all of them do."""
        del words
        return True

    @abstractmethod
    def check(self) -> str:
        """Prove address and credential with one cheap authenticated read; return a line on what answered."""

    @abstractmethod
    def close(self) -> None:
        """Give up connections. Never raises."""


class Accounts(Connector, Protocol):
    """Find, watch, lock and unlock accounts."""

    @abstractmethod
    def find(self, person: Person) -> Lookup:
        """Return every account that matches any address or log-in of `person`; of several, a human chooses."""

    @abstractmethod
    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many accounts in few calls; every id asked for is in the answer (gone ones as `absent`)."""

    @abstractmethod
    def before(self, account: AccountId) -> BeforeImage:
        """Read what `lock` would change. Raises `Missing` where the account is not there."""

    @abstractmethod
    def lock(self, before: BeforeImage) -> Locked:
        """Disable, reversibly, never delete. Raises `Conflict` unless the account is as `before`, or locked already."""

    @abstractmethod
    def unlock(self, before: BeforeImage) -> Change:
        """Put the account back as `before` has it, as far as the vendor allows."""

    def lost(self, before: BeforeImage) -> tuple[str, ...]:
        """Return, as sentences, what `unlock` of this before-image cannot bring back.

        By convention a password's hash is kept as `password`, empty where it could not be read.
        """
        gone = before.state.get("password") == ""
        return (_("the password: its hash could not be read, so a new one must be set"),) if gone else ()

    def own_account(self) -> str:
        """Return the log-in or id of the account that Handover itself uses there, or empty: it is never locked."""
        return ""

    def use_lock_history(self, locked: Callable[[AccountId], bool]) -> None:
        """Take a way to ask whether a lock of ours is on record, over restarts: where a lock makes accounts vanish."""
        del locked  # most systems keep an account that is locked

    def headcount(self) -> int | None:
        """Return how many people's accounts there are, or None where the system cannot tell."""
        return None


class Roster(Connector, Protocol):
    """List everybody: what an audit needs to read very many at once, and to find accounts that no case knows."""

    @abstractmethod
    def locked(self) -> Collection[AccountId]:
        """Return the id of every account that a read shows locked now; who is not named is not said to be anything."""

    @abstractmethod
    def everyone(self) -> Iterator[Account]:
        """Stream every account, locked ones included. An answer cut short raises; it never ends early in silence."""

    def alive(self) -> Iterator[Account]:
        """Stream every account that is open, at the least; a system that can filter spares reading all others."""
        return (one for one in self.everyone() if one.verdict is Verdict.OPEN)


class Trace(Connector, Protocol):
    """Tell who changed an account: what an audit says of one that was opened again."""

    @abstractmethod
    def changed_by(self, account: AccountId, since: datetime) -> str:
        """Return who changed the account last and when, in words, or empty where that was before `since` or us."""


class Sessions(Connector, Protocol):
    """End what a lock alone leaves running."""

    @abstractmethod
    def sessions(self, account: AccountId) -> int:
        """Return how many sessions the system holds open for the account now."""

    @abstractmethod
    def end(self, account: AccountId) -> Change:
        """End all sessions of the account; `ALREADY` where none was open."""


class Tokens(Connector, Protocol):
    """Personal tokens, OAuth grants and webhooks that may outlive the user."""

    @abstractmethod
    def tokens(self, account: AccountId) -> Sequence[Token]:
        """List live tokens of the account."""

    @abstractmethod
    def revoke(self, account: AccountId, token: str) -> Change:
        """Revoke one token."""


class Groups(Connector, Protocol):
    """Memberships."""

    @abstractmethod
    def groups(self, account: AccountId) -> Sequence[Group]:
        """List the groups that the account is a direct member of."""

    @abstractmethod
    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Take the account out of one group; every other member stays."""

    @abstractmethod
    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Put the account back into one group."""


class ClientBook(Connector, Protocol):
    """The records that an account owns. Owners are named by `AccountId`; a connector maps to the vendor's owner ids."""

    @abstractmethod
    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Return how many records of each kind the account owns, kinds with none included."""

    @abstractmethod
    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream every record that the account owns, whatever its stage."""

    @abstractmethod
    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read the present owner of many records in few calls; a record that is gone is not in the answer."""

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read everybody who owns each record, where the vendor lets several own one alike; else its one owner."""
        return {record: (owner,) if owner else () for record, owner in self.owners(records).items()}

    @abstractmethod
    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Give records to successors; one outcome per assignment, in order, from a read after the write.

        Never takes a record from anyone but the expected owner; never leaves one without an owner; co-owners, teams,
        stages and history stay. A successor who is inactive or cannot own records: `refused`, and nothing written.
        """


class ExportLog(Connector, Protocol):
    """What a person took out, from the system's own log."""

    @abstractmethod
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        """Stream the account's exports with `since <= at < until`, oldest first."""

    @abstractmethod
    def client_base(self) -> int:
        """Return how many client records there are in all, for the share that was taken."""


@dataclass(frozen=True, slots=True)
class ManualWork:
    """What somebody is asked to do where no program can: the words, who, by when, and what counts as done."""

    title: str
    instructions: str
    assignee: str
    """Slack id of a person or of a user group."""
    due: timedelta
    """How long after the case takes effect it must be done."""
    remind: timedelta
    """How often it is asked again while nobody answers."""
    escalate_to: str
    """Slack id of a person, a user group or a channel; empty: security's channel."""
    needs_file: bool
    """Whether a file or a link to one is needed beside the note."""
    ask_again: timedelta
    """How long a confirmation stands before somebody is asked to look again."""


class ByHand(Connector, Protocol):
    """A system without an API. Not a capability: nothing is read, so no verdict but `unknown` ever comes of it."""

    @property
    @abstractmethod
    def work(self) -> ManualWork:
        """What a person does there."""


class Administrators(Connector, Protocol):
    """Who has full power there, so that the last one of them is never locked."""

    @abstractmethod
    def administrators(self, group: str) -> Sequence[Account]:
        """Return everybody in the group with this name or id, through groups within it too, with their verdicts.

        With an empty `group`: in the one that the system itself gives full power, or nobody where it tells of none.
        Raises `Missing` where there is no such group, and never returns a part of it.
        """


CAPABILITIES: tuple[type, ...] = (
    Accounts,
    Sessions,
    Tokens,
    Groups,
    ClientBook,
    ExportLog,
    Roster,
    Trace,
    Administrators,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vendor says and no call can discover; each figure's source stands in the connector's README."""

    session_lag: timedelta = timedelta(0)
    """How long a session may go on working after the lock."""
    export_lag: timedelta = timedelta(0)
    export_retention: timedelta | None = None
    """How far back the export log reaches; None: as far as the operator keeps it."""
    move_batch: int = 100
    """Records in one `move` call."""
    move_at_once: int = 1
    """`move` calls that may be on their way at the same time."""
    requests: int = 0
    """Requests of any kind that the tenant may send within any `window`; 0: the vendor publishes no limit."""
    window: timedelta = timedelta(seconds=10)
    observe_batch: int = 500
    """Accounts in one `observe` call."""
    connections: int = 10
    """Requests that may be on their way at one time; ours, where the vendor names no number. The connector keeps to it
    (`connectors.http.Api` does): slightly more lock-outs than that are under way."""

    def narrowed(self, requests: int = 0, window: timedelta | None = None, records: int | None = None) -> "Limits":
        """Return what holds for one system: the limit on requests that it has itself, and no more records at once."""
        own = replace(self, requests=requests, window=window) if requests and window else self
        return replace(own, move_batch=min(own.move_batch, records or own.move_batch))


@dataclass(frozen=True, slots=True)
class Manifest:
    """One kind of system: its name in `[systems.x] kind`, its class, its settings, and what it cannot do."""

    kind: str
    title: str
    connector: type[Connector]
    settings: type[BaseModel]
    limits: Limits = Limits()
    cannot: tuple[str, ...] = field(default=())
    """What the vendor has no way to do, as sentences for the plan, said before anyone confirms."""

    @property
    def capabilities(self) -> tuple[type, ...]:
        """The capability protocols in the class's own header and ancestry (never a structural guess)."""
        return tuple(c for c in CAPABILITIES if c in self.connector.__mro__)
