"""One vendor's limit, kept by all processes together: each request takes the next moment from one row.

The moments lie evenly (a generic cell rate algorithm, ITU-T I.371): never more than the limit within any window,
wherever it begins, with a little room for what a network does to the time between two requests. What was not used
can be made up for by a few requests at once, no more. A 429 moves the next moment for every process.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.text import _
from connectors.contract import Limits, RateLimiter
from connectors.errors import Unavailable
from workflows.storage.rows.operations import TenantRateLimit
from workflows.storage.store import Store
from workflows.systems.registry import System

UNSAID = timedelta(seconds=1)
"""How long nobody sends anything after a 429 that does not say how long."""
MAX_WAIT = timedelta(seconds=15)
"""A longer wait is put off to the clock: no thread sleeps through it."""
MADE_UP, SPARE = 0.015, 0.005
"""Shares of the limit: what may be made up for at once, and what is left unused for the network's sake."""


@dataclass(frozen=True, slots=True)
class RequestInterval:
    """The time between two requests, and how far behind their moment requests may be made up for."""

    interval: timedelta
    burst_tolerance: timedelta

    @classmethod
    def of(cls, limits: Limits) -> "RequestInterval":
        """Return the rhythm that never exceeds a published limit: `(window + behind) / apart + 1 <= requests`."""
        at_once = max(1, round(limits.requests * MADE_UP))
        evenly = max(0.9, limits.requests - at_once - math.floor(limits.requests * SPARE))
        apart = limits.window / evenly
        return cls(apart, apart * (at_once - 1))

    def next(self, free: datetime, now: datetime) -> tuple[datetime, datetime]:
        """Return when the request that asks now is sent, and from when the one after it may be."""
        moment = max(free, now - self.burst_tolerance)
        return max(moment, now), moment + self.interval


class SharedRateLimit(RateLimiter):
    """Implements `connectors.contract.RateLimiter` on one row, by the database's own time."""

    def __init__(self, store: Store, system: str, limits: Limits) -> None:
        self._store, self._system, self._rhythm = store, system, RequestInterval.of(limits)

    def take(self) -> float:
        """Take leave for one request; return the seconds to wait. Raises `Unavailable` for more than `LONGEST`."""
        with self._store.write(f"pace:{self._system}") as session:
            now = self._store.now(session)
            row = session.get(TenantRateLimit, self._system) or TenantRateLimit(id=self._system, next_at=now)
            at, free = self._rhythm.next(row.next_at, now)
            if at - now > MAX_WAIT:
                raise Unavailable(_("{system}: its limit on requests is reached").format(system=self._system), at - now)
            row.next_at = free
            session.add(row)
        return (at - now).total_seconds()

    def hold(self, wait: timedelta | None) -> None:
        """Let no process send anything for so long."""
        with self._store.write(f"pace:{self._system}") as session:
            until = self._store.now(session) + (UNSAID if wait is None else wait)
            row = session.get(TenantRateLimit, self._system) or TenantRateLimit(id=self._system, next_at=until)
            row.next_at = max(row.next_at, until)
            session.add(row)


def share_rate_limits(systems: Mapping[str, System], store: Store) -> None:
    """Let every connector whose vendor publishes a limit keep it, together with all other processes."""
    for name, system in systems.items():
        if system.manifest.limits.requests:
            system.connector.use_rate_limiter(SharedRateLimit(store, name, system.manifest.limits))
