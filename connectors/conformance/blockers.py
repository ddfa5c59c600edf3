"""Conformance suite for every `Blockers` connector, independent of any vendor.

Subclass `BlockersSuite` as `Test...` and give a `world` fixture. `test_blockers_bites.py` shows that each test can
fail. A refusal counts as true only if the vendor really refuses the act, and as ended only if the act then succeeds.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Act, Blocker, Blockers
from connectors.errors import BadCredential, Missing, Unavailable


class BlockersWorld(Protocol):
    """One system as its owner sees it; only `attempt` goes through a connector."""

    patience: float
    refusals: Sequence[str]
    """Names of the refusals that this world can make."""

    def connect(self, password: str = "good") -> Blockers:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def person(self) -> AccountId:
        """Make a new open account, in a group and with a record if the system has them, for which nothing is refused.

        The same connector's `attempt` succeeds for every act of the refusals.
        """

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        """Make one refusal: a connector, an account, and the act that the vendor refuses them."""

    def end(self, name: str, account: AccountId) -> bool:
        """End the refusal as its remedy says; false if nobody can."""

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        """Try an act through the connector; return whether it was refused."""

    def state(self) -> object:
        """Return what a read of blockers must not change, read from outside."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def acts(found: Sequence[Blocker]) -> set[Act]:
    """Return the acts that are blocked."""
    return {one.act for one in found}


class BlockersSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> BlockersWorld:
        raise NotImplementedError("give a world fixture")

    def test_nothing_is_claimed_where_nothing_is_refused(self, world: BlockersWorld) -> None:
        account, connector = world.person(), world.connect()
        assert list(connector.blockers(account)) == []

    @pytest.mark.parametrize("place", range(6))
    def test_a_refusal_is_foreseen_and_true(self, world: BlockersWorld, place: int) -> None:
        if place >= len(world.refusals):
            return
        connector, account, act = world.refuse(world.refusals[place])
        found = list(connector.blockers(account))
        assert acts(found) == {act}
        assert all(one.why.strip() for one in found)
        assert world.attempt(connector, account, act), "the vendor refuses nothing"

    @pytest.mark.parametrize("place", range(6))
    def test_the_remedy_ends_it(self, world: BlockersWorld, place: int) -> None:
        if place >= len(world.refusals):
            return
        name = world.refusals[place]
        connector, account, act = world.refuse(name)
        found = [one for one in connector.blockers(account) if one.act is act]
        assert found
        if not world.end(name, account):
            assert not any(one.remedy for one in found), "nobody can end it, and a remedy is named"
            return
        assert all(one.remedy.strip() for one in found)
        assert act not in acts(list(connector.blockers(account)))
        assert not world.attempt(connector, account, act), "the vendor still refuses"

    def test_a_read_changes_nothing(self, world: BlockersWorld) -> None:
        before = [(world.connect(), world.person())]
        before += [world.refuse(name)[:2] for name in world.refusals]
        state = world.state()
        for connector, account in before:
            connector.blockers(account)
        assert world.state() == state

    def test_an_unknown_account_is_missing(self, world: BlockersWorld) -> None:
        with pytest.raises(Missing):
            pytest.fail(f"answered {list(world.connect().blockers(world.nobody()))!r}")

    def test_a_dead_server_and_a_wrong_credential_are_no_answer(self, world: BlockersWorld) -> None:
        account, connector = world.person(), world.connect()
        assert list(connector.blockers(account)) == []
        with pytest.raises(BadCredential):
            pytest.fail(f"answered {list(world.connect('wrong').blockers(account))!r}")
        with world.stopped(), within(world.patience), pytest.raises(Unavailable):
            pytest.fail(f"answered {list(connector.blockers(account))!r}")
        assert list(connector.blockers(account)) == []

    def test_a_silent_server_is_unavailable_in_time(self, world: BlockersWorld) -> None:
        account, connector = world.person(), world.connect()
        with world.silent(), ThreadPoolExecutor(1) as pool, within(world.patience):
            error = pool.submit(lambda: list(connector.blockers(account))).exception()
        assert isinstance(error, Unavailable)
