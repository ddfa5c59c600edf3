"""Everybody at once: what an audit of a hundred thousand leavers reads in the time of a paged search."""

from collections.abc import Iterator

from connectors.contract import Account, AccountId
from connectors.errors import Unavailable
from connectors.ldap.connections import Link
from connectors.ldap.dialect import account_id
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry

WHO, WHEN = "modifiersName", "modifyTimestamp"


def locked(directory: Directory, link: Link) -> frozenset[AccountId]:
    """Return the ids of all accounts that are locked now. The server picks them out, and each lock is read."""
    dialect, base = directory.dialect, directory.settings.base_dn
    if not dialect.locked_query:
        raise Unavailable("this kind of directory has no filter for locked accounts")
    judged: dict[bytes, bool] = {}
    found = []
    for dn, values in link.rows(base, dialect.locked_query, (dialect.identifier, dialect.lock)):
        [lock, *_] = values.get(dialect.lock) or [b""]
        if lock not in judged:  # the value decides alone, and there are few different ones
            judged[lock] = dialect.verdict(Entry.read(dn, values))[0] == "locked"
        if judged[lock]:
            found.append(AccountId(values[dialect.identifier][0].decode().lower()))
    return frozenset(found)


def everyone(directory: Directory, link: Link) -> Iterator[Account]:
    """Stream every account below the base, without before-images and managers' addresses."""
    dialect, settings = directory.dialect, directory.settings
    attributes = ("cn", "displayName", "mail", "title", dialect.login, dialect.identifier, dialect.lock)
    for entry in link.search(settings.base_dn, settings.people_filter, attributes):
        yield Account(
            id=account_id(entry, dialect),
            login=entry.text(dialect.login),
            name=entry.text("displayName") or entry.text("cn"),
            verdict=dialect.verdict(entry)[0],
            matched_by="",
            email=entry.text("mail"),
            title=entry.text("title"),
        )


def last_change(directory: Directory, link: Link, account: AccountId) -> Entry | None:
    """Read who changed an entry last, and when: operational attributes of RFC 4512 section 3.4."""
    return directory.people(link, [account], (directory.dialect.identifier, WHO, WHEN)).get(AccountId(account.lower()))
