"""Earlier leavers: the list behind the button in Home, and one handover for several of them."""

import re
from collections import defaultdict
from collections.abc import Sequence

from bot.errors import UserFacingError
from bot.slack.forms import clients, fields, notice
from bot.slack.forms import earlier as forms
from bot.slack.forms.proposal import just_typed
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.channels import ChannelChoice, choose_channel
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.listeners.opening import CHECK_SECONDS, objections
from bot.slack.messages import earlier
from bot.slack.people import Profile
from bot.text import _, mrkdwn, ngettext
from connectors.contract import AccountId
from workflows.authorization import Right
from workflows.cases.earlier_handover import EarlierRequest
from workflows.watch.earlier_leavers import OwnerLine, Standing, csv


def register(on: Listeners) -> None:
    """Listen."""
    _register_list(on, on.ctx)
    _register_handover(on, on.ctx)


def _register_list(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(earlier.LIST, Right.SEE)
    def opened(call: Call) -> None:
        on.load(call, lambda: _page(ctx, call, ""), notice.loading())

    @on.button({"block_id": forms.SEARCH, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        ctx.allow(call, Right.SEE)
        call.show(str(call.body["view"]["id"]), _page(ctx, call, just_typed(call.body)))

    @on.button(re.compile(f"^{forms.TURN}:"), Right.SEE)
    def turn(call: Call) -> None:
        page = _page(ctx, call, call.fact("search"), int(call.facts.get("page", 0)))
        call.show(str(call.body["view"]["id"]), page)

    @on.button(forms.CSV, Right.SEE)
    def file(call: Call) -> None:
        send_csv(call, csv(ctx.services.earlier.recent(ctx.actor(call))), "earlier-leavers.csv")

    @on.form(forms.LIST, notice.loading)
    def submitted(call: Call, view: View) -> View:
        ctx.allow(call, Right.SEE)
        return _page(ctx, call, fields.typed(view, forms.SEARCH))


def _page(ctx: ListenerContext, call: Call, search: str, page: int = 0) -> View:
    found = ctx.services.earlier.recent(ctx.actor(call))
    return forms.browse(found, search, page, may_open=ctx.authorizer.may(call.user, Right.OPEN))


def _offered(ctx: ListenerContext, call: Call) -> Sequence[OwnerLine]:
    """Return the owners of the list that are offered and match its search."""
    found = ctx.services.earlier.recent(ctx.actor(call))
    return [one for one in found.matching(call.fact("search")) if one.standing is Standing.OFFERED]


def _register_handover(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(forms.ASK, Right.OPEN)
    def ask(call: Call) -> None:
        owners = _offered(ctx, call)
        if not owners:
            raise UserFacingError(_("There is no earlier leaver to hand over."))
        call.open(forms.hand_over(ctx.services.settings.clients, owners, call.fact("search")), above=True)

    @on.form(forms.HAND_OVER, notice.starting)
    def submitted(call: Call, view: View) -> View:
        return _hand_over(ctx, call, view)


def _hand_over(ctx: ListenerContext, call: Call, view: View) -> View:
    """Open the handover, and return the view with the outcome. Raises `InvalidForm`."""
    asked = filter(None, [fields.picked(view, clients.APPROVER), *fields.picked_all(view, clients.SUCCESSORS)])
    people = ctx.people.find_all(asked, CHECK_SECONDS)
    wish = clients.parse(view, "", objections(ctx, view, "", people))
    ctx.allow(call, Right.OPEN)
    known = {user: one.successor() for user, one in people.items() if isinstance(one, Profile)}
    only = set(fields.picked_all(view, forms.OWNERS))
    chosen: dict[str, list[AccountId]] = defaultdict(list)
    for one in _offered(ctx, call):
        if not only or one.key in only:
            chosen[one.system].append(one.account)
    channel = ctx.services.settings.slack.case_channel
    place = choose_channel(call.client, channel, ctx.people, leaver=None, asker=call.user, bot=call.bot)
    request = EarlierRequest(
        chosen,
        known[wish.approver],
        tuple(known[user] for user in wish.successors),
        wish.strategy,
        ctx.actor(call),
        place.channel,
        wish.note,
        str(call.body["view"].get("root_view_id") or call.body["view"]["id"]) + str(sorted(only)),
    )
    case_id = ctx.services.earlier_handovers.open(request)
    ctx.services.earlier.forget()
    return _opened(ctx, case_id, place)


def _opened(ctx: ListenerContext, case_id: str, place: ChannelChoice) -> View:
    case = ctx.services.offboarding.case(case_id)
    text = ngettext(
        "✓ The records of {count} owner are being listed. {approver} is then asked to approve.",
        "✓ The records of {count} owners are being listed. {approver} is then asked to approve.",
        case.leaver.earlier,
    )
    said = text.format(count=case.leaver.earlier, approver=mrkdwn(case.approver.name, 60))
    where = _("The case message comes to you in a direct message, because {why}.").format(why=place.why)
    closing = _("Case {id}. You may close this.").format(id=mrkdwn(case_id))
    return notice.outcome(notice.build(_("Case opened"), said, *([where] if place.why else []), closing))
