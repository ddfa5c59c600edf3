"""One call of the Web API from token to answer: planned faults, rights, rate limit, then the method itself."""

import json
import secrets
from typing import Any

from tests.sandbox.slack.api import apps, chat, conversations, files, users, views
from tests.sandbox.slack.api.method import Method
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.refusal import ApiError, Limited, invalid
from tests.sandbox.slack.trail import Call
from tests.sandbox.slack.world import Workspace

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **users.METHODS,
    **views.METHODS,
}
_JSON_ARGUMENTS = ("blocks", "view", "metadata", "attachments")


def run(workspace: Workspace, method: str, token: str, args: JSON) -> JSON:
    """The answer's body; raises `Limited` for a 429."""
    with workspace.lock:
        try:
            answer = {"ok": True, **_run(workspace, method, token, read_json(args))}
        except ApiError as refusal:
            answer = refusal.answer()
        except Limited:
            record(workspace, method, args, "ratelimited")
            raise
        record(workspace, method, args, str(answer.get("error", "")), answer)
        return answer


def record(workspace: Workspace, method: str, args: JSON, error: str, answer: JSON | None = None) -> None:
    """Keep a call for assertions."""
    problems = tuple((answer or {}).get("response_metadata", {}).get("messages", ()))
    workspace.calls.append(Call(method, args, error, workspace.clock(), problems if error else ()))
    workspace.touch()


def read_json(args: JSON) -> JSON:
    """Arguments with their JSON strings read (form-encoded calls send blocks and views so)."""
    return {key: _decode(key, value) if key in _JSON_ARGUMENTS else value for key, value in args.items()}


def _decode(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        code = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}.get(key, "invalid_arguments")
        raise invalid(code, [f"[ERROR] not valid JSON [json-pointer:/{key}]"]) from None


def _run(workspace: Workspace, name: str, token: str, args: JSON) -> JSON:
    method = METHODS.get(name)
    if method is None:
        raise ApiError("unknown_method", req_method=name)
    _check_token(workspace, method, token)
    workspace.limits.check(name, method.tier, str(args.get("channel", "")))
    return method.run(workspace, args)


def _check_token(workspace: Workspace, method: Method, token: str) -> None:
    app = workspace.app
    if not token:
        raise ApiError("not_authed")
    if not any(secrets.compare_digest(token.encode(), known.encode()) for known in (app.bot_token, app.app_token)):
        raise ApiError("invalid_auth")
    if (token == app.app_token) != method.app_token:
        raise ApiError("not_allowed_token_type")
    granted = app.app_scopes if method.app_token else app.scopes
    missing = [scope for scope in method.scopes if scope not in granted]
    if missing:
        raise ApiError("missing_scope", needed=",".join(missing), provided=",".join(sorted(granted)))
