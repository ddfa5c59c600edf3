"""Members of administrator groups: direct members, members of nested groups, and by primary group."""

from collections.abc import Sequence

from config.text import _
from connectors.contract import AccountId
from connectors.errors import Missing
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.nested_groups import DEPTH
from connectors.ldap.wire import Entry, both, either, equals

CLASS = "objectClass"


class AdministratorLookup:
    """The members of groups, from the top down."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._dialect = directory.dialect
        self._base = directory.settings.group_base_dn or directory.settings.base_dn
        attributes = (*(way.attribute for way in self._dialect.memberships), *self._dialect.group_attributes)
        self._asked = tuple(dict.fromkeys(("cn", CLASS, *attributes, *directory.attributes)))

    def of(self, link: LdapConnection, group: str) -> Sequence[Entry]:
        """Return the people in the group. Raises `Missing` unless exactly one group has that name or id."""
        query = self._named(group) if group else self._dialect.top(link, self._directory)
        if not query:
            return ()
        found = list(link.search(self._base, query, self._asked))
        if len(found) != 1:
            message = _("{count} groups below {base} are named {group}")
            message = message if found else _("no groups below {base} are named {group}")
            raise Missing(message.format(count=len(found), base=self._base, group=group or query))
        people: dict[AccountId, Entry] = {}
        seen: set[str] = set()
        level = found
        for _level in range(DEPTH):
            seen |= {one.dn.casefold() for one in level}
            level = [row for one in level for row in self._members(link, one, people) if row.dn.casefold() not in seen]
            if not level:
                break
        return list(people.values())

    def _named(self, group: str) -> str:
        classes = either(equals(CLASS, way.object_class) for way in self._dialect.memberships)
        names = [equals("cn", group)]
        if self._directory.could_be(AccountId(group)):
            names.append(self._dialect.matches(group))
        return both(classes, either(names))

    def _members(self, link: LdapConnection, group: Entry, people: dict[AccountId, Entry]) -> list[Entry]:
        """Add a group's people to `people`; return the groups in it."""
        rows = [row for query in self._without_name(group) for row in self._search(link, query)]
        groups = []
        for way in self._dialect.memberships:
            if way.by_login:
                names = [equals(self._dialect.login, name) for name in group.all(way.attribute)]
                rows += self._search(link, either(names)) if names else []
                continue
            for dn in group.all(way.attribute):
                person = link.read(dn, self._asked, self._directory.people_filter)
                below = None if person else link.read(dn, self._asked)
                rows += [person] if person else []
                groups += [below] if below else []
        people |= {self._dialect.identify(row): row for row in rows}
        return groups

    def _without_name(self, group: Entry) -> Sequence[str]:
        query = self._dialect.implicit_members_filter(group)
        return [query] if query else []

    def _search(self, link: LdapConnection, query: str) -> list[Entry]:
        where = both(self._directory.people_filter, query)
        return list(link.search(self._directory.settings.base_dn, where, self._asked))
