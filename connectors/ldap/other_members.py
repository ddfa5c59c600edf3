"""Other members of a group, compared before and after a write: leaving or joining changes nobody else."""

from collections.abc import Sequence

from ldap.dn import explode_dn, explode_rdn, is_dn

from config.text import _
from connectors.contract import Verdict
from connectors.errors import OthersTouched
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry, both, equals, parts, same

MOST_READ = 50
"""Missing members whose accounts are read at most; more are a fault of the server."""


class OtherMembers:
    """Members of the groups of one directory before a write, until they are compared with those after it."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._dialect = directory, directory.dialect
        self._before: dict[tuple[object, ...], dict[tuple[str, str], tuple[str, str]]] = {}
        """By the group and the names that are changed in it."""

    def note(self, link: LdapConnection, group: Entry, own: Sequence[tuple[str, str]]) -> bool:
        """Remember the members before a write, until `compare` has read them after it.

        Return whether an earlier write is still to be compared, as its answer was lost.
        """
        before, place = self._listed(link, group.dn), (group.dn, *own)
        earlier = self._before.get(place)
        self._before[place] = (earlier or before) | before
        return earlier is not None

    def compare(self, link: LdapConnection, group: Entry, own: Sequence[tuple[str, str]]) -> bool:
        """Read the other members after a write, and once more if any are missing. Raises `OthersTouched`.

        Return whether a write of ours was compared, perhaps an earlier one whose answer was lost.

        A missing member whose account is locked was taken out for another case at the same time.
        """
        before = self._before.get((group.dn, *own), {})
        lost = before.keys() - {_key(*name) for name in own}
        for _again in range(2):
            if not lost:
                break
            lost -= self._listed(link, group.dn).keys()
        lost = {key for key in lost if len(lost) > MOST_READ or not self._is_locked(link, *before[key])}
        compared = self._before.pop((group.dn, *own), None) is not None
        if lost:
            values = sorted(before[key][1] for key in lost)
            names = [explode_rdn(explode_dn(value)[0], notypes=True)[0] if is_dn(value) else value for value in values]
            text = _(
                "{count} other member(s) of the group {group} are gone: {names}. The server took them out, or somebody "
                "else did at the same moment"
            )
            last = link.read(group.dn, [self._dialect.changed_by]) if self._dialect.changed_by else None
            by = last.text(self._dialect.changed_by) if last else ""
            ours = not by or not is_dn(by) or same(by, self._directory.settings.bind_dn)
            if not ours:
                text = _("{count} other member(s) of the group {group} are gone, changed meanwhile by {by}: {names}")
            message = text.format(count=len(names), group=group.text("cn"), names=", ".join(names), by=by)
            raise OthersTouched(message, stop=ours, count=len(names))
        return compared

    def _listed(self, link: LdapConnection, group: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return every member's attribute and value, in whatever form the group names people."""
        attributes = list(dict.fromkeys(way.attribute for way in self._dialect.memberships))
        entry = link.read(group, attributes)
        names = [(name, value) for name in attributes for value in entry.all(name)] if entry else []
        return {_key(*name): name for name in names}

    def _is_locked(self, link: LdapConnection, attribute: str, value: str) -> bool:
        by_login = any(way.by_login and way.attribute == attribute for way in self._dialect.memberships)
        asked, people = self._directory.attributes, self._directory.people_filter
        query = both(people, equals(self._dialect.login, value))
        rows = link.search(self._directory.settings.base_dn, query, asked) if by_login else [link.read(value, asked)]
        found = [row for row in rows if row]
        return bool(found) and all(self._dialect.verdict(row)[0] is Verdict.LOCKED for row in found)


def _key(attribute: str, value: str) -> tuple[str, str]:
    """Return a member's value as servers compare it: they write the same DN with other case and escapes."""
    return attribute, str(parts(value)) if is_dn(value) else value.casefold()
