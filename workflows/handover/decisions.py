"""One person's verdict on one exact digest, and edits, which make a new version."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.cases import CaseData, read_case
from workflows.handover import lines as line_rows
from workflows.handover import sheets
from workflows.handover.desk import CHUNK, Desk, chunks
from workflows.handover.proposal import add_version, ask, route, show_outcome, show_proposal
from workflows.handover.sheets import Sheet, Tally
from workflows.model import (
    Assignment,
    AssignmentState,
    Book,
    Case,
    CaseState,
    Decision,
    Proposal,
    ProposalState,
)
from workflows.refusals import Code, Refused
from workflows.views import Actor

EDIT = "an edit of version {version} by {name}"
SLACK, COMMAND_LINE = "slack:", "cli:"


class Decisions:
    """Takes decisions and edits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def decide(self, proposal_id: str, digest: str, by: Actor, *, approve: bool, reason: str) -> None:
        """Settle a proposal once. Raises `Refused`."""
        with self._desk.store.write() as session:
            proposal, case, data = self._open(session, proposal_id, digest, by)
            state = ProposalState.APPROVED if approve else ProposalState.DECLINED
            self._settle(session, case, proposal, by, state, reason)
            session.add(Decision(proposal_id=proposal_id, digest=digest, decided_by=by.id, approve=approve,
                                 decided_at=self._desk.clock.now()))
            session.execute(
                sa.update(Assignment).where(col(Assignment.proposal_id) == proposal_id)
                .values(state=AssignmentState.APPROVED if approve else AssignmentState.DECLINED)
            )
            self._go_on(session, proposal)
            show_proposal(session, proposal, data.approver)
            show_outcome(session, proposal.id, case.id, data.opened_by)
            self._desk.show_case(session, case.id)

    def reassign(self, proposal_id: str, digest: str, chosen: Sequence[str], key: str, by: Actor) -> str:
        """Give some lines to another successor; return the id of the new version. Raises `Refused`."""
        with self._desk.store.write() as session:
            proposal, case, data = self._open(session, proposal_id, digest, by)
            sheet = sheets.unseal(self._desk.vault, case, proposal)
            moved = self._pick(session, proposal, chosen, key, data, sheet)
            edited = replace(sheet, why=EDIT.format(version=proposal.version, name=by.name), settled_by="", words="",
                             shares=self._recount(session, case, data, proposal_id, moved, key, sheet))
            version = add_version(self._desk, session, case, edited)
            self._hand_lines_over(session, proposal_id, version.id, [row.id for row in moved], key)
            self._settle(session, case, proposal, by, ProposalState.SUPERSEDED, "")
            show_proposal(session, proposal, data.approver)
            ask(self._desk, session, case, version, edited, data.approver)
            return version.id

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle what waits for a decision, in the transaction that calls the case off: its buttons go."""
        case, data = read_case(session, self._desk.vault, case_id)
        pending = select(Proposal).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
        for proposal in session.exec(pending).all():
            self._settle(session, case, proposal, by, ProposalState.CANCELLED, "")
            show_proposal(session, proposal, data.approver)

    def _open(self, session: Session, proposal_id: str, digest: str, by: Actor) -> tuple[Proposal, Case, CaseData]:
        """Return a proposal that this person may settle now: who first, then whether it is still the one they saw."""
        proposal = session.get(Proposal, proposal_id, with_for_update=True)
        if proposal is None or proposal.state == ProposalState.DRAFT:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        case, data = read_case(session, self._desk.vault, proposal.case_id)
        _may(by, data)
        if case.state == CaseState.CANCELLED:
            raise Refused(Code.NOT_OPEN, case=case.id)
        facts = {"case": case.id, "proposal": proposal.id, "version": str(proposal.version), "state": proposal.state}
        if proposal.state != ProposalState.PENDING:
            sheet = sheets.unseal(self._desk.vault, case, proposal)
            stale = proposal.state == ProposalState.SUPERSEDED
            raise Refused(Code.STALE_PROPOSAL if stale else Code.ALREADY_SETTLED, by=sheet.settled_by,
                          at=proposal.settled_at.isoformat() if proposal.settled_at else "", **facts)
        if proposal.digest != digest:
            raise Refused(Code.STALE_PROPOSAL, by="", at="", **facts)
        return proposal, case, data

    def _settle(self, session: Session, case: Case, proposal: Proposal, by: Actor, state: ProposalState,
                words: str) -> None:
        desk = self._desk
        sheet = sheets.unseal(desk.vault, case, proposal).settled(by.name or by.id, words.strip())
        proposal.state, proposal.settled_at, proposal.settled_by = state, desk.clock.now(), by.id
        proposal.sealed = sheets.seal(desk.vault, case, proposal.id, sheet)
        session.add(proposal)
        desk.journal.write(
            session, actor=by, action=f"proposal.{state}", case_id=case.id, sealed=proposal.sealed,
            data={"proposal": proposal.id, "version": proposal.version, "digest": proposal.digest},
        )

    def _go_on(self, session: Session, proposal: Proposal) -> None:
        """Send every book with lines in this proposal to its next phase."""
        named = select(Assignment.system).where(Assignment.proposal_id == proposal.id).distinct()
        books = session.exec(select(Book).where(Book.case_id == proposal.case_id, col(Book.system).in_(named)))
        for book in books.all():
            book.reason = ""
            route(self._desk, session, book)

    def _pick(self, session: Session, proposal: Proposal, chosen: Sequence[str], key: str, data: CaseData,
              sheet: Sheet) -> list[Assignment]:
        """Return the chosen rows that do not go to this successor yet."""
        if key not in {one.key for one in data.successors}:
            raise Refused(Code.UNKNOWN_SUCCESSOR, successor=key)
        rows = [row for chunk in chunks(dict.fromkeys(chosen), CHUNK) for row in session.exec(
            select(Assignment).where(Assignment.proposal_id == proposal.id, col(Assignment.id).in_(chunk)))]
        if missing := set(chosen) - {row.id for row in rows}:
            raise Refused(Code.UNKNOWN_RECORD, record=min(missing))
        if no_account := {row.system for row in rows if key not in sheet.accounts[row.system]}:
            raise Refused(Code.UNKNOWN_SUCCESSOR, successor=key, system=min(no_account))
        moved = [row for row in rows if row.successor != self._desk.vault.blind(key)]
        if not moved:
            raise Refused(Code.NOTHING_CHANGED, proposal=proposal.id)
        return moved

    def _recount(self, session: Session, case: Case, data: CaseData, proposal_id: str, moved: Sequence[Assignment],
                 key: str, sheet: Sheet) -> dict[str, dict[str, Tally]]:
        """Return every share after the edit: records and value from the lines that moved, families counted anew."""
        vault = self._desk.vault
        keys = {vault.blind(one.key): one.key for one in data.successors}
        shares = {system: dict(by) for system, by in sheet.shares.items()}
        for row in moved:
            line = line_rows.unseal(vault, case, row)
            tally = Tally(1, 0, {line.currency: line.value} if line.open and line.value else {})
            by, giver = shares[row.system], keys[row.successor]
            by[giver] = by[giver].plus(tally, -1)
            by[key] = by.get(key, Tally()).plus(tally)
        ids = {row.id for row in moved}
        homes: dict[tuple[str, str], set[str]] = {}
        for row_id, system, family, taker in session.exec(
            select(Assignment.id, Assignment.system, Assignment.family, Assignment.successor)
            .where(Assignment.proposal_id == proposal_id)
        ):
            homes.setdefault((system, key if row_id in ids else keys[taker]), set()).add(family)
        return {system: {one: replace(tally, families=len(homes.get((system, one), ()))) for one, tally in by.items()}
                for system, by in shares.items()}

    def _hand_lines_over(self, session: Session, old: str, new: str, chosen: Sequence[str], key: str) -> None:
        session.execute(sa.update(Assignment).where(col(Assignment.proposal_id) == old).values(proposal_id=new))
        blind = self._desk.vault.blind(key)
        session.execute(sa.update(Assignment), [{"id": row, "successor": blind} for row in chosen])
        session.expire_all()


def _may(by: Actor, data: CaseData) -> None:
    """Let the case's approver decide, or an operator at the command line (journalled as such); never the leaver."""
    if data.leaver.slack_id and by.id == SLACK + data.leaver.slack_id:
        raise Refused(Code.LEAVER_DECIDES)
    if by.id.startswith(COMMAND_LINE):
        return
    if not data.approver.slack_id or by.id != SLACK + data.approver.slack_id:
        raise Refused(Code.NOT_APPROVER, approver=data.approver.name)

