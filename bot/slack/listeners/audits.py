"""Buttons of the audit's digest: lock again, take, accept until a day, get the whole list as a file."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.forms import acceptance, notice
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.listeners.submission import answer
from bot.slack.messages import audit
from bot.slack.messages.blocks import section
from bot.text import _, mrkdwn
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(audit.LOCK_AGAIN, middleware=[acknowledge])
    def lock_again(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.LOCK_AGAIN)
        case = ctx.services.audits.lock_again(str(call.value.get("finding", "")), ctx.actor(call))
        call.tell(
            _("The account is being locked again. The message of case {case} shows the result of a fresh read.").format(
                case=mrkdwn(case)
            )
        )

    @app.action(audit.TAKE, middleware=[acknowledge])
    def take(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.TAKE)
        line = ctx.services.audits.take(str(call.value.get("finding", "")), ctx.actor(call))
        call.tell(
            _("You have taken this finding: {name}, {kind}.").format(
                name=mrkdwn(line.leaver.name, 80), kind=audit.kind(line)
            )
        )

    @app.action(audit.ACCEPT, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.ACCEPT)
        _today, latest = _days(ctx)
        call.open(acceptance.build(str(call.value.get("finding", "")), latest))

    @app.view(acceptance.ACCEPT)
    def accept(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        accepted, faults = acceptance.parse(view, *_days(ctx))
        if accepted is None:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer(ack, call, notice.starting(), lambda: _accept(ctx, call, *accepted))

    @app.action(audit.CSV, middleware=[acknowledge])
    def file(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.AUDIT)
        run = str(call.value.get("run", ""))
        send_csv(call, ctx.services.audits.csv(run), f"{run}.csv")


def _days(ctx: ListenerContext) -> tuple[date, date]:
    """Return today in the company's zone, and the last day that policy allows for an acceptance."""
    settings = ctx.services.settings
    today = ctx.services.clock.now().astimezone(ZoneInfo(settings.company.timezone)).date()
    return today, today + timedelta(days=settings.policy.accept_days)


def _accept(ctx: ListenerContext, call: Call, until: date, why: str) -> dict[str, Any]:
    ctx.allow(call, Right.ACCEPT)
    finding = str(call.metadata.get("finding", ""))
    line = ctx.services.audits.accept(finding, until, why, ctx.actor(call))
    said = _("*{name}*, {kind}: accepted until the end of {day}. It comes back then.").format(
        name=mrkdwn(line.leaver.name, 80), kind=audit.kind(line), day=until.isoformat()
    )
    return notice.notice(_("Accepted"), [section(said)])
