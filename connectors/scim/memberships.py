"""Groups of a user: read from the groups' own members, changed one member at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from config.text import _
from connectors.contract import Account, AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched, OutcomeUnknown, Unavailable
from connectors.identifiers import key
from connectors.scim import filters, wire
from connectors.scim.faults import NoList, RequestRejected, Unsupported, Unversioned
from connectors.scim.service import GROUPS, Service
from connectors.scim.wire import User, attributes, texts

Raw = Mapping[str, Any]
DEPTH = 20
"""Levels of nested groups that are followed at most."""
NAMED = 200
"""Lost members who are named; the rest is counted."""
SAMPLE = 5
"""Lost members who are read, to see whether they can log in."""


class Memberships:
    """Reads and writes `members` of groups."""

    def __init__(self, service: Service, *, reads: bool = True) -> None:
        self._service, self._reads = service, reads
        self._filter: str | None = None
        self._stopped = ""
        """Reason for which no group is changed any more: the server removed others."""
        self._removed = set[tuple[GroupId, str]]()
        """Members whom this process has removed, by group: another change of the group does not miss them."""
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
                return [_group(raw) for raw in found if self._has(raw, account)]
            return _direct(user) or self._search(account, is_listed="groups" in attributes(user.raw))
        except NoList:
            self._service.sees()  # an application without groups; a missing application raises here
            return _direct(user)

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Remove one member. Raises `Missing` if the account or the group does not exist, and as `_changed` does."""
        raw, version = self._whole(group)
        if not self._inside(raw, account):
            return Change.ALREADY
        one = {"op": "remove", "path": f"members[{filters.equals('value', account)}]"}
        listed = {"op": "remove", "path": "members", "value": [{"value": account}]}  # the form of Entra ID
        return self._changed(raw, version, account, [one, listed])

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add one member. Raises as `remove` does."""
        raw, version = self._whole(group)
        if self._inside(raw, account):
            return Change.ALREADY
        one = {"op": "add", "path": "members", "value": [{"value": account}]}
        return self._changed(raw, version, account, [one])

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
        level, seen = [self._whole(_group(found[0]).id)[0]], {str(_group(found[0]).id)}
        for _level in range(DEPTH):
            inner = dict.fromkeys(one for raw in level for one in sorted(_members(raw)) if one not in seen)
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
                return self._whole(GroupId(identifier))[0]
        return {}

    def _search(self, account: AccountId, *, is_listed: bool) -> list[Group]:
        """Look through all groups.

        Lists may leave members out, even as an empty list: each group is then read by its id.
        """
        groups = list(self._groups(""))
        if not any(map(self._members, groups)):
            groups = [self._whole(_group(raw).id)[0] for raw in groups]
            if groups and not any(map(self._members, groups)) and not (is_listed or self._shown):
                raise Forbidden(
                    _(
                        "the server shows {count} groups without any members, so it is unknown whether the account "
                        "is in one. With read_groups = false the plan says so instead"
                    ).format(count=len(groups))
                )
        return [_group(raw) for raw in groups if account in _members(raw)]

    def _inside(self, raw: Raw, account: AccountId) -> bool:
        """Return whether a group has the account; if its members are hidden, whether the account names the group."""
        if account in self._members(raw):
            return True
        direct = {group.id for group in _direct(self._service.user(account))}
        return not _members(raw) and _group(raw).id in direct

    def _members(self, raw: Raw) -> frozenset[str]:
        members = _members(raw)
        self._shown |= bool(members)
        return members

    def _spelled(self) -> str:
        """Return the filter form for groups by member, tried once on a known member; empty if none works."""
        if self._filter is None and self._service.features().filter:
            samples = ((member, _group(raw).id) for raw in self._groups("") for member in sorted(self._members(raw)))
            sample = next(samples, None)
            if sample is None:
                return ""
            self._filter = filters.spelling(self._service, GROUPS, ("members.value", "members"), sample)
        return self._filter or ""

    def _changed(self, raw: Raw, version: str, account: AccountId, operations: Sequence[Raw]) -> Change:
        """Send the first operation that the server accepts and carries out, and compare the other members.

        If the server has no PATCH, the whole group is put with the version required. A refused PATCH is not replaced
        by a PUT, which would delete members that the server does not show. Raises `OthersTouched` if other members are
        gone, and from then on for every group if the server removed them.
        """
        if self._stopped:
            raise OthersTouched(self._stopped, stop=True, count=0)
        group, adds = _group(raw), operations[0]["op"] == "add"
        (self._removed.discard if adds else self._removed.add)((group.id, account))
        refusals, ignored = list[RequestRejected](), False
        for way in self._ways(operations):
            if way is None and (ignored or not all(isinstance(one, Unsupported) for one in refusals)):
                break
            try:
                if way is None:
                    self._put(raw, version, account, adds=adds)
                else:
                    self._patch(group.id, version, way)
            except RequestRejected as refusal:
                refusals.append(refusal)
                continue
            if self._made(group, raw, account, there=adds):
                return Change.MADE
            ignored = True
        if not ignored:
            raise refusals[0]
        raise Conflict(_("the server accepted the change of the group, and its members are as before"))

    def _ways(self, operations: Sequence[Raw]) -> list[Raw | None]:
        """Return the operations in the order in which they are tried; None stands for a PUT of the whole group."""
        return [*operations, None] if self._service.features().patch else [None, *operations]

    def _put(self, raw: Raw, version: str, account: AccountId, *, adds: bool) -> None:
        if not adds and account not in _members(raw):
            text = _("the server hides the members of {group}, and has no PATCH: remove the member there by hand")
            raise Conflict(text.format(group=_group(raw).name))
        others = [member for member in _listed(raw) if account not in texts(member)]
        added = [{"value": account}] if adds else []
        kept = {name: value for name, value in raw.items() if name.lower() not in ("meta", "members")}
        needed = version if self._service.features().etag else ""
        self._service.write("PUT", GROUPS, _group(raw).id, needed, kept | {"members": others + added})

    def _patch(self, identifier: str, version: str, operation: Raw) -> None:
        body = wire.patch(operation)
        try:
            self._service.write("PATCH", GROUPS, identifier, "", body)  # one member: other changes since the read stay
        except Unversioned:
            if not version:
                raise
            self._service.write("PATCH", GROUPS, identifier, version, body)

    def _made(self, group: Group, before: Raw, account: AccountId, *, there: bool) -> bool:
        """Return whether a read shows the change. Raises `OthersTouched` if two reads show that others are gone."""
        others = _members(before) - {account}
        try:
            after = self._present(group.id)
            lost = others - _members(after)
            lost = lost and lost - _members(self._present(group.id))
            inside = bool(after) and self._inside(after, account)
            lost = frozenset(one for one in lost if (group.id, one) not in self._removed)
            if lost:
                self._report(group, before, others, lost, changed=inside is there)
        except Unavailable as error:
            raise OutcomeUnknown(
                _("the change of the group was accepted, and could not be read back: {error}").format(error=error)
            ) from error
        return inside is there

    def _report(
        self, group: Group, before: Raw, others: frozenset[str], lost: frozenset[str], *, changed: bool
    ) -> None:
        """Raise `OthersTouched`. The server did it if the leaver stayed, or if most others who can log in are gone."""
        alive = [one for one in sorted(lost)[:SAMPLE] if self._is_active(one)]
        by_server = not changed or (bool(alive) and len(lost) * 2 > len(others))
        shown = {next(texts(one), ""): next(texts(attributes(one).get("display")), "") for one in _listed(before)}
        names = [shown.get(one) or one for one in sorted(lost)[:NAMED]]
        more = _(" and {count} more").format(count=len(lost) - NAMED) if len(lost) > NAMED else ""
        counts = {"group": group.name, "count": len(lost), "names": ", ".join(names) + more}
        if by_server:
            text = _(
                "after one change of the group {group}, {count} other member(s) are gone: {names}. "
                "Put them back there. No group of this application is changed until Handover starts again"
            )
            self._stopped = text.format(**counts)
            raise OthersTouched(self._stopped, stop=True, count=len(lost))
        text = _("the group {group} was changed meanwhile: {count} other member(s) are gone: {names}")
        raise OthersTouched(text.format(**counts), stop=False, count=len(lost))

    def _is_active(self, account: str) -> bool:
        """Return whether a member can still log in: one who cannot may have been taken out with their own lock-out."""
        try:
            return self._service.user(account).active is not False
        except Missing:
            return bool(self._present(GroupId(account)))  # a group within the group
        except (Conflict, Forbidden):
            return True

    def _present(self, group: GroupId) -> Raw:
        """Read a group; nothing if the server has removed it."""
        try:
            return self._whole(group)[0]
        except Missing:
            return {}

    def _whole(self, group: GroupId) -> tuple[Raw, str]:
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
        if not _members(raw):
            raw = self._whole(_group(raw).id)[0]
        return account in self._members(raw)


def _listed(raw: Raw) -> list[object]:
    members = attributes(raw).get("members")
    return members if isinstance(members, list) else [members] if members else []


def _members(raw: Raw) -> frozenset[str]:
    return frozenset(texts(_listed(raw)))


def _group(raw: Raw) -> Group:
    said = attributes(raw)
    identifier = next(texts(said.get("id")))
    return Group(GroupId(identifier), next(texts(said.get("displayname")), identifier))


def _direct(user: User) -> list[Group]:
    """Return the direct groups in `User.groups`, without those through another group."""
    named = attributes(user.raw).get("groups")
    return [
        _group({"id": each, "displayName": attributes(each).get("display")})
        for each in (named if isinstance(named, list) else [])
        if isinstance(each, Mapping) and any(texts(each)) and attributes(each).get("type") != "indirect"
    ]
