"""Vendor's rate limit, shared by all processes: each request takes the next moment from one row.

The moments are evenly spaced (generic cell rate algorithm, ITU-T I.371). No window of any start ever holds more than
the limit. A little room is left for changes that the network makes to the time between two requests. Unused requests
can be made up for by a few requests at once. A 429 moves the next moment for every process.
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
"""Pause of all requests after a 429 that names no time."""
MAX_WAIT = timedelta(seconds=15)
"""Longest wait of a thread. Work that must wait longer is postponed."""
LONGEST = timedelta(days=1)
"""Longest pause that a vendor asks for. A later moment was written by another hand, and stops nothing."""
MADE_UP, SPARE = 0.015, 0.005
"""Shares of the limit: requests that may be made up for at once, and requests left unused for the network's sake."""


@dataclass(frozen=True, slots=True)
class RequestInterval:
    """Time between two requests, and how far behind its moment a request may be made up for."""

    interval: timedelta
    burst_tolerance: timedelta

    @classmethod
    def of(cls, limits: Limits) -> "RequestInterval":
        """Return an interval within a published limit: `(window + burst_tolerance) / interval + 1 <= requests`."""
        at_once = max(1, round(limits.requests * MADE_UP))
        spaced = max(0.9, limits.requests - at_once - math.floor(limits.requests * SPARE))
        interval = limits.window / spaced
        return cls(interval, interval * (at_once - 1))

    def next(self, free: datetime, now: datetime) -> tuple[datetime, datetime]:
        """Return the time of the request that asks now, and the earliest time of the next one."""
        moment = max(free, now - self.burst_tolerance)
        return max(moment, now), moment + self.interval


class SharedRateLimit(RateLimiter):
    """Implementation of `connectors.contract.RateLimiter` on one row, by the database's own time."""

    def __init__(self, store: Store, system: str, limits: Limits) -> None:
        self._store, self._system, self._rhythm = store, system, RequestInterval.of(limits)

    def take(self) -> float:
        """Reserve one request; return the seconds to wait. Raises `Unavailable` for more than `MAX_WAIT`."""
        with self._store.write(f"pace:{self._system}") as session:
            now = self._store.now(session)
            row = session.get(TenantRateLimit, self._system) or TenantRateLimit(id=self._system, next_at=now)
            at, free = self._rhythm.next(row.next_at if row.next_at <= now + LONGEST else now, now)
            if at - now > MAX_WAIT:
                raise Unavailable(_("{system}: its limit on requests is reached").format(system=self._system), at - now)
            row.next_at = free
            session.add(row)
        return (at - now).total_seconds()

    def hold(self, wait: timedelta | None) -> None:
        """Stop the requests of all processes for this time."""
        with self._store.write(f"pace:{self._system}") as session:
            until = self._store.now(session) + min(UNSAID if wait is None else wait, LONGEST)
            row = session.get(TenantRateLimit, self._system) or TenantRateLimit(id=self._system, next_at=until)
            row.next_at = max(row.next_at, until)
            session.add(row)


def share_rate_limits(systems: Mapping[str, System], store: Store) -> None:
    """Give a shared limiter to every connector whose vendor publishes a limit."""
    for name, system in systems.items():
        if system.manifest.limits.requests:
            system.connector.use_rate_limiter(SharedRateLimit(store, name, system.manifest.limits))
