"""Listeners for Slack's requests, one module per task."""

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


def register_listeners(app: App, ctx: ListenerContext) -> None:
    """Register all listeners on a new app."""
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
        task.register(app, ctx)
