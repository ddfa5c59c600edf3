"""Faults on demand, for calls by the app and for deliveries to it.

Kinds for a Web API method: `429`, `500`, `timeout`, `reset` (nothing happened), `lost` (it happened, the answer did not
arrive), and any Slack error code (`ok: false`).
Kinds for a delivery (`slash_commands`, `interactive`, `events_api`, `options`):
`twice` (same payload again, at the same moment), `late` (after `seconds`), `never`.
"""

import threading
from dataclasses import dataclass

CALL_KINDS = frozenset({"429", "500", "timeout", "reset", "lost"})
DELIVERY_KINDS = frozenset({"slash_commands", "interactive", "events_api", "options"})


@dataclass
class Fault:
    """One planned fault; `seconds` is the Retry-After of a 429, the length of a timeout, or a late delivery's delay."""

    target: str
    kind: str
    times: int
    seconds: float


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, target: str, kind: str, times: int = 1, seconds: float = 1.0) -> None:
        """The next `times` calls of `target` (`*`: any method) go wrong."""
        if target in DELIVERY_KINDS and kind not in {"twice", "late", "never"}:
            raise ValueError(f"a delivery can be twice, late or never, not {kind!r}")
        with self._lock:
            self._planned.append(Fault(target, str(kind), times, seconds))

    def clear(self) -> None:
        """Forget what is planned."""
        with self._lock:
            self._planned.clear()

    def due(self, target: str) -> Fault | None:
        """The fault that this call meets, used up by asking."""
        with self._lock:
            for fault in self._planned:
                if fault.times > 0 and fault.target in {target, "*" if target not in DELIVERY_KINDS else target}:
                    fault.times -= 1
                    return fault
        return None
