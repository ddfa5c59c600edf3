"""Conformance suite for every `Duties` connector, independent of any vendor.

Subclass `DutiesSuite` as `Test...` and give a `world` fixture. `test_duties_bites.py` shows that each test can fail.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import uuid4

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Duties, Duty, DutyKind
from connectors.errors import BadCredential, ConnectorError, Missing, Unavailable

AWKWARD = ("Läden (EU), R+D #1 *all*", 'a\\b "quoted" <all>', "Отдел", "=1+1")
"""Titles that break naive filters, DNs, SQL and JSON."""


class DutiesWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float
    kinds: Sequence[str]
    """The vendor's own types of duties that this world can make."""
    many: int
    """More duties of one type than the server returns in one page."""

    def connect(self, password: str = "good") -> Duties:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def refused(self) -> Duties:
        """Return a connector that may log in and look people up, and whose account may not read duties."""

    def person(self) -> AccountId:
        """Make a new account without duties."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        """Make duties of one type for an account."""

    def give_disabled(self, account: AccountId, title: str) -> bool:
        """Make a duty that is switched off; false if the system knows no such thing."""

    def lock(self, account: AccountId) -> None:
        """Lock the account as the connector's own lock does."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def fresh(name: str = "duty") -> str:
    """Return a title that no other test uses."""
    return f"{name} {uuid4().hex[:10]}"


def shown(duties: Sequence[Duty]) -> Counter[tuple[str, str]]:
    """Return type and title of each duty, with their number."""
    return Counter((one.what, one.title) for one in duties)


class DutiesSuite:
    """The tests; each one makes its own people and duties."""

    @pytest.fixture
    def world(self) -> DutiesWorld:
        raise NotImplementedError("give a world fixture")

    def test_lists_exactly_the_duties_of_the_account(self, world: DutiesWorld) -> None:
        account, other, connector = world.person(), world.person(), world.connect()
        expected = {(what, fresh()) for what in world.kinds}
        for what, title in expected:
            world.give(account, what, [title])
            world.give(other, what, [fresh("somebody else's")])
        found = list(connector.duties(account))
        assert shown(found) == Counter(expected)
        assert all(isinstance(one.kind, DutyKind) and one.active and one.id for one in found)
        assert list(connector.unseen_duties(account)) == []

    @pytest.mark.parametrize("title", AWKWARD)
    def test_a_title_is_data(self, world: DutiesWorld, title: str) -> None:
        account, name = world.person(), fresh(title)
        world.give(account, world.kinds[0], [name])
        assert shown(list(world.connect().duties(account))) == Counter([(world.kinds[0], name)])

    def test_somebody_without_duties_has_none(self, world: DutiesWorld) -> None:
        account, connector = world.person(), world.connect()
        assert list(connector.duties(account)) == []
        assert list(connector.unseen_duties(account)) == []

    def test_all_of_many_are_listed_once_and_the_same_at_each_read(self, world: DutiesWorld) -> None:
        account, what = world.person(), world.kinds[0]
        titles = [f"{fresh()} {number}" for number in range(world.many)]
        world.give(account, what, titles)
        connector = world.connect()
        found, again = list(connector.duties(account)), list(connector.duties(account))
        assert sorted(one.title for one in found) == sorted(titles)
        assert len({one.id for one in found}) == len(titles)
        assert {one.id for one in again} == {one.id for one in found}

    @pytest.mark.parametrize("place", range(10))
    def test_several_of_one_type_are_all_listed(self, world: DutiesWorld, place: int) -> None:
        if place >= len(world.kinds):
            return
        account, what, titles = world.person(), world.kinds[place], [fresh(), fresh(), fresh()]
        world.give(account, what, titles)
        found = list(world.connect().duties(account))
        assert shown(found) == Counter((what, title) for title in titles)
        assert len({one.id for one in found}) == len(titles)

    def test_what_is_switched_off_is_listed_as_such(self, world: DutiesWorld) -> None:
        account, name = world.person(), fresh()
        if not world.give_disabled(account, name):
            return
        assert [(one.title, one.active) for one in world.connect().duties(account)] == [(name, False)]

    def test_after_the_lock_the_list_is_the_same_or_not_known(self, world: DutiesWorld) -> None:
        account = world.person()
        for what in world.kinds:
            world.give(account, what, [fresh()])
        before = shown(list(world.connect().duties(account)))
        world.lock(account)
        try:
            after = shown(list(world.connect().duties(account)))
        except ConnectorError:
            return  # not known, which is said: never fewer
        assert after == before

    def test_a_refused_read_is_not_none(self, world: DutiesWorld) -> None:
        account = world.person()
        for what in world.kinds:
            world.give(account, what, [fresh()])
        connector = world.refused()
        try:
            found = list(connector.duties(account))
        except ConnectorError:
            return
        assert len(found) == len(world.kinds) or list(connector.unseen_duties(account))

    def test_an_unknown_account_is_missing(self, world: DutiesWorld) -> None:
        with pytest.raises(Missing):
            pytest.fail(f"answered {list(world.connect().duties(world.nobody()))!r}")

    def test_a_read_changes_nothing(self, world: DutiesWorld) -> None:
        account, connector = world.person(), world.connect()
        world.give(account, world.kinds[0], [fresh()])
        writes = world.writes()
        assert len(list(connector.duties(account))) == 1
        assert list(connector.unseen_duties(account)) == []
        assert world.writes() == writes

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: DutiesWorld) -> None:
        account, connector = world.person(), world.connect()
        world.give(account, world.kinds[0], [fresh()])
        with pytest.raises(BadCredential):
            pytest.fail(f"answered {list(world.connect('wrong').duties(account))!r}")
        with world.stopped(), within(world.patience), pytest.raises(Unavailable):
            pytest.fail(f"answered {list(connector.duties(account))!r}")
        assert len(list(connector.duties(account))) == 1

    def test_a_silent_server_is_unavailable_in_time(self, world: DutiesWorld) -> None:
        account, connector = world.person(), world.connect()
        asked = (lambda: list(connector.duties(account)), lambda: list(connector.unseen_duties(account)))
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        for error in errors:
            assert isinstance(error, Unavailable)
