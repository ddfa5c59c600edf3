"""Direct membership in groups, read from the groups themselves: `memberOf` is an overlay's copy and may be stale."""

from collections.abc import Sequence

import ldap

from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Missing
from connectors.ldap.connections import Link
from connectors.ldap.dialect import Membership
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry, both, either, equals

CLASS = "objectClass"


class Memberships:
    """The groups of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._base = directory.settings.group_base_dn or directory.settings.base_dn
        self._asked = ("cn", CLASS, directory.dialect.identifier)

    def of(self, link: Link, account: AccountId) -> Sequence[Group]:
        """Return the groups that name the account, by name."""
        entry = self._directory.person(link, account)
        query = either(
            both(equals(CLASS, way.object_class), equals(way.attribute, self._member(way, entry)))
            for way in self._directory.dialect.memberships
        )
        rows = link.search(self._base, query, self._asked)
        return sorted((Group(self._id(row), row.text("cn")) for row in rows), key=lambda group: group.name)

    def remove(self, link: Link, account: AccountId, group: GroupId) -> Change:
        """Delete one value. Raises `Conflict` for the last member of a group that may not be empty."""
        entry, found, way = self._both(link, account, group)
        try:
            link.modify(found.dn, [(ldap.MOD_DELETE, way.attribute, [self._member(way, entry).encode()])])
        except ldap.NO_SUCH_ATTRIBUTE:
            return Change.ALREADY
        except ldap.OBJECT_CLASS_VIOLATION as error:
            raise Conflict(
                f"{entry.text('cn')} is the last member of the group {found.text('cn')}, and a {way.object_class} may "
                "not be empty: put a successor in first, or delete the group",
            ) from error
        return Change.MADE

    def restore(self, link: Link, account: AccountId, group: GroupId) -> Change:
        """Add one value."""
        entry, found, way = self._both(link, account, group)
        try:
            link.modify(found.dn, [(ldap.MOD_ADD, way.attribute, [self._member(way, entry).encode()])])
        except ldap.TYPE_OR_VALUE_EXISTS:
            return Change.ALREADY
        return Change.MADE

    def _both(self, link: Link, account: AccountId, group: GroupId) -> tuple[Entry, Entry, Membership]:
        entry = self._directory.person(link, account)
        found = self._group(link, group)
        classes = {name.casefold() for name in found.all(CLASS)}
        for way in self._directory.dialect.memberships:
            if way.object_class.casefold() in classes:
                return entry, found, way
        raise Missing(f"{found.dn} is not a group of a kind that is known here")

    def _group(self, link: Link, group: GroupId) -> Entry:
        try:
            query = self._directory.dialect.matches(group)
        except ValueError as error:
            raise Missing(f"{group!r} cannot be a group's id") from error
        for entry in link.search(self._base, query, self._asked):
            return entry
        raise Missing(f"there is no group with {self._directory.dialect.identifier} {group} below {self._base}")

    def _id(self, row: Entry) -> GroupId:
        return GroupId(row.text(self._directory.dialect.identifier))

    def _member(self, way: Membership, entry: Entry) -> str:
        return entry.text(self._directory.dialect.login) if way.by_login else entry.dn
