"""Accounts as entries: by id, in bulk, and all at once. An empty answer alone does not make an account absent.

A directory that is being restored, or a copy that starts empty, answers "no such object" for everybody for a while. So
an account counts as absent only if the same answer shows a witness: an account that the directory lists itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import ldap

from config.text import _
from connectors.contract import AccountId, Person
from connectors.errors import Forbidden, Missing, Unavailable
from connectors.ldap.connection import LdapConnection, part_only
from connectors.ldap.connections import LdapConnections
from connectors.ldap.dialect import Dialect
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import NUMBERS, Entry, below, both, either, person_filter

USUAL = ("objectClass", "cn", "displayName", "mail", "title", "manager")
PROXIED, PROXY = "proxyaddresses", "smtp:"
"""Attribute whose values name the kind of address, and the kind that receives mail."""
FEW = 4
"""Every server returns so few answers at once. One that does not is misconfigured, which is reported."""
CHUNK = 50
"""Ids in one filter: below every server's default limit of answers (slapd's is 500)."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Base, dialect and connections of a search."""

    settings: LdapSettings
    dialect: Dialect
    connections: LdapConnections

    @property
    def attributes(self) -> tuple[str, ...]:
        """Return all attributes that are read of an account."""
        named = (*(name for name, _prefix in self.addresses), *self.logins)
        return tuple(
            dict.fromkeys((*USUAL, *NUMBERS, self.dialect.login, *named, *self.dialect.attributes, *self.ways))
        )

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """Return the attributes that hold addresses: the dialect's own and those of the settings."""
        further = ((name, PROXY if name.lower() == PROXIED else "") for name in self.settings.address_attributes)
        return tuple(dict.fromkeys((*self.dialect.addresses, *further)))

    @property
    def logins(self) -> Sequence[str]:
        """Return the attributes that hold log-ins."""
        return self.dialect.logins

    @property
    def ways(self) -> Sequence[str]:
        """Return the attributes of ways in beside the password, refused by the lock or not."""
        return (*self.dialect.refused_ways, *(() if self.dialect.lock_holds_everywhere else self.settings.ways_in))

    @property
    def people_filter(self) -> str:
        """Return the filter for people's accounts."""
        return self.settings.people_filter or self.dialect.people

    @property
    def control(self) -> str:
        """Return the filter for accounts that are certainly people's."""
        return self.settings.people_filter or self.dialect.control

    def person(self, link: LdapConnection, account: AccountId) -> Entry:
        """Read one account by its id. Raises `Missing`."""
        elsewhere: list[str] = []
        found = self.people(link, [account], self.attributes, elsewhere)
        if account not in found:
            if elsewhere:
                raise Unavailable(part_only(elsewhere))
            raise Missing(
                _("there is no account with {identifier} {account} below {base_dn}").format(
                    identifier=self.dialect.identifier, account=account, base_dn=self.settings.base_dn
                )
            )
        return found[account]

    def people(
        self, link: LdapConnection, accounts: Sequence[AccountId], attributes: Sequence[str], elsewhere: list[str]
    ) -> Mapping[AccountId, Entry]:
        """Read many accounts, under the ids that were asked for.

        A text that cannot be an id is left out of the answer. Parts of the tree on other servers are added to
        `elsewhere`: an id that is missing then may be there.
        """
        ids = {account: self.dialect.canonical(account) for account in accounts if self.could_be(account)}
        wanted = list(dict.fromkeys(ids.values()))
        found = self._read(link, wanted, attributes, elsewhere)
        if missing := [one for one in wanted if one not in found]:
            found |= self._read(link, missing, attributes, elsewhere, self._control_account(link))
        if missing := [one for one in wanted if one not in found]:
            found |= self._elsewhere(link, missing, attributes)
        if self.dialect.lock in attributes:
            found = {self.dialect.identify(row): row for row in self.proven(link, list(found.values()))}
        return {account: found[one] for account, one in ids.items() if one in found}

    def proven(self, link: LdapConnection, rows: Sequence[Entry]) -> Sequence[Entry]:
        """Return the entries, with a missing lock proven where it can be: the server finds them by its absence.

        Without the right to search in an attribute, no filter on it finds an entry, not even one for its absence. The
        filter is then Undefined (RFC 4511, section 4.5.1.7).
        """
        dialect, base = self.dialect, self.settings.base_dn
        if not dialect.lock_may_be_missing:
            return rows
        if not all(below(row.dn, base) for row in rows):
            base = self.naming_context(link) or base
        asked = {dialect.identify(row): row.dn for row in rows if not row.shows(dialect.lock) and dialect.identify(row)}
        unlocked, none = f"(!({dialect.lock}=*))", set[AccountId]()
        for start in range(0, len(asked), CHUNK):
            some = list(asked)[start : start + CHUNK]
            query = both(either(map(dialect.matches, some)), unlocked)
            try:
                none |= {dialect.identify(row) for row in link.search(base, query, [dialect.identifier], [])}
            except (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED):  # a server may count all who have no lock
                none |= {one for one in some if link.read(asked[one], ["1.1"], unlocked)}
        return [row.without(dialect.lock) if dialect.identify(row) in none else row for row in rows]

    def search(self, link: LdapConnection, person: Person) -> tuple[Sequence[Entry], Sequence[str]]:
        """Read all accounts that match, of whatever class, and reasons for which none is no proof of absence."""
        base, dialect, elsewhere = self.settings.base_dn, self.dialect, list[str]()
        matching = person_filter(person, self)
        if not matching:
            raise Missing(_("no address and no log-in is known to look anybody up by"))
        rows = list(link.search(base, matching, self.attributes, elsewhere))
        if not any(map(dialect.is_account, rows)):
            witness = self._control_account(link)
            query = either([matching, dialect.matches(witness)])
            rows = list(link.search(base, query, self.attributes, []))
            self._require_control_account(witness, [dialect.identify(row) for row in rows])
            rows = [row for row in rows if dialect.identify(row) != witness or link.read(row.dn, ["1.1"], matching)]
        doubts = [part_only(elsewhere)] if elsewhere else []
        doubts += [_no_account(row) for row in rows if not dialect.is_account(row)]
        found = [self.known(row) for row in rows if dialect.is_account(row)]
        return self.proven(link, found), doubts

    def last_change(self, link: LdapConnection, account: AccountId) -> tuple[str, datetime | None]:
        """Read the last change's actor and time; the actor is empty if the server stores only the time."""
        dialect = self.dialect
        attributes = (dialect.identifier, *filter(None, (dialect.changed_by, dialect.changed_at)))
        entry = self.people(link, [account], attributes, []).get(account)
        if entry is None:
            return "", None
        return entry.text(dialect.changed_by), dialect.moment(entry.text(dialect.changed_at))

    def known(self, row: Entry) -> Entry:
        """Return an entry that can be asked about again. Raises `Forbidden` if its id may not be read."""
        if not self.dialect.identify(row):
            raise Forbidden(
                _("{dn} matches, and {bind_dn} may not read its {identifier}").format(
                    dn=row.dn, bind_dn=self.settings.bind_dn, identifier=self.dialect.identifier
                )
            )
        return row

    def could_be(self, account: AccountId) -> bool:
        """Return whether a text has the form of an id here."""
        try:
            return bool(self.dialect.canonical(account))
        except ValueError:
            return False

    def _read(
        self,
        link: LdapConnection,
        wanted: Sequence[AccountId],
        attributes: Sequence[str],
        elsewhere: list[str],
        witness: AccountId | None = None,
    ) -> dict[AccountId, Entry]:
        found: dict[AccountId, Entry] = {}
        for start in range(0, len(wanted), CHUNK):
            found |= self._page(link, wanted[start : start + CHUNK], attributes, elsewhere, witness)
        return found

    def _page(
        self,
        link: LdapConnection,
        wanted: Sequence[AccountId],
        attributes: Sequence[str],
        elsewhere: list[str],
        witness: AccountId | None,
    ) -> dict[AccountId, Entry]:
        """Read some accounts.

        If the server returns fewer in one answer, read one half after the other, each with the witness.
        """
        asked = [*wanted, *([witness] if witness else [])]
        try:
            rows = link.search(self.settings.base_dn, either(map(self.dialect.matches, asked)), attributes, elsewhere)
            page = {self.dialect.identify(row): row for row in rows}
        except ldap.SIZELIMIT_EXCEEDED:
            if len(wanted) <= FEW:
                raise
            half = len(wanted) // 2
            halves = (wanted[:half], wanted[half:])
            pages = [self._page(link, one, attributes, elsewhere, witness) for one in halves]
            return {key: row for page in pages for key, row in page.items()}
        if witness:
            self._require_control_account(witness, page)
        return page

    def _elsewhere(
        self, link: LdapConnection, wanted: Sequence[AccountId], attributes: Sequence[str]
    ) -> dict[AccountId, Entry]:
        """Read accounts that somebody moved out of `base_dn`, as far as we may see.

        They are not gone, and may be open.
        """
        everything = self.naming_context(link)
        found: dict[AccountId, Entry] = {}
        for start in range(0, len(wanted), CHUNK) if everything else ():
            query = either(map(self.dialect.matches, wanted[start : start + CHUNK]))
            rows = link.search(everything, query, attributes, [])
            found |= {self.dialect.identify(row): row for row in rows}
        return found

    def naming_context(self, link: LdapConnection) -> str:
        """Return the top of the tree above `base_dn`; empty if `base_dn` is the top, or if we cannot see it."""
        root = link.read("", ["namingContexts"])
        tops = root.all("namingContexts") if root else ()
        top = min((one for one in tops if below(self.settings.base_dn, one)), key=len, default="")
        return top if top and link.read_if_visible(top, ["1.1"]) else ""

    def _control_account(self, link: LdapConnection) -> AccountId:
        known = both(self.control, f"({self.dialect.identifier}=*)")
        seen = link.first_person(self.settings.base_dn, known, [self.dialect.identifier])
        if seen is None or not self.dialect.identify(seen):
            raise Unavailable(
                _(
                    "the directory shows no account at all below {base_dn}, so no account is taken "
                    "for gone. It is being restored, {bind_dn} may not read it, or base_dn or "
                    "people_filter is wrong"
                ).format(base_dn=self.settings.base_dn, bind_dn=self.settings.bind_dn)
            )
        return self.dialect.identify(seen)

    def _require_control_account(
        self, witness: AccountId, shown: Mapping[AccountId, Entry] | Sequence[AccountId]
    ) -> None:
        if witness not in shown:
            raise Unavailable(
                _(
                    "the directory stopped showing an account that it has just shown; no account is taken for gone "
                    "meanwhile"
                )
            )


def _no_account(row: Entry) -> str:
    """Return the sentence for an entry that matches and is not an account."""
    classes = ", ".join(row.all("objectClass"))
    return _("{dn} has one of these addresses or log-ins, but is no account ({classes})").format(
        dn=row.dn, classes=classes
    )
