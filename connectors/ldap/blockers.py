"""Refusals by a directory that lie ahead: locks without the right to write, and groups that cannot be left.

Active Directory and 389 tell our rights over an entry. Elsewhere a write without effect shows them. A group whose class
requires a member keeps its last one (RFC 4519, section 3.5); the server's own schema says which classes do.
"""

import secrets
from collections.abc import Iterator, Sequence

from ldap.schema.models import ObjectClass

from config.text import _
from connectors.contract import AccountId, Act, Blocker, Verdict
from connectors.ldap.attribute_rights import SUBSCHEMA, refuses
from connectors.ldap.blind_spots import NO_RIGHT, refused_locks, with_rights
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Membership
from connectors.ldap.directory import Directory
from connectors.ldap.memberships import Memberships
from connectors.ldap.wire import Entry, equals

CLASSES = "objectClasses"


def find(directory: Directory, memberships: Memberships, link: LdapConnection, account: AccountId) -> Sequence[Blocker]:
    """Return what will be refused for one account. Raises `Missing`."""
    entry = directory.person(link, account)
    found = list[Blocker]()
    if directory.dialect.verdict(entry)[0] is not Verdict.LOCKED:
        found += _of_lock(directory, link, entry)
    return [*found, *_of_groups(directory, memberships, link, entry)]


def _of_lock(directory: Directory, link: LdapConnection, entry: Entry) -> Iterator[Blocker]:
    why, remedy = directory.dialect.blocked(entry)
    if why:
        yield Blocker(Act.LOCK, why, remedy)
    bot = directory.settings.bind_dn
    for row, missing in refused_locks(directory, link, [entry]):
        if missing:
            names = " or ".join(missing)
            text = _("Let {bind_dn} write {attributes} of this entry.")
            said = _(NO_RIGHT).format(dn=row.dn, bind_dn=bot, attributes=names)
            yield Blocker(Act.LOCK, said, text.format(bind_dn=bot, attributes=names))


def _of_groups(directory: Directory, memberships: Memberships, link: LdapConnection, entry: Entry) -> Iterator[Blocker]:
    rows = memberships.naming(link, entry)
    required = _required(link) if rows else frozenset()
    for row in rows:
        kinds = {name.casefold() for name in row.all("objectClass")}
        for way in directory.dialect.memberships:
            kind = way.object_class.casefold()
            if kind not in kinds:
                continue
            if (kind, way.attribute.casefold()) in required and _is_last(memberships, link, row, way, entry):
                yield _last(entry, row, way)
            elif _is_refused(directory, link, row, way):
                yield _no_right(directory, row, way)


def _last(entry: Entry, group: Entry, way: Membership) -> Blocker:
    why = _("{member} is the last member of the group {group}, and a {kind} may not be empty.")
    remedy = _("Put a successor into the group {group} first, or delete it.")
    name = group.text("cn")
    said = why.format(member=entry.text("cn"), group=name, kind=way.object_class)
    return Blocker(Act.LEAVE_GROUPS, said, remedy.format(group=name))


def _no_right(directory: Directory, group: Entry, way: Membership) -> Blocker:
    told = {"bind_dn": directory.settings.bind_dn, "attribute": way.attribute, "group": group.text("cn")}
    why = _("{bind_dn} may not write {attribute} of the group {group}.").format(**told)
    remedy = _("Let {bind_dn} write {attribute} of the group {group}, or take the leaver out by hand.").format(**told)
    return Blocker(Act.LEAVE_GROUPS, why, remedy)


def _is_last(memberships: Memberships, link: LdapConnection, group: Entry, way: Membership, entry: Entry) -> bool:
    """Return whether all values of a group name the account."""
    told = link.read(group.dn, [way.attribute])
    members = told.all(way.attribute) if told else []
    return bool(members) and len(members) == len(memberships.named_in(link, group, way, entry))


def _is_refused(directory: Directory, link: LdapConnection, group: Entry, way: Membership) -> bool:
    dialect = directory.dialect
    if not dialect.written:
        nobody = secrets.token_hex(16)
        value = nobody if way.by_login else f"cn={nobody},{directory.settings.base_dn}"
        return refuses(link, group, way.attribute, value.encode())
    query = equals("cn", group.text("cn"))
    rows = [row for row in with_rights(directory, link, group.dn, query, [way.attribute]) if row.dn == group.dn]
    return any(dialect.refused(row, [way.attribute]) for row in rows)


def _required(link: LdapConnection) -> frozenset[tuple[str, str]]:
    """Return the pairs of class and attribute, in small letters, that the server's schema requires."""
    root = link.read("", [SUBSCHEMA])
    place = root.text(SUBSCHEMA) if root else ""
    schema = link.read_if_visible(place, [CLASSES]) if place else None
    classes = [ObjectClass(text) for text in (schema.all(CLASSES) if schema else ())]
    return frozenset(
        (name.casefold(), required.casefold()) for one in classes for name in one.names for required in one.must
    )
