"""response_url: what the app says about one act, up to five times within half an hour."""

from tests.sandbox.slack.api.call import read_json, record
from tests.sandbox.slack.api.chat import change, check_content
from tests.sandbox.slack.api.method import truth
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.triggers import ResponseUrl
from tests.sandbox.slack.world import Workspace


def respond(workspace: Workspace, key: str, args: JSON) -> tuple[int, str]:
    """HTTP status and body for one use."""
    with workspace.lock:
        try:
            args = read_json(args)
            _carry_out(workspace, workspace.responses.redeem(key), args)
        except ApiError as refusal:
            record(workspace, "response_url", args, refusal.code, refusal.answer())
            return (404 if refusal.code in {"used_url", "expired_url"} else 400), refusal.code
        record(workspace, "response_url", args, "")
        return 200, "ok"


def _carry_out(workspace: Workspace, target: ResponseUrl, args: JSON) -> None:
    original = workspace.find(target.channel, target.ts) if target.ts else None
    if truth(args, "delete_original"):
        if original is None:
            raise ApiError("message_not_found")
        workspace.messages(target.channel).remove(original)
        workspace.touch()
        return
    content = check_content(args)
    if not content.get("text") and not content.get("blocks"):
        raise ApiError("no_text")
    replace = original is not None and str(args.get("replace_original", "")).lower() == "true"
    if original is not None and replace:
        change(workspace, original, {"blocks": [], **content})
        return
    only = "" if args.get("response_type") == "in_channel" else target.user
    thread = {"thread_ts": args["thread_ts"]} if args.get("thread_ts") else {}
    workspace.post(target.channel, workspace.app.bot_user, content | thread, only=only)
