"""Buttons for security: findings of the audit's digest, and the name behind a pseudonym."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot.slack.forms import fields, notice, reasons
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.messages import audit, exports
from bot.text import _, mrkdwn
from workflows.authorization import Right


def register(on: Listeners) -> None:
    """Listen."""
    _register_findings(on, on.ctx)
    _register_exports(on, on.ctx)


def _register_findings(on: Listeners, ctx: ListenerContext) -> None:
    audits = ctx.services.audits

    @on.button(audit.LOCK_AGAIN, Right.LOCK_AGAIN)
    def lock_again(call: Call) -> None:
        case = audits.lock_again(call.fact("finding"), ctx.actor(call))
        call.tell(
            _("The account is being locked again. The message of case {case} shows the result of a fresh read.").format(
                case=mrkdwn(case)
            )
        )

    @on.button(audit.TAKE, Right.TAKE)
    def take(call: Call) -> None:
        line = audits.take(call.fact("finding"), ctx.actor(call))
        name = mrkdwn(line.leaver.name, 80)
        call.tell(_("You have taken this finding: {name}, {kind}.").format(name=name, kind=audit.kind(line)))

    @on.button(audit.ACCEPT, Right.ACCEPT)
    def ask(call: Call) -> None:
        call.open(reasons.accept(call.fact("finding"), _days(ctx)[1]))

    @on.form(reasons.ACCEPT)
    def accept(call: Call, view: View) -> View:
        until, reason = reasons.parse_accept(view, *_days(ctx))
        ctx.allow(call, Right.ACCEPT)
        line = audits.accept(call.fact("finding"), until, reason, ctx.actor(call))
        text = _("*{name}*, {kind}: accepted until the end of {day}. It comes back then.").format(
            name=mrkdwn(line.leaver.name, 80), kind=audit.kind(line), day=until
        )
        return notice.build(_("Accepted"), text)

    @on.button(audit.CSV, Right.AUDIT)
    def file(call: Call) -> None:
        run = call.fact("run")
        send_csv(call, audits.csv(run), f"{run}.csv")


def _days(ctx: ListenerContext) -> tuple[date, date]:
    """Return today in the company's zone, and the last day that policy allows for an acceptance."""
    settings = ctx.services.settings
    today = ctx.services.clock.now().astimezone(ZoneInfo(settings.company.timezone)).date()
    return today, today + timedelta(days=settings.policy.accept_days)


def _register_exports(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(exports.REVEAL, Right.REVEAL)
    def ask(call: Call) -> None:
        call.open(reasons.reveal(call.fact("snapshot")))

    @on.form(reasons.REVEAL)
    def reveal(call: Call, view: View) -> View:
        """Reveal the name, with a reason that goes on record."""
        reason = fields.parse_reason(view)
        ctx.allow(call, Right.REVEAL)
        opened = ctx.services.exports.reveal(call.fact("snapshot"), ctx.actor(call), reason)
        name = opened.leaver.name if opened.leaver else _("no name")
        return notice.build(
            _("Name revealed"),
            _("{pseudonym} is *{name}*.").format(pseudonym=mrkdwn(opened.pseudonym), name=mrkdwn(name)),
            _("Only you see this. Your look at the name and your reason are on record."),
        )
