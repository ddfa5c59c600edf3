"""The HTTP side: `/api/<method>`, uploads, files, response_urls; the faults that need a hand on the connection."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from tests.sandbox.slack.api.call import record, run
from tests.sandbox.slack.faults import Fault
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.refusal import Limited
from tests.sandbox.slack.responses import respond
from tests.sandbox.slack.world import Workspace

VERBS = ["GET", "POST"]


def make_web(workspace: Workspace) -> Flask:
    """The Flask application of one workspace, without the page."""
    web = Flask("slack-practice", static_folder=None)

    def api(method: str) -> ResponseReturnValue:
        args, token = arguments()
        fault = workspace.faults.due(method)
        if fault:
            return break_call(workspace, fault, method, token, args)
        return call(workspace, method, token, args)

    def respond_to(key: str) -> ResponseReturnValue:
        args, _ = arguments()
        status, body = respond(workspace, key, args)
        return Response(body, status, content_type="text/plain")

    web.add_url_rule("/api/<path:method>", view_func=api, methods=VERBS)
    web.add_url_rule("/response/<key>", view_func=respond_to, methods=["POST"])
    web.add_url_rule("/upload/<file_id>", view_func=lambda file_id: upload(workspace, file_id), methods=["POST"])
    web.add_url_rule(
        "/files/<file_id>/<name>",
        view_func=lambda file_id, name: download(workspace, file_id),
        methods=["GET"],
        endpoint="files",
    )
    return web


def arguments() -> tuple[JSON, str]:
    """Query, form and JSON merged, for any verb, and the token."""
    args: JSON = {**request.args.to_dict(), **request.form.to_dict()}
    body: Any = request.get_json(silent=True) if request.is_json else None
    if isinstance(body, dict):
        args |= body
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else ""
    return args, token or str(args.pop("token", ""))


def call(workspace: Workspace, method: str, token: str, args: JSON) -> Response:
    """One call without planned faults."""
    try:
        answer = run(workspace, method, token, args)
    except Limited as limited:
        return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(limited.seconds)})
    scopes = workspace.app.app_scopes if token == workspace.app.app_token else workspace.app.scopes
    return _json(answer, 200, {"x-oauth-scopes": ",".join(sorted(scopes))} if answer["ok"] else {})


def break_call(workspace: Workspace, fault: Fault, method: str, token: str, args: JSON) -> Response:
    """One call with a planned fault."""
    if fault.kind == "lost":
        call(workspace, method, token, args)
        return _reset()
    record(workspace, method, args, f"fault:{fault.kind}")
    if fault.kind == "429":
        return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(max(1, round(fault.seconds)))})
    if fault.kind == "500":
        return Response("internal error", 500, content_type="text/html")
    if fault.kind == "timeout":
        time.sleep(fault.seconds)
        return _reset()
    if fault.kind == "reset":
        return _reset()
    return _json({"ok": False, "error": fault.kind}, 200, {})


def upload(workspace: Workspace, file_id: str) -> Response:
    """The bytes of a file, raw or as a form."""
    file = workspace.files.get(file_id)
    if file is None:
        return Response("unknown upload", 404)
    raw = request.get_data(cache=True)  # before the form is looked at: urllib calls raw bytes a form, too
    form = next(iter(request.files.values()), None)
    file.data = form.read() if form else raw
    return Response(f"OK - {len(file.data)}")


def download(workspace: Workspace, file_id: str) -> Response:
    """A file, for the app with its token."""
    _, token = arguments()
    file = workspace.files.get(file_id)
    if (
        file is None
        or file.data is None
        or token != workspace.app.bot_token
        or "files:read" not in workspace.app.scopes
    ):
        return Response("not found", 404)
    return Response(file.data, content_type=file.payload("")["mimetype"])


def _json(body: JSON, status: int, headers: dict[str, str]) -> Response:
    return Response(json.dumps(body), status, headers, content_type="application/json; charset=utf-8")


def _reset() -> Response:
    """Cut the connection: the caller gets a reset, not an answer."""
    raw: socket.socket = request.environ["werkzeug.socket"]

    def cut() -> Iterator[bytes]:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(raw.detach())
        raise ConnectionResetError("a planned fault")
        yield b""  # makes this a generator: the server must meet the error while sending, before any header

    return Response(cut())
