"""The channel of a case message, which the leaver must not be able to read."""

from collections.abc import Iterator
from dataclasses import dataclass

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.text import _, mrkdwn


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """A channel, or the asker's id for a direct message. `why`: the reason for a direct message."""

    channel: str
    why: str = ""


def choose(client: WebClient, channel: str, *, leaver: str, asker: str, bot: str) -> ChannelChoice:
    """Return the channel of the case message. A channel that cannot be checked counts as visible to the leaver."""
    try:
        if not client.conversations_info(channel=channel)["channel"].get("is_private"):
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
    if leaver in members:
        return ChannelChoice(asker, _("<@{leaver}> is a member of <#{channel}>").format(leaver=leaver, channel=channel))
    if bot not in members:
        return ChannelChoice(
            asker, _("Handover is not a member of <#{channel}>; invite it there").format(channel=channel)
        )
    return ChannelChoice(channel)


def _members(client: WebClient, channel: str) -> Iterator[str]:
    cursor = ""
    while True:
        page = client.conversations_members(channel=channel, limit=1000, cursor=cursor)
        yield from page["members"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return
