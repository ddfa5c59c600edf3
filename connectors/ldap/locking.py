"""Locking and unlocking one entry: read, compare, write once, and report the steps that failed."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ldap

from config.text import _
from connectors.contract import AccountId, BeforeImage, Change, Login, Verdict
from connectors.errors import Conflict, Forbidden
from connectors.ldap import ways_in
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import hidden
from connectors.ldap.directory import Directory
from connectors.ldap.faults import server_words
from connectors.ldap.wire import Entry, Modification, marked, parent, rdn, same

REFUSED_PASSWORD = (ldap.INSUFFICIENT_ACCESS, ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM)

MOST_PASSWORDS = 5
"""Random passwords that are tried one after the other."""


def random_password() -> str:
    """Return a random password with every class of characters that a quality check may ask for."""
    return f"aA1-{secrets.token_urlsafe(48)}"


@dataclass(frozen=True, slots=True)
class LockResult:
    """The result of a lock: the entry's new place, our password if it is the account's, and what failed or stays."""

    dn: str
    change: Change
    secret: str = ""
    """The account's password now; empty if it is not ours."""
    not_done: tuple[str, ...] = ()


class Locking:
    """The two writes on an account."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._dialect = directory.dialect
        self._folder = directory.settings.disabled_ou

    def lock(self, link: LdapConnection, before: BeforeImage, secret: str, *, anew: bool = False) -> LockResult:
        """Lock, then move. Raises `Conflict` and `Forbidden`; an account that is locked already is only moved.

        `anew`: an account that is locked, and still as in `before`, is locked again with the password `secret`. So is
        one whose password passes the lock.
        """
        entry = self._directory.person(link, before.account)
        locked = self._dialect.verdict(entry)[0] is Verdict.LOCKED
        anew = anew or ways_in.has_clear_password(self._dialect, entry)
        locked = locked and not (anew and self._dialect.state(entry) == before.state)
        if reason := "" if locked else self._dialect.protects(entry):
            raise Forbidden(reason)
        if not locked and self._dialect.state(entry) != before.state:
            raise Conflict(
                _("{dn} is not as it was read before the lock (lock, password or place): read it again").format(
                    dn=entry.dn
                )
            )
        kept = ""
        if not locked:
            secret, kept = self._lock(link, entry, secret)
        leaves = self._folder and not same(parent(entry.dn), self._folder)
        to, failed = f"{rdn(entry.dn)},{self._folder}" if leaves else "", _("it could not be moved to {folder}: {why}")
        dn, stays = _move(link, entry, before.account, to, failed)
        change = Change.ALREADY if locked and dn == entry.dn else Change.MADE
        left = (kept, stays, ways_in.kept(self._dialect, entry))
        return LockResult(dn, change, "" if locked or kept else secret, tuple(filter(None, left)))

    def _lock(self, link: LdapConnection, entry: Entry, secret: str) -> tuple[str, str]:
        """Write the lock; return the password and the reason if the old one stays.

        A syntax check refuses some random passwords, such as one with the person's initials in it: others are tried.
        """
        for _again in range(MOST_PASSWORDS - 1):
            try:
                self._guarded(link, entry, self._dialect.locking(entry, secret))
            except ldap.CONSTRAINT_VIOLATION:
                secret = random_password()
            except REFUSED_PASSWORD:
                break
            else:
                return secret, ""
        return secret, self._write(link, entry, self._dialect.locking(entry, secret), self._dialect.password_may_stay)

    def mark_unproven(self, link: LdapConnection, account: AccountId, login: Login) -> None:
        """Mark a lock that failed or is unproven, so that no read reports it as a lock."""
        if changes := self._dialect.unproven_marking(login):
            link.modify(self._directory.person(link, account).dn, changes)

    def unlock(self, link: LdapConnection, before: BeforeImage) -> Change:
        """Move back, then unlock. An account that is not locked any more is only moved back."""
        entry = self._directory.person(link, before.account)
        if self._dialect.lock != self._dialect.password and not entry.shows(self._dialect.lock):
            raise Forbidden(hidden(self._dialect.lock))
        home, failed = before.state.get("dn", ""), _("it could not be moved back to {folder}: {why}")
        away = self._folder and home and not same(entry.dn, home) and same(parent(entry.dn), self._folder)
        ours = self._dialect.is_ours(entry) and self._dialect.state(entry) != before.state
        if not (ours or away):
            return Change.ALREADY
        dn, stays = _move(link, entry, before.account, home if away else "", failed)
        if ours:
            self._unlock(link, Entry(dn, entry.values), before.state)
        if stays:
            raise Conflict(_("{dn} is unlocked, but {stays}").format(dn=dn, stays=stays))
        return Change.MADE

    def _unlock(self, link: LdapConnection, entry: Entry, state: Mapping[str, str]) -> None:
        """Unlock with every former password; where a policy takes only one (slapo-ppolicy(5)), with the first."""
        first, several, _more = state.get("password", "").partition("\n")
        try:
            changes = self._dialect.unlocking(entry, state)
            self._write(link, entry, changes, self._dialect.unlocks_without_password)
        except ldap.CONSTRAINT_VIOLATION:
            if not several:
                raise
            self._guarded(link, entry, self._dialect.unlocking(entry, {**state, "password": first}))

    def _write(self, link: LdapConnection, entry: Entry, changes: Sequence[Modification], may_stay: bool) -> str:
        """Write; return the reason if the password stayed and may stay, or an empty text."""
        try:
            self._guarded(link, entry, changes)
        except REFUSED_PASSWORD as error:
            rest = [change for change in changes if change[1] != self._dialect.password]
            if not may_stay or len(rest) == len(changes):
                raise
            self._guarded(link, entry, rest)
            return _("the password is still the old one, because the directory refused a new one: {why}").format(
                why=server_words(error)
            )
        return ""

    def _guarded(self, link: LdapConnection, entry: Entry, changes: Sequence[Modification]) -> None:
        try:
            link.modify(entry.dn, changes, self._dialect.guard(entry))
        except (ldap.NO_SUCH_ATTRIBUTE, ldap.TYPE_OR_VALUE_EXISTS) as error:
            if not self._dialect.names_values:
                raise
            if self._directory.person(link, AccountId(self._dialect.identify(entry))) != entry:
                raise Conflict(_("{dn} was changed by someone else meanwhile").format(dn=entry.dn)) from error
            # Nothing has changed, so a value is not stored there: a role gives it.
            plain = [(ldap.MOD_REPLACE, name, values) for kind, name, values in changes if kind != ldap.MOD_DELETE]
            link.modify(entry.dn, plain)
        except ldap.ASSERTION_FAILED as error:
            if self._directory.person(link, AccountId(self._dialect.identify(entry))) != entry:
                raise
            # Nothing has changed, so the server compared values that the bot's account may not read.
            raise Forbidden(
                _("{dn} was not changed: the bot's account needs {needs}").format(
                    dn=entry.dn, needs=_(self._dialect.needs)
                )
            ) from error


def _move(link: LdapConnection, entry: Entry, account: AccountId, to: str, failed: str) -> tuple[str, str]:
    """Move an entry to a DN, if one is given; return its DN then and the reason for a failed move (or an empty text).

    The DN changes, so later reads use the id.
    """
    if not to:
        return entry.dn, ""
    folder = parent(to)
    try:
        try:
            return link.rename(entry.dn, rdn(to), folder), ""
        except ldap.ALREADY_EXISTS:  # a namesake who left earlier, or came meanwhile
            return link.rename(entry.dn, marked(to, account), folder), ""
    except ldap.LDAPError as error:
        return entry.dn, failed.format(folder=folder, why=server_words(error))
