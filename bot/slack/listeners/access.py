"""Buttons and forms about access: undo, reschedule, hired again, choose account, release, reject."""

from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot import workdays
from bot.errors import UserFacingError
from bot.slack.forms import link, notice, reschedule
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import access
from bot.slack.messages.blocks import section
from bot.text import _, moment, mrkdwn
from bot.workdays import known_zone
from workflows.authorization import Right
from workflows.cases.views import CaseView
from workflows.storage.rows.case import HoldReason


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""
    _register_endings(app, ctx)
    _register_holds(app, ctx)
    _register_reschedule(app, ctx)
    _register_links(app, ctx)


def _register_endings(app: App, ctx: ListenerContext) -> None:
    @app.action(access.UNDO, middleware=[acknowledge])
    def undo(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.UNDO)
        ctx.services.offboarding.undo(_case(call), ctx.actor(call))
        call.tell(_("Access is being given back. The case message shows what came back and what cannot."))

    @app.action(access.CLOSE, middleware=[acknowledge])
    def close(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.CLOSE)
        ctx.services.offboarding.close(_case(call), ctx.actor(call))
        call.tell(_("The case is closed and its checks have ended. Nothing was unlocked."))


def _register_holds(app: App, ctx: ListenerContext) -> None:
    @app.action(access.RELEASE, middleware=[acknowledge])
    def release(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = ctx.services.offboarding.case(_case(call))
        ctx.allow(call, Right.RELEASE_IMMEDIATE if view.held == HoldReason.IMMEDIATE else Right.RELEASE)
        ctx.services.offboarding.release(view.id, ctx.actor(call))
        call.tell(_("The case is released and continues as planned."))

    @app.action(access.REJECT, middleware=[acknowledge])
    def reject(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.REJECT)
        ctx.services.offboarding.reject(_case(call), ctx.actor(call))
        call.tell(_("The case is rejected. Nothing was locked."))


def _register_reschedule(app: App, ctx: ListenerContext) -> None:
    @app.action(access.RESCHEDULE, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.RESCHEDULE)
        view = ctx.services.offboarding.case(_case(call))
        call.open(reschedule.build(view.id, view.effective_at, _zone(ctx, view)))

    @app.view(reschedule.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call = Call(body, client)
        case = ctx.services.offboarding.case(str(call.metadata.get("case", "")))
        days = workdays.of(ctx.services.settings.company)
        zone = _zone(ctx, case)
        at, faults = reschedule.parse(view, zone, days, ctx.services.clock.now())
        if at is None:
            ack(response_action="errors", errors=faults)
            return

        def work() -> dict[str, Any]:
            ctx.allow(call, Right.RESCHEDULE)
            ctx.services.offboarding.reschedule(case.id, at, ctx.actor(call))
            said = [section(_("New effective time: {when}.").format(when=moment(at)))]
            if careful := workdays.last_day_warning(days, at.astimezone(ZoneInfo(zone)).date()):
                said.append(section(_("⚠ Careful: {text}").format(text=mrkdwn(careful))))
            return notice.notice(_("Rescheduled"), said)

        answer_submission(ack, call, notice.starting(), work)


def _register_links(app: App, ctx: ListenerContext) -> None:
    @app.action(access.CHOOSE, middleware=[acknowledge])
    def choose(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.LINK)
        view_id, asked = call.open(notice.loading()), call.value
        case, system = str(asked.get("case", "")), str(asked.get("system", ""))
        ctx.later.submit(fill, call, view_id, lambda: candidates(ctx, case, system))

    @app.view(link.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        choice, search, faults = link.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer_submission(ack, call, notice.loading(), lambda: _link(ctx, call, choice, search))


def candidates(ctx: ListenerContext, case: str, system: str, search: str = "") -> dict[str, Any]:
    """Return the form with the system's matching accounts."""
    found = ctx.services.linking.candidates(case, system, search)
    known = ctx.services.systems.get(system)
    return link.build(case, system, known.manifest.title if known else system, found, search)


def _link(ctx: ListenerContext, call: Call, choice: dict[str, str], search: str) -> dict[str, Any]:
    ctx.allow(call, Right.LINK)
    case, system = str(call.metadata.get("case", "")), str(call.metadata.get("system", ""))
    linking, by = ctx.services.linking, ctx.actor(call)
    if search:
        return candidates(ctx, case, system, search)
    if link.NONE in choice:
        linking.none(case, system, by)
        said = _("It is now on record that the leaver has no account there.")
    else:
        login = linking.link(case, system, by, account=choice.get("account", ""), login=choice.get("login", ""))
        said = _("{login} is linked. If the case has begun, it is being locked now.").format(login=mrkdwn(login))
    return notice.notice(_("Linked"), [section(said), section(_("The case message shows the result of a fresh read."))])


def _case(call: Call) -> str:
    case = str(call.value.get("case", ""))
    if not case:
        raise UserFacingError(_("This button is too old. `/offboard list` shows every case."))
    return case


def _zone(ctx: ListenerContext, view: CaseView) -> str:
    return known_zone(view.leaver.timezone, ctx.services.settings.company.timezone)
