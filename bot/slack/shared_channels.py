"""Checks of the channels that get messages about leavers: nobody outside the company may read there.

A channel can become shared at any time after set-up, so it is checked again before a message.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.slack.people import HomeTeam, SlackUsers
from bot.text import _
from config.settings import Role, Settings
from workflows.authorization import HOLDERS, Right
from workflows.cases.views import CaseView
from workflows.ports import AssigneeDirectory

KEEP_SECONDS = 120
UNREADABLE = frozenset({"channel_not_found", "missing_scope", "method_not_supported_for_channel_type"})
"""Slack's words for a channel that does not become readable by trying again."""


def objection(channel: Mapping[str, Any], home: HomeTeam, *, secret: bool) -> str:
    """Return why a channel of conversations.info gets no message about a leaver, or empty. A missing value is no "no".

    `secret`: the channel is security's or that of audits, so it must be private.
    """
    if channel.get("is_im") or channel.get("is_mpim"):
        return ""
    own = {home.id, home.organisation, *(channel.get("internal_team_ids") or () if home.org_wide else ())}
    pending = channel.get("is_pending_ext_shared") or channel.get("pending_shared")
    connected = {*(channel.get("connected_team_ids") or ())}
    shared = {*(channel.get("shared_team_ids") or ())}
    siblings = channel.get("is_org_shared") and not home.org_wide and not (shared and shared <= own)
    reasons = (
        (channel.get("is_ext_shared"), _("it is shared with another organisation")),
        (channel.get("is_ext_shared") is None, _("Slack does not say whether it is shared with another organisation")),
        (pending or channel.get("pending_connected_team_ids"), _("another organisation is invited to share it")),
        (connected - own, _("it is shared with another organisation")),
        (siblings or (shared - own and not home.org_wide), _("it is shared with another workspace")),
        (secret and not channel.get("is_private"), _("it is public")),
    )
    return next((why for applies, why in reasons if applies), "")


class ChannelCheck:
    """Checks of channels, each kept for two minutes."""

    def __init__(self, client: WebClient) -> None:
        self._client, self._users = client, SlackUsers(client)
        self._kept: dict[tuple[str, bool], tuple[float, str]] = {}
        self._lock = threading.Lock()

    def objection(self, channel: str, *, secret: bool) -> str:
        """Return why this channel gets no message now, or empty. Raises `SlackApiError`, `OSError`."""
        with self._lock:
            kept = self._kept.get((channel, secret))
        if kept and time.monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        try:
            found = self._client.conversations_info(channel=channel)["channel"]
            why = objection(found, self._users.home(), secret=secret)
        except SlackApiError as error:
            if slack_error_code(error) not in UNREADABLE:
                raise
            why = _("it could not be checked ({detail})").format(detail=slack_error_code(error))
        with self._lock:
            self._kept[channel, secret] = (time.monotonic(), why)
        return why


def people_of(channel: str, case: CaseView | None, settings: Settings, members: AssigneeDirectory) -> tuple[str, ...]:
    """Return the full members whom a channel is for, without the leaver of the case. Raises `DeliveryFailed`."""
    slack, roles = settings.slack, settings.roles
    names = HOLDERS[Right.OPEN]
    if channel == slack.security_channel:
        names = ("security",)
    elif channel == slack.audit_channel:
        names = HOLDERS[Right.AUDIT]
    held: list[Role] = [getattr(roles, name) for name in names]
    asked = [one for role in held for one in (*role.users, *role.groups)]
    if case and case.opened_by.slack_id and channel not in (slack.security_channel, slack.audit_channel):
        asked = [case.opened_by.slack_id]
    users = dict.fromkeys(user for one in asked for user in members.reach(one))
    return tuple(user for user in users if not case or user != case.leaver.slack_id)
