"""The client book in BottleCRM: records of seven kinds, each assigned to any number of people.

No call writes several records, writes on a condition, or reads records by their ids. So each record is read right
before it is written, and read again after.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.rest import PAGE, ModuleOff, Rest, ValidationRefused, read_pages
from connectors.bottlecrm.wire import KINDS, Json, Kind, Member, Page, Unreadable
from connectors.contract import AccountId, Change, Moved, MoveOrder, MoveOutcome, Record, RecordId
from connectors.errors import Missing, OutcomeUnknown, Unavailable

CHEAPER = 10
"""Number of list rows that cost as much as one record read by itself."""
People = Mapping[AccountId, Member]


class Book:
    """Records by the people whom they are assigned to."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Count each kind; a kind whose module is switched off has no visible records."""
        self._rest.member(owner)
        return {kind.name: self._count(kind, owner) for kind in KINDS}

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream the member's records, kind by kind."""
        self._rest.member(owner)
        families: dict[str, wire.Family] = {}
        for kind in KINDS:
            for row in self._rows(kind, owner):
                if owner not in (one.id for one in wire.holders(row)):
                    continue
                found = wire.record(kind, row, owner, families)
                if kind.name != "task":
                    families[found.id] = found.family, found.family_name
                yield found

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        """Count the records of everybody whom any is assigned to."""
        found: dict[AccountId, dict[str, int]] = {}
        for kind in KINDS:
            for row in self._rows(kind):
                for one in {one.id for one in wire.holders(row)}:
                    kinds = found.setdefault(one, {})
                    kinds[kind.name] = kinds.get(kind.name, 0) + 1
        return found

    def hidden(self) -> list[str]:
        """Return the kinds whose module is switched off: their records exist, and nobody sees them."""
        return [kind.name for kind in KINDS if self._is_off(kind)]

    def _is_off(self, kind: Kind) -> bool:
        try:
            self._page(kind, None, 0, 1)
        except ModuleOff:
            return True
        return False

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read everybody whom records are assigned to; missing records are not in the answer."""
        wanted: dict[str, set[str]] = {}
        for record in records:
            if place := wire.record_place(record):
                wanted.setdefault(place[0].name, set()).add(place[1])
        found: dict[RecordId, tuple[AccountId, ...]] = {}
        for name, numbers in wanted.items():
            kind = wire.BY_NAME[name]
            found |= {wire.record_id(kind, number): ids for number, ids in self._holders(kind, numbers)}
        return found

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str]
    ) -> Mapping[AccountId, Mapping[str, str]]:
        """Return why people cannot own records; all records of the organization have the same possible owners."""
        people = self._rest.members(accounts) if accounts else {}
        return {account: dict.fromkeys(pools, owner_fault(account, people.get(account))) for account in accounts}

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Read, decide, write and read each record again, one by one."""
        people = self._rest.members([who for one in batch for who in (one.owner, one.successor)]) if batch else {}
        done: list[Moved] = []
        for one in batch:
            try:
                done.append(self._move(one, people))
            except Missing:
                done.append(Moved(one.record, MoveOutcome.GONE, None))
            except Unavailable as error:
                if any(moved.change for moved in done):
                    raise OutcomeUnknown(
                        _("after {done} of {count} records: {error}").format(
                            done=len(done), count=len(batch), error=error
                        )
                    ) from error
                raise
        return done

    def _move(self, one: MoveOrder, people: People) -> Moved:
        """Move one record. Raises `Missing` if it is gone, at whichever step."""
        place = wire.record_place(one.record)
        if place is None:
            raise Missing(one.record)
        try:
            present = self._present(*place)
        except Unreadable as error:
            return _refused(
                one, None, _("BottleCRM's answer about this record cannot be read: {why}").format(why=error)
            )
        decided = decide(one, present, people)
        return decided if isinstance(decided, Moved) else self._write(one, place, decided, present)

    def _write(
        self, one: MoveOrder, place: tuple[Kind, str], people: Sequence[AccountId], before: Sequence[Member]
    ) -> Moved:
        kind, number = place
        try:
            self._rest.write("PATCH", kind.address(number), {"assigned_to": list(people)})
        except ValidationRefused as refusal:
            return _refused(one, one.owner, str(refusal))
        except OutcomeUnknown:
            if not self._arrived(one, place):
                raise
        try:
            return report(one, before, self._present(kind, number))
        except Unavailable as error:
            raise OutcomeUnknown(
                _("{record} was written and cannot be read back: {error}").format(record=one.record, error=error)
            ) from error

    def _arrived(self, one: MoveOrder, place: tuple[Kind, str]) -> bool:
        """Return whether a write with a lost answer has arrived. If it has not, it may still arrive later."""
        try:
            ids = {who.id for who in self._present(*place)}
        except (Missing, Unavailable):
            return False
        return one.successor in ids and one.owner not in ids

    def _present(self, kind: Kind, number: str) -> tuple[Member, ...]:
        return wire.holders(self._row(kind, number))

    def _row(self, kind: Kind, number: str) -> Json:
        row: Json = wire.at(self._rest.get(kind.address(number), kind.query), (kind.detail,) if kind.detail else ())
        if wire.identity(row) != number:  # its people would be written to the record
            raise Unreadable(_("the answer is about another record"))
        return row

    def _holders(self, kind: Kind, numbers: set[str]) -> Iterator[tuple[str, tuple[AccountId, ...]]]:
        return ((number, tuple(one.id for one in wire.holders(row))) for number, row in self.rows(kind, numbers))

    def rows(self, kind: Kind, numbers: set[str]) -> Iterator[tuple[str, Json]]:
        """Stream records of a kind by their ids, from the list or one by one; missing ones are left out."""
        left = set(numbers)
        if len(numbers) * CHEAPER > self._count(kind):
            for row in self._rows(kind):
                if (number := wire.identity(row)) in left:
                    left.discard(number)
                    yield number, row
        for number in sorted(left):
            try:
                yield number, self._row(kind, number)
            except Missing:
                continue

    def _count(self, kind: Kind, owner: AccountId | None = None) -> int:
        try:
            return self._page(kind, owner, 0, 1).total
        except ModuleOff:
            return 0

    def _rows(self, kind: Kind, owner: AccountId | None = None) -> Iterator[Json]:
        try:
            yield from read_pages(
                lambda offset: self._page(kind, owner, offset, PAGE), _("the list of {path}").format(path=kind.path)
            )
        except ModuleOff:
            return

    def _page(self, kind: Kind, owner: AccountId | None, offset: int, limit: int) -> Page:
        query = {**kind.query, "limit": str(limit), "offset": str(offset)} | ({"assigned_to": owner} if owner else {})
        return wire.page(self._rest.get(kind.address(), query), kind.halves)


def decide(one: MoveOrder, present: Sequence[Member], people: People) -> Moved | list[AccountId]:
    """Return the new assignees of the record, or the outcome if there is nothing to write.

    A record is assigned to any number of equal people. A move replaces the owner with the successor, and keeps
    everybody else.
    """
    ids = [who.id for who in present]
    if one.owner not in ids or one.owner == one.successor:
        if one.successor in ids:
            return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.ALREADY)
        if not ids:
            return _refused(one, None, _("the record has no owner any more: assign it by hand"))
        return Moved(one.record, MoveOutcome.TAKEN, ids[0])
    if fault := owner_fault(one.successor, people.get(one.successor)):
        return _refused(one, one.owner, fault)
    return list(dict.fromkeys(one.successor if who == one.owner else who for who in ids))


def owner_fault(account: AccountId, member: Member | None) -> str:
    """Return why a person cannot own records, as a sentence; an empty one: they can."""
    if member is None:
        return _("BottleCRM has no member {id}").format(id=account)
    return "" if member.active else _("{name} is inactive").format(name=member.name)


def report(one: MoveOrder, before: Sequence[Member], after: Sequence[Member]) -> Moved:
    """Return the outcome of a record that was written."""
    ids = [who.id for who in after]
    if not ids:
        return _refused(one, None, _("BottleCRM left the record without an owner: assign it by hand"))
    if one.owner in ids:
        return _refused(one, one.owner, _("BottleCRM accepted the change and kept the owner"))
    if one.successor not in ids:
        return Moved(one.record, MoveOutcome.TAKEN, ids[0])
    lost = [who.name for who in before if who.id not in {*ids, one.owner}]
    removed = _("BottleCRM removes inactive users from a record that is written: {names}").format(names=", ".join(lost))
    return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.MADE, removed if lost else "")


def _refused(one: MoveOrder, owner: AccountId | None, reason: str) -> Moved:
    return Moved(one.record, MoveOutcome.REFUSED, owner, reason=reason)
