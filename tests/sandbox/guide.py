"""The guided story beside the chat: what to do next, ticked off by what the servers and the workspace show."""

from collections.abc import Callable

from tests.sandbox.behind import NAME, actions
from tests.sandbox.company.people import ADMIN, BY_UID, HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.practice import Practice
from tests.sandbox.slack.panel import Panel, Step
from tests.sandbox.slack.seed import ACCESS_AUDIT, OFFBOARDING, SECURITY_ALERTS
from tests.sandbox.story import SUCCESSORS, text_of
from tests.sandbox.truth import Truth

INTRO = (
    "A practice company on this computer. The bot, the directory (OpenLDAP) and the CRM (Tryton) are real; "
    "Slack is a stand-in. Nothing here can break."
)


def panel(practice: Practice) -> Panel:
    """Return what hangs beside the chat in the demo."""
    cast = [HR, MANAGER, SECURITY, ADMIN, LEAVER, *(BY_UID[uid] for uid in SUCCESSORS)]
    truth = Truth(practice)
    read: set[tuple[str, str]] = set()
    return Panel(
        truth=truth.cards,
        now=practice.clock.now,
        jump=practice.jump,
        guide=Guide(practice, truth, read).steps(),
        cast=[person.slack_id for person in cast],
        intro=INTRO,
        actions=actions(practice),
        opened=lambda user, channel: read.add((user, channel)),
    )


class Guide:
    """The story as steps for a person; `read` has who has read which channel, as (user, channel)."""

    def __init__(self, practice: Practice, truth: Truth, read: set[tuple[str, str]]) -> None:
        self._practice, self._truth, self._read = practice, truth, read

    def steps(self) -> list[Step]:
        """Return all steps in their order."""
        names = ", ".join(BY_UID[uid].name for uid in SUCCESSORS)
        caught = _kept(self._caught)
        return [
            Step(
                f"Lock {NAME} out",
                f"You are {HR.name} from HR. Send `/offboard @{LEAVER.uid}`. In the window choose *Now, at once*, a "
                f"reason, {MANAGER.name} to approve, and {names} to receive the clients. Watch the servers below.",
                _kept(self._truth.locked),
                HR.slack_id,
                OFFBOARDING,
                f"/offboard @{LEAVER.uid}",
            ),
            Step(
                "See what she exported",
                f"As {SECURITY.name} from security, look at her exports of the last weeks. They come without her name.",
                _kept(lambda: self._has_read(SECURITY_ALERTS)),
                SECURITY.slack_id,
                SECURITY_ALERTS,
            ),
            Step(
                "Approve the handover",
                f"As {MANAGER.name}, her manager, look at the proposed split and approve it. The deals change hands in "
                "the CRM.",
                _kept(self._truth.handed_over),
                MANAGER.slack_id,
                "direct",
            ),
            Step(
                "Let a day pass",
                "Press *+1 day* below. The bot reads every system again and posts its audit in #access-audit.",
                _kept(lambda: self._has_read(ACCESS_AUDIT)),
                SECURITY.slack_id,
                ACCESS_AUDIT,
            ),
            Step(
                "Re-open her account behind the bot's back",
                f"At the bottom of this column press *Re-open {NAME}'s directory account*, then *+1 day* above it: "
                "the audit must catch it.",
                caught,
                SECURITY.slack_id,
                ACCESS_AUDIT,
            ),
            Step(
                "Lock it again",
                "In the audit press *Lock Again*. The bot locks, reads back, and says what it read.",
                _kept(lambda: caught() and self._truth.locked()),
                SECURITY.slack_id,
                ACCESS_AUDIT,
            ),
        ]

    def _has_read(self, channel: str) -> bool:
        return bool(self._posts(channel)) and (SECURITY.slack_id, channel) in self._read

    def _caught(self) -> bool:
        return any("open again" in text for text in self._posts(ACCESS_AUDIT))

    def _posts(self, channel: str) -> list[str]:
        return [text_of(one) for one in self._practice.slack.workspace.messages(channel)]


def _kept(check: Callable[[], bool]) -> Callable[[], bool]:
    """Remember that a step was done: a later step may undo what it looked at."""
    done = False

    def ask() -> bool:
        nonlocal done
        done = done or check()
        return done

    return ask
