"""The `/offboard` command: acknowledge, parse, call one service, show the result."""

from datetime import date
from typing import Any

from slack_bolt import Ack, App, BoltContext
from slack_sdk import WebClient

from bot import workdays
from bot.slack.forms import choose, notice, offboard
from bot.slack.forms.fields import FIELD, picked
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.command import COMMAND, ParsedCommand, Verb, parse
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.error_handler import explain
from bot.slack.listeners.opening import submit
from bot.slack.listeners.plan import plan_of
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import case as case_message
from bot.slack.messages import guide
from bot.slack.messages.audit import build as build_audit
from bot.text import _, mrkdwn
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.command(COMMAND, middleware=[acknowledge])
    def command(body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
        answer(ctx, Call(body, client), parse(body.get("text") or ""), context)

    @app.action(guide.CHOOSE, middleware=[acknowledge])
    def choose_person(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.OPEN)
        call.open(choose.build())

    @app.view(choose.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        person, faults = choose.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)

        def work() -> dict[str, Any]:
            ctx.allow(call, Right.OPEN)
            return plan_of(ctx, call, person)

        answer_submission(ack, call, notice.loading(), work)

    @app.action({"block_id": offboard.DAY, "action_id": FIELD}, middleware=[acknowledge])
    def day(body: dict[str, Any], client: WebClient) -> None:
        view = body.get("view") or {}
        if view.get("callback_id") == offboard.CALLBACK:
            warn_of_day(ctx, Call(body, client), view)

    @app.view(offboard.CALLBACK)
    def submitted(
        ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext, view: dict[str, Any]
    ) -> None:
        submit(ctx, Call(body, client), ack, view, context.bot_user_id or "")


def warn_of_day(ctx: ListenerContext, call: Call, view: dict[str, Any]) -> None:
    """Show or remove the warning that the chosen day is no working day."""
    try:
        chosen = date.fromisoformat(picked(view, offboard.DAY))
        text = workdays.last_day_warning(workdays.of(ctx.services.settings.company), chosen)
    except ValueError:
        text = ""
    shown = any(block.get("block_id") == offboard.CAREFUL for block in view["blocks"])
    if text or shown:
        said = _("⚠ Careful: {text}").format(text=mrkdwn(text)) if text else ""
        call.show(str(view["id"]), offboard.warned(view, said))


def answer(ctx: ListenerContext, call: Call, asked: ParsedCommand, context: BoltContext) -> None:
    """Do what the command asks."""
    match asked.verb:
        case Verb.HELP:
            call.tell(_("What you can type"), guide.guide())
        case Verb.UNKNOWN:
            call.tell(_("Unknown command"), guide.unknown(asked.words))
        case Verb.NAME:
            call.tell(_("Names are not unique"), guide.bare_name(asked.words))
        case Verb.CHOOSE:
            ctx.allow(call, Right.OPEN, fresh=False)
            call.open(choose.build())
        case Verb.START:
            ctx.allow(call, Right.OPEN, fresh=False)
            start(ctx, call, asked, context)
        case Verb.STATUS | Verb.LIST:
            ctx.allow(call, Right.SEE, fresh=False)
            tell_status(ctx, call, asked)
        case Verb.AUDIT:
            ctx.allow(call, Right.AUDIT)
            call.tell(_("Checking every past leaver in every system. The result follows here."))
            ctx.later.submit(audit_now, ctx, call)


def start(ctx: ListenerContext, call: Call, asked: ParsedCommand, context: BoltContext) -> None:
    """Open the loading modal at once, then show the plan in the modal."""
    view_id = call.open(notice.loading())
    context["view_id"] = view_id
    ctx.later.submit(fill, call, view_id, lambda: plan_asked(ctx, call, asked))


def plan_asked(ctx: ListenerContext, call: Call, asked: ParsedCommand) -> dict[str, Any]:
    """Return the form for the person that the command names, by mention or by exact address."""
    if asked.user:
        return plan_of(ctx, call, asked.user)
    found = ctx.people.by_email(asked.email)
    if found is None:
        unknown = _("Slack has nobody with the address {email}. Choose the person:")
        return choose.build(unknown.format(email=mrkdwn(asked.email)))
    return plan_of(ctx, call, found.id)


def audit_now(ctx: ListenerContext, call: Call) -> None:
    """Run an audit now, and send the result to the user."""
    try:
        shown = build_audit(ctx.services.audits.run_now(ctx.actor(call)))
        call.tell(shown.text, list(shown.blocks))
    except Exception as error:  # noqa: BLE001 - in a pool thread nothing else reports the error
        call.tell(explain(error))


def tell_status(ctx: ListenerContext, call: Call, asked: ParsedCommand) -> None:
    """Answer `status` and `list`."""
    offboarding = ctx.services.offboarding
    who = asked.user or asked.email
    if not who:
        only = True if asked.verb is Verb.STATUS else None
        views = offboarding.briefs(guide.MOST, only)
        call.tell(_("Cases"), guide.cases(views, offboarding.count(only)))
        return
    view = offboarding.find_case(who)
    if view is None:
        call.tell(_("There is no case for this person. `/offboard @person` shows what one would do."))
        return
    shown = case_message.build(view, ctx.services.clock.now())
    call.tell(shown.text, list(shown.blocks))
