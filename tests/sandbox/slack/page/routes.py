"""The page and what it asks for: files, one state document, a stream of "something changed", and a person's acts."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue

from tests.sandbox.slack import entry
from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.page.state import state
from tests.sandbox.slack.panel import Panel
from tests.sandbox.slack.records import JSON, View
from tests.sandbox.slack.trail import Delivery
from tests.sandbox.slack.world import Workspace

HERE = Path(__file__).parent
FILES = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page:
    """The routes of one served workspace."""

    def __init__(self, workspace: Workspace, acts: Acts, panel: Panel) -> None:
        self._workspace = workspace
        self._acts = acts
        self._panel = panel
        self.open = True

    def add_to(self, web: Flask) -> None:
        """Put the routes into the application."""
        web.before_request(_only_from_here)
        web.add_url_rule("/", view_func=lambda: _file("page.html"), endpoint="page")
        web.add_url_rule("/page/<name>", view_func=_file, endpoint="page-file")
        web.add_url_rule("/ui/state", view_func=self.state)
        web.add_url_rule("/ui/first", view_func=self.first)
        web.add_url_rule("/ui/stream", view_func=self.stream)
        web.add_url_rule("/ui/panel", view_func=self.panel)
        web.add_url_rule("/ui/file/<file_id>", view_func=self.file)
        for name in ("say", "use", "search", "submit", "close", "home", "jump", "act", "opened", "upload"):
            web.add_url_rule(f"/ui/{name}", view_func=getattr(self, name), methods=["POST"])

    def state(self) -> ResponseReturnValue:
        """Return one person's whole view."""
        user = request.args.get("user", "")
        if user not in self._workspace.users or self._workspace.users[user].is_bot:
            abort(404)
        return _json(state(self._workspace, user, self._panel.cast))

    def first(self) -> ResponseReturnValue:
        """Return the person for a new visitor."""
        people = [user.id for user in self._workspace.users.values() if not user.is_bot and not user.deleted]
        places = [step.place for story in self._panel.stories for step in story.steps if step.place]
        return _json({"user": (list(self._panel.cast) + people)[0], "place": places[0] if places else ""})

    def stream(self) -> ResponseReturnValue:
        """Server-sent events: a number whenever something changed."""
        return Response(self._changes(), content_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def _changes(self) -> Iterator[str]:
        seen = -1
        while self.open:
            with self._workspace.changed:
                if self._workspace.version == seen:
                    self._workspace.changed.wait(5)
                now = self._workspace.version
            yield f"data: {now}\n\n" if now != seen else ": still here\n\n"
            seen = now

    def panel(self) -> ResponseReturnValue:
        """Truth, clock and the chosen story."""
        return _json(self._panel.payload(self._story(request.args.get("story", 0, int))))

    def _story(self, chosen: object) -> int:
        """Return the number of a story that there is; with no stories, 0."""
        if not isinstance(chosen, int) or not 0 <= chosen < max(1, len(self._panel.stories)):
            abort(404)
        return chosen

    def file(self, file_id: str) -> ResponseReturnValue:
        """A file's bytes, always as a download or as text: never as a page of ours."""
        found = self._workspace.files.get(file_id)
        if found is None or found.data is None:
            abort(404)
        answer = Response(found.data, content_type="text/plain; charset=utf-8")
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers.set("Content-Disposition", "attachment", filename=found.name)
        return answer

    def say(self) -> ResponseReturnValue:
        """A message or a slash command."""
        body = _body()
        text = str(body["text"]).strip()
        if text.startswith("/") and not body.get("thread"):
            name, _, rest = text.partition(" ")
            return _told(self._acts.command(body["user"], body["channel"], name, rest))
        self._acts.say(body["user"], body["channel"], text, str(body.get("thread") or ""))
        return _told(None)

    def use(self) -> ResponseReturnValue:
        """Something used in a message, a modal or the Home tab."""
        body = _body()
        if body.get("view"):
            view = self._view(body)
            self._fill(view, body)
            block_id, element = _element(view.blocks, body)
            return _told(self._acts.use_in_view(view, block_id, element, body.get("raw")))
        message = self._workspace.find(body["channel"], body["ts"]) or abort(404)
        block_id, element = _element(message.blocks, body)
        return _told(self._acts.use(body["user"], message.copy(), block_id, element, body.get("raw")))

    def search(self) -> ResponseReturnValue:
        """The options of an external select."""
        body = _body()
        source = (
            self._view(body) if body.get("view") else self._workspace.find(body["channel"], body["ts"]) or abort(404)
        )
        block_id, element = _element(source.blocks, body)
        found = self._acts.search(body["user"], source, block_id, element, str(body["typed"]))
        return _json(
            [
                {
                    "value": one["value"],
                    "label": entry.text_of(one["text"]),
                    "sub": entry.text_of(one.get("description")),
                }
                for one in found
            ]
        )

    def submit(self) -> ResponseReturnValue:
        """A modal's Submit."""
        body = _body()
        view = self._view(body)
        self._fill(view, body)
        return _told(self._acts.submit(view))

    def close(self) -> ResponseReturnValue:
        """A modal's Cancel."""
        body = _body()
        return _told(self._acts.close(self._view(body), everything=bool(body.get("everything"))))

    def home(self) -> ResponseReturnValue:
        """The Home tab was opened."""
        return _told(self._acts.open_home(_body()["user"]))

    def jump(self) -> ResponseReturnValue:
        """Move the bot's clock."""
        if self._panel.jump is None:
            abort(404)
        self._panel.jump(float(_body()["seconds"]))
        self._workspace.touch()
        return _told(None)

    def act(self) -> ResponseReturnValue:
        """Something that happens outside Slack, found by its number; the answer says what was done."""
        body = _body()
        at, chosen = body["at"], self._story(body.get("story", 0))
        actions = self._panel.stories[chosen].actions if self._panel.stories else ()
        if not isinstance(at, int) or not 0 <= at < len(actions):
            abort(404)
        said = actions[at].act()
        self._workspace.touch()
        return _json({"said": said})

    def upload(self) -> ResponseReturnValue:
        """Store a file that a person has chosen in a form."""
        body = _body()
        file = self._workspace.keep(str(body["name"]), b64decode(str(body["data"]), validate=True))
        return _json(file.payload(self._workspace.base))

    def opened(self) -> ResponseReturnValue:
        """A person has read a channel."""
        body = _body()
        if self._panel.opened:
            self._panel.opened(str(body["user"]), str(body["channel"]))
        return _told(None)

    def _view(self, body: JSON) -> View:
        return self._workspace.find_view(body["view"]) or abort(404)

    def _fill(self, view: View, body: JSON) -> None:
        """Enter the values that came with Submit or a button. `file` names and buttons have none."""
        given = body.get("values") or {}
        for block_id, element in entry.elements(view.blocks):
            held = given.get(block_id, {})
            if element["action_id"] in held and element["type"] not in {"button", "overflow"}:
                with suppress(
                    LookupError
                ):  # an option that the app has withdrawn meanwhile: the field keeps what it had
                    self._acts.fill(view, block_id, element, held[element["action_id"]])


def _element(blocks: list[JSON], body: JSON) -> tuple[str, JSON]:
    for block_id, element in entry.elements(blocks):
        same = block_id == body["block"] and element["action_id"] == body["action"]
        if same and body.get("button") in {None, element.get("value")}:
            return block_id, element
    return abort(404)


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json; charset=utf-8")


def _told(delivery: Delivery | None) -> Response:
    return _json({"problem": delivery.problem if delivery else ""})


def _body() -> dict[str, Any]:
    found = request.get_json()
    if not isinstance(found, dict):
        abort(400)
    return found


def _only_from_here() -> None:
    """Other web sites that a browser has open must not act for a person: own host name only, and JSON bodies only."""
    if request.host.partition(":")[0] not in {"127.0.0.1", "localhost"}:
        abort(403)
    if request.path.startswith("/ui/") and request.method == "POST" and not request.is_json:
        abort(415)


def _file(name: str) -> Response:
    if name not in FILES:
        abort(404)
    answer = Response((HERE / name).read_bytes(), content_type=f"{FILES[name]}; charset=utf-8")
    answer.headers.update(
        {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
    )
    return answer
