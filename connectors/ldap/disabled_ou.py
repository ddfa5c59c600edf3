"""Moving an entry to the folder for disabled accounts and back. The DN changes, so later reads use the id."""

from collections.abc import Mapping

import ldap
from ldap.dn import dn2str, str2dn

from config.text import _
from connectors.contract import AccountId
from connectors.ldap.connection import LdapConnection
from connectors.ldap.faults import NO_ANSWER, server_words
from connectors.ldap.wire import Entry

Name = list[tuple[str, str, int]]


def same(one: str, other: str) -> bool:
    """Return whether two DNs name the same place, however they are written."""
    return _folded(one) == _folded(other)


def below(dn: str, top: str) -> bool:
    """Return whether a place lies below another, and is not that other itself."""
    inner, outer = _folded(dn), _folded(top)
    return 0 < len(outer) < len(inner) and inner[-len(outer) :] == outer


def parent(dn: str) -> str:
    """Return the DN of the folder that an entry lies in."""
    return str(dn2str(str2dn(dn)[1:]))


def rdn(dn: str) -> str:
    """Return an entry's own part of its DN."""
    return str(dn2str(str2dn(dn)[:1]))


def marked(dn: str, account: AccountId) -> str:
    """Return an RDN that no other entry has: the name with the beginning of the id behind it."""
    (attribute, value, kind), *rest = str2dn(dn)[0]
    return str(dn2str([[(attribute, f"{value} ({account[:8]})", kind), *rest]]))


def move_to_disabled_ou(link: LdapConnection, entry: Entry, account: AccountId, folder: str) -> tuple[str, str]:
    """Move an entry into `folder`; return its new DN and the reason for a failed move (or an empty text)."""
    if not folder or same(parent(entry.dn), folder):
        return entry.dn, ""
    try:
        try:
            return link.rename(entry.dn, rdn(entry.dn), folder), ""
        except ldap.ALREADY_EXISTS:  # a namesake who left earlier
            return link.rename(entry.dn, marked(entry.dn, account), folder), ""
    except NO_ANSWER:
        raise
    except ldap.LDAPError as error:
        return entry.dn, _("it could not be moved to {folder}: {why}").format(folder=folder, why=server_words(error))


def move_back(
    link: LdapConnection, entry: Entry, account: AccountId, state: Mapping[str, str], folder: str
) -> tuple[str, str]:
    """Move an entry out of `folder` to its former place; returns as `move_to_disabled_ou` does."""
    home = state.get("dn", "")
    if not folder or not home or same(entry.dn, home) or not same(parent(entry.dn), folder):
        return entry.dn, ""
    try:
        try:
            return link.rename(entry.dn, rdn(home), parent(home)), ""
        except ldap.ALREADY_EXISTS:  # a namesake who came meanwhile
            return link.rename(entry.dn, marked(home, account), parent(home)), ""
    except NO_ANSWER:
        raise
    except ldap.LDAPError as error:
        return entry.dn, _("it could not be moved back to {folder}: {why}").format(
            folder=parent(home), why=server_words(error)
        )


def _folded(dn: str) -> list[list[tuple[str, str]]]:
    names: list[Name] = str2dn(dn)
    return [[(attribute.casefold(), value.casefold()) for attribute, value, _ in name] for name in names]
