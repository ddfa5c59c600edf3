"""The check of Slack's signature before anything else reads a request. Bolt's own check comes after it."""

import logging
import re
import threading
import time
from contextlib import suppress

from slack_sdk.signature import SignatureVerifier

log = logging.getLogger(__name__)
STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
KEPT = (STAMP, SIGNATURE, "Content-Type", "X-Slack-Retry-Num", "X-Slack-Retry-Reason")
"""Headers that Bolt is given. The signature does not cover headers, and some of Bolt's own change what it does."""
LINE_SECONDS = 60.0
"""Shortest time between two lines of the log about refused requests."""
FRESH_SECONDS = 300
"""Largest difference between a timestamp and this machine's clock (slack_sdk's own)."""
_STAMP = re.compile(r"[0-9]{1,11}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class SignatureGate:
    """The check of requests by the signing secret."""

    def __init__(self, secret: str) -> None:
        self._verifier = SignatureVerifier(secret)
        self._lock = threading.Lock()
        self._refused, self._next_line = 0, 0.0

    def text(self, stamp: str, signature: str, body: bytes) -> str | None:
        """Return the body as text, or None after a line in the log if Slack did not sign exactly this."""
        why = "malformed"
        if _STAMP.fullmatch(stamp) and _SIGNATURE.fullmatch(signature):
            with suppress(UnicodeDecodeError):
                if self._verifier.is_valid(text := body.decode(), stamp, signature):
                    return text
                why = "wrong" if abs(time.time() - int(stamp)) <= FRESH_SECONDS else "stale"
        self._record(why)
        return None

    def _record(self, why: str) -> None:
        """Write at most one line in `LINE_SECONDS`, without anything of the request."""
        with self._lock:
            self._refused += 1
            if time.monotonic() < self._next_line:
                return
            count, self._refused = self._refused, 0
            self._next_line = time.monotonic() + LINE_SECONDS
        log.warning("refused %d requests that Slack did not sign; the last signature was %s", count, why)
