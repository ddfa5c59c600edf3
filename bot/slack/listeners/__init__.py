"""Listeners for Slack's requests, one module per task."""

from slack_bolt import App

from bot.slack.listeners import (
    audits,
    book,
    cases,
    channels,
    enrolment,
    error_handler,
    handover,
    home,
    manual,
    offboarding,
    stages,
)
from bot.slack.listeners.answers import Listeners
from bot.slack.listeners.context import ListenerContext


def register_listeners(app: App, ctx: ListenerContext) -> None:
    """Register all listeners on a new app."""
    error_handler.register(app)
    on = Listeners(app, ctx)
    for task in (offboarding, cases, handover, book, audits, manual, home, enrolment, channels, stages):
        task.register(on)
