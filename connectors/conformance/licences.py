"""Conformance suite for every `Licences` connector, independent of any vendor.

Subclass `LicencesSuite` as `Test...` and give a `world` fixture. `test_licences_bites.py` shows that each test can
fail.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Change, Licence, LicenceId, Licences
from connectors.errors import BadCredential, Conflict, ConnectorError, Missing, Unavailable


class LicencesWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float
    names: Sequence[str]
    """Names of licences that this world can give, three or more: of each kind that the connector knows."""

    def connect(self, password: str = "good") -> Licences:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def refused(self) -> Licences | None:
        """Return a connector that may log in and not see licences; None if the system has no such account."""

    def person(self) -> AccountId:
        """Make a new account without licences."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def give(self, account: AccountId, name: str) -> None:
        """Give a licence as the system's owner does."""

    def take(self, account: AccountId, name: str) -> None:
        """Take a licence as the system's owner does."""

    def held(self) -> Mapping[AccountId, frozenset[str]]:
        """Return the names of the licences of every account that this world made."""

    def state(self, account: AccountId) -> object:
        """Return everything that the server stores of an account and its licences, apart from versions and times."""

    def no_licence(self) -> LicenceId:
        """Return an id of the right form that no licence has."""

    def sell_out(self, name: str) -> bool:
        """Leave no seat of a licence free; false if the system counts no seats."""

    def lock(self, account: AccountId) -> None:
        """Lock the account as the connector's own lock does."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def names(licences: Sequence[Licence]) -> list[str]:
    """Return the sorted names of licences."""
    return sorted(one.name for one in licences)


def named(licences: Sequence[Licence], name: str) -> LicenceId:
    """Return the id of the licence with a name."""
    return next(one.id for one in licences if one.name == name)


def calls(connector: Licences, account: AccountId, licence: LicenceId) -> Mapping[str, Callable[[], object]]:
    """Return every verb as a callable."""
    return {
        "licences": lambda: connector.licences(account),
        "reclaim": lambda: connector.reclaim(account, licence),
        "give_licence": lambda: connector.give_licence(account, licence),
    }


class LicencesSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> LicencesWorld:
        raise NotImplementedError("give a world fixture")

    def test_lists_exactly_the_licences_of_the_account(self, world: LicencesWorld) -> None:
        account, other, connector = world.person(), world.person(), world.connect()
        for name in world.names[1:]:
            world.give(account, name)
        world.give(other, world.names[0])
        found = connector.licences(account)
        assert names(found) == sorted(world.names[1:])
        assert len({one.id for one in found}) == len(found)
        assert {one.id for one in connector.licences(account)} == {one.id for one in found}
        assert names(connector.licences(other)) == [world.names[0]]

    def test_somebody_without_licences_has_none(self, world: LicencesWorld) -> None:
        world.give(world.person(), world.names[0])
        assert list(world.connect().licences(world.person())) == []

    @pytest.mark.parametrize("place", range(5))
    def test_reclaim_takes_one_licence_of_one_account(self, world: LicencesWorld, place: int) -> None:
        if place >= len(world.names):
            return
        account, other, connector = world.person(), world.person(), world.connect()
        for name in world.names:
            world.give(account, name)
            world.give(other, name)
        before, theirs, name = dict(world.held()), world.state(other), world.names[place]
        assert connector.reclaim(account, named(connector.licences(account), name)) is Change.MADE
        assert dict(world.held()) == before | {account: frozenset(world.names) - {name}}
        assert world.state(other) == theirs
        assert names(connector.licences(account)) == sorted({*world.names} - {name})

    def test_reclaiming_twice_is_already_and_writes_nothing(self, world: LicencesWorld) -> None:
        account, other, connector = world.person(), world.person(), world.connect()
        for one in (account, other):
            world.give(one, world.names[0])
        licence = named(connector.licences(account), world.names[0])
        assert connector.reclaim(account, licence) is Change.MADE
        before, writes = dict(world.held()), world.writes()
        assert connector.reclaim(account, licence) is Change.ALREADY
        assert (dict(world.held()), world.writes()) == (before, writes)

    def test_what_somebody_else_took_is_already(self, world: LicencesWorld) -> None:
        account, other, connector = world.person(), world.person(), world.connect()
        for one in (account, other):
            world.give(one, world.names[0])
        licence = named(connector.licences(account), world.names[0])
        world.take(account, world.names[0])
        assert connector.reclaim(account, licence) is Change.ALREADY
        assert world.held()[other] == {world.names[0]}

    @pytest.mark.parametrize("place", range(5))
    def test_what_was_taken_is_given_back_exactly(self, world: LicencesWorld, place: int) -> None:
        if place >= len(world.names):
            return
        account, other, connector, name = world.person(), world.person(), world.connect(), world.names[place]
        world.give(account, name)
        before, theirs = world.state(account), world.state(other)
        licence = named(connector.licences(account), name)
        connector.reclaim(account, licence)
        assert world.held()[account] == frozenset()
        assert connector.give_licence(account, licence) is Change.MADE
        assert world.state(account) == before
        assert [one.id for one in connector.licences(account)] == [licence]
        writes = world.writes()
        assert connector.give_licence(account, licence) is Change.ALREADY
        assert (world.state(account), world.state(other), world.writes()) == (before, theirs, writes)

    def test_without_a_free_seat_it_is_a_conflict(self, world: LicencesWorld) -> None:
        account, connector, name = world.person(), world.connect(), world.names[0]
        world.give(account, name)
        licence = named(connector.licences(account), name)
        connector.reclaim(account, licence)
        if not world.sell_out(name):
            return
        with pytest.raises(Conflict):
            pytest.fail(f"answered {connector.give_licence(account, licence)!r}")
        assert world.held()[account] == frozenset()

    def test_after_the_lock_the_list_is_the_same_or_not_known(self, world: LicencesWorld) -> None:
        account, connector = world.person(), world.connect()
        for name in world.names:
            world.give(account, name)
        world.lock(account)
        try:
            found = connector.licences(account)
        except ConnectorError:
            return  # not known, which is said: never fewer
        assert names(found) == sorted(world.names)

    def test_a_refused_read_is_not_none(self, world: LicencesWorld) -> None:
        account = world.person()
        world.give(account, world.names[0])
        connector = world.refused()
        if connector is None:
            return
        with pytest.raises(ConnectorError) as raised:
            pytest.fail(f"answered {connector.licences(account)!r}")
        assert not isinstance(raised.value, Missing)

    def test_unknown_ids_are_missing_and_nothing_is_written(self, world: LicencesWorld) -> None:
        account, other, connector = world.person(), world.person(), world.connect()
        world.give(account, world.names[0])
        world.give(other, world.names[0])
        licence = named(connector.licences(account), world.names[0])
        before, writes = dict(world.held()), world.writes()
        strange, nowhere = calls(connector, world.nobody(), licence), calls(connector, account, world.no_licence())
        for call in (*strange.values(), nowhere["reclaim"], nowhere["give_licence"]):
            with pytest.raises(Missing):
                pytest.fail(f"answered {call()!r}")
        assert (dict(world.held()), world.writes()) == (before, writes)

    def test_a_read_changes_nothing(self, world: LicencesWorld) -> None:
        account, connector = world.person(), world.connect()
        world.give(account, world.names[0])
        before, writes = world.state(account), world.writes()
        connector.licences(account)
        assert (world.state(account), world.writes()) == (before, writes)

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: LicencesWorld) -> None:
        account, connector = world.person(), world.connect()
        world.give(account, world.names[0])
        licence = named(connector.licences(account), world.names[0])
        for verb, call in calls(world.connect("wrong"), account, licence).items():
            with pytest.raises(BadCredential):
                pytest.fail(f"{verb} answered {call()!r}")
        with world.stopped():
            for verb, call in calls(connector, account, licence).items():
                with within(world.patience), pytest.raises(Unavailable):
                    pytest.fail(f"{verb} answered {call()!r}")
        assert world.held()[account] == {world.names[0]}

    def test_a_silent_server_is_unavailable_in_time(self, world: LicencesWorld) -> None:
        account, connector = world.person(), world.connect()
        world.give(account, world.names[0])
        asked = list(calls(connector, account, named(connector.licences(account), world.names[0])).values())
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        assert [error for error in errors if not isinstance(error, Unavailable)] == []
        assert world.held()[account] == {world.names[0]}
