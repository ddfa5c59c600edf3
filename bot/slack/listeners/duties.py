"""Deciding on a leaver's duties: the form, its pages and its search, and the file."""

import re

from bot.slack.forms import duties as forms
from bot.slack.forms import fields, notice
from bot.slack.forms.duties import Chosen
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.messages import duties
from bot.text import _, ngettext
from workflows.access.duty_decisions import DutyOrder
from workflows.storage.rows.duties import DutyChoice


def register(on: Listeners) -> None:
    """Listen."""
    _register_reading(on, on.ctx)
    _register_decisions(on, on.ctx)


def _register_reading(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(duties.DECIDE)
    def opened(call: Call) -> None:
        case_id = call.case
        on.load(call, lambda: _page(ctx, call, case_id))

    @on.button({"block_id": forms.SEARCH, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        texts = (action.get("value") for action in call.body["actions"] if action.get("action_id") == fields.FIELD)
        call.show(str(call.body["view"]["id"]), _page(ctx, call, call.case, str(next(texts, "") or "").strip()))

    @on.button(re.compile(f"^{forms.TURN}:"))
    def turned(call: Call) -> None:
        page = _page(ctx, call, call.case, call.fact("search"), int(call.facts.get("page", 0)))
        call.show(str(call.body["view"]["id"]), page)

    @on.button(duties.CSV)
    def file(call: Call) -> None:
        ctx.services.duty_decisions.require(call.case, ctx.actor(call))
        send_csv(call, duties.csv(ctx.services.duty_decisions.view(call.case)), f"duties-{call.case}.csv")


def _register_decisions(on: Listeners, ctx: ListenerContext) -> None:
    @on.form(forms.CALLBACK, notice.loading)
    def submitted(call: Call, view: View) -> View:
        chosen, case_id, search = forms.parse(view), call.case, fields.typed(view, forms.SEARCH)
        service = ctx.services.duty_decisions
        orders = [order for one in chosen if (order := _order(ctx, case_id, one))]
        if not orders:
            return _page(ctx, call, case_id, search)
        service.decide(case_id, orders, ctx.actor(call))
        text = ngettext("{count} decision is on record.", "{count} decisions are on record.", len(orders))
        said = text.format(count=len(orders))
        return forms.build(case_id, service.view(case_id), search, int(call.facts.get("page", 0)), said)


def _order(ctx: ListenerContext, case_id: str, one: Chosen) -> DutyOrder | None:
    """Return what was chosen, with the colleague's address; None for a decision that is as it was shown.

    Raises `InvalidForm` for a duty that is to be given, and to nobody.
    """
    if one.choice == one.before and not one.colleague:
        return None
    address = ""
    if one.choice is DutyChoice.GIVE:
        fields.refuse({} if one.colleague else {forms.colleague_field(one.key, one.seen): _("Choose who gets it.")})
        address = ctx.people.find(one.colleague, fresh=True).email
    items = ctx.services.duty_decisions.view(case_id).items
    found = next((item.id for item in items if item.id.endswith(f":{one.key}")), one.key)
    return DutyOrder(found, one.choice, address, one.seen)


def _page(ctx: ListenerContext, call: Call, case_id: str, search: str = "", page: int = 0) -> View:
    ctx.services.duty_decisions.require(case_id, ctx.actor(call))
    return forms.build(case_id, ctx.services.duty_decisions.view(case_id), search, page)
