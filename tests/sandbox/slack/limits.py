"""Rate limits per method and tier, and one message a second per channel with a short burst.

Figures: docs.slack.dev/apis/web-api/rate-limits (tiers are per minute; posting is about one a second per channel).
"""

import math
import time
from dataclasses import dataclass

from tests.sandbox.slack.refusal import Limited

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
POST_BURST = 4


@dataclass
class _Bucket:
    size: float
    rate: float
    level: float
    at: float

    def take(self, now: float) -> float:
        """0 when there is room, else the seconds until there is."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate


class Limits:
    """Buckets per method and per channel; `on` may be switched at any time."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._buckets: dict[str, _Bucket] = {}

    def check(self, method: str, tier: int, channel: str) -> None:
        """Count one call or raise `Limited`."""
        if not self.on:
            return
        if method == "chat.postMessage":
            self._take(f"{method} {channel}", POST_BURST, 1.0)
        elif tier:
            self._take(method, TIERS[tier], TIERS[tier] / 60)

    def _take(self, key: str, size: float, rate: float) -> None:
        now = time.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(size, rate, size, now))
        wait = bucket.take(now)
        if wait:
            raise Limited(max(1, math.ceil(wait)))
