"""The BottleCRM connector: its header lists the capabilities, its methods call the modules that implement them."""

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
    """One organization in BottleCRM over REST.

    Safe for use by several threads; nothing is sent before the first call.
    """

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
        """Ask `pace` before every request."""
        self._rest.use_rate_limiter(pace)

    def own_account(self) -> str:
        """Return the address in the settings."""
        return self._settings.login

    def check(self) -> str:
        """Read the token's owner, and the lists that only an administrator may read."""
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
        """Close the connections; no session stays except the one in the session file."""
        self._rest.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by address, which is the log-in, ignoring case and including inactive members."""
        return self._directory.find(person)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many members from the organization's list, 200 at a time."""
        return self._directory.observe(accounts)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the member is active."""
        return wire.before(self._directory.member(account))

    def lock(self, before: BeforeImage) -> Locked:
        """Make the member inactive, which ends sessions and tokens. No log-in is tried: there is no password."""
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
        """Stream records in every stage, 200 at a time."""
        return self._book.records(owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read the first person whom each record is assigned to; `holders` has them all."""
        return {record: ids[0] if ids else None for record, ids in self.holders(records).items()}

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read everybody whom each record is assigned to: from the list or one by one, whichever is cheaper."""
        return self._book.holders(records)

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Replace the owner with the successor, record by record; everybody else whom a record is assigned to stays."""
        return self._book.move(batch)
