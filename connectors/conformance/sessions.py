"""Conformance suite for every `Sessions` connector, independent of any vendor.

Subclass `SessionsSuite` as `Test...` and give a `world` fixture.

`tests/conformance/test_sessions_bites.py` shows that each test can fail.
"""

from typing import Protocol

import pytest

from connectors.contract import AccountId, Change, Sessions
from connectors.errors import Missing


class SessionsWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> Sessions:
        """Return a fresh connector."""

    def person(self) -> AccountId:
        """Make a new open account, without a session."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def sign_in(self, account: AccountId) -> None:
        """Open one more session for the account, and keep it."""

    def alive(self, account: AccountId) -> int:
        """Return the number of the account's kept sessions that the server still answers, by trying each."""

    def may_sign_in(self, account: AccountId) -> bool:
        """Return whether the account is open on the server."""


class SessionsSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> SessionsWorld:
        raise NotImplementedError("give a world fixture")

    def test_counts_what_is_open(self, world: SessionsWorld) -> None:
        account, connector = world.person(), world.connect()
        assert connector.sessions(account) == 0
        for opened in (1, 2, 3):
            world.sign_in(account)
            assert connector.sessions(account) == opened

    def test_ends_every_session(self, world: SessionsWorld) -> None:
        account, connector = world.person(), world.connect()
        for _ in range(3):
            world.sign_in(account)
        assert world.alive(account) == 3
        assert connector.end(account) is Change.MADE
        assert world.alive(account) == 0
        assert connector.sessions(account) == 0

    def test_ends_nobody_elses(self, world: SessionsWorld) -> None:
        account, bystander = world.person(), world.person()
        world.sign_in(account)
        world.sign_in(bystander)
        world.connect().end(account)
        assert world.alive(bystander) == 1

    def test_the_account_itself_stays_as_it_is(self, world: SessionsWorld) -> None:
        account = world.person()
        world.sign_in(account)
        world.connect().end(account)
        assert world.may_sign_in(account)
        world.sign_in(account)
        assert world.alive(account) == 1

    def test_nothing_to_end_is_already(self, world: SessionsWorld) -> None:
        account, connector = world.person(), world.connect()
        assert connector.end(account) is Change.ALREADY
        world.sign_in(account)
        assert connector.end(account) is Change.MADE
        assert connector.end(account) is Change.ALREADY

    def test_an_unknown_account_is_missing(self, world: SessionsWorld) -> None:
        connector, nobody = world.connect(), world.nobody()
        with pytest.raises(Missing):
            connector.sessions(nobody)
        with pytest.raises(Missing):
            connector.end(nobody)
