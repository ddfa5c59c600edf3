"""Publication of drafts as the next version of a proposal: digest, request for a decision, message."""

import hashlib
from functools import reduce

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session, col, select

from config.text import N_, joined, loaded
from workflows.clients.approvals import requests
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import ProposalData, seal_proposal, unseal_proposal
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
    proposal.digest = digest(session, context.vault, proposal.id, content)
    session.add(proposal)
    records = session.exec(
        select(sa.func.count()).select_from(Assignment).where(Assignment.proposal_id == proposal.id)
    ).one()
    context.journal.write(
        session,
        actor=HANDOVER,
        action="proposal.made",
        case_id=case.id,
        sealed=proposal.sealed,
        data={"proposal": proposal.id, "version": proposal.version, "digest": proposal.digest, "records": records},
    )
    requests.create_requests(context, session, case, proposal, content)
    enqueue(
        session,
        id=f"proposal:{proposal.id}",
        kind=MessageKind.PROPOSAL,
        subject=proposal.id,
        case_id=proposal.case_id,
        channel=approver.slack_id,
    )
    context.show_case(session, case.id)


def digest(session: Session, vault: Vault, proposal_id: str, content: ProposalData) -> str:
    """Return the hash of every line: system, record, present owner, and the account that it goes to."""
    accounts = {
        (system, vault.blind(key)): account for system, by in content.accounts.items() for key, account in by.items()
    }
    columns = (Assignment.system, Assignment.record_id, Assignment.owner, Assignment.successor)
    rows = session.execute(
        sa.select(*map(col, columns))
        .where(col(Assignment.proposal_id) == proposal_id)
        .order_by(col(Assignment.id))
        .execution_options(yield_per=PAGE)
    )
    running = hashlib.sha256()
    for page in rows.partitions():
        lines = [[system, record, owner, accounts[system, successor]] for system, record, owner, successor in page]
        running.update(b"".join(to_json(line) + b"\n" for line in lines))
    return running.hexdigest()
