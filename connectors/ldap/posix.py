"""Groups as Unix-minded directories keep them (RFC 2307 and its successor "bis", core.schema of OpenLDAP). Pure.

A group may be of two kinds at once, groupOfNames and the auxiliary posixGroup, and name its people under `member` and
under `memberUid`. Whoever has a gidNumber has a primary group, too, that names nobody: the one with that gidNumber.
"""

from connectors.ldap.dialect import Membership
from connectors.ldap.wire import Entry, both, equals

MEMBERSHIPS = (
    Membership("groupOfNames", "member"),
    Membership("groupOfMembers", "member"),
    Membership("groupOfUniqueNames", "uniqueMember"),
    Membership("posixGroup", "memberUid", by_login=True),
)
NUMBER = "gidNumber"


def primary(entry: Entry) -> str:
    """Return the filter for the account's primary group, or an empty text."""
    number = entry.text(NUMBER)
    return both(equals("objectClass", "posixGroup"), equals(NUMBER, number)) if number else ""


def belonging(group: Entry) -> str:
    """Return the filter for those whose primary group this is, or an empty text."""
    number = group.text(NUMBER)
    return equals(NUMBER, number) if number else ""
