"""Answering Slack before anything else, for what needs no answer of its own."""

from collections.abc import Callable

from slack_bolt import Ack, BoltContext

GATE_KEY = "door"
"""Where the context has the `AcknowledgementGate` that the request came through."""


def acknowledge(ack: Ack, next: Callable[[], None], context: BoltContext) -> None:  # noqa: A002 - Bolt's own names
    """Acknowledge in the thread that got the request.

    Bolt would otherwise wait for a free listener thread, looking every 10 ms whether it has acknowledged; with 50
    commands at once that waiting was most of the time that a person waited (tests/bench/ack.py).
    """
    ack()
    context[GATE_KEY].mark_acknowledged()
    next()
