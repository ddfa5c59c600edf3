"""Conformance suite for every `Activities` connector, independent of any vendor.

Subclass `ActivitiesSuite` as `Test...` and give a `world` fixture. `test_activities_bites.py` shows that each test can
fail.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Activities, LossRate, RecordId
from connectors.errors import BadCredential, ConnectorError, Unavailable

SECOND = timedelta(seconds=1)


class ActivitiesWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float
    many: int
    """More contacts with one client, and more deals of one owner, than the server returns in one page."""

    def connect(self, password: str = "good") -> Activities:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def refused(self) -> Activities:
        """Return a connector that may read records, and whose account may not read their history."""

    def person(self) -> AccountId:
        """Make a new account that can own deals."""

    def deals(self, owner: AccountId, number: int) -> Sequence[RecordId]:
        """Make open deals worth something, each of a client of its own."""

    def missing(self) -> RecordId:
        """Return an id of the right form that no record has."""

    def contact(self, record: RecordId, by: AccountId, times: Sequence[datetime]) -> None:
        """Let somebody be in touch with the client at these times."""

    def no_contact(self, record: RecordId, by: AccountId, at: datetime) -> None:
        """Make all kinds of activity that are no contact: a call in vain, a message that a program sent, a note."""

    def end(self, record: RecordId, *, won: bool) -> None:
        """Let a deal be won or lost now."""

    def value(self, record: RecordId) -> tuple[Decimal, str]:
        """Return a deal's value and its currency."""

    def ends(self) -> Sequence[tuple[date, bool]]:
        """Return the day of each ended deal, and whether it was lost."""

    def give(self, record: RecordId, owner: AccountId) -> None:
        """Give a deal to another owner as the connector's own move does."""

    def delete(self, record: RecordId) -> None:
        """Delete a deal."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def ago(**span: float) -> datetime:
    """Return a time in the past, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


class ActivitiesSuite:
    """The tests; each one makes its own people, deals and contacts."""

    @pytest.fixture
    def world(self) -> ActivitiesWorld:
        raise NotImplementedError("give a world fixture")

    def test_tells_who_was_in_touch_and_when(self, world: ActivitiesWorld) -> None:
        bob, carol, at = world.person(), world.person(), ago(days=1)
        touched, other, none = world.deals(bob, 3)
        world.contact(touched, bob, [at])
        world.contact(other, carol, [at - timedelta(hours=3)])
        found = world.connect().activities([touched, other, none], ago(days=5))
        assert set(found) == {touched, other, none}
        assert all(record == one.record for record, one in found.items())
        assert [found[one].contacted_by for one in (touched, other, none)] == [bob, carol, None]
        told = [found[one].contacted_at for one in (touched, other)]
        assert all(
            one and abs(one - when) < SECOND for one, when in zip(told, (at, at - timedelta(hours=3)), strict=True)
        )
        assert found[none].contacted_at is None
        assert not any(one.won or one.lost for one in found.values())

    def test_what_was_before_does_not_count(self, world: ActivitiesWorld) -> None:
        bob = world.person()
        [deal] = world.deals(bob, 1)
        world.contact(deal, bob, [ago(days=8), ago(days=6)])
        assert world.connect().activities([deal], ago(days=5))[deal].contacted_at is None

    def test_the_last_contact_is_told(self, world: ActivitiesWorld) -> None:
        bob, carol, last = world.person(), world.person(), ago(hours=2)
        [deal] = world.deals(bob, 1)
        world.contact(deal, bob, [ago(days=1), ago(days=2)])
        world.contact(deal, carol, [last])
        world.contact(deal, bob, [ago(days=3)])
        found = world.connect().activities([deal], ago(days=5))[deal]
        assert found.contacted_by == carol
        assert found.contacted_at is not None
        assert abs(found.contacted_at - last) < SECOND

    def test_the_last_of_many_contacts_is_found(self, world: ActivitiesWorld) -> None:
        bob, carol, first = world.person(), world.person(), ago(days=4)
        busy, quiet = world.deals(bob, 2)
        world.contact(busy, bob, [first + timedelta(seconds=n) for n in range(world.many)])
        world.contact(quiet, carol, [ago(hours=1)])
        world.contact(busy, carol, [ago(hours=2)])
        found = world.connect().activities([busy, quiet], ago(days=5))
        assert [found[busy].contacted_by, found[quiet].contacted_by] == [carol, carol]

    def test_many_records_are_all_told(self, world: ActivitiesWorld) -> None:
        bob = world.person()
        deals = world.deals(bob, world.many)
        for deal in (deals[0], deals[-1]):
            world.contact(deal, bob, [ago(hours=1)])
        found = world.connect().activities(deals, ago(days=5))
        assert set(found) == set(deals)
        assert {one for one in deals if found[one].contacted_at} == {deals[0], deals[-1]}

    def test_what_is_no_contact_is_none(self, world: ActivitiesWorld) -> None:
        bob = world.person()
        [deal] = world.deals(bob, 1)
        world.no_contact(deal, bob, ago(hours=1))
        assert world.connect().activities([deal], ago(days=5))[deal].contacted_at is None

    def test_a_move_is_no_contact_and_no_loss(self, world: ActivitiesWorld) -> None:
        bob, carol, since = world.person(), world.person(), ago(seconds=2)
        [deal] = world.deals(bob, 1)
        world.give(deal, carol)
        found = world.connect().activities([deal], since)[deal]
        assert (found.contacted_at, found.contacted_by, found.won, found.lost) == (None, None, False, False)

    def test_tells_which_deals_ended_since(self, world: ActivitiesWorld) -> None:
        bob, since = world.person(), ago(seconds=2)
        lost, won, still = world.deals(bob, 3)
        world.end(lost, won=False)
        world.end(won, won=True)
        connector = world.connect()
        found = connector.activities([lost, won, still], since)
        assert [(found[one].won, found[one].lost) for one in (lost, won, still)] == [
            (False, True),
            (True, False),
            (False, False),
        ]
        assert (found[lost].value, found[lost].currency) == world.value(lost)
        at = found[lost].lost_at
        assert at is None or at >= since

    def test_a_deal_that_ended_before_did_not_end_since(self, world: ActivitiesWorld) -> None:
        bob = world.person()
        lost, won = world.deals(bob, 2)
        world.end(lost, won=False)
        world.end(won, won=True)
        found = world.connect().activities([lost, won], datetime.now(UTC))
        assert not any(one.lost or one.won or one.lost_at for one in found.values())

    def test_a_record_that_is_gone_is_left_out(self, world: ActivitiesWorld) -> None:
        gone, there = world.deals(world.person(), 2)
        world.delete(gone)
        assert set(world.connect().activities([gone, there, world.missing()], ago(days=5))) == {there}

    def test_nothing_asked_is_nothing(self, world: ActivitiesWorld) -> None:
        assert world.connect().activities([], ago(days=5)) == {}

    def test_a_refused_history_is_not_none(self, world: ActivitiesWorld) -> None:
        bob = world.person()
        [deal] = world.deals(bob, 1)
        world.contact(deal, bob, [ago(hours=1)])
        try:
            found = world.refused().activities([deal], ago(days=5)).get(deal)
        except ConnectorError:
            return
        assert found is not None
        assert found.contacted_at or found.unseen

    def test_the_loss_rate_is_that_of_all_owners(self, world: ActivitiesWorld) -> None:
        bob, carol, today = world.person(), world.person(), datetime.now(UTC)
        (lost,), (won,) = world.deals(bob, 1), world.deals(carol, 1)
        world.end(lost, won=False)
        world.end(won, won=True)
        connector = world.connect()
        for first, last in ((365, -1), (200, 20), (0, -1), (30, 0), (3000, 2999)):
            since, until = today - timedelta(days=first), today - timedelta(days=last)
            inside = [was_lost for day, was_lost in world.ends() if since.date() <= day < until.date()]
            assert connector.loss_rate(since, until) == LossRate(len(inside), sum(inside))

    def test_a_read_changes_nothing(self, world: ActivitiesWorld) -> None:
        deals, connector = world.deals(world.person(), 2), world.connect()
        writes = world.writes()
        assert len(connector.activities(deals, ago(days=5))) == len(deals)
        connector.loss_rate(ago(days=30), ago(days=0))
        assert world.writes() == writes

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: ActivitiesWorld) -> None:
        deals, connector = world.deals(world.person(), 1), world.connect()
        with pytest.raises(BadCredential):
            pytest.fail(f"answered {world.connect('wrong').activities(deals, ago(days=5))!r}")
        with world.stopped(), within(world.patience), pytest.raises(Unavailable):
            pytest.fail(f"answered {connector.activities(deals, ago(days=5))!r}")
        assert len(connector.activities(deals, ago(days=5))) == 1

    def test_a_silent_server_is_unavailable_in_time(self, world: ActivitiesWorld) -> None:
        deals, connector = world.deals(world.person(), 1), world.connect()
        asked = (
            lambda: connector.activities(deals, ago(days=5)),
            lambda: connector.loss_rate(ago(days=5), ago(days=1)),
        )
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        for error in errors:
            assert isinstance(error, Unavailable)
