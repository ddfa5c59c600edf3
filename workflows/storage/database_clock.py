"""Clock of the database: all processes on one PostgreSQL work by it, whatever their own machines' clocks say."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.ports import Clock
from workflows.storage.store import Store

SURE = timedelta(seconds=1)
"""Longest round trip of a measurement that replaces an earlier one."""
TRIES = 3
"""Round trips of the first measurement; the shortest one counts."""


def elapsed() -> float:
    """Return seconds that nobody can set, and that continue while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The database's time at a moment of this machine, at most half a `round_trip` wrong."""

    time: datetime
    elapsed: float
    round_trip: timedelta

    def at(self, elapsed: float) -> datetime:
        """Return the database's time at another moment of this machine. Pure."""
        return self.time + timedelta(seconds=elapsed - self.elapsed)


class DatabaseClock:
    """Clock from one measurement and the time that has passed since. Another measurement corrects it."""

    def __init__(self, store: Store, machine: Clock, elapsed: Callable[[], float] = elapsed) -> None:
        """Take the `machine` clock, which decides nothing here, and is compared alone."""
        self._store, self._machine, self._elapsed = store, machine, elapsed
        self._measured: Measurement | None = None

    def now(self) -> datetime:
        """Return the database's present moment. Only the first call asks the database, and raises `StorageFailed`."""
        measured = self._measured or self.measure()
        return measured.at(self._elapsed())

    def difference(self) -> timedelta:
        """Return how far the machine's clock is ahead of the database's."""
        return self._machine.now() - self.now()

    def measure(self) -> Measurement:
        """Ask the database for its time, and return the measurement that counts from now on."""
        before = self._measured
        found = min((self._ask() for _ in range(1 if before else TRIES)), key=lambda one: one.round_trip)
        if before is None or (
            found.round_trip <= SURE and abs(before.at(found.elapsed) - found.time) > found.round_trip / 2
        ):
            self._measured = found
            return found
        return before

    def _ask(self) -> Measurement:
        with self._store.read() as session:
            session.connection()  # connecting does not count
            began = self._elapsed()
            moment = self._store.now(session)
            ended = self._elapsed()
        return Measurement(moment, (began + ended) / 2, timedelta(seconds=ended - began))
