"""Open findings as people see them: worst and oldest first, overdue ones before all, accepted ones apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

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

CAN_LOCK_AGAIN = frozenset({FindingKind.OPEN_AGAIN, FindingKind.NEW_ACCOUNT, FindingKind.POSSIBLE})
URGENCY = {kind: place for place, kind in enumerate(FindingKind)}
NAME_SEALED = N_("name not readable")
PAGE = 500
"""Findings whose cases and accounts are read together."""


class FindingList:
    """Reads findings for people. One whose words no key opens is listed all the same, and says so."""

    def __init__(self, context: Context, escalate: timedelta) -> None:
        """`escalate`: how long a finding may wait for somebody to take it."""
        self._vault, self._findings, self._clock = context.vault, context.findings, context.clock
        self._escalate = escalate

    def lines(self, session: Session, limit: int | None = None) -> tuple[FindingLine, ...]:
        """Return what must be acted on; with a `limit` only the most urgent."""
        return self._lines(session, self._open(session), limit)

    def of_cases(self, session: Session, case_ids: Sequence[str]) -> Mapping[str, tuple[FindingLine, ...]]:
        """Return what must be acted on in some cases, by case; a case with nothing has an empty entry."""
        return _by_case(self._lines(session, self._open(session, col(Finding.case_id).in_(case_ids))))

    def settled_of_cases(self, session: Session, case_ids: Sequence[str]) -> Mapping[str, tuple[FindingLine, ...]]:
        """Return the findings of some cases that were closed, newest first, by case."""
        query = select(Finding).where(col(Finding.case_id).in_(case_ids), col(Finding.closed_at).is_not(None))
        return _by_case(self._pages(session, session.exec(query.order_by(col(Finding.closed_at).desc())).all()))

    def count(self, session: Session) -> int:
        """Return how many findings must be acted on."""
        until = col(Finding.accepted_until)
        query = (
            select(sa.func.count())
            .select_from(Finding)
            .where(col(Finding.closed_at).is_(None), sa.or_(until.is_(None), until <= self._clock.now()))
        )
        return session.exec(query).one()

    def accepted(self, session: Session) -> tuple[FindingLine, ...]:
        """Return open findings that somebody accepted until a day that has not come."""
        return self._lines(session, self._open(session, is_accepted=True))

    def relocked(self, session: Session, since: datetime, until: datetime) -> tuple[FindingLine, ...]:
        """Return what the bot itself locked again between two moments, closed since or not."""
        query = select(Finding).where(col(Finding.relocked_at) >= since, col(Finding.relocked_at) <= until)
        return self._lines(session, session.exec(query))

    def settled(self, session: Session, since: datetime) -> tuple[FindingLine, ...]:
        """Return what was seen before a moment and has been closed since."""
        query = select(Finding).where(col(Finding.first_seen) <= since, col(Finding.closed_at) > since)
        return self._lines(session, session.exec(query))

    def overdue(self, row: Finding) -> bool:
        """Return whether nobody took an open finding for too long; time in which it was accepted does not count."""
        since = max(row.first_seen, row.accepted_until or row.first_seen)
        now = self._clock.now()
        if row.closed_at is not None or row.kind == FindingKind.DORMANT:  # nobody left: tidying up can wait
            return False
        return row.taken_at is None and not accepted(row, now) and since + self._escalate <= now

    def line(self, session: Session, row: Finding) -> FindingLine:
        """Return one finding."""
        return self._lines(session, [row])[0]

    def some(self, session: Session, rows: Iterable[Finding]) -> tuple[FindingLine, ...]:
        """Return these findings, the most urgent first."""
        return self._lines(session, rows)

    def _open(self, session: Session, *where: sa.ColumnElement[bool], is_accepted: bool = False) -> list[Finding]:
        query = select(Finding).where(col(Finding.closed_at).is_(None), *where).order_by(col(Finding.first_seen))
        return [row for row in session.exec(query) if accepted(row, self._clock.now()) == is_accepted]

    def _lines(self, session: Session, rows: Iterable[Finding], limit: int | None = None) -> tuple[FindingLine, ...]:
        """Return findings by urgency, as far as their plain columns tell: nothing is decrypted to order them."""
        ranked = sorted(rows, key=lambda row: (not self.overdue(row), URGENCY[FindingKind(row.kind)], row.first_seen))
        return tuple(self._pages(session, ranked[:limit]))

    def _pages(self, session: Session, rows: Sequence[Finding]) -> Iterator[FindingLine]:
        for start in range(0, len(rows), PAGE):
            page = rows[start : start + PAGE]
            related = select(Case).where(col(Case.id).in_({row.case_id for row in page if row.case_id}))
            cases = {case.id: case for case in session.exec(related)}  # they stay in the session, not asked for again
            account_ids = {_account_id(row) for row in page if row.case_id and row.account_id}
            known = select(LeaverAccount).where(col(LeaverAccount.id).in_(account_ids))
            accounts = {account.id: account for account in session.exec(known)}
            yield from (self._line(session, row, cases, accounts) for row in page)

    def _line(
        self, session: Session, row: Finding, cases: Mapping[str, Case], accounts: Mapping[str, LeaverAccount]
    ) -> FindingLine:
        note = self._findings.note(session, row)
        waits = accepted(row, self._clock.now())
        return FindingLine(
            row.id,
            row.case_id or "",
            self._leaver(session, row, note),
            FindingKind(row.kind),
            row.system,
            self._login(accounts.get(_account_id(row)), cases) or note.login,
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
            self.overdue(row),
            row.relocked_at,
            row.closed_by,
            note.locked_name,
        )

    def _leaver(self, session: Session, row: Finding, note: FindingNote) -> Leaver:
        if row.case_id is None:
            return Leaver(note.name or note.login or row.account_id, note.email)
        try:
            return read_case(session, self._vault, row.case_id)[1].leaver
        except WrongKey:
            return Leaver(f"{row.case_id} ({_(NAME_SEALED)})", "")

    def _login(self, account: LeaverAccount | None, cases: Mapping[str, Case]) -> str:
        if account is None:
            return ""
        key = cases[account.case_id].wrapped_key
        try:
            return AccountData(**self._vault.open(key, account.sealed, f"account:{account.id}")).login
        except WrongKey:
            return account.account_id


def _by_case(lines: Iterable[FindingLine]) -> Mapping[str, tuple[FindingLine, ...]]:
    found = defaultdict[str, tuple[FindingLine, ...]](tuple)
    for line in lines:
        found[line.case_id] += (line,)
    return found


def accepted(row: Finding, now: datetime) -> bool:
    """Return whether somebody has accepted the finding until a moment that has not come."""
    return row.accepted_until is not None and row.accepted_until > now


def _account_id(row: Finding) -> str:
    return f"{row.case_id}:{row.system}:{row.account_id}"
