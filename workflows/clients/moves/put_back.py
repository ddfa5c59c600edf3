"""Undo of a handover, whole or of some clients: unchanged records go back to the leaver, the others are listed.

One `PutBack` row is one system of one case. Its lines are `being put back` until a read shows their outcome.
A write expects the successor as owner, so a record that changed hands since keeps its present owner.

Over 250 lines because the plan that people see and the writes that follow must choose the same records.
"""

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, _, gettext_lazy, loaded, ngettext_lazy, punctuated, shown
from connectors.contract import AccountId, Moved, MoveOutcome, RecordId, Verdict
from connectors.contract import MoveOrder as Order
from connectors.errors import ConnectorError
from workflows.answers import answer
from workflows.authorization import Right
from workflows.clients.context import (
    CHUNK,
    AttemptSuperseded,
    BookAttempt,
    ClientContext,
    chunks,
    only_waits,
    pages,
    problem_sentence,
    refresh_problems,
)
from workflows.clients.moves import leave
from workflows.clients.moves.moves import Moves, SuccessorAccountCheck, require_line
from workflows.clients.moves.notes import refresh_notes
from workflows.clients.split.sealed import unseal_line, unseal_proposal
from workflows.clients.views import PutBackLine, PutBackView
from workflows.news import SEPARATOR, Event, tell
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, BookPhase, Proposal, PutBack
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, retry_at
from workflows.systems.accounts import PreconditionFailed
from workflows.tampering import Act, Tampered, acts, last, report

log = logging.getLogger(__name__)
FEW, LISTED = 5, 50
"""Lines named one by one in the case message and in a plan; the CSV has all."""
CANCELLED = "clients.put_back_cancelled"
UNDER_WAY = (AssignmentState.PUTTING_BACK, AssignmentState.PUT_BACK)


@dataclass(frozen=True, slots=True)
class PutBackAttempt(BookAttempt):
    """One attempt at putting back the records of one system."""

    def check(self, session: Session) -> None:
        """Check the attempt without holding the row. Raises `AttemptSuperseded`."""
        now = select(PutBack.state, PutBack.attempt).where(PutBack.id == self.book.id)
        if session.exec(now).one() != (WorkState.DUE, self.book.attempt):
            raise AttemptSuperseded(self.book.id)


class PutBackMoves(Moves):
    """Moves lines back: the expected owner is the successor, the receiver the former owner."""

    wanted = AssignmentState.PUTTING_BACK
    facts = (AssignmentState.PUTTING_BACK,)
    states: Mapping[MoveOutcome, AssignmentState] = {
        MoveOutcome.MOVED: AssignmentState.PUT_BACK,
        MoveOutcome.TAKEN: AssignmentState.NOT_PUT_BACK,
        MoveOutcome.GONE: AssignmentState.GONE,
        MoveOutcome.REFUSED: AssignmentState.NOT_PUT_BACK,
        MoveOutcome.OBJECTED: AssignmentState.NOT_PUT_BACK,
        MoveOutcome.WAITING: AssignmentState.PUTTING_BACK,
    }
    action = "clients.put_back"
    renews_notes = True

    def __init__(self, context: ClientContext, attempt: PutBackAttempt, names: Mapping[str, str]) -> None:
        """`names`: people by account, for the notes."""
        super().__init__(context, attempt)
        self._names = names
        self._asked: set[str] | None = set()
        self._moved: set[tuple[str, str]] = set()

    def carry(self) -> None:
        """Read what was asked and moved, then send batches.

        Raises `PreconditionFailed` while the system has accepted records and not put them back.
        """
        self._approved = self.approved()
        super().carry()
        with self._context.store.read() as session:
            left = session.exec(select(sa.func.count()).select_from(self._wanted().subquery())).one()
        if left:
            raise PreconditionFailed(
                ngettext_lazy(
                    "{count} record was accepted to go back and is not back yet",
                    "{count} records were accepted to go back and are not back yet",
                    left,
                )
            )

    def require(self, session: Session, found: Sequence[Act], proposal: Proposal) -> None:  # noqa: ARG002 - by kind
        """Keep the records that we moved, with their owners. Raises `Tampered` where nobody asked for them back."""
        own = [act for act in found if self._name in (act.data.get("system"), *act.data.get("systems", ()))]
        done = last(own, "clients.put_back_done", CANCELLED)
        asked = [act for act in own[own.index(done) if done else 0 :] if act.action == "clients.put_back_asked"]
        if not asked:
            raise Tampered(gettext_lazy("clients would be put back, and nobody asked for that"))
        some = [act.data.get("lines") for act in asked]
        self._asked = None if None in some else {line for lines in some for line in lines or ()}
        self._moved = {
            (record, owner)
            for act in own
            if act.action == "clients.moved"
            for record, (outcome, owner) in act.data["records"].items()
            if outcome == MoveOutcome.MOVED
        }

    def order(self, row: Assignment) -> Order:
        """Return the order that gives a record back to its former owner. Raises `Tampered`."""
        require_line(self._approved[row.proposal_id], row)
        asked = self._asked is None or line_mark(row.id) in self._asked
        if not asked or (row.record_id, row.owner_after) not in self._moved:
            raise Tampered(gettext_lazy("record {record} was not moved, or nobody asked for it", record=row.record_id))
        return Order(RecordId(row.record_id), AccountId(row.owner_after), AccountId(row.owner))

    def refused_accounts(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Raise `PreconditionFailed` until the leaver's account is active: an inactive one receives no records.

        Of several earlier leavers, those who are active receive theirs, and the others' records stay.
        """
        closed = self._receivers.inactive_accounts(accounts)
        if self._book_attempt.data.leaver.is_group:
            return {account: inactive(verdict).stored for account, verdict in closed.items()}
        for verdict in closed.values():
            raise PreconditionFailed(
                gettext_lazy("the leaver's account there is {verdict}: give access back first", verdict=loaded(verdict))
            )
        return {}

    def returned_owners(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:  # noqa: ARG002 - as moves
        """Return nobody: the owners here are the successors, who give the records back."""
        return {}

    def note(self, outcome: Moved) -> str:
        """Return the present owner of a record that changed hands, else the system's reason."""
        if outcome.outcome is MoveOutcome.TAKEN:
            return holder(outcome.owner, self._names).stored
        return outcome.reason


def inactive(verdict: Verdict) -> Sentence:
    """Return why the record of an earlier leaver does not go back."""
    return gettext_lazy("its former owner is {verdict}, and receives nothing", verdict=loaded(verdict))


def line_mark(line: str) -> str:
    """Return a short digest of a line's id, for the journal."""
    return hashlib.sha256(line.encode()).hexdigest()[:16]


class PutBacks:
    """Plans, begins and carries out `PutBack` rows."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def plan(self, case_id: str, search: str = "") -> PutBackView:
        """Return what would go back, from a fresh read of the owners; writes nothing. `search` picks clients by name.

        Raises `Refused`: STILL_MOVING, ALREADY_PUT_BACK, NOTHING_TO_PUT_BACK; and what a connector raises.
        """
        with self._context.store.read() as session:
            case, data = read_case(session, self._context.vault, case_id)
            self._refuse(session, case, search)
            people = names(self._context, session, case, data)
        asked = stay = waiting = 0
        kept: list[PutBackLine] = []
        giving: dict[str, Counter[str]] = defaultdict(Counter)
        for system, rows in self._chunks(case, search):
            configured, book = self._context.system(system)
            owners = book.owners([RecordId(row.record_id) for row in rows])
            closed = SuccessorAccountCheck(configured).inactive_accounts(sorted({AccountId(row.owner) for row in rows}))
            asked += len(rows)
            for row in rows:
                owner = owners.get(RecordId(row.record_id))
                present = RecordId(row.record_id) in owners and owner == row.owner_after
                shut = closed.get(AccountId(row.owner)) if present and data.leaver.is_group else None
                if present and shut is None:
                    waiting += row.owner in closed
                    giving[people.get(row.owner_after, row.owner_after)][f"{system}:{row.family}"] += 1
                    continue
                stay += 1
                if len(kept) < LISTED:
                    gone = RecordId(row.record_id) not in owners
                    why = inactive(shut) if shut else holder(owner, people)
                    kept.append(self._line(case, row, _("it is gone") if gone else str(why)))
        counts = ((name, len(by_client), by_client.total()) for name, by_client in giving.items())
        givers = tuple(sorted(counts, key=lambda one: (-one[2], one[0])))
        with self._context.store.read() as session:
            accepted = session.exec(
                select(sa.func.count())
                .select_from(Assignment)
                .where(Assignment.case_id == case_id, Assignment.state == AssignmentState.WAITING)
            ).one()
        back = asked - stay - waiting
        return PutBackView(case_id, data.leaver, search, asked, back, tuple(kept), waiting, givers, accepted)

    def begin(self, case_id: str, by: Actor, search: str = "") -> int:
        """Put back the records that their successors still have; return how many are asked for. Raises `Refused`."""
        self._context.authorization.require(Right.PUT_BACK, by, case_id)
        with self._context.store.read() as session:
            case, _ = read_case(session, self._context.vault, case_id)
            self._refuse(session, case, search)
        chosen = [row.id for _, rows in self._chunks(case, search) for row in rows] if search.strip() else None
        again = self._chunks(case, "", AssignmentState.NOT_PUT_BACK)
        refused = [row.id for _, rows in again for row in rows if self._is_theirs(row, self._receiving(case))]
        with self._context.store.write() as session:
            mine = col(Assignment.case_id) == case.id
            tried = mine & col(Assignment.state).in_((AssignmentState.MOVED, AssignmentState.NOT_PUT_BACK))
            parts = [
                tried & col(Assignment.id).in_(ids) for ids in chunks(refused if chosen is None else chosen, CHUNK)
            ]
            if chosen is None:
                parts.append(mine & (col(Assignment.state) == AssignmentState.MOVED))
            asked: Counter[str] = Counter()
            for part in parts:
                counted = select(Assignment.system, sa.func.count()).where(part).group_by(Assignment.system)
                asked.update(dict(session.exec(counted).all()))
                session.execute(sa.update(Assignment).where(part).values(state=AssignmentState.PUTTING_BACK))
            if not asked:  # a second click at the same time finds none
                self._refuse(session, case, search)
            self._context.journal.write(
                session,
                actor=by,
                action="clients.put_back_asked",
                case_id=case_id,
                data={
                    "records": asked.total(),
                    "some": bool(search.strip()),
                    "systems": sorted(asked),
                    **({} if chosen is None else {"lines": [line_mark(line) for line in chosen]}),
                },
            )
            for system in asked:
                self._create_work(session, case, system, by)
            if chosen is None:
                leave.put_back(session, case_id, by, self._context.clock.now())
            self._context.show_case(session, case_id)
        return asked.total()

    def cancel(self, case_id: str, by: Actor) -> int:
        """Call off what waits for its next try; return how many records stay. The present owners are read first.

        Records that went back before are left there, and who had them is told. Raises `Refused(NOTHING_WAITS)` while
        any may be on its way, and what a connector raises.
        """
        self._context.authorization.require(Right.PUT_BACK, by, case_id)
        with self._context.store.read() as session:
            case, known = read_case(session, self._context.vault, case_id)
            attempts = {row.system: row.attempt for row in _waiting(session, case_id, self._context.clock.now())}
        for system, rows in self._chunks(case, "", AssignmentState.PUTTING_BACK):
            owners = self._context.system(system)[1].owners([RecordId(row.record_id) for row in rows])
            if any(owners.get(RecordId(row.record_id)) != row.owner_after for row in rows):
                raise Refused(Code.NOTHING_WAITS, case=case_id)
            if self._accepted(case_id, system).intersection(row.record_id for row in rows):
                raise Refused(Code.NOTHING_WAITS, case=case_id)  # the system may still put them back
        with self._context.store.write() as session:
            waiting = _waiting(session, case_id, self._context.clock.now(), hold=True)
            if not waiting or attempts != {row.system: row.attempt for row in waiting}:
                raise Refused(Code.NOTHING_WAITS, case=case_id)
            asked = (col(Assignment.case_id) == case_id) & (col(Assignment.state) == AssignmentState.PUTTING_BACK)
            number = session.exec(select(sa.func.count()).select_from(Assignment).where(asked)).one()
            session.execute(sa.update(Assignment).where(asked).values(state=AssignmentState.MOVED))
            for row in waiting:
                row.state, row.attempt, row.reason = WorkState.CANCELLED, row.attempt + 1, ""
                session.add(row)
            data = {"records": number, "systems": sorted(attempts)}
            self._context.journal.write(session, actor=by, action=CANCELLED, case_id=case_id, data=data)
            leave.ask_again(session, case_id, self._context.clock.now())
            refresh_problems(session, case_id)
            self._tell_successors(session, case_id, known, (by.slack_id,))
            self._context.show_case(session, case_id)
        return number

    def _accepted(self, case_id: str, system: str) -> set[str]:
        """Return the records that a system last accepted to put back, and that no read has shown there since."""
        with self._context.store.read() as session:
            found = acts(self._context, session, case_id, "clients.put_back")
        newest = {
            record: outcome
            for act in found
            if act.data.get("system") == system
            for record, (outcome, _owner) in act.data["records"].items()
        }
        return {record for record, outcome in newest.items() if outcome == MoveOutcome.WAITING}

    def run(self, row_id: str) -> None:
        """Put back the records of one system. A row that is not due is left alone: a doubled call does nothing."""
        with self._context.store.read() as session:
            row = session.get_one(PutBack, row_id)
            case, data = read_case(session, self._context.vault, row.case_id)
            people = names(self._context, session, case, data)
        if row.state != WorkState.DUE or row.due_at > self._context.clock.now():
            return
        book = BookHandover(
            id=row.id, case_id=row.case_id, system=row.system, state=row.state, due_at=row.due_at, attempt=row.attempt
        )
        try:
            PutBackMoves(self._context, PutBackAttempt(book, case, data), people).carry()
            self._settle(row, None)
        except AttemptSuperseded:
            log.info("put back %s: attempt %s was superseded", row.id, row.attempt)
        except (ConnectorError, PreconditionFailed) as error:
            self._settle(row, error)
            if isinstance(error, Tampered):
                report(self._context, row.case_id, row.system, error.sentence, "put-back")

    def csv_lines(self, case_id: str) -> Iterator[PutBackLine]:
        """Yield every line that was put back or could not be, with its present owner."""
        with self._context.store.read() as session:
            case, _ = read_case(session, self._context.vault, case_id)
        for _, rows in self._chunks(case, "", *UNDER_WAY, AssignmentState.NOT_PUT_BACK):
            yield from (self._line(case, row, "") for row in rows)

    def _line(self, case: Case, row: Assignment, note: str) -> PutBackLine:
        data = unseal_line(self._context.vault, case, row)
        return PutBackLine(
            row.system,
            row.record_id,
            row.kind,
            data.name,
            data.family_name,
            AssignmentState(row.state),
            note or shown(data.note),
        )

    def _refuse(self, session: Session, case: Case, search: str) -> None:
        moving = select(BookHandover).where(
            BookHandover.case_id == case.id, BookHandover.phase == BookPhase.MOVE, BookHandover.state == WorkState.DUE
        )
        if not all(only_waits(session, book) for book in session.exec(moving)):
            raise Refused(Code.STILL_MOVING, case=case.id)
        if not any(self._chunks(case, search)):
            left = any(self._chunks(case, search, AssignmentState.NOT_PUT_BACK))
            done = not left and any(self._chunks(case, search, *UNDER_WAY))
            raise Refused(Code.ALREADY_PUT_BACK if done else Code.NOTHING_TO_PUT_BACK, case=case.id)

    def _chunks(self, case: Case, search: str, *states: AssignmentState) -> Iterator[tuple[str, list[Assignment]]]:
        """Yield matching lines by system, a page at a time. Names are sealed, so a search decrypts all lines.

        Without `states`: those that can go back, also where that was refused before and the successor still has them.
        """
        wanted = states or (AssignmentState.MOVED, AssignmentState.NOT_PUT_BACK)
        lines = select(Assignment).where(Assignment.case_id == case.id, col(Assignment.state).in_(wanted))
        receiving = {} if states else self._receiving(case)
        for page in pages(self._context.store, lines):
            found = [row for row in page if _matches(self._context, case, row, search.strip().casefold())]
            if not states:
                found = [row for row in found if row.state == AssignmentState.MOVED or self._is_theirs(row, receiving)]
            for system, rows in groupby(sorted(found, key=lambda row: row.system), lambda row: row.system):
                yield system, list(rows)

    def _receiving(self, case: Case) -> Mapping[tuple[str | None, str, str], AccountId]:
        """Return the account that received records, by proposal, system and keyed hash of the successor."""
        vault = self._context.vault
        with self._context.store.read() as session:
            shown = select(Proposal).where(Proposal.case_id == case.id, Proposal.version > 0)
            accounts = {row.id: unseal_proposal(vault, case, row).accounts for row in session.exec(shown).all()}
        return {
            (proposal, system, vault.blind(key)): account
            for proposal, by_system in accounts.items()
            for system, by_key in by_system.items()
            for key, account in by_key.items()
        }

    def _is_theirs(self, row: Assignment, receiving: Mapping[tuple[str | None, str, str], AccountId]) -> bool:
        """Return whether a record that was not put back was still its successor's at that time."""
        return row.owner_after != "" and receiving.get((row.proposal_id, row.system, row.successor)) == row.owner_after

    def _create_work(self, session: Session, case: Case, system: str, by: Actor) -> None:
        now, row_id = self._context.clock.now(), f"{case.id}:{system}"
        asked: dict[str, Any] = {"asked_by": by.name or by.id, "asked_at": now, "done_at": None}
        if row := session.get(PutBack, row_id):
            again(session, row.sqlmodel_update(asked), now)
        else:
            session.add(PutBack(id=row_id, case_id=case.id, system=system, due_at=now, **asked))

    def _settle(self, seen: PutBack, error: ConnectorError | PreconditionFailed | None) -> None:
        now, reason = self._context.clock.now(), problem_sentence(error) if error else None
        with self._context.store.write() as session:
            row = session.get_one(PutBack, seen.id, with_for_update=True)
            if row.state != WorkState.DUE or row.attempt != seen.attempt:
                return
            row.reason = reason.stored if reason else ""
            if error:
                again(session, row, retry_at(row, error, now, self._context.retry))
            else:
                row.done_at = now
                finish(session, row)
                refresh_notes(session, row.case_id)
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="clients.put_back_tried" if reason else "clients.put_back_done",
                case_id=row.case_id,
                data={"system": row.system, "reason": Personal(reason.english if reason else "")},
            )
            session.flush()
            waiting = select(PutBack.id).where(PutBack.case_id == row.case_id, PutBack.state == WorkState.DUE)
            if error or session.exec(waiting).first() is None:
                data = read_case(session, self._context.vault, row.case_id)[1]
                asked = ("clients.put_back_asked",)
                told = answer(self._context, session, row.case_id, data, MessageKind.CLIENTS, asked, done=not error)
                if not error:
                    refresh_problems(session, row.case_id)
                    self._tell_successors(session, row.case_id, data, told)
            self._context.show_case(session, row.case_id)

    def _tell_successors(self, session: Session, case_id: str, data: CaseData, but: Collection[str]) -> None:
        """Tell colleagues that clients of theirs went back, those of an earlier undo not again."""
        query = (
            select(Assignment.successor, sa.func.count())
            .where(Assignment.case_id == case_id, Assignment.state == AssignmentState.PUT_BACK)
            .group_by(col(Assignment.successor))
        )
        counts = dict(session.exec(query).all())
        for successor in data.successors:
            blind = self._context.vault.blind(successor.key)
            if count := counts.get(blind):
                mark = f"{blind}{SEPARATOR}{count}"
                tell(self._context, session, case_id, data, Event.TAKEN_BACK, [successor.slack_id], but=but, mark=mark)


def _waiting(session: Session, case_id: str, now: datetime, *, hold: bool = False) -> list[PutBack]:
    """Return the work of a case that waits for its next try; none where some of it may be going on."""
    due = select(PutBack).where(PutBack.case_id == case_id, PutBack.state == WorkState.DUE).order_by(PutBack.id)
    rows = session.exec(due.with_for_update() if hold else due).all()
    return [] if any(row.due_at <= now for row in rows) else list(rows)


def _matches(context: ClientContext, case: Case, row: Assignment, wanted: str) -> bool:
    data = unseal_line(context.vault, case, row) if wanted else None
    return data is None or any(wanted in text.casefold() for text in (data.family_name, data.name, row.record_id))


def holder(account: str | None, people: Mapping[str, str]) -> Sentence:
    """Return the present owner of a record as a sentence; an account unknown to the case is shown by its id."""
    if account is None:
        return gettext_lazy("nobody has it now")
    if account in people:
        return gettext_lazy("{name} has it now", name=people[account])
    return gettext_lazy("somebody else has it now (account {account})", account=account)


def names(context: ClientContext, session: Session, case: Case, data: CaseData) -> dict[str, str]:
    """Return the names of the successors whose accounts a proposal of the case names, by account."""
    known = {successor.key: successor.name for successor in data.successors}
    proposals = session.exec(select(Proposal).where(Proposal.case_id == case.id, Proposal.version > 0)).all()
    return {
        account: known[key]
        for proposal in proposals
        for by in unseal_proposal(context.vault, case, proposal).accounts.values()
        for key, account in by.items()
        if key in known
    }


def put_back_fields(
    context: ClientContext, session: Session, case: Case, by_state: Mapping[str, int]
) -> dict[str, Any]:
    """Return the fields of `ClientsView` about an undone handover."""
    rows = session.exec(select(PutBack).where(PutBack.case_id == case.id)).all()
    if not rows:
        return {}
    kept = session.exec(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.state == AssignmentState.NOT_PUT_BACK)
        .order_by(col(Assignment.id))
        .limit(FEW)
    )
    first = [unseal_line(context.vault, case, row) for row in kept]
    note = punctuated("{name} ({client}): {note}")
    return {
        "put_back": by_state.get(AssignmentState.PUT_BACK, 0),
        "putting_back": by_state.get(AssignmentState.PUTTING_BACK, 0),
        "not_put_back": by_state.get(AssignmentState.NOT_PUT_BACK, 0),
        "unreturned": tuple(
            note.format(name=line.name, client=line.family_name, note=shown(line.note)) for line in first
        ),
        "put_back_problems": tuple(
            punctuated(": ").join((row.system, shown(row.reason))) for row in rows if row.reason
        ),
        "put_back_by": rows[0].asked_by,
        "put_back_waits": bool(_waiting(session, case.id, context.clock.now())),
    }
