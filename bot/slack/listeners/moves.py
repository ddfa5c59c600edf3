"""Buttons about moves: pause, resume, stop, and put clients back with its form."""

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import notice, put_back
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import leave, moves
from bot.slack.messages.blocks import section
from bot.slack.messages.phrases import records
from bot.text import _, ngettext
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(moves.PAUSE, middleware=[acknowledge])
    def pause(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.HALT)
        ctx.services.halts.pause(_case(call), ctx.actor(call))
        call.tell(_("Paused. Moves under way are finished. Nothing else moves until somebody resumes."))

    @app.action(moves.RESUME, middleware=[acknowledge])
    def resume(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.HALT)
        ctx.services.halts.resume(_case(call), ctx.actor(call))
        call.tell(_("The moves continue from where they were paused."))

    @app.action(moves.STOP, middleware=[acknowledge])
    def stop(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.HALT)
        left = ctx.services.halts.stop(_case(call), ctx.actor(call))
        call.tell(_("Stopped: {left} not moved. The case message shows the moved records.").format(left=records(left)))

    @app.action(leave.STAY, middleware=[acknowledge])
    def stay(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.PUT_BACK)
        ctx.services.leaves.stay(_case(call), ctx.actor(call))
        call.tell(_("The clients stay where they are."))

    _register_putting_back(app, ctx)


def _register_putting_back(app: App, ctx: ListenerContext) -> None:
    @app.action(moves.PUT_BACK, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.PUT_BACK)
        case = _case(call)
        view_id = call.open(notice.loading())
        ctx.later.submit(fill, call, view_id, lambda: put_back.build(ctx.services.put_backs.plan(case)))

    @app.view(put_back.CALLBACK)
    def asked(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, search = Call(body, client), put_back.parse(view)
        answer_submission(ack, call, notice.loading(), lambda: _put_back(ctx, call, search))


def _put_back(ctx: ListenerContext, call: Call, search: str) -> dict[str, Any]:
    """Put back the clients that the form showed. If the search text was changed, show the new selection first."""
    ctx.allow(call, Right.PUT_BACK)
    case = str(call.metadata.get("case", ""))
    if search != str(call.metadata.get("search", "")):
        return put_back.build(ctx.services.put_backs.plan(case, search))
    asked = ctx.services.put_backs.begin(case, ctx.actor(call), search)
    waiting = int(call.metadata.get("waiting", 0))
    if waiting:
        text = ngettext(
            "Records to put back: {count:,}, of which {waiting:,} waits. "
            "Press *Give Access Back* in the case message. It then goes back automatically.",
            "Records to put back: {count:,}, of which {waiting:,} wait. "
            "Press *Give Access Back* in the case message. They then go back automatically.",
            waiting,
        )
    else:
        text = ngettext(
            "{count:,} record is being put back. The case message shows the result.",
            "{count:,} records are being put back. The case message shows the result.",
            asked,
        )
    return notice.notice(_("Put back"), [section(text.format(count=asked, waiting=waiting))])


def _case(call: Call) -> str:
    case = str(call.value.get("case", ""))
    if not case:
        raise UserFacingError(_("This button is too old. `/offboard list` shows every case."))
    return case
