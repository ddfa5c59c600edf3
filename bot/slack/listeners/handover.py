"""Buttons and forms of the proposal: approve, decline, ask somebody else, turn pages, get the file."""

import logging
import re

from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError, slack_error_code
from bot.slack.delivery_faults import REFUSED_BLOCKS
from bot.slack.forms import fields, notice, people
from bot.slack.forms import proposal as forms
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.messages import proposal, requests
from bot.slack.messages.blocks import pack
from bot.slack.pages import proposal_page
from bot.slack.people import decider_objection
from bot.text import _, language
from workflows.authorization import Right
from workflows.clients.views import ProposalView
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import ProposalState

log = logging.getLogger(__name__)


def register(on: Listeners) -> None:
    """Listen."""
    _register_decisions(on, on.ctx)
    _register_reading(on, on.ctx)
    _register_appointment(on, on.ctx)


def _register_decisions(on: Listeners, ctx: ListenerContext) -> None:
    services = ctx.services

    @on.button(proposal.APPROVE)
    def approve(call: Call) -> None:
        check_decider(ctx, call)
        proposal_id = call.fact("proposal")
        services.decisions.decide(proposal_id, call.fact("digest"), ctx.actor(call), approve=True)
        redraw(ctx, call, services.proposals.view(proposal_id))

    @on.button(proposal.DECLINE)
    def decline(call: Call) -> None:
        call.open(forms.decline(bind(call, services.proposals.view(call.fact("proposal")))))

    @on.form(forms.DECLINE)
    def declined(call: Call, view: View) -> View:
        reason, proposal_id = fields.parse_reason(view), call.fact("proposal")
        check_decider(ctx, call)
        services.decisions.decide(proposal_id, call.fact("digest"), ctx.actor(call), approve=False, reason=reason)
        redraw(ctx, call, services.proposals.view(proposal_id))
        return notice.build(_("Declined"), _("Nothing moves. HR gets your reason."))


def _register_reading(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(re.compile(f"^{proposal.PAGE}:"))
    def page(call: Call) -> None:
        redraw(ctx, call, find_seen(ctx, call), int(call.facts.get("page", 0)))

    @on.button(proposal.CSV)
    def file(call: Call) -> None:
        view = find_whole(ctx, call)
        send_csv(call, ctx.services.proposals.csv(view.id), f"handover-{view.case_id}-v{view.version}.csv")


def _register_appointment(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(re.compile(f"^{requests.ASK}:"), Right.OPEN)
    def ask(call: Call) -> None:
        call.open(people.appoint(call.fact("proposal"), call.fact("role")))

    @on.form(people.APPOINT)
    def named(call: Call, view: View) -> View:
        who = people.parse_appoint(view)
        ctx.allow(call, Right.OPEN)
        ctx.services.appointments.appoint(call.fact("proposal"), who, ctx.actor(call), call.fact("role"))
        return notice.build(_("Asked"), _("They get the proposal in a direct message now."))


def check_decider(ctx: ListenerContext, call: Call) -> None:
    """Check that the user is a full member of the workspace now. Raises `UserFacingError`."""
    if why := decider_objection(ctx.people.find(call.user, fresh=True)):
        ctx.refuse(call, "decide a proposal")
        raise UserFacingError(why)


def bind(call: Call, view: ProposalView) -> str:
    """Return the metadata of a form about the clicked message's proposal. Raises `Refused` if it cannot be decided."""
    at, digest = view.settled_at.isoformat() if view.settled_at else "", call.fact("digest")
    if view.state is ProposalState.SUPERSEDED or view.digest != digest:
        raise Refused(Code.STALE_PROPOSAL, by=view.settled_by, at=at)
    if view.state is not ProposalState.PENDING:
        raise Refused(Code.ALREADY_SETTLED, by=view.settled_by, at=at)
    channel, ts = call.message
    return pack(proposal=view.id, digest=digest, channel=channel, ts=ts)


def find_seen(ctx: ListenerContext, call: Call) -> ProposalView:
    """Return the proposal to people who are asked or may see cases. Raises `UserFacingError` for others."""
    view = ctx.services.proposals.view(call.fact("proposal"))
    asked = call.user == view.approver.slack_id or any(request.asks(call.user) for request in view.requests)
    if not asked:
        ctx.allow(call, Right.SEE)
    elif (why := decider_objection(ctx.people.find(call.user))) or not ctx.authorizer.stands(call.user):
        ctx.refuse(call, "read a proposal")
        raise UserFacingError(why or _("A case has locked you out."))
    return view


def find_whole(ctx: ListenerContext, call: Call) -> ProposalView:
    """Return the proposal to people who may see and change all of it. Raises `UserFacingError` for others.

    A successor who is asked only about their own share may not.
    """
    view = find_seen(ctx, call)
    own = requests.of(view, call.user)
    if own and own.share:
        ctx.allow(call, Right.SEE)
    return view


def redraw(ctx: ListenerContext, call: Call, view: ProposalView, page: int = 0) -> None:
    """Update the user's message with the proposal. A decision stays valid if Slack refuses the update."""
    try:
        _update(ctx, call, view, page, chart=True)
    except SlackApiError as error:
        if slack_error_code(error) in REFUSED_BLOCKS:
            _update(ctx, call, view, page, chart=False)
        elif view.state is ProposalState.PENDING:
            raise
        else:  # the decision is stored, and the outbox updates the message later
            log.warning("the message of proposal %s was not redrawn at once: %s", view.id, slack_error_code(error))


def _update(ctx: ListenerContext, call: Call, view: ProposalView, page: int, *, chart: bool) -> None:
    channel, ts = call.message
    with language(ctx.languages.at(channel, call.user)):
        duties = ctx.services.duty_decisions.view
        shown = proposal_page(ctx.services.proposals, view.id, page, call.user, chart=chart, duties=duties)
    call.client.chat_update(channel=channel, ts=ts, text=shown.text, blocks=list(shown.blocks))
