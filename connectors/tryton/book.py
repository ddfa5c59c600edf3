"""The client book in Tryton: opportunities, owned by the employee that they name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from config.text import _
from connectors.contract import AccountId, Assignment, Moved, Record, RecordId
from connectors.errors import Conflict, OutcomeUnknown, Unavailable
from connectors.tryton import wire
from connectors.tryton.moves import Sellers, Write, decide, payload, report
from connectors.tryton.rpc import Rpc
from connectors.tryton.users import Users

Batch = Sequence[Assignment]
Refused = Mapping[int, str]
Writes = Sequence[Write]

MODEL = "sale.opportunity"
PAGE = 200
"""Records in one read."""
UNLINKED = "employee:"
"""How an owner without a log-in is named: an employee whom no user is linked to still owns the record."""


class Book:
    """Opportunities by employee."""

    def __init__(self, rpc: Rpc, users: Users) -> None:
        self._rpc, self._users = rpc, users

    def count(self, owner: AccountId) -> int:
        """Return how many opportunities the account's employees own."""
        found: int = self._rpc.read(f"{MODEL}.search_count", [["employee", "in", self._employees(owner)]])
        return found

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream the account's opportunities: all ids first, since a page by offset shifts while records move."""
        employees = self._employees(owner)
        ids = self._rpc.read(f"{MODEL}.search", [["employee", "in", employees]], 0, None, [["id", "ASC"]])
        for page in _pages(ids):
            for row in self._rows(page, wire.RECORD_FIELDS):
                if row["employee"] in employees:
                    yield wire.record(row, owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read owners; ids that are not opportunities, or are gone, are not in the answer."""
        numbers = [number for number in map(wire.record_number, records) if number is not None]
        held = {row["id"]: row["employee"] for page in _pages(numbers) for row in self._rows(page, ["employee"])}
        users = self._users_of(held.values())
        return {wire.record_id(number): _named(employee, users) for number, employee in held.items()}

    def move(self, batch: Sequence[Assignment]) -> Sequence[Moved]:
        """Read, decide, write several owners in one call, read again."""
        sellers = self._sellers({who for one in batch for who in (one.owner, one.successor)})
        writes, refused = decide(batch, self._present(batch), sellers)
        if not writes:
            return self._report(batch, sellers, refused, writes)
        try:
            refused |= self._write(sorted(writes, key=lambda write: write.state not in wire.WORKED_ON))
        except OutcomeUnknown:
            if not self._arrived(writes):
                raise
        return self._read_back(batch, sellers, refused, writes)

    def _write(self, writes: Sequence[Write]) -> dict[int, str]:
        """Write all, or halve what Tryton refuses; return its sentence for each record that refuses alone."""
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
        arguments, context = payload(writes)
        self._rpc.write(f"{MODEL}.write", *arguments, context=context)

    def _once_more(self, write: Write, refusal: Conflict) -> dict[int, str]:
        """Write a record anew that somebody changed since it was read, a note say, if its owner is still the same."""
        if isinstance(refusal, wire.Declined):
            return {write.record: str(refusal)}
        row = next(iter(self._rows([write.record], wire.OWNER_FIELDS)), None)
        if row is None or row["employee"] != write.owner:
            return {}  # the read at the end says who has it
        try:
            self._send([replace(write, timestamp=row["_timestamp"])])
        except Conflict as again:
            return {write.record: str(again)}
        return {}

    def _write_rest(self, writes: Sequence[Write]) -> dict[int, str]:
        try:
            return self._write(writes)
        except Unavailable as error:
            raise OutcomeUnknown(_("a part of the batch was written, then: {error}").format(error=error)) from error

    def _arrived(self, writes: Sequence[Write]) -> bool:
        """Whether a write whose answer was lost is there in full. Where it is not it may still come: nobody knows."""
        try:
            rows = {row["id"]: row["employee"] for row in self._rows([w.record for w in writes], ["employee"])}
        except Unavailable:
            return False
        return all(rows.get(write.record) == write.employee for write in writes)

    def _read_back(self, batch: Batch, sellers: Sellers, refused: Refused, writes: Writes) -> list[Moved]:
        try:
            return self._report(batch, sellers, refused, writes)
        except Unavailable as error:
            raise OutcomeUnknown(_("the batch was written and cannot be read back: {error}").format(
                error=error
            )) from error

    def _report(self, batch: Batch, sellers: Sellers, refused: Refused, writes: Writes) -> list[Moved]:
        rows = self._present(batch)
        strangers = {row["employee"] for row in rows.values()} - {e for s in sellers.values() for e in s.all_employees}
        users = self._users_of(strangers)
        written = {write.record for write in writes} - refused.keys()
        return [report(one, rows, sellers, refused, written, lambda e: _named(e, users)) for one in batch]

    def _present(self, batch: Batch) -> dict[int, dict[str, Any]]:
        numbers = [number for one in batch if (number := wire.record_number(one.record)) is not None]
        return {row["id"]: row for row in self._rows(numbers, wire.OWNER_FIELDS)}

    def _rows(self, ids: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
        domain, order = [["id", "in", list(ids)]], [["id", "ASC"]]
        found: list[dict[str, Any]] = self._rpc.read(f"{MODEL}.search_read", domain, 0, None, order, list(fields))
        return found

    def _employees(self, owner: AccountId) -> list[int]:
        if owner.startswith(UNLINKED) and owner.removeprefix(UNLINKED).isdecimal():
            return [int(owner.removeprefix(UNLINKED))]
        return list(self._users.row(owner)["employees"])

    def _sellers(self, accounts: Iterable[AccountId]) -> dict[AccountId, wire.Seller]:
        numbers = {a: n for a in accounts if (n := wire.user_id(a)) is not None}
        rows = self._users.rows(sorted(numbers.values()))
        wanted = sorted({employee for row in rows.values() for employee in row["employees"]})
        domain, fields = [["id", "in", wanted]], wire.EMPLOYEE_FIELDS
        read = self._rpc.read("company.employee.search_read", domain, 0, None, None, fields)
        today = datetime.now(UTC).date()
        return {a: wire.seller(rows[n], [e for e in read if e["id"] in rows[n]["employees"]], today)
                for a, n in numbers.items() if n in rows}

    def _users_of(self, employees: Iterable[int | None]) -> dict[int, AccountId]:
        wanted = sorted({employee for employee in employees if employee is not None})
        if not wanted:
            return {}
        domain, order = [["employees", "in", wanted], wire.ANY_STATE], [["active", "ASC"], ["id", "DESC"]]
        rows = self._rpc.read("res.user.search_read", domain, 0, None, order, ["employees"])
        return {employee: AccountId(str(row["id"])) for row in rows for employee in row["employees"]}


def _named(employee: int | None, users: Mapping[int, AccountId]) -> AccountId | None:
    return None if employee is None else users.get(employee, AccountId(f"{UNLINKED}{employee}"))


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
