"""One person's view of the workspace, as one JSON document for the page."""

from collections.abc import Sequence
from copy import deepcopy

from tests.sandbox.slack.records import JSON, TEAM, Channel, User, View
from tests.sandbox.slack.world import Workspace


def state(workspace: Workspace, user_id: str, cast: Sequence[str]) -> JSON:
    """Everything that the page draws for this person."""
    with workspace.lock:
        me = workspace.users[user_id]
        workspace.direct(user_id)
        mine = [
            one
            for one in workspace.channels.values()
            if user_id in one.members and (not one.user or one.user == user_id)
        ]
        home = workspace.homes.get(user_id)
        return {
            "version": workspace.version,
            "team": workspace.name,
            "me": me.id,
            "bot": workspace.app.bot_user,
            "users": {user.id: _user(user) for user in workspace.users.values()},
            "cast": list(cast),
            "groups": {group.id: group.handle for group in workspace.groups.values()},
            "commands": [
                {"name": name, "description": one.description, "hint": one.usage_hint}
                for name, one in workspace.app.commands.items()
            ],
            "channels": [_channel(one) for one in mine],
            "messages": {one.id: _messages(workspace, one.id, user_id) for one in mine},
            "views": [_view(view) for view in workspace.stacks.get(user_id, [])],
            "home": _view(home) if home else None,
        }


def _user(user: User) -> JSON:
    return {
        "id": user.id,
        "name": user.name,
        "real": user.real_name,
        "title": user.title,
        "tz": user.tz,
        "bot": user.is_bot,
        "deleted": user.deleted,
        "guest": user.is_restricted or user.is_ultra_restricted,
        "stranger": user.is_stranger or user.team != TEAM,
    }


def _channel(channel: Channel) -> JSON:
    return {
        "id": channel.id,
        "name": channel.name,
        "private": channel.private,
        "dm": bool(channel.user),
        "members": len(channel.members),
    }


def _messages(workspace: Workspace, channel_id: str, user_id: str) -> list[JSON]:
    shown = [one for one in workspace.messages(channel_id) if one.only in {"", user_id}]
    return [deepcopy(one.body) | {"only": bool(one.only)} for one in shown[-300:]]


def _view(view: View) -> JSON:
    return {
        "id": view.id,
        "hash": view.hash,
        "body": deepcopy(view.body),
        "values": deepcopy(view.values),
        "errors": dict(view.errors),
        "notice": view.notice,
    }
