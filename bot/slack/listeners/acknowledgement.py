"""Immediate acknowledgement of requests that need no other answer."""

from collections.abc import Callable

from slack_bolt import Ack, BoltContext

GATE_KEY = "gate"
"""Key of the `AcknowledgementGate` in Bolt's context."""


def acknowledge(ack: Ack, next: Callable[[], None], context: BoltContext) -> None:  # noqa: A002 - Bolt's own names
    """Acknowledge in the thread that received the request.

    Otherwise Bolt waits for a free listener thread, and checks every 10 ms for its acknowledgement. With 50 commands
    at once that took most of the time until the answer (tests/bench/ack.py).
    """
    ack()
    context[GATE_KEY].mark_acknowledged()
    next()
