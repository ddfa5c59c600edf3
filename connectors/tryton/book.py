"""The client book in Tryton: opportunities, and the records of every further field that the settings name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.text import _
from connectors.contract import AccountId, Change, Moved, MoveOrder, Record, RecordId
from connectors.errors import Conflict, ConnectorError, Missing, OutcomeUnknown, Unavailable
from connectors.tryton import owners, records, wire
from connectors.tryton.owners import OPPORTUNITY, OwnerField, OwnerIds, Owners
from connectors.tryton.records import OwnerAccounts, RecordStates, Write
from connectors.tryton.rpc import Rpc

Batch = Sequence[MoveOrder]
Writes = Sequence[Write]

PAGE = 200
"""Records in one read."""
OWNERS_PAGE = 5_000
"""Records in one read of their owners alone: about 150 kB."""


class OwnerFieldRecords:
    """Reads and moves the records of one field."""

    def __init__(self, rpc: Rpc, owners: Owners, field: OwnerField) -> None:
        self._rpc, self._owners, self._field = rpc, owners, field
        self.kind = records.kind(field)

    def count(self, owner: OwnerIds) -> int:
        """Return how many records name the account."""
        found: int = self._read("search_count", [[self._field.name, "in", owner.of(self._field)]])
        return found

    def records(self, account: AccountId, owner: OwnerIds) -> Iterator[Record]:
        """Stream the account's records. All ids are read first, since a page by offset shifts while records move."""
        hands = owner.of(self._field)
        ids = self._read("search", [[self._field.name, "in", hands]], 0, None, [["id", "ASC"]])
        for page in _pages(ids):
            for row in self._rows(page, records.fields(self._field)):
                if row[self._field.name] in hands:
                    yield records.record(self._field, row, account)

    def owner_counts(self) -> Mapping[AccountId, int]:
        """Count the records of every owner. A page begins after the last id, so that none is missed or read twice."""
        name, counted, last, seen = self._field.name, Counter[int](), 0, 0
        known = self._read("search_count", [[name, "!=", None]])
        while True:
            after = [["id", ">", last], [name, "!=", None]]
            page = self._read("search_read", after, 0, OWNERS_PAGE, [["id", "ASC"]], [name])
            if any(row["id"] <= last for row in page) or None in (ids := [row[name] for row in page]):
                raise Unavailable(_("{model}: the answer is not what was asked for").format(model=self._field.model))
            counted.update(ids)
            seen += len(page)
            if not page or seen >= known:  # a record made since has a higher id, and is of the next look
                break
            last = max(row["id"] for row in page)
        if seen < known and seen < self._read("search_count", [[name, "!=", None]]):
            message = _("{model}: {seen} of {known} records were read; the list was cut short")
            raise Unavailable(message.format(model=self._field.model, seen=seen, known=known))
        named, total = self._owners.names(self._field, counted), Counter[AccountId]()
        for value, number in counted.items():
            total[named[value]] += number
        return total

    def owners(self, numbers: Sequence[int]) -> Mapping[int, AccountId | None]:
        """Read owners; missing records are not in the answer."""
        name = self._field.name
        held = {row["id"]: row[name] for page in _pages(numbers) for row in self._rows(page, [name])}
        named = self._owners.names(self._field, held.values())
        return {number: None if value is None else named[value] for number, value in held.items()}

    def move(self, batch: Batch, barred: str = "") -> Sequence[Moved]:
        """Read, decide, write several owners in one call, read again. `barred`: the reason against any write."""
        sellers = self._owners.sellers(self._field, {who for one in batch for who in (one.owner, one.successor)})
        writes, refused = records.decide(batch, self._present(batch), sellers)
        if barred:
            writes, refused = [], {write.row.record: barred for write in writes} | refused
        if not writes:
            return self._report(batch, sellers, refused, writes)
        try:
            refused |= self._write(sorted(writes, key=lambda write: write.row.state not in records.WORKED_ON))
        except OutcomeUnknown:
            if not self._arrived(writes):
                raise
        try:
            return self._report(batch, sellers, refused, writes)
        except Unavailable as error:
            raise OutcomeUnknown(
                _("the batch was written and cannot be read back: {error}").format(error=error)
            ) from error

    def _write(self, writes: Writes) -> dict[int, str]:
        """Write all; halve a batch that Tryton refuses. Return its sentence for each record that is refused alone."""
        if not writes:
            return {}
        try:
            self._send(writes)
        except Conflict as refusal:
            if len(writes) == 1:
                return self._once_more(writes[0], refusal)
            half = len(writes) // 2
            done = self._write(writes[:half])
            try:
                return done | self._write(writes[half:])
            except Unavailable as error:
                raise OutcomeUnknown(_("a part of the batch was written, then: {error}").format(error=error)) from error
        return {}

    def _send(self, writes: Writes) -> None:
        arguments, context = records.payload(self._field, writes)
        self._rpc.write(f"{self._field.model}.write", *arguments, context=context)

    def _once_more(self, write: Write, refusal: Conflict) -> dict[int, str]:
        """Write a record again that somebody changed since it was read, if its owner is still the same."""
        if isinstance(refusal, wire.ValidationRefused):
            return {write.row.record: str(refusal)}
        row = self._holdings([write.row.record]).get(write.row.record)
        if row is None or row.owner != write.row.owner:
            return {}  # the read at the end shows the owner
        try:
            self._send([Write(row, write.taker)])
        except Conflict as again:
            return {write.row.record: str(again)}
        return {}

    def _arrived(self, writes: Writes) -> bool:
        """Return whether a write with a lost answer has arrived in full. If it has not, it may still arrive later."""
        try:
            rows = self._holdings([write.row.record for write in writes])
        except Unavailable:
            return False
        return all(write.row.record in rows and rows[write.row.record].owner == write.taker for write in writes)

    def _report(self, batch: Batch, sellers: OwnerAccounts, refused: Mapping[int, str], writes: Writes) -> list[Moved]:
        rows = self._present(batch)
        strangers = {row.owner for row in rows.values()} - {hand for s in sellers.values() for hand in s.all_owner_ids}
        named = self._owners.names(self._field, strangers)
        written = {write.row.record for write in writes} - refused.keys()
        return [records.report(one, rows, sellers, refused, written, lambda o: named.get(o or 0)) for one in batch]

    def _present(self, batch: Batch) -> RecordStates:
        return self._holdings([found[1] for one in batch if (found := records.place(one.record))])

    def _holdings(self, numbers: Sequence[int]) -> RecordStates:
        rows = self._rows(numbers, records.moving_fields(self._field))
        return {row["id"]: records.holding(self._field, row) for row in rows}

    def _rows(self, ids: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
        domain, order = [["id", "in", list(ids)]], [["id", "ASC"]]
        found: list[dict[str, Any]] = self._read("search_read", domain, 0, None, order, list(fields))
        return found

    def _read(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model with inactive records included.

        This uses the context and not a clause: an employee's `active` is computed. The clause of `wire.ANY_STATE` finds
        no former employees there (trytond-company 8.2, tried).
        """
        context = {"active_test": False} if self._field.active else {}
        return self._rpc.read(f"{self._field.model}.{method}", *arguments, context=context)


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


class Book:
    """Records by the owner that they name.

    `further`: fields as the settings write them, looked up once at the first need.
    """

    def __init__(self, rpc: Rpc, owners: Owners, further: Sequence[str] = ()) -> None:
        self._rpc, self._owners = rpc, owners
        self._named = (OPPORTUNITY.text, *further)
        self._shelves = {OPPORTUNITY.text: OwnerFieldRecords(rpc, self._owners, OPPORTUNITY)}

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Return how many records of each kind the account owns."""
        hands, counted = self._owners.hands(owner), Counter[str]()
        for shelf in map(self._shelf, self._named):
            counted[shelf.kind] += shelf.count(hands)
        return dict(counted)

    def owned(self, owner: AccountId) -> Mapping[str, int]:
        """Return how many records of each model name the account."""
        hands, counted = self._owners.hands(owner), Counter[str]()
        for text in self._named:
            counted[text.partition(":")[0]] += self._shelf(text).count(hands)
        return dict(counted)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream the account's records, field by field."""
        hands = self._owners.hands(owner)
        for shelf in list(map(self._shelf, self._named)):  # a field that is missing raises before the first record
            yield from shelf.records(owner, hands)

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        """Count the records of every owner, field by field."""
        found: dict[AccountId, dict[str, int]] = {}
        for shelf in list(map(self._shelf, self._named)):
            for account, number in shelf.owner_counts().items():
                kinds = found.setdefault(account, {})
                kinds[shelf.kind] = kinds.get(shelf.kind, 0) + number
        return found

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
            done |= zip(places, self._move(field, [batch[at] for at in places], done), strict=True)
        return [done.get(at) or records.gone(one) for at, one in enumerate(batch)]

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
                models.add(owners.read(self._rpc, text).model)
            except Missing as fault:
                faults.append(str(fault))
        return models, faults

    def _shelf(self, text: str) -> OwnerFieldRecords:
        """Return a field's reader. Raises `Missing` if Tryton has no such field: its records cannot be found."""
        if text not in self._shelves:
            self._shelves[text] = OwnerFieldRecords(self._rpc, self._owners, owners.read(self._rpc, text))
        return self._shelves[text]
