"""Conformance suite for every `DutyChanges` connector, independent of any vendor.

Subclass `DutyChangesSuite` as `Test...` and give a `world` fixture, beside the suite of `Duties`.
`test_duty_changes_bites.py` shows that each test can fail. Over 250 lines because it is one suite.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import uuid4

import pytest

from connectors.conformance.accounts import within
from connectors.contract import AccountId, Change, Duty, DutyAct, DutyChanges, DutyId, DutyImage
from connectors.errors import BadCredential, Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable

AWKWARD = ("Läden (EU), R+D #1 *all*", 'a\\b "quoted" <all>', "Отдел", "=1+1")
"""Titles that break naive filters, DNs, SQL and JSON."""
KINDS = 10
"""Types of duties that a world may have at most."""


class DutyChangesWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float
    offered: Mapping[str, Collection[DutyAct]]
    """The vendor's own types of duties that this world can make, each with the acts that the connector offers."""
    shared: Collection[str]
    """Types that may have several holders at once."""

    def connect(self, password: str = "good") -> DutyChanges:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def reader(self) -> DutyChanges | None:
        """Return a connector that may read every duty and change none; None if the system knows no such credential."""

    def lossy(self) -> AbstractContextManager[DutyChanges]:
        """Return a connector whose changes are carried out, and whose answers to them are lost."""

    def person(self) -> AccountId:
        """Make a new open account without duties, who can have every type of duty."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def lock(self, account: AccountId) -> None:
        """Lock the account as the connector's own lock does."""

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        """Make duties of one type for an account."""

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        """Let somebody in the system put exactly these accounts in the duty."""

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        """Return the accounts that have the duty; none also if it is switched off."""

    def rest(self, what: str, title: str) -> object:
        """Return all that the server stores of the object, except who has the duty, its switch, and time stamps.

        None if it is gone.
        """

    def delete(self, what: str, title: str) -> None:
        """Delete the object."""

    def writes(self) -> int:
        """Return the number of the bot's changes of such objects, as the server counts."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""


def fresh(name: str = "duty") -> str:
    """Return a title that no other test uses."""
    return f"{name} {uuid4().hex[:10]}"


def duty(connector: DutyChanges, account: AccountId, title: str) -> Duty:
    """Return the account's duty with this title."""
    [found] = [one for one in connector.duties(account) if one.title == title]
    return found


def calls(connector: DutyChanges, image: DutyImage, successor: AccountId) -> Mapping[str, Callable[[], object]]:
    """Return every verb as a callable."""
    changes: dict[str, Callable[[], object]] = {
        "duty_image": lambda: connector.duty_image(image.account, image.duty),
        "put_back": lambda: connector.put_back(image, None),
    }
    if DutyAct.GIVE in image.acts:
        changes["give"] = lambda: connector.give(image, successor)
    if DutyAct.STOP in image.acts:
        changes["stop"] = lambda: connector.stop(image)
    return changes


Changing = Callable[[], Change]


class Made:
    """A duty of one type that a test made: its holder, somebody else, and its image."""

    def __init__(self, world: DutyChangesWorld, what: str, name: str = "duty", others: int = 0) -> None:
        self.world, self.what, self.title = world, what, fresh(name)
        self.account, self.successor = world.person(), world.person()
        self.others = [world.person() for _one in range(others)]
        self.connector = world.connect()
        world.give(self.account, what, [self.title])
        if others:
            world.hold(what, self.title, [self.account, *self.others])
        self.rest = world.rest(what, self.title)
        self.id = duty(self.connector, self.account, self.title).id
        self.image = self.connector.duty_image(self.account, self.id)
        assert self.image.acts >= set(world.offered.get(what, ())), self.image.why_not

    @property
    def holders(self) -> Collection[AccountId]:
        return self.world.holders(self.what, self.title)

    def hold(self, *accounts: AccountId) -> None:
        self.world.hold(self.what, self.title, accounts)

    def is_as_before(self) -> bool:
        return self.world.rest(self.what, self.title) == self.rest

    def write(self, act: DutyAct, connector: DutyChanges | None = None) -> Change:
        by = connector or self.connector
        return by.give(self.image, self.successor) if act is DutyAct.GIVE else by.stop(self.image)

    def put_back(self, act: DutyAct) -> Change:
        return self.connector.put_back(self.image, self.successor if act is DutyAct.GIVE else None)

    def after(self, act: DutyAct) -> Collection[AccountId]:
        return frozenset({self.successor, *self.others} if act is DutyAct.GIVE else self.others)


def made(world: DutyChangesWorld, place: int, act: DutyAct, others: int = 0) -> Made | None:
    """Make a duty of the type at a place of the world's list; None if there is none, or if the act is not offered."""
    if place >= len(world.offered):
        return None
    what = list(world.offered)[place]
    shared = what in world.shared or not others
    return Made(world, what, others=others) if act in world.offered[what] and shared else None


class DutyChangesSuite:
    """The tests; each one makes its own people and duties."""

    @pytest.fixture
    def world(self) -> DutyChangesWorld:
        raise NotImplementedError("give a world fixture")

    @pytest.mark.parametrize("place", range(KINDS))
    def test_an_image_tells_the_acts_and_changes_nothing(self, world: DutyChangesWorld, place: int) -> None:
        if place >= len(world.offered):
            return
        what, title, account, connector = list(world.offered)[place], fresh(), world.person(), world.connect()
        world.give(account, what, [title])
        found, writes, before = duty(connector, account, title), world.writes(), world.rest(what, title)
        image = connector.duty_image(account, found.id)
        assert (image.duty, image.account, image.acts) == (found.id, account, frozenset(world.offered[what]))
        assert bool(image.why_not) is (image.acts != set(DutyAct))
        assert (world.writes(), world.rest(what, title)) == (writes, before)
        assert world.holders(what, title) == {account}

    def test_somebody_elses_duty_is_missing(self, world: DutyChangesWorld) -> None:
        what, connector, account = next(iter(world.offered)), world.connect(), world.person()
        title, other = fresh(), world.person()
        world.give(other, what, [title])
        theirs = duty(connector, other, title).id
        for whose, which in ((account, theirs), (world.nobody(), theirs), (other, DutyId("nothing:x"))):
            with pytest.raises(Missing):
                pytest.fail(f"answered {connector.duty_image(whose, which)!r}")

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_a_change_concerns_one_duty_of_the_leaver(self, world: DutyChangesWorld, place: int, act: DutyAct) -> None:
        if not (one := made(world, place, act)):
            return
        title, other = fresh("kept"), fresh("theirs")
        world.give(one.account, one.what, [title])
        world.give(one.successor, one.what, [other])
        kept = [world.rest(one.what, name) for name in (title, other)]
        assert one.write(act) is Change.MADE
        assert (one.holders, one.is_as_before()) == (one.after(act), True)
        assert [world.holders(one.what, name) for name in (title, other)] == [{one.account}, {one.successor}]
        assert [world.rest(one.what, name) for name in (title, other)] == kept
        left = [seen for seen in one.connector.duties(one.account) if seen.title == one.title]
        assert not any(seen.active for seen in left)
        theirs = {seen.title for seen in one.connector.duties(one.successor)}
        assert theirs == ({one.title, other} if act is DutyAct.GIVE else {other})

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_other_holders_stay(self, world: DutyChangesWorld, place: int, act: DutyAct) -> None:
        if not (one := made(world, place, act, others=2)):
            return
        assert one.write(act) is Change.MADE
        assert (one.holders, one.is_as_before()) == (one.after(act), True)
        assert one.put_back(act) is Change.MADE
        assert (one.holders, one.is_as_before()) == ({one.account, *one.others}, True)

    @pytest.mark.parametrize("place", range(KINDS))
    def test_a_successor_who_has_it_already_keeps_it(self, world: DutyChangesWorld, place: int) -> None:
        if not (one := made(world, place, DutyAct.GIVE, others=2)):
            return
        one.successor = one.others[0]
        assert one.write(DutyAct.GIVE) is Change.MADE
        assert (one.holders, one.is_as_before()) == ({*one.others}, True)
        assert one.put_back(DutyAct.GIVE) is Change.MADE
        assert (one.holders, one.is_as_before()) == ({one.account, *one.others}, True)

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_twice_is_already_and_writes_nothing(self, world: DutyChangesWorld, place: int, act: DutyAct) -> None:
        if not (one := made(world, place, act)):
            return
        assert one.write(act) is Change.MADE
        writes = world.writes()
        assert one.write(act) is Change.ALREADY
        assert (world.writes(), one.holders) == (writes, one.after(act))
        assert one.put_back(act) is Change.MADE
        writes = world.writes()
        assert one.put_back(act) is Change.ALREADY
        assert (world.writes(), one.holders) == (writes, {one.account})

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_put_back_restores_the_duty(self, world: DutyChangesWorld, place: int, act: DutyAct) -> None:
        if not (one := made(world, place, act)):
            return
        one.write(act)
        assert one.put_back(act) is Change.MADE
        assert (one.holders, one.is_as_before()) == ({one.account}, True)
        assert duty(one.connector, one.account, one.title).id == one.id

    @pytest.mark.parametrize("title", AWKWARD)
    def test_a_title_is_data(self, world: DutyChangesWorld, title: str) -> None:
        what = next(what for what, acts in world.offered.items() if DutyAct.GIVE in acts)
        one = Made(world, what, title)
        assert one.write(DutyAct.GIVE) is Change.MADE
        assert (one.holders, one.is_as_before()) == ({one.successor}, True)

    @pytest.mark.parametrize("place", range(KINDS))
    def test_what_somebody_else_changed_is_not_overwritten(self, world: DutyChangesWorld, place: int) -> None:
        if not (one := made(world, place, DutyAct.GIVE)):
            return
        third = world.person()
        one.hold(third)
        writes = world.writes()
        with pytest.raises(Conflict):
            pytest.fail(f"answered {one.write(DutyAct.GIVE)!r}")
        assert (one.holders, world.writes()) == ({third}, writes)
        one.hold(one.successor)
        assert one.write(DutyAct.GIVE) is Change.ALREADY

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_a_new_holder_is_a_conflict(self, world: DutyChangesWorld, place: int, act: DutyAct) -> None:
        if not (one := made(world, place, act, others=1)):
            return
        third, writes = world.person(), world.writes()
        one.hold(one.account, *one.others, third)
        with pytest.raises(Conflict):
            pytest.fail(f"answered {one.write(act)!r}")
        assert (one.holders, world.writes()) == ({one.account, *one.others, third}, writes)

    @pytest.mark.parametrize("act", DutyAct)
    @pytest.mark.parametrize("place", range(KINDS))
    def test_put_back_leaves_what_somebody_else_changed(
        self, world: DutyChangesWorld, place: int, act: DutyAct
    ) -> None:
        if not (one := made(world, place, act)):
            return
        one.write(act)
        third = world.person()
        one.hold(third)
        writes = world.writes()
        with pytest.raises(Conflict):
            pytest.fail(f"answered {one.put_back(act)!r}")
        assert (one.holders, world.writes()) == ({third}, writes)

    @pytest.mark.parametrize("place", range(KINDS))
    def test_an_act_that_is_not_offered_is_refused(self, world: DutyChangesWorld, place: int) -> None:
        if place >= len(world.offered):
            return
        what = list(world.offered)[place]
        one, writes = Made(world, what), world.writes()
        for act in set(DutyAct) - set(world.offered[what]):
            with pytest.raises(Forbidden):
                pytest.fail(f"answered {one.write(act)!r}")
        assert (one.holders, world.writes()) == ({one.account}, writes)

    @pytest.mark.parametrize("place", range(KINDS))
    def test_nobody_and_somebody_locked_get_nothing(self, world: DutyChangesWorld, place: int) -> None:
        if not (one := made(world, place, DutyAct.GIVE)):
            return
        locked = world.person()
        world.lock(locked)
        writes = world.writes()
        for successor in (world.nobody(), locked, one.account):
            with pytest.raises(Forbidden):
                pytest.fail(f"answered {one.connector.give(one.image, successor)!r}")
        assert (one.holders, world.writes()) == ({one.account}, writes)

    @pytest.mark.parametrize("act", DutyAct)
    def test_what_is_gone_is_missing(self, world: DutyChangesWorld, act: DutyAct) -> None:
        if not (one := made(world, 0, act)):
            return
        world.delete(one.what, one.title)
        changes: tuple[Changing, ...] = (lambda: one.write(act), lambda: one.put_back(act))
        for call in changes:
            with pytest.raises(Missing):
                pytest.fail(f"answered {call()!r}")
        assert world.rest(one.what, one.title) is None

    @pytest.mark.parametrize("place", range(KINDS))
    def test_a_reader_is_offered_nothing(self, world: DutyChangesWorld, place: int) -> None:
        connector = world.reader()
        if connector is None or place >= len(world.offered):
            return
        what = list(world.offered)[place]
        one, writes = Made(world, what), world.writes()
        image = connector.duty_image(one.account, one.id)
        assert (image.acts, bool(image.why_not)) == (frozenset(), True)
        changes: tuple[Changing, ...] = (lambda: connector.give(image, one.successor), lambda: connector.stop(image))
        for call in changes:
            with pytest.raises(Forbidden):
                pytest.fail(f"answered {call()!r}")
        assert (one.holders, world.writes(), one.is_as_before()) == ({one.account}, writes, True)

    @pytest.mark.parametrize("act", DutyAct)
    def test_a_lost_answer_is_unknown_and_the_next_try_finds_it(self, world: DutyChangesWorld, act: DutyAct) -> None:
        if not (one := made(world, 0, act)):
            return
        with world.lossy() as connector, pytest.raises(OutcomeUnknown):
            pytest.fail(f"answered {one.write(act, connector)!r}")
        assert one.holders == one.after(act)
        writes = world.writes()
        assert one.write(act) is Change.ALREADY
        assert world.writes() == writes

    def test_a_dead_server_and_a_wrong_credential_are_told_apart(self, world: DutyChangesWorld) -> None:
        one = Made(world, next(iter(world.offered)))
        for verb, call in calls(world.connect("wrong"), one.image, one.successor).items():
            with pytest.raises(BadCredential):
                pytest.fail(f"{verb} answered {call()!r}")
        with world.stopped():
            for verb, call in calls(one.connector, one.image, one.successor).items():
                with within(world.patience), pytest.raises(Unavailable):
                    pytest.fail(f"{verb} answered {call()!r}")
        assert (one.holders, one.is_as_before()) == ({one.account}, True)

    def test_a_silent_server_is_unavailable_in_time(self, world: DutyChangesWorld) -> None:
        one = Made(world, next(iter(world.offered)))
        asked = list(calls(one.connector, one.image, one.successor).values())
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        assert [error for error in errors if not isinstance(error, Unavailable)] == []
        assert (one.holders, one.is_as_before()) == ({one.account}, True)
