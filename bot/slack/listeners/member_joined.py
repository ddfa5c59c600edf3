"""Somebody joins a channel in which leavers are spoken of: where it is a leaver, those who must know are told."""

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


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""

    @app.event(MEMBER_JOINED)
    def joined(event: dict[str, Any], client: WebClient) -> None:
        slack = desk.services.settings.slack
        if event["channel"] not in (slack.case_channel, slack.security_channel, slack.audit_channel):
            return
        case = desk.services.offboarding.find_case(event["user"])
        if case is not None:
            warn(desk, client, case, event)


def warn(desk: ListenerContext, client: WebClient, case: CaseView, event: dict[str, Any]) -> None:
    """Put it on record, and tell the person who opened the case; security hears it, too, where the leaver does not."""
    channel, leaver = str(event["channel"]), str(event["user"])
    security = desk.services.settings.slack.security_channel
    desk.services.journal.note("leaver joined", Actor(f"slack:{leaver}", case.leaver.name), {"channel": channel})
    said = _(
        "⚠ {name} has joined <#{channel}>{by} and can read there what is said of case {id}. Take them out of the "
        "channel now: Handover cannot."
    ).format(name=mrkdwn(case.leaver.name), channel=channel, by=_by(event), id=mrkdwn(case.id))
    opener = case.opened_by.id.removeprefix("slack:")
    told = [security] if channel != security else []
    if opener != case.opened_by.id:
        told.append(str(client.conversations_open(users=opener)["channel"]["id"]))
    for place in told:
        client.chat_postMessage(channel=place, text=said)
    if not told:
        log.warning("the leaver of case %s joined channel %s, and there is nobody to tell in Slack", case.id, channel)


def _by(event: dict[str, Any]) -> str:
    inviter = str(event.get("inviter") or "")
    return _(" (invited by <@{inviter}>)").format(inviter=inviter) if inviter else ""
