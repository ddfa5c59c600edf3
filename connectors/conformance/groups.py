"""Conformance suite for every `Groups` connector, independent of any vendor; used as `accounts.py` is."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import uuid4

import pytest

from connectors.conformance.accounts import Newcomer, newcomer, within
from connectors.contract import AccountId, Change, Group, GroupId, Groups
from connectors.errors import BadCredential, Missing, Unavailable

AWKWARD = ("R+D, Läden (EU) #1", "*", "a\\b", '"quoted" <all>', "Отдел", "=1+1")


class GroupsWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float

    def connect(self, password: str = "good") -> Groups:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def add(self, who: Newcomer) -> AccountId:
        """Give the person an account."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def add_group(self, name: str, members: Sequence[AccountId]) -> GroupId:
        """Make a group."""

    def no_group(self) -> GroupId:
        """Return an id of the right form that no group has."""

    def members(self, group: GroupId) -> frozenset[AccountId]:
        """Return the members of a group."""

    def memberships(self) -> Mapping[GroupId, object]:
        """Return everything that the server stores of every group, for a comparison with a later call."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def fresh(name: str = "team") -> str:
    """Return a group name that no other test uses."""
    return f"{name} {uuid4().hex[:10]}"


def calls(connector: Groups, account: AccountId, group: GroupId) -> Mapping[str, Callable[[], object]]:
    """Return every verb as a callable."""
    return {
        "groups": lambda: connector.groups(account),
        "remove": lambda: connector.remove(account, group),
        "restore": lambda: connector.restore(account, group),
    }


class GroupsSuite:
    """The tests; each one makes its own people and groups."""

    @pytest.fixture
    def world(self) -> GroupsWorld:
        raise NotImplementedError("give a world fixture")

    def listed(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Leave out a group that the vendor puts everybody into, if any: it must be marked as fixed."""
        return list(groups)

    @pytest.mark.parametrize("name", AWKWARD)
    def test_lists_exactly_the_groups_of_the_account(self, world: GroupsWorld, name: str) -> None:
        account, other = world.add(newcomer("o'brien (*)")), world.add(newcomer())
        mine = fresh(name)
        group = world.add_group(mine, [account, other])
        world.add_group(fresh(), [other])
        assert self.listed(world.connect().groups(account)) == [Group(group, mine)]

    def test_somebody_without_groups_has_none(self, world: GroupsWorld) -> None:
        assert self.listed(world.connect().groups(world.add(newcomer()))) == []

    def test_remove_takes_out_one_member_of_one_group(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group, kept = (world.add_group(fresh(), [account, other]) for _ in range(2))
        everything = dict(world.memberships())
        assert connector.remove(account, group) is Change.MADE
        after = dict(world.memberships())
        assert world.members(group) == {other}
        assert after.pop(group) != everything.pop(group)
        assert after == everything
        assert [found.id for found in self.listed(connector.groups(account))] == [kept]

    def test_removing_twice_is_already_and_writes_nothing(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group = world.add_group(fresh(), [account, other])
        assert connector.remove(account, group) is Change.MADE
        everything, writes = world.memberships(), world.writes()
        assert connector.remove(account, group) is Change.ALREADY
        assert (world.memberships(), world.writes()) == (everything, writes)

    def test_restore_puts_back_who_was_removed(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group = world.add_group(fresh("R+D, *"), [account, other])
        connector.remove(account, group)
        assert connector.restore(account, group) is Change.MADE
        assert world.members(group) == {account, other}
        writes = world.writes()
        assert connector.restore(account, group) is Change.ALREADY
        assert world.writes() == writes

    def test_unknown_ids_are_missing_and_nothing_is_written(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group = world.add_group(fresh(), [account, other])
        everything, writes = world.memberships(), world.writes()
        strange, nowhere = calls(connector, world.nobody(), group), calls(connector, account, world.no_group())
        for call in (*strange.values(), nowhere["remove"], nowhere["restore"]):
            with pytest.raises(Missing):
                call()
        assert (world.memberships(), world.writes()) == (everything, writes)

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group = world.add_group(fresh(), [account, other])
        wrong = world.connect("wrong")
        for verb, call in calls(wrong, account, group).items():
            with pytest.raises(BadCredential):
                pytest.fail(f"{verb} answered {call()!r}")
        with world.stopped():
            for verb, call in calls(connector, account, group).items():
                with within(world.patience), pytest.raises(Unavailable):
                    pytest.fail(f"{verb} answered {call()!r}")
        assert world.members(group) == {account, other}

    def test_a_silent_server_is_unavailable_in_time(self, world: GroupsWorld) -> None:
        account, other, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        group = world.add_group(fresh(), [account, other])
        asked = list(calls(connector, account, group).values())
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        assert [error for error in errors if not isinstance(error, Unavailable)] == []
        assert world.members(group) == {account, other}
