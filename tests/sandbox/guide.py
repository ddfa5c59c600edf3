"""The guided story beside the chat: what to do next, ticked off by what the servers and the workspace show."""

from collections.abc import Callable

from tests.sandbox.company.people import ADMIN, BY_UID, HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.practice import Practice
from tests.sandbox.slack.panel import Panel, Step
from tests.sandbox.slack.seed import ACCESS_AUDIT, SECURITY_ALERTS
from tests.sandbox.story import SUCCESSORS, text_of
from tests.sandbox.truth import Truth


def panel(practice: Practice) -> Panel:
    """Return what hangs beside the chat in the demo."""
    cast = [HR, MANAGER, SECURITY, ADMIN, LEAVER, *(BY_UID[uid] for uid in SUCCESSORS)]
    return Panel(
        truth=Truth(practice).cards,
        now=practice.clock.now,
        jump=practice.jump,
        guide=steps(practice),
        cast=[person.slack_id for person in cast],
    )


def steps(practice: Practice) -> list[Step]:
    """Return the story as steps for a person."""
    names = ", ".join(BY_UID[uid].name for uid in SUCCESSORS)
    return [
        Step(
            "Lock Dana out",
            f"You are {HR.name} from HR. In #offboarding type /offboard @{LEAVER.uid}, choose Now, a reason, "
            f"{MANAGER.name} to approve, and {names} to receive the clients. Watch the servers below.",
            _kept(lambda: not any(practice.is_open(LEAVER).values())),
            HR.slack_id,
        ),
        Step(
            "See what was exported",
            f"Become {SECURITY.name} and open #security-alerts: Dana's exports of the last weeks, without her name.",
            _kept(lambda: bool(practice.slack.workspace.messages(SECURITY_ALERTS))),
            SECURITY.slack_id,
        ),
        Step(
            "Approve the handover",
            f"Become {MANAGER.name}, open the direct messages with Handover, look at the split, and approve it. "
            "The deals change hands in the CRM.",
            _kept(lambda: practice.owned(LEAVER) <= practice.fixed(LEAVER)),
            MANAGER.slack_id,
        ),
        Step(
            "Let a day pass",
            "Press +1 day. The bot reads every system again and posts the audit in #access-audit.",
            _kept(lambda: _audits(practice) >= 1),
            SECURITY.slack_id,
        ),
        Step(
            "Re-open the account behind the bot's back",
            "Press the button below, as a hurried administrator would, then +1 day: the audit must catch it.",
            _kept(lambda: any("open again" in text_of(one) for one in practice.slack.workspace.messages(ACCESS_AUDIT))),
            SECURITY.slack_id,
        ),
        Step(
            "Lock it again",
            "In the audit press Lock Again. The bot locks, reads back, and says what it read.",
            _kept(lambda: _audits(practice) >= 2 and not any(practice.is_open(LEAVER).values())),
            SECURITY.slack_id,
        ),
    ]


def _audits(practice: Practice) -> int:
    return len(practice.slack.workspace.messages(ACCESS_AUDIT))


def _kept(check: Callable[[], bool]) -> Callable[[], bool]:
    """Remember that a step was done: a later step may undo what it looked at."""
    done = False

    def ask() -> bool:
        nonlocal done
        done = done or check()
        return done

    return ask
