"""The payloads that Slack sends for a person's acts. Field names: npm @slack/bolt and @slack/types 3.2.0."""

import secrets
from typing import Any

from tests.sandbox.slack.entry import text_of
from tests.sandbox.slack.records import JSON, TEAM, Channel, Message, View
from tests.sandbox.slack.world import Workspace

DOMAIN = "northwind-practice"


def _head(workspace: Workspace, kind: str, user_id: str) -> JSON:
    user = workspace.users[user_id]
    return {
        "type": kind,
        "team": {"id": user.team, "domain": DOMAIN if user.team == TEAM else "elsewhere"},  # the team of who clicks
        "api_app_id": workspace.app.id,
        "token": "practice-verification",
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def channel_name(channel: Channel) -> str:
    """Return the name of a channel in payloads."""
    if channel.user:
        return "directmessage"
    return "privategroup" if channel.private else channel.name


def command(workspace: Workspace, user_id: str, channel: Channel, name: str, text: str) -> JSON:
    """slash_commands."""
    user = workspace.users[user_id]
    return {
        "token": "practice-verification",
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": _response_url(workspace, channel.id, user_id),
        "trigger_id": workspace.triggers.issue(user_id),
    }


def action(element: JSON, block_id: str, value: JSON, stamp: str) -> JSON:
    """One entry of `actions`."""
    out: JSON = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id, "action_ts": stamp}
    if element["type"] == "button":
        out["text"] = element["text"]
        for key in ("value", "style", "url"):
            if key in element:
                out[key] = element[key]
    for key in ("placeholder", "confirm", "initial_option", "initial_user", "initial_date"):
        if key in element:
            out[key] = element[key]
    return out | {key: held for key, held in value.items() if key != "type"}


def message_action(
    workspace: Workspace, user_id: str, message: Message, act: JSON, values: dict[str, dict[str, JSON]]
) -> JSON:
    """block_actions from a message."""
    channel = workspace.channels[message.channel]
    body = message.copy().body
    return _head(workspace, "block_actions", user_id) | {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": bool(message.only),
        },
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "message": body,
        "state": {"values": values},
        "trigger_id": workspace.triggers.issue(user_id),
        "actions": [act],
        "response_url": _response_url(workspace, channel.id, user_id, message.ts),
    }


def view_action(workspace: Workspace, view: View, act: JSON) -> JSON:
    """block_actions from a modal or the Home tab."""
    return _head(workspace, "block_actions", view.user) | {
        "container": {"type": "view", "view_id": view.id},
        "view": view.payload(workspace.app.id, workspace.app.bot_id),
        "trigger_id": workspace.triggers.issue(view.user),
        "actions": [act],
    }


def submission(workspace: Workspace, view: View) -> JSON:
    """view_submission."""
    return _head(workspace, "view_submission", view.user) | {
        "trigger_id": workspace.triggers.issue(view.user),
        "view": view.payload(workspace.app.id, workspace.app.bot_id),
        "response_urls": [],
    }


def closed(workspace: Workspace, view: View, *, cleared: bool) -> JSON:
    """view_closed."""
    return _head(workspace, "view_closed", view.user) | {
        "view": view.payload(workspace.app.id, workspace.app.bot_id),
        "is_cleared": cleared,
    }


def suggestion(
    workspace: Workspace, user_id: str, source: View | Message, element: JSON, block_id: str, typed: str
) -> JSON:
    """block_suggestion: the options request of an external select."""
    head = _head(workspace, "block_suggestion", user_id) | {
        "action_id": element["action_id"],
        "block_id": block_id,
        "value": typed,
    }
    if isinstance(source, View):
        return head | {
            "view": source.payload(workspace.app.id, workspace.app.bot_id),
            "container": {"type": "view", "view_id": source.id},
        }
    channel = workspace.channels[source.channel]
    return head | {
        "message": source.copy().body,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "container": {"type": "message", "message_ts": source.ts, "channel_id": channel.id},
    }


def home_opened(workspace: Workspace, user_id: str) -> JSON:
    """The app_home_opened event."""
    event: dict[str, Any] = {
        "type": "app_home_opened",
        "user": user_id,
        "channel": workspace.direct(user_id).id,
        "tab": "home",
        "event_ts": workspace.stamp(),
    }
    home = workspace.homes.get(user_id)
    if home:
        event["view"] = home.payload(workspace.app.id, workspace.app.bot_id)
    return _event(workspace, event)


def joined(workspace: Workspace, user_id: str, channel: str, inviter: str) -> JSON:
    """The member_joined_channel event."""
    event: dict[str, Any] = {
        "type": "member_joined_channel",
        "user": user_id,
        "channel": channel,
        "channel_type": "G" if workspace.channels[channel].private else "C",
        "team": TEAM,
        "event_ts": workspace.stamp(),
    }
    return _event(workspace, event | ({"inviter": inviter} if inviter else {}))


def _event(workspace: Workspace, event: JSON) -> JSON:
    return {
        "token": "practice-verification",
        "team_id": TEAM,
        "api_app_id": workspace.app.id,
        "type": "event_callback",
        "event": event,
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(workspace.clock()),
        "is_ext_shared_channel": False,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": workspace.app.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }


def label(element: JSON) -> str:
    """Return the visible text of an element."""
    return text_of(element.get("text")) or str(element.get("action_id", ""))


def _response_url(workspace: Workspace, channel: str, user_id: str, ts: str = "") -> str:
    return f"{workspace.base}/response/{workspace.responses.issue(channel, user_id, ts)}"
