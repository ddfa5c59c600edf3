"""Buttons and forms of the proposal: approve, decline, turn pages, get the file."""

import logging
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError, slack_error_code
from bot.slack.forms import notice, reasons
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import send_csv
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.messages import proposal, requests
from bot.slack.messages.blocks import Message, section
from bot.slack.notifier import REFUSED_BLOCKS
from bot.slack.pages import proposal_page
from bot.slack.people import decider_objection
from bot.text import _
from workflows.authorization import Right
from workflows.clients.views import ProposalView
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import ProposalState

log = logging.getLogger(__name__)


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""
    _register_buttons(app, ctx)
    _register_forms(app, ctx)


def _register_buttons(app: App, ctx: ListenerContext) -> None:
    @app.action(proposal.APPROVE, middleware=[acknowledge])
    def approve(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        live(ctx, call)
        proposal_id, digest = str(call.value.get("proposal", "")), str(call.value.get("digest", ""))
        ctx.services.decisions.decide(proposal_id, digest, ctx.actor(call), approve=True)
        redraw(ctx, call, ctx.services.proposals.view(proposal_id), body["channel"]["id"], body["message"]["ts"])

    @app.action(proposal.DECLINE, middleware=[acknowledge])
    def decline(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        asked = call.value
        still(ctx.services.proposals.view(str(asked.get("proposal", ""))), str(asked.get("digest", "")))
        call.open(
            reasons.decline(
                str(asked.get("proposal", "")),
                str(asked.get("digest", "")),
                body["channel"]["id"],
                body["message"]["ts"],
            )
        )

    for turn in ("previous", "next"):

        @app.action(f"{proposal.PAGE}:{turn}", middleware=[acknowledge])
        def page(body: dict[str, Any], client: WebClient) -> None:
            call = Call(body, client)
            view = party(ctx, call, str(call.value.get("proposal", "")))
            redraw(ctx, call, view, body["channel"]["id"], body["message"]["ts"], int(call.value.get("page", 0)))

    @app.action(proposal.CSV, middleware=[acknowledge])
    def file(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = whole(ctx, call, str(call.value.get("proposal", "")))
        send_csv(call, ctx.services.proposals.csv(view.id), f"handover-{view.case_id}-v{view.version}.csv")


def _register_forms(app: App, ctx: ListenerContext) -> None:
    @app.view(reasons.DECLINE)
    def declined(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer_submission(ack, call, notice.starting(), lambda: _decline(ctx, call, why))


def _decline(ctx: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    live(ctx, call)
    meta = call.metadata
    proposal_id, digest = str(meta.get("proposal", "")), str(meta.get("digest", ""))
    ctx.services.decisions.decide(proposal_id, digest, ctx.actor(call), approve=False, reason=why)
    settled = ctx.services.proposals.view(proposal_id)
    redraw(ctx, call, settled, str(meta.get("channel", "")), str(meta.get("ts", "")))
    return notice.notice(_("Declined"), [section(_("Nothing moves. HR gets your reason."))])


def live(ctx: ListenerContext, call: Call) -> None:
    """Check that the user is a full member of the workspace now. Raises `UserFacingError`."""
    person = ctx.people.find(call.user, fresh=True)
    why = decider_objection(person, call.team)
    if why:
        ctx.refuse(call, "decide a proposal")
        raise UserFacingError(why)


def still(view: ProposalView, digest: str) -> None:
    """Check that a proposal can still be decided, before a form opens. Raises `Refused`."""
    at = view.settled_at.isoformat() if view.settled_at else ""
    if view.state is ProposalState.SUPERSEDED or view.digest != digest:
        raise Refused(Code.STALE_PROPOSAL, by=view.settled_by, at=at)
    if view.state is not ProposalState.PENDING:
        raise Refused(Code.ALREADY_SETTLED, by=view.settled_by, at=at)


def party(ctx: ListenerContext, call: Call, proposal_id: str) -> ProposalView:
    """Return a proposal to people who are asked or may see cases. Raises `UserFacingError` for others."""
    view = ctx.services.proposals.view(proposal_id)
    asked = view.requests and any(one.asks(call.user) for one in view.requests)
    if call.user != view.approver.slack_id and not asked:
        ctx.allow(call, Right.SEE)
    return view


def whole(ctx: ListenerContext, call: Call, proposal_id: str) -> ProposalView:
    """Return a proposal to people who may see and change all of it. Raises `UserFacingError` for others.

    A successor who is asked only about their own share may not.
    """
    view = party(ctx, call, proposal_id)
    own = requests.of(view, call.user)
    if own and own.share:
        ctx.allow(call, Right.SEE)
    return view


def redraw(ctx: ListenerContext, call: Call, view: ProposalView, channel: str, ts: str, page: int = 0) -> None:
    """Update the user's message with the proposal. A decision stays valid if Slack refuses the update."""
    proposals = ctx.services.proposals
    try:
        _update(call, channel, ts, proposal_page(proposals, view.id, page, call.user))
    except SlackApiError as error:
        if slack_error_code(error) in REFUSED_BLOCKS:
            _update(call, channel, ts, proposal_page(proposals, view.id, page, call.user, chart=False))
        elif view.state is ProposalState.PENDING:
            raise
        else:  # the decision is stored, and the outbox updates the message later
            log.warning("the message of proposal %s was not redrawn at once: %s", view.id, slack_error_code(error))


def _update(call: Call, channel: str, ts: str, shown: Message) -> None:
    call.client.chat_update(channel=channel, ts=ts, text=shown.text, blocks=list(shown.blocks))
