"""Metrics for Prometheus: Slack's requests to this process, and the figures of the installation."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from slack_bolt import App, BoltResponse

from connectors.contract import CallCounts
from workflows.storage.store import StorageFailed
from workflows.watch.figures import Figure

KINDS = ("command", "block_actions", "view_submission", "block_suggestion", "event")
BUCKETS = (0.05, 0.1, 0.3, 1.0, 3.0)
HELP = {
    "handover_figures_read": "1 if the database answered at this reading.",
    "handover_open_cases": "Cases that are not over.",
    "handover_last_audit_timestamp_seconds": "End of the newest audit.",
    "handover_open_findings": "Findings that somebody must act on, by kind.",
    "handover_system_unreadable": "1 while the last audit could not read the system whole.",
    "handover_system_read_timestamp_seconds": "Last time at which an audit read the system whole.",
    "handover_due_work": "Work that is due now, by task: the depth of the queue.",
    "handover_overdue_work": "Work that was due five minutes ago, by task.",
    "handover_messages_waiting": "Messages that Slack does not show yet.",
    "handover_messages_failing": "Messages that Slack did not take at the last try.",
}
"""Metrics with the words that Prometheus shows for them."""
CALLS = {
    "handover_system_calls": "Calls to the system.",
    "handover_system_call_seconds": "Seconds that calls to the system took together.",
    "handover_system_refusals": "Calls that the system refused or did not answer, by kind of error.",
}
"""Counters of this process, by system."""
log = logging.getLogger(__name__)


class Metrics:
    """Counters of this process. `figures` and `calls`: read at each request for the metrics."""

    def __init__(
        self, figures: Callable[[], Sequence[Figure]] = tuple, calls: Callable[[], Mapping[str, CallCounts]] = dict
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter("handover_slack_requests", "Requests from Slack.", ["kind"], registry=self._registry)
        for kind in KINDS:
            self._requests.labels(kind)
        self._seconds = Histogram(
            "handover_slack_ack_seconds", "Time until Slack has its answer.", registry=self._registry, buckets=BUCKETS
        )
        self._registry.register(_Gauges(figures))
        self._registry.register(_SystemCalls(calls))

    def count(self, kind: str, seconds: float) -> None:
        """Count one request that was answered after `seconds`."""
        self._requests.labels(kind).inc()
        self._seconds.observe(seconds)

    def text(self) -> str:
        """Return everything in the exposition format (prometheus.io/docs/instrumenting/exposition_formats)."""
        return generate_latest(self._registry).decode()


class _Gauges(Collector):
    """Figures as gauges. They are left out while the database cannot be read, and `handover_figures_read` says so."""

    def __init__(self, read: Callable[[], Sequence[Figure]]) -> None:
        self._read = read

    def describe(self) -> list[GaugeMetricFamily]:
        """Return no names, so that registering reads no figure."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every figure."""
        try:
            figures = self._read()
        except StorageFailed as error:
            log.warning("the figures for the monitoring cannot be read: %s", error)
            figures = None
        yield GaugeMetricFamily("handover_figures_read", HELP["handover_figures_read"], float(figures is not None))
        families: dict[str, GaugeMetricFamily] = {}
        for one in figures or ():
            family = families.setdefault(one.name, GaugeMetricFamily(one.name, HELP[one.name], labels=list(one.labels)))
            family.add_metric(list(one.labels.values()), one.value)
        yield from families.values()


class _SystemCalls(Collector):
    """Calls of this process to each system. They are shown while the database cannot be read, too."""

    def __init__(self, read: Callable[[], Mapping[str, CallCounts]]) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the counts of every system."""
        calls, seconds, refusals = (
            CounterMetricFamily(name, text, labels=labels)
            for (name, text), labels in zip(CALLS.items(), (["system"], ["system"], ["system", "kind"]), strict=True)
        )
        for system, counts in self._read().items():
            calls.add_metric([system], counts.calls)
            seconds.add_metric([system], counts.seconds)
            for kind, number in counts.refusals.items():
                refusals.add_metric([system, kind], number)
        yield from (calls, seconds, refusals)


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
