"""Metrics of Slack's requests, for Prometheus."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from slack_bolt import App, BoltResponse

KINDS = ("command", "block_actions", "view_submission", "block_suggestion", "event")
BUCKETS = (0.05, 0.1, 0.3, 1.0, 3.0)


class Metrics:
    """Counters of this process. `gauges`: called at each reading."""

    def __init__(self, gauges: Callable[[], Mapping[str, float]] = dict) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter("handover_slack_requests", "Requests from Slack.", ["kind"], registry=self._registry)
        for kind in KINDS:
            self._requests.labels(kind)
        self._seconds = Histogram(
            "handover_slack_ack_seconds", "Time until Slack has its answer.", registry=self._registry, buckets=BUCKETS
        )
        self._registry.register(_Gauges(gauges))

    def count(self, kind: str, seconds: float) -> None:
        """Count one request that was answered after `seconds`."""
        self._requests.labels(kind).inc()
        self._seconds.observe(seconds)

    def text(self) -> str:
        """Return everything in the exposition format (prometheus.io/docs/instrumenting/exposition_formats)."""
        return generate_latest(self._registry).decode()


class _Gauges(Collector):
    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def describe(self) -> list[GaugeMetricFamily]:
        """Return no names, so that registering reads no gauge."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every gauge."""
        for name, value in sorted(self._read().items()):
            yield GaugeMetricFamily(name, name.removeprefix("handover_").replace("_", " ").capitalize() + ".", value)


def watch(app: App, metrics: Metrics) -> None:
    """Count the app's requests and measure their time."""

    @app.middleware
    def measure(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 - Bolt's own name
        started = time.monotonic()
        try:
            return next()
        finally:
            metrics.count(_kind(body), time.monotonic() - started)


def _kind(body: dict[str, Any]) -> str:
    kind = "command" if body.get("command") else str(body.get("type", ""))
    return kind if kind in KINDS else "event"
