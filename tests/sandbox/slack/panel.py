"""What a demo may hang beside the chat: what the servers say, the clock, a guided story."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tests.sandbox.slack.records import JSON

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class TruthCard:
    """What one server says when asked directly; each line is (label, value, tone)."""

    title: str
    server: str
    lines: Sequence[tuple[str, str, Tone]]


@dataclass(frozen=True)
class Step:
    """One step of the story; `done` is asked each second and ticks it off. `person` is the user id to be for it."""

    title: str
    text: str
    done: Callable[[], bool]
    person: str = ""


@dataclass(frozen=True)
class Panel:
    """Callbacks from the demo; what is not given is not shown. `cast`: the user ids offered first for switching."""

    truth: Callable[[], Sequence[TruthCard]] | None = None
    now: Callable[[], datetime] | None = None
    jump: Callable[[float], None] | None = None
    guide: Sequence[Step] = field(default_factory=tuple)
    cast: Sequence[str] = field(default_factory=tuple)

    def payload(self) -> JSON:
        """All of it as the page shows it."""
        return {
            "truth": None if self.truth is None else [_card(card) for card in self.truth()],
            "now": self.now().isoformat() if self.now else None,
            "jump": self.jump is not None,
            "guide": [
                {"title": step.title, "text": step.text, "person": step.person, "done": step.done()}
                for step in self.guide
            ],
        }


def _card(card: TruthCard) -> JSON:
    lines = [{"label": label, "value": value, "tone": tone} for label, value, tone in card.lines]
    return {"title": card.title, "server": card.server, "lines": lines}
