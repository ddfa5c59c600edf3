"""The guided stories beside the chat: what to do next, ticked off by what the servers and the workspace show."""

import threading
from collections.abc import Callable

from tests.sandbox.behind import actions
from tests.sandbox.company.people import ADMIN, BY_UID, HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.practice import Practice
from tests.sandbox.slack.panel import Panel, Step, Story
from tests.sandbox.slack.seed import ACCESS_AUDIT, OFFBOARDING, SECURITY_ALERTS
from tests.sandbox.story import SUCCESSORS, text_of
from tests.sandbox.truth import Truth

INTRO = (
    "A practice company on this computer. The bot, the directory (OpenLDAP) and the CRM (Tryton) are real; "
    "Slack is a stand-in. Nothing here can break."
)
SUSPECT, ON_LEAVE, STAND_IN = BY_UID["zoe.dagostino"], BY_UID["anh.nguyen"], BY_UID["carol.diaz"]
"""People of the other stories: the holder of a suspected account, a colleague on leave, and the one who stands in."""


def panel(practice: Practice) -> Panel:
    """Return what hangs beside the chat in the demo."""
    cast = [HR, MANAGER, SECURITY, ADMIN, LEAVER, *(BY_UID[uid] for uid in SUCCESSORS), SUSPECT, ON_LEAVE]
    read: set[tuple[str, str]] = set()
    one_at_a_time = threading.Lock()
    stories = []
    for title, person, steps in (
        ("Dana leaves today", LEAVER, departure),
        ("An incident on a bad night", SUSPECT, incident),
        ("Away for two weeks", ON_LEAVE, leave),
    ):
        truth = Truth(practice, person)
        done = steps(Seen(practice, truth, read))
        stories.append(Story(title, done, INTRO, truth.cards, actions(practice, person, one_at_a_time)))
    return Panel(
        stories=stories,
        now=practice.clock.now,
        jump=practice.pass_time,
        cast=[person.slack_id for person in cast],
        opened=lambda user, channel: read.add((user, channel)),
    )


class Seen:
    """State of a story as the servers and the workspace show it; `read` has who read which channel: (user, channel)."""

    def __init__(self, practice: Practice, truth: Truth, read: set[tuple[str, str]]) -> None:
        self.practice, self.truth, self._read = practice, truth, read

    def security_read(self, channel: str) -> bool:
        """Return whether security has looked into a channel in which there is something."""
        return bool(self.posts(channel)) and (SECURITY.slack_id, channel) in self._read

    def posts(self, channel: str) -> list[str]:
        """Return the words of each message in a channel."""
        return [text_of(one) for one in self.practice.slack.workspace.messages(channel)]


def departure(seen: Seen) -> list[Step]:
    """Return the steps of the main story: somebody leaves, and is let in again by mistake."""
    truth, name = seen.truth, LEAVER.name.split()[0]
    names = ", ".join(BY_UID[uid].name for uid in SUCCESSORS)
    caught = _kept(lambda: any("open again" in text for text in seen.posts(ACCESS_AUDIT)))
    return [
        _command(
            f"Lock {name} out",
            f"You are {HR.name} from HR. Send `/offboard @{LEAVER.uid}`. In the window choose *Now, at once* and a "
            f"reason, and press *Next: Clients*. There {MANAGER.name} approves, and {names} receive the clients. Watch "
            "the servers below.",
            truth.locked,
            LEAVER.uid,
        ),
        Step(
            "See what she exported",
            f"As {SECURITY.name} from security, look at her exports of the last weeks. They come without her name.",
            _kept(lambda: seen.security_read(SECURITY_ALERTS)),
            SECURITY.slack_id,
            SECURITY_ALERTS,
        ),
        Step(
            "Approve the handover",
            f"As {MANAGER.name}, her manager, look at the proposed split and approve it. The deals change hands in "
            "the CRM.",
            _kept(truth.handed_over),
            MANAGER.slack_id,
            "direct",
        ),
        Step(
            "Let a day pass",
            "Press *+1 day* below. The bot reads every system again and posts its audit in #access-audit.",
            _kept(lambda: seen.security_read(ACCESS_AUDIT)),
            SECURITY.slack_id,
            ACCESS_AUDIT,
        ),
        Step(
            "Re-open her account behind the bot's back",
            f"At the bottom of this column press *Re-open {LEAVER.name}'s directory account*, then *+1 day* above it: "
            "the audit must catch it.",
            caught,
            SECURITY.slack_id,
            ACCESS_AUDIT,
        ),
        Step(
            "Lock it again",
            "In the audit press *Lock Again*. The bot locks, reads back, and says what it read.",
            _kept(lambda: caught() and truth.locked()),
            SECURITY.slack_id,
            ACCESS_AUDIT,
        ),
    ]


def incident(seen: Seen) -> list[Step]:
    """Return the steps of a lock-out in a hurry, with one server dead, that turns out to be a false alarm."""
    truth, crm = seen.truth, seen.practice.crm
    dead, half, locked = _kept(lambda: not crm.running), _kept(truth.locked_in_directory), _kept(truth.locked)
    return [
        Step(
            "Let the CRM die first",
            f"Somebody copies clients with {SUSPECT.name}'s account, and it is a bad night: press *Stop the CRM* at "
            "the bottom of this column.",
            dead,
        ),
        _command(
            "Lock the account at once",
            f"As {HR.name} from HR, send `/offboard @{SUSPECT.uid}`. Choose *Now, at once* and *Suspected theft*, "
            f"and on the next page {MANAGER.name} to approve and to receive. The directory is locked; of the CRM "
            "nothing is claimed.",
            lambda: dead() and half(),
            SUSPECT.uid,
        ),
        Step(
            "Bring the CRM back",
            "Press *Start the CRM*, then *+1 hour*. The bot tries again by itself; nobody has to remember it.",
            lambda: dead() and locked(),
        ),
        Step(
            "It was a false alarm",
            "In #offboarding press *Give Access Back*, and say why. The state before the lock returns, groups and all.",
            _kept(lambda: locked() and truth.open()),
            HR.slack_id,
            OFFBOARDING,
        ),
    ]


def leave(seen: Seen) -> list[Step]:
    """Return the steps of a handover for a time: access stays, and the clients come back."""
    truth, practice = seen.truth, seen.practice
    most = 0

    def given_back() -> bool:
        """Return whether as many deals are the person's again as anybody has ever seen."""
        return not truth.handed_over() and truth.owned() == most

    def asked_for() -> bool:
        nonlocal most
        most = max(most, truth.owned() or 0)
        return practice.is_on_leave(ON_LEAVE)

    asked, given = _kept(asked_for), _kept(lambda: truth.handed_over() and truth.open())
    return [
        _command(
            "Plan the leave",
            f"As {HR.name} from HR, send `/offboard @{ON_LEAVE.uid}`. Choose *For a time*, tomorrow as the last "
            f"working day, *Keep access*, and a day of return in two weeks. On the next page {MANAGER.name} approves, "
            f"and {STAND_IN.name} receives.",
            asked,
            ON_LEAVE.uid,
        ),
        Step(
            "Approve the handover",
            f"As {MANAGER.name}, approve it. Nothing moves before the last day.",
            _kept(lambda: any("approved" in text for text in _direct(practice) if ON_LEAVE.name in text)),
            MANAGER.slack_id,
            "direct",
        ),
        Step(
            "Let the last day pass",
            "Press *+1 day* twice. The clients go to the colleague, and the log-ins below still work: nobody is "
            "locked out.",
            lambda: asked() and given(),
            HR.slack_id,
            OFFBOARDING,
        ),
        Step(
            "Give the clients back",
            "Press *+7 days* twice. On the day of return the bot asks below its message in #offboarding: open the "
            "reply, and press *Put Clients Back*.",
            _kept(lambda: given() and given_back()),
            HR.slack_id,
            OFFBOARDING,
        ),
    ]


def _direct(practice: Practice) -> list[str]:
    person = practice.slack.as_user(MANAGER.slack_id)
    return [text_of(one) for one in person.messages("")]


def _command(title: str, text: str, done: Callable[[], bool], uid: str) -> Step:
    """Return a step in which HR sends the command about a person."""
    return Step(title, text, _kept(done), HR.slack_id, OFFBOARDING, f"/offboard @{uid}")


def _kept(check: Callable[[], bool]) -> Callable[[], bool]:
    """Remember that a step was done: a later step may undo what it looked at."""
    done = False

    def ask() -> bool:
        nonlocal done
        done = done or check()
        return done

    return ask
