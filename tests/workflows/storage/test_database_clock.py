"""The database's clock: what this machine's own clock shows decides nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from workflows.engine.clock_guard import MOST, SOME, ClockGuard, differs
from workflows.storage.database_clock import DatabaseClock

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class World:
    """A database's time, this machine's time and the seconds that pass, each by itself."""

    postgres = True

    def __init__(self) -> None:
        self.at, self.elapsed, self.wrong = NOON, 50.0, timedelta(0)
        self.trip, self.asked = 0.0, 0
        self.clock = DatabaseClock(self, self, lambda: self.elapsed)  # type: ignore[arg-type]

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.elapsed += seconds

    @contextmanager
    def read(self) -> Iterator["World"]:
        yield self

    def connection(self) -> None:
        """Be connected."""

    def now(self, session: object = None) -> datetime:
        """Return the database's time in a session, else that of the machine."""
        if session is None:
            return self.at + self.wrong
        self.asked += 1
        self.pass_(self.trip / 2)
        found = self.at
        self.pass_(self.trip / 2)
        return found


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(days=-1), timedelta(seconds=3), timedelta(0)])
def test_the_time_is_the_databases_whatever_the_machine_shows(world: World, wrong: timedelta) -> None:
    world.wrong = wrong
    assert world.clock.now() == NOON
    world.pass_(3600)
    world.wrong = -wrong
    assert world.clock.now() == NOON + timedelta(hours=1)
    assert world.clock.difference() == -wrong


def test_the_database_is_asked_once_and_not_at_every_look(world: World) -> None:
    for _ in range(100):
        world.clock.now()
    assert world.asked == 3, "the first measurement takes the shortest of some round trips"


def test_half_the_round_trip_is_the_most_that_a_measurement_is_wrong(world: World) -> None:
    world.trip = 0.5
    assert abs(world.clock.now() - world.at) <= timedelta(seconds=0.25)


def test_a_database_whose_clock_was_set_is_followed_at_the_next_measurement(world: World) -> None:
    world.clock.now()
    world.at += timedelta(hours=2)
    assert world.clock.now() == NOON
    world.clock.measure()
    assert world.clock.now() == NOON + timedelta(hours=2)


def test_an_answer_that_took_long_replaces_no_better_one(world: World) -> None:
    world.clock.now()
    world.trip = 40.0
    world.at += timedelta(seconds=30)
    world.clock.measure()
    assert world.clock.now() == NOON + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("wrong", "says", "works"),
    [(0, False, True), (3, False, True), (4, True, True), (-4, True, True), (61, True, False), (-86400, True, False)],
)
def test_a_machine_with_a_wrong_clock_says_so_and_takes_no_work_after_a_minute(
    world: World, wrong: int, says: bool, works: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world.wrong = timedelta(seconds=wrong)
    guard, worked = ClockGuard(lambda: "", world.clock), list[int]()
    for _ in range(3):
        guard.check()
    guard.unless_wrong(lambda: worked.append(1))()
    assert [record.getMessage() for record in caplog.records] == ([differs(world.wrong)] if says else [])
    assert (guard.fault == "", bool(worked)) == (works, works)
    world.wrong = timedelta(0)
    guard.check()
    assert guard.fault == ""


def test_the_limits_are_some_seconds_and_a_minute() -> None:
    assert (timedelta(seconds=3), timedelta(minutes=1)) == (SOME, MOST)
