"""Buttons about moves: Pause, Resume, Stop, and Put Clients Back with its form."""

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.authorize import Right
from bot.slack.forms import notice, put_back
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import leave, moves
from bot.slack.messages.blocks import section
from bot.slack.messages.phrases import records
from bot.text import _


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""

    @app.action(moves.PAUSE, middleware=[acknowledge])
    def pause(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.HALT)
        desk.services.halts.pause(_case(call), desk.actor(call))
        call.tell(_("Paused. What is on its way is finished; nothing more is moved until somebody resumes."))

    @app.action(moves.RESUME, middleware=[acknowledge])
    def resume(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.HALT)
        desk.services.halts.resume(_case(call), desk.actor(call))
        call.tell(_("The moves go on where they were paused."))

    @app.action(moves.STOP, middleware=[acknowledge])
    def stop(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.HALT)
        left = desk.services.halts.stop(_case(call), desk.actor(call))
        call.tell(_("Stopped: {left} not moved. The case message shows what is.").format(left=records(left)))

    @app.action(leave.STAY, middleware=[acknowledge])
    def stay(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.PUT_BACK)
        desk.services.leaves.stay(_case(call), desk.actor(call))
        call.tell(_("The clients stay where they are."))

    _register_putting_back(app, desk)


def _register_putting_back(app: App, desk: ListenerContext) -> None:
    @app.action(moves.PUT_BACK, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.PUT_BACK)
        case = _case(call)
        view_id = call.open(notice.loading())
        desk.later.submit(fill, call, view_id, lambda: put_back.build(desk.services.put_backs.plan(case)))

    @app.view(put_back.CALLBACK)
    def asked(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, search = Call(body, client), put_back.parse(view)
        answer_submission(ack, call, notice.loading(), lambda: _put_back(desk, call, search))


def _put_back(desk: ListenerContext, call: Call, search: str) -> dict[str, Any]:
    """Do what was shown; where other clients are meant than those, show them first."""
    desk.allow(call, Right.PUT_BACK)
    case = str(call.metadata.get("case", ""))
    if search != str(call.metadata.get("search", "")):
        return put_back.build(desk.services.put_backs.plan(case, search))
    asked = desk.services.put_backs.begin(case, desk.actor(call), search)
    waiting = int(call.metadata.get("waiting", 0))
    said = _("{count} are being put back. The case message shows what came back, and who has the rest.")
    if waiting:
        said = _(
            "{count} are asked for, and {waiting} of them wait: press *Give Access Back* in the case "
            "message. They then go back by themselves."
        )
    return notice.notice(_("Put back"), [section(said.format(count=records(asked), waiting=f"{waiting:,}"))])


def _case(call: Call) -> str:
    case = str(call.value.get("case", ""))
    if not case:
        raise UserFacingError(_("This button is too old. `/offboard list` shows every case."))
    return case
