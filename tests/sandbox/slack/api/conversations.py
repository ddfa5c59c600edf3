"""conversations.*: channels, direct messages, history and threads."""

from tests.sandbox.slack.api.method import Method, need, need_scope, page, truth
from tests.sandbox.slack.records import JSON, Channel, Message
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.world import Workspace


def _scope(channel: Channel, verb: str) -> str:
    if channel.user:
        return f"im:{verb}"
    return f"{'groups' if channel.private else 'channels'}:{verb}"


def _known(workspace: Workspace, args: JSON, verb: str) -> Channel:
    need(args, "channel")
    channel = workspace.channel(args["channel"])
    need_scope(workspace, _scope(channel, verb))
    return channel


def _open(workspace: Workspace, args: JSON) -> JSON:
    if args.get("channel"):
        return {"channel": {"id": workspace.channel(args["channel"]).id}}
    users = [user for user in str(args.get("users") or "").split(",") if user]
    if len(users) != 1:
        raise ApiError("users_list_not_supplied" if not users else "not_supported")
    if workspace.user(users[0]).deleted:
        raise ApiError("user_disabled")
    known = "D" + users[0][1:] in workspace.channels
    channel = workspace.direct(users[0])
    return {"channel": {"id": channel.id}} | ({"no_op": True, "already_open": True} if known else {})


def _info(workspace: Workspace, args: JSON) -> JSON:
    return {"channel": _known(workspace, args, "read").payload(workspace.app.bot_user)}


def _members(workspace: Workspace, args: JSON) -> JSON:
    channel = _known(workspace, args, "read")
    members, cursor = page([{"id": user} for user in sorted(channel.members)], args, 100)
    return {"members": [one["id"] for one in members], "response_metadata": {"next_cursor": cursor}}


def _list(workspace: Workspace, args: JSON) -> JSON:
    bot = workspace.app.bot_user
    kinds = set(str(args.get("types") or "public_channel").split(","))
    seen = [one for one in workspace.channels.values() if not one.user and (not one.private or bot in one.members)]
    wanted = [one.payload(bot) for one in seen if ("private_channel" if one.private else "public_channel") in kinds]
    some, cursor = page(wanted, args, 100)
    return {"channels": some, "response_metadata": {"next_cursor": cursor}}


def _join(workspace: Workspace, args: JSON) -> JSON:
    need(args, "channel")
    channel = workspace.channel(args["channel"])
    if channel.user or channel.private:
        raise ApiError("method_not_supported_for_channel_type")
    channel.members.add(workspace.app.bot_user)
    workspace.touch()
    return {"channel": channel.payload(workspace.app.bot_user)}


def _readable(workspace: Workspace, args: JSON) -> Channel:
    channel = _known(workspace, args, "history")
    if workspace.app.bot_user not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _history(workspace: Workspace, args: JSON) -> JSON:
    channel = _readable(workspace, args)
    seen = [
        one for one in workspace.messages(channel.id) if not one.only and (not one.thread_ts or one.thread_ts == one.ts)
    ]
    found = [_shown(workspace, one, args) for one in reversed(seen) if _within(one.ts, args)]
    messages, cursor = page(found, args, 100)
    return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def _replies(workspace: Workspace, args: JSON) -> JSON:
    channel = _readable(workspace, args)
    need(args, "ts")
    parent = workspace.find(channel.id, str(args["ts"]))
    if parent is None or parent.only:
        raise ApiError("thread_not_found")
    thread = [one for one in workspace.messages(channel.id) if not one.only and parent.ts in {one.ts, one.thread_ts}]
    found = [_shown(workspace, one, args) for one in thread if one is parent or _within(one.ts, args)]
    messages, cursor = page(found, args, 1000)
    return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def _within(ts: str, args: JSON) -> bool:
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    if truth(args, "inclusive"):
        return oldest <= float(ts) <= latest
    return oldest < float(ts) < latest


def _shown(workspace: Workspace, message: Message, args: JSON) -> JSON:
    """As history shows it: metadata only when asked for (and allowed), replies counted."""
    body = message.copy().body
    if not (truth(args, "include_all_metadata") and "metadata.message:read" in workspace.app.scopes):
        body.pop("metadata", None)
    replies = [one for one in workspace.messages(message.channel) if one.thread_ts == message.ts and not one.only]
    if replies:
        body |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    return body


METHODS = {
    "conversations.open": Method(_open, ("im:write",), 3),
    "conversations.info": Method(_info, (), 3),
    "conversations.members": Method(_members, (), 4),
    "conversations.list": Method(_list, ("channels:read",), 2),
    "conversations.join": Method(_join, ("channels:join",), 3),
    "conversations.history": Method(_history, (), 3),
    "conversations.replies": Method(_replies, (), 3),
}
