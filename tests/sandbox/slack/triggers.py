"""trigger_ids (3 seconds, once) and response_urls (5 uses, 30 minutes)."""

import secrets
import time
from dataclasses import dataclass

from tests.sandbox.slack.refusal import ApiError

TRIGGER_SECONDS = 3.0
RESPONSE_USES = 5
RESPONSE_SECONDS = 1800.0


@dataclass
class _Trigger:
    user: str
    until: float
    used: bool = False


class Triggers:
    """Tickets to open a modal, handed out with each act of a person."""

    def __init__(self) -> None:
        self._known: dict[str, _Trigger] = {}

    def issue(self, user: str) -> str:
        """A fresh ticket for one person."""
        ticket = f"{int(time.time() * 1000)}.{secrets.token_hex(6)}"
        self._known[ticket] = _Trigger(user, time.monotonic() + TRIGGER_SECONDS)
        return ticket

    def expire(self) -> None:
        """Let every ticket run out now."""
        for trigger in self._known.values():
            trigger.until = 0.0

    def redeem(self, ticket: str) -> str:
        """Return the ticket's person, and use the ticket up."""
        trigger = self._known.get(ticket)
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if trigger.used:
            raise ApiError("exchanged_trigger_id")
        if time.monotonic() > trigger.until:
            raise ApiError("expired_trigger_id")
        trigger.used = True
        return trigger.user


@dataclass
class ResponseUrl:
    """The address for an answer to one act. `ts` is the message of the act, if any."""

    channel: str
    user: str
    ts: str
    until: float
    uses: int = RESPONSE_USES


class ResponseUrls:
    """The answers' addresses that are still good."""

    def __init__(self) -> None:
        self.known: dict[str, ResponseUrl] = {}

    def issue(self, channel: str, user: str, ts: str = "") -> str:
        """A fresh key."""
        key = secrets.token_urlsafe(12)
        self.known[key] = ResponseUrl(channel, user, ts, time.monotonic() + RESPONSE_SECONDS)
        return key

    def expire(self) -> None:
        """Let every address run out now, as after 30 minutes."""
        for known in self.known.values():
            known.until = 0.0

    def redeem(self, key: str) -> ResponseUrl:
        """One use; raises `used_url` or `expired_url`."""
        found = self.known.get(key)
        if found is None or found.uses <= 0:
            raise ApiError("used_url")
        if time.monotonic() > found.until:
            raise ApiError("expired_url")
        found.uses -= 1
        return found
