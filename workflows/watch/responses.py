"""Responses to findings: taken, accepted for a time, escalated in person, locked again by policy."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from workflows.authorization import Right
from workflows.cases.finding_list import FindingList, accepted
from workflows.cases.views import FindingLine
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.finding_news import show_settled
from workflows.storage.findings import show_digest
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import Finding, FindingKind

log = logging.getLogger(__name__)
BEGUN = (CaseState.RUNNING, CaseState.WATCHED)
"""States of cases whose accounts the bot may lock by itself: not cancelled, not undone, not in the future."""


@dataclass(frozen=True, slots=True)
class FindingPolicy:
    """Policy of the company for findings."""

    relock: bool = False
    """True to lock an account again at once if an audit finds the account open."""
    dormant: timedelta = timedelta()
    """Time without a log-in after which an account is a finding; zero: never."""
    accept_days: int = 30
    """Days for which a finding may be accepted."""
    tell: tuple[str, ...] = ()
    """Slack ids of the people who are told in person if nobody takes a finding."""


class FindingResponses:
    """Responses of people and of policy to findings."""

    def __init__(
        self, context: Context, sheet: FindingList, retry: Callable[[str, str, Actor], None], policy: FindingPolicy
    ) -> None:
        """Take `retry`, which locks one system of a case again."""
        self._store, self._journal, self._clock = context.store, context.journal, context.clock
        self._findings, self._sheet = context.findings, sheet
        self._authorization = context.authorization
        self._retry, self._policy = retry, policy

    def take(self, finding_id: str, by: Actor, *, locks: bool = False) -> FindingLine:
        """Record the person who works on a finding, replacing the last. `locks`: they lock its account again.

        Raises UNKNOWN_FINDING, CLOSED_FINDING.
        """
        self._require(Right.TAKE, finding_id, by)
        with self._store.write() as session:
            row = open_finding(session, finding_id)
            note = self._findings.note(session, row)
            if row.taken_by != by.id or (locks and note.locked_name != by.name):
                row.taken_at, row.taken_by = self._clock.now(), by.id
                locked = by.name if locks else note.locked_name
                self._findings.keep(session, row, replace(note, taken_name=by.name, locked_name=locked))
                self._write(session, row, by, "finding.taken")
            return self._sheet.line(session, row)

    def accept(self, finding_id: str, until: datetime, reason: str, by: Actor) -> FindingLine:
        """List a finding apart until a given time. Accepting again sets a new time.

        Raises UNKNOWN_FINDING, CLOSED_FINDING, NEEDS_REASON, PAST_TIME, TOO_FAR.
        """
        self._require(Right.ACCEPT, finding_id, by)
        now = self._clock.now()
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        if until <= now:
            raise Refused(Code.PAST_TIME, at=until.isoformat())
        if until > now + timedelta(days=self._policy.accept_days + 1):
            raise Refused(Code.TOO_FAR, days=str(self._policy.accept_days))
        with self._store.write() as session:
            row = open_finding(session, finding_id)
            row.accepted_until, row.accepted_by, row.escalated_at = until, by.id, None
            note = replace(self._findings.note(session, row), accepted_name=by.name, accepted_reason=reason.strip())
            self._findings.keep(session, row, note)
            self._write(session, row, by, "finding.accepted", until=until.isoformat())
            return self._sheet.line(session, row)

    def relock(self, since: datetime) -> int:
        """Lock accounts again, if policy says so, that an audit begun `since` found open; return their number."""
        if not self._policy.relock:
            return 0
        done = 0
        for row in self._to_relock(since):
            try:
                self._retry(row.case_id or "", row.system, HANDOVER)
            except Refused as refusal:
                log.warning("finding %s is not locked again: %s", row.id, refusal)
                continue
            with self._store.write() as session:
                fresh = session.get_one(Finding, row.id)
                fresh.relocked_at = self._clock.now()
                self._write(session, fresh, HANDOVER, "finding.relocked")
            done += 1
        return done

    def escalate(self, session: Session, run_id: str) -> None:
        """Request, in the caller's transaction, a message in person to each of policy's people on overdue findings."""
        query = select(Finding).where(col(Finding.closed_at).is_(None), col(Finding.escalated_at).is_(None))
        late = [row for row in session.exec(query) if self._sheet.overdue(row)]
        for row in late:
            row.escalated_at = self._clock.now()
            self._write(session, row, HANDOVER, "finding.escalated")
        for user in self._policy.tell if late else ():
            enqueue(
                session, id=f"escalation:{run_id}:{user}", kind=MessageKind.ESCALATION, subject=run_id, channel=user
            )

    def _require(self, right: Right, finding_id: str, by: Actor) -> None:
        with self._store.read() as session:
            case_id = open_finding(session, finding_id).case_id
        self._authorization.require(right, by, case_id or "")

    def _to_relock(self, since: datetime) -> Sequence[Finding]:
        now = self._clock.now()
        query = (
            select(Finding)
            .join(Case, col(Finding.case_id) == col(Case.id))
            .where(
                Finding.kind == FindingKind.OPEN_AGAIN,
                col(Finding.closed_at).is_(None),
                col(Finding.last_seen) >= since,
                col(Case.state).in_(BEGUN),
            )
        )
        with self._store.read() as session:
            rows = [row for row in session.exec(query) if not accepted(row, now)]
        # One lock-out covers all accounts of a case in one system.
        return list({(row.case_id, row.system): row for row in rows}.values())

    def _write(self, session: Session, row: Finding, by: Actor, action: str, **said: str) -> None:
        session.add(row)
        show_digest(session)
        show_settled(session, row)
        self._journal.write(
            session,
            actor=by,
            action=action,
            case_id=row.case_id or "",
            data={"finding": row.id, **said},
            sealed=row.note,
        )


def open_finding(session: Session, finding_id: str) -> Finding:
    """Return an open finding. Raises UNKNOWN_FINDING, and CLOSED_FINDING with actor and time."""
    row = session.get(Finding, finding_id)
    if row is None:
        raise Refused(Code.UNKNOWN_FINDING, finding=finding_id)
    if row.closed_at is not None:
        raise Refused(Code.CLOSED_FINDING, by=row.closed_by, at=row.closed_at.isoformat())
    return row
