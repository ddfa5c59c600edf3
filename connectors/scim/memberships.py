"""Groups of a user: read from the groups' own members, changed one member at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from config.text import _
from connectors.contract import Account, AccountId, Group, GroupId
from connectors.errors import Conflict, Forbidden, Missing
from connectors.identifiers import key
from connectors.scim import filters, wire
from connectors.scim.faults import NoList
from connectors.scim.service import GROUPS, Service
from connectors.scim.wire import User, attributes, texts

Raw = Mapping[str, Any]
DEPTH = 20
"""Levels of nested groups that are followed at most."""


class Memberships:
    """Reads and writes `members` of groups."""

    def __init__(self, service: Service, *, reads: bool = True) -> None:
        self._service, self._reads = service, reads
        self._filter: str | None = None
        self._shown = False
        """True if the server has ever shown a member: some show none, in lists (Slack) or at all (AWS)."""

    def of(self, account: AccountId) -> list[Group]:
        """Return the groups that name the account. Raises `Missing` if there is no such account.

        Raises `Forbidden` if groups are shown without any members: that does not mean "in no group".
        """
        user = self._service.user(account)
        if not self._reads:
            return []
        try:
            if spelled := self._spelled():
                found = self._groups(filters.equals(spelled, account))
                named = [group_of(raw) for raw in found if self._has(raw, account)]
                return list({one.id: one for one in (*_direct(user), *named)}.values())
            return _direct(user) or self._search(account, is_listed="groups" in attributes(user.raw))
        except NoList:
            self._service.sees()  # an application without groups; a missing application raises here
            return _direct(user)

    def identify(self, names: Sequence[str]) -> list[GroupId]:
        """Return the ids of the groups that names or ids of a setting mean. Raises `Conflict` unless each is one."""
        ids, found = [], {group_of(raw) for raw in self._groups("")}
        for name in names:
            own = [group.id for group in found if key(name) in (key(group.id), key(group.name))]
            if len(own) != 1:
                text = _("licence_groups: no groups are named {name}, so licences are not known")
                several = _("licence_groups: {count} groups are named {name}; use the id of one")
                raise Conflict((several if own else text).format(name=name, count=len(own)))
            ids += own
        return ids

    def administrators(self, group: str) -> Sequence[Account]:
        """Return the people in a group and in groups within it.

        Raises `Missing` unless exactly one group has that name or id. Raises `Forbidden` if no member is shown: some
        servers hide members, and an application has at least one administrator.
        """
        every = self._groups("")
        found = [
            raw
            for raw in every
            if key(group) in map(key, texts([attributes(raw).get(one) for one in ("id", "displayname")]))
        ]
        if len(found) != 1:
            message = _("{count} groups in /Groups are named {group}")
            message = message if found else _("no groups in /Groups are named {group}")
            raise Missing(message.format(count=len(found), group=group))
        people: dict[str, Account] = {}
        level, seen = [self.whole(group_of(found[0]).id)[0]], {str(group_of(found[0]).id)}
        for _level in range(DEPTH):
            inner = dict.fromkeys(one for raw in level for one in sorted(members(raw)) if one not in seen)
            seen |= inner.keys()
            level = [raw for one in inner if (raw := self._member(one, people))]
        if not people:
            raise Forbidden(_("the server shows no member of the group {group}").format(group=group))
        return list(people.values())

    def _member(self, identifier: str, people: dict[str, Account]) -> Raw:
        """Add a member to the people, or return the group that it is. A member that is neither is gone."""
        try:
            people[identifier] = wire.account(self._service.user(identifier), "member")
        except Missing:
            with suppress(Missing):
                return self.whole(GroupId(identifier))[0]
        return {}

    def _search(self, account: AccountId, *, is_listed: bool) -> list[Group]:
        """Look through all groups.

        Lists may leave members out, even as an empty list: each group is then read by its id.
        """
        groups = list(self._groups(""))
        if not any(map(self._members, groups)):
            groups = [self.whole(group_of(raw).id)[0] for raw in groups]
            if groups and not any(map(self._members, groups)) and not (is_listed or self._shown):
                raise Forbidden(
                    _(
                        "the server shows {count} groups without any members, so it is unknown whether the account "
                        "is in one. With read_groups = false the plan says so instead"
                    ).format(count=len(groups))
                )
        return [group_of(raw) for raw in groups if account in members(raw)]

    def inside(self, raw: Raw, account: AccountId) -> bool:
        """Return whether a group names the account, or the account the group: a server may hide or cut the members."""
        if account in self._members(raw):
            return True
        return group_of(raw).id in {group.id for group in _direct(self._service.user(account))}

    def _members(self, raw: Raw) -> frozenset[str]:
        found = members(raw)
        self._shown |= bool(found)
        return found

    def _spelled(self) -> str:
        """Return the filter form for groups by member, tried once on a known member; empty if none works."""
        if self._filter is None and self._service.features().filter:
            samples = ((member, group_of(raw).id) for raw in self._groups("") for member in sorted(self._members(raw)))
            sample = next(samples, None)
            if sample is None:
                return ""
            self._filter = filters.spelling(self._service, GROUPS, ("members.value", "members"), sample)
        return self._filter or ""

    def present(self, group: GroupId) -> Raw:
        """Read a group; nothing if the server has removed it."""
        try:
            return self.whole(group)[0]
        except Missing:
            return {}

    def whole(self, group: GroupId) -> tuple[Raw, str]:
        """Read a group and its version. Raises `Missing`, and `Conflict` if the record has no id."""
        raw, etag = self._service.resource(GROUPS, group)
        said = attributes(raw)
        if not isinstance(raw, Mapping) or not any(texts(said.get("id"))):
            raise Conflict(_("the server's record of the group cannot be read"))
        return raw, next(texts(attributes(said.get("meta")).get("version")), "") or etag

    def _groups(self, query: str) -> Iterator[Raw]:
        for page in self._service.pages(GROUPS, query):
            yield from (
                raw for raw in page.records if isinstance(raw, Mapping) and any(texts(attributes(raw).get("id")))
            )

    def _has(self, raw: Raw, account: AccountId) -> bool:
        """Return whether the group has the member; if lists leave members out, the group itself is read."""
        if not members(raw):
            raw = self.whole(group_of(raw).id)[0]
        return account in self._members(raw)


def listed(raw: Raw) -> list[object]:
    """Return the members of a group as the server sent them."""
    found = attributes(raw).get("members")
    return found if isinstance(found, list) else [found] if found else []


def members(raw: Raw) -> frozenset[str]:
    """Return the ids of a group's members."""
    return frozenset(texts(listed(raw)))


def group_of(raw: Raw) -> Group:
    """Return a group's record as a group."""
    said = attributes(raw)
    identifier = next(texts(said.get("id")))
    return Group(GroupId(identifier), next(texts(said.get("displayname")), identifier))


def _direct(user: User) -> list[Group]:
    """Return the direct groups in `User.groups`, without those through another group."""
    named = attributes(user.raw).get("groups")
    return [
        group_of({"id": each, "displayName": attributes(each).get("display")})
        for each in (named if isinstance(named, list) else [])
        if isinstance(each, Mapping) and any(texts(each)) and attributes(each).get("type") != "indirect"
    ]
