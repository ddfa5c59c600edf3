"""Attributes that the bot's account may not search, read or write: by counts, by samples, and by writes without effect.

A filter on an attribute that may not be searched is Undefined, even one for its absence (RFC 4511, section 4.5.1.7). So
entries that match neither are those whose attribute is hidden.
"""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice, takewhile

import ldap

from config.text import _
from connectors.ldap import own_account
from connectors.ldap.absence import may_search
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Membership
from connectors.ldap.directory import Directory
from connectors.ldap.faults import LIMITS, NO_ANSWER
from connectors.ldap.openldap import OWN_POLICY
from connectors.ldap.wire import Entry, both, either, equals, parent

TRIED, MOST_FOLDERS, SAMPLE = 3, 30, 1000
"""Accounts of a folder, and groups, on which a write without effect is tried, where the server tells no rights."""
SUBSCHEMA, TYPES = "subschemaSubentry", "attributeTypes"
_NAMES = re.compile(r"'([\w;-]+)'")
"""Names in a definition (RFC 4512, section 4.1.2); words of its description do no harm."""
LONG_AGO = b"19700101000000Z"
"""A time at which nobody was locked."""


def find(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Yield, as sentences, what may not be searched or read. Counting ends at the time `end`, which is said."""
    dialect, people = directory.dialect, directory.people_filter
    names = tuple(dict.fromkeys((*dict(dialect.addresses), *dialect.logins)))
    unsearchable = [name for name in names if not may_search(directory, link, name)]
    for name in unsearchable:
        yield _("{attribute} may not be searched by {bind_dn}, so nobody can be found by it").format(
            attribute=name, bind_dn=directory.settings.bind_dn
        )
    for name in names:
        known = link.first_person(directory.settings.base_dn, both(directory.control, f"({name}=*)"), [name])
        if known and not known.text(name):
            yield _("{attribute} may be searched by {bind_dn} and not read, so further values are not known").format(
                attribute=name, bind_dn=directory.settings.bind_dn
            )
    yield from _unseen_ways(directory, link)
    seen = {name: _told(name) for name in (dialect.identifier, *(one for one in names if one not in unsearchable))}
    count = _Counter(directory.settings.base_dn, link, end)
    total, whole = count(people), count(both(people, dialect.readable_lock, *seen.values()))
    if whole is None or total is None:
        yield _("whether every account shows all attributes cannot be told: counting takes too long")
        return
    if whole >= total:
        return
    readable = count(both(people, dialect.readable_lock))
    if readable is not None and readable < total:
        yield _("{lock} of {count} of {total} accounts cannot be seen, so their verdict is unknown").format(
            lock=dialect.lock, count=total - readable, total=total
        )
    for name, query in seen.items():
        visible = count(both(people, query))
        if visible is not None and visible < total:
            yield _("{attribute} of {count} of {total} accounts cannot be seen, so they are not found by it").format(
                attribute=name, count=total - visible, total=total
            )


def _unseen_ways(directory: Directory, link: LdapConnection) -> Iterator[str]:
    """Yield, as sentences, what is not seen beside the password and the lock."""
    bot = directory.settings.bind_dn
    for name in hidden_ways(directory, link):
        words = _("{attribute} may not be read by {bind_dn}, so keys in it are not seen")
        yield words.format(attribute=name, bind_dn=bot)
    if directory.dialect.enforced_by_policy and not may_search(directory, link, OWN_POLICY):
        words = _("{attribute} may not be searched by {bind_dn}, so each lock is tried alone")
        yield words.format(attribute=OWN_POLICY, bind_dn=bot)


def hidden_ways(directory: Directory, link: LdapConnection) -> Sequence[str]:
    """Return the attributes of ways in beside the password that the server knows and that may not be read."""
    names = () if directory.dialect.lock_holds_everywhere else directory.settings.ways_in
    known = known_attributes(link) if names else frozenset()
    return [name for name in names if name.casefold() in known and _is_hidden(directory, link, name)]


def known_attributes(link: LdapConnection) -> frozenset[str]:
    """Return the attributes that the server knows, in small letters; none if it does not show its schema."""
    root = link.read("", [SUBSCHEMA])
    place = root.text(SUBSCHEMA) if root else ""
    schema = link.read_if_visible(place, [TYPES]) if place else None
    return frozenset(name.casefold() for line in (schema.all(TYPES) if schema else ()) for name in _NAMES.findall(line))


def unsearched(link: LdapConnection, base: str, names: Sequence[str], end: float) -> tuple[int | None, int | None]:
    """Return the number of entries below a base of which some of `names` may not be searched, and of all entries.

    None for either: counting takes longer than until `end`.
    """
    count = _Counter(base, link, end)
    total, told = count("(objectClass=*)"), count(both(*map(_told, names)))
    return (total - told if total is not None and told is not None else None), total


def _is_hidden(directory: Directory, link: LdapConnection, name: str) -> bool:
    """Return whether an attribute may not be searched, or not be read in an account that has it."""
    if not may_search(directory, link, name):
        return True
    holder = link.first_person(directory.settings.base_dn, both(directory.control, f"({name}=*)"), [name])
    return holder is not None and not holder.all(name)


def may_see_members(directory: Directory, link: LdapConnection) -> bool:
    """Return whether some group can be searched for a member, or there is none."""
    ways, base = directory.dialect.memberships, directory.settings.group_base_dn or directory.settings.base_dn
    groups = [equals("objectClass", way.object_class) for way in ways]
    told = (both(one, _told(way.attribute)) for one, way in zip(groups, ways, strict=True))
    if link.first_person(base, either(told), ["1.1"]):
        return True
    return link.first_person(base, either(groups), ["1.1"]) is None


def tells_members(directory: Directory, link: LdapConnection, group: Entry) -> bool:
    """Return whether one group can be searched for a member, in every form in which its kind names members."""
    classes = {name.casefold() for name in group.all("objectClass")}
    names = {way.attribute for way in directory.dialect.memberships if way.object_class.casefold() in classes}
    return link.read(group.dn, ["1.1"], both("(objectClass=*)", *map(_told, sorted(names)))) is not None


def hidden_members(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Yield, as a sentence, how many groups may not be searched for a member."""
    ways, settings = directory.dialect.memberships, directory.settings
    count = _Counter(settings.group_base_dn or settings.base_dn, link, end)
    total = count(either(equals("objectClass", way.object_class) for way in ways))
    seen = count(either(both(equals("objectClass", way.object_class), _told(way.attribute)) for way in ways))
    if total is not None and seen is not None and seen < total:
        yield _(
            "the members of {count} of {total} groups may not be searched by {bind_dn}: nobody is seen in them"
        ).format(count=total - seen, total=total, bind_dn=settings.bind_dn)


def refused_writes(directory: Directory, link: LdapConnection) -> Iterator[str]:
    """Yield, as sentences, the writes that a server which tells no rights refuses.

    Each request deletes a value that no entry has, so it changes nothing: the server looks at our rights before.
    """
    settings, dialect = directory.settings, directory.dialect
    mine, everybody = own_account.name(directory, link), [dialect.identifier]
    rows = islice(link.search(settings.base_dn, directory.control, everybody, []), SAMPLE)
    folders = defaultdict[str, list[Entry]](list)
    with suppress(*LIMITS):  # the check says that not everybody can be listed
        for row in rows:
            if dialect.identify(row) != mine:
                folders[parent(row.dn)].append(row)
    people = [row for some in islice(folders.values(), MOST_FOLDERS) for row in some[:TRIED]]
    refusals = [set(refused_lock(directory, link, row)) for row in people]
    for name in dict.fromkeys((dialect.lock, dialect.password)):
        if count := sum(name in refused for refused in refusals):
            yield _("{bind_dn} may not write {attributes} of {count} of {total} accounts looked at").format(
                bind_dn=settings.bind_dn, attributes=name, count=count, total=len(people)
            )
    nobody = secrets.token_hex(16)
    for way in dialect.memberships:
        groups = _some_groups(directory, link, way)
        member = (nobody if way.by_login else f"cn={nobody},{settings.base_dn}").encode()
        if groups and all(refuses(link, row, way.attribute, member) for row in groups):
            yield _("{bind_dn} may take nobody out of a group: it may not write {attribute}").format(
                bind_dn=settings.bind_dn, attribute=way.attribute
            )


def refused_lock(directory: Directory, link: LdapConnection, row: Entry) -> Sequence[str]:
    """Return the attributes of a lock that we may not write in an entry, as a write without effect shows."""
    dialect = directory.dialect
    values = {dialect.lock: LONG_AGO} | {dialect.password: secrets.token_hex(16).encode()}
    return [name for name, value in values.items() if refuses(link, row, name, value)]


def _some_groups(directory: Directory, link: LdapConnection, way: Membership) -> Sequence[Entry]:
    base = directory.settings.group_base_dn or directory.settings.base_dn
    query = both(equals("objectClass", way.object_class), f"({way.attribute}=*)")
    return list(islice(link.search(base, query, ["1.1"], []), TRIED))


def refuses(link: LdapConnection, row: Entry, name: str, value: bytes) -> bool:
    """Return whether a write without effect is refused: it deletes a value that the entry does not have."""
    try:
        link.modify(row.dn, [(ldap.MOD_DELETE, name, [value])])
    except NO_ANSWER:
        raise
    except ldap.INSUFFICIENT_ACCESS:
        return True
    except ldap.LDAPError:  # the value is missing: everything before that was in order
        return False
    return False


def _told(name: str) -> str:
    """Return the filter for entries of which the server tells whether they have an attribute."""
    return f"(|({name}=*)(!({name}=*)))"


class _Counter:
    """Counts entries below a base, until a time."""

    def __init__(self, base: str, link: LdapConnection, end: float) -> None:
        self._base, self._link, self._end = base, link, end

    def __call__(self, query: str) -> int | None:
        """Return the number of entries that match; None if the time is over."""
        rows = self._link.rows(self._base, query, ["1.1"], [])
        number = sum(1 for _row in takewhile(lambda _row: time.monotonic() < self._end, rows))
        return number if time.monotonic() < self._end else None
