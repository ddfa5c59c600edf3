"""All accounts at once: who is locked, and who is there."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from config.text import _
from connectors.comparison import Visible
from connectors.contract import Account, AccountId, Verdict
from connectors.errors import Forbidden, Unavailable
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Dialect
from connectors.ldap.directory import Directory
from connectors.ldap.ways_in import is_clear
from connectors.ldap.wire import NUMBERS, Entry, account_names, both, either, equals, first_value


class _Judged:
    """Verdicts by the value of a lock, in a dialect where it alone decides. There are few different ones."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect, self._verdicts = dialect, dict[bytes, bool]()

    def locked(self, dn: str, values: Mapping[str, list[bytes]]) -> bool:
        """Return whether a row's lock holds for good."""
        lock = first_value(values, self._dialect.lock)
        if lock not in self._verdicts:
            self._verdicts[lock] = self._dialect.verdict(Entry.read(dn, values))[0] is Verdict.LOCKED
        return self._verdicts[lock]


def locked(
    directory: Directory,
    link: LdapConnection,
    ways_in: Sequence[str] = (),
    is_enforced: Callable[[Entry], bool] = lambda _entry: True,
) -> frozenset[AccountId]:
    """Return the ids of all accounts that are locked now. The server filters, and each lock is read.

    `is_enforced` is asked once for each folder.

    An entry whose id cannot be read is left out; accounts that are left out are read one by one.
    """
    dialect = directory.dialect
    if not dialect.locked_query:
        raise Unavailable(_("this kind of directory has no filter for locked accounts"))
    judged, enforced = _Judged(dialect), dict[str, bool]()
    found: set[AccountId] = set()
    password = dialect.password if dialect.clear_passwords_pass else ""
    asked = (dialect.identifier, dialect.lock, *ways_in, *filter(None, [password]))
    shapes: dict[tuple[str, ...], tuple[bool, Sequence[str]]] = {}
    for dn, values in link.rows(directory.settings.base_dn, dialect.locked_query, asked):
        shape = tuple(values)
        if shape not in shapes:  # there are few different sets of attributes
            shapes[shape] = bool(_named(shape, *ways_in)), _named(shape, password)
        has_way_in, passwords = shapes[shape]
        if has_way_in or not judged.locked(dn, values):
            continue
        if any(is_clear(one) for name in passwords for one in values[name]):
            continue
        folder = dn.partition(",")[2]
        if folder not in enforced:
            enforced[folder] = is_enforced(Entry.read(dn, values))
        if enforced[folder]:
            found.add(dialect.named(first_value(values, dialect.identifier)))
    return frozenset(found - {AccountId("")})


def _named(shown: Sequence[str], *wanted: str) -> Sequence[str]:
    """Return the attributes that are among the wanted ones, with any options (`mail;lang-de`)."""
    names = {name.lower() for name in wanted}
    return [name for name in shown if name.partition(";")[0].lower() in names]


def visible(directory: Directory, link: LdapConnection, end: float) -> Visible:
    """Return the names of all people and all groups that can be seen. Raises `Unavailable` at the time `end`."""
    dialect, settings = directory.dialect, directory.settings
    groups = either(equals("objectClass", one) for one in sorted({way.object_class for way in dialect.memberships}))
    return Visible(
        _names(link, settings.base_dn, directory.people_filter, end, dialect.is_person),
        _names(link, settings.group_base_dn or settings.base_dn, groups, end),
    )


def _names(
    link: LdapConnection, base: str, query: str, end: float, wanted: Callable[[Entry], bool] = lambda _entry: True
) -> frozenset[str]:
    """Return the DNs of all entries that match and whose classes are `wanted`."""
    found, judged = set[str](), dict[tuple[bytes, ...], bool]()
    for dn, values in link.rows(base, query, ["objectClass"]):
        if time.monotonic() > end:
            raise Unavailable(_("there are more than {count}, and counting takes too long").format(count=len(found)))
        classes = tuple(values.get("objectClass", ()))
        if classes not in judged:  # the classes alone decide, and there are few different ones
            judged[classes] = wanted(Entry.read(dn, values))
        if judged[classes]:
            found.add(dn)
    return frozenset(found)


def alive(directory: Directory, link: LdapConnection) -> Iterator[Account]:
    """Stream every account that is not locked.

    The server leaves out the locked ones if it can. An account with a lock that we may not read matches no filter on
    it. So everybody is listed with the lock alone first, and everybody is read if the filter misses somebody.
    """
    dialect, people = directory.dialect, directory.people_filter
    open_ones = both(people, f"(!{dialect.locked_query})") if dialect.locked_query else people
    if dialect.locked_query and dialect.lock_may_be_missing:
        base = directory.settings.base_dn
        judged, listed = _Judged(dialect), link.rows(base, people, [dialect.lock])
        unlocked = {hash(dn) for dn, values in listed if not judged.locked(dn, values)}
        unlocked.difference_update(hash(dn) for dn, _values in link.rows(base, open_ones, ["1.1"]))
        open_ones = people if unlocked else open_ones
    return (one for one in everyone(directory, link, open_ones) if one.verdict is not Verdict.LOCKED)


def everyone(directory: Directory, link: LdapConnection, people: str = "") -> Iterator[Account]:
    """Stream every account below the base, without before-images and managers' addresses.

    Raises `Forbidden` at the end if there were accounts with a lock, or an id, that may not be read.
    """
    dialect, query, hidden = directory.dialect, people or directory.people_filter, Counter[str]()
    attributes = (
        "objectClass",
        "cn",
        "displayName",
        "mail",
        "title",
        dialect.login,
        dialect.identifier,
        dialect.lock,
        *dialect.verdict_attributes,
        *dialect.last_login,
        *(name for name, _prefix in directory.addresses),
        *directory.logins,
        *NUMBERS,
    )
    unlocked = _unlocked(directory, link, query)
    for row in link.search(directory.settings.base_dn, query, attributes):
        entry = row.without(dialect.lock) if hash(row.dn) in unlocked and not row.shows(dialect.lock) else row
        account = dialect.identify(entry)
        if not dialect.is_person(entry):
            continue
        if not account:  # later calls could not read or lock it
            hidden[dialect.identifier] += 1
            continue
        hidden[dialect.lock] += not entry.shows(dialect.lock)
        log_ins = [moment for name in dialect.last_login if (moment := dialect.moment(entry.text(name)))]
        yield Account(
            id=account,
            login=dialect.handle(entry),
            name=entry.text("displayName") or entry.text("cn"),
            verdict=dialect.verdict(entry)[0],
            matched_by="",
            email=entry.text("mail"),
            title=entry.text("title"),
            last_login=max(log_ins, default=None),
            **account_names(entry, directory, dialect.handle(entry)),
        )

    said = _("{attribute} of {count} accounts cannot be read: the bot's account needs the right to")
    if problems := [said.format(attribute=name, count=count) for name, count in hidden.items() if count]:
        raise Forbidden("; ".join(problems))


def _unlocked(directory: Directory, link: LdapConnection, people: str) -> frozenset[int]:
    """Return the hashes of the DNs of accounts that are proven to have no lock, as numbers to save memory."""
    if not directory.dialect.lock_may_be_missing:
        return frozenset()
    query = both(people, f"(!({directory.dialect.lock}=*))")
    return frozenset(hash(dn) for dn, _values in link.rows(directory.settings.base_dn, query, ["1.1"]))
