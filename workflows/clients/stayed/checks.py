"""Checks of what became of clients, some days after the moves, and the reminder to successors before the first.

Each check is a row that is due on its day. A system that does not answer puts it off for a day at most. Then the report
goes out and says what is not known. Nothing is written to a client or to a system.

Over 250 lines because what a check keeps, and what people are shown of it later, must be read side by side.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.text import shown
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import load
from workflows.clients.stayed import answers, book, history, summary
from workflows.clients.stayed.answers import Answers, title_of
from workflows.clients.stayed.book import BookClient
from workflows.clients.stayed.history import Reading
from workflows.clients.stayed.summary import WITHOUT_CONTACT
from workflows.clients.stayed.views import ClientStay, Fate, Reminder, StayReport, UsualLoss
from workflows.csv_cells import csv_lines
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, leaving, may_know, read_case, who_asked
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import ClientCheck
from workflows.storage.rows.outbox import AT, MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.storage.work import again, finish, retry_at

log = logging.getLogger(__name__)
BEFORE = timedelta(days=2)
"""Time between the reminder to successors and the first report; a day if that comes on day 2."""
PATIENCE = timedelta(days=1)
"""Time for which a system that does not answer puts a check off."""
OVER = (CaseState.CANCELLED, CaseState.CLOSED)
REMINDER = 0
HEADER = ("system", "client", "id", "successor", "state", "answer", "by", "at", "contact", "lost deals", "not known")


@dataclass(frozen=True, slots=True)
class KeptClient:
    """One client as a check saw it: who had it, its state then, and the system's history."""

    id: str
    system: str
    name: str
    successor: str
    moved_at: datetime
    fate: Fate
    reading: Reading


@dataclass(frozen=True, slots=True)
class Kept:
    """The sealed part of a check."""

    read_at: datetime
    clients: tuple[KeptClient, ...]
    usual: tuple[UsualLoss, ...] = ()


class StayChecks:
    """Carries out `ClientCheck` rows, and shows what they saw."""

    def __init__(self, context: ClientContext, days: Sequence[int]) -> None:
        self._context, self._days = context, tuple(days)

    def plan(self, session: Session, case_id: str) -> None:
        """Plan the checks of a case from now on, once a book is done and a successor has a client.

        A check that is still to come counts from the last moves. One that is done stays.
        """
        if not self._days or not book.has_moved(session, case_id):
            return
        now, first = self._context.clock.now(), timedelta(days=self._days[0])
        days = {day: now + timedelta(days=day) for day in self._days}
        if first > timedelta(days=1):
            days[REMINDER] = now + max(first - BEFORE, timedelta(days=1))
        for day, at in days.items():
            row = session.get(ClientCheck, f"{case_id}:{day}", with_for_update=True)
            if row is None:
                row = ClientCheck(id=f"{case_id}:{day}", case_id=case_id, day=day, due_at=at, planned_at=at)
                session.add(row)
            elif row.state != WorkState.DONE:
                row.planned_at = at
                again(session, row, at)

    def run(self, check_id: str) -> None:
        """Read all clients, keep what was seen, and tell people. A row that is not due is left alone."""
        context = self._context
        try:
            with context.store.read() as session:
                row = session.get_one(ClientCheck, check_id)
                case, data = read_case(session, context.vault, row.case_id)
        except WrongKey as error:
            self._give_up(check_id, str(error))
            return
        if row.state != WorkState.DUE or row.due_at > context.clock.now():
            return
        clients = [] if case.state in OVER else book.clients(context, case)
        seen = history.read(context, clients)
        with context.store.write() as session:
            now = context.clock.now()
            held = session.get_one(ClientCheck, check_id, with_for_update=True)
            if (held.state, held.attempt) != (WorkState.DUE, row.attempt):
                return
            if not clients:
                held.state = WorkState.CANCELLED
                session.add(held)
                return
            if seen.failed is not None and now < held.planned_at + PATIENCE:
                again(session, held, retry_at(held, seen.failed, now, context.retry))
                return
            given = answers.read(context, session, case)
            kept = _kept(case.id, clients, seen, given, now)
            held.sealed = context.vault.seal(case.wrapped_key, kept, f"client_check:{check_id}")
            held.done_at = now
            finish(session, held)
            facts = {"day": held.day, "clients": len(clients)}
            context.journal.write(
                session, actor=HANDOVER, action="clients.checked", case_id=case.id, data=facts, sealed=held.sealed
            )
            self._remind(session, case, data, kept) if held.day == REMINDER else self._tell(session, held, data)

    def _tell(self, session: Session, check: ClientCheck, data: CaseData) -> None:
        """Send the report to the approver, and to who asked for the case."""
        for reader in dict.fromkeys((data.approver.slack_id, who_asked(session, self._context.vault, data))):
            channel = reader == data.channel
            if reader and (channel or may_know(session, self._context.vault, data, reader)):
                enqueue(
                    session,
                    id=f"stayed:{check.id}:{reader}",
                    kind=MessageKind.STAYED,
                    subject=f"{check.id}{AT}{reader}",
                    case_id=check.case_id,
                    channel=reader,
                )

    def _remind(self, session: Session, case: Case, data: CaseData, kept: Kept) -> None:
        """Remind each successor once of clients with whom no contact is known. Who has left is not asked."""
        open_ = {one.successor for one in kept.clients if one.fate in WITHOUT_CONTACT}
        for key, successor in book.people(self._context, data).items():
            if key in open_ and may_know(session, self._context.vault, data, successor.slack_id):
                enqueue(
                    session,
                    id=f"unmarked:{case.id}:{key}",
                    kind=MessageKind.UNMARKED,
                    subject=f"{case.id}:{key}",
                    case_id=case.id,
                    channel=successor.slack_id,
                )

    def _give_up(self, check_id: str, why: str) -> None:
        """Settle a check of a case whose data no key opens: more tries would never end."""
        with self._context.store.write() as session:
            row = session.get_one(ClientCheck, check_id, with_for_update=True)
            if row.state != WorkState.DUE:
                return
            finish(session, row)
            facts = {"day": row.day, "why": why}
            self._context.journal.write(
                session, actor=HANDOVER, action="clients.check_given_up", case_id=row.case_id, data=facts
            )

    def now(self, case_id: str) -> tuple[StayReport, list[ClientStay]]:
        """Read all clients of a case now; return the sums and the clients, worst first.

        Raises `Refused`: UNKNOWN_CASE, NOTHING_HANDED_OVER.
        """
        context, now = self._context, self._context.clock.now()
        with context.store.read() as session:
            case, data = read_case(session, context.vault, case_id)
            given = answers.read(context, session, case)
        clients = book.clients(context, case)
        if not clients:
            raise Refused(Code.NOTHING_HANDED_OVER, case=case_id)
        kept = _kept(case_id, clients, history.read(context, clients), given, now)
        shown_ = self._shown(case_id, data, kept, given)
        return self._report("", case_id, data, 0, kept, shown_), summary.in_order(shown_)

    def report(self, check_id: str) -> StayReport:
        """Return a report as its check saw the clients. Raises `Refused(NOTHING_HANDED_OVER)` if there is none."""
        row, data, kept, _given = self._open(check_id)
        return self._report(row.id, row.case_id, data, row.day, kept, self._shown(row.case_id, data, kept, None))

    def page(
        self, check_id: str, offset: int, limit: int, search: str = "", *, every: bool = False
    ) -> tuple[list[ClientStay], int]:
        """Return a page of the clients without a known contact, or of all, and the number of those found.

        The systems' histories are those of the check. Words that were given since count.
        """
        row, data, kept, given = self._open(check_id)
        found = select_clients(summary.in_order(self._shown(row.case_id, data, kept, given)), search, silent=not every)
        return found[offset : offset + limit], len(found)

    def csv(self, check_id: str) -> Iterator[str]:
        """Return the lines of a CSV file with every client of a report."""
        row, data, kept, given = self._open(check_id)
        return csv_of(summary.in_order(self._shown(row.case_id, data, kept, given)))

    def may_read(self, check_id: str, user: str) -> bool:
        """Return whether a Slack user got this report: the approver, or who asked for the case."""
        _row, data, _kept, _given = self._open(check_id)
        return bool(user) and user in (data.approver.slack_id, data.opened_by.slack_id)

    def reminder(self, note: str) -> Reminder:
        """Return what a successor is reminded of, as the check before the first report saw it."""
        case_id, _colon, key = note.rpartition(":")
        row, data, kept, _given = self._open(f"{case_id}:{REMINDER}")
        own = [one for one in kept.clients if one.successor == key]
        if not own:
            raise Refused(Code.NOTHING_HANDED_OVER, case=case_id)
        open_ = sum(one.fate in WITHOUT_CONTACT for one in own)
        with self._context.store.read() as session:
            reports = select(ClientCheck.planned_at).where(ClientCheck.case_id == case_id, col(ClientCheck.day) > 0)
            first = session.exec(reports.order_by(col(ClientCheck.day)).limit(1)).first()
        successor = book.people(self._context, data)[key]
        return Reminder(note, case_id, data.leaver, successor, len(own), open_, data.approver.name, first or row.due_at)

    def _open(self, check_id: str) -> tuple[ClientCheck, CaseData, Kept, Answers]:
        context = self._context
        with context.store.read() as session:
            row = session.get(ClientCheck, check_id)
            if row is None or not row.sealed:
                raise Refused(Code.NOTHING_HANDED_OVER, case=check_id.rpartition(":")[0])
            case, data = read_case(session, context.vault, row.case_id)
            given = answers.read(context, session, case)
            kept = load(Kept, context.vault.open(case.wrapped_key, row.sealed, f"client_check:{check_id}"))
            return row, data, kept, given

    def _shown(self, case_id: str, data: CaseData, kept: Kept, given: Answers | None) -> list[ClientStay]:
        """Return clients as people see them; without `given` words, each in the state that the check saw."""
        people = book.people(self._context, data)
        with self._context.store.read() as session:
            gone = leaving(session, self._context.vault, people.values())
        return [self._client(case_id, one, people.get(one.successor), given, gone) for one in kept.clients]

    def _client(
        self, case_id: str, one: KeptClient, successor: Successor | None, given: Answers | None, gone: frozenset[str]
    ) -> ClientStay:
        successor = successor or Successor("", "", "")
        reading, answer = one.reading, None
        if given is not None:
            client = BookClient(one.id, one.system, one.successor, one.name)
            answer = answers.of(given, case_id, client, one.moved_at)
        return ClientStay(
            one.id,
            one.system,
            title_of(self._context, one.system),
            one.name,
            successor,
            one.fate if given is None else summary.fate(reading, answer),
            answer,
            reading.contacted_at,
            shown(reading.unknown),
            reading.lost,
            reading.ended,
            reading.deals_known,
            successor.key in gone,
        )

    def _report(
        self, check_id: str, case_id: str, data: CaseData, day: int, kept: Kept, clients: Sequence[ClientStay]
    ) -> StayReport:
        head = StayReport(check_id, case_id, data.leaver, kept.read_at, day, 0, {}, 0, 0, {})
        return summary.report(head, clients, [summary.said(one) for one in kept.usual])


def _kept(case_id: str, clients: Sequence[BookClient], seen: history.History, given: Answers, now: datetime) -> Kept:
    return Kept(
        now,
        tuple(
            KeptClient(
                client.id,
                client.system,
                client.name,
                client.successor,
                client.moved_at,
                summary.fate(reading, answers.of(given, case_id, client, client.moved_at)),
                reading,
            )
            for client, reading in zip(clients, seen.readings, strict=True)
        ),
        seen.usual,
    )


def select_clients(
    clients: Sequence[ClientStay], search: str = "", *, silent: bool = False, lost: bool = False
) -> list[ClientStay]:
    """Return the clients with every word in their name or successor's; `silent`: without a known contact. Pure."""
    words = search.casefold().split()
    return [
        one
        for one in clients
        if all(any(word in text.casefold() for text in _names(one)) for word in words)
        and (not silent or one.fate in WITHOUT_CONTACT)
        and (not lost or one.lost)
    ]


def _names(one: ClientStay) -> tuple[str, ...]:
    return one.name, one.successor.name, one.successor.email


def csv_of(clients: Sequence[ClientStay]) -> Iterator[str]:
    """Return clients as the lines of a CSV file."""
    return csv_lines([HEADER], map(_cells, clients))


def _cells(one: ClientStay) -> Sequence[object]:
    word = (one.answer.word.value, one.answer.by, one.answer.at.isoformat()) if one.answer else ("", "", "")
    contact = one.contacted_at.isoformat() if one.contacted_at else ""
    lost = "; ".join(" ".join((deal.name, str(deal.value), deal.currency)) for deal in one.lost)
    who = f"{one.successor.name} <{one.successor.email}>"
    deals = "" if one.deals_known else Fate.UNKNOWN.value
    return one.title, one.name, one.id, who, one.fate.value, *word, contact, lost or deals, one.unknown
