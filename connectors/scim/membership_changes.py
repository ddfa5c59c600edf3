"""Changes of a group's members, one at a time; the other members are compared before and after."""

from collections.abc import Sequence

from config.text import _
from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched, OutcomeUnknown, Unavailable
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected, Unsupported, Unversioned
from connectors.scim.memberships import Memberships, Raw, group_of, listed, members
from connectors.scim.service import GROUPS, Service
from connectors.scim.wire import attributes, texts

NAMED = 200
"""Lost members who are named; the rest is counted."""
SAMPLE = 5
"""Lost members who are read, to see whether they can log in."""


class MembershipChanges:
    """Writes `members` of groups."""

    def __init__(self, service: Service, memberships: Memberships) -> None:
        self._service, self._memberships = service, memberships
        self._removed = set[tuple[GroupId, str]]()
        """Members whom this process has removed, by group: another change of the group does not miss them."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Remove one member. Raises `Missing` if the account or the group does not exist, and as `_changed` does."""
        raw, version = self._memberships.whole(group)
        if not self._memberships.inside(raw, account):
            return Change.ALREADY
        one = {"op": "remove", "path": f"members[{filters.equals('value', account)}]"}
        entra = {"op": "remove", "path": "members", "value": [{"value": account}]}
        return self._changed(raw, version, account, [one, entra])

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add one member. Raises as `remove` does."""
        raw, version = self._memberships.whole(group)
        if self._memberships.inside(raw, account):
            return Change.ALREADY
        one = {"op": "add", "path": "members", "value": [{"value": account}]}
        return self._changed(raw, version, account, [one])

    def _changed(self, raw: Raw, version: str, account: AccountId, operations: Sequence[Raw]) -> Change:
        """Send the first operation that the server accepts and carries out, and compare the other members.

        If the server has no PATCH, the whole group is put with the version required. A refused PATCH is not replaced
        by a PUT, which would delete members that the server does not show. Raises `OthersTouched` if other members are
        gone.
        """
        group, adds = group_of(raw), operations[0]["op"] == "add"
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
        if not adds and account not in members(raw):
            text = _("the server hides the members of {group}, and has no PATCH: remove the member there by hand")
            raise Conflict(text.format(group=group_of(raw).name))
        others = [member for member in listed(raw) if account not in texts(member)]
        added = [{"value": account}] if adds else []
        kept = {name: value for name, value in raw.items() if name.lower() not in ("meta", "members")}
        self._service.write("PUT", GROUPS, group_of(raw).id, version, kept | {"members": others + added})

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
        others = members(before) - {account}
        try:
            after = self._memberships.present(group.id)
            lost = others - members(after)
            lost = lost and lost - members(self._memberships.present(group.id))
            inside = bool(after) and self._memberships.inside(after, account)
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
        shown = {next(texts(one), ""): next(texts(attributes(one).get("display")), "") for one in listed(before)}
        names = [shown.get(one) or one for one in sorted(lost)[:NAMED]]
        more = _(" and {count} more").format(count=len(lost) - NAMED) if len(lost) > NAMED else ""
        counts = {"group": group.name, "count": len(lost), "names": ", ".join(names) + more}
        if by_server:
            text = _(
                "after one change of the group {group}, {count} other member(s) are gone: {names}. Put them back there"
            )
            raise OthersTouched(text.format(**counts), stop=True, count=len(lost))
        text = _("the group {group} was changed meanwhile: {count} other member(s) are gone: {names}")
        raise OthersTouched(text.format(**counts), stop=False, count=len(lost))

    def _is_active(self, account: str) -> bool:
        """Return whether a member can still log in: one who cannot may have been taken out with their own lock-out."""
        try:
            return self._service.user(account).active is not False
        except Missing:
            return bool(self._memberships.present(GroupId(account)))  # a group within the group
        except (Conflict, Forbidden):
            return True
