"""chat.*: posting, updating, deleting, permalinks."""

from typing import Any

from tests.sandbox.slack.api.method import Method, need
from tests.sandbox.slack.entry import name_blocks
from tests.sandbox.slack.records import JSON, Channel, Message
from tests.sandbox.slack.refusal import ApiError, invalid
from tests.sandbox.slack.validation.blocks import check_blocks
from tests.sandbox.slack.validation.messages import TEXT_CHARACTERS, check_metadata, is_too_long
from tests.sandbox.slack.validation.report import Report
from tests.sandbox.slack.world import Workspace


def check_content(args: JSON) -> JSON:
    """The content of a message as it will be stored, or Slack's refusal of it."""
    text, blocks = args.get("text") or "", args.get("blocks")
    if len(text) > TEXT_CHARACTERS:
        raise invalid(
            "msg_too_long", [f"[ERROR] must be less than {TEXT_CHARACTERS + 1} characters [json-pointer:/text]"]
        )
    _refuse("invalid_blocks", blocks, check_blocks, "message")
    if is_too_long(blocks):
        raise invalid("msg_blocks_too_long", ["[ERROR] must be shorter together [json-pointer:/blocks]"])
    metadata = args.get("metadata")
    if metadata:
        _refuse("invalid_metadata_format", metadata, check_metadata)
    return {
        key: value for key, value in (("text", text), ("blocks", blocks), ("metadata", metadata)) if value is not None
    }


def _refuse(code: str, value: Any, check: Any, *more: Any) -> None:
    report = Report()
    if value is not None:
        check(report, value, *more)
    if report.lines:
        raise invalid(code, report.lines)


def target(workspace: Workspace, channel: str) -> Channel:
    """Return the place of a post from a channel id, a user id (opens direct messages) or a public channel's name."""
    if channel in workspace.users:
        return workspace.direct(channel)
    named = next(
        (one.id for one in workspace.channels.values() if not one.user and one.name == channel.lstrip("#")), channel
    )
    found = workspace.channel(named)
    if workspace.app.bot_user not in found.members:
        raise ApiError("not_in_channel")
    return found


def _post(workspace: Workspace, args: JSON) -> JSON:
    need(args, "channel")
    channel = target(workspace, args["channel"])
    if channel.user and workspace.users[channel.user].deleted:
        raise ApiError("user_not_found" if args["channel"] == channel.user else "is_archived")
    content = check_content(args)
    if not content.get("text") and not content.get("blocks"):
        raise ApiError("no_text")
    content |= _thread(workspace, channel.id, args)
    message = workspace.post(channel.id, workspace.app.bot_user, content)
    return {"channel": channel.id, "ts": message.ts, "message": _shown(message)}


def _thread(workspace: Workspace, channel: str, args: JSON) -> JSON:
    thread = args.get("thread_ts")
    if not thread:
        return {}
    parent = workspace.find(channel, str(thread))
    if parent is None or parent.only:
        raise ApiError("thread_not_found")
    return {"thread_ts": parent.thread_ts or parent.ts}


def _ephemeral(workspace: Workspace, args: JSON) -> JSON:
    need(args, "channel", "user")
    channel = target(workspace, args["channel"])
    if args["user"] not in channel.members:
        raise ApiError("user_not_in_channel")
    content = check_content(args)
    if not content.get("text") and not content.get("blocks"):
        raise ApiError("no_text")
    message = workspace.post(
        channel.id, workspace.app.bot_user, content | _thread(workspace, channel.id, args), only=args["user"]
    )
    return {"message_ts": message.ts}


def _own(workspace: Workspace, args: JSON, refusal: str) -> Message:
    need(args, "channel", "ts")
    message = workspace.find(workspace.channel(args["channel"]).id, str(args["ts"]))
    if message is None or message.only:
        raise ApiError("message_not_found")
    if message.user != workspace.app.bot_user:
        raise ApiError(refusal)
    return message


def _update(workspace: Workspace, args: JSON) -> JSON:
    message = _own(workspace, args, "cant_update_message")
    content = check_content(args)
    if "text" not in args:
        content.pop("text", None)
    change(workspace, message, content)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": _shown(message)}


def change(workspace: Workspace, message: Message, content: JSON) -> None:
    """Edit in place; what is not given stays."""
    if "blocks" in content:
        content = content | {"blocks": name_blocks(content["blocks"])}
    message.body |= content | {"edited": {"user": workspace.app.bot_user, "ts": workspace.stamp()}}
    workspace.touch()


def _delete(workspace: Workspace, args: JSON) -> JSON:
    message = _own(workspace, args, "cant_delete_message")
    workspace.messages(message.channel).remove(message)
    workspace.touch()
    return {"channel": message.channel, "ts": message.ts}


def _permalink(workspace: Workspace, args: JSON) -> JSON:
    need(args, "channel", "message_ts")
    channel = workspace.channel(args["channel"])
    if workspace.find(channel.id, str(args["message_ts"])) is None:
        raise ApiError("message_not_found")
    return {
        "channel": channel.id,
        "permalink": f"{workspace.base}/archives/{channel.id}/p{str(args['message_ts']).replace('.', '')}",
    }


def _shown(message: Message) -> JSON:
    return message.copy().body


METHODS = {
    "chat.postMessage": Method(_post, ("chat:write",), 0),
    "chat.postEphemeral": Method(_ephemeral, ("chat:write",), 4),
    "chat.update": Method(_update, ("chat:write",), 3),
    "chat.delete": Method(_delete, ("chat:write",), 3),
    "chat.getPermalink": Method(_permalink, (), 0),
}
