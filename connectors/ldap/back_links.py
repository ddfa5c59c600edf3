"""Groups that an account's own `memberOf` names and that lie outside of the groups' base, or cannot be read."""

from collections.abc import Iterator, Sequence

from config.text import _
from connectors.contract import GroupId
from connectors.errors import Forbidden
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry, equals, same

BACK_LINK = "memberOf"
"""Kept by the server itself or by an overlay, which may be stale."""


def groups_beyond(
    directory: Directory, link: LdapConnection, account: Entry, seen: Sequence[Entry], attributes: Sequence[str]
) -> Iterator[Entry]:
    """Yield each further group. A group that cannot be read has no values: it may have to be left by hand.

    `memberOf` may be stale. So a group is passed over if it can be read and is proven not to name the account.
    """
    own = link.read(account.dn, [BACK_LINK])
    for dn in own.all(BACK_LINK) if own else ():
        if any(same(dn, row.dn) for row in seen):
            continue
        group = link.read_if_visible(dn, attributes)
        if group is None or not directory.dialect.identify(group):
            yield Entry(dn, {})
        elif not _is_stale(directory, link, account, group):
            yield group


def unreadable(directory: Directory, group: GroupId) -> Forbidden:
    """Return the error for a group that is known by its DN alone."""
    return Forbidden(
        _("the account is in {group}, which {bind_dn} cannot read: it must be left by hand").format(
            group=group, bind_dn=directory.settings.bind_dn
        )
    )


def _is_stale(directory: Directory, link: LdapConnection, account: Entry, group: Entry) -> bool:
    classes = {name.casefold() for name in group.all("objectClass")}
    ways = [way for way in directory.dialect.memberships if way.object_class.casefold() in classes]
    names = [
        equals(way.attribute, value)
        for way in ways
        for value in (account.all(directory.dialect.login) if way.by_login else (account.dn,))
    ]
    return bool(names) and link.read(group.dn, ["1.1"], f"(!(|{''.join(names)}))") is not None
