"""The 389 Directory Server dialect (also sold as Red Hat Directory Server): accounts are locked by nsAccountLock.

Seen on 389 Directory Server 2.3.1 and kept by tests/connectors/ldap/test_ns389.py; other tests use slapd with these
attributes in a small schema.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ldap
from ldap.controls import RequestControl

from config.text import N_, _
from connectors.contract import AccountId, Login, Verdict
from connectors.ldap.dialect import NUMBER, PASSWORD, Posix, hidden
from connectors.ldap.open_connections import of_ns389
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, Modification

LOCK = "nsAccountLock"
EFFECTIVE_RIGHTS = "1.3.6.1.4.1.42.2.27.9.5.2"
UNIQUE_ID = "nsUniqueId"
_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){3}")
UNWILLING = 53
"""The server's refusal of a locked account (resultCode of RFC 4511), after the right password."""


@dataclass(frozen=True, slots=True)
class Ds389(Posix):
    """Locks by nsAccountLock. The settings choose which of the two ids is used."""

    settings: LdapSettings

    lock = LOCK
    children = "numSubordinates"
    written = (LOCK, PASSWORD)
    lock_may_be_missing = True
    names_values = True
    roles = "nsRole"
    locked_query = f"({LOCK}=true)"
    last_login = ("lastLoginTime",)
    attributes = (UNIQUE_ID, "entryUUID", LOCK, PASSWORD, NUMBER)
    needs = N_("write access to userPassword and nsAccountLock below base_dn")
    password_may_stay = True
    unlocks_without_password = True
    reveals_lock_without_password = False
    refused_ways = MappingProxyType(
        {"userCertificate": N_("certificates"), "nsCertSubjectDN": N_("mapped certificates")}
    )
    open_connections = staticmethod(of_ns389)
    refusals = (ldap.INVALID_CREDENTIALS, ldap.UNWILLING_TO_PERFORM)

    @property
    def identifier(self) -> str:  # type: ignore[override]  # the others have it without settings
        """Return nsUniqueId, which is always there; entryUUID only if its plugin has run over all entries."""
        return self.settings.id_attribute or UNIQUE_ID

    def canonical(self, wanted: str) -> AccountId:
        """Accept `xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx` for an nsUniqueId."""
        if self.identifier != UNIQUE_ID:
            return Posix.canonical(self, wanted)
        if not _FORM.fullmatch(wanted.lower()):
            raise ValueError(f"{wanted!r} is not an {UNIQUE_ID}")
        return AccountId(wanted.lower())

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return `locked` for `true`; a value that comes from a role (nsDisabledRole) counts too."""
        if not entry.shows(LOCK):
            return Verdict.UNKNOWN, hidden(LOCK)
        return (Verdict.LOCKED if entry.text(LOCK).lower() == "true" else Verdict.OPEN), ""

    def rights_controls(self) -> Sequence[Any]:
        """Ask for our own effective rights (draft-ietf-ldapext-acl-model)."""
        return [RequestControl(EFFECTIVE_RIGHTS, True, f"dn:{self.settings.bind_dn}".encode())]

    def refused(self, entry: Entry, wanted: Sequence[str]) -> Sequence[str]:
        """Read `attributeLevelRights`: `nsAccountLock:rscwo`, where w is the right to write."""
        told = dict(part.strip().partition(":")[::2] for part in entry.text("attributeLevelRights").split(","))
        return [name for name in wanted if "w" not in told.get(name, "w")]

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Write password and lock, naming the values that were read: there is no assertion control here."""
        lock, old, new = entry.values.get(LOCK.lower(), ()), entry.values.get(PASSWORD.lower(), ()), b"true"
        return [
            *([(ldap.MOD_DELETE, PASSWORD, list(old))] if old else []),
            (ldap.MOD_REPLACE, PASSWORD, [secret.encode()]),  # and not added: values that may not be read go, too
            (ldap.MOD_DELETE, LOCK, list(lock)) if lock else (ldap.MOD_ADD, LOCK, [new]),
            (ldap.MOD_REPLACE, LOCK, [new]),
        ]

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
        """Restore both, naming the values that were read.

        The server takes hashes only with nsslapd-allow-hashed-passwords; otherwise only the lock is removed.
        """
        lock, old = state.get("lock", ""), entry.values.get(PASSWORD.lower(), ())
        changes: list[Modification] = [
            (ldap.MOD_DELETE, LOCK, list(entry.values.get(LOCK.lower(), ()))),
            (ldap.MOD_REPLACE, LOCK, [lock.encode()] if lock else None),
        ]
        if state.get("password"):
            changes += [(ldap.MOD_DELETE, PASSWORD, list(old))] if old else []
            changes.append((ldap.MOD_REPLACE, PASSWORD, [line.encode() for line in state["password"].split("\n")]))
        return changes

    def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:  # noqa: ARG002
        """Accept the server's own refusal of inactive accounts as proof."""
        if refusal is None:
            return Login.ACCEPTED, _("the directory accepts the log-in of an account with {lock}: true").format(
                lock=LOCK
            )
        if refusal.get("result") == UNWILLING:
            said = _("the directory says: {words}")
            return Login.REFUSED, said.format(words=refusal.get("info") or "account inactivated")
        return (Login.NOT_TRIED, _("the directory refuses the log-in, and does not say that the lock is the reason"))
