"""The contract of all connectors: protocols and value types. Workflows import this module and `errors`, nothing else.

A connector class lists its capabilities in its header. That header is the only declaration of them: the plan, the
README table and the conformance suites are derived from it (docs/decisions/0003). All times are aware UTC datetimes.
For anything that the outside system does, a method raises one of the six errors of `connectors.errors`.

Long because it is the whole contract: the author of a connector reads this one page.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType, Protocol

from pydantic import BaseModel

from config.text import N_, _

CONTRACT = 1
"""Version of this contract. It rises with each change that breaks a connector of another package."""

AccountId = NewType("AccountId", str)
"""Stable id of an account in one system (LDAP entryUUID, Tryton user id): survives renames, never a name."""
GroupId = NewType("GroupId", str)
RecordId = NewType("RecordId", str)
"""Id of one client record, unique in its system over all kinds: `"<kind>:<id>"` where the vendor's ids are per kind."""
DutyId = NewType("DutyId", str)
"""Id of one duty, unique in its system over all kinds, and the same at each read."""
LicenceId = NewType("LicenceId", str)
"""Id of one licence of an account, unique in its system, and the same at each read."""


class Verdict(StrEnum):
    """The result of a fresh read of an account. Nothing else is ever reported."""

    LOCKED = N_("locked")
    OPEN = N_("open")
    ABSENT = N_("absent")
    UNKNOWN = N_("unknown")


class Change(StrEnum):
    """The result of a write. Repeating a write is never an error."""

    MADE = "made"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Person:
    """A person to look up by address and log-in. `name` is for display only, never for a lookup."""

    name: str
    emails: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    employee_number: str = ""
    """Number in the company's directory. An account that matches by it alone is asked about, never taken."""


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """An account's state before a write. A lock expects to find it, and an unlock restores it."""

    account: AccountId
    state: Mapping[str, str] = field(repr=False)
    """May hold a password's hash: never shown, and encrypted wherever it is kept."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account, as a lookup found it."""

    id: AccountId
    login: str
    name: str
    verdict: Verdict
    matched_by: str
    """The attribute that matched (`mail`, `uid`, `login`), so that people can judge the match."""
    email: str = ""
    title: str = ""
    manager_email: str = ""
    """The line manager's address where the system knows it, else empty."""
    before: BeforeImage | None = None
    """The before-image for `lock`, if this lookup has read it already. It saves a call."""
    last_login: datetime | None = None
    """The last log-in, if the system lists it; some systems are up to two weeks late."""
    also: tuple[str, ...] = ()
    """Further addresses of the account."""
    logins: tuple[str, ...] = ()
    """Further log-ins of the account."""
    employee_number: str = ""
    protected: str = ""
    """Reason for which `lock` would refuse the account, as a sentence for the plan; else empty."""
    unusable: str = ""
    """Reason for which nobody can log in to an open account now, such as its expiry; such an administrator is none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names by which a setting may mean this account: id, log-in, every address."""
        return tuple(filter(None, (self.id, self.login, self.email, *self.also, *self.logins)))


@dataclass(frozen=True, slots=True)
class Lookup:
    """All accounts that matched, and how they were looked up. No accounts means `absent`."""

    accounts: tuple[Account, ...]
    how: str
    doubts: tuple[str, ...] = ()
    """Reasons, as sentences, for which no accounts is no proof of absence: an incomplete answer, a candidate."""
    hidden: tuple[str, ...] = ()
    """Further accounts of the person that we do not see and somebody else does, as sentences."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of a fresh read of one account. `reason` explains `unknown` and `open`; `how` names the source."""

    verdict: Verdict
    how: str
    reason: str = ""
    hidden: bool = False
    """True if `locked` is concluded from an account that the system no longer shows. It needs the proof of `absent`."""


@dataclass(frozen=True, slots=True)
class Residual:
    """Access that outlives a lock for a time and cannot be ended: tickets, open connections."""

    what: str
    """Plural noun for people: `tickets and open connections`."""
    lasts: timedelta
    """Time after the lock for which it may work at most."""


class Login(StrEnum):
    """The answer to a log-in with a password that only Handover knows, right after the lock."""

    REFUSED = "refused"
    ACCEPTED = "accepted"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Locked:
    """The result of `lock`. It is no verdict: `observe` gives that. After `Login.ACCEPTED` it is never `locked`."""

    change: Change
    login: Login
    detail: str = ""
    not_done: tuple[str, ...] = ()
    """Steps beside the lock that failed, and what it leaves there, as sentences: a password that stayed, a key."""


@dataclass(frozen=True, slots=True)
class Group:
    id: GroupId
    name: str
    parent_groups: tuple[str, ...] = ()
    """Names of the groups that this one is nested in. Leaving it leaves them, unless another group leads there."""
    fixed: str = ""
    """Reason for which the vendor lets nobody leave this group, as a sentence; else empty."""
    licence: bool = False
    """True if the membership is a licence. Where a stage reclaims licences, the lock-out leaves it to that stage."""


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    name: str


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
    """True for an open deal or task; false for a record that is only kept."""
    stage: str = ""
    co_owners: tuple[AccountId, ...] = ()
    fixed: str = ""
    """Reason for which the vendor lets nobody change the owner, as a sentence, or empty. It is then not proposed."""
    sensitivity: str = ""
    """The client's sensitivity tier, in the company's own word, if the system has one."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """Further values for a split, if the system has them: `segment`, `language` (`fr`), `region` (`FR`).

    Several values stand in one text, separated by `;`. All of them count.
    """
    owner_pool: str = ""
    """The accounts that can own the record, in the connector's own word, such as a company. Empty: any open account.

    `ClientBook.owner_faults` tells who belongs to a pool.
    """


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """Move one record. `owner` is the owner that the caller expects now; anything else is not overwritten."""

    record: RecordId
    owner: AccountId
    successor: AccountId


class MoveOutcome(StrEnum):
    """The result for one record. `moved`: a fresh read shows the successor as owner, whoever wrote it."""

    MOVED = "moved"
    WAITING = "waiting"
    """The system accepted the order, and a read still shows the old owner. It is never counted as moved."""
    TAKEN = "taken by another"
    GONE = "gone"
    REFUSED = "refused"
    """The vendor's rules refuse it: a right, a licence, a validation."""
    OBJECTED = "objected"
    """The client, or a person whom the vendor asks, said no."""


@dataclass(frozen=True, slots=True)
class Moved:
    record: RecordId
    outcome: MoveOutcome
    owner: AccountId | None
    """The owner that was read back; None if the record is gone or has none."""
    change: Change | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExportEvent:
    """One export from the system's own log. `records` is None if the log does not give the number."""

    at: datetime
    actor: str
    what: str
    """The record type exported."""
    records: int | None
    record_ids: frozenset[str] = frozenset()
    """Ids of the exported records, if the log has them all. Distinct records are counted over several exports."""
    detail: str = ""


class DutyKind(StrEnum):
    """The relation of a duty to its account, worst first."""

    RUNS = "runs"
    """It acts with the account's rights: a job, a flow, an integration, a webhook, a service."""
    ROUTES = "routes"
    """It sends new work to the account: a queue, a rotation, a rule, a default assignee, a fallback recipient."""
    OWNED = "owned"
    """The account answers for it: owner or administrator of a group, a list, a device, a role."""
    NAMED = "named"
    """It names the account and does nothing itself: the manager of an employee, a contact."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that runs, routes or is owned in an account's name, or points to it.

    It is never a record of a client book, a token or a membership: those have capabilities of their own.
    """

    id: DutyId
    kind: DutyKind
    what: str
    """The vendor's own type or field, singular: `managedBy`, `workflow`, `queue`."""
    title: str
    """Its name, as the system's users read it."""
    place: str = ""
    """The place where it acts, as the system names it: a DN, a company, an object, an address that is called."""
    stops: bool | None = None
    """True if it stops with the lock, false if it goes on, None if the vendor does not say."""
    fixed: str = ""
    """Reason for which the vendor lets nobody give it to somebody else, as a sentence; else empty."""
    active: bool = True
    """False if it is switched off now. It may be switched on again, so it is listed all the same."""


class DutyAct(StrEnum):
    """An act that a system offers for a duty."""

    GIVE = "give"
    """Put another account in the leaver's place."""
    STOP = "stop"
    """Take the leaver out, or switch it off. It deletes nothing that `put_back` could not restore."""


@dataclass(frozen=True, slots=True)
class DutyImage:
    """The state of a duty before a write. A write expects to find it, and `put_back` restores it."""

    duty: DutyId
    account: AccountId
    state: Mapping[str, str] = field(repr=False)
    acts: frozenset[DutyAct] = frozenset()
    """Acts that the system offers for this duty now. For others a person acts there, and Handover reads."""
    why_not: str = ""
    """Reason, as a sentence, for which an act is not offered; else empty."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One paid seat of an account."""

    id: LicenceId
    name: str
    """Its name, as the system's users read it."""
    through: str = ""
    """Name of the group that gives it; empty if it is assigned directly."""
    fixed: str = ""
    """Reason for which nobody can take it from the account, as a sentence; else empty."""


class Act(StrEnum):
    """An act on a leaver's account, as `Effect` names it, in the order in which a case does them."""

    LOCK = "lock"
    REVOKE_TOKENS = "revoke tokens"
    LEAVE_GROUPS = "leave groups"
    CHANGE_DUTIES = "change duties"
    MOVE_RECORDS = "move records"
    DEACTIVATE = "deactivate"
    RECLAIM_LICENCES = "reclaim licences"


class Subject(StrEnum):
    """A list of an account that an act may destroy or blind."""

    SESSIONS = "sessions"
    TOKENS = "tokens"
    GROUPS = "groups"
    DUTIES = "duties"
    RECORDS = "records"
    ACTIVITIES = "activities"
    EXPORTS = "exports"
    LICENCES = "licences"


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect of an act on a list. The case reads the list before the act, and never afterwards.

    `destroys`: what the list names is gone for good. A legal hold stops such an act. Otherwise the act blinds: the list
    cannot be read afterwards. In both cases the list is `unknown` after the act, never empty.
    """

    act: Act
    subject: Subject
    why: str
    """The vendor's rule, as a sentence for the plan."""
    destroys: bool = False


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason for which the vendor will refuse an act, found by reading."""

    act: Act
    why: str
    """The reason, as a sentence."""
    remedy: str = ""
    """The act that ends it, as a sentence: what a person can do, and where. Empty if nobody can."""


class IntroductionWay(StrEnum):
    """The way in which a system introduces a successor."""

    TASK = N_("task")
    """A task for the successor, with the text. The client reads nothing before the successor writes or calls."""
    MESSAGE = N_("message")
    """A message with the text, which the system sends to the client."""


class Introduction(StrEnum):
    """The state of an introduction of the successor to a client, as the system reads back."""

    SENT = N_("sent")
    """The system shows it with the client's record: a message that left, or a task for the successor."""
    WAITING = "waiting"
    """Accepted, and not to be read yet."""
    REFUSED = N_("refused")
    """The client has asked for no messages, or the vendor's rules refuse it."""
    BOUNCED = N_("bounced")
    """It could not be delivered, or the system does not show it any more."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """The result of one introduction. `id`: its id in the system, for a later read; empty if there is none."""

    client: RecordId
    state: Introduction
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClientActivity:
    """Activity on one client record since a day, from the system's own history."""

    record: RecordId
    contacted_at: datetime | None = None
    """The last call, meeting, message or task that somebody did with the client; None if there was none."""
    contacted_by: AccountId | None = None
    won: bool = False
    lost: bool = False
    """True if the record is a deal that was lost since then. Its value is `value` in `currency`."""
    value: Decimal = Decimal(0)
    currency: str = ""
    lost_at: datetime | None = None
    """The time of the loss, if the system keeps one; None: it is known only that it was since then."""
    unseen: str = ""
    """Reason, as a sentence, for which no contact in this answer is no proof that there was none; else empty."""


@dataclass(frozen=True, slots=True)
class LossRate:
    """Deals of all owners that were closed in a time, and those of them that were lost."""

    closed: int
    lost: int


class RateLimiter(Protocol):
    """The vendor's limit on requests, shared by every process of one tenant."""

    @abstractmethod
    def take(self) -> float:
        """Reserve one request; return the seconds to wait before sending it.

        Raises `Unavailable` if that would be long.
        """

    @abstractmethod
    def hold(self, wait: timedelta | None) -> None:
        """Stop all requests for that time, since the vendor refused one; None if it gave no time."""


class Recorder(Protocol):
    """Takes each request and its answer while a system is recorded. It keeps no value, only the form of each."""

    @abstractmethod
    def exchange(self, method: str, place: str, question: object, status: int | str, answer: object) -> None:
        """Take one exchange. `place`: a path with its query, or the base of a search. `status`: the vendor's."""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls since the start of the process, their seconds together, and refused or failed ones by kind of error."""

    calls: int
    seconds: float
    refusals: Mapping[str, int]


class Connections(Protocol):
    """The connections of one connector: `connectors.connections.ConnectionPool` is one."""

    @property
    def size(self) -> int:
        """The number of connections that may be open."""

    @property
    def wanted(self) -> int:
        """The number of connections that would be in use now if there were enough."""

    def resize(self, size: int) -> int:
        """Keep at most `size` open from now on; return how many are open at this moment."""

    def call_counts(self) -> CallCounts:
        """Return the counts of every call over these connections."""


class Connector(Protocol):
    """The part that every connector has. Several threads may use one instance at once."""

    def connections(self) -> Connections | None:
        """Return the connections, for several processes to share a system's limit. A kind without a limit has none."""
        return None

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request from now on. A kind without such a limit leaves this out."""
        del pace

    def has_limitation(self, words: str) -> bool:  # noqa: ARG002
        """Return whether a sentence of `Manifest.cannot` holds for this system."""
        return True

    def has_effect(self, effect: Effect) -> bool:  # noqa: ARG002
        """Return whether an effect of `Manifest.effects` holds for this system."""
        return True

    def blind_spots(self) -> Sequence[str]:
        """Return what this credential may not see, as sentences. `check` looks for exactly these."""
        return ()

    def shortfalls(self) -> Sequence[str]:
        """Return, as sentences, what is known to be there and is not seen: a fault, and no audit is good with it.

        It raises nothing.
        """
        return ()

    def use_recorder(self, recorder: Recorder) -> bool:  # noqa: ARG002
        """Give `recorder` each request from now on, and refuse each that would change something.

        Return False if this kind cannot do that. Then only the results of its calls are recorded.
        """
        return False

    @abstractmethod
    def check(self) -> str:
        """Prove address and credential with one cheap authenticated read; return a line about the server."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections. Never raises."""


class Accounts(Connector, Protocol):
    """Find, watch, lock and unlock accounts."""

    @abstractmethod
    def find(self, person: Person) -> Lookup:
        """Return every account that matches any address or log-in of `person`; of several, a human chooses."""

    @abstractmethod
    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read accounts as they are now, by their ids, whatever they are called. Gone ones are not in the answer."""

    @abstractmethod
    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many accounts in few calls; every id asked for is in the answer (gone ones as `absent`)."""

    @abstractmethod
    def before(self, account: AccountId) -> BeforeImage:
        """Read the state that `lock` would change. Raises `Missing` if there is no such account."""

    @abstractmethod
    def lock(self, before: BeforeImage) -> Locked:
        """Disable reversibly; never delete. Raises `Conflict` unless the account is as `before`, or locked already."""

    @abstractmethod
    def unlock(self, before: BeforeImage) -> Change:
        """Restore the account to `before`, as far as the vendor allows."""

    def related(self, person: Person) -> Sequence[Account]:  # noqa: ARG002
        """Return accounts that may be the person's beside those that match, for a person to judge.

        They share the employee number, or an address with a `+`, or differ by an administrator's or guest's affix. A
        system that cannot search for that leaves this out.
        """
        return ()

    def lost(self, before: BeforeImage) -> tuple[str, ...]:
        """Return the losses of an `unlock` with this before-image, as sentences.

        By convention a password's hash is kept as `password`. It is empty if it could not be read.
        """
        gone = before.state.get("password") == ""
        return (_("the password: its hash could not be read, so a new one must be set"),) if gone else ()

    def residual(self, account: AccountId) -> Residual | None:  # noqa: ARG002
        """Return the access that outlives the lock of an account, and that no call can end; None if there is none.

        It is asked for right after the lock. It lasts no time if a read shows that nothing is left of it.
        """
        return None

    def own_account(self) -> str:
        """Return the log-in or id of the account that Handover itself uses there, or empty. It is never locked."""
        return ""

    def use_lock_history(self, locked: Callable[[AccountId], bool]) -> None:
        """Take the function that tells whether Handover locked an account. Needed if a lock hides accounts."""
        del locked  # most systems keep an account that is locked

    def headcount(self) -> int | None:
        """Return the number of people's accounts, or None if the system cannot tell."""
        return None


class Roster(Connector, Protocol):
    """List all accounts. Audits need it to read many at once and to find accounts without a case."""

    @abstractmethod
    def locked(self) -> Collection[AccountId]:
        """Return the id of every account that a read shows locked now. An id that is missing has no verdict."""

    @abstractmethod
    def everyone(self) -> Iterator[Account]:
        """Stream every account, locked ones included. An answer that is cut short raises an error."""

    def alive(self) -> Iterator[Account]:
        """Stream at least every open account. A system that can filter need not read the others."""
        return (one for one in self.everyone() if one.verdict is Verdict.OPEN)


class Trace(Connector, Protocol):
    """Tell the actor who changed an account, for accounts that were opened again."""

    @abstractmethod
    def changed_by(self, account: AccountId, since: datetime) -> str:
        """Return the last change's actor and time, in words. Empty if it was before `since` or by Handover."""


class Sessions(Connector, Protocol):
    """End sessions that a lock alone leaves open."""

    @abstractmethod
    def sessions(self, account: AccountId) -> int:
        """Return the number of sessions that the account has open now."""

    @abstractmethod
    def end(self, account: AccountId) -> Change:
        """End all sessions of the account; `ALREADY` if none was open."""


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
        """Remove the account from one group; every other member stays, which a read after the write shows.

        `MADE` also if an earlier write, whose answer was lost, is compared only now.

        Raises `OthersTouched` if a read after the write shows that other members are gone.
        """

    @abstractmethod
    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add the account to one group again. Raises as `remove`."""


class ClientBook(Connector, Protocol):
    """The records that an account owns. Owners are named by `AccountId`; a connector maps to the vendor's owner ids."""

    @abstractmethod
    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Return the number of records of each kind that the account owns, kinds with none included."""

    @abstractmethod
    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream every record that the account owns, whatever its stage."""

    @abstractmethod
    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read the present owner of many records in few calls. A record that is gone is not in the answer."""

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read all owners of each record, if the vendor allows several; else its one owner."""
        return {record: (owner,) if owner else () for record, owner in self.owners(records).items()}

    @abstractmethod
    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        """Read why accounts cannot own records of these pools on a day, as sentences; an empty one: they can.

        Every account and every pool asked for is in the answer. `move` refuses for the same reasons.
        """

    @abstractmethod
    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Move records to successors; return one outcome for each order, in order, from a read after the write.

        Takes a record only from the expected owner, and never leaves one without an owner. Co-owners, teams, stages and
        history stay. A successor who is inactive or cannot own records gives `refused`, and nothing is written.

        `waiting` has the old owner, as a read shows it. The same order again finds the first one, and `owners` shows
        the successor once the system has carried it out.
        """


class ExportLog(Connector, Protocol):
    """Exports of a person, from the system's own log."""

    @abstractmethod
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        """Stream the account's exports with `since <= at < until`, oldest first."""

    @abstractmethod
    def client_base(self) -> int:
        """Return the number of all client records, for the share that was exported."""


class Duties(Connector, Protocol):
    """List duties, and change none: see docs/decisions/0015."""

    @abstractmethod
    def duties(self, account: AccountId) -> Iterator[Duty]:
        """Stream every duty of the account, each once, those that are switched off included.

        An answer that is refused or cut short raises an error, and so does one that a lock has blinded: fewer duties
        are never returned. Raises `Missing` if there is no such account.
        """

    def unseen_duties(self, account: AccountId) -> Sequence[str]:  # noqa: ARG002
        """Return, as sentences, the duties that `duties` may not see now. Others are listed all the same.

        What the vendor can never tell is in `Manifest.cannot`.
        """
        return ()


class DutyChanges(Duties, Protocol):
    """Give a duty to somebody else, or stop it. Both are reversible, and nothing else of the object changes."""

    @abstractmethod
    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read one duty as it is now. Raises `Missing` if the account has no such duty."""

    @abstractmethod
    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Put the successor in the account's place. Other holders stay.

        `ALREADY` if the successor has it, and the account no longer. Raises `Conflict` if it is not as `image`, and
        `Forbidden` if the successor cannot have it, or if the system does not offer the act. Raises `OthersTouched` if
        a read after the write shows that more has changed: the write was done.
        """

    @abstractmethod
    def stop(self, image: DutyImage) -> Change:
        """Take the account out, or switch the duty off. Other holders stay.

        `ALREADY` if it is so. Raises as `give`.
        """

    @abstractmethod
    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Restore the duty to `image`. `successor`: whom `give` put in the account's place; None after `stop`.

        `ALREADY` if it is as `image`. Raises `Conflict` if it is neither so nor as that write left it: somebody else
        has changed it since.
        """


class Licences(Connector, Protocol):
    """Paid seats of an account."""

    @abstractmethod
    def licences(self, account: AccountId) -> Sequence[Licence]:
        """List every seat of the account. Raises `Missing` if there is no such account."""

    @abstractmethod
    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        """Take one seat from the account; `ALREADY` if it has none. Other accounts keep theirs, as a read shows."""

    @abstractmethod
    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        """Give the seat back. Raises `Conflict` if no seat is free."""


class Deactivation(Connector, Protocol):
    """End an account after its lock, where the vendor has two steps: freeze first, deactivate later."""

    @abstractmethod
    def deactivated(self, account: AccountId) -> bool:
        """Read whether the account is deactivated. Raises `Missing` if there is no such account."""

    @abstractmethod
    def deactivate(self, account: AccountId) -> Change:
        """Deactivate reversibly; never delete. Raises `Conflict` if the account is not locked."""

    @abstractmethod
    def reactivate(self, account: AccountId) -> Change:
        """Undo `deactivate`. The account stays locked."""


class Blockers(Connector, Protocol):
    """Find what the vendor will refuse, before anybody confirms."""

    @abstractmethod
    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        """Return what will be refused for this account now. Reads only. What cannot be read raises an error."""


class BookOwners(ClientBook, Protocol):
    """List the owners of all records, for records of earlier leavers."""

    @abstractmethod
    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        """Return the number of records of each kind, for every account that owns any, inactive ones included.

        Kinds without a record are left out. An owner without an account is named as `owners` names it. An answer that
        is cut short raises an error: fewer owners are never returned.
        """


class Introductions(ClientBook, Protocol):
    """Introduce the successor to a client through the system. Nothing is sent without a company's setting."""

    @abstractmethod
    def introduction_ways(self) -> Collection[IntroductionWay]:
        """Return the ways that the system offers. Sends nothing and reads nothing."""

    @abstractmethod
    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        """Send or schedule one introduction, in this way and no other; return its state from a read after the write.

        Repeating it with the same `key` finds the first one, if the system can be asked for it. Raises `OutcomeUnknown`
        if it was sent and nothing shows it. Raises `Missing` if there is no such client.
        """

    @abstractmethod
    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        """Look an introduction up by its `key`; None if there is none. Sends nothing.

        Raises `OutcomeUnknown` if the system cannot be asked for it: then it is never repeated.
        """

    @abstractmethod
    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        """Read the states of earlier introductions, in order. Sends nothing."""


class Activities(ClientBook, Protocol):
    """Tell what became of client records, from the system's own history. Nothing is written."""

    @abstractmethod
    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        """Read many records in few calls. A record that is gone is not in the answer.

        Only what happened at `since` or later counts, and only what a person did with the client. A history that is
        refused or cut short raises an error: fewer contacts are never returned.
        """

    @abstractmethod
    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        """Read the deals of all owners that were closed at `since <= at < until`, or on those days."""


@dataclass(frozen=True, slots=True)
class ManualWork:
    """A manual step of a system without an API: instructions, assignee, deadline and proof."""

    title: str
    instructions: str
    assignee: str
    """Slack id of a person or of a user group."""
    due: timedelta
    """Time after the effective time by which it must be done."""
    remind: timedelta
    """Time between reminders while nobody answers."""
    escalate_to: str
    """Slack id of a person, a user group or a channel. Empty: security's channel."""
    needs_file: bool
    """True if a file, or a link to one, is needed beside the note."""
    ask_again: timedelta
    """Time after which a person is asked to confirm again."""


class ByHand(Connector, Protocol):
    """A system without an API. Nothing is read, so its verdict is always `unknown`. It is not a capability."""

    @property
    @abstractmethod
    def work(self) -> ManualWork:
        """The step that a person does there."""


class Administrators(Connector, Protocol):
    """List the accounts with full power, so that the last administrator is never locked."""

    @abstractmethod
    def administrators(self, group: str) -> Sequence[Account]:
        """Return every member of the group with this name or id, nested groups included, with verdicts.

        A name from `full_power` is taken, too.

        An empty `group` means the one that the system itself gives full power, or nobody if there is none. Raises
        `Missing` if there is no such group. Never returns a part of it.
        """

    def full_power(self, account: AccountId) -> Sequence[str]:  # noqa: ARG002
        """Return the groups to which the system itself gives full power, as far as the account may be in them.

        By default the unnamed group, which a setting replaces. Named groups are checked beside those in a setting.
        """
        return ("",)


CAPABILITIES: tuple[type, ...] = (
    Accounts,
    Sessions,
    Tokens,
    Groups,
    Activities,  # before the capability that it includes, as a class header has them
    ClientBook,
    ExportLog,
    Roster,
    Trace,
    Administrators,
    Duties,
    DutyChanges,
    Blockers,
    Licences,
    Deactivation,
    Introductions,
    BookOwners,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that the vendor publishes and no call can discover. The connector's README has each source."""

    move_batch: int = 100
    """Records in one `move` call."""
    move_at_once: int = 1
    """`move` calls at the same time."""
    requests: int = 0
    """Requests of any kind that the tenant may send within any `window`. 0: the vendor publishes no limit."""
    window: timedelta = timedelta(seconds=10)
    observe_batch: int = 500
    """Accounts in one `observe` call."""
    connections: int = 10
    """Requests at the same time; 10 unless the vendor names a number. The connector keeps to it, as
    `connectors.http.Api` does."""

    def narrowed(self, requests: int = 0, window: timedelta | None = None, records: int | None = None) -> "Limits":
        """Return the limits of one system: its own limit on requests, and its own number of records in a call."""
        own = replace(self, requests=requests, window=window) if requests and window else self
        return replace(own, move_batch=min(own.move_batch, records or own.move_batch))


@dataclass(frozen=True, slots=True)
class Manifest:
    """One kind of system: its name in `[systems.x] kind`, its class, its settings and its limitations."""

    kind: str
    title: str
    connector: type[Connector]
    settings: type[BaseModel]
    limits: Limits = Limits()
    cannot: tuple[str, ...] = field(default=())
    """Acts that the vendor does not offer, as sentences. The plan shows them before anyone confirms."""
    effects: tuple[Effect, ...] = ()
    """Effects of acts on lists. The case takes its inventory first, and plans by these."""
    contract: int = 0
    """Version of the contract that the connector of another package is written for. Our own kinds leave it out."""

    @property
    def capabilities(self) -> tuple[type, ...]:
        """The capability protocols among the class's ancestors, never a structural guess."""
        return tuple(c for c in CAPABILITIES if c in self.connector.__mro__)
