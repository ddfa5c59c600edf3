"""The LDAP connector: accounts and groups of a directory. What is particular to a server lies in its dialect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import ldap

from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Before,
    Change,
    Group,
    GroupId,
    Groups,
    Locked,
    Login,
    Lookup,
    Observation,
    Person,
    Roster,
    Trace,
    Verdict,
)
from connectors.errors import Conflict, ConnectorError, Forbidden
from connectors.ldap import roster
from connectors.ldap.connections import Connections, Link
from connectors.ldap.dialect import Dialect, account_id
from connectors.ldap.directory import Directory
from connectors.ldap.memberships import Memberships
from connectors.ldap.openldap import OpenLdap, random_password
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, Modification, describe, generalized_time, matched_by

T = TypeVar("T")
DIALECTS: Mapping[str, type[Dialect]] = {"openldap": OpenLdap}


class Ldap(Accounts, Groups, Roster, Trace):
    """One directory. Safe for use by several threads."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._dialect = DIALECTS[settings.dialect]()
        self._connections = Connections(settings)
        self._directory = Directory(settings, self._dialect, self._connections)
        self._memberships = Memberships(self._directory)

    def __repr__(self) -> str:
        return f"Ldap({', '.join(self._settings.urls)}, base_dn={self._settings.base_dn!r})"

    def check(self) -> str:
        """Log in, see at least one account, and ask whether the server can lock at all."""
        return self._run(self._check, "checking the directory")

    def close(self) -> None:
        """Hang up."""
        self._connections.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by `mail` and the log-in attribute; names are not looked at."""
        return self._run(lambda link: self._find(link, person), "looking a person up")

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read the lock of many accounts, 200 to a request; an answer cut short is an error and never `absent`."""
        attributes = (self._dialect.identifier, *self._dialect.attributes)
        found = self._run(lambda link: self._directory.people(link, accounts, attributes), "reading accounts")
        return {account: self._observation(account, found.get(AccountId(account.lower()))) for account in accounts}

    def locked(self) -> frozenset[AccountId]:
        """Read everybody who is locked, 1000 to a page."""
        return self._run(lambda link: roster.locked(self._directory, link), "listing locked accounts")

    def everyone(self) -> Iterator[Account]:
        """Stream everybody below base_dn who matches people_filter."""
        return self._connections.stream(lambda link: roster.everyone(self._directory, link), "listing accounts")

    def changed_by(self, account: AccountId, since: datetime) -> str:
        """Read modifiersName and modifyTimestamp: the last change, whatever it was."""
        entry = self._run(lambda link: roster.last_change(self._directory, link, account), "reading who changed it")
        who = entry.text(roster.WHO) if entry else ""
        at = generalized_time(entry.text(roster.WHEN)) if entry else None
        if at is None or at < since or not who or who.casefold() == self._settings.bind_dn.casefold():
            return ""
        return f"{who}, {at:%Y-%m-%d %H:%M} UTC"

    def before(self, account: AccountId) -> Before:
        """Read the lock, and the password's hash where the bot's account may read it."""
        entry = self._run(lambda link: self._directory.person(link, account), "reading an account")
        return Before(account, self._dialect.state(entry))

    def lock(self, before: Before) -> Locked:
        """Change password and lock in one write, then try to log in with that password: it must be refused."""
        secret = random_password()
        dn, change = self._run(lambda link: self._lock(link, before, secret), "locking an account", self._dialect.needs)
        return self._attempt(dn, secret, change)

    def unlock(self, before: Before) -> Change:
        """Take the lock off and put the password's hash back; a lock that is not there any more is left to be."""
        return self._run(lambda link: self._unlock(link, before), "unlocking an account", self._dialect.needs)

    def groups(self, account: AccountId) -> Sequence[Group]:
        """List every group that names the account: groupOfNames, groupOfUniqueNames, posixGroup."""
        return self._run(lambda link: self._memberships.of(link, account), "reading groups")

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Take one member's value out of one group."""
        return self._run(
            lambda link: self._memberships.remove(link, account, group), "leaving a group", "write access to members",
        )

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Put one member's value back."""
        return self._run(
            lambda link: self._memberships.restore(link, account, group), "joining a group", "write access to members",
        )

    # -- on one connection

    def _run(self, work: Callable[[Link], T], doing: str, needs: str = "") -> T:
        return self._connections.run(work, doing, needs)

    def _check(self, link: Link) -> str:
        root = link.read("", ["supportedControl"])
        lacking = self._dialect.missing_features(frozenset(root.all("supportedControl") if root else ()))
        if lacking:
            raise Forbidden(f"accounts cannot be locked here: the server lacks {' and '.join(lacking)}")
        if not link.sees_anyone(self._settings.base_dn, self._settings.people_filter):
            raise Forbidden(f"{self._settings.bind_dn} may not read anybody below {self._settings.base_dn}")
        return f"logged in as {self._settings.bind_dn}; accounts below {self._settings.base_dn} can be read"

    def _find(self, link: Link, person: Person) -> Lookup:
        accounts = tuple(self._account(link, entry, person) for entry in self._directory.search(link, person))
        return Lookup(accounts, describe(person, self._dialect.login, self._settings.base_dn))

    def _account(self, link: Link, entry: Entry, person: Person) -> Account:
        manager = link.read(entry.text("manager"), ["mail"]) if entry.text("manager") else None
        return Account(
            id=account_id(entry, self._dialect),
            login=entry.text(self._dialect.login),
            name=entry.text("displayName") or entry.text("cn"),
            verdict=self._dialect.verdict(entry)[0],
            matched_by=matched_by(entry, person, self._dialect.login),
            email=entry.text("mail"),
            title=entry.text("title"),
            manager_email=manager.text("mail") if manager else "",
            before=Before(account_id(entry, self._dialect), self._dialect.state(entry)),
        )

    def _observation(self, account: AccountId, entry: Entry | None) -> Observation:
        how = f"{self._dialect.identifier} {account} below {self._settings.base_dn}"
        if entry is not None:
            verdict, reason = self._dialect.verdict(entry)
            return Observation(verdict, f"{self._dialect.lock} of {entry.dn}", reason)
        if not self._directory.could_be(account):
            return Observation(Verdict.UNKNOWN, how, f"this is not the form of an {self._dialect.identifier}")
        return Observation(Verdict.ABSENT, how)

    def _lock(self, link: Link, before: Before, secret: str) -> tuple[str, Change]:
        entry = self._directory.person(link, before.account)
        if self._dialect.verdict(entry)[0] is Verdict.LOCKED:
            return entry.dn, Change.ALREADY
        if self._dialect.state(entry) != before.state:
            raise Conflict(f"{entry.dn} is not as it was read before the lock (lock, password or place): read it again")
        self._write(link, entry, self._dialect.locking(entry, secret))
        return entry.dn, Change.MADE

    def _unlock(self, link: Link, before: Before) -> Change:
        entry = self._directory.person(link, before.account)
        if self._dialect.verdict(entry)[0] is not Verdict.LOCKED or self._dialect.state(entry) == before.state:
            return Change.ALREADY
        self._write(link, entry, self._dialect.unlocking(before.state))
        return Change.MADE

    def _write(self, link: Link, entry: Entry, changes: Sequence[Modification]) -> None:
        try:
            link.modify(entry.dn, changes, self._dialect.guard(entry))
        except ldap.ASSERTION_FAILED as error:
            if self._directory.person(link, account_id(entry, self._dialect)) != entry:
                raise
            # Nothing has changed, so the server judged by what the bot's account may not read.
            raise Forbidden(f"{entry.dn} was not changed: the bot's account needs {self._dialect.needs}") from error

    def _attempt(self, dn: str, secret: str, change: Change) -> Locked:
        try:
            refusal = self._connections.try_login(dn, secret, self._dialect.login_controls())
        except ConnectorError as error:
            return Locked(change, Login.NOT_TRIED, str(error))
        return self._dialect.locked(change is Change.MADE, refusal)
