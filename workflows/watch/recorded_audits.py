"""Audits and sweeps as the marked entries of the journal have them."""

import json
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from config.text import gettext_lazy
from workflows.context import Context
from workflows.storage.rows.watch import AuditRun, SweepStatus
from workflows.tampering import Act, report_in
from workflows.watch.sweep import SWEPT

DONE = "audit.done"
PLACE = "handover"


class RecordedAudits:
    """Times of the newest sweep by system, and the counts of the newest audit."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._swept: dict[str, tuple[datetime | None, datetime | None]] = {}
        """System to the times of the newest whole read, and of the failed ones since."""
        self._counts: tuple[str, dict[str, Any]] | None = None

    def add(self, act: Act) -> None:
        """Add one act, in the order of the journal."""
        if act.action == SWEPT:
            system, at = act.data["system"], datetime.fromisoformat(act.data["at"])
            whole, _failed = self._swept.get(system, (None, None))
            self._swept[system] = (at, None) if act.data["complete"] else (whole, at)
        elif act.action == DONE:
            self._counts = act.data["run"], {name: act.data[name] for name in ("cases", "verdicts")}

    def check(self, session: Session, by: str) -> int:
        """Put back what rows alone say of reads; return how many rows that were."""
        found = 0
        rows = {row.system: row for row in session.exec(select(SweepStatus))}
        for system, recorded in self._swept.items():
            row = rows.get(system) or SweepStatus(system=system)
            if (row.read_at, row.failed_at) != recorded:
                row.read_at, row.failed_at = recorded
                session.add(row)
                words = gettext_lazy("the time of the last read was changed in the database")
                report_in(self._context, session, "", row.system, words, by, "sweep")
                found += 1
        run = session.get(AuditRun, self._counts[0]) if self._counts else None
        if run is not None and self._counts is not None:
            result = json.loads(run.result)
            if run.finished_at is not None and result | self._counts[1] != result:
                run.result = json.dumps(result | self._counts[1])
                session.add(run)
                words = gettext_lazy("the result of audit {run} was changed in the database", run=run.id)
                report_in(self._context, session, "", PLACE, words, by, run.id)
                found += 1
        return found
