"""Publication of drafts as the next version of a proposal: digest, request for a decision, message."""

from functools import reduce

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, joined, loaded
from workflows.clients.approvals import requests
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import (
    LineDigest,
    ProposalData,
    digest_of,
    line_context,
    load_line,
    seal_digests,
    seal_proposal,
    unseal_proposal,
)
from workflows.people import Successor
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, BookHandover, LineNames, Proposal, ProposalState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault

FIRST = N_("the first proposal")
LATER = N_("what could not be read before")
DRIFT = N_("what came to the leaver after the last approval")
CHANGED = N_("what changed after the last approval")
PAGE = 1000
REPEATED = N_("what was declined or refused before")


def publish(context: ClientContext, session: Session, case: Case, approver: Successor, why: str) -> None:
    """Join the complete drafts of a case into the next version, if there are any, and ask for a decision."""
    drafts = session.exec(
        select(Proposal)
        .where(Proposal.case_id == case.id, Proposal.state == ProposalState.DRAFT, Proposal.sealed != b"")
        .order_by(col(Proposal.id))
    ).all()
    if not drafts:
        return
    kept = [unseal_proposal(context.vault, case, draft) for draft in drafts]
    reasons = joined(", ", [loaded(reason) for reason in sorted({data.why or why for data in kept})])
    content = reduce(ProposalData.merge, kept, ProposalData(reasons.stored))
    proposal = add_version(context, session, case, content)
    for draft in drafts:
        draft.sealed = b""
        session.add(draft)
        session.execute(
            sa.update(Assignment).where(col(Assignment.proposal_id) == draft.id).values(proposal_id=proposal.id)
        )
        session.execute(sa.update(LineNames).where(col(LineNames.draft_id) == draft.id).values(draft_id=None))
    request_decision(context, session, case, proposal, content, approver)


def ready(session: Session, case_id: str) -> bool:
    """Return whether every book of the case is listed, or excused because its system failed at least once."""
    waiting = select(BookHandover.id).where(
        BookHandover.case_id == case_id,
        BookHandover.phase == "list",
        BookHandover.state == WorkState.DUE,
        BookHandover.reason == "",
    )
    return session.exec(waiting.limit(1)).first() is None


def add_version(context: ClientContext, session: Session, case: Case, content: ProposalData) -> Proposal:
    """Add the row of the next version, still without lines and digest."""
    last = session.exec(select(sa.func.max(Proposal.version)).where(Proposal.case_id == case.id)).one() or 0
    number = f"{case.id}-v{last + 1}"
    proposal = Proposal(
        id=number,
        case_id=case.id,
        version=last + 1,
        digest="",
        state=ProposalState.PENDING,
        created_at=context.clock.now(),
        sealed=seal_proposal(context.vault, case, number, content),
    )
    session.add(proposal)
    session.flush()
    return proposal


def request_decision(
    context: ClientContext, session: Session, case: Case, proposal: Proposal, content: ProposalData, approver: Successor
) -> None:
    """Bind the proposal to its lines and show it to the approver (who without a Slack id decides by command line)."""
    shown = shown_lines(session, context.vault, case, proposal.id, content)
    proposal.digest = digest_of(shown)
    proposal.lines = seal_digests(context.vault, case, proposal.id, shown)
    session.add(proposal)
    asked = requests.create_requests(context, session, case, proposal, content)
    context.journal.write(
        session,
        actor=HANDOVER,
        action="proposal.made",
        case_id=case.id,
        sealed=proposal.sealed,
        data={
            "proposal": proposal.id,
            "version": proposal.version,
            "digest": proposal.digest,
            "records": len(shown),
            "requests": asked,
        },
    )
    enqueue(
        session,
        id=f"proposal:{proposal.id}",
        kind=MessageKind.PROPOSAL,
        subject=proposal.id,
        case_id=proposal.case_id,
        channel=approver.slack_id,
    )
    context.show_case(session, case.id)


def shown_lines(session: Session, vault: Vault, case: Case, proposal_id: str, content: ProposalData) -> list[str]:
    """Return the digest of every line as it is shown, in the order of their ids."""
    unseal, line = vault.opener(case.wrapped_key), LineDigest(vault, content)
    columns = ("id", "system", "record_id", "kind", "family", "owner", "successor", "sealed")
    rows = session.execute(
        sa.select(*(col(getattr(Assignment, name)) for name in columns))
        .where(col(Assignment.proposal_id) == proposal_id)
        .order_by(col(Assignment.id))
        .execution_options(yield_per=PAGE)
    )
    return [
        line.of(row, load_line(unseal(row.sealed, line_context(row.id)))) for page in rows.partitions() for row in page
    ]
