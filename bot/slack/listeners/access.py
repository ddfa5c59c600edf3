"""Buttons and forms about access: Undo, Reschedule, Hired Again, Choose Account, Release and Reject."""

from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot import workdays
from bot.errors import UserFacingError
from bot.slack.authorize import Right
from bot.slack.forms import link, notice, reschedule
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import access
from bot.slack.messages.blocks import section
from bot.text import _, moment, mrkdwn
from bot.workdays import known_zone
from workflows.cases.views import CaseView
from workflows.storage.rows.case import HoldReason


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""
    _register_endings(app, desk)
    _register_holds(app, desk)
    _register_reschedule(app, desk)
    _register_links(app, desk)


def _register_endings(app: App, desk: ListenerContext) -> None:
    @app.action(access.UNDO, middleware=[acknowledge])
    def undo(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.UNDO)
        desk.services.offboarding.undo(_case(call), desk.actor(call))
        call.tell(_("Access is given back now; the case message shows what came back and what cannot."))

    @app.action(access.CLOSE, middleware=[acknowledge])
    def close(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.CLOSE)
        desk.services.offboarding.close(_case(call), desk.actor(call))
        call.tell(_("The case is closed: nobody is checked for it any more. Nothing was unlocked."))


def _register_holds(app: App, desk: ListenerContext) -> None:
    @app.action(access.RELEASE, middleware=[acknowledge])
    def release(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = desk.services.offboarding.case(_case(call))
        desk.allow(call, Right.RELEASE_IMMEDIATE if view.held == HoldReason.IMMEDIATE else Right.RELEASE)
        desk.services.offboarding.release(view.id, desk.actor(call))
        call.tell(_("The case is released and goes on as planned."))

    @app.action(access.REJECT, middleware=[acknowledge])
    def reject(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.REJECT)
        desk.services.offboarding.reject(_case(call), desk.actor(call))
        call.tell(_("The case is rejected. Nothing was locked."))


def _register_reschedule(app: App, desk: ListenerContext) -> None:
    @app.action(access.RESCHEDULE, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.RESCHEDULE)
        view = desk.services.offboarding.case(_case(call))
        call.open(reschedule.build(view.id, view.effective_at, _zone(desk, view)))

    @app.view(reschedule.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call = Call(body, client)
        case = desk.services.offboarding.case(str(call.metadata.get("case", "")))
        days = workdays.of(desk.services.settings.company)
        zone = _zone(desk, case)
        at, faults = reschedule.parse(view, zone, days, desk.services.clock.now())
        if at is None:
            ack(response_action="errors", errors=faults)
            return

        def work() -> dict[str, Any]:
            desk.allow(call, Right.RESCHEDULE)
            desk.services.offboarding.reschedule(case.id, at, desk.actor(call))
            said = [section(_("It takes effect {when} now.").format(when=moment(at)))]
            if careful := workdays.last_day_warning(days, at.astimezone(ZoneInfo(zone)).date()):
                said.append(section(_("⚠ Careful: {text}").format(text=mrkdwn(careful))))
            return notice.notice(_("Rescheduled"), said)

        answer_submission(ack, call, notice.starting(), work)


def _register_links(app: App, desk: ListenerContext) -> None:
    @app.action(access.CHOOSE, middleware=[acknowledge])
    def choose(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.LINK)
        view_id, asked = call.open(notice.loading()), call.value
        case, system = str(asked.get("case", "")), str(asked.get("system", ""))
        desk.later.submit(fill, call, view_id, lambda: candidates(desk, case, system))

    @app.view(link.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        wish, search, faults = link.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer_submission(ack, call, notice.loading(), lambda: _link(desk, call, wish, search))


def candidates(desk: ListenerContext, case: str, system: str, search: str = "") -> dict[str, Any]:
    """Return the form with what the system shows."""
    found = desk.services.linking.candidates(case, system, search)
    known = desk.services.systems.get(system)
    return link.build(case, system, known.manifest.title if known else system, found, search)


def _link(desk: ListenerContext, call: Call, wish: dict[str, str], search: str) -> dict[str, Any]:
    desk.allow(call, Right.LINK)
    case, system = str(call.metadata.get("case", "")), str(call.metadata.get("system", ""))
    linking, by = desk.services.linking, desk.actor(call)
    if search:
        return candidates(desk, case, system, search)
    if link.NONE in wish:
        linking.none(case, system, by)
        said = _("It is on record that they have no account there.")
    else:
        login = linking.link(case, system, by, account=wish.get("account", ""), login=wish.get("login", ""))
        said = _("{login} is linked. Where the case has begun, it is locked now.").format(login=mrkdwn(login))
    return notice.notice(_("Linked"), [section(said), section(_("The case message shows what a fresh read says."))])


def _case(call: Call) -> str:
    case = str(call.value.get("case", ""))
    if not case:
        raise UserFacingError(_("This button is too old. `/offboard list` shows every case."))
    return case


def _zone(desk: ListenerContext, view: CaseView) -> str:
    return known_zone(view.leaver.timezone, desk.services.settings.company.timezone)
