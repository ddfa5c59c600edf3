"""Systems in memory, for tests of workflows: state in plain attributes, every write counted, faults on demand.

    world = World("crm")
    world.user("u1", "dana@x.example"); world.record("opportunity:1", "u1", family="party:1", value=10)
    system = world.system()                    # Accounts, Sessions, Tokens, Groups, ClientBook, ExportLog
    system = world.system(MemoryDirectory)     # Accounts, Sessions, Groups only
    world.fail("move", Unavailable("down"), times=2)          # nothing happens, then works again
    world.fail("lock", OutcomeUnknown("?"), done=True)        # happens, and the answer is lost
    world.fail("move", Killed(), skip=3, done=True)           # the process dies right after the fourth call
    world.down = True                                         # everything is `Unavailable` until it is False again

One module over 250 lines on purpose: a whole connector of every capability, read in one place.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import ParamSpec, TypeVar

from pydantic import BaseModel

from config.identifiers import is_among, is_like_any, relatives
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Activities,
    BeforeImage,
    Blocker,
    Blockers,
    BookOwners,
    Change,
    ClientActivity,
    ClientBook,
    Connector,
    Deactivation,
    Duties,
    Duty,
    DutyAct,
    DutyChanges,
    DutyId,
    DutyImage,
    DutyKind,
    Effect,
    ExportEvent,
    ExportLog,
    Group,
    GroupId,
    Groups,
    Introduced,
    Introduction,
    Introductions,
    IntroductionWay,
    Licence,
    LicenceId,
    Licences,
    Limits,
    Locked,
    Login,
    Lookup,
    LossRate,
    Manifest,
    Moved,
    MoveOrder,
    MoveOutcome,
    Observation,
    Person,
    Record,
    RecordId,
    Roster,
    Sessions,
    Token,
    Tokens,
    Trace,
    Verdict,
)
from connectors.errors import Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.systems.registry import System

P = ParamSpec("P")
R = TypeVar("R")


class Killed(BaseException):
    """The process died here: nothing in the program may catch it."""


class NoSettings(BaseModel):
    """A system in memory needs none."""


class Time:
    """A clock that only a test moves."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self.at = start

    def now(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class User:
    """One account, as the system itself has it."""

    id: AccountId
    email: str
    login: str
    name: str
    active: bool = True
    sessions: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    title: str = ""
    manager_email: str = ""
    changed_by: str = ""
    last_login: datetime | None = None
    protected: str = ""
    can_own: bool = True
    """False: the move is refused, and nothing said so before."""
    pools: frozenset[str] | None = None
    """The owner pools that the account belongs to; None: all."""
    ends: date | None = None
    """The last day on which it can own records of a pool."""
    also: tuple[str, ...] = ()
    employee_number: str = ""
    licences: dict[LicenceId, str] = field(default_factory=dict)
    """Seats of the account, id to name."""
    deactivated: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return what a lookup finds the account by."""
        return (self.email, self.login, *self.also)


@dataclass
class _Fault:
    error: BaseException
    times: int
    skip: int
    done: bool


@dataclass
class Letter:
    """One introduction, as the system has it."""

    id: str
    client: RecordId
    successor: AccountId
    text: str
    key: str
    way: IntroductionWay
    state: Introduction = Introduction.SENT
    reason: str = ""


class World:
    """The truth of one system, to be read and changed from outside the connector."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.users: dict[AccountId, User] = {}
        self.records: dict[RecordId, Record] = {}
        self.events: list[ExportEvent] = []
        self.duties: dict[AccountId, list[Duty]] = {}
        self.unseen_duties: list[str] = []
        self.known_duties: dict[DutyId, Duty] = {}
        """Duties whose image was read, for those that nobody has now."""
        self.duty_acts: dict[DutyId, tuple[frozenset[DutyAct], str]] = {}
        """Acts that the vendor offers for a duty, and why not others; both acts unless named here."""
        self.blockers: dict[AccountId, list[Blocker]] = {}
        self.free_seats: dict[LicenceId, int] = {}
        """Free seats of each licence; one that is not here has seats without end."""
        self.licence_groups: set[str] = set()
        """Groups whose membership is a licence, beside the seats of the accounts."""
        self.contacts: dict[RecordId, list[tuple[datetime, AccountId | None]]] = {}
        self.ended: dict[RecordId, tuple[datetime, bool]] = {}
        """The time at which a deal ended, and whether it was lost."""
        self.unseen_contacts = ""
        self.bot = ""
        self.down = False
        self.blind: set[AccountId] = set()
        """Accounts of which a read tells nothing."""
        self.writes: Counter[str] = Counter()
        """The number of real changes by key: `lock:u1`, `move:opportunity:1`."""
        self.calls: Counter[str] = Counter()
        self.before_call: dict[str, Callable[[], None]] = {}
        """Run before every call of a method: for what others do at that very moment."""
        self._faults: dict[str, list[_Fault]] = {}
        self.slow = False
        """True: moves are accepted, and done only by `carry_out`."""
        self.accepted: dict[RecordId, AccountId] = {}
        """Successors of accepted moves."""
        self.letters: dict[str, Letter] = {}
        """Introductions by id."""
        self.mute = False
        """True: the system cannot be asked for an introduction by its key."""
        self.ways: tuple[IntroductionWay, ...] = (IntroductionWay.TASK, IntroductionWay.MESSAGE)
        self.objects: dict[str, str] = {}
        """Reasons of clients who say no, by record."""

    def user(self, user: str, email: str, **more: object) -> User:
        """Add an account; its log-in is the part of the address before the @ unless given."""
        login, name = str(more.pop("login", email.partition("@")[0])), str(more.pop("name", email))
        made = User(AccountId(user), email, login, name)
        for key, value in more.items():
            setattr(made, key, set(value) if isinstance(value, set) else value)  # two worlds must not share one set
        self.users[made.id] = made
        return made

    def record(
        self,
        record: str,
        owner: str,
        *,
        family: str = "",
        value: Decimal | int = 0,
        name: str = "",
        currency: str = "EUR",
        **more: object,
    ) -> Record:
        """Add a client record; its kind is the part of its id before the colon."""
        family = family or f"party:{record.rpartition(':')[2]}"
        made = Record(
            RecordId(record),
            record.partition(":")[0],
            name or f"Deal {record}",
            AccountId(owner),
            family,
            f"Client {family}",
            Decimal(value),
            currency,
        )
        self.records[made.id] = replace(made, **more)  # type: ignore[arg-type]
        return self.records[made.id]

    def give(self, record: str, owner: str) -> None:
        """Let a person in the system itself hand a record over."""
        self.records[RecordId(record)] = replace(self.records[RecordId(record)], owner=AccountId(owner))

    def carry_out(self, *records: str) -> None:
        """Let the vendor do accepted moves, all of them unless some are named."""
        for record in [RecordId(one) for one in records] or list(self.accepted):
            self.give(record, self.accepted.pop(record))

    def fix(self, record: str, why: str) -> None:
        """Let the vendor keep a record's owner for good, or with an empty `why` let it go again."""
        self.records[RecordId(record)] = replace(self.records[RecordId(record)], fixed=why)

    def owned(self, owner: str) -> set[str]:
        """Return the ids of what an account owns."""
        return {str(r.id) for r in self.records.values() if r.owner == owner}

    def export(self, actor: str, at: datetime, *ids: str, known: bool = True, what: str = "opportunity") -> ExportEvent:
        """Add a line to the export log."""
        event = ExportEvent(at, actor, what, len(ids) if known else None, frozenset(ids))
        self.events.append(event)
        return event

    def fail(self, method: str, error: BaseException, *, times: int = 1, skip: int = 0, done: bool = False) -> None:
        """Let the next calls of a method fail, after `skip` good ones; with `done` the effect happens first."""
        self._faults.setdefault(method, []).append(_Fault(error, times, skip, done))

    def system(
        self,
        kind: "type[Connector] | None" = None,
        limits: Limits | None = None,
        cannot: tuple[str, ...] = (),
        effects: tuple[Effect, ...] = (),
    ) -> System:
        """Return the system for the program's registry."""
        kind = kind or MemoryCrm
        limits = limits or Limits(move_batch=10)
        manifest = Manifest("memory", self.name.upper(), kind, NoSettings, limits, cannot, effects)
        return System(self.name, manifest, kind(self))  # type: ignore[call-arg]

    def call(self, method: str, act: Callable[[], R]) -> R:
        """Do something as the connector would, with the faults that were asked for."""
        self.calls[method] += 1
        if hook := self.before_call.get(method):
            hook()
        if self.down:
            raise Unavailable(f"{self.name} is down")
        fault = self._fault(method)
        if fault and not fault.done:
            raise fault.error
        result = act()
        if fault:
            raise fault.error
        return result

    def _fault(self, method: str) -> _Fault | None:
        for fault in self._faults.get(method, []):
            if fault.skip:
                fault.skip -= 1
                return None
            if fault.times:
                fault.times -= 1
                return fault
        return None


class _Base:
    def __init__(self, world: World) -> None:
        self.world = world

    def check(self) -> str:
        return self.world.call("check", lambda: "memory")

    def close(self) -> None:
        """Nothing to give up."""


class _Accounts(_Base):
    def find(self, person: Person) -> Lookup:
        wanted = (*person.emails, *person.logins)
        users = self.world.users.values()
        hits = [u for u in users if any(is_among(name, wanted) for name in u.names)]
        alike = [u for u in users if u not in hits and any(is_like_any(name, wanted) for name in u.names)]
        return self.world.call(
            "find",
            lambda: Lookup(
                tuple(self._account(u, person.emails) for u in hits),
                "mail and log-in",
                tuple(f"{u.login} only looks alike" for u in alike),
            ),
        )

    def _account(self, user: User, emails: Collection[str] = ()) -> Account:
        by = "mail" if any(is_among(one, emails) for one in (user.email, *user.also)) else "login"
        verdict = Verdict.OPEN if user.active else Verdict.LOCKED
        return Account(
            user.id,
            user.login,
            user.name,
            verdict,
            by,
            user.email,
            user.title,
            user.manager_email,
            last_login=user.last_login,
            protected=user.protected,
            also=user.also,
            employee_number=user.employee_number,
        )

    def related(self, person: Person) -> Sequence[Account]:
        names, number = relatives((*person.logins, *person.emails)), person.employee_number
        plus = [(one.partition("@")[0] + "+", "@" + one.partition("@")[2]) for one in person.emails]
        hits = [
            u
            for u in list(self.world.users.values())
            if any(is_among(name, names) for name in u.names)
            or (number and u.employee_number == number)
            or any(u.email.startswith(start) and u.email.endswith(end) for start, end in plus)
        ]
        return self.world.call("related", lambda: [self._account(u) for u in hits])

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        present = self.world.users
        return self.world.call(
            "read",
            lambda: {one: replace(self._account(present[one]), matched_by="id") for one in accounts if one in present},
        )

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return self.world.call("observe", lambda: {account: self._observe(account) for account in accounts})

    def _observe(self, account: AccountId) -> Observation:
        user = self.world.users.get(account)
        if user is None:
            return Observation(Verdict.ABSENT, "read by id")
        if account in self.world.blind:
            return Observation(Verdict.UNKNOWN, "read by id", "the record is hidden from us")
        return Observation(Verdict.OPEN if user.active else Verdict.LOCKED, "read by id")

    def locked(self) -> frozenset[AccountId]:
        return self.world.call(
            "locked", lambda: frozenset(user.id for user in list(self.world.users.values()) if not user.active)
        )

    def everyone(self) -> Iterator[Account]:
        self.world.call("everyone", lambda: None)
        for user in list(self.world.users.values()):
            yield self.world.call("one", lambda u=user: self._account(u))  # type: ignore[misc]

    def changed_by(self, account: AccountId, since: datetime) -> str:
        return self.world.call("changed_by", lambda: self._user(account).changed_by)

    def before(self, account: AccountId) -> BeforeImage:
        return self.world.call("before", lambda: BeforeImage(account, {"active": str(self._user(account).active)}))

    def lock(self, before: BeforeImage) -> Locked:
        def act() -> Locked:
            user = self._user(before.account)
            if not user.active:
                return Locked(Change.ALREADY, Login.REFUSED)
            if before.state["active"] != "True":
                raise Conflict("changed since it was read")
            user.active = False
            self.world.writes[f"lock:{user.id}"] += 1
            return Locked(Change.MADE, Login.REFUSED)

        return self.world.call("lock", act)

    def unlock(self, before: BeforeImage) -> Change:
        def act() -> Change:
            user = self._user(before.account)
            if str(user.active) == before.state["active"]:
                return Change.ALREADY
            user.active = before.state["active"] == "True"
            self.world.writes[f"unlock:{user.id}"] += 1
            return Change.MADE

        return self.world.call("unlock", act)

    def _user(self, account: AccountId) -> User:
        if account not in self.world.users:
            raise Missing(f"no account {account}")
        return self.world.users[account]


class _Sessions(_Accounts):
    def sessions(self, account: AccountId) -> int:
        return self.world.call("sessions", lambda: self._user(account).sessions)

    def end(self, account: AccountId) -> Change:
        def act() -> Change:
            user = self._user(account)
            if not user.sessions:
                return Change.ALREADY
            user.sessions = 0
            self.world.writes[f"end:{account}"] += 1
            return Change.MADE

        return self.world.call("end", act)


class _Groups(_Sessions):
    def groups(self, account: AccountId) -> Sequence[Group]:
        seats = self.world.licence_groups
        return self.world.call(
            "groups", lambda: [Group(GroupId(g), g, licence=g in seats) for g in sorted(self._user(account).groups)]
        )

    def remove(self, account: AccountId, group: GroupId) -> Change:
        def act() -> Change:
            if group not in self._user(account).groups:
                return Change.ALREADY
            self._user(account).groups.discard(group)
            self.world.writes[f"remove:{account}:{group}"] += 1
            return Change.MADE

        return self.world.call("remove", act)

    def restore(self, account: AccountId, group: GroupId) -> Change:
        def act() -> Change:
            if group in self._user(account).groups:
                return Change.ALREADY
            self._user(account).groups.add(group)
            self.world.writes[f"restore:{account}:{group}"] += 1
            return Change.MADE

        return self.world.call("restore", act)


class _Tokens(_Groups):
    def tokens(self, account: AccountId) -> Sequence[Token]:
        return self.world.call("tokens", lambda: [Token(i, name) for i, name in self._user(account).tokens.items()])

    def revoke(self, account: AccountId, token: str) -> Change:
        def act() -> Change:
            if self._user(account).tokens.pop(token, None) is None:
                return Change.ALREADY
            self.world.writes[f"revoke:{account}:{token}"] += 1
            return Change.MADE

        return self.world.call("revoke", act)


class _Book(_Tokens):
    def count(self, owner: AccountId) -> Mapping[str, int]:
        def act() -> Mapping[str, int]:
            records = self.world.records.values()
            kinds = sorted({record.kind for record in records})
            return {kind: sum(r.owner == owner and r.kind == kind for r in records) for kind in kinds}

        return self.world.call("count", act)

    def records(self, owner: AccountId) -> Iterator[Record]:
        owned = [r for r in self.world.records.values() if r.owner == owner]
        self.world.call("records", lambda: None)
        for record in owned:
            yield self.world.call("record", lambda r=record: r)  # type: ignore[misc]

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        present = self.world.records
        return self.world.call("owners", lambda: {r: present[r].owner for r in records if r in present})

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        def act() -> Mapping[AccountId, Mapping[str, int]]:
            found: dict[AccountId, dict[str, int]] = {}
            for record in self.world.records.values():
                kinds = found.setdefault(record.owner, {})
                kinds[record.kind] = kinds.get(record.kind, 0) + 1
            return found

        return self.world.call("owner_counts", act)

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        return self.world.call("owner_faults", lambda: {a: {p: self._fault(a, p, on) for p in pools} for a in accounts})

    def _fault(self, account: AccountId, pool: str, on: date | None) -> str:
        user = self.world.users[account]
        if not user.active:
            return f"{user.name} is inactive"
        if user.pools is not None and pool not in user.pools:
            return f"{user.name} is no employee of {pool}"
        return f"the contract of {user.name} ends before {on}" if on and user.ends and on > user.ends else ""

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        return self.world.call("move", lambda: [self._move(one) for one in batch])

    def _move(self, one: MoveOrder) -> Moved:
        record, successor = self.world.records.get(one.record), self.world.users.get(one.successor)
        if record is None:
            return Moved(one.record, MoveOutcome.GONE, None)
        if record.owner == one.successor:
            return Moved(one.record, MoveOutcome.MOVED, record.owner, Change.ALREADY)
        if record.owner != one.owner:
            return Moved(one.record, MoveOutcome.TAKEN, record.owner)
        if record.fixed:
            return Moved(one.record, MoveOutcome.REFUSED, record.owner, None, record.fixed)
        unfit = successor is None or not successor.active or not successor.can_own
        if why := "the successor cannot own records" if unfit else self._fault(one.successor, record.owner_pool, None):
            return Moved(one.record, MoveOutcome.REFUSED, record.owner, None, why)
        return self._ask(one) or self._give(one, record)

    def _give(self, one: MoveOrder, record: Record) -> Moved:
        self.world.records[one.record] = replace(record, owner=one.successor)
        self.world.writes[f"move:{one.record}"] += 1
        return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.MADE)

    def _ask(self, one: MoveOrder) -> Moved | None:
        """Accept an order without doing it, or let the client say no; None: do it now."""
        if why := self.world.objects.get(one.record, ""):
            return Moved(one.record, MoveOutcome.OBJECTED, one.owner, None, why)
        if not self.world.slow:
            return None
        known = one.record in self.world.accepted
        self.world.accepted[one.record] = one.successor
        self.world.writes[f"order:{one.record}"] += not known
        return Moved(one.record, MoveOutcome.WAITING, one.owner, Change.ALREADY if known else Change.MADE)


class _Telling(_Book):
    def introduction_ways(self) -> Collection[IntroductionWay]:
        return self.world.ways

    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        def act() -> Introduced:
            if client not in self.world.records:
                raise Missing(f"no record {client}")
            if not self.world.users[successor].active:
                return Introduced(client, Introduction.REFUSED, reason="inactive")
            found = self._found(client, key)
            if found is None or self.world.mute:
                letter = Letter(str(len(self.world.letters)), client, successor, text, key, way)
                self.world.letters[letter.id] = letter
                self.world.writes[f"tell:{client}"] += 1
                found = self._found(client, key)
            assert found is not None
            return found

        return self.world.call("introduce", act)

    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        def act() -> Introduced | None:
            if self.world.mute:
                raise OutcomeUnknown("there is no search")
            return self._found(client, key)

        return self.world.call("find_introduction", act)

    def _found(self, client: RecordId, key: str) -> Introduced | None:
        mine = [one for one in self.world.letters.values() if (one.client, one.key) == (client, key)]
        return self._read(mine[0]) if mine else None

    def _read(self, letter: "Letter") -> Introduced:
        return Introduced(letter.client, letter.state, letter.id, letter.reason)

    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        gone = Introduction.BOUNCED
        there = self.world.letters
        return self.world.call(
            "introduced",
            lambda: [
                self._read(there[one.id]) if one.id in there else replace(one, state=gone, reason="it is gone")
                for one in sent
            ],
        )


class _Log(_Book):
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        self.world.call("exports", lambda: None)
        theirs = (e for e in self.world.events if e.actor == account and since <= e.at < until)
        yield from sorted(theirs, key=lambda e: e.at)

    def client_base(self) -> int:
        return self.world.call("client_base", lambda: len(self.world.records))


class _History(_Log):
    def own_account(self) -> str:
        return self.world.bot

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        def act() -> Mapping[RecordId, ClientActivity]:
            return {one: self._activity(one, since) for one in records if one in self.world.records}

        return self.world.call("activities", act)

    def _activity(self, record: RecordId, since: datetime) -> ClientActivity:
        found = self.world.records[record]
        contacts = [one for one in self.world.contacts.get(record, ()) if one[0] >= since]
        at, by = max(contacts, key=lambda one: one[0], default=(None, None))
        ended, lost = self.world.ended.get(record, (None, False))
        fresh = ended is not None and ended >= since
        values = {"won": fresh and not lost, "lost": fresh and lost, "unseen": self.world.unseen_contacts}
        return ClientActivity(record, at, by, value=found.value, currency=found.currency, **values)  # type: ignore[arg-type]

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        ends = [lost for at, lost in self.world.ended.values() if since <= at < until]
        return self.world.call("loss_rate", lambda: LossRate(len(ends), sum(ends)))


class MemoryDirectory(_Groups, Accounts, Sessions, Groups, Roster, Trace):
    """A directory: people, sessions, groups; no clients."""


class MemoryFlows(_Accounts, Accounts, Duties):
    """A system in which things run in people's names."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        self.world.call("duties", lambda: self._user(account))
        yield from self.world.duties.get(account, ())

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        return self.world.call("unseen_duties", lambda: list(self.world.unseen_duties))


class MemoryDuties(MemoryFlows, DutyChanges):
    """A system in which duties can be given and stopped: what runs is switched off, anything else loses its holder.

    Several accounts may have one duty: then it is in the list of each.
    """

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        return self.world.call("duty_image", lambda: self._image(account, duty))

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        return self.world.call("give", lambda: self._give(image, successor))

    def stop(self, image: DutyImage) -> Change:
        return self.world.call("stop", lambda: self._stop(image))

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        return self.world.call("put_back", lambda: self._put_back(image, successor))

    def _image(self, account: AccountId, duty: DutyId) -> DutyImage:
        self._user(account)
        [*found] = (one for one in self.world.duties.get(account, ()) if one.id == duty)
        if not found:
            raise Missing(f"{account} has no duty {duty}")
        self.world.known_duties[duty] = found[0]
        without = (frozenset({DutyAct.STOP}), found[0].fixed) if found[0].fixed else (frozenset(DutyAct), "")
        return DutyImage(duty, account, self._state(duty), *self.world.duty_acts.get(duty, without))

    def _state(self, duty: DutyId) -> Mapping[str, str]:
        held = {user: one for user, theirs in self.world.duties.items() for one in theirs if one.id == duty}
        return {"holders": " ".join(sorted(held)), "active": str(all(one.active for one in held.values()))}

    def _after(self, image: DutyImage, successor: AccountId | None) -> Mapping[str, str]:
        """Return the state that a write leaves."""
        if successor is None and self.world.known_duties[image.duty].kind is DutyKind.RUNS:
            return {**image.state, "active": "False"}
        holders = {*image.state["holders"].split(), *([successor] if successor else ())} - {image.account}
        return {"holders": " ".join(sorted(holders)), "active": image.state["active"] if holders else "True"}

    def _give(self, image: DutyImage, successor: AccountId) -> Change:
        user, now = self.world.users.get(successor), self._state(image.duty)
        if successor in now["holders"].split() and image.account not in now["holders"].split():
            return Change.ALREADY
        if DutyAct.GIVE not in image.acts or user is None or not user.active:
            raise Forbidden(image.why_not or "the successor cannot have it")
        return self._change("give", image, image.state, self._after(image, successor))

    def _stop(self, image: DutyImage) -> Change:
        runs, now = self.world.known_duties[image.duty].kind is DutyKind.RUNS, self._state(image.duty)
        if image.account not in now["holders"].split() or (runs and now["active"] == "False"):
            return Change.ALREADY
        if DutyAct.STOP not in image.acts:
            raise Forbidden(image.why_not)
        return self._change("stop", image, image.state, self._after(image, None))

    def _put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        if self._state(image.duty) == image.state:
            return Change.ALREADY
        return self._change("put_back", image, self._after(image, successor), image.state)

    def _change(self, verb: str, image: DutyImage, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
        """Write the state `after` where a read shows `before`."""
        if self._state(image.duty) != before:
            raise Conflict("somebody else has changed it")
        one = replace(self.world.known_duties[image.duty], active=after["active"] == "True")
        for user, theirs in self.world.duties.items():
            self.world.duties[user] = [other for other in theirs if other.id != image.duty]
        for user in map(AccountId, after["holders"].split()):
            self.world.duties.setdefault(user, []).append(one)
        self.world.writes[f"{verb}:{image.duty}"] += 1
        return Change.MADE


class MemoryRefusing(_Log, Accounts, Sessions, Groups, Tokens, ClientBook, ExportLog, Blockers):
    """A CRM that tells what it will refuse."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return self.world.call("blockers", lambda: list(self.world.blockers.get(self._user(account).id, ())))


class _Seats(_Groups):
    def licences(self, account: AccountId) -> Sequence[Licence]:
        def act() -> Sequence[Licence]:
            user = self._user(account)
            through = sorted(user.groups & self.world.licence_groups)
            own = [Licence(one, name) for one, name in user.licences.items()]
            return [*own, *(Licence(LicenceId(group), group, group) for group in through)]

        return self.world.call("licences", act)

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        def act() -> Change:
            user = self._sold(account, licence)
            if licence in self.world.licence_groups and licence in user.groups:
                user.groups.discard(licence)
            elif user.licences.pop(licence, None) is None:
                return Change.ALREADY
            if licence in self.world.free_seats:
                self.world.free_seats[licence] += 1
            self.world.writes[f"reclaim:{account}:{licence}"] += 1
            return Change.MADE

        return self.world.call("reclaim", act)

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        def act() -> Change:
            user = self._sold(account, licence)
            if licence in user.licences or licence in user.groups:
                return Change.ALREADY
            if not self.world.free_seats.get(licence, 1):
                raise Conflict(f"no seat of {licence} is free")
            if licence in self.world.free_seats:
                self.world.free_seats[licence] -= 1
            if licence in self.world.licence_groups:
                user.groups.add(licence)
            else:
                user.licences[licence] = str(licence)
            self.world.writes[f"give_licence:{account}:{licence}"] += 1
            return Change.MADE

        return self.world.call("give_licence", act)

    def _sold(self, account: AccountId, licence: LicenceId) -> User:
        """Return the user. Raises `Missing` for a licence that the system does not sell."""
        user = self._user(account)
        if licence == "nothing":
            raise Missing(f"no licence {licence}")
        return user


class _Ended(_Seats):
    def deactivated(self, account: AccountId) -> bool:
        return self.world.call("deactivated", lambda: self._user(account).deactivated)

    def deactivate(self, account: AccountId) -> Change:
        def act() -> Change:
            user = self._user(account)
            if user.deactivated:
                return Change.ALREADY
            if user.active:
                raise Conflict("the account is open")
            user.deactivated = True
            self.world.writes[f"deactivate:{account}"] += 1
            return Change.MADE

        return self.world.call("deactivate", act)

    def reactivate(self, account: AccountId) -> Change:
        def act() -> Change:
            user = self._user(account)
            if not user.deactivated:
                return Change.ALREADY
            user.deactivated = False
            self.world.writes[f"reactivate:{account}"] += 1
            return Change.MADE

        return self.world.call("reactivate", act)


class MemoryTenant(_Ended, Accounts, Sessions, Groups, Licences, Deactivation):
    """A system with paid seats, in which an account is deactivated after its lock."""


class MemoryTelling(_Telling, Accounts, Sessions, Groups, Tokens, Introductions):
    """A CRM that tells clients."""


class MemoryBook(_Book, Accounts, Sessions, Groups, Tokens, ClientBook):
    """A CRM that keeps no export log."""


class MemoryListing(_Log, Accounts, Sessions, Groups, Tokens, ClientBook, ExportLog, Roster):
    """A CRM that lists everybody, too."""


class MemoryCrm(_Log, Accounts, Sessions, Groups, Tokens, ClientBook, ExportLog):
    """A CRM with everything."""


class MemoryOwners(_Log, Accounts, Sessions, Groups, Tokens, BookOwners, ExportLog):
    """A CRM that lists the owners of all records, too."""


class MemorySales(_History, Accounts, Sessions, Groups, Tokens, Activities, ClientBook, ExportLog):
    """A CRM that tells what became of clients, too."""
