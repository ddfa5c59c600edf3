"""Licences that a membership gives: the groups that the setting `licence_groups` names, as in group-based licensing."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from config.text import N_, _
from connectors.contract import AccountId, Change, Group, GroupId, Licence, LicenceId
from connectors.errors import Conflict, Forbidden, Missing
from connectors.ldap.attribute_rights import tells_members
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.memberships import Memberships

LICENCES_UNNAMED = N_("Licences are seen only if licence_groups names the groups that give them.")
SECONDS = 60.0
"""Age at which the names in the setting are looked up again."""
WITHIN = ">"
"""Stands between two groups in the id of a licence that a nested group gives."""


class LicenceGroups:
    """The licence groups of one directory. Without the setting there are none, and nothing is asked."""

    def __init__(self, directory: Directory, memberships: Memberships) -> None:
        self._directory, self._memberships = directory, memberships
        self._names = directory.settings.licence_groups
        self._known: tuple[float, Mapping[str, str]] = (float("-inf"), {})

    def of(self, link: LdapConnection, account: AccountId) -> Sequence[Licence]:
        """Return the licences of an account, those of nested groups included. Raises `Missing` if it is not there.

        Raises `Conflict` if a name of the setting is not one group, and `Forbidden` if its members cannot be seen.
        """
        if not self._names:
            self._directory.person(link, account)
            return ()
        known = self._resolved(link)
        licences = []
        for group in self._memberships.of(link, account):
            if group.id in known:
                licences.append(Licence(LicenceId(group.id), group.name, group.name, group.fixed))
                continue
            why = _("it comes with the group {group}, and goes with it").format(group=group.name)
            for above, name in known.items():
                if name in group.parent_groups:
                    licences.append(Licence(LicenceId(f"{group.id}{WITHIN}{above}"), name, group.name, why))
        return licences

    def marked(self, link: LdapConnection, groups: Sequence[Group]) -> Sequence[Group]:
        """Return the groups with a mark on those that are licences. If the names fit no group, none is marked."""
        known: Mapping[str, str] = {}
        if self._names and groups:
            with suppress(Conflict, Forbidden):  # reading the licences says so; leaving a group does not wait for it
                known = self._resolved(link)
        return [replace(group, licence=True) if group.id in known else group for group in groups]

    def reclaim(self, link: LdapConnection, account: AccountId, licence: LicenceId) -> Change:
        """Leave the group. Raises `Conflict` for a licence that a nested group gives."""
        return self._memberships.remove(link, account, self._group(link, account, licence))

    def give(self, link: LdapConnection, account: AccountId, licence: LicenceId) -> Change:
        """Join the group again."""
        return self._memberships.restore(link, account, self._group(link, account, licence))

    def doubts(self, link: LdapConnection) -> Sequence[str]:
        """Return why the setting does not fit the directory, as sentences."""
        try:
            self._resolved(link, afresh=True)
        except (Conflict, Forbidden) as error:
            return (str(error),)
        return ()

    def _group(self, link: LdapConnection, account: AccountId, licence: LicenceId) -> GroupId:
        """Return the group of a licence. No other group is ever left or joined."""
        self._directory.person(link, account)
        if licence not in self._resolved(link):
            if WITHIN in licence:
                raise Conflict(_("this licence comes with another group, and goes with it"))
            raise Missing(_("licence_groups names no group {group}").format(group=licence))
        return GroupId(licence)

    def _resolved(self, link: LdapConnection, *, afresh: bool = False) -> Mapping[str, str]:
        """Return the licence groups: id to name."""
        looked_at, known = self._known
        if self._names and (afresh or time.monotonic() - looked_at > SECONDS):
            known = dict(self._one(link, name) for name in self._names)
            self._known = time.monotonic(), known
        return known

    def _one(self, link: LdapConnection, name: str) -> tuple[str, str]:
        """Return id and name of the one group that a name of the setting means."""
        rows = self._memberships.named(link, name)
        if len(rows) != 1:
            text = _("licence_groups: no groups are named {name}, so licences are not known")
            several = _("licence_groups: {count} groups are named {name}; use the id of one")
            raise Conflict((several if rows else text).format(name=name, count=len(rows)))
        if not tells_members(self._directory, link, rows[0]):
            bot = self._directory.settings.bind_dn
            text = _("{bind_dn} may not see the members of {name}, so nobody is seen to have that licence")
            raise Forbidden(text.format(bind_dn=bot, name=name))
        return self._directory.dialect.identify(rows[0]), rows[0].text("cn")
