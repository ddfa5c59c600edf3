"""The connector: its header says what BottleCRM can do, its methods say where that is done."""

from collections.abc import Iterator, Mapping, Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.book import Book
from connectors.bottlecrm.members import OrganizationMembers
from connectors.bottlecrm.rest import Rest
from connectors.bottlecrm.session import Session
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.bottlecrm.tokens import PersonalTokens
from connectors.contract import (
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    ClientBook,
    Connections,
    Locked,
    Lookup,
    Moved,
    MoveOrder,
    Observation,
    Person,
    RateLimiter,
    Record,
    RecordId,
    Token,
    Tokens,
)
from connectors.errors import Forbidden


class BottleCrm(Accounts, Tokens, ClientBook):
    """One organization in BottleCRM by REST. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: BottleCrmSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings)
        self._directory = OrganizationMembers(self._rest, settings.login)
        self._tokens = PersonalTokens(self._rest, self._directory, Session(self._rest, settings.session_file))
        self._book = Book(self._rest, self._directory)

    def __repr__(self) -> str:
        return f"BottleCrm({self._settings.url})"

    def connections(self) -> Connections:
        """Return the pool that every call takes its connection from."""
        return self._rest.connections()

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask before every call."""
        self._rest.use_rate_limiter(pace)

    def own_account(self) -> str:
        """Return the address that the settings name."""
        return self._settings.login

    def check(self) -> str:
        """See who the token belongs to, and read what an administrator may read."""
        me = wire.member(wire.at(self._rest.get("/api/profile/"), ("user_obj",)))
        if me.email.casefold() != self._settings.login.casefold():
            raise Forbidden(
                _("the token belongs to {email}, and login says {login}").format(
                    email=me.email, login=self._settings.login
                )
            )
        self._directory.member(me.id)
        self._book.count(me.id)
        if self._settings.session_file is None:
            return _("BottleCRM at {url} as {email}; tokens are not revoked: no session_file").format(
                url=self._settings.url, email=me.email
            )
        self._tokens.check()
        return _("BottleCRM at {url} as {email}").format(url=self._settings.url, email=me.email)

    def close(self) -> None:
        """Give up the connections; nothing stays signed in but what the session's file holds."""
        self._rest.close()

    def find(self, person: Person) -> Lookup:
        """Look up by address, which is the log-in, whatever its case, inactive members included."""
        return self._directory.find(person)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many members from the organization's list, 200 at a time."""
        return self._directory.observe(accounts)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the member is active."""
        return wire.before(self._directory.member(account))

    def lock(self, before: BeforeImage) -> Locked:
        """Make the member inactive, which refuses sessions and tokens. No log-in is tried: there is no password."""
        return self._directory.lock(before)

    def unlock(self, before: BeforeImage) -> Change:
        """Make the member active again; sessions and tokens that were not revoked work again until they expire."""
        return self._directory.unlock(before)

    def tokens(self, account: AccountId) -> Sequence[Token]:
        """List live personal access tokens, in the session of `session_file`."""
        return self._tokens.tokens(account)

    def revoke(self, account: AccountId, token: str) -> Change:
        """Revoke one personal access token."""
        return self._tokens.revoke(account, token)

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Count companies, contacts, leads, deals, tickets, projects and tasks."""
        return self._book.count(owner)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream records in whatever stage, 200 at a time."""
        return self._book.records(owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read the first of those that each record is assigned to; `holders` has them all."""
        return {record: ids[0] if ids else None for record, ids in self.holders(records).items()}

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read everybody that each record is assigned to: from the list, or one by one, whichever is cheaper."""
        return self._book.holders(records)

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Put successors in the owner's place, record by record; everybody else that a record is assigned to stays."""
        return self._book.move(batch)
