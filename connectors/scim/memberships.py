"""Groups of a user: read from the groups' own members, changed one member at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.text import _
from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, OutcomeUnknown, Unavailable
from connectors.scim import filters
from connectors.scim.faults import Refused
from connectors.scim.service import GROUPS, Service
from connectors.scim.trials import spelling
from connectors.scim.wire import texts

Raw = Mapping[str, Any]


class Memberships:
    """Reads and writes `members` of groups."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._filter: str | None = None

    def of(self, account: AccountId) -> list[Group]:
        """Return the groups that name the account. Raises `Missing` where there is no such account."""
        user = self._service.user(account)
        if spelled := self._spelled():
            return [_group(raw) for raw in self._groups(filters.equals(spelled, account)) if self._names(raw, account)]
        if isinstance(user.raw.get("groups"), list):
            return list(_direct(user.raw["groups"]))
        return [_group(raw) for raw in self._groups("") if self._names(raw, account)]

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Take one member out. Raises `Missing` where account or group is not there."""
        raw, version = self._read(group)
        if account not in _members(raw):
            self._service.user(account)
            return Change.ALREADY
        self._change(raw, version, account, {"op": "remove", "path": f"members[{filters.equals('value', account)}]"})
        return self._made(group, account, there=False)

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Put one member in. Raises as `remove` does."""
        raw, version = self._read(group)
        if account in _members(raw):
            return Change.ALREADY
        self._service.user(account)
        self._change(raw, version, account, {"op": "add", "path": "members", "value": [{"value": account}]})
        return self._made(group, account, there=True)

    def _spelled(self) -> str:
        """Return how groups are filtered by member here, tried once on a member that is known; empty: not at all."""
        if self._filter is None and self._service.features().filter:
            samples = ((member, str(raw["id"])) for raw in self._groups("") for member in sorted(_members(raw)))
            sample = next(samples, None)
            if sample is None:
                return ""
            self._filter = spelling(self._service, GROUPS, ("members.value", "members"), sample)
        return self._filter or ""

    def _change(self, raw: Raw, version: str, account: AccountId, operation: Raw) -> None:
        """Send one operation; the whole group, with the version insisted on, where the server does not take it."""
        identifier = str(raw["id"])
        if self._service.features().patch:
            try:
                self._service.patch(GROUPS, identifier, "", operation)  # one member: whatever else changed stays
            except Refused:
                pass
            else:
                return
        others = [member for member in raw.get("members") or [] if account not in texts(member)]
        added = [{"value": account}] if operation["op"] == "add" else []
        whole = {name: value for name, value in raw.items() if name != "meta"} | {"members": others + added}
        self._service.replace(GROUPS, identifier, version if self._service.features().etag else "", whole)

    def _made(self, group: GroupId, account: AccountId, *, there: bool) -> Change:
        try:
            members = _members(self._read(group)[0])
        except Unavailable as error:
            raise OutcomeUnknown(_("the change of the group was taken, and could not be read back: {error}").format(
                error=error
            )) from error
        if (account in members) is not there:
            raise Conflict(_("the server took the change of the group, and its members are as before"))
        return Change.MADE

    def _read(self, group: GroupId) -> tuple[Raw, str]:
        raw, etag = self._service.resource(GROUPS, group)
        if not isinstance(raw, Mapping) or "id" not in raw:
            raise Conflict(_("the server's record of the group cannot be read"))
        meta = raw.get("meta")
        version = next(texts(meta.get("version")), "") if isinstance(meta, Mapping) else ""
        return raw, version or etag

    def _groups(self, query: str) -> Iterator[Raw]:
        for page in self._service.pages(GROUPS, query):
            yield from (raw for raw in page.records if isinstance(raw, Mapping) and any(texts(raw.get("id"))))

    def _names(self, raw: Raw, account: AccountId) -> bool:
        """Whether the group has the member; servers that leave members out of lists are asked for the group itself."""
        if "members" not in raw:
            raw = self._read(_group(raw).id)[0]
        return account in _members(raw)


def _members(raw: Raw) -> frozenset[str]:
    return frozenset(texts(raw.get("members")))


def _group(raw: Raw) -> Group:
    identifier = next(texts(raw.get("id")))
    return Group(GroupId(identifier), next(texts(raw.get("displayName")), identifier))


def _direct(groups: list[Any]) -> Iterator[Group]:
    """Yield what `User.groups` names, without what comes through another group."""
    for each in groups:
        if isinstance(each, Mapping) and any(texts(each)) and each.get("type") != "indirect":
            yield _group({"id": each, "displayName": each.get("display")})
