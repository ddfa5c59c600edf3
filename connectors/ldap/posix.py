"""Groups of Unix-minded directories (RFC 2307 and its successor "bis", core.schema of OpenLDAP). Pure.

A group may be of two kinds at once, groupOfNames and the auxiliary posixGroup, and name its people under `member` and
under `memberUid`. A person with a gidNumber also has a primary group that names nobody: the one with that gidNumber.
"""

from collections.abc import Sequence

from connectors.ldap.dialect import Dialect, Membership
from connectors.ldap.wire import Entry, both, equals

NUMBER = "gidNumber"


class Posix(Dialect):
    """The common part of the dialects of such directories."""

    memberships = (
        Membership("groupOfNames", "member"),
        Membership("groupOfMembers", "member"),
        Membership("groupOfUniqueNames", "uniqueMember"),
        Membership("posixGroup", "memberUid", by_login=True),
    )

    def primary(self, entry: Entry) -> str:
        """Return the filter for the account's primary group, or an empty text."""
        number = entry.text(NUMBER)
        return both(equals("objectClass", "posixGroup"), equals(NUMBER, number)) if number else ""

    @property
    def group_attributes(self) -> Sequence[str]:
        """Return the attributes that `implicit_members_filter` needs."""
        return (NUMBER,)

    def implicit_members_filter(self, group: Entry) -> str:
        """Return the filter for the accounts whose primary group this is, or an empty text."""
        number = group.text(NUMBER)
        return equals(NUMBER, number) if number else ""
