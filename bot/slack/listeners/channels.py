"""The channels of case messages, which the leaver must not be able to read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.slack.listeners.answers import Listeners
from bot.slack.people import SlackProfiles
from bot.slack.shared_channels import objection
from bot.text import _, mrkdwn
from workflows.cases.joinings import JoinedChannel

MEMBER_JOINED = "member_joined_channel"
"""Sent for channels that the bot is in; needs channels:read and groups:read (docs.slack.dev/reference/events)."""


def register(on: Listeners) -> None:
    """Listen."""

    @on.app.event(MEMBER_JOINED)
    def joined(event: dict[str, Any], body: dict[str, Any]) -> None:
        slack, offboarding = on.ctx.services.settings.slack, on.ctx.services.offboarding
        if event["channel"] in (slack.case_channel, slack.security_channel, slack.audit_channel):
            case = offboarding.find_case(event["user"])
            if case is not None:
                who = JoinedChannel(case.id, str(event["channel"]), str(event.get("inviter") or ""))
                on.ctx.services.joinings.record(who, str(body.get("event_id") or event.get("event_ts")))


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """A channel, or the asker's id for a direct message. `why`: the reason for a direct message."""

    channel: str
    why: str = ""


def choose_channel(
    client: WebClient, channel: str, people: SlackProfiles, *, leaver: str | None, asker: str, bot: str
) -> ChannelChoice:
    """Return the channel of the case message. A channel that cannot be checked counts as visible to the leaver.

    `leaver`: None for a case without one.
    """
    try:
        found = client.conversations_info(channel=channel)["channel"]
        if shared := objection(found, people.home(), secret=False):
            return ChannelChoice(asker, _("<#{channel}> is not fit for it: {why}").format(channel=channel, why=shared))
        if not found.get("is_private") and leaver is None:
            return ChannelChoice(asker, _("<#{channel}> is public").format(channel=channel))
        if not found.get("is_private"):
            return ChannelChoice(
                asker,
                _("<#{channel}> is public, so {person} could read it").format(channel=channel, person=f"<@{leaver}>"),
            )
        members = set(_members(client, channel))
    except SlackApiError as error:
        why = _("<#{channel}> could not be checked ({detail})").format(
            channel=channel, detail=mrkdwn(slack_error_code(error), 80)
        )
        return ChannelChoice(asker, why)
    objections = (
        (leaver == "", _("Slack does not tell whether the leaver is a member of <#{channel}>")),
        (leaver in members, _("<@{leaver}> is a member of <#{channel}>")),
        (bot not in members, _("Handover is not a member of <#{channel}>; invite it there")),
    )
    why = next((why.format(leaver=leaver, channel=channel) for applies, why in objections if applies), "")
    return ChannelChoice(asker, why) if why else ChannelChoice(channel)


def _members(client: WebClient, channel: str) -> Iterator[str]:
    cursor = ""
    while True:
        page = client.conversations_members(channel=channel, limit=1000, cursor=cursor)
        yield from page["members"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return
