"""Direct membership in groups, read from the groups themselves: `memberOf` is an overlay's copy and may be stale."""

from collections.abc import Sequence

import ldap

from config.text import N_, _
from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Missing
from connectors.ldap.dialect import Membership
from connectors.ldap.directory import Directory
from connectors.ldap.link import Link
from connectors.ldap.nesting import BACK_LINK, Nesting
from connectors.ldap.wire import Entry, both, either, equals

CLASS = "objectClass"
PRIMARY = N_("this is the account's primary group, which nobody can leave: it goes with the account")


class Memberships:
    """The groups of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._dialect = directory.dialect
        self._base = directory.settings.group_base_dn or directory.settings.base_dn
        self._asked = ("cn", CLASS, BACK_LINK, self._dialect.identifier)
        self._nesting = Nesting(self._dialect, self._base)

    def of(self, link: Link, account: AccountId) -> Sequence[Group]:
        """Return the groups that name the account, and the one that it has without being named, by name."""
        entry = self._directory.person(link, account)
        query = either(
            both(equals(CLASS, way.object_class), equals(way.attribute, self._member(way, entry)))
            for way in self._dialect.memberships
        )
        rows = list(link.search(self._base, query, self._asked))
        primary = self._primary(link, entry)
        groups = [self._group_of(row, above) for row, above in zip(rows, self._nesting.above(link, rows), strict=True)]
        groups += [self._group_of(row, (), _(PRIMARY)) for row in primary]
        return sorted(groups, key=lambda group: group.name)

    def remove(self, link: Link, account: AccountId, group: GroupId) -> Change:
        """Delete one value. Raises `Conflict` for the last member of a group that may not be empty, and the primary."""
        entry, found, way = self._both(link, account, group)
        if self._is_primary(link, entry, found):
            raise Conflict(_("{member} cannot leave {group}: {why}").format(
                member=entry.text("cn"), group=found.text("cn"), why=_(PRIMARY)
            ))
        try:
            link.modify(found.dn, [(ldap.MOD_DELETE, way.attribute, [self._member(way, entry).encode()])])
        except (ldap.NO_SUCH_ATTRIBUTE, ldap.UNWILLING_TO_PERFORM):
            # Servers say it in their own ways, so the group is asked: Active Directory is "unwilling to perform".
            if link.read(found.dn, ["cn"], equals(way.attribute, self._member(way, entry))) is None:
                return Change.ALREADY
            raise
        except ldap.OBJECT_CLASS_VIOLATION as error:
            raise Conflict(
                _(
                    "{member} is the last member of the group {group}, and a {kind} may not be empty: put a "
                    "successor in first, or delete the group"
                ).format(member=entry.text("cn"), group=found.text("cn"), kind=way.object_class),
            ) from error
        return Change.MADE

    def restore(self, link: Link, account: AccountId, group: GroupId) -> Change:
        """Add one value."""
        entry, found, way = self._both(link, account, group)
        if self._is_primary(link, entry, found):
            return Change.ALREADY
        try:
            link.modify(found.dn, [(ldap.MOD_ADD, way.attribute, [self._member(way, entry).encode()])])
        except (ldap.TYPE_OR_VALUE_EXISTS, ldap.ALREADY_EXISTS):
            return Change.ALREADY
        return Change.MADE

    def _both(self, link: Link, account: AccountId, group: GroupId) -> tuple[Entry, Entry, Membership]:
        entry = self._directory.person(link, account)
        found = self._group(link, group)
        classes = {name.casefold() for name in found.all(CLASS)}
        for way in self._dialect.memberships:
            if way.object_class.casefold() in classes:
                return entry, found, way
        raise Missing(_("{dn} is not a group of a kind that is known here").format(dn=found.dn))

    def _group(self, link: Link, group: GroupId) -> Entry:
        try:
            query = self._dialect.matches(group)
        except ValueError as error:
            raise Missing(_("{group!r} cannot be a group's id").format(group=group)) from error
        for entry in link.search(self._base, query, self._asked):
            return entry
        raise Missing(_("there is no group with {identifier} {group} below {base}").format(
            identifier=self._dialect.identifier, group=group, base=self._base
        ))

    def _primary(self, link: Link, entry: Entry) -> Sequence[Entry]:
        query = self._dialect.primary(entry)
        return list(link.search(self._directory.settings.base_dn, query, self._asked)) if query else ()

    def _is_primary(self, link: Link, entry: Entry, group: Entry) -> bool:
        return any(row.dn == group.dn for row in self._primary(link, entry))

    def _group_of(self, row: Entry, above: tuple[str, ...], fixed: str = "") -> Group:
        return Group(GroupId(self._dialect.identify(row)), row.text("cn"), above, fixed)

    def _member(self, way: Membership, entry: Entry) -> str:
        return entry.text(self._dialect.login) if way.by_login else entry.dn
