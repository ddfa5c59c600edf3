"""`python -m tests.sandbox.slack.look [port]`: the page with the example app and one of every kind of block."""

import sys
import threading
from datetime import UTC, datetime, timedelta

from tests.sandbox.company.people import HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.slack import SlackServer, Workspace
from tests.sandbox.slack.example import SocketBot, make_app
from tests.sandbox.slack.look_messages import post_everything
from tests.sandbox.slack.panel import Panel, Step, Story, TruthCard


class Clock:
    """A clock that can be pushed forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The pretended time."""
        return datetime.now(UTC) + self._ahead

    def jump(self, seconds: float) -> None:
        """Push it."""
        self._ahead += timedelta(seconds=seconds)


def make_panel(workspace: Workspace, clock: Clock) -> Panel:
    """Cards and steps that follow what happens in the chat."""

    def approved() -> bool:
        return any("Approved" in message.text for posts in workspace.posts.values() for message in posts)

    def asked() -> bool:
        return any(message.metadata for posts in workspace.posts.values() for message in posts)

    def cards() -> list[TruthCard]:
        locked = asked()
        return [
            TruthCard(
                "Directory",
                "OpenLDAP, 127.0.0.1",
                [
                    ("Dana O'Neill", "locked" if locked else "can log in", "good" if locked else "bad"),
                    ("Groups", "none" if locked else "sales, crm-users", "plain"),
                ],
            ),
            TruthCard(
                "CRM",
                "Tryton, 127.0.0.1",
                [
                    ("Log-in", "refused" if locked else "accepted", "good" if locked else "bad"),
                    ("Clients owned", "0" if approved() else "3", "good" if approved() else "plain"),
                ],
            ),
        ]

    steps = [
        Step(
            "Start an offboarding",
            "Type `/offboard @dana.oneill` in #offboarding and fill in the form.",
            asked,
            HR.slack_id,
        ),
        Step(
            "Approve the handover",
            "Open #offboarding as the approver and press *Approve 3 Reassignments*.",
            approved,
            HR.slack_id,
        ),
        Step(
            "Look a month ahead",
            "Press *+30 days* below and see the audit still hold.",
            lambda: clock.now() > datetime.now(UTC) + timedelta(days=20),
        ),
    ]
    cast = [HR.slack_id, MANAGER.slack_id, SECURITY.slack_id, LEAVER.slack_id]
    return Panel([Story("Dana leaves", steps, truth=cards)], now=clock.now, jump=clock.jump, cast=cast)


def serve(port: int = 0) -> tuple[SlackServer, SocketBot]:
    """The workspace with everything in it, running."""
    clock = Clock()
    workspace = Workspace(rate_limits=False, clock=lambda: clock.now().timestamp())
    slack = SlackServer(workspace, port=port, panel=make_panel(workspace, clock)).start()
    bot = SocketBot(slack, make_app(slack))
    post_everything(slack)
    return slack, bot


if __name__ == "__main__":
    print(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)[0].url, flush=True)
    threading.Event().wait()
