"""Export snapshots: the leaver's exports by the systems' own logs, at notice, at the lock-out and later.

Figures are for security only, and pseudonymous until opened with a reason. A log that cannot be read is `unknown` and
read again later; the figures of the others are shown meanwhile. A system that keeps no log is a result, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, _, listed, punctuated, shown, stored
from connectors.contract import ClientBook, ExportEvent, ExportLog, Subject
from connectors.errors import Conflict, ConnectorError
from workflows.authorization import Right
from workflows.context import Context
from workflows.exports.figures import NO_LOG, ExportFigures, ExportWindow, occasion, summarize, unread
from workflows.exports.views import ExportLine, ExportView
from workflows.people import Actor, Leaver
from workflows.refusals import Code, Refused
from workflows.storage.case import UNWATCHED, advance_case, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.outbox import enqueue
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import ExportSnapshot
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.accounts import PreconditionFailed, leaver_accounts
from workflows.systems.effects import why_unread
from workflows.systems.registry import System


class ExportTrack:
    """Carries out `ExportSnapshot` rows, and shows them to those who may see them."""

    def __init__(self, context: Context, *, channel: str, look_back: timedelta, zone: str) -> None:
        """`channel`: security's channel. `zone`: time zone in which weeks begin."""
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock, self._retry = context.systems, context.clock, context.retry
        self._authorization = context.authorization
        self._channel, self._look_back, self._zone = channel, look_back, ZoneInfo(zone)

    def take(self, snapshot_id: str) -> None:
        """Read every log that was not read yet. A row that is not due is left alone: a doubled call does nothing."""
        with self._store.write(snapshot_id.partition(":")[0]) as session:
            row = session.get_one(ExportSnapshot, snapshot_id)
            case, data = read_case(session, self._vault, row.case_id)
            if row.state != WorkState.DUE or row.due_at > self._clock.now():
                return
            if case.state in UNWATCHED:
                row.state = WorkState.CANCELLED
                session.add(row)
                return
            figures = self._figures(session, case, row)
        failed: ConnectorError | None = None
        for system in self._logged_systems():
            if figures.wants(system.name):
                line, after, new, error = self._read(system, case.id, data.leaver, figures.window)
                figures = figures.plus(line, after, new)
                failed = failed or error
        self._keep(snapshot_id, row.attempt, case, figures, failed)

    def view(self, snapshot_id: str) -> ExportView:
        """Return a snapshot under a pseudonym. Raises `Refused(UNKNOWN_SNAPSHOT)`."""
        with self._store.read() as session:
            return self._view(session, snapshot_id)[0]

    def snapshot_of(self, pseudonym: str) -> str:
        """Return the id of the newest snapshot with a pseudonym. Raises `Refused(UNKNOWN_SNAPSHOT)`."""
        query = select(ExportSnapshot.id).where(ExportSnapshot.pseudonym == pseudonym)
        with self._store.read() as session:
            found = session.exec(query.order_by(col(ExportSnapshot.due_at).desc()).limit(1)).first()
        if found is None:
            raise Refused(Code.UNKNOWN_SNAPSHOT)
        return found

    def reveal(self, snapshot_id: str, by: Actor, reason: str) -> ExportView:
        """Return a snapshot with the leaver's name; the reader and the reason are journalled. Raises `Refused`."""
        with self._store.read() as session:
            case_id = self._view(session, snapshot_id)[1].id
        self._authorization.require(Right.REVEAL, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON, snapshot=snapshot_id)
        with self._store.write() as session:
            view, case, leaver = self._view(session, snapshot_id)
            sealed = self._vault.seal(case.wrapped_key, {"reason": reason.strip()}, f"reveal:{snapshot_id}")
            self._journal.write(
                session,
                actor=by,
                action="exports.revealed",
                case_id=case.id,
                data={"snapshot": snapshot_id},
                sealed=sealed,
            )
        return replace(view, leaver=leaver)

    def line(self, session: Session, case_id: str) -> str:
        """Return one line on the export track, without figures: these are for security."""
        rows = session.exec(
            select(ExportSnapshot)
            .where(ExportSnapshot.case_id == case_id)
            .order_by(col(ExportSnapshot.due_at), col(ExportSnapshot.id).desc())
        ).all()
        taken = [row for row in rows if row.sealed]
        if not taken:
            return _("not recorded yet")
        case = session.get_one(Case, case_id)
        recorded = _("recorded at {moments}").format(moments=listed([occasion(row.occasion) for row in taken]))
        problems = self._open(case, taken[-1]).problems().items()
        return punctuated("; ").join([recorded, *(_unread(system, problem) for system, problem in problems)])

    def after(self, case_id: str, since: datetime) -> list[tuple[str, ExportEvent]]:
        """Read the logs now: every export by the leaver since a moment, with its system. Raises a connector's error."""
        with self._store.read() as session:
            _case, data = read_case(session, self._vault, case_id)
        return [
            (system.name, event)
            for system, log in self._systems.with_capability(ExportLog)
            for event in self._events(system, log, case_id, data.leaver, since, self._clock.now())
        ]

    def _logged_systems(self) -> list[System]:
        """Return the systems with clients or an export log."""
        return [system for system in self._systems.values() if system.has(ClientBook) or system.has(ExportLog)]

    def _figures(self, session: Session, case: Case, row: ExportSnapshot) -> ExportFigures:
        """Return the figures of an earlier attempt, or empty figures with the window fixed now."""
        if row.sealed:
            return self._open(case, row)
        now = self._clock.now()
        locked = session.exec(select(sa.func.max(Access.locked_at)).where(Access.case_id == case.id)).one()
        return ExportFigures(ExportWindow(now - self._look_back, now, locked, self._before(session, case, row)))

    def _before(self, session: Session, case: Case, row: ExportSnapshot) -> tuple[str, datetime] | None:
        """Return the occasion of the last snapshot before this one, and the end of its window."""
        earlier = session.exec(
            select(ExportSnapshot)
            .where(
                ExportSnapshot.case_id == case.id,
                ExportSnapshot.id != row.id,
                col(ExportSnapshot.due_at) <= row.due_at,
                col(ExportSnapshot.taken_at).is_not(None),
            )
            .order_by(col(ExportSnapshot.taken_at).desc())
            .limit(1)
        ).first()
        return (earlier.occasion, self._open(case, earlier).window.until) if earlier else None

    def _read(
        self, system: System, case_id: str, leaver: Leaver, window: ExportWindow
    ) -> tuple[ExportLine, int, int, ConnectorError | None]:
        """Return one system's line, exports after leaving, exports since the last snapshot, and the error."""
        log = system.having(ExportLog)
        if log is None:
            return unread(system.name, NO_LOG), 0, 0, None
        try:
            if why := self._blinded(system, case_id, leaver):
                return unread(system.name, why.words), 0, 0, None
            events = self._events(system, log, case_id, leaver, window.since, window.until)
            line = summarize(system.name, events, log.client_base(), window, self._zone)
        except ConnectorError as error:
            return unread(system.name, say(error)), 0, 0, error
        after = sum(window.locked is not None and event.at >= window.locked for event in events)
        new = sum(window.last is not None and event.at >= window.last[1] for event in events)
        return line, after, new, None

    def _events(
        self, system: System, log: ExportLog, case_id: str, leaver: Leaver, since: datetime, until: datetime
    ) -> list[ExportEvent]:
        try:
            accounts = leaver_accounts(self._store, self._vault, case_id, leaver, system)
        except PreconditionFailed as trouble:
            raise Conflict(str(trouble)) from trouble
        if why := why_unread(self._store, self._vault, case_id, system, Subject.EXPORTS, accounts):
            raise Conflict(why.words)
        return [event for account in accounts for event in log.exports(account, since, until)]

    def _blinded(self, system: System, case_id: str, leaver: Leaver) -> Sentence | None:
        """Return why the leaver's exports cannot be read any more: no later try helps."""
        try:
            accounts = leaver_accounts(self._store, self._vault, case_id, leaver, system)
        except PreconditionFailed:
            return None  # said by the read itself
        return why_unread(self._store, self._vault, case_id, system, Subject.EXPORTS, accounts)

    def _keep(
        self, snapshot_id: str, attempt: int, case: Case, figures: ExportFigures, failed: ConnectorError | None
    ) -> None:
        now = self._clock.now()
        with self._store.write(case.id) as session:
            row = session.get_one(ExportSnapshot, snapshot_id, with_for_update=True)
            if row.state != WorkState.DUE or row.attempt != attempt:
                return
            row.taken_at = row.taken_at or figures.window.until
            row.sealed = self._vault.seal(case.wrapped_key, figures.dump(), f"export:{snapshot_id}")
            if failed is None:
                finish(session, row)
            else:
                again(session, row, retry_at(row, failed, now, self._retry))
            session.flush()
            self._journal.write(
                session,
                actor=HANDOVER,
                action="exports.taken" if failed is None else "exports.tried",
                case_id=case.id,
                data={"snapshot": snapshot_id, "unread": Personal(figures.problems())},
                sealed=row.sealed,
            )
            enqueue(
                session,
                id=_message_id(snapshot_id),
                kind=MessageKind.EXPORTS,
                subject=snapshot_id,
                case_id=case.id,
                channel=self._channel,
                thread_of=self._thread(session, row),
            )
            if session.get_one(Case, case.id).state == CaseState.RUNNING:
                advance_case(session, self._journal, case.id)
            else:
                refresh_case_message(session, case.id)

    def _thread(self, session: Session, row: ExportSnapshot) -> str:
        """Return the message of the case's first snapshot, in whose thread the later ones go."""
        first = session.exec(
            select(ExportSnapshot.id)
            .where(ExportSnapshot.case_id == row.case_id, col(ExportSnapshot.taken_at).is_not(None))
            .order_by(col(ExportSnapshot.due_at), col(ExportSnapshot.taken_at), col(ExportSnapshot.id).desc())
            .limit(1)
        ).first()
        return (
            _message_id(first) if first and first != row.id and session.get(OutboxMessage, _message_id(first)) else ""
        )

    def _open(self, case: Case, row: ExportSnapshot) -> ExportFigures:
        plain: dict[str, Any] = self._vault.open(case.wrapped_key, row.sealed, f"export:{row.id}")
        return ExportFigures.load(plain)

    def _view(self, session: Session, snapshot_id: str) -> tuple[ExportView, Case, Leaver]:
        row = session.get(ExportSnapshot, snapshot_id)
        if row is None or not row.sealed:
            raise Refused(Code.UNKNOWN_SNAPSHOT, snapshot=snapshot_id)
        case, data = read_case(session, self._vault, row.case_id)
        figures = self._open(case, row)
        order = {name: place for place, name in enumerate(self._systems)}
        lines: Sequence[ExportLine] = sorted(figures.lines, key=lambda line: order.get(line.system, len(order)))
        return figures.show(row, lines), case, data.leaver


def _message_id(snapshot_id: str) -> str:
    return f"exports:{snapshot_id}"


def _unread(system: str, problem: str) -> str:
    if problem == NO_LOG:
        return f"{system} {_(NO_LOG)}"
    return _("{system} is not known ({why})").format(system=system, why=shown(stored(problem)))
