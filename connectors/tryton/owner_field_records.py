"""Records owned through one field: opportunities by their employee, or records of a field in the settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from config.text import _
from connectors.contract import AccountId, Moved, MoveOrder, Record
from connectors.errors import Conflict, OutcomeUnknown, Unavailable
from connectors.tryton import moves, records, wire
from connectors.tryton.moves import OwnerAccounts, Write
from connectors.tryton.owner_fields import OwnerField
from connectors.tryton.owners import OwnerIds, Owners
from connectors.tryton.rpc import Rpc

Batch = Sequence[MoveOrder]
Refused = Mapping[int, str]
Writes = Sequence[Write]

PAGE = 200
"""Records in one read."""


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

    def owners(self, numbers: Sequence[int]) -> Mapping[int, AccountId | None]:
        """Read owners; missing records are not in the answer."""
        name = self._field.name
        held = {row["id"]: row[name] for page in _pages(numbers) for row in self._rows(page, [name])}
        named = self._owners.names(self._field, held.values())
        return {number: None if value is None else named[value] for number, value in held.items()}

    def move(self, batch: Batch, barred: str = "") -> Sequence[Moved]:
        """Read, decide, write several owners in one call, read again. `barred`: the reason against any write."""
        sellers = self._owners.sellers(self._field, {who for one in batch for who in (one.owner, one.successor)})
        writes, refused = moves.decide(batch, self._present(batch), sellers)
        if barred:
            writes, refused = [], {write.record: barred for write in writes} | refused
        if not writes:
            return self._report(batch, sellers, refused, writes)
        try:
            refused |= self._write(sorted(writes, key=lambda write: write.state not in records.WORKED_ON))
        except OutcomeUnknown:
            if not self._arrived(writes):
                raise
        return self._read_back(batch, sellers, refused, writes)

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
            return self._write(writes[:half]) | self._write_rest(writes[half:])
        return {}

    def _send(self, writes: Writes) -> None:
        arguments, context = moves.payload(self._field, writes)
        self._rpc.write(f"{self._field.model}.write", *arguments, context=context)

    def _once_more(self, write: Write, refusal: Conflict) -> dict[int, str]:
        """Write a record again that somebody changed since it was read, if its owner is still the same."""
        if isinstance(refusal, wire.ValidationRefused):
            return {write.record: str(refusal)}
        row = self._holdings([write.record]).get(write.record)
        if row is None or row.owner != write.owner:
            return {}  # the read at the end shows the owner
        try:
            self._send([replace(write, timestamp=row.timestamp)])
        except Conflict as again:
            return {write.record: str(again)}
        return {}

    def _write_rest(self, writes: Writes) -> dict[int, str]:
        try:
            return self._write(writes)
        except Unavailable as error:
            raise OutcomeUnknown(_("a part of the batch was written, then: {error}").format(error=error)) from error

    def _arrived(self, writes: Writes) -> bool:
        """Return whether a write with a lost answer has arrived in full. If it has not, it may still arrive later."""
        try:
            rows = self._holdings([write.record for write in writes])
        except Unavailable:
            return False
        return all(write.record in rows and rows[write.record].owner == write.taker for write in writes)

    def _read_back(self, batch: Batch, sellers: OwnerAccounts, refused: Refused, writes: Writes) -> list[Moved]:
        try:
            return self._report(batch, sellers, refused, writes)
        except Unavailable as error:
            raise OutcomeUnknown(
                _("the batch was written and cannot be read back: {error}").format(error=error)
            ) from error

    def _report(self, batch: Batch, sellers: OwnerAccounts, refused: Refused, writes: Writes) -> list[Moved]:
        rows = self._present(batch)
        strangers = {row.owner for row in rows.values()} - {hand for s in sellers.values() for hand in s.all_owner_ids}
        named = self._owners.names(self._field, strangers)
        written = {write.record for write in writes} - refused.keys()
        return [moves.report(one, rows, sellers, refused, written, lambda o: named.get(o or 0)) for one in batch]

    def _present(self, batch: Batch) -> moves.RecordStates:
        return self._holdings([found[1] for one in batch if (found := records.place(one.record))])

    def _holdings(self, numbers: Sequence[int]) -> moves.RecordStates:
        rows = self._rows(numbers, moves.fields(self._field))
        return {row["id"]: moves.holding(self._field, row) for row in rows}

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
