"""Listeners for Slack's requests, one module per task."""

from slack_bolt import App

from bot.slack.listeners import (
    audits,
    book,
    cases,
    channels,
    duties,
    earlier,
    enrolment,
    error_handler,
    handover,
    home,
    manual,
    notes,
    offboarding,
    stages,
    stayed,
)
from bot.slack.listeners.answers import Listeners
from bot.slack.listeners.context import ListenerContext


def register_listeners(app: App, ctx: ListenerContext) -> None:
    """Register all listeners on a new app."""
    error_handler.register(app)
    on = Listeners(app, ctx)
    every = (
        offboarding,
        cases,
        handover,
        book,
        stayed,
        stages,
        audits,
        manual,
        home,
        enrolment,
        channels,
        notes,
        earlier,
        duties,
    )
    for task in every:
        task.register(on)
