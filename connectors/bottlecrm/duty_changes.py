"""Changes of duties in BottleCRM: steps of rules, assignees of forms, and the people of lead settings.

Three kinds are left alone (BottleCRM 1.35.0). Whoever switches a rule or a webhook on becomes its owner, so nobody can
put the former one back. A change of a team also changes who is assigned to the team's records (`update_team_users`).
BottleCRM has no versions: a value is written right after it was read, and all else is compared after the write.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.text import N_, _
from connectors.bottlecrm import wire
from connectors.bottlecrm.duties import FORM_FIELDS, FORMS, RULES, SETTINGS, SIGNED_IN
from connectors.bottlecrm.rest import Rest, ValidationRefused
from connectors.bottlecrm.wire import Json
from connectors.contract import AccountId, Change, Duty, DutyAct, DutyId, DutyImage
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched, OutcomeUnknown, Unavailable

ADMINISTRATOR = "ADMIN"
TAKEN_OVER = N_("whoever switches it on becomes its owner: an administrator takes it over in BottleCRM")
OF_RECORDS = N_("BottleCRM would also change who is assigned to the records of the team: change the team there")
WHY_NOT = {"rule": TAKEN_OVER, "webhook": TAKEN_OVER, "team": OF_RECORDS}
ROTATION = "rotation_members"
ROTATE_MIN = 2
"""People of a rule's step that rotates (BottleCRM 1.35.0, `automation/limits.py`)."""
DRIFTED = N_("{title} is not as it was read: read it again")
VOLATILE = frozenset({"updated_at", "assign_to_details", "rotation_members_details"})


@dataclass(frozen=True, slots=True)
class Place:
    """The field of one object that names people, as it is now."""

    path: str
    number: str
    field: str
    method: str
    row: Json

    @property
    def value(self) -> Any:
        """The ids, or the steps, that the field has."""
        found = self.row[self.field]
        return [wire.identity(one) for one in found] if self.path == SETTINGS else found

    @property
    def title(self) -> str:
        """The name of the object."""
        return str(self.row.get("name") or self.row.get("title") or self.number)

    @property
    def rest(self) -> Mapping[str, Any]:
        """All that a write must leave as it is."""
        return {name: one for name, one in self.row.items() if name not in VOLATILE | {self.field}}


class DutyChanging:
    """The changes of one organization."""

    def __init__(
        self,
        rest: Rest,
        session: Callable[[Callable[[Mapping[str, str]], Any]], Any] | None,
        duties: Callable[[AccountId], Any],
    ) -> None:
        """`session`: sends a request in a signed-in session, or None. `duties`: lists an account's duties."""
        self._rest, self._session, self._duties = rest, session, duties

    def image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read one field. Raises `Missing` if it does not name the account."""
        self._rest.member(account)
        kind = duty.partition(":")[0]
        if why := WHY_NOT.get(kind):
            self._require_listed(account, duty)
            return DutyImage(duty, account, {}, frozenset(), _(why))
        place = self._place(duty)
        if not names(place.value, account):
            raise _missing(duty)
        return DutyImage(duty, account, {"value": json.dumps(place.value)}, *self._acts(place, account))

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Put the successor wherever the field names the account. Raises `Conflict` and `Forbidden`."""
        self._rest.member(image.account)
        self._require(image, DutyAct.GIVE)
        self._require_fit(image, successor)
        place = self._place(image.duty)
        if not names(place.value, image.account) and names(place.value, successor):
            return Change.ALREADY
        self._require_same(place, image)
        return self._write(place, swapped(place.value, image.account, successor))

    def stop(self, image: DutyImage) -> Change:
        """Take the account out of the field."""
        self._rest.member(image.account)
        self._require(image, DutyAct.STOP)
        place = self._place(image.duty)
        if not names(place.value, image.account):
            return Change.ALREADY
        self._require_same(place, image)
        return self._write(place, swapped(place.value, image.account, None))

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Write the former value, if the field is as `give` or `stop` left it."""
        self._rest.member(image.account)
        self._require(image, *image.acts)
        place, before = self._place(image.duty), json.loads(image.state["value"])
        if key(place.value) == key(before):
            return Change.ALREADY
        if key(place.value) != key(swapped(before, image.account, successor)):
            raise _drifted(place)
        return self._write(place, before)

    def _require_listed(self, account: AccountId, duty: DutyId) -> None:
        found: list[Duty] = list(self._duties(account))
        if all(one.id != duty for one in found):
            raise _missing(duty)

    def _place(self, duty: DutyId) -> Place:
        """Read the object of a duty. Raises `Missing`."""
        kind, _colon, number = duty.partition(":")
        if kind == "action":
            return self._read(Place(RULES, number, "actions", "PATCH", {}))
        if kind == "setting":
            return self._read(Place(SETTINGS, number, "lead_assigned_to", "PATCH", {}))
        if kind in FORM_FIELDS:
            return self._read(Place(FORMS, number, kind, "PUT", {}))
        raise _missing(duty)

    def _read(self, place: Place) -> Place:
        answer = self._ask(place, lambda proof: self._rest.get(_address(place), proof=proof))
        row = wire.at(answer, ("domain",)) if place.path == SETTINGS else answer
        if wire.identity(row) != place.number:
            raise Unavailable(_("the answer is about another record"))
        wire.at(row, (place.field,))
        return Place(place.path, place.number, place.field, place.method, row)

    def _ask(self, place: Place, send: Callable[[Mapping[str, str] | None], Any]) -> Any:
        """Send a request with the token, or in a session where no token may."""
        if place.path not in SIGNED_IN:
            return send(None)
        if self._session is None:
            raise Forbidden(_("BottleCRM shows this to no personal token: set session_file"))
        return self._session(send)

    def _acts(self, place: Place, account: AccountId) -> tuple[frozenset[DutyAct], str]:
        """Return the acts that BottleCRM takes, and why not others."""
        role = str(wire.at(self._rest.get("/api/profile/"), ("user_obj",)).get("role"))
        if role != ADMINISTRATOR:
            text = _("the token's role is {role}, and only an administrator may change this")
            return frozenset(), text.format(role=role)
        alone = place.field == ROTATION and place.row.get("assignment_mode") == "rotation" and len(place.value) == 1
        if alone or (place.path == RULES and not _may_go(place.value, account)):
            return frozenset({DutyAct.GIVE}), _("somebody must be left in it: give it to somebody")
        return frozenset(DutyAct), ""

    def _require_fit(self, image: DutyImage, successor: AccountId) -> None:
        try:
            found = self._rest.member(successor)
        except Missing as error:
            raise Forbidden(str(error)) from error
        if not found.active or successor == image.account:
            raise Forbidden(_("{email} cannot have it: they are no other active member").format(email=found.email))

    @staticmethod
    def _require(image: DutyImage, *acts: DutyAct) -> None:
        if not acts or not image.acts.issuperset(acts):
            raise Forbidden(image.why_not)

    @staticmethod
    def _require_same(place: Place, image: DutyImage) -> None:
        if key(place.value) != key(json.loads(image.state["value"])):
            raise _drifted(place)

    def _write(self, place: Place, value: Any) -> Change:
        """Write the one field, then read the object: the field is so, and all else is as it was."""
        address, content = _address(place), {place.field: value}
        try:
            self._ask(place, lambda proof: self._rest.write(place.method, address, content, proof))
        except ValidationRefused as refusal:
            raise Forbidden(_("BottleCRM refuses it: {refusal}").format(refusal=refusal)) from refusal
        try:
            after = self._read(place)
        except Unavailable as error:
            text = _("{title} was changed, and cannot be read back: {error}")
            raise OutcomeUnknown(text.format(title=place.title, error=error)) from error
        if other := sorted(name for name, one in place.rest.items() if after.rest.get(name) != one):
            text = _("{names} of {title} changed as well: compare it there")
            raise OthersTouched(text.format(names=", ".join(other), title=place.title), stop=False, count=len(other))
        if key(after.value) != key(value):
            raise Conflict(_("BottleCRM accepted the change, and {title} is as before").format(title=place.title))
        return Change.MADE


def names(value: Any, account: AccountId) -> bool:
    """Return whether a field names an account, at any depth."""
    if isinstance(value, list | tuple):
        return any(names(one, account) for one in value)
    if isinstance(value, Mapping):
        return any(names(one, account) for one in value.values())
    return bool(value == account)


def swapped(value: Any, account: AccountId, successor: AccountId | None) -> Any:
    """Return a field with the successor in the account's place, at any depth; None takes the account out.

    Nobody is named twice in one list.
    """
    if isinstance(value, list):
        kept = [one for one in value if one != account or (successor is not None and successor not in value)]
        return [swapped(one, account, successor) for one in kept]
    if isinstance(value, Mapping):
        return {name: swapped(one, account, successor) for name, one in value.items()}
    return successor if value == account else value


def key(value: Any) -> str:
    """Return a value for comparison: the order of people makes no difference, that of a rule's steps does."""
    people = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return json.dumps(sorted(value) if people else value, sort_keys=True)


def _may_go(steps: Any, account: AccountId) -> bool:
    """Return whether each step of a rule that names the account has enough people without it."""
    for step in steps:
        others = {name: one for name, one in step.items() if name != "people"}
        least = ROTATE_MIN if step.get("mode") == "rotate" else 1
        left = [one for one in step.get("people") or () if one != account]
        if names(others, account) or (names(step, account) and len(left) < least):
            return False
    return True


def _address(place: Place) -> str:
    return f"/api/{place.path}/{place.number}/"


def _missing(duty: DutyId) -> Missing:
    return Missing(_("the account has no duty {duty}").format(duty=duty))


def _drifted(place: Place) -> Conflict:
    return Conflict(_(DRIFTED).format(title=place.title))
