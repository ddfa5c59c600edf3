"""What the bot listens to, one module per task."""

from slack_bolt import App

from bot.listeners import (
    access,
    arrivals,
    audits,
    cases,
    delegations,
    exports,
    handover,
    home,
    manual,
    moves,
    offboarding,
    requests,
    trouble,
)
from bot.listeners.desk import Desk


def register_listeners(app: App, desk: Desk) -> None:
    """Register everything on a fresh app."""
    trouble.register(app)
    tasks = (offboarding, cases, access, handover, moves, exports, audits, manual, delegations, requests,
             home, arrivals)
    for task in tasks:
        task.register(app, desk)
