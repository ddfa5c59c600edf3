"""Conformance suite for every `ClientBook` connector, independent of any vendor.

Subclass `ClientBookSuite` as `Test...` and give a `world` fixture. The suite makes its own sellers and records, and
compares all others.

`tests/conformance/test_client_book_bites.py` shows that each test can fail.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

import pytest

from connectors.contract import AccountId, Change, ClientBook, Moved, MoveOrder, MoveOutcome, RecordId
from connectors.errors import ConnectorError, Missing, OutcomeUnknown, Unavailable

NAMES = (
    "<!channel>",
    'O\'Brien "& Sons"',
    '=HYPERLINK("http://evil.example","x")',
    "Robert'); DROP TABLE clients;--",
    "<script>alert(1)</script>",
    "ООО «Ромашка»",
    "北京山水有限公司",
    "شركة النور",
    "חברת הצפון",
    "🦊 👩‍👩‍👧",
    "N" + "a" * 198 + "m",
    "%s {0} ${x}",
    "back\\slash",
    "null",
)
MANY = 260
"""More than any page that a connector reads at once."""


class ClientBookWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> ClientBook:
        """Return a fresh connector."""

    def seller(self, *, active: bool = True) -> AccountId:
        """Make a new account that can own records; an inactive one owned records before."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        """Give an owner new records, all of the same kind, for clients of these names."""

    def missing(self) -> RecordId:
        """Return an id of the right form that no record has."""

    def owners(self) -> Mapping[RecordId, AccountId]:
        """Return every record's owner."""

    def contents(self) -> Mapping[RecordId, object]:
        """Return all values of every record except its owner."""

    def writes(self) -> int:
        """Return the number of record writes since the beginning, as the server counts."""

    def take(self, record: RecordId, by: AccountId) -> None:
        """Give a record to somebody behind the connector's back."""

    def delete(self, record: RecordId) -> None:
        """Delete a record behind the connector's back."""

    def losing_answers(self) -> AbstractContextManager[None]:
        """Carry out writes and lose their answers for a while; reads are answered. Only for connectors made inside."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while; its data stays."""


def assignments(records: Sequence[RecordId], owner: AccountId, successor: AccountId) -> list[MoveOrder]:
    """Return moves of several records from one account to another."""
    return [MoveOrder(record, owner, successor) for record in records]


def outcomes(moved: Sequence[Moved]) -> list[tuple[RecordId, MoveOutcome, AccountId | None]]:
    """Return the compared part of an answer."""
    return [(one.record, one.outcome, one.owner) for one in moved]


class WaitingWorld(ClientBookWorld, Protocol):
    """A system that accepts orders and carries them out later, or asks the client first."""

    def accepting(self) -> AbstractContextManager[None]:
        """Accept orders for a while, and carry none out."""

    def carry_out(self, record: RecordId) -> None:
        """Carry out an accepted order."""

    def object(self, record: RecordId) -> None:
        """Let the client, or who is asked there, say no to any successor of this record."""

    def orders(self) -> int:
        """Return the number of orders that the system accepted since the beginning."""


class ClientBookSuite:
    """The tests; each one makes its own sellers and records."""

    @pytest.fixture
    def world(self) -> ClientBookWorld:
        raise NotImplementedError("give a world fixture")

    def test_every_record_is_listed_once_over_many_pages(self, world: ClientBookWorld) -> None:
        owner, other = world.seller(), world.seller()
        mine = world.add(owner, [f"Client {n}" for n in range(MANY)])
        world.add(other, ["Another's"])
        connector = world.connect()
        listed = list(connector.records(owner))
        assert sorted(record.id for record in listed) == sorted(mine)
        assert {record.owner for record in listed} == {owner}
        assert {kind: n for kind, n in connector.count(owner).items() if n} == {listed[0].kind: MANY}

    def test_an_empty_book_counts_every_kind_with_none(self, world: ClientBookWorld) -> None:
        owner, connector = world.seller(), world.connect()
        assert set(connector.count(owner).values()) == {0}
        assert list(connector.records(owner)) == []

    def test_a_book_is_read_whole_while_it_shrinks(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        mine = world.add(owner, [f"Client {n}" for n in range(MANY)])
        stream = world.connect().records(owner)
        seen = [next(stream)]
        world.connect().move(assignments([seen[0].id], owner, successor))
        seen += list(stream)
        assert sorted(record.id for record in seen) == sorted(mine)

    def test_names_survive(self, world: ClientBookWorld) -> None:
        owner = world.seller()
        mine = world.add(owner, NAMES)
        shown = {record.id: record.family_name for record in world.connect().records(owner)}
        assert [shown[record] for record in mine] == list(NAMES)

    def test_the_book_of_nobody_is_missing(self, world: ClientBookWorld) -> None:
        connector, nobody = world.connect(), world.nobody()
        with pytest.raises(Missing):
            connector.count(nobody)
        with pytest.raises(Missing):
            list(connector.records(nobody))

    def test_owners_are_read_in_bulk(self, world: ClientBookWorld) -> None:
        owner, other = world.seller(), world.seller()
        mine, theirs = world.add(owner, [f"Client {n}" for n in range(MANY)]), world.add(other, ["X"])
        found = world.connect().owners([*mine, *theirs, world.missing()])
        assert found == {**dict.fromkeys(mine, owner), theirs[0]: other}

    def test_a_move_to_several_changes_owners_and_nothing_else(self, world: ClientBookWorld) -> None:
        owner, one, two = world.seller(), world.seller(), world.seller()
        mine = world.add(owner, [f"Client {n}" for n in range(40)])
        stays = world.add(owner, ["Stays"])
        before, contents = dict(world.owners()), dict(world.contents())
        batch = assignments(mine[::2], owner, one) + assignments(mine[1::2], owner, two)
        moved = world.connect().move(batch)
        assert outcomes(moved) == [(a.record, MoveOutcome.MOVED, a.successor) for a in batch]
        assert {answer.change for answer in moved} == {Change.MADE}
        after = dict(world.owners())
        assert after == {**before, **{a.record: a.successor for a in batch}}
        assert dict(world.contents()) == contents
        assert after[stays[0]] == owner

    def test_counts_before_are_counts_after(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        mine = world.add(owner, [f"Client {n}" for n in range(30)])
        world.add(successor, ["Had"])
        connector = world.connect()
        total = sum(connector.count(owner).values()) + sum(connector.count(successor).values())
        connector.move(assignments(mine[:20], owner, successor))
        assert sum(connector.count(owner).values()) == 10
        assert sum(connector.count(successor).values()) == 21
        assert total == 31

    def test_twice_is_already_and_not_written_again(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        batch = assignments(world.add(owner, ["A", "B", "C"]), owner, successor)
        world.connect().move(batch)
        writes = world.writes()
        again = world.connect().move(batch)
        assert outcomes(again) == [(a.record, MoveOutcome.MOVED, successor) for a in batch]
        assert {answer.change for answer in again} == {Change.ALREADY}
        assert world.writes() == writes

    def test_what_another_took_is_left_alone(self, world: ClientBookWorld) -> None:
        owner, successor, taker = world.seller(), world.seller(), world.seller()
        first, taken, last = world.add(owner, ["A", "B", "C"])
        world.take(taken, by=taker)
        contents = world.contents()[taken]
        moved = world.connect().move(assignments([first, taken, last], owner, successor))
        assert outcomes(moved) == [
            (first, MoveOutcome.MOVED, successor),
            (taken, MoveOutcome.TAKEN, taker),
            (last, MoveOutcome.MOVED, successor),
        ]
        assert world.owners()[taken] == taker
        assert world.contents()[taken] == contents

    def test_what_is_gone_is_gone(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        first, deleted = world.add(owner, ["A", "B"])
        world.delete(deleted)
        moved = world.connect().move(assignments([first, deleted, world.missing()], owner, successor))
        assert [answer.outcome for answer in moved] == [MoveOutcome.MOVED, MoveOutcome.GONE, MoveOutcome.GONE]
        assert [answer.owner for answer in moved] == [successor, None, None]

    def test_an_inactive_successor_is_refused_and_nothing_written(self, world: ClientBookWorld) -> None:
        owner, gone, good = world.seller(), world.seller(active=False), world.seller()
        first, second, third = world.add(owner, ["A", "B", "C"])
        writes = world.writes()
        whom = {first: gone, second: good, third: world.nobody()}
        moved = world.connect().move([MoveOrder(record, owner, successor) for record, successor in whom.items()])
        assert outcomes(moved) == [
            (first, MoveOutcome.REFUSED, owner),
            (second, MoveOutcome.MOVED, good),
            (third, MoveOutcome.REFUSED, owner),
        ]
        assert moved[0].reason
        assert moved[2].reason
        assert (world.owners()[first], world.owners()[third]) == (owner, owner)
        assert world.writes() == writes + 1

    def test_who_can_own_is_known_before_the_move(self, world: ClientBookWorld) -> None:
        owner, good, gone, nobody = world.seller(), world.seller(), world.seller(active=False), world.nobody()
        mine = world.add(owner, ["A", "B", "C"])
        connector, writes = world.connect(), world.writes()
        pools = {record.owner_pool for record in connector.records(owner)}
        faults = connector.owner_faults([good, gone, nobody], pools, datetime.now(UTC).date())
        assert {account: set(by) for account, by in faults.items()} == dict.fromkeys((good, gone, nobody), pools)
        assert world.writes() == writes
        moved = connector.move([MoveOrder(r, owner, to) for r, to in zip(mine, (good, gone, nobody), strict=True)])
        told = [not any(faults[one].values()) for one in (good, gone, nobody)]
        assert told == [answer.outcome is MoveOutcome.MOVED for answer in moved] == [True, False, False]

    def test_an_empty_batch_is_nothing(self, world: ClientBookWorld) -> None:
        writes = world.writes()
        assert list(world.connect().move([])) == []
        assert world.writes() == writes

    def test_a_lost_answer_is_read_back_and_never_repeated(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        batch = assignments(world.add(owner, ["A", "B", "C"]), owner, successor)
        writes = world.writes()
        with world.losing_answers():
            try:
                moved = world.connect().move(batch)
            except OutcomeUnknown:
                moved = world.connect().move(batch)
        assert {answer.outcome for answer in moved} == {MoveOutcome.MOVED}
        assert world.writes() == writes + len(batch)
        assert {world.owners()[a.record] for a in batch} == {successor}

    def test_a_dead_server_is_unavailable(self, world: ClientBookWorld) -> None:
        owner, successor = world.seller(), world.seller()
        records = world.add(owner, ["A"])
        warm = world.connect()
        warm.count(owner)
        with world.stopped():
            for connector in (warm, world.connect()):
                with pytest.raises(Unavailable):
                    connector.move(assignments(records, owner, successor))
                with pytest.raises(ConnectorError):
                    list(connector.records(owner))
        assert world.owners()[records[0]] == owner


class WaitingBookSuite(ClientBookSuite):
    """The tests for a system whose moves may wait or be objected to, beside those of every client book."""

    @pytest.fixture
    def world(self) -> WaitingWorld:
        raise NotImplementedError("give a world fixture")

    def test_what_is_accepted_waits_with_its_old_owner(self, world: WaitingWorld) -> None:
        owner, successor = world.seller(), world.seller()
        mine = world.add(owner, ["A", "B"])
        with world.accepting():
            moved = world.connect().move(assignments(mine, owner, successor))
        assert outcomes(moved) == [(record, MoveOutcome.WAITING, owner) for record in mine]
        assert {world.owners()[record] for record in mine} == {owner}

    def test_a_later_read_shows_what_was_carried_out(self, world: WaitingWorld) -> None:
        owner, successor = world.seller(), world.seller()
        done, waits = mine = world.add(owner, ["A", "B"])
        connector = world.connect()
        with world.accepting():
            connector.move(assignments(mine, owner, successor))
            assert connector.owners(mine) == dict.fromkeys(mine, owner)
            world.carry_out(done)
            assert connector.owners(mine) == {done: successor, waits: owner}
            assert connector.holders([done]) == {done: (successor,)}
            assert sum(connector.count(owner).values()) == 1

    def test_an_order_again_finds_the_first_one(self, world: WaitingWorld) -> None:
        owner, successor = world.seller(), world.seller()
        batch = assignments(world.add(owner, ["A"]), owner, successor)
        with world.accepting():
            world.connect().move(batch)
            orders = world.orders()
            again = world.connect().move(batch)
            assert outcomes(again) == [(batch[0].record, MoveOutcome.WAITING, owner)]
            assert world.orders() == orders
            world.carry_out(batch[0].record)
            done = world.connect().move(batch)
        assert outcomes(done) == [(batch[0].record, MoveOutcome.MOVED, successor)]
        assert world.orders() == orders

    def test_who_says_no_keeps_the_owner_and_the_others_move(self, world: WaitingWorld) -> None:
        owner, successor = world.seller(), world.seller()
        no, yes = world.add(owner, ["A", "B"])
        world.object(no)
        moved = world.connect().move(assignments([no, yes], owner, successor))
        assert outcomes(moved) == [(no, MoveOutcome.OBJECTED, owner), (yes, MoveOutcome.MOVED, successor)]
        assert moved[0].reason
        assert world.owners()[no] == owner
