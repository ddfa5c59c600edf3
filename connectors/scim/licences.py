"""Licences of a user: the entitlements (RFC 7643, 4.1.2) and groups that the settings name as paid seats.

The id of a licence by entitlement is the entitlement itself, as JSON, so that giving it back restores exactly that.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from config.text import N_, _
from connectors.contract import AccountId, Change, GroupId, Licence, LicenceId
from connectors.errors import Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from connectors.identifiers import key
from connectors.scim import wire
from connectors.scim.faults import RequestRejected, Stale, Unsupported
from connectors.scim.filters import equals
from connectors.scim.membership_changes import MembershipChanges
from connectors.scim.memberships import Memberships
from connectors.scim.service import USERS, Service
from connectors.scim.settings import ScimSettings

LICENCES_UNNAMED = N_("Licences are seen only if licence_entitlements or licence_groups names them.")
ATTRIBUTE, OF_ENTITLEMENT, OF_GROUP = "entitlements", "entitlement:", "group:"
WITNESSES = 5
"""Users of the list's first page that are read one by one, if the list shows no entitlement of anybody."""
SECONDS = 60.0
"""Age at which the groups in the setting are looked up again."""
Raw = Mapping[str, Any]


class LicenceLists:
    """Reads, takes and gives back licences. Without the settings there are none, and nothing is asked."""

    def __init__(
        self, service: Service, memberships: Memberships, changes: MembershipChanges, settings: ScimSettings
    ) -> None:
        self._service, self._memberships, self._changes = service, memberships, changes
        self._wanted = frozenset(map(key, settings.licence_entitlements))
        self._groups = settings.licence_groups
        self._known: tuple[float, frozenset[str]] = (float("-inf"), frozenset())
        self._shown = False
        """True if the server has ever shown an entitlement: some show none."""

    def of(self, account: AccountId) -> Sequence[Licence]:
        """Return the licences of a user. Raises `Missing`; `Forbidden` or `Conflict` if they cannot be seen."""
        user = self._service.user(account)
        found = [_licence(entry) for entry in self._seats(user)] if self._wanted else []
        if self._wanted and not entries(user):
            self._require_shown(user)
        if self._groups:
            ids = self.group_ids()
            mine = (group for group in self._memberships.of(account) if group.id in ids)
            found += [Licence(LicenceId(OF_GROUP + one.id), one.name, one.name, one.fixed) for one in mine]
        return list({one.id: one for one in found}.values())

    def is_licence(self, entry: object) -> bool:
        """Return whether an entitlement is a licence by the settings: by its value, its type or its displayed name."""
        return bool(self._wanted & {key(text) for text in _names(entry)})

    def group_ids(self) -> frozenset[str]:
        """Return the ids of the groups that are licences. Raises `Conflict` if a name is not one group."""
        looked_at, known = self._known
        if self._groups and time.monotonic() - looked_at > SECONDS:
            known = frozenset(self._memberships.identify(self._groups))
            self._known = time.monotonic(), known
        return known

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        """Take one licence. The other entitlements of the user, and other members of a group, stay."""
        if group := self._group(licence):
            self._service.user(account)
            return self._changes.remove(account, group)
        user, wanted = self._service.user(account), self._entry(licence)
        before = entries(user)
        kept = [entry for entry in before if not _same(entry, wanted)]
        if len(kept) == len(before):
            return Change.ALREADY
        paths = [f"{ATTRIBUTE}[{_filter(wanted)}]"] if isinstance(wanted, Mapping) and _filter(wanted) else []
        ways: list[Raw] = [{"op": "remove", "path": path} for path in paths]
        ways += [{"op": "replace", "path": ATTRIBUTE, "value": kept} if kept else {"op": "remove", "path": ATTRIBUTE}]
        return self._change(user, wanted, ways, kept, there=False)

    def give(self, account: AccountId, licence: LicenceId) -> Change:
        """Give one licence, exactly as it was. Raises `Conflict` if the server refuses, as without a free seat."""
        if group := self._group(licence):
            self._service.user(account)
            return self._changes.restore(account, group)
        user, wanted = self._service.user(account), self._entry(licence)
        before = entries(user)
        if any(_same(entry, wanted) for entry in before):
            return Change.ALREADY
        ways = [{"op": "add", "path": ATTRIBUTE, "value": [wanted]}]
        return self._change(user, wanted, ways, [*before, wanted], there=True)

    def _seats(self, user: wire.User) -> list[object]:
        return [entry for entry in entries(user) if self.is_licence(entry)]

    def _group(self, licence: LicenceId) -> GroupId | None:
        """Return the group of a licence by group. No other group is ever left or joined."""
        if not licence.startswith(OF_GROUP):
            return None
        group = licence.removeprefix(OF_GROUP)
        if group not in self.group_ids():
            raise Missing(_("licence_groups names no group {group}").format(group=group))
        return GroupId(group)

    def _entry(self, licence: LicenceId) -> object:
        """Return the entitlement of a licence. No other entitlement is ever taken or given."""
        entry: object = None
        if licence.startswith(OF_ENTITLEMENT):
            with suppress(ValueError, RecursionError):
                entry = json.loads(licence.removeprefix(OF_ENTITLEMENT))
        if not self.is_licence(entry):
            raise Missing(_("licence_entitlements names no licence {licence}").format(licence=licence))
        return entry

    def _change(
        self, user: wire.User, wanted: object, operations: Sequence[Raw], after: Sequence[object], *, there: bool
    ) -> Change:
        """Send the first form that the server accepts and carries out, as a read shows, and compare what must stay.

        A refused PATCH is not replaced by a PUT, unless the server has no PATCH.
        """
        put = {name: value for name, value in user.raw.items() if name.lower() not in {*wire.READ_ONLY, ATTRIBUTE}}
        ways: list[tuple[str, Raw]] = [("PUT", put | {ATTRIBUTE: list(after)})]
        if self._service.features().patch:
            ways = [*(("PATCH", wire.patch(one)) for one in operations), *ways]
        refusals, ignored, now = list[RequestRejected](), False, user
        for method, body in ways:
            if method == "PUT" and (ignored or not all(isinstance(one, Unsupported) for one in refusals)):
                break
            try:
                self._send(now, method, body)
            except RequestRejected as refusal:
                refusals.append(refusal)
                continue
            if self._made(user, wanted, there=there):
                return Change.MADE
            ignored, now = True, self._service.user(user.id)
        if not ignored:
            raise refusals[0]
        raise Conflict(_("the server accepted the change of the licence, and a read shows none"))

    def _send(self, user: wire.User, method: str, body: Raw) -> None:
        """Write against the version that was read. A server that never matches weak ETags gets none."""
        try:
            self._service.write(method, USERS, user.id, user.version, body)
        except Stale:
            now = self._service.user(user.id)
            if (now.version, entries(now)) != (user.version, entries(user)):
                raise
            self._service.write(method, USERS, user.id, "", body)

    def _made(self, before: wire.User, wanted: object, *, there: bool) -> bool:
        """Return whether a read shows the change. Raises `Conflict` if other entitlements of the user are gone."""
        try:
            now = entries(self._service.user(before.id))
        except Unavailable as error:
            text = _("the change of the licence was accepted, and could not be read back: {error}")
            raise OutcomeUnknown(text.format(error=error)) from error
        lost = [one for one in entries(before) if not _same(one, wanted) and not any(_same(one, two) for two in now)]
        if lost:
            names = ", ".join(_licence(one).name for one in lost)
            raise Conflict(
                _("after the change of the licence, other entitlements are gone: {names}").format(names=names)
            )
        return any(_same(one, wanted) for one in now) is there

    def _require_shown(self, user: wire.User) -> None:
        """Raise `Forbidden` unless the server shows entitlements of somebody: some show none at all."""
        if self._shown or ATTRIBUTE in wire.attributes(user.raw):
            return
        listed = next(self._service.pages(USERS)).users
        read = (self._service.user(one.id) for one in islice((one for one in listed if one.id), WITNESSES))
        if not (any(map(entries, listed)) or any(map(entries, read))):
            raise Forbidden(_("the server shows no entitlement of anybody, so licences are not known"))
        self._shown = True


def entries(user: wire.User) -> list[object]:
    """Return the entitlements of a user as the server sent them."""
    found = wire.attributes(user.raw).get(ATTRIBUTE)
    return found if isinstance(found, list) else [found] if found else []


def _licence(entry: object) -> Licence:
    said = wire.attributes(entry)
    shown = next((str(said[name]) for name in ("display", "value", "type") if said.get(name)), "")
    return Licence(LicenceId(OF_ENTITLEMENT + _text(entry)), shown or next(wire.texts(entry), ""))


def _text(entry: object) -> str:
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _names(entry: object) -> list[str]:
    said = wire.attributes(entry)
    named = [text for name in ("value", "type", "display") for text in wire.texts(said.get(name))]
    return named or list(wire.texts(entry))


def _same(one: object, other: object) -> bool:
    """Return whether two entitlements are one: RFC 7643 (2.4) allows each pair of value and type once."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        said, also = wire.attributes(one), wire.attributes(other)
        told = ("value", "type") if said.get("value") or also.get("value") else ("display", "type")
        return all(key(str(said.get(name) or "")) == key(str(also.get(name) or "")) for name in told)
    return one == other


def _filter(entry: Raw) -> str:
    """Return the filter for one entitlement by its value and type; empty without a value."""
    said = wire.attributes(entry)
    named = [equals(name, str(said[name])) for name in ("value", "type") if isinstance(said.get(name), str)]
    return " and ".join(named) if said.get("value") else ""
