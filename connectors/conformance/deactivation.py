"""Conformance suite for every `Deactivation` connector, independent of any vendor.

Subclass `DeactivationSuite` as `Test...` and give a `world` fixture. `test_deactivation_bites.py` shows that each test
can fail.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Change, Deactivation
from connectors.errors import BadCredential, Conflict, Missing, Unavailable


class DeactivationWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float

    def connect(self, password: str = "good") -> Deactivation:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def person(self) -> AccountId:
        """Make a new account, which is open."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def lock(self, account: AccountId) -> None:
        """Lock the account as the connector's own lock does."""

    def is_open(self, account: AccountId) -> bool:
        """Return whether somebody can log in."""

    def is_deactivated(self, account: AccountId) -> bool:
        """Return whether the account is deactivated, as the system's owner sees it. False for one that is gone."""

    def truth(self) -> Mapping[AccountId, object]:
        """Return everything that the server stores of every account, apart from versions and times."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def calls(connector: Deactivation, account: AccountId) -> Mapping[str, Callable[[], object]]:
    """Return every verb as a callable."""
    return {
        "deactivated": lambda: connector.deactivated(account),
        "deactivate": lambda: connector.deactivate(account),
        "reactivate": lambda: connector.reactivate(account),
    }


class DeactivationSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> DeactivationWorld:
        raise NotImplementedError("give a world fixture")

    def locked(self, world: DeactivationWorld) -> AccountId:
        """Make a locked account."""
        account = world.person()
        world.lock(account)
        return account

    def test_a_locked_account_is_not_deactivated_yet(self, world: DeactivationWorld) -> None:
        assert world.connect().deactivated(self.locked(world)) is False
        assert world.connect().deactivated(world.person()) is False

    def test_deactivates_one_account_and_deletes_nothing(self, world: DeactivationWorld) -> None:
        account, other, connector = self.locked(world), self.locked(world), world.connect()
        before = dict(world.truth())
        assert connector.deactivate(account) is Change.MADE
        assert connector.deactivated(account) is True
        assert connector.deactivated(other) is False
        assert world.is_deactivated(account)
        after = dict(world.truth())
        assert after.keys() == before.keys()
        assert {one: after[one] for one in after if one != account} == {
            one: before[one] for one in before if one != account
        }

    def test_a_second_time_is_already_and_writes_nothing(self, world: DeactivationWorld) -> None:
        account, connector = self.locked(world), world.connect()
        assert connector.deactivate(account) is Change.MADE
        before, writes = dict(world.truth()), world.writes()
        assert connector.deactivate(account) is Change.ALREADY
        assert (dict(world.truth()), world.writes()) == (before, writes)

    def test_an_open_account_is_a_conflict_and_nothing_is_written(self, world: DeactivationWorld) -> None:
        account, connector = world.person(), world.connect()
        before, writes = dict(world.truth()), world.writes()
        with pytest.raises(Conflict):
            pytest.fail(f"answered {connector.deactivate(account)!r}")
        assert (dict(world.truth()), world.writes()) == (before, writes)
        assert world.is_open(account)

    def test_reactivate_restores_the_account_and_leaves_it_locked(self, world: DeactivationWorld) -> None:
        account, connector = self.locked(world), world.connect()
        before = dict(world.truth())
        connector.deactivate(account)
        assert connector.reactivate(account) is Change.MADE
        assert dict(world.truth()) == before
        assert connector.deactivated(account) is False
        assert not world.is_open(account)
        writes = world.writes()
        assert connector.reactivate(account) is Change.ALREADY
        assert (dict(world.truth()), world.writes()) == (before, writes)

    def test_an_unknown_account_is_missing_and_nothing_is_written(self, world: DeactivationWorld) -> None:
        self.locked(world)
        before, writes = dict(world.truth()), world.writes()
        for call in calls(world.connect(), world.nobody()).values():
            with pytest.raises(Missing):
                pytest.fail(f"answered {call()!r}")
        assert (dict(world.truth()), world.writes()) == (before, writes)

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: DeactivationWorld) -> None:
        account, connector = self.locked(world), world.connect()
        for verb, call in calls(world.connect("wrong"), account).items():
            with pytest.raises(BadCredential):
                pytest.fail(f"{verb} answered {call()!r}")
        with world.stopped():
            for verb, call in calls(connector, account).items():
                with within(world.patience), pytest.raises(Unavailable):
                    pytest.fail(f"{verb} answered {call()!r}")
        assert not world.is_deactivated(account)

    def test_a_silent_server_is_unavailable_in_time(self, world: DeactivationWorld) -> None:
        account, connector = self.locked(world), world.connect()
        asked = list(calls(connector, account).values())
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        assert [error for error in errors if not isinstance(error, Unavailable)] == []
        assert not world.is_deactivated(account)
