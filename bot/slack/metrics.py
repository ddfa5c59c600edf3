"""Counts of what Slack asked and how it went, in Prometheus' plain text."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App, BoltResponse

KINDS = ("command", "block_actions", "view_submission", "block_suggestion", "event")
BUCKETS = (0.05, 0.1, 0.3, 1.0, 3.0)


class Metrics:
    """Counters of this process; `gauges` are asked for at each reading."""

    def __init__(self, gauges: Callable[[], Mapping[str, float]] = dict) -> None:
        self._gauges = gauges
        self._requests: Counter[str] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._lock = threading.Lock()

    def count(self, kind: str, seconds: float) -> None:
        """Count one request that was answered after `seconds`."""
        with self._lock:
            self._requests[kind] += 1
            self._seconds += seconds
            self._buckets.update(limit for limit in BUCKETS if seconds <= limit)

    def text(self) -> str:
        """Return everything in the exposition format (prometheus.io/docs/instrumenting/exposition_formats)."""
        with self._lock:
            total = sum(self._requests.values())
            lines = ["# TYPE handover_slack_requests_total counter"]
            lines += [f'handover_slack_requests_total{{kind="{kind}"}} {self._requests[kind]}' for kind in KINDS]
            lines.append("# TYPE handover_slack_ack_seconds histogram")
            lines += [f'handover_slack_ack_seconds_bucket{{le="{limit}"}} {self._buckets[limit]}' for limit in BUCKETS]
            lines += [
                f'handover_slack_ack_seconds_bucket{{le="+Inf"}} {total}',
                f"handover_slack_ack_seconds_sum {self._seconds:.6f}",
                f"handover_slack_ack_seconds_count {total}",
            ]
        for name, value in sorted(self._gauges().items()):
            lines += [f"# TYPE {name} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"


def watch(app: App, metrics: Metrics) -> None:
    """Count what the app is asked."""

    @app.middleware
    def measure(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 - Bolt's own name
        started = time.monotonic()
        try:
            return next()
        finally:
            metrics.count(_kind(body), time.monotonic() - started)


def _kind(body: dict[str, Any]) -> str:
    if body.get("command"):
        return "command"
    kind = str(body.get("type", ""))
    return kind if kind in KINDS else "event"
