"""Wrong connectors for the suite of book owners: each planted fault fails the test named beside it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import pytest

from connectors.conformance.book_owners import BookOwnersSuite
from connectors.contract import AccountId, BookOwners
from connectors.errors import ConnectorError, Unavailable
from tests.conformance.test_client_book_bites import Honest as HonestBook
from tests.conformance.test_client_book_bites import Memory, Row


class Honest(HonestBook, BookOwners):
    """A correct connector; the wrong ones change one of its steps."""

    def rows(self) -> Iterable[Row]:
        return list(self.system.rows.values())

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        if self.system.away:
            raise Unavailable("away")
        counted = Counter(row.owner for row in self.rows())
        return {owner: {"deal": number} for owner, number in counted.items()}


class StopsAtPageOne(Honest):
    def rows(self) -> Iterable[Row]:
        return islice(super().rows(), 200)


class LeavesOutTheInactive(Honest):
    def rows(self) -> Iterable[Row]:
        return [row for row in super().rows() if self.system.active[row.owner]]


class OnlyTheInactive(Honest):
    def rows(self) -> Iterable[Row]:
        return [row for row in super().rows() if not self.system.active[row.owner]]


class CountsTwice(Honest):
    def rows(self) -> Iterable[Row]:
        rows = list(super().rows())
        return [*rows, *rows[-1:]]


class ForgetsTheKind(Honest):
    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        return {owner: {"record": sum(kinds.values())} for owner, kinds in super().owner_counts().items()}


class NamesEverybody(Honest):
    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        return {account: {"deal": 0} for account in self.system.active} | dict(super().owner_counts())


class TakesThemAtOnce(Honest):
    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        self.system.written += 1
        return super().owner_counts()


class DeadIsEmpty(Honest):
    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        return {} if self.system.away else super().owner_counts()


class World(Memory):
    """The system in memory, with a correct connector unless another is planted."""

    def __init__(self, wrong: type[Honest] = Honest) -> None:
        super().__init__(wrong)

    def connect(self) -> Any:
        return self.connector(self)


class TestHonest(BookOwnersSuite):
    @pytest.fixture
    def world(self) -> World:
        return World()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (StopsAtPageOne, "every_owner_is_counted_over_many_pages"),
        (CountsTwice, "every_owner_is_counted_over_many_pages"),
        (OnlyTheInactive, "every_owner_is_counted_over_many_pages"),
        (LeavesOutTheInactive, "inactive_owners_are_counted"),
        (OnlyTheInactive, "inactive_owners_are_counted"),
        (CountsTwice, "the_counts_are_those_of_each_owner"),
        (ForgetsTheKind, "the_counts_are_those_of_each_owner"),
        (NamesEverybody, "whoever_owns_nothing_is_left_out"),
        (TakesThemAtOnce, "nothing_is_written"),
        (DeadIsEmpty, "a_dead_server_is_no_empty_answer"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(BookOwnersSuite(), f"test_{test}")
    with pytest.raises((AssertionError, ConnectorError, KeyError, pytest.fail.Exception)):
        run(World(wrong))
