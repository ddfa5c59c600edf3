"""All accounts at once: an audit reads a hundred thousand of them in the time of a paged search."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from config.text import _
from connectors.contract import Account, AccountId
from connectors.errors import Unavailable
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Dialect
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry, also, both


def locked(directory: Directory, link: LdapConnection) -> frozenset[AccountId]:
    """Return the ids of all accounts that are locked now. The server filters, and each lock is read.

    An entry whose id cannot be read is left out; accounts that are left out are read one by one.
    """
    dialect, base = directory.dialect, directory.settings.base_dn
    if not dialect.locked_query:
        raise Unavailable(_("this kind of directory has no filter for locked accounts"))
    judged: dict[bytes, bool] = {}
    found: set[AccountId] = set()
    for dn, values in link.rows(base, dialect.locked_query, (dialect.identifier, dialect.lock)):
        lock = _first(values, dialect.lock)
        if lock not in judged:  # the value alone decides, and there are few different ones
            judged[lock] = dialect.verdict(Entry.read(dn, values))[0] == "locked"
        if judged[lock]:
            found.add(dialect.named(_first(values, dialect.identifier)))
    return frozenset(found - {AccountId("")})


def alive(directory: Directory, link: LdapConnection) -> Iterator[Account]:
    """Stream every account that is not locked; the server leaves the locked ones out if it has a filter for them."""
    query, people = directory.dialect.locked_query, directory.people_filter
    return everyone(directory, link, both(people, f"(!{query})") if query else people)


def everyone(directory: Directory, link: LdapConnection, people: str = "") -> Iterator[Account]:
    """Stream every account below the base, without before-images and managers' addresses."""
    dialect, settings = directory.dialect, directory.settings
    attributes = (
        "cn",
        "displayName",
        "mail",
        "title",
        dialect.login,
        dialect.identifier,
        dialect.lock,
        *dialect.last_login,
        *(name for name, _prefix in dialect.addresses),
    )
    for entry in link.search(settings.base_dn, people or directory.people_filter, attributes):
        account = dialect.identify(entry)
        if not account:
            continue  # no id, so later calls could not read or lock it
        yield Account(
            id=account,
            login=dialect.handle(entry),
            name=entry.text("displayName") or entry.text("cn"),
            verdict=dialect.verdict(entry)[0],
            matched_by="",
            email=entry.text("mail"),
            title=entry.text("title"),
            last_login=_last_login(entry, dialect),
            also=also(entry, dialect),
        )


def last_change(directory: Directory, link: LdapConnection, account: AccountId) -> tuple[str, datetime | None]:
    """Read the last change's actor and time; `who` is empty if the server stores only the time."""
    dialect = directory.dialect
    attributes = (dialect.identifier, *filter(None, (dialect.changed_by, dialect.changed_at)))
    entry = directory.people(link, [account], attributes).get(account)
    if entry is None:
        return "", None
    return entry.text(dialect.changed_by), dialect.moment(entry.text(dialect.changed_at))


def _last_login(entry: Entry, dialect: Dialect) -> datetime | None:
    moments = [moment for name in dialect.last_login if (moment := dialect.moment(entry.text(name)))]
    return max(moments, default=None)


def _first(values: Mapping[str, list[bytes]], name: str) -> bytes:
    """Return the first value; servers may write an attribute's name in another case than requested."""
    found = values.get(name)
    if found is None:
        found = next((v for k, v in values.items() if k.lower() == name.lower()), None)
    return found[0] if found else b""
