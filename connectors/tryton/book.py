"""The client book in Tryton: opportunities, and the records of every further field that the settings name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from config.text import _
from connectors.contract import AccountId, Change, Moved, MoveOrder, Record, RecordId
from connectors.errors import ConnectorError, Missing, OutcomeUnknown
from connectors.tryton import moves, records
from connectors.tryton import owner_fields as ownerfields
from connectors.tryton.owner_field_records import OwnerFieldRecords
from connectors.tryton.owner_fields import OPPORTUNITY
from connectors.tryton.owners import Owners
from connectors.tryton.rpc import Rpc
from connectors.tryton.users import Users


class Book:
    """Records by the owner that they name.

    `further`: fields as the settings write them, looked up once at the first need.
    """

    def __init__(self, rpc: Rpc, users: Users, further: Sequence[str] = ()) -> None:
        self._rpc, self._owners = rpc, Owners(rpc, users)
        self._named = (OPPORTUNITY.text, *further)
        self._shelves = {OPPORTUNITY.text: OwnerFieldRecords(rpc, self._owners, OPPORTUNITY)}

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Return how many records of each kind the account owns."""
        hands, counted = self._owners.hands(owner), Counter[str]()
        for shelf in self._every():
            counted[shelf.kind] += shelf.count(hands)
        return dict(counted)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream the account's records, field by field."""
        hands = self._owners.hands(owner)
        for shelf in self._every():
            yield from shelf.records(owner, hands)

    def owners(self, ids: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read owners; invalid ids and missing records are not in the answer.

        A field that the settings no longer name is still read: its records are not gone.
        """
        wanted: dict[str, dict[int, RecordId]] = {}
        for record in ids:
            if found := records.place(record):
                wanted.setdefault(found[0], {})[found[1]] = record
        return {
            wanted[field][number]: owner
            for field, numbers in wanted.items()
            for number, owner in self._shelf(field).owners(list(numbers)).items()
        }

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Move the records of one field after the other."""
        fields: dict[str, list[int]] = {}
        for at, one in enumerate(batch):
            if found := records.place(one.record):
                fields.setdefault(found[0], []).append(at)
        done: dict[int, Moved] = {}
        for field, places in fields.items():
            part = [batch[at] for at in places]
            done |= zip(places, self._move(field, part, done), strict=True)
        return [done.get(at) or moves.gone(one) for at, one in enumerate(batch)]

    def _move(self, field: str, part: Sequence[MoveOrder], done: Mapping[int, Moved]) -> Sequence[Moved]:
        barred = _("owner_fields in the settings no longer names {field}: put it back there")
        try:
            return self._shelf(field).move(part, "" if field in self._named else barred.format(field=field))
        except ConnectorError as error:
            if any(moved.change is Change.MADE for moved in done.values()):
                raise OutcomeUnknown(_("a part of the batch was written, then: {error}").format(error=error)) from error
            raise

    def check(self) -> tuple[set[str], list[str]]:
        """Look up every further field afresh; return the models of usable fields, and the faults of the others."""
        models, faults = set[str](), []
        for text in self._named[1:]:
            try:
                models.add(ownerfields.read(self._rpc, text).model)
            except Missing as fault:
                faults.append(str(fault))
        return models, faults

    def _every(self) -> list[OwnerFieldRecords]:
        return [self._shelf(field) for field in self._named]

    def _shelf(self, text: str) -> OwnerFieldRecords:
        """Return a field's reader. Raises `Missing` if Tryton has no such field: its records cannot be found."""
        if text not in self._shelves:
            self._shelves[text] = OwnerFieldRecords(self._rpc, self._owners, ownerfields.read(self._rpc, text))
        return self._shelves[text]
