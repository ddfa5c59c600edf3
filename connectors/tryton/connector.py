"""The Tryton connector: its header lists the capabilities, its methods call the modules that implement them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from config.text import _
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    ClientBook,
    Connections,
    ExportEvent,
    ExportLog,
    Locked,
    Lookup,
    Moved,
    MoveOrder,
    Observation,
    Person,
    RateLimiter,
    Record,
    RecordId,
    Roster,
    Sessions,
)
from connectors.errors import Forbidden, Missing
from connectors.tryton import log, roster
from connectors.tryton.book import Book
from connectors.tryton.rpc import Rpc
from connectors.tryton.settings import TrytonSettings
from connectors.tryton.users import Users

_NEEDED = (("res.user", "write"), ("sale.opportunity", "write"), ("party.party", "read"), ("company.employee", "read"))


class Tryton(Accounts, Sessions, ClientBook, ExportLog, Roster):
    """Tryton 8.2 over JSON-RPC, with the server's log for exports. Nothing is sent before the first call."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._rpc = Rpc(settings)
        self._users = Users(self._rpc)
        self._book = Book(self._rpc, self._users, settings.owner_fields)

    def connections(self) -> Connections:
        """Return the pool that every call takes its connection from."""
        return self._rpc.connections()

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request."""
        self._rpc.use_rate_limiter(pace)

    def own_account(self) -> str:
        """Return the log-in in the settings."""
        return self._settings.login

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
        exports = _("exports unknown: no server_log")
        if self._settings.server_log:
            exports = _("exports from {log}").format(log=self._log())
        return _("Tryton {database} as {login}; {exports}").format(
            database=self._settings.database, login=login, exports=exports
        )

    def close(self) -> None:
        """Close the connections."""
        self._rpc.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by address and log-in, ignoring case and including inactive users."""
        return self._users.find(person)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many users in one call."""
        return self._users.observe(accounts)

    def locked(self) -> frozenset[AccountId]:
        """Read the ids of all inactive users, 1000 to a call."""
        return roster.locked(self._rpc)

    def everyone(self) -> Iterator[Account]:
        """Stream all users, 1000 to a call."""
        return roster.everyone(self._rpc)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the user is active."""
        return self._users.before(account)

    def lock(self, before: BeforeImage) -> Locked:
        """Make the user inactive, which also ends their sessions. No log-in is tried: we know no password of theirs."""
        return self._users.lock(before)

    def unlock(self, before: BeforeImage) -> Change:
        """Make the user active again."""
        return self._users.unlock(before)

    def sessions(self, account: AccountId) -> int:
        """Return the number of sessions that are not older than the server allows."""
        return int(self._users.row(account)["sessions"])

    def end(self, account: AccountId) -> Change:
        """End the sessions, of active users too; the user stays as they are."""
        return self._users.end_sessions(account)

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Count opportunities, and the records of each further field that the settings name."""
        return self._book.count(owner)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream opportunities and further records in every state, 200 at a time."""
        return self._book.records(owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read owners, 200 records at a time; an employee without a user is named `employee:ID`."""
        return self._book.owners(records)

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Write all new owners of a field in one call. A refusal by Tryton is `refused` with Tryton's own sentence."""
        return self._book.move(batch)

    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        """Read exports from the log by user id; if the log has no id, by the present log-in."""
        row, zone = self._users.row(account), ZoneInfo(self._settings.log_timezone)
        found = log.exports(log.lines(log.files(self._log(), since)), zone, row["login"], row["id"])
        mine = [log.event(one, row["login"]) for one in found if since <= one.at < until]
        return iter(sorted(mine, key=lambda event: event.at))

    def client_base(self) -> int:
        """Return the number of parties and opportunities: an export of clients takes both."""
        return sum(int(self._rpc.read(f"{model}.search_count", [])) for model in ("party.party", "sale.opportunity"))

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
