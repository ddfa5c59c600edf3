"""Signatures, several Socket Mode connections, refresh, late deliveries, and stacks of modals."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from slack_bolt import App
from slack_sdk import WebClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.sandbox.company.people import HR, MANAGER
from tests.sandbox.slack import Command, SlackServer, Workspace, seed
from tests.sandbox.slack.example import HttpBot, SocketBot
from tests.sandbox.slack.example_messages import button, mrkdwn, plain
from tests.sandbox.slack.records import JSON


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    workspace = Workspace(rate_limits=False)
    workspace.app.commands["/plain"] = Command(should_escape=False)
    with SlackServer(workspace) as server:
        yield server


def _app(slack: SlackServer) -> App:
    settings = slack.workspace.app
    return App(
        client=WebClient(token=settings.bot_token, base_url=slack.api_url), signing_secret=settings.signing_secret
    )


def _modal(title: str, **more: Any) -> JSON:
    blocks = [
        {"type": "section", "text": mrkdwn(title)},
        {"type": "actions", "elements": [button("More", "more", "x")]},
    ]
    return {
        "type": "modal",
        "title": plain(title),
        "callback_id": title,
        "submit": plain("Go"),
        "blocks": blocks,
        **more,
    }


@pytest.fixture
def run(slack: SlackServer) -> Iterator[Callable[[App], None]]:
    bots: list[SocketBot] = []
    yield lambda app: bots.append(SocketBot(slack, app))
    for bot in bots:
        bot.stop()


def test_two_connections_share_and_one_takes_over(slack: SlackServer) -> None:
    app = _app(slack)
    app.command("/offboard")(lambda ack: ack())
    first = SocketBot(slack, app)
    second = SocketBot(slack, app)
    slack.wait_for(lambda: slack.workspace.sockets.connected == 2)
    hr = slack.as_user(HR.slack_id)
    assert all(hr.command("/offboard").acked for _ in range(6))
    assert sorted(slack.workspace.sockets.served) == [0, 0, 0, 1, 1, 1]
    first.stop()
    slack.wait_for(lambda: slack.workspace.sockets.connected == 1)
    assert all(hr.command("/offboard").acked for _ in range(3))
    second.stop()
    slack.wait_for(lambda: slack.workspace.sockets.connected == 0)
    assert hr.command("/offboard").problem.startswith("dispatch_failed")
    assert "dispatch_failed" in hr.ephemerals[-1].text


def test_an_app_comes_back_after_a_refresh(slack: SlackServer, run: Callable[[App], None]) -> None:
    app = _app(slack)
    app.command("/offboard")(lambda ack: ack("here"))
    run(app)
    opened = len(slack.calls("apps.connections.open"))
    slack.workspace.sockets.refresh()
    slack.wait_for(lambda: len(slack.calls("apps.connections.open")) > opened and slack.workspace.sockets.connected)
    hr = slack.as_user(HR.slack_id)
    slack.wait_for(lambda: hr.command("/offboard").acked)
    assert hr.ephemerals[-1].text == "here"


def test_a_socket_needs_a_fresh_ticket(slack: SlackServer) -> None:
    address = slack.workspace.sockets.address()
    with connect(address) as live:
        assert '"hello"' in str(live.recv(60))
    with pytest.raises(InvalidStatus), connect(address):
        raise AssertionError("the ticket was good twice")


def test_http_deliveries_are_signed_with_the_secret(slack: SlackServer) -> None:
    app = _app(slack)
    app.command("/offboard")(lambda ack: ack("fine"))
    bot = HttpBot(slack, app)
    hr = slack.as_user(HR.slack_id)
    assert hr.command("/offboard").acked
    slack.workspace.app.signing_secret = "another"
    assert "401" in hr.command("/offboard").problem
    assert httpx.post(slack.workspace.app.command_url, data={"command": "/offboard"}, timeout=60).status_code == 401
    bot.stop()


def test_escaping_follows_the_command(slack: SlackServer, run: Callable[[App], None]) -> None:
    app = _app(slack)
    app.command("/offboard")(lambda ack: ack())
    app.command("/plain")(lambda ack: ack())
    run(app)
    hr = slack.as_user(HR.slack_id)
    assert (
        hr.command("/offboard", "@max.weber, #general <x>").payload["text"]
        == "<@U0MAXWEBER|max.weber>, <#C0GENERAL|general> &lt;x&gt;"
    )
    assert hr.command("/plain", "@max.weber <x>").payload["text"] == "@max.weber <x>"
    assert hr.command("/nothing").problem == "unknown_command"


def test_push_update_clear_and_close(slack: SlackServer, run: Callable[[App], None]) -> None:
    app, closed = _app(slack), threading.Event()

    @app.command("/offboard")
    def start(ack: Any, client: WebClient, body: JSON) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=_modal("one"))

    app.view("one")(lambda ack: ack(response_action="push", view=_modal("two", notify_on_close=True)))
    app.view("two")(lambda ack: ack(response_action="update", view=_modal("three")))
    app.view("three")(lambda ack: ack(response_action="clear"))

    @app.view_closed("two")
    def gone(ack: Any) -> None:
        ack()
        closed.set()

    @app.action("more")
    def more(ack: Any, client: WebClient, body: JSON) -> None:
        ack()
        client.views_update(
            view_id=body["view"]["id"], hash=body["view"]["hash"], view=_modal("changed", callback_id="three")
        )

    run(app)
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard")
    hr.modal("one").submit()
    hr.modal("two").close()
    assert closed.wait(60)
    hr.modal("one").submit()
    hr.modal("two").submit()
    hr.modal("three").click("More")
    hr.modal("changed").submit()
    assert hr.view is None
    assert not slack.refused()


def test_an_invalid_answer_to_a_form_is_trouble_for_the_person(slack: SlackServer, run: Callable[[App], None]) -> None:
    app = _app(slack)
    app.command("/offboard")(
        lambda ack, client, body: (ack(), client.views_open(trigger_id=body["trigger_id"], view=_modal("one")))
    )
    app.view("one")(lambda ack: ack(response_action="errors", errors={"no such block": "x"}))
    run(app)
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard")
    assert "invalid_errors" in hr.modal("one").submit().problem
    assert "trouble" in hr.modal("one").notice


def test_what_is_picked_in_a_message_arrives(slack: SlackServer, run: Callable[[App], None]) -> None:
    app, got = _app(slack), {}
    for name in ("who", "day", "many"):
        app.action(name)(
            lambda ack, action, body: (ack(), got.update({action["action_id"]: action, "state": body["state"]}))
        )
    run(app)
    options = [{"text": plain(text), "value": text.lower()} for text in ("One", "Two", "Three")]
    elements = [
        {"type": "users_select", "action_id": "who"},
        {"type": "datepicker", "action_id": "day"},
        {"type": "checkboxes", "action_id": "many", "options": options},
    ]
    app.client.chat_postMessage(
        channel=seed.GENERAL, text="x", blocks=[{"type": "actions", "block_id": "b", "elements": elements}]
    )
    hr = slack.as_user(HR.slack_id)
    message = hr.messages("general")[-1]
    hr.choose(message, "who", MANAGER.slack_id)
    hr.choose(message, "day", "2026-11-30")
    hr.choose(message, "many", ["One", "three"])
    slack.wait_for(lambda: "many" in got)
    assert got["who"]["selected_user"] == MANAGER.slack_id
    assert got["day"]["selected_date"] == "2026-11-30"
    assert [one["value"] for one in got["many"]["selected_options"]] == ["one", "three"]
    assert got["state"]["values"]["b"]["day"]["selected_date"] == "2026-11-30"


def test_late_deliveries_wait_and_lost_ones_time_out(slack: SlackServer, run: Callable[[App], None]) -> None:
    app, came = _app(slack), threading.Event()

    @app.command("/offboard")
    def arrive(ack: Any) -> None:
        ack()
        came.set()

    run(app)
    hr = slack.as_user(HR.slack_id)
    slack.fault("slash_commands", "late", seconds=0.3)
    late = threading.Thread(target=hr.command, args=("/offboard",))
    late.start()
    assert not came.wait(0.15)
    assert came.wait(60)
    late.join()
    slack.fault("slash_commands", "never")
    assert hr.command("/offboard").problem == "operation_timeout"
    with pytest.raises(ValueError, match="twice, late or never"):
        slack.fault("interactive", "500")
