"""Further groups that a direct membership brings, because groups are members of groups."""

from collections.abc import Sequence

from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Dialect
from connectors.ldap.wire import Entry, either, equals

DEPTH = 20
"""Levels that are followed at most, if the server does not follow them for us."""


BACK_LINK = "memberOf"
"""Kept by a server that follows nested groups itself. Elsewhere it is an overlay's copy and is not read."""


class NestedGroups:
    """Parent groups of groups."""

    def __init__(self, dialect: Dialect, base: str) -> None:
        self._chain = dialect.chain
        self._attributes = list(dict.fromkeys(way.attribute for way in dialect.memberships if not way.by_login))
        self._base = base

    def above(self, link: LdapConnection, groups: Sequence[Entry]) -> Sequence[tuple[str, ...]]:
        """Return, for each of the groups, the sorted names of those that it is nested in, at any depth."""
        inside = {group.dn for group in groups if group.all(BACK_LINK)} if self._chain else self._inside(link, groups)
        return [self._names(link, group) if group.dn in inside else () for group in groups]

    def _inside(self, link: LdapConnection, groups: Sequence[Entry]) -> set[str]:
        """Return all or none: mostly no group is nested, and one request shows that."""
        dns = [group.dn for group in groups]
        return set(dns) if dns and self._parents(link, dns) else set()

    def _names(self, link: LdapConnection, group: Entry) -> tuple[str, ...]:
        above: dict[str, str] = {}
        level = [group.dn]
        for _ in range(1 if self._chain else DEPTH):
            found = self._parents(link, level, self._chain)
            level = [row.dn for row in found if row.dn not in above and row.dn != group.dn]
            above |= {row.dn: row.text("cn") for row in found if row.dn != group.dn}
            if not level:
                break
        return tuple(sorted(above.values()))

    def _parents(self, link: LdapConnection, groups: Sequence[str], rule: str = "") -> Sequence[Entry]:
        of = f":{rule}:" if rule else ""
        query = either(equals(attribute + of, dn) for attribute in self._attributes for dn in groups)
        return list(link.search(self._base, query, ["cn"]))
