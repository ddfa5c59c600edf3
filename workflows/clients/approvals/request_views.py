"""Requests for approval as people are shown them: who has decided, who is awaited, and until when."""

from sqlmodel import Session

from workflows.clients.approval_policy import RECEIVER
from workflows.clients.approvals import delegations, requests
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.clients.views import DecisionView, RequestView
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Decision, RequestState


def requests_of(
    context: ClientContext, session: Session, case: Case, data: CaseData, proposal_id: str
) -> tuple[RequestView, ...]:
    """Return the requests of a proposal, the approver's first."""
    away = delegations.standing_in(context.vault, session, context.clock.now())
    rows = requests.decisions(session, proposal_id)
    return tuple(
        _view(context, case, data, approval_request, rows, away)
        for approval_request in requests.approval_requests(context.vault, session, case, data, proposal_id)
    )


def _view(
    context: ClientContext,
    case: Case,
    data: CaseData,
    approval_request: UnsealedRequest,
    rows: list[Decision],
    away: dict[str, Successor],
) -> RequestView:
    row, asked = approval_request.row, approval_request.asked
    words = tuple(_word(context, case, one) for one in rows if one.request_id == row.id)
    share = next((one for one in data.successors if asked.share and one.key == asked.share), None)
    return RequestView(
        row.id,
        RECEIVER if row.role.startswith(RECEIVER) else row.role,
        row.quorum,
        RequestState(row.result),
        asked.approvers,
        words,
        share,
        row.expires_at,
        row.reminded_at,
        row.escalated_at,
        row.settled_at,
        asked.problem,
        {one.slack_id: away[one.slack_id] for one in asked.approvers if one.slack_id in away},
    )


def _word(context: ClientContext, case: Case, row: Decision) -> DecisionView:
    word = requests.unseal_decision(context.vault, case, row)
    nobody = Successor(row.decided_by, row.decided_by, "")
    return DecisionView(
        word.person if word else nobody,
        word.principal if word else nobody,
        row.approve,
        row.decided_at,
        word.reason if word else "",
        row.void,
    )
