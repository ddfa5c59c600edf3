"""Counts of calls to one system: how many, for how long, and which ended by an error."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from connectors.contract import CallCounts
from connectors.errors import (
    BadCredential,
    Conflict,
    ConnectorError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    SessionEnded,
    Unavailable,
)

KINDS: Mapping[type[ConnectorError], str] = {
    Unavailable: "unavailable",
    OutcomeUnknown: "outcome_unknown",
    BadCredential: "bad_credential",
    Forbidden: "forbidden",
    Missing: "missing",
    Conflict: "conflict",
}


class Calls:
    """Counters of one system's calls. Several threads may count at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls, self._seconds = 0, 0.0
        self._refusals = dict.fromkeys(KINDS.values(), 0)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one call: its time, and the error that it ends by."""
        began = time.monotonic()
        try:
            yield
        except SessionEnded:
            raise
        except ConnectorError as error:
            self.refused(type(error))
            raise
        finally:
            with self._lock:
                self._calls += 1
                self._seconds += time.monotonic() - began

    def refused(self, error: type[ConnectorError]) -> None:
        """Count a refusal, also one that only the content of an answer shows."""
        kind = next(word for base, word in KINDS.items() if issubclass(error, base))
        with self._lock:
            self._refusals[kind] += 1

    def counts(self) -> CallCounts:
        """Return the counts of this moment."""
        with self._lock:
            return CallCounts(self._calls, self._seconds, dict(self._refusals))
