"""Queries of the client track: proposals, their lines, a CSV, previews, and the track as a whole.

Over 250 lines because every query of the client track is here; all but the preview read rows alone.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import ngettext, shown
from workflows.clients.approvals import request_views
from workflows.clients.context import ClientContext
from workflows.clients.moves import leave
from workflows.clients.moves.halts import halt_fields
from workflows.clients.moves.put_back import put_back_fields
from workflows.clients.moves.reconciliation import NOTHING
from workflows.clients.proposals import exclusions
from workflows.clients.proposals.by_client import ClientPages, nobody
from workflows.clients.proposals.csv_file import csv_file
from workflows.clients.proposals.preview import preview
from workflows.clients.proposals.search import page
from workflows.clients.split import balance, unmoved
from workflows.clients.split import lines as line_rows
from workflows.clients.split import shares as sheets
from workflows.clients.split.balance import UnmovedCounts
from workflows.clients.split.unmoved import Reasons, UnmovedReasons
from workflows.clients.views import ClientLine, ClientsView, Preview, ProposalView, RecordLine, Share
from workflows.people import Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case, CaseState, Strategy
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, BookPhase, Proposal, ProposalState
from workflows.storage.rows.work_state import WorkState

PACE = timedelta(minutes=2)
LEFT = (
    AssignmentState.PROPOSED,
    AssignmentState.APPROVED,
    AssignmentState.REFUSED,
    AssignmentState.DECLINED,
    AssignmentState.STOPPED,
)
FATES = {
    AssignmentState.TAKEN: "taken",
    AssignmentState.GONE: "gone",
    AssignmentState.REFUSED: "refused",
    AssignmentState.PROPOSED: "waiting",
    AssignmentState.DECLINED: "waiting",
    AssignmentState.EXCLUDED: "staying",
    AssignmentState.KEPT: "staying",
    AssignmentState.STOPPED: "stopped",
}


class ClientTrackQueries:
    """Reads the client track; writes nothing. Methods that take a proposal raise `Refused(UNKNOWN_PROPOSAL)`."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context
        self._clients = ClientPages(context)

    def view(self, proposal_id: str) -> ProposalView:
        """Return one proposal, with its shares and requests."""
        with self._context.store.read() as session:
            proposal = _shown(session, proposal_id)
            return self._view(session, proposal, *read_case(session, self._context.vault, proposal.case_id))

    def waiting_for(self, slack_id: str) -> list[ProposalView]:
        """Return the proposals that a person is asked to decide, oldest first."""
        return [view for view in self.waiting() if any(one.awaits(slack_id) for one in view.requests)]

    def waiting(self) -> list[ProposalView]:
        """Return every pending proposal, oldest first."""
        with self._context.store.read() as session:
            pending = session.exec(
                select(Proposal)
                .where(Proposal.state == ProposalState.PENDING)
                .order_by(col(Proposal.created_at), col(Proposal.version))
            ).all()
            read = [(proposal, *read_case(session, self._context.vault, proposal.case_id)) for proposal in pending]
            return [
                self._view(session, proposal, case, data)
                for proposal, case, data in read
                if case.state != CaseState.CANCELLED
            ]

    def share_lines(self, proposal_id: str, key: str, offset: int = 0, limit: int = 20) -> tuple[list[RecordLine], int]:
        """Return a page of one successor's lines, and the number of all."""
        successor = self._context.vault.blind(key)
        with self._context.store.read() as session:
            proposal = _shown(session, proposal_id)
            case, data = read_case(session, self._context.vault, proposal.case_id)
            total = session.exec(
                select(sa.func.count())
                .select_from(Assignment)
                .where(Assignment.proposal_id == proposal_id, Assignment.successor == successor)
            ).one()
            rows = session.exec(
                _ordered(proposal_id).where(Assignment.successor == successor).offset(offset).limit(limit)
            ).all()
            return self._lines(rows, case, data), total

    def successors(self, proposal_id: str) -> tuple[Successor, ...]:
        """Return the successors who have an account in at least one system of the proposal."""
        with self._context.store.read() as session:
            proposal = _shown(session, proposal_id)
            case, data = read_case(session, self._context.vault, proposal.case_id)
            accounts = sheets.unseal(self._context.vault, case, proposal).accounts
            return tuple(one for one in data.successors if any(one.key in by for by in accounts.values()))

    def lines(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[RecordLine], int]:
        """Return a page of lines, and the number of all. `search`: client, record and successor names.

        A superseded version has no lines: the edit took them along.
        """
        with self._context.store.read() as session:
            proposal = _shown(session, proposal_id)
            case, data = read_case(session, self._context.vault, proposal.case_id)
            if search.strip():
                every = self._clients.search.lines(session, proposal.id, case, data, search)
                found, total = page(every, offset, limit)
                order = {line.id: place for place, line in enumerate(found)}
                rows = session.exec(select(Assignment).where(col(Assignment.id).in_(order))).all()
                return self._lines(sorted(rows, key=lambda row: order[row.id]), case, data), total
            total = session.exec(
                select(sa.func.count()).select_from(Assignment).where(Assignment.proposal_id == proposal_id)
            ).one()
            rows = session.exec(_ordered(proposal_id).offset(offset).limit(limit)).all()
            return self._lines(rows, case, data), total

    def client_page(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[ClientLine], int]:
        """Return a page of clients, and the number of all. `search`: names, ids and successors.

        A superseded version has none.
        """
        with self._context.store.read() as session:
            proposal = _shown(session, proposal_id)
            case, data = read_case(session, self._context.vault, proposal.case_id)
            return self._clients.page(session, proposal.id, case, data, offset, limit, search)

    def preview(
        self, leaver: Leaver, successors: Sequence[Successor], strategy: Strategy, content: bytes = b""
    ) -> Preview:
        """Return how the books would be split, read from the systems now. `content`: an assignment file."""
        return preview(self._context, leaver, successors, strategy, content)

    def clients_of(self, proposal_id: str, key: str) -> tuple[str, ...]:
        """Return the id of one line of every client that goes to a successor."""
        with self._context.store.read() as session:
            return tuple(
                session.exec(
                    select(sa.func.min(Assignment.id))
                    .where(
                        Assignment.proposal_id == proposal_id, Assignment.successor == self._context.vault.blind(key)
                    )
                    .group_by(col(Assignment.system), col(Assignment.family))
                )
            )

    def csv(self, proposal_id: str) -> Iterator[str]:
        """Return the lines of a CSV file with every record. Raises `Refused` for a superseded version."""
        with self._context.store.read() as session:
            proposal, case, data = self._current(session, proposal_id)
        return csv_file(self._context, proposal, case, data)

    def clients(self, session: Session, case_id: str) -> ClientsView | None:
        """Return the client track of a case; None where no system has a client book."""
        books = session.exec(
            select(BookHandover).where(BookHandover.case_id == case_id).order_by(col(BookHandover.system))
        ).all()
        if not books:
            return None
        counted = session.exec(
            select(Assignment.state, sa.func.count()).where(Assignment.case_id == case_id).group_by(Assignment.state)
        ).all()
        by_state = dict(counted)
        staying = by_state.get(AssignmentState.EXCLUDED, 0)
        stay = staying + by_state.get(AssignmentState.KEPT, 0)
        proposal = self._latest(session, case_id)
        case, data = read_case(session, self._context.vault, case_id)
        kept = [(book, unmoved.unseal(self._context.vault, case, book)) for book in books]
        return ClientsView(
            proposal=self._view(session, proposal, case, data) if proposal else None,
            listed=sum(by_state.values()) - stay,
            moved=by_state.get(AssignmentState.MOVED, 0),
            left=sum(by_state.get(state, 0) for state in LEFT),
            problems=tuple(f"{book.system}: {problem}" for book, known in kept for problem in _problems(book, known)),
            rate=self._rate(session, case_id, books),
            balance=tuple(line for book, known in kept for line in self._balance(session, case, book, known)),
            complete=all(book.state == WorkState.DONE for book in books),
            staying=staying,
            kept=exclusions.exclusion_lines(self._context.vault, session, case),
            **halt_fields(books, by_state),
            **put_back_fields(self._context, session, case, by_state),
        )

    def _latest(self, session: Session, case_id: str) -> Proposal | None:
        """Return the newest pending proposal, else the newest."""
        shown = session.exec(
            select(Proposal)
            .where(Proposal.case_id == case_id, Proposal.version > 0)
            .order_by(col(Proposal.version).desc())
        ).all()
        waiting = [proposal for proposal in shown if proposal.state == ProposalState.PENDING]
        return next(iter([*waiting, *shown]), None)

    def _view(self, session: Session, proposal: Proposal, case: Case, data: CaseData) -> ProposalView:
        sheet = sheets.unseal(self._context.vault, case, proposal)
        moved: dict[str, int] = dict(
            session.exec(
                select(Assignment.successor, sa.func.count())
                .where(Assignment.proposal_id == proposal.id, Assignment.state == AssignmentState.MOVED)
                .group_by(Assignment.successor)
            ).all()
        )
        totals = [(one, sheet.total(one.key)) for one in data.successors]
        shares = tuple(
            Share(
                one,
                total.records,
                total.families,
                total.value,
                moved.get(self._context.vault.blind(one.key), 0),
                total.deals,
            )
            for one, total in totals
            if total.records
        )
        return ProposalView(
            proposal.id,
            case.id,
            data.leaver,
            proposal.version,
            proposal.digest,
            ProposalState(proposal.state),
            Strategy(case.strategy),
            data.approver,
            shares,
            sum(share.records for share in shares),
            sum(share.families for share in shares),
            shown(sheet.why),
            proposal.created_at,
            proposal.settled_at,
            sheet.settled_by,
            "\n".join([*map(shown, sheet.notes), *([sheet.words] if sheet.words else [])]),
            staying=session.exec(
                select(sa.func.count())
                .select_from(Assignment)
                .where(Assignment.case_id == case.id, Assignment.state == AssignmentState.EXCLUDED)
            ).one(),
            requests=request_views.requests_of(self._context, session, case, data, proposal.id),
            kept=exclusions.exclusion_lines(self._context.vault, session, case),
            sensitivities=dict(sum(map(Counter, sheet.sensitivities.values()), Counter[str]())),
            until=leave.until(session, case.id),
        )

    def _current(self, session: Session, proposal_id: str) -> tuple[Proposal, Case, CaseData]:
        """Return a proposal that still has its lines. Raises `Refused(STALE_PROPOSAL)` for a superseded one."""
        proposal = _shown(session, proposal_id)
        case, data = read_case(session, self._context.vault, proposal.case_id)
        if proposal.state == ProposalState.SUPERSEDED:
            raise Refused(
                Code.STALE_PROPOSAL,
                case=case.id,
                proposal=proposal.id,
                version=str(proposal.version),
                by=sheets.unseal(self._context.vault, case, proposal).settled_by,
                at=proposal.settled_at.isoformat() if proposal.settled_at else "",
            )
        return proposal, case, data

    def _lines(self, rows: Sequence[Assignment], case: Case, data: CaseData) -> list[RecordLine]:
        people = {self._context.vault.blind(one.key): one for one in data.successors}
        return [line_rows.show(self._context.vault, case, row, people.get(row.successor) or nobody()) for row in rows]

    def _rate(self, session: Session, case_id: str, books: Sequence[BookHandover]) -> float | None:
        """Return the records moved per second in the last minutes; None where no moves are under way."""
        if not any(book.phase == BookPhase.MOVE and book.state == WorkState.DUE for book in books):
            return None
        first, last, number = session.exec(
            select(sa.func.min(Assignment.moved_at), sa.func.max(Assignment.moved_at), sa.func.count()).where(
                Assignment.case_id == case_id, col(Assignment.moved_at) > self._context.clock.now() - PACE
            )
        ).one()
        seconds = (last - first).total_seconds() if first and last else 0
        return number / seconds if seconds else None

    def _balance(self, session: Session, case: Case, book: BookHandover, known: UnmovedReasons) -> list[str]:
        before, after = json.loads(book.counts_before), json.loads(book.counts_after)
        rows = session.exec(
            select(Assignment.kind, Assignment.state, Assignment.owner_after, sa.func.count())
            .where(Assignment.case_id == book.case_id, Assignment.system == book.system)
            .group_by(Assignment.kind, Assignment.state, Assignment.owner_after)
        ).all()
        kept = exclusions.reasons(self._context.vault, session, case, book.system)
        fates = _fates(rows, frozenset(before), exclusions.joined(known.staying, kept))
        if not after:
            return balance.unmoved(book.system, fates) if book.state == WorkState.DONE else []
        owners = {
            owner
            for (owner,) in session.execute(
                sa.select(col(Assignment.owner))
                .where(col(Assignment.case_id) == book.case_id, col(Assignment.system) == book.system)
                .distinct()
            )
        }
        owners.update(
            session.exec(
                select(LeaverAccount.account_id).where(
                    LeaverAccount.case_id == book.case_id, LeaverAccount.system == book.system
                )
            )
        )
        return balance.sentences(book.system, before, after, frozenset(owners), fates)


def _problems(book: BookHandover, known: UnmovedReasons) -> Iterator[str]:
    if book.reason and book.reason != NOTHING:
        yield shown(book.reason)
    if number := unmoved.total(known.refused):
        said = ngettext(
            "{count} record was refused: {why}; retry for a new proposal",
            "{count} records were refused: {why}; retry for a new proposal",
            number,
        )
        yield said.format(count=number, why=unmoved.words(*known.refused.values()))


def _fates(
    rows: Sequence[tuple[str, str, str, int]], counted: frozenset[str], staying: Reasons
) -> dict[str, UnmovedCounts]:
    """Count by kind the records that did not go to a successor, unless one of the counted accounts has them."""
    tallies: dict[str, dict[str, int]] = {}
    for kind, state, owner, number in rows:
        fate = FATES.get(AssignmentState(state))
        if fate and not (fate == "taken" and owner in counted):
            tally = tallies.setdefault(kind, {})
            tally[fate] = tally.get(fate, 0) + number
    return {kind: UnmovedCounts(**tally, why=unmoved.words(staying.get(kind, {}))) for kind, tally in tallies.items()}


def _shown(session: Session, proposal_id: str) -> Proposal:
    proposal = session.get(Proposal, proposal_id)
    if proposal is None or proposal.state == ProposalState.DRAFT:
        raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
    return proposal


def _ordered(proposal_id: str) -> SelectOfScalar[Assignment]:
    return (
        select(Assignment)
        .where(Assignment.proposal_id == proposal_id)
        .order_by(col(Assignment.system), col(Assignment.family), col(Assignment.id))
    )
