"""Parts of the page beside the chat: the servers' state, the clock, a guided story."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tests.sandbox.slack.records import JSON

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class TruthCard:
    """The state of one server, read directly at `asked`. Each line is (label, value, tone)."""

    title: str
    server: str
    lines: Sequence[tuple[str, str, Tone]]
    asked: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the story; `done` is asked each second and ticks it off.

    `person` is the user id to be for it, `place` the channel to be in (`direct`: the messages with the app), `typed`
    what to put into the message box.
    """

    title: str
    text: str
    done: Callable[[], bool]
    person: str = ""
    place: str = ""
    typed: str = ""


@dataclass(frozen=True)
class Action:
    """A button for what happens outside Slack: `act` does it and says what it did; `shown`: whether it can."""

    label: str
    hint: str
    act: Callable[[], str]
    shown: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Story:
    """One story to follow: its steps, what the servers say about the person whom it is about, and what can happen.

    `truth` must be fast: the page calls it each second.
    """

    title: str
    steps: Sequence[Step]
    intro: str = ""
    truth: Callable[[], Sequence[TruthCard]] | None = None
    actions: Sequence[Action] = field(default_factory=tuple)

    def payload(self) -> JSON:
        """Return the story as the page shows it."""
        return {
            "intro": self.intro,
            "guide": [_step(step) for step in self.steps],
            "truth": None if self.truth is None else [_card(card) for card in self.truth()],
            "actions": [
                {"at": at, "label": action.label, "hint": action.hint}
                for at, action in enumerate(self.actions)
                if action.shown()
            ],
        }


@dataclass(frozen=True)
class Panel:
    """Stories and callbacks from the demo; missing ones are not shown. `now` must be fast.

    `cast`: the user ids offered first for switching. `opened`: called when a person has read a channel (user, channel).
    """

    stories: Sequence[Story] = field(default_factory=tuple)
    now: Callable[[], datetime] | None = None
    jump: Callable[[float], None] | None = None
    cast: Sequence[str] = field(default_factory=tuple)
    opened: Callable[[str, str], None] | None = None

    def payload(self, chosen: int) -> JSON:
        """Return the chosen story, and all else, as the page shows it."""
        story = self.stories[chosen] if self.stories else Story("", ())
        return {
            "stories": [one.title for one in self.stories],
            "now": self.now().isoformat() if self.now else None,
            "jump": self.jump is not None,
            **story.payload(),
        }


def _step(step: Step) -> JSON:
    return {
        "title": step.title,
        "text": step.text,
        "person": step.person,
        "place": step.place,
        "typed": step.typed,
        "done": step.done(),
    }


def _card(card: TruthCard) -> JSON:
    lines = [{"label": label, "value": value, "tone": tone} for label, value, tone in card.lines]
    return {"title": card.title, "server": card.server, "lines": lines, "asked": card.asked}
