"""Requests for approval as people are shown them: who has decided, who is awaited, and until when."""

from sqlmodel import Session

from workflows.clients.approval_policy import RECEIVER
from workflows.clients.approvals import delegations, requests
from workflows.clients.approvals.requests import Chair
from workflows.clients.context import Desk
from workflows.clients.views import RequestView, WordView
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Decision, RequestState


def requests_of(desk: Desk, session: Session, case: Case, data: CaseData, proposal_id: str) -> tuple[RequestView, ...]:
    """Return the requests of a proposal, the approver's first."""
    away = delegations.standing_in(desk.vault, session, desk.clock.now())
    rows = requests.decisions(session, proposal_id)
    return tuple(
        _view(desk, case, data, chair, rows, away)
        for chair in requests.chairs(desk.vault, session, case, data, proposal_id)
    )


def _view(
    desk: Desk, case: Case, data: CaseData, chair: Chair, rows: list[Decision], away: dict[str, Successor]
) -> RequestView:
    row, asked = chair.row, chair.asked
    words = tuple(_word(desk, case, one) for one in rows if one.request_id == row.id)
    share = next((one for one in data.successors if asked.share and one.key == asked.share), None)
    return RequestView(
        row.id,
        RECEIVER if row.role.startswith(RECEIVER) else row.role,
        row.need,
        RequestState(row.result),
        asked.wanted,
        words,
        share,
        row.expires_at,
        row.reminded_at,
        row.escalated_at,
        row.settled_at,
        asked.trouble,
        {one.slack_id: away[one.slack_id] for one in asked.wanted if one.slack_id in away},
    )


def _word(desk: Desk, case: Case, row: Decision) -> WordView:
    word = requests.word(desk.vault, case, row)
    nobody = Successor(row.decided_by, row.decided_by, "")
    return WordView(
        word.person if word else nobody,
        word.whose if word else nobody,
        row.approve,
        row.decided_at,
        word.reason if word else "",
        row.void,
    )
