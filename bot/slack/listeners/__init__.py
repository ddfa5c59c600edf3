"""What the bot listens to, one module per task."""

from slack_bolt import App

from bot.slack.listeners import (
    access,
    audits,
    book,
    cases,
    delegations,
    error_handler,
    exports,
    handover,
    home,
    manual,
    member_joined,
    moves,
    offboarding,
    requests,
    split,
)
from bot.slack.listeners.context import ListenerContext


def register_listeners(app: App, desk: ListenerContext) -> None:
    """Register everything on a fresh app."""
    error_handler.register(app)
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
        member_joined,
    )
    for task in tasks:
        task.register(app, desk)
