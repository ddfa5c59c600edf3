"""A small real Bolt app that uses each feature of the stand-in, for the stand-in's tests and for `look`."""

import json
import threading
import time
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from werkzeug.serving import make_server

from tests.sandbox.slack.example_messages import approval, loading, options, settled, start_form
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.server import SlackServer


def make_app(slack: SlackServer) -> App:
    """The app; only base_url and token differ from one that talks to Slack."""
    settings = slack.workspace.app
    client = WebClient(token=settings.bot_token, base_url=slack.api_url)
    app = App(client=client, signing_secret=settings.signing_secret)

    @app.command("/offboard")
    def offboard(ack: Any, body: JSON, client: WebClient, respond: Any) -> None:
        ack()
        hr = client.usergroups_users_list(usergroup="S0HR")["users"]
        if body["user_id"] not in hr:
            respond(text="Only the People team can start an offboarding.")
            return
        view = client.views_open(trigger_id=body["trigger_id"], view=loading())["view"]
        client.views_update(view_id=view["id"], hash=view["hash"], view=start_form(body["channel_id"], body["text"]))

    @app.command("/slow")
    def slow(ack: Any) -> None:
        time.sleep(3.3)
        ack()

    @app.view("start")
    def started(ack: Any, body: JSON, view: JSON, client: WebClient) -> None:
        state = view["state"]["values"]
        leaver, approver = state["leaver"]["who"]["selected_user"], state["approver"]["who"]["selected_user"]
        if leaver == approver:
            ack(
                response_action="errors",
                errors={"approver": "Choose somebody else: the leaver can't approve their own handover."},
            )
            return
        ack()
        meta = json.loads(view["private_metadata"])
        content = approval(leaver, approver, body["user"]["id"], state["reason"]["text"]["value"])
        client.chat_postMessage(channel=meta["channel"], **content)

    @app.action("approve")
    def approve(ack: Any, body: JSON, action: JSON, client: WebClient, respond: Any) -> None:
        ack()
        if body["user"]["id"] != action["value"]:
            respond(text=f"Only <@{action['value']}> can approve this.", replace_original=False)
            return
        blocks = settled(body["message"]["blocks"], body["user"]["id"])
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=blocks)

    @app.action("decline")
    def decline(ack: Any, client: WebClient, body: JSON) -> None:
        ack()
        client.chat_postMessage(channel=body["channel"]["id"], thread_ts=body["message"]["ts"], text="Declined")

    @app.options("successor")
    def successors(ack: Any, payload: JSON) -> None:
        ack(options=options(payload.get("value", "")))

    @app.action("successor")
    def picked(ack: Any) -> None:
        ack()

    @app.event("app_home_opened")
    def home(event: JSON, client: WebClient) -> None:
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "Waiting on you"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "Nothing. Type `/offboard @person` to begin."}},
        ]
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    return app


class SocketBot:
    """The app on Socket Mode; the same shape as `HttpBot`."""

    def __init__(self, slack: SlackServer, app: App) -> None:
        handler: Any = SocketModeHandler(app, slack.workspace.app.app_token, ping_interval=0.3)
        self._handler = handler
        handler.connect()
        slack.wait_for(lambda: slack.workspace.sockets.connected)

    def stop(self) -> None:
        """Disconnect."""
        self._handler.close()


class HttpBot:
    """The app behind Flask, with Slack's deliveries signed."""

    def __init__(self, slack: SlackServer, app: App) -> None:
        web, handler = Flask("example"), SlackRequestHandler(app)

        def events() -> ResponseReturnValue:
            return handler.handle(request)

        web.add_url_rule("/slack/events", view_func=events, methods=["POST"])
        self._server = make_server("127.0.0.1", 0, web, threaded=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        slack.workspace.app.use_url(f"http://127.0.0.1:{self._server.server_port}/slack/events")

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
