"""Administrators of the application: the members of a group, through groups within it."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.text import _
from connectors.contract import Account
from connectors.errors import Forbidden, Missing
from connectors.scim import wire
from connectors.scim.service import GROUPS, Service
from connectors.scim.wire import key, texts

DEPTH = 20


class AdministratorLookup:
    """The members of a group, from the top down."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def of(self, group: str) -> Sequence[Account]:
        """Return the people. Raises `Missing` unless exactly one group has that name or id.

        Raises `Forbidden` if no member is shown: some servers hide members, and an application has at least one
        administrator.
        """
        found = [raw for raw in self._groups() if _is(raw, group)]
        if len(found) != 1:
            message = _("{count} groups in /Groups are named {group}")
            message = message if found else _("no groups in /Groups are named {group}")
            raise Missing(message.format(count=len(found), group=group))
        people: dict[str, Account] = {}
        seen: set[str] = set()
        level = [next(texts(found[0].get("id")))]
        for _level in range(DEPTH):
            seen |= set(level)
            inner = dict.fromkeys(one for raw in map(self._whole, level) for one in texts(raw.get("members")))
            level = [one for one in inner if one not in seen and one not in people and not self._take(one, people)]
            if not level:
                break
        if not people:
            raise Forbidden(_("the server shows no member of the group {group}").format(group=group))
        return list(people.values())

    def _take(self, identifier: str, people: dict[str, Account]) -> bool:
        """Add a member to the people; return whether it was added. A member that is neither user nor group is gone."""
        try:
            people[identifier] = wire.account(self._service.user(identifier), "member")
        except Missing:
            return not self._is_group(identifier)
        return True

    def _is_group(self, identifier: str) -> bool:
        try:
            self._service.resource(GROUPS, identifier)
        except Missing:
            return False
        return True

    def _whole(self, identifier: str) -> Mapping[str, Any]:
        raw, _ = self._service.resource(GROUPS, identifier)  # lists may leave the members out
        return raw if isinstance(raw, Mapping) else {}

    def _groups(self) -> Sequence[Mapping[str, Any]]:
        pages = self._service.pages(GROUPS, "")
        return [raw for page in pages for raw in page.records if isinstance(raw, Mapping) and any(texts(raw.get("id")))]


def _is(raw: Mapping[str, Any], group: str) -> bool:
    names = (*texts(raw.get("displayName")), *texts(raw.get("id")))
    return key(group) in {key(name) for name in names}
