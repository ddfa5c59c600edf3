"""Changes of a field that names a leaver in Tryton: a fallback recipient, or somebody's supervisor.

Each field names one person. A write carries the time stamp of the read before it, so Tryton itself refuses it if
somebody else wrote in between. A key of a program is left alone: a cancelled one never works again (trytond 8.2
res/user.py, `UserApplication`: no transition leads from `cancelled`).
"""

from collections.abc import Mapping
from typing import Any

from config.text import N_, _
from connectors.contract import AccountId, Change, DutyAct, DutyId, DutyImage
from connectors.errors import Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from connectors.tryton import wire
from connectors.tryton.duties import KEYS, SOURCES, Source
from connectors.tryton.owners import OwnerField, Owners
from connectors.tryton.rpc import Rpc

NO_KEY = N_("a cancelled key never works again: give the program a new key of another user, then cancel this one there")
DRIFTED = N_("{field} of {model},{number} is not as it was read: read it again")


class DutyChanging:
    """The changes of one server."""

    def __init__(self, rpc: Rpc, owners: Owners, login: str) -> None:
        self._rpc, self._owners, self._login = rpc, owners, login

    def image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read the field. Raises `Missing` if it does not name the account."""
        source, number = _place(duty)
        theirs, row = self._ids(source, account), self._row(source, number)
        if row[source.field] not in theirs:
            raise _missing(duty)
        return DutyImage(duty, account, {"value": str(row[source.field])}, *self._acts(source))

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Name the successor. Raises `Conflict` and `Forbidden`."""
        self._require(image, DutyAct.GIVE)
        if successor == image.account:
            raise Forbidden(_("user {account} has it now: name somebody else").format(account=successor))
        source, number = _place(image.duty)
        row = self._row(source, number)
        taker = self._taker(source, row, successor)
        if row[source.field] in self._ids(source, successor):
            return Change.ALREADY
        self._require_same(source, row, image)
        return self._write(source, row, taker)

    def stop(self, image: DutyImage) -> Change:
        """Name nobody."""
        self._require(image, DutyAct.STOP)
        source, number = _place(image.duty)
        row = self._row(source, number)
        if row[source.field] not in {int(image.state["value"]), *self._ids(source, image.account)}:
            return Change.ALREADY
        self._require_same(source, row, image)
        return self._write(source, row, None)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Name the account again, if the field names whom `give` put there, or nobody after `stop`."""
        self._require(image, *image.acts)
        source, number = _place(image.duty)
        row = self._row(source, number)
        if str(row[source.field]) == image.state["value"]:
            return Change.ALREADY
        try:
            ours = frozenset({None}) if successor is None else self._ids(source, successor)
        except Missing:
            ours = frozenset()
        if row[source.field] not in ours:
            raise _drifted(source, row)
        return self._write(source, row, int(image.state["value"]))

    def _acts(self, source: Source) -> tuple[frozenset[DutyAct], str]:
        """Return the acts that our own user may do, and why not others."""
        if source.model == KEYS:
            return frozenset(), _(NO_KEY)
        readonly = self._rpc.read(f"{source.model}.fields_get", [source.field])[source.field]["readonly"]
        if readonly or not self._rpc.rights(source.model)[source.model]["write"]:
            text = _("{login} may not write {field} of {model}")
            return frozenset(), text.format(login=self._login, field=source.field, model=source.model)
        return frozenset(DutyAct), ""

    def _row(self, source: Source, number: int) -> Mapping[str, Any]:
        fields = [source.field, "_timestamp", *(["company"] if source.employees else [])]
        asked = ([["id", "=", number]], 0, None, None, fields)
        rows = self._rpc.read(f"{source.model}.search_read", *asked, context=wire.ALL)
        if not rows:
            raise _missing(DutyId(f"{source.model}:{source.field}:{number}"))
        found: Mapping[str, Any] = rows[0]
        return found

    def _ids(self, source: Source, account: AccountId) -> frozenset[int | None]:
        """Return the ids by which a field may name an account. Raises `Missing`."""
        row = self._owners.row(account)
        return frozenset(row["employees"] if source.employees else [row["id"]])

    def _taker(self, source: Source, row: Mapping[str, Any], successor: AccountId) -> int:
        """Return the id by which the field is to name the successor. Raises `Forbidden` if it cannot."""
        field = OwnerField(source.model, source.field, users=not source.employees)
        known = self._owners.sellers(field, [successor]).get(successor)
        if known is None or not known.active:
            raise Forbidden(_("user {account} cannot have it: it is no active user").format(account=successor))
        if row["id"] in known.all_owner_ids and source.employees:
            raise Forbidden(_("{name} cannot have it: this is their own record").format(name=known.name))
        fitting = [one for one, company in known.hands.items() if not source.employees or company == row["company"]]
        if not fitting:
            text = _("{name} cannot have it: they are no employee of its company")
            raise Forbidden(text.format(name=known.name))
        return fitting[-1]

    @staticmethod
    def _require(image: DutyImage, *acts: DutyAct) -> None:
        if not acts or not image.acts.issuperset(acts):
            raise Forbidden(image.why_not)

    @staticmethod
    def _require_same(source: Source, row: Mapping[str, Any], image: DutyImage) -> None:
        if str(row[source.field]) != image.state["value"]:
            raise _drifted(source, row)

    def _write(self, source: Source, row: Mapping[str, Any], value: int | None) -> Change:
        """Write the one field, unless the record was written since `row` was read, and read it back."""
        method, context = f"{source.model}.write", wire.unchanged(source.model, [row])
        try:
            self._rpc.write(method, [row["id"]], {source.field: value}, context=context)
        except wire.ValidationRefused as refusal:
            raise Forbidden(_("Tryton: {refusal}").format(refusal=refusal)) from refusal
        try:
            now = self._row(source, row["id"])[source.field]
        except Unavailable as error:
            text = _("{field} of {model},{number} was written and cannot be read back: {error}")
            words = {"field": source.field, "model": source.model, "number": row["id"], "error": error}
            raise OutcomeUnknown(text.format(**words)) from error
        if now != value:
            raise _drifted(source, row)
        return Change.MADE


def _place(duty: DutyId) -> tuple[Source, int]:
    """Return the field of a duty and the number of its record. Raises `Missing` for another text."""
    named, _colon, number = duty.rpartition(":")
    for source in SOURCES:
        if named == f"{source.model}:{source.field}" and number.isascii() and number.isdecimal():
            return source, int(number)
    raise _missing(duty)


def _missing(duty: DutyId) -> Missing:
    return Missing(_("the account has no duty {duty}").format(duty=duty))


def _drifted(source: Source, row: Mapping[str, Any]) -> Conflict:
    return Conflict(_(DRIFTED).format(field=source.field, model=source.model, number=row["id"]))
