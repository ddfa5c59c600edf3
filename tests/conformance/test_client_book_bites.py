"""Wrong connectors for the client book suite: each planted fault fails the test named beside it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

import pytest

from connectors.conformance.client_book import ClientBookSuite, WaitingBookSuite
from connectors.contract import AccountId, Change, ClientBook, Moved, MoveOrder, MoveOutcome, Record, RecordId
from connectors.errors import ConnectorError, Missing, OutcomeUnknown, Unavailable


@dataclass
class Row:
    name: str
    owner: AccountId
    stage: str = "lead"


class Memory:
    """A system in memory, and its world."""

    def __init__(self, wrong: type["Honest"] | None = None) -> None:
        self.rows: dict[RecordId, Row] = {}
        self.active: dict[AccountId, bool] = {}
        self.written, self.number = 0, 0
        self.losing = self.away = False
        self.connector = wrong or Honest
        self.waits: dict[RecordId, AccountId] = {}
        self.says_no: set[RecordId] = set()
        self.accepts, self.ordered = False, 0

    def connect(self) -> ClientBook:
        return self.connector(self)

    def seller(self, *, active: bool = True) -> AccountId:
        account = AccountId(f"a{len(self.active)}")
        self.active[account] = active
        return account

    def nobody(self) -> AccountId:
        return AccountId("nobody")

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        made = [RecordId(f"deal:{self.number + n}") for n in range(len(names))]
        self.number += len(names)
        self.rows.update(zip(made, (Row(name, owner) for name in names), strict=True))
        return made

    def missing(self) -> RecordId:
        return RecordId("deal:none")

    def owners(self) -> Mapping[RecordId, AccountId]:
        return {record: row.owner for record, row in self.rows.items()}

    def contents(self) -> Mapping[RecordId, object]:
        return {record: (row.name, row.stage) for record, row in self.rows.items()}

    def writes(self) -> int:
        return self.written

    def take(self, record: RecordId, by: AccountId) -> None:
        self.rows[record].owner = by

    def delete(self, record: RecordId) -> None:
        del self.rows[record]

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.losing = True
        yield
        self.losing = False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.away = True
        yield
        self.away = False

    @contextmanager
    def accepting(self) -> Iterator[None]:
        self.accepts = True
        yield
        self.accepts = False

    def carry_out(self, record: RecordId) -> None:
        self.rows[record].owner = self.waits.pop(record)

    def object(self, record: RecordId) -> None:
        self.says_no.add(record)

    def orders(self) -> int:
        return self.ordered


class Honest(ClientBook):
    """A correct connector; the wrong ones change one of its steps."""

    def __init__(self, system: Memory) -> None:
        self.system = system

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        return

    def book(self, owner: AccountId) -> list[RecordId]:
        if self.system.away:
            raise Unavailable("away")
        if owner not in self.system.active:
            raise Missing(owner)
        return [record for record, row in self.system.rows.items() if row.owner == owner]

    def count(self, owner: AccountId) -> Mapping[str, int]:
        return {"deal": len(self.book(owner))}

    def record(self, record: RecordId, owner: AccountId) -> Record:
        row = self.system.rows[record]
        return Record(record, "deal", row.name, owner, record, row.name)

    def records(self, owner: AccountId) -> Iterator[Record]:
        for record in self.book(owner):
            yield self.record(record, owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        return {record: self.system.rows[record].owner for record in records if record in self.system.rows}

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        if self.system.away:
            raise Unavailable("away")
        return {a: dict.fromkeys(pools, "" if self.may_take(a) else "inactive") for a in accounts}

    def may_take(self, successor: AccountId) -> bool:
        return self.system.active.get(successor, False)

    def wanted(self, one: MoveOrder) -> bool:
        row = self.system.rows.get(one.record)
        return row is not None and row.owner == one.owner and self.may_take(one.successor)

    def write(self, one: MoveOrder) -> None:
        self.system.rows[one.record].owner = one.successor
        self.system.written += 1

    def lost(self, batch: Sequence[MoveOrder]) -> None:
        if self.system.losing and batch:
            raise OutcomeUnknown("no answer")

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        if self.system.away:
            raise Unavailable("away")
        made = [one for one in batch if self.wanted(one)]
        for one in made:
            self.write(one)
        self.lost(made)
        return [self.outcome(one, made) for one in batch]

    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        row = self.system.rows.get(one.record)
        if row is None:
            return Moved(one.record, MoveOutcome.GONE, None)
        if row.owner == one.successor:
            return Moved(one.record, MoveOutcome.MOVED, row.owner, Change.MADE if one in made else Change.ALREADY)
        if row.owner == one.owner:
            return Moved(one.record, MoveOutcome.REFUSED, row.owner, reason="inactive")
        return Moved(one.record, MoveOutcome.TAKEN, row.owner)


class Patient(Honest):
    """A correct connector of a system that accepts orders, and asks clients."""

    def wanted(self, one: MoveOrder) -> bool:
        return super().wanted(one) and one.record not in self.system.says_no

    def write(self, one: MoveOrder) -> None:
        if not self.system.accepts:
            super().write(one)
        elif one.record not in self.system.waits:
            self.order(one)

    def order(self, one: MoveOrder) -> None:
        self.system.waits[one.record] = one.successor
        self.system.ordered += 1

    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        said = super().outcome(one, made)
        if said.outcome is not MoveOutcome.REFUSED:
            return said
        if one.record in self.system.waits:
            return Moved(one.record, MoveOutcome.WAITING, one.owner, Change.MADE)
        return replace(said, outcome=MoveOutcome.OBJECTED) if one.record in self.system.says_no else said


class MovedWhileWaiting(Patient):
    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        said = super().outcome(one, made)
        waits = said.outcome is MoveOutcome.WAITING
        return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.MADE) if waits else said


class WaitsWithTheSuccessor(Patient):
    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        said = super().outcome(one, made)
        return replace(said, owner=one.successor) if said.outcome is MoveOutcome.WAITING else said


class NeverReadAgain(Patient):
    """Answers from what it read first."""

    def __init__(self, system: Memory) -> None:
        super().__init__(system)
        self.known: dict[RecordId, AccountId | None] = {}

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        found = super().owners(records)
        return {record: self.known.setdefault(record, owner) for record, owner in found.items()}


class OwnersAsOrdered(Patient):
    """Shows the successor as soon as the order is accepted."""

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        return {**super().owners(records), **{r: self.system.waits[r] for r in records if r in self.system.waits}}


class OrdersAgain(Patient):
    def write(self, one: MoveOrder) -> None:
        self.order(one) if self.system.accepts else super().write(one)


class MovesWhoSaysNo(Patient):
    def wanted(self, one: MoveOrder) -> bool:
        return Honest.wanted(self, one)


class NoForNothing(Patient):
    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        said = super().outcome(one, made)
        return replace(said, reason="") if said.outcome is MoveOutcome.OBJECTED else said


class StopsAtPageOne(Honest):
    def records(self, owner: AccountId) -> Iterator[Record]:
        return islice(super().records(owner), 100)


class PagesByOffset(Honest):
    def records(self, owner: AccountId) -> Iterator[Record]:
        offset = 0
        while page := self.book(owner)[offset : offset + 100]:
            yield from (self.record(record, owner) for record in page)
            offset += 100


class ListsEverybodys(Honest):
    def book(self, owner: AccountId) -> list[RecordId]:
        super().book(owner)
        return list(self.system.rows)


class CountsAPage(Honest):
    def count(self, owner: AccountId) -> Mapping[str, int]:
        return {"deal": min(100, len(self.book(owner)))}


class MangleNames(Honest):
    def record(self, record: RecordId, owner: AccountId) -> Record:
        found = super().record(record, owner)
        return replace(found, family_name=found.family_name.encode("ascii", "replace").decode())


class NobodyHasAnEmptyBook(Honest):
    def book(self, owner: AccountId) -> list[RecordId]:
        return super().book(owner) if owner in self.system.active else []


class OwnersOfAPage(Honest):
    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        return super().owners(records[:100])


class OwnersOfTheGone(Honest):
    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        return {**dict.fromkeys(records), **super().owners(records)}


class TakesFromAnother(Honest):
    def wanted(self, one: MoveOrder) -> bool:
        return one.record in self.system.rows and self.may_take(one.successor)


class MovesEverybodys(Honest):
    def write(self, one: MoveOrder) -> None:
        super().write(one)
        for row in self.system.rows.values():
            row.owner = one.successor


class MovesTheWholeBook(Honest):
    def write(self, one: MoveOrder) -> None:
        for record in self.book(one.owner):
            super().write(replace(one, record=record))


class ResetsTheStage(Honest):
    def write(self, one: MoveOrder) -> None:
        super().write(one)
        self.system.rows[one.record].stage = "new"


class TrustsTheSuccessor(Honest):
    def may_take(self, successor: AccountId) -> bool:
        return True


class EverybodyCanOwn(Honest):
    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        return {account: dict.fromkeys(pools, "") for account in accounts}


class KnowsOnlyTheGood(Honest):
    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        found = super().owner_faults(accounts, pools, on)
        return {account: faults for account, faults in found.items() if not any(faults.values())}


class NobodyCanOwn(Honest):
    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        return {account: dict.fromkeys(pools, "no") for account in accounts}


class LeavesNoOwner(Honest):
    """Behaves like a server that answers 200 and drops an inactive owner."""

    def wanted(self, one: MoveOrder) -> bool:
        return one.record in self.system.rows and self.system.rows[one.record].owner == one.owner

    def write(self, one: MoveOrder) -> None:
        super().write(one if self.may_take(one.successor) else replace(one, successor=AccountId("")))


class BelievesThe200(Honest):
    def write(self, one: MoveOrder) -> None:
        self.system.written += 1

    def outcome(self, one: MoveOrder, made: Sequence[MoveOrder]) -> Moved:
        return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.MADE)


class WritesAgain(Honest):
    def wanted(self, one: MoveOrder) -> bool:
        row = self.system.rows.get(one.record)
        return super().wanted(one) or (row is not None and row.owner == one.successor)


class RepeatsBlindly(WritesAgain):
    def lost(self, batch: Sequence[MoveOrder]) -> None:
        if self.system.losing:
            for one in batch:
                self.write(one)


class CallsGoneAnError(Honest):
    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        if any(one.record not in self.system.rows for one in batch):
            raise Missing("a record is gone")
        return super().move(batch)


class AlwaysWrites(Honest):
    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        self.system.written += 1
        return super().move(batch)


class DeadIsEmpty(Honest):
    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        return [] if self.system.away else super().move(batch)


class KindsWithNoneLeftOut(Honest):
    def count(self, owner: AccountId) -> Mapping[str, int]:
        return {kind: n for kind, n in super().count(owner).items() if n}


class TestHonest(ClientBookSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


class TestPatient(WaitingBookSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory(Patient)


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Honest, "what_is_accepted_waits_with_its_old_owner"),
        (MovedWhileWaiting, "what_is_accepted_waits_with_its_old_owner"),
        (WaitsWithTheSuccessor, "what_is_accepted_waits_with_its_old_owner"),
        (NeverReadAgain, "a_later_read_shows_what_was_carried_out"),
        (OwnersAsOrdered, "a_later_read_shows_what_was_carried_out"),
        (OrdersAgain, "an_order_again_finds_the_first_one"),
        (MovedWhileWaiting, "an_order_again_finds_the_first_one"),
        (MovesWhoSaysNo, "who_says_no_keeps_the_owner_and_the_others_move"),
        (NoForNothing, "who_says_no_keeps_the_owner_and_the_others_move"),
    ],
)
def test_bites_where_moves_wait(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(WaitingBookSuite(), f"test_{test}")
    with pytest.raises((AssertionError, ConnectorError)):
        run(Memory(wrong))


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (StopsAtPageOne, "every_record_is_listed_once_over_many_pages"),
        (ListsEverybodys, "every_record_is_listed_once_over_many_pages"),
        (CountsAPage, "every_record_is_listed_once_over_many_pages"),
        (KindsWithNoneLeftOut, "an_empty_book_counts_every_kind_with_none"),
        (PagesByOffset, "a_book_is_read_whole_while_it_shrinks"),
        (MangleNames, "names_survive"),
        (NobodyHasAnEmptyBook, "the_book_of_nobody_is_missing"),
        (OwnersOfAPage, "owners_are_read_in_bulk"),
        (OwnersOfTheGone, "owners_are_read_in_bulk"),
        (MovesEverybodys, "a_move_to_several_changes_owners_and_nothing_else"),
        (ResetsTheStage, "a_move_to_several_changes_owners_and_nothing_else"),
        (BelievesThe200, "a_move_to_several_changes_owners_and_nothing_else"),
        (MovesTheWholeBook, "counts_before_are_counts_after"),
        (WritesAgain, "twice_is_already_and_not_written_again"),
        (TakesFromAnother, "what_another_took_is_left_alone"),
        (BelievesThe200, "what_is_gone_is_gone"),
        (CallsGoneAnError, "what_is_gone_is_gone"),
        (TrustsTheSuccessor, "an_inactive_successor_is_refused_and_nothing_written"),
        (LeavesNoOwner, "an_inactive_successor_is_refused_and_nothing_written"),
        (EverybodyCanOwn, "who_can_own_is_known_before_the_move"),
        (KnowsOnlyTheGood, "who_can_own_is_known_before_the_move"),
        (NobodyCanOwn, "who_can_own_is_known_before_the_move"),
        (TrustsTheSuccessor, "who_can_own_is_known_before_the_move"),
        (AlwaysWrites, "an_empty_batch_is_nothing"),
        (RepeatsBlindly, "a_lost_answer_is_read_back_and_never_repeated"),
        (BelievesThe200, "a_lost_answer_is_read_back_and_never_repeated"),
        (DeadIsEmpty, "a_dead_server_is_unavailable"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(ClientBookSuite(), f"test_{test}")
    with pytest.raises((AssertionError, ConnectorError, pytest.fail.Exception)):
        run(Memory(wrong))
