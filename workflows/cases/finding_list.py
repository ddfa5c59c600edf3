"""Open findings as people see them: worst and oldest first, overdue ones before all, accepted ones apart."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.text import N_, _, shown
from workflows.access.account_state import AccountData
from workflows.cases.views import FindingLine
from workflows.context import Context
from workflows.people import Leaver
from workflows.storage.case import read_case
from workflows.storage.findings import DORMANT, FindingNote
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import Finding
from workflows.storage.vault import WrongKey

CAN_LOCK_AGAIN = frozenset({"open again", "new account"})
URGENCY = (
    N_("protected"),
    N_("open again"),
    N_("not linked"),
    N_("new account"),
    N_("orphan"),
    N_("address reused"),
    N_("exported after leaving"),
    N_("owns records"),
    N_("never verified"),
    N_("not verified"),
    N_("dormant"),
)
"""Kinds of finding, worst first; a kind that is not named here comes last."""
SHUT = N_("name not readable")


class FindingList:
    """Reads findings for people. One whose words no key opens is listed all the same, and says so."""

    def __init__(self, context: Context, escalate: timedelta) -> None:
        """`escalate`: how long a finding may wait for somebody to take it."""
        self._vault, self._findings, self._clock = context.vault, context.findings, context.clock
        self._escalate = escalate

    def lines(self, session: Session, case_id: str = "") -> tuple[FindingLine, ...]:
        """Return what must be acted on, of one case or of all."""
        rows = self._open(session, case_id)
        return self._sorted(session, (row for row in rows if not accepted(row, self._clock.now())))

    def accepted(self, session: Session) -> tuple[FindingLine, ...]:
        """Return open findings that somebody accepted until a day that has not come."""
        return self._sorted(session, (row for row in self._open(session) if accepted(row, self._clock.now())))

    def relocked(self, session: Session, since: datetime, until: datetime) -> tuple[FindingLine, ...]:
        """Return what the bot itself locked again between two moments, closed since or not."""
        query = select(Finding).where(col(Finding.relocked_at) >= since, col(Finding.relocked_at) <= until)
        return self._sorted(session, session.exec(query))

    def settled(self, session: Session, since: datetime) -> tuple[FindingLine, ...]:
        """Return what was seen before a moment and has been closed since."""
        query = select(Finding).where(col(Finding.first_seen) <= since, col(Finding.closed_at) > since)
        return self._sorted(session, session.exec(query))

    def overdue(self, row: Finding) -> bool:
        """Whether nobody took an open finding for too long; time in which it was accepted does not count."""
        since = max(row.first_seen, row.accepted_until or row.first_seen)
        now = self._clock.now()
        if row.kind == DORMANT:  # nobody left: tidying up can wait
            return False
        return row.taken_at is None and not accepted(row, now) and since + self._escalate <= now

    def line(self, session: Session, row: Finding) -> FindingLine:
        """Return one finding."""
        note = self._findings.note(session, row)
        waits = accepted(row, self._clock.now())
        return FindingLine(
            row.id,
            row.case_id or "",
            self._leaver(session, row, note),
            row.kind,
            row.system,
            self._login(session, row) or note.login,
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
            row.closed_at is None and self.overdue(row),
            row.relocked_at,
        )

    def _open(self, session: Session, case_id: str = "") -> list[Finding]:
        query = select(Finding).where(col(Finding.closed_at).is_(None)).order_by(col(Finding.first_seen))
        if case_id:
            query = query.where(Finding.case_id == case_id)
        return list(session.exec(query))

    def _sorted(self, session: Session, rows: Iterable[Finding]) -> tuple[FindingLine, ...]:
        lines = [self.line(session, row) for row in rows]
        return tuple(sorted(lines, key=lambda line: (not line.overdue, _urgency(line.kind), line.first_seen)))

    def _leaver(self, session: Session, row: Finding, note: FindingNote) -> Leaver:
        if row.case_id is None:
            return Leaver(note.name or note.login or row.account_id, note.email)
        try:
            return read_case(session, self._vault, row.case_id)[1].leaver
        except WrongKey:
            return Leaver(f"{row.case_id} ({_(SHUT)})", "")

    def _login(self, session: Session, row: Finding) -> str:
        account = session.get(LeaverAccount, f"{row.case_id}:{row.system}:{row.account_id}")
        if account is None:
            return ""
        key = session.get_one(Case, account.case_id).wrapped_key
        try:
            return AccountData.load(self._vault.open(key, account.sealed, f"account:{account.id}")).login
        except WrongKey:
            return account.account_id


def accepted(row: Finding, now: datetime) -> bool:
    """Whether somebody has accepted the finding until a moment that has not come."""
    return row.accepted_until is not None and row.accepted_until > now


def _urgency(kind: str) -> int:
    return URGENCY.index(kind) if kind in URGENCY else len(URGENCY)
