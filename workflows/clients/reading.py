"""Queries of the client track: proposals, their lines, a CSV, previews, and the track as a whole.

Over 250 lines because every query of the client track is here; all but the preview read rows alone.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _, ngettext, punctuated, shown
from connectors.contract import Verdict
from workflows.clients.approval_policy import ApprovalRole
from workflows.clients.approvals import changes, requests
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.clients.introduction_policy import plan_note
from workflows.clients.moves import leave
from workflows.clients.moves.halts import halt_fields
from workflows.clients.moves.put_back import put_back_fields
from workflows.clients.moves.reconciliation import NO_ACCOUNT, NOT_KNOWN, NOTHING
from workflows.clients.moves.told import told_sentences
from workflows.clients.moves.waiting import accepted_fields, lapses, moved_late, objections
from workflows.clients.proposals.preview import preview
from workflows.clients.proposals.records import client_page, csv_file, nobody
from workflows.clients.proposals.search import find_lines, page
from workflows.clients.split import unmoved
from workflows.clients.split.sealed import show_line, successor_shares, unseal_proposal
from workflows.clients.split.unmoved import BalanceLine, Reasons, UnmovedCounts, UnmovedReasons
from workflows.clients.views import (
    ClientLine,
    ClientsView,
    DecisionView,
    Preview,
    ProposalView,
    RecordLine,
    RequestView,
)
from workflows.people import Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case, CaseState, Strategy
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    BookHandover,
    BookPhase,
    Proposal,
    ProposalState,
    RequestState,
)
from workflows.storage.rows.work_state import WorkState

PACE = timedelta(minutes=2)
LEFT = (
    AssignmentState.PROPOSED,
    AssignmentState.APPROVED,
    AssignmentState.REFUSED,
    AssignmentState.DECLINED,
    AssignmentState.STOPPED,
    AssignmentState.WAITING,
    AssignmentState.OBJECTED,
    AssignmentState.LAPSED,
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
    AssignmentState.WAITING: "accepted",
    AssignmentState.OBJECTED: "objected",
    AssignmentState.LAPSED: "lapsed",
}


class ClientTrackQueries:
    """Reads the client track; writes nothing. Methods that take a proposal raise `Refused(UNKNOWN_PROPOSAL)`."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def view(self, proposal_id: str) -> ProposalView:
        """Return one proposal, with its shares and requests."""
        with self._shown(proposal_id) as (session, proposal, case, data):
            return self._view(session, proposal, case, data)

    def waiting_for(self, slack_id: str) -> list[ProposalView]:
        """Return the proposals that a person is asked to decide, oldest first."""
        return [view for view in self.waiting() if any(request.awaits(slack_id) for request in view.requests)]

    def waiting(self) -> list[ProposalView]:
        """Return every pending proposal, oldest first."""
        with self._context.store.read() as session:
            pending = session.exec(
                select(Proposal)
                .join(Case, col(Case.id) == Proposal.case_id)
                .where(Proposal.state == ProposalState.PENDING, Case.state != CaseState.CANCELLED)
                .order_by(col(Proposal.created_at), col(Proposal.version))
            ).all()
            return [
                self._view(session, proposal, *read_case(session, self._context.vault, proposal.case_id))
                for proposal in pending
            ]

    def share_lines(self, proposal_id: str, key: str, offset: int = 0, limit: int = 20) -> tuple[list[RecordLine], int]:
        """Return a page of one successor's lines, and the number of all."""
        with self._shown(proposal_id) as (session, _proposal, case, data):
            mine = (Assignment.proposal_id == proposal_id, Assignment.successor == self._context.vault.blind(key))
            return self._page(session, case, data, offset, limit, *mine)

    def successors(self, proposal_id: str) -> tuple[Successor, ...]:
        """Return the successors who have an account in at least one system of the proposal."""
        with self._shown(proposal_id) as (_session, proposal, case, data):
            accounts = unseal_proposal(self._context.vault, case, proposal).accounts
            return tuple(
                successor
                for successor in data.successors
                if any(successor.key in by_key for by_key in accounts.values())
            )

    def lines(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[RecordLine], int]:
        """Return a page of lines, and the number of all. `search`: client, record and successor names.

        A superseded version has no lines: the edit took them along.
        """
        with self._shown(proposal_id) as (session, _proposal, case, data):
            if not search.strip():
                return self._page(session, case, data, offset, limit, Assignment.proposal_id == proposal_id)
            found, total = page(find_lines(self._context, session, proposal_id, case, data, search), offset, limit)
            order = {row_id: place for place, (_system, _family, row_id) in enumerate(found)}
            rows = session.exec(select(Assignment).where(col(Assignment.id).in_(order))).all()
            return self._lines(sorted(rows, key=lambda row: order[row.id]), case, data), total

    def client_page(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[ClientLine], int]:
        """Return a page of clients, and the number of all. `search`: names, ids and successors.

        A superseded version has none.
        """
        with self._shown(proposal_id) as (session, _proposal, case, data):
            return client_page(self._context, session, proposal_id, case, data, offset, limit, search)

    def preview(
        self,
        leaver: Leaver,
        successors: Sequence[Successor],
        strategy: Strategy,
        content: bytes = b"",
        at: datetime | None = None,
    ) -> Preview:
        """Return how the books would be split, read from the systems now.

        `content`: an assignment file. `at`: the time of the move, for possible owners of that day; None: now.
        """
        return preview(self._context, leaver, successors, strategy, content, at)

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
        with self._shown(proposal_id) as (_session, proposal, case, data):
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
        shown_versions = select(Proposal).where(Proposal.case_id == case_id, Proposal.version > 0)
        pending_first = (col(Proposal.state) != ProposalState.PENDING, col(Proposal.version).desc())
        proposal = session.exec(shown_versions.order_by(*pending_first).limit(1)).first()
        case, data = read_case(session, self._context.vault, case_id)
        kept = [(book, unmoved.unseal(self._context.vault, case, book)) for book in books]
        balance = [line for book, known in kept for line in self._balance(session, case, book, known)]
        absent = self._absent(session, case_id)
        return ClientsView(
            proposal=self._view(session, proposal, case, data) if proposal else None,
            listed=sum(by_state.values()) - stay,
            moved=by_state.get(AssignmentState.MOVED, 0),
            left=sum(by_state.get(state, 0) for state in LEFT),
            problems=tuple(
                punctuated(": ").join((book.system, problem))
                for book, known in kept
                for problem in (
                    *_problems(book, known, absent),
                    *objections(self._context, session, case, book.system),
                    *lapses(session, case_id, book.system),
                    *moved_late(session, case_id, book.system),
                )
            ),
            not_known=tuple(book.system for book in books if book.reason == NO_ACCOUNT and book.system not in absent),
            absent=tuple(book.system for book in books if book.reason == NO_ACCOUNT and book.system in absent),
            rate=self._rate(session, case_id, books),
            balance=tuple(line.text for line in balance),
            differing=tuple(line.text for line in balance if line.differs),
            complete=all(book.state == WorkState.DONE for book in books),
            staying=staying,
            kept=changes.exclusion_lines(self._context.vault, session, case),
            told=tuple(map(str, told_sentences(self._context, session, case))),
            **halt_fields(books, by_state),
            **accepted_fields(self._context, session, case_id, books, by_state),
            **put_back_fields(self._context, session, case, by_state),
        )

    def _absent(self, session: Session, case_id: str) -> set[str]:
        """Return the systems where the access track proved, or a person said, that there is no account."""
        absent = Access.case_id == case_id, Access.verdict == Verdict.ABSENT
        return set(session.exec(select(Access.system).where(*absent)))

    def _view(self, session: Session, proposal: Proposal, case: Case, data: CaseData) -> ProposalView:
        unsealed = unseal_proposal(self._context.vault, case, proposal)
        keys = {self._context.vault.blind(successor.key): successor.key for successor in data.successors}
        moved = session.exec(
            select(Assignment.successor, sa.func.count())
            .where(Assignment.proposal_id == proposal.id, Assignment.state == AssignmentState.MOVED)
            .group_by(Assignment.successor)
        ).all()
        shares = successor_shares(
            unsealed, data.successors, {keys[blind]: number for blind, number in moved if blind in keys}
        )
        states = session.exec(
            select(Assignment.state, sa.func.count())
            .where(Assignment.proposal_id == proposal.id)
            .group_by(Assignment.state)
        ).all()
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
            shown(unsealed.why),
            proposal.created_at,
            proposal.settled_at,
            unsealed.settled_by,
            "\n".join(
                [*map(shown, (*unsealed.notes, *unsealed.split_notes)), *([unsealed.words] if unsealed.words else [])]
            ),
            staying=session.exec(
                select(sa.func.count())
                .select_from(Assignment)
                .where(Assignment.case_id == case.id, Assignment.state == AssignmentState.EXCLUDED)
            ).one(),
            requests=_requests(self._context, session, case, data, proposal.id),
            kept=changes.exclusion_lines(self._context.vault, session, case),
            sensitivities=dict(sum(map(Counter, unsealed.sensitivities.values()), Counter[str]())),
            until=leave.until(session, case.id),
            states={AssignmentState(state): number for state, number in states},
            asked_by=data.opened_by.name,
            last_day=case.effective_at,
            told=tuple(
                str(plan_note(system, plan, data.leaver.name, self._context.introduction_policy.language))
                for system, plan in sorted(unsealed.introductions.items())
            ),
        )

    @contextmanager
    def _shown(self, proposal_id: str) -> Iterator[tuple[Session, Proposal, Case, CaseData]]:
        """Give a proposal that people may see. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        with self._context.store.read() as session:
            proposal = session.get(Proposal, proposal_id)
            if proposal is None or proposal.state == ProposalState.DRAFT:
                raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
            yield session, proposal, *read_case(session, self._context.vault, proposal.case_id)

    def _page(
        self, session: Session, case: Case, data: CaseData, offset: int, limit: int, *wanted: bool
    ) -> tuple[list[RecordLine], int]:
        """Return a page of the wanted lines, and the number of all."""
        total = session.exec(select(sa.func.count()).select_from(Assignment).where(*wanted)).one()
        ordered = (
            select(Assignment)
            .where(*wanted)
            .order_by(col(Assignment.system), col(Assignment.family), col(Assignment.id))
        )
        return self._lines(session.exec(ordered.offset(offset).limit(limit)).all(), case, data), total

    def _lines(self, rows: Sequence[Assignment], case: Case, data: CaseData) -> list[RecordLine]:
        people = {self._context.vault.blind(successor.key): successor for successor in data.successors}
        return [show_line(self._context.vault, case, row, people.get(row.successor) or nobody()) for row in rows]

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

    def _balance(self, session: Session, case: Case, book: BookHandover, known: UnmovedReasons) -> list[BalanceLine]:
        before, after = json.loads(book.counts_before), json.loads(book.counts_after)
        rows = session.exec(
            select(Assignment.kind, Assignment.state, Assignment.owner_after, sa.func.count())
            .where(Assignment.case_id == book.case_id, Assignment.system == book.system)
            .group_by(Assignment.kind, Assignment.state, Assignment.owner_after)
        ).all()
        staying = changes.reasons(self._context.vault, session, case, book.system, known.staying)
        group = case.state == CaseState.EARLIER
        fates = _fates(rows, frozenset(before), staying, group=group)
        if not after:
            return unmoved.staying_sentences(book.system, fates) if book.state == WorkState.DONE else []
        owners = select(Assignment.owner).where(Assignment.case_id == book.case_id, Assignment.system == book.system)
        accounts = select(LeaverAccount.account_id).where(
            LeaverAccount.case_id == book.case_id, LeaverAccount.system == book.system
        )
        leaver = frozenset([*session.exec(owners.distinct()), *session.exec(accounts)])
        return unmoved.sentences(book.system, before, after, leaver, fates, group=group)


def _problems(book: BookHandover, known: UnmovedReasons, absent: Collection[str]) -> Iterator[str]:
    if book.reason == NO_ACCOUNT:
        if book.system not in absent:
            yield _(NOT_KNOWN)
    elif book.reason and book.reason != NOTHING:
        yield shown(book.reason)
    if number := unmoved.total(known.refused):
        message = ngettext(
            "{count} record was refused: {why}; retry for a new proposal",
            "{count} records were refused: {why}; retry for a new proposal",
            number,
        )
        yield message.format(count=number, why=unmoved.words(*known.refused.values()))


def _fates(
    rows: Sequence[tuple[str, str, str, int]], counted: frozenset[str], staying: Reasons, *, group: bool
) -> dict[str, UnmovedCounts]:
    """Count by kind the records that did not go to a successor, unless one of the counted accounts has them."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, state, owner, number in rows:
        fate = FATES.get(AssignmentState(state))
        if fate and not (fate == "taken" and owner in counted):
            counts[kind][fate] += number
    return {
        kind: UnmovedCounts(**by_fate, why=unmoved.words(staying.get(kind, {})), group=group)
        for kind, by_fate in counts.items()
    }


def _requests(
    context: ClientContext, session: Session, case: Case, data: CaseData, proposal_id: str
) -> tuple[RequestView, ...]:
    """Return the requests of a proposal, the manager's first."""
    delegates = requests.active_delegates(context, session)
    decisions: dict[str, list[DecisionView]] = defaultdict(list)
    for row in requests.decisions(session, proposal_id):
        made = requests.unseal_decision(context.vault, case, row)
        decisions[row.request_id].append(
            DecisionView(made.person, made.principal, row.approve, row.decided_at, made.reason, row.void)
        )
    return tuple(
        _request(request, data, decisions[request.row.id], delegates)
        for request in requests.approval_requests(context.vault, session, case, proposal_id)
    )


def _request(
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
        next((successor for successor in case_data.successors if data.share and successor.key == data.share), None),
        row.expires_at,
        row.reminded_at,
        row.escalated_at,
        row.settled_at,
        data.problem,
        {
            approver.slack_id: delegates[approver.slack_id]
            for approver in data.approvers
            if approver.slack_id in delegates
        },
    )
