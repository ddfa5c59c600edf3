"""The Slack app's manifest, generated from the code, so that both always agree."""

from collections.abc import Mapping
from typing import Any

from bot.slack.listeners.channels import MEMBER_JOINED
from bot.slack.listeners.home import EVENT
from bot.slack.listeners.offboarding import COMMAND
from bot.text import _

METHOD_SCOPES: Mapping[str, tuple[str, ...]] = {
    "chat_postMessage": ("chat:write",),
    "chat_update": ("chat:write",),
    "conversations_history": ("channels:history", "groups:history", "im:history"),
    "conversations_info": ("channels:read", "groups:read"),
    "conversations_members": ("channels:read", "groups:read"),
    "conversations_open": ("im:write",),
    "conversations_replies": ("channels:history", "groups:history", "im:history"),
    "files_completeUploadExternal": ("files:write",),
    "files_getUploadURLExternal": ("files:write",),
    "files_info": ("files:read",),
    "usergroups_users_list": ("usergroups:read",),
    "users_info": ("users:read", "users:read.email"),
    "users_lookupByEmail": ("users:read.email",),
    "views_open": (),
    "views_publish": (),
    "views_push": (),
    "views_update": (),
}
"""Every Web API method that the bot calls, by the SDK's name, with its scopes (docs.slack.dev/reference/methods)."""
OTHER_SCOPES = ("commands", "metadata.message:read")
"""Scopes for the slash command, and for finding the bot's own posts by metadata."""


def scopes() -> list[str]:
    """Return every bot scope, sorted."""
    return sorted({scope for needed in METHOD_SCOPES.values() for scope in needed} | set(OTHER_SCOPES))


def manifest(mode: str, url: str = "https://handover.example.com/slack/events") -> dict[str, Any]:
    """Return the manifest for `socket` or `http`. `url`: the bot's address for Slack's requests over HTTP."""
    http = mode == "http"
    reached: dict[str, str] = {"request_url": url} if http else {}
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": _("Start or look up an offboarding"),
        "usage_hint": "@person | status | week | reschedule | cancel | undo | list | audit | help",
        "should_escape": True,
        **({"url": url} if http else {}),
    }
    options = {"message_menu_options_url": url} if http else {}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Handover",
            "description": _("Locks leavers out, hands their clients over, and verifies both every day"),
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "Handover", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": scopes()}},
        "settings": {
            "event_subscriptions": {"bot_events": [EVENT, MEMBER_JOINED], **reached},
            "interactivity": {"is_enabled": True, **reached, **options},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not http,
            "token_rotation_enabled": False,
        },
    }
