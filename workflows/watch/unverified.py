"""Leavers that no sweep reads: those in systems that are no longer configured, and lock-outs that no read confirmed."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from config.text import _, ngettext
from workflows.context import Context
from workflows.storage.findings import FindingReport, still_open
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.watch.watched_cases import never_confirmed, past_cases, systems

TIME_TO_READ = timedelta(hours=1)
"""Time after a lock-out was due from which a missing successful read is a finding."""


class UnverifiedLockouts:
    """Report of lock-outs that nothing has read."""

    def __init__(self, context: Context) -> None:
        self._store, self._findings = context.store, context.findings
        self._systems, self._clock = context.systems, context.clock

    def unconfigured_systems(self) -> Iterator[tuple[str, int]]:
        """Return a sentence and the number of leavers for each system that is no longer configured."""
        with self._store.read() as session:
            gone = [name for name in systems(session) if name not in self._systems]
        query = (
            sa.select(Access.system, sa.func.count())  # type: ignore[call-overload]
            .where(col(Access.system).in_(gone), Access.state != WorkState.CANCELLED)
            .where(col(Access.case_id).in_(past_cases(self._clock.now()).order_by(None)))
            .group_by(Access.system)
        )
        if not gone:
            return
        with self._store.read() as session:
            rows = session.connection().execute(query).all()
        for system, number in rows:
            words = ngettext(
                "{system}: no longer in the configuration; {count} leaver is not watched there",
                "{system}: no longer in the configuration; {count} leavers are not watched there",
                number,
            )
            yield words.format(system=system, count=number), number

    def never_verified(self, by: str) -> int:
        """Open a finding for every lock-out that no read confirmed, and close the others.

        Return how many of them no sweep counts, because no account is known there.
        """
        query = never_confirmed(self._clock.now() - TIME_TO_READ).where(col(Access.system).in_(list(self._systems)))
        with self._store.read() as session:
            rows = {row.id: row for row in session.exec(query)}
            counted = set(
                session.exec(select(LeaverAccount.access_id).where(col(LeaverAccount.access_id).in_(list(rows))))
            )
            old = [row for name in self._systems for row in still_open(session, name, [FindingKind.NEVER_VERIFIED])]
        settled = [row for row in old if f"{row.case_id}:{row.system}" not in rows]
        if rows or settled:
            with self._store.write() as session:
                for row in settled:
                    self._findings.close_resolved(
                        session, FindingReport(FindingKind.NEVER_VERIFIED, row.case_id or "", row.system)
                    )
                for access in rows.values():
                    words = _("no read has ever shown this leaver locked out here")
                    self._findings.report(
                        session, FindingReport(FindingKind.NEVER_VERIFIED, access.case_id, access.system, "", words), by
                    )
        return len(rows) - len(counted)
