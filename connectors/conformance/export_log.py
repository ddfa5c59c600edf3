"""Conformance suite for every `ExportLog` connector, independent of any vendor.

Subclass `ExportLogSuite` as `Test...` and give a `world` fixture.

`tests/conformance/test_export_log_bites.py` shows that each test can fail.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from connectors.contract import AccountId, ExportEvent, ExportLog
from connectors.errors import Missing

LONG_AGO, FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


class ExportLogWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> ExportLog:
        """Return a fresh connector."""

    def person(self) -> AccountId:
        """Make a new account that may export."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def export(self, account: AccountId, start: int, size: int) -> None:
        """Let the account really export client records number `start` to `start + size`."""

    def export_uncounted(self, account: AccountId) -> None:
        """Let the account export in the way for which the log gives no number."""

    def export_in_vain(self, account: AccountId) -> None:
        """Let the account try an export that the server refuses."""

    def rotate(self) -> None:
        """Continue the log in a new file, as an operator's nightly job does."""

    def client_base(self) -> int:
        """Return the number of client records."""


class ExportLogSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> ExportLogWorld:
        raise NotImplementedError("give a world fixture")

    def test_an_export_is_on_record(self, world: ExportLogWorld) -> None:
        account, begun = world.person(), datetime.now(UTC) - timedelta(seconds=2)
        world.export(account, 0, 7)
        [event] = all_of(world, account)
        assert begun <= event.at <= datetime.now(UTC) + timedelta(seconds=2)
        assert event.at.tzinfo is not None
        assert (event.records, len(event.record_ids)) == (7, 7)
        assert event.actor
        assert event.what

    def test_chunks_add_up_to_distinct_records(self, world: ExportLogWorld) -> None:
        account = world.person()
        for start in (0, 5, 3):
            world.export(account, start, 5)
        events = all_of(world, account)
        assert [event.records for event in events] == [5, 5, 5]
        assert len(frozenset[str]().union(*(event.record_ids for event in events))) == 10

    def test_oldest_first(self, world: ExportLogWorld) -> None:
        account = world.person()
        for size in (1, 2, 3):
            world.export(account, 0, size)
        events = all_of(world, account)
        assert [event.records for event in events] == [1, 2, 3]
        assert events == sorted(events, key=lambda event: event.at)

    def test_an_unknown_number_is_none_and_never_zero(self, world: ExportLogWorld) -> None:
        account = world.person()
        world.export_uncounted(account)
        [event] = all_of(world, account)
        assert event.records is None
        assert event.record_ids == frozenset()

    def test_nobody_elses_exports_are_seen(self, world: ExportLogWorld) -> None:
        account, other = world.person(), world.person()
        world.export(other, 0, 9)
        world.export(account, 0, 2)
        assert [event.records for event in all_of(world, account)] == [2]

    def test_a_refused_export_took_nothing(self, world: ExportLogWorld) -> None:
        account = world.person()
        world.export_in_vain(account)
        world.export(account, 0, 3)
        assert [event.records for event in all_of(world, account)] == [3]

    def test_the_window_is_closed_below_and_open_above(self, world: ExportLogWorld) -> None:
        account = world.person()
        for size in (1, 2, 3):
            world.export(account, 0, size)
        connector, events = world.connect(), all_of(world, account)
        at = [event.at for event in events]
        assert len(set(at)) == 3
        assert [event.records for event in connector.exports(account, at[0], at[2])] == [1, 2]
        assert [event.records for event in connector.exports(account, at[1], FAR_OFF)] == [2, 3]
        assert list(connector.exports(account, LONG_AGO, at[0])) == []

    def test_a_rotated_log_is_read_on(self, world: ExportLogWorld) -> None:
        account = world.person()
        world.export(account, 0, 4)
        world.rotate()
        world.export(account, 0, 6)
        assert [event.records for event in all_of(world, account)] == [4, 6]

    def test_no_exports_are_no_events(self, world: ExportLogWorld) -> None:
        assert all_of(world, world.person()) == []

    def test_an_unknown_account_is_missing(self, world: ExportLogWorld) -> None:
        with pytest.raises(Missing):
            all_of(world, world.nobody())

    def test_the_client_base_is_counted(self, world: ExportLogWorld) -> None:
        assert world.connect().client_base() == world.client_base()


def all_of(world: ExportLogWorld, account: AccountId) -> list[ExportEvent]:
    """Return every export of an account at any time."""
    return list(world.connect().exports(account, LONG_AGO, FAR_OFF))
