"""Buttons of the case message, and their forms."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot import workdays
from bot.slack.forms import case as forms
from bot.slack.forms import fields, notice, reasons
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages import access, details, leave, moves
from bot.slack.messages.case import CANCEL
from bot.slack.messages.phrases import GOOD_VERDICTS, records
from bot.slack.messages.systems import RETRY
from bot.text import N_, _, moment, mrkdwn, ngettext
from bot.workdays import known_zone
from workflows.authorization import Right
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState, HoldReason

RESTORING = N_("Access is being given back. The case message shows what came back and what cannot.")


def register(on: Listeners) -> None:
    """Listen."""
    for part in (
        _register_case,
        _register_ends,
        _register_reschedule,
        _register_links,
        _register_moves,
        _register_putting_back,
    ):
        part(on, on.ctx)


def _register_case(on: Listeners, ctx: ListenerContext) -> None:
    offboarding = ctx.services.offboarding

    @on.button(RETRY, Right.RETRY)
    def retry(call: Call) -> None:
        system = call.fact("system")
        locked = any(
            one.system == system and one.verdict in GOOD_VERDICTS for one in offboarding.case(call.case).systems
        )
        offboarding.retry(call.case, system, ctx.actor(call))
        text = _("{system} is being tried again. The case message shows the result of a fresh read.")
        if locked:  # what is left to do there is about clients
            text = _("The clients in {system} are listed again. A new proposal then asks for approval.")
        call.tell(text.format(system=mrkdwn(system)))

    @on.button(details.DETAILS, Right.SEE)
    def show(call: Call) -> None:
        case = call.case
        on.load(call, lambda: notice.build(_("Details"), *details.blocks(offboarding.case(case))))

    @on.button(access.RELEASE)
    def release(call: Call) -> None:
        view = offboarding.case(call.case)
        ctx.allow(call, Right.RELEASE_IMMEDIATE if view.held == HoldReason.IMMEDIATE else Right.RELEASE)
        offboarding.release(view.id, ctx.actor(call))
        call.tell(_("The case is released and continues as planned."))

    @on.button(access.REJECT, Right.REJECT)
    def reject(call: Call) -> None:
        offboarding.reject(call.case, ctx.actor(call))
        call.tell(_("The case is rejected. Nothing was locked."))


def _register_ends(on: Listeners, ctx: ListenerContext) -> None:
    offboarding = ctx.services.offboarding

    @on.button(CANCEL, Right.CANCEL)
    def ask_cancel(call: Call) -> None:
        call.open(reasons.cancel(offboarding.case(call.case)))

    @on.form(reasons.CANCEL)
    def cancel(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        ctx.allow(call, Right.CANCEL)
        offboarding.cancel(call.case, ctx.actor(call), reason)
        said = _("The offboarding is cancelled. Nothing was locked.")
        if offboarding.case(call.case).leaver.is_group:
            said = _("The handover is cancelled. No record was moved.")
        return notice.build(_("Cancelled"), said)

    @on.button(access.UNDO, Right.UNDO)
    def ask_undo(call: Call) -> None:
        case = offboarding.case(call.case)
        if case.state is not CaseState.UNDONE:
            call.open(reasons.undo(case))
            return
        offboarding.undo(case.id, ctx.actor(call))  # only what is left to do is tried again
        call.tell(_(RESTORING))

    @on.form(reasons.UNDO)
    def undo(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        ctx.allow(call, Right.UNDO)
        offboarding.undo(call.case, ctx.actor(call), reason)
        return notice.build(_("Undone"), _(RESTORING))

    @on.button(access.CLOSE, Right.CLOSE)
    def ask_close(call: Call) -> None:
        call.open(reasons.rehired(offboarding.case(call.case)))

    @on.form(reasons.REHIRED)
    def close(call: Call, view: View) -> View:
        back = reasons.parse_rehired(view)
        ctx.allow(call, Right.CLOSE)
        if back:
            offboarding.undo(call.case, ctx.actor(call), _("Hired again"))
            return notice.build(_("Undone"), _(RESTORING))
        offboarding.close(call.case, ctx.actor(call))
        text = _("The case is closed and its checks have ended. Nothing was unlocked.")
        return notice.build(_("Closed"), text)


def _register_reschedule(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(access.RESCHEDULE, Right.RESCHEDULE)
    def ask(call: Call) -> None:
        view = ctx.services.offboarding.case(call.case)
        zone = _zone(ctx, view)
        call.open(forms.reschedule(view.id, view.effective_at, zone, workdays.of(ctx.services.settings, zone)))

    @on.form(forms.RESCHEDULE)
    def chosen(call: Call, view: View) -> View:
        case = ctx.services.offboarding.case(call.case)
        zone = _zone(ctx, case)
        days = workdays.of(ctx.services.settings, zone)
        at = forms.parse_reschedule(view, zone, days, ctx.services.clock.now())
        ctx.allow(call, Right.RESCHEDULE)
        ctx.services.offboarding.reschedule(case.id, at, ctx.actor(call))
        careful = workdays.last_day_warning(days, at.astimezone(ZoneInfo(zone)).date())
        warning = [_("⚠ Careful: {text}").format(text=mrkdwn(careful))] if careful else []
        return notice.build(_("Rescheduled"), _("New effective time: {when}.").format(when=moment(at)), *warning)


def _zone(ctx: ListenerContext, view: CaseView) -> str:
    return known_zone(view.leaver.timezone, ctx.services.settings.company.timezone)


def _register_links(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(access.CHOOSE, Right.LINK)
    def choose(call: Call) -> None:
        on.load(call, lambda: _candidates(ctx, call))

    @on.form(forms.LINK, notice.loading)
    def chosen(call: Call, view: View) -> View:
        choice, search = forms.parse_link(view, _latest(ctx))
        ctx.allow(call, Right.LINK)
        if search:
            return _candidates(ctx, call, search)
        case, system, by = call.case, call.fact("system"), ctx.actor(call)
        if forms.NONE in choice:
            last_day = date.fromisoformat(choice[forms.NONE])
            ctx.services.linking.none(case, system, by, choice["reason"], last_day)
            outcome = _("Until {day} it is on record that the leaver has no account there. Then an audit asks again.")
            outcome = outcome.format(day=last_day)
        elif reason := choice.get(forms.DENY):
            login = ctx.services.linking.deny(case, system, by, account=choice.get("account", ""), reason=reason)
            outcome = _("It is now on record that {login} is not the leaver's account.").format(login=mrkdwn(login))
        else:
            login = ctx.services.linking.link(
                case, system, by, account=choice.get("account", ""), login=choice.get("login", "")
            )
            outcome = _("{login} is linked. If the case has begun, it is being locked now.").format(login=mrkdwn(login))
        return notice.build(_("Linked"), outcome, _("The case message shows the result of a fresh read."))


def _candidates(ctx: ListenerContext, call: Call, search: str = "") -> View:
    """Return the form with the system's matching accounts."""
    case, system = call.case, call.fact("system")
    found = ctx.services.linking.candidates(case, system, search)
    known = ctx.services.systems.get(system)
    return forms.link(case, system, known.manifest.title if known else system, found, _latest(ctx), search)


def _latest(ctx: ListenerContext) -> date:
    """Return the last day for which the statement may count that there is no account."""
    settings = ctx.services.settings
    today = ctx.services.clock.now().astimezone(ZoneInfo(settings.company.timezone)).date()
    return today + timedelta(days=settings.policy.none_days)


def _register_moves(on: Listeners, ctx: ListenerContext) -> None:
    halts = ctx.services.halts

    @on.button(moves.PAUSE, Right.HALT)
    def pause(call: Call) -> None:
        halts.pause(call.case, ctx.actor(call))
        call.tell(_("Paused. Moves under way are finished. Nothing else moves until somebody resumes."))

    @on.button(moves.RESUME, Right.HALT)
    def resume(call: Call) -> None:
        halts.resume(call.case, ctx.actor(call))
        call.tell(_("The moves continue from where they were paused."))

    @on.button(moves.STOP, Right.HALT)
    def stop(call: Call) -> None:
        left = records(halts.stop(call.case, ctx.actor(call)))
        call.tell(_("Stopped: {left} not moved. The case message shows the moved records.").format(left=left))

    @on.button(leave.STAY, Right.PUT_BACK)
    def stay(call: Call) -> None:
        ctx.services.leaves.stay(call.case, ctx.actor(call))
        call.tell(_("The clients stay where they are."))


def _register_putting_back(on: Listeners, ctx: ListenerContext) -> None:
    put_backs = ctx.services.put_backs

    @on.button(moves.PUT_BACK, Right.PUT_BACK)
    def ask(call: Call) -> None:
        case = call.case
        on.load(call, lambda: forms.put_back(put_backs.plan(case)))

    @on.button(moves.KEEP_THERE, Right.PUT_BACK)
    def keep_there(call: Call) -> None:
        left = put_backs.cancel(call.case, ctx.actor(call))
        call.tell(moves.called_off(ctx.services.offboarding.case(call.case), left))

    @on.form(forms.PUT_BACK, notice.loading)
    def put_back(call: Call, view: View) -> View:
        """Put back the clients that the form showed. If the search text was changed, show the new selection first."""
        ctx.allow(call, Right.PUT_BACK)
        case, search, waiting = call.case, fields.typed(view, forms.SEARCH), int(call.facts.get("waiting", 0))
        if search != call.fact("search"):
            return forms.put_back(put_backs.plan(case, search))
        asked = put_backs.begin(case, ctx.actor(call), search)
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
        return notice.build(_("Put back"), text.format(count=asked, waiting=waiting))
