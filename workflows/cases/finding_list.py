"""Open findings as people see them: worst and oldest first, overdue ones before all, accepted ones apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import N_, _, shown
from workflows.access.account_state import AccountData
from workflows.cases.views import FindingLine
from workflows.context import Context
from workflows.people import Leaver
from workflows.storage.case import read_case
from workflows.storage.findings import FindingNote
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.vault import WrongKey

CAN_LOCK_AGAIN = frozenset({FindingKind.OPEN_AGAIN, FindingKind.NEW_ACCOUNT})
URGENCY = {kind: place for place, kind in enumerate(FindingKind)}
NAME_SEALED = N_("name not readable")
PAGE = 500
"""Findings whose cases and accounts are read together."""


@dataclass(frozen=True, slots=True)
class _RelatedRows:
    """Cases and accounts that a page of findings is about, by their ids."""

    cases: Mapping[str, Case]
    accounts: Mapping[str, LeaverAccount]


class FindingList:
    """Reads findings for people. One whose words no key opens is listed all the same, and says so."""

    def __init__(self, context: Context, escalate: timedelta) -> None:
        """`escalate`: how long a finding may wait for somebody to take it."""
        self._vault, self._findings, self._clock = context.vault, context.findings, context.clock
        self._escalate = escalate

    def lines(self, session: Session, case_id: str = "", limit: int | None = None) -> tuple[FindingLine, ...]:
        """Return what must be acted on, of one case or of all; with a `limit` only the most urgent."""
        rows = self._ranked(row for row in self._open(session, case_id) if not accepted(row, self._clock.now()))
        return self._lines(session, rows[:limit])

    def of_cases(self, session: Session, case_ids: Sequence[str]) -> Mapping[str, tuple[FindingLine, ...]]:
        """Return what must be acted on in some cases, by case; a case with nothing has an empty entry."""
        by_case = defaultdict[str, tuple[FindingLine, ...]](tuple)
        query = _open_findings().where(col(Finding.case_id).in_(case_ids))
        rows = [row for row in session.exec(query) if not accepted(row, self._clock.now())]
        for line in self._lines(session, self._ranked(rows)):
            by_case[line.case_id] += (line,)
        return by_case

    def count(self, session: Session) -> int:
        """Return how many findings must be acted on."""
        until = col(Finding.accepted_until)
        waiting = sa.or_(until.is_(None), until <= self._clock.now())
        query = select(sa.func.count()).select_from(Finding).where(col(Finding.closed_at).is_(None), waiting)
        return session.exec(query).one()

    def accepted(self, session: Session) -> tuple[FindingLine, ...]:
        """Return open findings that somebody accepted until a day that has not come."""
        rows = (row for row in self._open(session) if accepted(row, self._clock.now()))
        return self._lines(session, self._ranked(rows))

    def relocked(self, session: Session, since: datetime, until: datetime) -> tuple[FindingLine, ...]:
        """Return what the bot itself locked again between two moments, closed since or not."""
        query = select(Finding).where(col(Finding.relocked_at) >= since, col(Finding.relocked_at) <= until)
        return self._lines(session, self._ranked(session.exec(query)))

    def settled(self, session: Session, since: datetime) -> tuple[FindingLine, ...]:
        """Return what was seen before a moment and has been closed since."""
        query = select(Finding).where(col(Finding.first_seen) <= since, col(Finding.closed_at) > since)
        return self._lines(session, self._ranked(session.exec(query)))

    def overdue(self, row: Finding) -> bool:
        """Return whether nobody took an open finding for too long; time in which it was accepted does not count."""
        since = max(row.first_seen, row.accepted_until or row.first_seen)
        now = self._clock.now()
        if row.kind == FindingKind.DORMANT:  # nobody left: tidying up can wait
            return False
        return row.taken_at is None and not accepted(row, now) and since + self._escalate <= now

    def line(self, session: Session, row: Finding) -> FindingLine:
        """Return one finding."""
        return self._line(session, row, _related(session, [row]))

    def _open(self, session: Session, case_id: str = "") -> list[Finding]:
        query = _open_findings()
        return list(session.exec(query.where(Finding.case_id == case_id) if case_id else query))

    def _ranked(self, rows: Iterable[Finding]) -> list[Finding]:
        """Return findings by urgency, as far as their plain columns tell: nothing is decrypted to order them."""
        return sorted(rows, key=lambda row: (not self._overdue_open(row), _urgency(row.kind), row.first_seen))

    def _overdue_open(self, row: Finding) -> bool:
        return row.closed_at is None and self.overdue(row)

    def _lines(self, session: Session, rows: Sequence[Finding]) -> tuple[FindingLine, ...]:
        return tuple(self._pages(session, rows))

    def _pages(self, session: Session, rows: Sequence[Finding]) -> Iterator[FindingLine]:
        for start in range(0, len(rows), PAGE):
            page = rows[start : start + PAGE]
            related = _related(session, page)
            yield from (self._line(session, row, related) for row in page)

    def _line(self, session: Session, row: Finding, related: _RelatedRows) -> FindingLine:
        note = self._findings.note(session, row)
        waits = accepted(row, self._clock.now())
        return FindingLine(
            row.id,
            row.case_id or "",
            self._leaver(session, row, note),
            FindingKind(row.kind),
            row.system,
            self._login(row, related) or note.login,
            row.first_seen,
            row.last_seen,
            shown(note.reason),
            row.closed_at,
            row.kind in CAN_LOCK_AGAIN and row.case_id is not None,
            note.changed_by,
            (note.taken_name or row.taken_by) if row.taken_at else "",
            row.accepted_until if waits else None,
            (note.accepted_name or row.accepted_by) if waits else "",
            note.accepted_reason if waits else "",
            self._overdue_open(row),
            row.relocked_at,
        )

    def _leaver(self, session: Session, row: Finding, note: FindingNote) -> Leaver:
        if row.case_id is None:
            return Leaver(note.name or note.login or row.account_id, note.email)
        try:
            return read_case(session, self._vault, row.case_id)[1].leaver
        except WrongKey:
            return Leaver(f"{row.case_id} ({_(NAME_SEALED)})", "")

    def _login(self, row: Finding, related: _RelatedRows) -> str:
        account = related.accounts.get(_account_id(row))
        if account is None:
            return ""
        key = related.cases[account.case_id].wrapped_key
        try:
            return AccountData.load(self._vault.open(key, account.sealed, f"account:{account.id}")).login
        except WrongKey:
            return account.account_id


def accepted(row: Finding, now: datetime) -> bool:
    """Return whether somebody has accepted the finding until a moment that has not come."""
    return row.accepted_until is not None and row.accepted_until > now


def _open_findings() -> SelectOfScalar[Finding]:
    return select(Finding).where(col(Finding.closed_at).is_(None)).order_by(col(Finding.first_seen))


def _related(session: Session, rows: Sequence[Finding]) -> _RelatedRows:
    """Read together; the cases stay in the session and are not asked for again."""
    case_ids = {row.case_id for row in rows if row.case_id}
    cases = session.exec(select(Case).where(col(Case.id).in_(case_ids))) if case_ids else ()
    account_ids = {_account_id(row) for row in rows if row.case_id and row.account_id}
    query = select(LeaverAccount).where(col(LeaverAccount.id).in_(account_ids))
    accounts = session.exec(query) if account_ids else ()
    return _RelatedRows({case.id: case for case in cases}, {account.id: account for account in accounts})


def _account_id(row: Finding) -> str:
    return f"{row.case_id}:{row.system}:{row.account_id}"


def _urgency(kind: str) -> int:
    return URGENCY[FindingKind(kind)]
