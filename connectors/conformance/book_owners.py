"""Conformance suite for every `BookOwners` connector, independent of any vendor.

Subclass `BookOwnersSuite` as `Test...` and give a `world` fixture: the world of the client book.

`tests/conformance/test_book_owners_bites.py` shows that each test can fail.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from connectors.contract import AccountId, BookOwners, RecordId
from connectors.errors import ConnectorError

MANY = 260
"""More than any page of whole records."""


class BookOwnersWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> BookOwners:
        """Return a fresh connector."""

    def seller(self, *, active: bool = True) -> AccountId:
        """Make a new account that can own records; an inactive one owned records before."""

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        """Give an owner new records, all of the same kind, for clients of these names."""

    def owners(self) -> Mapping[RecordId, AccountId]:
        """Return every record's owner."""

    def writes(self) -> int:
        """Return the number of record writes since the beginning, as the server counts."""

    def take(self, record: RecordId, by: AccountId) -> None:
        """Give a record to somebody behind the connector's back."""

    def delete(self, record: RecordId) -> None:
        """Delete a record behind the connector's back."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while; its data stays."""


class BookOwnersSuite:
    """The tests; each one makes its own sellers and records."""

    @pytest.fixture
    def world(self) -> BookOwnersWorld:
        raise NotImplementedError("give a world fixture")

    def test_every_owner_is_counted_over_many_pages(self, world: BookOwnersWorld) -> None:
        one, other = world.seller(), world.seller()
        world.add(one, [f"Client {n}" for n in range(MANY)])
        world.add(other, ["Last"])
        told = world.connect().owner_counts()
        assert {owner: sum(told.get(owner, {}).values()) for owner in (one, other)} == {one: MANY, other: 1}

    def test_inactive_owners_are_counted(self, world: BookOwnersWorld) -> None:
        alive, left = world.seller(), world.seller(active=False)
        world.add(alive, ["A"])
        world.add(left, ["B", "C", "D"])
        told = world.connect().owner_counts()
        assert {owner: sum(told.get(owner, {}).values()) for owner in (alive, left)} == {alive: 1, left: 3}

    def test_the_counts_are_those_of_each_owner(self, world: BookOwnersWorld) -> None:
        sellers = [world.seller(), world.seller(active=False), world.seller()]
        for number, seller in enumerate(sellers, 1):
            world.add(seller, [f"Client {n}" for n in range(number)])
        connector = world.connect()
        told = connector.owner_counts()
        for seller in sellers:
            assert told[seller] == {kind: n for kind, n in connector.count(seller).items() if n}

    def test_whoever_owns_nothing_is_left_out(self, world: BookOwnersWorld) -> None:
        had, has, never = world.seller(), world.seller(), world.seller()
        first, second = world.add(had, ["A", "B"])
        world.take(first, has)
        world.delete(second)
        told = world.connect().owner_counts()
        assert not {had, never} & told.keys()
        assert sum(told[has].values()) == 1
        assert all(number > 0 for kinds in told.values() for number in kinds.values())

    def test_nothing_is_written(self, world: BookOwnersWorld) -> None:
        world.add(world.seller(), ["A", "B"])
        writes, owners = world.writes(), dict(world.owners())
        world.connect().owner_counts()
        assert (world.writes(), dict(world.owners())) == (writes, owners)

    def test_a_dead_server_is_no_empty_answer(self, world: BookOwnersWorld) -> None:
        world.add(world.seller(), ["A"])
        warm = world.connect()
        warm.owner_counts()
        with world.stopped():
            for connector in (warm, world.connect()):
                with pytest.raises(ConnectorError):
                    connector.owner_counts()
