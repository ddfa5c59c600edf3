"""What the bot listens to, one module per task."""

from slack_bolt import App

from bot.listeners import (
    access,
    arrivals,
    audits,
    book,
    cases,
    delegations,
    exports,
    handover,
    home,
    manual,
    moves,
    offboarding,
    requests,
    split,
    trouble,
)
from bot.listeners.desk import Desk


def register_listeners(app: App, desk: Desk) -> None:
    """Register everything on a fresh app."""
    trouble.register(app)
    tasks = (
        offboarding,
        split,
        cases,
        access,
        handover,
        book,
        moves,
        exports,
        audits,
        manual,
        delegations,
        requests,
        home,
        arrivals,
    )
    for task in tasks:
        task.register(app, desk)
