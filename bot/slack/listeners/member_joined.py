"""Warning when a leaver joins a channel that has case messages."""

import logging
from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.slack.listeners.context import ListenerContext
from bot.text import _, mrkdwn
from workflows.cases.views import CaseView
from workflows.people import Actor

MEMBER_JOINED = "member_joined_channel"
"""Sent for channels that the bot is in; needs channels:read and groups:read (docs.slack.dev/reference/events)."""
log = logging.getLogger(__name__)


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.event(MEMBER_JOINED)
    def joined(event: dict[str, Any], client: WebClient) -> None:
        slack = ctx.services.settings.slack
        if event["channel"] not in (slack.case_channel, slack.security_channel, slack.audit_channel):
            return
        case = ctx.services.offboarding.find_case(event["user"])
        if case is not None:
            warn(ctx, client, case, event)


def warn(ctx: ListenerContext, client: WebClient, case: CaseView, event: dict[str, Any]) -> None:
    """Record the joining, and warn the person who opened the case. Security is warned unless the leaver reads there."""
    channel, leaver = str(event["channel"]), str(event["user"])
    security = ctx.services.settings.slack.security_channel
    ctx.services.journal.note("leaver joined", Actor(f"slack:{leaver}", case.leaver.name), {"channel": channel})
    said = _(
        "⚠ {name} has joined <#{channel}>{by} and can read the messages about case {id}. Remove them from the "
        "channel now. Handover cannot do this."
    ).format(name=mrkdwn(case.leaver.name), channel=channel, by=_by(event), id=mrkdwn(case.id))
    opener = case.opened_by.id.removeprefix("slack:")
    channels = [security] if channel != security else []
    if opener != case.opened_by.id:
        channels.append(str(client.conversations_open(users=opener)["channel"]["id"]))
    for place in channels:
        client.chat_postMessage(channel=place, text=said)
    if not channels:
        log.warning("the leaver of case %s joined channel %s, and nobody in Slack can be warned", case.id, channel)


def _by(event: dict[str, Any]) -> str:
    inviter = str(event.get("inviter") or "")
    return _(" (invited by <@{inviter}>)").format(inviter=inviter) if inviter else ""
