"""Audits and sweeps as the marked entries of the journal have them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from config.text import _, gettext_lazy, stored
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
        self._lists: dict[str, int] = {}
        """Number of parts that the newest audit could not read, by name."""

    def add(self, act: Act) -> None:
        """Add one act, in the order of the journal."""
        if act.action == SWEPT:
            system, at = act.data["system"], datetime.fromisoformat(act.data["at"])
            whole, _failed = self._swept.get(system, (None, None))
            self._swept[system] = (at, None) if act.data["complete"] else (whole, at)
        elif act.action == DONE:
            self._counts = act.data["run"], {name: act.data[name] for name in ("cases", "verdicts")}
            self._lists = {name: act.data[name] for name in ("not_read", "not_looked") if name in act.data}

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
            result = _facts(run.result)
            recorded_result = result | self._counts[1] | self._lost(result)
            if run.finished_at is not None and recorded_result != result:
                run.result = json.dumps(recorded_result)
                session.add(run)
                words = gettext_lazy("the result of audit {run} was changed in the database", run=run.id)
                report_in(self._context, session, "", PLACE, words, by, run.id)
                found += 1
        return found

    def _lost(self, result: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return a sentence for each part that the audit could not read, where their number is another one now."""
        words = stored(_("a part that this audit could not read: its name was changed in the database"))
        return {name: [words] * number for name, number in self._lists.items() if len(result.get(name) or ()) != number}


def _facts(text: str) -> dict[str, Any]:
    """Return the result of an audit; nothing of it where the text is damaged."""
    with suppress(ValueError):
        facts = json.loads(text)
        return facts if isinstance(facts, dict) else {}
    return {}
