"""Approval requests as people are shown them: decisions, open approvers, and deadlines."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session

from workflows.clients.approval_policy import ApprovalRole
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
    """Return the requests of a proposal, the manager's first."""
    delegates = delegations.active_delegates(context.vault, session, context.clock.now())
    decisions = [_decision(context, case, row) for row in requests.decisions(session, proposal_id)]
    return tuple(
        _view(request, data, [view for request_id, view in decisions if request_id == request.row.id], delegates)
        for request in requests.approval_requests(context.vault, session, case, proposal_id)
    )


def _view(
    request: UnsealedRequest, case_data: CaseData, decisions: Sequence[DecisionView], delegates: Mapping[str, Successor]
) -> RequestView:
    row, data = request.row, request.data
    return RequestView(
        row.id,
        ApprovalRole.RECEIVER if data.share else row.role,
        row.quorum,
        RequestState(row.result),
        data.approvers,
        tuple(decisions),
        next((one for one in case_data.successors if data.share and one.key == data.share), None),
        row.expires_at,
        row.reminded_at,
        row.escalated_at,
        row.settled_at,
        data.problem,
        {one.slack_id: delegates[one.slack_id] for one in data.approvers if one.slack_id in delegates},
    )


def _decision(context: ClientContext, case: Case, row: Decision) -> tuple[str, DecisionView]:
    data = requests.unseal_decision(context.vault, case, row)
    return row.request_id, DecisionView(data.person, data.principal, row.approve, row.decided_at, data.reason, row.void)
