"""files.*: the three-step upload, and what is known of a file."""

import json

from tests.sandbox.slack.api.chat import target
from tests.sandbox.slack.api.method import Method, need
from tests.sandbox.slack.records import JSON, File
from tests.sandbox.slack.refusal import ApiError, invalid
from tests.sandbox.slack.world import Workspace


def _ask_url(workspace: Workspace, args: JSON) -> JSON:
    need(args, "filename", "length")
    if int(args["length"]) <= 0:
        raise invalid("invalid_arguments", ["[ERROR] must be more than 0 [json-pointer:/length]"])
    name = str(args["filename"])
    file = File(workspace.next_id("F"), name, name, str(args.get("alt_txt") or ""))
    workspace.files[file.id] = file
    return {"upload_url": f"{workspace.base}/upload/{file.id}", "file_id": file.id}


def _complete(workspace: Workspace, args: JSON) -> JSON:
    need(args, "files")
    wanted = json.loads(args["files"]) if isinstance(args["files"], str) else args["files"]
    files = [_uploaded(workspace, one) for one in wanted]
    for channel_id in _channels(args):
        if channel_id in workspace.users or channel_id.startswith("#"):
            raise ApiError("channel_not_found")
        channel = target(workspace, channel_id)
        thread = {"thread_ts": args["thread_ts"]} if args.get("thread_ts") else {}
        payloads = [file.payload(workspace.base) for file in files]
        content = {"text": args.get("initial_comment") or "", "files": payloads, **thread}
        workspace.post(channel.id, workspace.app.bot_user, content)
        for file in files:
            file.shared.append(channel.id)
    return {"files": [file.payload(workspace.base) for file in files]}


def _channels(args: JSON) -> list[str]:
    given = str(args.get("channel_id") or args.get("channels") or "")
    return [channel for channel in given.split(",") if channel]


def _uploaded(workspace: Workspace, wanted: JSON) -> File:
    file = workspace.files.get(str(wanted.get("id")))
    if file is None:
        raise ApiError("file_not_found")
    if file.data is None:
        raise ApiError("file_update_failed")
    file.title = str(wanted.get("title") or file.name)
    return file


def _info(workspace: Workspace, args: JSON) -> JSON:
    file = workspace.files.get(str(args.get("file")))
    if file is None or file.data is None:
        raise ApiError("file_not_found")
    return {"file": file.payload(workspace.base) | {"channels": list(file.shared)}}


METHODS = {
    "files.getUploadURLExternal": Method(_ask_url, ("files:write",), 4),
    "files.completeUploadExternal": Method(_complete, ("files:write",), 4),
    "files.info": Method(_info, ("files:read",), 4),
}
