"""Clients after a handover: a successor marks theirs, a manager looks at those without a known contact."""

import re

from bot.errors import UserFacingError
from bot.slack.forms import fields, notice
from bot.slack.forms import stayed as forms
from bot.slack.forms.proposal import just_typed
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.messages import note, stayed
from bot.slack.people import decider_objection
from bot.text import _
from workflows.authorization import Right
from workflows.storage.rows.clients import ClientWord


def register(on: Listeners) -> None:
    """Listen."""
    _register_marking(on, on.ctx)
    _register_reading(on, on.ctx)


def _register_marking(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(note.MARK)
    def opened(call: Call) -> None:
        _check_successor(ctx, call)
        on.load(call, lambda: _own(ctx, call), notice.build(_("Clients"), _("Reading the clients …")))

    @on.button(re.compile(f"^{forms.ANSWER}:"))
    def answered(call: Call) -> None:
        case_id = call.fact("note").rpartition(":")[0]
        word = ClientWord(call.fact("word"))
        ctx.services.answers.give(case_id, call.fact("system"), call.fact("client"), word, ctx.actor(call))
        view = _own(ctx, call, call.fact("search"), int(call.facts.get("page", 0)))
        call.show(str(call.body["view"]["id"]), view)

    @on.button({"block_id": forms.SEARCH_OWN, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        _check_successor(ctx, call)
        call.show(str(call.body["view"]["id"]), _own(ctx, call, just_typed(call.body)))

    @on.button(re.compile(f"^{forms.TURN_OWN}:"))
    def turn(call: Call) -> None:
        _check_successor(ctx, call)
        page = int(call.facts.get("page", 0))
        call.show(str(call.body["view"]["id"]), _own(ctx, call, call.fact("search"), page))

    @on.form(forms.OWN, notice.loading)
    def submitted(call: Call, view: View) -> View:
        _check_successor(ctx, call)
        return _own(ctx, call, fields.typed(view, forms.SEARCH_OWN))


def _register_reading(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(stayed.SHOW)
    def opened(call: Call) -> None:
        _check_reader(ctx, call)
        on.load(call, lambda: _silent(ctx, call), notice.build(_("Clients"), _("Reading the clients …")))

    @on.button({"block_id": forms.SEARCH_SILENT, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        _check_reader(ctx, call)
        call.show(str(call.body["view"]["id"]), _silent(ctx, call, just_typed(call.body)))

    @on.button(re.compile(f"^{forms.TURN_SILENT}:"))
    def turn(call: Call) -> None:
        _check_reader(ctx, call)
        page = int(call.facts.get("page", 0))
        call.show(str(call.body["view"]["id"]), _silent(ctx, call, call.fact("search"), page))

    @on.form(forms.SILENT, notice.loading)
    def submitted(call: Call, view: View) -> View:
        _check_reader(ctx, call)
        return _silent(ctx, call, fields.typed(view, forms.SEARCH_SILENT))

    @on.button(stayed.CSV)
    def file(call: Call) -> None:
        _check_reader(ctx, call)
        check = call.fact("check")
        send_csv(call, ctx.services.stay_checks.csv(check), f"clients-{check.replace(':', '-day-')}.csv")


def _own(ctx: ListenerContext, call: Call, search: str = "", page: int = 0) -> View:
    note_id = call.fact("note")
    found, total = ctx.services.answers.of_note(note_id, page * forms.PER_PAGE, forms.PER_PAGE, search)
    return forms.mark(note_id, found, total, search, page)


def _silent(ctx: ListenerContext, call: Call, search: str = "", page: int = 0) -> View:
    check = call.fact("check")
    found, total = ctx.services.stay_checks.page(check, page * forms.SHOWN, forms.SHOWN, search)
    return forms.silent(check, found, total, search, page)


def _check_successor(ctx: ListenerContext, call: Call) -> None:
    """Check that the user may see these clients: their own, a principal's, or by a role. Raises `UserFacingError`."""
    if not ctx.services.answers.may_mark(call.fact("note"), call.user):
        ctx.allow(call, Right.ANSWER)
    _check_standing(ctx, call)


def _check_reader(ctx: ListenerContext, call: Call) -> None:
    """Check that the user got the report, or may see cases. Raises `UserFacingError`."""
    if not ctx.services.stay_checks.may_read(call.fact("check"), call.user):
        ctx.allow(call, Right.SEE)
    _check_standing(ctx, call)


def _check_standing(ctx: ListenerContext, call: Call) -> None:
    if (why := decider_objection(ctx.people.find(call.user))) or not ctx.authorizer.stands(call.user):
        ctx.refuse(call, "read clients")
        raise UserFacingError(why or _("A case has locked you out."))
