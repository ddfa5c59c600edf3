"""Accounts as entries: looked up by id, in bulk, and never taken for gone when the answer was only poor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import AccountId, Person
from connectors.errors import Forbidden, Missing
from connectors.ldap.connections import Connections, Link
from connectors.ldap.dialect import Dialect, account_id
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, either, person_filter

USUAL = ("cn", "displayName", "mail", "title", "manager")
CHUNK = 50
"""Ids in one filter: below every server's default limit of answers (slapd's is 500)."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where to look, in which dialect, over which connections."""

    settings: LdapSettings
    dialect: Dialect
    connections: Connections

    @property
    def attributes(self) -> tuple[str, ...]:
        """Everything that is read of an account."""
        return (*USUAL, self.dialect.login, *self.dialect.attributes)

    def person(self, link: Link, account: AccountId) -> Entry:
        """Read one account by its id. Raises `Missing`."""
        found = self.people(link, [account], self.attributes)
        if account.lower() not in found:
            raise Missing(f"there is no account with {self.dialect.identifier} {account} below {self.settings.base_dn}")
        return found[AccountId(account.lower())]

    def people(self, link: Link, accounts: Sequence[AccountId], attributes: Sequence[str]) -> Mapping[AccountId, Entry]:
        """Read many accounts by their ids, in lower case; ids that cannot be ids are not in the answer."""
        wanted = [query for query in map(self._query, accounts) if query]
        found: dict[AccountId, Entry] = {}
        for start in range(0, len(wanted), CHUNK):
            query = either(wanted[start:start + CHUNK])
            for entry in link.search(self.settings.base_dn, query, attributes):
                found[account_id(entry, self.dialect)] = entry
        if len(found) < len(wanted):
            self._prove_sight(link)
        return found

    def search(self, link: Link, person: Person) -> Sequence[Entry]:
        """Read everyone who matches; nobody is believed to be absent before the directory has shown anyone at all."""
        query = person_filter(person, self.dialect.login, self.settings.people_filter)
        if not query:
            raise Missing("no address and no log-in is known to look anybody up by")
        found = list(link.search(self.settings.base_dn, query, self.attributes))
        if not found:
            self._prove_sight(link)
        return found

    def could_be(self, account: AccountId) -> bool:
        """Whether an id has the form of an id here."""
        return bool(self._query(account))

    def _query(self, account: AccountId) -> str:
        try:
            return self.dialect.matches(account)
        except ValueError:
            return ""

    def _prove_sight(self, link: Link) -> None:
        if not link.sees_anyone(self.settings.base_dn, self.settings.people_filter):
            raise Forbidden(
                f"the directory shows no account at all below {self.settings.base_dn}; "
                f"{self.settings.bind_dn} needs read access there (or base_dn or people_filter is wrong)",
            )
