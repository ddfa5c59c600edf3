"""The Tryton connector: its header lists the capabilities. Accounts are here, the client book and the log elsewhere.

A write of `active`, even of the present value, ends all sessions and forgets all devices of the user (trytond 8.2
res/user.py, `on_modification`; tried). Every write here carries the time stamp of the read before it. So Tryton itself
refuses it if somebody else wrote in between.

Over 250 lines because it has the verbs of seven capabilities, each with its sentence for people.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config.text import _
from connectors.comparison import Comparison, Visible
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
    Duty,
    DutyChanges,
    DutyId,
    DutyImage,
    ExportEvent,
    ExportLog,
    Locked,
    Login,
    Lookup,
    LossRate,
    Moved,
    MoveOrder,
    Observation,
    Person,
    Record,
    RecordId,
    Roster,
    Sessions,
    Verdict,
)
from connectors.errors import Conflict, ConnectorError, Forbidden, Missing, Unavailable
from connectors.http_connector import HttpConnector
from connectors.identifiers import folded_all, resembles
from connectors.tryton import log, wire
from connectors.tryton.activities import ActivityLog
from connectors.tryton.blockers import BlockerList
from connectors.tryton.book import Book
from connectors.tryton.duties import KEYS, DutyList
from connectors.tryton.duty_changes import DutyChanging
from connectors.tryton.owners import UNLINKED, USER, Owners
from connectors.tryton.restrictions import Restrictions, fewer_records
from connectors.tryton.rpc import Rpc
from connectors.tryton.settings import TrytonSettings

_NEEDED = (
    *((model, "write") for model in ("res.user", "sale.opportunity")),
    *((model, "read") for model in ("res.user", "sale.opportunity", "party.party", "company.employee")),
)
CONTROLS = 2
"""Fewest users in a list that prove a lookup: one of them is our own."""
KEPT = timedelta(days=60)
"""Time for which a log should reach back: `exports.look_back_days` is 60 unless set."""
PAGE = 1000
"""Users in one read of all."""
RULES_SECONDS = 60.0
"""Time for which the record rules on keys are believed to be the same."""


class Tryton(HttpConnector, Accounts, Sessions, BookOwners, Activities, ExportLog, Roster, DutyChanges, Blockers):
    """Tryton 8.2 over JSON-RPC, with the server's log for exports. Nothing is sent before the first call."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._rpc = Rpc(settings)
        self._api = self._rpc.api
        self._owners = Owners(self._rpc)
        self._book = Book(self._rpc, self._owners, settings.owner_fields)
        self._restrictions, second = Restrictions(self._rpc, settings.login), settings.compared()
        self._duties = DutyList(self._rpc, self._owners, self._restrictions, settings.login)
        self._blockers = BlockerList(self._rpc, self._owners, self._book, settings.login)
        self._activities = ActivityLog(self._rpc)
        self._duty_changes = DutyChanging(self._rpc, self._owners, settings.login)
        self._keys_hidden = float("-inf"), ""
        self._second = Tryton(second) if second else None
        self._comparison = Comparison(
            self.visible, settings.login, settings.accounts_at_least, self._second, settings.compare_login
        )

    def own_account(self) -> str:
        """Return the log-in in the settings."""
        return self._settings.login

    def blind_spots(self) -> Sequence[str]:
        """Return the companies and record rules that hide records or users from our own user."""
        unclear = self._comparison.look().unclear if self._comparison.possible else ()
        keys = self._restrictions.of([KEYS]) if self._settings.keys_open_accounts else ()
        restricted = (*self._restrictions.of_book(self._models), *self._restrictions.of_users(), *keys)
        return (*restricted, *unclear, *self._unlogged())

    def _unlogged(self) -> Sequence[str]:
        """Return, as sentences, exports that the log does not show. Our own calls must be in it by now."""
        if self._settings.server_log is None:
            return (_("exports are not seen: no server_log is set"),)
        try:
            path, zone = self._log(), ZoneInfo(self._settings.log_timezone)
            begun, shown = log.begin(path, zone), log.shows_calls(path, self._settings.login)
        except (ConnectorError, OSError) as error:
            return (_("exports are not seen: {error}").format(error=error),)
        if not shown:
            text = _("exports are not seen: {path} does not show the calls that Handover has just made")
            return (text.format(path=path),)
        text = _("the log {path} begins on {day}: exports before are not seen")
        young = begun is None or datetime.now(UTC) - begun < KEPT
        return (text.format(path=path, day=f"{begun or datetime.now(UTC):%Y-%m-%d}"),) if young else ()

    def shortfalls(self) -> Sequence[str]:
        """Return users and records that the second user sees and ours does not, and counts below the settings' own."""
        settings, users = self._settings, self._comparison.look().missing if self._comparison.possible else ()
        if self._second is None and settings.opportunities_at_least is None:
            return users
        try:
            ours, theirs = self.record_counts(self._models), dict[str, int]()
            theirs |= self._second.record_counts(self._models) if self._second else {}
        except ConnectorError as error:
            text = _("the records that {login} sees cannot be compared: {error}")
            return (*users, text.format(login=settings.login, error=error))
        return (*users, *fewer_records(settings, ours, theirs))

    def record_counts(self, models: Sequence[str]) -> Mapping[str, int]:
        """Return the number of records that our user sees of each model of the book."""
        return self._restrictions.counts(models)

    def visible(self, seconds: float) -> Visible:
        """List the ids of all users, inactive ones included."""
        end, found = time.monotonic() + seconds, set[str]()
        for row in self._every(wire.ANY_STATE, ["id"]):
            found.add(str(row["id"]))
            if time.monotonic() > end:
                text = _("there are more than {count}, and counting takes too long")
                raise Unavailable(text.format(count=len(found)))
        return Visible(frozenset(found))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._comparison.close()

    @property
    def _models(self) -> tuple[str, ...]:
        return tuple(field.partition(":")[0] for field in self._settings.owner_fields)

    def check(self) -> str:
        """Sign in, read our own rights, look at `owner_fields`, open the log.

        Raises `Missing` with every unusable field, or `Forbidden` with every missing right.
        """
        models, faults = self._book.check()
        needed = (*_NEEDED, *((model, right) for model in sorted(models) for right in ("read", "write")))
        rights = self._rpc.rights(*dict.fromkeys(model for model, _right in needed))
        lacking = dict.fromkeys(
            _("{right} on {model}").format(right=right, model=model)
            for model, right in needed
            if not rights[model][right]
        )
        login, kind = self._settings.login, Missing if faults else Forbidden
        if lacking:
            faults.append(_("{login} lacks {lacking}").format(login=login, lacking=", ".join(lacking)))
        if faults:
            raise kind("; ".join(faults))
        said = _("Tryton {database} as {login}").format(database=self._settings.database, login=login)
        if self._settings.server_log is None:  # `blind_spots` says so: what is not seen is never part of good news
            return said
        return f"{said}; " + _("exports from {log}").format(log=self._log())

    def find(self, person: Person) -> Lookup:
        """Look people up by address and log-in, ignoring case and including inactive users."""
        how = _("res.user by email and login: {sought}").format(sought=", ".join((*person.emails, *person.logins)))
        if not (person.emails or person.logins):
            nothing = _("res.user: no address and no log-in to look up")
            return Lookup((), nothing, (nothing,))
        asked = (wire.lookup(person), 0, None, None, wire.USER_FIELDS)
        rows = self._rpc.read(f"{USER}.search_read", *asked, context=wire.ALL)
        found = self._judged(wire.account(row, by) for row in rows if (by := wire.matched(person, row)))
        return self._comparison.judged(Lookup(found, how) if found else self._searched(person, how), person)

    def _searched(self, person: Person, how: str) -> Lookup:
        """Read all users where a search finds none: one that a search misses, or that only resembles the person."""
        rows = list(self._every(wire.ANY_STATE, wire.USER_FIELDS))
        found = self._judged(wire.account(row, by) for row in rows if (by := wire.matched(person, row)))
        wanted = folded_all((*person.emails, *person.logins))
        text = _("the user {login} differs only in letters that are alike; a person must judge it")
        alike = [
            text.format(login=row["login"])
            for row in rows
            if resembles((row["login"] or "", row["email"] or ""), wanted)
        ]
        doubts = [*alike, *self._restrictions.of_users()]
        if len(rows) < CONTROLS:
            doubts.append(_("no other user is shown on which the lookup could be tried"))
        return Lookup(found, _("{how}; all users read").format(how=how), () if found else tuple(doubts))

    def related(self, person: Person) -> Sequence[Account]:
        """Search for addresses with a `+`, and by the affixes of administrators and guests; Tryton has no number."""
        asked = (wire.related(person), 0, None, None, wire.USER_FIELDS)
        rows = self._rpc.read(f"{USER}.search_read", *asked, context=wire.ALL)
        return self._judged(wire.account(row, "") for row in rows)

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read many users in one call."""
        numbers = {account: number for account in accounts if (number := wire.user_id(account)) is not None}
        rows = self._owners.rows(list(numbers.values()))
        there = {account: number for account, number in numbers.items() if number in rows}
        seen = self._judged(wire.account(rows[number], "id") for number in there.values())
        return dict(zip(there, seen, strict=True))

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many users in one call. A malformed id is not `absent`, as it was never looked up."""
        numbers = {account: wire.user_id(account) for account in accounts}
        own = self._rpc.user
        rows = self._owners.rows([own, *(number for number in numbers.values() if number is not None)])
        hidden = self._restrictions.of_users() if set(numbers.values()) - rows.keys() - {None} else []
        if own not in rows:  # the control: it signed in, so it is there
            hidden.append(_("our own user is not shown either"))
        gone = wire.observation(None)
        if hidden:
            gone = Observation(Verdict.UNKNOWN, gone.how, "; ".join(hidden))
        malformed = Observation(Verdict.UNKNOWN, gone.how, _("this is not the form of a user's id"))
        words = _("an employee without a user: Tryton does not tell whether the person has left")
        unlinked = Observation(Verdict.UNKNOWN, gone.how, words)
        other = {a: unlinked if a.startswith(UNLINKED) else malformed for a, n in numbers.items() if n is None}
        seen = {
            a: other[a] if n is None else wire.observation(rows[n]) if n in rows else gone for a, n in numbers.items()
        }
        shut = [n for a, n in numbers.items() if n is not None and seen[a].verdict is Verdict.LOCKED]
        keyed, unseen = self._keyed([["user", "in", shut]]) if shut else (frozenset(), "")
        for a, number in numbers.items():
            if number in shut and (unseen or number in keyed):
                seen[a] = _left_open(seen[a], unseen)
        return self._comparison.observed(seen)

    def locked(self) -> frozenset[AccountId]:
        """Read the ids of all inactive users, 1000 to a call; those with a live key of a program are left out."""
        keyed, unseen = self._keyed([["user.active", "=", False]])
        rows = () if unseen else self._every(["active", "=", False], ["id"])
        return frozenset(AccountId(str(row["id"])) for row in rows if row["id"] not in keyed)

    def _keyed(self, clauses: Sequence[Any]) -> tuple[frozenset[int], str]:
        """Return the users with a live key of a program, which works on after a lock, and why keys may be hidden."""
        if not self._settings.keys_open_accounts:
            return frozenset(), ""
        try:
            asked = ([*clauses, ["state", "=", "validated"]], 0, None, None, ["user"])
            rows = self._rpc.read(f"{KEYS}.search_read", *asked, context=wire.ALL)
        except Forbidden as error:
            return frozenset(), str(error)
        users = {row["user"] for row in rows} - {None}
        if not all(type(user) is int for user in users):
            raise Unavailable(_("{method}: the answer is not Tryton's").format(method=f"{KEYS}.search_read"))
        return frozenset(users), self._hidden_keys()

    def _hidden_keys(self) -> str:
        """Return why keys may be hidden from our user, as read at most a minute ago; empty if all are shown."""
        read_at, said = self._keys_hidden
        if time.monotonic() - read_at > RULES_SECONDS:
            said = "; ".join(self._restrictions.of([KEYS]))
            self._activities = ActivityLog(self._rpc)
        self._keys_hidden = time.monotonic(), said
        return said

    def everyone(self) -> Iterator[Account]:
        """Stream all users, 1000 to a call."""
        keyed, unseen = self._keyed([["user.active", "=", False]])
        for row in self._every(wire.ANY_STATE, wire.USER_FIELDS):
            open_by_key = not row["active"] and (unseen or row["id"] in keyed)
            account = wire.account(row, "")
            yield replace(account, verdict=Verdict.UNKNOWN) if open_by_key else account

    def _judged(self, accounts: Iterable[Account]) -> tuple[Account, ...]:
        """Return the accounts; a locked one that a key of a program may open is unknown."""
        found = tuple(accounts)
        shut = [int(one.id) for one in found if one.verdict is Verdict.LOCKED]
        keyed, unseen = self._keyed([["user", "in", shut]]) if shut else (frozenset(), "")
        still = {AccountId(str(number)) for number in shut if unseen or number in keyed}
        return tuple(replace(one, verdict=Verdict.UNKNOWN) if one.id in still else one for one in found)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the user is active."""
        return wire.before(account, self._owners.row(account))

    def lock(self, before: BeforeImage) -> Locked:
        """Make the user inactive, which also ends their sessions. No log-in is tried: we know no password of theirs."""
        row = self._owners.row(before.account)
        if wire.verdict(row) is Verdict.LOCKED:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state.get("active") != "true":
            raise Conflict(
                _("user {login} was inactive when the plan was made and is active now").format(login=row["login"])
            )
        if row["id"] == self._rpc.user:
            raise Conflict(_("this is the user that Handover itself signs in as"))
        self._write(row, active=False)
        return Locked(
            Change.MADE, Login.NOT_TRIED, _("made inactive, {count} session(s) ended").format(count=row["sessions"])
        )

    def unlock(self, before: BeforeImage) -> Change:
        """Make the user active again, if they were active before."""
        row = self._owners.row(before.account)
        if before.state.get("active") != "true" or row["active"]:
            return Change.ALREADY
        self._write(row, active=True)
        return Change.MADE

    def sessions(self, account: AccountId) -> int:
        """Return the number of sessions that are not older than the server allows."""
        return int(self._owners.row(account)["sessions"])

    def end(self, account: AccountId) -> Change:
        """End the sessions, of active users too; the user stays as they are.

        Raises `Conflict` if the person signed in again meanwhile.
        """
        row = self._owners.row(account)
        if not row["sessions"]:
            return Change.ALREADY
        self._write(row, active=bool(row["active"]))
        if left := self.sessions(account):
            raise Conflict(_("user {login} has {left} session(s) again").format(login=row["login"], left=left))
        return Change.MADE

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Count opportunities, and the records of each further field that the settings name."""
        return self._book.count(owner)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream opportunities and further records in every state, 200 at a time."""
        return self._book.records(owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read owners, 200 records at a time; an employee without a user is named `employee:ID`."""
        return self._book.owners(records)

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        """Read the owner of every record, 5,000 to a call; an employee without a user is named `employee:ID`."""
        return self._book.owner_counts()

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        """Read users and their employees: only a company's employee can own its opportunities."""
        return self._owners.faults(accounts, pools, on)

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Write all new owners of a field in one call. A refusal by Tryton is `refused` with Tryton's own sentence."""
        return self._book.move(batch)

    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        """Read exports from the log by user id; if the log has no id, by the present log-in."""
        row, zone = self._owners.row(account), ZoneInfo(self._settings.log_timezone)
        path = self._log()
        if not log.shows_calls(path, self._settings.login):
            text = _(
                "{path} does not show the calls that Handover has just made: it is not the log of this server's calls"
            )
            raise Forbidden(text.format(path=path))
        found = log.exports(log.lines(log.files(path, since)), zone, row["login"], row["id"])
        mine = [log.event(one, row["login"]) for one in found if since <= one.at < until]
        return iter(sorted(mine, key=lambda event: event.at))

    def client_base(self) -> int:
        """Return the number of parties and opportunities: an export of clients takes both."""
        return sum(int(self._rpc.read(f"{model}.search_count", [])) for model in ("party.party", "sale.opportunity"))

    def duties(self, account: AccountId) -> Iterator[Duty]:
        """Stream keys of programs, notifications that fall back to the user, and the people whom they supervise."""
        with self._api.lookup():
            return iter(list(self._duties.of(account)))

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        """Return the models, and the record rules, that hide duties from our own user."""
        with self._api.lookup():
            return self._duties.unseen(account)

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        """Read our rights on users and on the models of the records, and the record rules on this user."""
        with self._api.lookup():
            return list(self._blockers.of(account))

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        """Read e-mails sent from records and their parties, and opportunities that were won or lost."""
        return self._activities.of(records, since)

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        """Count the opportunities that ended on these days, by the day of their end."""
        return self._activities.loss_rate(since, until)

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read the field that names the account, and whether our own user may write it."""
        with self._api.lookup():
            return self._duty_changes.image(account, duty)

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Write the successor, or their employee of the same company, into the field."""
        return self._duty_changes.give(image, successor)

    def stop(self, image: DutyImage) -> Change:
        """Empty the field."""
        return self._duty_changes.stop(image)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Write the former value into the field."""
        return self._duty_changes.put_back(image, successor)

    def _every(self, clause: Sequence[Any], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Stream users in the order of their ids: a new user is on a page still to come."""
        method, order, after = f"{USER}.search_read", [["id", "ASC"]], 0
        while rows := self._rpc.read(method, [["id", ">", after], clause], 0, PAGE, order, fields):
            yield from rows
            before, after = after, rows[-1]["id"]
            if after <= before:
                raise Unavailable(_("the server gives the same page again and again"))

    def _write(self, row: Mapping[str, Any], *, active: bool) -> None:
        """Write `active` unless the user was written since `row` was read."""
        try:
            self._rpc.write(f"{USER}.write", [row["id"]], {"active": active}, context=wire.unchanged(USER, [row]))
        except wire.RightsRefused as refusal:
            raise Forbidden(_("Tryton: {refusal}").format(refusal=refusal)) from refusal

    def _log(self) -> Path:
        path = self._settings.server_log
        if path is None:
            raise Forbidden(_("Tryton's exports are only in its server log: set server_log to the log's path"))
        if not path.is_file():
            raise Missing(_("Tryton's server log is not at {path}").format(path=path))
        try:
            path.open("rb").close()
        except PermissionError as error:
            raise Forbidden(
                _("this program's user may not read Tryton's server log {path}").format(path=path)
            ) from error
        return path


def _left_open(seen: Observation, unseen: str) -> Observation:
    text = _("{how} is false, and a key of a program works on: cancel it in User Applications")
    if unseen:
        text = _(
            "{how} is false, but keys of programs may work on, and may be hidden: {why}. "
            "Show them to the bot, or set keys_open_accounts = false"
        )
    return replace(seen, verdict=Verdict.UNKNOWN, reason=text.format(how=seen.how, why=unseen))
