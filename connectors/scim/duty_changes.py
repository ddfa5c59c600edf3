"""Changes of duties in a SCIM application: another manager for a user, or a role less for the leaver.

A role or an entitlement is a right. It is taken from the leaver, and never given to somebody else (record 19). Every
write names the version that was read, if the application has versions; all other attributes are compared afterwards.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config.text import N_, _
from connectors.contract import AccountId, Change, DutyAct, DutyId, DutyImage
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched, OutcomeUnknown, Unavailable
from connectors.scim import filters, wire
from connectors.scim.duties import HELD, manager_of, titles
from connectors.scim.faults import RequestRejected, Stale
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User

MANAGER = "manager"
EXTENSION = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
A_RIGHT = N_("this is a right: a colleague gets it where rights are decided, not with a duty")
DRIFTED = N_("{what} of {login} is not as it was read: read it again")
Raw = Mapping[str, Any]


class DutyChanging:
    """The changes of one application."""

    def __init__(self, service: Service, is_licence: Callable[[object], bool]) -> None:
        """`is_licence`: tells entitlements that are licences, which are no duties."""
        self._service, self._is_licence = service, is_licence

    def image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read the user that holds the duty. Raises `Missing` if the account has no such duty."""
        what, _colon, name = duty.partition(":")
        self._service.user(account)
        if what == MANAGER:
            if manager_of(self._service.user(name)) != account:
                raise _missing(duty)
            return DutyImage(duty, account, {"value": account}, frozenset(DutyAct))
        held, others = _split(self._service.user(account), duty)
        if not self._without_licences(duty, held):
            raise _missing(duty)
        state = {"held": json.dumps(held), "others": self._without_licences(duty, others)}
        return DutyImage(duty, account, state, frozenset({DutyAct.STOP}), _(A_RIGHT))

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Make the successor the manager. Raises `Conflict` and `Forbidden`."""
        self._require(image, DutyAct.GIVE)
        report = self._holder(image)
        self._require_fit(image, report, successor)
        if manager_of(report) == successor:
            return Change.ALREADY
        return self._manage(report, image.account, successor)

    def stop(self, image: DutyImage) -> Change:
        """Take the leaver out as manager, or take the role from the leaver."""
        self._require(image, DutyAct.STOP)
        user = self._holder(image)
        if image.duty.startswith(f"{MANAGER}:"):
            return self._manage(user, image.account, "") if manager_of(user) == image.account else Change.ALREADY
        held, others = _split(user, image.duty)
        if not held:
            return Change.ALREADY
        same = _sorted(held) == _sorted(json.loads(image.state["held"]))
        if not same or self._without_licences(image.duty, others) != image.state["others"]:
            raise _drifted(image.duty, user)
        return self._take_role(user, image.duty, held, others)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Restore the manager, or the role."""
        self._require(image, *image.acts)
        user = self._holder(image)
        if image.duty.startswith(f"{MANAGER}:"):
            if manager_of(user) == image.account:
                return Change.ALREADY
            return self._manage(user, successor or "", image.account)
        held, others = _split(user, image.duty)
        if self._without_licences(image.duty, others) != image.state["others"]:
            raise _drifted(image.duty, user)
        if held:
            return Change.ALREADY
        return self._return_role(user, image.duty, json.loads(image.state["held"]), others)

    def _without_licences(self, duty: DutyId, values: Sequence[Any]) -> str:
        """Return values as one text, without licences: another stage takes those. Empty if there is none."""
        theirs = duty.startswith("entitlement:")
        kept = [one for one in values if not (theirs and self._is_licence(one))]
        return _sorted(kept) if kept else ""

    def _holder(self, image: DutyImage) -> User:
        """Return the user whose record has the duty: the one who reports to the leaver, or the leaver."""
        what, _colon, name = image.duty.partition(":")
        return self._service.user(name if what == MANAGER else image.account)

    def _require_fit(self, image: DutyImage, report: User, successor: AccountId) -> None:
        try:
            found = self._service.user(successor)
        except Missing as error:
            raise Forbidden(str(error)) from error
        if found.active is not True or successor == image.account:
            raise Forbidden(_("{login} cannot have it: they are no other active user").format(login=found.login))
        if found.id == report.id:
            raise Forbidden(_("{login} cannot have it: nobody is their own manager").format(login=found.login))

    def _manage(self, user: User, expected: str, now: str) -> Change:
        """Write the manager of a user, if it is the one that is expected; an empty text is nobody."""
        if manager_of(user) != expected:
            raise _drifted(MANAGER, user)
        operations: list[Raw]
        path, value = f"{EXTENSION}:{MANAGER}", {"value": now}
        if now:
            operations = [
                {"op": "replace", "path": path, "value": value},
                {"op": "add", "path": path, "value": value},
                {"op": "replace", "value": {EXTENSION: {MANAGER: value}}},
            ]
        else:
            operations = [{"op": "remove", "path": path}]
        name = next((name for name in user.raw if name.lower() == wire.ENTERPRISE), EXTENSION)
        kept = {key: one for key, one in (user.raw.get(name) or {}).items() if key.lower() != MANAGER}
        whole = {**user.raw, name: {**kept, MANAGER: value} if now else kept}
        return self._write(user, operations, whole, lambda after: manager_of(after) == now, name)

    def _take_role(self, user: User, duty: DutyId, held: Sequence[Any], others: Sequence[Any]) -> Change:
        name = _name(user, duty)
        values = [next(wire.texts(one), "") for one in held]
        removals: list[Raw] = [
            {"op": "remove", "path": f"{name}[{filters.equals('value', value)}]"} for value in values if value
        ]
        ways: list[Sequence[Raw]] = [removals] if len(removals) == len(held) else []
        ways += [[{"op": "replace", "path": name, "value": list(others)}]] if user.version else []
        whole = {**user.raw, name: list(others)}
        return self._write(user, ways, whole, lambda after: not _split(after, duty)[0], name)

    def _return_role(self, user: User, duty: DutyId, held: Sequence[Any], others: Sequence[Any]) -> Change:
        name = _name(user, duty)
        operations: list[Raw] = [{"op": "add", "path": name, "value": list(held)}]
        whole = {**user.raw, name: [*others, *held]}
        return self._write(user, operations, whole, lambda after: bool(_split(after, duty)[0]), name)

    def _write(
        self, user: User, ways: Sequence[Raw | Sequence[Raw]], whole: Raw, is_done: Callable[[User], bool], changed: str
    ) -> Change:
        """Send the first form that the application accepts and carries out; compare all other attributes.

        Without PATCH, the whole user is put, if it has a version. Raises `Conflict`.
        """
        bodies: list[tuple[str, Raw]] = [
            ("PATCH", wire.patch(*([one] if isinstance(one, Mapping) else one))) for one in ways
        ]
        put = {key: one for key, one in whole.items() if key.lower() not in wire.READ_ONLY}
        if not self._service.features().patch:
            bodies = [("PUT", put)] if user.version else bodies
        refusals: list[RequestRejected] = []
        for method, body in bodies:
            try:
                self._insist(user, method, body)
            except RequestRejected as refusal:
                refusals.append(refusal)
                continue
            user = self._compared(user, changed)  # an ignored form may have made a new version
            if is_done(user):
                return Change.MADE
        if refusals and len(refusals) == len(bodies):
            raise refusals[0]
        text = _("the server accepted the change, and {what} of {login} is as before")
        raise Conflict(text.format(what=changed, login=user.login))

    def _insist(self, user: User, method: str, body: Raw) -> None:
        """Write against the version that was read; a server that never matches its versions gets a write without."""
        try:
            self._service.write(method, USERS, user.id, user.version, body)
        except Stale:
            now = self._service.user(user.id)
            if (now.version, now.raw) != (user.version, user.raw):
                raise
            self._service.write(method, USERS, user.id, "", body)

    def _compared(self, user: User, changed: str) -> User:
        """Read the user after a write. Raises `OthersTouched` if other attributes changed as well."""
        try:
            after = self._service.user(user.id)
        except Unavailable as error:
            text = _("{login} was changed, and cannot be read back: {error}")
            raise OutcomeUnknown(text.format(login=user.login, error=error)) from error
        before, now = (_rest(one, changed) for one in (user, after))
        if other := sorted(key for key, one in before.items() if now.get(key) != one):
            text = _("{names} of {login} changed as well: compare the user there")
            raise OthersTouched(text.format(names=", ".join(other), login=user.login), stop=False, count=len(other))
        return after

    @staticmethod
    def _require(image: DutyImage, *acts: DutyAct) -> None:
        if not image.acts.issuperset(acts):
            raise Forbidden(image.why_not)


def _rest(user: User, changed: str) -> Mapping[str, object]:
    """Return what a write must leave as it is: all other attributes, and those of the extension beside the manager."""
    said = wire.attributes(user.raw)
    inner = wire.attributes(said.get(wire.ENTERPRISE)) if changed.lower() == wire.ENTERPRISE else {}
    outer = {key: one for key, one in said.items() if key not in ("meta", "schemas", changed.lower())}
    return outer | {key: one for key, one in inner.items() if key != MANAGER}


def _name(user: User, duty: DutyId) -> str:
    """Return the attribute of a duty, as the server spells it."""
    what = duty.partition(":")[0]
    wanted = next((name for name, one in HELD.items() if one == what), "")
    return next((name for name in user.raw if name.lower() == wanted), wanted)


def _split(user: User, duty: DutyId) -> tuple[list[Any], list[Any]]:
    """Return the values of the attribute that are the duty, and the others."""
    title, held = duty.partition(":")[2], user.raw.get(_name(user, duty)) or []
    every = held if isinstance(held, list) else [held]
    mine = [one for one in every if title in titles([one])]
    return mine, [one for one in every if one not in mine]


def _sorted(values: Sequence[Any]) -> str:
    """Return values as one text, whatever their order."""
    return json.dumps(sorted(json.dumps(one, sort_keys=True) for one in values))


def _missing(duty: DutyId) -> Missing:
    return Missing(_("the account has no duty {duty}").format(duty=duty))


def _drifted(what: str, user: User) -> Conflict:
    return Conflict(_(DRIFTED).format(what=what, login=user.login))
