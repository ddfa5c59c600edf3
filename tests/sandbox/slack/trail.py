"""The record of all traffic, for assertions: calls by the app and deliveries to it."""

from dataclasses import dataclass, field

from tests.sandbox.slack.records import JSON


@dataclass(frozen=True)
class Call:
    """One Web API call (or use of a response_url); `error` is empty where Slack said ok."""

    method: str
    args: JSON
    error: str
    at: float
    problems: tuple[str, ...] = ()


@dataclass
class Delivery:
    """One payload to the app and what came back. `problem` is what Slack would blame, empty when acknowledged."""

    kind: str
    payload: JSON
    via: str = ""
    acked: bool = False
    body: JSON = field(default_factory=dict)
    problem: str = ""
    ms: int = 0
    attempt: int = 0
    reason: str = ""
